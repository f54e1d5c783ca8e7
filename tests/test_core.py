"""The core: what arrays, rules, engine, nn, optim and checkpoint do on their own.

These tests also run in a package that has nothing else (see `test_package`).
"""

import gc
import unittest
import warnings
import weakref

import numpy as np

from micrograd.engine import Value
from micrograd.nn import MLP, cross_entropy
from micrograd.optim import SGD, Adam


def moons(n):
    """Points of two half-moons, and labels."""
    rng = np.random.default_rng(0)
    angles, labels = np.pi * rng.random(n), rng.integers(0, 2, n)
    x = np.where(labels, 1 - np.cos(angles), np.cos(angles))
    y = np.where(labels, 0.5 - np.sin(angles), np.sin(angles))
    return np.stack([x, y], axis=1) + rng.normal(0, 0.1, (n, 2)), labels


class TestExpressions(unittest.TestCase):
    def test_first_example(self):
        a, b = Value([[2, 3], [5, 4]]), Value([1, -1])
        c = (a @ b).relu()
        self.assertEqual(str(c), "Value(data=[0 1], grad=None)")
        c.backward()
        self.assertEqual(str(c), "Value(data=[0 1], grad=[1. 1.])")
        self.assertEqual(a.grad.tolist(), [[0, 0], [1, -1]])
        self.assertEqual(b.grad.tolist(), [5, 4])

    def test_raw_operands_on_both_sides(self):
        v = Value([1.0, 2.0])
        for y in (np.array([3.0, 4.0]) * v, [3.0, 4.0] * v, v * np.array([3.0, 4.0])):
            self.assertIsInstance(y, Value)
            y.backward()
            self.assertEqual((y.data.tolist(), v.grad.tolist()), ([3, 8], [3, 4]))
        y = [v, 2 * v] @ Value([1.0, 0.0])
        y.backward()
        self.assertEqual((y.data.tolist(), v.grad.tolist()), ([1, 2], [3, 0]))

    def test_broadcasting(self):
        x, b, n = Value(np.ones((2, 3))), Value(np.ones((2, 1))), Value(2.0)
        (x * b + n).backward()
        self.assertEqual((b.grad.tolist(), n.grad), ([[3], [3]], 6))
        self.assertEqual(x.grad.tolist(), [[1, 1, 1], [1, 1, 1]])

    def test_of_closed_forms(self):
        x = Value([0.5, 2.0])
        for y, expected in (
            (x.exp(), np.exp(x.data)),
            (x.tanh(), 1 - np.tanh(x.data) ** 2),
            (1 / x - x**3, -1 / x.data**2 - 3 * x.data**2),
            (2**x, 2**x.data * np.log(2)),
            (x.mean() * x, [x.data.mean() + x.data.sum() / 2] * 2),
            (x[[1, 1]] * 3 + x.reshape(2, 1).T.sum(0), [1, 7]),
        ):
            y.backward()
            np.testing.assert_allclose(x.grad, expected)

    def test_wrt(self):
        x, w = Value([1.0, 2.0]), Value([3.0, 4.0])
        product = x * w
        y = product.sum()
        y.backward(wrt=[w, product])
        self.assertEqual((w.grad.tolist(), product.grad.tolist()), ([1, 2], [1, 1]))
        self.assertTrue(x.grad is None is y.grad)
        y.backward(wrt={"x": x})
        self.assertTrue(w.grad is None is product.grad)
        with self.assertRaisesRegex(ValueError, r"not depend on wrt\[0\]"):
            y.backward(wrt=Value(1.0))
        with self.assertRaisesRegex(TypeError, "wrt: expected Values, got 'x'"):
            y.backward(wrt="x")

    def test_a_comparison_has_no_gradient(self):
        x = Value([1.0, 2.0])
        self.assertEqual((x == [1.0, 3.0]).data.tolist(), [True, False])
        with self.assertRaisesRegex(TypeError, "got booleans"):
            (x > 1.5).backward()

    def test_a_gradient_of_a_leaf_is_its_own(self):
        x, y = Value(np.ones((2, 3))), Value(np.ones((3, 2)))
        total = (x + y.T).sum() + x.mean()
        total.backward()
        for leaf in (x, y):
            self.assertTrue(leaf.grad.flags.writeable and leaf.grad.flags.forc)
        self.assertFalse(np.shares_memory(x.grad, y.grad))
        x.grad *= 0
        self.assertEqual(y.grad.tolist(), [[1, 1]] * 3)

    def test_is_no_array(self):
        with self.assertRaisesRegex(TypeError, "its gradient would be lost"):
            np.asarray(Value([1.0]))
        with self.assertRaisesRegex(TypeError, "data: expected real numbers"):
            Value([Value(1.0), 2.0])


