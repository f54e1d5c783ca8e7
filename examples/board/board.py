"""A net on a Cortex-M4: trained here, adapted there, without Python and without a heap.

    python examples/board/board.py            # writes the C, and runs it if it can
    python examples/board/board.py --to here  # into a folder

Handwritten digits of 8 by 8 pixels are learned in Python. On the board, the light has
gone down to a third. The board takes training steps on a few new images, and is right
again. `arm-none-eabi-gcc` compiles it, and `qemu-system-arm` is the
board. A compiler of this machine's own makes the same program, with the same bits.
"""

import argparse
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from micrograd import Value, compiled, nn, optim, where

HERE = Path(__file__).parent
N_LEARNED, N_TESTED, N_EPOCHS = 160, 200, 10
CPU = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
FLAGS = ["-std=c99", "-Os", "-Wall", "-Wextra", "-ffp-contract=off"]
TICK = 40  # instructions: each takes a nanosecond, and the timer counts 25 MHz


def loss_of(net, x, y):
    """The mean squared distance from 1 for the digit, and from 0 for the others."""
    is_digit = y[:, None] == np.arange(10)
    return ((net(x) - where(is_digit, np.float32(1), np.float32(0))) ** 2).mean()


def trained(images, labels):
    """A net that knows these digits."""
    net = nn.MLP(64, [16, 10], rng=np.random.default_rng(0), dtype=np.float32)
    x = Value(shape=(None, 64), name="x", dtype=np.float32)
    y = Value(shape=(None,), name="y", dtype=int)
    step = compiled(loss_of(net, x, y), wrt=net)
    optimiser = optim.Adam(net.parameters(), learning_rate=0.003)
    rng = np.random.default_rng(1)
    for _ in range(60):
        for rows in np.array_split(rng.permutation(len(images)), 40):
            step(x=images[rows], y=labels[rows])
            optimiser.step()
    return net


def write(folder):
    """The two programs, and their data, as C."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.data))
    images, labels = digits.data[order], digits.target[order]
    n = len(images) - N_LEARNED - N_TESTED
    net = trained((images[:n] / 16).astype(np.float32), labels[:n])

    x = Value(shape=(1, 64), name="x", dtype=np.float32)
    predict = compiled(np.argmax(net(x), axis=1), names=net)
    predict.save(folder / "predict.c")
    x = Value(shape=(8, 64), name="x", dtype=np.float32)
    y = Value(shape=(8,), name="y", dtype=int)
    adapt = compiled(loss_of(net, x, y), wrt=net)
    adapt.save(folder / "adapt.c", optimiser=optim.SGD(net.parameters(), 0.2))

    dim = images[n:].astype(int) // 3
    lines = [
        f"enum {{ N_LEARNED = {N_LEARNED}, N_IMAGES = {len(dim)}, "
        f"N_EPOCHS = {N_EPOCHS} }};",
        array("const uint8_t", "images", dim),
        array("const uint8_t", "labels", labels[n:]),
    ]
    for name, w in net.named_parameters():
        lines.append(array("float", name.replace(".", "_"), w.data))
    (folder / "data.h").write_text("\n".join(lines) + "\n")


def array(kind, name, data):
    """The definition of an array in C."""
    lengths = "".join(f"[{n}]" for n in data.shape)
    text = str(data.tolist()).replace("[", "{").replace("]", "}")
    return f"static {kind} {name}{lengths} = {text};"


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def figures(printed):
    """The numbers that main.c prints, by name."""
    return {k: int(n) for k, n in re.findall(r"^(.+) (\d+)$", printed, re.MULTILINE)}


def on_this_machine(folder):
    """What the program prints, made by the compiler of this machine."""
    program = folder / "here"
    sources = [HERE / "main.c", folder / "predict.c", folder / "adapt.c"]
    run("gcc", *FLAGS, f"-I{folder}", *sources, "-o", program)
    return figures(run(program))


def on_the_board(folder):
    """What it prints under qemu, and the sizes of its parts."""
    compiler = ["arm-none-eabi-gcc", *CPU, *FLAGS, f"-I{folder}"]
    for name in ("predict", "adapt"):
        run(*compiler, "-c", folder / f"{name}.c", "-o", folder / f"{name}.o")
    objects = [folder / "predict.o", folder / "adapt.o"]
    image = folder / "board.elf"
    sources = [HERE / "main.c", HERE / "start.c"]
    link = ["-nostartfiles", f"-T{HERE / 'board.ld'}", "-o", image]
    run(*compiler, *sources, *objects, *link)
    machine = ["-M", "mps2-an386", "-display", "none", "-icount", "shift=0"]
    output = ["-semihosting-config", "enable=on,target=native"]
    printed = subprocess.run(
        ["qemu-system-arm", *machine, *output, "-kernel", image],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    ).stdout
    found = figures(printed)
    for path in objects:
        row = run("arm-none-eabi-size", path).splitlines()[1].split()
        found[f"{path.stem} code"] = int(row[0])
        found[f"{path.stem} static"] = int(row[1]) + int(row[2])
    return found


def stack_of(path):
    """The bytes of stack that a file says it needs."""
    return int(
        re.search(r"about\s+(\d+)\s+bytes\s+of\s+stack", path.read_text()).group(1)
    )


def report(found, folder):
    """The figures in words."""
    share = lambda name: 100 * found[name] / found["images"]
    print(f"right before adapting: {share('right before'):.1f} %")
    print(f"right after {found['steps']} steps: {share('right after'):.1f} %")
    if "adapt code" in found:
        instructions = TICK * found["ticks"] // found["steps"]
        print(f"predict.c: {found['predict code']} bytes of code")
        print(f"adapt.c: {found['adapt code']} bytes of code")
        print(f"adapt.c: {stack_of(folder / 'adapt.c')} bytes of stack")
        print(f"a step of 8 images: {instructions} instructions")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--to", type=Path, help="the folder for what is written")
    folder = parser.parse_args().to or Path(tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    write(folder)
    print(f"written to {folder}")
    here = there = None
    if shutil.which("gcc"):
        here = on_this_machine(folder)
    if shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm"):
        there = on_the_board(folder)
    if here or there:
        report(there or here, folder)
    if here and there:
        is_same = here["bits"] == there["bits"]
        print(f"parameters: {'the same bits' if is_same else 'other bits'} as here")


if __name__ == "__main__":
    main()
