"""Functions of several Values, and what NumPy's refuse."""

import unittest

import numpy as np
from testing import ValueTest, numbers

from micrograd import Value, concatenate, einsum, stack, tensordot, where


class TestTensordot(ValueTest):
    def test_tensordot(self):
        for left, right, axes in [
            ((2, 3), (4, 5), 0),
            ((), (2,), 0),
            ((), (), 0),
            ((3,), (3,), 1),
            ((2, 3), (3, 4), 1),
            ((2, 3, 4), (4, 3, 5), 2),
            ((2, 3, 4), (4, 3, 2), 3),
            ((4, 2, 3), (3, 2, 4), 1 + 1),
            ((2, 0), (0, 3), 1),
        ]:
            # the last axis of left with the first of right, and so on outwards
            lists = [len(left) - 1 - i for i in range(axes)], list(range(axes))
            with self.subTest(left=left, right=right, axes=axes):
                self.assert_right(
                    lambda a, b, axes=axes: tensordot(a, b, axes),
                    lambda a, b, lists=lists: np.tensordot(a, b, lists),
                    numbers(left),
                    numbers(right, 2),
                )

    def test_tensordot_refuses_what_does_not_fit(self):
        for axes in (-1, 2, 3):
            with self.subTest(axes=axes), self.assertRaises(ValueError) as caught:
                tensordot(Value(np.ones((2, 3))), Value(np.ones(3)), axes)
            self.assertIn("tensordot", str(caught.exception))
        with self.assertRaises(ValueError) as caught:
            tensordot(Value(np.ones((2, 3))), Value(np.ones((2, 3))), 1)
        self.assertIn("tensordot", str(caught.exception))


