"""The engine: results by hand, in closed form and by central finite differences."""

import copy
import gc
import math
import pickle
import unittest
import warnings
import weakref
from itertools import product

import numpy as np

from micrograd import Value, concatenate, einsum, operator, stack, tensordot, where

UNARY = {  # each with its NumPy function, and numbers inside its domain
    "exp": (Value.exp, np.exp, [-1.5, 0.0, 2.0]),
    "log": (Value.log, np.log, [0.1, 1.0, 3.0]),
    "log1p": (Value.log1p, np.log1p, [-0.5, 0.0, 3.0]),
    "sqrt": (Value.sqrt, np.sqrt, [0.1, 1.0, 9.0]),
    "relu": (Value.relu, lambda x: np.maximum(x, 0), [-2.0, 0.5, 3.0]),
    "tanh": (Value.tanh, np.tanh, [-2.0, 0.0, 0.5]),
    "arctanh": (Value.arctanh, np.arctanh, [-0.9, 0.0, 0.5]),
    "arcsin": (Value.arcsin, np.arcsin, [-0.9, 0.0, 0.5]),
    "arcsinh": (Value.arcsinh, np.arcsinh, [-3.0, 0.0, 0.5]),
    "abs": (Value.abs, np.abs, [-2.0, 0.5, 3.0]),
    "sin": (Value.sin, np.sin, [-2.0, 0.0, 0.5]),
    "cos": (Value.cos, np.cos, [-2.0, 0.0, 0.5]),
    "sigmoid": (Value.sigmoid, lambda x: 1 / (1 + np.exp(-x)), [-2.0, 0.0, 0.5]),
    "neg": (lambda x: -x, np.negative, [-3.0, 0.0, 0.5]),
}
BINARY = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "maximum": np.maximum,
    "minimum": np.minimum,
}
COMPARISONS = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
REDUCTIONS = {
    Value.sum: np.sum,
    Value.mean: np.mean,
    Value.max: np.max,
    Value.min: np.min,
    Value.logsumexp: lambda x, **options: np.log(np.sum(np.exp(x), **options)),
}
SHAPES = [(), (1,), (3,), (1, 3), (2, 1), (2, 3), (1, 1, 1), (4, 2, 3), (4, 1, 1)]
SHAPES += [(0,), (0, 3), (2, 0), (0, 1)]
FUNCTIONS = {  # of x and y of shape (n, 3)
    "abs": lambda x, y: abs(x),
    "sin": lambda x, y: x.sin(),
    "cos": lambda x, y: x.cos(),
    "sigmoid": lambda x, y: x.sigmoid(),
    "maximum": lambda x, y: x.maximum(y),
    "minimum of one row": lambda x, y: x.minimum(y[0]),
    "where": lambda x, y: where(x > y, x, 2 * y),
    "where of one row": lambda x, y: where(y > 0, x[0], 1),
    "comparison": lambda x, y: x <= y[0],
    "clip": lambda x, y: x.clip(y, 0.5),
    "max": lambda x, y: x.max(),
    "max of axis": lambda x, y: x.max(0) * y,
    "min of axis": lambda x, y: x.min(axis=-1, keepdims=True) * y,
    "logsumexp": lambda x, y: x.logsumexp(0) - y.logsumexp(),
    "reshape": lambda x, y: x.reshape(-1) * y.reshape(-1),
    "reshape to another": lambda x, y: x.reshape(3, -1) * y.reshape(1, 3, -1),
    "transpose": lambda x, y: x.transpose(1, 0) @ y.transpose(0, 1),
    "rows": lambda x, y: x[0] * x[-1] + y[::2] + y[::-2],
    "columns": lambda x, y: x[:, 1] * y[..., [0, 0, 2]].T,
    "new axes": lambda x, y: x[:, None] * y[None],
    "mask": lambda x, y: x[x > 0] * 2,
    "mask of rows": lambda x, y: x[y[:, 0] > 0] ** 2,
    "computed rows": lambda x, y: x[(y.max(axis=1) > y[0, 0]) * 1 - 1],
    "concatenate": lambda x, y: concatenate([x, x * y, [[1, 2, 3]], x]),
    "concatenate along a fixed axis": lambda x, y: concatenate([x, y, x], axis=-1),
    "stack": lambda x, y: stack([x, y, x]) * y,
    "stack along the last axis": lambda x, y: stack([x, y], axis=-1),
    "einsum": lambda x, y: einsum("ij,kj->ik", x, y),
    "einsum over the open axis": lambda x, y: einsum("ij,ik", x, y),
    "einsum of one alone": lambda x, y: einsum("ij,kl->j", x, y),
}
MATMULS = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((1, 3), (3, 1)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (1, 3, 4)),
    ((6, 1, 2, 3), (5, 3, 4)),
    ((0, 3), (3, 4)),
    ((2, 0), (0, 4)),
    ((0,), (0,)),
]


def central_differences(function, arrays, step=1e-6):
    """The derivatives of the sum of function(*arrays) by each element."""
    gradients = []
    for i, array in enumerate(arrays):
        gradient = np.zeros(np.shape(array))
        for index in np.ndindex(gradient.shape):
            sums = []
            for sign in (1, -1):
                moved = [np.array(a, float) for a in arrays]
                moved[i][index] += sign * step
                sums.append(np.sum(function(*moved)))
            gradient[index] = (sums[0] - sums[1]) / (2 * step)
        gradients.append(gradient)
    return gradients


def numbers(shape, seed=0):
    """Positive numbers that are no round ones."""
    return np.random.default_rng(seed).uniform(0.5, 2, shape)


def are_broadcastable(*shapes):
    try:
        return bool(np.broadcast_shapes(*shapes)) or True
    except ValueError:
        return False


class EngineTest(unittest.TestCase):
    def assert_equal(self, actual, expected):
        """Equal numbers in equal shapes; nan equals nan."""
        self.assertEqual(np.shape(actual), np.shape(expected))
        np.testing.assert_array_equal(actual, expected)

    def assert_close(self, actual, expected, rtol=1e-6):
        self.assertEqual(np.shape(actual), np.shape(expected))
        np.testing.assert_allclose(actual, expected, rtol, atol=rtol)

    def assert_right(self, function, reference, *arrays):
        """The data is the reference's, the gradients those of finite differences."""
        values = [Value(array) for array in arrays]
        y = function(*values)
        expected = reference(*arrays)
        self.assert_close(y.data, expected, 1e-12)
        # different weights, as ones would hide elements that changed places
        weights = numbers(np.shape(expected), seed=1)
        (y * weights).backward()
        weighted = lambda *arrays: reference(*arrays) * weights
        for value, gradient in zip(values, central_differences(weighted, arrays)):
            self.assert_close(value.grad, gradient)


class TestKnownResults(EngineTest):
    def test_first_example(self):
        a, b = Value([[2, 3], [5, 4]]), Value([1, -1])
        c = (a @ b).relu()
        self.assertEqual(str(c), "Value(data=[0 1], grad=None)")
        c.backward()
        self.assertEqual(str(c), "Value(data=[0 1], grad=[1. 1.])")
        self.assert_equal(a.grad, [[0, 0], [1, -1]])
        self.assert_equal(b.grad, [5, 4])

    def test_numbers(self):
        a, b = Value(-3.0), Value(2.0)
        c = (a * b + b**3).relu() - a / b + (1 - b).relu()
        c.backward()
        self.assertEqual((c.data, a.grad, b.grad), (3.5, 1.5, 8.25))

    def test_used_twice(self):
        x = Value(np.array([3.0, -1.0]))
        square = x * x
        (square + square).backward()
        self.assert_equal(x.grad, [12, -4])
        (x**2 + 3 * x).backward()
        self.assert_equal(x.grad, [9, 1])

    def test_of_sums(self):
        # whose gradients may come unexpanded, those of a product do not
        x, y = Value(numbers((4, 3)) - 1), Value(numbers((4, 3), seed=1) - 1)
        for name, function in FUNCTIONS.items():
            z = function(x, y)
            full = z * np.ones(z.shape)
            by_row = lambda z: z.sum(tuple(range(z.ndim))[1:], keepdims=True).sin()
            for reduce in (Value.sum, Value.mean, by_row):
                with self.subTest(name):
                    reduce(full).backward()
                    expected = x.grad, y.grad
                    reduce(z).backward()
                    for value, gradient in zip((x, y), expected):
                        self.assertEqual(value.grad is None, gradient is None)
                        if gradient is not None:
                            self.assert_close(value.grad, gradient, 1e-12)

    def test_diamond_of_views(self):
        x = Value(np.array([[1.0, 2.0], [3.0, 4.0]]))
        (x.T @ x + x.T + x).backward()  # sum of x'x: by x_ij twice the sum of row i
        self.assert_equal(x.grad, [[8, 8], [16, 16]])


