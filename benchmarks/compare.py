"""How fast micrograd is beside NumPy written by hand and beside other frameworks.

    pip install ".[bench]"
    python benchmarks/compare.py --picture assets/benchmark.svg

prints tables in Markdown, and draws them as bars. workloads.py says what is computed,
frameworks/ how each framework writes it, run.py how it is measured; cold_start.py does
the same for the start of a process that answers one sample.

Each figure is measured in a process of its own. The processes take turns: all of the
frameworks in one round, all again in the next. A figure is the median over the rounds;
in parentheses stands how many times as fast (or small) it is as micrograd, the median
of the ratios within each round, since machines drift. Before a row is printed, its
frameworks must have computed the same numbers: to 1e-6 in float64 and to 1e-4 in
float32, relative to the largest.
All of it takes some twenty minutes, --quick less than half of that.

A framework that is not installed is left out. For one that needs an environment of its
own, name the interpreter: --python tensorflow=venv-tf/bin/python (tensorflow_xla runs
there, too). ONNX Runtime needs onnx beside it, which writes its net.

Let the machine do nothing else. OPENBLAS_CORETYPE, OMP_NUM_THREADS and their like
should be unset; those that are set are printed. Memory is measured on Linux only.
"""

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

HERE = Path(__file__).resolve().parent

FRAMEWORKS = {
    "micrograd": "micrograd",
    "micrograd_compiled": "micrograd, compiled",
    "numpy_in_place": "NumPy by hand, in place",
    "numpy": "NumPy by hand",
    "jax": "JAX jit",
    "jax_ahead": "JAX jit, run ahead",
    "tensorflow_xla": "TensorFlow XLA",
    "tensorflow": "TensorFlow function",
    "torch": "PyTorch",
    "torch_nn": "PyTorch nn, optim",
    "mygrad": "MyGrad",
    "autograd": "autograd",
    "scalars": "scalar engine",
    "onnxruntime": "ONNX Runtime",
    "baseline": "NumPy and the arrays alone",
}
BY_HAND = {"micrograd", "micrograd_compiled", "numpy_in_place", "numpy"}
ANEW = {"micrograd", "numpy_in_place", "numpy"}
ANEW |= {"torch", "torch_nn", "mygrad", "autograd"}
ARRAYS = set(FRAMEWORKS) - {"scalars", "onnxruntime", "baseline"}
PACKAGES = {name for name in ARRAYS if "_" not in name} | {"onnxruntime"}
NUMBERS = {"micrograd", "scalars"}
COLD = {"micrograd", "micrograd_compiled", "numpy", "jax", "tensorflow", "torch"}
COLD |= {"onnxruntime", "baseline"}
OURS = "micrograd", "micrograd_compiled"
FLOAT64, FLOAT32 = 1e-6, 1e-4


class Row(NamedTuple):
    name: str
    title: str
    frameworks: set
    tolerance: float
    measure: str = "step_time"  # a function of run.py, but for whole processes
    baseline: str = ""  # NumPy alone, which computes nothing; gets a line of ratios


IMPORTED = PACKAGES & ARRAYS
ROWS = [
    Row("moons", "two moons, one step", ARRAYS, FLOAT64),
    Row("digits", "digits, one step", ARRAYS, FLOAT32),
    Row("waves", "a million waves", ARRAYS - {"torch_nn"}, FLOAT64),
    Row("moons_anew", "two moons, built anew each step", ANEW, FLOAT64),
    Row("lecture", "scalars, one step", NUMBERS | {"micrograd_compiled"}, FLOAT64),
    Row("lecture_anew", "scalars, built anew each step", NUMBERS, FLOAT64),
    Row("imports", "process start to imported", IMPORTED, FLOAT64, "imported", "numpy"),
    Row("trained", "process start to trained", ARRAYS, FLOAT64, "trained"),
    Row("inference", "digits, forward of one sample", ARRAYS, FLOAT32),
    Row("memory", "digits, peak memory", ARRAYS, FLOAT32, "peak"),
    Row("arrays", "digits, arrays alive", BY_HAND, FLOAT32, "arrays"),
]
COLD_START = Row(
    "cold", "a process that answers one sample", COLD, FLOAT32, "cold_start", "baseline"
)
CHAINS = {10**3: "10³", 10**4: "10⁴", 10**5: "10⁵", 10**6: "10⁶"}
WORKLOADS = [row.name for row in ROWS] + ["cold", "chain", "growth"]
ON_LINUX = {"memory", "chain", "growth"}


def main():
    options = parsed_options()
    with tempfile.TemporaryDirectory() as folder:
        measure_all(options, Processes(options.python, Path(folder)))


def measure_all(options, processes):
    versions = {name: processes.version(name) for name in options.frameworks}
    installed = [name for name in FRAMEWORKS if versions.get(name)]
    print(machine(versions), flush=True)

    table = []
    for rows in ROWS, [COLD_START]:
        rows = [row for row in rows if row.name in options.workloads]
        if rows:
            table += compared(rows, installed, processes, options)
    if "chain" in options.workloads:
        print_chains(installed, processes, options)
    if "growth" in options.workloads:
        for name in [name for name in OURS if name in installed]:
            grown = processes.run("growth", name, options.steps)["figure"]
            after = f"after {options.steps} more steps of digits"
            print(f"\n{FRAMEWORKS[name]} {after}: {grown / 1e6:+.1f} MB")
    if table and options.picture:
        draw(table, options.picture)


