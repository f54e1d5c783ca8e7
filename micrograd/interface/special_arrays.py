"""SciPy's special functions of arrays and numbers, with NumPy and math alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from micrograd.arrays import in_single
from micrograd.rules import Function, as_floats

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
    dtype = np.result_type(as_floats(x))
    is_negative, distance, x = reflected(x)
    far = x + STEPS
    terms = [b / (2 * k) for k, b in enumerate(BERNOULLI, 1)]
    y = np.log(far) - 0.5 / far - series(terms, far)
    for k in reversed(range(1, STEPS)):
        y = y - np.divide(1, x + k)
    y = y - np.divide(1, x)  # without + 0, of which -0.0 would become 0.0
    y = y - np.where(is_negative, math.pi / np.tan(math.pi * distance), 0.0)
    return np.positive(np.where(distance == 0, np.nan, y), dtype=dtype)


def polygamma(x: Any, n: int) -> Any:
    """The n-th derivative of digamma(x), n > 0."""
    dtype = np.result_type(as_floats(x))
    is_negative, distance, x = reflected(x)
    far, factorial = x + STEPS, math.factorial
    rising = [factorial(2 * k + n - 1) / factorial(2 * k) for k in range(1, 8)]
    terms = [b * factor for b, factor in zip(BERNOULLI, rising)]
    y = factorial(n - 1) + 0.5 * factorial(n) / far + series(terms, far)
    y = y / far**n
    for k in range(STEPS):
        y = y + factorial(n) * np.divide(1, x + k) ** (n + 1)
    of_both = -(math.pi ** (n + 1)) * slope_of_cot(math.pi * distance, n)
    y = np.where(is_negative, of_both - y, -y * (-1) ** n)
    return np.positive(y, dtype=dtype)


def slope_of_cot(x: Any, n: int) -> Any:
    """The n-th derivative of cot(x): that of cot is -1 - cot²."""
    powers = np.poly1d([1, 0])
    for _ in range(n):
        powers = np.poly1d([-1, 0, -1]) * powers.deriv()
    return np.polyval(powers.coeffs, 1 / np.tan(x))


def reflected(x: Any) -> tuple[Any, Any, Any]:
    """Whether x is negative, then how far from an integer; and 1 - x for x there."""
    x = in_single(as_floats(x))
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
    x = as_floats(x)
    return np.log(x) - np.log1p(-x)


def xlogy(a: Any, b: Any) -> Any:
    """a ln b, and 0 where a is 0."""
    return product_or_zero(a, np.log, b, 1.0)


def xlog1py(a: Any, b: Any) -> Any:
    """a ln(1 + b), and 0 where a is 0."""
    return product_or_zero(a, np.log1p, b, 0.0)


def product_or_zero(a: Any, function: Function, b: Any, safe: float) -> Any:
    """a function(b), and 0 where a is 0, without a call that would warn there."""
    is_zero = (a == 0) & (b == b)
    dtype = np.result_type(as_floats(a), as_floats(b))  # not that of np.where
    of_b = function(np.where(is_zero, safe, b), dtype=dtype)
    return np.where(is_zero, 0.0, a * of_b)[()]


def entr(x: Any) -> Any:
    """-x ln x, and 0 at 0; -inf below."""
    return xlogy(-as_floats(x), np.maximum(x, 0))


def log_softmax(x: Any, axis: int | tuple[int, ...] | None = None) -> Any:
    """ln(softmax(x)), exact where the softmax is tiny."""
    x = x + 0.0
    below = x - np.maximum.reduce(x, axis, keepdims=True, initial=-np.inf)
    return below - np.log(np.add.reduce(np.exp(below), axis, keepdims=True))


# --- The normal distribution ----------------------------------------------------------

ROOT_2PI = math.sqrt(2 * math.pi)
FAR_TAIL = -20.0  # below, the series has 16 digits; above, erfc is a normal number
ODD_FACTORIALS = np.cumprod(-np.arange(1.0, 21, 2))  # -1, 1·3, -1·3·5, ...


def floating(y: Any, *operands: Any) -> Any:
    """y in the dtype of the operands; float64, if they are integers."""
    dtype = np.result_type(*operands)
    return np.asarray(y, dtype if dtype.kind == "f" else float)[()]


def tail_series(x: Any) -> Any:
    """-x Φ(x) / φ(x) where x is far below 0: Abramowitz and Stegun, 26.2.12."""
    return 1 + sum(c / np.power(x, 2.0 * k) for k, c in enumerate(ODD_FACTORIALS, 1))


def log_ndtr(x: Any) -> Any:
    """ln Φ(x), the logarithm of the normal distribution's share below x."""
    z = np.asarray(x, float)
    far = np.minimum(z, FAR_TAIL)
    in_tail = -0.5 * far * far - np.log(-far) + np.log(tail_series(far) / ROOT_2PI)
    is_right = z > 0  # where erfc(z) is exact, and 1 - Φ is small
    half = erfc(np.abs(np.maximum(z, FAR_TAIL)) / math.sqrt(2)) / 2
    near = np.where(is_right, np.log1p(-half), np.log(np.where(is_right, 1, half)))
    return floating(np.where(z < FAR_TAIL, in_tail, near), x)


