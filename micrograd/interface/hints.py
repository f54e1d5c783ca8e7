"""Hints: what to write instead of other libraries' names and words, for errors.

NumPy's arrays, PyTorch and other libraries have names, and words for options, that
micrograd lacks. Using such a name raises an error that names the replacement.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import isroutine
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from micrograd.arrays import HINTS, WHEN_LOADED, warn
from micrograd.engine import Value, has_value, order_of
from micrograd.graph import results_of
from micrograd.interface.call_sites import asking_functions

if TYPE_CHECKING:
    from typing import NoReturn

Method = TypeVar("Method", bound=Callable[..., Any])


def plug_in() -> None:
    """Add the hints to error messages, and the names of other libraries to Value."""
    HINTS.append(find)
    names = {name: f"v.data.{name}" for name in dir(np.ndarray) if name[0] != "_"}
    names.update(dict.fromkeys(IN_PLACE, OUT_OF_PLACE))
    names.update(INSTEAD["value"])
    for name, words in names.items():
        if not hasattr(Value, name):
            setattr(Value, name, Instead(name, words))
    for name in ("sum", "mean"):
        setattr(Value, name, with_numpys_words(getattr(Value, name)))
    Value.__init__ = with_gradients(Value.__init__)  # type: ignore
    Value.backward = with_one_graph(Value.backward)  # type: ignore
    Value.forward = warning_of_wrapping(Value.forward)  # type: ignore
    Value.__dir__ = own_names  # type: ignore
    Value.__call__ = refuse_call  # type: ignore
    WHEN_LOADED.append(add_hints)


def add_hints(names: dict[str, Any]) -> None:
    """Answer other libraries' names and words in nn and in optim, when it is loaded."""
    module = names["__name__"]
    names["__getattr__"] = lambda name: refuse(
        module.rpartition(".")[2], f"module {module!r}", name
    )
    if "Module" in names:
        names["Module"].__getattr__ = attribute_of("module", names["Module"])
    if "Optimiser" in names:
        owner = names["Optimiser"]
        owner.__getattr__ = attribute_of("optimiser", owner)
        for kind in names.values():
            if isinstance(kind, type) and issubclass(kind, names["Optimiser"]):
                kind.__init__ = with_our_words(kind.__init__)  # type: ignore


def attribute_of(subject: str, owner: type) -> Callable[[Any, str], Any]:
    """The `__getattr__` of a class: a hint, or Python's own error."""

    def __getattr__(self: Any, name: str) -> Any:
        if name in INSTEAD[subject]:
            refuse(subject, f"{type(self).__name__!r} object", name)
        return object.__getattribute__(self, name)

    __getattr__.__module__ = owner.__module__  # for help()
    __getattr__.__qualname__ = f"{owner.__name__}.__getattr__"
    return __getattr__


def refuse(subject: str, owner: str, name: str) -> NoReturn:
    """Raises AttributeError: the owner, a module or an object, lacks the name."""
    raise AttributeError(f"{owner} has no attribute {name!r}{find(subject, name)}")


MODES = "nothing: these modules have no modes"
DEVICES = "nothing: NumPy computes on the CPU"
SCHEDULES = "learning_rate=schedule, an iterable of a number for each step"

