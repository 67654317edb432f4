"""How much room a pass has, how it is cut to fit, and the least that it can do with."""

from __future__ import annotations

from msgspec import Struct

from bpdebug.engine import sizes
from bpdebug.engine.cuts import Division
from bpdebug.engine.lifetimes import lifetimes_of
from bpdebug.engine.segments import Segment
from bpdebug.errors import InputError
from bpdebug.graph import Graph
from bpdebug.limits import KIB, MIB, spell_bytes

LEVELS = 3
"""So often a pass is cut: into segments, and where these are too large, each of them again, and these once more."""


class Room(Struct, frozen=True):
    """What a pass may take: `nbytes`, all that stays wherever it is cut among them; `whole` says how it is cut."""

    whole: Segment
    nbytes: int


ROOMS = 8
"""Rooms of a graph that are remembered: each iteration of a training, and each fork of it, asks for the same."""


def cut(graph: Graph, nbytes: int, most: int = 0) -> Room:
    """How a pass is cut so that it takes no more bytes than these, or if need be `most`; the least, if that is more."""
    known = graph.kept.setdefault("rooms", {})
    found: Room | None = known.get((nbytes, most))
    if found is None:
        if len(known) >= ROOMS:
            known.clear()
        found = known[nbytes, most] = _cut(graph, nbytes, most)
    return found


def _cut(graph: Graph, nbytes: int, most: int) -> Room:
    fixed, divisions = lifetimes_of(graph).fixed, divisions_of(graph)
    for division in divisions:
        if (whole := division.within(nbytes - fixed)) is not None:
            return Room(whole, nbytes)
        if nbytes < most and fixed + division.least <= most:
            return Room(division.tightest, fixed + division.least)
    division = min(divisions, key=lambda division: division.least)
    return Room(division.tightest, fixed + division.least)


def divisions_of(graph: Graph) -> list[Division]:
    """The ways to cut it, as often as need be: worked out once for a graph."""
    if "divisions" not in graph.kept:
        lifetimes = lifetimes_of(graph)
        graph.kept["divisions"] = [Division(lifetimes, levels) for levels in range(1, LEVELS + 1)]
    found: list[Division] = graph.kept["divisions"]
    return found


def check_least(graph: Graph, size: int, where: str, *, trained: bool, opening: int = 0) -> None:
    """E_LIMIT where so many bytes are less than what has to be kept of a graph, however its passes are cut.

    Fewer than `opening` its file does not open with.
    """
    states = sizes.of_states(graph, (*graph.trainable, *graph.owners)) if trained else 0
    beside, arrays = sizes.of_leaves(graph) + sizes.at_work(graph) + states, sizes.of_arrays(graph)
    least = beside + min(arrays, cut(graph, size - beside).nbytes if beside + arrays > size else arrays)
    least = max(least, opening)
    if least > size:
        message = f"this takes at least {spell_bytes(least)}, and the limit 'memory' is {spell_bytes(size)}"
        enough = f"{-(-least // MIB)}M" if least > MIB else f"{-(-least // KIB)}K"
        hint = f"--memory {enough}, in Python memory={least}: less cannot be kept of it"
        raise InputError(message, code="E_LIMIT", where=where, hint=hint)
