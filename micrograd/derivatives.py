"""Derivatives as expressions: `gradient(y, wrt)`, `jacobian` and `hessian`.

`backward()` runs the rules' derivatives on arrays. Here they run on Values, so each
gradient is an expression again. It is fed, drawn, compiled and differentiated like any
other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, overload

import numpy as np

from micrograd.arrays import HALF, NUMBERS, dtype_of_gradient
from micrograd.engine import (
    Constant,
    Value,
    apply,
    as_operand,
    located_at,
    values_in,
)
from micrograd.graph import new_values_in, node_of, results_of, set_call_site
from micrograd.interface.functions import stack
from micrograd.interface.methods import without_looking
from micrograd.names import is_net
from micrograd.rules import (
    PRIMITIVES,
    RULES,
    Function,
    Rule,
    at_least,
    at_most,
    fit,
    in_single,
    inside,
    placed_at,
    relu,
    reshape_like,
    rule_of,
    run_on,
    sigmoid,
    widened,
)

if TYPE_CHECKING:
    from micrograd.engine import Values


@overload
def gradient(y: Value, wrt: Value) -> Value: ...
@overload
def gradient(y: Value, wrt: Mapping[str, Value]) -> dict[str, Value]: ...
@overload
def gradient(y: Value, wrt: Values) -> Any: ...


def gradient(y: Value, wrt: Values) -> Any:
    """The derivatives of the sum of y's elements, as Values.

    Each has the shape and dtype that `backward()` gives to the gradient. It is zeros if
    y does not depend on its Value.

    Parameters
    ----------
    y : an expression of numbers
    wrt : a Value; or several, a dictionary of names and Values, or a Module

    Returns
    -------
    A Value for a Value, a list for several, a dictionary for a dictionary. For a Module
    it is a dictionary by the names of the parameters.

    Raises
    ------
    TypeError : y is not a Value or is of booleans; wrt contains something other than
        Values; or y contains the derivative of an operator of your own which cannot be
        differentiated

    >>> x = Value([1.0, 2.0])
    >>> first = gradient(x**4, x)
    >>> second = gradient(first, x)
    >>> print(first.data, second.data)
    [ 4. 32.] [12. 48.]
    """
    if not isinstance(y, Value):
        raise TypeError(f"y: expected a Value, got {y!r}")
    if y.dtype.kind == "b":
        raise TypeError("expected an expression of numbers, got booleans")
    wrt = [*wrt] if isinstance(wrt, Iterator) else wrt
    values = values_in(wrt)
    return in_form_of(wrt, dict(zip(values, gradients_of(y, values))))


def in_form_of(wrt: Any, gradients: dict[Value, Value]) -> Any:
    """The gradients in the same list or dictionary as their Values."""
    if isinstance(wrt, Value):
        return gradients[wrt]
    if is_net(wrt):
        wrt = dict(wrt.named_parameters())
    if isinstance(wrt, Mapping):
        return {name: in_form_of(wrt[name], gradients) for name in wrt}
    parts = wrt.parameters() if hasattr(wrt, "parameters") else wrt
    return [in_form_of(x, gradients) for x in parts]


def jacobian(y: Value, x: Value) -> Value:
    """The derivative of each element of y by each of x, of shape y.shape + x.shape.

    The expression has a gradient for each element of y; so its size grows with y's.

    Raises
    ------
    TypeError : y or x is not a Value, y is of booleans or has an open axis

    >>> x = Value([1.0, 2.0])
    >>> jacobian(x**2, x).data
    array([[2., 0.],
           [0., 4.]])
    """
    for name, value in (("y", y), ("x", x)):
        if not isinstance(value, Value):
            raise TypeError(f"{name}: expected a Value, got {value!r}")
    if np.ndim(y.data) == 0:
        return gradient(y, x)
    rows = [jacobian(row, x) for row in y]
    return stack(rows) if rows else Value(np.zeros((*np.shape(y.data), *x.shape)))


def hessian(y: Value, x: Value) -> Value:
    """The second derivatives of y, of shape y.shape + x.shape + x.shape.

    Of many elements it is large: gradient((gradient(y, x) * v).sum(), x) is its product
    with v, without the matrix.

    Raises
    ------
    TypeError : as for `jacobian`; or x has an open axis

    >>> x = Value([1.0, 2.0])
    >>> hessian((x**3).sum(), x).data
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    return jacobian(jacobian(y, x), x)


# --- The chain rule -------------------------------------------------------------------


def gradients_of(y: Value, wrt: list[Value]) -> list[Value]:
    """The gradient of y with respect to each, as `Value.backward` finds it."""
    nodes = results_of([y])
    links = links_to(wrt, nodes)
    shapes = Shapes([x for node in nodes for x in (*node.parents, node)] or [y])
    gradients = {y: on_values(fit, (1.0, y), {})}
    shapes.known[gradients[y]] = shapes.known[y]
    for node in reversed(nodes):
        if node not in gradients or not links[node]:
            continue
        g, origin = gradients[node], Origin(node)
        data = [x if type(x) is Value else x.data for x in node_of(node).operands]
        try:
            for x, derivative in links[node]:
                gradient = differentiated(node, derivative, g, data)
                shapes.note(gradient, origin)
                if not shapes.is_fit(gradient, x):
                    gradient = on_values(fit, (gradient, x), {})
                if x in gradients:
                    gradient = gradients[x] + gradient
                shapes.note(gradient, origin)
                gradients[x] = gradient
        except Exception as error:
            raise located_at(node, error, origin) from error
    found = []
    for x in wrt:
        gradient = gradients.get(x, 0.0)
        is_final = x in gradients and shapes.is_fit(gradient, x)
        is_final = is_final and not shapes.have_any_dtype
        found.append(gradient if is_final else on_values(fit, (gradient, x), {}))
    return found


