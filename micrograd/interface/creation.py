"""Values in the shape of another; grids; and filling in: `v.at[key].set(x)`.

A Value is not changed in place, as what was computed from it would no longer be right:
filling in gives a new one, to which both the old Value and what was put in belong.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd.engine import Constant, Value, apply, as_key
from micrograd.interface.arguments import known, with_options
from micrograd.rules import RULES, Function, define, elements_at, primitive, run

# --- In the shape of another ----------------------------------------------------------


def filled_like(x: Any, fill: Any, dtype: Any = None, shape: Any = None) -> Any:
    """An array full of a number, in the shape and dtype of x, or in those given."""
    dtype = np.result_type(x) if dtype is None else dtype
    return np.full(np.shape(x) if shape is None else shape, fill, dtype)[()]


define(
    np.full_like,
    None,
    lambda g, y, x, fill, **_: g if np.result_type(y).kind == "f" else 0.0,  # cut
    value=filled_like,
)
full_like = with_options(np.full_like, "dtype shape")


def zeros_like(a: Any, dtype: Any = None, *, shape: Any = None) -> Value:
    """np.zeros_like."""
    return full_like(a, 0, dtype, shape=shape)


def ones_like(a: Any, dtype: Any = None, *, shape: Any = None) -> Value:
    """np.ones_like."""
    return full_like(a, 1, dtype, shape=shape)


# --- Grids ----------------------------------------------------------------------------


def shares_of_stop(y: Any, num: int, endpoint: bool) -> Any:
    """The weight of stop in each element of y, along its first axis: from 0 to 1."""
    shares = np.arange(num) / max(num - endpoint, 1)
    return np.reshape(shares, (-1, *[1] * (np.ndim(y) - 1)))


def evenly_spaced(start: Any, stop: Any, num: int, endpoint: bool) -> Any:
    """np.linspace, along the first axis."""
    return np.linspace(start, stop, num, endpoint)


define(
    evenly_spaced,
    lambda g, y, start, stop, num, endpoint: g * (1 - shares_of_stop(y, num, endpoint)),
    lambda g, y, start, stop, num, endpoint: g * shares_of_stop(y, num, endpoint),
    name="linspace",
)


def linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """So many numbers from start to stop, in equal steps, along a new axis."""
    num = operator.index(num)
    rule = RULES[evenly_spaced].bind({"num": num, "endpoint": bool(endpoint)}, 2)
    y: Any = apply(rule, start, stop)
    y = np.moveaxis(y, 0, axis)
    y = y if dtype is None else y.astype(dtype)
    if not retstep:
        return y
    n_steps = num - bool(endpoint)
    return y, (1.0 * stop - start) / (n_steps if n_steps > 0 else np.nan)


def meshgrid(
    *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> Any:
    """The coordinates of all points of a grid: an array for each of the vectors."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing: expected 'xy' or 'ij', got {indexing!r}")
    n_axes = len(xi)
    grids: Any = [
        np.reshape(known(x), [-1 if i == j else 1 for j in range(n_axes)])
        for i, x in enumerate(xi)
    ]
    if indexing == "xy" and n_axes > 1:
        grids = [np.swapaxes(x, 0, 1) for x in grids]
    grids = grids if sparse else np.broadcast_arrays(*grids)
    return tuple(grids)


# --- Filling in -----------------------------------------------------------------------


class At:
    """`v.at`: with a key it names places of v, which may be filled in.

    >>> Value([1.0, 2.0, 3.0]).at[1:].set(0)
    Value(data=[1. 0. 0.], grad=None)
    """

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value

    def __getitem__(self, key: Any) -> Places:
        """The places that `v[key]` takes; keys may be Values.

        >>> x = Value([3.0, -1.0])
        >>> x.at[x < 0].set(0)
        Value(data=[3. 0.], grad=None)
        """
        keys = key if isinstance(key, tuple) else (key,)
        return Places(self.value, tuple(map(as_key, keys)))


