"""What people write who come from NumPy, PyTorch or the scalar micrograd.

Each ends in the right number, or in an error that says what to write instead.
"""

import ast
import copy
import inspect
import math
import re
import unittest
import warnings

import numpy as np

import micrograd
from micrograd import Value, checkpoint, compiled, nn, optim
from micrograd.interface import hints
from micrograd.interface import words as tables

try:
    import torch
except ImportError:
    torch = None

from testing import ValueTest, needs

# The code, as somebody wrote it, and what is right: a number or an array, or the type
# of the error and the words that lead on. v and w are Values of [1, 2, 3], [4, 5, 6];
# n is one of a number; x is lazy, of shape (None, 2), and h = x * 2; a is an array.
EXPRESSIONS = [
    # NumPy's habits
    ("np.array([v, w])", TypeError, "stack([v, w])"),
    ("np.r_[v, w]", TypeError, "concatenate([v, w])"),
    ("np.add.accumulate(v)", [1.0, 3.0, 6.0], None),
    ("np.multiply.outer(v, w)", TypeError, "write np.outer(v, w)"),
    ("np.add.at(a, [0], v)", TypeError, "v.at[key].add(x)"),
    ("np.subtract.outer(v, w)", TypeError, "np.subtract.outer has no derivative here"),
    ("np.exp(v, where=a > 1)", TypeError, "takes no where="),
    ("micrograd.tensordot(v, w, ([0], [0]))", TypeError, "write np.tensordot"),
    ("micrograd.operator(3, np.exp)", TypeError, "name: expected a string, got 3"),
    ("np.full(3, n)", TypeError, "v.data"),
    ("np.vectorize(math.sin)(v)", TypeError, "v.data or v.numpy()"),
    ("a[0] = n", (TypeError, ValueError), "v.at[key].set(x)"),
    ("i = np.arange(3); i[0] = n", (TypeError, ValueError), "v.at[key].set(x)"),
    ("a[:] = v", TypeError, "v.at[key].set(x)"),
    ("v[0] = 1.0", TypeError, "v = v.at[key].set(x)"),
    ("v[0] += n", TypeError, "v = v.at[key].set(x)"),
    ("np.copyto(a, v)", TypeError, "Value(array).at[key].set(x)"),
    ("v.at[0].set(n)", [7.0, 2.0, 3.0], None),
    ("v.sort()", AttributeError, "write np.sort(v)"),
    ("v.nbytes", AttributeError, "write v.data.nbytes"),
    ("v.strides", AttributeError, "write v.data.strides"),
    ("v.tofile", AttributeError, "write v.data.tofile"),
    ("v & (w > 5)", TypeError, "(x > 0) & (y > 0)"),
    ("(v > 1) & (w < 6)", [False, True, False], None),
    ("np.allclose(v, a)", True, None),
    ("a += v", TypeError, "array = array + value"),
    ("np.add(a, v, out=a)", TypeError, "array = array + value"),
    ("a.dot(v)", TypeError, "v.data"),
    ("np.dot(a, v)", 14.0, None),
    ("a @ v + 1", 15.0, None),
    ("np.testing.assert_allclose(v, a)", TypeError, "v.data"),
    ("if v > 2: pass", ValueError, "where(condition, x, y)"),
    ("v.sum(axis=1)", ValueError, "axis 1 is out of bounds"),
    ("v @ x.data", ValueError, "operator '@' of shapes (3,), (1, 2)"),
    ("Value([[1.0, 2.0], [3.0]])", TypeError, "expected real numbers, got object list"),
    ("Value('3')", TypeError, "expected real numbers, got <U1"),
    ("Value(1 + 2j)", TypeError, "complex"),
    ("v.data = [5.0, 6.0, 7.0]; v * 2", TypeError, "write np.array"),
    # Open axes, and what is fed
    ("h.sum() / len(h)", TypeError, "mean(axis=0)"),
    ("h.sum() / h.shape[0]", TypeError, "mean(axis=0)"),
    ("h.reshape(h.shape[0], -1)", TypeError, "write -1"),
    ("[row for row in h]", TypeError, "an open axis has no length"),
    ("for i in range(len(x)): pass", TypeError, "mean(axis=0)"),
    ("Value(shape=(2,))", TypeError, "Value(shape=(None, 2), name='x')"),
    ("h.forward(np.ones((4, 2)))", TypeError, "forward(x=data)"),
    ("compiled(h)(np.ones((4, 2)))", TypeError, "program(x=data)"),
    ("h.forward(x=[1.0, 2.0])", ValueError, "x: expected shape (None, 2), got (2,)"),
    ("h.forward(x=v)", TypeError, "write v.data"),
    ("h(x=np.ones((4, 2)))", TypeError, "v.forward(x=data)"),
    ("h.forward(X=1)", UserWarning, "x is not fed: nan (fed: X)"),
    ("Value(np.array([1.0, 2.0], object))", TypeError, "array.astype(float)"),
    ("copy.copy(v * 2)", TypeError, "cannot be pickled or copied: write v.data"),
    ("a[n > 5]", TypeError, "to select from an array, write Value(array)[v]"),
    ("np.eye(3)[Value([0, 2])]", TypeError, "Value(array)[v], or np.take(Value(array)"),
    ("np.take(a, Value([0, 2]))", TypeError, "np.take(Value(array), v)"),
    ("np.take(Value(a), Value([0, 2]))", [1.0, 3.0], None),
    (
        "np.save('v.npy', v)",
        TypeError,
        "numpy.save has no derivative here: write v.data",
    ),
    ("np.savez('v.npz', v=v)", TypeError, "write v.data"),
    ("Value(np.ma.masked_less(a, 2))", TypeError, "array.filled(x)"),
    ("h.sum().backward()", UserWarning, "run forward() before backward()"),
    ("x.reshape(x.size)", TypeError, "write -1"),
    # PyTorch's habits
    ("v.backward(np.ones(3))", TypeError, "(result * g).sum().backward()"),
    ("v.sum().backward(wrt=3)", TypeError, "wrt: expected Values, got 3"),
    ("v.sum().backward(wrt=w)", ValueError, "does not depend on"),
    ("(v > 0).backward()", TypeError, "got booleans"),
    ("v.sum(dim=0)", TypeError, "expected axis=, got dim="),
    ("v.mean(0, keepdim=True)", TypeError, "expected keepdims=, got keepdim="),
    ("v.unsqueeze(0)", AttributeError, "np.expand_dims(v, axis)"),
    ("v.requires_grad", AttributeError, "backward(wrt=w)"),
    ("v.add_(1)", AttributeError, "w.data[...] = ..."),
    ("v.requires_grad_()", AttributeError, "a new Value"),
    ("v.argmax(dim=0)", TypeError, "dim"),
    ("v.item()", ValueError, "size 1"),
    ("f'{v:.2f}'", TypeError, "print v.data"),
    ("f'{n:.2f}' == '7.00'", True, None),
    ("v.detach().numpy() + 1", [2.0, 3.0, 4.0], None),
    ("micrograd.tensor([1.0])", AttributeError, "micrograd.Value"),
    ("with micrograd.no_grad(): pass", AttributeError, "computes no gradients"),
    ("v.backward(create_graph=True)", TypeError, "expected gradient(y, x), which is"),
    ("v.backward(retain_graph=True)", TypeError, "as an expression stays, got retain"),
    ("Value([1.0], requires_grad=True)", TypeError, "Value(): expected no such word"),
    ("micrograd.gradient(v**2, v).data", [2.0, 4.0, 6.0], None),
    # The scalar micrograd's habits
    ("sum([n, n, 1])", 15.0, None),
    ("sum((n * k for k in range(3)), Value(0.0))", 21.0, None),
    ("max(n, 3)", 7.0, None),
    ("n.data + 1", 8.0, None),
    ("math.exp(n * 0)", 1.0, None),
    ("1 / (n * 0)", np.inf, None),
    ("(n - 8) ** 0.5", np.nan, None),
    ("n == None", False, None),
    ("v in [w, v]", ValueError, "where(condition"),
    ("copy.deepcopy(n * 2)", TypeError, "leaves can"),
]


