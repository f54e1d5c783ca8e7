"""Comparisons, logic and places: NumPy's, evaluated anew by each forward()."""

import operator
import runpy
import unittest
import warnings

import numpy as np
from testing import ValueTest, needs, new_folder

from micrograd import Value, compiled

NAN, INF = np.nan, np.inf
FLOATS = np.array([[1.5, -0.0, 2.0, 1.5], [NAN, INF, -INF, 0.0], [-1.5, 3.0, 3.0, 1.0]])
INTEGERS = np.array([[3, -1, 0, 3], [2, 0, 5, 5], [1, 6, -4, 0]])
DATA = {  # whose last axis is of length 4, but for those without axes
    "floats": FLOATS,
    "float32": FLOATS.astype(np.float32),
    "integers": INTEGERS,
    "unsigned": np.abs(INTEGERS).astype(np.uint8),
    "booleans": INTEGERS > 0,
    "one row": FLOATS[:1],
    "no rows": FLOATS[:0],
    "three axes": np.arange(24.0).reshape(2, 3, 4) % 5,
    "without axes": np.array(2.5),
}
ROW = np.array([1.5, 0.0, 2.0, 5.0])
BITS = np.array([True, False, True, True])
FUNCTIONS = {  # of a Value and of an array alike
    "logical_and": lambda x: np.logical_and(x, ROW),
    "logical_and of a row": lambda x: np.logical_and(ROW > 1, x),
    "logical_or": lambda x: np.logical_or(x, [0, 1, 0, 1]),
    "logical_xor": lambda x: np.logical_xor(x, x > 0),
    "logical_not": lambda x: np.logical_not(x),
    "bitwise_and": lambda x: np.bitwise_and(x, BITS),
    "&": lambda x: x & BITS,
    "& of comparisons": lambda x: (x > 0) & (x < 2),
    "& on the right": lambda x: True & (x > 0),
    "& of a list": lambda x: operator.and_([1, 3, 2, 7], x),
    "|": lambda x: x | BITS,
    "| on the right": lambda x: 6 | x,
    "| of comparisons": lambda x: (x < 0) | (x > 2) | BITS,
    "^": lambda x: x ^ x,
    "^ on the right": lambda x: BITS ^ (x > 0),
    "~": lambda x: ~x,
    "~ of a comparison": lambda x: ~(x > 1),
    "isnan": lambda x: np.isnan(x),
    "isfinite": lambda x: np.isfinite(x),
    "isinf": lambda x: np.isinf(x),
    "signbit": lambda x: np.signbit(x),
    "sign": lambda x: np.sign(x),
    "isclose": lambda x: np.isclose(x, ROW),
    "isclose, just and just not": lambda x: np.isclose(
        x * 0 + [0.9e-8, 1.1e-8, 1 + 0.9e-5, 1 + 1.1e-5], [0, 0, 1, 1]
    ),
    "isclose by name": lambda x: np.isclose(ROW, x, atol=0.5, rtol=0, equal_nan=True),
    "isclose as far as a Value says": lambda x: np.isclose(x, 2, rtol=np.mean(x)),
    "isclose to itself": lambda x: np.isclose(x, x + 1e-9, equal_nan=True),
    "isin": lambda x: np.isin(x, [0, 3, NAN]),
    "isin of others": lambda x: np.isin([1.5, 7], x, invert=True),
    "any": lambda x: np.any(x),
    "any of axis": lambda x: np.any(x, -1),
    "any()": lambda x: x.any(axis=0, keepdims=True),
    "any of axes": lambda x: x.any(axis=(0, 1)),
    "all": lambda x: np.all(x, axis=0),
    "all()": lambda x: x.all(),
    "all of axis": lambda x: (x > -2).all(axis=-1, keepdims=True),
    "count_nonzero": lambda x: np.count_nonzero(x),
    "count_nonzero of axis": lambda x: np.count_nonzero(x, axis=-1, keepdims=True),
    "argmax": lambda x: np.argmax(x),
    "argmax of axis": lambda x: np.argmax(x, 0),
    "argmax()": lambda x: x.argmax(axis=-1, keepdims=True),
    "argmin": lambda x: np.argmin(x, axis=-1),
    "argmin()": lambda x: x.argmin(),
    "nanargmax": lambda x: np.nanargmax(x, axis=-1),
    "nanargmin": lambda x: np.nanargmin(x),
    "argsort": lambda x: np.argsort(x, kind="stable"),
    "argsort of axis": lambda x: np.argsort(x, axis=0, kind="stable"),
    "argsort()": lambda x: (-1.0 * x).argsort(kind="stable"),
    "argsort of all": lambda x: np.argsort(x, None, "stable"),
    "argpartition": lambda x: np.argpartition(x, 1),
    "argpartition()": lambda x: x.argpartition(kth=2, axis=-1),
    "searchsorted": lambda x: np.searchsorted([0, 1.5, 3], x),
    "searchsorted in it": lambda x: np.searchsorted(np.sort(ROW) + x[-1, 0] * 0, 1.5),
    "digitize": lambda x: np.digitize(x, [0, 1.5, 3]),
    "digitize right": lambda x: np.digitize(x, bins=[3, 1.5, 0], right=True),
    "nonzero": lambda x: np.nonzero(x)[0],
    "nonzero()": lambda x: (x > 1).nonzero()[-1],
    "argwhere": lambda x: np.argwhere(x > 0),
    "flatnonzero": lambda x: np.flatnonzero(x > 0),
    "rows found": lambda x: x[(x > 0).nonzero()],
}
OF_DATA = {
    "allclose": lambda x, y: np.allclose(x, y),
    "allclose by name": lambda x, y: np.allclose(x, b=y, equal_nan=True),
    "allclose, roughly": lambda x, y: np.allclose(y, x, 0, 10),
    "array_equal": lambda x, y: np.array_equal(x, y),
    "array_equal with nan": lambda x, y: np.array_equal(y, x, equal_nan=True),
    "array_equiv": lambda x, y: np.array_equiv(x, y),
    "result_type": lambda x, y: np.result_type(x, y),
    "result_type with another": lambda x, y: np.result_type(np.float32, y),
    "can_cast": lambda x, y: np.can_cast(y, np.float32),
    "can_cast by name": lambda x, y: np.can_cast(x, to=int, casting="same_kind"),
    "common_type": lambda x, y: np.common_type(x, y),
    "iscomplexobj": lambda x, y: np.iscomplexobj(y),
    "isrealobj": lambda x, y: np.isrealobj(y),
    "may_share_memory": lambda x, y: np.may_share_memory(x, y),
    "shares_memory": lambda x, y: np.shares_memory(y, y),
}


