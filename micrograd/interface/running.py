"""Running results along an axis: maxima, minima, logarithms of sums; and windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd.arrays import as_parameter
from micrograd.engine import Value, apply
from micrograd.interface.shapes import take, take_along_axis
from micrograd.rules import RULES, Function, define, primitive

# --- Running extremes: the gradient goes to the element that was chosen ---------------


def places_of_maxima(x: Any, axis: int) -> Any:
    """The index of the largest element so far, the last one among equal ones.

    From the first nan on, that of the nan.
    """
    return last_places(x == np.maximum.accumulate(x, axis), x, axis)


def places_of_minima(x: Any, axis: int) -> Any:
    """The index of the smallest element so far, likewise."""
    return last_places(x == np.minimum.accumulate(x, axis), x, axis)


def last_places(is_chosen: Any, x: Any, axis: int) -> Any:
    """For each place along the axis, the last index up to it that is chosen, or nan."""
    lengths = [1] * np.ndim(x)
    lengths[axis] = -1
    indices = np.reshape(np.arange(np.shape(x)[axis]), lengths)
    is_nan = np.isnan(x)
    is_first_nan = is_nan & (np.cumsum(is_nan, axis) == 1)
    return np.maximum.accumulate(np.where(is_chosen | is_first_nan, indices, 0), axis)


define(places_of_maxima, None, name="maximum.accumulate")
define(places_of_minima, None, name="minimum.accumulate")


def running_extreme(places: Function) -> Callable[..., Value]:
    """The elements at these places, which a rule finds."""

    def accumulate(array: Any, axis: int = 0) -> Value:
        indices = apply(RULES[places].bind({"axis": axis}), array)
        return take_along_axis(array, indices, axis)

    return accumulate


# --- Running logarithms of sums -------------------------------------------------------


def logsumexps(x: Any, axis: int) -> Any:
    """ln Σ exp(x) over the elements so far, without overflow."""
    return np.logaddexp.accumulate(x, axis)


@primitive(
    lambda gg, _, g, x, y, axis: sums_up_to(gg, x, y, axis),
    lambda gg, _, g, x, y, axis: gg * sums_from_x_on(g, x, y, axis=axis),
    lambda gg, _, g, x, y, axis: -g * sums_up_to(gg, x, y, axis),
)
def sums_from_x_on(g: Any, x: Any, y: Any, axis: int) -> Any:
    """Σ g exp(x - y) over the places from x on.

    The sums of the positive and of the negative g are taken as logarithms, since
    exp(x) and exp(-y) alone may overflow.
    """
    sums = []
    for part in (g, -g):
        counts = (part > 0) & (y > -np.inf)
        sums.append(np.where(counts, np.log(np.where(counts, part, 1)) - y, -np.inf))
    from_x_on = [
        np.flip(np.logaddexp.accumulate(np.flip(part, axis), axis), axis)
        for part in sums
    ]
    return np.exp(x + from_x_on[0]) - np.exp(x + from_x_on[1])


def sums_up_to(g: Any, x: Any, y: Any, axis: int) -> Any:
    """Σ g exp(x - y) over the places up to y: the same from the other end."""
    turned = [np.flip(part, axis) for part in (g, -y, -x)]
    return np.flip(sums_from_x_on(*turned, axis=axis), axis)


define(
    logsumexps,
    lambda g, y, x, axis: sums_from_x_on(g, x, y, axis=axis),
    name="logaddexp.accumulate",
)


def logaddexp_accumulate(array: Any, axis: int = 0) -> Value:
    """np.logaddexp.accumulate of Values."""
    return apply(RULES[logsumexps].bind({"axis": axis}), array)


# --- Windows --------------------------------------------------------------------------


def window_indices(x: Any, length: int, axis: int, is_open: bool) -> Any:
    """The indices of all windows of that length along the axis: (windows, length)."""
    n = np.shape(x)[axis] - length + 1
    if is_open:
        n = max(n, 0)
    elif length < 0 or n < 1:
        got = f"{length} for {np.shape(x)[axis]} along axis {axis}"
        raise ValueError(f"window_shape: expected at most the length, got {got}")
    return np.arange(n)[:, None] + np.arange(length)


define(window_indices, None, name="sliding_window_view")


def sliding_window_view(
    x: Value, window_shape: Any, axis: Any = None, **options: Any
) -> Any:
    """All windows of that shape, their axes last; a copy, unlike NumPy's view.

    An open axis may be shorter than the window: then there are no windows.
    """
    if options:
        raise TypeError(f"expected window_shape and axis, got {', '.join(options)}=")
    y: Any = x
    n_axes = np.ndim(x)
    shown = np.empty((0,) * n_axes)
    lengths = np.atleast_1d(as_parameter(window_shape, "window_shape")).tolist()
    axes = np.atleast_1d(range(n_axes) if axis is None else axis).tolist()
    if len(lengths) != len(axes):
        expected = f"a length for each of the axes {axes}"
        raise ValueError(f"window_shape: expected {expected}, got {window_shape}")
    for i, length in zip(axes, lengths):
        i = np.moveaxis(shown, i, 0).ndim and i % n_axes  # AxisError, if there is none
        parameters = {"length": length, "axis": i, "is_open": y.shape[i] is None}
        indices = apply(RULES[window_indices].bind(parameters), y)
        windows: Any = take(y, indices, i)
        y = np.moveaxis(windows, i + 1, -1)
    return y


# --- What `ufunc.accumulate` and NumPy's functions call -------------------------------


def along(function: Function) -> Callable[..., Value]:
    """NumPy's function as the ufunc's method, whose axis is the first one."""
    return lambda array, axis=0: function(array, axis)


ACCUMULATE: dict[Function, Callable[..., Value]] = {
    np.add: along(np.cumsum),
    np.logaddexp: logaddexp_accumulate,
    np.maximum: running_extreme(places_of_maxima),
    np.minimum: running_extreme(places_of_minima),
    np.multiply: along(np.cumprod),
}
FUNCTIONS: dict[Function, Callable[..., Any]] = {
    np.lib.stride_tricks.sliding_window_view: sliding_window_view,
}
