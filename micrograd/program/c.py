"""C: a program as one file of C99 that needs nothing but the standard library.

`Program.save` comes here for a name that ends in .c. The calls of a recording are
lowered to statements (`lower`), which share loops (`fuse`) and are printed as a
function (`c_function`). `training_step` adds another, which moves the parameters.
"""

from __future__ import annotations

import os
import re
import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from micrograd.arrays import dtype_of_gradient
from micrograd.checkpoint import Path, replace, target_of
from micrograd.graph import node_of
from micrograd.names import printable
from micrograd.program.c_function import WIDTH, Function, NeedsMemory
from micrograd.program.c_names import GLOBAL_NAMES, OF_MATH, spelled
from micrograd.program.elements import Elements, ctype, literal
from micrograd.program.every_length import LENGTHS, of_every_length
from micrograd.program.loops import Array, Refused
from micrograd.program.module import any_shrinks, recorded
from micrograd.program.record import Line, Recording
from micrograd.program.source import Source
from micrograd.program.training_step import TrainingStep
from micrograd.rules import located

if TYPE_CHECKING:
    from micrograd.engine import Value
    from micrograd.optim import Optimiser
    from micrograd.program.program import Program


class Options(NamedTuple):
    """What `Program.save` is asked for."""

    path: str
    parameters: bool
    optimiser: Optimiser | None
    max_norm: float | None


def save(
    program: Program,
    path: Path,
    parameters: bool,
    optimiser: Optimiser | None,
    max_norm: float | None,
) -> None:
    """Write a program to a file of C, as `Program.save` says."""
    target, _ = target_of(path)
    if parameters and optimiser is not None:
        raise ValueError(
            "parameters: expected False with an optimiser, which moves them: they are "
            "arguments then"
        )
    if max_norm is not None and optimiser is None:
        raise ValueError("max_norm: expected an optimiser, too")
    options = Options(os.fsdecode(path), parameters, optimiser, max_norm)
    text = for_every_length(program, options)
    if text is None:
        text = for_last_lengths(program, options)
    replace({target: lambda file: file.write(text.encode())})


def for_last_lengths(program: Program, options: Options) -> str:
    """The text for the lengths of the last call."""
    lengths = {}
    for lazy in program.lazies:
        shape, _ = program.form(lazy)
        if None in (shape or ()):
            raise ValueError(
                f"{lazy.name} of shape {lazy.shape} has not been fed, and the program "
                "needs memory for all of it: C is written for the lengths of the last "
                "call, so call the program once"
            )
        lengths.update({(lazy, i): n for i, n in enumerate(shape or ())})
    return CSource(program, of_lengths(program, lengths), options, {}).text


def for_every_length(program: Program, options: Options) -> str | None:
    """The text for all lengths of the open axes, if it needs no memory for them."""
    groups: dict[Any, int] = {}
    places = []
    for lazy in program.lazies:
        shape, _ = program.form(lazy)
        for i, n in enumerate(lazy.shape):
            if n is None:
                group = groups.setdefault(shape[i], len(groups))
                places.append((lazy, i, group))
    if not places or len(groups) > len(LENGTHS):
        return None
    by_group = [*zip(*[LENGTHS[group] for group in groups.values()])]
    try:
        shortest, *recordings = [
            of_lengths(program, {(x, i): lengths[group] for x, i, group in places})
            for lengths in ((1,) * len(groups), *by_group)
        ]
    except Exception:  # such lengths do not fit together
        return None
    if any_shrinks(shortest, *recordings[:2]):
        return None
    try:
        sources = [
            CSource(program, recording, options, dict(zip(lengths, "nmkl")))
            for recording, lengths in zip(recordings, by_group)
        ]
    except NeedsMemory:
        return None
    names = dict(zip(sources[0].function.length_names, groups.values()))
    return of_every_length([source.text for source in sources], names)


def of_lengths(program: Program, lengths: dict[tuple[Value, int], int]) -> Recording:
    """The calls for open axes of these lengths."""
    return recorded(program, lengths, has_open_axes=True)  # in which sums stay sums


