"""Fusing: statements share loops, from the outermost axis inward.

So a small net is one loop over rows: what one statement writes for a row, the next
reads for the same row, and it need not be kept for all of them. Statements stay in
their order, except that one may join an earlier loop that has what it reads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any, Union

import numpy as np

from micrograd.program.loops import Array, Axis, Call, Expression, Read, Statement

LIMIT = 16 * 1024  # bytes that each step of an outer loop may read anew


class Unit:
    """Statements that share all loops: the last, and what it alone reads."""

    __slots__ = ("statements",)

    def __init__(self, statements: list[Statement]) -> None:
        self.statements = statements

    @property
    def axes(self) -> list[Axis]:
        """The axes of all of its loops."""
        return self.statements[-1].axes

    def reads(self) -> list[Read]:
        """What it reads that others have written."""
        own = {statement.target for statement in self.statements}
        found = [read for statement in self.statements for read in statement.reads()]
        return [read for read in found if read.array not in own]


class Loop:
    """A loop, and what is in it.

    Attributes
    ----------
    length : how far it counts
    axis_of : which axis of each unit it counts
    body : loops and units, in order
    is_last : whether its first unit has no other loop inside
    """

    def __init__(self, length: int, is_last: bool) -> None:
        self.length, self.is_last = length, is_last
        self.axis_of: dict[Unit, Axis] = {}
        self.body: list[Node] = []


Node = Union[Loop, Unit]


def fused(statements: list[Statement]) -> list[Node]:
    """The loops of all statements."""
    return arranged(in_units(statements), frozenset(), 0)


# --- Short expressions ----------------------------------------------------------------

MOST_CALLS = 3  # in an expression that stands in another
# Functions whose text in C has an operand twice.
REPEATING = {np.maximum, np.minimum, np.fmax, np.fmin, np.square, np.sign, np.abs}
REPEATING |= {np.heaviside}


def inlined(statements: list[Statement], named: Collection[Array]) -> list[Statement]:
    """The statements; a short one goes into the expression that alone reads it."""
    readers: dict[Array, list[tuple[Statement, Read]]] = defaultdict(list)
    for statement in statements:
        for read in statement.reads():
            readers[read.array].append((statement, read))
    rest = []
    for statement in statements:
        found = readers[statement.target]
        is_short = len(found) == 1 and may_move(statement) and is_small(statement.value)
        new = None
        if is_short and statement.target not in named:
            ((user, read),) = found
            is_whole = user.value is read and user.how not in ("max", "min")
            if is_whole or may_hold(user.value, read):
                new = same_axes(statement, user, [read])
        if new is None:
            rest.append(statement)
            continue
        statement.rename(new)
        user.value = replaced(user.value, read, statement.value)
        statement.target.writers.clear()
        for inner in statement.reads():
            pairs = readers[inner.array]
            readers[inner.array] = [x for x in pairs if x[0] is not statement]
            readers[inner.array].append((user, inner))
    return rest


def is_small(x: Expression) -> bool:
    """Whether an expression is short enough to stand in another."""
    return n_calls(x) <= MOST_CALLS


def n_calls(x: Expression) -> int:
    """The number of functions in an expression."""
    return 1 + sum(map(n_calls, x.operands)) if isinstance(x, Call) else 0


def may_hold(x: Expression, read: Read) -> bool:
    """Whether an expression reads an element once, and not to tell a place."""
    if not isinstance(x, Call) or n_calls(x) > MOST_CALLS:
        return False
    if x.function in REPEATING:
        return False
    return any(y is read or may_hold(y, read) for y in x.operands)


def replaced(x: Expression, read: Read, value: Expression) -> Expression:
    """An expression with another in the place of what it reads."""
    if x is read:
        return value
    if not isinstance(x, Call):
        return x
    operands = tuple(replaced(y, read, value) for y in x.operands)
    return Call(x.function, operands, x.dtype, x.like)


# --- Units ----------------------------------------------------------------------------


def in_units(statements: list[Statement]) -> list[Unit]:
    """The statements; each goes to the one that alone reads it, for the same axes."""
    readers: dict[Array, list[tuple[Statement, Read]]] = defaultdict(list)
    for statement in statements:
        for read in statement.reads():
            readers[read.array].append((statement, read))
    unit_of: dict[Statement, Unit] = {}
    units = []
    for statement in reversed(statements):
        found = readers[statement.target]
        users = {user for user, _ in found}
        new = None
        if len(users) == 1 and may_move(statement):
            (user,) = users
            new = same_axes(statement, user, [read for _, read in found])
        if new is None:
            unit_of[statement] = Unit([statement])
            units.append(unit_of[statement])
        else:
            statement.rename(new)
            unit_of[statement] = unit_of[user]
            unit_of[user].statements.insert(0, statement)
    order = {statement: i for i, statement in enumerate(statements)}
    for unit in units:
        unit.statements.sort(key=order.__getitem__)
    return units[::-1]


def may_move(statement: Statement) -> bool:
    """Whether it may be written later: it alone writes its array, once and for all."""
    array = statement.target
    return (
        statement.how == "="
        and array.start is None
        and not array.output
        and sum(writer.how != "check" for writer in array.writers) == 1
        and all(statement.dimension_of(axis) is not None for axis in statement.axes)
    )


def same_axes(
    statement: Statement, user: Statement, reads: list[Read]
) -> dict[Axis, Axis] | None:
    """For each axis of a statement the user's, if the user has these alone."""
    new: dict[Axis, Axis] = {}
    for i, place in enumerate(statement.places):
        axis = place.axis
        if axis is None:
            continue
        found = {read.places[i].axis for read in reads}
        other = found.pop() if len(found) == 1 else None
        if other is None:
            return None
        new[axis] = other
    if len(new) != len(user.axes) or set(new.values()) != set(user.axes):
        return None
    return new


