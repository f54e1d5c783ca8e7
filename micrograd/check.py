"""Gradients, proved by differences."""

from __future__ import annotations

from collections.abc import Iterable
from math import frexp, isclose, ldexp
from typing import Any

import numpy as np

from micrograd.engine import Value, order_of


def check_gradients(
    expression: Value, wrt: Value | Iterable[Value], **values: Any
) -> None:
    """Compare the gradients of backward(wrt) with central differences.

    Off kinks and edges of domains. Elements of arrays are weighted, lest errors cancel.
    Data and gradients stay.

    Raises
    ------
    AssertionError : a gradient is wrong or nan

    >>> x = Value([1.0, 2.0])
    >>> check_gradients(x.exp(), x)
    """
    if not isinstance(expression, Value):
        raise TypeError(f"expression: expected a Value, got {expression!r}")
    results, leaves, *_ = order_of(expression)
    nodes = {expression, *results, *leaves}
    is_one = isinstance(wrt, Value) or not np.iterable(wrt)
    before = [(node, node.data, node.grad) for node in nodes]
    try:
        expression.forward(**values)
        compare(expression, values, [wrt] if is_one else list(wrt), nodes)
    finally:
        for node, data, grad in before:
            node.data, node.grad = data, grad


def compare(y: Value, feed: Any, wrt: list[Any], nodes: set[Value]) -> None:
    for x in wrt or [wrt]:
        if not isinstance(x, Value) or x.op or x.dtype.kind != "f":
            raise TypeError(f"wrt: expected floating leaves, got {x!r}")
    shape = np.shape(y.data)
    weights = np.random.default_rng(0).uniform(1, 2, shape) if shape else 1.0
    loss = y * weights
    loss.backward()
    with np.errstate(all="ignore"):
        terms = [abs(x.data * x.grad) for x in nodes if x.grad is not None]
    # Results that are a thousandth off put the loss off by up to this.
    size = 1e-3 * sum(np.sum(t, where=np.isfinite(t)) for t in terms)
    loss.backward(wrt)
    gradients = [np.asarray(x.grad) for x in wrt]
    tolerance = 1e-6
    for x in nodes:
        if x.dtype.kind == "f":
            tolerance = max(tolerance, float(np.finfo(x.dtype).eps) ** 0.5)
            if not x.op:  # for differences
                x.data = np.array(x.data, float)
                feed |= {x.name: x.data} if x.name else {}
    y.forward(**feed)
    for i, x in enumerate(wrt):
        data = feed.get(x.name, x.data)
        step = 2**-8 if x.dtype.itemsize < 8 else 2**-20
        for at, number in np.ndenumerate(data):
            scale = max(0.01, abs(number))
            h = ldexp(step, frexp(scale)[1])  # number + h is exact
            slope = 0
            for side in (h, -h):
                data[at] = number + side
                slope = slope + y.forward(**feed) * weights / (2 * side)
            data[at] = number
            g, d = gradients[i][at], np.sum(slope)
            if not isclose(g, d, rel_tol=tolerance, abs_tol=tolerance * size / scale):
                name = f"{x.name or f'wrt[{i}]'} of shape {data.shape}"
                raise AssertionError(f"{name} at {at}: gradient {g}, difference {d}")
