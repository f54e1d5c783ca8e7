"""What several files of tests use: tables of functions, and how to run and compare."""

import importlib.util
import inspect
import operator
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

from micrograd import Value, compiled, concatenate, einsum, stack, where

ROOT = Path(__file__).resolve().parents[1]

# Every operator has a row here. test_rules, test_check, test_numpy, test_dtypes and
# others read them, compare values with NumPy's and gradients with finite differences,
# and test_vs_torch both with PyTorch's function of the same name, if there is one.

UNARY = {  # the function of Values and that of arrays; numbers from end to end to try
    "exp": (Value.exp, np.exp, [-3.0, 0.5, 3.0]),
    "log": (Value.log, np.log, [0.05, 0.5, 5.0]),
    "log1p": (Value.log1p, np.log1p, [-0.9, 0.5, 5.0]),
    "sqrt": (Value.sqrt, np.sqrt, [0.05, 0.5, 5.0]),
    "square": (np.square, np.square, [-3.0, 0.5, 3.0]),
    "relu": (Value.relu, lambda x: np.maximum(x, 0), [-3.0, 0.5, 3.0]),
    "tanh": (Value.tanh, np.tanh, [-3.0, 0.5, 3.0]),
    "arctanh": (Value.arctanh, np.arctanh, [-0.95, 0.5, 0.95]),
    "arcsin": (Value.arcsin, np.arcsin, [-0.95, 0.5, 0.95]),
    "arcsinh": (Value.arcsinh, np.arcsinh, [-3.0, 0.5, 3.0]),
    "abs": (Value.abs, np.abs, [-3.0, 0.5, 3.0]),
    "sin": (Value.sin, np.sin, [-3.0, 0.5, 3.0]),
    "cos": (Value.cos, np.cos, [-3.0, 0.5, 3.0]),
    "sigmoid": (Value.sigmoid, lambda x: 1 / (1 + np.exp(-1.0 * x)), [-3.0, 0.5, 3.0]),
    "neg": (operator.neg, np.negative, [-3.0, 0.5, 3.0]),
}
BINARY = {  # of Values, of numbers from 0.5 to 2, and NumPy's
    "+": (operator.add, np.add),
    "-": (operator.sub, np.subtract),
    "*": (operator.mul, np.multiply),
    "/": (operator.truediv, np.divide),
    "**": (operator.pow, np.power),
    "maximum": (np.maximum, np.maximum),
    "minimum": (np.minimum, np.minimum),
}
COMPARISONS = {  # likewise
    "<": (operator.lt, np.less),
    "<=": (operator.le, np.less_equal),
    ">": (operator.gt, np.greater),
    ">=": (operator.ge, np.greater_equal),
    "==": (operator.eq, np.equal),
    "!=": (operator.ne, np.not_equal),
}
REDUCTIONS = {  # under PyTorch's names: of Values and of arrays
    "sum": (Value.sum, np.sum),
    "mean": (Value.mean, np.mean),
    "amax": (Value.max, np.max),
    "amin": (Value.min, np.min),
    "logsumexp": (
        Value.logsumexp,
        lambda x, axis=None, **options: np.logaddexp.reduce(1.0 * x, axis, **options),
    ),
}
SHAPES = [(), (1,), (3,), (1, 3), (2, 1), (2, 3), (1, 1, 1), (4, 2, 3), (4, 1, 1)]
SHAPES += [(0,), (0, 3), (2, 0), (0, 1)]
FUNCTIONS = {  # others: of x and y of shape (n, 3), also where n is open
    "abs": lambda x, y: abs(x),
    "sin": lambda x, y: x.sin(),
    "cos": lambda x, y: x.cos(),
    "sigmoid": lambda x, y: x.sigmoid(),
    "maximum": lambda x, y: x.maximum(y),
    "minimum of one row": lambda x, y: x.minimum(y[0]),
    "where": lambda x, y: where(x > y, x, 2 * y),
    "where of one row": lambda x, y: where(y > 0, x[0], 1),
    "comparison": lambda x, y: x <= y[0],
    "clip": lambda x, y: x.clip(y, 0.5),
    "max": lambda x, y: x.max(),
    "max of axis": lambda x, y: x.max(0) * y,
    "min of axis": lambda x, y: x.min(axis=-1, keepdims=True) * y,
    "logsumexp": lambda x, y: x.logsumexp(0) - y.logsumexp(),
    "reshape": lambda x, y: x.reshape(-1) * y.reshape(-1),
    "reshape to another": lambda x, y: x.reshape(3, -1) * y.reshape(1, 3, -1),
    "transpose": lambda x, y: x.transpose(1, 0) @ y.transpose(0, 1),
    "rows": lambda x, y: x[0] * x[-1] + y[::2] + y[::-2],
    "columns": lambda x, y: x[:, 1] * y[..., [0, 0, 2]].T,
    "new axes": lambda x, y: x[:, None] * y[None],
    "mask": lambda x, y: x[x > 0] * 2,
    "mask of rows": lambda x, y: x[y[:, 0] > 0] ** 2,
    "computed rows": lambda x, y: x[(y.max(axis=1) > y[0, 0]) * 1 - 1],
    "concatenate": lambda x, y: concatenate([x, x * y, [[1, 2, 3]], x]),
    "concatenate along a fixed axis": lambda x, y: concatenate([x, y, x], axis=-1),
    "stack": lambda x, y: stack([x, y, x]) * y,
    "stack along the last axis": lambda x, y: stack([x, y], axis=-1),
    "einsum": lambda x, y: einsum("ij,kj->ik", x, y),
    "einsum over the open axis": lambda x, y: einsum("ij,ik", x, y),
    "einsum of one alone": lambda x, y: einsum("ij,kl->j", x, y),
}


