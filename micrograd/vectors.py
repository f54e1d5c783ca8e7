"""A model's parameters as one vector and back, for `scipy.optimize` and samplers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.engine import values_in

if TYPE_CHECKING:
    from micrograd.engine import Values


def parameters_to_vector(wrt: Values) -> np.ndarray[Any, Any]:
    """The data of all parameters in one new vector; each parameter counts once.

    Parameters
    ----------
    wrt : a Module, a Value, several, or a dictionary of them by name

    >>> from micrograd import Value
    >>> w, b = Value([[1.0, 2.0], [3.0, 4.0]]), Value(5.0)
    >>> parameters_to_vector([w, b])
    array([1., 2., 3., 4., 5.])
    """
    return joined([x.data for x in dict.fromkeys(values_in(wrt))])


def gradients_to_vector(wrt: Values) -> np.ndarray[Any, Any]:
    """The gradients of all parameters in one new vector, in the same order.

    Raises
    ------
    ValueError : one has no gradient

    >>> from micrograd import Value
    >>> w = Value([1.0, 2.0])
    >>> (w * w).backward()
    >>> gradients_to_vector(w)
    array([2., 4.])
    """
    values = list(dict.fromkeys(values_in(wrt)))
    for i, x in enumerate(values):
        if x.grad is None:
            shape = np.shape(x.data)
            raise ValueError(
                f"wrt[{i}] of shape {shape} has no gradient: run backward()"
            )
    return joined([x.grad for x in values])


def vector_to_parameters(vector: Any, wrt: Values) -> None:
    """Set the data of all parameters to the parts of a vector, or none after an error.

    Each parameter gets a new array of its own shape and dtype.

    Raises
    ------
    TypeError : the vector is not of real numbers
    ValueError : it has another size, or a parameter is not a leaf, or is lazy

    >>> from micrograd import Value
    >>> w, b = Value([0.0, 0.0]), Value(0.0)
    >>> vector_to_parameters([1.0, 2.0, 3.0], [w, b])
    >>> print(w.data, b.data)
    [1. 2.] 3.0
    """
    values = list(dict.fromkeys(values_in(wrt)))
    for i, x in enumerate(values):
        if x.op or x.name is not None:
            kind = "an expression" if x.op else f"the lazy Value {x.name}"
            raise ValueError(f"wrt[{i}]: expected a leaf that holds data, got {kind}")
    array = np.asarray(vector)
    sizes = [np.size(x.data) for x in values]
    if array.dtype.kind not in "biuf":
        raise TypeError(f"vector: expected real numbers, got {array.dtype}")
    if array.shape != (sum(sizes),):
        raise ValueError(f"vector: expected shape ({sum(sizes)},), got {array.shape}")
    ends = np.cumsum(sizes)
    for x, part in zip(values, np.split(array, ends[:-1])):
        data = part.reshape(np.shape(x.data)).astype(x.dtype)
        x.data = data if isinstance(x.data, np.ndarray) else type(x.data)(data)


def joined(arrays: list[Any]) -> np.ndarray[Any, Any]:
    """All elements, one array after the other."""
    return np.concatenate([np.zeros(0, "e"), *map(np.ravel, arrays)])
