"""How large arrays are: the norms of gradients, of parameters, of states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from bpdebug.arrays import Array
from bpdebug.engine import Timeline
from bpdebug.engine.stats import two_norm
from bpdebug.progress import TimeOver, may_stop, part, until
from bpdebug.translation import N_

FIRST = 2000
"""Norms that are worked out before anything is shown: as many rows as a screen holds of a table."""


class Norms:
    """2-norms by tensor number, None where there is no `array` of it; each is worked out once, when asked for.

    Where a time was given that will be `over`, those are left out that were not worked out by then. `of` counts those
    that were to be worked out.
    """

    def __init__(self, array: Callable[[int], Array | None], over: Callable[[], bool] | None = None) -> None:
        self.array, self.over = array, over
        self.known: dict[int, float | None] = {}
        self.of = 0

    @property
    def looked_at(self) -> int:
        """How many were, before the time was over; without one, all that anybody asks for."""
        return self.of if self.over is None else len(self.known)

    def work_out(self, tensors: Sequence[int]) -> None:
        """Works out those of the first of some tensors, where it may be stopped; how far it is, is reported.

        In a time, those of all of them, the last ones first: gradients far from the outputs need those near them.
        """
        self.of = len(tensors)
        now = tensors[:FIRST] if self.over is None else tensors[::-1]
        with suppress(TimeOver), until(self.over):
            for n, t in enumerate(now):
                may_stop()
                with part(n, len(now), N_("norms")):
                    self._know(t)

    def _know(self, tensor: int) -> None:
        if tensor not in self.known:
            array = self.array(tensor)
            self.known[tensor] = None if array is None else two_norm(array)

    def left_out(self, tensor: int) -> bool:
        """Whether there was no time for it."""
        return self.over is not None and tensor not in self.known

    def norm(self, tensor: int) -> float | None:
        """That of a tensor's array, None where it is not there; KeyError where it was left out."""
        if self.over is None:
            self._know(tensor)
        return self.known[tensor]


def gradient_norms(timeline: Timeline, at: int, over: Callable[[], bool] | None = None) -> Norms:
    """The norms of the gradients so far, at a position."""
    return Norms(lambda tensor: timeline.grad_at(tensor, at), over)
