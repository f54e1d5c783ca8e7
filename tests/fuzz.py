"""A differential fuzzer: random expressions, computed in several ways, have to agree.

    python tests/fuzz.py --seconds 3600 --seed 7      # what it finds, in a few lines
    python tests/fuzz.py --case 7000123               # one case again

A case is text: leaves, and steps such as `v3 = np.maximum(v1, v2)`. So each finding is
a script that runs alone, and a case is made smaller by leaving lines out. The steps
come from the tables of operators; a new operator takes part without a line here. A
further way to compute an expression is a function in `ENGINES`.
"""

import argparse
import functools
import itertools
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import c_programs
import testing
from fuzz_cases import (
    NAMES,
    PLAIN,
    evaluate,
    execute,
    names_in,
    plain_of,
    quiet,
    smaller,
    without_steps,
)
from fuzz_compare import copied, eps_of, has_shared, rounding, same_bits, symptom
from fuzz_draw import drawn
from known import ENDLESS, KNOWN, known

from micrograd import Value, checkpoint, gradient, nn, operator

torch = None
if testing.is_installed("torch"):
    import torch

    torch.set_num_threads(1)  # a forked process has one alone


class Finding(NamedTuple):
    check: str  # what was compared
    symptom: str  # how it differs
    case: Any = None

    def is_like(self, other):
        """Whether they are the same, of whatever leaves."""
        return self[:2] + self.case.steps == other[:2] + other.case.steps


def error_of(function, *args, **options):
    """What it returns and None, or its error and the error's kind."""
    try:
        return function(*args, **options), None
    except Exception as error:
        kinds = (TypeError, (IndexError, ValueError), FloatingPointError)
        found = [x for x in kinds if isinstance(error, x)]
        return error, found[0] if found else type(error)


# --- What differs by more than rounding -----------------------------------------------


def with_rounding(case, call, other=None, change=None):
    """Of the number of a result or gradient: it with other roundings, for `symptom`.

    As coarse as those of the case; of another one, if there is one, with changed data.
    """

    @functools.lru_cache(None)
    def runs():
        names, exact = built(case, call)
        held = [x.data for x in names.values() if isinstance(x, Value)]
        noise = rounding(eps_of(*held, *exact[len(case.results) :]), case.seed)
        run = lambda: build(other or case, call, change, noise)[1]
        runs, error = error_of(lambda: [run() for _ in range(4)])
        return None if error else runs

    return lambda i: lambda: runs() and [run[i] for run in runs()]


def reach(names, like):
    """How near sizes come to the largest or smallest number of a dtype: 1 at the end.

    Those of all data and gradients that `backward()` gave; the dtypes are those of
    the same names in `like`.
    """
    far = [0.0]
    for name in names:
        for kind in ("data", "grad") if isinstance(names[name], Value) else ():
            x, dtype = getattr(names[name], kind), getattr(like[name], kind)
            if x is not None and np.result_type(dtype).kind == "f":
                size = abs(np.asarray(x))
                logs = abs(np.log(size[np.isfinite(size) & (size != 0)]))
                end = -np.log(np.finfo(np.result_type(dtype)).tiny)
                far.append(np.max(logs, initial=0) / end)
    return max(far)


def difference(case, call, actual, expected, has_type=False):
    """The number of the first that differs, and how; or two times None.

    Where numbers are extreme, the order of products decides; then only what is lost
    counts.
    """
    rounded = with_rounding(case, call)
    for i, (a, b) in enumerate(zip(actual, expected)):
        found = symptom(a, b, rounded(i), has_type)
        if found in ("nan", "infinite", "number") and is_extreme(case, call):
            is_lost = found != "number" and np.all(np.isfinite(b))
            found = "overflow" if is_lost else None
        if found:
            return i, found
    return None, None


def is_extreme(case, call):
    names, _ = built(case, call)
    if case.wrt:
        error_of(names[case.results[0]].backward)
    return reach(names, names) > 1 / 3


# --- Building and running -------------------------------------------------------------


@functools.lru_cache(8)
def built(case, call=0):
    return build(case, call)


