"""Nets: shapes, first weights, losses, and their states."""

import copy
import pickle
import unittest
import warnings
from functools import partial
from itertools import product

import numpy as np
from testing import ValueTest, needs, numbers

from micrograd import Value, nn, optim, stack
from micrograd.check import check_gradients


class Pair(nn.Module):
    """Two modules, which may be one, and a scale of their own."""

    def __init__(self, first, second):
        self.first, self.second = first, second
        self.scale = Value(np.ones(2))


class TestModule(unittest.TestCase):
    def test_parameters(self):
        model = nn.MLP(3, [4, 5, 1])
        parameters = model.parameters()
        self.assertEqual(sum(value.size for value in parameters), 16 + 25 + 6)
        self.assertEqual(len(set(parameters)), len(parameters))
        for layer in model.layers:
            self.assertIn(layer.w, set(parameters))
            self.assertIn(layer.b, set(parameters))
        again = model.parameters()
        self.assertEqual(list(map(id, parameters)), list(map(id, again)))

    def test_shared_parameters_come_once(self):
        layer = nn.Layer(2, 3)
        tied = nn.Layer(2, 3)
        tied.w = layer.w
        for pair, expected in [
            (Pair(layer, layer), {layer.w, layer.b}),
            (Pair(layer, tied), {layer.w, layer.b, tied.b}),
            (Pair([layer, layer], (tied,)), {layer.w, layer.b, tied.b}),
        ]:
            parameters = pair.parameters()
            self.assertEqual(len(parameters), len(set(parameters)))
            self.assertEqual(set(parameters), expected | {pair.scale})

    def test_zero_grad(self):
        model = nn.MLP(2, [3, 1])
        model(np.ones((4, 2))).sum().backward()
        self.assertTrue(all(p.grad is not None for p in model.parameters()))
        model.zero_grad()
        self.assertTrue(all(p.grad is None for p in model.parameters()))

    def test_repr(self):
        for module, expected in [
            (nn.Neuron(2), "ReLUNeuron(2)"),
            (nn.Neuron(2, nonlin=False), "LinearNeuron(2)"),
            (nn.Layer(2, 16), "Layer of 16 ReLUNeuron(2)"),
            (
                nn.MLP(2, [16, 1]),
                "MLP of [Layer of 16 ReLUNeuron(2), LinearNeuron(16)]",
            ),
        ]:
            self.assertEqual(repr(module), expected)

    def test_copy_and_pickle(self):
        model = nn.MLP(2, [3, 1])
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            x = np.ones((4, 2))
            np.testing.assert_array_equal(other(x).data, model(x).data)
            other.layers[0].w.data += 1
            self.assertFalse(
                np.array_equal(other.layers[0].w.data, model.layers[0].w.data)
            )


class TestShapes(unittest.TestCase):
    def test_shapes(self):
        for model, expected in [
            (nn.Neuron(2), ()),
            (nn.Layer(2, 3), (3,)),
            (nn.Layer(2, 1), (1,)),  # a layer keeps its axis
            (nn.MLP(2, [16, 16, 1]), ()),  # one neuron gives none
            (nn.MLP(2, [16, 3]), (3,)),
            (nn.MLP(2, [1]), ()),
            (nn.MLP(2, [1, 1, 4]), (4,)),
        ]:
            for lead in [(), (100,), (1,), (0,), (4, 5)]:
                with self.subTest(repr(model), lead=lead):
                    x = np.ones((*lead, 2))
                    y = model(x)
                    self.assertEqual(y.shape, lead + expected)
                    self.assertEqual(model(Value(x)).shape, lead + expected)
                    y.sum().backward()
                    for value in model.parameters():
                        self.assertEqual(np.shape(value.grad), value.shape)

    def test_lists(self):
        neuron = nn.Neuron(2, nonlin=False)
        neuron.w.data[:] = [3, 5]
        a, b = Value(1.0), Value(-2.0)
        y = neuron([a, b])
        self.assertEqual((y.data, y.shape), (3 - 10, ()))
        y.backward()
        self.assertEqual((a.grad, b.grad), (3, 5))
        self.assertEqual(neuron([1.0, -2.0]).data, -7)
        self.assertEqual(nn.Neuron(2)([Value(1.0), Value(-2.0)]).shape, ())
        self.assertEqual(nn.MLP(2, [4, 3])([a, b]).shape, (3,))
        self.assertEqual(nn.MLP(2, [4, 1])([[a, b], [b, a]]).shape, (2,))

    def test_lazy(self):
        x = Value(shape=(None, 2), name="x")
        model = nn.MLP(2, [16, 16, 1])
        y = model(x)
        for n in (3, 1, 7):
            self.assertEqual(y.forward(x=np.ones((n, 2))).shape, (n,))

    def test_values(self):
        layer = nn.Layer(2, 3)
        layer.w.data[:] = [[1, 2, -3], [4, 5, -6]]
        layer.b.data[:] = [10, -100, 1]
        x = np.array([[1.0, 1.0], [0.0, 2.0]])
        np.testing.assert_array_equal(layer(x).data, [[15, 0, 0], [18, 0, 0]])
        layer.nonlin = False
        np.testing.assert_array_equal(layer(x).data, [[15, -93, -8], [18, -90, -11]])

    def test_relu_is_everywhere_but_at_the_end(self):
        model = nn.MLP(2, [3, 4, 1])
        self.assertEqual([layer.nonlin for layer in model.layers], [True, True, False])
        x = np.random.default_rng(0).normal(size=(50, 2))
        y = x
        for layer in model.layers[:-1]:
            y = np.maximum(y @ layer.w.data + layer.b.data, 0)
        y = y @ model.layers[-1].w.data + model.layers[-1].b.data
        np.testing.assert_allclose(model(x).data, y, 1e-12)

    def test_wrong_shape(self):
        with self.assertRaises(ValueError) as caught:
            nn.Layer(2, 3)(np.ones((4, 5)))
        for words in ("(4, 5)", "(2, 3)"):
            self.assertIn(words, str(caught.exception))


