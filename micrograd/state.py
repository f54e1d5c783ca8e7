"""States: arrays by name, and their files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Union
from zipfile import ZipFile

import numpy as np

from micrograd.engine import Value, numeric

Path = Union[str, "os.PathLike[str]"]
State = Mapping[str, Any]


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


def write(path: Path, state: State) -> None:
    """Write a NumPy .npz file; it replaces an older one at once."""
    beside = f"{os.fsdecode(path)}.{os.getpid()}"
    try:
        with open(beside, "wb") as file:
            with ZipFile(file, "w") as archive:  # np.savez has names of its own
                for name in state:
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                        np.save(entry, state[name])
            file.flush()
            os.fsync(file.fileno())  # on the disk before it has the name
        os.replace(beside, path)
    finally:
        if os.path.exists(beside):
            os.remove(beside)


def read(path: Path) -> dict[str, Any]:
    """The arrays in such a file, never a pickle."""
    with open(path, "rb") as file:
        try:
            return dict(np.load(file, allow_pickle=False))
        except Exception as error:
            raise ValueError(f"{path!r}: expected a file of save()") from error