def build(case, call=0, change=None, noise=None):
    """The expression, built of the data of a call: its names, and their results.

    change : of the data of leaves
    noise : of them and of each result and gradient on the way
    """
    names = dict(NAMES)
    execute(case.leaf_lines(call), names)
    for leaf in case.leaves if change or noise else ():
        x = names[leaf.name]
        data = change(plain_of(x)) if change else plain_of(x)
        data = noise(data) if noise and leaf.kind != "raw" else data
        names[leaf.name] = data if leaf.kind == "raw" else Value(data)
    with_noise = noise and operator("noise", noise, lambda g, y, x: noise(g))
    for step in case.steps:
        y = evaluate(step.text, names)
        if noise and y.dtype.kind == "f":
            if re.search("tanh|sigmoid", step.text):
                y.data = noise(y.data)  # their derivatives are small differences of y
            y = with_noise(y)
        names[step.name] = y
    return names, results_of(case, names)


def results_of(case, names):
    """Data of the results, then the gradients of the first."""
    wrt = [names[x] for x in case.wrt]
    if wrt:
        names[case.results[0]].backward(wrt)
    return [names[y].data for y in case.results] + [x.grad for x in wrt]


def define(case):
    """The names of the expression with its lazy Values."""
    names = dict(NAMES)
    execute([*case.leaf_lines(has_lazy=True), *case.step_lines()], names)
    return names


def forward(case, names, feeds):
    return [names[y].forward(**feeds) for y in case.results]


def by_engine(case, names):
    """What forward() and backward() give."""

    def run(feeds):
        forward(case, names, feeds)
        y = results_of(case, names)
        n = len(case.results)
        return copied(y[:n]) + y[n:]  # results may be views of leaves

    return run


def by_program(case, names):
    """What a compiled program returns, and the gradients that it sets."""
    execute([case.program_line()], names)

    def run(feeds):
        results = names["program"](**feeds)
        results = results if type(results) is tuple else (results,)
        return [*results, *[names[x].grad for x in case.wrt]]

    return run


def by_gradient(case, names):
    """What derivatives are as expressions, which `gradient()` makes once."""
    wrt = [names[x] for x in case.wrt]
    gradients = gradient(names[case.results[0]], wrt) if wrt else []

    def run(feeds):
        y = copied(forward(case, names, feeds))
        if wrt:
            names[case.results[0]].backward(wrt)  # it refuses where gradient() gives 0
        return y + copied([g.forward(**feeds) for g in gradients])

    return run


# What has to agree, call after call. Of a case and the names of its expression, each
# makes a function of the feeds that returns the results, and the gradients of the first
# by `case.wrt`: new arrays, which share no memory.
ENGINES = {"engine": by_engine, "program": by_program, "expression": by_gradient}


# --- The engine, and the others -------------------------------------------------------


def is_refusal(error):
    """Whether backward() says that there is no gradient to have."""
    return re.search("does not depend|booleans|has no derivative", str(error))


def against_engines(case, modules=None):
    """All engines, call after call."""
    names, error = error_of(define, case)
    if error:
        return  # it works with other lengths only
    runs = {}
    for check, engine in ENGINES.items():
        runs[check], refused = error_of(engine, case, names)
        if refused:
            wrt = [names[x] for x in case.wrt]
            if not wrt or error_of(names[case.results[0]].backward, wrt)[1] != refused:
                yield Finding("compiling", type(runs[check]).__name__)
            return
    n, kept, copies, expected = len(case.results), [], [], []
    for call in range(len(case.lengths)):
        execute(case.change_lines(call), names)
        feeds = evaluate(f"dict({case.feeds_text(call)})", names)
        given = [plain_of(names[x.name]) for x in case.leaves if x.kind != "lazy"]
        given += feeds.values()
        outcomes = {}
        for check, run in runs.items():
            before = copied(given)
            for x in case.wrt:
                names[x].grad = None
            outcomes[check] = y, error = error_of(run, feeds)
            if not all(map(same_bits, given, before)):
                yield Finding("memory", f"the {check} writes to an input")
            if not error:
                leaves = [g for x, g in zip(case.wrt, y[n:]) if x[0] == "x"]
                if has_shared(y[:n] + leaves, given):
                    yield Finding("memory", f"what the {check} gives is shared")
                # A program keeps its gradients, and overwrites them.
                kept += y[:n] + (leaves if check == "engine" else [])
        if not all(map(same_bits, kept, copies)):
            yield Finding("memory", "an earlier result changed")
        copies = copied(kept)

        (y, error), *_ = outcomes.values()
        expected.append([] if error else y)
        if error and not is_refusal(y) and not error_of(forward, case, names, feeds)[1]:
            yield Finding("backward", type(y).__name__)
        found = [*differences(case, call, outcomes)]
        yield from found[:1]
        if found or error:
            return
        if call == 0:
            yield from under_errors(feeds, runs)
    if modules is not None:
        problem = modules.add(case, names, expected)
        if problem:
            yield Finding("saving", type(problem).__name__)
    yield from after_changes(case, names, feeds, runs)


