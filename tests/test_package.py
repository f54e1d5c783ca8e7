"""The package: what it imports, and what is in its distributions."""

import ast
import functools
import importlib
import inspect
import re
import shutil
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

from testing import ROOT, needs, needs_graphviz, new_folder, run_python

import micrograd

PATHS = sorted((ROOT / "micrograd").rglob("*.py"))
MODULES = {path.relative_to(ROOT / "micrograd").as_posix() for path in PATHS}
TYPES = {path.name for path in (ROOT / "micrograd").glob("*.pyi")} | {"py.typed"}


# What `import micrograd` loads; the first three are the core.
CORE = ("arrays", "rules", "engine")
INTERFACE = (
    *(
        "adjoints",
        "call_sites",
        "contraction",
        "functions",
        "hints",
        "methods",
        "open_axes",
        "operators",
    ),
    "protocol",
)
LOADED = [*CORE, "graph", "interface", *[f"interface.{name}" for name in INTERFACE]]
# What else a net needs, without the interface.
NETS = ("names", "checkpoint", "nn", "optim")

# Behind TYPE_CHECKING, these look up, at what imports them: for editors and mypy.
UPWARD = {
    "engine": {"interface.methods"},  # the methods that Value gets from there
    "interface.display": {"program"},  # two classes that it shows
    "program.c": {"program.program"},  # the program that it writes
    "program.code": {"program.program"},  # the program that the code belongs to
    "program.module": {"program.program"},  # the program that it saves
    "program.training_step": {"program.program"},  # the program whose step it is
}


class TestImport(unittest.TestCase):
    def test_the_tests_import_this_checkout(self):
        self.assertEqual(Path(micrograd.__file__).parent, ROOT / "micrograd")

    def loaded(self, *modules):
        """The modules of packages, not of Python itself, that are loaded by these.

        By the import of each on its own, as if it were the first of micrograd's.
        """
        code = """
import importlib, sys
before = set(sys.modules)
for module in sys.argv[1:]:
    for name in [name for name in sys.modules if name.startswith("micrograd")]:
        del sys.modules[name]
    importlib.import_module(module)
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if "-packages" in file or name.startswith("micrograd"):
            print(name)
"""
        return set(run_python("-c", code, *modules).split())

    def test_micrograd_imports_numpy_and_what_it_exports(self):
        loaded = self.loaded("micrograd")
        self.assertEqual(
            {name for name in loaded if name.startswith("micrograd")},
            {"micrograd", *(f"micrograd.{name}" for name in LOADED)},
        )
        self.assertEqual(
            {name.partition(".")[0] for name in loaded}, {"micrograd", "numpy"}
        )

    def test_nets_and_optimisers_import_states_and_no_more(self):
        loaded = self.loaded("micrograd") ^ self.loaded(
            "micrograd.nn", "micrograd.optim"
        )
        self.assertEqual(loaded, {f"micrograd.{name}" for name in NETS})

    def test_what_files_need_waits_for_a_file(self):
        code = "import sys, {}; print('zipfile' in sys.modules)"
        if "True" in run_python("-c", code.format("numpy")):
            self.skipTest("this NumPy imports zipfile itself")
        output = run_python("-c", code.format("micrograd.nn, micrograd.optim"))
        self.assertEqual(output, "False\n")

    def test_every_module_needs_nothing_but_numpy(self):
        names = sorted(module_of(path).__name__ for path in PATHS)
        loaded = self.loaded(*names)
        self.assertLessEqual(set(names), loaded)
        self.assertEqual(
            {name.partition(".")[0] for name in loaded}, {"micrograd", "numpy"}
        )

    def test_imports_have_no_circle(self):
        """Also those inside functions; a module's name in a string counts as one."""
        below = {name: imports_of(path)[0] for name, path in NAMES.items()}
        while below:
            ground = {name for name in below if not below[name] & set(below)}
            self.assertTrue(ground, f"a circle among {below}")
            below = {name: below[name] for name in set(below) - ground}

    def test_what_looks_up_is_for_types(self):
        above = {}
        for name, path in NAMES.items():
            found = imports_of(path)[1] & importers_of(name)
            above.update({name: found} if found else {})
        self.assertEqual(above, UPWARD)

    def test_the_core_imports_the_core(self):
        core = {*CORE, *NETS}
        for name in core:
            self.assertLessEqual(imports_of(NAMES[name])[0], core)

    def test_the_core_stands_alone(self):
        """In an empty package, a net is trained."""
        folder = new_folder(self)
        (folder / "micrograd").mkdir()
        for name in (*CORE, *NETS):
            shutil.copy(NAMES[name], folder / "micrograd")
        shutil.copy(ROOT / "tests" / "test_core.py", folder)
        (folder / "micrograd" / "__init__.py").write_text(
            "from micrograd.engine import Value as Value\n"
        )
        output = run_python("-m", "unittest", "test_core", cwd=folder, PYTHONPATH="")
        self.assertRegex(output, r"Ran \d\d tests[^$]*OK")


