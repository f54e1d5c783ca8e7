"""NumPy by hand, as one writes it: the chain rule line by line, in new arrays."""

from functools import partial

import numpy as np
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


def moons():
    parameters = moons_start()

    def step(x, y):
        w1, b1, w2, b2, w3, b3 = parameters
        h1 = np.maximum(np.dot(x, w1) + b1, 0)  # (100, 16)
        h2 = np.maximum(np.dot(h1, w2) + b2, 0)  # (100, 16)
        margin = np.maximum(1 - y * (np.dot(h2, w3) + b3), 0)  # (100,)
        loss = np.add.reduce(margin) / len(y)
        loss += PENALTY * sum(np.vdot(p, p) for p in parameters)

        by_score = (margin > 0) * y / -len(y)  # (100,)
        by_h2 = by_score[:, None] * w3 * (h2 > 0)  # (100, 16)
        by_h1 = np.dot(by_h2, w2.T) * (h1 > 0)  # (100, 16)
        gradients = (
            *(np.dot(x.T, by_h1), np.add.reduce(by_h1)),
            *(np.dot(h1.T, by_h2), np.add.reduce(by_h2)),
            *(np.dot(by_score, h2), np.add.reduce(by_score)),
        )
        for p, gradient in zip(parameters, gradients):
            p -= MOONS_RATE * (gradient + 2 * PENALTY * p)
        return loss

    return partial(step, *moons_batch())


moons_anew = moons


def digits():
    parameters = digits_start()

    def step(x, y):
        w1, b1, w2, b2, w3, b3 = parameters
        h1 = np.maximum(np.dot(x, w1) + b1, 0)  # (128, 256)
        h2 = np.maximum(np.dot(h1, w2) + b2, 0)  # (128, 256)
        logits = np.dot(h2, w3) + b3  # (128, 10)
        logits -= logits.max(axis=1, keepdims=True)
        exponentials = np.exp(logits)
        totals = exponentials.sum(axis=1, keepdims=True)  # (128, 1)
        samples = np.arange(len(y))
        loss = np.mean(np.log(totals[:, 0]) - logits[samples, y])

        by_logits = exponentials / totals  # (128, 10)
        by_logits[samples, y] -= 1
        by_logits /= len(y)
        by_h2 = np.dot(by_logits, w3.T) * (h2 > 0)  # (128, 256)
        by_h1 = np.dot(by_h2, w2.T) * (h1 > 0)  # (128, 256)
        gradients = (
            *(np.dot(x.T, by_h1), by_h1.sum(axis=0)),
            *(np.dot(h1.T, by_h2), by_h2.sum(axis=0)),
            *(np.dot(h2.T, by_logits), by_logits.sum(axis=0)),
        )
        for p, gradient in zip(parameters, gradients):
            p -= DIGITS_RATE * gradient
        return loss

    return partial(step, *digits_batch())


def inference():
    w1, b1, w2, b2, w3, b3 = digits_start()

    def step(x):
        h1 = np.maximum(np.dot(x, w1) + b1, 0)  # (1, 256)
        h2 = np.maximum(np.dot(h1, w2) + b2, 0)  # (1, 256)
        return np.dot(h2, w3) + b3  # (1, 10)

    return partial(step, inference_sample())


def waves():
    x, a, b = waves_start()

    def step(x):
        y = np.tanh(a * x + b)
        loss = np.mean(y**2)
        by_sum = 2 / x.size * y * (1 - y**2)
        return loss, np.dot(by_sum, x), by_sum.sum()

    return partial(step, x)
