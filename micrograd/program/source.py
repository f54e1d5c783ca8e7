"""Source: the lines of a program, written as Python that a person can read."""

from __future__ import annotations

import builtins
import keyword
import operator
import textwrap
from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from micrograd.arrays import as_float, as_number, dtype_of_gradient
from micrograd.engine import Constant, Value
from micrograd.graph import node_of
from micrograd.interface.call_sites import CallSite
from micrograd.names import identifier, printable
from micrograd.program.memory import Memory, can_be_written, source_of
from micrograd.program.record import (
    Line,
    Recording,
    all_bits,
    cast,
    data_in,
    has_own_shape,
    kept_bits,
)
from micrograd.rules import Function, placed_at

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
    np.equal: "{} == {}",
    np.not_equal: "{} != {}",
}
# On these scalars alone; on floats, it may raise.
OF_SCALARS: dict[Function, str] = {np.divide: "{} / {}"}
COMPARISONS = {np.less, np.less_equal, np.greater, np.greater_equal}
COMPARISONS |= {np.equal, np.not_equal}
# On floats alone: Python's own, but for where it would raise and NumPy does not.
OF_FLOATS: dict[Function, str] = {
    np.divide: "{0} / {1} if {1} else {float}({numpy}({0}, {1}))",
    # Of 0.0 and -0.0, NumPy takes either one, as the processor does.
    np.maximum: "{0} if {0} > {1} else {1} if {1} > {0} else "
    "{float}({numpy}({0}, {1}))",
    np.minimum: "{0} if {0} < {1} else {1} if {1} < {0} else "
    "{float}({numpy}({0}, {1}))",
    np.where: "{1} if {0} else {2}",
    np.isnan: "{0} != {0}",
    np.abs: "{abs}({0})",
    np.tanh: "{math}.tanh({0})",
    np.exp: "{math}.exp({0}) if {0} < 709.0 else {float}({numpy}({0}))",
    np.log: "{math}.log({0}) if {0} > 0.0 else {float}({numpy}({0}))",
    np.log1p: "{math}.log1p({0}) if {0} > -1.0 else {float}({numpy}({0}))",
    np.sqrt: "{math}.sqrt({0}) if {0} >= 0.0 else {float}({numpy}({0}))",
    np.sin: "{math}.sin({0}) if {0} - {0} == 0.0 else {float}({numpy}({0}))",
    np.cos: "{math}.cos({0}) if {0} - {0} == 0.0 else {float}({numpy}({0}))",
}
SHORT = 20  # elements of a constant that is written out
# Written behind their first operand, as `x.T`.
METHODS = {operator.getitem, np.transpose, np.reshape, np.swapaxes, cast}
METHODS |= {as_float, as_number, operator.pow}
INLINE = {operator.getitem, np.transpose}  # if used once
SYMBOLS = {"+", "-", "*", "/", "**", "@", "<", "<=", ">", ">=", "==", "!="}
NUMERALS = {0.0: "zero", 1.0: "one", 2.0: "two", 0.5: "half"}
# Names of Python's, and of the text's own, that stand in its function.
OWN = "abs bool float given int math slice ValueError".split()
# And those that stand outside of it, where an argument may have the same name.
OUTSIDE = "all arrays dict filter hasattr ImportError len numpy os saved_arrays".split()
OUTSIDE += "step str TypeError zip".split()
INLINED = "(inlined)"  # in place of a name
LARGE = 2**16  # bytes; an array of its own of this size is let go as soon as possible


