"""Gradients: of what, with respect to what, and whose memory they have."""

import unittest
from itertools import permutations, product

import numpy as np
from testing import BINARY, FUNCTIONS, SHAPES, ValueTest, are_broadcastable, numbers

from micrograd import Value, concatenate, einsum, operator, stack, where


class TestKnownResults(ValueTest):
    def test_numbers(self):
        a, b = Value(-3.0), Value(2.0)
        c = (a * b + b**3).relu() - a / b + (1 - b).relu()
        c.backward()
        self.assertEqual((c.data, a.grad, b.grad), (3.5, 1.5, 8.25))

    def test_used_twice(self):
        x = Value(np.array([3.0, -1.0]))
        square = x * x
        (square + square).backward()
        self.assert_equal(x.grad, [12, -4])
        (x**2 + 3 * x).backward()
        self.assert_equal(x.grad, [9, 1])

    def test_of_sums(self):
        # whose gradients are one number, repeated; those of a product are not
        x, y = Value(numbers((4, 3)) - 1), Value(numbers((4, 3), seed=1) - 1)
        for name, function in FUNCTIONS.items():
            z = function(x, y)
            full = z * np.ones(z.shape)
            by_row = lambda z: z.sum(tuple(range(z.ndim))[1:], keepdims=True).sin()
            for reduce in (Value.sum, Value.mean, by_row):
                with self.subTest(name):
                    reduce(full).backward()
                    expected = x.grad, y.grad
                    reduce(z).backward()
                    for value, gradient in zip((x, y), expected):
                        self.assertEqual(value.grad is None, gradient is None)
                        if gradient is not None:
                            self.assert_close(value.grad, gradient, 1e-12)

    def test_diamond_of_views(self):
        x = Value(np.array([[1.0, 2.0], [3.0, 4.0]]))
        (x.T @ x + x.T + x).backward()  # sum of x'x: by x_ij twice the sum of row i
        self.assert_equal(x.grad, [[8, 8], [16, 16]])


