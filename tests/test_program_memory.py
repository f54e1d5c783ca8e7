"""The memory of programs: what is kept, overwritten, shared with nobody, and freed."""

import copy
import gc
import linecache
import tracemalloc
import unittest
import weakref
from types import SimpleNamespace

import numpy as np
from testing import ProgramTest, numbers

from micrograd import Value, compiled, concatenate, nn, operator, where
from micrograd.program import memory
from micrograd.program.record import Line, Recorded, Tape


class TestGradients(ProgramTest):
    def test_are_their_own_arrays(self):
        a, b, c = (Value(np.array([1.0, 2.0])) for _ in range(3))
        y = (a + b + c * 1).sum()
        step = compiled(y, wrt=[a, b, c])
        step()
        gradients = [x.grad for x in (a, b, c)]
        for i, gradient in enumerate(gradients):
            self.assertTrue(gradient.flags.writeable and gradient.flags.forc)
            for other in gradients[:i]:
                self.assertFalse(np.shares_memory(gradient, other))
            gradient *= i + 2
        for i, gradient in enumerate(gradients):
            self.assert_equal(gradient, np.full(2, i + 2.0))
        step()  # whatever was done to them
        for x in (a, b, c):
            self.assert_equal(x.grad, [1, 1])

    def test_that_are_equal_are_two_arrays(self):
        a, b = Value(np.array([1.0, 2.0])), Value(np.array([3.0, 4.0]))
        compiled((a + b).exp().sum(), wrt=[a, b])()
        self.assert_close(a.grad, np.exp([4.0, 6.0]), 1e-12)
        self.assert_equal(a.grad, b.grad)
        self.assertFalse(np.shares_memory(a.grad, b.grad))

    def test_are_overwritten_by_the_next_call(self):
        x = Value(np.array([1.0, 2.0]))
        step = compiled((x * x).sum(), wrt=x)
        step()
        first = x.grad
        x.data = np.array([5.0, 6.0])
        step()
        self.assertIs(x.grad, first)
        self.assert_equal(first, [10, 12])

    def test_fed_again(self):
        x, w = Value(shape=(2,), name="x"), Value(np.array([2.0, 5.0]))
        for wrt in ([w, x], [x, w]):
            step = compiled((x * x * w * w).sum(), wrt=wrt)
            step(x=np.array([1.0, 0.5]))
            for gradient in (w.grad, x.grad):  # or a view of it, is the next x
                for view in (gradient, gradient[::-1]):
                    gradient[:] = [1.0, 0.25]
                    fed = view.copy()
                    y = step(x=view)
                    self.assert_equal(y, (fed**2 * w.data**2).sum())
                    self.assert_equal(w.grad, 2 * fed**2 * w.data)
                    self.assert_equal(x.grad, 2 * fed * w.data**2)

    def test_set_as_data(self):
        w = Value(np.array([1.0, 2.0]))
        step = compiled((w * w * w).sum(), wrt=w)
        step()
        w.data = w.grad
        before = w.data.copy()
        step()
        self.assert_equal(w.grad, 3 * before**2)

    def test_set_as_data_in_any_view(self):
        """Also where `base` is no array: a view by strides, of a buffer, of DLPack."""
        strided = np.lib.stride_tricks.as_strided
        views = {
            "itself": lambda g: g,
            "slice": lambda g: g[::-1],
            "slice of a slice": lambda g: g[1:][:-1][::-1],
            "strides": lambda g: strided(g, (4,), (8,)),
            "view of it": lambda g: strided(g, (4,), (8,))[1:][::-1],
            "buffer": lambda g: np.frombuffer(memoryview(g)),
            "transpose": lambda g: g.reshape(2, 2).T.reshape(-1),
            "copy": lambda g: g.copy(),
        }
        if hasattr(np, "from_dlpack"):
            views["DLPack"] = lambda g: np.from_dlpack(g)
        for name, view in views.items():
            with self.subTest(name):
                x, w = Value(np.arange(1.0, 5.0)), Value(np.arange(4.0))
                y = x[:2].sum() * (w * w)[:2].sum() + (w * w).sum()
                step = compiled(y, wrt=w)
                step()
                expected = view(w.grad).copy()
                w.data = view(w.grad)
                step()
                w_again = Value(expected)
                z = x[:2].sum() * (w_again * w_again)[:2].sum() + (w_again**2).sum()
                z.backward(w_again)
                self.assert_close(w.grad, w_again.grad, 1e-12)