def dotted(path):
    """The name of a module within the package; "" of the package itself."""
    parts = path.relative_to(ROOT / "micrograd").with_suffix("").parts
    return ".".join([part for part in parts if part != "__init__"])


NAMES = {dotted(path): path for path in PATHS}


@functools.cache
def imports_of(path):
    """The modules that one imports at any level; and those behind TYPE_CHECKING."""
    tree, names, for_types = ast.parse(path.read_text(encoding="utf-8")), set(), set()
    guarded = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            guarded |= {x for line in node.body for x in ast.walk(line)}
    for node in ast.walk(tree):
        found = for_types if node in guarded else names
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
            found.add(node.module)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    modules = {f"micrograd.{name}": name for name in NAMES if name}
    return [{modules[x] for x in found & set(modules)} for found in (names, for_types)]


def importers_of(name):
    """The modules that import one, however indirectly."""
    found = [name]
    for x in found:  # which grows
        found += [y for y in NAMES if x in imports_of(NAMES[y])[0] and y not in found]
    return set(found)


# What users name. Other functions in the modules are helpers, for readers of the code.
PUBLIC = {
    "micrograd": micrograd.__all__,
    "micrograd.interface.methods": ["ArrayMethods"],
    "micrograd.interface.creation": ["At", "Places"],
    "micrograd.interface.special": [
        *("erf", "erfc", "expit", "logit", "gammaln", "digamma", "xlogy", "xlog1py"),
        *("entr", "logsumexp", "softmax", "log_softmax", "betaln", "gammainc"),
        "log_ndtr",
    ],
    "micrograd.nn": [
        *("Module", "Buffer", "Neuron", "Layer", "MLP", "softmax", "cross_entropy"),
    ],
    "micrograd.optim": [
        *("Optimiser", "SGD", "Adam", "AdamW", "RMSprop", "clip_grad_norm"),
    ],
    "micrograd.checkpoint": ["Part", "save", "load"],
    "micrograd.check": ["check_gradients"],
    "micrograd.trace": ["draw_dot"],
    "micrograd.parallel": ["share", "broadcast", "average_gradients"],
    "micrograd.program": ["compiled", "Program"],
    "micrograd.vectors": [
        *("parameters_to_vector", "gradients_to_vector", "vector_to_parameters"),
    ],
}
WITHOUT_EXAMPLE = {
    "micrograd.nn.Module.save",  # load's shows both
    "micrograd.checkpoint.load",  # save's shows both
    "micrograd.program.Program.form",  # for the module that save() writes
    "micrograd.interface.methods.ArrayMethods",  # its methods do
}
UNDERSCORED = {"__getitem__"}  # methods with more to say than Python's manual

# Runs a module's examples, also those that are skipped where a package may be missing.
RUN_ALL_EXAMPLES = """
import doctest, importlib, sys
runner = doctest.DocTestRunner()
for test in doctest.DocTestFinder().find(importlib.import_module(sys.argv[1])):
    for example in test.examples:
        example.options.pop(doctest.SKIP, None)
    runner.run(test)
sys.exit(runner.failures)
"""


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return importlib.import_module(".".join(parts).replace(".__init__", ""))


def members(owner):
    """The functions, classes, methods and properties that are defined in it, by name.

    Of a method that overrides another, it is the first one's docstring that counts.
    """
    for name, x in list(vars(owner).items()):
        if inspect.isclass(owner) or getattr(x, "__module__", "") == owner.__name__:
            x = x.__func__ if isinstance(x, classmethod) else x
            if inspect.isclass(x) or inspect.isfunction(x) or isinstance(x, property):
                if not name.startswith("_") or name in UNDERSCORED:
                    yield name, getattr(owner, name)


