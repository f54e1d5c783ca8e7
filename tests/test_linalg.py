"""NumPy's linear algebra of Values, beside finite differences and PyTorch."""

import runpy
import tempfile
import unittest
from functools import partial
from pathlib import Path

import numpy as np

from micrograd import Value, compiled

try:
    import torch
except ImportError:
    torch = None

from testing import GradientTest, needs, numbers

INF = np.inf
L = torch and torch.linalg


def T(x):
    return x.swapaxes(-1, -2) if isinstance(x, np.ndarray) else x.mT


def positive(x):
    """A symmetric positive definite matrix, made of a square one."""
    return x @ T(x) + 0.5 * np.eye(x.shape[-1])


def fixed(u):
    """The columns with the sign that makes their sums positive, as no algorithm has."""
    sums = u.sum(axis=-2, keepdims=True)
    return u * (1 - 2 * (sums < 0))


def svd(x):
    return np.linalg.svd(x, full_matrices=False)


def rebuilt(x):
    """Of all factors, weighted by what depends on each of them."""
    u, s, vh = svd(x)
    return u * (s**2 + 1)[..., None, :] @ vh + 0.1 * s.sum()


def of_eigen(x, UPLO="L"):
    w, v = np.linalg.eigh(positive(x), UPLO)
    return v * (w**1.5)[..., None, :] @ T(v)


