"""Operators that only move numbers: the same code serves integers, floats and exact reals."""
import numpy as np

from exact import OracleError


def as_list(value):
    return [int(v) for v in np.asarray(value).reshape(-1)]


def reshape(node, x):
    shape = as_list(node.arg(1)) if node.has(1) else list(node.attrs["shape"])
    keep_zero = node.attrs.get("allowzero", 0)
    shape = [x.shape[i] if s == 0 and not keep_zero else s for i, s in enumerate(shape)]
    return x.reshape(shape)


def flatten(node, x):
    axis = node.attrs.get("axis", 1)
    axis += x.ndim if axis < 0 else 0
    return x.reshape(int(np.prod(x.shape[:axis], dtype=np.int64)), -1)


def squeeze(node, x):
    axes = as_list(node.arg(1)) if node.has(1) else node.attrs.get("axes")
    return np.squeeze(x, axis=tuple(axes) if axes is not None else None)


def unsqueeze(node, x):
    axes = as_list(node.arg(1)) if node.has(1) else node.attrs["axes"]
    return np.expand_dims(x, tuple(axes))


def transpose(node, x):
    return np.transpose(x, node.attrs.get("perm"))


def slice_(node, x):
    if node.opset >= 10:
        starts, ends = as_list(node.arg(1)), as_list(node.arg(2))
        axes = as_list(node.arg(3)) if node.has(3) else list(range(len(starts)))
        steps = as_list(node.arg(4)) if node.has(4) else [1] * len(starts)
    else:
        starts, ends = node.attrs["starts"], node.attrs["ends"]
        axes, steps = node.attrs.get("axes", list(range(len(starts)))), [1] * len(starts)
    index = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps):
        size = x.shape[axis]
        start, end = (v + size if v < 0 else v for v in (start, end))
        if step > 0:
            start, end = min(max(start, 0), size), min(max(end, 0), size)
        else:
            start, end = min(max(start, 0), size - 1), min(max(end, -1), size - 1)
            end = None if end < 0 else end
        index[axis] = slice(start, end, step)
    return x[tuple(index)]


def split(node, x):
    axis = node.attrs.get("axis", 0)
    parts = node.attrs.get("split")
    if node.has(1):
        parts = as_list(node.arg(1))
    if parts is None:
        n = node.attrs.get("num_outputs", node.outputs)
        size = -(-x.shape[axis] // n)
        parts = [min(size, x.shape[axis] - i * size) for i in range(n)]
    return np.split(x, np.cumsum(parts)[:-1], axis=axis)


def gather(node, x):
    index = np.asarray(node.arg(1))
    axis = node.attrs.get("axis", 0)
    return np.take(x, np.where(index < 0, index + x.shape[axis], index), axis=axis)


def gather_elements(node, x):
    index, axis = np.asarray(node.arg(1)), node.attrs.get("axis", 0)
    index = np.where(index < 0, index + x.shape[axis], index)
    places = list(np.indices(index.shape))
    places[axis] = index
    return x[tuple(places)]


def gather_nd(node, x):
    """The last axis of the indices names an element or a slice; the first `batch_dims` axes run along with the data's."""
    index, batch = np.asarray(node.arg(1)), node.attrs.get("batch_dims", 0)
    index = np.where(index < 0, index + np.array(x.shape[batch:batch + index.shape[-1]]), index)
    own = [g.reshape(g.shape + (1,) * (index.ndim - 1 - batch)) for g in np.indices(index.shape[:batch])]
    return x[tuple(own) + tuple(np.moveaxis(index, -1, 0))]


def expand(node, x):
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(as_list(node.arg(1)))))


def tile(node, x):
    return np.tile(x, as_list(node.arg(1)))


def identity(node, x):
    if node.op == "Dropout" and node.has(2) and np.asarray(node.arg(2)).any():
        raise OracleError("training mode")
    if node.op == "Dropout" and node.outputs > 1:
        return [x, np.ones(x.shape, dtype=bool)]
    return x


def pad_widths(node, rank):
    pads = as_list(node.arg(1)) if node.has(1) else list(node.attrs.get("pads", node.attrs.get("paddings", [])))
    axes = [a % rank for a in as_list(node.arg(3))] if node.has(3) else list(range(rank))
    widths = [(0, 0)] * rank
    for i, axis in enumerate(axes):
        widths[axis] = (pads[i], pads[i + len(axes)])
    return widths


def pad(node, x, fill):
    mode = node.attrs.get("mode", "constant")
    widths = pad_widths(node, x.ndim)
    grow = [(max(b, 0), max(e, 0)) for b, e in widths]
    cut = tuple(slice(max(-b, 0), size + max(b, 0) + max(e, 0) + min(e, 0)) for size, (b, e) in zip(x.shape, widths))
    if mode == "constant":
        return np.pad(x, grow, constant_values=fill)[cut]
    if mode in ("reflect", "edge", "wrap"):
        return np.pad(x, grow, mode=mode)[cut]
    raise OracleError(f"Pad mode {mode}")


# operator: function of (node, the one tensor that is moved)
ONE_TENSOR = {
    "Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Transpose": transpose,
    "Slice": slice_, "Split": split, "Gather": gather, "GatherElements": gather_elements,
    "GatherND": gather_nd, "Expand": expand, "Tile": tile, "Identity": identity,
    "Dropout": identity,
}
