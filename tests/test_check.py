"""The check of gradients: what it accepts, what it catches, what it leaves alone."""

import unittest
import warnings
from itertools import product

import numpy as np
from testing import BINARY, FUNCTIONS, REDUCTIONS, UNARY

from micrograd import (
    Value,
    concatenate,
    einsum,
    nn,
    operator,
    stack,
    tensordot,
    where,
)
from micrograd.check import check_gradients

SHAPES = [(), (1,), (3,), (2, 3), (2, 1, 3), (0,), (0, 3)]
PAIRS = [  # that broadcast
    ((), ()),
    ((), (3,)),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((1, 1), (4, 1, 3)),
    ((0, 3), (3,)),
]
WIDE, INNER, POSITIVE = (-3, 3), (-0.95, 0.95), (0.05, 5)
UNARY = {name: (f, (low, high)) for name, (f, _, (low, *_, high)) in UNARY.items()} | {
    "clip": (lambda x: x.clip(-1, 1.5), WIDE),
    "clip below": (lambda x: x.clip(min=-1), WIDE),
    "clip above": (lambda x: x.clip(max=1.5), WIDE),
    "clip by Values": (lambda x: x.clip(x * 0.5, x.exp()), POSITIVE),
    "T": (lambda x: x.T, WIDE),
    "x**3": (lambda x: x**3, WIDE),
    "2**x": (lambda x: 2**x, WIDE),
    "x*x": (lambda x: x * x, WIDE),
    "1-x": (lambda x: 1 - x, WIDE),
    "1/x": (lambda x: 1 / x, POSITIVE),
}
BINARY = {name: function for name, (function, _) in BINARY.items()} | {
    "where": lambda a, b: where(a > b, a * a, b),
}
OTHERS = {  # functions of arrays of these shapes
    "@": (lambda a, b: a @ b, (2, 3), (3, 4)),
    "@, matrix and vector": (lambda a, b: a @ b, (2, 3), (3,)),
    "@, vectors": (lambda a, b: a @ b, (3,), (3,)),
    "@, vector and matrices": (lambda a, b: a @ b, (3,), (5, 3, 4)),
    "@, batches": (lambda a, b: a @ b, (5, 1, 2, 3), (4, 3, 2)),
    "tensordot": (lambda a, b: tensordot(a, b, 2), (5, 2, 3), (3, 2, 4)),
    "outer": (lambda a, b: tensordot(a, b, 0), (2,), (3, 2)),
    "einsum": (lambda a, b: einsum("ij,kj->ki", a, b), (2, 3), (4, 3)),
    "einsum, summed": (lambda a, b: einsum("ij,k->j", a, b), (2, 3), (4,)),
    "einsum of three": (lambda *x: einsum("bi,ij,bj->b", *x), (5, 2), (2, 3), (5, 3)),
    "concatenate": (lambda *x: concatenate(x), (2, 3), (1, 3), (0, 3)),
    "concatenate, axis": (lambda *x: concatenate(x, axis=-1), (2, 3), (2, 1)),
    "stack": (lambda *x: stack(x), (2, 3), (2, 3)),
    "stack, axis": (lambda *x: stack(x, axis=1), (2, 3), (2, 3), (2, 3)),
    "list": (lambda *x: list(x) @ Value(np.ones(3)), (3,), (3,)),
    "reshape": (lambda x: x.reshape(3, 2), (2, 3)),
    "reshape, -1": (lambda x: x.reshape((-1, 4)), (2, 3, 4)),
    "transpose": (lambda x: x.transpose(1, 2, 0), (2, 3, 4)),
    "transpose, reversed": (lambda x: x.transpose(), (2, 3, 4)),
    "cross-entropy": (lambda x: nn.cross_entropy(x, [0, 2]), (2, 3)),
    "softmax": (nn.softmax, (2, 3)),
    "softmax, axis": (lambda x: nn.softmax(x, axis=0), (2, 3)),
}
KEYS = [
    1,
    (0, -1),
    slice(None, None, -2),
    (..., None, 0),
    [1, 0, 1],
    ([0, 1, 1], [2, 0, 0]),
    (slice(None), [2, 2]),
    np.array([[True, False, True], [False, False, True]]),
    Value([1, 1, 0]),
    Value([False, True]),
]


