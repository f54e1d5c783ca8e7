"""SciPy's special functions: its own, known by name, and micrograd's."""

import math
import re
import tempfile
import unittest
from pathlib import Path

import numpy as np
from testing import ROOT, ValueTest, needs, numbers, run_python

import micrograd
from micrograd import Value, compiled, nn, special
from micrograd.interface import special_arrays as of_arrays

try:
    import scipy.special as scipys
except ImportError:
    scipys = None
try:
    import torch
except ImportError:
    torch = None

inf, nan = math.inf, math.nan

UNARY = {  # SciPy's name, PyTorch's, and numbers of its domain that are no edges
    "erf": ("erf", [-2.0, 0.3, 5.0]),
    "erfc": ("erfc", [-2.0, 0.3, 5.0]),
    "expit": ("expit", [-2.0, 0.3, 5.0]),
    "logit": ("logit", [0.01, 0.3, 0.95]),
    "gammaln": ("gammaln", [-1.5, 0.3, 5.0]),
    "digamma": ("digamma", [-1.5, 0.3, 5.0]),
    "entr": ("entr", [0.01, 0.3, 5.0]),
    "log_ndtr": ("log_ndtr", [-25.0, -2.0, 0.3, 5.0]),
}
BINARY = ["xlogy", "xlog1py", "betaln"]
OF_SCIPY_ALONE = {
    "cbrt": (None, [-2.0, 0.3]),
    "erfinv": ("erfinv", [-0.9, 0.3]),
    "exp10": (None, [-2.0, 0.3]),
    "exp2": ("exp2", [-2.0, 0.3]),
    "expm1": ("expm1", [-2.0, 0.3]),
    "gamma": (None, [-1.5, 0.3, 5.0]),
    "log1p": ("log1p", [-0.9, 0.3]),
    "log_expit": (None, [-30.0, 0.3, 30.0]),
    "ndtr": ("ndtr", [-2.0, 0.3, 5.0]),
    "psi": ("digamma", [-1.5, 0.3, 5.0]),
}
ALONG_AXES = {  # micrograd's name and PyTorch's
    "logsumexp": "logsumexp",
    "softmax": "softmax",
    "log_softmax": "log_softmax",
}


def log_of_beta(a, b):
    """PyTorch has none of its own."""
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)


