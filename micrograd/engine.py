"""The engine: arrays that remember how they were computed, and the chain rule."""

import itertools
import warnings
from operator import add, attrgetter, iadd, mul, neg, sub

import numpy as np

NUMBERS = {float, int, np.bool_}
DATA = attrgetter("data")
BIRTHS = itertools.count()


def operator(name, forward, *derivatives, thin=False):
    """An operator made of functions of its operands' data: y = forward(*data).

    derivative(g, y, *data), or None, is what an operand receives of g, the gradient of
    y. If thin, g may not be broadcast yet.
    """
    of_numbers = lambda *data: as_number(forward(*data))

    def apply(*operands):
        if len(operands) != len(derivatives):
            raise TypeError(f"{name!r} takes {len(derivatives)} operands")
        inputs = [x if isinstance(x, Value) else operand(x) for x in operands]
        value = Value.__new__(Value)
        value.op, value._backward, value._thin = name, derivatives, thin
        value._inputs = tuple(inputs)
        value._forward, value._born = forward, next(BIRTHS)
        value.grad = value._lazy = value._tape = None
        try:
            data = forward(*[x.data for x in inputs])
            if type(data) is not float:
                is_number = type(data) is not np.ndarray or data.ndim == 0
                if is_number and are_numbers(*[x.data for x in inputs]):
                    value._forward, data = of_numbers, as_number(data)
                data = numeric(data)
        except Exception as error:
            raise located(error, value) from error
        value.data = data
        return value

    return apply


def located(error, node):
    shapes = ", ".join(str(np.shape(x.data)) for x in node._inputs)
    kind = type(error)
    while True:
        try:
            return kind(f"operator {node.op!r} of shapes {shapes}: {error}")
        except TypeError:  # it takes something else than a message
            kind = kind.__base__


def same(g, *_):
    return g


def are_numbers(*data):
    for x in data:
        if type(x) not in NUMBERS:
            return False
    return True


def power(a, b):
    return np.power(a, b) if are_numbers(a, b) else a**b  # Python's may be complex


def power_by_a(g, y, a, b):
    if type(b) is int and b == 2:
        return (g + g) * a
    return g * b * power(a, b - 1.0 * (b != 0))  # 0 if b is 0


def inside(x, y):
    """x, but nan outside the domain, where y is."""
    return np.where(np.isnan(y), y, x)


def sigmoid(x):
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(1.0 * x)))


def by_first(g, y, a, b):  # ties share
    return np.where((b == y) & (a != b), 0.0, g / (1.0 + (a == b)))


def by_second(g, y, a, b):
    return by_first(g, y, b, a)


def dot(a, b):
    is_flat = type(a) is type(b) is np.ndarray and 0 < a.ndim < 3 > b.ndim > 0
    if is_flat and a.size > 1 < b.size:  # else np.dot takes 0 times nan as 0
        return np.dot(a, b)  # which is faster
    return np.matmul(a, b)


def dot_by_a(g, y, a, b):
    if b.ndim == 1:
        return dot(np.asarray(g)[..., None], b[None])
    if a.ndim == 1:
        return dot(b, g[..., None])[..., 0]
    return dot(g, b.swapaxes(-1, -2))


def dot_by_b(g, y, a, b):
    if b.ndim == 1:
        return dot(g, a) if a.ndim == 2 else np.asarray(g)[..., None] * a
    if a.ndim == 1:
        return dot(a[:, None], g[..., None, :])
    return dot(a.swapaxes(-1, -2), g)


def reduction(name, forward, derivative):
    def method(self, axis=None, keepdims=False):
        def by_x(g, y, x):
            if axis is not None and not keepdims:
                g, y = np.expand_dims(g, axis), np.expand_dims(y, axis)
            return derivative(g, y, x, axis)

        return operator(name, lambda x: forward(x, axis, keepdims=keepdims), by_x)(self)

    return method


def count(x, y):
    return getattr(x, "size", 1) // max(getattr(y, "size", 1), 1)


def mean(x, axis, keepdims):
    total = np.add.reduce(x, axis, keepdims=keepdims)
    return total / count(x, total)


def by_extreme(g, y, x, axis):
    ties = x == y
    return g * ties / np.add.reduce(ties, axis, keepdims=True)