INSTEAD = {
    "micrograd": {
        "Tensor": "micrograd.Value",
        "grad": "gradient(y, x), or y.backward(), which leaves it on x.grad",
        "jacfwd": "jacobian(y, x)",
        "jacrev": "jacobian(y, x)",
        "jvp": "gradient((gradient((u * y).sum(), x) * v).sum(), u)",
        "no_grad": "nothing: forward() computes no gradients",
        "tensor": "micrograd.Value",
    },
    "nn": {
        "AvgPool2d": "x.reshape(...).mean(axis=(2, 4)), as max in docs/blocks.md",
        "BCELoss": "-(y * p.log() + (1 - y) * (1 - p).log()).mean()",
        "BCEWithLogitsLoss": "cross_entropy(stack([0 * s, s], axis=-1), y)",
        "BatchNorm1d": "the Module BatchNorm in docs/blocks.md",
        "BatchNorm2d": "the Module BatchNorm in docs/blocks.md",
        "Conv1d": "the function conv2d in docs/blocks.md, with one row",
        "Conv2d": "the function conv2d in docs/blocks.md",
        "CrossEntropyLoss": "cross_entropy(logits, targets), a function",
        "Dropout": "x * mask, of a lazy mask that is fed: docs/blocks.md",
        "Embedding": "table[numbers], of table = Value(array): docs/blocks.md",
        "Flatten": "x.reshape(-1, n), where n is what the other axes have",
        "GELU": "x * (1 + special.erf(x / 2**0.5)) / 2",
        "GRU": "a loop over time, as the cell in examples/lstm.py",
        "L1Loss": "np.abs(score - y).mean()",
        "LSTM": "a loop over time, as the cell in examples/lstm.py",
        "LayerNorm": "the function layer_norm in docs/blocks.md",
        "Linear": "Layer(nin, nout, nonlin=False)",
        "MaxPool2d": "x.reshape(...).max(axis=(2, 4)), as in docs/blocks.md",
        "ModuleList": "a list of modules in an attribute",
        "MSELoss": "((score - y) ** 2).mean()",
        "MultiheadAttention": "the function attention in docs/blocks.md",
        "NLLLoss": "cross_entropy(logits, targets), which applies log_softmax itself",
        "Parameter": "Value(data): a leaf in an attribute is a parameter",
        "ReLU": "x.relu(), or Layer(nin, nout)",
        "Sequential": "MLP(nin, nouts), or a Module with a list of layers",
        "Sigmoid": "x.sigmoid(), or Layer(nin, nout, activation=Value.sigmoid)",
        "Softmax": "softmax(x, axis=-1), a function",
        "Tanh": "x.tanh(), or Layer(nin, nout, activation=Value.tanh)",
        "functional": "methods, as x.relu(), and nn.softmax and nn.cross_entropy",
        "utils": "optim.clip_grad_norm(model, max_norm)",
    },
    "optim": {
        "Optimizer": "Optimiser",
        "clip_grad_norm_": "clip_grad_norm(model, max_norm)",
        "lr_scheduler": SCHEDULES,
    },
    "value": {
        # NumPy's methods that change an array, which a Value is not.
        "fill": "np.full_like(v, x)",
        "itemset": "v.at[key].set(x)",
        "partition": "np.partition(v, kth), which gives a new Value",
        "put": "v.at[key].set(x)",
        "resize": "v.reshape(shape)",
        "setflags": "nothing: a Value is not changed in place",
        "sort": "np.sort(v), which gives a new Value",
        "view": "v.reshape(shape) or v.astype(dtype)",
        # PyTorch's names for what NumPy calls otherwise.
        "add": "v + w",
        "bmm": "v @ w",
        "bool": "v.astype(bool)",
        "cat": "concatenate([v, w])",
        "clone": "v itself, as it is not changed in place; v.detach() cuts its history",
        "cpu": DEVICES,
        "cuda": DEVICES,
        "device": DEVICES,
        "dim": "v.ndim",
        "div": "v / w",
        "double": "v.astype(np.float64)",
        "expand": "np.broadcast_to(v, shape)",
        "float": "v.astype(np.float32)",
        "gather": "np.take_along_axis(v, indices, axis)",
        "grad_fn": "v.op and v.parents",
        "index_select": "v[indices]",
        "is_leaf": "not v.parents",
        "log_softmax": "micrograd.special.log_softmax(v, axis=-1)",
        "long": "v.astype(np.int64)",
        "masked_fill": "where(mask, x, v)",
        "matmul": "v @ w",
        "mm": "v @ w",
        "mul": "v * w",
        "mv": "v @ w",
        "neg": "-v",
        "norm": "np.linalg.norm(v)",
        "numel": "v.size",
        "permute": "v.transpose(axes)",
        "pow": "v ** n",
        "requires_grad": "backward(wrt=w); without wrt, all have gradients",
        "retain_grad": "y.backward(), which leaves the gradients of all",
        "scatter_add": "v.at[key].add(x)",
        "softmax": "micrograd.nn.softmax(v)",
        "sub": "v - w",
        "t": "v.T",
        "to": f"v.astype(dtype), or {DEVICES}",
        "unsqueeze": "np.expand_dims(v, axis)",
    },
    "module": {
        "add_module": "model.layer = layer",
        "bias": "b, of a Layer or Neuron",
        "children": "named_parameters()",
        "cpu": DEVICES,
        "cuda": DEVICES,
        "double": "dtype=np.float64 where the module is made",
        "eval": MODES,
        "float": "dtype=np.float32 where the module is made",
        "forward": "model(x)",
        "half": "dtype=np.float16 where the module is made",
        "modules": "named_parameters()",
        "named_modules": "named_parameters()",
        "register_buffer": "model.name = array",
        "register_parameter": "model.name = Value(data)",
        "requires_grad_": "backward(wrt=...), of what shall have gradients",
        "to": f"{DEVICES}; for a dtype, dtype=np.float32 where the module is made",
        "train": MODES,
        "training": MODES,
        "weight": "w, of a Layer or Neuron",
    },
    "optimiser": {
        "add_param_group": "an optimiser for each group of Values",
        "closure": "step() after backward()",
        "load": "checkpoint.load(path, optimiser=optimiser)",
        "lr": "learning_rate",
        "param_groups": "learning_rate and the other settings, one for all Values",
        "params": "wrt",
        "save": "checkpoint.save(path, optimiser=optimiser)",
        "state": "memory, or state_dict()",
    },
}

