"""The rules: the value of each operator, and its derivatives beside it.

This is plain mathematics on NumPy arrays and Python numbers; no graph, no Value. A rule
is a row of the table `RULES`: a function that computes the value, and one derivative
for each operand. All derivatives use these letters:

    x, or a and b    the data of the operands
    y                the value
    g                the gradient of y, in its shape: the derivative of the final result
                     with respect to y
    the result       the gradient that the operand receives, by the chain rule

The result has the shape of the operand, or it broadcasts to that shape (the derivative
of a sum), or NumPy broadcast the operand to the shape of the result (the derivative of
`a + b`). The caller makes it fit.

`backward()` runs a derivative on arrays; `gradient()` runs it on Values, and the result
is an expression. So a derivative is a formula of functions that have derivatives, and
it reads no lengths: those of an expression follow what is fed. What NumPy has no such
function for is a `primitive`.

`grad_f_a` is the derivative of f with respect to its operand a. `grad_f`, of a variadic
rule, is the derivative with respect to the i-th operand.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from functools import partial, wraps
from typing import Any

import numpy as np

from micrograd import arrays
from micrograd.arrays import (
    HALF,
    add_at,
    are_numbers,
    as_number,
    as_parameter,
    fitted,
)

Function = Callable[..., Any]


class Rule:
    """y = value(*data), and derivative(g, y, *data) for each operand.

    A derivative is None, or missing at the end, if the operand has no gradient. All
    functions may take parameters, such as `axis`; `bind` fills them in. A variadic rule
    has any number of operands and one derivative(i, g, y, *data) for the i-th. An
    opaque rule is a user's.
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
        """The rule with its parameters, and each i, filled in."""
        parameters = {name: as_parameter(x, name) for name, x in parameters.items()}
        derivatives: list[Function | None] = list(self.derivatives)
        if self.is_variadic:
            (grad,) = self.derivatives
            derivatives = [grad and partial(grad, i) for i in range(n_operands)]
        bound = [grad and partial(grad, **parameters) for grad in derivatives]
        return Rule(self.name, partial(self.value, **parameters), tuple(bound))

    def on_numbers(self) -> Rule:
        """The same rule, whose value of numbers is a Python number as well."""
        if self._on_numbers is None:
            value = self.value

            def on_numbers(*data: Any) -> Any:
                y = value(*data)  # of data that may be arrays now
                return as_number(y) if are_numbers(*data) else y

            self._on_numbers = Rule(
                self.name,
                on_numbers,
                self.derivatives,
                is_opaque=self.is_opaque,
            )
            self._on_numbers.of_arrays = self  # programs record this one
        return self._on_numbers


RULES: dict[Function, Rule] = {}


def define(
    function: Function,
    *derivatives: Function | None,
    name: str = "",
    value: Function | None = None,
    is_variadic: bool = False,
) -> None:
    """Enter the rule of a function, which computes the value unless `value` does."""
    name = name or function.__name__
    RULES[function] = Rule(name, value or function, derivatives, is_variadic)


def rule_along(function: Function, axis: Any, keepdims: bool) -> Rule:
    """The rule of a reduction along an axis."""
    if axis is None and not keepdims:
        return RULES[function]
    return RULES[function].bind({"axis": axis, "keepdims": keepdims})


# --- Operators of derivatives ---------------------------------------------------------

# On arrays, `run` computes the value, and a primitive is the function itself. The rest
# is for second derivatives, and can wait until the rules are read.

PRIMITIVES: dict[Function, Rule] = {}

# How another class than arrays runs a function, as run_on[kind](function, data,
# parameters). A module above enters its class here.
run_on: dict[type, Function] = {}


def run(function: Function, *data: Any, **parameters: Any) -> Any:
    """What a function's rule gives: for Values, one operator."""
    for x in data:
        if type(x) in run_on:
            return run_on[type(x)](function, data, parameters)
    return rule_of(function).value(*data, **parameters)


def rule_of(function: Function) -> Rule:
    """The rule of a function or of a primitive."""
    return PRIMITIVES[function] if function in PRIMITIVES else RULES[function]


def primitive(
    *derivatives: Function | None, name: str = ""
) -> Callable[[Function], Function]:
    """A decorator: a function that other classes than arrays run as one operator."""

    def decorated(function: Function) -> Function:
        @wraps(function)
        def of_any(*data: Any, **parameters: Any) -> Any:
            for x in data:
                if type(x) in run_on:
                    return run_on[type(x)](of_any, data, parameters)
            return function(*data, **parameters)

        PRIMITIVES[of_any] = Rule(name or function.__name__, of_any, derivatives)
        return of_any

    return decorated


