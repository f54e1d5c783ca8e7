"""Numbers stay numbers, and each dtype is what NumPy makes it."""

import unittest
import warnings
from itertools import product

import numpy as np
from testing import BINARY, REDUCTIONS, UNARY, ValueTest

from micrograd import Value, compiled, concatenate, einsum, stack, tensordot, where


class TestNumbers(ValueTest):
    def test_stay_numbers(self):
        for name, (function, reference) in BINARY.items():
            for a, b in [(2.0, 3.0), (2, 3.0), (2.0, 3), (2, 3)]:
                with self.subTest(name, a=a, b=b):
                    left, right = Value(a), Value(b)
                    y = function(left, right)
                    expected = reference(a, b).item()
                    self.assertIs(type(y.data), type(expected))
                    self.assertEqual(y.data, expected)
                    self.assertIs(type(function(left, b).data), type(y.data))
                    self.assertIs(type(function(a, right).data), type(y.data))
                    y.backward()
                    for value in (y, left, right):
                        self.assertIs(type(value.grad), float)

    def test_stay_numbers_in_functions(self):
        functions = {name: row[0] for name, row in (UNARY | REDUCTIONS).items()}
        functions["T"] = lambda x: x.T
        functions["transpose"] = lambda x: x.transpose(())
        functions["reshape"] = lambda x: x.reshape(())
        functions["clip"] = lambda x: x.clip(0, 1)
        functions["where"] = lambda x: where(x > 0, x, 0)
        functions["einsum"] = lambda x: einsum(",->", x, 2.0)
        functions["tensordot"] = lambda x: tensordot(x, x, 0)
        for name, function in functions.items():
            with self.subTest(name):
                x = Value(0.5)
                y = function(x)
                y.backward()
                self.assertIs(type(y.data), float)
                self.assertIs(type(x.grad), float)

    def test_integers_stay_integers(self):
        for name, function in {
            "relu": Value.relu,
            "neg": lambda x: -x,
            "abs": abs,
            "sum": Value.sum,
            "max": Value.max,
            "min": Value.min,
            "T": lambda x: x.T,
            "reshape": lambda x: x.reshape(()),
            "clip": lambda x: x.clip(0, 2),
            "where": lambda x: where(x > 2, x, 0),
        }.items():
            with self.subTest(name):
                self.assertIs(type(function(Value(3)).data), int)

    def test_integers_up_to_64_bits(self):
        for number in (-(2**63), -1000, 1000, 2**63 - 1):
            data = Value(number).data
            self.assertIs(type(data), int)
            self.assertEqual(data, number)
        for number in (2**63, 2**64 - 1):  # NumPy's, too
            self.assertEqual(Value(number).dtype, np.uint64)

    def test_division_by_zero_is_numpys(self):
        for a, expected in [(1, np.inf), (-1.0, -np.inf), (0, np.nan), (0.0, np.nan)]:
            for b in (0, 0.0):
                with self.subTest(a=a, b=b), self.assertWarns(RuntimeWarning):
                    self.assert_equal((Value(a) / b).data, expected)
                with self.subTest(a=a, b=b), self.assertWarns(RuntimeWarning):
                    self.assert_equal((a / Value(b)).data, expected)

    def test_division_by_zero_backwards(self):
        a, b = Value(1.0), Value(0.0)
        with np.errstate(all="ignore"):
            (a / b).backward()
        self.assertEqual((a.grad, b.grad), (np.inf, -np.inf))

    def test_powers_are_numpys(self):
        with self.assertWarns(RuntimeWarning):
            self.assert_equal((Value(-8.0) ** (1 / 3)).data, np.nan)
        with self.assertWarns(RuntimeWarning):
            self.assertEqual((Value(10.0) ** 400).data, np.inf)
        with self.assertWarns(RuntimeWarning):
            self.assertEqual((Value(0.0) ** -1.0).data, np.inf)
        with self.assertWarns(RuntimeWarning):
            self.assertEqual(Value(1e3).exp().data, np.inf)
        with self.assertRaises(ValueError) as caught:
            Value(2) ** -1
        self.assertIn("**", str(caught.exception))

    def test_backwards_of_huge_powers(self):
        x = Value(1e300)
        with np.errstate(all="ignore"):
            (x**3).backward()
        self.assertEqual(x.grad, np.inf)

    def test_integers_wrap_as_numpys(self):
        big = 2**62
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's scalars warn, its arrays do not
            for a, b in product((big, -big, 3 * big // 2), (2, 3, 4, -5, big)):
                for name in ("+", "-", "*"):
                    y = BINARY[name][0](Value(a), Value(b))
                    expected = BINARY[name][1](np.array([a]), np.array([b]))[0]
                    self.assertEqual(y.data, expected)
                    self.assertTrue(-(2**63) <= y.data < 2**63)
            self.assertEqual((Value(3) ** 50).data, np.power(np.array([3]), 50)[0])
            self.assertEqual((-Value(-(2**63))).data, -(2**63))
        x = Value(shape=(), name="x")
        self.assertEqual((x * x + x).forward(x=2**40), 2**40)

    def test_huge_integers(self):
        with self.assertRaisesRegex(TypeError, "object"):
            Value(2**100)
        # as an operand, too
        with self.assertRaisesRegex(TypeError, "object"):
            Value(1) + 2**100

    def test_do_not_widen(self):
        x = Value(np.ones(2, np.float32))
        y = (x * (Value(2.0) * 3 + 1) - Value(1).exp()) / Value(3.0).sqrt()
        self.assertEqual(y.dtype, np.float32)
        y.backward()
        self.assertEqual(x.grad.dtype, np.float32)


class TestDtypes(ValueTest):
    @unittest.skipIf(np.__version__ < "2", "NumPy 1 widens float32 scalars")
    def test_float32_and_float16_stay(self):
        functions = {name: row[0] for name, row in UNARY.items()}
        for name, (function, _) in BINARY.items():
            functions[name] = lambda x, f=function: f(x, x)
            functions[f"{name} 2"] = lambda x, f=function: f(x, 2)
            functions[f"2.0 {name}"] = lambda x, f=function: f(2.0, x)
        for axis, keepdims in product((None, 0, (0, 1)), (False, True)):
            for name, (f, _) in REDUCTIONS.items():
                functions[f"{name}, {axis}, {keepdims}"] = (
                    lambda x, f=f, axis=axis, keepdims=keepdims: f(x, axis, keepdims)
                )
        functions["@"] = lambda x: x @ x
        functions["tensordot"] = lambda x: tensordot(x, x, 1)
        functions["T"] = lambda x: x.T
        functions["[]"] = lambda x: x[0, [1, 1]]
        functions["where"] = lambda x: where(x > 0.4, x, 2.0)
        functions["clip"] = lambda x: x.clip(0, 2.5)
        functions["reshape"] = lambda x: x.reshape(-1)
        functions["concatenate"] = lambda x: concatenate([x, x])
        functions["stack"] = lambda x: stack([x, x])
        functions["einsum"] = lambda x: einsum("ij,jk,j->i", x, x, x[0])
        for dtype, name in product((np.float32, np.float16), functions):
            with self.subTest(name, dtype=dtype):
                x = Value(np.full((2, 2), 0.5, dtype))
                y = functions[name](x)
                y.backward()
                self.assertEqual(y.dtype, dtype)
                self.assertEqual(y.grad.dtype, dtype)
                self.assertEqual(x.grad.dtype, dtype)
                self.assertEqual(x.grad.shape, (2, 2))

    def test_each_operand_keeps_its_own(self):
        a = Value(np.array([1, 2], np.float32))
        b = Value(np.array([3.0, 4.0]))
        c = Value(np.array([5, 6], np.int32))
        d = Value(np.array([True, False]))
        y = a * b + a * c + d * b
        y.backward()
        self.assertEqual(y.dtype, np.float64)
        for value, expected, dtype in [
            (a, [8, 10], np.float32),
            (b, [2, 2], np.float64),
            (c, [1, 2], np.float64),
            (d, [3, 4], np.float64),
        ]:
            self.assert_equal(value.grad, expected)
            self.assertEqual(value.grad.dtype, dtype)

    def test_gradients_have_native_bytes(self):
        for dtype in (">f8", "<f8", ">f4", "<f4"):
            x = Value(np.array([1, 2], dtype))
            for y in (x * 2, x + 1, x.sum(), x * np.ones((3, 2))):
                y.backward()
                self.assertEqual(x.grad.dtype, np.dtype(dtype).type)

    def test_joined_ones_keep_their_own(self):
        for function in (concatenate, stack, lambda values: where([True], *values)):
            a, b = Value(np.ones(2, np.float32)), Value(np.ones(2))
            y = function([a, b])
            y.backward()
            self.assertEqual(y.dtype, np.float64)
            self.assertEqual((a.grad.dtype, b.grad.dtype), (np.float32, np.float64))

    def test_gradients_of_integers(self):
        for name, function in {
            "abs": abs,
            "sin": Value.sin,
            "cos": Value.cos,
            "sigmoid": Value.sigmoid,
            "maximum": lambda x: x.maximum([1, 1, 1]),
            "clip": lambda x: x.clip(1, 2),
            "max": Value.max,
            "min": Value.min,
            "logsumexp": Value.logsumexp,
            "where": lambda x: where(x > 1, 300.5 * x, 0),
            "reshape": lambda x: x.reshape(3, 1) * 300.5,
            "concatenate": lambda x: concatenate([x, 300.5 * x, [0]]),
            "einsum": lambda x: einsum("i,i", x, 300.5 * x),
        }.items():
            exact = Value(np.array([3.0, 0.0, 1.0]))
            function(exact).backward()
            for dtype in (np.int8, np.uint8, np.int64):
                with self.subTest(name, dtype=dtype):
                    x = Value(np.array([3, 0, 1], dtype))
                    function(x).backward()
                    self.assertEqual(x.grad.dtype, np.float64)
                    # NumPy computes sines and exponentials of int8 as float16
                    rtol = 1e-12 if dtype is np.int64 else 2e-3
                    np.testing.assert_allclose(x.grad, exact.grad, rtol)

    def test_numpy_scalars(self):
        for scalar in (np.float32(0.5), np.float16(0.5), np.float64(0.5)):
            x = Value(scalar)
            y = (x * x).exp()
            y.backward()
            self.assertEqual(y.dtype, scalar.dtype)
            self.assertEqual(np.asarray(x.grad).dtype, scalar.dtype)
            self.assertEqual(np.shape(x.grad), ())

    def test_integers_and_booleans(self):
        x = Value([1, 2, 3])
        y = x + 2 * x
        self.assert_equal(y.data, [3, 6, 9])
        self.assertEqual(y.dtype.kind, "i")
        self.assertEqual(Value([True, False]).sum().data, 1)
        self.assertEqual(Value([1, 2]).mean().data, 1.5)
        self.assert_equal((Value([1, 2]) / 2).data, [0.5, 1.0])
        for dtype in (bool, np.int8, np.uint8, np.int64):
            x = Value(np.ones(2, dtype))
            (x * 300.5).backward()
            self.assert_equal(x.grad, [300.5, 300.5])
            self.assertEqual(x.grad.dtype, np.float64)
            if dtype is bool:  # so is its sum
                with self.assertRaisesRegex(TypeError, "got booleans"):
                    (x + x).backward()
                continue
            (x + x).backward()
            self.assert_equal(x.grad, [2, 2])

    def test_number_of_another_type(self):
        v = Value(2)
        y = v * v
        v.data = 2.5
        self.assertEqual(y.forward(), 6.25)

    def test_a_bool_of_pythons_is_numpys(self):
        for other in (3.0, np.array([3.0, 4.0]), True):
            x, z = Value(2.0), Value(other)
            y = x * z + x
            x.data = True
            expected = (Value(True) * z + Value(True)).data
            self.assert_equal(y.forward(), expected)
            self.assertEqual(y.dtype, np.result_type(expected))
            self.assertIs(type(x.data), np.bool_)
        x = Value(2.0)
        y = x * 3.0
        x.data = True
        y.backward()
        self.assertEqual(x.grad, 3.0)
        program = compiled(y, wrt=x)
        x.data = False
        self.assertEqual((program(), x.grad), (0.0, 3.0))

    def test_array_of_no_axes_for_a_number(self):
        x = Value(shape=(), name="x")
        for y in (x.sum(), x.mean(), x * 1):
            self.assertEqual(y.forward(x=np.array(2.0)), 2)
            y.backward()
            self.assertEqual(x.grad, 1)

    def test_array_of_no_axes_used_twice(self):
        x = Value(np.array(3.0))
        (x * x + x).backward()
        self.assertIsInstance(x.grad, np.ndarray)
        self.assertEqual(x.grad, 7)

    def test_small_integers_have_exact_gradients(self):
        # 200 * 2 would not fit into uint8
        x = Value(np.array([200], np.uint8))
        (x**2).backward()
        self.assert_equal(x.grad, [400])


if __name__ == "__main__":
    unittest.main()