# Known numbers, to as many digits as a float has: Abramowitz and Stegun's constants,
# and integrals by hand. The function, x, y.
EULER = 0.5772156649015329
KNOWN = [
    ("erf", 0.5, 0.5204998778130465),
    ("erf", 1e-20, 2e-20 / math.sqrt(math.pi)),
    ("erf", -inf, -1.0),
    ("erfc", 10.0, 2.088487583762545e-45),
    ("erfc", -inf, 2.0),
    ("gammaln", 5.0, math.log(24)),
    ("gammaln", 0.5, math.log(math.pi) / 2),
    ("gammaln", -0.5, math.log(2 * math.sqrt(math.pi))),
    ("gammaln", 1.0, 0.0),
    ("gammaln", 1e300, 1e300 * (300 * math.log(10) - 1)),
    ("gammaln", 0.0, inf),
    ("gammaln", -3.0, inf),
    ("gammaln", inf, inf),
    ("gammaln", 1e307, inf),
    ("digamma", 1.0, -EULER),
    ("digamma", 0.5, -EULER - 2 * math.log(2)),
    ("digamma", 10.0, -EULER + sum(1 / k for k in range(1, 10))),
    ("digamma", -0.5, 2 - EULER - 2 * math.log(2)),
    ("digamma", 1e20, 20 * math.log(10)),
    ("digamma", 1e-20, -1e20),
    ("digamma", 0.0, -inf),
    ("digamma", -3.0, nan),
    ("digamma", inf, inf),
    ("logit", 1 / (1 + math.exp(-3)), 3.0),
    ("logit", 1e-300, -300 * math.log(10)),
    ("expit", -1000.0, 0.0),
    ("entr", 0.5, math.log(2) / 2),
    ("log_ndtr", 0.0, -math.log(2)),
    ("log_ndtr", -1e10, -5e19),
    ("log_ndtr", 10.0, -math.erfc(10 / math.sqrt(2)) / 2),
    ("log_ndtr", -inf, -inf),
    ("log_ndtr", inf, 0.0),
    ("log_ndtr", nan, nan),
]
TRIGAMMA = [  # also the gradient of digamma; at negative integers it has none
    (1.0, math.pi**2 / 6),
    (0.5, math.pi**2 / 2),
    (-0.5, math.pi**2 / 2 + 4),
    (1e10, 1e-10 + 5e-21),
    (1e-10, 1e20),
    (0.0, inf),
]
EDGES = [  # the function, its operands, the value, and the gradient by each
    ("erf", [0.0], 0.0, [2 / math.sqrt(math.pi)]),
    ("erf", [1e200], 1.0, [0.0]),
    ("logit", [0.0], -inf, [inf]),
    ("logit", [1.0], inf, [inf]),
    ("logit", [1.5], nan, [nan]),
    ("logit", [-0.5], nan, [nan]),
    ("gammaln", [0.0], inf, [-inf]),
    ("gammaln", [-0.0], inf, [inf]),
    ("gammaln", [-1.0], inf, [nan]),
    ("digamma", [0.0], -inf, [inf]),
    ("digamma", [-0.0], inf, [inf]),
    ("digamma", [-1.0], nan, [nan]),
    ("entr", [0.0], 0.0, [inf]),
    ("entr", [-1.0], -inf, [nan]),
    ("xlogy", [0.0, 0.0], 0.0, [0.0, 0.0]),
    ("xlogy", [0.0, -1.0], 0.0, [0.0, 0.0]),
    ("xlogy", [0.0, 2.0], 0.0, [math.log(2), 0.0]),
    ("xlogy", [0.0, 0.5], 0.0, [math.log(0.5), 0.0]),
    ("xlogy", [0.0, inf], 0.0, [inf, 0.0]),
    ("xlogy", [1.0, 0.0], -inf, [-inf, inf]),
    ("xlogy", [1.0, -1.0], nan, [nan, nan]),
    ("xlogy", [0.0, nan], nan, [nan, nan]),
    ("xlog1py", [0.0, -1.0], 0.0, [0.0, 0.0]),
    ("xlog1py", [0.0, 1.0], 0.0, [math.log(2), 0.0]),
    ("xlog1py", [1.0, 1e-20], 1e-20, [1e-20, 1.0]),
    ("xlog1py", [1.0, -1.0], -inf, [-inf, inf]),
    ("xlog1py", [1.0, -2.0], nan, [nan, nan]),
    ("log_ndtr", [-1e8], -5e15 - math.log(1e8 * math.sqrt(2 * math.pi)), [1e8]),
    ("log_ndtr", [50.0], 0.0, [0.0]),
]


class SpecialTest(ValueTest):
    def assert_gradients(self, function, *arrays):
        """Those of differences of its own data."""
        data_of = lambda *arrays: function(*map(Value, arrays)).data
        self.assert_right(function, data_of, *arrays)

    def assert_as_torch(self, ours, theirs, *arrays):
        # PyTorch's own derivative of digamma has ten digits
        double = 1e-9 if theirs is torch.special.digamma else 1e-12
        for dtype, rtol in (("f8", double), ("f4", 1e-5)):
            values = [Value(x.astype(dtype)) for x in arrays]
            tensors = [torch.tensor(x.data, requires_grad=True) for x in values]
            y, z = ours(*values), theirs(*tensors)
            weights = numbers(y.shape).astype(dtype)
            (y * weights).backward()
            (z * torch.tensor(weights)).sum().backward()
            self.assert_close(y.data, z.detach().numpy(), rtol)
            for value, tensor in zip(values, tensors):
                self.assertEqual(value.grad.dtype, dtype)
                self.assert_close(value.grad, tensor.grad.numpy(), rtol)


