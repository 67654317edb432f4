"""Blocks as places in time: which one an event lies in, and how they nest."""

from __future__ import annotations

from bpdebug.engine import Timeline


def block_at(timeline: Timeline, index: int) -> str:
    """The block of the event at an index; outside everything at the end."""
    if index >= len(timeline):
        return ""
    node = timeline.graph.node(timeline.schedule.tensor_at(index))
    return node.block if node else ""


def inside(block: str, outer: str) -> bool:
    """Whether a block lies strictly within another; every block lies within the outermost one, ''."""
    return block != outer and (outer == "" or block.startswith(outer + "."))
