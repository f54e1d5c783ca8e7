"""A function in C: statements in loops, as text.

A result that its own loop alone uses is a number there; one that its own row alone uses
is an array of that row. Large arrays are static.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy as np

from micrograd.program.c_names import LETTERS, Names
from micrograd.program.calls import lowering
from micrograd.program.elements import Elements, ctype, inner, literal
from micrograd.program.fuse import Loop, Node, Unit, fused, inlined
from micrograd.program.loops import (
    Array,
    Axis,
    Call,
    Expression,
    Index,
    Literal,
    Part,
    Place,
    Read,
    Refused,
    Statement,
)
from micrograd.program.lower import axes_for, indices
from micrograd.program.record import Line, cast

WIDTH = 88
STACK = 16 * 1024  # bytes of all local arrays, above which the large ones are static
SMALL = 1024  # bytes; smaller arrays stay on the stack


class NeedsMemory(Exception):
    """Something would be kept for all of an open axis, whose length is unknown."""


class Function:
    """A function, from the calls that it makes to its text.

    Attributes
    ----------
    low : the statements
    outputs : the arrays that are parameters, and written
    length_names : the names of the lengths of open axes
    lines : the text of its body
    n_static, n_stack : bytes of memory that it uses beside that of the arguments

    Parameters
    ----------
    inputs : the lines of the arguments, by the names that are wished for
    open_lengths : the lengths that stand for any other, and names that are wished for
    """

    def __init__(
        self,
        name: str,
        inputs: dict[str, Line],
        elements: Elements,
        open_lengths: dict[int, str] | None = None,
    ) -> None:
        self.name, self.inputs, self.elements = name, inputs, elements
        self.open_lengths = open_lengths or {}
        self.low = lowering(list(inputs.values()), self.open_lengths)
        self.outputs: list[Array] = []
        self.length_names: list[str] = []
        self.lines: list[str] = []
        self.origin: Any = None

    def output(self, line: Line, name: str, dtype: Any = None) -> Array:
        """Let a result be a parameter: the array that is computed, or a copy."""
        low = self.low
        low.line = line
        dtype = np.dtype(np.result_type(line.data) if dtype is None else dtype)
        array = low.arrays.get(line)
        if array is None or array.output or not line.shape or array.dtype != dtype:
            array = Array("local", line.shape, dtype, line)
            if not line.shape:
                low.line = None  # the comment stands where it is computed
            self.copy(line, array)
        array.output = name
        self.outputs.append(array)
        return array

    def copy(self, line: Line, array: Array) -> None:
        """Write a result to an array."""
        axes = axes_for(line.shape)
        value = self.low.at(line, indices(axes))
        if value.dtype != array.dtype:
            value = Call(cast, (value,), array.dtype, None)
        self.low.write(array, indices(axes), value, axes)

    def write(self, describe: Callable[[Line], str], named: Collection[Line]) -> None:
        """Write the body: `describe` says what a call is, `named` ones keep names."""
        self.describe = describe
        self.low.statements = needed(self.low.statements)
        self.name_arrays(named)
        self.nodes = fused(self.low.statements)
        self.place_arrays()
        self.block(self.nodes, (), {}, 1)

    # --- Names ---

    def name_arrays(self, named: Collection[Line]) -> None:
        """Names for arguments, constants, results, and what is between."""
        names = Names([*LETTERS, self.name])
        for wish, line in self.inputs.items():
            line.name = self.low.given[line].name = names.new(wish)
        self.length_names = [names.new(wish) for wish in self.open_lengths.values()]
        for array in self.outputs:
            array.name = names.new(array.output)
        for array in self.low.constants.values():
            array.name = names.new("table1")
        for statement in self.low.statements:
            array = statement.target
            own = array.line
            if array.name or own is None:
                continue
            is_named = own in named and self.low.arrays.get(own) is array
            if is_named and own.name not in ("", "inlined"):
                array.name = names.new(own.name)
        own_names = {x.target for x in self.low.statements if x.target.name}
        self.low.statements = inlined(self.low.statements, own_names)
        n = 0
        for statement in self.low.statements:
            if not statement.target.name:
                n += 1
                statement.target.name = names.new(f"u{n}")

    # --- Where arrays live ---

    def place_arrays(self) -> None:
        """For each array the loops around it, and the axes that it needs there."""
        self.paths: dict[Unit, tuple[Loop, ...]] = {}
        self.unit_of: dict[Statement, Unit] = {}
        self.visit(self.nodes, ())
        readers: dict[Array, list[Unit]] = defaultdict(list)
        for statement, unit in self.unit_of.items():
            for read in statement.reads():
                readers[read.array].append(unit)
        self.level: dict[Array, tuple[Loop, ...]] = {}
        self.kept: dict[Array, list[int]] = {}
        arrays = dict.fromkeys(x.target for x in self.low.statements)
        for array in arrays:
            writers = [writer for writer in array.writers if writer.how != "check"]
            paths = [self.done(writer) for writer in writers]
            paths += [self.paths[unit] for unit in readers[array]]
            level = () if array.output or not writers else shared(paths)
            self.level[array] = level
            writer = array.writers[-1]
            fixed = {self.dimension(writer, loop) for loop in level}
            self.kept[array] = [
                i
                for i, n in enumerate(array.shape)
                if array.output or writers and i not in fixed and n != 1
            ]
        self.static = self.static_arrays(arrays)
        for array in [*arrays, *self.low.given.values(), *self.low.constants.values()]:
            is_argument = array.output or array.kind == "given"
            kept = self.kept.get(array, range(len(array.shape)))
            lengths = [array.shape[i] for i in kept][1 if is_argument else 0 :]
            if not self.open_lengths.keys().isdisjoint(lengths):
                raise NeedsMemory

    def visit(self, nodes: Iterable[Node], path: tuple[Loop, ...]) -> None:
        """Find the loops around each unit."""
        for node in nodes:
            if isinstance(node, Loop):
                self.visit(node.body, (*path, node))
            else:
                self.paths[node] = path
                for statement in node.statements:
                    self.unit_of[statement] = node

    def dimension(self, writer: Statement, loop: Loop) -> int | None:
        """Which axis of its array a statement writes one by one in a loop."""
        return writer.dimension_of(loop.axis_of[self.unit_of[writer]])

    def done(self, writer: Statement) -> tuple[Loop, ...]:
        """The loops inside of which a statement's results are complete."""
        path = self.paths[self.unit_of[writer]]
        for i, loop in enumerate(path):
            if self.dimension(writer, loop) is None:
                return path[:i]
        return path

    def static_arrays(self, arrays: Iterable[Array]) -> set[Array]:
        """Those too large for the stack."""
        sizes = {x: self.size(x) for x in arrays if not x.output}
        self.n_stack, self.n_static = sum(sizes.values()), 0
        if self.n_stack <= STACK:
            return set()
        large = {x for x, size in sizes.items() if size > SMALL}
        self.n_static = sum(sizes[x] for x in large)
        self.n_stack -= self.n_static
        return large

    def size(self, array: Array) -> int:
        """The bytes of what an array keeps."""
        n = math.prod([array.shape[i] for i in self.kept[array]])
        return n * int(array.dtype.itemsize)

    def accumulates(self, array: Array) -> bool:
        """Whether each element is summed in a number before it goes to its place."""
        if array.start is None or not self.kept[array] or len(array.writers) > 1:
            return False
        (writer,) = array.writers
        done = self.done(writer)
        if len(done) == len(self.paths[self.unit_of[writer]]):  # no loop adds it up
            return False
        fixed = {self.dimension(writer, loop) for loop in done}
        rest = [i for i, n in enumerate(array.shape) if n != 1 and i not in fixed]
        return writer.how != "=" and not rest

    # --- Text of expressions ---

    def place(self, index: Index, names: dict[Axis, str]) -> str:
        """A place."""
        parts = [(factor, self.term(term, names)) for term, factor in index.terms]
        if index.start or not parts:
            parts.append((index.start, ""))
        parts.sort(key=lambda part: part[0] < 0)
        text = ""
        for factor, term in parts:
            if text:
                text += " - " if factor < 0 else " + "
                factor = abs(factor)
            if term and factor != 1:
                term = f"{factor} * {inner(term)}"
            text += term or f"{factor}"
        return text

    def term(self, term: Any, names: dict[Axis, str]) -> str:
        """A part of a place."""
        if isinstance(term, Axis):
            return names[term]
        if isinstance(term, Part):
            sign = "%" if term.is_rest else "/"
            return f"{inner(self.place(term.index, names))} {sign} {term.divisor}"
        return self.read(term.array, term.places, names)

    def read(
        self, array: Array, places: Sequence[Index], names: dict[Axis, str]
    ) -> str:
        """An element."""
        name = array.name
        if array.kind == "local":
            if not array.shape and array.output:
                return f"*{name}"
            places = [places[i] for i in self.kept[array]]
        elif not array.shape:
            return name if array.is_number or array.kind == "constant" else f"*{name}"
        return name + "".join(f"[{self.place(place, names)}]" for place in places)

    def expression(self, x: Expression, names: dict[Axis, str]) -> str:
        """An expression."""
        if isinstance(x, Read):
            return self.read(x.array, x.places, names)
        if isinstance(x, Literal):
            ctype(x.dtype)
            return literal(x.value, x.dtype)
        if isinstance(x, Place):
            return self.place(x.index, names)
        texts, dtypes = [], []
        for i, operand in enumerate(x.operands):
            like = x.like if x.function is not np.where or not i else x.dtype
            if isinstance(operand, Literal) and like is not None:
                operand = Literal(operand.value, like)
            texts.append(self.expression(operand, names))
            dtypes.append(operand.dtype)
        ctype(x.dtype)
        text = self.elements.text(x.function, texts, dtypes, x.dtype, x.like)
        if text is None:
            raise Refused(f"{x.function.__name__} of {dtypes[0]}")
        return text

    # --- Statements ---

    def emit(self, text: str, depth: int) -> None:
        """A line of text; long ones go on in the next."""
        indent = "    " * depth
        if len(indent + text) <= WIDTH or not text:
            self.lines.append(indent + text if text else "")
            return
        self.lines += textwrap.wrap(
            text,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=f"{indent}    ",
            break_long_words=False,
            break_on_hyphens=False,
        )

    def comment(self, statement: Statement, depth: int) -> None:
        """What an operator does, before its first statement."""
        line = statement.line
        if statement.how == "check" and statement.failure > 0:
            given = self.low.given.values()
            number = statement.failure - 1 - len(self.open_lengths)
            name = [array.name for array in given][number]
            if self.origin != name:
                self.paragraph(depth)
                self.emit(f"/* the range of {name} */", depth)
                self.origin = name
            return
        if line is None or line.node is None or line.kind != "call":
            return
        if self.origin == origin_of(statement):
            return
        self.origin = origin_of(statement)
        text = self.describe(line)
        self.paragraph(depth)
        self.emit(f"/* {text} */", depth)

    def paragraph(self, depth: int) -> None:
        """An empty line, unless something begins here."""
        if self.lines and self.lines[-1] and not self.lines[-1].endswith("{"):
            self.emit("", depth)

    def block(
        self,
        nodes: Sequence[Node],
        path: tuple[Loop, ...],
        names: dict[Axis, str],
        depth: int,
    ) -> None:
        """Loops and statements, in order."""
        declared = self.declared_before(nodes, path)
        titles = titles_of(nodes) if depth < 3 else {}
        for node in nodes:
            statements = list(statements_in([node]))
            self.low.line = statements[0].line
            if id(node) in titles:
                self.paragraph(depth)
                self.emit(f"/* --- {titles[id(node)]} --- */", depth)
            if len({origin_of(x) for x in statements}) == 1:
                self.comment(statements[0], depth)
            elif depth == 1 and any(x.start is not None for x in declared[id(node)]):
                self.paragraph(depth)
                self.emit("/* sums of the loop below */", depth)
            for array in declared[id(node)]:
                self.declaration(array, names, depth)
            if isinstance(node, Loop):
                self.loop(node, path, names, depth)
            else:
                for statement in node.statements:
                    self.low.line = statement.line
                    self.comment(statement, depth)
                    self.statement(statement, path, names, depth)

    def declared_before(
        self, nodes: Sequence[Node], path: tuple[Loop, ...]
    ) -> dict[int, list[Array]]:
        """The arrays to declare, or to fill, before each node."""
        found: dict[int, list[Array]] = defaultdict(list)
        seen: set[Array] = set()
        for node in nodes:
            for statement in statements_in([node]):
                array = statement.target
                if (
                    array not in seen
                    and statement.how != "check"
                    and self.level[array] == path
                ):
                    seen.add(array)
                    found[id(node)].append(array)
        return found

    def is_inline(self, array: Array) -> bool:
        """Whether an array is one number, declared where it is computed."""
        return not self.kept[array] and array.start is None and not array.output

    def declaration(self, array: Array, names: dict[Axis, str], depth: int) -> None:
        """The declaration of a local array; what it is before the first statement."""
        if self.is_inline(array):
            return
        lengths = [array.shape[i] for i in self.kept[array]]
        start, kind = array.start, ctype(array.dtype)
        zero = start is not None and not start.value
        if not array.output:
            text = f"{kind} {array.name}" + "".join(f"[{max(n, 1)}]" for n in lengths)
            if array in self.static:
                text = f"static {text}"
            elif start is not None and not lengths:
                text += f" = {literal(start.value, array.dtype)}"
            elif zero and not self.accumulates(array):
                text += " = {0}"
            self.emit(f"{text};", depth)
            if zero and array not in self.static or not lengths:
                return
        if start is None or self.accumulates(array):
            return
        for i, (letter, n) in enumerate(zip(free_letters(names), lengths)):
            self.emit(f"for (int {letter} = 0; {letter} < {n}; {letter}++)", depth + i)
        keys = "".join(f"[{letter}]" for letter, _ in zip(free_letters(names), lengths))
        target = f"{array.name}{keys}" if lengths else f"*{array.name}"
        number = literal(start.value, array.dtype)
        self.emit(f"{target} = {number};", depth + len(lengths))

    def loop(
        self, loop: Loop, path: tuple[Loop, ...], names: dict[Axis, str], depth: int
    ) -> None:
        """A loop, and the sums that it adds up."""
        sums = self.sums_of(loop, path)
        for array in sums:
            start: Any = array.start  # which a sum has
            number = literal(start.value, array.dtype)
            self.emit(f"{ctype(array.dtype)} {self.sum_name(array)} = {number};", depth)
        has_inner = any(isinstance(node, Loop) for node in loop.body)
        wishes = "i" if depth == 1 else "k" if has_inner else "j"
        letter = next(
            c for c in [*wishes, *free_letters(names)] if c not in names.values()
        )
        inner_names = {**names, **{axis: letter for axis in loop.axis_of.values()}}
        head = f"for (int {letter} = 0; {letter} < {loop.length}; {letter}++)"
        self.emit(f"{head} {{", depth)
        start = len(self.lines)
        self.block(loop.body, (*path, loop), inner_names, depth + 1)
        body = self.lines[start:]
        if len(body) == 1 and not re.match(r" *(const|static) |.*\*/$", body[0]):
            self.lines[start - 1] = self.lines[start - 1][:-2]
        else:
            self.emit("}", depth)
        for array in sums:
            (writer,) = array.writers
            target = self.read(array, writer.places, names)
            self.emit(f"{target} = {self.sum_name(array)};", depth)

    def sums_of(self, loop: Loop, path: tuple[Loop, ...]) -> list[Array]:
        """The arrays whose elements are numbers while this loop adds them up."""
        found = dict.fromkeys(x.target for x in statements_in([loop]))
        return [
            array
            for array in found
            if self.accumulates(array) and self.done(array.writers[0]) == path
        ]

    def sum_name(self, array: Array) -> str:
        """The name of the number in which an element is added up."""
        return f"{array.name}_sum"

    def statement(
        self,
        statement: Statement,
        path: tuple[Loop, ...],
        names: dict[Axis, str],
        depth: int,
    ) -> None:
        """A statement."""
        array, how = statement.target, statement.how
        text = self.expression(statement.value, names)
        if how == "check":
            self.emit(f"if ({text})", depth)
            self.emit(f"return {statement.failure};", depth + 1)
            return
        if self.accumulates(array):
            target = self.sum_name(array)
        else:
            target = self.read(array, statement.places, names)
        if how == "=":
            kind = ctype(array.dtype)
            begin = f"const {kind} " if self.is_inline(array) else ""
            self.emit(f"{begin}{target} = {text};", depth)
            return
        self.emit(self.combined(how, target, text, array.dtype), depth)

    def combined(self, how: str, target: str, text: str, dtype: np.dtype[Any]) -> str:
        """A statement that adds to a sum, or what else combines values."""
        if how in "+*" and dtype.kind == "f":
            return f"{target} {how}= {text};"
        functions = {"+": np.add, "*": np.multiply, "max": np.maximum}
        functions |= {"min": np.minimum, "and": np.logical_and, "or": np.logical_or}
        both = [dtype, dtype]
        other = self.elements.text(functions[how], [target, text], both, dtype, dtype)
        if how in ("max", "min"):
            sign = ">" if how == "max" else "<"
            x = inner(text)
            is_nan = f" || isnan({text})" if dtype.kind == "f" else ""
            return f"{target} = {x} {sign} {target}{is_nan} ? {x} : {target};"
        return f"{target} = {other};"

    # --- The whole function ---

    def arguments(self) -> list[Array]:
        """The arrays that are arguments, in order."""
        given = [x for x in self.low.given.values() if x.kind == "given"]
        return [*given, *self.outputs]

    def tables(self) -> list[Array]:
        """The constants that it reads, and the arguments that have become some."""
        read = {x.array for y in self.low.statements for x in y.reads()}
        tables = [array for array in self.low.constants.values() if array in read]
        return tables + [x for x in self.low.given.values() if x.kind == "constant"]

    def text(self) -> list[str]:
        """The text of the function."""
        parameters = [f"int {name}" for name in self.length_names]
        for array in self.arguments():
            begin = "const " if array.kind == "given" else ""
            parameters.append(declared(array, begin, self.open_lengths))
        code = re.sub(r"/\*.*?\*/", "", "\n".join(self.lines), flags=re.DOTALL)
        words = set(re.findall(r"\w+", code))
        given = [array for array in self.arguments() if array.kind == "given"]
        first = [f"    (void){x.name};" for x in given if x.name not in words]
        for i, name in enumerate(self.length_names, 1):
            first += [f"    if ({name} < 1)", f"        return {i};", ""]
        return function_text(self.name, parameters, [*first, *self.lines])


