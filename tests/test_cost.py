"""What a training step costs, counted: NumPy's calls, arrays, derivatives, memory."""

import gc
import sys
import time
import tracemalloc
import unittest
from unittest.mock import patch

import numpy as np

from micrograd import Value, nn, operator, optim

PENALTY, RATE = 1e-4, 0.1
ARRAY = np.ndarray
MAKERS = {name: getattr(np, name) for name in "array empty full ones zeros".split()}
calls, arrays = [], []


class Counted(ARRAY):
    """An array, all arithmetic with which is noted, and so are the results."""

    def __array_ufunc__(self, ufunc, method, *operands, **options):
        return noted(ufunc.__name__, getattr(ufunc, method), operands, options)

    def __array_function__(self, function, types, operands, options):
        return noted(function.__name__, function, operands, options)

    def dot(self, other):
        return noted("dot", np.dot, (self, other), {})

    def copy(self, *arguments, **options):
        return noted(None, ARRAY.copy, (self, *arguments), options)

    def astype(self, *arguments, **options):
        return noted(None, ARRAY.astype, (self, *arguments), options)


def plain(x):
    return x.view(ARRAY) if isinstance(x, Counted) else x


def noted(name, function, operands, options):
    """The result; of arithmetic there is a name, but none of what makes or copies."""
    if "out" in options:
        (out,) = options["out"]
        function(*map(plain, operands), **{**options, "out": plain(out)})
        calls.append(name)
        return out
    result = function(*map(plain, operands), **options)
    if not isinstance(result, (ARRAY, np.generic)):
        return result  # such as a shape
    if getattr(result, "base", None) is not None:
        return result.view(Counted)
    if name:
        calls.append(name)
    if not isinstance(result, ARRAY):
        return result
    arrays.append(result.nbytes)
    order = "C" if result.flags.c_contiguous else "F"
    own = Counted(result.shape, result.dtype, order=order)
    own.view(ARRAY)[...] = result
    return own


def maker(name):
    return lambda *operands, **options: noted(None, MAKERS[name], operands, options)


def counted(function):
    """The arithmetic on arrays that it asks of NumPy, and the bytes of each array."""
    calls.clear()
    arrays.clear()
    with patch.multiple(np, ndarray=Counted, **{name: maker(name) for name in MAKERS}):
        function()
    return list(calls), list(arrays)


def python_calls(function):
    """How many functions Python has called meanwhile, also those written in C."""
    events = []
    gc.disable()  # whose callbacks would count
    sys.setprofile(lambda frame, event, argument: events.append(event))
    try:
        function()
    finally:
        sys.setprofile(None)
        gc.enable()
    return events.count("call") + events.count("c_call")


def new_parameters():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=n).view(Counted) for n in ((2, 16), (16, 16), (16,))]
    return [p for w in weights for p in (w, np.zeros(w.shape[1:]).view(Counted))]


def new_batch():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(100, 2)), rng.choice([-1.0, 1.0], 100)
    return x.view(Counted), y.view(Counted)


class ByHand:
    """The chain rule, line by line."""

    def __init__(self):
        self.parameters = new_parameters()
        self.x, self.y = new_batch()

    def forward(self):
        w1, b1, w2, b2, w3, b3 = self.parameters
        self.h1 = np.maximum(np.dot(self.x, w1) + b1, 0)  # (100, 16)
        self.h2 = np.maximum(np.dot(self.h1, w2) + b2, 0)  # (100, 16)
        self.margin = np.maximum(1 - self.y * (np.dot(self.h2, w3) + b3), 0)  # (100,)
        loss = np.add.reduce(self.margin) / len(self.y)
        squares = [np.add.reduce(p * p, axis=None) for p in self.parameters]
        return loss + PENALTY * sum(squares)

    def backward(self):
        w1, b1, w2, b2, w3, b3 = self.parameters
        by_score = np.where(self.margin > 0, -1 / len(self.y), 0) * self.y  # (100,)
        by_h2 = np.where(self.h2 > 0, np.dot(by_score[:, None], w3[None]), 0)
        by_h1 = np.where(self.h1 > 0, np.dot(by_h2, w2.T), 0)  # (100, 16)
        gradients = (
            *(np.dot(self.x.T, by_h1), np.add.reduce(by_h1)),
            *(np.dot(self.h1.T, by_h2), np.add.reduce(by_h2)),
            *(np.dot(by_score, self.h2), np.add.reduce(by_score)),
        )
        penalties = [2 * PENALTY * p for p in self.parameters]
        self.gradients = [g + by_p for g, by_p in zip(gradients, penalties)]

    def step(self):
        loss = self.forward()
        self.backward()
        for p, gradient in zip(self.parameters, self.gradients):
            p -= RATE * gradient
        return loss


