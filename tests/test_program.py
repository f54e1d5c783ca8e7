"""Compiled programs: what they return, set, keep, refuse and free."""

import copy
import gc
import linecache
import operator as python
import pickle
import subprocess
import sys
import tempfile
import threading
import traceback
import tracemalloc
import unittest
import warnings
import weakref
from pathlib import Path

import numpy as np

from micrograd import (
    Value,
    checkpoint,
    compiled,
    concatenate,
    nn,
    operator,
    stack,
    where,
)
from micrograd.optim import SGD, Adam, clip_grad_norm
from micrograd.program import memory
from micrograd.program.record import (
    Line,
    Recorded,
    Recording,
    Tape,
    added,
    all_bits,
    as_float,
    cast,
    kept_bits,
    placed,
)
from micrograd.program.source import is_numpys

sys.path.append(str(Path(__file__).parent))  # as pytest does
from testing import (
    BINARY,
    COMPARISONS,
    FUNCTIONS,
    REDUCTIONS,
    UNARY,
    ValueTest,
    numbers,
)


class ProgramTest(ValueTest):
    def assert_same(self, actual, expected, rtol=1e-12):
        """Equal in type, dtype, shape and, up to rounding, in numbers; nan is nan."""
        self.assertIs(type(actual), type(expected))
        self.assertEqual(np.result_type(actual), np.result_type(expected))
        self.assertEqual(np.shape(actual), np.shape(expected))
        np.testing.assert_allclose(actual, expected, rtol, atol=rtol)

    def assert_as_engine(self, function, *data):
        """Twice the results and gradients that forward() and backward() give."""
        values = [Value(x) for x in data]
        y = function(*values)
        y.backward()
        wrt = [x for x in values if x.grad is not None]
        expected = [x.grad for x in wrt]
        is_coarse = any(x.dtype == np.float32 for x in (*values, y))
        rtol = 1e-5 if is_coarse else 1e-12
        program = compiled(y, wrt=wrt)
        for _ in range(2):
            self.assert_same(program(), y.data, rtol)
            for x, gradient in zip(wrt, expected):
                self.assert_same(x.grad, gradient, rtol)


class TestResults(ProgramTest):
    def test_closed_forms(self):
        x, w = Value(shape=(None, 2), name="x"), Value(np.array([1.0, -1.0]))
        step = compiled(((x @ w) ** 2).mean(), wrt=w)
        for n in (4, 1, 4):
            data = numbers((n, 2), seed=n)
            residual = data @ [1.0, -1.0]
            self.assert_close(step(x=data), np.mean(residual**2), 1e-12)
            self.assert_close(w.grad, 2 * residual @ data / n, 1e-12)

    def test_one_is_returned_and_several_are_a_tuple(self):
        x = Value(shape=(2,), name="x")
        self.assert_equal(compiled(x * 2)(x=[1, 2]), [2, 4])
        results = compiled((x * 2).sum(), x * 2, x)(x=[1.0, 2.0])
        self.assertIs(type(results), tuple)
        for actual, expected in zip(results, (6.0, [2, 4], [1, 2])):
            self.assert_equal(actual, expected)

    def test_gradients_are_those_of_the_first(self):
        x = Value(np.array([1.0, 2.0]))
        compiled((x * x).sum(), x * 7, wrt=x)()
        self.assert_equal(x.grad, [2, 4])

    def test_a_result_need_not_depend_on_wrt_but_the_first(self):
        x, z = Value(2.0), Value(5.0)
        self.assertEqual(compiled(x * x, z + 1, wrt=x)(), (4, 6))
        self.assertEqual((x.grad, z.grad), (4, None))

    def test_the_same_one_twice_is_two_arrays(self):
        x = Value(np.array([1.0, 2.0]))
        y = x * 2
        for results in (compiled(y, y)(), compiled(x, x)(), compiled(y.T, y)()):
            self.assertFalse(np.shares_memory(*results))
            results[0][:] = 7
            self.assertFalse((results[1] == 7).any())

    def test_wrt_in_each_form(self):
        a, b = Value(np.array([1.0, 2.0])), Value(3.0)
        y = (a * b).sum()
        model = nn.MLP(2, [1])
        for wrt in (a, [a], (a, b), {"a": a, "b": b}, iter([b, a]), [a, a]):
            a.grad = b.grad = None
            program = compiled(y, wrt=wrt)
            program()
            self.assert_equal(a.grad, [3, 3])
            self.assertIn(b.grad, (None, 3))
        compiled(model(Value(np.ones((1, 2)))).sum(), wrt=model)()
        self.assertTrue(all(x.grad.shape == x.shape for x in model.parameters()))

    def test_wrt_of_results_and_lazy_values(self):
        x = Value(shape=(None,), name="x")
        h = x * x
        y = (h.exp() * h).sum()
        compiled(y, wrt=[h, x, y])(x=[0.5, 1.0])
        y.forward(x=[0.5, 1.0])
        square = np.array([0.25, 1.0])
        by_h = np.exp(square) * (square + 1)
        self.assert_close(h.grad, by_h, 1e-12)
        self.assert_close(x.grad, by_h * 2 * np.array([0.5, 1.0]), 1e-12)
        self.assertEqual(y.grad, 1)

    def test_of_leaves_alone(self):
        x = Value(np.array([1.0, 2.0]))
        y = compiled(x, wrt=x)()
        self.assert_equal(y, [1, 2])
        self.assert_equal(x.grad, [1, 1])
        y[0] = 9
        self.assert_equal(x.data, [1, 2])

    def test_inference_sets_nothing(self):
        x = Value(np.array([1.0, 2.0]))
        x.grad = "kept"
        for wrt in (None, []):
            compiled((x * x).sum(), wrt=wrt)()
            self.assertEqual(x.grad, "kept")

    def test_the_rest_of_the_expression_keeps_what_it_had(self):
        x, w = Value(shape=(None,), name="x"), Value(np.array(2.0))
        h = x * w
        y = (h * h).sum()
        y.forward(x=[1.0, 2.0])
        y.backward()
        before = [(v.data, v.grad) for v in (x, h, y)]
        compiled(y, wrt=w)(x=[5.0, 6.0, 7.0])
        for v, (data, grad) in zip((x, h, y), before):
            self.assertIs(v.data, data)
            self.assertIs(v.grad, grad)

    def test_every_function(self):
        a, b = numbers((4, 3)), numbers((4, 3), seed=1)
        for name, function in FUNCTIONS.items():
            if name != "comparison":
                with self.subTest(name):
                    weighted = lambda x, y, f=function: f(x, y) * numbers(f(x, y).shape)
                    self.assert_as_engine(weighted, a, b)

    def test_repeated_operands_and_shared_parts(self):
        a, b = numbers((3, 3)), numbers((3, 3), seed=1)
        for function in (
            lambda x, y: (x * x + x) @ x.T,
            lambda x, y: (x @ y) @ (x @ y),
            lambda x, y: (x.T @ x) * (x @ x.T),
            lambda x, y: x - x + y / y,
            lambda x, y: x[()] * y[...],
            lambda x, y: concatenate([x, x, y, x]).exp(),
            lambda x, y: (x[::-1] * x + x.T * x.reshape(9)[::4]) * y[0],
            lambda x, y: sum([x, y, x * y, y], x.sum()),
        ):
            self.assert_as_engine(function, a, b)

    def test_without_elements(self):
        for shape in ((0,), (0, 3), (2, 0)):
            self.assert_as_engine(lambda x: (x * x).exp().sum(), numbers(shape))
            self.assert_as_engine(lambda x: (x.T @ x).tanh(), numbers(shape))

    def test_layouts_of_memory(self):
        steps = numbers((6, 8))[::2, ::-2]
        swapped = numbers((3, 4)).astype(">f8")
        for data in (numbers((4, 3)).T, steps, np.asfortranarray(steps), swapped):
            x = Value(shape=(3, 4), name="x")
            w = Value(data.copy("K"))
            y = (w @ x.T).tanh() @ (x * w)
            y.forward(x=data)
            y.backward(w)
            expected = w.grad
            for _ in range(2):
                self.assert_same(compiled(y, wrt=w)(x=data), y.data)
                self.assert_same(w.grad, expected)

    def test_a_leaf_that_a_view_of_it_is_returned_of(self):
        x = Value(np.arange(6.0).reshape(2, 3))
        for view in (x.T, x[0], x.reshape(-1), x[::-1], x[None], x):
            y = compiled(view)()
            self.assertFalse(np.shares_memory(y, x.data))
            self.assertTrue(y.flags.writeable)


