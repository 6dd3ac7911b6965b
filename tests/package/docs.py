"""docs.py TEST --source DIR --build DIR: runs the commands of docs/cmake.md in a fresh folder, as a reader would.

What stands behind ``` in that page tells what a block is: `file=NAME` a file of the project, `sh setup` commands to begin with,
`replaces=WORD` lines that take the place of the line of app/CMakeLists.txt that starts with WORD, until the next heading of that
level, `sh test=TEST` the commands of a test. `sh build` (the tool's own build) is not run: the build folder that is there takes its place.
Exit code 77: skipped, because a program that the commands need is missing.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77


def blocks(text):
    """(words behind ```, text) of every fenced block."""
    return [(m[1].split(), m[2]) for m in re.finditer(r"^```([^\n]*)\n(.*?)^```$", text, re.M | re.S)]


def value(words, key):
    return next((w[len(key) + 1:] for w in words if w.startswith(key + "=")), None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("test")
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    args = parser.parse_args()

    files, setup, replaces, commands = {}, "", None, None
    for words, text in blocks((args.source / "docs/cmake.md").read_text()):
        if name := value(words, "file"):
            files[name] = text
        elif words[:2] == ["sh", "setup"]:
            setup += text
        elif word := value(words, "replaces"):
            replaces = (word, text)
        elif value(words, "test") == args.test:
            commands = text
            break
        elif value(words, "test"):
            replaces = None
    if commands is None:
        sys.exit(f"docs/cmake.md has no block 'sh test={args.test}'")
    if replaces:
        listing = files["app/CMakeLists.txt"]
        changed = re.sub(rf"^{replaces[0]}.*\n", lambda _: replaces[1], listing, flags=re.M)
        assert changed != listing, f"no line starts with {replaces[0]}"
        files["app/CMakeLists.txt"] = changed

    needs = ["ninja", "cmake"] + (["arm-none-eabi-g++", "qemu-system-arm"] if "cortex-m4" in commands else []) + (
        ["dpkg-shlibdeps"] if "cpack" in commands else [])
    missing = [n for n in needs if not shutil.which(n)]
    if missing:
        print(f"skipped: {', '.join(missing)} not installed (tools/setup)")
        sys.exit(SKIPPED)

    with tempfile.TemporaryDirectory(prefix="burin-docs-") as work:
        work = pathlib.Path(work).resolve()
        for name, text in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text)
        (work / "burin-build").symlink_to(args.build.resolve())
        environment = {k: v for k, v in os.environ.items() if k not in ("BURIN_HOST_TOOL", "DESTDIR")}
        environment["BURIN"] = str(args.source.resolve())
        result = subprocess.run(["bash", "-euxo", "pipefail", "-c", setup + commands], cwd=work, env=environment)
    sys.exit(result.returncode)


if __name__ == "__main__":
    main()
