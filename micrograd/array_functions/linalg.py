"""Linear algebra: norms, systems of equations, determinants, decompositions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from micrograd.rules import Function

FUNCTIONS: dict[Function, Callable[..., Any]] = {}