class TestGradients(ProgramTest):
    def test_have_the_type_of_the_data(self):
        kinds = [2.0, 3, np.float64(2), np.float32(2), np.int16(3), np.array(2.0)]
        kinds += [np.array(2, np.float32), np.array([2.0, 3]), np.array([2, 3])]
        kinds += [np.array([2, 3], np.float32), np.array([2, 3], np.float16)]
        kinds += [np.array([True, False]), np.bool_(True), np.array([2], np.uint8)]
        for data in kinds:
            with self.subTest(repr(data)):
                self.assert_as_engine(lambda x: (x * 2.5).sum(), data)
                self.assert_as_engine(lambda x: x * 1.0, data)
                self.assert_as_engine(lambda x: x[()] * 1.0, data)
                self.assert_as_engine(lambda x: x.T.reshape(-1)[0] * x * 1.0, data)

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

    def test_are_overwritten_by_the_next_call(self):
        x = Value(np.array([1.0, 2.0]))
        step = compiled((x * x).sum(), wrt=x)
        step()
        first = x.grad
        x.data = np.array([5.0, 6.0])
        step()
        self.assertIs(x.grad, first)
        self.assert_equal(first, [10, 12])

    def test_that_are_constant_or_results(self):
        x, w = Value(np.array([1.0, 2.0])), Value(np.array([3.0, 4.0]))
        h = x * w
        step = compiled(h.sum(), h, wrt=[x, w, h])
        for _ in range(2):
            total, y = step()
            self.assert_equal(x.grad, [3, 4])
            self.assert_equal(w.grad, [1, 2])
            self.assert_equal(h.grad, [1, 1])
            for v in (x, w, h):
                v.grad[:] = 0
            self.assert_equal(y, [3, 8])
        self.assert_equal(w.data, [3, 4])

    def test_that_are_returned_as_well(self):
        x = Value(np.array([1.0, 2.0]))
        y = x.exp()  # is its own derivative
        kept, _ = compiled(y, y * 1, wrt=x)()
        step = compiled(y, wrt=x)
        first = step()
        self.assertFalse(np.shares_memory(first, x.grad))
        x.grad[:] = 0
        x.data = x.data + 1
        step()
        self.assert_close(first, np.exp([1, 2]), 1e-12)
        self.assert_close(kept, np.exp([1, 2]), 1e-12)

    def test_fed_again(self):
        x, w = Value(shape=(2,), name="x"), Value(np.array([2.0, 5.0]))
        step = compiled((x * w * w).sum(), wrt=[w, x])
        step(x=np.array([1.0, 3.0]))
        for _ in range(3):  # the gradient by x, or a view of it, is the next x
            for view in (x.grad, x.grad[::-1]):
                fed = view.copy()
                y = step(x=view)
                self.assert_equal(y, (fed * w.data**2).sum())
                self.assert_equal(w.grad, 2 * fed * w.data)
                self.assert_equal(x.grad, w.data**2)

    def test_set_as_data(self):
        w = Value(np.array([1.0, 2.0]))
        step = compiled((w * w * w).sum(), wrt=w)
        step()
        w.data = w.grad
        before = w.data.copy()
        step()
        self.assert_equal(w.grad, 3 * before**2)

    def test_accumulate_by_a_copy(self):
        w, x = Value(np.zeros(2)), Value(shape=(2,), name="x")
        step, total = compiled((x * w).sum(), wrt=w), np.zeros(2)
        for data in ([1, 2], [3.0, 4], [5, 6.0]):
            step(x=np.array(data, float))
            total += w.grad
        self.assert_equal(total, [9, 12])


