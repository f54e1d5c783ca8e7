"""Programs saved as modules: the same numbers without micrograd, for any length."""

import inspect
import os
import pickle
import runpy
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest
import zipfile
from unittest import mock

import numpy as np
from testing import ROOT, ValueTest, new_folder, numbers

from micrograd import Value, compiled, nn, operator, special
from micrograd.interface import special_arrays
from micrograd.program import module as module_of_programs
from micrograd.program import pasted
from micrograd.program.module import SINCE
from micrograd.program.pasted import NoText, definitions_in, texts_of
from micrograd.program.source import OUTSIDE, OWN

ALONE = """
import runpy, sys
import numpy as np
inputs = dict(np.load(sys.argv[2]))
results, gradients = runpy.run_path(sys.argv[1])["step"](**inputs)
np.savez(sys.argv[3], *results, *gradients)
print(sorted(name for name in sys.modules if "micrograd" in name))
"""


class ModuleTest(ValueTest):
    def setUp(self):
        self.folder = new_folder(self)
        self.path = self.folder / "answer.py"

    def saved(self, program, parameters=False):
        """The function of the module that the program is saved as."""
        program.save(self.path, parameters)
        return runpy.run_path(str(self.path))["step"]

    def files(self):
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def net(self):
        x = Value(shape=(None, 2), name="x")
        model = nn.MLP(2, [3, 2])
        return x, model, model(x)


class TestExact(ModuleTest):
    @unittest.skipIf(np.__version__.startswith("1."), "exp of -inf underflows there")
    def test_warnings_are_those_of_the_engine(self):
        """Whatever is silenced as it is compiled and saved."""
        x = Value(shape=(None, 3), name="x")
        y = x.logsumexp(axis=1)
        for outside in ("warn", "ignore", "raise"):
            with np.errstate(all=outside):
                program = compiled(y)
                step = self.saved(program)
            with np.errstate(all="raise"):
                self.assert_equal(step(np.full((2, 3), -np.inf)), [-np.inf, -np.inf])

    def test_sums_of_any_length(self):
        """As exact as the engine's, though only short ones were recorded."""
        x = Value(shape=(None,), name="x", dtype=np.float32)
        step = self.saved(compiled((x * x).sum()))
        number = np.float32(0.1)
        for n in (0, 1, 100, 10**6):
            total = step(np.full(n, number))
            self.assertEqual(total.dtype, np.float32)
            exact = float(number) ** 2 * n
            self.assertLessEqual(abs(total - exact), 1e-6 * exact)

    def test_raw_arrays_are_those_of_compiling(self):
        x, raw = Value(shape=(2,), name="x"), np.array([1.0, -0.0])
        program = compiled(np.copysign(x, raw))
        raw[:] = -1
        y = self.saved(program)([3.0, 3.0])
        self.assert_equal(y, [3.0, -3.0])


