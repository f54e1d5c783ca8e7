"""Source: the lines of a program, written as Python that a person can read."""

from __future__ import annotations

import keyword
import operator
from collections import Counter
from functools import partial
from typing import Any

import numpy as np

from micrograd.engine import Constant, Value
from micrograd.program.memory import Memory, can_be_written, source_of
from micrograd.program.record import Line, Recording, added, as_float, cast, placed
from micrograd.rules import Function

# On floats and on NumPy's scalars, Python's operators are NumPy's, and faster.
INFIX: dict[Function, str] = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.negative: "-{}",
    np.less: "{} < {}",
    np.less_equal: "{} <= {}",
    np.greater: "{} > {}",
    np.greater_equal: "{} >= {}",
}
# On floats alone: Python's own, but for where it would raise and NumPy does not.
OF_FLOATS: dict[Function, str] = {
    np.divide: "{0} / {1} if {1} else float({numpy}({0}, {1}))",
    np.maximum: "{0} if {0} >= {1} or {0} != {0} else {1}",
    np.minimum: "{0} if {0} <= {1} or {0} != {0} else {1}",
    np.where: "{1} if {0} else {2}",
    np.isnan: "{0} != {0}",
    np.abs: "abs({0})",
    np.tanh: "math.tanh({0})",
    np.exp: "math.exp({0}) if {0} < 709.0 else float({numpy}({0}))",
    np.log: "math.log({0}) if {0} > 0.0 else float({numpy}({0}))",
    np.log1p: "math.log1p({0}) if {0} > -1.0 else float({numpy}({0}))",
    np.sqrt: "math.sqrt({0}) if {0} >= 0.0 else float({numpy}({0}))",
    np.sin: "math.sin({0}) if {0} - {0} == 0.0 else float({numpy}({0}))",
    np.cos: "math.cos({0}) if {0} - {0} == 0.0 else float({numpy}({0}))",
}
INLINE = {operator.getitem, np.transpose}  # if used once
SYMBOLS = {"+", "-", "*", "/", "**", "@", "<", "<=", ">", ">="}
NUMERALS = {0.0: "zero", 1.0: "one", 2.0: "two", 0.5: "half"}
LARGE = 2**16  # bytes; an array of its own of this size is let go as soon as possible


