"""check.py --burin PATH [--runner interpreter|host|qemu] [--target T]... DIR...: `burin verify` on every case below the folders.

A case is a folder with model.onnx and test_data_set_*. Exit code 0 of verify is a pass, everything else a failure, whose last
words are shown. Ends with `N passed, M failed`; exits 1 if anything failed or nothing was found.

With --runner qemu, targets whose compiler or emulator is not installed are named and left out; exits 77 if none is left.
--per-kernel N: of the cases that reach a kernel on a target (as `burin analyze` tells) only N, spread over their names.
--cover FILE: with it, FILE is codegen/kernels.inc, and each kernel on 8-bit integers (`q8` in its name) and each one on floats that
needs a feature of its core must be reached where one of the targets may use it; otherwise exits 1 with its name.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys

from needs import SKIPPED

MEANING = {1: "cannot be compiled", 2: "usage", 3: "over budget", 4: "results differ", 5: "a tool is missing", 70: "internal error"}


def cases(folders):
    for folder in folders:
        for path, names, files in sorted(os.walk(folder)):
            names.sort()
            if "model.onnx" in files:
                yield path


def run(command, timeout=120):
    """(exit code, or -1 when it takes too long, stderr and stdout)"""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout, check=False)
        return done.returncode, done.stderr + done.stdout
    except subprocess.TimeoutExpired:
        return -1, f"no answer within {timeout} s"


def verify(burin, case, runner, target=None, options=(), timeout=120):
    """(exit code, text)"""
    command = [burin, "verify", os.path.join(case, "model.onnx"), "--runner", runner]
    return run(command + (["--target", target] if target else []) + list(options), timeout)


def targets_of(burin):
    """name -> what `burin targets --format json` says."""
    done = subprocess.run([burin, "targets", "--format", "json"], capture_output=True, text=True, check=True)
    return {t["name"]: t for t in json.loads(done.stdout)}


def missing_tools(target, emulated):
    """Which programs are not installed: the compiler (any of those named), the emulator."""
    names = target["compiler"].split()
    missing = [] if any(shutil.which(n) for n in names) else [" or ".join(names)]
    emulator = "qemu-system-riscv32" if target["name"].startswith("riscv") else "qemu-system-arm"
    return missing + ([emulator] if emulated and not shutil.which(emulator) else [])


def report(burin, case, target):
    """What `burin analyze --format json` says, or None where the case cannot be compiled."""
    done = subprocess.run([burin, "analyze", "--format", "json", "--target", target, os.path.join(case, "model.onnx")],
                          capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def routes(facts):
    """(kernel, options that make a layer of the model use it, all kernels that the model then uses): those of the layers, and those that could be."""
    layers = [call for layer in facts["layers"] for call in layer["calls"] or [layer]]
    chosen = [layer["kernel"] for layer in layers]
    found = {kernel: ((), set(chosen)) for kernel in chosen}
    for i, layer in enumerate(layers):
        for kernel in layer["candidates"]:
            found.setdefault(kernel, ((f"--kernel={layer['name']}={kernel}",), {*chosen[:i], kernel, *chosen[i + 1:]}))
    return [(kernel, *way) for kernel, way in sorted(found.items())]


def by_kernel(burin, found, target, jobs):
    """kernel -> (case, options) that reach it, in the order given; a kernel that no case chooses is forced upon a layer."""
    reached, forced = collections.defaultdict(list), collections.defaultdict(list)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for case, facts in zip(found, pool.map(lambda c: report(burin, c, target), found)):
            for kernel, options, _ in routes(facts) if facts else ():
                (forced if options else reached)[kernel].append((case, options))
    return {**forced, **reached}


def spread(items, count):
    """`count` of the items at even distances, the first and the last among them."""
    if len(items) <= count:
        return list(items)
    return [items[round(i * (len(items) - 1) / max(count - 1, 1))] for i in range(count)]


def judged_kernels(kernels_inc):
    """(name, feature that it needs) of the kernels on 8-bit integers, and of all that need a feature."""
    with open(kernels_inc, encoding="utf-8") as f:
        text = f.read()
    listed = re.findall(r'^(?:KERNEL|CONV_Q8|CONV_F32)\(\s*(\w+),[^"]*"([^"]*)"', text, re.M)
    listed += [(name, "") for name in re.findall(r"^REFERENCE\((\w+),", text, re.M)]
    return [(name, needs) for name, needs in listed if needs or "q8" in name.split("_")]


def unreached(burin, kernels_inc, targets, reached):
    """Judged kernels that the targets may use and that are not in `reached`."""
    features = {f for name, t in targets_of(burin).items() if name in targets for f in t["features"]} | {""}
    return [name for name, needs in judged_kernels(kernels_inc) if needs in features and name not in reached]


def check(jobs, number=None, lines=4):
    """jobs: (label, function that returns (exit code, text)). Prints failures; returns how many there are."""
    codes = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        for (label, _), (code, text) in zip(jobs, pool.map(lambda j: j[1](), jobs)):
            codes[code] += 1
            if code != 0:
                print(f"FAIL {label}: {code} ({MEANING.get(code, 'crash')})")
                for line in text.strip().splitlines()[-lines:]:
                    print(f"    {line}")
    failed = sum(n for code, n in codes.items() if code != 0)
    for code, n in sorted(codes.items()):
        if code != 0:
            print(f"{n} with exit code {code} ({MEANING.get(code, 'crash')})")
    print(f"{codes[0]} passed, {failed} failed")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--burin", required=True)
    parser.add_argument("--runner", default="interpreter", choices=["interpreter", "host", "qemu"])
    parser.add_argument("--target", action="append", help="may be given several times")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--timeout", type=int, default=120)
    parser.add_argument("--lines", type=int, default=4, help="lines of a failure's output that are shown")
    parser.add_argument("--per-kernel", type=int, metavar="N")
    parser.add_argument("--cover", metavar="FILE")
    parser.add_argument("--options", action="append", default=[], help="a further option of verify, written as --options=--name=x; may be given several times")
    parser.add_argument("folders", nargs="+")
    options = parser.parse_args()
    if not os.access(options.burin, os.X_OK):
        parser.error(f"{options.burin} is not a program")
    found = list(cases(options.folders))
    targets = options.target or ["host"]
    if options.runner == "qemu":
        known = targets_of(options.burin)
        missing = {t: missing_tools(known[t], True) for t in targets}
        for t in targets:
            if missing[t]:
                print(f"{t} left out: {', '.join(missing[t])} not installed")
        targets = [t for t in targets if not missing[t]]
        if not targets:
            print("skipped: no emulated core")
            return SKIPPED
    jobs, kernels = [], set()
    for target in targets:
        chosen = [(case, ()) for case in found]
        if options.per_kernel:
            reached = by_kernel(options.burin, found, target, options.jobs)
            kernels |= set(reached)
            chosen = sorted({way for ways in reached.values() for way in spread(ways, options.per_kernel)})
            print(f"{target}: {len(chosen)} of {len(found)} cases for {len(reached)} kernels")
        jobs += [(f"{case} ({target}{''.join(', ' + w for w in ways)})",
                  lambda c=case, t=target, w=ways: verify(options.burin, c, options.runner, t, [*w, *options.options], options.timeout))
                 for case, ways in chosen]
    missing = unreached(options.burin, options.cover, targets, kernels) if options.cover else []
    for kernel in missing:
        print(f"no case reaches kernel {kernel}: tests/oracle/layers.py wants one")
    return 1 if check(jobs, options.jobs, options.lines) or missing or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
