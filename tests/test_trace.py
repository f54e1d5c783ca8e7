"""The pictures of expressions: what they say, and that Graphviz can draw them."""

import re
import sys
import tempfile
import unittest
from graphlib import TopologicalSorter
from unittest import mock

import numpy as np
from testing import needs, needs_graphviz, run_python

from micrograd import Value, operator
from micrograd.nn import MLP, Layer, Module, Neuron
from micrograd.trace import draw_dot


def labels(graph, shape):
    return re.findall(rf'\[label="?([^"\n]*?)"? shape={shape}\]', graph.source)


def records(graph):
    """What the Values say, without the record's braces."""
    return [label.strip("{}") for label in labels(graph, "record")]


def ovals(graph):
    return labels(graph, "oval")


def edges(graph):
    return graph.source.count("->")


@needs_graphviz
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


@needs_graphviz
class TestNames(unittest.TestCase):
    def test_of_a_dictionary(self):
        x, w = Value(shape=(None, 2), name="x"), Value(np.ones(20))
        loss = (x.sum() * w).mean()
        loss.forward(x=np.ones((3, 2)))
        graph = draw_dot(loss, names={"a<b&c": w, "loss": loss, "other": Value(1.0)})
        self.assertEqual(
            sorted(labels(graph, "record")),
            [
                r"a\<b&amp;c|shape (20,)",
                "loss|shape ()|data 6.0000|grad None",
                "shape ()|data 6.0000|grad None",
                "shape (20,)",
                r"x|shape (None, 2)|data [[1.0000 1.0000]\n\ [1.0000 1.0000]\n\ "
                "[1.0000 1.0000]]|grad None",
            ],
        )
        self.assertEqual(sorted(ovals(graph)), ["*", "mean", "sum"])
        graph.pipe()

    def test_few_elements_are_shown(self):
        for size, count in ((12, 3), (13, 1)):
            graph = draw_dot(Value(np.zeros(size)), names={})
            self.assertEqual(len(records(graph)[0].split("|")), count)

    def test_keys_that_are_numbers(self):
        w = Value(2.0)
        self.assertTrue(records(draw_dot(w, names={7: w}))[0].startswith("7|"))

    def test_of_another_kind(self):
        x = Value(1.0)
        for names in ([x], x, "x", 3):
            with self.subTest(names):
                expected = (
                    "names: expected a Module or a dictionary of names and Values"
                )
                with self.assertRaisesRegex(TypeError, expected):
                    draw_dot(x, names=names)
        with self.assertRaisesRegex(TypeError, "expected Values, got x=1.0"):
            draw_dot(x, names={"x": 1.0})

    def test_fields_are_one_below_the_other(self):
        for rankdir in ("LR", "RL", "TB", "BT"):
            graph = draw_dot(Value(2.0), rankdir=rankdir, names={})
            svg = graph.pipe(encoding="utf-8")
            places = re.findall(r'<text.*? x="(.*?)" y="(.*?)".*?>(\w+)', svg)
            with self.subTest(rankdir):
                self.assertEqual([p[2] for p in places], ["shape", "data", "grad"])
                self.assertEqual(len({x for x, _, _ in places}), 1)
                rows = [float(y) for _, y, _ in places]
                self.assertEqual(rows, sorted(rows))


def boxes(graph):
    """The fields of the boxes of layers and of others, by the names of their nodes."""
    nodes = re.findall(r'^\t(\d+) \[label="?(.*?)"? shape=', graph.source, re.M)
    return {node: label.strip("{}").split("|") for node, label in nodes}


def arrows(graph):
    """From what to what, by the first fields of the boxes."""
    titles = {node: fields[0] for node, fields in boxes(graph).items()}
    pairs = re.findall(r"^\t(\d+) -> (\d+)$", graph.source, re.M)
    return sorted((titles[start], titles[end]) for start, end in pairs)


