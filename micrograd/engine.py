"""The engine: arrays that remember how they were computed, and the chain rule."""

import warnings
from operator import add, iadd, mul, neg, sub

import numpy as np

NUMBERS = {float, int}


def operator(name, forward, *derivatives, thin=False):
    """An operator on Values and raw data, made of functions of data:

    y = forward(*data), and for each operand derivative(g, y, *data) or None: what it
    receives of g, the gradient of y, in its shape or one that it was broadcast to.
    Thin: they take a g that is yet to be broadcast, too.
    """

    def apply(*operands):
        if len(operands) != len(derivatives):
            raise TypeError(f"operator {name!r} takes {len(derivatives)} operands")
        operands = list(map(operand, operands))
        evaluate = bound(forward, operands)
        try:
            data = evaluate()
        except Exception as error:
            raise located(error, name, operands) from error
        value = Value.__new__(Value)
        value._forward = evaluate
        if type(data) is not float and {type(x.data) for x in operands} <= NUMBERS:
            value._forward = lambda: as_number(evaluate())
            data = as_number(data)
        value.data, value.grad, value.op = data, None, name
        value._lazy, value._tape, value._thin = None, None, thin
        edges = [
            (x, derivative and bound(derivative, operands, is_derivative=True))
            for x, derivative in zip(operands, derivatives)
            if isinstance(x, Value)
        ]
        value._parents, value._backward = zip(*edges) if edges else ((), ())
        return value

    return apply


def same(g, *_):
    return g


def bound(function, operands, is_derivative=False):
    if function is same:
        return same
    if len(operands) > 2:
        return lambda *gy: function(*gy, *[x.data for x in operands])
    a, b = operands[0], operands[-1]
    if len(operands) == 1:
        if is_derivative:
            return lambda g, y: function(g, y, a.data)
        return lambda: function(a.data)
    if is_derivative:
        return lambda g, y: function(g, y, a.data, b.data)
    return lambda: function(a.data, b.data)


def power(a, b):
    if type(a) in NUMBERS and type(b) in NUMBERS:  # never complex
        return np.power(a, b)
    return a**b


def power_by_a(g, y, a, b):
    if type(b) is int and b == 2:
        return (g + g) * a
    return g * b * power(a, b - 1.0 * (b != 0))  # 0 where b is 0


def inside(x, y):
    """x, but nan outside the domain, where y is."""
    return np.where(np.isnan(y), y, x)


def rest(x, y):
    return 1 - inside(x, y) ** 2


def dot(a, b):
    is_flat = type(a) is type(b) is np.ndarray and 0 < a.ndim < 3 > b.ndim > 0
    return np.dot(a, b) if is_flat else np.matmul(a, b)  # np.dot is faster


def dot_by_a(g, y, a, b):
    if b.ndim == 1:
        return dot(g[..., None], b[None])
    if a.ndim == 1:
        return dot(b, g[..., None])[..., 0]
    return dot(g, b.swapaxes(-1, -2))


def dot_by_b(g, y, a, b):
    if b.ndim == 1:
        return dot(g, a) if a.ndim == 2 else g[..., None] * a
    if a.ndim == 1:
        return dot(a[:, None], g[..., None, :])
    return dot(a.swapaxes(-1, -2), g)


