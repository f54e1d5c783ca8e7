"""Optimisers: steps in closed form, and what they refuse."""

import copy
import inspect
import pickle
import pydoc
import unittest
from itertools import count

import numpy as np
from testing import needs

from micrograd import Value, checkpoint, nn, optim


def undecayed(wrt, learning_rate, weight_decay=0):
    """AdamW, which but for its decay is Adam."""
    return optim.AdamW(wrt, learning_rate, weight_decay=weight_decay)


OPTIMISERS = (optim.SGD, optim.Adam, undecayed)


def slope(*gradients):
    """Leaves of ones, each with a constant gradient."""
    values = []
    for gradient in gradients:
        value = Value(np.ones(np.shape(gradient)) if np.ndim(gradient) else 1.0)
        value.grad = gradient
        values.append(value)
    return values


class TestSGD(unittest.TestCase):
    def test_on_a_parabola(self):
        x = Value(np.array([1.0, -2.0]))
        loss = (x * x).sum()
        sgd = optim.SGD(x, 0.1)
        for _ in range(10):
            loss.forward()
            loss.backward(wrt=x)
            sgd.step()
        np.testing.assert_allclose(x.data, np.array([1, -2]) * 0.8**10, 1e-12)

    def test_momentum(self):
        # a constant slope g: the velocity after step k is g (1 - m^k) / (1 - m)
        (x,) = slope(np.array([1.0, -2.0]))
        sgd = optim.SGD([x], 0.1, momentum=0.9)
        for _ in range(5):
            sgd.step()
        way = sum((1 - 0.9**k) / (1 - 0.9) for k in range(1, 6))
        np.testing.assert_allclose(x.data, 1 - 0.1 * way * x.grad, 1e-12)

    def test_momentum_and_weight_decay(self):
        (x,) = slope(np.array([2.0]))
        sgd = optim.SGD(x, 0.1, momentum=0.5, weight_decay=0.1)
        position, velocity = 1.0, 0.0
        for _ in range(5):
            sgd.step()
            velocity = 0.5 * velocity + 2.0 + 0.1 * position
            position -= 0.1 * velocity
        np.testing.assert_allclose(x.data, [position], 1e-12)

    def test_gradient_is_left_alone(self):
        (x,) = slope(np.array([2.0, 3.0]))
        gradient = x.grad
        sgd = optim.SGD(x, 0.1, momentum=0.9)
        sgd.step()
        sgd.step()
        self.assertIs(x.grad, gradient)
        np.testing.assert_array_equal(gradient, [2, 3])

    def test_memory_is_its_own(self):
        # the first velocity is the gradient, which may then be clipped in place
        (x,) = slope(np.array([2.0]))
        sgd = optim.SGD(x, 0.1, momentum=0.5)
        sgd.step()
        x.grad *= 0
        sgd.step()
        np.testing.assert_allclose(x.data, [1 - 0.1 * (2 + 1)], 1e-12)

    def test_rate_of_zero(self):
        (x,) = slope(np.array([2.0]))
        optim.SGD(x, 0).step()
        self.assertEqual(x.data, [1])


