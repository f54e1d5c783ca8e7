"""README.md and docs/: snippets print what their pages say, and links lead somewhere.

A test for each section, whose snippets run one after the other.
"""

import builtins
import contextlib
import importlib
import importlib.util
import io
import linecache
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import warnings
from operator import attrgetter
from pathlib import Path

import numpy as np

from micrograd.interface import families
from micrograd.interface import words as hint_words
from micrograd.interface.protocol import FUNCTIONS
from micrograd.program.source import is_numpys
from micrograd.rules import RULES

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md"))]
LINKED.append(ROOT / "tests" / "README.md")
MOST_LINES = 220  # of the README, which is the first page
COMMANDS = (
    'python3 -m venv venv && venv/bin/pip install ".[demo]" && '
    "venv/bin/jupyter nbconvert --to html --execute demo.ipynb",
    'python3 -m venv venv && venv/bin/pip install ".[test]" && '
    "venv/bin/python -m pytest",
)
BESIDE_PYTHON = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
MPIEXEC = shutil.which("mpiexec") or shutil.which("mpiexec", path=BESIDE_PYTHON)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read(page):
    return page.read_text(encoding="utf-8")


def without_code(text):
    """The text, its blocks and its code in lines left out."""
    return re.sub(r"`[^`\n]+`", "", BLOCK.sub("", text))