@needs_graphviz
class TestLayers(unittest.TestCase):
    def setUp(self):
        self.x = Value(shape=(None, 2), name="x")

    def test_net_with_a_loss(self):
        model, y = MLP(2, [16, 16, 1]), Value(shape=(None,), name="y")
        loss = (1 - model(self.x) * y).relu().mean()
        loss.forward(x=np.zeros((100, 2)), y=np.zeros(100))
        loss.backward()
        graph = draw_dot(loss, names=model)
        self.assertEqual(
            sorted(boxes(graph).values()),
            [
                ["*", "shape (None,)"],
                ["-", "shape (None,)"],
                [
                    "layers.0: Layer",
                    "@ + relu",
                    r"w (2, 16)\nb (16,)",
                    "shape (None, 16)",
                ],
                [
                    "layers.1: Layer",
                    "@ + relu",
                    r"w (16, 16)\nb (16,)",
                    "shape (None, 16)",
                ],
                ["layers.2: Neuron", "@ +", r"w (16,)\nb ()", "shape (None,)"],
                ["mean", "shape ()", "data 1.0000", "grad 1.0000"],
                ["relu", "shape (None,)"],
                ["x", "shape (None, 2)"],
                ["y", "shape (None,)"],
            ],
        )
        self.assertEqual(
            arrows(graph),
            [
                ("*", "-"),
                ("-", "relu"),
                ("layers.0: Layer", "layers.1: Layer"),
                ("layers.1: Layer", "layers.2: Neuron"),
                ("layers.2: Neuron", "*"),
                ("relu", "mean"),
                ("x", "layers.0: Layer"),
                ("y", "*"),
            ],
        )
        self.assertEqual(len(labels(graph, "Mrecord")), 3)

    def test_what_follows_the_last_layer_is_none_of_it(self):
        model = MLP(2, [1])
        graph = draw_dot((model(self.x) ** 2 * 0.5).mean(), names=model)
        titles = sorted(fields[0] for fields in boxes(graph).values())
        self.assertEqual(titles, ["*", "**", "layers.0: Neuron", "mean", "x"])

    def test_fits_on_a_screen(self):
        model = MLP(2, [16, 16, 1])
        svg = draw_dot((model(self.x) ** 2).mean(), names=model).pipe(encoding="utf-8")
        width, height = map(int, re.search(r'width="(\d+)pt".*?"(\d+)pt', svg).groups())
        self.assertLess(width, 1200)
        self.assertLess(height, 300)

    def test_constant_input(self):
        model = MLP(2, [3, 1])
        graph = draw_dot(model(np.ones((5, 2))), names=model)
        self.assertEqual(arrows(graph), [("layers.0: Layer", "layers.1: Neuron")])

    def test_a_layer_that_is_called_twice(self):
        net = Module()
        net.layer = Layer(2, 2)
        graph = draw_dot(net.layer(net.layer(self.x)), names=net)
        # What follows the last call need not be the layer's.
        operators = sorted(fields[1] for fields in boxes(graph).values())
        expected = ["@ +", "@ + relu", "shape (None, 2)", "shape (None, 2)"]
        self.assertEqual(operators, expected)

    def test_what_comes_back_from_outside_is_none_of_a_layer(self):
        net = MLP(2, [2, 2, 2])
        first, second, third = net.layers
        h = first(self.x)
        y = third(second(h) + h)
        graph = draw_dot(y, names=net)
        self.assertIn(("layers.0: Layer", "+"), arrows(graph))
        self.assertIn(("layers.1: Layer", "+"), arrows(graph))
        self.assertIn(("+", "layers.2: Layer"), arrows(graph))
        self.assertEqual(len(arrows(graph)), 5)

    def test_products_of_two_layers(self):
        """As attention has them: each projection is a box."""
        net = Module()
        net.queries, net.keys, net.last = (Layer(2, 2, nonlin=False) for _ in range(3))
        scores = net.queries(self.x) @ net.keys(self.x).T
        graph = draw_dot(net.last(scores @ self.x), names=net)
        fields = {box[0]: (box[1], box[-1]) for box in boxes(graph).values()}
        self.assertEqual(fields["queries: Layer"], ("@ +", "shape (None, 2)"))
        self.assertEqual(fields["keys: Layer"], ("@ + transpose", "shape (2, None)"))
        self.assertEqual(fields["last: Layer"], ("@ +", "shape (None, 2)"))

    def test_half_of_a_layer(self):
        net = MLP(2, [2, 2])
        graph = draw_dot(self.x @ net.layers[0].w, names=net)
        expected = ["layers.0: Layer", "@", "w (2, 2)", "shape (None, 2)"]
        self.assertIn(expected, boxes(graph).values())

    def test_operators_of_parameters_alone(self):
        """Weight decay applies no layer to anything."""
        net = MLP(2, [2, 1])
        decay = sum((w**2).sum() for w in net.parameters())
        graph = draw_dot(net(self.x).mean() + 0.1 * decay, names=net)
        titles = sorted(fields[0] for fields in boxes(graph).values())
        for title in (
            "layers.0.w",
            "layers.1.b",
            "layers.0: Layer",
            "layers.1: Neuron",
        ):
            self.assertEqual(titles.count(title), 1)
        self.assertEqual(titles.count("**"), 4)
        self.assertIn(("layers.0.w", "**"), arrows(graph))

    def test_operator_with_parameters_of_two_layers(self):
        net = MLP(2, [2, 2])
        y = np.where(self.x > 0, net.layers[0].w, net.layers[1].w)
        graph = draw_dot(y, names=net)
        self.assertIn(("layers.0.w", "where"), arrows(graph))
        self.assertEqual(labels(graph, "Mrecord"), [])

    def test_numbers_between_layers_belong_to_the_first(self):
        net = MLP(2, [2, 2])
        first, second = net.layers
        graph = draw_dot(second(first(self.x) * 0.5), names=net)
        self.assertIn("@ + relu *", [fields[1] for fields in boxes(graph).values()])

    def test_no_boxes_wait_for_each_other(self):
        rng = np.random.default_rng(1)
        net = Module()
        net.layers = [Layer(2, 2) for _ in range(3)]
        for seed in range(50):
            results = [self.x]
            for _ in range(20):
                a, b = (results[i] for i in rng.integers(len(results), size=2))
                layer = net.layers[rng.integers(3)]
                choices = [layer(a), a @ layer.w, a + layer.b, a * b, a.tanh()]
                results.append(choices[rng.integers(len(choices))])
            y = sum(results)
            pairs = re.findall(r"(\d+) -> (\d+)", draw_dot(y, names=net).source)
            graph = {}
            for start, end in pairs:
                graph.setdefault(end, []).append(start)
            with self.subTest(seed):
                TopologicalSorter(graph).prepare()  # an error if there is a circle

    def test_parameters_of_the_net_itself(self):
        neuron = Neuron(2)
        graph = draw_dot(neuron(self.x), names=neuron)
        self.assertEqual(
            arrows(graph),
            [("+", "relu"), ("@", "+"), ("b", "+"), ("w", "@"), ("x", "@")],
        )

    def test_leaf(self):
        net = MLP(2, [1])
        graph = draw_dot(net.layers[0].b, names=net)
        expected = ["layers.0.b", "shape ()", "data 0.0000", "grad None"]
        self.assertEqual([*boxes(graph).values()], [expected])

    def test_same_picture_again(self):
        net = MLP(2, [16, 16, 1])
        y = (net(self.x) ** 2).mean() + sum(w.sum() for w in net.parameters())
        self.assertEqual(draw_dot(y, names=net).source, draw_dot(y, names=net).source)

    def test_deep_net(self):
        net = MLP(2, [2] * 300)
        self.assertEqual(len(arrows(draw_dot(net(self.x), names=net))), 300)


class TestWhatIsMissing(unittest.TestCase):
    def test_package(self):
        with mock.patch.dict(sys.modules, {"graphviz": None}):
            with self.assertRaisesRegex(ImportError, r'pip install "\.\[trace\]"'):
                draw_dot(Value(1.0))

    @needs("graphviz")
    def test_program(self):
        with tempfile.TemporaryDirectory() as empty:
            with mock.patch.dict("os.environ", {"PATH": empty}):
                with self.assertRaisesRegex(RuntimeError, "dot.*install graphviz"):
                    draw_dot(Value(1.0))

    def test_import_does_without_graphviz(self):
        code = "import sys, micrograd.trace; sys.exit('graphviz' in sys.modules)"
        run_python("-c", code)


if __name__ == "__main__":
    unittest.main()
