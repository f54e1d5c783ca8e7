"""Programs saved as C: numbers, nets, names, and the text itself."""

import ctypes
import itertools
import os
import subprocess
import unittest

import numpy as np
from c_programs import (
    CLEAN,
    SAFE,
    UNSET,
    compiled_c,
    function_in,
    has,
    loaded_c,
    needs_gcc,
    resolved,
    run_c,
)
from testing import (
    BINARY,
    COMPARISONS,
    FUNCTIONS,
    REDUCTIONS,
    SHAPES,
    UNARY,
    ValueTest,
    are_broadcastable,
    new_folder,
    numbers,
    slow,
    squares,
    uniform,
)

from micrograd import (
    Value,
    compiled,
    concatenate,
    einsum,
    nn,
    operator,
    optim,
    special,
    stack,
    tensordot,
    where,
)


def saved(program, folder, name="net", **options):
    """The text of a program as C."""
    path = folder / f"{name}.c"
    program.save(path, **options)
    return path.read_text()


class Case:
    """A program as C beside the engine: its data, and what the engine gives.

    Gradients are those of a number that depends on all results.
    """

    def __init__(self, function, *data, has_gradients=True):
        self.data = data
        with np.errstate(all="ignore"):
            self.values = [Value(x) for x in data]
            y = function(*self.values)
            results = [*y] if isinstance(y, (list, tuple)) else [y]
            self.wrt = []
            if has_gradients and all(y.dtype.kind == "f" for y in results):
                root = squares(results)
                root.backward()
                self.wrt = [x for x in self.values if x.grad is not None]
                results = [root, *results]
            self.expected = [y.data for y in results] + [x.grad for x in self.wrt]
            self.program = compiled(*results, wrt=self.wrt or None)
        self.dtypes = [np.result_type(x) for x in (*data, *self.expected)]

    @property
    def inputs(self):
        """The data in the order of the arguments."""
        return [x.data for x in (*self.program.lazies, *self.program.leaves)]


@needs_gcc
@slow
class CTest(ValueTest):
    """Tests that compile what programs save."""

    def assert_right(self, cases, compiler="gcc", flags=SAFE, rtol=None):
        """What C computes is what the engine gives, in each case."""
        folder = new_folder(self)
        files = []
        for i, case in enumerate(cases):
            files.append(folder / f"net{i}.c")
            with np.errstate(all="ignore"):
                case.program.save(files[-1])
        inputs = [case.inputs for case in cases]
        found = run_c(folder, files, inputs, compiler, flags)
        for case, file, (code, outputs) in zip(cases, files, found):
            self.assertEqual(code, 0, file.read_text())
            self.assertEqual(len(outputs), len(case.expected))
            single = any(dtype == np.float32 for dtype in case.dtypes)
            tolerance = rtol or (1e-6 if single else 1e-13)
            for y, expected in zip(outputs.values(), case.expected):
                expected = np.asarray(expected)
                self.assertEqual(y.dtype, expected.dtype)
                y = y.ravel()[: expected.size].reshape(expected.shape)
                try:
                    self.assert_near(y, expected, tolerance)
                except AssertionError as error:
                    raise AssertionError(f"{error}\n{file.read_text()}") from None

    def assert_near(self, y, expected, rtol):
        """Up to rounding, relative to the largest; nan and inf at the same places."""
        if expected.dtype.kind != "f":
            np.testing.assert_array_equal(y, expected)
            return
        finite = np.abs(expected[np.isfinite(expected)])
        atol = rtol * finite.max(initial=0)
        np.testing.assert_allclose(y, expected, rtol, atol)