def leaf(shape, bounds=POSITIVE, seed=0):
    return Value(np.random.default_rng(seed).uniform(*bounds, shape))


def sine(derivative):
    return operator("sine", np.sin, derivative)


right = sine(lambda g, y, x: g * np.cos(x))
wrong = sine(lambda g, y, x: -g * np.cos(x))


def softmax(x):
    y = np.exp(x)
    return y / y.sum()


def state(*values):
    return [(value.data, value.grad) for value in values]


class TestEveryOperator(unittest.TestCase):
    def test_unary(self):
        for (name, (function, bounds)), shape in product(UNARY.items(), SHAPES):
            with self.subTest(name, shape=shape):
                x = leaf(shape, bounds)
                check_gradients(function(x), x)

    def test_binary(self):
        for (name, function), shapes in product(BINARY.items(), PAIRS):
            for left, right in (shapes, shapes[::-1]):
                with self.subTest(name, left=left, right=right):
                    a, b = leaf(left, (0.5, 2)), leaf(right, (0.5, 2), seed=1)
                    check_gradients(function(a, b), [a, b])

    def test_functions(self):
        for name, function in FUNCTIONS.items():
            with self.subTest(name):
                x, y = leaf((4, 3), WIDE), leaf((4, 3), WIDE, seed=1)
                z = function(x, y) + 0.0 * (x + y).sum()  # which it depends on
                check_gradients(z, [x, y])

    def test_others(self):
        for name, (function, *shapes) in OTHERS.items():
            with self.subTest(name):
                leaves = [leaf(shape, WIDE, i) for i, shape in enumerate(shapes)]
                check_gradients(function(*leaves), leaves)

    def test_along_axes(self):
        axes = (None, 0, -1, (0, 2), (2, 1, 0))
        for name, axis, keepdims in product(REDUCTIONS, axes, (False, True)):
            with self.subTest(name, axis=axis, keepdims=keepdims):
                x = leaf((2, 3, 4), WIDE)
                reduce, _ = REDUCTIONS[name]
                check_gradients(reduce(x, axis=axis, keepdims=keepdims), x)

    def test_indexing(self):
        for key in KEYS:
            with self.subTest(key=key):
                x = leaf((2, 3))
                check_gradients(x[key], x)

    def test_numbers(self):
        for name, (function, _) in UNARY.items():
            with self.subTest(name):
                x = Value(0.3)
                check_gradients(function(x), x)
        for name, function in BINARY.items():
            with self.subTest(name):
                a, b = Value(0.3), Value(1.7)
                check_gradients(function(a, b), [a, b])

    def test_float32(self):
        for name, (function, bounds) in UNARY.items():
            with self.subTest(name):
                x = leaf((2, 3), bounds)
                x.data = x.data.astype(np.float32)
                check_gradients(function(x), x)


