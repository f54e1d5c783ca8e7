"""Other shapes of the same elements: ravel, flip, roll, repeat, split, pad, diag."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from micrograd.arrays import NUMBERS
from micrograd.engine import Value, apply, as_key
from micrograd.interface.adjoints import linear
from micrograd.interface.arguments import (
    installed,
    known,
    with_options,
)
from micrograd.interface.functions import concatenate, where, with_dtype
from micrograd.rules import (
    RULES,
    Function,
    Rule,
    define,
    elements_at,
    placed_at,
    primitive,
    reshape_like,
    run,
)

# --- Axes of length 1, and other orders of axes ---------------------------------------


def grad_reshape_x(g: Any, y: Any, x: Any, **_: Any) -> Any:
    """g in the shape of x."""
    return reshape_like(g, x)


define(np.expand_dims, grad_reshape_x, value=lambda x, axis: np.expand_dims(x, axis))
define(np.squeeze, grad_reshape_x, value=lambda x, axis: np.squeeze(x, axis))
define(np.atleast_1d, grad_reshape_x)
define(np.atleast_2d, grad_reshape_x)
define(np.atleast_3d, grad_reshape_x)


def each_at_least(function: Function) -> Callable[..., Any]:
    """NumPy's function, which puts axes of length 1 to each that lacks them."""

    def of_values(*values: Any) -> Any:
        results = tuple([apply(RULES[function], x) for x in values])
        return results[0] if len(results) == 1 else results

    return of_values


def squeeze(a: Value, axis: Any = None) -> Value:
    """Without these axes of length 1; without all that are not open, if None."""
    if axis is None:
        axis = tuple([i for i, n in enumerate(a.shape) if n == 1])
    return apply(RULES[np.squeeze].bind({"axis": axis}), a)


def ravel(a: Value, order: str = "C") -> Value:
    """All elements along one axis; in the order "F" the first axis goes fastest."""
    return a.reshape(-1, order=order)


def reordered(function: Function) -> Callable[..., Value]:
    """NumPy's function, which brings axes into another order."""

    def of_value(a: Value, *arguments: Any, **options: Any) -> Value:
        shown = np.empty(range(a.ndim))  # each length is the number of its axis
        return a.transpose(function(shown, *arguments, **options).shape)

    return of_value


# --- Broadcasting ---------------------------------------------------------------------


def grad_broadcast_to_x(g: Any, *_: Any, **options: Any) -> Any:
    """g itself."""
    return g


define(np.broadcast_to, grad_broadcast_to_x)


def broadcast_arrays(*args: Any) -> tuple[Value, ...]:
    """Each in the shape of all."""
    nothing = [None] * (len(args) - 1)
    rule = Rule("broadcast_arrays", broadcast_with, (grad_broadcast_to_x, *nothing))
    return tuple(
        [apply(rule, x, *args[:i], *args[i + 1 :]) for i, x in enumerate(args)]
    )


def broadcast_with(x: Any, *others: Any) -> Any:
    """x in the shape of all."""
    shapes = [np.shape(other) for other in others]
    return np.broadcast_to(x, np.broadcast_shapes(np.shape(x), *shapes))


# --- Elements that change places ------------------------------------------------------

define(np.flip, lambda g, y, x, axis: np.flip(g, axis))
define(np.rot90, lambda g, y, x, k, axes: np.rot90(g, -k, axes))
define(
    np.roll,
    lambda g, y, x, shift, axis: np.roll(g, np.multiply(shift, -1), axis),
)
define(np.tril, lambda g, y, x, k: np.tril(g, k))
define(np.triu, lambda g, y, x, k: np.triu(g, k))


flip = with_options(np.flip, "axis")


def fliplr(m: Any) -> Value:
    """In the reverse order along the second axis."""
    return flip(m, 1)


def flipud(m: Any) -> Value:
    """In the reverse order along the first axis."""
    return flip(m, 0)


# --- Elements that are taken, repeated or left out ------------------------------------


def element_numbers(x: Any) -> Any:
    """The number of each element, from 1 on; 0 is none."""
    return np.arange(1, np.size(x) + 1).reshape(np.shape(x))


def sums_by_number(g: Any, x: Any, numbers: Any) -> Any:
    """g added up at the elements of x with these numbers, one for each element of y."""
    g = np.ravel(g)
    if g.dtype == np.longdouble:
        g = g.astype(float)  # in which bincount adds
    sums = np.bincount(np.ravel(numbers), g, np.size(x) + 1)
    return np.reshape(sums[1:], np.shape(x))


