"""Reductions, running sums and order: NumPy's functions, and their gradients."""

import inspect
import unittest
import warnings

import numpy as np
from testing import FunctionTest, central_differences, needs, numbers, parts_of

from micrograd import Value

try:
    import torch
except ImportError:
    torch = None

ALONG = {  # functions along axes, or of all elements, and PyTorch's
    "prod": (np.prod, lambda x, *axis: x.prod(*axis)),
    "var": (np.var, lambda x, *axis: x.var(*axis, correction=0)),
    "std": (np.std, lambda x, *axis: x.std(*axis, correction=0)),
    "ptp": (np.ptp, lambda x, *axis: x.amax(*axis) - x.amin(*axis)),
    "median": (np.median, lambda x, *axis: x.quantile(0.5, *axis)),
    "average": (np.average, lambda x, *axis: x.mean(*axis)),
    "nansum": (np.nansum, lambda x, *axis: x.nansum(*axis)),
    "nanmean": (np.nanmean, lambda x, *axis: x.nanmean(*axis)),
    "nanvar": (np.nanvar, lambda x, *axis: x.var(*axis, correction=0)),
    "nanstd": (np.nanstd, lambda x, *axis: x.std(*axis, correction=0)),
    "nanmax": (np.nanmax, lambda x, *axis: x.amax(*axis)),
    "nanmin": (np.nanmin, lambda x, *axis: x.amin(*axis)),
}
ROWS = {  # others of x alone: of Values and of arrays, their shape, of tensors
    "prod, method": (lambda x: x.prod(0, keepdims=True), (2, 3), None),
    "cumsum": (np.cumsum, (2, 3), lambda x: x.ravel().cumsum(0)),
    "cumsum along an axis": (lambda x: x.cumsum(1), (2, 3), lambda x: x.cumsum(1)),
    "cumsum from the end": (lambda x: np.cumsum(x, axis=-2), (2, 3, 2), None),
    "cumprod": (np.cumprod, (2, 3), lambda x: x.ravel().cumprod(0)),
    "cumprod along an axis": (lambda x: x.cumprod(0), (3, 2), lambda x: x.cumprod(0)),
    "maximum.accumulate": (
        np.maximum.accumulate,
        (4, 2),
        lambda x: x.cummax(0)[0],
    ),
    "minimum.accumulate": (
        lambda x: np.minimum.accumulate(x, axis=-1),
        (2, 4),
        lambda x: x.cummin(-1)[0],
    ),
    "logaddexp.accumulate": (
        lambda x: np.logaddexp.accumulate(x, 1),
        (2, 4),
        lambda x: x.logcumsumexp(1),
    ),
    "add.accumulate": (np.add.accumulate, (3, 2), lambda x: x.cumsum(0)),
    "multiply.accumulate": (
        lambda x: np.multiply.accumulate(x, axis=1),
        (2, 3),
        lambda x: x.cumprod(1),
    ),
    "nanvar with ddof": (lambda x: np.nanvar(x, 0, ddof=1), (3, 2), None),
    "nanstd with ddof": (
        lambda x: np.nanstd(x, axis=1, ddof=0.5, keepdims=True),
        (2, 3),
        None,
    ),
    "var with ddof": (
        lambda x: x.var(axis=1, ddof=1),
        (2, 3),
        lambda x: x.var(1, correction=1),
    ),
    "std with ddof": (
        lambda x: x.std(ddof=1, keepdims=True),
        (2, 3),
        lambda x: x.std((0, 1), correction=1, keepdim=True),
    ),
    "var with a broken ddof": (
        lambda x: np.var(x, 0, ddof=0.5),
        (3, 2),
        lambda x: x.var(0, correction=0.5),
    ),
    "ptp, method": (
        lambda x: Value.ptp(x, 1) if isinstance(x, Value) else np.ptp(x, 1),
        (2, 3),
        None,
    ),
    "trace": (np.trace, (3, 4), lambda x: x[:, :3].trace()),
    "trace of a batch": (lambda x: x.trace(1, -1, 0), (3, 2, 4), None),
    "sort": (np.sort, (3, 4), lambda x: x.sort()[0]),
    "sort along an axis": (
        lambda x: np.sort(x, axis=0),
        (3, 2),
        lambda x: x.sort(0)[0],
    ),
    "sort all": (lambda x: np.sort(x, None, kind="mergesort"), (2, 3), None),
    "median of an even number": (np.median, (4,), None),
    "quantile": (lambda x: np.quantile(x, 0.3), (2, 3), lambda x: x.quantile(0.3)),
    "quantiles": (
        lambda x: np.quantile(x, [0, 0.25, 1], axis=0),
        (5, 2),
        lambda x: x.quantile(torch.tensor([0, 0.25, 1]).double(), 0),
    ),
    "table of quantiles": (
        lambda x: np.quantile(x, [[0.1, 0.7]], axis=(-1, 0), keepdims=True),
        (2, 3, 2),
        None,
    ),
    "percentile": (lambda x: np.percentile(x, 90, axis=-1), (2, 4), None),
    "percentiles": (lambda x: np.percentile(x, [1, 50.0]), (2, 4), None),
}
WEIGHTED = {  # of x and of weights
    "of the same shape": (lambda x, w: np.average(x, weights=w), (2, 3), (2, 3)),
    "along an axis": (lambda x, w: np.average(x, 1, weights=w), (2, 3), (3,)),
    "along the first axis": (lambda x, w: np.average(x, -3, w), (2, 3, 4), (2,)),
    "with keepdims": (
        lambda x, w: np.average(x, axis=0, weights=w, keepdims=True),
        (2, 3),
        (2, 3),
    ),
    "along axes": (lambda x, w: np.average(x, (0, 2), w), (2, 3, 2), (2, 3, 2)),
    "returned": (lambda x, w: np.average(x, 1, w, returned=True), (2, 3), (3,)),
    "returned, unweighted": (
        lambda x, w: np.average(x * w, 0, returned=True),
        (2, 3),
        (3,),
    ),
}
OPEN = {  # of x of shape (n, 3), or of two, for any n
    **{name: function for name, (function, _) in ALONG.items()},
    "prod along": lambda x: x.prod(0),
    "cumsum": np.cumsum,
    "cumprod": lambda x: x.cumprod(0),
    "var": lambda x: x.var(0, ddof=0.5),
    "std": lambda x: x.std(0, keepdims=True) * x,
    "median along": lambda x: np.median(x, 0),
    "quantile": lambda x: np.quantile(x, [0.2, 0.9], 0),
    "sort": lambda x: np.sort(x, 0),
    "trace": np.trace,
    "maximum.accumulate": lambda x: np.maximum.accumulate(x),
    "logaddexp.accumulate": lambda x: np.logaddexp.accumulate(x),
    "nanstd along": lambda x: np.nanstd(x, 0),
    "average": lambda x, y: np.average(x, 0, y[:, 0], returned=True),
    "average, unweighted": lambda x: np.average(x, 0, returned=True),
    "nanmean along": lambda x: np.nanmean(x, 0),
    "nansum along": lambda x: np.nansum(x, 0),
}
HAS_KEEPDIMS = "keepdims" in inspect.signature(np.average).parameters
if not HAS_KEEPDIMS:  # before NumPy 1.23
    del WEIGHTED["with keepdims"]
