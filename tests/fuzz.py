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
from known import KNOWN

from micrograd import Value, compiled, operator

torch = None
if testing.is_installed("torch"):
    import torch


class Finding(NamedTuple):
    check: str  # what was compared
    symptom: str  # how it differs
    case: Any = None

    @property
    def text(self):
        return "\n".join(step.text for step in self.case.steps)


def error_of(function, *args, **options):
    """What it returns and None, or its error and the error's kind."""
    try:
        return function(*args, **options), None
    except Exception as error:
        kinds = (TypeError, (IndexError, ValueError), FloatingPointError)
        found = [x for x in kinds if isinstance(error, x)]
        return error, found[0] if found else type(error)


# --- Comparing ------------------------------------------------------------------------


def eps_of(*data):
    """The coarsest rounding among them."""
    dtypes = [np.result_type(x) for x in data]
    return max([float(np.finfo(x).eps) for x in dtypes if x.kind == "f"] or [2.0**-52])


def kinds_of(x):
    """What a number is, besides its size: its sign, if it is 0 or infinite; nan."""
    if x.dtype.kind != "f":
        return np.zeros(x.shape, int)
    signs = np.where(np.signbit(x), -1, 1)
    kinds = np.where(x == 0, signs, np.where(np.isinf(x), 4 * signs, 0))
    return np.where(np.isnan(x), 9, kinds)


def symptom(actual, expected, spread=None, has_type=False, slack=0):
    """How they differ, or None.

    `spread()` has the expected one with other roundings, or None if that cannot be
    told; it is called only if they differ.
    """
    if has_type and type(actual) is not type(expected):
        return f"type {type(actual).__name__} for {type(expected).__name__}"
    a, b = np.asarray(actual), np.asarray(expected)
    if np.result_type(a) != np.result_type(b):  # of any order of bytes
        return "dtype"
    if a.shape != b.shape:
        return "shape"
    is_float = a.dtype.kind == "f"
    is_same = a == b
    if is_float:
        is_far = abs(a - b) > 64 * np.finfo(a.dtype).eps * abs(b)
        is_same = (kinds_of(a) == kinds_of(b)) & ~is_far
    if spread is not None and not np.all(is_same):
        runs = spread()
        if runs is None or any(np.shape(y) != b.shape for y in runs):
            return None
        for y in map(np.asarray, runs):
            is_same |= kinds_of(y) != kinds_of(b)
        widths = [abs(np.subtract(1.0 * b, y, dtype=float)) for y in runs]
        width = sum(map(np.nan_to_num, widths))
        if is_float:
            near = 16 * width + 4 * np.finfo(a.dtype).tiny + slack
            both = np.isfinite(a) & np.isfinite(b) & ((a != 0) | (b != 0) | (slack > 0))
            is_same |= both & (abs(np.subtract(1.0 * a, b, dtype=float)) <= near)
        else:
            is_same |= width > 0
    if np.all(is_same):
        return None
    a, b = a[~is_same], b[~is_same]
    if not is_float:
        return "number"
    if np.any(np.isnan(a) != np.isnan(b)):
        return "nan"
    if np.any(np.isinf(a) | np.isinf(b)):
        return "infinite"
    return "sign of zero" if np.any((a == 0) & (b == 0)) else "number"


def rounding(eps, seed):
    """A function that rounds numbers of floating dtype in another way."""
    rng = np.random.default_rng(seed)

    def function(x):
        dtype = np.result_type(x)
        if dtype.kind != "f":
            return x
        factor = np.asarray(1 + eps * rng.uniform(-8, 8, np.shape(x)))
        y = np.asarray(x * factor.astype(dtype)).astype(dtype)
        return y if isinstance(x, np.ndarray) else y[()]

    return function


def leaves_of(case, call=0, is_lazy=False):
    """The names that steps can use, with the data of a call; of raw ones, no Values."""
    names = dict(NAMES)
    for leaf in case.leaves:
        data = leaf.data(call, case.lengths)
        if is_lazy and leaf.kind == "lazy":
            names[leaf.name] = Value(shape=leaf.shape(None), name=leaf.name)
        else:
            names[leaf.name] = data if leaf.kind == "raw" else Value(data)
    return names