def parsed_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--workloads", nargs="+", choices=WORKLOADS, default=WORKLOADS, metavar="NAME")
    add("--frameworks", nargs="+", choices=FRAMEWORKS, default=FRAMEWORKS)
    add("--rounds", type=int, help="5, or 3 with --quick")
    add("--seconds", type=float, help="for which a step is repeated: 1, or 0.2")
    add("--python", action="append", default=[], metavar="FRAMEWORK=INTERPRETER")
    add("--picture", metavar="FILE", help="draw the tables there, as SVG")
    add("--quick", action="store_true", help="fewer, shorter measurements")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.seconds = options.seconds or (0.2 if options.quick else 1.0)
    if sys.platform != "linux":
        options.workloads = [n for n in options.workloads if n not in ON_LINUX]
    options.chains = list(CHAINS)[: -1 if options.quick else None]
    options.steps = 1000 if options.quick else 10000
    options.python = dict(choice.partition("=")[::2] for choice in options.python)
    if not options.python.keys() <= FRAMEWORKS.keys():
        parser.error("--python: expected a framework's name, = and an interpreter")
    return options


def machine(versions):
    """What the figures depend on, in Markdown."""
    processor = platform.processor() or platform.machine()
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.partition(": ")[2] for line in lines if "model name" in line]
        processor = names[0] if names else processor
    prefixes = "OPENBLAS_", "OMP_", "MKL_", "XLA_"
    steering = [f"{k}={v}" for k, v in os.environ.items() if k.startswith(prefixes)]
    missing = [FRAMEWORKS[name] for name in versions if versions[name] is None]
    packages = {package_of(name): version for name, version in versions.items()}
    packages = [f"{n} {v}" for n, v in packages.items() if n in PACKAGES and v]
    return "\n".join(
        [
            f"- {processor}, {os.cpu_count()} cores, {platform.system()}",
            f"- Python {platform.python_version()}, {', '.join(packages)}",
            f"- not installed, left out: {', '.join(missing) or 'none'}",
            f"- variables that steer libraries: {', '.join(steering) or 'none'}\n",
        ]
    )