SHAPES = [(), (1,), (1, 3), (2, 3), (3, 2, 2)]
HOLES = np.array([[1.0, np.nan, 3.0], [np.nan, 2.0, 3.0], [0.5, 3.0, np.nan]])


def axes_of(n_axes):
    """Some for as many axes, in each form."""
    return [None, *[0, -1][:n_axes], *[-2, (0, -1)] * (n_axes > 1)]


def along_all():
    """Each function along axes, with arrays for it."""
    for name, (function, of_tensors) in ALONG.items():
        for shape in SHAPES:
            for axis in axes_of(len(shape)):
                yield (name, function, of_tensors), numbers(shape, seed=3), axis


class TestFunctions(FunctionTest):
    def test_along_axes(self):
        for (name, function, _), x, axis in along_all():
            for keepdims in (False, True):
                if name == "average" and not HAS_KEEPDIMS:
                    continue
                along = lambda x, f=function, a=axis, k=keepdims: f(x, a, keepdims=k)
                with self.subTest(name, shape=x.shape, axis=axis, keepdims=keepdims):
                    self.assert_as_numpy(along, x, rtol=1e-14)
                    if x.size > 1 or name not in (
                        "std",
                        "nanstd",
                    ):  # which has a kink at 0
                        self.assert_right(along, along, x)

    def test_dtypes(self):
        for name, (function, _) in ALONG.items():
            for x in (numbers((2, 3)).astype(np.float32), np.array([[3, -1], [0, 2]])):
                with self.subTest(name, dtype=x.dtype):
                    self.assert_as_numpy(lambda x, f=function: f(x, 0), x, rtol=1e-6)
                    value = Value(x)
                    function(value).backward()
                    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(float)
                    self.assertEqual(value.grad.dtype, dtype)

    def test_others(self):
        for name, (function, shape, _) in ROWS.items():
            with self.subTest(name):
                x = numbers(shape)
                self.assert_as_numpy(function, x, rtol=1e-14)
                self.assert_right(function, function, x)
                self.assert_compiled(function, x)

    def test_compiled(self):
        for (name, function, _), x, axis in along_all():
            if x.shape not in [(), (2, 3)]:
                continue
            with self.subTest(name, shape=x.shape, axis=axis):
                self.assert_compiled(lambda x, f=function, a=axis: f(x, a), x)

    def test_for_any_length(self):
        for name, function in OPEN.items():
            with self.subTest(name), warnings.catch_warnings():
                warnings.simplefilter("error")
                self.assert_for_any_length(function)

    def test_weights(self):
        for name, (function, *shapes) in WEIGHTED.items():
            arrays = [numbers(s, seed=i) for i, s in enumerate(shapes)]
            with self.subTest(name):
                self.assert_as_numpy(function, *arrays, rtol=1e-14)
                self.assert_compiled(function, *arrays)
                for i in range(len(parts_of(function(*arrays)))):
                    one = lambda x, w, i=i, f=function: parts_of(f(x, w))[i]
                    self.assert_right(one, one, *arrays)
                x, w = arrays
                raw = lambda w, f=function, x=x: parts_of(f(x, w))[0]
                self.assert_right(raw, raw, w)

    @needs("torch")
    def test_as_pytorch(self):
        rows = [
            (f"{name} along {axis}", lambda x, f=f, a=axis: f(x, a), x, by, axis)
            for (name, f, by), x, axis in along_all()
            if not isinstance(axis, tuple) and x.ndim
        ]
        rows += [(n, f, numbers(s), by, None) for n, (f, s, by) in ROWS.items() if by]
        for name, function, x, by, axis in rows:
            if name.startswith(("var along", "std along")) and axis is None:
                axis = tuple(range(x.ndim))
            value, tensor = Value(x), torch.tensor(x, requires_grad=True)
            with self.subTest(name, shape=x.shape):
                y = function(value)
                theirs = by(tensor) if axis is None else by(tensor, axis)
                self.assert_close(y.data, theirs.detach().numpy(), 1e-12)
                g = numbers(y.shape, seed=9)
                (y * g).backward()
                theirs.backward(torch.tensor(g))
                self.assert_close(value.grad, tensor.grad.numpy(), 1e-12)


