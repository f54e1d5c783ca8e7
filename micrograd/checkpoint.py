"""Files of what training needs to go on: the states of models and optimisers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from micrograd.state import Path, State, checked, read, write


class Part(Protocol):
    """A model or an optimiser."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: State) -> None: ...


def combined(parts: Mapping[str, Part]) -> dict[str, Any]:
    states = {name: part.state_dict() for name, part in parts.items()}
    return {f"{name}.{key}": d[key] for name, d in states.items() for key in d}


def save(path: Path, /, **parts: Part) -> None:
    """Write models and optimisers to one file, under the names given.

    It replaces an older one at once: whoever reads finds the old or the new, whole.
    """
    write(path, combined(parts))


def load(path: Path, /, **parts: Part) -> None:
    """Take over, of what `save` wrote, these parts: all, or none after a ValueError."""
    before, state = combined(parts), read(path)
    state = {key: state[key] for key in state if key.split(".")[0] in parts}
    state = checked(state, before)
    try:
        distribute(state, parts)
    except Exception:  # a schedule cannot go back
        distribute(before, parts)
        raise


def distribute(state: State, parts: Mapping[str, Part]) -> None:
    for name, part in parts.items():
        start = f"{name}."
        keys = [key for key in state if key.startswith(start)]
        part.load_state_dict({key[len(start) :]: state[key] for key in keys})
