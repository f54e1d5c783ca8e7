"""The engine: arrays that remember how they were computed, and the chain rule.

A `Value` holds an array or a number. An operator on Values makes a new Value, which
keeps its operands and its rule, a row of the table in `rules.py`. A formula is
therefore a graph, an expression, and two loops over the graph do all the work:

    forward     from the leaves to the result: compute each node from its operands
    backward    from the result to the leaves: hand each gradient on to the operands

The file follows this idea: the node (`Value`), `forward`, `backward`, the operators of
a first net, how an operator makes a node (`apply`), the order in which the loops visit
the nodes (`order_of`), and the operands on the way to `wrt` (`links_to`). Higher
modules add methods to `Value`: NumPy's other names, error hints, notebook tables.
Nothing here imports them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from micrograd import rules
from micrograd.arrays import (
    HALF,
    Placeholder,
    are_numbers,
    as_number,
    as_parameter,
    checked_data,
    fitted,
    hint,
    in_single,
    numeric,
    own,
    warn,
)
from micrograd.rules import RULES, Function, Rule, located, rule_along

if TYPE_CHECKING:  # for editors and mypy: the methods that are added from outside
    from micrograd.interface.methods import ArrayMethods
    from micrograd.interface.methods import Values as Values
else:
    ArrayMethods = object

births = itertools.count()
data_of, birth_of = attrgetter("data"), attrgetter("_born")
Method = Callable[["Value", Any], "Value"]


def binary(function: Function, words: str) -> tuple[Method, Method]:
    """The methods behind `v + w`, and behind `1 + v`, where 1 is not a Value."""
    rule = RULES[function]

    def method(self: Value, other: Any) -> Value:
        return apply(rule, self, other)

    def reflected(self: Value, other: Any) -> Value:
        return apply(rule, other, self)

    method.__doc__, reflected.__doc__ = words, f"{words} Here a is not a Value."
    return method, reflected


class Value(ArrayMethods):
    """An array or a number in an expression.

    Value(data) holds an array (not a copy), a number, or a nested list of numbers; with
    `dtype`, cast to it. Value(shape=(None, 2), name="x") is lazy: `forward(x=array)`
    feeds it. An axis of length None is open: it takes any length.

    `data` is the array or number. After `backward()`, `grad` is the derivative of the
    result with respect to it. Data that are not real numbers are a TypeError.

    >>> x = Value([1.0, 2.0])
    >>> y = (x * x).sum()
    >>> y.backward()
    >>> print(y.data, x.grad)
    5.0 [2. 4.]
    """

    # Python frees slots in the order of their names. With `_order` before `_operands`,
    # the freeing of a long chain would recurse.
    __slots__ = (
        *("__weakref__", "_born", "_call_site", "_is_unfed", "_lazy", "_operands"),
        *("_order", "_probes", "_rule", "data", "grad"),
    )

    data: Any
    grad: Any
    _born: int  # Values are numbered as they are made
    _call_site: Any  # the line where the operator was written, if somebody notes it
    _is_unfed: bool  # computed before anything was fed, and not again since
    _lazy: Placeholder | None  # of a lazy leaf
    _operands: tuple[Value | Constant, ...]  # () of a leaf
    _order: Order | None  # of the expression that ends here, once it is needed
    _probes: Any  # data for other lengths of open axes, if somebody asks
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
        self._operands, self._is_unfed, self._born = (), is_lazy, next(births)

    def __repr__(self) -> str:
        """The data and the gradient."""
        return f"Value(data={self.data}, grad={self.grad})"

    # --- Forward: from the leaves to the result ---------------------------------------

    def forward(self, /, *unnamed: Any, **feeds: Any) -> Any:
        """Feed the lazy Values, evaluate the expression again and return its data.

        A lazy Value that is not fed is nan, with a warning (of integers: a ValueError).
        Other names are ignored. An unfit shape or dtype is a ValueError or TypeError.
        After an error, also of an operator, or an interrupt, all is as it was.

        >>> x = Value(shape=(None,), name="x")
        >>> y = x.sum() * 2
        >>> print(y.forward(x=[1, 2, 3]))
        12
        """
        if unnamed:
            raise TypeError("forward() feeds by name: expected forward(x=data)")
        order = order_of(self)
        check_leaves(order.leaves)
        fed = []
        for x in order.lazies:  # all feeds are checked before the first is set
            fed.append(x._lazy.feed(feeds))  # type: ignore[union-attr]
        before = [x.data for x in order.lazies]
        nodes = (*order.results, self) if self._rule else ()
        node = self
        try:
            for x, data in zip(order.lazies, fed):
                x.data = data
            for node in nodes:
                node.data = node._rule.value(*map(data_of, node._operands))
        except BaseException as error:
            changed: Any = itertools.takewhile(lambda x: x is not node, nodes)
            try:
                if isinstance(error, Exception):
                    raise located_at(node, error, node._call_site) from error
                changed = () if self._is_unfed else nodes  # the node may be done, too
                raise
            finally:  # the message has the shapes of now; then all is as before
                for x, data in zip(order.lazies, before):
                    x.data = data
                for x in changed:
                    x.data = x._rule.value(*map(data_of, x._operands))
        if self._is_unfed:
            for node in nodes:
                node._is_unfed = False
        return self.data

    # --- Backward: from the result to the leaves --------------------------------------

    def backward(self, wrt: Values | None = None) -> None:
        """Set `grad` on wrt, or on all: the derivative of the sum of the elements.

        Every other gradient in the expression is None afterwards; none is added to that
        of an earlier call. A leaf's gradient is an array of its own; gradients of
        results may share memory with each other, so do not write to them.

        wrt : a Value, a Module, several, or a dictionary of them by name; TypeError if
            it contains something else, ValueError if the expression does not depend on
            one of them

        >>> x, w = Value([1.0, 2.0]), Value([3.0, 4.0])
        >>> (x @ w).backward(wrt=w)
        >>> print(w.grad, x.grad)
        [1. 2.] None
        """
        values = None if wrt is None else values_in(wrt)
        order, links = order_of(self), links_to(values, self, wrt)
        check_leaves(order.leaves)
        if self.dtype.kind == "b" and values != []:
            raise TypeError("expected an expression of numbers, got booleans")
        nodes = (self, *reversed(order.results))
        kept = set(nodes if values is None else values)
        node = self
        try:
            for x in (*order.leaves, *nodes):
                x.grad = None
            self.grad = fitted(1.0, self.data) if values != [] else None
            for node, operands in zip(nodes, links):  # all of its gradient has arrived
                if not operands:
                    continue
                g, y = node.grad, node.data
                data = tuple(map(data_of, node._operands))
                if type(g) is not float and g.dtype == HALF:  # their products overflow
                    g, y, data = in_single(g), in_single(y), tuple(map(in_single, data))
                for x, derivative in operands:
                    gradient = derivative(g, y, *data)
                    # A float fits a float. Asking here saves most of the time.
                    if type(gradient) is not float or type(x.data) is not float:
                        gradient = fitted(gradient, x.data)
                    if x.grad is None:
                        x.grad = gradient if x._rule else own(gradient, g)
                    elif x._rule:  # it may share memory, so nothing is added in place
                        x.grad = x.grad + gradient
                    else:
                        x.grad += gradient
                if node not in kept:
                    node.grad = None
        except BaseException as error:
            for x in (*order.leaves, *nodes):
                x.grad = None
            if not isinstance(error, Exception):
                raise
            if not self.is_fed:  # left-over feeds may not fit together
                raise ValueError("run forward() before backward()") from error
            raise located_at(node, error, node._call_site) from error
        if not self.is_fed:
            warn("run forward() before backward()")

    # --- What a node is ---------------------------------------------------------------

    @property
    def name(self) -> str | None:
        """The name under which `forward()` feeds a lazy Value; None of other Values.

        >>> Value(shape=(None, 2), name="x").name
        'x'
        """
        return self._lazy.name if self._lazy else None

    @property
    def op(self) -> str:
        """The name of the operator that made it; "" for a leaf.

        >>> x = Value(2.0)
        >>> x.op, (x * 3).op, x.exp().op
        ('', '*', 'exp')
        """
        return self._rule.name if self._rule else ""

    @property
    def parents(self) -> tuple[Value, ...]:
        """The Values that its operator was applied to; constants do not count.

        >>> (Value(2.0) * 3).parents
        (Value(data=2.0, grad=None),)
        """
        return tuple(x for x in self._operands if isinstance(x, Value))

    @property
    def shape(self) -> tuple[int | Any, ...]:
        """The lengths of the axes; None where an axis of a lazy Value is open.

        >>> Value([[1, 2, 3], [4, 5, 6]]).shape
        (2, 3)
        """
        return self._lazy.shape if self._lazy else np.shape(self.data)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the elements.

        >>> Value([1.0, 2.0]).dtype
        dtype('float64')
        """
        return np.result_type(self.data)

    @property
    def is_fed(self) -> bool:
        """Whether it was computed from lazy Values that had all been fed.

        >>> y = Value(shape=(2,), name="x").sum()
        >>> print(y.is_fed, y.forward(x=[1, 2]), y.is_fed)
        False 3 True
        """
        return not has_unfed([*order_of(self).lazies, self])

    # --- Operators --------------------------------------------------------------------

    __add__, __radd__ = binary(np.add, "a + b; shapes broadcast, as in NumPy.")
    __sub__, __rsub__ = binary(np.subtract, "a - b, element by element.")
    __mul__, __rmul__ = binary(np.multiply, "a * b; `@` is the matrix product.")
    __truediv__, __rtruediv__ = binary(np.divide, "a / b, as in NumPy.")
    __pow__, __rpow__ = binary(np.power, "a ** b; nan for a root of a < 0.")
    __matmul__, __rmatmul__ = binary(np.matmul, "a @ b, as np.matmul.")
    __lt__ = binary(np.less, "a < b: a Value of booleans, without a gradient.")[0]
    __le__ = binary(np.less_equal, "a <= b: a Value of booleans.")[0]
    __gt__ = binary(np.greater, "a > b: a Value of booleans.")[0]
    __ge__ = binary(np.greater_equal, "a >= b: a Value of booleans.")[0]
    __hash__ = object.__hash__  # by identity: sets and dictionaries know each Value

    def __eq__(self, other: object) -> Value:  # type: ignore[override]
        """a == b by element, as `<`; so `in` and `index` of a list compare data."""
        return compare(np.equal, self, other)

    def __ne__(self, other: object) -> Value:  # type: ignore[override]
        """a != b by element, as `<`."""
        return compare(np.not_equal, self, other)

    def __neg__(self) -> Value:
        """-x."""
        return apply(RULES[np.negative], self)

    def exp(self) -> Value:
        """e to the power of x.

        >>> Value([0.0, 1.0]).exp().data.round(4)
        array([1.    , 2.7183])
        """
        return apply(RULES[np.exp], self)

    def tanh(self) -> Value:
        """The hyperbolic tangent, from -1 to 1.

        >>> Value([0.0, 1.0]).tanh().data.round(4)
        array([0.    , 0.7616])
        """
        return apply(RULES[np.tanh], self)

    def relu(self) -> Value:
        """The larger of x and 0; its derivative at 0 is 0.

        >>> Value([-2, 3]).relu()
        Value(data=[0 3], grad=None)
        """
        return apply(RULES[rules.relu], self)

    def sum(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
    ) -> Value:
        """The sum along the axis or axes; ValueError if there is no such axis.

        >>> Value([[1, 2, 3], [4, 5, 6]]).sum(axis=1)
        Value(data=[ 6 15], grad=None)
        """
        return apply(rule_along(np.sum, axis, keepdims), self)

    def mean(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
    ) -> Value:
        """The mean along the axis or axes.

        >>> Value([[1.0, 2.0], [3.0, 4.0]]).mean(axis=0)
        Value(data=[2. 3.], grad=None)
        """
        return apply(rule_along(np.mean, axis, keepdims), self)

    @property
    def T(self) -> Value:
        """The axes in reverse order.

        >>> Value([[1, 2, 3], [4, 5, 6]]).T.shape
        (3, 2)
        """
        return apply(RULES[np.transpose], self)

    def reshape(self, *lengths: Any, order: str = "C") -> Value:
        """The elements in another shape; -1 is inferred from the other lengths.

        In the order "F" the first axis changes fastest, in "C" the last one.

        >>> Value([1, 2, 3, 4]).reshape(-1, 2).shape
        (2, 2)
        """
        if len(lengths) == 1 and np.iterable(lengths[0]):
            lengths = tuple(lengths[0])
        if any(n is None for n in lengths):
            words = "write -1 for one that an open axis decides"
            raise TypeError(f"reshape: expected lengths, got {lengths}; {words}")
        if order == "F":
            return self.T.reshape(lengths[::-1]).T
        if order != "C":
            raise TypeError(f"reshape: expected order 'C' or 'F', got {order!r}")
        return apply(RULES[np.reshape].bind({"shape": lengths}), self)

    def __getitem__(self, key: Any) -> Value:
        """NumPy's selection. An element selected twice accumulates both gradients.

        >>> x = Value([1.0, 2.0, 3.0])
        >>> x[[0, 0, 2]].backward()
        >>> x.grad
        array([2., 0., 1.])
        """
        keys = key if isinstance(key, tuple) else (key,)
        return apply(RULES[rules.elements_at], self, *map(as_key, keys))

    __array_ufunc__: Any = None  # so that array + v asks v for its __radd__

    # With a more exact dtype, NumPy's stubs would take array * value for an array.
    def __array__(self, *_: Any, **__: Any) -> np.ndarray[Any, np.dtype[np.generic]]:
        """Raises TypeError: conversion to an array would silently drop the gradient."""
        problem = "cannot convert a Value to an array: its gradient would be lost"
        raise TypeError(problem + hint("array", self))


