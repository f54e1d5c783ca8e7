"""Call sites: the line of a user's code where an operator was written, for errors."""

from __future__ import annotations

import dis
import linecache
import os
import sys
from types import CodeType, FrameType
from typing import Any

import numpy as np

from micrograd import engine

# Code that is not a user's. NumPy 1 calls itself from code that has no file.
OWN_FOLDER = os.path.dirname(os.path.dirname(__file__)) + os.sep
NUMPY_FOLDER = os.path.dirname(np.__file__) + os.sep
NOT_USERS = (OWN_FOLDER, NUMPY_FOLDER, "<micrograd ", "<__array_function__")
MOST_CODES = 10_000


def plug_in() -> None:
    """Let each operator note its call site."""
    engine.call_site = caller


class CallSite:
    """An instruction of a user's code; its str shows the file and the line.

    Operators written at one call site share it, in a loop or a function. A node pays
    for a reference, and no more.
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
    """An instruction of micrograd or NumPy, which a user's code has called."""

    __slots__ = ("code",)

    def __init__(self, code: CodeType) -> None:
        self.code = code


# By the id of the code and by instruction. An id stays the code's own as long as the
# CallSite or Passage keeps the code.
KNOWN: dict[int, dict[int, CallSite | Passage]] = {}


def caller() -> CallSite:
    """The nearest call site outside of micrograd and NumPy.

    Every operator asks. The search starts where most operators come from: the caller of
    `__add__`, which called `apply`, which called this function.
    """
    frame: Any = sys._getframe(3)
    while True:
        try:
            found = KNOWN[id(frame.f_code)][frame.f_lasti]
        except KeyError:
            found = noted(frame)
        if type(found) is CallSite:
            return found
        frame = frame.f_back


def noted(frame: FrameType) -> CallSite | Passage:
    """The frame's instruction as a CallSite or a Passage, kept for the next time."""
    code, instruction = frame.f_code, frame.f_lasti
    is_users = not code.co_filename.startswith(NOT_USERS) or frame.f_back is None
    found = CallSite(code, instruction) if is_users else Passage(code)
    if len(KNOWN) >= MOST_CODES:  # code that is generated as a program runs
        KNOWN.clear()
    KNOWN.setdefault(id(code), {})[instruction] = found
    return found


STORE_SUBSCR = dis.opmap["STORE_SUBSCR"]


def is_assignment() -> bool:
    """Whether NumPy asked for a float because of `array[i] = v`, and not a user.

    To Python both are the same call; only the instruction that led to it differs.
    """
    frame = sys._getframe(3)
    return frame.f_code.co_code[frame.f_lasti] == STORE_SUBSCR


def asking_functions() -> list[tuple[str, str]]:
    """The module and name of each function that is running, from here outward.

    For error messages: `scipy.special.softmax(v)` asks a Value for its array, far from
    the line of the user's that called it.
    """
    found, frame = [], sys._getframe(1)
    while frame is not None:
        found.append((frame.f_globals.get("__name__", ""), frame.f_code.co_name))
        frame = frame.f_back  # type: ignore[assignment]
    return found