# PyTorch's.
IN_PLACE = [
    *("add_", "clamp_", "copy_", "div_", "fill_", "mul_", "pow_", "relu_"),
    *("requires_grad_", "sub_", "zero_"),
]
OUT_OF_PLACE = "v = ... for a new Value, or w.data[...] = ... of a leaf's data"

SCIPYS = ("log_softmax", "logsumexp", "softmax")  # that are no ufuncs: SciPy asks

FILLED = "Value(array).at[key].set(x), which gives a new Value"
FUNCTIONS = {  # of NumPy, that have no derivative
    "numpy.add.at": "v.at[key].add(x)",
    **dict.fromkeys(["numpy.copyto", "numpy.fill_diagonal", "numpy.place"], FILLED),
    **dict.fromkeys(["numpy.put", "numpy.put_along_axis", "numpy.putmask"], FILLED),
    "numpy.linalg.cond": "np.linalg.norm(v, 2) * np.linalg.norm(np.linalg.inv(v), 2)",
    "numpy.linalg.eig": "np.linalg.eigh(v) of symmetric matrices",
    "numpy.linalg.eigvals": "np.linalg.eigvalsh(v) of symmetric matrices",
    "numpy.linalg.lstsq": "np.linalg.pinv(v) @ w",
    "numpy.multiply.outer": "np.outer(v, w)",
    **dict.fromkeys(["numpy.save", "numpy.savetxt"], "v.data"),
    **dict.fromkeys(["numpy.savez", "numpy.savez_compressed"], "v.data"),
}

NO_ARRAY = (
    ": write v.data or v.numpy() where only numbers are wanted; to keep the gradient, "
    "write NumPy's functions and operators, such as np.exp(v) or a @ v, stack([v, w]) "
    "or concatenate([v, w]) for an array of Values, and Value(a).at[key].set(v), or "
    "v.at[key].set(x), to fill one in"
)
NO_INDEX = (
    ": to select from an array, write Value(array)[v], or np.take(Value(array), v)"
)
ASKING = {  # by package: what to write where it asks for an array
    "matplotlib": ": write v.data to draw it",
    "pandas": ": write series.to_numpy() * v, as pandas does not know Values",
}


def for_array(value: Value) -> str:
    """What to write where an array is wanted, by who wants it."""
    for module, function in asking_functions():
        if module.startswith("scipy.special") and function in SCIPYS:
            return f": write micrograd.special.{function}(v)"
        if module.partition(".")[0] in ASKING:
            return ASKING[module.partition(".")[0]]
    return (NO_INDEX if value.dtype.kind in "biu" else "") + NO_ARRAY


def for_operand(given: Any) -> str:
    """What to write instead of an operand, or a feed, that is no real numbers."""
    if given is None:
        return " (the length of an open axis; mean(axis=0) divides a sum by it)"
    if hasattr(given, "filled"):
        return " (write array.filled(x), or where(array.mask, x, array.data))"
    if hasattr(given, "columns"):
        return " (choose columns of numbers: frame[names].to_numpy(float))"
    if getattr(getattr(given, "dtype", None), "kind", "") in ("O", "S", "U"):
        return " (if all are numbers, write array.astype(float))"
    return " (write v.data for its numbers)" if has_value(given) else ""