class TestBackward(ValueTest):
    def test_twice_gives_the_same_in_new_arrays(self):
        a, b = Value(np.array([[1.0, 2.0]])), Value(np.array([[3.0], [4.0]]))
        c = a * b
        d = (c + a).tanh() @ b
        values = (a, b, c, d)
        for wrt in (None, (a, b, c, d)):
            d.backward(wrt)
            first = [value.grad for value in values]
            copies = [np.copy(gradient) for gradient in first]
            d.backward(wrt)
            for value, old, expected in zip(values, first, copies):
                self.assertIsNot(value.grad, old)
                self.assertFalse(np.shares_memory(value.grad, old))
                self.assert_equal(value.grad, expected)
                value.grad.setflags(write=False)  # nobody may write into it later
                self.assert_equal(old, expected)

    def test_a_leaf(self):
        x = Value(2.0)
        x.backward()
        self.assertEqual(x.grad, 1.0)
        x = Value(np.zeros((2, 3), np.float32))
        x.backward()
        self.assert_equal(x.grad, np.ones((2, 3)))
        self.assertEqual(x.grad.dtype, np.float32)

    def test_seed_is_ones_of_the_roots_shape(self):
        x = Value(np.array([[1.0, 2.0], [3.0, 4.0]]))
        y = x * x
        y.backward()
        self.assert_equal(y.grad, np.ones((2, 2)))
        self.assert_equal(x.grad, 2 * x.data)

    def test_wrt(self):
        a, b, x = Value(2.0), Value(3.0), Value(5.0)
        c = a * b
        d = c.exp() * 0 + c * x
        gradients = {a: 15.0, b: 10.0, x: 6.0, c: 5.0, d: 1.0}
        for wrt in [(a,), (b, x), (x,), (c,), (d,), (a, c, d), (c, c), (a, b, c, d, x)]:
            for before in (None, (x,)):  # with stale gradients of either kind
                with self.subTest(wrt=len(wrt)):
                    d.backward(before)
                    d.backward(wrt=wrt)
                    for value, expected in gradients.items():
                        self.assertEqual(value.grad, expected if value in wrt else None)
        d.backward(wrt=a)
        self.assertEqual((a.grad, b.grad, d.grad), (15.0, None, None))
        d.backward(wrt=iter([a, b]))
        self.assertEqual((a.grad, b.grad, d.grad), (15.0, 10.0, None))

    def test_wrt_gets_what_all_get(self):
        # under sums, whose gradients may come unexpanded
        for (name, (function, _)), left, right in product(
            BINARY.items(), SHAPES, SHAPES
        ):
            if not are_broadcastable(left, right):
                continue
            a, b = Value(numbers(left)), Value(numbers(right, seed=1))
            c = function(a, b)
            d = c.sin()
            with self.subTest(name, left=left, right=right):
                for y in (c.sum(), d.sum(), d.sum() + c.sum(), (d * 1.0).sum()):
                    y.backward()
                    values = [v for v in (a, b, c, d) if v.grad is not None]
                    expected = [v.grad for v in values]
                    for wrt in ([a, b], [a], [b, c], values):
                        y.backward(wrt)
                        for value, gradient in zip(values, expected):
                            if value in set(wrt):
                                self.assert_equal(value.grad, gradient)
                            else:
                                self.assertIsNone(value.grad)

    def test_wrt_nothing(self):
        a = Value(np.ones(2))
        b = a * 2
        b.backward()
        b.backward(wrt=[])
        self.assertEqual((a.grad, b.grad), (None, None))

    def test_wrt_leads_through_kept_ones(self):
        x = Value(np.array([1.0, 2.0]))
        y = x * 2
        z = y * y
        z.backward(wrt=[x, y])
        self.assert_equal(y.grad, [4, 8])
        self.assert_equal(x.grad, [8, 16])

    def test_wrt_skips_other_branches(self):
        def never(g, y, x):
            raise AssertionError("this branch leads to no wrt")

        double = operator("double", lambda x: 2 * x, never)
        a, b = Value(1.0), Value(2.0)
        (a * 3 + double(b)).backward(wrt=a)
        self.assertEqual(a.grad, 3)

    def test_wrt_a_stranger(self):
        a, b = Value(2.0), Value(3.0)
        c = a * b
        c.backward()
        above = c * 2
        for stranger in (Value(2.0), above):
            for wrt in (stranger, [a, stranger]):
                with self.assertRaises(ValueError):
                    c.backward(wrt=wrt)
                self.assertEqual((a.grad, b.grad, c.grad), (3.0, 2.0, 1.0))

    def test_no_gradient_for_what_is_outside(self):
        a = Value(2.0)
        b, c = a * 3, a * 5
        c.backward()
        b.backward()
        self.assertEqual((a.grad, b.grad, c.grad), (3.0, 1.0, 1.0))

    def test_leaf_gradients_are_their_own(self):
        def shared(a, b):
            c = a + b
            d = c - a
            return [c, d, (d * 1).T, a.T, b.sum(0), c + d + a.T.T]

        m, n, o = np.ones((2, 2)), np.full((2, 2), 2.0), np.array(3.0)
        for name, build in {
            "+": lambda a, b: [a + b],
            "+ and itself": lambda a, b: [a + a + b],
            "-": lambda a, b: [a - b],
            "* 1": lambda a, b: [a * 1 + b / 1],
            "T": lambda a, b: [a.T, b.T, a.T + b.T],
            "T of T": lambda a, b: [a.T.T + b],
            "sum": lambda a, b: [a.sum() + b.sum()],
            "sums": lambda a, b: [a.sum(), b.sum(), a.sum() + b.sum()],
            "sum of axis": lambda a, b: [(a + b).sum(0)],
            "sum of no axis": lambda a, b: [a.sum(()) + b.mean(())],
            "mean": lambda a, b: [a.mean(0, keepdims=True) + b.mean()],
            "[]": lambda a, b: [a[...] + b[..., None].sum(-1)],
            "@": lambda a, b: [a @ b],
            "list": lambda a, b: [[a, b] * Value(1.0)],
            "stack": lambda a, b: [stack([a, b])],
            "concatenate": lambda a, b: [concatenate([a, b])],
            "concatenate one": lambda a, b: [concatenate([a]) + stack([b])[0]],
            "reshape": lambda a, b: [a.reshape(-1) + b.reshape(4)],
            "reshape to itself": lambda a, b: [a.reshape(a.shape) + b],
            "transpose": lambda a, b: [a.transpose(1, 0) + b.transpose(0, 1)],
            "where": lambda a, b: [where([True, False], a, b)],
            "where all": lambda a, b: [where(True, a, a) + b],
            "maximum": lambda a, b: [a.maximum(b)],
            "clip": lambda a, b: [a.clip(0, 9), a.clip(0, b)],
            "max": lambda a, b: [a.max(0) + b.max()],
            "max of no axis": lambda a, b: [a.max(()) + b.min(())],
            "logsumexp": lambda a, b: [a.logsumexp() + b.logsumexp(1)],
            "einsum": lambda a, b: [einsum("ij,jk", a, b)],
            "einsum of views": lambda a, b: [einsum("ij->ji", a) + einsum("ij", b)],
            "einsum of sums": lambda a, b: [einsum("ij->", a) + einsum("ij->i", b)],
            "shared": shared,
        }.items():
            for a, b in [(m, n), (m.T, n), (m, o), (o, m), (o, np.array(6.0))]:
                if min(np.ndim(a), np.ndim(b)) == 0 and name not in ("+", "-", "* 1"):
                    continue
                with self.subTest(name, a=a.shape, b=b.shape):
                    a, b = Value(a.copy("K")), Value(b.copy("K"))
                    values = build(a, b)
                    for wrt in (None, None, [a, b], [a, b], [a, b, values[-1]]):
                        values[-1].backward(wrt)
                        self.assert_own(a, [b, *values])
                        self.assert_own(b, [a, *values])

    def assert_own(self, leaf, others):
        gradient = leaf.grad
        self.assertIsInstance(gradient, np.ndarray)
        self.assertTrue(gradient.flags.writeable)
        self.assertTrue(gradient.flags.forc)
        self.assertFalse(np.shares_memory(gradient, leaf.data))
        for other in others:
            for array in (other.data, other.grad):
                if array is not None:
                    self.assertFalse(np.shares_memory(gradient, array))

    def test_own_gradients_from_a_users_operator(self):
        # derivatives that hand out an array of somebody else
        for name, by_a in {
            "g": lambda g, y, a, b: g,
            "view of g": lambda g, y, a, b: g[:],
            "b": lambda g, y, a, b: b,
            "reversed b": lambda g, y, a, b: b[::-1],
        }.items():
            pick = operator("pick", np.add, by_a, lambda g, y, a, b: -g)
            with self.subTest(name):
                a, b = Value(np.array([1.0, 2.0])), Value(np.array([3.0, 4.0]))
                y = pick(a, b)
                for wrt in (None, None, [a, b]):
                    y.backward(wrt)
                    self.assert_own(a, [b, y])
                    self.assert_own(b, [a, y])

    def test_layout_of_a_gradient(self):
        for order in permutations(range(3)):
            x = Value(numbers((2, 3, 4)).transpose(order).copy("K"))
            for y in (x.exp(), x.transpose(order).exp(), x.exp().sum()):
                for wrt in (None, x):
                    with self.subTest(order=order, y=y.shape, wrt=wrt is x):
                        y.backward(wrt)
                        self.assert_own(x, [y])

    def test_clipping_in_place_does_not_last(self):
        a, b = Value(np.ones(3)), Value(np.ones(3))
        y = (a + b).sum() + (a * b).sum()
        for _ in range(3):
            y.backward(wrt=[a, b])
            self.assert_equal(a.grad, [2, 2, 2])
            self.assert_equal(b.grad, [2, 2, 2])
            a.grad *= 0
            self.assert_equal(b.grad, [2, 2, 2])

    def test_other_data_in_a_leaf(self):
        x, w = Value(np.ones((2, 3))), Value(np.ones(3))
        y = (x * w).relu()
        rng = np.random.default_rng(0)
        for data, weights in [
            (rng.uniform(1, 2, (2, 3)), rng.uniform(1, 2, 3)),
            (rng.uniform(1, 2, (5, 3)), rng.uniform(1, 2, 3)),
            (rng.uniform(1, 2, (5, 1)), rng.uniform(1, 2, 4)),
            (rng.uniform(1, 2, (3, 5)).T, rng.uniform(1, 2, (5, 1))),
            (rng.uniform(1, 2, 3).astype(np.float32), rng.uniform(1, 2, 3)),
            (np.arange(1, 4), np.float32([1, 2, 3])),
            (2.0, rng.uniform(1, 2, (2, 3))),
            (np.array(2.0), np.array([3.0])),
            (2.0, 3.0),
            (2, 3.0),
            (rng.uniform(1, 2, (2, 3)), rng.uniform(1, 2, 3)),
            (np.zeros((0, 3)), np.ones(3)),
        ]:
            with self.subTest(x=data, w=weights):
                x.data, w.data = data, weights
                self.assert_equal(y.forward(), np.multiply(data, weights))
                for _ in range(2):
                    y.backward()
                    for value, other in [(x, weights), (w, data)]:
                        full = np.broadcast_to(other, np.shape(y.data)).astype(float)
                        lead = full.ndim - np.ndim(value.data)
                        expected = full.sum(axis=tuple(range(lead)))
                        for i, length in enumerate(np.shape(value.data)):
                            if length == 1:
                                expected = expected.sum(axis=i, keepdims=True)
                        self.assert_close(value.grad, expected)
                        if value.dtype.kind == "f":
                            self.assertEqual(np.asarray(value.grad).dtype, value.dtype)

    def test_other_layout_in_a_leaf(self):
        # same shape and dtype, but what is computed from it lies otherwise in memory
        data = numbers((3, 3, 3))
        a, b = Value(data.copy()), Value(data.copy())
        y = (a * b).sum()
        for layout in [(0, 1, 2), (0, 2, 1), (2, 1, 0), (1, 0, 2), (1, 2, 0)]:
            with self.subTest(layout=layout):
                b.data = data.transpose(layout)
                y.forward()
                y.backward()
                self.assert_equal(a.grad, b.data)
                self.assert_own(a, [b, y])

    def test_a_choice_of_changing_length_under_a_sum(self):
        x = Value([1.0, -2.0, 3.0])
        y = x[x > 0].sum()
        for data in ([1.0, -2.0, 3.0], [1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]):
            x.data[:] = data
            self.assertEqual(y.forward(), np.maximum(data, 0).sum())
            y.backward()
            self.assert_equal(x.grad, np.greater(data, 0))

    def test_same_order_every_time(self):
        # sums of floats depend on their order, so equal bits need an equal order
        rng = np.random.default_rng(0)
        data = rng.normal(size=(3, 50))

        def gradients():
            a, b, c = map(Value, data)
            y = ((a * b).tanh() + a * c + b / (c * c + 1)) * (a + b + c)
            y.backward()
            return [a.grad, b.grad, c.grad]

        for first, second in zip(gradients(), gradients()):
            self.assert_equal(first, second)

    def test_two_expressions_over_one(self):
        x = Value(shape=(), name="x")
        shared = x * x
        a, b = shared + 1, shared * x
        a.forward(x=2.0)
        b.forward(x=3.0)
        b.backward()
        self.assertEqual((b.data, x.grad), (27, 27))
        a.forward(x=2.0)
        a.backward()
        self.assertEqual((a.data, x.grad), (5, 4))

    def test_constants_are_no_variables(self):
        array = np.ones(2)
        x = Value(np.ones(2))
        y = x * array
        y.backward()
        self.assert_equal(x.grad, [1, 1])
        array *= 3  # a constant is kept, not copied, as any array of a Value
        self.assert_equal(y.forward(), [3, 3])


if __name__ == "__main__":
    unittest.main()
