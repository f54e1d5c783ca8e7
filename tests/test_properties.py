"""What holds for every expression, tried on random ones.

With PROPERTY_EXAMPLES=20000 each test tries that many, and others each time.
"""

import operator
import os
import unittest
import warnings
from copy import deepcopy
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from micrograd import Value, compiled, nn, tensordot

PROMOTES_BY_DTYPE = np.__version__ >= "2"
EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", 0))
quiet = dict(deadline=None, database=None, suppress_health_check=list(HealthCheck))
quick = dict(max_examples=EXAMPLES or 150, derandomize=not EXAMPLES)
settings.register_profile("properties", **quick, **quiet)
settings.load_profile("properties")
SWEEP = settings(max_examples=EXAMPLES // 10 or 25)  # of each operator

# Operators on arrays and Values: functions of operands, and options by name.

UNARY = "negative abs exp log log1p sqrt tanh sin cos arctanh arcsin arcsinh".split()
COMPARISONS = "less less_equal greater greater_equal".split()
BINARY = "add subtract multiply divide maximum minimum".split() + COMPARISONS
REDUCTIONS = "sum mean amax amin logsumexp".split()
ELEMENTWISE = {  # with the number of operands
    **dict.fromkeys([*UNARY, "relu", "sigmoid"], 1),
    **dict.fromkeys([*BINARY, "power"], 2),
    **dict.fromkeys(["where", "clip"], 3),
}


def inside_out(a, n):
    """The axes of tensordot, as NumPy and PyTorch want them."""
    return list(range(np.ndim(a)))[::-1][:n], list(range(n))


def shared(module):
    return {
        **{x: getattr(module, x) for x in [*UNARY, *BINARY, *REDUCTIONS[:4], "matmul"]},
        "reshape": lambda x, shape: module.reshape(x, shape),
        "concatenate": lambda *xs, axis: module.concatenate(xs, axis),
        "stack": lambda *xs, axis: module.stack(xs, axis),
        "einsum": lambda *xs, subscripts: module.einsum(subscripts, *xs),
        "tensordot": lambda a, b, axes: module.tensordot(a, b, inside_out(a, axes)),
    }


def logsumexp(x, axis, keepdims):
    return np.logaddexp.reduce(np.add(x, 0.0), axis, keepdims=keepdims)


def cross_entropy(x, targets):
    if np.ndim(targets) < np.ndim(x):
        targets = np.eye(np.shape(x)[-1], dtype=bool)[targets]
    return np.sum((logsumexp(x, -1, True) - x) * targets, -1).mean()


ARRAYS = {
    **shared(np),
    **dict(power=np.power, where=np.where, transpose=np.transpose),
    "select": lambda x, key: np.asarray(x)[key],
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-1.0 * x)),
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "logsumexp": logsumexp,
    "softmax": lambda x, axis: np.exp(x - logsumexp(x, axis, True)),
    "cross_entropy": cross_entropy,
    "soft_cross_entropy": cross_entropy,
}
VALUES = {
    **ARRAYS,  # as NumPy's functions take Values
    **dict(add=operator.add, subtract=operator.sub, multiply=operator.mul),
    **dict(divide=operator.truediv, power=operator.pow, matmul=operator.matmul),
    **{x: getattr(Value, x) for x in ("relu", "sigmoid", "clip", "logsumexp")},
    **dict(softmax=nn.softmax, cross_entropy=nn.cross_entropy, tensordot=tensordot),
    "select": lambda x, key: x[key],
    "soft_cross_entropy": nn.cross_entropy,
}
# Expressions: lists of leaves and steps, drawn one by one. NumPy's data goes along, so
# that what comes next fits.

TAME = [0.0, 1.0, -1.0, 0.5, 2.0, -0.5, 0.75, -0.25, 3.0, -2.0, 1.5, 0.25]
WILD = [np.inf, -np.inf, np.nan, -0.0, 20.0, -20.0, 1e3, 1e8, -1e8, 1e-8, 1e50, 1e-50]
NUMBERS = {bool: [False, True], int: [0, 1, 2, -1, 3, -2, 10]}


class Leaf(NamedTuple):
    data: Any
    is_raw: bool  # a constant
    operands = ()


class Step(NamedTuple):
    name: str
    operands: tuple  # their places in the expression
    options: dict


