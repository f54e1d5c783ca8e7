"""Simplifying: fewer and cheaper calls with the same results, up to rounding.

First, element-wise calls compute on operands that were broadcast, instead of their
copies. What depends on constants alone is computed, and the same call on the same
operands is made once. Then each call may be written in another way (`REWRITES`, by the
function that is called). Last, what nobody needs is dropped.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterator
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.arrays import HALF, as_float, as_number
from micrograd.program.record import (
    Line,
    Recording,
    all_bits,
    as_line,
    call_of,
    data_in,
    has_own_shape,
    kept_bits,
    replaced,
)
from micrograd.rules import Function

if TYPE_CHECKING:
    Uses = Counter[Line]


MANY = 4096  # elements, from which on branches cost more than another pass


def simplify(recording: Recording, has_open_axes: bool = False) -> None:
    """Do all of it, in place; with open axes, nothing that asks for lengths."""
    use_numbers(recording)
    narrow(recording)
    merge(recording)
    rewrite(recording, has_open_axes)
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


# --- Numbers --------------------------------------------------------------------------


def use_numbers(recording: Recording) -> None:
    """Compute with Python's numbers where NumPy's scalars are on the way to them.

    NumPy's functions of numbers give scalars, with which Python's operators are slower.
    They are others beside arrays of few digits, and as results; here is none of both.
    """
    free: set[Any] = set()
    for line in recording.lines:
        is_one = line.shape == () and np.result_type(line.data) == np.float64
        is_of_numbers = all(x.is_number or x in free for x in line.operands())
        if is_one and is_of_numbers and is_elementwise(line) and not line.is_number:
            free.add(line)
    free.difference_update(recording.results, recording.gradients)
    for line in reversed(recording.lines):
        if line not in free and line.function not in (as_float, as_number):
            free.difference_update(line.operands())
    new: dict[Line, Any] = {}
    lines = []
    now = lambda x: new.get(x, x) if isinstance(x, Line) else x
    for line in recording.lines:
        line.arguments = replaced(line.arguments, now)
        line.options = replaced(line.options, now)
        if line in free:
            line.data = float(line.data)
        if line.function in (as_float, as_number) and line.arguments[0] in free:
            new[line] = line.arguments[0]
        else:
            lines.append(line)
    substitute(recording, lines, new)


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
        has_source = any(x in sources for x in line.operands())
        if (
            has_source and is_elementwise(line) and np.size(line.data)
        ):  # none: no warning
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
    """Leave out what nobody needs, but for what may do anything.

    And for what decides its length by data: zeros may be as long, which are constant.
    """
    needed = {*recording.results, *recording.gradients}
    lines = []
    for line in reversed(recording.lines):
        is_kept = line.is_opaque and not line.is_backward or has_own_shape(line)
        if line in needed or is_kept:
            lines.append(line)
            needed.update(line.operands())
    substitute(recording, lines[::-1], {})


# --- Other ways to write a call -------------------------------------------------------


def rewrite(recording: Recording, has_open_axes: bool) -> None:
    """Write each call as its function's entry in REWRITES has it, if it has one."""
    rewrites = {**REWRITES}
    if has_open_axes:
        del rewrites[np.add.reduce]
        lengths = recording.open_lengths
        rewrites[np.matmul] = lambda line, uses: of_matmul(line, uses, lengths)
    new: dict[Line, Any] = {}
    lines: list[Line] = []
    uses: Uses = Counter([*recording.results, *recording.gradients])
    for line in recording.lines:
        uses.update(line.operands())
    now = lambda x: new.get(x, x) if isinstance(x, Line) else x
    for line in recording.lines:
        line.arguments = replaced(line.arguments, now)
        line.options = replaced(line.options, now)
        function = rewrites.get(line.function)
        other = None
        if function and not line.is_opaque and not line.errors:
            other = function(line, uses)
        if other is None:
            other = with_equal_axes(line)
        if other is None:
            lines.append(line)
            continue
        new[line] = other
        for x in new_lines(other):
            x.node, x.is_backward = line.node, line.is_backward
            uses[x] = uses[line]
            lines.append(x)
    substitute(recording, lines, new)


def new_lines(x: Any) -> Iterator[Line]:
    """The calls that are no rule's yet, each after its operands."""
    if isinstance(x, Line) and x.kind == "call" and x.node is None:
        for operand in x.operands():
            yield from new_lines(operand)
        yield x


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
    """Whether x can stand for the line: the same type, shape and dtype."""
    return has_form_of(x, line) and type(x.data) is type(line.data)


def has_form_of(x: Any, line: Line) -> bool:
    """Whether it has the shape and dtype; it may be an array without axes.

    Of these, NumPy's functions give scalars.
    """
    if not isinstance(x, Line) or x.is_number is not line.is_number:
        return False
    is_same: bool = np.result_type(x.data) == np.result_type(line.data)
    return is_same and x.shape == line.shape


def is_float(x: Any) -> bool:
    """Whether it is a line of floats, which change signs without wrapping."""
    return isinstance(x, Line) and np.result_type(x.data).kind == "f"