def documentation():
    """The docstring of each public name."""
    for module, names in PUBLIC.items():
        for name in names:
            x = getattr(importlib.import_module(module), name)
            yield f"{module}.{name}", x.__doc__
            for member, y in members(x) if inspect.isclass(x) else ():
                yield f"{module}.{name}.{member}", inspect.getdoc(y)


class TestDocstrings(unittest.TestCase):
    def test_what_the_pages_name_is_public(self):
        pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        text = "".join([page.read_text(encoding="utf-8") for page in pages])
        pairs = re.findall(r"\b(nn|optim|checkpoint)\.(\w+)", text)
        for module, names in re.findall(r"from micrograd(\S*) import (.+)", text):
            pairs += [(module.lstrip("."), name) for name in names.split(", ")]
        self.assertGreater(len(pairs), 20)
        for module, name in pairs:
            with self.subTest(f"{module}.{name}"):
                public = PUBLIC[f"micrograd.{module}".rstrip(".")]
                # nn.py is a file
                modules = ("nn", "optim", "checkpoint", "vectors", "py")
                self.assertIn(name, [*public, *modules])

    def test_every_public_name_is_explained_and_shown(self):
        documents = dict(documentation())
        self.assertGreater(len(documents), 60)
        for name, text in documents.items():
            with self.subTest(name):
                self.assertRegex(text or "", r"\A\S")
                self.assertEqual(">>>" in text, name not in WITHOUT_EXAMPLE)

    def test_every_operator_of_values_is_explained(self):
        """Also those with underscores, and each parameter has a name that says it."""
        for name, method in vars(micrograd.Value).items():
            is_hook = name in ("__init__", "__array_ufunc__", "__array_function__")
            is_hook |= name.startswith(("_number", "__reduce"))
            if inspect.isfunction(method) and not is_hook:
                with self.subTest(name):
                    self.assertTrue(method.__doc__)
                    self.assertNotIn("lambda", str(inspect.signature(method)))

    def test_what_other_libraries_have(self):
        for name in ("tensor", "Tensor", "no_grad", "grad"):
            with self.assertRaisesRegex(AttributeError, f"'{name}': write \\w+"):
                getattr(micrograd, name)
        with self.assertRaisesRegex(AttributeError, "attribute 'sines'$"):
            _ = micrograd.sines

    def test_what_shows_nothing_is_public(self):
        self.assertLessEqual(WITHOUT_EXAMPLE, set(dict(documentation())))

    def test_modules_and_helpers_are_explained(self):
        for path in PATHS:
            module = module_of(path)
            for name, x in [("", module), *members(module)]:
                with self.subTest(f"{module.__name__}.{name}"):
                    self.assertTrue(x.__doc__)

    @needs_graphviz
    def test_examples_that_need_graphviz(self):
        run_python("-c", RUN_ALL_EXAMPLES, "micrograd.trace")

    def test_examples_that_need_mpi(self):
        try:
            run_python("-c", "from mpi4py import MPI")
        except AssertionError:
            self.skipTest("mpi4py, or an MPI, is not installed")
        run_python("-c", RUN_ALL_EXAMPLES, "micrograd.parallel")


class Code(ast.NodeTransformer):
    """Takes out of a module what is for readers: docstrings and annotations."""

    def generic_visit(self, node):
        super().generic_visit(node)
        if ast.get_docstring(node) if isinstance(node, DOCUMENTED) else False:
            del node.body[0]
        if isinstance(node, DOCUMENTED[:2]) and not node.body:
            node.body = [ast.Pass()]
        return node

    def visit_FunctionDef(self, node):
        if any(ast.unparse(by) == "overload" for by in node.decorator_list):
            return None
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node):
        node.annotation = None
        return node

    def visit_AnnAssign(self, node):
        return node.value and ast.Assign([node.target], node.value, lineno=node.lineno)

    def visit_If(self, node):
        is_for_types = ast.unparse(node.test) == "TYPE_CHECKING"
        return None if is_for_types else self.generic_visit(node)


DOCUMENTED = (ast.FunctionDef, ast.ClassDef, ast.Module)