class TestOperators(CTest):
    def test_of_one_operand(self):
        cases = []
        for function, _, ends in UNARY.values():
            for dtype in (np.float64, np.float32):
                x = uniform((2, 3), ends[0], ends[-1]).astype(dtype)
                cases.append(Case(function, x))
        self.assert_right(cases)

    def test_of_two_operands_broadcast(self):
        pairs = [p for p in itertools.product(SHAPES, SHAPES) if are_broadcastable(*p)]
        functions = itertools.cycle([*BINARY.values(), *COMPARISONS.values()])
        cases = [
            Case(f, numbers(a), numbers(b, 1))
            for (a, b), (f, _) in zip(pairs, functions)
        ]
        for (f, _), dtype in itertools.product(BINARY.values(), ("f4", "f8")):
            a, b = numbers((2, 3)).astype(dtype), numbers((3,), 1).astype(dtype)
            cases.append(Case(f, a, b))
        self.assert_right(cases)

    def test_reductions(self):
        cases = []
        for function, _ in REDUCTIONS.values():
            for axis in (None, 0, -1, (0, 2), (0, 1, 2)):
                for keepdims in (False, True):
                    f = lambda x, g=function, a=axis, k=keepdims: g(
                        x, axis=a, keepdims=k
                    )
                    cases.append(Case(f, numbers((2, 3, 4))))
            cases.append(Case(lambda x, g=function: g(x, axis=1), numbers((1, 3))))
            cases.append(Case(function, numbers(())))
            cases.append(Case(function, numbers((2, 3)).astype("f4")))
        empty = [lambda x: x.sum(0), lambda x: x.sum(), lambda x: x.prod(0)]
        cases += [Case(f, np.zeros((0, 3))) for f in empty]
        self.assert_right(cases)

    def test_functions_of_the_table(self):
        refused = {"mask", "mask of rows"}
        cases = [
            Case(f, numbers((4, 3)), numbers((4, 3), 1))
            for name, f in FUNCTIONS.items()
            if name not in refused
        ]
        self.assert_right(cases)

    def test_further_functions_of_elements(self):
        names = (
            "tan arccos arctan sinh cosh expm1 exp2 log2 log10 square cbrt fabs sinc"
        )
        names += " reciprocal degrees radians floor ceil trunc rint sign positive"
        of_one = [getattr(np, name) for name in names.split()]
        of_one += [special.erf, special.erfc, special.gammaln, lambda x: np.round(x, 1)]
        of_one += [
            lambda x: np.arccosh(1 + x),
            np.nan_to_num,
            lambda x: np.clip(x, 0, 1),
        ]
        names = "arctan2 hypot logaddexp logaddexp2 fmax fmin copysign heaviside"
        names += " floor_divide remainder fmod float_power maximum minimum"
        of_two = [getattr(np, name) for name in names.split()]
        x, y = uniform((3, 4), -0.9, 0.9), uniform((3, 4), 0.1, 2.0, seed=1)
        cases = [Case(f, x) for f in of_one if f is not np.sinc]
        cases += [Case(f, y - 1, y) for f in of_two if f is not np.float_power]
        cases += [Case(f, y, x) for f in of_two]
        cases += [Case(f, np.float32(x)) for f in of_one if f is not np.sinc]
        self.assert_right(cases, rtol=2e-6)

    def test_integers_wrap_as_numpys_do(self):
        largest = np.iinfo(np.int64).max
        a = np.array([largest, -largest - 1, -7, 7, 0, 3])
        is_safe = np.lib.NumpyVersion(np.__version__) >= "1.23.0"  # below, it crashes
        b = np.array([2, -1 if is_safe else 1, 2, -2, 5, 0])
        functions = [f for f, _ in (*BINARY.values(), *COMPARISONS.values())]
        functions += [np.floor_divide, np.remainder, np.fmod, np.bitwise_xor]
        functions += [np.bitwise_and, np.bitwise_or, np.logical_xor]
        functions.remove(BINARY["**"][0])
        cases = [Case(f, a, b, has_gradients=False) for f in functions]
        cases.append(Case(lambda a: a**3, a, has_gradients=False))
        of_one = [np.negative, np.abs, np.sign, np.square, np.invert, np.floor]
        of_one += [lambda x: x.sum(), lambda x: x.prod(), lambda x: np.cumsum(x)]
        cases += [Case(f, a, has_gradients=False) for f in of_one]
        for dtype in ("i1", "i2", "i4", "u1", "u2", "u4", "u8"):
            with np.errstate(all="ignore"):
                c, d = a.astype(dtype), b.astype(dtype)
            for f in functions:
                cases.append(Case(f, c, d, has_gradients=False))
            f = lambda x: [-x, x * 3, x + 100, x < 100, x.max(), x.sum(), x.min()]
            cases.append(Case(f, c, has_gradients=False))
        self.assert_right(cases)

    def test_dtypes_meet(self):
        dtypes = ("?", "i1", "i4", "i8", "u1", "u4", "f4", "f8")
        cases = []
        for a, b in itertools.product(dtypes, dtypes):
            x, y = np.array([1, 0, 2]).astype(a), np.array([2, 1, 1]).astype(b)
            f = lambda x, y: [x + y, x * y, x / y, x < y, np.maximum(x, y), x == y]
            cases.append(Case(f, x, y, has_gradients=False))
        for x in (np.float32(0.1), np.float64(0.1), 0.1, 3, True, np.int32(3)):
            f = lambda x: [x + 1, x * 0.5, x / 3, x + np.ones(2, "f4"), -(x * 1)]
            cases.append(Case(f, x, has_gradients=False))
        self.assert_right(cases)

    def test_booleans(self):
        a, b = np.array([True, True, False, False]), np.array([True, False] * 2)
        f = lambda a, b: [
            *(a & b, a | b, a ^ b, ~a, a + b, a * b, a == b, a < b, np.maximum(a, b)),
            *(np.logical_and(a, b), np.logical_or(a, 2.0), np.logical_not(b)),
            *(a.any(), a.all(), a.sum(), a.max(), a.mean(), np.count_nonzero(a)),
            *(a * 2.5, a * -1.0, where(a, 1.5, b), a + 1, a / 2),
        ]
        self.assert_right([Case(f, a, b, has_gradients=False)])


class TestRarerCalls(CTest):
    def test_of_floats(self):
        x = uniform((3, 4), -2.0, 2.0)
        functions = [
            lambda x: np.full_like(x, 2.5) * x,
            lambda x: np.ones_like(x) + np.zeros_like(x) * x,
            lambda x: np.dot(x[0, 0], x),
            lambda x: x.astype("f4") * 2,
            lambda x: np.take(x, [7, -1], axis=1, mode="clip"),
            lambda x: np.round(x * 100, -1),
            lambda x: x[:0].reshape(4, 0).T,
            lambda x: x.reshape(3, 2, 2)[:, ::-1].reshape(12)[::5],
            lambda x: np.take_along_axis(x, np.array([[0], [3], [1]]), 1),
        ]
        if hasattr(np, "vecdot"):  # of NumPy 2
            functions.append(lambda x: np.vecdot(x, x[0]))
        cases = [Case(function, x) for function in functions]
        others = [
            lambda x: (x * 3).astype(int),
            lambda x: (x * 3).astype("i1") + (x > 0).astype("u1"),
            lambda x: np.count_nonzero(x > 0, axis=1, keepdims=True),
            lambda x: np.count_nonzero(x),
            lambda x: [x.any(0), x.all(), (x * 0).any(axis=1)],
            lambda x: np.nanargmin(x, axis=0, keepdims=True),
            lambda x: 0.5 > x,
        ]
        cases += [Case(f, x, has_gradients=False) for f in others]
        large = uniform((70, 70), -1.0, 1.0)
        cases.append(Case(lambda x: where(x > 0, x, 0.0) * 2, large))
        self.assert_right(cases)

    def test_of_integers(self):
        x = np.array([[3, -2, 0], [1, 5, -7]])
        functions = [
            lambda x: [np.round(x, 1), np.nan_to_num(x), np.square(x), np.abs(x)],
            lambda x: [np.argmax(x), np.nanargmax(x, axis=1), 2 > x, x != 200],
            lambda x: [np.fmax(x, 1), np.minimum(x, 3), x**0, x**1, x**2],
            lambda x: [x.any(1), x.all(0), np.logical_not(x), x.astype("f8")],
        ]
        cases = [Case(f, x, has_gradients=False) for f in functions]
        f = lambda x: [np.sign(x), np.maximum(x, 0), np.minimum(x, 255), x >= 0, x < 0]
        cases.append(Case(f, np.array([3, 0], "u1"), has_gradients=False))
        self.assert_right(cases)


