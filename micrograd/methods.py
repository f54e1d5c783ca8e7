"""The methods of NumPy's arrays that the engine itself has no need of.

`Value` inherits them. Each calls NumPy's function of its name, which finds by
`__array_function__` what that does with Values (see `micrograd.array_functions`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


class ArrayMethods:
    """What NumPy's arrays have as methods, and operators that few expressions use."""

    __slots__ = ()

    # --- Logic and places ---

    # --- Elements ---

    # --- Reductions ---

    # --- Shapes ---

    # --- Products ---
