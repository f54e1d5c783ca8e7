"""JAX, each step compiled by jax.jit.

JAX computes behind the caller's back; a step waits for its outcome, as JAX's
documentation measures, or runs ahead of it.
"""

from functools import partial

import jax
import jax.numpy as jnp
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

jax.config.update("jax_enable_x64", True)  # else it would compute in float32


def net(parameters, x):
    w1, b1, w2, b2, w3, b3 = parameters
    h1 = jax.nn.relu(x @ w1 + b1)
    h2 = jax.nn.relu(h1 @ w2 + b2)
    return h2 @ w3 + b3


def moons_loss(parameters, x, y):
    margin = jax.nn.relu(1 - y * net(parameters, x)).mean()
    return margin + PENALTY * sum((p**2).sum() for p in parameters)


def digits_loss(parameters, x, y):
    log_softmax = jax.nn.log_softmax(net(parameters, x))
    return -jnp.take_along_axis(log_softmax, y[:, None], axis=1).mean()


def waiting(step, waits):
    return (lambda *data: jax.block_until_ready(step(*data))) if waits else step


def trained(loss_of, rate, start, batch, waits):
    parameters = list(map(jnp.asarray, start))

    @jax.jit
    def update(parameters, x, y):
        loss, gradients = jax.value_and_grad(loss_of)(parameters, x, y)
        return loss, [p - rate * g for p, g in zip(parameters, gradients)]

    def step(x, y):
        nonlocal parameters
        loss, parameters = update(parameters, x, y)
        return loss

    return partial(waiting(step, waits), *map(jnp.asarray, batch))


def moons(waits=True):
    return trained(moons_loss, MOONS_RATE, moons_start(), moons_batch(), waits)


def digits(waits=True):
    return trained(digits_loss, DIGITS_RATE, digits_start(), digits_batch(), waits)


def inference(waits=True):
    parameters = list(map(jnp.asarray, digits_start()))
    sample = jnp.asarray(inference_sample())
    return partial(waiting(jax.jit(net), waits), parameters, sample)


def waves(waits=True):
    start = map(jnp.asarray, waves_start())

    @jax.jit
    def step(x, a, b):
        loss_of = lambda a, b: (jnp.tanh(a * x + b) ** 2).mean()
        return jax.value_and_grad(loss_of, argnums=(0, 1))(a, b)

    return partial(waiting(step, waits), *start)
