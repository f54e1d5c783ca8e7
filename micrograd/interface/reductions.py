"""Reductions and running ones, order and moments: prod, cumsum, var, sort, median."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd.arrays import in_single
from micrograd.engine import Value, apply, as_operand
from micrograd.interface.arguments import with_options
from micrograd.interface.logic import argpartition, argsort
from micrograd.interface.shapes import diagonal, take_along_axis
from micrograd.rules import (
    RULES,
    Function,
    as_floats,
    define,
    divided,
    length_ratio,
    mean,
    primitive,
    reduction,
    rule_along,
    run,
    total,
    widened,
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


@primitive(lambda g, y, x, axis: grad_others_x(g, x, axis))
def others(x: Any, axis: Any) -> Any:
    """The product of the other elements: of all that are not 0, divided by x.

    Unless one of the others is 0: there are more zeros than x itself.
    """
    is_zero = x == 0
    rest = np.where(is_zero, 1.0, widened(x))
    rest = np.multiply.reduce(rest, axis, keepdims=True) / rest
    n_zeros = np.add.reduce(is_zero, axis, keepdims=True)
    return np.where(n_zeros == is_zero, rest, 0.0)


def grad_others_x(g: Any, x: Any, axis: Any) -> Any:
    """That of the product of the elements before x by that of those after it."""
    before, after = (
        products_before(x, axis=axis),
        products_before(x, axis=axis, step=-1),
    )
    return grad_before_x(g * after, before, x, axis) + grad_before_x(
        g * before, after, x, axis, -1
    )


define(
    np.prod, reduction(lambda g, y, x, axis: g * others(x, axis=axis)), value=product
)


# --- Running sums and products --------------------------------------------------------

# The derivatives of a product of x without a division, which would fail at x = 0: by
# products of what is before x, and by a recurrence. Those have such derivatives again.


def axes_in(x: Any, axis: Any) -> list[int]:
    """The axes along which a function works, counted from the first one.

    A number has none: NumPy's ufuncs take the axis 0 for it, too.
    """
    n = np.ndim(x)
    given = range(n) if axis is None or n == 0 else np.atleast_1d(axis).tolist()
    return [i % n for i in given]


def last_of(x: Any, axes: list[int]) -> list[int]:
    """All axes of x in an order that has these last."""
    return [*[i for i in range(np.ndim(x)) if i not in axes], *axes]


def along(function: Function, axis: Any, step: int, *arrays: Any) -> Any:
    """A function of rows, from their other end if the step is -1.

    The rows are along an axis or several, or of all elements.
    """
    axes = axes_in(arrays[0], axis)
    order = last_of(arrays[0], axes)
    lengths = [np.shape(arrays[0])[i] for i in order]
    form = (
        *lengths[: len(order) - len(axes)],
        int(np.prod(lengths[len(order) - len(axes) :])),
    )
    rows = [np.reshape(np.transpose(x, order), form)[..., ::step] for x in arrays]
    y = np.reshape(function(*rows)[..., ::step], lengths)
    return np.transpose(y, np.argsort(order))


@primitive(lambda g, y, x, axis, step=1: shifted(g, axis=axis, step=-step))
def shifted(x: Any, axis: Any, step: int = 1) -> Any:
    """Each element in the place of the next one along the axes; the first is 0."""

    def shift(x: Any) -> Any:
        return np.concatenate([np.zeros_like(x[..., :1]), x[..., :-1]], -1)

    return along(shift, axis, step, x)


@primitive(lambda g, y, x, axis, step=1: grad_before_x(g, y, x, axis, step))
def products_before(x: Any, axis: Any, step: int = 1) -> Any:
    """The product of the elements before each one along the axes."""

    def products(x: Any) -> Any:
        x = widened(x)
        before = np.concatenate([np.ones_like(x[..., :1]), x[..., :-1]], -1)
        return np.cumprod(before, -1)

    return along(products, axis, step, x)


def grad_before_x(g: Any, y: Any, x: Any, axis: Any, step: int = 1) -> Any:
    """y times the sum over what is after x, of g by the product between both."""
    return y * shifted(recurrence(g, x, axis=axis, step=-step), axis=axis, step=-step)


@primitive(
    lambda g, y, b, x, axis, step=1: grad_recurrence_b(g, x, axis, step),
    lambda g, y, b, x, axis, step=1: (
        grad_recurrence_b(g, x, axis, step) * shifted(y, axis=axis, step=step)
    ),
)
def recurrence(b: Any, x: Any, axis: Any, step: int = 1) -> Any:
    """yᵢ = bᵢ + xᵢ yᵢ₋₁."""

    def of_rows(b: Any, x: Any) -> Any:
        places = [b[..., 0]]
        for i in range(1, np.shape(b)[-1]):
            places.append(b[..., i] + x[..., i] * places[-1])
        return np.stack(places, -1)

    return along(of_rows, axis, step, b, x) if np.size(b) else b


def grad_recurrence_b(g: Any, x: Any, axis: Any, step: int) -> Any:
    """The same recurrence from the other end, where gᵢ meets xᵢ₊₁."""
    x = shifted(x, axis=axis, step=-step)
    return recurrence(g, x, axis=axis, step=-step)


def sums_from(g: Any, axis: int) -> Any:
    """For each place, the sum of it and those after it."""
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


def grad_cumprod_g(gg: Any, _: Any, g: Any, y: Any, x: Any, axis: int) -> Any:
    """The change of the products as x changes by gg."""
    return recurrence(gg * products_before(x, axis=axis), x, axis=axis)


def grad_cumprod_xx(gg: Any, _: Any, g: Any, y: Any, x: Any, axis: int) -> Any:
    """By both factors: the product before x, and the sum over what is not before."""
    before = products_before(x, axis=axis)
    after = grad_recurrence_b(g, x, axis, 1)
    change = recurrence(gg * before, x, axis=axis)
    by_before = grad_before_x(gg * after, before, x, axis)
    return by_before + shifted(change, axis=axis) * after


@primitive(grad_cumprod_g, None, grad_cumprod_xx, name="adjoint of cumprod")
def grad_cumprod_x(g: Any, y: Any, x: Any, axis: int) -> Any:
    """Σ g y / x over the places from x on, without the division at the first 0.

    Before it, what follows it is 0 in the sum; after it, all is 0.
    """
    is_zero = x == 0
    n_zeros = np.cumsum(is_zero, axis)
    is_first = is_zero & (n_zeros == 1)
    x = widened(x)
    before = sums_from(g * y, axis) / np.where(is_zero, 1.0, x)
    at_first = sums_from(g * np.cumprod(np.where(is_first, 1.0, x), axis), axis)
    return np.where(n_zeros == 0, before, np.where(is_first, at_first, 0.0))


define(np.cumsum, lambda g, y, x, axis: sums_from(g, axis))
define(np.cumprod, grad_cumprod_x)


def running(function: Function) -> Callable[..., Value]:
    """NumPy's function along an axis; of all elements, if it is None.

    A number counts as one element along an axis.
    """

    def of_value(a: Any, axis: int | None = None) -> Value:
        if axis is None or np.ndim(a) == 0 and axis in (0, -1):
            a, axis = Value.reshape(a, -1), 0
        return apply(RULES[function].bind({"axis": axis}), a)

    return of_value


# --- Moments --------------------------------------------------------------------------


@primitive(None, None)
def degrees_of_freedom(x: Any, y: Any, ddof: float) -> Any:
    """By what the sum of squares is divided."""
    return max(length_ratio(x, y) - ddof, 0)


def var(x: Any, axis: Any = None, ddof: float = 0, keepdims: Any = False) -> Any:
    """The sum of the squared distances from the mean, divided by n - ddof."""
    x = as_floats(x)
    centre = total(x, axis, True)
    rest = x - divided(centre, length_ratio(x, centre))
    place = rest if type(rest) is np.ndarray else None  # no second large array
    y = total(np.multiply(rest, rest, out=place), axis, keepdims)
    return divided(y, degrees_of_freedom(x, y, ddof=ddof))


def std(x: Any, axis: Any = None, ddof: float = 0, keepdims: Any = False) -> Any:
    """The root of the variance."""
    return np.sqrt(var(x, axis, ddof, keepdims))


def grad_var_x(g: Any, y: Any, x: Any, axis: Any, ddof: float = 0) -> Any:
    """2 g (x - mean) / (n - ddof)."""
    n = degrees_of_freedom(x, y, ddof=ddof)
    return np.divide(g, n / 2) * centred(x, axis)


def grad_std_x(g: Any, y: Any, x: Any, axis: Any, ddof: float = 0) -> Any:
    """g (x - mean) / ((n - ddof) y), and 0 where y is 0, its minimum."""
    n = degrees_of_freedom(x, y, ddof=ddof)
    g = np.where(y == 0, 0.0, np.divide(g, n * np.where(y == 0, 1, y)))
    return g * centred(x, axis)


def centred(x: Any, axis: Any) -> Any:
    """The distances from the mean."""
    return x - run(np.mean, x, axis=axis, keepdims=True)


define(np.var, reduction(grad_var_x), value=var)
define(np.std, reduction(grad_std_x), value=std)


def spread(weights: Any, x: Any, axis: Any) -> Any:
    """The weights in the shape of x: they have it, or are those along one axis.

    Their dtype is that of the mean: float64, if x is of integers.
    """
    shape, is_float = np.shape(x), np.result_type(x).kind == "f"
    dtype = np.result_type(x, weights, *[] if is_float else [np.float64])
    if np.result_type(weights) != dtype:
        weights = np.multiply(weights, 1, dtype=dtype)
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
    a = as_operand(a)
    if weights is None and not returned:
        return Value.mean(a, axis, keepdims)
    given = np.ones_like(a) if weights is None else weights
    each = apply(RULES[spread].bind({"axis": axis}), given, a)
    sum_of_weights = Value.sum(each, axis, keepdims)
    if weights is None:
        y = Value.mean(a, axis, keepdims)
    else:
        y = Value.sum(each * a, axis, keepdims) / sum_of_weights
    return (y, sum_of_weights) if returned else y


# --- Without nan ----------------------------------------------------------------------


def nansum(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The sum, nan counted as 0."""
    return np.nansum(x, axis, keepdims=keepdims)


