"""skipped.py [--allowed LIST] RESULTS.xml...: counts and names the tests that ctest skipped, with the reason that each gave.

RESULTS.xml: of ctest --output-junit. LIST: a line for each test that may be skipped, its name and why. With it only others are named,
and one of them makes the exit code 1.
"""
import argparse
import os
import pathlib
import sys
import xml.etree.ElementTree


def skipped(path):
    """(name, reason) of every skipped test."""
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        if case.find("skipped") is not None:
            said = [line for line in (case.findtext("system-out") or "").splitlines() if "skipped" in line]
            yield case.get("name"), said[-1].partition("skipped: ")[2] or said[-1] if said else "no reason given"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", type=pathlib.Path)
    parser.add_argument("--allowed", type=pathlib.Path)
    options = parser.parse_args()
    found = dict(pair for path in options.results for pair in skipped(path))
    if not options.allowed:
        print(f"skipped: {len(found)} tests")
    else:
        lines = [line.split(maxsplit=1) for line in options.allowed.read_text().splitlines() if line and line[0] != "#"]
        found = {name: why for name, why in found.items() if name not in {line[0] for line in lines}}
        if found:
            print(f"skipped, but not in {os.path.relpath(options.allowed)}: {len(found)} tests")
    for name, why in found.items():
        print(f"    {name}: {why}")
    return 1 if options.allowed and found else 0


if __name__ == "__main__":
    sys.exit(main())
