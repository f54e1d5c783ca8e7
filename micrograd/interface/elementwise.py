"""Functions of each element: angles, powers, logarithms, rounding, remainders."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd.engine import Value, apply
from micrograd.interface.arguments import with_options
from micrograd.interface.functions import where
from micrograd.rules import (
    RULES,
    Function,
    define,
    grad_maximum_a,
    grad_maximum_b,
    grad_power_a,
    grad_power_b,
    in_double,
    inside,
    primitive,
    run,
    sigmoid,
    widened,
)

# Python's numbers, which leave float32 arrays what they are.
LN2, LN10 = math.log(2), math.log(10)
DEGREE = math.pi / 180


def grad_step(g: Any, y: Any, *_: Any) -> float:
    """The derivative of steps."""
    return 0.0


# --- Angles ---------------------------------------------------------------------------


def grad_arccos_x(g: Any, y: Any, x: Any) -> Any:
    """-g / √(1 - x²)."""
    x = inside(x, y)
    return -g / np.sqrt((1 - x) * (1 + x))


def grad_arccosh_x(g: Any, y: Any, x: Any) -> Any:
    """g / √(x² - 1), without the square, which would overflow."""
    x = inside(x, y)
    return g / (np.sqrt(x - 1) * np.sqrt(x + 1))


def over_radius(g: Any, a: Any, b: Any, power: int = 1) -> Any:
    """g a / r, or g a / r², for r = √(a² + b²); 0 where r is 0."""
    r = np.hypot(widened(a), widened(b))
    is_zero = r == 0
    r = np.where(is_zero, 1.0, r)
    g = np.where(is_zero, 0.0, g * (a / r))
    return g / r if power == 2 else g


def grad_arctan2_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g b / r²."""
    return over_radius(g, b, a, 2)


def grad_arctan2_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """-g a / r²."""
    return -grad_arctan2_a(g, y, b, a)


@primitive(lambda g, y, x, sinc: g * derivative_of_sinc(x, n=2), None)
def slope_of_sinc(x: Any, sinc: Any) -> Any:
    """(cos πx - sinc x) / x; near 0, where they cancel, by its series."""
    t = math.pi * x
    t2 = t * t
    is_near = np.abs(t) < 0.1
    series = -t / 3 * (1 - t2 / 10 * (1 - t2 / 28 * (1 - t2 / 54)))
    return np.where(
        is_near, math.pi * series, (np.cos(t) - sinc) / np.where(is_near, 1, x)
    )


