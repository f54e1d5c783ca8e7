"""Random cases: what a step can be, and how leaves and steps are drawn."""

import contextlib
import inspect
import random
import re
from typing import Any, NamedTuple

import numpy as np
from fuzz_cases import (
    NAMES,
    Case,
    Leaf,
    Step,
    evaluate,
    names_in,
    plain_of,
    quiet,
)
from known import ENDLESS

from micrograd import Value, special
from micrograd.interface import families, protocol
from micrograd.rules import RULES

# --- What a step can be ---------------------------------------------------------------

TEMPLATES = """
    {0}.T | {0}[0] | {0}[-1] | {0}[::-1] | {0}[..., None] | {0}[1:] | {0}[[0, 0]]
    {0}[np.array([0], "u1")] | {0}[np.arange(150, dtype="u1")] | {0}.reshape(-1)
    {0} @ {1} | {0} // {1} | {0} % {1} | +{0} | abs({0}) | {0} * {0} | {0} / {1} * {0}
    {0} ** 2 | 1 / {0} | 2 * {0} | {0} + {0} | 0.0 + {0} | {0} * 1.0 | {0} - 0
    {0}.sum() | {0}.mean() | {0} ** np.float64(2) | {0}.clip(0, 1)
    np.where({0} > 0, {1}, {0}) | where({0} > {1}, {0}, 0.0)
    np.where({0} > 0, -1.0, 0.0) | 1 / np.where({0} > 0, -1.0, 0.0) | -({0} * 0)
    stack([{0}, {1}]) | concatenate([{0}, {1}]) | {0}[{0} > 0] | {0}.flatten()
    cube({0}) | cube({0}, {name!r}) | gate({0}, {1}) | tensordot({0}, {1}, 1)
    {0}.at[{key}].set({1}) | {0}.at[{key}].add({1}) | {0}[{key}] | {0}.var() | {0}.mT
"""
KEYS = '0 ... -1,0 1:,...,0 None [0,0] [[1],[0]] [] {0}>0 {1}>0 np.array([0],"u1")'
NASTY = "class None __debug__ µ ﬁlter ª print np full slice asarray step given g"
NASTY += " OtherShape arrays dot empty self values v0 w1 _ 𝐱"
NASTY_TEXTS = ["a\n    1 / 0\n    # ", '"""', "x²", "a b", "", "\\", "1", "{0}", "#"]
NASTY_TEXTS += ["a.b", "\u2028", "'\n", *NASTY.split()]
SEQUENCES = "arrays tup choicelist choices".split()
UNSUITED = "kwargs out subok like where copy initial casting dtype_ method".split()
HANDLED = {**RULES, **families.FUNCTIONS, **protocol.FUNCTIONS}


class Operation(NamedTuple):
    text: str  # "np.roll({arguments})", or with operands as {0}
    parameters: Any = ()  # inspect.Parameters


def parameters_of(function):
    """NumPy's, or ours; those of a ufunc are its operands alone."""
    n = getattr(function, "nin", None)
    for source in (function, HANDLED.get(function)) if n is None else ():
        with contextlib.suppress(TypeError, ValueError):  # it may have no signature
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


def of_module(path):
    """The functions of Values in one of NumPy's modules, or in `special`."""
    functions = [x for x in vars(eval(path, NAMES)).items() if is_ours(x[1])]
    return [
        Operation(f"{path}.{k}({{arguments}})", parameters_of(f)) for k, f in functions
    ]


def of_table(name):
    """The rows of a table of the tests."""
    if name == "REDUCTIONS":
        keyword = inspect.Parameter.KEYWORD_ONLY
        options = [
            inspect.Parameter(x, keyword, default=0) for x in ("axis", "keepdims")
        ]
        texts = [f"{name}[{key!r}][0]({{0}}, {{arguments}})" for key in NAMES[name]]
        return [Operation(text, options) for text in texts]
    operands = "{0}" if name == "UNARY" else "{0}, {1}"
    row = "" if name == "FUNCTIONS" else "[0]"
    return [Operation(f"{name}[{key!r}]{row}({operands})") for key in NAMES[name]]


