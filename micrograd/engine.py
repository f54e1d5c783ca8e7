"""The engine: arrays that remember how they were computed, and the chain rule.

A `Value` holds data. An operator on Values makes a new one, which keeps its operands
and its rule (see `micrograd.rules`): together they are a graph, the expression.
`forward()` goes through it from the leaves to the result and computes the data anew;
`backward()` goes back and sets each Value's `grad`: the derivative of the result by it.

To see how, read `Value.__init__` (leaves), `apply` (results), `order_of`, `evaluate`,
`links_to`, `differentiate` and `fitted`; most of the class is names.
"""

from __future__ import annotations

import inspect
import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from micrograd import rules
from micrograd.instead import UFUNC_METHODS, with_numpys_words
from micrograd.methods import ArrayMethods
from micrograd.places import Place, caller, is_assigned
from micrograd.rules import (
    NUMBERS,
    RULES,
    Function,
    Rule,
    dtype_of_gradient,
    summed_back,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol, Union

    class Model(Protocol):
        def parameters(self) -> list[Value]: ...

    Values = Union["Value", Iterable["Value"], Mapping[str, "Value"], Model]

BIRTHS = itertools.count()
data_of = attrgetter("data")
Link = tuple["Value", Function]  # an operand, and what gives it its gradient


NO_ARRAY = (
    "a Value is no array, which would lose its gradient: write v.data or v.numpy() "
    "where only numbers are wanted; to keep the gradient, write NumPy's functions and "
    "operators, as np.exp(v) or a @ v, stack([v, w]) or concatenate([v, w]) for an "
    "array of Values, and Value(a).at[key].set(v), or v.at[key].set(x), to fill one in"
)


class Value(ArrayMethods):
    """An array or a number in an expression.

    Value(data) holds an array (not a copy), a number, or a nested list of numbers; with
    `dtype`, cast to it. Value(shape=(None, 2), name="x") is lazy: `forward(x=array)`
    feeds it, and an axis of None is open: it takes any length. An error in an operator
    names it and the shapes; when it is evaluated again, the line where it was written.

    Attributes
    ----------
    data : the array or number
    grad : after `backward()`, the derivative of the result by this Value; data's shape

    Raises
    ------
    TypeError : data are not real numbers, or the arguments are of neither form

    >>> x = Value([1.0, 2.0])
    >>> y = (x * x).sum()
    >>> y.backward()
    >>> print(y.data, x.grad)
    5.0 [2. 4.]
    """

    # Python frees slots in the order of their names. With `_order` before `_operands`,
    # the freeing of a long chain would recurse.
    __slots__ = (
        "__weakref__",
        "_born",
        "_lazy",
        "_operands",
        "_order",
        "_place",
        "_probes",
        "_rule",
        "data",
        "grad",
    )

    data: Any
    grad: Any
    _born: int  # results are numbered as they are made; leaves have no number
    _lazy: Placeholder | None  # what a lazy one takes
    _operands: tuple[Value | Constant, ...]  # () of a leaf
    _order: Order | None  # of the expression that ends here, once it was asked for
    _place: Place  # where its operator was written; leaves have none
    _probes: tuple[Any, ...] | None  # data of other open lengths, once asked for
    _rule: Any  # a Rule; None of a leaf

    @overload
    def __init__(self, data: Any, *, dtype: Any = None) -> None: ...
    @overload
    def __init__(
        self, *, shape: int | Sequence[int | None], name: str, dtype: Any = None
    ) -> None: ...

    def __init__(
        self,
        data: Any = None,
        *,
        shape: Any = None,
        name: Any = None,
        dtype: Any = None,
    ) -> None:
        is_lazy = data is None and shape is not None and name is not None
        if not is_lazy and (data is None or shape is not None or name is not None):
            raise TypeError("expected Value(data) or Value(shape=(None, 2), name='x')")
        self._lazy = Placeholder(shape, name, dtype) if is_lazy else None
        self.data = self._lazy.unfed if self._lazy else numeric(data, dtype=dtype)
        self.grad = self._rule = self._order = self._probes = None
        self._operands = ()

    def __repr__(self) -> str:
        """Its data and gradient."""
        return f"Value(data={self.data}, grad={self.grad})"

    def __dir__(self) -> list[str]:
        """Its attributes, without names that only say what to write instead."""
        return [name for name in super().__dir__() if hasattr(type(self), name)]

    def __format__(self, spec: str) -> str:
        """Its number in a format, as in f"{loss:.4f}"; TypeError of one with axes."""
        if spec and self.ndim:
            shape = np.shape(self.data)
            raise TypeError(
                f"{spec!r} formats a number, got shape {shape}: print v.data"
            )
        return format(self.item(), spec) if spec else str(self)

    def _repr_html_(self) -> str:
        """A table for a notebook: data, gradient, shape, operator."""
        from micrograd.show import value_html  # loaded on first use

        return value_html(self)

    @property
    def name(self) -> str | None:
        """The name of a lazy Value, under which `forward()` feeds it; None of others.

        >>> Value(shape=(None, 2), name="x").name
        'x'
        """
        return self._lazy.name if self._lazy else None

    @property
    def op(self) -> str:
        """The operator that made it; "" for a leaf, which no operator made.

        >>> x = Value(2.0)
        >>> x.op, (x * 3).op, x.exp().op
        ('', '*', 'exp')
        """
        return self._rule.name if self._rule else ""

    @property
    def parents(self) -> tuple[Value, ...]:
        """The Values that its operator was applied to; constants are none.

        >>> (Value(2.0) * 3).parents
        (Value(data=2.0, grad=None),)
        """
        return tuple(x for x in self._operands if isinstance(x, Value))

    @property
    def shape(self) -> tuple[int | Any, ...]:
        """The lengths of the axes; None where one follows an open axis of a lazy Value.

        `data` has those of now.

        Raises
        ------
        ValueError : the expression does not work with other lengths of its open axes

        >>> Value([[1, 2, 3], [4, 5, 6]]).shape, Value(2.0).shape
        ((2, 3), ())
        >>> Value(shape=(None, 2), name="x").T.shape
        (2, None)
        """
        return self._lazy.shape if self._lazy else shape_of(self)

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

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements, as NumPy's.

        >>> Value([1.0, 2.0]).dtype
        dtype('float64')
        """
        return np.result_type(self.data)

    @property
    def is_fed(self) -> bool:
        """Whether all lazy Values that it depends on have been fed.

        >>> y = Value(shape=(2,), name="x").sum()
        >>> print(y.is_fed, y.forward(x=[1, 2]), y.is_fed)
        False 3 True
        """
        return not any(
            x.data is x._lazy.unfed for x in order_of(self).lazies if x._lazy
        )

    # --- Evaluation and derivatives ---

    def forward(self, /, *unnamed: Any, **values: Any) -> Any:
        """Feed the lazy Values, evaluate the expression again and return its data.

        What is not fed is nan, with a warning (integers: a ValueError); names that it
        does not have are ignored.

        Raises
        ------
        ValueError, TypeError : a shape or dtype does not fit; then nothing has changed
        Exception : an operator fails; then the feeds are those of before

        >>> x = Value(shape=(None,), name="x")
        >>> y = x.sum() * 2
        >>> print(y.forward(x=[1, 2, 3]))
        12
        """
        if unnamed:
            raise TypeError("forward() feeds by name: expected forward(x=data)")
        return evaluate(self, values)

    def backward(self, wrt: Values | None = None) -> None:
        """Set `grad` on wrt or on all: the derivative of the sum of its elements.

        Gradients of an earlier call are replaced, not added to; every other gradient in
        the expression is None afterwards. A leaf's is an array of its own; those of
        results may share memory with each other: do not write to them.

        Parameters
        ----------
        wrt : a Value, several, a Module, or a dictionary of names and Values

        Raises
        ------
        ValueError : the expression does not depend on one of wrt
        TypeError : wrt has something else than Values

        >>> x, w = Value([1.0, 2.0]), Value([3.0, 4.0])
        >>> (x @ w).backward(wrt=w)
        >>> print(w.grad, x.grad)
        [1. 2.] None
        """
        if isinstance(wrt, np.ndarray):  # as PyTorch takes the result's gradient
            raise TypeError(
                "wrt: expected Values, got an array; for gradients g of the result, "
                "write (result * g).sum().backward()"
            )
        differentiate(self, None if wrt is None else values_in(wrt))

    # --- Arithmetic ---

    def __neg__(self) -> Value:
        """-x."""
        return apply(NEGATIVE, self)

    def __add__(self, other: Any) -> Value:
        """a + b, element by element; shapes broadcast, as for all operators."""
        return apply(ADD, self, other)

    def __radd__(self, other: Any) -> Value:
        """b + a, for numbers, arrays and lists b."""
        return apply(ADD, other, self)

    def __sub__(self, other: Any) -> Value:
        """a - b, element by element."""
        return apply(SUBTRACT, self, other)

    def __rsub__(self, other: Any) -> Value:
        """b - a."""
        return apply(SUBTRACT, other, self)

    def __mul__(self, other: Any) -> Value:
        """a * b, element by element; `@` is the matrix product."""
        return apply(MULTIPLY, self, other)

    def __rmul__(self, other: Any) -> Value:
        """b * a."""
        return apply(MULTIPLY, other, self)

    def __truediv__(self, other: Any) -> Value:
        """True division, also of integers; by 0 it is inf or nan, as NumPy's."""
        return apply(DIVIDE, self, other)

    def __rtruediv__(self, other: Any) -> Value:
        """b / a."""
        return apply(DIVIDE, other, self)

    def __pow__(self, other: Any) -> Value:
        """Its derivative by x is 0 where y is 0; by y, where x is 0 (and y >= 0)."""
        return apply(POWER, self, other)

    def __rpow__(self, other: Any) -> Value:
        """b ** a."""
        return apply(POWER, other, self)

    def __matmul__(self, other: Any) -> Value:
        """NumPy's matmul: rows of self by columns of other, in batches."""
        return apply(MATMUL, self, other)

    def __rmatmul__(self, other: Any) -> Value:
        """b @ a."""
        return apply(MATMUL, other, self)

    def __abs__(self) -> Value:
        """abs(x), as `Value.abs`."""
        return self.abs()

    def __eq__(self, other: object) -> Value:  # type: ignore[override]
        """A Value of booleans, as `<`; so `in` and `index` of a list compare data."""
        try:
            other = as_operand(other)
        except TypeError:  # not of numbers, as None: Python says that they differ
            return NotImplemented
        return apply(RULES[np.equal], self, other)

    def __ne__(self, other: object) -> Value:  # type: ignore[override]
        """A Value of booleans, as `<`."""
        try:
            other = as_operand(other)
        except TypeError:
            return NotImplemented
        return apply(RULES[np.not_equal], self, other)

    __hash__ = object.__hash__  # by identity: sets and dictionaries know each Value

    def __lt__(self, other: Any) -> Value:
        """A Value of booleans, as `where` and `[]` take it; no gradient flows."""
        return apply(RULES[np.less], self, other)

    def __le__(self, other: Any) -> Value:
        """A Value of booleans: a <= b."""
        return apply(RULES[np.less_equal], self, other)

    def __gt__(self, other: Any) -> Value:
        """A Value of booleans: a > b."""
        return apply(RULES[np.greater], self, other)

    def __ge__(self, other: Any) -> Value:
        """A Value of booleans: a >= b."""
        return apply(RULES[np.greater_equal], self, other)

    # --- Functions of each element ---

    def abs(self) -> Value:
        """The absolute value; its derivative at 0 is 0.

        >>> Value([-2, 3]).abs()
        Value(data=[2 3], grad=None)
        """
        return apply(RULES[np.abs], self)

    def relu(self) -> Value:
        """The larger one of x and 0; its derivative at 0 is 0.

        >>> Value([-2, 3]).relu()
        Value(data=[0 3], grad=None)
        """
        return apply(RULES[rules.relu], self)

    def sigmoid(self) -> Value:
        """1 / (1 + exp(-x)), without overflow.

        >>> Value([0.0, 1000.0]).sigmoid()
        Value(data=[0.5 1. ], grad=None)
        """
        return apply(RULES[rules.sigmoid], self)

    def exp(self) -> Value:
        """e to the power of x.

        >>> Value([0.0, 1.0]).exp().data.round(4)
        array([1.    , 2.7183])
        """
        return apply(RULES[np.exp], self)

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

    def tanh(self) -> Value:
        """The hyperbolic tangent, from -1 to 1.

        >>> Value([0.0, 1.0]).tanh().data.round(4)
        array([0.    , 0.7616])
        """
        return apply(RULES[np.tanh], self)

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
        x = self if min is None else apply(RULES[rules.at_least], self, min)
        return x if max is None else apply(RULES[rules.at_most], x, max)

    def where(self, x: Any, y: Any, /) -> Value:
        """x where this condition holds, else y; each receives the gradient there.

        >>> x = Value([-2, 3])
        >>> (x > 0).where(x, 0)
        Value(data=[0 3], grad=None)
        """
        return apply(RULES[np.where], self, x, y)

    # --- Reductions: axis is a number, several or None for all ---

    @with_numpys_words
    def sum(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
    ) -> Value:
        """The sum along the axis or axes; ValueError if there is no such axis.

        >>> x = Value([[1, 2, 3], [4, 5, 6]])
        >>> print(x.sum().data, x.sum(axis=1).data, x.sum(axis=0, keepdims=True).data)
        21 [ 6 15] [[5 7 9]]
        """
        return apply(rule_along(np.sum, axis, keepdims), self)

    @with_numpys_words
    def mean(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
    ) -> Value:
        """The mean along the axis or axes.

        >>> Value([[1.0, 2.0], [3.0, 4.0]]).mean(axis=0)
        Value(data=[2. 3.], grad=None)
        """
        return apply(rule_along(np.mean, axis, keepdims), self)

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

    # --- Places ---

    @property
    def T(self) -> Value:
        """The axes in reverse order.

        >>> Value([[1, 2, 3], [4, 5, 6]]).T.shape
        (3, 2)
        """
        return self.transpose()

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

    def reshape(self, *lengths: Any, shape: Any = (), order: str = "C") -> Value:
        """The elements in another shape, as `x.reshape(-1, 2)`; -1 is what remains.

        In the order "F" the first axis goes fastest, in "C" the last one.

        >>> Value([1, 2, 3, 4]).reshape(-1, 2).data
        array([[1, 2],
               [3, 4]])
        """
        if lengths:
            shape = lengths[0] if len(lengths) == 1 else lengths
        wanted = tuple(shape) if np.iterable(shape) else (shape,)
        if any(n is None for n in wanted):
            raise TypeError(
                f"reshape: expected lengths, got {wanted}; write -1 for one that "
                "an open axis decides"
            )
        if order == "F":
            return self.T.reshape(wanted[::-1]).T
        if order != "C":
            raise TypeError(f"reshape: expected order 'C' or 'F', got {order!r}")
        return apply(RULES[np.reshape].bind({"shape": shape}), self)

    def __getitem__(self, key: Any) -> Value:
        """NumPy's selection; keys may be Values. What is taken twice receives twice.

        >>> x = Value([1.0, 2.0, 3.0])
        >>> x[[0, 0, 2]].backward()
        >>> x.grad
        array([2., 0., 1.])
        """
        keys = key if isinstance(key, tuple) else (key,)
        return apply(RULES[rules.selected], self, *map(as_key, keys))

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

    # --- Ways out of the graph: what they give has no history, and no gradient ---

    def numpy(self) -> np.ndarray[Any, Any]:
        """The data as an array, which shares its memory; 0-d of a number.

        >>> Value([1.0, 2.0]).exp().numpy().round(4)
        array([2.7183, 7.3891])
        """
        return np.asarray(self.data)

    def item(self, *index: Any) -> Any:
        """The one element, or that at the index, as a number of Python.

        Raises
        ------
        ValueError : there are several, and no index

        >>> Value([2.0, 3.0]).sum().item()
        5.0
        """
        return np.asarray(self.data).item(*index)

    def tolist(self) -> Any:
        """The data as nested lists of Python's numbers.

        >>> Value([[1.0, 2.0]]).tolist()
        [[1.0, 2.0]]
        """
        return np.asarray(self.data).tolist()

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
        return bool(self.data)

    def __float__(self) -> float:
        """Its number, without its history; TypeError of several."""
        return float(self._number("float"))

    def __int__(self) -> int:
        """Its number, cut to an integer; TypeError of several."""
        return int(self._number("int"))

    def _number(self, kind: str) -> Any:
        """The only element; TypeError of several, or if NumPy puts it in an array."""
        if is_assigned():
            raise TypeError(NO_ARRAY)
        if np.size(self.data) != 1:
            shape = np.shape(self.data)
            raise TypeError(f"{kind}(): expected one number, got shape {shape}")
        return np.asarray(self.data).item()

    # Of a more exact dtype, array * value would be an array to NumPy's stubs.
    def __array__(
        self, *args: Any, **kwargs: Any
    ) -> np.ndarray[Any, np.dtype[np.generic]]:
        """Refused: who reads a Value as an array cuts its gradient without a word."""
        raise TypeError(NO_ARRAY)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: an expression is not called, but fed."""
        raise TypeError(
            "a Value is no function: v.forward(x=data) feeds and evaluates it, and "
            "compiled(v) makes a function of it"
        )

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Leaves are pickled and copied; of results, their operands would be, too."""
        if self._rule:
            raise TypeError(
                "expressions cannot be pickled or copied, as plt.plot does: write "
                "v.data; leaves can be"
            )
        return super().__reduce_ex__(protocol)

    # --- NumPy's functions of Values, as np.exp(v) and array + v ---

    def __array_ufunc__(
        self, ufunc: Any, method: str, *operands: Any, **options: Any
    ) -> Value:
        """np.exp(v) and array + v, where NumPy asks the Value."""
        if method != "__call__":
            name = f"{ufunc.__name__}.{method}"
            hint = f": write {UFUNC_METHODS[name]}" if name in UFUNC_METHODS else ""
            raise TypeError(f"np.{name} has no derivative here{hint}")
        if "out" in options:  # += on an array is this
            raise TypeError(
                f"np.{ufunc.__name__}: an array that takes its result, by out= or +=, "
                "would lose its gradient: write array = array + value"
            )
        result: Value = self.__array_function__(ufunc, None, operands, options)
        return result

    def __array_function__(
        self, function: Any, types: Any, operands: Any, options: Any
    ) -> Any:
        """np.sum(v), as `micrograd.functions` has it; TypeError if it has not."""
        from micrograd.functions import of_numpy  # which stands above the engine

        ours = of_numpy(function)
        name = f"{getattr(function, '__module__', 'numpy')}.{function.__name__}"
        if ours is None:
            raise TypeError(f"{name} has no derivative here")
        try:
            return ours(*operands, **options)
        except TypeError as error:
            raise TypeError(f"{name} of a Value: {error}") from error


# --- What can be data, and what can be differentiated by ------------------------------


def numeric(data: Any, name: str = "data", dtype: Any = None) -> Any:
    """The data as an array or a number; a TypeError if it is not of real numbers."""
    if dtype is not None:
        array = numeric(np.asarray(numeric(data, name), dtype), name)
        is_array = array.ndim or isinstance(data, np.ndarray)
        return array if is_array else rules.as_number(array[()])
    if type(data) is float or type(data) is int and -(2**63) <= data < 2**63:
        return data
    try:
        array = np.asarray(None if has_value(data) else data)
    except ValueError:  # a ragged list
        array = np.asarray(None)  # which is refused, too
    if array.dtype.kind not in "biuf" or hasattr(data, "filled"):  # masked
        kind = type(data).__name__
        got = f"{array.dtype} {kind}{hint_for(data, name)}"
        raise TypeError(f"{name}: expected real numbers, got {got}")
    return array if array.ndim or isinstance(data, np.ndarray) else array[()]


USUAL_DATA = {np.ndarray, float, int, bool, np.float64, np.float32, np.bool_}


def check_data(found: Sequence[Any]) -> None:
    """Refuse data that a user has assigned and that are no array and no number."""
    if USUAL_DATA.issuperset(map(type, found)):
        return
    for data in found:
        if not isinstance(data, (np.ndarray, np.generic, float, int)):
            kind = type(data).__name__
            raise TypeError(f"data: expected an array, got {kind}: write np.array")


def hint_for(data: Any, name: str) -> str:
    """What to do about data that are none."""
    if data is None and name == "data":  # an operand
        return " (the length of an open axis; mean(axis=0) divides a sum by it)"
    if getattr(getattr(data, "dtype", None), "kind", "") in ("O", "S", "U"):
        return " (if all are numbers, write array.astype(float))"
    return " (write v.data for its numbers)" if has_value(data) else ""


def has_value(x: Any) -> bool:
    """Whether it is a Value or a list with one in it, however deep."""
    if isinstance(x, (list, tuple)):
        return any(map(has_value, x))
    return isinstance(x, Value)


def values_in(wrt: Values) -> list[Value]:
    """The Values in wrt: one, several, a Module's parameters, or a dictionary's."""
    values: Any = wrt
    if isinstance(values, Mapping):
        values = values.values()
    elif callable(getattr(values, "parameters", None)):
        values = values.parameters()
    is_one = isinstance(values, Value) or not np.iterable(values)
    values = [values] if is_one else [*values]
    for value in values:
        if isinstance(value, Value):
            continue
        has_some = hasattr(value, "parameters")
        hint = ": write its parameters(), or wrt=model" if has_some else ""
        raise TypeError(f"wrt: expected Values, got {value!r}{hint}")
    return values  # type: ignore[no-any-return]


# --- Operators: a Value that remembers its rule and operands --------------------------

# Looked up once, as they are used most.
NEGATIVE, POWER = RULES[np.negative], RULES[np.power]
ADD, SUBTRACT = RULES[np.add], RULES[np.subtract]
MULTIPLY, DIVIDE, MATMUL = RULES[np.multiply], RULES[np.divide], RULES[np.matmul]


class Constant:
    """An operand without a name or a gradient: raw data in an expression."""

    __slots__ = ("data",)

    def __init__(self, data: Any) -> None:
        self.data = data


def apply(rule: Rule, *operands: Any) -> Value:
    """The result of a rule, which remembers how it was computed."""
    for x in operands:
        if type(x) is not Value:
            operands = tuple(map(as_operand, operands))
            break
    result = Value.__new__(Value)
    result._rule, result._operands, result._born = rule, operands, next(BIRTHS)
    result.grad = result._lazy = result._order = result._probes = None
    result._place = caller()
    try:
        data = rule.value(*map(data_of, operands))
        # A float is done; but nan may be of an unfed Value, and an integer later.
        if type(data) is not float or data != data:
            if type(data) is not np.ndarray or data.ndim == 0:
                if rules.are_numbers(*[x.data for x in operands]):
                    result._rule, data = rule.on_numbers(), rules.as_number(data)
                check_data([data])
    except Exception as error:
        raise located(error, rule.name, shapes_of(operands)) from error
    result.data = data
    return result


def as_operand(x: Any) -> Value | Constant:
    """Raw data as a constant; a list of Values stacked to one."""
    if type(x) is float:
        return Constant(x)
    if isinstance(x, (Value, Constant)):
        return x
    if has_value(x):
        return apply(RULES[np.stack].bind({}, len(x)), *x)
    return Constant(numeric(x))


def as_key(key: Any) -> Value | Constant:
    """An index; a list is copied to an array, since it may change later."""
    if has_value(key):
        return as_operand(key)
    if isinstance(key, list):
        array = np.array(key)
        key = array if array.size else array.astype(int)
    return Constant(key)


def rule_along(function: Function, axis: Any, keepdims: bool) -> Rule:
    """The rule of a reduction along an axis."""
    rule = RULES[function]
    if axis is None and not keepdims:
        return rule
    return rule.bind({"axis": axis, "keepdims": keepdims})


def operator(
    name: str, forward: Function, *derivatives: Function | None
) -> Callable[..., Value]:
    """An operator of your own: y = forward(*data), with the data of its operands.

    Parameters
    ----------
    name : what errors and pictures call it
    forward : computes y, whose shape may depend on the operands' shapes alone
    derivatives : for each operand, derivative(g, y, *data) is what it receives of g,
        the gradient of y, which has y's shape; or None, where no gradient shall flow.
        It changes none of these. Broadcasting, adding up and dtypes are taken care of.

    >>> cube = operator("cube", lambda x: x**3, lambda g, y, x: g * 3 * x**2)
    >>> x = Value([1.0, 2.0])
    >>> cube(x).backward()
    >>> print(x.grad)
    [ 3. 12.]
    """
    if not isinstance(name, str):
        raise TypeError(f"name: expected a string, got {name!r}")
    checked = [by and checked_derivative(by) for by in derivatives]
    value = lambda *data: numeric(forward(*data))
    return function_of(Rule(name, value, tuple(checked), is_opaque=True))


def function_of(rule: Rule) -> Callable[..., Value]:
    """The function that applies a rule, with a name and a signature to show."""
    n = len(rule.derivatives)

    def of_operands(*operands: Any, **options: Any) -> Value:
        return apply_all(rule, *operands, **options)

    of_operands.__name__ = of_operands.__qualname__ = rule.name
    of_operands.__doc__ = f"The operator {rule.name!r}, of {n} operands."
    names = itertools.islice("abcdefghijklmnopqrstuvwxyz", n) if n > 1 else "x"
    kind = inspect.Parameter.POSITIONAL_ONLY
    parameters = [inspect.Parameter(name, kind) for name in names]
    of_operands.__signature__ = inspect.Signature(parameters)  # type: ignore
    return of_operands


def apply_all(rule: Rule, /, *operands: Any, **options: Any) -> Value:
    """The result of a rule of as many operands as it has derivatives."""
    n = len(rule.derivatives)
    if len(operands) != n:
        noun = "operand" if n == 1 else "operands"
        raise TypeError(f"{rule.name!r} takes {n} {noun}, got {len(operands)}")
    if options:
        raise TypeError(f"{rule.name!r} takes no {'=, '.join(options)}=")
    return apply(rule, *operands)


def checked_derivative(derivative: Function) -> Function:
    """The derivative, given all of g; what it returns is copied, as real numbers."""

    def checked(g: Any, y: Any, *data: Any) -> Any:
        return 1.0 * numeric(derivative(whole(g, y), y, *data), "gradient")

    return checked


def located(
    error: Exception, name: str, shapes: Iterable[Any], place: Place | None = None
) -> Exception:
    """The same error, saying at which operator, shapes of its operands, and place."""
    where = f"operator {name!r} of shapes {', '.join(map(str, shapes))}"
    if place:
        where += f" ({place})"
    kind = type(error)
    while True:
        try:
            return kind(f"{where}: {error}")
        except TypeError:  # it takes something else than a message
            kind = kind.__base__  # type: ignore[assignment]


def located_at(node: Value, error: Exception) -> Exception:
    """The error of an operator that has been defined before."""
    return located(error, node.op, shapes_of(node._operands), node._place)


def shapes_of(operands: Iterable[Value | Constant]) -> list[tuple[int, ...]]:
    """The shapes of their data."""
    return [np.shape(x.data) for x in operands]


# --- Order: each operator after its operands ------------------------------------------


class Order(NamedTuple):
    """What an expression consists of, but for its root, which keeps this."""

    results: list[Value]  # of operators, each after its operands
    leaves: list[Value]
    lazies: list[Value]
    links: dict[Any, list[list[Link]]]  # by the ids of wrt, which it keeps alive


def order_of(root: Value) -> Order:
    """The order of the expression, found once: an operand is older than its result."""
    if root._order:
        return root._order
    found, seen = [root], {root}
    for node in found:  # which grows
        for x in node._operands:
            if x not in seen and isinstance(x, Value):
                seen.add(x)
                found.append(x)
    results = sorted([x for x in found[1:] if x._rule], key=attrgetter("_born"))
    leaves = [x for x in found if not x._rule]
    order = Order(results, leaves, [x for x in leaves if x._lazy], {})
    root._order = order if root._rule else None  # a leaf is in its own order: a circle
    return order


def links_to(wrt: list[Value] | None, root: Value) -> list[list[Link]]:
    """For the root, and each result before it, the operands by which it leads to wrt.

    The way of the gradients, found once for each wrt. There is none for a result that
    does not lead to wrt, or that no gradient reaches.
    """
    order = order_of(root)
    key = None if wrt is None else tuple(map(id, wrt))
    if key in order.links:
        return order.links[key]
    nodes = [*order.results, root] if root._rule else []
    leading = {*order.leaves, *nodes} if wrt is None else set(wrt)
    way = []
    for node in nodes:  # from the leaves on: which operands lead to wrt
        links: list[Any] = []
        for x, derivative in zip(node._operands, node._rule.derivatives):
            if derivative and x in leading:
                links.append((x, derivative))
        way.append(links)
        if links:
            leading.add(node)
    way.reverse()
    reached = {root}
    for node, links in zip(reversed(nodes), way):  # back: which are reached
        if node in reached:
            for x, _ in links:
                reached.add(x)
        else:
            links.clear()
    for i, value in enumerate(wrt or ()):
        if value not in reached:
            what = f"wrt[{i}] of shape {np.shape(value.data)}"
            raise ValueError(f"the expression does not depend on {what}")
    order.links[key] = way
    return way


# --- Open axes: lengths that follow what is fed ---------------------------------------

LENGTHS = (2, 17)  # of open axes, to see which other lengths follow theirs


def shape_of(x: Value) -> tuple[int | None, ...]:
    """The shape, with None for a length that is another one where open axes are."""
    now = np.shape(x.data)
    shapes = [now, *map(np.shape, probes_of(x))]
    if len(set(map(len, shapes))) > 1:
        raise ValueError(f"open axes of other lengths give other axes: {shapes}")
    return tuple(n[0] if len(set(n)) == 1 else None for n in zip(*shapes))


def probes_of(x: Value) -> tuple[Any, ...]:
    """Its data for both lengths of all open axes; none, if it depends on none.

    They are found when first asked for, and kept, so that asking at every operator of a
    chain takes a time that grows with its length alone.
    """
    if x._probes is not None:
        return x._probes
    unknown, seen = [x], {x}
    for node in unknown:  # which grows
        for parent in node.parents:
            if parent._probes is None and parent not in seen:
                seen.add(parent)
                unknown.append(parent)
    for leaf in unknown:
        if not leaf._rule:
            leaf._probes = leaf._lazy.probes if leaf._lazy else ()
    for node in sorted([x for x in unknown if x._rule], key=attrgetter("_born")):
        node._probes = probed(node)
    return x._probes or ()


def probed(node: Value) -> tuple[Any, ...]:
    """The data of an operator for those of its operands."""
    of_operands = [getattr(x, "_probes", ()) for x in node._operands]
    if not any(of_operands):
        return ()
    results = []
    for i, n in enumerate(LENGTHS):
        data = [
            probes[i] if probes else x.data
            for x, probes in zip(node._operands, of_operands)
        ]
        try:
            with np.errstate(all="ignore"):
                results.append(node._rule.value(*data))
        except Exception as error:
            shapes = map(np.shape, data)
            problem = ValueError(f"it does not work where open axes have length {n}")
            raise located(problem, node.op, shapes, node._place) from error
    return tuple(results)


# --- Forward: from the leaves to the result -------------------------------------------


def evaluate(root: Value, values: dict[str, Any]) -> Any:
    """Feed the lazy Values, all or none, and compute each result anew, in order."""
    order = order_of(root)
    check_data([x.data for x in order.leaves])
    feeds = []
    for lazy in order.lazies:  # no comprehension, whose frame stacklevel would count
        feeds.append(lazy._lazy.feed(values))  # type: ignore[union-attr]
    before = [lazy.data for lazy in order.lazies]
    for lazy, data in zip(order.lazies, feeds):
        lazy.data = data
    nodes = (*order.results, root) if root._rule else ()
    try:
        for node in nodes:
            node.data = node._rule.value(*map(data_of, node._operands))
    except Exception as error:
        try:
            raise located_at(node, error) from error
        finally:  # the feeds of before, and what follows from them
            for lazy, data in zip(order.lazies, before):
                lazy.data = data
            for done in nodes:
                if done is node:
                    break
                done.data = done._rule.value(*map(data_of, done._operands))
    return root.data


# --- Backward: from the result to the leaves ------------------------------------------


def differentiate(root: Value, wrt: list[Value] | None) -> None:
    """The chain rule, from the last operator to the first."""
    order, way = order_of(root), links_to(wrt, root)
    check_data([x.data for x in order.leaves])
    kept = None if wrt is None else set(wrt)  # None: all
    if root.dtype.kind == "b" and wrt != []:
        raise TypeError("expected an expression of numbers, got booleans: no gradient")
    if not root.is_fed:
        warnings.warn("run forward() before backward()", stacklevel=3)
    for value in (*order.leaves, *order.results):
        value.grad = None
    root.grad = None if wrt == [] else fitted(1.0, root, kept)
    try:
        for node, links in zip((root, *reversed(order.results)), way):
            if not links:
                continue
            g, y = node.grad, node.data
            data = tuple(map(data_of, node._operands))
            for x, derivative in links:
                gradient = derivative(g, y, *data)
                # A number fits a number: asked here, as it is most of their time.
                if type(gradient) is not float or type(x.data) is not float:
                    gradient = fitted(gradient, x, kept)
                if x._rule:  # its gradient may be another's, too: never in place
                    x.grad = gradient if x.grad is None else x.grad + gradient
                elif x.grad is None:
                    x.grad = own(gradient, x, g)
                else:
                    x.grad += gradient
            if kept is not None and node not in kept:
                node.grad = None
    except Exception as error:
        for value in (*order.leaves, *order.results, root):
            value.grad = None
        raise located_at(node, error) from error


def fitted(gradient: Any, x: Value, kept: set[Value] | None) -> Any:
    """The gradient in the shape and dtype of x, summed where NumPy had repeated x.

    Where nobody sees it (x is not in wrt), it may stay smaller: in `h.tanh().sum()`,
    that of `h.tanh()` is one number, which tanh's rule repeats by multiplying.
    """
    data = x.data
    if type(data) in NUMBERS:
        return float(np.sum(gradient))
    shape, dtype = data.shape, data.dtype
    if type(gradient) is type(data) and gradient.shape == shape:
        if gradient.dtype is dtype:
            return gradient
    dtype = dtype_of_gradient(dtype)
    gradient = summed_back(gradient, shape)
    if type(data) is not np.ndarray:
        return dtype.type(gradient)
    is_seen = kept is None or x in kept
    may_be_smaller = not is_seen and has_shape_of_parents(x)
    if may_be_smaller or np.shape(gradient) == shape:
        return np.asarray(gradient, dtype)
    return np.full(shape, gradient, dtype)


def has_shape_of_parents(x: Value) -> bool:
    """Whether a gradient that only broadcasts to x may go on to its parents.

    Not to one that is smaller than x: what it receives is summed over the axes along
    which NumPy repeated it, and these have to be there.
    """
    shape = x.data.shape
    for operand in x._operands:
        if isinstance(operand, Value):
            if getattr(operand.data, "shape", ()) != shape:
                return False
    return True


def own(gradient: Any, leaf: Value, g: Any) -> Any:
    """The gradient as an array of the leaf's own, which users and `+=` write to.

    It is copied where it is g itself (`+` passes g on), or a view of it (as of `T`).
    """
    if type(leaf.data) is not np.ndarray:
        return gradient
    is_new = type(gradient) is np.ndarray and gradient is not g
    if is_new and gradient.flags.owndata and gradient.flags.forc:
        return gradient
    return np.array(gradient, order="C")


# --- Lazy Values ----------------------------------------------------------------------


class Placeholder:
    """What a lazy Value takes, and holds until it is fed."""

    def __init__(self, shape: Any, name: str, dtype: Any) -> None:
        if not (isinstance(name, str) and name.isidentifier()):
            raise TypeError(f"name: expected an identifier, got {name!r}")
        self.name, self.dtype = name, dtype
        self.shape = tuple(shape) if np.iterable(shape) else (shape,)
        fill = self.fill = float("nan") if np.dtype(dtype).kind == "f" else 0
        is_number = self.shape == () and dtype is None
        self.unfed = fill if is_number else numeric(self.of_length(1), name)
        self.expected = np.result_type(self.unfed)
        self.last: tuple[Any, Any] = (None, None)  # shape and dtype that were right

    @property
    def probes(self) -> tuple[Any, ...]:
        """Unfed data of two lengths; none, if no axis is open."""
        return tuple(map(self.of_length, LENGTHS)) if None in self.shape else ()

    def of_length(self, length: int) -> Any:
        """Unfed data whose open axes have that length."""
        shape = [length if n is None else n for n in self.shape]
        return np.full(shape, self.fill, self.dtype)

    def feed(self, values: dict[str, Any]) -> Any:
        """Its data among the values, or nan with a warning; an error if unfit."""
        name, expected = self.name, self.expected
        data = values.get(name)
        if type(data) is np.ndarray and (data.shape, data.dtype) == self.last:
            return data
        if name not in values:
            fed = f" (fed: {', '.join(values)})" if values else ""
            if expected.kind != "f":
                raise ValueError(f"{name}: expected {expected}, got nothing{fed}")
            warnings.warn(f"{name} is not fed: nan{fed}", stacklevel=4)
            return self.unfed
        data = numeric(data, name)
        shape = np.shape(data)
        fits = [n in (None, m) for n, m in zip(self.shape, shape)]
        if len(shape) != len(self.shape) or not all(fits):
            raise ValueError(f"{name}: expected shape {self.shape}, got {shape}")
        if self.dtype is not None:
            dtype = np.result_type(data)
            if not np.can_cast(dtype, expected, "same_kind"):
                raise TypeError(f"{name}: expected {expected}, got {dtype}")
            data = np.asarray(data, expected)
        if data is values[name] and type(data) is np.ndarray:
            self.last = data.shape, data.dtype
        return data
