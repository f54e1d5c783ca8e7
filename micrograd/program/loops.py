"""Loops: the parts of which a program for one element at a time is made.

A call to a function of NumPy becomes a `Statement`, such as

    y[i, j] += x[i, k] * w[k, j]      for all i, k and j

Its letters are axes, and every place is an `Index`: a sum of axes times factors, as in
`2 * i + 1`. What stands on the right is an expression: a tree of `Read`, `Literal`,
`Place` and `Call`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Union

import numpy as np

from micrograd.program.record import Line
from micrograd.rules import Function


class Refused(Exception):
    """Something that has no C; the message says what."""


class Axis:
    """A variable that counts from 0 to its length; told apart by identity."""

    __slots__ = ("length",)

    def __init__(self, length: int) -> None:
        self.length = length


@dataclass(frozen=True)
class Part:
    """The quotient of an index and a number, or what remains of it."""

    index: Index
    divisor: int
    is_rest: bool


@dataclass(frozen=True)
class Index:
    """A place along one axis of an array: a sum of terms times factors."""

    terms: tuple[tuple[Term, int], ...] = ()
    start: int = 0

    def __add__(self, other: Index | int) -> Index:
        if isinstance(other, int):
            return Index(self.terms, self.start + other)
        factors = dict(self.terms)
        for term, factor in other.terms:
            factors[term] = factors.get(term, 0) + factor
        terms = tuple((term, k) for term, k in factors.items() if k)
        return Index(terms, self.start + other.start)

    def __mul__(self, factor: int) -> Index:
        terms = tuple((term, k * factor) for term, k in self.terms if factor)
        return Index(terms, self.start * factor)

    @property
    def axis(self) -> Axis | None:
        """The axis that this index is, if it is one."""
        if self.start or len(self.terms) != 1:
            return None
        ((term, factor),) = self.terms
        return term if factor == 1 and isinstance(term, Axis) else None

    def part(self, divisor: int, length: int) -> tuple[Index, Index]:
        """The quotient of an index below `length` and a number, and the rest."""
        if divisor == 1:
            return self, Index()
        if length <= divisor:
            return Index(), self
        quotient = Index(((Part(self, divisor, False), 1),))
        return quotient, Index(((Part(self, divisor, True), 1),))


def along(axis: Axis | None) -> Index:
    """The index that is an axis; 0 for None, which stands for an axis of length 1."""
    return Index() if axis is None else Index(((axis, 1),))


class Array:
    """What holds elements: an argument, a constant, or results of statements.

    Attributes
    ----------
    line : the line whose result it holds
    kind : "given", "constant" or "local"
    data : of a constant
    start : what each element is before the first statement; None if it needs nothing
    writers : the statements whose target it is
    is_number : an argument that is passed by value
    output : the name of the parameter that it is, if it is an output
    """

    __slots__ = (
        "data",
        "dtype",
        "is_number",
        "kind",
        "line",
        "name",
        "output",
        "shape",
        "start",
        "writers",
    )

    def __init__(
        self, kind: str, shape: tuple[int, ...], dtype: Any, line: Line | None = None
    ) -> None:
        self.kind, self.shape, self.dtype, self.line = (
            kind,
            shape,
            np.dtype(dtype),
            line,
        )
        self.data: Any = None
        self.start: Literal | None = None
        self.writers: list[Statement] = []
        self.is_number = False
        self.name = self.output = ""

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        n: int = np.prod(self.shape, dtype=int) * self.dtype.itemsize
        return n


@dataclass(frozen=True)
class Literal:
    """A number that is written out."""

    value: Any
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Read:
    """An element of an array."""

    array: Array
    places: tuple[Index, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the array."""
        dtype: np.dtype[Any] = self.array.dtype
        return dtype


@dataclass(frozen=True)
class Place:
    """An index as a number."""

    index: Index
    dtype: np.dtype[Any] = np.dtype(np.int64)


