"""Recording: the rules of an expression run once, on arrays that note their calls.

A `Recorded` array holds data and stands for a line of the program. NumPy asks it what
its functions shall do (`__array_ufunc__`, `__array_function__`): compute, and note the
call as a new line. Shapes and types are real, so that a rule decides by them as ever,
and NumPy's scalars stay apart from Python's numbers. What is data is not: a rule that
asks for it (`if x > 0`, `float(x)`) is called whole, and so is every operator of a
user's.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from micrograd.arrays import (
    HALF,
    NUMBERS,
    are_numbers,
    as_float,
    as_number,
    dtype_of_gradient,
    in_single,
    summed_back,
)
from micrograd.engine import Constant, Value, links_to, order_of
from micrograd.graph import node_of, results_of
from micrograd.rules import (
    PRIMITIVES,
    RULES,
    Function,
    elements_at,
    fit,
    located,
    placed_at,
    run_on,
)

QUERIES = {np.shape, np.ndim, np.size, np.result_type}  # of shapes and dtypes alone


class LooksAtData(Exception):
    """A rule asks for data, which will be other at the next call."""


class Line:
    """A line of the program.

    Attributes
    ----------
    kind : "given" (a feed or a leaf), "constant", or "call"
    data : the result when it was recorded
    function, arguments, options : what is called; other lines stand in the arguments
    errors : what the rule's own np.errstate said, if it has one
    is_opaque : it may do anything, and is called once
    is_view : the result looks at the memory of the first operand
    node, is_backward : the operator whose rule made the call, and in which direction
    name : in the source
    """

    __slots__ = (
        "arguments",
        "data",
        "errors",
        "function",
        "is_backward",
        "is_opaque",
        "is_view",
        "kind",
        "name",
        "node",
        "options",
    )

    def __init__(self, kind: str, data: Any) -> None:
        self.kind, self.data = kind, data
        self.function: Function = operator.pos
        self.arguments: tuple[Any, ...] = ()
        self.options: dict[str, Any] = {}
        self.errors: dict[str, str] = {}
        self.is_opaque = self.is_view = self.is_backward = False
        self.node: Value | None = None
        self.name = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the result's axes; () of a number."""
        return np.shape(self.data)

    @property
    def is_array(self) -> bool:
        """Whether it is an array, also one without axes; no scalar of NumPy's."""
        return type(self.data) is np.ndarray

    @property
    def is_number(self) -> bool:
        """Whether it is a number of Python's, or what comparing such gives."""
        return type(self.data) in NUMBERS or type(self.data) is bool

    def operands(self) -> list[Line]:
        """The lines in its arguments."""
        return list(lines_in((self.arguments, tuple(self.options.values()))))


def lines_in(x: Any) -> Iterator[Line]:
    """The lines in arguments, however deep."""
    if isinstance(x, Line):
        yield x
    elif isinstance(x, (tuple, list)):
        for part in x:
            yield from lines_in(part)


def replaced(x: Any, change: Callable[[Any], Any]) -> Any:
    """Arguments with each part changed, in the same tuples, lists and dictionaries."""
    if isinstance(x, (tuple, list)):
        return type(x)([replaced(part, change) for part in x])
    if isinstance(x, dict):
        return {key: replaced(x[key], change) for key in x}
    return change(x)


def has_own_shape(line: Line) -> bool:
    """Whether the shape depends on data: the number of elements that a mask takes."""
    if line.function in (np.argwhere, np.flatnonzero):
        return True
    is_selection = line.function in (operator.getitem, elements_at)
    keys = line.operands()[1:] if is_selection else []
    return any(np.result_type(key.data).kind == "b" for key in keys)


def data_in(x: Any) -> Any:
    """Arguments with the data of lines in their places."""
    return replaced(x, lambda part: part.data if isinstance(part, Line) else part)


def call_of(
    function: Function,
    arguments: tuple[Any, ...],
    options: dict[str, Any] | None = None,
) -> Line:
    """A line that calls, with the result of calling now."""
    options = options or {}
    line = Line("call", function(*data_in(arguments), **data_in(options)))
    line.function, line.arguments, line.options = function, arguments, options
    found = [x.data for x in line.operands()]
    if found and type(found[0]) is type(line.data) is np.ndarray:
        # Asked now: simplifying puts other operands here, whose data are other arrays.
        line.is_view = bool(np.may_share_memory(found[0], line.data))
    return line


# --- What rules do that has no function in NumPy --------------------------------------


def cast(x: Any, dtype: np.dtype[Any]) -> Any:
    """x in another dtype; a number as NumPy's scalar."""
    return x.astype(dtype) if isinstance(x, np.ndarray) else dtype.type(x)