class TestFirstWeights(unittest.TestCase):
    def test_he(self):
        for nin, nout in [(400, 300), (50, 2000), (1, 100_000)]:
            layer = nn.Layer(nin, nout, rng=np.random.default_rng(0))
            self.assertEqual(layer.w.shape, (nin, nout))
            self.assertAlmostEqual(np.std(layer.w.data) / np.sqrt(2 / nin), 1, 2)
            self.assertLess(
                abs(np.mean(layer.w.data)), 5 * np.sqrt(2 / nin / (nin * nout))
            )
            self.assertFalse(np.any(layer.b.data))
        neuron = nn.Neuron(100_000, rng=np.random.default_rng(0))
        self.assertAlmostEqual(np.std(neuron.w.data) / np.sqrt(2 / 100_000), 1, 2)
        self.assertEqual(neuron.b.data, 0)

    def test_random_source(self):
        for make in (
            lambda **rng: nn.Neuron(5, **rng),
            lambda **rng: nn.Layer(5, 4, **rng),
            lambda **rng: nn.MLP(5, [4, 3, 1], **rng),
        ):
            weights = lambda model: np.concatenate(
                [np.ravel(value.data) for value in model.parameters()]
            )
            for source in (np.random.default_rng, np.random.RandomState):
                first, second = (
                    weights(make(rng=source(1))),
                    weights(make(rng=source(1))),
                )
                np.testing.assert_array_equal(first, second)
                self.assertFalse(np.array_equal(first, weights(make(rng=source(2)))))
            state = np.random.get_state()
            self.addCleanup(np.random.set_state, state)
            np.random.seed(1)
            first = weights(make())
            self.assertFalse(np.array_equal(first, weights(make())))
            np.random.seed(1)
            make(rng=np.random.default_rng(0))  # does not touch the other source
            np.testing.assert_array_equal(first, weights(make()))

    def test_deep_nets_pass_signals_and_gradients(self):
        rng = np.random.default_rng(0)
        model = nn.MLP(256, [256] * 30, rng=rng)
        x = Value(rng.normal(size=(100, 256)))
        y = model(x)
        self.assertTrue(0.2 < np.std(y.data) < 5)
        y.backward()
        self.assertTrue(0.2 < np.std(x.grad) < 5)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class TestSoftmax(unittest.TestCase):
    def test_known_numbers(self):
        x = Value(np.log([[1.0, 2.0, 3.0, 4.0], [5.0, 5.0, 5.0, 5.0]]))
        expected = np.array([[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25]])
        np.testing.assert_allclose(nn.softmax(x).data, expected, 1e-12)
        expected = [[1 / 6, 2 / 7, 3 / 8, 4 / 9], [5 / 6, 5 / 7, 5 / 8, 5 / 9]]
        np.testing.assert_allclose(nn.softmax(x, axis=0).data, expected, 1e-12)

    def test_gradient(self):
        for shape, axis in [((3,), 0), ((2, 3), 0), ((2, 3, 4), 1), ((2, 3, 4), -1)]:
            with self.subTest(shape=shape, axis=axis):
                x = Value(normal(*shape))
                y = nn.softmax(x, axis=axis)
                np.testing.assert_allclose(y.data.sum(axis), 1, 1e-12)
                check_gradients(y, x)

    def test_large_and_infinite_logits(self):
        for x, expected in [
            ([1000.0, 1000.0], [0.5, 0.5]),
            ([-1000.0, -1000.0], [0.5, 0.5]),
            ([1e300, -1e300], [1, 0]),
            ([-np.inf, 0.0, 0.0], [0, 0.5, 0.5]),
        ]:
            with self.subTest(x=x), warnings.catch_warnings():
                warnings.simplefilter("error")
                x = Value(x)
                y = nn.softmax(x)
                np.testing.assert_allclose(y.data, expected, 1e-12)
                y[-1].backward()
                p = np.array(expected)
                by_x = p[-1] * (np.eye(len(p))[-1] - p)
                np.testing.assert_allclose(x.grad, by_x, 1e-12, atol=1e-12)

    def test_dtype_and_lazy_data(self):
        x = Value(shape=(None, 3), name="x")
        y = nn.softmax(x)
        for n, dtype in [(2, np.float32), (5, np.float64), (1, np.float32)]:
            data = normal(n, 3).astype(dtype)
            expected = np.exp(data) / np.exp(data).sum(axis=1, keepdims=True)
            np.testing.assert_allclose(y.forward(x=data), expected, 1e-6)
            y.backward()
            self.assertEqual((y.dtype, x.grad.dtype), (dtype, dtype))

    def test_integers(self):
        x = Value([7, 7, 7, 7])
        y = nn.softmax(x)
        np.testing.assert_allclose(y.data, [0.25] * 4, 1e-12)
        y[0].backward()
        np.testing.assert_allclose(x.grad, [3 / 16, -1 / 16, -1 / 16, -1 / 16], 1e-12)

    def test_axis_out_of_range(self):
        with self.assertRaises(ValueError) as caught:
            nn.softmax(Value(np.ones((2, 3))), axis=2)
        self.assertIn("(2, 3)", str(caught.exception))


