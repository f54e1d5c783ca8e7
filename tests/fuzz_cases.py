"""Expressions as text: leaves and steps, as lines to run, and made smaller."""

import contextlib
import functools
import re
import warnings
from typing import Any, NamedTuple

import numpy as np
import testing

from micrograd import Value

HEADER = """\
import numpy as np
from numpy import inf, nan

from micrograd import Value, compiled, concatenate, einsum, operator, special, stack
from micrograd import tensordot, where
from testing import BINARY, COMPARISONS, FUNCTIONS, REDUCTIONS, UNARY


def cube(x, name="cube"):
    return operator(name, lambda x: x * x * x, lambda g, y, x: g * 3 * x * x)(x)


gate = operator("gate", lambda a, b: a * (b > 0), lambda g, y, a, b: g * (b > 0), None)
"""
KEPT = """\
import pickle
print([(a.data, b.data) for a, b in zip(x, pickle.loads(pickle.dumps(x)))])
""".splitlines()
TABLES = "UNARY BINARY COMPARISONS REDUCTIONS".split()
OF_NUMPY = "concatenate einsum stack tensordot where".split()
NAMES: dict = {}
exec(HEADER, NAMES)
# The same texts, of plain arrays, are NumPy's and SciPy's own. Of a table's rows
# [0] is ours, and [1] NumPy's.
PLAIN = {**NAMES, **{x: getattr(np, x) for x in OF_NUMPY}, "special": None}
for table in TABLES:
    PLAIN[table] = {k: (row[1],) for k, row in NAMES[table].items()}
if testing.is_installed("scipy"):
    exec("from scipy import special", PLAIN)


@functools.lru_cache(10_000)
def code_of(text, mode):
    return compile(text, "case", mode)


def evaluate(text, names):
    """An expression's value; its code is kept, as most are evaluated several times."""
    return eval(code_of(text, "eval"), names)


def execute(lines, names):
    for line in lines:
        exec(code_of(line, "exec"), names)


