"""Random expressions as text: leaves, steps, and how they are drawn."""

import contextlib
import inspect
import random
import re
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import testing
from known import ENDLESS

from micrograd import Value, special
from micrograd.interface import families, protocol
from micrograd.rules import RULES

HEADER = """\
import numpy as np
from numpy import inf, nan

from micrograd import Value, compiled, concatenate, einsum, operator, special, stack
from micrograd import tensordot, where
from testing import BINARY, COMPARISONS, FUNCTIONS, REDUCTIONS, UNARY

cube = operator("cube", lambda x: x * x * x, lambda g, y, x: g * 3 * x * x)
gate = operator("gate", lambda a, b: a * (b > 0), lambda g, y, a, b: g * (b > 0), None)
"""
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


def plain_of(x):
    return x.data if isinstance(x, Value) else x


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


@contextlib.contextmanager
def quiet():
    """Without warnings."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


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

ARGUMENTS = {  # by the parameter's name; what fits no function is refused by NumPy
    "axis axes": "None None 0 1 -1 -2 2 (0,1) (1,0) (0,) () ([-1],[0])",
    "keepdims increasing right assume_unique invert upper bias rowvar": "True",
    "returned full_matrices compute_uv": "False True",
    "shape lengths": "-1 (-1,1) (1,-1) (2,-1) (3,2) (2,2,3) ()",
    "dtype": '"f4" "f8" "f2" int bool',
    "k offset shift n decimals N repeats ddof start kth obj reps": "0 1 2 -1 3 [0,1]",
    "axis1 axis2 source destination axisa axisb axisc": "0 1 -1",
    "indices_or_sections pad_width edge_order": "1 0 2 [1] [0,1]",
    "indices": '0 [0,0] [1,-1] np.array([1,0],"u1") [[0],[0]]',
    "q dx rtol atol rcond": "0.5 0.25 [0.1,0.9] 50 1 0.1 1e-3",
    "ord": "1 2 3 inf -inf 0 -1 'fro' 'nuc'",
    "mode": '"full" "same" "valid" "r" "edge" "wrap" "clip" "constant" "reflect"',
    "side UPLO order kind": '"right" "left" "U" "F" "C" "stable"',
    "subscripts": '"ij,kj->ik" "i,i" "ij->j" "ii" "...i,...i->..."',
}
POOL = {x: texts.split() for names, texts in ARGUMENTS.items() for x in names.split()}
SEQUENCES = "arrays tup choicelist choices".split()
UNSUITED = "kwargs out subok like where copy initial casting dtype_ method".split()
TEMPLATES = """
    {0}.T | {0}[0] | {0}[-1] | {0}[::-1] | {0}[..., None] | {0}[1:] | {0}[[0, 0]]
    {0}[np.array([0], "u1")] | {0}[np.arange(150, dtype="u1")] | {0}.reshape(-1)
    {0} @ {1} | {0} // {1} | {0} % {1} | +{0} | abs({0}) | {0} * {0} | {0} / {1} * {0}
    {0} ** 2 | 1 / {0} | 2 * {0} | {0} + {0} | 0.0 + {0} | {0} * 1.0 | {0} - 0
    {0}.sum() | {0}.mean() | {0} ** np.float64(2) | {0}.clip(0, 1)
    np.where({0} > 0, {1}, {0}) | where({0} > {1}, {0}, 0.0)
    np.where({0} > 0, -1.0, 0.0) | 1 / np.where({0} > 0, -1.0, 0.0) | -({0} * 0)
    stack([{0}, {1}]) | concatenate([{0}, {1}]) | {0}[{0} > 0] | {0}.flatten()
    cube({0}) | gate({0}, {1}) | {0}.at[0].set({1}) | {0}.at[..., 0].add({1})
    {0}.at[{0} > 0].add({1}) | {0}.var() | {0}.mT | tensordot({0}, {1}, 1)
