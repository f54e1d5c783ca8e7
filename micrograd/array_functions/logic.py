"""Comparisons, logic and places: Values without a gradient, as metrics need them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from micrograd.rules import Function

FUNCTIONS: dict[Function, Callable[..., Any]] = {}
