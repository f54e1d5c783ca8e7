"""Calls: what NumPy computes, as statements in loops."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from micrograd.interface import creation, functions, logic, special_arrays
from micrograd.program.loops import (
    Array,
    Call,
    Expression,
    Index,
    Literal,
    Place,
    Read,
    Refused,
    along,
)
from micrograd.program.lower import (
    BOOL,
    INT,
    LOOPS,
    Axes,
    Lowering,
    axes_for,
    axes_in,
    base_of,
    data_of,
    dtype_of,
    expanded,
    indices,
    is_array_key,
    limit,
    options_of,
    slice_of,
)
from micrograd.program.record import (
    Line,
    all_bits,
    cast,
    data_in,
    kept_bits,
)
from micrograd.program.source import name_of
from micrograd.program.views import places_in, rearranged
from micrograd.rules import Function, placed_at

# --- Loops: of each element -----------------------------------------------------------


def chosen(low: Lowering, line: Line) -> None:
    """np.where, and what simplifying makes of it."""
    axes = axes_for(line.shape)
    condition, x, y = line.arguments
    is_true = low.operand(condition, axes)
    operands = (is_true, low.operand(x, axes), low.operand(y, axes))
    low.fill(line, Call(np.where, operands, dtype_of(line), dtype_of(line)), axes)


def kept(low: Lowering, line: Line) -> None:
    """x where all bits are set."""
    axes = axes_for(line.shape)
    x, bits = line.arguments
    mask = low.operand(bits.arguments[0], axes)
    zero = Literal(0.0, dtype_of(line))
    call = Call(np.where, (mask, low.operand(x, axes), zero), dtype_of(line), None)
    low.fill(line, call, axes)


def of_each(low: Lowering, line: Line) -> None:
    """A function that NumPy lacks, of each element."""
    low.elementwise(line)


def nothing(low: Lowering, line: Line) -> None:
    """No loop: the one line that uses it has its own."""


def rounded(low: Lowering, line: Line) -> None:
    """np.round: scaled, rounded, and scaled back."""
    options = options_of(line, "x decimals")
    decimals, axes, dtype = (
        options.get("decimals", 0),
        axes_for(line.shape),
        dtype_of(line),
    )
    x = low.operand(options["x"], axes)
    if dtype.kind != "f":
        if decimals < 0:
            raise Refused("round of integers to tens")
        low.fill(line, Call(cast, (x,), dtype, None), axes)
        return
    scale = Literal(10.0 ** abs(decimals), dtype)
    there: Function = np.multiply
    back: Function = np.divide
    if decimals < 0:
        there, back = back, there
    x = Call(there, (x, scale), dtype, dtype) if decimals else x
    x = Call(np.rint, (x,), dtype, dtype)
    low.fill(line, Call(back, (x, scale), dtype, dtype) if decimals else x, axes)


def without_nan(low: Lowering, line: Line) -> None:
    """np.nan_to_num."""
    options = options_of(line, "x copy nan posinf neginf")
    axes, dtype = axes_for(line.shape), dtype_of(line)
    x = low.operand(options["x"], axes)
    if dtype.kind != "f":
        low.fill(line, Call(cast, (x,), dtype, None), axes)
        return
    largest = float(np.finfo(dtype).max)
    high, least = options.get("posinf"), options.get("neginf")
    high = largest if high is None else high
    least = -largest if least is None else least
    is_inf = Call(np.isinf, (x,), BOOL, dtype)
    is_nan = Call(np.isnan, (x,), BOOL, dtype)
    is_high = Call(np.greater, (x, Literal(0, dtype)), BOOL, dtype)
    ends = Call(
        np.where, (is_high, Literal(high, dtype), Literal(least, dtype)), dtype, None
    )
    finite = Call(np.where, (is_inf, ends, x), dtype, None)
    nan = Literal(options.get("nan", 0.0), dtype)
    low.fill(line, Call(np.where, (is_nan, nan, finite), dtype, None), axes)


def triangle(low: Lowering, line: Line) -> None:
    """np.tril and np.triu: 0 on one side of a diagonal."""
    options = options_of(line, "x k")
    axes, dtype = axes_for(line.shape), dtype_of(line)
    *_, row, column = indices(axes)
    diagonal = Place(row + int(options.get("k", 0)))
    compare = np.less_equal if line.function is np.tril else np.greater_equal
    is_inside = Call(compare, (Place(column), diagonal), BOOL, None)
    x, zero = low.operand(options["x"], axes), Literal(0, dtype)
    low.fill(line, Call(np.where, (is_inside, x, zero), dtype, None), axes)


def filled(low: Lowering, line: Line) -> None:
    """An array of one number, such as np.ones_like gives, whatever the data."""
    axes = axes_for(line.shape)
    dtype = dtype_of(line)
    value: Expression = Literal(1 if base_of(line) is np.ones_like else 0, dtype)
    if base_of(line) in (np.full_like, creation.filled_like):
        value = low.operand(options_of(line, "x fill")["fill"], axes)
        value = Call(cast, (value,), dtype, None)
    low.fill(line, value, axes)


# --- Loops: reductions ----------------------------------------------------------------


def summed(low: Lowering, line: Line) -> None:
    """np.add.reduce."""
    low.reduce(line, "+", 0)


def multiplied(low: Lowering, line: Line) -> None:
    """np.multiply.reduce."""
    low.reduce(line, "*", 1)


def largest(low: Lowering, line: Line) -> None:
    """np.maximum.reduce."""
    low.reduce(line, "max", limit(dtype_of(line), 1))


def smallest(low: Lowering, line: Line) -> None:
    """np.minimum.reduce."""
    low.reduce(line, "min", limit(dtype_of(line), -1))


def any_of(low: Lowering, line: Line) -> None:
    """np.any."""
    low.reduce(line, "or", False)


def all_of(low: Lowering, line: Line) -> None:
    """np.all."""
    low.reduce(line, "and", True)


def counted_nonzero(low: Lowering, line: Line) -> None:
    """np.count_nonzero."""
    options = options_of(line, "x axis")
    x = options["x"]
    axes = axes_for(np.shape(data_of(x)))
    reduced = axes_in(options.get("axis"), len(axes))
    over = [axis for i, axis in enumerate(axes) if i in reduced]
    rest = [None if i in reduced else axis for i, axis in enumerate(axes)]
    if not options.get("keepdims", False):
        rest = [axis for i, axis in enumerate(axes) if i not in reduced]
    value = low.at(x, indices(axes))
    value = Call(np.not_equal, (value, Literal(0, value.dtype)), BOOL, None)
    low.arrays[line] = low.combine(line, value, rest, over, "+", 0)


def place_of_extreme(low: Lowering, line: Line) -> None:
    """np.argmax and np.argmin: the first place of the extreme; nan is one."""
    options = options_of(line, "x axis")
    x, axis = options["x"], options.get("axis")
    keepdims = options.get("keepdims", False)
    function = base_of(line)
    is_max = function in (np.argmax, logic.nanargmax)
    shape, dtype = np.shape(data_of(x)), dtype_of(x)
    axes = axes_for(shape)
    reduced = axes_in(axis, len(shape))
    over = [a for i, a in enumerate(axes) if i in reduced]
    rest = [None if i in reduced else a for i, a in enumerate(axes)]

    def element(axes: Axes) -> Expression:
        value = low.at(x, indices(axes))
        if function in (np.argmax, np.argmin) or dtype.kind != "f":
            return value
        worst = Literal(limit(dtype, 1 if is_max else -1), dtype)
        is_nan = Call(np.isnan, (value,), BOOL, dtype)
        return Call(np.where, (is_nan, worst, value), dtype, None)

    how = "max" if is_max else "min"
    start = limit(dtype, 1 if is_max else -1)
    best = low.combine(line, element(axes), rest, over, how, start, dtype)
    axes = axes_for(shape)
    over = [a for i, a in enumerate(axes) if i in reduced]
    rest = [None if i in reduced else a for i, a in enumerate(axes)]
    value = element(axes)
    is_best: Expression = Call(np.equal, (value, Read(best, indices(rest))), BOOL, None)
    if dtype.kind == "f":
        is_nan = Call(np.isnan, (value,), BOOL, dtype)
        is_best = Call(np.logical_or, (is_best, is_nan), BOOL, None)
    flat, stride = Index(), 1
    for a in reversed(over):
        flat = flat + along(a) * stride
        stride *= 1 if a is None else a.length
    number = Call(np.where, (is_best, Place(flat), Literal(stride, INT)), INT, None)
    if not keepdims:
        rest = [a for i, a in enumerate(axes) if i not in reduced]
    low.arrays[line] = low.combine(line, number, rest, over, "min", stride, INT)


def running(low: Lowering, line: Line) -> None:
    """np.cumsum and np.cumprod: each place adds to the one before."""
    options = options_of(line, "x axis")
    x, axis = options["x"], options.get("axis")
    if axis is None and np.ndim(data_of(x)) != 1:
        raise Refused(f"{name_of(line.function)} without an axis")
    axes = axes_for(line.shape)
    axis = int(axis or 0) % len(axes)
    dtype, places = dtype_of(line), indices(axes)
    value = low.at(x, places)
    if value.dtype != dtype:
        value = Call(cast, (value,), dtype, None)
    array = low.arrays[line] = low.local(line)
    if axes[axis] is not None:
        before = list(places)
        before[axis] = before[axis] + -1
        function = np.add if line.function is np.cumsum else np.multiply
        both = Call(function, (Read(array, tuple(before)), value), dtype, dtype)
        is_first = Call(np.equal, (Place(places[axis]), Literal(0, INT)), BOOL, None)
        value = Call(np.where, (is_first, value, both), dtype, None)
    low.write(array, places, value, axes)


# --- Loops: products ------------------------------------------------------------------


def dot_product(low: Lowering, line: Line) -> None:
    """np.dot: the last axis of a with the last but one of b."""
    a, b = line.arguments
    n, m = np.ndim(data_of(a)), np.ndim(data_of(b))
    if not n or not m:
        low.contract(line, (a, b), (range(n), range(m)), range(max(n, m)))
        return
    left = [("a", i) for i in range(n - 1)]
    right = [("b", i) for i in range(m)]
    inner = max(m - 2, 0)
    of_b = [*right[:inner], "inner", *right[inner + 1 :]]
    rest = [name for name in of_b if name != "inner"]
    low.contract(line, (a, b), ([*left, "inner"], of_b), [*left, *rest])


def matrix_product(low: Lowering, line: Line) -> None:
    """np.matmul: of matrices in batches, which broadcast."""
    a, b = line.arguments
    n, m = np.ndim(data_of(a)), np.ndim(data_of(b))
    batch = list(range(max(n, m) - 2))
    of_a = [*batch[len(batch) - max(n - 2, 0) :], *["row", "inner"][-min(n, 2) :]]
    of_b = [*batch[len(batch) - max(m - 2, 0) :], *["inner", "column"][: min(m, 2)]]
    rest = [*["row"] * (n > 1), *["column"] * (m > 1)]
    low.contract(line, (a, b), (of_a, of_b), [*batch, *rest])


def product_of_vectors(low: Lowering, line: Line) -> None:
    """np.vdot: of all elements."""
    a, b = line.arguments
    shape = np.shape(data_of(a))
    axes = axes_for(shape)
    places = indices(axes)
    dtype = dtype_of(line)
    of_b = places_in(np.shape(data_of(b)), shape, places)
    value = Call(np.multiply, (low.at(a, places), low.at(b, of_b)), dtype, dtype)
    low.arrays[line] = low.combine(line, value, [], axes, "+", 0)


def sum_of_products(low: Lowering, line: Line) -> None:
    """np.einsum."""
    subscripts, *operands = line.arguments
    if not isinstance(subscripts, str):
        n = len(operands) // 2 * 2
        terms = [operands[i] for i in range(0, n, 2)]
        result = operands[n] if len(operands) > n else operands[-1]
        operands = [subscripts, *operands[1:n:2]]
        if len(line.arguments) % 2 == 0:
            raise Refused("einsum without a result")
        low.contract(line, operands, terms, result)
        return
    inputs, arrow, result = subscripts.replace(" ", "").partition("->")
    if not arrow or "." in subscripts:
        raise Refused(f"einsum of {subscripts!r}")
    low.contract(line, operands, inputs.split(","), result)


def product_over_axes(low: Lowering, line: Line) -> None:
    """np.tensordot."""
    options = options_of(line, "a b axes")
    a, b, axes = options["a"], options["b"], options.get("axes", 2)
    n, m = np.ndim(data_of(a)), np.ndim(data_of(b))
    if np.ndim(axes) == 0:
        axes = range(-axes, 0), range(axes)
    left, right = ([axis] if np.ndim(axis) == 0 else list(axis) for axis in axes)
    of_a: list[Any] = [("a", i) for i in range(n)]
    of_b: list[Any] = [("b", i) for i in range(m)]
    for i, j in zip(left, right):
        of_b[j] = of_a[i]
    result = [name for name in of_a if name not in of_b]
    result += [name for name in of_b if name not in of_a]
    low.contract(line, (a, b), (of_a, of_b), result)


def of_vectors(low: Lowering, line: Line) -> None:
    """np.vecdot, np.matvec and np.vecmat, in batches."""
    a, b = line.arguments
    name = line.function.__name__
    own = {
        "vecdot": (["inner"], ["inner"], []),
        "matvec": (["row", "inner"], ["inner"], ["row"]),
        "vecmat": (["inner"], ["inner", "column"], ["column"]),
    }[name]
    n, m = (np.ndim(data_of(x)) - len(names) for x, names in zip((a, b), own))
    batch = list(range(max(n, m)))
    of_a, of_b = ([*batch[len(batch) - k :], *x] for k, x in zip((n, m), own))
    low.contract(line, (a, b), (of_a, of_b), [*batch, *own[2]])


# --- Loops: places --------------------------------------------------------------------


def joined(low: Lowering, line: Line) -> None:
    """np.concatenate and np.stack."""
    options = options_of(line, "parts axis")
    parts, axis = options["parts"], options.get("axis", 0)
    if axis is None:
        raise Refused("concatenate without an axis")
    axis %= len(line.shape)
    array = low.arrays[line] = low.local(line)
    start = 0
    for x in parts:
        shape = np.shape(data_of(x))
        axes = axes_for(shape)
        value = low.at(x, indices(axes))
        places = list(indices(axes))
        if line.function is np.stack:
            places.insert(axis, Index((), start))
            start += 1
        else:
            places[axis] = places[axis] + start
            start += shape[axis]
        if value.dtype != array.dtype:
            value = Call(cast, (value,), array.dtype, None)
        low.write(array, places, value, axes)


def padded(low: Lowering, line: Line) -> None:
    """np.pad: the elements between those of one number."""
    options = options_of(line, "x pad_width mode")
    x = options["x"]
    fill = options.get("constant_values", 0)
    width = options["pad_width"]
    if options.get("mode", "constant") != "constant":
        axes = axes_for(line.shape)
        low.fill(line, rearranged(low, line, indices(axes)), axes)
        return
    if isinstance(width, dict) or np.ndim(data_in(fill)):
        raise Refused("pad with other numbers for each axis")
    starts = np.broadcast_to(data_in(width), (len(line.shape), 2))[:, 0].tolist()
    array = low.arrays[line] = low.local(line)
    array.start = Literal(data_in(fill), array.dtype)
    axes = axes_for(np.shape(data_of(x)))
    places = [place + start for place, start in zip(indices(axes), starts)]
    low.write(array, places, low.at(x, indices(axes)), axes)


def placed(low: Lowering, line: Line) -> None:
    """The derivative of x[keys]: zeros, with g added up at the keys."""
    g, _, *keys = line.arguments
    array = low.arrays[line] = low.local(line)
    array.start = Literal(0, array.dtype)
    scatter(low, array, tuple(keys), g, "+" if has_array(keys) else "=")


def has_array(keys: Any) -> bool:
    """Whether places may repeat."""
    return any(is_array_key(key) for key in keys)


def scatter(low: Lowering, array: Array, keys: Any, values: Any, how: str) -> None:
    """Put values at the keys of an array."""
    expanded([*keys], len(array.shape))  # refuses masks
    numbers = np.arange(int(np.prod(array.shape, dtype=int))).reshape(array.shape)
    axes = axes_for(np.shape(numbers[key_data(keys)]))
    places = low.through_keys(array.shape, keys, indices(axes))
    value = low.operand(values, axes)
    if value.dtype != array.dtype:
        value = Call(cast, (value,), array.dtype, None)
    low.write(array, places, value, axes, how)


def key_data(keys: Any) -> Any:
    """Keys with the data of their lines; zeros for those that are computed."""
    if isinstance(keys, tuple):
        return tuple(map(key_data, keys))
    if isinstance(keys, slice):
        return slice_of(keys)
    if isinstance(keys, Line) and keys.kind != "constant":
        return np.zeros(keys.shape, int) if keys.shape else 0
    return data_of(keys)


def set_at(low: Lowering, line: Line) -> None:
    """`v.at[key].set(x)` and `.add(x)`: a copy of x with values at the keys."""
    x, values, *keys = line.arguments
    array = low.arrays[line] = low.local(line)
    axes = axes_for(line.shape)
    low.write(array, indices(axes), low.at(x, indices(axes)), axes)
    how = "=" if base_of(line) is creation.set_at else "+"
    scatter(low, array, tuple(keys), values, how)


def on_diagonal(low: Lowering, line: Line) -> None:
    """np.diag and np.diagflat: a vector on a diagonal, or that of a matrix."""
    options = options_of(line, "x k")
    x, k = options["x"], int(options.get("k", 0))
    shape = np.shape(data_of(x))
    if line.function is np.diag and len(shape) == 2:
        axes = axes_for(line.shape)
        (place,) = indices(axes)
        places = [place + max(-k, 0), place + max(k, 0)]
        low.fill(line, low.at(x, places), axes)
        return
    axes = axes_for(shape)
    n = int(np.prod(shape, dtype=int))
    (flat,) = places_in([n], shape, indices(axes))
    array = low.arrays[line] = low.local(line)
    array.start = Literal(0, array.dtype)
    value = low.at(x, indices(axes))
    low.write(array, [flat + max(-k, 0), flat + max(k, 0)], value, axes)


def on_einsum_diagonal(low: Lowering, line: Line) -> None:
    """The derivative of what einsum takes where letters repeat."""
    options = options_of(line, "g x term letters")
    axes = axes_for(np.shape(data_of(options["g"])))
    by_letter = dict(zip(options["letters"], indices(axes)))
    array = low.arrays[line] = low.local(line)
    array.start = Literal(0, array.dtype)
    value = low.at(options["g"], indices(axes))
    places = [by_letter[letter] for letter in options["term"]]
    low.write(array, places, value, axes)


def sums_by_number(low: Lowering, line: Line) -> None:
    """np.bincount: weights added up by number."""
    options = options_of(line, "numbers weights minlength")
    numbers, weights = options["numbers"], options.get("weights")
    if isinstance(numbers, Line) and numbers.kind != "constant":
        if options.get("minlength", 0) < line.shape[0]:
            raise Refused("bincount without minlength")
    axes = axes_for(np.shape(data_of(numbers)))
    array = low.arrays[line] = low.local(line)
    array.start = Literal(0, array.dtype)
    place = low.place_of_key(numbers, indices(axes), line.shape[0], 0)
    one = Literal(1, array.dtype)
    value = one if weights is None else low.at(weights, indices(axes))
    low.write(array, [place], value, axes, "+")


TABLE: dict[Any, Callable[[Lowering, Line], None]] = {
    **dict.fromkeys([np.argmax, np.argmin], place_of_extreme),
    **dict.fromkeys([logic.nanargmax, logic.nanargmin], place_of_extreme),
    **dict.fromkeys([np.add.reduce, np.sum], summed),
    **dict.fromkeys([np.multiply.reduce, np.prod], multiplied),
    **dict.fromkeys([np.maximum.reduce, np.max], largest),
    **dict.fromkeys([np.minimum.reduce, np.min], smallest),
    np.any: any_of,
    np.logical_or.reduce: any_of,
    np.all: all_of,
    np.logical_and.reduce: all_of,
    np.cumsum: running,
    np.cumprod: running,
    np.concatenate: joined,
    np.stack: joined,
    np.diag: on_diagonal,
    np.diagflat: on_diagonal,
    np.full_like: filled,
    np.ones_like: filled,
    np.zeros_like: filled,
    **dict.fromkeys([np.tril, np.triu], triangle),
    placed_at: placed,
    **dict.fromkeys([creation.set_at, creation.sum_at], set_at),
    all_bits: nothing,
    creation.filled_like: filled,
    functions.placed_on_diagonal: on_einsum_diagonal,
    kept_bits: kept,
    logic.count_nonzero: counted_nonzero,
    np.bincount: sums_by_number,
    np.count_nonzero: counted_nonzero,
    np.dot: dot_product,
    np.einsum: sum_of_products,
    np.matmul: matrix_product,
    np.nan_to_num: without_nan,
    np.pad: padded,
    np.round: rounded,
    np.tensordot: product_over_axes,
    np.vdot: product_of_vectors,
    np.where: chosen,
    special_arrays.erf: of_each,
    special_arrays.erfc: of_each,
    special_arrays.gammaln: of_each,
}
LOOPS.update(TABLE)
for name in ("vecdot", "matvec", "vecmat"):  # of NumPy 2
    if hasattr(np, name):
        LOOPS[getattr(np, name)] = of_vectors


def lowering(inputs: Sequence[Line], open_lengths: Collection[int]) -> Lowering:
    """A lowering that knows the views and the calls."""
    return Lowering(inputs, open_lengths)
