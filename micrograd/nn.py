"""Neural nets: modules, which hold parameters, and the losses of classifiers.

A net is a function of Values, with parameters of its own. `Module` finds these wherever
they stand in its attributes, so that optimisers can move them and files keep them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from micrograd import rules
from micrograd.arrays import loaded, warn
from micrograd.checkpoint import Path, State, assign, checked, like, read, write
from micrograd.engine import Value, apply, as_operand
from micrograd.names import everything_in, modules_in, parts_of
from micrograd.rules import RULES, define, primitive

if TYPE_CHECKING:
    from typing import NoReturn, Union

    Activation = Callable[[Value], Value]
    # Here: to say np.random imports it, which takes a while.
    RandomSource = Union[np.random.Generator, np.random.RandomState]


class Buffer(Value):
    """A leaf that belongs to a Module's state and is not a parameter.

    Files have it, and programs read it at each call. Optimisers leave it as it is, as
    the running mean of a batch norm.

    >>> class Norm(Module):
    ...     def __init__(self, n):
    ...         self.scale, self.mean = Value(np.ones(n)), Buffer(np.zeros(n))
    >>> norm = Norm(2)
    >>> norm.mean.data = np.array([0.5, 1.5])
    >>> [name for name, _ in norm.named_parameters()], list(norm.state_dict())
    (['scale'], ['scale', 'mean'])
    """

    __slots__ = ()


class Module:
    """A part of a net: derive from it, and assign Values and modules to attributes.

    Its parameters are the leaves that have no name: those in its attributes, and those
    in the modules, lists, tuples and dictionaries there, however deep. A `Buffer` there
    is not a parameter.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         self.factor = Value(2.0)
    ...
    ...     def __call__(self, x):
    ...         return self.factor * x
    >>> Scale()(3.0)
    Value(data=6.0, grad=None)
    """

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """The output for an input: what a module of one's own defines."""
        old = ", got forward(): rename it" if hasattr(type(self), "forward") else ""
        kind = type(self).__name__
        raise NotImplementedError(f"{kind}: expected a method __call__(self, x){old}")

    def __str__(self) -> str:
        """Each module in it that has parameters, with their shapes; and how many."""
        size = sum(np.size(value.data) for value in self.parameters())
        lines = [f"{type(self).__name__} of {size:,} parameters"]
        modules = dict(modules_in(self))
        for name, kind, parameters in parts_of(self):
            if isinstance(modules[name], Neuron):
                kind = repr(modules[name])  # with its activation
            shapes = [f"{key} {x.shape}" for key, x in parameters.items()]
            lines.append(f"  {name or 'itself'}: {kind}, {', '.join(shapes)}")
        return "\n".join(lines)

    def parameters(self) -> list[Value]:
        """Each parameter once, also where two modules share it.

        >>> [value.shape for value in MLP(2, [3, 1]).parameters()]
        [(2, 3), (3,), (3,), ()]
        """
        return list(dict.fromkeys(value for _, value in self.named_parameters()))

    def named_parameters(self) -> list[tuple[str, Value]]:
        """The parameters, with the names that they have in files.

        >>> [name for name, _ in MLP(2, [3, 1]).named_parameters()]
        ['layers.0.w', 'layers.0.b', 'layers.1.w', 'layers.1.b']
        """
        return [(k, x) for k, x in named_leaves(self) if not isinstance(x, Buffer)]

    def named_buffers(self) -> list[tuple[str, Buffer]]:
        """The buffers, with the names that they have in files.

        >>> MLP(2, [3, 1]).named_buffers()
        []
        """
        return [(k, x) for k, x in named_leaves(self) if isinstance(x, Buffer)]

    def _by_name(self) -> dict[str, Value]:
        """Parameters and buffers by name; ValueError if two have the same one."""
        values: dict[str, Value] = {}
        for name, value in named_leaves(self):
            if values.setdefault(name, value) is not value:
                raise ValueError(f"two leaves have the name {name!r}: change a key")
        return values

    def zero_grad(self) -> None:
        """Forget the gradients; `backward()` does so, too.

        >>> neuron = Neuron(1, nonlin=False)
        >>> neuron([2.0]).backward()
        >>> neuron.w.grad
        array([2.])
        >>> neuron.zero_grad()
        >>> print(neuron.w.grad)
        None
        """
        for value in self.parameters():
            value.grad = None

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """A copy of the data, by name; ValueError if two have the same one.

        >>> list(MLP(2, [3, 1]).state_dict())
        ['layers.0.w', 'layers.0.b', 'layers.1.w', 'layers.1.b']
        """
        return {name: np.array(x.data) for name, x in self._by_name().items()}

    def load_state_dict(self, state: State) -> None:
        """Take over copies of all data, or nothing after an error.

        Each parameter and buffer keeps its dtype.

        Parameters
        ----------
        state : numbers and arrays by name, as from `state_dict()`; if it has no buffer
            at all, as those of older versions, buffers stay as they are

        Raises
        ------
        TypeError : what is not real numbers
        ValueError : names or shapes are not the module's own

        >>> neuron = Neuron(2)
        >>> neuron.load_state_dict({"w": [1, 2], "b": 3})
        >>> neuron.w.data
        array([1., 2.])
        """
        values = self._by_name()
        arrays = checked(state, values, [name for name, _ in self.named_buffers()])
        data = [like(arrays[name], value.data) for name, value in values.items()]
        assign([*values.values()], ["data"] * len(data), data)

    def save(self, path: Path) -> None:
        """Write a NumPy .npz file; it takes the place of an older one at once.

        Raises
        ------
        OSError : it cannot be written; an older one is as it was

        Examples
        --------
        See `load`.
        """
        write(path, self.state_dict())

    def load(self, path: Path) -> None:
        """Take over what `save` wrote, as `load_state_dict` does.

        Raises
        ------
        OSError : the file cannot be read
        ValueError : it is of another kind, or of another module

        >>> import tempfile
        >>> model, copy = MLP(2, [3, 1]), MLP(2, [3, 1])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(f"{folder}/model.npz")
        ...     copy.load(f"{folder}/model.npz")
        >>> bool(model([1.0, 2.0]).data == copy([1.0, 2.0]).data)
        True
        """
        self.load_state_dict(read(path))


