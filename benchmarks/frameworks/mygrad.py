"""MyGrad, with its guards of memory off, as its documentation advises for speed."""

from functools import partial

import mygrad as mg
from mygrad.nnet import relu, softmax_crossentropy
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

mg.turn_memory_guarding_off()


def net(parameters, x):
    w1, b1, w2, b2, w3, b3 = parameters
    h1 = relu(x @ w1 + b1)
    h2 = relu(h1 @ w2 + b2)
    return h2 @ w3 + b3


def moons_loss(parameters, x, y):
    margin = relu(1 - y * net(parameters, x)).mean()
    return margin + PENALTY * sum((p**2).sum() for p in parameters)


def digits_loss(parameters, x, y):
    return softmax_crossentropy(net(parameters, x), y)


def trained(loss_of, rate, start, batch):
    parameters = [mg.tensor(data, copy=False) for data in start]

    def step(x, y):
        loss = loss_of(parameters, x, y)
        loss.backward()
        for p in parameters:
            p.data -= rate * p.grad
        return loss

    return partial(step, *batch)


def moons():
    return trained(moons_loss, MOONS_RATE, moons_start(), moons_batch())


moons_anew = moons


def digits():
    return trained(digits_loss, DIGITS_RATE, digits_start(), digits_batch())


def inference():
    parameters = [mg.tensor(data, copy=False) for data in digits_start()]
    return partial(mg.no_autodiff(net), parameters, inference_sample())


def waves():
    x, *start = waves_start()
    a, b = map(mg.tensor, start)

    def step(x):
        loss = (mg.tanh(a * x + b) ** 2).mean()
        loss.backward()
        return loss, a.grad, b.grad

    return partial(step, x)
