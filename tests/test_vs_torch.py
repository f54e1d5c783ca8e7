"""The same as PyTorch: operators, broadcasting, and whole training runs.

Each by the engine, and by a compiled program.
"""

import unittest
import warnings
from itertools import product

import numpy as np
from testing import (
    BINARY,
    REDUCTIONS,
    SHAPES,
    UNARY,
    are_broadcastable,
    needs,
    uniform,
)

from micrograd import (
    Value,
    compiled,
    concatenate,
    einsum,
    nn,
    optim,
    stack,
    tensordot,
    where,
)

try:
    import torch

    torch.set_num_threads(1)  # on arrays this small more of them only wait
except ImportError:
    torch = None

PAIRS = [pair for pair in product(SHAPES, SHAPES) if are_broadcastable(*pair)]
DTYPES = {np.float32: 2e-5, np.float64: 1e-12}  # with the accuracy to expect
EINSUMS = [
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iii->i", (2, 2, 2)),
    ("ij->", (2, 3)),
    ("ij->i", (2, 3)),
    ("ij->ji", (2, 3)),
    ("ba", (2, 3)),  # to ab
    ("i,i", (3,), (3,)),
    ("i,j->ij", (2,), (3,)),
    ("i,j->ji", (2,), (3,)),
    (",i->i", (), (3,)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ij,jk->ki", (2, 3), (3, 4)),
    (" i j , j k -> i k ", (2, 3), (3, 4)),
    ("ij,ij->", (2, 3), (2, 3)),
    ("ij,ij->j", (2, 3), (2, 3)),
    ("ij,jk->ik", (2, 1), (3, 4)),  # a length of 1 broadcasts
    ("ij,jk->ik", (0, 3), (3, 4)),
    ("ij,jk->ik", (2, 0), (0, 4)),
    ("ij,k->i", (2, 3), (4,)),  # j and k are in one operand alone
    ("i,jk->", (2,), (3, 4)),
    ("iij,j->i", (2, 2, 3), (3,)),
    ("iij,iij->j", (2, 2, 3), (2, 2, 3)),
    ("ii,jj->", (2, 2), (3, 3)),
    ("bij,bjk->bik", (4, 2, 3), (4, 3, 2)),
    ("bhqd,bhkd->bhqk", (2, 1, 3, 4), (2, 1, 5, 4)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("i,ij,j", (2,), (2, 3), (3,)),
    ("ij,kj,k,i->j", (2, 3), (4, 3), (4,), (2,)),
    ("...ij,...jk->...ik", (4, 1, 2, 3), (5, 3, 2)),
    ("...ij,...jk->...ik", (2, 3), (5, 3, 2)),
    ("...ij,...jk", (4, 2, 3), (1, 3, 2)),
    ("...ij,kj->...ik", (4, 2, 3), (2, 3)),
    ("...i->...", (4, 2, 3)),
    ("i...->...", (4, 2, 3)),
    ("...ii->...i", (4, 3, 3)),
    ("...,...->...", (2, 1), (3,)),
    ("ij,...j->...i", (2, 3), (4, 3)),
    ("...ii,...i->...", (3, 3), (4, 3)),
    ("iij,ij->i", (2, 2, 1), (2, 3)),
    ("i...,...->i...", (3,), (3,)),
    ("i...,...->...i", (2,), (2, 3)),
    ("...ij,k...->k...", (2, 3, 4), (5, 4, 2)),
    ("i...i,...->...", (3, 2, 3), (4, 2)),
    ("ij,ij->", (2, 1), (1, 3)),
    ("ij,ij->j", (2, 1), (1, 3)),
]


def few(shape, seed=0):
    """Numbers of which many are equal."""
    return np.random.default_rng(seed).integers(0, 4, shape).astype(float)


def interpreted(result, *others, wrt):
    """What `compiled` does, by forward() and backward()."""

    def step(**feeds):
        result.forward(**feeds)
        result.backward(wrt)
        results = tuple(y.data for y in (result, *others))
        return results if others else results[0]

    return step


@needs("torch")
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
            for run in (interpreted, compiled):
                step = run(loss, y, wrt=values)
                for _ in range(2):
                    self.assert_close(step()[1], t, rtol)
                    for value, tensor in zip(values, tensors):
                        self.assert_close(value.grad, tensor.grad, rtol)


class TestOperators(TorchTest):
    def test_unary(self):
        for name, (function, _, (low, *_, high)) in UNARY.items():
            if not hasattr(torch, name):
                continue
            for shape in SHAPES:
                with self.subTest(name, shape=shape):
                    x = uniform(shape, low, high)
                    self.assert_same(function, getattr(torch, name), x)

    def test_relu_and_abs_at_zero(self):
        self.assert_same(Value.relu, torch.relu, [-1.0, -0.0, 0.0, 1.0])
        self.assert_same(Value.abs, torch.abs, [-1.0, -0.0, 0.0, 1.0])

    def test_abs_of_infinite_gradients(self):
        with np.errstate(divide="ignore"):
            self.assert_same(
                lambda x: (abs(x) - 4).sqrt(),
                lambda x: (abs(x) - 4).sqrt(),
                [-4.0, 4.0, 5.0],
            )

    def test_sigmoid_of_large_numbers(self):
        x = [-np.inf, -1000.0, -100.0, -1.0, 0.0, 1.0, 100.0, 1000.0, np.inf]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assert_same(Value.sigmoid, torch.sigmoid, x)

    def test_binary_in_every_broadcasting(self):
        for name, (function, _) in BINARY.items():
            torch_function = getattr(torch, name, function)  # Python's as it is
            # few() has many that tie
            can_tie = name in ("maximum", "minimum")
            draw, constant = (few, 1.0) if can_tie else (uniform, 1.5)
            for left, right in PAIRS:
                with self.subTest(name, left=left, right=right):
                    a, b = draw(left), draw(right, seed=1)
                    self.assert_same(function, torch_function, a, b)
            for shape in SHAPES:
                with self.subTest(name, shape=shape):
                    x = draw(shape)
                    number = lambda x, c=constant: torch.tensor(c, dtype=x.dtype)
                    self.assert_same(
                        lambda x, f=function, c=constant: f(x, c),
                        lambda x, f=torch_function, n=number: f(x, n(x)),
                        x,
                    )
                    self.assert_same(
                        lambda x, f=function, c=constant: f(c, x),
                        lambda x, f=torch_function, n=number: f(n(x), x),
                        x,
                    )

    def test_where(self):
        for (left, right), shape in product(PAIRS, [(), (3,), (2, 1), (4, 1, 1)]):
            if are_broadcastable(left, right, shape):
                with self.subTest(left=left, right=right, condition=shape):
                    condition = uniform(shape, seed=2) > 1.25
                    self.assert_same(
                        lambda x, y, condition=condition: where(condition, x, y),
                        lambda x, y, condition=condition: torch.where(
                            torch.tensor(condition), x, y
                        ),
                        uniform(left),
                        uniform(right, seed=1),
                    )

    def test_where_it_compares(self):
        for name, function, torch_function in [
            (
                "values",
                lambda x, y: where(x < y, x * y, y - x),
                lambda x, y: torch.where(x < y, x * y, y - x),
            ),
            (
                "numbers",
                lambda x, y: where(y >= 1, x, 0) + where(x > 1, 2.0, y),
                lambda x, y: torch.where(y >= 1, x, 0) + torch.where(x > 1, 2.0, y),
            ),
        ]:
            for left, right in PAIRS:
                with self.subTest(name, left=left, right=right):
                    a, b = few(left), few(right, seed=1)
                    self.assert_same(function, torch_function, a, b)

    def test_clip_to_numbers(self):
        # few() gives the bounds themselves, too
        for low, high in product((None, 1, 1.0, 3), (None, 1, 2.0)):
            if low is not None or high is not None:
                with self.subTest(low=low, high=high):
                    for shape in SHAPES:
                        self.assert_same(
                            lambda x, low=low, high=high: x.clip(low, high),
                            lambda x, low=low, high=high: x.clamp(low, high),
                            few(shape),
                        )

    def test_clip_to_values(self):
        for left, right in PAIRS:
            with self.subTest(left=left, right=right):
                x, a = few(left), few(right, seed=1)
                for b in (a + 1, a - 1):  # an interval, and none
                    self.assert_same(Value.clip, torch.clamp, x, a, b)
                for key in ("min", "max"):
                    self.assert_same(
                        lambda x, a, key=key: x.clip(**{key: a}),
                        lambda x, a, key=key: x.clamp(**{key: a}),
                        x,
                        a,
                    )
                self.assert_same(  # to arrays
                    lambda x, a: x.clip(a.data, a.data + 1) * a,
                    lambda x, a: x.clamp(a.detach(), a.detach() + 1) * a,
                    x,
                    a,
                )

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

    def test_reductions(self):
        axes = [None, 0, 1, -1, (0,), (0, 2), (2, 0), (0, -1), (0, 1, 2)]
        for name, axis, keepdims in product(REDUCTIONS, axes, (False, True)):
            f, torch_function = REDUCTIONS[name][0], getattr(torch, name)
            dims = (0, 1, 2) if axis is None else axis
            with self.subTest(name, axis=axis, keepdims=keepdims):
                for shape in [(2, 3, 4), (1, 3, 1), (2, 1, 4)]:
                    for x in uniform(shape), few(shape):  # few of them tie
                        self.assert_same(
                            lambda x, f=f, a=axis, k=keepdims: f(x, a, k),
                            lambda x, f=torch_function, d=dims, k=keepdims: f(
                                x, dim=d, keepdim=k
                            ),
                            x,
                        )

    def test_reductions_of_nothing(self):
        for name, axis in [
            ("amax", 1),
            ("amin", -1),
            ("logsumexp", 0),
            ("logsumexp", 1),
        ]:
            with self.subTest(name, axis=axis):
                self.assert_same(
                    lambda x, n=name, axis=axis: REDUCTIONS[n][0](x, axis),
                    lambda x, n=name, axis=axis: getattr(torch, n)(x, axis),
                    uniform((0, 3)),
                )

    def test_logsumexp_of_large_numbers(self):
        x = [[1e4, 1e4, -1e4], [-np.inf, 0, 1], [-np.inf, 1e4, -1e4], [-1e4, -1e4, 0]]
        for axis in (None, 0, 1):
            dims = (0, 1) if axis is None else axis
            with self.subTest(axis=axis), warnings.catch_warnings():
                warnings.simplefilter("error")
                self.assert_same(
                    lambda x, axis=axis: x.logsumexp(axis),
                    lambda x, dims=dims: torch.logsumexp(x, dims),
                    x,
                )

    def test_transpose(self):
        for shape in [(3,), (2, 3), (2, 3, 4), (0, 3)]:
            reverse = lambda x: x.permute(*reversed(range(x.ndim)))
            self.assert_same(lambda x: x.T, reverse, uniform(shape))
            self.assert_same(Value.transpose, reverse, uniform(shape))
        for axes in [(0, 1, 2), (1, 2, 0), (2, 0, 1), (-1, 0, 1), (0, -1, -2)]:
            permute = lambda x, axes=axes: x.permute(axes)
            with self.subTest(axes=axes):
                for shape in [(2, 3, 4), (0, 3, 2)]:
                    for options in (axes, (axes,), (list(axes),)):
                        self.assert_same(
                            lambda x, options=options: x.transpose(*options),
                            permute,
                            uniform(shape),
                        )

    def test_reshape(self):
        for shape, new in [
            ((2, 3, 4), (6, 4)),
            ((2, 3, 4), (-1,)),
            ((2, 3, 4), (4, -1)),
            ((2, 3, 4), (2, -1, 2, 1)),
            ((1, 1), ()),
            ((), (1, 1)),
            ((), (-1,)),
            ((0, 3), (3, 0)),
            ((0, 3), (-1, 3)),
        ]:
            for options in (new, (new,)) if new else ((new,),):
                with self.subTest(shape=shape, options=options):
                    self.assert_same(
                        lambda x, options=options: x.reshape(*options),
                        lambda x, new=new: x.reshape(new),
                        uniform(shape),
                    )

    def test_reshape_of_transposed(self):
        # no view of x, neither forwards nor backwards
        self.assert_same(
            lambda x: (x.T.reshape(2, -1) ** 2).T.reshape(-1),
            lambda x: (x.T.reshape(2, -1) ** 2).T.reshape(-1),
            uniform((3, 4)),
        )

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
            slice(None, None, 2),
            (slice(None), slice(-1, None)),
            (None, ..., None, 1),
            [-1, 1, -1],
            np.array([[0, 1], [1, 1]]),
            (1, [2, 0, 2]),
            ([1, 1], slice(1, None)),
            (slice(None), np.array([2, 2, 0])),
            ([[0], [1]], [0, 2]),
            np.array([False, True]),
            np.array([False, False]),
            np.array([[True, False, True], [False, False, True]]),
            (slice(None), np.array([True, False, True])),
            (1, np.array([True, False, True])),
        ]:
            with self.subTest(key=key):
                pick = lambda x, key=key: x[key]
                self.assert_same(pick, pick, uniform((2, 3)))

    def test_indexing_apart(self):
        # integers on both sides of a slice come first, those next to each other stay
        for key in [
            ([0, 1], slice(None), [3, 0]),
            (slice(None), [2, 2], [3, 0]),
            ([0, 0, 1], ..., 2),
            (..., [1, 1], slice(None, None, 3)),
        ]:
            with self.subTest(key=key):
                pick = lambda x, key=key: x[key]
                self.assert_same(pick, pick, uniform((2, 3, 4)))

    def test_indexing_with_values(self):
        rows, columns = np.array([1, 0, 1]), np.array([[2], [0], [2]])
        for name, key in {
            "rows": lambda i, j: i,
            "columns": lambda i, j: (slice(None), j),
            "elements": lambda i, j: (i, j),
            "computed": lambda i, j: i * (j < 1),
            "number": lambda i, j: (i[0], None),
        }.items():
            with self.subTest(name):
                self.assert_same(
                    lambda x, key=key: x[key(Value(rows), Value(columns))],
                    lambda x, key=key: x[key(*map(torch.tensor, (rows, columns)))],
                    uniform((2, 3)),
                )

    def test_indexing_with_comparisons(self):
        pick = lambda x: x[x > 1] * 2
        self.assert_same(pick, pick, uniform((4, 3)))
        self.assert_same(pick, pick, uniform((4, 3), 0, 0.5))  # selects nothing
        pick = lambda x, y: (x[y >= 1] ** 2).sum() * y
        self.assert_same(pick, pick, uniform((4, 3)), uniform((4, 3), seed=1))

    def test_concatenate_and_stack(self):
        for shapes, axis in [
            ([(2, 3)], 0),
            ([(2, 3), (1, 3), (4, 3)], 0),
            ([(2, 3), (2, 1)], 1),
            ([(2, 3), (2, 1)], -1),
            ([(2, 3), (0, 3)], -2),
            ([(2,), (3,), (1,)], 0),
            ([(2, 1, 4), (2, 3, 4)], 1),
        ]:
            with self.subTest("concatenate", shapes=shapes, axis=axis):
                self.assert_same(
                    lambda *values, axis=axis: concatenate(values, axis),
                    lambda *tensors, axis=axis: torch.cat(tensors, axis),
                    *[uniform(shape, seed=i) for i, shape in enumerate(shapes)],
                )
        for shape, axis in product([(), (3,), (2, 3), (0, 2)], range(-3, 3)):
            if -len(shape) - 1 <= axis <= len(shape):
                with self.subTest("stack", shape=shape, axis=axis):
                    self.assert_same(
                        lambda *values, axis=axis: stack(values, axis),
                        lambda *tensors, axis=axis: torch.stack(tensors, axis),
                        *[uniform(shape, seed=i) for i in range(3)],
                    )

    def test_concatenate_and_stack_the_same(self):
        arrays = uniform((2, 3)), uniform((2, 3), seed=1)
        for axis in (0, 1):
            self.assert_same(
                lambda a, b, axis=axis: concatenate([a, b, a, a * b], axis),
                lambda a, b, axis=axis: torch.cat([a, b, a, a * b], axis),
                *arrays,
            )
            self.assert_same(
                lambda a, b, axis=axis: stack([a, b, a, a * b], axis),
                lambda a, b, axis=axis: torch.stack([a, b, a, a * b], axis),
                *arrays,
            )

    def test_einsum(self):
        for subscripts, *shapes in EINSUMS:
            with self.subTest(subscripts, shapes=shapes):
                self.assert_same(
                    lambda *values, s=subscripts: einsum(s, *values),
                    lambda *tensors, s=subscripts: torch.einsum(s, *tensors),
                    *[uniform(shape, seed=i) for i, shape in enumerate(shapes)],
                )

    def test_einsum_of_the_same(self):
        for subscripts in ("ij,ij->", "ij,ji->i", "ij,jk", "ij,jk,ki->", "ii,ij->j"):
            n = subscripts.count(",") + 1
            with self.subTest(subscripts):
                self.assert_same(
                    lambda x, s=subscripts, n=n: einsum(s, *[x] * n),
                    lambda x, s=subscripts, n=n: torch.einsum(s, *[x] * n),
                    uniform((3, 3)),
                )

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


def twin(model, dtype):
    """The net of tensors, and for each of its layers the weights and biases."""
    copied = lambda value: torch.tensor(
        np.array(value.data, dtype),
        requires_grad=True,
        dtype=getattr(torch, dtype.__name__),
    )
    pairs = [(copied(layer.w), copied(layer.b)) for layer in model.layers]

    def torch_model(x):
        for i, (w, b) in enumerate(pairs):
            x = x @ w + b
            x = x if i == len(pairs) - 1 else x.relu()
        return x

    return torch_model, pairs


class TestTraining(TorchTest):
    STEPS = 150

    def train(self, *args, **options):
        """The largest difference in loss and weights, between the two, of a run."""
        runs = (interpreted, compiled)
        return max(self.train_by(run, *args, **options) for run in runs)

    def train_by(self, run, make, torch_make, dtype=np.float64, rates=None):
        rng = np.random.default_rng(0)
        model = nn.MLP(2, [16, 16, 1], rng=rng)
        for value in model.parameters():
            if np.ndim(value.data):  # numbers go with every dtype
                value.data = value.data.astype(dtype)
        inputs = rng.normal(size=(100, 2)).astype(dtype)
        labels = np.where(inputs[:, 0] * inputs[:, 1] > 0, 1, -1).astype(dtype)
        x, t = Value(shape=(None, 2), name="x"), Value(shape=(None,), name="t")
        loss = (1 - model(x) * t).relu().mean() + 1e-3 * (model(x) ** 2).mean()

        torch_model, pairs = twin(model, dtype)
        parameters = [parameter for pair in pairs for parameter in pair]
        optimiser, torch_optimiser = make(model.parameters()), torch_make(parameters)
        step, differences = run(loss, wrt=model), []
        for i in range(self.STEPS):
            # batches of 30, 30, 30 and 10
            batch = slice(i % 4 * 30, i % 4 * 30 + 30)
            actual = step(x=inputs[batch], t=labels[batch])
            optimiser.step()

            y = torch_model(torch.tensor(inputs[batch]))
            expected = (1 - y * torch.tensor(labels[batch])).relu().mean()
            expected = expected + 1e-3 * (y**2).mean()
            torch_optimiser.zero_grad()
            expected.backward()
            if rates is not None:
                torch_optimiser.param_groups[0]["lr"] = float(rates[i])
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

    def test_rmsprop(self):
        for options in [{}, {"weight_decay": 0.01}, {"alpha": 0.8, "eps": 1e-6}]:
            with self.subTest(**options):
                difference = self.train(
                    lambda wrt, o=options: optim.RMSprop(wrt, **o),
                    lambda wrt, o=options: torch.optim.RMSprop(wrt, **o),
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
