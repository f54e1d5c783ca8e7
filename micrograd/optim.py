"""Optimisers: they move Values down their gradients, in place."""

from itertools import repeat

import numpy as np

from micrograd.engine import Value
from micrograd.module import clip_grad_norm as clip_grad_norm


class SGD:
    """As torch.optim.SGD; `learning_rate` is a number or an iterator of numbers."""

    def __init__(self, wrt, learning_rate, momentum=0, weight_decay=0):
        self.wrt = [wrt] if isinstance(wrt, Value) else list(wrt)
        for value in self.wrt:
            if not isinstance(value, Value) or value.dtype.kind != "f":
                raise TypeError(f"wrt: expected floating Values, got {value!r}")
            if value.op or self.wrt.count(value) > 1:
                raise ValueError(f"wrt: expected leaves, each once, got {value!r}")
        if not np.iterable(learning_rate):
            learning_rate = repeat(rate(learning_rate))
        self.rates = map(rate, learning_rate)
        self.momentum, self.weight_decay = rate(momentum), rate(weight_decay)
        self.memory = [0.0] * len(self.wrt)

    def step(self):
        """Move the Values, or after a ValueError none."""
        if any(value.grad is None for value in self.wrt):
            raise ValueError("a Value without a gradient: run backward()")
        learning_rate = next(self.rates, None)
        if learning_rate is None:
            raise ValueError("the learning rates are exhausted")
        for i, value in enumerate(self.wrt):
            g = value.grad
            if self.weight_decay:
                g = g + self.weight_decay * value.data
            value.data -= learning_rate * self.direction(i, g)

    def direction(self, i, g):
        if self.momentum:
            self.memory[i] = g = self.momentum * self.memory[i] + g
        return g


class Adam(SGD):
    """Kingma and Ba, 2015, as torch.optim.Adam."""

    def __init__(
        self, wrt, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0
    ):
        super().__init__(wrt, learning_rate, weight_decay=weight_decay)
        self.betas, self.eps = [rate(beta) for beta in betas], rate(eps)
        self.memory = [(0, 0.0, 0.0)] * len(self.wrt)

    def direction(self, i, g):
        (b, c), (t, m, v) = self.betas, self.memory[i]
        self.memory[i] = t, m, v = t + 1, b * m + (1 - b) * g, c * v + (1 - c) * g * g
        return m / (1 - b**t) / ((v / (1 - c**t)) ** 0.5 + self.eps)


class AdamW(Adam):
    """Loshchilov and Hutter, 2019, as torch.optim.AdamW."""

    def __init__(
        self, wrt, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01
    ):
        super().__init__(wrt, learning_rate, betas, eps)
        self.decay = rate(weight_decay)

    def direction(self, i, g):
        return super().direction(i, g) + self.decay * self.wrt[i].data


def rate(x):
    if not float(x) >= 0:
        raise ValueError(f"expected a rate of at least 0, got {x}")
    return float(x)  # NumPy's would widen float32
