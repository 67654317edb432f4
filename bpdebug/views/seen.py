"""Which events of a timeline that was seen are known to have handed on what our rules do not give."""

from __future__ import annotations

from bpdebug.engine import BACKWARD, Timeline


def differing(timeline: Timeline) -> list[int]:
    """Their numbers, in order; none before somebody asked for them."""
    if timeline.recording is None or not timeline.recording.applications:
        return []
    from bpdebug.explain.handed import known  # start-up: of no other timeline

    graph, schedule = timeline.graph, timeline.schedule
    found = {schedule.index_of(BACKWARD, graph.index[row.node or ""]) for row in known(timeline)}
    return sorted(at for at in found if at is not None)