@contextlib.contextmanager
def quiet():
    """Without warnings."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


# --- Cases: leaves and steps ----------------------------------------------------------


class Leaf(NamedTuple):
    name: str
    kind: str  # lazy, value, or raw: a constant
    change: str  # between calls: "replace" or "in place"
    dtype: str
    numbers: tuple  # texts, repeated to fill the shape
    dims: Any = ()  # lengths; "n" is another one in each call
    layout: str = "{}"
    forms: tuple = ()  # of a number, as "np.float32({})", one call after the other
    label: str = ""  # its name for users, if that is another one

    def shape(self, n):
        return tuple(n if d == "n" else d for d in self.dims)

    def text(self, call, lengths):
        """Source of its data in a call: the same numbers, in another order."""
        call = 0 if self.kind == "raw" else call
        turn = call % len(self.numbers)
        numbers = self.numbers[turn:] + self.numbers[:turn]
        if self.forms:
            return self.forms[call % len(self.forms)].format(numbers[0])
        shape = self.shape(lengths[call])
        if shape == ():
            return f'np.array({numbers[0]}, "{self.dtype}")'
        text = f'np.array([{", ".join(numbers)}], "{self.dtype}")'
        if shape != (len(numbers),):
            text = f"np.resize({text}, {shape})"
        return self.layout.format(text, shape=shape)


class Step(NamedTuple):
    name: str
    text: str


class Case(NamedTuple):
    seed: int
    leaves: tuple
    steps: tuple
    results: tuple = ()
    wrt: tuple = ()
    lengths: tuple = (2, 2, 2)  # n, in each call

    @property
    def text(self):
        return "\n".join(step.text for step in self.steps)

    def leaf_lines(self, call=0, has_lazy=False):
        """They make the leaves, of the data of a call."""
        for x in self.leaves:
            data = x.text(call, self.lengths)
            if has_lazy and x.kind == "lazy":
                name = x.label or x.name
                yield f"{x.name} = Value(shape={x.shape(None)}, name={name!r})"
            else:
                yield f"{x.name} = {data if x.kind == 'raw' else f'Value({data})'}"

    def step_lines(self):
        return [f"{step.name} = {step.text}" for step in self.steps]

    @property
    def wrt_text(self):
        return f"wrt=[{', '.join(self.wrt)}]"

    def program_line(self):
        labels = [x for x in self.leaves if x.kind == "value" and x.label]
        names = ", ".join(f"{x.label!r}: {x.name}" for x in labels)
        options = [self.wrt_text, *[f"names={{{names}}}"] * bool(names)]
        return f"program = compiled({', '.join([*self.results, *options])})"

    def change_lines(self, call):
        """They give the leaves the data of a call, from that of the call before."""
        for x in self.leaves:
            if call and x.kind == "value":
                texts = x.text(call - 1, self.lengths), x.text(call, self.lengths)
                old, new = (evaluate(text, NAMES) for text in texts)
                is_like = isinstance(new, np.ndarray) and isinstance(old, np.ndarray)
                is_like = is_like and (new.shape, new.dtype) == (old.shape, old.dtype)
                is_like = is_like and old.flags.writeable
                place = "[...]" if x.change == "in place" and is_like else ""
                yield f"{x.name}.data{place} = {texts[1]}"

    def feeds_text(self, call):
        texts = []
        for x in self.leaves:
            if x.kind == "lazy":
                data = x.text(call, self.lengths)
                new = f"**{{{x.label!r}: {data}}}" if x.label else f"{x.name}={data}"
                texts.append(new)
        return ", ".join(texts)

    def script(self, check=""):
        """Lines that run alone."""
        lines = [HEADER, *self.leaf_lines(has_lazy=True), *self.step_lines()]
        if check in ("pickle", "state"):
            leaves = ", ".join(x.name for x in self.leaves)
            return "\n".join([*lines, f"x = [{leaves}]", *KEPT])
        lines.append(self.program_line())
        gradients = [f"print({x}.grad)" for x in self.wrt]
        for call in range(len(self.lengths) + ("constant" in check)):
            if call == len(self.lengths):
                raws = [x.name for x in self.leaves if x.kind == "raw"]
                lines += [f"{x}[...] = {x} == 0" for x in raws]
                call -= 1
            else:
                lines += self.change_lines(call)
            feeds = self.feeds_text(call)
            lines += [f"print({y}.forward({feeds}))" for y in self.results]
            lines += [f"{self.results[0]}.backward({self.wrt_text})"] * bool(self.wrt)
            lines += [*gradients, f"print(program({feeds}))", *gradients]
        return "\n".join(lines)

    def pruned(self):
        """Without what no result needs."""
        needed = {*self.results, *self.wrt}
        for step in reversed(self.steps):
            needed.update(names_in(step.text) if step.name in needed else ())
        keep = lambda items: tuple(x for x in items if x.name in needed)
        return self._replace(leaves=keep(self.leaves), steps=keep(self.steps))

    def renamed(self, new):
        """With other names, of those that have one."""
        rename = lambda text: re.sub(NAME, lambda x: new.get(x[0], x[0]), text)
        return self._replace(
            leaves=tuple(x._replace(name=rename(x.name)) for x in self.leaves),
            steps=tuple(Step(*map(rename, step)) for step in self.steps),
            results=tuple(dict.fromkeys(map(rename, self.results))),
            wrt=tuple(dict.fromkeys(map(rename, self.wrt))),
        )

    def renumbered(self):
        """With the names x0, x1, v0, and so on."""
        new = {x.name: f"x{i}" for i, x in enumerate(self.leaves)}
        new.update({step.name: f"v{i}" for i, step in enumerate(self.steps)})
        return self.renamed(new)


NAME = r"(?<!')\b[xv]\d+\b"  # of a leaf or a step; one in quotes is a user's


def names_in(text):
    return re.findall(NAME, text)


def plain_of(x):
    return x.data if isinstance(x, Value) else x


# --- Smaller cases --------------------------------------------------------------------

USUAL = {"kind": "value", "dtype": "f8", "layout": "{}", "label": ""}
LISTS = "leaves wrt lengths numbers dims forms".split()
SIMPLE = ["1.0", "1", "True", "{}"]  # texts of numbers and their forms


def smaller(x):
    """A case or a leaf with one thing less, and what a field holds."""
    if hasattr(x, "_fields"):
        for field in [name for name in USUAL if name in x._fields]:
            yield x._replace(**{field: USUAL[field]})
        for field in [name for name in LISTS if name in x._fields]:
            yield from (x._replace(**{field: y}) for y in smaller(getattr(x, field)))
    elif isinstance(x, tuple):
        yield from (x[:i] + x[i + 1 :] for i in range(len(x)))
        for i, item in enumerate(x):
            yield from ((*x[:i], other, *x[i + 1 :]) for other in smaller(item))
    elif isinstance(x, int):  # a length
        yield from dict.fromkeys([x // 2, x - 1]) if x > 1 else []
    else:
        yield from SIMPLE[: SIMPLE.index(x)] if x in SIMPLE else SIMPLE
        yield from [2] * (x == "n")


def without_steps(case):
    """The case with an operand in place of a step, or with another result."""
    for step in case.steps:
        if case.results != (step.name,):
            yield case._replace(results=(step.name,))
            wrt = tuple(x for x in case.wrt if x[0] == "x")
            yield case._replace(results=(step.name,), wrt=wrt)
    for step in reversed(case.steps):
        for operand in dict.fromkeys(names_in(step.text)):
            others = tuple(x for x in case.steps if x != step)
            yield case._replace(steps=others).renamed({step.name: operand})
