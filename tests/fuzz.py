"""A differential fuzzer: random expressions, computed in several ways, have to agree.

    python tests/fuzz.py --seconds 3600 --seed 7      # what it finds, in a few lines
    python tests/fuzz.py --case 7000123               # one case again

A case is text: leaves, and steps such as `v3 = np.maximum(v1, v2)`. So each finding is
a script that runs alone, and a case is made smaller by leaving lines out. The steps
come from the tables of operators; a new operator takes part without a line here.
"""

import argparse
import functools
import inspect
import itertools
import pickle
import random
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import testing
from known import DOCUMENTED, KNOWN, UNSAFE

from micrograd import Value, array_functions, compiled, functions, operator, special
from micrograd.rules import RULES

torch = None
if testing.is_installed("torch"):
    import torch

HEADER = """\
import numpy as np
from numpy import inf, nan

from micrograd import Value, compiled, concatenate, einsum, operator, special, stack
from micrograd import tensordot, where
from testing import BINARY, COMPARISONS, FUNCTIONS, REDUCTIONS, UNARY

cube = operator("cube", lambda x: x * x * x, lambda g, y, x: g * 3 * x * x)
gate = operator("gate", lambda a, b: a * (b > 0), lambda g, y, a, b: g * (b > 0), None)
"""
NAMES: dict = {}
exec(HEADER, NAMES)
# What steps are of plain arrays.
PLAIN = {**NAMES, "where": np.where, "stack": np.stack, "concatenate": np.concatenate}
if testing.is_installed("scipy"):
    exec("import scipy.special", PLAIN)


# --- Cases: leaves and steps ----------------------------------------------------------


class Leaf(NamedTuple):
    name: str
    kind: str  # lazy, value, or raw: a constant
    change: str  # between calls: "replace" or "in place"
    dtype: str
    numbers: tuple  # texts, repeated to fill the shape
    dims: Any = ()  # lengths; "n" is another one in each call
    layout: str = "{}"
    form: str = ""  # of a number, as "np.float32({})"

    def shape(self, n):
        return tuple(n if d == "n" else d for d in self.dims)

    def text(self, call, lengths):
        """Source of its data in a call: the same numbers, in another order."""
        call = 0 if self.kind == "raw" else call
        turn = call % len(self.numbers)
        numbers = self.numbers[turn:] + self.numbers[:turn]
        if self.form:
            return self.form.format(numbers[0])
        shape = self.shape(lengths[call])
        if shape == ():
            return f'np.array({numbers[0]}, "{self.dtype}")'
        text = f'np.array([{", ".join(numbers)}], "{self.dtype}")'
        if shape != (len(numbers),):
            text = f"np.resize({text}, {shape})"
        return self.layout.format(text, shape=shape)

    def data(self, call, lengths):
        return eval(self.text(call, lengths), NAMES)


class Step(NamedTuple):
    name: str
    text: str
    reference: str  # the same of plain arrays; "" where there is nothing to compare


class Case(NamedTuple):
    seed: int
    leaves: tuple
    steps: tuple
    results: tuple = ()
    wrt: tuple = ()
    lengths: tuple = (2, 2, 2)  # n, in each call


def names_in(text):
    """Of leaves and of steps."""
    return re.findall(r"\b[xv]\d+\b", text)


def pruned(case):
    """Without what no result needs."""
    needed = {*case.results, *case.wrt}
    for step in reversed(case.steps):
        needed.update(names_in(step.text) if step.name in needed else ())
    keep = lambda items: tuple(x for x in items if x.name in needed)
    return case._replace(leaves=keep(case.leaves), steps=keep(case.steps))


def script(case, has_changes=False):
    """Lines that run alone."""
    lines = [HEADER]
    for x in case.leaves:
        data = x.text(0, case.lengths)
        if x.kind == "lazy":
            shape = x.shape(None)
            lines.append(f'{x.name} = Value(shape={shape}, name="{x.name}")')
        else:
            lines.append(f"{x.name} = {data if x.kind == 'raw' else f'Value({data})'}")
    lines += [f"{step.name} = {step.text}" for step in case.steps]
    wrt = f"wrt=[{', '.join(case.wrt)}]"
    lines.append(f"program = compiled({', '.join(case.results)}, {wrt})")
    for call in range(len(case.lengths) + has_changes):
        if call == len(case.lengths):
            lines += [f"{x.name} *= 3" for x in case.leaves if x.kind == "raw"]
            call -= 1
        data = {x: x.text(call, case.lengths) for x in case.leaves}
        feeds = ", ".join(f"{x.name}={data[x]}" for x in data if x.kind == "lazy")
        for x in data:
            if call and x.kind == "value":
                place = ".data[...]" if is_in_place(x, case, call) else ".data"
                lines.append(f"{x.name}{place} = {data[x]}")
        for y in case.results:
            lines.append(f"print({y}.forward({feeds}))")
        if case.wrt:
            lines.append(f"{case.results[0]}.backward({wrt})")
        lines += [f"print({x}.grad)" for x in case.wrt]
        lines.append(f"print(program({feeds}))")
        lines += [f"print({x}.grad)" for x in case.wrt]
    return "\n".join(lines)


def is_in_place(leaf, case, call):
    before = leaf.data(call - 1, case.lengths)
    is_array = isinstance(before, np.ndarray) and before.flags.writeable
    same = leaf.shape(case.lengths[call]) == leaf.shape(case.lengths[call - 1])
    return leaf.change == "in place" and is_array and same


# --- Drawing cases --------------------------------------------------------------------

DTYPES = "f8 f8 f8 f8 f4 f4 f2 g ? i1 u1 i2 u2 i4 u4 i8 u8 >f8 >f4 >i4".split()
TAME = "1.0 2.0 -1.0 0.5 -0.5 3.0 0.25 -2.0 1.5 0.1 -0.3 0.7 0.0".split()
WILD = "-0.0 -0.0 inf -inf nan 5e-324 -5e-324 1e-300 1e300 -1e300 1e-8 1e8".split()
WILD += ["100.0", "200.0", "20.0", "-20.0", "60000.0", "1e-05", "1e-45", "1e38"]
COUNTS = "0 1 2 3 1 2 -1 -2 10 100 127".split()
FORMS = ["{}"] * 6 + ["np.float64({})", "np.float32({})", "np.float16({})"]
FORMS += ["np.longdouble({})", "np.array({})", 'np.array({}, "f4")']
INT_FORMS = ["{}"] * 3 + [f"np.{x}({{}})" for x in ("int64", "int8", "uint8", "array")]
LAYOUTS = ["{}"] * 5 + ["np.asfortranarray({})", "{}[::-1]", "{}[..., ::-1]"]
LAYOUTS += ["np.repeat({}, 2, -1)[..., ::2]", "np.broadcast_to({}, {shape})"]

