"""Reductions and running ones, order and moments: prod, cumsum, var, sort, median."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd.engine import Value, apply, as_operand
from micrograd.interface.arguments import with_options
from micrograd.interface.logic import argpartition, argsort
from micrograd.interface.shapes import diagonal, take_along_axis
from micrograd.rules import (
    RULES,
    Function,
    count,
    define,
    mean,
    primitive,
    reduction,
    rule_along,
)


def reduced(function: Function) -> Callable[..., Value]:
    """NumPy's reduction of that rule."""

    def of_value(a: Any, axis: Any = None, *, keepdims: bool = False) -> Value:
        return apply(rule_along(function, axis, keepdims), a)

    return of_value


# --- Products -------------------------------------------------------------------------


def product(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The product, by the ufunc: np.prod takes twice the time on small arrays."""
    return np.multiply.reduce(x, axis, keepdims=keepdims)


def grad_prod_x(g: Any, y: Any, x: Any, axis: Any) -> Any:
    """g times the product of the others: of all that are not 0, divided by x.

    Unless one of the others is 0: there are more zeros than x itself.
    """
    is_zero = x == 0
    others = np.where(is_zero, 1, x)
    others = np.multiply.reduce(others, axis, keepdims=True) / others
    n_zeros = np.add.reduce(is_zero, axis, keepdims=True)
    return g * np.where(n_zeros == is_zero, others, 0.0)


define(np.prod, reduction(grad_prod_x), value=product)


# --- Running sums and products --------------------------------------------------------


def sums_from(g: Any, axis: int) -> Any:
    """For each place, the sum of it and those after it."""
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


def grad_cumprod_x(g: Any, y: Any, x: Any, axis: int) -> Any:
    """Σ g y / x over the places from x on, without the division at the first 0.

    Before it, what follows it is 0 in the sum; after it, all is 0.
    """
    is_zero = x == 0
    n_zeros = np.cumsum(is_zero, axis)
    is_first = is_zero & (n_zeros == 1)
    before = sums_from(g * y, axis) / np.where(is_zero, 1, x)
    at_first = sums_from(g * np.cumprod(np.where(is_first, 1, x), axis), axis)
    return np.where(n_zeros == 0, before, np.where(is_first, at_first, 0.0))


define(np.cumsum, lambda g, y, x, axis: sums_from(g, axis))
define(np.cumprod, grad_cumprod_x)


def running(function: Function) -> Callable[..., Value]:
    """NumPy's function along an axis; of all elements, if it is None."""

    def of_value(a: Any, axis: int | None = None) -> Value:
        if axis is None:
            a, axis = Value.reshape(a, -1), 0
        return apply(RULES[function].bind({"axis": axis}), a)

    return of_value


# --- Moments --------------------------------------------------------------------------


@primitive(None, None)
def degrees_of_freedom(x: Any, y: Any, ddof: float) -> Any:
    """By what the sum of squares is divided."""
    return max(count(x, y) - ddof, 0)


def var(x: Any, axis: Any = None, ddof: float = 0, keepdims: Any = False) -> Any:
    """The sum of the squared distances from the mean, divided by n - ddof."""
    rest = x - mean(x, axis, True)
    place = rest if type(rest) is np.ndarray else None  # no second large array
    y = np.add.reduce(np.multiply(rest, rest, out=place), axis, keepdims=keepdims)
    return np.divide(y, degrees_of_freedom(x, y, ddof=ddof))


def std(x: Any, axis: Any = None, ddof: float = 0, keepdims: Any = False) -> Any:
    """The root of the variance."""
    return np.sqrt(var(x, axis, ddof, keepdims))


def grad_var_x(g: Any, y: Any, x: Any, axis: Any, ddof: float = 0) -> Any:
    """2 g (x - mean) / (n - ddof)."""
    n = degrees_of_freedom(x, y, ddof=ddof)
    return np.divide(2 * g, n) * (x - mean(x, axis, True))


def grad_std_x(g: Any, y: Any, x: Any, axis: Any, ddof: float = 0) -> Any:
    """g (x - mean) / ((n - ddof) y), and 0 where y is 0, its minimum."""
    n = degrees_of_freedom(x, y, ddof=ddof)
    g = np.where(y == 0, 0.0, np.divide(g, n * np.where(y == 0, 1, y)))
    return g * (x - mean(x, axis, True))


define(np.var, reduction(grad_var_x), value=var)
define(np.std, reduction(grad_std_x), value=std)


def spread(weights: Any, x: Any, axis: Any) -> Any:
    """The weights in the shape of x: they have it, or are those along one axis."""
    shape = np.shape(x)
    if np.shape(weights) == shape:
        return weights
    if np.ndim(weights) != 1 or not isinstance(axis, (int, np.integer)):
        got = f"{np.shape(weights)}, axis={axis}"
        raise TypeError(f"weights: expected shape {shape}, or one axis; got {got}")
    if len(weights) != shape[axis]:
        n = len(weights)
        raise ValueError(f"weights: expected {shape[axis]} along axis {axis}, got {n}")
    lengths = [1] * len(shape)
    lengths[axis] = -1
    return np.broadcast_to(np.reshape(weights, lengths), shape)


def grad_spread_weights(g: Any, y: Any, weights: Any, x: Any, axis: Any) -> Any:
    """The sums along the other axes."""
    if np.ndim(weights) == np.ndim(x):
        return g
    return np.add.reduce(np.moveaxis(g, axis, 0), tuple(range(1, np.ndim(x))))


define(spread, grad_spread_weights, None)


def average(
    a: Any,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """The weighted mean, and the sum of the weights, if that is returned."""
    if weights is None and not returned:
        return np.mean(a, axis, keepdims=keepdims)
    a = as_operand(a)
    if weights is None:
        weights = np.ones_like(a)
    else:
        weights = apply(RULES[spread].bind({"axis": axis}), weights, a)
    total = Value.sum(weights, axis, keepdims)
    y = Value.sum(weights * a, axis, keepdims) / total
    return (y, total) if returned else y


# --- Without nan ----------------------------------------------------------------------


def nansum(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The sum, nan counted as 0."""
    return np.nansum(x, axis, keepdims=keepdims)


def nanmean(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The mean of those that are not nan; nan, where all are."""
    y = nansum(x, axis, keepdims)
    n = np.add.reduce(~np.isnan(x), axis, np.result_type(y), keepdims=keepdims)
    return y / np.where(n == 0, np.nan, n)


def nanmax(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The largest that is not nan, without np.nanmax's warning where all are."""
    return np.fmax.reduce(x, axis, keepdims=keepdims)


def nanmin(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The smallest that is not nan, without np.nanmin's warning where all are."""
    return np.fmin.reduce(x, axis, keepdims=keepdims)


def nan_degrees_of_freedom(x: Any, axis: Any, ddof: float) -> Any:
    """How many are not nan, less ddof; nan, where there are ddof or fewer."""
    n = np.add.reduce(~np.isnan(x), axis, keepdims=True) - ddof
    return np.where(n > 0, n, np.nan)


def nan_distances(x: Any, axis: Any) -> Any:
    """The distance of each from the mean, and 0 where x is nan."""
    return np.where(np.isnan(x), 0.0, x - nanmean(x, axis, True))


def nanvar(x: Any, axis: Any = None, ddof: float = 0, keepdims: Any = False) -> Any:
    """The variance of those that are not nan; nan, where there are ddof or fewer."""
    rest = nan_distances(x, axis)
    y = np.add.reduce(rest * rest, axis, keepdims=True)
    y = (y / nan_degrees_of_freedom(x, axis, ddof)).astype(np.result_type(y))
    return y if keepdims else np.squeeze(y, axis)


def nanstd(x: Any, axis: Any = None, ddof: float = 0, keepdims: Any = False) -> Any:
    """The root of that variance."""
    return np.sqrt(nanvar(x, axis, ddof, keepdims))


def grad_nanvar_x(g: Any, y: Any, x: Any, axis: Any, ddof: float = 0) -> Any:
    """2 g (x - mean) / (n - ddof), and 0 where x is nan."""
    g = 2 * g / nan_degrees_of_freedom(x, axis, ddof)
    return np.where(np.isnan(x), 0.0, g * nan_distances(x, axis))


def grad_nanstd_x(g: Any, y: Any, x: Any, axis: Any, ddof: float = 0) -> Any:
    """g (x - mean) / ((n - ddof) y), and 0 where y is 0, its minimum."""
    n = nan_degrees_of_freedom(x, axis, ddof)
    g = np.where(y == 0, 0.0, g / (n * np.where(y == 0, 1, y)))
    return np.where(np.isnan(x), 0.0, g * nan_distances(x, axis))


def grad_nansum_x(g: Any, y: Any, x: Any, axis: Any) -> Any:
    """g, and 0 where x is nan."""
    return np.where(np.isnan(x), 0.0, g)


def grad_nanmean_x(g: Any, y: Any, x: Any, axis: Any) -> Any:
    """g, divided by how many are not nan."""
    is_number = ~np.isnan(x)
    n = np.add.reduce(is_number, axis, keepdims=True)
    return np.where(is_number, g / np.maximum(n, 1), 0.0)


def grad_nanmax_x(g: Any, y: Any, x: Any, axis: Any) -> Any:
    """g where x is the extreme, shared equally among ties; 0 where all are nan."""
    ties = x == y
    n = np.add.reduce(ties, axis, keepdims=True)
    return np.where(ties, g / np.maximum(n, 1), 0.0)


define(np.nansum, reduction(grad_nansum_x), value=nansum)
define(np.nanmean, reduction(grad_nanmean_x), value=nanmean)
define(np.nanmax, reduction(grad_nanmax_x), value=nanmax)
define(np.nanmin, reduction(grad_nanmax_x), value=nanmin)
define(np.nanvar, reduction(grad_nanvar_x), value=nanvar)
define(np.nanstd, reduction(grad_nanstd_x), value=nanstd)


# --- Order: the gradient goes to the places that were chosen --------------------------


def sort(a: Any, axis: int | None = -1, kind: str | None = None) -> Value:
    """The elements in order along an axis; of all, if it is None."""
    if axis is None:
        a, axis = Value.reshape(a, -1), 0
    return take_along_axis(a, argsort(a, axis, kind or "stable"), axis)


def partition(a: Any, kth: Any, axis: int | None = -1) -> Value:
    """The k-th in order at its place, smaller ones before it, larger ones after it."""
    if axis is None:
        a, axis = Value.reshape(a, -1), 0
    return take_along_axis(a, argpartition(a, kth, axis), axis)


def grad_quantile_x(
    g: Any, y: Any, x: Any, q: Any = 0.5, axis: Any = None, keepdims: bool = False
) -> Any:
    """g at the two elements between which the quantile lies, each its share.

    For the rank r of a quantile, an element of rank i has the share 1 - |r - i|.
    """
    n_axes = np.ndim(x)
    axes = range(n_axes) if axis is None else np.atleast_1d(axis).tolist()
    axes = [i % n_axes for i in axes]
    kept = [i for i in range(n_axes) if i not in axes]
    order = [*kept, *axes]
    moved = np.transpose(x, order)
    lengths = np.shape(moved)[: len(kept)]
    n = int(np.prod(np.shape(moved)[len(kept) :]))
    rows = np.reshape(moved, (*lengths, n))

    over_q = tuple(range(np.ndim(q)))
    ranks = np.reshape(np.multiply(q, n - 1), (*np.shape(q), *[1] * len(kept), 1))
    shares = np.maximum(0, 1 - np.abs(ranks - np.arange(n)))
    g = np.reshape(g, (*np.shape(q), *lengths, 1))
    grad_ranks = np.add.reduce(np.where(shares > 0, g, 0.0) * shares, over_q)
    rank_of_each = np.argsort(np.argsort(rows, -1, kind="stable"), -1)
    grad_rows = np.take_along_axis(grad_ranks, rank_of_each, -1)
    return np.transpose(np.reshape(grad_rows, np.shape(moved)), np.argsort(order))


define(np.quantile, grad_quantile_x)
define(np.median, grad_quantile_x)
quantile = with_options(np.quantile, "q axis keepdims")


def percentile(a: Any, q: Any, axis: Any = None, *, keepdims: bool = False) -> Value:
    """The quantiles, of 100."""
    return quantile(a, np.true_divide(q, 100), axis, keepdims=keepdims)


def ptp(a: Any, axis: Any = None, *, keepdims: bool = False) -> Value:
    """The maximum less the minimum."""
    return Value.max(a, axis, keepdims) - Value.min(a, axis, keepdims)


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """The sum of a diagonal."""
    return diagonal(a, offset, axis1, axis2).sum(-1)


REDUCTIONS = (np.median, np.nanmax, np.nanmean, np.nanmin, np.nansum, np.prod)
FUNCTIONS: dict[Function, Callable[..., Any]] = {
    **{function: reduced(function) for function in REDUCTIONS},
    np.average: average,
    np.cumprod: running(np.cumprod),
    np.cumsum: running(np.cumsum),
    np.nanstd: with_options(np.nanstd, "axis ddof keepdims"),
    np.nanvar: with_options(np.nanvar, "axis ddof keepdims"),
    np.partition: partition,
    np.percentile: percentile,
    np.ptp: ptp,
    np.quantile: quantile,
    np.sort: sort,
    np.std: with_options(np.std, "axis ddof keepdims"),
    np.trace: trace,
    np.var: with_options(np.var, "axis ddof keepdims"),
}
