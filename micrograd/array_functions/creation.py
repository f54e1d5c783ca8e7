"""Values without a gradient, of a Value's shape; and filling in: `v.at[key].set(x)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from micrograd.rules import Function

FUNCTIONS: dict[Function, Callable[..., Any]] = {}
