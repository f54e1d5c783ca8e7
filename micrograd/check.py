"""Gradients, proved by differences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import frexp, isclose, ldexp
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.derivatives import gradient
from micrograd.engine import Value, order_of, values_in

if TYPE_CHECKING:
    from micrograd.engine import Values


def check_gradients(
    expression: Value, wrt: Values, order: int = 1, **values: Any
) -> None:
    """Compare the gradients of `backward(wrt)` with central differences.

    The differences are taken at the data of the leaves, or at what lazy Values are fed;
    these should be off the kinks of functions and the edges of domains. The elements of
    an array are weighted, lest errors cancel. Data and gradients stay what they were.

    Parameters
    ----------
    expression : of any shape
    wrt : floating leaves: one Value, several, a Module, or a dictionary of Values
    order : 2 to compare the second derivatives, too: those of `gradient`
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
    if order not in (1, 2):
        raise ValueError(f"order: expected 1 or 2, got {order!r}")
    with restored(expression) as nodes:
        expression.forward(**values)
        loss = expression * weights_for(expression)
        compare(loss, leaves, nodes, {**values})
    if order == 2:
        with restored(expression):
            expression.forward(**values)
            loss = expression * weights_for(expression)
            first = weighted_sum(gradient(loss, leaves), leaves)
        with restored(first) as nodes:
            first.forward(**values)
            try:
                compare(first, leaves, nodes, {**values}, loss)
            except AssertionError as error:
                raise AssertionError(f"second derivative: {error}") from None


@contextmanager
def restored(expression: Value) -> Iterator[set[Value]]:
    """All Values in an expression; at last they have their data and gradients again."""
    order = order_of(expression)
    nodes = {expression, *order.results, *order.leaves}
    before = [(node, node.data, node.grad) for node in nodes]
    try:
        yield nodes
    finally:
        for node, data, grad in before:
            node.data, node.grad = data, grad


def weights_for(y: Value) -> Any:
    """A number for each element, so that errors do not cancel in a sum."""
    shape = np.shape(y.data)
    return np.random.default_rng(0).uniform(1, 2, shape) if shape else 1.0


def weighted_sum(gradients: Iterable[Any], wrt: list[Value]) -> Any:
    """A sum of all their elements; it depends on each Value, if only by 0 x."""
    terms = [np.sum(g * weights_for(g) + 0.0 * x) for g, x in zip(gradients, wrt)]
    return sum(terms[1:], terms[0])


def compare(
    loss: Value,
    wrt: list[Value],
    nodes: set[Value],
    values: dict[str, Any],
    of_gradients: Value | None = None,
) -> None:
    """Raise if a gradient of the loss, which has been evaluated, is no difference.

    The nodes are those of its expression. Their data and gradients change. If the loss
    is the weighted sum of the gradients of another one, `backward()` of that gives the
    differences.
    """
    for x in wrt:
        if x.op or x.dtype.kind != "f":
            raise TypeError(f"wrt: expected floating leaves, got {x!r}")
    noise = noise_of(loss, nodes)
    loss.backward(wrt)
    gradients = [np.asarray(x.grad) for x in wrt]
    tolerance = 1e-6
    for x in nodes:
        if x.dtype.kind == "f":
            tolerance = max(tolerance, float(np.finfo(x.dtype).eps) ** 0.5)
    move_to_float64(nodes, values)
    loss.forward(**values)

    def evaluate() -> Any:
        if of_gradients is None:
            return loss.forward(**values)
        of_gradients.forward(**values)
        of_gradients.backward(wrt)
        return weighted_sum([Value(x.grad) for x in wrt], wrt).data

    for i, x in enumerate(wrt):
        data = values.get(x.name or "", x.data)
        step = 2**-8 if x.dtype.itemsize < 8 else 2**-20
        for at, number in np.ndenumerate(data):
            scale = max(0.01, abs(number))
            h = ldexp(step, frexp(scale)[1])  # number + h is exact
            found = gradients[i][at]
            difference = difference_at(at, data, h, evaluate)
            allowed = tolerance * noise / scale
            if not isclose(found, difference, rel_tol=tolerance, abs_tol=allowed):
                name = x.name or f"wrt[{i}]"
                raise AssertionError(
                    f"{name} of shape {data.shape} at {at}: "
                    f"gradient {found}, difference {difference}"
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
