from collections.abc import Iterable

from micrograd.engine import Value
from micrograd.module import clip_grad_norm as clip_grad_norm
from micrograd.optimiser import Optimiser

class SGD(Optimiser):
    def __init__(
        self,
        wrt: Value | Iterable[Value],
        learning_rate: float | Iterable[float],
        momentum: float = 0,
        weight_decay: float = 0,
    ) -> None: ...

class Adam(Optimiser):
    def __init__(
        self,
        wrt: Value | Iterable[Value],
        learning_rate: float | Iterable[float] = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None: ...

class AdamW(Adam):
    def __init__(
        self,
        wrt: Value | Iterable[Value],
        learning_rate: float | Iterable[float] = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None: ...
