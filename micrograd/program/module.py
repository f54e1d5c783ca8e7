"""Modules: a program as a file of Python that needs NumPy and nothing else."""

from __future__ import annotations

import os
import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.checkpoint import Path, replacing, write
from micrograd.program.record import Recording
from micrograd.program.simplify import simplify
from micrograd.program.source import Source, imported, wrapped

if TYPE_CHECKING:
    from micrograd.program import Program

LENGTHS = 3, 4  # of open axes: if the text is the same for both, it is for all

GIVEN = '''

def given(name, x, shape, dtype):
    """The argument as an array of that shape (None: of any length) and dtype."""
    x = asarray(x)
    fits = [n in (None, m) for n, m in zip(shape, x.shape)]
    if len(x.shape) != len(shape) or not all(fits):
        raise ValueError(f"{name}: expected shape {shape}, got {x.shape}")
    if not can_cast(x.dtype, dtype, "same_kind"):
        raise TypeError(f"{name}: expected {dtype.__name__}, got {x.dtype}")
    return x.astype(dtype, copy=False)
'''


def save(program: Program, path: Path, parameters: bool) -> None:
    """Write a program to a file, as `Program.save` says."""
    modules = [module_for(program, length, parameters) for length in LENGTHS]
    text = None
    if all(modules):
        text = merged(*[module.text for module in modules if module])
    module = modules[0] if text else module_for(program, None, parameters)
    if module is None:
        raise ValueError(
            "an open axis has not been fed, and the program is not the same for all "
            "lengths: call it once with data of the length to save it for"
        )
    if module.arrays:
        write(os.path.splitext(os.fsdecode(path))[0] + ".npz", module.arrays)
    with replacing(path) as file:
        file.write(f"{text or module.text}\n".encode())


def module_for(
    program: Program, length: int | None, parameters: bool
) -> ModuleSource | None:
    """The module for open axes of that length, or of those that ran last.

    None if the expression does not take them.
    """
    data, shapes = {}, {}
    for lazy in program.lazies:
        shape, dtype = program.form(lazy)
        if length is not None:
            shape = tuple(length if n is None else n for n in lazy.shape)
        if None in shape:
            return None
        zeros = np.zeros(shape, dtype)
        data[lazy] = zeros if shape or type(lazy.data) is np.ndarray else zeros.item()
        shapes[program.names[lazy]] = shape if length is None else lazy.shape
    leaves = {leaf: leaf.data for leaf in program.leaves}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the data are zeros
            recording = Recording(program.roots, program.wrt, {**data, **leaves})
    except Exception:
        if length is not None:
            return None
        raise
    simplify(recording)
    return ModuleSource(program, recording, shapes, parameters)


def merged(first: str, second: str) -> str | None:
    """Two texts that differ in shapes in comments alone as one; None if in more."""
    lines = []
    for a, b in zip(first.splitlines(), second.splitlines()):
        code, _, comment = a.partition("  # ")
        other, _, other_comment = b.partition("  # ")
        if code != other:
            return None
        if comment != other_comment:
            lengths = zip(
                re.findall(r"\d+", comment), re.findall(r"\d+", other_comment)
            )
            texts = [n if n == m else "None" for n, m in lengths]
            a = f"{code}  # ({', '.join(texts)}{',' * (len(texts) == 1)})"
        lines.append(a)
    is_whole = first.count("\n") == second.count("\n")
    return "\n".join(lines) if is_whole else None


class ModuleSource(Source):
    """The text of a program that stands by itself: a pure function, without buffers.

    Attributes
    ----------
    arrays : what belongs into the file beside it, by name
    """

    def __init__(
        self,
        program: Program,
        recording: Recording,
        shapes: dict[str, tuple[int | None, ...]],
        parameters: bool,
    ) -> None:
        leaves = (*program.lazies, *program.leaves)
        self.shapes, self.has_defaults = shapes, parameters
        self.arrays: dict[str, Any] = {}
        inputs = {program.names[x]: recording.given[x] for x in leaves}
        wrt = [program.names[x] for x in program.wrt]
        super().__init__(recording, inputs, wrt, has_buffers=False)

    def far_constant(self, name: str, data: Any) -> str:
        """A long constant goes to the file beside the module."""
        self.arrays[name] = data
        return f'{name} = arrays["{name}"]'

    def head(self, is_mathematical: bool) -> list[str]:
        """Imports, arrays, and what checks the arguments and says what they are."""
        if self.functions:
            raise ValueError(
                "expected NumPy's functions alone in what is saved, got operators that "
                f"are called whole: {', '.join(sorted(self.functions))}"
            )
        arguments, checks, about = [], [], []
        for wish, line in self.inputs.items():
            name, data = line.name, line.data
            is_parameter = wish not in self.shapes
            shape = line.shape if is_parameter else self.shapes[wish]
            if type(data) is np.ndarray:
                dtype = self.argument(data.dtype)
                checks.append(f'{name} = given("{name}", {name}, {shape}, {dtype})')
                about.append(f"{name} : array of shape {shape}, {data.dtype}")
            else:
                kind = type(data).__name__
                kind = self.numpy(kind) if isinstance(data, np.generic) else kind
                checks.append(f"{name} = {kind}({name})")
                about.append(f"{name} : {kind}")
            if is_parameter and self.has_defaults:
                self.arrays[name] = np.asarray(data)
                arguments.append(f'{name}=arrays["{name}"]')
            else:
                arguments.append(name)
        self.imports |= {"asarray", "can_cast", *(["load"] if self.arrays else [])}
        load = 'arrays = dict(load(os.path.splitext(__file__)[0] + ".npz"))'
        what = "The results" if len(self.recording.results) > 1 else "The result"
        if self.wrt:
            what += f", and the gradients by {', '.join(self.wrt)}"
        return [
            *self.title("NumPy code written by micrograd. It needs nothing else."),
            *(["import math"] if is_mathematical else []),
            *(["import os"] if self.arrays else []),
            *([""] if is_mathematical or self.arrays else []),
            *imported(self.imports),
            *([load] if self.arrays else []),
            *([*self.setup] if self.setup else []),
            *GIVEN.splitlines(),
            "",
            "",
            *wrapped("def step(", ", ".join(arguments), "):"),
            f'    """{what}.',
            "",
            *[f"    {text}" for text in ("Parameters", "----------", *about)],
            '    """',
            *[f"    {check}" for check in checks],
        ]