class TestArrays(ValueTest):
    """What is computed with NumPy and math alone."""

    def test_known_numbers(self):
        for name, x, y in KNOWN:
            for of in (lambda x: x, lambda x: np.array([x, x])):
                with self.subTest(name, x=x), np.errstate(all="ignore"):
                    actual = getattr(special, name)(Value(of(x))).data
                    self.assertEqual(np.shape(actual), np.shape(of(x)))
                    np.testing.assert_allclose(actual, of(y), 3e-15, 1e-15)

    def test_trigamma(self):
        for x, y in TRIGAMMA:
            v = Value(x)
            with self.subTest(x=x), np.errstate(all="ignore"):
                np.testing.assert_allclose(of_arrays.polygamma(x, 1), y, 3e-15)
                special.digamma(v).backward()
                np.testing.assert_allclose(v.grad, y, 3e-15)

    def test_recurrences(self):
        """ψ(x + 1) = ψ(x) + 1 / x, and its derivative, wherever the series starts."""
        x = np.linspace(-20, 40, 1001) + 1e-3
        for function, step in (
            (of_arrays.digamma, 1 / x),
            (lambda x: of_arrays.polygamma(x, 1), -1 / x**2),
        ):
            y = function(x + 1)
            size = np.abs(y) + np.abs(step)
            self.assertLess(np.max(np.abs(y - function(x) - step) / size), 1e-12)

    @needs("scipy")
    def test_as_scipy(self):
        tiny = 10.0 ** np.linspace(-20, 0, 41)
        of_all = np.concatenate([np.linspace(-30, 30, 500) + 1e-3, tiny, 1 / tiny])
        for name, (_, points) in UNARY.items():
            x = tiny if min(points) > 0 else of_all
            with self.subTest(name), np.errstate(all="ignore"):
                actual = getattr(special, name)(Value(x)).data
                expected = getattr(scipys, name)(x)
                np.testing.assert_allclose(actual, expected, 1e-13, 1e-14)
        with np.errstate(all="ignore"):
            actual, expected = (
                of_arrays.polygamma(of_all, 1),
                scipys.polygamma(1, of_all),
            )
        np.testing.assert_allclose(actual, expected, 1e-10)  # SciPy's own, below 0


class TestBeta(SpecialTest):
    def test_known_numbers(self):
        """B(a, 1) = 1 / a, B(a, 1 - a) = π / sin πa, also where ln Γ is large."""
        for a, b, y in [
            (2.0, 3.0, -math.log(12)),
            (0.25, 0.75, math.log(math.pi * math.sqrt(2))),
            (1e6, 1.0, -6 * math.log(10)),
            (1.0, 1e15, -15 * math.log(10)),
            (0.5, 0.5, math.log(math.pi)),
            (-0.5, 2.0, math.log(4)),
            (0.0, 2.0, inf),
        ]:
            for pair in ((a, b), (b, a)):
                with self.subTest(pair=pair):
                    self.assertAlmostEqual(
                        special.betaln(*map(Value, pair)).data, y, 13
                    )

    @needs("scipy")
    def test_as_scipy(self):
        a, b = np.meshgrid(10.0 ** np.arange(-8, 3), np.linspace(0.1, 60, 50))
        actual, expected = special.betaln(Value(a), b).data, scipys.betaln(a, b)
        np.testing.assert_allclose(actual, expected, 1e-12, 1e-12)