class TestAdam(unittest.TestCase):
    def test_constant_slope(self):
        # whatever the slope, each step is the rate, but for eps
        (x,) = slope(np.array([1e-3, -2.0, 50.0]))
        adam = optim.Adam([x], 0.01)
        for _ in range(20):
            adam.step()
        np.testing.assert_allclose(x.data, [0.8, 1.2, 0.8], 1e-5)

    def test_eps(self):
        (x,) = slope(np.array([3.0]))
        optim.Adam(x, 0.1, eps=1.0).step()
        np.testing.assert_allclose(x.data, [1 - 0.1 * 3 / 4], 1e-12)

    def test_defaults(self):
        """The rate is 1e-3 and eps 1e-8; the decay of AdamW is 0.01."""
        for make, decay in ((optim.Adam, 0), (optim.AdamW, 0.01)):
            (x,) = slope(np.array([1e-8]))
            make(x).step()
            expected = (1 - 1e-3 * decay) - 0.5e-3
            np.testing.assert_allclose(x.data, [expected], 1e-12)

    def test_algorithm(self):
        """Line by line as in both papers, with rates that change."""
        beta1, beta2, eps, decay = 0.8, 0.95, 1e-6, 0.3
        rates = np.linspace(0.1, 0.01, 29)
        for make in (optim.Adam, optim.AdamW):
            theta, m, v = 2.0, 0.0, 0.0
            x = Value(2.0)
            optimiser = make(x, rates, (beta1, beta2), eps, decay)
            for t, rate in enumerate(rates, 1):
                x.grad = g = np.cos(t)
                optimiser.step()
                decayed = decay * theta
                if make is optim.Adam:
                    g, decayed = g + decayed, 0
                m = beta1 * m + (1 - beta1) * g
                v = beta2 * v + (1 - beta2) * g**2
                m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
                theta -= rate * (m_hat / (np.sqrt(v_hat) + eps) + decayed)
                self.assertAlmostEqual(x.data, theta, 12)

    def test_every_bit(self):
        """As the formulas, written out in this order, in both dtypes."""
        (beta1, beta2), eps, decay = (0.9, 0.999), 1e-8, 0.01
        for dtype in (np.float64, np.float32):
            rng = np.random.default_rng(0)
            gradients = rng.normal(size=(40, 50)).astype(dtype)
            rates = np.linspace(0.1, 0.01, 40).tolist()
            for kind in ("SGD", "momentum", "Adam", "AdamW"):
                theta = rng.normal(size=50).astype(dtype)
                x, velocity, m, v = Value(theta.copy()), 0.0, 0.0, 0.0
                make = optim.SGD if kind == "momentum" else getattr(optim, kind)
                optimiser = make(x, iter(rates), weight_decay=decay)
                if kind == "momentum":
                    optimiser.momentum = beta1
                for t, (rate, g) in enumerate(zip(rates, gradients), 1):
                    x.grad = g
                    optimiser.step()
                    if kind != "AdamW":
                        g = g + decay * theta
                    velocity = beta1 * velocity + g
                    m = beta1 * m + (1 - beta1) * g
                    v = beta2 * v + (1 - beta2) * g * g
                    root = (v / (1 - beta2**t)) ** 0.5
                    adam = m / (1 - beta1**t) / (root + eps)
                    theta -= (
                        rate
                        * {
                            "SGD": g,
                            "momentum": velocity,
                            "Adam": adam,
                            "AdamW": adam + decay * theta,
                        }[kind]
                    )
                    np.testing.assert_array_equal(x.data, theta)

    def test_no_slope(self):
        (x,) = slope(np.zeros(2))
        optim.Adam(x).step()
        np.testing.assert_array_equal(x.data, [1, 1])

    def test_memories_are_apart(self):
        x, y = slope(np.array([1.0]), np.array([-1.0, 1.0]))
        adam = optim.Adam([x, y], 0.1)
        adam.step()
        np.testing.assert_allclose(x.data, [0.9], 1e-6)
        np.testing.assert_allclose(y.data, [1.1, 0.9], 1e-6)


