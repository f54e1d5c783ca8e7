from collections.abc import Sequence
from typing import Any

from micrograd.engine import Value
from micrograd.losses import cross_entropy as cross_entropy
from micrograd.losses import softmax as softmax
from micrograd.module import Module as Module

class Neuron(Module):
    w: Value
    b: Value
    nonlin: bool
    def __init__(self, nin: int, nonlin: bool = True, rng: Any = None) -> None: ...
    def __call__(self, x: Any) -> Value: ...

class Layer(Neuron):
    def __init__(
        self, nin: int, nout: int, nonlin: bool = True, rng: Any = None
    ) -> None: ...

class MLP(Module):
    layers: list[Neuron]
    def __init__(self, nin: int, nouts: Sequence[int], rng: Any = None) -> None: ...
    def __call__(self, x: Any) -> Value: ...
