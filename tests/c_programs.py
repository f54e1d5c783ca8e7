"""Programs that are saved as C: how tests compile and run them.

All programs of a test become one executable. It reads the data of their arguments from
a file, calls each, and writes what they return and set to another file. Every argument
has memory of its own of just its size, so that the compiler's sanitizers see each
access beside it.
"""

import ctypes
import os
import re
import shutil
import subprocess
import unittest
from typing import NamedTuple

import numpy as np

CTYPES = {
    "bool": "bool",
    "double": "float64",
    "float": "float32",
    "int": "int32",
    **{f"{kind}_t": kind for n in (8, 16, 32, 64) for kind in (f"int{n}", f"uint{n}")},
}
CLEAN = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-ffp-contract=off"]
SAFE = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
UNSET = 0xAA  # in each byte of what a function shall write

MAIN = """
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *input, *output;

static void *filled(size_t n)
{
    void *data = malloc(n);
    if (fread(data, 1, n, input) != n)
        exit(1);
    return data;
}

static void *unset(size_t n)
{
    return memset(malloc(n), 0xAA, n);
}

static void taken(void *data, size_t n)
{
    fwrite(data, 1, n, output);
    free(data);
}
"""


class Argument(NamedTuple):
    name: str
    dtype: str
    lengths: tuple  # as C declares them; of open axes the names
    is_number: bool
    is_output: bool

    @property
    def nbytes(self):
        return int(np.prod(self.lengths, dtype=int)) * np.dtype(self.dtype).itemsize


def has(compiler):
    return shutil.which(compiler) is not None


needs_gcc = unittest.skipUnless(has("gcc"), "needs a compiler of C: gcc")


def function_in(text, name=r"\w+"):
    """The name of a function in a file, of the first one if not told, its arguments."""
    pattern = rf"^int ({name})\(\n(.*?)\)\n\{{"
    name, declared = re.search(pattern, text, re.DOTALL | re.MULTILINE).groups()
    arguments = []
    for x in declared.split(",\n"):
        argument = argument_of(x.strip())
        if "[restrict]" in x:  # the comment says which length it is
            row = re.search(rf"^ +{argument.name} +\w+ \(([^,]+),", text, re.MULTILINE)
            lengths = (row.group(1), *argument.lengths)
            argument = argument._replace(lengths=lengths, is_number=False)
            argument = argument._replace(is_output=not x.strip().startswith("const"))
        arguments.append(argument)
    return name, arguments


def resolved(arguments, data):
    """Arguments with numbers as lengths, given the data of the inputs."""
    known = dict(zip([x.name for x in arguments if not x.is_output], data))
    return [
        x._replace(lengths=tuple(max(eval(str(n), {}, known), 1) for n in x.lengths))
        for x in arguments
    ]


def argument_of(text):
    """An argument, from its declaration."""
    pattern = r"(const )?(\w+) (\*restrict )?(\w+)((?:\[[^]]*\])*)"
    is_input, kind, pointer, name, lengths = re.fullmatch(pattern, text).groups()
    lengths = tuple(map(int, re.findall(r"\d+", lengths)))
    is_number = not pointer and not lengths
    is_output = not is_input and not is_number
    return Argument(name, CTYPES[kind], lengths, is_number, is_output)


def lengths_in(text, program, data):
    """The lengths of the open axes that a program's function asks for first."""
    _, arguments = function_in(text)
    names = [x.name for x in arguments if x.name not in program.names.values()]
    names = [name for name in names if f"    int {name},\n" in text]
    found = {}
    inputs = [x for x in arguments if not x.is_output and x.name not in names]
    for argument, x in zip(inputs, data):
        for n, length in zip(argument.lengths, np.shape(x)):
            if n in names:
                found[n] = length
    return [found.get(name, 1) for name in names]


def compiled_c(folder, sources, compiler="gcc", flags=SAFE):
    """The executable of files of C, of which one has a main; AssertionError if none."""
    program = folder / "program"
    command = [compiler, *CLEAN, *flags, "-o", program, *sources, "-lm"]
    outcome = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if outcome.returncode:
        raise AssertionError(f"{compiler}: {outcome.stdout[:4000]}")
    return program


def loaded_c(folder, path):
    """A file of C as a library for ctypes."""
    library = folder / f"{path.stem}{len(os.listdir(folder))}.so"  # never loaded yet
    command = ["gcc", *CLEAN, "-O1", "-shared", "-fPIC", "-o", library, path, "-lm"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


def run_c(folder, files, inputs, compiler="gcc", flags=SAFE):
    """Of each file what its function returns, and its outputs by name.

    `inputs` has a list of arrays and numbers for each file.
    """
    functions = [function_in(path.read_text()) for path in files]
    functions = [(f, resolved(x, data)) for (f, x), data in zip(functions, inputs)]
    lines = [MAIN]
    for path, (name, arguments) in zip(files, functions):
        head = re.search(rf"^int {name}\(.*?\)(?=\n\{{)", path.read_text(), re.S | re.M)
        lines.append(f"{head.group()};\n\nstatic void call_{name}(void)\n{{")
        for i, x in enumerate(arguments):
            kind = next(k for k, v in CTYPES.items() if v == x.dtype)
            if x.is_number:
                lines.append(f"    {kind} *p{i} = filled(sizeof({kind}));")
            else:
                source = "unset" if x.is_output else "filled"
                lines.append(f"    void *p{i} = {source}({x.nbytes});")
        given = ", ".join(f"{'*' * x.is_number}p{i}" for i, x in enumerate(arguments))
        lines.append(f"    int code = {name}({given});")
        lines.append("    fwrite(&code, sizeof code, 1, output);")
        for i, x in enumerate(arguments):
            last = f"taken(p{i}, {x.nbytes})" if x.is_output else f"free(p{i})"
            lines.append(f"    {last};")
        lines.append("}\n")
    lines.append("int main(int n, char **names)\n{\n    (void)n;")
    lines.append(
        '    input = fopen(names[1], "rb");\n    output = fopen(names[2], "wb");'
    )
    lines += [f"    call_{name}();" for name, _ in functions]
    lines.append("    fclose(input);\n    return fclose(output);\n}\n")
    main = folder / "call_all.c"
    main.write_text("\n".join(lines))
    program = compiled_c(folder, [main, *files], compiler, flags)
    with open(folder / "input", "wb") as file:
        for data, (_, arguments) in zip(inputs, functions):
            for x, argument in zip(data, [x for x in arguments if not x.is_output]):
                array = np.ascontiguousarray(x, argument.dtype)
                file.write(array.tobytes().ljust(argument.nbytes, b"\0"))
    outcome = subprocess.run(
        [program, folder / "input", folder / "output"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if outcome.returncode:
        raise AssertionError(outcome.stdout[:4000])
    results = []
    with open(folder / "output", "rb") as file:
        for _, arguments in functions:
            code = int.from_bytes(file.read(4), "little", signed=True)
            outputs = {}
            for x in arguments:
                if x.is_output:
                    data = np.frombuffer(file.read(x.nbytes), x.dtype)
                    outputs[x.name] = data.reshape(x.lengths)
            results.append((code, outputs))
    return results