def fixed(case, call=0, change=None, noise=None):
    """The expression, built of the data of a call: its names, and their results."""
    names = leaves_of(case, call)
    for leaf in case.leaves:
        data = plain_of(names[leaf.name])
        is_float = type(data) in (float, np.float64) and leaf.form == "{}"
        data = change(data) if change else data
        if leaf.kind != "raw":
            data = noise(data) if noise else data
            data = Value(float(data) if is_float else data)
        names[leaf.name] = data
    with_noise = noise and operator("noise", noise, lambda g, y, x: noise(g))
    for step in case.steps:
        y = eval(step.text, names)
        if noise and y.dtype.kind == "f":
            if re.search("tanh|sigmoid", step.text):
                y.data = noise(y.data)  # their derivatives are small differences of y
            y = with_noise(y)
        names[step.name] = y
    return names, measured(case, names)


def measured(case, names):
    """Data of the results, then the gradients of the first."""
    wrt = [names[x] for x in case.wrt]
    if wrt:
        names[case.results[0]].backward(wrt)
    return [names[y].data for y in case.results] + [x.grad for x in wrt]


def spreads(case, call=0, change=None, eps=0.0):
    """Of the number of a result or gradient: it with other roundings, for `symptom`."""

    @functools.lru_cache(None)
    def runs():
        names, exact = fixed(case, call)
        held = [x.data for x in names.values() if isinstance(x, Value)]
        coarsest = max(eps, eps_of(*held, *exact[len(case.results) :]))
        noise = rounding(coarsest, case.seed)
        try:
            return [fixed(case, call, change, noise)[1] for _ in range(4)]
        except Exception:
            return None

    return lambda i: lambda: runs() and [run[i] for run in runs()]


def sizes_of(names, case):
    """Those of all data and gradients, but for 0, infinite ones and nan."""
    if case.wrt:
        error_of(names[case.results[0]].backward)
    values = [x for x in names.values() if isinstance(x, Value)]
    for x in [x.data for x in values] + [x.grad for x in values if case.wrt]:
        if x is not None and np.result_type(x).kind == "f":
            size = abs(np.asarray(x))
            yield size[np.isfinite(size) & (size != 0)]


def is_extreme(case, call=0):
    """Whether numbers are so large or small that the order of products decides."""
    for size in sizes_of(fixed(case, call)[0], case):
        limit = np.finfo(size.dtype).max ** (1 / 3)
        if np.any(size > limit) or np.any(size < 1 / limit):
            return True
    return False


def difference(case, call, actual, expected, has_type=False):
    """The number of the first that differs, and how; or two times None."""
    spread = spreads(case, call)
    for i, (a, b) in enumerate(zip(actual, expected)):
        found = symptom(a, b, spread(i), has_type)
        if found in ("nan", "infinite", "number") and is_extreme(case, call):
            is_lost = found != "number" and np.all(np.isfinite(b))
            found = "overflow" if is_lost else None
        if found:
            return i, found
    return None, None


# --- Values, and NumPy's own ----------------------------------------------------------


TYPED = r"np\.\w+\(-?(\d|inf|nan)[^()]*\)"  # numbers of NumPy's