def grad_x_of(function: Function) -> Function:
    """The derivative of a function that takes elements of x, or puts 0.

    Where each comes from, the function itself tells: it moves their numbers.
    """

    def adjoint(g: Any, x: Any, *others: Any, **options: Any) -> Any:
        return sums_by_number(g, x, function(element_numbers(x), *others, **options))

    return linear(function, adjoint)


def values_along_axis(x: Any, indices: Any, axis: Any) -> Any:
    """np.take_along_axis, also of numbers, which have no axes."""
    x, indices = (a if np.ndim(a) else np.asarray(a) for a in (x, indices))
    return np.take_along_axis(x, indices, axis)


def placed_by_take(
    g: Any, x: Any, indices: Any, axis: int | None, mode: Any = "raise"
) -> Any:
    """g added up where np.take has it from."""
    shape = np.shape(x)
    if mode != "raise":
        taken = np.take(element_numbers(x), indices, axis, mode=mode)
        return sums_by_number(g, x, taken)
    if axis is not None and shape:
        return placed_at(g, x, *[slice(None)] * (axis % len(shape)), indices)
    return np.reshape(placed_at(g, (np.size(x),), indices), shape)


def placed_along_axis(g: Any, x: Any, indices: Any, axis: int | None) -> Any:
    """g added up where np.take_along_axis has it from."""
    shape = np.shape(x)
    if axis is None or not shape:
        return np.reshape(placed_at(g, (np.size(x),), indices), shape)
    keys: list[Any] = [np.arange(n) for n in np.shape(g)]
    keys = [np.where(n == 1, 0, key) for n, key in zip(shape, keys)]
    keys = [*np.ix_(*keys)]
    keys[axis] = indices
    return placed_at(g, x, *keys)


define(np.delete, grad_x_of(np.delete))
define(np.diag, grad_x_of(np.diag))
define(np.diagflat, grad_x_of(np.diagflat))
define(np.take, linear(np.take, placed_by_take), None)
define(
    np.take_along_axis,
    linear(np.take_along_axis, placed_along_axis),
    None,
    value=values_along_axis,
)


take = with_options(np.take, "axis mode", keys="indices")
take_along_axis = with_options(np.take_along_axis, "axis", keys="indices")


def compress(condition: Any, a: Any, axis: int | None = None) -> Value:
    """Where the condition, of one axis, holds along an axis."""
    condition = as_key(condition)
    if np.ndim(condition.data) != 1:
        n = np.ndim(condition.data)
        raise ValueError(
            f"condition: expected one axis, got {n}; a[condition] has more"
        )
    return take(a, apply(RULES[np.flatnonzero], condition), axis)


def placed_on_diagonal(g: Any, x: Any, offset: int) -> Any:
    """g on that diagonal of the last two axes."""
    *lengths, rows, columns = np.shape(x)
    first = offset if offset > 0 else -offset * columns
    step = columns + 1
    places = slice(first, first + step * np.shape(g)[-1], step)
    return np.reshape(
        placed_at(g, (*lengths, rows * columns), ..., places), np.shape(x)
    )


define(
    np.diagonal,
    linear(np.diagonal, placed_on_diagonal),
    value=lambda x, offset: np.diagonal(x, offset, -2, -1),
)


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """The elements whose places along two axes differ by the offset."""
    n = np.ndim(a)
    if n > 1 and (axis1, axis2) not in ((-2, -1), (n - 2, n - 1)):
        a = np.moveaxis(a, (axis1, axis2), (-2, -1))
    return apply(RULES[np.diagonal].bind({"offset": offset}), a)


def sums_of_copies(g: Any, x: Any, repeats: Any, axis: int | None) -> Any:
    """The sum of the copies."""
    if np.ndim(repeats):
        return sums_by_number(g, x, np.repeat(element_numbers(x), repeats, axis))
    lengths = [np.size(x)] if axis is None else [*np.shape(np.atleast_1d(x))]
    copies = (axis or 0) % len(lengths) + 1
    lengths.insert(copies, repeats)
    sums = np.add.reduce(np.reshape(g, lengths), copies)
    return np.reshape(sums, np.shape(x))


