"""Automatic differentiation on NumPy, small enough to read at a sitting."""

from micrograd.engine import Value, operator, tensordot

__all__ = ["Value", "operator", "tensordot"]
__version__ = "1.0.0"