@primitive(lambda gg, y, g, x: fit(gg, g), None)
def fit(g: Any, x: Any) -> Any:
    """The gradient in the shape and dtype of x: summed or broadcast.

    Its derivative does the opposite. fit(1.0, x) is ones.
    """
    return fitted(g, x)


@primitive(lambda gg, y, g, x: reshape_like(gg, g), None)
def reshape_like(g: Any, x: Any) -> Any:
    """The elements of g in the shape of x."""
    return np.reshape(g, np.shape(x))


def length_ratio(x: Any, y: Any) -> int:
    """How many elements of x went into each of y; a number counts as one."""
    n: int = getattr(x, "size", 1) // max(getattr(y, "size", 1), 1)
    return n


count = primitive(None, None, name="count")(length_ratio)


# --- Element by element ---------------------------------------------------------------


in_single = primitive(lambda g, y, x: g)(arrays.in_single)


def as_floats(x: Any) -> Any:
    """The operand, integers in float64: in their own dtype they would wrap."""
    is_float = type(x) is float or type(x) is np.ndarray and x.dtype.kind == "f"
    return x if is_float else 1.0 * x


@primitive(lambda g, y, x: g)
def widened(x: Any) -> Any:
    """The operand as derivatives take it: integers in float64, halves in float32."""
    return in_single(as_floats(x))


@primitive(lambda g, y, x: g)
def in_double(x: Any) -> Any:
    """An operand with axes, in float64 at least."""
    return x * np.ones(1)


@primitive(lambda g, y, x, z: inside(g, z), None)
def inside(x: Any, y: Any) -> Any:
    """The operand, but nan outside the domain, where y is."""
    return np.where(np.isnan(y), y, x)


# Python's operators are NumPy's on arrays, and ten times as fast on numbers.
define(np.negative, lambda g, y, x: -g, name="neg", value=operator.neg)
define(
    np.add,
    lambda g, y, a, b: g,
    lambda g, y, a, b: g,
    name="+",
    value=operator.add,
)
define(
    np.subtract,
    lambda g, y, a, b: g,
    lambda g, y, a, b: -g,
    name="-",
    value=operator.sub,
)
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
    lambda g, y, a, b: g * np.divide(-y, b),
    name="/",
)


def power(a: Any, b: Any) -> Any:
    """a ** b; of an array and 3 or 4, products, which take a hundredth of the time.

    The operator is faster than np.power, but makes negative numbers complex.
    """
    if are_numbers(a, b):
        return np.power(a, b)
    if type(b) in (int, float) and b in (3, 4) and has_exact_products(a):
        square = a * a
        return square * (a if b == 3 else square)
    return a**b


def has_exact_products(x: Any) -> bool:
    """Whether products have the dtype and the digits that a power has.

    NumPy 1 promotes arrays without axes as numbers; halves would be rounded twice.
    """
    is_floating = type(x) is np.ndarray and x.ndim and x.dtype.kind == "f"
    return bool(is_floating and x.dtype != HALF)


def grad_power_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """b times a ** (b - 1), and 0 where b is 0."""
    if are_numbers(b):
        if b == 0:
            return 0.0
        if b == -1:
            return np.divide(-np.divide(g, a), a)
        return 2.0 * (g * a) if b == 2 else g * (b * power(a, b - 1.0))
    lower = power(a, np.where(b == 0, 0.0, widened(b) - 1.0))  # 0 ** -1 is inf
    return np.where(b == 0, 0.0, g * (b * lower))


def grad_power_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """y times ln(a), and 0 where a is 0, unless b is negative there."""
    is_constant = (a == 0) & (b >= 0)
    log = np.log(np.where(is_constant, 1.0, widened(a)))
    return np.where(is_constant, 0.0, g * (y * log))


define(np.power, grad_power_a, grad_power_b, name="**", value=power)

define(np.exp, lambda g, y, x: g * y)
define(np.log, lambda g, y, x: g / inside(x, y))
define(np.log1p, lambda g, y, x: g / (1 + inside(x, y)))
define(np.sqrt, lambda g, y, x: np.divide(g, 2 * y))
define(np.sin, lambda g, y, x: g * np.cos(widened(x)))
define(np.cos, lambda g, y, x: g * -np.sin(widened(x)))
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
    x = as_floats(x)
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


define(relu, lambda g, y, x: np.where(y > 0, g, 0.0))  # not g * (y > 0): inf * 0 is nan
define(sigmoid, lambda g, y, x: g * y * (1 - y))


# --- Choices --------------------------------------------------------------------------