class TestAlone(ModuleTest):
    def alone(self, **inputs):
        """Results and gradients of a process that has not got micrograd."""
        np.savez(self.folder / "inputs.npz", **inputs)
        paths = [self.path, self.folder / "inputs.npz", self.folder / "outputs.npz"]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        with tempfile.TemporaryDirectory() as elsewhere:
            process = subprocess.run(
                [sys.executable, "-c", textwrap.dedent(ALONE), *map(str, paths)],
                cwd=elsewhere,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
        self.assertEqual(process.stdout.strip(), "[]")
        with np.load(paths[2]) as file:
            return [file[name] for name in file.files]

    def test_results_and_gradients(self):
        x, model, y = self.net()
        t = Value(shape=(None, 2), name="t")
        program = compiled(((y - t) ** 2).mean(), y, wrt=model)
        data = dict(x=numbers((5, 2)), t=numbers((5, 2), seed=1))
        expected = [*program(**data), *(p.grad for p in model.parameters())]
        for options in ({}, {"parameters": True}):
            program.save(self.path, **options)
            parameters = "parameters" in options
            arrays = {} if parameters else model.state_dict()
            names = {k.replace(".", "_"): v for k, v in arrays.items()}
            self.assertEqual((self.folder / "answer.npz").exists(), parameters)
            actual = self.alone(**data, **names)
            self.assertEqual(len(actual), len(expected))
            for a, b in zip(actual, expected):
                self.assert_close(a, b, 1e-12)
                self.assertEqual(a.dtype, b.dtype)


class TestLengths(ModuleTest):
    def test_any_where_the_code_is_the_same(self):
        for is_called in (False, True):
            x, model, y = self.net()
            weights = numbers(2)
            for program in (
                compiled(y, names=model),
                compiled(y.tanh() * weights, wrt=x, names=model),
                compiled(y.tanh(), y @ [1.0, 2.0], wrt=model.layers[0].w),
            ):
                if is_called:
                    program(x=numbers((7, 2)))
                step = self.saved(program, parameters=True)
                for n in (0, 1, 2, 100):
                    data = numbers((n, 2))
                    actual, expected = step(data), program(x=data)
                    if program.wrt:
                        actual, gradients = actual
                        for gradient, wrt in zip(gradients, program.wrt):
                            self.assert_close(gradient, wrt.grad, 1e-12)
                    if not isinstance(expected, tuple):
                        actual, expected = [actual], [expected]
                    for a, b in zip(actual, expected):
                        self.assert_close(a, b, 1e-12)

    def test_any_is_none_in_comments(self):
        x = Value(shape=(None, 2), name="x")
        compiled(((x * 2.0).T * [[1.0], [3.0]]).exp()).save(self.path)
        text = self.path.read_text()
        for line in ("multiply(x, two)  # (None, 2)", "exp(v3)  # (2, None)"):
            self.assertIn(line, text)

    def test_that_of_the_last_call_where_it_is_not(self):
        x = Value(shape=(None, 2), name="x")
        weights = numbers(2)
        for y in (x.mean(axis=0), (x.mean(axis=0) * weights).sum(), (x * x).mean()):
            program = compiled(y, wrt=x)
            with self.assertRaisesRegex(ValueError, "call it once"):
                program.save(self.path)
            self.assertEqual(self.files(), {})
        for y in (x.mean(axis=0), (x * x).mean(), (x.T @ (x * 2)) / (x * x).mean()):
            program = compiled(y, wrt=x)
            program(x=numbers((2, 2)))
            program(x=numbers((6, 2)))
            step = self.saved(program)
            data = numbers((6, 2), seed=2)
            result, (gradient,) = step(data)
            self.assert_close(result, program(x=data), 1e-12)
            self.assert_close(gradient, x.grad, 1e-12)
            with self.assertRaisesRegex(ValueError, r"x: .*\(6, 2\), got \(2, 2\)"):
                step(numbers((2, 2)))

    def test_that_of_the_last_call_where_other_lengths_give_other_parts(self):
        x = Value(shape=(None, 3), name="x")
        for part in (x[::2], x[:3], x[-2:], np.diagonal(x)):
            program = compiled((part * part).mean())
            for n in (2, 20):
                data = numbers((n, 3))
                expected = program(x=data)
                self.assert_close(self.saved(program)(data), expected, 1e-12)

    def test_that_was_fed_to_the_expression(self):
        x = Value(shape=(None,), name="x")
        y = x.mean()
        y.forward(x=[1.0, 2.0, 6.0])
        step = self.saved(compiled(y))
        self.assert_close(step([3.0, 3.0, 9.0]), 5.0, 1e-12)

    def test_shapes_are_those_of_what_is_given(self):
        x = Value(shape=(None, 2), name="x")
        program = compiled((x.sum(axis=0) * numbers(2)).sum(), x * 2.0, wrt=x)
        step = self.saved(program)
        for n in (0, 1, 2, 37, 53):
            expected = program(x=numbers((n, 2)))
            found, (gradient,) = step(numbers((n, 2)))
            self.assert_close(found[0], expected[0], 1e-12)
            self.assert_close(gradient, x.grad, 1e-12)

    def test_long_constants_are_repeated(self):
        x, weights = Value(shape=(None, 30), name="x"), numbers(30)
        step = self.saved(compiled((x.sum(axis=0) * weights).sum(), wrt=x))
        self.assertIn("answer.npz", self.files())
        for n in (0, 1, 37, 53):
            result, (gradient,) = step(numbers((n, 30)))
            self.assert_close(result, (numbers((n, 30)) * weights).sum(), 1e-12)
            self.assert_equal(gradient, np.broadcast_to(weights, (n, 30)))

    def test_axes_that_are_as_long_as_one_another(self):
        x, y = Value(shape=(None,), name="x"), Value(shape=(None,), name="y")
        program = compiled(x * y, wrt=[x, y])
        step = self.saved(program)
        self.assert_equal(step([1.0, 2.0], [3.0, 4.0])[0], [3, 8])
        with self.assertRaisesRegex(ValueError, r"x.shape\[0\] == y.shape\[0\]"):
            step([1.0], [3.0, 4.0])  # by x, the gradient would have two elements
        program(x=[1.0], y=[3.0, 4.0])
        step = self.saved(program)
        result, (by_x, by_y) = step([2.0], [3.0, 5.0])
        self.assert_equal(result, [6, 10])
        self.assert_equal(by_x, [8])
        self.assert_equal(by_y, [2, 2])
        outer = compiled(x[:, None] * y, wrt=[x, y])
        outer(x=[1.0, 2.0], y=[1.0, 2.0, 3.0])
        result, (by_x, by_y) = self.saved(outer)([1.0, 2.0], [3.0, 4.0])
        self.assert_equal(result, [[3, 4], [6, 8]])
        self.assert_equal(by_x, [7, 7])
        self.assert_equal(by_y, [3, 3])

    def test_axes_that_have_other_lengths(self):
        x, y = Value(shape=(None,), name="x"), Value(shape=(None,), name="y")
        program = compiled(x[:, None] * y.exp())
        program(x=[1.0, 2.0], y=[1.0, 2.0, 3.0])
        step = self.saved(program)
        for n, m in ((1, 5), (5, 1), (3, 3), (0, 2)):
            a, b = numbers(n), numbers(m, seed=1)
            self.assert_close(step(a, b), np.outer(a, np.exp(b)), 1e-12)


class TestArguments(ModuleTest):
    def test_what_does_not_fit(self):
        x, i = Value(shape=(None, 2), name="x"), Value(shape=(2,), name="i", dtype=int)
        s, w = Value(shape=(), name="s"), Value(np.ones(2, np.float32))
        program = compiled((x * w)[:, i] * s, names={"w": w})
        step = self.saved(program)
        good = dict(x=numbers((3, 2)), i=[0, 1], s=2.0, w=np.ones(2))
        self.assert_close(step(**good), 2 * good["x"], 1e-12)
        for error, wrong in (
            (ValueError, dict(x=numbers(2))),
            (ValueError, dict(x=numbers((2, 3)))),
            (ValueError, dict(w=numbers(3))),
            (ValueError, dict(s=numbers(1))),
            (ValueError, dict(i=[1])),
            (TypeError, dict(i=[0.0, 1.0])),
            (TypeError, dict(s="2")),
            (TypeError, dict(s=2j)),
            (TypeError, dict(x=[["a", "b"]])),
            (TypeError, dict(w=np.ones(2) * 1j)),
        ):
            (name,) = wrong
            with self.assertRaisesRegex(error, f"^{name}: expected"):
                step(**{**good, **wrong})

    def test_docstring(self):
        x, n = Value(shape=(None, 2), name="x"), Value(3)
        w, s = Value(np.ones(2, np.float32)), Value(np.float32(2))
        program = compiled(x * w * s + n, x, wrt={"w": w, "n": n, "s": s})
        program(x=numbers((4, 2)))
        about = inspect.getdoc(self.saved(program))  # without the indentation
        self.assertIn("The results, and the gradients by w, n, s.", about)
        self.assertIn("\n\nParameters\n----------\nx : ", about)
        for line in (
            "x : array of shape (4, 2), float64",
            "w : array of shape (2,), float32",
            "n : int",
            "s : float32",
        ):
            self.assertIn(line, about.splitlines())

    def test_docstring_before_the_first_call(self):
        a, x = Value(shape=(), name="a"), Value(shape=(None, 2), name="x")
        lines = inspect.getdoc(self.saved(compiled(x * a))).splitlines()
        for line in ("a : float", "x : array of shape (None, 2), float64"):
            self.assertIn(line, lines)

    def test_what_is_new_is_not_copied(self):
        x = Value(numbers(3))
        program = compiled((x * x).sum(), wrt={"x": x})
        program.save(self.path)
        self.assertIn("return v1, (by_x,)", self.path.read_text())

    def test_gradients_have_the_shape_of_the_data(self):
        x = Value(numbers(3))
        h = x * 2
        step = self.saved(compiled(h.sum() * x[0], wrt={"h": h}), parameters=True)
        _, (gradient,) = step()
        self.assert_equal(gradient, np.full(3, x.data[0]))

    def test_numbers(self):
        a, b, c = Value(2.0), Value(3), Value(np.float32(0.5))
        y = a * b + c * a + a.maximum(b)
        program = compiled(y, wrt={"a": a, "b": b, "c": c})
        expected = program(), (a.grad, b.grad, c.grad)
        for parameters in (False, True):
            step = self.saved(program, parameters)
            actual = step() if parameters else step(a=2.0, b=3, c=0.5)
            self.assert_close(actual[0], expected[0], 1e-12)
            for x, z in zip(actual[1], expected[1]):
                self.assert_close(x, z, 1e-12)
            self.assertIs(type(actual[1][0]), float)
        program = compiled(c * 3.0, names={"c": c})
        self.assertIs(type(self.saved(program)(0.5)), type(program()))

    def arguments(self, *results, **options):
        """The names of the arguments of the saved function."""
        step = self.saved(compiled(*results, **options))
        return [*inspect.signature(step).parameters]

    def test_order_is_that_of_definition(self):
        power, speed = Value(shape=(), name="power"), Value(shape=(), name="speed")
        w, b = Value(2.0), Value(3.0)
        for y in (power * speed, power * speed**1.7, w * speed * b / power.exp()):
            self.assertEqual(self.arguments(y)[:2], ["power", "speed"])
            self.assertEqual(self.arguments(y, wrt=speed)[:2], ["power", "speed"])
        y = w * b * speed**power
        names = {"bias": b, "weight": w}
        self.assertEqual(self.arguments(y, names=names)[2:], ["weight", "bias"])
        self.assertEqual(self.arguments(y, wrt=names)[2:], ["bias", "weight"])
        copied = pickle.loads(pickle.dumps(power))
        self.assertEqual(self.arguments(copied + speed), ["speed", "power"])

    def test_selections_of_numbers(self):
        x = Value(2.0)
        compiled(x[..., None] * 3, wrt=x).save(self.path)
        (y,), (gradient,) = runpy.run_path(str(self.path))["step"](2.0)
        self.assertEqual((y, gradient), (6.0, 3.0))
        y = Value(np.array(-1.0))
        with self.assertRaisesRegex(ValueError, "how many elements a mask takes"):
            compiled(y[y > 0], wrt=y).save(self.path)

    def test_each_name_stays(self):
        """Also those of Python, of NumPy, and of the module's own."""
        names = [*OWN, *OUTSIDE, "exp", "asarray", "can_cast", "load", "v1", "u1", "c0"]
        names += ["by_v1", "by_v2", "power", "zero", "multiply", "inlined", "inf", "x"]
        weight = Value(numbers((30, 30)))
        for forms in ({"shape": ()}, {"shape": (None, 30)}):
            lazies = [Value(name=name, **forms) for name in names]
            data = {name: numbers(3, i)[0] for i, name in enumerate(names)}
            if forms["shape"]:
                data = {name: x + numbers((3, 30)) for name, x in data.items()}
            y = 0.0
            for x in lazies:
                y = y + abs(x).tanh() * x**2.5 + (x @ weight if forms["shape"] else 0.0)
                y = y.maximum(x) + (x / y).exp()
            program = compiled(y, wrt=lazies)
            expected = program(**data)
            step = self.saved(program, parameters=True)
            self.assertEqual([*inspect.signature(step).parameters][: len(names)], names)
            result, gradients = step(**data)
            self.assert_close(result, expected, 1e-12)
            for gradient, x in zip(gradients, lazies):
                self.assert_close(gradient, x.grad, 1e-12)

    def test_each_key_stays(self):
        keys = ["given", "float", "math", "exp", "layers.0.w", "v1"]
        leaves = {key: Value(1.0 + i) for i, key in enumerate(keys)}
        y = sum(leaf.tanh() + leaf.exp() / 3 for leaf in leaves.values())
        program = compiled(y, wrt=leaves)
        expected = program()
        step = self.saved(program)
        found = [*inspect.signature(step).parameters]
        self.assertEqual(found, [key.replace(".", "_") for key in keys])
        self.assert_close(step(*[x.data for x in leaves.values()])[0], expected, 1e-12)

    def test_names_that_python_does_not_allow(self):
        for name in ("class", "None", "lambda", "__debug__"):
            program = compiled(Value(shape=(), name=name) * 2)
            self.assertEqual(program(**{name: 2.0}), 4.0)
            with self.assertRaisesRegex(ValueError, f"^{name}: expected a name"):
                program.save(self.path)
        for key in ("class", "1a", "1", "a b", "a-b", "x²", "__debug__"):
            with self.assertRaisesRegex(ValueError, f"^{key}: expected a name"):
                leaf = Value(2.0)
                compiled(leaf * 2, names={key: leaf}).save(self.path)
        self.assertEqual(self.files(), {})
        nets = [nn.MLP(2, [1], rng=np.random.default_rng(i)) for i in range(2)]
        x = Value(shape=(None, 2), name="x")
        compiled(nets[0](x) + nets[1](x), names=nets).save(self.path)

    def test_names_that_the_module_uses(self):
        names = [
            "given",
            "arrays",
            "asarray",
            "float64",
            "int",
            "load",
            "os",
            "numbers",
        ]
        values = [Value(shape=(30,), name=name) for name in names]
        y = Value(numbers(30)).exp()
        for x in values:
            y = y * x
        program = compiled(y, wrt=values)
        data = {name: numbers(30, seed=i) for i, name in enumerate(names)}
        expected = program(**data)
        result, gradients = self.saved(program, True)(*data.values())
        self.assert_close(result, expected, 1e-12)
        for gradient, x in zip(gradients, values):
            self.assert_close(gradient, x.grad, 1e-12)

    def test_constants(self):
        x = Value(shape=(None, 30), name="x")
        large, small = numbers((30, 30)), np.array([1.0, np.nan, -np.inf])
        large[0, 5] = np.nan
        y = (x @ large * np.full(30, 2.5))[:, :3] + small + np.float32(0.1)
        program = compiled(y)
        step = self.saved(program)
        data = numbers((4, 30))
        self.assert_close(step(data), program(x=data), 1e-12)
        self.assertEqual({*self.files()}, {"answer.py", "answer.npz"})
        self.assertLess(len(self.path.read_text()), 2500)

    def test_a_silenced_rule_and_functions_of_numbers(self):
        a, x = Value(shape=(), name="a"), Value(shape=(3,), name="x")
        program = compiled(a.exp() * x.logsumexp() + a.tanh(), wrt=[a, x])
        data = dict(a=0.5, x=np.array([-np.inf, 1.0, 2.0]))
        expected = program(**data), a.grad, x.grad
        result, (by_a, by_x) = self.saved(program)(**data)
        for actual, value in zip((result, by_a, by_x), expected):
            self.assert_close(actual, value, 1e-12)


def selected(x):
    return x[x > 0] * x[x > 0]


class TestFunctions(ModuleTest):
    """What is more than one call of NumPy's, and what takes elements by data."""

    OF_ROWS = {
        "erf": lambda x: special.erf(x) * x,
        "erfc": lambda x: special.erfc(x),
        "gammaln": lambda x: special.gammaln(abs(x) + 0.5),
        "digamma": lambda x: special.digamma(x * x),
        "betaln": lambda x: special.betaln(abs(x) + 1, 2.0),
        "gammainc": lambda x: special.gammainc(2.0, abs(x)),
        "log_ndtr": lambda x: special.log_ndtr(x),
        "xlogy": lambda x: special.xlogy(x, abs(x)),
        "set": lambda x: x.at[0].set(2.0) * x,
        "set at the first": lambda x: x.at[0].set(x[-1] * 2.0) * x,
        "set at a mask": lambda x: x.at[x > 0].set(0.0),
        "add": lambda x: x.at[[0, 0]].add(x[0]),
        "mask": lambda x: x[x > 0],
        "equal masks": selected,
        "mask of rows": lambda x: (x[x[:, 0] > 0] ** 3).sum(axis=1),
        "sum of a mask": lambda x: x[x > 0].sum() * x,
        "masks of a mask": lambda x: x[x > 0][x[x > 0] < 0.5].exp(),
        "nonzero": lambda x: x[np.nonzero(x > 0)] * 2.0,
        "flatnonzero": lambda x: x[:, 0][np.flatnonzero(x[:, 0] > 0)] * 2.0,
        "count_nonzero": lambda x: np.count_nonzero(x > 0) * x,
        "gather": lambda x: x[[0, 0]] * x[-1],
    }
    OF_MATRICES = {
        "eigh": lambda x: abs(np.linalg.eigh(x + x.T)[1]),
        "eigvalsh": lambda x: np.linalg.eigvalsh(x + x.T) ** 2,
        "svd": lambda x: abs(np.linalg.svd(x)[0]) * np.linalg.svd(x)[1],
        "qr": lambda x: np.linalg.qr(x)[0] @ np.linalg.qr(x)[1].T,
        "pinv": np.linalg.pinv,
        "slogdet": lambda x: np.linalg.slogdet(x)[1],
        "det": np.linalg.det,
        "inv": np.linalg.inv,
        "cholesky": lambda x: np.linalg.cholesky(x @ x.T),
        "norm": lambda x: np.linalg.norm(x, 2) + np.linalg.norm(x, "nuc"),
    }

    def assert_saved(self, function, shape, lengths):
        x = Value(shape=shape, name="x")
        program = compiled(function(x), wrt=x)
        self.assertEqual(program.unsaveable, [])
        step = self.saved(program)
        for seed, n in enumerate([*lengths, *lengths]):
            data = numbers([n if m is None else m for m in shape], seed) - 1.25
            expected = program(x=data)
            result, (gradient,) = step(data)
            self.assertEqual(np.shape(result), np.shape(expected))
            self.assert_close(result, expected, 1e-12)
            self.assert_close(gradient, x.grad, 1e-10)

    def test_of_rows(self):
        for name, function in self.OF_ROWS.items():
            with self.subTest(name):
                self.assert_saved(function, (None, 3), (1, 2, 9))
                self.assert_saved(function, (14, 3), (1,))

    def test_of_matrices(self):
        for name, function in self.OF_MATRICES.items():
            with self.subTest(name):
                self.assert_saved(function, (3, 3), (1,))

    def test_arguments_of_the_same_names(self):
        names = ["erf", "of_each", "np", "math", "erfc"]
        values = [Value(shape=(2,), name=name) for name in names]
        y = 1.0
        for x in values:
            y = y * special.erf(x) + special.erfc(x)
        data = {name: numbers(2, i) for i, name in enumerate(names)}
        step = self.saved(compiled(y))
        self.assertEqual([*inspect.signature(step).parameters], names)
        self.assert_close(step(**data), y.forward(**data), 1e-12)

    def test_from_a_zipped_package(self):
        archive = self.folder / "package.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for path in (ROOT / "micrograd").rglob("*.py"):
                file.write(path, path.relative_to(ROOT))
        code = """
            from micrograd import Value, compiled, special
            x = Value(shape=(None,), name="x")
            compiled(special.erf(x)).save("answer.py")
            from answer import step
            print(step([0.5]), special.__file__)
        """
        environment = {**os.environ, "PYTHONPATH": f"{archive}{os.pathsep}."}
        process = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        self.assertIn("[0.52049988]", process.stdout)
        self.assertIn("package.zip", process.stdout)

    def test_without_a_source(self):
        x = Value(shape=(None,), name="x")
        program = compiled(special.erf(x))
        definitions_in.cache_clear()
        with mock.patch("importlib.util.find_spec", return_value=None):
            self.assertEqual(len(program.unsaveable), 1)
            with self.assertRaisesRegex(ValueError, "called whole: erf"):
                program.save(self.path)
        definitions_in.cache_clear()
        self.assertEqual(program.unsaveable, [])

    def test_0_times_inf_at_length_1(self):
        x = Value(shape=(None, 1), name="x")
        with np.errstate(invalid="ignore"):
            step = self.saved(compiled(x @ [[np.inf, 1.0]]))
            for n in (1, 2):
                result = step(np.zeros((n, 1)))
                self.assertTrue(np.isnan(result[:, 0]).all())

    def test_numpys_that_is_too_old(self):
        a = Value(shape=(2, 3), name="a")
        program = compiled(a * 2.0)
        with mock.patch.dict(SINCE, {"multiply": "9.9"}):
            self.saved(program)
        text = self.path.read_text()
        text = text.replace('hasattr(numpy, "multiply")', "False")
        with self.assertRaisesRegex(ImportError, "multiply: expected NumPy 9.9"):
            exec(text, {"__name__": "answer"})

    def test_it_is_the_users_own(self):
        self.saved(compiled(Value(2.0) * 3))
        self.assertIn("This file is your own", self.path.read_text())


class TestPasted(unittest.TestCase):
    def test_texts_run_alone(self):
        names = {}
        exec("\n".join(texts_of(special_arrays.log_ndtr).values()), names)
        x = np.linspace(-50.0, 50.0, 101)
        self.assertEqual(
            names["log_ndtr"](x).tolist(), special_arrays.log_ndtr(x).tolist()
        )

    def test_what_has_none(self):
        for function in (compiled, nn.cross_entropy, special.erf):
            with self.subTest(function), self.assertRaises(NoText):
                texts_of(function)


class TestRefused(ModuleTest):
    def test_what_is_called_whole(self):
        calls = []
        mine = operator("mine", lambda x: calls.append(0) or x * 2, lambda g, y, x: g)
        x = Value(shape=(2, 3), name="x")
        m = x[x > 0]
        programs = {
            "mine": compiled(mine(x)),
            "[]": compiled(m * np.ones(2)[:1] + m.mean()),
        }
        calls.clear()
        for name, program in programs.items():
            (line,) = program.unsaveable
            self.assertTrue(line.startswith(f"{name} ("), line)
            self.assertIn("test_program_module.py", line)
            with self.assertRaisesRegex(ValueError, "called whole: "):
                program.save(self.path)
            self.assertEqual(self.files(), {})
        self.assertEqual(calls, [])

    def test_paths(self):
        program = compiled(Value(2.0) * 3)
        with self.assertRaisesRegex(ValueError, "path: expected that of a module"):
            program.save(self.folder / "answer.npz", parameters=True)
        with self.assertRaises(OSError):
            program.save(self.folder / "missing" / "answer.py")
        self.assertEqual(self.files(), {})

    def test_an_older_one_is_as_it_was(self):
        w = Value(numbers(3))
        program = compiled((w * 2).sum(), names={"w": w})
        program.save(self.path, parameters=True)
        before = self.files()
        w.data = w.data + 1

        def fail(*_):
            raise OSError("the disk is full")

        for name in ("numpy.save", "os.fsync"):
            with mock.patch(name, fail), self.assertRaisesRegex(OSError, "disk"):
                program.save(self.path, parameters=True)
            self.assertEqual(self.files(), before)
        program.save(self.path, parameters=True)
        self.assertNotEqual(self.files(), before)

    def test_a_folder_in_its_place(self):
        program = compiled(Value(numbers(3)) * 2)
        for name in ("answer.py", "answer.npz"):
            (self.folder / name).mkdir()
            with self.assertRaises(OSError):
                program.save(self.path, parameters=True)
            self.assertEqual([path.name for path in self.folder.iterdir()], [name])
            (self.folder / name).rmdir()


class TestPairs(ModuleTest):
    """A module and the arrays beside it belong together, or it is an error."""

    def setUp(self):
        super().setUp()
        self.x = Value(shape=(3,), name="x")
        self.w = Value(np.ones(3))

    def program(self, factor=1.0):
        return compiled(self.x * self.w * factor, names={"w": self.w})

    def loaded(self, path):
        return runpy.run_path(str(path))["step"]

    def assert_refused(self, path):
        with self.assertRaisesRegex(ValueError, "npz: expected the arrays that were s"):
            self.loaded(path)

    def test_of_another_program(self):
        self.program().save(self.path, parameters=True)
        old = self.files()
        self.program(2.0).save(self.path, parameters=True)
        self.assert_close(self.loaded(self.path)(np.ones(3)), [2, 2, 2], 1e-15)
        for name, content in old.items():  # one is copied without the other
            new = (self.folder / name).read_bytes()
            (self.folder / name).write_bytes(content)
            self.assert_refused(self.path)
            (self.folder / name).write_bytes(new)
        np.savez(self.folder / "answer.npz", w=np.ones(3))
        self.assert_refused(self.path)
        (self.folder / "answer.npz").unlink()
        with self.assertRaises(FileNotFoundError):
            self.loaded(self.path)

    def test_of_the_same_program(self):
        """With other parameters: a module that was imported before reads them, too."""
        program = self.program()
        program.save(self.path, parameters=True)
        text = self.path.read_bytes()
        self.w.data = np.full(3, 5.0)
        program.save(self.path, parameters=True)
        self.assertEqual(self.path.read_bytes(), text)
        self.assert_close(self.loaded(self.path)(np.ones(3)), [5, 5, 5], 1e-15)

    def test_a_crash_between_the_two(self):
        replace, done = os.replace, []

        def crash(draft, target):
            if done:
                raise OSError("crash")
            done.append(replace(draft, target))

        self.program().save(self.path, parameters=True)
        with mock.patch("os.replace", crash), self.assertRaises(OSError):
            self.program(2.0).save(self.path, parameters=True)
        self.assert_refused(self.path)
        self.assertEqual({*self.files()}, {"answer.py", "answer.npz"})

    def test_arrays_that_are_read_with_numpy_and_written_again(self):
        self.program().save(self.path, parameters=True)
        arrays = dict(np.load(self.folder / "answer.npz"))
        np.savez(self.folder / "answer.npz", **{**arrays, "w": np.full(3, 7.0)})
        self.assert_close(self.loaded(self.path)(np.ones(3)), [7, 7, 7], 1e-15)

    @unittest.skipUnless(hasattr(os, "symlink"), "there are no symbolic links")
    def test_links(self):
        """Both files go where the link leads; a stale one beside it is not read."""
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        link = self.folder / "link.py"
        self.program().save(link, parameters=True)
        link.unlink()
        link.symlink_to(elsewhere / "real.py")
        self.w.data = np.full(3, 3.0)
        for _ in range(2):  # a new file, and one in place of it
            self.program().save(link, parameters=True)
            self.assertTrue(link.is_symlink())
            self.assertEqual(sorted(os.listdir(elsewhere)), ["real.npz", "real.py"])
            for path in (link, elsewhere / "real.py"):
                self.assert_close(self.loaded(path)(np.ones(3)), [3, 3, 3], 1e-15)

    @unittest.skipUnless(hasattr(os, "symlink"), "there are no symbolic links")
    def test_links_to_files_of_other_names(self):
        """As a store has them that names files by their content."""
        self.program().save(self.path, parameters=True)
        for name, key in (("answer.py", "3fa1"), ("answer.npz", "9c07")):
            (self.folder / name).rename(self.folder / key)
            (self.folder / name).symlink_to(self.folder / key)
        self.assert_close(self.loaded(self.path)(np.ones(3)), [1, 1, 1], 1e-15)

    @unittest.skipUnless(hasattr(os, "symlink"), "there are no symbolic links")
    def test_arrays_that_lead_to_the_module(self):
        (self.folder / "answer.npz").symlink_to(self.path)
        with self.assertRaisesRegex(ValueError, "path: expected that of a module"):
            self.program().save(self.path, parameters=True)
        self.assertFalse(self.path.exists())


class TestPure(ModuleTest):
    def test_nothing_changes_afterwards(self):
        x, w = Value(shape=(None, 40), name="x"), Value(numbers((40, 40)))
        h = (x @ w).tanh()
        program = compiled(h, x, w, h.T, x.T, h * 0 + 1, wrt=[w, x, h])
        program(x=numbers((5, 40)))
        step = self.saved(program, parameters=True)
        kept = []
        given = numbers((5, 40))
        for _ in range(3):
            results, gradients = step(given)
            arrays = [*results, *gradients]
            for i, array in enumerate(arrays):
                self.assertFalse(np.shares_memory(array, given))
                self.assertTrue(array.flags.writeable)
                for other in arrays[:i]:
                    self.assertFalse(np.shares_memory(array, other))
            kept += [(array, array.copy()) for array in arrays]
        for array, before in kept:
            self.assert_equal(array, before)
            array[...] = 7
        for array, before in zip((*step(given)[0], *step(given)[1]), kept):
            self.assert_equal(array, before[1])

    def test_equal_results_and_gradients_are_arrays_of_their_own(self):
        a, b = Value(numbers(3)), Value(numbers(3, seed=1))
        y = (a + b).exp()
        step = self.saved(compiled(y, y * 1, wrt=[a, b]), parameters=True)
        results, gradients = step()
        arrays = [*results, *gradients]
        for i, array in enumerate(arrays):
            self.assert_close(array, y.data, 1e-12)
            for other in arrays[:i]:
                self.assertFalse(np.shares_memory(array, other))

    def test_two_threads(self):
        x, model, y = self.net()
        program = compiled(y.exp().tanh(), wrt=[x, model.layers[0].w])
        step = self.saved(program, parameters=True)
        wrong = []

        def run(seed):
            data = numbers((50, 2), seed=seed)
            expected = step(data)
            for _ in range(200):
                result, gradients = step(data)
                is_same = np.array_equal(result, expected[0])
                pairs = zip(gradients, expected[1])
                if not (is_same and all(np.array_equal(a, b) for a, b in pairs)):
                    wrong.append(seed)

        threads = [threading.Thread(target=run, args=(seed,)) for seed in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class TestTextsThatDoNotStand(ModuleTest):
    """Functions of the package whose text cannot stand in a module."""

    def test_names_that_would_meet(self):
        with self.assertRaisesRegex(NoText, "two functions are called power"):
            pasted.add_text("micrograd.rules", "power", {}, {"power": "elsewhere"})
        with mock.patch.object(special_arrays, "of_each", special_arrays.erfc):
            with self.assertRaisesRegex(NoText, "of_each is erfc"):
                texts_of(special_arrays.erf)

    def test_names_that_a_module_has(self):
        program = compiled(special.erf(Value([0.5])))
        self.assertEqual(program.unsaveable, [])
        with mock.patch.object(module_of_programs, "OUTSIDE", ["erf"]):
            (found,) = program.unsaveable
        self.assertIn("erf", found)


if __name__ == "__main__":
    unittest.main()
