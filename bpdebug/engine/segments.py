"""Where a pass is cut, so that little of it has to be kept: integers alone, from how long each array is needed.

At a cut stay the values that are read on both sides of it, and the gradients that have not got all of their
contributions yet; what lies between two cuts is a segment, and is computed again when somebody looks into it. Of a
residual net the cuts are fat in some places and thin in others: they are made where they are thin.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from msgspec import Struct

from bpdebug.engine.budget import ARRAY
from bpdebug.engine.sizes import sole_edges
from bpdebug.graph import DRAWN, Graph
from bpdebug.symbolic import Plan

Numbers = np.ndarray[Any, np.dtype[np.int64]]


class Segment(Struct, frozen=True, eq=False, dict=True):
    """Nodes `start` to before `stop`, and the bytes of all `values` and all `gradients` that are made there.

    It may be cut itself: its `parts` follow one another, and while one of them is looked at, `kept` bytes stay at the
    cuts between them.
    """

    start: int
    stop: int
    values: int
    gradients: int
    parts: tuple[Segment, ...] = ()
    kept: int = 0

    @cached_property
    def least(self) -> int:
        """The bytes that it takes to go through it with one segment open."""
        return self.kept + max(part.least for part in self.parts) if self.parts else self.values + self.gradients

    @cached_property
    def beside(self) -> int:
        """The most bytes that stay at cuts, its own and those of a part of it."""
        return self.kept + max((part.beside for part in self.parts), default=0)

    @cached_property
    def innermost(self) -> int:
        """How many segments in it are not cut: itself, or those of its parts."""
        return sum(part.innermost for part in self.parts) or 1

    def part(self, k: int) -> int:
        """Which of its parts node k is in."""
        return bisect_right(self._stops, k)

    @cached_property
    def _stops(self) -> list[int]:
        return [part.stop for part in self.parts]


class Lifetimes:
    """From when to when each tensor of a graph is needed, by the numbers of nodes.

    `birth` is the node that makes it (a drawn mask's the first that reads it; -1 of leaves, which are always there),
    `last` the last one that reads it, or reads what shares its memory. What is `pinned` is read from anywhere: the
    loss, and what rules read that were set by hand. `lowest` is the node that completes its gradient; -1: it has none.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph, first, count = graph, graph.first, len(graph.names)
        edges, nbytes = graph.every_edge, np.fromiter(map(graph.nbytes, range(count)), np.int64, count) + ARRAY
        self._gradients = np.where(np.frombuffer(graph.on_path, np.bool_), nbytes, 0)
        self.birth = np.arange(count) - first
        for t in range(first):
            self.birth[t] = graph.users(t)[0] if graph.kind(t) == DRAWN else -1
        outside = {t for plan in edges.rules for t in plan.outside}
        self.pinned = {t for t in (*outside, graph.loss) if t is not None and self.birth[t] >= 0}
        found = self.birth.copy()
        np.maximum.at(found, edges.read.operands, edges.read.nodes)
        found[list(self.pinned)] = len(graph.nodes)
        self.last = last = found.tolist()
        self.sizes = np.where(self.birth >= 0, nbytes, 0)
        bases = [_base(plan) for plan in edges.rules]
        shares = np.array([base is not None for base, _ in bases])
        for k in np.flatnonzero(shares[edges.kinds])[::-1].tolist():
            base, alone = bases[edges.kinds[k]]
            assert base is not None
            t = graph.operand(k, base)
            last[t] = max(last[t], last[first + k])
            if not alone:
                self.sizes[first + k] = ARRAY
        self.lowest = [-1] * count
        self._edges = self._read_edges()

    @cached_property
    def _last(self) -> Numbers:
        return np.array(self.last)

    @cached_property
    def _lowest(self) -> Numbers:
        return np.array(self.lowest)

    def _read_edges(self) -> tuple[Numbers, Numbers, Numbers]:
        """Edges by ascending node: the node, the bytes of its tensor's gradient, and the node that comes before it.

        Before the first of a tensor's comes the tensor's own node; a leaf's gradient is whole there, and stays. Where a
        gradient is another's memory, a part of it perhaps, the other stays for as long.
        """
        graph, handed, gradients = self.graph, self._handed_on, self._gradients.tolist()
        before, rows = self.birth.tolist(), list[tuple[int, int, int]]()
        start, operands = graph.every_edge.flow.start.tolist(), graph.every_edge.flow.operands.tolist()
        for k in reversed(graph.backward_nodes):
            whole = graph.tensor(k)
            for t in dict.fromkeys(operands[start[k] : start[k + 1]]):
                nbytes = gradients[t]
                if not nbytes:
                    continue
                if self.lowest[t] < 0:
                    self.lowest[t] = k
                if t in handed and (before[t] >= 0 or nbytes < gradients[whole]):
                    nbytes, before[whole] = ARRAY, min(before[whole], before[t])
                rows.append((k, nbytes, k if before[t] < 0 else before[t]))
                before[t] = k
        nodes, sizes, earlier = np.array(rows, np.int64).reshape(-1, 3).T
        return nodes, sizes, earlier

    @cached_property
    def _handed_on(self) -> set[int]:
        """Tensors whose gradient is the memory of what came in at the one node that reads them: `add` hands it on."""
        edges, on_path = self.graph.every_edge, np.frombuffer(self.graph.on_path, np.bool_)
        flow = edges.flow
        at = np.flatnonzero((sole_edges(self.graph) & on_path)[flow.operands] & on_path[flow.first :][flow.nodes])
        pairs = np.stack([edges.kinds[flow.nodes[at]], edges.positions[at]])
        (kinds, positions), which = np.unique(pairs, axis=1, return_inverse=True)
        hands = [_hands_on(edges.rules[kind], p) for kind, p in zip(kinds.tolist(), positions.tolist(), strict=True)]
        found: list[int] = flow.operands[at[np.array(hands, np.bool_)[which.reshape(-1)]]].tolist()
        return set(found)

    @cached_property
    def masks(self) -> dict[int, list[int]]:
        """The drawn masks by the node that reads them first."""
        found: dict[int, list[int]] = {}
        for t in range(self.graph.first):
            if self.birth[t] >= 0:
                found.setdefault(int(self.birth[t]), []).append(t)
        return found

    def born(self, segment: Segment) -> Iterator[int]:
        """The tensors that a segment makes, its masks first."""
        for k in self.masks:
            if segment.start <= k < segment.stop:
                yield from self.masks[k]
        yield from range(self.graph.tensor(segment.start), self.graph.tensor(segment.stop))

    @cached_property
    def fixed(self) -> int:
        """Bytes that a pass keeps wherever it is cut: the gradients of leaves, and what is pinned."""
        return int(self._gradients[: self.graph.first].sum()) + int(self.sizes[list(self.pinned)].sum())

    # --- how large it is ------------------------------------------------------------------------------------------

    @cached_property
    def _own_gradients(self) -> Numbers:
        """The same, without those that are another's memory."""
        found = self._gradients.copy()
        found[list(self._handed_on)] = ARRAY
        return found

    @cached_property
    def _made(self) -> tuple[Numbers, Numbers]:
        """The bytes of values, and of gradients, that are made before each node."""
        owned, stop = self.birth >= 0, len(self.graph.nodes)
        born = self.birth[owned]
        both = (np.bincount(born, sizes[owned], stop) for sizes in (self.sizes, self._own_gradients))
        values, gradients = (np.concatenate([[0], np.cumsum(made)]).astype(np.int64) for made in both)
        return values, gradients

    @cached_property
    def _live(self) -> tuple[Numbers, Numbers]:
        """The bytes of values, and of gradients, that stay at a cut before each node."""
        stop, (nodes, sizes, earlier) = len(self.graph.nodes), self._edges
        last = self._last
        stays = (self.birth >= 0) & (last > self.birth) & (last < stop)
        values, gradients = np.zeros((2, stop + 2), np.int64)
        np.add.at(values, self.birth[stays] + 1, self.sizes[stays])
        np.add.at(values, last[stays] + 1, -self.sizes[stays])
        np.add.at(gradients, earlier + 1, sizes)
        np.add.at(gradients, nodes + 1, -sizes)
        return np.cumsum(values), np.cumsum(gradients)

    def kept(self, start: int, stop: int, cuts: Numbers) -> int:
        """The bytes that stay at the cuts between the nodes, and at no cut around them.

        A value is one array, at however many cuts. A gradient is another after each segment that adds to it; between
        nodes that are not all of the graph it stays at two cuts, one behind the other.
        """
        made = self._born(start, stop)
        last = self._last[made]
        crosses = np.searchsorted(cuts, self.birth[made], "right") < np.searchsorted(cuts, last, "right")
        values = int(self.sizes[made[crosses & (last < stop)]].sum())
        if stop - start < len(self.graph.nodes):
            there = np.concatenate([[0], self._live[1][cuts], [0]])
            return values + int((there[1:] + there[:-1]).max())
        nodes, sizes, earlier = self._edges
        again = np.searchsorted(cuts, nodes, "right") > np.searchsorted(cuts, earlier, "right")
        return values + int(sizes[again].sum())

    def inside(self, start: int, stop: int) -> tuple[int, int]:
        """The bytes of values, and of gradients, that are made between the cuts and stay at neither of them."""
        values, gradients = (int(made[stop] - made[start]) for made in self._made)
        born = self._born(start, stop)
        values -= int(self.sizes[born[self._last[born] >= stop]].sum())
        return values, gradients - int(self._own_gradients[born[self._lowest[born] >= stop]].sum())

    def evenly(self, start: int, stop: int, count: int) -> Numbers:
        """Cuts into so many segments of about the same size, each where it is thinnest nearby."""
        made = self._made[0] + self._made[1]
        size = (made[stop] - made[start]) / count
        middle = made[start] + size * np.arange(1, count)
        low, high = (np.clip(np.searchsorted(made, middle + by), start + 1, stop - 1) for by in (-size / 4, size / 4))
        aims = np.searchsorted(made, middle).tolist()
        spans = zip(low.tolist(), high.tolist(), aims, strict=True)
        return np.unique(np.fromiter((self._thinnest(*span) for span in spans), np.int64, count - 1))

    def _thinnest(self, low: int, high: int, aim: int) -> int:
        """The cut from `low` to `high` at which the least stays; of several, the one nearest to where it is aimed."""
        live = self._thickness[low : high + 1]
        best = low + np.flatnonzero(live == live.min())
        return int(best[np.argmin(np.abs(best - aim))])

    def thickness(self, start: int, stop: int) -> float:
        """The bytes that stay at a cut between the nodes, on an average."""
        return max(float(self._thickness[start + 1 : stop].mean()), 1) if stop - start > 1 else 1

    @cached_property
    def _thickness(self) -> Numbers:
        return self._live[0] + self._live[1]

    def _born(self, start: int, stop: int) -> Numbers:
        """The tensors that the nodes make, and their masks."""
        masks = [t for k in self.masks if start <= k < stop for t in self.masks[k]]
        nodes = np.arange(self.graph.tensor(start), self.graph.tensor(stop))
        return np.concatenate([nodes, np.array(masks, np.int64)])


def lifetimes_of(graph: Graph) -> Lifetimes:
    """Worked out once for a graph."""
    if "lifetimes" not in graph.kept:
        graph.kept["lifetimes"] = Lifetimes(graph)
    found: Lifetimes = graph.kept["lifetimes"]
    return found


def _hands_on(plan: Plan, position: int) -> bool:
    """Whether what a node's operand gets is the memory of what comes in, or a part of it."""
    e = plan.summed(position)
    while e.prim is not None and e.prim.view and e.prim.name != "reshape":
        e = e.args[0]
    return e is plan.g


def _base(plan: Plan) -> tuple[int | None, bool]:
    """The operand that a node's value shares its memory with, or None; and whether it may have its own after all."""
    e, alone = plan.value, False
    while e.prim is not None and e.prim.view:
        alone |= e.prim.name == "reshape"  # of what lies in another order it is a copy
        e = e.args[0]
    found = next((i for i, operand in enumerate(plan.operands) if operand is e), None)
    return found, alone
