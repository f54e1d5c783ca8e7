"""The source of programs: what it shows, and the names in it."""

import re
import unittest

import numpy as np
from testing import ProgramTest, numbers

from micrograd import Value, compiled, operator, stack, where
from micrograd.engine import apply
from micrograd.program.source import is_numpys
from micrograd.rules import Rule


class TestShown(ProgramTest):
    def test_source_shows_the_last_one_that_ran(self):
        x = Value(shape=(None, 2), name="x")
        step = compiled((x * 2).exp())
        step(x=np.ones((3, 2)))
        self.assertIn("(3, 2)", step.source)
        step(x=np.ones((5, 2)))
        self.assertIn("(5, 2)", step.source)
        step(x=np.ones((3, 2)))
        self.assertIn("(3, 2)", step.source)
        self.assertNotIn("(5, 2)", step.source)

    def test_source_before_the_first_call(self):
        x = Value(shape=(None, 2), name="x")
        y = x.exp()
        with self.assertRaisesRegex(ValueError, r"x of shape \(None, 2\)"):
            self.assertTrue(compiled(y).source)
        y.forward(x=np.ones((3, 2)))
        self.assertIn("(3, 2)", compiled(y).source)
        z = Value(shape=(2,), name="z")
        self.assertIn("(2,)", compiled(z.exp()).source)

    def test_what_goes_without_saying_is_left_out(self):
        x = Value(np.ones((2, 3)))
        self.assertNotIn("False", compiled(x.max(axis=0)).source)

    def test_formulas_are_as_one_writes_them(self):
        names = {name: Value(shape=(3,), name=name) for name in ("x", "w")}
        symbols = ("+", "-", "*", "/", "**", "@", "<", "<=", ">", ">=", "==", "!=")
        formulas = [f"x {symbol} w" for symbol in symbols]
        for formula in (*formulas, "x[0]", "x[None, 1:]", "2.0 - x"):
            with self.subTest(formula):
                source = compiled(eval(formula, {**names})).source
                self.assertIn(f"# v1 = {formula}\n", source)
        x, w = names.values()
        for y, formula in (
            (x * np.ones(3), "x * array(3,)"),
            (-(x * 2.0 * 3.0), "neg(v1)"),
            (-(x.tanh() * w), "neg(v2)"),
            (x * 2.0 * 3.0, "(x * 2.0) * 3.0"),
        ):
            self.assertIn(f" = {formula}\n", compiled(y).source)

    def test_gradients_of_floats_are_not_cast(self):
        for data in (2.0, numbers(3).astype(">f8")):
            x = Value(data)
            source = compiled(x * 0.5 * x, wrt=x).source
            self.assertNotIn("float", source)

    def test_a_view_that_is_used_twice_has_a_name(self):
        a, b, w = (Value(numbers((3, 3), seed=i)) for i in range(3))
        y = ((a @ w).exp() * (b @ w).exp()).sum()
        source = compiled(y, wrt=[a, b], names={"w": w}).source
        self.assertIn("def step(w1, w2, w):", source)
        self.assertEqual(source.count("w.T"), 1)

    def test_memory_is_taken_over_and_let_go(self):
        x, z = Value(numbers((20, 20))), Value(numbers(400))
        source = compiled((x.exp().sum() * z.exp()).tanh()).source
        self.assertIn("t2 = ndarray((400,), float64, t1)", source)
        x = Value(numbers((100, 100)))
        source = compiled(where(x > 1, x, x[0]).exp()).source
        self.assertIn("    del v3\n", source)

    def test_results_are_copied_where_another_has_their_memory(self):
        y = Value(numbers(3)).exp()
        source = compiled(y, y * 1, y * 1.0).source
        self.assertIn("return (v1, v1.copy(), v1.copy())", source)

    def test_a_choice_of_numbers_is_pythons(self):
        x = Value(2.0)
        source = compiled(where(x > 0, x, 0.0)).source
        self.assertIn("v2 = leaf1 if v1 else 0.0", source)


class TestConstants(ProgramTest):
    def test_have_the_dtype_of_an_array_where_they_fit(self):
        x = Value(np.array([0.1, 0.2], np.float32))
        n = Value(np.array([1, -100], np.int8))
        for y in (x > np.float64(0.1), x > 0.1, n < 300, n < 128, n * 3 > 2, n * 0.5):
            self.assert_same(compiled(y)(), y.data)

    def test_numbers_beside_arrays_are_arrays(self):
        """Which NumPy takes faster, also in integers and in comparisons."""
        for dtype, two in ((np.float32, "2.0, float32"), (np.int8, "2, int8")):
            x = Value(np.array([1, 2], dtype))
            for y in (x * 2, x > 2):
                self.assertIn(f"two = array({two})", compiled(y).source)

    def test_short_ones_are_written_out_once(self):
        a, b = Value(numbers(3)), Value(numbers(3, seed=1))
        source = compiled(a.sum() * b.sum() * (a @ [1.0, 2.0, 4.0])).source
        self.assertEqual(source.count("full((3,), 1.0)"), 1)
        self.assertIn("array([1.0, 2.0, 4.0])", source)
        self.assertIn(
            "# c0 is a constant: (21,)", compiled(np.arange(21) * a[0]).source
        )

    def test_below_0_are_raised_to_powers(self):
        for kind in (np.float64, np.float32, np.array):
            self.assert_as_engine(lambda x: (-2.0) ** (x * x), kind(2.0))