class TestClipGradNorm(unittest.TestCase):
    def test_above_the_limit(self):
        values = slope(np.array([3.0, 0.0]), -4.0, np.full((2, 2, 3), 1.0))
        norm = optim.clip_grad_norm(values, 0.5)  # of 9 + 16 + 12
        self.assertAlmostEqual(norm, 37**0.5, 12)
        factor = 0.5 / 37**0.5
        for value, gradient in zip(values, ([3, 0], -4, np.ones((2, 2, 3)))):
            expected = np.multiply(gradient, factor)
            np.testing.assert_allclose(value.grad, expected, 1e-6)
        squares = sum(np.sum(np.square(value.grad)) for value in values)
        self.assertAlmostEqual(squares**0.5, 0.5, 6)

    def test_under_the_limit(self):
        for max_norm in (5.1, 1000, np.inf):
            values = slope(np.array([3.0]), 4.0)
            self.assertEqual(optim.clip_grad_norm(values, max_norm), 5)
            self.assertEqual([np.sum(value.grad) for value in values], [3, 4])

    def test_one_value_several_or_a_model(self):
        def module(x):
            part = nn.Module()
            part.x = x
            return part

        for pack in (
            lambda x: x,
            lambda x: [x],
            lambda x: iter([x, x]),
            lambda x: {"x": x},
            module,
        ):
            (x,) = slope(np.array([3.0, 4.0]))
            self.assertAlmostEqual(optim.clip_grad_norm(pack(x), 1), 5, 12)
            np.testing.assert_allclose(x.grad, [0.6, 0.8], 1e-6)

    def test_zero(self):
        (x,) = slope(np.zeros(2))
        self.assertEqual(optim.clip_grad_norm(x, 1.0), 0)
        np.testing.assert_array_equal(x.grad, [0, 0])
        (x,) = slope(np.array([3.0, 4.0]))
        self.assertAlmostEqual(optim.clip_grad_norm(x, 0), 5, 12)
        np.testing.assert_array_equal(x.grad, [0, 0])
        self.assertEqual(optim.clip_grad_norm([], 1.0), 0)

    def test_kinds_stay(self):
        for data in (
            2.0,
            np.float32(2),
            np.array(2.0),
            np.ones((2, 3), np.float32),
            np.ones((3, 2), np.float16).T,
        ):
            if isinstance(data, np.float32) and np.__version__ < "2":
                continue  # NumPy 1 widens float32 scalars
            x = Value(data)
            loss = (x * x).sum() * 10
            loss.backward(wrt=x)
            kind, dtype = type(x.grad), np.asarray(x.grad).dtype
            for max_norm in (np.float64(0.1), 0.1):
                optim.clip_grad_norm(x, max_norm)
                self.assertIs(type(x.grad), kind)
                self.assertEqual(np.asarray(x.grad).dtype, dtype)
            self.assertAlmostEqual(np.sqrt(np.sum(np.square(x.grad))), 0.1, 3)

    def test_the_norm_is_of_all(self):
        # 100 leaves, of a norm that float16 could not sum
        values = [Value(np.ones(1000, np.float16)) for _ in range(100)]
        for value in values:
            value.grad = np.full(1000, 10, np.float16)
        norm = optim.clip_grad_norm(values, 1e9)
        self.assertAlmostEqual(norm / 1e7**0.5, 1, 3)

    def test_missing_gradients_do_not_count(self):
        x, y = slope(np.array([3.0, 4.0]), np.ones(7))
        y.grad = None
        self.assertAlmostEqual(optim.clip_grad_norm([x, y], 1), 5, 12)
        np.testing.assert_allclose(x.grad, [0.6, 0.8], 1e-6)
        self.assertIsNone(y.grad)
        self.assertEqual(optim.clip_grad_norm(y, 1), 0)

    def test_limits_that_are_refused(self):
        for max_norm in (-1, -0.5, float("nan")):
            (x,) = slope(np.array([3.0, 4.0]))
            with self.assertRaisesRegex(ValueError, str(max_norm)):
                optim.clip_grad_norm(x, max_norm)
            np.testing.assert_array_equal(x.grad, [3, 4])
        for max_norm in (None, [1.0, 2.0]):
            with self.assertRaises(TypeError):
                optim.clip_grad_norm(x, max_norm)

    def test_training_goes_on(self):
        x = Value(np.array([30.0, 40.0]))
        loss = (x * x).sum()
        sgd = optim.SGD(x, 1.0)
        for k in range(1, 6):
            loss.forward()
            loss.backward(wrt=x)
            optim.clip_grad_norm(x, 5)
            sgd.step()
            np.testing.assert_allclose(x.data, [30 - 3 * k, 40 - 4 * k], 1e-5)


@needs("torch")
class TestAsTorch(unittest.TestCase):
    SHAPES = [(), (3,), (2, 3), (0,), (1, 2, 2)]

    def pairs(self, dtype):
        """Values and tensors of the same data and gradients, as long as one likes."""
        import torch

        rng = np.random.default_rng(0)
        values, tensors = [], []
        for shape in self.SHAPES:
            values.append(Value(np.asarray(rng.normal(size=shape), dtype)))
            tensors.append(torch.tensor(values[-1].data, requires_grad=True))

        def gradients():
            for value, tensor in zip(values, tensors):
                value.grad = np.asarray(rng.normal(size=value.shape), dtype)
                tensor.grad = torch.tensor(value.grad)

        return values, tensors, gradients

    def test_adamw(self):
        import torch

        for dtype, rtol in ((np.float64, 1e-12), (np.float32, 2e-5)):
            for options in [
                {},
                {"weight_decay": 0.0},
                {"weight_decay": 0.5, "betas": (0.8, 0.95), "eps": 1e-4},
            ]:
                with self.subTest(dtype=dtype, **options):
                    values, tensors, gradients = self.pairs(dtype)
                    optimiser = optim.AdamW(values, 0.05, **options)
                    torch_optimiser = torch.optim.AdamW(tensors, 0.05, **options)
                    for _ in range(50):
                        gradients()
                        optimiser.step()
                        torch_optimiser.step()
                    for value, tensor in zip(values, tensors):
                        expected = tensor.detach().numpy()
                        self.assertEqual(value.data.dtype, dtype)
                        np.testing.assert_allclose(value.data, expected, rtol, rtol)

    def test_clip_grad_norm(self):
        import torch

        for dtype, rtol in ((np.float64, 1e-12), (np.float32, 1e-6)):
            for max_norm in (0, 1e-3, 1, 3.0, 100, np.inf):
                with self.subTest(dtype=dtype, max_norm=max_norm):
                    values, tensors, gradients = self.pairs(dtype)
                    gradients()
                    actual = optim.clip_grad_norm(values, max_norm)
                    norm = torch.nn.utils.clip_grad_norm_(tensors, max_norm)
                    np.testing.assert_allclose(actual, norm.item(), rtol)
                    for value, tensor in zip(values, tensors):
                        self.assertEqual(value.grad.dtype, dtype)
                        np.testing.assert_allclose(value.grad, tensor.grad, rtol)

    def test_norms_that_are_not_finite(self):
        import torch

        for bad in (np.inf, np.nan):
            (x,) = slope(np.array([bad, 4.0]))
            tensor = torch.ones(2, dtype=torch.float64, requires_grad=True)
            tensor.grad = torch.tensor(x.grad)
            with np.errstate(all="ignore"):
                actual = optim.clip_grad_norm(x, 1.0)
            norm = torch.nn.utils.clip_grad_norm_(tensor, 1.0)
            np.testing.assert_array_equal(actual, norm.numpy())
            np.testing.assert_array_equal(x.grad, tensor.grad.numpy())