def anchors(text):
    """What a link can name behind the #: the headings, as code hosts write them."""
    found = []
    for heading in re.findall(r"^#{1,6} (.+)$", BLOCK.sub("", text), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
    return found


def cells(text):
    """The figures of tables: {row: {column: cell}}, without empty ones."""
    found, columns = {}, []
    for line in re.findall(r"^\|(.*)\|$", text, re.MULTILINE):
        title, *figures = [cell.strip() for cell in line.split("|")]
        if not title:
            columns = figures
        elif columns:
            row = {c: f for c, f in zip(columns, figures) if f}
            found.setdefault(title, {}).update(row)
    found.pop("---", None)
    return found


def sections(text):
    """Yield the title of each section, and where in the text it starts and ends."""
    code = [range(*block.span()) for block in BLOCK.finditer(text)]
    starts = [
        (heading.start(), heading[1])
        for heading in re.finditer(r"^#{1,2} (.+)$", text, re.MULTILINE)
        if not any(heading.start() in block for block in code)
    ]
    ends = [start for start, _ in starts[1:]] + [len(text)]
    for (start, title), end in zip(starts, ends):
        yield title, start, end


def snippets(text, start, end):
    """Yield the line, the code and the output ("" if none) of each Python block.

    An output is the text block that follows the code with nothing between them. A text
    block anywhere else, an unmarked block and an unclosed one are a ValueError.
    """
    text = text[:end]
    pending, after = None, start
    for block in BLOCK.finditer(text, start):
        kind, body = block.groups()
        between = text[after : block.start()]
        if "```" in between or kind not in ("python", "text", "bash", "c"):
            raise ValueError(f"unknown or unclosed block before {body!r}")
        if kind == "text":
            if pending is None or between.strip():
                raise ValueError(f"output that follows no code: {body!r}")
            yield (*pending, body)
            pending = None
        elif pending:
            yield (*pending, "")
            pending = None
        if kind == "python":
            pending = text.count("\n", 0, block.start(2)), body
        after = block.end()
    if "```" in text[after:]:
        raise ValueError("unclosed block")
    if pending:
        yield (*pending, "")


def printed(code, namespace):
    """Run the code and return what it prints, warnings included, in their order.

    Python shows a warning with its file and line, which are left out here. An error
    that names its place has it in example.py, as for those who paste the code there.
    """

    def show(message, category, *_, **__):
        print(f"{category.__name__}: {message}")

    lines = code.splitlines(keepends=True)
    linecache.cache["example.py"] = len(code), None, lines, "example.py"
    with contextlib.redirect_stdout(io.StringIO()) as output:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = show
            exec(compile(code, "example.py", "exec"), namespace)
    return output.getvalue()


def printed_by_ranks(code):
    """What two processes print that run the code as docs/machines.md says."""
    Path("train.py").write_text(code, encoding="utf-8")
    job = subprocess.run(
        [MPIEXEC, "-n", "2", sys.executable, "-m", "mpi4py", "train.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    if job.returncode:
        raise AssertionError(f"train.py failed:\n{job.stdout}")
    return job.stdout


def defined(page, title):
    """What the snippets in a section define."""
    text = read(ROOT / page)
    start, end = next(span for name, *span in sections(text) if name == title)
    namespace = {"__name__": "example"}
    for _, code, _ in snippets(text, start, end):
        printed(code, namespace)
    return namespace


def has_graphviz():
    return importlib.util.find_spec("graphviz") and shutil.which("dot")


class TestSections(unittest.TestCase):
    """A method for each section of each page is added below."""

    maxDiff = None

    def run_section(self, page, start, end):
        """Run a section's snippets in one namespace and in a directory of their own."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(directory.name)
        self.addCleanup(sys.path.__setitem__, slice(None), sys.path[:])
        self.addCleanup(sys.modules.pop, "answer", None)  # which docs/ship.md saves
        namespace = {"__name__": "example"}
        for line, code, output in snippets(read(page), start, end):
            if "draw_dot" in code and not has_graphviz():
                self.skipTest("needs the graphviz package and its program dot")
            if "gcc" in code and not shutil.which("gcc"):
                self.skipTest("needs a compiler of C: gcc")
            if page.name == "c.md" and np.__version__.startswith("1."):
                self.skipTest("NumPy 1 decides dtypes by the sizes of numbers")
            if "mpi4py" in code and not MPIEXEC:
                self.skipTest("needs an MPI")
            for package in ("mpi4py", "scipy", "sklearn", "tqdm"):
                if package in code and not importlib.util.find_spec(package):
                    self.skipTest(f"needs the package {package}")
            importlib.invalidate_caches()  # for a module that was saved just now
            where = f"{page.name}, line {line + 1}"
            try:
                ranks = "mpi4py" in code
                actual = printed_by_ranks(code) if ranks else printed(code, namespace)
            except Exception as error:
                raise AssertionError(where) from error
            self.assertEqual(actual, output, where)


class TestPages(unittest.TestCase):
    def test_there_are_snippets(self):
        texts = map(read, PAGES)
        found = [s for text in texts for s in snippets(text, 0, len(text))]
        self.assertGreater(len(found), 40)
        self.assertGreater(sum(bool(output) for _, _, output in found), 30)

    def test_width(self):
        for page in PAGES:
            text = read(page)
            for line, code, output in snippets(text, 0, len(text)):
                for text_line in (code + output).splitlines():
                    where = f"{page.name}, after line {line}: {text_line}"
                    self.assertLessEqual(len(text_line), 88, where)

    def test_readme_is_short(self):
        self.assertLessEqual(read(PAGES[0]).count("\n"), MOST_LINES)

    def test_speed_of_the_readme(self):
        """Its table is an excerpt of that in docs/speed.md."""
        (text,) = re.findall(r"^## Speed\n(.*?)^## ", read(PAGES[0]), re.M | re.S)
        shown, whole = cells(text), cells(read(ROOT / "docs" / "speed.md"))
        self.assertEqual(len(shown), 5)
        for row, figures in shown.items():
            for framework, figure in figures.items():
                self.assertEqual(figure, whole[row][framework], (row, framework))

    def test_commands(self):
        shell = [code for kind, code in BLOCK.findall(read(PAGES[0])) if kind == "bash"]
        lines = "".join(shell).splitlines()
        for command in COMMANDS:
            self.assertIn(command, lines)

    def test_links(self):
        for page in LINKED:
            links = re.findall(r"\]\(([^)\s]+)\)", without_code(read(page)))
            for target in links:
                path, _, anchor = target.partition("#")
                if "://" in target:
                    continue
                with self.subTest(page=page.name, target=target):
                    file = page.parent / path if path else page
                    self.assertTrue(file.exists())
                    if anchor:
                        self.assertIn(anchor, anchors(read(file)))

    def test_every_page_is_in_the_index(self):
        links = re.findall(r"\]\(([^)#\s]+)", read(PAGES[0]))
        for page in PAGES[1:]:
            self.assertIn(f"docs/{page.name}", links)

    def test_every_file_has_its_row(self):
        design = read(ROOT / "docs" / "design.md")
        for path in (ROOT / "micrograd").iterdir():
            if path.name[0] not in "_." and path.name != "py.typed":
                self.assertIn(f"(../micrograd/{path.name})", design)

    def test_functions_of_numpy(self):
        """Each has its row in docs/functions.md, or its name above the tables."""
        tables = read(ROOT / "docs" / "functions.md")
        (text,) = re.findall(r"^These take Values: (.*?)\.$", tables, re.M | re.S)
        listed = {name.split(".")[-1] for name in re.findall(r"`([\w.]+)`", text)}
        for cell in re.findall(r"^\| (.*?) \|", tables, re.M):
            listed |= set(re.findall(r"`np\.([\w.]+)", cell))
        named = {in_numpy(name) for name in listed} - {None}
        known = {*RULES, *FUNCTIONS, *families.FUNCTIONS}
        known = {f for f in known if is_numpys(f)}
        refused = {
            attrgetter(name[len("numpy.") :])(np) for name in hint_words.FUNCTIONS
        }
        self.assertEqual((named | {np.amax, np.amin}) - refused, known)


class TestMistakes(unittest.TestCase):
    """docs/mistakes.md: what its rows say happens, and what they say works."""

    def setUp(self):
        self.text = read(ROOT / "docs" / "mistakes.md")
        self.setting = BLOCK.search(self.text)[2]

    def names(self):
        names = {}
        exec(self.setting, names)
        return names

    def rows(self):
        """Of each row the code, what happens and what to write instead."""
        for line in BLOCK.sub("", self.text).splitlines():
            cells = re.split(r"(?<!\\) \| ", line.strip("| "))
            cells = [
                re.findall(r"`([^`]+)`", cell.replace("\\|", "|")) for cell in cells
            ]
            if line.startswith("| `"):
                yield cells

    def test_there_are_rows(self):
        self.assertGreaterEqual(len(list(self.rows())), 30)

    def test_what_happens(self):
        for (code, *_), (first, *words), _ in self.rows():
            with self.subTest(code), warnings.catch_warnings():
                warnings.simplefilter("error")
                for start in ("Creating an ndarray", "Using a non-tuple"):  # NumPy 1
                    warnings.filterwarnings("ignore", start)
                if hasattr(builtins, first) and first != "None":
                    self.assert_error(code, getattr(builtins, first), words)
                else:
                    names = self.names()
                    *statements, last = code.split("; ")
                    exec("\n".join(statements), names)
                    self.assertEqual(str(eval(last, names)), first)

    def assert_error(self, code, kind, words):
        with self.assertRaises(Exception) as caught:
            exec(code, self.names())
        error = caught.exception  # NumPy's own may stand over what says why
        self.assertTrue({type(error), type(error.__cause__)} & {kind}, repr(error))
        for word in words:
            self.assertIn(word, f"{error} {error.__cause__ or ''}")

    def test_what_to_write(self):
        for _, _, instead in self.rows():
            for code in instead:
                with self.subTest(code), warnings.catch_warnings():
                    warnings.simplefilter("error")
                    exec(code, self.names())


def in_numpy(name):
    """NumPy's function; None, if the installed one has none."""
    module, _, name = name.rpartition(".")
    return getattr(np.linalg if module == "linalg" else np, name, None)


def section_test(page, start, end):
    return lambda self: self.run_section(page, start, end)


for page in PAGES:
    for title, start, end in sections(read(page)):
        words = [page.stem.lower(), *re.findall(r"\w+", title.lower())]
        test = "test_" + "_".join(words)
        if hasattr(TestSections, test):
            raise ValueError(f"{page.name} has two sections {title!r}")
        setattr(TestSections, test, section_test(page, start, end))


if __name__ == "__main__":
    unittest.main()
