"""Code: the source of a program for one layout of its inputs, compiled to run."""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.arrays import NUMBERS, dtype_of_gradient
from micrograd.interface.hints import is_unsigned, warn_of_wrapping
from micrograd.program.record import Recording, silent
from micrograd.program.simplify import simplify
from micrograd.program.source import OtherShape, Source
from micrograd.rules import located

if TYPE_CHECKING:
    from micrograd.program.program import Program

COUNT = itertools.count(1)


class Code:
    """What runs: the source for one layout of the inputs, compiled.

    Attributes
    ----------
    text : the source
    run : its function
    nodes : by number of the line, the operator, the shapes of its operands, its place
    names : what `run` finds by name: constants, buffers, what is called whole
    own : the arrays of gradients, by id
    forms : the shape and dtype of each input
    fits : whether inputs have these, and lie apart from its own arrays
    scalars : the types of gradients by NumPy's scalars, None for others; empty if none
    recorded : what opaque calls gave when they were recorded, until it is replayed
    """

    def __init__(self, program: Program, inputs: list[Any]) -> None:
        leaves = (*program.lazies, *program.leaves)
        data = dict(zip(leaves, inputs))
        recording = Recording(program.roots, program.wrt, data, program.constants)
        results = [(x.op, line.data) for x, line in recording.values.items()]
        fed = {x.name or "": data[x] for x in program.lazies}
        if any(map(is_unsigned, fed.values())):
            warn_of_wrapping(fed, results)
        given = {program.names[x]: recording.given[x] for x in leaves}
        with silent():
            simplify(recording)
            source = Source(recording, given, [program.names[x] for x in program.wrt])
        self.text, self.nodes = source.text, source.nodes
        self.has_gradients = bool(program.wrt)
        self.forms: list[tuple[Any, Any]] = list(map(form_of, inputs))
        scalars = [scalar_type(data) for data in recording.wrt_data]
        self.scalars = scalars if any(scalars) else []
        self.has_opaque = bool(source.opaque)
        self.recorded = {
            name: iter([line.data for line in lines])
            for name, lines in source.opaque.items()
        }
        self.names: dict[str, Any] = {**source.constants, **source.functions}
        self.file = f"<micrograd program {next(COUNT)}>"
        lines = self.text.splitlines(keepends=True)
        linecache.cache[self.file] = (len(self.text), None, lines, self.file)
        weakref.finalize(self, linecache.cache.pop, self.file, None)
        exec(compile(self.text, self.file, "exec"), self.names)
        self.run: Callable[..., Any] = self.names.pop("step")  # or it would keep itself
        gradients = [x for k, x in self.names.items() if k.startswith("grad_")]
        self.own = {id(x): x for x in gradients}
        self.fits = self.guard()

    def guard(self) -> Callable[..., bool]:
        """Whether inputs have this layout, and lie apart from the code's own arrays."""
        namespace: dict[str, Any] = {"ndarray": np.ndarray, "own": self.own}
        namespace["is_apart"] = partial(is_apart, self.own)  # no cycle
        names, conditions = [], []
        for i, (shape, kind) in enumerate(self.forms):
            name = f"x{i}"
            names.append(name)
            namespace[f"k{i}"] = kind  # a dtype, or the type of a number
            if shape is None:
                conditions.append(f"type({name}) is k{i}")
                continue
            conditions.append(f"type({name}) is ndarray and {name}.shape == {shape}")
            conditions.append(f"{name}.dtype is k{i}")
            if self.own:
                conditions.append(f"id({name}) not in own")
                conditions.append(f"({name}.base is None or is_apart({name}))")
        text = f"lambda {', '.join(names)}: {' and '.join(conditions) or True}"
        fits: Callable[..., bool] = eval(text, namespace)
        return fits

    def separate(self, inputs: list[Any]) -> list[Any]:
        """The inputs; gradients of the last call, and views of them, are copied."""
        return [x if is_apart(self.own, x) else x.copy() for x in inputs]

    def __call__(self, inputs: list[Any], run: Callable[..., Any] | None = None) -> Any:
        """Results and gradients; errors say where."""
        try:
            results = (run or self.run)(*inputs)
        except OtherShape:
            raise
        except Exception as error:
            raise self.located(error) from error
        if not self.has_gradients:
            return results, ()
        results, gradients = results
        if self.scalars:
            pairs = zip(self.scalars, gradients)
            gradients = [kind(g) if kind else g for kind, g in pairs]
        return results, gradients

    def replay(self, inputs: list[Any]) -> Any:
        """The same for the inputs that were recorded.

        What may do anything has been called then, and is not called again.
        """
        recorded, self.recorded = self.recorded, {}
        names = {**self.names}  # an interrupt changes nothing
        for name, data in recorded.items():
            names[name] = partial(lambda data, *_: next(data), data)
        return self(inputs, FunctionType(self.run.__code__, names))

    def located(self, error: Exception) -> Exception:
        """The error, saying at which operator and shapes."""
        number, trace = 0, error.__traceback__
        while trace:
            if trace.tb_frame.f_code.co_filename == self.file:
                number = trace.tb_lineno
            trace = trace.tb_next
        return located(error, *self.nodes[number]) if number in self.nodes else error


def is_apart(own: dict[int, Any], x: Any) -> bool:
    """Whether an input shares no memory with these arrays, by their ids.

    Most views have the array that owns the memory as their base. Exotic ones have some
    other object there: those of as_strided, of a buffer, of another library.
    """
    base = getattr(x, "base", None)
    if base is None or type(base) is np.ndarray and base.base is None:
        return id(x) not in own and id(base) not in own
    return not any(np.may_share_memory(x, y) for y in own.values())


def form_of(x: Any) -> tuple[Any, Any]:
    """The shape and dtype that code is written for."""
    return (x.shape, x.dtype) if type(x) is np.ndarray else (None, type(x))


def scalar_type(data: Any) -> type[np.generic] | None:
    """The type that the gradient of a NumPy scalar has."""
    if not isinstance(data, np.generic) or type(data) in NUMBERS:
        return None
    return dtype_of_gradient(data.dtype).type
