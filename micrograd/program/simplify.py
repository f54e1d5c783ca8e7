"""Simplifying: fewer and cheaper calls with the same results, up to rounding.

First, element-wise calls compute on operands that were broadcast, instead of their
copies. What depends on constants alone is computed, and the same call on the same
operands is made once. Then each call may be written in another way (`REWRITES`, by the
function that is called). Last, what nobody needs is dropped.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.program.record import (
    Line,
    Recording,
    all_bits,
    as_float,
    as_line,
    call_of,
    data_in,
    kept_bits,
    lines_in,
    replaced,
)
from micrograd.rules import Function

if TYPE_CHECKING:
    Uses = Counter[Line]


MANY = 4096  # elements, from which on branches cost more than another pass


def simplify(recording: Recording) -> None:
    """Do all of it, in place."""
    narrow(recording)
    merge(recording)
    rewrite(recording)
    merge(recording)
    drop(recording)


def substitute(recording: Recording, lines: list[Line], new: dict[Line, Any]) -> None:
    """Take these lines instead; `new` tells what the others have become."""

    def now(line: Line) -> Line:
        return as_line(new.get(line, line))

    recording.lines = lines
    recording.results = [now(line) for line in recording.results]
    recording.gradients = [now(line) for line in recording.gradients]
    for lines_by_node in (recording.values, recording.by):
        for node, line in lines_by_node.items():
            lines_by_node[node] = now(line)


# --- Broadcast operands ---------------------------------------------------------------


def narrow(recording: Recording) -> None:
    """Let element-wise calls broadcast by themselves.

    The gradient of a sum is one number, which the engine broadcasts to the shape of the
    operand. `broadcast_to(g, shape) * x` is `g * x`; and `-broadcast_to(g, shape)` is
    computed once, as `broadcast_to(-g, shape)`. One number, broadcast, is rearranged by
    broadcasting it to another shape.
    """
    new: dict[Line, Any] = {}
    lines: list[Line] = []
    sources: dict[Line, Any] = {}  # of lines that only broadcast
    now = lambda x: new.get(x, x) if isinstance(x, Line) else x
    for line in recording.lines:
        line.arguments = replaced(line.arguments, now)
        line.options = replaced(line.options, now)
        found = [line]
        if line.function in REARRANGING and has_no_axes(sources, line.arguments[0]):
            source = sources[line.arguments[0]]
            found = [call_of(np.broadcast_to, (source, line.shape))]
        if is_elementwise(line) and any(x in sources for x in line.operands()):
            found = narrowed(line, [sources.get(x, x) for x in line.arguments])
        for x in found:
            x.node, x.is_backward, x.errors = line.node, line.is_backward, line.errors
        lines += found
        new[line] = last = found[-1]
        if last.function is np.broadcast_to and last.kind == "call":
            sources[last] = last.arguments[0]
    substitute(recording, lines, new)


# Functions that give the same elements in another order or shape.
REARRANGING = {np.broadcast_to, np.expand_dims, np.reshape, np.swapaxes, np.transpose}


def has_no_axes(sources: dict[Line, Any], x: Any) -> bool:
    """Whether a line broadcasts one number."""
    return x in sources and np.ndim(data_in(sources[x])) == 0


def is_elementwise(line: Line) -> bool:
    """Whether each element of the result depends on one of each operand."""
    is_ufunc = isinstance(line.function, np.ufunc) and not line.function.signature
    return (is_ufunc or line.function is np.where) and not line.is_opaque


def weak(x: Any, line: Line) -> Any:
    """A constant scalar as a Python number, where the dtype of the result stays.

    That is beside operands of its dtype: an array, or in float64 another scalar.
    """
    if not isinstance(x, Line) or x.kind != "constant" or line.function is np.where:
        return x
    if not isinstance(x.data, np.floating) or x.data.dtype.itemsize > 8:
        return x
    others = [y for y in line.operands() if y is not x and not y.is_number]
    is_same = all(y.data.dtype == x.data.dtype for y in others)
    is_beside_array = any(np.ndim(y.data) for y in others)
    is_enough = is_beside_array or others and type(x.data) is np.float64
    return float(x.data) if is_same and is_enough else x


def narrowed(line: Line, arguments: list[Any]) -> list[Line]:
    """The lines of the call on these arguments; the line, if that is something else."""
    with np.errstate(all="ignore"):
        other = call_of(line.function, tuple(arguments), line.options)
    if np.result_type(other.data) != np.result_type(line.data):
        return [line]
    if other.shape == line.shape:
        return [other]
    return [other, call_of(np.broadcast_to, (other, line.shape))]


# --- Constants and repetitions --------------------------------------------------------


def merge(recording: Recording) -> None:
    """Compute what is constant; make each call once."""
    new: dict[Line, Any] = {}
    seen: dict[Any, Line] = {}
    lines = []
    now = lambda x: unique(new.get(x, x), seen) if isinstance(x, Line) else x
    for line in recording.lines:
        line.arguments = replaced(line.arguments, now)
        line.options = replaced(line.options, now)
        if line.is_opaque:
            lines.append(line)
            continue
        if all(x.kind == "constant" for x in line.operands()):
            new[line] = constant(line.data)
            continue
        if is_elementwise(line):
            line.arguments = tuple([weak(x, line) for x in line.arguments])
        errors = tuple(line.errors.items())
        key = (line.function, key_of(line.arguments), key_of(line.options), errors)
        first = seen.setdefault(key, line)
        if first is line:
            lines.append(line)
        else:
            new[line] = first
    substitute(recording, lines, new)


def constant(data: Any) -> Any:
    """A constant as it stands in arguments: Python's numbers as they are."""
    return data if type(data) in (bool, int, float) else Line("constant", data)


