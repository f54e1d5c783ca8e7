"""Gradients, proved by differences."""

from __future__ import annotations

from collections.abc import Callable
from math import frexp, isclose, ldexp
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.engine import Value, order_of, values_in

if TYPE_CHECKING:
    from micrograd.engine import Values


def check_gradients(expression: Value, wrt: Values, **values: Any) -> None:
    """Compare the gradients of `backward(wrt)` with central differences.

    The differences are taken at the data of the leaves, or at what lazy Values are fed;
    these should be off the kinks of functions and the edges of domains. The elements of
    an array are weighted, lest errors cancel. Data and gradients stay what they were.

    Parameters
    ----------
    expression : of any shape
    wrt : floating leaves: one Value, several, a Module, or a dictionary of Values
    values : what lazy Values are fed, by name

    Raises
    ------
    AssertionError : a gradient is wrong or nan; it says where, and shows both numbers
    TypeError : wrt has something else than floating leaves
    ValueError : the expression does not depend on one of wrt

    >>> from micrograd import operator
    >>> x = Value([1.0, 2.0])
    >>> check_gradients(x.exp(), x)
    >>> wrong = operator("square", lambda x: x * x, lambda g, y, x: g * x)
    >>> check_gradients(wrong(x), x)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: wrt[0] of shape (2,) at (0,): gradient 1.6..., difference 3.2...
    """
    if not isinstance(expression, Value):
        raise TypeError(f"expression: expected a Value, got {expression!r}")
    leaves = values_in(wrt)
    if not leaves:
        raise TypeError(f"wrt: expected floating leaves, got {wrt!r}")
    order = order_of(expression)
    nodes = {expression, *order.results, *order.leaves}
    before = [(node, node.data, node.grad) for node in nodes]
    try:
        expression.forward(**values)
        compare(expression, leaves, nodes, values)
    finally:
        for node, data, grad in before:
            node.data, node.grad = data, grad


def compare(
    y: Value, wrt: list[Value], nodes: set[Value], values: dict[str, Any]
) -> None:
    """Raise if a gradient of y, which has been evaluated, is no difference of it.

    The nodes are those of its expression. Their data and gradients change.
    """
    for x in wrt:
        if x.op or x.dtype.kind != "f":
            raise TypeError(f"wrt: expected floating leaves, got {x!r}")
    shape = np.shape(y.data)
    weights = np.random.default_rng(0).uniform(1, 2, shape) if shape else 1.0
    loss = y * weights
    noise = noise_of(loss, nodes)
    loss.backward(wrt)
    gradients = [np.asarray(x.grad) for x in wrt]
    tolerance = 1e-6
    for x in nodes:
        if x.dtype.kind == "f":
            tolerance = max(tolerance, float(np.finfo(x.dtype).eps) ** 0.5)
    move_to_float64(nodes, values)
    y.forward(**values)
    weighted = lambda: y.forward(**values) * weights
    for i, x in enumerate(wrt):
        data = values.get(x.name or "", x.data)
        step = 2**-8 if x.dtype.itemsize < 8 else 2**-20
        for at, number in np.ndenumerate(data):
            scale = max(0.01, abs(number))
            h = ldexp(step, frexp(scale)[1])  # number + h is exact
            gradient = gradients[i][at]
            difference = difference_at(at, data, h, weighted)
            allowed = tolerance * noise / scale
            if not isclose(gradient, difference, rel_tol=tolerance, abs_tol=allowed):
                name = x.name or f"wrt[{i}]"
                raise AssertionError(
                    f"{name} of shape {data.shape} at {at}: "
                    f"gradient {gradient}, difference {difference}"
                )


def noise_of(loss: Value, nodes: set[Value]) -> float:
    """How far the loss is off, at most, when each result is off by a thousandth."""
    loss.backward()
    with np.errstate(all="ignore"):
        terms = [abs(x.data * x.grad) for x in nodes if x.grad is not None]
    return 1e-3 * float(sum(np.sum(t, where=np.isfinite(t)) for t in terms))


def difference_at(at: Any, data: Any, h: float, evaluate: Callable[[], Any]) -> Any:
    """How the sum of what is evaluated changes with data[at], moved by h both ways."""
    number, slope = data[at], 0
    for side in (h, -h):
        data[at] = number + side
        slope = slope + evaluate() / (2 * side)
    data[at] = number
    return np.sum(slope)


def move_to_float64(nodes: set[Value], values: dict[str, Any]) -> None:
    """Give floating leaves, and lazy ones their feeds, arrays in which to move."""
    for x in nodes:
        if x.dtype.kind == "f" and not x.op:
            x.data = np.array(x.data, float)
            values |= {x.name: x.data} if x.name else {}
