"""check.py --burin PATH [--runner interpreter|host|qemu] [--target T] DIR...: `burin verify` on every case below the folders.

A case is a folder with model.onnx and test_data_set_*. Exit code 0 of verify is a pass, everything else a failure, whose last
words are shown. Ends with `N passed, M failed`; exits 1 if anything failed or nothing was found.
"""
import argparse
import collections
import concurrent.futures
import os
import subprocess
import sys

MEANING = {1: "cannot be compiled", 2: "usage", 3: "over budget", 4: "results differ", 5: "a tool is missing", 70: "internal error"}


def cases(folders):
    for folder in folders:
        for path, names, files in sorted(os.walk(folder)):
            names.sort()
            if "model.onnx" in files:
                yield path


def verify(options, case):
    command = [options.burin, "verify", os.path.join(case, "model.onnx"), "--runner", options.runner]
    if options.target:
        command += ["--target", options.target]
    try:
        done = subprocess.run(command + options.options, capture_output=True, text=True, errors="replace", timeout=options.timeout,
                              check=False)
        return done.returncode, done.stderr + done.stdout
    except subprocess.TimeoutExpired:
        return -1, f"no answer within {options.timeout} s"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--burin", required=True)
    parser.add_argument("--runner", default="interpreter", choices=["interpreter", "host", "qemu"])
    parser.add_argument("--target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--timeout", type=int, default=120)
    parser.add_argument("--lines", type=int, default=4, help="lines of a failure's output that are shown")
    parser.add_argument("--options", nargs="*", default=[], help="further options of verify, written as --options=--name=x")
    parser.add_argument("folders", nargs="+")
    options = parser.parse_args()
    if not os.access(options.burin, os.X_OK):
        parser.error(f"{options.burin} is not a program")
    found = list(cases(options.folders))
    codes = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for case, (code, text) in zip(found, pool.map(lambda c: verify(options, c), found)):
            codes[code] += 1
            if code != 0:
                print(f"FAIL {case}: {code} ({MEANING.get(code, 'crash')})")
                for line in text.strip().splitlines()[-options.lines:]:
                    print(f"    {line}")
    failed = sum(n for code, n in codes.items() if code != 0)
    for code, n in sorted(codes.items()):
        if code != 0:
            print(f"{n} with exit code {code} ({MEANING.get(code, 'crash')})")
    print(f"{codes[0]} passed, {failed} failed")
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