class TestAccepts(unittest.TestCase):
    def test_a_leaf_itself(self):
        x = leaf((2, 3))
        check_gradients(x, x)

    def test_nets(self):
        model = nn.MLP(3, [4, 4, 1], rng=np.random.default_rng(0))
        x = Value(shape=(None, 3), name="x")
        loss = (model(x) ** 2).mean()
        batch = np.random.default_rng(1).normal(size=(5, 3))
        check_gradients(loss, [x, *model.parameters()], x=batch)

    def test_a_module_or_a_dictionary(self):
        model = nn.MLP(3, [4, 1], rng=np.random.default_rng(0))
        y = model(leaf((5, 3)))
        parameters = dict(enumerate(model.parameters()))
        for wrt in (model, parameters, parameters.values()):
            check_gradients(y, wrt)
        with self.assertRaisesRegex(AssertionError, r"wrt\[0\] of shape \(3, 4\)"):
            check_gradients(wrong(y), model)

    def test_a_lazy_value_that_held_integers(self):
        x = Value(shape=(2,), name="x")
        y = x * x
        y.forward(x=[1, 2])
        check_gradients(y, x, x=[0.5, 1.5])
        self.assertEqual(x.dtype.kind, "i")

    def test_gradients_of_zero(self):
        x = leaf((4, 5), WIDE)
        normal = x - x.mean(axis=1, keepdims=True)
        normal /= (normal**2).mean(axis=1, keepdims=True).sqrt()
        check_gradients(normal.sum(), x)  # which is 0 whatever x
        check_gradients((x * 0).sum() + nn.softmax(x).sum(), x)
        check_gradients(((x - np.array(x.data)) ** 2).sum(), x)  # the minimum

    def test_any_scale(self):
        for scale in (1e-100, 1e-9, 1e9, 1e100):
            x = leaf((2, 3))
            for y in (x.log() * scale, nn.softmax(x).sum() * scale):
                check_gradients(y, x)
            x = Value(x.data * scale)
            check_gradients((x / scale).sum() * 3, x)

    def test_small_and_large_elements(self):
        x = Value(np.array([1e-5, 1e-3, 1.0, 1e3, 1e8]))
        check_gradients(x.log(), x)
        check_gradients(x + 1, x)

    def test_steep_functions(self):
        x = leaf(3)
        check_gradients(right(100 * x), x)

    def test_rounded_numbers(self):
        # a number's gradient is a float, and yet computed in float32
        x, scale = Value(leaf((30, 4)).data.astype(np.float32)), Value(0.1)
        check_gradients((x * scale).tanh().mean(), [x, scale])
        x = Value(np.array([0.5, 2], np.float16))
        check_gradients(x.exp() * x, x)

    def test_no_element_or_none_that_counts(self):
        x = Value(np.array([-np.inf, 1, 2]))
        check_gradients(nn.softmax(x)[1:], x)
        x = Value(np.zeros((0, 3)))
        check_gradients(x.exp(), x)

    def test_data_that_cannot_be_changed_in_place(self):
        array = np.arange(1.0, 7).reshape(2, 3).T
        array.flags.writeable = False
        for data in (array, array[::2], np.broadcast_to(2.5, (2, 2))):
            x = Value(data)
            check_gradients(x**3, x)

    def test_leaves_that_share_memory(self):
        x = Value(np.arange(1.0, 5))
        part = Value(x.data[1:])
        check_gradients(x[1:] * part, [x, part])

    def test_a_leaf_twice_and_an_iterator(self):
        x, y = leaf(3), leaf((2, 3))
        check_gradients(x * y, iter([x, y, x]))