def all_bits(mask: Any, dtype: Any) -> Any:
    """Integers of all bits where the mask holds, of none elsewhere."""
    return np.negative(mask.view(np.int8), dtype=dtype)


def kept_bits(x: Any, bits: Any) -> Any:
    """x where all bits are set, 0 elsewhere."""
    return np.bitwise_and(x.view(bits.dtype), bits).view(x.dtype)


# --- Arrays that write down -----------------------------------------------------------


class Recorded:
    """An array or a number whose uses are written down.

    Shapes and dtypes it tells as an array does; every other use becomes a line. It has
    what rules ask of an array, and no more: for the rest they are called whole.
    """

    __slots__ = ("line", "tape")

    def __init__(self, tape: Tape, line: Line) -> None:
        self.tape, self.line = tape, line

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, **options: Any
    ) -> Any:
        if ufunc is np.power:  # array ** self
            return self.tape.operate(operator.pow, operator.pow, inputs)
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return self.tape.call(function, inputs, options)

    def __array_function__(
        self, function: Any, types: Any, inputs: Any, options: Any
    ) -> Any:
        if function in QUERIES:
            data = lambda x: x.line.data if isinstance(x, Recorded) else x
            return function(*replaced(inputs, data), **options)
        return self.tape.call(function, inputs, options)

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.line.data)

    @property
    def ndim(self) -> int:
        return np.ndim(self.line.data)

    @property
    def size(self) -> int:
        return np.size(self.line.data)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(self.line.data)

    def __len__(self) -> int:
        return len(self.line.data)

    def swapaxes(self, first: int, second: int) -> Any:
        return self.tape.call(np.swapaxes, (self, first, second), {})

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """As an array or a scalar of NumPy's has it; a number of Python's has none."""
        if self.line.is_number:
            raise LooksAtData
        return self.tape.call(cast, (self, np.dtype(dtype)), {})

    def __getitem__(self, keys: Any) -> Any:
        return self.tape.call(operator.getitem, (self, keys), {})

    def look(self, *_: Any) -> Any:
        """What gives the data away."""
        raise LooksAtData

    __array__ = __bool__ = __float__ = __int__ = __index__ = __iter__ = look
    __hash__ = None  # type: ignore[assignment]


OPERATORS: dict[Callable[..., Any], Function] = {
    operator.add: np.add,
    operator.sub: np.subtract,
    operator.mul: np.multiply,
    operator.truediv: np.divide,
    operator.floordiv: np.floor_divide,
    operator.mod: np.remainder,
    operator.pow: operator.pow,  # which is not np.power on arrays: it takes roots
    operator.matmul: np.matmul,
    operator.and_: np.bitwise_and,
    operator.or_: np.bitwise_or,
    operator.xor: np.bitwise_xor,
    operator.lt: np.less,
    operator.le: np.less_equal,
    operator.gt: np.greater,
    operator.ge: np.greater_equal,
    operator.eq: np.equal,
    operator.ne: np.not_equal,
    operator.neg: np.negative,
    operator.abs: np.abs,
    operator.invert: np.invert,
}


def methods(symbol: Callable[..., Any], function: Function) -> None:
    """Give Recorded the method behind an operator, and the reflected one."""
    name = symbol.__name__.strip("_")

    def method(self: Recorded, *others: Any) -> Recorded:
        return self.tape.operate(symbol, function, (self, *others))

    def reflected(self: Recorded, other: Any) -> Recorded:
        return self.tape.operate(symbol, function, (other, self))

    setattr(Recorded, f"__{name}__", method)
    setattr(Recorded, f"__r{name}__", reflected)


for symbol, function in OPERATORS.items():
    methods(symbol, function)


def silent() -> AbstractContextManager[Any]:
    """No warnings of NumPy's; np.geterr tells this from what a rule asks for."""
    return np.errstate(all="call", call=lambda *_: None)


