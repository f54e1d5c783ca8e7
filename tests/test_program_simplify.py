"""Calls that are written in another way than the rules have it: the same numbers."""

import operator
import unittest
import warnings
from itertools import product
from types import SimpleNamespace

import numpy as np
from testing import BINARY, COMPARISONS, REDUCTIONS, UNARY, ProgramTest, numbers

from micrograd import Value, compiled, special, where
from micrograd import operator as mine
from micrograd.program.record import (
    Line,
    Recorded,
    Tape,
    all_bits,
    kept_bits,
    silent,
)
from micrograd.program.simplify import simplify


class TestNumbers(ProgramTest):
    GRID = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, np.nan, np.inf, -np.inf]
    GRID += [1e300, -1e300, 1e-300, 710.0, -710.0, 5e-324]
    PAIRED = [0.0, -0.0, 1.0, -2.5, np.nan, np.inf, -np.inf]
    KINDS = {
        "number": float,
        "scalar": np.float64,
        "array": lambda x: np.array([x, 0.75]),
        "float32": lambda x: np.array([x, 0.75], np.float32),
    }

    def run(self, result=None):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return super().run(result)

    def assert_all_as_engine(self, functions, examples):
        """Of examples of one kind; programs are recorded with the first."""
        for function in functions:
            self.assert_as_engine(function, *examples[0], others=examples[1:])

    def test_extreme_ones_through_every_operator(self):
        functions = [function for function, *_ in UNARY.values()]
        functions += [function for function, _ in REDUCTIONS.values()]
        weighted = [lambda x, f=f: f(x) * 0.5 + f(x) * x for f in functions]
        for make in self.KINDS.values():
            self.assert_all_as_engine(weighted, [(make(x),) for x in self.GRID])

    def test_extreme_pairs_through_every_operator(self):
        functions = [function for function, _ in BINARY.values()]
        functions += [lambda a, b, f=f: f(a, b) * a for f, _ in COMPARISONS.values()]
        functions += [lambda a, b: a.clip(b, 1.0), lambda a, b: where(a > b, a, b)]
        for name, make in self.KINDS.items():
            grid = self.GRID if name == "number" else self.PAIRED
            pairs = [(make(a), make(b)) for a, b in product(grid, grid)]
            self.assert_all_as_engine(functions, pairs)

    def test_what_is_written_in_another_way(self):
        """Factors and signs that move would tell at zeros, infinities, and ends."""
        functions = [
            lambda a, b: 1 / -(a - b),
            lambda a, b: 1 / (0 + a) + b / 1,
            lambda a, b: 1 / (-a + b * 2 * 3),
            lambda a, b: a * 1e-30 * 1e-30 + b * 1e30 * 1e30,
            lambda a, b: a * 1e30 * 1e-30 + b * 2 * 0.25,
            lambda a, b: (a * 2 * 0.5 - b / 3 * 9) * -1 / a,
            lambda a, b: -where(a > b, 0.0, 2.0) / a,
            lambda a, b: 1 / -where(a > b, 0.0, 2.0),
            lambda a, b: 1 / -(-a * 0.5 * b),
            lambda a, b: a - (-b) + (-a) * 3 + (-(-1 * b)),
            lambda a, b: a**2 + b**0.5 + a**1 + b**0 + 2**a + b**-1 + a**3,
            lambda a, b: (a * a).sum() + (a * b).sum() * 1.0,
            lambda a, b: a.maximum(0).minimum(1) * b,
            lambda a, b: np.negative(-(a * b)) / a + np.negative(-a),
            lambda a, b: (-(a * b)).relu() + ((a * 2) * 0 + (a * 2).tanh()),
        ]
        grid = [*product(self.PAIRED, [*self.PAIRED, 1e300, 1e-300])]
        for make in self.KINDS.values():
            pairs = [(make(a), make(b)) for a, b in grid]
            self.assert_all_as_engine(functions, pairs)

    def test_factors_that_overflow_or_vanish_one_after_the_other(self):
        functions = [
            lambda a: a * 1e30 * 1e-30,
            lambda a: a * 1e-30 * 1e30,
            lambda a: a * 1e200 * 1e200 * 0.5,
            lambda a: a * 0.1 + 0.1 - a / 3,
            lambda a: a * 2.0 * 0.25,
        ]
        grid = (1.7e308, 1e300, -1e300, 1e-300, 1e20, 5e-324, 0.0, np.inf)
        for make in self.KINDS.values():
            self.assert_all_as_engine(functions, [(make(a),) for a in grid])

    def test_integers_and_booleans(self):
        kinds = [int, np.int64, lambda x: np.array([x, 1]), np.float32]
        kinds += [lambda x: np.array([x % 200, 3], np.uint8)]
        functions = [function for function, _ in BINARY.values()]
        functions += [lambda a, b: -a * b, lambda a, b: a + b * 2.5]
        functions += [lambda a, b: a * b * 2.0 + (-a) * 2.5 + a**2, lambda a, b: -a + b]
        functions += [lambda a, b: a**2.0 * b]
        grid = (0, 1, -1, 3, 2**62, -(2**63))
        for kind, others in product(kinds, ((0, 2, -3, 2**62), (0.5, np.nan), [True])):
            pairs = [(kind(a), b) for a, b in product(grid, others)]
            for function in functions:
                for some in (pairs, [pair[::-1] for pair in pairs]):
                    some = [pair for pair in some if self.is_number(function, *pair)]
                    if some:
                        self.assert_all_as_engine([function], some)

    def is_number(self, function, *data):
        """Not what NumPy refuses, -True and 2 ** -1, nor a product of booleans."""
        try:
            return function(*map(Value, data)).dtype != bool
        except (TypeError, ValueError, OverflowError):
            return False

    def test_arithmetic_of_booleans_is_numpys(self):
        for a, b in ((1.0, 2.0), (np.array([1.0, -1.0]), np.array([1.0, 1.0]))):
            for function in (
                lambda a, b: ((a > 0) + (b > 0)) * a,
                lambda a, b: (a > 0) * (b > 0) * b,
                lambda a, b: ((a > 0) ** 2) * b,
                lambda a, b: (a > 0) ** 2,
                lambda a, b: (a > 0).maximum(b) + (a > 0).exp() * a,
                lambda a, b: (a > 0).maximum(b / 4),
                lambda a, b: where(a > 0, b > 0, a) * a,
                lambda a, b: (a > 0).sum() * a + (a > 0).mean() * b,
                lambda a, b: (a > 0).sum().mean() * b,
            ):
                self.assert_as_engine(function, a, b)

    def test_arrays_without_axes(self):
        functions = [function for function, _ in BINARY.values()]
        functions += [lambda a, b: a**2 - b, lambda a, b: a**0.5 / b]
        for dtype in (float, np.float32):
            pairs = [*product(self.PAIRED, self.PAIRED)]
            arrays = [(np.array(a, dtype), np.array(b, dtype)) for a, b in pairs]
            self.assert_all_as_engine(functions, arrays)

    def test_sizes_of_one_in_products(self):
        for number in (0.0, np.nan, np.inf):
            one = np.array([[number]])
            for a, b in ((one, one * 0), (one[0], one[0] * 0), (one[0], one * 0)):
                self.assert_as_engine(lambda a, b: (a @ b).sum() + (a * b).sum(), a, b)

    def test_warnings_come_and_go_by_errstate(self):
        x = Value(np.array([0.0, -1.0]))
        number = Value(0.0)
        for y in (x.log().sum(), 1 / number, number.log(), x.logsumexp()):
            step = compiled(y)
            with np.errstate(all="ignore"):
                step()
            with np.errstate(all="raise"):
                for _ in range(2):
                    try:
                        y.forward()
                    except FloatingPointError as expected:
                        with self.assertRaisesRegex(FloatingPointError, "operator"):
                            step()
                        self.assertIn("operator", str(expected))
                    else:
                        step()

    def test_a_rule_may_silence_its_own_warnings(self):
        for outside in ("warn", "ignore", "raise"):
            x = Value(np.full((2, 3), -np.inf))
            step = compiled(x.logsumexp(axis=1))
            with np.errstate(divide=outside, invalid=outside):
                self.assertIn("with errstate(divide='ignore'):", step.source)
                step()
            with np.errstate(divide="raise", invalid="raise"):
                self.assert_equal(step(), [-np.inf, -np.inf])

    def test_a_users_operator_warns_as_ever(self):
        seen = []
        look = mine("look", lambda x: seen.append(np.geterr()["over"]) or x, None)
        step = compiled(look(Value(1.0)))
        with np.errstate(over="raise"):
            step()
            step()
        self.assertEqual(seen[1:], ["raise", "raise"])

    def test_numbers_multiply_in_silence(self):
        """As Python's do, integers and floats alike."""
        for a, b in ((-np.inf, 0), (np.inf, 0.0), (1e308, 10), (5, np.inf)):
            for function in (lambda a, b: a * b, lambda a, b: a - b * 5):
                y = function(Value(a), Value(b))
                step = compiled(y)
                with np.errstate(all="raise"):
                    self.assert_same(step(), y.forward())

    def test_integers_wrap_in_silence(self):
        x = Value(np.int64(2**62))
        for y in (np.negative(x * 2.0), x.maximum(3) * 0.5, np.square(x) * 1.0):
            step = compiled(y)
            with np.errstate(all="raise"):
                self.assert_same(step(), y.forward())

    def test_none_is_divided_by_0(self):
        """A derivative is the same number for each element; but there is none here."""
        x, zero = Value(np.zeros(0)), Value(0.0)
        y = x / zero
        step = compiled(y, wrt=x)
        with np.errstate(all="raise"):
            y.backward(x)
            step()
        self.assertEqual(x.grad.shape, (0,))


