"""One measurement of one framework in a process of its own, printed as JSON.

compare.py runs this as `run.py measure framework argument ...`. Little is imported at
the top, since the start of a process is measured, too.
"""

import json
import sys
import time
from importlib import import_module

CHECKED_STEPS = 20


def numbers(result):
    """What a step gave as a list of floats; waits for it to be computed."""
    import numpy as np

    if isinstance(result, (tuple, list)):
        return [number for part in result for number in numbers(part)]
    if hasattr(result, "detach"):  # a tensor in PyTorch's graph
        result = result.detach()
    return np.ravel(np.asarray(result)).astype(float).tolist()


def step_time(framework, workload, seconds):
    """Seconds a step: the median over blocks of steps, of 20 ms each."""
    from statistics import median

    step = getattr(framework, workload)()
    outcomes = [numbers(step()) for _ in range(CHECKED_STEPS)]

    def block(steps):
        start = time.perf_counter()
        for _ in range(steps):
            outcome = step()
        numbers(outcome)
        return (time.perf_counter() - start) / steps

    steps = max(1, round(0.02 / min(block(1) for _ in range(5))))
    blocks = max(5, round(seconds / (steps * block(steps))))
    figure = median(block(steps) for _ in range(blocks))
    return {"figure": figure, "numbers": numbers(outcomes)}


def trained(framework, steps=100):
    """The time of day when a net on two moons is trained."""
    step = framework.moons()
    for _ in range(steps):
        loss = step()
    return {"numbers": numbers(loss), "figure": time.time()}


def memory(field):
    """VmRSS, what this process has of the machine's memory, or VmHWM, its maximum."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if field in line)


def peak(framework, steps=20):
    """Bytes that the process had at most, from its start through a training."""
    step = framework.digits()
    for _ in range(steps):
        loss = step()
    return {"numbers": numbers(loss), "figure": memory("VmHWM")}


def arrays(framework, steps=3):
    """Bytes of the NumPy arrays that are alive after a step."""
    import tracemalloc

    import numpy as np

    tracemalloc.start()
    step = framework.digits()
    for _ in range(steps):
        loss = step()
    of_arrays = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)
    traces = tracemalloc.take_snapshot().filter_traces([of_arrays]).traces
    return {"numbers": numbers(loss), "figure": sum(trace.size for trace in traces)}


def growth(framework, steps=10**4):
    """Bytes that the process gains in this many steps, after a thousand others."""
    step = framework.digits()
    for _ in range(1000):
        step()
    before = memory("VmRSS")
    for _ in range(steps):
        step()
    return {"figure": memory("VmRSS") - before}


def chain(framework, collects, n):
    """Seconds and bytes an operator, of n in a row: a product of n equal factors."""
    import gc
    from statistics import median

    if not collects:
        gc.disable()
    factor = 1 - 1 / n
    phases, before = {}, memory("VmRSS")
    for repetition in range(max(1, min(50, 10**5 // n))):
        start = time.perf_counter()
        for phase in framework.chain(n, factor):
            seconds = time.perf_counter() - start
            if isinstance(phase, str):
                phases.setdefault(phase, []).append(seconds / n)
            else:
                outcome = numbers(phase)
                if repetition == 0:
                    grown = memory("VmRSS") - before
            start = time.perf_counter()
    exact = [factor**n, factor**n, n * factor ** (n - 1)]
    assert all(abs(a / b - 1) < 1e-6 for a, b in zip(outcome, exact)), outcome
    phases = {phase: median(times) for phase, times in phases.items()}
    return {"phases": phases, "bytes": grown / n}


def version(package):
    """Of an installed package, else None."""
    from importlib import metadata, util

    if util.find_spec(package) is None:
        return None
    module = import_module(package)
    return getattr(module, "__version__", None) or metadata.version(package)


if __name__ == "__main__":
    measure, subject, *arguments = sys.argv[1:]
    if measure != "version":
        subject = import_module(f"frameworks.{subject}")
    measured = globals()[measure](subject, *map(json.loads, arguments))
    print(json.dumps(measured))