def find(subject: str, given: Any) -> str:
    """What to write instead of what was given; "" if the tables say nothing."""
    if subject in INSTEAD or subject == "function":
        words = INSTEAD.get(subject, FUNCTIONS).get(given)
        return f": write {words}" if words else ""
    if subject == "array":
        return for_array(given)
    if subject == "missing":
        from micrograd.names import names_in  # loaded on first use

        x, wrt = given
        name = x.name or (names_in(wrt) or {}).get(x)
        return f" ({name})" if name else ""
    if subject == "wrt" and isinstance(given, np.ndarray):  # PyTorch's backward(g)
        return "; for gradients g of a result, write (result * g).sum().backward()"
    if subject == "wrt" and isroutine(given):
        return f", a method: write {given.__name__}()"
    if subject in ("operand", "feed"):
        return for_operand(given)
    return ""


# --- Unsigned numbers -----------------------------------------------------------------


def warning_of_wrapping(forward: Method) -> Method:
    """`forward()`, which warns if differences of what it is fed wrap around below 0."""

    @wraps(forward)
    def checked(self: Value, /, *unnamed: Any, **feeds: Any) -> Any:
        result = forward(self, *unnamed, **feeds)
        if any(map(is_unsigned, feeds.values())):
            fed = {str(x.name): x.data for x in order_of(self).lazies}
            warn_of_wrapping(fed, [(x.op, x.data) for x in results_of([self])])
        return result

    return checked  # type: ignore[return-value]


def warn_of_wrapping(feeds: dict[str, Any], results: list[tuple[str, Any]]) -> None:
    """Warn if a result, given with its operator, is a difference of unsigned ones."""
    if any(name in ("-", "neg") and is_unsigned(data) for name, data in results):
        fed = ", ".join([x for x in feeds if is_unsigned(feeds[x])])
        warn(
            f"{fed}: a difference of unsigned integers wraps around below 0: feed "
            "array.astype(float), or define the Value with dtype=float"
        )


def is_unsigned(x: Any) -> bool:
    """Whether it is an array of unsigned integers."""
    return getattr(getattr(x, "dtype", None), "kind", "") == "u"


def own_names(value: Value) -> list[str]:
    """Its attributes, without names that only say what to write instead."""
    names = object.__dir__(value)
    return [name for name in names if hasattr(type(value), name)]


def refuse_call(value: Value, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises TypeError: an expression is fed, not called."""
    raise TypeError(
        "a Value is not a function: v.forward(x=data) feeds and evaluates it, and "
        "compiled(v) makes a function of it"
    )


class Instead:
    """A name that a Value does not have: an AttributeError says what to write.

    A descriptor for each, since `__getattr__` would make all attributes slower.
    """

    __slots__ = ("message",)

    def __init__(self, name: str, words: str) -> None:
        self.message = f"a Value has no attribute {name!r}: write {words}"

    def __get__(self, value: Any, owner: Any) -> NoReturn:
        raise AttributeError(self.message)

    def __set__(self, value: Any, x: Any) -> NoReturn:
        raise AttributeError(self.message)

    def __repr__(self) -> str:
        return self.message


def refusing(**ours: str) -> Callable[[Method], Method]:
    """A decorator of methods: refuse others' words for their options by saying ours.

    >>> @refusing(dim="axis=")
    ... def total(values, axis=None): ...
    >>> total([1, 2], dim=0)
    Traceback (most recent call last):
    TypeError: total(): expected axis=, got dim=
    """

    def decorated(method: Method) -> Method:
        """The method, which refuses these words."""
        _, _, name = method.__qualname__.replace(".__init__", "").rpartition(".")

        @wraps(method)
        def checked(*args: Any, **options: Any) -> Any:
            for theirs in options:
                if theirs in ours:
                    words = f"expected {ours[theirs]}, got {theirs}="
                    raise TypeError(f"{name}(): {words}")
            return method(*args, **options)

        return checked  # type: ignore[return-value]

    return decorated


with_numpys_words = refusing(dim="axis=", keepdim="keepdims=")
with_our_words = refusing(lr="learning_rate=", params="wrt=")
with_gradients = refusing(requires_grad="no such word, as every Value has a gradient")
with_one_graph = refusing(
    create_graph="gradient(y, x), which is an expression",
    retain_graph="no such word, as an expression stays",
)
