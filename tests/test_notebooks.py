"""The notebooks: what is stored in them, and that they run from a clean kernel."""

import json
import os
import re
import tempfile
import unittest
from pathlib import Path

try:
    import ipykernel  # noqa: F401
    import matplotlib  # noqa: F401
    import nbclient
    import nbformat
    import sklearn  # noqa: F401

    missing = ""
except ImportError as error:
    missing = f"{error.name} is not installed"

from testing import ROOT, needs_graphviz

LECTURE = "docs/lecture.ipynb"
NOTEBOOKS = ("demo.ipynb", "trace_graph.ipynb", LECTURE)
SOLUTION = re.compile(
    r"^<details><summary>Solution</summary>\n(.*?)^</details>$", re.M | re.S
)
SNIPPET = re.compile(r"^```python\n(.*?)^```\n```text\n(.*?)^```$", re.M | re.S)


def stored(name):
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell["outputs"]]


def joined(text):
    """A multi-line string of a notebook, which a file may hold as a list."""
    return text if isinstance(text, str) else "".join(text)


def printed(notebook):
    """What a reader sees as text: streams, results and SVG pictures."""
    texts = []
    for output in outputs(notebook):
        texts.append(joined(output.get("text", "")))
        for kind, data in output.get("data", {}).items():
            if kind.startswith("text/") or kind == "image/svg+xml":
                texts.append(joined(data))
    return "\n".join(texts)


