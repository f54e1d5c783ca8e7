"""Automatic differentiation on NumPy, with an engine to read in one sitting.

Start with `arrays.py`, `rules.py` and `engine.py`, in this order. This file plugs the
interface of a Value into the engine, and names what users import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from micrograd.engine import Value
from micrograd.interface import call_sites, hints, methods, open_axes, protocol
from micrograd.interface.functions import concatenate, einsum, stack, tensordot, where
from micrograd.interface.operators import operator

if TYPE_CHECKING:
    from micrograd.derivatives import gradient as gradient
    from micrograd.derivatives import hessian as hessian
    from micrograd.derivatives import jacobian as jacobian
    from micrograd.interface import special as special
    from micrograd.program import compiled as compiled

__all__ = [
    "Value",
    "compiled",
    "concatenate",
    "einsum",
    "gradient",
    "hessian",
    "jacobian",
    "operator",
    "special",
    "stack",
    "tensordot",
    "where",
]
__version__ = "2.0.0"

for module in (methods, protocol, open_axes, call_sites, hints):
    module.plug_in()

LATER = {  # loaded on first use: many programs need none of them
    "compiled": "micrograd.program",
    "gradient": "micrograd.derivatives",
    "hessian": "micrograd.derivatives",
    "jacobian": "micrograd.derivatives",
    "nn": "micrograd.nn",
    "optim": "micrograd.optim",
    "special": "micrograd.interface.special",
    "vectors": "micrograd.vectors",
}


def __dir__() -> list[str]:
    """All names, also of what is loaded on first use."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Load what is named in LATER; answer other libraries' names with a hint."""
    if name not in LATER:
        hints.refuse(__name__, f"module {__name__!r}", name)
    loaded = import_module(LATER[name])
    return getattr(loaded, name, loaded)