def unique(x: Any, seen: dict[Any, Line]) -> Any:
    """The first one of equal constants."""
    if isinstance(x, Line) and x.kind == "constant" and np.size(x.data) <= 1000:
        data = np.asarray(x.data)
        key = (x.is_array, data.shape, data.dtype.str, data.tobytes())
        return seen.setdefault(key, x)
    return x


def key_of(x: Any) -> Any:
    """What tells arguments apart: numbers of other types or signs are others."""
    if isinstance(x, (tuple, list)):
        return (type(x), *map(key_of, x))
    if isinstance(x, dict):
        return tuple((name, key_of(x[name])) for name in sorted(x))
    return x if isinstance(x, Line) else repr(x)


def drop(recording: Recording) -> None:
    """Leave out what nobody needs, but for what may do anything."""
    needed = {*recording.results, *recording.gradients}
    lines = []
    for line in reversed(recording.lines):
        if line in needed or line.is_opaque and not line.is_backward:
            lines.append(line)
            needed.update(line.operands())
    substitute(recording, lines[::-1], {})


# --- Other ways to write a call -------------------------------------------------------


def rewrite(recording: Recording) -> None:
    """Write each call as its function's entry in REWRITES has it, if it has one."""
    new: dict[Line, Any] = {}
    lines: list[Line] = []
    uses: Uses = Counter([*recording.results, *recording.gradients])
    for line in recording.lines:
        uses.update(line.operands())
    now = lambda x: new.get(x, x) if isinstance(x, Line) else x
    for line in recording.lines:
        line.arguments = replaced(line.arguments, now)
        line.options = replaced(line.options, now)
        function = REWRITES.get(line.function)
        other = None
        if function and not line.is_opaque and not line.errors:
            other = function(line, uses)
        if other is None:
            other = with_equal_axes(line)
        if other is None:
            lines.append(line)
            continue
        new[line] = other
        for x in (*lines_in(getattr(other, "arguments", ())), other):
            is_new = isinstance(x, Line) and x.kind == "call" and x.node is None
            if is_new:
                x.node, x.is_backward = line.node, line.is_backward
                uses[x] = uses[line]
                lines.append(x)
    substitute(recording, lines, new)


def written(line: Line, function: Function, *arguments: Any) -> Line:
    """The same result by another call."""
    other = Line("call", line.data)
    other.function, other.arguments = function, arguments
    return other


def with_equal_axes(line: Line) -> Line | None:
    """A row and a vector as long, (1, n) and (n,): NumPy is faster on equal axes."""
    if not isinstance(line.function, np.ufunc) or line.function.signature:
        return None
    n_axes, size = np.ndim(line.data), np.size(line.data)
    is_short = [
        isinstance(x, Line)
        and x.is_array
        and x.data.size == size
        and x.data.ndim < n_axes
        for x in line.arguments
    ]
    if not any(is_short) or line.is_opaque:
        return None
    views = [
        call_of(operator.getitem, (x, (None,) * (n_axes - x.data.ndim))) if short else x
        for x, short in zip(line.arguments, is_short)
    ]
    other = written(line, line.function, *views)
    other.options, other.errors = line.options, line.errors
    return other


def number_in(x: Any) -> float | int | None:
    """The number that an argument is, if it is one."""
    if isinstance(x, Line):
        is_one = x.kind == "constant" and type(x.data) is np.float64
        return float(x.data) if is_one else None
    return x if type(x) in (float, int) else None


