"""Derivatives as expressions, against closed forms, differences and PyTorch."""

import gc
import inspect
import time
import unittest
import warnings

import numpy as np
import test_elementwise
import test_linalg
import test_products
import test_reductions
import test_shapes
import test_special
from testing import (
    BINARY,
    FUNCTIONS,
    REDUCTIONS,
    UNARY,
    ValueTest,
    is_installed,
    needs,
    needs_graphviz,
    numbers,
    slow,
    squares,
)

from micrograd import (
    Value,
    compiled,
    concatenate,
    gradient,
    hessian,
    jacobian,
    nn,
    operator,
    special,
)
from micrograd.check import check_gradients
from micrograd.graph import results_of
from micrograd.interface import families
from micrograd.rules import PRIMITIVES, RULES
from micrograd.trace import draw_dot

CLOSED = {  # the function, and its first three derivatives
    "x ** 4": (
        lambda x: x**4,
        lambda x: 4 * x**3,
        lambda x: 12 * x**2,
        lambda x: 24 * x,
    ),
    "x ** -1.5": (
        lambda x: x**-1.5,
        lambda x: -1.5 * x**-2.5,
        lambda x: 3.75 * x**-3.5,
        lambda x: -13.125 * x**-4.5,
    ),
    "2 ** x": (
        lambda x: 2**x,
        *(lambda x, k=k: np.log(2) ** k * 2**x for k in (1, 2, 3)),
    ),
    "1 / x": (
        lambda x: 1 / x,
        lambda x: -1 / x**2,
        lambda x: 2 / x**3,
        lambda x: -6 / x**4,
    ),
    "exp": (np.exp, np.exp, np.exp, np.exp),
    "log": (np.log, lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3),
    "log1p": (
        np.log1p,
        lambda x: 1 / (1 + x),
        lambda x: -1 / (1 + x) ** 2,
        lambda x: 2 / (1 + x) ** 3,
    ),
    "sqrt": (
        np.sqrt,
        lambda x: 0.5 * x**-0.5,
        lambda x: -0.25 * x**-1.5,
        lambda x: 0.375 * x**-2.5,
    ),
    "sin": (np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)),
    "cos": (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin),
    "tanh": (
        np.tanh,
        lambda x: 1 - np.tanh(x) ** 2,
        lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
        lambda x: (1 - np.tanh(x) ** 2) * (6 * np.tanh(x) ** 2 - 2),
    ),
    "arctanh": (
        np.arctanh,
        lambda x: 1 / (1 - x**2),
        lambda x: 2 * x / (1 - x**2) ** 2,
        lambda x: (2 + 6 * x**2) / (1 - x**2) ** 3,
    ),
    "arcsin": (
        np.arcsin,
        lambda x: (1 - x**2) ** -0.5,
        lambda x: x * (1 - x**2) ** -1.5,
        lambda x: (1 + 2 * x**2) * (1 - x**2) ** -2.5,
    ),
    "arcsinh": (
        np.arcsinh,
        lambda x: (1 + x**2) ** -0.5,
        lambda x: -x * (1 + x**2) ** -1.5,
        lambda x: (2 * x**2 - 1) * (1 + x**2) ** -2.5,
    ),
    "x * exp(x)": (
        lambda x: x * np.exp(x),
        *(lambda x, k=k: (x + k) * np.exp(x) for k in (1, 2, 3)),
    ),
    "relu": (
        lambda x: np.maximum(x, 0),
        lambda x: 1.0 * (x > 0),
        lambda x: 0 * x,
        lambda x: 0 * x,
    ),
}


class TestClosedForms(ValueTest):
    def test_three_derivatives(self):
        array = np.array([0.1, 0.3, 0.8])
        for name, (function, *derivatives) in CLOSED.items():
            for data, dtype in (
                (array, float),
                (array.astype(np.float32), np.float32),
                (0.3, float),
                (array[None, :, None], float),
            ):
                x = Value(data)
                y = function(x)
                for expected in derivatives:
                    with self.subTest(name, data=data):
                        y = gradient(y, x)
                        rtol = 1e-12 if dtype is float else 1e-5
                        self.assert_close(y.data, expected(data), rtol)
                        self.assertEqual(y.dtype, dtype)
                        self.assertIs(type(y.data), type(data))


# --- Every function of the tables -----------------------------------------------------


