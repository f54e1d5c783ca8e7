"""Other shapes of the same elements: ravel, flip, roll, repeat, split, pad, diag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from micrograd.rules import Function

FUNCTIONS: dict[Function, Callable[..., Any]] = {}