# The function, of Values and of arrays; shapes; PyTorch's, where it is another one.
ROWS = [
    *[
        (
            "norm",
            lambda x, o=o: np.linalg.norm(x, o),
            [(5,)],
            lambda x, o=o: L.norm(x, o),
        )
        for o in (None, 1, 2, 3, 2.5, 0.5, -1, INF, -INF)
    ],
    ("norm", lambda x: np.linalg.norm(x, 0), [(5,)], None),
    *[
        ("norm", lambda x, o=o: np.linalg.norm(x, o), [s], lambda x, o=o: L.norm(x, o))
        for o in (None, 1, 2, -1, -2, INF, -INF, "fro", "nuc")
        for s in [(3, 4), (4, 3)]
    ],
    *[
        (
            "norm",
            lambda x, o=o, axis=axis, k=k: np.linalg.norm(x, o, axis, k),
            [(2, 4, 3)],
            lambda x, o=o, axis=axis, k=k: L.norm(x, o, axis, k),
        )
        for o in (None, 1, 2, INF, -INF)
        for axis in (1, -1, (0, 2), (-1, 1))
        for k in (False, True)
    ],
    ("norm", lambda x: np.linalg.norm(x), [(2, 4, 3)], lambda x: x.norm()),
    ("norm", lambda x: np.linalg.norm(x, keepdims=True), [(2, 3)], None),
    ("norm", lambda x: np.linalg.norm(x, "nuc", axis=(2, 0)), [(2, 4, 3)], None),
    ("inv", np.linalg.inv, [(3, 3)], "inv"),
    ("inv", np.linalg.inv, [(2, 4, 3, 3)], "inv"),
    ("solve", np.linalg.solve, [(3, 3), (3,)], "solve"),
    ("solve", np.linalg.solve, [(3, 3), (3, 2)], "solve"),
    ("solve", np.linalg.solve, [(2, 3, 3), (2, 3, 4)], "solve"),
    ("solve", np.linalg.solve, [(3, 3), (2, 3, 4)], None),
    ("pinv", np.linalg.pinv, [(3, 3)], "pinv"),
    ("pinv", lambda x: np.linalg.pinv(x, 1e-10), [(4, 3)], "pinv"),
    ("pinv", np.linalg.pinv, [(2, 3, 4)], "pinv"),
    ("det", np.linalg.det, [(3, 3)], "det"),
    ("det", np.linalg.det, [(2, 4, 4)], "det"),
    ("slogdet", lambda x: np.linalg.slogdet(x)[1], [(3, 3)], "logdet"),
    ("slogdet", lambda x: np.linalg.slogdet(x)[1], [(2, 4, 4)], None),
    *[
        ("power", lambda x, n=n: np.linalg.matrix_power(x, n), [(2, 3, 3)], None)
        for n in (-3, -1, 0, 1, 2, 5)
    ],
    ("cholesky", lambda x: np.linalg.cholesky(positive(x)), [(3, 3)], None),
    ("cholesky", lambda x: np.linalg.cholesky(positive(x)), [(2, 4, 4)], None),
    ("eigvalsh", lambda x: np.linalg.eigvalsh(x + T(x)), [(3, 3)], None),
    ("eigvalsh", lambda x: np.linalg.eigvalsh(x + T(x), UPLO="U"), [(2, 3, 3)], None),
    ("eigh", of_eigen, [(3, 3)], None),
    ("eigh", lambda x: of_eigen(x, "U"), [(2, 3, 3)], None),
    ("eigh", of_eigen, [(2, 1, 3, 3)], None),
    ("eigh", lambda x: fixed(np.linalg.eigh(positive(x))[1]), [(4, 4)], None),
    *[("svd", rebuilt, [s], None) for s in [(3, 3), (4, 3), (3, 4), (2, 4, 3)]],
    *[
        ("svd", lambda x: fixed(svd(x)[0]), [s], None)
        for s in [(3, 3), (4, 3), (3, 4), (2, 4, 3)]
    ],
    *[
        ("svd", lambda x: fixed(T(svd(x)[2])), [s], None)
        for s in [(3, 3), (4, 3), (3, 4)]
    ],
    ("svd", lambda x: np.linalg.svd(x, compute_uv=False), [(4, 3)], "svdvals"),
    ("svd", lambda x: np.linalg.svd(x, True, False), [(2, 3, 4)], "svdvals"),
    ("svd", lambda x: np.linalg.svd(x)[0] ** 2, [(3, 3)], None),
    *[
        ("qr", lambda x, i=i: np.linalg.qr(x)[i], [s], lambda x, i=i: L.qr(x)[i])
        for s in [(3, 3), (4, 3), (2, 4, 3)]
        for i in (0, 1)
    ],
    ("qr", lambda x: np.linalg.qr(x)[0], [(3, 5)], None),
    ("qr", lambda x: np.linalg.qr(x, "r"), [(3, 5)], None),
    ("qr", lambda x: np.linalg.qr(x, "r"), [(2, 3, 4)], None),
]
if hasattr(np, "matrix_transpose"):  # NumPy 2
    ROWS += [
        ("solve", np.linalg.solve, [(2, 3, 3), (3,)], "solve"),
        ("solve", np.linalg.solve, [(2, 3, 3), (3, 4)], "solve"),
        ("pinv", lambda x: np.linalg.pinv(x, rtol=1e-10), [(4, 3)], "pinv"),
        (
            "cholesky",
            lambda x: np.linalg.cholesky(positive(x), upper=True),
            [(3, 3)],
            None,
        ),
        ("svdvals", np.linalg.svdvals, [(4, 3)], "svdvals"),
        ("matrix_transpose", np.matrix_transpose, [(2, 3, 4)], None),
        ("matrix_transpose", np.linalg.matrix_transpose, [(3, 4)], None),
        ("diagonal", np.linalg.diagonal, [(2, 3, 4)], None),
        ("diagonal", lambda x: np.linalg.diagonal(x, offset=2), [(3, 4)], None),
        ("diagonal", lambda x: np.linalg.diagonal(x, offset=-1), [(2, 3, 3)], None),
        ("trace", np.linalg.trace, [(2, 3, 4)], None),
        ("trace", lambda x: np.linalg.trace(x, offset=1), [(3, 4)], None),
        ("matrix_norm", np.linalg.matrix_norm, [(2, 3, 4)], "matrix_norm"),
        ("matrix_norm", lambda x: np.linalg.matrix_norm(x, ord=1), [(2, 3, 4)], None),
        ("vector_norm", np.linalg.vector_norm, [(2, 3, 4)], "vector_norm"),
        (
            "vector_norm",
            lambda x: np.linalg.vector_norm(x, axis=1, ord=3),
            [(2, 3)],
            None,
        ),
        ("cross", np.linalg.cross, [(2, 3), (3,)], None),
        ("cross", lambda *x: np.linalg.cross(*x, axis=0), [(3, 2), (3, 2)], None),
        ("outer", np.linalg.outer, [(2,), (3,)], None),
        ("matmul", np.linalg.matmul, [(2, 3), (3,)], None),
        ("tensordot", np.linalg.tensordot, [(2, 3, 4), (3, 4)], None),
        (
            "tensordot",
            lambda a, b: np.linalg.tensordot(a, b, axes=1),
            [(2, 3), (3,)],
            None,
        ),
        ("vecdot", np.linalg.vecdot, [(2, 3), (3,)], None),
    ]
