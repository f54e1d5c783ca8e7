"""Optimisers: they move Values down their gradients, in place.

A training step is `loss.forward()`, `loss.backward()`, `optimiser.step()`. Each method
says in which direction a Value goes; all of them share how far, and what goes on when
training was interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from inspect import isroutine
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from micrograd.checkpoint import State, checked, like
from micrograd.engine import Value, numeric, values_in
from micrograd.instead import explain, refusing

if TYPE_CHECKING:
    from micrograd.engine import Values


def __getattr__(name: str) -> Any:
    """Say what to write instead of PyTorch's names."""
    owner = f"module {__name__!r}"
    explain(__name__, owner, name)
    raise AttributeError(f"{owner} has no attribute {name!r}")


with_our_words = refusing(lr="learning_rate", params="wrt")


class Setting:
    """An attribute of an optimiser that is a rate: it may be set between two steps."""

    def __init__(self, words: str) -> None:
        self.__doc__ = words  # for help()

    def __set_name__(self, owner: type[Optimiser], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, optimiser: None, owner: Any) -> Setting: ...
    @overload
    def __get__(self, optimiser: Optimiser, owner: Any) -> float: ...

    def __get__(self, optimiser: Optimiser | None, owner: Any) -> Setting | float:
        return self if optimiser is None else optimiser.settings[self.name]

    def __set__(self, optimiser: Optimiser, number: float) -> None:
        optimiser.settings[self.name] = as_rate(number, self.name)


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
    learning_rate, weight_decay : as given; they may be set between two steps

    Raises
    ------
    TypeError : `wrt` is or has something else, a rate is no real number
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

    # So that to set what an optimiser does not have, as `lr`, is an AttributeError.
    __slots__ = (
        "__weakref__",
        "memory",
        "rate",
        "rates",
        "rates_taken",
        "settings",
        "steps",
        "wrt",
    )

    wrt: list[Value]
    steps: int
    memory: dict[str, list[Any]]
    rates: Iterator[float] | None  # a schedule
    rate: float | None  # of the last step, or the next one; None after the last of all
    rates_taken: int  # of the schedule; fewer than the steps, after loading

    weight_decay = Setting("The share of the data that is added to the gradient.")
    adds_decay = True  # to the gradient

    @with_our_words
    def __init__(
        self,
        wrt: Values,
        learning_rate: float | Iterable[float],
        weight_decay: float = 0,
        memory: Iterable[str] = (),
    ) -> None:
        self.settings: dict[str, float] = {}
        self.wrt = movable(values_of(wrt))
        self.steps = 0
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.memory = {name: [0.0] * len(self.wrt) for name in memory}

    @property
    def learning_rate(self) -> float | Any:
        """The rate of the next step; set it to a number, or to another schedule.

        A schedule's first rate is that of the next step.

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
    def learning_rate(self, rate: float | Iterable[float]) -> None:
        if isroutine(rate):
            raise TypeError(
                "learning_rate: expected a number or an iterable, got a function: "
                "write (function(step) for step in range(1000))"
            )
        is_schedule = np.iterable(rate) and not isinstance(rate, str)
        check = partial(as_rate, name="learning_rate")
        self.rates = map(check, rate) if is_schedule else None  # type: ignore
        self.rate = None if is_schedule else check(rate)
        self.rates_taken = self.steps

    def step(self) -> None:
        """Move the Values; none of them, if one has no gradient.

        Raises
        ------
        ValueError : a Value has no gradient, or the schedule is at its end

        >>> x = Value(1.0)
        >>> (x * x).backward()
        >>> SGD(x, learning_rate=0.25).step()
        >>> x.data
        0.5
        """
        for index, value in enumerate(self.wrt):
            if value.grad is None:
                raise ValueError(
                    f"wrt[{index}] of shape {value.shape} is without a gradient: run "
                    "backward() before, and leave out what the loss does not depend on"
                )
        learning_rate = self.learning_rate
        weight_decay = self.weight_decay if self.adds_decay else 0.0
        self.steps += 1
        direction = self.direction
        for index, value in enumerate(self.wrt):
            g = value.grad
            if weight_decay:
                g = g + weight_decay * value.data
            value.data -= learning_rate * direction(index, g)

    def direction(self, index: int, g: Any) -> Any:
        """Where `wrt[index]` comes from, per learning rate, given its gradient.

        It may change `memory`, but not g.

        >>> SGD(Value([0.0, 0.0]), 0.1).direction(0, np.array([1.0, 2.0]))
        array([1., 2.])
        """
        raise NotImplementedError(f"{type(self).__name__} has no direction()")

    def zero_grad(self) -> None:
        """Forget the gradients; there is no need to: `backward()` sets them anew.

        >>> x = Value(1.0)
        >>> (x * x).backward()
        >>> SGD(x, learning_rate=0.25).zero_grad()
        >>> print(x.grad)
        None
        """
        for value in self.wrt:
            value.grad = None

    def __repr__(self) -> str:
        sizes = [np.size(value.data) for value in self.wrt]
        rate = "schedule" if self.rates else self.rate
        settings = {"learning_rate": rate, **self.settings, "steps": self.steps}
        shown = ", ".join(f"{name}={x}" for name, x in settings.items())
        name = type(self).__name__
        return f"{name} of {sum(sizes):,} numbers in {len(sizes)} Values: {shown}"

    # Seen by type checkers, it would say that an optimiser has any attribute.
    if not TYPE_CHECKING:  # pragma: no branch

        def __getattr__(self, name: str) -> Any:
            """Say what to write instead of PyTorch's names."""
            explain("optimiser", f"{type(self).__name__!r} object", name)
            return object.__getattribute__(self, name)  # Python's own error

    def __setattr__(self, name: str, value: Any) -> None:
        """Set what there is, or say what it is."""
        try:
            super().__setattr__(name, value)
        except AttributeError:
            kind = type(self).__name__
            settings = ", ".join(["learning_rate", *self.settings])
            raise AttributeError(
                f"{kind!r} object has no attribute {name!r} to set, but {settings}"
            ) from None

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """A copy of the number of steps, the learning rate and the memory, by name.

        The learning rate is nan where a schedule says it.

        >>> list(Adam(Value(1.0)).state_dict())
        ['steps', 'learning_rate', 'm.0', 'v.0']
        """
        rate = np.nan if self.rates else self.rate
        state = {"steps": np.array(self.steps), "learning_rate": np.array(rate)}
        for name, arrays in self.memory.items():
            for index, value in enumerate(self.wrt):
                state[f"{name}.{index}"] = np.full_like(value.data, arrays[index])
        return state

    def load_state_dict(self, state: State) -> None:
        """Take over all of a state, or nothing after an error.

        A schedule stays, and goes on from there, but never back.

        Raises
        ------
        TypeError : what is not real numbers
        ValueError : names or shapes are others, or the schedule is past that step

        >>> sgd = SGD(Value(1.0), learning_rate=[0.3, 0.2, 0.1])
        >>> sgd.load_state_dict({"steps": 2})
        >>> sgd.steps, sgd.learning_rate
        (2, 0.1)
        """
        arrays_by_name = checked(state, self.state_dict())
        steps, rate = int(arrays_by_name["steps"]), arrays_by_name["learning_rate"]
        taken = min(self.rates_taken, self.steps)  # it may know the next one
        if self.rates and steps < taken:
            raise ValueError(f"the schedule is past step {steps}: at {taken}")
        if not self.rates and not np.isnan(rate):
            self.rate = as_rate(rate, "learning_rate")
        self.steps = steps
        for name, arrays in self.memory.items():
            for index, value in enumerate(self.wrt):
                arrays[index] = like(arrays_by_name[f"{name}.{index}"], value)


