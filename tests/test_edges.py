"""Every function of numbers, of nothing, of one element, of booleans and of uint8."""

import re
import unittest
import warnings

import numpy as np
from fuzz_cases import NAMES, PLAIN
from fuzz_draw import HANDLED
from testing import ValueTest, central_differences, numbers

from micrograd import Value, compiled, gradient
from micrograd.interface.logic import ANSWERS

DATA = {
    "number": 0.7,
    "0-d": np.array(0.7),
    "one": np.array([0.7]),
    "one by one": np.array([[0.7]]),
    "none": np.zeros(0),
    "no rows": np.zeros((0, 3)),
    "no columns": np.zeros((3, 0)),
    "integer": 2,
    "boolean": True,
    "booleans": np.array([True, False, True]),
    "matrix of booleans": np.eye(2) > 0,
    "uint8": np.array([1, 2, 200], np.uint8),
    "matrix of uint8": np.array([[1, 2], [4, 1]], np.uint8),
}
CALLS = """
np.sum(x, ()) | np.sum(x, 0) | np.sum(x, -1, keepdims=True) | np.sum(x) | x.sum(0)
np.mean(x, ()) | np.mean(x, 0) | np.mean(x, -1, keepdims=True) | np.mean(x)
np.max(x, ()) | np.max(x, 0) | np.max(x) | np.min(x, ()) | np.min(x, -1) | np.amin(x)
np.prod(x, ()) | np.prod(x, 0) | np.prod(x) | np.ptp(x, 0) | np.ptp(x) | np.amax(x, 0)
np.var(x, ()) | np.var(x, 0) | np.var(x, ddof=1) | np.std(x, ()) | np.std(x)
np.std(x, 0, ddof=1, keepdims=True) | np.average(x, ()) | np.average(x, 0)
np.average(x, weights=x + 1.0) | np.average(x, returned=True) | np.median(x)
np.median(x, ()) | np.median(x, 0) | np.median(x, (), keepdims=True)
np.quantile(x, 0.3) | np.quantile(x, [0.3, 0.7], 0) | np.quantile(x, 0.3, ())
np.quantile(x, []) | np.percentile(x, [30], -1, keepdims=True) | np.nansum(x, ())
np.nanmean(x, 0) | np.nanmax(x) | np.nanmin(x, 0) | np.nanmean(x) | np.cumsum(x)
np.cumsum(x, 0) | np.cumprod(x) | np.cumprod(x, -1) | np.sort(x) | np.sort(x, 0)
np.sort(x, None) | np.sort(np.partition(x, 0)) | np.argsort(x) | np.argsort(x, None)
np.argpartition(x, 0, None)[:1] | np.argmax(x) | np.argmin(x, 0) | np.nanargmax(x)
np.nanargmin(x, -1) | np.all(x, ()) | np.any(x, 0) | np.count_nonzero(x)
np.count_nonzero(x, 0) | np.argwhere(x) | np.flatnonzero(x) | np.nonzero(x)
np.isin(x, [1, 2]) | np.isclose(x, 1) | np.searchsorted([0, 1, 2], x)
np.searchsorted(x, [0.0, 1.0]) | np.digitize(x, [0, 1]) | np.digitize([0.5], x)
np.allclose(x, x) | np.shape(x)

np.ravel(x) | np.copy(x) | np.squeeze(x) | np.squeeze(x, ()) | np.squeeze(x, 0)
np.atleast_1d(x) | np.atleast_2d(x) | np.atleast_3d(x) | np.expand_dims(x, ())
np.expand_dims(x, 0) | np.transpose(x) | np.transpose(x, range(np.ndim(x)))
np.moveaxis(x, 0, -1) | np.moveaxis(x, (), ()) | np.rollaxis(x, 0)
np.swapaxes(x, 0, -1) | np.broadcast_to(x, (0, *np.shape(x))) | np.broadcast_arrays(x)
np.broadcast_arrays(x, np.ones((2, 1))) | np.flip(x) | np.flip(x, ()) | np.flip(x, 0)
np.fliplr(x) | np.flipud(x) | np.rot90(x) | np.roll(x, 1) | np.roll(x, 1, 0)
np.roll(x, (), ()) | np.tril(x) | np.triu(x) | np.diag(x) | np.diagflat(x)
np.diagonal(x) | np.trace(x) | np.reshape(x, -1) | np.reshape(x, ())
np.reshape(x, (1, -1)) | np.reshape(x, -1, order="F") | np.reshape(x, (np.size(x), 1))
np.delete(x, 0) | np.delete(x, 0, 0) | np.delete(x, []) | np.delete(x, slice(0, 1))
np.take(x, 0) | np.take(x, []) | np.take(x, [0, 0], 0)
np.take(x, [3, -4], mode="wrap") | np.take_along_axis(x, np.zeros(np.shape(x), int), 0)
np.compress([True], x) | np.take_along_axis(x, np.array([0, 0]), None)
np.compress([True], x, 0) | np.compress([], x) | np.repeat(x, 2) | np.repeat(x, 0)
np.repeat(x, 2, 0) | np.repeat(x, 0, -1) | np.repeat(x, [2] * np.size(x))
np.repeat(x, [2]) | np.tile(x, 2) | np.tile(x, 0) | np.tile(x, ()) | np.tile(x, (2, 1))
np.tile(x, (2, 0)) | np.split(x, 1) | np.split(x, []) | np.split(x, [0, 1])
np.split(x, [5, 9]) | np.array_split(x, 3) | np.hsplit(x, 1) | np.vsplit(x, 1)
np.dsplit(x, 1) | np.concatenate([x, x]) | np.concatenate([x], None) | np.concatenate(x)
np.stack(x) | np.stack([x, x], -1) | np.vstack([x, x]) | np.hstack([x, x])
np.dstack([x, x]) | np.column_stack([x, x]) | np.block(x) | np.block([[x], [x]])
np.append(x, x) | np.append(x, x, 0) | np.append(x, []) | np.insert(x, 0, x)
np.insert(x, 0, 5, 0) | np.insert(x, [], []) | np.insert([1.0, 2.0], 1, x)
np.pad(x, 0) | np.pad(x, 1, "edge") | np.pad(x, 1) | np.pad(x, 2, "wrap")
np.pad(x, 1, "reflect") | np.pad(x, 1, "symmetric") | np.select([x > 0], [x])
np.choose(np.zeros(np.shape(x), int), [x, x]) | np.choose(x, [1.0, 2.0, 3.0])
np.where(x, x, 2) | np.clip(x, 0, 1) | np.clip(x, None, x) | x[...] | x[()] | x[None]
x[x > 0] | x[0] | x[[]] | x[:0] | x[True] | x[False] | x[[True] * np.shape(x)[0]]
x[..., None, 0:1] | np.matrix_transpose(x) | np.zeros_like(x) | np.ones_like(x)
np.full_like(x, 3) | np.empty_like(x) * 0 | np.nan_to_num(x) | np.real(x) | np.imag(x)
np.round(x) | np.around(x, 1) | np.astype(x, "f8") | np.sinc(x) | np.fix(x) | np.ndim(x)
np.size(x) | np.array_equal(x, x) | np.meshgrid(x, x) | np.linspace(x, 2.0, 3)
np.linspace(0.0, x, 0) | np.linspace(x, x, 1, axis=-1)
np.linspace(0, x, 2, retstep=True) | np.maximum.accumulate(x)
np.add.accumulate(x, -1) | np.multiply.accumulate(x) | np.nanvar(x) | np.nanvar(x, ())
np.nanvar(x, 0) | np.nanstd(x) | np.nanstd(x, 0, ddof=1)
np.piecewise(x, [x > 0.5], [np.negative, 3]) | np.take_along_axis(x, x, 0)

np.dot(x, x) | np.dot(x, 2.5) | np.inner(x, x) | np.outer(x, x) | np.vdot(x, x) | x @ x
np.kron(x, x) | np.kron(x, [1.0, 2.0]) | np.cross(x, x) | np.tensordot(x, x, 0)
np.tensordot(x, x, np.ndim(x)) | np.tensordot(x, x, ([], [])) | np.einsum("...->...", x)
np.einsum("...,...", x, x) | np.einsum("...i->...", x) | np.einsum(x, [...])
np.linalg.multi_dot([x, x]) | np.linalg.multi_dot([x, x, x]) | np.vecdot(x, x)
np.matvec(x, x) | np.vecmat(x, x) | np.convolve(x, x) | np.convolve(x, [1, 2.0], "same")
np.convolve([1, 2.0], x, "valid") | np.correlate(x, x)
np.correlate(x, [1.0, 2], "full") | np.polyval(x, x) | np.polyval([1.0, 2.0], x)
np.polyval([], x) | np.vander(x) | np.vander(x, 0) | np.vander(x, 3, True)
np.interp(x, [0.0, 1, 2], [1.0, 3, 2]) | np.interp(0.3, x, x)
np.interp(x, [0.0, 1.0], [True, False]) | np.interp(x, [1.0], [2.0])
np.interp([0.3, 0.4], [0.0, 1.0, 2.0], x) | np.interp(x, [False, True], [1.0, 3.0])
np.diff(x) | np.diff(x, 0) | np.diff(x, 2) | np.diff(x, 9) | np.diff(x, 0, append=x)
np.diff(x, axis=0, prepend=0) | np.diff(x, append=x) | np.ediff1d(x)
np.ediff1d(x, to_end=x, to_begin=7) | np.gradient(x) | np.gradient(x, x)
np.trapezoid(x) | np.trapezoid(x, x) | np.trapezoid(x, axis=0) | np.trapz(x) | np.cov(x)
np.cov(x, x) | np.cov(x, ddof=0) | np.cov(x, rowvar=False) | np.corrcoef(x)
np.linalg.norm(x) | np.linalg.norm(x, 1) | np.linalg.norm(x, np.inf)
np.linalg.norm(x, axis=0) | np.linalg.norm(x, 3, -1) | np.linalg.norm(x, 0)
np.linalg.norm(x, "nuc") | np.linalg.norm(x, 2) | np.linalg.norm(x, -2, keepdims=True)
np.linalg.norm(x, -np.inf) | np.linalg.vector_norm(x) | np.linalg.matrix_norm(x)
np.linalg.inv(x) | np.linalg.det(x) | np.linalg.slogdet(x) | np.linalg.solve(x, x)
np.linalg.pinv(x) | np.linalg.cholesky(x) | np.linalg.eigh(x)[0] | np.linalg.eigvalsh(x)
np.linalg.svd(x, compute_uv=False) | np.linalg.svdvals(x) | np.linalg.qr(x)
np.linalg.matrix_power(x, 3) | np.linalg.matrix_power(x, 0) | np.linalg.diagonal(x)
np.linalg.trace(x) | np.linalg.cross(x, x) | np.linalg.outer(x, x)
np.linalg.matmul(x, x) | np.linalg.matrix_transpose(x) | np.linalg.tensordot(x, x)
np.linalg.vecdot(x, x)

-x | ~x | abs(x) | 1 - x | x & x | True ^ x | x == True | x < True | x + True
False * x | x**True | True**x | True / x | x % 2 | x // True | x**2 | x**0
divmod(x, 2) | x + [1.0] | x * np.True_ | x - np.array(True) | np.divmod(x, 2)
special.erf(x) | special.erfc(x) | special.expit(x) | special.logit(x) | special.entr(x)
special.gammaln(x) | special.digamma(x) | special.xlogy(x, 2) | special.xlog1py(x, 2)
special.logsumexp(x) | special.logsumexp(x, 0) | special.softmax(x)
special.softmax(x, 0) | special.log_softmax(x)
"""
FUNCTIONS = {  # NumPy's own, by their names
    f"{path}.{name}": function
    for path, module in (("np", np), ("np.linalg", np.linalg))
    for name, function in vars(module).items()
    if callable(function) and function in HANDLED
}
UFUNCS = {f: name for name, f in FUNCTIONS.items() if isinstance(f, np.ufunc)}
ARGUMENTS = {1: ["x"], 2: ["x, x", "x, 2", "True, x"]}  # by the number of operands
REFUSED = "copyto fill_diagonal place put put_along_axis putmask cond eig eigvals lstsq"
TEXTS = [x for line in CALLS.split("\n") for x in line.split(" | ") if x]
TEXTS += [f"{name}({x})" for f, name in UFUNCS.items() for x in ARGUMENTS[f.nin]]
IS_NUMPY_1 = np.__version__.startswith("1.")
ERRORS = (TypeError, ValueError, IndexError, np.linalg.LinAlgError)
OTHERWISE = r"polyval\(x"  # which NumPy takes, and the docs refuse


