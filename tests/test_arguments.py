"""Parameters of NumPy's functions, such as axes and shifts, in every dtype."""

import unittest

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from testing import ProgramTest, central_differences, numbers, uniform

from micrograd import Value, compiled, nn

NUMPY_1 = np.__version__.startswith("1.")
X = uniform((3, 4))
SQUARE = uniform((3, 3), seed=1)
trapezoid = getattr(np, "trapezoid", None) or np.trapz
PARAMETERS = {  # each function of x, with parameters that i makes of numbers
    "sum": lambda x, i: np.sum(x, i(1)),
    "sum over axes": lambda x, i: np.sum(x, (i(-1), i(0)), keepdims=i(1)),
    "Value.sum": lambda x, i: x.sum(i(1)),
    "mean": lambda x, i: np.mean(x, i(-2)),
    "max": lambda x, i: np.max(x, i(0)),
    "min": lambda x, i: np.min(x, i(-1), keepdims=i(1)),
    "prod": lambda x, i: np.prod(x, i(1)),
    "var": lambda x, i: np.var(x, i(1), ddof=i(1)),
    "var of many": lambda x, i: np.var(np.tile(x, (30, 1)), ddof=i(100)),
    "std": lambda x, i: np.std(x, i(1), ddof=i(1)),
    "median": lambda x, i: np.median(x, i(1)),
    "median over axes": lambda x, i: np.median(x, (i(1), i(0))),
    "quantile": lambda x, i: np.quantile(x, i(1), axis=i(1)),
    "percentile": lambda x, i: np.percentile(x, i(50), axis=i(1)),
    "percentiles": lambda x, i: np.percentile(x, [i(50), i(75)]),
    "nansum": lambda x, i: np.nansum(x, i(1)),
    "nanmean": lambda x, i: np.nanmean(x, i(1)),
    "nanmax": lambda x, i: np.nanmax(x, i(-1)),
    "nanmin": lambda x, i: np.nanmin(x, i(1)),
    "cumsum": lambda x, i: np.cumsum(x, i(1)),
    "cumprod": lambda x, i: np.cumprod(x, i(-2)),
    "average": lambda x, i: np.average(x, i(1), weights=[1.0, 2.0, 3.0, 4.0]),
    "ptp": lambda x, i: np.ptp(x, i(1)),
    "sort": lambda x, i: np.sort(x, i(0)),
    "partition": lambda x, i: np.sort(np.partition(x, i(1), i(-1)), 0),
    "trace": lambda x, i: np.trace(x, i(1)),
    "trace of axes": lambda x, i: np.trace(x, i(-1), i(1), i(0)),
    "diagonal": lambda x, i: np.diagonal(x, i(1), i(0), i(1)),
    "diagonal below": lambda x, i: np.diagonal(x, i(-1), i(-2), i(-1)),
    "transpose": lambda x, i: np.transpose(x, (i(-1), i(0))),
    "reshape": lambda x, i: np.reshape(x, (i(2), i(-1))),
    "reshape by an array": lambda x, i: np.reshape(x, np.array([i(2), i(6)])),
    "expand_dims": lambda x, i: np.expand_dims(x, (i(1), i(0))),
    "squeeze": lambda x, i: np.squeeze(x[None], i(0)),
    "moveaxis": lambda x, i: np.moveaxis(x, i(0), i(1)),
    "rollaxis": lambda x, i: np.rollaxis(x, i(1), i(0)),
    "swapaxes": lambda x, i: np.swapaxes(x, i(0), i(-1)),
    "broadcast_to": lambda x, i: np.broadcast_to(x, (i(2), i(3), i(4))),
    "flip": lambda x, i: np.flip(x, i(1)),
    "rot90": lambda x, i: np.rot90(x, i(1), (i(0), i(1))),
    "rot90 back": lambda x, i: np.rot90(x, i(-1)),
    "roll": lambda x, i: np.roll(x, i(1)),
    "roll back": lambda x, i: np.roll(x, i(-1), i(-1)),
    "roll axes": lambda x, i: np.roll(x, (i(1), i(2)), (i(0), i(1))),
    "roll by an array": lambda x, i: np.roll(x, np.array([i(1), i(2)]), (0, 1)),
    "roll by a bool": lambda x, i: np.roll(x, bool(i(1))),
    "tril": lambda x, i: np.tril(x, i(1)),
    "triu": lambda x, i: np.triu(x, i(-1)),
    "delete": lambda x, i: np.delete(x, i(-1), i(1)),
    "delete some": lambda x, i: np.delete(x, [i(1), i(0)], i(1)),
    "diag": lambda x, i: np.diag(x, i(1)),
    "diag of a row": lambda x, i: np.diag(x[0], i(1)),
    "diagflat": lambda x, i: np.diagflat(x, i(1)),
    "take": lambda x, i: np.take(x, [i(1), i(1)], i(-1)),
    "take in a circle": lambda x, i: np.take(x, i(100), mode="wrap"),
    "take_along_axis": lambda x, i: np.take_along_axis(x, np.array([[i(2)]]), i(1)),
    "compress": lambda x, i: np.compress([i(1), i(0), i(1)], x, i(0)),
    "repeat": lambda x, i: np.repeat(x, i(2), i(1)),
    "repeat each": lambda x, i: np.repeat(x, [i(2), i(0), i(1)], i(0)),
    "repeat all": lambda x, i: np.repeat(x, [i(2)]),
    "tile": lambda x, i: np.tile(x, i(2)),
    "tile along axes": lambda x, i: np.tile(x, (i(2), i(1), i(3))),
    "split": lambda x, i: np.split(x, i(2), i(1))[1],
    "split at places": lambda x, i: np.split(x, [i(1)], i(1))[1],
    "array_split": lambda x, i: np.array_split(x, i(3), i(1))[0],
    "hsplit": lambda x, i: np.hsplit(x, i(2))[1],
    "vsplit": lambda x, i: np.vsplit(x, i(3))[1],
    "dsplit": lambda x, i: np.dsplit(x[None], i(2))[1],
    "append": lambda x, i: np.append(x, x, i(1)),
    "insert": lambda x, i: np.insert(x, i(-1), 5.0, i(-1)),
    "insert several": lambda x, i: np.insert(x, [i(1), i(0)], 5.0, i(1)),
    "pad": lambda x, i: np.pad(x, ((i(1), i(2)), (i(0), i(1)))),
    "pad the edge": lambda x, i: np.pad(x, (i(1), i(2)), mode="edge"),
    "concatenate": lambda x, i: np.concatenate([x, x * 2], i(1)),
    "stack": lambda x, i: np.stack([x, x * x], i(-2)),
    "diff": lambda x, i: np.diff(x, i(1), i(1)),
    "diff of differences": lambda x, i: np.diff(x, i(2), i(-2)),
    "diff of none": lambda x, i: np.diff(x, i(0)),
    "gradient": lambda x, i: np.gradient(x, i(2), axis=i(1)),
    "gradient along axes": lambda x, i: np.gradient(x, i(2), i(3))[1],
    "trapezoid": lambda x, i: trapezoid(x, dx=i(2), axis=i(0)),
    "cross": lambda x, i: np.cross(x[:, :3], SQUARE, axis=i(1)),
    "cross of axes": lambda x, i: np.cross(x[:, :3], SQUARE, i(0), i(1), i(0)),
    "tensordot": lambda x, i: np.tensordot(x, X.T, i(1)),
    "tensordot of none": lambda x, i: np.tensordot(x, X, i(0)),
    "tensordot of axes": lambda x, i: np.tensordot(x, X, ([i(-2)], [i(0)])),
    "einsum": lambda x, i: np.einsum(x, [i(0), i(1)], X, [i(0), i(1)], [i(1)]),
    "vander": lambda x, i: np.vander(x[0], i(3), increasing=i(1)),
    "cov": lambda x, i: np.cov(x, rowvar=i(0), ddof=i(2)),
    "cov of many": lambda x, i: np.cov(np.tile(x, (1, 75)), ddof=i(1)),
    "corrcoef": lambda x, i: np.corrcoef(x, rowvar=i(0)),
    "norm": lambda x, i: np.linalg.norm(x, i(2), i(1)),
    "norm of columns": lambda x, i: np.linalg.norm(x, i(1)),
    "norm of axes": lambda x, i: np.linalg.norm(x, i(-1), (i(1), i(0))),
    "norm of powers": lambda x, i: np.linalg.norm(x, i(-3), i(1), keepdims=i(1)),
    "matrix_power": lambda x, i: np.linalg.matrix_power(x[:, :3], i(3)),
    "inverse power": lambda x, i: np.linalg.matrix_power(x[:, :3], i(-2)),
    "linspace": lambda x, i: np.linspace(x, 2.0, i(100), i(0), axis=i(1)),
    "nanvar": lambda x, i: np.nanvar(x, i(1), ddof=i(1)),
    "nanstd of many": lambda x, i: np.nanstd(np.tile(x, (30, 1)), ddof=i(100)),
    "accumulate": lambda x, i: np.maximum.accumulate(x, i(1)),
    "sliding windows": lambda x, i: sliding_window_view(x, i(2), i(1)),
    "row": lambda x, i: x[i(1), i(-1)],
    "rows": lambda x, i: x[np.array([i(1), i(1), i(2)])],
    "slices": lambda x, i: x[:: i(-1), i(0) : i(2)],
}
DTYPES = {
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "uint64": np.uint64,
    "0-d": lambda n: np.array(n, np.int8 if n < 0 else np.uint8),
}


