"""A gradient while its contributions are added up: sums that a walk along them, in either direction, comes back to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bpdebug.arrays import Array

KEEP = 32
"""Every so many running sums of a gradient one is kept."""


class RunningSums:
    """The sums of one gradient: `seed` and what `added` gives, number by number.

    The newest two are kept (an accumulation shows both) and every 32nd.
    """

    def __init__(self, seed: Array | None, added: Callable[[int], Array]) -> None:
        self._sums: dict[int, Array | None] = {0: seed}
        self._added, self._newest = added, 0

    def after(self, count: int) -> Array | None:
        """The sum, of the tensor's shape, after so many contributions; None before the first."""
        sums = self._sums
        at = next(n for n in range(count, -1, -1) if n in sums)
        total = sums[at]
        for n in range(at + 1, count + 1):
            c = self._added(n - 1)
            with np.errstate(all="ignore"):
                total = sums[n] = c if total is None else np.asarray(total + c)
            if (n - 2) % KEEP:
                sums.pop(n - 2, None)
        if at < count:
            last, self._newest = self._newest, count
            for n in {last - 1, last} - {count - 1, count}:
                if n % KEEP:
                    sums.pop(n, None)
        return total
