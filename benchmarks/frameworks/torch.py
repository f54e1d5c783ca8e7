"""PyTorch's tensors and autograd, eager."""

from functools import partial

import torch
import torch.nn.functional as F
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


def parameters_of(start):
    return [torch.from_numpy(data).requires_grad_() for data in start]


def net(parameters, x):
    w1, b1, w2, b2, w3, b3 = parameters
    h1 = torch.relu(x @ w1 + b1)
    h2 = torch.relu(h1 @ w2 + b2)
    return h2 @ w3 + b3


def descend(parameters, rate):
    with torch.no_grad():
        for p in parameters:
            p -= rate * p.grad
            p.grad = None


def moons():
    parameters = parameters_of(moons_start())

    def step(x, y):
        margin = torch.relu(1 - y * net(parameters, x)).mean()
        loss = margin + PENALTY * sum((p**2).sum() for p in parameters)
        loss.backward()
        descend(parameters, MOONS_RATE)
        return loss

    return partial(step, *map(torch.from_numpy, moons_batch()))


moons_anew = moons


def digits():
    parameters = parameters_of(digits_start())

    def step(x, y):
        loss = F.cross_entropy(net(parameters, x), y)
        loss.backward()
        descend(parameters, DIGITS_RATE)
        return loss

    return partial(step, *map(torch.from_numpy, digits_batch()))


def inference():
    parameters = parameters_of(digits_start())

    @torch.inference_mode()
    def step(x):
        return net(parameters, x)

    return partial(step, torch.from_numpy(inference_sample()))


def waves():
    array, *start = waves_start()
    a, b = (torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in start)

    def step(x):
        a.grad = b.grad = None
        loss = ((a * x + b).tanh() ** 2).mean()
        loss.backward()
        return loss, a.grad, b.grad

    return partial(step, torch.from_numpy(array))


def chain(n, factor):
    x, w = (
        torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in (1.0, factor)
    )
    y = x
    for _ in range(n):
        y = y * w
    yield "build"
    y.backward()
    yield "backward"
    yield y, x.grad, w.grad
    del y
    yield "free"