def inverse_mills(x: Any) -> Any:
    """φ(x) / Φ(x), the derivative of ln Φ(x)."""
    z = np.asarray(x, float)
    far = np.minimum(z, FAR_TAIL)
    near = np.maximum(z, FAR_TAIL)
    y = np.exp(-0.5 * near * near - log_ndtr(near)) / ROOT_2PI
    return floating(np.where(z < FAR_TAIL, -far / tail_series(far), y), x)


# --- The beta and the incomplete gamma function ---------------------------------------


def betaln(a: Any, b: Any) -> Any:
    """ln |Γ(a) Γ(b) / Γ(a + b)|; by Stirling's series, where b and a + b are large."""
    operands = a, b
    a, b = np.asarray(a, float), np.asarray(b, float)
    small, large = np.minimum(a, b), np.maximum(a, b)
    y = gammaln(small) + gammaln(large) - gammaln(small + large)
    is_far = (large >= STEPS) & (small > 0) & np.isfinite(large)
    b = np.where(is_far, large, STEPS)
    a = np.where(is_far, small, 1)
    rest = stirling_rest(b) - stirling_rest(a + b)
    far = gammaln(a) - a * np.log(a + b) + a - (b - 0.5) * np.log1p(a / b) + rest
    return floating(np.where(is_far, far, y), *operands)


def stirling_rest(x: Any) -> Any:
    """ln Γ(x) less (x - 1/2) ln x - x + ln(2π)/2: Abramowitz and Stegun, 6.1.41."""
    return x * series(
        [b / (2 * k * (2 * k - 1)) for k, b in enumerate(BERNOULLI, 1)], x
    )


def gammainc(a: Any, x: Any) -> Any:
    """The integral of exp(-t) t^(a - 1) from 0 to x, divided by Γ(a)."""
    return floating(np.frompyfunc(gammainc_of_numbers, 2, 1)(a, x), a, x)


TINY, HUGE = 1e-300, 1e8  # below, 1 / a is infinite; above, sums take too long


def gammainc_of_numbers(a: float, x: float) -> float:
    """The same of numbers: Abramowitz and Stegun, 6.5.29 and 6.5.31."""
    if not (a >= 0 and x >= 0) or a == x == 0 or a == x == math.inf:
        return math.nan
    if a < TINY or x > 100 * max(a, STEPS):
        return 1.0
    if x == 0 or a == math.inf:
        return 0.0
    if a > HUGE:
        return gammainc_of_huge(a, x)
    if a < STEPS:
        scale: float = math.exp(-x) * x**a / math.gamma(a)
    else:  # where the logarithms are large, and their sum is not
        excess = (x - a) / a
        distance = (math.log1p(excess) if excess > -0.5 else math.log(x / a)) - excess
        scale = math.exp(a * distance - stirling_rest(a)) * math.sqrt(a / math.pi / 2)
    if x < a + 1:
        n, term = a, 1 / a
        total = term
        while term > total * 2**-54:
            n += 1
            term *= x / n
            total += term
        return scale * total
    # The continued fraction, from its front by Lentz's method.
    b = x + 1 - a
    c, d = math.inf, 1 / b
    fraction, factor, k = d, 0.0, 0
    while abs(factor - 1) > 2**-52:
        k += 1
        b += 2
        step = -k * (k - a)
        c, d = b + step / c, 1 / (b + step * d)
        factor = c * d
        fraction *= factor
    return 1 - scale * fraction


def gammainc_of_huge(a: float, x: float) -> float:
    """The same for a huge a, where it is nearly a normal distribution: Temme, 1979."""
    excess = (x - a) / a
    if abs(excess) < 1e-3:  # where the difference below would cancel
        half_square = excess**2 * (1 / 2 - excess / 3 + excess**2 / 4 - excess**3 / 5)
        correction = -1 / 3 + excess / 12
    else:
        half_square = excess - math.log(x / a)
        root = math.copysign(math.sqrt(2 * half_square), excess)
        correction = 1 / excess - 1 / root
    distance = math.copysign(math.sqrt(a) * math.sqrt(half_square), excess)
    density = math.exp(-(distance**2)) / math.sqrt(2 * math.pi * a)
    return math.erfc(-distance) / 2 - density * correction
