"""Wrong calls: the class of each error, its words, and that nothing has changed."""

import ast
import unittest
from decimal import Decimal
from fractions import Fraction

import numpy as np
from testing import ROOT, needs_graphviz, run_python

from micrograd import (
    Value,
    compiled,
    concatenate,
    einsum,
    nn,
    operator,
    optim,
    stack,
    tensordot,
)
from micrograd.check import check_gradients
from micrograd.trace import draw_dot

RECORDS = np.zeros((2, 3), [("field", np.int8)])
NOT_REAL = [  # data, and what the error calls it
    (None, "object"),
    ({1: 2}, "object"),
    ({1.0}, "object"),
    (iter([1.0]), "object"),
    (abs, "object"),
    ([None], "object"),
    (Fraction(1, 2), "object"),
    (Decimal(1), "object"),
    (2**64, "object"),
    (-(2**63) - 1, "object"),
    (10**400, "object"),
    ([2**64, 1.5], "object"),
    ([[1, 2, None], [3, 4, 5]], "object"),
    (np.array([1.0, 2.0, 3.0], object), "object"),
    (np.array([[None] * 3] * 2), "object"),
    (1j, "complex128"),
    (np.ones((2, 3), np.complex64), "complex64"),
    ([[1, 2, 3], [4, 5, 6j]], "complex128"),
    ("words", "<U5"),
    (["a", 1.0, 2.0], "<U"),
    (b"bytes", "|S5"),
    ([b"x"], "|S1"),
    (np.array(["2020-01-01"] * 3, "M8[D]"), "datetime64[D]"),
    (np.array([1, 2, 3], "m8[s]"), "timedelta64[s]"),
    (RECORDS, "[('field', 'i1')]"),
    (RECORDS.view(np.recarray), "(numpy.record, [('field', 'i1')])"),
]
WITH_VALUES = [  # operands, but no data
    Value(2.0),
    Value(np.ones((2, 3))) * 2,
    [Value(1.0), Value(2.0), 3.0],
    [[1.0], (Value(2.0),)],
]
loss, clip = nn.cross_entropy, optim.clip_grad_norm


def state(values, given):
    """The data and gradients themselves, and copies of them."""
    arrays = [array for value in values for array in (value.data, value.grad)]
    arrays += given
    return arrays, [np.copy(array) for array in arrays]


def set_item(x):
    x[0] = 1


class HostileTest(unittest.TestCase):
    """Values, a net and an optimiser that have been in use."""

    def setUp(self):
        self.x = Value(np.arange(1.0, 7.0).reshape(2, 3))
        self.w = Value(np.array([1.0, -2.0, 0.5]))
        self.n = Value(2.0)
        self.a = Value(shape=(None, 3), name="a")
        self.i = Value(shape=(None,), name="i", dtype=int)
        self.f = Value(shape=(), name="f", dtype=np.float32)
        self.rows = self.x[self.i]
        self.y = (self.a * self.rows) @ self.w * self.f + self.n  # (None,)
        self.model = nn.MLP(3, [2, 1], rng=np.random.default_rng(0))
        self.optimiser = optim.Adam([self.x, self.w], 0.5)
        self.feed = {"a": np.array([[3.0, 2.0, 1.0]]), "i": np.array([1]), "f": 1}
        self.y.forward(**self.feed)
        self.y.backward()
        self.optimiser.step()
        self.model(np.ones((2, 3))).backward()
        self.array = np.array([1.0, 2.0, 3.0])
        self.values = [self.x, self.w, self.n, self.a, self.i, self.f, self.rows]
        self.values += [self.y, *self.model.parameters()]
        self.given = [self.array, *self.feed.values()]
        self.before = state(self.values, self.given)

    def refused(self, error, words, call, *arguments):
        """The call raises this error and no heir of it, and changes nothing."""
        line = call.__code__.co_firstlineno
        with self.subTest(words, line=line, arguments=arguments):
            with self.assertRaises(error) as caught:
                call(*arguments)
            self.assertIs(type(caught.exception), error)
            self.assertIn(words, str(caught.exception))
            arrays, copies = state(self.values, self.given)
            for new, old, copy in zip(arrays, *self.before):
                self.assertIs(new, old)
                np.testing.assert_array_equal(new, copy)

    def tearDown(self):
        """Everything works, as if there had been no wrong call."""
        x, w, a = self.x.data.copy(), self.w.data.copy(), np.full((3, 3), 2.0)
        expected = 3 * (a * x[[0, 1, 1]]) @ w + 2
        np.testing.assert_allclose(self.y.forward(a=a, i=[0, 1, 1], f=3), expected)
        self.y.backward(wrt=[self.x, self.w])
        np.testing.assert_allclose(self.x.grad, [6 * w, 12 * w])
        np.testing.assert_allclose(self.w.grad, 6 * (x[0] + 2 * x[1]))
        self.optimiser.step()
        for value, old, first in [
            (self.x, x, np.array([[0, 0, 0], [3, -4, 0.5]])),
            (self.w, w, np.array([12, 10, 6])),
        ]:
            m = 0.9 * 0.1 * first + 0.1 * value.grad  # the second step of Adam
            v = 0.999 * 0.001 * first**2 + 0.001 * value.grad**2
            step = 0.5 * (m / (1 - 0.9**2)) / ((v / (1 - 0.999**2)) ** 0.5 + 1e-8)
            np.testing.assert_allclose(value.data, old - step)


