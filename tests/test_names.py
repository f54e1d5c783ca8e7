"""Names: whatever somebody names anything, it never becomes code or another name."""

import ast
import keyword
import runpy
import unittest
from enum import IntEnum
from unicodedata import normalize
from xml.etree import ElementTree

import numpy as np
from testing import ValueTest, needs_graphviz, new_folder, numbers

from micrograd import Value, compiled, nn, operator, stack
from micrograd.names import identifier, printable
from micrograd.program.source import OUTSIDE, literal
from micrograd.program.source import OWN as OF_TEXT
from micrograd.trace import draw_dot

INJECTION = "a\n    raise INJECTED\n    # "
ENDS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
TEXTS = [  # that can be no identifiers
    INJECTION,
    *[f"a{end}raise INJECTED #" for end in ENDS],
    *['"""', "'''", '"""\nraise INJECTED\n"""', "\\", "a\\", "a # b", "{0}", "%s"],
    *["", " ", "0", "2x", "x²", "a b", "a.b", "é\u202e", "\0", "\ud800", "a\x1b[31m"],
    *["<b>", "<script>alert(1)</script>", "a|b", "{a", "a & b", 'a"b', "🙂", "x" * 500],
]
IDENTIFIERS = [
    *["µ", "ﬁlter", "ｘ", "ª", "ſtep", "e\u0301", "\u00e9", "ﬀ", "K"],  # NFKC differs
    *keyword.kwlist,
    *[
        "__debug__",
        "__builtins__",
        "__doc__",
        "__name__",
        "__class__",
        "__file__",
        "__",
    ],
    *["full", "OtherShape", "slice", "step", "arrays", "given", "math", "os", "load"],
    *["saved_arrays", "asarray", "can_cast", "float", "int", "abs", "bool", "inf"],
    *["nan", "array", "empty", "zeros", "add", "ndarray", "errstate", "exp", "float64"],
    *["ValueError", "TypeError", "print", "zip", "len", "all", "inlined", "linalg"],
    *["v1", "v2", "u1", "by_v1", "by_v2", "grad_v1", "t1", "c0", "zero", "one", "ones"],
    *["maximum", "where", "dot", "multiply", "bool_", "int64", "take", "negative"],
]
OWN = sorted({*IDENTIFIERS, *OF_TEXT, *OUTSIDE})


def is_argument(name):
    """Whether Python allows it as the name of an argument."""
    try:
        compile(f"def step({name}): pass", "", "exec")
    except (SyntaxError, ValueError):  # of surrogates
        return False
    return name.isidentifier()


class NamesTest(ValueTest):
    def assert_sound(self, source):
        """It is one docstring, imports, assignments, and one function `step`."""
        tree = ast.parse(source)
        kinds = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.FunctionDef)
        for node in tree.body:
            self.assertIsInstance(node, kinds)
        self.assertEqual([type(x) for x in tree.body].count(ast.Expr), 1)
        for node in ast.walk(tree):
            self.assertNotEqual(getattr(node, "id", ""), "INJECTED")
        text = source.splitlines()
        self.assertEqual(text, source.split("\n"))  # no other ends of lines


class TestIdentifier(unittest.TestCase):
    def test_python_reads_it_as_it_is(self):
        for text in [*TEXTS, *IDENTIFIERS]:
            name = identifier(text)
            with self.subTest(text=text):
                self.assertTrue(name.isidentifier())
                self.assertEqual(normalize("NFKC", name), name)

    def test_identifiers_stay(self):
        for name in ("x", "layers_0_w", "größe", "Ω", "_", "名前"):
            self.assertEqual(identifier(name), name)

    def test_each_character(self):
        """Python's own parser is asked."""
        for code in [*range(0x3000), *range(0xFB00, 0x10000), *range(0x1D400, 0x1D800)]:
            name = identifier(f"name_{chr(code)}")
            (statement,) = ast.parse(f"{name} = 1").body
            self.assertEqual(statement.targets[0].id, name)


class TestPrintable(unittest.TestCase):
    def test_is_one_line(self):
        for code in range(0x11000):
            text = printable(f"a{chr(code)}b")
            self.assertEqual(text.splitlines(), [text])
            text.encode()
        self.assertEqual(printable("µ = a² # 名前"), "µ = a² # 名前")
        self.assertEqual(printable("a\n\t\x85\u202e"), r"a\n\t\x85\u202e")


