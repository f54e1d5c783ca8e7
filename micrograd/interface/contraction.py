"""Contractions, as np.einsum has them: two operands at a time, by matrix products.

With `optimize`, np.einsum reads its subscripts and looks for a path at each call, which
takes three times as long as a small product. Here that is done once for each layout.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from math import prod
from typing import Any, Union

import numpy as np

from micrograd.rules import matmul

Shape = tuple[int, ...]
Order = Union[list[int], None]
Steps = list[tuple[list[int], Callable[..., Any]]]
OF_BLAS = np.dtype(np.float32), np.dtype(np.float64)


def contraction(
    *arrays: Any, terms: list[str], result: str, optimize: Any = True
) -> Any:
    """np.einsum of one term for each array: products, summed over all other letters."""
    dtype = np.result_type(*map(np.result_type, arrays))
    arrays = tuple(  # summed on their own, booleans would add as "or"
        x if np.result_type(x) == dtype else np.multiply(x, 1, dtype=dtype)
        for x in arrays
    )
    is_single = len(arrays) == 1 or len(terms) != len(arrays)
    if is_single or optimize is False or dtype not in OF_BLAS:
        subscripts = f"{','.join(terms)}->{result}"
        if not subscripts.isascii():
            raise ValueError(f"expected letters from a to z, got {subscripts!r}")
        return np.einsum(subscripts, *arrays, optimize=len(arrays) > 2 and optimize)
    optimize = tuple(optimize) if isinstance(optimize, list) else optimize
    parts = [*arrays]
    shapes = tuple(map(np.shape, arrays))
    for places, product in steps_of(tuple(terms), shapes, result, optimize):
        parts.append(product(*[parts.pop(i) for i in places]))
    return parts[0]


@lru_cache(maxsize=1024)
def steps_of(
    terms: tuple[str, ...], shapes: tuple[Shape, ...], result: str, optimize: Any
) -> Steps:
    """The contractions of some operands each: their places among what is left, and how.

    The last place comes first, so that taking one moves no other.
    """
    path: list[Any] = [(0, 1)]
    if len(terms) > 2:
        arrays = [np.broadcast_to(0.0, shape) for shape in shapes]
        subscripts = f"{','.join(terms)}->{result}"
        if isinstance(optimize, tuple):  # a list can be no key of a cache
            optimize = [*optimize]
        path = np.einsum_path(subscripts, *arrays, optimize=optimize)[0][1:]
    lengths: dict[str, int] = {}
    for term, shape in zip(terms, shapes):
        lengths.update({c: max(n, lengths.get(c, n)) for c, n in zip(term, shape)})
    left = list(zip(terms, shapes))
    steps: Steps = []
    for chosen in path:
        places = sorted(chosen, reverse=True)
        parts = [left.pop(i) for i in places]
        kept = "".join([result, *[term for term, _ in left]])
        letters = dict.fromkeys("".join([term for term, _ in parts]))
        term = "".join([c for c in letters if c in kept]) if left else result
        steps.append((places, product_of(parts, term)))
        left.append((term, tuple([lengths.get(c, 1) for c in term])))
    return steps


def product_of(parts: list[Any], result: str) -> Callable[..., Any]:
    """The contraction of such terms and shapes, as a product of matrices if it is."""
    terms = [term for term, _ in parts]
    product = matrix_product_of(parts[0], parts[1], result) if len(parts) == 2 else None
    return product or partial(np.einsum, f"{','.join(terms)}->{result}")


def matrix_product_of(
    left: tuple[str, Shape], right: tuple[str, Shape], result: str
) -> Callable[..., Any] | None:
    """The product of matrices that it is to contract two such arrays; None if none.

    It sums over letters that both have, and over no others.
    """
    (of_a, shape_a), (of_b, shape_b) = left, right
    if [*map(len, (of_a, of_b))] != [*map(len, (shape_a, shape_b))]:
        return None
    if not (of_a + of_b).isascii() or not (of_a + of_b).isalpha():
        return None
    both = [c for c in of_a if c in of_b]
    inner = "".join([c for c in both if c not in result])
    batch = "".join([c for c in both if c in result])
    rows = "".join([c for c in of_a if c not in both])
    columns = "".join([c for c in of_b if c not in both])
    if not inner or sorted(batch + rows + columns) != sorted(result):
        return None
    lengths = dict(zip(of_b, shape_b))
    if any(c in inner and n != lengths[c] for c, n in zip(of_a, shape_a)):
        return None  # one of them broadcasts
    if rows and columns and result.index(columns[0]) < result.index(rows[0]):
        product = matrix_product_of(right, left, result)
        return product and (lambda a, b: product(b, a))
    is_matmul = len(inner) == 1 and len(rows) <= 1 and len(columns) <= 1
    if is_matmul and (rows or columns or not batch):
        return partial(
            as_matmul,
            order_of(of_a, batch + rows + inner),
            order_of(of_b, batch + inner + columns),
            order_of(batch + rows + columns, result),
            bool(batch and not rows),
            bool(batch and not columns),
        )
    if batch or min(prod(shape_a), prod(shape_b)) < 2:  # np.dot takes 0 times nan as 0
        return None
    if not result:
        return partial(as_dot, order_of(of_b, of_a))
    axes = [of_a.index(c) for c in inner], [of_b.index(c) for c in inner]
    return partial(as_tensordot, axes, order_of(rows + columns, result))


def as_matmul(
    order_a: Order,
    order_b: Order,
    order: Order,
    is_row: bool,
    is_column: bool,
    a: Any,
    b: Any,
) -> Any:
    """The product of matrices; or of a row, or a column, for each of a batch."""
    a, b = arranged(a, order_a), arranged(b, order_b)
    y = matmul(a[..., None, :] if is_row else a, b[..., None] if is_column else b)
    y = y[..., 0, :] if is_row else y
    return arranged(y[..., 0] if is_column else y, order)


def as_dot(order_b: Order, a: Any, b: Any) -> Any:
    """The sum of all products."""
    return np.vdot(a, arranged(b, order_b))


def as_tensordot(
    axes: tuple[list[int], list[int]], order: Order, a: Any, b: Any
) -> Any:
    """The product of arrays whose axes are those of matrices, several in one."""
    return arranged(np.tensordot(a, b, axes), order)


def order_of(letters: str, wanted: str) -> Order:
    """The order of axes that makes the letters those that are wanted; None as it is."""
    return None if letters == wanted else [letters.index(c) for c in wanted]


def arranged(x: Any, order: Order) -> Any:
    """x with its axes in that order."""
    if order is None:
        return x
    return np.transpose(x) if order == [1, 0] else np.transpose(x, order)