class CSource:
    """A program as text in C, for given lengths.

    Attributes
    ----------
    text : the file
    function : what computes the results and gradients
    """

    def __init__(
        self,
        program: Program,
        recording: Recording,
        options: Options,
        open_lengths: dict[int, str],
    ) -> None:
        path = options.path
        leaves = (*program.lazies, *program.leaves)
        inputs = {program.names[x]: recording.given[x] for x in leaves}
        self.program, self.recording, self.path = program, recording, path
        self.wrt = [program.names[x] for x in program.wrt]
        self.python = Source(recording, inputs, self.wrt, has_buffers=False)
        name = spelled(os.path.splitext(os.path.basename(path))[0])
        name = f"{name}_" if name in GLOBAL_NAMES else name
        self.elements = Elements()
        function = Function(name, inputs, self.elements, open_lengths)
        self.function = function
        try:
            function.low.run(recording.lines)
            if options.parameters:
                for line, array in [*function.low.given.items()][len(program.lazies) :]:
                    array.kind, array.data = "constant", np.asarray(line.data)
            self.add_outputs()
            named = {*recording.values.values(), *recording.by.values()}
            function.write(self.described, named)
            function.low.line = None
            self.step = self.training_step(options)
            self.text = self.whole()
        except Refused as error:
            raise self.refusal(error) from None

    def training_step(self, options: Options) -> TrainingStep | None:
        """The function that makes a training step, if an optimiser is given."""
        if options.optimiser is None:
            return None
        program, low = self.program, self.function.low
        leaves = (*program.lazies, *program.leaves)
        given = {x: low.given[self.recording.given[x]] for x in leaves}
        optimiser, max_norm = options.optimiser, options.max_norm
        return TrainingStep(program, self.function, given, optimiser, max_norm)

    def refusal(self, error: Refused) -> Exception:
        """The error about what has no C: the operator, its shapes, and its place."""
        message = ValueError(f"{error} cannot be written as C")
        line = self.function.low.line
        node = line.node if line is not None else None
        if node is None:
            return message
        shapes, place = self.recording.shapes[node], node_of(node).call_site
        return located(message, node.op, shapes, place)

    def add_outputs(self) -> None:
        """Let results and gradients be written to parameters."""
        recording, function = self.recording, self.function
        several = len(recording.results) > 1
        for i, line in enumerate(recording.results, 1):
            function.output(line, f"result_{i}" if several else "result")
        pairs = zip(self.wrt, recording.gradients, recording.wrt_data)
        for name, line, data in pairs:
            dtype = dtype_of_gradient(np.result_type(data))
            function.output(line, f"grad_{name}", dtype)

    def described(self, line: Line) -> str:
        """What an operator does, for a comment."""
        text = self.python.origin(line.node, line.is_backward)  # type: ignore[arg-type]
        return in_comment(text)

    def whole(self) -> str:
        """The text of the file."""
        parts = [x for array in self.function.tables() for x in (*table(array), "")]
        body = self.function.text()
        if self.step is not None:
            body += ["", *self.step.text()]
        helpers = [text[1:] for _, text in sorted(self.elements.helpers.items())]
        code = "\n".join([*parts, *[f"{text}\n" for text in helpers], *body])
        includes = []
        if re.search(MATH, code):
            includes.append("#include <math.h>")
        if re.search(r"\b(bool|true|false)\b", code):
            includes.append("#include <stdbool.h>")
        if re.search(r"\bu?int\d+_t\b|INT\d+_", code):
            includes.append("#include <stdint.h>")
        fast = ["#ifdef __FAST_MATH__", '#error "compile it without -ffast-math"']
        head = [*self.about(), *fast, "#endif", "", *includes, *[""] * bool(includes)]
        return "\n".join([*head, code]) + "\n"

    def about(self) -> list[str]:
        """The comment at the top: what it computes, of what, and how to compile it."""
        file = in_comment(os.path.basename(self.path))
        several = len(self.recording.results) > 1
        what = "the results" if several else "the result"
        if self.wrt:
            what += (
                f" and the gradients of the {'first result' if several else 'result'} "
                f"(of the sum of its elements, if it has several) with respect to "
                f"{', '.join(self.wrt)}"
            )
        paragraphs = [
            f"{file}: C99 written by micrograd. The file is yours: use it as you like.",
            f"{self.function.name}() computes {what}. {self.about_failure()}",
        ]
        arrays = self.function.arguments()
        width = max([len(array.name) for array in arrays], default=0)
        rows = [
            f"  {name:<{width}}  int: length of open axes, from 1 on"
            for name in self.function.length_names
        ]
        rows += [
            f"  {array.name:<{width}}  {self.form(array)}: {self.role(array)}"
            for array in arrays
        ]
        if self.step is not None:
            paragraphs.append(self.step.about())
            rows += [
                f"  {array.name:<{width}}  {self.form(array)}: of {self.step.name}(), "
                "behind the parameters"
                for array in self.step.state
            ]
        later = [
            "v1, v2, ... are the results of operators, u1, u2, ... are steps towards "
            "them."
            + " by_v1 is the derivative of the first result with respect to v1."
            * bool(self.wrt),
            f"To compile: cc -std=c99 -O2 -ffp-contract=off -c {file}, and link with "
            "-lm.",
            self.about_memory(),
        ]
        lines = [line for text in paragraphs for line in [*wrapped(text), ""]]
        lines += [
            "Arguments; one that is written may not overlap another:",
            "",
            *rows,
            "",
        ]
        lines += [line for text in later for line in [*wrapped(text), ""]]
        first, *others = lines[:-1]
        return [
            f"/* {first}",
            *[f"   {line}".rstrip() for line in others],
            "*/",
            "",
        ]

    def form(self, array: Array) -> str:
        """The dtype and shape of an argument."""
        dtype = "bool" if array.dtype.kind == "b" else array.dtype.name
        return dtype if array.is_number else f"{dtype} {array.shape}"

    def role(self, array: Array) -> str:
        """What an argument is."""
        if array.kind == "given":
            index = [*self.function.low.given.values()].index(array)
            return "input" if index < len(self.program.lazies) else "parameter"
        if array.output == "result":
            return "result, which is written"
        is_result = array.output.startswith("result_")
        return f"{'result' if is_result else 'gradient'}, which is written"

    def about_failure(self) -> str:
        """What the function returns."""
        failures = {x.failure for x in self.function.low.statements if x.how == "check"}
        if not failures and not self.function.length_names:
            return "It returns 0."
        what = (
            "a length below 1"
            if self.function.length_names
            else "an index out of range"
        )
        if failures and self.function.length_names:
            what += " or an index out of range"
        text = (
            "It returns 0; or the number of the argument, counted from 1, that has "
            f"{what}"
        )
        if -1 in failures:
            text += ", -1 if a computed index is"
        return f"{text}. Then the outputs are not set."

    def about_memory(self) -> str:
        """What it needs beside its arguments."""
        n_static, n_stack = self.function.n_static, self.function.n_stack
        if self.step is not None and self.step.is_static:
            n_static += self.step.n_bytes
        elif self.step is not None:
            n_stack += self.step.n_bytes
        text = (
            f"Memory beside the arguments: {n_static} bytes static, about {n_stack} "
            "bytes of stack, no heap."
        )
        if n_static:
            text += " One call at a time may use the static memory."
        return text


