"""The graph, for modules that read it: how a Value was made.

The engine keeps these facts in private slots of a Value. Programs, pictures and tables
ask here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from micrograd.arrays import Placeholder
from micrograd.engine import Constant, Value, order_of
from micrograd.rules import Rule


class Node(NamedTuple):
    """How a Value was made."""

    rule: Rule | Any  # None of a leaf
    operands: tuple[Value | Constant, ...]  # () of a leaf
    placeholder: Placeholder | Any  # of a lazy leaf, else None
    call_site: Any  # the line where the operator was written; its str shows it


def node_of(x: Value) -> Node:
    """How a Value was made.

    >>> node_of(Value(2.0) * 3).rule.name
    '*'
    """
    return Node(x._rule, x._operands, x._lazy, x._call_site if x._rule else None)


def results_of(roots: Iterable[Value]) -> list[Value]:
    """All results in some expressions, the roots included, each after its operands."""
    found = {x for root in roots for x in (*order_of(root).results, root) if x._rule}
    return in_order_of_birth(found)


def in_order_of_birth(values: Iterable[Value]) -> list[Value]:
    """Values in the order in which they were made."""
    return sorted(values, key=lambda x: x._born)


def new_values_in(y: Value, is_known: Callable[[Value], bool]) -> list[Value]:
    """The Values in an expression that are not known, each after its operands.

    It does not look behind those that are known.
    """
    found = [] if is_known(y) else [y]
    seen = {*found}
    for node in found:  # which grows
        for x in node.parents:
            if x not in seen and not is_known(x):
                seen.add(x)
                found.append(x)
    return sorted(found, key=lambda x: x._born if x._rule else -1)


def set_call_site(x: Value, call_site: Any) -> None:
    """Let errors in a result show another call site."""
    x._call_site = call_site