OPEN = [  # of x, (None, 2), with as many rows as columns at least
    ("norm", lambda x: np.linalg.norm(x, axis=0)),
    ("norm of a matrix", lambda x: np.linalg.norm(x, 2)),
    ("inv", lambda x: np.linalg.inv(x.T @ x)),
    ("solve", lambda x: np.linalg.solve(x @ x.T + 0.1 * (x @ x.T) ** 2, x)),
    ("pinv", lambda x: np.linalg.pinv(x)),
    ("det", lambda x: np.linalg.det(x.T @ x)),
    ("slogdet", lambda x: np.linalg.slogdet(x.T @ x)[1]),
    ("power", lambda x: np.linalg.matrix_power(x @ x.T, 3)),
    ("cholesky", lambda x: np.linalg.cholesky(np.exp(-((x[:, :1] - x[:, 0]) ** 2)))),
    ("eigh", lambda x: np.linalg.eigh(np.exp(-((x[:, :1] - x[:, 0]) ** 2)))[0]),
    ("svd", lambda x: svd(x)[0] @ svd(x)[2]),
    ("qr", lambda x: np.linalg.qr(x)[0]),
]


def rows():
    """Each row with its number, and arrays for its shapes."""
    for i, (name, function, shapes, theirs) in enumerate(ROWS):
        arrays = [numbers(shape, seed=k + 3) - 1 for k, shape in enumerate(shapes)]
        yield {"i": i, "msg": name}, function, arrays, theirs


