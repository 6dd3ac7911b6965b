"""needs.py SCRIPT ARGUMENTS: runs a script of this folder, or says `skipped` and exits with 77 where numpy or onnx are missing."""
import os
import runpy
import sys

SKIPPED = 77

if __name__ == "__main__":
    try:
        import numpy  # noqa: F401
        import onnx.helper  # noqa: F401  (a folder named onnx without it may be there)
    except ImportError as e:
        print(f"skipped: {e}; `tools/setup --python` makes .venv with what the oracle needs, then configure with -DPython3_EXECUTABLE")
        sys.exit(SKIPPED)
    sys.argv = sys.argv[1:]
    sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
    runpy.run_path(sys.argv[0], run_name="__main__")
