"""NumPy's functions of each element: angles, powers, logarithms, rounding, rests."""

import math
import operator
import unittest
import warnings

import numpy as np
from testing import ValueTest, needs, numbers

from micrograd import Value, compiled

try:
    import torch
except ImportError:
    torch = None

inf, nan = math.inf, math.nan

UNARY = {  # NumPy's function, and numbers of its domain that are no edges
    np.tan: [-1.5, 0.3, 4.0],
    np.sinh: [-3.0, 0.3, 3.0],
    np.cosh: [-3.0, 0.3, 3.0],
    np.arccos: [-0.95, 0.3, 0.95],
    np.arctan: [-3.0, 0.3, 30.0],
    np.arccosh: [1.05, 2.0, 30.0],
    np.sinc: [-2.7, 0.01, 0.05, 0.3],
    np.degrees: [-3.0, 0.3],
    np.rad2deg: [-3.0, 0.3],
    np.radians: [-300.0, 30.0],
    np.deg2rad: [-300.0, 30.0],
    np.expm1: [-3.0, 1e-3, 3.0],
    np.exp2: [-3.0, 0.3, 3.0],
    np.log2: [0.05, 0.5, 5.0],
    np.log10: [0.05, 0.5, 5.0],
    np.reciprocal: [-0.5, 0.5, 5.0],
    np.cbrt: [-8.0, 0.5, 5.0],
    np.fabs: [-3.0, 0.3],
    np.positive: [-3.0, 0.3],
    np.conjugate: [-3.0, 0.3],
    np.real: [-3.0, 0.3],
    np.imag: [-3.0, 0.3],
    np.nan_to_num: [-3.0, 0.3],
    np.floor: [-2.7, 0.3],
    np.ceil: [-2.7, 0.3],
    np.trunc: [-2.7, 0.3],
    np.rint: [-2.7, 0.3],
    np.sign: [-2.7, 0.3],
    np.round: [-2.7, 0.3],
    np.around: [-2.7, 0.3],
}
BINARY = [  # of numbers from 0.5 to 2, and of their negatives
    np.arctan2,
    np.hypot,
    np.logaddexp,
    np.logaddexp2,
    np.float_power,
    np.copysign,
    np.heaviside,
    np.fmax,
    np.fmin,
    np.remainder,
    np.fmod,
    np.floor_divide,
]
STEPS = {np.floor, np.ceil, np.trunc, np.rint, np.sign, np.round, np.around}
STEPS |= {np.heaviside, np.floor_divide}  # PyTorch has no second derivative
IN_TORCH = {np.cbrt: None, np.fabs: "abs", np.degrees: "rad2deg", np.radians: "deg2rad"}
IN_TORCH |= {np.around: "round", np.rint: "round", np.floor_divide: None}
IN_TORCH |= {np.conjugate: "positive", np.real: "real", np.imag: None}
IN_TORCH |= {np.heaviside: None}  # they have no derivative, or no such function
PAIRS = [((), ()), ((3,), ()), ((2, 3), (3,)), ((2, 1), (1, 3)), ((0, 3), (1,))]
PAIRS += [((3,), (4, 2, 3)), ((1,), (0,))]

