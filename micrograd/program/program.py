"""Programs: what `compiled` returns, to call, to read and to save."""

from __future__ import annotations

import os
import threading
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.linalg import LinAlgError

from micrograd.arrays import as_plain_float, checked_data
from micrograd.engine import (
    Constant,
    Value,
    data_of,
    links_to,
    order_of,
    values_in,
)
from micrograd.graph import in_order_of_birth, node_of, results_of
from micrograd.names import identifier, names_in
from micrograd.program.code import Code, form_of
from micrograd.program.module import obstacles_of, save
from micrograd.program.record import plain
from micrograd.program.source import OtherShape

if TYPE_CHECKING:
    from micrograd.checkpoint import Path
    from micrograd.engine import Values
    from micrograd.optim import Optimiser

MOST_OPERATORS = 20_000
MOST_LAYOUTS = 8
RUNNING = "the program is running already: compile one for each thread"


def compiled(
    result: Value,
    *others: Value,
    wrt: Values | None = None,
    names: Values | None = None,
) -> Program:
    """Write an expression, and its gradients, as a straight-line NumPy program.

    Parameters
    ----------
    result, others : what a call of the program returns, each new: one or a tuple
    wrt : what a call sets `grad` on, to the derivatives of the sum of the first result:
        a Value, several, a Module, or a dictionary of names and Values. The arrays
        belong to the program, and its next call overwrites them.
    names : a Module, or a dictionary of names and Values, whose names the source uses;
        those of wrt, if it is one

    Raises
    ------
    TypeError : a result is no Value; or there is wrt, and the first result is of
        booleans, or wrt has something else than Values
    ValueError : the first result does not depend on one of wrt, or there are more than
        20,000 operators

    >>> x, w = Value(shape=(None, 2), name="x"), Value([1.0, -1.0])
    >>> step = compiled(((x @ w) ** 2).mean(), wrt={"w": w})
    >>> print(step(x=[[3.0, 1.0], [1.0, 1.0]]), w.grad)
    2.0 [6. 2.]
    """
    return Program((result, *others), wrt, wrt if names is None else names)