class SGD(Optimiser):
    """Steepest descent, with momentum if one likes, as torch.optim.SGD.

    Parameters
    ----------
    wrt, learning_rate, weight_decay : as for `Optimiser`
    momentum : the share of its velocity that a Value keeps from step to step; it may be
        set between two steps

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

    __slots__ = ()

    @with_our_words
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
        """The share of its velocity that a Value keeps.

        >>> SGD(Value(1.0), learning_rate=0.1, momentum=0.9).momentum
        0.9
        """
        return self.settings["momentum"]

    @momentum.setter
    def momentum(self, momentum: float) -> None:
        self.settings["momentum"] = as_rate(momentum, "momentum")
        if self.settings["momentum"]:
            self.memory.setdefault("velocity", [0.0] * len(self.wrt))

    def direction(self, index: int, g: Any) -> Any:
        if not self.memory:
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
        themselves at each step: from 0 to below 1
    eps : added to the root of v, which divides

    >>> x = Value([1.0, 1.0])
    >>> x.grad = np.array([0.1, -100.0])
    >>> Adam(x, learning_rate=0.5).step()
    >>> x.data.round(4)
    array([0.5, 1.5])
    """

    __slots__ = ()
    eps = Setting("What is added to the root of v, which divides.")

    @with_our_words
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

    @property
    def betas(self) -> tuple[float, float]:
        """What the two running means keep of themselves.

        >>> Adam(Value(1.0)).betas
        (0.9, 0.999)
        """
        return self.settings["beta1"], self.settings["beta2"]

    @betas.setter
    def betas(self, betas: tuple[float, float]) -> None:
        if not np.iterable(betas) or len(betas) != 2:
            kind = ValueError if np.iterable(betas) else TypeError
            raise kind(f"betas: expected two, as (0.9, 0.999), got {betas!r}")
        names = ("beta1", "beta2")
        rates = [as_rate(x, f"betas, {name}", 1) for x, name in zip(betas, names)]
        self.settings.update(zip(names, rates))

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

    __slots__ = ()
    adds_decay = False  # but to the direction

    @with_our_words
    def __init__(
        self,
        wrt: Values,
        learning_rate: float | Iterable[float] = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(wrt, learning_rate, betas, eps, weight_decay)

    def direction(self, index: int, g: Any) -> Any:
        return super().direction(index, g) + self.weight_decay * self.wrt[index].data


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
    values = [x for x in dict.fromkeys(values_of(wrt)) if x.grad is not None]
    norm = float(np.linalg.norm([np.linalg.norm(np.float64(x.grad)) for x in values]))
    scale = float(max_norm) / (norm + 1e-6)
    if not scale > 1:  # nan spreads
        for value in values:
            value.grad *= scale
    return norm


def values_of(wrt: Any) -> list[Value]:
    """The Values in wrt; an error for a method that was not called, as `parameters`."""
    if isroutine(wrt):
        name = wrt.__name__
        raise TypeError(f"wrt: expected Values, got a method: write {name}()")
    return values_in(wrt)


def movable(values: list[Value]) -> list[Value]:
    """The same, after an error if a step could not move each of them once."""
    if not values:
        raise ValueError("wrt: expected Values, got none; was an iterator used before?")
    seen = set[Value]()
    for index, value in enumerate(values):
        place = f"wrt[{index}] of shape {value.shape}"
        if value.dtype.kind != "f":
            raise TypeError(
                f"wrt: expected floating Values, got Value of {value.dtype}, {place}: "
                "write Value(x, dtype=float)"
            )
        problem = "which comes twice" if value in seen else ""
        if not np.asarray(value.data).flags.writeable:
            problem = "which is read-only: write Value(data.copy())"
        if value.op:
            problem = (
                f"the result of {value.op!r}: give what it was computed from, or write "
                "Value(x.data), a leaf"
            )
        if problem:
            expected = "wrt: expected writeable leaves once"
            raise ValueError(f"{expected}, got {place}, {problem}")
        seen.add(value)
    return values


def as_rate(number: Any, name: str = "rate", below: float = np.inf) -> float:
    """A float, as a NumPy number would widen float32 arrays; ValueError if negative."""
    rate = numeric(number, name)
    if np.ndim(rate):
        raise TypeError(f"{name}: expected a number, got {number!r}")
    rate = float(rate)
    if not 0 <= rate <= below or rate == below < np.inf:
        bound = f" and below {below}" if below < np.inf else ""
        raise ValueError(f"{name}: expected at least 0{bound}, got {rate}")
    return rate