def logsumexp(x, axis, keepdims):
    top = np.maximum.reduce(x + 0.0, axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        y = top + np.log(np.add.reduce(np.exp(x - top), axis, keepdims=True))
    return y if keepdims else np.squeeze(y, axis)


def view(name, look):
    def by_x(g, y, x):
        gradient = np.zeros(np.shape(x), np.result_type(g))
        look(gradient)[...] = g
        return gradient

    return operator(name, lambda x: look(np.asarray(x)), by_x)


class Value:
    """An array or a number in an expression.

    `Value(shape=(None, 2), name="x")` is fed by `forward(x=data)`; None is any length.
    """

    # Freed in this order: with the tape first, a long chain would recurse.
    __slots__ = (
        "__weakref__ _backward _born _forward _inputs _lazy _tape _thin data grad op"
    ).split()

    def __init__(self, data=None, *, shape=None, name=None, dtype=None):
        is_lazy = data is None and shape is not None and name is not None
        if not is_lazy and (data is None or not shape is name is dtype is None):
            raise TypeError("expected Value(data) or Value(shape=(None, 2), name='x')")
        self._lazy = Placeholder(shape, name, dtype) if is_lazy else None
        self.data = self._lazy.unfed if is_lazy else numeric(data)
        self.grad, self.op = None, ""
        self._inputs = self._backward = ()
        self._forward = self._tape = self._thin = None

    def __repr__(self):
        return f"Value(data={self.data}, grad={self.grad})"

    name = property(lambda self: self._lazy.name if self._lazy else None)
    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: None if None in self.shape else np.size(self.data))
    dtype = property(lambda self: np.result_type(self.data))
    shape = property(lambda v: v._lazy.shape if v._lazy else np.shape(v.data))
    T = property(lambda self: self.transpose())

    def __len__(self):
        if None in self.shape[:1]:
            raise TypeError("an open axis has no length")
        return len(self.data)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    __bool__ = lambda self: bool(self.data)
    __float__ = lambda self: float(self.data)

    def __array__(self, *args, **kwargs):
        return np.asarray(self.data).__array__(*args, **kwargs)

    def __array_ufunc__(self, ufunc, method, *operands, **options):
        if method != "__call__":
            raise TypeError(f"np.{ufunc.__name__}.{method} has no derivative here")
        return self.__array_function__(ufunc, None, operands, options)

    def __array_function__(self, function, types, operands, options):
        name = f"{getattr(function, '__module__', 'numpy')}.{function.__name__}"
        if function not in FUNCTIONS:
            raise TypeError(f"{name} has no derivative here")
        try:
            return FUNCTIONS[function](*operands, **options)
        except TypeError as error:
            raise TypeError(f"{name} of a Value: {error}") from error

    def __reduce_ex__(self, protocol):
        if self._forward:
            raise TypeError("expressions cannot be pickled or copied, leaves can")
        return super().__reduce_ex__(protocol)

    def forward(self, /, **values):
        """Feed the lazy Values, evaluate again and return the data.

        What is not fed is nan, with a warning. What does not fit feeds nothing.
        """
        results, _, lazies, *_ = topology(self)
        fed = {}
        for lazy in lazies:
            fed[lazy] = lazy._lazy.checked(values)
        for lazy in fed:
            fed[lazy], lazy.data = lazy.data, fed[lazy]
        try:
            for node in (*results, self) if self._forward else ():
                inputs = node._inputs
                if len(inputs) == 2:
                    a, b = inputs
                    node.data = node._forward(a.data, b.data)
                elif len(inputs) == 1:
                    node.data = node._forward(inputs[0].data)
                else:
                    node.data = node._forward(*map(DATA, inputs))
        except Exception as error:
            try:
                raise located(error, node) from error
            finally:  # as it was
                for lazy in fed:
                    lazy.data = fed[lazy]
                for done in results[: (*results, self).index(node)]:
                    done.data = done._forward(*map(DATA, done._inputs))
        return self.data

    def backward(self, wrt=None):
        """Set `grad`, the derivative of the sum of the elements, on `wrt` or on all."""
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
        self.grad = None if wrt == () else exactly(*form(self.data))(1)
        try:
            for step in plan:
                node, parent, derivative, fit, adds, is_last = step
                node = self if node is None else node
                inputs = node._inputs
                if len(inputs) == 2:
                    a, b = inputs
                    gradient = derivative(node.grad, node.data, a.data, b.data)
                elif len(inputs) == 1:
                    gradient = derivative(node.grad, node.data, inputs[0].data)
                else:
                    gradient = derivative(node.grad, node.data, *map(DATA, inputs))
                if is_new:
                    step[3] = fit = fitting(gradient, node, parent, fit)
                gradient = fit(gradient) if fit else gradient
                parent.grad = adds(parent.grad, gradient) if adds else gradient
                if is_last:
                    node.grad = None
        except Exception as error:
            for value in (*leaves, *results, self):
                value.grad = None
            raise located(error, node) from error
        plans[key] = forms, plan

    # y, and what x, or a and b, receive of g, the gradient of y
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
    sigmoid = operator("sigmoid", sigmoid, lambda g, y, x: g * y * (1 - y))
    sin = operator("sin", np.sin, lambda g, y, x: g * np.cos(x))
    cos = operator("cos", np.cos, lambda g, y, x: -g * np.sin(x))
    tanh = operator("tanh", np.tanh, lambda g, y, x: -(y * y - 1) * g)  # in one array
    arctanh = operator("arctanh", np.arctanh, lambda g, y, x: g * np.cosh(y) ** 2)
    arcsin = operator(
        "arcsin", np.arcsin, lambda g, y, x: g / np.sqrt(1 - inside(x, y) ** 2)
    )
    arcsinh = operator("arcsinh", np.arcsinh, lambda g, y, x: g / np.hypot(x, 1))
    abs = __abs__ = operator(
        "abs", np.abs, lambda g, y, x: np.where(x > 0, g, np.where(x < 0, -g, 0.0))
    )
    maximum = operator("maximum", np.maximum, by_first, by_second)
    minimum = operator("minimum", np.minimum, by_first, by_second)
    where = operator(
        "where",
        np.where,
        None,
        lambda g, y, c, a, b: np.where(c, g, 0.0),
        lambda g, y, c, a, b: np.where(c, 0.0, g),
    )
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
    __lt__ = operator("<", np.less, None, None)
    __le__ = operator("<=", np.less_equal, None, None)
    __gt__ = operator(">", np.greater, None, None)
    __ge__ = operator(">=", np.greater_equal, None, None)
    sum = reduction("sum", np.add.reduce, same)
    mean = reduction("mean", mean, lambda g, y, x, _: g / count(x, y))
    max = reduction("max", np.maximum.reduce, by_extreme)
    min = reduction("min", np.minimum.reduce, by_extreme)
    logsumexp = reduction("logsumexp", logsumexp, lambda g, y, x, _: g * np.exp(x - y))

    def clip(self, min=None, max=None):
        return FUNCTIONS[np.clip](self, min, max)

    def reshape(self, *lengths, shape=()):
        return view("reshape", lambda x: x.reshape(*lengths or (shape,)))(self)

    def transpose(self, *order, axes=None):
        return view("transpose", lambda x: x.transpose(*order or (axes,)))(self)

    def __getitem__(self, key):
        """As NumPy's; an element taken twice receives both gradients."""
        keys = key if isinstance(key, tuple) else (key,)
        keys = [k if isinstance(k, Value) else Constant(k) for k in keys]

        def by_x(g, y, x, *keys):
            gradient = np.zeros(np.shape(x), np.result_type(g))
            if any(map(np.ndim, keys)):
                np.add.at(gradient, keys, g)
            else:
                gradient[keys] = g
            return gradient

        forward = lambda x, *keys: np.asarray(x)[keys]
        return operator("[]", forward, by_x, *[None] * len(keys))(self, *keys)