class TestWhatIsReadAndKept(ProgramTest):
    def test_leaves_are_read_at_each_call(self):
        x = Value(np.array([1.0, 2.0]))
        step = compiled((x * x).sum(), wrt=x)
        self.assertEqual(step(), 5)
        x.data[0] = 3
        self.assertEqual(step(), 13)
        self.assert_equal(x.grad, [6, 4])
        x.data = np.array([1.0, 1.0, 1.0])
        self.assertEqual(step(), 3)
        self.assert_equal(x.grad, [2, 2, 2])
        x.data = 4.0
        self.assertEqual(step(), 16)
        self.assertEqual(x.grad, 8)

    def test_constants_are_read_when_recorded(self):
        for constant in (2, 2.5, True, [1, 2], np.array([1.0, 2]), np.float32(2)):
            self.assert_as_engine(lambda x, c=constant: x * c + c, np.array([1.0, 3.0]))
            self.assert_as_engine(lambda x, c=constant: c - x / c, np.array([1.0, 3.0]))

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

    def test_large_arrays(self):
        """Without branches in where, and let go as soon as nobody needs them."""
        index = np.arange(99, -1, -1)
        for dtype in (float, np.float32):
            a = np.where(numbers((100, 100)) > 1.9, np.nan, numbers((100, 100)) - 1)
            a, b = a.astype(dtype), numbers((100, 100), seed=1).astype(dtype)
            b[:, 3] = np.inf
            for function in (
                lambda a, b: where(a > 0, b, 0.0) * 2 + where(a > 0, 0.5, 0.0),
                lambda a, b: where(a > 0, a * b, 0.0),
                lambda a, b: a.relu(),
                lambda a, b: where(a[0] > 0, b, 0.0) + where(b > a, b[0], 0.0),
                lambda a, b: (a[index] * b[index]).relu()[:5, index],
                lambda a, b: a[2:4, [0, 1, 1]] * b[0:2, [3, 4, 5]],
            ):
                self.assert_as_engine(function, a, b)

    def test_what_is_taken_by_masks(self):
        x, w = Value(shape=(5,), name="x"), Value(np.array(2.0))
        y = (x[x > 0] * w).exp()
        step = compiled(y.sum(), y, wrt=[w, x])
        for n in (3, 3, 0, 5, 2, 3):
            data = np.where(np.arange(5) < n, 0.5, -1.0)
            total, taken = step(x=data)
            self.assert_same(taken, y.forward(x=data))
            self.assert_close(total, taken.sum(), 1e-12)
            gradients = [w.grad, x.grad.copy()]
            y.backward([w, x])
            for actual, v in zip(gradients, (w, x)):
                self.assert_close(actual, v.grad, 1e-12)

    def test_sums_of_products(self):
        """Of broadcast operands, and of types whose sum is a wider one."""
        a, b = numbers((4, 3)), numbers((4, 3), seed=1)
        for function in (
            lambda a, b: (a * b[0]).sum(),
            lambda a, b: (a * b[:, :1]).sum() + (a[0] * b[:1]).sum(),
            lambda a, b: (a[0] * b[0]).sum() + (a[0] * b[0, :1]).sum(),
        ):
            self.assert_as_engine(function, a, b)
        for dtype in (np.int8, np.int32, np.uint8, int):
            x = Value(np.array([100, 100, 27], dtype))
            for y in ((x * x).sum(), x.sum(), (x[None] * x).sum()):
                self.assert_same(compiled(y)(), y.data)

    def test_arrays_of_one_axis_and_of_none(self):
        a, b = numbers(4), numbers(4, seed=1)
        for function in (
            lambda a, b: a.max(axis=0) * b,
            lambda a, b: a.max(axis=0, keepdims=True) * b.logsumexp(axis=0),
            lambda a, b: (a.max(axis=0) * 2).exp(),
        ):
            self.assert_as_engine(function, a, b)

    def test_comparisons_are_returned_as_the_engine_has_them(self):
        for a, b in ((1.0, 2.0), (np.float64(1), 2.0), (np.ones(2), np.zeros(2))):
            a, b = Value(a), Value(b)
            for y in (a < b, a * 2 > b, (a > 0).maximum(b > 0)):
                self.assert_same(compiled(y)(), y.data)
                self.assert_same(compiled(a * 1, y)()[1], y.data)

    def test_long_formulas_of_what_has_no_name(self):
        def turned(x):
            y = x
            for _ in range(6):
                y = y.T
            return y * x

        self.assert_as_engine(turned, numbers((3, 3)))
        self.assert_as_engine(lambda x: turned(x[None][0] * 1), numbers((3, 3)))


class TestRecorded(ProgramTest):
    def recorded(self, function):
        """How many calls a function of a vector is recorded as, and the result."""
        tape = Tape()
        x = Recorded(tape, Line("given", np.array([1.0, 2.0])))
        y = tape.apply(function, (x,), False)
        return len(tape.lines), y.line.data

    def test_what_is_called_whole(self):
        def filled_twice(x):
            y = np.zeros_like(x)
            y[0] = x[1]
            y[1] = x[0]
            return y

        for function, expected in (
            (lambda x: x * 2 if x[0] > 0 else x, [2, 4]),
            (lambda x: np.divmod(x, 2)[0], [0, 1]),
            (lambda x: np.exp(x * 0).copy(), [1, 1]),
            (filled_twice, [2, 1]),
            (lambda x: x * float(x[1]), [2, 4]),
            (lambda x: np.asarray(x) + 1, [2, 3]),
        ):
            n, data = self.recorded(function)
            self.assertEqual(n, 1)
            self.assert_equal(data, expected)
        self.assertEqual(self.recorded(lambda x: x * 2 + 1)[0], 2)


