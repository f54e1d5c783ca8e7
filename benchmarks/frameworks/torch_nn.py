"""PyTorch with torch.nn and torch.optim."""

from functools import partial

import torch
from torch import nn
from workloads import (
    DIGITS_RATE,
    MOONS_RATE,
    PENALTY,
    digits_batch,
    digits_start,
    inference_sample,
    moons_batch,
    moons_start,
)


def mlp(*sizes, start, dtype=None):
    layers = []
    for nin, nout in zip(sizes, sizes[1:]):
        layers += nn.Linear(nin, nout, dtype=dtype), nn.ReLU()
    model = nn.Sequential(*layers[:-1])
    with torch.no_grad():
        for p, data in zip(model.parameters(), start):
            p.copy_(torch.from_numpy(data.T).reshape(p.shape))
    return model


def moons():
    model = mlp(2, 16, 16, 1, start=moons_start(), dtype=torch.float64)
    optimiser = torch.optim.SGD(model.parameters(), lr=MOONS_RATE)

    def step(x, y):
        optimiser.zero_grad()
        margin = torch.relu(1 - y * model(x).squeeze(-1)).mean()
        loss = margin + PENALTY * sum((p**2).sum() for p in model.parameters())
        loss.backward()
        optimiser.step()
        return loss

    return partial(step, *map(torch.from_numpy, moons_batch()))


moons_anew = moons


def digits():
    model = mlp(784, 256, 256, 10, start=digits_start())
    loss_of = nn.CrossEntropyLoss()
    optimiser = torch.optim.SGD(model.parameters(), lr=DIGITS_RATE)

    def step(x, y):
        optimiser.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimiser.step()
        return loss

    return partial(step, *map(torch.from_numpy, digits_batch()))


def inference():
    model = mlp(784, 256, 256, 10, start=digits_start()).eval()
    return partial(torch.inference_mode()(model), torch.from_numpy(inference_sample()))
