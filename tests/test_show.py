"""How Values, nets and programs show themselves in a notebook."""

import html
import re
import sys
import time
import unittest
from html.parser import HTMLParser
from unittest import mock

import numpy as np

from micrograd import Value, compiled, concatenate, operator
from micrograd.interface import display
from micrograd.interface.display import COLOURS
from micrograd.nn import MLP, Module, Neuron

try:
    import ipykernel  # noqa: F401
    import nbclient
    import nbformat

    missing = ""
except ImportError as error:
    missing = f"{error.name} is not installed"

from testing import ROOT, needs, run_python


class Reader(HTMLParser):
    """The rows of tables, all text, and whether each tag is closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.text, self.open = [], "", []
        self.feed(text)
        self.close()
        if self.open:
            raise AssertionError(f"not closed: {self.open}")

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            raise AssertionError(f"{tag} is closed before another")

    def handle_data(self, data):
        self.text += data
        if {"td", "th"} & {*self.open}:
            self.rows[-1][-1] += data


def rows(x):
    """Of a table, which has no text but in its cells."""
    reader = Reader(x._repr_html_())
    if reader.text != "".join(map("".join, reader.rows)):
        raise AssertionError(f"beside the cells: {reader.text}")
    return reader.rows


def fields(value):
    return dict(rows(value))


def text(x):
    return Reader(x._repr_html_()).text


class TestValue(unittest.TestCase):
    def test_leaf(self):
        self.assertEqual(
            rows(Value([1.0, 2.5])),
            [
                ["data", "[1.  2.5]"],
                ["grad", "None"],
                ["shape", "(2,)"],
                ["dtype", "float64"],
            ],
        )

    def test_result(self):
        a, b = Value([1.0, 2.0]), Value([3.0, 4.0])
        c = (a * b).sum()
        c.backward()
        shown = {
            "data": "11.0",
            "grad": "1.0",
            "shape": "()",
            "dtype": "float64",
            "operator": "sum of (2,)",
            "expression": "2 operators; micrograd.trace.draw_dot draws it",
        }
        self.assertEqual(fields(c), shown)
        self.assertEqual(fields(a)["grad"], "[3. 4.]")
        product = fields(a * b)
        self.assertEqual(product["operator"], "* of (2,), (2,)")
        self.assertTrue(product["expression"].startswith("1 operator;"))

    def test_lazy(self):
        x = Value(shape=(None, 2), name="x")
        y = (x * Value(shape=(), name="b") + Value(shape=(), name="a")).sum()
        self.assertEqual(rows(x)[:2], [["name", "x"], ["data", "not fed"]])
        self.assertEqual(fields(x)["shape"], "(None, 2)")
        self.assertEqual((fields(y)["data"], fields(y)["not fed"]), ("nan", "a, b, x"))
        y.forward(x=[[1.0, 2.0]], a=0.0, b=1.0)
        self.assertEqual(fields(x)["data"], "[[1. 2.]]")
        self.assertNotIn("not fed", fields(y))

    def test_open_axes(self):
        x = Value(shape=(None, 2), name="x")
        y = (x @ np.ones((2, 3))).exp()
        y.forward(x=np.ones((5, 2)))
        self.assertEqual(fields(y)["shape"], "(None, 3)")
        self.assertEqual(fields(y)["operator"], "exp of (None, 3)")
        self.assertEqual(fields(x @ np.ones(2))["operator"], "@ of (None, 2), (2,)")

    def test_open_axes_that_have_to_be_one(self):
        y = Value(shape=(None, 2), name="x").reshape(1, 2)
        self.assertEqual(fields(y)["shape"], "(1, 2)")

    def test_fed_with_nan(self):
        x = Value(shape=(), name="x")
        (x * 1).forward(x=float("nan"))
        self.assertEqual(fields(x)["data"], "nan")

    def test_numbers_and_small_arrays(self):
        for data, shown, shape, dtype in [
            (7, "7", "()", str(np.result_type(7))),
            (True, "True", "()", "bool"),
            (np.float32(0.5), "0.5", "()", "float32"),
            (np.array(2.0), "2.0", "()", "float64"),
            (np.zeros((0, 3)), "[]", "(0, 3)", "float64"),
            (np.array([1, 2]) > 1, "[False  True]", "(2,)", "bool"),
            (np.eye(2, dtype=np.int8), "[[1 0]\n [0 1]]", "(2, 2)", "int8"),
        ]:
            with self.subTest(shown):
                row = fields(Value(data))
                self.assertEqual(row["data"], shown)
                self.assertEqual((row["shape"], row["dtype"]), (shape, dtype))

    def test_large_arrays(self):
        self.assertIn("99", fields(Value(np.arange(100)))["data"])
        x = Value(np.arange(101))
        x.sum().backward()
        shown = fields(x)
        self.assertEqual(shown["data"], "[0 1 2 3 4 5 ...] 101 elements")
        self.assertEqual(shown["grad"], "[1. 1. 1. 1. 1. 1. ...] 101 elements")
        view = Value(np.arange(1_000_000).reshape(1000, 1000).T)
        first = "[   0 1000 2000 3000 4000 5000 ...]"
        self.assertEqual(fields(view)["data"], f"{first} 1,000,000 elements")

    def test_the_size_of_an_array_costs_nothing(self):
        x = Value(np.zeros((1000, 1000)).T) * 1.0
        x._repr_html_()
        seconds = []
        for _ in range(5):  # while another process disturbs
            start = time.perf_counter()
            x._repr_html_()
            seconds.append(time.perf_counter() - start)
        self.assertLess(min(seconds), 0.02)

    def test_large_expressions(self):
        y = x = Value(1.0)
        for _ in range(5000):
            y = y + x
        self.assertEqual(fields(y)["expression"], "5,000 operators")

    def test_a_picture_of_a_hundred_operators(self):
        y = Value(1.0)
        for n in range(1, 102):
            y = y + 1.0
            if n >= 100:
                self.assertEqual("draw_dot" in fields(y)["expression"], n == 100)

    def test_many_operands(self):
        parts = [Value(np.zeros(n)) for n in range(1, 12)]
        first = ", ".join(f"({n},)" for n in range(1, 9))
        self.assertEqual(
            fields(concatenate(parts))["operator"],
            f"concatenate of {first}, ... 3 more",
        )
        eight = concatenate(parts[:8])
        self.assertEqual(fields(eight)["operator"], f"concatenate of {first}")

    def test_special_characters(self):
        name = '<b>"&amp;'
        y = operator(name, np.exp, lambda g, y, x: g * y)(Value(0.0))
        self.assertNotIn("<b>", y._repr_html_())
        self.assertEqual(fields(y)["operator"], f"{name} of ()")

    def test_showing_changes_nothing(self):
        x = Value(shape=(None,), name="x")
        y = x.exp().sum()
        y.forward(x=[1.0, 2.0])
        y.backward()
        before = [(v.data, v.grad) for v in (x, y)]
        y._repr_html_()
        for value, (data, grad) in zip((x, y), before):
            self.assertIs(value.data, data)
            self.assertIs(value.grad, grad)

    def test_is_loaded_when_it_is_needed(self):
        code = """
