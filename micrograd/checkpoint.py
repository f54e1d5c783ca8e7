"""Checkpoints: what training needs to go on, kept in a file.

Models and optimisers tell their state, a dictionary of names and arrays, by
`state_dict()`, and take one over by `load_state_dict(state)`. Here stand the files of
states, and what a state has to be before anybody takes it over.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO, NoReturn, Protocol, Union

import numpy as np

from micrograd.arrays import numeric
from micrograd.engine import Value

Path = Union[str, "os.PathLike[str]"]
State = Mapping[str, Any]
Fill = Callable[[BinaryIO], object]


class Part(Protocol):
    """What has a state: a model, an optimiser.

    >>> from micrograd import nn
    >>> part: Part = nn.Neuron(2)
    >>> sorted(part.state_dict())
    ['b', 'w']
    """

    def state_dict(self) -> dict[str, Any]:
        """A copy of the state: arrays by name.

        >>> from micrograd import nn
        >>> nn.Layer(2, 3).state_dict()["b"]
        array([0., 0., 0.])
        """

    def load_state_dict(self, state: State) -> None:
        """Take over all of a state, or nothing after an error.

        >>> from micrograd import nn
        >>> neuron = nn.Neuron(2)
        >>> neuron.load_state_dict({"w": [1, 2], "b": 3})
        >>> neuron.b.data
        array(3.)
        """


Entry = Union[Part, "np.ndarray[Any, Any]", "np.generic", float, str]


def save(path: Path, /, *unnamed: NoReturn, **entries: Entry) -> None:
    """Write models, optimisers, numbers, strings and arrays to one file, by name.

    The file is a NumPy .npz archive of entries such as `model.layers.0.w` or `epoch`.
    It takes the place of an older one at once: whoever reads finds the old or the new
    one, whole. A symbolic link stays, and leads to the new one.

    Parameters
    ----------
    path : the file's name, which gets no ending
    entries : what to save, such as `model=model, optimiser=optimiser, epoch=3`

    Raises
    ------
    OSError : the file cannot be written; an older one is as it was
    TypeError : an entry has no name or is something else, or there is none

    >>> import tempfile
    >>> from micrograd import nn
    >>> model, copy = nn.Layer(2, 3), nn.Layer(2, 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/run.npz", model=model, epoch=3)
    ...     print(load(f"{folder}/run.npz", model=copy))
    {'epoch': 3}
    >>> bool((copy.w.data == model.w.data).all())
    True
    """
    if unnamed or not entries:
        raise TypeError("expected entries with names, as save(path, model=model)")
    parts: Any = {name: x for name, x in entries.items() if has_state(x)}
    others = {name: entries[name] for name in entries if name not in parts}
    write(
        path, {**joined(parts), **{name: plain(x, name) for name, x in others.items()}}
    )


def load(path: Path, /, *unnamed: NoReturn, **parts: Part) -> dict[str, Any]:
    """Take over, of what `save` wrote, these parts: all, or none after an error.

    An interrupt is an error, too.

    Parameters
    ----------
    path : a file of `save`
    parts : models and optimisers like those saved, under the same names; others that
        the file has are left aside

    Returns
    -------
    The numbers, strings and arrays that the file has, by name.

    Raises
    ------
    OSError : the file cannot be read
    TypeError : an array is not of real numbers; a part has no name or no state
    ValueError : the file is of another kind, a name or a shape is not the one that a
        part has, or a part cannot go there: a schedule does not go back

    Examples
    --------
    See `save`.
    """
    if unnamed:
        raise TypeError("expected parts with names, as load(path, model=model)")
    for name, part in parts.items():
        if not has_state(part):
            expected = "expected a model or an optimiser; load() returns all else"
            raise TypeError(f"{name}: {expected}; got {type(part).__name__}")
    before, state = joined(parts), read(path)
    others = {name: state[name] for name in state if "." not in name}
    saved = list(dict.fromkeys([name.split(".")[0] for name in state]))
    if not parts.keys() & set(saved) and (parts or not others):
        hint = "model.load(path) reads what model.save(path) wrote"
        raise ValueError(f"expected parts {[*parts]}, got {saved}; {hint}")
    state = {name: state[name] for name in state if name.split(".")[0] in parts}
    state = checked(state, before, buffers_of(parts))
    try:
        hand_out(state, parts)
    except BaseException:  # a schedule cannot go back; somebody interrupts
        hand_out(before, parts)
        raise
    return {name: x if x.ndim else x.item() for name, x in others.items()}


def has_state(entry: Any) -> bool:
    """Whether it is a model or an optimiser, and not a class of them."""
    return hasattr(entry, "state_dict") and not isinstance(entry, type)


def plain(entry: Any, name: str) -> Any:
    """A number, a string or an array, as an array that a file can have."""
    if "." in name:
        raise TypeError(f"{name!r}: expected a name without a dot")
    array = np.asarray(entry if isinstance(entry, PLAIN) else None)
    if array.dtype.kind not in "biufU":
        got = type(entry).__name__
        got += f" of {array.dtype}" if isinstance(entry, PLAIN) else ""
        expected = "expected a model, an optimiser, a number, a string or an array"
        raise TypeError(f"{name}: {expected}, got {got}")
    return array


PLAIN = (np.ndarray, np.generic, int, float, str)


def buffers_of(parts: Mapping[str, Any]) -> list[str]:
    """The names that the buffers of models have in a joined state."""
    named: Any = {
        name: getattr(x, "named_buffers", list)() for name, x in parts.items()
    }
    return [f"{name}.{key}" for name, buffers in named.items() for key, _ in buffers]


def joined(parts: Mapping[str, Part]) -> dict[str, Any]:
    """The states of all parts in one, each name after that of its part and a dot."""
    states = {name: part.state_dict() for name, part in parts.items()}
    return {f"{name}.{key}": d[key] for name, d in states.items() for key in d}


def hand_out(state: State, parts: Mapping[str, Part]) -> None:
    """Give each part its own of a joined state."""
    for name, part in parts.items():
        start = f"{name}."
        keys = [key for key in state if key.startswith(start)]
        part.load_state_dict({key[len(start) :]: state[key] for key in keys})


def checked(
    state: State, expected: State, optional: Iterable[str] = ()
) -> dict[str, Any]:
    """The arrays of a state that has the names and shapes of the expected one.

    Optional ones may be missing all together: then they are the expected ones.

    Raises
    ------
    TypeError : it is no dictionary, or an array is not of real numbers
    ValueError : names or shapes are others; all of them are told

    >>> checked({"w": [1, 2]}, expected={"w": Value([0.0, 0.0])})
    {'w': array([1, 2])}
    >>> checked({"v": [1, 2], "w": 3}, expected={"w": Value([0.0, 0.0])})
    Traceback (most recent call last):
    ValueError: w: expected shape (2,), got (); unexpected: v of shape (2,)
    """
    if not isinstance(state, Mapping):
        kind, hint = type(state).__name__, "that of a model is model.state_dict()"
        raise TypeError(f"state: expected arrays by name, got {kind}; {hint}")
    arrays = {name: np.asarray(numeric(state[name], name)) for name in state}
    older = [] if arrays.keys() & set(optional) else list(optional)
    for name in expected:  # files of version 1.0.0 have no learning rates
        start, rate, end = name.rpartition("learning_rate")
        if rate and not end and f"{start}steps" in arrays:
            older.append(name)
    for name in older:
        x = expected[name]
        arrays.setdefault(name, np.asarray(x.data if isinstance(x, Value) else x))
    shapes = {name: arrays[name].shape for name in arrays}
    wanted = {name: expected[name].shape for name in expected}
    problems = [
        f"{name}: expected shape {wanted[name]}, got {shapes[name]}"
        for name in wanted
        if name in shapes and shapes[name] != wanted[name]
    ]
    for words, some, others in (
        ("missing", wanted, shapes),
        ("unexpected", shapes, wanted),
    ):
        names = [f"{name} of shape {some[name]}" for name in some if name not in others]
        if names:
            problems.append(f"{words}: {', '.join(map(str, names))}")
    if problems:
        raise ValueError("; ".join(problems))
    return arrays


def like(array: Any, data: Any) -> Any:
    """A copy of the array, of the type and dtype that the data have.

    >>> like(np.array(3), 0.5)
    3.0
    """
    kind, copy = type(data), array.astype(np.result_type(data))
    return copy if kind is np.ndarray else kind(copy)


def assign(owners: Sequence[Any], names: Sequence[str], data: Sequence[Any]) -> None:
    """Set attributes: all in one statement, so that no signal comes between two.

    >>> x, y = Value(1.0), Value(2.0)
    >>> assign([x, y], ["data", "data"], [3.0, 4.0])
    >>> x, y
    (Value(data=3.0, grad=None), Value(data=4.0, grad=None))
    """
    [*map(object.__setattr__, owners, names, data)]


def write(path: Path, state: State) -> None:
    """Write a state to a .npz file; it takes the place of an older one at once.

    Raises
    ------
    OSError : it cannot be written; an older one is as it was
    ValueError : the archive cannot have such a name, as one with a zero byte

    Examples
    --------
    See `read`.
    """
    replace({path: archive_of(state)})


def archive_of(state: State) -> Fill:
    """What writes a state to a file, as NumPy's .npz archive."""
    from zipfile import ZipFile  # here: it takes as long to import as all of micrograd

    def fill(file: BinaryIO) -> None:
        with ZipFile(file, "w") as archive:  # np.savez has names of its own
            for name in state:
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.save(entry, state[name])
                if archive.namelist()[-1] != f"{name}.npy":
                    raise ValueError(f"an archive cannot have the name {name!r}")

    return fill


def replace(files: Mapping[Path, Fill]) -> None:
    """Write files, which take the places of older ones when all of them are whole.

    Each is written beside its place, under a name that no other process or thread has:
    `run.npz.0123456789abcdef.tmp`. A process that is killed leaves such a file. A new
    file has the mode of the old one, or the usual one; a symbolic link stays.
    """
    targets: dict[str, str] = {}  # by draft
    try:
        for path, fill in files.items():
            target, mode = target_of(path)
            folder, name = os.path.split(target)
            name = f"{name[:30]}.{os.urandom(8).hex()}.tmp"
            draft = os.path.join(folder, name)
            targets[draft] = target
            # Nobody may read it meanwhile who may not read the old one.
            opener = partial(os.open, mode=0o666 if mode is None else mode & 0o666)
            with open(draft, "xb", opener=opener) as file:  # x: follows no link
                fill(file)
                file.flush()
                os.fsync(file.fileno())  # on the disk before it has the name
            if mode is not None and mode != os.stat(draft).st_mode:
                os.chmod(draft, stat.S_IMODE(mode))
        # In one statement, so that no signal comes between two files.
        [*map(os.replace, targets, targets.values())]
    finally:
        for draft in targets:
            if os.path.exists(draft):
                os.remove(draft)


def target_of(path: Path) -> tuple[str, int | None]:
    """The file that a path leads to, and its mode if there is one.

    Raises
    ------
    OSError : it is a folder, a pipe or a device

    >>> target_of("new.npz")[1]
    """
    name = os.fsdecode(path)
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        mode = None
    if not os.path.basename(name) or mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(f"path: expected a file, got the folder {name!r}")
    if mode is not None and not stat.S_ISREG(mode):
        raise OSError(f"path: expected a file, got the pipe or device {name!r}")
    return os.path.realpath(name), mode


def read(path: Path) -> dict[str, Any]:
    """The state that `write` wrote; never a pickle, which could run anything.

    Raises
    ------
    OSError : the file cannot be opened
    ValueError : it is no .npz file, or has more than plain arrays

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/state.npz", {"w": np.array([1.0, 2.0])})
    ...     read(f"{folder}/state.npz")
    {'w': array([1., 2.])}
    """
    with open(path, "rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
            return {name: archive[f"{name}.npy"] for name in archive.files}
        except Exception as error:
            raise ValueError(f"{path!r}: expected a file of save()") from error