class TestGammainc(SpecialTest):
    def test_known_numbers(self):
        """Of a = 1 it is 1 - exp(-x), of a = 1/2 erf(√x)."""
        x = np.array([1e-300, 1e-3, 0.5, 1.5, 3.0, 20.0, 1e3, inf])
        y = special.gammainc(1.0, Value(x))
        np.testing.assert_allclose(y.data, -np.expm1(-x), 1e-14)
        expected = of_arrays.erf(np.sqrt(x))
        np.testing.assert_allclose(
            special.gammainc(0.5, Value(x)).data, expected, 1e-14
        )
        self.assertIs(type(special.gammainc(2.0, Value(0.5)).data), float)

    @needs("scipy")
    def test_as_scipy(self):
        rng = np.random.default_rng(0)
        a = 10 ** rng.uniform(-3, 4, 500)
        x = a * 10 ** rng.uniform(-1, 0.5, 500)
        actual, expected = special.gammainc(a, Value(x)).data, scipys.gammainc(a, x)
        np.testing.assert_allclose(actual, expected, 1e-10, 1e-13)
        a = 10.0 ** np.arange(8, 40, 4)[:, None] * 1.1  # nearly a normal distribution
        x = a + np.sqrt(a) * np.linspace(-4, 4, 25)
        actual, expected = special.gammainc(a, Value(x)).data, scipys.gammainc(a, x)
        np.testing.assert_allclose(actual, expected, 1e-10, 1e-12)
        x = 1e9 * np.array([0.5, 0.99, 1.002, 2.0])  # far from the mean
        y = special.gammainc(1e9, Value(x)).data
        self.assert_equal(y, [0, 0, 1, 1])
        edges = [0.0, 1.0, 30.0, inf, nan, -1.0]
        a, x = np.meshgrid(edges, edges)
        with np.errstate(all="ignore"):
            actual, expected = special.gammainc(a, Value(x)).data, scipys.gammainc(a, x)
        np.testing.assert_allclose(actual, expected, atol=1e-300)

    def test_gradients(self):
        a, x = numbers((2, 1)) + 1, numbers((3,), seed=2)
        self.assert_gradients(lambda x: special.gammainc(a, x), x)
        self.assert_gradients(lambda x: special.gammainc(20.5, x), 10 * x)
        v = Value(np.array([0.0, -1.0], "f4"))
        with np.errstate(all="ignore"):
            special.gammainc(1.0, v).backward()
        self.assert_equal(v.grad, np.array([1.0, nan], "f4"))
        with self.assertRaisesRegex(TypeError, "no derivative with respect to a"):
            special.gammainc(Value(2.0), 1.0).backward()

    @needs("scipy")
    def test_scipys(self):
        x = Value(numbers((3,)))
        scipys.gammainc(2.5, x).backward()
        gradient = x.grad
        special.gammainc(2.5, x).backward()
        self.assert_close(x.grad, gradient, 1e-13)