def cases():
    """A name, a function of Values, and arrays where it is smooth."""
    a, b = numbers((3,)), numbers((2, 3), seed=1)
    for name, (f, _, x) in UNARY.items():
        yield name, f, [np.array(x)]
    for name, (f, _) in BINARY.items():
        yield name, f, [a, b]
        yield name, f, [b, np.float64(0.7)]
    for name, (f, _) in REDUCTIONS.items():
        for options in ({}, {"axis": 0}, {"axis": (0, 1), "keepdims": True}):
            yield f"{name} {options}", lambda x, f=f, o=options: f(x, **o), [b]
    for name, f in FUNCTIONS.items():
        if name != "comparison":
            yield name, f, [numbers((3, 3)), numbers((3, 3), seed=1)]
    for f, x in test_elementwise.UNARY.items():
        yield f.__name__, f, [np.array(x)]
    for f in test_elementwise.BINARY:
        yield f.__name__, f, [numbers((3,), 5), numbers((2, 3), seed=6)]
    for name, (_, x) in test_special.UNARY.items():
        yield name, getattr(special, name), [np.array(x)]
    for name in test_special.BINARY:
        yield name, getattr(special, name), [a / 3, b]
    for name in test_special.ALONG_AXES:
        yield name, lambda x, n=name: getattr(special, n)(x, axis=1), [b]
    for name, (f, shape, *_) in test_shapes.ROWS.items():
        yield name, f, [numbers(shape)]
    for name, (f, shapes, *_) in test_shapes.SEVERAL.items():
        yield name, f, [numbers(shape, i) for i, shape in enumerate(shapes)]
    for name, (f, *_) in test_reductions.ALONG.items():
        for options in ({}, {"axis": 1}, {"axis": -1, "keepdims": True}):
            yield f"{name} {options}", lambda x, f=f, o=options: f(x, **o), [b]
    for name, (f, shape, *_) in test_reductions.ROWS.items():
        yield name, f, [numbers(shape)]
    for name, (f, *shapes) in test_reductions.WEIGHTED.items():
        yield name, f, [numbers(shape, i) for i, shape in enumerate(shapes)]
    for table in (test_products.ROWS, test_linalg.ROWS):
        for name, f, shapes, *_ in table:
            yield name, f, [numbers(shape, i) for i, shape in enumerate(shapes)]
    for name, (f, arrays) in MORE.items():
        yield name, f, [np.asarray(x) for x in arrays]
    if is_installed("scipy"):
        import scipy.special

        for name, (_, x) in test_special.OF_SCIPY_ALONE.items():
            yield name, getattr(scipy.special, name), [np.array(x)]


MORE = {  # of rules without a row in those tables
    "floor": (np.floor, [numbers((3,))]),
    "ceil": (np.ceil, [numbers((3,))]),
    "rint": (np.rint, [numbers((3,))]),
    "fix": (np.fix, [numbers((3,))]),
    "round": (np.round, [numbers((3,))]),
    "imag": (np.imag, [numbers((3,))]),
    "interp": (np.interp, [[0.1, 0.3, 1.2], [0.0, 0.25, 1.0], [1.0, 3.0, 2.0]]),
    "linspace": (lambda a, b: np.linspace(a, b, 4), [numbers((2,)), numbers((2,), 1)]),
    "set": (lambda x, v: x.at[1:].set(v * v), [numbers((3, 2)), numbers((2,), 1)]),
    "set twice": (lambda x, v: x.at[[0, 0]].set(v), [numbers(3), numbers(2, 1)]),
    "add": (lambda x, v: x.at[[0, 0, 2]].add(v * x), [numbers(3), numbers(3, 1)]),
    "gammainc": (lambda x: special.gammainc(1.5, x), [numbers((3,))]),
    "digamma below 0": (special.digamma, [np.array([-2.3, -0.6, 4.0])]),
    "softmax": (lambda x: nn.softmax(x, 0), [numbers((2, 3))]),
    "labels": (lambda x: nn.cross_entropy(x, [0, 2]), [numbers((2, 3))]),
    "probabilities": (nn.cross_entropy, [numbers((2, 3)), numbers((2, 3), 1)]),
    "running sums": (lambda x: np.logaddexp.accumulate(x, 1), [numbers((2, 3))]),
    "running maxima": (lambda x: np.maximum.accumulate(x, 1), [numbers((2, 3))]),
    "product of zeros": (np.prod, [np.array([2.0, 0.0, 0.0, 4.0])]),
    "product of a zero": (lambda x: x.prod(0), [np.array([[2.0, 0.0], [0.0, 4.0]])]),
    "products of zeros": (np.cumprod, [np.array([2.0, 0.0, 3.0, 0.0, 4.0])]),
    "equal logaddexp": (np.logaddexp, [numbers(3), numbers(3)]),
    "equal logaddexp2": (np.logaddexp2, [numbers(3), numbers(3)]),
    "x log y at 0": (special.xlogy, [np.array([0.0, 1.0]), numbers(2)]),
    "x log1p y at 0": (special.xlog1py, [np.array([0.0, 1.0]), numbers(2)]),
    "det of zeros": (np.linalg.det, [np.zeros((2, 2))]),
    "det of rank 1": (np.linalg.det, [np.array([[1.0, 2.0], [2.0, 4.0]])]),
    "det of a batch": (np.linalg.det, [np.stack([np.eye(3), np.ones((3, 3))])]),
    "eigenvalues": (
        lambda x: np.linalg.eigvalsh(x + x.T),
        [numbers((3, 3))],
    ),
    "vectors alone": (
        lambda x: np.linalg.eigh(x + x.T).eigenvectors ** 2,
        [numbers((3, 3))],
    ),
}


