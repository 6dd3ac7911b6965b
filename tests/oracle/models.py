"""models.py --burin PATH: the models of tests/models by the interpreter and by generated code on the host; the trained ones also
by generated code in QEMU for the cores that have a machine there, and compiled for all other targets.

A core whose compiler or emulator is not installed is named and left out.
"""
import argparse
import os
import shutil
import sys
import tempfile

from check import cases, check, missing_tools, run, targets_of, verify

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models")
TRAINED = ["sine_int8", "digits_int8", "digits_f32"]
EMULATED = {"cortex-m4f", "cortex-m0plus", "cortex-m55", "cortex-m3", "cortex-m7", "cortex-m33", "riscv32"}
# The flags of the contract.
FLAGS = ("-O2 -std=c++17 -fno-exceptions -fno-rtti -ffreestanding -fno-unwind-tables -fno-asynchronous-unwind-tables "
         "-ffunction-sections -fdata-sections -Wall -Wextra -Werror").split()


def compile_only(burin, model, target):
    """(exit code, text) of compiling the model and its output for a target."""
    with tempfile.TemporaryDirectory() as folder:
        code, text = run([burin, "compile", model, "--name", "m", "--target", target["name"], "-o", folder])
        if code == 0:
            compiler = next(c for c in target["compiler"].split() if shutil.which(c))
            code, text = run([compiler, *target["flags"].split(), *FLAGS, "-c", os.path.join(folder, "m.cpp"), "-o",
                              os.path.join(folder, "m.o")])
        return code, text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--burin", required=True)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    burin = options.burin
    jobs = [(f"{case} ({runner})", lambda c=case, r=runner: verify(burin, c, r))
            for case in cases([MODELS]) for runner in ("interpreter", "host")]
    for name, target in targets_of(burin).items():
        if name == "host":
            continue
        emulated = name in EMULATED
        missing = missing_tools(target, emulated)
        if missing:
            print(f"{name} left out: {', '.join(missing)} not installed")
            continue
        for model in TRAINED:
            folder = os.path.join(MODELS, model)
            if emulated:
                jobs.append((f"{model} ({name}, qemu)", lambda f=folder, n=name: verify(burin, f, "qemu", n)))
            else:
                jobs.append((f"{model} ({name}, compiled)",
                             lambda f=folder, t=target: compile_only(burin, os.path.join(f, "model.onnx"), t)))
    return 1 if check(jobs, options.jobs) or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
