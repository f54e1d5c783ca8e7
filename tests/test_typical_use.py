"""What users write, with types: it runs, and `mypy --strict` finds no fault with it."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import micrograd
from micrograd import (
    Value,
    concatenate,
    einsum,
    nn,
    operator,
    optim,
    stack,
    tensordot,
    where,
)
from micrograd.check import check_gradients
from micrograd.trace import draw_dot

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:

    def assert_type(value, kind):
        """For mypy the type is exactly this one, and here it has to be, too."""
        assert isinstance(value, getattr(kind, "__origin__", kind)), (value, kind)


softplus = operator(
    "softplus", lambda x: np.logaddexp(0, x), lambda g, y, x: g * np.exp(x - y)
)
detach = operator("detach", lambda x: x, None)


def conv1d(x: Value, w: Value, stride: int = 1) -> Value:
    """(N, length, nin) and (width, nin, nout) to (N, ..., nout)."""
    width, nin, nout = w.shape
    length = (x.shape[1] - width) // stride + 1
    shifted = [x[:, i : i + stride * length : stride] for i in range(width)]
    patches = concatenate(shifted, axis=-1).reshape(-1, width * nin)
    return (patches @ w.reshape(-1, nout)).reshape(-1, length, nout)


def layer_norm(x: Value, eps: float = 1e-5) -> Value:
    x = x - x.mean(axis=-1, keepdims=True)
    return x / ((x**2).mean(axis=-1, keepdims=True) + eps).sqrt()


def warm_up(rate: float, steps: int) -> Iterator[float]:
    for step in range(1, 1000):
        yield rate * min(1, step / steps)


class Residual(nn.Module):
    def __init__(self, n: int, rng: np.random.Generator | None = None) -> None:
        self.inner = nn.Layer(n, n, rng=rng)
        self.scale = Value(1.0)

    def __call__(self, x: Value) -> Value:
        return x + self.scale * self.inner(x)


class TestValue(unittest.TestCase):
    def setUp(self) -> None:
        self.array = np.arange(1.0, 5.0).reshape(2, 2)
        self.v = Value(self.array)

    def test_attributes(self) -> None:
        v, x = self.v, Value(shape=(None, 2), name="x", dtype=np.float32)
        assert_type(v.op, str)
        assert_type(v.ndim, int)
        assert_type(v.dtype, np.dtype[Any])
        assert_type(len(v), int)
        assert_type(list(v), list[Value])
        assert_type(float(v[1, 1]), float)
        assert_type(bool(v[1, 1] > 3), bool)
        assert_type(micrograd.__version__, str)
        rows, columns = v.shape
        self.assertEqual((rows // 2, columns * 2, v.size + 1), (1, 4, 5))
        self.assertEqual((x.shape, x.name), ((None, 2), "x"))
        self.assertEqual(Value(shape=3, name="y").shape, (3,))
        self.assertEqual(v.data.sum(), v.numpy().sum())
        assert_type(v.detach(), Value)
        self.assertIsNone(v.grad)

    def test_operators(self) -> None:
        v, array, row = self.v, self.array, np.ones(2)
        for y in (-v, abs(v), v + 1, v - row, v * 2.0, v / array, v**2, v @ row):
            assert_type(y, Value)
        for y in (1 + v, row - v, 2.0 * v, array / v, 2**v, array @ v):
            assert_type(y, Value)
        for y in (v < 2, v <= v, v > array, v >= row, 2 < v, array > v):
            assert_type(y, Value)
        for y in ([v, v] @ v, [v, array] - v, v * [1.0, 2.0], np.float64(2) / v):
            assert_type(y, Value)
        for y in (v[0], v[:, 1], v[..., None], v[[0, 0]], v[array > 1], v[v > 1]):
            assert_type(y, Value)
        self.assertEqual(([v, v] @ v).shape, (2, 2, 2))

    def test_methods(self) -> None:
        v, u = self.v, self.v / 5
        for y in (v.exp(), v.log(), v.log1p(), v.sqrt(), v.relu(), v.tanh(), v.sin()):
            assert_type(y, Value)
        for y in (v.cos(), v.abs(), v.sigmoid(), v.arcsinh(), u.arcsin(), u.arctanh()):
            assert_type(y, Value)
        for y in (v.sum(), v.mean(axis=0), v.max((0, 1)), v.min(keepdims=True)):
            assert_type(y, Value)
        for y in (v.logsumexp(axis=-1), v.maximum(0), v.minimum(u), v.clip(0, max=1)):
            assert_type(y, Value)
        for y in (v.T, v.transpose(1, 0), v.transpose(), v.reshape(4)):
            assert_type(y, Value)
        self.assertEqual(v.reshape((1, -1)).shape, (1, 4))

    def test_functions(self) -> None:
        v, array = self.v, self.array
        for y in (where(v > 2, v, 0), where(array > 2, v, array), where([True], 1, v)):
            assert_type(y, Value)
        for y in (concatenate([v, array]), concatenate(v, axis=-1), stack((v, v))):
            assert_type(y, Value)
        for y in (tensordot(array, v, axes=1), einsum("ij,kj->ik", v, array)):
            assert_type(y, Value)
        for y in (softplus(v), detach(v), nn.softmax(v), nn.softmax(array, axis=0)):
            assert_type(y, Value)
        self.assertEqual(stack((v, v), axis=-1).shape, (2, 2, 2))

    def test_wrong_arguments(self) -> None:
        """When the types allow one of them, mypy finds its comment superfluous."""
        v = self.v
        with self.assertRaises(TypeError):
            Value()  # type: ignore[call-overload]
        with self.assertRaises(TypeError):
            Value(1.0, name="x")  # type: ignore[call-overload]
        with self.assertRaises(TypeError):
            Value(shape=(2,))  # type: ignore[call-overload]
        with self.assertRaises(TypeError):
            v.maximum(other=1.0)  # type: ignore[call-arg]
        with self.assertRaises(TypeError):
            where(v > 0, v)  # type: ignore[call-arg]
        with self.assertRaises(TypeError):
            v.backward(wrt=1.0)  # type: ignore[arg-type]
        with self.assertRaises(TypeError):
            einsum(v, v)  # type: ignore[arg-type]
        with self.assertRaises(TypeError):
            optim.SGD(v)  # type: ignore[call-arg]
        with self.assertRaises(TypeError):
            nn.Neuron(2, rng=1)  # type: ignore[arg-type]
        with self.assertRaises(AttributeError):
            v.name = "x"  # type: ignore[misc]

    def test_gradients(self) -> None:
        rng = np.random.default_rng(0)
        x, w = Value(shape=(None, 5, 2), name="x"), Value(rng.normal(size=(2, 2, 3)))
        y = layer_norm(conv1d(x, w, stride=2)).tanh()
        batch = rng.normal(size=(4, 5, 2))
        self.assertEqual(y.forward(x=batch).shape, (4, 2, 3))
        self.assertEqual(y.forward(x=batch.tolist()).shape, (4, 2, 3))
        y.backward()
        y.backward(wrt=w)
        y.backward([w, x])
        self.assertEqual(w.grad.shape, (2, 2, 3))
        check_gradients(y, w, x=batch)
        check_gradients(softplus(self.v), [self.v])

    @unittest.skipUnless(importlib.util.find_spec("graphviz"), "graphviz is missing")
    @unittest.skipUnless(shutil.which("dot"), "Graphviz's program dot is missing")
    def test_picture(self) -> None:
        graph = draw_dot(self.v.exp(), format="png", rankdir="TB")
        self.assertIn("exp", graph.source)


class TestTraining(unittest.TestCase):
    def setUp(self) -> None:
        rng = np.random.default_rng(0)
        self.inputs = rng.normal(size=(20, 2))
        self.labels = (self.inputs.prod(axis=1) > 0).astype(int)
        self.model = nn.MLP(2, [8, 2], rng=rng)

    def test_classifier(self) -> None:
        x = Value(shape=(None, 2), name="x")
        y = Value(shape=(None,), name="y", dtype=int)
        logits = self.model(x)
        loss = nn.cross_entropy(logits, targets=y)
        parameters = self.model.parameters()
        assert_type(logits, Value)
        assert_type(loss, Value)
        assert_type(parameters, list[Value])
        optimisers = [
            optim.SGD(parameters, 0.1),
            optim.SGD(parameters, warm_up(0.1, 5), momentum=0.9, weight_decay=1e-4),
            optim.Adam(parameters),
            optim.Adam(parameters, learning_rate=1e-2, betas=(0.9, 0.99), eps=1e-6),
            optim.AdamW(parameters, warm_up(0.01, 5), weight_decay=0),
        ]
        first = loss.forward(x=self.inputs, y=self.labels)
        for _ in range(200):
            for optimiser in optimisers:
                loss.forward(x=self.inputs, y=self.labels)
                loss.backward(wrt=optimiser.wrt)
                norm = optim.clip_grad_norm(optimiser.wrt, max_norm=1.0)
                assert_type(norm, float)
                optimiser.step()
        self.assertLess(loss.forward(x=self.inputs, y=self.labels), first / 10)

    def test_one_value(self) -> None:
        x = Value([4.0, -2.0])
        loss = ((x - [1.0, 3.0]) ** 2).sum()
        optimiser = optim.SGD(x, learning_rate=0.1)
        for _ in range(100):
            loss.forward()
            loss.backward(wrt=x)
            optim.clip_grad_norm(x, 5)
            optimiser.step()
        np.testing.assert_allclose(x.data, [1, 3], rtol=1e-6)

    def test_modules(self) -> None:
        model, linear = (
            Residual(2, np.random.default_rng(0)),
            nn.Neuron(2, nonlin=False),
        )
        assert_type(model(Value(self.inputs)), Value)
        assert_type(linear(self.inputs), Value)
        assert_type(linear.w, Value)
        assert_type(self.model.layers, list[nn.Neuron])
        assert_type(nn.cross_entropy(self.model(self.inputs), self.labels), Value)
        model.zero_grad()
        state = model.state_dict()
        self.assertEqual(sorted(state), ["inner.b", "inner.w", "scale"])
        model.load_state_dict({**state, "scale": 2.0})
        self.assertEqual(model.scale.data, 2)

    def test_files(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "net.npz")
            self.model.save(path)
            other = nn.MLP(2, [8, 2])
            other.load(str(path))
        expected = self.model(self.inputs).data
        np.testing.assert_array_equal(other(self.inputs).data, expected)


if __name__ == "__main__":
    unittest.main()
