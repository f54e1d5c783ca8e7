"""Other shapes of the same elements: NumPy's functions, and their gradients."""

import tempfile
import unittest

import numpy as np
from testing import FunctionTest, needs, numbers, parts_of

from micrograd import Value, compiled

try:
    import torch
except ImportError:
    torch = None

INDEX = np.array([[1, 0, -1, 1]])
windows_of = np.lib.stride_tricks.sliding_window_view
ROWS = {  # of x alone: of Values and of arrays, their shape, of tensors if PyTorch can
    "ravel": (np.ravel, (2, 3), lambda x: x.ravel()),
    "ravel in Fortran's order": (lambda x: np.ravel(x, "F"), (2, 3), None),
    "ravel, method": (lambda x: x.ravel(order="F"), (2, 3, 2), None),
    "flatten": (lambda x: x.flatten(), (2, 3), lambda x: x.flatten()),
    "reshape": (lambda x: np.reshape(x, (-1, 2), order="F"), (2, 3), None),
    "reshape to one": (lambda x: x.reshape(-1, order="F"), (2, 3), None),
    "squeeze": (np.squeeze, (1, 3, 1), lambda x: x.squeeze()),
    "squeeze an axis": (lambda x: x.squeeze(-1), (2, 3, 1), lambda x: x.squeeze(-1)),
    "squeeze axes": (lambda x: np.squeeze(x, axis=(1, -1)), (3, 1, 1), None),
    "expand_dims": (
        lambda x: np.expand_dims(x, -1),
        (2, 3),
        lambda x: x.unsqueeze(-1),
    ),
    "expand_dims by two": (lambda x: np.expand_dims(x, (0, 2)), (2, 3), None),
    "atleast_1d": (np.atleast_1d, (3,), lambda x: torch.atleast_1d(x)),
    "atleast_2d": (np.atleast_2d, (3,), lambda x: torch.atleast_2d(x)),
    "atleast_3d": (np.atleast_3d, (2, 3), lambda x: torch.atleast_3d(x)),
    "swapaxes": (
        lambda x: np.swapaxes(x, 0, -1),
        (2, 3, 4),
        lambda x: x.swapaxes(0, -1),
    ),
    "swapaxes, method": (lambda x: x.swapaxes(-2, -1), (2, 3, 4), None),
    "moveaxis": (
        lambda x: np.moveaxis(x, 0, -1),
        (2, 3, 4),
        lambda x: x.moveaxis(0, -1),
    ),
    "moveaxis of two": (
        lambda x: np.moveaxis(x, [0, 1], destination=[-1, 0]),
        (2, 3, 4),
        lambda x: x.moveaxis((0, 1), (-1, 0)),
    ),
    "rollaxis": (lambda x: np.rollaxis(x, 2), (2, 3, 4), None),
    "rollaxis to": (lambda x: np.rollaxis(x, 0, start=2), (2, 3, 4), None),
    "flip": (np.flip, (2, 3), lambda x: x.flip(0, 1)),
    "flip an axis": (lambda x: np.flip(x, axis=-1), (2, 3), lambda x: x.flip(-1)),
    "fliplr": (np.fliplr, (2, 3), lambda x: x.fliplr()),
    "flipud": (np.flipud, (2, 3), lambda x: x.flipud()),
    "rot90": (np.rot90, (2, 3), lambda x: x.rot90()),
    "rot90 thrice": (
        lambda x: np.rot90(x, 3, axes=(2, 1)),
        (2, 3, 4),
        lambda x: x.rot90(3, (2, 1)),
    ),
    "roll": (lambda x: np.roll(x, 4), (2, 3), lambda x: x.roll(4)),
    "roll an axis": (lambda x: np.roll(x, -1, 1), (2, 3), lambda x: x.roll(-1, 1)),
    "roll axes": (
        lambda x: np.roll(x, (1, 2), axis=(0, -1)),
        (2, 3),
        lambda x: x.roll((1, 2), (0, -1)),
    ),
    "repeat": (lambda x: np.repeat(x, 2), (2, 3), lambda x: x.repeat_interleave(2)),
    "repeat along an axis": (
        lambda x: x.repeat(2, axis=-1),
        (2, 3),
        lambda x: x.repeat_interleave(2, -1),
    ),
    "repeat rows": (
        lambda x: np.repeat(x, 2, 0),
        (2, 3),
        lambda x: x.repeat_interleave(2, 0),
    ),
    "repeat each otherwise": (
        lambda x: x.repeat([2, 0, 1], axis=1),
        (2, 3),
        lambda x: x.repeat_interleave(torch.tensor([2, 0, 1]), 1),
    ),
    "tile": (lambda x: np.tile(x, 2), (2, 3), lambda x: x.tile(2)),
    "tile to more axes": (
        lambda x: np.tile(x, (3, 2, 1)),
        (2, 3),
        lambda x: x.tile(3, 2, 1),
    ),
    "tile less axes": (lambda x: np.tile(x, (2, 0)), (2, 3, 2), None),
    "split": (lambda x: np.split(x, 3, axis=1), (2, 6), lambda x: x.chunk(3, 1)),
    "split into one": (lambda x: np.split(x, 1), (2, 3), lambda x: x.chunk(1)),
    "split at": (
        lambda x: np.split(x, [2, 5], axis=-1),
        (2, 6),
        lambda x: x.tensor_split([2, 5], -1),
    ),
    "array_split": (
        lambda x: np.array_split(x, 3),
        (7, 2),
        lambda x: x.tensor_split(3),
    ),
    "array_split to many": (
        lambda x: np.array_split(x, 4, 1),
        (1, 2),
        lambda x: x.tensor_split(4, 1),
    ),
    "hsplit": (lambda x: np.hsplit(x, 2), (2, 4), lambda x: x.hsplit(2)),
    "hsplit of a vector": (lambda x: np.hsplit(x, [1]), (4,), lambda x: x.hsplit([1])),
    "vsplit": (lambda x: np.vsplit(x, 2), (4, 2), lambda x: x.vsplit(2)),
    "dsplit": (lambda x: np.dsplit(x, [1]), (1, 2, 3), lambda x: x.dsplit([1])),
    "windows": (lambda x: windows_of(x, (2, 3)), (3, 4), None),
    "windows along an axis": (
        lambda x: windows_of(x, 2, axis=-1),
        (2, 4),
        lambda x: x.unfold(-1, 2, 1),
    ),
    "windows of windows": (lambda x: windows_of(x, (2, 3), (0, 0)), (5, 2), None),
    "windows as long as all": (lambda x: windows_of(x, (2, 3)), (2, 3), None),
    "windows of no length": (lambda x: windows_of(x, 0), (3,), None),
    "pad": (lambda x: np.pad(x, 1), (2, 3), None),
    "pad with a number": (
        lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=7),
        (2, 3),
        lambda x: torch.nn.functional.pad(x, (0, 2, 1, 0), value=7),
    ),
    "pad with the edge": (lambda x: np.pad(x, (2, 1), "edge"), (2, 3), None),
    "pad by reflection": (
        lambda x: np.pad(x, ((0, 0), (1, 2)), mode="reflect"),
        (2, 3),
        lambda x: torch.nn.functional.pad(x, (1, 2), mode="reflect"),
    ),
    "pad by reflection, far": (lambda x: np.pad(x, (5, 4), "reflect"), (3,), None),
    "pad by symmetry": (lambda x: np.pad(x, 2, "symmetric"), (2, 3), None),
    "pad around": (lambda x: np.pad(x, ((0, 1), (2, 2)), "wrap"), (2, 3), None),
    "diag of a vector": (lambda x: np.diag(x, 1), (3,), lambda x: x.diag(1)),
    "diag of a matrix": (lambda x: np.diag(x, k=-1), (3, 4), lambda x: x.diag(-1)),
    "diagflat": (lambda x: np.diagflat(x, 1), (2, 2), lambda x: x.diagflat(1)),
    "diagonal": (np.diagonal, (3, 4), lambda x: x.diagonal()),
    "diagonal of axes": (
        lambda x: x.diagonal(offset=1, axis1=-1, axis2=0),
        (3, 2, 4),
        lambda x: x.diagonal(1, -1, 0),
    ),
    "tril": (np.tril, (3, 4), lambda x: x.tril()),
    "tril of a batch": (lambda x: np.tril(x, -1), (2, 3, 3), lambda x: x.tril(-1)),
    "tril of a vector": (np.tril, (3,), None),
    "triu": (lambda x: np.triu(x, k=1), (3, 4), lambda x: x.triu(1)),
    "take": (
        lambda x: np.take(x, [[0, -1, 0]]),
        (2, 3),
        lambda x: x.ravel()[torch.tensor([[0, -1, 0]])],
    ),
    "take one": (lambda x: np.take(x, 1, axis=0), (2, 3), lambda x: x[1]),
    "take along an axis": (
        lambda x: x.take([2, 2, 0], axis=-1),
        (2, 3),
        lambda x: x.index_select(-1, torch.tensor([2, 2, 0])),
    ),
    "take around": (lambda x: np.take(x, [7, -9], mode="wrap"), (2, 3), None),
    "take none": (lambda x: np.take(x, np.zeros(0, int)), (2, 3), None),
    "take_along_axis": (
        lambda x: np.take_along_axis(x, INDEX % 2, 0),
        (2, 4),
        lambda x: x.take_along_dim(torch.tensor(INDEX % 2), 0),
    ),
    "take_along_axis of all": (
        lambda x: np.take_along_axis(x, np.array([1, 1, 5]), None),
        (2, 3),
        lambda x: x.take_along_dim(torch.tensor([1, 1, 5])),
    ),
    "compress": (
        lambda x: np.compress([True, False, True], x, axis=1),
        (2, 3),
        lambda x: x[:, [0, 2]],
    ),
    "compress of all": (lambda x: x.compress([0, 1, 1, 0]), (2, 3), None),
    "delete": (lambda x: np.delete(x, 1), (2, 3), None),
    "delete rows": (lambda x: np.delete(x, [0, -1], axis=0), (4, 3), None),
    "delete a part": (lambda x: np.delete(x, slice(0, 2), 1), (2, 3), None),
    "broadcast_to": (
        lambda x: np.broadcast_to(x, (2, 3, 4)),
        (3, 1),
        lambda x: x.expand(2, 3, 4),
    ),
    "broadcast_to an equal shape": (lambda x: np.broadcast_to(x, (2, 3)), (2, 3), None),
    "copy": (np.copy, (2, 3), lambda x: x.clone()),
    "copy, method": (lambda x: x.copy(), (2, 3), None),
    "astype": (lambda x: x.astype(np.float64), (2, 3), lambda x: x.double()),
}
SEVERAL = {  # likewise, of several operands
    "vstack": (lambda a, b: np.vstack([a, b]), [(3,), (2, 3)], "vstack"),
    "vstack with raw rows": (lambda a: np.vstack([[[1, 2]], a]), [(2,)], None),
    "hstack": (lambda a, b: np.hstack((a, b)), [(2, 3), (2, 1)], "hstack"),
    "hstack of vectors": (lambda a, b: np.hstack([a, b, 1.5]), [(3,), ()], None),
    "dstack": (lambda a, b: np.dstack([a, b]), [(2, 3), (2, 3)], "dstack"),
    "column_stack": (
        lambda a, b: np.column_stack([a, b]),
        [(3,), (3, 2)],
        "column_stack",
    ),
    "block": (lambda a, b: np.block([[a, b], [b, a]]), [(2, 2), (2, 2)], None),
    "block of unlike parts": (
        lambda a, b, c: np.block([[a, b], [c, 1.5, c]]),
        [(2, 3), (2, 2), (2,)],
        None,
    ),
    "block of one column": (
        lambda a, b: np.block([[a], [b]]),
        [(1, 2), (2, 2)],
        None,
    ),
    "block of one row": (lambda a, b: np.block([a, b, 2]), [(3,), ()], None),
    "block of none": (lambda a: np.block(a), [(2, 2)], None),
    "append": (lambda a, b: np.append(a, b), [(2, 3), (2,)], None),
    "append rows": (
        lambda a: np.append(a, [[1.5, 2, 3]], axis=0),
        [(2, 3)],
        None,
    ),
    "insert": (lambda a, b: np.insert(a, 1, b), [(2, 3), (3,)], None),
    "insert columns": (
        lambda a, b: np.insert(a, [2, 0, 2], b, axis=1),
        [(2, 3), (2, 3)],
        None,
    ),
    "insert a number": (
        lambda a, b: np.insert(a, slice(0, 3, 2), b, -1),
        [(2, 3), ()],
        None,
    ),
    "select": (
        lambda a, b: np.select([a > 1, b > 1], [a, b], default=a * b),
        [(2, 3), (3,)],
        None,
    ),
    "select of 0": (lambda a: np.select([a > 1.5, a > 1], [a, 2 * a]), [(5,)], None),
    "choose": (
        lambda a, b: np.choose([[2, 0, 1], [1, 1, 0]], [a, b, 7]),
        [(2, 3), (3,)],
        None,
    ),
    "broadcast_arrays": (
        lambda a, b: np.broadcast_arrays(a, b, [[1, 2, 3]]),
        [(3,), (2, 1)],
        None,
    ),
    "atleast_2d of two": (lambda a, b: np.atleast_2d(a, b), [(3,), ()], None),
}
SHAPES = {name: [shape] for name, (_, shape, _) in ROWS.items()}
SHAPES.update({name: shapes for name, (_, shapes, _) in SEVERAL.items()})
FUNCTIONS = {name: row[0] for name, row in {**ROWS, **SEVERAL}.items()}
for indexing in ("xy", "ij"):
    for is_sparse in (False, True):
        options = {"indexing": indexing, "sparse": is_sparse}
        SEVERAL[f"meshgrid of two, {options}"] = (
            lambda x, y, options=options: np.meshgrid(x, y, **options),
            [(3,), (2,)],
            None,
        )
        SEVERAL[f"meshgrid of three, {options}"] = (
            lambda x, y, z, options=options: np.meshgrid(x, y, z, **options),
            [(3,), (2,), (1,)],
            None,
        )