def against_numpy(case):
    """Each step, of the data that it has, with NumPy's own."""
    names = leaves_of(case)
    for step in case.steps:
        plain = {x: plain_of(names[x]) for x in names_in(step.text)}
        is_weak = all(type(x) in (int, float) for x in plain.values())
        if is_weak and not re.search(TYPED, step.text):
            plain = {k: np.asarray(x)[()] for k, x in plain.items()}
        expected, refused = error_of(eval, step.text, {**PLAIN, **plain})
        refused = refused or isinstance(expected, Value)  # it has no counterpart
        y, error = error_of(eval, step.text, names)
        if error:
            text = without_dtypes(step.text)
            plain_errors = (TypeError, ValueError, IndexError, NotImplementedError)
            is_plain = isinstance(y, plain_errors)
            if is_plain and text != step.text:
                is_plain = error_of(eval, text, names)[1] is not None
            if not refused and not is_plain:
                yield Finding("building", type(y).__name__)
            return
        if not isinstance(y, Value):
            return  # several results, of a step that was refused as it was drawn
        names[step.name] = y
        dtypes = {np.result_type(x) for x in plain.values()}
        is_scipys = "special" in step.text  # which has two dtypes alone
        if refused or is_scipys and not dtypes <= {np.dtype("f4"), np.dtype("f8")}:
            continue
        eps = eps_of(y.data, *plain.values())
        spread = functools.partial(nearby, step.text, plain, eps, case.seed)
        is_whole = np.result_type(expected).kind == "f" and "linalg" in step.text
        slack = 64 * eps * np.max(np.abs(expected), initial=0) if is_whole else 0
        found = symptom(y.data, expected, spread, slack=slack)
        if found == "dtype" and np.can_cast(y.dtype, np.result_type(expected)):
            is_weak = re.search(r"(?<![\w.])(\d|nan|inf)", re.sub(TYPED, "", step.text))
            if is_weak or {int, float} & set(map(type, plain.values())):
                continue  # a number of Python widens nothing, also where NumPy lets it
        if found:
            yield Finding("NumPy", found)


def nearby(text, plain, eps, seed):
    """What NumPy computes of numbers that are rounded in another way."""
    change = rounding(eps, seed)
    runs = [{k: change(x) for k, x in plain.items()} for _ in range(4)]
    return [eval(text, {**PLAIN, **run}) for run in runs]


def without_dtypes(text):
    """With Python's integers for NumPy's."""
    return re.sub(r"np\.u?int\d+\((-?\d+)\)", r"\1", text)


# --- Engine, and program --------------------------------------------------------------


def set_leaves(case, names, call):
    """Give the leaves the data of a call; return what lazy ones are fed."""
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
    """The names of the expression with its lazy Values."""
    names = leaves_of(case, is_lazy=True)
    for step in case.steps:
        names[step.name] = eval(step.text, names)
    return names


def recorded(case, names):
    """Its program, and the kind of its error."""
    options = {x.name: names[x.name] for x in case.leaves if x.kind != "raw"}
    roots, wrt = [names[x] for x in case.results], [names[x] for x in case.wrt]
    return error_of(compiled, *roots, wrt=wrt, names=options)


def forward(case, names, feeds):
    return [names[y].forward(**feeds) for y in case.results]


def evaluated(case, names, feeds):
    """The engine's results and gradients."""
    results = forward(case, names, feeds)
    return results + measured(case, names)[len(results) :]


def called(case, names, program, feeds):
    """The program's."""
    results = program(**feeds)
    results = results if type(results) is tuple else (results,)
    return [*results, *[names[x].grad for x in case.wrt]]


def is_refusal(error):
    """Whether backward() says that there is no gradient to have."""
    return "does not depend" in str(error) or "booleans" in str(error)


def same_bits(kept, copies):
    return all(symptom(a, b, has_type=True) is None for a, b in zip(kept, copies))


def copied(items):
    return [np.array(x) if isinstance(x, np.ndarray) else x for x in items]


def has_shared(arrays, given):
    """Whether two arrays have memory in common, or one with those that were given."""
    pairs = [*itertools.combinations(arrays, 2), *itertools.product(arrays, given)]
    pairs = [x for x in pairs if all(isinstance(y, np.ndarray) for y in x)]
    return any(np.may_share_memory(a, b) for a, b in pairs if a.size and b.size)