class TestAll(unittest.TestCase):
    def test_in_place(self):
        for optimiser in OPTIMISERS:
            for data in (np.ones((2, 3)), np.ones((3, 2), np.float32).T, np.array(1.0)):
                with self.subTest(optimiser.__name__, dtype=data.dtype):
                    x = Value(data)
                    view = x.T
                    x.grad = np.ones_like(data)
                    optimiser(x, 0.1).step()
                    self.assertIs(x.data, data)
                    np.testing.assert_allclose(view.data, 0.9, 1e-6)

    def test_numbers(self):
        for optimiser in OPTIMISERS:
            with self.subTest(optimiser.__name__):
                x = Value(1.0)
                loss = x * 3
                loss.backward()
                optimiser(x, 0.1).step()
                self.assertIs(type(x.data), float)
                self.assertLess(x.data, 1)

    def test_float32_stays(self):
        for optimiser in OPTIMISERS:
            for rate in (
                0.1,
                np.float64(0.1),
                np.linspace(0.1, 0.2, 3),
                iter([0.1] * 3),
            ):
                x = Value(np.ones(2, np.float32))
                x.grad = np.ones(2, np.float32)
                step = optimiser(x, rate, weight_decay=np.float64(0.1)).step
                step()
                step()
                self.assertEqual(x.data.dtype, np.float32)

    def test_schedules(self):
        rates = [0.5, 0.25, 0.125]
        for name, schedule in {
            "list": lambda: rates,
            "iterator": lambda: iter(rates),
            "generator": lambda: (rate for rate in rates),
            "array": lambda: np.array(rates),
            "without an end": lambda: (0.5**n for n in count(1)),
        }.items():
            for optimiser in OPTIMISERS:
                with self.subTest(name, optimiser=optimiser.__name__):
                    (x,) = slope(np.array([1.0]))
                    moving = optimiser(x, schedule())
                    for expected in rates:
                        moving.step()
                        np.testing.assert_allclose(x.data, [expected], 1e-6)
                    for _ in range(0 if name == "without an end" else 2):
                        with self.assertRaisesRegex(ValueError, "rates are exhausted"):
                            moving.step()
                    self.assertEqual(moving.steps, 3)

    def test_weight_decay(self):
        for make in (optim.SGD, optim.AdamW):
            (x,) = slope(np.zeros(2))
            optimiser = make(x, 0.1, weight_decay=0.5)
            for _ in range(5):
                optimiser.step()
            np.testing.assert_allclose(x.data, [0.95**5] * 2, 1e-12)
            self.assertTrue((x.grad == 0).all())  # the decay is not added to it

    def test_one_value_several_or_a_model(self):
        model = nn.MLP(2, [3, 1])
        x, y = Value(1.0), Value(np.ones(2))
        for wrt, values in [
            (x, [x]),
            ([x, y], [x, y]),
            (iter([x, y]), [x, y]),
            ({"x": x, "y": y}, [x, y]),
            (model, model.parameters()),
            (model.parameters(), model.parameters()),
        ]:
            for value in values:
                value.grad = np.ones(value.shape)
            before = [np.copy(value.data) for value in values]
            sgd = optim.SGD(wrt, 0.5)
            sgd.step()
            self.assertEqual(list(map(id, sgd.wrt)), list(map(id, values)))
            for value, old in zip(values, before):
                np.testing.assert_allclose(value.data, old - 0.5)

    def test_without_a_direction(self):
        (x,) = slope(np.ones(2))
        with self.assertRaisesRegex(NotImplementedError, "Optimiser has no direction"):
            optim.Optimiser(x, 0.1).step()
        np.testing.assert_array_equal(x.data, [1, 1])