OPEN = {  # of x of shape (n, 3), or of two, for any n
    "ravel": lambda x: np.ravel(x, "F"),
    "squeeze": lambda x: np.squeeze(x[:, None, :1]),
    "expand_dims": lambda x: np.expand_dims(x, 1),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "moveaxis": lambda x: np.moveaxis(x, 0, -1),
    "flip": np.flip,
    "rot90": np.rot90,
    "roll": lambda x: np.roll(x, 2, axis=0),
    "repeat": lambda x: x.repeat(2, axis=0),
    "tile": lambda x: np.tile(x, (2, 1, 2)),
    "array_split": lambda x: np.array_split(x, 2),
    "split": lambda x: np.split(x, [2]),
    "hsplit": lambda x: np.hsplit(x, 3),
    "pad": lambda x: np.pad(x, ((1, 2), (0, 1))),
    "pad with the edge": lambda x: np.pad(x, 1, "edge"),
    "pad around": lambda x: np.pad(x, ((2, 0), (0, 0)), "wrap"),
    "diag": np.diag,
    "diagonal": lambda x: x.diagonal(1),
    "tril": np.tril,
    "triu": lambda x: np.triu(x, 1),
    "take": lambda x: x.take([0, -1], axis=0),
    "take_along_axis": lambda x: np.take_along_axis(x, np.argsort(x, 0), 0),
    "compress": lambda x: x.compress([True, False, True], 1),
    "delete": lambda x: np.delete(x, 0, axis=0),
    "vstack": lambda x, y: np.vstack([x, y, [[1, 2, 3]]]),
    "hstack": lambda x, y: np.hstack([x, y]),
    "dstack": lambda x, y: np.dstack([x, y]),
    "column_stack": lambda x, y: np.column_stack([x, y[:, 0]]),
    "block": lambda x, y: np.block([[x, y], [y, x]]),
    "append": lambda x, y: np.append(x, y, axis=0),
    "insert": lambda x, y: np.insert(x, 0, y[0], axis=0),
    "select": lambda x, y: np.select([x > 1, y > 1], [x, y]),
    "choose": lambda x, y: (x > y).choose([x, y]),
    "broadcast_arrays": lambda x, y: np.broadcast_arrays(x, y[0]),
    "astype": lambda x: (x > 1).astype(float) * x,
    "copy": np.copy,
}


