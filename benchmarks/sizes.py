"""How much is shipped: saved programs, packages, and the memory of a process.

    pip install ".[bench]"
    python benchmarks/sizes.py

prints a table in Markdown. For a package in an environment of its own, name the
interpreter: --python tensorflow=venv-tf/bin/python. What is not installed is left out.
Memory is measured on Linux only.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
NETS = {  # (sizes, dtype)
    "4-8-1, float64": ((4, 8, 1), "float64"),
    "64-32-10, float32": ((64, 32, 10), "float32"),
    "784-256-256-10, float32": ((784, 256, 256, 10), "float32"),
}
PACKAGES = {
    "numpy": "NumPy",
    "onnxruntime": "ONNX Runtime",
    "torch": "PyTorch",
    "tensorflow": "TensorFlow",
}
INSTALLED = """
import json
from importlib.metadata import PackageNotFoundError, distributions

found = {}
for package in distributions():
    name = package.metadata["Name"].lower().replace("_", "-")
    files = [path.locate() for path in package.files or ()]
    size = sum(path.stat().st_size for path in files if path.exists())
    found[name] = package.version, size
print(json.dumps(found))
"""
PEAK = """
with open("/proc/self/status") as lines:
    print(next(int(line.split()[1]) for line in lines if "VmHWM" in line))
"""
ANSWER = """
import numpy as np
from answer import step
step(x=np.ones((1, 784), np.float32))
"""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--python", action="append", default=[], metavar="PACKAGE=INTERPRETER"
    )
    chosen = parser.parse_args().python
    interpreters = dict(choice.partition("=")[::2] for choice in chosen)

    print("| what is there | size |\n|---|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for title, (sizes, dtype) in NETS.items():  # the last one stays there
            code, arrays = saved(folder, sizes, dtype)
            print(f"| {title}: its code and its arrays | {code} + {arrays} |")
        print(f"| micrograd, its wheel | {wheel(folder)} |")
        for name, title in PACKAGES.items():
            interpreter = interpreters.get(name, sys.executable)
            installed = json.loads(output(interpreter, "-c", INSTALLED))
            if name in installed or f"{name}-cpu" in installed:
                version, size = installed.get(name) or installed[f"{name}-cpu"]
                print(f"| {title} {version}, installed | {readable(size)} |")
        if sys.platform == "linux":
            peaks = [peak(folder, code) for code in ("import numpy\n", ANSWER)]
            print(f"| memory of a process: NumPy alone | {peaks[0]} |")
            print(f"| with the last net's answer | {peaks[1]} |")


def saved(folder, sizes, dtype):
    """The sizes of what a saved net consists of."""
    import numpy as np

    sys.path.insert(0, str(HERE.parent))
    from micrograd import Value, compiled, nn

    n, *layers = sizes
    model = nn.MLP(n, layers, rng=np.random.default_rng(0), dtype=dtype)
    x = Value(shape=(None, n), name="x", dtype=dtype)
    answer = compiled(nn.softmax(model(x)), names=model)
    answer.save(f"{folder}/answer.py", parameters=True)
    files = [Path(folder, f"answer.{ending}") for ending in ("py", "npz")]
    return [readable(file.stat().st_size) for file in files]


def wheel(folder):
    """The size of this checkout's wheel."""
    command = "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder
    output(sys.executable, "-m", *command, str(HERE.parent))
    (file,) = Path(folder).glob("*.whl")
    return readable(file.stat().st_size)


def peak(folder, code):
    """The most memory that a process which runs the code had."""
    kibibytes = int(output(sys.executable, "-c", code + PEAK, folder=folder))
    return readable(1024 * kibibytes)


def output(*command, folder=None):
    environment = {**os.environ, "PYTHONPATH": folder or ""}
    result = subprocess.run(
        command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE
    )
    return result.stdout


def readable(size):
    for unit in "kB", "MB", "GB":
        size /= 1000
        if size < 1000:
            return f"{size:.3g} {unit}"


if __name__ == "__main__":
    main()
