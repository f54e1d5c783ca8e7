"""The scalar engine and its nets: results known by hand, and finite differences."""

import random
import unittest

from micrograd import Value
from micrograd.nn import MLP, Neuron


class TestValue(unittest.TestCase):
    def test_known_results(self):
        a, b = Value(-3.0), Value(2.0)
        c = (a * b + b**3).relu() - a / b + (1 - b).relu()
        c.backward()
        self.assertEqual(c.data, 3.5)
        self.assertEqual((a.grad, b.grad), (1.5, 8.25))

    def test_used_twice(self):
        a = Value(3.0)
        square = a * a
        (square + square).backward()
        self.assertEqual(a.grad, 12.0)

    def test_numbers_on_the_left(self):
        a = Value(4.0)
        d = 2 + 3 * a - (1 - a) + 8 / a
        d.backward()
        self.assertEqual((d.data, a.grad), (19.0, 3.5))

    def test_backward_twice_gives_the_same(self):
        a = Value(1.5)
        b = a**2 * a
        b.backward()
        b.backward()
        self.assertEqual(a.grad, 6.75)

    def test_a_long_chain(self):
        a = b = Value(0.0)
        for _ in range(5000):
            b = b + 1
        b.backward()
        self.assertEqual((b.data, a.grad), (5000.0, 1.0))

    def test_only_numbers_as_exponents(self):
        with self.assertRaisesRegex(TypeError, "exponent must be a number"):
            Value(2.0) ** Value(2.0)


class TestNets(unittest.TestCase):
    def test_neuron(self):
        neuron = Neuron(2)
        neuron.w, neuron.b = [Value(0.5), Value(-1.0)], Value(1.0)
        self.assertEqual(neuron([Value(2.0), 1]).data, 1.0)
        self.assertEqual(neuron([0.0, 3.0]).data, 0.0)

    def test_gradients_of_a_perceptron(self):
        random.seed(1)
        net = MLP(3, [4, 4, 1])
        x = [0.5, -1.0, 2.0]
        self.assertEqual(len(net.parameters()), 41)
        net(x).backward()
        for p in net.parameters():
            start, h = p.data, 1e-6
            p.data = start + h
            above = net(x).data
            p.data = start - h
            below = net(x).data
            p.data = start
            self.assertAlmostEqual(p.grad, (above - below) / (2 * h), places=6)


if __name__ == "__main__":
    unittest.main()