@primitive(lambda g, y, x, n: g * derivative_of_sinc(x, n=n + 1))
def derivative_of_sinc(x: Any, n: int) -> Any:
    """The n-th one of sin(t) / t for t = πx, as t yₙ + n yₙ₋₁ = sin(t + n π/2).

    Near 0, where that divides by t, it is the sum of the derivatives of the powers.
    """
    t = math.pi * x
    is_near = np.abs(t) < n + 1
    near, far = np.where(is_near, t, 0), np.where(is_near, 1, t)
    series, y = 0.0, np.sin(far) / far
    for k in reversed(range((n + 1) // 2, n + 20)):
        power = 2 * k - n
        factor = math.factorial(2 * k) / math.factorial(power)
        sign = (-1) ** k
        series = series + sign * factor / math.factorial(2 * k + 1) * near**power
    for i in range(1, n + 1):
        y = (np.sin(far + i * math.pi / 2) - i * y) / far
    return math.pi**n * np.where(is_near, series, y)


define(np.tan, lambda g, y, x: g * (1 + y * y))
define(np.arccos, grad_arccos_x)
define(np.arctan, lambda g, y, x: g / (1 + np.square(widened(x))))
define(np.sinh, lambda g, y, x: g * np.cosh(widened(x)))
define(np.cosh, lambda g, y, x: g * np.sinh(widened(x)))
define(np.arccosh, grad_arccosh_x)
define(np.arctan2, grad_arctan2_a, grad_arctan2_b)
define(
    np.hypot,
    lambda g, y, a, b: over_radius(g, a, b),
    lambda g, y, a, b: over_radius(g, b, a),
)
define(np.sinc, lambda g, y, x: g * slope_of_sinc(x, y))
define(np.degrees, lambda g, y, x: g / DEGREE)
define(np.rad2deg, lambda g, y, x: g / DEGREE)
define(np.radians, lambda g, y, x: g * DEGREE)
define(np.deg2rad, lambda g, y, x: g * DEGREE)


# --- Powers and logarithms ------------------------------------------------------------


def weight_of_a(a: Any, b: Any) -> Any:
    """exp(a) / (exp(a) + exp(b)); a half, if both are the same infinity."""
    is_infinite = (a == b) & np.isinf(a)
    return run(
        sigmoid, np.where(is_infinite, 0.0, widened(a)) - np.where(is_infinite, 0.0, b)
    )


define(np.expm1, lambda g, y, x: g * np.exp(widened(x)))
define(np.exp2, lambda g, y, x: g * (LN2 * y))
define(np.log2, lambda g, y, x: g / (LN2 * inside(x, y)))
define(np.log10, lambda g, y, x: g / (LN10 * inside(x, y)))
define(
    np.logaddexp,
    lambda g, y, a, b: g * weight_of_a(a, b),
    lambda g, y, a, b: g * weight_of_a(b, a),
)
define(
    np.logaddexp2,
    lambda g, y, a, b: g * weight_of_a(LN2 * widened(a), LN2 * widened(b)),
    lambda g, y, a, b: g * weight_of_a(LN2 * widened(b), LN2 * widened(a)),
)
define(np.reciprocal, lambda g, y, x: -g * y * y)
define(np.cbrt, lambda g, y, x: np.divide(g, 3 * y * y))
define(
    np.float_power,
    lambda g, y, a, b: grad_power_a(g, y, np.float_power(a, 1), np.float_power(b, 1)),
    lambda g, y, a, b: grad_power_b(g, y, np.float_power(a, 1), np.float_power(b, 1)),
)


# --- Signs, choices and bounds --------------------------------------------------------

define(np.fabs, *RULES[np.abs].derivatives)
define(np.positive, lambda g, y, x: g, name="pos")
define(np.conjugate, lambda g, y, x: g)
define(
    np.imag, grad_step, value=lambda x: np.where(False, x, False)
)  # zeros of its dtype
define(np.fmax, grad_maximum_a, grad_maximum_b)
define(np.fmin, grad_maximum_a, grad_maximum_b)
define(
    np.copysign,
    lambda g, y, a, b: np.where(
        a == 0, 0.0, np.where(np.signbit(a) == np.signbit(b), g, -g)
    ),
    grad_step,
)
define(np.heaviside, grad_step, lambda g, y, x, half: np.where(x == 0, g, 0.0))

define(np.nan_to_num, lambda g, y, x, **_: np.where(np.isfinite(x), g, 0.0))


def nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Value:
    """np.nan_to_num, by numbers, into a new Value."""
    if not copy:
        raise TypeError("expected copy=True, which leaves x as it is")
    options = {"nan": nan, "posinf": posinf, "neginf": neginf}
    return apply(RULES[np.nan_to_num].bind(options), x)


# --- Rounding and remainders ----------------------------------------------------------

define(np.floor, grad_step)
define(np.ceil, grad_step)
define(np.trunc, grad_step)
define(np.rint, grad_step)
define(np.fix, grad_step, value=np.trunc)  # the same; NumPy 2.5 warns of its use
define(np.floor_divide, grad_step, grad_step, name="//")
define(
    np.remainder,
    lambda g, y, a, b: inside(g, y),
    lambda g, y, a, b: -g * inside(np.floor_divide(a, b), y),
    name="%",
)
define(
    np.fmod,
    lambda g, y, a, b: inside(g, y),
    lambda g, y, a, b: -g * inside(np.trunc(np.divide(a, b)), y),
)
define(np.round, lambda g, y, x, decimals: 0.0, name="round")


# --- Between points -------------------------------------------------------------------


def segment(x: Any, xp: Any) -> tuple[Any, Any]:
    """Where x is: the points to its left and right; outside, the outermost two."""
    last = len(xp) - 1
    left = np.clip(np.searchsorted(xp, x, "right") - 1, 0, max(last - 1, 0))
    return left, np.minimum(left + 1, last)


@primitive(lambda g, y, fp, x, xp: placed_rise(g, fp, x, xp), None, None)
def rise(fp: Any, x: Any, xp: Any) -> Any:
    """By how much the point to the right of x is higher; 0 where x is outside."""
    left, right = segment(x, xp)
    is_outside, fp = (x < xp[0]) | (x > xp[-1]), in_double(fp)
    return np.where(is_outside, 0.0, np.take(fp, right) - np.take(fp, left))


@primitive(lambda gg, y, g, fp, x, xp: rise(gg, x, xp), None, None, None)
def placed_rise(g: Any, fp: Any, x: Any, xp: Any) -> Any:
    """Its adjoint: g at the points to the right, less g at those to the left."""
    left, right = segment(x, xp)
    g = np.where((x < xp[0]) | (x > xp[-1]), 0.0, g)
    return np.bincount(np.ravel([left, right]), np.ravel([-g, g]), len(xp))


def slope(x: Any, xp: Any, fp: Any) -> Any:
    """The derivative by x: at a point that of the segment to its right; outside 0."""
    width = rise(xp, x, xp)
    is_flat = width == 0
    return np.where(is_flat, 0.0, rise(fp, x, xp) / np.where(is_flat, 1, width))


@primitive(
    lambda gg, y, g, x, xp: run(np.interp, x, xp, gg),
    lambda gg, y, g, x, xp: g * slope(x, xp, gg),
    lambda gg, y, g, x, xp: at_points(-g * slope(x, xp, gg), x, xp),
)
def at_points(g: Any, x: Any, xp: Any) -> Any:
    """g at the points on both sides of x, by weight: the adjoint of interpolation."""
    left, right = segment(x, xp)
    xp = in_double(xp)
    start = np.take(xp, left)
    width = np.take(xp, right) - start
    weight = (np.clip(x, xp[0], xp[-1]) - start) / np.where(width > 0, width, 1)
    places = np.ravel([left, right])
    shares = np.ravel([g * (1 - weight), g * weight])
    return np.bincount(places, shares, len(xp))


define(
    np.interp,
    lambda g, y, x, xp, fp: g * inside(slope(x, xp, fp), y),
    lambda g, y, x, xp, fp: at_points(-g * slope(x, xp, fp), x, xp),
    lambda g, y, x, xp, fp: at_points(g, x, xp),
)


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Value:
    """np.interp; what x is outside of xp, may be Values, too."""
    y = apply(RULES[np.interp], x, xp, fp)
    if left is not None:
        y = where(np.less(x, xp[0]), left, y)
    return y if right is None else where(np.greater(x, xp[-1]), right, y)


FUNCTIONS: dict[Function, Callable[..., Any]] = {
    np.around: with_options(np.round, "decimals"),
    np.divmod: lambda a, b: (np.floor_divide(a, b), np.remainder(a, b)),
    np.interp: interp,
    np.nan_to_num: nan_to_num,
    np.real: lambda x: x,
    np.round: with_options(np.round, "decimals"),
}
