"""digits_f32 and digits_int8: a small CNN on scikit-learn's 8x8 handwritten digits.

conv 3x3 (8) - depthwise 3x3 - pointwise (16) - maxpool 2 - depthwise 3x3 stride 2 - pointwise (32) - dense (10) - softmax; Relu after
each convolution. Trained on 1,437 images, 360 held out; the data sets are the first held-out images, labels.json has their digits.
digits_f32 takes pixels / 16 as float32 [N, 1, 8, 8]. digits_int8 takes q = 8 * pixel - 128, that is scale 1/128, zero point -128;
its weights are int8 per channel, its bias int32 in sx * sw, its activations int8 with ranges from the training images.
"""
import json
import os
import sys

import numpy as np
from onnx.reference import ReferenceEvaluator
from sklearn.datasets import load_digits

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import oracle  # noqa: E402
from build import Graph, f32  # noqa: E402
from train import Conv, Dense, Flatten, MaxPool2, Relu, fit, predict, softmax  # noqa: E402

SETS = 12


def load():
    digits = load_digits()
    order = np.random.RandomState(5).permutation(len(digits.target))
    x, y = digits.images[order][:, None].astype(np.float64), digits.target[order]
    return x[360:] / 16, y[360:], x[:360] / 16, y[:360]


def train(x, y):
    rng = np.random.RandomState(11)
    layers = [Conv(rng, 1, 8, 3), Relu(), Conv(rng, 8, 8, 3, depthwise=True), Relu(), Conv(rng, 8, 16, 1), Relu(), MaxPool2(),
              Conv(rng, 16, 16, 3, stride=2, depthwise=True), Relu(), Conv(rng, 16, 32, 1), Relu(), Flatten(), Dense(rng, 128, 10)]

    def gradient(out, target):
        g = softmax(out)
        g[np.arange(len(g)), target] -= 1
        return g / len(g)

    fit(layers, x, y, gradient, rng, epochs=60)
    return layers


def conv_attrs(layer):
    p = layer.k // 2
    return {"kernel_shape": [layer.k] * 2, "strides": [layer.stride] * 2, "pads": [p] * 4,
            "group": len(layer.w) if layer.depthwise else 1}


def float_graph(layers, images):
    g = Graph(batch=True)
    x = g.input("image", [f32(i[None]) for i in images])
    for number, layer in enumerate(layers):
        name = f"{type(layer).__name__.lower()}{number}"
        if isinstance(layer, Conv):
            x = g.node("Conv", [x, f32(layer.w), f32(layer.b)], name=name, **conv_attrs(layer))
        elif isinstance(layer, MaxPool2):
            x = g.node("MaxPool", [x], name=name, kernel_shape=[2, 2], strides=[2, 2])
        elif isinstance(layer, Dense):
            x = g.node("Gemm", [x, f32(layer.w), f32(layer.b)], name=name)
        else:
            x = g.node(type(layer).__name__, [x], name=name)
    g.output(g.node("Softmax", [x], name="softmax", axis=-1))
    return g


def activation_scale(low, high):
    low, high = min(low, 0.0), max(high, 0.0)
    scale = f32((high - low) / 255)
    return scale, np.int8(np.clip(np.rint(-128 - low / float(scale)), -128, 127))


def weights(g, w, axis, sx, b):
    """(dequantized weights, dequantized bias): symmetric per channel, the bias in sx * sw."""
    others = tuple(i for i in range(w.ndim) if i != axis)
    sw = f32(np.maximum(np.abs(w).max(axis=others), 1e-6) / 127)
    shape = [1] * w.ndim
    shape[axis] = -1
    q = np.clip(np.rint(w / sw.reshape(shape)), -127, 127).astype(np.int8)
    sb = f32(sx * sw)
    qb = np.rint(b / sb).astype(np.int32)
    zero = np.zeros(len(sw), np.int8)
    return g.dequantize(g.const(q), sw, zero, axis=axis), g.dequantize(g.const(qb), sb, zero.astype(np.int32), axis=0)


def int8_graph(layers, images, calibration):
    g = Graph(batch=True)
    q = g.input("image", [(8 * i[None] * 16 - 128).astype(np.int8) for i in images])
    s, z = f32(1 / 128), np.int8(-128)
    values = calibration
    for number, layer in enumerate(layers):
        values = layer.forward(values)
        name = f"{type(layer).__name__.lower()}{number}"
        if isinstance(layer, MaxPool2):
            x = g.node("MaxPool", [g.dequantize(q, s, z)], name=name, kernel_shape=[2, 2], strides=[2, 2])
            q = g.quantize(x, s, z)[0]
        elif isinstance(layer, Flatten):
            q = g.node("Flatten", [q], name=name)
        elif isinstance(layer, (Conv, Dense)):
            w, b = weights(g, layer.w, 0 if isinstance(layer, Conv) else 1, s, layer.b)
            args = [g.dequantize(q, s, z), w, b]
            if isinstance(layer, Conv):
                x = g.node("Relu", [g.node("Conv", args, name=name, **conv_attrs(layer))])
                s, z = activation_scale(0.0, values.max())
            else:
                x = g.node("Gemm", args, name=name)
                s, z = activation_scale(values.min(), values.max())
            q = g.quantize(x, s, z)[0]
    x = g.node("Softmax", [g.dequantize(q, s, z)], name="softmax", axis=-1)
    g.output(g.quantize(x, 1 / 256, -128)[0])
    return g


def accuracy(graph, images, labels, scale):
    hits = 0
    graph.data[graph.inputs[0]] = [scale(i[None]) for i in images]
    model = graph.proto(graph.outputs)
    for data, label in zip(graph.data[graph.inputs[0]], labels):
        hits += int(oracle.run(model, [data])[0].argmax() == label)
    return hits / len(labels)


def reference(model, inputs):
    return ReferenceEvaluator(model).run(None, {model.graph.input[0].name: inputs[0]})


if __name__ == "__main__":
    x, y, held_x, held_y = load()
    layers = train(x, y)
    for name, graph, expect in (("digits_f32", float_graph(layers, held_x[:SETS]), reference),
                                ("digits_int8", int8_graph(layers, held_x[:SETS], x), None)):
        graph.save(os.path.join(HERE, name), expect)
        with open(os.path.join(HERE, name, "labels.json"), "w", encoding="utf-8") as f:
            json.dump([int(v) for v in held_y[:SETS]], f)
            f.write("\n")
        if "--accuracy" in sys.argv:
            to_input = f32 if name == "digits_f32" else lambda i: (128 * i - 128).astype(np.int8)
            print(f"{name}: {accuracy(graph, held_x, held_y, to_input):.4f} of the held-out images right")
    logits = predict(layers, held_x)
    print(f"float64 accuracy {np.mean(logits.argmax(1) == held_y):.4f}, {sum(p.size for l in layers for p in l.params())} parameters")
