"""NumPy's own functions take Values, or refuse them by name."""

import inspect
import operator
import unittest

import numpy as np
import test_elementwise
from testing import BINARY, COMPARISONS, UNARY, ValueTest, parts_of, uniform

from micrograd import Value
from micrograd.interface import families
from micrograd.interface.protocol import of_numpy
from micrograd.rules import RULES

BINARY = {**BINARY, "@": (operator.matmul, np.matmul)}
UFUNCS = [f for _, f, *_ in (*UNARY.values(), *BINARY.values(), *COMPARISONS.values())]
UFUNCS = {f for f in UFUNCS if isinstance(f, np.ufunc)}
MASK = np.array([[True, False, True], [False, False, True]])
FUNCTIONS = {  # of x and y, which have the shapes (2, 3) and (3,)
    "sum": [
        lambda x, y: np.sum(x),
        lambda x, y: np.sum(x, 0),
        lambda x, y: np.sum(x, axis=(0, -1)),
        lambda x, y: np.sum(y, axis=-1, keepdims=True),
    ],
    "mean": [
        lambda x, y: np.mean(x),
        lambda x, y: np.mean(x, 0),
        lambda x, y: np.mean(x, axis=(0, -1)),
        lambda x, y: np.mean(y, axis=-1, keepdims=True),
    ],
    "max": [
        lambda x, y: np.max(x),
        lambda x, y: np.max(x, 0),
        lambda x, y: np.amax(x, axis=(0, -1)),
        lambda x, y: np.max(y, axis=-1, keepdims=True),
    ],
    "min": [
        lambda x, y: np.min(x),
        lambda x, y: np.min(x, 0),
        lambda x, y: np.amin(x, axis=(0, -1)),
        lambda x, y: np.min(y, axis=-1, keepdims=True),
    ],
    "clip": [
        lambda x, y: np.clip(x, 0.3, 0.6),
        lambda x, y: np.clip(x, None, y),
        lambda x, y: np.clip(x, a_min=y, a_max=0.7),
        lambda x, y: np.clip(0.5, x, y + 1),
        lambda x, y: np.clip([0.2, 0.4, 0.6], y, None),
    ],
    "where": [
        lambda x, y: np.where(x > y, x, y),
        lambda x, y: np.where(MASK, x, 0),
        lambda x, y: np.where(MASK, 1.5, y),
        lambda x, y: np.where(y < 0.5, 2.0, -1.0) * y,
        lambda x, y: np.where([True, False, True], y, [1.0, 2.0, 3.0]),
    ],
    "concatenate": [
        lambda x, y: np.concatenate([x, x * x]),
        lambda x, y: np.concatenate((MASK, x, [[1], [2]]), axis=-1),
        lambda x, y: np.concatenate([[1.0, 2.0], y], 0),
        lambda x, y: np.concatenate([x, y, MASK], axis=None),
    ],
    "stack": [
        lambda x, y: np.stack([x, x + y]),
        lambda x, y: np.stack((MASK, x), axis=-1),
        lambda x, y: np.stack([[1.0, 2.0, 3.0], y], 1),
    ],
    "einsum": [
        lambda x, y: np.einsum("ij,j", x, y),
        lambda x, y: np.einsum("ij,ij->j", MASK, x),
        lambda x, y: np.einsum("ij,...j,kj->ki", x, [1.0, 2.0, 3.0], x),
    ],
    "reshape": [
        lambda x, y: np.reshape(x, (3, 2)),
        lambda x, y: np.reshape(x, -1),
    ],
    "transpose": [
        lambda x, y: np.transpose(x),
        lambda x, y: np.transpose(x, (0, 1)),
        lambda x, y: np.transpose(x, axes=[-1, 0]),
    ],
}
PLAIN = {  # what answers with no Value
    *("allclose", "array_equal", "array_equiv", "can_cast", "common_type"),
    *("iscomplexobj", "isrealobj", "may_share_memory", "shares_memory"),
    *("result_type", "shape", "ndim", "size"),
}
REFUSED = [  # what the error names, and what is refused of v, of shape (2, 2)
    ("add", lambda v: np.add(v, 1, out=np.ones((2, 2)))),
    ("add", lambda v: np.add(v, v, where=MASK[:, :2])),
    ("exp", lambda v: np.exp(v, dtype=np.float32)),
    ("exp", lambda v: np.exp(v, np.ones((2, 2)))),
    ("exp", lambda v: np.exp(np.ones((2, 2)), out=v)),
    ("matmul", lambda v: np.matmul(v, v, out=np.ones((2, 2)))),
    ("maximum", lambda v: np.maximum(v, 0, casting="unsafe")),
    ("less", lambda v: np.less(v, 0, out=np.ones((2, 2), bool))),
    ("sum", lambda v: np.add.reduce(v, out=np.ones(2))),
    ("sum", lambda v: np.add.reduce(v, dtype=np.float32)),
    ("max", lambda v: np.maximum.reduce(v, axis=1, initial=0)),
    ("maximum", lambda v: np.maximum.reduceat(v, [0])),
    ("multiply", lambda v: np.multiply.outer(v, v)),
    ("add", lambda v: np.add.at(np.ones((2, 2)), 0, v)),
    ("add", lambda v: np.add.reduceat(v, [0])),
    ("sum", lambda v: np.sum(v, out=np.ones(()))),
    ("sum", lambda v: np.sum(v, dtype=np.float32)),
    ("sum", lambda v: np.sum(v, where=MASK[:, :2])),
    ("sum", lambda v: np.sum(v, initial=1)),
    ("mean", lambda v: np.mean(v, 0, out=np.ones(2))),
    ("mean", lambda v: np.mean(v, dtype=np.float32)),
    ("a?max", lambda v: np.max(v, initial=1)),
    ("a?max", lambda v: np.max(v, 0, out=np.ones(2))),
    ("a?min", lambda v: np.min(v, where=MASK[:, :2], initial=1)),
    ("clip", lambda v: np.clip(v, 0, 1, out=np.ones((2, 2)))),
    ("clip", lambda v: np.clip(v, 0, 1, dtype=np.float32)),
    ("where", lambda v: np.where(v)),
    ("concatenate", lambda v: np.concatenate([v], out=np.ones((2, 2)))),
    ("stack", lambda v: np.stack([v], out=np.ones((1, 2, 2)))),
    ("einsum", lambda v: np.einsum("ij->i", v, out=np.ones(2))),
    ("einsum", lambda v: np.einsum("ij->i", v, dtype=np.float32)),
    ("lstsq", lambda v: np.linalg.lstsq(v, v)),
    ("eig", lambda v: np.linalg.eig(v)),
    ("reshape", lambda v: np.reshape(v, -1, order="A")),
    ("cumsum", lambda v: np.cumsum(v, dtype=np.float32)),
    ("prod", lambda v: np.prod(v, where=MASK[:, :2])),
    ("broadcast_to", lambda v: np.broadcast_to(v, (2, 2), subok=True)),
    ("zeros_like", lambda v: np.zeros_like(v, order="F")),
    ("copyto", lambda v: np.copyto(np.ones((2, 2)), v)),
    ("put", lambda v: np.put(np.ones((2, 2)), [0], v[0, 0])),
    ("fill_diagonal", lambda v: np.fill_diagonal(v, 0)),
    ("argmax", lambda v: np.argmax(v, out=np.ones((), int))),
    ("any", lambda v: np.any(v, where=MASK[:, :2])),
    ("bitwise_and", lambda v: v & True),
    ("bitwise_or", lambda v: 1 | v),
    ("invert", lambda v: ~v),
]


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def mlp(x, w, b, v):
    return np.matmul(np.maximum(x @ w + b, 0), v)


