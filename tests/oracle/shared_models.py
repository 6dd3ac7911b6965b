"""shared_models.py --burin PATH: the real networks of ../shared/models, where that folder lies beside the repository: every one
but skl_* by the interpreter, by generated code on the host and on emulated Cortex-M4F, M0+ and M55. Without it: skipped.
"""
import argparse
import os
import re
import shutil
import sys
import time

from check import check, verify
from needs import SKIPPED

FOLDER = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "shared", "models"))
RUNS = [("interpreter", "host"), ("host", "host"), ("qemu", "cortex-m4f"), ("qemu", "cortex-m0plus"), ("qemu", "cortex-m55")]


def timed(burin, model, runner, target):
    start = time.time()
    code, text = verify(burin, os.path.join(FOLDER, model), runner, target, timeout=1200)
    last = (text.strip().splitlines() or [""])[-1]
    count = re.search(r"(\d+) instructions", text)
    print(f"{model:12} {runner:11} {target:13} {time.time() - start:6.1f} s  {last}{'; ' + count[0] if count else ''}", flush=True)
    return code, text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--burin", required=True)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="", help="only models whose name contains this")
    options = parser.parse_args()
    if not os.path.isdir(FOLDER):
        print("skipped: no folder shared/models beside the repository")
        return SKIPPED
    models = sorted(m for m in os.listdir(FOLDER) if not m.startswith("skl_") and options.only in m
                    and os.path.exists(os.path.join(FOLDER, m, "model.onnx")))
    runs = RUNS
    if not (shutil.which("arm-none-eabi-g++") and shutil.which("qemu-system-arm")):
        print("emulated cores left out: arm-none-eabi-g++ or qemu-system-arm not installed")
        runs = RUNS[:2]
    jobs = [(f"{m} ({runner}, {target})", lambda m=m, r=runner, t=target: timed(options.burin, m, r, t))
            for m in models for runner, target in runs]
    return 1 if check(jobs, options.jobs) or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
