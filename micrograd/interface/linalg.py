"""Linear algebra: norms, systems of equations, determinants, decompositions.

All but `norm` take a matrix, or a stack of them in the last two axes, as NumPy has it.
An operator has one result: of a decomposition it has all factors, one below the other,
so that it is computed once forward and its derivative once backward.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from micrograd.engine import Value, apply
from micrograd.interface import shapes
from micrograd.interface.adjoints import linear
from micrograd.interface.arguments import installed, with_options
from micrograd.interface.products import cross, outer, tensordot, vecdot
from micrograd.rules import (
    RULES,
    Function,
    define,
    placed_at,
    primitive,
    reduction,
    run,
    widened,
)


def T(x: Any) -> Any:
    """The matrices transposed."""
    return x.swapaxes(-1, -2)


def symmetric(x: Any) -> Any:
    """The nearest symmetric matrices: a gradient by what counts as symmetric."""
    return (x + T(x)) / 2


@primitive(lambda g, y, a, b: quotient(g, b), lambda g, y, a, b: -quotient(g * y, b))
def quotient(a: Any, b: Any) -> Any:
    """a / b, and 0 where both are 0."""
    return np.divide(a, np.where((a == 0) & (b == 0), 1, b))


def or_nan(function: Function, x: Any, **parameters: Any) -> Any:
    """function(x), and nan where NumPy raises because x has nan.

    So a lazy Value can be decomposed before it is fed.
    """
    try:
        return function(x, **parameters)
    except np.linalg.LinAlgError:
        if not np.any(np.isnan(x)):
            raise
    identity = np.broadcast_to(np.eye(*x.shape[-2:], dtype=x.dtype), x.shape)
    return np.full_like(function(identity, **parameters), np.nan)


@primitive(
    lambda g, y, x: (
        np.add.reduce(g, -2, keepdims=True) - T(np.add.reduce(g, -1, keepdims=True))
    )
)
def distances(x: Any) -> Any:
    """How far each element of a row (1, n) is from each: (n, n), 1 on the diagonal."""
    return np.where(is_on_diagonal(x), 1, x - T(x))


@primitive(None)
def is_on_diagonal(x: Any) -> Any:
    """For square matrices with as many columns as x, whether it is their diagonal."""
    return np.eye(np.shape(x)[-1], dtype=bool)


# --- Norms ----------------------------------------------------------------------------

SPECTRAL = (2, -2, "nuc")  # norms of a matrix that are made of its singular values


def norm_of(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """np.linalg.norm."""
    if ord in SPECTRAL and len(axes_of(x, axis)) == 2:
        x = np.asarray(x)  # so that compiled programs, too, ask each time for nan
    return or_nan(np.linalg.norm, x, ord=ord, axis=axis, keepdims=keepdims)


def axes_of(x: Any, axis: Any) -> tuple[int, ...]:
    """The axes that a norm is of."""
    if axis is None:
        return tuple(range(np.ndim(x)))
    return axis if isinstance(axis, tuple) else (axis,)


@primitive(None)
def shares(x: Any, y: Any, axis: Any) -> Any:
    """How elements that are equal to y share 1 along axes; 0 for others."""
    ties = x == y
    return ties / np.add.reduce(ties, axis, keepdims=True)


def grad_norm_x(g: Any, y: Any, x: Any, axis: Any, ord: Any = None) -> Any:
    """sign(x) (|x| / y)ᵖ⁻¹, and 0 where x is 0; of a matrix, where its sums decide."""
    axes, x = axes_of(x, axis), widened(x)
    if ord is None or ord == "fro" or ord == 2 and len(axes) == 1:
        return x * np.where(y == 0, 0.0, g / np.where(y == 0, 1.0, y))
    if ord in SPECTRAL and len(axes) == 2:
        if [i % np.ndim(x) for i in axes] == [np.ndim(x) - 2, np.ndim(x) - 1]:
            return g * grad_spectral_x(x, ord)
        weights = grad_spectral_x(np.moveaxis(x, axes, (-2, -1)), ord)
        return g * np.moveaxis(weights, (-2, -1), axes)
    size = np.abs(x)
    if len(axes) == 2:  # the largest or smallest sum of a column or a row
        size = np.add.reduce(size, axes[0 if abs(ord) == 1 else 1], keepdims=True)
        ord = np.inf
    if abs(ord) == np.inf:
        ties = size == y
        g = np.where(ties & (x != 0), g, 0.0)
        return np.sign(x) * (g / np.add.reduce(ties, axes, keepdims=True))
    if ord == 0:  # a count
        return 0.0
    is_zero = (x == 0) | (y == 0)  # y of very small numbers is 0
    ratio = np.where(is_zero, 1.0, size) / np.where(is_zero, 1.0, y)
    return np.where(is_zero, 0.0, g * np.sign(x) * ratio ** (ord - 1))


def grad_spectral_x(x: Any, ord: Any) -> Any:
    """u vᵀ of the singular values that count: the largest, the smallest or all."""
    y = run(np.linalg.svd, x, full_matrices=False)
    s = y[..., -1:, :]
    weights = np.sign(s)
    if ord != "nuc":
        weights = weights * shares(s, s[..., :1] if ord == 2 else s[..., -1:], axis=-1)
    u, v = factors_in(y, x)
    return u * weights @ T(v)


define(np.linalg.norm, reduction(grad_norm_x), value=norm_of)
norm = with_options(np.linalg.norm, "ord axis keepdims")


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Value:
    """np.linalg.matrix_norm, of the last two axes."""
    return norm(x, ord, (-2, -1), keepdims)


def vector_norm(
    x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2
) -> Value:
    """np.linalg.vector_norm, of one axis or, without `keepdims`, of all."""
    if isinstance(axis, tuple) or axis is None and keepdims:
        raise TypeError("expected one axis; reshape several to one")
    if axis is None:
        return norm(np.reshape(x, -1), ord)
    return norm(x, ord, axis, keepdims)


# --- Systems of equations -------------------------------------------------------------


def grad_inv_x(g: Any, y: Any, x: Any) -> Any:
    """-yᵀ g yᵀ, as d(x⁻¹) is -x⁻¹ dx x⁻¹."""
    return -(T(y) @ g @ T(y))


IS_NUMPY_1 = np.__version__.startswith("1.")


def as_columns(x: Any, a: Any, b: Any) -> Any:
    """What is shaped as b in a x = b, as matrices: a vector is one column.

    NumPy 2 takes b for a vector if it has one axis; NumPy 1, if it has one less than a.
    """
    return x[..., None] if b.ndim == (a.ndim - 1 if IS_NUMPY_1 else 1) else x


def grad_solve_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """-(a⁻ᵀ g) yᵀ."""
    g, y = as_columns(g, a, b), as_columns(y, a, b)
    return -(np.linalg.solve(T(a), g) @ T(y))


def grad_solve_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """a⁻ᵀ g."""
    columns = as_columns(g, a, b)
    gradient = np.linalg.solve(T(a), columns)
    return gradient if columns is g else gradient[..., 0]


def grad_pinv_x(g: Any, y: Any, x: Any, **parameters: Any) -> Any:
    """Golub and Pereyra, "The differentiation of pseudo-inverses", 1973."""
    g, transposed = T(g), T(y)
    left, right = y @ g, g @ y
    outside = (g - x @ left) @ y @ transposed + transposed @ y @ (g - right @ x)
    return outside - T(left @ y)


def pinv_or_nan(x: Any, **parameters: Any) -> Any:
    """np.linalg.pinv; called whole in compiled programs, as it decides by data."""
    return or_nan(np.linalg.pinv, np.asarray(x), **parameters)


define(np.linalg.inv, grad_inv_x)
define(np.linalg.solve, grad_solve_a, grad_solve_b)
define(np.linalg.pinv, grad_pinv_x, value=pinv_or_nan)


def pinv(a: Any, rcond: Any = None, *, rtol: Any = None) -> Value:
    """np.linalg.pinv; its matrix need not be symmetric, so `hermitian` is no option."""
    given = {"rcond": rcond, "rtol": rtol}
    parameters = {name: x for name, x in given.items() if x is not None}
    return apply(RULES[np.linalg.pinv].bind(parameters), a)


# --- Determinants and powers ----------------------------------------------------------


def det(x: Any) -> Any:
    """np.linalg.det, which would warn of nan: a lazy Value has it until it is fed."""
    with np.errstate(invalid="ignore"):
        return np.linalg.det(x)


def is_normal(y: Any) -> Any:
    """Whether a number has all its digits: it is not 0, subnormal or infinite."""
    size = np.abs(y)
    return (size >= np.finfo(y.dtype).tiny) & (size < np.inf)


def grad_det_x(g: Any, y: Any, x: Any) -> Any:
    """g times the cofactors."""
    return g[..., None, None] * cofactors(x, y)


@primitive(lambda g, y, x, det: grad_cofactors_x(g, x, det), None)
def cofactors(x: Any, det: Any) -> Any:
    """det x⁻ᵀ; by the singular values, where the determinant is 0 or overflows."""
    if np.all(is_normal(det)):
        return det[..., None, None] * T(np.linalg.inv(x))
    u, v, s = signed_factors(x)
    is_own = np.eye(s.shape[-1], dtype=bool)
    others = np.multiply.reduce(np.where(is_own, 1, s[..., None, :]), -1)
    return (u * others[..., None, :]) @ T(v)


def signed_factors(x: Any) -> tuple[Any, Any, Any]:
    """u, v and s of x = u s vᵀ with det u det v = 1; so one s may be negative."""
    x = np.asarray(x)
    is_finite = np.all(np.isfinite(x))  # else LAPACK's iterations may never end
    y = singular(x) if is_finite else singular(np.zeros_like(x)) * np.nan
    u, v, s = factor(y, x, True), factor(y, x, False), y[..., -1, :]
    is_last = np.arange(s.shape[-1]) == s.shape[-1] - 1
    sign = (np.linalg.det(u) * np.linalg.det(v))[..., None]
    signs = np.where(is_last, np.where(sign < 0, -1.0, 1.0), 1.0)
    return u * signs[..., None, :], v, s * signs


@primitive(
    lambda gg, y, g, x, det: grad_cofactors_x(gg, x, det),
    lambda gg, y, g, x, det: third_of_det(gg, y, g, x, det),
    None,
)
def grad_cofactors_x(g: Any, x: Any, det: Any) -> Any:
    """The second derivative of the determinant, along g.

    With w = x⁻ᵀ: det (⟨w, g⟩ w - w gᵀ w). Of singular matrices it is, in the directions
    of their singular vectors, the product of the other singular values for each two.
    """
    if np.all(is_normal(det)):
        w = T(np.linalg.inv(x))
        along = np.add.reduce(w * g, (-2, -1), keepdims=True)
        return det[..., None, None] * (along * w - w @ T(g) @ w)
    u, v, s = signed_factors(x)
    n = s.shape[-1]
    is_own = np.eye(n, dtype=bool)
    is_pair = is_own[:, None] | is_own[None]  # (n, n, n)
    others = np.multiply.reduce(np.where(is_pair, 1, s[..., None, None, :]), -1)
    others = np.where(is_own, 0.0, others)  # (..., n, n)
    turned = T(u) @ g @ v
    diagonal = np.diagonal(turned, 0, -2, -1)
    sums = (others @ diagonal[..., None])[..., 0]
    return u @ (np.where(is_own, sums[..., None, :], 0.0) - others * T(turned)) @ T(v)


def third_of_det(gg: Any, _: Any, g: Any, x: Any, det: Any) -> Any:
    """The derivative of ⟨gg, det (⟨w, g⟩ w - w gᵀ w)⟩ by x, as dw is -w dxᵀ w."""
    w = T(np.linalg.inv(x))
    one, other = w @ T(g) @ w, w @ T(gg) @ w
    a = np.add.reduce(w * g, (-2, -1), keepdims=True)
    b = np.add.reduce(w * gg, (-2, -1), keepdims=True)
    c = np.add.reduce(gg * one, (-2, -1), keepdims=True)
    both = one @ T(gg) @ w + other @ T(g) @ w
    det = run(np.linalg.det, x)[..., None, None]
    return det * ((a * b - c) * w - b * one - a * other + both)


define(np.linalg.det, grad_det_x, value=det)


class SlogdetResult(NamedTuple):
    """What np.linalg.slogdet returns; no gradient flows through the sign."""

    sign: Value
    logabsdet: Value


def sign_and_log(x: Any) -> Any:
    """np.linalg.slogdet, as one array; it would warn of nan, too."""
    with np.errstate(invalid="ignore"):
        return np.stack(np.linalg.slogdet(x))


def grad_slogdet_x(g: Any, y: Any, x: Any) -> Any:
    """x⁻ᵀ; a singular matrix has none."""
    return g[1][..., None, None] * T(np.linalg.inv(x))


define(np.linalg.slogdet, grad_slogdet_x, value=sign_and_log)


def slogdet(a: Any) -> SlogdetResult:
    """np.linalg.slogdet."""
    both = apply(RULES[np.linalg.slogdet], a)
    return SlogdetResult(both[0], both[1])


def grad_matrix_power_x(g: Any, y: Any, x: Any, n: int) -> Any:
    """Σ (xᵀ)ⁱ g (xᵀ)ⁿ⁻¹⁻ⁱ, which stands above the diagonal of a power of blocks.

    Mathias, "A chain rule for matrix functions", 1996.
    """
    blocks = np.block([[T(x), g], [np.zeros_like(x), T(x)]])
    y = np.linalg.matrix_power(blocks, n)
    for axis, i in ((-2, 0), (-1, 1)):
        parts = {"i": i, "sections": 2, "axis": axis, "is_equal": True}
        y = run(shapes.split_part, y, **parts)
    return y


define(np.linalg.matrix_power, grad_matrix_power_x)


# --- Decompositions: of symmetric matrices --------------------------------------------


def grad_cholesky_x(g: Any, y: Any, x: Any) -> Any:
    """Murray, "Differentiation of the Cholesky decomposition", 2016; symmetric."""
    inner = T(y) @ g
    inner = (np.tril(inner) + np.tril(inner, -1)) / 2
    inverse = np.linalg.inv(y)
    return symmetric(T(inverse) @ inner @ inverse)


define(np.linalg.cholesky, grad_cholesky_x, value=partial(or_nan, np.linalg.cholesky))


def cholesky(a: Any, *, upper: bool = False) -> Value:
    """np.linalg.cholesky, which reads one triangle of a matrix that is symmetric."""
    if upper:
        return matrix_transpose(cholesky(matrix_transpose(a)))
    return apply(RULES[np.linalg.cholesky], a)


class EighResult(NamedTuple):
    """What np.linalg.eigh returns."""

    eigenvalues: Value
    eigenvectors: Value


def eigen(x: Any, UPLO: Any) -> Any:
    """np.linalg.eigh, as one array: the eigenvalues above their vectors."""
    w, v = np.linalg.eigh(x, UPLO)
    return np.concatenate([w[..., None, :], v], -2)


def eigen_or_nan(x: Any, UPLO: Any) -> Any:
    """The same; nan, if x has nan."""
    return or_nan(eigen, x, UPLO=UPLO)


def grad_eigh_x(g: Any, y: Any, x: Any, UPLO: Any) -> Any:
    """Giles, "Collected matrix derivative results", 2008, 3.1; symmetric."""
    w, v = y[..., :1, :], y[..., 1:, :]
    transposed = T(v)
    inner = quotient(transposed @ g[..., 1:, :], distances(w))
    inner = np.where(is_on_diagonal(v), g[..., :1, :], inner)
    return symmetric(v @ inner @ transposed)


define(np.linalg.eigh, grad_eigh_x, value=eigen_or_nan)


def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """np.linalg.eigh, which reads one triangle of a matrix that is symmetric."""
    both = apply(RULES[np.linalg.eigh].bind({"UPLO": UPLO}), a)
    return EighResult(both[..., 0, :], both[..., 1:, :])


def eigvalsh(a: Any, UPLO: str = "L") -> Value:
    """np.linalg.eigvalsh; their derivative needs the vectors, too."""
    return eigh(a, UPLO).eigenvalues


# --- Decompositions: of any matrices, (..., m, n) with k = min(m, n) ------------------


def factor(y: Any, x: Any, is_left: bool) -> Any:
    """The left factor (..., m, k), or the right one (..., n, k), which stands below."""
    m, n = x.shape[-2:]
    return y[..., :m, :] if is_left else y[..., m : m + n, :]


def placed_factor(g: Any, y: Any, x: Any, is_left: bool) -> Any:
    """g at the place of the factor."""
    m, n = x.shape[-2:]
    rows = slice(0, m) if is_left else slice(m, m + n)
    return placed_at(g, y, ..., rows, slice(None))


define(factor, linear(factor, placed_factor), None)


def factors(y: Value, x: Any) -> tuple[Value, Value]:
    """Both factors in the result of a decomposition of x."""
    left = RULES[factor].bind({"is_left": True})
    right = RULES[factor].bind({"is_left": False})
    return apply(left, y, x), apply(right, y, x)


def factors_in(y: Any, x: Any) -> tuple[Any, Any]:
    """The same in a derivative, of the result or of its gradient."""
    return run(factor, y, x, is_left=True), run(factor, y, x, is_left=False)


class SVDResult(NamedTuple):
    """What np.linalg.svd returns."""

    U: Value
    S: Value
    Vh: Value


def singular(x: Any, full_matrices: bool = False) -> Any:
    """np.linalg.svd, as one array: u, v, and below them the singular values."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    m, n = x.shape[-2:]
    if full_matrices and m != n:
        raise ValueError(f"write full_matrices=False, as {m} x {n} is not square")
    return np.concatenate([u, T(vh), s[..., None, :]], -2)


