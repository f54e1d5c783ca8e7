"""Functions of several Values: where, concatenate, stack, einsum, tensordot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from micrograd.engine import Value, apply, as_operand
from micrograd.interface.adjoints import linear
from micrograd.interface.contraction import contraction
from micrograd.rules import RULES, define, run

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


def with_dtype(join: Callable[..., Value]) -> Callable[..., Value]:
    """The function that joins Values, and casts the result if a dtype is given."""

    @wraps(join)
    def joined(
        *arguments: Any, dtype: Any = None, casting: Any = "same_kind", **options: Any
    ) -> Value:
        y: Value = join(*arguments, **options)
        if dtype is None:
            return y
        if not np.can_cast(y.dtype, dtype, casting):
            rule = f"by the rule {casting!r}"
            raise TypeError(f"cannot cast {y.dtype} to {np.dtype(dtype)} {rule}")
        return y.astype(dtype)

    return joined


# --- Products: sums over letters or axes ----------------------------------------------


def grad_einsum(
    i: int,
    g: Any,
    y: Any,
    *arrays: Any,
    terms: list[str],
    result: str,
    optimize: Any = True,
) -> Any:
    """The same of g and the other arrays; the result has the letters of the i-th.

    An axis on which the others have length 1 has length 1 here.
    """
    term, x = terms[i], arrays[i]
    others = [*terms[:i], *terms[i + 1 :], result]
    factors = [*arrays[:i], *arrays[i + 1 :], g]
    if not set(term) <= set("".join(others)):  # x alone has a letter, summed there
        others, factors = [*others, term], [*factors, np.ones_like(x)]
    return run(contraction, *factors, terms=others, result=term)


define(contraction, grad_einsum, name="einsum", is_variadic=True)


def einsum_diagonal(x: Any, term: str, letters: str) -> Any:
    """What einsum takes of x where letters repeat, as in "ii"; a view."""
    return np.einsum(f"{term}->{letters}", x)


def placed_on_diagonal(g: Any, x: Any, term: str, letters: str) -> Any:
    """g on the diagonal, 0 elsewhere."""
    gradient = np.zeros(np.shape(x), np.result_type(g))
    einsum_diagonal(gradient, term, letters)[...] = g
    return gradient


define(einsum_diagonal, linear(einsum_diagonal, placed_on_diagonal), name="einsum")


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
            taken = RULES[einsum_diagonal].bind({"term": term, "letters": letters})
            terms[i], values[i] = letters, apply(taken, x)
    result = result.replace("...", rest)
    parameters = {"terms": terms, "result": result, "optimize": optimize}
    return apply(RULES[contraction].bind(parameters, len(values)), *values)


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