def function_text(
    name: str, parameters: Sequence[str], lines: Sequence[str]
) -> list[str]:
    """A function that returns 0 after its lines."""
    declared = ",\n".join(f"    {text}" for text in parameters)
    head = f"int {name}(\n{declared})" if parameters else f"int {name}(void)"
    return [head, "{", *lines, "", "    return 0;", "}"]


def needed(statements: Sequence[Statement]) -> list[Statement]:
    """The statements that write what is read, or checks."""
    kept: list[Statement] = []
    read: set[Array] = set()
    for statement in reversed(statements):
        is_read = statement.target in read or statement.target.output
        if is_read or statement.how == "check":
            kept.append(statement)
            read.update(x.array for x in statement.reads())
    return kept[::-1]


def origin_of(statement: Statement) -> Any:
    """The operator that a statement comes from, and in which direction."""
    line = statement.line
    if statement.how == "check":
        return statement.failure
    return None if line is None else (id(line.node), line.is_backward)


def titles_of(nodes: Sequence[Node]) -> dict[int, str]:
    """Before which of these the forward and the backward direction begin.

    None, if they alternate, or if there is one alone.
    """
    titles: dict[int, str] = {}
    last = None
    for node in nodes:
        found = {
            x.line.is_backward for x in statements_in([node]) if x.line is not None
        }
        if len(found) > 1:
            return {}
        for is_backward in found:
            if is_backward is not last:
                if is_backward is False and last is not None:
                    return {}
                titles[id(node)] = "backward" if is_backward else "forward"
                last = is_backward
    return titles if len(titles) == 2 else {}