EDGES = [  # the function, its operands, the value, and the gradient by each
    (np.tan, [inf], nan, [nan]),
    (np.arccos, [1.0], 0.0, [-inf]),
    (np.arccos, [-1.0], math.pi, [-inf]),
    (np.arccos, [1.5], nan, [nan]),
    (np.arccos, [1 - 2**-40], None, [-1 / math.sqrt(2**-39 - 2**-80)]),
    (np.arctan, [inf], math.pi / 2, [0.0]),
    (np.arctan, [1e8], None, [1e-16]),
    (np.arctan, [1e200], math.pi / 2, [0.0]),
    (np.arccosh, [1.0], 0.0, [inf]),
    (np.arccosh, [0.5], nan, [nan]),
    (np.arccosh, [-2.0], nan, [nan]),
    (np.arccosh, [1e200], None, [1e-200]),
    (np.arctan2, [0.0, 0.0], 0.0, [0.0, 0.0]),
    (np.arctan2, [0.0, -2.0], math.pi, [-0.5, 0.0]),
    (np.arctan2, [1e200, 1e200], math.pi / 4, [5e-201, -5e-201]),
    (np.arctan2, [1e-200, 1e-200], math.pi / 4, [5e199, -5e199]),
    (np.hypot, [0.0, 0.0], 0.0, [0.0, 0.0]),
    (np.hypot, [-2.0, 0.0], 2.0, [-1.0, 0.0]),
    (np.hypot, [3e200, 4e200], 5e200, [0.6, 0.8]),
    (np.sinc, [0.0], 1.0, [0.0]),
    (np.sinc, [1.0], None, [-1.0]),
    (np.sinc, [1e-9], 1.0, [-(math.pi**2) / 3 * 1e-9]),
    (np.expm1, [-40.0], None, [math.exp(-40)]),
    (np.log2, [0.0], -inf, [inf]),
    (np.log2, [-1.0], nan, [nan]),
    (np.log10, [0.0], -inf, [inf]),
    (np.log10, [-1.0], nan, [nan]),
    (np.logaddexp, [-inf, -inf], -inf, [0.5, 0.5]),
    (np.logaddexp, [inf, 1.0], inf, [1.0, 0.0]),
    (np.logaddexp, [1.0, -inf], 1.0, [1.0, 0.0]),
    (np.logaddexp, [800.0, 0.0], 800.0, [1.0, 0.0]),
    (np.logaddexp2, [-inf, -inf], -inf, [0.5, 0.5]),
    (np.logaddexp2, [2.0, 2.0], 3.0, [0.5, 0.5]),
    (np.reciprocal, [0.0], inf, [-inf]),
    (np.cbrt, [0.0], 0.0, [inf]),
    (np.float_power, [0.0, 2.0], 0.0, [0.0, 0.0]),
    (np.float_power, [-8.0, 1 / 3], nan, [nan, nan]),
    (np.fabs, [0.0], 0.0, [0.0]),
    (np.fmax, [2.0, 2.0], 2.0, [0.5, 0.5]),
    (np.fmax, [nan, 2.0], 2.0, [0.0, 1.0]),
    (np.fmin, [2.0, 2.0], 2.0, [0.5, 0.5]),
    (np.fmin, [2.0, nan], 2.0, [1.0, 0.0]),
    (np.copysign, [0.0, -1.0], -0.0, [0.0, 0.0]),
    (np.copysign, [2.0, -0.0], -2.0, [-1.0, 0.0]),
    (np.heaviside, [0.0, 0.5], 0.5, [0.0, 1.0]),
    (np.nan_to_num, [nan], 0.0, [0.0]),
    (np.nan_to_num, [inf], np.finfo(float).max, [0.0]),
    (np.remainder, [7.0, -3.0], -2.0, [1.0, 3.0]),
    (np.remainder, [7.0, 0.0], nan, [nan, nan]),
    (np.remainder, [-7.0, inf], inf, [1.0, 1.0]),
    (np.fmod, [-7.0, 3.0], -1.0, [1.0, 2.0]),
    (np.fmod, [7.0, 0.0], nan, [nan, nan]),
    (np.floor, [2.0], 2.0, [0.0]),
    (np.floor_divide, [7.0, -2.0], -4.0, [0.0, 0.0]),
    (np.floor_divide, [7.0, 0.0], inf, [0.0, 0.0]),
]