def central_differences(function, arrays, step=1e-6):
    """The derivatives of the sum of function(*arrays) by each element."""
    gradients = []
    for i, array in enumerate(arrays):
        gradient = np.zeros(np.shape(array))
        for index in np.ndindex(gradient.shape):
            sums = []
            for sign in (1, -1):
                moved = [np.array(a, float) for a in arrays]
                moved[i][index] += sign * step
                sums.append(np.sum(function(*moved)))
            gradient[index] = (sums[0] - sums[1]) / (2 * step)
        gradients.append(gradient)
    return gradients


def uniform(shape, low=0.5, high=2.0, seed=0):
    return np.random.default_rng(seed).uniform(low, high, shape)


def numbers(shape, seed=0):
    """Positive numbers that are no round ones."""
    return uniform(shape, seed=seed)


def are_broadcastable(*shapes):
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


def parts_of(y):
    """Results, one or several."""
    return y if isinstance(y, (list, tuple)) else [y]


def squares(results):
    """A number that depends on each element of the results in another way."""
    sums = [(y * y).sum() * (i + 1.5) for i, y in enumerate(parts_of(results))]
    return sum(sums[1:], sums[0])


def is_installed(package):
    """A directory of that name, such as pip's own build, is no package."""
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None


def needs(*packages):
    """Skips a test, or a class of them, where one of the packages is missing."""
    missing = [name for name in packages if not is_installed(name)]
    return unittest.skipIf(missing, f"needs {' and '.join(missing)}")


def slow(test):
    """Skips what takes many seconds where QUICK is set, as it runs elsewhere."""
    return unittest.skipIf(os.environ.get("QUICK"), "takes many seconds")(test)


def needs_graphviz(test):
    """Both of that name: the package, and the program that it calls."""
    has_program = shutil.which("dot") is not None
    test = unittest.skipUnless(has_program, "needs Graphviz's program dot")(test)
    return needs("graphviz")(test)


def new_folder(test):
    """An empty one, which goes when the test has ended."""
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    return Path(folder.name)


def run_python(*arguments, cwd=ROOT, **environment):
    """What it prints, errors too; an AssertionError with all of that if it fails."""
    outcome = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if outcome.returncode:
        raise AssertionError(f"{arguments} failed:\n{outcome.stdout}")
    return outcome.stdout


class ValueTest(unittest.TestCase):
    def assert_equal(self, actual, expected):
        """Equal numbers in equal shapes; nan equals nan."""
        self.assertEqual(np.shape(actual), np.shape(expected))
        if not np.all(np.equal(actual, expected)):
            np.testing.assert_array_equal(actual, expected)  # says where, but is slow

    def assert_close(self, actual, expected, rtol=1e-6):
        self.assertEqual(np.shape(actual), np.shape(expected))
        if not np.allclose(actual, expected, rtol, rtol, equal_nan=True):
            np.testing.assert_allclose(actual, expected, rtol, atol=rtol)

    def assert_right(self, function, reference, *arrays):
        """The data is the reference's, the gradients those of finite differences."""
        values = [Value(array) for array in arrays]
        y = function(*values)
        expected = reference(*arrays)
        self.assert_close(y.data, expected, 1e-12)
        # different weights, as ones would hide elements that changed places
        weights = numbers(np.shape(expected), seed=1)
        (y * weights).backward()
        weighted = lambda *arrays: reference(*arrays) * weights
        expected = central_differences(weighted, arrays)
        for array, value, gradient in zip(arrays, values, expected):
            received = np.zeros(np.shape(array)) if value.grad is None else value.grad
            self.assert_close(received, gradient)


