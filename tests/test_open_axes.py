"""Axes of any length: what shows their length, and where an operator was written."""

import re
import time
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from testing import ValueTest, numbers

from micrograd import Value, compiled, concatenate, einsum, operator, where
from micrograd.nn import MLP, cross_entropy


class TestOpenAxes(ValueTest):
    def setUp(self):
        self.x = Value(shape=(None, 2), name="x")

    def test_shapes(self):
        x, flat = self.x, Value(shape=(None,), name="flat")
        table, w = Value(np.ones((7, 3))), Value(np.ones((2, 5)))
        ids = Value(shape=(None, 4), name="ids", dtype=int)
        both = Value(shape=(None, None), name="both")
        model = MLP(2, [3, 1])
        for name, y, shape in [
            ("leaf", x, (None, 2)),
            ("product", x @ w, (None, 5)),
            ("transpose", x.T * 2, (2, None)),
            ("matrix of all pairs", x @ x.T, (None, None)),
            ("sum of rows", x.sum(0), (2,)),
            ("sum", x.sum(), ()),
            ("sum of columns", x.sum(axis=1, keepdims=True), (None, 1)),
            ("mean", x.mean(), ()),
            ("column", x[:, 0], (None,)),
            ("row", x[0], (2,)),
            ("first five rows", x[:5], (None, 2)),
            ("first two rows", x[:2], (None, 2)),
            ("each second row", x[::2], (None, 2)),
            ("each tenth row", x[::10], (None, 2)),
            ("flattened", x.reshape(-1), (None,)),
            ("more axes", x.reshape(-1, 1, 2), (None, 1, 2)),
            ("of booleans", x > 0, (None, 2)),
            ("where", where(x > 0, x, 0), (None, 2)),
            ("joined", concatenate([x, [[1, 2]]]), (None, 2)),
            ("joined sideways", concatenate([x, x], axis=1), (None, 4)),
            ("embedding", table[ids], (None, 4, 3)),
            ("einsum", einsum("ij,kj->ik", x, w.T), (None, 5)),
            ("two open axes", both.sum(0), (None,)),
            ("broadcast", flat[:, None] * x, (None, 2)),
            ("net", model(x), (None,)),
            ("loss", cross_entropy(x, ids[:, 0]), ()),
            ("of no open axis", w @ w.T, (2, 2)),
            ("user's", operator("half", lambda a: a[::2], None)(x), (None, 2)),
        ]:
            with self.subTest(name):
                self.assertEqual(y.shape, shape)
                self.assertEqual(np.shape(y), shape)
                self.assertEqual(y.ndim, len(shape))
                size = None if None in shape else np.prod(shape, dtype=int)
                self.assertEqual((y.size, np.size(y)), (size, size))

    def test_whatever_is_fed(self):
        """Also lengths that the two trials have."""
        y = self.x @ np.ones((2, 3))
        for n in (1, 2, 3, 17, 0):
            y.forward(x=np.ones((n, 2)))
            fresh = self.x * 2
            self.assertEqual((y.shape, fresh.shape), ((None, 3), (None, 2)))
            self.assertEqual(y.data.shape, (n, 3))

    def test_a_length_is_never_frozen(self):
        h = self.x.relu()
        words = r"write mean\(axis=0\).*reshape\(-1"
        for freeze in (
            lambda: h.sum() / len(h),
            lambda: np.arange(len(h)),
            lambda: [row for row in h],
            lambda: sum(h),
            lambda: zip(h, h),
            lambda: list(self.x),
        ):
            with self.assertRaisesRegex(TypeError, words):
                freeze()
        for divide in (lambda: h.sum() / h.shape[0], lambda: h * h.size):
            with self.assertRaisesRegex(TypeError, r"NoneType \(the length of an open"):
                divide()
        for x in (h, self.x):
            with self.assertRaisesRegex(TypeError, r"got \(None, -1\); write -1"):
                x.reshape(x.shape[0], -1)
        with self.assertRaises(TypeError):
            np.arange(h.shape[0])
        self.assertEqual(len(h.T), 2)
        self.assertEqual([row.shape for row in h.T], [(None,), (None,)])

    def test_one_that_works_at_one_length_alone(self):
        for bake in (
            lambda x: x.reshape(1, 2) * 2,
            lambda x: x.reshape(2),
            lambda x: x - np.ones((3, 2)),
            lambda x: x.reshape(-1) @ np.ones(2),
        ):
            y = bake(self.x)
            words = r"of shapes .* \(test_open_axes.py, .*: lambda x: .* open axes have"
            with self.assertRaisesRegex(ValueError, words):
                np.shape(y.sum())
            with self.assertRaises(ValueError):
                np.size(y)

    def test_axes_that_depend_on_a_length(self):
        y = operator("squeezed", np.squeeze, None)(self.x)
        with self.assertRaisesRegex(ValueError, "axes of other lengths give other"):
            np.shape(y)

    def test_asking_changes_nothing(self):
        seen = []
        look = operator("look", lambda x: seen.append(x.shape) or x, None)
        y = look(self.x)
        y.forward(x=np.ones((3, 2)))
        data = y.data
        with np.errstate(all="raise"):
            self.assertEqual((y * 2).log().shape, (None, 2))
        self.assertIs(y.data, data)
        self.assert_equal(self.x.data, np.ones((3, 2)))
        calls = len(seen)
        self.assertEqual(((y * 3).shape, len(seen)), ((None, 2), calls))

    def test_asking_at_each_operator_of_a_chain(self):
        def seconds(n, ask):
            y = self.x
            start = time.process_time()
            for _ in range(n):
                y = y * 1.0
                ask(y)
            return time.process_time() - start

        few = min(seconds(1_000, lambda y: y.shape) for _ in range(3))
        self.assertLess(seconds(10_000, lambda y: y.shape), 60 * few)

    def test_compiled_as_well(self):
        y = (self.x**2).sum() / 2
        self.assertEqual(y.shape, ())
        w = Value(np.ones(2))
        step = compiled((self.x @ w).mean(), wrt=w)
        for n in (1, 2, 5):
            x = numbers((n, 2))
            self.assert_close(step(x=x), x.sum() / n)


