# mypy: disable-error-code="no-any-return"
"""The methods of NumPy's arrays that the engine itself has no need of.

`Value` inherits them. Each calls NumPy's function of its name, which finds by
`__array_function__` what that does with Values (see `micrograd.array_functions`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy

from micrograd.instead import says_instead, with_numpys_words

if TYPE_CHECKING:
    from typing import NoReturn

    from micrograd.array_functions.creation import At
    from micrograd.engine import Value

np: Any = numpy  # to whose stubs a Value is no array


@says_instead
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

    @with_numpys_words
    def any(
        self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False
    ) -> Value:
        """Whether any element is not 0, along the axis or axes.

        >>> from micrograd import Value
        >>> (Value([[1, 5], [2, 3]]) > 3).any(axis=1)
        Value(data=[ True False], grad=None)
        """
        return np.any(self, axis, keepdims=keepdims)

    @with_numpys_words
    def all(
        self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False
    ) -> Value:
        """Whether no element is 0, along the axis or axes.

        >>> from micrograd import Value
        >>> (Value([[4, 5], [2, 3]]) > 3).all(axis=1)
        Value(data=[ True False], grad=None)
        """
        return np.all(self, axis, keepdims=keepdims)

    @with_numpys_words
    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> Value:
        """The place of the maximum along the axis; the first one of equal ones.

        >>> from micrograd import Value
        >>> scores = Value([[0.1, 0.9], [0.8, 0.2]])
        >>> (scores.argmax(axis=1) == [1, 1]).mean()
        Value(data=0.5, grad=None)
        """
        return np.argmax(self, axis, keepdims=keepdims)

    @with_numpys_words
    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> Value:
        """The place of the minimum along the axis; the first one of equal ones.

        >>> from micrograd import Value
        >>> Value([3, 1, 2]).argmin()
        Value(data=1, grad=None)
        """
        return np.argmin(self, axis, keepdims=keepdims)

    @with_numpys_words
    def argsort(self, axis: int | None = -1, kind: Any = None) -> Value:
        """The places of the elements in their order; kind="stable" keeps equal ones'.

        >>> from micrograd import Value
        >>> Value([30, 10, 20]).argsort()
        Value(data=[1 2 0], grad=None)
        """
        return np.argsort(self, axis, kind)

    @with_numpys_words
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

    @property
    def at(self) -> At:
        """`v.at[key].set(x)` and `.add(x)`: a new Value with x at v's places.

        Keys are as in `v[key]`. Both v and x receive their gradients.

        >>> from micrograd import Value
        >>> row = Value([1.0, 2.0])
        >>> table = Value(np.zeros((2, 2))).at[0].set(row)
        >>> table.data
        array([[1., 2.],
               [0., 0.]])
        """
        from micrograd.array_functions.creation import At  # which stands above

        return At(self)  # type: ignore[arg-type]

    def __setitem__(self, key: Any, x: Any) -> NoReturn:
        """Refused: what was computed from a Value would no longer be right."""
        raise TypeError(
            "a Value is not changed in place: write v = v.at[key].set(x), which gives "
            "a new one; in a loop, stack([...]) of a list of what it computes"
        )

    # --- Elements ---

    def __pos__(self) -> Value:
        """x itself, as a new result."""
        return np.positive(self)

    def __mod__(self, other: Any) -> Value:
        """What remains of a / b, with the sign of b; nan where b is 0."""
        return np.remainder(self, other)

    def __rmod__(self, other: Any) -> Value:
        """b % a."""
        return np.remainder(other, self)

    def __floordiv__(self, other: Any) -> Value:
        """a / b, rounded down; its gradient is 0."""
        return np.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Value:
        """b // a."""
        return np.floor_divide(other, self)

    def __divmod__(self, other: Any) -> tuple[Value, Value]:
        """a // b and a % b."""
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Value, Value]:
        """b // a and b % a."""
        return other // self, other % self

    def __round__(self, ndigits: int | None = None) -> Value:
        """round(x) and round(x, 2), as `round`."""
        return np.round(self, ndigits or 0)

    def __floor__(self) -> Value:
        """math.floor(x): rounded down; its gradient is 0."""
        return np.floor(self)

    def __ceil__(self) -> Value:
        """math.ceil(x): rounded up; its gradient is 0."""
        return np.ceil(self)

    def __trunc__(self) -> Value:
        """math.trunc(x): rounded towards 0; its gradient is 0."""
        return np.trunc(self)

    def round(self, decimals: int = 0) -> Value:
        """Rounded to decimals, half to even; its gradient is 0.

        >>> from micrograd import Value
        >>> Value([0.25, 1.5]).round(1), Value(2.5).round()
        (Value(data=[0.2 1.5], grad=None), Value(data=2.0, grad=None))
        """
        return np.round(self, decimals)

    def conjugate(self) -> Value:
        """x itself, as all Values are real.

        >>> from micrograd import Value
        >>> Value([1.0, 2.0]).conjugate()
        Value(data=[1. 2.], grad=None)
        """
        return np.conjugate(self)

    def conj(self) -> Value:
        """x itself, as `conjugate`.

        >>> from micrograd import Value
        >>> Value([1.0, 2.0]).conj()
        Value(data=[1. 2.], grad=None)
        """
        return np.conjugate(self)

    # --- Reductions ---

    @with_numpys_words
    def prod(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
    ) -> Value:
        """The product along the axis or axes; its gradient is exact at 0, too.

        >>> from micrograd import Value
        >>> x = Value([2.0, 0.0, 4.0])
        >>> x.prod().backward()
        >>> x.grad
        array([0., 8., 0.])
        """
        return np.prod(self, axis, keepdims=keepdims)

    @with_numpys_words
    def cumsum(self, axis: int | None = None) -> Value:
        """The sum up to each place along the axis; of all elements, if it is None.

        >>> from micrograd import Value
        >>> Value([1, 2, 3]).cumsum()
        Value(data=[1 3 6], grad=None)
        """
        return np.cumsum(self, axis)

    @with_numpys_words
    def cumprod(self, axis: int | None = None) -> Value:
        """The product up to each place along the axis; of all elements, if None.

        >>> from micrograd import Value
        >>> Value([1, 2, 3]).cumprod()
        Value(data=[1 2 6], grad=None)
        """
        return np.cumprod(self, axis)

    @with_numpys_words
    def var(
        self,
        axis: int | tuple[int, ...] | None = None,
        *,
        ddof: float = 0,
        keepdims: bool = False,
    ) -> Value:
        """The variance: squares of the distances from the mean, divided by n - ddof.

        >>> from micrograd import Value
        >>> Value([1.0, 3.0]).var(), Value([1.0, 3.0]).var(ddof=1)
        (Value(data=1.0, grad=None), Value(data=2.0, grad=None))
        """
        return np.var(self, axis, ddof=ddof, keepdims=keepdims)

    @with_numpys_words
    def std(
        self,
        axis: int | tuple[int, ...] | None = None,
        *,
        ddof: float = 0,
        keepdims: bool = False,
    ) -> Value:
        """The standard deviation: the variance's root; its derivative at 0 is 0.

        >>> from micrograd import Value
        >>> Value([1.0, 5.0]).std()
        Value(data=2.0, grad=None)
        """
        return np.std(self, axis, ddof=ddof, keepdims=keepdims)

    @with_numpys_words
    def ptp(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
    ) -> Value:
        """The maximum less the minimum, along the axis or axes.

        >>> from micrograd import Value
        >>> Value([[1, 5], [2, 3]]).ptp(axis=1)
        Value(data=[4 1], grad=None)
        """
        return np.ptp(self, axis, keepdims=keepdims)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
        """The sum of a diagonal.

        >>> from micrograd import Value
        >>> Value([[1, 2], [3, 4]]).trace()
        Value(data=5, grad=None)
        """
        return np.trace(self, offset, axis1, axis2)

    # --- Shapes ---

    def ravel(self, order: str = "C") -> Value:
        """All elements along one axis; in the order "F" the first axis goes fastest.

        >>> from micrograd import Value
        >>> Value([[1, 2], [3, 4]]).ravel()
        Value(data=[1 2 3 4], grad=None)
        """
        return np.ravel(self, order)

    def flatten(self, order: str = "C") -> Value:
        """The same as `ravel`.

        >>> from micrograd import Value
        >>> Value([[1, 2], [3, 4]]).flatten("F")
        Value(data=[1 3 2 4], grad=None)
        """
        return np.ravel(self, order)

    @with_numpys_words
    def squeeze(self, axis: int | tuple[int, ...] | None = None) -> Value:
        """Without these axes of length 1; ValueError if one has another length.

        Without an axis: all of length 1 that are not open.

        >>> from micrograd import Value
        >>> Value([[[1, 2]]]).squeeze(axis=0).shape, Value([[[1, 2]]]).squeeze().shape
        ((1, 2), (2,))
        """
        return np.squeeze(self, axis)

    def swapaxes(self, axis1: int, axis2: int) -> Value:
        """With two axes exchanged.

        >>> from micrograd import Value
        >>> Value([[[1, 2, 3]]]).swapaxes(0, -1).shape
        (3, 1, 1)
        """
        return np.swapaxes(self, axis1, axis2)

    @with_numpys_words
    def repeat(self, repeats: Any, axis: int | None = None) -> Value:
        """Each element as often as repeats says, one number or one for each.

        >>> from micrograd import Value
        >>> Value([1, 2]).repeat(2), Value([1, 2]).repeat([1, 3])
        (Value(data=[1 1 2 2], grad=None), Value(data=[1 2 2 2], grad=None))
        """
        return np.repeat(self, repeats, axis)

    @with_numpys_words
    def take(
        self, indices: Any, axis: int | None = None, *, mode: str = "raise"
    ) -> Value:
        """The places of the indices along an axis; of all elements, if it is None.

        >>> from micrograd import Value
        >>> Value([[1, 2, 3], [4, 5, 6]]).take([0, 2], axis=1).data
        array([[1, 3],
               [4, 6]])
        """
        return np.take(self, indices, axis, mode=mode)

    @with_numpys_words
    def compress(self, condition: Any, axis: int | None = None) -> Value:
        """Where the condition, of one axis, holds along an axis.

        >>> from micrograd import Value
        >>> Value([1, 2, 3]).compress([True, False, True])
        Value(data=[1 3], grad=None)
        """
        return np.compress(condition, self, axis)

    def choose(self, choices: Any) -> Value:
        """For each place, of the choice whose number stands there.

        >>> from micrograd import Value
        >>> Value([0, 1]).choose([Value([1.0, 2.0]), 0.0])
        Value(data=[1. 0.], grad=None)
        """
        return np.choose(self, choices)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
        """The elements whose places along two axes differ by the offset.

        >>> from micrograd import Value
        >>> Value([[1, 2], [3, 4]]).diagonal()
        Value(data=[1 4], grad=None)
        """
        return np.diagonal(self, offset, axis1, axis2)

    def astype(self, dtype: Any, copy: bool = True) -> Value:
        """In another dtype; no gradient comes back from integers and booleans.

        >>> from micrograd import Value
        >>> Value([1.5, -1.5]).astype(int)
        Value(data=[ 1 -1], grad=None)
        """
        from micrograd.array_functions.shapes import astype  # NumPy 1 has none

        return astype(self, dtype, copy)

    def copy(self) -> Value:
        """The same in memory of its own; gradients come back through it.

        >>> from micrograd import Value
        >>> x = Value(np.array([1.0, 2.0]))
        >>> np.shares_memory(x.copy().data, x.data)
        False
        """
        return np.copy(self)

    # --- Products ---

    def dot(self, b: Any) -> Value:
        """The last axis of x with the last but one of b, as np.dot; `@` has batches.

        >>> from micrograd import Value
        >>> Value([[1, 2], [3, 4]]).dot([1, -1])
        Value(data=[-1 -1], grad=None)
        """
        return np.dot(self, b)

    @property
    def mT(self) -> Value:
        """The last two axes in the other order: matrices in batches, transposed.

        >>> from micrograd import Value
        >>> Value(np.ones((4, 2, 3))).mT.shape
        (4, 3, 2)
        """
        # NumPy 1 has none
        from micrograd.array_functions.linalg import matrix_transpose

        return matrix_transpose(self)