class TestFunctions(SpecialTest):
    def test_gradients(self):
        for name, (_, x) in UNARY.items():
            with self.subTest(name):
                f = getattr(special, name)
                self.assert_gradients(f, np.array([x, x]).T)
                self.assert_gradients(f, x[0])
                self.assertEqual(f(Value(np.zeros((0, 2)))).shape, (0, 2))
        for name in BINARY:
            for left, right in [((), ()), ((3,), ()), ((2, 1), (3,)), ((0, 1), (2,))]:
                with self.subTest(name, left=left, right=right):
                    f = getattr(special, name)
                    a, b = numbers(left), numbers(right, seed=2)
                    self.assert_gradients(f, a, b)
                    self.assert_gradients(lambda a, f=f, b=b: f(a, b), a)
                    self.assert_gradients(lambda b, f=f, a=a: f(a, b), b)

    def test_at_the_edges(self):
        for name, operands, expected, gradients in EDGES:
            functions = [getattr(special, name)]
            if scipys:
                functions.append(getattr(scipys, name))
            for f in functions:
                for of in (lambda x: x, lambda x: np.array([x, x])):
                    with self.subTest(name, operands=operands, kind=of(1.0), f=f):
                        values = [Value(of(x)) for x in operands]
                        with np.errstate(all="ignore"):
                            y = f(*values)
                            y.backward()
                        np.testing.assert_allclose(y.data, of(expected), 1e-14)
                        for x, gradient in zip(values, gradients):
                            np.testing.assert_allclose(x.grad, of(gradient), 1e-14)

    def test_dtypes(self):
        for name in (*UNARY, *BINARY):
            f, n = getattr(special, name), 1 if name in UNARY else 2
            for dtype in ("f4", "f8", "i8", "u1", "?"):
                with self.subTest(name, dtype=dtype), np.errstate(all="ignore"):
                    values = [Value(np.array([1, 1], dtype)) for _ in range(n)]
                    y = f(*values)
                    if dtype in ("f4", "f8", "i8"):
                        self.assertEqual(y.dtype, "f4" if dtype == "f4" else "f8")
                    self.assertEqual(y.dtype.kind, "f")
                    y.backward()
                    for x in values:
                        self.assertEqual(x.grad.dtype, "f4" if dtype == "f4" else "f8")
            y = f(*[Value(0.5), Value(0.25)][:n])
            self.assertIs(type(y.data), float)

    def test_integers_do_not_wrap(self):
        for name in ("digamma", "gammaln", "erf", "entr"):
            for x, dtype in ((250, "u1"), (120, "i1"), (200_000, "i4")):
                with self.subTest(name, x=x):
                    f, v, w = getattr(special, name), Value([x], dtype=dtype), Value(x)
                    f(v).backward()
                    f(w).backward()
                    self.assert_close(v.grad, [w.grad], 1e-3)  # of float16

    def test_along_axes(self):
        x = numbers((2, 3, 4))
        for name in ALONG_AXES:
            f = getattr(special, name)
            for axis in (None, 0, -1, (0, 2)):
                with self.subTest(name, axis=axis):
                    self.assert_gradients(lambda x, f=f, a=axis: f(x, axis=a), x)
            with self.assertRaisesRegex(ValueError, "axis 3"):
                f(Value(x), axis=3)
            self.assertEqual(
                f(Value(2.0)).data, {"softmax": 1, "log_softmax": 0}.get(name, 2)
            )
            self.assert_equal(f(Value(np.zeros((0, 2))), axis=1).data.size, 0)
        y = special.logsumexp(Value(x), axis=1, keepdims=True)
        self.assertEqual(y.shape, (2, 1, 4))
        self.assert_equal(special.softmax(Value(x), -1).data, nn.softmax(Value(x)).data)

    def test_nothing_overflows(self):
        x = Value([1000.0, 0.0, -1000.0])
        y = special.log_softmax(x)
        self.assert_equal(y.data, [0, -1000, -2000])
        (y * [0, 1, 0]).backward()
        self.assert_equal(x.grad, [-1, 1, 0])
        self.assert_equal(special.softmax(x).data, [1, 0, 0])
        self.assertEqual(special.logsumexp(x).data, 1000)

    def test_open_axes(self):
        for name in (*UNARY, *BINARY, *ALONG_AXES):
            f = getattr(special, name)
            x = Value(shape=(None, 2), name="x")
            y = f(x) if name not in BINARY else f(x, x)
            step = compiled(y, wrt=x)
            for n in (3, 1, 4):
                data = 0.4 * numbers((n, 2), seed=n)
                leaf = Value(data)
                z = f(leaf) if name not in BINARY else f(leaf, leaf)
                z.backward()
                with self.subTest(name, n=n):
                    self.assert_equal(y.forward(x=data), z.data)
                    y.backward()
                    self.assert_equal(x.grad, leaf.grad)
                    self.assert_close(step(x=data), z.data, 1e-12)
                    self.assert_close(x.grad, leaf.grad, 1e-12)

    def test_lists_and_raw_data(self):
        v = Value(0.5)
        self.assert_equal(special.erf([v, v]).data, [math.erf(0.5)] * 2)
        self.assertIs(type(special.erf(0.5)), Value)
        with self.assertRaisesRegex(TypeError, "real numbers"):
            special.erf("0.5")

    @needs("torch")
    def test_as_pytorch(self):
        for name, (theirs, x) in UNARY.items():
            with self.subTest(name):
                f, g = getattr(special, name), getattr(torch.special, theirs)
                self.assert_as_torch(f, g, np.array([x, x]))
        for name in BINARY:
            with self.subTest(name):
                f, g = getattr(special, name), getattr(torch.special, name, log_of_beta)
                self.assert_as_torch(f, g, numbers((2, 3)), numbers((3,), seed=2))
        for name, theirs in ALONG_AXES.items():
            f, g = getattr(special, name), getattr(torch, theirs)
            for axis in (0, -1):
                with self.subTest(name, axis=axis):
                    self.assert_as_torch(
                        lambda x, f=f, a=axis: f(x, axis=a),
                        lambda x, g=g, a=axis: g(x, a),
                        numbers((2, 3)),
                    )