class TestCatches(unittest.TestCase):
    def assert_caught(self, expression, wrt, words="", **values):
        with self.assertRaisesRegex(AssertionError, words):
            check_gradients(expression, wrt, **values)

    def test_wrong_sign(self):
        for shape in ((), (1,), (2, 3)):
            x = leaf(shape, INNER)
            self.assert_caught(wrong(x), x)
            self.assert_caught(wrong(x).sum() * 1e-30, x)
            self.assert_caught(wrong(x).mean() + 1e3, x)

    def test_wrong_factor_on_one_element(self):
        for i, off in product(range(6), (1e-5, -1e-4, 1, np.inf, np.nan)):
            with self.subTest(i=i, off=off):
                factor = np.ones(6)
                factor[i] += off
                factor = factor.reshape(2, 3)
                y = sine(lambda g, y, x, f=factor: g * np.cos(x) * f)
                x = leaf((2, 3), INNER)
                self.assert_caught(y(x), x, rf"at \({i // 3}, {i % 3}\)")

    def test_wrong_in_float32(self):
        x = Value(leaf((2, 3), INNER).data.astype(np.float32))
        self.assert_caught(wrong(x), x)
        off = sine(lambda g, y, x: g * np.cos(x) * np.float32(1.003))
        self.assert_caught(off(x), x)

    def test_elements_in_wrong_places(self):
        x = leaf((3, 3))
        for function in (np.transpose, np.flip, lambda x: np.roll(x, 1)):
            moved = operator("moved", function, lambda g, y, x: g)
            self.assert_caught(moved(x), x)

    def test_what_a_sum_would_hide(self):
        x = leaf(4)
        still = operator("softmax", softmax, lambda g, y, x: np.zeros_like(x))
        check_gradients(still(x).sum(), x)  # for the sum is always 1
        self.assert_caught(still(x), x)

    def test_no_sum_over_what_was_broadcast(self):
        first = operator(
            "*",
            np.multiply,
            lambda g, y, a, b: g * b,
            lambda g, y, a, b: (g * a)[0],
        )
        a, b = leaf((2, 3)), leaf(3, seed=1)
        check_gradients(first(a, b), a)
        self.assert_caught(first(a, b), b)

    def test_no_derivative(self):
        x = leaf(3)
        detached = operator("detach", lambda x: x, None)(x)
        self.assert_caught(x * detached, x)
        with self.assertRaisesRegex(ValueError, "does not depend"):
            check_gradients(detached, x)

    def test_message(self):
        double = operator("double", lambda x: 2 * x, lambda g, y, x: 3 * g)
        a, b = Value(1.0), Value(np.ones((2, 2)))
        x = Value(shape=(None, 2), name="x")
        for expression, wrt, values, words in [
            (double(a), a, {}, ["wrt[0]", "()", "gradient 3.0", "difference 2.0"]),
            ((a * double(b)[1, 0]), [a, b], {}, ["wrt[1]", "(2, 2)", "(1, 0)"]),
            (double(x).sum(), x, {"x": np.ones((3, 2))}, ["x of", "(3, 2)", "(0, 0)"]),
        ]:
            with self.assertRaises(AssertionError) as caught:
                check_gradients(expression, wrt, **values)
            for word in words:
                self.assertIn(word, str(caught.exception))

    def test_same_message_again(self):
        x, messages = leaf((2, 3)), set()
        for _ in range(3):
            with self.assertRaises(AssertionError) as caught:
                check_gradients(wrong(x), x)
            messages.add(str(caught.exception))
        self.assertEqual(len(messages), 1)

    def test_infinity_hides_nothing(self):
        smaller = operator(
            "smaller", np.minimum, lambda g, y, a, b: -g, lambda g, y, a, b: g
        )
        x = leaf(3)
        self.assert_caught(smaller(x, Value(np.inf)), x)

    def test_kinks(self):
        x = Value(np.array([1.0, 0.0]))
        self.assert_caught(x.relu(), x, r"\(1,\): gradient 0\.0")

    def test_outside_and_on_the_edge(self):
        for x, gradient in [(-1.0, "nan"), (0.0, "inf")]:
            x = Value(x)
            with self.assertWarns(RuntimeWarning):  # NumPy's, and not hidden
                self.assert_caught(x.log(), x, f"gradient {gradient}, difference nan")


class TestLazy(unittest.TestCase):
    def setUp(self):
        self.x = Value(shape=(None, 2), name="x")
        self.w = leaf(2)
        self.y = (self.x @ self.w).tanh()

    def test_data_comes_from_values(self):
        for n in (1, 4, 0):
            check_gradients(self.y, [self.x, self.w], x=leaf((n, 2)).data, other=1)
        check_gradients(self.y, self.x, x=[[0.5, 1.5]])

    def test_dtype(self):
        x = Value(shape=(3,), name="x", dtype=np.float32)
        for function, fails in [(right, False), (wrong, True)]:
            for y in (function(x), function(x) * leaf(3)):
                if fails:
                    with self.assertRaisesRegex(AssertionError, r"^x of shape \(3,\)"):
                        check_gradients(y, x, x=[0.1, 0.5, 1.3])
                else:
                    check_gradients(y, x, x=[0.1, 0.5, 1.3])

    def test_labels(self):
        table, i = leaf((4, 2)), Value(shape=(None,), name="i", dtype=int)
        check_gradients(table[i] ** 2, table, i=[3, 1, 3])

    def test_refused(self):
        for values, error, words in [
            ({"x": [1, 2]}, ValueError, r"x: .*\(None, 2\).*\(2,\)"),
            ({"x": "text"}, TypeError, "x: "),
            ({"x": [[1, 2]]}, TypeError, "floating"),  # the data are integers
        ]:
            with self.subTest(values), self.assertRaisesRegex(error, words):
                check_gradients(self.y, self.x, **values)

    def test_missing(self):
        with self.assertWarnsRegex(UserWarning, "x is not fed"):
            with self.assertRaisesRegex(AssertionError, "nan"):
                check_gradients(self.y, self.w)