def links_to(
    wrt: list[Value], nodes: list[Value]
) -> dict[Value, list[tuple[Value, Function]]]:
    """For each node, the operands that lead to wrt, and the derivative for each."""
    leading = set(wrt)
    links: dict[Value, Any] = {}
    for node in nodes:
        _rule, operands, *_ = node_of(node)
        pairs = zip(operands, _rule.derivatives)
        links[node] = [(x, by) for x, by in pairs if by and x in leading]
        if links[node]:
            leading.add(node)
    return links


def differentiated(node: Value, derivative: Function, g: Value, data: list[Any]) -> Any:
    """What an operand of a node receives, as an expression."""
    rule, y = node_of(node).rule, node
    formula = getattr(derivative, "__wrapped__", None)
    if g.dtype == HALF:
        g, y, data = in_single(g), in_single(y), list(map(in_single, data))
    with without_looking():
        if not rule.is_opaque or formula is None:
            return derivative(g, y, *data)
        try:
            return as_operand(formula(g, y, *data))
        except Exception:  # it takes arrays alone
            return apply(opaque_derivative(rule, derivative), g, y, *data)


def opaque_derivative(rule: Rule, derivative: Function) -> Rule:
    """A derivative of a user's operator, as an operator without derivatives."""

    def refuse(*_: Any) -> NoReturn:
        raise TypeError(
            f"the derivative of {rule.name!r} cannot be differentiated: write it in "
            "NumPy's functions, np.where(x > 0, a, b) for a branch"
        )

    n = 2 + len(rule.derivatives)
    name = f"derivative of {rule.name}"
    return Rule(name, derivative, (refuse,) * n, is_opaque=True)


def on_values(
    function: Function, data: tuple[Any, ...], parameters: dict[str, Any]
) -> Value:
    """What `rules.run` does for Values: the function is one operator."""
    rule = rule_of(function)
    if parameters or rule.is_variadic:
        rule = rule.bind(parameters, len(data))
    return apply(rule, *[x if type(x) is Value else Constant(x) for x in data])


run_on[Value] = on_values


class Origin:
    """The call site of a derivative: that of the operator which it belongs to."""

    __slots__ = ("call_site", "node")

    def __init__(self, node: Value) -> None:
        self.node, self.call_site = node, node_of(node).call_site

    def __str__(self) -> str:
        return str(self.call_site)


# --- Shapes that follow what is fed ---------------------------------------------------

ELEMENTWISE = {np.where, relu, sigmoid, at_least, at_most, inside}
ELEMENTWISE |= {in_single, widened}
IN_SHAPE_OF_SECOND = {fit, placed_at, reshape_like}
OF_ANY_LENGTH = {"argwhere", "flatnonzero"}  # as many as the data have


class Shapes:
    """Which Values surely have equal shapes, whatever is fed.

    `known` has a shape for a Value whose lengths are fixed. Lengths of others follow
    open axes or masks. Such a Value has a number, which only those share that have the
    same shape at each `forward()`.

    Attributes
    ----------
    known : a shape or a number for each Value
    have_any_dtype : whether a lazy Value takes any dtype
    """

    def __init__(self, values: list[Value]) -> None:
        self.elementwise = {
            rule_of(f)
            for f in (*RULES, *PRIMITIVES)
            if isinstance(f, np.ufunc) and not f.signature or f in ELEMENTWISE
        }
        self.like_second = {PRIMITIVES[f] for f in IN_SHAPE_OF_SECOND}
        self.have_any_dtype = False
        self.known: dict[Any, Any] = {}
        for x in values:
            if x not in self.known:
                self.known[x] = self.shape_of(x)

    def note(self, y: Any, origin: Origin) -> None:
        """Know the shapes of the new results in y, which belong to that operator."""
        for x in (
            new_values_in(y, self.known.__contains__) if isinstance(y, Value) else ()
        ):
            self.known[x] = self.shape_of(x)
            set_call_site(x, origin)

    def shape_of(self, y: Value) -> Any:
        """The shape, or a number."""
        rule, operands, placeholder, _ = node_of(y)
        shape = np.shape(y.data)
        if placeholder:
            self.have_any_dtype |= placeholder.dtype is None
            return len(self.known) if None in placeholder.shape else shape
        if rule is None or shape == ():  # the number of axes never changes
            return shape
        rule = rule.of_arrays or rule
        shapes = [
            self.known[x] if type(x) is Value else np.shape(x.data) for x in operands
        ]
        if rule in self.like_second:
            return shapes[1]
        if all(type(n) is tuple for n in shapes) and not has_any_length(rule, operands):
            return shape
        found = set(shapes) - {()}
        if rule in self.elementwise and len(found) == 1:
            return found.pop()
        return len(self.known)

    def is_fit(self, gradient: Any, x: Value) -> bool:
        """Whether a gradient surely has the shape and dtype for x."""
        if not isinstance(gradient, Value) or self.known[gradient] != self.known[x]:
            return False
        if type(x.data) in NUMBERS:
            return type(gradient.data) is float
        is_same = gradient.dtype == dtype_of_gradient(x.dtype)
        return is_same and type(gradient.data) is type(x.data)


def has_any_length(rule: Rule, operands: tuple[Value | Constant, ...]) -> bool:
    """Whether the shape of a result depends on data."""
    keys = operands[1:] if rule.name == "[]" else ()
    is_mask = [isinstance(x, Value) and x.dtype.kind == "b" for x in keys]
    return any(is_mask) or rule.name in OF_ANY_LENGTH
