"""The README: each snippet runs and prints what the README says that it prints."""

import contextlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import warnings
from pathlib import Path

import numpy as np

from micrograd import array_functions
from micrograd.functions import FUNCTIONS, is_numpys
from micrograd.rules import RULES

README = Path(__file__).resolve().parent.parent / "README.md"
COMMANDS = (
    'python3 -m venv venv && venv/bin/pip install ".[demo]" && '
    "venv/bin/jupyter nbconvert --to html --execute demo.ipynb",
    'python3 -m venv venv && venv/bin/pip install ".[test]" && '
    "venv/bin/python -m pytest",
)
BESIDE_PYTHON = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
MPIEXEC = shutil.which("mpiexec") or shutil.which("mpiexec", path=BESIDE_PYTHON)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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
        if "```" in between or kind not in ("python", "text", "bash"):
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


def printed(code, line, namespace):
    """Run the code and return what it prints, warnings included, in their order.

    Python shows a warning with its file and line, which are left out here.
    """

    def show(message, category, *_, **__):
        print(f"{category.__name__}: {message}")

    # as many lines before it as in the README, so that a traceback shows the right one
    compiled = compile("\n" * line + code, str(README), "exec")
    with contextlib.redirect_stdout(io.StringIO()) as output:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = show
            exec(compiled, namespace)
    return output.getvalue()


def printed_by_ranks(code):
    """What two processes print that run the code as the README says."""
    Path("train.py").write_text(code, encoding="utf-8")
    job = subprocess.run(
        [MPIEXEC, "-n", "2", sys.executable, "-m", "mpi4py", "train.py"],
        env={**os.environ, "PYTHONPATH": str(README.parent), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    if job.returncode:
        raise AssertionError(f"train.py failed:\n{job.stdout}")
    return job.stdout


def has_graphviz():
    return importlib.util.find_spec("graphviz") and shutil.which("dot")


class TestReadme(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.text = README.read_text(encoding="utf-8")

    def run_section(self, start, end):
        """Run a section's snippets in one namespace and in a directory of their own."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(directory.name)
        namespace = {"__name__": "readme"}
        for line, code, output in snippets(self.text, start, end):
            if "draw_dot" in code and not has_graphviz():
                self.skipTest("needs the graphviz package and its program dot")
            if "mpi4py" in code and not MPIEXEC:
                self.skipTest("needs an MPI")
            for package in ("mpi4py", "sklearn", "tqdm"):
                if package in code and not importlib.util.find_spec(package):
                    self.skipTest(f"needs the package {package}")
            where = f"README.md, line {line + 1}"
            if "mpi4py" in code:
                actual = printed_by_ranks(code)
            else:
                actual = printed(code, line, namespace)
            self.assertEqual(actual, output, where)

    def test_there_are_snippets(self):
        found = list(snippets(self.text, 0, len(self.text)))
        self.assertGreater(len(found), 10)
        self.assertGreater(sum(bool(output) for _, _, output in found), 8)

    def test_width(self):
        for line, code, output in snippets(self.text, 0, len(self.text)):
            for text in (code + output).splitlines():
                self.assertLessEqual(len(text), 88, f"after line {line}: {text}")

    def test_commands(self):
        shell = [code for kind, code in BLOCK.findall(self.text) if kind == "bash"]
        lines = "".join(shell).splitlines()
        for command in COMMANDS:
            self.assertIn(command, lines)

    def test_functions_of_numpy(self):
        """Each has its row in docs/functions.md, or its name in the README."""
        (text,) = re.findall(r"^These take Values: (.*?)\.$", self.text, re.M | re.S)
        listed = {name.split(".")[-1] for name in re.findall(r"`([\w.]+)`", text)}
        tables = (README.parent / "docs" / "functions.md").read_text(encoding="utf-8")
        for cell in re.findall(r"^\| (.*?) \|", tables, re.M):
            listed |= set(re.findall(r"`np\.([\w.]+)", cell))
        named = {in_numpy(name) for name in listed} - {None}
        known = {*RULES, *FUNCTIONS, *array_functions.FUNCTIONS}
        known = {f for f in known if is_numpys(f)}
        self.assertEqual(named | {np.amax, np.amin}, known)

    def test_links(self):
        for target in re.findall(r"\]\(([^)#]+)\)", self.text):
            if "://" not in target:
                self.assertTrue((README.parent / target).exists(), target)


def in_numpy(name):
    """NumPy's function; None, if the installed one has none."""
    module, _, name = name.rpartition(".")
    return getattr(np.linalg if module == "linalg" else np, name, None)


def section_test(start, end):
    return lambda self: self.run_section(start, end)


for title, start, end in sections(README.read_text(encoding="utf-8")):
    test = "test_section_" + "_".join(re.findall(r"\w+", title.lower()))
    if hasattr(TestReadme, test):
        raise ValueError(f"README.md has two sections {title!r}")
    setattr(TestReadme, test, section_test(start, end))


if __name__ == "__main__":
    unittest.main()