def attention(x, w, v):
    scores = np.einsum("ij,jk,lk->il", x, w, x) / np.sqrt(np.shape(x)[-1])
    scores = np.where(np.tri(len(x), dtype=bool), scores, -1e9)
    return np.einsum("ij,jk->ik", softmax(scores), x @ v)


def normalised(x, gain, bias):
    rest = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(rest**2, axis=-1, keepdims=True)
    return gain * rest / np.sqrt(variance + 1e-5) + bias


def huber(x, y):
    distance = np.abs(np.subtract(x, y))
    return np.sum(np.where(distance < 0.3, distance**2 / 2, 0.3 * distance - 0.045))


def rotated(x, angle):
    a, b = np.transpose(x)
    c, s = np.cos(angle), np.sin(angle)
    return np.reshape(np.stack([c * a - s * b, s * a + c * b], axis=-1), -1)


def padded(x, low):
    return np.clip(np.concatenate([x[:1], x, -x[-1:]]), low, np.min(x, 0) ** 2 + 1)


FORMULAS = {  # with the shapes they take
    softmax: [(4, 3)],
    mlp: [(5, 2), (2, 4), (4,), (4,)],
    attention: [(4, 3), (3, 3), (3, 2)],
    normalised: [(4, 3), (3,), (3,)],
    huber: [(4, 3), (3,)],
    rotated: [(3, 2), ()],
    padded: [(4, 3), (3,)],
}