def differences(case, call, outcomes):
    """Of the engine from the same built anew, and of the others from the engine."""
    (expected, error), *others = outcomes.values()
    anew, error_anew = error_of(built, case, call)
    if not error and not error_anew:
        found = difference(case, call, expected, anew[1])[1]
        if found:
            yield Finding("built anew", found)
    for check, (actual, other) in zip([*outcomes][1:], others):
        if error != other:
            of = ("error", actual) if other else ("no error", expected)
            yield Finding(check, f"{of[0]} {type(of[1]).__name__}")
        elif not error:
            i, found = difference(case, call, actual, expected, has_type=True)
            if found:
                gradients = "'s gradient" if i >= len(case.results) else ""
                yield Finding(f"{check}{gradients}", found)


def under_errors(feeds, runs):
    """Recorded while NumPy is silent; then it raises only where the engine does."""
    with np.errstate(all="raise", under="ignore"):
        (_, error), *outcomes = [error_of(run, feeds) for run in runs.values()]
    for result, other in outcomes:
        if other and not error:
            yield Finding("errstate", type(result).__name__)


def after_changes(case, names, feeds, runs):
    """A constant array that changes in place: a program has a copy of it."""
    raws = [names[x.name] for x in case.leaves if x.kind == "raw"]
    raws = [x for x in raws if isinstance(x, np.ndarray) and x.flags.writeable]
    before = copied(runs["program"](feeds)) if raws else []
    for x in raws:
        x[...] = x == 0
    if not all(map(same_bits, before, runs["program"](feeds))):
        yield Finding("changed constant", "it is seen")


# --- Values, and NumPy's own ----------------------------------------------------------

TYPED = r"np\.\w+\(-?(\d|inf|nan)[^()]*\)"  # numbers of NumPy's


def against_numpy(case, modules=None):
    """Each step, of the data that it has, with NumPy's own."""
    names = dict(NAMES)
    execute(case.leaf_lines(), names)
    for step in case.steps:
        plain = {x: plain_of(names[x]) for x in names_in(step.text)}
        is_weak = all(type(x) in (int, float) for x in plain.values())
        if is_weak and not re.search(TYPED, step.text):
            plain = {k: np.asarray(x)[()] for k, x in plain.items()}
        expected, refused = error_of(evaluate, step.text, {**PLAIN, **plain})
        refused = refused or isinstance(expected, Value)  # it has no counterpart
        y, error = error_of(evaluate, step.text, names)
        if error:
            text = without_dtypes(step.text)
            plain_errors = (TypeError, ValueError, IndexError, NotImplementedError)
            is_plain = isinstance(y, plain_errors)
            if is_plain and text != step.text:
                is_plain = error_of(evaluate, text, names)[1] is not None
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
        rounded = functools.partial(nearby, step.text, plain, eps, case.seed)
        is_whole = np.result_type(expected).kind == "f" and "linalg" in step.text
        slack = 64 * eps * np.max(np.abs(expected), initial=0) if is_whole else 0
        found = symptom(y.data, expected, rounded, slack=slack)
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
    return [evaluate(text, {**PLAIN, **run}) for run in runs]


def without_dtypes(text):
    """With Python's integers for NumPy's."""
    return re.sub(r"np\.u?int\d+\((-?\d+)\)", r"\1", text)


# --- Gradients, and those of float64 and of PyTorch -----------------------------------

NARROW = r"dtype='(?!>?f8)|np\.|True"
DIFFERENT = "fmax|fmin|hypot|logaddexp|tensordot|FUNCTIONS|UNARY|BINARY|cube|gate"


class Reference(NamedTuple):
    """What another way of computing gives."""

    names: dict  # Values, whose sizes tell whether something may overflow
    data: dict  # by name
    gradients: list
    rounded: Any  # of with_rounding