class TestLinalg(GradientTest):
    def test_values_and_gradients(self):
        for place, function, arrays, _ in rows():
            with self.subTest(**place):
                self.assert_right(function, function, *arrays)

    def test_dtypes(self):
        for place, function, arrays, _ in rows():
            with self.subTest(**place):
                cast = [x.astype(np.float32) for x in arrays]
                y, gradients, *_ = self.gradients(function, cast)
                expected, exact, *_ = self.gradients(function, arrays)
                self.assert_close(y.data, expected.data, 1e-3)
                if function not in (of_eigen, rebuilt):
                    self.assertEqual(y.dtype, np.asarray(function(*cast)).dtype)
                for gradient, expected in zip(gradients, exact):
                    self.assertEqual(gradient.dtype, np.float32)
                    self.assert_close(gradient, expected, 2e-2)

    def test_integers(self):
        x = np.array([[2, 1], [1, 3]])
        for function in (
            np.linalg.norm,
            np.linalg.inv,
            np.linalg.det,
            np.linalg.pinv,
            np.linalg.cholesky,
            np.linalg.eigvalsh,
            lambda x: np.linalg.norm(x, 1),
            lambda x: np.linalg.norm(x, 3, axis=0),
            lambda x: np.linalg.norm(x, "nuc"),
            lambda x: np.linalg.solve(x, [1, 2]),
            lambda x: np.linalg.matrix_power(x, 3),
            lambda x: np.linalg.matrix_power(x, -3),
            lambda x: np.linalg.matrix_power(x, 0),
            lambda x: np.linalg.qr(x)[1],
        ):
            y, (gradient,), *_ = self.gradients(function, [x])
            _, (expected,), *_ = self.gradients(function, [x * 1.0])
            self.assertEqual(y.dtype, function(x).dtype)
            self.assert_close(y.data, function(x), 1e-12)
            self.assertEqual(gradient.dtype, np.float64)
            self.assert_close(gradient, expected, 1e-12)

    def test_raw_operands(self):
        a, b = numbers((3, 3)), numbers(3, 1)
        x = np.linalg.solve(a, Value(b))
        self.assert_equal(x.data, np.linalg.solve(a, b))
        x.sum().backward()
        x = np.linalg.solve(Value(a), b.tolist())
        x.sum().backward()
        self.assert_equal(x.data, np.linalg.solve(a, b))
        number = Value(-3.0)
        y = np.linalg.norm(number)
        y.backward()
        self.assertEqual((y.data, number.grad), (3, -1))

    def test_compiled(self):
        for place, function, arrays, _ in rows():
            with self.subTest(**place):
                y, expected, weighted, values = self.gradients(function, arrays)
                step = compiled(weighted, y, wrt=values)
                self.assert_close(step()[1], y.data, 1e-12)
                for value, gradient in zip(values, expected):
                    self.assert_close(value.grad, gradient, 1e-12)

    def test_saved(self):
        """A program's file calls np.linalg, and needs nothing else."""
        a = Value(positive(numbers((3, 3))))
        b = Value(shape=(None, 3), name="b")
        linalg = np.linalg.cholesky(a) @ b.T  # named as NumPy's module is
        y = np.linalg.norm(np.linalg.solve(a, linalg) + np.linalg.inv(a) @ b.T)
        step = compiled(y, wrt={"linalg": a})
        data = numbers((2, 3))
        with tempfile.TemporaryDirectory() as folder:
            step.save(Path(folder) / "program.py")
            names = runpy.run_path(str(Path(folder) / "program.py"))
        result, (by_a,) = names["step"](data, a.data)
        self.assert_close(result, step(b=data), 1e-12)
        self.assert_close(by_a, a.grad, 1e-12)

    def test_open_axes(self):
        for name, function in OPEN:
            with self.subTest(name):
                x = Value(shape=(None, 2), name="x")
                y = function(x)
                step = compiled(y.sum(), y, wrt=x)
                for n in (3, 2, 5):
                    data = numbers((n, 2), n)
                    if name in ("solve", "power"):
                        data = data + np.arange(n)[:, None]
                    fresh = Value(data)
                    expected = function(fresh)
                    expected.backward()
                    self.assert_close(y.forward(x=data), expected.data, 1e-9)
                    y.backward()
                    self.assert_close(x.grad, fresh.grad, 1e-9)
                    self.assert_close(step(x=data)[1], expected.data, 1e-9)
                    self.assert_close(x.grad, fresh.grad, 1e-9)

    def test_empty(self):
        for shape in [(0, 0), (2, 0, 0), (0, 3, 3)]:
            for function in (
                np.linalg.inv,
                np.linalg.pinv,
                np.linalg.det,
                np.linalg.cholesky,
                np.linalg.eigvalsh,
                lambda x: np.linalg.slogdet(x)[1],
                lambda x: np.linalg.eigh(x)[1],
                lambda x: svd(x)[0],
                lambda x: np.linalg.svd(x, compute_uv=False),
                lambda x: np.linalg.qr(x)[1],
                lambda x: np.linalg.matrix_power(x, 2),
                lambda x: np.linalg.norm(x, axis=-1),
                lambda x: np.linalg.solve(x, x),
            ):
                x = np.ones(shape)
                y, (gradient,), *_ = self.gradients(function, [x])
                self.assert_equal(y.data, function(x))
                self.assert_equal(gradient, x)


