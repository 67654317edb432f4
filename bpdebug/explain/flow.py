"""How the gradient's size changes on its way back: a norm and a gain for each backward event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpdebug.engine import BACKWARD, Timeline
from bpdebug.engine.stats import two_norm


@dataclass(frozen=True)
class Flow:
    """One backward event: the norm of what arrives there, and how much larger what it hands on is.

    `gain` is the norm of all it gives to its operands over the norm that came in; None where that is 0 or not finite.
    """

    event: int
    node: str
    op: str
    norm: float
    given: float
    gain: float | None


def flow(timeline: Timeline, iteration: int) -> tuple[Flow, ...]:
    """Every backward event of an iteration, in order."""
    start = iteration * timeline.per_iteration
    rows = []
    for index in range(start, min(start + timeline.per_iteration, len(timeline))):
        if timeline.place(index).phase != BACKWARD:
            continue
        event = timeline.event(index)
        norm = two_norm(event.value)
        parts = np.array([two_norm(c.value) for c in event.contributions])
        given = two_norm(parts)
        gain = given / norm if norm and np.isfinite(norm) and np.isfinite(given) else None
        rows.append(Flow(index, event.name, event.op or "", norm, given, gain))
    return tuple(rows)