def several(y):
    """All results of a call, also of a nested tuple."""
    is_many = isinstance(y, (tuple, list))
    return [z for part in y for z in several(part)] if is_many else [y]


def result_of(text, x, names):
    """Of a call, and its error; it has to be of these kinds."""
    try:
        return several(eval(text, {**names, "x": x})), None
    except Exception as error:
        is_numpys = isinstance(error, ZeroDivisionError) and names is PLAIN
        if not is_numpys and not isinstance(error, ERRORS):
            raise
        return None, error


def is_missing(text):
    """Whether this NumPy lacks the function."""
    name = re.match(r"np\.(linalg\.)?(\w+)\(", text)
    return name and not hasattr(np.linalg if name[1] else np, name[2])


class TestEdges(ValueTest):
    def test_every_function_is_called(self):
        names = {name for name in FUNCTIONS if name.split(".")[-1] not in REFUSED}
        called = re.findall(r"np\.(?:linalg\.)?\w+", " ".join(TEXTS))
        same = {FUNCTIONS[name] for name in called if name in FUNCTIONS}
        missing = {name for name in names if FUNCTIONS[name] not in same}
        answers = {name for name in names if FUNCTIONS[name] in (*ANSWERS, np.can_cast)}
        self.assertEqual(missing - answers, set())

    def test_as_numpy(self):
        """Values, gradients, and the same by programs."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            for i, text in enumerate(TEXTS):
                if is_missing(text) or "special" in text and PLAIN["special"] is None:
                    continue
                if "to_begin=7" in text and np.__version__.startswith("1."):
                    continue  # which takes 7 for int64, and refuses to cast it
                for j, name in enumerate(DATA):
                    with self.subTest(text, data=name):
                        turn = (i + j) % 3  # as programs take most of the time
                        self.check(text, DATA[name], turn == 0, turn == 1)

    def check(self, text, data, has_program, has_expressions):
        plain = data if isinstance(data, np.ndarray) else np.asarray(data)[()]
        expected, refused = result_of(text, plain, PLAIN)
        if IS_NUMPY_1 and plain.ndim == 0:
            refused = True  # it has other results there, such as scalars for arrays
        if "softmax" in text and plain.dtype == "u1":
            refused = True  # SciPy's subtracts unsigned numbers, which wrap
        x = Value(data)
        results, error = result_of(text, x, NAMES)
        if error:
            if not refused and not re.search(OTHERWISE, text):
                raise error
            return
        if not refused:
            self.assertEqual(len(results), len(expected))
            for y, numpys in zip(results, expected):
                y = y.data if isinstance(y, Value) else y
                self.assert_close(y, numpys, 1e-2 if plain.dtype == "u1" else 1e-12)
        results = [y for y in results if isinstance(y, Value)]
        for y in results:
            self.assert_close(y.forward(), y.data, 0)
        weighted = [y for y in results if y.dtype.kind != "b" and depends(y, x)]
        weights = [numbers(np.shape(y), i) for i, y in enumerate(weighted)]
        totals = [(y * w).sum() for y, w in zip(weighted, weights)]
        if totals:
            results.insert(0, sum(totals[1:], totals[0]))
            results[0].backward(x)
            self.assertEqual(np.shape(x.grad), np.shape(data))
            if x.dtype == "f8" and np.size(x.data) == 1:
                self.assert_close(x.grad, self.differences(text, x.data, weights), 1e-5)
            if has_expressions:  # derivatives as expressions, and theirs
                first = gradient(results[0], x)
                self.assert_close(first.data, x.grad)
                self.assertEqual(gradient(first, x).shape, np.shape(data))
        if results and has_program:
            expected = x.grad
            program = compiled(*results, wrt=[x] if totals else [])
            for y, actual in zip(results, several(program())):
                self.assert_close(actual, y.data, 1e-12)
            if totals:
                self.assert_close(x.grad, expected)

    def differences(self, text, data, weights):
        """The gradient of the weighted sum of all results that have one."""

        def weighted_sum(data):
            parts, refused = result_of(text, data, PLAIN)
            if refused:  # NumPy takes less
                parts = [y.data for y in result_of(text, Value(data), NAMES)[0]]
            parts = [y for y in parts if np.result_type(y).kind != "b"]
            return sum([np.sum(y * w) for y, w in zip(parts, weights)])

        return central_differences(weighted_sum, [data])[0]


def depends(y, x):
    """Whether there is a gradient to have."""
    try:
        y.backward(x)
    except ValueError as error:
        if "does not depend" not in str(error):
            raise
        return False
    return True


if __name__ == "__main__":
    unittest.main()
