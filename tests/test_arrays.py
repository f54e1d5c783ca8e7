"""Arrays that are unusual but legal count as plain ones with the same numbers."""

import math
import runpy
import unittest
from operator import add, mul, sub, truediv

import numpy as np
from testing import new_folder

from micrograd import (
    Value,
    compiled,
    concatenate,
    einsum,
    nn,
    optim,
    stack,
    tensordot,
)
from micrograd.check import check_gradients

FUNCTIONS = {  # of x of shape (n, 3), and of what is no leaf
    "the same": lambda x, w: x + 0,
    "product": lambda x, w: x * w * x,
    "quotient": lambda x, w: w / (x - 7),
    "power": lambda x, w: x**2 + 2**x,
    "matmul": lambda x, w: x @ w + w @ x.T,
    "matmul of itself": lambda x, w: x.T @ x,
    "functions": lambda x, w: (
        np.exp(1 - x).sigmoid() + (x / 9).tanh() + np.abs(x).sqrt()
    ),
    "relu": lambda x, w: (x - 3).relu(),
    "choice": lambda x, w: np.where(x > w, x, w).clip(1.5, 5),
    "sums": lambda x, w: x.sum(0) * x.mean(axis=1, keepdims=True),
    "mean": lambda x, w: x.mean(),
    "logsumexp": lambda x, w: x.logsumexp(1),
    "softmax": lambda x, w: nn.softmax(x) * w,
    "cross-entropy": lambda x, w: nn.cross_entropy(x, x),
    "view": lambda x, w: x.T.reshape(-1) * 2,
    "rows": lambda x, w: x[::-1] * w,
    "elements": lambda x, w: x[:, [0, 2, 0]] + w,
    "einsum": lambda x, w: einsum("ij,kj->ik", x, x),
    "tensordot": lambda x, w: tensordot(x, w, 1),
    "joined": lambda x, w: concatenate([x, x * w]) + stack([x, w * x]).sum((0, 1)),
}
OPTIMISERS = {
    optim.SGD: {"momentum": 0.9, "weight_decay": 0.1},
    optim.Adam: {},
    optim.AdamW: {},
    optim.RMSprop: {},
}
NUMBERS = np.arange(1.0, 7.0).reshape(2, 3)


class Subclass(np.ndarray):
    """Which makes other results of its own."""

    def __array_finalize__(self, other):
        self.label = "mine"

    def __getitem__(self, key):
        raise RuntimeError("not mine")


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def strided(array):
    return np.repeat(np.repeat(array, 3, 0), 2, 1)[::3, ::2]


def unaligned(array):
    raw = np.zeros(array.nbytes + 1, np.int8)
    other = raw[1:].view(array.dtype).reshape(array.shape)
    other[...] = array
    return other


class ArraysTest(unittest.TestCase):
    def setUp(self):
        self.path = new_folder(self) / "numbers"
        NUMBERS.tofile(self.path)

    def mapped(self, mode):
        return np.memmap(self.path, float, mode, shape=NUMBERS.shape)

    def changeable(self):
        """By name, arrays that can be changed in place."""
        return {
            "Fortran order": np.asfortranarray(NUMBERS),
            "strided": strided(NUMBERS),
            "reversed": NUMBERS[::-1, ::-1].copy()[::-1, ::-1],
            "unaligned": unaligned(NUMBERS),
            "byte-swapped": NUMBERS.astype(NUMBERS.dtype.newbyteorder()),
            "subclass": NUMBERS.copy().view(Subclass),
            "record's field": np.rec.fromarrays([NUMBERS, NUMBERS], names="a,b")["a"],
            "mapped": self.mapped("r+"),
            "mapped, copied on write": self.mapped("c"),
            "float32": NUMBERS.astype(np.float32),
            "float32, byte-swapped": NUMBERS.astype(np.float32).astype(">f4"),
            "long double": NUMBERS.astype(np.longdouble),
        }

    def arrays(self):
        integers = NUMBERS.astype(int)
        return {
            **self.changeable(),
            "read-only": read_only(NUMBERS),
            "mapped, read-only": self.mapped("r"),
            "broadcast": np.broadcast_to(NUMBERS[0], (2, 3)),
            "window": np.lib.stride_tricks.sliding_window_view(np.arange(4.0), 3),
            "nan only": np.full((2, 3), np.nan),
            "infinite": np.array([[np.inf, 1.0, -np.inf], [0.0, 2.0, np.inf]]),
            "subnormal": np.full((2, 3), 5e-324),
            "empty": np.zeros((0, 3)),
            "empty, of Fortran order": np.zeros((0, 3), order="F"),
            "half": NUMBERS.astype(np.float16),
            "integers": integers.astype(integers.dtype.newbyteorder()),
            "read-only integers": read_only(integers),
            "unaligned integers": unaligned(integers),
            "small integers": strided(integers.astype(np.int8)),
            "unsigned": integers.astype(">u2"),
            "booleans": strided(NUMBERS > 2),
        }

    def assert_same(self, actual, expected, dtype):
        """Up to the order of the bytes and of sums."""
        self.assertEqual(np.shape(actual), np.shape(expected))
        self.assertEqual(np.result_type(actual), np.result_type(expected))
        kind = dtype if dtype.kind == "f" else np.dtype(float)
        precision = 20 * float(np.finfo(kind).eps)
        np.testing.assert_allclose(actual, expected, precision, precision)


