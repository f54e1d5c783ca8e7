"""Joining and contracting Values."""

from functools import partial
from string import ascii_letters

import numpy as np

from micrograd.engine import FUNCTIONS, Value, operand, operator, view


def n_ary(name, forward, derivative, operands):
    derivatives = [partial(derivative, i) for i in range(len(operands))]
    return operator(name, forward, *derivatives)(*operands)


def concatenate(values, axis=0):
    """Join along an axis."""

    def by_part(i, g, y, *parts):
        end = sum(part.shape[axis] for part in parts[: i + 1])
        return np.split(g, [end - parts[i].shape[axis], end], axis)[1]

    if axis is None:
        return concatenate([np.reshape(x, -1) for x in values])
    forward = lambda *parts: np.concatenate(parts, axis)
    return n_ary("concatenate", forward, by_part, values)


def stack(values, axis=0):
    """Join along a new axis."""
    by_part = lambda i, g, y, *_: np.take(g, i, axis)
    return n_ary("stack", lambda *parts: np.stack(parts, axis), by_part, values)


def distinct(term, x):
    """The term without repetitions, and x or its diagonal."""
    letters = "".join(dict.fromkeys(term.replace("...", "."))).replace(".", "...")
    if len(letters) == len(term):
        return term, x
    return letters, view("einsum", lambda x: np.einsum(f"{term}->{letters}", x))(x)


def einsum(subscripts, *operands, optimize=True):
    """Sum products over letters, as np.einsum."""
    inputs, arrow, output = str.replace(subscripts, " ", "").partition("->")
    if not arrow:
        once = [c for c in inputs if c.isalpha() and inputs.count(c) == 1]
        output = "..." * ("..." in inputs) + "".join(sorted(once))
    terms, operands = inputs.split(","), list(operands)
    for i, (term, x) in enumerate(zip(terms, operands)):
        terms[i], operands[i] = distinct(term, x)

    def by_operand(i, g, y, *data):
        term, x = terms[i], data[i]
        others = [*terms[:i], *terms[i + 1 :], output]
        arrays = [*data[:i], *data[i + 1 :], g]
        if not set(term) <= set("".join(others)):
            others, arrays = [*others, term], [*arrays, np.ones_like(x)]
        return np.einsum(f"{','.join(others)}->{term}", *arrays, optimize=True)

    summed = f"{','.join(terms)}->{output}"
    forward = partial(np.einsum, summed, optimize=optimize)
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


FUNCTIONS.update(concatenate=concatenate, stack=stack, einsum=einsum)
for name in ("ndim", "shape", "size"):
    FUNCTIONS[name] = getattr(Value, name).fget
