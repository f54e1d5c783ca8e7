"""TensorFlow, each step a tf.function."""

from functools import partial

import tensorflow as tf
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
    h1 = tf.nn.relu(x @ w1 + b1)
    h2 = tf.nn.relu(h1 @ w2 + b2)
    return (h2 @ w3 if len(w3.shape) == 2 else tf.linalg.matvec(h2, w3)) + b3


def moons_loss(parameters, x, y):
    margin = tf.reduce_mean(tf.nn.relu(1 - y * net(parameters, x)))
    return margin + PENALTY * sum(tf.reduce_sum(p**2) for p in parameters)


def digits_loss(parameters, x, y):
    logits = net(parameters, x)
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
    )


def trained(loss_of, rate, start, batch, jit_compile):
    parameters = list(map(tf.Variable, start))

    @tf.function(jit_compile=jit_compile)
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_of(parameters, x, y)
        for p, gradient in zip(parameters, tape.gradient(loss, parameters)):
            p.assign_sub(rate * gradient)
        return loss

    return partial(step, *map(tf.constant, batch))


def moons(jit_compile=False):
    return trained(moons_loss, MOONS_RATE, moons_start(), moons_batch(), jit_compile)


def digits(jit_compile=False):
    batch = digits_batch()
    return trained(digits_loss, DIGITS_RATE, digits_start(), batch, jit_compile)


def inference(jit_compile=False):
    parameters = list(map(tf.Variable, digits_start()))
    step = tf.function(partial(net, parameters), jit_compile=jit_compile)
    return partial(step, tf.constant(inference_sample()))


def waves(jit_compile=False):
    array, *start = waves_start()
    a, b = (tf.Variable(p, dtype=tf.float64) for p in start)

    @tf.function(jit_compile=jit_compile)
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.tanh(a * x + b) ** 2)
        return loss, tape.gradient(loss, (a, b))

    return partial(step, tf.constant(array))
