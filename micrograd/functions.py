"""Joining Values, and which of NumPy's functions take them."""

from functools import partial

import numpy as np

from micrograd.engine import FUNCTIONS, Value, operand, operator


def n_ary(name, forward, derivative, operands):
    """The operator whose i-th derivative is derivative(i, g, y, *data), applied."""
    derivatives = [partial(derivative, i) for i in range(len(operands))]
    return operator(name, forward, *derivatives)(*operands)


def concatenate(values, axis=0):
    """Join along an axis."""

    def by_part(i, g, y, *parts):
        end = sum(part.shape[axis] for part in parts[: i + 1])
        return np.split(g, [end - parts[i].shape[axis], end], axis)[1]

    if axis is None:
        return concatenate([np.reshape(x, -1) for x in values])
    forward = lambda *parts: np.concatenate(parts, axis)
    return n_ary("concatenate", forward, by_part, values)


def stack(values, axis=0):
    """Join along a new axis."""
    by_part = lambda i, g, y, *_: np.take(g, i, axis)
    return n_ary("stack", lambda *parts: np.stack(parts, axis), by_part, values)


at_least = operator(
    "clip",
    np.maximum,
    lambda g, y, x, low: np.where(x >= low, g, 0.0),
    lambda g, y, x, low: np.where(x < low, g, 0.0),
)
at_most = operator(
    "clip",
    np.minimum,
    lambda g, y, x, high: np.where(x <= high, g, 0.0),
    lambda g, y, x, high: np.where(x > high, g, 0.0),
)


def clip(x, a_min=None, a_max=None, *, min=None, max=None):
    """Within bounds; x receives g there, else the bound does."""
    low, high = a_min if min is None else min, a_max if max is None else max
    x = operand(x) if low is None else at_least(x, low)
    return x if high is None else at_most(x, high)


def dot(a, b):
    if max(np.ndim(a), np.ndim(b)) > 2:
        raise TypeError("expected at most two axes; a @ b has batches")
    is_product = 0 in (np.ndim(a), np.ndim(b))
    return Value.__mul__(a, b) if is_product else Value.__matmul__(a, b)


NAMES = """
    abs arcsin arcsinh arctanh cos exp log log1p max maximum mean min minimum reshape
    sin sqrt sum tanh transpose where
"""
FUNCTIONS.update({getattr(np, name): getattr(Value, name) for name in NAMES.split()})
FUNCTIONS.update({np.amax: Value.max, np.amin: Value.min, np.clip: clip})
FUNCTIONS.update({np.concatenate: concatenate, np.stack: stack})
FUNCTIONS.update(
    {
        np.add: Value.__add__,
        np.subtract: Value.__sub__,
        np.multiply: Value.__mul__,
        np.divide: Value.__truediv__,
        np.power: Value.__pow__,
        np.matmul: Value.__matmul__,
        np.dot: dot,
        np.negative: Value.__neg__,
        np.square: lambda x: x**2,
        np.less: Value.__lt__,
        np.less_equal: Value.__le__,
        np.greater: Value.__gt__,
        np.greater_equal: Value.__ge__,
        np.shape: lambda x: x.shape,
        np.ndim: lambda x: x.ndim,
        np.size: lambda x: x.size,
    }
)
