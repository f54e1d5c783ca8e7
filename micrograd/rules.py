"""The ground floor: what each operator computes, and its derivatives.

Plain mathematics on NumPy's arrays and Python's numbers; nothing here knows of graphs.
A rule is a row of the table `RULES`: the function that computes the value, and for each
operand the derivative, in these letters:

    x, or a and b    the operands' data
    y                the value
    g                the gradient of y: how much the final result changes with y
    derivative       what the operand receives of g by the chain rule

`f_by_a` is the derivative of f by a. What it returns may be larger than a, where NumPy
repeated a: who calls it sums over those axes; or smaller, as that of a sum: who calls
it repeats it. And g has the shape of y or, where the operands have that shape, too, a
smaller one that broadcasts to it. Multiplying, `np.where` and assigning repeat it by
themselves; a rule that moves or sums the elements of g says `whole(g, y)`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

Function = Callable[..., Any]


class Rule:
    """y = value(*data), and for each operand a derivative(g, y, *data).

    A derivative is None, or left out at the end, where the operand receives nothing.
    All functions may have parameters, as `axis`. A variadic rule has any number of
    operands and one derivative(i, g, y, *data) for the i-th: `bind` it before use.
    `on_numbers()` keeps its origin as `of_arrays`. An opaque rule is a user's.
    """

    __slots__ = (
        "_on_numbers",
        "derivatives",
        "is_opaque",
        "is_variadic",
        "name",
        "of_arrays",
        "value",
    )

    def __init__(
        self,
        name: str,
        value: Function,
        derivatives: tuple[Function | None, ...],
        is_variadic: bool = False,
        is_opaque: bool = False,
    ) -> None:
        self.name, self.value, self.derivatives = name, value, derivatives
        self.is_variadic, self.is_opaque = is_variadic, is_opaque
        self._on_numbers: Rule | None = None
        self.of_arrays: Rule | None = None

    def bind(self, parameters: dict[str, Any], n_operands: int = 1) -> Rule:
        """The rule as functions of the data alone: parameters and each i filled in."""
        derivatives: list[Function | None] = list(self.derivatives)
        if self.is_variadic:
            (by,) = self.derivatives
            derivatives = [by and partial(by, i) for i in range(n_operands)]
        bound = [by and partial(by, **parameters) for by in derivatives]
        return Rule(self.name, partial(self.value, **parameters), tuple(bound))

    def on_numbers(self) -> Rule:
        """The same rule for numbers: its value is a Python number, too."""
        if self._on_numbers is None:
            value = self.value
            self._on_numbers = Rule(
                self.name,
                lambda *data: as_number(value(*data)),
                self.derivatives,
                is_opaque=self.is_opaque,
            )
            self._on_numbers.of_arrays = self
        return self._on_numbers


RULES: dict[Function, Rule] = {}


def define(
    function: Function,
    *derivatives: Function | None,
    name: str = "",
    value: Function | None = None,
    is_variadic: bool = False,
) -> None:
    """Enter a rule for a function, which computes the value unless `value` does."""
    name = name or function.__name__
    RULES[function] = Rule(name, value or function, derivatives, is_variadic)


# --- Numbers --------------------------------------------------------------------------

NUMBERS = {float, int, np.bool_}  # the last is what comparing numbers gives


def are_numbers(*data: Any) -> bool:
    """Whether all are numbers; NumPy's other scalars are arrays without axes here."""
    for x in data:
        if type(x) not in NUMBERS:
            return False
    return True


def as_number(y: Any) -> Any:
    """NumPy's scalar as a number of Python, where that is as exact; integers wrap."""
    if isinstance(y, float):
        return float(y)
    if isinstance(y, int):
        return (y + 2**63) % 2**64 - 2**63
    is_plain = getattr(y, "shape", None) == () and y.dtype in (float, int)
    return y.item() if is_plain else y


# --- Gradients and shapes -------------------------------------------------------------


