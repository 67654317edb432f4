"""How a pass is cut into segments, and these again: so that the least stays, or the least is computed again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from bpdebug.engine.segments import Lifetimes, Segment

FEW = 1000
"""Nodes up to which all that can be tried costs little."""


class Division:
    """The ways to cut the nodes of a graph `levels` times, the parts of one cut again by the next."""

    def __init__(self, lifetimes: Lifetimes, levels: int) -> None:
        self.lifetimes, self.levels = lifetimes, levels
        self._tightest: dict[tuple[int, int, int], Segment] = {}
        self._ends = 0, len(lifetimes.graph.nodes)

    @property
    def least(self) -> Segment:
        """All nodes, so that the least stays."""
        return self._least(*self._ends, self.levels)

    def within(self, nbytes: int) -> Segment:
        """All nodes, so that of all divisions that take no more bytes than these the least is computed again."""
        made = self._ways(*self._ends, self.levels, nbytes)
        fits = [segment for segment in made if segment.least <= nbytes]
        return min(fits, key=lambda segment: again(segment, nbytes), default=self.least)

    def _least(self, start: int, stop: int, levels: int) -> Segment:
        key = start, stop, levels
        if key not in self._tightest:
            self._tightest[key] = min(self._ways(*key), key=lambda segment: segment.least)
        return self._tightest[key]

    def _ways(self, start: int, stop: int, levels: int, nbytes: int = 0) -> Iterator[Segment]:
        """Into one part, two, and so on, while less stays than in the best of these; what fits is not cut again."""
        lifetimes = self.lifetimes
        whole = self._whole(start, stop)
        yield whole
        least = whole.least
        for count in self._counts(whole, levels) if levels else ():
            cuts = lifetimes.evenly(start, stop, count)
            kept = lifetimes.kept(start, stop, cuts)
            if kept >= max(least, nbytes):
                return
            ends = [start, *cuts.tolist(), stop]
            parts = [self._part(a, b, levels - 1, nbytes - kept) for a, b in pairwise(ends)]
            made = Segment(start, stop, whole.values, whole.gradients, tuple(parts), kept)
            least = min(least, made.least)
            yield made

    def _counts(self, whole: Segment, levels: int) -> list[int]:
        """Into how many segments to cut, as a trial: near to what is best where all cuts are equally thick.

        Of k cuts of c bytes, and of N bytes in k segments, k c + N / k is least at k = √(N / c); with one level more
        at a cube root, and so on.
        """
        aim = (whole.least / self.lifetimes.thickness(whole.start, whole.stop)) ** (1 / (levels + 1))
        far = 4 if self.levels == 1 or self._ends[1] <= FEW else 1
        near = (round(aim * 2 ** (n / 4)) for n in range(-2 * far, 2 * far + 1))
        return sorted({count for count in near if 2 <= count <= whole.stop - whole.start})

    def _part(self, start: int, stop: int, levels: int, nbytes: int) -> Segment:
        whole = self._whole(start, stop)
        return whole if not levels or whole.least <= nbytes else self._least(start, stop, levels)

    def _whole(self, start: int, stop: int) -> Segment:
        if (start, stop, 0) not in self._tightest:
            self._tightest[start, stop, 0] = Segment(start, stop, *self.lifetimes.inside(start, stop))
        return self._tightest[start, stop, 0]


def again(segment: Segment, nbytes: int) -> int:
    """How many nodes are computed, some of them again, from what stays before a segment to its gradients.

    In so many bytes stay the cuts and, of what was computed last, as much as there is room for.
    """
    if not segment.parts:
        return segment.stop - segment.start
    room = nbytes - segment.beside
    parts, total = list(segment.parts), segment.stop - segment.start
    held = sum(part.values for part in parts)
    first = 0  # of those that are there
    for n in range(len(parts) - 1, -1, -1):
        part = parts[n]
        wanted = part.gradients if not part.parts else 0
        while first < n and held + wanted > room:
            held -= parts[first].values
            first += 1
        if n < first or held + wanted > room:
            total += again(part, nbytes - segment.kept)
        held -= part.values if n >= first else 0
    return total