class TestProducts(FunctionTest):
    def test_zeros(self):
        """The gradients are exact where one or several are 0."""
        rows = np.array([[2.0, 3, 4], [0, 3, 4], [2, 0, 0], [0, 0, 0], [-2, 3, 0]])
        for name, function in {
            "prod": lambda x: np.prod(x, axis=1),
            "prod of all": lambda x: x[:2].prod(),
            "prod of an axis with zeros": lambda x: x.prod(0),
            "prod of axes": lambda x: np.prod(x, (0, 1), keepdims=True),
            "cumprod": lambda x: np.cumprod(x, 1),
            "cumprod down": lambda x: np.cumprod(x, 0),
            "cumprod of all": np.cumprod,
        }.items():
            with self.subTest(name):
                self.assert_right(function, function, rows)
                self.assert_compiled(function, rows)
                x = Value(rows.astype(int))
                function(x).backward()
                (by_x,) = central_differences(function, [rows])
                self.assert_close(x.grad, by_x)

    @needs("torch")
    def test_zeros_as_pytorch(self):
        for array in ([0.0, 2, 3], [0.0, 2, 0, 5], [1.0, 0, -2, 0], [0.0]):
            for name in ("prod", "cumprod"):
                x, t = Value(array), torch.tensor(array, requires_grad=True)
                y = getattr(x, name)()
                theirs = t.prod() if name == "prod" else t.cumprod(0)
                g = numbers(y.shape)
                (y * g).backward()
                theirs.backward(torch.tensor(g, dtype=torch.float32))
                self.assert_close(x.grad, t.grad.numpy(), 1e-6)

    def test_no_elements(self):
        for shape in [(0,), (0, 3), (2, 0)]:
            for name in ("prod", "nansum", "cumsum", "cumprod", "sort"):
                function = getattr(np, name)
                with self.subTest(name, shape=shape):
                    self.assert_as_numpy(function, np.ones(shape))
                    x = Value(np.ones(shape))
                    function(x).backward()
                    self.assertEqual(x.grad.shape, shape)
        x = Value(np.ones((0, 3)))
        self.assert_equal(np.prod(x, 0).data, [1, 1, 1])
        with self.assertWarns(RuntimeWarning):
            self.assert_equal(x.var(0).data, [np.nan] * 3)

    def test_numbers(self):
        for name, gradient in {
            "prod": 1,
            "var": 0,
            "std": 0,
            "ptp": 0,
            "median": 1,
            "average": 1,
            "nansum": 1,
            "nanmean": 1,
            "nanmax": 1,
            "nanmin": 1,
            "cumsum": 1,
            "cumprod": 1,
        }.items():
            with self.subTest(name):
                x = Value(2.0)
                y = getattr(np, name)(x)
                self.assert_equal(y.data, getattr(np, name)(2.0))
                self.assertIs(type(y.data), np.ndarray if "cum" in name else float)
                y.backward()
                self.assertEqual((type(x.grad), x.grad), (float, gradient))


