"""compiler/diagnostics.inc and what uses it: every id is in some source, and some test expects every id.

    python tests/test_diagnostics.py [-v]     # -v: which tests expect which id

Ids that are not in the list do not compile. A test expects an id by a string, not by a comment: in C++ the id itself as a
literal ("no-kernel"), in Python the id as messages spell it ("[no-kernel]", with or without backslashes of a pattern), in
texts of pass tests the end of an expected message.
"""
import io
import os
import re
import sys
import tokenize

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCES = ("compiler", "passes", "codegen", "tools/burin")
CODE = (".cpp", ".h")
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\((?:.*?)\)\1"|"((?:\\.|[^"\\\n])*)"|\'(?:\\.|[^\'\\\n])+\'', re.S)


def files(folders, suffixes):
    for folder in folders:
        for base, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in sorted(names):
                if name.endswith(suffixes):
                    yield os.path.join(base, name)


def cpp_strings(path):
    with open(path) as f:
        return [m[2] for m in COMMENT_OR_STRING.finditer(f.read()) if m[2] is not None]


def python_strings(path):
    """Strings that are no docstrings."""
    r, before = [], None
    with open(path, "rb") as f:
        for t in tokenize.tokenize(io.BytesIO(f.read()).readline):
            if t.type == tokenize.STRING and before not in (None, tokenize.INDENT, tokenize.NEWLINE, tokenize.ENCODING):
                r.append(t.string.replace("\\", ""))
            if t.type not in (tokenize.NL, tokenize.COMMENT):
                before = t.type
    return r


def main():
    with open(os.path.join(ROOT, "compiler/diagnostics.inc")) as f:
        ids = re.findall(r'^BURIN_DIAGNOSTIC\("([^"]*)"', f.read(), re.M)
    errors = []
    if ids != sorted(set(ids)):
        errors.append("compiler/diagnostics.inc: ids stand once, in the order of the alphabet")

    used = set()
    for path in files(SOURCES, CODE):
        for s in cpp_strings(path):
            used.add(s)
            for printed in re.findall(r"\[([a-z]+(?:-[a-z]+)+)\]", s):  # messages that are no Diagnostic
                used.add(printed)
                if printed not in ids:
                    errors.append(f"{os.path.relpath(path, ROOT)}: [{printed}] is not in compiler/diagnostics.inc")
    errors += [f"compiler/diagnostics.inc: no source uses '{i}'" for i in ids if i not in used]

    expected = {i: [] for i in ids}
    for path in files(("tests",), (".cpp", ".py", ".ir")):
        name = os.path.basename(path)
        if name.endswith(".ir"):
            with open(path) as f:
                found = re.findall(r"^test: error: .*\[([a-z-]+)\]$", f.read(), re.M)
        elif not name.startswith("test_"):
            continue
        elif name.endswith(".py"):
            found = [w for s in python_strings(path) for w in re.findall(r"\[([a-z-]+)\]", s)]
        else:
            found = cpp_strings(path)
        for i in set(found) & set(ids):
            expected[i].append(os.path.relpath(path, ROOT))
    without = [i for i in ids if not expected[i]]
    errors += [f"no test expects '{i}'" for i in without]

    if "-v" in sys.argv:
        for i in ids:
            print(f"{i:<26} {', '.join(expected[i]) or '-'}")
    for e in errors:
        print("error:", e)
    print(f"{len(ids)} ids, ids without a test: {len(without)}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