class GradientTest(ValueTest):
    def gradients(self, function, arrays):
        """What it gives, the gradients of its weighted sum, that sum, and the Values.

        Where some of the arrays are Values already, the others stay raw.
        """
        is_any = any(isinstance(x, Value) for x in arrays)
        values = arrays if is_any else [*map(Value, arrays)]
        y = function(*values)
        weighted = y * numbers(np.shape(y), seed=9)
        weighted.backward()
        return y, [getattr(x, "grad", None) for x in values], weighted, values


class FunctionTest(ValueTest):
    """What holds for each function that is written alike for arrays and Values."""

    def assert_as_numpy(self, function, *arrays, rtol=0):
        """Its results are Values with NumPy's data, in NumPy's shape and dtype."""
        expected = parts_of(function(*arrays))
        results = parts_of(function(*map(Value, arrays)))
        self.assertEqual(len(results), len(expected))
        for y, numpys in zip(results, expected):
            self.assertIs(type(y), Value)
            self.assertEqual(y.dtype, np.result_type(numpys))
            self.assertEqual(np.shape(y.data), np.shape(numpys))
            np.testing.assert_allclose(y.data, numpys, rtol)

    def assert_gradients(self, values, y, gradients):
        """backward() gives these, each in its Value's dtype and shape."""
        y.backward(wrt=values)
        for x, gradient in zip(values, gradients):
            self.assertEqual(np.result_type(x.grad), np.result_type(gradient))
            self.assert_close(x.grad, gradient, 1e-6 if x.dtype == "f4" else 1e-12)

    def assert_compiled(self, function, *arrays):
        """Compiled, it gives the engine's numbers and gradients."""
        values = [Value(array) for array in arrays]
        y = squares(function(*values))
        program = compiled(y, wrt=values)
        for _ in range(2):
            result, gradients = program(), [x.grad for x in values]
            self.assert_close(result, y.data, 1e-12)
            self.assert_gradients(values, y, gradients)

    def assert_for_any_length(self, function):
        """Of operands (n, 3), defined once, it takes any n, also compiled."""
        parameters = inspect.signature(function).parameters.values()
        names = [x.name for x in parameters if x.default is x.empty]
        lazies = [Value(shape=(None, 3), name=name) for name in names]
        y = squares(function(*lazies))
        program = compiled(y, wrt=lazies)
        for n in (3, 1, 5, 2):
            feeds = {name: numbers((n, 3), n + i) for i, name in enumerate(names)}
            values = [Value(x) for x in feeds.values()]
            expected = squares(function(*values))
            expected.backward()
            gradients = [x.grad for x in values]
            self.assert_close(program(**feeds), expected.data, 1e-12)
            for x, gradient in zip(lazies, gradients):
                self.assert_close(x.grad, gradient, 1e-12)
            self.assert_close(y.forward(**feeds), expected.data, 1e-12)
            self.assert_gradients(lazies, y, gradients)


class ProgramTest(ValueTest):
    def assert_same(self, actual, expected, rtol=1e-12):
        """Equal in type, dtype, shape and, up to rounding, in numbers; nan is nan.

        0.0 and -0.0 are not the same.
        """
        self.assertIs(type(actual), type(expected))
        self.assertEqual(np.result_type(actual), np.result_type(expected))
        self.assertEqual(np.shape(actual), np.shape(expected))
        is_zero = np.equal(actual, 0) & np.equal(expected, 0)
        signs = is_zero & (np.signbit(actual) != np.signbit(expected))
        self.assertFalse(np.any(signs), f"{actual} for {expected}")
        if not np.all(actual == expected):  # seldom, as the next takes long
            np.testing.assert_allclose(actual, expected, rtol, atol=rtol)

    def assert_as_engine(self, function, *data, others=()):
        """The results and gradients that forward() and backward() give, twice.

        And those of others, data of the same types, from the program that was recorded.
        """
        values = [Value(x) for x in data]
        y = function(*values)
        y.backward()
        wrt = [x for x in values if x.grad is not None]
        is_coarse = any(x.dtype == np.float32 for x in (*values, y))
        rtol = 1e-5 if is_coarse else 1e-12
        program = compiled(y, wrt=wrt)
        for fed in (data, data, *others):
            for x, new in zip(values, fed):
                x.data = Value(new).data
            y.forward()
            y.backward(wrt)
            expected = [x.grad for x in wrt]
            self.assert_same(program(), y.data, rtol)
            for x, gradient in zip(wrt, expected):
                self.assert_same(x.grad, gradient, rtol)
