from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from micrograd.engine import Value

class Optimiser:
    wrt: list[Value]
    steps: int
    memory: dict[str, list[Any]]
    def __init__(
        self,
        wrt: Value | Iterable[Value],
        learning_rate: float | Iterable[float],
        weight_decay: float = 0,
        memory: Iterable[str] = (),
    ) -> None: ...
    def step(self) -> None: ...
    def direction(self, i: int, g: Any) -> Any: ...
    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]: ...
    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...

def rate(x: float) -> float: ...