class Draft:
    def __init__(self, draw, dtypes, has_raw):
        self.draw, self.dtypes, self.has_raw = draw, dtypes, has_raw
        self.expression, self.data = [], []
        self.floats = self.choose([TAME, TAME + WILD])

    def choose(self, choices):
        return self.draw(st.sampled_from(choices))

    def shuffled(self, items):
        return self.draw(st.permutations(items))

    def shape(self, *places):
        return np.broadcast_shapes(*[np.shape(self.data[i]) for i in places])

    def add(self, node, data):
        assume(np.size(data) < 500 and np.ndim(data) < 7)
        self.expression.append(node)
        self.data.append(data)
        return len(self.data) - 1

    def leaf(self, shape, dtype=None, numbers=None):
        dtype = dtype or self.choose(self.dtypes)
        numbers = st.sampled_from(numbers or NUMBERS.get(dtype, self.floats))
        some = self.draw(st.lists(numbers, min_size=1, max_size=7))
        data = np.resize(np.array(some, dtype), shape)
        if shape == () and dtype in (int, np.float64) and self.choose([True, False]):
            data = data.item()
        is_raw = self.has_raw and len(self.data) > 0 and self.choose([False, True])
        return self.add(Leaf(data, is_raw), data)

    def value(self, fits=lambda shape: True):
        """A leaf or result of a shape that fits, and no constant."""
        nodes = list(enumerate(self.expression))[::-1]
        values = [i for i, x in nodes if isinstance(x, Step) or not x.is_raw]
        values = [i for i in values if fits(self.shape(i))]
        # Mostly one of the last, lest much of the expression lead nowhere.
        return self.choose(values[:2] * 3 + values) if values else reject()

    def broadcastable(self, shape):
        """A shape that broadcasts with this one, either way."""
        lengths = [self.choose([n, 1] if n != 1 else [1, 2, 0]) for n in shape]
        lengths = [self.choose([2, 1]), *lengths][-4:]
        return tuple(lengths[self.choose(range(len(lengths) + 1)) :])

    def partner(self, *places):
        """An operand that broadcasts with those."""
        shape = self.shape(*places)
        kind = self.choose(["value", "number", "leaf", "value"])
        if kind == "value":
            pairs = lambda other: zip(shape[::-1], other[::-1])
            return self.value(lambda x: all(m == n or 1 in (m, n) for m, n in pairs(x)))
        return self.leaf(() if kind == "number" else self.broadcastable(shape))

    def step(self, name, *places, **options):
        try:
            data = ARRAYS[name](*[self.data[i] for i in places], **options)
        except (TypeError, ValueError):
            reject()  # what NumPy refuses, as -True and the largest of nothing
        self.add(Step(name, places, options), data)


def elementwise(draft, name):
    places = [draft.value(len if name == "clip" else lambda shape: True)]
    while len(places) < ELEMENTWISE[name]:
        places.append(draft.partner(*places))
    # What is raw may come first.
    draft.step(name, *(draft.shuffled(places) if len(places) == 2 else places))


def reduction(draft, name):
    x = draft.value()
    n = len(draft.shape(x))
    axis = draft.draw(st.none() | hnp.valid_tuple_axes(n, min_size=min(n, 1)))
    axis = axis[0] if axis and len(axis) == 1 else axis
    draft.step(name, x, axis=axis, keepdims=draft.choose([False, True]))


def product(draft, name):
    a = draft.value(len)
    shape = draft.shape(a)
    batch = draft.broadcastable(shape[:-2])
    if name == "tensordot":
        n = draft.choose(range(min(3, len(shape)) + 1))
        b = draft.leaf((*shape[::-1][:n], *draft.choose([(), (2,), (1, 3)][n == 0 :])))
        draft.step(name, a, b, axes=n)
    elif draft.choose([True, False]):
        n = shape[-1]
        draft.step(name, a, draft.leaf(draft.choose([(n,), (n, 2), (*batch, n, 3)])))
    else:
        n = shape[-2:][0]
        draft.step(name, draft.leaf(draft.choose([(n,), (2, n), (*batch, 3, n)])), a)


