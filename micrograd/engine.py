"""The engine: a number that remembers how it was computed."""


class Value:
    """A number in an expression.

    Beside each parent stands a function that maps the gradient of this result to
    what the parent's gradient receives: the chain rule, one link at a time.
    """

    def __init__(self, data, parents=(), derivatives=(), op=""):
        self.data = float(data)
        self.grad = 0.0
        self.op = op
        self._parents = parents
        self._derivatives = derivatives

    def __repr__(self):
        return f"Value(data={self.data}, grad={self.grad})"

    def __add__(self, other):
        other = operand(other)
        return Value(
            self.data + other.data, (self, other), (lambda g: g, lambda g: g), "+"
        )

    def __mul__(self, other):
        other = operand(other)
        return Value(
            self.data * other.data,
            (self, other),
            (lambda g: g * other.data, lambda g: g * self.data),
            "*",
        )

    def __pow__(self, exponent):
        if not isinstance(exponent, (int, float)):
            raise TypeError(f"the exponent must be a number, not {exponent!r}")
        return Value(
            self.data**exponent,
            (self,),
            (lambda g: g * exponent * self.data ** (exponent - 1),),
            f"**{exponent}",
        )

    def relu(self):
        return Value(
            max(self.data, 0.0), (self,), (lambda g: g * (self.data > 0),), "relu"
        )

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -operand(other)

    def __truediv__(self, other):
        return self * operand(other) ** -1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return operand(other) - self

    def __rtruediv__(self, other):
        return operand(other) / self

    def backward(self):
        """Set `grad` of every Value below to the derivative of this one by it."""
        order = self._topological_order()
        for value in order:
            value.grad = 0.0
        self.grad = 1.0
        for value in reversed(order):
            for parent, derivative in zip(value._parents, value._derivatives):
                parent.grad += derivative(value.grad)

    def _topological_order(self):
        """Every Value of the expression, parents before their results."""
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            value, parents_are_done = stack.pop()
            if parents_are_done:
                order.append(value)
            elif value not in seen:
                seen.add(value)
                stack.append((value, True))
                stack += [(parent, False) for parent in value._parents]
        return order


def operand(x):
    """What stands on either side of an operator, as a Value."""
    return x if isinstance(x, Value) else Value(x)
