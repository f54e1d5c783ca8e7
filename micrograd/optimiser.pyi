from collections.abc import Iterable
from typing import Any

from micrograd.engine import Value

class Optimiser:
    wrt: list[Value]
    def __init__(
        self,
        wrt: Value | Iterable[Value],
        learning_rate: float | Iterable[float],
        weight_decay: float = 0,
    ) -> None: ...
    def step(self) -> None: ...
    def direction(self, i: int, g: Any) -> Any: ...

def rate(x: float) -> float: ...
