from collections.abc import Sequence
from typing import Any

import numpy as np

from micrograd.engine import Value
from micrograd.losses import cross_entropy as cross_entropy
from micrograd.losses import softmax as softmax
from micrograd.module import Module as Module

_Random = np.random.Generator | np.random.RandomState

class Neuron(Module):
    w: Value
    b: Value
    nonlin: bool
    def __init__(
        self, nin: int, nonlin: bool = True, rng: _Random | None = None
    ) -> None: ...
    def __call__(self, x: Any) -> Value: ...

class Layer(Neuron):
    def __init__(
        self, nin: int, nout: int, nonlin: bool = True, rng: _Random | None = None
    ) -> None: ...

class MLP(Module):
    layers: list[Neuron]
    def __init__(
        self, nin: int, nouts: Sequence[int], rng: _Random | None = None
    ) -> None: ...
    def __call__(self, x: Any) -> Value: ...