ARGUMENTS = {  # by the name of the parameter; what fits no function is refused by NumPy
    "axis": "None 0 1 -1 -2 (0,1) (0,) ()".split(),
    "axes": "None (1,0) (0,1) 0 1 2 ([0],[0]) ([-1],[0])".split(),
    "keepdims increasing right assume_unique invert upper bias rowvar": ["True"],
    "returned full_matrices compute_uv": ["False", "True"],
    "shape lengths": "-1 (-1,1) (1,-1) (2,-1) (3,2) (2,2,3) ()".split(),
    "order": ['"F"', '"C"'],
    "dtype": ['"f4"', '"f8"', '"f2"', "int", "bool"],
    "k offset shift n decimals N repeats ddof start": "0 1 2 -1 3".split(),
    "axis1 axis2 source destination axisa axisb axisc": "0 1 -1".split(),
    "kth obj indices_or_sections pad_width reps edge_order": "1 0 2 [1] [0,1]".split(),
    "indices": ["0", "[0, 0]", "[1, -1]", 'np.array([1, 0], "u1")', "[[0], [0]]"],
    "q": "0.5 0.25 [0.1,0.9] 50 1".split(),
    "ord": "1 2 3 inf -inf 0 -1 'fro' 'nuc'".split(),
    "mode": ['"full"', '"same"', '"valid"', '"r"', '"edge"', '"wrap"', '"clip"'],
    "side": ['"right"', '"left"'],
    "UPLO": ['"U"', '"L"'],
    "kind": ['"stable"'],
    "dx rtol atol rcond": ["0.5", "0.1", "1e-3"],
    "mode of pad": ['"constant"', '"reflect"'],
    "subscripts": ['"ij,kj->ik"', '"i,i"', '"ij->j"', '"ii"', '"...i,...i->..."'],
}
POOL = {name: texts for names, texts in ARGUMENTS.items() for name in names.split()}
SEQUENCES = "arrays tup choicelist choices".split()
TEMPLATES = """
    {0}.T | {0}[0] | {0}[-1] | {0}[::-1] | {0}[..., None] | {0}[1:] | {0}[[0, 0]]
    {0}[np.array([0], "u1")] | {0}[np.arange(150, dtype="u1")] | {0}.reshape(-1)
    {0} @ {1} | {0} // {1} | {0} % {1} | +{0} | abs({0}) | {0} * {0} | {0} / {1} * {0}
    {0} ** 2 | 1 / {0} | 2 * {0} | {0} + {0} | 0.0 + {0} | {0} * 1.0 | {0} - 0
    {0}.sum() | {0}.mean() | {0} ** np.float64(2) | {0}.clip(0, 1)
    np.where({0} > 0, {1}, {0}) | where({0} > {1}, {0}, 0.0)
    np.where({0} > 0, -1.0, 0.0) | 1 / np.where({0} > 0, -1.0, 0.0) | -({0} * 0)
    stack([{0}, {1}]) | concatenate([{0}, {1}])
"""
OURS = """
    {0}[{0} > 0] | cube({0}) | gate({0}, {1}) | {0}.at[0].set({1}) | {0}.flatten()
    {0}.at[..., 0].add({1}) | {0}.at[{0} > 0].add({1}) | {0}.var() | {0}.mT
    tensordot({0}, {1}, 1)
"""


class Operation(NamedTuple):
    text: str  # "np.roll({arguments})", or with operands as {0}
    reference: str
    parameters: tuple = ()  # inspect.Parameters


def known_as(function):
    """Its name in a script; "" if it has none there."""
    for module, path in ((np, "np"), (np.linalg, "np.linalg"), (special, "special")):
        name = getattr(function, "__name__", "")
        if getattr(module, name, None) is function:
            return f"{path}.{name}"
    return ""


def parameters_of(function, ours):
    """Those of NumPy's that ours has, too."""
    if isinstance(function, np.ufunc):
        n = function.nin
    elif function in RULES and ours is None and not RULES[function].is_variadic:
        n = len(RULES[function].derivatives)
    else:
        signature = inspect.signature(ours or function)
        names = [*signature.parameters.values()]
        if any(x.kind is x.VAR_POSITIONAL for x in names) and ours is not None:
            names = [*inspect.signature(function).parameters.values()]
        unsuited = (inspect.Parameter.VAR_KEYWORD,)
        out = "out subok like where copy initial casting order_ dtype_ method".split()
        return [x for x in names if x.kind not in unsuited and x.name not in out]
    kind = inspect.Parameter.POSITIONAL_ONLY
    return [inspect.Parameter(f"x{i}", kind) for i in range(n)]


def operations():
    """All that a step can be, from the tables of the library and of the tests."""
    found = {}
    tables = ("UNARY", "BINARY", "COMPARISONS", "REDUCTIONS")
    for table in tables:
        for key, (ours, *_) in getattr(testing, table).items():
            row = f"{table}[{key!r}]"
            name = getattr(ours, "__name__", "")
            n = 2 if table in ("BINARY", "COMPARISONS") else 1
            options = ", {arguments}" if table == "REDUCTIONS" else ""
            operands = ", ".join(f"{{{i}}}" for i in range(n))
            text = f"{row}[0]({operands}{options})"
            if name and Value.__dict__.get(name) is ours:
                text = f"{{0}}.{name}({options[2:]})"
            elif n == 2 and getattr(ours, "__module__", "") == "_operator":
                text = f"{{0}} {key} {{1}}"
            reference = f"{row}[1]({operands}{options})"
            names = ("axis", "keepdims") if options else ()
            keyword = inspect.Parameter.KEYWORD_ONLY
            options = [inspect.Parameter(x, keyword, default=0) for x in names]
            found[row] = Operation(text, reference, tuple(options))
    for key in testing.FUNCTIONS:
        text = f"FUNCTIONS[{key!r}]({{0}}, {{1}})"
        found[text] = Operation(text, "")
    of_numpy = {**array_functions.FUNCTIONS, **functions.FUNCTIONS}
    for function in dict.fromkeys((*RULES, *of_numpy)):
        name, ours = known_as(function), of_numpy.get(function)
        try:
            parameters = parameters_of(function, ours)
            refuses = "NoReturn" in str(inspect.signature(ours).return_annotation)
        except (TypeError, ValueError):
            refuses = ours is not None
        if name and not refuses:
            text = f"{name}({{arguments}})"
            found[name] = Operation(text, text, tuple(parameters))
    for name in special.__dict__:
        function = getattr(special, name)
        if inspect.isfunction(function) and function.__module__ == special.__name__:
            signature = inspect.signature(function)
            if signature.return_annotation == "Value":
                text = f"special.{name}({{arguments}})"
                reference = f"scipy.{text}" if "scipy" in PLAIN else ""
                names = tuple(signature.parameters.values())
                found[f"special.{name}"] = Operation(text, reference, names)
    for texts, is_numpys in ((TEMPLATES, True), (OURS, False)):
        for text in re.split(r" \| |\n *", texts.strip()):
            found[text] = Operation(text, text if is_numpys else "")
    return found