class Tape:
    """The lines of a program, in the order of their calls.

    Attributes
    ----------
    lines : so far
    node, is_backward : whose rule is being run, and in which direction
    errors : what np.errstate says outside, for calls that may do anything
    n_selected : as for Recording
    masks, selecting : those that take so many, by their data; the lines that have them
    """

    def __init__(self) -> None:
        self.n_selected: int | None = None
        self.masks: dict[Any, np.ndarray[Any, Any]] = {}
        self.selecting: set[Line] = set()
        self.lines: list[Line] = []
        self.node: Value | None = None
        self.is_backward = False
        self.errors: dict[str, Any] = {**np.geterr(), "call": np.geterrcall()}

    def call(
        self, function: Function, inputs: Any, options: Any, is_opaque: bool = False
    ) -> Recorded:
        """Call a function, and write that down."""
        self.select(function, inputs)
        with np.errstate(**self.errors) if is_opaque else nullcontext():
            line = call_of(function, replaced(inputs, noted), replaced(options, noted))
        if not isinstance(line.data, (np.ndarray, np.generic, float, int)):
            raise LooksAtData
        now: dict[str, Any] = {**np.geterr()}
        line.errors = {k: now[k] for k in now if now[k] != "call"}
        line.node, line.is_backward = self.node, self.is_backward
        line.is_opaque = is_opaque
        self.lines.append(line)
        return Recorded(self, line)

    def select(self, function: Function, inputs: Any) -> None:
        """Let the masks in a selection take as many elements as is asked for."""
        is_of_places = function in (np.argwhere, np.flatnonzero)
        is_selection = function in (operator.getitem, elements_at)
        if self.n_selected is None or not is_of_places and not is_selection:
            return
        for line in lines_in(replaced(inputs if is_of_places else inputs[1:], noted)):
            is_mask = is_of_places or np.result_type(line.data).kind == "b"
            if line.kind == "constant" or not is_mask or line in self.selecting:
                continue
            key = (line.shape, line.data.tobytes())
            if key not in self.masks:
                size = np.size(line.data)
                most = max(size - 1, min(size, 2))  # not all, which others have
                number = self.n_selected + len(self.masks)
                n = 1 + number % most if size > 1 else number % 2
                self.masks[key] = (np.arange(size) < n).reshape(line.shape)
            line.data = self.masks[key].astype(line.data.dtype)
            self.selecting.add(line)

    def operate(
        self, symbol: Callable[..., Any], function: Function, inputs: Any
    ) -> Recorded:
        """The result of an operator, which is Python's where the operands are."""
        lines = list(map(as_line, inputs))
        is_of_numbers = all(line.is_number for line in lines)
        if is_of_numbers and symbol is operator.pow:  # see rules.power
            return self.call(np.power, inputs, {})
        y = self.call(function, inputs, {})
        if is_of_numbers:
            try:
                number = symbol(*[line.data for line in lines])
            except ArithmeticError:
                number = as_number(y.line.data)
            y.line.data = as_number(number) if type(number) is int else number
        return y

    def apply(self, function: Function, operands: Any, is_opaque: bool) -> Any:
        """Run a function of a rule on recorded operands; call it whole if need be."""
        if is_opaque:
            return self.call(function, operands, {}, is_opaque=True)
        start = len(self.lines)
        try:
            return function(*operands)
        except (LooksAtData, AttributeError, TypeError):  # a Recorded lacks something
            del self.lines[start:]
            return self.call(function, operands, {})


def noted(x: Any) -> Any:
    """An argument as it stands in a line."""
    if isinstance(x, Recorded):
        return x.line
    return Line("constant", x) if isinstance(x, (np.ndarray, np.generic)) else x


def on_recorded(
    function: Function, data: tuple[Any, ...], parameters: dict[str, Any]
) -> Any:
    """What `rules.run` does: the NumPy calls of a function, or a line of its own."""
    tape = next(x.tape for x in data if isinstance(x, Recorded))
    if function is fit:
        return fitted(tape, *data)
    if function is placed_at:
        g, x, *keys = data
        has_any_length = tape.n_selected is not None and isinstance(x, Recorded)
        if not has_any_length and type(x) is not tuple:
            x = np.shape(x)
        return tape.call(placed_at, (g, x, *keys), {})
    if function is elements_at and np.ndim(data[0]) == 0:  # arrays have [keys]
        return tape.call(elements_at, data, {})
    value: Any = RULES[function].value if function in RULES else None
    if function in PRIMITIVES:
        value = function.__wrapped__  # type: ignore[attr-defined]
    return tape.apply(partial(value, **parameters), data, is_opaque=False)


run_on[Recorded] = on_recorded


# --- An expression and its gradients --------------------------------------------------


def plain(data: Any) -> Any:
    """An array without what a class derived from NumPy's adds, as a np.memmap is."""
    return np.asarray(data) if isinstance(data, np.ndarray) else data


