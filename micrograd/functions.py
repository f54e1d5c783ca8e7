"""Functions of several Values, and which of NumPy's functions take Values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from micrograd.engine import Value, apply, apply_all, as_operand
from micrograd.rules import RULES, Function, contracted, diagonal

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"  # that einsum takes


def where(condition: Any, x: Any, y: Any) -> Value:
    """x where the condition holds, else y; each receives the gradient there.

    The three broadcast, or it is a ValueError.

    >>> print(where(np.array([True, False]), Value([1, 2]), 0))
    Value(data=[1 0], grad=None)
    """
    return apply(RULES[np.where], condition, x, y)


# --- Joining --------------------------------------------------------------------------


def concatenate(values: Sequence[Any] | Value, axis: int | None = 0) -> Value:
    """Join along an axis that they have; flattened, if it is None.

    Their other axes are of the same lengths, or it is a ValueError.

    >>> print(concatenate([Value([1, 2]), [3]]))
    Value(data=[1 2 3], grad=None)
    """
    if axis is None:
        return concatenate([np.reshape(x, -1) for x in values])
    return apply(RULES[np.concatenate].bind({"axis": axis}, len(values)), *values)


def stack(values: Sequence[Any] | Value, axis: int = 0) -> Value:
    """Join along a new axis; a ValueError, if their shapes differ.

    >>> print(stack([Value(1.0), Value(2.0)]))
    Value(data=[1. 2.], grad=None)
    """
    return apply(RULES[np.stack].bind({"axis": axis}, len(values)), *values)


# --- Products: sums over letters or axes ----------------------------------------------


def einsum(subscripts: str, *operands: Any, optimize: Any = True) -> Value:
    """Products, summed over the letters that the result lacks, as np.einsum has it.

    Raises
    ------
    TypeError : the subscripts are no string
    ValueError : they do not fit the operands

    >>> print(einsum("ij,j->i", Value([[1, 2], [3, 4]]), [1, -1]))
    Value(data=[-1 -1], grad=None)
    """
    if not isinstance(subscripts, str):
        raise TypeError(f"einsum: expected subscripts, got {subscripts!r}")
    inputs, arrow, result = subscripts.replace(" ", "").partition("->")
    if not arrow:
        once = [c for c in inputs if c.isalpha() and inputs.count(c) == 1]
        result = "..." * ("..." in inputs) + "".join(sorted(once))
    terms = inputs.split(",")
    values = [as_operand(x) for x in operands]
    spare = "".join(c for c in LETTERS if c not in subscripts)
    rest = ""  # the letters for the axes of "...", as they broadcast: from the right
    for i, (term, x) in enumerate(zip(terms, values)):
        n = np.ndim(x.data) - len(term) + 3
        dots = spare[: max(n, 0)][::-1] if "..." in term else ""
        rest = max(rest, dots, key=len)
        term = terms[i] = term.replace("...", dots)
        letters = "".join(dict.fromkeys(term))
        if letters != term:
            taken = RULES[diagonal].bind({"term": term, "letters": letters})
            terms[i], values[i] = letters, apply(taken, x)
    result = result.replace("...", rest)
    parameters = {"terms": terms, "result": result, "optimize": optimize}
    return apply(RULES[contracted].bind(parameters, len(values)), *values)


def tensordot(left: Any, right: Any, axes: int) -> Value:
    """Contract axes from the inside out: the last of left with the first of right, ...

    Unlike np.tensordot, which pairs the last axes of left in their order: for axes=2,
    the next to last of left with the first of right. 0 is the outer product.

    Raises
    ------
    ValueError : the lengths of the paired axes differ

    >>> print(tensordot(Value([1, 2]), [3, 4], axes=1))
    Value(data=11, grad=None)
    """
    if not isinstance(axes, (int, np.integer)):
        raise TypeError(f"axes: expected a number, got {axes!r}: write np.tensordot")
    left, right = as_operand(left), as_operand(right)
    a, b = np.shape(left.data), np.shape(right.data)
    inner = a[::-1][:axes]
    if len(inner) != axes or inner != b[:axes]:
        raise ValueError(f"tensordot: no {axes} axes pair in {a} and {b}")
    i = LETTERS[: len(a)]
    j = i[::-1][:axes] + LETTERS[len(a) :][: len(b) - axes]
    return einsum(f"{i},{j}->{i[: len(a) - axes]}{j[axes:]}", left, right)


# --- NumPy's functions of Values ------------------------------------------------------


def clip(
    x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None
) -> Value:
    """np.clip, whose bounds have two names."""
    low, high = a_min if min is None else min, a_max if max is None else max
    return Value.clip(x, low, high)


# Those whose arguments are not just the operands of a rule.
FUNCTIONS: dict[Function, Callable[..., Any]] = {
    np.amax: Value.max,
    np.amin: Value.min,
    np.clip: clip,
    np.concatenate: concatenate,
    np.max: Value.max,
    np.mean: Value.mean,
    np.min: Value.min,
    np.ndim: lambda x: x.ndim,
    np.reshape: Value.reshape,
    np.shape: lambda x: x.shape,
    np.size: lambda x: x.size,
    np.square: lambda x: x**2,
    np.stack: stack,
    np.sum: Value.sum,
    np.transpose: Value.transpose,
}


CORE = {*RULES, *FUNCTIONS}  # what `import micrograd` has loaded


def of_numpy(function: Function) -> Callable[..., Any] | None:
    """What one of NumPy's or SciPy's functions does with Values; None if it takes none.

    Those that `import micrograd` has not loaded are looked up in `array_functions`.
    """
    table = FUNCTIONS
    if function not in CORE:
        from micrograd import array_functions

        table = array_functions.FUNCTIONS
        if function not in table and function not in RULES:
            array_functions.learn(function)
    if function in table:
        return table[function]
    return partial(apply_all, RULES[function]) if function in RULES else None
