"""Tiny graphs: one form of the file format each. Usage: make_tiny_forms.py [NAME...]"""
import numpy as np
from onnx import helper

from tiny import Graph, case, conv_case, data_sets, f32, integers, main, one, random_state, scales


@case
def opset9_forms():
    """Float: attributes that later became inputs, Softmax over everything behind its axis."""
    rng, g = random_state("opset9_forms"), Graph(opset=9, ir=4)
    x = g.input("x", [f32(rng.randn(1, 3, 4)), f32(3 * rng.randn(1, 3, 4))])
    x = g.node("Pad", [x], pads=[0, 0, 1, 0, 1, 0], value=0.25)
    x = g.node("Slice", [x], starts=[1, -4], ends=[9, 5], axes=[1, 2])
    x = g.node("Clip", [x], min=-1.5, max=1.0)
    x = g.node("Unsqueeze", [x], axes=[0])
    x = g.node("Dropout", [g.node("Squeeze", [x], axes=[0])], ratio=0.3)
    a, b = g.node("Split", [x], outputs=2, axis=2, split=[1, 3])
    g.output(a)
    return one(g, g.node("Softmax", [b], axis=1))


@case
def opset10_forms():
    """The first opset with QuantizeLinear: Clip and Pad with attributes, Slice with inputs."""
    rng, g = random_state("opset10_forms"), Graph(opset=10, ir=5)
    x = g.dequantize(g.input("x", data_sets(rng, (1, 2, 4, 4), np.uint8)), 0.05, np.uint8(128))
    x = g.node("Pad", [x], pads=[0, 0, 1, 1, 0, 0, 1, 0])
    w = g.dequantize(g.const(integers(rng, (3, 2, 3, 3))), 0.02, np.int8(0))
    y = g.node("Clip", [g.node("Conv", [x, w])], min=-4.0, max=6.0)
    q, s, z = g.quantize(y, dtype=np.uint8)
    x = g.node("Slice", [g.dequantize(q, s, z), np.array([1]), np.array([4]), np.array([2])])
    return one(g, g.quantize(x, s, z, np.uint8))


@case
def opset11_forms():
    """Clip with inputs, Squeeze, Unsqueeze and Split still with attributes, Softmax flattens."""
    rng, g = random_state("opset11_forms"), Graph(opset=11, ir=6)
    x = g.dequantize(g.input("x", data_sets(rng, (1, 6, 1, 2), np.uint8)), 0.03, np.uint8(128))
    q, s, z = g.quantize(g.node("Clip", [x, f32(-2.0), f32(3.0)]), dtype=np.uint8)
    x = g.node("Squeeze", [g.dequantize(q, s, z)], axes=[2])
    a, b = g.node("Split", [x], outputs=2, axis=1)
    g.output(g.quantize(g.node("Unsqueeze", [a], axes=[0]), s, z, np.uint8)[0])
    return one(g, g.region("Softmax", [b], scale=1 / 256, zero=0, axis=1, dtype=np.uint8))


@case
def shape_arithmetic():
    """Shape -> Gather -> Unsqueeze -> Concat -> Reshape, ConstantOfShape, Range: everything folds away."""
    rng, g = random_state("shape_arithmetic"), Graph(batch=True)
    x = g.input("x", data_sets(rng, (1, 2, 3, 4)))
    shape = g.node("Shape", [x])
    batch = g.node("Unsqueeze", [g.node("Gather", [shape, np.array(0)]), np.array([0])])
    rest = g.node("ReduceProd", [g.node("Slice", [shape, np.array([1]), np.array([4])])], axes=[0], keepdims=1)
    flat = g.node("Reshape", [x, g.node("Concat", [batch, rest], axis=0)])
    width = g.node("Gather", [g.node("Shape", [flat]), np.array(1)])
    ramp = g.node("Cast", [g.node("Range", [np.array(0), width, np.array(1)])], to=1)
    ones = g.node("ConstantOfShape", [g.node("Unsqueeze", [width, np.array([0])])],
                  value=helper.make_tensor("v", 1, [1], [0.5]))
    table, s, z = g.quantize(g.node("Mul", [ramp, ones]), 0.1, -128)
    return one(g, g.region("Add", [g.dequantize(flat, 0.05, np.int8(0)), g.dequantize(table, s, z)]))


@case
def external_data():
    """Every initializer lives in weights.bin beside the model."""
    return conv_case("external_data", (1, 2, 4, 4), (3, 2, 3, 3))


