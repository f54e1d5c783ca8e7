"""Values of a Value's shape, filling in, and what to write instead of other names."""

import copy
import pickle
import unittest

import numpy as np
from testing import FunctionTest, ValueTest, needs, numbers

from micrograd import Value, compiled, stack

nan = float("nan")
LIKE = {
    "zeros_like": lambda x: np.zeros_like(x),
    "zeros_like of a dtype": lambda x: np.zeros_like(x, np.int8),
    "zeros_like of a shape": lambda x: np.zeros_like(x, shape=(2, 1)),
    "ones_like": lambda x: np.ones_like(x),
    "ones_like of a dtype": lambda x: np.ones_like(x, dtype=bool),
    "full_like": lambda x: np.full_like(x, 2.5),
    "full_like of a row": lambda x: np.full_like(x, [1, 2, 3]),
    "full_like by name": lambda x: np.full_like(x, fill_value=7, dtype=float),
    "full_like of a shape": lambda x: np.full_like(x, 7, shape=4),
}
MASK = np.array([[True, False, True], [False, True, True]])
KEYS = {  # of (2, 3), and the shapes of values that fit
    "a number": (1, [(3,), (1,), ()]),
    "an element": ((0, -1), [()]),
    "a slice": (slice(None, 1), [(1, 3), (3,), (1, 1), ()]),
    "a column": ((slice(None), 2), [(2,), ()]),
    "each second": (np.s_[:, ::2], [(2, 2), (2, 1), (2,), ()]),
    "backwards": (np.s_[::-1], [(2, 3), (3,)]),
    "a new axis": (np.s_[None, 0], [(1, 3), (3,), ()]),
    "dots": (np.s_[..., 1], [(2,), ()]),
    "all": ((), [(2, 3), (2, 1), ()]),
    "nothing": (slice(0, 0), [(0, 3), (3,), ()]),
    "no rows": ([], [(0, 3), ()]),
    "a list": ([1, 0], [(2, 3), (2, 1), ()]),
    "a list that repeats": ([1, 1, 0], [(3, 3), (3, 1), (3,), ()]),
    "lists that repeat": (([0, 0, 1, 0], [2, 2, 1, -1]), [(4,), (1,), ()]),
    "a list and a number": (([1, 1], 0), [(2,), ()]),
    "a list and a slice": (np.s_[:, [2, 2, 0]], [(2, 3), (3,), ()]),
    "a matrix": (np.array([[0, 1], [1, 1]]), [(2, 2, 3), (3,), ()]),
    "a mask": (MASK, [(4,), (1,), ()]),
    "a mask of rows": (MASK[:, 0], [(1, 3), (3,), ()]),
    "a mask and a list": ((MASK[:, 1], [2, 2]), [(2,), ()]),
}


def with_set(v, key, x):
    """NumPy's assignment."""
    v = np.array(v)
    v[key] = x
    return v


def with_added(v, key, x):
    """NumPy's, which adds all that meet in a place."""
    v = np.array(v)
    np.add.at(v, key, x)
    return v


WAYS = {
    "set": (lambda v, key, x: v.at[key].set(x), with_set),
    "add": (lambda v, key, x: v.at[key].add(x), with_added),
}


