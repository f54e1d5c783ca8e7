"""micrograd, as its docs show it."""

from functools import partial

import numpy as np
from workloads import (
    DIGITS_RATE,
    LECTURE_RATE,
    MOONS_RATE,
    PENALTY,
    digits_batch,
    digits_start,
    inference_sample,
    lecture_net,
    moons_batch,
    moons_start,
    waves_start,
)

from micrograd import Value, nn, optim


def mlp(nin, nouts, start):
    model = nn.MLP(nin, nouts)
    for value, data in zip(model.parameters(), start):
        value.data = data
    return model


def moons_loss(model, parameters, x, y):
    margin = (1 - y * model(x)).relu().mean()
    return margin + PENALTY * sum((value**2).sum() for value in parameters)


def lazy_moons():
    """The loss of x and y, and the model."""
    model = mlp(2, [16, 16, 1], moons_start())
    x, y = Value(shape=(None, 2), name="x"), Value(shape=(None,), name="y")
    return moons_loss(model, model.parameters(), x, y), model


def moons():
    loss, model = lazy_moons()
    parameters = model.parameters()
    optimiser = optim.SGD(parameters, MOONS_RATE)

    def step(x, y):
        data = loss.forward(x=x, y=y)
        loss.backward(wrt=parameters)
        optimiser.step()
        return data

    return partial(step, *moons_batch())


def moons_anew():
    model = mlp(2, [16, 16, 1], moons_start())
    parameters = model.parameters()
    optimiser = optim.SGD(parameters, MOONS_RATE)

    def step(x, y):
        loss = moons_loss(model, parameters, x, y)
        loss.backward(wrt=parameters)
        optimiser.step()
        return loss.data

    return partial(step, *moons_batch())


def lazy_digits():
    """The loss of x and y, and the model."""
    model = mlp(784, [256, 256, 10], digits_start())
    x = Value(shape=(None, 784), name="x", dtype=np.float32)
    y = Value(shape=(None,), name="y", dtype=int)
    return nn.cross_entropy(model(x), y), model


def digits():
    loss, model = lazy_digits()
    parameters = model.parameters()
    optimiser = optim.SGD(parameters, DIGITS_RATE)

    def step(x, y):
        data = loss.forward(x=x, y=y)
        loss.backward(wrt=parameters)
        optimiser.step()
        return data

    return partial(step, *digits_batch())


def lazy_scores():
    model = mlp(784, [256, 256, 10], digits_start())
    return model(Value(shape=(None, 784), name="x", dtype=np.float32))


def inference():
    return partial(lazy_scores().forward, x=inference_sample())


def lazy_waves():
    """The loss of x, the array for it, and a and b."""
    array, a, b = waves_start()
    a, b = Value(a), Value(b)
    x = Value(shape=(None,), name="x")
    return ((a * x + b).tanh() ** 2).mean(), array, a, b


def waves():
    loss, array, a, b = lazy_waves()

    def step(x):
        data = loss.forward(x=x)
        loss.backward(wrt=[a, b])
        return data, a.grad, b.grad

    return partial(step, array)


def lecture():
    parameters, new_loss = lecture_net(Value)
    loss = new_loss()
    optimiser = optim.SGD(parameters, LECTURE_RATE)

    def step():
        data = loss.forward()
        loss.backward(wrt=parameters)
        optimiser.step()
        return data

    return step


def lecture_anew():
    parameters, new_loss = lecture_net(Value)
    optimiser = optim.SGD(parameters, LECTURE_RATE)

    def step():
        loss = new_loss()
        loss.backward(wrt=parameters)
        optimiser.step()
        return loss.data

    return step


def chain(n, factor):
    """Each yield ends the phase that it names."""
    x, w = Value(1.0), Value(factor)
    y = x
    for _ in range(n):
        y = y * w
    yield "build"
    y.forward()
    yield "first forward"
    y.backward(wrt=[x, w])
    yield "first backward"
    y.forward()
    yield "forward"
    y.backward(wrt=[x, w])
    yield "backward"
    yield y.data, x.grad, w.grad
    del y
    yield "free"