class TestLiteral(ValueTest):
    def test_is_read_as_what_it_is(self):
        for x in (True, False, 3, -2, 2.5, 1e-300, "a\n'", None, ...):
            self.assertEqual(ast.literal_eval(literal(x)), x)

    def test_what_a_class_prints_is_not_read(self):
        class Index:
            def __index__(self):
                return 1

            def __repr__(self):
                return "exit()"

        class Number(float):
            __repr__ = __str__ = Index.__repr__

        class Text(str):
            __repr__ = __str__ = Index.__repr__

        self.assertEqual(literal(Index()), "1")
        self.assertEqual(literal(Number(2.5)), "2.5")
        self.assertEqual(literal(Text("a")), "'a'")
        axis = IntEnum("Axis", "x y")
        v = Value(numbers((3, 4)))
        for y in (v[Index()], v[axis.x], v[Index() : axis.y], v.sum(axis=axis.x)):
            self.assert_close(compiled(y)(), y.data, 1e-12)


class TestOperators(NamesTest):
    """Names of operators stand in comments, and functions are called after them."""

    def test_any(self):
        x = Value(shape=(3,), name="x")
        for text in [*TEXTS, *OWN]:
            if not text:
                continue
            mine = operator(text, lambda x: x * 2.0, lambda g, y, x: g * 2.0)
            program = compiled((mine(x.exp()) + mine(x)).sum(), wrt=x)
            with self.subTest(text=text):
                for _ in range(2):
                    result = program(x=np.arange(3.0))
                    self.assert_close(result, 2 * np.exp(range(3)).sum() + 6, 1e-12)
                    self.assert_close(x.grad, 2 * np.exp(range(3)) + 2, 1e-12)
                self.assert_sound(program.source)
                self.assertIn("<table>", program.roots[0].parents[0]._repr_html_())
                program._repr_html_().encode()

    def test_that_a_mask_of_another_length_raises_for(self):
        for name in ("OtherShape", "full", "slice"):
            x = Value(shape=(None,), name=name)
            program = compiled((x[x > 0] * 2).sum())
            for data in ([1.0, -1.0, 3.0], [1.0, 2.0, 3.0]):
                expected = 2 * sum(filter(lambda x: x > 0, data))
                self.assertEqual(program(**{name: np.array(data)}), expected)

    def test_none(self):
        with self.assertRaisesRegex(TypeError, "name: expected a string, got ''"):
            operator("", np.exp, None)


