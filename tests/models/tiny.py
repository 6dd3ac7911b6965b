"""What the scripts of the tiny graphs share: the list of cases, layers that many of them need, and the writing."""
import os
import sys

import numpy as np
from onnx.reference import ReferenceEvaluator

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
from build import Graph, data_sets, f32, integers, random_state  # noqa: E402

FLOAT = ("opset9_forms", "batch_norm_f32", "stored_weights_f32")
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def scales(rng, n, around=0.02):
    return f32(around * (0.5 + rng.rand(n)))


def conv_case(name, x_shape, w_shape, act=None, x_type=np.int8, zero=5, weight_scale=0.02, cover=0.85, **attrs):
    """One convolution, int8 per-channel weights, bias in its usual scale."""
    rng, g = random_state(name), Graph()
    x = g.dequantize(g.input("x", data_sets(rng, x_shape, x_type)), 0.05, x_type(zero))
    sw = scales(rng, w_shape[0], weight_scale)
    w = g.dequantize(g.const(integers(rng, w_shape)), sw, np.zeros(w_shape[0], np.int8), axis=0)
    b = rng.randint(-2000, 2000, size=w_shape[0]).astype(np.int32)
    b = g.dequantize(g.const(b), f32(0.05) * sw, np.zeros(w_shape[0], np.int32), axis=0)
    return one(g, g.region("Conv", [x, w, b], act=act, dtype=x_type, cover=cover, **attrs))


def one(g, y):
    g.output(y[0] if isinstance(y, tuple) else y)
    return g


def reference(model, inputs):
    """ONNX's own reference implementation."""
    names = [i.name for i in model.graph.input]
    outputs = [o.name for o in model.graph.output]
    return ReferenceEvaluator(model).run(outputs, dict(zip(names, inputs)))


def main():
    for name in sys.argv[1:] or CASES:
        graph = CASES[name]()
        if name in FLOAT and graph.opset >= 10:  # the reference has no attributes of opset 9: there the oracle answers
            graph.save(os.path.join(HERE, name), reference)
        else:
            graph.save(os.path.join(HERE, name), external="weights.bin" if name == "external_data" else None)
