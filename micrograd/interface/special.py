"""SciPy's special functions, under its names: of Values, without SciPy.

>>> from micrograd import Value, special
>>> special.erf(Value([0.0, 1.0])).data.round(4)
array([0.    , 0.8427])

SciPy's own take Values, too, as `scipy.special.erf(v)`: long arrays are a reason to
install it, of which `erf`, `erfc` and `gammaln` take a tenth of the time there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd import rules
from micrograd.engine import Value, apply
from micrograd.interface import elementwise, special_arrays
from micrograd.rules import (
    RULES,
    Function,
    define,
    inside,
    primitive,
    rule_along,
    run,
    widened,
)

if TYPE_CHECKING:
    from typing import NoReturn

# --- Derivatives, under the names of SciPy's functions --------------------------------


def bell(x: Any) -> Any:
    """2/√π exp(-x²)."""
    return 2 / math.sqrt(math.pi) * np.exp(-np.square(widened(x)))


def grad_xlogy_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g ln b, and 0 where a is 0 and b gives no number."""
    is_zero = (a == 0) & (b <= 0)
    return np.where(is_zero, 0.0, g * np.log(np.where(is_zero, 1.0, widened(b))))


def grad_xlogy_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g a / b, and 0 where a is 0 and b gives no number."""
    is_zero = (a == 0) & (b <= 0)
    return np.where(is_zero, 0.0, g * (a / inside(np.where(is_zero, 1.0, b), y)))


def grad_xlog1py_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g ln(1 + b), and 0 where a is 0 and b gives no number."""
    is_zero = (a == 0) & (b <= -1)
    return np.where(is_zero, 0.0, g * np.log1p(np.where(is_zero, 0.0, widened(b))))


def grad_xlog1py_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g a / (1 + b), and 0 where a is 0 and b gives no number."""
    is_zero = (a == 0) & (b <= -1)
    return np.where(is_zero, 0.0, g * (a / (1 + inside(np.where(is_zero, 0.0, b), y))))


def grad_logit_x(g: Any, y: Any, x: Any) -> Any:
    """g / (x (1 - x))."""
    x = inside(x, y)
    return g / (x * (1 - x))


def grad_gammainc_a(g: Any, y: Any, a: Any, x: Any) -> NoReturn:
    """Refused: it is no formula of these functions."""
    raise TypeError("gammainc has no derivative with respect to a here, only to x")


def grad_gammainc_x(g: Any, y: Any, a: Any, x: Any) -> Any:
    """g exp(-x) x^(a - 1) / Γ(a)."""
    log_of_power = run(special_arrays.xlogy, a - 1.0, inside(x, y))
    return g * np.exp(log_of_power - x - run(special_arrays.gammaln, a))


def grad_betaln_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g (ψ(a) - ψ(a + b))."""
    of_a, of_both = (run(special_arrays.digamma, x) for x in (a, a + b))
    return g * (of_a - of_both)


@primitive(lambda g, y, x, n: g * polygamma(x, n=n + 1))
def polygamma(x: Any, n: int) -> Any:
    """The n-th derivative of digamma."""
    return special_arrays.polygamma(x, n)


DERIVATIVES: dict[str, tuple[Function | None, ...]] = {
    "betaln": (grad_betaln_a, lambda g, y, a, b: grad_betaln_a(g, y, b, a)),
    "cbrt": RULES[np.cbrt].derivatives,
    "entr": (lambda g, y, x: g * -(1 + np.log(widened(x))),),
    "erf": (lambda g, y, x: g * bell(x),),
    "erfc": (lambda g, y, x: -g * bell(x),),
    "erfinv": (lambda g, y, x: g * (math.sqrt(math.pi) / 2 * np.exp(y * y)),),
    "exp10": (lambda g, y, x: g * (elementwise.LN10 * y),),
    "exp2": RULES[np.exp2].derivatives,
    "expit": RULES[rules.sigmoid].derivatives,
    "expm1": RULES[np.expm1].derivatives,
    "gamma": (lambda g, y, x: g * (y * run(special_arrays.digamma, x)),),
    "gammainc": (grad_gammainc_a, grad_gammainc_x),
    "gammaln": (lambda g, y, x: g * run(special_arrays.digamma, x),),
    "log1p": RULES[np.log1p].derivatives,
    "log_expit": (lambda g, y, x: -g * np.expm1(y),),
    "log_ndtr": (lambda g, y, x: g * run(special_arrays.inverse_mills, x),),
    "logit": (grad_logit_x,),
    "ndtr": (lambda g, y, x: g * (bell(x / math.sqrt(2)) / math.sqrt(8)),),
    "psi": (lambda g, y, x: g * inside(polygamma(x, n=1), y),),
    "xlog1py": (grad_xlog1py_a, grad_xlog1py_b),
    "xlogy": (grad_xlogy_a, grad_xlogy_b),
}


def learn(function: Function) -> None:
    """Enter the rule of one of SciPy's functions, whose value it computes itself."""
    derivatives = DERIVATIVES.get(function.__name__)
    if derivatives and isinstance(function, np.ufunc):
        define(function, *derivatives)


# --- Functions of Values --------------------------------------------------------------