class TestOperators(EngineTest):
    def test_unary(self):
        for name, (function, reference, x) in UNARY.items():
            with self.subTest(name):
                self.assert_right(function, reference, np.array(x))
                self.assert_right(function, reference, np.array([x, x]).T)
                self.assert_right(function, reference, x[-1])

    def test_binary_in_every_broadcasting(self):
        for name, function in BINARY.items():
            for left, right in product(SHAPES, SHAPES):
                if are_broadcastable(left, right):
                    with self.subTest(name, left=left, right=right):
                        a, b = numbers(left), numbers(right, seed=2)
                        self.assert_right(function, function, a, b)

    def test_numbers_broadcast_to_arrays(self):
        for name, function in BINARY.items():
            for shape in SHAPES:
                with self.subTest(name, shape=shape):
                    self.assert_right(function, function, 1.5, numbers(shape))
                    self.assert_right(function, function, numbers(shape), 1.5)

    def test_matmul(self):
        for left, right in MATMULS:
            with self.subTest(left=left, right=right):
                matmul = lambda a, b: a @ b
                self.assert_right(matmul, matmul, numbers(left), numbers(right, 2))

    def test_matmul_of_integers(self):
        a, b = Value([[1, 2], [3, 4]]), Value([5, 6])
        y = a @ b
        self.assert_equal(y.data, [17, 39])
        self.assertEqual(y.dtype.kind, "i")
        y.backward()
        self.assert_equal(a.grad, [[5, 6], [5, 6]])
        self.assert_equal(b.grad, [4, 6])

    def test_matmul_refuses_what_does_not_fit(self):
        for left, right in [((2, 3), (2, 3)), ((), (3,)), ((2, 3), ())]:
            with self.subTest(left=left, right=right):
                with self.assertRaises(ValueError) as caught:
                    Value(np.ones(left)) @ Value(np.ones(right))
                for words in ("@", str(left), str(right)):
                    self.assertIn(words, str(caught.exception))
        for function in (lambda x: x @ 2, lambda x: 2.0 @ x, lambda x: x[0] @ x):
            with self.assertRaises(ValueError):  # NumPy's, for numbers
                function(Value(np.ones(3)))

    def test_tensordot(self):
        for left, right, axes in [
            ((2, 3), (4, 5), 0),
            ((), (2,), 0),
            ((), (), 0),
            ((3,), (3,), 1),
            ((2, 3), (3, 4), 1),
            ((2, 3, 4), (4, 3, 5), 2),
            ((2, 3, 4), (4, 3, 2), 3),
            ((4, 2, 3), (3, 2, 4), 1 + 1),
            ((2, 0), (0, 3), 1),
        ]:
            # the last axis of left with the first of right, and so on outwards
            lists = [len(left) - 1 - i for i in range(axes)], list(range(axes))
            with self.subTest(left=left, right=right, axes=axes):
                self.assert_right(
                    lambda a, b, axes=axes: tensordot(a, b, axes),
                    lambda a, b, lists=lists: np.tensordot(a, b, lists),
                    numbers(left),
                    numbers(right, 2),
                )

    def test_tensordot_refuses_what_does_not_fit(self):
        for axes in (-1, 2, 3):
            with self.subTest(axes=axes), self.assertRaises(ValueError) as caught:
                tensordot(Value(np.ones((2, 3))), Value(np.ones(3)), axes)
            self.assertIn("tensordot", str(caught.exception))
        with self.assertRaises(ValueError) as caught:
            tensordot(Value(np.ones((2, 3))), Value(np.ones((2, 3))), 1)
        self.assertIn("tensordot", str(caught.exception))

    def test_reductions(self):
        axes = [None, 0, 1, -1, (0,), (0, 2), (2, 0), (0, -1), (0, 1, 2), ()]
        for axis, keepdims in product(axes, (False, True)):
            options = {"axis": axis, "keepdims": keepdims}
            for method, reference in REDUCTIONS.items():
                with self.subTest(method=method, **options):
                    for shape in [(2, 3, 4), (1, 3, 1)]:
                        self.assert_right(
                            lambda x, f=method, options=options: f(x, **options),
                            lambda x, f=reference, options=options: f(x, **options),
                            numbers(shape),
                        )

    def test_sum_and_mean_of_nothing(self):
        x = Value(np.zeros((0, 3)))
        self.assert_equal(x.sum().data, 0)
        self.assert_equal(x.sum(0).data, [0, 0, 0])
        with np.errstate(all="ignore"):
            self.assert_equal(x.mean(0).data, [np.nan] * 3)
            for y in (x.sum(), x.sum(0), x.sum(1), x.mean(), x.mean(0), x.mean(1)):
                y.backward()
                self.assertEqual(x.grad.shape, (0, 3))

    def test_reduction_of_a_broken_axis(self):
        for method, axis in product(REDUCTIONS, (2, -3, (0, 2), (1, 1))):
            with self.subTest(method=method, axis=axis):
                with self.assertRaises(ValueError) as caught:
                    method(Value(np.ones((2, 3))), axis=axis)
                names = "(sum|mean|max|min|logsumexp)"
                self.assertRegex(str(caught.exception), rf"{names}.*\(2, 3\)")

    def test_transpose(self):
        for shape in [(), (3,), (2, 3), (2, 3, 4), (0, 3)]:
            with self.subTest(shape=shape):
                self.assert_right(lambda x: x.T, np.transpose, numbers(shape))

    def test_indexing(self):
        mask = np.array([[True, False, True], [False, False, True]])
        for key in [
            0,
            -1,
            (1, 2),
            slice(None),
            slice(None, None, -1),
            (slice(None), 1),
            (slice(None), None),
            ...,
            (..., 0),
            [0, 0, 1],
            (np.array([0, 1, 1]), np.array([2, 0, 0])),
            mask,
            slice(0, 0),
        ]:
            with self.subTest(key=key):
                pick = lambda x, key=key: x[key]
                self.assert_right(pick, pick, numbers((2, 3)))

    def test_builtins(self):
        a, b, x = Value(2.0), Value(-3.0), Value(np.array([1.0, -4.0, 2.0]))
        y = abs(b) * abs(x)
        self.assert_equal(y.data, [3, 12, 6])
        y.backward()
        self.assertEqual(b.grad, -7)
        self.assert_equal(x.grad, [3, -3, 3])
        self.assertIs(max(a, b), a)  # Python compares, and picks one
        self.assertIs(min(a, b, key=abs), a)
        for y, gradient in [(max(x), [0, 0, 1]), (min(x), [0, 1, 0]), (sum(x), 1)]:
            y.backward()
            self.assert_equal(x.grad, np.broadcast_to(gradient, 3))
        with self.assertRaises(ValueError):
            max(x, a)

    def test_relu_at_zero(self):
        x = Value(np.array([-0.0, 0.0]))
        x.relu().backward()
        self.assert_equal(x.grad, [0, 0])