def einstein_sum(draft, name):
    a = draft.value()
    shape = draft.shape(a)
    split = draft.choose([0, 0, *range(len(shape) + 1)])  # "..." before, letters after
    dots, lengths, places, terms = "..." * (split > 0), {"l": 2}, [a], [""]
    for n in shape[split:]:
        known = [letter for letter in lengths if lengths[letter] == n]
        terms[0] += draft.choose([*known, "ihjgkfe"[len(lengths)]])
        lengths[terms[0][-1]] = n
    for _ in range(draft.choose([1, 0, 2])):
        letters = st.lists(st.sampled_from(sorted(lengths)), max_size=3)
        terms.append("".join(draft.draw(letters)))
        batch = draft.broadcastable(shape[:split]) if dots else ()
        places.append(draft.leaf((*batch, *[lengths[i] for i in terms[-1]])))
    letters = draft.shuffled(sorted(set("".join(terms))))
    output = "".join(letters[: draft.choose(range(len(letters) + 1))])
    subscripts = ",".join(dots + term for term in terms)
    subscripts += draft.choose([f"->{dots}{output}", ""])
    draft.step(name, *places, subscripts=subscripts)


def rearrangement(draft, name):
    x = draft.value()
    shape = draft.shape(x)
    order = draft.shuffled(range(len(shape)))
    if name == "transpose":
        axes = [draft.choose([i, i - len(shape)]) for i in order]
        return draft.step(name, x, axes=draft.choose([axes, None]))
    shape = [shape[i] for i in order]
    shape[: draft.choose([0, 2])] = [int(np.prod(shape[:2]))] if shape[1:] else [1]
    if 0 not in shape and draft.choose([False, True]):
        shape[draft.choose(range(len(shape)))] = -1
    draft.step(name, x, shape=shape)


def selection(draft, name):
    x = draft.value()
    shape = draft.shape(x)
    keys = hnp.basic_indices(shape, allow_newaxis=True) | hnp.arrays(bool, shape)
    if shape and 0 not in shape:
        results = hnp.array_shapes(max_dims=2, max_side=3)
        keys |= hnp.integer_array_indices(shape, result_shape=results)
        if draft.choose([False, True]):
            places = range(-shape[0], shape[0])
            index = draft.leaf(draft.choose([(), (2,), (2, 2)]), int, places)
            return draft.step(name, x, index)
    draft.step(name, x, key=draft.draw(keys))


def joining(draft, name):
    is_new = name == "stack"
    x = draft.value(lambda shape: is_new or shape)
    shape = list(draft.shape(x))
    n = len(shape) + is_new
    axis, places = draft.choose(range(-n, n)), [x]
    for kind in draft.choose(["leaf", "same", "same leaf", ""]).split():
        if kind == "leaf" and not is_new:
            shape[axis] = draft.choose([1, 2, 0])
        places.append(x if kind == "same" else draft.leaf(tuple(shape)))
    draft.step(name, *draft.shuffled(places), axis=axis)


def classification(draft, name):
    x = draft.value(lambda shape: shape and shape[-1])
    *shape, n = draft.shape(x)
    if name == "softmax":
        draft.step(name, x, axis=draft.choose(range(-len(shape) - 1, len(shape) + 1)))
    elif name == "cross_entropy":
        draft.step(name, x, draft.leaf(tuple(shape), int, range(n)))
    else:
        draft.step(name, x, draft.leaf((*shape, n), np.float64))


OPERATORS = {
    **dict.fromkeys(ELEMENTWISE, elementwise),
    **dict.fromkeys(REDUCTIONS, reduction),
    **dict.fromkeys(["softmax", "cross_entropy", "soft_cross_entropy"], classification),
    **dict.fromkeys(["transpose", "reshape"], rearrangement),
    **dict.fromkeys(["concatenate", "stack"], joining),
    **dict.fromkeys(["matmul", "tensordot"], product),
    **dict(einsum=einstein_sum, select=selection),
}
DTYPES = (np.float64, np.float32, int, bool)


