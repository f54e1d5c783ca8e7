"""Automatic differentiation on NumPy, read in one sitting."""

from micrograd.contract import einsum, tensordot
from micrograd.engine import Value, operator
from micrograd.functions import concatenate, stack

where = Value.where
__all__ = ["Value", "concatenate", "einsum", "operator", "stack", "tensordot", "where"]
__version__ = "1.0.0"
