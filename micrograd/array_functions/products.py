"""Products of arrays, and differences: inner, outer, cross, kron, convolve, diff."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from micrograd.rules import Function

FUNCTIONS: dict[Function, Callable[..., Any]] = {}