define(special_arrays.erf, *DERIVATIVES["erf"])
define(special_arrays.erfc, *DERIVATIVES["erfc"])
define(special_arrays.gammaln, *DERIVATIVES["gammaln"])
define(special_arrays.digamma, *DERIVATIVES["psi"])
define(special_arrays.betaln, *DERIVATIVES["betaln"])
define(special_arrays.gammainc, *DERIVATIVES["gammainc"])
define(special_arrays.log_ndtr, *DERIVATIVES["log_ndtr"])
define(special_arrays.inverse_mills, lambda g, y, x: -g * y * (x + y))
define(special_arrays.logit, *DERIVATIVES["logit"])
define(special_arrays.xlogy, *DERIVATIVES["xlogy"])
define(special_arrays.xlog1py, *DERIVATIVES["xlog1py"])
define(special_arrays.entr, *DERIVATIVES["entr"])
define(
    special_arrays.log_softmax,
    lambda g, y, x, axis: g - np.exp(y) * np.add.reduce(g, axis, keepdims=True),
)


def erf(x: Any) -> Value:
    """2/√π times the integral of exp(-t²) from 0 to x.

    >>> erf(Value(0.5)).data
    0.5204998778130465
    """
    return apply(RULES[special_arrays.erf], x)


def erfc(x: Any) -> Value:
    """1 - erf(x), exact where x is large.

    >>> print(f"{erfc(Value(10.0)):.4g}")
    2.088e-45
    """
    return apply(RULES[special_arrays.erfc], x)


def expit(x: Any) -> Value:
    """1 / (1 + exp(-x)), as `Value.sigmoid`.

    >>> expit(Value(0.0)).data
    0.5
    """
    return apply(RULES[rules.sigmoid], x)


def logit(x: Any) -> Value:
    """ln(x / (1 - x)), the inverse of expit; outside of 0 to 1 nan.

    >>> logit(Value([0.5, 0.9])).data.round(4)
    array([0.    , 2.1972])
    """
    return apply(RULES[special_arrays.logit], x)


def gammaln(x: Any) -> Value:
    """ln |Γ(x)|; at 0 and negative integers inf.

    >>> print(f"{gammaln(Value(5.0)).exp():.4f}")  # 4!
    24.0000
    """
    return apply(RULES[special_arrays.gammaln], x)


def digamma(x: Any) -> Value:
    """The derivative of ln Γ(x); nan at negative integers, where it jumps.

    >>> print(f"{digamma(Value(1.0)):.4f}")
    -0.5772
    """
    return apply(RULES[special_arrays.digamma], x)


def betaln(a: Any, b: Any) -> Value:
    """ln |Γ(a) Γ(b) / Γ(a + b)|, the logarithm of the beta function.

    >>> print(f"{betaln(Value(2.0), 3.0).exp():.6f}")  # 1/12
    0.083333
    """
    return apply(RULES[special_arrays.betaln], a, b)


def gammainc(a: Any, x: Any) -> Value:
    """The integral of exp(-t) t^(a - 1) from 0 to x, divided by Γ(a).

    There is no derivative with respect to a: a TypeError of `backward()`.

    >>> print(f"{gammainc(1.0, Value(2.0)):.4f}")  # 1 - exp(-2)
    0.8647
    """
    return apply(RULES[special_arrays.gammainc], a, x)


def log_ndtr(x: Any) -> Value:
    """The logarithm of the normal distribution's share below x, exact in both tails.

    >>> print(f"{log_ndtr(Value(-40.0)):.4f}")
    -804.6084
    """
    return apply(RULES[special_arrays.log_ndtr], x)


def xlogy(x: Any, y: Any) -> Value:
    """x ln(y); 0 where x is 0, as is its derivative by y, and by x unless y > 0.

    >>> xlogy(Value([0.0, 1.0]), [0.0, 1.0]).data
    array([0., 0.])
    """
    return apply(RULES[special_arrays.xlogy], x, y)


def xlog1py(x: Any, y: Any) -> Value:
    """x ln(1 + y); 0 where x is 0, as is its derivative by y, and by x unless y > -1.

    >>> xlog1py(Value([0.0, 1.0]), [-1.0, 1e-20]).data
    array([0.e+00, 1.e-20])
    """
    return apply(RULES[special_arrays.xlog1py], x, y)


def entr(x: Any) -> Value:
    """-x ln(x), the entropy of an element; 0 at 0, -inf below.

    >>> print(f"{entr(Value([0.5, 0.5])).sum():.4f}")
    0.6931
    """
    return apply(RULES[special_arrays.entr], x)


def logsumexp(
    a: Any, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
) -> Value:
    """ln Σ exp(a) along the axis or axes, as `Value.logsumexp`.

    >>> logsumexp(Value([[0.0, 0.0], [1.0, 1.0]]), axis=1).data.round(4)
    array([0.6931, 1.6931])
    """
    return apply(rule_along(rules.logsumexp, axis, keepdims), a)


def softmax(x: Any, axis: int | tuple[int, ...] | None = None) -> Value:
    """exp(x) / Σ exp(x) along the axis or axes; over all of x, if it is None.

    >>> softmax(Value([[1.0, 1.0], [2.0, 2.0]]), axis=1).data
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    return apply(RULES[rules.softmax].bind({"axis": axis}), x)


def log_softmax(x: Any, axis: int | tuple[int, ...] | None = None) -> Value:
    """ln(softmax(x)), exact where the softmax is tiny.

    >>> log_softmax(Value([0.0, -1000.0])).data
    array([    0., -1000.])
    """
    return apply(RULES[special_arrays.log_softmax].bind({"axis": axis}), x)