def dtype_of_gradient(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """That of the data, or float64 where they are no floats; in native bytes."""
    if dtype.kind == "f" and dtype.isnative:
        return dtype
    return np.dtype(dtype.type if dtype.kind == "f" else float)


def whole(g: Any, y: Any) -> Any:
    """The gradient, repeated to the shape of y where it is smaller."""
    shape = np.shape(y)
    return g if np.shape(g) == shape else np.broadcast_to(g, shape)


def summed_back(g: Any, shape: tuple[int, ...]) -> Any:
    """The gradient, summed over the axes along which NumPy repeated such a shape.

    It may be smaller than the shape already, and stays so.
    """
    n_axes = getattr(g, "ndim", 0)  # np.ndim takes eight times as long
    lead = n_axes - len(shape)
    if lead == 1 and n_axes == 2:
        g = np.dot(np.ones(len(g), g.dtype), g)  # half the time of a sum
    elif lead > 0:
        g = np.add.reduce(g, tuple(range(lead)))
    if 1 in shape:
        axes = range(-np.ndim(g), 0)
        repeated = tuple(i for i in axes if shape[i] == 1 != g.shape[i])
        g = np.add.reduce(g, repeated, keepdims=True) if repeated else g
    return g


# --- Element by element ---------------------------------------------------------------


def same(g: Any, *_: Any) -> Any:
    """The derivative of a sum by its terms."""
    return g


def inside(x: Any, y: Any) -> Any:
    """The operand, but nan outside the domain, where y is."""
    return np.where(np.isnan(y), y, x)


# Python's operators are NumPy's on arrays, and ten times as fast on numbers.
define(np.negative, lambda g, y, x: -g, name="neg", value=operator.neg)
define(np.add, same, same, name="+", value=operator.add)
define(np.subtract, same, lambda g, y, a, b: -g, name="-", value=operator.sub)
define(
    np.multiply,
    lambda g, y, a, b: g * b,
    lambda g, y, a, b: g * a,
    name="*",
    value=operator.mul,
)
define(  # Python's would raise where b is 0
    np.divide,
    lambda g, y, a, b: np.divide(g, b),
    lambda g, y, a, b: np.divide(-g * y, b),
    name="/",
)


def power(a: Any, b: Any) -> Any:
    """a ** b: faster than np.power on arrays, but complex of negative numbers."""
    return np.power(a, b) if are_numbers(a, b) else a**b


def power_by_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """b times a ** (b - 1), and 0 where b is 0."""
    if type(b) is int and b == 2:
        return (g + g) * a
    return g * b * power(a, b - 1.0 * (b != 0))  # lest 0 ** -1 is inf


def power_by_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """y times ln(a), and 0 where a is 0, unless b is negative there."""
    return g * y * np.log(np.where((a == 0) & (b >= 0), 1, a))


define(np.power, power_by_a, power_by_b, name="**", value=power)

define(np.exp, lambda g, y, x: g * y)
define(np.log, lambda g, y, x: g / inside(x, y))
define(np.log1p, lambda g, y, x: g / (1 + inside(x, y)))
define(np.sqrt, lambda g, y, x: np.divide(g, 2 * y))
define(np.sin, lambda g, y, x: g * np.cos(x))
define(np.cos, lambda g, y, x: -g * np.sin(x))
define(np.tanh, lambda g, y, x: (1 - y * y) * g)
define(np.arcsin, lambda g, y, x: g / np.sqrt((1 - x) * (1 + inside(x, y))))
define(np.arcsinh, lambda g, y, x: g / np.hypot(x, 1))
define(np.arctanh, lambda g, y, x: g * np.cosh(y) ** 2)
define(
    np.abs,
    lambda g, y, x: np.where(x > 0, g, np.where(x < 0, -g, 0.0)),
    name="abs",
)


def relu(x: Any) -> Any:
    """The larger one of x and 0."""
    return np.maximum(x, 0)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), without overflow."""
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(1.0 * x)))


define(relu, lambda g, y, x: np.where(y > 0, g, 0.0))  # not g * (y > 0): inf * 0 is nan
define(sigmoid, lambda g, y, x: g * y * (1 - y))


# --- Choices --------------------------------------------------------------------------


def by_first(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g where y is a, half of it where b is equal, 0 where y is b alone."""
    return np.where((b == y) & (a != b), 0.0, g / (1.0 + (a == b)))