def nanmean(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The mean of those that are not nan; nan, where all are."""
    if np.result_type(x).kind != "f":
        return mean(x, axis, keepdims)
    y = nansum(x, axis, keepdims)
    dtype = np.result_type(in_single(y))
    n = np.add.reduce(~np.isnan(x), axis, dtype, keepdims=keepdims)
    return divided(y, np.where(n == 0, np.nan, n))


def nanmax(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The largest that is not nan, without np.nanmax's warning where all are."""
    return np.fmax.reduce(x, axis, keepdims=keepdims)


def nanmin(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The smallest that is not nan, without np.nanmin's warning where all are."""
    return np.fmin.reduce(x, axis, keepdims=keepdims)


@primitive(None)
def nan_degrees_of_freedom(x: Any, axis: Any, ddof: float) -> Any:
    """How many are not nan, less ddof; nan, where there are ddof or fewer."""
    n = np.add.reduce(~np.isnan(x), axis, keepdims=True) - ddof
    return np.where(n > 0, n, np.nan)


def nan_distances(x: Any, axis: Any) -> Any:
    """The distance of each from the mean, and 0 where x is nan."""
    return np.where(np.isnan(x), 0.0, x - run(np.nanmean, x, axis=axis, keepdims=True))


def nanvar(x: Any, axis: Any = None, ddof: float = 0, keepdims: Any = False) -> Any:
    """The variance of those that are not nan; nan, where there are ddof or fewer."""
    rest = nan_distances(x, axis)
    y = np.add.reduce(rest * rest, axis, keepdims=True)
    y = (y / nan_degrees_of_freedom(x, axis=axis, ddof=ddof)).astype(np.result_type(y))
    return y if keepdims else np.squeeze(y, axis)


def nanstd(x: Any, axis: Any = None, ddof: float = 0, keepdims: Any = False) -> Any:
    """The root of that variance."""
    return np.sqrt(nanvar(x, axis, ddof, keepdims))


def grad_nanvar_x(g: Any, y: Any, x: Any, axis: Any, ddof: float = 0) -> Any:
    """2 g (x - mean) / (n - ddof), and 0 where x is nan."""
    g = 2 * g / nan_degrees_of_freedom(x, axis=axis, ddof=ddof)
    return np.where(np.isnan(x), 0.0, g * nan_distances(x, axis))


def grad_nanstd_x(g: Any, y: Any, x: Any, axis: Any, ddof: float = 0) -> Any:
    """g (x - mean) / ((n - ddof) y), and 0 where y is 0, its minimum."""
    n, is_least = nan_degrees_of_freedom(x, axis=axis, ddof=ddof), y == 0
    g = np.where(is_least, 0.0, g / (n * np.where(is_least, 1, y)))
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


def shares_of(x: Any, q: Any, axis: Any) -> Any:
    """The share of each element of x in each quantile, by its rank: (*q, *x).

    For the rank r of a quantile, an element of rank i has the share 1 - |r - i|.
    """
    ranks_of = lambda rows: np.argsort(np.argsort(rows, -1, kind="stable"), -1)
    ranks = along(ranks_of, axis, 1, x)
    n = np.prod([np.shape(x)[i] for i in axes_in(x, axis)])
    places = np.reshape(np.multiply(q, n - 1), (*np.shape(q), *[1] * np.ndim(x)))
    return np.maximum(0, 1 - np.abs(places - ranks))


def over_q(y: Any, x: Any, q: Any, axis: Any) -> Any:
    """What has the shape of quantiles with an axis of length 1 for each of x."""
    axes = axes_in(x, axis)
    lengths = [1 if i in axes else n for i, n in enumerate(np.shape(x))]
    return np.reshape(y, (*np.shape(q), *lengths))


@primitive(lambda gg, y, g, x, **options: along_quantile(gg, g, x, **options), None)
def grad_quantile_x(
    g: Any, x: Any, q: Any = 0.5, axis: Any = None, keepdims: bool = False
) -> Any:
    """g at the two elements between which the quantile lies, each its share."""
    shares = shares_of(x, q, axis)
    g = np.where(shares > 0, over_q(g, x, q, axis), 0.0)
    return np.add.reduce(g * shares, tuple(range(np.ndim(q))))


@primitive(
    lambda g, y, gg, like, x, **options: grad_quantile_x(g, x, **options), None, None
)
def along_quantile(
    gg: Any, like: Any, x: Any, q: Any = 0.5, axis: Any = None, keepdims: bool = False
) -> Any:
    """Its adjoint: the change of the quantiles as x changes by gg."""
    shares = shares_of(x, q, axis)
    over = tuple(i + np.ndim(q) for i in axes_in(x, axis))
    changes = np.add.reduce(np.where(shares > 0, gg, 0.0) * shares, over)
    return np.reshape(changes, np.shape(like))


for function in (np.quantile, np.median):
    define(function, lambda g, y, x, **options: grad_quantile_x(g, x, **options))
define(
    np.percentile,
    lambda g, y, x, q, **options: grad_quantile_x(
        g, x, q=np.true_divide(q, 100), **options
    ),
)


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
    np.percentile: with_options(np.percentile, "q axis keepdims"),
    np.ptp: ptp,
    np.quantile: with_options(np.quantile, "q axis keepdims"),
    np.sort: sort,
    np.std: with_options(np.std, "axis ddof keepdims"),
    np.trace: trace,
    np.var: with_options(np.var, "axis ddof keepdims"),
}
