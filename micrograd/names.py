"""Names: of Values, from nets and dictionaries; and what may stand in a text.

Sources, pictures and tables show them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from unicodedata import normalize

from micrograd.engine import Value


class Owner(NamedTuple):
    """A Module in a net that holds parameters of its own."""

    name: str  # as layers.0; "" of the net itself
    kind: str  # its class
    parameters: dict[str, Value]  # by the last part of their names, as w


def names_in(given: Any) -> dict[Value, str] | None:
    """The names that Modules and dictionaries give to Values; None, if there are none.

    Those of a Module in a dictionary or list begin with its key, as `encoder.w`.

    Raises
    ------
    TypeError : something other than Values and Modules in the dictionary
    """
    if is_net(given):
        return {value: name for name, value in given.named_parameters()}
    if isinstance(given, (list, tuple)) and any(map(is_net, given)):
        given = {i: part for i, part in enumerate(given) if is_net(part)}
    if not isinstance(given, Mapping):
        return None
    names: dict[Value, str] = {}
    for key, x in given.items():
        if is_net(x):
            names.update(
                {value: f"{key}.{name}" for name, value in x.named_parameters()}
            )
        elif isinstance(x, Value):
            names[x] = str(key)
        else:
            raise TypeError(f"names: expected Values, got {key}={x!r}")
    return names


def identifier(text: str) -> str:
    """The text as Python reads a name, with _ for characters that no name can have.

    >>> identifier("layers.0.w"), identifier("x²"), identifier("0")
    ('layers_0_w', 'x2', '_0')
    """
    text = normalize("NFKC", text)
    name = "".join([c if f"a{c}".isidentifier() else "_" for c in text])
    return name if name.isidentifier() else f"_{name}"


def printable(text: str) -> str:
    r"""The text in one line, with escapes for what cannot be seen.

    >>> print(printable("µ = 2" + chr(10) + "and more"))
    µ = 2\nand more
    """
    parts = [c if c.isprintable() else ascii(c)[1:-1] for c in text]
    return "".join(parts)


def is_net(given: Any) -> bool:
    """Whether it is a Module, or names its parameters as one does."""
    return callable(getattr(given, "named_parameters", None))


def parts_of(net: Any) -> list[Owner]:
    """The Modules in a net that hold parameters, each with its own."""
    modules = dict(modules_in(net))
    parts: dict[str, Owner] = {}
    for full_name, value in net.named_parameters():
        name = full_name
        while name not in modules:  # "" is the net
            name = name.rpartition(".")[0]
        kind = type(modules[name]).__name__
        part = parts.setdefault(name, Owner(name, kind, {}))
        part.parameters[full_name[len(name) :].lstrip(".")] = value
    return list(parts.values())


def modules_in(net: Any) -> list[tuple[str, Any]]:
    """The Modules in a net, itself first, under names such as `layers.0`."""
    return [(name, part) for name, part in everything_in(net) if is_net(part)]


def everything_in(
    part: Any, name: str = "", around: tuple[Any, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """A part and all that stands in it, however deep, under names as `layers.0.w`.

    One that stands in itself, as a module that keeps its owner, is gone through once.
    """
    if any(part is x for x in around):
        return
    yield name, part
    around = (*around, part)
    if is_net(part):
        part = getattr(part, "__dict__", {})
    elif isinstance(part, (list, tuple)):
        part = dict(enumerate(part))
    for key in part if isinstance(part, dict) else ():
        yield from everything_in(part[key], f"{name}.{key}".lstrip("."), around)