class TestCrossEntropy(unittest.TestCase):
    def log_softmax(self, x):
        return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))

    def one_hot(self, labels, classes):
        return np.eye(classes)[np.asarray(labels)]

    def test_known_numbers(self):
        for logits, targets, expected in [
            ([0.0, 0.0, 0.0], 2, np.log(3)),
            ([[0.0, np.log(3)]], [1], np.log(4 / 3)),
            ([[0.0, np.log(3)], [0.0, 0.0]], [0, 1], (np.log(4) + np.log(2)) / 2),
            ([0.0, np.log(3)], [0.5, 0.5], (np.log(4) + np.log(4 / 3)) / 2),
            ([[0.0]], [0], 0),
            ([[3, 3, 3]], [1], np.log(3)),
        ]:
            with self.subTest(logits=logits):
                loss = nn.cross_entropy(Value(logits), targets)
                self.assertEqual(loss.shape, ())
                self.assertAlmostEqual(loss.data, expected, 12)

    def test_every_kind_of_targets(self):
        for lead in [(), (1,), (4,), (2, 3), (2, 1, 3)]:
            x = Value(normal(*lead, 5))
            labels = np.random.default_rng(0).integers(0, 5, lead)
            soft = np.exp(self.log_softmax(normal(*lead, 5, seed=1)))
            one_hot = self.one_hot(labels, 5)
            for name, targets, expected in [
                ("labels", labels, one_hot),
                ("list", labels.tolist(), one_hot),
                ("Value", Value(labels), one_hot),
                ("unsigned", labels.astype(np.uint8), one_hot),
                ("one-hot", one_hot, one_hot),
                ("one-hot integers", one_hot.astype(int), one_hot),
                ("soft", soft, soft),
                ("soft Value", Value(soft), soft),
                ("no distribution", 2 * one_hot - 0.1, 2 * one_hot - 0.1),
            ]:
                with self.subTest(name, lead=lead):
                    loss = nn.cross_entropy(x, targets)
                    terms = -(expected * self.log_softmax(x.data)).sum(axis=-1)
                    self.assertEqual(loss.shape, ())
                    self.assertAlmostEqual(loss.data, np.mean(terms), 12)
                    check_gradients(loss, x)

    def test_gradient_by_soft_targets(self):
        x, targets = Value(normal(4, 3)), Value(abs(normal(4, 3, seed=1)))
        nn.cross_entropy(x, targets).backward()
        expected = -self.log_softmax(x.data) / 4
        np.testing.assert_allclose(targets.grad, expected, 1e-12)

    def test_large_and_infinite_logits(self):
        inf = np.inf
        for logits, label, expected, gradient in [
            ([1000.0, 0.0], 0, 0, [0, 0]),
            ([1000.0, 0.0], 1, 1000, [1, -1]),
            ([-1000.0, -1000.0], 0, np.log(2), [-0.5, 0.5]),
            ([1e300, -1e300], 0, 0, [0, 0]),
            ([0.0, -inf, 0.0], 0, np.log(2), [-0.5, 0, 0.5]),
            ([0.0, -inf, 0.0], 1, inf, [0.5, -1, 0.5]),
        ]:
            with self.subTest(logits=logits, label=label):
                x = Value(logits)
                loss = nn.cross_entropy(x, label)
                self.assertAlmostEqual(loss.data, expected, 12)
                loss.backward()
                np.testing.assert_allclose(x.grad, gradient, 1e-12)

    @unittest.skipIf(np.__version__ < "2", "NumPy 1 widens float32 scalars")
    def test_float32_stays(self):
        x = Value(normal(4, 3).astype(np.float32))
        one_hot = self.one_hot([0, 2, 1, 1], 3)
        for targets in ([0, 2, 1, 1], one_hot.astype(int), one_hot.astype(np.float32)):
            loss = nn.cross_entropy(x, targets)
            loss.backward()
            self.assertEqual((loss.dtype, x.grad.dtype), (np.float32, np.float32))

    def test_lazy(self):
        x = Value(shape=(None, 2), name="x")
        labels = Value(shape=(None,), name="labels", dtype=int)
        soft = Value(shape=(None, 3), name="soft")
        w = Value(normal(2, 3))
        losses = [nn.cross_entropy(x @ w, targets) for targets in (labels, soft)]
        for loss, n in product(losses, (5, 1, 8, 5)):
            with self.subTest(soft=loss is losses[1], n=n):
                inputs, answers = normal(n, 2, seed=n), np.arange(n) % 3
                fed = {"x": inputs, "labels": answers}
                fed["soft"] = self.one_hot(answers, 3)
                actual = loss.forward(**fed)
                log_p = self.log_softmax(inputs @ w.data)
                expected = -log_p[np.arange(n), answers].mean()
                self.assertAlmostEqual(actual, expected, 12)
                check_gradients(loss, [x, w], **fed)

    def test_lazy_batches_of_sequences(self):
        x = Value(shape=(None, None, 3), name="x")
        labels = Value(shape=(None, None), name="labels", dtype=int)
        loss = nn.cross_entropy(x, labels)
        for shape in [(2, 4), (1, 1), (3, 2)]:
            data, answers = normal(*shape, 3), np.arange(np.prod(shape)) % 3
            fed = {"x": data, "labels": answers.reshape(shape)}
            check_gradients(loss, x, **fed)
            log_p = self.log_softmax(data).reshape(-1, 3)
            expected = -log_p[np.arange(answers.size), answers].mean()
            self.assertAlmostEqual(float(loss.forward(**fed)), expected, 12)

    def test_a_single_row_has_a_single_target(self):
        single = Value(normal(1, 3))
        for targets in ([0, 1], np.eye(3)):
            with self.subTest(targets), self.assertRaises(ValueError) as caught:
                nn.cross_entropy(single, targets)
            self.assertIn("expected targets of shape (1,", str(caught.exception))
        x = Value(shape=(None, 3), name="x")
        y = Value(shape=(None,), name="y", dtype=int)
        loss = nn.cross_entropy(x, y)
        with self.assertRaises(ValueError):
            loss.forward(x=[[0, 0, 0]], y=[0, 1])
        loss.forward(x=np.zeros((5, 3)), y=[0, 1, 2, 1, 0])
        other = Value(shape=(None,), name="other", dtype=int)
        nn.cross_entropy(x, other)  # after x was fed, and other was not

    def test_a_list_of_values(self):
        scores = [Value(0.0), Value(np.log(3))]
        loss = nn.cross_entropy(scores, 0)
        self.assertAlmostEqual(loss.data, np.log(4), 12)
        loss.backward()
        np.testing.assert_allclose([score.grad for score in scores], [-0.75, 0.75])

    def test_unsigned_logits(self):
        x = np.array([[0, 1, 0]], np.uint8)
        weights = np.exp([[0, 1, 0]])
        expected = weights / weights.sum()
        np.testing.assert_allclose(nn.softmax(x).data, expected)
        loss = nn.cross_entropy(x, [1])
        self.assertAlmostEqual(loss.data, -np.log(expected[0, 1]))

    def test_targets_that_are_refused(self):
        x = Value(normal(2, 3))
        for name, targets, error, words in [
            ("too large", [0, 3], IndexError, ["0 to 2", "0 to 3"]),
            ("negative", [0, -1], IndexError, ["0 to 2", "-1"]),
            ("too few", [0], ValueError, ["(1,)", "(2, 3)"]),
            ("too many", [0, 1, 2], ValueError, ["(3,)", "(2, 3)"]),
            ("one for two", 0, ValueError, ["()", "(2, 3)"]),
            ("no labels", [0.0, 1.0], TypeError, ["float64"]),
            ("between labels", [0.5, 1.0], TypeError, ["float64"]),
            ("text", "ab", TypeError, ["<U2"]),
            ("nothing", None, TypeError, ["object"]),
            ("complex", [1j, 0], TypeError, ["complex128"]),
            ("classes", np.ones((2, 2)), ValueError, ["(2, 2)", "(2, 3)"]),
            ("row", np.ones((1, 3)), ValueError, ["(1, 3)", "(2, 3)"]),
            ("column", np.ones((2, 1)), ValueError, ["(2, 1)", "(2, 3)"]),
            ("axes", np.ones((1, 2, 3)), ValueError, ["(1, 2, 3)", "(2, 3)"]),
        ]:
            with self.subTest(name):
                with self.assertRaises(error) as caught:
                    nn.cross_entropy(x, targets)
                for word in words:
                    self.assertIn(word, str(caught.exception))

    def test_two_classes_from_one_score(self):
        """As the error of what PyTorch calls BCEWithLogitsLoss says it."""
        scores, y = np.array([3.0, -0.5, 800.0, -800.0]), np.array([1, 1, 0, 0])
        s = Value(scores)
        loss = nn.cross_entropy(stack([0 * s, s], axis=-1), y)
        z = (1 - 2 * y) * scores
        self.assertAlmostEqual(loss.data, np.logaddexp(0, z).mean(), 12)
        loss.backward()
        expected = (1 - 2 * y) * np.exp(z - np.logaddexp(0, z)) / 4
        np.testing.assert_allclose(s.grad, expected, 1e-12, atol=1e-12)

    def test_softmax_twice(self):
        x = Value(normal(2, 3))
        with self.assertWarnsRegex(UserWarning, "what softmax takes, got what it gi"):
            nn.cross_entropy(nn.softmax(x), [0, 1])
        once = nn.cross_entropy(x, [0, 1]).data
        log_p = nn.softmax(x).log()  # which it leaves as it is
        self.assertAlmostEqual(nn.cross_entropy(log_p, [0, 1]).data, once, 12)

    def test_labels_in_the_place_of_probabilities(self):
        """As of one score for each row, which would be the classes of one row."""
        scores = Value(normal(4))
        words = r"one-hot row, .* of shape \(\) for logits of shape \(4,\)"
        for labels in ([0, 1, 1, 0], [0, 0, 0, 0], [0, 3, 0, 0], [True] * 4):
            with self.assertRaisesRegex(ValueError, words):
                nn.cross_entropy(scores, labels)
        y = Value(shape=(None,), name="y")
        loss = nn.cross_entropy(scores, y)
        with self.assertRaisesRegex(ValueError, words):
            loss.forward(y=[0, 1, 1, 0])
        chosen = loss.forward(y=[0, 1, 0, 0])
        self.assertAlmostEqual(chosen, nn.cross_entropy(scores, 1).data, 12)
        with self.assertRaisesRegex(ValueError, "labels are integers of shape"):
            nn.cross_entropy(scores, Value(shape=(None,), name="y", dtype=int))
        with self.assertRaisesRegex(ValueError, r"labels are integers of shape \(2,\)"):
            nn.cross_entropy(normal(2, 3), [[0], [1]])

    def test_refused_when_fed(self):
        x = Value(shape=(None, 3), name="x")
        labels = Value(shape=(None,), name="labels", dtype=int)
        loss = nn.cross_entropy(x, labels)
        for fed, error in [
            ([0, 3], IndexError),
            ([0, -1], IndexError),
            ([0], ValueError),
            ([0.0, 1.0], TypeError),
            (["a", "b"], TypeError),
            (None, TypeError),
        ]:
            with self.subTest(fed), self.assertRaises(error):
                loss.forward(x=np.zeros((2, 3)), labels=fed)
        loss.forward(x=np.zeros((2, 3)), labels=[0, 2])
        self.assertAlmostEqual(loss.data, np.log(3), 12)

    def test_what_was_given_is_not_changed(self):
        logits, labels = normal(4, 3), np.array([0, 2, 1, 1])
        given = logits.copy(), labels.copy()
        nn.cross_entropy(Value(logits), labels).backward()
        np.testing.assert_array_equal(logits, given[0])
        np.testing.assert_array_equal(labels, given[1])