class TestFunctions(FunctionTest):
    def test_values(self):
        for name, function in FUNCTIONS.items():
            arrays = [numbers(s, seed=i) for i, s in enumerate(SHAPES[name])]
            for dtype in (float, np.float32, int, bool):
                with self.subTest(name, dtype=dtype):
                    self.assert_as_numpy(function, *[x.astype(dtype) for x in arrays])

    def test_gradients(self):
        for name, function in FUNCTIONS.items():
            with self.subTest(name):
                arrays = [numbers(s, seed=i) for i, s in enumerate(SHAPES[name])]
                for i in range(len(parts_of(function(*arrays)))):
                    one = lambda *xs, i=i, f=function: parts_of(f(*xs))[i]
                    self.assert_right(one, one, *arrays)

    def test_dtypes_of_gradients(self):
        for name, function in FUNCTIONS.items():
            exact = []  # of the parts, those by float64
            for dtype in (float, np.float32, np.longdouble):
                values = [Value(numbers(s).astype(dtype)) for s in SHAPES[name]]
                for i, y in enumerate(parts_of(function(*values))):
                    with self.subTest(name, dtype=dtype):
                        (y * numbers(y.shape, seed=9).astype(dtype)).backward()
                        exact.append([x.grad for x in values])
                        for x, gradient in zip(values, exact[i]):
                            if gradient is None:
                                self.assertIsNone(x.grad)
                                continue
                            self.assertEqual(x.grad.dtype, dtype)
                            self.assert_close(x.grad, gradient)

    def test_compiled(self):
        for name, function in FUNCTIONS.items():
            with self.subTest(name):
                arrays = [numbers(s, seed=i) for i, s in enumerate(SHAPES[name])]
                self.assert_compiled(function, *arrays)

    def test_for_any_length(self):
        for name, function in OPEN.items():
            with self.subTest(name):
                self.assert_for_any_length(function)

    @needs("torch")
    def test_as_pytorch(self):
        rows = {name: ([s], by) for name, (_, s, by) in ROWS.items() if by}
        for name, (_, shapes, by) in SEVERAL.items():
            if by:
                rows[name] = shapes, lambda *x, by=by: getattr(torch, by)(x)
        for name, (shapes, of_tensors) in rows.items():
            with self.subTest(name):
                arrays = [numbers(s, seed=i) for i, s in enumerate(shapes)]
                values = [Value(x) for x in arrays]
                tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
                results = parts_of(FUNCTIONS[name](*values))
                theirs = parts_of(of_tensors(*tensors))
                self.assertEqual(len(results), len(theirs))
                for y, tensor in zip(results, theirs):
                    self.assert_close(y.data, tensor.detach().numpy(), 1e-12)
                    g = numbers(y.shape, seed=9)
                    (y * g).backward()
                    gradients = torch.autograd.grad(tensor, tensors, torch.tensor(g))
                    for x, gradient in zip(values, gradients):
                        self.assert_close(x.grad, gradient.numpy(), 1e-12)