# Of a model, its parameters, a batch x and its labels y, and the loss of the two.
TRAINING = [
    ("nn.MLP(64, 32, 10)", TypeError, "MLP(64, [32, 10])"),
    ("nn.MLP(784, 256, 64, 10)", TypeError, "MLP(784, [256, 64, 10])"),
    ("nn.Layer(784, 256, 10)", TypeError, "nonlin: expected True or False, got 10"),
    ("nn.MLP(2, [])", ValueError, "the size of a layer or more"),
    (
        "nn.MLP(2, [3], np.float32)",
        TypeError,
        "rng: expected one as np.random.default_rng(0)",
    ),
    ("nn.Layer(2, 3, activation='tanh')", TypeError, "Value.tanh"),
    ("model.train()", AttributeError, "no modes"),
    ("model.to('cuda')", AttributeError, "dtype="),
    ("model.forward(x)", AttributeError, "model(x)"),
    ("model.zero_grad(); loss.backward(); loss.item() > 0", True, None),
    ("nn.Layer(2, 3, np.tanh)", TypeError, "activation=Value.tanh"),
    ("nn.Linear(2, 3)", AttributeError, "Layer(nin, nout, nonlin=False)"),
    ("nn.Sequential(nn.Layer(2, 3))", AttributeError, "MLP(nin, nouts)"),
    ("nn.CrossEntropyLoss()", AttributeError, "cross_entropy(logits, targets)"),
    ("nn.BCEWithLogitsLoss()", AttributeError, "(stack([0 * s, s], axis=-1), y)"),
    ("nn.MSELoss()", AttributeError, "((score - y) ** 2).mean()"),
    (
        "Net = type('Net', (nn.Module,), {'forward': 1}); Net()(x)",
        NotImplementedError,
        "expected a method __call__(self, x), got forward(): rename it",
    ),
    ("model.eval()(x)", AttributeError, "no modes"),
    ("model.layers[0].weight", AttributeError, "write w, of a Layer"),
    ("model.requires_grad_(False)", AttributeError, "backward(wrt=...)"),
    ("model(x.T)", ValueError, "operator '@' of shapes (2, 3), (2, 4)"),
    ("optim.SGD(model, lr=0.1)", TypeError, "expected learning_rate=, got lr="),
    ("optim.SGD(params=model, learning_rate=0.1)", TypeError, "expected wrt="),
    ("optim.SGD(model.parameters, 0.1)", TypeError, "write parameters()"),
    ("len(optim.Adam(model).wrt)", 4, None),
    ("p = iter(model.parameters()); list(p); optim.SGD(p, 0.1)", ValueError, "used be"),
    ("optim.SGD(model, lambda step: 0.1)", TypeError, "(function(step) for step in"),
    ("optim.lr_scheduler.StepLR", AttributeError, "learning_rate=schedule"),
    ("optim.SGD(model, [0.1]).learning_rate", 0.1, None),
    ("optim.SGD([0.1], model)", TypeError, "wrt: expected Values, got 0.1"),
    ("o = optim.SGD(model, 0.1); o.learning_rate = 0.5; o.learning_rate", 0.5, None),
    (
        "o = optim.SGD(model, 0.1); o.zero_grad(); loss.backward(); o.step() is None",
        True,
        None,
    ),
    (
        "o = optim.SGD(model, 0.1); loss.backward(); o.zero_grad(); o.step()",
        ValueError,
        "wrt[0] of shape (2, 4) is without a gradient: run backward()",
    ),
    ("optim.SGD(model, 0.1).step(loss)", TypeError, "takes 1 positional argument"),
    ("optim.SGD(model, 0.1).save('run.npz')", AttributeError, "checkpoint.save(path"),
    ("optim.SGD(nn.MLP(2, [1], dtype=int), 0.1)", TypeError, "expected a floating one"),
    ("optim.SGD(Value([1, 2]), 0.1)", TypeError, "write Value(x, dtype=float)"),
    ("optim.SGD(Value(1.0) * 0.1, 0.1)", ValueError, "write Value(x.data), a leaf"),
    ("optim.clip_grad_norm_(model, 1.0)", AttributeError, "write clip_grad_norm("),
    ("optim.SGD(model, 0.1).lr", AttributeError, "learning_rate"),
    ("optim.SGD(model, 0.1).lr = 1", AttributeError, "lr"),
    ("optim.SGD(model, 0.1).param_groups[0]", AttributeError, "learning_rate"),
    ("optim.Adam(model, betas=0.9)", TypeError, "(0.9, 0.999)"),
    ("optim.Adam(model, betas=(0.9, 1.0))", ValueError, "below 1, got 1.0"),
    ("optim.SGD(model, -0.1)", ValueError, "at least 0, got -0.1"),
    ("optim.SGD(loss, 0.1)", ValueError, "expected writeable floating leaves"),
    ("optim.SGD(model(x).data, 0.1)", TypeError, "wrt: expected Values, got array"),
    ("optim.SGD(model, 0.1).step()", ValueError, "run backward()"),
    (
        "nn.cross_entropy(model(x), np.ones(3))",
        TypeError,
        "integer labels, got float64",
    ),
    ("nn.cross_entropy(Value(1.0), 0)", ValueError, "(..., classes), got ()"),
    ("nn.cross_entropy(model(x), [0, 1, 2])", IndexError, "labels from 0 to 1"),
    ("nn.cross_entropy(model(x), [[0], [1], [1]])", ValueError, "shape (3, 2), got"),
    ("nn.cross_entropy(nn.softmax(model(x)), y)", UserWarning, "softmax takes, got"),
    ("nn.cross_entropy(y, model(x))", ValueError, "(3,), got (3, 2)"),
    ("nn.cross_entropy(model(x)[:, 0], y)", ValueError, "expected a one-hot row"),
    ("nn.cross_entropy(model(x), np.eye(2)[y]).data - loss.data", 0.0, None),
    (
        "nn.cross_entropy(model(x), y.astype(float))",
        TypeError,
        "y.astype(int) of an array",
    ),
    ("nn.cross_entropy(model(x), y + 1)", IndexError, "labels from 0 to 1, got 1 to 2"),
    ("model.load_state_dict('model.npz')", TypeError, "arrays by name, got str"),
    ("model.load_state_dict(model)", TypeError, "model.state_dict()"),
    ("checkpoint.save(model.state_dict(), 'model.npz')", TypeError, "model=model"),
    ("checkpoint.save('model.npz', epoch=None)", TypeError, "epoch: expected a model"),
    (
        "model.load_state_dict(nn.MLP(2, [5, 2]).state_dict())",
        ValueError,
        "layers.0.w: expected shape (2, 4), got (2, 5)",
    ),
    ("model.load_state_dict({})", ValueError, "missing: layers.0.w of shape (2, 4)"),
    ("loss.backward(model.layers); len(model.parameters()[0].grad)", 2, None),
    ("loss.backward({'a': model}); len(model.parameters()[0].grad)", 2, None),
    (
        "loss.backward(nn.MLP(2, [3]))",
        ValueError,
        "wrt[0] (layers.0.w) of shape (2, 3)",
    ),
    (
        "loss.backward({'net': model, 'w': micrograd.Value(1.0)})",
        ValueError,
        "does not depend on wrt[4] (w) of shape ()",
    ),
    (
        "compiled(loss, wrt=[model, nn.Neuron(2)])",
        ValueError,
        "does not depend on wrt[4] (1.w) of shape (2,)",
    ),
    ("loss.backward([model, 3])", TypeError, "wrt: expected Values, got 3"),
    ("nn.BatchNorm1d(3)", AttributeError, "docs/blocks.md"),
]