OPERATIONS = operations()


class Draft:
    """A case as it is drawn, and what its names hold."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.seed, self.leaves, self.steps = seed, [], []
        self.names = dict(NAMES)
        lengths = [2, 3, 1, 2, 3, 4, 0, 5, 40]
        self.n = self.rng.choice(["n", 2, 3])
        self.dims = [self.n, *self.rng.sample(lengths, 2)]
        self.lengths = tuple(self.rng.choice([1, 2, 3, 5]) for _ in range(3))
        if self.rng.random() < 0.3:
            self.lengths = (*self.lengths[:2], 0)
        self.dtypes = self.rng.choice([["f8"], ["f8"], DTYPES, ["f4"], ["f2", "u1"]])
        self.floats = self.rng.choice([TAME, TAME, TAME + WILD])
        self.is_large = self.rng.random() < 0.03

    def some(self, items):
        return self.rng.choice(items)

    def leaf(self, kind=None):
        kind = kind or self.some(["lazy", "value", "value", "raw"])
        dtype, dims = self.some(self.dtypes), []
        pool = COUNTS if np.dtype(dtype).kind in "iu" else self.floats
        pool = ["True", "False"] if dtype == "?" else pool
        if dtype[0] == "u":
            pool = [x for x in COUNTS if x[0] != "-"]
        numbers = tuple(self.some(pool) for _ in range(self.rng.randint(1, 6)))
        form, layout = "", "{}"
        if self.rng.random() < 0.2:
            form = self.some(FORMS if pool is self.floats else INT_FORMS)
            if "uint" in form:
                numbers = tuple(x.lstrip("-") for x in numbers)
        else:
            n_axes = self.some([0, 1, 1, 2, 2, 2, 3])
            dims = [self.some([*self.dims, self.n, 1]) for _ in range(n_axes)]
            if kind == "raw":
                dims = [self.lengths[0] if d == "n" else d for d in dims]
                dims = [1 if self.n == "n" else d for d in dims]
            if self.is_large and dims:
                dims[0] = self.some([256, 1500, 5000])
            if dims.count(40) > 1:
                dims = [min(d, 3) if d != "n" else d for d in dims]
            layout = self.some(LAYOUTS) if dims else "{}"
        change = self.some(["replace", "in place"])
        name = f"x{len(self.leaves)}"
        leaf = Leaf(name, kind, change, dtype, numbers, tuple(dims), layout, form)
        data = leaf.data(0, self.lengths)
        self.names[name] = data if kind == "raw" else Value(data)
        self.leaves.append(leaf)
        return name

    def value(self):
        """A name that holds a Value, mostly one of the last."""
        values = [x for x in self.names if isinstance(self.names[x], Value)]
        return self.some(values[-2:] * 2 + values)

    def operand(self):
        chance = self.rng.random()
        if chance < 0.6:
            return self.value()
        if chance < 0.85 and len(self.leaves) < 5:
            return self.leaf()
        is_float = self.rng.random() < 0.6
        text = self.some(self.floats if is_float else COUNTS)
        form = self.some(FORMS if is_float else INT_FORMS)
        text = form.format(text.lstrip("-") if "uint" in form else text)
        return f"({text})" if text[0] == "-" else text

    def argument(self, parameter, operands):
        """Its text; an operand where nothing is known about the name."""
        name = parameter.name
        if name in POOL:
            text = self.some(POOL[name])
            if re.fullmatch(r"-?\d+", text) and self.rng.random() < 0.2:
                text = f"np.{self.some(['int8', 'int64', 'uint8'])}({text})"
            return text
        if name in SEQUENCES or name == "values" and not operands:
            return f"[{self.value()}, {self.operand()}]"
        if name == "condlist":
            return f"[{self.value()} > 0, {self.value()} < 1]"
        operands.append(name)
        if name in ("condition", "test_elements", "bins", "xp") and self.some([0, 1]):
            return self.some(["[0.0, 1.0]", "[True, False]", "[-1, 0, 2]"])
        return self.value() if len(operands) == 1 else self.operand()

    def arguments(self, parameters):
        texts, operands, has_gap = [], [], False
        for x in parameters:
            if x.kind is x.VAR_POSITIONAL:
                texts += [self.argument(x, operands) for _ in range(self.some([1, 2]))]
            elif x.default is x.empty or x.name in POOL and self.rng.random() < 0.45:
                is_named = x.kind is x.KEYWORD_ONLY or has_gap or x.name == "keepdims"
                prefix = f"{x.name}=" if is_named else ""
                texts.append(prefix + self.argument(x, operands))
            else:
                has_gap = True
        return ", ".join(texts)

    def step(self):
        """Add a step; False if the engine refused it."""
        operation = self.some(self.some(FAMILIES))
        operands = [self.value(), self.operand()]
        if re.search(r"\{1\}", operation.text) and "}." not in operation.text:
            operands = self.rng.sample(operands, 2)  # the number may come first
        arguments = self.arguments(operation.parameters)
        fill = lambda text: text.format(*operands, arguments=arguments)
        name = f"v{len(self.steps)}"
        text, reference = fill(operation.text), fill(operation.reference)
        step = Step(name, text, reference)
        if any(re.search(x, text) for x in UNSAFE):
            return None
        try:
            y = eval(text, self.names)
        except Exception:
            return step
        if isinstance(y, (tuple, list)) and y:
            i = self.rng.randrange(len(y))
            step = Step(name, f"{text}[{i}]", reference and f"{reference}[{i}]")
            y = y[i]
        if not isinstance(y, Value) or y.data is None or np.size(y.data) > 20000:
            return None
        if not names_in(text) or np.ndim(y.data) > 5:
            return None
        self.names[name] = y
        self.steps.append(step)
        return None


FAMILIES = [
    [x for k, x in OPERATIONS.items() if test(k)]
    for test in (
        lambda k: k.startswith("np."),
        lambda k: k.startswith(("UNARY", "BINARY")),
        lambda k: not k.startswith("np."),
        lambda k: "{0}" in k,
        lambda k: isinstance(getattr(np, k[3:], None), np.ufunc),
    )
]


def drawn(seed):
    """The case of this number."""
    draft = Draft(seed)
    draft.leaf(draft.some(["lazy", "value"]))
    with quiet():
        wanted = draft.some([1, 1, 2, 2, 3, 4, 6])
        for _ in range(60):
            refused = draft.step()
            if refused and draft.rng.random() < 0.02:
                case = Case(seed, tuple(draft.leaves), (*draft.steps, refused))
                return pruned(case._replace(results=(refused.name,)))
            if len(draft.steps) == wanted:
                break
    names = [x.name for x in draft.steps]
    if not names:
        return None
    results = [names[-1]]
    if draft.rng.random() < 0.3:
        results.append(draft.some(names))
    case = Case(seed, tuple(draft.leaves), tuple(draft.steps), tuple(results))
    case = pruned(case)._replace(lengths=draft.lengths)
    values = [
        x.name for x in (*case.leaves, *case.steps) if getattr(x, "kind", 0) != "raw"
    ]
    some = draft.rng.sample(values, draft.rng.randint(1, min(3, len(values))))
    wrt = [x for x in values if x[0] == "x"] if draft.rng.random() < 0.6 else some
    y = draft.names[results[0]]
    if y.dtype.kind != "b":
        with quiet():
            try:
                y.backward()
            except Exception:
                return case._replace(wrt=tuple(wrt))
        wrt = [x for x in wrt if draft.names[x].grad is not None]
        wrt = {id(draft.names[x]): x for x in wrt}.values()  # np.clip(x) is x
        case = case._replace(wrt=tuple(wrt))
    return case


# --- Comparing ------------------------------------------------------------------------


class quiet(warnings.catch_warnings):
    def __enter__(self):
        super().__enter__()
        warnings.simplefilter("ignore")
        self.state = np.errstate(all="ignore")
        self.state.__enter__()

    def __exit__(self, *error):
        self.state.__exit__(*error)
        super().__exit__(*error)


def eps_of(*data):
    """The coarsest rounding among them."""
    dtypes = [np.result_type(x) for x in data]
    return max([float(np.finfo(x).eps) for x in dtypes if x.kind == "f"] or [2.0**-52])


def kinds_of(x):
    """What a number is, besides its size: its sign, if it is 0 or infinite; nan."""
    x = np.asarray(x)
    if x.dtype.kind != "f":
        return np.zeros(x.shape, int)
    is_marked = (x == 0) | np.isinf(x)
    kinds = np.where(is_marked, np.where(np.signbit(x), -1, 1), 0)
    return np.where(np.isnan(x), 9, np.where(np.isinf(x), 4 * kinds, kinds))


def symptom(actual, expected, spread=None, has_type=True, slack=0):
    """How they differ, or None.

    `spread` has what the expected one would be with other roundings; it is called only
    if they differ.
    """
    if has_type and type(actual) is not type(expected):
        return f"type {type(actual).__name__} for {type(expected).__name__}"
    dtype, other = np.result_type(actual), np.result_type(expected)
    if dtype != other or np.shape(actual) != np.shape(expected):
        return "dtype" if dtype != other else "shape"
    a, b = np.asarray(actual), np.asarray(expected)
    if a.dtype.kind != "f":
        is_same, size = a == b, np.ones(a.shape)
    else:
        kinds, others = kinds_of(a), kinds_of(b)
        size = 64 * np.finfo(a.dtype).eps * abs(np.where(others == 0, b, 0))
        is_same = np.where(kinds == 0, abs(a - b) <= size, kinds == others)
        is_same &= (kinds == others) | ((kinds == 0) & (abs(b) < np.inf))
    if np.all(is_same):
        return None
    if spread is not None:
        runs = spread()
        if runs is None:
            return None
        for y in runs:
            y = np.asarray(y)
            if y.shape != b.shape:
                return None
            is_same |= kinds_of(y) != kinds_of(b)
        wide = sum(
            np.nan_to_num(abs(np.subtract(1.0 * b, y, dtype=float))) for y in runs
        )
        near = 16 * wide + 1e-300
        if a.dtype.kind == "f":
            near = near + 4 * np.finfo(a.dtype).tiny + slack
            both = np.isfinite(a) & np.isfinite(b) & ((a != 0) | (b != 0) | (slack > 0))
            is_same |= both & (abs(np.subtract(1.0 * a, b, dtype=float)) <= near)
        else:
            is_same |= wide > 0
        if np.all(is_same):
            return None
    a, b = a[~is_same], b[~is_same]
    if a.dtype.kind != "f":
        return "number"
    if np.any(np.isnan(a) != np.isnan(b)):
        return "nan"
    if np.any(np.isinf(a) != np.isinf(b)) or np.any(np.isinf(a)):
        return "infinite"
    return "sign of zero" if np.any((a == 0) & (b == 0)) else "number"


def moved(rng, eps):
    """A function that rounds numbers of floating dtype in another way."""

    def function(x):
        if np.result_type(x).kind != "f":
            return x
        factor = np.asarray(1 + eps * rng.uniform(-8, 8, np.shape(x)))
        y = np.asarray(x * factor.astype(np.result_type(x)))
        return y if isinstance(x, np.ndarray) else y.astype(np.result_type(x))[()]

    return function


class Run(NamedTuple):
    names: dict
    results: list
    gradients: list

    @property
    def data(self):
        return [*self.results, *self.gradients]


def fixed(case, call=0, change=None, noise=None):
    """The expression of Values that hold the data of a call, and its gradients."""
    names = dict(NAMES)
    for leaf in case.leaves:
        data = leaf.data(call, case.lengths)
        data = change(data) if change else data
        if leaf.kind != "raw":
            is_number = type(data) in (float, np.float64)
            data = noise(data) if noise else data
            data = Value(float(data) if is_number and leaf.form == "{}" else data)
        names[leaf.name] = data
    stir = noise and operator("noise", noise, lambda g, y, x: noise(g))
    for step in case.steps:
        y = eval(step.text, names)
        names[step.name] = stir(y) if noise and y.dtype.kind == "f" else y
    return measured(case, names)


def measured(case, names):
    results = [names[y] for y in case.results]
    wrt = [names[x] for x in case.wrt]
    if wrt:
        results[0].backward(wrt)
    return Run(names, [y.data for y in results], [x.grad for x in wrt])


def spreads(case, call, change=None, eps=0.0):
    """What the engine computes with other roundings, once it is asked for."""

    @functools.lru_cache(None)
    def runs():
        exact = fixed(case, call)
        held = [x.data for x in exact.names.values() if isinstance(x, Value)]
        coarsest = max(eps, eps_of(*held, *exact.gradients))
        rng = np.random.default_rng(case.seed)
        try:
            noises = [moved(rng, coarsest) for _ in range(4)]
            return [fixed(case, call, change, noise).data for noise in noises]
        except Exception:
            return None

    return lambda i: lambda: runs() and [run[i] for run in runs()]


def held_by(names, case):
    """The sizes of all data and gradients, but for 0, infinite ones and nan."""
    if case.wrt:
        error_of(names[case.results[0]].backward)
    values = [x for x in names.values() if isinstance(x, Value)]
    for x in [x.data for x in values] + [x.grad for x in values if case.wrt]:
        if x is not None and np.result_type(x).kind == "f":
            size = abs(np.asarray(x))
            yield size[np.isfinite(size) & (size != 0)]


def is_extreme(case, call=0):
    """Whether numbers are so large or small that the order of products decides."""
    for size in held_by(fixed(case, call).names, case):
        limit = np.finfo(size.dtype).max ** (1 / 3)
        if np.any(size > limit) or np.any(size < 1 / limit):
            return True
    return False


def error_of(function, *args, **options):
    """What it returns, or the kind of its error."""
    try:
        return function(*args, **options), None
    except Exception as error:
        kinds = (TypeError, IndexError, ValueError, FloatingPointError)
        found = [x for x in kinds if isinstance(error, x)]
        found = (
            ["index or value"] if found[:1] in ([IndexError], [ValueError]) else found
        )
        return error, found[0] if found else type(error)


class Fault(NamedTuple):
    check: str  # what was compared
    symptom: str
    case: Any = None

    @property
    def text(self):
        return "\n".join(step.text for step in self.case.steps)


# --- What is compared -----------------------------------------------------------------


def nearby(code, plain, eps, seed):
    """What NumPy computes of numbers that are rounded in another way."""
    rounded = moved(np.random.default_rng(seed), eps)
    runs = [{k: rounded(x) for k, x in plain.items()} for _ in range(4)]
    return [eval(code, {**PLAIN, **run}) for run in runs]


def plain_of(x):
    return x.data if isinstance(x, Value) else x


def against_numpy(case):
    """Each step, of the data that it has, with NumPy's own."""
    names = dict(NAMES)
    for leaf in case.leaves:
        data = leaf.data(0, case.lengths)
        names[leaf.name] = data if leaf.kind == "raw" else Value(data)
    for step in case.steps:
        used = {x: names[x] for x in names_in(step.text)}
        plain = {x: plain_of(y) for x, y in used.items()}
        is_weak = all(type(x) in (int, float) for x in plain.values())
        if is_weak and not re.search(r"np\.\w+\(-?(\d|inf|nan)", step.text):
            plain = {k: np.asarray(x)[()] for k, x in plain.items()}
        code = step.reference or "0"
        expected, refused = error_of(eval, code, {**PLAIN, **plain})
        refused = refused or not step.reference
        y, error = error_of(eval, step.text, names)
        if error:
            is_plain = error in ("index or value", TypeError, NotImplementedError)
            text = re.sub(r"np\.u?int\d+\((-?\d+)\)", r"\1", step.text)
            if is_plain and text != step.text:
                is_plain = error_of(eval, text, names)[1] is not None
            if not refused and not is_plain:
                yield Fault("building", f"{type(y).__name__}")
            return
        names[step.name] = y
        if refused:
            continue
        eps = eps_of(y.data, *plain.values())
        spread = functools.partial(nearby, code, plain, eps, case.seed)
        if "scipy" in step.reference:
            if any(np.result_type(x) not in ("f4", "f8") for x in plain.values()):
                continue
        is_whole = np.result_type(expected).kind == "f" and "linalg" in step.text
        slack = 64 * eps * np.max(np.abs(expected), initial=0) if is_whole else 0
        found = symptom(y.data, expected, spread, False, slack)
        if found == "dtype" and np.can_cast(y.dtype, np.result_type(expected)):
            untyped = re.sub(r"np\.\w+\(-?(\d|inf|nan)[^()]*\)", "", step.text)
            is_weak = re.search(r"(?<![\w.])(\d|nan|inf)", untyped)
            if is_weak or {int, float} & set(map(type, plain.values())):
                continue  # a number of Python widens nothing, also where NumPy lets it
        if found:
            yield Fault("NumPy", found)


