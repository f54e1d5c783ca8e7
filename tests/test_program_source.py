"""The source of programs: what it shows, and the names in it."""

import sys
import unittest
from pathlib import Path

import numpy as np

from micrograd import Value, compiled, stack

sys.path.append(str(Path(__file__).parent))  # as pytest does
from testing import ProgramTest, numbers


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


class TestNames(ProgramTest):
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


if __name__ == "__main__":
    unittest.main()
