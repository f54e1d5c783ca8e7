"""The picture of an expression."""

from __future__ import annotations

import re
from shutil import which
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.engine import Value

if TYPE_CHECKING:
    import graphviz


def draw_dot(root: Value, format: str = "svg", rankdir: str = "LR") -> graphviz.Digraph:
    """Draw the expression that ends in root.

    A box for each Value has its name, if it is lazy, its data and its gradient; an oval
    stands for each operator. Arrays of more than 12 elements appear as their shape and
    dtype. Constants are not drawn.

    Parameters
    ----------
    root : the result, or a leaf
    format : what `render()` writes: "svg", "png", ...
    rankdir : where the arrows point: "LR" (right), "RL", "TB" (down), "BT"

    Returns
    -------
    graph : a notebook shows it, `graph.render("c")` writes the file c.svg

    Raises
    ------
    ImportError, RuntimeError : Graphviz is missing, the package or the program
    TypeError, ValueError : root is no Value, rankdir none of these

    >>> y = Value(2.0) * 3
    >>> "data 6.0000" in draw_dot(y).source  # doctest: +SKIP
    True
    """
    try:
        import graphviz
    except ImportError as error:
        needed = 'draw_dot needs the package graphviz: pip install ".[trace]"'
        raise ImportError(needed) from error
    if which("dot") is None:
        raise RuntimeError(
            "draw_dot needs the program dot: apt-get install graphviz, "
            "or https://graphviz.org"
        )
    if not isinstance(root, Value):
        raise TypeError(f"root: expected a Value, got {root!r}")
    if rankdir not in ("LR", "RL", "TB", "BT"):
        raise ValueError(f"rankdir: expected LR, RL, TB or BT, got {rankdir!r}")

    graph = graphviz.Digraph(format=format, graph_attr={"rankdir": rankdir})
    numbers, values = {root: 0}, [root]
    for value in values:  # which grows
        node = str(numbers[value])
        fields = [value.name] if value.name else []
        fields += [f"data {text(value.data)}", f"grad {text(value.grad)}"]
        label = "|".join(map(escaped, fields))
        if rankdir in ("LR", "RL"):  # fields run across the arrows, braces turn them
            label = f"{{{label}}}"
        graph.node(node, label, shape="record")
        if value.op:
            result, node = node, f"operator {node}"
            graph.node(node, escaped(value.op), shape="oval")
            graph.edge(node, result)
        for parent in value.parents:
            if parent not in numbers:
                numbers[parent] = len(numbers)
                values.append(parent)
            graph.edge(str(numbers[parent]), node)
    return graph


def text(data: Any) -> str:
    """Data or a gradient in few characters.

    >>> text(np.array([1.0, 2.5])), text(2), text(np.zeros((4, 5)))
    ('[1.0000 2.5000]', '2.0000', '(4, 5) float64')
    """
    if data is None:
        return "None"
    array = np.asarray(data)
    if array.size > 12:
        return f"{array.shape} {array.dtype}"
    if array.ndim == 0:
        array = array.astype(float)
    return np.array2string(
        array, precision=4, suppress_small=True, floatmode="fixed", threshold=12
    )


def escaped(label: str) -> str:
    r"""The label with what means something to Graphviz made plain.

    >>> print(escaped("a < b"))
    a \< b
    """
    label = label.replace("&", "&amp;")
    # A record would merge a space with the one before.
    label = re.sub(r"[\\{}|<>]|(?<=\s) ", r"\\\g<0>", label)
    return label.replace("\n", "\\n")