class TestCalls(ProgramTest):
    """Which calls are left of those of a function."""

    def simplified(self, function, *data):
        tape = Tape()
        tape.node = Value(0.0)  # whose rule it might be
        with silent():
            result = function(tape, *[Recorded(tape, Line("given", x)) for x in data])
        recording = SimpleNamespace(
            lines=tape.lines, results=[result.line], gradients=[], values={}, by={}
        )
        simplify(recording)
        return recording.lines

    def assert_calls(self, function, data, *expected):
        lines = self.simplified(lambda tape, *xs: function(*xs), *data)
        self.assertEqual([line.function for line in lines], [*expected])
        return lines

    def test_what_silences_warnings_is_left_as_it_is(self):
        def silenced(function):
            def run(*xs):
                with np.errstate(over="ignore"):
                    return function(*xs)

            return run

        exp, negative = silenced(np.exp), silenced(np.negative)
        tripled = silenced(lambda x: x * 3.0)
        x, row = numbers(3), numbers((1, 3))
        for function, data, calls in (
            (silenced(lambda x: x**2.0), [x], [operator.pow]),
            (silenced(np.add), [row, x], [operator.getitem, np.add]),
            (lambda x: x - negative(x), [x], [np.negative, np.subtract]),
            (lambda x: tripled(x) + tripled(x), [x], [np.multiply, np.add]),
            (lambda x: exp(x) + np.exp(x), [x], [np.exp, np.exp, np.add]),
            (lambda x: exp(x) + exp(x), [x], [np.exp, np.add]),
        ):
            lines = self.assert_calls(function, data, *calls)
            silent = [line for line in lines if line.errors == {"over": "ignore"}]
            self.assertEqual(len(silent), 1)

    def test_rows_and_vectors_keep_options(self):
        add = lambda x, y: np.add(x, y, dtype=np.float32)
        data = [numbers((1, 3)).astype(np.float32), numbers(3).astype(np.float32)]
        lines = self.assert_calls(add, data, operator.getitem, np.add)
        self.assertEqual(lines[1].options, {"dtype": np.float32})

    def test_keys_of_other_types_are_others(self):
        for one, other in (((0, 1), [0, 1]), (1, True)):
            taken = lambda x, a=one, b=other: x[a] + x[b]
            calls = [operator.getitem, operator.getitem, np.add]
            self.assert_calls(taken, [numbers((3, 3))], *calls)

    def test_what_is_faster_is_called(self):
        x, v, large = numbers((3, 3)), numbers(3), numbers((64, 64))
        total = lambda x: np.add.reduce(x, axis=None)
        chosen = lambda x: np.where(x > 1, x, 0.0)
        for function, data, calls in (
            (lambda x: 2.0 * (x * 3.0), [x], [np.multiply]),
            (lambda x: x * 1.5 * 1.5, [x], [np.multiply]),
            (lambda x: x * -1.0 * -1.0 + x, [x], [np.add]),
            (lambda x: x * -1.0 * -1.0, [np.array(2.0)], [np.multiply]),
            (lambda x: x**2.0, [x], [np.multiply]),
            (lambda x: x**2.0, [np.array(2.0)], [np.multiply]),
            (lambda x: x**3.0, [x], [np.multiply, np.multiply]),
            (lambda x: x**4, [x], [np.multiply, np.multiply]),
            (lambda x: x**-1, [x], [np.divide]),
            (lambda x: x**5, [x], [np.power]),
            (lambda x: x**0.5, [x], [np.sqrt]),
            (np.matmul, [x, x], [np.dot]),
            (np.matmul, [x, v], [np.dot]),
            (total, [v], [np.dot]),
            (total, [x], [np.add.reduce]),
            (total, [numbers(1001)], [np.add.reduce]),
            (lambda x: np.where(x > 1, 0.5, 0.0), [x], [np.greater, np.multiply]),
            (chosen, [large[1:]], [np.greater, np.where]),
            (chosen, [large], [np.greater, all_bits, kept_bits]),
            (
                chosen,
                [large.astype(np.float32)],
                [np.greater, all_bits, kept_bits],
            ),
        ):
            self.assert_calls(function, data, *calls)

    def test_division_of_numbers_by_0_is_numpys(self):
        """A rule that divides them by Python's operator may be recorded with zeros."""
        (line,) = self.assert_calls(lambda x: 1.0 / x, [0.0], np.divide)
        self.assertEqual((type(line.data), line.data), (float, np.inf))

    def test_sums_over_all_axes_are_dot_products(self):
        for axis in (None, 0, -1, (0,), (-1,)):
            total = lambda x, axis=axis: np.add.reduce(x * x, axis=axis)
            self.assert_calls(total, [numbers(3)], np.dot)
        total = lambda x: np.add.reduce(x * x, axis=0)
        self.assert_calls(total, [numbers((3, 3))], np.multiply, np.add.reduce)

    def test_what_may_do_anything_is_called_forward(self):
        def function(tape, x):
            for is_backward in (False, True):
                tape.is_backward = is_backward
                tape.call(np.cbrt, (x,), {}, is_opaque=True)
            return np.exp(x)

        lines = self.simplified(function, numbers(3))
        self.assertEqual([line.function for line in lines], [np.cbrt, np.exp])