class TestErrors(unittest.TestCase):
    def test_wrt(self):
        """What came, which one of the Values it is, and what to write."""
        x, y = slope(np.ones(2), np.ones(3))
        fixed, used_up = Value(np.ones(3)), iter([x])
        fixed.data.flags.writeable = False
        list(used_up)
        of_integers = r"wrt\[1\] of shape \(2,\) has int64: write Value\(x, "
        of_product = r"wrt\[1\] of shape \(3,\) is the result of '\*': give its"
        for wrt, kind, words in [
            ([x, Value([1, 2])], TypeError, of_integers),
            (Value(1), TypeError, r"wrt\[0\] of shape \(\) has int64: write"),
            (
                [x, Value([True])],
                TypeError,
                r"wrt\[1\] of shape \(1,\) has bool: write",
            ),
            ([np.ones(2)], TypeError, "expected Values, got array"),
            ([x, 1.0], TypeError, "expected Values, got 1.0"),
            ([y, x, y], ValueError, r"wrt\[2\] of shape \(3,\) is given twice"),
            ([x, y * 2], ValueError, of_product),
            ([fixed], ValueError, r"wrt\[0\] .* is read-only: write Value\(d"),
            ([], ValueError, "expected Values, got none"),
            (used_up, ValueError, "got none; was an iterator used before"),
            (nn.Module(), ValueError, "expected Values, got none"),
            (nn.Neuron(2).parameters, TypeError, r"a method: write parameters\(\)"),
        ]:
            for optimiser in OPTIMISERS:
                with self.subTest(words, optimiser=optimiser.__name__):
                    with self.assertRaisesRegex(kind, words):
                        optimiser(wrt, 0.1)
        with self.assertRaisesRegex(TypeError, r"write parameters\(\)"):
            optim.clip_grad_norm(nn.Neuron(2).parameters, 1.0)

    def test_options(self):
        x = Value([1.0, 1.0])
        for make in (optim.Optimiser, optim.SGD, optim.Adam, optim.AdamW):
            for options, words in [
                ({"wrt": x, "lr": 0.1}, "expected learning_rate=, got lr="),
                ({"params": [x], "learning_rate": 0.1}, "expected wrt=, got params="),
                ({"wrt": x, "learning_rate": abs}, r"function\(step\) for step in"),
                ({"wrt": x, "learning_rate": lambda step: 1}, "got a function: write"),
                ({"wrt": x, "learning_rate": 0.1, "speed": 1}, "'speed'"),
            ]:
                with self.assertRaisesRegex(TypeError, words):
                    make(**options)

    def test_help(self):
        for setting, words in [
            (optim.SGD.weight_decay, "share of the data"),
            (optim.Adam.eps, "root of v"),
            (optim.Adam.betas, "running means"),
        ]:
            self.assertIn(words, inspect.getdoc(setting))
        for module in (nn, optim, checkpoint):
            text = pydoc.render_doc(module)
            for inner in ("<locals>", "<lambda>"):
                self.assertNotIn(inner, text)

    def test_signatures(self):
        for make, names in [
            (optim.SGD, ["wrt", "learning_rate", "momentum", "weight_decay"]),
            (optim.Adam, ["wrt", "learning_rate", "betas", "eps", "weight_decay"]),
            (optim.AdamW, ["wrt", "learning_rate", "betas", "eps", "weight_decay"]),
        ]:
            self.assertEqual(list(inspect.signature(make).parameters), names)

    def test_rates_that_are_refused(self):
        for rate in (-0.1, float("nan"), np.float32(-1), -1):
            for optimiser in OPTIMISERS:
                with self.subTest(optimiser.__name__, rate=rate):
                    (x,) = slope(np.ones(2))
                    with self.assertRaisesRegex(ValueError, str(rate)):
                        optimiser(x, rate)
                    with self.assertRaises(ValueError):
                        optimiser(x, 0.1, weight_decay=rate)
                    moving = optimiser(x, iter([0.0, rate]))
                    moving.step()
                    with self.assertRaisesRegex(ValueError, str(rate)):
                        moving.step()
                    np.testing.assert_array_equal(x.data, [1, 1])
        with self.assertRaises(ValueError):
            optim.SGD(Value(1.0), 0.1, momentum=-0.5)

    def test_no_gradient(self):
        for optimiser in OPTIMISERS:
            with self.subTest(optimiser.__name__):
                x, y = slope(np.ones(2), np.ones(3))
                moving = optimiser([x, y], 0.1)
                y.grad = None
                words = r"wrt\[1\] of shape \(3,\) is without a gradient"
                with self.assertRaisesRegex(ValueError, words):
                    moving.step()
                np.testing.assert_array_equal(x.data, [1, 1])
                # and the failed step has left no trace in the memory
                y.grad = np.ones(3)
                moving.step()
                np.testing.assert_allclose(x.data, [0.9, 0.9], 1e-6)