@st.composite
def expressions(draw, names=tuple(OPERATORS), steps=8, dtypes=DTYPES, has_raw=True):
    draft = Draft(draw, dtypes, has_raw)
    lengths = st.lists(st.sampled_from([2, 3, 1] * 3 + [0]), max_size=4)
    draft.leaf(tuple(draw(lengths)))
    for _ in range(draw(st.integers(1, steps))):
        name = draft.choose(names)
        OPERATORS[name](draft, name)
    # Not all gradients shall be 1: that would hide elements that changed places.
    y = draft.data[-1]
    weights = draft.leaf(np.shape(y), floating(y).type, [0.5, 3.0, -2.0, 0.75, 1.5])
    draft.step("multiply", weights - 1, weights)
    return draft.expression


def evaluate(functions, expression, leaves):
    """All results; `leaves` take the places of those that are no constants."""
    results = []
    for place, node in enumerate(expression):
        if isinstance(node, Leaf):
            results.append(leaves.get(place, node.data))
        else:
            operands = [results[i] for i in node.operands]
            results.append(functions[node.name](*operands, **node.options))
    return results


def floating(x):
    dtype = np.result_type(x)
    return dtype if dtype.kind == "f" else np.dtype(float)


def data_of(expression):
    """What the leaves hold, by place; constants aside."""
    nodes = enumerate(expression)
    return {i: x.data for i, x in nodes if isinstance(x, Leaf) and not x.is_raw}


def built(expression, leaves):
    """All Values; constants become some, too, but are used raw."""
    results = evaluate(VALUES, expression, leaves)
    return [x if isinstance(x, Value) else Value(x) for x in results]


def fixed(expression, data=None):
    data = data or data_of(expression)
    return built(expression, {i: Value(x) for i, x in data.items()})


def lazy(expression, open_length=None):
    leaves = {}
    for i, x in data_of(expression).items():
        is_array, dtype = isinstance(x, np.ndarray), np.result_type(x)
        has_dtype = dtype.kind != "f" or is_array and not x.ndim
        shape = [None if n == open_length else n for n in np.shape(x)]
        leaves[i] = Value(shape=shape, name=f"x{i}", dtype=dtype if has_dtype else None)
        if type(x) is int:  # a lazy one would be an array, and those widen float32
            leaves[i] = Value(x)
    return built(expression, leaves)


def forward(values, data):
    return values[-1].forward(**{f"x{i}": x for i, x in data.items()})


@st.composite
def others(draw, data):
    """Such data again; integers keep within the lengths that they index."""
    numbers = st.lists(st.sampled_from(TAME + WILD), min_size=1, max_size=7)
    new = {}
    for i, x in data.items():
        y = np.roll(x, 1)
        if y.dtype.kind == "f":
            y = np.resize(np.array(draw(numbers), y.dtype), y.shape)
        new[i] = y if isinstance(x, np.ndarray) else y.item()
    return new


def resized(expression, length):
    """Its data with that length in place of 3, as fed where such axes are open."""

    def with_length(n):
        shape = lambda x: [n if m == 3 else m for m in np.shape(x)]
        data = data_of(expression).items()
        return {i: np.resize(x, shape(x)) if np.ndim(x) else x for i, x in data}

    try:
        for n in (length, 1):  # the latter when it is defined
            evaluate(ARRAYS, expression, with_length(n))
    except (ValueError, IndexError):
        reject()  # it holds for some lengths only
    return with_length(length)


def gradients(values):
    return [x.grad for x in values]


class PropertyTest(unittest.TestCase):
    def run(self, result=None):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Mean of empty slice")
            return super().run(result)

    def assert_same(self, actual, expected):
        """In all respects, one by one; nan is nan."""
        self.assertEqual(len(actual), len(expected))
        for a, b in zip(actual, expected):
            self.assertEqual(a is None, b is None)
            if a is not None:
                self.assertEqual(np.result_type(a), np.result_type(b))
                np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
                self.assertEqual(np.shape(a), np.shape(b))

    def assert_close(self, actual, expected, tolerance):
        """Where the tolerance is not infinite."""
        self.assertEqual(np.shape(actual), np.shape(expected))
        is_same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
        is_near = abs(np.subtract(actual, expected, dtype=float)) <= tolerance
        if not np.all(is_same | is_near | np.isposinf(tolerance)):
            self.fail(f"{actual}\nis not\n{expected}\nwithin\n{tolerance}")


