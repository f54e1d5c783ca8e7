"""Neural nets: neurons, modules, losses."""

import numpy as np

from micrograd.engine import Value
from micrograd.losses import cross_entropy as cross_entropy
from micrograd.losses import softmax as softmax
from micrograd.module import Module


class Neuron(Module):
    """relu(x @ w + b), or linear: from shape (..., nin) to (...)."""

    def __init__(self, nin, nonlin=True, rng=None, nouts=()):
        rng = rng or np.random
        deviation = (2 / max(nin, 1)) ** 0.5  # relus pass it on: He et al., 2015
        self.w = Value(rng.normal(0, deviation, (nin, *nouts)))
        self.b, self.nonlin = Value(np.zeros(nouts)), nonlin

    def __call__(self, x):
        y = x @ self.w + self.b
        return y.relu() if self.nonlin else y

    def __repr__(self):
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Neuron):
    """Neurons side by side: from shape (..., nin) to (..., nout)."""

    def __init__(self, nin, nout, nonlin=True, rng=None):
        super().__init__(nin, nonlin, rng, (nout,))

    def __repr__(self):
        return f"Layer of {len(self.b)} {super().__repr__()}"


class MLP(Module):
    """Layers in a row, the last linear, and a neuron if it has one output."""

    def __init__(self, nin, nouts, rng=None):
        sizes = [nin, *nouts]
        self.layers = [Layer(n, m, rng=rng) for n, m in zip(sizes, nouts[:-1])]
        *_, n, m = sizes
        last = Neuron(n, False, rng) if m == 1 else Layer(n, m, False, rng)
        self.layers.append(last)

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def __repr__(self):
        return f"MLP of {self.layers}"
