"""An iteration within a byte budget: what lies between cuts is forgotten, and computed again when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

from bpdebug.arrays import Array
from bpdebug.engine.edits import Override
from bpdebug.engine.opened import Gradients, Opened, PassMemory
from bpdebug.engine.room import Room, cut
from bpdebug.engine.run import Pass
from bpdebug.engine.running_sums import RunningSums
from bpdebug.engine.segments import Segment
from bpdebug.engine.sizes import at_work
from bpdebug.engine.source import COMPUTE
from bpdebug.engine.spilled import Disk
from bpdebug.errors import ShapeError
from bpdebug.graph import Graph
from bpdebug.progress import may_stop, steps
from bpdebug.symbolic import compile as code
from bpdebug.translation import N_

SUMS = 4
"""Tensors of which running sums are kept."""


class BoundedPass(Pass):
    """A pass that keeps what is at the cuts, and as many segments between them as there is room for.

    A segment is computed as a whole, by the functions that any pass computes it with, so that bits are the same. Where
    one of its nodes fails, what does not depend on it is computed alone. Its gradients are made part by part, and where
    they need room, what the way back does not read goes. `computed` counts nodes, forward and backward.
    """

    room: Room

    def __init__(
        self, graph: Graph, leaf: Callable[[int], Array], room: Room, edits: Sequence[Override] = (),
        disk: Callable[[], Disk | None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(graph, leaf, COMPUTE, edits)
        self._routed, self._here, self.room, self.nbytes = False, None, room, room.nbytes
        self._opened = opened = Opened(graph, room, self.V, self.G, disk)
        opened.made_of.append(self._running)
        self._birth, self._lowest = opened.lifetimes.birth, opened.lifetimes.lowest
        self._cuts, self.spilled, self.computed = opened.cuts, opened.spilled, [0, 0]

    def beside(self, graph: Graph, leaf: Callable[[int], Array], edits: Sequence[Override] = ()) -> Pass:
        """A pass over the same nodes with other leaves, of their shapes, in the room of this one, which is closed."""
        self._opened.close(self.room.whole)
        return BoundedPass(graph, leaf, cut(graph, self.room.nbytes - self._opened.lifetimes.fixed), edits)

    def kept(self) -> PassMemory:
        """What there is room for at the cuts, and what is open."""
        return self._opened.kept()

    # --- what is asked --------------------------------------------------------------------------------------------

    def value(self, tensor: int) -> Array:
        """A tensor's value, of its shape; opens the segment that makes it."""
        k = int(self._birth[tensor])
        if self.V[tensor] is None and k >= 0:
            self._try(self._reach, k)
            self._look(tensor, self._innermost(k))
        return super().value(tensor)

    def cotangent(self, tensor: int) -> Array:
        """The whole gradient, of its shape, of a tensor that has one: from a cut, or its segment, which is opened."""
        if self.G[tensor] is None and self.graph.has_gradient(tensor):
            before = int(self._birth[tensor])
            found = self._at_cut(tensor, before, self._lowest[tensor])
            if found is not None:
                return self._out(self._edited(tensor, True, found))
            self._try(self._back, before if before >= 0 else self._lowest[tensor])
        return super().cotangent(tensor)

    def contribution(self, k: int, position: int) -> Array:
        """What node k's operand at `position` gets from it, of its shape; opens the node's segment."""
        for t in self._read(k):
            self.value(t)
        if self.G[self.graph.tensor(k)] is None:
            self._try(self._back, k)
            super().cotangent(self.graph.tensor(k))
        return super().contribution(k, position)

    def leaves(self, k: int, g: Array | None = None) -> dict[int, Any]:
        """The leaves of node k's plan, by identity, with a cotangent of its shape; its rule has room then."""
        found = super().leaves(k, g)
        more = self.graph.plans[k].scratch - at_work(self.graph)
        self._opened.make_room(max(more, 0), self._innermost(k))
        return found

    def partial(self, tensor: int, count: int) -> Array | None:
        """The gradient (the tensor's shape) after some contributions, from the nearest cut on."""
        edges = self.graph.edges_from(tensor)
        if 0 < count < len(edges):
            last = edges[count - 1][0]
            found = self._at_cut(tensor, edges[count][0], last)
            if found is not None:
                return self._out(found)
            self._try(lambda whole, k: self._back(whole, k, passing=True), last)  # on a disk are no gradients of cuts
            around = self._innermost(last)
            self._begin(tensor, around.parts[around.part(last)].stop if around.parts else around.stop)
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
            sums.put(there, self._out(self._cuts[cut][tensor]))

    # --- segments -------------------------------------------------------------------------------------------------

    def _try(self, how: Callable[[Segment, int], None], k: int) -> None:
        """Opens the innermost segment around node k, unless a node that is computed on the way fails."""
        try:
            with self._quiet():
                how(self.room.whole, k)
        except ShapeError:
            return

    def _innermost(self, k: int) -> Segment:
        segment = self.room.whole
        while segment.is_cut:
            segment = segment.parts[segment.part(k)]
        return segment

    def _look(self, tensor: int, segment: Segment) -> None:
        """Has room for a value that an open segment forgot, and what it is computed from there."""
        if self.V[tensor] is None and segment in self._opened:
            self.computed[0] += len(self._opened.look(segment, self._missing([tensor])))

    def _reach(self, whole: Segment, k: int) -> None:
        """Has all values of the innermost segment around node k; those at the first cut of `whole` are there."""
        if not whole.is_cut:
            return self._fill(whole)
        at = whole.part(k)
        passed = self._opened.passed.setdefault(whole, 0)
        with steps(at + 1, N_("segments")) as step:
            for n in range(min(passed, at), at + 1):
                if step is not None:
                    step(n)
                part = whole.parts[n]
                self._opened.enter(whole, part)
                self._reach(part, k if n == at else part.stop - 1)
                if not part.is_cut or self._opened.passed[part] == len(part.parts):
                    self._opened.passed[whole] = max(self._opened.passed[whole], n + 1)
        return None

    def _fill(self, segment: Segment) -> None:
        """Has all values of a segment that is not cut."""
        if segment in self._opened:
            return
        first, V = self.graph.first, self.V
        nodes = range(segment.start, segment.stop)
        try:
            self._opened.begin(segment)
            missing = [first + k for k in nodes if V[first + k] is None]
            leaves = {t for k in nodes for t in self.graph.nodes[k].tensors if t < first and V[t] is None}
            self._compute([*sorted(leaves), *missing])
        except BaseException:
            self._opened.forget(segment)
            raise
        self.computed[0] += len(missing)

    def _back(self, whole: Segment, k: int, *, passing: bool = False) -> None:
        """Has all gradients of the innermost segment around node k; those at the last cut of `whole` are there.

        Where it is only `passing`, it has those at the cut before that segment, too.
        """
        graph = self.graph
        if whole.stop == len(graph) and whole.stop not in self._cuts:
            seeds = ((t, self._in(self.seed(t), t)) for t in graph.incoming if graph.has_gradient(t))
            self._cuts[whole.stop] = Gradients(seeds)
        if not whole.parts:
            return self._go_back(whole)
        at = whole.part(k)
        if not passing and self._restored(whole.parts[at]):
            return None
        behind = [*takewhile(lambda part: part.start not in self._cuts, whole.parts[at + 1 :])][::-1]
        with steps(len(behind) + 1, N_("segments")) as step:
            for n, part in enumerate(behind):
                if step is not None:
                    step(n)
                self._opened.enter_back(whole, part)
                self._back(part, part.start, passing=True)
                self._opened.close(part)
            if step is not None:
                step(len(behind))
            self._opened.enter_back(whole, whole.parts[at])
            return self._back(whole.parts[at], k, passing=passing)

    def _restored(self, segment: Segment) -> bool:
        """Whether the gradients of a segment are there, because all of them were on the disk."""
        if segment.parts or not self.spilled.has(self._opened.made(segment), gradients=True):
            return False
        self._reach(self.room.whole, segment.start)
        return self._opened.begin_back(segment, self._innermost(segment.start))

    def _go_back(self, segment: Segment) -> None:
        """The same in a segment that is not cut."""
        if self._opened.has_gradients(segment):
            return
        graph, V, first = self.graph, self.V, self.graph.first
        self._reach(self.room.whole, segment.start)
        if self._opened.begin_back(segment, self._innermost(segment.start)) and segment.start in self._cuts:
            return
        sums, made = Gradients(self._cuts[segment.stop]), self._opened.made(segment)
        try:
            for t in reversed(made):
                may_stop()
                if self._edits:
                    sums[t] = self._edited(t, True, sums[t])
                k = t - first
                wanted = tuple(p for p, operand in graph.edges(k) if graph.has_gradient(operand))
                code.backward(graph.plans[k], wanted, self.library)(V, sums, t, *graph.nodes[k].inputs)
        except BaseException:
            self._opened.drop_gradients(segment)
            raise
        self.computed[1] += len(made)
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
