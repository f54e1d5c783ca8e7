"""Compiled programs: what a call returns and sets, takes and refuses."""

import copy
import inspect
import pickle
import tempfile
import threading
import traceback
import unittest
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
from testing import FUNCTIONS, ProgramTest, numbers

from micrograd import Value, checkpoint, compiled, concatenate, nn, operator
from micrograd.optim import SGD, Adam, clip_grad_norm


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
        for wrt in (a, [a], [a, a]):
            compiled(y, wrt=wrt)()
            self.assert_equal(a.grad, [3, 3])
            self.assertIsNone(b.grad)
        for wrt in ((a, b), {"a": a, "b": b}, iter([b, a])):
            a.grad = b.grad = None
            compiled(y, wrt=wrt)()
            self.assert_equal(a.grad, [3, 3])
            self.assertEqual(b.grad, 3)
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

    def test_numbers_that_are_taken_by_masks(self):
        x = Value(2.0)
        step = compiled((x[x > 1] * 3).mean(), wrt=x)
        for data, expected in ((2.0, 6.0), (0.5, np.nan), (3.0, 9.0)):
            x.data = data
            with np.errstate(all="ignore"):
                self.assert_equal(step(), expected)  # of none, it is nan
            self.assertEqual(x.grad, 3 * (data > 1))

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

    def test_taken_by_masks_that_do_not_fit(self):
        x, w = Value(np.array([1.0, 1.0, -1.0])), Value(np.array([2.0, 3.0]))
        step = compiled((x[x > 0] * w).sum(), wrt=w)
        for n in (2, 3, 3, 2, 0, 3, 2):
            x.data = np.where(np.arange(3) < n, 1.0, -1.0)
            if n == 2:
                self.assertEqual(step(), 5.0)
                self.assert_equal(w.grad, [1.0, 1.0])
                continue
            with self.assertRaisesRegex(ValueError, r"'\*' of shapes \(.,\), \(2,\)"):
                step()
            self.assertIsNone(w.grad)

    def test_what_is_as_long_as_what_a_mask_takes(self):
        """Zeros, ones and lengths, where the elements taken are not needed."""
        x, w = Value(shape=(5,), name="x"), Value(2.0)
        for function in (
            lambda taken: np.zeros_like(taken) + w,
            lambda taken: np.ones_like(taken) * w,
            lambda taken: np.full_like(taken, w),
            lambda taken: np.ones_like(taken).sum() * w,
            lambda taken: np.ones_like(taken).mean() * w,
            lambda taken: (taken * 0 + 1).mean() + np.zeros_like(taken) + w,
        ):
            y = function(x[x > 0])
            step = compiled(y, wrt=w)
            for n in (3, 3, 1, 5, 2):
                data = np.where(np.arange(5) < n, 0.5, -1.0)
                result, gradient = step(x=data), w.grad
                self.assert_same(result, y.forward(x=data))
                y.backward(w)
                self.assert_same(gradient, w.grad)

    def test_comparisons_are_returned_as_the_engine_has_them(self):
        for a, b in ((1.0, 2.0), (np.float64(1), 2.0), (np.ones(2), np.zeros(2))):
            a, b = Value(a), Value(b)
            for y in (a < b, a * 2 > b, (a > 0).maximum(b > 0)):
                self.assert_same(compiled(y)(), y.data)
                self.assert_same(compiled(a * 1, y)()[1], y.data)


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
                self.assert_as_engine(lambda x: x[()] * x * 0.5, data)
                self.assert_as_engine(lambda x: x.T.reshape(-1)[0] * x * 1.0, data)

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

    def test_accumulate_by_a_copy(self):
        w, x = Value(np.zeros(2)), Value(shape=(2,), name="x")
        step, total = compiled((x * w).sum(), wrt=w), np.zeros(2)
        for data in ([1, 2], [3.0, 4], [5, 6.0]):
            step(x=np.array(data, float))
            total += w.grad
        self.assert_equal(total, [9, 12])


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
        codes = {}
        for n in [*range(1, 13), 12, 5]:
            self.assertEqual(step(x=np.ones(n)), n)
            self.assertIs(step._last, codes.setdefault(n, step._last))
        self.assertEqual(len({code.text for code in codes.values()}), 12)
        for n, is_kept in ((1, False), (5, True), (12, True), (6, False)):
            self.assertEqual(step(x=np.ones(n)), n)
            self.assertIs(step._last is codes[n], is_kept)
            self.assertEqual(len(step._codes), 8)
        self.assertEqual(len(calls), 18)

    def test_the_last_one_is_not_looked_for(self):
        x = Value(shape=(None,), name="x")
        step = compiled(x.sum(), wrt=x)
        step(x=[1.0, 2.0])
        with mock.patch.object(step, "_code", side_effect=AssertionError):
            self.assertEqual(step(x=[3.0, 4.0]), 7)

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
        z = Value(shape=(2,), name="z")
        step = compiled(z[::-1], wrt=z)
        step(z=[1.0, 2.0])
        with self.assertRaisesRegex(TypeError, "got booleans"):
            step(z=[True, False])
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
                frames = [frame for frame, _ in traceback.walk_tb(cause.__traceback__)]
                code = next(f for f in frames if f.f_code.co_name == "step")
                lines = inspect.getsource(code).splitlines()
                self.assertEqual(lines, step.source.splitlines()[-len(lines) :])
                self.assertGreater(len(lines), 5)
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

    def test_matrices_that_numpy_refuses(self):
        """With nan in it, a matrix has a decomposition of nan; without, none."""
        nan = np.nan
        good, bad = [[2.0, 1.0], [1.0, 3.0]], [[-1.0, 1.0], [1.0, 3.0]]
        unknown = [[0.0, nan], [nan, 1.0]]
        x = Value(np.array(good))
        same = operator("same", lambda x: x, lambda g, y, x: g)
        for of, is_own in ((x * 1, False), (same(x), True)):
            y = np.linalg.cholesky(of).sum()
            step = compiled(y, wrt=x)
            for data in (good, good, bad, unknown, good, bad, unknown, bad, good):
                x.data = np.array(data)
                if data is bad or data is unknown and is_own:
                    with self.assertRaises(np.linalg.LinAlgError):
                        step()
                    self.assertIsNone(x.grad)
                    continue
                result, gradient = step(), x.grad.copy()
                self.assert_close(result, y.forward(), 1e-12)
                y.backward(x)
                self.assert_close(gradient, x.grad, 1e-12)

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

    def trained(self, optimiser_of, is_compiled):
        model, loss = self.model()
        optimiser = optimiser_of(model.parameters())
        step = compiled(loss, wrt=model)
        losses = []
        for batch in self.batches(30):
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
        def run(path, *parts):
            for start, end in parts:
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
            whole = run(path, (0, 30))
            parts = run(path, (0, 13), (13, 30))
        for a, b in zip(whole, parts):
            self.assert_equal(a, b)


