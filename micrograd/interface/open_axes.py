"""Open axes: the shapes of expressions whose lengths follow the data that are fed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd import engine
from micrograd.arrays import Placeholder
from micrograd.engine import Constant, Value, order_of
from micrograd.graph import new_values_in, node_of, results_of
from micrograd.interface.call_sites import asking_functions
from micrograd.rules import Rule, located

shape_in_engine: Callable[[Value], Any] = vars(Value)["shape"].fget
LENGTHS = (2, 17)  # two lengths of open axes show which other lengths follow them


def plug_in() -> None:
    """Let `shape` show open axes, and let `apply` ask about feeds that do not fit."""
    Value.shape = property(shape_of, doc=shape_of.__doc__)  # type: ignore
    engine.without_feeds = without_feeds


# --- Shapes ---------------------------------------------------------------------------


def shape_of(x: Value) -> tuple[int | Any, ...]:
    """The lengths of the axes; None where one follows an open axis of a lazy Value.

    `data` has the present lengths.

    Raises
    ------
    ValueError : the expression does not work with other lengths of its open axes

    >>> Value([[1, 2, 3], [4, 5, 6]]).shape, Value(2.0).shape
    ((2, 3), ())
    >>> Value(shape=(None, 2), name="x").T.shape
    (2, None)
    """
    if x.name:  # it is lazy
        shape = shape_in_engine(x)
    else:
        shapes = [np.shape(x.data), *map(np.shape, probes_of(x))]
        if len(set(map(len, shapes))) > 1:
            raise ValueError(f"open axes of other lengths give other axes: {shapes}")
        shape = tuple(n[0] if len(set(n)) == 1 else None for n in zip(*shapes))
    if None in shape and asking_functions()[1][0].startswith("matplotlib."):
        raise TypeError("an open axis has no length to draw: write v.data")
    return shape  # type: ignore[no-any-return]


def probes_of(x: Value) -> tuple[Any, ...]:
    """Its data for both lengths of all open axes; none, if it depends on none.

    They are found when first asked for, and kept, so that asking at every operator of a
    chain takes a time that grows with its length alone.
    """
    if x._probes is None:
        for new in new_values_in(x, lambda x: x._probes is not None):
            new._probes = probed(new) if new.op else probes_of_leaf(new)
    return x._probes  # type: ignore[no-any-return]


def probes_of_leaf(leaf: Value) -> tuple[Any, ...]:
    """Unfed data of both lengths; none, if none of its axes is open."""
    placeholder = open_placeholder(leaf)
    return tuple(map(placeholder.of_length, LENGTHS)) if placeholder else ()


def open_placeholder(leaf: Value) -> Placeholder | None:
    """The placeholder of a lazy leaf that has an open axis."""
    placeholder = node_of(leaf).placeholder
    return placeholder if placeholder and None in placeholder.shape else None


def probed(result: Value) -> tuple[Any, ...]:
    """The data of a result for the probes of its operands."""
    rule, operands, _, call_site = node_of(result)
    of_operands = [getattr(x, "_probes", ()) for x in operands]
    if not any(of_operands):
        return ()
    results = []
    for i, n in enumerate(LENGTHS):
        data = [
            probes[i] if probes else x.data for x, probes in zip(operands, of_operands)
        ]
        try:
            with np.errstate(all="ignore"):
                results.append(rule.value(*data))
        except Exception as error:
            shapes = map(np.shape, data)
            problem = ValueError(f"it does not work where open axes have length {n}")
            raise located(problem, rule.name, shapes, call_site) from error
    return tuple(results)


# --- Lengths that do not fit yet ------------------------------------------------------


def without_feeds(rule: Rule, operands: tuple[Value | Constant, ...]) -> Any:
    """The result on unfed data, if the lengths of open axes are why a rule fails.

    Lazy Values keep their last feeds. Two of them may have been fed by different
    expressions, with different numbers of rows. Or an axis is not fed yet, has length
    1, and meets a fixed length. Neither is an error: the result waits for `forward()`.

    Returns
    -------
    The result for open axes of length 1, or of a fixed length that they meet. None if
    there is none, or if the rule works for other data of the same lengths.
    """
    open_ones, fixed = [], {1: 1}
    for y in operands:
        lazies = order_of(y).lazies if isinstance(y, Value) else []
        found = [x for x in lazies if open_placeholder(x)]
        open_ones += found
        fixed.update({} if found else dict.fromkeys(np.shape(y.data)))
    if not open_ones:
        return None
    with np.errstate(all="ignore"):
        if any(x.is_fed for x in open_ones):
            same_lengths = lambda x, p: np.full_like(x.data, np.ravel(p.unfed)[0])
            if result_for(same_lengths, rule, operands) is not None:
                return None
        for n in fixed:
            of_length = lambda x, p: p.of_length(n)  # noqa: B023
            result = result_for(of_length, rule, operands)
            if result is not None:
                return result
    return None


def result_for(
    data_for: Callable[[Value, Placeholder], Any], rule: Rule, operands: Any
) -> Any | None:
    """The result for other data of the lazy Values; None if there is an error."""
    found: dict[Any, Any] = {}
    values = [x for x in operands if isinstance(x, Value)]
    try:
        for x in [x for y in values for x in order_of(y).lazies]:
            found[x] = data_for(x, node_of(x).placeholder)
        for node in results_of(values):
            made = node_of(node)
            data = [found.get(x, x.data) for x in made.operands]
            found[node] = made.rule.value(*data)
        return rule.value(*[found.get(x, x.data) for x in operands])
    except Exception:
        return None