class TestMistakes(ValueTest):
    def test_expressions(self):
        for code, expected, words in EXPRESSIONS:
            with self.subTest(code):
                self.check(code, expected, words)

    def test_training(self):
        for code, expected, words in TRAINING:
            with self.subTest(code):
                self.check(code, expected, words)

    def nets(self):
        model = nn.MLP(2, [4, 2], rng=np.random.default_rng(0))
        x, y = np.ones((3, 2)), np.array([0, 1, 1])
        names = {"nn": nn, "optim": optim, "checkpoint": checkpoint, "model": model}
        names.update(x=x, y=y)
        return {**names, "loss": nn.cross_entropy(model(x), y)}

    def names(self):
        x = Value(shape=(None, 2), name="x")
        v, w = Value([1.0, 2.0, 3.0]), Value([4.0, 5.0, 6.0])
        names = {"a": np.array([1.0, 2.0, 3.0]), "v": v, "w": w, "n": Value(7.0)}
        names.update(x=x, h=x * 2, Value=Value, compiled=compiled, micrograd=micrograd)
        return {**names, "np": np, "math": math, "copy": copy}

    def check(self, code, expected, words):
        names = self.names()
        if any(word in code for word in ("model", "nn.", "optim.")):
            names.update(self.nets())
        if words is None:
            *before, code = code.split("; ")
            exec("; ".join(before), names)
            result = eval(code, names)
            self.assert_equal(getattr(result, "data", result), expected)
            return
        with self.assertRaises(expected) as caught, warnings.catch_warnings():
            warnings.filterwarnings("error", "x is|run forward|logits")
            exec(code, names)
        error = caught.exception  # NumPy's own may stand over what says why
        message = f"{error} {error.__cause__ or ''}"
        self.assertIn(words, message)
        for inner in ("<locals>", "<lambda>", "apply("):
            self.assertNotIn(inner, message)
        self.assert_equal(names["a"], [1.0, 2.0, 3.0])


