"""The segments that a pass is cut into: what each takes, and how it is gone through."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from itertools import pairwise

from msgspec import Struct

QUARTER = 4
"""Where a pass is cut, the gradients of a segment are made in so many parts at least, so that more values can stay."""


class Segment(Struct, frozen=True, eq=False, dict=True):
    """Nodes `start` to before `stop`, and the bytes of all `values` and all `gradients` that are made there.

    Of the values the way back reads `lean` bytes, and of the gradients at least `narrow` are there at once. It may be
    cut itself: its `parts` follow one another, and while one of them is looked at, `kept` bytes stay at the cuts
    between them; gradients at those where it `stays`, and at the two around the part. Where it is `together`, all of
    its values are there at once, and the parts, which have none for themselves, are those of its gradients.
    """

    start: int
    stop: int
    values: int
    lean: int
    gradients: int
    narrow: int
    parts: tuple[Segment, ...] = ()
    kept: int = 0
    stays: frozenset[int] = frozenset()
    together: bool = False

    @property
    def is_cut(self) -> bool:
        """Whether only some of its values are there at once."""
        return bool(self.parts) and not self.together

    @cached_property
    def least(self) -> int:
        """The bytes that it takes to go through it with one segment open."""
        if self.is_cut:
            return self.kept + max(part.least for part in self.parts)
        return max(self.values, self.lean + self.narrow)

    @property
    def back(self) -> int:
        """The bytes of gradients that are there at once where it is gone through part by part, as a trial."""
        return min(self.gradients, self.narrow + self.gradients // QUARTER)

    @cached_property
    def beside(self) -> int:
        """The most bytes that stay at cuts between segments, its own and those of a part of it."""
        return self.kept + max(part.beside for part in self.parts) if self.is_cut else 0

    @cached_property
    def longest(self) -> int:
        """The most nodes that a seek goes through, forward and back: those between cuts at which gradients stay."""
        if not self.parts:
            return (self.stop - self.start) // QUARTER
        ends = [self.start, *sorted(self.stays), self.stop]
        return max(stop - start for start, stop in pairwise(ends))

    @cached_property
    def innermost(self) -> int:
        """How many segments in it are not cut: itself, or those of its parts."""
        return sum(part.innermost for part in self.parts) if self.is_cut else 1

    def part(self, k: int) -> int:
        """Which of its parts node k is in."""
        return bisect_right(self._stops, k)

    @cached_property
    def _stops(self) -> list[int]:
        return [part.stop for part in self.parts]
