"""sine_f32 and sine_int8: sin(x) for x in [0, 2 pi] by a perceptron 1-16-16-1 (Relu).

Both write MatMul, Add, Relu the way converters from Keras do. sine_int8 has an int8 interface: per-tensor weights, int32 bias.
"""
import os
import sys

import numpy as np
from onnx.reference import ReferenceEvaluator

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import oracle  # noqa: E402
from build import Graph, f32  # noqa: E402
from train import Dense, Relu, fit, predict  # noqa: E402

POINTS = [0.0, 0.6, 1.57, 2.5, 3.3, 4.7, 6.2]


def train():
    rng = np.random.RandomState(3)
    x = np.linspace(0, 2 * np.pi, 1000)[:, None]
    layers = [Dense(rng, 1, 16), Relu(), Dense(rng, 16, 16), Relu(), Dense(rng, 16, 1)]
    layers[0].b[:] = -layers[0].w[0] * rng.rand(16) * 2 * np.pi  # bends spread over the range
    fit(layers, x, np.sin(x), lambda out, y: 2 * (out - y) / len(y), rng, epochs=600, rate=1e-2, decay=0.05)
    return layers, x


def float_graph(layers):
    g = Graph(batch=True)
    x = g.input("x", [f32([[v]]) for v in POINTS])
    for n, layer in enumerate(layers):
        if isinstance(layer, Dense):
            x = g.node("Add", [g.node("MatMul", [x, f32(layer.w)], name=f"dense{n}"), f32(layer.b)], name=f"bias{n}")
        else:
            x = g.node("Relu", [x], name=f"relu{n}")
    g.output(x)
    return g


def range_of(values):
    low, high = min(values.min(), 0.0), max(values.max(), 0.0)
    scale = f32((high - low) / 255)
    return scale, np.int8(np.clip(np.rint(-128 - low / float(scale)), -128, 127))


def int8_graph(layers, x):
    g = Graph(batch=True)
    s, z = range_of(x)
    points = [np.array([[np.clip(np.rint(v / float(s)) + int(z), -128, 127)]], dtype=np.int8) for v in POINTS]
    q = g.input("x", points + [np.array([[-128]], np.int8), np.array([[127]], np.int8)])
    for n, (dense, relu) in enumerate(((0, True), (2, True), (4, False))):
        layer = layers[dense]
        sw = f32(np.abs(layer.w).max() / 127)
        w = np.clip(np.rint(layer.w / float(sw)), -127, 127).astype(np.int8)
        sb = f32(s * sw)
        b = np.rint(layer.b / float(sb)).astype(np.int32)
        y = g.node("MatMul", [g.dequantize(q, s, z), g.dequantize(g.const(w), sw, np.int8(0))], name=f"dense{n}")
        y = g.node("Add", [y, g.dequantize(g.const(b), sb, np.int32(0))], name=f"bias{n}")
        values = layer.forward(x if n == 0 else values)
        if relu:
            values = np.maximum(values, 0)
            y = g.node("Relu", [y])
        s, z = range_of(values)
        q = g.quantize(y, s, z)[0]
    g.output(q)
    return g, s, z


def reference(model, inputs):
    return ReferenceEvaluator(model).run(None, {model.graph.input[0].name: inputs[0]})


if __name__ == "__main__":
    layers, x = train()
    float_graph(layers).save(os.path.join(HERE, "sine_f32"), reference)
    graph, scale, zero = int8_graph(layers, x)
    results = graph.save(os.path.join(HERE, "sine_int8"))
    worst = max(abs((int(r[0][0, 0]) - int(zero)) * float(scale) - np.sin(p)) for r, p in zip(results, POINTS))
    print(f"sine: float off by at most {np.abs(predict(layers, x) - np.sin(x)).max():.4f}, int8 on the data sets by {worst:.4f}")
