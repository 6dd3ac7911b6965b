"""add_operator.py --source DIR --build DIR LIBRARY...: adds the operator of docs/add-an-operator.md as that page says, in a copy of the
tree, and runs tests/docs/added_operator.cpp against it.

What stands behind ``` in that page tells what a block is: `file=NAME` a file, `in=NAME before=TEXT` lines that are put before TEXT in
a file that is there. Only what goes through the list of operators is compiled again; the rest is the build's burin_core.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

MOST_LINES = 90  # of the operator's .h and .cpp


def blocks(text):
    """(words behind ```, text) of every fenced block."""
    return [(m[1], m[2]) for m in re.finditer(r"^```([^\n]*)\n(.*?)^```$", text, re.M | re.S)]


def add_blocks(page, tree):
    """Files that the page makes or changes."""
    made, changed = [], []
    for head, text in blocks(page.read_text()):
        if m := re.match(r"\w+ file=(\S+)$", head):
            (tree / m[1]).write_text(text)
            made.append(m[1])
        elif m := re.match(r"\w+ in=(\S+) before=(.+)$", head):
            old = (tree / m[1]).read_text()
            assert old.count(m[2]) == 1, f"'{m[2]}' is not once in {m[1]}"
            (tree / m[1]).write_text(old.replace(m[2], text + m[2]))
            changed.append(m[1])
    return made, changed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("libraries", nargs="+")
    args = parser.parse_args()
    source, build = args.source.resolve(), args.build.resolve()
    # Always at the same place: ccache finds what an earlier run compiled.
    work = build / "tests/docs-operator"
    shutil.rmtree(work, ignore_errors=True)
    tree = work / "tree"
    for folder in ("codegen", "compiler", "passes", "runtime-min", "targets", "tests/docs", "tools"):
        shutil.copytree(source / folder, tree / folder)

    made, changed = add_blocks(source / "docs/add-an-operator.md", tree)
    operator = [f for f in made if f.startswith("compiler/ops/")]
    lines = sum(len((tree / f).read_text().splitlines()) for f in operator)
    print(f"{', '.join(made)} and a line in {', '.join(changed)}; the operator: {lines} lines")
    assert len(operator) == 2 and len(changed) == 3
    assert lines <= MOST_LINES, f"more than {MOST_LINES} lines"

    commands = {c["file"]: c["command"] for c in json.loads((build / "compile_commands.json").read_text())}
    usual = commands[str(source / "compiler/ops/ops.cpp")]
    through_list = re.compile(r'#include "(compiler/ops/all\.h|codegen/layers/all\.h)"')
    again = [f.relative_to(tree).as_posix() for folder in ("compiler", "codegen", "passes", "tools")
             for f in sorted((tree / folder).rglob("*.cpp")) if through_list.search(f.read_text())]

    embedded = [f.relative_to(tree).as_posix() for pattern in
                ("runtime-min/*.h", "runtime-min/*.inc", "runtime-min/kernels/*.h", "runtime-min/kernels/*.inc", "codegen/*.txt",
                 "targets/*.target", "targets/*.costs", "tools/qemu/*.c", "tools/qemu/*.cpp", "tools/qemu/*.h", "tools/qemu/*.ld")
                for f in sorted(tree.glob(pattern))]
    subprocess.run(["cmake", f"-DOUT={tree}/embedded.cpp", f"-DROOT={tree}", f"-DFILES={','.join(embedded)}", "-P",
                    tree / "tools/cmake/embed.cmake"], check=True)

    compiler = shlex.split(re.sub(r" -o \S+ -c \S+$", "", usual))
    compiler = [f"-I{tree}" if word == f"-I{source}" else word for word in compiler]
    if shutil.which("ccache") and not any(word.endswith("ccache") for word in compiler):
        compiler = ["ccache"] + compiler
    environment = dict(os.environ, CCACHE_BASEDIR="", CCACHE_NOHASHDIR="1")

    def compiled(name):
        out = work / (name.replace("/", "_") + ".o")
        subprocess.run(compiler + ["-o", str(out), "-c", str(tree / name)], check=True, cwd=work, env=environment)
        return str(out)

    todo = again + [f for f in made if f.endswith(".cpp")] + ["embedded.cpp", "tests/docs/added_operator.cpp"]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compiled, todo))
    # Objects before the library: what is in both comes from them.
    cxx = next(word for word in compiler if re.search(r"(\+\+|clang)[^/]*$", word))
    program = work / "operator"
    subprocess.run([cxx, *[w for w in compiler if w.startswith("-fsanitize")], "-o", str(program), *objects, *args.libraries, "-lpthread"],
                   check=True)
    sys.exit(subprocess.run([program]).returncode)


if __name__ == "__main__":
    main()
