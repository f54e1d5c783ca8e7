"""Families of NumPy's functions; they are loaded when one of them is first called.

Each family enters rules of its own in `micrograd.rules.RULES` with `define`. Functions
that are made of other operators, or that have arguments beside operands, stand in its
table `FUNCTIONS`, under NumPy's function. `arguments.with_options` makes
those that only pass NumPy's parameters to a rule. SciPy's functions are known by name,
in `special`: SciPy itself is not imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from micrograd.interface import (
    creation,
    elementwise,
    linalg,
    logic,
    products,
    reductions,
    running,
    shapes,
)
from micrograd.interface.running import ACCUMULATE as ACCUMULATE
from micrograd.interface.special import learn as learn
from micrograd.rules import Function

FUNCTIONS: dict[Function, Callable[..., Any]] = {
    **creation.FUNCTIONS,
    **elementwise.FUNCTIONS,
    **linalg.FUNCTIONS,
    **logic.FUNCTIONS,
    **products.FUNCTIONS,
    **reductions.FUNCTIONS,
    **running.FUNCTIONS,
    **shapes.FUNCTIONS,
}
