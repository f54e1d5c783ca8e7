"""Words of hints: what to write instead, by the name that was used."""

from __future__ import annotations

from inspect import isroutine
from typing import Any

import numpy as np

from micrograd.engine import Value, has_value
from micrograd.interface.call_sites import asking_functions
from micrograd.names import names_in

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
    if isinstance(given, np.matrix):
        return " (write np.asarray(matrix), whose * goes element by element)"
    if hasattr(given, "columns"):
        return " (choose columns of numbers: frame[names].to_numpy(float))"
    if getattr(getattr(given, "dtype", None), "kind", "") in ("O", "S", "U"):
        return " (if all are numbers, write array.astype(float))"
    return " (write v.data for its numbers)" if has_value(given) else ""


def find(subject: str, given: Any) -> str:
    """What to write instead of what was given; "" if the tables say nothing."""
    if subject in INSTEAD or subject == "function":
        words = INSTEAD.get(subject, FUNCTIONS).get(given)
        if subject == "value" and not words:  # PyTorch's name ends with _, or NumPy's
            words = OUT_OF_PLACE if given.endswith("_") else f"v.data.{given}"
        return f": write {words}" if words else ""
    if subject == "array":
        return for_array(given)
    if subject == "missing":
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