def singular_or_nan(x: Any, full_matrices: bool) -> Any:
    """The same; nan, if x has nan."""
    return or_nan(singular, x, full_matrices=full_matrices)


def grad_svd_x(g: Any, y: Any, x: Any, full_matrices: bool = False) -> Any:
    """Townsend, "Differentiating the singular value decomposition", 2016."""
    (u, v), (grad_u, grad_v) = factors_in(y, x), factors_in(g, x)
    s, grad_s, is_own = y[..., -1:, :], g[..., -1:, :], is_on_diagonal(y)
    between = distances(s**2)
    in_u, in_v = T(u) @ grad_u, T(v) @ grad_v
    inner = quotient(in_u - T(in_u), between) * s
    inner = inner + T(s) * quotient(in_v - T(in_v), between)
    gradient = u @ np.where(is_own, grad_s, inner) @ T(v)
    gradient = gradient + quotient(outside(grad_u, u), s) @ T(v)
    return gradient + u @ T(quotient(outside(grad_v, v), s))


def outside(x: Any, u: Any) -> Any:
    """The part of x at right angles to the columns of u; 0 if those fill the space."""
    is_tall = has_more_rows(u)
    return 0.0 if is_tall is False else is_tall * (x - u @ (T(u) @ x))


@primitive(None)
def has_more_rows(x: Any) -> bool:
    """Whether the matrices have more rows than columns."""
    m, n = x.shape[-2:]
    return bool(m > n)