class TestHints(ValueTest):
    """What errors say to write instead of other libraries' names."""

    TABLES = tables.INSTEAD
    IN_WORDS = {"clone", "cpu", "cuda", "device", "setflags", "view"}  # of Values
    IN_WORDS |= {"functional", "lr_scheduler", "requires_grad", "retain_grad"}
    IN_WORDS |= {"BatchNorm1d", "BatchNorm2d", "Conv1d", "Conv2d", "Embedding", "GRU"}
    IN_WORDS |= {"AvgPool2d", "LSTM", "LayerNorm", "MaxPool2d", "ModuleList"}
    IN_WORDS |= {"Flatten", "MultiheadAttention"}

    def names(self):
        v, w = Value([1.0, 2.0, 3.0]), Value([4.0, 5.0, 6.0])
        names = {"v": v, "w": w, "x": Value(2.0), "n": 2, "key": 0, "kth": 1}
        names.update(mask=w > 4, shape=(1, 3), dtype=float, axis=0, axes=(0,))
        names.update(indices=np.arange(3), s=v, score=v, y=np.array([0, 1, 1]))
        names.update(nin=2, nout=3, nouts=[3], data=1.0, np=np, micrograd=micrograd)
        names.update(p=v / 6, special=micrograd.special)
        names.update(logits=np.eye(3), targets=[0, 1, 2], max_norm=1.0, optim=optim)
        names["model"] = nn.MLP(3, [2])
        names["model"](v).backward()
        return {**vars(micrograd), **vars(nn), **vars(optim), **names}

    def test_their_code_runs(self):
        for kind in ("value", "nn", "optim"):
            for name, hint in self.TABLES[kind].items():
                if name not in self.IN_WORDS:
                    with self.subTest(name, kind=kind):
                        code = next(
                            start for start in starts_of(hint) if is_code(start)
                        )
                        eval(code, self.names())

    def test_every_name_has_its_hint(self):
        owners = {"value": Value(1.0), "module": nn.MLP(2, [3])}
        owners["optimiser"] = optim.SGD(owners["module"], 0.1)
        owners.update({"micrograd": micrograd, "nn": nn, "optim": optim})
        for kind, table in self.TABLES.items():
            for name, hint in table.items():
                with self.subTest(name, kind=kind):
                    self.assertFalse(kind == "value" and hasattr(Value, name))
                    with self.assertRaises(AttributeError) as caught:
                        getattr(owners[kind], name)
                    self.assertTrue(str(caught.exception).endswith(f"write {hint}"))
                    self.assertIn(repr(name), str(caught.exception))

    def test_every_axis_has_numpys_name(self):
        for name in dir(Value):
            method = getattr(Value, name, None)
            if inspect.isfunction(method) and name[0] != "_":
                if "axis" in inspect.signature(method).parameters:
                    with self.subTest(name):
                        with self.assertRaisesRegex(TypeError, "expected axis=, got d"):
                            method(Value([1.0]), dim=0)

    def test_in_place(self):
        for name in [name for name in hints.OF_TENSORS if name[-1] == "_"]:
            with self.subTest(name):
                with self.assertRaisesRegex(AttributeError, f"'{name}': write v = "):
                    getattr(Value(1.0), name)
                self.assertTrue(torch is None or hasattr(torch.ones(3), name))

    @needs("torch")
    def test_others_have_these_names(self):
        layer = torch.nn.Linear(2, 3)
        optimiser = torch.optim.SGD(layer.parameters(), 0.1)
        owners = {"value": [torch.ones(3), np.ones(3)], "module": [layer]}
        owners.update({"nn": [torch.nn, torch.nn.utils]})
        owners.update({"optim": [torch.optim, torch.nn.utils]})
        owners["micrograd"] = [torch]
        others = {"itemset"}  # of NumPy 1
        others |= {"grad", "jacfwd", "jacrev", "jvp"}  # JAX's
        others |= {"closure", "lr", "params"}  # arguments of PyTorch's optimisers
        for kind, table in self.TABLES.items():
            for name in table:
                with self.subTest(name, kind=kind):
                    found = owners.get(kind, [optimiser])
                    known = [hasattr(owner, name) for owner in [*found, torch]]
                    self.assertTrue(any(known) or name in others)