class Neuron(Module):
    """relu(x @ w + b), or x @ w + b: from shape (..., nin) to (...).

    Parameters
    ----------
    nin : number of inputs
    nonlin : with the activation
    rng : where the first weights are drawn from, instead of numpy.random
    dtype : of the parameters
    activation : a function of a Value, instead of relu

    >>> neuron = Neuron(2)
    >>> neuron.load_state_dict({"w": [1.0, -1.0], "b": 0.5})
    >>> neuron([[3.0, 1.0], [1.0, 3.0]]).data
    array([2.5, 0. ])
    """

    w: Value  # (nin,)
    b: Value  # ()
    nonlin: bool
    activation: Activation

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        rng: RandomSource | None = None,
        *,
        dtype: Any = float,
        activation: Activation = Value.relu,
    ) -> None:
        self._fill((nin,), nonlin, rng, dtype, activation)

    def _fill(
        self,
        shape: tuple[int, ...],
        nonlin: bool,
        rng: RandomSource | None,
        dtype: Any,
        activation: Activation,
    ) -> None:
        """Set the parameters: weights of that shape, and a bias for each neuron."""
        if not isinstance(nonlin, (int, np.bool_)) or nonlin not in (0, 1):
            given = getattr(nonlin, "__name__", repr(nonlin))
            raise TypeError(
                f"nonlin: expected True or False, got {given}; other options have "
                "names, as activation=Value.tanh"
            )
        if not callable(activation):
            raise TypeError(
                f"activation: expected a function as Value.tanh, got {activation!r}"
            )
        self.w = first_weights(shape, rng, dtype)
        self.b = Value(np.zeros(shape[1:], dtype))
        self.nonlin, self.activation = nonlin, activation

    def __call__(self, x: Any) -> Value:
        """x of shape (..., nin), a Value, an array or a list, to a Value."""
        y: Value = x @ self.w + self.b
        return self.activation(y) if self.nonlin else y

    def __repr__(self) -> str:
        name = getattr(self.activation, "__name__", "").strip("<>")
        kind = (
            {"relu": "ReLU"}.get(name, name.capitalize()) if self.nonlin else "Linear"
        )
        return f"{kind}Neuron({len(self.w)})"


