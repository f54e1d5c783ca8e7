"""Modules: what has Values in its attributes; their files and gradients."""

import numpy as np

from micrograd.engine import Value
from micrograd.checkpoint import checked, like, read, write


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


def clip_grad_norm(wrt, max_norm):
    """Scale the gradients to a joint norm of at most max_norm; return what it was.

    As torch.nn.utils.clip_grad_norm_; a ValueError if max_norm is negative.
    """
    if not float(max_norm) >= 0:
        raise ValueError(f"max_norm: expected at least 0, got {max_norm}")
    wrt = [wrt] if isinstance(wrt, Value) else list(wrt)
    for value in wrt:
        if not isinstance(value, Value):
            raise TypeError(f"wrt: expected Values, got {value!r}")
    wrt = [value for value in dict.fromkeys(wrt) if value.grad is not None]
    norm = float(np.linalg.norm([np.linalg.norm(np.float64(v.grad)) for v in wrt]))
    scale = float(max_norm) / (norm + 1e-6)
    for value in wrt if not scale > 1 else ():  # nan spreads
        value.grad *= scale
    return norm
