"""The ONNX project's node tests, as its Python package brings them: run_node_tests.py BURIN_NODETEST. Exit 77: not there."""
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
sys.exit(run.returncode)