define(np.linalg.svd, grad_svd_x, value=singular_or_nan)


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """np.linalg.svd, as (U, S, Vh); S alone without `compute_uv`."""
    thin = {"full_matrices": full_matrices and compute_uv}
    y = apply(RULES[np.linalg.svd].bind(thin), a)
    if not compute_uv:
        return y[..., -1, :]
    u, v = factors(y, a)
    return SVDResult(u, y[..., -1, :], matrix_transpose(v))


def svdvals(x: Any, /) -> Value:
    """np.linalg.svdvals."""
    values: Value = svd(x, compute_uv=False)
    return values


class QRResult(NamedTuple):
    """What np.linalg.qr returns."""

    Q: Value
    R: Value


def orthogonal(x: Any) -> Any:
    """np.linalg.qr, as one array: q, and rᵀ below it."""
    q, r = np.linalg.qr(x)
    return np.concatenate([q, T(r)], -2)


def grad_qr_x(g: Any, y: Any, x: Any) -> Any:
    """Roberts and Roberts, "QR and LQ decomposition matrix backpropagation", 2020.

    x = q [u, q⁻¹ rest], where u is square, and the rest empty if x is not wide.
    """
    (q, r), (grad_q, grad_r) = factors_in(y, x), factors_in(g, x)
    r, grad_r = T(r), T(grad_r)
    u, grad_u = columns(r, y, is_rest=False), columns(grad_r, y, is_rest=False)
    grad_rest = columns(grad_r, y, is_rest=True)
    grad_q = grad_q + columns(x, y, is_rest=True) @ T(grad_rest)
    inner = np.tril(u @ T(grad_u) - T(grad_q) @ q)
    inner = inner + T(np.tril(inner, -1))
    grad_square = T(np.linalg.solve(u, T(grad_q + q @ inner)))
    return np.concatenate([grad_square, q @ grad_rest], -1)


