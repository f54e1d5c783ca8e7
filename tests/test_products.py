"""NumPy's products, differences and moments of Values."""

import unittest
import warnings

import numpy as np

from micrograd import Value, compiled

try:
    import torch
except ImportError:
    torch = None

from testing import GradientTest, needs, numbers

SIZES = [(), (3,), (2, 3), (4, 2, 3)]
PLACES = np.array([0.0, 0.5, 2.0, 2.5, 4.5])
trapezoid = getattr(np, "trapezoid", None) or np.trapz


def planes(function):
    """The function without NumPy's warning about vectors of two components."""

    def quiet(*args):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return function(*args)

    return quiet


# The function, of Values and of arrays; shapes; PyTorch's, where there is one.
ROWS = [
    ("tensordot", lambda a, b: np.tensordot(a, b), [(2, 3, 4), (3, 4, 5)], (2,)),
    ("tensordot", lambda a, b: np.tensordot(a, b, 0), [(2,), (3, 2)], (0,)),
    ("tensordot", lambda a, b: np.tensordot(a, b, axes=1), [(2, 3), (3,)], (1,)),
    ("tensordot", lambda a, b: np.tensordot(a, b, 0), [(), (2,)], None),
    ("tensordot", lambda a, b: np.tensordot(a, b, (1, 0)), [(2, 3), (3, 2)], None),
    (
        "tensordot",
        lambda a, b: np.tensordot(a, b, ([0, -1, 1], [3, 0, 2])),
        [(2, 3, 4), (4, 5, 3, 2)],
        (([0, 2, 1], [3, 0, 2]),),
    ),
    ("tensordot", lambda a, b: np.tensordot(a, b, 1), [(2, 0), (0, 3)], None),
    ("dot", np.dot, [(), (2, 3)], None),
    ("dot", np.dot, [(3,), ()], None),
    ("dot", np.dot, [(3,), (3,)], None),
    ("dot", np.dot, [(2, 3), (3,)], None),
    ("dot", np.dot, [(3,), (3, 2)], None),
    ("dot", np.dot, [(2, 4, 3), (3,)], None),
    ("dot", np.dot, [(3,), (2, 3, 4)], None),
    ("dot", np.dot, [(2, 3), (5, 3, 2)], None),
    ("dot", np.dot, [(2, 2, 3), (5, 3, 2)], None),
    ("inner", np.inner, [(), (3,)], None),
    ("inner", np.inner, [(2, 3), ()], None),
    ("inner", np.inner, [(), (2, 3)], None),
    ("inner", np.inner, [(), (4, 2, 3)], None),
    ("inner", np.inner, [(3,), (3,)], ()),
    ("inner", np.inner, [(2, 3), (4, 3)], ()),
    ("inner", np.inner, [(3,), (4, 2, 3)], ()),
    ("inner", np.inner, [(5, 2, 3), (4, 2, 3)], ()),
    ("outer", np.outer, [(3,), (2,)], ()),
    ("outer", np.outer, [(2, 3), ()], None),
    ("outer", np.outer, [(0,), (2,)], ()),
    ("vdot", np.vdot, [(3,), (3,)], ()),
    ("vdot", np.vdot, [(2, 3), (3, 2)], None),
    ("vdot", np.vdot, [(), ()], None),
    *[("kron", np.kron, [a, b], () if a and b else None) for a in SIZES for b in SIZES],
    ("cross", np.cross, [(3,), (3,)], ()),
    ("cross", np.cross, [(4, 3), (3,)], None),
    ("cross", np.cross, [(4, 1, 3), (5, 3)], None),
    ("cross", lambda a, b: np.cross(a, b, axis=0), [(3, 2), (3, 2)], None),
    ("cross", lambda a, b: np.cross(a, b, 0, 1, 0), [(3, 2), (2, 3)], None),
    ("cross", lambda a, b: np.cross(a, b, axisb=0, axisc=1), [(4, 2, 3), (3,)], None),
    ("multi_dot", lambda *x: np.linalg.multi_dot(x), [(2, 3), (3, 4)], None),
    ("multi_dot", lambda *x: np.linalg.multi_dot(x), [(3,), (3, 4), (4,)], None),
    ("multi_dot", lambda *x: np.linalg.multi_dot(x), [(3,), (3, 4), (4, 1)], None),
    ("multi_dot", lambda *x: np.linalg.multi_dot(x), [(2, 3), (3,)], None),
    (
        "multi_dot",
        lambda *x: np.linalg.multi_dot(x),
        [(2, 3), (3, 1), (1, 4), (4, 2)],
        None,
    ),
    (
        "einsum",
        lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [0, 2]),
        [(2, 3), (3, 4)],
        None,
    ),
    ("einsum", lambda a: np.einsum(a, [27, 3]), [(2, 3)], None),
    ("einsum", lambda a: np.einsum(a, [0, 0]), [(3, 3)], None),
    (
        "einsum",
        lambda a, b: np.einsum(a, [..., 0], b, [..., 0], [...]),
        [(2, 3), (3,)],
        None,
    ),
    (
        "einsum",
        lambda a, b: np.einsum("...ij, ...jk", a, b),
        [(3, 2, 1, 2), (2, 2, 2)],
        None,
    ),
    ("diff", lambda a: np.diff(a), [(5,)], ()),
    ("diff", lambda a: np.diff(a, 2), [(2, 5)], None),
    ("diff", lambda a: np.diff(a, n=3, axis=0), [(5, 2)], None),
    ("diff", lambda a: np.diff(a, 3), [(2,)], None),
    ("diff", lambda a: np.diff(a, 0, prepend=1), [(2,)], None),
    ("diff", lambda a: np.diff(a), [(2, 1)], ()),
    ("diff", lambda a: np.diff(a), [(0,)], None),
    ("diff", lambda a: np.diff(a, axis=-2, prepend=2.0), [(2, 3)], None),
    ("diff", lambda a, b: np.diff(a, 1, 0, b), [(2, 3), (1, 3)], None),
    (
        "diff",
        lambda a, b, c: np.diff(a, prepend=b, append=c),
        [(2, 3), (), (2, 2)],
        None,
    ),
    ("diff", lambda a, b: np.diff(a, prepend=b), [(2, 0), ()], None),
    ("ediff1d", lambda a: np.ediff1d(a), [(2, 3)], None),
    ("ediff1d", lambda a: np.ediff1d(a, 9, [1, 2]), [(4,)], None),
    ("ediff1d", lambda a, b: np.ediff1d(a, to_begin=b), [(4,), (2, 2)], None),
    ("gradient", lambda a: np.gradient(a), [(5,)], None),
    ("gradient", lambda a: np.gradient(a, 0.5), [(2,)], None),
    ("gradient", lambda a: np.gradient(a, 0.5, axis=0), [(4, 3)], None),
    ("gradient", lambda a: np.gradient(a, PLACES), [(5,)], None),
    ("gradient", lambda a: np.gradient(a, PLACES, axis=-2), [(5, 3)], None),
    ("gradient", lambda a: np.gradient(a)[0], [(4, 3)], None),
    ("gradient", lambda a: np.gradient(a, 2.0)[1], [(4, 3)], None),
    ("gradient", lambda a: np.gradient(a, 2.0, PLACES)[1], [(4, 5)], None),
    ("gradient", lambda a: np.gradient(a, 2.0, 3.0, axis=(2, 0))[0], [(2, 5, 3)], None),
    ("gradient", lambda a, d: np.gradient(a, d), [(5,), ()], None),
    ("gradient", lambda a, d: np.gradient(a, d), [(5,), (5,)], None),
    ("trapezoid", lambda a: trapezoid(a), [(5,)], ()),
    ("trapezoid", lambda a: trapezoid(a, dx=0.5, axis=0), [(5, 2)], None),
    ("trapezoid", lambda a, d: trapezoid(a, dx=d), [(5, 2), (1,)], None),
    ("trapezoid", lambda a, d: trapezoid(a, dx=d, axis=-2), [(3, 2), (2,)], None),
    ("trapezoid", lambda a, d: trapezoid(a, dx=d, axis=1), [(3, 4, 2), (3, 1)], None),
    ("trapezoid", lambda a: trapezoid(a, PLACES), [(2, 5)], None),
    ("trapezoid", lambda a: trapezoid(a, PLACES, axis=0), [(5, 2)], None),
    ("trapezoid", lambda a, x: trapezoid(a, x), [(2, 5), (2, 5)], ()),
    ("trapezoid", lambda a, x: trapezoid(a, x, axis=0), [(5, 2), (5,)], None),
    ("trapezoid", lambda a, x: trapezoid(a, x, axis=0), [(3, 2, 2), (3, 2, 2)], None),
    *[
        (name, lambda a, v, f=f, mode=mode: f(a, v, mode), [(n,), (m,)], None)
        for name, f in [("convolve", np.convolve), ("correlate", np.correlate)]
        for mode in ("full", "same", "valid")
        for n, m in [(5, 3), (3, 5), (5, 2), (2, 5), (4, 2), (2, 4), (3, 3), (1, 4)]
    ],
    ("convolve", lambda a, v: np.convolve(a, v), [(), (3,)], None),
    ("correlate", lambda a, v: np.correlate(a, v), [(4,), (2,)], None),
    ("polyval", np.polyval, [(4,), ()], None),
    ("polyval", np.polyval, [(4,), (2, 3)], None),
    ("polyval", np.polyval, [(1,), (3,)], None),
    ("vander", lambda x: np.vander(x), [(3,)], None),
    ("vander", lambda x: np.vander(x, 4), [(3,)], None),
    ("vander", lambda x: np.vander(x, N=2, increasing=True), [(3,)], None),
    ("vander", lambda x: np.vander(x, 1), [(3,)], None),
    ("cov", lambda x: np.cov(x), [(3, 5)], ()),
    ("cov", lambda x: np.cov(x, rowvar=False, bias=True), [(5, 3)], None),
    ("cov", lambda x: np.cov(x, ddof=0), [(5,)], None),
    ("cov", lambda x, y: np.cov(x, y), [(5,), (5,)], None),
    ("cov", lambda x, y: np.cov(x, y, False), [(5, 2), (5, 3)], None),
    ("corrcoef", lambda x: np.corrcoef(x), [(3, 5)], ()),
    ("corrcoef", lambda x, y: np.corrcoef(x, y), [(5,), (5,)], None),
    ("corrcoef", lambda x: np.corrcoef(x, rowvar=False), [(5, 1)], None),
]
try:
    planes(np.cross)([1, 0], [0, 1])