class TestEdges(GradientTest):
    def gradient(self, function, x):
        x = Value(np.array(x))
        y = function(x)
        y.backward()
        return x.grad

    def test_norms_where_they_are_not_smooth(self):
        zero, norm = np.zeros((2, 3)), np.linalg.norm
        for order in (None, 1, 2, -1, -2, INF, "fro", "nuc"):
            function = partial(norm, ord=order)
            self.assert_equal(self.gradient(function, zero), zero)
        for order in (0.5, 1, 2, 3, 0):
            function = partial(norm, ord=order)
            self.assert_equal(self.gradient(function, zero[0]), zero[0])
        halves = self.gradient(lambda x: norm(x, INF), [3.0, -3.0, 1.0])
        self.assert_equal(halves, [0.5, -0.5, 0])
        rows = self.gradient(lambda x: norm(x, INF), [[1.0, -2.0], [3.0, 0.0]])
        self.assert_equal(rows, [[0.5, -0.5], [0.5, 0]])
        self.assert_close(self.gradient(lambda x: norm(x, 2), np.eye(2)), np.eye(2) / 2)
        for p in (0.5, 1.5, 3):
            by_x = self.gradient(partial(norm, ord=p), [0.0, 2.0])
            self.assert_close(by_x, [0, 1], 1e-12)

    def test_determinants_of_singular_matrices(self):
        x = np.array([[1.0, 2.0], [2.0, 4.0]])
        self.assert_close(self.gradient(np.linalg.det, x), [[4, -2], [-2, 1]], 1e-12)
        x = np.array([np.diag([1.0, 2.0, 0.0]), np.diag([3.0, 2.0, -1.0])])
        expected = [np.diag([0.0, 0.0, 2.0]), np.diag([-2.0, -3.0, 6.0])]
        self.assert_close(self.gradient(np.linalg.det, x), expected, 1e-12)
        self.assert_equal(
            self.gradient(np.linalg.det, np.zeros((3, 3))), np.zeros((3, 3))
        )
        v = Value(shape=(3, 3), name="v")
        y = np.linalg.det(v)
        step = compiled(y, wrt=v)
        for data in (numbers((3, 3)), np.diag([1.0, 2.0, 0.0]), numbers((3, 3), 1)):
            y.forward(v=data)
            y.backward()
            expected = v.grad
            step(v=data)
            self.assert_close(v.grad, expected, 1e-12)

    def test_null_spaces_of_singular_matrices(self):
        """Of square ones all vectors are there: nothing is divided by what is 0."""
        x = numbers((3, 3))
        x[2] = x[0] + x[1]
        for function in (
            lambda x: svd(x)[0][:, 2:] @ T(svd(x)[0][:, 2:]),
            lambda x: T(svd(x)[2][2:]) @ svd(x)[2][2:],
        ):
            self.assert_right(function, function, x)

    def test_equal_eigenvalues_and_singular_values(self):
        """Their sums are smooth; single vectors are not, and inf or nan says so."""
        eye = np.eye(3)
        by_x = self.gradient(lambda x: np.linalg.eigvalsh(x).sum(), eye)
        self.assert_close(by_x, eye, 1e-12)
        by_x = self.gradient(lambda x: np.linalg.svd(x, compute_uv=False).sum(), eye)
        self.assert_close(by_x, eye, 1e-12)
        with np.errstate(all="ignore"):
            by_x = self.gradient(lambda x: np.linalg.eigh(x)[1][0], eye)
        self.assertFalse(np.isfinite(by_x).all())

    def test_gradients_of_symmetric_matrices_are_symmetric(self):
        x = positive(numbers((3, 3)))
        for function in (
            np.linalg.cholesky,
            np.linalg.eigvalsh,
            lambda x: np.linalg.eigh(x)[1],
            lambda x: np.linalg.eigh(x, "U")[1],
        ):
            _, (by_x,), *_ = self.gradients(function, [x])
            self.assert_close(by_x, by_x.T, 1e-12)

    def test_sign_of_a_determinant_has_no_gradient(self):
        x = Value(-numbers((3, 3)))
        sign, log = np.linalg.slogdet(x)
        expected = np.linalg.slogdet(x.data)
        self.assertEqual((sign.data, log.data), tuple(expected))
        sign.backward()
        self.assert_equal(x.grad, np.zeros((3, 3)))
        _, log = np.linalg.slogdet(Value(np.ones((2, 2))))
        self.assertEqual(log.data, -INF)
        with self.assertRaisesRegex(np.linalg.LinAlgError, "slogdet.*Singular"):
            log.backward()

    def test_before_it_is_fed(self):
        """All nan, also where NumPy refuses nan; its other errors come through."""
        for function in (
            np.linalg.eigvalsh,
            np.linalg.cholesky,
            np.linalg.det,
            np.linalg.pinv,
            np.linalg.svd,
            lambda x: np.linalg.svd(x, compute_uv=False),
            lambda x: np.linalg.norm(x, 2),
            lambda x: np.linalg.norm(x, "nuc", axis=(1, 0)),
        ):
            x = Value(shape=(3, 3), name="x")
            y = function(x)
            y = y[0] if isinstance(y, tuple) else y
            expected = function(np.eye(3))
            expected = expected[0] if isinstance(expected, tuple) else expected
            self.assertEqual(y.shape, np.shape(expected))
            self.assertTrue(
                np.isnan(np.diagonal(y.data) if y.ndim > 1 else y.data).all()
            )
            with self.assertWarns(UserWarning):
                y.backward()
            data, unknown = positive(numbers((3, 3))), np.full((3, 3), np.nan)
            step = compiled(y, wrt=x)
            for fed in (data, data, unknown, data):
                self.assert_close(step(x=fed), y.forward(x=fed), 1e-12)

    def test_named_results(self):
        x = Value(positive(numbers((3, 3))))
        self.assertEqual(np.linalg.eigh(x).eigenvalues.shape, (3,))
        self.assertEqual(np.linalg.eigh(x).eigenvectors.shape, (3, 3))
        self.assertEqual(np.linalg.svd(x).Vh.shape, (3, 3))
        self.assertEqual(np.linalg.qr(x).R.shape, (3, 3))
        self.assertEqual(np.linalg.slogdet(x).sign.data, 1)

    def test_one_decomposition(self):
        """Forward once for all results, backward once."""
        x = Value(numbers((4, 4)))
        u, s, vh = np.linalg.svd(x)
        operators = {y for part in (u, s, vh) for y in (part, *part.parents)}
        self.assertEqual(sum(y.op == "svd" for y in operators), 1)

    def test_errors(self):
        x, wide = Value(numbers((3, 3))), Value(numbers((2, 3)))
        wrong = np.linalg.LinAlgError
        for kind, words, call in [
            (wrong, "inv.*Singular", lambda: np.linalg.inv(x * 0)),
            (wrong, "solve.*Singular", lambda: np.linalg.solve(x * 0, x)),
            (wrong, "positive definite", lambda: np.linalg.cholesky(-positive(x))),
            (wrong, "square", lambda: np.linalg.inv(wide)),
            (wrong, "square", lambda: np.linalg.det(wide)),
            (wrong, "square", lambda: np.linalg.slogdet(wide)),
            (wrong, "square", lambda: np.linalg.cholesky(wide)),
            (wrong, "square", lambda: np.linalg.eigh(wide)),
            (wrong, "square", lambda: np.linalg.matrix_power(wide, 2)),
            (wrong, "two-dimensional", lambda: np.linalg.inv(x[0])),
            (wrong, "two-dimensional", lambda: np.linalg.svd(x[0])),
            (wrong, "two-dimensional", lambda: np.linalg.pinv(x[0])),
            (ValueError, "solve", lambda: np.linalg.solve(x, wide)),
            (ValueError, "UPLO", lambda: np.linalg.eigh(x, "x")),
            (ValueError, "norm order", lambda: np.linalg.norm(x, "p")),
            (ValueError, "norm order", lambda: np.linalg.norm(x, 3)),
            (ValueError, "norm", lambda: np.linalg.norm(x[0], "nuc")),
            (ValueError, "norm", lambda: np.linalg.norm(x[None], 1)),
            (IndexError, "axis 2", lambda: np.linalg.norm(x, axis=2)),
            (TypeError, "integer", lambda: np.linalg.matrix_power(x, 1.5)),
            (ValueError, "full_matrices=False, as 2 x 3", lambda: np.linalg.svd(wide)),
            (TypeError, "hermitian", lambda: np.linalg.svd(x, hermitian=True)),
            (TypeError, "hermitian", lambda: np.linalg.pinv(x, hermitian=True)),
            (TypeError, "'r', got 'complete'", lambda: np.linalg.qr(x, "complete")),
            (TypeError, "lstsq.*pinv", lambda: np.linalg.lstsq(x, x)),
            (TypeError, "eig.*eigh", lambda: np.linalg.eig(x)),
            (TypeError, "eigvals.*eigvalsh", lambda: np.linalg.eigvals(x)),
            (TypeError, "cond.*norm", lambda: np.linalg.cond(x)),
        ]:
            with self.subTest(words), self.assertRaisesRegex(kind, words):
                call()

    @unittest.skipUnless(hasattr(np, "matrix_transpose"), "NumPy 1 has not these")
    def test_errors_of_numpy_2(self):
        x = Value(numbers((2, 3)))
        for kind, words, call in [
            (ValueError, "matrices, got 1", lambda: np.linalg.matrix_transpose(x[0])),
            (TypeError, "one axis", lambda: np.linalg.vector_norm(x, axis=(0, 1))),
            (TypeError, "one axis", lambda: np.linalg.vector_norm(x, keepdims=True)),
        ]:
            with self.subTest(words), self.assertRaisesRegex(kind, words):
                call()


