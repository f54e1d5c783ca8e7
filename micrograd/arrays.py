"""Arrays and numbers: what counts as data, also later, and how a gradient fits them.

Nothing here knows of Values or graphs.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any
from unicodedata import normalize

import numpy as np

# --- Data: NumPy's arrays and scalars, and Python's numbers ---------------------------

NUMBERS = {float, int, np.bool_}  # np.bool_ is the result of comparing numbers


def are_numbers(*data: Any) -> bool:
    """Whether all are numbers; NumPy's other scalars count as arrays without axes."""
    for x in data:
        if type(x) not in NUMBERS:
            return False
    return True


def as_number(y: Any) -> Any:
    """A NumPy scalar as a Python number, if that is exact; integers wrap at 64 bits."""
    if isinstance(y, float):  # np.float64 is one, too
        return float(y)
    if isinstance(y, int):
        return (y + 2**63) % 2**64 - 2**63
    is_plain = getattr(y, "shape", None) == () and y.dtype in (float, int)
    return y.item() if is_plain else y


def as_plain_float(x: Any) -> Any:
    """A float64 without axes, or an integer, as Python's float; all else as it is."""
    is_one = np.shape(x) == () and not isinstance(x, (bool, np.bool_))
    is_exact = is_one and (isinstance(x, int) or np.result_type(x) == np.float64)
    return float(x) if is_exact or isinstance(x, np.integer) else x


def numeric(data: Any, name: str = "data", dtype: Any = None) -> Any:
    """The data as an array or a number, cast to dtype if one is given.

    Raises
    ------
    TypeError : the data, or dtype, are not real numbers, or they compute otherwise
    """
    if dtype is not None:  # the data are checked, and what the cast makes of them
        array = numeric(np.asarray(numeric(data, name), dtype), name)
        is_array = array.ndim or isinstance(data, np.ndarray)
        return array if is_array else as_number(array[()])
    if type(data) is float or type(data) is int and -(2**63) <= data < 2**63:
        return data
    try:
        array = np.asarray(data)
    except (TypeError, ValueError):  # a Value refuses; a list is ragged
        array = np.asarray(None)
    if array.dtype.kind not in "biuf" or computes_otherwise(data):
        words = hint("operand" if name == "data" else "feed", data)
        got = f"{array.dtype} {type(data).__name__}{words}"
        raise TypeError(f"{name}: expected real numbers, got {got}")
    is_array = array.ndim or isinstance(data, np.ndarray)
    return array if is_array else array[()]  # which is a NumPy scalar


def computes_otherwise(data: Any) -> bool:
    """Whether it is a np.matrix, whose `*` is `@`, or a masked array."""
    return isinstance(data, np.matrix) or hasattr(data, "filled")


def as_parameter(x: Any, name: str = "key") -> Any:
    """A parameter, such as an axis or a shift: its NumPy numbers as Python's.

    Formulas compute with parameters, and unsigned or small integers would wrap there.
    An array is copied, as it may change later; its integers become those of indices.
    A Value is a TypeError.
    """
    if x is None or type(x) in (int, bool, str):  # most of them
        return x
    if type(x) in (list, tuple):
        return type(x)([as_parameter(part, name) for part in x])
    if isinstance(x, slice):
        return slice(*as_parameter((x.start, x.stop, x.step)))
    kind = x.dtype.kind if isinstance(x, (np.ndarray, np.generic)) else ""
    if kind and kind in "iuf":
        is_number = x.ndim == 0
        return x.item() if is_number else x.astype(x.dtype if kind == "f" else np.intp)
    if kind == "O" or not kind and hasattr(x, "__array_function__"):
        raise TypeError(f"{name}: expected numbers, as no gradient comes back to it")
    return x


USUAL_DATA = {np.ndarray, float, int, np.float64, np.float32, np.bool_}


def checked_data(found: Sequence[Any]) -> Sequence[Any]:
    """Data that a user assigned; a bool of Python's as NumPy's, as in Value(True).

    Raises
    ------
    TypeError : something is not an array or a number, or it computes otherwise
    """
    if USUAL_DATA.issuperset(map(type, found)):
        return found
    for data in found:
        is_data = isinstance(data, (np.ndarray, np.generic, float, int))
        if not is_data or computes_otherwise(data):
            kind = type(data).__name__
            raise TypeError(f"data: expected an array, got {kind}: write np.array")
    return [np.bool_(data) if type(data) is bool else data for data in found]


# --- Functions of higher modules ------------------------------------------------------

# Modules that import this one append functions, which `hint` and `loaded` call.
HINTS: list[Callable[[str, Any], str]] = []
WHEN_LOADED: list[Callable[[dict[str, Any]], None]] = []


def hint(subject: str, given: Any) -> str:
    """What to write instead of what was given, for an error message; "" if unknown."""
    return "".join([find(subject, given) for find in HINTS])


def loaded(names: dict[str, Any]) -> None:
    """Say that a module has been loaded, given its names, which may get additions."""
    for add_to in WHEN_LOADED:
        add_to(names)


def warn(message: str) -> None:
    """Warn at the line that called this package, through however many functions."""
    package, level = __name__.partition(".")[0], 1
    frame: Any = sys._getframe()
    while frame.f_globals.get("__name__", "").partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


# --- Data that come later -------------------------------------------------------------