@dataclass(frozen=True)
class Call:
    """A function of NumPy, of elements, with a result in a dtype.

    `like` is the dtype that operands are converted to, None if each keeps its own.
    """

    function: Function
    operands: tuple[Expression, ...]
    dtype: np.dtype[Any]
    like: np.dtype[Any] | None


Term = Union[Axis, Part, Read]
Expression = Union[Read, Literal, Place, Call]


class Statement:
    """target[places] = value, or += value, for all axes.

    Attributes
    ----------
    how : "=", or what combines several values at one place: "+", "*", "max", "min",
        "and", "or"; or "check", which writes nothing, and leaves the function where the
        value holds
    axes : all that count, in the order of the target's, then of those combined
    line : the call that it comes from
    failure : what a check returns
    """

    __slots__ = ("axes", "failure", "how", "line", "places", "target", "value")

    def __init__(
        self,
        target: Array,
        places: tuple[Index, ...],
        value: Expression,
        axes: list[Axis],
        line: Line | None,
        how: str = "=",
    ) -> None:
        self.target, self.places, self.value = target, places, value
        self.axes, self.how, self.line = axes, how, line
        self.failure = 0
        target.writers.append(self)

    def reads(self) -> list[Read]:
        """The elements that it reads."""
        found = list(reads_in(self.value))
        for place in self.places:
            found += reads_of_index(place)
        return found

    def dimension_of(self, axis: Axis) -> int | None:
        """Along which axis of the target this one counts, element by element.

        None if there are several, or none: then the target has its values when the axis
        has been counted to its end.
        """
        found = [i for i, place in enumerate(self.places) if axis in axes_of(place)]
        if len(found) != 1 or self.places[found[0]].axis is not axis:
            return None
        is_read = any(read.array is self.target for read in reads_in(self.value))
        if is_read and any(
            read.array is self.target and read.places[found[0]].axis is not axis
            for read in reads_in(self.value)
        ):
            return None
        return found[0]

    def rename(self, new: Mapping[Axis, Axis]) -> None:
        """Take other axes."""
        self.places = tuple(renamed_index(place, new) for place in self.places)
        self.value = renamed(self.value, new)
        self.axes = [new.get(axis, axis) for axis in self.axes]


def reads_in(x: Expression) -> Iterator[Read]:
    """The elements that an expression reads, those that tell places included."""
    if isinstance(x, Read):
        yield x
        for place in x.places:
            yield from reads_of_index(place)
    elif isinstance(x, Place):
        yield from reads_of_index(x.index)
    elif isinstance(x, Call):
        for operand in x.operands:
            yield from reads_in(operand)


def reads_of_index(index: Index) -> Iterator[Read]:
    """The elements of which a place depends."""
    for term, _ in index.terms:
        if isinstance(term, Part):
            yield from reads_of_index(term.index)
        elif isinstance(term, Read):
            yield from reads_in(term)


def axes_of(index: Index) -> set[Axis]:
    """The axes on which a place depends."""
    found: set[Axis] = set()
    for term, _ in index.terms:
        if isinstance(term, Axis):
            found.add(term)
        elif isinstance(term, Part):
            found |= axes_of(term.index)
        else:
            for place in term.places:
                found |= axes_of(place)
    return found


def renamed(x: Any, new: Mapping[Axis, Axis]) -> Any:
    """An expression with other axes."""
    if isinstance(x, Read):
        return Read(x.array, tuple(renamed_index(place, new) for place in x.places))
    if isinstance(x, Place):
        return Place(renamed_index(x.index, new))
    if isinstance(x, Call):
        operands = tuple(renamed(operand, new) for operand in x.operands)
        return Call(x.function, operands, x.dtype, x.like)
    return x


def renamed_index(index: Index, new: Mapping[Axis, Axis]) -> Index:
    """A place with other axes."""
    result = Index((), index.start)
    for term, factor in index.terms:
        other: Term
        if isinstance(term, Axis):
            other = new.get(term, term)
        elif isinstance(term, Part):
            other = Part(renamed_index(term.index, new), term.divisor, term.is_rest)
        else:
            other = renamed(term, new)
        result = result + Index(((other, factor),))
    return result
