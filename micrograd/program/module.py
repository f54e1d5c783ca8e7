"""Modules: a program as a file of Python that needs NumPy and nothing else."""

from __future__ import annotations

import hashlib
import itertools
import keyword
import os
import re
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.checkpoint import Fill, Path, archive_of, replace, target_of
from micrograd.graph import node_of, results_of
from micrograd.names import printable
from micrograd.program.pasted import (
    LIBRARIES,
    NoText,
    is_top_level,
    plain_function,
    texts_of,
)
from micrograd.program.record import (
    Line,
    Recording,
    all_bits,
    has_own_shape,
    kept_bits,
    plain,
)
from micrograd.program.simplify import simplify
from micrograd.program.source import (
    METHODS,
    OUTSIDE,
    OWN,
    Source,
    imported,
    is_numpys,
    wrapped,
)
from micrograd.rules import Function, placed_at

if TYPE_CHECKING:
    from micrograd.engine import Value
    from micrograd.program.program import Program

GIVEN = '''
def given(name, x, shape, dtype):
    """The argument as an array of that shape (None: of any length) and dtype."""
    if type(x).__name__ in ("MaskedArray", "matrix"):
        raise TypeError(f"{name}: expected an array, got {type(x).__name__}")
    x = asarray(x)
    fits = [n in (None, m) for n, m in zip(shape, x.shape)]
    if len(x.shape) != len(shape) or not all(fits):
        raise ValueError(f"{name}: expected shape {shape}, got {x.shape}")
    if not can_cast(x.dtype, dtype, "same_kind"):
        raise TypeError(f"{name}: expected {dtype.__name__}, got {x.dtype}")
    return x.astype(dtype, copy=False)
'''
SINCE = {  # the version that brought a function; all others are in NumPy 1.22
    "bitwise_count": "2.0",
    "cumulative_prod": "2.1",
    "cumulative_sum": "2.1",
    "matrix_transpose": "2.0",
    "matvec": "2.2",
    "permute_dims": "2.0",
    "trapezoid": "2.0",
    "unstack": "2.1",
    "vecdot": "2.0",
    "vecmat": "2.2",
}
OF_NUMPY = ("asarray", "can_cast", "load")  # what the module's own functions call
WRITTEN = {*METHODS, all_bits, kept_bits, placed_at}  # by Source, without a call
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
    path, _ = target_of(path)
    stem, ending = os.path.splitext(path)
    arrays_path = f"{stem}.npz"
    if ending.lower() == ".npz" or os.path.realpath(arrays_path) == path:
        raise ValueError(f"path: expected that of a module, got {path!r}")
    module = module_of(program, parameters)
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


class NotAlone(ValueError):
    """A program calls what is more than NumPy's functions.

    Attributes
    ----------
    found : the operators, each with its line, if that is known
    """

    def __init__(self, nodes: Iterable[Value]) -> None:
        self.found: list[str] = []
        for node in dict.fromkeys(nodes):
            site = node_of(node).call_site
            self.found.append(f"{printable(node.op)} ({site})" if site else node.op)
        super().__init__(
            "expected NumPy's functions alone in what is saved; what is your own, "
            "SciPy's, or depends on how many elements a mask takes is called whole: "
            f"{', '.join(self.found)}"
        )


def obstacles_of(program: Program) -> list[str]:
    """The operators that cannot be saved, each with its line."""
    try:
        module_of(program, parameters=True)
    except NotAlone as error:
        return error.found
    return []


def module_of(program: Program, parameters: bool) -> ModuleSource | None:
    """The module of a program; None if an open axis has no length, and needs one."""
    opaque = [x for x in results_of(program.roots) if node_of(x).rule.is_opaque]
    if opaque:
        raise NotAlone(opaque)
    module = of_all_lengths(program, parameters)
    return module or of_last_lengths(program, parameters)


