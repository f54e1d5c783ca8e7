"""A differential fuzzer: random expressions, computed in several ways, have to agree.

    python tests/fuzz.py --seconds 3600 --seed 7      # what it finds, in a few lines
    python tests/fuzz.py --case 7000123               # one case again

A case is text: leaves, and steps such as `v3 = np.maximum(v1, v2)`. So each finding is
a script that runs alone, and a case is made smaller by leaving lines out. The steps
come from the tables of operators; a new operator takes part without a line here.
"""

import argparse
import functools
import itertools
import pickle
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import testing
from fuzz_cases import (
    NAMES,
    PLAIN,
    drawn,
    is_in_place,
    names_in,
    plain_of,
    pruned,
    quiet,
    script,
)
from known import DOCUMENTED, KNOWN

from micrograd import Value, compiled, operator

torch = None
if testing.is_installed("torch"):
    import torch

# --- Comparing ------------------------------------------------------------------------


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
        if noise and y.dtype.kind == "f":
            if re.search("tanh|sigmoid", step.text):
                y.data = noise(y.data)  # their derivatives are small differences of y
            y = stir(y)
        names[step.name] = y
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
        problem = modules.add(case, program)
        if problem:
            yield Fault("saving", type(problem).__name__)


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
        if not np.all(np.isfinite(b)):
            continue
        b = np.asarray(b).astype(np.result_type(a))
        slack = (
            64 * eps * (1 + np.max(abs(b[np.isfinite(b)]), initial=0))
            if is_coarse
            else 0
        )
        found = symptom(a, b, spread(i + len(case.results)), False, slack)
        is_lost = found in ("nan", "infinite")
        if found and found != "sign of zero" and (is_lost or not is_far):
            yield Fault("wide", "overflow" if is_lost else found)


DIFFERENT = "fmax|fmin|hypot|logaddexp|tensordot|FUNCTIONS|UNARY|BINARY"  # docs
NARROW = r"dtype='(?!>?f8)|np\.|True"


def wide_text(text):
    """With numbers of Python and of float64 for those of other dtypes."""
    text = re.sub(r"np\.u?int\d+\((-?\d+)\)", r"\1", text)
    text = re.sub(r"np\.float\d+\((-?[\w.]+)\)", r"np.float64(\g<0>)", text)
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
        problem, error = error_of(program.save, path)
        if not error:
            self.cases.append((case, path.name))
        return problem if error and not isinstance(problem, ValueError) else None

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
        x._replace(text=rename(x.text), reference=rename(x.reference))
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
    for entry in sorted(hunt.entries):  # one that is never met may be mended
        print(f"{hunt.known[entry]:6} times kind {entry.kind}: {entry.why}")
    sys.exit(bool(hunt.new))


if __name__ == "__main__":
    main()