def is_used_once(x: Any, function: Function, uses: Uses) -> bool:
    """Whether it is a call of that function which may be taken apart."""
    return (
        isinstance(x, Line)
        and x.kind == "call"
        and x.function is function
        and uses[x] == 1
        and not x.errors
    )


def is_like(x: Any, line: Line) -> bool:
    """Whether x can stand for the line: the same shape and dtype."""
    if not isinstance(x, Line) or type(x.data) is not type(line.data):
        return False
    is_same: bool = np.result_type(x.data) == np.result_type(line.data)
    return is_same and x.shape == line.shape


def is_float(x: Any) -> bool:
    """Whether it is a line of floats, which change signs without wrapping."""
    return isinstance(x, Line) and np.result_type(x.data).kind == "f"


def is_exact(m: float, n: float, line: Line) -> bool:
    """Whether x * m * n is x * (m * n) for every x, also at overflow and inf.

    Where one factor is above 1 and the other below, the first may overflow alone.
    """
    kind, product = np.finfo(np.result_type(line.data)), abs(m * n)
    is_normal = bool(kind.tiny <= product <= kind.max)
    return is_normal and (abs(m) >= 1 <= abs(n) or abs(m) <= 1 >= abs(n))


def of_power(line: Line, uses: Uses) -> Any:
    """x ** 2 is a product, x ** 1 is x, x ** 0.5 a root, as for NumPy's own `**`."""
    x, exponent = line.arguments
    number = number_in(exponent)
    if number == 2 and np.result_type(x.data) == np.result_type(line.data):
        return written(line, np.multiply, x, x)
    if number == 1 and is_like(x, line):
        return x
    if number == 0.5 and is_like(x, line) and line.is_array:
        return written(line, np.sqrt, x)
    return None


def of_multiply(line: Line, uses: Uses) -> Any:
    """Factors that are numbers go together, and those of 1 go."""
    for x, factor in (line.arguments, line.arguments[::-1]):
        number = number_in(factor)
        if number is None:
            continue
        if number == 1 and is_like(x, line):
            return x
        if not (is_like(x, line) and is_float(line)):
            continue
        if is_used_once(x, np.negative, uses):
            return written(line, np.multiply, x.arguments[0], -number)
        if is_used_once(x, np.multiply, uses):
            for inner, other in (x.arguments, x.arguments[::-1]):
                second = number_in(other)
                if second is None or not is_like(inner, line):
                    continue
                if is_exact(number, second, line):
                    return written(line, np.multiply, inner, number * second)
    return None


def of_negative(line: Line, uses: Uses) -> Any:
    """A minus sign goes into what is negated.

    That may change the sign of a zero, which nobody sees in a gradient; elsewhere, what
    is divided by it would be the other infinity.
    """
    (x,) = line.arguments
    if not is_float(line):
        return None
    if is_used_once(x, np.negative, uses):
        return x.arguments[0]
    if is_used_once(x, np.subtract, uses) and line.is_backward:
        return written(line, np.subtract, *x.arguments[::-1])
    if is_used_once(x, np.multiply, uses):
        for inner, factor in (x.arguments, x.arguments[::-1]):
            number = number_in(factor)
            if number is not None and (is_like(inner, line) or is_mask(inner, line)):
                return written(line, np.multiply, inner, -number)
    if is_used_once(x, np.where, uses) and line.is_backward:
        condition, a, b = x.arguments
        m, n = number_in(a), number_in(b)
        if m is not None and n is not None:
            return written(line, np.where, condition, 0.0 - m, 0.0 - n)
    return None


def of_add(line: Line, uses: Uses) -> Any:
    """a + -b is a - b; 0 + a is a, but for the sign of 0; twice c a is 2 c a."""
    first, second = line.arguments
    is_twice = isinstance(first, Line) and first is second and is_float(line)
    if is_twice and first.function is np.multiply and not first.errors:
        largest = np.finfo(np.result_type(line.data)).max
        for x, factor in (first.arguments, first.arguments[::-1]):
            number = number_in(factor)
            if number is None or not is_like(x, line):
                continue
            if abs(number) <= largest / 2:
                return written(line, np.multiply, x, 2 * number)
    for a, b in (line.arguments, line.arguments[::-1]):
        if number_in(b) == 0 and is_like(a, line) and line.is_backward:
            return a
        if is_used_once(b, np.negative, uses) and is_float(b):
            return written(line, np.subtract, a, b.arguments[0])
    return None


def of_subtract(line: Line, uses: Uses) -> Any:
    """a - -b is a + b."""
    a, b = line.arguments
    if is_used_once(b, np.negative, uses) and is_float(b):
        return written(line, np.add, a, b.arguments[0])
    return None


