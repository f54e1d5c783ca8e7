"""Views: calls that rearrange elements, as reading the operand at other places."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from micrograd import nn, rules
from micrograd.arrays import as_float, as_number
from micrograd.interface import shapes
from micrograd.program.loops import Call, Expression, Index, Refused
from micrograd.program.lower import (
    VIEWS,
    Lowering,
    Places,
    data_of,
    dtype_of,
    is_array_key,
    options_of,
)
from micrograd.program.record import Line, cast, data_in
from micrograd.program.source import name_of
from micrograd.rules import Function


def same_element(low: Lowering, line: Line, places: Places) -> Expression:
    """The operand itself, in the dtype of the result."""
    x = low.at(line.arguments[0], places)
    dtype = dtype_of(line)
    return x if x.dtype == dtype else Call(cast, (x,), dtype, None)


def broadcast(low: Lowering, line: Line, places: Places) -> Expression:
    """The operand, which NumPy broadcasts."""
    x = line.arguments[0]
    shape = np.shape(data_of(x))
    last = places[len(places) - len(shape) :]
    pairs = zip(shape, last)
    return low.at(x, [Index() if n == 1 else place for n, place in pairs])


def picked(low: Lowering, line: Line, places: Places) -> Expression:
    """x[keys]."""
    x, *keys = line.arguments
    is_getitem = line.function is operator.getitem
    shape = np.shape(data_of(x))
    key = keys[0] if is_getitem else tuple(keys)
    return low.at(x, low.through_keys(shape, key, places))


def transposed(low: Lowering, line: Line, places: Places) -> Expression:
    """The axes in another order."""
    options = options_of(line, "x axes")
    x, axes = options["x"], options.get("axes")
    n = len(line.shape)
    axes = range(n)[::-1] if axes is None else [int(axis) % n for axis in data_in(axes)]
    back = dict(zip(axes, places))
    return low.at(x, [back[i] for i in range(n)])


def swapped(low: Lowering, line: Line, places: Places) -> Expression:
    """Two axes in each other's place."""
    x, first, second = line.arguments
    back = list(places)
    back[first], back[second] = back[second], back[first]
    return low.at(x, back)


def reshaped(low: Lowering, line: Line, places: Places) -> Expression:
    """The elements in another shape."""
    if line.options.get("order", "C") != "C":
        raise Refused(f"{name_of(line.function)} with order=")
    x = line.arguments[0]
    source = np.shape(data_of(x))
    return low.at(x, places_in(source, line.shape, places))


def places_in(
    source: Sequence[int], shape: Sequence[int], places: Places
) -> list[Index]:
    """The places in one shape of places in another one of as many elements.

    Axes that split or merge are found in groups: as few as have equal products.
    """
    if 0 in source:
        return [Index() for _ in source]
    result: list[Index] = []
    i = j = 0
    while i < len(source) or j < len(shape):
        first, last = i, j
        left = right = 1
        while True:
            if left == right and (i > first or j > last):
                break
            if left < right or j == len(shape) or (left == right and i < len(source)):
                left *= source[i]
                i += 1
            else:
                right *= shape[j]
                j += 1
        flat, stride = Index(), 1
        for place, n in zip(reversed(places[last:j]), reversed(shape[last:j])):
            flat = flat + place * stride if n != 1 else flat
            stride *= n
        group: list[Index] = []
        total = stride
        for n in reversed(source[first:i]):
            if n == 1:
                group.append(Index())
                continue
            if n == total:
                group.append(flat)
                continue
            flat_rest = flat.part(n, total)
            group.append(flat_rest[1])
            flat, total = flat_rest[0], total // n
        result += reversed(group)
    return result


def diagonal(low: Lowering, line: Line, places: Places) -> Expression:
    """Elements whose places along two axes differ by an offset."""
    options = options_of(line, "x offset axis1 axis2")
    x, offset = options["x"], options.get("offset", 0)
    n = np.ndim(data_of(x))
    first, second = options.get("axis1", 0) % n, options.get("axis2", 1) % n
    *others, place = places
    queue = iter(others)
    back = {first: place + max(-offset, 0), second: place + max(offset, 0)}
    return low.at(x, [back[i] if i in back else next(queue) for i in range(n)])


