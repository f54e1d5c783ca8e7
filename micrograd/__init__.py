"""Automatic differentiation on NumPy, read in one sitting."""

from micrograd.engine import Value, operator
from micrograd.functions import concatenate, einsum, stack, tensordot, where

__all__ = ["Value", "concatenate", "einsum", "operator", "stack", "tensordot", "where"]
__version__ = "1.0.0"