class Source:
    """A program's text, and what the text needs to run.

    Attributes
    ----------
    outside : names of its own that stand outside of the function
    text : a module with the function `step(*inputs)`, which returns a tuple of results
        and a tuple of gradients
    constants : arrays, by the names that they have in the text
    functions : what is called whole, likewise
    opaque : the lines that call what may do anything, by the name that they call
    nodes : for each line of the text, by its number, the operator that it comes from,
        the shapes of its operands and its place
    """

    outside: Iterable[str] = ()

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
        self.nodes: dict[int, tuple[str, list[Any], CallSite]] = {}
        self.imports: dict[str, str] = {}  # NumPy's names, and what they are here
        self.n_buffers = 0
        self.inlined: dict[Line, str] = {}
        self.users = {x: node for node in recording.values for x in node.parents}
        self.served: dict[Line, list[str]] = {}  # other gradients that a line is
        self.setup: list[str] = []  # buffers and small constants
        self.known: dict[Any, str] = {}  # the names of these
        self.taken = {*keyword.kwlist}
        for name, line in self.inputs.items():  # the user's, before all others
            line.name = self.name_for(name)
        self.taken.update(OUTSIDE, self.outside)
        self.own = {name: self.name_for(name) for name in OWN}
        self.is_mathematical = False
        self.name_lines()
        self.text = self.written()

    # --- Names ---

    def name_for(self, wish: str) -> str:
        """The name that is wished for, or one like it: all names come from here."""
        name = wish = identifier(wish)
        n = 1
        while name in self.taken or name[:2] == name[-2:] == "__":  # Python's own
            n += 1
            name = f"{wish}_{n}"
        self.taken.add(name)
        return name

    def name_lines(self) -> None:
        """Names for operators' results, gradients, and what is between."""
        recording = self.recording
        for line in recording.lines:
            line.name = ""
        results = set(recording.values.values())
        self.name_in_order("v", [x for x in recording.lines if x in results])
        self.name_gradients()
        uses = Counter([*recording.results, *recording.gradients])
        for line in recording.lines:
            uses.update(line.operands())
        for line in recording.lines:
            is_short = line.function in INLINE and not has_own_shape(line)
            if is_short and uses[line] == 1 and line not in results:
                line.name = INLINED
        self.name_in_order("u", [x for x in recording.lines if not x.name])

    def name_in_order(self, letter: str, lines: list[Line]) -> None:
        """Names of a letter and a number, as v1, v2, ..."""
        for i, line in enumerate(lines, 1):
            line.name = self.name_for(f"{letter}{i}")

    def name_gradients(self) -> None:
        """Names after what they are the gradients by, as by_v1."""
        recording = self.recording
        gradients = dict(zip(recording.gradients, self.wrt))
        for node, line in recording.by.items():  # the last value first
            value = recording.values.get(node)
            if value is not None and value.name:
                self.served.setdefault(line, []).append(f"by_{value.name}")
        for line in recording.lines:
            if line.name:
                continue
            if line in gradients:
                line.name = self.name_for(f"by_{gradients[line]}")
            elif line in self.served:
                line.name = self.name_for(self.served[line].pop(0))

    def numpy(self, name: str) -> str:
        """A name of NumPy's, which the text imports, as another one if it is taken."""
        first, dot, rest = name.partition(".")
        if first not in self.imports:
            self.imports[first] = self.name_for(first)
        return f"{self.imports[first]}{dot}{rest}"

    # --- Arguments ---

    def argument(self, x: Any, like: np.dtype[Any] | None = None) -> str:
        """An argument as text; numbers as arrays of that dtype, which are faster."""
        if isinstance(x, Line):
            if x in self.inlined:
                return self.inlined[x]
            if x.name:
                return x.name
            is_like = like is not None and isinstance(x.data, np.generic)
            if is_like and x.data.dtype == like:  # float64 is equal to None
                x = x.data.item()
            elif isinstance(x.data, (np.ndarray, np.generic)):
                return self.constant(x.data)
            else:
                x = x.data
        if like is not None and type(x) in (int, float):
            fits = type(x) is int and -128 <= x < 128  # also into 8 bits
            if like.kind == "f" or like.kind == "i" and fits:
                return self.constant(np.array(x, like))
        if isinstance(x, float) and not np.isfinite(x):
            text = "nan" if x != x else "inf"
            return f"-{self.numpy(text)}" if x < 0 else self.numpy(text)
        if isinstance(x, (tuple, list)):
            parts = ", ".join(map(self.argument, x))
            if isinstance(x, list):
                return f"[{parts}]"
            return f"({parts},)" if len(x) == 1 else f"({parts})"
        if isinstance(x, np.dtype) or isinstance(x, type) and issubclass(x, np.generic):
            return self.numpy(dtype_name(np.dtype(x)))
        if isinstance(x, slice):
            bounds = ", ".join(map(self.argument, (x.start, x.stop, x.step)))
            return f"{self.own['slice']}({bounds})"
        if isinstance(x, np.longdouble):  # which has no literal
            return f"{self.numpy(dtype_name(x.dtype))}({str(x)!r})"
        return literal(x)

    def key(self, keys: Any) -> str:
        """What stands in brackets."""
        if isinstance(keys, tuple) and keys:
            return ", ".join(map(self.key, keys))
        if isinstance(keys, slice):
            start, stop, step = (
                "" if x is None else self.argument(x)
                for x in (keys.start, keys.stop, keys.step)
            )
            return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
        return self.argument(keys)

    def constant(self, data: Any) -> str:
        """The name of a constant, which is written out if that is short."""
        array = np.asarray(data)
        key: Any = id(data)
        if array.ndim == 0:
            key = (type(data), array.dtype, array.tobytes())
        if key not in self.known:
            wish = f"c{len(self.known)}"
            if array.ndim == 0 and not np.signbit(array):
                wish = NUMERALS.get(array.item(), wish)
            elif array.ndim and np.all(array == 1):
                wish = "ones"
            name = self.known[key] = self.name_for(wish)
            self.setup.append(self.definition(name, data, array))
        return self.known[key]

    def definition(self, name: str, data: Any, array: np.ndarray[Any, Any]) -> str:
        """The statement that makes a constant."""
        if isinstance(data, np.generic):
            number = self.argument(array.item())
            return f"{name} = {self.argument(array.dtype)}({number})"
        is_default = array.dtype.name == "float64"
        dtype = "" if is_default else f", {self.argument(array.dtype)}"
        is_short = array.size <= SHORT
        first = array.ravel()[:1].tobytes()  # which tells 0.0 from -0.0
        if array.size > 1 and array.tobytes() == first * array.size:
            form = f"{array.shape}, {self.argument(array.flat[0].item())}"
            return f"{name} = {self.numpy('full')}({form}{dtype})"
        if is_short and array.size or array.ndim == 0:
            text = self.argument(array.tolist())
            return f"{name} = {self.numpy('array')}({text}{dtype})"
        return self.far_constant(name, data)

    def far_constant(self, name: str, data: Any) -> str:
        """What stands for a constant that is too long to write."""
        self.constants[name] = data
        return f"# {name} is a constant: {data.shape} {data.dtype}"

    def function(self, line: Line) -> str:
        """The name of what a line calls."""
        name = name_of(line.function)
        if is_numpys(line.function):
            return self.numpy(name)
        key = (line.function,)
        if key not in self.known:
            if line.node is not None and (line.is_opaque or name == "function"):
                by = "_derivative" if line.is_backward else ""
                name = f"{line.node.op}{by}"
                name = name if name[:1].isidentifier() else f"function_{name}"
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
            if first == name:
                call = f"{self.numpy('empty')}({self.form(buffer.shape, buffer.dtype)})"
            else:  # another array in the same memory
                dtype = self.numpy(dtype_name(buffer.dtype))
                call = f"{self.numpy('ndarray')}({buffer.shape}, {dtype}, {first})"
            self.setup.append(f"{name} = {call}")
        return self.known[buffer]

    def form(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
        """The arguments of `empty`; float64 goes without saying."""
        is_default = dtype.name == "float64"
        return f"{shape}" if is_default else f"{shape}, {self.numpy(dtype_name(dtype))}"

    # --- Lines ---

    def expression(self, line: Line, out: str) -> str:
        """What a line computes, as text."""
        text = self.method(line) if line.function in METHODS else None
        if text is not None:
            return text
        if line.is_number and not line.is_opaque:
            text = self.of_numbers(line)
        elif isinstance(line.data, np.generic):  # of scalars, or arrays without axes
            text = self.of_scalars(line)
        if text is None:
            arguments = self.arguments(line, line.arguments)
            arguments += f", out={out}" if out else ""
            text = f"{self.function(line)}({arguments})"
        return text

    def method(self, line: Line) -> str | None:
        """What one writes behind its first operand, as `x.T`; None if that is none."""
        function, arguments = line.function, line.arguments
        x = self.argument(arguments[0])
        if function is operator.getitem:
            keys = arguments[1]
            if isinstance(keys, tuple) and len(keys) == 2 and line.data.ndim == 2:
                if keys[0] is ... and keys[1] is None:
                    keys = (slice(None), None)  # as one writes it for a vector
            return f"{x}[{self.key(keys)}]"
        is_array = isinstance(arguments[0], Line) and arguments[0].is_array
        if function is cast:
            dtype = self.argument(arguments[1])
            return f"{x}.astype({dtype})" if is_array else f"{dtype}({x})"
        if function is operator.pow:
            base = f"({x})" if x.startswith("-") else x
            return f"{base} ** {self.argument(arguments[1])}"
        if function is as_number:
            is_float = type(arguments[0].data) is np.float64
            return f"{self.own['float']}({x})" if is_float else f"{x}.item()"
        if function is as_float:
            return f"{self.own['float']}({x})"
        if not is_array:
            return None
        if function is np.transpose:
            axes = arguments[1] if len(arguments) > 1 else None
            return f"{x}.T" if axes is None else f"{x}.transpose({self.argument(axes)})"
        return f"{x}.{function.__name__}({self.arguments(line, arguments[1:])})"

    def of_numbers(self, line: Line) -> str:
        """Python's own arithmetic on numbers, where its result is NumPy's."""
        function, operands = line.function, line.operands()
        if all(map(is_pythons, operands)) and not line.options:
            # Of booleans of NumPy's, + is "or"; and NumPy compares integers as floats.
            has_float = not {float, bool}.isdisjoint(type(x.data) for x in operands)
            is_same = has_float and (function not in COMPARISONS or is_of_floats(line))
            if function in INFIX and is_same:
                return INFIX[function].format(*map(self.argument, line.arguments))
            if function in OF_FLOATS and is_of_floats(line):
                template = OF_FLOATS[function]
                texts = [self.argument(as_floating(x)) for x in line.arguments]
                is_numpys = "{numpy}" in template
                name = self.numpy(name_of(function)) if is_numpys else ""
                self.is_mathematical |= "{math}" in template
                return template.format(*texts, numpy=name, **self.own)
        text = f"{self.function(line)}({self.arguments(line, line.arguments)})"
        is_scalar = isinstance(function, np.ufunc) or function is np.where
        return f"{text}.item()" if is_scalar else text

    def of_scalars(self, line: Line) -> str | None:
        """What operators do faster than functions; None if there is none.

        On integers, operators warn of an overflow, and functions do not.
        """
        infix = {**INFIX, **OF_SCALARS}.get(line.function)
        kinds = {x.data.dtype.kind for x in line.operands() if not x.is_number}
        if not infix or line.options or kinds != {"f"}:
            return None
        return infix.format(*map(self.argument, line.arguments))

    def arguments(self, line: Line, arguments: tuple[Any, ...]) -> str:
        """The arguments of a call, with its options."""
        like = None
        if isinstance(line.function, np.ufunc):
            # Not of arrays without axes, which NumPy 1 takes for numbers.
            arrays = [x.data for x in line.operands() if x.is_array and x.name]
            dtypes = {array.dtype for array in arrays if array.ndim}
            if len(dtypes) == 1 and line.data.dtype in (*dtypes, np.dtype(bool)):
                (like,) = dtypes
        texts = [self.argument(x, like) for x in arguments]
        if not is_numpys(line.function):  # it may tell NumPy's booleans from Python's
            for i, x in enumerate(arguments):
                if isinstance(x, Line) and type(x.data) is np.bool_:
                    texts[i] = f"{self.numpy('bool_')}({texts[i]})"
        is_of_numpy = is_numpys(line.function)  # whose flags are False by default
        texts += [
            f"{k}={self.argument(v)}"
            for k, v in line.options.items()
            if v is not False or not is_of_numpy
        ]
        return ", ".join(texts)

    def statements(self, line: Line, out: str) -> list[str]:
        """The statements that a line is."""
        name = line.name
        if line.function is all_bits:
            mask, dtype = map(self.argument, line.arguments)
            text = f"{self.numpy('negative')}({mask}.view({self.numpy('int8')})"
            text += f", out={out}" if out else ""
            return [f"{name} = {text}, dtype={dtype})"]
        if line.function is kept_bits:
            x, bits = line.arguments
            integer = self.argument(bits.data.dtype)
            text = f"{self.numpy('bitwise_and')}({self.argument(x)}.view({integer}), "
            text += self.argument(bits)
            if out:
                return [f"{text}, out={out}.view({integer}))", f"{name} = {out}"]
            return [f"{name} = {text}).view({self.argument(line.data.dtype)})"]
        if line.function is not placed_at:
            return [f"{name} = {self.expression(line, out)}"]
        values, shape, *keys = line.arguments
        if out:
            first = [f"{name} = {out}", f"{name}.fill(0)"]
        else:
            if isinstance(shape, Line):  # that of an array; a number has none
                form = f"{self.argument(shape)}.shape" if shape.is_array else "()"
            else:
                form = self.argument(shape)
            form = f"{form}, {self.argument(line.data.dtype)}"
            first = [f"{name} = {self.numpy('zeros')}({form})"]
        if not any(np.ndim(data_in(key)) for key in keys):
            return [*first, f"{name}[{self.key((*keys,))}] = {self.argument(values)}"]
        at = f"{name}, {self.argument((*keys,))}, {self.argument(values)}"
        return [*first, f"{self.numpy('add')}.at({at})"]

    def gradient_buffers(self) -> dict[Line, str]:
        """Where gradients are written to, at once if their function can."""
        targets: dict[Line, str] = {}
        recording = self.recording
        for name, line, data in zip(self.wrt, recording.gradients, recording.wrt_data):
            if type(data) is not np.ndarray or not self.has_buffers:
                continue
            self.known["gradient", name] = buffer = self.name_for(f"grad_{name}")
            form = self.form(data.shape, dtype_of_gradient(data.dtype))
            self.setup.append(f"{buffer} = {self.numpy('empty')}({form})")
            if source_of(line) is line and line not in self.memory.escaping:
                if can_be_written(line, 0):
                    targets[line] = buffer
        return targets

    def written(self) -> str:
        """The whole text."""
        targets = self.gradient_buffers()
        body = [*self.body(targets), ("", None)]
        body += [(text, None) for text in self.returned(targets)]
        texts = self.head()
        for text, node in body:
            texts.append(f"    {text}" if text else "")
            if node is not None:
                self.nodes[len(texts)] = (
                    node.op,
                    self.recording.shapes[node],
                    node_of(node).call_site,
                )
        return "\n".join(texts)

    def head(self) -> list[str]:
        """What stands above the statements of the function."""
        forms = [f"{x.name} {x.shape}" for x in self.inputs.values()]
        arguments = ", ".join(line.name for line in self.inputs.values())
        return [
            *self.title("NumPy code written by micrograd.", f"For {', '.join(forms)}."),
            *self.imports_of_python(),
            *imported(self.imports.items()),
            *([*self.setup, ""] if self.setup else []),
            "",
            *wrapped("def step(", arguments, "):"),
        ]

    def imports_of_python(self, *names: str) -> list[str]:
        """What is imported that is not NumPy's; Python's names that are others here."""
        names = ("math", *names) if self.is_mathematical else names
        lines = [f"import {x}{as_other(x, self.own.get(x, x))}" for x in names]
        others = [x for x in OWN if self.own[x] != x and hasattr(builtins, x)]
        lines += [f"from builtins import {x} as {self.own[x]}" for x in others]
        return [*lines, ""] if lines else []

    def title(self, *about: str) -> list[str]:
        """What the text is, and how its names are to be read."""
        names = (
            "v1, v2, ... are the operators' results, u1, u2, ... steps towards them."
        )
        if self.wrt:
            names += " by_v1 is the derivative of the first result with respect to v1."
        if any(f"grad_{name}" in self.taken for name in self.wrt):
            names += " The next call overwrites the gradient arrays."
        first, *others = *about, names
        return [
            f'"""{first}',
            "",
            *[line for text in others for line in textwrap.wrap(text, 84)],
            '"""',
            "",
        ]

    def body(self, targets: dict[Line, str]) -> list[tuple[str, Value | None]]:
        """The statements of all lines, and the operators that they come from."""
        body: list[tuple[str, Value | None]] = []
        node, is_backward = None, None
        let_go = self.memory.let_go(LARGE) if self.has_buffers else {}
        for line in self.recording.lines:
            if line.name == INLINED:
                self.inlined[line] = self.expression(line, "")
                continue
            if line.is_backward is not is_backward:
                is_backward, node = line.is_backward, None
                title = "backward" if is_backward else "forward"
                body += [("", None), (f"# --- {title} ---", None)]
            if line.node is not node and line.node is not None:
                node = line.node
                comment = printable(self.origin(node, is_backward))
                body += [("", None), (f"# {comment}", None)]
            indent = ""
            if line.errors:
                states = ", ".join(f"{k}={v!r}" for k, v in line.errors.items())
                body.append((f"with {self.numpy('errstate')}({states}):", node))
                indent = "    "
            out = targets.get(line) or self.buffer(line)
            *first, last = self.statements(line, out)
            body += [(indent + text, node) for text in first]
            body.append((f"{indent}{last}{self.comment(line)}", node))
            if line.is_array and (line.is_opaque or has_own_shape(line)):
                body += [(text, node) for text in self.check_of_shape(line)]
            if line in let_go:
                names = ", ".join(x.name for x in let_go[line] if x.name != INLINED)
                body.append((f"del {names}", node))
        return body

    def comment(self, line: Line) -> str:
        """The shape of a result, and which other gradients it is."""
        shape = [f"{line.shape}"] if line.is_array else []
        others = self.served.get(line, [])
        same = [f"also {', '.join(others)}"] if others else []
        return f"  # {'; '.join(shape + same)}" if shape or same else ""

    def check_of_shape(self, line: Line) -> list[str]:
        """What raises if a shape that depends on data is another one now."""
        if OtherShape not in self.known:
            self.known[OtherShape] = self.name_for("OtherShape")
        error = self.known[OtherShape]
        self.functions[error] = OtherShape
        return [
            f"if {line.name}.shape != {line.shape}:",
            f"    raise {error}({line.name}.shape, {line.shape})",
        ]

    def returned(self, targets: dict[Line, str]) -> list[str]:
        """The last lines: results, which are new, and gradients."""
        recording = self.recording
        copies, results, gradients = [], [], []
        seen: set[Line] = set()
        for line in recording.results:
            text, source = self.argument(line), source_of(line)
            is_own = source.kind == "call" and is_numpys(source.function)
            if line.is_array and (source in seen or not is_own):
                text = f"{text}.copy()"
            if type(line.data) is np.bool_ and line.kind == "call":
                text = f"{self.numpy('bool_')}({text})"
            seen.add(source)
            results.append(text)
        for name, line, data in zip(self.wrt, recording.gradients, recording.wrt_data):
            text = self.argument(line)
            buffer = self.known.get(("gradient", name))
            if buffer and targets.get(line) != buffer:
                copies.append(f"{buffer}[...] = {text}")
                text = buffer
            elif type(data) is np.ndarray and not buffer:
                source = source_of(line)
                is_own = source is line and line.kind == "call" and line.is_array
                if not is_own or line in seen:
                    text = f"{self.numpy('array')}({text})"
                seen.add(line)
            gradients.append(text)
        text = f"({', '.join(results)})" if len(results) > 1 else results[0]
        if not self.wrt:
            return [*copies, f"return {text}"]
        comma = "," if len(gradients) == 1 else ""
        gradient_texts = ", ".join(gradients) + comma
        return [*copies, *wrapped(f"return {text}, (", gradient_texts, ")")]

    def origin(self, node: Value, is_backward: bool | None) -> str:
        """What an operator does, as one would write it."""
        named = self.recording.values
        while is_backward and not named[node].name and node in self.users:
            node = self.users[node]  # whose formula has this operator in it
        text = self.formula(node, depth=3)
        name = self.recording.values[node].name
        text = f"{name} = {text}" if name else text
        return f"back through {text}" if is_backward else text

    def formula(self, node: Value, depth: int) -> str:
        """An operator and its operands; those without a name as formulas, too."""
        given = node_of(node).operands
        is_symbol = node.op in SYMBOLS and len(given) == 2
        operands = [self.operand(x, depth, is_symbol) for x in given]
        if is_symbol:
            return f"{operands[0]} {node.op} {operands[1]}"
        if node.op == "[]":
            return f"{operands[0]}[{', '.join(operands[1:])}]"
        return f"{node.op}({', '.join(operands)})"

    def operand(self, x: Value | Constant, depth: int, is_symbol: bool) -> str:
        """An operand in a formula."""
        if isinstance(x, Constant) and isinstance(x.data, slice):
            return self.key(x.data)
        if isinstance(x, Constant):
            return f"{x.data}" if np.ndim(x.data) == 0 else f"array{np.shape(x.data)}"
        line = self.recording.given.get(x) or self.recording.values[x]
        if line.name:
            return line.name
        if not depth or not x.op:
            return f"array{line.shape}"
        text = self.formula(x, depth - 1)
        return f"({text})" if is_symbol and x.op in SYMBOLS else text


def as_other(name: str, other: str) -> str:
    """What is added to an import if the name is another one here."""
    return "" if name == other else f" as {other}"


def imported(names: Iterable[tuple[str, str]]) -> list[str]:
    """The statement that imports from NumPy, each name as what it is in the text."""
    text = ", ".join([f"{x}{as_other(x, other)}" for x, other in sorted({*names})])
    if len(text) <= 70:
        return [f"from numpy import {text}", ""] if text else []
    return [*wrapped("from numpy import (", f"{text},", ")"), ""]


def wrapped(start: str, text: str, end: str) -> list[str]:
    """A statement in lines that fit on a screen."""
    if len(f"{start}{text}{end}") <= 84:
        return [f"{start}{text}{end}"]
    lines = textwrap.wrap(text, 80, break_long_words=False, break_on_hyphens=False)
    return [start, *[f"    {line}" for line in lines], end]


def literal(x: Any) -> str:
    """A parameter as text, whatever its class prints.

    >>> from enum import IntEnum
    >>> literal(IntEnum("Axis", "X Y").Y), literal("a"), literal(None)
    ('2', "'a'", 'None')
    """
    if x is None or x is Ellipsis:
        return "None" if x is None else "..."
    kind: Any
    for kind in (bool, float, str):
        if isinstance(x, kind):
            return str(kind.__repr__(x))
    return repr(int(operator.index(x)))


def dtype_name(dtype: np.dtype[Any]) -> str:
    """The name that each NumPy has for it; not all have its own bool."""
    return "bool_" if dtype.kind == "b" else dtype.name


def as_floating(x: Any) -> Any:
    """An integer as a float, and all else as it is."""
    return float(x) if type(x) is int else x


class OtherShape(Exception):
    """A result has another shape than when it was recorded."""


def is_pythons(line: Line) -> bool:
    """Whether it is a number or boolean of Python's when the program runs."""
    if type(line.data) is np.bool_:
        return isinstance(line.function, np.ufunc) and line.kind == "call"
    return type(line.data) in (float, int, bool)


def is_of_floats(line: Line) -> bool:
    """Whether the operands are floats, but for the condition of `where`."""
    for x in line.arguments[line.function is np.where :]:
        if type(x.data if isinstance(x, Line) else as_floating(x)) is not float:
            return False
    return True


def name_of(function: Function) -> str:
    """How NumPy calls it, as `add.reduce` or `linalg.inv`; or how it may be called."""
    ufunc = getattr(function, "__self__", None)
    if isinstance(ufunc, np.ufunc):
        return f"{ufunc.__name__}.{function.__name__}"
    while isinstance(function, partial):
        function = function.func
    name = str(getattr(function, "__name__", "function"))
    if getattr(np.linalg, name, None) is function:
        return f"linalg.{name}"
    return name if name.isidentifier() else "function"


def is_numpys(function: Function) -> bool:
    """Whether the function is found in NumPy under its name."""
    found: Any = np
    for name in name_of(function).split("."):
        found = getattr(found, name, None)
    return bool(found == function)