def by_second(g: Any, y: Any, a: Any, b: Any) -> Any:
    """The same for b."""
    return by_first(g, y, b, a)


define(np.maximum, by_first, by_second)
define(np.minimum, by_first, by_second)
define(
    np.where,
    None,
    lambda g, y, condition, a, b: np.where(condition, g, 0.0),
    lambda g, y, condition, a, b: np.where(condition, 0.0, g),
)


def at_least(x: Any, low: Any) -> Any:
    """x, or low where x is below it."""
    return np.maximum(x, low)


def at_most(x: Any, high: Any) -> Any:
    """x, or high where x is above it."""
    return np.minimum(x, high)


define(  # unlike maximum, x receives all of g on the bound
    at_least,
    lambda g, y, x, low: np.where(x >= low, g, 0.0),
    lambda g, y, x, low: np.where(x < low, g, 0.0),
    name="clip",
)
define(
    at_most,
    lambda g, y, x, high: np.where(x <= high, g, 0.0),
    lambda g, y, x, high: np.where(x > high, g, 0.0),
    name="clip",
)

define(np.equal, None, None, name="==")
define(np.not_equal, None, None, name="!=")
define(np.less, None, None, name="<")
define(np.less_equal, None, None, name="<=")
define(np.greater, None, None, name=">")
define(np.greater_equal, None, None, name=">=")


# --- Reductions -----------------------------------------------------------------------


def reduction(derivative: Function) -> Function:
    """A rule's derivative, made of one whose g and y keep the reduced axes.

    That one is called as derivative(g, y, x, axis, **others).
    """

    def by_x(
        g: Any, y: Any, x: Any, axis: Any = None, keepdims: Any = False, **others: Any
    ) -> Any:
        if axis is not None and not keepdims:
            g, y = np.expand_dims(g, axis), np.expand_dims(y, axis)
        return derivative(g, y, x, axis, **others)

    return by_x


