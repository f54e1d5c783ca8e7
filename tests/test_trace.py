"""The pictures of expressions: what they say, and that Graphviz can draw them."""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

from micrograd import Value, operator
from micrograd.trace import draw_dot

try:
    import graphviz
except ImportError:
    graphviz = None

ROOT = Path(__file__).resolve().parents[1]


def labels(graph, shape):
    return re.findall(rf'\[label="?([^"\n]*?)"? shape={shape}\]', graph.source)


def records(graph):
    """What the Values say, without the record's braces."""
    return [label.strip("{}") for label in labels(graph, "record")]


def ovals(graph):
    return labels(graph, "oval")


def edges(graph):
    return graph.source.count("->")


@unittest.skipUnless(graphviz, "the package graphviz is not installed")
@unittest.skipUnless(shutil.which("dot"), "Graphviz's program dot is not installed")
class TestPicture(unittest.TestCase):
    def test_small_expression(self):
        x = Value(shape=(), name="x")
        y = x * x + 1
        y.forward(x=3.0)
        y.backward()
        graph = draw_dot(y)
        self.assertEqual(
            sorted(records(graph)),
            [
                "data 10.0000|grad 1.0000",
                "data 9.0000|grad 1.0000",
                "x|data 3.0000|grad 6.0000",
            ],
        )
        self.assertEqual(sorted(ovals(graph)), ["*", "+"])
        # x twice to *, * to its result, that to +, + to y
        self.assertEqual(edges(graph), 5)

    def test_arrows_point_from_operand_to_operator_to_result(self):
        graph = draw_dot(Value(2.0).exp())
        arrows = re.findall(r"^\t(.*) -> (.*)$", graph.source, re.M)
        self.assertEqual(sorted(arrows), [('"operator 0"', "0"), ("1", '"operator 0"')])

    def test_a_shared_value_is_drawn_once(self):
        x = Value(2.0)
        y = x.exp()
        graph = draw_dot((y + x) * (y - x))
        self.assertEqual(len(records(graph)), 5)
        self.assertEqual(len(ovals(graph)), 4)
        self.assertEqual(edges(graph), 7 + 4)

    def test_before_backward(self):
        self.assertEqual(records(draw_dot(Value(2.0))), ["data 2.0000|grad None"])

    def test_leaf_has_no_operator(self):
        graph = draw_dot(Value(2.0))
        self.assertEqual((ovals(graph), edges(graph)), ([], 0))

    def test_lazy_before_it_is_fed(self):
        x = Value(shape=(None, 2), name="x")
        self.assertEqual(records(draw_dot(x)), ["x|data [[nan nan]]|grad None"])
        self.assertIn("data nan|grad None", records(draw_dot(x.sum())))

    def test_numbers(self):
        for number, shown in [
            (7, "7.0000"),
            (-0.00004, "-0.0000"),
            (1 / 3, "0.3333"),
            (1e300, "1.0000e+300"),
            (float("-inf"), "-inf"),
            (np.float32(0.5), "0.5000"),
            (True, "1.0000"),
        ]:
            with self.subTest(number):
                self.assertEqual(
                    records(draw_dot(Value(number))), [f"data {shown}|grad None"]
                )

    def test_arrays(self):
        for array, shown in [
            (np.array([1.5, -2]), "[ 1.5000 -2.0000]"),
            (np.arange(3), "[0 1 2]"),
            (np.eye(2), r"[[1.0000 0.0000]\n\ [0.0000 1.0000]]"),
            (np.zeros((0, 3)), "[]"),
            (np.zeros(13), r"(13,) float64"),
            (np.zeros((100, 2), np.float32), "(100, 2) float32"),
        ]:
            with self.subTest(shown):
                self.assertEqual(
                    records(draw_dot(Value(array))), [f"data {shown}|grad None"]
                )
        twelve = records(draw_dot(Value(np.arange(12.0))))[0]
        for number in range(12):
            self.assertIn(f"{number}.0000", twelve)

    def test_printoptions_leave_it_alone(self):
        with np.printoptions(threshold=2, precision=1):
            self.assertIn("6.0000", records(draw_dot(Value(np.arange(12.0))))[0])

    def test_special_characters(self):
        name = '{a|b} <c>\\N \\n &lt;\n"d"'
        y = operator(name, np.exp, lambda g, y, x: g * y)(Value(1.0))
        svg = draw_dot(y).pipe(encoding="utf-8")
        drawn = re.findall("<text.*?>(.*?)</text>", svg)
        for line in ["{a|b} &lt;c&gt;\\N \\n &amp;lt;", "&quot;d&quot;"]:
            plain = [
                text.replace("&#45;", "-").replace("&#160;", " ") for text in drawn
            ]
            self.assertIn(line, plain)

    def test_directions(self):
        y = Value(2.0).exp()
        places = {}
        for rankdir in ("LR", "RL", "TB", "BT"):
            svg = draw_dot(y, rankdir=rankdir).pipe(encoding="utf-8")
            for field in ("data 7.3891", "grad None"):
                place = re.search(rf'<text.*? x="(.*?)" y="(.*?)".*?>{field}<', svg)
                places[rankdir, field] = tuple(map(float, place.groups()))
            # The data stands to the left of the gradient, in the same row.
            (x, row), (right, same) = (
                places[rankdir, field] for field in ("data 7.3891", "grad None")
            )
            with self.subTest(rankdir):
                self.assertLess(x, right)
                self.assertEqual(row, same)

    def test_formats(self):
        self.assertEqual(draw_dot(Value(1.0)).format, "svg")
        png = draw_dot(Value(1.0), format="png").pipe()
        self.assertTrue(png.startswith(b"\x89PNG"))
        with self.assertRaisesRegex(ValueError, "sgv"):
            draw_dot(Value(1.0), format="sgv")

    def test_wrong_arguments(self):
        with self.assertRaisesRegex(ValueError, "LR, RL, TB or BT, got 'left'"):
            draw_dot(Value(1.0), rankdir="left")
        with self.assertRaisesRegex(TypeError, r"expected a Value, got \[1\]"):
            draw_dot([1])

    def test_thousands_of_values(self):
        x = y = Value(0.0)
        for _ in range(5000):
            y = y + x
        graph = draw_dot(y)
        self.assertEqual(len(records(graph)), 5001)
        self.assertEqual(edges(graph), 15000)

    def test_drawing_changes_nothing(self):
        x = Value(np.array([1.0, 2.0]))
        y = x.exp()
        y.backward()
        data, grad = x.data, x.grad
        draw_dot(y)
        self.assertIs(x.data, data)
        self.assertIs(x.grad, grad)

    def test_same_picture_again(self):
        def source():
            a, b = Value(1.0), Value(2.0)
            return draw_dot((a * b + a / b).tanh()).source

        self.assertEqual(source(), source())


class TestWhatIsMissing(unittest.TestCase):
    def test_package(self):
        with mock.patch.dict(sys.modules, {"graphviz": None}):
            with self.assertRaisesRegex(ImportError, r'pip install "\.\[trace\]"'):
                draw_dot(Value(1.0))

    @unittest.skipUnless(graphviz, "the package graphviz is not installed")
    def test_program(self):
        with tempfile.TemporaryDirectory() as empty:
            with mock.patch.dict("os.environ", {"PATH": empty}):
                with self.assertRaisesRegex(RuntimeError, "dot.*install graphviz"):
                    draw_dot(Value(1.0))

    def test_import_does_without_graphviz(self):
        code = "import sys, micrograd.trace; sys.exit('graphviz' in sys.modules)"
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


if __name__ == "__main__":
    unittest.main()
