"""The arrays of a timeline, slot by slot: what is recorded, and what is compared."""

from __future__ import annotations

from contextlib import suppress

from bpdebug.arrays import Array
from bpdebug.engine.layout import ADDED, Slot
from bpdebug.engine.schedule import BACKWARD, FORWARD, Moment
from bpdebug.engine.timeline import Timeline
from bpdebug.errors import BpdebugError


def made(timeline: Timeline, moment: Moment, slot: Slot) -> Array:
    """One of the arrays that an event makes, computed where need be."""
    if slot.role == ADDED:
        k = timeline.graph.backward_nodes[moment.nth]
        return timeline.iteration(moment.iteration).contribution(k, slot.position)
    return timeline.result(moment.phase, slot.tensor, moment.iteration)


def run_ahead(timeline: Timeline, moment: Moment) -> None:
    """At the first event of a pass: computes all of it in one go, because its events will be asked for."""
    if moment.nth == 0 and moment.phase in (FORWARD, BACKWARD):
        run = timeline.iteration(moment.iteration)
        # A pass that fails half-way is computed event by event, and fails again where it must.
        with suppress(BpdebugError):
            run.run_forward() if moment.phase == FORWARD else run.run_backward()