FUNCTIONS = {}  # for NumPy's: filled by micrograd.functions and micrograd.contract
for symbol in "add sub mul truediv pow matmul".split():
    method = getattr(Value, f"__{symbol}__")
    setattr(Value, f"__r{symbol}__", lambda b, a, method=method: method(a, b))


def topology(root):
    """Results in order, leaves, lazy ones, what decides shapes, plans."""
    if root._tape:
        return root._tape
    values, seen = [root], {root}
    for value in values:  # which grows
        for x in value._inputs:
            if x not in seen and isinstance(x, Value):
                seen.add(x)
                values.append(x)
    leaves = [x for x in values if not x._forward]
    results = sorted([x for x in values[1:] if x._forward], key=attrgetter("_born"))
    shaping = leaves + [x for x in results if x.op == "[]"]
    tape = results, leaves, [x for x in leaves if x._lazy], shaping, {}
    root._tape = tape if root._forward else None
    return tape


def new_plan(root, wrt):
    """Steps: node (None for the root, lest it keep itself), operand, derivative, what
    makes it fit, what adds it, and if `node.grad` can go then.
    """
    results, leaves, *_ = topology(root)
    kept = {root, *results, *leaves} if wrt is None else set(wrt)
    needed, reached, links, plan = set(kept), {root}, [], []
    for node in (*results, root):
        for x, derivative in zip(node._inputs, node._backward):
            if derivative and x in needed:
                links.append((node, x, derivative, node not in needed))
                needed.add(node)
    for node, x, derivative, is_last in reversed(links):
        if node in reached:
            start = None if node is root else node
            thin = x._thin and x not in kept
            adds = (add if x._forward else iadd) if x in reached else None
            plan.append([start, x, derivative, thin, adds, is_last])
            reached.add(x)
    for value in kept - reached if wrt else ():
        kind = ValueError if isinstance(value, Value) else TypeError
        raise kind(f"the expression does not depend on {value!r}")
    return plan


