"""Automatic differentiation on NumPy, read in one sitting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd.engine import Value, operator
from micrograd.functions import concatenate, einsum, stack, tensordot, where

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


INSTEAD = {  # of names that other libraries have
    "Tensor": "micrograd.Value",
    "grad": "y.backward(), which leaves the derivatives on x.grad",
    "no_grad": "nothing: forward() computes no gradients",
    "tensor": "micrograd.Value",
}


def __getattr__(name: str) -> Any:
    """Load what many programs need not, when it is first asked for."""
    if name == "compiled":
        from micrograd.program import compiled

        return compiled
    if name == "special":
        from micrograd.array_functions import special

        return special
    hint = f"; write {INSTEAD[name]}" if name in INSTEAD else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")