class TestTrainingStep(unittest.TestCase):
    """Two moons: a net of 2-16-16-1, hinge loss and the squares of all parameters."""

    def setUp(self):
        model = nn.MLP(2, [16, 16, 1])
        self.parameters = model.parameters()
        for value, data in zip(self.parameters, new_parameters()):
            value.data = data
        x, y = map(Value, new_batch())
        x.data, y.data = new_batch()  # Values would make plain arrays of them
        hinge = (1 - y * model(x)).relu().mean()
        squares = sum((value**2).sum() for value in self.parameters)
        self.loss = hinge + PENALTY * squares
        self.optimiser = optim.SGD(self.parameters, RATE)
        self.by_hand = ByHand()

    def backward(self):
        self.loss.backward(wrt=self.parameters)

    def step(self):
        self.loss.forward()
        self.backward()
        self.optimiser.step()

    def test_same_numbers_as_by_hand(self):
        for _ in range(5):
            self.step()
            loss = self.by_hand.step()
        self.assertAlmostEqual(float(self.loss), float(loss), delta=1e-12)
        for value, data in zip(self.parameters, self.by_hand.parameters):
            np.testing.assert_allclose(value.data, data, rtol=1e-12)

    def test_forward(self):
        """A call for each operator on arrays, as by hand."""
        ours, our_arrays = counted(self.loss.forward)
        theirs, their_arrays = counted(self.by_hand.forward)
        layers, hinge, squares = 3 + 3 + 2, 4, 6 + 5  # b3 ** 2 is a number
        self.assertEqual(len(theirs), layers + hinge + squares)
        self.assertEqual(len(ours), len(theirs))
        self.assertEqual(our_arrays, their_arrays)

    def test_backward(self):
        self.loss.forward()
        self.by_hand.forward()
        theirs = counted(self.by_hand.backward)
        for _ in range(2):
            self.assert_as_cheap(counted(self.backward), theirs)

    def test_calls_and_arrays(self):
        theirs = counted(self.by_hand.step)
        for _ in range(2):
            self.assert_as_cheap(counted(self.step), theirs)

    def assert_as_cheap(self, ours, theirs):
        # Six more calls, for what is merged by hand, such as 1 - x with its sign; three
        # arrays more for numbers that a sum hands on, and one for each parameter, whose
        # gradient may have to be copied.
        (our_calls, our_arrays), (their_calls, their_arrays) = ours, theirs
        self.assertLessEqual(len(our_calls), len(their_calls) + 6)
        more = len(self.parameters) + 3
        self.assertLessEqual(len(our_arrays), len(their_arrays) + more)
        copies = sum(value.data.nbytes for value in self.parameters)
        filled = 4 * self.by_hand.y.nbytes
        self.assertLessEqual(sum(our_arrays), sum(their_arrays) + copies + filled)

    def test_again(self):
        """What was found at the first run need not be found at the second."""
        first, second, third = (python_calls(self.loss.forward) for _ in range(3))
        self.assertLess(second, first)  # the order is known
        self.assertEqual(third, second)
        for function in (self.backward, self.loss.backward):
            first, second, third = (python_calls(function) for _ in range(3))
            self.assertLess(second, first)  # and the way back
            self.assertEqual(third, second)
        for function in (self.loss.forward, self.backward, self.loss.backward):
            first, second = (counted(function) for _ in range(2))
            self.assertEqual(first, second)


class TestGradients(unittest.TestCase):
    def test_of_a_leaf_is_what_its_rule_made(self):
        x = Value(np.linspace(0, 1, 100_000))
        y = x.exp().sum()
        y.backward(wrt=x)
        x.grad = None
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before, _ = tracemalloc.get_traced_memory()
        y.backward(wrt=x)
        _, peak = tracemalloc.get_traced_memory()
        self.assertLess(peak - before, 1.1 * x.data.nbytes)  # and no copy

    def test_are_let_go_as_soon_as_they_are_used(self):
        x = Value(np.linspace(0, 1, 100_000))
        y = x
        for _ in range(30):
            y = y.tanh()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before, _ = tracemalloc.get_traced_memory()
        y.backward(wrt=x)
        after, peak = tracemalloc.get_traced_memory()
        self.assertLess(peak - before, 6 * x.data.nbytes)
        self.assertLess(after - before, 1.1 * x.data.nbytes)  # what x.grad has