class TestSigns(ProgramTest):
    """Of zeros, which an infinity tells: 1 / 0.0 and 1 / -0.0."""

    def run(self, result=None):
        with np.errstate(all="ignore"):
            return super().run(result)

    def test_of_constants(self):
        x = Value(np.array([1.0, 1.0, 1.0]))
        for constant in ([0.0, -0.0, 0.0], [-0.0] * 3, [-0.0, 0.0], [0.0] * 30):
            constant = np.array(constant)
            x = Value(np.ones(constant.shape))
            for dtype in (float, np.float32, np.float16):
                signs = constant.astype(dtype)
                y = compiled(np.copysign(x, signs))()
                self.assert_equal(y, np.copysign(x.data, constant))
        for zero in (0.0, -0.0, np.float32(-0.0), np.array(-0.0)):
            y = compiled(x / zero, x * zero)()[0]
            self.assert_equal(y, x.data / zero)

    def test_of_numbers(self):
        for function, data, expected in (
            (lambda x: 1 / np.where(x > 0, -1.0, 0.0), -1.0, np.inf),
            (lambda x: 1 / -(x * 0), 1.0, -np.inf),
            (lambda x: 1 / (-x * 0), 1, np.inf),
            (lambda x: 1 / x.sum(), -0.0, 1 / np.add.reduce(-0.0)),
            (lambda x: 1 / (0 + x), -0.0, np.inf),
            (lambda x: 1 / (x - 0), -0.0, -np.inf),
            (lambda x: 1 / (x * 1), -0.0, -np.inf),
            (lambda x: 1 / x**0.5, -0.0, 1 / np.power(-0.0, 0.5)),
        ):
            self.assertEqual(compiled(function(Value(data)))(), expected)
            self.assert_as_engine(function, data)

    def test_of_arrays(self):
        """Small ones, and large ones, where bits are masked."""
        for shape in ((), (3,), (70, 70)):
            for dtype in (float, np.float32):
                x = np.full(shape, -0.0, dtype)
                for function, expected in (
                    (lambda x: 1 / where(x > 0, -1.0, 0.0), np.inf),
                    (lambda x: 1 / where(x > 0, x, -0.0), -np.inf),
                    (lambda x: 1 / where(x < 1, x, 0.0), -np.inf),
                    (lambda x: 1 / where(x < 1, -0.0, 0.0), -np.inf),
                    (lambda x: 1 / where(x > 1, x, 0.0), np.inf),
                    (lambda x: 1 / -(x * 0), np.inf),
                    (lambda x: 1 / (-x + 0 * 2.0), np.inf),
                    (lambda x: 1 / (x * 2.0 * 3.0), -np.inf),
                    (lambda x: 1 / (x * x), np.inf),
                ):
                    y = compiled(function(Value(x)))()
                    self.assert_equal(y, np.full(shape, expected))
                    self.assert_as_engine(function, x)

    def test_of_gradients(self):
        for function, data, expected in (
            (lambda x: x.cos(), 0.0, -0.0),
            (lambda x: np.ceil(abs(x)), np.array([np.nan]), [0.0]),
            (lambda x: x * 0.0 * -1.0, np.array([2.0, 1.0]), [-0.0, -0.0]),
        ):
            x = Value(data)
            y = function(x)
            y.backward(x)
            for gradient in (x.grad, (compiled(y, wrt=x)(), x.grad)[1]):
                self.assert_equal(gradient, expected)
                self.assert_equal(np.signbit(gradient), np.signbit(expected))

        self.assert_as_engine(special.gammaln, np.array([-0.0, 0.0, 2.0]))

    def test_roots_are_those_of_numpys_operator(self):
        """`array ** 0.5` is a root, also of a number that is given later."""
        x = np.array([-0.0, 4.0, -np.inf])
        power = Value(0.5)
        for exponent in (0.5, power, Value(np.array(0.5))):
            self.assert_same(compiled(Value(x) ** exponent)(), x**0.5)
            self.assert_same(compiled(power * x**exponent)(), 0.5 * x**0.5)
        self.assert_as_engine(lambda a, b: a**b + x**b, x, 0.5)