except ValueError:  # NumPy 2.5 has vectors of three components alone
    pass
else:
    ROWS += [
        ("cross", planes(np.cross), [(2,), (2,)], None),
        ("cross", planes(np.cross), [(4, 2), (2,)], None),
        ("cross", planes(np.cross), [(4, 2), (3,)], None),
        ("cross", planes(np.cross), [(3,), (4, 2)], None),
        ("cross", lambda *x: planes(np.cross)(*x, 0, 0, 0), [(2, 4, 3), (2, 3)], None),
        ("cross", lambda *x: planes(np.cross)(*x, 0, 0, 0), [(3, 4), (2, 4)], None),
    ]
if hasattr(np, "vecdot"):
    ROWS += [
        ("kron", np.kron, [(0, 2), (3,)], ()),  # NumPy 1 refuses
        ("vecdot", np.vecdot, [(3,), (3,)], ()),
        ("vecdot", np.vecdot, [(4, 1, 3), (2, 3)], ()),
        ("vecdot", lambda a, b: np.vecdot(a, b, axis=0), [(3, 2), (3, 4, 2)], None),
        ("vecdot", np.linalg.vecdot, [(2, 3), (3,)], ()),
        ("tensordot", lambda *x: np.linalg.tensordot(*x, axes=1), [(2, 3), (3,)], (1,)),
        ("matmul", np.linalg.matmul, [(2, 3), (3,)], ()),
    ]