class TestUnsigned(ValueTest):
    """Differences of unsigned feeds wrap around, and say so."""

    def test_warnings(self):
        data = np.array([0, 200], np.uint8)
        x = Value(shape=(None,), name="x")
        y = Value(shape=(None,), name="y", dtype=float)
        for expression, wraps in [
            ((x - 128) / 64, True),
            (100 - x * 1, True),
            (-x + 0.5, True),
            ((y - 128) / 64, False),
            ((x * 1.0 - 128) / 64, False),
            (x + 1, False),
        ]:
            for run in (expression.forward, compiled(expression)):
                with self.subTest(expression.op, run=run):
                    with warnings.catch_warnings(record=True) as caught:
                        warnings.simplefilter("always")
                        for _ in range(1 + wraps):
                            run(x=data, y=data)
                            run(x=data.astype(float), y=data)
                    found = [str(w.message) for w in caught]
                    if not wraps:
                        self.assertEqual(found, [])
                        continue
                    self.assertIn("x: a difference of unsigned integers", found[0])
                    self.assertEqual(caught[0].filename, __file__)

    def test_labels_are_quiet(self):
        x = Value(shape=(None, 2), name="x")
        labels = Value(shape=(None,), name="labels", dtype=np.uint8)
        loss = nn.cross_entropy(x - 1.0, labels)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            loss.forward(x=np.ones((3, 2)), labels=np.array([0, 1, 1], np.uint8))
            loss.backward(wrt=[])