def in_float64(case):
    """With numbers of Python and of float64 for those of other dtypes."""
    text = re.sub(r"np\.float\d+\((-?[\w.]+)\)", r"np.float64(\g<0>)", case.text)
    texts = re.sub(r'"[iu]\d"\)', '"i8")', without_dtypes(text)).split("\n")
    steps = [x._replace(text=text) for x, text in zip(case.steps, texts)]
    wide = case._replace(steps=tuple(steps))
    is_narrow = wide != case or re.search(NARROW, str(case.leaves))
    if not is_narrow or re.search(r"astype|_like|\.at\[", case.text):
        return None
    double = lambda x: np.asarray(x, float) if isinstance(x, np.ndarray) else float(x)
    names, results = build(wide, 0, double)
    data = {k: x.data for k, x in names.items() if isinstance(x, Value)}
    rounded = with_rounding(case, 0, wide, double)
    return Reference(names, data, results[len(case.results) :], rounded)


def in_torch(case):
    """By PyTorch, where all is float64 and finite, and has the same names."""
    text = case.text.replace("np.", "torch.")
    if torch is None or re.search(DIFFERENT, text):
        return None
    names, _ = built(case)
    tensors = {"torch": torch, "inf": np.inf, "nan": np.nan}
    for leaf in case.leaves:
        x = plain_of(names[leaf.name])
        if np.result_type(x) != "f8":
            return None
        tensors[leaf.name] = torch.tensor(np.array(x, float), requires_grad=True)
    for step, line in zip(case.steps, text.split("\n")):
        tensors[step.name] = evaluate(line, tensors)
    tensors[case.results[0]].sum().backward()
    data = {x: tensors[x].detach().numpy() for x in tensors if x[0] in "xv"}
    if not all(np.all(np.isfinite(x)) for x in data.values()):
        return None
    gradients = [tensors[x].grad for x in case.wrt]
    gradients = [np.nan if x is None else x.numpy() for x in gradients]
    return Reference(names, data, gradients, with_rounding(case, 0))


def against_references(case, modules=None):
    """Gradients, where all that is computed on the way to the result is the same."""
    if not case.wrt:
        return
    names, ours = built(case)
    held = {k: x.data for k, x in names.items() if isinstance(x, Value)}
    if "g" in [np.result_type(x).char for x in held.values()]:
        return
    tolerance = max(64 * eps_of(*held.values()), 1e-9)
    for check, reference in (("float64", in_float64), ("PyTorch", in_torch)):
        other, error = error_of(reference, case)
        if error or other is None:
            continue
        pairs = [(held[x], other.data[x]) for x in other.data if x in held]
        if not all(is_close(a, b, tolerance) for a, b in pairs):
            continue
        error_of(other.names[case.results[0]].backward)
        far = reach(other.names, names)
        for i, (a, b) in enumerate(zip(ours[len(case.results) :], other.gradients)):
            if far > 1 or not np.all(np.isfinite(b)):
                continue
            # Where ours is nan, other roundings are no excuse.
            is_finite = np.all(np.isfinite(a))
            rounded = other.rounded(i + len(case.results)) if is_finite else None
            slack = 64 * eps_of(a) * (1 + np.max(np.abs(b), initial=0))
            found = symptom(a, np.asarray(b, np.result_type(a)), rounded, slack=slack)
            if found in ("nan", "infinite", "number") and (
                far < 1 / 3 or not is_finite
            ):
                yield Finding(check, found)


def is_close(a, b, tolerance):
    return np.shape(a) == np.shape(b) and np.allclose(a, b, tolerance, 0, True)


# --- Leaves that are kept: in pickles, states and files -------------------------------


def against_kept(case, modules=None):
    """A pickle of a net of the leaves, and their state in another: the same again."""
    names = dict(NAMES)
    execute(case.leaf_lines(has_lazy=True), names)
    net = nn.Module()
    net.leaves = {x.label or x.name: names[x.name] for x in case.leaves}
    copy = pickle.loads(pickle.dumps(net))
    yield from other_leaves("pickle", copy.leaves.values(), net.leaves.values())
    for x in copy.parameters():  # which the state of the others is to fill
        is_array = isinstance(x.data, np.ndarray)
        x.data = np.ones_like(x.data) if is_array else type(x.data)(1)
    state = net.state_dict()
    if modules is not None and case.seed % 16 == 0:  # it takes long
        net.save(path := Path(modules.folder.name, "net.npz"))
        state = checkpoint.read(path)
    copy.load_state_dict(state)
    yield from other_leaves("state", copy.parameters(), net.parameters())


