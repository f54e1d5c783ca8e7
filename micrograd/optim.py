"""Optimisers move Values down their gradients, in place.

A training step is `loss.forward()`, `loss.backward()`, `optimiser.step()`. The base
class moves each Value by the learning rate times a direction. Each method is a
subclass that computes this direction from the gradient.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from inspect import isroutine
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.arrays import in_single, loaded, numeric
from micrograd.checkpoint import State, assign, checked, like
from micrograd.engine import Value, values_in

if TYPE_CHECKING:
    from micrograd.engine import Values


class Optimiser:
    """The base class: derive from it and write `direction`.

    Parameters
    ----------
    wrt : the Values to move, floating leaves: one, several, a model, or a dictionary
    learning_rate : a number, or a schedule: an iterable with a number for each step
    weight_decay : this share of the data is added to the gradient
    memory : names of the arrays that the method keeps for each Value, zero at first

    Raises
    ------
    TypeError : `wrt` has something other than floating Values, a rate is no real number
    ValueError : no Value, a result, a read-only array, a Value twice, a rate below 0

    >>> class SignSGD(Optimiser):
    ...     def direction(self, index, g):
    ...         return np.sign(g)
    >>> x = Value([3.0, -2.0])
    >>> (x * x).sum().backward()
    >>> SignSGD(x, learning_rate=0.5).step()
    >>> x.data
    array([ 2.5, -1.5])
    """

    # help() shows these texts. Setting any other attribute is an error; a subclass
    # without __slots__ can have attributes of its own.
    __slots__ = {
        "wrt": "A list of the Values that a step moves.",
        "steps": "The number of steps taken, those before a checkpoint included.",
        "memory": "For each name a list with one array for each Value.",
        "weight_decay": "The share of the data that is added to the gradient.",
        "rate": "",
        "rates": "",
        "rates_taken": "",
        "__weakref__": "",
    }
    memory: dict[str, list[Any]]
    rates: Iterator[float] | None  # the schedule
    rate: float | None  # constant, or the last one that the schedule gave
    rates_taken: int  # for so many steps, rates were drawn

    settings: tuple[str, ...] = ("weight_decay",)  # can be set between two steps
    adds_decay = True  # to the gradient

    def step(self) -> None:
        """Subtract learning_rate * direction from each Value's data.

        No Value moves if one has no gradient.

        Raises
        ------
        ValueError : a Value has no gradient, or the schedule is at its end

        >>> x = Value(1.0)
        >>> (x * x).backward()
        >>> SGD(x, learning_rate=0.25).step()
        >>> x.data
        0.5
        """
        for index, x in enumerate(self.wrt):
            if x.grad is None:
                raise ValueError(
                    f"wrt[{index}] of shape {x.shape} is without a gradient: run "
                    "backward() before, and leave out what the loss does not depend on"
                )
        rate, direction = self.learning_rate, self.direction
        decay = self.weight_decay if self.adds_decay else 0
        self.steps += 1
        for index, x in enumerate(self.wrt):
            g = in_single(x.grad)  # in halves, the eps of Adam rounds to 0
            g = g + decay * x.data if decay else g
            change = rate * direction(index, g)
            x.data -= np.float16(change) if type(x.data) is np.float16 else change

    def direction(self, index: int, g: Any) -> Any:
        """The direction of `wrt[index]`, given its gradient g.

        It may change `memory`, but not g.

        >>> SGD(Value([0.0, 0.0]), 0.1).direction(0, np.array([1.0, 2.0]))
        array([1., 2.])
        """
        raise NotImplementedError(f"{type(self).__name__} has no direction()")

    def __init__(
        self,
        wrt: Values,
        learning_rate: float | Iterable[float],
        weight_decay: float = 0,
        memory: Iterable[str] = (),
    ) -> None:
        self.wrt = movable(values_in(wrt))
        self.steps = 0
        self.memory = {name: [0.0] * len(self.wrt) for name in memory}
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay

    @property
    def learning_rate(self) -> float | Any:
        """The rate of the next step; set it to a number, or to another schedule.

        The first rate of a new schedule is that of the next step.

        Raises
        ------
        ValueError : a schedule is at its end, or a number is below 0

        >>> sgd = SGD(Value(1.0), learning_rate=0.1)
        >>> sgd.learning_rate *= 0.5
        >>> sgd.learning_rate
        0.05
        """
        while self.rates and self.rates_taken <= self.steps:
            self.rate = next(self.rates, None)
            self.rates_taken += 1
        if self.rate is None:
            raise ValueError("the learning rates are exhausted")
        return self.rate

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        if isroutine(rate):
            raise TypeError(
                "learning_rate: expected a number or an iterable, got a function: "
                "write (function(step) for step in range(1000))"
            )
        is_schedule = np.iterable(rate) and not isinstance(rate, str)
        self.rates = map(as_rate, rate) if is_schedule else None
        self.rate = None if is_schedule else as_rate(rate)
        self.rates_taken = self.steps

    def __setattr__(self, name: str, x: Any) -> None:
        """Check a setting; refuse a name that the class does not have."""
        if name in self.settings:
            x = as_setting(x, name)
        try:
            object.__setattr__(self, name, x)
        except AttributeError:
            kind = type(self).__name__
            settings = ", ".join(["learning_rate", *self.settings])
            raise AttributeError(
                f"{kind!r} object has no attribute {name!r} to set, but {settings}"
            ) from None

    def zero_grad(self) -> None:
        """Discard the gradients. `backward()` sets them anew without it.

        >>> x = Value(1.0)
        >>> (x * x).backward()
        >>> SGD(x, learning_rate=0.25).zero_grad()
        >>> print(x.grad)
        None
        """
        for x in self.wrt:
            x.grad = None

    def __repr__(self) -> str:
        size = sum(np.size(x.data) for x in self.wrt)
        shown = [f"learning_rate={'schedule' if self.rates else self.rate}"]
        shown += [f"{name}={getattr(self, name)}" for name in self.settings]
        about = f"{type(self).__name__} of {size:,} numbers in {len(self.wrt)} Values"
        return f"{about}: {', '.join(shown)}, steps={self.steps}"

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """A copy of the number of steps, the learning rate and the memory, by name.

        The learning rate is nan if there is a schedule.

        >>> list(Adam(Value(1.0)).state_dict())
        ['steps', 'learning_rate', 'm.0', 'v.0']
        """
        rate = np.nan if self.rates else self.rate
        state = {"steps": np.array(self.steps), "learning_rate": np.array(rate)}
        for name, arrays in self.memory.items():
            for index, x in enumerate(self.wrt):
                kind = in_single(x.data)
                state[f"{name}.{index}"] = np.full_like(kind, arrays[index])
        return state

    def load_state_dict(self, state: State) -> None:
        """Take over all of a state, or nothing after an error.

        A schedule stays. It goes forward to that step, but never back.

        Raises
        ------
        TypeError : an array is not of real numbers
        ValueError : names or shapes differ, the number of steps is none, or the
            schedule is past that step

        >>> sgd = SGD(Value(1.0), learning_rate=[0.3, 0.2, 0.1])
        >>> sgd.load_state_dict({"steps": 2})
        >>> sgd.steps, sgd.learning_rate
        (2, 0.1)
        """
        arrays = checked(state, self.state_dict())
        steps, rate = as_count(arrays["steps"], "steps"), arrays["learning_rate"]
        taken = min(self.rates_taken, self.steps)  # the next rate may be known already
        if self.rates and steps < taken:
            raise ValueError(f"the schedule is past step {steps}: at {taken}")
        takes_rate = not self.rates and not np.isnan(rate)
        rate = as_rate(rate) if takes_rate else self.rate
        kinds = [in_single(x.data) for x in self.wrt]
        memory = {
            name: [like(arrays[f"{name}.{i}"], kind) for i, kind in enumerate(kinds)]
            for name in self.memory
        }
        assign([self] * 3, ["rate", "steps", "memory"], [rate, steps, memory])

    def __setstate__(self, state: Any) -> None:
        """Restore a pickle, also one of 2.0.0, which had a dictionary of settings."""
        own, attributes = state
        old = attributes.pop("settings", {})
        if "beta1" in old:
            old["betas"] = old.pop("beta1"), old.pop("beta2")
        for name, x in {**(own or {}), **attributes, **old}.items():
            setattr(self, name, x)


class SGD(Optimiser):
    """Steepest descent, with momentum or without, as torch.optim.SGD.

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

    __slots__ = {"_momentum": "momentum, checked."}
    settings = (*Optimiser.settings, "momentum")

    def direction(self, index: int, g: Any) -> Any:
        if not self.memory:
            return g
        velocity = self.memory["velocity"]
        velocity[index] = self.momentum * velocity[index] + g
        return velocity[index]

    def __init__(
        self,
        wrt: Values,
        learning_rate: float | Iterable[float],
        momentum: float = 0,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(wrt, learning_rate, weight_decay)
        self.momentum = momentum

    @property
    def momentum(self) -> float:
        """The share of its velocity that a Value keeps; 0 needs no velocity.

        >>> SGD(Value(1.0), learning_rate=0.1, momentum=0.9).momentum
        0.9
        """
        return self._momentum

    @momentum.setter
    def momentum(self, momentum: float) -> None:
        self._momentum = momentum
        if momentum:
            self.memory.setdefault("velocity", [0.0] * len(self.wrt))


class Adam(Optimiser):
    """Adam, as torch.optim.Adam: Kingma and Ba, 2015.

    Steps approach the learning rate in size as gradients become consistent.

    Parameters
    ----------
    wrt, learning_rate, weight_decay : as for `Optimiser`
    betas : the running means of the gradient, m, and of its square, v, keep these
        shares of themselves at each step: from 0 to below 1
    eps : added to the root of v, which divides

    >>> x = Value([1.0, 1.0])
    >>> x.grad = np.array([0.1, -100.0])
    >>> Adam(x, learning_rate=0.5).step()
    >>> x.data.round(4)
    array([0.5, 1.5])
    """

    __slots__ = {
        "betas": "The shares of themselves that the running means keep.",
        "eps": "The number added to the root of v, which divides.",
    }
    settings = (*Optimiser.settings, "betas", "eps")

    def direction(self, index: int, g: Any) -> Any:
        (beta1, beta2), t = self.betas, self.steps
        means, squares = self.memory["m"], self.memory["v"]
        means[index] = m = beta1 * means[index] + (1 - beta1) * g
        squares[index] = v = beta2 * squares[index] + (1 - beta2) * g * g
        # Both means start at 0, so they are too small at first; dividing corrects that.
        return m / (1 - beta1**t) / ((v / (1 - beta2**t)) ** 0.5 + self.eps)

    def __init__(
        self,
        wrt: Values,
        learning_rate: float | Iterable[float] = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(wrt, learning_rate, weight_decay, memory=["m", "v"])
        self.betas, self.eps = betas, eps


class AdamW(Adam):
    """Adam with decoupled decay, as torch.optim.AdamW: Loshchilov and Hutter, 2019.

    Parameters
    ----------
    wrt, learning_rate, betas, eps : as for `Adam`
    weight_decay : this share of the data is added to the direction, not to the gradient

    >>> x = Value([2.0])
    >>> x.grad = np.array([0.0])
    >>> AdamW(x, learning_rate=0.5, weight_decay=0.1).step()
    >>> x.data
    array([1.9])
    """

    __slots__ = ()
    adds_decay = False

    def direction(self, index: int, g: Any) -> Any:
        return super().direction(index, g) + self.weight_decay * self.wrt[index].data

    def __init__(
        self,
        wrt: Values,
        learning_rate: float | Iterable[float] = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(wrt, learning_rate, betas, eps, weight_decay)


class RMSprop(Optimiser):
    """Steps by the sign of a steady gradient, as torch.optim.RMSprop: Hinton, 2012.

    Parameters
    ----------
    wrt, learning_rate, weight_decay : as for `Optimiser`
    alpha : the share of itself that the running mean of squared gradients keeps
    eps : added to the root of that mean, which divides

    >>> x = Value([1.0, 1.0])
    >>> x.grad = np.array([0.1, -100.0])
    >>> RMSprop(x, learning_rate=0.25, alpha=0.75).step()
    >>> x.data.round(4)
    array([0.5, 1.5])
    """

    __slots__ = {
        "alpha": "The share of itself that the mean of squares keeps.",
        "eps": "The number added to the root of that mean.",
    }
    settings = (*Optimiser.settings, "alpha", "eps")

    def direction(self, index: int, g: Any) -> Any:
        squares = self.memory["v"]
        squares[index] = v = self.alpha * squares[index] + (1 - self.alpha) * g * g
        return g / (v**0.5 + self.eps)

    def __init__(
        self,
        wrt: Values,
        learning_rate: float | Iterable[float] = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(wrt, learning_rate, weight_decay, memory=["v"])
        self.alpha, self.eps = alpha, eps


def clip_grad_norm(wrt: Values, max_norm: float) -> float:
    """Scale the gradients to a joint norm of at most max_norm; return the norm before.

    In place, as torch.nn.utils.clip_grad_norm_. Values without a gradient do not count.

    Parameters
    ----------
    wrt : one Value, several, a model, or a dictionary
    max_norm : the largest root of the sum of all squares

    Raises
    ------
    TypeError : `wrt` has something other than Values
    ValueError : max_norm is negative or nan, or a gradient is no writeable floating
        array; then none has changed

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
    if scale > 1:
        return norm
    scaled = [x.grad * scale for x in values]  # nan spreads
    arrays = [(x.grad, g) for x, g in zip(values, scaled) if np.ndim(x.grad)]
    if not all(old.flags.writeable and old.dtype == g.dtype for old, g in arrays):
        raise ValueError("expected gradients in writeable floating arrays")
    for x, g in zip(values, scaled):
        if isinstance(x.grad, np.ndarray):
            x.grad[...] = g
        else:
            x.grad = g
    return norm


# --- Checks ---------------------------------------------------------------------------


def movable(values: list[Value]) -> list[Value]:
    """The same Values, after an error if a step could not move each of them once."""
    if not values:
        raise ValueError("wrt: expected Values, got none; was an iterator used before?")
    seen = set[Value]()
    for index, x in enumerate(values):
        problem = ""
        if x.dtype.kind != "f":
            problem = f"has {x.dtype}: write Value(x, dtype=float)"
        elif x.op:
            hint = "give its operands, or write Value(x.data), a leaf"
            problem = f"is the result of {x.op!r}: {hint}"
        elif not np.asarray(x.data).flags.writeable:
            problem = "is read-only: write Value(data.copy())"
        elif x in seen:
            problem = "is given twice"
        if problem:
            kind = ValueError if x.dtype.kind == "f" else TypeError
            expected = "wrt: expected writeable floating leaves, each once"
            raise kind(f"{expected}; wrt[{index}] of shape {x.shape} {problem}")
        seen.add(x)
    return values


def as_setting(x: Any, name: str) -> Any:
    """A checked setting: a float, or two floats below 1 for `betas`."""
    if name != "betas":
        return as_rate(x, name)
    if np.size(x) != 2:
        kind = ValueError if np.ndim(x) else TypeError
        raise kind(f"betas: expected two, as (0.9, 0.999), got {x!r}")
    betas = tuple(as_rate(beta, name) for beta in x)
    if max(betas) >= 1:
        raise ValueError(f"betas: expected below 1, got {max(betas)}")
    return betas


def as_rate(number: Any, name: str = "learning_rate") -> float:
    """A float, as a NumPy number would widen float32 arrays; ValueError if negative."""
    rate = numeric(number, name)
    if np.ndim(rate):
        raise TypeError(f"{name}: expected a number, got {number!r}")
    rate = float(rate)
    if not rate >= 0:
        raise ValueError(f"{name}: expected at least 0, got {rate}")
    return rate


def as_count(array: Any, name: str) -> int:
    """A whole number from 0 on, also one of floating dtype; ValueError of others."""
    number = array.item()
    if not 0 <= number < 2**63 or number % 1:
        raise ValueError(f"{name}: expected a whole number from 0 on, got {number}")
    return int(number)


loaded(globals())