def weighted(gradients):
    """A number that depends on each element of gradients in another way."""
    terms = [(g * numbers(np.shape(g.data), i)).sum() for i, g in enumerate(gradients)]
    return sum(terms[1:], terms[0])


def differences(function, arrays, step=2e-6):
    """Those of the gradients of `backward()`, weighted as above."""

    def slope(moved):
        values = [Value(x) for x in moved]
        squares(function(*values)).backward()
        grads = [0.0 * x.data if x.grad is None else x.grad for x in values]
        return weighted([Value(g) for g in grads]).data

    found = []
    for i, array in enumerate(arrays):
        slopes = np.zeros(np.shape(array))
        for at in np.ndindex(slopes.shape):
            for sign in (1, -1):
                moved = [np.array(x, float) for x in arrays]
                moved[i][at] += sign * step
                slopes[at] += sign * slope(moved) / (2 * step)
        found.append(slopes)
    return found


@slow
class TestTables(ValueTest):
    def setUp(self):
        context = warnings.catch_warnings()
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        warnings.simplefilter("ignore")

    def second(self, function, arrays):
        """The Values, their gradients, and the gradients of a sum of those."""
        values = [Value(x) for x in arrays]
        first = gradient(squares(function(*values)), values)
        return values, first, gradient(weighted(first), values)

    def test_second_derivatives(self):
        for name, function, arrays in cases():
            with self.subTest(name, shapes=[*map(np.shape, arrays)]):
                _, first, second = self.second(function, arrays)
                scale = max(
                    [1, *[abs(g.data).max() for g in (*first, *second) if g.size]]
                )
                for actual, expected in zip(second, differences(function, arrays)):
                    self.assert_close(actual.data / scale, expected / scale, 5e-6)

    def test_first_ones_are_those_of_backward(self):
        for name, function, arrays in cases():
            with self.subTest(name, shapes=[*map(np.shape, arrays)]):
                values, first, second = self.second(function, arrays)
                for y, found in (
                    (squares(function(*values)), first),
                    (weighted(first), second),
                ):
                    y.backward()
                    for x, g in zip(values, found):
                        expected = 0.0 * x.data if x.grad is None else x.grad
                        self.assert_close(g.data, expected, 1e-9)
                        self.assertEqual(g.dtype, expected.dtype)

    def test_third_derivatives(self):
        """Of functions whose derivatives are primitives: differences of the second."""
        x, square = numbers((4,)), numbers((3, 3)) + np.eye(3)
        zeros = np.array([2.0, 0.0, 3.0, 0.0])
        for function, data in (
            (np.linalg.det, square),
            (np.linalg.inv, square),
            (lambda x: np.linalg.svd(x).S, square),
            (lambda x: np.linalg.eigvalsh(x + x.T), square),
            (lambda x: np.linalg.qr(x).R, square),
            (np.prod, zeros),
            (np.cumprod, zeros),
            (np.sinc, np.array([-2.7, 0.01, 0.3, 1.1])),
            (special.digamma, np.array([-1.7, 0.3, 5.0])),
            (lambda x: np.logaddexp.accumulate(x), x),
            (lambda x: np.convolve(x, x), x),
            (lambda x: np.kron(x, x), x),
            (lambda x: np.interp(x, [0.0, 1.0, 3.0], x[:3] ** 2), x),
            (lambda x: np.polyval(x, x), x),
            (lambda x: np.quantile(x**3, [0.2, 0.7]), x),
            (lambda x: np.pad(x, 2, mode="reflect") ** 3, x),
            (lambda x: concatenate([x, x[:2] * x[2:]]) ** 2, x),
            (lambda x: x.at[1].set(x[0] ** 3) * x, x),
        ):
            v = Value(np.array(data))
            first = gradient(squares(function(v)), v)
            second = gradient(weighted([first]), v)
            third = gradient(weighted([second]), v)
            expected = np.zeros(np.shape(data))
            for at in np.ndindex(expected.shape):
                for sign in (1, -1):
                    v.data[at] = data[at] + sign * 1e-6
                    expected[at] += sign * np.sum(
                        second.forward() * numbers(expected.shape, 0)
                    )
                v.data[at] = data[at]
            scale = abs(third.forward()).max() + 1
            with self.subTest(function):
                self.assert_close(third.data / scale, expected / 2e-6 / scale, 1e-6)

    def test_compiled(self):
        for name, function, arrays in cases():
            with self.subTest(name, shapes=[*map(np.shape, arrays)]):
                _, first, second = self.second(function, arrays)
                results = compiled(*first, *second)()
                results = results if isinstance(results, tuple) else (results,)
                for actual, expected in zip(results, (*first, *second)):
                    self.assert_close(actual, expected.data, 1e-9)

    def test_float32(self):
        for name, function, arrays in cases():
            with self.subTest(name):
                try:
                    arrays = [np.asarray(x, np.float32) for x in arrays]
                    _, first, second = self.second(function, arrays)
                except np.linalg.LinAlgError:  # singular in so few digits
                    continue
                for g, x in zip((*first, *second), arrays * 2):
                    self.assertEqual((g.dtype, np.shape(g.data)), (x.dtype, x.shape))

    def test_numbers(self):
        unary = [f for f, *_ in UNARY.values()] + [*test_elementwise.UNARY]
        binary = [f for f, _ in BINARY.values()] + [*test_elementwise.BINARY]
        for function in (*unary, *binary):
            given = [1.3] if function is np.arccosh else [0.3, 0.7]
            given = given[: 1 if function in unary else 2]
            with self.subTest(function):
                _, first, second = self.second(function, given)
                expected = differences(function, given)
                for actual, difference in zip(second, expected):
                    self.assertIs(type(actual.data), float)
                    self.assert_close(actual.data, difference[()], 1e-6)

    def test_size(self):
        """An operator's gradient has at most 16 operators; larger ones are listed."""
        large = {"qr", "svd", "eigh"}
        for name, function, arrays in cases():
            values = [Value(x) for x in arrays]
            y = function(*values)
            y = y if isinstance(y, Value) else y[0]
            before = {*results_of([y])}
            rules = {x.op for x in before}
            if y.dtype.kind == "b" or len(before) > 1 or rules & large:
                continue
            for x in values:
                with self.subTest(name):
                    found = {*results_of([gradient(y, x)])} - before
                    self.assertLessEqual(len(found), 16 + 1)  # and ones

    def test_every_rule_is_tried(self):
        """Those with derivatives; primitives stand in first or second derivatives."""
        self.assertTrue(families.FUNCTIONS)  # which loads them
        names = set()
        for _, function, arrays in cases():
            values, first, second = self.second(function, arrays)
            y = squares(function(*values))
            names |= {x.op for x in results_of([y, *first, *second])}
        half = Value(np.ones(2, np.float16))
        names |= {x.op for x in results_of([gradient(half.tanh(), half)])}
        for table in (RULES, PRIMITIVES):
            rules = {rule.name for rule in table.values() if any(rule.derivatives)}
            self.assertEqual(rules - names, set())