class TestSpecialValues(CTest):
    VALUES = np.array(
        [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 1e308, -1e308, 1.0, -1.0]
        + [0.5, 2.0, -2.0, 1e-310, 3.0]
    )

    def assert_near(self, y, expected, rtol):
        """And the signs of zeros are the same."""
        super().assert_near(y, expected, rtol)
        is_zero = (expected == 0) & (expected.dtype.kind == "f")
        self.assert_equal(np.signbit(y[is_zero]), np.signbit(expected[is_zero]))

    def assert_right(self, cases, compiler="gcc", flags=SAFE, rtol=None):
        """Where a product overflows, rounding decides: compare each alone."""
        with np.errstate(all="ignore"):
            super().assert_right(cases, compiler, flags, rtol)

    def test_of_one_operand(self):
        functions = [f for f, _, _ in UNARY.values()]
        functions += [np.floor, np.rint, np.sign, np.cbrt, np.expm1, np.log2, np.arctan]
        functions += [np.isnan, np.isinf, np.isfinite, np.signbit, np.nan_to_num]
        functions += [lambda x: x.max(), lambda x: x.min(), lambda x: np.argmax(x)]
        functions += [lambda x: x.cumsum(), lambda x: np.round(x, 2), np.reciprocal]
        cases = [Case(f, self.VALUES, has_gradients=False) for f in functions]
        with np.errstate(all="ignore"):
            single = self.VALUES.astype("f4")
        cases += [Case(f, single, has_gradients=False) for f in functions]
        self.assert_right(cases)

    def test_of_two_operands(self):
        a, b = self.VALUES[:, None], self.VALUES
        functions = [f for f, _ in (*BINARY.values(), *COMPARISONS.values())]
        functions += [np.fmax, np.fmin, np.copysign, np.heaviside, np.arctan2, np.hypot]
        functions += [np.floor_divide, np.remainder, np.fmod, np.logaddexp]
        functions += [lambda a, b: where(a > b, a, b), lambda a, b: where(a, b, 0.0)]
        self.assert_right([Case(f, a, b, has_gradients=False) for f in functions])

    def test_gradients_meet_them(self):
        cases = []
        for function, _, _ in UNARY.values():
            for x in self.VALUES:
                y = Value(x)
                with np.errstate(all="ignore"):
                    z = function(y)
                    z.backward()
                    case = Case(function, x, has_gradients=False)
                    case.program = compiled(z, wrt=y)
                case.expected = [z.data, y.grad]
                cases.append(case)
        folder = new_folder(self)
        for i, case in enumerate(cases):
            case.program.save(folder / f"net{i}.c")
        self.assert_right(cases)

    def test_sums_of_one_and_roots(self):
        x = np.array([[-0.0], [1.0], [-np.inf], [4.0]])
        sums = [lambda x: x.sum(1), lambda x: x.sum(), lambda x: np.sum(x, axis=())]
        cases = [Case(f, x, has_gradients=False) for f in sums]
        cases.append(Case(lambda x: x.sum(), -0.0, has_gradients=False))
        cases += [
            Case(lambda x, p: x**p, x, p, has_gradients=False) for p in (0.5, 2.0)
        ]
        self.assert_right(cases)

    def test_questions_about_integers(self):
        x = np.array([3, 0], "u1")
        f = lambda x: [np.isnan(x), np.isfinite(x), np.signbit(x), np.isinf(x * 2)]
        self.assert_right([Case(f, x, has_gradients=False)])

    def test_fast_math_is_refused(self):
        folder = new_folder(self)
        saved(compiled(Value([1.0]).exp()), folder)
        outcome = subprocess.run(
            ["gcc", "-ffast-math", "-c", folder / "net.c", "-o", folder / "net.o"],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.assertNotEqual(outcome.returncode, 0)
        self.assertIn("-ffast-math", outcome.stderr)


class TestProducts(CTest):
    def test_matrices_and_vectors_of_all_ranks(self):
        shapes = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4))]
        shapes += [
            ((5, 2, 3), (3, 4)),
            ((5, 2, 3), (5, 3, 4)),
            ((5, 1, 2, 3), (4, 3, 2)),
        ]
        shapes += [((3,), (5, 3, 4)), ((5, 2, 3), (3,)), ((1, 3), (3, 1)), ((1,), (1,))]
        shapes += [((1, 1), (1, 1)), ((2, 0), (0, 3)), ((0, 2), (2, 3))]
        cases = [Case(lambda a, b: a @ b, numbers(a), numbers(b, 1)) for a, b in shapes]
        a, b = numbers((2, 3)), numbers((3, 4), 1)
        for dtype in ("f4", "i8", "?"):
            f = lambda a, b: a @ b
            has_gradients = dtype == "f4"
            cases.append(
                Case(f, a.astype(dtype), b.astype(dtype), has_gradients=has_gradients)
            )
        self.assert_right(cases)

    def test_einsum_tensordot_dot_and_others(self):
        a, b, c = numbers((2, 3)), numbers((3, 4), 1), numbers((3, 3), 2)
        t, u = numbers((2, 3, 4), 3), numbers((4, 3, 5), 4)
        cases = [
            Case(lambda a, b: einsum("ij,jk->ki", a, b), a, b),
            Case(lambda a, b: einsum("ij,jk->", a, b), a, b),
            Case(lambda a, b, c: einsum("ij,jk,jj->ik", a, b, c), a, b, c),
            Case(lambda c: einsum("ii->i", c), c),
            Case(lambda c: einsum("ij->ji", c), c),
            Case(lambda t: einsum("...j->...", t), t),
            Case(lambda t, u: einsum("bij,jik->bk", t, u), t, u),
            Case(lambda t, u: tensordot(t, u, 2), t, u),
            Case(lambda t, u: np.tensordot(t, u, ([1, 2], [1, 0])), t, u),
            Case(lambda t, u: np.tensordot(t, u, ([2], [0])), t, u),
            Case(np.dot, numbers((4, 5, 2)), a),
            Case(np.dot, a, numbers((5, 3, 2))),
            Case(np.inner, a, c),
            Case(np.outer, a, b),
            Case(np.vdot, c, c[::-1].copy()),
            Case(lambda a: np.trace(a), c),
        ]
        self.assert_right(cases)

    def test_long_sums_of_float32(self):
        x = uniform((3, 5000), 0.1, 1.0).astype("f4")
        w = uniform((5000, 2), 0.1, 1.0).astype("f4")
        cases = [Case(lambda x: x.sum(1), x), Case(lambda x: x.mean(), x)]
        cases.append(Case(lambda x, w: x @ w, x, w))
        self.assert_right(cases)

    def test_large_ones_have_memory_of_their_own(self):
        x, w = numbers((60, 80)), numbers((80, 70))
        f = lambda x, w: ((x @ w).tanh() @ w.T).tanh()
        case = Case(f, x, w)
        self.assert_right([case])
        text = saved(case.program, new_folder(self))
        self.assertIn("    static double v1[60][70];", text)
        self.assertRegex(text, r"arguments: [1-9]\d+ bytes\s+static")