class TestSettings(unittest.TestCase):
    """What may be set between two steps, and what of it is in the state."""

    def steps(self, optimiser, x, n=1):
        for _ in range(n):
            x.grad = np.ones(2)
            optimiser.step()
        return x.data.tolist()

    def test_the_learning_rate(self):
        x = Value([1.0, 2.0])
        sgd = optim.SGD(x, learning_rate=0.5)
        self.assertEqual(self.steps(sgd, x), [0.5, 1.5])
        sgd.learning_rate = 0.25
        self.assertEqual(sgd.learning_rate, 0.25)
        self.assertEqual(self.steps(sgd, x), [0.25, 1.25])
        sgd.learning_rate *= 2
        self.assertEqual(self.steps(sgd, x), [-0.25, 0.75])
        sgd.learning_rate = np.float32(0.5)
        self.assertIs(type(sgd.learning_rate), float)

    def test_a_schedule_that_is_set(self):
        """Its first rate is the next step's; to read a rate takes none."""
        x = Value([0.0, 0.0])
        sgd = optim.SGD(x, learning_rate=8.0)
        self.steps(sgd, x, 3)
        sgd.learning_rate = iter([1.0, 2.0, 4.0])
        self.assertEqual((sgd.learning_rate, sgd.learning_rate), (1.0, 1.0))
        self.assertEqual(self.steps(sgd, x), [-25.0, -25.0])
        self.assertEqual(sgd.learning_rate, 2.0)
        self.assertEqual(self.steps(sgd, x, 2), [-31.0, -31.0])
        with self.assertRaisesRegex(ValueError, "exhausted"):
            _ = sgd.learning_rate
        with self.assertRaisesRegex(ValueError, "exhausted"):
            self.steps(sgd, x)
        sgd.learning_rate = 1.0
        self.assertEqual(self.steps(sgd, x), [-32.0, -32.0])

    def test_a_rate_that_was_read_and_not_taken(self):
        x, y = Value([0.0, 0.0]), Value([0.0, 0.0])
        sgd, other = optim.SGD(x, [1.0, 2.0, 4.0]), optim.SGD(y, [1.0, 2.0, 4.0])
        self.steps(sgd, x)
        self.assertEqual(sgd.learning_rate, 2.0)
        sgd.load_state_dict(sgd.state_dict())
        self.assertEqual(self.steps(sgd, x), [-3.0, -3.0])
        with self.assertRaisesRegex(ValueError, "past step 1: at 2"):
            sgd.load_state_dict(other.state_dict() | {"steps": 1})

    def test_the_state(self):
        x, y = Value([1.0, 2.0]), Value([1.0, 2.0])
        adam, other = optim.Adam(x, 0.5), optim.Adam(y)
        adam.learning_rate = 0.125
        self.steps(adam, x)
        state = adam.state_dict()
        self.assertEqual(state["learning_rate"], 0.125)
        other.load_state_dict(state)
        y.data = x.data.copy()
        self.assertEqual(other.learning_rate, 0.125)
        self.assertEqual(self.steps(other, y), self.steps(adam, x))
        del state["learning_rate"]  # as in the files of version 1
        third = optim.Adam(y, 0.25)
        third.load_state_dict(state)
        self.assertEqual((third.learning_rate, third.steps), (0.25, 1))
        scheduled = optim.Adam(x, [0.5, 0.25])
        self.assertTrue(np.isnan(scheduled.state_dict()["learning_rate"]))
        third.load_state_dict(scheduled.state_dict())
        self.assertEqual(third.learning_rate, 0.25)
        scheduled.load_state_dict(adam.state_dict() | {"steps": 1})
        self.assertEqual(scheduled.learning_rate, 0.25)

    def test_states_that_are_refused(self):
        """A count of steps is whole, also as a float; nothing changes if it is not."""
        x = Value([1.0, 2.0])
        adam = optim.Adam(x, 0.5)
        self.steps(adam, x)
        before = adam.state_dict()
        state = {name: np.asarray(array) + 1 for name, array in before.items()}
        for steps in (-5, 1.7, np.nan, np.inf, 1e300, 2**63, "3", None, [1, 2]):
            with self.subTest(steps=steps):
                with self.assertRaisesRegex((TypeError, ValueError), "steps"):
                    adam.load_state_dict(state | {"steps": steps})
                after = adam.state_dict()
                for name in before:
                    self.assertEqual(after[name].tolist(), before[name].tolist())
        for rate in (-1, "fast", None):
            with self.assertRaisesRegex((TypeError, ValueError), "learning_rate"):
                adam.load_state_dict(state | {"learning_rate": rate})
            self.assertEqual((adam.steps, adam.learning_rate), (1, 0.5))
        for steps in (7, 7.0, np.uint8(7), np.float32(7)):
            adam.load_state_dict(state | {"steps": steps})
            self.assertEqual((adam.steps, type(adam.steps)), (7, int))

    def test_all_others(self):
        x = Value([1.0, 2.0])
        sgd = optim.SGD(x, 1.0)
        sgd.weight_decay = 0.5
        self.assertEqual(self.steps(sgd, x), [-0.5, 0.0])
        sgd.weight_decay, sgd.momentum = 0, 0.5
        self.assertEqual(self.steps(sgd, x, 2), [-3.0, -2.5])
        sgd.momentum = 1  # of a velocity of 1.5
        self.assertEqual(self.steps(sgd, x), [-5.5, -5.0])
        adam = optim.Adam(x)
        adam.betas, adam.eps = (0.5, 0.25), 1
        self.assertEqual((adam.betas, adam.eps, adam.weight_decay), ((0.5, 0.25), 1, 0))
        adamw = optim.AdamW(x, 1.0, weight_decay=0.25)
        x.data, x.grad = np.array([4.0, 8.0]), np.zeros(2)
        adamw.step()
        self.assertEqual(x.data.tolist(), [3.0, 6.0])
        adamw.weight_decay = 0.5
        adamw.step()
        self.assertEqual(x.data.tolist(), [1.5, 3.0])

    def test_what_is_refused(self):
        x = Value([1.0, 2.0])
        sgd, adam = optim.SGD(x, 0.5), optim.Adam(x)
        for optimiser, name, value, kind, words in (
            (
                sgd,
                "learning_rate",
                -1,
                ValueError,
                "learning_rate: expected at least 0",
            ),
            (sgd, "learning_rate", "fast", TypeError, "learning_rate: expected real"),
            (sgd, "weight_decay", None, TypeError, "weight_decay: expected real"),
            (sgd, "momentum", np.nan, ValueError, "momentum: expected at least 0"),
            (adam, "betas", 0.9, TypeError, r"betas: expected two, as \(0.9, 0.999\)"),
            (adam, "betas", (0.9, 0.9, 0.9), ValueError, "betas: expected two"),
            (adam, "betas", (1.0, 0.9), ValueError, "betas: expected below 1, got 1.0"),
            (adam, "betas", (0.9, 1.5), ValueError, "betas: expected below 1, got 1.5"),
            (adam, "eps", [1, 2], TypeError, "eps: expected a number"),
            (sgd, "lr", 0.1, AttributeError, "'lr' to set, but learning_rate, weight"),
            (sgd, "betas", (0.9, 0.9), AttributeError, "betas"),
            (adam, "momentum", 0.9, AttributeError, "momentum"),
        ):
            before = repr(optimiser)
            with self.subTest(name, value=value):
                with self.assertRaisesRegex(kind, words):
                    setattr(optimiser, name, value)
                self.assertEqual(repr(optimiser), before)
        for name, words in (("lr", "learning_rate"), ("param_groups", "learning_rate")):
            with self.assertRaisesRegex(AttributeError, f"'SGD'.*'{name}'.*{words}"):
                getattr(sgd, name)
        with self.assertRaisesRegex(AttributeError, "'SGD'.*'speed'$"):
            _ = sgd.speed

    def test_the_gradients_are_forgotten(self):
        x, y = Value([1.0, 2.0]), Value([1.0, 2.0])
        optimiser = optim.Adam([x, y])
        (x * y).backward()
        optimiser.zero_grad()
        self.assertEqual((x.grad, y.grad), (None, None))

    def test_is_shown(self):
        x = Value(np.ones((30, 40)))
        for optimiser, words in (
            (
                optim.SGD(x, 0.1),
                "SGD of 1,200 numbers in 1 Values: learning_rate=0.1, ",
            ),
            (optim.SGD(x, 0.1, momentum=0.9), "momentum=0.9"),
            (optim.Adam(x, [0.1]), "learning_rate=schedule"),
            (optim.AdamW(x), r"decay=0.01, betas=(0.9, 0.999), eps=1e-08, steps=0"),
        ):
            self.assertIn(words, repr(optimiser))

    def test_of_ones_own(self):
        """A class that derives may keep what it likes."""

        class Own(optim.Optimiser):
            def direction(self, index, g):
                self.seen = index
                return g

        x = Value([1.0, 2.0])
        own = Own(x, 0.5)
        self.assertEqual((self.steps(own, x), own.seen), ([0.5, 1.5], 0))
        copied = copy.deepcopy(own)
        self.assertEqual((copied.learning_rate, copied.seen), (0.5, 0))

    def test_copies(self):
        """They go on as the original would, on Values of their own."""
        for make in (
            lambda wrt: optim.SGD(wrt, [0.5, 0.25], momentum=0.5, weight_decay=0.1),
            lambda wrt: optim.AdamW(wrt, 0.5, (0.5, 0.75)),
        ):
            x = Value([1.0, 2.0])
            optimiser = make(x)
            self.steps(optimiser, x)
            for copied in (
                copy.deepcopy(optimiser),
                pickle.loads(pickle.dumps(optimiser)),
            ):
                with self.subTest(repr(optimiser)):
                    y = Value([1.0, 2.0])
                    twin = make(y)
                    self.assertEqual(repr(copied), repr(optimiser))
                    expected = self.steps(twin, y, 2)
                    self.assertEqual(self.steps(copied, copied.wrt[0]), expected)

    def test_pickles_of_version_2(self):
        """They kept the settings in a dictionary, and each beta on its own."""
        x = Value([1.0, 2.0])
        shared = {"wrt": [x], "steps": 1, "rate": 0.5, "rates": None, "rates_taken": 0}
        for kind, memory, settings, shown in [
            (
                optim.SGD,
                {"velocity": [3.0]},
                {"momentum": 0.5},
                "momentum=0.5, steps=1",
            ),
            (
                optim.Adam,
                {"m": [1.0], "v": [1.0]},
                {"beta1": 0.5, "beta2": 0.25, "eps": 0.125},
                r"betas=(0.5, 0.25), eps=0.125, steps=1",
            ),
        ]:
            old = kind.__new__(kind)
            settings = {"weight_decay": 0.25, **settings}
            old.__setstate__((None, {**shared, "memory": memory, "settings": settings}))
            self.assertIn(f"learning_rate=0.5, weight_decay=0.25, {shown}", repr(old))
            self.assertEqual(old.memory, memory)


