"""Modules: a program as a file of Python that needs NumPy and nothing else."""

from __future__ import annotations

import hashlib
import itertools
import keyword
import operator
import os
import re
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.checkpoint import Fill, Path, archive_of, replace, target_of
from micrograd.graph import node_of, results_of
from micrograd.names import printable
from micrograd.program.record import Line, Recording, plain
from micrograd.program.simplify import simplify
from micrograd.program.source import Source, imported, name_of, wrapped

if TYPE_CHECKING:
    from micrograd.engine import Value
    from micrograd.program.program import Program

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
NO_DIGEST = "0" * 16
# The file has the digest of the module's text, so that no module takes the arrays of
# another one: when a reader comes between two files, or one of them is copied alone.
ARRAYS = f'''
def saved_arrays():
    """What was saved beside this module, where a link to it leads, or by the link."""
    places = [os.path.realpath(__file__), __file__]
    paths = [os.path.splitext(place)[0] + ".npz" for place in places]
    for path in [*filter(os.path.exists, paths)] or paths[:1]:
        arrays = dict(load(path))
        if str(arrays.pop(".module", "")) == "{NO_DIGEST}":
            return arrays
    raise ValueError(f"{{path}}: expected the arrays that were saved with {{__file__}}")


arrays = saved_arrays()
'''


def save(program: Program, path: Path, parameters: bool) -> None:
    """Write a program to a file, as `Program.save` says."""
    check_arguments(program)
    results = results_of(program.roots)
    opaque = {x.op for x in results if node_of(x).rule.is_opaque}
    if opaque:
        raise not_alone(opaque)
    path, _ = target_of(path)
    stem, ending = os.path.splitext(path)
    arrays_path = f"{stem}.npz"
    if ending.lower() == ".npz" or os.path.realpath(arrays_path) == path:
        raise ValueError(f"path: expected that of a module, got {path!r}")
    module = of_all_lengths(program, parameters) or of_last_lengths(program, parameters)
    if module is None:
        raise ValueError(
            "an open axis has not been fed, and the program is not the same for all "
            "lengths: call it once with data of the length to save it for"
        )
    text = f"{module.text}\n"
    files: dict[Path, Fill] = {}
    if module.arrays:
        digest = hashlib.sha256(text.encode()).hexdigest()[: len(NO_DIGEST)]
        text = text.replace(NO_DIGEST, digest)
        files[arrays_path] = archive_of({**module.arrays, ".module": np.array(digest)})
    files[path] = lambda file: file.write(text.encode())
    replace(files)


def check_arguments(program: Program) -> None:
    """See that each name of a user's can be that of an argument.

    The names of parameters in Modules have dots, and are written as identifiers.

    Raises
    ------
    ValueError : one cannot
    """
    for x in (*program.lazies, *program.leaves):
        wish = x.name or program.wishes.get(x, "w.")
        is_sound = wish.isidentifier() and not keyword.iskeyword(wish)
        if "." not in wish and not is_sound or wish == "__debug__":
            raise ValueError(
                f"{printable(wish)}: expected a name that Python allows for an "
                "argument: give the lazy Value another name, or the dictionary "
                "another key"
            )


def not_alone(names: Iterable[str]) -> ValueError:
    """The error about operators that are more than calls of NumPy's functions."""
    return ValueError(
        "expected NumPy's functions alone in what is saved; what is your own, SciPy's, "
        f"or decides by its data is called whole: {', '.join(sorted(names))}"
    )


def of_all_lengths(program: Program, parameters: bool) -> ModuleSource | None:
    """The module for open axes of any length, if there is one.

    What is written is the same for three lengths, and so for all, unless an axis is
    only as long for each of them: as that of x[:3], which is shorter where x is. Axes
    that were as long as one another at the last call have to be so again.
    """
    groups: dict[Any, list[tuple[str, int]]] = {}
    places = []
    for lazy in program.lazies:
        shape, _ = program.form(lazy)
        for i, n in enumerate(lazy.shape):
            if n is None:
                axes = groups.setdefault(shape[i], [])
                axes.append((program.names[lazy], i))
                places.append((lazy, i, [*groups].index(shape[i])))
    recordings = []
    for shortest, step in ((1, 0), (3, 2), (4, 2), (40, 2)):
        lengths = {(lazy, i): shortest + step * group for lazy, i, group in places}
        try:
            recordings.append(recorded(program, lengths, bool(places)))
        except Exception:  # such lengths do not go together
            return None
    if any_shrinks(*recordings[:3]):
        return None
    module, *others = [
        ModuleSource(program, recording, groups.values(), parameters)
        for recording in recordings[1:]
    ]
    texts = [merged(module.text, other.text) for other in others]
    if None in texts or not all(
        np.array_equal(x, other.arrays[name], equal_nan=True)
        for other in others
        for name, x in module.arrays.items()
    ):
        return None
    module.text = texts[0] or ""
    return module


def any_shrinks(one: Recording, three: Recording, four: Recording) -> bool:
    """Whether an axis is as long for lengths of 3 and 4, but not for 1."""
    return any(
        k != n == m
        for node, line in three.values.items()
        for k, n, m in zip(one.values[node].shape, line.shape, four.values[node].shape)
    )


def of_last_lengths(program: Program, parameters: bool) -> ModuleSource | None:
    """The module for the lengths of the last call, if there are any."""
    lengths = {}
    for lazy in program.lazies:
        shape, _ = program.form(lazy)
        lengths.update({(lazy, i): n for i, n in enumerate(shape or ())})
    if None in lengths.values():
        return None
    return ModuleSource(program, recorded(program, lengths), None, parameters)