class TestMoments(FunctionTest):
    def test_std_at_0(self):
        """0, as PyTorch has it: equal numbers are its minimum."""
        x = Value(np.array([[2.0, 2.0, 2.0], [1.0, 2.0, 4.5]]))
        x.std(axis=1).backward()
        self.assert_equal(x.grad[0], [0, 0, 0])
        self.assert_close(x.grad[1], (x.data[1] - 2.5) / 3 / np.std(x.data[1]))
        for data, function, expected in [
            ([1.0, 3.0], np.std, [-0.5, 0.5]),
            ([2.0, 2.0], np.std, [0, 0]),
            ([2.0, 2.0], lambda x: x.std() ** 0.5, [0, 0]),  # whose gradient is inf
        ]:
            x = Value(data)
            with np.errstate(divide="ignore"):
                function(x).backward()
            self.assert_equal(x.grad, expected)
        if torch:
            t = torch.full((3,), 2.0, requires_grad=True)
            (t.std(correction=0) ** 0.5).backward()
            self.assert_equal(t.grad.numpy(), [0, 0, 0])

    def test_no_degree_of_freedom(self):
        x = Value(np.array([1.0, 2.0]))
        with self.assertWarns(RuntimeWarning):
            y = x.var(ddof=2)
        self.assertEqual(y.data, np.inf)
        with np.errstate(all="ignore"):
            self.assertTrue(np.isnan(Value(2.0).std(ddof=1).data))

    def test_weights_that_do_not_fit(self):
        x = np.ones((2, 3))
        for weights, axis, error in [
            (np.ones(3), None, TypeError),
            (np.ones(3), (0, 1), TypeError),
            (np.ones((3, 2)), 0, TypeError),
            (np.ones(2), 1, ValueError),
            (np.ones(1), 1, ValueError),
        ]:
            with self.subTest(weights=weights.shape, axis=axis):
                with self.assertRaisesRegex(error, "weights"):
                    np.average(Value(x), axis, weights)
                with self.assertRaises((TypeError, ValueError)):
                    np.average(x, axis, weights)

    def test_weights_of_no_sum(self):
        x = Value(np.array([1.0, 3.0]))
        with np.errstate(divide="ignore"):
            self.assertEqual(np.average(x, weights=[1, -1]).data, -np.inf)


