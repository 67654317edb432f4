"""How large every gradient is that is there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

from bpdebug.engine import Timeline
from bpdebug.engine.stats import two_norm
from bpdebug.progress import TimeOver, may_stop, part, until


class GradientNorms(Struct, frozen=True):
    """2-norms by tensor number, None of a gradient that is not there; `of` so many that were to be looked at."""

    norms: dict[int, float | None]
    of: int

    @property
    def looked_at(self) -> int:
        """How many were, before the time was over."""
        return len(self.norms)


def gradient_norms(timeline: Timeline, at: int, over: Callable[[], bool] | None = None) -> GradientNorms:
    """The norms of the gradients so far, at a position; how far it is, is reported.

    Where the time will be `over`, those nearest to the outputs come first: the others need them.
    """
    graph = timeline.graph
    tensors = [t for t in range(len(graph.names)) if graph.takes_gradient(t)]
    norms: dict[int, float | None] = {}
    with suppress(TimeOver), until(over):
        for n, t in enumerate(tensors if over is None else reversed(tensors)):
            may_stop()
            with part(n, len(tensors)):
                gradient = timeline.grad_at(t, at)
            norms[t] = None if gradient is None else two_norm(gradient)
    return GradientNorms(norms, len(tensors))