def set_leaves(case, names, call):
    """Give the leaves the data of a call; what lazy ones are fed, and all copies."""
    feeds = {}
    for leaf in case.leaves:
        data = leaf.data(call, case.lengths)
        if leaf.kind == "lazy":
            feeds[leaf.name] = data
        elif leaf.kind == "value" and call and is_in_place(leaf, case, call):
            names[leaf.name].data[...] = data
        elif leaf.kind == "value" and call:
            names[leaf.name].data = data
    return feeds


def lazy(case):
    """The expression, with its lazy Values."""
    names = dict(NAMES)
    for leaf in case.leaves:
        data = leaf.data(0, case.lengths)
        names[leaf.name] = data if leaf.kind == "raw" else Value(data)
        if leaf.kind == "lazy":
            names[leaf.name] = Value(shape=leaf.shape(None), name=leaf.name)
    for step in case.steps:
        names[step.name] = eval(step.text, names)
    return names


def forward(roots, feeds):
    return [y.forward(**feeds) for y in roots]


def evaluated(roots, wrt, feeds):
    """The engine's results and gradients."""
    results = forward(roots, feeds)
    if wrt:
        roots[0].backward(wrt)
    return results, [x.grad for x in wrt]


def called(program, wrt, feeds):
    """The program's."""
    results = program(**feeds)
    return [*results] if type(results) is tuple else [results], [x.grad for x in wrt]


