"""Contracting Values: sums of products over letters or axes."""

from functools import partial
from string import ascii_letters

import numpy as np

from micrograd.engine import FUNCTIONS, operand, view
from micrograd.functions import n_ary


def distinct(term, x):
    """The term without repetitions, and x or its diagonal."""
    letters = "".join(dict.fromkeys(term))
    if letters == term:
        return term, x
    return letters, view("einsum", lambda x: np.einsum(f"{term}->{letters}", x))(x)


def contracted(subscripts, *arrays, optimize=True):
    dtype = np.result_type(*map(np.asarray, arrays))  # booleans alone add as "or"
    arrays = [np.asarray(x, dtype) for x in arrays]
    return np.einsum(subscripts, *arrays, optimize=optimize)


def einsum(subscripts, *operands, optimize=True):
    """Sum products over the letters that the result lacks, as np.einsum does."""
    if not isinstance(subscripts, str):
        raise TypeError(f"einsum: expected subscripts, got {subscripts!r}")
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    if not arrow:
        once = [c for c in inputs if c.isalpha() and inputs.count(c) == 1]
        output = "..." * ("..." in inputs) + "".join(sorted(once))
    terms, operands = inputs.split(","), [operand(x) for x in operands]
    spare = "".join(c for c in ascii_letters if c not in subscripts)
    rest = ""  # the letters for the axes of "...", as they broadcast: from the right
    for i, (term, x) in enumerate(zip(terms, operands)):
        n = np.ndim(x.data) - len(term) + 3
        dots = spare[:n][::-1] if "..." in term else ""
        terms[i], operands[i] = distinct(term.replace("...", dots), x)
        rest = max(rest, dots, key=len)
    output = output.replace("...", rest)

    def by_operand(i, g, y, *data):
        term, x = terms[i], data[i]
        others = [*terms[:i], *terms[i + 1 :], output]
        arrays = [*data[:i], *data[i + 1 :], g]
        if not set(term) <= set("".join(others)):  # x alone is summed there
            others, arrays = [*others, term], [*arrays, np.ones_like(x)]
        gradient = contracted(f"{','.join(others)}->{term}", *arrays)
        is_whole = np.shape(gradient) == np.shape(x)
        return gradient if is_whole else gradient + np.zeros(np.shape(x))

    summed = f"{','.join(terms)}->{output}"
    forward = partial(contracted, summed, optimize=optimize)
    return n_ary("einsum", forward, by_operand, operands)


def tensordot(left, right, axes):
    """Contract the last axis of left with the first of right, and so on."""
    left, right = operand(left), operand(right)
    a, b = np.shape(left.data), np.shape(right.data)
    inner = a[::-1][:axes]
    if len(inner) != axes or inner != b[:axes]:
        raise ValueError(f"tensordot: no {axes} axes pair in {a} and {b}")
    i = ascii_letters[: len(a)]
    j = i[::-1][:axes] + ascii_letters[len(a) :][: len(b) - axes]
    return einsum(f"{i},{j}->{i[: len(a) - axes]}{j[axes:]}", left, right)


FUNCTIONS[np.einsum] = einsum
