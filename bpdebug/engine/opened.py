"""The segments of a pass that are open: their arrays are there until there is no room for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from bpdebug.engine.lifetimes import lifetimes_of
from bpdebug.engine.room import Room
from bpdebug.engine.segments import Segment
from bpdebug.engine.spilled import Disk, Spilled
from bpdebug.graph import Graph


class PassMemory(NamedTuple):
    """What is there of a pass: bytes at so many cuts, at some of them gradients, and of open segments, of how many."""

    nbytes: int
    cuts: int
    stays: int
    open_nbytes: int
    opened: int
    segments: int


class Gradients(dict[int, Any]):
    """Gradients so far, by tensor; None where nothing was added yet."""

    def __missing__(self, tensor: int) -> None:
        return None


class OpenBytes(Struct):
    """The bytes of an open segment: values that the way back reads, those that only the way forward does, gradients."""

    lean: int = 0
    more: int = 0
    gradients: int = 0

    @property
    def nbytes(self) -> int:
        """All of them."""
        return self.lean + self.more + self.gradients


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
        self._open: dict[Segment, OpenBytes] = {}
        self.passed: dict[Segment, int] = {}
        self.cuts: dict[int, Gradients] = {}
        self.spilled = Spilled(disk)

    def kept(self) -> PassMemory:
        """What there is room for at the cuts, and what is open."""
        whole, opened = self.room.whole, sum(segment.values > 0 for segment in self._open)
        cuts = whole.innermost - 1
        return PassMemory(self._stays, cuts, min(cuts, len(whole.stays)), self._nbytes, opened, cuts + 1)

    def __contains__(self, segment: Segment) -> bool:
        return segment in self._open

    def has_gradients(self, segment: Segment) -> bool:
        """Whether those of a segment, and those at the cut before it, are there."""
        return segment.start in self.cuts and all(self._G[t] is not None for t in self.made(segment))

    def begin(self, segment: Segment) -> None:
        """Room for the values of a segment, and those that are on the disk."""
        self.make_room(segment.values)
        self._open[segment] = OpenBytes(segment.lean, segment.values - segment.lean)
        self.spilled.read(self._V, self.lifetimes.born(segment), gradients=False)

    def look(self, segment: Segment, tensors: Sequence[int]) -> list[int]:
        """Room for values of an open segment that it forgot; those of them that are not on the disk."""
        sizes, birth = self.lifetimes.sizes, self.lifetimes.birth
        nbytes = sum(int(sizes[t]) for t in tensors if segment.start <= birth[t] < segment.stop)
        self.make_room(nbytes, segment)
        if not self._has_room(nbytes):
            self._trim(segment)
        self._open[segment].more += nbytes
        self.spilled.read(self._V, tensors, gradients=False)
        return [t for t in tensors if self._V[t] is None]

    def begin_back(self, segment: Segment, around: Segment) -> bool:
        """Room for the gradients of a segment that is open, or `around` it; whether all of them were on the disk."""
        self.drop_gradients(segment)
        self._open[around].gradients = around.kept
        if not self._has_room(segment.gradients):
            self._trim(around)
        self.make_room(segment.gradients, around)
        self._open.setdefault(segment, OpenBytes()).gradients = segment.gradients
        made = self.made(segment)
        if not self.spilled.has(made, gradients=True):
            return False
        self.spilled.read(self._G, made, gradients=True)
        return True

    def make_room(self, nbytes: int, spare: Segment | None = None) -> None:
        """Until there is room, forgets what the way back does not read, and then segments; those first opened first.

        What is in the one to `spare` stays, but for parts of its gradients.
        """
        if not self._has_room(nbytes):
            others = [s for s in self._open if s is not spare]
            trims = ((self._trim, s) for s in others if self._open[s].more)
            for forget, segment in (*trims, *((self.close, s) for s in others)):
                forget(segment)
                if self._has_room(nbytes):
                    break
        if self.release is not None:
            self.release()

    def _has_room(self, nbytes: int) -> bool:
        return self._stays + self._nbytes + nbytes <= self.room.nbytes

    def enter(self, whole: Segment, part: Segment) -> None:
        """Closes the part that was looked into before, where it is cut itself: two of these have no room."""
        for other in [s for s in self.passed if s is not part and whole.start <= s.start and s.stop <= whole.stop]:
            if other in whole.parts:
                self.close(other)

    def enter_back(self, whole: Segment, part: Segment) -> None:
        """The same on the way back; of gradients at the cuts between parts also those stay that it goes on from."""
        self.enter(whole, part)
        for other in whole.parts[:-1] if len(whole.stays) < len(whole.parts) - 1 else ():
            if other.stop != part.stop and other.stop not in whole.stays:
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

    def _trim(self, segment: Segment) -> None:
        """Forgets the values of an open segment that the way back does not read."""
        if self._open[segment].more:
            trimmed = [t for t in self._forgettable(segment) if not self.lifetimes.read_back[t]]
            self.spilled.write(self._V, trimmed, gradients=False)
            for t in trimmed:
                self._V[t] = None
            self._open[segment].more = 0

    def made(self, segment: Segment) -> list[int]:
        """The tensors of a segment's nodes that have a gradient."""
        numbers = range(self.graph.tensor(segment.start), self.graph.tensor(segment.stop))
        return [t for t in numbers if self.graph.has_gradient(t)]

    def drop_gradients(self, segment: Segment) -> None:
        """Forgets those of a segment, which may be open for its values."""
        if segment in self._open:
            self._open[segment].gradients = 0
        for t in self.made(segment):
            self._G[t] = None
        for made in self.made_of:
            made.clear()

    def _forgettable(self, segment: Segment) -> list[int]:
        """The values that a segment makes, and that nothing behind it reads; a part of its gradients has none."""
        born = self.lifetimes.born(segment) if segment.values else ()
        return [t for t in born if self.lifetimes.last[t] < segment.stop]

    @property
    def _nbytes(self) -> int:
        return sum(held.nbytes for held in self._open.values())
