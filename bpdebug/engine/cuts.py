"""How a pass is cut into segments, and these again: so that the least stays, or the least is computed again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from msgspec.structs import replace

from bpdebug.engine.lifetimes import Lifetimes, Numbers
from bpdebug.engine.segments import QUARTER, Segment

LITTLE = 20
"""This part of all nodes more may be computed again, where it makes a seek shorter."""
SHORT = 256
"""A seek through this part of all nodes need not be shorter."""
PIECES = 16
"""What is less than this part of a budget is not cut on the way back."""
FEW = 1000
"""Nodes up to which all that can be tried costs little."""


class Division:
    """The ways to cut the nodes of a graph `levels` times, the parts of one cut again by the next."""

    def __init__(self, lifetimes: Lifetimes, levels: int) -> None:
        self.lifetimes, self.levels = lifetimes, levels
        self._tightest: dict[tuple[int, int, int], Segment] = {}
        self._ends = 0, len(lifetimes.graph.nodes)

    @cached_property
    def least(self) -> int:
        """The bytes that the tightest of them takes."""
        return self._tight(self._whole, self.levels).least

    @cached_property
    def tightest(self) -> Segment:
        """All nodes in as many bytes."""
        found = self.within(self.least)
        assert found is not None
        return found

    def within(self, nbytes: int) -> Segment | None:
        """All nodes, so that of all divisions that take no more bytes than these the least is computed again.

        Where it is little more in smaller segments, these; None where all take more: these are fewer than the `least`.
        """
        made = self._ways(self._whole, self.levels, nbytes)
        fits = [(again(segment, nbytes), segment) for segment in made if segment.least <= nbytes]
        if not fits:
            return None
        nodes = self._ends[1]
        most = min(count for count, _ in fits) + nodes // LITTLE
        few = [segment for count, segment in fits if count <= most]
        return self._to_go_back(min(few, key=lambda segment: max(segment.longest, nodes // SHORT)), nbytes)

    @cached_property
    def _whole(self) -> Segment:
        (whole,) = self._parts(np.array(self._ends))
        return whole

    def _parts(self, ends: Numbers) -> list[Segment]:
        """The segments between these nodes, not cut."""
        rows = zip(*(row.tolist() for row in (ends[:-1], ends[1:], *self.lifetimes.inside(ends))), strict=True)
        return [Segment(*row) for row in rows]

    def _tight(self, whole: Segment, levels: int) -> Segment:
        key = whole.start, whole.stop, levels
        if key not in self._tightest:
            self._tightest[key] = min(self._ways(whole, levels), key=lambda segment: segment.least)
        return self._tightest[key]

    def _ways(self, whole: Segment, levels: int, nbytes: int = 0) -> Iterator[Segment]:
        """Into one part, two, and so on, while less stays than in the best of these; what fits is not cut again."""
        lifetimes, start, stop = self.lifetimes, whole.start, whole.stop
        yield whole
        least = whole.least
        for count in self._counts(whole, levels) if levels else ():
            cuts = lifetimes.evenly(start, stop, count)
            values = lifetimes.crossing(start, stop, cuts)
            if values >= max(least, nbytes):
                return
            parts, ends = self._parts(np.array([start, *cuts, stop])), (start, stop) == self._ends
            for stays in _thinned(cuts) if ends and nbytes else [cuts[:0]]:
                kept = values + lifetimes.partial(start, stop, cuts, stays)
                inner = tuple(self._fit(part, levels - 1, nbytes - kept) for part in parts)
                made = replace(whole, parts=inner, kept=kept, stays=frozenset(stays.tolist()))
                least = min(least, made.least)
                yield made
                if made.least <= nbytes:
                    break

    def _counts(self, whole: Segment, levels: int) -> list[int]:
        """Into how many segments to cut, as a trial: near to what is best where all cuts are equally thick.

        Of k cuts of c bytes, and of N bytes in k segments, k c + N / k is least at k = √(N / c); with one level more
        at a cube root, and so on.
        """
        thickness = self.lifetimes.thickness(whole.start, whole.stop)
        aim = ((whole.values + whole.gradients) / thickness) ** (1 / (levels + 1))
        far = 4 if whole is self._whole and (self.levels == 1 or whole.stop <= FEW) else 1
        near = (round(aim * 2 ** (n / 4)) for n in range(-2 * far, 2 * far + 1))
        return sorted({count for count in near if 2 <= count <= whole.stop - whole.start})

    def _fit(self, whole: Segment, levels: int, nbytes: int) -> Segment:
        return whole if not levels or whole.least <= nbytes else self._tight(whole, levels)

    def _to_go_back(self, whole: Segment, nbytes: int) -> Segment:
        """The same, with what is not cut so far in parts for its gradients, as few of them as there is room for."""
        if whole.parts:
            return replace(whole, parts=tuple(self._to_go_back(part, nbytes - whole.kept) for part in whole.parts))
        room, nodes = nbytes - whole.lean, whole.stop - whole.start
        little = room if (whole.start, whole.stop) == self._ends else max(whole.back, nbytes // PIECES)
        if whole.gradients <= min(room, little):
            return whole
        count = max(QUARTER, -(-whole.gradients // max(room, 1)))
        while count < nodes:
            found = self._back(whole, self.lifetimes.evenly(whole.start, whole.stop, count), room)
            if found is not None:
                return found
            count *= 2
        return self._back(whole, np.arange(whole.start + 1, whole.stop), room) or whole

    def _back(self, whole: Segment, cuts: Numbers, room: int) -> Segment | None:
        """A segment of which all values are there, cut on the way back; None where it takes more than there is room."""
        start, stop = whole.start, whole.stop
        parts = [replace(part, values=0, lean=0) for part in self._parts(np.array([start, *cuts, stop]))]
        for stays in cuts, cuts[:0]:
            kept = self.lifetimes.partial(start, stop, cuts, stays)
            if kept + max(part.gradients for part in parts) <= room:
                stay = frozenset(stays.tolist())
                return replace(whole, parts=tuple(parts), kept=kept, stays=stay, together=True)
        return None


def _thinned(cuts: Numbers) -> Iterator[Numbers]:
    """All of them, every second one, every fourth and so on, and none."""
    every = 1
    while every <= len(cuts):
        yield cuts[every - 1 :: every]
        every *= 2
    yield cuts[:0]


def again(segment: Segment, nbytes: int) -> int:
    """How many nodes are computed, some of them again, from what stays before a segment to its gradients.

    In so many bytes stay the cuts and, of what was computed last, as much as there is room for.
    """
    total = segment.stop - segment.start
    if not segment.is_cut:
        return total
    room, stay = nbytes - segment.beside, [0 if part.is_cut else part.lean for part in segment.parts]
    first = held = 0  # the first that is there, and the bytes of all of them
    for n, part in enumerate(segment.parts):
        while first < n and held + part.values > room:
            held -= stay[first]
            first += 1
        held += stay[n]
    for n, part in reversed([*enumerate(segment.parts)]):
        while first < n and held + part.back > room:
            held -= stay[first]
            first += 1
        if n < first or part.is_cut:
            total += again(part, nbytes - segment.kept)
        else:
            held -= stay[n]
    return total
