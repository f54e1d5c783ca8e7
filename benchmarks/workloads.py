"""What every framework computes, and the numbers that all of them start from.

moons      a net of 2-16-16-1 on two half-moons: batches of 100, float64, relu, hinge
           loss plus PENALTY times the squares of all parameters, gradient descent
digits     784-256-256-10: batches of 128, float32, relu, softmax cross-entropy of
           integer labels, gradient descent
waves      mean(tanh(a x + b) ** 2) of 10**6 float64, with its derivatives by a and b
lecture    3-4-4-1 tanh neurons on four samples, each number a variable of its own
inference  the scores of one sample by the net of digits

A step takes its batch as an argument, in the framework's own kind of array, and returns
the loss before the update. What depends on the batch or the parameters is computed in
the step, not ahead of it.
"""

import numpy as np

MOONS_RATE, PENALTY = 0.1, 1e-4
DIGITS_RATE = 0.05
LECTURE_RATE = 0.05


def moons_batch():
    """Points (100, 2), and the moon that each is from: -1 or 1 (100,)."""
    rng = np.random.default_rng(0)
    angles = np.linspace(0, np.pi, 50)
    upper = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = np.concatenate([upper, [1, 0.5] - upper])
    return points + rng.normal(0, 0.1, points.shape), np.repeat([-1.0, 1.0], 50)


def moons_start():
    """Weights and biases by turns: (2, 16), (16,), (16, 16), (16,), (16,), ()."""
    rng = np.random.default_rng(1)
    weights = [rng.normal(0, (2 / n[0]) ** 0.5, n) for n in ((2, 16), (16, 16), (16,))]
    return [p for w in weights for p in (w, np.zeros(w.shape[1:]))]


def digits_batch():
    """Grey values from 0 to 1 (128, 784), and labels from 0 to 9 (128,)."""
    rng = np.random.default_rng(2)
    return rng.random((128, 784), dtype=np.float32), rng.integers(0, 10, 128)


def digits_start():
    """(784, 256), (256,), (256, 256), (256,), (256, 10), (10,)."""
    rng = np.random.default_rng(3)
    parameters = []
    for n, m in ((784, 256), (256, 256), (256, 10)):
        weight = rng.normal(0, (2 / n) ** 0.5, (n, m)).astype(np.float32)
        parameters += weight, np.zeros(m, np.float32)
    return parameters


def inference_sample():
    """The first row of the batch, (1, 784)."""
    return digits_batch()[0][:1]


def waves_start():
    """x (10**6,), a and b."""
    return np.random.default_rng(4).normal(size=10**6), 0.75, 0.25


def lecture_net(number):
    """The parameters, each a number(float), and a function that builds the loss."""
    rng = np.random.default_rng(5)
    layers = [
        [list(map(number, rng.uniform(-1, 1, nin + 1).tolist())) for _ in range(nout)]
        for nin, nout in ((3, 4), (4, 4), (4, 1))
    ]
    samples = rng.uniform(-1, 3, (4, 3)).tolist()
    wanted = [1.0, -1.0, -1.0, 1.0]

    def neuron(bias, *weights, x):
        return sum((w * xi for w, xi in zip(weights, x)), bias).tanh()

    def loss():
        outputs = []
        for x in samples:
            for layer in layers:
                x = [neuron(*parameters, x=x) for parameters in layer]
            outputs += x
        return sum((output - y) ** 2 for output, y in zip(outputs, wanted))

    return [p for layer in layers for parameters in layer for p in parameters], loss