class TestRestoration(unittest.TestCase):
    def setUp(self):
        self.x, self.w = Value(shape=(2,), name="x"), leaf(2)
        self.square = self.x * self.x
        self.y = (self.square * self.w).tanh()
        self.values = self.x, self.w, self.square, self.y
        self.y.forward(x=[1.0, 2.0])
        self.y.backward()
        self.w.data = np.array([3, 4], np.float32)  # y is that of older data
        self.before = state(*self.values)
        self.copies = [np.copy(array) for pair in self.before for array in pair]

    def tearDown(self):
        after = state(*self.values)
        for pair, expected in zip(after, self.before):
            self.assertIs(pair[0], expected[0])
            self.assertIs(pair[1], expected[1])
        arrays = [array for pair in after for array in pair]
        for array, expected in zip(arrays, self.copies):
            np.testing.assert_array_equal(array, expected)

    def test_after_success(self):
        check_gradients(self.y, [self.x, self.w], x=[0.5, 0.1])

    def test_after_failure(self):
        with self.assertRaises(AssertionError):
            check_gradients(wrong(self.y), self.w, x=[0.5, 0.1])

    def test_after_refused_input(self):
        for wrt, values in [(self.w, {"x": 1.0}), (self.y, {"x": [1.0, 2.0]})]:
            with self.assertRaises((TypeError, ValueError)):
                check_gradients(self.y, wrt, **values)
        with self.assertRaises(ValueError):
            check_gradients(self.y, Value(1.0), x=[1.0, 2.0])

    def test_after_an_error_on_the_way(self):
        count = 0

        def forward(x):
            nonlocal count
            count += 1
            if count > 4:
                raise KeyboardInterrupt
            return x + 0.0

        y = operator("stop", forward, lambda g, y, x: g)(self.y)
        with self.assertRaises(KeyboardInterrupt):
            check_gradients(y, [self.x, self.w], x=[0.5, 0.1])

    def test_what_was_given_is_not_changed(self):
        fed = np.array([0.5, 0.1])
        values = {"x": fed}
        check_gradients(self.y, self.x, **values)
        self.assertIs(values["x"], fed)
        np.testing.assert_array_equal(fed, [0.5, 0.1])

    def test_random_numbers_of_others(self):
        before = np.random.get_state()
        check_gradients(self.y, self.x, x=[0.5, 0.1])
        for part, expected in zip(np.random.get_state(), before):
            np.testing.assert_array_equal(part, expected)


class TestErrors(unittest.TestCase):
    def test_what_is_refused(self):
        x, i = leaf(2), Value([1, 2])
        y = x * i
        for expression, wrt, error, words in [
            (1.0, x, TypeError, r"expression: .*Value, got 1\.0"),
            ([y], x, TypeError, "expression: .*Value, got"),
            (y, 1.0, TypeError, r"wrt: .*got 1\.0"),
            (y, None, TypeError, "wrt: .*got None"),
            (y, "x", TypeError, "wrt: .*got 'x'"),
            (y, [x, x.data], TypeError, "wrt: .*got array"),
            (y, [], TypeError, r"wrt: .*got \[\]"),
            (y, i, TypeError, r"wrt: expected floating leaves, got .*\[1 2\]"),
            (y, Value([True, False]), TypeError, "wrt: expected floating leaves"),
            (y * 2, y, TypeError, "wrt: expected floating leaves"),
            (y, leaf(2), ValueError, "does not depend on"),
        ]:
            with self.subTest(expression=expression, wrt=wrt):
                with self.assertRaisesRegex(error, words):
                    check_gradients(expression, wrt)

    def test_no_warning_of_its_own(self):
        x = Value(np.array([-np.inf, 0.0, 1e-300, 1e300]))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_gradients(x.tanh(), x)


if __name__ == "__main__":
    unittest.main()
