"""How the time of a training step falls with the number of ranks.

    pip install ".[mpi]" mpich
    python benchmarks/scaling.py

prints a table in Markdown. Strong scaling: the ranks share a batch of --rows rows; weak
scaling: each has that many. "Communication" is the share of a step in
average_gradients(), waiting for slower ranks included. "All-reduce" is what summing
the gradients takes alone, when nobody has to wait.

BLAS has one thread in each rank. Figures are medians over the rounds, in which the
numbers of ranks take turns; speed-up and efficiency are medians of the ratios within
each round. Let the machine do nothing else.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
NETS = {"784-256-256-10": (256, 256, 10), "784-2048-2048-10": (2048, 2048, 10)}
THREADS = [f"{name}_NUM_THREADS" for name in ("OPENBLAS", "OMP", "MKL", "BLIS")]
THREADS += ["VECLIB_MAXIMUM_THREADS"]


def training(sizes, rows):
    """Functions for the two halves of a step, and the parameters."""
    import numpy as np

    from micrograd import Value, nn, optim

    rng = np.random.default_rng(0)
    model = nn.MLP(784, list(sizes), rng=rng, dtype=np.float32)
    parameters = model.parameters()
    x = Value(shape=(None, 784), name="x", dtype=np.float32)
    y = Value(shape=(None,), name="y", dtype=int)
    loss = nn.cross_entropy(model(x), y)
    optimiser = optim.SGD(parameters, 0.01)
    batch = {"x": rng.random((rows, 784), np.float32), "y": rng.integers(0, 10, rows)}

    def compute():
        loss.forward(**batch)
        loss.backward(wrt=parameters)

    return compute, optimiser.step, parameters


def measure(sizes, rows, seconds):
    """What one rank does; the first one prints the figures of all."""
    import numpy as np
    from mpi4py import MPI

    from micrograd.parallel import average_gradients, share

    comm = MPI.COMM_WORLD
    own = share(rows, comm)
    own = own.stop - own.start
    compute, update, parameters = training(sizes, own)

    def step():
        """When it started, when it began and ended to communicate, when it ended."""
        times = [time.perf_counter()]
        compute()
        times.append(time.perf_counter())
        if comm.size > 1:
            average_gradients(parameters, comm, rows=own)
        times.append(time.perf_counter())
        update()
        times.append(time.perf_counter())
        return times

    for _ in range(3):
        step()
    start = time.perf_counter()
    step()
    count = comm.bcast(max(10, round(seconds / (time.perf_counter() - start))))
    laps = np.array([step() for _ in range(count)])
    total, communication = laps[:, 3] - laps[:, 0], laps[:, 2] - laps[:, 1]
    size = sum(value.size for value in parameters)
    gradients = np.zeros(size, np.float32)
    reductions = []
    for _ in range(20):
        comm.Barrier()
        start = time.perf_counter()
        comm.Allreduce(MPI.IN_PLACE, gradients)
        reductions.append(time.perf_counter() - start)
    figures = {
        "parameters": size,
        "step": float(np.median(total)),
        "communication": float(np.median(communication / total)),
        "reduction": median(reductions),
    }
    all_figures = comm.gather(figures)
    if comm.rank == 0:
        slowest = {key: max(f[key] for f in all_figures) for key in figures}
        print(json.dumps(slowest))


def run(ranks, net, rows, seconds):
    beside_python = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    mpiexec = shutil.which("mpiexec") or shutil.which("mpiexec", path=beside_python)
    if not mpiexec:
        sys.exit("mpiexec is missing: pip install mpich")
    command = [mpiexec, "-n", str(ranks), sys.executable, "-m", "mpi4py", __file__]
    command += ["--measure", net, "--rows", str(rows), "--seconds", str(seconds)]
    outcome = subprocess.run(
        command,
        env={**os.environ, **dict.fromkeys(THREADS, "1")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(outcome.stdout)


def table(options):
    processors = os.cpu_count()
    if hasattr(os, "sched_getaffinity"):  # those that we may use
        processors = len(os.sched_getaffinity(0))
    numbers = [n for n in (1, 2, 4, 8, 16, 32, 64) if n <= processors]
    cases = [(net, kind) for net in NETS for kind in ("strong", "weak")]
    cells = [(*case, ranks) for case in cases for ranks in numbers]
    rounds = []
    for _ in range(options.rounds):
        figures = {}
        for net, kind, ranks in cells:
            rows = options.rows * (ranks if kind == "weak" else 1)
            figures[net, kind, ranks] = run(ranks, net, rows, options.seconds)
        rounds.append(figures)
    heads = "net", "parameters", "scaling", "ranks", "rows", "ms a step", "speed-up"
    heads += "efficiency", "communication", "all-reduce, ms"
    print(f"\n{processors} processors, batches of {options.rows}, float32\n")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for net, kind, ranks in cells:
        one = [figures[net, kind, 1] for figures in rounds]
        many = [figures[net, kind, ranks] for figures in rounds]
        rows = options.rows * (ranks if kind == "weak" else 1)
        ratio = median(a["step"] / b["step"] for a, b in zip(one, many))
        speed_up = ratio * rows / options.rows
        middle = {key: median(f[key] for f in many) for key in many[0]}
        row = net, middle["parameters"], kind, ranks, rows
        row += f"{1e3 * middle['step']:.2f}", f"{speed_up:.2f}"
        row += f"{speed_up / ranks:.0%}", f"{middle['communication']:.0%}"
        row += ("–" if ranks == 1 else f"{1e3 * middle['reduction']:.2f}",)
        print(f"| {' | '.join(map(str, row))} |")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="for each figure")
    parser.add_argument("--measure", choices=NETS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(NETS[options.measure], options.rows, options.seconds)
    else:
        table(options)
