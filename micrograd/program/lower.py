"""Lowering: each call of a recording as loops over axes, with an expression inside.

`Lowering` goes through the lines. A call that only rearranges elements, such as `x.T`,
becomes no loop: its uses read the operand at other places (`VIEWS`, filled by `views`).
Every other call becomes statements that write to an array of its own (`LOOPS`, filled
by `calls`). A function that neither table has is refused by name.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import numpy as np

from micrograd.program.loops import (
    Array,
    Axis,
    Call,
    Expression,
    Index,
    Literal,
    Part,
    Place,
    Read,
    Refused,
    Statement,
    along,
)
from micrograd.program.record import (
    Line,
    cast,
    data_in,
)
from micrograd.program.source import name_of
from micrograd.rules import Function

BOOL, INT = np.dtype(bool), np.dtype(np.int64)
MANY = 256  # terms, from which on float32 numbers are added in float64


Axes = list[Any]  # an Axis, or None for a length of 1, for each axis of an array
Places = Sequence[Index]


def axes_for(shape: Sequence[int]) -> Axes:
    """New axes for an array."""
    return [None if n == 1 else Axis(n) for n in shape]


def indices(axes: Axes) -> tuple[Index, ...]:
    """The places that are axes."""
    return tuple(map(along, axes))


def counted(axes: Axes) -> list[Axis]:
    """The axes that are counted: all but those of length 1."""
    return list(dict.fromkeys(axis for axis in axes if axis is not None))


def data_of(x: Any) -> Any:
    """What an argument was when it was recorded."""
    return x.data if isinstance(x, Line) else x


def dtype_of(x: Any) -> np.dtype[Any]:
    """The dtype of an argument."""
    return np.dtype(np.result_type(data_of(x)))


class Lowering:
    """The statements of the calls in a recording.

    Attributes
    ----------
    given : the arrays of the arguments, by line
    constants : those of constants, by what they hold
    statements : in order
    arrays : the results of lines, by line
    """

    def __init__(
        self,
        inputs: Sequence[Line],
        open_lengths: Collection[int] = (),
    ) -> None:
        self.open_lengths = open_lengths  # that stand for any other
        self.statements: list[Statement] = []
        self.constants: dict[Any, Array] = {}
        self.arrays: dict[Line, Array] = {}
        self.given: dict[Line, Array] = {}
        self.places_of_keys: dict[Any, Array] = {}
        self.exact: set[Array] = set()  # whose places are those that the key says
        self.line: Line | None = None
        for line in inputs:
            array = Array("given", line.shape, dtype_of(line), line)
            array.is_number = not line.is_array
            self.given[line] = array
        self.checks: list[Statement] = []  # of arguments, before all else

    def run(self, lines: Sequence[Line]) -> None:
        """Write the statements of all lines, checks first."""
        for line in lines:
            self.line = line
            self.lower(line)
        self.statements = self.checks + self.statements

    def lower(self, line: Line) -> None:
        """Write the statements of a line, unless its uses read through it."""
        if line.is_opaque:
            raise Refused("an operator of your own")
        function = base_of(line)
        if function in VIEWS and is_view(line):
            return
        loops = LOOPS.get(function)
        if loops is not None:
            loops(self, line)
        elif is_elementwise(line):
            self.elementwise(line)
        else:
            raise Refused(name_of(line.function))

    # --- Operands ---

    def at(self, x: Any, places: Places) -> Expression:
        """The element of an argument at these places."""
        if not isinstance(x, Line):
            return Literal(x, dtype_of(x))
        if x in self.given:
            return Read(self.given[x], tuple(places))
        if x in self.arrays:
            return Read(self.arrays[x], tuple(places))
        if x.kind == "constant":
            return self.constant(x.data, places)
        view: Callable[..., Expression] = VIEWS[base_of(x)]
        return view(self, x, places)

    def constant(self, data: Any, places: Places) -> Expression:
        """An element of an array that is known."""
        data = np.asarray(data)
        if data.size and data.tobytes() == data.flat[0].tobytes() * data.size:
            return Literal(data.flat[0], data.dtype)
        if data.dtype.kind in "iu" and data.size:
            place = self.formula(data, places)
            if place is not None:
                number = Place(place)
                return (
                    number
                    if data.dtype == INT
                    else Call(cast, (number,), data.dtype, None)
                )
        key = (data.shape, data.dtype.str, data.tobytes())
        if key not in self.constants:
            array = self.constants[key] = Array("constant", data.shape, data.dtype)
            array.data = data
        return Read(self.constants[key], tuple(places))

    def operand(self, x: Any, axes: Axes) -> Expression:
        """The element of an operand that NumPy broadcasts along these axes."""
        shape = np.shape(data_of(x))
        axes = axes[len(axes) - len(shape) :]
        pairs = zip(shape, axes)
        return self.at(x, [Index() if n == 1 else along(axis) for n, axis in pairs])

    # --- Statements ---

    def local(self, line: Line, dtype: Any = None, shape: Any = None) -> Array:
        """A new array, for the results of a line."""
        shape = line.shape if shape is None else shape
        dtype = dtype_of(line) if dtype is None else dtype
        return Array("local", tuple(shape), dtype, line)

    def write(
        self,
        array: Array,
        places: Places,
        value: Expression,
        axes: Axes,
        how: str = "=",
    ) -> Statement:
        """Add a statement."""
        counts = counted(axes)
        statement = Statement(array, tuple(places), value, counts, self.line, how)
        self.statements.append(statement)
        return statement

    def fill(self, line: Line, value: Expression, axes: Axes) -> None:
        """Write each element of a line's result, at its axes."""
        array = self.arrays[line] = self.local(line)
        self.write(array, indices(axes), value, axes)

    def elementwise(self, line: Line) -> None:
        """A function of one element of each operand."""
        axes = axes_for(line.shape)
        operands = tuple(self.operand(x, axes) for x in line.arguments)
        like, dtype = common_dtype(line), dtype_of(line)
        value: Expression = Call(line.function, operands, dtype, like)
        if (
            operands
            and operands[0].dtype.kind in "iub"
            and line.function in OF_INTEGERS
        ):
            value = Literal(OF_INTEGERS[line.function], dtype)
        elif line.function is np.signbit and operands[0].dtype.kind in "ub":
            value = Literal(False, dtype)
        elif line.function is operator.pow:
            is_one = np.ndim(data_of(line.arguments[1])) == 0
            value = to_power(operands[0], operands[1], dtype, is_one)
        elif len(operands) == 2:
            x, y = operands
            mask, number = (x, y) if isinstance(y, Literal) else (y, x)
            if line.function is np.multiply and is_mask_by_number(mask, number):
                zero = Literal(0.0 * number.value, number.dtype)  # type: ignore[union-attr]
                value = Call(np.where, (mask, number, zero), dtype, None)
            elif line.function in COMPARISONS:
                value = compared(line.function, x, y, like)
            elif line.function in (np.maximum, np.minimum):
                value = extreme_of(line.function, x, y, dtype)
        self.fill(line, value, axes)

    def combine(
        self,
        line: Line,
        value: Expression,
        axes: Axes,
        over: Axes,
        how: str,
        start: Any,
        dtype: Any = None,
    ) -> Array:
        """The sum, or another combination, over axes; in an array along the others."""
        dtype = dtype_of(line) if dtype is None else np.dtype(dtype)
        over = counted(over)
        if not over:
            how = "="
        lengths = [axis.length for axis in over]
        is_many = math.prod(lengths) > MANY or any(
            n in self.open_lengths for n in lengths
        )
        is_long = how in "+*" and dtype == np.float32 and is_many
        wide = np.dtype(np.float64) if is_long else dtype
        shape = [1 if axis is None else axis.length for axis in axes]
        array = self.local(line, wide, shape)
        if how != "=":
            array.start = Literal(start, wide)
        if value.dtype != wide:
            value = Call(cast, (value,), wide, None)
        self.write(array, indices(axes), value, [*axes, *over], how)
        if wide == dtype:
            return array
        narrow, again = self.local(line, dtype, shape), axes_for(shape)
        value = Call(cast, (Read(array, indices(again)),), dtype, None)
        self.write(narrow, indices(again), value, again)
        return narrow

    def reduce(self, line: Line, how: str, start: Any, dtype: Any = None) -> None:
        """A reduction of one operand along axes."""
        options = options_of(line, "x axis dtype out keepdims initial where")
        x = options["x"]
        if "where" in options or options.get("out") is not None:
            raise Refused(f"{name_of(line.function)} with where= or out=")
        axis = options.get("axis", None if base_of(line) in WHOLE else 0)
        keepdims = options.get("keepdims", False)
        axes = axes_for(np.shape(data_of(x)))
        reduced = axes_in(axis, len(axes))
        over = [axis for i, axis in enumerate(axes) if i in reduced]
        value = self.at(x, indices(axes))
        initial = options.get("initial")
        if initial is not None:
            start = data_in(initial)
        if how in ("and", "or") and value.dtype != BOOL:
            value = Call(np.not_equal, (value, Literal(0, value.dtype)), BOOL, None)
        if how == "+" and not counted(over) and value.dtype.kind == "f":
            zero = Literal(0.0, value.dtype)  # the sum of -0.0 is 0.0
            value = Call(np.add, (value, zero), value.dtype, value.dtype)
        kept = [None if i in reduced else axis for i, axis in enumerate(axes)]
        if not keepdims:
            kept = [axis for i, axis in enumerate(axes) if i not in reduced]
        if initial is not None and not counted(over) and how in ("max", "min"):
            function = np.maximum if how == "max" else np.minimum
            literal = Literal(start, value.dtype)
            value = Call(function, (value, literal), value.dtype, value.dtype)
        self.arrays[line] = self.combine(line, value, kept, over, how, start, dtype)

    def contract(
        self,
        line: Line,
        operands: Sequence[Any],
        letters: Sequence[Sequence[Any]],
        result: Sequence[Any],
    ) -> None:
        """Products of operands, summed over the letters that the result lacks.

        Parameters
        ----------
        letters : for each operand, what names its axes
        result : the names of the result's axes
        """
        lengths: dict[Any, int] = {}
        for x, names in zip(operands, letters):
            for name, n in zip(names, np.shape(data_of(x))):
                lengths[name] = n if lengths.get(name, 1) == 1 else lengths[name]
        axes = {name: None if n == 1 else Axis(n) for name, n in lengths.items()}
        dtype = dtype_of(line)
        product: Expression | None = None
        for x, names in zip(operands, letters):
            shape = np.shape(data_of(x))
            pairs = zip(names, shape)
            factor = self.at(
                x, [Index() if n == 1 else along(axes[name]) for name, n in pairs]
            )
            if isinstance(factor, Literal) and factor.value == 1:
                continue
            function = np.logical_and if dtype == BOOL else np.multiply
            if product is not None:
                factor = Call(function, (product, factor), dtype, dtype)
            product = factor
        if product is None:
            product = Literal(1, dtype)
        kept = [axes[name] for name in result]
        over = [axes[name] for name in axes if name not in result]
        how, start = ("or", False) if dtype == BOOL else ("+", 0)
        self.arrays[line] = self.combine(line, product, kept, over, how, start)

    # --- Keys ---

    def through_keys(
        self, shape: Sequence[int], keys: Any, places: Places, lowest: int | None = None
    ) -> list[Index]:
        """The places in x of places in x[keys], where x has that shape.

        `lowest` is the smallest number that an array of keys may have, if it is not
        minus the length.
        """
        keys = list(keys) if isinstance(keys, tuple) else [keys]
        keys = expanded(keys, len(shape))
        is_array = [is_array_key(key) for key in keys]
        if any(is_array):
            is_array = [a or is_int(key) for a, key in zip(is_array, keys)]
        found = [key for key, a in zip(keys, is_array) if a]
        common = np.broadcast_shapes(*[np.shape(data_of(key)) for key in found])
        numbers = [i for i, a in enumerate(is_array) if a]
        is_together = not numbers or numbers == [*range(numbers[0], numbers[-1] + 1)]
        queue = list(places)
        before = 0
        if numbers and is_together:
            before = sum(not is_int(key) for key in keys[: numbers[0]])
        inner = queue[before : before + len(common)]
        del queue[before : before + len(common)]
        result: list[Index] = []
        axis = 0
        for key, is_of_array in zip(keys, is_array):
            if key is None:
                queue.pop(0)
                continue
            length = shape[axis]
            axis += 1
            if is_of_array:
                own = inner[len(inner) - np.ndim(data_of(key)) :]
                pairs = zip(np.shape(data_of(key)), own)
                own = [Index() if n == 1 else place for n, place in pairs]
                result.append(self.place_of_key(key, own, length, lowest))
            elif isinstance(key, slice):
                start, _, step = slice_of(key).indices(length)
                result.append(queue.pop(0) * step + start)
            else:
                number = int(data_of(key))
                result.append(Index((), number + length * (number < 0)))
        return result

    def place_of_key(
        self, key: Any, places: Places, length: int, lowest: int | None
    ) -> Index:
        """The place that an element of a key says, counted from the first one."""
        data = np.asarray(data_of(key))
        if not isinstance(key, Line) or key.kind == "constant":
            data = np.where(data < 0, data + length, data)
            return self.fitted(data, places)
        array = self.places_of_keys.get((key, length, lowest))
        if array is None:
            array = self.checked(key, length, lowest)
            self.places_of_keys[key, length, lowest] = array
        if length == 1:
            return Index()
        x = self.at(key, places)
        if array in self.exact and isinstance(x, Read):
            return Index(((x, 1),))
        return Index(((Read(array, tuple(places)), 1),))

    def checked(self, key: Line, length: int, lowest: int | None) -> Array:
        """The places that a key says, after a check of their range."""
        shape, dtype = key.shape, dtype_of(key)
        if dtype.kind not in "iu":
            raise Refused(f"[] of {dtype}")
        axes, number = axes_for(shape), self.argument_of(key)
        lowest = -length if lowest is None else lowest
        x = self.at(key, indices(axes))
        array = Array("local", shape, INT, key)
        bounds = ((np.less, lowest), (np.greater_equal, length))
        beyond = [compared(f, x, Literal(n, dtype), dtype) for f, n in bounds]
        beyond = [x for x in beyond if x != NEVER]
        if beyond:
            is_beyond = beyond[0]
            if len(beyond) == 2:
                is_beyond = Call(np.logical_or, tuple(beyond), BOOL, None)
            check = self.write(array, indices(axes), is_beyond, axes, "check")
            check.failure = number
            if number > 0:
                self.checks.append(self.statements.pop())
        is_exact = dtype.kind == "u" or lowest >= 0
        if is_exact and number > 0:
            self.exact.add(array)
        elif length > 1:
            if not is_exact:
                wrapped = Call(np.add, (x, Literal(length, INT)), INT, INT)
                is_negative = compared(np.less, x, Literal(0, dtype), dtype)
                x = Call(np.where, (is_negative, wrapped, x), INT, INT)
            elif dtype != INT:
                x = Call(cast, (x,), INT, None)
            self.write(array, indices(axes), x, axes)
        return array

    def argument_of(self, line: Line) -> int:
        """The number of the argument that a line is, from 1 on; -1 if it is none."""
        while line.kind == "call" and is_view(line):
            line = line.operands()[0]
        if line not in self.given:
            return -1
        return len(self.open_lengths) + [*self.given].index(line) + 1

    def fitted(self, numbers: Any, places: Places) -> Index:
        """An index that is `numbers` at the places: a formula, or else a table."""
        if not numbers.size:
            return Index()
        place = self.formula(numbers, places)
        if place is not None:
            return place
        varying = varying_axes(numbers)
        if len(varying) == 1:  # a table along one axis
            (axis,) = varying
            numbers, places = row_along(numbers, axis), [places[axis]]
        table: Any = self.constant(numbers.astype(np.int32), places)
        return Index(((table, 1),))

    def formula(self, numbers: Any, places: Places) -> Index | None:
        """The same as a formula, if there is one: steps, a cycle, or repetitions."""
        varying = varying_axes(numbers)
        if not varying:
            return Index((), int(numbers.flat[0]))
        if len(varying) > 1:
            return None
        (axis,) = varying
        row, place = row_along(numbers, axis), places[axis]
        start, count = int(row[0]), np.arange(len(row))
        step = int(row[1]) - start
        if np.array_equal(row, start + step * count):
            return place * step + start
        longest = int(row.max()) + 1
        if np.array_equal(row, (count + start) % longest):
            return Index(((Part(place + start, longest, True), 1),))
        repeats = int(np.argmax(row != row[0]))
        if np.array_equal(row, start + count // repeats):
            return Index(((Part(place, repeats, False), 1),)) + start
        return None


VIEWS: dict[Any, Callable[[Lowering, Line, Places], Expression]] = {}
LOOPS: dict[Any, Callable[[Lowering, Line], None]] = {}
WHOLE = {
    np.sum,
    np.prod,
    np.max,
    np.min,
    np.any,
    np.all,
}  # of all axes, if none is told


# --- What a line says -----------------------------------------------------------------


def base_of(line: Line) -> Function:
    """The function that is called, without parameters that are filled in."""
    function = line.function
    while isinstance(function, partial):
        function = function.func
    return function


def options_of(line: Line, names: str) -> dict[str, Any]:
    """The arguments by name, those that are filled in included."""
    options: dict[str, Any] = {}
    function = line.function
    arguments = list(line.arguments)
    while isinstance(function, partial):
        options = {**function.keywords, **options}
        arguments = [*function.args, *arguments]
        function = function.func
    options = {**options, **dict(zip(names.split(), arguments)), **line.options}
    return {
        name: options[name] if name in OPERANDS else data_in(options[name])
        for name in options
    }


# What stands for arrays among arguments; all others are known when a file is written.
OPERANDS = {"a", "b", "fill", "g", "indices", "numbers", "parts", "weights", "x", "y"}


def is_view(line: Line) -> bool:
    """Whether the uses of a line read the operand instead."""
    return base_of(line) in VIEWS


def is_elementwise(line: Line) -> bool:
    """Whether each element of the result depends on one of each operand."""
    function = line.function
    is_ufunc = isinstance(function, np.ufunc) and not function.signature
    return is_ufunc or function is operator.pow


def common_dtype(line: Line) -> np.dtype[Any] | None:
    """The dtype that NumPy computes in; None if each operand keeps its own."""
    if line.function in (np.logical_and, np.logical_or, np.logical_not, np.logical_xor):
        return None
    dtype = dtype_of(line)
    if dtype != BOOL:
        return dtype
    return np.dtype(np.result_type(*map(data_of, line.arguments)))


def axes_in(axis: Any, n_axes: int) -> set[int]:
    """The numbers of axes, counted from the first one."""
    if axis is None or not n_axes:  # a number may be reduced along axis 0
        return set(range(n_axes))
    axes = axis if isinstance(axis, tuple) else (axis,)
    return {int(i) % n_axes for i in axes} if n_axes else set()  # as NumPy has it


def varying_axes(numbers: Any) -> list[int]:
    """The axes along which an array has several numbers."""
    return [i for i in range(numbers.ndim) if np.any(numbers != numbers.take([0], i))]


def row_along(numbers: Any, axis: int) -> Any:
    """The first elements along an axis."""
    return numbers[tuple(slice(None) if i == axis else 0 for i in range(numbers.ndim))]


def limit(dtype: np.dtype[Any], sign: int) -> Any:
    """The number that every other one of a dtype exceeds, times the sign."""
    if dtype.kind == "f":
        return sign * -np.inf
    if dtype.kind == "b":
        return sign < 0
    kind = np.iinfo(dtype)
    return kind.min if sign > 0 else kind.max


NEVER = Literal(False, BOOL)
COMPARISONS: dict[Function, Function] = {  # and what they are from right to left
    np.equal: np.equal,
    np.greater: np.less,
    np.greater_equal: np.less_equal,
    np.less: np.greater,
    np.less_equal: np.greater_equal,
    np.not_equal: np.not_equal,
}


def compared(
    function: Function, x: Expression, y: Expression, like: np.dtype[Any] | None
) -> Expression:
    """A comparison; what all integers of a dtype answer alike is known."""
    if isinstance(x, Literal) and not isinstance(y, Literal):
        return compared(COMPARISONS[function], y, x, like)
    if x == y and x.dtype.kind in "iub":
        return Literal(bool(function(0, 0)), BOOL)
    if isinstance(y, Literal) and x.dtype.kind in "iub" and y.dtype.kind in "iub":
        least, most = limit(x.dtype, 1), limit(x.dtype, -1)
        number = int(y.value)
        answers = {bool(function(least, number)), bool(function(most, number))}
        is_inside = least <= number <= most
        if len(answers) == 1 and (function not in EQUALITIES or not is_inside):
            return Literal(answers.pop(), BOOL)
    return Call(function, (x, y), BOOL, like)


def extreme_of(
    function: Function, x: Expression, y: Expression, dtype: np.dtype[Any]
) -> Expression:
    """The larger or smaller one; which one, is known of some integers."""
    compare = np.greater if function is np.maximum else np.less
    answer = compared(compare, x, y, dtype)
    if not isinstance(answer, Literal):
        return Call(function, (x, y), dtype, dtype)
    chosen = x if answer.value else y
    return chosen if chosen.dtype == dtype else Call(cast, (chosen,), dtype, None)


OF_INTEGERS: dict[Function, bool] = {  # what holds for all of them
    np.isfinite: True,
    np.isinf: False,
    np.isnan: False,
}


def to_power(
    x: Expression, exponent: Expression, dtype: np.dtype[Any], is_one: bool
) -> Expression:
    """x ** exponent, for which NumPy's arrays have faster functions than np.power.

    If the exponent is one number, and 0.5, it is a root, which differs at -inf.
    """
    number = exponent.value if isinstance(exponent, Literal) else None
    if number == 0:
        return Literal(1, dtype)
    for known, function in POWERS.items():
        if number == known:
            return Call(function, (x,), dtype, dtype)
    power = Call(np.power, (x, exponent), dtype, dtype)
    if not is_one or number is not None or dtype.kind != "f":
        return power
    half = Literal(0.5, exponent.dtype)
    is_half = compared(np.equal, exponent, half, exponent.dtype)
    root = Call(np.sqrt, (x,), dtype, dtype)
    return Call(np.where, (is_half, root, power), dtype, None)


POWERS: dict[float, Function] = {
    -1: np.reciprocal,
    0.5: np.sqrt,
    1: np.positive,
    2: np.square,
}


def is_mask_by_number(mask: Expression, number: Expression) -> bool:
    """Whether they are a boolean and a finite number that is written out."""
    if not isinstance(number, Literal) or mask.dtype != BOOL:
        return False
    return number.dtype.kind == "f" and bool(np.isfinite(number.value))


EQUALITIES = {np.equal, np.not_equal}


def is_array_key(key: Any) -> bool:
    """Whether a key is an array of places."""
    if key is None or key is Ellipsis or isinstance(key, slice):
        return False
    data = data_of(key)
    return np.ndim(data) > 0 or isinstance(key, Line) and key.kind != "constant"


def is_int(key: Any) -> bool:
    """Whether a key is one place."""
    if key is None or key is Ellipsis or isinstance(key, slice):
        return False
    return np.ndim(data_of(key)) == 0


def slice_of(key: slice) -> slice:
    """A slice of plain numbers."""
    return slice(*map(data_of, (key.start, key.stop, key.step)))


def expanded(keys: list[Any], n_axes: int) -> list[Any]:
    """Keys with one for each axis: no `...`, and places instead of masks."""
    result: list[Any] = []
    for key in keys:
        data = data_of(key)
        if is_array_key(key) and np.result_type(data).kind == "b":
            if isinstance(key, Line) and key.kind != "constant":
                raise Refused("[] of a mask")
            result += np.nonzero(data)
        elif isinstance(key, (bool, np.bool_)) or (
            is_int(key) and np.result_type(data).kind == "b"
        ):
            raise Refused("[] of a mask")
        else:
            result.append(key)
    n_used = sum(key is not None and key is not Ellipsis for key in result)
    whole = [slice(None)] * (n_axes - n_used)
    for i, key in enumerate(result):
        if key is Ellipsis:
            return result[:i] + whole + result[i + 1 :]
    return result + whole