class TestNumbersInLeaves(unittest.TestCase):
    def test_are_recorded_once(self):
        """Whatever type a number has, in a leaf that held a float."""
        v, w = Value(2.0), Value(np.ones(3, np.float32))
        program = compiled((w * v).sum() / 3 + v**3, wrt={"v": v, "w": w})
        program()
        source = program.source
        kinds = [float, np.float64, np.array, lambda x: np.float64(x)[()], int]
        kinds += [np.int8, np.uint64, np.longlong]
        with mock.patch("micrograd.program.program.Code", side_effect=AssertionError):
            for kind in kinds:
                v.data = kind(3.0) if kind is not np.array else np.array(3.0)
                with self.subTest(type(v.data)):
                    self.assertAlmostEqual(program(), 30.0)
                    self.assertEqual(v.grad, 28.0)
                    self.assertIs(type(v.grad), float)
                    self.assertEqual(w.grad.dtype, np.float32)
                    self.assertEqual(program.source, source)

    def test_of_other_digits_are_others(self):
        v = Value(2.0)
        program = compiled(v * 3.0)
        for x in (np.float32(2.0), np.ones(2), np.bool_(True), np.array(1, np.float32)):
            v.data = x
            expected = (v * 3.0).data
            np.testing.assert_array_equal(program(), expected)
            self.assertEqual(np.result_type(program()), np.result_type(expected))

    def test_of_leaves_that_held_another(self):
        v = Value(np.float64(2.0))
        program = compiled(v * 3.0)
        self.assertIs(type(program()), np.float64)
        n = Value(3)
        self.assertIs(type(compiled(n * 2)()), int)


if __name__ == "__main__":
    unittest.main()
