from collections.abc import Sequence
from typing import Any

from micrograd.engine import Value

def concatenate(values: Sequence[Any] | Value, axis: int | None = 0) -> Value: ...
def stack(values: Sequence[Any] | Value, axis: int = 0) -> Value: ...