@needs("torch")
class TestTorch(ValueTest):
    """Double backward."""

    def assert_second(self, function, theirs, *arrays):
        import torch

        values = [Value(x) for x in arrays]
        second = gradient(
            weighted(gradient(squares(function(*values)), values)), values
        )
        tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
        y = theirs(*tensors)
        loss = (y * y).sum() * 1.5
        first = torch.autograd.grad(loss, tensors, create_graph=True)
        weights = [torch.tensor(numbers(np.shape(x), i)) for i, x in enumerate(arrays)]
        total = sum((g * w).sum() for g, w in zip(first, weights))
        expected = torch.autograd.grad(total, tensors, allow_unused=True)
        for actual, tensor, x in zip(second, expected, arrays):
            zeros = np.zeros(np.shape(x))
            self.assert_close(
                actual.data, zeros if tensor is None else tensor.numpy(), 1e-9
            )

    def test_elementwise(self):
        import torch

        rows = [(f, name, x) for name, (f, _, x) in UNARY.items()]
        rows += [(f, f.__name__, x) for f, x in test_elementwise.UNARY.items()]
        for name, (theirs, x) in test_special.UNARY.items():
            rows.append((getattr(special, name), f"special.{theirs}", x))
        for function, name, x in rows:
            module = torch.special if name.startswith("special.") else torch
            theirs = getattr(module, name.rpartition(".")[2], None)
            is_step = function in test_elementwise.STEPS
            if theirs and not is_step and name not in ("imag", "special.entr"):
                with self.subTest(name):
                    self.assert_second(function, theirs, np.array(x))

    def test_binary_broadcast(self):
        import torch

        rows = [(f, getattr(torch, name, f)) for name, (f, _) in BINARY.items()]
        rows += [
            (f, getattr(torch, f.__name__))
            for f in test_elementwise.BINARY
            if hasattr(torch, f.__name__) and f not in test_elementwise.STEPS
        ]
        for function, theirs in rows:
            with self.subTest(function):
                self.assert_second(function, theirs, numbers((3, 1)), numbers(4, 1))

    def test_along_axes(self):
        import torch

        x = numbers((2, 3))
        for name, (f, _) in REDUCTIONS.items():
            with self.subTest(name):
                theirs = getattr(torch, name)
                self.assert_second(
                    lambda x, f=f: f(x, axis=1), lambda x, f=theirs: f(x, 1), x
                )
        for f, theirs in (
            (lambda x: x.prod(1), lambda x: x.prod(1)),
            (lambda x: x.cumprod(1), lambda x: x.cumprod(1)),
            (lambda x: x.cumsum(0), lambda x: x.cumsum(0)),
            (lambda x: x.var(1), lambda x: x.var(1, correction=0)),
            (lambda x: x @ x.T, lambda x: x @ x.T),
            (lambda x: x[[0, 0, 1]], lambda x: x[[0, 0, 1]]),
            (nn.softmax, lambda x: torch.softmax(x, -1)),
            (lambda x: np.linalg.inv(x[:, :2]), lambda x: torch.linalg.inv(x[:, :2])),
        ):
            self.assert_second(f, theirs, x)

    def test_products_at_zeros(self):
        import torch

        x = np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 1.0], [2.0, 5.0, 0.0]])
        self.assert_second(lambda x: x.prod(1), lambda x: x.prod(1), x)
        self.assert_second(lambda x: x.cumprod(1), lambda x: torch.cumprod(x, 1), x)


