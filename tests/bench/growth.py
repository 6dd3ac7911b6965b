#!/usr/bin/env python3
"""How CPU time and memory of `burin compile` grow with the number of layers.

    tests/bench/growth.py build/burin [--cases f32,relu,qdq,f32_3x3,qdq_3x3,sum,concat] [--sizes 250,500,...] [--target cortex-m4f]

Prints for each network and size the CPU seconds, the exponent (log of the ratio of times by log of the ratio of sizes,
against the size before) and the peak of memory. Fails where an exponent of the second half of the sizes exceeds 1.5.
"""
import argparse
import math
import multiprocessing
import os
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS = 4
IMAGE = [1, CHANNELS, 4, 4]
MOST = 1.5


class Network:
    def __init__(self, window=1):
        self.random, self.window = np.random.default_rng(0), window
        self.nodes, self.constants = [], []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def weights(self):
        return self.random.uniform(-0.5, 0.5, (CHANNELS, CHANNELS, self.window, self.window)).astype(np.float32)

    def conv(self, x, i):
        return self.node("Conv", [x, self.constant(f"w{i}", self.weights())], f"c{i}", pads=[self.window // 2] * 4)

    def quantized(self, op, x, name, scale=np.float32(0.02), zero=np.int8(3)):
        return self.node(op, [x, self.constant(name + "_s", scale), self.constant(name + "_z", zero)], name)

    def qdq_layer(self, q, i):
        """int8 -> DequantizeLinear, Conv, Relu, QuantizeLinear -> int8."""
        x = self.quantized("DequantizeLinear", q, f"d{i}")
        stored = self.constant(f"w{i}", np.round(self.weights() * 127).astype(np.int8))
        w = self.quantized("DequantizeLinear", stored, f"dw{i}", np.float32(0.01), np.int8(0))
        return self.quantized("QuantizeLinear", self.node("Relu", [self.node("Conv", [x, w], f"c{i}", pads=[self.window // 2] * 4)], f"r{i}"), f"q{i}")

    def model(self, y, channels=CHANNELS):
        value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, "growth", [value("x", IMAGE)], [value(y, [1, channels, 4, 4])], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def f32(n, window=1):
    """A chain of convolutions."""
    net, y = Network(window), "x"
    for i in range(n):
        y = net.conv(y, i)
    return net.model(y)


def relu(n):
    """A chain of convolutions, each with a Relu."""
    net, y = Network(), "x"
    for i in range(n):
        y = net.node("Relu", [net.conv(y, i)], f"r{i}")
    return net.model(y)


def qdq(n, window=1):
    """A chain of convolutions with Relus between integers."""
    net = Network(window)
    q = net.quantized("QuantizeLinear", "x", "q")
    for i in range(n):
        q = net.qdq_layer(q, i)
    return net.model(net.quantized("DequantizeLinear", q, "y"))


def total(n):
    """The sum of as many convolutions of one input."""
    net = Network()
    y = net.conv("x", 0)
    for i in range(1, n):
        y = net.node("Add", [y, net.conv("x", i)], f"a{i}")
    return net.model(y)


def concat(n):
    """As many convolutions of one input, concatenated."""
    net = Network()
    return net.model(net.node("Concat", [net.conv("x", i) for i in range(n)], "y", axis=1), n * CHANNELS)


CASES = {"f32": f32, "relu": relu, "qdq": qdq, "f32_3x3": lambda n: f32(n, 3), "qdq_3x3": lambda n: qdq(n, 3), "sum": total, "concat": concat}


def measure(command):
    """CPU seconds and peak of memory in MB."""
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, status, used = os.wait4(pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main():
    multiprocessing.set_start_method("fork")
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("burin")
    p.add_argument("--cases", default=",".join(CASES))
    p.add_argument("--sizes", default="250,500,1000,2000,4000,10000")
    p.add_argument("--target", default="cortex-m4f")
    o = p.parse_args()
    sizes = [int(s) for s in o.sizes.split(",")]
    steep = []
    print(f"{'network':8} {'layers':>6} {'CPU s':>8} {'exponent':>8} {'MB':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for case in o.cases.split(","):
            before = None
            for i, n in enumerate(sizes):
                path = os.path.join(folder, "model.onnx")
                write = multiprocessing.Process(target=lambda: onnx.save(CASES[case](n), path))
                write.start()  # a child's peak begins with its parent's memory: this one stays small
                write.join()
                seconds, memory = measure([o.burin, "compile", path, "--target", o.target, "-o", os.path.join(folder, "out")])
                exponent = math.log(seconds / before[1]) / math.log(n / before[0]) if before else math.nan
                print(f"{case:8} {n:6} {seconds:8.2f} {exponent:8.2f} {memory:7.0f}", flush=True)
                if exponent > MOST and i >= (len(sizes) + 1) // 2:
                    steep.append(f"{case} {n}")
                before = n, seconds
    if steep:
        sys.exit(f"exponent above {MOST}: {', '.join(steep)}")


if __name__ == "__main__":
    main()