class Constant:
    __slots__ = ("data",)

    def __init__(self, data):
        self.data = data


class Placeholder:
    """What a lazy Value takes, and holds until then."""

    def __init__(self, shape, name, dtype):
        if not (isinstance(name, str) and name.isidentifier()):
            raise TypeError(f"name: expected an identifier, got {name!r}")
        self.name, self.dtype = name, dtype
        self.shape = tuple(shape) if np.iterable(shape) else (shape,)
        fill = np.nan if np.dtype(dtype).kind == "f" else 0
        unfed = np.full([1 if n is None else n for n in self.shape], fill, dtype)
        is_number = self.shape == () and dtype is None
        self.unfed = fill if is_number else numeric(unfed, name)
        self.expected = np.result_type(self.unfed)

    def checked(self, values):
        name, expected = self.name, self.expected
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
        if self.dtype is None:
            return data
        if not np.can_cast(np.result_type(data), expected, "same_kind"):
            raise TypeError(f"{name}: expected {expected}, got {np.result_type(data)}")
        return np.asarray(data, expected)


def numeric(data, name="data"):
    if type(data) is float or type(data) is int and -(2**63) <= data < 2**63:
        return data
    try:
        array = np.asarray(None if has_value(data) else data)
    except ValueError:  # a ragged list
        array = np.asarray(None)
    if array.dtype.kind not in "biuf" or hasattr(data, "filled"):  # masked
        kind = type(data).__name__
        raise TypeError(f"{name}: expected real numbers, got {array.dtype} {kind}")
    return array if array.ndim or isinstance(data, np.ndarray) else array[()]


def has_value(x):
    if isinstance(x, (list, tuple)):
        return any(map(has_value, x))
    return isinstance(x, Value)


def operand(x):
    if isinstance(x, (Value, Constant)):
        return x
    return FUNCTIONS[np.stack](x) if has_value(x) else Constant(numeric(x))


def as_number(y):
    if isinstance(y, float):
        return float(y)
    if isinstance(y, int):
        return (y + 2**63) % 2**64 - 2**63  # wraps, as NumPy's
    is_plain = getattr(y, "shape", None) == () and y.dtype in (float, int)
    return y.item() if is_plain else y


def layout(data):
    return type(data) in NUMBERS or (data.shape, data.dtype, data.strides)


def form(data):
    """The type, shape and dtype of its gradient."""
    if type(data) in NUMBERS:
        return float, (), float
    dtype = np.result_type(data if data.dtype.kind == "f" else float)  # native
    return np.ndarray if isinstance(data, np.ndarray) else dtype.type, data.shape, dtype


def exactly(kind, shape, dtype):
    """What makes a gradient of that form."""
    return (lambda g: np.full(shape, g, dtype)) if kind is np.ndarray else kind


def fitting(gradient, node, parent, thin):
    """What makes it fit, if anything; a leaf's owns its memory."""
    if type(gradient) is float and type(parent.data) in NUMBERS:
        return None
    kind, shape, dtype = form(parent.data)
    full, exact = getattr(gradient, "shape", ()), exactly(kind, shape, dtype)
    has_dtype = getattr(gradient, "dtype", type(gradient)) == dtype
    if not has_dtype:
        numeric(gradient, "gradient")
    fits = has_dtype and type(gradient) is kind
    if full == shape:
        if fits and not parent._forward:
            flags = gradient.flags
            fits = flags.forc and flags.owndata and gradient is not node.grad
        return None if fits else exact
    lead = len(full) - len(shape)
    if lead <= 0 and all(n in (1, m) for n, m in zip(full[::-1], shape[::-1])):
        return None if has_dtype and thin else exact
    if fits and len(full) == 2 and full[1:] == shape:
        return np.ones(len(gradient), dtype).dot
    axes = tuple(i for i, n in enumerate(full) if i < lead or shape[i - lead] != n)
    total = lambda g: np.add.reduce(g, axes, keepdims=True).reshape(shape)
    return total if fits else lambda g: exact(total(g))
