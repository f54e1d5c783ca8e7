"""Where in a user's code an operator was written, for errors that come later."""

from __future__ import annotations

import dis
import linecache
import os
import sys
from types import CodeType, FrameType

import numpy as np

# No code of a user's; NumPy 1 calls itself from code that has no file.
OWN_FOLDER = os.path.dirname(__file__) + os.sep
NUMPY_FOLDER = os.path.dirname(np.__file__) + os.sep
NOT_USERS = (OWN_FOLDER, NUMPY_FOLDER, "<__array_function__")
MOST_PLACES = 10_000


class Place:
    """An instruction of some code; a str of it shows the file and the line.

    Operators that are written at one place share it, in a loop or a function: a node
    pays for a name, and no more.
    """

    __slots__ = ("code", "instruction", "is_users")

    def __init__(self, frame: FrameType) -> None:
        self.code: CodeType = frame.f_code
        self.instruction = frame.f_lasti
        self.is_users = not self.code.co_filename.startswith(NOT_USERS)

    @property
    def line(self) -> int:
        """The number of the line, which takes a while to find."""
        starts = dis.findlinestarts(self.code)
        lines = [line for start, line in starts if start <= self.instruction and line]
        return lines[-1] if lines else self.code.co_firstlineno

    def __str__(self) -> str:
        file = self.code.co_filename
        text = linecache.getline(file, self.line).strip()
        shown = f": {text}" if text else ""
        return f"{os.path.basename(file)}, line {self.line}{shown}"


PLACES: dict[tuple[int, int], Place] = {}  # by the code's id, which its Place keeps


def caller(depth: int) -> Place:
    """The nearest place outside of micrograd and NumPy, from that depth of calls on."""
    frame = sys._getframe(depth)
    while True:
        key = (id(frame.f_code), frame.f_lasti)
        place = PLACES.get(key)
        if place is None:
            if len(PLACES) >= MOST_PLACES:  # of code that is written as one goes
                PLACES.clear()
            place = PLACES[key] = Place(frame)
        if place.is_users or frame.f_back is None:
            return place
        frame = frame.f_back