def total(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The sum, by the ufunc: np.sum takes twice the time on small arrays."""
    return np.add.reduce(x, axis, keepdims=keepdims)


def largest(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The maximum."""
    return np.maximum.reduce(x, axis, keepdims=keepdims)


def smallest(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The minimum."""
    return np.minimum.reduce(x, axis, keepdims=keepdims)


def count(x: Any, y: Any) -> int:
    """How many elements of x went into each of y; a number counts as one."""
    n: int = getattr(x, "size", 1) // max(getattr(y, "size", 1), 1)
    return n


def mean(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The sum, divided by the number of elements."""
    y = total(x, axis, keepdims)
    return y / count(x, y)


def by_extreme(g: Any, y: Any, x: Any, axis: Any) -> Any:
    """g where x is the extreme, shared equally among ties."""
    ties = x == y
    return np.where(ties, g, 0.0) / np.add.reduce(ties, axis, keepdims=True)


def logsumexp(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """ln Σ exp(x), shifted by the maximum, lest it overflows."""
    top = np.maximum.reduce(x + 0.0, axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        y = top + np.log(np.add.reduce(np.exp(x - top), axis, keepdims=True))
    return y if keepdims else np.squeeze(y, axis)


define(np.sum, reduction(lambda g, y, x, axis: g), value=total)
define(np.mean, reduction(lambda g, y, x, axis: g / count(x, y)), value=mean)
define(np.max, reduction(by_extreme), name="max", value=largest)
define(np.min, reduction(by_extreme), name="min", value=smallest)
define(logsumexp, reduction(lambda g, y, x, axis: g * np.exp(x - y)))


def softmax(x: Any, axis: Any) -> Any:
    """exp(x) / Σ exp(x) along an axis, shifted by the maximum, lest it overflows."""
    x = x + 0.0  # unsigned ones would wrap
    exps = np.exp(x - np.maximum.reduce(x, axis, keepdims=True, initial=-np.inf))
    return exps / np.add.reduce(exps, axis, keepdims=True)


def minus_log_softmax(x: Any) -> Any:
    """-ln(softmax(x)) along the last axis, exact where the softmax is tiny."""
    below = x - np.maximum.reduce(x + 0.0, -1, keepdims=True)  # (..., classes)
    return np.log(np.add.reduce(np.exp(below), -1, keepdims=True)) - below


def minus_log_softmax_by_x(g: Any, y: Any, x: Any) -> Any:
    """The softmax, which is exp(-y), times the sum of g, minus g."""
    g = whole(g, y)
    return np.exp(-y) * np.add.reduce(g, -1, keepdims=True) - g


define(
    softmax,
    lambda g, y, x, axis: y * (g - np.add.reduce(g * y, axis, keepdims=True)),
)
define(minus_log_softmax, minus_log_softmax_by_x, name="-log(softmax)")


# --- Products -------------------------------------------------------------------------


def dot(a: Any, b: Any) -> Any:
    """a @ b; np.dot is faster, but takes 0 times nan as 0 where a size is 1."""
    if type(a) is type(b) is np.ndarray and a.ndim in (1, 2) and b.ndim in (1, 2):
        if a.size > 1 and b.size > 1:
            return np.dot(a, b)
    return np.matmul(a, b)


def dot_by_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g @ b.T; vectors count as matrices of one row or one column."""
    g = whole(g, y)
    if a.ndim == 1 == b.ndim:
        return g * b
    if b.ndim == 1:
        return dot(g[..., None], b[None])  # (..., n, 1) by (1, k)
    if a.ndim == 1:
        return dot(b, g[..., None])[..., 0]  # (..., k, m) by (..., m, 1)
    return dot(g, b.swapaxes(-1, -2))  # (..., n, m) by (..., m, k)


def dot_by_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """a.T @ g."""
    g = whole(g, y)
    if a.ndim == 1 == b.ndim:
        return g * a
    if b.ndim == 1:
        return dot(g, a) if a.ndim == 2 else g[..., None] * a  # to be summed back
    if a.ndim == 1:
        return dot(a[:, None], g[..., None, :])  # (k, 1) by (..., 1, m)
    return dot(a.swapaxes(-1, -2), g)  # (..., k, n) by (..., n, m)


define(np.matmul, dot_by_a, dot_by_b, name="@", value=dot)


def contracted(
    *arrays: Any, terms: list[str], result: str, optimize: Any = True
) -> Any:
    """np.einsum of one term for each array: products, summed over all other letters."""
    dtype = np.result_type(*map(np.result_type, arrays))
    arrays = tuple(  # summed on their own, booleans would add as "or"
        x if np.result_type(x) == dtype else np.multiply(x, 1, dtype=dtype)
        for x in arrays
    )
    return np.einsum(f"{','.join(terms)}->{result}", *arrays, optimize=optimize)


def contracted_by(
    i: int,
    g: Any,
    y: Any,
    *arrays: Any,
    terms: list[str],
    result: str,
    optimize: Any = True,
) -> Any:
    """The same of g and the other arrays; the result has the letters of the i-th."""
    term, x = terms[i], arrays[i]
    others = [*terms[:i], *terms[i + 1 :], result]
    factors = [*arrays[:i], *arrays[i + 1 :], whole(g, y)]
    if not set(term) <= set("".join(others)):  # x alone has a letter, summed there
        others, factors = [*others, term], [*factors, np.ones_like(x)]
    gradient = contracted(*factors, terms=others, result=term)
    if np.shape(gradient) == np.shape(x):
        return gradient
    return gradient + np.zeros(np.shape(x))  # the others had length 1 on an axis


define(contracted, contracted_by, name="einsum", is_variadic=True)


def diagonal(x: Any, term: str, letters: str) -> Any:
    """What einsum takes of x where letters repeat, as in "ii"; a view."""
    return np.einsum(f"{term}->{letters}", x)


def diagonal_by_x(g: Any, y: Any, x: Any, term: str, letters: str) -> Any:
    """g on the diagonal, 0 elsewhere."""
    gradient = np.zeros(np.shape(x), np.result_type(g))
    diagonal(gradient, term, letters)[...] = g
    return gradient


define(diagonal, diagonal_by_x, name="einsum")


# --- Places ---------------------------------------------------------------------------


def reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    """The elements in another shape."""
    return np.reshape(x, shape)


def transposed(x: Any, axes: tuple[int, ...] | None = None) -> Any:
    """The axes in another order; reversed, if none is given."""
    return np.transpose(x, axes)


def transposed_by_x(g: Any, y: Any, x: Any, axes: tuple[int, ...] | None = None) -> Any:
    """The axes put back."""
    if axes is not None:
        axes = tuple(np.argsort([axis % np.ndim(x) for axis in axes]))
    return np.transpose(whole(g, y), axes)


define(
    np.reshape,
    lambda g, y, x, shape: np.reshape(whole(g, y), np.shape(x)),
    value=reshaped,
)
define(np.transpose, transposed_by_x, value=transposed)


def selected(x: Any, *keys: Any) -> Any:
    """x[keys]."""
    return (x if np.ndim(x) else np.asarray(x))[keys]  # a number has no [keys]


def selected_by_x(g: Any, y: Any, x: Any, *keys: Any) -> Any:
    """g at the places selected; one that is selected twice receives both."""
    gradient = np.zeros_like(x, np.result_type(g))
    if any(map(np.ndim, keys)):
        add_at(gradient, keys, whole(g, y))
    else:
        gradient[keys] = g
    return gradient


MANY = 1000  # elements, from which on sorting is the faster way


def add_at(y: Any, keys: Any, values: Any) -> None:
    """y[keys] += values of a y of zeros, where a place may be met more than once.

    Rows of an embedding are sorted and summed in groups: in half the time of np.add.at
    with NumPy 2, in a tenth with NumPy 1.
    """
    rows = keys[0] if isinstance(keys, tuple) and len(keys) == 1 else None
    is_of_rows = type(rows) is np.ndarray and rows.dtype.kind in "iu"
    if not is_of_rows or y.ndim < 2 or values.size < MANY:
        np.add.at(y, keys, values)
        return
    rows = rows.ravel() % len(y)  # type: ignore[union-attr]
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    starts = np.flatnonzero(np.append(True, rows[1:] != rows[:-1]))
    values = values.reshape(len(rows), *y.shape[1:])[order]
    y[rows[starts]] = np.add.reduceat(values, starts, axis=0)


define(selected, selected_by_x, name="[]")  # keys receive nothing


def along(x: Any, key: int | slice, axis: int) -> Any:
    """The places of that index along an axis."""
    keys: list[int | slice] = [slice(None)] * x.ndim
    keys[axis] = key
    return x[tuple(keys)]


def joined(*parts: Any, axis: int) -> Any:
    """np.concatenate, of arguments."""
    return np.concatenate(parts, axis)


def joined_by(i: int, g: Any, y: Any, *parts: Any, axis: int) -> Any:
    """The i-th part of g."""
    end = sum(part.shape[axis] for part in parts[: i + 1])
    return along(whole(g, y), slice(end - parts[i].shape[axis], end), axis)


def stacked(*parts: Any, axis: int = 0) -> Any:
    """np.stack, of arguments."""
    return np.stack(parts, axis)


def stacked_by(i: int, g: Any, y: Any, *parts: Any, axis: int = 0) -> Any:
    """The i-th part of g."""
    return along(whole(g, y), i, axis)


define(np.concatenate, joined_by, value=joined, is_variadic=True)
define(np.stack, stacked_by, value=stacked, is_variadic=True)
