"""Lazy Values: what they take, what they refuse, and evaluating again."""

import unittest
import warnings

import numpy as np
from testing import FUNCTIONS, ValueTest, numbers

from micrograd import Value, concatenate, einsum, stack, where


class TestLazy(ValueTest):
    def test_feeding(self):
        x, w = Value(shape=(2,), name="x"), Value(np.array([3.0, 4.0]))
        y = (x * w).sum()
        self.assert_equal(x.data, [np.nan, np.nan])
        self.assert_equal(y.data, np.nan)
        self.assertEqual(y.forward(x=np.array([1.0, 2.0])), 11)
        self.assertEqual(y.data, 11)
        self.assertEqual(y.forward(x=[5, 6]), 39)
        y.backward()
        self.assert_equal(x.grad, [3, 4])
        self.assert_equal(w.grad, [5, 6])
        self.assertEqual(x.forward(x=[7, 8]).tolist(), [7, 8])

    def test_attributes(self):
        x = Value(shape=(None, 2), name="x")
        self.assertEqual((x.shape, x.ndim, x.name), ((None, 2), 2, "x"))
        self.assertIsNone(x.size)
        for function in (len, list):
            with self.assertRaisesRegex(TypeError, "open axis"):
                function(x)
        self.assertEqual(len(Value(shape=(3, None), name="y")), 3)
        self.assertTrue(np.isnan(x.data).all())
        x.forward(x=np.ones((5, 2)))
        self.assertEqual(x.shape, (None, 2))

    def test_a_number(self):
        x = Value(shape=(), name="x")
        y = x * x
        self.assertTrue(np.isnan(y.data))
        self.assertEqual(y.forward(x=3.0), 9)
        y.backward()
        self.assertEqual(x.grad, 6)

    def test_a_number_is_one_before_it_is_fed(self):
        self.assertIs(type(Value(shape=(), name="x").data), float)
        self.assertIs(type(Value(shape=(), name="x", dtype=int).data), np.ndarray)

    def test_any_name(self):
        for name in ("self", "values", "name", "wrt"):
            self.assertEqual((Value(shape=(), name=name) * 2).forward(**{name: 3}), 6)

    def test_open_axes(self):
        x, t = Value(shape=(None, 2), name="x"), Value(shape=(None,), name="t")
        w, b = Value(np.array([0.5, -1.0])), Value(0.25)
        loss = ((x @ w + b - t) ** 2).mean()
        rng = np.random.default_rng(0)
        for n in (5, 1, 100, 5, 2):
            with self.subTest(n=n):
                inputs, targets = rng.normal(size=(n, 2)), rng.normal(size=n)
                rest = inputs @ [0.5, -1.0] + 0.25 - targets
                self.assert_close(loss.forward(x=inputs, t=targets), np.mean(rest**2))
                loss.backward()
                self.assert_close(w.grad, 2 * rest @ inputs / n)
                self.assert_close(b.grad, 2 * rest.mean())
                self.assertEqual(x.grad.shape, (n, 2))

    def test_more_open_lengths_than_are_kept(self):
        x, w = Value(shape=(None,), name="x"), Value(2.0)
        y = (x * w).sum()
        for n in [*range(60), *range(60)]:
            y.forward(x=np.arange(n))
            y.backward(wrt=w)
            self.assertEqual(w.grad, n * (n - 1) / 2)

    def test_several_open_axes(self):
        x = Value(shape=(None, 3, None), name="x")
        y = x.sum(axis=0) * x.mean()
        for shape in [(1, 3, 1), (2, 3, 4), (4, 3, 2), (0, 3, 2)]:
            with self.subTest(shape=shape), np.errstate(all="ignore"):
                data = numbers(shape)
                mean = np.divide(data.sum(), data.size)
                self.assert_close(y.forward(x=data), data.sum(0) * mean)
                y.backward()
                self.assertEqual(x.grad.shape, shape)
        with self.assertRaises(ValueError):
            y.forward(x=np.ones((2, 2, 2)))

    def test_takes_the_dtype_it_is_fed(self):
        x = Value(shape=(2,), name="x")
        y = x + x
        for dtype in (np.float32, np.float64, np.float16, np.int32, np.int64):
            self.assertEqual(y.forward(x=np.ones(2, dtype)).dtype, dtype)
            y.backward()
            is_float = np.dtype(dtype).kind == "f"
            self.assertEqual(x.grad.dtype, dtype if is_float else np.float64)
        self.assert_equal((x * 1).forward(x=[True, False]), [1, 0])

    def test_with_a_dtype(self):
        x = Value(shape=(2,), name="x", dtype=np.float32)
        y = x * 2
        self.assertEqual((x.dtype, y.dtype), (np.float32, np.float32))
        for fed in (np.array([1.0, 2.0]), [1, 2], np.array([1, 2], np.int8)):
            self.assertEqual(y.forward(x=fed).dtype, np.float32)
            self.assert_equal(y.data, [2, 4])
        for dtype, fed in [(int, [1.5, 2.0]), (bool, [1, 2]), (np.uint8, [-1, 2])]:
            x = Value(shape=(2,), name="labels", dtype=dtype)
            with self.subTest(dtype=dtype), self.assertRaises(TypeError) as caught:
                (x + 1).forward(labels=fed)
            for words in ("labels", str(np.dtype(dtype)), str(np.asarray(fed).dtype)):
                self.assertIn(words, str(caught.exception))

    def test_refuses_other_dtypes(self):
        for dtype in (complex, str, object):
            with self.subTest(dtype=dtype), self.assertRaises(TypeError):
                Value(shape=(2,), name="x", dtype=dtype)
        y = Value(shape=(), name="x") * 2
        for fed in (1j, "x", None):
            with self.subTest(fed=fed), self.assertRaisesRegex(TypeError, "x"):
                y.forward(x=fed)

    def test_integers(self):
        i = Value(shape=(None,), name="i", dtype=int)
        y = i * 2
        self.assert_equal(i.data, [0])
        self.assert_equal(y.data, [0])
        self.assert_equal(y.forward(i=[1, 2, 3]), [2, 4, 6])
        before = i.data, y.data
        with self.assertRaisesRegex(ValueError, r"\bi\b"):
            y.forward()
        self.assertIs(i.data, before[0])
        self.assertIs(y.data, before[1])

    def test_integers_are_indices(self):
        table = Value(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
        i = Value(shape=(None,), name="i", dtype=int)
        for name, y, key in [
            ("rows", table[i], lambda i: i),
            ("elements", table[i, i], lambda i: (i, i)),
            ("columns", table[:, i], lambda i: (slice(None), i)),
        ]:
            for fed in ([1, 0, 1], [1], []):
                with self.subTest(name, fed=fed):
                    fed = np.array(fed, int)
                    self.assert_equal(y.forward(i=fed), table.data[key(fed)])
                    y.backward(wrt=table)
                    expected = np.zeros((3, 2))
                    np.add.at(expected, key(fed), 1)
                    self.assert_equal(table.grad, expected)

    def test_embedding(self):
        table = Value(numbers((5, 2)))
        tokens = Value(shape=(None, None), name="tokens", dtype=int)
        y = table[tokens].mean(axis=1)
        for fed in ([[1, 1, 4]], [[0], [1]], [[0, 2, 2, 2], [3, 3, 0, 1]]):
            fed = np.array(fed)
            self.assert_close(y.forward(tokens=fed), table.data[fed].mean(axis=1))
            y.backward(wrt=table)
            counts = np.bincount(fed.ravel(), minlength=5) / fed.shape[1]
            self.assert_close(table.grad, counts[:, None] * [1, 1])

    def test_masks_of_several_sizes(self):
        x, b = Value(np.arange(4.0)), Value([1.0])
        mask = Value(shape=(4,), name="mask", dtype=bool)
        y = (x[mask] * b).sum()
        for fed in ([1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]):
            fed = np.array(fed, bool)
            y.forward(mask=fed)
            y.backward()
            self.assert_equal(b.grad, [np.arange(4.0)[fed].sum()])
            self.assert_equal(x.grad, fed)

    def test_open_axes_equal_fixed_ones(self):
        for name, function in FUNCTIONS.items():
            x, y = (Value(shape=(None, 3), name=letter) for letter in "xy")
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                z = function(x, y)
            for n in (4, 1, 5, 4):
                data = {"x": numbers((n, 3), n) - 1, "y": numbers((n, 3), n + 9) - 1}
                with self.subTest(name, n=n):
                    fixed = {key: Value(array) for key, array in data.items()}
                    expected = function(**fixed)
                    self.assert_equal(z.forward(**data), expected.data)
                    self.assertEqual(z.dtype, expected.dtype)
                    (expected * 1).backward()
                    (z * 1).backward()
                    for value, other in ((x, fixed["x"]), (y, fixed["y"])):
                        self.assertEqual(value.grad is None, other.grad is None)
                        if value.grad is not None:
                            self.assert_equal(value.grad, other.grad)

    def test_missing(self):
        x, w = Value(shape=(2,), name="inputs"), Value(np.array([1.0, 2.0]))
        y = x * w
        y.forward(inputs=[1, 2])
        with self.assertWarnsRegex(UserWarning, "inputs"):
            self.assert_equal(y.forward(), [np.nan, np.nan])
        self.assert_equal(x.data, [np.nan, np.nan])

    def test_backward_before_feeding(self):
        for shape in [(), (2,), (None,)]:
            x = Value(shape=shape, name="x")
            y = x * 2
            with self.assertWarnsRegex(UserWarning, r"run forward\(\) before backward"):
                y.backward()
            y.forward(x=np.ones([2 if n is None else n for n in shape]))
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                y.backward()

    def test_warnings_point_at_the_caller(self):
        y = Value(shape=(), name="x") * 2
        for call, words in [
            (y.forward, "x is not fed: nan"),
            (y.backward, r"run forward\(\) before backward\(\)"),
        ]:
            with self.assertWarnsRegex(UserWarning, f"^{words}$") as caught:
                call()
            self.assertEqual(caught.filename, __file__)

    def test_a_length_of_one_is_not_open(self):
        x = Value(shape=(1, 2), name="x")
        y = x + np.ones((3, 2))
        for shape in [(3, 2), (1, 1), (2,), (1, 1, 2)]:
            with self.assertRaisesRegex(ValueError, r"x: expected shape \(1, 2\)"):
                y.forward(x=np.ones(shape))
        self.assert_equal(y.forward(x=np.ones((1, 2))), np.full((3, 2), 2))

    def test_fed_nan_is_fed(self):
        x = Value(shape=(), name="x")
        y = x * 2
        y.forward(x=np.nan)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            y.backward()

    def test_shared_names(self):
        a, b = Value(shape=(None,), name="x"), Value(shape=(2,), name="x")
        y = a * 10 + b
        self.assert_equal(y.forward(x=[1, 2]), [11, 22])
        before = a.data, b.data
        with self.assertRaisesRegex(ValueError, "x"):
            y.forward(x=[1, 2, 3])  # fits only one of them
        self.assertIs(a.data, before[0])
        self.assertIs(b.data, before[1])

    def test_ignores_names_of_others(self):
        x = Value(shape=(), name="x")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertEqual((x * 2).forward(x=2, y=[1, 2], z="?"), 4)
            self.assertEqual((Value(1.0) * 2).forward(y=1), 2)

    def test_refused_feeds_change_nothing(self):
        x = Value(shape=(None, 2), name="x")
        t = Value(shape=(None,), name="t", dtype=int)
        w = Value(np.array([1.0, 2.0]))
        products = x @ w
        y = products + t
        y.forward(x=[[1.0, 2.0]], t=[3])
        y.backward()
        everything = (x, t, w, products, y)
        before = [
            (v.data, v.grad, np.copy(v.data), np.copy(v.grad)) for v in everything
        ]
        good = np.ones((3, 2))
        for feed, error, words in [
            ({"x": good, "t": [[1], [2], [3]]}, ValueError, ["t", "(None,)", "(3, 1)"]),
            ({"x": good, "t": 1}, ValueError, ["t", "(None,)", "()"]),
            ({"x": good, "t": [1.0] * 3}, TypeError, ["t", "int64", "float64"]),
            ({"x": good}, ValueError, ["t"]),
            ({"x": np.ones((3, 3)), "t": [1] * 3}, ValueError, ["(None, 2)", "(3, 3)"]),
            ({"x": np.ones(2), "t": [1]}, ValueError, ["x", "(None, 2)", "(2,)"]),
            ({"x": "words", "t": [1]}, TypeError, ["x", "<U5"]),
            ({"x": good * 1j, "t": [1] * 3}, TypeError, ["x", "complex128"]),
        ]:
            with self.subTest(feed=feed):
                with self.assertRaises(error) as caught:
                    y.forward(**feed)
                for word in words:
                    self.assertIn(word, str(caught.exception))
                for value, (data, grad, old_data, old_grad) in zip(everything, before):
                    self.assertIs(value.data, data)
                    self.assertIs(value.grad, grad)
                    self.assert_equal(data, old_data)
                    self.assert_equal(grad, old_grad)

    def test_error_in_an_operator(self):
        a, b = Value(shape=(None,), name="a"), Value(shape=(None,), name="b")
        y = ((a + 1) * (b + 1)).exp()
        with self.assertRaises(ValueError) as caught:
            y.forward(a=np.ones(3), b=np.ones(4))
        for words in ("*", "(3,)", "(4,)"):
            self.assertIn(words, str(caught.exception))
        self.assert_close(y.forward(a=[0.0], b=[0.0, 1.0]), np.exp([1, 2]))

    def test_old_data_is_never_overwritten(self):
        x, w = Value(shape=(None, 2), name="x"), Value(np.eye(2))
        z = x @ w
        values = [z, z + 1, -z, z.relu(), z.tanh(), z.sum(0), z.mean(), z.T, z[0]]
        values += [z.max(0), z.reshape(-1), z.clip(0, 9), concatenate([z, z])]
        values += [where(z > 0, z, 0), einsum("ij->ji", z), stack([z]), z.sigmoid()]
        root = sum((v.sum() for v in values), Value(0.0))
        root.forward(x=[[1.0, 2.0]])
        kept = [(v.data, np.copy(v.data)) for v in values]
        for fed in ([[3.0, 4.0]], [[5.0, 6.0]]):
            root.forward(x=fed)
            root.backward()
            for data, expected in kept:
                self.assert_equal(data, expected)
        self.assert_equal(z.data, [[5, 6]])

    def test_views_of_leaves_follow(self):
        w = Value(np.array([[1.0, 2.0], [3.0, 4.0]]))
        views = [w.T, w[0], w.transpose(1, 0), w.reshape(4)]
        w.data *= 2
        for view, expected in zip(views, ([[2, 6], [4, 8]], [2, 4])):
            self.assert_equal(view.data, expected)
        self.assert_equal(views[2].data, [[2, 6], [4, 8]])
        self.assert_equal(views[3].data, [2, 4, 6, 8])

    def test_leaves_are_read_again(self):
        x = Value(np.array([1.0, 2.0]))
        y = (x * 3).sum()
        x.data -= 1
        self.assertEqual(y.forward(), 3)
        x.data = np.array([5.0, 5.0])
        self.assertEqual(y.forward(), 30)


class TestLeftOverFeeds(ValueTest):
    """Lazy Values keep their last feeds; two need not fit together while building."""

    def setUp(self):
        self.x = Value(shape=(None, 2), name="x")
        self.y = Value(shape=(None,), name="y", dtype=int)
        self.scores = self.x * 1.0
        self.scores.forward(x=numbers((5, 2)))
        self.y.forward(y=[0, 1, 1])

    def test_a_metric_waits_for_the_next_forward(self):
        right = (self.scores.argmax(axis=1) == self.y).mean()
        self.assertFalse(right.is_fed)
        self.assertEqual((self.scores.data.shape, self.y.data.shape), ((5, 2), (3,)))
        fed = {"x": [[1.0, 0.0], [0.0, 1.0]], "y": [0, 0]}
        self.assertEqual(right.forward(**fed), 0.5)
        self.assertTrue(right.is_fed)

    def test_backward_says_what_to_run(self):
        total = np.sum(self.scores[:, 0] * self.y)
        with self.assertWarnsRegex(UserWarning, r"run forward\(\) before"):
            total.backward(wrt=[])

    def test_derivatives_that_fail_say_it_too(self):
        """One error, and no warning before it."""
        z = Value(shape=(None,), name="z")
        total = self.x[:, 0] @ z
        z.forward(z=numbers(3))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with self.assertRaisesRegex(ValueError, r"run forward\(\) before backward"):
                total.backward()
        for v in (self.x, z, total):
            self.assertIsNone(v.grad)

    def test_feeds_that_fit_are_shown_at_once(self):
        self.y.forward(y=[0, 1, 1, 0, 1])
        total = self.scores[:, 0] * self.y
        self.assertTrue(total.is_fed)
        self.assert_equal(total.data, self.x.data[:, 0] * [0, 1, 1, 0, 1])

    def test_what_fails_for_any_feed_is_an_error(self):
        with self.assertRaisesRegex(ValueError, r"'@' of shapes \(5, 2\), \(3, 4\)"):
            self.scores @ np.ones((3, 4))
        table = Value(np.ones((2, 2)))
        self.y.forward(y=[0, 7])
        with self.assertRaisesRegex(IndexError, "out of bounds"):
            table[self.y]  # the data are wrong, not their lengths

    def test_a_fixed_length_is_waited_for(self):
        z = Value(shape=(None,), name="z")
        y = z @ np.ones(3)
        self.assertFalse(y.is_fed)
        self.assertEqual(y.forward(z=[1.0, 2.0, 3.0]), 6)
        with self.assertRaises(ValueError):
            y.forward(z=[1.0, 2.0])


if __name__ == "__main__":
    unittest.main()