class Program:
    """What `compiled` returns: call it with the data of the lazy Values.

    It is recorded for the shapes and dtypes that it is first called with, and again
    when others come; the last eight are kept. One thread at a time can call it.

    >>> x = Value(shape=(None,), name="x")
    >>> program = compiled((x * x).sum())
    >>> print(program(x=[1.0, 2.0]), program(x=[3.0]))
    5.0 9.0
    """

    def __init__(
        self, roots: tuple[Value, ...], wrt: Values | None, names: Values | None
    ) -> None:
        for root in roots:
            if not isinstance(root, Value):
                expected = "Values to compile, as compiled(a, b)"
                raise TypeError(f"expected {expected}, got {root!r}")
        self.roots = roots
        self.wrt = [] if wrt is None else list(dict.fromkeys(values_in(wrt)))
        nodes = results_of(roots)
        leaves = dict.fromkeys(x for root in roots for x in order_of(root).leaves)
        if len(nodes) > MOST_OPERATORS:
            raise ValueError(
                f"expected at most {MOST_OPERATORS} operators to compile, got "
                f"{len(nodes)}: use forward() and backward()"
            )
        if self.wrt and roots[0].dtype.kind == "b":
            raise TypeError("wrt: expected a first result of numbers, got booleans")
        if self.wrt:
            links_to(self.wrt, roots[0], wrt)
        # An order that stays when the expression changes.
        parameters = [x for x in self.wrt if x in leaves]
        in_order = dict.fromkeys((*parameters, *in_order_of_birth(leaves)))
        self.lazies = in_order_of_birth(x for x in in_order if x.name)
        self.leaves = [x for x in in_order if not x.name]
        self._floats = {x for x in self.leaves if type(x.data) is float}
        self.constants = constants_of(nodes)
        self._placeholders = [node_of(x).placeholder for x in self.lazies]
        self.wishes = names_in(names) or {}
        self.names = names_of(self.wishes, self.wrt, [*self.lazies, *self.leaves])
        self._codes: OrderedDict[Any, Code] = OrderedDict()
        self._last: Code | None = None
        self._lock = threading.Lock()
        self._thread = 0  # which called last

    def __call__(self, /, *unnamed: Any, **values: Any) -> Any:
        """Compute the results, and set the gradients of wrt.

        Parameters
        ----------
        values : the data of the lazy Values, by name, as for `forward()`

        Raises
        ------
        ValueError, TypeError : a shape or dtype does not fit; then nothing has changed
        RuntimeError : another thread is in this program, or an operator of its own

        After another error, or an interrupt, the gradients are None.
        """
        if unnamed:
            raise TypeError("a program is fed by name: expected program(x=data)")
        if self._lock.locked():
            raise RuntimeError(RUNNING)
        try:
            with self._lock:  # no interrupt leaves it locked, unlike acquire()
                self._thread = threading.get_ident()
                inputs = []
                for placeholder in self._placeholders:  # which may warn of this call
                    inputs.append(placeholder.feed(values))
                # No comprehension: in Python 3.13, an interrupt in one skips the exit.
                inputs += map(data_of, self.leaves)
                return self._run(inputs)
        except Exception:
            raise
        except BaseException:  # an interrupt, at any time
            self._forget_gradients()
            raise

    def _run(self, inputs: list[Any]) -> Any:
        """Run the code for these inputs, and set the gradients of wrt."""
        code, is_new = self._last, False
        if code is None or not code.fits(*inputs):
            inputs[len(self.lazies) :] = map(self._data_of, self.leaves)
        if code is None or not code.fits(*inputs):
            inputs = [*map(plain, checked_data(inputs))]
            code, is_new = self._code(inputs)
            inputs = code.separate(inputs)
        try:
            try:
                results, gradients = code.replay(inputs) if is_new else code(inputs)
            except (OtherShape, LinAlgError) as error:
                results, gradients = self._again(code, inputs, error)
        except Exception:
            self._forget_gradients()
            raise
        for x, gradient in zip(self.wrt, gradients):
            x.grad = gradient
        return results

    def _data_of(self, leaf: Value) -> Any:
        """The data of a leaf; if it held a float when it was compiled, as a float.

        So a number that comes from an array, or an integer, has no code of its own.
        """
        return as_plain_float(leaf.data) if leaf in self._floats else leaf.data

    def _forget_gradients(self) -> None:
        """Half of them may be overwritten."""
        for x in self.wrt:
            x.grad = None

    def _code(self, inputs: list[Any]) -> tuple[Code, bool]:
        """The code for inputs of this layout, and whether it has been recorded now."""
        layout = tuple(map(form_of, inputs))
        kept = self._codes.pop(layout, None)
        code = self._codes[layout] = kept or Code(self, inputs)
        if len(self._codes) > MOST_LAYOUTS:
            self._codes.popitem(last=False)
        self._last = code
        return code, kept is None

    def _again(self, code: Code, inputs: list[Any], error: Exception) -> Any:
        """Record anew: a mask has taken another number of elements.

        Or NumPy refuses a matrix. Its rule may give nan, as it does where nan comes in.
        """
        if code.has_opaque and isinstance(error, LinAlgError):
            raise error
        if code.has_opaque:
            got, expected = error.args
            raise ValueError(
                f"expected shape {expected}, got {got}: with an operator of your own, "
                "no shape may depend on data"
            )
        self._codes.pop(tuple(map(form_of, inputs)), None)
        return self._code(inputs)[0].replay(inputs)

    @property
    def source(self) -> str:
        """The code of the last call; before the first, for the data that Values hold.

        Raises
        ------
        ValueError : an open axis has not been fed

        >>> a = Value(2.0)
        >>> program = compiled(a * a, names={"a": a})
        >>> "v1 = a * a" in program.source
        True
        """
        if self._last is None:
            self._refuse_own_operators()
            for lazy in self.lazies:
                if None in lazy.shape and not lazy.is_fed:
                    raise ValueError(
                        f"{lazy.name} of shape {lazy.shape} has not been fed: call the "
                        "program, or forward(), before you ask for its source"
                    )
            found = [x.data for x in self.lazies] + [*map(self._data_of, self.leaves)]
            inputs = [*map(plain, checked_data(found))]
            with self._lock:
                self._code(inputs)[0].recorded.clear()
        return self._last.text  # type: ignore[union-attr]

    def save(
        self,
        path: Path,
        parameters: bool = False,
        optimiser: Optimiser | None = None,
        max_norm: float | None = None,
    ) -> None:
        """Write a file that runs the program without micrograd: Python, or C99 as .c.

        A module of Python has the function `step`, which needs NumPy and nothing else.
        `step(*feeds, *parameters)` checks its arguments and returns the result, or a
        tuple of the results; with `wrt`, this and a tuple of the gradients. It is pure:
        it keeps nothing, and several threads may call it. An open axis takes any
        length, unless the code depends on it, as that of a mean over it does: then the
        length of the last call. Axes that were as long as one another then, or that
        have never been fed, have to be as long as one another in each call of `step`.

        A file of C has a function of the file's name, which needs the standard library
        alone and allocates no memory. The comment at its top lists the arguments:
        feeds, parameters, results, gradients. The length of an open axis is an argument
        if nothing has to be kept for all of it; else it is that of the last call.

        Parameters
        ----------
        path : of the file; it takes the place of an older one at once
        parameters : write the data of the leaves to a file beside the module, .npz, as
            the defaults of their arguments: then `step(*feeds)` is enough. In C they
            are constants in the file itself.
        optimiser : in C alone, of micrograd's: write a second function, whose name ends
            in _step, that makes a training step. It moves the parameters in place. The
            number of steps, the optimiser's memory and the learning rate are arguments.
        max_norm : with an optimiser, the largest joint norm of the gradients

        Raises
        ------
        ValueError : it calls an operator of your own, C has nothing for one of its
            operators, or an open axis has no length
        OSError : it cannot be written; an older one is as it was
        RuntimeError : an operator of the running program asks for it

        >>> import runpy, tempfile
        >>> x = Value(shape=(None,), name="x")
        >>> program = compiled((x * x).sum())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     program.save(f"{folder}/squares.py")
        ...     step = runpy.run_path(f"{folder}/squares.py")["step"]
        >>> print(step([1.0, 2.0]))
        5.0
        """
        self._refuse_own_operators()
        with self._lock:
            if os.fsdecode(path).lower().endswith(".c"):
                from micrograd.program.c import save as save_c  # loaded on first use

                save_c(self, path, parameters, optimiser, max_norm)
            elif optimiser is not None or max_norm is not None:
                raise ValueError(
                    "optimiser, max_norm: expected a file of C, whose name ends in .c: "
                    f"a module of Python makes no training step, got {path!r}"
                )
            else:
                save(self, path, parameters)

    @property
    def unsaveable(self) -> list[str]:
        """The operators for which `save` refuses the program, each with its line.

        >>> x = Value(shape=(None,), name="x")
        >>> compiled((x * x).sum()).unsaveable
        []
        """
        self._refuse_own_operators()
        with self._lock:
            return obstacles_of(self)

    def _refuse_own_operators(self) -> None:
        """An error inside of a call, which an operator asks for more in vain."""
        if self._lock.locked() and self._thread == threading.get_ident():
            raise RuntimeError(RUNNING)

    def form(self, lazy: Value) -> tuple[Any, Any]:
        """The shape and dtype that a lazy Value had last; of a number None, its type.

        Before a first call, those that it holds; open axes without data are None.
        """
        if self._last is not None:
            return self._last.forms[[*map(id, self.lazies)].index(id(lazy))]
        shape, dtype = form_of(lazy.data)
        return (lazy.shape if shape and not lazy.is_fed else shape), dtype

    def __repr__(self) -> str:
        given = ", ".join(x.name or "" for x in self.lazies)
        return f"<program of ({given}) with {len(self.wrt)} gradients>"

    def _repr_html_(self) -> str:
        """The source for a notebook, in colour."""
        from micrograd.interface.display import program_html  # loaded on first use

        return program_html(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("programs cannot be pickled or copied: save() writes a module")


def constants_of(nodes: list[Value]) -> dict[Constant, Any]:
    """Copies of the raw arrays among the operands."""
    operands = [x for node in nodes for x in node_of(node).operands]
    raws = [x for x in operands if isinstance(x, Constant)]
    raws = [x for x in raws if isinstance(x.data, np.ndarray)]
    copies = {id(x.data): np.array(x.data) for x in raws}
    return {x: copies[id(x.data)] for x in raws}


def names_of(
    found: dict[Value, str], wrt: list[Value], leaves: list[Value]
) -> dict[Value, str]:
    """Names for the source: of lazy Values, of parameters in a Module, or the keys."""
    names: dict[Value, str] = {}
    taken, unnamed = set(), Counter[str]()
    for value in dict.fromkeys((*leaves, *wrt)):
        wish = value.name or found.get(value, "")
        if not wish[:1].isidentifier():
            kind = "w" if value in set(wrt) else "leaf"
            unnamed[kind] += 1
            wish = f"{kind}_{wish}" if wish else f"{kind}{unnamed[kind]}"
        name = wish = identifier(wish)
        n = 1
        while name in taken:
            n += 1
            name = f"{wish}_{n}"
        taken.add(name)
        names[value] = name
    return names