class TestFeeds(ProgramTest):
    def test_errors_are_those_of_forward(self):
        x, w = Value(shape=(None, 2), name="x"), Value(np.ones(2))
        n = Value(shape=(), name="n", dtype=int)
        y = (x @ w * n).sum()
        step = compiled(y, wrt=w)
        step(x=[[1.0, 2.0]], n=2)
        w.grad = before = np.array([7.0, 7.0])
        for feeds in (
            dict(x=[[1.0, 2.0, 3.0]], n=1),
            dict(x=[1.0, 2.0], n=1),
            dict(x=[["a", "b"]], n=1),
            dict(x=[[1.0, 2.0]], n=1.5),
            dict(x=[[1.0, 2.0]]),
        ):
            with self.assertRaises((ValueError, TypeError)) as expected:
                y.forward(**feeds)
            with self.assertRaises(type(expected.exception)) as caught:
                step(**feeds)
            self.assertEqual(str(caught.exception), str(expected.exception))
            self.assertIs(w.grad, before)
        self.assertEqual(step(x=[[1.0, 2.0]], n=2), 6)

    def test_a_missing_name_is_nan_with_a_warning_at_the_call(self):
        x, w = Value(shape=(2,), name="x"), Value(np.ones(2))
        step = compiled((x * w).sum(), wrt=w)
        for feeds in ({}, dict(other=1)):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                result = step(**feeds)
            (warning,) = caught
            self.assertIn("x is not fed", str(warning.message))
            self.assertEqual(warning.filename, __file__)
            self.assertTrue(np.isnan(result) and np.isnan(w.grad).all())

    def test_targets_that_do_not_fit(self):
        """Losses check lengths as soon as all is fed, be it to a program alone."""
        x, t = Value(shape=(None, 3), name="x"), Value(shape=(None, 3), name="t")
        labels = Value(shape=(None,), name="t", dtype=int)
        data = numbers((2, 3))
        for targets, wrong in ((t, numbers((1, 3))), (labels, [0]), (labels, [0, 3])):
            loss = nn.cross_entropy(x, targets)
            step = compiled(loss)
            for call in (step, step, loss.forward):
                with self.assertRaisesRegex((ValueError, IndexError), "expected"):
                    call(x=data, t=wrong)
            self.assertTrue(np.isnan(x.data).all())
            self.assertFalse(loss.is_fed)

    def test_names_that_it_does_not_have_are_ignored(self):
        x = Value(shape=(), name="self")
        self.assertEqual(compiled(x * 2)(**{"self": 3, "y": 4}), 6)

    def test_two_of_one_name_are_both_fed(self):
        a, b = Value(shape=(), name="x"), Value(shape=(), name="x")
        step = compiled(a * b, wrt=[a, b])
        self.assertEqual((step(x=3.0), a.grad, b.grad), (9, 3, 3))

    def test_names_that_python_and_the_text_use(self):
        names = ["exp", "step", "v1", "t1", "u1", "math", "float", "lambda", "nan"]
        values = [Value(shape=(300,), name=name) for name in names]
        y = (stack(values).exp() * 2).sum(axis=0).tanh()
        step = compiled(y, wrt=values)
        step(**{name: np.full(300, i / 10) for i, name in enumerate(names)})
        y.forward(**{name: np.full(300, i / 10) for i, name in enumerate(names)})
        gradients = [x.grad for x in values]
        y.backward(values)
        for x, gradient in zip(values, gradients):
            self.assert_close(gradient, x.grad, 1e-12)


class TestLayouts(ProgramTest):
    def test_other_lengths_and_dtypes(self):
        x, w = Value(shape=(None, 3), name="x"), Value(numbers(3))
        y = (x @ w).tanh().sum()
        step = compiled(y, y * x, wrt=[w, x])
        for n in (4, 1, 7, 4, 0):
            for dtype in (float, np.float32, int, np.float16, ">f8"):
                data = (4 * numbers((n, 3))).astype(dtype)
                total, scaled = step(x=data)
                gradients = [w.grad.copy(), x.grad.copy()]
                self.assert_same(total, y.forward(x=data), 1e-3)
                y.backward([w, x])
                rtol = 1e-2 if dtype is np.float16 else 1e-5
                for gradient, v in zip(gradients, (w, x)):
                    self.assert_same(gradient, v.grad, rtol)

    def test_the_last_eight_are_kept(self):
        calls = []
        noted = operator("noted", lambda x: calls.append(0) or x, None)
        x = Value(shape=(None,), name="x")
        step = compiled(noted(x).sum())
        calls.clear()
        texts = {}
        for n in [*range(1, 13), 12, 5, 1]:
            self.assertEqual(step(x=np.ones(n)), n)
            texts.setdefault(n, step.source)
        self.assertEqual(len(calls), 15)
        self.assertEqual(len(step._codes), 8)
        self.assertEqual(len({*texts.values()}), 12)

    def test_source_shows_the_last_one_that_ran(self):
        x = Value(shape=(None, 2), name="x")
        step = compiled((x * 2).exp())
        step(x=np.ones((3, 2)))
        self.assertIn("(3, 2)", step.source)
        step(x=np.ones((5, 2)))
        self.assertIn("(5, 2)", step.source)
        step(x=np.ones((3, 2)))
        self.assertIn("(3, 2)", step.source)
        self.assertNotIn("(5, 2)", step.source)

    def test_source_before_the_first_call(self):
        x = Value(shape=(None, 2), name="x")
        y = x.exp()
        with self.assertRaisesRegex(ValueError, r"x of shape \(None, 2\)"):
            self.assertTrue(compiled(y).source)
        y.forward(x=np.ones((3, 2)))
        self.assertIn("(3, 2)", compiled(y).source)
        z = Value(shape=(2,), name="z")
        self.assertIn("(2,)", compiled(z.exp()).source)

    def test_repr(self):
        x, w = Value(shape=(2,), name="x"), Value(1.0)
        self.assertEqual(
            repr(compiled(x * w, wrt=w)), "<program of (x) with 1 gradients>"
        )