def sums_of_tiles(g: Any, x: Any, reps: Any) -> Any:
    """The sum of the tiles."""
    shape, reps = np.shape(x), tuple(np.atleast_1d(reps))
    n = max(len(shape), len(reps))
    shape = (1,) * (n - len(shape)) + shape
    reps = (1,) * (n - len(reps)) + reps
    lengths = [length for pair in zip(reps, shape) for length in pair]
    tiles = np.reshape(g, lengths)
    return np.reshape(np.add.reduce(tiles, tuple(range(0, 2 * n, 2))), np.shape(x))


define(np.repeat, linear(np.repeat, sums_of_copies))
define(np.tile, linear(np.tile, sums_of_tiles))


# --- Choices --------------------------------------------------------------------------


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """For each place, of the first choice whose condition holds there."""
    if len(condlist) != len(choicelist):
        n, m = len(condlist), len(choicelist)
        raise ValueError(f"expected a condition for each choice, got {n} for {m}")
    y = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist)):
        y = where(condition, choice, y)
    return y


def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """The elements where each condition holds, by its function; 0 where none does.

    A function is called with its elements alone, and may be a number. One more than
    there are conditions is for the rest. The dtype is that of x, as in NumPy.
    """
    x = x if isinstance(x, Value) else Value(x)
    conditions = known(condlist).astype(bool)  # (conditions, ...)
    if np.ndim(conditions) == np.ndim(x):
        conditions = conditions[None]
    n, m = len(conditions), len(funclist)
    if m not in (n, n + 1):
        raise ValueError(f"funclist: expected {n} or {n + 1} functions, got {m}")
    rows = [conditions[i] for i in range(n)]
    if m == n + 1:
        rows.append(np.logical_not(np.any(conditions, 0)))
    y = np.zeros_like(x)
    for row, function in zip(rows, funclist):
        is_number = isinstance(function, Value) or not callable(function)
        part = function if is_number else function(x[row], *args, **kw)
        y = y.at[row].set(part)
    return y


def choose_from(index: Any, *choices: Any) -> Any:
    """np.choose, of arguments."""
    return np.choose(index, choices)


def grad_choose(i: int, g: Any, y: Any, index: Any, *choices: Any) -> Any:
    """g where the i-th was chosen."""
    return np.where(index == i, g, 0.0)


def choose(a: Any, choices: Any) -> Value:
    """For each place, of the choice whose number stands there."""
    choices = [*choices]
    grad_choices = [partial(grad_choose, i) for i in range(len(choices))]
    return apply(Rule("choose", choose_from, (None, *grad_choices)), a, *choices)


# --- Parts ----------------------------------------------------------------------------


def key_of_part(x: Any, i: int, sections: Any, axis: int) -> tuple[slice, ...]:
    """The index of the i-th part: of so many, or between these places."""
    if np.ndim(sections):
        part = slice(*[None, *sections, None][i : i + 2])
    else:
        length, longer = divmod(np.shape(x)[axis], sections)
        start = i * length + min(i, longer)
        part = slice(start, start + length + (i < longer))
    key = [slice(None)] * np.ndim(x)
    key[axis] = part
    return tuple(key)


def split_part(x: Any, i: int, sections: Any, axis: int, is_equal: bool) -> Any:
    """The i-th part along an axis."""
    if is_equal and np.ndim(sections) == 0 and np.shape(x)[axis] % sections:
        n = np.shape(x)[axis]
        raise ValueError(f"expected a length that {sections} divides, got {n}")
    return x[key_of_part(x, i, sections, axis)]


def placed_part(
    g: Any, x: Any, i: int, sections: Any, axis: int, is_equal: bool
) -> Any:
    """g at the part, 0 elsewhere."""
    return placed_at(g, x, *key_of_part(x, i, sections, axis))


define(split_part, linear(split_part, placed_part), name="split")


def split_parts(ary: Value, cuts: Any, axis: int, is_equal: bool) -> list[Value]:
    """The parts along an axis: so many, or cut at these places."""
    n = len(cuts) + 1 if np.ndim(cuts) else cuts
    if ary.ndim == 0:
        raise ValueError("expected an axis to split along, got a number")
    if n < 1:
        raise ValueError(f"expected one section or more, got {n}")
    parameters = {"sections": cuts, "axis": axis, "is_equal": is_equal}
    return [
        apply(RULES[split_part].bind({"i": i, **parameters}), ary) for i in range(n)
    ]


