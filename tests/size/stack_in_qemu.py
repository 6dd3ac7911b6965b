"""The stack bound of `burin size` against the painted stack of the same program in QEMU: never below, at most 64 bytes above.

    stack_in_qemu.py BURIN [--target T]... [--slack 64] [--most N] MODEL_FOLDER...

--most: no bound is larger. A model folder has model.onnx and test_data_set_*. Prints one line per program: target, model, painted, bound, and what is wrong.
Exit code 1: some bound is wrong; 77: a compiler or QEMU is missing.
"""
import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import onnx
from onnx import numpy_helper

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
FLAGS = ("-O2 -std=c++17 -fno-exceptions -fno-rtti -ffreestanding -fno-unwind-tables -fno-asynchronous-unwind-tables "
         "-ffunction-sections -fdata-sections").split()


def target(name):
    """Keys of targets/NAME.target."""
    with open(os.path.join(ROOT, "targets", name + ".target")) as f:
        pairs = [line.split(None, 1) for line in f if line.strip() and not line.startswith("#")]
    return {k: "" if v.strip() == "-" else v.strip() for k, v in pairs}


def run(argv, **options):
    return subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=900, **options)


def tensor(path):
    with open(path, "rb") as f:
        t = onnx.TensorProto.FromString(f.read())
    return t.name, numpy_helper.to_array(t)


def main_program(name, folder, facts):
    """Fills the inputs from each data set and measures the run."""
    sets = sorted(glob.glob(os.path.join(folder, "test_data_set_*")))[:3]
    data, load = "", ""
    for i in range(int(facts["INPUTS"])):
        rows = []
        for s in sets:
            files = {n: a for n, a in (tensor(f) for f in glob.glob(os.path.join(s, "input_*.pb")))}
            wanted = facts[f"INPUT_{i}_NAME"].strip('"')
            a = files[wanted] if wanted in files else tensor(os.path.join(s, f"input_{i}.pb"))[1]
            raw = a.tobytes() if "int4" not in str(a.dtype) else b""
            size = int(facts[f"INPUT_{i}_BYTES"])
            rows.append("{" + ",".join(str(b) for b in (raw + bytes(size))[:max(size, 1)]) + "}")
        size = max(int(facts[f"INPUT_{i}_BYTES"]), 1)
        data += f"const unsigned char data_{i}[{len(sets)}][{size}] = {{{','.join(rows)}}};\n"
        load += f"for (unsigned k = 0; k < {facts[f'INPUT_{i}_BYTES']}; ++k) reinterpret_cast<unsigned char*>({name}_input_{i}(arena))[k] = data_{i}[s][k];\n"
    return f"""
#include "harness.h"
#include "model/{name}.h"
alignas(16) static unsigned char arena[{facts["ARENA_BYTES"]} + 1];
static {data}
// What the caller of the run takes itself is measured by a call of nothing.
__attribute__((noinline, noclone)) static void nothing(void*) {{ __asm__ volatile("" ::: "memory"); }}
static void run() {{ {name}_run(arena); }}
static void idle() {{ nothing(arena); }}
int harness_main(void) {{
  uint32_t most = 0;
  for (unsigned s = 0; s < {len(sets)}; ++s) {{
    {load}
    const uint32_t stack = harness_measure(run);
    if (stack > most) most = stack;
  }}
  harness_puts("STACK ");
  harness_dec(most - harness_measure(idle));
  harness_puts("\\n");
  return 0;
}}
"""


def measure(burin, name, folder, core, work, optimize):
    """(painted, bound, note); painted None: the model does not fit this core."""
    t = target(core)
    os.makedirs(os.path.join(work, "model"))
    r = run([burin, "compile", os.path.join(folder, "model.onnx"), "-o", os.path.join(work, "model"), "--name", name, "--target", core, "--optimize", optimize])
    if r.returncode:
        return None, None, r.stderr.splitlines()[-1]
    header = open(os.path.join(work, "model", name + ".h")).read()
    facts = dict(re.findall(rf"^#define {name.upper()}_(\w+) (.*?)(?: */\*.*)?$", header, re.M))
    open(os.path.join(work, "main.cpp"), "w").write(main_program(name, folder, facts))
    for f in glob.glob(os.path.join(ROOT, "tools/qemu/*")):
        if os.path.isfile(f):
            shutil.copy(f, work)
    compiler, linker = (next((c for c in t[k].split() if shutil.which(c)), None) for k in ("compiler", "linker"))
    if not compiler or not linker or not shutil.which(t["qemu-binary"]):
        sys.exit(77)
    objects = []
    for s in (f"model/{name}.cpp", "main.cpp", t["startup"], "harness.cpp", "memory.cpp"):
        objects.append(os.path.join(work, os.path.basename(s) + ".o"))
        r = run([compiler, *t["flags"].split(), *FLAGS, "-I", work, "-c", os.path.join(work, s), "-o", objects[-1]])
        if r.returncode:
            raise SystemExit(r.stderr)
    elf = os.path.join(work, "program.elf")
    r = run([linker, *t["link-flags"].split(), "-nostdlib", "-L", work, "-T", os.path.join(work, t["linker-script"]), "-Wl,--gc-sections", *objects, "-lgcc", "-o", elf])
    if r.returncode:
        return None, None, r.stderr.strip().splitlines()[-1]
    q = run([t["qemu-binary"], "-M", t["qemu"], *t["qemu-args"].split(), "-display", "none", "-monitor", "none", "-serial", "none", "-chardev", "stdio,id=out",
             "-semihosting-config", "enable=on,target=native,chardev=out", "-kernel", elf], stdin=subprocess.DEVNULL)
    painted = re.search(r"STACK (\d+)", q.stdout)
    if not painted:
        return None, None, "the program did not run: " + (q.stderr + q.stdout)[:200]
    sized = run([burin, "size", "--format", "json", elf])
    if sized.returncode:
        raise SystemExit(sized.stderr)
    report = json.loads(sized.stdout)
    return int(painted[1]), report["models"][0]["stack_bytes"], report["models"][0]["stack_note"]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("burin")
    p.add_argument("--target", action="append")
    p.add_argument("--slack", type=int, default=64)
    p.add_argument("--most", type=int)
    p.add_argument("--optimize", default="speed")
    p.add_argument("models", nargs="+")
    a = p.parse_args()
    wrong = done = 0
    for core in a.target or ["cortex-m0plus", "cortex-m4f", "cortex-m55", "riscv32"]:
        for folder in a.models:
            name = "m_" + re.sub(r"\W", "_", os.path.basename(os.path.normpath(folder)))
            with tempfile.TemporaryDirectory(prefix="burin-stack-") as work:
                painted, bound, note = measure(os.path.abspath(a.burin), name, folder, core, work, a.optimize)
            if painted is None:
                print(f"{core:15} {name:40} skipped: {note}")
                continue
            done += 1
            verdict = "UNKNOWN" if bound is None else "BELOW" if bound < painted else "FAR ABOVE" if bound > painted + a.slack else ""
            if not verdict and a.most and bound > a.most:
                verdict = "TOO MUCH"
            wrong += verdict != ""
            print(f"{core:15} {name:40} painted {painted:6}  bound {bound if bound is not None else '-':>6}  {verdict} {note}", flush=True)
    print(f"{done - wrong} passed, {wrong} failed")
    return 1 if wrong or not done else 0


if __name__ == "__main__":
    sys.exit(main())
