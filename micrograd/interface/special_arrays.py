"""SciPy's special functions of arrays and numbers, with NumPy and math alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from micrograd.rules import Function

# --- Errors and ln Γ: Python's math has them ------------------------------------------


def of_each(function: Function, x: Any) -> Any:
    """The function of each element; integers give float64."""
    dtype = np.result_type(x)
    y = np.frompyfunc(function, 1, 1)(x)
    return np.asarray(y, dtype if dtype.kind == "f" else float)[()]


def erf(x: Any) -> Any:
    """2/√π times the integral of exp(-t²) from 0 to x."""
    return of_each(math.erf, x)


def erfc(x: Any) -> Any:
    """1 - erf(x), exact where x is large."""
    return of_each(math.erfc, x)


def gammaln(x: Any) -> Any:
    """ln |Γ(x)|."""
    return of_each(log_of_gamma, x)


def log_of_gamma(x: float) -> float:
    """The same of a number; inf at 0, at negative integers, and where it overflows."""
    try:
        return math.lgamma(x)
    except (ValueError, OverflowError):
        return math.inf


# --- The derivatives of ln Γ ----------------------------------------------------------

# Abramowitz and Stegun, Handbook of Mathematical Functions, chapter 6. From x = 10 on
# the first term that is left out of the asymptotic series (6.3.18, 6.4.12) is below
# 1e-16; the recurrences (6.3.5, 6.4.6) lead there in ten steps, and from a negative x
# the reflections (6.3.7, 6.4.7) to a positive one.
STEPS = 10
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)  # B2, B4, ...


def digamma(x: Any) -> Any:
    """The derivative of ln Γ(x); nan at negative integers, where it jumps."""
    is_negative, distance, x = reflected(x)
    far = x + STEPS
    terms = [b / (2 * k) for k, b in enumerate(BERNOULLI, 1)]
    y = np.log(far) - 0.5 / far - series(terms, far)
    for k in range(STEPS):
        y = y - np.divide(1, x + k)
    y = y - np.where(is_negative, math.pi / np.tan(math.pi * distance), 0)
    return np.where(distance == 0, np.nan, y)[()]


def trigamma(x: Any) -> Any:
    """The derivative of digamma(x)."""
    is_negative, distance, x = reflected(x)
    far = x + STEPS
    y = 1 / far + 0.5 / (far * far) + series(BERNOULLI, far) / far
    for k in range(STEPS):
        y = y + np.square(np.divide(1, x + k))
    of_both = np.square(math.pi / np.sin(math.pi * distance))
    return np.where(is_negative, of_both - y, y)[()]


def reflected(x: Any) -> tuple[Any, Any, Any]:
    """Whether x is negative, then how far from an integer; and 1 - x for x there."""
    x = 1.0 * x  # unsigned integers would wrap
    is_negative = x < 0
    distance = np.where(is_negative, x - np.rint(x), 0.5)
    return is_negative, distance, np.where(is_negative, 1 - x, x)


def series(terms: Any, x: Any) -> Any:
    """The sum of terms[0] / x², terms[1] / x⁴, ..."""
    step = 1 / (x * x)
    y = 0.0
    for term in reversed(terms):
        y = (y + term) * step
    return y


# --- Logarithms -----------------------------------------------------------------------


def logit(x: Any) -> Any:
    """ln(x / (1 - x)); nan outside of 0 to 1."""
    return np.log(x) - np.log1p(-1.0 * x)


def xlogy(a: Any, b: Any) -> Any:
    """a ln b, and 0 where a is 0."""
    return a * np.log(np.where((a == 0) & (b == b), 1, b))


def xlog1py(a: Any, b: Any) -> Any:
    """a ln(1 + b), and 0 where a is 0."""
    return a * np.log1p(np.where((a == 0) & (b == b), 0, b))


def entr(x: Any) -> Any:
    """-x ln x, and 0 at 0; -inf below."""
    return -xlogy(x, np.maximum(x, 0))


def log_softmax(x: Any, axis: int | tuple[int, ...] | None = None) -> Any:
    """ln(softmax(x)), exact where the softmax is tiny."""
    x = x + 0.0
    below = x - np.maximum.reduce(x, axis, keepdims=True, initial=-np.inf)
    return below - np.log(np.add.reduce(np.exp(below), axis, keepdims=True))