class Recording:
    """The lines of an expression, forward and backward.

    Attributes
    ----------
    given : the line of each leaf
    lines : the calls, in order
    results : of the roots
    gradients, wrt_data : of each of wrt
    values, by : the lines of the operators' results and of their gradients, by node
    shapes : of the operators' operands, by node
    open_lengths : those of open axes, and of what depends on data, if others may come

    Parameters
    ----------
    data : of the leaves
    constants : copies of raw arrays, for the operands that they are
    n_selected : how many elements masks take, about; None if the data decide
    """

    def __init__(
        self,
        roots: Sequence[Value],
        wrt: list[Value],
        data: dict[Value, Any],
        constants: Mapping[Constant, Any] = MappingProxyType({}),
        n_selected: int | None = None,
    ) -> None:
        tape = Tape()
        tape.n_selected = n_selected
        self.given = {leaf: Line("given", data[leaf]) for leaf in data}
        values: dict[Any, Any] = {
            leaf: Recorded(tape, line) for leaf, line in self.given.items()
        }
        values.update(constants)
        self.shapes: dict[Value, list[tuple[int, ...]]] = {}
        with silent():
            for node in results_of(roots):
                tape.node, rule = node, node_of(node).rule
                operands = operands_of(node, values)
                self.shapes[node] = list(map(shape_of, operands))
                try:
                    y = tape.apply(
                        (rule.of_arrays or rule).value, operands, rule.is_opaque
                    )
                except Exception as error:
                    raise located_at(node, operands, error) from error
                is_number = rule.of_arrays and are_numbers(*map(data_of, operands))
                values[node] = number_of(tape, y) if is_number else y
            tape.is_backward = True
            gradients = backward(tape, roots[0], wrt, values) if wrt else {}
        self.lines = tape.lines
        self.open_lengths: frozenset[int] = frozenset()
        self.results = [as_line(values[root]) for root in roots]
        self.gradients = [as_line(gradients[x]) for x in wrt]
        self.wrt_data = [as_line(values[x]).data for x in wrt]
        self.values = {x: as_line(values[x]) for x in results_of(roots)}
        self.by = {x: as_line(gradients[x]) for x in gradients}


def number_of(tape: Tape, y: Any) -> Any:
    """The result of a rule on numbers, as `Rule.on_numbers` has it."""
    if not isinstance(y, Recorded):
        return as_number(y)
    is_number = type(as_number(y.line.data)) is type(y.line.data)
    return y if is_number else tape.call(as_number, (y,), {})


def as_line(x: Any) -> Line:
    """The line of what was recorded, or a constant one."""
    if isinstance(x, Line):
        return x
    return x.line if isinstance(x, Recorded) else Line("constant", x)


def located_at(node: Value, operands: list[Any], error: Exception) -> Exception:
    """The error of an operator's rule on these operands."""
    call_site = node_of(node).call_site
    return located(error, node.op, map(shape_of, operands), call_site)


def data_of(x: Any) -> Any:
    """The data of an operand."""
    return as_line(x).data


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an operand."""
    return np.shape(data_of(x))


def operands_of(node: Value, values: dict[Any, Any]) -> list[Any]:
    """The arguments of a node's rule: constants stay plain."""
    return [values[x] if x in values else x.data for x in node_of(node).operands]


def backward(
    tape: Tape, root: Value, wrt: list[Value], values: dict[Any, Any]
) -> dict[Value, Any]:
    """The chain rule, as in `Value.backward`, recorded."""
    if np.result_type(data_of(values[root])).kind == "b":
        raise TypeError("expected an expression of numbers, got booleans")
    nodes = (root, *reversed(order_of(root).results))
    gradients = {root: fitted(tape, 1.0, values[root])}
    for node, links in zip(nodes, links_to(wrt, root)):
        if not links:
            continue
        tape.node, rule = node, node_of(node).rule
        operands = operands_of(node, values)
        inputs = (gradients[node], values[node], *operands)
        if np.result_type(gradients[node]) == HALF:
            inputs = tuple(map(in_single, inputs))
        try:
            for x, derivative in links:
                gradient = tape.apply(derivative, inputs, rule.is_opaque)
                gradient = fitted(tape, gradient, values[x])
                if x in gradients:
                    gradient = gradients[x] + gradient
                gradients[x] = gradient
        except Exception as error:
            raise located_at(node, operands, error) from error
    return gradients


def fitted(tape: Tape, gradient: Any, x: Any) -> Any:
    """The gradient in the shape and dtype of x, as `micrograd.arrays.fitted` has it."""
    data, is_plain = data_of(x), not isinstance(gradient, Recorded)
    if type(data) in NUMBERS:
        if is_plain:
            return as_float(gradient)
        if gradient.ndim:
            gradient = tape.call(np.add.reduce, (gradient,), {"axis": None})
        is_float = type(gradient.line.data) is float
        return gradient if is_float else tape.call(as_float, (gradient,), {})
    dtype = dtype_of_gradient(data.dtype)
    gradient = summed_back(gradient, data.shape)
    if is_plain:
        gradient = np.asarray(gradient, dtype)[()]
    elif gradient.dtype != dtype or gradient.line.is_number:
        gradient = tape.call(cast, (gradient, dtype), {})
    if np.shape(gradient) == data.shape:
        return gradient
    return tape.call(np.broadcast_to, (gradient, data.shape), {})
