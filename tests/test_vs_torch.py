"""The same as PyTorch: operators, broadcasting, and whole training runs."""

import unittest
from itertools import product

import numpy as np

from micrograd import Value, nn, optim, tensordot

try:
    import torch

    torch.set_num_threads(1)  # on arrays this small more of them only wait
except ImportError:
    torch = None

SHAPES = [(), (1,), (3,), (1, 3), (2, 1), (2, 3), (1, 1, 1), (4, 2, 3), (4, 1, 1)]
SHAPES += [(0,), (0, 3), (2, 0), (0, 1)]
PAIRS = []
for pair in product(SHAPES, SHAPES):
    try:
        np.broadcast_shapes(*pair)
        PAIRS.append(pair)
    except ValueError:
        pass
DTYPES = {np.float32: 2e-5, np.float64: 1e-12}  # with the accuracy to expect


def uniform(shape, low=0.5, high=2.0, seed=0):
    return np.random.default_rng(seed).uniform(low, high, shape)


@unittest.skipIf(torch is None, "PyTorch is not installed")
class TorchTest(unittest.TestCase):
    def assert_close(self, actual, tensor, rtol):
        expected = tensor.detach().numpy()
        self.assertEqual(np.shape(actual), expected.shape)
        self.assertEqual(np.asarray(actual).dtype, expected.dtype)
        np.testing.assert_allclose(actual, expected, rtol, atol=rtol)

    def assert_same(self, function, torch_function, *arrays):
        """In data and gradients, as float32 and float64, and in a second run too."""
        for dtype, rtol in DTYPES.items():
            values = [Value(np.asarray(array, dtype)) for array in arrays]
            tensors = [torch.tensor(v.data, requires_grad=True) for v in values]
            y, t = function(*values), torch_function(*tensors)
            self.assert_close(y.data, t, rtol)
            # different weights, as ones would hide elements that changed places
            weights = uniform(t.shape, seed=9).astype(dtype)
            (t * torch.tensor(weights)).sum().backward()
            loss = (y * weights).sum()
            for _ in range(2):
                loss.backward(wrt=values)
                for value, tensor in zip(values, tensors):
                    self.assert_close(value.grad, tensor.grad, rtol)