def check_leaves(leaves: list[Value]) -> None:
    """Raise a TypeError if data that a user assigned are no arrays and no numbers."""
    for x, data in zip(leaves, checked_data([x.data for x in leaves])):
        x.data = data


# --- Operators make nodes -------------------------------------------------------------


class Constant:
    """An operand that is not a Value: raw data in an expression, without a gradient."""

    __slots__ = ("data",)
    _is_unfed = _lazy = None

    def __init__(self, data: Any) -> None:
        self.data = data


# Higher modules put functions of their own here.
call_site: Callable[[], Any] = lambda: None  # the line of the user's that called
without_feeds: Callable[..., Any] = lambda rule, operands: None  # data, after an error


def apply(rule: Rule, *operands: Any) -> Value:
    """The result of a rule: a Value that remembers how it was computed."""
    is_unfed = False
    for x in operands:
        if type(x) is not Value or x._is_unfed:
            operands = tuple(map(as_operand, operands))
            is_unfed = has_unfed(operands)
            break
    result = Value.__new__(Value)
    result._rule, result._operands, result._born = rule, operands, next(births)
    result.grad = result._lazy = result._order = result._probes = None
    result._call_site, result._is_unfed = call_site(), is_unfed
    value = np.errstate(all="ignore")(rule.value) if is_unfed else rule.value
    try:
        data = value(*map(data_of, operands))
        # Results of numbers are Python's numbers. A float is one already, but nan may
        # stand for an integer that is not fed yet.
        if type(data) is not float or data != data:
            if type(data) is not np.ndarray or data.ndim == 0:
                result._rule = rule.on_numbers()  # which asks for its data each time
                if are_numbers(*map(data_of, operands)):
                    data = as_number(data)
                (data,) = checked_data([data])
    except Exception as error:
        data = without_feeds(rule, operands)
        if data is None:
            raise located_at(result, error) from error
        result._is_unfed = True
    result.data = data
    return result