def text_of_lecture():
    """All that stands between the code."""
    cells = stored(LECTURE)["cells"]
    texts = [joined(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    return "\n".join(texts)


def printed_by(cell):
    """What a cell prints, which may have come in several pieces."""
    return "".join(joined(output.get("text", "")) for output in cell["outputs"])


def without_times(cells):
    """The lines that they print, but for those that say how fast it was."""
    lines = "".join(map(printed_by, cells)).splitlines()
    return [line for line in lines if "times as fast" not in line]


def insert_solutions(notebook):
    """Make each a cell of its own, with the output that the text says it has."""
    cells = []
    for cell in notebook["cells"]:
        cells.append(cell)
        if cell["cell_type"] == "markdown":
            for code, expected in SNIPPET.findall(cell["source"]):
                cells.append(nbformat.v4.new_code_cell(code))
                cells[-1]["metadata"]["expected"] = expected
    notebook["cells"] = cells


class Checks:
    """What holds for the outputs of a notebook, stored or new."""

    def check_outputs(self, notebook):
        for output in outputs(notebook):
            self.assertNotEqual(output["output_type"], "error", output)
            self.assertNotEqual(output.get("name"), "stderr", output)
        for pattern in (r"/tmp\b", r"/home/", r"/root\b", "/Users/", r":\\", "Warning"):
            self.assertNotRegex(printed(notebook), pattern)

    def check_accuracy(self, notebook):
        accuracies = re.findall(r"accuracy:? +(\d+) ?%", printed(notebook))
        self.assertEqual(accuracies, ["100"])


class TestStored(Checks, unittest.TestCase):
    def test_outputs_are_clean(self):
        for name in NOTEBOOKS:
            with self.subTest(name):
                self.check_outputs(stored(name))

    def test_ran_once_from_top_to_bottom(self):
        for name in NOTEBOOKS:
            with self.subTest(name):
                counts = [cell["execution_count"] for cell in code_cells(stored(name))]
                self.assertEqual(counts, list(range(1, len(counts) + 1)))

    def test_metadata_is_minimal(self):
        for name in NOTEBOOKS:
            with self.subTest(name):
                notebook = stored(name)
                self.assertEqual(list(notebook["metadata"]), ["kernelspec"])
                self.assertEqual(notebook["metadata"]["kernelspec"]["name"], "python3")
                for cell in notebook["cells"]:
                    self.assertEqual(cell["metadata"], {})

    def test_demo(self):
        notebook = stored("demo.ipynb")
        self.check_accuracy(notebook)
        pictures = [o for o in outputs(notebook) if "image/png" in o.get("data", {})]
        self.assertGreaterEqual(len(pictures), 3)

    def test_trace_graph(self):
        notebook = stored("trace_graph.ipynb")
        pictures = [
            o for o in outputs(notebook) if "image/svg+xml" in o.get("data", {})
        ]
        self.assertGreaterEqual(len(pictures), 2)
        self.assertIn("layers.1: Layer", printed(notebook))

    def test_lecture(self):
        notebook = stored(LECTURE)
        pictures = [o for o in outputs(notebook) if "image/png" in o.get("data", {})]
        self.assertGreaterEqual(len(pictures), 9)

    def test_lecture_has_solutions(self):
        text = text_of_lecture()
        exercises = [int(n) for n in re.findall(r"^\*\*Exercise (\d+)", text, re.M)]
        self.assertEqual(exercises, list(range(1, len(exercises) + 1)))
        solutions = SOLUTION.findall(text)
        self.assertEqual(len(solutions), len(exercises))
        self.assertEqual(text.count("<details>"), len(exercises))
        for solution in solutions:
            self.assertEqual(len(SNIPPET.findall(solution)), 1, solution)
            self.assertEqual(solution.count("```"), 4, solution)

    def test_lecture_reads_lines_that_are_printed(self):
        """In their order, from the table that says what each means."""
        rows = re.findall(r"^\| (`.+?`) \| \S.* \|$", text_of_lecture(), re.M)
        quoted = [line for row in rows for line in re.findall("`(.+?)`", row)]
        self.assertGreater(len(quoted), 15)
        program = printed(stored(LECTURE)).split('"""NumPy code')[-1]
        lines = iter(re.split(r"\n *|  # ", program))
        for line in quoted:
            self.assertIn(line, lines)  # which goes on from there

    def test_lecture_links(self):
        targets = re.findall(r"\]\(([^)]+)\)", text_of_lecture())
        self.assertGreater(len(targets), 3)
        for target in targets:
            self.assertTrue((ROOT / "docs" / target).exists(), target)

    def test_assets(self):
        picture = (ROOT / "assets" / "moon_mlp.png").read_bytes()
        self.assertTrue(picture.startswith(b"\x89PNG"))
        self.assertLess(len(picture), 100_000)
        self.assertIn("<svg", (ROOT / "assets" / "gout.svg").read_text("utf-8"))


@unittest.skipIf(missing, missing)
class TestRun(Checks, unittest.TestCase):
    def run_notebook(self, name, *assets, with_solutions=False):
        """Run a copy, so that the assets in the checkout stay as they are."""
        notebook = nbformat.read(ROOT / name, as_version=4)
        for cell in code_cells(notebook):
            cell["outputs"], cell["execution_count"] = [], None
        if with_solutions:
            insert_solutions(notebook)
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / "assets").mkdir()
            client = nbclient.NotebookClient(
                notebook,
                timeout=600,
                kernel_name="python3",
                resources={"metadata": {"path": directory}},
            )
            client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
            written = [path.name for path in (Path(directory) / "assets").iterdir()]
            self.assertEqual(written, [*assets])
            for asset in assets:
                size = (Path(directory) / "assets" / asset).stat().st_size
                self.assertTrue(1000 < size < 100_000, size)
        self.check_outputs(notebook)
        return notebook

    def test_demo(self):
        notebook = self.run_notebook("demo.ipynb", "moon_mlp.png")
        self.check_accuracy(notebook)
        before, now = code_cells(stored("demo.ipynb")), code_cells(notebook)
        self.assertEqual([*map(printed_by, now)], [*map(printed_by, before)])

    @needs_graphviz
    def test_trace_graph(self):
        self.run_notebook("trace_graph.ipynb", "gout.svg")

    @needs_graphviz
    def test_lecture(self):
        """Solutions run where they stand, are right, and disturb nothing after them."""
        notebook = self.run_notebook(LECTURE, with_solutions=True)
        of_lecture = []
        for cell in code_cells(notebook):
            if "expected" in cell["metadata"]:
                expected = cell["metadata"]["expected"]
                self.assertEqual(printed_by(cell), expected, cell["source"])
            else:
                of_lecture.append(cell)
        before = without_times(code_cells(stored(LECTURE)))
        self.assertEqual(without_times(of_lecture), before)


if __name__ == "__main__":
    unittest.main()