def statements_in(nodes: Iterable[Node]) -> Iterable[Statement]:
    """The statements of loops, in order."""
    for node in nodes:
        if isinstance(node, Loop):
            yield from statements_in(node.body)
        else:
            yield from node.statements


def shared(paths: Sequence[tuple[Loop, ...]]) -> tuple[Loop, ...]:
    """The outer loops that all have."""
    first = paths[0]
    for i, loop in enumerate(first):
        if any(len(path) <= i or path[i] is not loop for path in paths):
            return first[:i]
    return first


def free_letters(names: dict[Axis, str]) -> list[str]:
    """The letters for loops that are not in use."""
    return [c for c in LETTERS[1:] if c not in names.values()]


def declared(
    array: Array,
    begin: str,
    open_lengths: Collection[int] = (),
    is_moved: bool = False,
) -> str:
    """An argument as C declares it; a number that is moved is passed by its place."""
    kind = f"{begin}{ctype(array.dtype)}"
    if array.is_number and not is_moved:
        return f"{ctype(array.dtype)} {array.name}"
    if not array.shape:
        return f"{kind} *restrict {array.name}"
    first, *rest = (max(n, 1) for n in array.shape)
    length = f"restrict {first}" if first not in open_lengths else "restrict"
    return f"{kind} {array.name}[{length}]" + "".join(f"[{n}]" for n in rest)