def plain(array):
    """A copy in C order and in this machine's bytes."""
    return np.array(array, np.result_type(array), order="C", subok=False)


class TestLegal(ArraysTest):
    def test_as_leaf_and_as_feed(self):
        w = np.array([0.5, -2.0, 3.0])
        for name, array in self.arrays().items():
            before, kind = plain(array), np.result_type(array)
            for title, function in FUNCTIONS.items():
                with self.subTest(name, function=title), np.errstate(all="ignore"):
                    leaf, expected = Value(array), Value(before.copy())
                    lazy = Value(shape=(None, 3), name="x")
                    y, fed, z = (function(x, w) for x in (leaf, lazy, expected))
                    fed.forward(x=array)
                    for result in (y, fed):
                        self.assert_same(result.data, z.data, kind)
                    if z.dtype == bool:
                        continue
                    for result in (y, fed, z):
                        result.backward()
                    for x in (leaf, lazy):
                        self.assert_same(x.grad, expected.grad, kind)
                        own = kind if kind.kind == "f" else np.dtype(float)
                        self.assertEqual(np.result_type(x.grad), own)
                        self.assertTrue(x.grad.flags.writeable and x.grad.flags.forc)
                        self.assertFalse(np.shares_memory(x.grad, array))
                    np.testing.assert_array_equal(plain(array), before)
            with self.subTest(name):
                self.assertIs(type(Value(array).data), np.ndarray)
                if array.size:
                    self.assertTrue(np.shares_memory(Value(array).data, array))

    def test_as_constants(self):
        for name, array in self.arrays().items():
            for operator in (add, sub, mul, truediv, np.maximum):
                for is_left in (True, False):
                    with self.subTest(name, operator=operator.__name__, left=is_left):
                        data, gradients = [], []
                        for constant in (array, plain(array)):
                            x = Value(NUMBERS[: len(array)] + 2)
                            with np.errstate(all="ignore"):
                                y = operator(*[constant, x][:: 1 if is_left else -1])
                                self.assertIs(type(y), Value)
                                y.backward()
                            data.append(y.data)
                            gradients.append(x.grad)
                        self.assert_same(*data, np.dtype(float))
                        self.assert_same(*gradients, np.dtype(float))

    def test_of_no_axes(self):
        mapped = np.memmap(self.path, float, "r", shape=())
        for number in [
            *(read_only(np.array(2.0)), np.array(2.0, ">f8"), unaligned(np.array(2.0))),
            *(np.array([2.0])[0], np.float32(2), np.float16(2), np.longdouble(2)),
            *(mapped, mapped[()], np.array(1.0).view(Subclass)),
            *(np.array(2, ">i2"), np.uint8(2), np.array(True), np.bool_(True), True),
        ]:
            with self.subTest(repr(number), dtype=np.result_type(number)):
                x, lazy = Value(number), Value(shape=(), name="x")
                n = float(number)
                for leaf in (x, lazy):
                    y = (leaf * leaf).exp() + [1.0, 10.0] * leaf
                    y.forward(x=number)
                    y.backward()
                    expected = math.exp(n * n) + n, math.exp(n * n) + 10 * n
                    np.testing.assert_allclose(y.data, expected, 4e-3)
                    slope = 4 * n * math.exp(n * n) + 11
                    np.testing.assert_allclose(leaf.grad, slope, 4e-3)
                    self.assertEqual(np.shape(leaf.grad), ())

    def test_as_keys_and_labels(self):
        x = Value(np.arange(12.0).reshape(4, 3))
        integers = np.array([2, 0, 2])
        swapped = integers.astype(integers.dtype.newbyteorder())
        keys = [read_only(integers), swapped, strided(integers[None])[0]]
        keys += [
            unaligned(integers),
            integers.astype(np.uint64),
            integers.view(Subclass),
        ]
        for key in keys:
            with self.subTest(key.dtype, flags=str(key.flags)):
                y = x[key] * [1.0, 2.0, 3.0]
                y.backward()
                np.testing.assert_array_equal(y.data, x.data[integers] * [1, 2, 3])
                counts = np.array([1, 0, 2, 0])
                np.testing.assert_array_equal(x.grad, counts[:, None] * [1, 2, 3])
                lazy = Value(shape=(None,), name="labels", dtype=int)
                loss = nn.cross_entropy(x[1:], lazy)
                expected = nn.cross_entropy(x[1:], [2, 0, 2]).data
                self.assertEqual(nn.cross_entropy(x[1:], key).data, expected)
                self.assertEqual(loss.forward(labels=key), expected)
        mask = np.array([True, False, False, True])
        for key in (read_only(mask), strided(mask[None])[0], mask.view(Subclass)):
            y = x[key].sum()
            y.backward()
            self.assertEqual(y.data, x.data[mask].sum())
            np.testing.assert_array_equal(x.grad, mask[:, None] * np.ones(3))

    def test_as_states(self):
        for name, array in self.arrays().items():
            if array.size:
                with self.subTest(name):
                    layer, path = nn.Layer(2, 3), self.path.with_suffix(".npz")
                    layer.load_state_dict({"w": array, "b": np.zeros(3)})
                    np.testing.assert_array_equal(layer.w.data, plain(array))
                    self.assertFalse(np.shares_memory(layer.w.data, array))
                    layer.w.data = np.zeros((2, 3))
                    source = nn.Layer(2, 3)
                    source.w.data = array
                    source.save(path)
                    layer.load(path)
                    np.testing.assert_array_equal(layer.w.data, plain(array))