def converter(dtype):
    """Makes a number of that dtype; negative ones stay Python's, if it has none."""
    return lambda n: n if n < 0 and dtype.startswith("uint") else DTYPES[dtype](n)


def is_refused(name, dtype):
    """Whether NumPy refuses to take by such indices."""
    return NUMPY_1 and "take" in name and dtype in ("uint64", "u8")


class TestParameters(ProgramTest):
    def test_small_and_unsigned(self):
        for name, function in PARAMETERS.items():
            expected = function(X, int)
            weights = numbers(np.shape(expected))
            (gradient,) = central_differences(
                lambda x: function(x, int) * weights,  # noqa: B023
                [X],
            )
            for dtype in DTYPES:
                if is_refused(name, dtype):
                    continue
                with self.subTest(name, dtype=dtype):
                    x = Value(X)
                    y = function(x, converter(dtype))
                    self.assert_close(y.data, expected, 1e-12)
                    y = y * weights
                    y.backward()
                    self.assert_close(x.grad, gradient)
                    program = compiled(y, wrt=x)
                    self.assert_close(program(), y.data, 1e-12)
                    self.assert_close(x.grad, gradient)

    def test_an_array_is_copied(self):
        functions = [
            lambda x, array: np.roll(x, array, (0, 1)),
            lambda x, array: np.repeat(x[:2], array, 0),
            lambda x, array: np.quantile(x, array),
        ]
        for function, dtype in zip(functions, (np.int64, np.uint8, float)):
            array = np.array([1, 0], dtype)
            y = function(Value(X), array)
            program, before = compiled(y), y.data
            array += 1
            self.assert_equal(y.forward(), before)
            self.assert_equal(program(), before)

    def test_values_are_refused(self):
        """As parameters they would not be computed anew, nor differentiated."""
        x, v = Value(X), Value(1)
        lazy = Value(shape=(), name="lazy")
        for name, call in {
            "axis": lambda v: np.cumsum(x, v),
            "shift": lambda v: np.roll(x, (v, 1), (0, 1)),
            "ddof": lambda v: np.var(x, ddof=v),
            "ord": lambda v: np.linalg.norm(x, v),
            "k": lambda v: np.tril(x, v),
            "n": lambda v: np.diff(x, v),
            "q": lambda v: np.quantile(x, [v, 0.5]),
            "repeats": lambda v: np.repeat(x, v),
            "window_shape": lambda v: sliding_window_view(x, v, 1),
            "key": lambda v: x[:v],
        }.items():
            for value in (v, lazy, v + 1):
                with self.subTest(name):
                    with self.assertRaisesRegex(TypeError, f"{name}: expected numbers"):
                        call(value)
        with self.assertRaisesRegex(TypeError, "shift: expected numbers"):
            np.roll(x, np.array([1, None]))

    def test_lengths(self):
        x = Value(shape=(np.uint8(200), None), name="x")
        self.assertEqual(x.shape[0] * 2, 400)
        layer = nn.Layer(np.uint8(200), np.uint8(3))
        self.assertEqual(layer(np.ones((2, 200))).shape, (2, 3))


