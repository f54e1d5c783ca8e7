"""Backpropagation on numbers, small enough to read in one sitting."""

from micrograd.engine import Value

__all__ = ["Value"]
