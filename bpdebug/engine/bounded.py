"""An iteration within a byte budget: what lies between cuts is forgotten, and computed again when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bpdebug.arrays import Array, read_only
from bpdebug.engine.edits import Override
from bpdebug.engine.room import Room, cut
from bpdebug.engine.run import Pass
from bpdebug.engine.running_sums import RunningSums
from bpdebug.engine.segments import Segment, lifetimes_of
from bpdebug.engine.source import COMPUTE
from bpdebug.engine.spilled import Disk, Spilled
from bpdebug.errors import ShapeError
from bpdebug.graph import Graph
from bpdebug.progress import may_stop, steps
from bpdebug.symbolic import compile as code

SUMS = 4
"""Tensors of which running sums are kept."""


class PassMemory(NamedTuple):
    """What is there of a pass: bytes at so many cuts, and those of open segments, of how many."""

    nbytes: int
    cuts: int
    open_nbytes: int
    opened: int
    segments: int


class Gradients(dict[int, Array]):
    """Gradients so far, by tensor; None where nothing was added yet."""

    def __missing__(self, tensor: int) -> None:
        return None


class BoundedPass(Pass):
    """A pass that keeps what is at the cuts, and as many segments between them as there is room for.

    A segment is computed as a whole, by the functions that any pass computes it with, so that bits are the same. Where
    one of its nodes fails, what does not depend on it is computed alone. `computed` counts nodes, forward and backward.
    """

    room: Room

    def __init__(
        self, graph: Graph, leaf: Callable[[int], Array], room: Room, edits: Sequence[Override] = (),
        disk: Callable[[], Disk] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(graph, leaf, COMPUTE, edits)
        self._routed, self._here, self.room, self.nbytes = False, None, room, room.nbytes
        self._lifetimes = lifetimes = lifetimes_of(graph)
        self._last, self._lowest = lifetimes.last, lifetimes.lowest
        self._opened = room.nbytes - lifetimes.fixed - room.whole.beside
        self._open: dict[Segment, int] = {}
        self._passed: dict[Segment, int] = {}
        self._cuts: dict[int, Gradients] = {}
        self.computed, self.spilled = [0, 0], Spilled(disk)

    def beside(self, graph: Graph, leaf: Callable[[int], Array], edits: Sequence[Override] = ()) -> Pass:
        """A pass over the same nodes with other leaves, of their shapes, cut to as much room."""
        return BoundedPass(graph, leaf, cut(graph, self.room.nbytes), edits)

    def kept(self) -> PassMemory:
        """What there is room for at the cuts, and what is open."""
        whole = self.room.whole
        segments = sum(max(len(part.parts), 1) for part in whole.parts) or 1
        stays = self._lifetimes.fixed + whole.beside
        return PassMemory(stays, max(segments - 1, 0), sum(self._open.values()), len(self._open), segments)

    # --- what is asked --------------------------------------------------------------------------------------------

    def value(self, tensor: int) -> Array:
        """A tensor's value, of its shape; opens the segment that makes it."""
        k = int(self._lifetimes.birth[tensor])
        if self.V[tensor] is None and k >= 0:
            self._try(self._reach, k)
        return super().value(tensor)

    def cotangent(self, tensor: int) -> Array:
        """The whole gradient, of its shape, of a tensor that has one: from a cut, or its segment, which is opened."""
        if self.G[tensor] is None and self.graph.has_gradient(tensor):
            before = int(self._lifetimes.birth[tensor])
            found = self._at_cut(tensor, before, self._lowest[tensor])
            if found is not None:
                return read_only(np.asarray(self._edited(tensor, True, found)))
            self._try(self._back, before if before >= 0 else self._lowest[tensor])
        return super().cotangent(tensor)

    def contribution(self, k: int, position: int) -> Array:
        """What node k's operand at `position` gets from it, of its shape; opens the node's segment."""
        if self.G[self.graph.tensor(k)] is None:
            self._try(self._back, k)
            super().cotangent(self.graph.tensor(k))
        return super().contribution(k, position)

    def partial(self, tensor: int, count: int) -> Array | None:
        """The gradient (the tensor's shape) after some contributions, from the nearest cut on."""
        edges = self.graph.edges_from(tensor)
        if 0 < count < len(edges):
            last = edges[count - 1][0]
            found = self._at_cut(tensor, edges[count][0], last)
            if found is not None:
                return read_only(found)
            self._try(self._back, last)
            self._begin(tensor, self._innermost(last).stop)
        return super().partial(tensor, count)

    def run_forward(self) -> None:
        """Nothing: values are computed segment by segment, when they are asked for."""

    def run_backward(self) -> None:
        """All gradients once, from the last segment to the first: those of leaves stay, and what is at cuts."""
        if self.graph.backward_nodes and not self._backward_done:
            self._try(self._back, self.graph.backward_nodes[-1])
        self._backward_done = True

    def _at_cut(self, tensor: int, before: int, last: int) -> Array | None:
        """A gradient with all contributions down to that of node `last`, where it stays at a cut; None elsewhere.

        `before` is the node that adds the next one, or that makes the tensor.
        """
        return next((g[tensor] for c, g in self._cuts.items() if before < c <= last and tensor in g), None)

    def _begin(self, tensor: int, cut: int) -> None:
        """A tensor's running sums, from what is there at a cut."""
        while len(self._running) >= SUMS:
            del self._running[next(iter(self._running))]
        sums = self._running[tensor] = RunningSums(self.seed(tensor) if tensor in self.graph.incoming else None)
        there = sum(k >= cut for k, _ in self.graph.edges_from(tensor))
        if there and cut in self._cuts:
            sums.put(there, self._cuts[cut][tensor])

    # --- segments -------------------------------------------------------------------------------------------------

    def _try(self, how: Callable[[Segment, int], None], k: int) -> None:
        """Opens the innermost segment around node k, unless a node that is computed on the way fails."""
        try:
            with np.errstate(all="ignore"):
                how(self.room.whole, k)
        except ShapeError:
            return

    def _innermost(self, k: int) -> Segment:
        segment = self.room.whole
        while segment.parts:
            segment = segment.parts[segment.part(k)]
        return segment

    def _enter(self, whole: Segment, part: Segment) -> None:
        """Closes the part that was looked into before, where it is cut itself: two of these have no room."""
        for other in [s for s in self._passed if s is not part and whole.start <= s.start and s.stop <= whole.stop]:
            if other in whole.parts:
                self._close(other)

    def _reach(self, whole: Segment, k: int) -> None:
        """Has all values of the innermost segment around node k; those at the first cut of `whole` are there."""
        if not whole.parts:
            return self._fill(whole)
        at = whole.part(k)
        passed = self._passed.setdefault(whole, 0)
        with steps(at + 1) as step:
            for n in range(min(passed, at), at + 1):
                if step is not None:
                    step(n)
                part = whole.parts[n]
                self._enter(whole, part)
                self._reach(part, k if n == at else part.stop - 1)
                if not part.parts or self._passed[part] == len(part.parts):
                    self._passed[whole] = max(self._passed[whole], n + 1)
        return None

    def _fill(self, segment: Segment) -> None:
        """Has all values of a segment that is not cut."""
        if segment in self._open:
            return
        self._make_room(segment.values)
        first, V = self.graph.first, self.V
        nodes = range(segment.start, segment.stop)
        self._open[segment] = segment.values
        try:
            self.spilled.read(V, self._lifetimes.born(segment), gradients=False)
            missing = [first + k for k in nodes if V[first + k] is None]
            leaves = {t for k in nodes for t in self.graph.nodes[k].tensors if t < first and V[t] is None}
            self._compute([*sorted(leaves), *missing])
        except BaseException:
            self._forget(segment)
            raise
        self.computed[0] += len(missing)

    def _back(self, whole: Segment, k: int) -> None:
        """Has all gradients of the innermost segment around node k; those at the last cut of `whole` are there."""
        graph = self.graph
        if whole.stop == len(graph) and whole.stop not in self._cuts:
            seeds = ((t, self.seed(t)) for t in graph.incoming if graph.has_gradient(t))
            self._cuts[whole.stop] = Gradients(seeds)
        if not whole.parts:
            return self._go_back(whole)
        at = whole.part(k)
        behind = [part for part in reversed(whole.parts[at + 1 :]) if part.start not in self._cuts]
        with steps(len(behind) + 1) as step:
            for n, part in enumerate(behind):
                if step is not None:
                    step(n)
                self._enter(whole, part)
                self._back(part, part.start)
                self._close(part)
            if step is not None:
                step(len(behind))
            self._enter(whole, whole.parts[at])
            return self._back(whole.parts[at], k)

    def _go_back(self, segment: Segment) -> None:
        """The same in a segment that is not cut."""
        if self._open.get(segment, 0) > segment.values or (segment.start in self._cuts and not segment.gradients):
            return
        graph, V, first = self.graph, self.V, self.graph.first
        self._reach(self.room.whole, segment.start)
        self._make_room(segment.gradients, segment)
        made = self._made(segment)
        if segment.start in self._cuts and self.spilled.has(made, gradients=True):
            self.spilled.read(self.G, made, gradients=True)
            self._open[segment] += segment.gradients
            return
        sums = Gradients(self._cuts[segment.stop])
        for t in reversed(made):
            may_stop()
            if self._edits:
                sums[t] = self._edited(t, True, sums[t])
            k = t - first
            wanted = tuple(p for p, operand in graph.edges(k) if graph.has_gradient(operand))
            code.backward(graph.plans[k], wanted)(V, sums, t, *graph.nodes[k].inputs)
        self.computed[1] += len(made)
        self._open[segment] += segment.gradients
        self._stay(segment, sums)

    def _stay(self, segment: Segment, sums: Gradients) -> None:
        """Gradients where they stay: at the cut before a segment, while it is open, or for ever."""
        cut = self._cuts[segment.start] = Gradients()
        for t, found in sums.items():
            if t >= self.graph.tensor(segment.start):
                self.G[t] = found
            elif t < self.graph.first and self._lowest[t] >= segment.start:
                self.G[t] = self._edited(t, True, found)
            else:
                cut[t] = found

    def _make_room(self, nbytes: int, spare: Segment | None = None) -> None:
        """Closes segments, those first that were opened first, until there is room for so many bytes."""
        for segment in [s for s in self._open if s is not spare]:
            if sum(self._open.values()) + nbytes <= self._opened:
                break
            self._close(segment)

    def _close(self, segment: Segment) -> None:
        """Forgets what is in a segment; with a disk, it is there first."""
        self.spilled.write(self.V, self._forgettable(segment), gradients=False)
        self.spilled.write(self.G, self._made(segment), gradients=True)
        self._forget(segment)

    def _forgettable(self, segment: Segment) -> list[int]:
        """The values that a segment makes, and that nothing behind it reads."""
        return [t for t in self._lifetimes.born(segment) if self._last[t] < segment.stop]

    def _made(self, segment: Segment) -> list[int]:
        """The tensors of a segment's nodes that have a gradient."""
        numbers = range(self.graph.tensor(segment.start), self.graph.tensor(segment.stop))
        return [t for t in numbers if self.graph.has_gradient(t)]

    def _forget(self, segment: Segment) -> None:
        for held in (self._open, self._passed):
            for inner in [s for s in held if segment.start <= s.start and s.stop <= segment.stop]:
                del held[inner]
        for inside in [c for c in self._cuts if segment.start < c < segment.stop]:
            del self._cuts[inside]
        for t in self._forgettable(segment):
            self.V[t] = None
        for t in self._made(segment):
            self.G[t] = None
        self._running.clear()