# --- What a gradient is ---------------------------------------------------------------


class TestGradient(ValueTest):
    def test_forms_of_wrt(self):
        x, w = Value([1.0, 2.0]), Value(3.0)
        y = (x * w).sum()
        self.assert_equal(gradient(y, x).data, [3.0, 3.0])
        for wrt in ([x, w], (x, w), iter([x, w])):
            by_x, by_w = gradient(y, wrt)
            self.assert_equal(by_x.data, [3.0, 3.0])
            self.assertEqual(by_w.data, 3.0)
        by_name = gradient(y, {"a": w, "b": x, "c": w})
        self.assertEqual([*by_name], ["a", "b", "c"])
        self.assertEqual(by_name["c"].data, 3.0)
        self.assertEqual(gradient(y, []), [])
        net = nn.MLP(2, [3, 1])
        score = net(x).sum()
        found = gradient(score, net)
        score.backward()
        self.assertEqual([*found], [name for name, _ in net.named_parameters()])
        for name, parameter in net.named_parameters():
            self.assert_close(found[name].data, parameter.grad)
        nested = gradient(score, {"net": net, "x": x})
        self.assert_equal(nested["net"]["layers.0.w"].data, found["layers.0.w"].data)
        self.assert_equal(nested["x"].data, x.grad)

        class Part:  # with parameters, and no names for them
            def parameters(self):
                return [w, x]

        by_w, by_x = gradient(y, Part())
        self.assert_equal(by_x.data, [3.0, 3.0])

    def test_of_itself_and_of_results(self):
        x = Value([1.0, 2.0])
        h = x * x
        self.assert_equal(gradient(h, h).data, [1.0, 1.0])
        self.assert_equal(gradient(x, x).data, [1.0, 1.0])
        self.assert_equal(gradient(h**3, h).data, 3 * h.data**2)

    def test_zeros(self):
        x, other = Value([1.0, 2.0]), Value(np.ones((2, 1), np.float32))
        zeros = gradient(x * 3, other)
        self.assert_equal(zeros.data, np.zeros((2, 1)))
        self.assertEqual(zeros.dtype, np.float32)
        self.assert_equal(gradient(gradient(x * 3, x), x).data, [0.0, 0.0])
        self.assert_equal(gradient(np.floor(x) + np.sign(x), x).data, [0.0, 0.0])
        self.assertEqual(gradient(Value(2.0), Value(1.0)).data, 0.0)
        lazy = Value(shape=(None, 2), name="z")
        zeros = gradient(x * 3, lazy)
        self.assertEqual(zeros.forward(z=np.ones((3, 2))).shape, (3, 2))

    def test_dtypes(self):
        for data in (np.array([1, 2, 3]), 2, np.array([True, False])):
            x = Value(data)
            first = gradient(x * x * 1.5, x)
            self.assertEqual(first.dtype, float)
            self.assert_close(first.data, 3.0 * np.asarray(data)[()])
        x, w = Value(np.ones(3, np.float32)), Value(np.ones(3))
        by_x, by_w = gradient((x.astype(float) * w) ** 2, [x, w])
        self.assertEqual((by_x.dtype, by_w.dtype), (np.float32, float))
        again = gradient(by_x * by_w, [x, w])
        self.assertEqual([g.dtype for g in again], [np.float32, float])

    def test_any_dtype_that_is_fed(self):
        x = Value(shape=(3,), name="x")
        first = gradient(np.maximum(x, 0.5) * x, x)
        for data, expected in (
            (np.ones(3, np.float32), np.float32),
            (np.ones(3), float),
            (np.arange(3), float),
        ):
            self.assertEqual(first.forward(x=data).dtype, expected)

    def test_refused(self):
        x = Value([1.0, 2.0])
        for function, words in (
            (lambda: gradient(x > 1, x), "numbers, got booleans"),
            (lambda: gradient(1.0, x), "y: expected a Value, got 1.0"),
            (lambda: gradient(x, 1.0), "wrt: expected Values, got 1.0"),
            (lambda: gradient(x, [x, "x"]), "wrt: expected Values, got 'x'"),
            (lambda: gradient(x, np.ones(2)), "wrt: expected Values"),
            (lambda: jacobian(x, [x]), "x: expected a Value"),
            (lambda: jacobian(2.0, x), "y: expected a Value"),
        ):
            with self.assertRaisesRegex(TypeError, words):
                function()

    def test_an_ordinary_expression(self):
        x = Value(shape=(2,), name="x")
        w = Value(3.0)
        first = gradient((w * x**3).sum(), x)
        self.assertFalse(first.is_fed)
        self.assert_equal(first.forward(x=[1.0, 2.0]), [9.0, 36.0])
        first.backward()
        self.assert_equal(x.grad, [18.0, 36.0])
        self.assertEqual(w.grad, 3.0 + 12.0)
        self.assert_equal(compiled(first)(x=[2.0, 1.0]), [36.0, 9.0])
        w.data = 1.0
        self.assert_equal(first.forward(x=[1.0, 2.0]), [3.0, 12.0])

    def test_errors_name_the_line_of_the_operator(self):
        x, w = Value(shape=(None,), name="x"), Value(np.ones(3))
        y = (x * w).sum()  # this line
        first = gradient(y, w)
        second = gradient((first * first).sum(), x)
        for g in (first, second):
            with self.assertRaisesRegex(ValueError, r"\* w\).*this line"):
                g.forward(x=np.ones(4))

    def test_errors_while_it_is_made(self):
        x = Value(np.ones((2, 2)))
        y = np.linalg.det(np.linalg.inv(x + np.eye(2)))
        third = gradient(gradient(np.linalg.det(x), x)[0, 0], x)
        with self.assertRaisesRegex(np.linalg.LinAlgError, "'det'|cofactors"):
            gradient(third, x)
        self.assertTrue(y.op)

    def test_infinite_matrices(self):
        """LAPACK's iterations may never end on them."""
        x = Value(np.array([[np.inf, 0.0], [0.0, 0.0]]))
        with np.errstate(all="ignore"):
            first = gradient(np.linalg.det(x), x)
            self.assert_equal(first.data, np.full((2, 2), np.nan))
            self.assert_equal(gradient(first, x).data, np.full((2, 2), np.nan))

    def test_nothing_else_changes(self):
        x = Value([1.0, 2.0])
        y = (x**3).sum()
        y.backward()
        before = x.grad
        gradient(y, x)
        self.assertIs(x.grad, before)