class TestPiecewise(FunctionTest):
    def test_values_and_gradients(self):
        square, scaled = lambda x: x * x, lambda x, by=1.0: by * x
        x = np.array([[-2.0, 0.5, 3.0], [1.5, -0.5, -1.5]])
        for name, function in {
            "numbers": lambda x: x + np.piecewise(x, [x < 0, x > 1], [-1.0, 1.0]),
            "functions": lambda x: np.piecewise(x, [x < 0, x > 1], [square, scaled]),
            "the rest": lambda x: np.piecewise(
                x, [x < 0, x > 1], [2.0, square, scaled]
            ),
            "later ones": lambda x: np.piecewise(x, [x < 1, x < 0], [square, scaled]),
            "arguments": lambda x: np.piecewise(x, [x > 1], [scaled, scaled], by=3.0),
            "one condition": lambda x: np.piecewise(x[0], x[0] > 1, [square]),
        }.items():
            with self.subTest(name):
                self.assert_as_numpy(function, x)
                self.assert_right(function, function, x)
                self.assert_compiled(function, x)
        number = lambda x: np.piecewise(x, [x < 0, x >= 0], [square, 1.0])
        self.assert_equal(number(Value(-3.0)).data, 9.0)

    def test_of_another_array(self):
        """The conditions alone are Values."""
        x = Value(np.array([-1.0, 2.0]))
        y = np.piecewise(x, [x > 3], [Value(2.5), 1.0])
        self.assert_equal(y.data, np.where(x.data > 3, 2.5, 1.0))
        y = np.piecewise(np.array([3.0, 4.0]), [x > 0], [lambda a: a * 10])
        self.assert_equal(y.data, [0.0, 40.0])

    def test_other_numbers_of_functions(self):
        v = Value([1.0, 2.0])
        for functions in ([], [1.0, 2.0, 3.0]):
            with self.assertRaisesRegex(ValueError, "expected 1 or 2 functions"):
                np.piecewise(v, [v > 1], functions)


