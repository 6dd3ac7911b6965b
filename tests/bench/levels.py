#!/usr/bin/env python3
"""Instructions and flash of networks at -O2 and -Os: what a firmware that is built for size pays.

    levels.py [options] MODEL_FOLDER...   ONNX models with test data beside them

Every network on every core by every compiler, with and without -flto, each run once (in QEMU) and its outputs judged. It prints a table,
and fails where -Os takes over 3 % more instructions or more flash than the same compiler's -O2. clang's -Oz is shown with --oz."""
import argparse
import collections
import concurrent.futures
import importlib.machinery
import importlib.util
import json
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOADER = importlib.machinery.SourceFileLoader("compilers", str(ROOT / "tools/compilers"))
COMPILERS = importlib.util.module_from_spec(importlib.util.spec_from_loader("compilers", LOADER))
sys.dont_write_bytecode = True
LOADER.exec_module(COMPILERS)

MOST = 1.03


def jobs(args):
    known = {"gcc": COMPILERS.Compiler("arm gcc", "arm-none-eabi-g++", True), "clang": COMPILERS.Compiler("arm clang", "clang++-19", True)}
    for core in args.cores.split(","):
        for folder in args.models:
            for name in args.compilers.split(","):
                levels = ["-O2", "-Os"] + (["-Oz"] if args.oz and name == "clang" else [])
                for lto in ["", " -flto"] if args.lto == "both" else [" -flto"] if args.lto == "yes" else [""]:
                    for level in levels:
                        yield COMPILERS.Job(known[name], core, "gnu++11", level + lto, folder / "model.onnx")


def key(job):
    return " ".join([job.model.parent.name, job.target, job.compiler.command, job.levels])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("models", nargs="+", type=pathlib.Path)
    p.add_argument("--cores", default="cortex-m0plus,cortex-m4f,cortex-m33,cortex-m55")
    p.add_argument("--compilers", default="gcc,clang")
    p.add_argument("--lto", choices=["no", "yes", "both"], default="both")
    p.add_argument("--oz", action="store_true")
    p.add_argument("--burin", default=str(ROOT / "build/burin"))
    p.add_argument("--json", type=pathlib.Path, help="results so far: what is in it is not run again")
    args = p.parse_args()
    usual = {t: shutil.which("arm-none-eabi-g++") for t in COMPILERS.TRIPLES}
    results = json.loads(args.json.read_text()) if args.json and args.json.exists() else {}
    work = list(jobs(args))

    def run(job):
        data = ["--data", str(job.model.parent / "test_data_set_0")]
        return key(job), COMPILERS.run(args.burin, job, usual, data)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, r in pool.map(run, [j for j in work if key(j) not in results]):
            results[name] = r
            if args.json:
                args.json.write_text(json.dumps(results, indent=1))
    failed = 0
    rows = collections.OrderedDict()
    for j in work:
        level, *lto = j.levels.split()
        rows.setdefault((j.model.parent.name, j.target, j.compiler.command, " ".join(lto)), {})[level] = results[key(j)]
    print(f"{'network':22} {'core':14} {'compiler':18} {'':5} {'-O2':>12} {'-Os':>12} {'':7} {'flash -O2':>9} {'-Os':>8} {'':7}  {'-Oz':>12} {'flash':>8}")
    for (model, core, compiler, lto), r in rows.items():
        line = f"{model:22} {core:14} {compiler:18} {lto:5} "
        errors = [f"{level}: {x['error']}" for level, x in r.items() if x["error"]]
        if errors:
            failed += 1
            print(line + "\n".join(e[-600:] for e in errors))
            continue
        two, small = r["-O2"], r["-Os"]
        slow, big = small["instructions"] / two["instructions"], small["bytes"] / two["bytes"]
        failed += slow > MOST or big > 1
        line += f"{two['instructions']:12,} {small['instructions']:12,} {slow - 1:+6.1%}{'!' if slow > MOST else ' '} "
        line += f"{two['bytes']:9,} {small['bytes']:8,} {big - 1:+6.1%}{'!' if big > 1 else ' '}"
        if "-Oz" in r:
            line += f"  {r['-Oz']['instructions']:12,} {r['-Oz']['bytes']:8,}"
        print(line.rstrip())
    print(f"{len(rows)} rows, {failed} beyond the limits")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
