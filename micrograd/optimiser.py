"""What optimisers share: the Values that they move, and at which rate."""

from itertools import repeat

import numpy as np

from micrograd.engine import Value


class Optimiser:
    """Moves leaves in place; `learning_rate` is a number or an iterator of numbers."""

    def __init__(self, wrt, learning_rate, weight_decay=0):
        self.wrt = [wrt] if isinstance(wrt, Value) else list(wrt)
        for value in self.wrt:
            if not isinstance(value, Value) or value.dtype.kind != "f":
                raise TypeError(f"wrt: expected floating Values, got {value!r}")
            if value.op or self.wrt.count(value) > 1:
                raise ValueError(f"wrt: expected leaves, each once, got {value!r}")
        if not np.iterable(learning_rate):
            learning_rate = repeat(rate(learning_rate))
        self.rates = map(rate, learning_rate)
        self.weight_decay = rate(weight_decay)

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
        """Where the i-th Value goes against, given its gradient."""
        raise NotImplementedError


def rate(x):
    if not float(x) >= 0:
        raise ValueError(f"expected a rate of at least 0, got {x}")
    return float(x)  # NumPy's would widen float32
