"""Products of arrays, and differences: inner, outer, cross, kron, convolve, diff."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from micrograd.engine import Value, apply
from micrograd.interface import functions
from micrograd.interface.adjoints import linear, multilinear
from micrograd.interface.arguments import installed, known, with_options
from micrograd.interface.functions import concatenate
from micrograd.rules import (
    RULES,
    Function,
    count,
    define,
    in_double,
    primitive,
    reshape_like,
    run,
    widened,
)

AXIS_LETTERS = string.ascii_uppercase + string.ascii_lowercase  # in einsum's order


def move_axis(x: Any, source: int, destination: int) -> Any:
    """np.moveaxis; x itself, if nothing moves."""
    return x if source == destination else np.moveaxis(x, source, destination)


# --- Sums of products over axes -------------------------------------------------------


def axis_pairs(axes: Any, a: Any, b: Any) -> list[list[int]]:
    """The axes of each that np.tensordot sums over, counted from the first one."""
    pairs = axes
    if np.ndim(axes) == 0:
        pairs = range(-axes, 0), range(axes)
    return [
        [i % np.ndim(x) for i in (part if np.iterable(part) else (part,))]
        for part, x in zip(pairs, (a, b))
    ]


def other_axes(axes: Sequence[int], x: Any) -> list[int]:
    """The other axes."""
    return [i for i in range(np.ndim(x)) if i not in axes]


def grad_tensordot(i: int, g: Any, y: Any, *data: Any, axes: Any) -> Any:
    """g with the other operand, over its axes that are in y; in the order of x's."""
    pairs = axis_pairs(axes, *data)
    x, other, own, others_own = data[i], data[1 - i], pairs[i], pairs[1 - i]
    rest = other_axes(others_own, other)  # in y last if x is a, first if it is b
    in_g = range(len(rest)) if i else range(np.ndim(g) - len(rest), np.ndim(g))
    gradient = np.tensordot(g, other, (list(in_g), rest))
    order = other_axes(own, x) + [k for _, k in sorted(zip(others_own, own))]
    return np.transpose(gradient, [order.index(k) for k in range(np.ndim(x))])


define(
    np.tensordot,
    grad_tensordot,
    value=lambda a, b, axes: np.tensordot(a, b, axes),
    is_variadic=True,
)

# Unlike micrograd's own tensordot, it pairs the axes of a in their order.
tensordot = with_options(np.tensordot, "axes")


def dot(a: Any, b: Any) -> Value:
    """np.dot: the last axis of a with the last but one of b."""
    a, b = known(a), known(b)
    if 0 in (np.ndim(a), np.ndim(b)):
        return apply(RULES[np.multiply], a, b)
    if np.ndim(b) > 2:
        return tensordot(a, b, (-1, -2))
    return apply(RULES[np.matmul], a, b)


def inner(a: Any, b: Any, /) -> Value:
    """np.inner: the last axis of a with the last of b; a product, if one has none."""
    a, b = known(a), known(b)
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return apply(RULES[np.multiply], a, b)
    return dot(a, np.transpose(b)) if np.ndim(b) < 3 else tensordot(a, b, (-1, -1))


def outer(a: Any, b: Any) -> Value:
    """np.outer: all pairs of elements."""
    a, b = np.reshape(known(a), (-1, 1)), np.reshape(known(b), (1, -1))
    return apply(RULES[np.multiply], a, b)


define(
    np.vdot,
    lambda g, y, a, b: g * reshape_like(b, a),
    lambda g, y, a, b: g * reshape_like(a, b),
)


def grad_kron(i: int, g: Any, *data: Any) -> Any:
    """g as blocks, of which each is summed with the other operand."""
    n = np.ndim(g)
    shapes = [(1,) * (n - np.ndim(x)) + np.shape(x) for x in data]
    blocks = np.reshape(g, [m for pair in zip(*shapes) for m in pair])
    other = np.reshape(data[1 - i], shapes[1 - i])
    axes = list(range(2 * n))  # of a and of b in turn
    gradient = np.einsum(blocks, axes, other, axes[1 - i :: 2], axes[i::2])
    return np.reshape(gradient, np.shape(data[i]))