@slow
class TestLengths(ValueTest):
    """They follow what is fed, at lengths other than those it was made with."""

    def assert_for_any_length(self, function, lengths, *names):
        lazies = [Value(shape=(None, 3), name=name) for name in names]
        first = gradient(squares(function(*lazies)), lazies)
        second = gradient(weighted_squares(first), lazies)
        program = compiled(*first, *second)
        for given in lengths:
            feeds = {name: numbers((n, 3), n) for name, n in zip(names, given)}
            values = [Value(x) for x in feeds.values()]
            expected = gradient(squares(function(*values)), values)
            expected += gradient(weighted_squares(expected), values)
            results = program(**feeds)
            results = results if isinstance(results, tuple) else (results,)
            for g, of_program, of_values in zip((*first, *second), results, expected):
                self.assert_close(g.forward(**feeds), of_values.data, 1e-9)
                self.assert_close(of_program, of_values.data, 1e-9)

    def test_functions(self):
        tables = FUNCTIONS, test_shapes.OPEN, test_reductions.OPEN
        for name, function in [row for table in tables for row in table.items()]:
            parameters = inspect.signature(function).parameters.values()
            names = [x.name for x in parameters if x.default is x.empty]
            if name != "comparison":
                lengths = [[n] * len(names) for n in (3, 1, 5)]
                with self.subTest(name):
                    self.assert_for_any_length(function, lengths, *names)

    def test_axes_that_broadcast(self):
        lengths = [(5, 1), (1, 5), (4, 4), (1, 1)]
        self.assert_for_any_length(lambda a, b: a * b + b, lengths, "a", "b")
        self.assert_for_any_length(lambda a, b: a.tanh() - b, lengths, "a", "b")

    def test_a_fixed_axis_beside_an_open_one(self):
        x, b = Value(shape=(None, 3), name="x"), Value(np.ones((1, 3)))
        first = gradient((x * b) ** 2, b)
        self.assert_equal(first.forward(x=np.ones((5, 3))), np.full((1, 3), 10.0))
        self.assertEqual(first.shape, (1, 3))
        self.assertEqual(gradient(x * b, x).shape, (None, 3))

    def test_means(self):
        x = Value(shape=(None,), name="x")
        first = gradient(x.mean(), x)
        second = gradient((gradient(x.var(), x) ** 2).sum(), x)
        for n in (1, 4):
            data = np.arange(float(n))
            self.assert_close(first.forward(x=data), np.full(n, 1 / n))
            expected = 8 / n**2 * (data - data.mean())
            self.assert_close(second.forward(x=data), expected)

    def test_masks(self):
        x, b = Value(np.array([1.0, -2.0, 3.0])), Value(np.array([2.0]))
        kept = x[x > 2]  # one
        by_b = gradient(((kept * b) ** 2).sum(), b)
        by_x = gradient(gradient((kept * b).sum() ** 2, b).sum(), x)
        x.data = np.array([4.0, 3.0, 1.0])  # two
        self.assert_equal(by_b.forward(), [2 * 2 * (16.0 + 9.0)])
        self.assert_equal(by_x.forward(), [2 * 2 * 2 * 7.0, 2 * 2 * 2 * 7.0, 0.0])