def against_program(case, modules=None):
    """The engine and the compiled program, call after call."""
    names, error = error_of(lazy, case)
    if error:
        return  # it works with other lengths only
    program, refused = recorded(case, names)
    if refused:
        wrt = [names[x] for x in case.wrt]
        if not wrt or error_of(names[case.results[0]].backward, wrt)[1] != refused:
            yield Finding("compiling", type(program).__name__)
        return
    n, kept, copies = len(case.results), [], []
    is_own = [True] * n + [x[0] == "x" for x in case.wrt]  # those of others may be one
    for call in range(len(case.lengths)):
        feeds = set_leaves(case, names, call)
        given = [*feeds.values()]
        given += [plain_of(names[x.name]) for x in case.leaves if x.kind != "lazy"]
        before = copied(given)

        _, of_forward = error_of(forward, case, names, feeds)
        expected, error = error_of(evaluated, case, names, feeds)
        for x in case.wrt:
            names[x].grad = None
        actual, other = error_of(called, case, names, program, feeds)
        if error != other:
            of = ("error", actual) if other else ("no error", expected)
            yield Finding("program", f"{of[0]} {type(of[1]).__name__}")
        elif error and not of_forward and not is_refusal(expected):
            yield Finding("backward", type(expected).__name__)
        if error or other:
            return
        anew, error = error_of(fixed, case, call)
        _, found = difference(case, call, expected, [] if error else anew[1])
        if found:
            yield Finding("built anew", found)
            return
        i, found = difference(case, call, actual, expected, has_type=True)
        if found:
            yield Finding("program" if i < n else "program's gradient", found)
            return
        if not same_bits(given, before):
            yield Finding("memory", "an input was written to")
        if not same_bits(kept, copies):
            yield Finding("memory", "an earlier result changed")
        own = [x for x, is_kept in zip(actual, is_own) if is_kept]
        if has_shared(own, given):
            yield Finding("memory", "a program's results share")
        gradients = [x for x, is_kept in zip(expected[n:], is_own[n:]) if is_kept]
        if has_shared(gradients, given):
            yield Finding("memory", "the engine's gradients share")
        kept += [*actual[:n], *gradients]
        copies += copied([*actual[:n], *gradients])
        if call == 0:
            yield from under_errors(case, names, program, feeds)
    if modules is not None:
        problem = modules.add(case, program)
        if problem:
            yield Finding("saving", type(problem).__name__)


def under_errors(case, names, program, feeds):
    """Recorded while NumPy is silent; then it raises only where the engine does."""
    with np.errstate(all="raise", under="ignore"):
        if error_of(evaluated, case, names, feeds)[1]:
            return
        result, error = error_of(program, **feeds)
    if error:
        yield Finding("errstate", type(result).__name__)


def against_changes(case):
    """A constant array that changes in place: all of a program sees it, or nothing."""
    raws = [x for x in case.leaves if (x.kind, x.change) == ("raw", "in place")]
    names, error = error_of(lazy, case)
    data = [] if error else [names[x.name] for x in raws]
    data = [x for x in data if isinstance(x, np.ndarray) and x.flags.writeable]
    if not data or any(x.dtype.kind == "b" for x in data):
        return
    program, error = recorded(case, names)
    feeds = set_leaves(case, names, 0)
    old, error = error_of(called, case, names, program, feeds)
    if error:
        return
    old = copied(old)
    for x in data:
        x *= 3
    actual = copied(called(case, names, program, feeds))
    expected = evaluated(case, names, feeds)
    near = functools.partial(np.allclose, rtol=1e-2, atol=1e-6, equal_nan=True)
    if not all(map(near, actual, old)) and not all(map(near, actual, expected)):
        yield Finding("changed constant", "half of it is seen")


# --- Gradients, and those in float64 and PyTorch's ------------------------------------

NARROW = r"dtype='(?!>?f8)|np\.|True"
DIFFERENT = "fmax|fmin|hypot|logaddexp|tensordot|FUNCTIONS|UNARY|BINARY"  # docs


def in_float64(data):
    return np.asarray(data, float) if isinstance(data, np.ndarray) else float(data)


def text_in_float64(text):
    """With numbers of Python and of float64 for those of other dtypes."""
    text = re.sub(r"np\.float\d+\((-?[\w.]+)\)", r"np.float64(\g<0>)", text)
    return re.sub(r'"[iu]\d"\)', '"i8")', without_dtypes(text))