define(np.kron, multilinear(np.kron, grad_kron), value=np.kron, is_variadic=True)


def in_space(x: Any) -> Any:
    """Vectors of two components with a third one, which is 0."""
    return x if x.shape[-1] == 3 else np.concatenate([x, np.zeros_like(x[..., :1])], -1)


def grad_cross(i: int, g: Any, *data: Any) -> Any:
    """b x g for a, g x a for b; of two components each, g is along the third."""
    x, other, g = data[i], in_space(data[1 - i]), g
    is_flat = x.shape[-1] == data[1 - i].shape[-1] == 2
    g = np.stack([0 * g, 0 * g, g], -1) if is_flat else g
    return (np.cross(g, other) if i else np.cross(other, g))[..., : x.shape[-1]]


define(np.cross, multilinear(np.cross, grad_cross), value=np.cross, is_variadic=True)


def cross(
    a: Any,
    b: Any,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Value:
    """np.cross: of vectors of two components, the third one of it."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = move_axis(known(a), axisa, -1), move_axis(known(b), axisb, -1)
    y = apply(RULES[np.cross].bind({}, 2), a, b)
    is_flat = np.shape(a)[-1] == np.shape(b)[-1] == 2
    return y if is_flat else move_axis(y, -1, axisc)


# --- Of matrices and vectors, in batches; those of NumPy 2 ----------------------------

OF_NUMPY_2 = {
    "vecdot": (
        lambda g, y, a, b: g[..., None] * b,
        lambda g, y, a, b: g[..., None] * a,
    ),
    "matvec": (
        lambda g, y, a, b: g[..., None] * b[..., None, :],
        lambda g, y, a, b: np.vecmat(g, a),
    ),
    "vecmat": (
        lambda g, y, a, b: np.matvec(b, g),
        lambda g, y, a, b: a[..., None] * g[..., None, :],
    ),
}
for function, derivatives in installed(OF_NUMPY_2).items():
    define(function, *derivatives)


def vecdot(a: Any, b: Any, /, *, axis: int = -1) -> Value:
    """np.vecdot."""
    a, b = move_axis(known(a), axis, -1), move_axis(known(b), axis, -1)
    return apply(RULES[np.vecdot], a, b)


def einsum(*operands: Any, optimize: Any = True) -> Value:
    """np.einsum, of which einsum(a, [0, 1], b, [1, 2], [0, 2]) is another form."""
    if not isinstance(operands[0], str):
        n = len(operands) // 2 * 2
        result = "".join(f"->{letters(axes)}" for axes in operands[n:])
        subscripts = ",".join(map(letters, operands[1:n:2])) + result
        operands = subscripts, *operands[:n:2]
    return functions.einsum(*operands, optimize=optimize)


def letters(axes: Any) -> str:
    """The letters that stand for a list of numbers and `...`."""
    for k in axes:
        if k is not ... and k not in range(len(AXIS_LETTERS)):
            raise ValueError(
                f"expected axes from 0 to {len(AXIS_LETTERS) - 1}, got {k!r}"
            )
    return "".join("..." if k is ... else AXIS_LETTERS[k] for k in axes)


def grad_multi_dot(i: int, g: Any, *data: Any) -> Any:
    """What stands before, transposed, by g, by what stands behind, transposed."""
    parts = list(data)
    if data[0].ndim == 1:
        parts[0] = data[0][None]
    if data[-1].ndim == 1:
        parts[-1] = data[-1][:, None]
    g = np.reshape(g, (parts[0].shape[0], parts[-1].shape[1]))
    before, behind = (
        [np.transpose(x) for x in side[::-1]] for side in (parts[:i], parts[i + 1 :])
    )
    gradient = np.linalg.multi_dot([*before, g, *behind])
    return np.reshape(gradient, data[i].shape)


define(
    np.linalg.multi_dot,
    multilinear(np.linalg.multi_dot, grad_multi_dot),
    value=lambda *data: np.linalg.multi_dot(data),
    is_variadic=True,
)


def multi_dot(arrays: Sequence[Any]) -> Value:
    """np.linalg.multi_dot, in the order that takes the fewest multiplications.

    Of two it is np.dot, which takes numbers and more axes, too.
    """
    if len(arrays) == 2:
        return dot(*arrays)
    return apply(RULES[np.linalg.multi_dot].bind({}, len(arrays)), *arrays)


# --- Differences and sums of them -----------------------------------------------------


def pad_axis(x: Any, before: int, after: int, axis: int = 0) -> Any:
    """x between zeros along an axis; np.pad takes ten times as long."""
    ends = []
    for n in (before, after):
        shape = list(np.shape(x))
        shape[axis] = n
        ends.append(np.zeros(shape, x.dtype))
    return np.concatenate([ends[0], x, ends[1]], axis)


def grad_diff_x(g: Any, x: Any, n: int, axis: int) -> Any:
    """The differences of g, which is 0 beyond its ends; the sign turns n times."""
    if n == 0:
        return g
    if np.size(g) == 0:
        return np.zeros(np.shape(x))
    return (-1) ** n * np.diff(pad_axis(g, n, n, axis), n, axis)


define(  # without a difference numbers are taken, too, which have no axis
    np.diff,
    linear(np.diff, grad_diff_x),
    value=lambda x, n, axis: np.diff(x, n, axis) if n else x,
)


def as_slice(x: Any, a: Any, axis: int) -> Any:
    """x; a number, as often as a has elements at one place along the axis."""
    if np.ndim(x):
        return x
    shape = list(np.shape(a))
    shape[axis] = 1
    return np.broadcast_to(x, shape)


define(as_slice, lambda g, y, x, a, axis: g, None)


def diff(
    a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None
) -> Value:
    """np.diff."""
    rule = RULES[as_slice].bind({"axis": axis})
    parts = [
        x if x is None or x is a else apply(rule, x, a) for x in (prepend, a, append)
    ]
    parts = [x for x in parts if x is not None]
    if n and len(parts) > 1:
        a = concatenate(parts, axis)
    return apply(RULES[np.diff].bind({"n": n, "axis": axis}), a)


def cast_like(x: Any, other: Any) -> Any:
    """x in the dtype that the other has now; TypeError, if floats were cut."""
    dtype = np.result_type(other)
    return np.positive(dtype.type(x) if type(x) is int else x, dtype=dtype)


define(cast_like, lambda g, y, x, other: g, None, name="astype")


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Value:
    """np.ediff1d."""
    y = diff(np.reshape(known(ary), -1))
    parts = [
        x if x is y else apply(RULES[cast_like], np.reshape(known(x), -1), y)
        for x in (to_begin, y, to_end)
        if x is not None
    ]
    return y if len(parts) == 1 else concatenate(parts)


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """np.gradient; spacings may be Values, too. Of several axes, a tuple."""
    if edge_order != 1:
        raise TypeError(f"expected edge_order=1, got {edge_order!r}")
    f = 1.0 * known(f)  # it may be fed integers, which would wrap
    axes = range(np.ndim(f)) if axis is None else np.atleast_1d(axis).tolist()
    spacings = [*map(known, varargs)] or [1.0]
    if len(spacings) == 1 and np.ndim(spacings[0]) == 0:
        spacings *= len(axes)
    if len(spacings) != len(axes):
        raise TypeError(f"expected {len(axes)} spacings, got {len(spacings)}")
    results = tuple(slopes_along(f, d, i) for d, i in zip(spacings, axes))
    return results[0] if len(results) == 1 else results


def slopes_along(f: Any, spacing: Any, axis: int) -> Value:
    """The slope at the ends, and between them the mean of the slopes on both sides.

    Where the places are given and not their distance, each side has the other's weight.
    The result has the dtype of f, also if that of the spacing is wider.
    """
    f = move_axis(f, axis, -1)
    if np.shape(f)[-1] in (0, 1):  # an open axis has None
        raise ValueError("expected two elements or more along the axis")
    if np.ndim(spacing) > 1:
        n = np.ndim(spacing)
        raise ValueError(f"expected a spacing, or places on one axis, got {n} axes")
    steps = diff(1.0 * spacing) if np.ndim(spacing) else spacing
    slopes = diff(f) / steps
    left, right = slopes[..., :-1], slopes[..., 1:]
    inside = (left + right) / 2
    if np.ndim(steps):
        inside = (left * steps[1:] + right * steps[:-1]) / (steps[1:] + steps[:-1])
    y = concatenate([slopes[..., :1], inside, slopes[..., -1:]], -1)
    y = apply(RULES[cast_like], y, f)
    return move_axis(y, -1, axis)  # type: ignore[no-any-return]


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Value:
    """np.trapezoid."""
    y = move_axis(known(y), axis, -1)
    steps = known(dx)
    if np.ndim(steps):  # they broadcast to y as it was
        steps = np.expand_dims(steps, tuple(range(np.ndim(y) - np.ndim(steps))))
        steps = move_axis(steps, axis, -1)
    if x is not None:
        x = known(x)
        steps = diff(x if np.ndim(x) == 1 else move_axis(x, axis, -1))
    area: Value = (steps * (y[..., 1:] + y[..., :-1]) / 2).sum(-1)
    return area


# --- Sequences and polynomials --------------------------------------------------------


def in_full(g: Any, a: Any, v: Any, mode: Any, is_turned: bool = False) -> Any:
    """g at its places in the full convolution, of which the mode took a part."""
    shorter, rest = min(len(a), len(v)), len(a) + len(v) - 1 - len(g)
    before = {"full": 0, "same": (shorter - 1) // 2, "valid": shorter - 1}[mode]
    before = rest - before if is_turned else before
    return pad_axis(g, before, rest - before)


def grad_convolve(i: int, g: Any, a: Any, v: Any, mode: Any) -> Any:
    """g with the other operand."""
    return np.correlate(in_full(g, a, v, mode), a if i else v, "valid")


def grad_correlate(i: int, g: Any, a: Any, v: Any, mode: Any) -> Any:
    """g with the other operand; NumPy turns what it makes of a longer second one."""
    g = in_full(g, a, v, mode, is_turned=len(v) > len(a))
    return np.correlate(g, a, "valid")[::-1] if i else np.convolve(g, v, "valid")


define(
    np.convolve,
    multilinear(np.convolve, grad_convolve),
    value=lambda a, v, mode: np.convolve(a, v, mode),
    is_variadic=True,
)
define(
    np.correlate,
    multilinear(np.correlate, grad_correlate),
    value=lambda a, v, mode: np.correlate(a, v, mode),
    is_variadic=True,
)


def convolve(a: Any, v: Any, mode: str = "full") -> Value:
    """np.convolve; a number is a sequence of one."""
    a, v = (x if np.ndim(x) else np.reshape(x, -1) for x in map(known, (a, v)))
    return apply(RULES[np.convolve].bind({"mode": mode}, 2), a, v)


@primitive(None)
def exponents(p: Any) -> Any:
    """The exponent of x for each coefficient of a polynomial, the highest first."""
    return np.arange(np.shape(p)[-1])[::-1]


def slope_of_polynomial(p: Any, x: Any) -> Any:
    """Its derivative by x."""
    return run(np.polyval, (widened(p) * exponents(p))[:-1], widened(x))


@primitive(
    lambda gg, y, g, p, x: run(np.polyval, gg, x),
    None,
    lambda gg, y, g, p, x: g * slope_of_polynomial(gg, x),
    name="adjoint of polyval",
)
def grad_polyval_p(g: Any, p: Any, x: Any) -> Any:
    """Σ g xᵏ of each coefficient."""
    return np.dot(np.ravel(g), np.vander(np.ravel(widened(x)), len(p)))


def grad_vander_x(g: Any, y: Any, x: Any, N: int | None, increasing: bool) -> Any:
    """Σ g k xᵏ⁻¹ along each row."""
    g, y = (g[:, ::-1], y) if increasing else (g, y[:, ::-1])
    return np.add.reduce((g * exponents(y))[:, :-1][:, ::-1] * y[:, :-1], 1)


define(
    np.polyval,
    lambda g, y, p, x: grad_polyval_p(g, p, x),
    lambda g, y, p, x: g * slope_of_polynomial(p, x),
)
define(
    np.vander,
    grad_vander_x,
    value=lambda x, N, increasing: np.vander(x, N, increasing),
)


def polyval(p: Any, x: Any) -> Value:
    """np.polyval."""
    p = known(p)
    if np.ndim(p) != 1:
        raise ValueError(f"p: expected one axis of coefficients, got {np.ndim(p)}")
    return apply(RULES[np.polyval], p, x)


# --- Moments of two variables ---------------------------------------------------------


def centred(x: Any) -> Any:
    """The rows less their means, in float64 as NumPy's moments."""
    x = in_double(x)
    return x - np.mean(x, 1, keepdims=True)


def as_square(g: Any) -> Any:
    """g of all pairs of rows as a matrix, which NumPy squeezes if there is one."""
    return g if np.ndim(g) else np.reshape(g, (1, 1))


def grad_cov_x(g: Any, y: Any, x: Any, ddof: int) -> Any:
    """(g + gᵀ) by the centred rows, over the degrees of freedom."""
    g, x = as_square(g), centred(x)
    n = count(x, np.add.reduce(x, 1))
    return np.dot(g + np.transpose(g), x) / (n - ddof)


def grad_corrcoef_x(g: Any, y: Any, x: Any) -> Any:
    """The same of rows of length 1, of what is at right angles to them."""
    g, x = as_square(g), centred(x)
    length = np.sqrt(np.add.reduce(x * x, 1, keepdims=True))
    x = x / length
    grad_rows = np.dot(g + np.transpose(g), x)
    return (grad_rows - x * np.add.reduce(x * grad_rows, 1, keepdims=True)) / length


define(np.cov, grad_cov_x, value=lambda x, ddof: np.cov(x, ddof=ddof))
define(np.corrcoef, grad_corrcoef_x)


def variables(m: Any, y: Any, rowvar: bool) -> Any:
    """The variables of m, and of y, as rows."""
    parts = []
    for x in (m,) if y is None else (m, y):
        x = known(x)
        if np.ndim(x) > 2:
            raise ValueError(f"expected at most two axes, got {np.ndim(x)}")
        is_table = np.ndim(x) == 2
        x = x if is_table else np.reshape(x, (1, -1))
        parts.append(x if rowvar or not is_table else np.transpose(x))
    return parts[0] if len(parts) == 1 else concatenate(parts)


def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
) -> Value:
    """np.cov, without weights."""
    ddof = (0 if bias else 1) if ddof is None else ddof
    return apply(RULES[np.cov].bind({"ddof": ddof}), variables(m, y, rowvar))


def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Value:
    """np.corrcoef."""
    return apply(RULES[np.corrcoef], variables(x, y, rowvar))


# --- NumPy's functions ----------------------------------------------------------------

FUNCTIONS: dict[Function, Callable[..., Any]] = {
    np.convolve: convolve,
    np.corrcoef: corrcoef,
    np.correlate: with_options(np.correlate, "mode"),
    np.cov: cov,
    np.cross: cross,
    np.diff: diff,
    np.dot: dot,
    np.ediff1d: ediff1d,
    np.einsum: einsum,
    np.gradient: gradient,
    np.inner: inner,
    np.kron: with_options(np.kron),
    np.linalg.multi_dot: multi_dot,
    np.outer: outer,
    np.polyval: polyval,
    np.tensordot: tensordot,
    np.vander: with_options(np.vander, "N increasing"),
    **installed({"trapezoid": trapezoid, "trapz": trapezoid, "vecdot": vecdot}),
}
