"""micrograd, each step compiled."""

from functools import partial

from workloads import (
    DIGITS_RATE,
    LECTURE_RATE,
    MOONS_RATE,
    digits_batch,
    inference_sample,
    lecture_net,
    moons_batch,
)

from frameworks.micrograd import lazy_digits, lazy_moons, lazy_scores, lazy_waves
from micrograd import Value, compiled, optim


def trained(loss, model, rate, batch):
    program = compiled(loss, wrt=model)
    optimiser = optim.SGD(model.parameters(), rate)

    def step(x, y):
        data = program(x=x, y=y)
        optimiser.step()
        return data

    return partial(step, *batch)


def moons():
    return trained(*lazy_moons(), MOONS_RATE, moons_batch())


def digits():
    return trained(*lazy_digits(), DIGITS_RATE, digits_batch())


def inference():
    return partial(compiled(lazy_scores()), x=inference_sample())


def waves():
    loss, array, a, b = lazy_waves()
    program = compiled(loss, wrt={"a": a, "b": b})

    def step(x):
        return program(x=x), a.grad, b.grad

    return partial(step, array)


def lecture():
    parameters, new_loss = lecture_net(Value)
    program = compiled(new_loss(), wrt=parameters)
    optimiser = optim.SGD(parameters, LECTURE_RATE)

    def step():
        data = program()
        optimiser.step()
        return data

    return step