class Places:
    """`v.at[key]`: places of v, which `set` and `add` fill in, in a new Value.

    >>> Value([1.0, 2.0, 3.0]).at[[0, 2]].add([10, 20])
    Value(data=[11.  2. 23.], grad=None)
    """

    __slots__ = ("keys", "value")

    def __init__(self, value: Value, keys: tuple[Value | Constant, ...]) -> None:
        self.value, self.keys = value, keys

    def set(self, values: Any, /) -> Value:
        """The Value with these at the places; they receive the gradient there.

        They broadcast. Where a place is met twice, the last one counts, as in NumPy's
        assignment. The dtype stays: a TypeError, if floats were cut to integers.

        >>> v, x = Value([1.0, 2.0, 3.0]), Value(5.0)
        >>> y = v.at[1].set(x)
        >>> y.backward()
        >>> print(y.data, v.grad, x.grad)
        [1. 5. 3.] [1. 0. 1.] 1.0
        """
        return apply(RULES[set_at], self.value, values, *self.keys)

    def add(self, values: Any, /) -> Value:
        """The Value with these added at the places; all that meet in one are added.

        >>> Value(np.zeros(3)).at[[0, 2, 0]].add([1, 2, 3])
        Value(data=[4. 0. 2.], grad=None)
        """
        return apply(RULES[sum_at], self.value, values, *self.keys)


def copy_for(x: Any, values: Any) -> Any:
    """A copy of x to put values in; TypeError, if they are floats and x holds none."""
    got, expected = np.result_type(values), np.result_type(x)
    if got.kind == "f" and expected.kind != "f":
        raise TypeError(
            f"expected values of {expected}, got {got}: make floats of the Value "
            "first, as in (v + 0.0).at[key]"
        )
    return np.array(x)


def set_at(x: Any, values: Any, *keys: Any) -> Any:
    """x with x[keys] = values."""
    y = copy_for(x, values)
    y[keys] = values
    return y if y.ndim else y[()]


def grad_set_at_x(g: Any, y: Any, x: Any, values: Any, *keys: Any) -> Any:
    """g, but 0 at the places."""
    return run(set_at, g, 0.0, *keys)


def grad_set_at_values(g: Any, y: Any, x: Any, values: Any, *keys: Any) -> Any:
    """g at the places; 0 for those whose place another one has taken."""
    taken = run(elements_at, g, *keys)
    if not any(np.ndim(key) and np.result_type(key).kind != "b" for key in keys):
        return taken  # slices and masks meet a place once
    return np.where(is_last(y, *keys), taken, 0.0)


@primitive(None)
def is_last(y: Any, *keys: Any) -> Any:
    """For each element of y[keys], whether no later one has its place."""
    places = np.zeros(np.shape(y), int)
    numbers = np.arange(places[keys].size).reshape(np.shape(places[keys]))
    places[keys] = numbers
    return places[keys] == numbers


def sum_at(x: Any, values: Any, *keys: Any) -> Any:
    """x with values added at the places.

    Their shape is checked here, because np.add.at may crash the whole process.
    """
    y = copy_for(x, values)
    places, shape = np.shape(y[keys]), np.shape(values)
    fits = [n in (1, m) for n, m in zip(shape[::-1], places[::-1])]
    if len(shape) > len(places) or not all(fits):
        words = f"expected a shape that broadcasts to {places}, got {shape}"
        raise ValueError(f"values: {words}")
    np.add.at(y, keys, values)
    return y if y.ndim else y[()]


define(set_at, grad_set_at_x, grad_set_at_values, name="at[].set")
define(
    sum_at,
    lambda g, y, x, values, *keys: g,
    lambda g, y, x, values, *keys: run(elements_at, g, *keys),
    name="at[].add",
)


FUNCTIONS: dict[Function, Callable[..., Any]] = {
    np.empty_like: zeros_like,  # what is evaluated twice is twice the same
    np.full_like: full_like,
    np.linspace: linspace,
    np.meshgrid: meshgrid,
    np.ones_like: ones_like,
    np.zeros_like: zeros_like,
}
