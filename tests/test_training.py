"""Training: real data, a transformer, and the blocks of the docs that they are of."""

import unittest

import numpy as np
from test_documents import defined
from test_vs_torch import TorchTest, torch
from testing import needs, uniform

from micrograd import Value, nn, optim

try:
    from sklearn.datasets import load_diabetes, load_digits
except ImportError:
    load_diabetes = load_digits = None
try:
    from scipy.optimize import minimize
except ImportError:
    minimize = None

conv2d = defined("docs/blocks.md", "Convolution")["conv2d"]
layer_norm = defined("docs/blocks.md", "Layer normalisation")["layer_norm"]
attention = defined("docs/blocks.md", "Attention")["attention"]
BatchNorm = defined("docs/blocks.md", "Batch normalisation")["BatchNorm"]
recipes = defined("docs/training.md", "Losses")
cosine = defined("docs/training.md", "Optimisers")["cosine"]


class TestBlocks(TorchTest):
    def test_conv2d(self):
        for stride in (1, 2, 3):
            for padding in (0, 1, 2):
                with self.subTest(stride=stride, padding=padding):

                    def expected(images, w, **options):
                        images, w = images.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1)
                        y = torch.nn.functional.conv2d(images, w, **options)
                        return y.permute(0, 2, 3, 1)

                    options = {"stride": stride, "padding": padding}
                    self.assert_same(
                        lambda images, w, o=options: conv2d(images, w, **o),
                        lambda images, w, o=options: expected(images, w, **o),
                        uniform((2, 7, 6, 3), -1, 1),
                        uniform((3, 2, 3, 4), -1, 1, seed=1),
                    )

    def test_layer_norm(self):
        self.assert_same(
            layer_norm,
            lambda x, *affine: torch.nn.functional.layer_norm(x, (5,), *affine),
            uniform((2, 3, 5)),
            uniform((5,), seed=1),
            uniform((5,), seed=2),
        )

    def test_batch_norm(self):
        x, affine = uniform((6, 3), -1, 1), [uniform((3,)), uniform((3,), seed=1)]

        def ours(x, scale, shift):
            norm = BatchNorm(3)
            norm.scale, norm.shift = scale, shift
            return norm.in_training(x)[0]

        def theirs(x, *affine):
            mean, var = x.new_zeros(3), x.new_ones(3)
            return torch.nn.functional.batch_norm(x, mean, var, *affine, True)

        self.assert_same(ours, theirs, x, *affine)
        norm, layer = BatchNorm(3), torch.nn.BatchNorm1d(3, dtype=torch.float64)
        for seed in range(3):
            rows = uniform((6, 3), -1, 1, seed)
            _, mean, var = norm.in_training(Value(rows))
            norm.update(mean.data, var.data, 6)
            layer(torch.tensor(rows))
        self.assert_close(norm.mean.data, layer.running_mean, 1e-12)
        self.assert_close(norm.var.data, layer.running_var, 1e-12)
        expected = layer.eval()(torch.tensor(x))
        self.assert_close(norm(x).data, expected, 1e-12)

    def test_losses(self):
        """Of padded sequences, (2, 4) labels of 3 classes."""
        logits = uniform((2, 4, 3), -2, 2)
        labels = np.array([[0, 2, 1, -100], [1, -100, -100, 2]])
        weights = uniform((3,), seed=1)
        theirs = torch.nn.functional.cross_entropy
        for name, known, by_torch in [
            ("masked_cross_entropy", labels, {"ignore_index": -100}),
            ("weighted_cross_entropy", labels % 3, {"weight": torch.tensor(weights)}),
            ("smoothed", labels % 3, {"label_smoothing": 0.2}),
        ]:
            with self.subTest(name):
                x, y = Value(logits), Value(known)
                if name == "smoothed":
                    loss = nn.cross_entropy(x, recipes[name](y, 3, 0.2))
                elif name == "weighted_cross_entropy":
                    loss = recipes[name](x, y, weights)
                else:
                    loss = recipes[name](x, y)
                loss.backward()
                tensor = torch.tensor(logits, requires_grad=True)
                rows, numbers = tensor.reshape(-1, 3), torch.tensor(known.ravel())
                expected = theirs(rows, numbers, **by_torch)
                expected.backward()
                self.assert_close(loss.data, expected, 1e-12)
                self.assert_close(x.grad, tensor.grad, 1e-12)

    def test_attention(self):
        width, heads = 6, 2
        later = np.triu(np.ones((4, 4), bool), k=1)

        def expected(x, w_in, w_out):
            x = x.transpose(0, 1)
            return torch.nn.functional.multi_head_attention_forward(
                *(x, x, x, width, heads, w_in.T, None, None, None, False, 0.0),
                *(w_out.T, None),
                attn_mask=torch.tensor(later),
                need_weights=False,
            )[0].transpose(0, 1)

        self.assert_same(
            lambda *values: attention(*values, heads),
            expected,
            uniform((3, 4, width), -1, 1),
            uniform((width, 3 * width), -1, 1, seed=1),
            uniform((width, width), -1, 1, seed=2),
        )

    def test_cosine(self):
        optimiser = torch.optim.SGD([torch.zeros(())], lr=0.3)
        schedule = torch.optim.lr_scheduler.SequentialLR(
            optimiser,
            [
                torch.optim.lr_scheduler.LinearLR(optimiser, 1 / 5, total_iters=4),
                torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=15),
            ],
            milestones=[5],
        )
        rates = []
        for _ in range(20):
            rates += schedule.get_last_lr()
            optimiser.step()
            schedule.step()
        np.testing.assert_allclose(list(cosine(0.3, 5, 20)), rates)


