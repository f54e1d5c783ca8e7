"""The picture of an expression."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from shutil import which
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.derivatives import Origin
from micrograd.engine import Value, order_of
from micrograd.graph import node_of
from micrograd.interface.display import shape_text
from micrograd.names import Owner, is_net, names_in, parts_of, printable

if TYPE_CHECKING:
    import graphviz

    from micrograd.engine import Values

MOST_SHOWN = 12  # elements of an array


def draw_dot(
    root: Value,
    format: str = "svg",
    rankdir: str = "LR",
    names: Values | None = None,
) -> graphviz.Digraph:
    """Draw the expression that ends in root.

    A box for each Value has its name, if it is lazy, its data and its gradient; an oval
    stands for each operator. Arrays of more than 12 elements appear as their shape and
    dtype. Constants are not drawn. In the picture of a derivative, the operators say
    which operator they go back through, and a dotted line leads there.

    With names, each box has its shape, and data and gradient if they have up to 12
    elements. A Module as names folds: each of its layers is one round box, with its
    operators, its parameters and the shape of its result; any other operator and its
    result, as of a loss, are one box, too. `names=dict(model.named_parameters())` has
    the names and folds nothing.

    Parameters
    ----------
    root : the result, or a leaf
    format : what `render()` writes: "svg", "png", ...
    rankdir : where the arrows point: "LR" (right), "RL", "TB" (down), "BT"
    names : a Module, or a dictionary of names and Values

    Returns
    -------
    graph : a notebook shows it, `graph.render("c")` writes the file c.svg

    Raises
    ------
    ImportError, RuntimeError : Graphviz is missing, the package or the program
    TypeError : root is no Value, or names are of another kind
    ValueError : rankdir is none of these

    >>> y = Value(2.0) * 3
    >>> "data 6.0000" in draw_dot(y).source  # doctest: +SKIP
    True
    """
    graph = new_graph(format, rankdir)
    if not isinstance(root, Value):
        raise TypeError(f"root: expected a Value, got {root!r}")
    known = None if names is None else names_in(names)
    if names is not None and known is None:
        expected = "a Module or a dictionary of names and Values"
        raise TypeError(f"names: expected {expected}, got {names!r}")
    if is_net(names):
        draw_folded(graph, root, known, calls_in(root, parts_of(names)))
    else:
        draw_values(graph, root, known)
    return graph


def new_graph(format: str, rankdir: str) -> graphviz.Digraph:
    """An empty picture, or an error that says what is missing."""
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
    if rankdir not in ("LR", "RL", "TB", "BT"):
        raise ValueError(f"rankdir: expected LR, RL, TB or BT, got {rankdir!r}")
    return graphviz.Digraph(format=format, graph_attr={"rankdir": rankdir})


# --- A box for each Value, an oval for each operator ----------------------------------


def draw_values(
    graph: graphviz.Digraph, root: Value, names: dict[Value, str] | None
) -> None:
    """Draw all Values, from the root back; with names, also the shapes."""
    numbers, values = {root: 0}, [root]
    for value in values:  # which grows
        node = str(numbers[value])
        draw_box(graph, node, described(value, names), is_tall=names is not None)
        if value.op:
            result, node = node, f"operator {node}"
            graph.node(node, escaped(described_operator(value)), shape="oval")
            graph.edge(node, result)
        for parent in value.parents:
            if parent not in numbers:
                numbers[parent] = len(numbers)
                values.append(parent)
            graph.edge(str(numbers[parent]), node)
    for value in values:
        origin = origin_of(value)
        if origin in numbers:
            ends = (f"operator {numbers[x]}" for x in (origin, value))
            graph.edge(*ends, style="dotted", dir="none", constraint="false")


def origin_of(value: Value) -> Value | None:
    """The operator's result that a derivative belongs to; None of other Values."""
    call_site = node_of(value).call_site
    return call_site.node if isinstance(call_site, Origin) else None


def described_operator(value: Value) -> str:
    """The operator; of a derivative also the operator that it belongs to."""
    origin = origin_of(value)
    return value.op if origin is None else f"{value.op}\nback through {origin.op}"


def described(value: Value, names: dict[Value, str] | None) -> list[str]:
    """The fields of a box: name, data and gradient; with names, its shape first."""
    name = value.name or (names or {}).get(value)
    fields = [name] if name else []
    if names is not None:
        fields.append(f"shape {shape_text(value)}")
    if names is None or np.size(value.data) <= MOST_SHOWN:
        fields += [f"data {text(value.data)}", f"grad {text(value.grad)}"]
    return fields


def draw_box(
    graph: graphviz.Digraph,
    node: str,
    fields: list[str],
    is_tall: bool,
    shape: str = "record",
) -> None:
    """Draw fields in a box, one below the other if it is tall, else side by side."""
    label = "|".join(map(escaped, fields))
    # A record's fields run across the arrows; braces turn them.
    runs_down = graph.graph_attr["rankdir"] in ("LR", "RL")
    graph.node(node, label if runs_down == is_tall else f"{{{label}}}", shape=shape)