NUMPYS = of_module("np")
FAMILIES = [  # one of them is drawn, and one of its operations
    NUMPYS,
    [x for x in NUMPYS if type(getattr(np, x.text[3:].split("(")[0])) is np.ufunc],
    of_module("np.linalg") + of_module("special") + of_table("REDUCTIONS"),
    of_table("UNARY") + of_table("BINARY"),
    of_table("COMPARISONS") + of_table("FUNCTIONS"),
    [Operation(x) for x in re.split(r" \| |\n *", TEMPLATES.strip())],
]
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


class Draft:
    """A case as it is drawn, and what its names hold."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.seed, self.leaves, self.steps = seed, [], []
        self.names = dict(NAMES)
        lengths = [2, 3, 1, 2, 3, 4, 0, 5, 40]
        self.n = self.some(["n", 2, 3])
        self.dims = [self.n, *self.rng.sample(lengths, 2)]
        last = 0 if self.chance(0.3) else self.some([1, 2, 3, 5])
        self.lengths = (self.some([1, 2, 3, 5]), self.some([1, 2, 3, 5]), last)
        self.dtypes = self.some([["f8"], ["f8"], DTYPES, ["f4"], ["f2", "u1"]])
        self.floats = self.some([TAME, TAME, TAME + WILD])
        self.is_large, self.is_nasty = self.chance(0.03), self.chance(0.05)

    def some(self, items):
        return self.rng.choice(items)

    def chance(self, share):
        return self.rng.random() < share

    def leaf(self, kind=None):
        """The name of a new one."""
        name = f"x{len(self.leaves)}"
        kind = kind or self.some(["lazy", "value", "value", "raw"])
        dtype, change = self.some(self.dtypes), self.some(["replace", "in place"])
        pool = self.pool(np.dtype(dtype).kind)
        numbers = tuple(self.some(pool) for _ in range(self.rng.randint(1, 6)))
        leaf = Leaf(name, kind, change, dtype, numbers)
        if self.chance(0.2):
            forms = FORMS if pool is self.floats else INT_FORMS
            forms = tuple(self.some(forms) for _ in range(self.some([1, 1, 3])))
            if "uint" in str(forms):
                numbers = tuple(x.lstrip("-") for x in numbers)
            leaf = leaf._replace(forms=forms, numbers=numbers)
        else:
            dims = self.shape(kind)
            layout = self.some(LAYOUTS) if dims else "{}"
            leaf = leaf._replace(dims=dims, layout=layout)
        if self.is_nasty and kind != "raw":
            label = self.some(NASTY.split() if kind == "lazy" else NASTY_TEXTS)
            if label not in [x.label for x in self.leaves]:
                leaf = leaf._replace(label=label)
        data = evaluate(leaf.text(0, self.lengths), NAMES)
        self.names[name] = data if kind == "raw" else Value(data)
        self.leaves.append(leaf)
        return name

    def pool(self, kind):
        """The texts of numbers of a kind of dtype."""
        if kind == "b":
            return ["True", "False"]
        counts = [x for x in COUNTS if kind == "i" or x[0] != "-"]
        return self.floats if kind == "f" else counts

    def shape(self, kind):
        """Lengths of axes; those of raw arrays are never open."""
        n_axes = self.some([0, 1, 1, 2, 2, 2, 3])
        dims = [self.some([*self.dims, self.n, 1]) for _ in range(n_axes)]
        if kind == "raw":
            dims = [1 if self.n == "n" else d for d in dims]
        if dims.count(40) > 1:
            dims = [3 if d == 40 else d for d in dims]
        if self.is_large and dims:
            dims[0] = self.some([256, 1500, 5000])
        return tuple(dims)

    def value(self):
        """A name that holds a Value, mostly one of the last."""
        values = [x for x in self.names if isinstance(self.names[x], Value)]
        return self.some(values[-2:] * 2 + values)

    def operand(self):
        """A name, mostly, or a number."""
        if self.chance(0.6):
            return self.value()
        if self.chance(0.6) and len(self.leaves) < 5:
            return self.leaf()
        is_float = self.chance(0.6)
        text = self.some(self.floats if is_float else COUNTS)
        text = self.number(text, FORMS if is_float else INT_FORMS)
        return f"({text})" if text[0] == "-" else text

    def number(self, text, forms):
        """It in one of these forms; unsigned ones have no sign."""
        form = self.some(forms)
        return form.format(text.lstrip("-") if "uint" in form else text)

    def argument(self, parameter, operands):
        """Its text; an operand where nothing is known about the name."""
        name = parameter.name
        if name in POOL:
            text = self.some(POOL[name])
            is_plain = not re.fullmatch(r"-?\d+", text) or self.chance(0.8)
            return text if is_plain else self.number(text, INT_FORMS)
        if name in SEQUENCES or name == "values" and not operands:
            return f"[{self.value()}, {self.operand()}]"
        if name == "condlist":
            return f"[{self.value()} > 0, {self.value()} < 1]"
        operands.append(name)
        if name in ("condition", "test_elements", "bins", "xp") and self.chance(0.5):
            return self.some(["[0.0, 1.0]", "[True, False]", "[-1, 0, 2]"])
        return self.value() if len(operands) == 1 else self.operand()

    def arguments(self, parameters):
        texts, operands, has_gap = [], [], False
        for x in parameters:
            if x.kind is x.VAR_POSITIONAL:
                texts += [self.argument(x, operands) for _ in range(self.some([1, 2]))]
            elif x.default is x.empty or x.name in POOL and self.chance(0.45):
                is_named = x.kind is x.KEYWORD_ONLY or has_gap or x.name == "keepdims"
                prefix = f"{x.name}=" if is_named else ""
                texts.append(prefix + self.argument(x, operands))
            else:
                has_gap = True
        return ", ".join(texts)

    def text(self):
        """Source of a step."""
        operation = self.some(self.some(FAMILIES))
        operands = [self.value(), self.operand()]
        if "{1}" in operation.text and "}." not in operation.text:
            operands = self.rng.sample(operands, 2)  # the number may come first
        return operation.text.format(
            *operands,
            arguments=self.arguments(operation.parameters),
            key=self.some(KEYS.split()).format(*operands),
            name=self.some(NASTY_TEXTS),
        )

    def step(self):
        """Add a step, if the engine takes it; return one that it refuses."""
        name, text = f"v{len(self.steps)}", self.text()
        if not names_in(text):
            return None
        if re.search(ENDLESS, text):
            used = [plain_of(self.names[x]) for x in names_in(text)]
            if not all(np.all(np.isfinite(x)) for x in used):
                return None
        try:
            y = evaluate(text, self.names)
        except Exception:
            return Step(name, text)
        if isinstance(y, (tuple, list)) and y:
            i = self.rng.randrange(len(y))
            text, y = f"{text}[{i}]", y[i]
        if not isinstance(y, Value) or y.data is None:
            return None
        if np.size(y.data) > 20000 or np.ndim(y.data) > 5:
            return None
        self.names[name] = y
        self.steps.append(Step(name, text))
        return None

    def case(self, *refused):
        steps = (*self.steps, *refused)
        names = [x.name for x in steps]
        results = (names[-1], *[self.some(names)] * self.chance(0.3))
        leaves = tuple(self.leaves)
        case = Case(self.seed, leaves, steps, results, lengths=self.lengths)
        return case.pruned()


def drawn(seed):
    """The case of this number, or None."""
    draft = Draft(seed)
    with quiet():
        draft.leaf(draft.some(["lazy", "value"]))
        wanted = draft.some([1, 1, 2, 2, 3, 4, 6])
        for _ in range(60):
            refused = draft.step()
            if refused and draft.chance(0.02):
                return draft.case(refused)
            if len(draft.steps) == wanted:
                break
        if not draft.steps:
            return None
        case = draft.case()
        return case._replace(wrt=some_wrt(case, draft))


def some_wrt(case, draft):
    """Names of what receives a gradient: the leaves, or leaves and results."""
    y = draft.names[case.results[0]]
    if y.dtype.kind == "b":
        return ()
    leaves = [x.name for x in case.leaves if x.kind != "raw"]
    values = [*leaves, *[x.name for x in case.steps]]
    some = draft.rng.sample(values, draft.rng.randint(1, min(3, len(values))))
    wrt = leaves if draft.chance(0.6) else some
    with contextlib.suppress(Exception):
        y.backward()
        wrt = [x for x in wrt if draft.names[x].grad is not None]
    return tuple({id(draft.names[x]): x for x in wrt}.values())  # np.clip(x) is x