class TestLike(ValueTest):
    def test_as_numpy_has_them(self):
        arrays = [numbers((2, 3)), numbers((0, 3)), numbers((1, 3)).astype(np.float32)]
        arrays += [np.array([[1, 2, 3]]), np.array([True, False, True])]
        for name, function in LIKE.items():
            for x in arrays:
                with self.subTest(name, dtype=x.dtype, shape=x.shape):
                    y, expected = function(Value(x)), function(x)
                    self.assert_equal(y.data, expected)
                    self.assertEqual(y.dtype, expected.dtype)
        for x in (np.array(2.5), np.float32(2.5)):
            y = np.ones_like(Value(x))
            self.assertEqual((y.shape, y.dtype, y.item()), ((), x.dtype, 1))

    def test_of_numbers(self):
        for x in (2.0, 3, True):
            y = np.ones_like(Value(x))
            self.assertEqual((y.data, y.shape), (1, ()))
            self.assertEqual(type(y.data), np.bool_ if x is True else type(x))
        self.assertEqual(np.full_like(Value(2.0), 3).data, 3.0)

    def test_empty_like_is_the_same_each_time(self):
        y = np.empty_like(Value(numbers((2, 3))), np.float32)
        self.assert_equal(y.data, np.zeros((2, 3), np.float32))

    def test_open_axes(self):
        for name, function in LIKE.items():
            x = Value(shape=(None, 3), name="x")
            y = function(x)
            program = compiled(y)
            with self.subTest(name):
                is_open = not name.endswith("of a shape")
                self.assertEqual(None in y.shape, is_open)
                for n in (2, 5, 0):
                    data = numbers((n, 3))
                    self.assert_equal(y.forward(x=data), function(data))
                    self.assert_equal(program(x=data), function(data))

    def test_gradients(self):
        x, w = Value(numbers((2, 3))), Value(numbers((3,)))
        for y in (np.zeros_like(x), np.ones_like(x), np.full_like(x, 2)):
            with self.assertRaisesRegex(ValueError, "does not depend"):
                y.backward(wrt=x)
        self.assert_right(
            lambda x, w: np.full_like(x, w) * x,
            lambda x, w: np.broadcast_to(w, (2, 3)) * x,
            x.data,
            w.data,
        )
        y = np.full_like(Value([1, 2]), Value(0.5) + 0) * 1.0
        self.assert_equal(y.data, [0, 0])
        fill = Value(2.5)
        loss = (np.full_like(Value([1, 2]), fill) * numbers((2,))).sum()
        loss.backward()
        self.assertEqual((loss.item(), fill.grad), (2 * numbers((2,)).sum(), 0.0))

    def test_wrong_options(self):
        x = Value(numbers((2, 3)))
        for call in (
            lambda: np.zeros_like(x, order="F"),
            lambda: np.ones_like(x, subok=False),
        ):
            with self.assertRaisesRegex(TypeError, "_like.*unexpected keyword"):
                call()


class TestLinspace(FunctionTest):
    def test_values_and_gradients(self):
        a, b = numbers((3,)), numbers((2, 3), 1)
        for options in (
            {},
            {"num": 4, "endpoint": False},
            {"num": 1},
            {"num": np.uint8(3), "axis": -1},
            {"num": 5, "axis": 1},
        ):
            function = lambda x, y, options=options: np.linspace(x, y, **options)
            with self.subTest(options=options):
                self.assert_as_numpy(function, a, b)
                self.assert_right(function, function, a, b)
                if "axis" not in options:
                    self.assert_right(function, function, a[0], b[0, 0])
                self.assert_compiled(function, a, b)
        self.assert_as_numpy(np.linspace, a.astype(np.float32), np.float32(2))
        self.assert_as_numpy(lambda x: np.linspace(x, 9, 3, dtype="f4"), a)
        self.assertEqual(np.linspace(Value(1.0), 2.0, 0).shape, (0,))

    def test_steps(self):
        for num, endpoint, expected in (
            (5, True, 0.5),
            (4, False, 0.5),
            (1, True, nan),
        ):
            y, step = np.linspace(Value(1.0), 3.0, num, endpoint, retstep=True)
            self.assertEqual(y.shape, (num,))
            self.assert_equal(step.data, expected)

    def test_for_any_length(self):
        self.assert_for_any_length(lambda x: np.linspace(x, 1.0, 3))

    def test_wrong_numbers(self):
        with self.assertRaisesRegex(TypeError, "integer"):
            np.linspace(Value(1.0), 2.0, 2.5)
        with self.assertRaisesRegex(ValueError, "-1"):
            np.linspace(Value(1.0), 2.0, -1)


