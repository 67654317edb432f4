"""A gradient while its contributions are added up: sums that a walk along them, in either direction, comes back to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bpdebug.arrays import Array
from bpdebug.far import as_array

KEEP = 32
"""Every so many running sums of a gradient one is kept."""


class RunningSums:
    """The sums of one gradient, from `seed` on: the newest two are kept (an accumulation shows both) and every 32nd."""

    def __init__(self, seed: Array | None) -> None:
        self._sums: dict[int, Array | None] = {0: seed}
        self._newest = 0

    def __len__(self) -> int:
        return len(self._sums)

    def put(self, count: int, total: Array) -> None:
        """The sum after so many contributions, of their shape, where it is known."""
        self._sums[count] = total

    def after(self, count: int, added: Callable[[int], Array]) -> Array | None:
        """The sum after so many contributions, of their shape, which `added` gives by number; None before the first."""
        sums = self._sums
        at = next(n for n in range(count, -1, -1) if n in sums)
        total = sums[at]
        with np.errstate(all="ignore"):
            for n in range(at + 1, count + 1):
                c = added(n - 1)
                total = sums[n] = c if total is None else as_array(total + c)
                if (n - 2) % KEEP:
                    sums.pop(n - 2, None)
        if at < count:
            last, self._newest = self._newest, count
            for n in {last - 1, last} - {count - 1, count}:
                if n % KEEP:
                    sums.pop(n, None)
        return total
