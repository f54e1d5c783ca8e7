"""Where in a user's code something was written: an operator, or an assignment."""

from __future__ import annotations

import dis
import linecache
import os
import sys
from types import CodeType, FrameType
from typing import Any

import numpy as np

# No code of a user's; NumPy 1 calls itself from code that has no file.
OWN_FOLDER = os.path.dirname(__file__) + os.sep
NUMPY_FOLDER = os.path.dirname(np.__file__) + os.sep
NOT_USERS = (OWN_FOLDER, NUMPY_FOLDER, "<__array_function__")
MOST_CODES = 10_000


class Place:
    """An instruction of a user's code; a str of it shows the file and the line.

    Operators that are written at one place share it, in a loop or a function: a node
    pays for a name, and no more.
    """

    __slots__ = ("code", "instruction")

    def __init__(self, code: CodeType, instruction: int) -> None:
        self.code, self.instruction = code, instruction

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


class Passage:
    """An instruction of micrograd's or NumPy's: a user's call of it is further out."""

    __slots__ = ("code",)

    def __init__(self, code: CodeType) -> None:
        self.code = code


# Instruction by instruction, by the id of the code, which stays its own as long as the
# Place or Passage keeps it.
PLACES: dict[int, dict[int, Place | Passage]] = {}


def caller() -> Place:
    """The nearest place outside of micrograd and NumPy that an operator comes from.

    Each asks, so it starts where most of them come from: the caller of `__add__`, which
    called `apply`, which called this.
    """
    frame: Any = sys._getframe(3)
    while True:
        try:
            place = PLACES[id(frame.f_code)][frame.f_lasti]
        except KeyError:
            place = noted(frame)
        if type(place) is Place:
            return place
        frame = frame.f_back


def noted(frame: FrameType) -> Place | Passage:
    """What the frame's instruction is: a Place or a Passage, kept for the next time."""
    code, instruction = frame.f_code, frame.f_lasti
    is_users = not code.co_filename.startswith(NOT_USERS) or frame.f_back is None
    place = Place(code, instruction) if is_users else Passage(code)
    if len(PLACES) >= MOST_CODES:  # of code that is written as one goes
        PLACES.clear()
    PLACES.setdefault(id(code), {})[instruction] = place
    return place


STORE_SUBSCR = dis.opmap["STORE_SUBSCR"]


def is_assigned() -> bool:
    """Whether `float` was asked by NumPy for `array[i] = v`, and not by a user.

    To Python both are the same call; only the instruction that led to it differs.
    """
    frame = sys._getframe(3)
    return frame.f_code.co_code[frame.f_lasti] == STORE_SUBSCR
