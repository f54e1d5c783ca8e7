# mypy: disable-error-code="no-any-return"
"""Methods of a Value beside those of a first net: NumPy's names, and the ways out.

`plug_in` gives them to `Value`. What rules.py has is one line; the rest calls NumPy's
function of the same name, which NumPy's protocol leads back here (see `protocol`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy

from micrograd import rules
from micrograd.arrays import WHEN_LOADED
from micrograd.engine import Value, apply
from micrograd.interface.call_sites import is_assignment
from micrograd.interface.hints import with_numpys_words
from micrograd.rules import RULES, rule_along

if TYPE_CHECKING:
    from typing import NoReturn, Protocol, Union

    from micrograd.interface.creation import At

    class Model(Protocol):
        def parameters(self) -> list[Value]: ...

    Part = Union[Value, Model]
    Values = Union[Part, Iterable[Part], Mapping[str, Part]]

np: Any = numpy  # NumPy's stubs do not know that a Value is taken


class ArrayMethods:
    """The methods of NumPy's arrays, operators that few nets need, and conversions."""

    __slots__ = ()

    if TYPE_CHECKING:  # the engine has these
        data: Any
        _lazy: Any

        @property
        def shape(self) -> tuple[int | Any, ...]: ...
        @property
        def op(self) -> str: ...
        def __getitem__(self, key: Any) -> Value: ...

    # --- What it is ---

    @property
    def ndim(self) -> int:
        """The number of axes.

        >>> Value([[1, 2, 3], [4, 5, 6]]).ndim
        2
        """
        return np.ndim(self.data)

    @property
    def size(self) -> int | Any:
        """The number of elements; None if an axis is open.

        >>> Value([[1, 2, 3], [4, 5, 6]]).size
        6
        """
        return None if None in self.shape else np.size(self.data)

    def __format__(self, spec: str) -> str:
        """Its number in a format, as in f"{loss:.4f}"; TypeError of one with axes."""
        if spec and self.ndim:
            shape = np.shape(self.data)
            raise TypeError(
                f"{spec!r} formats a number, got shape {shape}: print v.data"
            )
        return format(self.item(), spec) if spec else str(self)

    def __len__(self) -> int:
        """The length of the first axis; TypeError if it is open or there is none."""
        if self.ndim == 0:
            raise TypeError("a number has no length, and no elements to go through")
        if None in self.shape[:1]:
            raise TypeError(
                "an open axis has no length before it is fed, and another one each "
                "time: compute with all of it at once, instead of in a loop; write "
                "mean(axis=0) to divide by it, reshape(-1, ...) to keep it"
            )
        return len(self.data)

    def __iter__(self) -> Iterator[Value]:
        """Along the first axis; TypeError if it is open or there is none."""
        return (self[i] for i in range(len(self)))

    # --- Functions of each element ---

    def abs(self) -> Value:
        """The absolute value; its derivative at 0 is 0.

        >>> Value([-2, 3]).abs()
        Value(data=[2 3], grad=None)
        """
        return apply(RULES[np.abs], self)

    def sigmoid(self) -> Value:
        """1 / (1 + exp(-x)), without overflow.

        >>> Value([0.0, 1000.0]).sigmoid()
        Value(data=[0.5 1. ], grad=None)
        """
        return apply(RULES[rules.sigmoid], self)

    def log(self) -> Value:
        """The natural logarithm; below 0 it is nan, and so is its derivative.

        >>> Value([1.0, 10.0]).log().data.round(4)
        array([0.    , 2.3026])
        """
        return apply(RULES[np.log], self)

    def log1p(self) -> Value:
        """ln(1 + x), exact where x is small.

        >>> Value([0.0, 1e-20]).log1p().data
        array([0.e+00, 1.e-20])
        """
        return apply(RULES[np.log1p], self)

    def sqrt(self) -> Value:
        """The square root; its derivative at 0 is inf, below 0 both are nan.

        >>> Value([4.0, 9.0]).sqrt()
        Value(data=[2. 3.], grad=None)
        """
        return apply(RULES[np.sqrt], self)

    def sin(self) -> Value:
        """The sine of x in radians.

        >>> Value([0.0, np.pi / 6]).sin().data.round(4)
        array([0. , 0.5])
        """
        return apply(RULES[np.sin], self)

    def cos(self) -> Value:
        """The cosine of x in radians.

        >>> Value([0.0, np.pi / 3]).cos().data.round(4)
        array([1. , 0.5])
        """
        return apply(RULES[np.cos], self)

    def arcsin(self) -> Value:
        """The angle in radians, from -π/2 to π/2, whose sine is x.

        >>> Value([0.0, 1.0]).arcsin().data.round(4)
        array([0.    , 1.5708])
        """
        return apply(RULES[np.arcsin], self)

    def arcsinh(self) -> Value:
        """The inverse of the hyperbolic sine.

        >>> Value([0.0, 1.0]).arcsinh().data.round(4)
        array([0.    , 0.8814])
        """
        return apply(RULES[np.arcsinh], self)

    def arctanh(self) -> Value:
        """The inverse of the hyperbolic tangent; inf at 1, beyond it nan.

        >>> Value([0.0, 0.5]).arctanh().data.round(4)
        array([0.    , 0.5493])
        """
        return apply(RULES[np.arctanh], self)

    def maximum(self, other: Any, /) -> Value:
        """The larger one of each pair; equal ones share the gradient.

        >>> Value([1, 5]).maximum([3, 4])
        Value(data=[3 5], grad=None)
        """
        return apply(RULES[np.maximum], self, other)

    def minimum(self, other: Any, /) -> Value:
        """The smaller one of each pair; equal ones share the gradient.

        >>> Value([1, 5]).minimum(3)
        Value(data=[1 3], grad=None)
        """
        return apply(RULES[np.minimum], self, other)

    def clip(self, min: Any = None, max: Any = None) -> Value:
        """Within bounds, where x receives the gradient; elsewhere the bound does.

        >>> Value([-2, 1, 5]).clip(0, 3)
        Value(data=[0 1 3], grad=None)
        """
        x: Any = self if min is None else apply(RULES[rules.at_least], self, min)
        return x if max is None else apply(RULES[rules.at_most], x, max)

    def where(self, x: Any, y: Any, /) -> Value:
        """x where this condition holds, else y; each receives the gradient there.

        >>> x = Value([-2, 3])
        >>> (x > 0).where(x, 0)
        Value(data=[0 3], grad=None)
        """
        return apply(RULES[np.where], self, x, y)

    def __abs__(self) -> Value:
        """abs(x), as `Value.abs`."""
        return self.abs()

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

        >>> (Value([[1, 5], [2, 3]]) > 3).any(axis=1)
        Value(data=[ True False], grad=None)
        """
        return np.any(self, axis, keepdims=keepdims)

    @with_numpys_words
    def all(
        self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False
    ) -> Value:
        """Whether no element is 0, along the axis or axes.

        >>> (Value([[4, 5], [2, 3]]) > 3).all(axis=1)
        Value(data=[ True False], grad=None)
        """
        return np.all(self, axis, keepdims=keepdims)

    @with_numpys_words
    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> Value:
        """The place of the maximum along the axis; the first one of equal ones.

        >>> scores = Value([[0.1, 0.9], [0.8, 0.2]])
        >>> (scores.argmax(axis=1) == [1, 1]).mean()
        Value(data=0.5, grad=None)
        """
        return np.argmax(self, axis, keepdims=keepdims)

    @with_numpys_words
    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> Value:
        """The place of the minimum along the axis; the first one of equal ones.

        >>> Value([3, 1, 2]).argmin()
        Value(data=1, grad=None)
        """
        return np.argmin(self, axis, keepdims=keepdims)

    @with_numpys_words
    def argsort(self, axis: int | None = -1, kind: Any = None) -> Value:
        """The places of the elements in their order; kind="stable" keeps equal ones'.

        >>> Value([30, 10, 20]).argsort()
        Value(data=[1 2 0], grad=None)
        """
        return np.argsort(self, axis, kind)

    @with_numpys_words
    def argpartition(self, kth: Any, axis: int | None = -1) -> Value:
        """The places of the elements, those of the smallest ones first.

        >>> Value([30, 10, 20]).argpartition(1)[:2].data.tolist()
        [1, 2]
        """
        return np.argpartition(self, kth, axis)

    def nonzero(self) -> tuple[Value, ...]:
        """The places of the elements that are not 0, as an index for each axis.

        >>> Value([[0, 7], [8, 0]]).nonzero()
        (Value(data=[0 1], grad=None), Value(data=[1 0], grad=None))
        """
        return np.nonzero(self)

    def searchsorted(self, v: Any, side: Any = "left") -> Value:
        """Where in these, which are sorted, to put each of v.

        >>> Value([10, 20, 30]).searchsorted([5, 20, 35])
        Value(data=[0 1 3], grad=None)
        """
        return np.searchsorted(self, v, side)

    @property
    def at(self) -> At:
        """`v.at[key].set(x)` and `.add(x)`: a new Value with x at v's places.

        Keys are as in `v[key]`. Both v and x receive their gradients.

        >>> row = Value([1.0, 2.0])
        >>> table = Value(np.zeros((2, 2))).at[0].set(row)
        >>> table.data
        array([[1., 2.],
               [0., 0.]])
        """
        from micrograd.interface.creation import At  # loaded on first use

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

        >>> Value([0.25, 1.5]).round(1), Value(2.5).round()
        (Value(data=[0.2 1.5], grad=None), Value(data=2.0, grad=None))
        """
        return np.round(self, decimals)

    def conjugate(self) -> Value:
        """x itself, as all Values are real.

        >>> Value([1.0, 2.0]).conjugate()
        Value(data=[1. 2.], grad=None)
        """
        return np.conjugate(self)

    def conj(self) -> Value:
        """x itself, as `conjugate`.

        >>> Value([1.0, 2.0]).conj()
        Value(data=[1. 2.], grad=None)
        """
        return np.conjugate(self)

    # --- Reductions ---

    @with_numpys_words
    def max(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
    ) -> Value:
        """The maximum along the axis or axes; ties share the gradient.

        >>> x = Value([3.0, 1.0, 3.0])
        >>> x.max().backward()
        >>> x.grad
        array([0.5, 0. , 0.5])
        """
        return apply(rule_along(np.max, axis, keepdims), self)

    @with_numpys_words
    def min(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
    ) -> Value:
        """The minimum along the axis or axes; ties share the gradient.

        >>> Value([[3, 1], [2, 4]]).min(axis=1)
        Value(data=[1 2], grad=None)
        """
        return apply(rule_along(np.min, axis, keepdims), self)

    @with_numpys_words
    def logsumexp(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
    ) -> Value:
        """ln Σ exp(x) along the axis or axes, without overflow.

        >>> print(Value([1000.0, 1000.0]).logsumexp().data.round(4))
        1000.6931
        """
        return apply(rule_along(rules.logsumexp, axis, keepdims), self)

    @with_numpys_words
    def prod(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
    ) -> Value:
        """The product along the axis or axes; its gradient is exact at 0, too.

        >>> x = Value([2.0, 0.0, 4.0])
        >>> x.prod().backward()
        >>> x.grad
        array([0., 8., 0.])
        """
        return np.prod(self, axis, keepdims=keepdims)

    @with_numpys_words
    def cumsum(self, axis: int | None = None) -> Value:
        """The sum up to each place along the axis; of all elements, if it is None.

        >>> Value([1, 2, 3]).cumsum()
        Value(data=[1 3 6], grad=None)
        """
        return np.cumsum(self, axis)

    @with_numpys_words
    def cumprod(self, axis: int | None = None) -> Value:
        """The product up to each place along the axis; of all elements, if None.

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

        >>> Value([1.0, 5.0]).std()
        Value(data=2.0, grad=None)
        """
        return np.std(self, axis, ddof=ddof, keepdims=keepdims)

    @with_numpys_words
    def ptp(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
    ) -> Value:
        """The maximum less the minimum, along the axis or axes.

        >>> Value([[1, 5], [2, 3]]).ptp(axis=1)
        Value(data=[4 1], grad=None)
        """
        return np.ptp(self, axis, keepdims=keepdims)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
        """The sum of a diagonal.

        >>> Value([[1, 2], [3, 4]]).trace()
        Value(data=5, grad=None)
        """
        return np.trace(self, offset, axis1, axis2)

    # --- Shapes ---

    def transpose(self, *order: Any, axes: Any = None) -> Value:
        """The axes in this order, as `x.transpose(1, 0)`; reversed without one.

        >>> Value(np.ones((2, 3, 4))).transpose(0, 2, 1).shape
        (2, 4, 3)
        """
        if len(order) == 1 and (order[0] is None or np.iterable(order[0])):
            (axes,) = order
        elif order:
            axes = order
        axes = axes if axes is None else tuple(axes)
        return apply(RULES[np.transpose].bind({"axes": axes}), self)

    def ravel(self, order: str = "C") -> Value:
        """All elements along one axis; in the order "F" the first axis goes fastest.

        >>> Value([[1, 2], [3, 4]]).ravel()
        Value(data=[1 2 3 4], grad=None)
        """
        return np.ravel(self, order)

    def flatten(self, order: str = "C") -> Value:
        """The same as `ravel`.

        >>> Value([[1, 2], [3, 4]]).flatten("F")
        Value(data=[1 3 2 4], grad=None)
        """
        return np.ravel(self, order)

    @with_numpys_words
    def squeeze(self, axis: int | tuple[int, ...] | None = None) -> Value:
        """Without these axes of length 1; ValueError if one has another length.

        Without an axis: all of length 1 that are not open.

        >>> Value([[[1, 2]]]).squeeze(axis=0).shape, Value([[[1, 2]]]).squeeze().shape
        ((1, 2), (2,))
        """
        return np.squeeze(self, axis)

    def swapaxes(self, axis1: int, axis2: int) -> Value:
        """With two axes exchanged.

        >>> Value([[[1, 2, 3]]]).swapaxes(0, -1).shape
        (3, 1, 1)
        """
        return np.swapaxes(self, axis1, axis2)

    @with_numpys_words
    def repeat(self, repeats: Any, axis: int | None = None) -> Value:
        """Each element as often as repeats says, one number or one for each.

        >>> Value([1, 2]).repeat(2), Value([1, 2]).repeat([1, 3])
        (Value(data=[1 1 2 2], grad=None), Value(data=[1 2 2 2], grad=None))
        """
        return np.repeat(self, repeats, axis)

    @with_numpys_words
    def take(
        self, indices: Any, axis: int | None = None, *, mode: str = "raise"
    ) -> Value:
        """The places of the indices along an axis; of all elements, if it is None.

        >>> Value([[1, 2, 3], [4, 5, 6]]).take([0, 2], axis=1).data
        array([[1, 3],
               [4, 6]])
        """
        return np.take(self, indices, axis, mode=mode)

    @with_numpys_words
    def compress(self, condition: Any, axis: int | None = None) -> Value:
        """Where the condition, of one axis, holds along an axis.

        >>> Value([1, 2, 3]).compress([True, False, True])
        Value(data=[1 3], grad=None)
        """
        return np.compress(condition, self, axis)

    def choose(self, choices: Any) -> Value:
        """For each place, of the choice whose number stands there.

        >>> Value([0, 1]).choose([Value([1.0, 2.0]), 0.0])
        Value(data=[1. 0.], grad=None)
        """
        return np.choose(self, choices)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
        """The elements whose places along two axes differ by the offset.

        >>> Value([[1, 2], [3, 4]]).diagonal()
        Value(data=[1 4], grad=None)
        """
        return np.diagonal(self, offset, axis1, axis2)

    def astype(self, dtype: Any, copy: bool = True) -> Value:
        """In another dtype; no gradient comes back from integers and booleans.

        >>> Value([1.5, -1.5]).astype(int)
        Value(data=[ 1 -1], grad=None)
        """
        from micrograd.interface.shapes import astype  # NumPy 1 has none

        return astype(self, dtype, copy)

    def copy(self) -> Value:
        """The same in memory of its own; gradients come back through it.

        >>> x = Value(np.array([1.0, 2.0]))
        >>> np.shares_memory(x.copy().data, x.data)
        False
        """
        return np.copy(self)

    # --- Products ---

    def dot(self, b: Any) -> Value:
        """The last axis of x with the last but one of b, as np.dot; `@` has batches.

        >>> Value([[1, 2], [3, 4]]).dot([1, -1])
        Value(data=[-1 -1], grad=None)
        """
        return np.dot(self, b)

    @property
    def mT(self) -> Value:
        """The last two axes in the other order: matrices in batches, transposed.

        >>> Value(np.ones((4, 2, 3))).mT.shape
        (4, 3, 2)
        """
        # NumPy 1 has none
        from micrograd.interface.linalg import matrix_transpose

        return matrix_transpose(self)

    # --- Ways out of the graph: what they give has no history, and no gradient ---

    def numpy(self) -> np.ndarray[Any, Any]:
        """The data as an array, which shares its memory; 0-d of a number.

        >>> Value([1.0, 2.0]).exp().numpy().round(4)
        array([2.7183, 7.3891])
        """
        return np.asarray(looked_at(self))

    def item(self, *index: Any) -> Any:
        """The one element, or that at the index, as a number of Python.

        Raises
        ------
        ValueError : there are several, and no index

        >>> Value([2.0, 3.0]).sum().item()
        5.0
        """
        return np.asarray(looked_at(self)).item(*index)

    def tolist(self) -> Any:
        """The data as nested lists of Python's numbers.

        >>> Value([[1.0, 2.0]]).tolist()
        [[1.0, 2.0]]
        """
        return np.asarray(looked_at(self)).tolist()

    def detach(self) -> Value:
        """A leaf with the same data, where gradients end.

        >>> x = Value(3.0)
        >>> (x * (x * x).detach()).backward()
        >>> x.grad
        9.0
        """
        return Value(self.data)

    def __bool__(self) -> bool:
        """Whether its one element is not 0; ValueError of several."""
        if np.size(self.data) != 1:
            raise ValueError(
                f"expected one element to decide by, got shape {np.shape(self.data)}: "
                "write v.data.any() or v.data.all(), or where(condition, x, y), which "
                "decides for each element and at each forward(); `v is w` asks whether "
                "two are the same one"
            )
        return bool(looked_at(self))

    def __float__(self) -> float:
        """Its number, without its history; TypeError of several."""
        return float(self._number("float"))

    def __int__(self) -> int:
        """Its number, cut to an integer; TypeError of several."""
        return int(self._number("int"))

    def _number(self, kind: str) -> Any:
        """The only element; TypeError of several, or if NumPy puts it in an array."""
        if is_assignment():
            np.asarray(self)  # which is refused
        if np.size(self.data) != 1:
            shape = np.shape(self.data)
            raise TypeError(f"{kind}(): expected one number, got shape {shape}")
        return np.asarray(looked_at(self)).item()

    # --- Pickling and notebooks ---

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Leaves are pickled and copied; a result would need all its operands."""
        if self.op:
            raise TypeError(
                "an expression cannot be pickled or copied: write v.data for its "
                "numbers; leaves can be"
            )
        reduced: Any = object.__reduce_ex__(self, protocol)
        if self._lazy and self.data is self._lazy.unfed:
            del reduced[2][1]["data"]  # unpickled, a number would be another one
        return reduced

    def __setstate__(self: Any, state: Any) -> None:
        """Take over a pickled leaf, also of 1.0 and 2.0, which had other slots."""
        Value.__init__(self, 0.0)
        slots = state[1]
        self._lazy, self.grad = slots["_lazy"], slots["grad"]
        self._is_unfed = self._lazy is not None
        self.data = slots["data"] if "data" in slots else self._lazy.unfed

    def _repr_html_(self) -> str:
        """A table for a notebook: data, gradient, shape, operator."""
        from micrograd.interface.display import value_html  # loaded on first use

        return value_html(self)  # type: ignore[arg-type]


IS_LOOKING = ContextVar("IS_LOOKING", default=True)


@contextmanager
def without_looking() -> Iterator[None]:
    """Let no code decide by the data of now, while it makes an expression."""
    token = IS_LOOKING.set(False)
    try:
        yield
    finally:
        IS_LOOKING.reset(token)


def check_looking() -> None:
    """Raise a TypeError if no code may decide by the data of now."""
    if not IS_LOOKING.get():
        raise TypeError(
            "a derivative cannot depend on data of now: write np.where(x > 0, a, b) "
            "for a branch"
        )


def looked_at(x: Any) -> Any:
    """The data, for code that may decide by them."""
    check_looking()
    return x.data


def plug_in() -> None:
    """Give all of these to Value, and a table for notebooks to nets."""
    give(Value, vars(Value))  # their names to the operators
    give(Value, vars(ArrayMethods))
    WHEN_LOADED.append(add_table)


def add_table(names: dict[str, Any]) -> None:
    """Give modules of nets a table for a notebook, when nn is loaded."""

    def _repr_html_(self: Any) -> str:
        """A table for a notebook: the layers and their parameters."""
        from micrograd.interface.display import module_html  # loaded on first use

        return module_html(self)

    if "Module" in names:
        names["Module"]._repr_html_ = _repr_html_


def give(owner: type, methods: Mapping[str, Any]) -> None:
    """Set methods and properties on a class, under these names."""
    for name, x in [*methods.items()]:
        if isinstance(x, FunctionType):
            x.__name__, x.__qualname__ = name, f"{owner.__name__}.{name}"
        if isinstance(x, (FunctionType, property)):
            setattr(owner, name, x)
