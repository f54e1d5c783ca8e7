"""Operators of your own, with a forward function and derivatives that you write."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from functools import wraps
from typing import Any

from micrograd.arrays import numeric
from micrograd.engine import Value, apply
from micrograd.rules import Function, Rule


def operator(
    name: str, forward: Function, *derivatives: Function | None
) -> Callable[..., Value]:
    """An operator of your own: y = forward(*data), with the data of its operands.

    Parameters
    ----------
    name : the name in errors and pictures
    forward : computes y, whose shape may depend on the operands' shapes alone
    derivatives : one for each operand. derivative(g, y, *data) returns the gradient
        that the operand receives. g is the gradient of y, in y's shape. None stops the
        gradient. A derivative changes none of its arguments. The engine takes care of
        broadcasting, of adding up, and of dtypes.

    >>> cube = operator("cube", lambda x: x**3, lambda g, y, x: g * 3 * x**2)
    >>> x = Value([1.0, 2.0])
    >>> cube(x).backward()
    >>> print(x.grad)
    [ 3. 12.]
    """
    if not isinstance(name, str) or not name:  # a leaf has the name ""
        raise TypeError(f"name: expected a string, got {name!r}")
    checked = [by and checked_derivative(by) for by in derivatives]
    value = lambda *data: numeric(forward(*data))
    return function_of(Rule(name, value, tuple(checked), is_opaque=True))


def function_of(rule: Rule) -> Callable[..., Value]:
    """The function that applies a rule, with a name and a signature to show."""
    n = len(rule.derivatives)

    def of_operands(*operands: Any, **options: Any) -> Value:
        return apply_all(rule, *operands, **options)

    of_operands.__name__ = of_operands.__qualname__ = rule.name
    of_operands.__doc__ = f"The operator {rule.name!r}, of {n} operands."
    names = itertools.islice("abcdefghijklmnopqrstuvwxyz", n) if n > 1 else "x"
    kind = inspect.Parameter.POSITIONAL_ONLY
    parameters = [inspect.Parameter(name, kind) for name in names]
    of_operands.__signature__ = inspect.Signature(parameters)  # type: ignore
    return of_operands


def apply_all(rule: Rule, /, *operands: Any, **options: Any) -> Value:
    """The result of a rule of as many operands as it has derivatives."""
    n = len(rule.derivatives)
    if len(operands) != n:
        noun = "operand" if n == 1 else "operands"
        raise TypeError(f"{rule.name!r} takes {n} {noun}, got {len(operands)}")
    if options:
        raise TypeError(f"{rule.name!r} takes no {'=, '.join(options)}=")
    return apply(rule, *operands)


def checked_derivative(derivative: Function) -> Function:
    """The derivative; its result is copied, and has to be real numbers."""

    @wraps(derivative)
    def checked(g: Any, y: Any, *data: Any) -> Any:
        return 1.0 * numeric(derivative(g, y, *data), "gradient")

    return checked