class OperatorTest:
    """Runs `check` on expressions of one operator each, of any, and of few."""

    options = {}

    def test_each_operator(self):
        for name in OPERATORS:
            with self.subTest(name):
                SWEEP(given(expressions([name], 1, **self.options))(self.check))()

    def test_expressions(self):
        given(expressions(**self.options))(self.check)()

    def test_sharing(self):
        """With few operators, more results are used twice, at different distances."""
        names = ["add", "subtract", "multiply"]
        given(expressions(names, 12, **self.options))(self.check)()


def finite(x):
    return np.where(np.isfinite(x), x, 0)


def precision(*arrays):
    """Of the coarsest dtype."""
    return max([np.finfo(floating(x)) for x in arrays], key=lambda x: x.eps)


def magnitude(*arrays):
    """An upper bound of their products, infinity aside."""
    arrays = [abs(np.asarray(x, float)) for x in arrays]
    return np.prod([np.max(x, initial=1, where=np.isfinite(x)) for x in arrays])


class TestNumPy(OperatorTest, PropertyTest):
    """The data that NumPy has for the same operands, and its dtype."""

    def check(self, expression):
        values = fixed(expression)
        for step, y in zip(expression, values):
            if isinstance(step, Step):
                operands = [values[i].data for i in step.operands]
                expected = ARRAYS[step.name](*operands, **step.options)
                # np.power(2, False) and 2 ** False differ.
                if PROMOTES_BY_DTYPE and step.name != "power":
                    self.assertEqual(y.dtype, np.result_type(expected), step)
                size = magnitude(expected, *operands)
                if step.name in ELEMENTWISE:
                    size = np.nan_to_num(abs(expected * 1.0))
                elif not all(np.all(np.isfinite(x)) for x in operands):
                    size = np.inf  # what is added first decides
                tolerance = 64 * precision(expected, *operands).eps * size
                self.assert_close(y.data, expected, tolerance)


class TestDifferences(OperatorTest, PropertyTest):
    """Central differences, where those to both sides agree."""

    options = dict(dtypes=[np.float64], has_raw=False)

    def check(self, expression):
        rng = np.random.default_rng(0)
        data = data_of(expression)
        floats = [i for i, x in data.items() if np.result_type(x).kind == "f"]
        data.update({i: rng.uniform(0.1, 0.9, np.shape(data[i])) for i in floats})
        values = fixed(expression, data)
        values[-1].backward()
        sizes = [abs(1.0 * x.data) for x in values]
        sizes += [abs(x.grad) for x in values if x.grad is not None]
        assume(all(np.all(x < 1e4) for x in sizes))
        total = lambda data: np.sum(evaluate(ARRAYS, expression, data)[-1])
        for i in floats:
            step = rng.choice([-1e-6, 1e-6], np.shape(data[i]))
            low, y, high = (total({**data, i: data[i] + k * step}) for k in (-1, 0, 1))
            left, right = (y - low) * 1e6, (high - y) * 1e6
            tolerance = 1e-4 * (1 + abs(left) + abs(right))
            if abs(left - right) < tolerance:
                gradient = 0 if values[i].grad is None else values[i].grad
                slope = np.sum(gradient * step) * 1e6
                self.assertLess(abs(slope - (left + right) / 2), tolerance)


def tolerances(expression, data):
    """What the engine has for the data, and how far from it a program may be.

    That is as far as the engine itself gets when its leaves are rounded in another way,
    and what is lost where large numbers cancel; any distance, where that leads to
    numbers of another kind.
    """
    rng, runs = np.random.default_rng(0), []
    values = fixed(expression, data)
    eps = float(precision(*[x.data for x in values]).eps)
    for k in (0, 1, 2, 3):
        moved = {}
        for i, x in data.items():
            factor = 1 + 8 * eps * (k > 0) * rng.choice([-1, 1], np.shape(x))
            y = np.multiply(x, factor, dtype=floating(x))
            is_float = np.result_type(x).kind == "f"
            moved[i] = np.asarray(y) if isinstance(x, np.ndarray) else y.item()
            moved[i] = moved[i] if is_float else x
        values = fixed(expression, moved)
        values[-1].backward()
        runs.append([*[x.data for x in values], *gradients(values)])
    exact, *nearby = runs
    size = max(magnitude(x) for x in exact if x is not None) ** 2
    pairs = []
    for x, *others in zip(exact, *nearby):
        if x is not None:
            x = np.asarray(x)
            error = 64 * eps * size + sum(64 * abs(1.0 * x - y) for y in others)
            is_same = [np.isfinite(x) == np.isfinite(y) for y in others]
            pairs.append(np.where(np.all(is_same, axis=0), finite(error), np.inf))
        else:
            pairs.append(None)
    return exact, pairs