class Value:
    """An array or a number in an expression.

    `Value(data)` keeps arrays and numbers as they are. The lazy `Value(shape=(None, 2),
    name="x")` is fed by `forward(x=data)`; an axis of None is open to any length.
    """

    # Freed in this order: the parents before the tape, which has them too, lest a long
    # chain recurse.
    __slots__ = (
        "__weakref__ _backward _forward _lazy _parents _tape _thin data grad op".split()
    )
    __array_ufunc__ = None  # array * value is a Value

    def __init__(self, data=None, *, shape=None, name=None, dtype=None):
        is_lazy = data is None and shape is not None and name is not None
        if not is_lazy and (data is None or not shape is name is dtype is None):
            raise TypeError("expected Value(data) or Value(shape=(None, 2), name='x')")
        self._lazy = Placeholder(shape, name, dtype) if is_lazy else None
        self.data = self._lazy.unfed if is_lazy else numeric(data)
        self.grad, self.op = None, ""
        self._parents = self._backward = ()
        self._forward = self._tape = self._thin = None

    def __repr__(self):
        return f"Value(data={self.data}, grad={self.grad})"

    name = property(lambda self: self._lazy.name if self._lazy else None)
    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: None if None in self.shape else np.size(self.data))
    dtype = property(lambda self: np.asarray(self.data).dtype)

    @property
    def shape(self):
        """The length of each axis; an open one of a lazy Value is None."""
        return self._lazy.shape if self._lazy else np.shape(self.data)

    def __len__(self):
        if None in self.shape[:1]:
            raise TypeError("an open axis has no length")
        return len(self.data)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __bool__(self):
        return bool(self.data)

    def __float__(self):
        return float(self.data)

    def __array__(self, *args, **kwargs):
        return np.asarray(self.data).__array__(*args, **kwargs)

    def __getstate__(self):
        if self._forward:
            raise TypeError("expressions cannot be pickled or copied, leaves can")
        return None, {slot: getattr(self, slot) for slot in self.__slots__[1:]}

    def forward(self, /, **values):
        """Feed the lazy Values, evaluate the expression again and return its data.

        What is not fed is nan, with a warning. After a ValueError (shape) or TypeError
        (dtype) nothing is fed.
        """
        results, _, lazies, *_ = topology(self)
        fed = []
        for lazy in lazies:
            fed.append(lazy._lazy.checked(values))
        for lazy, data in zip(lazies, fed):
            lazy.data = data
        try:
            for node in (*results, self) if self._forward else ():
                node.data = node._forward()
        except Exception as error:
            raise located(error, node.op, node._parents) from error
        return self.data

    def backward(self, wrt=None):
        """Set `grad`, the derivative of the sum of this Value's elements.

        With respect to one Value or several that it depends on, or to all.
        """
        results, leaves, lazies, shaping, plans = topology(self)
        if wrt is not None:
            wrt = (wrt,) if isinstance(wrt, Value) else tuple(wrt)
        key = wrt and tuple(map(id, wrt))
        forms = [layout(x.data) for x in shaping]
        known, plan = plans.get(key, (None, None))
        is_new = known != forms
        plan = new_plan(self, wrt) if is_new else plan
        if any(lazy.data is lazy._lazy.unfed for lazy in lazies):
            warnings.warn("run forward() before backward()", stacklevel=2)
        for value in (*leaves, *results):
            value.grad = None
        self.grad = None if wrt == () else exactly(self.data)(1)
        try:
            for step in plan:
                node, parent, derivative, fit, adds, is_last = step
                if node is None:
                    node = self
                gradient = derivative(node.grad, node.data)
                if is_new:
                    step[3] = fit = fitting(gradient, node, parent, fit)
                if fit:
                    gradient = fit(gradient)
                parent.grad = adds(parent.grad, gradient) if adds else gradient
                if is_last:
                    node.grad = None
        except Exception as error:
            raise located(error, node.op, node._parents) from error
        plans[key] = forms, plan

    # y of x, or of a and b, and what these receive of g, the gradient of y
    exp = operator("exp", np.exp, lambda g, y, x: g * y)
    log = operator("log", np.log, lambda g, y, x: g / inside(x, y))
    log1p = operator("log1p", np.log1p, lambda g, y, x: g / (1 + inside(x, y)))
    sqrt = operator("sqrt", np.sqrt, lambda g, y, x: np.divide(g, 2 * y))
    relu = operator(
        "relu",
        lambda x: np.maximum(x, 0),
        lambda g, y, x: np.where(y > 0, g, 0.0),
        thin=True,
    )
    tanh = operator("tanh", np.tanh, lambda g, y, x: g * (1 - y * y))
    arctanh = operator("arctanh", np.arctanh, lambda g, y, x: g / rest(x, y))
    arcsin = operator("arcsin", np.arcsin, lambda g, y, x: g / np.sqrt(rest(x, y)))
    arcsinh = operator("arcsinh", np.arcsinh, lambda g, y, x: g / np.hypot(x, 1))
    __neg__ = operator("neg", neg, lambda g, y, x: -g)
    __add__ = operator("+", add, same, same)
    __sub__ = operator("-", sub, same, lambda g, y, a, b: -g)
    __mul__ = operator("*", mul, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
    __truediv__ = operator(
        "/",
        np.divide,  # by 0, Python's own would raise
        lambda g, y, a, b: np.divide(g, b),
        lambda g, y, a, b: np.divide(-g * y, b),
    )
    __pow__ = operator(
        "**",
        power,
        power_by_a,
        lambda g, y, a, b: g * y * np.log(np.where((a == 0) & (b >= 0), 1, a)),
        thin=True,
    )
    __matmul__ = operator("@", dot, dot_by_a, dot_by_b)
    T = property(operator("T", np.transpose, lambda g, y, x: np.transpose(g)))

    def sum(self, axis=None, keepdims=False):
        """The sum over an axis, a tuple of axes, or all."""
        forward = lambda x: np.add.reduce(x, axis, keepdims=keepdims)
        is_whole = axis is None or keepdims
        by_x = lambda g, y, x: g if is_whole else np.expand_dims(g, axis)
        return operator("sum", forward, by_x)(self)

    def mean(self, axis=None, keepdims=False):
        """The mean, likewise."""
        count = lambda x, y: np.size(x) // max(np.size(y), 1)
        forward = lambda total, x: total / count(x, total)
        by_total = lambda g, y, total, x: g / count(x, y)
        return operator("mean", forward, by_total, None)(self.sum(axis, keepdims), self)

    def __getitem__(self, key):
        """What NumPy selects; an element taken twice receives both gradients."""
        keys = key if isinstance(key, tuple) else (key,)
        keys = [k if isinstance(k, Value) else Constant(k) for k in keys]
        forward = lambda x, *keys: np.asarray(x)[keys]

        def by_x(g, y, x, *keys):
            gradient = np.zeros(np.shape(x), np.result_type(g))
            np.add.at(gradient, keys, g)
            return gradient

        return operator("[]", forward, by_x, *[None] * len(keys))(self, *keys)


for symbol in ("add", "sub", "mul", "truediv", "pow", "matmul"):
    method = getattr(Value, f"__{symbol}__")
    setattr(Value, f"__r{symbol}__", lambda b, a, method=method: method(a, b))


def topology(root):
    """Results in order, leaves, lazy ones, what sets shapes, plans."""
    if root._tape:
        return root._tape
    results, leaves, seen, stack = [], [], set(), [root]
    while stack:
        value = stack.pop()
        if value is None:  # the parents of the next one are done
            results.append(stack.pop())
        elif value not in seen:
            seen.add(value)
            if value._forward:
                stack += (value, None, *value._parents)
            else:
                leaves.append(value)
    results = results[:-1]
    shaping = leaves + [x for x in results if x.op == "[]"]
    tape = results, leaves, [x for x in leaves if x._lazy], shaping, {}
    root._tape = tape if root._forward else None
    return tape


def new_plan(root, wrt):
    """Steps: node (None is the root, which must not keep itself alive), parent,
    derivative, what makes it fit, what adds it, if `node.grad` can go then.
    """
    results, leaves, *_ = topology(root)
    kept = {root, *results, *leaves} if wrt is None else set(wrt)
    links = {}
    for node in (*results, root):
        pairs = zip(node._parents, node._backward)
        links[node] = [(p, d) for p, d in pairs if d and (p in kept or links.get(p))]
    plan, reached = [], {root}
    for node in reversed(links):
        start = None if node is root else node
        for parent, derivative in links[node] if node in reached else ():
            thin = parent._thin and parent not in kept
            adds = (add if parent._forward else iadd) if parent in reached else None
            plan.append([start, parent, derivative, thin, adds, False])
            reached.add(parent)
        if links[node] and node in reached:
            plan[-1][5] = node not in kept
    for value in wrt or ():
        if value not in reached:
            raise ValueError(f"the expression does not depend on {value}")
    return plan


def tensordot(left, right, axes):
    """Contract the last axis of left with the first of right, and so on outwards."""
    left, right = operand(left), operand(right)
    a, b = np.shape(left.data), np.shape(right.data)
    if len(a[::-1][:axes]) != axes or a[::-1][:axes] != b[:axes]:
        raise ValueError(f"tensordot: cannot pair {axes} axes of {a} and {b}")
    i = list(range(len(a)))
    j = i[::-1][:axes] + list(range(len(a), len(a) + len(b) - axes))
    k = i[: len(a) - axes] + j[axes:]
    return operator(
        "tensordot",
        lambda a, b: np.einsum(a, i, b, j, k, optimize=True),
        lambda g, y, a, b: np.einsum(g, k, b, j, i, optimize=True),
        lambda g, y, a, b: np.einsum(a, i, g, k, j, optimize=True),
    )(left, right)


def stack(values):
    by_part = [lambda g, y, *parts, i=i: g[i] for i in range(len(values))]
    return operator("stack", lambda *parts: np.stack(parts), *by_part)(*values)


class Constant:
    __slots__ = ("data",)

    def __init__(self, data):
        self.data = data


class Placeholder:
    """What a lazy Value takes, and holds until then."""

    def __init__(self, shape, name, dtype):
        if not str.isidentifier(name):
            raise TypeError(f"name: expected an identifier, got {name!r}")
        self.name, self.has_dtype, self.dtype = name, dtype is not None, np.dtype(dtype)
        self.shape = tuple(shape) if np.iterable(shape) else (shape,)
        fill = np.nan if self.dtype.kind == "f" else 0
        unfed = np.full([1 if n is None else n for n in self.shape], fill, dtype)
        self.unfed = numeric(unfed if self.shape or self.has_dtype else fill, name)

    def checked(self, values):
        name, expected = self.name, self.dtype
        if name not in values:
            if expected.kind != "f":
                raise ValueError(f"{name}: expected {expected}, got nothing")
            warnings.warn(f"{name} is not fed: nan", stacklevel=3)
            return self.unfed
        data = numeric(values[name], name)
        shape = np.shape(data)
        fits = [n in (None, m) for n, m in zip(self.shape, shape)]
        if len(shape) != len(self.shape) or not all(fits):
            raise ValueError(f"{name}: expected shape {self.shape}, got {shape}")
        if not self.has_dtype:
            return data
        dtype = np.asarray(data).dtype
        if not np.can_cast(dtype, expected, "same_kind"):
            raise TypeError(f"{name}: expected {expected}, got {dtype}")
        return np.asarray(data, expected)


def numeric(data, name="data"):
    if type(data) is float or type(data) is int and -(2**63) <= data < 2**63:
        return data
    array = np.asarray(None if has_value(data) else data)
    if array.dtype.kind not in "biuf":
        kind = f"{type(data).__name__} of dtype {array.dtype}"
        raise TypeError(f"{name}: expected real numbers, got {kind}")
    return array if array.ndim or isinstance(data, np.ndarray) else array[()]


def has_value(x):
    if isinstance(x, (list, tuple)):
        return any(map(has_value, x))
    return isinstance(x, Value)


def operand(x):
    if isinstance(x, (Value, Constant)):
        return x
    return stack(x) if has_value(x) else Constant(numeric(x))


def as_number(y):
    """A result of Python's numbers as one; integers wrap around as NumPy's."""
    if isinstance(y, int):
        return (y + 2**63) % 2**64 - 2**63
    is_plain = getattr(y, "shape", None) == () and y.dtype in (float, int)
    return y.item() if is_plain else y


def located(error, name, operands):
    kind = next(t for t in type(error).__mro__ if t.__module__ == "builtins")
    shapes = ", ".join(str(np.shape(x.data)) for x in operands)
    return kind(f"operator {name!r} of shapes {shapes}: {error}")


def layout(data):
    return type(data) in NUMBERS or (data.shape, data.dtype, data.strides)


def form(data):
    """The type, shape and dtype of a gradient by data."""
    if type(data) in NUMBERS:
        return float, (), None
    dtype = data.dtype if data.dtype.kind == "f" else np.dtype(float)
    return np.ndarray if isinstance(data, np.ndarray) else dtype.type, data.shape, dtype


def exactly(data):
    kind, shape, dtype = form(data)
    return (lambda g: np.full(shape, g, dtype)) if kind is np.ndarray else kind


def fitting(gradient, node, parent, thin):
    """What makes an outcome fit the parent, if anything; a leaf's is its own."""
    kind, shape, dtype = form(parent.data)
    exact, full = exactly(parent.data), np.shape(gradient)
    fits = getattr(gradient, "dtype", None) == dtype
    if full != shape and np.broadcast_shapes(full, shape) == shape:
        return None if fits and thin else exact
    fits = fits and type(gradient) is kind
    if fits and len(full) == 2 and full[1:] == shape:
        return np.ones(len(gradient), dtype).dot  # a bias: faster than a sum
    if full != shape:
        lead = len(full) - len(shape)
        axes = tuple(i for i, n in enumerate(full) if i < lead or shape[i - lead] != n)
        return lambda g: exact(np.add.reduce(g, axes).reshape(shape))
    if fits and kind is np.ndarray and not parent._forward:
        flags = gradient.flags
        fits = flags.forc and flags.owndata and gradient is not node.grad
    return None if fits else exact
