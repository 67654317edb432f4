"""Where arrays lie, and what is asked there of all cells of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array


class Summary(Struct, frozen=True):
    """What is asked of all cells: over the finite ones the ends, the smallest size that is not 0, mean, std and norm.

    `low`, `high` and `least` are infinite where there are none. `ends` are those of integers, exact; `below` and
    `above` count −inf and inf.
    """

    low: float
    high: float
    least: float
    mean: float
    std: float
    norm: float
    zeros: int
    nans: int
    below: int
    above: int
    ends: tuple[int, int] | None = None

    @property
    def infs(self) -> int:
        return self.below + self.above

    @property
    def finite(self) -> bool:
        """Whether there is neither NaN nor infinity."""
        return not (self.nans or self.infs)


class Device(Protocol):
    """Where arrays of any shape lie. What it makes is far, too, unless it is small; `near` brings all of one over."""

    @property
    def near(self) -> Callable[[Any], Array]: ...
    def part(self, far: Any, key: Any) -> Any: ...
    def applied(self, word: str, operands: Sequence[Any], attrs: Mapping[str, Any]) -> Any: ...
    def called(self, ufunc: np.ufunc, operands: Sequence[Any]) -> Any: ...
    def summary(self, there: Any) -> Summary: ...
    def is_finite(self, there: Any) -> bool: ...
    def first(self, there: Any, kind: str) -> int: ...
    def reached(self, there: Any, edges: Sequence[float]) -> list[int]: ...
    def peaks(self, there: Any, high: int, wide: int) -> Array: ...