def against_float64(case):
    """Half, single and integer data, and the same in float64.

    Where all that the engine computes is the same number, gradients are the same; and
    no result overflows that fits its dtype.
    """
    if not case.wrt or re.search(r"astype|_like|\.at\[", str(case.steps)):
        return
    steps = tuple(x._replace(text=text_in_float64(x.text)) for x in case.steps)
    wide_case = case._replace(steps=steps)
    if wide_case == case and not re.search(NARROW, str(case.leaves)):
        return
    runs, error = error_of(lambda: (fixed(case), fixed(wide_case, change=in_float64)))
    if error:
        return
    (names, ours), (wide_names, _) = runs
    held = [names[x].data for x in names if isinstance(names[x], Value)]
    eps, dtypes = eps_of(*held), [np.result_type(x) for x in held]
    if "g" in dtypes:
        return
    others = [x.data for x in wide_names.values() if isinstance(x, Value)]
    is_close = functools.partial(np.allclose, rtol=64 * eps, atol=0, equal_nan=True)
    for a, b in zip(held, others):
        if np.shape(a) != np.shape(b) or not is_close(np.asarray(a, float), b):
            return
    limits = [np.finfo(x) for x in dtypes if x.kind == "f"] or [np.finfo(float)]
    largest, smallest = min(x.max for x in limits), max(x.tiny for x in limits)
    sizes = np.concatenate([x.ravel() for x in sizes_of(wide_names, case)])
    if np.any((sizes > largest) | (sizes < smallest)):
        return
    is_far = np.any((sizes > largest**0.5) | (sizes < smallest**0.5))
    spread = spreads(wide_case, 0, in_float64, eps)
    theirs = measured(case, wide_names)
    for i, name in enumerate(case.wrt, len(case.results)):
        a, b = ours[i], np.asarray(theirs[i])
        if np.all(np.isfinite(b)):
            is_coarse = names[name].dtype.kind == "f"
            slack = 64 * eps * (1 + np.max(abs(b), initial=0)) if is_coarse else 0
            b = b.astype(np.result_type(a))
            yield from lost("float64", symptom(a, b, spread(i), slack=slack), is_far)


def lost(check, found, is_wild):
    """Only what is lost, where numbers are so wild that others round otherwise."""
    is_lost = found in ("nan", "infinite")
    if found and found != "sign of zero" and (is_lost or not is_wild):
        yield Finding(check, found)


def against_torch(case):
    """The whole expression in float64, where PyTorch has it under the same names."""
    texts = [step.text.replace("np.", "torch.") for step in case.steps]
    if torch is None or not case.wrt or re.search(DIFFERENT, str(texts)):
        return
    names, ours = fixed(case)
    tensors = {"torch": torch, "inf": np.inf, "nan": np.nan}
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
    spread, is_wild = spreads(case), is_extreme(case)
    for i, name in enumerate(case.wrt, len(case.results)):
        theirs = tensors[name].grad
        theirs = np.nan if theirs is None else theirs.numpy()
        if np.result_type(ours[i]) == "f8" and np.all(np.isfinite(theirs)):
            # Where ours is nan, other roundings are no excuse.
            near = spread(i) if np.all(np.isfinite(ours[i])) else None
            yield from lost(
                "PyTorch", symptom(ours[i], theirs, near, slack=1e-9), is_wild
            )


CHECKS = [against_numpy, against_program, against_float64, against_torch]
CHECKS += [against_changes]


def findings_of(case, modules=None):
    """All of them, each once."""
    found = {}
    with quiet():
        for check in CHECKS:
            try:
                for x in check(case, *[modules] * (check is against_program)):
                    found[x] = None
            except Exception as error:
                if not found and not is_refusal(error):
                    found[Finding(check.__name__, type(error).__name__)] = None
    return [x._replace(case=case) for x in found]


# --- Saved modules, in a process without micrograd ------------------------------------

