"""Losses of classifiers, and what they are made of."""

from functools import partial

import numpy as np

from micrograd.engine import Value, operator, order_of
from micrograd.rules import same


def softmax(x, axis=-1):
    """exp(x), with the sum 1 along the axis."""

    def forward(x):
        x = x + 0.0  # unsigned ones would wrap
        top = np.maximum.reduce(x, axis, keepdims=True, initial=-np.inf)
        y = np.exp(x - top)
        return y / np.add.reduce(y, axis, keepdims=True)

    by_x = lambda g, y, x: y * (g - np.add.reduce(g * y, axis, keepdims=True))
    return operator("softmax", forward, by_x)(x)


def minus_log_softmax(x):
    below = x - np.maximum.reduce(x + 0.0, -1, keepdims=True)  # (..., classes)
    return np.log(np.add.reduce(np.exp(below), -1, keepdims=True)) - below


surprise = operator(
    "-log(softmax)",
    minus_log_softmax,
    lambda g, y, x: np.exp(-y) * np.add.reduce(g, -1, keepdims=True) - g,
)


def check_shape(targets, shape, lazies):
    """Lengths may differ as long as lazy Values are not fed: open axes have 1."""
    got = np.shape(targets)
    is_fed = all(lazy.data is not lazy._lazy.unfed for lazy in lazies)
    if len(got) != len(shape) or is_fed and got != shape:
        raise ValueError(f"expected targets of shape {shape}, got {got}")


def one_hot(labels, logits, lazies):
    *shape, classes = np.shape(logits)
    check_shape(labels, tuple(shape), lazies)
    if np.result_type(labels).kind not in "iu":
        raise TypeError(f"expected integer labels, got {np.result_type(labels)}")
    chosen = np.expand_dims(labels, -1) == np.arange(classes)  # (..., classes)
    if not chosen.any(axis=-1).all():
        raise IndexError(f"expected labels from 0 to {classes - 1}, got {labels}")
    return chosen


def as_floating(targets, logits, lazies):
    check_shape(targets, np.shape(logits), lazies)
    is_floating = np.result_type(targets).kind == "f"
    return targets if is_floating else np.asarray(targets, np.result_type(logits))


def cross_entropy(logits, targets):
    """The mean of -log(softmax(logits)) for the targets.

    Parameters
    ----------
    logits : Value of shape (..., classes)
    targets : probabilities (..., classes), or integer labels (...); Values, too

    Raises
    ------
    IndexError : a label is not from 0 to classes - 1
    TypeError : labels are not integers
    ValueError : the shapes do not fit
    """
    logits = logits if isinstance(logits, Value) else Value(logits)
    values = [x for x in (logits, targets) if isinstance(x, Value)]
    lazies = [lazy for value in values for lazy in order_of(value).lazies]
    if np.ndim(targets) < logits.ndim:
        forward = partial(one_hot, lazies=lazies)
        chosen = operator("one-hot", forward, None, None)(targets, logits)
        surprises = Value.where(chosen, surprise(logits), 0.0)
    else:
        forward = partial(as_floating, lazies=lazies)
        weights = operator("as floating", forward, same, None)(targets, logits)
        surprises = surprise(logits) * weights
    return surprises.sum(axis=-1).mean()