class TestFunctions(ValueTest):
    def test_as_numpy_has_them(self):
        for name, function in FUNCTIONS.items():
            for kind, x in DATA.items():
                with self.subTest(name, kind=kind):
                    self.compare(function, x)

    def compare(self, function, x):
        """The same numbers, dtype and shape, or the same kind of error."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", DeprecationWarning)
                expected = function(x)
        except (DeprecationWarning, ValueError) as error:
            if "All-NaN" not in str(error):
                with self.assertRaises(ValueError):
                    function(Value(x))
            return
        except (TypeError, IndexError):
            with self.assertRaises((TypeError, IndexError)):
                function(Value(x))
            return
        y = function(Value(x))
        self.assertIs(type(y), Value)
        self.assert_equal(y.data, expected)
        self.assertEqual(y.dtype, np.result_type(expected))

    def test_on_numbers(self):
        for function, x, expected in [
            (np.isnan, 2.0, False),
            (np.sign, -2.0, -1.0),
            (np.sign, 3, 1),
            (np.logical_not, 0.0, True),
            (lambda x: x & 3, 6, 2),
            (lambda x: 6 | x, 1, 7),
            (lambda x: ~x, 5, -6),
            (lambda x: ~(x > 1), 2.0, False),
            (lambda x: (x > 1) ^ (x > 3), 2.0, True),
            (np.argmax, 2.0, 0),
            (lambda x: x.any(), 0.0, False),
            (np.count_nonzero, 2, 1),
            (lambda x: np.searchsorted([1, 2, 3], x), 2.5, 2),
            (lambda x: np.digitize(x, [1, 2, 3]), 2.5, 2),
            (lambda x: np.isclose(x, 2.0 + 1e-9), 2.0, True),
        ]:
            y = function(Value(x))
            with self.subTest(expected=expected, x=x):
                self.assertEqual(y.shape, ())
                self.assertEqual(y.data, expected)
                if y.op not in ("searchsorted", "digitize"):  # one is of an array
                    self.assertIn(type(y.data), (float, int, np.bool_))

    def test_floats_have_no_bits(self):
        words = r"got float64 and bool: compare first, as in \(x > 0\) & \(y > 0\)"
        with self.assertRaisesRegex(TypeError, words):
            _ = Value(ROW) & BITS
        for use in (lambda x: x | 1, lambda x: 1 ^ x, lambda x: ~x):
            with self.assertRaisesRegex(
                TypeError, "booleans or integers, got .*float64"
            ):
                use(Value(2.0))

    def test_a_number_has_no_places(self):
        for x in (Value(2.0), Value(np.array(2.0))):
            with self.assertRaisesRegex(ValueError, "expected an axis"):
                np.nonzero(x)
        self.assertEqual(np.argwhere(Value(2.0)).shape, np.argwhere(2.0).shape)

    def test_wrong_options(self):
        x = Value(FLOATS)
        for call in (
            lambda: np.argmax(x, out=np.zeros((), int)),
            lambda: np.argsort(x, order="a"),
            lambda: np.any(x, where=BITS),
            lambda: x.argmax(dim=1),
            lambda: x.all(where=BITS),
            lambda: np.searchsorted(x[0], 1.0, sorter=[0, 1, 2, 3]),
        ):
            with self.assertRaisesRegex(TypeError, "unexpected keyword|expected axis="):
                call()
        with self.assertRaisesRegex(ValueError, "argmax.*axis 2 is out of bounds"):
            x.argmax(axis=2)
        with self.assertRaises(IndexError):
            np.argsort(x, axis=-3)


class TestInExpressions(ValueTest):
    """Evaluated anew, also by programs, and without a gradient."""

    def feeds(self):
        for n in (3, 1, 2, 7):
            yield np.random.default_rng(n).normal(size=(n, 4)).round(1)

    def functions(self):
        """Those that take floats."""
        for name, function in FUNCTIONS.items():
            try:
                function(FLOATS)
            except TypeError:
                continue
            yield name, function

    def test_fed_and_compiled(self):
        for name, function in self.functions():
            x = Value(shape=(None, 4), name="x")
            y = function(x)
            program = compiled(y)
            for data in self.feeds():
                with self.subTest(name, length=len(data)):
                    expected = function(data)
                    self.assert_equal(y.forward(x=data), expected)
                    result = program(x=data)
                    self.assert_equal(result, expected)
                    self.assertEqual(np.result_type(result), np.result_type(expected))

    def test_open_axes_stay_open(self):
        x = Value(shape=(None, 4), name="x")
        for y, shape in [
            (x.argmax(axis=1), (None,)),
            (x.argsort(axis=0), (None, 4)),
            ((x > 0).any(axis=0), (4,)),
            ((x > 0) & (x < 1), (None, 4)),
            (np.isclose(x, 0), (None, 4)),
            (np.searchsorted([0, 1], x), (None, 4)),
            (np.nanargmin(x, 0), (4,)),
        ]:
            self.assertEqual(y.shape, shape)

    def test_beside_gradients(self):
        """They receive nothing, and hand on nothing."""
        for name, function in self.functions():
            x = Value(FLOATS[::2] + 0.25)
            w = Value(2.0)
            y = function(x * w)
            if name in ("sign", "rows found"):
                continue
            loss = (x * w * w).sum() + y.sum() * w
            step = compiled(loss, wrt=[x, w])
            with self.subTest(name):
                with self.assertRaisesRegex(ValueError, "does not depend"):
                    (y * 1.0).backward(wrt=x)
                loss.backward()
                gradients = x.grad, w.grad
                self.assert_close(gradients[0], np.full(x.shape, 4.0))
                total = np.sum(y.data)
                self.assert_close(gradients[1], 4 * x.data.sum() + total)
                self.assert_close(step(), loss.data)
                self.assert_close(x.grad, gradients[0])
                self.assert_close(w.grad, gradients[1])

    def test_sign(self):
        """It has a gradient, of zeros, so that nothing fails that PyTorch takes."""
        for data in (FLOATS, ROW.astype(np.float32), 2.0):
            x = Value(data)
            y = np.sign(x)
            y.backward(wrt=x)
            self.assert_equal(x.grad, np.zeros(np.shape(data)))
            (y * x).sum().backward(wrt=x)
            self.assert_equal(x.grad, np.sign(data))
            if not isinstance(data, float):
                self.assertEqual(x.grad.dtype, data.dtype)
                before = x.grad
                compiled((np.sign(x * 1) * x).sum(), wrt=x)()
                self.assert_equal(x.grad, before)

    @needs("torch")
    def test_as_pytorch_has_them(self):
        import torch

        t = torch.tensor(FLOATS, requires_grad=True)
        torch.sign(t).sum().backward()
        x = Value(FLOATS)
        np.sign(x).backward()
        self.assert_equal(x.grad, t.grad.numpy())
        t, x = t.detach(), Value(np.where(np.isnan(FLOATS), 1.25, FLOATS))
        t = torch.tensor(x.data)
        for name, ours, theirs in [
            ("argmax", x.argmax(axis=1), t.argmax(dim=1)),
            ("argmin", x.argmin(axis=0), t.argmin(dim=0)),
            ("argsort", x.argsort(kind="stable"), t.argsort(stable=True)),
            ("any", (x > 2).any(axis=1), (t > 2).any(dim=1)),
            ("all", (x > -2).all(axis=0), (t > -2).all(dim=0)),
            ("count_nonzero", np.count_nonzero(x, 1), t.count_nonzero(dim=1)),
            ("isclose", np.isclose(x, 1.5), t.isclose(torch.tensor(1.5).double())),
            ("signbit", np.signbit(x), t.signbit()),
            ("bits", ~(x > 1) ^ (x > 2) | (x < 0), ~(t > 1) ^ (t > 2) | (t < 0)),
            ("argwhere", np.argwhere(x > 0), (t > 0).argwhere()),
            ("searchsorted", np.searchsorted(ROW, x), np.searchsorted(ROW, t.numpy())),
            ("isin", np.isin(x, [3, 1.5]), torch.isin(t, torch.tensor([3, 1.5]))),
        ]:
            with self.subTest(name):
                self.assert_equal(ours.data, np.asarray(theirs))

    def test_a_metric(self):
        """Batches of other lengths, integers as targets, and programs."""
        rng = np.random.default_rng(0)
        x = Value(shape=(None, 3), name="x")
        y = Value(shape=(None,), name="y", dtype=int)
        w = Value(rng.normal(size=(3, 4)))
        scores = x @ w
        loss = (scores.logsumexp(axis=1) - scores[np.arange(1), y]).mean()
        accuracy = (scores.argmax(axis=1) == y).mean()
        top_two = (scores.argsort(axis=1)[:, -2:] == y[:, None]).any(axis=1).mean()
        step = compiled(loss, accuracy, top_two, wrt=w)
        self.assertEqual(accuracy.shape, ())
        for n in (8, 8, 5, 1):
            data, targets = rng.normal(size=(n, 3)), rng.integers(0, 4, n)
            order = np.argsort(data @ w.data, axis=1)
            expected = np.mean(order[:, -1] == targets)
            in_two = np.mean([t in row for t, row in zip(targets, order[:, -2:])])
            with self.subTest(n=n):
                self.assertEqual(accuracy.forward(x=data, y=targets), expected)
                self.assertEqual(top_two.forward(x=data, y=targets), in_two)
                _, *metrics = step(x=data, y=targets)
                self.assertEqual(metrics, [expected, in_two])

    def test_other_numbers_of_places(self):
        """With shapes that are the same: the program is written anew."""
        x = Value(shape=(6,), name="x")
        rows, total = np.argwhere(x > 0), (x[np.flatnonzero(x > 0)] ** 2).sum()
        program = compiled(total, rows, np.flatnonzero(x > 0) * 2, wrt=x)
        for n in (0, 2, 6, 3):
            data = np.where(np.arange(6) < n, 1.5, -1.0)
            total_now, rows_now, flat = program(x=data)
            self.assert_equal(rows_now, np.argwhere(data > 0))
            self.assert_equal(flat, np.arange(n) * 2)
            self.assert_close(total_now, 2.25 * n)
            self.assert_close(x.grad, 2 * np.maximum(data, 0))

    def test_saved_programs_take_other_numbers_of_elements(self):
        x, path = Value(shape=(6,), name="x"), new_folder(self) / "program.py"
        for y in (np.argwhere(x > 0), np.flatnonzero(x > 0), x[x > 0]):
            program = compiled(y)
            program(x=np.ones(6))
            program.save(path)
            step = runpy.run_path(str(path))["step"]
            for data in (np.ones(6), -np.ones(6), np.array([1, -2, 3, -4, 5, 6.0])):
                with self.subTest(y.op, data=data):
                    self.assert_equal(step(data), y.forward(x=data))


class TestPlainAnswers(ValueTest):
    def test_about_the_data_of_now(self):
        pairs = [(FLOATS, FLOATS), (FLOATS, ROW), (ROW, ROW + 1e-9), (ROW, BITS)]
        pairs += [(INTEGERS, FLOATS.astype(np.float32)), (FLOATS[:0], ROW)]
        for name, function in OF_DATA.items():
            for a, b in pairs:
                with self.subTest(name, a=a, b=b):
                    if name.startswith("common") and b.dtype == bool:
                        continue  # NumPy refuses
                    expected = function(a, b)
                    for x, y in ((a, Value(b)), (Value(a), b), (Value(a), Value(b))):
                        if isinstance(x if "by name" in name else y, Value):
                            self.check(function(x, y), expected)
        self.assertIs(np.allclose([Value(1.0), 2.0], Value([1.0, 2.0])), True)
        self.assertIs(np.can_cast(Value(2.0), np.float32), False)

    def check(self, answer, expected):
        self.assertEqual(answer, expected)
        if isinstance(expected, (bool, np.bool_)):
            self.assertIs(type(answer), bool)

    def test_after_feeding(self):
        x = Value(shape=(None,), name="x")
        y = x * 2
        self.assertIs(np.array_equal(y, [2, 4]), False)
        y.forward(x=[1, 2])
        self.assertIs(np.array_equal(y, [2, 4]), True)
        self.assertEqual(np.result_type(y), np.dtype(int))


if __name__ == "__main__":
    unittest.main()