class TestCallSites(unittest.TestCase):
    """An error of an expression that is evaluated again says where it was written."""

    def line_of(self, words):
        lines = Path(__file__).read_text(encoding="utf-8").splitlines()
        (number,) = [i for i, line in enumerate(lines, 1) if line.endswith(words)]
        return number

    def fails(self, result, kind, words, place, **feeds):
        at = rf"\(test_open_axes\.py, line {self.line_of(place)}: .*\)"
        for run in (result.forward, compiled(result)):
            with self.assertRaisesRegex(kind, rf"operator '{words}.* {at}: "):
                run(**feeds)

    def test_operators(self):
        x, y = (Value(shape=(None,), name=name) for name in "xy")
        product = x * y  # product
        ours = np.maximum(x, y)  # ours
        picked = where(x > 0, x, y)  # picked
        bad = {"x": np.ones(2), "y": np.ones(3)}
        self.fails(product.exp(), ValueError, r"\*", "# product", **bad)
        self.fails(ours, ValueError, "maximum", "# ours", **bad)
        self.fails(picked, ValueError, "where", "# picked", **bad)

    def test_operators_that_numpy_applies(self):
        x = Value(shape=(None,), name="x")
        y = np.polynomial.polynomial.polyval(x, [1.0, 2.0])  # NumPy's
        with np.errstate(all="raise"):  # it starts with x * 0
            self.fails(y, FloatingPointError, r"\*", "# NumPy's", x=[np.inf])

    def test_nets(self):
        model, x = MLP(2, [3, 1]), Value(shape=(None, None), name="x")
        x.forward(x=np.ones((1, 2)))
        scores = model(x)  # scores
        self.fails(scores, ValueError, "@' of shapes", "# scores", x=np.ones((4, 3)))

    def test_the_first_nan(self):
        """np.errstate leads to the operator that makes it."""
        x = Value(shape=(None,), name="x")
        y = x - 2
        z = y.log() * 3  # log
        with np.errstate(all="raise"):
            self.fails(z, FloatingPointError, "log", "# log", x=[3.0, 1.0])

    def test_derivatives(self):
        x = Value([4.0, 0.0])
        with np.errstate(all="ignore"):
            y = x.sqrt() * 2  # root
        at = rf"'sqrt' .*line {self.line_of('# root')}: y = x\.sqrt"
        with np.errstate(all="raise"), self.assertRaisesRegex(FloatingPointError, at):
            y.backward()

    def test_code_without_a_file(self):
        names = {"Value": Value}
        exec("x = Value(shape=(None,), name='x')\ny = (\n    x\n    * [1, 2])", names)
        with self.assertRaisesRegex(ValueError, r"\(<string>, line [34]\): "):
            names["y"].forward(x=[1, 2, 3])

    def test_many_places(self):
        from micrograd.interface import call_sites

        codes, names = [], {"x": Value(2.0)}
        with mock.patch.object(call_sites, "MOST_CODES", 20):
            for n in range(1, 50):
                codes.append(compile("\n" * n + "y = x * 2", "many", "exec"))
                exec(codes[-1], names)
                self.assertLessEqual(len(call_sites.KNOWN), call_sites.MOST_CODES)
                self.assertEqual(names["y"]._call_site.line, n + 1)

    def test_code_at_the_address_of_code_that_is_gone(self):
        """It is not taken for that: NumPy 1 calls itself from code without a file."""
        names = {"x": Value(2.0)}
        for file in ["<__array_function__ internals>", "users"] * 20:
            code = compile("y = x * 2", file, "exec")
            exec(code, names)
            del code
            if file == "users":
                self.assertEqual(str(names["y"]._call_site), "users, line 1")

    def test_messages_show_no_inner_names(self):
        cube = operator("cube", lambda x: x**3, lambda g, y, x: g * 3 * x**2)
        v = Value([1.0, 2.0])
        for call in (
            lambda: cube(v, v),
            lambda: cube(),
            lambda: np.exp(v, dtype=np.float32),
            lambda: v.sum(dim=0),
            lambda: v.max(0, keepdim=True),
        ):
            with self.assertRaises(TypeError) as caught:
                call()
            self.assertFalse(
                re.findall("<|lambda|apply|operands\\(", str(caught.exception))
            )
        with self.assertRaisesRegex(TypeError, r"sum\(\): expected axis=, got dim="):
            v.sum(dim=0)
        with self.assertRaisesRegex(TypeError, "expected keepdims=, got keepdim="):
            v.mean(0, keepdim=True)


if __name__ == "__main__":
    unittest.main()