class TestPlaces(CTest):
    def test_other_shapes(self):
        x = numbers((2, 3, 4))
        f = [
            lambda x: x.reshape(-1) * np.arange(24),
            lambda x: x.reshape(4, 6) * np.arange(6),
            lambda x: x.reshape(6, 4)[::2],
            lambda x: x.reshape(2, 12).T.reshape(3, 8),
            lambda x: x.reshape(1, 2, 1, 3, 4, 1).sum(3),
            lambda x: x.transpose(2, 0, 1) * 2,
            lambda x: x.T.reshape(-1) * np.arange(24),
            lambda x: x.swapaxes(0, 2)[1],
            lambda x: np.moveaxis(x, 0, -1) * 2,
            lambda x: x[0, 1:, ::-2] * 2,
            lambda x: x[..., None, 1] * 2,
            lambda x: x[:, None, -1, 1:3],
            lambda x: x[:, [0, 2, 0]],
            lambda x: x[[1, 0], :, [3, 3]],
            lambda x: x[1, [0, 2], 1:],
            lambda x: x[[[0, 1], [1, 1]], 0],
            lambda x: x[:, np.array([True, False, True])],
            lambda x: np.broadcast_to(x[0, 0], (5, 4)) * numbers((5, 4)),
            lambda x: np.squeeze(x[:, :1]) * 2,
            lambda x: np.ravel(x)[3:9],
            lambda x: concatenate([x, 2 * x[:, :1]], axis=1) * numbers((2, 4, 4)),
            lambda x: stack([x[0], x[1], x[0]], axis=1),
            lambda x: np.pad(x, ((1, 2), (0, 1), (2, 0))),
            lambda x: np.pad(x, 1, constant_values=2.5),
            lambda x: np.pad(x, 1, mode="reflect"),
            lambda x: np.pad(x, 1, mode="edge"),
            lambda x: np.flip(x) * numbers((2, 3, 4)),
            lambda x: np.flip(x, 1),
            lambda x: np.roll(x, 2, axis=2),
            lambda x: np.roll(x, 5),
            lambda x: np.rot90(x),
            lambda x: np.repeat(x, 2, axis=1) * numbers((2, 6, 4)),
            lambda x: np.repeat(x, [1, 3], axis=0),
            lambda x: np.tile(x, (2, 1, 2)),
            lambda x: np.take(x, [0, 3, 3], axis=-1),
            lambda x: np.take(x, [5, 7]),
            lambda x: np.delete(x, 1, axis=1),
            lambda x: np.cumsum(x, axis=1),
            lambda x: np.cumprod(x, axis=-1),
            lambda x: np.tril(x, -1),
            lambda x: np.triu(x, 1),
            lambda x: np.diagonal(x, 1, 0, 2),
            lambda x: np.diag(x[0, 1], 1),
            lambda x: np.diag(x[0], -1),
            lambda x: np.diagflat(x[0, 1]),
            lambda x: np.split(x, 2, axis=2)[1] * 2,
            lambda x: x.at[0, 1].set(x[1, 2]),
            lambda x: x.at[:, [0, 0]].add(x[:, 1:]),
            lambda x: where(np.arange(4) > 1, x, -x),
            lambda x: np.var(x, axis=1) + np.std(x, axis=1),
        ]
        cases = [Case(function, x) for function in f]
        self.assert_right(cases)

    def test_places_that_are_inputs(self):
        table, rows = numbers((5, 3)), np.array([[4, 0], [2, 2], [-5, -1]])
        cases = [
            Case(lambda t, i: t[i], table, rows),
            Case(lambda t, i: t[i, 1], table, rows),
            Case(lambda t, i: t[i[:, 0], [0, 1, 1]], table, rows),
            Case(lambda t, i: t[:, i[0, 1]], table, rows),
            Case(lambda t, i: np.take(t, i, axis=0), table, rows),
            Case(lambda t, i: t.at[i[:, 0]].add(t[:3]), table, rows),
            Case(lambda t, i: np.take_along_axis(t, i[:, :1] % 3, 0), table, rows),
            Case(lambda t: t[np.argmax(t, axis=0)], table),
            Case(lambda t, i: t[i] * 0.75, np.array([2.5]), 0),
            Case(lambda t: np.argmin(t[..., None], -1), 2, has_gradients=False),
            Case(lambda t: t[np.argmin(t, axis=1) * 1, 0], table),
            *[Case(lambda t, i: t[i], table, rows.astype(k)) for k in ("i1", "i4")],
            Case(lambda t, i: t[i], table, np.array([4, 0], "u1")),
        ]
        self.assert_right(cases)

    def test_places_of_extremes(self):
        x = np.array([[1.0, 3.0, 3.0], [np.nan, 5.0, np.nan], [-1.0, -1.0, -2.0]])
        functions = [np.argmax, np.argmin]
        cases = []
        for f, axis in itertools.product(functions, (None, 0, 1)):
            g = lambda x, f=f, axis=axis: f(x, axis=axis)
            cases += [Case(g, x), Case(g, x[::2].astype(int))]
        cases.append(Case(lambda x: np.nanargmax(x, axis=1), x))
        self.assert_right(cases)

    def test_indices_out_of_range(self):
        x, i = numbers((5, 3)), Value(shape=(2,), name="i", dtype=int)
        w = Value(x)
        program = compiled((w[i] ** 2).sum(), wrt=w)
        folder = new_folder(self)
        program.save(folder / "net.c")
        for places, code in (([4, -5], 0), ([5, 0], 1), ([0, -6], 1)):
            ((found, outputs),) = run_c(folder, [folder / "net.c"], [[places, x]])
            self.assertEqual(found, code)
            if code:  # nothing was written
                first = outputs["result"].tobytes() + outputs["grad_w1"].tobytes()
                self.assertEqual(set(first), {UNSET})

    def test_labels_out_of_range(self):
        logits, y = Value(numbers((2, 3))), Value(shape=(2,), name="y", dtype=int)
        folder = new_folder(self)
        compiled(nn.cross_entropy(logits, y), wrt=logits).save(folder / "net.c")
        for labels, code in (([2, 0], 0), ([0, 3], 1), ([-1, 0], 1)):
            data = [labels, logits.data]
            ((found, _),) = run_c(folder, [folder / "net.c"], [data])
            self.assertEqual(found, code)

    def test_computed_indices_out_of_range(self):
        x, i = Value(numbers(4)), Value(shape=(2,), name="i", dtype=int)
        folder = new_folder(self)
        compiled(x[i * 2]).save(folder / "net.c")
        for places, code in (([1, 0], 0), ([2, 0], -1)):
            ((found, _),) = run_c(folder, [folder / "net.c"], [[places, x.data]])
            self.assertEqual(found, code)