class TestLazy(unittest.TestCase):
    def setUp(self):
        self.x = Value(shape=(None, 2), name="x")
        self.w = Value([1.0, -1.0])
        self.loss = ((self.x @ self.w) ** 2).mean()

    def test_several_lengths(self):
        for n in (3, 1, 5, 3):
            data = np.random.default_rng(n).normal(size=(n, 2))
            scores = data @ [1.0, -1.0]
            self.assertAlmostEqual(self.loss.forward(x=data), np.mean(scores**2))
            self.loss.backward(wrt=self.w)
            np.testing.assert_allclose(self.w.grad, 2 * scores @ data / n)

    def test_what_is_not_fed(self):
        with self.assertWarnsRegex(UserWarning, "x is not fed: nan"):
            self.assertTrue(np.isnan(self.loss.forward()))
        with self.assertWarnsRegex(UserWarning, r"run forward\(\) before backward"):
            self.loss.backward()

    def test_unfit_feeds_change_nothing(self):
        self.loss.forward(x=[[1.0, 2.0]])
        before = self.x.data, self.loss.data
        for wrong, kind in (([1.0, 2.0], ValueError), ("text", TypeError)):
            with self.assertRaisesRegex(kind, "x: expected"):
                self.loss.forward(x=wrong)
            self.assertIs(self.x.data, before[0])
            self.assertIs(self.loss.data, before[1])

    def test_restored_after_an_error(self):
        x, y = Value(shape=(None,), name="x"), Value(shape=(None,), name="y")
        twice = x * 2
        z = twice + y
        z.forward(x=[1.0], y=[2.0])
        with self.assertRaisesRegex(ValueError, r"operator '\+' of shapes \(3,\), "):
            z.forward(x=[1.0, 2.0, 3.0], y=[1.0, 2.0])
        self.assertEqual((x.data, twice.data, z.data), ([1], [2], [4]))

    def test_building_is_quiet(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            y = (-self.x).exp() / 0
        self.assertFalse(y.is_fed)
        with self.assertWarnsRegex(RuntimeWarning, "divide by zero"):
            y.forward(x=[[1.0, 2.0]])
        self.assertTrue(y.is_fed)


class TestScale(unittest.TestCase):
    def test_a_long_chain(self):
        x = Value(1.0)
        y = x
        for _ in range(100_000):
            y = y + 1.0
        self.assertEqual(y.forward(), 100_001)
        y.backward(wrt=x)
        self.assertEqual(x.grad, 1)
        del y

    def test_freed_without_the_collector(self):
        gc.disable()
        self.addCleanup(gc.enable)
        x = Value([1.0, 2.0])
        y = (x * x).sum()
        y.forward()
        y.backward()
        reference = weakref.ref(y)
        del y
        self.assertIsNone(reference())


class TestTraining(unittest.TestCase):
    def test_nets(self):
        points, labels = moons(100)
        x = Value(shape=(None, 2), name="x")
        y = Value(shape=(None,), name="y", dtype=int)
        for make, rate in ((SGD, 0.5), (Adam, 0.02)):
            model = MLP(2, [16, 2], rng=np.random.default_rng(1))
            logits = model(x)
            loss = cross_entropy(logits, y)
            optimiser = make(model, learning_rate=rate)
            for _ in range(300):
                loss.forward(x=points, y=labels)
                loss.backward(wrt=model)
                optimiser.step()
            right = logits.forward(x=points).argmax(axis=1) == labels
            self.assertGreater(right.mean(), 0.9)

    def test_states(self):
        model, other = MLP(2, [3, 1]), MLP(2, [3, 1])
        other.load_state_dict(model.state_dict())
        self.assertEqual(model([1.0, 2.0]).data, other([1.0, 2.0]).data)
        with self.assertRaisesRegex(AttributeError, "no attribute 'weights'"):
            _ = model.weights


if __name__ == "__main__":
    unittest.main()
