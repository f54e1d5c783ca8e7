"""NumPy's protocol: what `np.exp(v)`, `np.sum(v)` and `array + v` do with a Value.

NumPy asks an operand that is not an array. The answer is the rule of the function, or
our function of the same meaning. Most functions wait in their families, which are
loaded when one of them is first called.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from micrograd.arrays import hint
from micrograd.engine import Value
from micrograd.interface.functions import concatenate, stack, with_dtype
from micrograd.interface.methods import ArrayMethods, give
from micrograd.interface.operators import apply_all
from micrograd.rules import RULES, Function


def clip(
    x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None
) -> Value:
    """np.clip, whose bounds have two names."""
    low, high = a_min if min is None else min, a_max if max is None else max
    return Value.clip(x, low, high)


def reshape(x: Any, shape: Any, order: str = "C") -> Value:
    """np.reshape, whose shape has a name."""
    return Value.reshape(x, shape, order=order)


# Functions whose arguments are more than the operands of a rule.
FUNCTIONS: dict[Function, Callable[..., Any]] = {
    np.amax: ArrayMethods.max,
    np.amin: ArrayMethods.min,
    np.clip: clip,
    np.concatenate: with_dtype(concatenate),
    np.max: ArrayMethods.max,
    np.mean: Value.mean,
    np.min: ArrayMethods.min,
    np.ndim: lambda x: x.ndim,
    np.reshape: reshape,
    np.shape: lambda x: x.shape,
    np.size: lambda x: x.size,
    np.square: lambda x: x**2,
    np.stack: with_dtype(stack),
    np.sum: Value.sum,
    np.transpose: ArrayMethods.transpose,
}
REDUCE: dict[Function, Function] = {  # np.add.reduce is a sum
    np.add: np.sum,
    np.logical_and: np.all,
    np.logical_or: np.any,
    np.maximum: np.max,
    np.minimum: np.min,
    np.multiply: np.prod,
}
CORE = {*RULES, *FUNCTIONS}  # what `import micrograd` has loaded


def of_numpy(function: Function) -> Callable[..., Any] | None:
    """Our version of a NumPy or SciPy function; None if it takes no Values."""
    table = FUNCTIONS
    if function not in CORE:
        from micrograd.interface import families  # loaded on first use

        table = families.FUNCTIONS
        if function not in table and function not in RULES:
            families.learn(function)
    if function in table:
        return table[function]
    return partial(apply_all, RULES[function]) if function in RULES else None


def of_method(ufunc: Function, method: str) -> Callable[..., Value]:
    """Our version of a ufunc's method, such as np.maximum.accumulate."""
    from micrograd.interface import families  # loaded on first use

    if method == "reduce" and ufunc in REDUCE:
        return reduction(REDUCE[ufunc])
    if method == "accumulate" and ufunc in families.ACCUMULATE:
        return families.ACCUMULATE[ufunc]
    name = f"{ufunc.__name__}.{method}"
    words = hint("function", f"numpy.{name}")
    raise TypeError(f"np.{name} has no derivative here{words}")


def reduction(function: Function) -> Callable[..., Value]:
    """The function with the defaults of a ufunc's method; NumPy gives None for some."""

    def of_value(x: Any, axis: Any = 0, **options: Any) -> Value:
        given = {name: option for name, option in options.items() if option is not None}
        return function(x, axis=axis, **given)  # type: ignore[no-any-return]

    return of_value


def full_name(function: Function) -> str:
    """The function's name with its module's; ufuncs that NumPy lacks are SciPy's."""
    name, is_numpys = function.__name__, hasattr(np, function.__name__)
    module = getattr(function, "__module__", None)
    return f"{module or ('numpy' if is_numpys else 'scipy.special')}.{name}"


class Protocol:
    """The two methods that NumPy asks for."""

    def __array_ufunc__(
        self, ufunc: Any, method: str, *operands: Any, **options: Any
    ) -> Value:
        """np.exp(v), array + v and np.add.reduce(v)."""
        if method != "__call__":
            return of_method(ufunc, method)(*operands, **options)
        if "out" in options:  # += on an array is this
            raise TypeError(
                f"np.{ufunc.__name__}: an array that takes its result, by out= or +=, "
                "would lose its gradient: write array = array + value"
            )
        result: Value = self.__array_function__(ufunc, None, operands, options)
        return result

    def __array_function__(
        self, function: Any, types: Any, operands: Any, options: Any
    ) -> Any:
        """np.sum(v); TypeError of a function that takes no Values."""
        ours = of_numpy(function)
        name = full_name(function)
        if ours is None:
            raise TypeError(f"{name} has no derivative here{hint('function', name)}")
        try:
            return ours(*operands, **options)
        except TypeError as error:
            raise TypeError(f"{name} of a Value: {error}") from error


def plug_in() -> None:
    """Give both to Value."""
    give(Value, vars(Protocol))
