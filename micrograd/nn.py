"""Neurons, layers and perceptrons of Values."""

import random

from micrograd.engine import Value


class Module:
    def parameters(self):
        return []


class Neuron(Module):
    """The weighted sum of its inputs and a bias, cut off at zero unless linear."""

    def __init__(self, nin, nonlin=True):
        self.w = [Value(random.gauss(0, (2 / nin) ** 0.5)) for _ in range(nin)]
        self.b = Value(0)
        self.nonlin = nonlin

    def __call__(self, x):
        activation = sum((wi * xi for wi, xi in zip(self.w, x)), self.b)
        return activation.relu() if self.nonlin else activation

    def parameters(self):
        return self.w + [self.b]


class Layer(Module):
    """Neurons side by side, each of which sees all inputs."""

    def __init__(self, nin, nout, nonlin=True):
        self.neurons = [Neuron(nin, nonlin) for _ in range(nout)]

    def __call__(self, x):
        return [neuron(x) for neuron in self.neurons]

    def parameters(self):
        return [p for neuron in self.neurons for p in neuron.parameters()]


class MLP(Module):
    """Layers one after the other; the last is linear. One output has no list."""

    def __init__(self, nin, nouts):
        last = len(nouts) - 1
        self.layers = [
            Layer(n, nout, nonlin=i < last)
            for i, (n, nout) in enumerate(zip([nin, *nouts], nouts))
        ]

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x[0] if len(x) == 1 else x

    def parameters(self):
        return [p for layer in self.layers for p in layer.parameters()]
