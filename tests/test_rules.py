"""The rules of the operators: values and derivatives, also where these end."""

import math
import unittest
import warnings
from itertools import product

import numpy as np
from testing import (
    BINARY,
    COMPARISONS,
    FUNCTIONS,
    REDUCTIONS,
    SHAPES,
    UNARY,
    ValueTest,
    are_broadcastable,
    numbers,
)

from micrograd import Value, compiled, concatenate, special, where
from micrograd.interface.protocol import CORE
from micrograd.rules import RULES

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


class TestOperators(ValueTest):
    def test_each_has_a_row(self):
        """In one of the tables, of which many tests go through all rows."""
        x, y = Value(numbers((4, 3))), Value(numbers((4, 3), seed=1))
        of_x, of_both = (UNARY, REDUCTIONS), (BINARY, COMPARISONS)
        results = [f(x) for table in of_x for f, *_ in table.values()]
        results += [f(x, y) for table in of_both for f, *_ in table.values()]
        results += [f(x, y) for f in FUNCTIONS.values()]
        for result in results:  # which grows
            results += result.parents
        names = {result.op for result in results}
        names |= {"softmax", "-log(softmax)"}  # in test_nn
        self.assertEqual({RULES[f].name for f in CORE if f in RULES} - names, set())

    def test_unary(self):
        for name, (function, reference, x) in UNARY.items():
            with self.subTest(name):
                self.assert_right(function, reference, np.array(x))
                self.assert_right(function, reference, np.array([x, x]).T)
                self.assert_right(function, reference, x[-1])

    def test_binary_in_every_broadcasting(self):
        for name, (function, reference) in BINARY.items():
            for left, right in product(SHAPES, SHAPES):
                if are_broadcastable(left, right):
                    with self.subTest(name, left=left, right=right):
                        a, b = numbers(left), numbers(right, seed=2)
                        self.assert_right(function, reference, a, b)

    def test_numbers_broadcast_to_arrays(self):
        for name, (function, reference) in BINARY.items():
            for shape in SHAPES:
                with self.subTest(name, shape=shape):
                    self.assert_right(function, reference, 1.5, numbers(shape))
                    self.assert_right(function, reference, numbers(shape), 1.5)

    def test_small_powers(self):
        """By products, with NumPy's dtypes, signs, infinities and digits."""
        large = [1e30, -1e30, 1e-30, 1e103, 1e160, 1e-160, 5e-324, -7e-110]
        edges = [0.0, -0.0, 1.0, -1.5, 3.0, np.inf, -np.inf, np.nan, 0.3]
        for dtype, n in product((np.float16, np.float32, float), range(-2, 6)):
            for data, exponent in product((edges, [*edges, *large]), (n, float(n))):
                with np.errstate(all="ignore"), self.subTest(dtype=dtype, n=exponent):
                    x = Value(np.array(data, dtype))
                    expected = np.power(x.data, np.array(exponent, dtype))
                    slope = exponent * np.power(x.data.astype(float), n - 1.0)
                    program = compiled(x**exponent, wrt={"x": x})
                    for run in (lambda x=x, e=exponent: (x**e).backward(), program):
                        y = run()
                        y = (x**exponent).data if y is None else y
                        self.assertEqual(y.dtype, dtype)
                        digits = 2 * np.finfo(dtype).eps
                        np.testing.assert_allclose(y, expected, digits, 5e-324)
                        signs = np.signbit(y), np.signbit(expected)
                        np.testing.assert_array_equal(*signs)
                        if n:
                            grad = slope.astype(dtype)
                            np.testing.assert_allclose(x.grad, grad, 2 * digits, 1e-323)

    def test_powers_of_integers_are_numpys(self):
        x = Value(np.array([-3, 0, 5], np.int8))
        for n in (3, 4):
            np.testing.assert_array_equal((x**n).data, x.data**n)
            self.assertEqual((x**n).dtype, np.int8)
            self.assertEqual(compiled(x**n)().tolist(), (x.data**n).tolist())
        with self.assertRaises(ValueError):
            x**-1

    def test_small_powers_of_numbers_in_programs(self):
        for n in (-1, 3, 4, -1.0, 3.0, 4.0):
            x = Value(0.0)
            program = compiled(x**n, wrt={"x": x})
            self.assertNotIn("power(", program.source)
            for number in (0.0, -0.0, 1.5, -2.5, np.inf, -np.inf, np.nan, 1e-160):
                x.data = float(number)
                with np.errstate(all="ignore"):
                    expected = float(np.power(float(number), n))
                    slope = float(n * np.power(float(number), n - 1))
                    found, grad = program(), x.grad
                np.testing.assert_allclose(found, expected, 1e-15)
                np.testing.assert_allclose(grad, slope, 1e-15)
                self.assertEqual(np.signbit(found), np.signbit(expected))
                self.assertIs(type(found), float)

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

    def test_reductions(self):
        axes = [None, 0, 1, -1, (0,), (0, 2), (2, 0), (0, -1), (0, 1, 2), ()]
        for axis, keepdims in product(axes, (False, True)):
            options = {"axis": axis, "keepdims": keepdims}
            for name, (method, reference) in REDUCTIONS.items():
                with self.subTest(name, **options):
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
        for (method, _), axis in product(REDUCTIONS.values(), (2, -3, (0, 2), (1, 1))):
            with self.subTest(method=method, axis=axis):
                with self.assertRaises(ValueError) as caught:
                    method(Value(np.ones((2, 3))), axis=axis)
                words = rf"{method.__name__}.*\(2, 3\)"
                self.assertRegex(str(caught.exception), words)

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

    def test_places_that_are_chosen_often(self):
        """From a size on rows are sorted first, instead of np.add.at."""
        rng = np.random.default_rng(0)
        for shape, key in (
            ((50, 8), rng.integers(-50, 50, 300)),
            ((50, 8), rng.integers(-50, 50, (20, 30))),
            ((7, 3, 4), rng.integers(0, 7, 500).astype(np.uint8)),
            ((5, 0), rng.integers(0, 5, 2000)),
            ((3, 400), np.array([2, 2, 2])),
            ((50, 8), (rng.integers(-50, 50, 2000), rng.integers(0, 8, 2000))),
            ((50, 80), rng.integers(0, 2, 50) == 1),
            ((50, 80), rng.integers(0, 2, (50, 80)) == 1),
        ):
            with self.subTest(shape, key=key):
                w, places = Value(numbers(shape)), np.arange(np.prod(shape))
                places = places.reshape(shape)[key]
                weights = numbers(places.shape)
                loss = (w[key] * weights).sum()
                expected = np.bincount(places.ravel(), weights.ravel(), w.size)
                expected = expected.reshape(shape)
                for run in (loss.backward, compiled(loss, wrt=w)):
                    run()
                    self.assert_close(w.grad, expected)