# --- A box for each layer of a net ----------------------------------------------------


class Call:
    """What a layer does with an input, from its first operator to its last."""

    def __init__(self, part: Owner) -> None:
        self.part = part
        self.results: list[Value] = []  # of its operators, in order
        self.used: set[Value] = set()  # its parameters

    def operands(self) -> list[Value]:
        """The Values that come from outside."""
        inside = {*self.results, *self.used}
        parents = [x for result in self.results for x in result.parents]
        return [x for x in parents if x not in inside]

    def described(self) -> list[str]:
        """The fields of its box: layer, operators, parameters, shape."""
        used = [(name, x) for name, x in self.part.parameters.items() if x in self.used]
        return [
            f"{self.part.name}: {self.part.kind}",
            " ".join([result.op for result in self.results]),
            "\n".join([f"{name} {shape_text(x)}" for name, x in used]),
            f"shape {shape_text(self.results[-1])}",
        ]


def calls_in(root: Value, parts: list[Owner]) -> dict[Value, Call]:
    """The call that a result belongs to, for those that belong to one.

    To a call belong the operators that apply a parameter of the layer to something
    else, and what follows them on the way to another layer, such as a relu; what
    follows the last layer, such as a loss, does not. All that comes from outside comes
    to the first operator of a call: so no two boxes wait for each other.
    """
    owners = {x: part for part in parts if part.name for x in part.parameters.values()}
    order = [*order_of(root).results, root] if root.op else []
    leading = leading_to(owners, order)
    calls: dict[Value, Call] = {}
    for result in order:
        used = {x for x in result.parents if x in owners}
        others = [
            x for x in node_of(result).operands if x not in owners and not is_number(x)
        ]
        call = only(map(calls.get, others))  # type: ignore[arg-type]
        if used and others:
            part = only(map(owners.get, used))
            if call is None or call.part is not part or call.used & used:
                call = Call(part) if part else None
        elif result not in leading:
            call = None
        if call:
            call.results.append(result)
            call.used.update(used)
            calls[result] = call
    return calls


def leading_to(parameters: Container[Value], order: list[Value]) -> set[Value]:
    """The results from which others are computed together with a parameter."""
    leading: set[Value] = set()
    for result in reversed(order):
        if result in leading or any(x in parameters for x in result.parents):
            leading.update(result.parents)
    return leading


def is_number(x: Any) -> bool:
    """Whether an operand is a constant number, as the 2 of w**2."""
    return not isinstance(x, Value) and np.ndim(x.data) == 0


def only(items: Iterable[Any]) -> Any:
    """The one object that all items are; None if they differ or are none."""
    first, *others = [*items] or [None]
    return first if all(x is first for x in others) else None


def draw_folded(
    graph: graphviz.Digraph,
    root: Value,
    names: dict[Value, str] | None,
    calls: dict[Value, Call],
) -> None:
    """Draw the calls of layers, and what is in none, from the root back."""
    boxes: list[Value | Call] = [calls.get(root, root)]
    numbers = {boxes[0]: 0}
    for box in boxes:  # which grows
        node = str(numbers[box])
        if isinstance(box, Call):
            operands, fields, shape = box.operands(), box.described(), "Mrecord"
        else:
            operands, fields, shape = [*box.parents], described(box, names), "record"
            fields[:0] = [described_operator(box)] if box.op else []
        draw_box(graph, node, fields, True, shape)
        for operand in operands:
            source = calls.get(operand, operand)
            if source not in numbers:
                numbers[source] = len(numbers)
                boxes.append(source)
            graph.edge(str(numbers[source]), node)


def text(data: Any) -> str:
    """Data or a gradient in few characters.

    >>> text(np.array([1.0, 2.5])), text(2), text(np.zeros((4, 5)))
    ('[1.0000 2.5000]', '2.0000', '(4, 5) float64')
    """
    if data is None:
        return "None"
    array = np.asarray(data)
    if array.size > MOST_SHOWN:
        return f"{array.shape} {array.dtype}"
    if array.ndim == 0:
        array = array.astype(float)
    return np.array2string(
        array, precision=4, suppress_small=True, floatmode="fixed", threshold=MOST_SHOWN
    )


def escaped(label: str) -> str:
    r"""The label with what means something to Graphviz made plain.

    >>> print(escaped("a < b"))
    a \< b
    """
    label = "\n".join(map(printable, label.split("\n"))).replace("&", "&amp;")
    # A record would merge a space with the one before.
    label = re.sub(r"[\\{}|<>]|(?<=\s) ", r"\\\g<0>", label)
    return label.replace("\n", "\\n")
