"""How numbers and arrays differ, if by more than rounding."""

import itertools

import numpy as np


def kinds_of(x):
    """What a number is, besides its size: its sign, if it is 0 or infinite; nan."""
    if x.dtype.kind != "f":
        return np.zeros(x.shape, int)
    signs = np.where(np.signbit(x), -1, 1)
    kinds = np.where(x == 0, signs, np.where(np.isinf(x), 4 * signs, 0))
    return np.where(np.isnan(x), 9, kinds)


def same_bits(a, b):
    """Whether they are the same to the last bit, in dtype and shape, too."""
    a, b = np.asarray(a), np.asarray(b)
    is_alike = (a.dtype, a.shape) == (b.dtype, b.shape)
    return is_alike and a.tobytes() == b.tobytes()


def symptom(actual, expected, rounded=None, has_type=False, slack=0):
    """How they differ, or None.

    `rounded()` has the expected one with other roundings, or None if that cannot be
    told; it is called only if they differ.
    """
    if has_type and type(actual) is not type(expected):
        return f"type {type(actual).__name__} for {type(expected).__name__}"
    if same_bits(actual, expected):
        return None
    a, b = np.asarray(actual), np.asarray(expected)
    if np.result_type(a) != np.result_type(b):  # of any order of bytes
        return "dtype"
    if a.shape != b.shape:
        return "shape"
    is_same = a == b
    if a.dtype.kind == "f":
        is_near = abs(a - b) <= 64 * np.finfo(a.dtype).eps * abs(b)
        is_same = (kinds_of(a) == kinds_of(b)) & (is_near | ~np.isfinite(b))
    if rounded is not None and not np.all(is_same):
        runs = rounded()
        if runs is None or any(np.shape(y) != b.shape for y in runs):
            return None
        is_same |= is_rounding(a, b, runs, slack)
    if np.all(is_same):
        return None
    a, b = a[~is_same], b[~is_same]
    if a.dtype.kind != "f":
        return "number"
    if np.any(np.isnan(a) != np.isnan(b)):
        return "nan"
    if np.any(np.isinf(a) | np.isinf(b)):
        return "infinite"
    return "sign of zero" if np.any((a == 0) & (b == 0)) else "number"


def is_rounding(a, b, runs, slack):
    """Whether a differs from b no more than b from the same with other roundings."""
    distance = lambda x, y: abs(np.subtract(1.0 * x, y, dtype=float))
    width = sum(np.nan_to_num(distance(b, y)) for y in runs)
    turns = [kinds_of(np.asarray(y)) != kinds_of(b) for y in runs]
    if a.dtype.kind != "f":
        return width > 0
    near = distance(a, b) <= 16 * width + 4 * np.finfo(a.dtype).tiny + slack
    both = np.isfinite(a) & np.isfinite(b) & ((a != 0) | (b != 0) | (slack > 0))
    return np.any(turns, 0) | near & both


def eps_of(*data):
    """The coarsest rounding among them."""
    dtypes = [np.result_type(x) for x in data]
    return max([float(np.finfo(x).eps) for x in dtypes if x.kind == "f"] or [2.0**-52])


def rounding(eps, seed):
    """A function that rounds numbers of floating dtype in another way."""
    rng = np.random.default_rng(seed)

    def function(x):
        dtype = np.result_type(x)
        if dtype.kind != "f":
            return x
        factor = np.asarray(1 + eps * rng.uniform(-8, 8, np.shape(x)))
        y = np.asarray(x * factor.astype(dtype)).astype(dtype)
        if isinstance(x, np.ndarray):
            return y
        return float(y) if type(x) is float else y[()]

    return function


def copied(items):
    return [np.array(x) if isinstance(x, np.ndarray) else x for x in items]


def has_shared(arrays, given):
    """Whether two arrays have memory in common, or one with those that were given."""
    pairs = [*itertools.combinations(arrays, 2), *itertools.product(arrays, given)]
    pairs = [x for x in pairs if all(isinstance(y, np.ndarray) for y in x)]
    return any(np.may_share_memory(a, b) for a, b in pairs if a.size and b.size)