"""


HANDLED = {**RULES, **families.FUNCTIONS, **protocol.FUNCTIONS}


class Operation(NamedTuple):
    text: str  # "np.roll({arguments})", or with operands as {0}
    parameters: Any = ()  # inspect.Parameters


def parameters_of(function):
    n = getattr(
        function, "nin", None
    )  # of a ufunc, whose other parameters are unsuited
    for source in (function, HANDLED.get(function)):
        with contextlib.suppress(TypeError, ValueError):  # it may have no signature
            if n is None:
                found = inspect.signature(source).parameters.values()
                return [x for x in found if x.name not in UNSUITED]
    n = len(RULES[function].derivatives) if n is None else n
    positional = inspect.Parameter.POSITIONAL_ONLY
    return [inspect.Parameter(f"x{i}", positional) for i in range(n)]


def is_ours(function):
    """Whether it is a function of NumPy's that takes Values, or of `special`."""
    if inspect.isfunction(function) and function.__module__ == special.__name__:
        return inspect.signature(function).return_annotation == "Value"
    return callable(function) and function in HANDLED


def operations():
    """All that a step can be, from the tables of the library and of the tests."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    options = [inspect.Parameter(x, keyword, default=0) for x in ("axis", "keepdims")]
    for table in (*TABLES, "FUNCTIONS"):
        n = 1 if table in ("UNARY", "REDUCTIONS") else 2
        operands = ", ".join(["{0}", "{1}"][:n])
        for key in NAMES[table]:
            if table == "REDUCTIONS":
                text = f"{table}[{key!r}][0]({operands}, {{arguments}})"
                yield Operation(text, options)
            else:
                place = "" if table == "FUNCTIONS" else "[0]"
                yield Operation(f"{table}[{key!r}]{place}({operands})")
    for path, module in (("np", np), ("np.linalg", np.linalg), ("special", special)):
        for name, function in vars(module).items():
            if is_ours(function):
                yield Operation(
                    f"{path}.{name}({{arguments}})", parameters_of(function)
                )
    yield from map(Operation, re.split(r" \| |\n *", TEMPLATES.strip()))


OPERATIONS = [*operations()]
FAMILIES = [  # one of them is drawn, and one of its operations
    [x for x in OPERATIONS if re.match(pattern, x.text)]
    for pattern in (
        r"np\.",
        "UNARY|BINARY",
        r"(?!np\.)",
        r".*\{0\}",
        "|".join(
            rf"np\.{x}\(\{{ar" for x in dir(np) if type(getattr(np, x)) is np.ufunc
        ),
    )
]


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
        """Add a step, if the engine takes it; return one that it refuses."""
        operation = self.some(self.some(FAMILIES))
        operands = [self.value(), self.operand()]
        if re.search(r"\{1\}", operation.text) and "}." not in operation.text:
            operands = self.rng.sample(operands, 2)  # the number may come first
        arguments = self.arguments(operation.parameters)
        name = f"v{len(self.steps)}"
        text = operation.text.format(*operands, arguments=arguments)
        if re.search(ENDLESS, text):
            used = [plain_of(self.names[x]) for x in names_in(text)]
            if not all(np.all(np.isfinite(x)) for x in used):
                return None
        try:
            y = eval(text, self.names)
        except Exception:
            return Step(name, text)
        if isinstance(y, (tuple, list)) and y:
            i = self.rng.randrange(len(y))
            text, y = f"{text}[{i}]", y[i]
        if not isinstance(y, Value) or y.data is None or np.size(y.data) > 20000:
            return None
        if not names_in(text) or np.ndim(y.data) > 5:
            return None
        self.names[name] = y
        self.steps.append(Step(name, text))
        return None


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
    if not draft.steps:
        return None
    steps = [x.name for x in draft.steps]
    results = (steps[-1], *[draft.some(steps)] * (draft.rng.random() < 0.3))
    case = Case(seed, tuple(draft.leaves), tuple(draft.steps), results)
    case = pruned(case)._replace(lengths=draft.lengths)
    leaves = [x.name for x in case.leaves if x.kind != "raw"]
    values = leaves + [x.name for x in case.steps]
    some = draft.rng.sample(values, draft.rng.randint(1, min(3, len(values))))
    wrt = leaves if draft.rng.random() < 0.6 else some
    y = draft.names[results[0]]
    if y.dtype.kind == "b":
        return case
    with quiet(), contextlib.suppress(Exception):
        y.backward()
        wrt = [x for x in wrt if draft.names[x].grad is not None]
        wrt = {id(draft.names[x]): x for x in wrt}.values()  # np.clip(x) is x
    return case._replace(wrt=tuple(wrt))
