"""The ranks of an MPI job: they agree step by step, and end together."""

from __future__ import annotations

import atexit
import sys
import time
from functools import cache
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

ENDED = -1.0  # in place of a rank's rows
JOBS: list[Job] = []


class Job:
    """The ranks of a communicator, which have one of their own here."""

    is_over = False

    def __init__(self, comm: Intracomm) -> None:
        self.comm, self.buffers = comm.Dup(), dict[Any, Any]()
        self.table = np.empty((comm.size, 2))
        JOBS.append(self)

    def buffer(self, dtype: np.dtype[Any], size: int) -> Any:
        """An array, used again."""
        kept = self.buffers.get(dtype)
        if kept is None or kept.size < size:
            kept = self.buffers[dtype] = np.empty(size, dtype)
        return kept[:size]

    def tell(self, rows: float, check: int = 0) -> Any:
        return self.comm.Iallgather(np.array([rows, check], float), self.table)

    def agree(self, layout: Any, rows: float = 1, problem: str = "") -> float:
        """The sum of all rows; a ValueError on all ranks, if one cannot go on so."""
        if self.is_over:
            raise ValueError("a rank has ended")
        layout = f"unlike others: {layout}"
        self.tell(np.nan if problem else rows, crc32(layout.encode())).Wait()
        all_rows, checks = self.table.T
        if ENDED in all_rows:
            self.is_over = True
            raise ValueError(f"rank {list(all_rows).index(ENDED)} has ended")
        total = float(all_rows.sum())
        if np.isnan(total) or checks.min() < checks.max():
            reports = self.comm.allgather(problem if np.isnan(total) else layout)
            each = dict.fromkeys(filter(None, reports))
            raise ValueError("; ".join(f"rank {reports.index(r)}: {r}" for r in each))
        if not total:
            raise ValueError("rows: expected some, got 0 on all ranks")
        return total


@atexit.register
def end() -> None:
    """Tell those that go on, in any job, lest they wait for ever."""
    if JOBS and not sys.modules["mpi4py.MPI"].Is_finalized():
        for request in [job.tell(ENDED) for job in JOBS if not job.is_over]:
            request.Wait()


@cache
def key() -> Any:
    from mpi4py import MPI

    return MPI.Comm.Create_keyval()


def job_of(comm: Intracomm) -> Job:
    job = comm.Get_attr(key())
    if not isinstance(job, Job):
        job = Job(comm)
        comm.Set_attr(key(), job)
    return job


def end_all(*error: Any, show: Any = sys.excepthook) -> None:
    """Show the error and end the job, lest the others wait for ever."""
    show(*error)
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi and not mpi.Is_finalized() and mpi.COMM_WORLD.size > 1:
        Job.is_over = True
        sys.stdout.flush()
        time.sleep(0.5)  # or the launcher may drop what it has not passed on
        mpi.COMM_WORLD.Abort(1)


sys.excepthook = end_all