class TestHalves(unittest.TestCase):
    """Float16 Values move as float64 ones do, but for the rounding of their data."""

    GRADIENTS = np.array([0.0, 1e-4, 0.5, -3.0])

    def step(self, kind, dtype, n=3, **options):
        x = Value(np.ones(4, dtype))
        optimiser = kind(x, 0.125, **options)
        for _ in range(n):
            x.grad = self.GRADIENTS.astype(dtype)
            optimiser.step()
        return x, optimiser

    def test_as_float64(self):
        for kind, options in [
            (optim.Adam, {}),
            (optim.AdamW, {}),
            (optim.Adam, {"weight_decay": 0.01}),
            (optim.SGD, {"momentum": 0.9}),
        ]:
            x, _ = self.step(kind, np.float16, **options)
            expected, _ = self.step(kind, np.float64, **options)
            self.assertEqual(x.dtype, np.float16)
            np.testing.assert_allclose(x.data, expected.data, 4e-3)

    def test_state(self):
        x, optimiser = self.step(optim.Adam, np.float16)
        state = optimiser.state_dict()
        self.assertEqual(state["v.0"].dtype, np.float32)
        self.assertGreater(state["v.0"][1], 0)  # no half is as small
        y = Value(x.data.copy())
        other = optim.Adam(y, 0.125)
        other.load_state_dict(state)
        for value, by in ((x, optimiser), (y, other)):
            value.grad = self.GRADIENTS.astype(np.float16)
            by.step()
        np.testing.assert_array_equal(x.data, y.data)

    def test_a_scalar_stays_one(self):
        x = Value(np.float16(1))
        x.grad = np.float16(0.5)
        optim.Adam(x, 0.125).step()
        self.assertIs(type(x.data), np.float16)
        self.assertAlmostEqual(float(x.data), 0.875, 3)


if __name__ == "__main__":
    unittest.main()
