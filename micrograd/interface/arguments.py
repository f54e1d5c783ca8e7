"""The arguments of NumPy's functions, where Values are among them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd.engine import Value, apply, as_key, as_operand
from micrograd.rules import RULES, Function

NOT_GIVEN = np._NoValue  # what NumPy's signatures have where False is meant


def known(x: Any) -> Any:
    """A Value, also of a list of them, or raw data: what NumPy's functions take."""
    x = as_operand(x)
    return x if isinstance(x, Value) else x.data


def installed(table: dict[str, Any]) -> dict[Function, Any]:
    """The rows of functions that this version of NumPy has, under these."""
    rows: dict[Any, Any] = {}
    for name, row in table.items():
        module, _, name = name.rpartition(".")
        rows[getattr(np.linalg if module else np, name, None)] = row
    rows.pop(None, None)
    return rows


def with_options(
    function: Function, options: str = "", keys: str = ""
) -> Callable[..., Value]:
    """The function of Values that applies the rule of NumPy's function.

    Its signature is NumPy's, without the parameters that Values do not take. It is
    written as code, as Python passes arguments several times as fast as a loop would.
    For np.roll:

        def roll(a, shift, axis=None):
            parameters = {'shift': shift, 'axis': axis}
            return apply(rule.bind(parameters, 1), a)

    Parameters
    ----------
    options : the parameters that it takes; all others without a default are operands
    keys : the operands that are indices
    """
    taken, operands, given, kind = [], [], [], None
    for name, x in inspect.signature(function).parameters.items():
        if name in options.split():
            given.append(f"{name!r}: {name}")
        elif x.default is x.empty:
            operands.append(f"as_key({name})" if name in keys.split() else name)
        else:
            kind = x.KEYWORD_ONLY  # a later one has another position than in NumPy
            continue
        default = False if x.default is NOT_GIVEN else x.default  # of keepdims
        taken.append(inspect.Parameter(name, kind or x.kind, default=default))
    name, signature = function.__name__, inspect.Signature(taken)
    text = f"""
def {name}{signature}:
    parameters = {{{", ".join(given)}}}
    return apply(rule.bind(parameters, {len(operands)}), {", ".join(operands)})
"""
    names: dict[str, Any] = {
        "apply": apply,
        "as_key": as_key,
        "rule": RULES[function],
    }
    exec(compile(text, f"<micrograd {name}>", "exec"), names)
    of_values: Callable[..., Value] = names[name]
    of_values.__doc__ = f"{function.__module__}.{name} of Values."
    return of_values