class TestDomains(ValueTest):
    def test_the_ends_of_tanh_and_nan_of_relu(self):
        """As the table of operators says; PyTorch's relu passes g at nan."""
        x = Value([-np.inf, np.inf, np.nan])
        for y, expected in (
            (x.tanh(), [0.0, 0.0, np.nan]),
            (x.relu(), [0.0, 1.0, 0.0]),
        ):
            for run in (y.backward, compiled(y, wrt=x)):
                run()
                self.assert_equal(x.grad, expected)
                self.assertFalse(np.signbit(x.grad[:2]).any())

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
                with np.errstate(invalid="ignore"):  # NumPy has warned once
                    y = UNARY[name][0](Value(np.array([x])))
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    y.backward()

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
            (0.0, -1.0, -np.inf, -np.inf),
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
        for function in (Value.relu, Value.abs):
            with np.errstate(divide="ignore"):
                function(x).sqrt().backward()
            self.assert_equal(x.grad, [0])
        x = Value([-1.0, 0.0])
        for extreme in (x.max(), -(-x).min()):
            with np.errstate(divide="ignore"):
                extreme.sqrt().backward()
            self.assert_equal(x.grad, [0, np.inf])

    def test_zeros_by_choice_stop_infinity(self):
        """The root at 0 has an infinite derivative, which no 0 is multiplied by."""
        for function, operands, expected in [
            (lambda x: x**0 - 1, [2.0], [0]),
            (lambda x, b: x**b - 1, [2.0, 0.0], [0, np.inf]),
            (lambda x, b: x**b, [0.0, 2.0], [np.nan, 0]),
            (special.xlogy, [0.0, 0.0], [0, 0]),
            (special.xlog1py, [0.0, -1.0], [0, 0]),
            (np.hypot, [0.0, 0.0], [0, 0]),
            (np.arctan2, [0.0, 0.0], [0, 0]),
            (lambda x: np.linalg.norm(x), [[0.0, 0.0]], [[0, 0]]),
            (lambda x: np.linalg.norm(x, 1), [[0.0, 0.0]], [[0, 0]]),
            (lambda x: np.linalg.norm(x, 3), [[0.0, 0.0]], [[0, 0]]),
            (lambda x: np.linalg.norm(x, np.inf), [[0.0, 0.0]], [[0, 0]]),
            (lambda x: np.linalg.norm(x, 0), [[0.0, 0.0]], [[0, 0]]),
            (lambda fill: np.full_like(Value([1]), fill), [0.0], [0]),
        ]:
            values = [Value(np.array(x)) for x in operands]
            with np.errstate(all="ignore"):
                np.sqrt(function(*values)).sum().backward()
            for x, gradient in zip(values, expected):
                self.assert_equal(x.grad, gradient)

    def test_products_overflow_only_where_the_result_does(self):
        for function, operands, expected in [
            (lambda a, b: 1e200 * (a / b), [1e250, 1e200], [1, -1e50]),
            (lambda x: 1e308 * x**2, [0.25], [5e307]),
            (lambda x: 1e308 * x**3, [0.25], [3 / 16 * 1e308]),
            (lambda x, b: 1e308 * x**b, [0.25, 3.0], [3 / 16 * 1e308, None]),
            (lambda x: 1e308 * x.var(), [[0.0, 0.5]], [[-2.5e307, 2.5e307]]),
            (lambda x: np.linalg.norm(x, 3), [[1e-250, 2e-250]], [[0, 0]]),
            (lambda x: np.linalg.det(x), [1e200 * np.eye(2)], [1e200 * np.eye(2)]),
            (lambda x: np.linalg.det(x), [1e-160 * np.eye(2)], [1e-160 * np.eye(2)]),
        ]:
            values = [Value(np.array(x)) for x in operands]
            with np.errstate(over="ignore", under="ignore"):
                function(*values).backward()
            for x, gradient in zip(values, expected):
                if gradient is not None:
                    np.testing.assert_allclose(x.grad, gradient, 1e-12)

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

    def test_on_a_bound_the_operand_receives_all(self):
        """And the bound nothing, unlike the smaller or larger of two equal ones."""
        for clip in (
            lambda x, bound: x.clip(bound),
            lambda x, bound: x.clip(max=bound),
        ):
            x, bound = Value([1.0, 2.0]), Value([1.0, 2.0])
            (clip(x, bound) * [3, 5]).backward()
            self.assert_equal(x.grad, [3, 5])
            self.assert_equal(bound.grad, [0, 0])

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

    def test_warnings_come_and_go(self):
        x = Value(np.array([-1.0]))
        with self.assertWarns(RuntimeWarning):
            x.log()
        with np.errstate(all="raise"), self.assertRaises(FloatingPointError):
            x.log()
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error")
            x.log().backward()