class TestFillingIn(ValueTest):
    def test_values_and_gradients(self):
        for way, (ours, numpys) in WAYS.items():
            for name, (key, shapes) in KEYS.items():
                for shape in shapes:
                    with self.subTest(way, key=name, shape=shape):
                        v, x = numbers((2, 3)), numbers(shape, seed=1)
                        self.assert_right(
                            lambda v, x, key=key, ours=ours: ours(v, key, x),
                            lambda v, x, key=key, numpys=numpys: numpys(v, key, x),
                            v,
                            x,
                        )

    def test_compiled(self):
        for way, (ours, _) in WAYS.items():
            for name, (key, shapes) in KEYS.items():
                for shape in shapes:
                    v, x = Value(numbers((2, 3))), Value(numbers(shape, seed=1))
                    y = (ours(v * 2, key, x * x) * numbers((2, 3), seed=2)).sum()
                    y.backward()
                    with self.subTest(way, key=name, shape=shape):
                        gradients = v.grad, x.grad
                        self.assert_close(compiled(y, wrt=[v, x])(), y.data)
                        self.assert_close(v.grad, gradients[0])
                        self.assert_close(x.grad, gradients[1])

    def test_numbers_lists_and_arrays(self):
        v = Value(np.zeros(3))
        for x in (2, 2.0, np.float32(2), [2.0], np.array([2, 2]), [Value(2.0), 2]):
            self.assert_equal(v.at[1:].set(x).data, [0, 2, 2])
            self.assert_equal(v.at[1:].add(x).data, [0, 2, 2])
        self.assert_equal(v.data, np.zeros(3))
        for key in ((), ...):
            y = Value(2.0).at[key].set(3.0) + Value(2.0).at[key].add(3.0)
            self.assertEqual((y.data, y.shape), (8.0, ()))
        y = Value(np.array(2.0)).at[()].set(3.0)
        self.assertEqual((type(y.data), y.data), (np.float64, 3.0))
        x, v = Value(3.0), Value(2.0)
        (v.at[()].set(x) * 5).backward()
        self.assertEqual((x.grad, v.grad, type(v.grad)), (5.0, 0.0, float))
        (v.at[()].add(x) * 5).backward()
        self.assertEqual((x.grad, v.grad), (5.0, 5.0))

    def test_a_mask_of_a_number(self):
        for data in (1.5, np.array(1.5)):
            for how, expected in [("set", (2.0, 0.0, 1.0)), ("add", (3.5, 1.0, 1.0))]:
                z, v = Value(data), Value(2.0)
                y = getattr(z.at[z > 0], how)(v)
                y.backward()
                self.assertEqual((y.data, z.grad, v.grad), expected)
                y = getattr(z.at[z < 0], how)(v)
                y.backward()
                self.assertEqual((y.data, z.grad, v.grad), (1.5, 1.0, 0.0))

    def test_a_mask_of_a_number_compiled(self):
        """How many elements it takes is another at each call: one or none."""
        for how in ("set", "add"):
            z, v = Value(np.array(1.5)), Value(np.array([2.0]))
            y = getattr(z.at[z > 0], how)(v)
            program = compiled(y, wrt=[z, v])
            for number in (1.5, -1.5, 2.5):
                z.data = np.array(number)
                y.forward()
                y.backward()
                gradients = z.grad, v.grad
                self.assertEqual(program(), y.data)
                self.assert_equal(z.grad, gradients[0])
                self.assert_equal(v.grad, gradients[1])

    def test_dtypes(self):
        """They stay, as in NumPy's assignment, but nothing is cut."""
        single, whole = np.zeros(2, np.float32), np.zeros(2, np.uint8)
        for y in (
            Value(single).at[0].set(np.float64(0.1)),
            Value(single).at[[0]].add(Value(0.1)),
            Value(single).at[0].set(Value(np.array([0.1], float))[0]),
        ):
            self.assert_equal(y.data, np.array([0.1, 0], np.float32))
            self.assertEqual(y.dtype, np.float32)
        for y in (Value(whole).at[0].set(7), Value(whole).at[0].add(np.uint8(7))):
            self.assert_equal(y.data, np.array([7, 0], np.uint8))
            self.assertEqual(y.dtype, np.uint8)
        y = Value([True, True]).at[0].set(False)
        self.assertEqual((y.dtype, y.tolist()), (bool, [False, True]))
        for call in (
            lambda: Value(whole).at[0].set(0.5),
            lambda: Value([1, 2]).at[[0]].add(Value(0.5)),
            lambda: Value([True]).at[0].set(0.5),
        ):
            with self.assertRaisesRegex(TypeError, r"got float64: .*\(v \+ 0.0\).at"):
                call()
        x = Value(np.float32(2))
        (Value(np.zeros(3)).at[:2].set(x) * 3).backward()
        self.assertEqual((x.grad.dtype, x.grad), (np.float32, 6))

    def test_computed_keys(self):
        """Keys, and masks, that are Values: another one at each forward()."""
        x, i = Value(shape=(None, 2), name="x"), Value(shape=(), name="i", dtype=int)
        for (ours, numpys), key in [
            (way, key)
            for way in WAYS.values()
            for key in (
                lambda x, i: i,
                lambda x, i: (slice(None), i),
                lambda x, i: x > 1,
                lambda x, i: x.argmax(axis=0),
                lambda x, i: np.nonzero(x > 1),
                lambda x, i: np.stack([i, i * 0, i]),
            )
        ]:
            y = ours(x, key(x, i), -9.0)
            self.assertEqual(y.shape, (None, 2))
            program = compiled((y * y).sum(), wrt=x)
            for n in (2, 4, 3):
                data, place = numbers((n, 2), seed=n), np.array(n % 2)
                expected = numpys(data, key(data, place), -9.0)
                self.assert_equal(y.forward(x=data, i=place), expected)
                (y * y).sum().backward(wrt=x)
                gradient = x.grad
                self.assert_close(program(x=data, i=place), (expected**2).sum())
                self.assert_close(x.grad, gradient)

    def test_masks_of_other_numbers(self):
        """What is put in broadcasts to as many as there are, also in programs."""
        x, w = Value(shape=(5, 2), name="x"), Value(numbers((2,)))
        v = Value(np.zeros((5, 2)))
        for ours, numpys in WAYS.values():
            y = (ours(v, x[:, 0] > 1, w * 2) * x).sum()
            program = compiled(y, wrt=[w, v])
            for seed in range(5):
                data = numbers((5, 2), seed)
                total = (numpys(v.data, data[:, 0] > 1, w.data * 2) * data).sum()
                self.assert_close(program(x=data), total)
                gradient = 2 * data[data[:, 0] > 1].sum(axis=0)
                self.assert_close(w.grad, gradient)
                y.forward(x=data)
                y.backward()
                self.assert_close(w.grad, gradient)

    def test_a_loop_that_fills_in(self):
        """As somebody writes it for arrays, and by a stack of the rows."""
        a = Value(numbers((2, 2)))
        table, rows = Value(np.zeros((4, 2))), []
        row = Value(np.ones(2))
        for i in range(4):
            row = a @ row
            table = table.at[i].set(row)
            rows.append(row)
        (table * table).sum().backward(wrt=a)
        gradient = a.grad
        (stack(rows) ** 2).sum().backward(wrt=a)
        self.assert_close(gradient, a.grad)
        b = Value(np.zeros((4, 4))).at[:2, :2].set(a).at[2:, 2:].set(a.T)
        b.backward()
        self.assert_equal(a.grad, np.full((2, 2), 2.0))

    def test_nothing_is_shared(self):
        array = np.zeros(3)
        v, x = Value(array), Value([1.0, 2.0])
        y = v.at[:2].set(x)
        kept = y.data
        y.forward()
        self.assertIsNot(y.data, kept)
        y.backward()
        v.grad += 5
        self.assert_equal(x.grad, [1, 1])
        self.assert_equal(array, np.zeros(3))
        keys = [0, 1]
        y = v.at[keys].set(x)
        keys[0] = 2
        self.assert_equal(y.forward(), [1, 2, 0])

    def test_wrong_calls(self):
        v = Value(np.zeros((2, 3)))
        with self.assertRaisesRegex(IndexError, r"at\[\].set.* index 2 is out of"):
            v.at[2].set(1.0)
        with self.assertRaisesRegex(ValueError, r"at\[\].add.* \(4,\)"):
            v.at[0].add(np.ones(4))
        for key, shape in [
            (np.s_[1:1, 1], (2, 3, 4)),  # np.add.at crashes the process
            (np.s_[0], (1, 3)),
            (np.s_[:, [0, 1]], (3, 1)),
            (np.s_[[]], (2, 3)),
        ]:
            with self.assertRaisesRegex(ValueError, "expected a shape that broad"):
                v.at[key].add(np.ones(shape))
        with self.assertRaisesRegex(TypeError, "expected real numbers"):
            v.at[0].set(None)
        self.assert_equal(v.data, np.zeros((2, 3)))

    @needs("torch")
    def test_as_pytorch_has_it(self):
        import torch

        index = torch.tensor([0, 2, 0])
        for way, accumulate in (("set", False), ("add", True)):
            key = [0, 2] if way == "set" else [0, 2, 0]  # repeated: theirs is undefined
            v, x = Value(numbers((3, 2))), Value(numbers((len(key), 2), seed=1))
            weights = numbers((3, 2), seed=2)
            y = getattr(v.at[key], way)(x)
            (y * weights).backward()
            t, u = (torch.tensor(a.data, requires_grad=True) for a in (v, x))
            z = t.index_put((index[: len(key)],), u, accumulate)
            (z * torch.tensor(weights)).sum().backward()
            self.assert_close(y.data, z.detach().numpy())
            self.assert_close(v.grad, t.grad.numpy())
            self.assert_close(x.grad, u.grad.numpy())


