"""What the tests of the command line share: running burin, small models, scratch folders."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(os.path.dirname(HERE), "models")
BURIN = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "burin"

OK, MODEL_ERROR, USAGE, OVER_BUDGET, DIFFERS, TOOL_MISSING = 0, 1, 2, 3, 4, 5


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return f"exit {self.code}\nstdout: {self.out[:2000]}\nstderr: {self.err[:4000]}"


def burin(*arguments, cwd=None, env=None):
    done = subprocess.run([BURIN, *map(str, arguments)], cwd=cwd, env=env, capture_output=True, text=True, errors="replace", timeout=120)
    return Result(done)


def tree(folder):
    """Every file below a folder with its bytes."""
    files = {}
    for base, _, names in os.walk(folder):
        for n in names:
            path = os.path.join(base, n)
            with open(path, "rb") as f:
                files[os.path.relpath(path, folder)] = f.read()
    return files


class Case(unittest.TestCase):
    """Each test has a scratch folder, self.dir, that vanishes with it."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="burin-cli-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, data):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.SerializeToString())
        return path

    def compiled(self, model, *options, code=OK, out="out"):
        """Compiles into self.dir/out; checks the exit code, and that a failure leaves nothing behind and never looks internal."""
        r = burin("compile", model, "-o", self.path(out), *options)
        self.assertEqual(r.code, code, repr(r))
        self.assertNotIn("internal error", r.err)
        if code != OK:
            self.assertEqual(tree(self.path(out)), {}, "files are left behind")
            self.assertEqual(r.out, "")
        return r

    def refused(self, model, *patterns, options=(), code=MODEL_ERROR):
        """compile, analyze and verify all refuse the model with the same message."""
        r = self.compiled(model, *options, code=code)
        for p in patterns:
            self.assertRegex(r.err, p)
        if code == MODEL_ERROR:
            self.assertRegex(r.err, r"^(.*: (error|note): .*\n)+$")
            self.assertRegex(r.err, r"\[[a-z0-9-]+\]")
        other = burin("analyze", model, *options)
        self.assertEqual((other.code, other.err), (code, r.err))
        return r


# Models. Tensors are (name, type, shape) or just given; nodes are onnx nodes.

def value(name, kind=T.FLOAT, shape=(1, 4)):
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def model(nodes, inputs, outputs, constants=(), opset=13, functions=(), domains=()):
    graph = helper.make_graph(list(nodes), "g", list(inputs), list(outputs), initializer=list(constants))
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), *[helper.make_opsetid(d, 1) for d in domains]])
    m.ir_version = 8
    m.functions.extend(functions)
    return m


def relu():
    return model([helper.make_node("Relu", ["x"], ["y"], name="r")], [value("x")], [value("y")])


def image_example(quantized=True, size=28, filters=16):
    """A size x size image through filters of 3x3 in 8 bit, without padding, stored integers at both ends."""
    rng = np.random.default_rng(1)
    out = size - 2
    f32 = np.float32
    constants = [
        constant("xs", f32(0.02)), constant("xz", np.int8(-3)),
        constant("w", rng.integers(-127, 128, (filters, 1, 3, 3)).astype(np.int8)),
        constant("ws", np.linspace(0.001, 0.002, filters).astype(f32)), constant("wz", np.zeros(filters, np.int8)),
        constant("b", rng.integers(-500, 500, filters).astype(np.int32)),
        constant("bs", (f32(0.02) * np.linspace(0.001, 0.002, filters).astype(f32)).astype(f32)), constant("bz", np.zeros(filters, np.int32)),
        constant("ys", f32(0.03)), constant("yz", np.int8(5)),
    ]
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "xs", "xz"], ["xf"], name="dx"),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wf"], name="dw", axis=0),
        helper.make_node("DequantizeLinear", ["b", "bs", "bz"], ["bf"], name="db", axis=0),
        helper.make_node("Conv", ["xf", "wf", "bf"], ["c"], name="conv", kernel_shape=[3, 3]),
        helper.make_node("QuantizeLinear", ["c", "ys", "yz"], ["y"], name="q"),
    ]
    return model(nodes, [value("x", T.INT8, (1, 1, size, size))], [value("y", T.INT8, (1, filters, out, out))], constants)


def two_groups():
    """Convolutions that run row by row where memory is short, twice; the transpose between them wants a whole image, a small one."""
    rng = np.random.default_rng(2)
    def w(name, *shape):
        return constant(name, rng.uniform(-0.5, 0.5, shape).astype(np.float32))
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["y0"], name="first", pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["y0", "w1"], ["y1"], name="second", pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["y1", "w2"], ["y2"], name="small", strides=[4, 4]),
        helper.make_node("Transpose", ["y2"], ["y3"], name="turn", perm=[0, 1, 3, 2]),
        helper.make_node("Conv", ["y3", "w4"], ["y4"], name="wide"),
        helper.make_node("Conv", ["y4", "w5"], ["y5"], name="deep", pads=[1, 1, 1, 1], group=48),
        helper.make_node("GlobalAveragePool", ["y5"], ["y"], name="mean"),
    ]
    return model(nodes, [value("x", T.FLOAT, (1, 1, 32, 32))], [value("y", T.FLOAT, (1, 48, 1, 1))],
                 [w("w0", 4, 1, 3, 3), w("w1", 4, 4, 3, 3), w("w2", 4, 4, 4, 4), w("w4", 48, 4, 1, 1), w("w5", 48, 1, 3, 3)])


def number(text):
    return int(text.replace(",", ""))


def macro(header, name):
    found = re.search(rf"^#define {name} (.*?)(?: */\*.*)?$", header, re.M)
    assert found, f"no #define {name}"
    return found[1].strip()


def main():
    del sys.argv[1:2]
    unittest.main(module="__main__")