class TestFunctions(ValueTest):
    def test_fix(self):
        """It has no row, as NumPy 2.5 warns of it."""
        x = Value([-2.7, 0.3, 5.5])
        y = np.fix(x)
        self.assert_equal(y.data, [-2, 0, 5])
        y.backward()
        self.assert_equal(x.grad, [0, 0, 0])

    def test_unary(self):
        for f, x in UNARY.items():
            with self.subTest(f.__name__):
                self.assert_right(f, f, np.array(x))
                self.assert_right(f, f, np.array([x, x]).T)
                self.assert_right(f, f, np.zeros((0, 2)))
                self.assert_right(f, f, x[0])

    def test_binary_in_every_broadcasting(self):
        for f in BINARY:
            for left, right in [*PAIRS, *(pair[::-1] for pair in PAIRS)]:
                with self.subTest(f.__name__, left=left, right=right):
                    a, b = numbers(left), numbers(right, seed=2)
                    self.assert_right(f, f, a, b)
                    if f not in (np.float_power, np.heaviside):
                        self.assert_right(f, f, -a, b)
                        self.assert_right(f, f, a, -b)
                    for alone, x in (
                        (lambda a, f=f, b=b: f(a, b), a),
                        (lambda b, f=f, a=a: f(a, b), b),
                    ):
                        self.assert_right(alone, alone, x)

    def test_at_the_edges(self):
        for f, operands, expected, gradients in EDGES:
            for of in (lambda x: x, lambda x: np.array([x, x])):
                with self.subTest(f.__name__, operands=operands, kind=of(1.0)):
                    values = [Value(of(x)) for x in operands]
                    with np.errstate(all="ignore"):
                        y = f(*values)
                        y.backward()
                    if expected is not None:
                        self.assert_close(y.data, of(expected), 1e-14)
                        if expected == 0:
                            sign = np.signbit(of(expected))
                            self.assert_equal(np.signbit(y.data), sign)
                    for x, gradient in zip(values, gradients):
                        np.testing.assert_allclose(x.grad, of(gradient), 1e-9)

    def test_sinc_is_exact_on_both_sides_of_its_series(self):
        x = Value(np.array([0.01, 0.0318, 0.0319, 0.1]))
        np.sinc(x).backward()
        t = math.pi * x.data  # -π times the spherical Bessel function, by its series
        terms = [1 / 3, -1 / 30, 1 / 840, -1 / 45360, 1 / 3991680]
        bessel = sum(c * t ** (2 * k + 1) for k, c in enumerate(terms))
        np.testing.assert_allclose(x.grad, -math.pi * bessel, 1e-12)

    def test_dtypes(self):
        for f in (*UNARY, *BINARY):
            n = 1 if f in UNARY else 2
            for dtype in ("f4", "f8", "i8", "i1", "u1", "?"):
                data = [np.array([1, 1], dtype)] * n
                with self.subTest(f.__name__, dtype=dtype):
                    try:
                        expected = f(*data)
                    except TypeError:  # NumPy's, of booleans
                        with self.assertRaises(TypeError):
                            f(*map(Value, data))
                        continue
                    values = [Value(x) for x in data]
                    with np.errstate(all="ignore"):
                        y = f(*values)
                        self.assertEqual(y.dtype, expected.dtype)
                        self.assert_equal(y.data, expected)
                        if y.dtype != bool:
                            y.backward()
                            kind = np.float32 if dtype == "f4" else float
                            for x in values:
                                self.assertEqual(
                                    (x.grad.dtype, x.grad.shape), (kind, (2,))
                                )

    def test_float32_is_not_widened_on_the_way(self):
        of_the_core = {np.fmax, np.fmin, np.real}  # maximum's, which counts; no rule
        for f in {*UNARY, *BINARY} - of_the_core:
            x = np.array(UNARY.get(f, [0.5, 1.5]), "f4")
            data = [x] if f in UNARY else [x, x[::-1]]
            y = f(*map(Value, data))
            for by in y._rule.derivatives:
                with self.subTest(f.__name__), np.errstate(all="ignore"):
                    gradient = by(np.ones_like(y.data), y.data, *data)
                    if type(gradient) is not float:
                        self.assertEqual(gradient.dtype, y.dtype)

    def test_numbers_stay_numbers(self):
        for f, x in UNARY.items():
            v = Value(x[-1])
            y = f(v)
            y.backward()
            with self.subTest(f.__name__):
                self.assertIs(type(y.data), float)
                self.assertIs(type(v.grad), float)
                self.assertEqual(y.forward(), f(x[-1]))
        for f in BINARY:
            v, w = Value(2.0), Value(3)
            y = f(v, w)
            y.backward()
            with self.subTest(f.__name__):
                self.assertEqual({type(x) for x in (y.data, v.grad, w.grad)}, {float})

    def test_integers_do_not_wrap(self):
        for f, x, dtype, expected in [
            (np.arctan, 100, "i8", 1 / (1 + 1e4)),
            (np.arctan, 100, "i1", 1 / (1 + 1e4)),
            (np.arctan, 100, "u1", 1 / (1 + 1e4)),
            (np.arccos, 2, "u1", nan),
            (np.arccosh, 0, "u1", nan),
            (lambda x: np.logaddexp(x, 2), 1, "u1", 1 / (1 + math.e)),
        ]:
            v = Value(np.array([x], dtype))
            with self.subTest(x=x, dtype=dtype), np.errstate(invalid="ignore"):
                f(v).backward()
                np.testing.assert_allclose(v.grad, expected, 1e-3)  # of float16

    def test_open_axes(self):
        for f in (*UNARY, *BINARY):
            x = Value(shape=(None, 2), name="x")
            with np.errstate(invalid="ignore"):  # NumPy's, of logaddexp of nan
                y = f(x) if f in UNARY else f(x, x[:1])
            self.assertEqual(y.shape, (None, 2))
            for n in (3, 0, 1):
                data = UNARY.get(f, [0.5])[-1] + 0.01 * numbers((n, 2))
                if n or f in UNARY:
                    with self.subTest(f.__name__, n=n):
                        other = () if f in UNARY else (data[:1],)
                        self.assert_equal(y.forward(x=data), f(data, *other))
                        leaf = Value(data)
                        (f(leaf) if f in UNARY else f(leaf, leaf[:1])).backward()
                        y.backward()
                        self.assert_equal(x.grad, leaf.grad)

    def test_compiled(self):
        for f in (*UNARY, *BINARY):
            data = np.array([UNARY.get(f, [0.5, 1.5])] * 2)
            for x in (data, data.astype("f4"), float(data[0, 0])):
                values = [Value(x), Value(2 * x)][: 1 if f in UNARY else 2]
                y = f(*values) * 3
                y.backward()
                expected = [v.grad for v in values]
                rtol = 1e-5 if y.dtype == "f4" else 1e-12
                with self.subTest(f.__name__, x=x):
                    self.assert_close(compiled(y, wrt=values)(), y.data, rtol)
                    for v, gradient in zip(values, expected):
                        self.assertEqual(
                            np.result_type(v.grad), np.result_type(gradient)
                        )
                        self.assert_close(v.grad, gradient, rtol)

    @needs("torch")
    def test_as_pytorch(self):
        for f in (*UNARY, *BINARY):
            theirs = getattr(torch, IN_TORCH.get(f, f.__name__) or "", None)
            points = np.array(UNARY.get(f, [0.5, 1.2, 1.9]))
            for data in (points, points.astype("f4")):
                arrays = [data] if f in UNARY else [data, -data[::-1] + 0.01]
                if theirs is None or f is np.float_power:
                    continue
                values = [Value(x) for x in arrays]
                tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
                y, z = f(*values), theirs(*tensors)
                y.backward()
                z.sum().backward()
                rtol = 1e-5 if data.dtype == "f4" else 1e-12
                with self.subTest(f.__name__, dtype=data.dtype):
                    self.assert_close(y.data, z.detach().numpy(), rtol)
                    for v, t in zip(values, tensors):
                        gradient = t.grad.numpy() if t.grad is not None else 0 * v.data
                        self.assert_close(v.grad, gradient, rtol)


