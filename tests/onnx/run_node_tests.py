"""The ONNX project's node tests, as its Python package brings them: run_node_tests.py BURIN_NODETEST. Exit 77: not there.

node_tests.txt names those that must pass: one that the tool begins to refuse is a failure too, not one more that is skipped. What
passes and is not in the list belongs into it.
"""
import os
import subprocess
import sys

import onnx

data = os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data", "node")
if not os.path.isdir(data):
    print("skipped: the onnx package has no node tests")
    sys.exit(77)
run = subprocess.run([sys.argv[1], data], capture_output=True, text=True)
lines = run.stdout.splitlines()
print("\n".join(l for l in lines if not l.startswith(("pass", "skip"))))
print(*lines[-1:], sep="\n")
passed = {l.split()[1].rstrip(":") for l in lines if l.startswith("pass ")}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "node_tests.txt")) as listed:
    wanted = set(listed.read().split())
lost = sorted(name for name in wanted - passed if os.path.isdir(os.path.join(data, name)))
for name in lost:
    print(f"no longer passes: {name}")
for name in sorted(passed - wanted):
    print(f"passes, and belongs into tests/onnx/node_tests.txt: {name}")
sys.exit(run.returncode or bool(lost))
