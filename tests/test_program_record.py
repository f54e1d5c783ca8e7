"""What a program is recorded from: leaves, constants, rules, a user's operators."""

import operator as python
import unittest

import numpy as np
from testing import (
    BINARY,
    COMPARISONS,
    FUNCTIONS,
    REDUCTIONS,
    UNARY,
    ProgramTest,
    numbers,
    run_python,
)

from micrograd import Value, compiled, nn, operator, stack, where
from micrograd.arrays import as_float, as_number
from micrograd.program.record import (
    Line,
    Recorded,
    Recording,
    Tape,
    cast,
)
from micrograd.program.source import is_numpys
from micrograd.rules import placed_at


class TestData(ProgramTest):
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

    def test_numbers_of_other_types_are_others(self):
        """But for integers and float64 where a leaf held a float: they are floats."""
        x = Value(2.0)
        y = x * x
        step = compiled(y, wrt=x)
        for data in (2.0, 4, 4.0, np.float32(4), np.float64(4), 4):
            x.data = data
            result, gradient = step(), x.grad
            x.data = data if type(data) is np.float32 else float(data)
            self.assert_same(result, y.forward())
            y.backward(x)
            self.assert_same(gradient, x.grad)

    def test_arrays_of_other_classes_are_plain(self):
        class Mapped(np.ndarray):  # as np.memmap is
            pass

        x = Value(np.array([1.0, 2.0]))
        x.data = x.data.view(Mapped)
        step = compiled((x * x).sum(), wrt=x)
        self.assertIn("For w1 (2,).", step.source)
        for data in ([1.0, 2.0], [3.0, 1.0], [1.0, 2.0, 3.0]):
            x.data = np.array(data).view(Mapped)
            self.assertEqual(step(), np.dot(data, data))
            self.assert_same(x.grad, np.multiply(data, 2))

    def test_numbers_do_not_widen_arrays(self):
        x, row = Value(2.0), np.ones(3, np.float32)
        for y in (np.ones_like(x), np.full_like(x, 2), np.percentile(x, 30)):
            self.assert_same(compiled(y)(), y.data)
            self.assert_same(compiled(y * row)(), y.data * row)

    def test_scalars_of_numpys_stay_apart_from_numbers(self):
        """Beside arrays of few digits they are others, and at errors of Python's."""
        row = np.array([1.0, 2.0], np.float32)
        two, half = np.float64(2), np.float64(0.5)
        for function, data in (
            (lambda v: 1 / (v**two), 0.0),
            (lambda v: (-(v**two)) ** half, 3.0),
            (lambda v: (v**two) ** two, 1e100),
            (lambda v: v**two * row, 3.0),
            (lambda v: v / np.float32(3), 1.0),
            (lambda v: v / np.float16(1e-5), np.float32(1)),
            (lambda v: v[...] * row, 1 / 3),
            (lambda v: v.exp()[()] * row, 1 / 3),
            (lambda v: v.exp() * row, 1 / 3),
            (lambda v: np.exp(v) * np.float32(2) * row, 1 / 3),
            (lambda v: np.reciprocal(v), 3),
            (lambda v: np.reciprocal(v) / v, 0),
            (lambda v: v.maximum(v * 2**62) > 0.5, 3),
            (lambda v: np.where(v > 0, 2, v) * row, 3),
            (lambda v: (v + 1) * row, np.int64(2)),
            (lambda v: v * 2**62 * 2.0, 3),
            (lambda v: stack([v, v]).max(axis=0) * v * 0.5, True),
            (lambda v: (v > 0) * v * 0.5 + stack([v, v]).max(axis=0), True),
        ):
            with self.subTest(repr(data)), np.errstate(all="ignore"):
                y = function(Value(data))
                wrt = y.dtype != bool
                self.assert_as_engine(function, data) if wrt else self.assert_same(
                    compiled(y)(), y.data
                )

    def test_numbers_of_matrices(self):
        a = np.array([[1.0, 2.0], [3.0, 4.0]])
        for function in (
            lambda a: abs(np.linalg.det(a)),
            lambda a: np.linalg.det(a).relu(),
            lambda a: np.linalg.det(a).clip(-1.0, 5.0) * 2,
            lambda a: np.linalg.slogdet(a)[1].maximum(0.1),
            lambda a: abs((a[0] @ a[1]) - 20.0),
        ):
            self.assert_as_engine(function, a)
            self.assert_as_engine(function, a[::-1].copy())
        x = Value(a)
        compiled(abs(np.linalg.det(x)), wrt=x)()
        self.assert_close(x.grad, 2 * np.linalg.inv(a).T, 1e-12)

    def test_numbers_that_are_fed(self):
        """What a number becomes is decided by its type, and not by an earlier one."""
        s, w = Value(shape=(), name="s"), Value(np.ones(2, np.float32))
        for y in ((s + 1) * w, s.exp() * w, s.sigmoid() * w, abs(s) * w, s**2 * w):
            step = compiled(y, wrt=w)
            for data in (2.0, 3, np.int64(3), np.float64(3), np.float32(3), 3, True):
                with self.subTest(y.op, data=repr(data)):
                    result, gradient = step(s=data), w.grad
                    self.assert_same(result, y.forward(s=data), 1e-5)
                    y.backward(w)
                    self.assert_same(gradient, w.grad, 1e-5)

    def test_data_that_is_a_boolean_of_pythons(self):
        x = Value(2.0)
        y = x * 2.0 + x.exp()
        step = compiled(y, wrt=x)
        x.data = True
        result, gradient = step(), x.grad
        self.assertAlmostEqual(result, 2 + np.e, 3)
        self.assert_same(result, y.forward())
        y.backward(x)
        self.assert_same(gradient, x.grad)

    def test_raw_arrays_are_copied_when_compiled(self):
        """For every size and layout, in values and gradients alike."""
        for shape in ((), (3,), (30,), (40, 50)):
            x, other = Value(np.ones(shape)), Value(shape=(None,), name="other")
            raw = np.full(shape, 2.0)
            y = (x * raw * raw[None]).sum() + (x**raw).sum() + other.sum()
            step = compiled(y, wrt=x)
            raw *= 10
            size = max(1, np.size(raw))
            for n in (1, 2, 1):
                self.assertEqual(step(other=np.zeros(n)), 5.0 * size)
                self.assert_equal(x.grad, np.full(shape, 6.0))
            self.assertEqual(y.forward(other=[0.0]), 401.0 * size)
            y.backward(x)
            self.assert_equal(x.grad, np.full(shape, 420.0))
            again = compiled(y, wrt=x)
            self.assertEqual(again(other=[0.0]), 401.0 * size)

    def test_places_are_copied_when_compiled(self):
        x, places = Value(np.array([1.0, 2.0, 4.0])), np.array([0, 1])
        step = compiled(x[places].sum(), wrt=x)
        places += 1
        for _ in range(2):
            self.assertEqual(step(), 3.0)
            self.assert_equal(x.grad, [1.0, 1.0, 0.0])

    def test_constants_are_read_when_recorded(self):
        for constant in (2, 2.5, True, [1, 2], np.array([1.0, 2]), np.float32(2)):
            self.assert_as_engine(lambda x, c=constant: x * c + c, np.array([1.0, 3.0]))
            self.assert_as_engine(lambda x, c=constant: c - x / c, np.array([1.0, 3.0]))


