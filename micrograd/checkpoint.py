"""Files of what training needs to go on: the states of models and optimisers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from micrograd.engine import Value, numeric

State = Mapping[str, Any]  # arrays by name


class Part(Protocol):
    """A model or an optimiser."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: State) -> None: ...


def checked(state: State, expected: State) -> dict[str, Any]:
    """The arrays of state; a ValueError if names or shapes are not those expected."""
    new = {name: np.asarray(numeric(state[name], name)) for name in state}
    old, got = ({(name, d[name].shape) for name in d} for d in (expected, new))
    if old != got:
        missing, unexpected = sorted(old - got), sorted(got - old)
        raise ValueError(f"missing: {missing}, unexpected: {unexpected}")
    return new


def like(data: Any, value: Value) -> Any:
    """A copy of data, of the kind and dtype that the value has."""
    kind, data = type(value.data), data.astype(value.dtype)
    return data if kind is np.ndarray else kind(data)


def write(path: str | os.PathLike[str], state: State) -> None:
    """Write a NumPy .npz file; it replaces an older one at once."""
    beside = f"{path}.{os.getpid()}"
    try:
        with open(beside, "wb") as file:
            np.savez(file, **state)
            file.flush()
            os.fsync(file.fileno())  # on the disk before it has the name
        os.replace(beside, path)
    finally:
        if os.path.exists(beside):
            os.remove(beside)


def combined(parts: Mapping[str, Part]) -> dict[str, Any]:
    states = {name: part.state_dict() for name, part in parts.items()}
    return {f"{name}.{key}": d[key] for name, d in states.items() for key in d}


def save(path: str | os.PathLike[str], /, **parts: Part) -> None:
    """Write models and optimisers to one file, under the names given.

    It replaces an older one at once: whoever reads finds the old or the new, whole.
    """
    write(path, combined(parts))


def load(path: str | os.PathLike[str], /, **parts: Part) -> None:
    """Take over, of what `save` wrote, these parts: all, or none after a ValueError."""
    before = combined(parts)
    with np.load(path, allow_pickle=False) as file:
        state = {key: file[key] for key in file if key.split(".")[0] in parts}
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
