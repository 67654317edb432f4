"""How much room a pass has, how it is cut to fit, and the least that it can do with."""

from __future__ import annotations

from msgspec import Struct

from bpdebug.engine import sizes
from bpdebug.engine.segments import Segment, lifetimes_of
from bpdebug.errors import InputError
from bpdebug.graph import Graph
from bpdebug.limits import MIB, spell_bytes

LEVELS = 2
"""So often a pass is cut: into segments, and where these are too large, each of them again."""


class Room(Struct, frozen=True):
    """What a pass may take: `nbytes`, all that stays wherever it is cut among them; `whole` says how it is cut."""

    whole: Segment
    nbytes: int


def cut(graph: Graph, nbytes: int, most: int = 0) -> Room:
    """How a pass is cut so that it takes no more bytes than these, or if need be `most`; the least, if that is more."""
    lifetimes = lifetimes_of(graph)
    tried = []
    for levels in range(1, LEVELS + 1):
        tried.append(lifetimes.divided(levels))
        if (least := lifetimes.fixed + tried[-1].least) <= max(nbytes, most):
            return Room(tried[-1], max(nbytes, least))
    whole = min(tried, key=lambda segment: segment.least)
    return Room(whole, lifetimes.fixed + whole.least)


def check_least(graph: Graph, size: int, where: str, *, trained: bool) -> None:
    """E_LIMIT where so many bytes are less than what has to be kept of a graph, however its passes are cut."""
    states = sizes.of_states(graph, (*graph.trainable, *graph.owners)) if trained else 0
    beside, arrays = sizes.of_leaves(graph) + sizes.at_work(graph) + states, sizes.of_arrays(graph)
    least = beside + min(arrays, cut(graph, size - beside).nbytes if beside + arrays > size else arrays)
    if least > size:
        message = f"this takes at least {spell_bytes(least)}, and the limit 'memory' is {spell_bytes(size)}"
        hint = f"--memory {-(-least // MIB)}M, in Python memory={least}: less cannot be kept of it"
        raise InputError(message, code="E_LIMIT", where=where, hint=hint)