@needs("torch")
class TestTorch(GradientTest):
    def compare(self, ours, theirs, arrays):
        y, gradients, *_ = self.gradients(ours, arrays)
        tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
        z = theirs(*tensors)
        self.assert_close(y.data, z.detach().numpy(), 1e-10)
        (z * torch.tensor(numbers(np.shape(y.data), seed=9))).sum().backward()
        return zip(gradients, [x.grad.numpy() for x in tensors])

    def test_rows(self):
        for place, function, arrays, theirs in rows():
            with self.subTest(**place):
                if theirs is None:
                    continue
                if theirs == "logdet":
                    theirs = lambda x: L.slogdet(x)[1]
                if isinstance(theirs, str):
                    theirs = getattr(L, theirs)
                for ours, other in self.compare(function, theirs, arrays):
                    self.assert_close(ours, other, 1e-9)

    def test_symmetric(self):
        """PyTorch's gradients of eigenvectors are not, and are made so."""
        x = positive(numbers((2, 4, 4)))
        for ours, theirs in [
            (np.linalg.cholesky, lambda x: L.cholesky(x)),
            (np.linalg.eigvalsh, lambda x: L.eigvalsh(x)),
            (
                lambda x: fixed(np.linalg.eigh(x)[1]) ** 2,
                lambda x: L.eigh(x)[1] ** 2,
            ),
        ]:
            for by_x, other in self.compare(ours, theirs, [x]):
                self.assert_close(by_x, (other + T(other)) / 2, 1e-9)

    def test_svd(self):
        for shape in [(4, 4), (5, 3), (3, 5), (2, 5, 3)]:
            x = numbers(shape)
            for part in range(3):
                ours = lambda x, part=part: svd(x)[part] ** 2
                theirs = lambda x, part=part: L.svd(x, full_matrices=False)[part] ** 2
                for by_x, other in self.compare(ours, theirs, [x]):
                    self.assert_close(by_x, other, 1e-8)


if __name__ == "__main__":
    unittest.main()