@needs("torch")
class TestAsTorch(unittest.TestCase):
    def assert_same(self, function, torch_function, *shape):
        import torch

        for dtype, rtol in ((np.float32, 1e-5), (np.float64, 1e-12)):
            x = Value(3 * normal(*shape).astype(dtype))
            tensor = torch.tensor(x.data, requires_grad=True)
            y, t = function(x), torch_function(tensor)
            weights = normal(*t.shape, seed=9).astype(dtype)
            (y * weights).sum().backward()
            (t * torch.tensor(weights)).sum().backward()
            pairs = (y.data, t.detach().numpy()), (x.grad, tensor.grad.numpy())
            for actual, expected in pairs:
                self.assertEqual(np.asarray(actual).dtype, dtype)
                np.testing.assert_allclose(actual, expected, rtol, atol=rtol)

    def test_softmax(self):
        import torch

        shapes = [((4,), 0), ((3, 4), 0), ((3, 4), -1), ((2, 3, 4), 1), ((0, 2), 0)]
        for shape, axis in shapes:
            with self.subTest(shape=shape, axis=axis):
                self.assert_same(
                    lambda x, axis=axis: nn.softmax(x, axis=axis),
                    lambda x, axis=axis: torch.softmax(x, dim=axis),
                    *shape,
                )

    def test_cross_entropy(self):
        import torch

        cross_entropy = torch.nn.functional.cross_entropy
        for lead in [(), (1,), (7,), (3, 5)]:
            labels = np.random.default_rng(1).integers(0, 4, lead)
            soft = np.random.default_rng(2).dirichlet(np.ones(4), lead)
            with self.subTest(lead=lead):
                self.assert_same(
                    lambda x, t=labels: nn.cross_entropy(x, t),
                    # PyTorch has the classes on axis 1
                    lambda x, t=labels: cross_entropy(
                        x.reshape(-1, 4), torch.tensor(t).reshape(-1)
                    ),
                    *lead,
                    4,
                )
                self.assert_same(
                    lambda x, t=soft: nn.cross_entropy(x, t.astype(x.dtype)),
                    lambda x, t=soft: cross_entropy(
                        x.reshape(-1, 4), torch.tensor(t, dtype=x.dtype).reshape(-1, 4)
                    ),
                    *lead,
                    4,
                )


