"""How large every gradient is that is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
from msgspec import Struct

from bpdebug.engine import Timeline
from bpdebug.engine.stats import two_norm
from bpdebug.graph.edges import listed
from bpdebug.progress import TimeOver, may_stop, part, until

FIRST = 2000
"""Norms that are worked out before anything is shown: as many rows as a screen holds of a table."""


class GradientNorms(Struct, frozen=True):
    """2-norms by tensor number, None of a gradient that is not there; `tensors` are all that take one, in order.

    `later` works out one that was not looked at yet; None where a time was given, which was over.
    """

    norms: dict[int, float | None]
    tensors: Sequence[int]
    later: Callable[[int], float | None] | None

    @property
    def of(self) -> int:
        """How many there are to be looked at."""
        return len(self.tensors)

    @property
    def looked_at(self) -> int:
        """How many were, before the time was over; without one, all that anybody asks for."""
        return len(self.norms) if self.later is None else self.of

    def left_out(self, tensor: int) -> bool:
        """Whether there was no time for it."""
        return self.later is None and tensor not in self.norms

    def norm(self, tensor: int) -> float | None:
        """That of a tensor's gradient, None where it is not there; KeyError where it was left out."""
        if tensor not in self.norms and self.later is not None:
            self.norms[tensor] = self.later(tensor)
        return self.norms[tensor]


def gradient_norms(
    timeline: Timeline, at: int, over: Callable[[], bool] | None = None, most: int | None = None
) -> GradientNorms:
    """The norms of the gradients so far, at a position; how far it is, is reported.

    Where the time will be `over`, those nearest to the outputs come first: the others need them. Without a time at
    `most` so many are worked out at once, the others when they are asked for.
    """

    def norm(tensor: int) -> float | None:
        gradient = timeline.grad_at(tensor, at)
        return None if gradient is None else two_norm(gradient)

    tensors = listed(np.flatnonzero(timeline.graph.taking_gradients))
    norms: dict[int, float | None] = {}
    now = tensors[:most] if over is None else tensors[::-1]
    with suppress(TimeOver), until(over):
        for n, t in enumerate(now):
            may_stop()
            with part(n, len(now)):
                norms[t] = norm(t)
    return GradientNorms(norms, tensors, norm if over is None else None)