@primitive(lambda g, y, x, like, is_rest: placed_columns(g, x, like, is_rest=is_rest))
def columns(x: Any, like: Any, is_rest: bool) -> Any:
    """As many columns of x as another has, or the rest of them."""
    k = np.shape(like)[-1]
    return x[..., k:] if is_rest else x[..., :k]


@primitive(lambda gg, y, g, x, like, is_rest: columns(gg, like, is_rest=is_rest))
def placed_columns(g: Any, x: Any, like: Any, is_rest: bool) -> Any:
    """g at these columns of zeros in the shape of x."""
    k = np.shape(like)[-1]
    return placed_at(g, x, ..., slice(k, None) if is_rest else slice(k))


define(np.linalg.qr, grad_qr_x, value=orthogonal)


def qr(a: Any, mode: str = "reduced") -> Any:
    """np.linalg.qr, as (Q, R); R alone in the mode "r"."""
    if mode not in ("reduced", "r"):
        raise TypeError(f"expected mode='reduced' or 'r', got {mode!r}")
    q, r = factors(apply(RULES[np.linalg.qr], a), a)
    r = matrix_transpose(r)
    return r if mode == "r" else QRResult(q, r)


# --- Places ---------------------------------------------------------------------------


def matrix_transpose(x: Any, /) -> Value:
    """np.matrix_transpose, of the last two axes."""
    n = np.ndim(x)
    if n < 2:
        raise ValueError(f"expected matrices, got {n} axes")
    return Value.transpose(x, (*range(n - 2), n - 1, n - 2))