class Source:
    """A program's text, and what the text needs to run.

    Attributes
    ----------
    text : a module with the function `step(*inputs)`, which returns a tuple of results
        and a tuple of gradients
    constants : arrays, by the names that they have in the text
    functions : what is called whole, likewise
    opaque : the lines that call what may do anything, by the name that they call
    nodes : for each line of the text, by its number, the operator that it comes from
        and the shapes of its operands
    """

    def __init__(
        self,
        recording: Recording,
        inputs: dict[str, Line],
        wrt: list[str],
        has_buffers: bool = True,
    ) -> None:
        self.recording, self.inputs, self.wrt = recording, inputs, wrt
        self.memory = Memory(recording)
        self.has_buffers = has_buffers
        self.constants: dict[str, Any] = {}
        self.functions: dict[str, Function] = {}
        self.opaque: dict[str, list[Line]] = {}
        self.nodes: dict[int, tuple[str, list[Any]]] = {}
        self.imports: set[str] = set()
        self.n_buffers = 0
        self.inlined: dict[Line, str] = {}
        self.setup: list[str] = []  # buffers and small constants
        self.known: dict[Any, str] = {}  # the names of these
        self.taken = {"step", "math", "float", "abs", *keyword.kwlist}
        self.taken |= {name_of(line.function) for line in recording.lines}
        self.taken |= {"array", "copyto", "empty", "errstate", "inf", "nan", "ndarray"}
        self.name_lines()
        self.text = self.written()

    # --- Names ---

    def name_for(self, wish: str) -> str:
        """The name that is wished for, or one like it."""
        name, n = wish, 1
        while name in self.taken:
            n += 1
            name = f"{wish}_{n}"
        self.taken.add(name)
        return name

    def name_lines(self) -> None:
        """Names for inputs, operators' results, gradients, and what is between."""
        recording = self.recording
        for line in (*recording.lines, *self.inputs.values()):
            line.name = ""
        for name, line in self.inputs.items():
            line.name = self.name_for(name)
        results = {line: node for node, line in recording.values.items()}
        gradients = dict(zip(recording.gradients, self.wrt))
        count = 0
        for line in recording.lines:
            if line in results and not line.is_backward:
                count += 1
                line.name = self.name_for(f"v{count}")
        by = {line: recording.values.get(x) for x, line in recording.by.items()}
        for line in recording.lines:
            value = by.get(line)
            if line.name:
                continue
            if line in gradients:
                line.name = self.name_for(f"by_{gradients[line]}")
            elif value is not None and value.name:
                line.name = self.name_for(f"by_{value.name}")
        uses = Counter([*recording.results, *recording.gradients])
        for line in recording.lines:
            uses.update(line.operands())
        count = 0
        for line in recording.lines:
            if line.function in INLINE and uses[line] == 1 and line not in results:
                line.name = "inlined"
            if not line.name:
                count += 1
                line.name = self.name_for(f"u{count}")

    def numpy(self, name: str) -> str:
        """A name of NumPy's, which the text imports."""
        self.imports.add(name.partition(".")[0])
        return name

    # --- Arguments ---

    def argument(self, x: Any, like: np.dtype[Any] | None = None) -> str:
        """An argument as text; numbers as arrays of that dtype, which are faster."""
        if isinstance(x, Line):
            if x in self.inlined:
                return self.inlined[x]
            if x.name:
                return x.name
            if isinstance(x.data, np.generic) and x.data.dtype == like:
                x = x.data.item()
            elif isinstance(x.data, (np.ndarray, np.generic)):
                return self.constant(x.data)
            else:
                x = x.data
        if like is not None and type(x) in (int, float):
            number = np.array(x, like) if like.kind in "fi" else None
            if number is not None and (number == x or x != x):
                return self.constant(number)
        if isinstance(x, float) and not np.isfinite(x):
            text = "nan" if x != x else "inf"
            return f"-{self.numpy(text)}" if x < 0 else self.numpy(text)
        if isinstance(x, (tuple, list)):
            parts = ", ".join(map(self.argument, x))
            if isinstance(x, list):
                return f"[{parts}]"
            return f"({parts},)" if len(x) == 1 else f"({parts})"
        if isinstance(x, np.dtype) or isinstance(x, type) and issubclass(x, np.generic):
            return self.numpy(np.dtype(x).name)
        if isinstance(x, slice):
            bounds = ", ".join(map(self.argument, (x.start, x.stop, x.step)))
            return f"slice({bounds})"
        return "..." if x is Ellipsis else repr(x)

    def key(self, keys: Any) -> str:
        """What stands in brackets."""
        if isinstance(keys, tuple) and keys:
            comma = "," if len(keys) == 1 else ""
            return ", ".join(map(self.key, keys)) + comma
        if isinstance(keys, slice):
            start, stop, step = (
                "" if x is None else self.argument(x)
                for x in (keys.start, keys.stop, keys.step)
            )
            return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
        return self.argument(keys)

    def constant(self, data: Any) -> str:
        """The name of a constant; a small one is written out."""
        array = np.asarray(data)
        key: Any = id(data)
        if array.ndim == 0:
            key = (type(data), array.dtype, array.tobytes())
        if key not in self.known:
            wish = NUMERALS.get(array.item(), "c1") if array.ndim == 0 else "c1"
            name = self.known[key] = self.name_for(wish)
            if array.ndim == 0:
                kind = f"{array.dtype}" if isinstance(data, np.generic) else "array"
                text = f"{self.numpy(kind)}({self.argument(array.item())}"
                is_default = array.dtype in (float, int) or kind != "array"
                dtype = "" if is_default else f", {self.numpy(array.dtype.name)}"
                self.setup.append(f"{name} = {text}{dtype})")
            else:
                self.constants[name] = data
                form = f"{array.shape} {array.dtype}"
                self.setup.append(f"# {name} is a constant: {form}")
        return self.known[key]

    def function(self, line: Line) -> str:
        """The name of what a line calls."""
        name = name_of(line.function)
        if is_numpys(line.function):
            return self.numpy(name)
        key = (line.function,)
        if key not in self.known:
            self.known[key] = self.name_for(name)
            self.functions[self.known[key]] = line.function
        if line.is_opaque:
            self.opaque.setdefault(self.known[key], []).append(line)
        return self.known[key]

    def buffer(self, line: Line) -> str:
        """The name of the buffer that a line is written to, or ""."""
        if not self.has_buffers or line not in self.memory.buffers:
            return ""
        buffer = self.memory.buffers[line]
        if buffer not in self.known:
            self.n_buffers += 1
            name = self.known[buffer] = self.name_for(f"t{self.n_buffers}")
            first = self.known.setdefault(("slot", buffer.slot), name)
            memory = self.numpy("empty" if first == name else "ndarray")
            form = self.form(buffer.shape, buffer.dtype, first == name)
            place = "" if first == name else f", {first}"
            self.setup.append(f"{name} = {memory}({form}{place})")
        return self.known[buffer]

    def form(self, shape: tuple[int, ...], dtype: np.dtype[Any], short: bool) -> str:
        """The arguments of `empty`; float64 goes without saying."""
        is_default = short and dtype.name == "float64"
        return f"{shape}" if is_default else f"{shape}, {self.numpy(dtype.name)}"

    # --- Lines ---

    def expression(self, line: Line, out: str) -> str:
        """What a line computes, as text."""
        function, arguments = line.function, line.arguments
        x = self.argument(arguments[0]) if arguments else ""
        if function is operator.getitem:
            return f"{x}[{self.key(arguments[1])}]"
        if function is np.transpose:
            axes = arguments[1] if len(arguments) > 1 else None
            return f"{x}.T" if axes is None else f"{x}.transpose({self.argument(axes)})"
        is_method = isinstance(arguments[0], Line) and arguments[0].is_array
        if function in (np.reshape, np.swapaxes) and is_method:
            return f"{x}.{function.__name__}({self.arguments(line, arguments[1:])})"
        if function is cast:
            dtype = self.argument(arguments[1])
            return f"{x}.astype({dtype})" if is_method else f"{dtype}({x})"
        if function is as_float:
            return f"float({x}.sum())" if is_method else f"float({x})"
        operands = line.operands()
        if line.is_number and not line.is_opaque:
            texts = [self.argument(a) for a in arguments]
            if all(type(a.data) in (float, bool, np.bool_) for a in operands):
                if function in INFIX:
                    return INFIX[function].format(*texts)
                if function in OF_FLOATS:
                    template = OF_FLOATS[function]
                    name = (
                        self.numpy(name_of(function)) if "{numpy}" in template else ""
                    )
                    return template.format(*texts, numpy=name)
            call = f"{self.function(line)}({self.arguments(line, arguments)})"
            return f"{call}.item()"
        if isinstance(line.data, np.generic) and not any(a.is_array for a in operands):
            infix = "{} / {}" if function is np.divide else INFIX.get(function)
            if infix and any(isinstance(a.data, np.generic) for a in operands):
                return infix.format(*map(self.argument, arguments))
        text = self.arguments(line, arguments)
        text += f", out={out}" if out else ""
        return f"{self.function(line)}({text})"

    def arguments(self, line: Line, arguments: tuple[Any, ...]) -> str:
        """The arguments of a call, with its options."""
        like = None
        if isinstance(line.function, np.ufunc):
            dtypes = {x.data.dtype for x in line.operands() if x.is_array and x.name}
            like = dtypes.pop() if len(dtypes) == 1 else None
        texts = [self.argument(x, like) for x in arguments]
        texts += [
            f"{k}={self.argument(v)}" for k, v in line.options.items() if v is not False
        ]
        return ", ".join(texts)

    def statements(self, line: Line, out: str) -> list[str]:
        """The statements that a line is."""
        name = line.name
        if line.function not in (placed, added):
            return [f"{name} = {self.expression(line, out)}"]
        shape, dtype, keys, values = line.arguments
        if out:
            first = [f"{name} = {out}", f"{name}.fill(0)"]
        else:
            form = f"{self.argument(shape)}, {self.argument(dtype)}"
            first = [f"{name} = {self.numpy('zeros')}({form})"]
        if line.function is placed:
            return [*first, f"{name}[{self.key(keys)}] = {self.argument(values)}"]
        at = f"{name}, {self.argument(keys)}, {self.argument(values)}"
        return [*first, f"{self.numpy('add')}.at({at})"]

    def gradient_buffers(self) -> dict[Line, str]:
        """Where gradients are written to, at once if their function can."""
        targets: dict[Line, str] = {}
        recording = self.recording
        for name, line, data in zip(self.wrt, recording.gradients, recording.wrt_data):
            if type(data) is not np.ndarray or not self.has_buffers:
                continue
            self.known["gradient", name] = buffer = self.name_for(f"grad_{name}")
            dtype = data.dtype.type if data.dtype.kind == "f" else np.float64
            form = self.form(data.shape, np.dtype(dtype), True)
            self.setup.append(f"{buffer} = {self.numpy('empty')}({form})")
            is_own = line.kind == "call" and source_of(line) is line
            if is_own and line not in targets and line not in self.recording.results:
                if line not in self.memory.escaping and can_be_written(line, 0):
                    targets[line] = buffer
        return targets

    def written(self) -> str:
        """The whole text."""
        targets = self.gradient_buffers()
        body: list[tuple[str, Value | None]] = []
        node, is_backward = None, None
        let_go = self.memory.let_go(LARGE) if self.has_buffers else {}
        for line in self.recording.lines:
            if line.name == "inlined":
                self.inlined[line] = self.expression(line, "")
                continue
            if line.is_backward is not is_backward:
                is_backward, node = line.is_backward, None
                title = "backward" if is_backward else "forward"
                body += [("", None), (f"# --- {title} ---", None)]
            if line.node is not node and line.node is not None:
                node = line.node
                body += [("", None), (f"# {self.origin(node, is_backward)}", None)]
            indent = ""
            if line.errors:
                states = ", ".join(f"{k}={v!r}" for k, v in line.errors.items())
                body.append((f"with {self.numpy('errstate')}({states}):", node))
                indent = "    "
            out = targets.get(line) or self.buffer(line)
            *first, last = self.statements(line, out)
            comment = f"  # {line.shape}" if line.is_array else ""
            body += [(indent + text, node) for text in first]
            body.append((f"{indent}{last}{comment}", node))
            if line in let_go:
                names = ", ".join(x.name for x in let_go[line] if x.name != "inlined")
                body.append((f"del {names}", node))
        body.append(("", None))
        body += [(text, None) for text in self.returned(targets)]
        head = ['"""NumPy code written by micrograd."""', ""]
        is_mathematical = any("math." in text for text, _ in body)
        head += ["import math", ""] if is_mathematical else []
        names = ", ".join(sorted(self.imports))
        head += [f"from numpy import {names}", ""] if names else []
        head += [*self.setup, ""] if self.setup else []
        head += [
            "",
            f"def step({', '.join(line.name for line in self.inputs.values())}):",
        ]
        for text, origin in body:
            head.append(f"    {text}" if text else "")
            if origin is not None:
                self.nodes[len(head)] = (origin.op, self.recording.shapes[origin])
        return "\n".join(head) + "\n"

    def returned(self, targets: dict[Line, str]) -> list[str]:
        """The last lines: results, which are new, and gradients."""
        recording = self.recording
        copies, results, gradients = [], [], []
        for line in recording.results:
            text = self.argument(line)
            if line.is_array and source_of(line).kind != "call":
                text = f"{text}.copy()"
            if type(line.data) is np.bool_ and line.kind == "call":
                text = f"{self.numpy('bool_')}({text})"
            results.append(text)
        seen: set[Line] = set()
        for name, line, data in zip(self.wrt, recording.gradients, recording.wrt_data):
            text = self.argument(line)
            buffer = self.known.get(("gradient", name))
            if buffer and targets.get(line) != buffer:
                copies.append(f"{self.numpy('copyto')}({buffer}, {text})")
                text = buffer
            elif type(data) is np.ndarray and not buffer:
                is_own = source_of(line) is line and line.kind == "call"
                is_own = is_own and line not in seen and line not in recording.results
                text = text if is_own else f"{text}.copy()"
            seen.add(line)
            gradients.append(text)
        tuples = [
            f"({', '.join(texts)}{',' * (len(texts) == 1)})"
            for texts in (results, gradients)
        ]
        return [*copies, f"return {', '.join(tuples)}"]

    def origin(self, node: Value, is_backward: bool | None) -> str:
        """What an operator does, as one would write it."""
        text = self.formula(node, depth=3)
        name = self.recording.values[node].name
        text = f"{name} = {text}" if name else text
        return f"back through {text}" if is_backward else text

    def formula(self, node: Value, depth: int) -> str:
        """An operator and its operands; those without a name as formulas, too."""
        operands = [self.operand(x, depth) for x in node._operands]
        if node.op in SYMBOLS and len(operands) == 2:
            return f"{operands[0]} {node.op} {operands[1]}"
        return f"{node.op}({', '.join(operands)})"

    def operand(self, x: Value | Constant, depth: int) -> str:
        """An operand in a formula."""
        if isinstance(x, Constant):
            return f"{x.data}" if np.ndim(x.data) == 0 else f"array{np.shape(x.data)}"
        line = self.recording.given.get(x) or self.recording.values[x]
        if line.name:
            return line.name
        if not depth or not x._rule:
            return f"array{line.shape}"
        text = self.formula(x, depth - 1)
        return f"({text})" if x.op in SYMBOLS else text


def name_of(function: Function) -> str:
    """How NumPy calls a function, as `add.reduce`; or how it may be called."""
    ufunc = getattr(function, "__self__", None)
    if isinstance(ufunc, np.ufunc):
        return f"{ufunc.__name__}.{function.__name__}"
    while isinstance(function, partial):
        function = function.func
    name = getattr(function, "__name__", "function")
    if getattr(np.linalg, name, None) is function:
        return f"linalg.{name}"
    return name if name.isidentifier() else "function"


def is_numpys(function: Function) -> bool:
    """Whether the function is found in NumPy under its name."""
    found: Any = np
    for name in name_of(function).split("."):
        found = getattr(found, name, None)
    return bool(found == function)
