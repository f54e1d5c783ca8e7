"""Automatic differentiation on NumPy, read in one sitting."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from micrograd.engine import Value, operator
from micrograd.functions import concatenate, einsum, stack, tensordot, where
from micrograd.instead import explain

if TYPE_CHECKING:
    from micrograd.array_functions import special as special
    from micrograd.program import compiled as compiled

__all__ = [
    "Value",
    "compiled",
    "concatenate",
    "einsum",
    "operator",
    "special",
    "stack",
    "tensordot",
    "where",
]
__version__ = "2.0.0"


def __dir__() -> list[str]:
    """Also what is loaded when it is first asked for."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Load what many programs need not, when it is first asked for."""
    if name == "compiled":
        from micrograd.program import compiled

        return compiled
    if name == "special":
        from micrograd.array_functions import special

        return special
    if name in ("nn", "optim"):
        return import_module(f"micrograd.{name}")
    owner = f"module {__name__!r}"
    explain(__name__, owner, name)
    raise AttributeError(f"{owner} has no attribute {name!r}")