class TestPrograms(OperatorTest, PropertyTest):
    """What the engine computes, its gradients, and their types."""

    def assert_agrees(self, expression, values, program, places, wrt, data):
        """The program's results and gradients, twice; what they are given is kept."""
        exact, errors = tolerances(expression, data)
        feeds = {f"x{i}": x for i, x in data.items()}
        before = deepcopy(feeds)
        for _ in range(2):
            results = program(**feeds)
            results = results if isinstance(results, tuple) else (results,)
            for place, y in zip(places, results):
                self.assert_near(y, exact[place], errors[place])
            for place in wrt:
                i = place + len(values)
                self.assert_near(values[place].grad, exact[i], errors[i])
        self.assert_same([*feeds.values()], [*before.values()])
        return results

    def assert_near(self, actual, expected, error):
        self.assertEqual(np.result_type(actual), np.result_type(expected))
        self.assertIs(type(actual) is float, type(expected) is float)
        self.assert_close(np.asarray(actual), np.asarray(expected), error)

    def replayed(self, expression, datas, places=(), wrt=None, open_length=None):
        values = lazy(expression, open_length)
        if wrt is None:
            wrt = range(len(values))
        probe = fixed(expression)
        probe[-1].backward()
        is_raw = lambda i: isinstance(expression[i], Leaf) and expression[i].is_raw
        wrt = [i for i in wrt if probe[i].grad is not None and not is_raw(i)]
        places = (len(values) - 1, *places)
        program = compiled(*[values[i] for i in places], wrt=[values[i] for i in wrt])
        kept = []
        for data in datas:
            kept += self.assert_agrees(expression, values, program, places, wrt, data)
        return kept

    def check(self, expression):
        self.replayed(expression, [data_of(expression)])

    @given(expressions(dtypes=[np.float32]))
    def test_float32(self, expression):
        self.check(expression)

    @given(st.data())
    def test_replays_and_wrt(self, draws):
        expression = draws.draw(expressions())
        some = st.lists(st.integers(0, len(expression) - 1), max_size=3, unique=True)
        data = data_of(expression)
        datas = [data, draws.draw(others(data)), data]
        self.replayed(expression, datas, draws.draw(some), draws.draw(some))

    @given(st.data())
    def test_kept_results_never_change(self, draws):
        expression = draws.draw(expressions())
        values, data = lazy(expression), data_of(expression)
        program = compiled(values[-1], *values, wrt=[])
        kept, before = [], []
        for fed in (data, draws.draw(others(data)), data):
            results = program(**{f"x{i}": x for i, x in fed.items()})
            kept += results
            before += deepcopy(results)
            for i, y in enumerate(results):
                if isinstance(y, np.ndarray):
                    self.assertTrue(y.flags.writeable)
                    rest = [*results[:i], *fed.values()]
                    self.assertFalse(any(np.shares_memory(y, x) for x in rest))
        self.assert_same(kept, before)

    @given(expressions(has_raw=False), st.sampled_from([1, 2, 4, 5]))
    def test_open_axes(self, expression, length):
        data, other = data_of(expression), resized(expression, length)
        self.replayed(expression, [data, other, data], open_length=3)