def of_divide(line: Line, uses: Uses) -> Any:
    """x / 1 is x."""
    x, divisor = line.arguments
    return x if number_in(divisor) == 1 and is_like(x, line) else None


def of_sum(line: Line, uses: Uses) -> Any:
    """The sum of a number is the number, that of all products a dot product."""
    x = line.arguments[0]
    if np.ndim(x.data) == 0 and is_like(x, line):
        return x
    if line.shape != ():  # an axis is left
        return None
    factors = factors_of(x, uses)
    return factors and written(line, np.vdot if x.data.ndim > 1 else np.dot, *factors)


def factors_of(x: Line, uses: Uses) -> tuple[Any, Any] | None:
    """Two arrays whose products have the sum that x has, if a dot product is faster."""
    if x.data.size < 2 or x.data.dtype not in (float, np.float32):
        return None
    if is_used_once(x, np.multiply, uses):
        a, b = x.arguments
        if is_like(a, x) and is_like(b, x):
            return a, b
    if x.data.ndim == 1 and x.data.size <= 1000:
        return Line("constant", np.ones(x.data.size, x.data.dtype)), x
    return None


def of_float(line: Line, uses: Uses) -> Any:
    """The gradient of a number, likewise."""
    x = line.arguments[0]
    factors = factors_of(x, uses) if x.is_array else None
    if factors is None:
        return None
    total = call_of(np.vdot if x.data.ndim > 1 else np.dot, factors)
    return written(line, as_float, total)


def of_matmul(line: Line, uses: Uses) -> Any:
    """np.dot is faster, where it does not take 0 times nan as 0."""
    a, b = line.arguments
    for x in (a, b):
        if not isinstance(x, Line) or np.ndim(x.data) not in (1, 2) or x.data.size < 2:
            return None
    return written(line, np.dot, a, b)


def is_mask(x: Any, line: Line) -> bool:
    """Whether it is an array of booleans, of the line's shape."""
    is_array = isinstance(x, Line) and x.is_array
    return is_array and x.data.dtype.kind == "b" and x.shape == line.shape


def of_where(line: Line, uses: Uses) -> Any:
    """Without the branches that make np.where slow on large arrays.

    A number where a mask holds, and 0 elsewhere, is a product. Of an array, all bits
    are kept, or none: the same as np.where, also where a product with 0 would be nan.
    """
    mask, x, zero = line.arguments
    if not is_mask(mask, line) or number_in(zero) != 0:
        return None
    dtype, number = np.result_type(line.data), number_in(x)
    is_double = line.is_array and dtype.name == "float64"
    if number is not None and np.isfinite(number) and is_double:
        return written(line, np.multiply, mask, float(number))
    if not is_like(x, line) or dtype.name not in ("float64", "float32"):
        return None
    if line.data.size < MANY or not x.data.dtype.isnative:
        return None
    bits = call_of(all_bits, (mask, np.dtype(f"i{dtype.itemsize}")))
    return written(line, kept_bits, x, bits)


def of_swapaxes(line: Line, uses: Uses) -> Any:
    """Of two axes, it is the transpose."""
    x = line.arguments[0]
    return written(line, np.transpose, x) if x.data.ndim == 2 else None


def of_expand_dims(line: Line, uses: Uses) -> Any:
    """The same as an index, which takes no time."""
    x, axis = line.arguments
    if not isinstance(x, Line) or not x.is_array:
        return None
    axes = np.atleast_1d(data_in(axis)) % line.data.ndim
    keys = tuple(None if i in axes else slice(None) for i in range(line.data.ndim))
    return written(line, operator.getitem, x, keys)


def of_squeeze(line: Line, uses: Uses) -> Any:
    """The same as an index."""
    x, *rest = line.arguments
    if not rest or rest[0] is None or not line.is_array:
        return None
    axes = np.atleast_1d(data_in(rest[0])) % x.data.ndim
    keys: tuple[Any, ...] = tuple(
        0 if i in axes else slice(None) for i in range(x.data.ndim)
    )
    keys = keys if line.data.ndim else (*keys, ...)  # an array, not a scalar
    return written(line, operator.getitem, x, keys)


REWRITES: dict[Function, Callable[[Line, Uses], Any]] = {
    np.add: of_add,
    np.add.reduce: of_sum,
    np.divide: of_divide,
    np.expand_dims: of_expand_dims,
    np.matmul: of_matmul,
    np.multiply: of_multiply,
    np.negative: of_negative,
    np.power: of_power,
    np.squeeze: of_squeeze,
    np.subtract: of_subtract,
    np.swapaxes: of_swapaxes,
    np.where: of_where,
    as_float: of_float,
}
