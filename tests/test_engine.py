"""Values: what they are made of, operators of one's own, and memory."""

import base64
import copy
import gc
import inspect
import math
import pickle
import unittest
import warnings
import weakref
from itertools import product

import numpy as np
from testing import BINARY, SHAPES, ValueTest, are_broadcastable, numbers

from micrograd import (
    Value,
    compiled,
    concatenate,
    einsum,
    operator,
    stack,
    tensordot,
    where,
)


class TestValue(ValueTest):
    def test_keeps_arrays_and_numbers(self):
        array = np.array([[1.0, 2.0]]).T
        self.assertIs(Value(array).data, array)
        zero = np.array(2.0)
        self.assertIs(Value(zero).data, zero)
        self.assertIs(type(Value(2.0).data), float)
        self.assertIs(type(Value(2).data), int)
        self.assertIs(type(Value(np.float32(2)).data), np.float32)
        self.assertIs(type(Value(np.array(2.0)).data), np.ndarray)
        self.assertEqual(Value([[1, 2], [3, 4]]).data.dtype.kind, "i")
        self.assertEqual(Value([True]).data.dtype, bool)

    def test_attributes(self):
        x = Value(np.ones((2, 3), np.float32))
        self.assertEqual((x.shape, x.ndim, x.size), ((2, 3), 2, 6))
        self.assertEqual((x.dtype, x.grad, x.name), (np.float32, None, None))
        x = Value(2.0)
        self.assertEqual((x.shape, x.ndim, x.size, x.dtype), ((), 0, 1, np.float64))
        self.assertEqual(Value(2).dtype.kind, "i")

    def test_no_length_in_0d(self):
        for data in (2.0, 2, np.float64(2), np.array(2.0)):
            with self.subTest(data=data):
                for function in (len, iter, list):
                    with self.assertRaises(TypeError):
                        function(Value(data))

    def test_length_and_iteration(self):
        x = Value(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
        self.assertEqual(len(x), 3)
        a, b, c = x
        (a * b + 10 * c).backward()
        self.assert_equal(x.grad, [[3, 4], [1, 2], [10, 10]])
        self.assertEqual(list(Value(np.zeros((0, 2)))), [])

    def test_leaves_the_graph(self):
        x = Value(np.array([1.0, 2.0]))
        self.assertIs(type(float(Value(2))), float)
        self.assertEqual(float(Value(np.array(2.5)) * 2), 5.0)
        self.assertEqual(float(Value([2.5])), 2.5)
        self.assertEqual((int(Value(2.9)), type(int(Value(2.0)))), (2, int))
        self.assertIs(x.numpy(), x.data)
        self.assertIs(type(Value(2.0).numpy()), np.ndarray)
        for value, number in (
            (Value(2), 2),
            (x.sum(), 3.0),
            (Value(np.float32(0.5)), 0.5),
            (Value([[7]]), 7),
        ):
            self.assertEqual((value.item(), type(value.item())), (number, type(number)))
        self.assertEqual((x.item(1), Value([[1, 2]]).item(0, 1)), (2.0, 2))
        with self.assertRaises(ValueError):
            x.item()
        self.assertEqual((x.tolist(), Value(1).tolist()), ([1.0, 2.0], 1))
        self.assertEqual(type(x.tolist()[0]), float)

    def test_detached(self):
        x = Value([1.0, 2.0])
        y = x * x
        z = y.detach()
        self.assertEqual((z.op, z.name), ("", None))
        self.assertIs(z.data, y.data)
        (x * z).backward()
        self.assert_equal(x.grad, [1, 4])
        x.data = np.array([5.0, 6.0])
        y.forward()
        self.assert_equal(z.data, [1, 4])

    def test_format(self):
        loss = Value(np.float32(0.123456))
        self.assertEqual(
            f"{loss:.3f} {Value(2) * 3:5d}|{Value(0.5):e}", "0.123     6|5.000000e-01"
        )
        self.assertEqual(
            f"{loss}|{Value([1, 2])}", f"{loss!r}|Value(data=[1 2], grad=None)"
        )
        with self.assertRaisesRegex(
            TypeError, r"'.3f' .* got shape \(1,\): print v.data"
        ):
            f"{Value([0.5]):.3f}"

    def test_is_no_array(self):
        """Whatever reads it as an array says how to go on."""
        v, w, array = Value([1.0, 2.0]), Value(3.0), np.zeros(2)
        for call in (
            lambda: np.asarray(v),
            lambda: np.array(v, np.float32),
            lambda: np.array([w, w]),
            lambda: np.vectorize(math.sin)(v),
            lambda: np.r_[v, w],
            lambda: array.__setitem__(slice(None), v),
            lambda: array.__getitem__(v),
            lambda: array.dot(v),
            lambda: np.random.default_rng(0).normal(v),
            lambda: np.testing.assert_allclose(v, [1, 2]),
            lambda: np.testing.assert_array_equal([1, 2], v),
        ):
            with self.assertRaisesRegex(TypeError, r"write v\.data or v\.numpy\(\)"):
                call()
        self.assert_equal(array, [0, 0])
        with self.assertRaisesRegex(TypeError, "copyto|v.data"):
            np.full(3, w)

    def test_is_no_function(self):
        with self.assertRaisesRegex(TypeError, r"v\.forward\(x=data\).*compiled\(v\)"):
            Value(2.0)(3.0)

    def test_dtypes_given(self):
        for data, dtype, expected in (
            ([1, 2], float, np.array([1.0, 2.0])),
            ([1, 2], np.float32, np.array([1, 2], np.float32)),
            (np.array([1.7, 2.2]), int, np.array([1, 2])),
            (np.array(3), float, np.array(3.0)),
            (True, float, 1.0),
            (2, np.float32, np.float32(2)),
            (2, float, 2.0),
            (2.7, int, 2),
        ):
            with self.subTest(data=data, dtype=dtype):
                value = Value(data, dtype=dtype)
                self.assertIs(type(value.data), type(expected))
                self.assertEqual(value.dtype, np.dtype(dtype))
                self.assert_equal(value.data, expected)
        array = np.ones(3)
        self.assertIs(Value(array, dtype=float).data, array)
        for dtype in (complex, object, "U3"):
            with self.assertRaisesRegex(TypeError, "expected real numbers, got"):
                Value([1.0], dtype=dtype)

    def test_data_that_is_assigned(self):
        """Arithmetic of lists would go on without a word."""
        x, expected = Value(shape=(), name="x"), "array, got (list|tuple|None)"
        for data in ([5.0, 6.0], (5.0, 6.0), None):
            for multiply in (lambda p: p * 2, lambda p: p * x):
                p = Value([1.0, 2.0])
                y = multiply(p)
                step = compiled(y, wrt=p)
                step(x=3)
                p.data = data
                for call in (y.forward, step):
                    with self.assertRaisesRegex(TypeError, expected):
                        call(x=3)
                with self.assertRaisesRegex(TypeError, expected):
                    y.backward()
                with self.assertRaises(TypeError):
                    p * 2
                p.data = np.array([5.0, 6.0])
                self.assert_equal(y.forward(x=2), [10, 12])

    def test_truth(self):
        self.assertTrue(Value(2.0))
        self.assertFalse(Value(0))
        with self.assertRaises(ValueError):
            bool(Value([1, 2]))

    def test_hashed_by_identity(self):
        a, b = Value(1.0), Value(1.0)
        self.assertEqual(len({a, b, a}), 2)

    def test_pickle_and_copy(self):
        x = Value(np.array([1.0, 2.0]))
        lazy = Value(shape=(None,), name="x")
        for expression in (x * 2, lazy + 1, Value(1.0).exp()):
            for function in (pickle.dumps, copy.deepcopy):
                with self.assertRaises(TypeError):
                    function(expression)
        for function in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
            other = function(x)
            self.assert_equal(other.data, [1, 2])
            (other * 2).backward()
            self.assert_equal(other.grad, [2, 2])
            self.assertFalse(np.shares_memory(other.data, x.data))
            self.assertIsNone(x.grad)
            self.assertEqual(function(Value(2)).data, 2)

    def test_pickle_and_copy_of_lazies(self):
        for shape, fed in [((None,), [1.0, 2.0]), ((), 3.0)]:
            lazy = Value(shape=shape, name="x")
            for function in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
                with self.subTest(shape=shape, function=function):
                    other = function(lazy)
                    self.assertFalse(other.is_fed)
                    self.assertEqual((other.shape, other.name), (shape, "x"))
                    y = other * 2
                    self.assert_equal(y.forward(x=fed), np.array(fed) * 2)
                    other = function(other)
                    self.assertTrue(other.is_fed)
                    self.assert_equal(other.data, fed)


class TestOperands(ValueTest):
    def test_raw_on_both_sides(self):
        data = numbers((2, 2))
        for raw in (
            2,
            2.0,
            True,
            np.float64(2),
            np.float32(2),
            np.int64(2),
            np.array(2.0),
            np.array([2.0, 3.0]),
            np.array([2, 3]),
            [2, 3],
            [[2.0, 3.0], [4.0, 5.0]],
            (2.0, 3.0),
        ):
            for name, (function, reference) in BINARY.items():
                with self.subTest(name, raw=raw):
                    y = function(Value(data), raw)
                    self.assertIs(type(y), Value)
                    self.assert_close(y.data, reference(data, np.asarray(raw)), 1e-6)
                    y = function(raw, Value(data))
                    self.assertIs(type(y), Value)
                    self.assert_close(y.data, reference(np.asarray(raw), data), 1e-6)

    def test_raw_matmul(self):
        x, raw = numbers((2, 2)), np.array([[1.0, 2.0], [3.0, 4.0]])
        for y, expected in [
            (raw @ Value(x), raw @ x),
            (Value(x) @ raw, x @ raw),
            (raw.tolist() @ Value(x), raw @ x),
            (Value(x) @ raw.tolist(), x @ raw),
            (tensordot(raw, Value(x), 1), raw @ x),
            (tensordot(Value(x), raw.tolist(), 1), x @ raw),
        ]:
            self.assertIs(type(y), Value)
            self.assert_close(y.data, expected)

    def test_raw_gradients(self):
        x = Value(np.array([1.0, 2.0]))
        for y, expected in [
            (np.array([3.0, 4.0]) - x, [-1, -1]),
            (np.array([3.0, 4.0]) / x, [-3, -1]),
            ([3.0, 4.0] * x, [3, 4]),
            (np.array([3.0, 4.0]) @ x, [3, 4]),
            (2**x, np.log(2) * np.array([2, 4])),
            (np.ones((3, 2)) * x, [3, 3]),
        ]:
            y.backward()
            self.assert_close(x.grad, expected)

    def test_lists_of_values(self):
        a, b = Value(np.array([1.0, 2.0])), Value(np.array([3.0, 4.0]))
        w = np.array([5.0, 6.0])
        rows = np.array([[1.0, 2.0], [3.0, 4.0]])
        for name, y, expected, by_a, by_b in [
            ("list @ w", [a, b] @ Value(w), rows @ w, w, w),
            ("w @ list", w @ Value(1.0 * np.eye(2)) @ [a, b], w @ rows, [5, 5], [6, 6]),
            ("list * w", [a, b] * Value(w), rows * w, w, w),
            ("w - tuple", Value(w) - (a, b), w - rows, [-1, -1], [-1, -1]),
            ("mixed", [a * b, [0, 1]] + Value(w), [[8, 14], [5, 7]], [3, 4], [1, 2]),
            ("tensordot", tensordot([a, b], w, 1), rows @ w, w, w),
            ("einsum", einsum("ij,j", [a, b], w), rows @ w, w, w),
            ("where", where([True, False], [a, b], 0), rows * [1, 0], [1, 0], [1, 0]),
            ("stack", stack([[a, b], rows]), [rows, rows], [1, 1], [1, 1]),
            ("concatenate", concatenate([[a], (b, w)]), [*rows, w], [1, 1], [1, 1]),
            ("[]", a[[Value(1), Value(1), 0]] * b[1], [8, 8, 4], [4, 8], [0, 5]),
        ]:
            with self.subTest(name):
                self.assert_equal(y.data, expected)
                y.backward()
                self.assert_equal(a.grad, by_a)
                self.assert_equal(b.grad, by_b)

    def test_nested_lists_of_numbers(self):
        a, b = Value(2.0), Value(3.0)
        y = [[a, b], [b, 1.0]] @ Value(np.array([1.0, 10.0]))
        self.assert_equal(y.data, [32, 13])
        y.backward()
        self.assertEqual((a.grad, b.grad), (1, 11))

    def test_lists_are_evaluated_again(self):
        x = Value(shape=(2,), name="x")
        y = [x, x * x] @ Value(np.array([1.0, 10.0]))
        self.assert_equal(y.forward(x=[1.0, 2.0]), [21, 41])
        self.assert_equal(y.forward(x=[2.0, 3.0]), [32, 94])

    def test_what_is_no_operand(self):
        for raw in ("x", None, 1j, [1j], np.array(["x"]), object()):
            for name, (function, _) in BINARY.items():
                with self.subTest(name, raw=raw):
                    with self.assertRaises(TypeError):
                        function(Value(1.0), raw)
                    with self.assertRaises(TypeError):
                        function(raw, Value(1.0))

    def test_error_names_operator_and_shapes(self):
        for name, (function, _) in BINARY.items():
            with self.subTest(name), self.assertRaises(ValueError) as caught:
                function(Value(np.ones((2, 3))), np.ones((4, 5)))
            for words in (name, "(2, 3)", "(4, 5)"):
                self.assertIn(words, str(caught.exception))


class TestUsersOperator(ValueTest):
    def test_unary(self):
        cube = operator("cube", lambda x: x**3, lambda g, y, x: g * 3 * x**2)
        self.assert_right(cube, lambda x: x**3, numbers((2, 3)))
        self.assert_right(cube, lambda x: x**3, 1.5)
        self.assertEqual(cube(2.0).data, 8)

    def test_binary_is_summed_back(self):
        hypot = operator(
            "hypot",
            np.hypot,
            lambda g, y, a, b: g * a / y,
            lambda g, y, a, b: g * b / y,
        )
        for left, right in product(SHAPES[:9], SHAPES[:9]):
            if are_broadcastable(left, right):
                self.assert_right(hypot, np.hypot, numbers(left), numbers(right, 2))

    def test_names_mean_nothing(self):
        # the derivative needs a whole g, though our own operator of this name does not
        for name in ("relu", "**", "+", "[]"):
            double = operator(
                name, lambda x: 2 * x, lambda g, y, x: np.sort(2 * g, axis=0)
            )
            x = Value(np.ones((3, 2)))
            for reduced in (double(x).sum(), 3 * double(x).mean(axis=0, keepdims=True)):
                reduced.backward(wrt=x)
                self.assert_equal(x.grad, np.full((3, 2), 2.0))

    def test_three_operands(self):
        lerp = operator(
            "lerp",
            lambda a, b, t: a + (b - a) * t,
            lambda g, y, a, b, t: g * (1 - t),
            lambda g, y, a, b, t: g * t,
            lambda g, y, a, b, t: g * (b - a),
        )
        reference = lambda a, b, t: a + (b - a) * t
        arrays = numbers((2, 3)), numbers((3,), 2), numbers((2, 1), 3)
        self.assert_right(lerp, reference, *arrays)
        self.assert_close(lerp(1.0, Value(3.0), [0.5, 1]).data, [2, 3])

    def test_no_derivative(self):
        scale = operator("scale", np.multiply, lambda g, y, x, n: g * n, None)
        x, n = Value(np.array([1.0, 2.0])), Value(np.array([3.0, 4.0]))
        scale(x, n).backward()
        self.assert_equal(x.grad, [3, 4])
        self.assertIsNone(n.grad)
        y = scale(x, n) + n
        y.backward()
        self.assert_equal(n.grad, [1, 1])

    def test_detach(self):
        detach = operator("detach", lambda x: x, None)
        x = Value(shape=(), name="x")
        y = x * detach(x)
        y.forward(x=3.0)
        y.backward()
        self.assertEqual((y.data, x.grad), (9, 3))
        y.forward(x=4.0)
        y.backward()
        self.assertEqual((y.data, x.grad), (16, 4))

    def test_signatures(self):
        for n, expected in [(1, "(x, /)"), (2, "(a, b, /)"), (3, "(a, b, c, /)")]:
            of_n = operator("of_n", lambda *data: data[0], *[None] * n)
            self.assertEqual(str(inspect.signature(of_n)), expected)

    def test_number_of_operands(self):
        add = operator("add", np.add, None, None)
        for operands in [(), (1.0,), (1.0, 2.0, 3.0)]:
            with self.assertRaisesRegex(TypeError, "'add'.* 2 "):
                add(*operands)

    def test_errors_name_operator_and_shapes(self):
        def broken(*data):
            raise KeyError("what went wrong")

        x = Value(np.ones((3, 2)))
        for name, run in {
            "built": lambda: operator("first", broken, None)(x),
            "backward": lambda: operator("first", np.exp, broken)(x).backward(),
        }.items():
            with self.subTest(name), self.assertRaises(KeyError) as caught:
                run()
            for words in ("first", "(3, 2)", "what went wrong"):
                self.assertIn(words, str(caught.exception))

        x = Value(shape=(None, 2), name="x")
        y = operator("small", lambda x: np.reshape(x, 2), None)(x).sum()
        with self.assertRaises(ValueError) as caught:
            y.forward(x=np.ones((3, 2)))
        for words in ("small", "(3, 2)"):
            self.assertIn(words, str(caught.exception))


class TestMemory(ValueTest):
    def setUp(self):
        gc.disable()
        self.addCleanup(gc.enable)

    def test_freed_at_once(self):
        x = Value(shape=(None, 2), name="x")
        w = Value(np.ones((2, 3)))
        uses = {
            "built": lambda y: None,
            "forward": lambda y: y.forward(x=np.ones((4, 2))),
            "backward": lambda y: (y.forward(x=np.ones((4, 2))), y.backward()),
            "wrt": lambda y: (y.forward(x=np.ones((4, 2))), y.backward(w)),
            "root": lambda y: (y.forward(x=np.ones((4, 2))), y.backward(y)),
            "lists": lambda y: [y, y] * Value(2.0),
        }
        for name, use in uses.items():
            with self.subTest(name):
                hidden = (x @ w).tanh()
                y = (hidden * hidden).mean(0) + hidden[0]
                chosen = where(hidden > 0, hidden, 0).max(0).clip(hidden[0], 1)
                y = y + einsum("ij,j->j", hidden, chosen)
                y = stack([y, chosen]).transpose(1, 0).reshape(2, -1).logsumexp(0)
                y = concatenate([y, y.abs().sigmoid()])[:3].maximum(0.1)
                y = tensordot(y.relu(), w.T, 1)
                use(y)
                references = [weakref.ref(hidden), weakref.ref(y)]
                references += [weakref.ref(hidden.data), weakref.ref(y.data)]
                del hidden, chosen, y
                self.assertEqual([ref() for ref in references], [None] * 4)

    def test_leaves_are_freed_at_once(self):
        for use in (Value.backward, Value.forward, lambda x: x.backward(x)):
            x = Value(np.ones(2))
            use(x)
            reference = weakref.ref(x)
            del x
            self.assertIsNone(reference())

    def test_freed_after_an_error(self):
        x = Value(shape=(None,), name="x")
        y = x.exp() * np.ones(3)
        reference = weakref.ref(y)
        for use in (
            lambda y: y.forward(x=np.ones(2)),
            lambda y: y.forward(x="words"),
            lambda y: y.backward(wrt=Value(1.0)),
        ):
            try:
                use(y)
            except (TypeError, ValueError):
                pass
            else:
                self.fail("expected an error")
        del y
        self.assertIsNone(reference())

    def test_intermediate_gradients_are_let_go(self):
        x = Value(np.ones(3))
        seen = []

        def derivative(g, y, x):
            seen.append(weakref.ref(g))
            return 2 * g

        double = operator("double", lambda x: 2 * x, derivative)
        y = double(double(double(x * 1) * 1) * 1)
        y.backward(wrt=x)
        self.assert_equal(x.grad, [8, 8, 8])
        self.assertEqual([ref() for ref in seen], [None] * 3)


@unittest.skipIf(np.__version__ < "2", "NumPy 1 reads no pickles of NumPy 2")
class TestOldPickles(ValueTest):
    """Leaves that versions 1.0.0 and 2.0.0 pickled, which have other slots."""

    NUMBER_1 = (
        "gAJjbWljcm9ncmFkLmVuZ2luZQpWYWx1ZQpxACmBcQFOfXECKFgJAAAAX2lzX3VuZmVkcQOJWAUA"
        "AABfbGF6eXEETlgJAAAAX29wZXJhbmRzcQUpWAYAAABfb3JkZXJxBk5YBwAAAF9wcm9iZXNxB05Y"
        "BQAAAF9ydWxlcQhOWAQAAABkYXRhcQlHQAQAAAAAAABYBAAAAGdyYWRxCkdAAAAAAAAAAHWGcQti"
        "Lg=="
    )
    ARRAY_1 = (
        "gAJjbWljcm9ncmFkLmVuZ2luZQpWYWx1ZQpxACmBcQFOfXECKFgJAAAAX2lzX3VuZmVkcQOJWAUA"
        "AABfbGF6eXEETlgJAAAAX29wZXJhbmRzcQUpWAYAAABfb3JkZXJxBk5YBwAAAF9wcm9iZXNxB05Y"
        "BQAAAF9ydWxlcQhOWAQAAABkYXRhcQljbnVtcHkuX2NvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1"
        "Y3QKcQpjbnVtcHkKbmRhcnJheQpxC0sAhXEMY19jb2RlY3MKZW5jb2RlCnENWAEAAABicQ5YBgAA"
        "AGxhdGluMXEPhnEQUnERh3ESUnETKEsBSwKFcRRjbnVtcHkKZHR5cGUKcRVYAgAAAGY4cRaJiIdx"
        "F1JxGChLA1gBAAAAPHEZTk5OSv////9K/////0sAdHEaYoloDVgRAAAAAAAAAAAAw7A/AAAAAAAA"
        "AEBxG2gPhnEcUnEddHEeYlgEAAAAZ3JhZHEfaApoC0sAhXEgaBGHcSFScSIoSwFLAoVxI2gYiWgN"
        "WBAAAAAAAAAAAAAAQAAAAAAAABBAcSRoD4ZxJVJxJnRxJ2J1hnEoYi4="
    )
    LAZY_1 = (
        "gAJjbWljcm9ncmFkLmVuZ2luZQpWYWx1ZQpxACmBcQFOfXECKFgJAAAAX2lzX3VuZmVkcQOIWAUA"
        "AABfbGF6eXEEY21pY3JvZ3JhZC5lbmdpbmUKUGxhY2Vob2xkZXIKcQUpgXEGfXEHKFgEAAAAbmFt"
        "ZXEIWAEAAAB4cQlYBQAAAGR0eXBlcQpjbnVtcHkKZmxvYXQzMgpxC1gFAAAAc2hhcGVxDE5LAoZx"
        "DVgEAAAAZmlsbHEOR3/4AAAAAAAAWAUAAAB1bmZlZHEPY251bXB5Ll9jb3JlLm11bHRpYXJyYXkK"
        "X3JlY29uc3RydWN0CnEQY251bXB5Cm5kYXJyYXkKcRFLAIVxEmNfY29kZWNzCmVuY29kZQpxE1gB"
        "AAAAYnEUWAYAAABsYXRpbjFxFYZxFlJxF4dxGFJxGShLAUsBSwKGcRpjbnVtcHkKZHR5cGUKcRtY"
        "AgAAAGY0cRyJiIdxHVJxHihLA1gBAAAAPHEfTk5OSv////9K/////0sAdHEgYoloE1gKAAAAAADD"
        "gH8AAMOAf3EhaBWGcSJScSN0cSRiWAgAAABleHBlY3RlZHElaB51YlgJAAAAX29wZXJhbmRzcSYp"
        "WAYAAABfb3JkZXJxJ05YBwAAAF9wcm9iZXNxKE5YBQAAAF9ydWxlcSlOWAQAAABncmFkcSpOdYZx"
        "K2Iu"
    )
    NUMBER = (
        "gAJjbWljcm9ncmFkLmVuZ2luZQpWYWx1ZQpxACmBcQFOfXECKFgFAAAAX2xhenlxA05YCQAAAF9v"
        "cGVyYW5kc3EEKVgGAAAAX29yZGVycQVOWAcAAABfcHJvYmVzcQZOWAUAAABfcnVsZXEHTlgEAAAA"
        "ZGF0YXEIR0AEAAAAAAAAWAQAAABncmFkcQlHQBQAAAAAAAB1hnEKYi4="
    )
    LAZY = (
        "gAJjbWljcm9ncmFkLmVuZ2luZQpWYWx1ZQpxACmBcQFOfXECKFgFAAAAX2xhenlxA2NtaWNyb2dy"
        "YWQuZW5naW5lClBsYWNlaG9sZGVyCnEEKYFxBX1xBihYBAAAAG5hbWVxB1gBAAAAeHEIWAUAAABk"
        "dHlwZXEJY251bXB5CmZsb2F0MzIKcQpYBQAAAHNoYXBlcQtOSwKGcQxYBAAAAGZpbGxxDUd/+AAA"
        "AAAAAFgFAAAAdW5mZWRxDmNudW1weS5fY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApxD2Nu"
        "dW1weQpuZGFycmF5CnEQSwCFcRFjX2NvZGVjcwplbmNvZGUKcRJYAQAAAGJxE1gGAAAAbGF0aW4x"
        "cRSGcRVScRaHcRdScRgoSwFLAUsChnEZY251bXB5CmR0eXBlCnEaWAIAAABmNHEbiYiHcRxScR0o"
        "SwNYAQAAADxxHk5OTkr/////Sv////9LAHRxH2KJaBJYCgAAAAAAw4B/AADDgH9xIGgUhnEhUnEi"
        "dHEjYlgIAAAAZXhwZWN0ZWRxJGgdWAQAAABsYXN0cSVOToZxJnViWAkAAABfb3BlcmFuZHNxJylY"
        "BgAAAF9vcmRlcnEoTlgHAAAAX3Byb2Jlc3EpTlgFAAAAX3J1bGVxKk5YBAAAAGRhdGFxK2gYWAQA"
        "AABncmFkcSxOdYZxLWIu"
    )

    def test_they_are_leaves_of_today(self):
        for number, lazy, gradient in [
            (self.NUMBER_1, self.LAZY_1, 2.0),
            (self.NUMBER, self.LAZY, 5.0),
        ]:
            v = pickle.loads(base64.b64decode(number))
            self.assertEqual((v.data, v.grad), (2.5, gradient))
            x = pickle.loads(base64.b64decode(lazy))
            self.assertEqual((x.shape, (x + 1).shape), ((None, 2), (None, 2)))
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                y = (x * v / 0).sum() + (x * v).sum()
            self.assertFalse(y.is_fed)
            y = (x * v).sum()
            self.assertEqual(y.forward(x=[[1.0, 2.0]]), 7.5)
            y.backward(wrt=v)
            self.assertEqual((v.grad, x.dtype), (3.0, np.float32))
            copied = pickle.loads(pickle.dumps(x))
            self.assert_equal(copied.data, [[1, 2]])

    def test_arrays_of_version_1(self):
        a = pickle.loads(base64.b64decode(self.ARRAY_1))
        self.assert_equal(a.data, [1, 2])
        self.assert_equal(a.grad, [2, 4])
        (a * 3).backward()
        self.assert_equal(a.grad, [3, 3])


if __name__ == "__main__":
    unittest.main()