class TestWindowsAndGrids(FunctionTest):
    def test_open_axes(self):
        x = Value(shape=(None,), name="x")
        y = windows_of(x, 2).sum(axis=1)
        for data in ([1.0, 2.0, 4.0], [3.0, 5.0], [1.0, 1.0, 1.0, 2.0]):
            self.assert_equal(y.forward(x=data), windows_of(data, 2).sum(axis=1))

    def test_what_is_refused(self):
        v = Value([1.0, 2.0])
        for call, error, words in [
            (lambda: windows_of(v, 3), ValueError, "at most the length, got 3 for 2"),
            (lambda: windows_of(v, -1), ValueError, "got -1"),
            (lambda: windows_of(v, (1, 1)), ValueError, "each of the axes .0."),
            (lambda: windows_of(v, 1, axis=1), ValueError, "axis 1"),
            (lambda: windows_of(v, 1, writeable=True), TypeError, "got writeable="),
            (lambda: np.meshgrid(v, v, indexing="a"), ValueError, "'xy' or 'ij'"),
        ]:
            with self.assertRaisesRegex(error, words):
                call()


class TestJoinedDtypes(FunctionTest):
    def test_as_numpy(self):
        for join in (np.concatenate, np.stack, np.vstack, np.hstack):
            x, y = numbers((2,)), numbers((2,), 1)
            try:
                join([x, y], dtype=np.float32)
            except TypeError:  # before NumPy 1.24
                continue
            for dtype, casting in (("f4", "same_kind"), (int, "unsafe"), ("g", "safe")):
                with self.subTest(join.__name__, dtype=dtype):
                    options = {"dtype": dtype, "casting": casting}
                    self.assert_as_numpy(
                        lambda x, y, f=join, options=options: f([x, y], **options), x, y
                    )
            with self.assertRaisesRegex(TypeError, "cannot cast float64 to int64"):
                join([Value(x), y], dtype=np.int64)