class TestOperators(TorchTest):
    def test_unary(self):
        wide, inner, positive = (-3, 3), (-0.95, 0.95), (0.05, 5)
        for name, (low, high) in {
            "exp": wide,
            "log": positive,
            "log1p": (-0.9, 5),
            "sqrt": positive,
            "relu": wide,
            "tanh": wide,
            "arctanh": inner,
            "arcsin": inner,
            "arcsinh": wide,
            "neg": wide,
        }.items():
            function = getattr(Value, name, None) or (lambda x: -x)
            for shape in SHAPES:
                with self.subTest(name, shape=shape):
                    x = uniform(shape, low, high)
                    self.assert_same(function, getattr(torch, name), x)

    def test_relu_at_zero(self):
        self.assert_same(Value.relu, torch.relu, [-1.0, -0.0, 0.0, 1.0])

    def test_binary_in_every_broadcasting(self):
        for name, function in {
            "+": lambda a, b: a + b,
            "-": lambda a, b: a - b,
            "*": lambda a, b: a * b,
            "/": lambda a, b: a / b,
            "**": lambda a, b: a**b,
        }.items():
            for left, right in PAIRS:
                with self.subTest(name, left=left, right=right):
                    a, b = uniform(left), uniform(right, seed=1)
                    self.assert_same(function, function, a, b)
            for shape in SHAPES:
                with self.subTest(name, shape=shape):
                    x = uniform(shape)
                    by_number = lambda a, f=function: f(a, 1.5)
                    self.assert_same(by_number, by_number, x)
                    of_number = lambda a, f=function: f(1.5, a)
                    self.assert_same(of_number, of_number, x)

    def test_powers(self):
        for exponent in (0, 1, 2, 3, -1, -2, 0.0, 1.0, 2.0, -1.0):
            with self.subTest(exponent=exponent):
                power = lambda x, exponent=exponent: x**exponent
                self.assert_same(power, power, [-2.0, -0.5, 0.5, 3.0])
        power = lambda a, b: a**b
        self.assert_same(power, power, [0.0, 0.0, 0.0, 3.0], [0.0, 1.0, 2.0, 0.0])
        self.assert_same(lambda x: x**0, power_of_zero, [0.0, -2.0])

    def test_matmul(self):
        batches = [(), (1,), (5,), (6, 1), (6, 5), (0,)]
        for left, right in product(batches, batches):
            try:
                np.broadcast_shapes(left, right)
            except ValueError:
                continue
            with self.subTest(left=left, right=right):
                a, b = uniform((*left, 2, 3)), uniform((*right, 3, 4), seed=1)
                self.assert_same(matmul, matmul, a, b)
        vector = uniform(3)
        self.assert_same(matmul, matmul, vector, vector + 1)
        for batch in batches:
            with self.subTest(batch=batch):
                self.assert_same(matmul, matmul, uniform((*batch, 2, 3)), vector)
                self.assert_same(matmul, matmul, vector, uniform((*batch, 3, 4)))
        for left, right in [((0, 3), (3, 4)), ((2, 0), (0, 4)), ((2, 3), (3, 0))]:
            with self.subTest(left=left, right=right):
                self.assert_same(matmul, matmul, uniform(left), uniform(right))

    def test_matmul_of_transposed(self):
        transposed = lambda a, b: (a.T @ b.T).T
        self.assert_same(transposed, transposed, uniform((3, 2)), uniform((4, 3)))

    def test_tensordot(self):
        for left, right, axes in [
            ((2, 3), (4, 5), 0),
            ((3,), (3,), 1),
            ((2, 3), (3, 4), 1),
            ((2, 3), (3,), 1),
            ((2, 3, 4), (4, 3, 5), 2),
            ((6, 2, 3, 4), (4, 3, 2), 3),
        ]:
            # the last axis of left with the first of right, and so on outwards
            dims = [len(left) - 1 - i for i in range(axes)], list(range(axes))
            with self.subTest(left=left, right=right, axes=axes):
                self.assert_same(
                    lambda a, b, axes=axes: tensordot(a, b, axes),
                    lambda a, b, dims=dims: torch.tensordot(a, b, dims),
                    uniform(left),
                    uniform(right, seed=1),
                )

    def test_sum_and_mean(self):
        axes = [None, 0, 1, -1, (0,), (0, 2), (2, 0), (0, -1), (0, 1, 2)]
        for name, axis, keepdims in product(("sum", "mean"), axes, (False, True)):
            with self.subTest(name, axis=axis, keepdims=keepdims):
                for shape in [(2, 3, 4), (1, 3, 1), (2, 1, 4)]:
                    self.assert_same(
                        lambda x, n=name, a=axis, k=keepdims: getattr(x, n)(a, k),
                        lambda x, n=name, a=axis, k=keepdims: getattr(torch, n)(
                            x, dim=a, keepdim=k
                        ),
                        uniform(shape),
                    )

    def test_transpose(self):
        for shape in [(3,), (2, 3), (2, 3, 4), (0, 3)]:
            reverse = lambda x: x.permute(*reversed(range(x.ndim)))
            self.assert_same(lambda x: x.T, reverse, uniform(shape))

    def test_indexing(self):
        for key in [
            0,
            -1,
            (1, 2),
            slice(None),
            slice(0, 2, 2),
            (slice(None), 1),
            (slice(None), None),
            ...,
            (..., 0),
            [0, 0, 1],
            ([0, 1, 1], [2, 0, 0]),
            slice(0, 0),
        ]:
            with self.subTest(key=key):
                pick = lambda x, key=key: x[key]
                self.assert_same(pick, pick, uniform((2, 3)))

    def test_shared_expressions(self):
        def function(a, b):
            c = a * b + a
            d = c * c - b
            return (c.tanh() + d * a) / (d * d + 1) + c.mean()

        self.assert_same(function, function, uniform((2, 3)), uniform(3, seed=1))
        self.assert_same(function, function, uniform((2, 1)), uniform((4, 1, 3)))


def matmul(a, b):
    return a @ b


def power_of_zero(x):
    return x ** torch.zeros((), dtype=x.dtype)


