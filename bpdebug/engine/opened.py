"""The segments of a pass that are open: their arrays are there until there is no room for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from bpdebug.engine.room import Room
from bpdebug.engine.segments import Segment, lifetimes_of
from bpdebug.engine.spilled import Disk, Spilled
from bpdebug.graph import Graph


class PassMemory(NamedTuple):
    """What is there of a pass: bytes at so many cuts, and those of open segments, of how many."""

    nbytes: int
    cuts: int
    open_nbytes: int
    opened: int
    segments: int


class Gradients(dict[int, Any]):
    """Gradients so far, by tensor; None where nothing was added yet."""

    def __missing__(self, tensor: int) -> None:
        return None


class Opened:
    """Which segments are open, in a pass's tables of values and gradients.

    `cuts` have the gradients that stay there, by the node behind; `passed` how many parts of a segment were gone
    through. What is forgotten is `spilled`, where there is a disk. What is `made_of` arrays goes with them;
    `release` gives their memory back to the system.
    """

    def __init__(
        self, graph: Graph, room: Room, V: list[Any], G: list[Any], disk: Callable[[], Disk | None] | None,
    ) -> None:  # fmt: skip
        self.graph, self.room, self._V, self._G = graph, room, V, G
        self.made_of: list[dict[int, Any]] = []
        self.release: Callable[[], Any] | None = None
        self.lifetimes = lifetimes = lifetimes_of(graph)
        self._stays = lifetimes.fixed + room.whole.beside
        self._open: dict[Segment, int] = {}
        self.passed: dict[Segment, int] = {}
        self.cuts: dict[int, Gradients] = {}
        self.spilled = Spilled(disk)

    def kept(self) -> PassMemory:
        """What there is room for at the cuts, and what is open."""
        segments = self.room.whole.innermost
        return PassMemory(self._stays, segments - 1, self._nbytes, len(self._open), segments)

    def __contains__(self, segment: Segment) -> bool:
        return segment in self._open

    def has_gradients(self, segment: Segment) -> bool:
        """Whether those of a segment, and those at the cut before it, are there."""
        return segment.start in self.cuts and segment.gradients in (0, self._open.get(segment, 0) - segment.values)

    def begin(self, segment: Segment) -> None:
        """Room for the values of a segment, and those that are on the disk."""
        self.make_room(segment.values)
        self._open[segment] = segment.values
        self.spilled.read(self._V, self.lifetimes.born(segment), gradients=False)

    def begin_back(self, segment: Segment) -> bool:
        """Room for the gradients of a segment that is open; whether all of them were on the disk."""
        self.drop_gradients(segment)
        self.make_room(segment.gradients, segment)
        self._open[segment] += segment.gradients
        made = self.made(segment)
        if segment.start not in self.cuts or not self.spilled.has(made, gradients=True):
            return False
        self.spilled.read(self._G, made, gradients=True)
        return True

    def make_room(self, nbytes: int, spare: Segment | None = None) -> None:
        """Closes segments, those first that were opened first, until there is room for so many bytes."""
        for segment in [s for s in self._open if s is not spare]:
            if self._stays + self._nbytes + nbytes <= self.room.nbytes:
                break
            self.close(segment)
        if self.release is not None:
            self.release()

    def enter(self, whole: Segment, part: Segment) -> None:
        """Closes the part that was looked into before, where it is cut itself: two of these have no room."""
        for other in [s for s in self.passed if s is not part and whole.start <= s.start and s.stop <= whole.stop]:
            if other in whole.parts:
                self.close(other)

    def enter_back(self, whole: Segment, part: Segment) -> None:
        """The same on the way back; of gradients at the cuts between parts those stay that it goes on from."""
        self.enter(whole, part)
        if whole is not self.room.whole:
            for other in whole.parts[:-1]:
                if other.stop != part.stop:
                    self.cuts.pop(other.stop, None)

    def close(self, segment: Segment) -> None:
        """Forgets what is in a segment; with a disk, it is there first."""
        self.spilled.write(self._V, self._forgettable(segment), gradients=False)
        self.spilled.write(self._G, self.made(segment), gradients=True)
        self.forget(segment)

    def forget(self, segment: Segment) -> None:
        """Forgets what is in a segment."""
        for held in (self._open, self.passed):
            for inner in [s for s in held if segment.start <= s.start and s.stop <= segment.stop]:
                del held[inner]
        for inside in [c for c in self.cuts if segment.start < c < segment.stop]:
            del self.cuts[inside]
        for t in self._forgettable(segment):
            self._V[t] = None
        self.drop_gradients(segment)

    def made(self, segment: Segment) -> list[int]:
        """The tensors of a segment's nodes that have a gradient."""
        numbers = range(self.graph.tensor(segment.start), self.graph.tensor(segment.stop))
        return [t for t in numbers if self.graph.has_gradient(t)]

    def drop_gradients(self, segment: Segment) -> None:
        """Forgets those of a segment, which may be open for its values."""
        if segment in self._open:
            self._open[segment] = segment.values
        for t in self.made(segment):
            self._G[t] = None
        for made in self.made_of:
            made.clear()

    def _forgettable(self, segment: Segment) -> list[int]:
        """The values that a segment makes, and that nothing behind it reads."""
        return [t for t in self.lifetimes.born(segment) if self.lifetimes.last[t] < segment.stop]

    @property
    def _nbytes(self) -> int:
        return sum(self._open.values())