if hasattr(np, "matvec"):
    ROWS += [
        ("matvec", np.matvec, [(2, 3), (3,)], None),
        ("matvec", np.matvec, [(4, 1, 2, 3), (5, 3)], None),
        ("vecmat", np.vecmat, [(2,), (2, 3)], None),
        ("vecmat", np.vecmat, [(5, 2), (4, 1, 2, 3)], None),
    ]
OPEN = [  # of x, (None, 2), and of y, (None,)
    ("tensordot", lambda x, y: np.tensordot(x, y, (0, 0))),
    ("dot", lambda x, y: np.dot(np.dot(y, x), np.dot(y, x))),
    ("inner", lambda x, y: np.inner(x, x)),
    ("outer", lambda x, y: np.outer(x, y)),
    ("vdot", lambda x, y: np.vdot(x, x)),
    ("kron", lambda x, y: np.kron(x, y)),
    (
        "cross",
        lambda x, y: np.cross(np.outer(y, [1, 2, 3]), np.outer(y * y, [3, 2, 1])),
    ),
    ("multi_dot", lambda x, y: np.linalg.multi_dot([y, x, x.T])),
    ("einsum", lambda x, y: np.einsum(x, [0, 1], y, [0], [1])),
    ("diff", lambda x, y: np.diff(x, axis=0, prepend=1.0, append=y[0])),
    ("ediff1d", lambda x, y: np.ediff1d(x, to_end=y)),
    ("gradient", lambda x, y: np.gradient(x, axis=0)),
    ("gradient", lambda x, y: np.gradient(x, np.arange(2.0), axis=1)),
    ("gradient", lambda x, y: np.gradient(x, y, axis=0)),
    ("trapezoid", lambda x, y: trapezoid(x, y, axis=0)),
    ("convolve", lambda x, y: np.convolve(y, x[:, 0], "same")),
    ("correlate", lambda x, y: np.correlate(y, x[:, 0], "full")),
    ("polyval", lambda x, y: np.polyval(y, x)),
    ("vander", lambda x, y: np.vander(y, 3)),
    ("vander", lambda x, y: np.vander(y)),
    ("cov", lambda x, y: np.cov(x, y, rowvar=False)),
    ("corrcoef", lambda x, y: np.corrcoef(x, y, rowvar=False)),
]