def is_refusal(error):
    """Whether backward() says that there is no gradient to have."""
    return "does not depend" in str(error) or "booleans" in str(error)


def share(a, b):
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
        return False
    return a.size and b.size and np.may_share_memory(a, b)


def same_bits(kept, copies):
    return all(symptom(a, b) is None for a, b in zip(kept, copies))


def copied(items):
    return [np.array(x) if isinstance(x, np.ndarray) else x for x in items]


def against_program(case, modules=None):
    """The engine and the compiled program, call after call."""
    names, error = error_of(lazy, case)
    if error:
        return  # it works with other lengths only
    roots, wrt = [names[x] for x in case.results], [names[x] for x in case.wrt]
    options = {x.name: names[x.name] for x in case.leaves if x.kind != "raw"}
    program, refused = error_of(compiled, *roots, wrt=wrt, names=options)
    if refused:
        if not wrt or error_of(roots[0].backward, wrt)[1] != refused:
            yield Fault("compiling", f"{type(program).__name__}")
        return
    kept, copies = [], []
    for call in range(len(case.lengths)):
        feeds = set_leaves(case, names, call)
        leaves = [names[x.name].data for x in case.leaves if x.kind == "value"]
        leaves += [names[x.name] for x in case.leaves if x.kind == "raw"]
        given = [*feeds.values(), *leaves]
        before = copied(given)

        _, of_forward = error_of(forward, roots, feeds)
        expected, error = error_of(evaluated, roots, wrt, feeds)
        for x in wrt:
            x.grad = None
        actual, other = error_of(called, program, wrt, feeds)
        if error != other:
            of = actual if other else expected
            yield Fault(
                "program", f"{'error' if other else 'no error'} {type(of).__name__}"
            )
        elif error and not of_forward and not is_refusal(expected):
            yield Fault("backward", type(expected).__name__)
        if error or other:
            return
        spread, is_wild = spreads(case, call), None
        anew, error = error_of(fixed, case, call)
        for i, (a, b) in enumerate(
            zip(sum(expected, []), anew.data if not error else [])
        ):
            found = symptom(a, b, spread(i), has_type=False)
            if found:
                yield Fault("built anew", found)
                return
        for i, (a, b) in enumerate(zip(sum(actual, []), sum(expected, []))):
            found = symptom(a, b, spread(i))
            if found in ("nan", "infinite", "number"):
                is_wild = is_extreme(case, call) if is_wild is None else is_wild
                if is_wild and (found == "number" or not np.all(np.isfinite(b))):
                    continue
                found = "overflow" if is_wild else found
            if found:
                part = "program" if i < len(roots) else "program's gradient"
                yield Fault(part, found)
                return
        if not same_bits(given, before):
            yield Fault("memory", "an input was written to")
        if not same_bits(kept, copies):
            yield Fault("memory", "an earlier result changed")
        # Those of a program that are no leaf's may be one array.
        arrays = [*actual[0], *[g for x, g in zip(case.wrt, actual[1]) if x[0] == "x"]]
        pairs = [*itertools.combinations(arrays, 2), *itertools.product(arrays, given)]
        if any(share(a, b) for a, b in pairs):
            yield Fault("memory", "a program's results share")
        own = [g for x, g in zip(case.wrt, expected[1]) if x[0] == "x"]
        pairs = [*itertools.combinations(own, 2), *itertools.product(own, given)]
        if any(share(a, b) for a, b in pairs):
            yield Fault("memory", "the engine's gradients share")
        kept += [*actual[0], *own]
        copies += copied([*actual[0], *own])
        if call == 0:
            yield from under_errors(case, names, roots, wrt, program, feeds)
    if modules is not None:
        modules.add(case, program)