MATH = (
    r"\b("
    + "|".join([*OF_MATH, *(name + "f" for name in OF_MATH)])
    + r"|isnan|isinf|isfinite|signbit)\(|\b(NAN|INFINITY)\b"
)


def wrapped(text: str) -> list[str]:
    """A paragraph in lines that fit into the comment."""
    return textwrap.wrap(
        text, WIDTH - 3, break_long_words=False, break_on_hyphens=False
    )


def in_comment(text: str) -> str:
    """A text that does not end the comment in which it stands."""
    return printable(text).replace("*/", "* /")


def table(array: Array) -> list[str]:
    """The definition of an array that is known."""
    kind, data = ctype(array.dtype), array.data
    lengths = "".join(f"[{max(n, 1)}]" for n in data.shape)
    begin = f"static const {kind} {array.name}{lengths} = "
    if not data.size:
        return [f"{begin}{{0}};"]
    if not data.shape:
        return [f"{begin}{literal(data[()], array.dtype)};"]
    first, *others = in_braces(data, len(begin) + 1)
    return (
        [f"{begin}{first}", *others[:-1], f"{others[-1]};"]
        if others
        else [f"{begin}{first};"]
    )


def in_braces(data: Any, used: int = 0) -> list[str]:
    """The elements of an array, in lines that fit: a row a line, if it fits."""
    text = braces(data)
    if len(text) + used <= WIDTH:
        return [text]
    if data.ndim == 1:
        rows = textwrap.wrap(text[1:-1], WIDTH - 16, break_on_hyphens=False)
    else:
        rows = []
        for i, row in enumerate(data):
            *lines, last = in_braces(row, 16)
            rows += [*lines, last + "," * (i < len(data) - 1)]
    return ["{", *[f"    {row}" for row in rows], "}"]


def braces(data: Any) -> str:
    """The elements of an array in braces."""
    if data.ndim == 0:
        return literal(data[()], data.dtype)
    return "{" + ", ".join(map(braces, data)) + "}"