def split(ary: Value, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    """So many equal parts along an axis; or cut at these places."""
    return split_parts(ary, indices_or_sections, axis, is_equal=True)


def array_split(ary: Value, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    """So many parts along an axis, the first ones longer; or cut at these places."""
    return split_parts(ary, indices_or_sections, axis, is_equal=False)


def hsplit(ary: Value, indices_or_sections: Any) -> list[Value]:
    """Parts along the second axis; along the only one."""
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


def vsplit(ary: Value, indices_or_sections: Any) -> list[Value]:
    """Parts along the first axis, of two or more."""
    if ary.ndim < 2:
        raise ValueError(f"expected two axes or more, got {ary.ndim}")
    return split(ary, indices_or_sections, 0)


def dsplit(ary: Value, indices_or_sections: Any) -> list[Value]:
    """Parts along the third axis."""
    if ary.ndim < 3:
        raise ValueError(f"expected three axes or more, got {ary.ndim}")
    return split(ary, indices_or_sections, 2)


# --- Joining --------------------------------------------------------------------------


@with_dtype
def vstack(tup: Any) -> Value:
    """Below each other: along the first axis; vectors are rows."""
    return concatenate([np.atleast_2d(known(x)) for x in tup])


@with_dtype
def hstack(tup: Any) -> Value:
    """Beside each other: along the second axis; vectors along their only one."""
    parts = [np.atleast_1d(known(x)) for x in tup]
    return concatenate(parts, 0 if parts and parts[0].ndim == 1 else 1)


def dstack(tup: Any) -> Value:
    """Behind each other: along the third axis."""
    return concatenate([np.atleast_3d(known(x)) for x in tup], 2)


def column_stack(tup: Any) -> Value:
    """Beside each other; vectors are columns."""
    parts = map(known, tup)
    return concatenate([x if np.ndim(x) > 1 else np.atleast_2d(x).T for x in parts], 1)


def block(arrays: Any) -> Any:
    """Of nested lists: the innermost along the last axis, each outer before it."""
    depth, first = 0, arrays
    while isinstance(first, list):
        depth, first = depth + 1, first[0] if first else None
    return joined_block(arrays, -depth, most_axes(arrays, depth))


def most_axes(x: Any, most: int) -> int:
    """The most axes that a part in nested lists has."""
    if isinstance(x, list):
        return max([most_axes(part, most) for part in x], default=most)
    return max(np.ndim(x), most)


def joined_block(x: Any, axis: int, n_axes: int) -> Any:
    """A list joined along this axis; a part with new axes before its own."""
    if isinstance(x, list) != (axis < 0):
        raise ValueError("expected lists that are nested equally deep")
    if isinstance(x, list):
        return concatenate([joined_block(part, axis + 1, n_axes) for part in x], axis)
    x = known(x)
    return np.expand_dims(x, tuple(range(n_axes - np.ndim(x))))


def append(arr: Any, values: Any, axis: int | None = None) -> Value:
    """The values after it along an axis; all elements along one, if it is None."""
    return concatenate([known(arr), known(values)], axis)


def insert_into(x: Any, values: Any, obj: Any, axis: int | None) -> Any:
    """np.insert, values second."""
    return np.insert(x, obj, values, axis)


@primitive(
    lambda gg, y, g, x, values, **p: run(np.insert, gg, np.zeros_like(values), **p),
    None,
    None,
    name="adjoint of insert",
)
def grad_insert_x(g: Any, x: Any, values: Any, obj: Any, axis: int | None) -> Any:
    """g where x is."""
    nothing = np.zeros(np.shape(values), int)
    return sums_by_number(g, x, insert_into(element_numbers(x), nothing, obj, axis))


@primitive(
    lambda gg, y, g, x, values, **p: run(np.insert, np.zeros_like(x), gg, **p),
    None,
    None,
    name="adjoint of insert",
)
def grad_insert_values(g: Any, x: Any, values: Any, obj: Any, axis: int | None) -> Any:
    """g where the values are."""
    nothing = np.zeros(np.shape(x), int)
    return sums_by_number(
        g, values, insert_into(nothing, element_numbers(values), obj, axis)
    )


define(
    np.insert,
    lambda g, y, x, values, **places: grad_insert_x(g, x, values, **places),
    lambda g, y, x, values, **places: grad_insert_values(g, x, values, **places),
    value=insert_into,
)


PADDINGS = ("constant", "edge", "reflect", "symmetric", "wrap")


@primitive(
    lambda gg, y, g, x, pad_width, mode, **_: run(
        np.pad, gg, pad_width=pad_width, mode=mode
    ),
    None,
    name="adjoint of pad",
)
def unpadded(g: Any, x: Any, pad_width: Any, mode: Any, **options: Any) -> Any:
    """g inside, and at the places whose elements stand outside, too."""
    if mode != "constant" or isinstance(pad_width, dict):
        return sums_by_number(g, x, np.pad(element_numbers(x), pad_width, mode))
    starts = np.broadcast_to(pad_width, (np.ndim(x), 2))[:, 0].tolist()
    inside = [slice(before, before + n) for before, n in zip(starts, np.shape(x))]
    return elements_at(g, *inside)


define(np.pad, lambda g, y, x, **options: unpadded(g, x, **options))


def pad(array: Any, pad_width: Any, mode: str = "constant", **options: Any) -> Value:
    """With more places before and after it along each axis."""
    if mode not in PADDINGS:
        raise TypeError(f"mode: expected one of {', '.join(PADDINGS)}, got {mode!r}")
    if not options.keys() <= {"constant_values"}:
        raise TypeError(f"expected constant_values= alone, got {', '.join(options)}=")
    parameters = {"pad_width": pad_width, "mode": mode, **options}
    return apply(RULES[np.pad].bind(parameters), array)


# --- The same elements anew -----------------------------------------------------------


def as_dtype(x: Any, dtype: Any, copy: bool) -> Any:
    """x in another dtype."""
    if type(x) in NUMBERS:
        return np.asarray(x).astype(dtype)[()]
    return x.astype(dtype, copy=copy)


define(as_dtype, grad_broadcast_to_x, name="astype")
define(np.copy, grad_broadcast_to_x)


def astype(x: Any, dtype: Any, copy: bool = True) -> Value:
    """In another dtype; no gradient comes back from integers and booleans."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "biuf":
        raise TypeError(f"dtype: expected one of real numbers, got {dtype}")
    rule = RULES[as_dtype].bind({"dtype": dtype, "copy": copy})
    if dtype.kind != "f":
        rule.derivatives = (None,)
    return apply(rule, x)


FUNCTIONS: dict[Function, Callable[..., Any]] = {
    np.append: append,
    np.array_split: array_split,
    np.atleast_1d: each_at_least(np.atleast_1d),
    np.atleast_2d: each_at_least(np.atleast_2d),
    np.atleast_3d: each_at_least(np.atleast_3d),
    np.block: block,
    np.broadcast_arrays: broadcast_arrays,
    np.broadcast_to: with_options(np.broadcast_to, "shape"),
    np.choose: choose,
    np.column_stack: column_stack,
    np.compress: compress,
    np.copy: with_options(np.copy, "order"),
    np.delete: with_options(np.delete, "obj axis"),
    np.diag: with_options(np.diag, "k"),
    np.diagflat: with_options(np.diagflat, "k"),
    np.diagonal: diagonal,
    np.dsplit: dsplit,
    np.dstack: dstack,
    np.expand_dims: with_options(np.expand_dims, "axis"),
    np.flip: flip,
    np.fliplr: fliplr,
    np.flipud: flipud,
    np.hsplit: hsplit,
    np.hstack: hstack,
    np.insert: with_options(np.insert, "obj axis"),
    np.moveaxis: reordered(np.moveaxis),
    np.pad: pad,
    np.piecewise: piecewise,
    np.ravel: ravel,
    np.repeat: with_options(np.repeat, "repeats axis"),
    np.roll: with_options(np.roll, "shift axis"),
    np.rollaxis: reordered(np.rollaxis),
    np.rot90: with_options(np.rot90, "k axes"),
    np.select: select,
    np.split: split,
    np.squeeze: squeeze,
    np.swapaxes: reordered(np.swapaxes),
    np.take: take,
    np.take_along_axis: take_along_axis,
    np.tile: with_options(np.tile, "reps"),
    np.tril: with_options(np.tril, "k"),
    np.triu: with_options(np.triu, "k"),
    np.vsplit: vsplit,
    np.vstack: vstack,
    **installed({"astype": astype}),
}