@case
def local_function():
    """A quantized layer as a model-local function, called twice; its stride comes from an attribute reference."""
    rng, g = random_state("local_function"), Graph(opset=13)
    g.domains = ["local"]
    body = [helper.make_node("DequantizeLinear", ["x", "sx", "zx"], ["xd"]),
            helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["wd"]),
            helper.make_node("Conv", ["xd", "wd"], ["c"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("QuantizeLinear", ["r", "sy", "zy"], ["y"])]
    stride = body[2].attribute.add()
    stride.name, stride.ref_attr_name, stride.type = "strides", "step", 7
    names = ["x", "sx", "zx", "w", "sw", "zw", "sy", "zy"]
    g.functions = [helper.make_function("local", "Layer", names, ["y"], body, [helper.make_opsetid("", 13)], attributes=["step"])]
    x, sx, zx = g.input("x", data_sets(rng, (1, 2, 6, 6))), f32(0.05), np.int8(-128)
    for m, step, sy in ((4, 2, 0.12), (3, 1, 0.2)):
        shape = (m, 2 if step == 2 else 4, 3, 3)
        x = g.node("Layer", [x, sx, zx, integers(rng, shape), f32(0.02), np.int8(0), f32(sy), np.int8(-128)],
                   domain="local", step=[step, step])
        sx = f32(sy)
    return one(g, x)


@case
def empty_inputs():
    """Optional inputs left empty in the middle and at the end."""
    rng, g = random_state("empty_inputs"), Graph()
    x = g.dequantize(g.input("x", data_sets(rng, (1, 2, 4, 5))), 0.05, np.int8(0))
    w = g.dequantize(g.const(integers(rng, (3, 2, 2, 2))), 0.02, np.int8(0))
    q, s, z = g.quantize(g.node("Clip", [g.node("Conv", [x, w, ""]), "", f32(1.5)]))
    y = g.node("Slice", [q, np.array([0, 0, 0, 0]), np.array([1, 3, 3, 9]), "", np.array([1, 2, 1, 2])])
    return one(g, y)


@case
def default_zero_point():
    """No zero points at all: uint8 and zero; scales as one-element vectors."""
    rng, g = random_state("default_zero_point"), Graph()
    x = g.node("DequantizeLinear", [g.input("x", data_sets(rng, (1, 17), np.uint8)), f32(0.05)])
    y = g.node("Mul", [x, g.node("DequantizeLinear", [integers(rng, (17,), np.uint8), f32(0.01)])])
    return one(g, g.node("QuantizeLinear", [y, f32(0.09)]))


@case
def copied_outputs():
    """Outputs that are an input, a constant, or another output; an input that nothing reads."""
    rng, g = random_state("copied_outputs"), Graph()
    x = g.input("x", data_sets(rng, (1, 6)))
    g.input("unused", data_sets(rng, (2,)))
    y = g.quantize(g.node("Relu", [g.dequantize(x, 0.05, np.int8(2))]), 0.05, 2)[0]
    g.output(y)
    g.output(g.node("Identity", [y]))
    g.output(g.node("Identity", [x]))
    return one(g, g.node("Identity", [integers(rng, (3,))]))


@case
def shared_value():
    """One tensor with four readers, one of which is the interface; two layers share weights."""
    rng, g = random_state("shared_value"), Graph()
    x = g.dequantize(g.input("x", data_sets(rng, (1, 3, 4, 4))), 0.05, np.int8(0))
    w = g.dequantize(g.const(integers(rng, (3, 3, 1, 1))), scales(rng, 3), np.zeros(3, np.int8), axis=0)
    q, s, z = g.region("Conv", [x, w], act="Relu")
    g.output(q)
    d = g.dequantize(q, s, z)
    again, s2, z2 = g.region("Conv", [d, w])
    return one(g, g.region("Add", [g.dequantize(again, s2, z2), d]))


@case
def batch_norm_f32():
    """Float: Conv -> BatchNormalization -> LeakyRelu -> BatchNormalization, channels-first."""
    rng, g = random_state("batch_norm_f32"), Graph(opset=15, batch=True)
    x = g.input("x", [f32(rng.randn(1, 2, 4, 4)) for _ in range(2)])
    y = g.node("Conv", [x, f32(rng.randn(3, 2, 3, 3)), f32(rng.randn(3))], pads=[1, 1, 1, 1])
    for act in ("LeakyRelu", None):
        y = g.node("BatchNormalization", [y, f32(rng.rand(3)), f32(rng.randn(3)), f32(rng.randn(3)), f32(rng.rand(3) + 0.1)])
        y = g.node(act, [y]) if act else y
    return one(g, y)


@case
def stored_weights_f32():
    """Float model whose weights are stored in int8: DequantizeLinear of constants folds."""
    rng, g = random_state("stored_weights_f32"), Graph(opset=19, batch=True)
    x = g.input("x", [f32(rng.randn(1, 2, 5, 4)) for _ in range(2)])
    w = g.dequantize(g.const(integers(rng, (4, 2, 3, 3))), scales(rng, 4), np.zeros(4, np.int8), axis=0)
    y = g.node("HardSwish", [g.node("Conv", [x, w, f32(rng.randn(4))], pads=[1, 1, 1, 1], strides=[2, 2])])
    y = g.node("GlobalAveragePool", [y])
    w = g.dequantize(g.const(integers(rng, (4, 3))), scales(rng, 3), np.zeros(3, np.int8), axis=1)
    return one(g, g.node("MatMul", [g.node("Flatten", [y]), w]))


if __name__ == "__main__":
    main()
