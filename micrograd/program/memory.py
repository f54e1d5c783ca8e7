"""Memory: which results are written to buffers that the program keeps.

A result of some size goes to a buffer (`out=`), unless somebody outside may keep it: it
is returned, or an opaque call is given it. As soon as nobody needs it, its place is
taken over. A view needs what it looks at; the gradients have buffers of their own.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from micrograd.program.record import (
    Line,
    Recording,
    all_bits,
    kept_bits,
)
from micrograd.rules import Function, placed_at

SMALL = 1024  # bytes; below, NumPy makes a new array as fast

VIEWS: set[Function] = {
    np.broadcast_to,
    np.expand_dims,
    np.ravel,
    np.reshape,
    np.squeeze,
    np.swapaxes,
    np.transpose,
    operator.getitem,
}
WRITERS: set[Function] = {
    np.concatenate,
    np.dot,
    np.einsum,
    np.stack,
    all_bits,
    kept_bits,
    placed_at,
}


class Buffer(NamedTuple):
    """Where a line is written to: an array of that form in a slot of the memory."""

    slot: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Memory:
    """The places of all lines.

    Attributes
    ----------
    buffers : of the lines that are written to one
    slots : the sizes of the slots, in bytes
    last_uses : the numbers of the lines that need each line last, itself or its views
    escaping : what somebody outside may keep
    own : the gradients, which have buffers of their own
    sources : of each line, the one whose memory it looks at: its own, if it is no view
    """

    def __init__(self, recording: Recording) -> None:
        lines = recording.lines
        self.buffers: dict[Line, Buffer] = {}
        self.slots: list[int] = []
        self.recording = recording
        self.sources = sources = {line: source_of(line) for line in lines}
        self.last_uses: dict[Line, int] = {}
        self.escaping = escaping = {
            sources.get(line, line) for line in recording.results
        }
        for i, line in enumerate(lines):
            for x in (line, *line.operands()):
                self.last_uses[sources.get(x, x)] = i
            if line.is_opaque:
                escaping.update(sources.get(x, x) for x in line.operands())
        self.own = own = {sources.get(line, line) for line in recording.gradients}
        free: list[int] = []
        for i, line in enumerate(lines):
            done = {
                x: self.buffers[x].slot
                for x in dict.fromkeys(sources.get(x, x) for x in line.operands())
                if self.last_uses[x] == i and x in self.buffers
            }
            fits = sources[line] is line and line not in escaping and line not in own
            if fits and can_be_written(line, SMALL):
                in_place = [x for x in done if may_overwrite(line, x, sources)]
                if in_place:
                    slot = done.pop(in_place[0])
                else:
                    slot = self.slot_for(line.data.nbytes, free)
                self.buffers[line] = Buffer(slot, line.shape, line.data.dtype)
            free.extend(done.values())

    def slot_for(self, nbytes: int, free: list[int]) -> int:
        """The smallest free slot that is large enough, or a new one."""
        fitting = [i for i in free if nbytes <= self.slots[i] <= 2 * nbytes]
        if fitting:
            slot = min(fitting, key=self.slots.__getitem__)
            free.remove(slot)
            return slot
        self.slots.append(nbytes)
        return len(self.slots) - 1

    def let_go(self, nbytes: int) -> dict[Line, list[Line]]:
        """After each line, the arrays of that size that are done, and their views."""
        lines = self.recording.lines
        kept = {*self.buffers, *self.escaping, *self.own}
        done: dict[Line, list[Line]] = {}
        for line in lines:
            source = self.sources[line]
            if source.kind != "call" or source in kept or not source.is_array:
                continue
            if source.data.nbytes >= nbytes:
                done.setdefault(lines[self.last_uses[source]], []).append(line)
        return done


def source_of(line: Line) -> Line:
    """The line whose memory a line looks at: its own, if it is no view."""
    while line.kind == "call" and is_view(line):
        line = line.operands()[0]
    return line


def is_view(line: Line) -> bool:
    """Whether the result may be a view of the first operand."""
    if line.is_opaque or not line.operands():
        return False
    return line.is_view or line.function in VIEWS


def can_be_written(line: Line, smallest: int) -> bool:
    """Whether the function takes `out`, and the result has as many bytes."""
    if not line.is_array or line.is_opaque or line.data.nbytes < smallest:
        return False
    return is_of_ufunc(line) or line.function in WRITERS


def is_elementwise(line: Line) -> bool:
    """Whether it is a ufunc that works element by element."""
    function = line.function
    is_ufunc = isinstance(function, np.ufunc) and function.signature is None
    return is_ufunc or function is kept_bits


def is_of_ufunc(line: Line) -> bool:
    """Whether it is a ufunc, as `matmul`, or a method of one, as `add.reduce`."""
    function = line.function
    return isinstance(getattr(function, "__self__", function), np.ufunc)


def may_overwrite(line: Line, x: Line, sources: dict[Line, Line]) -> bool:
    """Whether the result can take the place of x, element by element."""
    if not is_elementwise(line):
        return False
    if x.shape != line.shape or x.data.dtype != line.data.dtype:
        return False
    return all(y is x for y in line.operands() if sources.get(y, y) is x)