class TestWhatToWriteInstead(ValueTest):
    def test_other_names_are_pythons(self):
        v = Value(2.0)
        for name in ("tahn", "_ipython_display_", "__array_interface__", "__wrapped__"):
            with self.assertRaisesRegex(AttributeError, f"attribute '{name}'$"):
                getattr(v, name)
            self.assertIsNone(getattr(v, name, None))
        with self.assertRaisesRegex(AttributeError, "attribute 'colour'"):
            v.colour = 1

    def test_assignment_and_completion(self):
        """To set such a name says it, too; what completes names does not show them."""
        v = Value([1.0, 2.0])
        with self.assertRaisesRegex(AttributeError, r"'requires_grad': write backward"):
            v.requires_grad = True
        self.assertIn("write", repr(vars(Value)["requires_grad"]))
        names = dir(v)
        self.assertTrue({"data", "grad", "exp", "cumsum", "at"} <= set(names))
        self.assertFalse({"requires_grad", "add_", "fill", "nbytes"} & set(names))

    def test_copies(self):
        v = Value([1.0, 2.0])
        for made in (copy.copy(v), copy.deepcopy(v), pickle.loads(pickle.dumps(v))):
            self.assert_equal(made.data, [1, 2])
            self.assertIsNone(made.grad)
        with self.assertRaisesRegex(AttributeError, "_rule"):  # and no recursion
            _ = Value.__new__(Value)._rule

    def test_assignment(self):
        v = Value(np.zeros((2, 2)))
        words = r"v = v.at\[key\].set\(x\).* in a loop, stack\("
        with self.assertRaisesRegex(TypeError, words):
            v[0] = 1.0
        with self.assertRaisesRegex(TypeError, words):
            (v * 2)[:, 0] += v[0]
        with self.assertRaisesRegex(TypeError, r"Value\(array\).at\[key\].set\(x\)"):
            np.copyto(np.zeros((2, 2)), v)
        self.assert_equal(v.data, np.zeros((2, 2)))


if __name__ == "__main__":
    unittest.main()