class TestState(unittest.TestCase):
    def setUp(self):
        self.model = nn.MLP(2, [4, 1], rng=np.random.default_rng(0))
        self.other = nn.MLP(2, [4, 1], rng=np.random.default_rng(1))

    def assert_same(self, model, state):
        """The data of the model is that of the state."""
        own = model.state_dict()
        self.assertEqual(own.keys(), state.keys())
        for name in state:
            np.testing.assert_array_equal(own[name], state[name])
            self.assertEqual(own[name].dtype, np.asarray(state[name]).dtype)

    def test_is_a_copy(self):
        state = self.model.state_dict()
        self.assertEqual(len(state), 4)
        before = self.model.state_dict()
        for name in state:
            self.assertIsInstance(name, str)
            state[name][...] = 7
        self.assert_same(self.model, before)

    def test_load(self):
        state = self.model.state_dict()
        self.other.load_state_dict(state)
        self.assert_same(self.other, state)
        x = np.ones((3, 2))
        np.testing.assert_array_equal(self.other(x).data, self.model(x).data)
        for array in state.values():  # it has taken a copy
            array[...] = 7
        np.testing.assert_array_equal(self.other(x).data, self.model(x).data)

    def test_numbers_stay_numbers(self):
        neuron = nn.Neuron(2)
        kind = type(neuron.b.data)
        neuron.load_state_dict({"w": [1.0, 2.0], "b": 3.0})
        self.assertIs(type(neuron.b.data), kind)
        self.assertEqual(neuron(np.array([1.0, 1.0])).data, 6)

    def test_own_dtype_is_kept(self):
        for value in self.model.parameters():
            value.data = np.asarray(value.data, np.float32)
        self.model.load_state_dict(self.other.state_dict())
        for value in self.model.parameters():
            self.assertEqual(value.dtype, np.float32)

    def test_refused_states_change_nothing(self):
        good, before = self.other.state_dict(), self.model.state_dict()
        first, *_, last = good
        for name, change, words in [
            ("missing", {last: None}, [last]),
            ("unexpected", {"stranger": np.ones(2)}, ["stranger"]),
            ("shape", {last: np.ones((7, 9))}, [last, "(7, 9)"]),
            ("all", {first: None, "stranger": 1, last: [1, 2, 3]}, [first, "stranger"]),
            ("broadcast", {first: np.ones(1)}, [first, "(1,)"]),
        ]:
            state = {k: v for k, v in {**good, **change}.items() if v is not None}
            with (
                self.subTest(name),
                self.assertRaises((ValueError, KeyError)) as caught,
            ):
                self.model.load_state_dict(state)
            for word in words:
                self.assertIn(word, str(caught.exception))
            self.assert_same(self.model, before)

    def test_what_is_no_number(self):
        before = self.model.state_dict()
        *_, last = before
        shape = np.shape(before[last])
        for array in (np.full(shape, "x"), np.full(shape, 1j), np.full(shape, None)):
            with self.assertRaises((TypeError, ValueError)):
                self.model.load_state_dict({**before, last: array})
            self.assert_same(self.model, before)

    def test_shared_modules(self):
        layer = nn.Layer(2, 2)
        pair = Pair(layer, layer)
        state = pair.state_dict()
        layer.w.data[:] = 7
        pair.load_state_dict(state)
        self.assertIs(pair.first.w, pair.second.w)
        self.assert_same(pair, state)


