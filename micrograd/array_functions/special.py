"""SciPy's special functions, by name: erf, expit, gammaln, softmax and others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FUNCTIONS: dict[str, Callable[..., Any]] = {}
