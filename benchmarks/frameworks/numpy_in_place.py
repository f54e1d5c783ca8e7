"""NumPy by hand, as fast as it goes: the yardstick.

All arrays are made once and written in place, the parameters of a net lie in one buffer
and are updated at once, and numbers are 0-d arrays, which ufuncs need not convert.
"""

from functools import partial

import numpy as np
from numpy import add, dot, greater, maximum, multiply, subtract
from workloads import (
    DIGITS_RATE,
    MOONS_RATE,
    PENALTY,
    digits_batch,
    digits_start,
    inference_sample,
    moons_batch,
    moons_start,
    waves_start,
)

ZERO, ONE = np.zeros(()), np.ones(())


def in_one_buffer(arrays):
    """A flat copy, and a view of it for each of the arrays."""
    flat = np.concatenate([array.ravel() for array in arrays])
    parts = np.split(flat, np.cumsum([array.size for array in arrays])[:-1])
    return flat, [p.reshape(array.shape) for p, array in zip(parts, arrays)]


def moons():
    start = moons_start()
    x, y = moons_batch()
    n = len(y)
    parameters, (w1, b1, w2, b2, w3, b3) = in_one_buffer(start)
    gradients, (by_w1, by_b1, by_w2, by_b2, by_w3, by_b3) = in_one_buffer(start)
    h1, h2, by_h1, by_h2 = np.empty((4, n, 16))
    margin, by_score = np.empty((2, n))
    active = np.empty((n, 16), bool)
    inside = np.empty(n, bool)
    ones, minus_mean = np.ones(n), np.array(-1 / n)
    rate, decay = np.array(MOONS_RATE), np.array(1 - 2 * MOONS_RATE * PENALTY)

    def step(x, y):
        add(dot(x, w1, h1), b1, h1)  # (100, 16)
        maximum(h1, ZERO, out=h1)
        add(dot(h1, w2, h2), b2, h2)  # (100, 16)
        maximum(h2, ZERO, out=h2)
        add(dot(h2, w3, margin), b3, margin)  # (100,)
        subtract(ONE, multiply(margin, y, margin), margin)
        maximum(margin, ZERO, out=margin)
        loss = dot(ones, margin) / n + PENALTY * dot(parameters, parameters)

        multiply(y, minus_mean, by_score)  # (100,)
        multiply(by_score, greater(margin, ZERO, inside), by_score)
        dot(by_score, h2, by_w3)
        dot(ones, by_score, by_b3)
        dot(by_score[:, None], w3[None], by_h2)  # (100, 16)
        multiply(by_h2, greater(h2, ZERO, active), by_h2)
        dot(h1.T, by_h2, by_w2)
        dot(ones, by_h2, by_b2)
        dot(by_h2, w2.T, by_h1)  # (100, 16)
        multiply(by_h1, greater(h1, ZERO, active), by_h1)
        dot(x.T, by_h1, by_w1)
        dot(ones, by_h1, by_b1)

        multiply(parameters, decay, parameters)  # the gradient of the penalty
        subtract(parameters, multiply(gradients, rate, gradients), parameters)
        return loss

    return partial(step, x, y)


moons_anew = moons


def digits():
    start = digits_start()
    x, y = digits_batch()
    n = len(y)
    parameters, (w1, b1, w2, b2, w3, b3) = in_one_buffer(start)
    gradients, (by_w1, by_b1, by_w2, by_b2, by_w3, by_b3) = in_one_buffer(start)
    h1, h2, by_h1, by_h2 = np.empty((4, n, 256), np.float32)
    active = np.empty((n, 256), bool)
    logits = np.empty((n, 10), np.float32)
    column = np.empty((n, 1), np.float32)
    samples, ones = np.arange(n), np.ones(n, np.float32)
    rate, mean = np.array(DIGITS_RATE, np.float32), np.array(1 / n, np.float32)
    zero = np.zeros((), np.float32)

    def step(x, y):
        add(dot(x, w1, h1), b1, h1)  # (128, 256)
        maximum(h1, zero, out=h1)
        add(dot(h1, w2, h2), b2, h2)  # (128, 256)
        maximum(h2, zero, out=h2)
        add(dot(h2, w3, logits), b3, logits)  # (128, 10)
        subtract(logits, maximum.reduce(logits, 1, None, column, True), logits)
        loss = -add.reduce(logits[samples, y])
        np.exp(logits, logits)
        add.reduce(logits, 1, None, column, True)  # (128, 1)
        loss = (loss + add.reduce(np.log(column), None)) / n

        by_logits = np.divide(logits, column, logits)  # (128, 10)
        by_logits[samples, y] -= 1
        multiply(by_logits, mean, by_logits)
        dot(h2.T, by_logits, by_w3)
        dot(ones, by_logits, by_b3)
        dot(by_logits, w3.T, by_h2)  # (128, 256)
        multiply(by_h2, greater(h2, zero, active), by_h2)
        dot(h1.T, by_h2, by_w2)
        dot(ones, by_h2, by_b2)
        dot(by_h2, w2.T, by_h1)  # (128, 256)
        multiply(by_h1, greater(h1, zero, active), by_h1)
        dot(x.T, by_h1, by_w1)
        dot(ones, by_h1, by_b1)

        subtract(parameters, multiply(gradients, rate, gradients), parameters)
        return loss

    return partial(step, x, y)


def inference():
    w1, b1, w2, b2, w3, b3 = digits_start()
    h1, h2 = np.empty((2, 1, 256), np.float32)
    zero = np.zeros((), np.float32)

    def step(x):
        add(dot(x, w1, h1), b1, h1)  # (1, 256)
        maximum(h1, zero, out=h1)
        add(dot(h1, w2, h2), b2, h2)  # (1, 256)
        maximum(h2, zero, out=h2)
        return add(dot(h2, w3), b3)  # (1, 10)

    return partial(step, inference_sample())


def waves():
    x, a, b = waves_start()
    a, b = np.array(a), np.array(b)
    y, by_y = np.empty((2, x.size))

    def step(x):
        np.tanh(add(multiply(x, a, y), b, y), y)
        multiply(y, y, by_y)
        loss = add.reduce(by_y) / x.size
        multiply(subtract(ONE, by_y, by_y), y, by_y)
        return loss, dot(by_y, x) * 2 / x.size, add.reduce(by_y) * 2 / x.size

    return partial(step, x)