def grad_maximum_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g where y is a, half of it where b is equal, 0 where y is b alone."""
    return np.where((b == y) & (a != b), 0.0, g / (1.0 + (a == b)))


def grad_maximum_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """The same for b."""
    return grad_maximum_a(g, y, b, a)


define(np.maximum, grad_maximum_a, grad_maximum_b)
define(np.minimum, grad_maximum_a, grad_maximum_b)
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

    def grad_x(
        g: Any, y: Any, x: Any, axis: Any = None, keepdims: Any = False, **others: Any
    ) -> Any:
        if axis is not None and not keepdims:
            g, y = np.expand_dims(g, axis), np.expand_dims(y, axis)
        return derivative(g, y, x, axis, **others)

    return grad_x


def total(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The sum, by the ufunc: np.sum takes twice the time on small arrays."""
    return np.add.reduce(x, axis, keepdims=keepdims)


def largest(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The maximum."""
    return np.maximum.reduce(x, axis, keepdims=keepdims)


def smallest(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The minimum."""
    return np.minimum.reduce(x, axis, keepdims=keepdims)


def divided(y: Any, n: Any) -> Any:
    """y / n, also where n is too large for a half."""
    if np.result_type(y) == HALF:
        return np.positive(np.divide(in_single(y), n), dtype=HALF)
    return np.divide(y, n)


def mean(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The sum, divided by the number of elements.

    As in NumPy, integers are added in float64 and halves in float32.
    """
    dtype = np.result_type(x)
    if dtype.kind == "f" and dtype != HALF:
        y = total(x, axis, keepdims)
        return y / length_ratio(x, y)
    wider = np.float32 if dtype == HALF else np.float64
    y = np.add.reduce(x, axis, wider, keepdims=keepdims)
    y = y / length_ratio(x, y)
    return np.positive(y, dtype=HALF) if dtype == HALF else y


def grad_max_x(g: Any, y: Any, x: Any, axis: Any) -> Any:
    """g where x is the extreme, shared equally among ties."""
    ties = x == y
    return np.where(ties, g, 0.0) / np.add.reduce(ties, axis, keepdims=True)


def logsumexp(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """ln Σ exp(x), shifted by the maximum so that it cannot overflow."""
    top = np.maximum.reduce(x + 0.0, axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        y = top + np.log(np.add.reduce(np.exp(x - top), axis, keepdims=True))
    return y if keepdims else np.squeeze(y, axis)


define(np.sum, reduction(lambda g, y, x, axis: g), value=total)
define(np.mean, reduction(lambda g, y, x, axis: g / count(x, y)), value=mean)
define(np.max, reduction(grad_max_x), name="max", value=largest)
define(np.min, reduction(grad_max_x), name="min", value=smallest)
define(logsumexp, reduction(lambda g, y, x, axis: g * np.exp(x - y)))


def softmax(x: Any, axis: Any) -> Any:
    """exp(x) / Σ exp(x) along an axis, shifted so that it cannot overflow."""
    x = x + 0.0  # unsigned ones would wrap
    exps = np.exp(x - np.maximum.reduce(x, axis, keepdims=True, initial=-np.inf))
    return exps / np.add.reduce(exps, axis, keepdims=True)


def minus_log_softmax(x: Any) -> Any:
    """-ln(softmax(x)) along the last axis, exact where the softmax is tiny."""
    below = x - np.maximum.reduce(x + 0.0, -1, keepdims=True)  # (..., classes)
    return np.log(np.add.reduce(np.exp(below), -1, keepdims=True)) - below


def grad_minus_log_softmax_x(g: Any, y: Any, x: Any) -> Any:
    """The softmax, which is exp(-y), times the sum of g, minus g."""
    return np.exp(-y) * np.add.reduce(g, -1, keepdims=True) - g


define(
    softmax,
    lambda g, y, x, axis: y * (g - np.add.reduce(g * y, axis, keepdims=True)),
)
define(minus_log_softmax, grad_minus_log_softmax_x, name="-log(softmax)")


# --- Products -------------------------------------------------------------------------


def matmul(a: Any, b: Any) -> Any:
    """a @ b; np.dot is faster, but takes 0 times nan as 0 where a size is 1."""
    if type(a) is type(b) is np.ndarray and a.ndim in (1, 2) and b.ndim in (1, 2):
        if a.size > 1 and b.size > 1:
            return np.dot(a, b)
    return np.matmul(a, b)


def grad_matmul_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g @ b.T; vectors count as matrices of one row or one column."""
    if a.ndim == 1 == b.ndim:
        return g * b
    if b.ndim == 1:
        return matmul(g[..., None], b[None])  # (..., n, 1) by (1, k)
    if a.ndim == 1:
        return matmul(b, g[..., None])[..., 0]  # (..., k, m) by (..., m, 1)
    return matmul(g, b.swapaxes(-1, -2))  # (..., n, m) by (..., m, k)


def grad_matmul_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """a.T @ g."""
    if a.ndim == 1 == b.ndim:
        return g * a
    if b.ndim == 1:
        return matmul(g, a) if a.ndim == 2 else g[..., None] * a  # to be summed back
    if a.ndim == 1:
        return matmul(a[:, None], g[..., None, :])  # (k, 1) by (..., 1, m)
    return matmul(a.swapaxes(-1, -2), g)  # (..., k, n) by (..., n, m)


define(np.matmul, grad_matmul_a, grad_matmul_b, name="@", value=matmul)


# --- Shapes, selections, joins --------------------------------------------------------


def reshape(x: Any, shape: tuple[int, ...]) -> Any:
    """The elements in another shape."""
    return np.reshape(x, shape)


def transpose(x: Any, axes: tuple[int, ...] | None = None) -> Any:
    """The axes in another order; reversed, if none is given."""
    return np.transpose(x, axes)


def grad_transpose_x(
    g: Any, y: Any, x: Any, axes: tuple[int, ...] | None = None
) -> Any:
    """The axes put back."""
    if axes is not None:
        axes = tuple(np.argsort([axis % np.ndim(x) for axis in axes]))
    return np.transpose(g, axes)


define(np.reshape, lambda g, y, x, shape: reshape_like(g, x), value=reshape)
define(np.transpose, grad_transpose_x, value=transpose)


def elements_at(x: Any, *keys: Any) -> Any:
    """The elements x[keys]."""
    return (x if np.ndim(x) else np.asarray(x))[keys]  # a number has no [keys]


@primitive(lambda gg, y, g, x, *keys: run(elements_at, gg, *keys), name="placed")
def placed_at(g: Any, x: Any, *keys: Any) -> Any:
    """Zeros in the shape of x, or in that shape, with g at the keys.

    What meets in one place is added.
    """
    y = np.zeros(x if type(x) is tuple else np.shape(x), np.result_type(g))
    if any(map(np.ndim, keys)):
        add_at(y, keys, g)
    else:
        y[keys] = g
    return y


define(  # keys receive nothing
    elements_at, lambda g, y, x, *keys: placed_at(g, x, *keys), name="[]"
)


def slice_along(x: Any, key: int | slice, axis: int) -> Any:
    """x[key], of one axis; of the others, all."""
    return x[key_along(x, key, axis)]


def key_along(x: Any, key: int | slice, axis: int) -> tuple[int | slice, ...]:
    """The key of one axis, and all of the others."""
    keys: list[int | slice] = [slice(None)] * x.ndim
    keys[axis] = key
    return tuple(keys)


def concatenate_parts(*parts: Any, axis: int) -> Any:
    """np.concatenate, of arguments."""
    return np.concatenate(parts, axis)


def key_of_last(parts: tuple[Any, ...], axis: int) -> tuple[int | slice, ...]:
    """Where the last part is after concatenation."""
    end = sum(part.shape[axis] for part in parts)
    return key_along(parts[0], slice(end - parts[-1].shape[axis], end), axis)


@primitive(lambda gg, y, g, *parts, axis: placed_part(gg, g, *parts, axis=axis))
def part_of(g: Any, *parts: Any, axis: int) -> Any:
    """The last part of the concatenated, where it stands in g."""
    return g[key_of_last(parts, axis)]


@primitive(lambda g, y, gg, x, *parts, axis: part_of(g, *parts, axis=axis))
def placed_part(g: Any, x: Any, *parts: Any, axis: int) -> Any:
    """Zeros in the shape of x with g where the last part stands."""
    return placed_at(g, x, *key_of_last(parts, axis))


def grad_concatenate(i: int, g: Any, y: Any, *parts: Any, axis: int) -> Any:
    """The i-th part of g."""
    return part_of(g, *parts[: i + 1], axis=axis)


def stack_parts(*parts: Any, axis: int = 0) -> Any:
    """np.stack, of arguments."""
    return np.stack(parts, axis)


def grad_stack(i: int, g: Any, y: Any, *parts: Any, axis: int = 0) -> Any:
    """The i-th part of g."""
    return slice_along(g, i, axis)


define(np.concatenate, grad_concatenate, value=concatenate_parts, is_variadic=True)
define(np.stack, grad_stack, value=stack_parts, is_variadic=True)


# --- Errors ---------------------------------------------------------------------------


def located(
    error: Exception, name: str, shapes: Iterable[Any], call_site: Any = None
) -> Exception:
    """The same error, naming the operator, its operands' shapes, and the call site."""
    where = f"operator {name!r} of shapes {', '.join(map(str, shapes))}"
    where += f" ({call_site})" if call_site else ""
    kind: Any = type(error)
    while True:
        try:
            return kind(f"{where}: {error}")  # type: ignore[no-any-return]
        except TypeError:  # this class takes something other than a message
            kind = kind.__base__