class TestRefused(HostileTest):
    def test_what_is_not_real_everywhere(self):
        x, y, w, model, feed = self.x, self.y, self.w, self.model, self.feed
        weights = model.state_dict()
        entries = {
            "data": [
                lambda data: Value(data),
                lambda data: x.clip(max=data),
                lambda data: x + data,
                lambda data: data * x,
                lambda data: x @ data,
                lambda data: data / x,
                lambda data: x < data,
                lambda data: x**data,
                lambda data: x.maximum(data),
                lambda data: np.where(x > 2, data, x),
                lambda data: stack([x, data]),
                lambda data: concatenate([data, x]),
                lambda data: einsum("ij,j", x, data),
                lambda data: tensordot(w, data, 1),
                lambda data: operator("mine", np.exp, None)(data),
                lambda data: model(data),
                lambda data: nn.softmax(data),
                lambda data: nn.cross_entropy(x, data),
            ],
            "numpy.power of a Value: data": [lambda data: np.power(x, data)],
            "numpy.matmul of a Value: data": [lambda data: np.matmul(data, x)],
            "numpy.clip of a Value: data": [lambda data: np.clip(x, 0, [data] * 3)],
            "a": [lambda data: y.forward(**{**feed, "a": data})],
            "f": [lambda data: y.forward(**{**feed, "f": data})],
            "i": [lambda data: check_gradients(y, x, **{**feed, "i": data})],
            "layers.0.w": [
                lambda data: model.load_state_dict({**weights, "layers.0.w": data})
            ],
        }
        for name, calls in entries.items():
            for call in calls:
                for data, got in NOT_REAL:
                    words = f"{name}: expected real numbers, got {got}"
                    if data is not None or call not in entries["data"][:2]:
                        self.refused(TypeError, words, call, data)
        words = "expected real numbers, got object"
        for name in ("data", "a", "f", "i", "layers.0.w"):
            for data in WITH_VALUES:
                self.refused(TypeError, f"{name}: {words}", entries[name][0], data)

    def test_new_values(self):
        forms = "expected Value(data) or Value(shape=(None, 2), name='x')"
        for error, words, arguments in [
            (TypeError, forms, {}),
            (TypeError, forms, {"data": 1.0, "name": "x"}),
            (TypeError, forms, {"data": 1.0, "shape": ()}),
            (TypeError, forms, {"data": 1.0, "dtype": float, "name": "x"}),
            (TypeError, forms, {"data": [1.0], "shape": (1,), "name": "x"}),
            (TypeError, forms, {"shape": (2,)}),
            (TypeError, forms, {"name": "x"}),
            (TypeError, forms, {"data": None}),
            (TypeError, "sape", {"sape": (2,), "name": "x"}),
            (TypeError, "name: expected an identifier, got 'a b'", {"name": "a b"}),
            (TypeError, "name: expected an identifier, got '1x'", {"name": "1x"}),
            (TypeError, "name: expected an identifier, got ''", {"name": ""}),
            (TypeError, "name: expected an identifier, got 1", {"name": 1}),
            (TypeError, "'float' object", {"shape": (2.0,)}),
            (TypeError, "'float' object", {"shape": 2.5}),
            (TypeError, "'str' object", {"shape": "23"}),
            (ValueError, "negative dimensions", {"shape": (None, -1)}),
            (ValueError, "too big", {"shape": (2**40, 2**40)}),
            (TypeError, "'nonsense'", {"dtype": "nonsense"}),
            (TypeError, "x: expected real numbers, got complex64", {"dtype": "c8"}),
            (TypeError, "x: expected real numbers, got object", {"dtype": object}),
            (TypeError, "x: expected real numbers, got <U3", {"dtype": "U3"}),
            (TypeError, "x: expected real numbers, got datetime64", {"dtype": "M8[s]"}),
            (TypeError, "x: expected real numbers, got [('", {"dtype": [("y", int)]}),
        ]:
            if len(arguments) == 1 and words is not forms:
                arguments = {"shape": (2,), "name": "x", **arguments}
            self.refused(error, words, lambda arguments: Value(**arguments), arguments)

    def test_methods(self):
        x, w, a = self.x, self.w, self.a
        of_x = " of shapes (2, 3): "
        for error, words, call in [
            (TypeError, "remainder of a Value: data: expected real", lambda: x % "2"),
            (TypeError, "'&' of shapes (2, 3), (): expected bool", lambda: x & True),
            (TypeError, f"operator '~'{of_x}expected booleans", lambda: ~x),
            (TypeError, "integer", lambda: round(x, 0.5)),
            (TypeError, "v = v.at[key].set(x)", lambda: set_item(x)),
            (AttributeError, "'velocity'", lambda: setattr(x, "velocity", 1)),
            (AttributeError, "set", lambda: setattr(x, "shape", (3, 2))),
            (TypeError, "expected one number, got shape (2, 3)", lambda: float(x)),
            (TypeError, "an open axis has no length", lambda: len(a)),
            (TypeError, "an open axis has no length", lambda: list(a)),
            (ValueError, "operator '@' of shapes (2, 3), (0,): ", lambda: x @ []),
            (ValueError, "operator '@' of shapes (2, 3), (): ", lambda: x @ 2),
            (IndexError, "operator '[]' of shapes (2, 3), (): ", lambda: x[2**70]),
            (IndexError, "operator '[]' of shapes (2, 3), (): ", lambda: x[{}]),
            (IndexError, "operator '[]' of shapes (2, 3), (): ", lambda: x[self.f]),
            (IndexError, "operator '[]' of shapes (2, 3), (3,): ", lambda: x[w]),
            (TypeError, f"operator 'sum'{of_x}", lambda: x.sum("0")),
            (TypeError, f"operator 'mean'{of_x}", lambda: x.mean([0])),
            (TypeError, f"operator 'max'{of_x}", lambda: x.max(1.0)),
            (ValueError, f"operator 'min'{of_x}", lambda: x.min((0, -2))),
            (TypeError, f"operator 'logsumexp'{of_x}", lambda: x.logsumexp(b"0")),
            (TypeError, f"operator 'sum'{of_x}", lambda: x.sum(0, keepdims="yes")),
            (TypeError, "dtype", lambda: x.sum(dtype=np.float32)),
            (TypeError, f"operator 'reshape'{of_x}", lambda: x.reshape("six")),
            (TypeError, f"operator 'reshape'{of_x}", lambda: x.reshape(1.5, 4)),
            (ValueError, f"operator 'reshape'{of_x}", lambda: x.reshape(2**40, 2**40)),
            (TypeError, f"operator 'transpose'{of_x}", lambda: x.transpose("ab")),
            (TypeError, "missing 1 required", lambda: x.maximum()),
            (TypeError, "expected forward(x=data)", lambda: self.y.forward([1.0])),
            (TypeError, "expected program(x=data)", lambda: compiled(self.y)([1.0])),
            (TypeError, "takes 1 positional argument", lambda: x.relu(0)),
            (TypeError, "'where' takes 3 operands", lambda: np.where(x > 1, x)),
        ]:
            self.refused(error, words, call)

    def test_functions(self):
        x, w, array = self.x, self.w, self.array
        of_x, of_w = " of shapes (2, 3): ", " of shapes (3,): "
        for error, words, call in [
            (TypeError, f"operator 'concatenate'{of_w}", lambda: concatenate([w], "0")),
            (TypeError, f"operator 'concatenate'{of_w}", lambda: concatenate([w], 0.0)),
            (ValueError, "'concatenate' of shapes (), ()", lambda: concatenate([1, 2])),
            (TypeError, f"operator 'stack'{of_w}", lambda: stack([w], None)),
            (ValueError, "'stack' of shapes (2, 3), (3,)", lambda: stack([x, w])),
            (TypeError, "expected subscripts, got b'i'", lambda: einsum(b"i", w)),
            (TypeError, "expected subscripts, got 1", lambda: einsum(1, w)),
            (TypeError, "expected subscripts, got Value", lambda: einsum(w, [0])),
            (ValueError, "operator 'einsum' of shapes : ", lambda: einsum("i")),
            (ValueError, f"operator 'einsum'{of_x}", lambda: einsum("...j...", x)),
            (ValueError, f"operator 'einsum'{of_w}", lambda: einsum("\xe9", w)),
            (ValueError, "no -1 axes pair in (3,)", lambda: tensordot(w, w, -1)),
            (ValueError, "no 2 axes pair in (2, 3)", lambda: tensordot(x, w, 2)),
            (ValueError, "no 1 axes pair in () and (3,)", lambda: tensordot(1.0, w, 1)),
            (
                TypeError,
                "np.exp: an array that takes its",
                lambda: np.exp(w, out=array),
            ),
            (TypeError, "np.add: an array that takes its", lambda: np.add(w, 1, array)),
            (TypeError, "numpy.sum of a Value", lambda: np.sum(x, 0, out=array)),
            (TypeError, "numpy.clip of a Value", lambda: np.clip(w, 0, 1, out=array)),
            (TypeError, "numpy.mean of a Value", lambda: np.mean(w, where=array > 1)),
            (TypeError, "numpy.copyto", lambda: np.copyto(array, w)),
            (TypeError, "numpy.put ", lambda: np.put(array, [0], w)),
            (TypeError, "numpy.putmask ", lambda: np.putmask(array, array > 0, w)),
            (TypeError, "numpy.place ", lambda: np.place(array, array > 0, w)),
            (TypeError, "np.add.at ", lambda: np.add.at(array, [0], self.n)),
            (TypeError, "argument 'out'", lambda: np.add.reduce(w, out=array)),
        ]:
            self.refused(error, words, call)

    def test_operators_of_ones_own(self):
        """Their functions may close over what they should not."""
        closed_over, w, table = Value(3.0), self.w, {}
        letters = lambda x: b"\xff".decode()  # its error takes more than a message
        f = lambda forward, by_x=None: operator("f", forward, by_x)
        fresh = lambda: Value(np.ones((2, 3)))
        words = "operator 'f' of shapes (2, 3)"
        for error, call in [
            (TypeError, lambda: f("exp")(self.x)),
            (TypeError, lambda: f(None)(self.x)),
            (TypeError, lambda: f(lambda x, y: x)(self.x)),
            (TypeError, lambda: f(lambda x: None)(self.x)),
            (TypeError, lambda: f(lambda x: str(x))(self.x)),
            (TypeError, lambda: f(lambda x: x * 1j)(self.x)),
            (TypeError, lambda: f(lambda x: closed_over)(self.x)),
            (KeyError, lambda: f(lambda x: table["rows"])(self.x)),
            (UnicodeError, lambda: f(letters)(self.x)),
            (TypeError, lambda: f(np.exp, "exp")(fresh()).backward()),
            (TypeError, lambda: f(np.exp, lambda g, y: g)(fresh()).backward()),
            (TypeError, lambda: f(np.exp, lambda *_: None)(fresh()).backward()),
            (TypeError, lambda: f(np.exp, lambda *_: 1j)(fresh()).backward()),
            (TypeError, lambda: f(np.exp, lambda *_: closed_over)(fresh()).backward()),
            (ValueError, lambda: f(np.exp, lambda *_: w.data[:2])(fresh()).backward()),
        ]:
            self.refused(error, words, call)

    def test_feeding(self):
        array = self.array
        forward = lambda **change: self.y.forward(**{**self.feed, **change})
        rows, integers = "a: expected shape (None, 3), got ", "i: expected int64, got "
        for error, words, call in [
            (TypeError, "by name", lambda: self.y.forward(array)),
            (ValueError, f"{rows}(0,)", lambda: forward(a=[])),
            (ValueError, f"{rows}(3,)", lambda: forward(a=array)),
            (ValueError, f"{rows}(3, 1)", lambda: forward(a=array[:, None])),
            (ValueError, f"{rows}(1, 1, 3)", lambda: forward(a=[[array]])),
            (TypeError, f"{integers}float64", lambda: forward(i=[np.nan])),
            (TypeError, f"{integers}float64", lambda: forward(i=[2**63, 1])),
            (ValueError, f"{integers}nothing", lambda: self.y.forward(a=[array], f=1)),
            (ValueError, "i: expected shape (None,), got ()", lambda: forward(i=1)),
            (ValueError, "f: expected shape (), got (1,)", lambda: forward(f=[1.0])),
        ]:
            self.refused(error, words, call)

    def test_backward(self):
        y, x = self.y, self.x
        words = "the expression does not depend on wrt["
        for wrt in (Value(1.0), self.model.parameters(), [x, x * 1], {x, y + 1}):
            self.refused(ValueError, words, lambda wrt: y.backward(wrt), wrt)
        words = "wrt: expected Values, got "
        for wrt in ([3.0], "x", [x, None]):
            self.refused(TypeError, words, lambda wrt: y.backward(wrt), wrt)

    def test_an_error_in_forward_puts_back_what_was_there(self):
        """The feeds fit one by one, but not together."""
        values = [self.a, self.i, self.f, self.rows, self.y]
        self.y.forward(**self.feed)
        before = [np.copy(value.data) for value in values]
        words = r"'\*' of shapes \(3, 3\), \(2, 3\) \(test_hostile.py, line \d+: self"
        with self.assertRaisesRegex(ValueError, words):
            self.y.forward(a=np.ones((3, 3)), i=[0, 1], f=5)
        for value, data in zip(values, before):
            np.testing.assert_array_equal(value.data, data)
        self.y.backward(wrt=self.w)
        np.testing.assert_allclose(self.w.grad, [3, 2, 1] * self.x.data[1])

    def test_an_error_in_backward_leaves_no_gradient(self):
        x, w = Value([1.0, 2.0]), Value(3.0)
        broken = operator("broken", np.exp, lambda g, y, x: g / [1, 2, 3])
        y = broken(x) * w + w
        with self.assertRaisesRegex(ValueError, "operator 'broken' of shapes"):
            y.backward()
        self.assertEqual([v.grad for v in (x, w, y)], [None] * 3)

    def test_masked_arrays_and_ragged_lists(self):
        masked = np.ma.array([[1.0, 2.0, 3.0]], mask=[[0, 1, 0]])
        for data, got in (
            (masked, "float64 MaskedArray"),
            ([[1.0], [2.0, 3.0]], "object list"),
        ):
            words = f"expected real numbers, got {got}"
            for name, call in (
                ("data", lambda data: Value(data)),
                ("data", lambda data: self.w + data),
                ("a", lambda data: self.y.forward(**{**self.feed, "a": data})),
            ):
                self.refused(TypeError, f"{name}: {words}", call, data)

    def test_axes(self):
        """NumPy's own class."""
        with self.assertRaises(IndexError) as caught:
            self.x.sum(axis=2)
        self.assertIsInstance(caught.exception, ValueError)

    def test_nets(self):
        x, model = self.x, self.model
        good, w = model.state_dict(), np.full((3, 2), 9.0)
        load = lambda change: model.load_state_dict({**good, **change})
        of_softmax = "operator 'softmax' of shapes (2, 3): "
        for error, words, call in [
            (ValueError, "operator '@' of shapes (3, 2), (3, 2)", lambda: model(x.T)),
            (ValueError, "operator '@' of shapes (), (3, 2)", lambda: model(1.0)),
            (TypeError, "positional", lambda: model(x, x)),
            (TypeError, "'str' object", lambda: nn.Layer(2, "3")),
            (TypeError, "'float' object", lambda: nn.MLP(2, [3, 1.0, 2])),
            (ValueError, "negative dimensions", lambda: nn.Layer(2, -3)),
            (TypeError, of_softmax, lambda: nn.softmax(x, axis="classes")),
            (TypeError, "integer labels, got bool", lambda: loss(x, [True, False])),
            (TypeError, "integer labels, got float64", lambda: loss(x, [np.nan, 0])),
            (IndexError, "labels from 0 to 2, got 92", lambda: loss(x, [2**63] * 2)),
            (IndexError, "labels from 0 to 2, got -9", lambda: loss(x, [-(2**63), 0])),
            (ValueError, "expected targets of shape (2,), got ()", lambda: loss(x, 1)),
            (ValueError, "shape (2, 3), got (3, 2)", lambda: loss(x, x.T)),
            (
                ValueError,
                "missing: layers.0.w of shape (3, 2), layers.0.b",
                lambda: model.load_state_dict({}),
            ),
            (ValueError, "unexpected: 1 of shape ()", lambda: load({1: 2})),
            (ValueError, "unexpected: more of shape ()", lambda: load({"more": 1})),
            (
                ValueError,
                "layers.0.w: expected shape (3, 2), got (2, 3)",
                lambda: load({"layers.0.w": w.T}),
            ),
            (
                TypeError,
                "layers.1.b: expected real numbers, got <U1",
                lambda: load({"layers.0.w": w, "layers.1.b": "b"}),
            ),
        ]:
            self.refused(error, words, call)

    def test_optimisers(self):
        x, w, i = self.x, self.w, self.i
        values, leaves = (
            "wrt: expected Values",
            "wrt: expected writeable floating leaves",
        )
        low = "expected at least 0, got "
        real = "rate: expected real numbers, got"
        fixed = Value(self.array.copy())
        fixed.data.flags.writeable = False
        for error, words, call in [
            (TypeError, f"{values}, got 'w'", lambda: optim.SGD("w", 0.1)),
            (TypeError, f"{values}, got None", lambda: optim.Adam([x, None])),
            (TypeError, f"{values}, got [Value", lambda: optim.AdamW([[x]])),
            (TypeError, f"{values}, got 3", lambda: optim.SGD({"x": 3}, 0.1)),
            (TypeError, f"{leaves}, each", lambda: optim.SGD([x, i], 0.1)),
            (TypeError, f"{leaves}, each", lambda: optim.SGD({"i": i}, 0.1)),
            (TypeError, f"{values}, got array", lambda: optim.SGD([x.data, x], 0.1)),
            (TypeError, f"{values}, got 3", lambda: optim.SGD(3, 0.1)),
            (TypeError, f"{values}, got array", lambda: optim.SGD([x, x.data], 0.1)),
            (ValueError, "once; wrt[2] of", lambda: optim.SGD([x, w, x], 0.1)),
            (ValueError, "is given twice", lambda: optim.SGD({"x": x, "y": x}, 0.1)),
            (ValueError, "is read-only", lambda: optim.SGD([x, fixed], 0.1)),
            (TypeError, f"{real} object", lambda: optim.SGD(x, None)),
            (TypeError, f"{real} <U3", lambda: optim.SGD(x, "0.1")),
            (TypeError, f"{real} object", lambda: optim.SGD(x, self.n)),
            (TypeError, f"{real} object", lambda: optim.SGD(x, 10**400)),
            (TypeError, f"{real} complex128", lambda: optim.SGD(x, 1j)),
            (
                TypeError,
                "momentum: expected a number",
                lambda: optim.SGD(x, 0.1, momentum=[0.9, 1]),
            ),
            (ValueError, "betas: expected two", lambda: optim.Adam(x, betas=(0.9,))),
            (TypeError, f"{values}, got 3", lambda: clip([3], 1)),
            (TypeError, f"{values}, got 'x'", lambda: clip("x", 1)),
            (TypeError, "nesterov", lambda: optim.SGD(x, 0.1, nesterov=True)),
            (ValueError, f"{low}-0.9", lambda: optim.SGD(x, 0.1, momentum=-0.9)),
            (ValueError, f"betas: {low}-1.0", lambda: optim.Adam(x, betas=(0.9, -1))),
            (ValueError, f"{low}nan", lambda: optim.Adam(x, eps=np.nan)),
            (ValueError, f"{low}-inf", lambda: optim.AdamW(x, weight_decay=-np.inf)),
            (ValueError, "exhausted", lambda: optim.SGD(x, []).step()),
            (TypeError, f"{real} object", lambda: optim.SGD(x, [None]).step()),
            (ValueError, f"{low}-1", lambda: optim.SGD([x, w], [-1]).step()),
            (ValueError, "expected at least 0, got nan", lambda: clip([x], np.nan)),
            (TypeError, "complex", lambda: clip([x], 1j)),
        ]:
            self.refused(error, words, call)

    def test_checks(self):
        x, y, i, good = self.x, self.y, self.i, self.feed
        check = lambda wrt, **change: check_gradients(y, wrt, **{**good, **change})
        rows, integers = "a: expected shape (None, 3), got ", "i: expected int64, got "
        for error, words, call in [
            (TypeError, "expression: expected a Value", lambda: check_gradients(1, x)),
            (TypeError, "wrt: expected floating leaves", lambda: check(i)),
            (TypeError, "wrt: expected floating leaves", lambda: check([x, self.rows])),
            (ValueError, f"{rows}(1, 2)", lambda: check(x, a=[[1, 2]])),
            (TypeError, f"{integers}float64", lambda: check(x, i=[1.0])),
            (
                IndexError,
                "operator '[]' of shapes (2, 3), (1,)",
                lambda: check(x, i=[2]),
            ),
            (
                ValueError,
                f"{integers}nothing",
                lambda: check_gradients(y, x, a=[[1] * 3], f=1),
            ),
        ]:
            self.refused(error, words, call)

    @needs_graphviz
    def test_drawing(self):
        for root in (None, self.x.data, "x", [self.x], self.model):
            words = f"root: expected a Value, got {root!r}"
            self.refused(TypeError, words, lambda root: draw_dot(root), root)
        for rankdir in (None, "lr", ["LR"], 1):
            words = f"rankdir: expected LR, RL, TB or BT, got {rankdir!r}"
            call = lambda rankdir: draw_dot(self.y, rankdir=rankdir)
            self.refused(ValueError, words, call, rankdir)


class TestWithoutAsserts(unittest.TestCase):
    def test_optimised(self):
        """The same wrong calls where Python strips asserts."""
        command = "-O -m unittest -k TestRefused tests/test_hostile.py".split()
        self.assertRegex(run_python(*command), r"Ran \d\d tests")

    def test_source(self):
        for path in (ROOT / "micrograd").rglob("*.py"):
            with self.subTest(path):
                nodes = ast.walk(ast.parse(path.read_text()))
                self.assertFalse([n for n in nodes if isinstance(n, ast.Assert)])


if __name__ == "__main__":
    unittest.main()