def has_unfed(operands: Sequence[Value | Constant]) -> bool:
    """Whether one of them has data that stand for data not fed yet."""
    for x in operands:
        if x._is_unfed and (x._lazy is None or x.data is x._lazy.unfed):
            return True
    return False


def compare(function: Function, value: Value, other: object) -> Value:
    """A comparison of data; with anything that is not numbers, Python decides."""
    try:
        other = as_operand(other)
    except TypeError:
        return NotImplemented  # type: ignore[no-any-return]
    return apply(RULES[function], value, other)


def as_operand(x: Any) -> Value | Constant:
    """Raw data as a constant; a list with Values in it is stacked to one Value."""
    if type(x) is float:
        return Constant(x)
    if isinstance(x, (Value, Constant)):
        return x
    if has_value(x):
        return apply(RULES[np.stack].bind({}, len(x)), *x)
    return Constant(numeric(x))


def has_value(x: Any) -> bool:
    """Whether it is a Value, or a list with a Value in it, however deep."""
    is_list = isinstance(x, (list, tuple))
    return any(map(has_value, x)) if is_list else isinstance(x, Value)


def as_key(key: Any) -> Value | Constant:
    """An index as an operand; a list is copied to an array, as it may change later."""
    if has_value(key):
        return as_operand(key)
    if isinstance(key, list):
        key = np.array(key, None if np.size(key) else int)
    return Constant(as_parameter(key) if isinstance(key, slice) else key)