class TestAccumulate(FunctionTest):
    def test_nan_and_ties(self):
        x = Value([1.0, 3.0, 3.0, np.nan, 4.0])
        for ufunc, gradient in (
            (np.maximum, [1, 1, 1, 2, 0]),
            (np.minimum, [3, 0, 0, 2, 0]),
        ):
            with self.subTest(ufunc.__name__):
                y = ufunc.accumulate(x)
                self.assert_equal(y.data, ufunc.accumulate(x.data))
                y.backward()
                self.assert_equal(x.grad, gradient)

    def test_far_apart(self):
        """Neither exp(x) nor exp(-y) can be computed."""
        x = Value([-np.inf, -1000.0, 1000.0, -1000.0])
        y = np.logaddexp.accumulate(x)
        self.assert_equal(y.data, [-np.inf, -1000, 1000, 1000])
        (y * [1.0, 2.0, -3.0, 5.0]).backward()
        self.assert_close(x.grad, [0, 2, 2, 0], 1e-12)

    def test_others(self):
        v = Value([1.0, 2.0])
        with self.assertRaisesRegex(TypeError, "np.subtract.accumulate has no deriv"):
            np.subtract.accumulate(v)
        with self.assertRaises(ValueError):
            np.maximum.accumulate(v, axis=1)


class TestWithoutNan(FunctionTest):
    def test_values_and_gradients(self):
        n, means = ~np.isnan(HOLES), np.nanmean(HOLES, 1, keepdims=True)
        for name, gradient in {
            "nansum": n * 1.0,
            "nanmean": n / n.sum(1, keepdims=True),
            "nanvar": np.nan_to_num(2 * (HOLES - means)) / n.sum(1, keepdims=True),
            "nanmax": (np.nanmax(HOLES, 1, keepdims=True) == HOLES) * 1.0,
            "nanmin": (np.nanmin(HOLES, 1, keepdims=True) == HOLES) * 1.0,
        }.items():
            function = lambda x, name=name: getattr(np, name)(x, axis=1)
            with self.subTest(name):
                self.assert_as_numpy(function, HOLES, rtol=1e-14)
                x = Value(HOLES)
                function(x).backward()
                self.assert_close(x.grad, gradient, 1e-14)
                self.assert_compiled(function, HOLES)

    def test_std(self):
        """That of the elements which are not nan, and its gradient."""
        for ddof in (0, 1):
            rows = [Value(row[~np.isnan(row)]) for row in HOLES]
            expected = [np.std(row, ddof=ddof) for row in rows]
            x = Value(HOLES)
            y = np.nanstd(x, axis=1, ddof=ddof)
            y.backward()
            for i, (row, std) in enumerate(zip(rows, expected)):
                std.backward()
                self.assert_close(y.data[i], std.data, 1e-14)
                gradient = np.zeros(3)
                gradient[~np.isnan(HOLES[i])] = row.grad
                self.assert_close(x.grad[i], gradient, 1e-14)
        x = Value([[2.0, np.nan], [np.nan, np.nan]])
        np.nanstd(x, axis=1).backward()
        self.assert_equal(x.grad, [[0, 0], [0, 0]])

    def test_nothing_but_nan(self):
        """They are nan without a warning, which data that are not fed would give."""
        for name in ("nanmean", "nanmax", "nanmin"):
            with self.subTest(name), warnings.catch_warnings():
                warnings.simplefilter("error")
                x = Value(np.array([[np.nan, np.nan], [1.0, np.nan]]))
                y = getattr(np, name)(x, 1)
                self.assert_equal(y.data, [np.nan, 1])
                y.backward()
                self.assert_equal(x.grad, [[0, 0], [1, 0]])