class TestOptions(ValueTest):
    def test_round(self):
        x = np.array([[0.126, -1.5], [2.5, 1234.5]])
        for decimals in (0, 1, 2, -2):
            self.assert_equal(Value(x).round(decimals).data, x.round(decimals))
            self.assert_equal(np.round(Value(x), decimals).data, x.round(decimals))
            self.assert_equal(
                np.around(Value(x), decimals=decimals).data, x.round(decimals)
            )
        v = Value(x)
        (v.round(1) * v).backward()
        self.assert_equal(v.grad, x.round(1))

    def test_nan_to_num(self):
        x = np.array([nan, inf, -inf, 2.0])
        options = {"nan": 1.0, "posinf": 5.0, "neginf": -5.0}
        for choice in ({}, options, {"copy": True, "nan": 3}):
            v = Value(x)
            y = np.nan_to_num(v, **choice)
            y.backward()
            self.assert_equal(y.data, np.nan_to_num(x, **choice))
            self.assert_equal(v.grad, [0, 0, 0, 1])
        with self.assertRaisesRegex(TypeError, "nan_to_num.*copy=True"):
            np.nan_to_num(v, copy=False)
        self.assert_equal(v.data, x)

    def test_what_is_refused(self):
        v, array = Value(np.array([0.5])), np.ones(1)
        for f in (*UNARY, *BINARY):
            operands = [v] if f in UNARY else [v, v]
            for options in ({"out": array}, {"where": array > 0}, {"dtype": "f4"}):
                with self.subTest(f.__name__, options=options):
                    with self.assertRaises(TypeError):
                        f(*operands, **options)
        for f in BINARY:
            with self.assertRaises((TypeError, ValueError)):
                f(v, None)
        with self.assertRaisesRegex(TypeError, "period"):
            np.interp(v, [0, 1], [0, 1], period=1)


