"""Derivatives as expressions, against closed forms, differences and PyTorch."""

import unittest

import numpy as np
from testing import ValueTest

from micrograd import Value, gradient

CLOSED = {  # the function, and its first three derivatives
    "x ** 4": (
        lambda x: x**4,
        lambda x: 4 * x**3,
        lambda x: 12 * x**2,
        lambda x: 24 * x,
    ),
    "x ** -1.5": (
        lambda x: x**-1.5,
        lambda x: -1.5 * x**-2.5,
        lambda x: 3.75 * x**-3.5,
        lambda x: -13.125 * x**-4.5,
    ),
    "2 ** x": (
        lambda x: 2**x,
        *(lambda x, k=k: np.log(2) ** k * 2**x for k in (1, 2, 3)),
    ),
    "1 / x": (
        lambda x: 1 / x,
        lambda x: -1 / x**2,
        lambda x: 2 / x**3,
        lambda x: -6 / x**4,
    ),
    "exp": (np.exp, np.exp, np.exp, np.exp),
    "log": (np.log, lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3),
    "log1p": (
        np.log1p,
        lambda x: 1 / (1 + x),
        lambda x: -1 / (1 + x) ** 2,
        lambda x: 2 / (1 + x) ** 3,
    ),
    "sqrt": (
        np.sqrt,
        lambda x: 0.5 * x**-0.5,
        lambda x: -0.25 * x**-1.5,
        lambda x: 0.375 * x**-2.5,
    ),
    "sin": (np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)),
    "cos": (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin),
    "tanh": (
        np.tanh,
        lambda x: 1 - np.tanh(x) ** 2,
        lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
        lambda x: (1 - np.tanh(x) ** 2) * (6 * np.tanh(x) ** 2 - 2),
    ),
    "arctanh": (
        np.arctanh,
        lambda x: 1 / (1 - x**2),
        lambda x: 2 * x / (1 - x**2) ** 2,
        lambda x: (2 + 6 * x**2) / (1 - x**2) ** 3,
    ),
    "arcsin": (
        np.arcsin,
        lambda x: (1 - x**2) ** -0.5,
        lambda x: x * (1 - x**2) ** -1.5,
        lambda x: (1 + 2 * x**2) * (1 - x**2) ** -2.5,
    ),
    "arcsinh": (
        np.arcsinh,
        lambda x: (1 + x**2) ** -0.5,
        lambda x: -x * (1 + x**2) ** -1.5,
        lambda x: (2 * x**2 - 1) * (1 + x**2) ** -2.5,
    ),
    "x * exp(x)": (
        lambda x: x * np.exp(x),
        *(lambda x, k=k: (x + k) * np.exp(x) for k in (1, 2, 3)),
    ),
    "relu": (
        lambda x: np.maximum(x, 0),
        lambda x: 1.0 * (x > 0),
        lambda x: 0 * x,
        lambda x: 0 * x,
    ),
}


class TestClosedForms(ValueTest):
    def test_three_derivatives(self):
        array = np.array([0.1, 0.3, 0.8])
        for name, (function, *derivatives) in CLOSED.items():
            for data, dtype in (
                (array, float),
                (array.astype(np.float32), np.float32),
                (0.3, float),
                (array[None, :, None], float),
            ):
                x = Value(data)
                y = function(x)
                for expected in derivatives:
                    with self.subTest(name, data=data):
                        y = gradient(y, x)
                        rtol = 1e-12 if dtype is float else 1e-5
                        self.assert_close(y.data, expected(data), rtol)
                        self.assertEqual(y.dtype, dtype)
                        self.assertIs(type(y.data), type(data))


if __name__ == "__main__":
    unittest.main()
