"""Functions of this package as text that needs NumPy alone, for saved modules.

The text is that of the package's own source, without annotations, and with all that the
function calls. The loader gives it, also out of a zipped package.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
from functools import cache, partial
from typing import Any

from micrograd.rules import Function

PACKAGE = __name__.partition(".")[0]
LIBRARIES = {"math": "import math", "np": "import numpy as np"}


class NoText(Exception):
    """A function calls what is more than NumPy, or has no source."""


def plain_function(
    function: Function,
) -> tuple[Function, tuple[Any, ...], dict[str, Any]]:
    """A function without the arguments that are bound to it, and these."""
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = {}
    while isinstance(function, partial):
        arguments = (*function.args, *arguments)
        options = {**function.keywords, **options}
        function = function.func
    return inspect.unwrap(function), arguments, options


def is_top_level(function: Any) -> bool:
    """Whether it is a function of this package that a module has under its name."""
    home = getattr(function, "__module__", None) or ""
    is_named = inspect.isfunction(function) and function.__qualname__.isidentifier()
    return is_named and home.partition(".")[0] == PACKAGE


def texts_of(function: Function) -> dict[str, str]:
    """The definitions that a function needs, by name, each before those that use it.

    Libraries are under their names, as statements that import them.

    Raises
    ------
    NoText : there are none
    """
    texts: dict[str, str] = {}
    add_text(function.__module__, function.__qualname__, texts, {})
    return texts


def add_text(
    module: str, name: str, texts: dict[str, str], homes: dict[str, str]
) -> None:
    """Add a definition, after what it needs."""
    if homes.setdefault(name, module) != module:
        raise NoText(f"two functions are called {name}")
    if name in texts:
        return
    names_in = definitions_in(module)
    if name not in names_in:
        raise NoText(f"{module} has no text of {name}")
    found = importlib.import_module(module)
    node = names_in[name]
    for part in ast.walk(node):
        if not isinstance(part, ast.Name) or not isinstance(part.ctx, ast.Load):
            continue
        if part.id == name or not hasattr(found, part.id):
            continue  # a local name, or Python's own
        if part.id in LIBRARIES:
            texts[part.id] = LIBRARIES[part.id]
            continue
        needed = getattr(found, part.id)
        if inspect.isfunction(needed):
            needed = inspect.unwrap(needed)
            if needed.__name__ != part.id:
                raise NoText(f"{part.id} is {needed.__name__}")
            add_text(needed.__module__, needed.__qualname__, texts, homes)
        else:
            add_text(module, part.id, texts, homes)
    texts[name] = ast.unparse(node)


@cache
def definitions_in(module: str) -> dict[str, Any]:
    """The functions and constants of a module of this package, without annotations."""
    spec = importlib.util.find_spec(module) if module.startswith(PACKAGE) else None
    source = getattr(spec and spec.loader, "get_source", lambda name: None)(module)
    found: dict[str, Any] = {}
    for node in ast.parse(source or "").body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = without_annotations(node)
        elif isinstance(node, ast.Assign):
            targets = node.targets[0]
            names = targets.elts if isinstance(targets, ast.Tuple) else [targets]
            found.update({x.id: node for x in names if isinstance(x, ast.Name)})
    return found


def without_annotations(function: ast.FunctionDef) -> ast.FunctionDef:
    """The same function; what decorates it is for other classes than arrays."""
    function.decorator_list = []
    for node in ast.walk(function):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    body = [
        ast.Assign([node.target], node.value, lineno=node.lineno)
        if isinstance(node, ast.AnnAssign) and node.value is not None
        else node
        for node in function.body
    ]
    function.body = body
    return function
