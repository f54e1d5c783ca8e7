"""How Values, nets and programs show themselves in a notebook: as HTML.

In the colours of the page, and so that it can be printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.engine import Value, order_of
from micrograd.graph import node_of
from micrograd.names import parts_of, printable

if TYPE_CHECKING:
    from micrograd.engine import Constant
    from micrograd.nn import Module
    from micrograd.program import Program

MOST_ELEMENTS = 100  # of an array
MOST_DRAWN = 100  # operators, of what is worth a picture
MOST_LISTED = 8  # names or shapes
MOST_ROWS = 100  # of a table
MOST_LINES = 300  # of a source
# Named here, as nbconvert's page gives both elements a proportional font.
TEXT = "white-space: pre-wrap; font-family: monospace"
CELL = f"text-align: left; vertical-align: top; {TEXT}"
# JupyterLab's, or else some that can be read on white and on black.
COLOURS = {
    "Comment": "var(--jp-mirror-editor-comment-color, #767676)",
    "Keyword": "var(--jp-mirror-editor-keyword-color, #118311)",
    "Number": "var(--jp-mirror-editor-number-color, #0d8080)",
    "String": "var(--jp-mirror-editor-string-color, #c8473a)",
}


def value_html(value: Value) -> str:
    """A table of what a Value holds, and of how it was computed.

    >>> "<td" in value_html(Value([1.0, 2.0]))
    True
    """
    is_unfed = value.name and not value.is_fed
    rows = [("name", value.name)] if value.name else []
    rows.append(("data", "not fed" if is_unfed else shown(value.data)))
    rows.append(("grad", shown(value.grad)))
    rows.append(("shape", shape_text(value)))
    rows.append(("dtype", str(value.dtype)))
    return table(rows + (history(value) if value.op else []))


def history(value: Value) -> list[tuple[str, str]]:
    """Rows for a result: its operator, and the expression that ends there."""
    order = order_of(value)
    shapes = [shape_text(x) for x in node_of(value).operands]
    rows = [("operator", f"{value.op} of {listed(shapes)}")]
    unfed = {str(x.name) for x in order.lazies if not x.is_fed}
    if unfed:
        rows.append(("not fed", listed(sorted(unfed))))
    size = len(order.results) + 1
    hint = "; micrograd.trace.draw_dot draws it" if size <= MOST_DRAWN else ""
    rows.append(("expression", counted(size, "operator") + hint))
    return rows


def shape_text(x: Value | Constant) -> str:
    """The shape, with None where it is open; that of now, where this cannot be known.

    >>> shape_text(Value(shape=(None, 2), name="x") * 3)
    '(None, 2)'
    """
    try:
        return str(x.shape if isinstance(x, Value) else np.shape(x.data))
    except ValueError:  # the expression does not work with other lengths
        return str(np.shape(x.data))


def shown(data: Any) -> str:
    """Data or a gradient: a large array's first elements, and how many there are.

    >>> shown(np.zeros((1000, 1000)))
    '[0. 0. 0. 0. 0. 0. ...] 1,000,000 elements'
    """
    if np.size(data) <= MOST_ELEMENTS:
        return str(data)
    first = str(data.flat[:6])
    return f"{first[:-1]} ...] {counted(data.size, 'element')}"


def module_html(module: Module) -> str:
    """A table of the layers: their parameters, and how many numbers these have.

    >>> from micrograd.nn import MLP
    >>> "w (2, 16), b (16,)" in module_html(MLP(2, [16, 1]))
    True
    """
    rows, parts = [], parts_of(module)
    for name, kind, parameters in parts[:MOST_ROWS]:
        shapes = [f"{key} {shape_text(x)}" for key, x in parameters.items()]
        size = f"{total_size(parameters.values()):,}"
        rows.append((name, kind, listed(shapes), size))
    if len(parts) > MOST_ROWS:
        more = counted(len(parts) - MOST_ROWS, "more layer")
        rows.append(("...", more, "", ""))
    total = total_size([x for part in parts for x in part.parameters.values()])
    rows.append(("", type(module).__name__, "all together", f"{total:,}"))
    return table(rows, ("layer", "kind", "parameters", "numbers"))


def total_size(values: Iterable[Value]) -> int:
    """How many numbers they have, one that comes twice counted once."""
    return sum([np.size(x.data) for x in dict.fromkeys(values)])


def program_html(program: Program) -> str:
    """The source of a program, in colour; of one that has no data yet, that it waits.

    To show it runs nothing, unless it has all data and was not called: then it is
    recorded, as by `source`.
    """
    title = escape(repr(program))
    if program._last is None and not all(lazy.is_fed for lazy in program.lazies):
        note = "not called yet: its source is written for the data of its first call"
        return f"<div>{title}: {note}</div>"
    lines = program.source.splitlines()
    more = len(lines) - MOST_LINES
    rest = f"<div>... {counted(more, 'more line')}: print(program.source)</div>"
    source = coloured("\n".join(lines[:MOST_LINES]))
    pre = f'<pre style="{TEXT}">{source}</pre>'
    return f"<div>{title}</div>{pre}{rest if more > 0 else ''}"


def coloured(source: str) -> str:
    """Python as HTML, in colour if Pygments is there, as it is wherever Jupyter is."""
    try:
        from pygments import lex
        from pygments.lexers import PythonLexer
    except ImportError:
        return escape(source)
    pieces = []
    for kind, text in lex(source, PythonLexer()):
        piece = escape(text)
        for name in COLOURS.keys() & kind:
            piece = f'<span style="color: {COLOURS[name]}">{piece}</span>'
        pieces.append(piece)
    return "".join(pieces)


def table(rows: Iterable[Sequence[str]], head: Sequence[str] = ()) -> str:
    """An HTML table of texts, the first of each row in bold."""
    lines = ["".join([cell("th", text) for text in head])] if head else []
    for first, *others in rows:
        lines.append(cell("th", first) + "".join([cell("td", x) for x in others]))
    return "<table>" + "".join([f"<tr>{line}</tr>" for line in lines]) + "</table>"


def cell(kind: str, text: str) -> str:
    """A cell of a table."""
    text = "\n".join(map(printable, text.split("\n")))
    return f'<{kind} style="{CELL}">{escape(text)}</{kind}>'


def listed(texts: list[str]) -> str:
    """The texts; of many, the first ones, and how many more there are.

    >>> listed(list("abcdefghij"))
    'a, b, c, d, e, f, g, h, ... 2 more'
    """
    more = len(texts) - MOST_LISTED
    first = ", ".join(texts[:MOST_LISTED])
    return f"{first}, ... {more:,} more" if more > 0 else first


def counted(number: int, noun: str) -> str:
    """The number and the noun, in the plural if there are several.

    >>> counted(1, "operator"), counted(1200, "operator")
    ('1 operator', '1,200 operators')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