def fractions(shape, seed=0):
    return uniform(shape, 0.2, 0.9, seed)


class NumPyTest(ValueTest):
    def assert_value(self, y, expected):
        """A Value of this dtype and shape, and of these numbers."""
        self.assertIs(type(y), Value)
        self.assertEqual(y.dtype, expected.dtype)
        self.assert_close(y.data, expected, 1e-12)

    def assert_agrees(self, function, *arrays):
        """Of Values it gives what it gives of arrays, and the derivatives."""
        self.assert_value(function(*map(Value, arrays)), function(*arrays))
        self.assert_right(function, function, *arrays)


class TestFunctions(NumPyTest):
    def test_unary(self):
        for name, (_, function, (low, inside, high)) in UNARY.items():
            if function not in UFUNCS:
                continue  # NumPy does not have it
            with self.subTest(name):
                for shape in [(), (3,), (2, 3)]:
                    self.assert_agrees(function, uniform(shape, low, high))
                self.assertIs(type(function(Value(inside)).data), float)
        self.assertIs(np.abs, np.absolute)

    def test_binary(self):
        x, y = fractions((2, 3)), fractions((3,), seed=1)
        for name, (plain, function) in BINARY.items():
            with self.subTest(name):
                self.assert_agrees(function, x, y)
                self.assert_agrees(lambda y, f=function: f(x, y), y)
                self.assert_agrees(lambda x, f=function: f(x, y), x)
                self.assert_agrees(lambda y, f=function: f(x.tolist(), y), y)
                self.assert_agrees(lambda x, f=function: f(x, y.tolist()), x)
                self.assertEqual(function(Value(x), y).op, plain(Value(x), y).op)
            if name != "@":
                with self.subTest(name, operands="numbers"):
                    for number in (2, 1.5, np.float64(1.5), np.float32(1.5)):
                        self.assert_agrees(lambda x, f=function, n=number: f(x, n), x)
                        self.assert_agrees(lambda x, f=function, n=number: f(n, x), x)
                    self.assertIs(type(function(Value(2.0), 3).data), float)

    def test_dot(self):
        for left, right in [((2, 3), (3,)), ((3,), (3, 2)), ((3,), (3,)), ((), (2, 3))]:
            with self.subTest(left=left, right=right):
                x, y = fractions(left), fractions(right, seed=1)
                self.assert_agrees(np.dot, x, y)
                self.assert_agrees(lambda y, x=x: np.dot(x, y), y)

    def test_operators_with_raw_data_on_the_left(self):
        x, y = fractions((2, 3)), fractions((3,), seed=1)
        for name, (plain, _) in BINARY.items():
            with self.subTest(name):
                self.assert_agrees(lambda y, f=plain: f(x, y), y)
                if name != "@":
                    for number in (np.float64(2), np.float32(2), np.int64(2)):
                        self.assert_agrees(lambda x, f=plain, n=number: f(n, x), x)

    def test_comparisons(self):
        x, y = fractions((2, 3)).round(1), fractions((3,), seed=1).round(1)
        for name, functions in COMPARISONS.items():
            for function in functions:
                with self.subTest(name, function=function):
                    expected = function(x, y)
                    self.assert_value(function(Value(x), Value(y)), expected)
                    self.assert_value(function(Value(x), y), expected)
                    self.assert_value(function(x, Value(y)), expected)
                    self.assert_value(function(x.tolist(), Value(y)), expected)
                    expected = function(np.float64(0.5), y)
                    self.assert_value(function(np.float64(0.5), Value(y)), expected)

    def test_functions(self):
        x, y = fractions((2, 3)), fractions((3,), seed=1)
        for name, functions in FUNCTIONS.items():
            for i, function in enumerate(functions):
                with self.subTest(name, i=i):
                    self.assert_agrees(function, x, y)

    def test_methods_without_arguments(self):
        """Their defaults are those of an array's."""
        array = np.array([[0.25, -1.75, 3.125], [2.5, 0.0, -0.55]])
        names = {name for name in dir(np.ndarray) if name[0] != "_"}
        for name in names - {"tostring"}:  # which warns that it goes
            try:
                expected = getattr(array.copy(), name)()
            except (AttributeError, TypeError, ValueError):
                # NumPy 2 has it no longer; no method, or one that needs arguments
                continue
            ours = getattr(Value(array), name, None)
            if ours:
                with self.subTest(name):
                    for y, numpys in zip(parts_of(ours()), parts_of(expected)):
                        np.testing.assert_array_equal(getattr(y, "data", y), numpys)

    @unittest.skipIf(np.__version__ < "2.1", "NumPy's functions do not have them yet")
    def test_newer_keywords(self):
        x = fractions((2, 3))
        self.assert_agrees(lambda x: np.clip(x, min=0.3, max=0.6), x)
        self.assert_agrees(lambda x: np.clip(x, max=0.6), x)
        self.assert_agrees(lambda x: np.reshape(x, shape=(3, 2)), x)

    def test_shapes(self):
        for x in (np.ones((2, 3)), np.ones(()), 2.0, np.zeros((0, 2))):
            value = Value(x)
            for function in (np.shape, np.ndim, np.size):
                self.assertEqual(function(value), function(x))
                self.assertEqual(function(value * 2), function(x))
        self.assertEqual(np.ndim(Value(shape=(None, 2), name="x")), 2)


