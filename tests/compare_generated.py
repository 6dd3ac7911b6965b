"""compare_generated.py OLD NEW: does a change of the compiler change what it generates?

OLD and NEW are executables of burin, or commits, which are built once into build/compare. Every model of tests/models and of
../shared/models (but skl_*) is compiled by both for several targets with --optimize speed, size and ram, and with --io external,
and all files are compared byte for byte. What differs is listed; exit code 1 then. Where both refuse, what they say must be the same.

--machine-code compares objects of the target's g++ -O2 instead: disassembly without addresses and names, and the bytes of .rodata.
"""
import argparse
import concurrent.futures
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
TARGETS = ["host", "cortex-m0plus", "cortex-m4f", "cortex-m55"]
VARIANTS = {"speed": ["--optimize", "speed"], "size": ["--optimize", "size"], "ram": ["--optimize", "ram"], "external": ["--io", "external"]}
NAME = "net"


def run(*command, **options):
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def checked(*command, **options):
    done = run(*command, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stdout}")
    return done.stdout


def executable(which):
    """An executable as it is, a commit's built where it has not been yet."""
    if os.path.isfile(which):
        return pathlib.Path(which).resolve()
    commit = checked("git", "-C", ROOT, "rev-parse", "--verify", f"{which}^{{commit}}").strip()
    folder = ROOT / "build" / "compare" / commit
    if not (folder / "burin").exists():
        print(f"building {which}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        source = folder / "source"
        source.mkdir(parents=True)
        checked("git", "-C", ROOT, "archive", "-o", folder / "source.tar", commit)
        checked("tar", "-xf", folder / "source.tar", "-C", source)
        checked("cmake", "-S", source, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DBURIN_TESTS=OFF")
        checked("cmake", "--build", folder, "--target", "burin", "--parallel", os.cpu_count())
    return folder / "burin"


def generate(burin, model, target, variant, folder):
    """Name -> bytes of what burin writes and says."""
    # What is said names the model: the same file for both.
    done = run(burin, "compile", model, "--name", NAME, "--target", target, *VARIANTS[variant], "-o", folder)
    files = {p.name: p.read_bytes() for p in sorted(folder.glob("**/*")) if p.is_file()}
    return {**files, "messages": f"{done.stdout.replace(str(folder), '')}exit code {done.returncode}".encode()}


def without_build(files):
    """The number that ties header and source changes with every other change."""
    return {n: re.sub(rb"(_BUILD(?: !=)?) 0x[0-9a-f]+", rb"\1", data) for n, data in files.items()}


def facts(target):
    text = (ROOT / "targets" / f"{target}.target").read_text()
    keys = dict(re.findall(r"^([a-z-]+) +(.*)$", text, re.M))
    return keys["compiler"].split()[0], [f for f in keys["flags"].split() if f != "-"]


def machine_code(folder, target):
    """Name -> text: disassembly and constants of what was generated into a folder."""
    if not (folder / f"{NAME}.cpp").exists():
        return {}
    compiler, flags = facts(target)
    checked(*(["ccache"] if shutil.which("ccache") else []), compiler, "-std=c++17", "-O2", *flags, "-c", f"{NAME}.cpp", "-o", "net.o", cwd=folder)
    objdump = re.sub(r"g\+\+$", "objdump", compiler)
    code = checked(objdump, "-dr", "--no-addresses", "--no-show-raw-insn", "net.o", cwd=folder)
    names = {}  # functions and constants are numbered in the order of their first use: a new name alone is no difference
    code = re.sub(r"\b_Z\w+(\.\w+)*", lambda m: names.setdefault(m[0], f"name{len(names)}"), code)
    sections = re.split(r"^Contents of section (.*):\n", checked(objdump, "-s", "net.o", cwd=folder), flags=re.M)[1:]
    constants = [f"{n}\n{text}" for n, text in zip(sections[::2], sections[1::2]) if n.startswith(".rodata")]
    return {"disassembly": code.encode(), ".rodata": "".join(constants).encode()}


def different(options, old, new, model, target, variant):
    """Lines that say how what both generate differs."""
    with tempfile.TemporaryDirectory(prefix="burin-compare-") as work:
        sides = []
        folders = [pathlib.Path(work, "old"), pathlib.Path(work, "new")]
        for burin, folder in zip((old, new), folders):
            sides.append(generate(burin, model, target, variant, folder))
        if sides[0] != sides[1] and options.ignore_build:
            sides = [without_build(s) for s in sides]
        if sides[0] != sides[1] and options.machine_code:
            sides = [machine_code(f, target) for f in folders]
    lines = []
    for name in sorted({*sides[0], *sides[1]}):
        texts = [s.get(name, b"").decode(errors="replace").splitlines() for s in sides]
        if sides[0].get(name) != sides[1].get(name):
            lines.append(f"{model.parent.name} {target} {variant}: {name}")
            diff = list(difflib.unified_diff(*texts, "old", "new", n=0, lineterm=""))[2:] if options.show else []
            lines += [f"    {line[:150]}" for line in diff[:options.show]]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", help="an executable or a commit")
    parser.add_argument("new", nargs="?", default=str(ROOT / "build" / "burin"), help="another one (default: build/burin)")
    parser.add_argument("--machine-code", action="store_true", help="compare machine code where the source differs")
    parser.add_argument("--ignore-build", action="store_true", help="but for the number of the macro _BUILD")
    parser.add_argument("--shared", type=pathlib.Path, default=ROOT.parent / "shared", help="the folder shared, where it is elsewhere")
    parser.add_argument("--target", action="append", help=f"default: {' '.join(TARGETS)}")
    parser.add_argument("--variant", action="append", choices=VARIANTS, help=f"default: {' '.join(VARIANTS)}")
    parser.add_argument("--only", default="", help="only models whose name contains this")
    parser.add_argument("--show", type=int, default=0, help="so many lines of each difference")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    old, new = executable(options.old), executable(options.new)
    models = sorted((ROOT / "tests" / "models").glob("*/model.onnx"))
    if (options.shared / "models").is_dir():
        models += sorted(m for m in options.shared.glob("models/*/model.onnx") if "skl" not in m.parent.name)
    else:
        print("left out: ../shared/models is absent")
    jobs = [(m, t, v) for m in models if options.only in m.parent.name for t in options.target or TARGETS for v in options.variant or VARIANTS]
    count = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for lines in pool.map(lambda job: different(options, old, new, *job), jobs):
            count += bool(lines)
            for line in lines:
                print(line, flush=True)
    print(f"{count} of {len(jobs)} differ")
    return 1 if count or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
