"""The same model on many machines, each with its part of the data, by MPI.

Each process, called a rank, has a copy of the model and takes the gradient for its own
rows. `average_gradients` makes that the gradient for the rows of all, so that all ranks
take the same step. What one does wrong there is an error on all; `python -m mpi4py`
ends all when one raises elsewhere.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar
from zlib import crc32

import numpy as np

from micrograd.arrays import dtype_of_gradient
from micrograd.checkpoint import Part
from micrograd.engine import Value, values_in

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm, Request

    from micrograd.engine import Values


def share(n: int, comm: Intracomm) -> slice:
    """This rank's part of n rows.

    The parts of all ranks follow each other, and their lengths differ by one at most;
    some are empty if there are more ranks than rows.

    Parameters
    ----------
    n : the number of rows, the same on all ranks
    comm : the ranks, as `mpi4py.MPI.COMM_WORLD`

    Returns
    -------
    a slice of an array, or of a file that NumPy maps into memory

    >>> from types import SimpleNamespace
    >>> [share(10, SimpleNamespace(rank=rank, size=3)) for rank in range(3)]
    [slice(0, 3, None), slice(3, 6, None), slice(6, 10, None)]
    """
    return slice(n * comm.rank // comm.size, n * (comm.rank + 1) // comm.size)


def broadcast(parts: Iterable[Part], comm: Intracomm) -> None:
    """Give models and optimisers on all ranks the states that they have on rank 0.

    Parameters
    ----------
    parts : models and optimisers, the same on all ranks, in the same order
    comm : the ranks; all of them call this

    Raises
    ------
    ValueError : on all ranks, if the states of one have other names or shapes, or one
        has ended; nothing has changed then

    >>> from mpi4py.MPI import COMM_WORLD as comm  # doctest: +SKIP
    >>> from micrograd import nn
    >>> model = nn.MLP(2, [3, 1])  # others on each rank
    >>> broadcast([model], comm)  # doctest: +SKIP
    """
    parts = list(parts)
    states = [part.state_dict() for part in parts]
    job = Job.of(comm)
    job.agree([{name: state[name].shape for name in state} for state in states])
    try:
        for part, state in zip(parts, job.comm.bcast(states)):
            part.load_state_dict(state)
    except BaseException:  # as a schedule that is past that step
        for part, state in zip(parts, states):
            part.load_state_dict(state)
        raise


def average_gradients(wrt: Values, comm: Intracomm, rows: float = 1) -> None:
    """Make each gradient its mean over all ranks, weighted by their numbers of rows.

    If each rank has the gradient of a mean over its rows, then each gets the gradient
    of the mean over the rows of all. Arrays that are gradients already are changed in
    place. All gradients of one dtype travel in one message.

    Parameters
    ----------
    wrt : one Value, several, a Module, or a dictionary of Values; the same on all
        ranks, in the same order
    comm : the ranks; all of them call this
    rows : how many rows this rank's gradients are the mean of; with 0 they count for
        nothing, and may be missing or nan

    Raises
    ------
    ValueError : on all ranks, if one has other shapes or dtypes, lacks a gradient or
        has ended, or if none has rows; no gradient has changed then, and unless one
        has ended they may go on

    >>> from mpi4py.MPI import COMM_WORLD as comm  # doctest: +SKIP
    >>> x, w = Value([1.0, 3.0]), Value(2.0)
    >>> (w * x).mean().backward(wrt=w)
    >>> average_gradients(w, comm, rows=2)  # doctest: +SKIP
    >>> w.grad  # on one rank
    2.0
    """
    values = values_in(wrt)
    problem = ""
    if not 0 <= rows < np.inf:
        problem = f"rows: expected a finite number, at least 0, got {rows}"
    elif rows and any(value.grad is None for value in values):
        problem = "a Value without a gradient: run backward()"
    elif not all(map(takes_gradient, values)):
        problem = "a gradient that is no writeable floating array of its Value's shape"
    job = Job.of(comm)
    layout = [(np.shape(value.data), value.dtype.name) for value in values]
    weight = float(rows) / job.agree(layout, rows, problem)
    messages: dict[np.dtype[Any], list[Value]] = {}
    for value in values:  # MPI has no float16
        dtype = np.promote_types(dtype_of_gradient(value.dtype), np.float32)
        messages.setdefault(dtype, []).append(value)
    for dtype, together in messages.items():
        sum_gradients(together, dtype, weight, job)


def takes_gradient(x: Value) -> bool:
    """Whether its gradient can be set in place; None and numbers are replaced."""
    if not isinstance(x.grad, np.ndarray):
        return x.grad is None or np.shape(x.data) == ()
    is_writeable = x.grad.flags.writeable and x.grad.dtype.kind == "f"
    return is_writeable and x.grad.shape == np.shape(x.data)


def sum_gradients(
    values: list[Value], dtype: np.dtype[Any], weight: float, job: Job
) -> None:
    """Make each gradient the sum of weight times gradient over all ranks.

    They travel as one message of this dtype.
    """
    from mpi4py import MPI

    buffer = job.buffer(dtype, sum(np.size(value.data) for value in values))
    sums, start = [], 0
    for value in values:
        part = buffer[start : start + np.size(value.data)]
        sums.append(part.reshape(np.shape(value.data)))
        start += part.size
        if weight:
            np.multiply(value.grad, weight, out=sums[-1], dtype=dtype)
        else:
            part[:] = 0  # whatever the gradient is: nan, after a mean of nothing
    job.comm.Allreduce(MPI.IN_PLACE, buffer)
    for value, total in zip(values, sums):
        if isinstance(value.grad, np.ndarray):
            value.grad[...] = total
        elif isinstance(value.data, np.ndarray):
            value.grad = total.astype(dtype_of_gradient(value.dtype))
        else:
            is_float = value.dtype.kind == "f"
            value.grad = type(value.data)(total) if is_float else float(total)


class Job:
    """The ranks that work together: before each message they agree on what it is.

    Each rank writes its line of a table that all receive: its number of rows (`ENDED`
    if it has ended, nan if it cannot go on) and a checksum of what it is about to send.
    So all ranks find the same errors at the same time, and none waits for a message
    that another does not send.

    A job belongs to the communicator of whoever trains, as an attribute of it, and goes
    with it when that is freed. A rank that ends, by `MPI.Finalize()` or at the end of
    its program, writes one line more in each job.
    """

    ENDED = -1.0  # in place of the number of rows
    open_jobs: ClassVar[list[Job]] = []  # of this process

    def __init__(self, comm: Intracomm) -> None:
        self.comm = comm.Dup()  # apart from messages of the user's
        self.table = np.empty((comm.size, 2))
        self.buffers: dict[np.dtype[Any], Any] = {}
        self.is_over = False  # since a rank has ended
        self.open_jobs.append(self)

    @classmethod
    def of(cls, comm: Intracomm) -> Job:
        """The communicator's job; all ranks make it, when they first ask for it."""
        job = comm.Get_attr(attribute_key())
        if not isinstance(job, Job):
            job = cls(comm)
            comm.Set_attr(attribute_key(), job)
        return job

    def close(self) -> None:
        """Give the communicator back to MPI."""
        if self in self.open_jobs:
            self.open_jobs.remove(self)
            self.comm.Free()

    def buffer(self, dtype: np.dtype[Any], size: int) -> Any:
        """An array for messages, the same one each time while it is large enough."""
        kept = self.buffers.get(dtype)
        if kept is None or kept.size < size:
            kept = self.buffers[dtype] = np.empty(size, dtype)
        return kept[:size]

    def write_line(self, rows: float, checksum: int = 0) -> Request:
        """Begin to send this rank's line of the table, and to receive the others'."""
        return self.comm.Iallgather(np.array([rows, checksum], float), self.table)

    def agree(self, layout: object, rows: float = 1, problem: str = "") -> float:
        """Go on together, or not at all.

        Parameters
        ----------
        layout : what has to be the same on all ranks, by its repr
        rows : how many this rank has
        problem : why it cannot go on, if so

        Returns
        -------
        the number of rows of all ranks

        Raises
        ------
        ValueError : on all ranks, if one has a problem, another layout, or has ended,
            or if none has rows
        """
        description = repr(layout)
        if not self.is_over:
            checksum = crc32(description.encode())
            self.write_line(np.nan if problem else rows, checksum).Wait()
        all_rows, checksums = self.table.T  # stays as it is, once it is over
        if self.ENDED in all_rows:
            self.is_over = True
            rank = all_rows.tolist().index(self.ENDED)
            raise ValueError(f"rank {rank} has ended")
        if np.isnan(all_rows).any():
            raise ValueError(self.gathered(problem))
        if np.any(checksums != checksums[0]):
            got = self.gathered(description)
            raise ValueError(f"expected the same on all ranks, got {got}")
        total = float(all_rows.sum())
        if not total:
            raise ValueError("rows: expected some, got 0 on all ranks")
        return total

    def gathered(self, text: str) -> str:
        """What the ranks say, each different text with the first rank that says it."""
        texts = self.comm.allgather(text)
        each = dict.fromkeys(filter(None, texts))
        return "; ".join(f"rank {texts.index(text)}: {text}" for text in each)


@cache
def attribute_key() -> int:
    """The key under which communicators have their jobs.

    When it is made, this process begins to have jobs, and is made to say when it ends:
    MPI deletes what belongs to COMM_SELF before all else in `MPI.Finalize()`, which at
    the end of a program comes when Python is no more, and so too late.
    """
    from mpi4py import MPI

    MPI.COMM_SELF.Set_attr(MPI.Comm.Create_keyval(delete_fn=leave_jobs), None)
    atexit.register(leave_jobs)
    key: int = MPI.Comm.Create_keyval(delete_fn=lambda comm, key, job: job.close())
    return key


def leave_jobs(*_: object) -> None:
    """Tell those that go on, in all jobs, lest they wait for this rank for ever."""
    if is_aborting():
        return
    # In which of them another rank waits is unknown: begin them all, then wait.
    lines = [job.write_line(Job.ENDED) for job in Job.open_jobs if not job.is_over]
    Job.open_jobs.clear()
    for line in lines:
        line.Wait()


def is_aborting() -> bool:
    """Whether `python -m mpi4py` is about to end all ranks, as this one has raised."""
    package = getattr(sys.modules["__main__"], "__package__", None)
    return package == "mpi4py" and hasattr(sys, "last_value")