def is_exact(m: float, n: float, line: Line) -> bool:
    """Whether x * m * n is x * (m * n) for every x, also at overflow and inf.

    Where one factor is above 1 and the other below, the first may overflow alone, or
    lose its digits. Twice a smaller number does neither.
    """
    kind, product = np.finfo(np.result_type(line.data)), abs(m * n)
    is_normal = bool(kind.tiny <= product <= kind.max)
    is_alike = abs(m) >= 1 <= abs(n) or abs(m) <= 1 >= abs(n)
    return is_normal and (is_alike or abs(m) <= 1 and abs(n) == 2)


def of_power(line: Line, uses: Uses) -> Any:
    """Powers that are products or roots: of 2, 3 and 4, of -1, 1 and 0.5."""
    x, exponent = line.arguments
    number = number_in(exponent)
    if number == 2 and has_form_of(x, line):
        return written(line, np.multiply, x, x)
    if number in (-1, 3, 4) and is_float(line) and has_exact_products(x, line):
        if number == -1:
            return written(line, np.divide, 1.0, x)
        square = call_of(np.multiply, (x, x))
        return written(line, np.multiply, square, x if number == 3 else square)
    if number == 1 and is_like(x, line):
        return x
    if line.function is np.power or not line.is_array:
        return None
    if number == 0.5 and is_like(x, line):
        return written(line, np.sqrt, x)
    has_axes = isinstance(exponent, Line) and exponent.shape
    if has_axes or number is not None and number not in (-1, 0, 0.5, 1, 2):
        return written(line, np.power, x, exponent)  # which can be given a buffer
    return None


def has_exact_products(x: Any, line: Line) -> bool:
    """Whether products of x give the line's type and digits, as in rules.power."""
    is_sure = line.is_number or np.ndim(line.data) > 0
    return is_sure and is_like(x, line) and np.result_type(line.data) != HALF


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
        if is_used_once(x, np.multiply, uses):
            for inner, other in (x.arguments, x.arguments[::-1]):
                second = number_in(other)
                if second is None or not has_form_of(inner, line):
                    continue
                if is_exact(second, number, line):
                    product = float(number) * float(second)
                    if product == 1 and is_like(inner, line):
                        return inner
                    is_first = factor is line.arguments[0]
                    both = (product, inner) if is_first else (inner, product)
                    return written(line, np.multiply, *both)
    return None


BLOCK = 4096  # numbers: a dot product adds up the rounding errors of as many at most


def of_sum(line: Line, uses: Uses) -> Any:
    """The sum of all products is a dot product; that of a number adds 0 to it."""
    x = line.arguments[0]
    if x.shape == () and has_form_of(x, line) and x.data.dtype.name == "float64":
        return written(line, np.add, x, 0.0)  # so that the sum of -0.0 is 0.0
    factors = factors_of(x, uses) if line.shape == () and x.shape else None
    if factors is None:
        return None
    a, b, n = *factors, x.data.size
    if n <= BLOCK:
        return written(line, np.vdot if x.data.ndim > 1 else np.dot, a, b)
    length = next((k for k in range(BLOCK, BLOCK // 16, -1) if n % k == 0), None)
    if length is None:
        return None
    rows = call_of(np.reshape, (a, (-1, 1, length)))
    products = call_of(np.matmul, (rows, call_of(np.reshape, (b, (-1, length, 1)))))
    total = written(line, np.add.reduce, products)
    total.options = {"axis": None}
    return total


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


def of_matmul(
    line: Line, uses: Uses, open_lengths: frozenset[int] = frozenset()
) -> Any:
    """np.dot is faster, where it does not take 0 times nan as 0: of a size above 1.

    An open length may be 1 at another call.
    """
    a, b = line.arguments
    for x in (a, b):
        if not isinstance(x, Line) or np.ndim(x.data) not in (1, 2):
            return None
        if prod(n for n in x.shape if n not in open_lengths) < 2:
            return None
    return written(line, np.dot, a, b)


def is_mask(x: Any, line: Line) -> bool:
    """Whether it is an array of booleans, of the line's shape."""
    is_array = isinstance(x, Line) and x.is_array
    return is_array and x.data.dtype.kind == "b" and x.shape == line.shape


def is_zero(x: Any) -> bool:
    """Whether it is the number 0, and not -0.0."""
    return repr(number_in(x)) in ("0", "0.0")


def of_where(line: Line, uses: Uses) -> Any:
    """Without the branches that make np.where slow on large arrays.

    A number where a mask holds, and 0 elsewhere, is a product. Of an array, all bits
    are kept, or none: the same as np.where, also where a product with 0 would be nan.
    """
    mask, x, zero = line.arguments
    if not is_mask(mask, line) or not is_zero(zero):
        return None
    dtype, number = np.result_type(line.data), number_in(x)
    is_double = line.is_array and dtype.name == "float64"
    if is_double and number is not None and 0 < number < np.inf:
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


REWRITES: dict[Function, Callable[[Line, Uses], Any]] = {
    np.add.reduce: of_sum,
    np.matmul: of_matmul,
    np.multiply: of_multiply,
    np.power: of_power,
    operator.pow: of_power,
    np.swapaxes: of_swapaxes,
    np.where: of_where,
}
