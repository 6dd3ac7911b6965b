"""Builds small models with test data in ONNX's layout; used by generate.py and by the scripts of tests/models.

A Graph knows its input data while it is built, so that `quantize` can choose a scale from the values that really occur.
Expected outputs come from oracle.run unless they are given. Same calls, same bytes.
"""
import os
import shutil

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import oracle
from exact import Real

RANGE = {np.dtype(t): oracle.limits(t) for t in (np.int8, np.uint8, np.int16, np.uint16)}


def f32(x):
    return np.asarray(x, dtype=np.float32)


def random_state(text):
    """A generator that depends on a name alone (RandomState's streams are frozen by numpy's policy)."""
    seed = 0
    for c in text:
        seed = (seed * 31 + ord(c)) % (2**32)
    return np.random.RandomState(seed)


def integers(rng, shape, dtype=np.int8, low=None, high=None):
    first, last = RANGE[np.dtype(dtype)]
    return rng.randint(first if low is None else low, (last if high is None else high) + 1, size=shape).astype(dtype)


def data_sets(rng, shape, dtype=np.int8):
    """Two inputs: the whole range at random, and nothing but the two extremes."""
    low, high = RANGE[np.dtype(dtype)]
    return [integers(rng, shape, dtype), np.where(rng.randint(0, 2, size=shape) == 1, high, low).astype(dtype)]


class Graph:
    def __init__(self, opset=13, batch=False, ir=8):
        self.opset, self.ir, self.batch = opset, ir, batch  # batch: the first dimension is unknown, as exporters write it
        self.nodes, self.tensors, self.inputs, self.outputs = [], [], [], []
        self.data, self.functions, self.domains = {}, [], []
        self.serial = 0

    def fresh(self, stem):
        self.serial += 1
        return f"{stem}{self.serial}"

    def input(self, name, arrays):
        """arrays: one value per test data set, all of one shape and type."""
        self.inputs.append(name)
        self.data[name] = [np.asarray(a) for a in arrays]
        return name

    def const(self, array, name=None):
        name = name or self.fresh("c")
        self.tensors.append(array if isinstance(array, onnx.TensorProto) else numpy_helper.from_array(np.asarray(array), name))
        self.tensors[-1].name = name
        return name

    def node(self, op, inputs, outputs=1, name=None, domain="", **attrs):
        """Name of the one output, or the list of names if `outputs` asks for several."""
        stem = {"QuantizeLinear": "q", "DequantizeLinear": "d"}.get(op, op.lower()[:4])  # short: names are most of a tiny file
        names = [self.fresh(stem) for _ in range(outputs)]
        inputs = [i if isinstance(i, str) else self.const(i) for i in inputs]
        self.nodes.append(helper.make_node(op, inputs, names, name=name or names[0], domain=domain, **attrs))
        return names if outputs > 1 else names[0]

    def dequantize(self, q, scale, zero=None, axis=None):
        args = [q, f32(scale)] + ([] if zero is None else [np.asarray(zero)])
        return self.node("DequantizeLinear", args, **({} if axis is None else {"axis": axis}))

    def quantize(self, x, scale=None, zero=None, dtype=np.int8, cover=0.85):
        """Without a scale: the range that occurs, times `cover` (below 1 some values saturate). Returns (name, scale, zero)."""
        low, high = RANGE[np.dtype(dtype)]
        if scale is None:
            bottom, top = self.observed(x)
            scale = f32(max((top - bottom) * cover, 1e-6) / (high - low))
            if zero is None:
                zero = int(np.clip(np.rint(low - bottom * cover / float(scale)), low, high))
        scale, zero = f32(scale), np.asarray(0 if zero is None else zero, dtype=dtype)
        return self.node("QuantizeLinear", [x, scale, zero]), scale, zero

    def region(self, op, args, scale=None, zero=None, dtype=np.int8, act=None, cover=0.85, **attrs):
        """op(args) -> [act] -> QuantizeLinear; returns (name, scale, zero)."""
        y = self.node(op, args, **attrs)
        if act == "Relu":
            y = self.node("Relu", [y])
        elif act is not None:  # (low, high)
            y = self.node("Clip", [y, f32(act[0]), f32(act[1])])
        return self.quantize(y, scale, zero, dtype, cover)

    def output(self, name):
        self.outputs.append(name)

    def observed(self, name):
        """(smallest, largest) number that `name` takes over all data sets, 0 included."""
        low = high = 0.0
        for i in range(self.sets()):
            values = {}
            oracle.run(self.proto([name]), [self.data[n][i] for n in self.inputs], values=values)
            v = values[name]
            v = v.floats(np.float64) if isinstance(v, Real) else v.astype(np.float64)
            low, high = min(low, float(v.min(initial=0))), max(high, float(v.max(initial=0)))
        return low, high

    def sets(self):
        return len(self.data[self.inputs[0]])

    def info(self, name, array):
        shape = list(array.shape)
        if self.batch and shape:
            shape[0] = "N"
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), shape)

    def proto(self, outputs, results=None):
        inputs = [self.info(n, self.data[n][0]) for n in self.inputs]
        if results is None:
            outs = [onnx.ValueInfoProto(name=n) for n in outputs]
        else:
            outs = [self.info(n, r) for n, r in zip(outputs, results)]
        graph = helper.make_graph(self.nodes, "g", inputs, outs, self.tensors)
        opsets = [helper.make_opsetid("", self.opset)] + [helper.make_opsetid(d, 1) for d in self.domains]
        return helper.make_model(graph, opset_imports=opsets, functions=self.functions, ir_version=self.ir)

    def save(self, folder, expect=None, external=None):
        """Writes folder/model.onnx and the data sets. expect(model, inputs) -> outputs replaces the oracle. Returns the outputs."""
        results = []
        for i in range(self.sets()):
            values = [self.data[n][i] for n in self.inputs]
            results.append((expect or oracle.run)(self.proto(self.outputs), values))
        model = self.proto(self.outputs, results[0])
        onnx.checker.check_model(model, full_check=not self.functions)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        if external:
            onnx.save(model, os.path.join(folder, "model.onnx"), save_as_external_data=True, location=external, size_threshold=0)
        else:
            write(os.path.join(folder, "model.onnx"), model)
        for i, outs in enumerate(results):
            write_data_set(os.path.join(folder, f"test_data_set_{i}"), self.inputs, [self.data[n][i] for n in self.inputs],
                           self.outputs, outs)
        return results


def write(path, message):
    with open(path, "wb") as f:
        f.write(message.SerializeToString(deterministic=True))


def write_data_set(folder, input_names, inputs, output_names, outputs):
    os.makedirs(folder, exist_ok=True)
    for kind, names, arrays in (("input", input_names, inputs), ("output", output_names, outputs)):
        for k, (name, array) in enumerate(zip(names, arrays)):
            write(os.path.join(folder, f"{kind}_{k}.pb"), numpy_helper.from_array(np.asarray(array), name))
