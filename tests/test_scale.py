"""Scale: large expressions, long training, and threads."""

import gc
import sys
import threading
import tracemalloc
import unittest
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from micrograd import Value, nn, operator, optim

BYTES_AN_OPERATOR = 900  # docs/speed.md measures two thirds of it
BYTES_OF_PYTHON = 300_000  # its map of memory grows now and then, by 256 KiB at once


def chain(x, n=1_000_000):
    """x + n, by n operators."""
    for _ in range(n):
        x = x + 1.0
    return x


def fan_out(x, n=100_000):
    """x times the sum of the numbers below n, by 2 n operators."""
    return sum(x * float(i) for i in range(n))


def use(build, is_for_all):
    """Build, evaluate, differentiate by all Values or by one, and free."""
    x = Value(1.0)
    y = build(x)
    outcomes = [y.data]
    x.data = 3.0
    outcomes.append(y.forward())
    y.backward(wrt=None if is_for_all else x)
    outcomes.append(x.grad)
    reference = weakref.ref(y)
    del y
    return [*outcomes, reference()]


def in_a_small_stack(function, *arguments):
    """Where recursion into C would crash early."""
    size = threading.stack_size(2**20)
    try:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(function, *arguments).result()
    finally:
        threading.stack_size(size)


class ScaleTest(unittest.TestCase):
    def setUp(self):
        gc.disable()
        self.addCleanup(gc.enable)
        self.addCleanup(sys.setrecursionlimit, sys.getrecursionlimit())
        sys.setrecursionlimit(1000)  # Python's own, whatever a package made of it


class TestLargeExpressions(ScaleTest):
    def assert_outcomes(self, build, *expected):
        self.assertEqual(use(build, is_for_all=True), [*expected, None])
        self.assertEqual(in_a_small_stack(use, build, False), [*expected, None])

    def test_chain(self):
        self.assert_outcomes(chain, 1_000_001, 1_000_003, 1)

    def test_fan_out(self):
        total = 99_999 * 100_000 / 2
        self.assert_outcomes(fan_out, total, 3 * total, total)

    def test_diamonds(self):
        """2**20 paths, but the way through each operator is taken once."""

        def times(number):
            def forward(x):
                calls.append("forward")
                return x * number

            def by_x(g, y, x):
                calls.append("backward")
                return g * number

            return operator("times", forward, by_x)

        def diamonds(x):
            for _ in range(20):
                x = times(0.5)(x) + times(1.5)(x)
            return x

        calls = []
        self.assert_outcomes(diamonds, 2.0**20, 3 * 2.0**20, 2.0**20)
        once = ["forward"] * 80 + ["backward"] * 40  # it is built, and evaluated again
        self.assertEqual(calls, once * 2)

    def test_chains_that_were_not_or_half_used(self):
        def run():
            for use in (
                lambda y, middle: None,
                lambda y, middle: y.backward(),
                lambda y, middle: (middle.backward(), y.forward()),
                lambda y, middle: (y.backward(), y.backward(middle)),
            ):
                y = x
                for i in range(50_000):
                    y = y * y if i % 2 else y + x
                    if i == 25_000:
                        middle = y
                use(y, middle)
                references = [weakref.ref(y), weakref.ref(middle)]
                del y
                freed.append(references[0]())
                del middle, use
                freed.append(references[1]())

        x, freed = Value(0.0), []
        in_a_small_stack(run)
        self.assertEqual(freed, [None] * 8)


class TestMemory(ScaleTest):
    def setUp(self):
        super().setUp()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)

    def test_of_an_operator(self):
        for build in (chain, fan_out):
            x, n = Value(1.0), 20_000
            with self.subTest(build.__name__):
                tracemalloc.reset_peak()
                before, _ = tracemalloc.get_traced_memory()
                y = build(x, n)
                y.forward()
                y.backward(wrt=x)
                peak = tracemalloc.get_traced_memory()[1] - before
                operators = n if build is chain else 2 * n
                self.assertLess(peak / operators, BYTES_AN_OPERATOR)
                del y
                after, _ = tracemalloc.get_traced_memory()
                self.assertLess(after - before, BYTES_OF_PYTHON)

    def test_of_training(self):
        x, w = Value(shape=(None, 2), name="x"), Value(np.zeros(2))
        loss = ((x @ w - 1.0) ** 2).mean()
        optimiser = optim.SGD(w, learning_rate=0.1, momentum=0.5)
        batches = np.random.default_rng(0).normal(size=(100, 8, 2))
        sizes = []
        for step in range(20_001):
            if step % 5_000 == 0:
                sizes.append(tracemalloc.get_traced_memory()[0])
            batch = batches[step % 100]
            loss.forward(x=batch[:3] if step % 100 == 99 else batch)
            loss.backward(wrt=w)
            optimiser.step()
        growths = np.diff(sizes[1:])  # when Python's and NumPy's own caches are full
        self.assertLess(min(growths) / 5_000, 3)  # bytes a step


class TestThreads(ScaleTest):
    """Two at a time, and what each computes when it is alone."""

    def setUp(self):
        super().setUp()
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-6)
        rng = np.random.default_rng(0)
        self.inputs = rng.normal(size=(60, 4))
        self.labels = rng.integers(3, size=60)
        for array in (self.inputs, self.labels):
            array.flags.writeable = False

    def assert_undisturbed(self, function):
        def start(seed):
            barrier.wait()
            return function(seed)

        expected = [function(seed) for seed in (0, 1)]
        barrier = threading.Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            actual = list(pool.map(start, (0, 1)))
        np.testing.assert_array_equal(actual, expected)
        self.assertFalse(np.array_equal(*expected))

    def test_training_on_shared_data(self):
        def train(seed):
            x = Value(shape=(None, 4), name="x")
            y = Value(shape=(None,), name="y", dtype=int)
            model = nn.MLP(4, [8, 3], rng=np.random.default_rng(seed))
            loss = nn.cross_entropy(model(x), y)
            optimiser = optim.Adam(model.parameters())
            losses = []
            for step in range(150):
                rows = slice(0, 60 - step % 3)
                losses.append(loss.forward(x=self.inputs[rows], y=self.labels[rows]))
                loss.backward(wrt=optimiser.wrt)
                optimiser.step()
            return losses

        self.assert_undisturbed(train)

    def test_building_on_shared_data(self):
        def differentiate(seed):
            gradients = []
            for number in range(150):
                w = Value(np.full(4, number + seed + 0.5))
                hidden = np.tanh(Value(self.inputs) @ w)
                loss = (hidden[:30] * hidden[30:]).max() + w.logsumexp()
                loss.backward()
                gradients.append(w.grad)
            return gradients

        self.assert_undisturbed(differentiate)

    def test_forward_with_shared_parameters(self):
        model = nn.MLP(4, [8, 3], rng=np.random.default_rng(0))

        def evaluate(seed):
            x = Value(shape=(None, 4), name="x")
            y = nn.softmax(model(x))
            rows = [slice(i % 50 + seed, i % 50 + 9) for i in range(300)]
            return [y.forward(x=self.inputs[row]).sum(0) for row in rows]

        self.assert_undisturbed(evaluate)


if __name__ == "__main__":
    unittest.main()