class TestDomains(EngineTest):
    def gradient(self, function, x):
        """Data and gradient, of an array and of a number, which are the same."""
        array, number = Value(np.array([x])), Value(x)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a number's come from its division too
            y, z = function(array), function(number)
            y.backward()
            z.backward()
        self.assert_equal(y.data, [z.data])
        self.assert_equal(array.grad, [number.grad])
        return z.data, number.grad

    def test_outside(self):
        for name, x in [
            ("log", -1.0),
            ("log1p", -2.0),
            ("arctanh", 2.0),
            ("arctanh", -1.5),
            ("arcsin", 2.0),
            ("arcsin", -1.5),
            ("sqrt", -1.0),
        ]:
            with self.subTest(name, x=x):
                data, gradient = self.gradient(UNARY[name][0], x)
                self.assertTrue(np.isnan(data) and np.isnan(gradient))

    def test_edges(self):
        for name, x, expected in [
            ("log", 0.0, -np.inf),
            ("log1p", -1.0, -np.inf),
            ("arctanh", 1.0, np.inf),
            ("arctanh", -1.0, -np.inf),
            ("arcsin", 1.0, np.pi / 2),
            ("arcsin", -1.0, -np.pi / 2),
            ("sqrt", 0.0, 0.0),
        ]:
            with self.subTest(name, x=x):
                data, gradient = self.gradient(UNARY[name][0], x)
                self.assertAlmostEqual(data, expected)
                self.assertEqual(gradient, np.inf)

    def test_powers(self):
        for base, exponent, by_base, by_exponent in [
            (3.0, 0.0, 0, np.log(3)),
            (0.0, 0.0, 0, 0),
            (-2.0, 0.0, 0, np.nan),
            (0.0, 2.0, 0, 0),
            (0.0, 1.0, 1, 0),
            (-2.0, 3.0, 12, np.nan),
            (-2.0, -1.0, -0.25, np.nan),
            (0.0, 0.5, np.inf, 0),
        ]:
            with self.subTest(base=base, exponent=exponent):
                power = lambda x, exponent=exponent: x**exponent
                self.assert_close(self.gradient(power, base)[1], by_base, 1e-12)
                power = lambda x, base=base: base**x
                self.assert_close(self.gradient(power, exponent)[1], by_exponent, 1e-12)

    def test_powers_of_arrays(self):
        x, y = Value(np.array([-2.0, 0.0, 3.0])), Value(np.array([0.0, 0.0, 2.0]))
        (x**0).backward()
        self.assert_equal(x.grad, [0, 0, 0])
        (x[1:] ** y[1:]).backward()
        self.assert_equal(x.grad, [0, 0, 6])
        self.assert_close(y.grad, [0, 0, 9 * np.log(3)])

    def test_powers_of_integers(self):
        x = Value([-2, 0, 3])
        for exponent, expected in [(0, [0, 0, 0]), (1, [1, 1, 1]), (3, [12, 0, 27])]:
            (x**exponent).backward()
            self.assert_equal(x.grad, expected)
            (x ** np.full(3, exponent)).backward()
            self.assert_equal(x.grad, expected)

    def test_no_warning_of_the_engines_own(self):
        x = Value(np.array([-2.0, 0.0, 3.0]))
        with warnings.catch_warnings(), np.errstate(all="warn"):
            warnings.simplefilter("error")
            for y in (x**2, x**0, x**3, x.relu(), x.tanh(), x * 0, 2**x, x / 2):
                y.backward()
            for y in (abs(x), x.sigmoid(), x.logsumexp(), x.max(), x.clip(0, 3)):
                y.backward()

    def test_sigmoid_of_large_numbers(self):
        for data in (-math.inf, -1000.0, -40.0, -2.0, 0.0, 40.0, 1000.0, math.inf):
            # e^x / (1 + e^x) or 1 / (1 + e^-x), whichever does not overflow
            e = math.exp(-abs(data))
            expected, slope = (1 if data >= 0 else e) / (1 + e), e / (1 + e) ** 2
            for dtype in (float, np.float64, np.float32, np.float16):
                x = Value(data if dtype is float else np.array([data], dtype))
                with self.subTest(data, dtype=dtype), warnings.catch_warnings():
                    warnings.simplefilter("error")
                    y = x.sigmoid()
                    y.backward()
                    rtol = 4 * np.finfo(dtype).eps
                    # 1 - y is not more exact than that
                    atol = rtol if data > 0 else np.finfo(dtype).smallest_subnormal
                    np.testing.assert_allclose(y.data, expected, rtol, atol)
                    np.testing.assert_allclose(x.grad, slope, rtol, atol)

    def test_logsumexp_of_large_numbers(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for data, expected in [
                ([1000.0, 1000.0], 1000 + math.log(2)),
                ([-1000.0, -1000.0], -1000 + math.log(2)),
                ([-1e30, 1e30], 1e30),
                ([-math.inf, 2.0], 2),
                ([-math.inf, -math.inf], -math.inf),
            ]:
                for dtype in (np.float64, np.float32):
                    with self.subTest(data, dtype=dtype):
                        y = Value(np.array(data, dtype)).logsumexp()
                        rtol = 4 * np.finfo(dtype).eps
                        np.testing.assert_allclose(y.data, expected, rtol, rtol)

    def test_logsumexp_of_many_numbers(self):
        # added up one by one, float32 would be off by 4e-4
        x = Value(np.ones(100_000, np.float32))
        y = x.logsumexp()
        y.backward()
        self.assertAlmostEqual(y.data, 1 + math.log(100_000), delta=1e-5)
        self.assertAlmostEqual(x.grad.sum(), 1, delta=1e-4)

    def test_a_choice_stops_what_is_not_chosen(self):
        x = Value([-1.0, 0.5, 4.0])
        for y, expected in [
            (where(x > 1, x, math.nan), [0, 0, 1]),
            (x.maximum([math.inf, 0, 0]), [0, 1, 1]),
            (x.minimum([-math.inf, 9, 9]), [0, 1, 1]),
            (x.clip(-1, [-1, 0.5, 3]), [1, 1, 0]),
            (x[x > 1] * math.inf, [0, 0, math.inf]),
        ]:
            y.backward()
            self.assert_equal(x.grad, expected)

    def test_names(self):
        """By which graphs are drawn and errors speak."""
        x = Value(0.5)
        for name in """
            exp log log1p sqrt relu sigmoid sin cos tanh arctanh arcsin arcsinh abs sum
            mean max min logsumexp transpose
        """.split():
            self.assertEqual(getattr(x, name)().op, name)
        for y, name in [
            (-x, "neg"),
            (x + x, "+"),
            (x - x, "-"),
            (x * x, "*"),
            (x / x, "/"),
            (x**x, "**"),
            (Value([x.data]) @ [1.0], "@"),
            (x < x, "<"),
            (x <= x, "<="),
            (x > x, ">"),
            (x >= x, ">="),
            (x.maximum(1), "maximum"),
            (x.minimum(1), "minimum"),
            (where(x, x, 0), "where"),
            (x.clip(0, 1), "clip"),
            (x.reshape(1), "reshape"),
            (x[None], "[]"),
            (concatenate([[1], x[None]]), "concatenate"),
            (np.stack([x]), "stack"),
            (np.einsum("i->", x[None]), "einsum"),
            (x, ""),
        ]:
            self.assertEqual(y.op, name)

    def test_warnings_point_at_the_caller(self):
        y = Value(shape=(), name="x") * 2
        for call, words in [
            (y.forward, "x is not fed: nan"),
            (y.backward, r"run forward\(\) before backward\(\)"),
        ]:
            with self.assertWarnsRegex(UserWarning, f"^{words}$") as caught:
                call()
            self.assertEqual(caught.filename, __file__)

    def test_products_of_zero_and_nan_are_nan(self):
        """Of every length, though BLAS may leave zeros out."""
        shapes = [(n,) for n in (1, 2)] + [(n, m) for n in (1, 2, 3) for m in (1, 2)]
        for a_shape, b_shape in product(shapes, shapes):
            if a_shape[-1] != b_shape[-2:][0]:
                continue
            with self.subTest(a=a_shape, b=b_shape), np.errstate(invalid="ignore"):
                a, b = Value(np.zeros(a_shape)), Value(np.full(b_shape, np.nan))
                for y in (a @ b, b.T @ a.T):
                    self.assertTrue(np.all(np.isnan(y.data)))
                    (y * 0).backward()
                    self.assertTrue(np.all(np.isnan(a.grad)))
                    self.assertFalse(np.any(b.grad))

    def test_a_choice_of_changing_length_under_a_sum(self):
        x = Value([1.0, -2.0, 3.0])
        y = x[x > 0].sum()
        for data in ([1.0, -2.0, 3.0], [1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]):
            x.data[:] = data
            self.assertEqual(y.forward(), np.maximum(data, 0).sum())
            y.backward()
            self.assert_equal(x.grad, np.greater(data, 0))

    def test_integers_up_to_64_bits(self):
        for number in (-(2**63), -1000, 1000, 2**63 - 1):
            data = Value(number).data
            self.assertIs(type(data), int)
            self.assertEqual(data, number)
        for number in (2**63, 2**64 - 1):  # NumPy's, too
            self.assertEqual(Value(number).dtype, np.uint64)

    def test_a_number_is_one_before_it_is_fed(self):
        self.assertIs(type(Value(shape=(), name="x").data), float)
        self.assertIs(type(Value(shape=(), name="x", dtype=int).data), np.ndarray)

    def test_bounds_that_are_nan(self):
        """NumPy's result is nan, and PyTorch's gradient 0."""
        x, bound = Value([-1.0, math.nan, 4.0]), Value(math.nan)
        for y in (x.clip(bound), x.clip(max=bound), x.clip(-9, bound)):
            self.assertTrue(np.all(np.isnan(y.data)))
            y.backward()
            self.assert_equal(x.grad, [0, 0, 0])
            self.assert_equal(bound.grad, 0)
        x.clip(0, 9).backward()
        self.assert_equal(x.grad, [0, 0, 1])

    def test_sums_of_products_of_booleans(self):
        mask, x = Value([True, True]), Value([1.0, 3.0])
        y = (mask @ mask) * 0.5
        self.assertEqual(y.data, 0.5)
        y.backward()
        self.assert_equal(mask.grad, [1, 1])
        y = np.einsum("i,j->", x, [True, True])
        self.assertEqual(y.data, 8)
        y.backward()
        self.assert_equal(x.grad, [2, 2])

    def test_warnings_come_and_go(self):
        x = Value(np.array([-1.0]))
        with self.assertWarns(RuntimeWarning):
            x.log()
        with np.errstate(all="raise"), self.assertRaises(FloatingPointError):
            x.log()
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error")
            x.log().backward()


class TestNumbers(EngineTest):
    def test_stay_numbers(self):
        for name, function in BINARY.items():
            for a, b in [(2.0, 3.0), (2, 3.0), (2.0, 3), (2, 3)]:
                with self.subTest(name, a=a, b=b):
                    left, right = Value(a), Value(b)
                    y = function(left, right)
                    is_int = type(a) is type(b) is int and name != "/"
                    self.assertIs(type(y.data), int if is_int else float)
                    self.assertEqual(y.data, function(a, b))
                    self.assertIs(type(function(left, b).data), type(y.data))
                    self.assertIs(type(function(a, right).data), type(y.data))
                    y.backward()
                    for value in (y, left, right):
                        self.assertIs(type(value.grad), float)

    def test_stay_numbers_in_functions(self):
        functions = {name: row[0] for name, row in UNARY.items()}
        functions.update({method.__name__: method for method in REDUCTIONS})
        functions["T"] = lambda x: x.T
        functions["transpose"] = lambda x: x.transpose(())
        functions["reshape"] = lambda x: x.reshape(())
        functions["clip"] = lambda x: x.clip(0, 1)
        functions["where"] = lambda x: where(x > 0, x, 0)
        functions["einsum"] = lambda x: einsum(",->", x, 2.0)
        functions["tensordot"] = lambda x: tensordot(x, x, 0)
        for name, function in functions.items():
            with self.subTest(name):
                x = Value(0.5)
                y = function(x)
                y.backward()
                self.assertIs(type(y.data), float)
                self.assertIs(type(x.grad), float)

    def test_integers_stay_integers(self):
        for name, function in {
            "relu": Value.relu,
            "neg": lambda x: -x,
            "abs": abs,
            "sum": Value.sum,
            "max": Value.max,
            "min": Value.min,
            "T": lambda x: x.T,
            "reshape": lambda x: x.reshape(()),
            "clip": lambda x: x.clip(0, 2),
            "where": lambda x: where(x > 2, x, 0),
        }.items():
            with self.subTest(name):
                self.assertIs(type(function(Value(3)).data), int)

    def test_division_by_zero_is_numpys(self):
        for a, expected in [(1, np.inf), (-1.0, -np.inf), (0, np.nan), (0.0, np.nan)]:
            for b in (0, 0.0):
                with self.subTest(a=a, b=b), self.assertWarns(RuntimeWarning):
                    self.assert_equal((Value(a) / b).data, expected)
                with self.subTest(a=a, b=b), self.assertWarns(RuntimeWarning):
                    self.assert_equal((a / Value(b)).data, expected)

    def test_division_by_zero_backwards(self):
        a, b = Value(1.0), Value(0.0)
        with np.errstate(all="ignore"):
            (a / b).backward()
        self.assertEqual((a.grad, b.grad), (np.inf, -np.inf))

    def test_powers_are_numpys(self):
        with self.assertWarns(RuntimeWarning):
            self.assert_equal((Value(-8.0) ** (1 / 3)).data, np.nan)
        with self.assertWarns(RuntimeWarning):
            self.assertEqual((Value(10.0) ** 400).data, np.inf)
        with self.assertWarns(RuntimeWarning):
            self.assertEqual((Value(0.0) ** -1.0).data, np.inf)
        with self.assertWarns(RuntimeWarning):
            self.assertEqual(Value(1e3).exp().data, np.inf)
        with self.assertRaises(ValueError) as caught:
            Value(2) ** -1
        self.assertIn("**", str(caught.exception))

    def test_backwards_of_huge_powers(self):
        x = Value(1e300)
        with np.errstate(all="ignore"):
            (x**3).backward()
        self.assertEqual(x.grad, np.inf)

    def test_integers_wrap_as_numpys(self):
        big = 2**62
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's scalars warn, its arrays do not
            for a, b in product((big, -big, 3 * big // 2), (2, 3, 4, -5, big)):
                for name in ("+", "-", "*"):
                    y = BINARY[name](Value(a), Value(b))
                    expected = BINARY[name](np.array([a]), np.array([b]))[0]
                    self.assertEqual(y.data, expected)
                    self.assertTrue(-(2**63) <= y.data < 2**63)
            self.assertEqual((Value(3) ** 50).data, np.power(np.array([3]), 50)[0])
            self.assertEqual((-Value(-(2**63))).data, -(2**63))

    def test_huge_integers(self):
        with self.assertRaisesRegex(TypeError, "object"):
            Value(2**100)
        # as an operand, too
        with self.assertRaisesRegex(TypeError, "object"):
            Value(1) + 2**100

    def test_do_not_widen(self):
        x = Value(np.ones(2, np.float32))
        y = (x * (Value(2.0) * 3 + 1) - Value(1).exp()) / Value(3.0).sqrt()
        self.assertEqual(y.dtype, np.float32)
        y.backward()
        self.assertEqual(x.grad.dtype, np.float32)


class TestDtypes(EngineTest):
    @unittest.skipIf(np.__version__ < "2", "NumPy 1 widens float32 scalars")
    def test_float32_and_float16_stay(self):
        functions = {name: row[0] for name, row in UNARY.items()}
        for name, function in BINARY.items():
            functions[name] = lambda x, f=function: f(x, x)
            functions[f"{name} 2"] = lambda x, f=function: f(x, 2)
            functions[f"2.0 {name}"] = lambda x, f=function: f(2.0, x)
        for axis, keepdims in product((None, 0, (0, 1)), (False, True)):
            for f in REDUCTIONS:
                functions[f"{f.__name__}, {axis}, {keepdims}"] = (
                    lambda x, f=f, axis=axis, keepdims=keepdims: f(x, axis, keepdims)
                )
        functions["@"] = lambda x: x @ x
        functions["tensordot"] = lambda x: tensordot(x, x, 1)
        functions["T"] = lambda x: x.T
        functions["[]"] = lambda x: x[0, [1, 1]]
        functions["where"] = lambda x: where(x > 0.4, x, 2.0)
        functions["clip"] = lambda x: x.clip(0, 2.5)
        functions["reshape"] = lambda x: x.reshape(-1)
        functions["concatenate"] = lambda x: concatenate([x, x])
        functions["stack"] = lambda x: stack([x, x])
        functions["einsum"] = lambda x: einsum("ij,jk,j->i", x, x, x[0])
        for dtype, name in product((np.float32, np.float16), functions):
            with self.subTest(name, dtype=dtype):
                x = Value(np.full((2, 2), 0.5, dtype))
                y = functions[name](x)
                y.backward()
                self.assertEqual(y.dtype, dtype)
                self.assertEqual(y.grad.dtype, dtype)
                self.assertEqual(x.grad.dtype, dtype)
                self.assertEqual(x.grad.shape, (2, 2))

    def test_each_operand_keeps_its_own(self):
        a = Value(np.array([1, 2], np.float32))
        b = Value(np.array([3.0, 4.0]))
        c = Value(np.array([5, 6], np.int32))
        d = Value(np.array([True, False]))
        y = a * b + a * c + d * b
        y.backward()
        self.assertEqual(y.dtype, np.float64)
        for value, expected, dtype in [
            (a, [8, 10], np.float32),
            (b, [2, 2], np.float64),
            (c, [1, 2], np.float64),
            (d, [3, 4], np.float64),
        ]:
            self.assert_equal(value.grad, expected)
            self.assertEqual(value.grad.dtype, dtype)

    def test_joined_ones_keep_their_own(self):
        for function in (concatenate, stack, lambda values: where([True], *values)):
            a, b = Value(np.ones(2, np.float32)), Value(np.ones(2))
            y = function([a, b])
            y.backward()
            self.assertEqual(y.dtype, np.float64)
            self.assertEqual((a.grad.dtype, b.grad.dtype), (np.float32, np.float64))

    def test_gradients_of_integers(self):
        for name, function in {
            "abs": abs,
            "sin": Value.sin,
            "cos": Value.cos,
            "sigmoid": Value.sigmoid,
            "maximum": lambda x: x.maximum([1, 1, 1]),
            "clip": lambda x: x.clip(1, 2),
            "max": Value.max,
            "min": Value.min,
            "logsumexp": Value.logsumexp,
            "where": lambda x: where(x > 1, 300.5 * x, 0),
            "reshape": lambda x: x.reshape(3, 1) * 300.5,
            "concatenate": lambda x: concatenate([x, 300.5 * x, [0]]),
            "einsum": lambda x: einsum("i,i", x, 300.5 * x),
        }.items():
            exact = Value(np.array([3.0, 0.0, 1.0]))
            function(exact).backward()
            for dtype in (np.int8, np.uint8, np.int64):
                with self.subTest(name, dtype=dtype):
                    x = Value(np.array([3, 0, 1], dtype))
                    function(x).backward()
                    self.assertEqual(x.grad.dtype, np.float64)
                    # NumPy computes sines and exponentials of int8 as float16
                    rtol = 1e-12 if dtype is np.int64 else 2e-3
                    np.testing.assert_allclose(x.grad, exact.grad, rtol)

    def test_numpy_scalars(self):
        for scalar in (np.float32(0.5), np.float16(0.5), np.float64(0.5)):
            x = Value(scalar)
            y = (x * x).exp()
            y.backward()
            self.assertEqual(y.dtype, scalar.dtype)
            self.assertEqual(np.asarray(x.grad).dtype, scalar.dtype)
            self.assertEqual(np.shape(x.grad), ())

    def test_integers_and_booleans(self):
        x = Value([1, 2, 3])
        y = x + 2 * x
        self.assert_equal(y.data, [3, 6, 9])
        self.assertEqual(y.dtype.kind, "i")
        self.assertEqual(Value([True, False]).sum().data, 1)
        self.assertEqual(Value([1, 2]).mean().data, 1.5)
        self.assert_equal((Value([1, 2]) / 2).data, [0.5, 1.0])
        for dtype in (bool, np.int8, np.uint8, np.int64):
            x = Value(np.ones(2, dtype))
            (x * 300.5).backward()
            self.assert_equal(x.grad, [300.5, 300.5])
            self.assertEqual(x.grad.dtype, np.float64)
            (x + x).backward()
            self.assert_equal(x.grad, [2, 2])

    def test_what_is_not_chosen_stops_infinity(self):
        x = Value([-1.0, -2.0, 4.0])
        for function in (
            Value.relu,
            lambda x: x.maximum(0),
            lambda x: -(-x).minimum(0),
            lambda x: x.clip(0),
            lambda x: -(-x).clip(max=0),
            lambda x: where(x > 0, x, 0),
            lambda x: where(x < 0, 0, x),
        ):
            with np.errstate(divide="ignore"):
                function(x).sqrt().sum().backward()
            self.assert_equal(x.grad, [0, 0, 0.25])
        x = Value([0.0])
        with np.errstate(divide="ignore"):
            x.relu().sqrt().backward()
        self.assert_equal(x.grad, [0])

    def test_number_of_another_type(self):
        v = Value(2)
        y = v * v
        v.data = 2.5
        self.assertEqual(y.forward(), 6.25)

    def test_array_of_no_axes_for_a_number(self):
        x = Value(shape=(), name="x")
        for y in (x.sum(), x.mean(), x * 1):
            self.assertEqual(y.forward(x=np.array(2.0)), 2)
            y.backward()
            self.assertEqual(x.grad, 1)

    def test_array_of_no_axes_used_twice(self):
        x = Value(np.array(3.0))
        (x * x + x).backward()
        self.assertIsInstance(x.grad, np.ndarray)
        self.assertEqual(x.grad, 7)

    def test_small_integers_have_exact_gradients(self):
        # 200 * 2 would not fit into uint8
        x = Value(np.array([200], np.uint8))
        (x**2).backward()
        self.assert_equal(x.grad, [400])


class TestOperands(EngineTest):
    def test_raw_on_both_sides(self):
        data = numbers((2, 2))
        for raw in (
            2,
            2.0,
            True,
            np.float64(2),
            np.float32(2),
            np.int64(2),
            np.array(2.0),
            np.array([2.0, 3.0]),
            np.array([2, 3]),
            [2, 3],
            [[2.0, 3.0], [4.0, 5.0]],
            (2.0, 3.0),
        ):
            for name, function in BINARY.items():
                with self.subTest(name, raw=raw):
                    y = function(Value(data), raw)
                    self.assertIs(type(y), Value)
                    self.assert_close(y.data, function(data, np.asarray(raw)), 1e-6)
                    y = function(raw, Value(data))
                    self.assertIs(type(y), Value)
                    self.assert_close(y.data, function(np.asarray(raw), data), 1e-6)

    def test_raw_matmul(self):
        x, raw = numbers((2, 2)), np.array([[1.0, 2.0], [3.0, 4.0]])
        for y, expected in [
            (raw @ Value(x), raw @ x),
            (Value(x) @ raw, x @ raw),
            (raw.tolist() @ Value(x), raw @ x),
            (Value(x) @ raw.tolist(), x @ raw),
            (tensordot(raw, Value(x), 1), raw @ x),
            (tensordot(Value(x), raw.tolist(), 1), x @ raw),
        ]:
            self.assertIs(type(y), Value)
            self.assert_close(y.data, expected)

    def test_raw_gradients(self):
        x = Value(np.array([1.0, 2.0]))
        for y, expected in [
            (np.array([3.0, 4.0]) - x, [-1, -1]),
            (np.array([3.0, 4.0]) / x, [-3, -1]),
            ([3.0, 4.0] * x, [3, 4]),
            (np.array([3.0, 4.0]) @ x, [3, 4]),
            (2**x, np.log(2) * np.array([2, 4])),
            (np.ones((3, 2)) * x, [3, 3]),
        ]:
            y.backward()
            self.assert_close(x.grad, expected)

    def test_lists_of_values(self):
        a, b = Value(np.array([1.0, 2.0])), Value(np.array([3.0, 4.0]))
        w = np.array([5.0, 6.0])
        rows = np.array([[1.0, 2.0], [3.0, 4.0]])
        for name, y, expected, by_a, by_b in [
            ("list @ w", [a, b] @ Value(w), rows @ w, w, w),
            ("w @ list", w @ Value(1.0 * np.eye(2)) @ [a, b], w @ rows, [5, 5], [6, 6]),
            ("list * w", [a, b] * Value(w), rows * w, w, w),
            ("w - tuple", Value(w) - (a, b), w - rows, [-1, -1], [-1, -1]),
            ("mixed", [a * b, [0, 1]] + Value(w), [[8, 14], [5, 7]], [3, 4], [1, 2]),
            ("tensordot", tensordot([a, b], w, 1), rows @ w, w, w),
            ("einsum", einsum("ij,j", [a, b], w), rows @ w, w, w),
            ("where", where([True, False], [a, b], 0), rows * [1, 0], [1, 0], [1, 0]),
            ("stack", stack([[a, b], rows]), [rows, rows], [1, 1], [1, 1]),
            ("concatenate", concatenate([[a], (b, w)]), [*rows, w], [1, 1], [1, 1]),
        ]:
            with self.subTest(name):
                self.assert_equal(y.data, expected)
                y.backward()
                self.assert_equal(a.grad, by_a)
                self.assert_equal(b.grad, by_b)

    def test_nested_lists_of_numbers(self):
        a, b = Value(2.0), Value(3.0)
        y = [[a, b], [b, 1.0]] @ Value(np.array([1.0, 10.0]))
        self.assert_equal(y.data, [32, 13])
        y.backward()
        self.assertEqual((a.grad, b.grad), (1, 11))

    def test_lists_are_evaluated_again(self):
        x = Value(shape=(2,), name="x")
        y = [x, x * x] @ Value(np.array([1.0, 10.0]))
        self.assert_equal(y.forward(x=[1.0, 2.0]), [21, 41])
        self.assert_equal(y.forward(x=[2.0, 3.0]), [32, 94])

    def test_in_place_is_refused(self):
        array = np.array([1.0, 2.0])
        with self.assertRaises(TypeError):
            array += Value([1.0, 1.0])
        with self.assertRaises(TypeError):
            array *= Value(2.0)
        self.assert_equal(array, [1, 2])

    def test_what_is_no_operand(self):
        for raw in ("x", None, 1j, [1j], np.array(["x"]), object()):
            for name, function in BINARY.items():
                with self.subTest(name, raw=raw):
                    with self.assertRaises(TypeError):
                        function(Value(1.0), raw)
                    with self.assertRaises(TypeError):
                        function(raw, Value(1.0))

    def test_error_names_operator_and_shapes(self):
        for name, function in BINARY.items():
            with self.subTest(name), self.assertRaises(ValueError) as caught:
                function(Value(np.ones((2, 3))), np.ones((4, 5)))
            for words in (name, "(2, 3)", "(4, 5)"):
                self.assertIn(words, str(caught.exception))


class TestComparisons(EngineTest):
    def test_data(self):
        for name, function in COMPARISONS.items():
            for left, right in product(SHAPES, SHAPES):
                if are_broadcastable(left, right):
                    a, b = numbers(left).round(), numbers(right, seed=2).round()
                    with self.subTest(name, left=left, right=right):
                        expected = function(a, b)
                        for x, y in [
                            (Value(a), Value(b)),
                            (Value(a), b),
                            (a, Value(b)),
                        ]:
                            z = function(x, y)
                            self.assertIs(type(z), Value)
                            self.assertEqual(z.dtype, bool)
                            self.assert_equal(z.data, expected)
            for a, b in product((1, 2.0, np.float32(2), [1, 2], math.nan), repeat=2):
                with self.subTest(name, a=a, b=b):
                    expected = function(np.asarray(a), np.asarray(b))
                    for z in (function(Value(a), b), function(a, Value(b))):
                        self.assertEqual((type(z), z.dtype), (Value, bool))
                        self.assert_equal(z.data, expected)

    def test_truth(self):
        a, b = Value(2.0), Value(3)
        self.assertTrue(a < b and b > a and a <= 2 and 3 >= b and 1 < a)
        self.assertFalse(a > b or b < a or a >= 3 or 2 >= b)
        with self.assertRaises(ValueError):
            bool(Value([1, 2]) < 2)
        self.assertEqual(sorted([b, a]), [a, b])

    def test_identity_stays(self):
        a, b = Value([1.0, 2.0]), Value([1.0, 2.0])
        self.assertIs(a == b, False)
        self.assertIs(a != b, True)
        self.assertIs(a == a * 1, False)

    def test_no_gradient(self):
        x, y = Value(np.array([1.0, 2.0, 3.0])), Value(2.0)
        for name, function in COMPARISONS.items():
            with self.subTest(name):
                z = function(x, y)
                (z * x).backward()
                self.assert_equal(x.grad, function(x.data, 2))
                self.assert_equal(z.grad, x.data)
                self.assertEqual(z.grad.dtype, np.float64)
                self.assertIsNone(y.grad)
                z.backward()
                self.assertIsNone(x.grad)
                with self.assertRaises(ValueError):
                    z.backward(wrt=x)

    def test_evaluated_again(self):
        x, y = Value(shape=(None,), name="x"), Value(shape=(), name="y")
        compared = {name: f(x, y) for name, f in COMPARISONS.items()}
        positive = np.where(x > 0, x, 0)
        for inputs, bound in [([-1.0, 2.0], 2.0), ([3.0, 1.0, -2.0], 1), ([], 0.0)]:
            inputs = np.array(inputs)
            for name, z in compared.items():
                z.forward(x=inputs, y=bound)
                self.assertEqual(z.dtype, bool)
                self.assert_equal(z.data, COMPARISONS[name](inputs, bound))
            self.assert_equal(positive.forward(x=inputs), inputs * (inputs > 0))
            positive.backward()
            self.assert_equal(x.grad, inputs > 0)
        compared = {name: f(y, 1) for name, f in COMPARISONS.items()}
        for bound, (name, z) in product((0.5, 1, 2.0), compared.items()):
            z.forward(y=bound)
            self.assertEqual((z.dtype, z.data), (bool, COMPARISONS[name](bound, 1)))

    def test_what_does_not_fit(self):
        for name, function in COMPARISONS.items():
            with self.subTest(name), self.assertRaises(ValueError) as caught:
                function(Value(np.ones((2, 3))), np.ones((4, 5)))
            for words in (name, "(2, 3)", "(4, 5)"):
                self.assertIn(words, str(caught.exception))
            for raw in ("x", None, 1j, object()):
                with self.subTest(name, raw=raw), self.assertRaises(TypeError):
                    function(Value(1.0), raw)


class TestBadInput(EngineTest):
    def test_errors_are_numpys(self):
        """As they come from arrays, with the operator and its parents' shapes."""
        mask = np.ones(4, bool)
        for name, function, *shapes in [
            ("where", lambda a, b: np.where([True, False], a, b), (3,), (2, 3)),
            ("where", lambda a, b: np.where(mask, a, b), (4,), (2, 3)),
            ("clip", lambda a, b: np.clip(a, b, None), (2, 3), (4,)),
            ("clip", lambda a, b, c: np.clip(a, b, c), (2, 3), (2, 3), (4, 5)),
            ("max", lambda a: np.max(a), (0,)),
            ("min", lambda a: np.min(a, 0), (0, 3)),
            ("reshape", lambda a: np.reshape(a, 4), (2, 3)),
            ("reshape", lambda a: np.reshape(a, (4, -1)), (2, 3)),
            ("reshape", lambda a: np.reshape(a, (-1, -1)), (2, 3)),
            ("transpose", lambda a: np.transpose(a, (0, 0)), (2, 3)),
            ("transpose", lambda a: np.transpose(a, (0, 2)), (2, 3)),
            ("transpose", lambda a: np.transpose(a, (0,)), (2, 3)),
            ("transpose", lambda a: np.transpose(a, (0, 1, 2)), (2, 3)),
            ("concatenate", lambda a, b: np.concatenate([a, b]), (2, 3), (2, 4)),
            ("concatenate", lambda a, b: np.concatenate([a, b]), (2, 3), (3,)),
            ("concatenate", lambda a, b: np.concatenate([a, b], 2), (2, 3), (2, 3)),
            ("concatenate", lambda a, b: np.concatenate([a, b]), (), ()),
            ("stack", lambda a, b: np.stack([a, b]), (2, 3), (3,)),
            ("stack", lambda a, b: np.stack([a, b], 3), (2, 3), (2, 3)),
            ("stack", lambda a, b: np.stack([a, b], -4), (2, 3), (2, 3)),
            ("einsum", lambda a: np.einsum("ij->k", a), (2, 3)),
            ("einsum", lambda a: np.einsum("ij->ii", a), (2, 3)),
            ("einsum", lambda a: np.einsum("ij->i->j", a), (2, 3)),
            ("einsum", lambda a: np.einsum("i1", a), (2, 3)),
            ("einsum", lambda a: np.einsum("i.j", a), (2, 3)),
            ("einsum", lambda a: np.einsum("ij,jk", a), (2, 3)),
            ("einsum", lambda a, b: np.einsum("ij", a, b), (2, 3), (2, 3)),
            ("einsum", lambda a: np.einsum("i", a), (2, 3)),
            ("einsum", lambda a: np.einsum("ijk", a), (2, 3)),
            ("einsum", lambda a: np.einsum("...ijk", a), (2, 3)),
            ("einsum", lambda a: np.einsum("ii", a), (2, 3)),
            ("einsum", lambda a, b: np.einsum("ij,jk", a, b), (2, 3), (4, 5)),
            ("einsum", lambda a, b: np.einsum("...i,...i", a, b), (2, 3), (4, 3)),
            ("[]", lambda a: a[2], (2, 3)),
            ("[]", lambda a: a[0, -4], (2, 3)),
            ("[]", lambda a: a[[0, 5]], (2, 3)),
            ("[]", lambda a: a[0, 0, 0], (2, 3)),
            ("[]", lambda a: a[[0, 1], [0, 1, 2]], (2, 3)),
            ("[]", lambda a: a[mask], (2, 3)),
            ("[]", lambda a: a[1.5], (2, 3)),
            ("[]", lambda a: a["words"], (2, 3)),
            ("[]", lambda a: a[..., ...], (2, 3)),
            ("[]", lambda a: a[a], (2, 3)),  # of floats
        ]:
            with self.assertRaises(Exception) as expected:
                function(*map(np.ones, shapes))
            kinds = type(expected.exception).mro()  # of AxisError, ValueError
            kind = next(kind for kind in kinds if kind.__module__ == "builtins")
            values = [Value(np.ones(shape)) for shape in shapes]
            lazies = [Value(shape=shape, name="x") for shape in shapes]
            for operands in values, lazies:
                with self.subTest(name, message=str(expected.exception)):
                    with self.assertRaises(kind) as caught:
                        function(*operands)
                    for words in (name, *map(str, shapes)):
                        self.assertIn(words, str(caught.exception))

    def test_nothing_to_join(self):
        for function in (concatenate, stack):
            with self.assertRaisesRegex(ValueError, function.__name__):
                function([])

    def test_errors_once_fed(self):
        table = Value(np.arange(6.0).reshape(3, 2))
        x, y = Value(shape=(None,), name="x"), Value(shape=(None,), name="y")
        i = Value(shape=(None,), name="i", dtype=int)
        mask = Value(shape=(None,), name="mask", dtype=bool)
        two, three = np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0])
        for expression, error, bad, good, expected in [
            (
                table[i],
                "'[]' of shapes (3, 2), (2,)",
                {"i": [0, 3]},
                {"i": [2]},
                [[4, 5]],
            ),
            (x[mask], "'[]' of shapes (3,), (2,)", {"mask": [True] * 2}, {}, [4]),
            (x.maximum(y), "'maximum' of shapes (3,), (2,)", {"y": two}, {}, three),
            (
                x < y,
                "'<' of shapes (3,), (2,)",
                {"y": two},
                {"y": [4]},
                [True, False, False],
            ),
            (
                where(x > 3, x, y),
                "'where' of shapes (3,), (3,), (2,)",
                {"y": two},
                {"y": [0]},
                [0, 4, 5],
            ),
            (
                x.clip(y, 4),
                " of shapes (3,), (2,)",
                {"y": two},
                {"y": [3.5]},
                [3.5, 4, 4],
            ),
            (x.max(), "'max' of shapes (0,)", {"x": []}, {}, 5),
            (x.reshape(1, 1), "'reshape' of shapes (3,)", {}, {"x": [7]}, [[7]]),
            (
                stack([x, y]),
                "'stack' of shapes (3,), (2,)",
                {"y": two},
                {},
                [three, three],
            ),
            (
                concatenate([x[None], y[None]]),
                "'concatenate' of shapes (1, 3), (1, 2)",
                {"y": two},
                {},
                [three, three],
            ),
            (einsum("i,i", x, y), "'einsum' of shapes (3,), (2,)", {"y": two}, {}, 50),
        ]:
            feed = {"x": three, "y": three, "i": [0], "mask": [False, True, False]}
            kind = IndexError if "[]" in error else ValueError
            with self.subTest(error):
                with self.assertRaises(kind) as caught:
                    expression.forward(**{**feed, **bad})
                self.assertIn(f"{error}: ", str(caught.exception))
                self.assert_equal(expression.forward(**{**feed, **good}), expected)
                expression.backward()


class TestValue(EngineTest):
    def test_keeps_arrays_and_numbers(self):
        array = np.array([[1.0, 2.0]]).T
        self.assertIs(Value(array).data, array)
        zero = np.array(2.0)
        self.assertIs(Value(zero).data, zero)
        self.assertIs(type(Value(2.0).data), float)
        self.assertIs(type(Value(2).data), int)
        self.assertEqual(Value(np.float32(2)).dtype, np.float32)
        self.assertEqual(Value([[1, 2], [3, 4]]).data.dtype.kind, "i")
        self.assertEqual(Value([True]).data.dtype, bool)

    def test_attributes(self):
        x = Value(np.ones((2, 3), np.float32))
        self.assertEqual((x.shape, x.ndim, x.size), ((2, 3), 2, 6))
        self.assertEqual((x.dtype, x.grad, x.name), (np.float32, None, None))
        x = Value(2.0)
        self.assertEqual((x.shape, x.ndim, x.size, x.dtype), ((), 0, 1, np.float64))
        self.assertEqual(Value(2).dtype.kind, "i")

    def test_refuses_other_data(self):
        for data, dtype in [
            (1j, "complex128"),
            (np.ones(2, np.complex64), "complex64"),
            ("x", "<U1"),
            ([b"x"], "|S1"),
            (object(), "object"),
            ([None], "object"),
            (np.array(["2020-01-01"], "M8[D]"), "datetime64[D]"),
        ]:
            with self.subTest(data=data), self.assertRaises(TypeError) as caught:
                Value(data)
            self.assertIn(dtype, str(caught.exception))

    def test_the_two_forms(self):
        for arguments in [
            {},
            {"data": 1.0, "name": "x"},
            {"data": 1.0, "shape": ()},
            {"data": 1.0, "shape": (), "name": "x"},
        ]:
            with self.subTest(**arguments), self.assertRaises(TypeError) as caught:
                Value(**arguments)
            self.assertIn("Value(data)", str(caught.exception))
            self.assertIn("Value(shape=", str(caught.exception))

    def test_names(self):
        for name in ("two words", "1x", "", 1):
            with self.subTest(name=name), self.assertRaises((TypeError, ValueError)):
                Value(shape=(), name=name)

    def test_no_length_in_0d(self):
        for data in (2.0, 2, np.float64(2), np.array(2.0)):
            with self.subTest(data=data):
                for function in (len, iter, list):
                    with self.assertRaises(TypeError):
                        function(Value(data))

    def test_length_and_iteration(self):
        x = Value(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
        self.assertEqual(len(x), 3)
        a, b, c = x
        (a * b + 10 * c).backward()
        self.assert_equal(x.grad, [[3, 4], [1, 2], [10, 10]])
        self.assertEqual(list(Value(np.zeros((0, 2)))), [])

    def test_leaves_the_graph(self):
        x = Value(np.array([1.0, 2.0]))
        self.assertIs(type(np.asarray(x)), np.ndarray)
        self.assert_equal(np.asarray(x), [1, 2])
        self.assertEqual(np.asarray(x, dtype=np.float32).dtype, np.float32)
        self.assertIs(type(float(Value(2))), float)
        self.assertEqual(float(Value(np.array(2.5)) * 2), 5.0)
        copied = np.array(x)
        copied[0] = 9
        self.assertEqual(x.data[0], 1)

    def test_truth(self):
        self.assertTrue(Value(2.0))
        self.assertFalse(Value(0))
        with self.assertRaises(ValueError):
            bool(Value([1, 2]))

    def test_hashable_and_equal_by_identity(self):
        a, b = Value(1.0), Value(1.0)
        self.assertEqual(len({a, b, a}), 2)

    def test_pickle_and_copy(self):
        x = Value(np.array([1.0, 2.0]))
        lazy = Value(shape=(None,), name="x")
        for expression in (x * 2, lazy + 1, Value(1.0).exp()):
            for function in (pickle.dumps, copy.deepcopy):
                with self.assertRaises(TypeError):
                    function(expression)
        for function in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
            other = function(x)
            self.assert_equal(other.data, [1, 2])
            (other * 2).backward()
            self.assert_equal(other.grad, [2, 2])
            self.assertFalse(np.shares_memory(other.data, x.data))
            self.assertIsNone(x.grad)
            self.assertEqual(function(Value(2)).data, 2)

    def test_pickle_and_copy_of_lazies(self):
        for shape, fed in [((None,), [1.0, 2.0]), ((), 3.0)]:
            lazy = Value(shape=shape, name="x")
            for function in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
                with self.subTest(shape=shape, function=function):
                    other = function(lazy)
                    self.assertEqual((other.shape, other.name), (shape, "x"))
                    y = other * 2
                    self.assert_equal(y.forward(x=fed), np.array(fed) * 2)


class TestLazy(EngineTest):
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

    def test_fed_nan_is_fed(self):
        x = Value(shape=(), name="x")
        y = x * 2
        y.forward(x=float("nan"))
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


class TestBackward(EngineTest):
    def test_twice_gives_the_same_in_new_arrays(self):
        a, b = Value(np.array([[1.0, 2.0]])), Value(np.array([[3.0], [4.0]]))
        c = a * b
        d = (c + a).tanh() @ b
        values = (a, b, c, d)
        for wrt in (None, (a, b, c, d)):
            d.backward(wrt)
            first = [value.grad for value in values]
            copies = [np.copy(gradient) for gradient in first]
            d.backward(wrt)
            for value, old, expected in zip(values, first, copies):
                self.assertIsNot(value.grad, old)
                self.assertFalse(np.shares_memory(value.grad, old))
                self.assert_equal(value.grad, expected)
                value.grad.setflags(write=False)  # nobody may write into it later
                self.assert_equal(old, expected)

    def test_a_leaf(self):
        x = Value(2.0)
        x.backward()
        self.assertEqual(x.grad, 1.0)
        x = Value(np.zeros((2, 3), np.float32))
        x.backward()
        self.assert_equal(x.grad, np.ones((2, 3)))
        self.assertEqual(x.grad.dtype, np.float32)

    def test_seed_is_ones_of_the_roots_shape(self):
        x = Value(np.array([[1.0, 2.0], [3.0, 4.0]]))
        y = x * x
        y.backward()
        self.assert_equal(y.grad, np.ones((2, 2)))
        self.assert_equal(x.grad, 2 * x.data)

    def test_wrt(self):
        a, b, x = Value(2.0), Value(3.0), Value(5.0)
        c = a * b
        d = c.exp() * 0 + c * x
        gradients = {a: 15.0, b: 10.0, x: 6.0, c: 5.0, d: 1.0}
        for wrt in [(a,), (b, x), (x,), (c,), (d,), (a, c, d), (c, c), (a, b, c, d, x)]:
            for before in (None, (x,)):  # with stale gradients of either kind
                with self.subTest(wrt=len(wrt)):
                    d.backward(before)
                    d.backward(wrt=wrt)
                    for value, expected in gradients.items():
                        self.assertEqual(value.grad, expected if value in wrt else None)
        d.backward(wrt=a)
        self.assertEqual((a.grad, b.grad, d.grad), (15.0, None, None))
        d.backward(wrt=iter([a, b]))
        self.assertEqual((a.grad, b.grad, d.grad), (15.0, 10.0, None))

    def test_wrt_leads_through_kept_ones(self):
        x = Value(np.array([1.0, 2.0]))
        y = x * 2
        z = y * y
        z.backward(wrt=[x, y])
        self.assert_equal(y.grad, [4, 8])
        self.assert_equal(x.grad, [8, 16])

    def test_wrt_skips_other_branches(self):
        def never(g, y, x):
            raise AssertionError("this branch leads to no wrt")

        double = operator("double", lambda x: 2 * x, never)
        a, b = Value(1.0), Value(2.0)
        (a * 3 + double(b)).backward(wrt=a)
        self.assertEqual(a.grad, 3)

    def test_wrt_a_stranger(self):
        a, b = Value(2.0), Value(3.0)
        c = a * b
        c.backward()
        above = c * 2
        for stranger in (Value(2.0), above):
            for wrt in (stranger, [a, stranger]):
                with self.assertRaises(ValueError):
                    c.backward(wrt=wrt)
                self.assertEqual((a.grad, b.grad, c.grad), (3.0, 2.0, 1.0))

    def test_wrt_raw_data(self):
        with self.assertRaises((TypeError, ValueError)):
            (Value(2.0) * 3).backward(wrt=[2.0])

    def test_no_gradient_for_what_is_outside(self):
        a = Value(2.0)
        b, c = a * 3, a * 5
        c.backward()
        b.backward()
        self.assertEqual((a.grad, b.grad, c.grad), (3.0, 1.0, 1.0))

    def test_leaf_gradients_are_their_own(self):
        def shared(a, b):
            c = a + b
            d = c - a
            return [c, d, (d * 1).T, a.T, b.sum(0), c + d + a.T.T]

        m, n, o = np.ones((2, 2)), np.full((2, 2), 2.0), np.array(3.0)
        for name, build in {
            "+": lambda a, b: [a + b],
            "+ and itself": lambda a, b: [a + a + b],
            "-": lambda a, b: [a - b],
            "* 1": lambda a, b: [a * 1 + b / 1],
            "T": lambda a, b: [a.T, b.T, a.T + b.T],
            "T of T": lambda a, b: [a.T.T + b],
            "sum": lambda a, b: [a.sum() + b.sum()],
            "sums": lambda a, b: [a.sum(), b.sum(), a.sum() + b.sum()],
            "sum of axis": lambda a, b: [(a + b).sum(0)],
            "sum of no axis": lambda a, b: [a.sum(()) + b.mean(())],
            "mean": lambda a, b: [a.mean(0, keepdims=True) + b.mean()],
            "[]": lambda a, b: [a[...] + b[..., None].sum(-1)],
            "@": lambda a, b: [a @ b],
            "list": lambda a, b: [[a, b] * Value(1.0)],
            "stack": lambda a, b: [stack([a, b])],
            "concatenate": lambda a, b: [concatenate([a, b])],
            "concatenate one": lambda a, b: [concatenate([a]) + stack([b])[0]],
            "reshape": lambda a, b: [a.reshape(-1) + b.reshape(4)],
            "reshape to itself": lambda a, b: [a.reshape(a.shape) + b],
            "transpose": lambda a, b: [a.transpose(1, 0) + b.transpose(0, 1)],
            "where": lambda a, b: [where([True, False], a, b)],
            "where all": lambda a, b: [where(True, a, a) + b],
            "maximum": lambda a, b: [a.maximum(b)],
            "clip": lambda a, b: [a.clip(0, 9), a.clip(0, b)],
            "max": lambda a, b: [a.max(0) + b.max()],
            "max of no axis": lambda a, b: [a.max(()) + b.min(())],
            "logsumexp": lambda a, b: [a.logsumexp() + b.logsumexp(1)],
            "einsum": lambda a, b: [einsum("ij,jk", a, b)],
            "einsum of views": lambda a, b: [einsum("ij->ji", a) + einsum("ij", b)],
            "einsum of sums": lambda a, b: [einsum("ij->", a) + einsum("ij->i", b)],
            "shared": shared,
        }.items():
            for a, b in [(m, n), (m.T, n), (m, o), (o, m), (o, np.array(6.0))]:
                if min(np.ndim(a), np.ndim(b)) == 0 and name not in ("+", "-", "* 1"):
                    continue
                with self.subTest(name, a=a.shape, b=b.shape):
                    a, b = Value(a.copy("K")), Value(b.copy("K"))
                    values = build(a, b)
                    for wrt in (None, None, [a, b], [a, b], [a, b, values[-1]]):
                        values[-1].backward(wrt)
                        self.assert_own(a, [b, *values])
                        self.assert_own(b, [a, *values])

    def assert_own(self, leaf, others):
        gradient = leaf.grad
        self.assertIsInstance(gradient, np.ndarray)
        self.assertTrue(gradient.flags.writeable)
        self.assertTrue(gradient.flags.forc)
        self.assertFalse(np.shares_memory(gradient, leaf.data))
        for other in others:
            for array in (other.data, other.grad):
                if array is not None:
                    self.assertFalse(np.shares_memory(gradient, array))

    def test_own_gradients_from_a_users_operator(self):
        # derivatives that hand out an array of somebody else
        for name, by_a in {
            "g": lambda g, y, a, b: g,
            "view of g": lambda g, y, a, b: g[:],
            "reversed b": lambda g, y, a, b: b[::-1],
        }.items():
            pick = operator("pick", np.add, by_a, lambda g, y, a, b: -g)
            with self.subTest(name):
                a, b = Value(np.array([1.0, 2.0])), Value(np.array([3.0, 4.0]))
                y = pick(a, b)
                for wrt in (None, None, [a, b]):
                    y.backward(wrt)
                    self.assert_own(a, [b, y])
                    self.assert_own(b, [a, y])

    def test_clipping_in_place_does_not_last(self):
        a, b = Value(np.ones(3)), Value(np.ones(3))
        y = (a + b).sum() + (a * b).sum()
        for _ in range(3):
            y.backward(wrt=[a, b])
            self.assert_equal(a.grad, [2, 2, 2])
            self.assert_equal(b.grad, [2, 2, 2])
            a.grad *= 0
            self.assert_equal(b.grad, [2, 2, 2])

    def test_other_data_in_a_leaf(self):
        x, w = Value(np.ones((2, 3))), Value(np.ones(3))
        y = (x * w).relu()
        rng = np.random.default_rng(0)
        for data, weights in [
            (rng.uniform(1, 2, (2, 3)), rng.uniform(1, 2, 3)),
            (rng.uniform(1, 2, (5, 3)), rng.uniform(1, 2, 3)),
            (rng.uniform(1, 2, (5, 1)), rng.uniform(1, 2, 4)),
            (rng.uniform(1, 2, (3, 5)).T, rng.uniform(1, 2, (5, 1))),
            (rng.uniform(1, 2, 3).astype(np.float32), rng.uniform(1, 2, 3)),
            (np.arange(1, 4), np.float32([1, 2, 3])),
            (2.0, rng.uniform(1, 2, (2, 3))),
            (np.array(2.0), np.array([3.0])),
            (2.0, 3.0),
            (2, 3.0),
            (rng.uniform(1, 2, (2, 3)), rng.uniform(1, 2, 3)),
            (np.zeros((0, 3)), np.ones(3)),
        ]:
            with self.subTest(x=data, w=weights):
                x.data, w.data = data, weights
                self.assert_equal(y.forward(), np.multiply(data, weights))
                for _ in range(2):
                    y.backward()
                    for value, other in [(x, weights), (w, data)]:
                        full = np.broadcast_to(other, np.shape(y.data)).astype(float)
                        lead = full.ndim - np.ndim(value.data)
                        expected = full.sum(axis=tuple(range(lead)))
                        for i, length in enumerate(np.shape(value.data)):
                            if length == 1:
                                expected = expected.sum(axis=i, keepdims=True)
                        self.assert_close(value.grad, expected)
                        if value.dtype.kind == "f":
                            self.assertEqual(np.asarray(value.grad).dtype, value.dtype)

    def test_other_layout_in_a_leaf(self):
        # same shape and dtype, but what is computed from it lies otherwise in memory
        data = numbers((3, 3, 3))
        a, b = Value(data.copy()), Value(data.copy())
        y = (a * b).sum()
        for layout in [(0, 1, 2), (0, 2, 1), (2, 1, 0), (1, 0, 2), (1, 2, 0)]:
            with self.subTest(layout=layout):
                b.data = data.transpose(layout)
                y.forward()
                y.backward()
                self.assert_equal(a.grad, b.data)
                self.assert_own(a, [b, y])

    def test_same_order_every_time(self):
        # sums of floats depend on their order, so equal bits need an equal order
        rng = np.random.default_rng(0)
        data = rng.normal(size=(3, 50))

        def gradients():
            a, b, c = map(Value, data)
            y = ((a * b).tanh() + a * c + b / (c * c + 1)) * (a + b + c)
            y.backward()
            return [a.grad, b.grad, c.grad]

        for first, second in zip(gradients(), gradients()):
            self.assert_equal(first, second)

    def test_two_expressions_over_one(self):
        x = Value(shape=(), name="x")
        shared = x * x
        a, b = shared + 1, shared * x
        a.forward(x=2.0)
        b.forward(x=3.0)
        b.backward()
        self.assertEqual((b.data, x.grad), (27, 27))
        a.forward(x=2.0)
        a.backward()
        self.assertEqual((a.data, x.grad), (5, 4))

    def test_constants_are_no_variables(self):
        array = np.ones(2)
        x = Value(np.ones(2))
        y = x * array
        y.backward()
        self.assert_equal(x.grad, [1, 1])
        array *= 3  # a constant is kept, not copied, as any array of a Value
        self.assert_equal(y.forward(), [3, 3])


class TestMemory(EngineTest):
    def setUp(self):
        gc.disable()
        self.addCleanup(gc.enable)

    def test_freed_at_once(self):
        x = Value(shape=(None, 2), name="x")
        w = Value(np.ones((2, 3)))
        uses = {
            "built": lambda y: None,
            "forward": lambda y: y.forward(x=np.ones((4, 2))),
            "backward": lambda y: (y.forward(x=np.ones((4, 2))), y.backward()),
            "wrt": lambda y: (y.forward(x=np.ones((4, 2))), y.backward(w)),
            "root": lambda y: (y.forward(x=np.ones((4, 2))), y.backward(y)),
            "lists": lambda y: [y, y] * Value(2.0),
        }
        for name, use in uses.items():
            with self.subTest(name):
                hidden = (x @ w).tanh()
                y = (hidden * hidden).mean(0) + hidden[0]
                chosen = where(hidden > 0, hidden, 0).max(0).clip(hidden[0], 1)
                y = y + einsum("ij,j->j", hidden, chosen)
                y = stack([y, chosen]).transpose(1, 0).reshape(2, -1).logsumexp(0)
                y = concatenate([y, y.abs().sigmoid()])[:3].maximum(0.1)
                y = tensordot(y.relu(), w.T, 1)
                use(y)
                references = [weakref.ref(hidden), weakref.ref(y)]
                references += [weakref.ref(hidden.data), weakref.ref(y.data)]
                del hidden, chosen, y
                self.assertEqual([ref() for ref in references], [None] * 4)

    def test_freed_after_an_error(self):
        x = Value(shape=(None,), name="x")
        y = x.exp() * np.ones(3)
        reference = weakref.ref(y)
        for use in (
            lambda y: y.forward(x=np.ones(2)),
            lambda y: y.forward(x="words"),
            lambda y: y.backward(wrt=Value(1.0)),
        ):
            try:
                use(y)
            except (TypeError, ValueError):
                pass
            else:
                self.fail("expected an error")
        del y
        self.assertIsNone(reference())

    def test_intermediate_gradients_are_let_go(self):
        x = Value(np.ones(3))
        seen = []

        def derivative(g, y, x):
            seen.append(weakref.ref(g))
            return 2 * g

        double = operator("double", lambda x: 2 * x, derivative)
        y = double(double(double(x * 1) * 1) * 1)
        y.backward(wrt=x)
        self.assert_equal(x.grad, [8, 8, 8])
        self.assertEqual([ref() for ref in seen], [None] * 3)


class TestUsersOperator(EngineTest):
    def test_unary(self):
        cube = operator("cube", lambda x: x**3, lambda g, y, x: g * 3 * x**2)
        self.assert_right(cube, lambda x: x**3, numbers((2, 3)))
        self.assert_right(cube, lambda x: x**3, 1.5)
        self.assertEqual(cube(2.0).data, 8)

    def test_binary_is_summed_back(self):
        hypot = operator(
            "hypot",
            np.hypot,
            lambda g, y, a, b: g * a / y,
            lambda g, y, a, b: g * b / y,
        )
        for left, right in product(SHAPES[:9], SHAPES[:9]):
            if are_broadcastable(left, right):
                self.assert_right(hypot, np.hypot, numbers(left), numbers(right, 2))

    def test_names_mean_nothing(self):
        # the derivative needs a whole g, though our own operator of this name does not
        for name in ("relu", "**", "+", "[]"):
            double = operator(
                name, lambda x: 2 * x, lambda g, y, x: np.sort(2 * g, axis=0)
            )
            x = Value(np.ones((3, 2)))
            for reduced in (double(x).sum(), 3 * double(x).mean(axis=0, keepdims=True)):
                reduced.backward(wrt=x)
                self.assert_equal(x.grad, np.full((3, 2), 2.0))

    def test_three_operands(self):
        lerp = operator(
            "lerp",
            lambda a, b, t: a + (b - a) * t,
            lambda g, y, a, b, t: g * (1 - t),
            lambda g, y, a, b, t: g * t,
            lambda g, y, a, b, t: g * (b - a),
        )
        reference = lambda a, b, t: a + (b - a) * t
        arrays = numbers((2, 3)), numbers((3,), 2), numbers((2, 1), 3)
        self.assert_right(lerp, reference, *arrays)
        self.assert_close(lerp(1.0, Value(3.0), [0.5, 1]).data, [2, 3])

    def test_no_derivative(self):
        scale = operator("scale", np.multiply, lambda g, y, x, n: g * n, None)
        x, n = Value(np.array([1.0, 2.0])), Value(np.array([3.0, 4.0]))
        scale(x, n).backward()
        self.assert_equal(x.grad, [3, 4])
        self.assertIsNone(n.grad)
        y = scale(x, n) + n
        y.backward()
        self.assert_equal(n.grad, [1, 1])

    def test_detach(self):
        detach = operator("detach", lambda x: x, None)
        x = Value(shape=(), name="x")
        y = x * detach(x)
        y.forward(x=3.0)
        y.backward()
        self.assertEqual((y.data, x.grad), (9, 3))
        y.forward(x=4.0)
        y.backward()
        self.assertEqual((y.data, x.grad), (16, 4))

    def test_number_of_operands(self):
        add = operator("add", np.add, None, None)
        for operands in [(), (1.0,), (1.0, 2.0, 3.0)]:
            with self.assertRaisesRegex(TypeError, "'add'.* 2 "):
                add(*operands)

    def test_errors_name_operator_and_shapes(self):
        def broken(*data):
            raise KeyError("what went wrong")

        x = Value(shape=(None, 2), name="x")
        for name, build in {
            "built": lambda: operator("first", broken, None)(Value(np.ones((3, 2)))),
            "backward": lambda: operator("first", np.exp, broken)(x).backward(),
        }.items():
            with self.subTest(name), self.assertRaises(KeyError) as caught:
                x.forward(x=np.ones((3, 2)))
                build()
            for words in ("first", "(3, 2)", "what went wrong"):
                self.assertIn(words, str(caught.exception))

        x = Value(shape=(None, 2), name="x")
        y = operator("small", lambda x: np.reshape(x, 2), None)(x).sum()
        with self.assertRaises(ValueError) as caught:
            y.forward(x=np.ones((3, 2)))
        for words in ("small", "(3, 2)"):
            self.assertIn(words, str(caught.exception))


class TestAgainstMath(EngineTest):
    """Where NumPy's functions would hide an error that they share with the engine."""

    def test_derivatives(self):
        for name, x, expected in [
            ("exp", 1.0, math.e),
            ("log", 4.0, 0.25),
            ("log1p", 3.0, 0.25),
            ("log1p", 1e-20, 1.0),
            ("sqrt", 4.0, 0.25),
            ("relu", 4.0, 1.0),
            ("relu", -4.0, 0.0),
            ("tanh", 0.0, 1.0),
            ("tanh", math.atanh(0.5), 0.75),
            ("arctanh", 0.5, 4 / 3),
            ("arcsin", 0.6, 1.25),
            ("arcsinh", 0.75, 0.8),
            ("abs", -4.0, -1.0),
            ("abs", 0.0, 0.0),
            ("sin", math.pi / 3, 0.5),
            ("cos", math.pi / 6, -0.5),
            ("sigmoid", math.log(3), 3 / 16),
            ("arcsinh", 1e200, 1e-200),
        ]:
            with self.subTest(name, x=x):
                value = Value(x)
                UNARY[name][0](value).backward()
                self.assertTrue(math.isclose(value.grad, expected, rel_tol=1e-12))


if __name__ == "__main__":
    unittest.main()