class TestOrder(FunctionTest):
    def test_partition(self):
        x = np.array([[5.0, 1, 4, 2, 3], [2, 8, 6, 4, 0]])
        for kth, axis in [(2, -1), ([1, 3], 1), (1, 0), (4, None)]:
            with self.subTest(kth=kth, axis=axis):
                value = Value(x)
                y = np.partition(value, kth, axis)
                ordered = np.sort(x, axis)
                along = 0 if axis is None else axis
                for k in np.atleast_1d(kth):
                    self.assert_equal(y.data.take(k, along), ordered.take(k, along))
                self.assert_equal(np.sort(y.data, along), ordered)
                (y**2).backward()  # wherever each went
                self.assert_equal(value.grad, 2 * x)
                self.assert_compiled(lambda x, k=kth, a=axis: np.partition(x, k, a), x)

    def test_ties(self):
        """The gradient goes to the places chosen: of equal ones, the first."""
        for function, gradient in [
            (lambda x: np.sort(x)[:1], [0, 1, 0, 0]),
            (lambda x: np.sort(x)[1:2], [0, 0, 1, 0]),
            (lambda x: np.quantile(x, 0), [0, 1, 0, 0]),
            (lambda x: np.median(x), [0, 0, 0.5, 0.5]),
            (lambda x: np.ptp(x), [1, -0.5, -0.5, 0]),
        ]:
            x = Value(np.array([3.0, 1.0, 1.0, 2.0]))
            function(x).backward()
            self.assert_equal(x.grad, gradient)

    def test_infinite_gradients_stay_where_they_belong(self):
        x = Value(np.array([3.0, 0.0, -1.0]))
        with np.errstate(divide="ignore"):
            np.median(x).sqrt().backward()
        self.assert_equal(x.grad, [0, np.inf, 0])


class TestErrors(FunctionTest):
    def test_as_numpys(self):
        for name in (
            "prod",
            "cumsum",
            "cumprod",
            "var",
            "ptp",
            "sort",
            "median",
            "nansum",
        ):
            function = getattr(np, name)
            for x in (np.ones((2, 3)), Value(np.ones((2, 3)))):
                with self.subTest(name), self.assertRaises(ValueError):
                    function(x, axis=2)
        for x in (2.0, Value(2.0)):
            with self.assertRaises(ValueError):
                np.sort(x)
            with self.assertRaises(ValueError):
                np.quantile(x, 1.5)
            with self.assertRaises(ValueError):
                np.trace(x)

    def test_in_words(self):
        x = Value(np.ones(3))
        for function, words in [
            (lambda: np.quantile(x, Value(0.5)), "q: expected numbers"),
            (lambda: np.percentile(x, Value(50)), "q: expected numbers"),
            (lambda: np.quantile(x, 0.5, method="lower"), "unexpected .*'method'"),
            (lambda: np.prod(x, dtype=int), "prod of a Value.*'dtype'"),
            (lambda: np.cumsum(x, out=np.ones(3)), "unexpected .*'out'"),
            (lambda: np.var(x, where=[True]), "unexpected .*'where'"),
            (lambda: np.sort(x, order="f"), "unexpected .*'order'"),
            (lambda: np.subtract.reduce(x), "np.subtract.reduce has no derivative"),
        ]:
            with self.assertRaisesRegex(TypeError, words):
                function()


if __name__ == "__main__":
    unittest.main()