class TestErrors(ProgramTest):
    def test_what_is_refused(self):
        x, stranger = Value(np.array([1.0, 2.0])), Value(1.0)
        with self.assertRaisesRegex(ValueError, "does not depend on"):
            compiled(x * 2, wrt=[x, stranger])
        with self.assertRaisesRegex(TypeError, "booleans"):
            compiled(x > 1, wrt=x)
        self.assert_equal(compiled(x > 1)(), [False, True])
        for other in (3.0, "x", None, np.ones(2)):
            with self.assertRaisesRegex(TypeError, "expected Values"):
                compiled(x * 2, other)
            with self.assertRaisesRegex(TypeError, "expected Values"):
                compiled(x * 2, wrt=[other])

    def test_too_many_operators(self):
        y = Value(1.0)
        for _ in range(20_001):
            y = y + 1
        with self.assertRaisesRegex(ValueError, "20001"):
            compiled(y)

    def failing(self, is_failing):
        def forward(x):
            if is_failing:
                raise OSError("no such luck")
            return 2 * x

        return operator("unlucky", forward, lambda g, y, x: 2 * g)

    def test_an_error_inside_says_where(self):
        is_failing = []
        x, w = Value(shape=(None,), name="x"), Value(2.0)
        y = (self.failing(is_failing)(x) * w).sum()
        step = compiled(y, wrt=w)
        step(x=np.ones(3))
        for n in (3, 4):  # replayed, and while it is recorded
            is_failing.append(1)
            with self.assertRaises(OSError) as caught:
                step(x=np.ones(n))
            for words in ("'unlucky'", f"({n},)", "no such luck"):
                self.assertIn(words, str(caught.exception))
            if n == 3:
                self.assertIsNone(w.grad)
                cause = caught.exception.__cause__
                trace = "".join(traceback.format_tb(cause.__traceback__))
                self.assertIn("v1 = unlucky", trace)
            is_failing.clear()
            self.assertEqual(step(x=np.ones(n)), 4 * n)
            self.assertEqual(w.grad, 2 * n)

    def test_an_index_out_of_range(self):
        x, i = Value(np.array([1.0, 2.0])), Value(shape=(2,), name="i", dtype=int)
        step = compiled((x[i] * 2).sum(), wrt=x)
        self.assertEqual(step(i=[0, 1]), 6)
        with self.assertRaisesRegex(IndexError, r"'\[\]' of shapes \(2,\), \(2,\)"):
            step(i=[0, 5])
        self.assertIsNone(x.grad)
        step(i=[1, 1])
        self.assert_equal(x.grad, [0, 4])

    def test_an_error_in_the_derivative(self):
        is_failing = []

        def by_x(g, y, x):
            if is_failing:
                raise ZeroDivisionError("by zero")
            return g

        x, w = Value(np.ones(2)), Value(np.ones(2))
        y = (operator("fine", lambda x: x * 1, by_x)(x) * w).sum()
        step = compiled(y, wrt=[w, x])
        step()
        is_failing.append(1)
        with self.assertRaisesRegex(ZeroDivisionError, "'fine' of shapes .*by zero"):
            step()
        self.assertIsNone(w.grad)
        self.assertIsNone(x.grad)

    def test_an_error_in_the_derivative_at_the_first_call(self):
        def by_x(g, y, x):
            raise KeyError("none")

        x = Value(np.ones(2))
        step = compiled(operator("lost", lambda x: x * 1, by_x)(x), wrt=x)
        with self.assertRaisesRegex(KeyError, r"lost.* of shapes \(2,\).*none"):
            step()

    def test_another_thread_and_itself(self):
        inside, go_on, errors = threading.Event(), threading.Event(), []

        def slow(x):
            inside.set()
            go_on.wait(10)
            return x

        x = Value(2.0)
        slow_step = operator("slow", slow, lambda g, y, x: g)
        go_on.set()
        step = compiled(slow_step(x), wrt=x)
        inside.clear(), go_on.clear()
        thread = threading.Thread(target=step)
        thread.start()
        self.assertTrue(inside.wait(10))
        with self.assertRaisesRegex(RuntimeError, "running already"):
            step()
        go_on.set()
        thread.join()
        self.assertEqual((step(), x.grad), (2, 1))

        programs = []

        def reenter(x):
            try:
                programs and programs[0]()
            except RuntimeError as error:
                errors.append(error)
            return x

        programs.append(compiled(operator("again", reenter, None)(x)))
        programs[0]()
        self.assertEqual(len(errors), 1)

    def test_cannot_be_pickled_or_copied(self):
        step = compiled(Value(2.0) * 3)
        for function in (pickle.dumps, copy.copy, copy.deepcopy):
            with self.assertRaisesRegex(TypeError, "programs cannot be pickled"):
                function(step)


class TestMemory(ProgramTest):
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