def names_of_core_rules():
    """Those of a new Python, which has loaded no families of functions."""
    code = """
from micrograd.rules import RULES
print(*[rule.name for rule in RULES.values()], sep=chr(10))
"""
    return {*run_python("-c", code).splitlines()}


class TestRules(ProgramTest):
    # What is called whole, since it looks at the data. To grow is not allowed.
    WHOLE = {
        "[], value, arrays",  # of numbers, which have no [keys]
        "einsum, derivative, arrays",  # of a diagonal, which is written to
    }

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
            (lambda x: filled_twice(x * [1.0, 0.0]), [0, 1]),
            (lambda x: x * float(x[1]), [2, 4]),
            (lambda x: np.asarray(x) + 1, [2, 3]),
        ):
            n, data = self.recorded(function)
            self.assertEqual(n, 1)
            self.assert_equal(data, expected)
        self.assertEqual(self.recorded(lambda x: x * 2 + 1)[0], 2)

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
        known = {placed_at, cast, as_float, as_number, python.getitem, python.pow}
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
            if asked:
                self.assertTrue(step.source)  # records, and so calls
                self.assertEqual(step._last.recorded, {})
            calls.clear()
            for _ in range(3):
                step()
                self.assertEqual(calls, ["a", "b", "c", "by b", "by a"])
                self.assertEqual(step._last.recorded, {})
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

    def test_return_the_shape_that_they_returned_first(self):
        n = 3
        cut = operator("cut", lambda x: x[:n] * 1, None)
        x = Value(np.ones(3))
        step = compiled(cut(x) * 2)
        step()
        n = 2
        with self.assertRaisesRegex(ValueError, r"\(3,\), got \(2,\).*of your own"):
            step()

    def test_return_booleans_of_numpys(self):
        is_large = operator("is_large", lambda x: np.bool_(x > 1), None)
        for x in (0.5, 2.0):
            self.assert_as_engine(lambda x: x * is_large(x) + is_large(x), x)

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


if __name__ == "__main__":
    unittest.main()
