"""What to write instead of other libraries' names and words: for errors.

NumPy's arrays, PyTorch and others have names, and words for options, that micrograd
has not. Who writes one is told what takes its place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from typing import NoReturn

Class = TypeVar("Class", bound=type)
Method = TypeVar("Method", bound=Callable[..., Any])

MODES = "nothing: these modules have no modes"
DEVICES = "nothing: NumPy computes on the CPU"
SCHEDULES = "learning_rate=schedule, an iterable of a number for each step"

INSTEAD = {
    "micrograd": {
        "Tensor": "micrograd.Value",
        "grad": "y.backward(), which leaves the derivatives on x.grad",
        "no_grad": "nothing: forward() computes no gradients",
        "tensor": "micrograd.Value",
    },
    "micrograd.nn": {
        "BCEWithLogitsLoss": "cross_entropy(stack([0 * s, s], axis=-1), y)",
        "CrossEntropyLoss": "cross_entropy(logits, targets), a function",
        "Linear": "Layer(nin, nout, nonlin=False)",
        "MSELoss": "((score - y) ** 2).mean()",
        "Parameter": "Value(data): a leaf in an attribute is a parameter",
        "ReLU": "x.relu(), or Layer(nin, nout)",
        "Sequential": "MLP(nin, nouts), or a Module with a list of layers",
        "Sigmoid": "x.sigmoid(), or Layer(nin, nout, activation=Value.sigmoid)",
        "Softmax": "softmax(x, axis=-1), a function",
        "Tanh": "x.tanh(), or Layer(nin, nout, activation=Value.tanh)",
        "functional": "methods, as x.relu(), and nn.softmax and nn.cross_entropy",
        "utils": "optim.clip_grad_norm(model, max_norm)",
    },
    "micrograd.optim": {
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

UFUNC_METHODS = {  # as np.add.reduce
    "add.accumulate": "np.cumsum(v)",
    "add.at": "v.at[key].add(x)",
    "add.reduce": "np.sum(v)",
    "logical_and.reduce": "np.all(v)",
    "logical_or.reduce": "np.any(v)",
    "maximum.reduce": "np.max(v)",
    "minimum.reduce": "np.min(v)",
    "multiply.accumulate": "np.cumprod(v)",
    "multiply.outer": "np.outer(v, w)",
    "multiply.reduce": "np.prod(v)",
}


def explain(kind: str, owner: str, name: str) -> None:
    """An AttributeError, if the table has something to say of the name for that kind.

    >>> explain("optimiser", "'SGD' object", "rates")
    >>> explain("optimiser", "'SGD' object", "lr")
    Traceback (most recent call last):
    AttributeError: 'SGD' object has no attribute 'lr': write learning_rate
    """
    hint = INSTEAD[kind].get(name)
    if hint:
        raise AttributeError(f"{owner} has no attribute {name!r}: write {hint}")


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


def says_instead(owner: Class) -> Class:
    """The class, with an `Instead` for each name of an array that it does not have."""
    hints = {name: f"v.data.{name}" for name in dir(np.ndarray) if name[0] != "_"}
    hints.update(dict.fromkeys(IN_PLACE, OUT_OF_PLACE))
    hints.update(INSTEAD["value"])
    for name, words in hints.items():
        if name not in vars(owner):
            setattr(owner, name, Instead(name, words))
    return owner


def refusing(**ours: str) -> Callable[[Method], Method]:
    """A decorator of methods: refuse others' words for their options by saying ours.

    >>> @refusing(dim="axis")
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
                    words = f"expected {ours[theirs]}=, got {theirs}="
                    raise TypeError(f"{name}(): {words}")
            return method(*args, **options)

        return checked  # type: ignore[return-value]

    return decorated


with_numpys_words = refusing(dim="axis", keepdim="keepdims")