class TestSignatures(unittest.TestCase):
    """Functions of Values have NumPy's parameters, or some of them."""

    def test_parameters_are_numpys(self):
        n = 0
        for function, ours in families.FUNCTIONS.items():
            try:
                theirs = list(inspect.signature(function).parameters)
            except ValueError:  # it is written in C
                continue
            taken = inspect.signature(ours).parameters
            if taken.keys() <= set(theirs):  # others take any, or are of ufuncs
                n += 1
                for i, (name, x) in enumerate(taken.items()):
                    with self.subTest(function.__name__, name=name):
                        if x.kind is not x.KEYWORD_ONLY:
                            self.assertEqual(theirs[i], name)
        self.assertGreater(n, 60)

    def test_what_help_shows(self):
        for function, signature in {
            np.insert: "(arr, obj, values, axis=None)",
            np.kron: "(a, b)",
            np.linalg.norm: "(x, ord=None, axis=None, keepdims=False)",
            np.quantile: "(a, q, axis=None, *, keepdims=False)",
            np.roll: "(a, shift, axis=None)",
            np.take: "(a, indices, axis=None, *, mode='raise')",
            np.var: "(a, axis=None, *, ddof=0, keepdims=False)",
        }.items():
            ours, name = of_numpy(function), function.__name__
            with self.subTest(name):
                self.assertEqual(str(inspect.signature(ours)), signature)
                self.assertEqual(ours.__name__, name)
                self.assertEqual(
                    ours.__doc__, f"{function.__module__}.{name} of Values."
                )

    def test_arguments_by_name(self):
        x = Value(np.arange(6.0).reshape(2, 3))
        for by_name, by_position in [
            (np.roll(a=x, shift=1, axis=1), np.roll(x, 1, 1)),
            (np.insert(arr=x, obj=1, values=x, axis=0), np.insert(x, 1, x, 0)),
            (np.take(indices=[0, 2], a=x), np.take(x, [0, 2])),
        ]:
            np.testing.assert_array_equal(by_name.data, by_position.data)

    def test_refusals(self):
        x, i = Value(np.ones((2, 3))), Value(1)
        for function, words in [
            (lambda: np.prod(x, 0, float), "prod of a Value: .* positional arguments"),
            (lambda: np.var(x, where=True), "unexpected keyword argument 'where'"),
            (lambda: np.argsort(x, order="a"), "unexpected keyword argument 'order'"),
            (lambda: np.roll(x, i), "numpy.roll of a Value: shift: expected numbers"),
            (lambda: np.roll(x, [i, 1], [0, 1]), "shift: expected numbers"),
            (lambda: np.delete(x, i), "obj: expected numbers"),
            (lambda: np.insert(x, i, 0.0), "obj: expected numbers"),
            (lambda: np.repeat(x, i), "repeats: expected numbers"),
            (lambda: np.tile(x, i), "reps: expected numbers"),
            (lambda: np.quantile(x, i), "q: expected numbers"),
        ]:
            with self.assertRaisesRegex(TypeError, words):
                function()


