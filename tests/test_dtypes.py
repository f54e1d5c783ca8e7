"""Numbers stay numbers, and each dtype is what NumPy makes it."""

import re
import unittest
import warnings
from itertools import islice, product

import numpy as np
from fuzz_cases import NAMES, PLAIN, quiet
from fuzz_draw import FAMILIES, POOL, SEQUENCES
from testing import (
    BINARY,
    REDUCTIONS,
    UNARY,
    ValueTest,
    parts_of,
    slow,
)

from micrograd import (
    Value,
    compiled,
    concatenate,
    einsum,
    operator,
    stack,
    tensordot,
    where,
)


class TestNumbers(ValueTest):
    def test_stay_numbers(self):
        for name, (function, reference) in BINARY.items():
            for a, b in [(2.0, 3.0), (2, 3.0), (2.0, 3), (2, 3)]:
                with self.subTest(name, a=a, b=b):
                    left, right = Value(a), Value(b)
                    y = function(left, right)
                    expected = reference(a, b).item()
                    self.assertIs(type(y.data), type(expected))
                    self.assertEqual(y.data, expected)
                    self.assertIs(type(function(left, b).data), type(y.data))
                    self.assertIs(type(function(a, right).data), type(y.data))
                    y.backward()
                    for value in (y, left, right):
                        self.assertIs(type(value.grad), float)

    def test_stay_numbers_in_functions(self):
        functions = {name: row[0] for name, row in (UNARY | REDUCTIONS).items()}
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

    def test_integers_up_to_64_bits(self):
        for number in (-(2**63), -1000, 1000, 2**63 - 1):
            data = Value(number).data
            self.assertIs(type(data), int)
            self.assertEqual(data, number)
        for number in (2**63, 2**64 - 1):  # NumPy's, too
            self.assertEqual(Value(number).dtype, np.uint64)

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
                    y = BINARY[name][0](Value(a), Value(b))
                    expected = BINARY[name][1](np.array([a]), np.array([b]))[0]
                    self.assertEqual(y.data, expected)
                    self.assertTrue(-(2**63) <= y.data < 2**63)
            self.assertEqual((Value(3) ** 50).data, np.power(np.array([3]), 50)[0])
            self.assertEqual((-Value(-(2**63))).data, -(2**63))
        x = Value(shape=(), name="x")
        self.assertEqual((x * x + x).forward(x=2**40), 2**40)

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