class TestSize(unittest.TestCase):
    """The code is small: `python -m pytest -s -k TestSize` prints how small."""

    # Some 8 % more than there is: to show growth that nobody has noticed, never to make
    # anybody squeeze a line or leave out a word. What is worth its bytes raises them.
    BUDGETS = {  # in kB, of what an import loads
        "the core": (35, CORE),
        "import micrograd": (78, ["__init__", *CORE, "graph", *INTERFACE]),
        "and nn, optim": (28, NETS),
    }

    def test_code_only(self):
        source = '''
"""Doc."""
from __future__ import annotations
if TYPE_CHECKING:
    import that
class A:
    """Doc."""
    x: int
    y: int = 3
    @overload
    def f(self, x: int) -> int: ...
    def f(self, x: int, *, y: str = "", **rest: Any) -> int:
        """Doc."""
        # comment
        return x
    @property
    def g(self) -> int:
        """Doc."""
class B(A):
    "Doc."
'''
        code = """
from __future__ import annotations
class A:
    y = 3
    def f(self, x, *, y='', **rest):
        return x
    @property
    def g(self):
        pass
class B(A):
    pass
"""
        self.assertEqual(stripped(source), ast.unparse(ast.parse(code)))

    def test_budgets(self):
        """And the README tells the sizes."""
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        told = [int(figure) for figure in re.findall(r"(\d+) kB", readme)]
        for title, (budget, names) in self.BUDGETS.items():
            sizes = {}
            for name in names:
                folder = "interface" if name in INTERFACE else ""
                path = ROOT / "micrograd" / folder / f"{name}.py"
                sizes[name] = len(stripped(path.read_text(encoding="utf-8")).encode())
            size = sum(sizes.values()) / 1000
            print(f"{title}: {size:.1f} kB of code, {sizes}")
            with self.subTest(title):
                self.assertLess(size, budget)
                self.assertLess(min(abs(figure - size) for figure in told), 1)


def stripped(source):
    """The code as `ast` writes it: without comments, docstrings and annotations."""
    return ast.unparse(Code().visit(ast.parse(source)))


@needs("build", "setuptools")
class TestDistributions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        tree, dist = Path(cls.directory.name, "tree"), Path(cls.directory.name, "dist")
        generated = (".*", "venv", "build", "dist", "*.egg-info", "__pycache__")
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*generated))
        # Without isolation nothing is downloaded.
        options = ("--no-isolation", "--outdir", str(dist), str(tree))
        run_python("-m", "build", *options, cwd=cls.directory.name)
        (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
        cls.names = {wheel.name, sdist.name}
        with zipfile.ZipFile(wheel) as archive:
            cls.wheel = set(archive.namelist())
            cls.metadata = next(
                archive.read(name).decode()
                for name in cls.wheel
                if name.endswith(".dist-info/METADATA")
            )
        with tarfile.open(sdist) as archive:
            cls.sdist = {name.partition("/")[2] for name in archive.getnames()}

    def test_names(self):
        version = micrograd.__version__
        wheel = f"micrograd-{version}-py3-none-any.whl"
        self.assertEqual(self.names, {wheel, f"micrograd-{version}.tar.gz"})

    def test_wheel(self):
        package = {f"micrograd/{name}" for name in MODULES | TYPES}
        info = {name for name in self.wheel if ".dist-info/" in name}
        self.assertEqual(self.wheel - info, package)
        self.assertTrue(any(name.endswith("/LICENSE") for name in info), info)

    def test_sdist(self):
        expected = {f"micrograd/{name}" for name in MODULES | TYPES}
        expected |= {"LICENSE", "README.md", "pyproject.toml"}
        self.assertLessEqual(expected, self.sdist)
        self.assertFalse([name for name in self.sdist if name.endswith(".pyc")])

    def test_metadata(self):
        lines = self.metadata.splitlines()
        for line in (
            "Name: micrograd",
            "License-Expression: MIT",
            "Requires-Python: >=3.9",
        ):
            self.assertIn(line, lines)
        needed = [line for line in lines if line.startswith("Requires-Dist")]
        always = [line for line in needed if "extra ==" not in line]
        self.assertEqual(always, ["Requires-Dist: numpy>=1.22"])
        extras = {line[16:] for line in lines if line.startswith("Provides-Extra: ")}
        expected = {"demo", "test", "bench", "torch", "trace", "mpi", "dev"}
        self.assertEqual(extras, expected)
        self.assertIn('Requires-Dist: torch==2.13.0; extra == "torch"', needed)


if __name__ == "__main__":
    unittest.main()