@needs("scipy")
class TestSciPys(SpecialTest):
    def test_values_and_gradients(self):
        for name, (_, x) in {**UNARY, **OF_SCIPY_ALONE}.items():
            f = getattr(scipys, name)
            with self.subTest(name):
                self.assert_right(f, f, np.array([x, x]).T)
                self.assert_right(f, f, x[0])
                self.assert_right(f, f, np.zeros((0, 2)))
                v = Value(np.array(x, "f4"))
                f(v).backward()
                self.assertEqual((f(v).dtype, v.grad.dtype), ("f4", "f4"))
                self.assertIs(type(f(Value(x[0])).data), float)
                self.assertEqual(f(Value([0, 1])).dtype, f([0, 1]).dtype)
        for name in BINARY:
            f = getattr(scipys, name)
            a, b = numbers((2, 1)), numbers((3,), seed=2)
            with self.subTest(name):
                self.assert_right(f, f, a, b)
                self.assert_right(
                    lambda a, f=f, b=b: f(a, b), lambda a, f=f, b=b: f(a, b), a
                )
                self.assert_right(
                    lambda b, f=f, a=a: f(a, b), lambda b, f=f, a=a: f(a, b), b
                )

    def test_compiled(self):
        for name, (_, points) in {**UNARY, **OF_SCIPY_ALONE}.items():
            for x in (np.array(points), points[0]):
                v = Value(x)
                y = 3 * getattr(scipys, name)(v)
                y.backward()
                gradient = v.grad
                with self.subTest(name, x=x):
                    self.assert_close(compiled(y, wrt=v)(), y.data, 1e-12)
                    self.assert_close(v.grad, gradient, 1e-12)

    def test_a_program_of_them_needs_scipy(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "erf.py")
            program = compiled(scipys.erf(Value([0.5])))
            with self.assertRaisesRegex(ValueError, "called whole: erf"):
                program.save(path)
            self.assertFalse(path.exists())

    def test_what_is_computed_is_scipys(self):
        x = np.linspace(0.1, 5, 50)
        self.assert_equal(scipys.gammaln(Value(x)).data, scipys.gammaln(x))
        self.assertEqual(scipys.digamma(Value(2.0)).op, "psi")

    def test_what_is_refused(self):
        v = Value([0.5, 1.0])
        for name, arguments in [("jv", (v, v)), ("i0", (v,)), ("erfcx", (v,))]:
            with self.assertRaisesRegex(TypeError, f"{name} has no derivative here"):
                getattr(scipys, name)(*arguments)
        with self.assertRaisesRegex(TypeError, "out"):
            scipys.erf(v, out=np.ones(2))
        for function in (scipys.softmax, scipys.logsumexp, scipys.log_softmax):
            with self.assertRaises(TypeError):
                function(v)

    @needs("torch")
    def test_as_pytorch(self):
        for name, (theirs, x) in OF_SCIPY_ALONE.items():
            if theirs:
                with self.subTest(name):
                    ours, of_torch = (
                        getattr(scipys, name),
                        getattr(torch.special, theirs),
                    )
                    self.assert_as_torch(ours, of_torch, np.array(x))


class TestImport(unittest.TestCase):
    def test_without_scipy(self):
        code = """
import sys
import micrograd
assert "micrograd.interface.families" not in sys.modules
from micrograd import Value
print(micrograd.special.erf(Value(0.5)).data, "scipy" in sys.modules)
"""
        self.assertEqual(run_python("-c", code), f"{math.erf(0.5)} False\n")

    def test_each_has_a_row_in_the_docs(self):
        text = (ROOT / "docs" / "functions.md").read_text(encoding="utf-8")
        text = text.partition("## SciPy's functions")[2].partition("\n## ")[0]
        cells = "".join(re.findall(r"^\| (`.*?) \|", text, re.M))
        rows = set(re.findall(r"`(\w+)\(", cells))
        self.assertEqual(
            rows, {*UNARY, *BINARY, "gammainc", *OF_SCIPY_ALONE, *ALONG_AXES}
        )
        known = {"digamma", *special.DERIVATIVES}  # to SciPy it is psi
        self.assertEqual(rows - set(ALONG_AXES), known)

    def test_is_named(self):
        self.assertIs(micrograd.special, special)
        self.assertIn("special", micrograd.__all__)


if __name__ == "__main__":
    unittest.main()