class TestEdges(FunctionTest):
    def test_no_elements(self):
        for name, function, shape in [
            ("ravel", np.ravel, (2, 0)),
            ("flip", np.flip, (0, 3)),
            ("roll", lambda x: np.roll(x, 1), (0,)),
            ("repeat", lambda x: x.repeat(2, 0), (0, 2)),
            ("repeat none", lambda x: x.repeat(0), (2, 2)),
            ("tile", lambda x: np.tile(x, (2, 3)), (0, 2)),
            ("tile to none", lambda x: np.tile(x, 0), (3,)),
            ("take", lambda x: x.take(np.zeros(0, int), 0), (0, 2)),
            ("pad", lambda x: np.pad(x, 1), (0, 2)),
            ("diag", np.diag, (0,)),
            ("diagonal", lambda x: x.diagonal(5), (2, 3)),
            ("tril", np.tril, (0, 3)),
            ("array_split", lambda x: np.array_split(x, 3), (0, 2)),
            ("vstack", lambda x: np.vstack([x, x]), (0, 2)),
            ("delete", lambda x: np.delete(x, [0, 1]), (2,)),
            ("insert", lambda x: np.insert(x, 0, x), (0,)),
            ("compress", lambda x: x.compress([False, False]), (2,)),
        ]:
            with self.subTest(name):
                self.assert_as_numpy(function, np.ones(shape))
                x = Value(np.ones(shape))
                for y in parts_of(function(x)):
                    y.backward()
                    self.assertEqual((x.grad.shape, x.grad.dtype), (shape, float))
                self.assert_compiled(function, np.ones(shape))

    def test_numbers(self):
        """Of a number of Python's, an array where NumPy gives one."""
        for name, function, expected, gradient in [
            ("ravel", np.ravel, [2.0], 1),
            ("squeeze", np.squeeze, 2.0, 1),
            ("expand_dims", lambda x: np.expand_dims(x, 0), [2.0], 1),
            ("atleast_2d", np.atleast_2d, [[2.0]], 1),
            ("broadcast_to", lambda x: np.broadcast_to(x, (3,)), [2.0] * 3, 3),
            ("repeat", lambda x: x.repeat(3), [2.0] * 3, 3),
            ("tile", lambda x: np.tile(x, 3), [2.0] * 3, 3),
            ("take", lambda x: np.take(x, [0, 0]), [2.0, 2.0], 2),
            ("flip", np.flip, 2.0, 1),
            ("pad", lambda x: np.pad(x, 1), 2.0, 1),
            ("diagflat", np.diagflat, [[2.0]], 1),
            ("hstack", lambda x: np.hstack([x, x, 1]), [2.0, 2.0, 1.0], 2),
            ("insert", lambda x: np.insert(np.ones(1), 0, x), [2.0, 1.0], 1),
            ("select", lambda x: np.select([x > 1], [x * 3], 0), 6.0, 3),
            ("choose", lambda x: np.choose(1, [0, x]), 2.0, 1),
            ("copy", np.copy, 2.0, 1),
            ("astype", lambda x: x.astype(float), 2.0, 1),
        ]:
            with self.subTest(name):
                x = Value(2.0)
                y = function(x)
                self.assert_equal(y.data, expected)
                self.assertIs(type(y.data), float if y.ndim == 0 else np.ndarray)
                y.backward()
                self.assertEqual((type(x.grad), x.grad), (float, gradient))

    def test_casts(self):
        x = Value(np.array([0.5, -1.5]))
        y = x.astype(int)
        self.assertEqual(y.dtype, int)
        self.assert_equal((x * x.astype(bool)).data, [0.5, -1.5])
        with self.assertRaisesRegex(ValueError, "does not depend"):
            y.sum().backward(wrt=x)
        y = x.astype(np.float32)
        self.assertEqual(y.dtype, np.float32)
        (y * y).backward()
        self.assert_equal(x.grad, [1, -3])
        self.assertEqual(x.grad.dtype, float)
        self.assertEqual(Value(1).astype(np.float32).dtype, np.float32)
        self.assertTrue(np.shares_memory(x.astype(float, copy=False).data, x.data))
        self.assertFalse(np.shares_memory(x.astype(float).data, x.data))
        for dtype in (complex, str, object):
            with self.assertRaisesRegex(TypeError, "dtype: expected one of real"):
                x.astype(dtype)

    @unittest.skipIf(not hasattr(np, "astype"), "this NumPy has no astype")
    def test_astype_of_numpy(self):
        self.assert_as_numpy(lambda x: np.astype(x, np.float32), np.ones(3))
        x = Value(np.ones(3))
        self.assertFalse(np.shares_memory(np.astype(x, float).data, x.data))

    def test_each_index_of_a_value(self):
        """Indices and conditions that are Values are computed anew."""
        i, x = Value(shape=(2,), name="i", dtype=int), Value(np.array([1.0, 2.0, 3.0]))
        for name, y, gradient in [
            ("take", np.take(x, i), [1, 0, 1]),
            ("take_along_axis", np.take_along_axis(x, i, 0), [1, 0, 1]),
            ("compress", np.compress(i > 0, x), [0, 1, 0]),
            ("choose", np.choose(i, [x[0], 0.0, x[2]]), [1, 0, 1]),
        ]:
            with self.subTest(name):
                y.forward(i=[0, 2])
                y.backward(wrt=x)
                self.assert_equal(x.grad, gradient)

    def test_a_condition_compiled(self):
        """It may hold another number of times at each call."""
        x = Value(shape=(4,), name="x")
        y = np.compress(x > 0, x * x).sum()
        program = compiled(y, wrt=x)
        for data in ([1.0, -1, 2, 3], [-1.0, -1, -1, 3], [1.0, 1, 2, 3]):
            data = np.array(data)
            self.assertEqual(program(x=data), np.sum(data[data > 0] ** 2))
            self.assert_close(x.grad, 2 * data * (data > 0))

    def test_a_cast_compiled(self):
        self.assert_compiled(lambda x: x.astype(np.float32).astype(float), 2.0)
        x = Value(np.array([[0.5, 1.5]]))
        program = compiled((x.astype(np.float32) * (x > 1).astype(float)).sum(), wrt=x)
        self.assertEqual(program(), 1.5)
        self.assert_equal(x.grad, [[0, 1]])
        self.assertIn("astype(float32)", program.source)
        with tempfile.TemporaryDirectory() as folder:
            program.save(f"{folder}/saved.py")

    def test_open_axes_of_length_1(self):
        """They stay, unless they are named."""
        x = Value(shape=(None, 1), name="x")
        for y in (np.squeeze(x), (x * 2).squeeze()):
            self.assertEqual(y.shape, (None,))
            self.assertEqual(y.forward(x=np.ones((3, 1))).shape, (3,))
            self.assertEqual(y.forward(x=np.ones((1, 1))).shape, (1,))

    def test_it_is_copied(self):
        x = Value(np.ones(2))
        self.assertFalse(np.shares_memory(x.copy().data, x.data))

    def test_filled_in_with_nan_and_infinity(self):
        """What is no element of the result receives 0, whatever the others do."""
        x = Value(np.array([0.0, 1.0, 4.0]))
        for function, gradient in [
            (lambda x: np.repeat(x, [1, 0, 1]), [np.inf, 0, 0.25]),
            (lambda x: np.take(x, [0, 2]), [np.inf, 0, 0.25]),
            (lambda x: np.pad(x, 1, "edge")[:2], [np.inf, 0, 0]),
            (lambda x: np.choose([1, 0, 0], [1.0, x]), [np.inf, 0, 0]),
        ]:
            with np.errstate(divide="ignore"):
                function(x).sqrt().backward()
            self.assert_equal(x.grad, gradient)