class TestNames(ProgramTest):
    def test_those_that_are_the_same_are_told_apart(self):
        names = ("x", "x", "x", "x_2", "w1", "leaf1")
        lazies = [Value(shape=(), name=name) for name in names]
        a, b = Value(2.0), Value(3.0)
        step = compiled(sum(lazies, a * b), wrt=a)
        self.assertEqual(step(x=1.0, x_2=2.0, w1=3.0, leaf1=4.0), 18)
        (arguments,) = re.findall(r"def step\((.*)\):", step.source)
        self.assertEqual(arguments, "x, x_2, x_3, x_2_2, w1, leaf1, w1_2, leaf1_2")

    def test_functions_that_are_called_as_others(self):
        def exp(x):
            return x * 2

        self.assertTrue(is_numpys(np.exp) and is_numpys(np.add.reduce))
        self.assertFalse(is_numpys(exp))
        x = Value(numbers(3))
        program = compiled(operator("step", exp, None)(x).exp())
        for _ in range(2):
            self.assert_close(program(), np.exp(2 * x.data), 1e-12)

    def test_keys_that_are_no_names(self):
        a, b, c = Value(2.0), Value(3.0), Value(4.0)
        names = {"0": a, "b.c": b, "for": c}
        source = compiled(a * b * c, wrt=a, names=names).source
        self.assertIn("def step(w_0, b_c, for_2):", source)

    def test_names_that_python_and_the_text_use(self):
        names = ["exp", "step", "v1", "t1", "u1", "math", "float", "lambda", "nan"]
        values = [Value(shape=(300,), name=name) for name in names]
        y = (stack(values).exp() * 2).sum(axis=0).tanh()
        step = compiled(y, wrt=values)
        step(**{name: np.full(300, i / 10) for i, name in enumerate(names)})
        y.forward(**{name: np.full(300, i / 10) for i, name in enumerate(names)})
        gradients = [x.grad for x in values]
        y.backward(values)
        for x, gradient in zip(values, gradients):
            self.assert_close(gradient, x.grad, 1e-12)

    def test_functions_without_a_name_are_their_operators(self):
        x = Value(numbers(3))
        asks = Rule("asks", np.exp, (lambda g, y, x: g * float(np.sum(x)),))
        source = compiled(apply(asks, x), wrt=x).source
        self.assertIn("by_w1 = asks_derivative(", source)

    def test_words_that_the_text_uses(self):
        functions = {
            "abs": abs,
            "bool_": lambda x: x > 0,
            "float": lambda x: x.exp(),
            "inf": lambda x: x * np.inf,
            "math": lambda x: x.tanh(),
            "nan": lambda x: x * np.nan,
        }
        for name, function in functions.items():
            with self.subTest(name):
                for number in (1.0, 800.0):
                    y = function(Value(shape=(), name=name))
                    with np.errstate(over="ignore"):
                        actual = compiled(y)(**{name: number})
                        self.assert_same(actual, y.forward(**{name: number}))

    def test_long_formulas_of_what_has_no_name(self):
        def turned(x):
            y = x
            for _ in range(6):
                y = y.T
            return y * x

        self.assert_as_engine(turned, numbers((3, 3)))
        self.assert_as_engine(lambda x: turned(x[None][0] * 1), numbers((3, 3)))

    def test_long_formulas_are_cut(self):
        x = Value(np.array([1.0, 2.0, 3.0]))
        step = compiled((x * 2.0 * 3.0 * 4.0 * 5.0 * 6.0).sin())
        self.assert_equal(step(), np.sin(720.0 * np.array([1.0, 2.0, 3.0])))
        self.assertIn(
            "# v1 = (((array(3,) * 3.0) * 4.0) * 5.0) * 6.0\n    v1 = multiply(leaf1, ",
            step.source,
        )


class TestArguments(unittest.TestCase):
    def test_numpys_numbers_as_axes_and_bounds(self):
        x, one = Value(np.arange(6.0).reshape(2, 3)), np.int64(1)
        for y in (x[:, one:], x.sum(axis=one), x.max(axis=one), np.split(x, [one])[1]):
            with self.subTest(y.op):
                y.backward(wrt=x)
                expected = x.grad
                np.testing.assert_array_equal(compiled(y, wrt=x)(), y.data)
                np.testing.assert_array_equal(x.grad, expected)

    def test_long_doubles(self):
        x = Value(np.array([1, 2], np.longdouble) / 3)
        y = (x * 2.5).sum()
        self.assertEqual(compiled(y, wrt=x)(), y.data)
        y = np.repeat(x, [1, 2]) ** 2  # whose gradient is cast
        self.assertEqual(compiled(y, wrt=x)().tolist(), y.data.tolist())
        np.testing.assert_allclose(x.grad, x.data * [2, 4])


if __name__ == "__main__":
    unittest.main()