class TestFeeds(NamesTest):
    """Names of lazy Values are arguments, also of saved modules."""

    def test_any_identifier(self):
        path = new_folder(self) / "answer.py"
        for name in OWN:
            x = Value(shape=(None, 30), name=name)
            w = Value(numbers((30, 300)))
            h = (x @ w + np.full(300, 2.5)).tanh()
            y = (h.reshape(-1)[::-1][slice(1, None)] * 0.5).exp().mean() / 3
            data = {name: numbers((4, 30), seed=1)}
            expected = y.forward(**data)
            y.backward([w, x])
            gradients = w.grad, x.grad
            program = compiled(y, wrt=[w, x])
            with self.subTest(name):
                for _ in range(2):
                    self.assert_close(program(**data), expected, 1e-12)
                    self.assert_close(w.grad, gradients[0], 1e-12)
                    self.assert_close(x.grad, gradients[1], 1e-12)
                self.assert_sound(program.source)
                if not is_argument(name):
                    with self.assertRaisesRegex(ValueError, "expected a name"):
                        program.save(path)
                    continue
                program.save(path, parameters=True)
                step = runpy.run_path(str(path))["step"]
                result, (by_w, by_x) = step(data[name])
                self.assert_close(result, expected, 1e-12)
                self.assert_close(by_w, gradients[0], 1e-12)
                self.assert_close(by_x, gradients[1], 1e-12)

    def test_numbers(self):
        for name in ("abs", "math", "float", "maximum", "where", "log", "µ", "e", "pi"):
            a = Value(shape=(), name=name)
            y = (abs(a.tanh().exp() + 1.5).log().relu() ** 0.5).sin() / a
            program = compiled(y, wrt=a)
            for number in (0.5, 800.0):
                with np.errstate(all="ignore"):
                    expected = y.forward(**{name: number})
                    self.assert_close(program(**{name: number}), expected, 1e-12)

    def test_all_at_once(self):
        names = sorted({normalize("NFKC", name) for name in IDENTIFIERS})
        values = [Value(shape=(3,), name=name) for name in names]
        program = compiled((stack(values).exp() * 2).sum(), wrt=values)
        data = {name: numbers(3, seed=i) for i, name in enumerate(names)}
        expected = 2 * np.exp([*data.values()]).sum()
        self.assert_close(program(**data), expected, 1e-12)
        for name, x in zip(names, values):
            self.assert_close(x.grad, 2 * np.exp(data[name]), 1e-12)
        self.assert_sound(program.source)

    def test_arguments_keep_the_names_that_they_can_have(self):
        """Also those of NumPy's functions, which the text imports as others then."""
        for name in ("exp", "full", "mean", "size", "e", "input", "µ"):
            x = Value(shape=(3,), name=name)
            program = compiled(x.exp())
            program(**{name: np.ones(3)})
            self.assertIn(f"def step({normalize('NFKC', name)}):", program.source)
        self.assertIn("from numpy import exp\n", program.source)

    def test_as_python_reads_them(self):
        """A name in code is normalised, one in a dictionary is not: both feed."""
        for name in ("µ", "ﬁlter", "ｘ"):
            x = Value(shape=(), name=name)
            y = x * 2
            self.assertEqual(x.name, normalize("NFKC", name))
            for given in (name, normalize("NFKC", name)):
                self.assertEqual(y.forward(**{given: 3.0}), 6)
                self.assertEqual(compiled(y)(**{given: 3.0}), 6)
        x, y = Value(shape=(), name="µ"), Value(shape=(), name="μ")
        self.assertEqual((x * y).forward(µ=3.0), 9)
        self.assertEqual(compiled(x * y)(µ=3.0), 9)
        with self.assertWarnsRegex(UserWarning, r"μ is not fed: nan \(fed: m\)"):
            x.forward(m=2.0)


class TestParameters(NamesTest):
    """Keys of dictionaries and attributes of modules can be anything."""

    def model(self, names):
        model = nn.Module()
        model.parts = {name: Value(numbers(30, seed=i)) for i, name in enumerate(names)}
        return model

    def test_any(self):
        path = new_folder(self) / "answer.py"
        x = Value(shape=(30,), name="x")
        for names in ([*TEXTS], [*IDENTIFIERS], ["a.b", "a_b", "a b", "a²", "a2"]):
            model = self.model(names)
            values = model.parameters()
            y = (stack([x, *values]).tanh() * 2).sum()
            y.forward(x=numbers(30))
            y.backward(values)
            gradients = [v.grad for v in values]
            for wrt in (model, model.parts):
                program = compiled(y, wrt=wrt)
                self.assert_close(program(x=numbers(30)), y.data, 1e-12)
                for v, gradient in zip(values, gradients):
                    self.assert_close(v.grad, gradient, 1e-12)
                self.assert_sound(program.source)
                if wrt is not model and not all(map(is_argument, names)):
                    with self.assertRaisesRegex(ValueError, "expected a name"):
                        program.save(path)
                    continue
                program.save(path, parameters=True)
                step = runpy.run_path(str(path))["step"]
                self.assert_close(step(numbers(30))[0], y.data, 1e-12)

    def test_shown(self):
        model = self.model(TEXTS)
        page = model._repr_html_()
        page.encode()
        self.assertNotIn("<script>", page)
        self.assertNotIn("\x1b", page)

    @needs_graphviz
    def test_drawn(self):
        for text in filter(None, [*TEXTS, *IDENTIFIERS[:10]]):
            x = Value(1.0)
            y = operator(text, lambda x: x * 2.0, None)(x)
            drawing = draw_dot(y, names={text: x})
            with self.subTest(text=text):
                ElementTree.fromstring(drawing.pipe())
                self.assertEqual(drawing.pipe("plain").count(b"\nnode "), 3)
        model = self.model(TEXTS)
        drawing = draw_dot(stack(model.parameters()).sum(), names=model)
        ElementTree.fromstring(drawing.pipe())


if __name__ == "__main__":
    unittest.main()
