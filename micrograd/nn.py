"""Neural nets: modules of Values, and their files."""

import os
from functools import partial

import numpy as np

from micrograd.engine import Value, numeric


def leaves(x, name=""):
    """The leaves in x, however deep, under names such as `layers.0.w`."""
    if isinstance(x, Value) and not x.op and not x.name:
        yield name, x
    if isinstance(x, Module):
        x = vars(x)
    elif isinstance(x, (list, tuple)):
        x = dict(enumerate(x))
    for key in x if isinstance(x, dict) else ():
        yield from leaves(x[key], f"{name}.{key}".lstrip("."))


class Module:
    """A part of a net, with Values in its attributes."""

    def parameters(self):
        """Each Value once, also where two modules share it."""
        return list(dict.fromkeys(value for _, value in leaves(self)))

    def zero_grad(self):
        """Forget the gradients; `backward()` does so, too."""
        for value in self.parameters():
            value.grad = None

    def state_dict(self):
        """A copy of the data, by name."""
        return {name: np.array(value.data) for name, value in leaves(self)}

    def load_state_dict(self, state):
        """Take over all data, or none after a ValueError."""
        old = dict(leaves(self))
        new = {name: np.asarray(numeric(state[name], name)) for name in state}
        expected, got = ({(key, x.shape) for key, x in d.items()} for d in (old, new))
        if expected != got:
            missing, unexpected = sorted(expected - got), sorted(got - expected)
            raise ValueError(f"missing: {missing}, unexpected: {unexpected}")
        for name, value in old.items():
            data = new[name].astype(value.dtype)
            kind = type(value.data)
            value.data = data if kind is np.ndarray else kind(data)

    def save(self, path):
        """Write a NumPy .npz file; it replaces an older one at once."""
        beside = f"{path}.{os.getpid()}"
        try:
            with open(beside, "wb") as file:
                np.savez(file, **self.state_dict())
            os.replace(beside, path)
        finally:
            if os.path.exists(beside):
                os.remove(beside)

    def load(self, path):
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as state:
            self.load_state_dict(state)


class Neuron(Module):
    """relu(x @ w + b), or linear: from shape (..., nin) to (...)."""

    def __init__(self, nin, nonlin=True, rng=None, nouts=()):
        rng = np.random if rng is None else rng
        deviation = (2 / nin) ** 0.5  # relus pass it on: He et al., 2015
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
        *hidden, nout = nouts
        nins = [nin, *hidden]
        self.layers = [Layer(n, m, rng=rng) for n, m in zip(nins, hidden)]
        last = Neuron if nout == 1 else partial(Layer, nout=nout)
        self.layers.append(last(nins[-1], nonlin=False, rng=rng))

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def __repr__(self):
        return f"MLP of {self.layers}"