class ConvNet(nn.Module):
    def __init__(self, rng):
        self.filters = [
            Value(rng.normal(0, (2 / 9) ** 0.5, (3, 3, 1, 16))),
            Value(rng.normal(0, (2 / 144) ** 0.5, (3, 3, 16, 32))),
        ]
        self.shifts = [Value(np.zeros(16)), Value(np.zeros(32))]
        self.last = nn.Layer(4 * 4 * 32, 10, nonlin=False, rng=rng)

    def __call__(self, x):
        for w, b, stride in zip(self.filters, self.shifts, (1, 2)):
            x = (conv2d(x, w, stride, padding=1) + b).relu()
        return self.last(x.reshape(-1, 4 * 4 * 32))


@needs("sklearn")
class TestDigits(unittest.TestCase):
    """Of 8 x 8 pixels; a quarter of them is held out."""

    def setUp(self):
        self.rng = np.random.default_rng(0)

    def accuracy(self, model, shape, epochs):
        """On the held-out images, after training on the others, some moved a pixel."""
        images, labels = load_digits(return_X_y=True)
        framed = np.pad(images.reshape(-1, 8, 8) / 16, [(0, 0), (1, 1), (1, 1)])
        held_out, others = np.split(np.random.default_rng(0).permutation(1797), [450])

        def moved(batch, down, right):
            rows, columns = down + np.arange(8)[:, None], right + np.arange(8)
            return framed[batch[:, None, None], rows, columns].reshape(-1, *shape)

        x = Value(shape=(None, *shape), name="x")
        y = Value(shape=(None,), name="y", dtype=int)
        logits = model(x)
        loss = nn.cross_entropy(logits, y)
        parameters = model.parameters()
        rates = cosine(0.01, 20, epochs * 22)
        optimiser = optim.AdamW(parameters, learning_rate=rates)
        for _ in range(epochs):
            for batch in np.split(self.rng.permutation(others), range(64, 1347, 64)):
                size = (2, len(batch), 1, 1)
                down, right = self.rng.choice(3, size, p=[0.15, 0.7, 0.15])
                loss.forward(x=moved(batch, down, right), y=labels[batch])
                loss.backward(wrt=parameters)
                optimiser.step()
        guesses = logits.forward(x=moved(held_out, 1, 1)).argmax(axis=1)
        return np.mean(guesses == labels[held_out])

    def test_mlp(self):
        model = nn.MLP(64, [256, 10], rng=self.rng)
        self.assertGreaterEqual(self.accuracy(model, (64,), epochs=50), 0.97)

    def test_convolutions(self):
        model = ConvNet(self.rng)
        self.assertGreaterEqual(self.accuracy(model, (8, 8, 1), epochs=20), 0.98)