def located_at(node: Value, error: Exception, call_site: Any = None) -> Exception:
    """The error of a node's rule, naming the operator and its operands' shapes."""
    shapes = [np.shape(x.data) for x in node._operands]
    return located(error, node.op, shapes, call_site)


# --- Order: each operator after its operands ------------------------------------------


class Order(NamedTuple):
    """The nodes of an expression, without the root, which keeps them: no cycle."""

    results: list[Value]  # each after its operands
    leaves: list[Value]
    lazies: list[Value]
    links: dict[Any, list[list[Link]]]  # found by links_to, by the ids of wrt


Link = tuple[Value, Function]  # an operand, and the derivative that gives its gradient


def order_of(root: Value) -> Order:
    """The order, found once by a loop: an operand is born before its result."""
    if root._order:
        return root._order
    found, seen = [root], {root}
    for node in found:  # which grows
        for x in node._operands:
            if x not in seen and isinstance(x, Value):
                seen.add(x)
                found.append(x)
    results = sorted([x for x in found[1:] if x._rule], key=birth_of)
    leaves = [x for x in found if not x._rule]
    order = Order(results, leaves, [x for x in leaves if x._lazy], {})
    root._order = order if root._rule else None  # a leaf is in its own order: a cycle
    return order


def links_to(
    wrt: list[Value] | None, root: Value, given: Any = None
) -> list[list[Link]]:
    """For the root, and back to the first result, the operands that lead to wrt.

    A result that does not lead to wrt, or that no gradient reaches, has none.
    """
    order = order_of(root)
    key = None if wrt is None else tuple(map(id, wrt))
    if key in order.links:
        return order.links[key]
    nodes = [*order.results, root] if root._rule else []
    leading = {*order.leaves, *nodes} if wrt is None else set(wrt)
    leads = []
    for node in nodes:  # from the leaves on: which operands lead to wrt?
        found: list[Link] = []
        for x, derivative in zip(node._operands, node._rule.derivatives):
            if derivative and x in leading:
                found.append((x, derivative))  # type: ignore
        if found:
            leading.add(node)
        leads.append(found)
    links, reached = [], {root}
    for node, found in zip(reversed(nodes), reversed(leads)):  # back from the root
        links.append(found if node in reached else [])
        for x, _ in links[-1]:
            reached.add(x)
    for i, x in enumerate(wrt or ()):
        if x not in reached:
            name = f"wrt[{i}]{hint('missing', (x, given))}"
            shape = np.shape(x.data)
            raise ValueError(
                f"the expression does not depend on {name} of shape {shape}"
            )
    order.links[key] = links
    return links


def values_in(wrt: Values) -> list[Value]:
    """The Values in wrt: one, or those of a list or dictionary, also of Modules."""
    parts: Any = wrt.values() if isinstance(wrt, Mapping) else wrt
    is_one = isinstance(parts, (Value, np.ndarray)) or hasattr(parts, "parameters")
    values: list[Value] = []
    for x in [parts] if is_one or not np.iterable(parts) else parts:
        if isinstance(x, Value):
            values.append(x)
        elif callable(getattr(x, "parameters", None)):
            values += x.parameters()
        else:
            raise TypeError(f"wrt: expected Values, got {x!r}{hint('wrt', x)}")
    return values