def weighted_squares(gradients):
    """A number for gradients of any length."""
    terms = [(g * g).sum() * (i + 1.5) for i, g in enumerate(gradients)]
    return sum(terms[1:], terms[0])


class TestUserOperators(ValueTest):
    def test_of_numpys_functions(self):
        cube = operator("cube", lambda x: x**3, lambda g, y, x: 3 * g * x**2)
        leaky = operator(
            "leaky",
            lambda x: np.where(x > 0, x, 0.1 * x),
            lambda g, y, x: g * np.where(x > 0, 1.0, 0.1),
        )
        for data in (2.0, np.array([1.0, -2.0])):
            x = Value(data)
            self.assert_close(gradient(gradient(cube(x), x), x).data, 6 * data)
            first = gradient(leaky(x) * x, x)
            self.assert_close(
                first.data,
                2
                * data
                * np.where(data > np.zeros(2), 1, 0.1)[: np.size(data)].reshape(
                    np.shape(data)
                ),
            )
            x.data = -1.0 * x.data  # the branch is not frozen
            self.assert_close(
                first.forward(), 2 * x.data * np.where(x.data > 0, 1, 0.1)
            )

    def test_of_two_operands_and_of_none(self):
        product = operator(
            "product", lambda a, b: a * b, lambda g, y, a, b: g * b, None
        )
        a, b = Value([1.0, 2.0]), Value(3.0)
        by_a, by_b = gradient(product(a, b) ** 2, [a, b])
        self.assert_equal(by_a.data, 2 * 9 * a.data)
        self.assertEqual(by_b.data, 0.0)

    def test_of_arrays_alone(self):
        def by_array(g, y, x):
            return g * np.cos(np.asarray(x))

        derivatives = [
            by_array,
            lambda g, y, x: g * np.cos(x) if np.all(x < 9) else g,
            lambda g, y, x: g * np.cos(x) if float(np.sum(x)) < 9 else g,
            lambda g, y, x: g * np.cos(x) if int(np.sum(x)) < 9 else g,
            lambda g, y, x: g * np.cos(x) if np.sum(x).item() < 9 else g,
            lambda g, y, x: g * np.cos(x) if max(x.tolist()) < 9 else g,
            lambda g, y, x: g * np.cos(x) if not np.allclose(x, 9) else g,
            lambda g, y, x: g * np.cos(x) if not np.array_equal(x, [9]) else g,
        ]
        for derivative in derivatives:
            sine = operator("sine", np.sin, derivative)
            x = Value(np.array([0.5, 1.0]))
            first = gradient(sine(x) * 2, x)
            self.assert_close(first.data, 2 * np.cos(x.data))
            x.data = np.array([1.0, 2.0])
            self.assert_close(first.forward(), 2 * np.cos(x.data))
            self.assert_close(compiled(first)(), 2 * np.cos(x.data))
            words = "derivative of 'sine' cannot be differentiated.*np.where"
            with self.assertRaisesRegex(TypeError, words):
                gradient(first, x)
            with self.assertRaisesRegex(TypeError, words):
                first.backward()
            self.assertTrue(bool(Value(1.0)))  # elsewhere one may look