def diagonal(x: Any, /, *, offset: int = 0) -> Value:
    """np.linalg.diagonal, of the last two axes."""
    return shapes.diagonal(x, offset, -2, -1)


def trace(x: Any, /, *, offset: int = 0) -> Value:
    """np.linalg.trace, of the last two axes."""
    return diagonal(x, offset=offset).sum(-1)


# --- NumPy's functions ----------------------------------------------------------------


FUNCTIONS: dict[Function, Callable[..., Any]] = {
    np.linalg.cholesky: cholesky,
    np.linalg.eigh: eigh,
    np.linalg.eigvalsh: eigvalsh,
    np.linalg.matrix_power: with_options(np.linalg.matrix_power, "n"),
    np.linalg.norm: norm,
    np.linalg.pinv: pinv,
    np.linalg.qr: qr,
    np.linalg.slogdet: slogdet,
    np.linalg.svd: svd,
    **installed(
        {
            "linalg.cross": lambda a, b, /, *, axis=-1: cross(a, b, axis=axis),
            "linalg.diagonal": diagonal,
            "linalg.matmul": lambda a, b, /: apply(RULES[np.matmul], a, b),
            "linalg.matrix_norm": matrix_norm,
            "linalg.matrix_transpose": matrix_transpose,
            "linalg.outer": outer,
            "linalg.svdvals": svdvals,
            "linalg.tensordot": lambda a, b, /, *, axes=2: tensordot(a, b, axes),
            "linalg.trace": trace,
            "linalg.vecdot": vecdot,
            "linalg.vector_norm": vector_norm,
            "matrix_transpose": matrix_transpose,
        }
    ),
}
