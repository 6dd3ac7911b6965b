"""Which folder includes which: docs/README.md lists the folders in their order, and a file includes from its own folder and those
above it in the list only. Every folder with C++ is in the list, and headers of big libraries stay out of our headers. Kernels
call no intrinsics of Arm's, which gcc before 10 lacks, and are BURIN_INLINE or BURIN_SHARED: -Os leaves others as functions that
are called for what could be a constant."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Files that are put into the generated code or run on a board include what lies beside them there, not by our folders.
NOT_OURS = ("tests/", "tools/qemu/", "docs/")
# A header that includes one of these makes all its readers pay for it.
BIG = {"CLI/CLI.hpp": [], "gmpxx.h": ["compiler/numerics/"], "nlohmann/json.hpp": ["tools/size/measure.h"],
       "onnx/onnx_pb.h": ["compiler/onnx/"], "llvm/": []}
INTRINSIC = re.compile(r"arm_\w+\.h|\b__(?!asm__|attribute__|builtin_(?!arm_))[a-z]\w*\s*\(")
CALLED = re.compile(r"^\s*(?:constexpr|inline)\s+(?:explicit\s+)?\w+(?:\s+\w+)?\(", re.M)


def folders():
    """The list of docs/README.md: "1. `runtime-min`: ..."."""
    found = re.findall(r"^\d+\. `([a-z/-]+)`", (ROOT / "docs/README.md").read_text(), re.M)
    assert len(found) > 4, "docs/README.md has no list of folders"
    return found


def folder_of(path, known):
    return max((f for f in known if path.startswith(f + "/")), key=len, default=None)


def findings(files, known):
    """`files`: path -> text."""
    result = []
    for path, text in sorted(files.items()):
        mine = folder_of(path, known)
        if mine is None:
            result.append(f"{path}: its folder is not in the list of docs/README.md")
            continue
        for kind, included in re.findall(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', text, re.M):
            theirs = folder_of(included, known)
            if kind == '"' and theirs is not None and known.index(theirs) > known.index(mine):
                result.append(f"{path} includes {included}: {theirs} stands after {mine}")
            for big, allowed in BIG.items():
                if path.endswith(".h") and included.startswith(big) and not path.startswith(tuple(allowed)):
                    result.append(f"{path} includes {included}, which belongs into .cpp files")
        if mine.startswith("runtime-min"):
            result += [f"{path}: {found[0]} is not for kernels" for found in INTRINSIC.finditer(text)]
            result += [f"{path}: '{found[0].strip()}' is not BURIN_INLINE" for found in CALLED.finditer(text)]
    return result


def main():
    known = folders()
    files = {}
    for suffix in ("h", "cpp", "inc"):
        for folder in {f.split("/")[0] for f in known} | {"compiler", "passes", "codegen", "runtime-min", "targets", "tools"}:
            for path in (ROOT / folder).rglob(f"*.{suffix}"):
                name = path.relative_to(ROOT).as_posix()
                if not name.startswith(NOT_OURS):
                    files[name] = path.read_text()
    # The check itself: each kind of fault is found.
    first, last = known[0], known[-1]
    faults = {f"{first}/a.h": f'#include "{last}/b.h"\n', f"{last}/c.h": "#include <CLI/CLI.hpp>\n", "nowhere/d.cpp": ""}
    assert len(findings(faults, known)) == 3, findings(faults, known)
    assert not findings({f"{last}/c.cpp": f'#include "{first}/b.h"\n#include <CLI/CLI.hpp>\n'}, known)
    arm = {"runtime-min/a.h": '#include <arm_acle.h>\nint f(int a) { __asm__("nop"); return __smlad(a, a, __builtin_clz(a)); }\n'
                              "constexpr int a = b(1);\nconstexpr int g(int a) { return a; }\n"}
    assert len(findings(arm, known)) == 3, findings(arm, known)

    wrong = findings(files, known)
    print("\n".join(wrong) or f"{len(files)} files in {len(known)} folders: no include against the order")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