class TestOpenAxes(CTest):
    def assert_for_any_length(self, function, *data):
        """With the first axes of the data, which are as long as one another, open."""
        names = [f"x{i}" for i in range(len(data))]
        lazies = [
            Value(shape=(None, *x.shape[1:]), name=name, dtype=x.dtype)
            for x, name in zip(data, names)
        ]
        y = function(*lazies)
        wrt = {f"w{i}": x for i, x in enumerate(leaves_in(y))}
        program = compiled(y, wrt=wrt or None)
        folder = new_folder(self)
        program.save(folder / "net.c")
        _, arguments = function_in((folder / "net.c").read_text())
        self.assertEqual(arguments[0].name, "n")
        for n in (1, 2, 3, len(data[0])):
            feeds = {name: x[:n] for name, x in zip(names, data)}
            expected = program(**feeds)
            inputs = [n, *[feeds[x.name] for x in program.lazies]]
            inputs += [x.data for x in program.leaves]
            ((code, outputs),) = run_c(folder, [folder / "net.c"], [inputs])
            self.assertEqual(code, 0)
            outputs = [*outputs.values()]
            self.assert_close(outputs[0], expected, 1e-6)
            for found, x in zip(outputs[1:], program.wrt):
                self.assert_close(found, x.grad, 1e-6)
        ((code, _),) = run_c(folder, [folder / "net.c"], [[0, *inputs[1:]]])
        self.assertEqual(code, 1)

    def test_nets(self):
        net = nn.MLP(2, [4, 3], rng=np.random.default_rng(0), dtype="f4")
        x, y = numbers((7, 2)).astype("f4"), np.array([0, 2, 1, 1, 0, 2, 1])
        self.assert_for_any_length(lambda x, y: nn.cross_entropy(net(x), y), x, y)
        self.assert_for_any_length(lambda x, y: ((net(x)[:, 0] - y) ** 2).mean(), x, y)
        self.assert_for_any_length(lambda x: nn.softmax(net(x)), x)

    def test_other_expressions(self):
        x = numbers((5, 2))
        w = Value(numbers((2, 2), 1))
        for function in (
            lambda x: (x @ w).tanh().sum(),
            lambda x: x[-1] * x[0] * w[0],
            lambda x: x.reshape(-1) * 2,
            lambda x: concatenate([x, 2 * x]),
            lambda x: np.var(x, axis=0) * w.sum(0),
            lambda x: x[::-1].max(0) * w.sum(0),
            lambda x: x.T @ x @ w,
            lambda x: x.cumsum(0),
        ):
            self.assert_for_any_length(function, x)


def leaves_in(y):
    """The parameters of an expression."""
    return [x for x in compiled(y).leaves if x.dtype.kind == "f"]


