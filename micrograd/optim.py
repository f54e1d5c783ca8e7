"""Optimisers: they move Values down their gradients, in place.

A training step is `loss.forward()`, `loss.backward()`, `optimiser.step()`. Each method
says in which direction a Value goes; all of them share how far, and what goes on when
training was interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.checkpoint import State, checked, like
from micrograd.engine import Value, numeric, values_in

if TYPE_CHECKING:
    from micrograd.engine import Values


class Optimiser:
    """What optimisers share; derive from it, and write `direction`.

    Parameters
    ----------
    wrt : the Values to move, floating leaves: one, several, a model, or a dictionary
    learning_rate : a number, or an iterable that gives one for each step: a schedule
    weight_decay : this share of the data is added to the gradient
    memory : names of what is kept for each Value, zero at first

    Attributes
    ----------
    wrt : list of the Values
    steps : number of steps taken, with those before a checkpoint
    memory : for each name a list, with an array for each Value

    Raises
    ------
    TypeError : `wrt` is or has something else, a rate is no real number
    ValueError : a result, a read-only array, a Value twice, a rate below 0

    >>> class SignSGD(Optimiser):
    ...     def direction(self, index, g):
    ...         return np.sign(g)
    >>> x = Value([3.0, -2.0])
    >>> (x * x).sum().backward()
    >>> SignSGD(x, learning_rate=0.5).step()
    >>> x.data
    array([ 2.5, -1.5])
    """

    wrt: list[Value]
    steps: int
    memory: dict[str, list[Any]]

    def __init__(
        self,
        wrt: Values,
        learning_rate: float | Iterable[float],
        weight_decay: float = 0,
        memory: Iterable[str] = (),
    ) -> None:
        self.wrt = movable(values_in(wrt))
        self.rates: Iterator[float]
        if np.iterable(learning_rate) and not isinstance(learning_rate, str):
            self.rates = map(as_rate, learning_rate)
        else:
            self.rates = repeat(as_rate(learning_rate))
        self.weight_decay = as_rate(weight_decay)
        self.steps = 0
        self.rates_taken = 0  # fewer than the steps, after loading
        self.memory = {name: [0.0] * len(self.wrt) for name in memory}

    def step(self) -> None:
        """Move the Values, or after an error none.

        Raises
        ------
        ValueError : a Value has no gradient, or the schedule is at its end

        >>> x = Value(1.0)
        >>> (x * x).backward()
        >>> SGD(x, learning_rate=0.25).step()
        >>> x.data
        0.5
        """
        if [value for value in self.wrt if value.grad is None]:
            raise ValueError("a Value without a gradient: run backward()")
        for _ in range(self.rates_taken, self.steps):
            next(self.rates, None)
        learning_rate = next(self.rates, None)
        if learning_rate is None:
            raise ValueError("the learning rates are exhausted")
        self.rates_taken = self.steps = self.steps + 1
        for index, value in enumerate(self.wrt):
            g = value.grad
            if self.weight_decay:
                g = g + self.weight_decay * value.data
            value.data -= learning_rate * self.direction(index, g)

    def direction(self, index: int, g: Any) -> Any:
        """Where `wrt[index]` comes from, per learning rate, given its gradient.

        It may change `memory`, but not g.

        >>> SGD(Value([0.0, 0.0]), 0.1).direction(0, np.array([1.0, 2.0]))
        array([1., 2.])
        """
        raise NotImplementedError(f"{type(self).__name__} has no direction()")

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """A copy of the number of steps and of the memory, by name.

        >>> list(Adam(Value(1.0)).state_dict())
        ['steps', 'm.0', 'v.0']
        """
        state = {"steps": np.array(self.steps)}
        for name, arrays in self.memory.items():
            for index, value in enumerate(self.wrt):
                state[f"{name}.{index}"] = np.full_like(value.data, arrays[index])
        return state

    def load_state_dict(self, state: State) -> None:
        """Take over all of a state, or nothing after an error.

        A schedule goes on from there, but never back.

        Raises
        ------
        TypeError : what is not real numbers
        ValueError : names or shapes are others, or the schedule is past that step

        >>> sgd = SGD(Value(1.0), learning_rate=[0.3, 0.2, 0.1])
        >>> sgd.load_state_dict({"steps": 2})
        >>> sgd.steps
        2
        """
        arrays_by_name = checked(state, self.state_dict())
        steps = int(arrays_by_name["steps"])
        if steps < self.rates_taken and not isinstance(self.rates, repeat):
            raise ValueError(
                f"the schedule is past step {steps}: at {self.rates_taken}"
            )
        self.steps = steps
        for name, arrays in self.memory.items():
            for index, value in enumerate(self.wrt):
                arrays[index] = like(arrays_by_name[f"{name}.{index}"], value)


class SGD(Optimiser):
    """Steepest descent, with momentum if one likes, as torch.optim.SGD.

    Parameters
    ----------
    wrt, learning_rate, weight_decay : as for `Optimiser`
    momentum : the share of its velocity that a Value keeps from step to step

    >>> x = Value([4.0, -2.0])
    >>> loss = ((x - [1.0, 3.0]) ** 2).sum()
    >>> sgd = SGD(x, learning_rate=0.1)
    >>> for _ in range(100):
    ...     _ = loss.forward()
    ...     loss.backward(wrt=x)
    ...     sgd.step()
    >>> x.data.round(4)
    array([1., 3.])
    """

    def __init__(
        self,
        wrt: Values,
        learning_rate: float | Iterable[float],
        momentum: float = 0,
        weight_decay: float = 0,
    ) -> None:
        self.momentum = as_rate(momentum)
        memory = ["velocity"] if self.momentum else []
        super().__init__(wrt, learning_rate, weight_decay, memory)

    def direction(self, index: int, g: Any) -> Any:
        if not self.momentum:
            return g
        velocity = self.memory["velocity"]
        velocity[index] = self.momentum * velocity[index] + g
        return velocity[index]


class Adam(Optimiser):
    """Adam, as torch.optim.Adam: Kingma and Ba, 2015.

    The steadier a gradient, the nearer is a step to the learning rate, however steep.

    Parameters
    ----------
    wrt, learning_rate, weight_decay : as for `Optimiser`
    betas : what the running means of the gradient, m, and of its square, v, keep of
        themselves at each step
    eps : added to the root of v, which divides

    >>> x = Value([1.0, 1.0])
    >>> x.grad = np.array([0.1, -100.0])
    >>> Adam(x, learning_rate=0.5).step()
    >>> x.data.round(4)
    array([0.5, 1.5])
    """

    def __init__(
        self,
        wrt: Values,
        learning_rate: float | Iterable[float] = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(wrt, learning_rate, weight_decay, memory=["m", "v"])
        beta1, beta2 = betas
        self.betas, self.eps = (as_rate(beta1), as_rate(beta2)), as_rate(eps)

    def direction(self, index: int, g: Any) -> Any:
        (beta1, beta2), t = self.betas, self.steps
        means, squares = self.memory["m"], self.memory["v"]
        means[index] = m = beta1 * means[index] + (1 - beta1) * g
        squares[index] = v = beta2 * squares[index] + (1 - beta2) * g * g
        # Both began at 0, and so are too small at first: dividing makes up for it.
        return m / (1 - beta1**t) / ((v / (1 - beta2**t)) ** 0.5 + self.eps)


class AdamW(Adam):
    """Adam, its decay apart, as torch.optim.AdamW: Loshchilov and Hutter, 2019.

    Parameters
    ----------
    wrt, learning_rate, betas, eps : as for `Adam`
    weight_decay : this share of the data, times the learning rate, is taken from them

    >>> x = Value([2.0])
    >>> x.grad = np.array([0.0])
    >>> AdamW(x, learning_rate=0.5, weight_decay=0.1).step()
    >>> x.data
    array([1.9])
    """

    def __init__(
        self,
        wrt: Values,
        learning_rate: float | Iterable[float] = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(wrt, learning_rate, betas, eps)
        self.decay = as_rate(weight_decay)

    def direction(self, index: int, g: Any) -> Any:
        return super().direction(index, g) + self.decay * self.wrt[index].data


def clip_grad_norm(wrt: Values, max_norm: float) -> float:
    """Scale the gradients to a joint norm of at most max_norm; return what it was.

    In place, as torch.nn.utils.clip_grad_norm_. Values without a gradient do not count.

    Parameters
    ----------
    wrt : one Value, several, a model, or a dictionary
    max_norm : the largest root of the sum of all squares

    Raises
    ------
    TypeError : `wrt` is or has something else
    ValueError : max_norm is negative or nan

    >>> x = Value([0.0, 0.0])
    >>> x.grad = np.array([3.0, 4.0])
    >>> clip_grad_norm(x, max_norm=1.0)
    5.0
    >>> x.grad.round(4)
    array([0.6, 0.8])
    """
    if not float(max_norm) >= 0:
        raise ValueError(f"max_norm: expected at least 0, got {max_norm}")
    values = [x for x in dict.fromkeys(values_in(wrt)) if x.grad is not None]
    norm = float(np.linalg.norm([np.linalg.norm(np.float64(x.grad)) for x in values]))
    scale = float(max_norm) / (norm + 1e-6)
    if not scale > 1:  # nan spreads
        for value in values:
            value.grad *= scale
    return norm


def movable(values: list[Value]) -> list[Value]:
    """The same, after an error if a step could not move each of them once."""
    seen = set[Value]()
    for value in values:
        if value.dtype.kind != "f":
            raise TypeError(f"wrt: expected floating Values, got {value!r}")
        is_fixed = not np.asarray(value.data).flags.writeable
        if value.op or is_fixed or value in seen:
            raise ValueError(f"wrt: expected writeable leaves once, got {value!r}")
        seen.add(value)
    return values


def as_rate(number: Any) -> float:
    """A float, as a NumPy number would widen float32 arrays; ValueError if negative."""
    rate = float(numeric(number, "rate"))
    if not rate >= 0:
        raise ValueError(f"expected a rate of at least 0, got {rate}")
    return rate