class TestOptions(ValueTest):
    def test_activations(self):
        x = numbers((5, 2))
        for activation, reference in (
            (Value.tanh, np.tanh),
            (Value.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
            (lambda y: y * 2, lambda x: x * 2),
            (Value.relu, lambda x: np.maximum(x, 0)),
        ):
            model = nn.MLP(2, [3, 1], activation=activation)
            (w1, b1), (w2, b2) = (
                (layer.w.data, layer.b.data) for layer in model.layers
            )
            expected = reference(x @ w1 + b1) @ w2 + b2
            self.assert_close(model(x).data, expected)
            for part in (
                nn.Neuron(2, activation=activation),
                nn.Layer(2, 3, activation=activation),
            ):
                expected = reference(x @ part.w.data + part.b.data)
                self.assert_close(part(x).data, expected)
        self.assertEqual(repr(nn.Neuron(2, activation=Value.tanh)), "TanhNeuron(2)")
        self.assertEqual(repr(nn.Neuron(2, False, activation=abs)), "LinearNeuron(2)")
        nameless = partial(Value.clip, max=6)
        self.assertEqual(repr(nn.Neuron(2, activation=nameless)), "Neuron(2)")
        self.assertEqual(repr(nn.Neuron(2)), "ReLUNeuron(2)")

    def test_dtypes(self):
        for make in (
            lambda **options: nn.MLP(2, [3, 1], **options),
            lambda **options: nn.Layer(2, 3, **options),
            lambda **options: nn.Neuron(2, **options),
        ):
            model, wide = (
                make(dtype=dtype, rng=np.random.default_rng(0))
                for dtype in (np.float32, float)
            )
            y = model(np.ones((4, 2), np.float32)).sum()
            y.backward()
            self.assertEqual(y.dtype, np.float32)
            for p, q in zip(model.parameters(), wide.parameters()):
                self.assertEqual((p.dtype, p.grad.dtype), (np.float32, np.float32))
                self.assert_equal(p.data, q.data.astype(np.float32))
                self.assertEqual(q.dtype, np.float64)

    def test_what_is_refused(self):
        for make, kind, words in (
            (lambda: nn.MLP(64, 32, 10), TypeError, r"MLP\(64, \[32, 10\]\), got 32"),
            (lambda: nn.MLP(9, 8, 4, 2, 1), TypeError, r"\(9, \[8, 4, 2, 1\]\), got 8"),
            (lambda: nn.MLP(9, 8.0), TypeError, r"MLP\(9, \[16, 1\]\), got 8.0"),
            (
                lambda: nn.MLP(2, []),
                ValueError,
                "the size of a layer or more, got none",
            ),
            (lambda: nn.MLP(2, [3], dtype=int), TypeError, "a floating one, got int64"),
            (lambda: nn.MLP(2, [3], rng=1), TypeError, r"default_rng\(0\), got 1"),
            (
                lambda: nn.Layer(2, 3, activation="tanh"),
                TypeError,
                "Value.tanh, got 'tan",
            ),
        ):
            with self.assertRaisesRegex(kind, words):
                make()
        model = nn.MLP(2, [3, 1])
        for name, words in (
            ("train", "no modes"),
            ("cuda", "CPU"),
            ("to", "dtype="),
            ("forward", r"model\(x\)"),
        ):
            with self.assertRaisesRegex(AttributeError, f"'MLP'.*'{name}'.*{words}"):
                getattr(model, name)
        with self.assertRaisesRegex(AttributeError, "'MLP'.*'weights'$"):
            _ = model.weights
        model.weights = 3
        self.assertEqual((model.weights, hasattr(model, "bias")), (3, False))

    def test_an_activation_in_the_place_of_nonlin(self):
        """It would be true, and so relu."""
        for make in (nn.Neuron, lambda *options: nn.Layer(2, *options)):
            for other in (np.tanh, Value.tanh, lambda x: x, "tanh", None, 64):
                with self.assertRaisesRegex(TypeError, "nonlin: .*activation=Value.ta"):
                    make(2, other)
            for nonlin in (True, np.bool_(False), 1, 0):
                self.assertEqual(make(2, nonlin).nonlin, nonlin)

    def test_other_names(self):
        """Those with a hint are in test_mistakes."""
        for module in (nn, optim):
            with self.assertRaisesRegex(AttributeError, "attribute 'Square'$"):
                getattr(module, "Square")  # noqa: B009

    def test_a_module_that_cannot_be_called(self):
        class Net(nn.Module):
            pass

        with self.assertRaisesRegex(
            NotImplementedError, r"Net: .*__call__\(self, x\)$"
        ):
            Net()(1.0)
        Net.forward = lambda self, x: x
        with self.assertRaisesRegex(NotImplementedError, "got forward.*: rename it"):
            Net()(1.0)
        self.assertEqual(Net().forward(1.0), 1.0)

    def test_a_property_has_an_error_of_its_own(self):
        class Net(nn.Module):
            w = Value(1.0)

            @property
            def eval(self):
                return self.w.nothing

        with self.assertRaisesRegex(AttributeError, "'Net'.*'eval'.*no modes"):
            _ = Net().eval  # a name of PyTorch's, whatever it is
        Net.own = Net.eval
        with self.assertRaisesRegex(AttributeError, "'Value'.*'nothing'"):
            _ = Net().own


class TestShown(ValueTest):
    def test_print(self):
        class Net(nn.Module):
            def __init__(self):
                self.body = nn.MLP(2, [3, 1], activation=Value.tanh)
                self.heads = {"a": nn.Layer(1, 2)}
                self.scale = Value(np.ones(4))

        lines = str(Net()).splitlines()
        self.assertEqual(lines[0], "Net of 21 parameters")
        self.assertEqual(
            lines[1], "  body.layers.0: Layer of 3 TanhNeuron(2), w (2, 3), b (3,)"
        )
        self.assertEqual(
            lines[2:],
            [
                "  body.layers.1: LinearNeuron(3), w (3,), b ()",
                "  heads.a: Layer of 2 ReLUNeuron(1), w (1, 2), b (2,)",
                "  itself: Net, scale (4,)",
            ],
        )
        self.assertEqual(str(nn.Module()), "Module of 0 parameters")

    def test_one_that_stands_in_itself(self):
        child, parent = nn.Neuron(2), nn.Module()
        parent.child, child.parent = child, parent
        parent.parts = [child]
        parent.parts.append(parent.parts)
        names = ["child.w", "child.b", "parts.0.w", "parts.0.b"]
        self.assertEqual([name for name, _ in parent.named_parameters()], names)
        self.assertEqual(
            [id(p) for p in parent.parameters()], [id(child.w), id(child.b)]
        )
        self.assertEqual(list(parent.state_dict()), names)
        self.assertIn("of 3 parameters", str(parent))

    def test_two_of_one_name(self):
        """Files would lose one of them."""
        model = nn.Module()
        model.parts = {1: Value(1.0), "1": Value(2.0)}
        for call in (model.state_dict, lambda: model.load_state_dict({"parts.1": 3.0})):
            with self.assertRaisesRegex(ValueError, "two .* 'parts.1': change a key"):
                call()
        model.parts["1"] = model.parts[1]
        self.assert_equal(model.state_dict()["parts.1"], 1.0)


if __name__ == "__main__":
    unittest.main()