class TestInvariants(PropertyTest):
    @given(expressions())
    def test_backward_twice_is_once(self, expression):
        values = fixed(expression)
        values[-1].backward()
        first = gradients(values)
        before = deepcopy(first)
        values[-1].backward()
        self.assert_same(gradients(values), before)
        self.assert_same(first, before)

    @given(expressions())
    def test_wrt_is_the_full_one(self, expression):
        values = fixed(expression)
        values[-1].backward()
        full = gradients(values)
        some = {*[*data_of(expression)][:3], len(values) // 2, len(values) - 1}
        for subset in [x for n in range(6) for x in combinations(some, n)]:
            wrt = [values[i] for i in subset]
            if any(full[i] is None for i in subset):
                with self.assertRaises(ValueError):
                    values[-1].backward(wrt)
            else:
                values[-1].backward(wrt)
                expected = [x if i in subset else None for i, x in enumerate(full)]
                self.assert_same(gradients(values), expected)

    def assert_replayed(self, expression, values, data):
        anew = fixed(expression, data)
        anew[-1].backward()
        forward(values, data)
        values[-1].backward()
        self.assert_same(gradients(values), gradients(anew))
        used = [pair for pair in zip(values, anew) if pair[0].grad is not None]
        self.assert_same([a.data for a, _ in used], [b.data for _, b in used])

    @given(st.data())
    def test_replaying_is_building_anew(self, draws):
        expression = draws.draw(expressions())
        values, data = lazy(expression), data_of(expression)
        for fed in (data, draws.draw(others(data)), data):
            self.assert_replayed(expression, values, fed)

    @given(expressions(has_raw=False), st.sampled_from([1, 2, 4, 5]))
    def test_open_axes_are_fixed_ones(self, expression, length):
        data, other = data_of(expression), resized(expression, length)
        values = lazy(expression, open_length=3)
        for fed in (data, other, data):
            self.assert_replayed(expression, values, fed)

    @given(expressions())
    def test_gradients_of_leaves_share_no_memory(self, expression):
        values = fixed(expression)
        leaves = [values[i] for i in data_of(expression)]
        wrt = None
        for _ in range(3):
            values[-1].backward(wrt)
            wrt = [x for x in leaves if x.grad is not None]
            for leaf in wrt:
                rest = [x.grad for x in values if x is not leaf and x.grad is not None]
                rest += [x.data for x in values]
                self.assertFalse(any(np.shares_memory(leaf.grad, x) for x in rest))
                if isinstance(leaf.data, np.ndarray):
                    self.assertTrue(leaf.grad.flags.writeable and leaf.grad.flags.forc)

    @given(st.data())
    def test_kept_data_never_changes(self, draws):
        expression = draws.draw(expressions())
        values, data = lazy(expression), data_of(expression)
        forward(values, data)
        kept = [x.data for x in values]
        before = deepcopy(kept)
        forward(values, draws.draw(others(data)))
        values[-1].backward()
        self.assert_same(kept, before)

    @given(expressions())
    def test_kept_data_stays_when_leaves_change_in_place(self, expression):
        values = fixed(expression)
        leaves = [values[i].data for i in data_of(expression)]
        is_view = lambda x: any(np.shares_memory(x, leaf) for leaf in leaves)
        kept = [x.data for x in values if not is_view(x.data)]
        before = deepcopy(kept)
        for x in leaves:
            if isinstance(x, np.ndarray) and x.dtype.kind == "f":
                x += 1
        values[-1].forward()
        values[-1].backward()
        self.assert_same(kept, before)

    @unittest.skipUnless(PROMOTES_BY_DTYPE, "NumPy 1 widens float32 scalars")
    @given(expressions(dtypes=[np.float32]))
    def test_float32_stays(self, expression):
        values = fixed(expression)
        values[-1].backward()
        for step, y in zip(expression, values):
            if isinstance(step, Step):
                if {values[i].dtype for i in step.operands} == {np.dtype(np.float32)}:
                    dtype = bool if step.name in COMPARISONS else np.float32
                    self.assertEqual(y.dtype, dtype)
            if y.grad is not None:
                self.assertEqual(np.result_type(y.grad), floating(y.data))

    @given(st.data())
    def test_the_order_of_definition_does_not_matter(self, draws):
        expression = draws.draw(expressions())
        values = fixed(expression)
        values[-1].backward()
        order = []
        for _ in expression:
            rest = [i for i in range(len(expression)) if i not in order]
            ready = [i for i in rest if {*expression[i].operands} <= {*order}]
            order.append(draws.draw(st.sampled_from(ready)))
        moved = [expression[i] for i in order]
        for i, node in enumerate(moved):
            if isinstance(node, Step):
                operands = tuple(order.index(operand) for operand in node.operands)
                moved[i] = node._replace(operands=operands)
        others = fixed(moved)
        others[order.index(len(order) - 1)].backward()
        values = [values[i] for i in order]
        self.assert_same([x.data for x in others], [x.data for x in values])
        self.assert_same(gradients(others), gradients(values))


if __name__ == "__main__":
    unittest.main()
