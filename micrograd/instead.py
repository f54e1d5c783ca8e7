"""What to write instead of PyTorch's names for nets and optimisers: for errors."""

from __future__ import annotations

MODES = "nothing: these modules have no modes"
DEVICES = "nothing: NumPy computes on the CPU"
SCHEDULES = "learning_rate=schedule, an iterable of a number for each step"

INSTEAD = {
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


def explain(kind: str, owner: str, name: str) -> None:
    """An AttributeError, if the table has something to say of the name for that kind.

    >>> explain("optimiser", "'SGD' object", "rates")
    >>> explain("optimiser", "'SGD' object", "lr")
    Traceback (most recent call last):
    AttributeError: 'SGD' object has no attribute 'lr'; write learning_rate
    """
    hint = INSTEAD[kind].get(name)
    if hint:
        raise AttributeError(f"{owner} has no attribute {name!r}; write {hint}")