class TestKept(ProgramTest):
    def test_nothing_given_is_written_to(self):
        rng = np.random.default_rng(0)
        x, w = Value(shape=(20, 20), name="x"), Value(rng.normal(size=(20, 20)))
        constant = rng.normal(size=(20, 20))
        y = x
        for _ in range(5):
            y = (
                (y.T @ w + constant).tanh() * x
                - y[::-1] / (1 + w * w)
                + y.reshape(400)[:20]
            )
        step = compiled(y.sum(), y.T, x, wrt=[w, x])
        fed = rng.normal(size=(20, 20))
        given = (fed, w.data, constant)
        before = copy.deepcopy(given)
        for _ in range(3):
            step(x=fed)
            for array, old in zip(given, before):
                self.assert_equal(array, old)

    def test_kept_results_never_change(self):
        rng = np.random.default_rng(0)
        x, w = Value(shape=(None, 20), name="x"), Value(rng.normal(size=(20, 20)))
        h = (x @ w).tanh()
        y = (h @ w).exp() + h
        step = compiled(y.mean(), y, h, h.T, y[0], x, w, wrt=[w, h])
        kept = []
        for n in (20, 20, 3, 20, 1, 20):
            results = step(x=rng.normal(size=(n, 20)))
            kept += [(array, array.copy()) for array in results]
            w.data += 0.1
        for array, before in kept:
            self.assert_equal(array, before)

    def test_long_chains_of_mixed_shapes(self):
        """Large enough for buffers, which take over one another's places."""
        for small in (memory.SMALL, 0):
            for seed in range(20):
                with self.subTest(small=small, seed=seed):
                    self.addCleanup(setattr, memory, "SMALL", memory.SMALL)
                    memory.SMALL = small
                    self.assert_as_engine(*self.chain(seed))

    def chain(self, seed):
        rng = np.random.default_rng(seed)
        n = 12
        choices = [
            lambda a, b: a * b,
            lambda a, b: a.T + b,
            lambda a, b: (a @ b) / n,
            lambda a, b: a.tanh(),
            lambda a, b: a - b.mean(axis=0),
            lambda a, b: a[::-1] * b.sum(axis=1, keepdims=True).tanh(),
            lambda a, b: a.reshape(2, -1).reshape(n, n).relu(),
            lambda a, b: concatenate([a[:5], b[5:]]),
            lambda a, b: where(a > b, a, b * 0.5),
            lambda a, b: a.maximum(b) - a[0],
            lambda a, b: a * a.max(axis=-1, keepdims=True).tanh(),
            lambda a, b: a[[0, 0, *range(2, n)]] + b,
            lambda a, b: (b + a[..., None].sum(-1)).sigmoid(),
            lambda a, b: nn.softmax(a) * b,
        ]
        picks = rng.integers(len(choices), size=25)
        places = rng.integers(4, size=(25, 2))

        def function(*values):
            made = list(values)
            for pick, (i, j) in zip(picks, places):
                made.append(choices[pick](made[-1 - i % 3], made[-1 - j % len(made)]))
            return (made[-1] * made[-2] + made[-3]).tanh()

        return function, *rng.normal(size=(3, n, n)).clip(-2, 2)

    def test_views_are_returned_as_new_arrays(self):
        x = Value(shape=(40, 40), name="x")
        for view in (
            lambda x: x.T,
            lambda x: x.reshape(-1),
            lambda x: np.einsum("ij->ji", x),
            lambda x: np.einsum("ii->i", x),
        ):
            for y in (view(x), view(x * 2)):
                for is_transposed in (False, True):
                    step = compiled(y)
                    data = numbers((40, 40))
                    step(x=data.T if is_transposed else data)  # as it is recorded
                    for fed in (data, np.asfortranarray(data)):
                        result = step(x=fed)
                        before = result.copy()
                        self.assertFalse(np.shares_memory(result, fed))
                        step(x=data + 1)
                        self.assert_equal(result, before)

    def test_gradients_that_are_views_last_to_the_end(self):
        def function(x, *weights):
            for w in weights:
                x = (x * w.T).sin()
            return x

        self.assert_as_engine(function, *[numbers((20, 20), seed=i) for i in range(4)])

    def test_views_that_were_copies_when_recorded(self):
        """As of results in the order "F", for which the program has buffers in "C"."""
        a, b, c, v = (Value(numbers((32, 32), seed=i)) for i in range(4))
        v.data = np.asfortranarray(v.data)
        first = np.repeat(a, [1] * 32, axis=0)
        second = np.repeat(b.sin() * c, [1] * 32, axis=0)
        y = ((first + second) * v.exp()).sum()
        compiled(y, wrt=[a, b])()
        self.assert_close(a.grad, np.exp(v.data), 1e-12)
        self.assert_close(b.grad, np.exp(v.data) * np.cos(b.data) * c.data, 1e-12)

    def test_what_a_users_operator_returned_is_its_own(self):
        state, x, returned = np.zeros(3), Value(numbers(3)), []
        same = operator("same", lambda x: returned[-1] if returned else x, None)
        step = compiled(same(x * 2))
        step()  # when it is recorded it returns its operand
        returned.append(state)
        self.assertFalse(np.shares_memory(step(), state))

    def test_gradients_that_a_users_operator_keeps(self):
        kept = []
        keep = operator("keep", lambda x: x * 2, lambda g, y, x: kept.append(g) or g)
        x = Value(numbers(3))
        h = keep(x)
        step = compiled((h * h).sum(), wrt=[h, x])
        step()
        step()
        before = kept[-1].copy()
        x.data = x.data + 1
        step()
        self.assert_equal(kept[-2], before)


