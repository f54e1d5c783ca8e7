"""Hints: what to write instead of other libraries' names and words, for errors.

NumPy's arrays, PyTorch and other libraries have names, and words for options, that
micrograd lacks. Using such a name raises an error that names the replacement. The
tables of replacements stand in `words`, which the first mistake loads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from micrograd.arrays import HINTS, WHEN_LOADED, warn
from micrograd.engine import Value, order_of
from micrograd.graph import results_of

if TYPE_CHECKING:
    from typing import NoReturn

Method = TypeVar("Method", bound=Callable[..., Any])

# PyTorch's names that a Value lacks, and one of NumPy 1; `words` has what to write.
OF_TENSORS = """
    add bmm bool cat clone cpu cuda device dim div double expand float gather grad_fn
    index_select is_leaf itemset log_softmax long masked_fill matmul mm mul mv neg
    norm numel permute pow requires_grad retain_grad scatter_add softmax sub t to
    unsqueeze add_ clamp_ copy_ div_ fill_ mul_ pow_ relu_ requires_grad_ sub_ zero_
""".split()


def plug_in() -> None:
    """Add the hints to error messages, and the names of other libraries to Value."""
    HINTS.append(find)
    of_arrays = [name for name in dir(np.ndarray) if name[0] != "_"]
    for name in {*of_arrays, *OF_TENSORS}:  # some are both
        if not hasattr(Value, name):
            setattr(Value, name, Instead(name))
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
        if find(subject, name):
            refuse(subject, f"{type(self).__name__!r} object", name)
        return object.__getattribute__(self, name)

    __getattr__.__module__ = owner.__module__  # for help()
    __getattr__.__qualname__ = f"{owner.__name__}.__getattr__"
    return __getattr__


def refuse(subject: str, owner: str, name: str) -> NoReturn:
    """Raises AttributeError: the owner, a module or an object, lacks the name."""
    raise AttributeError(f"{owner} has no attribute {name!r}{find(subject, name)}")


def find(subject: str, given: Any) -> str:
    """What to write instead of what was given; "" if the tables say nothing."""
    from micrograd.interface import words  # loaded by the first mistake

    return words.find(subject, given)


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

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"a Value has no attribute {self.name!r}{find('value', self.name)}"

    def __get__(self, value: Any, owner: Any) -> NoReturn:
        raise AttributeError(repr(self))

    def __set__(self, value: Any, x: Any) -> NoReturn:
        raise AttributeError(repr(self))


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