@needs_gcc
class TestTrainingStep(ValueTest):
    def setUp(self):
        self.folder = new_folder(self)

    def net(self, dtype="f8"):
        """A program with its net, and a batch for it."""
        net = nn.MLP(2, [4, 3], rng=np.random.default_rng(0), dtype=dtype)
        x = Value(shape=(None, 2), name="x", dtype=dtype)
        y = Value(shape=(None,), name="y", dtype=int)
        program = compiled(nn.cross_entropy(net(x), y), wrt=net)
        batch = {"x": numbers((5, 2)).astype(dtype), "y": np.array([0, 2, 1, 1, 0])}
        return net, program, batch

    def library(self, program, optimiser, **options):
        """The library, and the arguments of its step."""
        path = self.folder / "net.c"
        program.save(path, optimiser=optimiser, **options)
        text = path.read_text()
        _, arguments = function_in(text, "net_step")
        return loaded_c(self.folder, path), arguments

    def assert_as_python(self, make, dtype="f8", n_steps=5, **options):
        net, program, batch = self.net(dtype)
        optimiser = make(net.parameters())
        library, arguments = self.library(program, optimiser, **options)
        held = dict(zip(["n", "x", "y"], [5, *batch.values()]))
        names = [x.name for x in arguments if x.name.startswith("layers")]
        parameters = [x.data.copy() for x in net.parameters()]
        held |= dict(zip(names, parameters))
        kind = ctypes.c_float if dtype == "f4" else ctypes.c_double
        held["learning_rate"] = kind(optimiser.learning_rate)
        for x in arguments:
            if x.name not in held:
                held[x.name] = np.zeros(x.lengths, x.dtype)
        given = [
            x.ctypes.data_as(ctypes.c_void_p) if isinstance(x, np.ndarray) else x
            for x in (held[argument.name] for argument in arguments)
        ]
        rtol = 1e-5 if dtype == "f4" else 1e-12
        for _ in range(n_steps):
            self.assertEqual(library.net_step(*given), 0)
            loss = program(**batch)
            if "max_norm" in options:
                optim.clip_grad_norm(net, options["max_norm"])
            optimiser.step()
            self.assert_close(held["result"], loss, rtol)
        for x, w in zip(parameters, net.parameters()):
            self.assert_close(x, w.data, rtol)
        state = optimiser.state_dict()
        for name, array in state.items():
            if name != "learning_rate":
                self.assert_close(held[name.replace(".", "_")], array, rtol)
        # A board's state goes back into the optimiser.
        back = make(net.parameters())
        found = {name: held[name.replace(".", "_")] for name in state if "." in name}
        rate = optimiser.learning_rate
        back.load_state_dict({"steps": held["steps"], "learning_rate": rate, **found})
        self.assertEqual(back.steps, n_steps)

    def test_methods(self):
        makers = {
            "SGD": lambda wrt: optim.SGD(wrt, 0.1),
            "momentum": lambda wrt: optim.SGD(wrt, 0.1, momentum=0.9),
            "decay": lambda wrt: optim.SGD(wrt, 0.1, weight_decay=0.01),
            "Adam": lambda wrt: optim.Adam(wrt, 0.05, betas=(0.8, 0.99), eps=1e-6),
            "AdamW": lambda wrt: optim.AdamW(wrt, 0.05, weight_decay=0.1),
        }
        for name, make in makers.items():
            for dtype in ("f8", "f4"):
                with self.subTest(name, dtype=dtype):
                    self.assert_as_python(make, dtype)

    def test_largest_norm(self):
        for max_norm in (0.05, 100.0):
            self.assert_as_python(lambda wrt: optim.SGD(wrt, 0.1), max_norm=max_norm)

    def test_of_numbers_and_of_some_parameters(self):
        a, b = Value(2.0), Value(np.array([1.0, 3.0]))
        x = Value(shape=(2,), name="x")
        program = compiled(((a * x - b) ** 2).sum(), wrt={"a": a, "b": b})
        optimiser = optim.SGD([a], 0.1)
        library, arguments = self.library(program, optimiser)
        names = ["x", "a", "b", "steps", "learning_rate", "result"]
        self.assertEqual([argument.name for argument in arguments], names)
        held = np.array(2.0)
        given = [np.array([1.0, 2.0]), held, b.data, np.zeros((), int)]
        pointers = [x.ctypes.data_as(ctypes.c_void_p) for x in given]
        result = ctypes.c_double()
        rate = ctypes.c_double(0.1)
        self.assertEqual(library.net_step(*pointers, rate, ctypes.byref(result)), 0)
        program(x=[1.0, 2.0])
        optimiser.step()
        self.assert_close(held, a.data)
        self.assert_equal(b.data, [1.0, 3.0])

    def test_labels_out_of_range_move_nothing(self):
        net, program, _ = self.net()
        library, arguments = self.library(program, optim.SGD(net.parameters(), 0.1))
        held = [np.ones(x.lengths) for x in resolved(arguments, [1])[1:]]
        held[1] = np.array([3])
        given = [x.ctypes.data_as(ctypes.c_void_p) for x in held]
        given[-2] = ctypes.c_double(0.1)
        self.assertEqual(library.net_step(1, *given), 3)
        self.assert_equal(held[2], np.ones((2, 4)))

    def test_what_c_cannot_have(self):
        net, program, _ = self.net()

        class Mine(optim.SGD):
            pass

        path = self.folder / "net.c"
        mine, other = Mine(net.parameters(), 0.1), optim.SGD(Value([1.0]), 0.1)
        good = optim.SGD(net.parameters(), 0.1)
        for error, words, options in (
            (TypeError, "SGD, Adam, AdamW, got Mine", {"optimiser": mine}),
            (ValueError, r"optimiser.wrt\[0\]", {"optimiser": other}),
            (ValueError, "max_norm", {"optimiser": good, "max_norm": -1.0}),
            (ValueError, "max_norm", {"max_norm": 1.0}),
            (ValueError, "parameters", {"optimiser": good, "parameters": True}),
        ):
            with self.assertRaisesRegex(error, words):
                program.save(path, **options)
        with self.assertRaisesRegex(ValueError, "ends in .c"):
            program.save(self.folder / "net.py", optimiser=good)
        self.assertEqual(os.listdir(self.folder), [])


def attention(x, w):
    """One head, with a causal mask."""
    q, k, v = (x @ w[i] for i in range(3))
    scores = q @ k.T / 3**0.5
    scores = where(np.tril(np.ones((4, 4), bool)), scores, -np.inf)
    return nn.softmax(scores) @ v


def convolution(x, w, b):
    """Of images (rows, height, width) with filters (filters, 3, 3)."""
    x = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    n, m = x.shape[1] - 2, x.shape[2] - 2
    shifted = [x[:, i : i + n, j : j + m] for i in range(3) for j in range(3)]
    return einsum("knhw,fk->nfhw", stack(shifted), w.reshape(-1, 9)) + b[:, None, None]


class TestNets(CTest):
    def test_classifiers(self):
        cases = []
        for dtype in ("f8", "f4"):
            net = nn.MLP(2, [5, 4, 3], rng=np.random.default_rng(0), dtype=dtype)
            x, y = numbers((6, 2)).astype(dtype), np.array([0, 1, 2, 2, 1, 0])
            loss = nn.cross_entropy(net(Value(x)), Value(y))
            case = Case(lambda x: x, x)
            loss.backward(wrt=net)
            case.wrt = net.parameters()
            case.expected = [loss.data] + [w.grad for w in case.wrt]
            case.program = compiled(loss, wrt=net)
            case.dtypes = [np.dtype(dtype)]
            cases.append(case)
        self.assert_right(cases)

    def test_attention_and_convolution(self):
        x, w = numbers((4, 3)), numbers((3, 3, 3), 1)
        images, filters, bias = numbers((2, 4, 5)), numbers((2, 3, 3), 1), numbers(2)
        cases = [
            Case(attention, x, w),
            Case(convolution, images, filters, bias),
            Case(lambda x: x.softmax(0) if hasattr(x, "softmax") else nn.softmax(x), x),
            Case(lambda x: special.log_softmax(x, 0), x),
            Case(lambda x: nn.softmax(x, axis=0), x),
            Case(lambda x: x.logsumexp(axis=1), x),
        ]
        self.assert_right(cases)

    def test_of_numbers(self):
        a, b = 1.5, -0.5
        f = lambda a, b: (a * b + b**3).relu() + (a * 2 - b).tanh() / (a + 3)
        self.assert_right([Case(f, a, b), Case(f, np.float32(a), np.float32(b))])

    def test_optimised_and_by_clang(self):
        net = nn.MLP(3, [8, 8], rng=np.random.default_rng(0))
        x = numbers((7, 3))
        cases = [
            Case(lambda x: net(x), x),
            Case(attention, numbers((4, 3)), numbers((3, 3, 3), 1)),
            Case(lambda x: np.cumsum(x, 0) + np.flip(x, 0), x),
            Case(lambda i: Value(x)[i], np.array([0, 6, -1])),
        ]
        for compiler in filter(has, ("gcc", "clang")):
            self.assert_right(cases, compiler, ["-O3"])
            self.assert_right(cases, compiler, SAFE)