# --- Loops ----------------------------------------------------------------------------


def arranged(units: list[Unit], fixed: frozenset[Axis], depth: int) -> list[Node]:
    """Units in loops, inside of the loops that count the fixed axes."""
    nodes: list[Node] = []
    where: dict[Array, int] = {}  # the last node that writes to each array
    for unit in units:
        rest = [axis for axis in unit.axes if axis not in fixed]
        rest.sort(key=lambda axis: -stride(unit, axis))
        targets = [statement.target for statement in unit.statements]
        needed = [read.array for read in unit.reads()] + targets
        first = max([where[array] for array in needed if array in where], default=0)
        place = len(nodes)
        if not rest:
            nodes.append(unit)
        else:
            place, axis = joined(unit, nodes, first, rest, depth)
            if place == len(nodes):
                nodes.append(Loop(axis.length, len(rest) == 1))
            loop: Any = nodes[place]
            loop.axis_of[unit] = axis
            loop.body.append(unit)
        for array in targets:
            where[array] = max(place, where.get(array, 0))
    for node in nodes:
        if isinstance(node, Loop):
            inner = [unit for unit in node.body if isinstance(unit, Unit)]
            node.body = arranged(inner, fixed | {*node.axis_of.values()}, depth + 1)
    return nodes


def joined(
    unit: Unit, nodes: list[Node], first: int, rest: list[Axis], depth: int
) -> tuple[int, Axis]:
    """The loop that a unit joins, and by which axis; else a new one behind the others.

    The best is a loop that has made what the unit reads, then one that reads the same,
    then one that is as long.
    """
    allowed = rest
    if depth == 0 and is_large_product(unit, rest[0]):
        return len(nodes), rest[0]
    for way in ("made there", "read there", "as long"):
        for place in range(len(nodes) - 1, first - 1, -1):
            loop = nodes[place]
            if not isinstance(loop, Loop):
                continue
            for axis in allowed:
                if may_join(unit, loop, axis, rest, depth, way):
                    return place, axis
    return len(nodes), rest[0]


def may_join(
    unit: Unit, loop: Loop, axis: Axis, rest: list[Axis], depth: int, way: str
) -> bool:
    """Whether a unit may count an axis in a loop: all it needs is there in time."""
    if loop.length != axis.length:
        return False
    if any(is_check(x) is not is_check(unit) for x in loop.axis_of):
        return False
    if any(is_large_product(x, loop.axis_of[x]) for x in loop.axis_of) and not depth:
        return False
    if depth and (loop.is_last is not (len(rest) == 1) or axis is not rest[0]):
        return False
    writers: dict[Array, list[tuple[Statement, Axis]]] = defaultdict(list)
    theirs = set()
    for other, counted in loop.axis_of.items():
        for statement in other.statements:
            writers[statement.target].append((statement, counted))
        theirs |= along(other, counted)
    is_made = False
    for read in unit.reads():
        for statement, counted in writers.get(read.array, ()):
            dimension = statement.dimension_of(counted)
            if dimension is None or read.places[dimension].axis is not axis:
                return False
            is_made = True
    for own in unit.statements:  # other parts of one array stay in their order
        for statement, counted in writers.get(own.target, ()):
            dimension = statement.dimension_of(counted)
            if dimension is None or own.dimension_of(axis) != dimension:
                return False
    if way == "made there":
        return is_made
    if way == "read there":
        return bool(along(unit, axis) & theirs)
    return depth == 0 and axis is rest[0] and loop.is_last is (len(rest) == 1)


def along(unit: Unit, axis: Axis) -> set[tuple[Array, int]]:
    """The arrays that a unit reads one by one along an axis, and which of theirs."""
    return {
        (read.array, i)
        for read in unit.reads()
        for i, place in enumerate(read.places)
        if place.axis is axis
    }


def is_check(unit: Unit) -> bool:
    """Whether it checks an argument: that is done before anything is written."""
    last = unit.statements[-1]
    return last.how == "check" and last.failure > 0


def is_large_product(unit: Unit, outer: Axis) -> bool:
    """Whether each step of the outer loop would read a large array anew."""
    statement = unit.statements[-1]
    target = statement.target
    if statement.how != "+" or len(unit.axes) < 3:
        return False
    read = [Read(target, statement.places), *unit.reads()]
    return any(
        x.array.nbytes > LIMIT and all(place.axis is not outer for place in x.places)
        for x in read
    )


def stride(unit: Unit, axis: Axis) -> int:
    """How far apart neighbours along an axis lie: the farthest makes the outer loop."""
    total = 0
    for statement in unit.statements:
        for read in [*statement.reads(), Read(statement.target, statement.places)]:
            step = 1
            for n, place in zip(reversed(read.array.shape), reversed(read.places)):
                factors = [abs(k) for term, k in place.terms if term is axis]
                total += step * sum(factors)
                step *= n
    return total
