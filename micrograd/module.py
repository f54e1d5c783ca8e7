"""Modules: what has Values in its attributes; their files and gradients."""

import numpy as np

from micrograd.checkpoint import checked, like, read, write
from micrograd.engine import Value


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
        values = dict(leaves(self))
        state = checked(state, values)
        for name, value in values.items():
            value.data = like(state[name], value)

    def save(self, path):
        """Write a NumPy .npz file; it replaces an older one at once."""
        write(path, self.state_dict())

    def load(self, path):
        """Read what `save` wrote."""
        self.load_state_dict(read(path))