class TestPlaces(ProgramTest):
    """Where the results of a function are written to."""

    def slots(self, function, *data):
        """Of a result and, maybe, a gradient."""
        tape = Tape()
        inputs = [Recorded(tape, Line("given", x)) for x in data]
        y = function(*inputs)
        y, *gradients = [x.line for x in (y if isinstance(y, tuple) else (y,))]
        recording = SimpleNamespace(results=[y], gradients=gradients, lines=tape.lines)
        made = memory.Memory(recording)
        for lines in made.let_go(0).values():
            self.assertFalse({*lines} & {*made.buffers})
        return [made.buffers[x].slot for x in tape.lines if x in made.buffers]

    def test_are_taken_over_by_what_fits(self):
        x, row, larger = numbers((20, 20)), numbers(200), numbers((25, 25))
        batch, large = numbers((2, 20, 20)), numbers((90, 90))
        total = lambda x: np.add.reduce(np.exp(x), axis=None)
        for name, function, data, expected in (
            ("in place", lambda x: np.cos(np.exp(x)) * 2 + 1, [x], [0, 0, 0]),
            ("still used", lambda x: np.exp(x) * np.cos(x) + 1, [x], [0, 1, 0]),
            ("as large", lambda x, y: total(x) + np.exp(y) + 1, [larger, x], [0, 0, 0]),
            ("too large", lambda x, y: total(x) + np.exp(y) + 1, [large, x], [0, 1, 1]),
            ("a view", lambda x: self.added_to_its_transpose(np.exp(x)), [x], [0, 1]),
            ("products", lambda x: self.squared(np.exp(x)) + 1, [batch], [0, 1]),
            ("kept", lambda x: (np.sin(x) + 1, np.transpose(np.exp(x))), [x], [0]),
            ("unused", lambda x: [np.where(x > 1, x, x), np.exp(x)][1], [x], []),
            ("a row", lambda x, y: np.exp(x) + y + 1, [row, numbers((3, 200))], [0, 1]),
            ("small", lambda x: np.exp(x) + 1, [numbers(127)], []),
            ("a kilobyte", lambda x: np.exp(x) + 1, [numbers(128)], [0]),
            ("a mask", lambda x: np.logical_not(np.exp(x) > 1), [large], [0, 1]),
        ):
            with self.subTest(name):
                self.assertEqual(self.slots(function, *data), expected)

    def added_to_its_transpose(self, x):
        return x + np.transpose(x) + 1

    def squared(self, x):
        return np.matmul(x, x)


class TestFreed(ProgramTest):
    def test_is_freed_with_its_last_name(self):
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        x = Value(np.ones((500, 500)))
        y = (((x * 2).tanh() * x + 1).exp() * x).sum()
        before, _ = tracemalloc.get_traced_memory()
        files = {*linecache.cache}
        step = compiled(y, wrt=x)
        step()
        self.assertGreater(len({*linecache.cache} - files), 0)
        self.assertGreater(tracemalloc.get_traced_memory()[0] - before, 2e6)
        reference = weakref.ref(step)
        code = weakref.ref(step._last)
        del step
        x.grad = None
        self.assertIsNone(reference())
        self.assertIsNone(code())
        self.assertEqual({*linecache.cache} - files, set())
        self.assertLess(tracemalloc.get_traced_memory()[0] - before, 3e5)

    def test_is_freed_after_an_error(self):
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        x, i = Value(np.array([1.0, 2.0])), Value(shape=(), name="i", dtype=int)
        step = compiled(x[i] * 2)
        step(i=1)
        with self.assertRaises(IndexError):
            step(i=7)
        reference = weakref.ref(step)
        del step
        self.assertIsNone(reference())

    def test_the_expression_lives_as_long_as_its_program(self):
        step = compiled(Value(np.ones(3)).exp().sum())
        self.assert_close(step(), 3 * np.e)


class TestViews(unittest.TestCase):
    def test_of_what_was_simplified(self):
        w = Value(np.linspace(0.1, 1, 400).reshape(20, 20))
        for view in (np.flip, np.rot90, np.diag, np.ravel, np.atleast_2d):
            with self.subTest(view.__name__):
                program = compiled(view(w.exp() * 1.0))
                result = program()
                kept = result.copy()
                w.data = w.data + 1
                program()
                np.testing.assert_array_equal(result, kept)
                self.assertFalse(np.shares_memory(compiled(view(w * 1.0))(), w.data))
        y = np.flip(w.maximum(w), 0).tanh().sum()
        y.backward(wrt=w)
        expected = w.grad
        compiled(y, wrt=w)()
        np.testing.assert_allclose(w.grad, expected)


if __name__ == "__main__":
    unittest.main()