@needs("sklearn")
class TestDiabetes(unittest.TestCase):
    """Linear regression: the closed form is known."""

    def setUp(self):
        features, target = load_diabetes(return_X_y=True)
        features = features / features.std(axis=0)
        self.features = np.column_stack([features, np.ones(len(features))])
        self.expected = np.linalg.lstsq(self.features, target, rcond=None)[0]
        self.w = Value(np.zeros(11))
        self.loss = ((self.features @ self.w - target) ** 2).mean()

    def test_sgd(self):
        optimiser = optim.SGD(self.w, learning_rate=0.2, momentum=0.9)
        for _ in range(500):
            self.loss.forward()
            self.loss.backward(wrt=self.w)
            optimiser.step()
        np.testing.assert_allclose(self.w.data, self.expected, rtol=1e-6)

    @needs("scipy")
    def test_scipy(self):
        def loss_and_gradient(w):
            self.w.data = w
            loss = self.loss.forward()
            self.loss.backward(wrt=self.w)
            return loss, self.w.grad

        outcome = minimize(loss_and_gradient, np.zeros(11), jac=True)
        self.assertTrue(outcome.success, outcome)
        np.testing.assert_allclose(outcome.x, self.expected, rtol=1e-5)


SYMBOLS, LENGTH = 8, 6


class Transformer(nn.Module):
    """One block; it reads LENGTH symbols, a separator, and what it has written."""

    def __init__(self, rng, width=24):
        normal = lambda *shape: Value(rng.normal(0, shape[0] ** -0.5, shape))
        self.table = normal(SYMBOLS + 1, width)
        self.places = normal(2 * LENGTH, width)
        self.norms = [(Value(np.ones(width)), Value(np.zeros(width))) for _ in "123"]
        self.w_in, self.w_out = normal(width, 3 * width), normal(width, width)
        self.mlp = nn.MLP(width, [32, width], rng=rng)
        self.last = nn.Layer(width, SYMBOLS, nonlin=False, rng=rng)

    def __call__(self, tokens):
        x = self.table[tokens] + self.places  # (N, 2 * LENGTH, width)
        normal = layer_norm(x, *self.norms[0])
        x = x + attention(normal, self.w_in, self.w_out, heads=2)
        x = x + self.mlp(layer_norm(x, *self.norms[1]))
        x = layer_norm(x[:, LENGTH:], *self.norms[2])
        return self.last(x)  # (N, LENGTH, SYMBOLS)


class TestTransformer(unittest.TestCase):
    def test_sorts(self):
        rng = np.random.default_rng(0)
        numbers = rng.permutation(SYMBOLS**LENGTH)
        sequences = numbers[:, None] // SYMBOLS ** np.arange(LENGTH) % SYMBOLS
        targets = np.sort(sequences, axis=1)
        separators = np.full((len(numbers), 1), SYMBOLS)
        inputs = np.concatenate([sequences, separators, targets[:, :-1]], axis=1)

        model = Transformer(rng)
        tokens = Value(shape=(None, 2 * LENGTH), name="tokens", dtype=int)
        target = Value(shape=(None, LENGTH), name="target", dtype=int)
        logits = model(tokens)
        loss = nn.cross_entropy(logits, target)
        parameters = model.parameters()
        self.assertLess(sum(value.size for value in parameters), 5000)
        rates = cosine(0.01, 60, 600)
        optimiser = optim.AdamW(parameters, learning_rate=rates)
        held_out, *batches = np.split(np.arange(39400), range(1000, 39400, 64))
        for batch in batches:
            loss.forward(tokens=inputs[batch], target=targets[batch])
            loss.backward(wrt=parameters)
            optim.clip_grad_norm(parameters, max_norm=1.0)
            optimiser.step()

        # A sequence that it would write by itself is right if and only if each symbol
        # is, given the right ones before.
        guesses = logits.forward(tokens=inputs[held_out]).argmax(axis=-1)
        is_right = (guesses == targets[held_out]).all(axis=1)
        self.assertGreater(is_right.mean(), 0.99)


if __name__ == "__main__":
    unittest.main()
