"""What optimisers share: the Values they move, and at which rate."""

from itertools import repeat

import numpy as np

from micrograd.engine import Value, numeric
from micrograd.checkpoint import checked, like


class Optimiser:
    """Moves leaves in place; `learning_rate` is a number or an iterator of numbers."""

    def __init__(self, wrt, learning_rate, weight_decay=0, memory=()):
        is_one = isinstance(wrt, Value) or not np.iterable(wrt)
        self.wrt = [wrt] if is_one else list(wrt)
        for i, value in enumerate(self.wrt):
            if not isinstance(value, Value) or value.dtype.kind != "f":
                raise TypeError(f"wrt: expected floating Values, got {value!r}")
            is_fixed = not np.asarray(value.data).flags.writeable
            if value.op or is_fixed or id(value) in map(id, self.wrt[:i]):
                raise ValueError(f"wrt: expected writeable leaves once, got {value!r}")
        if np.iterable(learning_rate) and not isinstance(learning_rate, str):
            self.rates = map(rate, learning_rate)
        else:
            self.rates = repeat(rate(learning_rate))
        self.weight_decay, self.steps, self.taken = rate(weight_decay), 0, 0
        self.memory = {name: [0.0] * len(self.wrt) for name in memory}

    def step(self):
        """Move the Values, or after a ValueError none."""
        if any(value.grad is None for value in self.wrt):
            raise ValueError("a Value without a gradient: run backward()")
        for _ in range(self.taken, self.steps):  # after loading
            next(self.rates, None)
        learning_rate = next(self.rates, None)
        if learning_rate is None:
            raise ValueError("the learning rates are exhausted")
        self.taken = self.steps = self.steps + 1
        for i, value in enumerate(self.wrt):
            g = value.grad
            if self.weight_decay:
                g = g + self.weight_decay * value.data
            value.data -= learning_rate * self.direction(i, g)

    def state_dict(self):
        """A copy of the memory and the number of steps, by name."""
        state = {"steps": np.array(self.steps)}
        for name, arrays in self.memory.items():
            for i, value in enumerate(self.wrt):
                state[f"{name}.{i}"] = np.full_like(value.data, arrays[i])
        return state

    def load_state_dict(self, state):
        """Take over all, or none after a ValueError; schedules go on from there."""
        state = checked(state, self.state_dict())
        steps = int(state["steps"])
        if steps < self.taken and not isinstance(self.rates, repeat):
            raise ValueError(f"the schedule is past step {steps}: at {self.taken}")
        self.steps = steps
        for name, arrays in self.memory.items():
            for i, value in enumerate(self.wrt):
                arrays[i] = like(state[f"{name}.{i}"], value)


def rate(x):
    x = float(numeric(x, "rate"))  # NumPy's would widen float32
    if not x >= 0:
        raise ValueError(f"expected a rate of at least 0, got {x}")
    return x
