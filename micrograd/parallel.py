"""The same model on many machines, each with its part of the data, by MPI."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd.checkpoint import Part, like
from micrograd.engine import Value
from micrograd.job import Job, job_of

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


def share(n: int, comm: Intracomm) -> slice:
    """This rank's part of n rows: none, if there are more ranks."""
    return slice(n * comm.rank // comm.size, n * (comm.rank + 1) // comm.size)


def broadcast(parts: Iterable[Part], comm: Intracomm) -> None:
    """Give models and optimisers on all ranks the states that they have on rank 0.

    Raises
    ------
    ValueError : on all ranks, if the states of one have other names or shapes
    """
    parts = list(parts)
    states = [part.state_dict() for part in parts]
    job = job_of(comm)
    job.agree([[(name, d[name].shape) for name in d] for d in states])
    for part, state in zip(parts, job.comm.bcast(states)):
        part.load_state_dict(state)


def average_gradients(
    wrt: Value | Iterable[Value], comm: Intracomm, rows: float = 1
) -> None:
    """Make each gradient its mean over all ranks, weighted by their numbers of rows.

    A rank of 0 rows counts nothing, and needs no gradients.

    Raises
    ------
    ValueError : on all ranks, if one has other shapes or dtypes, lacks a gradient or
        has ended, or if none has rows
    """
    wrt = [wrt] if isinstance(wrt, Value) else list(wrt)
    problem = ""
    if not 0 <= rows < np.inf:
        problem = f"rows: expected at least 0, got {rows}"
    elif rows and any(value.grad is None for value in wrt):
        problem = "a Value without a gradient: run backward()"
    job = job_of(comm)
    layout = [(np.shape(value.data), value.dtype.name) for value in wrt]
    weight = float(rows) / job.agree(layout, rows, problem)
    kinds = [np.promote_types(value.dtype, np.float32) for value in wrt]
    for kind in dict.fromkeys(kinds):  # MPI has no float16
        average([value for value, k in zip(wrt, kinds) if k == kind], kind, weight, job)


def average(values: list[Value], kind: np.dtype[Any], weight: float, job: Job) -> None:
    """The same for gradients that travel as one message."""
    from mpi4py.MPI import IN_PLACE

    buffer = job.buffer(kind, sum(np.size(value.data) for value in values))
    means, start = [], 0
    for value in values:
        mean = buffer[start : start + np.size(value.data)]
        means.append(mean.reshape(np.shape(value.data)))
        start += len(mean)
        if weight:
            np.multiply(value.grad, weight, out=means[-1], dtype=kind)
        else:
            mean[:] = 0  # whatever the gradient is: nan, after a mean of nothing
    job.comm.Allreduce(IN_PLACE, buffer)
    for value, mean in zip(values, means):
        if isinstance(value.grad, np.ndarray):
            value.grad[...] = mean
        else:
            value.grad = like(mean, value)