class TestTraining(TorchTest):
    STEPS = 150

    def train(self, make, torch_make, dtype=np.float64, rates=None):
        """The largest difference in loss and weights, between the two, of a run."""
        rng = np.random.default_rng(0)
        model = nn.MLP(2, [16, 16, 1], rng=rng)
        for value in model.parameters():
            if np.ndim(value.data):  # numbers go with every dtype
                value.data = value.data.astype(dtype)
        inputs = rng.normal(size=(100, 2)).astype(dtype)
        labels = np.where(inputs[:, 0] * inputs[:, 1] > 0, 1, -1).astype(dtype)
        x, t = Value(shape=(None, 2), name="x"), Value(shape=(None,), name="t")
        loss = (1 - model(x) * t).relu().mean() + 1e-3 * (model(x) ** 2).mean()

        copied = lambda data: torch.tensor(
            np.array(data, dtype),
            requires_grad=True,
            dtype=getattr(torch, dtype.__name__),
        )
        pairs = [(copied(layer.w.data), copied(layer.b.data)) for layer in model.layers]
        parameters = [parameter for pair in pairs for parameter in pair]

        def torch_model(x):
            for i, (w, b) in enumerate(pairs):
                x = x @ w + b
                x = x if i == len(pairs) - 1 else x.relu()
            return x

        optimiser, torch_optimiser = make(model.parameters()), torch_make(parameters)
        differences = []
        for step in range(self.STEPS):
            # batches of 30, 30, 30 and 10
            batch = slice(step % 4 * 30, step % 4 * 30 + 30)
            actual = loss.forward(x=inputs[batch], t=labels[batch])
            loss.backward(wrt=model.parameters())
            optimiser.step()

            y = torch_model(torch.tensor(inputs[batch]))
            expected = (1 - y * torch.tensor(labels[batch])).relu().mean()
            expected = expected + 1e-3 * (y**2).mean()
            torch_optimiser.zero_grad()
            expected.backward()
            if rates is not None:
                torch_optimiser.param_groups[0]["lr"] = float(rates[step])
            torch_optimiser.step()
            differences.append(abs(actual - expected.item()))
        self.assertLess(actual, 0.5)  # it has learnt something
        for layer, (w, b) in zip(model.layers, pairs):
            for value, tensor in ((layer.w, w), (layer.b, b)):
                if np.ndim(value.data):
                    self.assertEqual(value.data.dtype, dtype)
                difference = np.abs(value.data - tensor.detach().numpy())
                differences.append(difference.max())
        return max(differences)

    def test_sgd(self):
        for options in [
            {},
            {"momentum": 0.9},
            {"weight_decay": 0.01},
            {"momentum": 0.8, "weight_decay": 0.01},
        ]:
            rate = 0.05 if "momentum" in options else 0.3
            with self.subTest(**options):
                difference = self.train(
                    lambda wrt, rate=rate, o=options: optim.SGD(wrt, rate, **o),
                    lambda wrt, rate=rate, o=options: torch.optim.SGD(wrt, rate, **o),
                )
                self.assertLess(difference, 1e-10)

    def test_sgd_with_a_schedule(self):
        rates = np.linspace(0.3, 0.03, self.STEPS)
        for momentum in (0, 0.5):
            difference = self.train(
                lambda wrt, m=momentum: optim.SGD(wrt, iter(rates), momentum=m),
                lambda wrt, m=momentum: torch.optim.SGD(wrt, 1.0, momentum=m),
                rates=rates,
            )
            self.assertLess(difference, 1e-10)

    def test_adam(self):
        for options in [
            {},
            {"weight_decay": 0.01},
            {"betas": (0.8, 0.99), "eps": 1e-6},
        ]:
            with self.subTest(**options):
                difference = self.train(
                    lambda wrt, o=options: optim.Adam(wrt, 0.01, **o),
                    lambda wrt, o=options: torch.optim.Adam(wrt, 0.01, **o),
                )
                self.assertLess(difference, 1e-10)

    def test_adam_with_a_schedule(self):
        rates = np.linspace(0.02, 0.002, self.STEPS)
        difference = self.train(
            lambda wrt: optim.Adam(wrt, rates),
            lambda wrt: torch.optim.Adam(wrt, 1.0),
            rates=rates,
        )
        self.assertLess(difference, 1e-10)

    def test_float32(self):
        difference = self.train(
            lambda wrt: optim.SGD(wrt, 0.05, momentum=0.5),
            lambda wrt: torch.optim.SGD(wrt, 0.05, momentum=0.5),
            np.float32,
        )
        self.assertLess(difference, 1e-3)

    def test_default_rate_of_adam(self):
        x, t = Value(np.ones(3)), torch.ones(3, dtype=torch.float64, requires_grad=True)
        y, optimiser = (x * x).sum(), optim.Adam(x)
        torch_optimiser = torch.optim.Adam([t])
        for _ in range(10):
            y.forward()
            y.backward()
            optimiser.step()
            torch_optimiser.zero_grad()
            (t * t).sum().backward()
            torch_optimiser.step()
        np.testing.assert_allclose(x.data, t.detach().numpy(), 1e-12)


if __name__ == "__main__":
    unittest.main()
