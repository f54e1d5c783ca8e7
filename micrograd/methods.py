# mypy: disable-error-code="no-any-return"
"""The methods of NumPy's arrays that the engine itself has no need of.

`Value` inherits them. Each calls NumPy's function of its name, which finds by
`__array_function__` what that does with Values (see `micrograd.array_functions`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy

if TYPE_CHECKING:
    from micrograd.engine import Value

np: Any = numpy  # to whose stubs a Value is no array


class ArrayMethods:
    """What NumPy's arrays have as methods, and operators that few expressions use."""

    __slots__ = ()

    # --- Logic and places ---

    def __and__(self, other: Any) -> Value:
        """a & b, of booleans, or of the bits of integers; TypeError of floats."""
        return np.bitwise_and(self, other)

    def __rand__(self, other: Any) -> Value:
        """b & a."""
        return np.bitwise_and(other, self)

    def __or__(self, other: Any) -> Value:
        """a | b, of booleans, or of the bits of integers; TypeError of floats."""
        return np.bitwise_or(self, other)

    def __ror__(self, other: Any) -> Value:
        """b | a."""
        return np.bitwise_or(other, self)

    def __xor__(self, other: Any) -> Value:
        """a ^ b, of booleans, or of the bits of integers; `**` is the power."""
        return np.bitwise_xor(self, other)

    def __rxor__(self, other: Any) -> Value:
        """b ^ a."""
        return np.bitwise_xor(other, self)

    def __invert__(self) -> Value:
        """~a: not, of booleans; TypeError of floats."""
        return np.invert(self)

    def any(
        self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False
    ) -> Value:
        """Whether any element is not 0, along the axis or axes.

        >>> from micrograd import Value
        >>> (Value([[1, 5], [2, 3]]) > 3).any(axis=1)
        Value(data=[ True False], grad=None)
        """
        return np.any(self, axis, keepdims=keepdims)

    def all(
        self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False
    ) -> Value:
        """Whether no element is 0, along the axis or axes.

        >>> from micrograd import Value
        >>> (Value([[4, 5], [2, 3]]) > 3).all(axis=1)
        Value(data=[ True False], grad=None)
        """
        return np.all(self, axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> Value:
        """The place of the maximum along the axis; the first one of equal ones.

        >>> from micrograd import Value
        >>> scores = Value([[0.1, 0.9], [0.8, 0.2]])
        >>> (scores.argmax(axis=1) == [1, 1]).mean()
        Value(data=0.5, grad=None)
        """
        return np.argmax(self, axis, keepdims=keepdims)

    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> Value:
        """The place of the minimum along the axis; the first one of equal ones.

        >>> from micrograd import Value
        >>> Value([3, 1, 2]).argmin()
        Value(data=1, grad=None)
        """
        return np.argmin(self, axis, keepdims=keepdims)

    def argsort(self, axis: int | None = -1, kind: Any = None) -> Value:
        """The places of the elements in their order; kind="stable" keeps equal ones'.

        >>> from micrograd import Value
        >>> Value([30, 10, 20]).argsort()
        Value(data=[1 2 0], grad=None)
        """
        return np.argsort(self, axis, kind)

    def argpartition(self, kth: Any, axis: int | None = -1) -> Value:
        """The places of the elements, those of the smallest ones first.

        >>> from micrograd import Value
        >>> Value([30, 10, 20]).argpartition(1)[:2].data.tolist()
        [1, 2]
        """
        return np.argpartition(self, kth, axis)

    def nonzero(self) -> tuple[Value, ...]:
        """The places of the elements that are not 0, as an index for each axis.

        >>> from micrograd import Value
        >>> Value([[0, 7], [8, 0]]).nonzero()
        (Value(data=[0 1], grad=None), Value(data=[1 0], grad=None))
        """
        return np.nonzero(self)

    def searchsorted(self, v: Any, side: Any = "left") -> Value:
        """Where in these, which are sorted, to put each of v.

        >>> from micrograd import Value
        >>> Value([10, 20, 30]).searchsorted([5, 20, 35])
        Value(data=[0 1 3], grad=None)
        """
        return np.searchsorted(self, v, side)

    # --- Elements ---

    # --- Reductions ---

    # --- Shapes ---

    # --- Products ---