def under_errors(case, names, roots, wrt, program, feeds):
    """Recorded while NumPy is silent; then it raises only where the engine does."""
    with np.errstate(all="raise", under="ignore"):
        for y in roots:
            if error_of(y.forward, **feeds)[1]:
                return
        if wrt and error_of(roots[0].backward, wrt)[1]:
            return
        result, error = error_of(program, **feeds)
    if error:
        yield Fault("errstate", type(result).__name__)


def against_wide(case):
    """Half, single and integer data, and the same in float64.

    Where all that the engine computes is the same number, gradients are the same; and
    nothing overflows that has room.
    """
    if not case.wrt or re.search(r"astype|_like|\.at\[", str(case.steps)):
        return
    texts = [wide_text(step.text) for step in case.steps]
    steps = [step._replace(text=text) for step, text in zip(case.steps, texts)]
    wide_case = case._replace(steps=tuple(steps))
    if wide_case == case and not re.search(NARROW, str(case.leaves)):
        return
    runs, error = error_of(lambda: (fixed(case), fixed(wide_case, change=widened)))
    if error:
        return
    small, wide = runs
    held = [x for x in small.names if isinstance(small.names[x], Value)]
    if any(small.names[x].dtype == "g" for x in held):
        return
    eps = eps_of(*[small.names[x].data for x in held])
    for a, b in [(small.names[x].data, wide.names[x].data) for x in held]:
        if np.shape(a) != np.shape(b):
            return
        if not np.allclose(np.asarray(a, float), b, 64 * eps, 0, equal_nan=True):
            return
    numbers = [*held_by(wide.names, case)]
    limits = [
        np.finfo(x.dtype) for x in map(small.names.get, held) if x.dtype.kind == "f"
    ]
    largest = min([float(x.max) for x in limits] or [1e300])
    smallest = max([float(x.tiny) for x in limits] or [1e-300])
    if not all(np.all((x <= largest) & (x >= smallest)) for x in numbers):
        return
    is_far = any(np.any((x > largest**0.5) | (x < smallest**0.5)) for x in numbers)
    is_coarse = any(x.kind == "f" for x in (small.names[y].dtype for y in case.wrt))
    spread = spreads(wide_case, 0, widened, eps)
    for i, (a, b) in enumerate(
        zip(small.gradients, measured(case, wide.names).gradients)
    ):
        b = np.asarray(b).astype(np.result_type(a))
        slack = (
            64 * eps * (1 + np.max(abs(b[np.isfinite(b)]), initial=0))
            if is_coarse
            else 0
        )
        found = symptom(a, b, spread(i + len(case.results)), False, slack)
        is_lost = found in ("nan", "infinite")
        if found and (is_lost or not is_far):
            yield Fault("wide", "overflow" if is_lost else found)


DIFFERENT = "fmax|fmin|hypot|logaddexp|tensordot|FUNCTIONS|UNARY|BINARY"  # docs
NARROW = r"dtype='(?!>?f8)|np\.|True"


