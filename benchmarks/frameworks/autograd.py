"""autograd (HIPS): NumPy's functions, traced."""

from functools import partial

import autograd.numpy as np
from autograd import value_and_grad
from autograd.scipy.special import logsumexp
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


def net(parameters, x):
    w1, b1, w2, b2, w3, b3 = parameters
    h1 = np.maximum(np.dot(x, w1) + b1, 0)
    h2 = np.maximum(np.dot(h1, w2) + b2, 0)
    return np.dot(h2, w3) + b3


def moons_loss(parameters, x, y):
    margin = np.mean(np.maximum(1 - y * net(parameters, x), 0))
    return margin + PENALTY * sum(np.sum(p**2) for p in parameters)


def digits_loss(parameters, x, y):
    logits = net(parameters, x)
    wanted = logits[np.arange(len(y)), y]
    return np.mean(logsumexp(logits, axis=1) - wanted)


def trained(loss_of, rate, parameters, batch):
    loss_and_gradients = value_and_grad(loss_of)

    def step(x, y):
        loss, gradients = loss_and_gradients(parameters, x, y)
        for p, gradient in zip(parameters, gradients):
            p -= rate * gradient
        return loss

    return partial(step, *batch)


def moons():
    return trained(moons_loss, MOONS_RATE, moons_start(), moons_batch())


moons_anew = moons


def digits():
    return trained(digits_loss, DIGITS_RATE, digits_start(), digits_batch())


def inference():
    return partial(net, digits_start(), inference_sample())


def waves():
    x, a, b = waves_start()
    loss_of = lambda a, b, x: np.mean(np.tanh(a * x + b) ** 2)
    return partial(value_and_grad(loss_of, argnum=(0, 1)), a, b, x)