class Layer(Neuron):
    """Neurons side by side, in one product of matrices: from (..., nin) to (..., nout).

    Parameters
    ----------
    nin, nout : numbers of inputs and of neurons
    nonlin, rng, dtype, activation : as for `Neuron`

    >>> Layer(2, 3)(np.ones((10, 2))).shape
    (10, 3)
    """

    w: Value  # (nin, nout)
    b: Value  # (nout,)

    def __init__(
        self,
        nin: int,
        nout: int,
        nonlin: bool = True,
        rng: RandomSource | None = None,
        *,
        dtype: Any = float,
        activation: Activation = Value.relu,
    ) -> None:
        self._fill((nin, nout), nonlin, rng, dtype, activation)

    def __repr__(self) -> str:
        return f"Layer of {len(self.b)} {super().__repr__()}"


class MLP(Module):
    """Layers in a row, the last without an activation: a multilayer perceptron.

    From shape (..., nin) to (..., nouts[-1]); to (...), if the last has one neuron.

    Parameters
    ----------
    nin : number of inputs
    nouts : number of neurons of each layer
    rng, dtype, activation : as for `Neuron`

    Raises
    ------
    TypeError : nouts is no list of sizes
    ValueError : there is no layer

    >>> model = MLP(2, [16, 1])
    >>> model
    MLP of [Layer of 16 ReLUNeuron(2), LinearNeuron(16)]
    >>> model(np.ones((10, 2))).shape
    (10,)
    """

    layers: list[Neuron]

    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        rng: RandomSource | None = None,
        *others: NoReturn,
        dtype: Any = float,
        activation: Activation = Value.relu,
    ) -> None:
        if others or not np.iterable(nouts):
            sizes = [x for x in (nouts, rng, *others) if isinstance(x, int)]
            raise TypeError(
                f"nouts: expected the sizes of the layers in a list, as MLP({nin}, "
                f"{sizes or [16, 1]}), got {nouts!r}"
            )
        if not len(nouts):
            raise ValueError("nouts: expected the size of a layer or more, got none")
        *hidden, (n, m) = zip([nin, *nouts], nouts)
        options: Any = {"rng": rng, "dtype": dtype, "activation": activation}
        self.layers = [Layer(*sizes, **options) for sizes in hidden]
        last = Neuron(n, False, **options) if m == 1 else Layer(n, m, False, **options)
        self.layers.append(last)

    def __call__(self, x: Any) -> Value:
        """x of shape (..., nin), a Value, an array or a list, to a Value."""
        *hidden, last = self.layers
        for layer in hidden:
            x = layer(x)
        return last(x)

    def __repr__(self) -> str:
        return f"MLP of {self.layers}"


def softmax(x: Any, axis: int = -1) -> Value:
    """exp(x), scaled to the sum 1 along the axis: probabilities from logits.

    Parameters
    ----------
    x : Value, array or list; the result has its shape
    axis : the axis of the classes

    Raises
    ------
    ValueError : x has no such axis

    >>> softmax([0.0, np.log(3.0)]).data.round(2)
    array([0.25, 0.75])
    """
    return apply(RULES[rules.softmax].bind({"axis": axis}), x)