class TestFormulas(NumPyTest):
    """Written for arrays, in NumPy alone."""

    def test_of_values(self):
        for formula, shapes in FORMULAS.items():
            with self.subTest(formula.__name__):
                arrays = [
                    uniform(shape, -1, 1, seed=i) for i, shape in enumerate(shapes)
                ]
                self.assert_agrees(formula, *arrays)

    def test_evaluated_again(self):
        for formula, shapes in FORMULAS.items():
            names = [f"x{i}" for i in range(len(shapes))]
            lazies = [Value(shape=s, name=n) for s, n in zip(shapes, names)]
            y = formula(*lazies)
            for seed in (0, 1):
                arrays = [uniform(s, -1, 1, seed + 2 * i) for i, s in enumerate(shapes)]
                expected = formula(*arrays)
                with self.subTest(formula.__name__, seed=seed):
                    y.forward(**dict(zip(names, arrays)))
                    self.assert_value(y, np.asarray(expected))
                    values = [Value(array) for array in arrays]
                    formula(*values).backward()
                    y.backward()
                    for lazy, value in zip(lazies, values):
                        np.testing.assert_allclose(lazy.grad, value.grad, 1e-12, 1e-15)


class TestRefusals(NumPyTest):
    def test_by_name(self):
        for i, (name, function) in enumerate(REFUSED):
            v = Value(np.array([[2.0, 1.0], [1.0, 3.0]]))
            with self.subTest(name, i=i):
                with self.assertRaises(TypeError) as caught:
                    function(v)
                self.assertRegex(str(caught.exception), rf"\b{name}\b")
                np.testing.assert_array_equal(v.data, [[2, 1], [1, 3]])

    def test_arrays_stay_what_they_are(self):
        for name, function in {
            "add": operator.iadd,
            "subtract": operator.isub,
            "multiply": operator.imul,
            "divide": operator.itruediv,
            "power": operator.ipow,
        }.items():
            for shape in [(), (2,)]:
                array = np.array([1.0, 2.0])
                with self.subTest(name, shape=shape):
                    with self.assertRaisesRegex(TypeError, name):
                        function(array, Value(np.full(shape, 3.0)))
                    np.testing.assert_array_equal(array, [1, 2])

    def test_every_other_ufunc(self):
        ufuncs = {f for f in list(vars(np).values()) if isinstance(f, np.ufunc)}
        others = {f for f in ufuncs if of_numpy(f) is None}
        self.assertFalse(others & UFUNCS)
        for ufunc in others:
            with self.subTest(ufunc.__name__):
                for v in (Value(np.ones((2, 2))), Value(2), Value([True, False])):
                    for other in (v, np.ones((2, 2)), 1.0):
                        operands = [v, other, other][: ufunc.nin]
                        for arguments in (operands, operands[::-1]):
                            with self.assertRaisesRegex(TypeError, ufunc.__name__):
                                ufunc(*arguments)

    def test_every_ufunc_has_a_row(self):
        """Which several tests compare with differences and PyTorch."""
        rows = {*UFUNCS, *test_elementwise.UNARY, *test_elementwise.BINARY}
        self.assertTrue(families.FUNCTIONS)  # which loads all families
        for function, rule in RULES.items():
            if isinstance(function, np.ufunc) and any(rule.derivatives):
                # SciPy's are rows of test_special, vecdot and its like of test_products
                is_numpys = getattr(np, function.__name__, None) is function
                if is_numpys and function.signature is None:
                    self.assertIn(function, rows)

    def test_no_function_makes_objects(self):
        v, array = Value(np.array([[2.0, 1.0], [1.0, 3.0]])), np.ones((2, 2))
        for module in (np, np.linalg):
            for name, function in list(vars(module).items()):
                if not hasattr(function, "_implementation"):
                    continue  # it is none that asks its arguments
                for arguments in [(v,), (v, v), ([v, v],), (array, v), (array, v, v)]:
                    try:
                        y = function(*arguments)
                    except Exception:  # NumPy's own, too, where they do not fit
                        continue
                    with self.subTest(name, arguments=arguments):
                        for part in y if isinstance(y, tuple) else (y,):
                            if arguments[0] is v and name not in PLAIN:
                                self.assertIs(type(part), Value)
                            if isinstance(part, np.ndarray):
                                self.assertNotEqual(part.dtype, object)


if __name__ == "__main__":
    unittest.main()
