#!/usr/bin/env python3
"""Networks that everybody knows, int8, with random weights of a seed: what they need of RAM does not depend on weights.

    tests/bench/public_nets.py DIR      writes DIR/NAME/model.onnx for each

mobilenet_v2_035_144: MobileNetV2, width 0.35, 144x144x3. mobilenet_v1_025_128: MobileNetV1, width 0.25, 128x128x3. unet_32: an
encoder and a decoder with skip connections. densenet_16: each layer reads all before it. Activations have one scale, weights one
for each channel, all between QuantizeLinear and DequantizeLinear.
"""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    def __init__(self, name, shape):
        self.random, self.nodes, self.constants, self.n = np.random.default_rng(7), [], [], 0
        self.name, self.shape = name, shape
        self.scale, self.zero = self.constant(np.float32(0.05)), self.constant(np.int8(-3))

    def constant(self, array):
        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, op, inputs, **attributes):
        self.n += 1
        self.nodes.append(helper.make_node(op, inputs, [f"v{self.n}"], name=f"{op.lower()}_{self.n}", **attributes))
        return f"v{self.n}"

    def stored(self, x):
        """Through int8 and back."""
        return self.node("DequantizeLinear", [self.node("QuantizeLinear", [x, self.scale, self.zero]), self.scale, self.zero])

    def conv(self, x, ins, outs, kernel=1, stride=1, group=1, relu=True):
        w = self.random.integers(-127, 128, (outs, ins // group, kernel, kernel), dtype=np.int8)
        scales = self.random.uniform(0.002, 0.004, outs).astype(np.float32)
        w = self.node("DequantizeLinear", [self.constant(w), self.constant(scales), self.constant(np.zeros(outs, np.int8))], axis=0)
        y = self.node("Conv", [x, w], kernel_shape=[kernel, kernel], strides=[stride, stride], group=group, auto_pad="SAME_UPPER")
        return self.stored(self.node("Clip", [y, self.constant(np.float32(0)), self.constant(np.float32(6))]) if relu else y)

    def save(self, y, folder):
        graph = helper.make_graph(self.nodes, self.name, [helper.make_tensor_value_info("x", TensorProto.INT8, self.shape)],
                                  [helper.make_tensor_value_info(y, TensorProto.FLOAT, None)], self.constants)
        path = pathlib.Path(folder) / self.name
        path.mkdir(parents=True, exist_ok=True)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path / "model.onnx")

    def begin(self):
        return self.node("DequantizeLinear", ["x", self.scale, self.zero])

    def classes(self, x, ins, outs):
        x = self.stored(self.node("GlobalAveragePool", [x]))
        return self.conv(x, ins, outs, relu=False)


def channels(n, width):
    """As the papers' code rounds them."""
    v = max(8, int(n * width + 4) // 8 * 8)
    return v + 8 if v < 0.9 * n * width else v


def mobilenet_v2(folder, width, size):
    net = Net(f"mobilenet_v2_{int(width * 100):03}_{size}", [1, 3, size, size])
    c = channels(32, width)
    x = net.conv(net.begin(), 3, c, 3, 2)
    for t, outs, times, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
        for i in range(times):
            s, o, e = stride if i == 0 else 1, channels(outs, width), c * t
            y = net.conv(x, c, e) if t > 1 else x
            y = net.conv(net.conv(y, e, e, 3, s, e), e, o, relu=False)
            x = net.stored(net.node("Add", [x, y])) if s == 1 and o == c else y
            c = o
    x = net.conv(x, c, 1280)
    net.save(net.classes(x, 1280, 1000), folder)


def mobilenet_v1(folder, width, size):
    net = Net(f"mobilenet_v1_{int(width * 100):03}_{size}", [1, 3, size, size])
    c = channels(32, width)
    x = net.conv(net.begin(), 3, c, 3, 2)
    for outs, s in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]:
        x = net.conv(net.conv(x, c, c, 3, s, c), c, channels(outs, width))
        c = channels(outs, width)
    net.save(net.classes(x, c, 1000), folder)


def unet(folder, size):
    net = Net(f"unet_{size}", [1, 1, size, size])
    x, c, skips = net.begin(), 1, []
    for o in [8, 16, 32]:
        x, c = net.conv(net.conv(x, c, o, 3), o, o, 3), o
        if o < 32:
            skips.append((x, o))
            x = net.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
    for skip, o in reversed(skips):
        x = net.node("Resize", [x, "", net.constant(np.array([1, 1, 2, 2], np.float32))], mode="nearest", coordinate_transformation_mode="asymmetric",
                     nearest_mode="floor")
        x, c = net.conv(net.node("Concat", [x, skip], axis=1), c + o, o, 3), o
    net.save(net.conv(x, c, 2, relu=False), folder)


def densenet(folder, size):
    net = Net(f"densenet_{size}", [1, 3, size, size])
    x, c = net.conv(net.begin(), 3, 8, 3), 8
    for _ in range(2):
        for _ in range(4):
            x, c = net.node("Concat", [x, net.conv(net.conv(x, c, 16), 16, 8, 3)], axis=1), c + 8
        x, c = net.conv(x, c, c // 2), c // 2
        x = net.stored(net.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2]))
    net.save(net.classes(x, c, 10), folder)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    mobilenet_v2(sys.argv[1], 0.35, 144)
    mobilenet_v1(sys.argv[1], 0.25, 128)
    unet(sys.argv[1], 32)
    densenet(sys.argv[1], 16)


if __name__ == "__main__":
    main()
