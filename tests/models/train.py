"""A convolutional network's training in numpy: layers with forward and backward, Adam. Images are channels-first.

Everything runs in float64 from fixed seeds; the weights are rounded to 12 bits after the point at the end, so that a different
order of additions in another BLAS hardly ever reaches the files.
"""
import numpy as np


class Conv:
    """Weights [M, C/group, k, k] with group 1 or C; pads k//2."""

    def __init__(self, rng, channels, filters, k, stride=1, depthwise=False):
        fan = k * k * (1 if depthwise else channels)
        self.w = rng.randn(filters, 1 if depthwise else channels, k, k) * np.sqrt(2 / fan)
        self.b = np.zeros(filters)
        self.k, self.stride, self.depthwise = k, stride, depthwise

    def params(self):
        return [self.w, self.b]

    def taps(self, shape):
        oh, ow = ((s - 1) // self.stride + 1 for s in shape)
        for i in range(self.k):
            for j in range(self.k):
                s = self.stride
                yield i, j, (..., slice(i, i + (oh - 1) * s + 1, s), slice(j, j + (ow - 1) * s + 1, s))

    def forward(self, x):
        p = self.k // 2
        self.shape = x.shape
        self.x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        y = 0
        for i, j, window in self.taps(x.shape[2:]):
            w = self.w[:, :, i, j]
            y = y + (self.x[window] * w[:, 0, None, None] if self.depthwise else np.tensordot(self.x[window], w, ([1], [1])))
        return (y if self.depthwise else y.transpose(0, 3, 1, 2)) + self.b[:, None, None]

    def backward(self, gy):
        p = self.k // 2
        gx, gw = np.zeros_like(self.x), np.zeros_like(self.w)
        for i, j, window in self.taps(self.shape[2:]):
            seen, w = self.x[window], self.w[:, :, i, j]
            if self.depthwise:
                gw[:, 0, i, j] = (gy * seen).sum((0, 2, 3))
                gx[window] += gy * w[:, 0, None, None]
            else:
                gw[:, :, i, j] = np.tensordot(gy, seen, ([0, 2, 3], [0, 2, 3]))
                gx[window] += np.tensordot(gy, w, ([1], [0])).transpose(0, 3, 1, 2)
        self.grads = [gw, gy.sum((0, 2, 3))]
        return gx[:, :, p:gx.shape[2] - p, p:gx.shape[3] - p]


class Dense:
    def __init__(self, rng, inputs, outputs):
        self.w, self.b = rng.randn(inputs, outputs) * np.sqrt(2 / inputs), np.zeros(outputs)

    def params(self):
        return [self.w, self.b]

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, gy):
        self.grads = [self.x.T @ gy, gy.sum(0)]
        return gy @ self.w.T


class Relu:
    def params(self):
        return []

    def forward(self, x):
        self.on = x > 0
        return x * self.on

    def backward(self, gy):
        self.grads = []
        return gy * self.on


class MaxPool2(Relu):
    def forward(self, x):
        n, c, h, w = x.shape
        self.blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
        self.best = self.blocks.max((3, 5), keepdims=True)
        return self.best[:, :, :, 0, :, 0]

    def backward(self, gy):
        self.grads = []
        hit = self.blocks == self.best
        g = hit * gy[:, :, :, None, :, None] / hit.sum((3, 5), keepdims=True)
        n, c, h, _, w, _ = g.shape
        return g.reshape(n, c, h * 2, w * 2)


class Flatten(Relu):
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, gy):
        self.grads = []
        return gy.reshape(self.shape)


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def fit(layers, x, y, loss_gradient, rng, epochs, batch=64, rate=3e-3, decay=0.0):
    moments = [[(np.zeros_like(p), np.zeros_like(p)) for p in l.params()] for l in layers]
    step, total = 0, epochs * -(-len(x) // batch)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for at in range(0, len(x), batch):
            pick = order[at:at + batch]
            out = x[pick]
            for layer in layers:
                out = layer.forward(out)
            grad = loss_gradient(out, y[pick])
            for layer in reversed(layers):
                grad = layer.backward(grad)
            step += 1
            speed = rate * 0.5 * (1 + np.cos(np.pi * step / total))
            for layer, ms in zip(layers, moments):
                for p, g, (m, v) in zip(layer.params(), layer.grads, ms):
                    m += 0.1 * (g - m)
                    v += 0.001 * (g * g - v)
                    p -= speed * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8) + speed * decay * p
    for layer in layers:
        for p in layer.params():
            p[...] = np.round(p * 4096) / 4096


def predict(layers, x):
    for layer in layers:
        x = layer.forward(x)
    return x