def rearranged(low: Lowering, line: Line, places: Places) -> Expression:
    """Each element of the result is one of x: which, the function itself tells.

    It is called with the numbers of the elements in their places.
    """
    x, *others = line.arguments
    shape = np.shape(data_of(x))
    if any(x.kind != "constant" for x in line.operands()[1:]):
        raise Refused(f"{name_of(line.function)} by computed places")
    numbers = np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
    found = line.function(numbers, *data_in(tuple(others)), **data_in(line.options))
    sources = np.unravel_index(found, shape) if numbers.ndim else ()
    return low.at(x, [low.fitted(np.asarray(numbers), places) for numbers in sources])


def taken(low: Lowering, line: Line, places: Places) -> Expression:
    """np.take and np.take_along_axis."""
    options = options_of(line, "x indices axis")
    if options.get("mode", "raise") != "raise":
        return rearranged(low, line, places)
    function = np.take if line.function is np.take else np.take_along_axis
    return low.at(options["x"], places_taken(low, function, options, places))


def places_taken(
    low: Lowering, function: Function, options: dict[str, Any], places: Places
) -> list[Index]:
    """The places in x of places in what np.take or np.take_along_axis takes of it."""
    keys, axis = options["indices"], options.get("axis")
    shape = np.shape(data_of(options["x"]))
    if axis is None:
        if function is np.take_along_axis:
            raise Refused("take_along_axis without an axis")
        size = int(np.prod(shape, dtype=int))
        flat = low.through_keys([size], (as_array_key(keys),), places)
        return places_in(shape, [size], flat)
    axis %= len(shape)
    if function is np.take:
        before = (slice(None),) * axis
        return low.through_keys(shape, (*before, as_array_key(keys)), places)
    pairs = zip(places, np.shape(data_of(keys)))
    own = [Index() if n == 1 else place for place, n in pairs]
    back = [Index() if n == 1 else place for place, n in zip(places, shape)]
    back[axis] = low.place_of_key(keys, own, shape[axis], None)
    return back


def as_array_key(keys: Any) -> Any:
    """Keys of np.take as those in brackets."""
    return keys if is_array_key(keys) else np.asarray(data_of(keys))


def of_label(low: Lowering, line: Line, places: Places) -> Expression:
    """The loss of each row's label."""
    losses, labels = line.arguments
    classes = np.shape(data_of(losses))[-1]
    pairs = zip(places, np.shape(data_of(losses)))
    back = [Index() if n == 1 else place for place, n in pairs]
    key = low.place_of_key(labels, back, classes, 0)
    return low.at(losses, [*places, key])


TABLE: dict[Any, Callable[[Lowering, Line, Places], Expression]] = {
    **dict.fromkeys([as_float, as_number, cast], same_element),
    **dict.fromkeys([shapes.as_dtype, np.copy], same_element),
    **dict.fromkeys([np.broadcast_to, shapes.broadcast_with], broadcast),
    **dict.fromkeys([operator.getitem, rules.elements_at], picked),
    **dict.fromkeys([np.reshape, np.ravel, np.squeeze, np.expand_dims], reshaped),
    **dict.fromkeys([np.atleast_1d, np.atleast_2d, np.atleast_3d], reshaped),
    **dict.fromkeys([np.flip, np.rot90, np.roll, np.repeat, np.tile], rearranged),
    **dict.fromkeys([np.delete], rearranged),
    nn.loss_of_label: of_label,
    np.diagonal: diagonal,
    np.swapaxes: swapped,
    np.take: taken,
    np.take_along_axis: taken,
    shapes.values_along_axis: taken,
    np.transpose: transposed,
}
VIEWS.update(TABLE)