class FakePackage(ValueTest):
    """Other packages, as Python code, which ask a Value for what it is not."""

    def asked_by(self, name, code):
        """What code of that module's raises, which calls f(v)."""
        names = {"__name__": name, "np": np}
        exec(code, names)
        with self.assertRaises(TypeError) as caught:
            names["f"](Value([1.0, 2.0]) * 2)
        return str(caught.exception)

    def test_they_are_answered_by_name(self):
        asks = "def f(v): return np.asarray(v)"
        for package, words in (
            ("pandas.core.series", "write series.to_numpy() * v"),
            ("matplotlib.axes", "write v.data to draw it"),
            ("other.module", "stack([v, w])"),
        ):
            with self.subTest(package):
                self.assertIn(words, self.asked_by(package, asks))

    def test_frames_of_mixed_types(self):
        class Frame:
            columns = ["a", "b"]

            def __array__(self, *_, **__):
                return np.array([[1, "x"]], object)

        with self.assertRaisesRegex(TypeError, "object Frame .choose columns of"):
            Value([1.0]) * Frame()

    def test_open_axes_are_not_drawn(self):
        names = {"__name__": "matplotlib.cbook"}
        exec("def f(v): return v.shape", names)
        x = Value(shape=(None,), name="x")
        for v in (x, x * 2):
            with self.assertRaisesRegex(TypeError, "no length to draw: write v.data"):
                names["f"](v)
        self.assertEqual(names["f"](Value([1.0])), (1,))

    @needs("scipy")
    def test_scipys(self):
        import scipy.special

        v = Value([1.0, 2.0])
        for name in tables.SCIPYS:
            with self.assertRaisesRegex(
                TypeError, rf"write micrograd.special.{name}\("
            ):
                getattr(scipy.special, name)(v)
            getattr(micrograd.special, name)(v)
        with self.assertRaisesRegex(
            TypeError, "^scipy.special.erfcx has no derivative"
        ):
            scipy.special.erfcx(v)


def starts_of(hint):
    """What may be the code that a hint starts with, the longest first."""
    ends = [end.start() for end in re.finditer("[,;:] ", hint)]
    return [hint[:end] for end in [*ends, len(hint)][::-1]]


def is_code(text):
    try:
        return bool(ast.parse(text, mode="eval"))
    except SyntaxError:
        return False


if __name__ == "__main__":
    unittest.main()