class TestSums(ProgramTest):
    def test_are_as_exact_as_the_engines(self):
        """Of equal numbers, whose rounding errors go the same way, in every size."""
        for dtype in (np.float32, float):
            eps = np.finfo(dtype).eps
            for shape in ((7,), 999, 4096, 4097, 9000, 100_003, 10**6, (1000, 300)):
                number = dtype(0.1)
                a, b = Value(np.full(shape, number)), Value(number)
                y = (a * a).sum() + (a * b).sum()
                result = compiled(y, wrt=[a, b])()
                size = a.data.size
                exact = 2 * np.longdouble(number) ** 2 * size
                self.assertLess(abs(result / exact - 1), 16 * eps)
                self.assertLess(abs(b.grad / (number * size) - 1), 16 * eps)

    def test_of_arrays_in_other_orders(self):
        a, b = numbers((200, 120)), numbers((120, 200), seed=1)
        self.assert_as_engine(lambda a, b: (a * b.T).sum() * (a[::-1] * a).sum(), a, b)


class TestOtherWays(ProgramTest):
    def test_all_bits_are_kept_or_none(self):
        x = np.array([1.5, np.nan, -np.inf, np.inf, -0.0, np.nan])
        mask = np.array([True, True, True, False, True, False])
        for dtype, integer in ((np.float64, np.int64), (np.float32, np.int32)):
            y = kept_bits(x.astype(dtype), all_bits(mask, integer))
            self.assertEqual(y.dtype, dtype)
            self.assert_equal(y, np.where(mask, x, 0.0))
            self.assert_equal(np.signbit(y), [False, False, True, False, True, False])

    def test_factors_that_double(self):
        x = np.array([0.5, -1.0, 1e-300])
        with np.errstate(over="ignore"):
            for dtype, factor in ((float, 1e308), (np.float32, 2e38)):
                for double in (
                    lambda x, c=factor: x * c + x * c,
                    lambda x, c=factor: c * x + c * x + (c * x).tanh(),
                ):
                    self.assert_as_engine(double, x.astype(dtype))
        self.assert_as_engine(lambda x: x * 0.3 + x * 0.3, x)

    def test_bytes_in_the_other_order(self):
        for dtype in (">f8", ">f4"):
            x = np.linspace(-1, 1, 100 * 100).reshape(100, 100).astype(dtype)
            self.assert_as_engine(lambda x: where(x > 0, x, 0.0), x)

    def test_infinite_numbers_where_a_mask_holds(self):
        for number in (np.inf, -np.inf, np.nan):
            choice = lambda x, n=number: where(x > 0, n, 0.0) + x
            self.assert_as_engine(choice, np.array([1.0, -1.0]))

    def test_constants_of_other_types_are_others(self):
        x = Value(np.ones(3, np.float32))
        for dtypes in ((int, np.float64), (np.int32, np.float32)):
            for some in (dtypes, dtypes[::-1]):
                results = [x * np.zeros(3, dtype) for dtype in some]
                results += [x * np.array(0, dtype) for dtype in some]
                for actual, y in zip(compiled(*results)(), results):
                    self.assert_same(actual, y.data)

    def test_a_users_operator_tells_arrays_from_scalars(self):
        x, types = Value(numbers(3)), []
        seen = lambda x, c: types.append(type(c)) or x
        look = mine("look", seen, None, None)
        program = compiled(look(x, np.array(2.0)), look(x, np.float64(2.0)))
        program()
        types.clear()
        program()
        self.assertEqual(types, [np.ndarray, np.float64])

    def test_a_choice_of_numbers_has_its_dtype(self):
        mask = Value(numbers(3)) > 1
        for a, b in ((2, 0.0), (2, 0), (2.0, 0), (True, 0.0)):
            y = where(mask, a, b)
            self.assert_same(compiled(y)(), y.data)

    def test_a_choice_of_arrays_is_negated_as_it_is(self):
        x = Value(np.array([0.5, 2.0, -1.0]))
        y = ((1 - x).relu() ** 2).sum()
        compiled(y, wrt=x)()
        self.assert_equal(x.grad, [-1.0, 0.0, -4.0])

    def test_numbers_that_float32_has_not_stay_numbers(self):
        x = Value(np.array([1.0, 3.0], np.float32))
        y = compiled(x * 0.1, wrt=x)()
        self.assertEqual(y.dtype, np.float32)
        self.assert_equal(y, np.array([1.0, 3.0], np.float32) * 0.1)
        self.assert_equal(x.grad, np.full(2, 0.1, np.float32))

    def test_sums_of_products(self):
        """Of broadcast operands, and of types whose sum is a wider one."""
        a, b = numbers((4, 3)), numbers((4, 3), seed=1)
        for function in (
            lambda a, b: (a * b[0]).sum(),
            lambda a, b: (a * b[:, :1]).sum() + (a[0] * b[:1]).sum(),
            lambda a, b: (a[0] * b[0]).sum() + (a[0] * b[0, :1]).sum(),
        ):
            self.assert_as_engine(function, a, b)
        for dtype in (np.int8, np.int32, np.uint8, int):
            x = Value(np.array([100, 100, 27], dtype))
            for y in ((x * x).sum(), x.sum(), (x[None] * x).sum()):
                self.assert_same(compiled(y)(), y.data)

    def test_arrays_of_one_axis_and_of_none(self):
        a, b = numbers(4), numbers(4, seed=1)
        for function in (
            lambda a, b: a.max(axis=0) * b,
            lambda a, b: a.max(axis=0, keepdims=True) * b.logsumexp(axis=0),
            lambda a, b: (a.max(axis=0) * 2).exp(),
        ):
            self.assert_as_engine(function, a, b)

    def test_large_arrays(self):
        """Without branches in where, and let go as soon as nobody needs them."""
        index = np.arange(99, -1, -1)
        for dtype in (float, np.float32):
            a = np.where(numbers((100, 100)) > 1.9, np.nan, numbers((100, 100)) - 1)
            a, b = a.astype(dtype), numbers((100, 100), seed=1).astype(dtype)
            b[:, 3] = np.inf
            for function in (
                lambda a, b: where(a > 0, b, 0.0) * 2 + where(a > 0, 0.5, 0.0),
                lambda a, b: where(a > 0, a * b, 0.0),
                lambda a, b: a.relu(),
                lambda a, b: where(a[0] > 0, b, 0.0) + where(b > a, b[0], 0.0),
                lambda a, b: (a[index] * b[index]).relu()[:5, index],
                lambda a, b: a[2:4, [0, 1, 1]] * b[0:2, [3, 4, 5]],
            ):
                self.assert_as_engine(function, a, b)


class TestNarrow(ProgramTest):
    """Element-wise calls broadcast by themselves, where that changes no dtype."""

    def test_a_number_that_was_broadcast_widens(self):
        w = np.array([1.0, 2.0, 3.0], np.float32)
        function = lambda x, w: np.broadcast_to(x, (3,)) * w
        self.assertEqual(function(Value(2.0), Value(w)).dtype, np.float64)
        self.assert_as_engine(function, 2.0, w)
        source = compiled(function(Value(2.0), Value(w))).source
        self.assertIn("broadcast_to", source)

    def test_rows_are_not_repeated(self):
        function = lambda x: -np.broadcast_to(x, (4, 3)) + np.ones((4, 3))
        self.assert_as_engine(function, np.array([1.0, 2.0, 3.0]))
        x = Value([1.0, 2.0, 3.0])
        self.assertIn("negative(leaf1)", compiled(function(x)).source)


if __name__ == "__main__":
    unittest.main()