def rows():
    """Each row with its number, and arrays for its shapes."""
    for i, (name, function, shapes, options) in enumerate(ROWS):
        arrays = [numbers(shape, seed=k) for k, shape in enumerate(shapes)]
        yield {"i": i, "msg": name}, function, arrays, options


class TestProducts(GradientTest):
    def test_values_and_gradients(self):
        for place, function, arrays, _ in rows():
            with self.subTest(**place):
                self.assert_right(function, function, *arrays)

    def test_raw_operands(self):
        for place, function, arrays, _ in rows():
            with self.subTest(**place):
                y, expected, *_ = self.gradients(function, arrays)
                for i, gradient in enumerate(expected):
                    operands = [*arrays[:i], Value(arrays[i]), *arrays[i + 1 :]]
                    z, actual, *_ = self.gradients(function, operands)
                    self.assert_equal(z.data, y.data)
                    self.assert_close(actual[i], gradient, 1e-12)

    def test_dtypes(self):
        for place, function, arrays, _ in rows():
            with self.subTest(**place):
                for dtype in (np.float32, np.int64):
                    cast = [np.asarray(1000 * x).astype(dtype) for x in arrays]
                    y, gradients, *_ = self.gradients(function, cast)
                    expected = np.asarray(function(*cast))
                    self.assert_close(y.data, expected, 1e-5)
                    self.assertEqual(y.dtype, expected.dtype)
                    for x, gradient in zip(cast, gradients):
                        kind = np.float32 if dtype is np.float32 else np.float64
                        self.assertEqual(
                            (gradient.dtype, gradient.shape), (kind, x.shape)
                        )

    def test_numbers(self):
        for function in (np.dot, np.inner, np.outer, np.kron, np.vdot, np.convolve):
            a, b = Value(2.0), Value(3.0)
            y = function(a, b)
            y.backward()
            self.assert_equal(y.data, function(2.0, 3.0))
            self.assertEqual((a.grad, b.grad), (3.0, 2.0))
        self.assertEqual(np.polyval([1.0, 2.0], Value(3.0)).data, 5.0)

    def test_lists_of_values(self):
        a, b = Value(2.0), Value(3.0)
        product = lambda a, b: np.einsum("i,i", a, b)
        for function in (np.dot, np.inner, np.vdot, product):
            y = function([a, b], Value([4.0, 5.0]))
            y.backward()
            self.assertEqual((y.data, a.grad, b.grad), (23, 4, 5))

    def test_compiled(self):
        for place, function, arrays, _ in rows():
            with self.subTest(**place):
                y, expected, weighted, values = self.gradients(function, arrays)
                step = planes(compiled(weighted, y, wrt=values))
                self.assert_close(step()[1], y.data, 1e-12)
                for value, gradient in zip(values, expected):
                    self.assert_close(value.grad, gradient, 1e-12)

    def test_open_axes(self):
        x, y = Value(shape=(None, 2), name="x"), Value(shape=(None,), name="y")
        for i, (name, function) in enumerate(OPEN):
            with self.subTest(name, i=i):
                z = function(x, y)
                wrt = [lazy for lazy in (x, y) if depends(z, lazy)]
                step = compiled(z.sum(), z, wrt=wrt)
                for n in (3, 2, 5):
                    feed = {"x": numbers((n, 2), n), "y": np.sort(numbers(n, n + 1))}
                    expected = function(*feed.values())
                    self.assert_close(z.forward(**feed), expected, 1e-12)
                    z.backward(wrt=wrt)
                    fresh = {name: Value(data) for name, data in feed.items()}
                    function(fresh["x"], fresh["y"]).backward()
                    gradients = [lazy.grad for lazy in wrt]
                    for lazy, gradient in zip(wrt, gradients):
                        self.assert_close(gradient, fresh[lazy.name].grad, 1e-12)
                    self.assert_close(step(**feed)[1], expected, 1e-12)
                    for lazy, gradient in zip(wrt, gradients):
                        self.assert_close(lazy.grad, gradient, 1e-12)