INDEXED = {  # by an array of indices from 0 to 99
    "[]": lambda x, i: x[i],
    "[,]": lambda x, i: x[i, i % 4],
    "[Value]": lambda x, i: x[Value(i)],
    "take": lambda x, i: np.take(x, i, 0),
    "take in a circle": lambda x, i: np.take(x, i, mode="wrap"),
    "take_along_axis": lambda x, i: np.take_along_axis(x, i[:, None], 0),
    "at[].set": lambda x, i: x.at[i].set(np.ones(8)),
    "at[].add": lambda x, i: x.at[i].add(np.ones(8)),
    "delete": lambda x, i: np.delete(x, i[:90], 0),
    "insert": lambda x, i: np.insert(x, i[:2], 0.0, 0),
    "choose": lambda x, i: np.choose((i[:8] % 3).astype("u1"), [x, x * 2, x * 3]),
    "repeat": lambda x, i: np.repeat(x[:100], i[:100] % 3, 0),
}


class TestIndices(ProgramTest):
    def test_small_and_unsigned(self):
        data = uniform((256, 8))
        places = np.arange(150) % 100  # more than 1,000 values: they are sorted
        for name, function in INDEXED.items():
            x = Value(data)
            y = function(x, places)
            y.backward()
            data_of_integers, gradient = y.data, x.grad
            for dtype in ("i1", "u1", "i2", "u2", "u4", "u8"):
                if is_refused(name, dtype):
                    continue
                with self.subTest(name, dtype=dtype):
                    y = function(x, places.astype(dtype))
                    self.assert_equal(y.data, data_of_integers)
                    y.backward()
                    self.assert_close(x.grad, gradient)
                    program = compiled(y, wrt=x)
                    self.assert_equal(program(), data_of_integers)
                    self.assert_close(x.grad, gradient)

    def test_gradients_by_hand(self):
        x = Value(np.ones((256, 8)))
        x[np.arange(150, dtype=np.uint8)].backward()
        self.assert_equal(
            x.grad, np.repeat([1.0, 0.0], [150, 106])[:, None] + np.zeros(8)
        )


if __name__ == "__main__":
    unittest.main()