def other_leaves(check, actual, expected):
    for a, b in zip(actual, expected):
        if isinstance(b, Value):
            about = [(x.name, x.shape, x.is_fed) for x in (a, b)]
            found = symptom(a.data, b.data, has_type=True)
            if found or about[0] != about[1]:
                yield Finding(check, found or "another leaf")


# Of so many cases one is compiled, which takes as long as all other checks of several.
C_SHARE = int(os.environ.get("FUZZ_C", 40))


def against_c(case, modules=None):
    """The program as C, of the first call: built with the compiler's sanitizers."""
    if case.seed % C_SHARE or not c_programs.has("gcc"):
        return
    names, error = error_of(define, case)
    if error:
        return
    run, error = error_of(by_program, case, names)
    if error:
        return
    execute(case.change_lines(0), names)
    feeds = evaluate(f"dict({case.feeds_text(0)})", names)
    expected, error = error_of(run, feeds)
    if error:
        return
    program = names["program"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.c"
        try:
            program.save(path)
        except ValueError:  # refused
            return
        same = lambda name: unicodedata.normalize("NFKC", name)
        fed = {same(name): x for name, x in feeds.items()}
        data = [fed.get(same(x.name), x.data) for x in program.lazies]
        data += [x.data for x in program.leaves]
        n = c_programs.lengths_in(path.read_text(), program, data)
        data = [*n, *data]
        try:
            ((code, outputs),) = c_programs.run_c(Path(folder), [path], [data])
        except AssertionError as error:
            yield Finding("C", str(error)[:60])
            return
    if code:
        yield Finding("C", "an index out of range")
        return
    actual = [
        y.ravel()[: np.size(e)].reshape(np.shape(e))
        for y, e in zip(outputs.values(), expected)
    ]
    i, found = difference(case, 0, actual, expected)
    if found:
        yield Finding("C's gradient" if i >= len(case.results) else "C", found)


CHECKS = [against_numpy, against_engines, against_references, against_kept, against_c]


def findings_of(case, modules=None):
    """All of them, each once."""
    found = {}
    with quiet():
        for check in CHECKS:
            try:
                found.update(dict.fromkeys(check(case, modules)))
            except Exception as error:
                if not found and not is_refusal(error):
                    found[Finding(check.__name__, type(error).__name__)] = None
    return [x._replace(case=case) for x in found]


# --- Saved modules, in a process without micrograd ------------------------------------

ALONE = """
import pickle, runpy, sys, warnings
import numpy
sys.modules["micrograd"] = None
warnings.simplefilter("ignore")
numpy.seterr(all="ignore")
outcomes = []
for path, data in pickle.load(open("tasks", "rb")):
    try:
        outcomes.append(runpy.run_path(path)["step"](*data))
    except Exception as error:
        outcomes.append(type(error).__name__)
pickle.dump(outcomes, open("outcomes", "wb"))
"""


class Modules:
    """Saves the programs of many cases, and calls them in one process."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.tasks = []  # a case, a call, its results, the module, and what it is given
        self.n = 0

    def add(self, case, names, outcomes):
        """Save it; return the error, if that is no refusal."""
        path = Path(self.folder.name, f"module{self.n}.py")
        program = names["program"]
        problem, error = error_of(program.save, path)
        if error:
            return None if isinstance(problem, ValueError) else problem
        self.n += 1
        last = None
        leaves = {id(names[x.name]): x for x in case.leaves}
        leaves = [leaves[id(x)] for x in (*program.lazies, *program.leaves)]
        for call, expected in reversed([*enumerate(outcomes)]):
            data = [evaluate(x.text(call, case.lengths), NAMES) for x in leaves]
            dtypes = [np.result_type(x) for x in data]
            last = last or dtypes
            if dtypes == last:  # it is for those of the last call
                self.tasks.append((case, call, expected, path.name, data))
        return None

    def findings(self):
        """Of all that were saved since the last time."""
        tasks, self.tasks = self.tasks, []
        folder = Path(self.folder.name)
        (folder / "tasks").write_bytes(pickle.dumps([task[3:] for task in tasks]))
        command = [sys.executable, "-I", "-c", ALONE]
        subprocess.run(command, cwd=folder, check=True)
        outcomes = pickle.loads((folder / "outcomes").read_bytes())
        for (case, call, expected, *_), outcome in zip(tasks, outcomes):
            with quiet():
                found = self.compared(case, call, outcome, expected)
            if found:
                yield Finding("module", found, case)

    def compared(self, case, call, outcome, expected):
        if type(outcome) is str:  # other lengths than those of which it is for
            return None if outcome in ("ValueError", "TypeError") else outcome
        results, gradients = outcome if case.wrt else (outcome, ())
        results = results if len(case.results) > 1 else [results]
        found = difference(case, call, [*results, *gradients], expected)[1]
        return found if found not in ("dtype", "overflow") else None


# --- Making a finding smaller ---------------------------------------------------------


def has(finding, case):
    """Whether a case shows the same."""
    modules = Modules()
    is_saved = finding.check in ("module", "state", "saving")
    found = findings_of(case, modules if is_saved else None)
    if finding.check == "module":
        found += modules.findings()
    return any(x[:2] == finding[:2] for x in found)


def minimised(finding, seconds=5):
    """The same in fewer lines, by leaving out what it does not need."""
    end, case, is_done = time.monotonic() + seconds, finding.case, False
    while not is_done:
        is_done = True
        for other in itertools.chain(without_steps(case), smaller(case)):
            other = other.pruned()
            if time.monotonic() > end:
                break
            is_valid = other != case and all(x[0] == "v" for x in other.results)
            if is_valid and ends(other) and error_of(has, finding, other)[0] is True:
                case, is_done = other, False
                break
    return finding._replace(case=case.renumbered())


def ends(case, seconds=20):
    """Whether it ends, tried in a process of its own where LAPACK may iterate on."""
    if not re.search(ENDLESS, case.text) or not hasattr(os, "fork"):
        return True
    with quiet():
        process = os.fork()
    if process == 0:
        signal.alarm(seconds)  # it ends this process
        findings_of(case)
        os._exit(0)
    return os.waitpid(process, 0)[1] == 0


# --- Hunting --------------------------------------------------------------------------


class Hunt:
    """What is found in some seconds: what is new, and how often what is known."""

    def __init__(self, most=20):
        self.most, self.n_cases, self.n_modules = most, 0, 0
        self.new, self.known = [], Counter()

    def record(self, finding):
        entry = known(finding)
        if entry is None or entry.steps or entry.leaves:  # or the small one is the same
            finding = minimised(finding)
            entry = known(finding)
        if entry is not None:
            self.known[entry] += 1
        elif not any(x.is_like(finding) for x in self.new):
            self.new.append(finding)
            print(described(finding), flush=True)

    def try_case(self, case, modules=None):
        self.n_cases += 1
        found = [Finding("time", "it does not end", case)]
        for finding in findings_of(case, modules) if ends(case) else found:
            self.record(finding)

    def run(self, seconds, seed):
        modules, end = Modules(), time.monotonic() + seconds
        for i in itertools.count():
            is_late = time.monotonic() > end or len(self.new) >= self.most
            if is_late or len(modules.tasks) >= 600:
                for finding in modules.findings():
                    self.record(finding)
            if is_late:
                self.n_modules = modules.n
                return self
            case = drawn(seed * 10**6 + i)
            if case is not None:
                self.try_case(case, modules if i % 4 == 0 else None)


def described(finding):
    title = f"--- {finding.check}: {finding.symptom} (--case {finding.case.seed}) "
    with quiet():
        return f"{title.ljust(88, '-')}\n{finding.case.script(finding.check)}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    some_seed = random.SystemRandom().randrange(10**6)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=some_seed)
    parser.add_argument("--case", type=int, help="the number of one case to try again")
    parser.add_argument("--most", type=int, default=20, help="findings, then it ends")
    arguments = parser.parse_args()
    hunt = Hunt(arguments.most)
    if arguments.case is not None:
        case = drawn(arguments.case)
        print(case.script())
        hunt.try_case(case)
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
