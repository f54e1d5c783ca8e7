"""Comparisons, logic and places: Values without a gradient, as metrics need them.

They are evaluated anew by each `forward()`. What answers with a plain truth or dtype,
as `np.allclose`, is about the data that there are when it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd.engine import Value, apply, as_operand, has_value
from micrograd.interface.arguments import with_options
from micrograd.interface.methods import check_looking
from micrograd.rules import RULES, Function, define

# --- Element by element ---------------------------------------------------------------


def of_bits(function: Function) -> Function:
    """The function, with an error that says what to do with floats."""

    def checked(*data: Any) -> Any:
        if any(np.result_type(x).kind == "f" for x in data):
            dtypes = " and ".join(str(np.result_type(x)) for x in data)
            raise TypeError(
                f"expected booleans or integers, got {dtypes}: compare first, as in "
                "(x > 0) & (y > 0)"
            )
        return function(*data)

    return checked


define(np.bitwise_and, None, None, name="&", value=of_bits(np.bitwise_and))
define(np.bitwise_or, None, None, name="|", value=of_bits(np.bitwise_or))
define(np.bitwise_xor, None, None, name="^", value=of_bits(np.bitwise_xor))
define(np.invert, None, name="~", value=of_bits(np.invert))

define(np.logical_and, None, None)
define(np.logical_or, None, None)
define(np.logical_xor, None, None)
define(np.logical_not, None)
define(np.isnan, None)
define(np.isfinite, None)
define(np.isinf, None)
define(np.signbit, None)
define(np.sign, lambda g, y, x: 0.0)  # nothing, but a loss may depend on it alone


define(np.isclose, None, None, None, None)
define(np.isin, None, None)


def isclose(
    a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False
) -> Value:
    """Whether |a - b| <= atol + rtol |b|."""
    rule = RULES[np.isclose].bind({"equal_nan": equal_nan})
    return apply(rule, a, b, rtol, atol)


# --- Along axes -----------------------------------------------------------------------


def nanargmax(x: Any, **parameters: Any) -> Any:
    """np.argmax, as if nan were the smallest; 0 where all are, as in unfed data."""
    return np.argmax(without_nan(x, -np.inf), **parameters)


def nanargmin(x: Any, **parameters: Any) -> Any:
    """np.argmin, as if nan were the largest."""
    return np.argmin(without_nan(x, np.inf), **parameters)


def without_nan(x: Any, worst: float) -> Any:
    """The worst number in place of nan; integers stay exact."""
    return np.where(np.isnan(x), worst, x) if np.result_type(x).kind == "f" else x


def count_nonzero(x: Any, **parameters: Any) -> Any:
    """np.count_nonzero, as NumPy's integer: NumPy 1 counts in Python's."""
    return np.asarray(np.count_nonzero(x, **parameters))[()]


REDUCTIONS: dict[Function, Function] = {
    np.all: np.all,
    np.any: np.any,
    np.argmax: np.argmax,
    np.argmin: np.argmin,
    np.count_nonzero: count_nonzero,
    np.nanargmax: nanargmax,
    np.nanargmin: nanargmin,
}
for function, value in REDUCTIONS.items():
    define(function, None, value=value)

define(np.argsort, None)
define(np.argpartition, None)
argsort = with_options(np.argsort, "axis kind")
argpartition = with_options(np.argpartition, "kth axis")


# --- Places, whose number may depend on the data --------------------------------------

define(np.argwhere, None)
define(np.flatnonzero, None)
define(np.searchsorted, None, None)
define(np.digitize, None, None)


def nonzero(a: Any) -> tuple[Value, ...]:
    """The places of the elements that are not 0, as an index for each axis."""
    n_axes = np.ndim(a.data)
    if n_axes == 0:
        raise ValueError("nonzero: expected an axis at least, got a number")
    places = apply(RULES[np.argwhere], a)  # (places, axes)
    return tuple(places[:, i] for i in range(n_axes))


# --- Answers about the data of now ----------------------------------------------------


def of_data(function: Function) -> Callable[..., Any]:
    """NumPy's function of the data, whose answer is no Value."""

    def answer(*arguments: Any, **options: Any) -> Any:
        if function in DECISIONS:
            check_looking()
        named = {name: raw_data(x) for name, x in options.items()}
        return function(*map(raw_data, arguments), **named)

    return answer


def raw_data(x: Any) -> Any:
    """The data of a Value, or of a list of them; all else as it is."""
    return as_operand(x).data if has_value(x) else x


def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    """By the dtype: NumPy 2 takes no numbers of Python."""
    return bool(np.can_cast(from_.dtype, to, casting))


DECISIONS = {np.allclose, np.array_equal, np.array_equiv}
ANSWERS = (
    np.allclose,
    np.array_equal,
    np.array_equiv,
    np.common_type,
    np.iscomplexobj,
    np.isrealobj,
    np.may_share_memory,
    np.result_type,
    np.shares_memory,
)
FUNCTIONS: dict[Function, Callable[..., Any]] = {
    **{function: with_options(function, "axis keepdims") for function in REDUCTIONS},
    **{function: of_data(function) for function in ANSWERS},
    np.argpartition: argpartition,
    np.argsort: argsort,
    np.can_cast: can_cast,
    np.digitize: with_options(np.digitize, "right"),
    np.isclose: isclose,
    np.isin: with_options(np.isin, "assume_unique invert"),
    np.nonzero: nonzero,
    np.searchsorted: with_options(np.searchsorted, "side"),
}