class TestText(ValueTest):
    def setUp(self):
        self.folder = new_folder(self)

    def net(self):
        net = nn.MLP(2, [3, 1], rng=np.random.default_rng(0))
        x, y = Value(shape=(4, 2), name="x"), Value(shape=(4,), name="y")
        return compiled(((net(x) - y) ** 2).mean(), wrt=net)

    def test_a_net_is_one_loop_over_its_rows(self):
        text = saved(self.net(), self.folder)
        self.assertEqual(text.count("for (int i = 0; i < 4; i++)"), 1)
        for part in (
            "/* v1 = x @ layers_0_w */",
            "v1[j] += x[i][k] * layers_0_w[k][j];",
            "v3[j] = v2 <= 0.0 ? 0.0 : v2;",
            "/* --- backward --- */",
            "/* back through v3 = relu(v2) */",
            "grad_layers_0_w[k][j] += x[i][k] * by_v2[j];",
            "const double v8 = u1 / 4.0;",
        ):
            self.assertIn(part, text)

    def test_arguments_are_inputs_parameters_results_and_gradients(self):
        name, arguments = function_in(saved(self.net(), self.folder))
        self.assertEqual(name, "net")
        layers = [f"layers_{i}_{kind}" for i in (0, 1) for kind in "wb"]
        gradients = [f"grad_{layer}" for layer in layers]
        names = ["x", "y", *layers, "result", *gradients]
        self.assertEqual([x.name for x in arguments], names)
        self.assertEqual(arguments[2].lengths, (2, 3))

    def test_the_comment_says_what_it_is(self):
        text = saved(self.net(), self.folder)
        head = text[: text.index("*/")]
        for part in (
            "x                float64 (4, 2): input",
            "layers_0_w       float64 (2, 3): parameter",
            "result           float64 (): result, which is written",
            "cc -std=c99 -O2 -ffp-contract=off -c net.c",
            "0 bytes static",
            "no heap",
            "It returns 0.",
            "The file is yours",
        ):
            self.assertIn(part, head)

    def test_is_the_same_each_time(self):
        first = saved(self.net(), self.folder)
        self.assertEqual(saved(self.net(), self.folder), first)

    def test_parameters_are_written_into_the_file(self):
        net = nn.MLP(2, [3], rng=np.random.default_rng(0))
        x = Value(shape=(1, 2), name="x")
        program = compiled(net(x), names=net)
        text = saved(program, self.folder, parameters=True)
        self.assertIn("static const double layers_0_w[2][3] = {", text)
        _, arguments = function_in(text)
        self.assertEqual([x.name for x in arguments], ["x", "result"])
        self.assertIn(repr(net.layers[0].w.data[1, 2].item()), text)

    def test_the_length_of_an_open_axis_is_an_argument(self):
        x = Value(shape=(None, 2), name="x")
        _, arguments = function_in(saved(compiled((x * 2).mean()), self.folder))
        self.assertEqual([x.name for x in arguments], ["n", "x", "result"])

    def test_where_memory_is_needed_lengths_are_those_of_the_last_call(self):
        x = Value(shape=(None, 2), name="x")
        for y in (x @ x.T, nn.softmax(x, axis=0), x[:3] * 2, x[:50] * 2):
            program = compiled(y)
            with self.assertRaisesRegex(ValueError, r"x of shape \(None, 2\).*call"):
                program.save(self.folder / "net.c")
            program(x=numbers((3, 2)))
            _, arguments = function_in(saved(program, self.folder))
            self.assertEqual(arguments[0].lengths, (3, 2))

    def test_the_program_itself_is_as_before(self):
        program = self.net()
        feeds = {"x": numbers((4, 2)), "y": numbers(4)}
        before = program(**feeds), program.source
        saved(program, self.folder)
        self.assertEqual((program(**feeds), program.source), before)

    def test_no_module_of_c_is_loaded_before(self):
        from testing import run_python

        code = (
            "import micrograd.program, sys; print('micrograd.program.c' in sys.modules)"
        )
        self.assertEqual(run_python("-c", code).strip(), "False")