class TestDtypes(ValueTest):
    @unittest.skipIf(np.__version__ < "2", "NumPy 1 widens float32 scalars")
    def test_float32_and_float16_stay(self):
        functions = {name: row[0] for name, row in UNARY.items()}
        for name, (function, _) in BINARY.items():
            functions[name] = lambda x, f=function: f(x, x)
            functions[f"{name} 2"] = lambda x, f=function: f(x, 2)
            functions[f"2.0 {name}"] = lambda x, f=function: f(2.0, x)
        for axis, keepdims in product((None, 0, (0, 1)), (False, True)):
            for name, (f, _) in REDUCTIONS.items():
                functions[f"{name}, {axis}, {keepdims}"] = (
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

    def test_gradients_have_native_bytes(self):
        for dtype in (">f8", "<f8", ">f4", "<f4"):
            x = Value(np.array([1, 2], dtype))
            for y in (x * 2, x + 1, x.sum(), x * np.ones((3, 2))):
                y.backward()
                self.assertEqual(x.grad.dtype, np.dtype(dtype).type)

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
            if dtype is bool:  # so is its sum
                with self.assertRaisesRegex(TypeError, "got booleans"):
                    (x + x).backward()
                continue
            (x + x).backward()
            self.assert_equal(x.grad, [2, 2])

    def test_number_of_another_type(self):
        v = Value(2)
        y = v * v
        v.data = 2.5
        self.assertEqual(y.forward(), 6.25)

    def test_a_bool_of_pythons_is_numpys(self):
        for other in (3.0, np.array([3.0, 4.0]), True):
            x, z = Value(2.0), Value(other)
            y = x * z + x
            x.data = True
            expected = (Value(True) * z + Value(True)).data
            self.assert_equal(y.forward(), expected)
            self.assertEqual(y.dtype, np.result_type(expected))
            self.assertIs(type(x.data), np.bool_)
        x = Value(2.0)
        y = x * 3.0
        x.data = True
        y.backward()
        self.assertEqual(x.grad, 3.0)
        program = compiled(y, wrt=x)
        x.data = False
        self.assertEqual((program(), x.grad), (0.0, 3.0))

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

    def test_slopes_between_small_integers(self):
        x = Value(np.array([0.5]))
        np.interp(x, [0.0, 1.0], np.array([200, 100], np.uint8)).backward()
        self.assert_equal(x.grad, [-100])

    def test_sigmoid_of_small_integers(self):
        y = Value(np.array([-20], np.int8)).sigmoid()
        self.assert_close(y.data * 1e9, [1e9 / (1 + np.exp(20.0))], 1e-12)

    def test_logarithms_of_small_integers(self):
        b = Value(np.array([0.5]))
        (np.array([3], np.int8) ** b).backward()
        self.assert_close(b.grad, [np.sqrt(3) * np.log(3)], 1e-14)


class TestHalves(ValueTest):
    """Derivatives are computed in single precision, and rounded once."""

    def test_nothing_overflows_that_has_room(self):
        for function, data, expected in [
            (lambda a, b: (a / b * 200).sum(), [60000, 100], [2, -1200]),
            (lambda a: 1000 * a**2, [3], [6000]),
            (lambda a: 100 * a**3, [10], [30000]),
            (lambda a: 300 * (300 * a.tanh()).tanh(), [0.0], [np.inf]),
            (lambda a, b: (a * b).sum() / 400, [300, 300], [0.75, 0.75]),
        ]:
            values = [Value(np.array([x], np.float16)) for x in data]
            with np.errstate(over="ignore"):
                y = function(*values)
                y.backward()
                gradients = [x.grad for x in values]
                compiled(y, wrt=values)()
            for x, gradient, number in zip(values, gradients, expected):
                self.assertEqual(gradient.dtype, np.float16)
                self.assert_close(gradient, [number], 1e-3)
                self.assert_equal(x.grad, gradient)

    def test_scalars_and_users_operators(self):
        cube = operator("cube", lambda x: x**3, lambda g, y, x: g * 3 * x**2)
        for x in (Value(np.float16(2)), Value(np.array(2, np.float16))):
            for y in (cube(x), x**3, (x * x).sum() * 3, 1 / x):
                y.backward()
                expected = np.asarray(x.grad)
                self.assertEqual(expected.dtype, np.float16)
                compiled(y, wrt=x)()
                self.assert_equal(np.asarray(x.grad), expected)

    def test_means_of_many(self):
        n = 100_000  # which is no half
        x = Value(np.full(n, 0.5, np.float16))
        for function in (np.mean, np.average, np.nanmean):
            y = function(x)
            y.backward()
            with quiet():
                self.assertEqual((y.data, y.dtype), (function(x.data), np.float16))
            self.assert_close(np.multiply(x.grad, 1e5, dtype=float), np.ones(n), 1e-2)
        x = Value(np.resize([0.25, -0.25], n).astype(np.float16))
        np.testing.assert_allclose([x.var().data, x.std().data], [1 / 16, 0.25], 1e-3)
        x = Value(np.full(1000, 100, np.float16))
        self.assertEqual(x.mean().data, 100)
        self.assertEqual(compiled(x.mean())(), 100)


class TestAccumulation(ValueTest):
    """Integers are added up in the dtype in which NumPy adds them."""

    def test_means_do_not_wrap(self):
        big = np.full(3, 2**62)
        for function in (np.mean, np.average, np.nanmean):
            self.assertEqual(function(Value(big)).data, 2.0**62)
        self.assertEqual(Value(2**62).mean().data, 2.0**62)
        self.assertEqual(np.var(Value(big)).data, 0)

    def test_weights_do_not_wrap(self):
        for dtype in (np.uint8, np.int8, bool, np.int64):
            x, weights = np.array([100, 50], dtype), np.array([2, 3], dtype)
            a, w = Value(x), Value(weights)
            y, total = np.average(a, weights=w, returned=True)
            expected = np.average(x, weights=weights, returned=True)
            self.assertEqual((y.data, total.data), expected)
            y.backward()
            self.assert_close(a.grad, weights / np.sum(weights), 1e-12)
            difference = x - np.full(2, expected[0])
            self.assert_close(w.grad, difference / np.sum(weights), 1e-12)

    def test_dtypes_of_weighted_means(self):
        for a, w in product(("f2", "f4", "f8", "u1", "i8", "?"), repeat=2):
            x, weights = np.array([1, 1], a), np.array([1, 1], w)
            expected = np.average(x, weights=weights, returned=True)
            results = np.average(Value(x), weights=weights, returned=True)
            for y, numpys in zip(results, expected):
                self.assertEqual(y.dtype, numpys.dtype, (a, w))


class TestFedDtypes(ValueTest):
    """The dtype of a result follows what is fed, not what it was built with."""

    def test_differences(self):
        for function in (
            np.gradient,
            lambda x: np.gradient(x, 0.1),
            lambda x: np.gradient(x, np.float64(0.1)),
            lambda x: np.gradient(x, np.array([0.0, 0.1, 0.3])),
            lambda x: np.ediff1d(x, to_end=np.array([1, 2], np.uint8)),
            lambda x: np.ediff1d(x, to_begin=np.uint8(3), to_end=np.uint8(2)),
        ):
            x = Value(shape=(3,), name="x")
            y = function(x)
            for dtype in ("f8", "f4", "i8", "f2", "u1", "f8"):
                data = np.array([7, 2, 5], dtype)
                expected = function(data)
                self.assertEqual(y.forward(x=data).dtype, expected.dtype)
                rtol = 1e-15 if dtype == "f8" else 1e-3 if dtype == "f2" else 1e-6
                np.testing.assert_allclose(y.data, expected, rtol)
                y.backward()
                of_x = np.result_type(data) if dtype[0] == "f" else np.float64
                self.assertEqual(x.grad.dtype, of_x)

    def test_ends_that_would_be_cut(self):
        with self.assertRaises(TypeError):
            np.ediff1d(Value([1, 2]), to_end=0.5)

    def test_quantiles_of_float32(self):
        x = np.array([1, 3], np.float32)
        for q in (50, 30.0, [50]):
            y = np.percentile(Value(x), q)
            self.assertEqual(y.dtype, np.percentile(x, q).dtype)
            self.assert_equal(y.data, np.percentile(x, q))


# --- Every operator and function, in every dtype --------------------------------------

IS_NUMPY_2 = np.__version__ >= "2"  # NumPy 1 widens float32 scalars
OPERATIONS = [x for family in (FAMILIES[0], *FAMILIES[2:-1]) for x in family]
DTYPES = "f2 f4 f8 g i1 i2 i4 i8 u1 u2 u4 u8 ?".split()
NUMBERS = [
    [2, 1, 3, 1, 2, 3, 1, 3, 2],
    [100, 20, 3, 50, 7, 110, 120, 90, 60],  # their products fit into no small dtype
]
SHAPES = [(3,), (2, 3), (3, 3), ()]
OPTIONAL = {"weights", "prepend", "append", "to_end", "to_begin", "x"}
# SciPy's wrap unsigned integers; what is empty is anything; floats are cut to integers.
OTHER_VALUES = "softmax|empty_like|piecewise"
# Steps; what reads one triangle; a difference of halves that is 0; points in one place.
OTHER_GRADIENTS = r"astype|_like|eig|tanh|piecewise|interp.*\?"


def texts_of(operation, options):
    """Calls of it with the operands x0, x1 and x2, also for parameters in options."""
    choices, n = [], 0
    for x in operation.parameters:
        if x.default is not x.empty and x.name not in options:
            continue
        name = f"{x.name}=" if x.kind is x.KEYWORD_ONLY or x.name in options else ""
        if x.kind is x.VAR_POSITIONAL:
            choices.append(["x0, x1", "x0"])
        elif x.name in SEQUENCES:
            choices.append([f"{name}[x0, x1]"])
        elif x.name == "condlist":
            choices.append(["[x0 > 1, x0 < 2]"])
        elif x.name in POOL and x.name not in options:
            choices.append([name + text for text in POOL[x.name]])
        else:
            choices.append([f"{name}x{min(n, 2)}"])
            n += 1
    for arguments in islice(product(*choices), 50):
        yield operation.text.format("x0", "x1", arguments=", ".join(arguments))


def operands(dtypes, numbers, shape):
    """x0, x1 and x2: of a floating dtype no integers; x1 in order."""
    names = {}
    for i, dtype in enumerate(dtypes):
        x = np.resize(np.roll(numbers, -2 * i), shape)
        x = np.sort(x) if i == 1 and shape else x
        x = x % 2 == 1 if dtype == "?" else x + (np.dtype(dtype).kind == "f") / 4
        names[f"x{i}"] = np.asarray(x, dtype)
    return names


def of_numpy(text, names):
    """What NumPy or SciPy computes, in a list; None if it does not take that."""
    try:
        results = [*parts_of(eval(text, {**PLAIN, **names}))]
    except Exception:
        return None
    is_ours = any(isinstance(y, Value) for y in results)
    return None if is_ours else results


def of_values(text, values):
    """The Values that we compute, in a list; None if there is none."""
    results = [*parts_of(eval(text, {**NAMES, **values}))]
    return results if all(isinstance(y, Value) for y in results) else None


def calls():
    """Texts and operands: of each operation one or two calls, in all dtypes."""
    for operation, options in product(OPERATIONS, ([], OPTIONAL)):
        names = {x.name for x in operation.parameters}
        if options and not names & options:
            continue
        found = [
            (text, shape)
            for text in texts_of(operation, options)
            for shape in SHAPES
            if is_taken(text, operands(["f8"] * 3, NUMBERS[0], shape))
        ]
        for (text, shape), numbers, dtype in product(found[:1], NUMBERS, DTYPES):
            mixed = [[dtype, "f4", "u1"], ["f8", dtype, "f2"]] if "x1" in text else []
            for dtypes in ([dtype] * 3, *mixed):
                yield text, dtypes, operands(dtypes, numbers, shape)


def is_taken(text, arrays):
    """Whether NumPy takes float64, and so do we."""
    try:
        of_values(text, {name: Value(x) for name, x in arrays.items()})
    except Exception:
        return False
    return of_numpy(text, arrays) is not None


def differences(function, arrays, step):
    """The slopes of a number by each element of the arrays, to one side."""
    start = function(*arrays)
    slopes = [np.zeros(np.shape(x)) for x in arrays]
    for i, gradient in enumerate(slopes):
        for index in np.ndindex(gradient.shape):
            moved = [np.array(x) for x in arrays]
            moved[i][index] += step
            gradient[index] = (function(*moved) - start) / step
    return slopes


def eps_of(*data):
    """The coarsest rounding among them, and float64's at least."""
    dtypes = [np.result_type(x) for x in data]
    return max([np.finfo(x).eps for x in dtypes if x.kind == "f"], default=2**-52)


@slow
class TestEveryFunction(ValueTest):
    """As NumPy computes with plain arrays, and the gradients of that in float64."""

    def assert_near(self, actual, expected, eps, text):
        a, b = np.asarray(actual, float), np.asarray(expected, float)
        size = np.max(np.abs(b), where=np.isfinite(b), initial=0.01)
        is_near = np.isclose(a, b, 0, 64 * eps * size, equal_nan=True)
        self.assertTrue(np.all(is_near), f"{text}: {actual} for {expected}")

    def test_values_and_dtypes(self):
        with quiet():
            for text, dtypes, arrays in calls():
                expected = of_numpy(text, arrays)
                if expected is None or re.search(OTHER_VALUES, text):
                    continue
                results = of_values(text, {k: Value(x) for k, x in arrays.items()})
                for y, numpys in zip(results or [], expected):
                    label = f"{text} of {dtypes}"
                    is_known = "special" not in text or {*dtypes} <= {"f4", "f8"}
                    if is_known and (IS_NUMPY_2 or np.shape(numpys)):
                        self.assertEqual(y.dtype, np.result_type(numpys), label)
                    self.assertEqual(np.shape(y.data), np.shape(numpys), label)
                    self.assert_near(y.data, numpys, eps_of(y.data, numpys), label)

    def test_gradients(self):
        """Where float64 has the same value, that is, where no integer wraps."""
        with quiet():
            for text, dtypes, arrays in calls():
                if re.search(OTHER_GRADIENTS, f"{text} of {dtypes}"):
                    continue
                if of_numpy(text, arrays) is None:
                    continue
                values = {name: Value(x) for name, x in arrays.items()}
                y = (of_values(text, values) or [Value(True)])[0]
                if y.dtype.kind == "b":
                    continue
                wide = [np.asarray(x, float) for x in arrays.values()]
                exact = (of_numpy(text, dict(zip(arrays, wide))) or [np.nan])[0]
                eps = eps_of(y.data)
                is_same = np.shape(exact) == np.shape(y.data) and np.allclose(
                    np.asarray(y.data, float), exact, 8 * eps, 8 * eps
                )
                is_small = np.max(np.abs(exact), initial=0) < 1e8  # for differences
                if is_same and is_small and np.size(exact):
                    self.check_gradients(text, dtypes, values, y, wide, eps)

    def check_gradients(self, text, dtypes, values, y, wide, eps):
        weights = np.resize([1.5, 0.5, 2.0, 0.75], np.shape(y.data))

        def weighted(*arrays):
            return np.sum(of_numpy(text, dict(zip(values, arrays)))[0] * weights)

        try:
            (y * weights).backward()
            slopes = [differences(weighted, wide, h) for h in (1e-6, -1e-6, 1e-4)]
        except (np.linalg.LinAlgError, TypeError, ValueError):
            return  # it is singular, or NumPy has none, or other shapes, beside here
        for name, x, *around in zip(values, values.values(), *slopes):
            if x.grad is None:
                continue
            dtype = x.dtype if x.dtype.kind == "f" else np.float64
            expected = (around[0] + around[1]) / 2
            is_known = np.ptp(around, 0) <= 1e-3 * (1 + abs(expected))
            is_known &= abs(expected) <= np.finfo(dtype).max
            label = f"{text} of {dtypes}, by {name}"
            self.assertEqual(np.result_type(x.grad), dtype, label)
            received = np.where(is_known, np.asarray(x.grad, float), expected)
            self.assert_near(received, expected, max(eps, eps_of(x.grad), 1e-7), label)

    def test_compiled(self):
        with quiet():
            for text, dtypes, arrays in calls():
                if dtypes[0] not in ("f2", "u1") or dtypes[1] == "f4":
                    continue
                if of_numpy(text, arrays) is None:
                    continue
                values = {name: Value(x) for name, x in arrays.items()}
                y = (of_values(text, values) or [Value(True)])[0]
                if not y.op or y.dtype.kind == "b":
                    continue
                try:
                    y.backward()
                except (np.linalg.LinAlgError, TypeError):  # singular, or in halves
                    continue
                wrt = [x for x in values.values() if x.grad is not None]
                expected = [y.data, *[x.grad for x in wrt]]
                actual = [compiled(y, wrt=wrt)(), *[x.grad for x in wrt]]
                for a, b in zip(actual, expected):
                    label = f"{text} of {dtypes}"
                    self.assertEqual(np.result_type(a), np.result_type(b), label)
                    self.assert_near(a, b, eps_of(*expected), label)


if __name__ == "__main__":
    unittest.main()