def depends(y, lazy):
    """Whether the gradient leads there."""
    try:
        return compiled(y, wrt=lazy) is not None
    except ValueError:
        return False


class TestDetails(GradientTest):
    def test_numpys_tensordot_is_not_micrograds(self):
        from micrograd import tensordot

        a, b = numbers((2, 3, 4)), numbers((4, 3, 5), 1)
        self.assert_close(
            tensordot(Value(a), b, 2).data,
            np.tensordot(Value(a), b, ([2, 1], [0, 1])).data,
        )
        with self.assertRaisesRegex(ValueError, "shape-mismatch"):
            np.tensordot(Value(a), b, 2)

    def test_differences_of_booleans(self):
        mask = np.array([True, False, False, True])
        self.assert_equal(np.diff(Value(mask)).data, np.diff(mask))

    def test_several_axes_of_a_gradient(self):
        x = numbers((3, 4))
        parts = np.gradient(Value(x))
        self.assertEqual(type(parts), tuple)
        for part, expected in zip(parts, np.gradient(x)):
            self.assert_close(part.data, expected, 1e-12)

    def test_correlations_with_itself_and_with_what_is_constant(self):
        x = Value(numbers((1, 5)))
        y = np.corrcoef(x)
        self.assert_equal(y.data, 1)
        y.backward(wrt=x)
        self.assert_close(x.grad, np.zeros((1, 5)), 1e-12)
        with np.errstate(all="ignore"):
            self.assertTrue(np.isnan(np.corrcoef(Value(np.ones((2, 5)))).data).all())

    def test_errors(self):
        x = Value(numbers((2, 3)))
        for kind, words, call in [
            (ValueError, "tensordot.*shape-mismatch", lambda: np.tensordot(x, x, 1)),
            (ValueError, "@", lambda: np.dot(x, x)),
            (ValueError, "tensordot", lambda: np.dot(x, np.ones((2, 2, 2)))),
            (ValueError, "@", lambda: np.inner(x, np.ones(2))),
            (ValueError, "vdot", lambda: np.vdot(x, np.ones(5))),
            (ValueError, "cross", lambda: np.cross(x, np.ones(4))),
            (IndexError, "axis 2", lambda: np.cross(x, x, axis=2)),
            (IndexError, "axis 2", lambda: np.diff(x, axis=2)),
            (ValueError, "non-negative", lambda: np.diff(x, -1)),
            (IndexError, "axis 2", lambda: np.gradient(x, axis=2)),
            (ValueError, "two elements", lambda: np.gradient(x[:1])),
            (ValueError, "got 2 axes", lambda: np.gradient(x, x, axis=1)),
            (TypeError, "edge_order=1", lambda: np.gradient(x, edge_order=2)),
            (TypeError, "2 spacings, got 3", lambda: np.gradient(x, 1.0, 2.0, 3.0)),
            (IndexError, "axis 2", lambda: trapezoid(x, axis=2)),
            (ValueError, "empty", lambda: np.convolve(x[0], [])),
            (ValueError, "convolve", lambda: np.convolve(x, x)),
            (ValueError, "coefficients, got 2", lambda: np.polyval(x, 2.0)),
            (ValueError, "two axes, got 3", lambda: np.cov(x[None])),
            (TypeError, "fweights", lambda: np.cov(x, fweights=[1, 2, 3])),
            (ValueError, "0 to 51, got 52", lambda: np.einsum(x, [52, 0])),
            (ValueError, "0 to 51, got -1", lambda: np.einsum(x, [0, 1], [-1])),
            (ValueError, "einsum", lambda: np.einsum(x, [0])),
            (ValueError, "@", lambda: np.linalg.multi_dot([x, x])),
            (ValueError, "multi_dot", lambda: np.linalg.multi_dot([x, x, x])),
            (TypeError, "out", lambda: np.dot(x, x.T, out=np.ones((2, 2)))),
            (TypeError, "out", lambda: np.outer(x, x, out=np.ones((6, 6)))),
        ]:
            with self.subTest(words), self.assertRaisesRegex(kind, words):
                call()

    def test_methods(self):
        x = Value(numbers((2, 3)))
        self.assert_equal(x.dot(x.T).data, x.data.dot(x.data.T))
        batch = Value(numbers((4, 2, 3)))
        self.assert_equal(batch.mT.data, batch.data.swapaxes(1, 2))
        with self.assertRaises(ValueError):
            print(Value(np.ones(3)).mT)


@needs("torch")
class TestTorch(GradientTest):
    def test_rows(self):
        for place, function, arrays, options in rows():
            with self.subTest(**place):
                if options is None:
                    continue
                y, gradients, *_ = self.gradients(function, arrays)
                name = place["msg"]
                theirs = getattr(torch.linalg, name, None) or getattr(torch, name)
                tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
                z = theirs(*tensors, *options)
                self.assert_close(y.data, z.detach().numpy(), 1e-12)
                (z * torch.tensor(numbers(y.shape, seed=9))).sum().backward()
                for tensor, gradient in zip(tensors, gradients):
                    self.assert_close(gradient, tensor.grad.numpy(), 1e-10)


if __name__ == "__main__":
    unittest.main()