class TestComparisons(ValueTest):
    def test_data(self):
        for name, (function, reference) in COMPARISONS.items():
            for left, right in product(SHAPES, SHAPES):
                if are_broadcastable(left, right):
                    a, b = numbers(left).round(), numbers(right, seed=2).round()
                    with self.subTest(name, left=left, right=right):
                        expected = reference(a, b)
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
                    expected = reference(np.asarray(a), np.asarray(b))
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

    def test_equality_compares_data(self):
        a, b = Value([1.0, 2.0]), Value([1.0, 3.0])
        self.assert_equal((a == b).data, [True, False])
        self.assert_equal((a != b).data, [False, True])
        self.assert_equal((np.array([1.0, 0.0]) == a).data, [True, False])
        self.assert_equal(([1, 2] != a).data, [False, False])
        self.assertIs(a == None, False)  # noqa: E711
        self.assertIs(a != "a", True)
        self.assertIn(Value(2.0), [1.0, Value(2.0)])
        self.assertEqual({a: 1, b: 2}[a], 1)
        x = Value(shape=(None,), name="x")
        accuracy = (x == [1, 2, 3]).mean()
        self.assertEqual(accuracy.forward(x=[1, 2, 4]), 2 / 3)

    def test_no_gradient(self):
        x, y = Value(np.array([1.0, 2.0, 3.0])), Value(2.0)
        for name, (function, _) in COMPARISONS.items():
            with self.subTest(name):
                z = function(x, y)
                (z * x).backward()
                self.assert_equal(x.grad, function(x.data, 2))
                self.assert_equal(z.grad, x.data)
                self.assertEqual(z.grad.dtype, np.float64)
                self.assertIsNone(y.grad)
                for expression in (z, z + z, Value(True)):
                    with self.assertRaisesRegex(TypeError, "got booleans"):
                        expression.backward()
                self.assert_equal(x.grad, function(x.data, 2))
                with self.assertRaises(ValueError):
                    z.backward(wrt=x)

    def test_evaluated_again(self):
        x, y = Value(shape=(None,), name="x"), Value(shape=(), name="y")
        compared = {name: f(x, y) for name, (f, _) in COMPARISONS.items()}
        positive = np.where(x > 0, x, 0)
        for inputs, bound in [([-1.0, 2.0], 2.0), ([3.0, 1.0, -2.0], 1), ([], 0.0)]:
            inputs = np.array(inputs)
            for name, z in compared.items():
                z.forward(x=inputs, y=bound)
                self.assertEqual(z.dtype, bool)
                self.assert_equal(z.data, COMPARISONS[name][1](inputs, bound))
            self.assert_equal(positive.forward(x=inputs), inputs * (inputs > 0))
            positive.backward()
            self.assert_equal(x.grad, inputs > 0)
        compared = {name: f(y, 1) for name, (f, _) in COMPARISONS.items()}
        for bound, (name, z) in product((0.5, 1, 2.0), compared.items()):
            z.forward(y=bound)
            self.assertEqual((z.dtype, z.data), (bool, COMPARISONS[name][1](bound, 1)))

    def test_what_does_not_fit(self):
        for name, (function, _) in COMPARISONS.items():
            with self.subTest(name), self.assertRaises(ValueError) as caught:
                function(Value(np.ones((2, 3))), np.ones((4, 5)))
            for words in (name, "(2, 3)", "(4, 5)"):
                self.assertIn(words, str(caught.exception))
            for raw in ("x", None, 1j, object()):
                with self.subTest(name, raw=raw):
                    if name in ("==", "!="):
                        self.assertIs(function(Value(1.0), raw), name == "!=")
                        continue
                    with self.assertRaises(TypeError):
                        function(Value(1.0), raw)


class TestAgainstMath(ValueTest):
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
