"""Derivatives of functions that are linear in each operand, each as one operator.

The derivative of a linear function f is its adjoint f*: ⟨g, f(x)⟩ = ⟨f*(g), x⟩. So the
derivative of f* is f again, and both have derivatives of every order.
"""

from __future__ import annotations

from typing import Any

from micrograd.rules import PRIMITIVES, Function, Rule, primitive, run


def linear(function: Function, adjoint: Function) -> Function:
    """The derivative of a function that is linear in its first operand.

    The other operands, such as indices, have no gradient. adjoint(g, x, *others) needs
    no more of x than its shape.
    """

    def grad_g(gg: Any, y: Any, g: Any, x: Any, *others: Any, **options: Any) -> Any:
        return run(function, gg, *others, **options)

    name = f"adjoint of {function.__name__}"
    of_any = primitive(grad_g, name=name)(adjoint)

    def grad_x(g: Any, y: Any, x: Any, *others: Any, **options: Any) -> Any:
        return of_any(g, x, *others, **options)

    return grad_x


def multilinear(function: Function, grad: Function) -> Function:
    """The derivative of a variadic function that is linear in each of its operands.

    grad(i, g, *data) is that by the i-th, of which it needs no more than the shape.
    """

    def adjoint(g: Any, *data: Any, i: int, **options: Any) -> Any:
        return grad(i, g, *data, **options)

    def grad_adjoint(
        k: int, gg: Any, y: Any, g: Any, *data: Any, i: int, **options: Any
    ) -> Any:
        data = (*data[:i], gg, *data[i + 1 :])
        if k == 0:  # by g
            return run(function, *data, **options)
        return 0.0 if k == i + 1 else of_any(g, *data, i=k - 1, **options)

    name = f"adjoint of {function.__name__}"
    of_any = primitive()(adjoint)
    PRIMITIVES[of_any] = Rule(name, of_any, (grad_adjoint,), is_variadic=True)

    def grad_of(i: int, g: Any, y: Any, *data: Any, **options: Any) -> Any:
        return of_any(g, *data, i=i, **options)

    return grad_of