def wide_text(text):
    """With numbers of Python and of float64 for those of other dtypes."""
    text = re.sub(r"np\.u?int\d+\((-?\d+)\)", r"\1", text)
    text = re.sub(r"np\.float\d+\((-?[\w.]+)\)", r"np.float64(\1)", text)
    return re.sub(r'"[iu]\d"\)', '"i8")', text)


def widened(data):
    """In float64."""
    return np.asarray(data, float) if isinstance(data, np.ndarray) else float(data)


def against_torch(case):
    """The whole expression in float64, where PyTorch has it under the same names."""
    texts = [step.text.replace("np.", "torch.") for step in case.steps]
    if not case.wrt or re.search(DIFFERENT, str(texts)):
        return
    names, tensors = fixed(case).names, {"torch": torch, "inf": np.inf, "nan": np.nan}
    for leaf in case.leaves:
        data = plain_of(names[leaf.name])
        if np.result_type(data) != "f8" or not np.all(np.isfinite(data)):
            return
        tensors[leaf.name] = torch.tensor(np.array(data, float), requires_grad=True)
    for step, text in zip(case.steps, texts):
        y, error = error_of(eval, text, tensors)
        data = names[step.name].data
        if error or not isinstance(y, torch.Tensor) or y.shape != np.shape(data):
            return
        numbers = y.detach().numpy()
        if not np.all(np.isfinite(numbers) & np.isclose(numbers, data, 1e-9, 1e-9)):
            return
        tensors[step.name] = y
    if error_of(tensors[case.results[0]].sum().backward)[1]:
        return
    spread, is_wild = spreads(case, 0), is_extreme(case)
    for i, name in enumerate(case.wrt):
        theirs = tensors[name].grad
        ours = np.asarray(measured(case, names).gradients[i])
        theirs = None if theirs is None else theirs.numpy()
        if (
            theirs is None
            or ours.dtype != theirs.dtype
            or not np.all(np.isfinite(theirs))
        ):
            continue
        # Where ours is nan and PyTorch's is not, other roundings are no excuse.
        is_finite = np.all(np.isfinite(ours))
        near = spread(i + len(case.results)) if is_finite else None
        found = symptom(ours, theirs, near, False, 1e-9)
        is_lost = found in ("nan", "infinite")
        if found and found != "sign of zero" and (is_lost or not is_wild):
            yield Fault("PyTorch", found)


def near(some, others):
    return all(
        np.allclose(a, b, 1e-2, 1e-6, equal_nan=True) for a, b in zip(some, others)
    )


def against_changes(case):
    """A constant array that changes in place: all of a program sees it, or nothing."""
    raws = [x for x in case.leaves if (x.kind, x.change) == ("raw", "in place")]
    names, error = error_of(lazy, case)
    if error:
        return
    data = [names[x.name] for x in raws]
    data = [x for x in data if isinstance(x, np.ndarray) and x.flags.writeable]
    if not data or any(x.dtype.kind == "b" for x in data):
        return
    roots, wrt = [names[x] for x in case.results], [names[x] for x in case.wrt]
    program, error = error_of(compiled, *roots, wrt=wrt)
    if error:
        return
    feeds = set_leaves(case, names, 0)

    def computed(results):
        results = results if isinstance(results, tuple) else (results,)
        return copied([*results, *[x.grad for x in wrt]])

    result, error = error_of(program, **feeds)
    if error:
        return
    old = computed(result)
    for x in data:
        x *= 3
    actual = computed(program(**feeds))
    results = tuple(y.forward(**feeds) for y in roots)
    if wrt:
        roots[0].backward(wrt)
    if not near(actual, old) and not near(actual, computed(results)):
        yield Fault("changed constant", "half of it is seen")


CHECKS = [against_numpy, against_program, against_wide, against_torch, against_changes]


def faults_of(case, modules=None):
    """All of them, each once."""
    found = {}
    with quiet():
        for check in CHECKS:
            if check is against_torch and torch is None:
                continue
            options = [modules] if check is against_program else []
            try:
                for fault in check(case, *options):
                    found[fault] = None
            except Exception as error:
                if not found and not is_refusal(error):
                    found[Fault(check.__name__, type(error).__name__)] = None
    return [x._replace(case=case) for x in found]


# --- Saved modules, in a process without micrograd ------------------------------------

ALONE = """
import pickle, runpy, sys, warnings
import inspect
import numpy
sys.modules["micrograd"] = None
warnings.simplefilter("ignore")
numpy.seterr(all="ignore")
outcomes = []
for path, calls in pickle.load(open("tasks", "rb")):
    step = runpy.run_path(path)["step"]
    known = inspect.signature(step).parameters
    for data in calls:
        try:
            data = {k: x for k, x in data.items() if k in known}
            outcomes.append(step(**data))
        except Exception as error:
            outcomes.append((type(error).__name__, str(error)))
pickle.dump(outcomes, open("outcomes", "wb"))
"""