@slow
class TestCost(ValueTest):
    def test_long_chains(self):
        x = Value(0.5)
        y = x
        for i in range(10_000):
            y = (y * 0.9999).sin() if i % 2 else y + 0.001
        first = gradient(y, x)
        second = gradient(first, x)
        self.assertLess(len(results_of([second])), 20 * len(results_of([y])))
        slopes = []
        for h in (1e-5, -1e-5):
            x.data = 0.5 + h
            y.forward()
            y.backward(x)
            slopes.append(x.grad)
        x.data = 0.5
        self.assert_close(second.forward(), (slopes[0] - slopes[1]) / 2e-5, 1e-4)

    def test_linear_time(self):
        def seconds(n):
            x = Value(0.5)
            y = x
            for _ in range(n):
                y = y.tanh() * x
            start = time.process_time()
            gradient(gradient(y, x), x)
            return time.process_time() - start

        seconds(100)
        ratios = [seconds(1600) / seconds(200) for _ in range(3)]
        self.assertLess(min(ratios), 8 * 2.5)

    def test_a_net_is_four_times_as_large(self):
        net = nn.MLP(2, [8, 8, 1])
        x = Value(shape=(None, 2), name="x")
        loss = (net(x) ** 2).mean()
        both = results_of([loss, *gradient(loss, net).values()])
        n = len(results_of([loss]))
        self.assertLessEqual(len(both) - n, 4 * n)

    def test_memory_is_freed_at_once(self):
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        freed = []

        class Probe(np.ndarray):
            def __del__(self):
                freed.append(1)

        x = Value(np.ones(3).view(Probe))
        second = gradient(gradient(x.tanh() * x, x), x)
        second.forward()
        del x, second
        self.assertTrue(freed)


class TestMatrices(ValueTest):
    def test_jacobian(self):
        x = Value(numbers((2, 3)))
        for function, shape in (
            (lambda x: x**2, (2, 3)),
            (lambda x: x.sum(0), (3,)),
            (lambda x: x.sum(), ()),
            (lambda x: x[0, 0] * x, (2, 3)),
        ):
            y = function(x)
            found = jacobian(y, x)
            self.assertEqual(found.shape, shape + (2, 3))
            for at in np.ndindex(shape):
                y[at].backward() if shape else y.backward()
                self.assert_close(found.data[at], x.grad)
        self.assertEqual(jacobian(x[:0], x).shape, (0, 3, 2, 3))
        self.assertEqual(jacobian(Value(2.0) ** 2, Value(1.0)).data, 0.0)

    def test_hessian(self):
        a = numbers((3, 3))
        x = Value(numbers((3,)))
        self.assert_close(hessian(x @ a @ x, x).data, a + a.T)
        self.assertEqual(hessian(x**2, x).shape, (3, 3, 3))
        s = Value(2.0)
        self.assertEqual(hessian(s**3, s).data, 12.0)

    def test_open_axes(self):
        x, w = Value(shape=(None, 2), name="x"), Value(numbers((2,)))
        found = hessian(((x @ w) ** 2).sum(), w)
        data = numbers((5, 2))
        self.assert_close(found.forward(x=data), 2 * data.T @ data)
        by_x = jacobian(np.stack([x.sum(), (x * x).sum()]), x)
        self.assertEqual(by_x.forward(x=data).shape, (2, 5, 2))
        with self.assertRaisesRegex(TypeError, "an open axis has no length"):
            jacobian(x @ w, w)


class TestOthers(ValueTest):
    def test_check_of_second_order(self):
        x = Value(shape=(None, 2), name="x")
        w, b = Value(numbers((2, 2))), Value(0.3)
        y = ((x @ w + b).tanh() ** 2).mean()
        data = numbers((3, 2))
        check_gradients(y, [w, b], order=2, x=data)
        check_gradients(y, {"x": x}, 2, x=data)
        check_gradients((w * 3).sum(), w, order=2)
        for order in (0, 3, "2"):
            with self.assertRaisesRegex(ValueError, "order: expected 1 or 2, got"):
                check_gradients(y, w, order=order, x=data)

        def frozen(g, y, x):
            return g * np.cos(x.data if isinstance(x, Value) else x)

        sine = operator("sine", np.sin, frozen)
        check_gradients(sine(w), w)
        with self.assertRaisesRegex(AssertionError, "second derivative: .*gradient"):
            check_gradients(sine(w), w, order=2)

    @needs_graphviz
    def test_pictures(self):
        x = Value([1.0, 2.0])
        picture = draw_dot(gradient(x.tanh(), x)).source
        self.assertIn("back through tanh", picture)
        self.assertIn("style=dotted", picture)
        net = nn.MLP(2, [2, 1])
        folded = draw_dot(gradient((net(x) ** 2).sum(), x), names=net).source
        self.assertIn("back through @", folded)
        self.assertNotIn("back through", draw_dot(x.tanh()).source)


if __name__ == "__main__":
    unittest.main()