class TestErrors(FunctionTest):
    def test_as_numpys(self):
        """The same kinds of error where the arguments do not fit."""
        x = np.ones((2, 3))
        for name, function, error in [
            ("squeeze", lambda x: np.squeeze(x, 1), ValueError),
            ("squeeze no axis", lambda x: np.squeeze(x, 5), ValueError),
            ("expand_dims", lambda x: np.expand_dims(x, 9), ValueError),
            ("swapaxes", lambda x: x.swapaxes(0, 2), ValueError),
            ("moveaxis", lambda x: np.moveaxis(x, 0, 2), ValueError),
            ("flip", lambda x: np.flip(x, 2), ValueError),
            ("fliplr", lambda x: np.fliplr(x[0]), ValueError),
            ("rot90", lambda x: np.rot90(x, axes=(0, 0)), ValueError),
            ("roll", lambda x: np.roll(x, 1, 2), ValueError),
            ("repeat", lambda x: x.repeat([1, 2, 3, 4]), ValueError),
            ("broadcast_to", lambda x: np.broadcast_to(x, (3, 3)), ValueError),
            (
                "broadcast_arrays",
                lambda x: np.broadcast_arrays(x, x[:, :2]),
                ValueError,
            ),
            ("split", lambda x: np.split(x, 2, 1), ValueError),
            ("split into none", lambda x: np.array_split(x, 0), ValueError),
            ("vsplit", lambda x: np.vsplit(x[0], 1), ValueError),
            ("dsplit", lambda x: np.dsplit(x, 1), ValueError),
            ("vstack", lambda x: np.vstack([x, x[:, :2]]), ValueError),
            ("block", lambda x: np.block([[x, x], x]), ValueError),
            ("block of no parts", lambda x: np.block([[x], []]), ValueError),
            ("pad", lambda x: np.pad(x, (1, 2, 3)), ValueError),
            (
                "pad with options",
                lambda x: np.pad(x, 1, "edge", constant_values=1),
                ValueError,
            ),
            ("take", lambda x: np.take(x, 6), IndexError),
            (
                "take_along_axis",
                lambda x: np.take_along_axis(x, np.ones(2, int), 0),
                ValueError,
            ),
            ("delete", lambda x: np.delete(x, 9), IndexError),
            ("insert", lambda x: np.insert(x, 9, 1), IndexError),
            ("select", lambda x: np.select([x > 1], [x, x]), ValueError),
            ("choose", lambda x: np.choose([2], [x, x]), ValueError),
            ("diagonal", lambda x: x[0].diagonal(), ValueError),
            ("compress", lambda x: x.compress(x > 0), ValueError),
            ("compress beyond", lambda x: x.compress([0, 0, 0, 1], 1), IndexError),
        ]:
            with self.subTest(name):
                with self.assertRaises(error):
                    function(x)
                with self.assertRaises(error):
                    function(Value(x))

    def test_in_words(self):
        x = Value(np.ones((2, 3)))
        for function, words in [
            (
                lambda: np.pad(x, 1, "linear_ramp"),
                "mode: expected one of constant, edge",
            ),
            (
                lambda: np.pad(x, 1, "reflect", reflect_type="odd"),
                "constant_values= alone",
            ),
            (
                lambda: np.pad(x, 1, constant_values=Value(1.0)),
                "constant_values: expected numbers",
            ),
            (lambda: np.ravel(x, "K"), "expected order 'C' or 'F', got 'K'"),
            (lambda: x.reshape(3, 2, order="A"), "expected order 'C' or 'F', got 'A'"),
            (
                lambda: np.take(x, 0, out=np.ones(())),
                "unexpected keyword argument 'out'",
            ),
            (
                lambda: np.dstack([x, x], dtype=int),
                "unexpected keyword argument 'dtype'",
            ),
            (lambda: np.choose([0], [x, x], mode="clip"), "unexpected keyword"),
        ]:
            with self.assertRaisesRegex(TypeError, words):
                function()

    def test_parts_of_an_open_axis(self):
        x = Value(shape=(None, 4), name="x")
        for function in (np.split, np.array_split, np.hsplit):
            with self.assertRaisesRegex(ValueError, "an axis to split along"):
                function(Value(2.0), 1)
        with self.assertRaisesRegex(ValueError, "that 2 divides, got 1"):
            np.split(x, 2)
        parts = np.array_split(x, 2)
        for n, lengths in [(5, [3, 2]), (1, [1, 0])]:
            for y, length in zip(parts, lengths):
                self.assertEqual(y.forward(x=np.ones((n, 4))).shape, (length, 4))

    def test_numbers_that_cannot_be_values(self):
        x, n = Value([1.0, 2.0]), Value(1)
        for function in (np.delete, np.repeat, np.tile, np.roll):
            with self.assertRaisesRegex(TypeError, "expected numbers"):
                function(x, n)
        with self.assertRaisesRegex(TypeError, "obj: expected numbers"):
            np.insert(x, n, 5.0)


if __name__ == "__main__":
    unittest.main()