class Modules:
    """Saves the programs of many cases, and calls them in one process."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.cases = []

    def add(self, case, program):
        path = Path(self.folder.name, f"module{len(self.cases)}.py")
        _, error = error_of(program.save, path)
        if not error:
            self.cases.append((case, path.name))

    def faults(self):
        """Of all that were saved since the last time."""
        cases, self.cases = self.cases, []
        tasks = []
        for case, name in cases:
            inputs = [x for x in case.leaves if x.kind != "raw"]
            n = range(len(case.lengths))
            calls = [{x.name: x.data(i, case.lengths) for x in inputs} for i in n]
            tasks.append((name, calls))
        if not tasks:
            return
        folder = Path(self.folder.name)
        (folder / "tasks").write_bytes(pickle.dumps(tasks))
        command = [sys.executable, "-I", "-c", ALONE]
        subprocess.run(command, cwd=folder, check=True)
        outcomes = iter(pickle.loads((folder / "outcomes").read_bytes()))
        for case, _ in cases:
            for call in range(len(case.lengths)):
                found = self.compared(case, call, next(outcomes))
                if found:
                    yield Fault("module", found, case)

    def compared(self, case, call, outcome):
        with quiet():
            run, error = error_of(fixed, case, call)
            if error:
                return None
            if type(outcome) is tuple and type(outcome[0]) is str:
                is_documented = outcome[0] in ("ValueError", "TypeError")
                return None if is_documented else f"{outcome[0]}"
            results, gradients = outcome if case.wrt else (outcome, ())
            results = results if len(case.results) > 1 else [results]
            spread = spreads(case, call)
            for i, (a, b) in enumerate(zip([*results, *gradients], run.data)):
                found = symptom(a, b, spread(i), has_type=False)
                if found and found != "dtype" and not is_extreme(case, call):
                    return found
        return None


# --- Making a finding smaller ---------------------------------------------------------


def without(case, step, operand):
    """The case with an operand in place of a step."""
    rename = lambda text: re.sub(rf"\b{step.name}\b", operand, text)
    steps = tuple(
        Step(x.name, rename(x.text), rename(x.reference))
        for x in case.steps
        if x is not step
    )
    results = tuple(dict.fromkeys(map(rename, case.results)))
    wrt = tuple(dict.fromkeys(map(rename, case.wrt)))
    return case._replace(steps=steps, results=results, wrt=wrt)


def plainer(leaf):
    """The same leaf with one thing less."""
    if leaf.kind == "lazy":
        yield leaf._replace(kind="value")
    if "n" in leaf.dims:
        yield leaf._replace(dims=tuple(2 if d == "n" else d for d in leaf.dims))
    for i, d in enumerate(leaf.dims):
        yield leaf._replace(dims=leaf.dims[:i] + leaf.dims[i + 1 :])
        if d not in (0, 1, "n"):
            smaller = 1 if d < 4 else d // 2
            yield leaf._replace(dims=(*leaf.dims[:i], smaller, *leaf.dims[i + 1 :]))
    for i in range(len(leaf.numbers)):
        if len(leaf.numbers) > 1:
            yield leaf._replace(numbers=leaf.numbers[:i] + leaf.numbers[i + 1 :])
    if leaf.layout != "{}":
        yield leaf._replace(layout="{}")
    if leaf.dtype != "f8" and not leaf.form:
        yield leaf._replace(dtype="f8")
    if leaf.form not in ("", "{}"):
        yield leaf._replace(form="{}")
    plain = "1" if leaf.form and "." not in str(leaf.numbers) else "1.0"
    for i, number in enumerate(leaf.numbers):
        if number not in ("1.0", "1", "True", "False") and "?" not in leaf.dtype:
            numbers = (*leaf.numbers[:i], plain, *leaf.numbers[i + 1 :])
            yield leaf._replace(numbers=numbers)


def smaller(case):
    """Cases with one thing less, those that save most first."""
    for step in case.steps:
        if case.results != (step.name,):
            yield case._replace(results=(step.name,))
            wrt = tuple(x for x in case.wrt if x[0] == "x")
            yield case._replace(results=(step.name,), wrt=wrt)
    for i in range(len(case.wrt)):
        yield case._replace(wrt=case.wrt[:i] + case.wrt[i + 1 :])
    for i in range(len(case.lengths)):
        if len(case.lengths) > 1:
            yield case._replace(lengths=case.lengths[:i] + case.lengths[i + 1 :])
    for step in reversed(case.steps):
        if len(case.steps) > 1:
            raws = [x.name for x in case.leaves if x.kind == "raw"]
            for operand in dict.fromkeys(names_in(step.text)):
                if operand in raws:
                    continue
                yield without(case, step, operand)
    for i, leaf in enumerate(case.leaves):
        for other in plainer(leaf):
            yield case._replace(leaves=(*case.leaves[:i], other, *case.leaves[i + 1 :]))


def occurs(fault, case):
    """Whether a case has the same fault."""
    modules = Modules() if fault.check == "module" else None
    found = faults_of(case, modules)
    if modules:
        found += [*modules.faults()]
    return any(x[:2] == fault[:2] for x in found)


def minimised(fault, seconds=5):
    """The same fault in fewer lines, by leaving out what it does not need."""
    end = time.monotonic() + seconds
    with quiet():
        return smallest(fault, end)


def smallest(fault, end):
    case, is_smaller = fault.case, True
    while is_smaller and time.monotonic() < end:
        is_smaller = False
        for other in map(pruned, smaller(case)):
            is_valid = other != case and other.results and other.steps
            is_valid = is_valid and other.results[0][0] == "v"
            if is_valid and error_of(occurs, fault, other)[0] is True:
                case, is_smaller = other, True
                break
            if time.monotonic() > end:
                break
    return fault._replace(case=case)


# --- Hunting --------------------------------------------------------------------------


class Hunt:
    """What is found in some seconds: new faults, and known ones by their entry."""

    def __init__(self, entries=(*DOCUMENTED, *KNOWN), most=20, patience=5):
        self.entries, self.most, self.patience = entries, most, patience
        self.new, self.known, self.n_cases, self.n_modules = [], Counter(), 0, 0

    def meet(self, fault):
        fault = minimised(fault, self.patience)
        entry = next((x for x in self.entries if x.describes(fault)), None)
        if entry is not None:
            self.known[entry] += 1
        elif all(x[:2] + (x.text,) != fault[:2] + (fault.text,) for x in self.new):
            self.new.append(fault)
            print(described(fault), flush=True)

    def run(self, seconds, seed):
        modules, end = Modules(), time.monotonic() + seconds
        for i in itertools.count():
            late = time.monotonic() > end or len(self.new) >= self.most
            if late or len(modules.cases) >= 200:
                self.n_modules += len(modules.cases)
                for fault in modules.faults():
                    self.meet(fault)
            if late:
                return self
            with quiet():
                case = drawn(seed * 10**6 + i)
            if case is None:
                continue
            self.n_cases += 1
            for fault in faults_of(case, modules if i % 4 == 0 else None):
                self.meet(fault)


def described(fault):
    rule = f"--- {fault.check}: {fault.symptom} (--case {fault.case.seed}) ".ljust(
        88, "-"
    )
    with quiet():
        return f"{rule}\n{script(fault.case, 'constant' in fault.check)}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--case", type=int, help="the number of one case to try again")
    parser.add_argument("--most", type=int, default=20, help="findings, then it ends")
    arguments = parser.parse_args()
    seed = arguments.seed
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    hunt = Hunt(most=arguments.most)
    if arguments.case is not None:
        case = drawn(arguments.case)
        print(script(case))
        for fault in faults_of(case):
            hunt.meet(fault)
    else:
        print(f"seed {seed}", flush=True)
        hunt.run(arguments.seconds, seed)
    print(f"{hunt.n_cases} cases, {hunt.n_modules} modules, {len(hunt.new)} new faults")
    for entry, n in sorted(hunt.known.items(), key=lambda x: x[0].kind):
        print(f"{n:6} times kind {entry.kind}: {entry.why}")
    sys.exit(bool(hunt.new))


if __name__ == "__main__":
    main()