class TestOperators(ValueTest):
    def test_of_values_and_raw_data(self):
        x = np.array([[7.4, -7.6], [2.3, 0.6]])
        for f in (operator.mod, operator.floordiv):
            for other in (2, -2.0, [2.0, -0.75], np.array([2.0, -0.75])):
                with self.subTest(f.__name__, other=other):
                    raw = np.asarray(other)
                    for ours, numpys in (
                        (
                            lambda x, f=f, o=other: f(x, o),
                            lambda x, f=f, o=raw: f(x, o),
                        ),
                        (
                            lambda x, f=f, o=other: f(o, x),
                            lambda x, f=f, o=raw: f(o, x),
                        ),
                    ):
                        self.assert_right(ours, numpys, x)
                    self.assert_right(f, f, x, 1.0 * raw)

    def test_divmod(self):
        for a, b in [
            (Value(-7.0), 2),
            (7.0, Value(-2)),
            (Value([7, -7]), Value([2, 2])),
        ]:
            of = lambda x: x.data if isinstance(x, Value) else x
            for f in (divmod, np.divmod):
                for y, expected in zip(f(a, b), np.divmod(of(a), of(b))):
                    self.assertIs(type(y), Value)
                    self.assert_equal(y.data, expected)
        quotient, rest = divmod([7.0, 9.0], Value(4.0))
        self.assert_equal(quotient.data, [1, 2])
        self.assert_equal(rest.data, [3, 1])

    def test_division_by_zero_is_numpys(self):
        with np.errstate(all="ignore"):
            self.assert_equal((Value(1.0) % 0.0).data, nan)
            self.assert_equal((Value(1) % 0).data, 0)
            self.assert_equal((Value(1.0) // 0.0).data, inf)

    def test_pythons_rounding(self):
        for f in (round, math.floor, math.ceil, math.trunc, lambda x: round(x, 1)):
            for x in (np.array([-1.25, 0.5, 2.75]), -1.25, 2.75):
                v = Value(x)
                y = f(v)
                self.assertIs(type(y), Value)
                expected = [f(float(e)) for e in np.ravel(x)]
                self.assert_equal(np.ravel(y.data), expected)
                y.backward()
                self.assert_equal(v.grad, np.zeros(np.shape(x)))

    def test_plus_and_conjugate(self):
        for f in (operator.pos, Value.conj, Value.conjugate):
            for x in (np.array([-1.0, 2.0]), 3.0):
                v = Value(x)
                y = f(v)
                self.assertIsNot(y, v)
                (y * 2 + v).backward()
                self.assert_equal(y.data, x)
                self.assert_equal(v.grad, x * 0 + 3)

    def test_strings_are_still_formatted(self):
        self.assertEqual("%.2f" % Value(1.5), "1.50")  # noqa: UP031


class TestInterp(ValueTest):
    XP, FP = np.array([-1.0, 0.5, 2.0, 2.5]), np.array([3.0, -1.0, 0.25, 7.0])
    X = np.array([[-2.0, -0.3, 0.6], [1.9, 2.4, 3.0]])

    def test_derivatives(self):
        self.assert_right(np.interp, np.interp, self.X, self.XP, self.FP)
        for x in (0.7, -3.0, 4.0, np.zeros((0, 2))):
            self.assert_right(np.interp, np.interp, x, self.XP, self.FP)
        self.assert_right(np.interp, np.interp, self.X, self.XP[:1], self.FP[:1])
        y = np.interp(self.X.tolist(), self.XP.tolist(), Value(self.FP))
        self.assert_equal(y.data, np.interp(self.X, self.XP, self.FP))

    def test_outside(self):
        for outside in ({"left": 5.0}, {"right": -5}, {"left": 1, "right": 2.0}):
            f = lambda *args, outside=outside: np.interp(*args, **outside)
            self.assert_right(f, f, self.X, self.XP, self.FP)
            y = f(self.X.tolist(), self.XP.tolist(), Value(self.FP))
            self.assert_equal(y.data, f(self.X, self.XP, self.FP))
        left = Value(5.0)
        np.interp(Value(self.X), self.XP, self.FP, left).backward()
        self.assertEqual(left.grad, 1)

    def test_at_the_points_it_looks_to_the_right_and_inside(self):
        for n in (2, len(self.XP)):
            xp, fp = self.XP[:n], self.FP[:n]
            x = Value(xp)
            np.interp(x, xp, fp).backward()
            slopes = np.diff(fp) / np.diff(xp)
            self.assert_close(x.grad, [*slopes, slopes[-1]], 1e-12)

    def test_steps_and_nan(self):
        x = Value(np.array([0.5, 1.0, 1.5, nan]))
        y = np.interp(x, [0.0, 1.0, 1.0, 2.0], [0.0, 1.0, 3.0, 4.0])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            y.backward()
        self.assert_equal(y.data, [0.5, 3, 3.5, nan])
        self.assert_equal(x.grad, [1, 1, 1, nan])
        x = Value(np.array([1.0]))
        np.interp(x, [0.0, 1.0, 1.0], [0.0, 1.0, 3.0]).backward()
        self.assert_equal(x.grad, [0])

    def test_fed_and_compiled(self):
        x, fp = Value(shape=(None,), name="x"), Value(self.FP)
        y = np.interp(x, self.XP, fp, right=0) ** 2
        step = compiled(y, wrt=[x, fp])
        for n in (4, 0, 2):
            data = np.linspace(-2, 3, n)
            expected = np.interp(data, self.XP, self.FP, right=0) ** 2
            self.assert_close(y.forward(x=data), expected, 1e-12)
            y.backward()
            gradients = x.grad, fp.grad
            self.assert_close(step(x=data), expected, 1e-12)
            self.assert_close(x.grad, gradients[0], 1e-12)
            self.assert_close(fp.grad, gradients[1], 1e-12)


if __name__ == "__main__":
    unittest.main()