class Processes:
    """Starts each measurement in a process of its own; nets are saved in the folder."""

    def __init__(self, interpreters, folder):
        self.interpreters, self.folder = interpreters, folder
        # This checkout's micrograd, also for an interpreter that has none.
        paths = os.pathsep.join(map(str, (HERE.parent, HERE)))
        self.environment = {**os.environ, "PYTHONPATH": paths}
        # The others were compiled when they were installed.
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def output(self, framework, *command):
        interpreter = self.interpreters.get(package_of(framework), sys.executable)
        outcome = subprocess.run(
            [interpreter, *map(str, command)],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if outcome.returncode:
            sys.exit(f"{framework}: {command}\n{outcome.stderr}")
        return outcome.stdout

    def version(self, framework):
        """None if the framework is not installed."""
        package = package_of(framework)
        if package not in PACKAGES:
            return "here"
        return json.loads(self.output(framework, HERE / "run.py", "version", package))

    def run(self, measure, framework, *arguments):
        print(f"{measure} {framework} {arguments}", file=sys.stderr)
        arguments = map(json.dumps, arguments)
        script = HERE / "run.py"
        return json.loads(
            self.output(framework, script, measure, framework, *arguments)
        )

    def figure(self, row, framework, seconds):
        """What the table shows, and the numbers that must agree."""
        if row.measure == "cold_start":
            return self.cold_start(framework)
        start = time.time()
        if row.measure == "imported":
            code = f"import {framework}, time; print(time.time())"
            return float(self.output(framework, "-c", code)) - start, []
        arguments = (row.name, seconds) if row.measure == "step_time" else ()
        measured = self.run(row.measure, framework, *arguments)
        if row.measure == "trained":  # which is a time of day
            measured["figure"] -= start
        return measured["figure"], measured["numbers"]

    def cold_start(self, framework):
        """Seconds from the start to the end of a process, and the scores it printed."""
        print(f"cold_start {framework}", file=sys.stderr)
        folder = self.folder / framework
        call = f"{framework}({str(folder)!r})"
        code = f"import cold_start; print(cold_start.{call}.tolist())"
        if not folder.exists():
            folder.mkdir()
            self.output(framework, "-c", f"import cold_start; cold_start.save_{call}")
            self.output(framework, "-c", code)  # compiled, read from the disk
        start = time.perf_counter()
        scores = self.output(framework, "-c", code)
        return time.perf_counter() - start, sum(json.loads(scores), [])


def package_of(framework):
    return framework.partition("_")[0]


def compared(rows, installed, processes, options):
    """Print the table, row by row, and return the figures of each round."""
    columns = [n for n in installed if any(n in row.frameworks for row in rows)]
    print(markdown("", [FRAMEWORKS[name] for name in columns]))
    print(markdown("---", ["---:"] * len(columns)))
    table, differences = [], {FLOAT64: [], FLOAT32: []}
    for row in rows:
        figures = {name: [] for name in columns if name in row.frameworks}
        numbers = {}
        for turn, name in itertools.product(range(options.rounds), list(figures)):
            figure, found = processes.figure(row, name, options.seconds)
            figures[name].append(figure)
            if name != row.baseline:
                numbers[name, turn] = found
        differences[row.tolerance].append(difference(row, numbers))
        table.append((row, figures))
        print(markdown(row.title, [cell(row, figures, name) for name in columns]))
        if row.baseline in figures:
            ratios = [ratio(figures, row.baseline, name) for name in columns]
            print(markdown("NumPy's time divided by …", ratios))
    for kind, tolerance in ("float64", FLOAT64), ("float32", FLOAT32):
        if differences[tolerance]:
            largest = max(differences[tolerance])
            print(f"\n{kind}: results differ by at most {largest:.0e} of the largest.")
    return table


def difference(row, numbers):
    """The largest one, relatively; more than the row's tolerance is an error."""
    (first, expected), *others = numbers.items()
    scale = max(map(abs, expected), default=1.0)
    largest = 0.0
    for who, found in others:
        relative = [abs(a - b) / scale for a, b in zip(found, expected)]
        is_same = all(x <= row.tolerance for x in relative)  # nan is not
        if not is_same or len(found) != len(expected):
            sys.exit(f"{row.title}: {first} has {expected}, {who} has {found}")
        largest = max([largest, *relative])
    return largest


def markdown(title, cells):
    return "| " + " | ".join([title, *cells]) + " |"


def cell(row, figures, name):
    if name not in figures:
        return ""
    figure = readable(row, median(figures[name]))
    return figure if name == "micrograd" else f"{figure} {ratio(figures, name=name)}"


def ratio(figures, base="micrograd", name="micrograd"):
    """The median of base divided by name."""
    if base not in figures or name not in figures or base == name:
        return ""
    return f"({median(b / f for b, f in zip(figures[base], figures[name])):.2g})"


def readable(row, figure):
    if row.measure in ("peak", "arrays"):
        return f"{figure / 1e6:.3g} MB"
    if figure < 1e-3:
        return f"{figure * 1e6:.3g} µs"
    return f"{figure * 1e3:.3g} ms" if figure < 1 else f"{figure:.2f} s"


def print_chains(installed, processes, options):
    """What one of n operators in a row costs, from its birth to its end."""
    names = [name for name in ("micrograd", "torch") if name in installed]
    measured = {}
    for _ in range(options.rounds):
        for key in itertools.product(names, (False, True), options.chains):
            measured.setdefault(key, []).append(processes.run("chain", *key))

    def print_row(title, name, collects, figure):
        outcomes = [measured[name, collects, n] for n in options.chains]
        middles = [median(map(figure, outcome)) for outcome in outcomes]
        print(markdown(title, [f"{middle:.3g}" for middle in middles]))

    lengths = [CHAINS[n] for n in options.chains]
    print("\n" + markdown("an operator, of n in a row", lengths))
    print(markdown("---", ["---:"] * len(options.chains)))
    for name in names:
        label = FRAMEWORKS[name]
        for phase in measured[name, False, options.chains[0]][0]["phases"]:
            figure = lambda m, phase=phase: m["phases"][phase] * 1e6
            print_row(f"{label}: {phase}, µs", name, False, figure)
        total = lambda m: sum(m["phases"].values()) * 1e6
        print_row(f"{label}: all of it, µs", name, False, total)
        print_row(f"{label}: all, garbage collector on, µs", name, True, total)
        memory = [m["bytes"] for m in measured[name, False, options.chains[-1]]]
        cells = [""] * (len(lengths) - 1)  # in short ones, pages of memory blur it
        print(markdown(f"{label}: bytes", [*cells, f"{median(memory):.0f}"]))


def draw(table, path):
    """A panel for each row of the table, a bar for each framework."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "micrograd", "svg.fonttype": "none"})
    import matplotlib.pyplot as plt

    most = max(len(figures) for _, figures in table)
    height = -(-len(table) // 3)
    figure, axes = plt.subplots(height, 3, figsize=(12, 2.6 * height), squeeze=False)
    for axis in axes.flat[len(table) :]:
        axis.remove()
    for axis, (row, figures) in zip(axes.flat, table):
        names = sorted(figures, key=lambda name: -median(figures[name]))
        middles = [median(figures[name]) for name in names]
        colors = ["tab:orange" if n in OURS else "tab:blue" for n in names]
        bars = axis.barh([FRAMEWORKS[name] for name in names], middles, color=colors)
        axis.bar_label(bars, [readable(row, x) for x in middles], padding=2, fontsize=8)
        axis.set_title(row.title, fontsize=10)
        n = len(names)
        axis.set(
            xticks=[], xlim=(0, 1.3 * max(middles)), ylim=(n - most - 0.5, n - 0.5)
        )
        axis.tick_params(axis="y", labelsize=8, length=0)
        axis.spines[["top", "right", "bottom"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