def recorded(
    program: Program,
    lengths: dict[tuple[Value, int], int],
    has_open_axes: bool = False,
) -> Recording:
    """The lines for zeros of these lengths, where axes are open, and for the leaves."""
    data = {leaf: plain(leaf.data) for leaf in program.leaves}
    for lazy in program.lazies:
        shape, dtype = program.form(lazy)
        if shape is None:
            data[lazy] = dtype()
        else:
            axes = enumerate(lazy.shape)
            shape = [lengths[lazy, i] if n is None else n for i, n in axes]
            data[lazy] = np.zeros(shape, dtype)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the data are zeros
        recording = Recording(program.roots, program.wrt, data, program.constants)
    simplify(recording, has_open_axes)
    return recording


def merged(first: str, second: str) -> str | None:
    """Two texts that differ in lengths in comments alone as one; None if in more."""
    lines = []
    for a, b in itertools.zip_longest(first.splitlines(), second.splitlines()):
        code, mark, comment = (a or "").partition("# ")
        other, _, other_comment = (b or "").partition("# ")
        lengths = re.findall(r"\d+", other_comment)
        parts = re.split(r"(\d+)", comment)
        if code != other or len(lengths) != len(parts) // 2:
            return None
        for i, length in enumerate(lengths):
            if parts[2 * i + 1] != length:
                parts[2 * i + 1] = "None"
        lines.append(code + mark + "".join(parts))
    return "\n".join(lines)


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
        groups: Iterable[list[tuple[str, int]]] | None,
        parameters: bool,
    ) -> None:
        leaves = (*program.lazies, *program.leaves)
        self.groups, self.has_defaults = groups, parameters
        self.shapes: dict[str, tuple[int | None, ...]] = {}
        for x in program.lazies:
            shape = x.shape if groups is not None else recording.given[x].shape
            self.shapes[program.names[x]] = shape
        self.arrays: dict[str, Any] = {}
        inputs = {program.names[x]: recording.given[x] for x in leaves}
        wrt = [program.names[x] for x in program.wrt]
        super().__init__(recording, inputs, wrt, has_buffers=False)

    def far_constant(self, name: str, data: Any) -> str:
        """A long constant goes to the file beside the module."""
        self.arrays[name] = data
        return f'{name} = arrays["{name}"]'

    def other_shape(self, line: Line) -> str:
        """Refuse: the shape depends on data, which here are zeros."""
        is_mask = line.function is operator.getitem
        raise not_alone(["[] of a mask" if is_mask else name_of(line.function)])

    def given(self) -> tuple[list[str], list[str], list[str]]:
        """The arguments of `step`, what checks them, and what its docstring says."""
        arguments, checks, about = [], [], []
        given = self.own["given"]
        for wish, line in self.inputs.items():
            name, data = line.name, line.data
            is_parameter = wish not in self.shapes
            shape = line.shape if is_parameter else self.shapes[wish]
            if type(data) is np.ndarray:
                dtype = self.argument(data.dtype)
                checks.append(f'{name} = {given}("{name}", {name}, {shape}, {dtype})')
                about.append(f"{name} : array of shape {shape}, {data.dtype}")
            else:
                is_scalar = isinstance(data, np.generic)
                kind = data.dtype.name if is_scalar else type(data).__name__
                dtype = self.argument(data.dtype) if is_scalar else self.own[kind]
                number = "[()]" if is_scalar else ".item()"
                checks.append(
                    f'{name} = {given}("{name}", {name}, (), {dtype}){number}'
                )
                about.append(f"{name} : {kind}")
            if is_parameter and self.has_defaults:
                self.arrays[name] = np.asarray(data)
                arguments.append(f'{name}=arrays["{name}"]')
            else:
                arguments.append(name)
        for axes in self.groups or []:
            if len(axes) > 1:
                texts = [f"{self.inputs[wish].name}.shape[{i}]" for wish, i in axes]
                condition = " == ".join(texts)
                checks.append(f"if not {condition}:")
                error = self.own["ValueError"]
                checks.append(f'    raise {error}("expected {condition}")')
        return arguments, checks, about

    def head(self) -> list[str]:
        """Imports, arrays, and what checks the arguments and says what they are."""
        if self.functions:
            called = set(map(id, self.functions.values()))
            lines = [x for x in self.recording.lines if id(x.function) in called]
            raise not_alone({line.node.op for line in lines if line.node is not None})
        arguments, checks, about = self.given()
        # In the namespace of the module, where no name is a user's.
        own = ["asarray", "can_cast", *(["load"] if self.arrays else [])]
        imports = [*self.imports.items(), *zip(own, own)]
        what = "The results" if len(self.recording.results) > 1 else "The result"
        if self.wrt:
            what += f", and the gradients by {', '.join(self.wrt)}"
        return [
            *self.title("NumPy code written by micrograd. It needs nothing else."),
            *self.imports_of_python(*(["os"] if self.arrays else [])),
            *imported(imports),
            *(
                [*ARRAYS.splitlines(), *([] if self.setup else [""])]
                if self.arrays
                else []
            ),
            *([*self.setup, ""] if self.setup else []),
            *GIVEN.replace("def given(", f"def {self.own['given']}(").splitlines(),
            "",
            "",
            *wrapped("def step(", ", ".join(arguments), "):"),
            f'    """{what}.',
            "",
            *[f"    {text}" for text in ("Parameters", "----------", *about)],
            '    """',
            *[f"    {check}" for check in checks],
        ]
