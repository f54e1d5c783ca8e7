"""A model's parameters as one vector and back."""

import unittest

import numpy as np
from testing import ValueTest, needs, numbers

from micrograd import Value, compiled, nn
from micrograd.vectors import (
    gradients_to_vector,
    parameters_to_vector,
    vector_to_parameters,
)


class TestVectors(ValueTest):
    def setUp(self):
        self.model = nn.MLP(2, [3, 1], rng=np.random.default_rng(0))

    def test_there_and_back(self):
        model = self.model
        before = model.state_dict()
        vector = parameters_to_vector(model)
        expected = np.concatenate([x.ravel() for x in before.values()])
        self.assert_equal(vector, expected)
        vector_to_parameters(2 * vector, model)
        for name, x in model.state_dict().items():
            self.assert_equal(x, 2 * before[name])
        self.assert_equal(vector, expected)  # a copy
        self.assert_equal(parameters_to_vector(model.parameters()), 2 * vector)
        self.assert_equal(parameters_to_vector({"net": model}), 2 * vector)

    def test_gradients(self):
        loss = (self.model(numbers((4, 2))) ** 2).sum()
        with self.assertRaisesRegex(ValueError, r"wrt\[0\] .*has no gradient"):
            gradients_to_vector(self.model)
        loss.backward(wrt=self.model)
        vector, gradient = parameters_to_vector(self.model), None
        gradient, step = gradients_to_vector(self.model), 1e-6
        for i in range(len(vector)):
            sums = []
            for sign in (1, -1):
                moved = vector.copy()
                moved[i] += sign * step
                vector_to_parameters(moved, self.model)
                sums.append(loss.forward())
            difference = (sums[0] - sums[1]) / (2 * step)
            self.assertAlmostEqual(gradient[i], difference, 5)

    def test_dtypes_and_numbers(self):
        a, b, c = Value(np.ones((2, 1), "f4")), Value(2.0), Value(np.float32(3))
        vector = parameters_to_vector([a, b, c, a])
        self.assertEqual((vector.dtype, vector.shape), (np.float64, (4,)))
        self.assertEqual(parameters_to_vector([a, c]).dtype, np.float32)
        vector_to_parameters([1, 2, 3, 4], [a, b, c, a])
        self.assert_equal(a.data, [[1], [2]])
        self.assertEqual(a.data.dtype, np.float32)
        self.assertIs(type(b.data), float)
        self.assertIs(type(c.data), np.float32)
        self.assertEqual((b.data, c.data), (3, 4))
        self.assert_equal(parameters_to_vector([]), np.zeros(0))

    def test_what_does_not_fit(self):
        model, before = self.model, parameters_to_vector(self.model)
        n = len(before)
        for vector, wrt, kind, words in [
            (np.ones(n + 1), model, ValueError, rf"\({n},\), got \({n + 1},\)"),
            (np.ones((1, n)), model, ValueError, r"expected shape"),
            (np.ones(n, complex), model, TypeError, "real numbers, got complex128"),
            (["a"] * n, model, TypeError, "real numbers, got <U1"),
            (np.ones(1), Value(1.0) * 2, ValueError, "got an expression"),
            (np.ones(1), Value(shape=(), name="x"), ValueError, "lazy Value x"),
            (np.ones(1), 3.0, TypeError, "expected Values"),
        ]:
            with self.subTest(words), self.assertRaisesRegex(kind, words):
                vector_to_parameters(vector, wrt)
        self.assert_equal(parameters_to_vector(model), before)

    @needs("scipy")
    def test_scipys_minimisers(self):
        """They find the least squares that linear algebra finds."""
        from scipy.optimize import minimize

        x, y = numbers((20, 3)), numbers((20,), 1)
        model = nn.Neuron(3, nonlin=False)
        step = compiled(((model(x) - y) ** 2).mean(), wrt=model)

        def loss_and_gradient(vector):
            vector_to_parameters(vector, model)
            return step(), gradients_to_vector(model)

        expected = np.linalg.lstsq(np.c_[x, np.ones(20)], y, rcond=None)[0]
        for method in ("BFGS", "L-BFGS-B", "Newton-CG"):
            with self.subTest(method):
                start = np.zeros(4)
                found = minimize(loss_and_gradient, start, jac=True, method=method)
                self.assert_close(found.x, expected, 1e-3)


if __name__ == "__main__":
    unittest.main()
