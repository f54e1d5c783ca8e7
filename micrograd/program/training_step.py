"""A training step in C: gradients, and what an optimiser makes of the parameters.

The optimiser itself is run once, on arrays that note its calls, as rules are: so the
formulas of a method stand in `micrograd.optim` alone.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.optim import SGD, Adam, AdamW, Optimiser
from micrograd.program.c_function import (
    STACK,
    WIDTH,
    Function,
    declared,
    function_text,
)
from micrograd.program.elements import ctype
from micrograd.program.loops import Array
from micrograd.program.record import (
    Line,
    Recorded,
    Tape,
    as_line,
    cast,
    number_of,
    silent,
)
from micrograd.program.simplify import drop, merge

if TYPE_CHECKING:
    from micrograd.engine import Value
    from micrograd.program.program import Program

METHODS = (SGD, Adam, AdamW)


class TrainingStep:
    """The function that makes a training step.

    Attributes
    ----------
    name : of the function
    state : the arguments that are the optimiser's, the number of steps included

    Parameters
    ----------
    function : what computes the results, and the gradients by `program.wrt`
    given : of each leaf the argument of that function

    Raises
    ------
    TypeError : the optimiser is none of micrograd's own
    ValueError : the program has no gradient by one of the Values that it moves
    """

    def __init__(
        self,
        program: Program,
        function: Function,
        given: dict[Value, Array],
        optimiser: Optimiser,
        max_norm: float | None,
    ) -> None:
        check(program, optimiser, max_norm)
        self.function, self.given, self.optimiser = function, given, optimiser
        self.name = f"{function.name}_step"
        self.n_results = len(program.roots)
        outputs = function.outputs[self.n_results :]
        self.gradients = dict(zip(program.wrt, outputs))
        lines = Lines(optimiser, given, self.gradients, max_norm)
        update = self.update = Function(self.name, lines.given, function.elements)
        update.low.run(lines.lines)
        for name, line in zip(lines.targets, lines.results):
            array = update.low.given[lines.given[name]]
            array.output = name
            update.low.line = None
            update.copy(line, array)
        for x in optimiser.wrt:  # a local number, if it has no axes
            array = update.low.given[lines.given[self.gradients[x].name]]
            array.is_number = not array.shape
        update.write(str, ())
        own = {given[x].name for x in optimiser.wrt}
        own |= {array.name for array in self.gradients.values()}
        self.state = [x for x in update.low.given.values() if x.name not in own]
        sizes = [array.nbytes for array in self.gradients.values()]
        self.is_static = update.n_stack + sum(sizes) > STACK
        self.n_bytes = sum(sizes)

    def parameters(self) -> list[str]:
        """The arguments, as C declares them."""
        moved = {self.given[x] for x in self.optimiser.wrt}
        texts = [f"int {name}" for name in self.function.length_names]
        for array in self.function.low.given.values():
            begin = "" if array in moved else "const "
            texts.append(
                declared(array, begin, self.function.open_lengths, array in moved)
            )
        texts += [declared(array, "") for array in self.state]
        results = self.function.outputs[: self.n_results]
        return texts + [
            declared(array, "", self.function.open_lengths) for array in results
        ]

    def text(self) -> list[str]:
        """The text of the function."""
        lines = []
        for array in self.gradients.values():
            lengths = "".join(f"[{max(n, 1)}]" for n in array.shape)
            static = "static " if self.is_static and array.shape else ""
            lines.append(f"    {static}{ctype(array.dtype)} {array.name}{lengths};")
        given = ", ".join(
            [*self.function.length_names, *map(self.passed, self.every())]
        )
        lines += [*wrapped_call(f"const int code = {self.function.name}(", given), ""]
        lines += ["    if (code != 0)", "        return code;", ""]
        return function_text(self.name, self.parameters(), lines + self.update.lines)

    def every(self) -> list[Array]:
        """The arguments of the function that is called."""
        return [*self.function.low.given.values(), *self.function.outputs]

    def passed(self, array: Array) -> str:
        """An argument as it is passed on."""
        name = array.name
        if array in self.gradients.values():
            return name if array.shape else f"&{name}"
        if array not in [self.given[x] for x in self.optimiser.wrt]:
            return name
        if array.is_number:
            return f"*{name}"
        if len(array.shape) < 2:
            return name
        lengths = "".join(f"[{max(n, 1)}]" for n in array.shape[1:])
        return f"(const {ctype(array.dtype)} (*){lengths}){name}"  # C asks for that

    def about(self) -> str:
        """What it does, for the comment at the top."""
        settings = ", ".join(
            f"{name}={getattr(self.optimiser, name)}"
            for name in self.optimiser.settings
        )
        kind = type(self.optimiser).__name__
        return (
            f"{self.name}() makes a training step: it calls {self.function.name}(), "
            f"and moves the parameters as {kind}({settings}) does."
        )


def check(program: Program, optimiser: Optimiser, max_norm: float | None) -> None:
    """Raise an error, if C cannot have the optimiser's step."""
    if type(optimiser) not in METHODS:
        names = ", ".join(kind.__name__ for kind in METHODS)
        got = type(optimiser).__name__
        raise TypeError(f"optimiser: expected one of {names}, got {got}")
    known = set(program.wrt)
    for i, x in enumerate(optimiser.wrt):
        if x not in known:
            raise ValueError(
                f"optimiser.wrt[{i}] of shape {x.shape}: expected one of the Values "
                "that compiled(..., wrt=) has"
            )
    if max_norm is not None and not float(max_norm) >= 0:
        raise ValueError(f"max_norm: expected at least 0, got {max_norm}")