def cross_entropy(logits: Any, targets: Any) -> Value:
    """The mean of -log(softmax(logits)) for the targets, which never overflows.

    It warns if the logits are what softmax gave, which would be applied twice.

    Parameters
    ----------
    logits : Value, array or list of shape (..., classes)
    targets : Value, array or list of integer labels (...), or of a probability for each
        logit (..., classes)

    Returns
    -------
    Value of shape ()

    Raises
    ------
    IndexError : a label is not from 0 to classes - 1
    TypeError : labels are not integers
    ValueError : the shapes do not fit; integers for the logits of a single row, shape
        (classes,), are not one-hot

    >>> loss = cross_entropy([[0.0, np.log(3.0)], [0.0, 0.0]], [1, 0])
    >>> print(round(float(loss), 4), round((np.log(4 / 3) + np.log(2)) / 2, 4))
    0.4904 0.4904
    """
    if isinstance(logits, Value) and logits.op == RULES[rules.softmax].name:
        warn(
            "logits: expected what softmax takes, got what it gives: cross_entropy "
            "applies it"
        )
    losses = apply(RULES[rules.minus_log_softmax], logits)  # (..., classes)
    n_axes, targets = np.ndim(losses.data), as_operand(targets)
    if n_axes == 0:
        raise ValueError("logits: expected shape (..., classes), got ()")

    is_label = np.ndim(targets.data) < n_axes
    rule = RULES[loss_of_label if is_label else loss_of_probabilities]
    return apply(rule, losses, targets).mean()


def named_leaves(net: Module) -> Iterator[tuple[str, Value]]:
    """The leaves in a net, however deep, under names such as `layers.0.w`."""
    for name, x in everything_in(net):
        if isinstance(x, Value) and not x.op and not x.name:
            yield name, x


def first_weights(
    shape: tuple[int, ...], rng: RandomSource | None, dtype: Any
) -> Value:
    """Random ones, so wide that relus keep the size of signals: He et al., 2015."""
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"dtype: expected a floating one, got {np.dtype(dtype)}")
    if rng is not None and not hasattr(rng, "normal"):
        raise TypeError(f"rng: expected one as np.random.default_rng(0), got {rng!r}")
    deviation = (2 / max(shape[0], 1)) ** 0.5
    weights = (rng or np.random).normal(0, deviation, shape)
    return Value(weights.astype(dtype, copy=False))


def loss_of_label(losses: Any, labels: Any) -> Any:
    """The loss of each row's label: (...), of losses (..., classes)."""
    *shape, classes = np.shape(losses)
    check_shape(labels, tuple(shape))
    if np.result_type(labels).kind not in "iu":
        dtype = np.result_type(labels)
        raise TypeError(
            f"expected integer labels, got {dtype}: write dtype=int where y is a "
            "Value(shape=..., name=...), and y.astype(int) of an array"
        )
    if np.any((labels < 0) | (labels >= classes)):
        got = f"{np.min(labels)} to {np.max(labels)}"
        raise IndexError(f"expected labels from 0 to {classes - 1}, got {got}")
    return np.take_along_axis(losses, np.expand_dims(labels, -1), -1)[..., 0]


def grad_loss_of_label(g: Any, y: Any, losses: Any, labels: Any) -> Any:
    """g at the label of each row, else 0."""
    return np.where(is_label(labels, losses), np.expand_dims(g, -1), 0.0)


@primitive(None)
def is_label(labels: Any, losses: Any) -> Any:
    """Whether a class is the label of its row: (..., classes)."""
    mask: Any = np.expand_dims(labels, -1) == np.arange(np.shape(losses)[-1])
    return mask


def loss_of_probabilities(losses: Any, targets: Any) -> Any:
    """The mean loss of each row, weighted by probabilities (..., classes)."""
    shape = np.shape(losses)
    hint = f"; labels are integers of shape {shape[:-1]} for logits of shape {shape}"
    check_shape(targets, shape, hint)
    if np.result_type(targets).kind != "f":
        if len(shape) == 1 and np.sum(targets) != 1:  # labels would look the same
            expected = "expected a one-hot row"
            raise ValueError(f"{expected}, got integers of another sum{hint}")
        targets = np.asarray(targets, np.result_type(losses))
    return np.add.reduce(losses * targets, -1)


def check_shape(targets: Any, shape: tuple[int, ...], hint: str = "") -> None:
    """A ValueError if the targets have another shape; they do not broadcast."""
    got = np.shape(targets)
    if got != shape:
        raise ValueError(f"expected targets of shape {shape}, got {got}{hint}")


define(loss_of_label, grad_loss_of_label, name="cross_entropy")
define(
    loss_of_probabilities,
    lambda g, y, losses, targets: np.expand_dims(g, -1) * targets,
    lambda g, y, losses, targets: np.expand_dims(g, -1) * losses,
)

loaded(globals())
