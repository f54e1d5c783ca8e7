"""Every length: one text in C for all lengths of the open axes.

The text is written for several lengths. Where these texts differ in numbers alone, and
each number is the same formula of the length, the formula takes the number's place: n,
(2 * n - 1), (1.0 / n).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

# The lengths in the declaration of an array that is no argument.
DECLARED = re.compile(
    r"^ *(?:static )?(?:const )?(?:double|float|bool|u?int\d+_t) \w+(\[.*\])(?: =|;)",
    re.MULTILINE,
)
NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?(?:e[-+]?\d+)?f?)(?![\w.])")
# For each group of axes that are as long as one another: no length of one is a simple
# formula of another's.
LENGTHS = ((37, 41, 53), (59, 67, 83), (97, 101, 113), (127, 139, 157))


def of_every_length(texts: Sequence[str], names: Mapping[str, int]) -> str | None:
    """The texts, for the lengths in LENGTHS, as one; None if there is none.

    Parameters
    ----------
    names : for each name of a length the number of its group
    """
    first, *others = (NUMBER.split(text) for text in texts)
    if any(len(parts) != len(first) for parts in others):
        return None
    result = []
    for i, parts in enumerate(zip(first, *others)):
        text: str | None = parts[0]
        if len(set(parts)) > 1:
            text = formula_of(parts, names) if i % 2 else None
        if text is None:
            return None
        result.append(text)
    text = "".join(result)
    lengths = " ".join(DECLARED.findall(text))
    if not set(names).isdisjoint(re.findall(r"\w+", lengths)):
        return None  # an array would have a length that is unknown
    # C needs no length of the outermost axis, and the comment no parentheses.
    text = re.sub(r"\[restrict \([^]]*\)\]", "[restrict]", text)
    return re.sub(r"\(\((\d+ \* \w+)\),", r"(\1,", text)


def formula_of(parts: Sequence[str], names: Mapping[str, int]) -> str | None:
    """A formula of one length for numbers that differ, if there is one."""
    is_float = not all(part.isdigit() for part in parts)
    suffix = "f" if parts[0].endswith("f") else ""
    numbers = [float(part.rstrip("f")) for part in parts]
    kind = np.float32 if suffix else np.float64
    for name, group in names.items():
        lengths = LENGTHS[group]
        slope = (numbers[1] - numbers[0]) / (lengths[1] - lengths[0])
        start = numbers[0] - slope * lengths[0]
        if slope == int(slope) and [slope * n + start for n in lengths] == numbers:
            text = linear(name, int(slope), int(start))
            return f"({'float' if suffix else 'double'}){text}" if is_float else text
        factor = float(f"{numbers[0] * lengths[0]:.6g}")
        quotients = [kind(factor) / kind(n) for n in lengths]
        if is_float and quotients == [kind(x) for x in numbers]:
            return f"({factor}{suffix} / {name})"
    return None


def linear(name: str, slope: int, start: int) -> str:
    """slope * name + start."""
    text = name if slope == 1 else f"{slope} * {name}"
    if start:
        text += f" {'-' if start < 0 else '+'} {abs(start)}"
    return text if text == name else f"({text})"