class TestUserOperators(ProgramTest):
    def test_are_called_once_a_call_and_in_order(self):
        calls = []

        def noted(name):
            def forward(x):
                calls.append(name)
                return 2 * x

            def by_x(g, y, x):
                calls.append(f"by {name}")
                return 2 * g

            return operator(name, forward, by_x)

        x = Value(np.ones(2))
        h = noted("a")(x)
        y, unused = noted("b")(h), noted("c")(h)
        for asked in (False, True):
            step = compiled(y, unused, wrt=x)
            calls.clear()
            if asked:
                self.assertTrue(step.source)  # records, and so calls
            calls.clear()
            for _ in range(3):
                step()
                self.assertEqual(calls, ["a", "b", "c", "by b", "by a"])
                self.assert_equal(x.grad, [4, 4])
                calls.clear()

    def test_are_called_forward_even_if_nobody_needs_it(self):
        seen = []
        watched = operator("watched", lambda x: seen.append(x.copy()) or x, None)
        x = Value(np.array([1.0, 2.0]))
        y = x * 1.0 + 0 * watched(x * 2)
        step = compiled(y[:0], wrt=None)
        seen.clear()
        step()
        step()
        self.assertEqual(len(seen), 2)
        self.assert_equal(seen[1], [2, 4])

    def test_random_numbers(self):
        rng = np.random.default_rng(0)
        noise = operator(
            "noise", lambda x: x + rng.normal(size=x.shape), lambda g, y, x: g
        )
        x = Value(np.zeros(300))
        y = noise(x) * noise(x)
        step = compiled(y.sum(), y, wrt=x)
        rng = np.random.default_rng(7)
        results = [step()[1] for _ in range(3)]
        rng = np.random.default_rng(7)
        for result in results:
            self.assert_close(result, y.forward(), 1e-12)

    def test_state_that_keeps_its_inputs(self):
        kept = []
        keep = operator(
            "keep",
            lambda x: kept.append(x) or x * 2,
            lambda g, y, x: kept.extend([g, y, x]) or g * 2,
        )
        x = Value(shape=(400,), name="x")
        y = (keep((x * 3).exp()) * 2).tanh()
        step = compiled(y.sum(), wrt=x)
        copies = []
        for i in range(4):
            kept_before = len(kept)
            step(x=np.full(400, i / 10))
            copies += [(array, array.copy()) for array in kept[kept_before:]]
        self.assertEqual(len(copies), 16)
        for array, before in copies:
            self.assert_equal(array, before)

    def test_that_return_their_input_or_a_view_of_it(self):
        state = np.ones((20, 20))
        for forward, by in (
            (lambda x: x, lambda g, y, x: g),
            (lambda x: x.T, lambda g, y, x: g.T),
            (lambda x: x[::-1], lambda g, y, x: g[::-1]),
            (lambda x: state, lambda g, y, x: state),
        ):
            same = operator("same", forward, by)
            self.assert_as_engine(
                lambda x, f=same: ((f(x * 2) + 1) * f(x)).tanh() + f(f(x)),
                numbers((20, 20)),
            )
            x = Value(numbers((20, 20)))
            y = compiled(same(x))()
            before = y.copy()
            self.assertFalse(np.shares_memory(y, x.data))
            y += 1
            self.assert_equal(compiled(same(x))(), before)
        self.assert_equal(state, np.ones((20, 20)))

    def test_without_a_derivative(self):
        stopped = operator("stopped", lambda x: x * 1, None)
        self.assert_as_engine(lambda x: stopped(x) * x, np.array([1.0, 2.0]))
        x = Value(2.0)
        with self.assertRaisesRegex(ValueError, "does not depend"):
            compiled(stopped(x), wrt=x)

    def test_no_shape_may_depend_on_data_beside_them(self):
        calls = []
        noted = operator("noted", lambda x: calls.append(0) or x * 1, None)
        x = Value(shape=(3,), name="x")
        step = compiled(x[x > 0] * 2, noted(x))
        step(x=np.array([1.0, -1.0, 1.0]))
        calls.clear()
        with self.assertRaisesRegex(ValueError, r"\(2,\), got \(3,\).*of your own"):
            step(x=np.ones(3))
        self.assertLessEqual(len(calls), 1)
        self.assert_equal(step(x=np.array([-1.0, 2.0, 1.0]))[0], [4, 2])

    def test_get_what_they_get_in_the_engine(self):
        seen = []
        look = operator(
            "look",
            lambda *data: seen.append(list(map(type, data))) or 1.0 * data[0],
            lambda g, y, *data: seen.append([type(g), type(y), *map(type, data)]) or g,
            None,
            None,
        )
        a, x = Value(2.0), Value(np.array([1.0, 2.0]))
        for operands in ((a, a > 1, 3), (x, x > 1, x.sum()), (x.sum(), x[0], a * 2)):
            y = look(*operands) * 1
            wrt = [v for v in operands if isinstance(v, Value)][:1]
            step = compiled(y, wrt=wrt)
            step()
            seen.clear()
            y.forward()
            y.backward(wrt)
            expected = [*seen]
            seen.clear()
            step()
            self.assertEqual(seen, expected)