class TestVisits(unittest.TestCase):
    def test_only_what_leads_to_wrt(self):
        visited = []
        step = operator("step", lambda x: x, lambda g, y, x: visited.append(x) or g)
        factors = [Value(2.0) for _ in range(5)]
        y = Value(1.0)
        for factor in factors:
            y = step(y * factor) + step(Value(3.0))
        for wrt, expected in (
            (factors[:1], 5),
            (factors[3:], 2),
            (factors[4], 1),
            ((), 0),
            (None, 10),
        ):
            for _ in range(2):
                visited.clear()
                y.backward(wrt)
                self.assertEqual(len(visited), expected)

    def test_each_operand_that_is_no_constant_once(self):
        visited = []
        product = operator(
            "product",
            lambda a, b: a * b,
            lambda g, y, a, b: visited.append("a") or g * b,
            lambda g, y, a, b: visited.append("b") or g * a,
        )
        x = Value(shape=(None,), name="x")
        w, b = Value([1.0, 2.0]), Value(3.0)
        loss = product(product(product(2.0, product(x, w)), b), [1.0, 2.0]).sum()
        for data in ([3.0, 4.0], [5.0, 6.0], [7.0], [8.0, 9.0]):
            for wrt, expected in [
                (None, "aaabbb"),
                (x, "aaab"),
                ([w, b], "aabbb"),
                (w, "aabb"),
                (b, "ab"),
            ]:
                with self.subTest(data=data, wrt=wrt):
                    loss.forward(x=data)
                    visited.clear()
                    loss.backward(wrt)
                    self.assertEqual("".join(sorted(visited)), expected)


def sorted_by_places(x):
    return np.take_along_axis(x, np.argsort(x, axis=-1, kind="stable"), axis=-1)


def partitioned_by_places(x):
    return np.take_along_axis(x, np.argpartition(x, 5, axis=-1), axis=-1)


class TestFunctions(unittest.TestCase):
    """No function takes three times what the NumPy calls take that it makes."""

    X = np.random.default_rng(0).uniform(0.1, 0.9, (150, 150))
    S = X @ X.T + 10 * np.eye(150)
    OF_EACH = (
        "tan sinh cosh arccos arctan expm1 exp2 log2 log10 reciprocal square fabs sinc "
        "degrees radians floor ceil trunc rint nan_to_num isnan isfinite sign "
        "cumsum cumprod prod var std ptp median nansum nanmean argmax argsort any all "
        "tril triu rot90 zeros_like count_nonzero diff"
    )
    OF_TWO = (
        "arctan2 hypot logaddexp remainder fmod fmax fmin copysign logical_and isclose "
        "floor_divide dot inner vstack hstack dstack"
    )
    OTHERS = (  # of Values, and the calls that it makes of arrays, if these are others
        (np.sort, sorted_by_places),
        (lambda x: np.partition(x, 5), partitioned_by_places),
        (lambda x: np.roll(x, 3, axis=0), None),
        (lambda x: np.repeat(x, 2, axis=0), None),
        (lambda x: np.tile(x, (2, 1)), None),
        (lambda x: np.append(x, x), None),
        (lambda x: np.pad(x, 2, mode="reflect"), None),
        (lambda x: np.select([x > 0.5, x > 0.2], [x, 2 * x], 0), None),
        (lambda x: np.tensordot(x, x, 1), None),
        (lambda x: np.kron(x[:20, :20], x[:20, :20]), None),
        (lambda x: np.average(x, axis=0, weights=np.arange(150.0)), None),
        (lambda x: np.linalg.norm(x, axis=1), None),
        (lambda x: np.cov(x[:20]), None),
        (np.linalg.inv, None),
        (np.linalg.det, None),
        (np.linalg.cholesky, None),
        (np.linalg.eigvalsh, np.linalg.eigh),
        (lambda x: np.linalg.slogdet(x)[1], lambda x: np.linalg.slogdet(x)[1]),
        (lambda x: np.linalg.solve(x, x), None),
    )

    def seconds(self, function, *operands):
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            function(*operands)
            seconds.append(time.perf_counter() - start)
        return min(seconds)

    def check(self, name, function, calls, *arrays):
        with self.subTest(name), np.errstate(all="ignore"):
            values = [Value(array) for array in arrays]
            function(*values)  # loads what it needs
            for _ in range(5):  # while another process disturbs
                expected = self.seconds(calls, *arrays)
                taken = self.seconds(function, *values)
                if taken < 3 * expected + 1e-4:
                    return
            self.fail(f"{taken * 1e6:.0f} µs, NumPy {expected * 1e6:.0f} µs")

    def test_forward(self):
        for name in self.OF_EACH.split():
            self.check(name, getattr(np, name), getattr(np, name), self.X)
        for name in self.OF_TWO.split():
            function = getattr(np, name)
            if name.endswith("stack"):
                function = lambda a, b, function=function: function([a, b])
            self.check(name, function, function, self.X, self.X.T.copy())
        for i, (function, calls) in enumerate(self.OTHERS):
            self.check(f"other {i}", function, calls or function, self.S)


if __name__ == "__main__":
    unittest.main()