# Lengths of open axes to try, and how many more the next axis has. The first three show
# what shrinks; the others are lengths that few other axes have.
PROBES = ((1, 0), (3, 2), (4, 2), (37, 2), (53, 2))


def of_all_lengths(program: Program, parameters: bool) -> ModuleSource | None:
    """The module for open axes of any length, if there is one.

    What is written is the same for two lengths, and so for all, unless an axis is
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
    for n_selected, (shortest, step) in enumerate(PROBES):
        lengths = {(lazy, i): shortest + step * group for lazy, i, group in places}
        try:
            found = recorded(program, lengths, bool(places), n_selected)
            recordings.append(found)
        except Exception:  # such lengths do not go together
            return None
    if any_shrinks(*recordings[:3]):
        return None
    module, *others = [
        ModuleSource(program, recording, groups.values(), parameters)
        for recording in recordings[3:]
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
    n_selected: int | None = None,
) -> Recording:
    """The lines for data of these lengths, where axes are open, and for the leaves."""
    data = {leaf: plain(program._data_of(leaf)) for leaf in program.leaves}
    for lazy in program.lazies:
        shape, dtype = program.form(lazy)
        if shape is None:
            data[lazy] = dtype()
        else:
            axes = enumerate(lazy.shape)
            shape = [lengths[lazy, i] if n is None else n for i, n in axes]
            data[lazy] = example_of(shape, dtype)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the data are
        recording = Recording(
            program.roots, program.wrt, data, program.constants, n_selected
        )
    own = [x.shape[0] for x in recording.lines if has_own_shape(x) and x.shape]
    if has_open_axes or own and n_selected is not None:
        has_open_axes = True
        recording.open_lengths = frozenset([*lengths.values(), *own])
    simplify(recording, has_open_axes)
    return recording


def example_of(shape: Any, dtype: Any) -> Any:
    """Data that most functions take: matrices that have an inverse; integers are 0."""
    rng = np.random.default_rng(len(shape))
    if np.dtype(dtype).kind != "f":
        return np.zeros(shape, dtype)
    data = rng.normal(size=shape)
    if len(shape) > 1 and shape[-1] == shape[-2]:
        data = data + 10.0 * shape[-1] * np.eye(shape[-1])
    return data.astype(dtype)


def one_of_each(x: np.ndarray[Any, Any], lengths: frozenset[int]) -> Any:
    """The array, with one of equal slices along axes of these lengths."""
    for axis, n in enumerate(x.shape):
        first = x[(slice(None),) * axis + (slice(1),)]
        if n in lengths and np.broadcast_to(first, x.shape).tobytes() == x.tobytes():
            x = first
    return x


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
        self.pasted: dict[Function, dict[str, str]] = {}
        self.aliases: list[str] = []
        self.not_numpys: list[Line] = []
        for line in recording.lines:
            self.paste(line)
        self.seen: list[Line] = []
        self.parts: list[np.ndarray[Any, Any]] = []
        self.outside = {name for texts in self.pasted.values() for name in texts}
        super().__init__(recording, inputs, wrt, has_buffers=False)

    def paste(self, line: Line) -> None:
        """Take the text of what a line calls, if it is this package's."""
        function, arguments, options = plain_function(line.function)
        if line.is_opaque or line.function in WRITTEN or not is_top_level(function):
            return
        try:
            texts = texts_of(function)
        except NoText:
            return
        if {*texts} & {*OUTSIDE, *OWN, *OF_NUMPY} - {"math"}:
            return
        self.pasted[function] = texts
        line.function = function
        line.arguments = (*arguments, *line.arguments)
        line.options = {**options, **line.options}

    def function(self, line: Line) -> str:
        """The name of what a line calls, which stands in the module if it can."""
        if line.function not in self.pasted:
            if not is_numpys(line.function):
                self.not_numpys.append(line)
            return super().function(line)
        name = line.function.__name__
        if any(name == x.name for x in self.inputs.values()):  # an argument hides it
            known = ("pasted", name)
            if known not in self.known:
                self.known[known] = self.name_for(name)
                self.aliases.append(f"{self.known[known]} = {name}")
            return self.known[known]
        return name

    def checks_of_version(self) -> list[str]:
        """What says at import that NumPy is too old."""
        lines = []
        for name in sorted({*self.imports} & {*SINCE}):
            error = f'ImportError("{name}: expected NumPy {SINCE[name]} or later")'
            lines += [f'if not hasattr(numpy, "{name}"):', f"    raise {error}"]
        return ["import numpy", "", *lines, ""] if lines else []

    def pasted_texts(self) -> list[str]:
        """The definitions of what is called, libraries first."""
        texts: dict[str, str] = {}
        for function in self.pasted:
            texts.update(self.pasted[function])
        lines = [texts.pop(name) for name in sorted({*texts} & {*LIBRARIES})]
        lines += [""] if lines else []
        for text in texts.values():
            is_function = text.startswith("def ")
            lines += ["", *text.splitlines(), ""] if is_function else [text]
        return [*lines, *self.aliases, ""] if lines else []

    def far_constant(self, name: str, data: Any) -> str:
        """A long constant goes to the file beside the module."""
        self.arrays[name] = data
        return f'{name} = arrays["{name}"]'

    def statements(self, line: Line, out: str) -> list[str]:
        """The statements that a line is; later ones may refer to its shape."""
        texts = super().statements(line, out)
        self.seen.append(line)
        return texts

    def shape_in_words(self, shape: tuple[int, ...]) -> str:
        """The shape of an array above that has this one, of open axes; or ""."""
        if self.groups is None or self.recording.open_lengths.isdisjoint(shape):
            return ""
        for line in (*self.inputs.values(), *self.seen):
            if line.is_array and line.shape == shape:
                return f"{line.name}.shape"
        return ""

    def argument(self, x: Any, like: np.dtype[Any] | None = None) -> str:
        """An argument as text; a shape that may be another one, by name."""
        if type(x) is tuple and x and all(type(n) is int for n in x):
            return self.shape_in_words(x) or super().argument(x, like)
        return super().argument(x, like)

    def constant(self, data: Any) -> str:
        """The name of a constant; along open axes it is repeated."""
        shape = self.shape_in_words(np.shape(data))
        part = one_of_each(np.asarray(data), self.recording.open_lengths)
        if not shape or not self.recording.open_lengths.isdisjoint(part.shape):
            return super().constant(data)
        if part.size > 1:
            self.parts.append(part)  # they are known by their ids
            return f"{self.numpy('broadcast_to')}({self.constant(part)}, {shape})"
        number, dtype = self.argument(part.item()), self.argument(part.dtype)
        return f"{self.numpy('full')}({shape}, {number}, {dtype})"

    def check_of_shape(self, line: Line) -> list[str]:
        """None is needed where the text is the same for all lengths."""
        if self.groups is None:
            self.not_numpys.append(line)
        return []

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
        if self.not_numpys:
            raise NotAlone(x.node for x in self.not_numpys if x.node is not None)
        arguments, checks, about = self.given()
        # In the namespace of the module, where no name is a user's.
        own = [x for x in OF_NUMPY if x != "load" or self.arrays]
        imports = [*self.imports.items(), *zip(own, own)]
        what = "The results" if len(self.recording.results) > 1 else "The result"
        if self.wrt:
            what += f", and the gradients by {', '.join(self.wrt)}"
        return [
            *self.title(
                "NumPy code written by micrograd. It needs nothing else.",
                "This file is your own: use it as you like.",
            ),
            *self.checks_of_version(),
            *self.imports_of_python(*(["os"] if self.arrays else [])),
            *imported(imports),
            *(
                [*ARRAYS.splitlines(), *([] if self.setup else [""])]
                if self.arrays
                else []
            ),
            *self.pasted_texts(),
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