class TestNumbers(ProgramTest):
    GRID = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, np.nan, np.inf, -np.inf]
    GRID += [1e300, -1e300, 1e-300, 710.0, -710.0, 5e-324]
    PAIRED = [0.0, -0.0, 1.0, -2.5, np.nan, np.inf, -np.inf]
    KINDS = {
        "number": float,
        "scalar": np.float64,
        "array": lambda x: np.array([x, 0.75]),
        "float32": lambda x: np.array([x, 0.75], np.float32),
    }

    def run(self, result=None):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return super().run(result)

    def test_extreme_ones_through_every_operator(self):
        functions = [function for function, *_ in UNARY.values()]
        functions += [function for function, _ in REDUCTIONS.values()]
        for make in self.KINDS.values():
            for number in self.GRID:
                for function in functions:
                    weighted = lambda x, f=function: f(x) * 0.5 + f(x) * x
                    self.assert_as_engine(weighted, make(number))

    def test_extreme_pairs_through_every_operator(self):
        functions = [function for function, _ in BINARY.values()]
        functions += [lambda a, b, f=f: f(a, b) * a for f, _ in COMPARISONS.values()]
        functions += [lambda a, b: a.clip(b, 1.0), lambda a, b: where(a > b, a, b)]
        for name, make in self.KINDS.items():
            grid = self.GRID if name == "number" else self.PAIRED
            for a in grid:
                for b in grid:
                    for function in functions:
                        self.assert_as_engine(function, make(a), make(b))

    def test_what_is_written_in_another_way(self):
        """Factors and signs that move would tell at zeros, infinities, and ends."""
        functions = [
            lambda a, b: 1 / -(a - b),
            lambda a, b: 1 / (0 + a) + b / 1,
            lambda a, b: 1 / (-a + b * 2 * 3),
            lambda a, b: a * 1e-30 * 1e-30 + b * 1e30 * 1e30,
            lambda a, b: a * 1e30 * 1e-30 + b * 2 * 0.25,
            lambda a, b: (a * 2 * 0.5 - b / 3 * 9) * -1 / a,
            lambda a, b: -where(a > b, 0.0, 2.0) / a,
            lambda a, b: 1 / -where(a > b, 0.0, 2.0),
            lambda a, b: 1 / -(-a * 0.5 * b),
            lambda a, b: a - (-b) + (-a) * 3 + (-(-1 * b)),
            lambda a, b: a**2 + b**0.5 + a**1 + b**0 + 2**a + b**-1 + a**3,
            lambda a, b: (a * a).sum() + (a * b).sum() * 1.0,
            lambda a, b: a.maximum(0).minimum(1) * b,
            lambda a, b: np.negative(-(a * b)) / a + np.negative(-a),
            lambda a, b: (-(a * b)).relu() + ((a * 2) * 0 + (a * 2).tanh()),
        ]
        for make in self.KINDS.values():
            for a in self.PAIRED:
                for b in [*self.PAIRED, 1e300, 1e-300]:
                    for function in functions:
                        self.assert_as_engine(function, make(a), make(b))

    def test_factors_that_overflow_or_vanish_one_after_the_other(self):
        functions = [
            lambda a: a * 1e30 * 1e-30,
            lambda a: a * 1e-30 * 1e30,
            lambda a: a * 1e200 * 1e200 * 0.5,
            lambda a: a * 0.1 + 0.1 - a / 3,
        ]
        for make in self.KINDS.values():
            for a in (1e300, -1e300, 1e-300, 1e20, 5e-324, 0.0, np.inf):
                for function in functions:
                    self.assert_as_engine(function, make(a))

    def test_integers_and_booleans(self):
        kinds = [int, np.int64, lambda x: np.array([x, 1]), np.float32]
        kinds += [lambda x: np.array([x % 200, 3], np.uint8)]
        functions = [function for function, _ in BINARY.values()]
        functions += [lambda a, b: -a * b, lambda a, b: a + b * 2.5]
        functions += [lambda a, b: a * b * 2.0 + (-a) * 2.5 + a**2, lambda a, b: -a + b]
        for kind in kinds:
            for a in (0, 1, -1, 3, 2**62, -(2**63)):
                for b in (0, 2, -3, 2**62, 0.5, np.nan, True):
                    for function in functions:
                        for pair in ((kind(a), b), (b, kind(a))):
                            try:
                                if function(*map(Value, pair)).dtype == bool:
                                    continue  # a product of booleans
                            except (TypeError, ValueError, OverflowError):
                                continue  # what NumPy refuses: -True, 2 ** -1
                            self.assert_as_engine(function, *pair)

    def test_arithmetic_of_booleans_is_numpys(self):
        for a, b in ((1.0, 2.0), (np.array([1.0, -1.0]), np.array([1.0, 1.0]))):
            for function in (
                lambda a, b: ((a > 0) + (b > 0)) * a,
                lambda a, b: (a > 0) * (b > 0) * b,
                lambda a, b: ((a > 0) ** 2) * b,
                lambda a, b: (a > 0).maximum(b) + (a > 0).exp() * a,
                lambda a, b: where(a > 0, b > 0, a) * a,
                lambda a, b: (a > 0).sum() * a + (a > 0).mean() * b,
            ):
                self.assert_as_engine(function, a, b)

    def test_sizes_of_one_in_products(self):
        for number in (0.0, np.nan, np.inf):
            one = np.array([[number]])
            for a, b in ((one, one * 0), (one[0], one[0] * 0), (one[0], one * 0)):
                self.assert_as_engine(lambda a, b: (a @ b).sum() + (a * b).sum(), a, b)

    def test_warnings_come_and_go_by_errstate(self):
        x = Value(np.array([0.0, -1.0]))
        number = Value(0.0)
        for y in (x.log().sum(), 1 / number, number.log(), x.logsumexp()):
            step = compiled(y)
            with np.errstate(all="ignore"):
                step()
            with np.errstate(all="raise"):
                for _ in range(2):
                    try:
                        y.forward()
                    except FloatingPointError as expected:
                        with self.assertRaisesRegex(FloatingPointError, "operator"):
                            step()
                        self.assertIn("operator", str(expected))
                    else:
                        step()

    def test_a_rule_may_silence_its_own_warnings(self):
        x = Value(np.full((2, 3), -np.inf))
        step = compiled(x.logsumexp(axis=1))
        for _ in range(2):
            with np.errstate(divide="raise", invalid="raise"):
                self.assert_equal(step(), [-np.inf, -np.inf])


class TestOtherWays(ProgramTest):
    """Calls that are written in another way than the rules have it."""

    def test_all_bits_are_kept_or_none(self):
        x = np.array([1.5, np.nan, -np.inf, np.inf, -0.0, np.nan])
        mask = np.array([True, True, True, False, True, False])
        for dtype, integer in ((np.float64, np.int64), (np.float32, np.int32)):
            y = kept_bits(x.astype(dtype), all_bits(mask, integer))
            self.assertEqual(y.dtype, dtype)
            self.assert_equal(y, np.where(mask, x, 0.0))
            self.assert_equal(np.signbit(y), [False, False, True, False, True, False])

    def test_a_choice_of_arrays_is_negated_as_it_is(self):
        x = Value(np.array([0.5, 2.0, -1.0]))
        y = ((1 - x).relu() ** 2).sum()
        compiled(y, wrt=x)()
        self.assert_equal(x.grad, [-1.0, 0.0, -4.0])

    def test_numbers_that_float32_has_not_stay_numbers(self):
        x = Value(np.array([1.0, 3.0], np.float32))
        y = compiled(x * 0.1, wrt=x)()
        self.assertEqual(y.dtype, np.float32)
        self.assert_equal(y, np.array([1.0, 3.0], np.float32) * 0.1)
        self.assert_equal(x.grad, np.full(2, 0.1, np.float32))

    def test_long_formulas_are_cut(self):
        x = Value(np.array([1.0, 2.0, 3.0]))
        step = compiled((x * 2.0 * 3.0 * 4.0 * 5.0 * 6.0).sin())
        self.assert_equal(step(), np.sin(720.0 * np.array([1.0, 2.0, 3.0])))
        self.assertIn(
            "# v1 = (((array(3,) * 3.0) * 4.0) * 5.0) * 6.0\n    v1 = multiply(leaf1, ",
            step.source,
        )