def wrapped_call(start: str, arguments: str) -> list[str]:
    """A call in lines that fit."""
    if len(f"    {start}{arguments});") <= WIDTH:
        return [f"    {start}{arguments});"]
    lines = textwrap.wrap(f"{arguments});", WIDTH - 8, break_on_hyphens=False)
    return [f"    {start}", *[f"        {line}" for line in lines]]


class Lines:
    """The calls of an update, in the form of a recording.

    Attributes
    ----------
    given : the lines of the arguments by name: parameters, gradients, state, the rate
    lines : the calls, in order
    results : what parameters and state become, in the order of `targets`
    targets : the names of the arguments that they are written to
    """

    def __init__(
        self,
        optimiser: Optimiser,
        arrays: dict[Value, Array],
        gradients: dict[Value, Array],
        max_norm: float | None,
    ) -> None:
        tape = Tape()
        self.given: dict[str, Line] = {}
        self.targets: list[str] = []
        self.results: list[Line] = []
        self.gradients: list[Line] = []
        self.values: dict[Any, Line] = {}
        self.by: dict[Any, Line] = {}
        shadow = shadow_of(optimiser)

        def given(name: str, data: Any) -> Any:
            line = self.given[name] = Line("given", data)
            return Recorded(tape, line)

        def becomes(name: str, x: Any) -> None:
            self.targets.append(name)
            self.results.append(as_line(x))

        names = [arrays[x].name for x in optimiser.wrt]
        data = [array_of(x) for x in optimiser.wrt]
        with silent():
            held = [*map(given, names, data)]
            found = [given(gradients[x].name, array_of(x)) for x in optimiser.wrt]
            state = {
                name: [given(f"{name}_{i}", array) for i, array in enumerate(data)]
                for name in optimiser.memory
            }
            steps = given("steps", np.zeros((), np.int64)) + 1
            is_single = all(array.dtype == np.float32 for array in data)
            rate = given("learning_rate", np.float32(0) if is_single else 0.0)
            shadow.steps = Count(tape, steps)
            shadow.memory = state
            shadow.wrt = [Held(x) for x in held]
            decay = optimiser.weight_decay if optimiser.adds_decay else 0
            if max_norm is not None:
                found = clipped(tape, found, max_norm)
            for i, x in enumerate(held):
                g: Any = found[i]
                g = g + decay * x if decay else g
                becomes(names[i], x - rate * shadow.direction(i, g))
            for name, parts in state.items():
                for i, part in enumerate(parts):
                    becomes(f"{name}_{i}", part)
            becomes("steps", steps)
        self.lines = tape.lines
        known = {self.given["steps"], self.given["learning_rate"]}
        early = []  # of no parameter
        for line in self.lines:
            if known.issuperset(line.operands()):
                known.add(line)
                early.append(line)
        self.lines = early + [line for line in self.lines if line not in known]
        merge(self)  # type: ignore[arg-type]
        drop(self)  # type: ignore[arg-type]


class Held:
    """A parameter, as an optimiser asks for it."""

    def __init__(self, data: Any) -> None:
        self.data = data


class Count:
    """The number of steps: `beta ** steps` is a number, as Python's."""

    def __init__(self, tape: Tape, steps: Any) -> None:
        self.tape, self.steps = tape, steps

    def __rpow__(self, beta: float) -> Any:
        return number_of(self.tape, self.tape.call(np.power, (beta, self.steps), {}))


def shadow_of(optimiser: Optimiser) -> Any:
    """An optimiser with the method and the settings of another, and no Values."""
    shadow = type(optimiser).__new__(type(optimiser))
    shadow.wrt, shadow.memory = [], {name: [] for name in optimiser.memory}
    for name in optimiser.settings:
        setattr(shadow, name, getattr(optimiser, name))
    return shadow


def array_of(x: Value) -> Any:
    """Zeros in the form of a parameter, as an array: a number has no axes."""
    return np.zeros(np.shape(x.data), np.result_type(x.data))


def clipped(tape: Tape, gradients: list[Any], max_norm: float) -> list[Any]:
    """The gradients, scaled to a joint norm of at most max_norm, as clip_grad_norm."""
    squares: list[Any] = []
    for g in gradients:
        wide = tape.call(cast, (g, np.dtype(float)), {})
        squares.append(np.add.reduce(np.square(wide), axis=None))
    total = sum(squares[1:], squares[0])
    scale = float(max_norm) / (np.sqrt(total) + 1e-6)
    scale = np.where(scale > 1, 1.0, scale)  # nan spreads
    return [g * tape.call(cast, (scale, g.dtype), {}) for g in gradients]