class TestBadInput(ValueTest):
    def test_errors_are_numpys(self):
        """As they come from arrays, with the operator and its parents' shapes."""
        mask = np.ones(4, bool)
        for name, function, *shapes in [
            ("where", lambda a, b: np.where([True, False], a, b), (3,), (2, 3)),
            ("where", lambda a, b: np.where(mask, a, b), (4,), (2, 3)),
            ("clip", lambda a, b: np.clip(a, b, None), (2, 3), (4,)),
            ("clip", lambda a, b, c: np.clip(a, b, c), (2, 3), (2, 3), (4, 5)),
            ("max", lambda a: np.max(a), (0,)),
            ("min", lambda a: np.min(a, 0), (0, 3)),
            ("reshape", lambda a: np.reshape(a, 4), (2, 3)),
            ("reshape", lambda a: np.reshape(a, (4, -1)), (2, 3)),
            ("reshape", lambda a: np.reshape(a, (-1, -1)), (2, 3)),
            ("transpose", lambda a: np.transpose(a, (0, 0)), (2, 3)),
            ("transpose", lambda a: np.transpose(a, (0, 2)), (2, 3)),
            ("transpose", lambda a: np.transpose(a, (0,)), (2, 3)),
            ("transpose", lambda a: np.transpose(a, (0, 1, 2)), (2, 3)),
            ("concatenate", lambda a, b: np.concatenate([a, b]), (2, 3), (2, 4)),
            ("concatenate", lambda a, b: np.concatenate([a, b]), (2, 3), (3,)),
            ("concatenate", lambda a, b: np.concatenate([a, b], 2), (2, 3), (2, 3)),
            ("concatenate", lambda a, b: np.concatenate([a, b]), (), ()),
            ("stack", lambda a, b: np.stack([a, b]), (2, 3), (3,)),
            ("stack", lambda a, b: np.stack([a, b], 3), (2, 3), (2, 3)),
            ("stack", lambda a, b: np.stack([a, b], -4), (2, 3), (2, 3)),
            ("einsum", lambda a: np.einsum("ij->k", a), (2, 3)),
            ("einsum", lambda a: np.einsum("ij->ii", a), (2, 3)),
            ("einsum", lambda a: np.einsum("ij->i->j", a), (2, 3)),
            ("einsum", lambda a: np.einsum("i1", a), (2, 3)),
            ("einsum", lambda a: np.einsum("i.j", a), (2, 3)),
            ("einsum", lambda a: np.einsum("ij,jk", a), (2, 3)),
            ("einsum", lambda a, b: np.einsum("ij", a, b), (2, 3), (2, 3)),
            ("einsum", lambda a: np.einsum("i", a), (2, 3)),
            ("einsum", lambda a: np.einsum("ijk", a), (2, 3)),
            ("einsum", lambda a: np.einsum("...ijk", a), (2, 3)),
            ("einsum", lambda a: np.einsum("ii", a), (2, 3)),
            ("einsum", lambda a, b: np.einsum("ij,jk", a, b), (2, 3), (4, 5)),
            ("einsum", lambda a, b: np.einsum("...i,...i", a, b), (2, 3), (4, 3)),
            ("[]", lambda a: a[2], (2, 3)),
            ("[]", lambda a: a[0, -4], (2, 3)),
            ("[]", lambda a: a[[0, 5]], (2, 3)),
            ("[]", lambda a: a[0, 0, 0], (2, 3)),
            ("[]", lambda a: a[[0, 1], [0, 1, 2]], (2, 3)),
            ("[]", lambda a: a[mask], (2, 3)),
            ("[]", lambda a: a[1.5], (2, 3)),
            ("[]", lambda a: a["words"], (2, 3)),
            ("[]", lambda a: a[..., ...], (2, 3)),
            ("[]", lambda a: a[a], (2, 3)),  # of floats
        ]:
            with self.assertRaises(Exception) as expected:
                function(*map(np.ones, shapes))
            kinds = type(expected.exception).mro()  # of AxisError, ValueError
            kind = next(kind for kind in kinds if kind.__module__ == "builtins")
            values = [Value(np.ones(shape)) for shape in shapes]
            lazies = [Value(shape=shape, name="x") for shape in shapes]
            for operands in values, lazies:
                with self.subTest(name, message=str(expected.exception)):
                    with self.assertRaises(kind) as caught:
                        function(*operands)
                    for words in (name, *map(str, shapes)):
                        self.assertIn(words, str(caught.exception))

    def test_nothing_to_join(self):
        for function in (concatenate, stack):
            with self.assertRaisesRegex(ValueError, function.__name__):
                function([])

    def test_errors_once_fed(self):
        table = Value(np.arange(6.0).reshape(3, 2))
        x, y = Value(shape=(None,), name="x"), Value(shape=(None,), name="y")
        i = Value(shape=(None,), name="i", dtype=int)
        mask = Value(shape=(None,), name="mask", dtype=bool)
        two, three = np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0])
        for expression, error, bad, good, expected in [
            (
                table[i],
                "'[]' of shapes (3, 2), (2,)",
                {"i": [0, 3]},
                {"i": [2]},
                [[4, 5]],
            ),
            (x[mask], "'[]' of shapes (3,), (2,)", {"mask": [True] * 2}, {}, [4]),
            (x.maximum(y), "'maximum' of shapes (3,), (2,)", {"y": two}, {}, three),
            (
                x < y,
                "'<' of shapes (3,), (2,)",
                {"y": two},
                {"y": [4]},
                [True, False, False],
            ),
            (
                where(x > 3, x, y),
                "'where' of shapes (3,), (3,), (2,)",
                {"y": two},
                {"y": [0]},
                [0, 4, 5],
            ),
            (
                x.clip(y, 4),
                " of shapes (3,), (2,)",
                {"y": two},
                {"y": [3.5]},
                [3.5, 4, 4],
            ),
            (x.max(), "'max' of shapes (0,)", {"x": []}, {}, 5),
            (x.reshape(1, 1), "'reshape' of shapes (3,)", {}, {"x": [7]}, [[7]]),
            (
                stack([x, y]),
                "'stack' of shapes (3,), (2,)",
                {"y": two},
                {},
                [three, three],
            ),
            (
                concatenate([x[None], y[None]]),
                "'concatenate' of shapes (1, 3), (1, 2)",
                {"y": two},
                {},
                [three, three],
            ),
            (einsum("i,i", x, y), "'einsum' of shapes (3,), (2,)", {"y": two}, {}, 50),
        ]:
            feed = {"x": three, "y": three, "i": [0], "mask": [False, True, False]}
            kind = IndexError if "[]" in error else ValueError
            with self.subTest(error):
                with self.assertRaises(kind) as caught:
                    expression.forward(**{**feed, **bad})
                self.assertIn(f"{error} (test_functions.py, ", str(caught.exception))
                self.assert_equal(expression.forward(**{**feed, **good}), expected)
                if expression.dtype != bool:
                    expression.backward()


if __name__ == "__main__":
    unittest.main()