class Placeholder:
    """The inputs that a lazy Value accepts, and its data until it is fed."""

    def __init__(self, shape: Any, name: str, dtype: Any) -> None:
        if not (isinstance(name, str) and name.isidentifier()):
            raise TypeError(f"name: expected an identifier, got {name!r}")
        self.name = normalize("NFKC", name)  # as Python reads it in forward(µ=1)
        self.dtype = dtype
        shape = as_parameter(shape)
        self.shape = tuple(shape) if np.iterable(shape) else (shape,)
        is_array = self.shape != () or dtype is not None
        self.unfed = numeric(self.of_length(1), name) if is_array else float("nan")
        self.expected = np.result_type(self.unfed)
        self.last: tuple[Any, Any] = (None, None)  # the last shape and dtype that fit

    def of_length(self, length: int) -> Any:
        """Unfed data whose open axes have that length: nan; integers are 0."""
        shape = [length if n is None else n for n in self.shape]
        fill = float("nan") if np.dtype(self.dtype).kind == "f" else 0
        return np.full(shape, fill, self.dtype)

    def feed(self, feeds: dict[str, Any]) -> Any:
        """The data among the feeds, or nan with a warning; an error if it is unfit."""
        name, expected = self.name, self.expected
        data = feeds.get(name)
        if type(data) is np.ndarray and (data.shape, data.dtype) == self.last:
            return data
        if name not in feeds:  # a dictionary may have the name as it was written
            feeds = {normalize("NFKC", key): feeds[key] for key in feeds}
        if name not in feeds:
            fed = f" (fed: {', '.join(feeds)})" if feeds else ""
            if expected.kind != "f":
                raise ValueError(f"{name}: expected {expected}, got nothing{fed}")
            warn(f"{name} is not fed: nan{fed}")
            return self.unfed
        data = numeric(feeds[name], name)
        shape = np.shape(data)
        fits = [n in (None, m) for n, m in zip(self.shape, shape)]
        if len(shape) != len(self.shape) or not all(fits):
            raise ValueError(f"{name}: expected shape {self.shape}, got {shape}")
        if self.dtype is not None:
            dtype = np.result_type(data)
            if not np.can_cast(dtype, expected, "same_kind"):
                raise TypeError(f"{name}: expected {expected}, got {dtype}")
            data = np.asarray(data, expected)
        if data is feeds[name] and type(data) is np.ndarray:
            self.last = data.shape, data.dtype
        return data


# --- Gradients that fit ---------------------------------------------------------------


def dtype_of_gradient(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of floating data, in native byte order; float64 for other data."""
    if dtype.kind == "f" and dtype.isnative:
        return dtype
    return np.dtype(dtype.type if dtype.kind == "f" else float)


HALF = np.dtype(np.float16)


def in_single(x: Any) -> Any:
    """Halves in float32, in which their derivatives are computed; all else as it is."""
    return x.astype(np.float32) if getattr(x, "dtype", None) == HALF else x


def summed_back(g: Any, shape: tuple[int, ...]) -> Any:
    """The gradient, summed over the axes along which NumPy broadcast such a shape."""
    n_axes = getattr(g, "ndim", 0)  # np.ndim takes eight times as long
    lead = n_axes - len(shape)
    if lead == 1 and n_axes == 2:
        g = np.dot(np.ones(len(g), g.dtype), g)  # half the time of a sum
    elif lead > 0:
        g = np.add.reduce(g, tuple(range(lead)))
    if 1 in shape:
        axes = range(-np.ndim(g), 0)
        repeated = tuple(i for i in axes if shape[i] == 1 != g.shape[i])
        g = np.add.reduce(g, repeated, keepdims=True) if repeated else g
    return g


def as_float(gradient: Any) -> float:
    """The gradient of a number: the sum of all, as a number."""
    return float(np.sum(gradient) if getattr(gradient, "ndim", 0) else gradient)


LARGE = 4096  # elements: a broadcast view costs less than filling so many


def fitted(gradient: Any, data: Any) -> Any:
    """The gradient in the shape and dtype of the data.

    It is summed where NumPy broadcast the data, and broadcast where the derivative of a
    sum gives all elements one number.
    """
    if type(data) in NUMBERS:
        return as_float(gradient)
    shape, dtype = data.shape, data.dtype
    if type(gradient) is type(data) and gradient.shape == shape:
        if gradient.dtype is dtype:
            return gradient
    dtype = dtype_of_gradient(dtype)
    gradient = summed_back(gradient, shape)
    if type(data) is not np.ndarray:  # a NumPy scalar
        return dtype.type(gradient)
    if np.shape(gradient) == shape:
        return np.asarray(gradient, dtype)
    if data.size < LARGE:
        return np.full(shape, gradient, dtype)
    return np.broadcast_to(np.asarray(gradient, dtype), shape)


def own(gradient: Any, g: Any) -> Any:
    """The gradient in memory of its own, which users and `+=` may write to.

    A derivative may return g itself, such as that of `+`, or a view of it (`T`).
    """
    if type(gradient) is not np.ndarray:
        return gradient
    if gradient is not g and gradient.flags.owndata and gradient.flags.forc:
        return gradient  # a new array, contiguous in C or Fortran order
    return np.array(gradient, order="C")


SORTED = 1000  # elements: sorting is faster than np.add.at for so many


def add_at(y: Any, keys: Any, values: Any) -> None:
    """y[keys] += values, for a y of zeros; a repeated key adds up.

    Rows of an embedding are sorted and summed in groups. That takes half the time of
    np.add.at in NumPy 2, and a tenth in NumPy 1.
    """
    rows = keys[0] if isinstance(keys, tuple) and len(keys) == 1 else None
    is_of_rows = type(rows) is np.ndarray and rows.dtype.kind in "iu"
    if not is_of_rows or y.ndim < 2 or values.size < SORTED:
        np.add.at(y, keys, values)
        return
    rows = rows.ravel().astype(np.intp) % len(y)  # type: ignore[union-attr]
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    starts = np.flatnonzero(np.append(True, rows[1:] != rows[:-1]))
    values = values.reshape(len(rows), *y.shape[1:])[order]
    y[rows[starts]] += np.add.reduceat(values, starts, axis=0)