class TestOfOtherArithmetic(ArraysTest):
    """Arrays whose `*` is not NumPy's for arrays."""

    def test_as_data(self):
        matrix = NUMBERS.copy().view(np.matrix)
        for data in (matrix, np.ma.masked_less(NUMBERS, 2)):
            x = Value(NUMBERS)
            y = (x * 2).sum()
            before = y.data
            x.data = data
            for use in (y.forward, y.backward, x.sum):
                with self.assertRaisesRegex(TypeError, "write np.array"):
                    use()
            self.assertEqual(y.data, before)

    def test_as_operands_and_feeds(self):
        lazy = Value(shape=(2, 3), name="x")
        y = (lazy * 2).sum()
        program, folder = compiled(y), new_folder(self)
        program.save(folder / "double.py")
        step = runpy.run_path(str(folder / "double.py"))["step"]
        matrix = NUMBERS.copy().view(np.matrix)
        for data in (matrix, np.ma.masked_less(NUMBERS, 2)):
            kind = type(data).__name__
            for use in (
                lambda data=data: Value(data),
                lambda data=data: Value(NUMBERS) * data,
                lambda data=data: y.forward(x=data),
                lambda data=data: program(x=data),
                lambda data=data: step(data),
            ):
                with self.assertRaisesRegex(TypeError, f"got .*{kind}"):
                    use()
        self.assertEqual(step(NUMBERS), 2 * NUMBERS.sum())


class TestChanged(ArraysTest):
    """Arrays that optimisers and clipping change in place."""

    def test_steps(self):
        for optimiser, options in OPTIMISERS.items():
            for name, array in self.changeable().items():
                if "long" in name:
                    continue  # there is none everywhere
                with self.subTest(name, optimiser=optimiser.__name__):
                    kind = np.result_type(array)
                    leaves = Value(array), Value(plain(array))
                    for leaf in leaves:
                        data, y = leaf.data, (leaf * leaf * [1.0, 2.0, 3.0]).sum()
                        moving = optimiser(leaf, 0.1, **options)
                        for _ in range(3):
                            y.forward()
                            y.backward()
                            optim.clip_grad_norm(leaf, 10.0)
                            moving.step()
                        self.assertIs(leaf.data, data)
                    self.assert_same(plain(array), leaves[1].data, kind)
                    self.assertFalse(np.isclose(plain(array), NUMBERS).any())
                    if name == "mapped":
                        array.flush()
                        written = np.fromfile(self.path).reshape(2, 3)
                        np.testing.assert_array_equal(written, array)
                        NUMBERS.tofile(self.path)

    def test_checks(self):
        """Which change what they were given for a while, and only copies."""
        for name, array in self.arrays().items():
            before, x = plain(array), Value(array)
            data = x.data
            if (
                x.dtype.kind == "f"
                and np.isfinite(before).all()
                and name != "subnormal"
            ):
                with self.subTest(name):
                    check_gradients((x * x).sum(0), x)
                    self.assertIs(x.data, data)
                    np.testing.assert_array_equal(plain(array), before)


if __name__ == "__main__":
    unittest.main()