import sys, micrograd.nn, micrograd.program
assert "micrograd.interface.display" not in sys.modules
micrograd.Value(1.0)._repr_html_()
assert "micrograd.interface.display" in sys.modules
assert "pygments" not in sys.modules
"""
        run_python("-c", code)


class TestModule(unittest.TestCase):
    def test_layers(self):
        self.assertEqual(
            rows(MLP(2, [16, 16, 1])),
            [
                ["layer", "kind", "parameters", "numbers"],
                ["layers.0", "Layer", "w (2, 16), b (16,)", "48"],
                ["layers.1", "Layer", "w (16, 16), b (16,)", "272"],
                ["layers.2", "Neuron", "w (16,), b ()", "17"],
                ["", "MLP", "all together", "337"],
            ],
        )

    def test_parameters_of_its_own(self):
        _, own, total = rows(Neuron(1000))
        self.assertEqual(own, ["", "Neuron", "w (1000,), b ()", "1,001"])
        self.assertEqual(total[-1], "1,001")

    def test_without_parameters(self):
        self.assertEqual(rows(Module())[1:], [["", "Module", "all together", "0"]])

    def test_parts_wherever_they_stand(self):
        class Net(Module):
            def __init__(self):
                self.scale = Value(2.0)
                self.weights = [Value([1.0, 2.0]), Value(3.0)]  # no layer of their own
                self.parts = {"<a&b>": {"x.y": Neuron(2)}, "c": (Neuron(3),)}

        kinds = [(name, kind, shapes) for name, kind, shapes, _ in rows(Net())[1:-1]]
        self.assertEqual(
            kinds,
            [
                ("", "Net", "scale (), weights.0 (2,), weights.1 ()"),
                ("parts.<a&b>.x.y", "Neuron", "w (2,), b ()"),
                ("parts.c.0", "Neuron", "w (3,), b ()"),
            ],
        )
        self.assertNotIn("<a&b>", Net()._repr_html_())

    def test_shared_parameters_count_once(self):
        net = MLP(3, [3, 3])
        net.layers[1].w = net.layers[0].w
        sizes = [row[-1] for row in rows(net)[1:]]
        self.assertEqual(sizes, ["12", "12", "15"])

    def test_many_layers(self):
        net = Module()
        net.layers = [Neuron(1) for _ in range(1200)]
        shown = rows(net)
        self.assertEqual(len(shown), 103)
        self.assertEqual(shown[-2], ["...", "1,100 more layers", "", ""])
        self.assertEqual(shown[-1][-1], "2,400")


class TestProgram(unittest.TestCase):
    def setUp(self):
        self.x = Value(shape=(None,), name="x")
        self.program = compiled((self.x * self.x < 2).sum())

    def test_before_the_first_call(self):
        shown = text(self.program)
        self.assertIn("not called yet", shown)
        start, end = "<program of (x) with 0 gradients>: ", "of its first call"
        self.assertTrue(shown.startswith(start) and shown.endswith(end), shown)

    def test_nothing_is_called_to_show_it(self):
        calls = []
        mine = operator("mine", lambda x: calls.append(x) or x, None)
        program = compiled(mine(Value(shape=(), name="x")))
        calls.clear()
        self.assertIn("not called yet", text(program))
        self.assertEqual(calls, [])

    def test_before_the_first_call_with_data(self):
        a = Value(2.0)
        program = compiled(a * a, names={"a": a})
        self.assertIn("v1 = a * a", text(program))
        self.x.data = np.ones(3)
        self.assertIn("def step(x)", text(self.program))

    def test_source(self):
        self.program(x=[1.0, 2.0])
        source = self.program.source
        expected = f"{self.program!r}{source}"
        self.assertEqual(text(self.program).strip(), expected)
        shown = self.program._repr_html_()
        self.assertEqual(shown.count("<pre"), 1)
        self.assertRegex(shown, '<pre style="[^"]*font-family: monospace')
        with mock.patch.object(display, "MOST_LINES", len(source.splitlines())):
            self.assertEqual(text(self.program).strip(), expected)

    @needs("pygments")
    def test_colours(self):
        self.program(x=[1.0, 2.0])
        shown = self.program._repr_html_()
        for kind, word in [
            ("Keyword", "def"),
            ("Comment", "# v1 = x * x"),
            ("Number", "2"),
            ("String", "NumPy code"),
        ]:
            with self.subTest(kind):
                start = f'<span style="color: {COLOURS[kind]}">'
                pattern = re.escape(start) + "[^<]*" + re.escape(html.escape(word))
                self.assertRegex(shown, pattern)

    def test_without_pygments(self):
        self.program(x=[1.0, 2.0])
        with mock.patch.dict(sys.modules, {"pygments": None}):
            shown = self.program._repr_html_()
        self.assertNotIn("<span", shown)
        self.assertIn(f">{html.escape(self.program.source.strip())}</pre>", shown)

    def test_long_source(self):
        y = self.x
        for _ in range(200):
            y = y.tanh()
        program = compiled(y)
        program(x=[0.0])
        lines = program.source.splitlines()
        shown = text(program)
        more = f"... {len(lines) - 300} more lines: print(program.source)"
        self.assertTrue(shown.endswith(more), shown[-100:])
        self.assertIn(lines[298], shown)
        self.assertNotIn(f"{lines[-1]}\n", shown)


class TestColours(unittest.TestCase):
    def test_can_be_read_on_white_and_on_black(self):
        """The contrast, by the formula of the Web Content Accessibility Guidelines."""
        for colour in COLOURS.values():
            pattern = r"var\(--jp-mirror-editor-\w+-color, #([0-9a-f]{6})\)"
            code = re.fullmatch(pattern, colour).group(1)
            channels = np.array([*bytes.fromhex(code)]) / 255
            linear = np.where(
                channels <= 0.04045,
                channels / 12.92,
                ((channels + 0.055) / 1.055) ** 2.4,
            )
            light = linear @ [0.2126, 0.7152, 0.0722]
            with self.subTest(colour):
                self.assertGreater((light + 0.05) / 0.05, 4)
                self.assertGreater(1.05 / (light + 0.05), 4)

    def test_nothing_else_has_a_colour_of_its_own(self):
        for x in (Value(1.0), MLP(2, [1])):
            self.assertNotIn("color", x._repr_html_())


@unittest.skipIf(missing, missing)
class TestNotebook(unittest.TestCase):
    CELLS = """
from micrograd import Value, compiled
from micrograd.nn import MLP

x = Value(shape=(None, 2), name="x")
model = MLP(2, [16, 16, 1])
loss = (model(x) ** 2).mean()
loss
---
model
---
step = compiled(loss, wrt=model)
step
---
step(x=[[1.0, 2.0]]);
---
step
"""

    def test_cells(self):
        cells = map(nbformat.v4.new_code_cell, self.CELLS.split("\n---\n"))
        notebook = nbformat.v4.new_notebook(cells=[*cells])
        resources = {"metadata": {"path": str(ROOT)}}
        nbclient.NotebookClient(
            notebook, timeout=100, kernel_name="python3", resources=resources
        ).execute()
        shown = []
        for cell in notebook.cells:
            for output in cell.outputs:
                shown.append(Reader(output["data"]["text/html"]).text)
                self.assertTrue(output["data"]["text/plain"])
        value, net, before, after = shown
        self.assertIn("10 operators; micrograd.trace.draw_dot draws it", value)
        self.assertIn("w (16, 16), b (16,)", net)
        self.assertIn("not called yet", before)
        self.assertIn("def step(", after)


if __name__ == "__main__":
    unittest.main()