class TestNames(ValueTest):
    def setUp(self):
        self.folder = new_folder(self)

    def arguments(self, program):
        return [x.name for x in function_in(saved(program, self.folder))[1]]

    def test_that_c_has_give_way(self):
        names = ["int", "exp", "i", "NAN", "result", "restrict", "class_", "net", "v1"]
        values = [Value(shape=(2,), name=name) for name in names]
        names = self.arguments(compiled(sum(values[1:], values[0]).tanh()))
        self.assertEqual(len({*names}), len(names))
        for name in ("int_", "exp_", "i_2", "NAN_", "restrict_", "class_", "v1"):
            self.assertIn(name, names)

    def test_letters_that_c_lacks_are_spelled(self):
        values = [Value(shape=(2,), name=name) for name in ("größe", "β", "_Q", "__x")]
        names = self.arguments(compiled(values[0] * values[1] + values[2] * values[3]))
        self.assertEqual(
            names[:4], ["groue0dfe".replace("e0df", "df"), "u3b2", "x_Q", "x__x"]
        )

    def test_of_a_model_with_odd_keys(self):
        class Odd(nn.Module):
            def __init__(self):
                self.layers = {
                    "a-b": Value([1.0]),
                    "a b": Value([2.0]),
                    "1": Value([3.0]),
                }

        net = Odd()
        names = self.arguments(compiled(sum(net.parameters(), 0.0), wrt=net))
        self.assertEqual(len({*names}), 7)

    def test_of_the_function(self):
        program = compiled(Value([1.0]) * 2)
        expected = {"step": "step_", "main": "main_", "my net-2": "my_net_2"}
        expected |= {"2x": "x2x", "net": "net", "exp": "exp_", "für": "fur"}
        for name, function in expected.items():
            with self.subTest(name):
                self.assertEqual(
                    function_in(saved(program, self.folder, name))[0], function
                )

    @needs_gcc
    def test_are_all_taken_by_the_compiler(self):
        names = [
            "int",
            "exp",
            "y0",
            "y1",
            "j1",
            "gamma",
            "index",
            "time",
            "div",
            "bool",
        ]
        names += ["i", "j", "k", "NAN", "INFINITY", "isnan", "fmax", "restrict", "new"]
        names += ["main", "free", "double_t", "int64_t", "errno", "EOF", "assert", "I"]
        names += ["net", "result", "v1", "u1", "table1", "largest", "größe", "π", "_A"]
        values = [Value(shape=(2,), name=name) for name in names if name != "assert"]
        y = sum(values[1:], values[0])
        program = compiled((y.tanh() * y.exp()).sum(), wrt=values)
        for options in ({}, {"parameters": True}):
            saved(program, self.folder, **options)
            self.compile()

    def compile(self):
        command = [
            "gcc",
            *CLEAN,
            "-c",
            self.folder / "net.c",
            "-o",
            self.folder / "net.o",
        ]
        subprocess.run(command, check=True)

    @needs_gcc
    def test_of_parameters_in_the_file(self):
        names = ["y1", "exp", "time", "index", "int", "result", "net", "gamma", "j0"]
        program = compiled(
            sum([Value([1.0, 2.0]) for _ in names], 0.0).exp(),
            names=None,
        )
        values = {name: Value([1.0, 2.0]) for name in names}
        program = compiled(sum(values.values(), 0.0).exp(), names=values)
        saved(program, self.folder, parameters=True)
        self.compile()


class TestRefusals(ValueTest):
    def setUp(self):
        self.folder = new_folder(self)

    def assert_refused(self, y, *words):
        path = self.folder / "net.c"
        path.write_text("older")
        program = compiled(y)
        program()
        with self.assertRaises(ValueError) as caught:
            program.save(path)
        for word in (*words, "test_program_c.py, line", "cannot be written as C"):
            self.assertIn(word, str(caught.exception))
        self.assertEqual(path.read_text(), "older")
        self.assertEqual(os.listdir(self.folder), ["net.c"])

    def test_name_the_operator_and_its_line(self):
        x = Value(numbers((3, 3)))
        mine = operator("mine", np.cos, lambda g, y, x: g * x)
        self.assert_refused(mine(x), "'mine'", "(3, 3)", "of your own")
        self.assert_refused(np.linalg.inv(x), "'inv'", "(3, 3)")
        self.assert_refused(np.sort(x), "sort")
        self.assert_refused(x[x > 1], "[]", "mask")
        self.assert_refused(Value(numbers(3).astype("f2")) * 2, "float16")
        self.assert_refused(Value(numbers(3).astype(np.longdouble)) * 2, "float")
        self.assert_refused(np.interp(x, [0.0, 1.0], [0.0, 2.0]), "interp")
        self.assert_refused(x.at[x > 1].set(0.0), "mask")
        self.assert_refused(np.pad(x, 1, constant_values=((1, 2), (3, 4))), "pad")

    def test_of_other_places(self):
        program = compiled(Value([1.0]) * 2)
        with self.assertRaises(IsADirectoryError):
            (self.folder / "net.c").mkdir()
            program.save(self.folder / "net.c")
        with self.assertRaises(OSError):
            program.save(self.folder / "none" / "net.c")


@needs_gcc
class TestLinking(ValueTest):
    def setUp(self):
        self.folder = new_folder(self)
        x = Value(shape=(2,), name="x", dtype=int)
        w = Value(numbers((3, 2)))
        for name in ("first", "second"):
            compiled((w[x] // 0.4).sum(), names={"w": w}).save(
                self.folder / f"{name}.c"
            )

    def test_two_files_in_one_program(self):
        main = self.folder / "main.c"
        main.write_text(
            "#include <stdint.h>\n"
            "int first(const int64_t x[2], const double w[3][2], double *result);\n"
            "int second(const int64_t x[2], const double w[3][2], double *result);\n"
            "int main(void)\n{\n"
            "    const int64_t x[2] = {0, 2};\n"
            "    const double w[3][2] = {{1, 2}, {3, 4}, {5, 6}};\n"
            "    double a, b;\n"
            "    return first(x, w, &a) || second(x, w, &b) || a != b || a != 32;\n}\n"
        )
        files = [main, self.folder / "first.c", self.folder / "second.c"]
        subprocess.run([compiled_c(self.folder, files)], check=True)

    @unittest.skipUnless(has("g++"), "needs a compiler of C++: g++")
    def test_from_cpp(self):
        main = self.folder / "main.cpp"
        main.write_text(
            "#include <cstdint>\n"
            'extern "C" int first(const int64_t *x, const double (*w)[2], double *y);\n'
            "int main()\n{\n"
            "    const int64_t x[2] = {0, 2};\n"
            "    const double w[3][2] = {{1, 2}, {3, 4}, {5, 6}};\n"
            "    double y;\n"
            "    return first(x, w, &y) || y != 32;\n}\n"
        )
        subprocess.run(
            [
                "gcc",
                *CLEAN,
                "-c",
                self.folder / "first.c",
                "-o",
                self.folder / "first.o",
            ],
            check=True,
        )
        program = self.folder / "program"
        command = ["g++", main, self.folder / "first.o", "-o", program]
        subprocess.run(command, check=True)
        subprocess.run([program], check=True)


if __name__ == "__main__":
    unittest.main()