ALONE = """
import inspect, pickle, runpy, sys, warnings
import numpy
sys.modules["micrograd"] = None
warnings.simplefilter("ignore")
numpy.seterr(all="ignore")
outcomes = []
for path, data in pickle.load(open("tasks", "rb")):
    try:
        step = runpy.run_path(path)["step"]
        known = inspect.signature(step).parameters
        outcomes.append(step(**{k: x for k, x in data.items() if k in known}))
    except Exception as error:
        outcomes.append(type(error).__name__)
pickle.dump(outcomes, open("outcomes", "wb"))
"""


class Modules:
    """Saves the programs of many cases, and calls them in one process."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.cases = []

    def add(self, case, program):
        """Save it; return the error, if that is no refusal."""
        path = Path(self.folder.name, f"module{len(self.cases)}.py")
        problem, error = error_of(program.save, path)
        if not error:
            self.cases.append(case)
        return problem if error and not isinstance(problem, ValueError) else None

    def findings(self):
        """Of all that were saved since the last time."""
        tasks = []
        for i, case in enumerate(self.cases):
            for call in range(len(case.lengths)):
                inputs = [x for x in case.leaves if x.kind != "raw"]
                data = {x.name: x.data(call, case.lengths) for x in inputs}
                tasks.append((case, call, (f"module{i}.py", data)))
        self.cases = []
        folder = Path(self.folder.name)
        (folder / "tasks").write_bytes(pickle.dumps([x[2] for x in tasks]))
        command = [sys.executable, "-I", "-c", ALONE]
        subprocess.run(command, cwd=folder, check=True)
        outcomes = pickle.loads((folder / "outcomes").read_bytes())
        for (case, call, _), outcome in zip(tasks, outcomes):
            with quiet():
                found = self.compared(case, call, outcome)
            if found:
                yield Finding("module", found, case)

    def compared(self, case, call, outcome):
        built, error = error_of(fixed, case, call)
        if error:
            return None
        if type(outcome) is str:  # other lengths than those of which it is for
            return None if outcome in ("ValueError", "TypeError") else outcome
        results, gradients = outcome if case.wrt else (outcome, ())
        results = results if len(case.results) > 1 else [results]
        found = difference(case, call, [*results, *gradients], built[1])[1]
        return found if found not in ("dtype", "overflow") else None


# --- Making a finding smaller ---------------------------------------------------------


def without(case, step, operand):
    """The case with an operand in place of a step."""
    rename = lambda text: re.sub(rf"\b{step.name}\b", operand, text)
    steps = [x._replace(text=rename(x.text)) for x in case.steps if x is not step]
    results = tuple(dict.fromkeys(map(rename, case.results)))
    wrt = tuple(dict.fromkeys(map(rename, case.wrt)))
    return case._replace(steps=tuple(steps), results=results, wrt=wrt)


def left_out(items):
    """The items without one of them, for each."""
    return [items[:i] + items[i + 1 :] for i in range(len(items))]


def replaced(items, i, item):
    return (*items[:i], item, *items[i + 1 :])


def simpler_leaves(leaf):
    """The same leaf with one thing less."""
    number = "True" if "?" in leaf.dtype else "1.0"
    number = "1" if leaf.form and "." not in str(leaf.numbers) else number
    changes = [{"kind": "value"}] if leaf.kind == "lazy" else []
    changes += [{"layout": "{}"}, {"form": leaf.form and "{}"}, {"dtype": "f8"}]
    changes += [{"dims": tuple(2 if d == "n" else d for d in leaf.dims)}]
    changes += [{"dims": dims} for dims in left_out(leaf.dims)]
    for i, d in enumerate(leaf.dims):
        if d not in (0, 1, "n"):
            changes += [{"dims": replaced(leaf.dims, i, 1 if d < 4 else d // 2)}]
    changes += [{"numbers": numbers} for numbers in left_out(leaf.numbers) if numbers]
    for i, text in enumerate(leaf.numbers):
        if text not in ("1", "1.0", "True", "False"):
            changes += [{"numbers": replaced(leaf.numbers, i, number)}]
    return [leaf._replace(**change) for change in changes]


def smaller(case):
    """Cases with one thing less, those that save most first."""
    for step in case.steps:
        if case.results != (step.name,):
            yield case._replace(results=(step.name,))
            wrt = tuple(x for x in case.wrt if x[0] == "x")
            yield case._replace(results=(step.name,), wrt=wrt)
    yield from (case._replace(wrt=x) for x in left_out(case.wrt))
    yield from (case._replace(lengths=x) for x in left_out(case.lengths) if x)
    raws = [x.name for x in case.leaves if x.kind == "raw"]
    for step in reversed(case.steps):
        for operand in dict.fromkeys(names_in(step.text)):
            if operand not in raws:
                yield without(case, step, operand)
    for i, leaf in enumerate(case.leaves):
        for other in simpler_leaves(leaf):
            yield case._replace(leaves=replaced(case.leaves, i, other))


def has(finding, case):
    """Whether a case shows the same."""
    modules = Modules() if finding.check == "module" else None
    found = findings_of(case, modules)
    if modules:
        found += [*modules.findings()]
    return any(x[:2] == finding[:2] for x in found)


def minimised(finding, seconds=5):
    """The same in fewer lines, by leaving out what it does not need."""
    end, case, is_done = time.monotonic() + seconds, finding.case, False
    while not is_done:
        is_done = True
        for other in map(pruned, smaller(case)):
            if time.monotonic() > end:
                break
            is_valid = other != case and other.steps and other.results[0][0] == "v"
            with quiet():
                if is_valid and error_of(has, finding, other)[0] is True:
                    case, is_done = other, False
                    break
    return finding._replace(case=case)


# --- Hunting --------------------------------------------------------------------------


class Hunt:
    """What is found in some seconds: what is new, and how often what is known."""

    def __init__(self, most=20):
        self.most, self.n_cases, self.n_modules = most, 0, 0
        self.new, self.known = [], Counter()

    def record(self, finding):
        finding = minimised(finding)
        entry = next((x for x in KNOWN if x.describes(finding)), None)
        if entry is not None:
            self.known[entry] += 1
        elif all(x[:2] + (x.text,) != finding[:2] + (finding.text,) for x in self.new):
            self.new.append(finding)
            print(described(finding), flush=True)

    def run(self, seconds, seed):
        modules, end = Modules(), time.monotonic() + seconds
        for i in itertools.count():
            is_late = time.monotonic() > end or len(self.new) >= self.most
            if is_late or len(modules.cases) >= 200:
                self.n_modules += len(modules.cases)
                for finding in modules.findings():
                    self.record(finding)
            if is_late:
                return self
            case = drawn(seed * 10**6 + i)
            if case is not None:
                self.n_cases += 1
                for finding in findings_of(case, modules if i % 4 == 0 else None):
                    self.record(finding)


def described(finding):
    title = f"--- {finding.check}: {finding.symptom} (--case {finding.case.seed}) "
    with quiet():
        lines = script(finding.case, "constant" in finding.check)
    return f"{title.ljust(88, '-')}\n{lines}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(10**6)
    )
    parser.add_argument("--case", type=int, help="the number of one case to try again")
    parser.add_argument("--most", type=int, default=20, help="findings, then it ends")
    arguments = parser.parse_args()
    hunt = Hunt(arguments.most)
    if arguments.case is not None:
        case = drawn(arguments.case)
        print(script(case))
        for finding in findings_of(case):
            hunt.record(finding)
    else:
        print(f"seed {arguments.seed}", flush=True)
        hunt.run(arguments.seconds, arguments.seed)
    print(f"{hunt.n_cases} cases, {hunt.n_modules} modules, {len(hunt.new)} are new")
    for entry in KNOWN:  # one that is never found may be mended
        kind = f"kind {entry.kind}" if entry.is_fault else "no fault"
        print(f"{hunt.known[entry]:6} times {kind}: {entry.why}")
    sys.exit(bool(hunt.new))


if __name__ == "__main__":
    main()