class TestTraining(ProgramTest):
    def model(self):
        x, t = Value(shape=(None, 2), name="x"), Value(shape=(None,), name="t")
        model = nn.MLP(2, [8, 8, 1])
        rng = np.random.default_rng(0)
        for p in model.parameters():
            p.data[...] = rng.normal(size=p.shape) / 2
        loss = ((model(x).reshape(-1) - t) ** 2).mean()
        return model, loss

    def batches(self, n):
        rng = np.random.default_rng(1)
        for i in range(n):
            x = rng.normal(size=(20 if i % 5 else 7, 2))
            yield dict(x=x, t=np.sin(x[:, 0]) * x[:, 1])

    def trained(self, optimiser_of, is_compiled, model=None, loss=None, skip=0, n=30):
        if model is None:
            model, loss = self.model()
        optimiser = optimiser_of(model.parameters())
        step = compiled(loss, wrt=model)
        losses = []
        for batch in [*self.batches(n)][skip:]:
            if is_compiled:
                losses.append(step(**batch))
            else:
                losses.append(loss.forward(**batch))
                loss.backward(model)
            clip_grad_norm(model.parameters(), 1.0)
            optimiser.step()
        return model, losses

    def test_agrees_with_the_engine(self):
        for optimiser_of in (
            lambda parameters: SGD(parameters, 0.05),
            lambda parameters: SGD(parameters, 0.05, momentum=0.9),
            lambda parameters: Adam(parameters, 0.01),
        ):
            (a, losses), (b, expected) = (
                self.trained(optimiser_of, is_compiled) for is_compiled in (True, False)
            )
            self.assert_close(np.array(losses), np.array(expected), 1e-12)
            self.assertLess(losses[-1], losses[0])
            for p, q in zip(a.parameters(), b.parameters()):
                self.assert_close(p.data, q.data, 1e-12)

    def test_resumed_is_uninterrupted(self):
        def run(path, n_interrupted):
            model, loss = self.model()
            for start, end in n_interrupted:
                if start:
                    model, loss = self.model()
                optimiser = Adam(model.parameters(), 0.01)
                if start:
                    checkpoint.load(path, model=model, optimiser=optimiser)
                step = compiled(loss, wrt=model)
                for batch in [*self.batches(30)][start:end]:
                    step(**batch)
                    clip_grad_norm(model.parameters(), 1.0)
                    optimiser.step()
                checkpoint.save(path, model=model, optimiser=optimiser)
            return [p.data for p in model.parameters()]

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.npz"
            whole = run(path, [(0, 30)])
            parts = run(path, [(0, 13), (13, 30)])
        for a, b in zip(whole, parts):
            self.assert_equal(a, b)


def names_of_core_rules():
    """Those of a new Python, which has loaded no rooms of `array_functions`."""
    code = """
from micrograd.rules import RULES
print(*[rule.name for rule in RULES.values()], sep=chr(10))
"""
    command, root = [sys.executable, "-c", code], Path(__file__).parents[1]
    return {*subprocess.check_output(command, cwd=root, text=True).splitlines()}


class TestRules(ProgramTest):
    # What is called whole, since it looks at the data. To grow is not allowed.
    WHOLE = {"[], value, arrays"}  # of numbers, which have no [keys]

    def examples(self):
        """For each rule an expression or more; all those of a number as well."""
        x, y = Value(numbers((3, 3))), Value(numbers((3, 3), seed=1))
        number, other = Value(0.5), Value(0.25)
        found = []
        for a, b in ((x, y), (number, other), (x, number), (x[0], y)):
            found += [function(a) for function, *_ in UNARY.values()]
            found += [function(a, b) for function, _ in BINARY.values()]
            found += [function(a, b) for function, _ in COMPARISONS.values()]
            found += [a.clip(b, 1), a.sigmoid(), where(a > b, a, b), a.T]
            found += [function(a) for function, _ in REDUCTIONS.values()]
            found += [a.reshape(-1), a[None]]
        for function in FUNCTIONS.values():
            found.append(function(x, y))
        found += [nn.softmax(x), nn.cross_entropy(x, y), nn.cross_entropy(x, [0, 1, 2])]
        found += [x @ y, x[0] @ y, x @ y[0], x[0] @ y[0], stack([x, y], axis=-1)]
        found += [x[None] @ y, x[0] @ y[None], x.transpose(1, 0), x[[0, 0]], x[x > 1]]
        found += [
            np.einsum("ii->i", x),
            np.einsum("ij,jk->ki", x, y),
            np.einsum("ij->j", x),
        ]
        found += [np.einsum("ij,kl->j", x, y), x.max(0), x.logsumexp(1, keepdims=True)]
        return found, [x, y, number, other]

    def test_which_are_called_whole(self):
        known = {placed, added, cast, as_float, python.getitem}
        found, leaves = self.examples()
        whole, seen = set(), set()
        for y in found:
            wrt = []
            for leaf in leaves:
                try:
                    y.backward(leaf)
                    wrt.append(leaf)
                except (ValueError, TypeError):
                    pass
            wrt = [] if y.dtype == bool else wrt
            recording = Recording([y], wrt, {leaf: leaf.data for leaf in leaves})
            seen |= {node.op for node in recording.values}
            for line in recording.lines:
                is_known = is_numpys(line.function) or line.function in known
                if not is_known and not line.is_opaque:
                    direction = "derivative" if line.is_backward else "value"
                    kind = "arrays" if line.is_array else "numbers"
                    whole.add(f"{line.node.op}, {direction}, {kind}")
        self.assertLessEqual(names_of_core_rules(), seen)
        self.assertEqual(whole, self.WHOLE)


if __name__ == "__main__":
    unittest.main()
