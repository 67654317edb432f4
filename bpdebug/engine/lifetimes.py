"""What stays where a pass is cut, and where that is little: integers alone, from how long each array is needed.

At a cut stay the values that are read on both sides of it, and the gradients that have not got all of their
contributions yet; what lies between two cuts is a segment, and is computed again when somebody looks into it. What the
way back does not read need not stay even there. Of a residual net the cuts are fat in some places and thin in others.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from bpdebug.engine.budget import ARRAY
from bpdebug.engine.segments import Segment
from bpdebug.engine.sizes import sole_edges
from bpdebug.graph import DRAWN, Graph
from bpdebug.graph.edges import Edges
from bpdebug.symbolic import Plan, walk

Numbers = np.ndarray[Any, np.dtype[np.int64]]


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
        self._views: list[tuple[int, int]] = []
        shares = np.array([base is not None for base, _ in bases])
        for k in np.flatnonzero(shares[edges.kinds])[::-1].tolist():
            base, alone = bases[edges.kinds[k]]
            assert base is not None
            t = graph.operand(k, base)
            last[t] = max(last[t], last[first + k])
            self._views.append((first + k, t))
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
    def read_back(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Per tensor: whether the way back reads its value, or what shares its memory."""
        edges, on_path = self.graph.every_edge, np.frombuffer(self.graph.on_path, np.bool_)
        flow, found = edges.flow, np.zeros(len(on_path), np.bool_)
        at = np.flatnonzero(on_path[flow.operands] & on_path[flow.first :][flow.nodes])
        pairs, which = _kinds(edges, at)
        order = np.argsort(which, kind="stable")
        groups = np.split(at[order], np.cumsum(np.bincount(which))[:-1]) if len(at) else []
        for (rule, position), group in zip(pairs, groups, strict=True):
            below, nodes = set(map(id, walk(rule.summed(position)))), flow.nodes[group]
            found[nodes + flow.first] |= id(rule.y) in below
            for nth, operand in enumerate(rule.operands):
                if id(operand) in below:
                    found[edges.taken[edges.inputs[nodes] + nth]] = True
        for view, base in self._views:
            found[base] |= found[view]
        return found

    @cached_property
    def _handed_on(self) -> set[int]:
        """Tensors whose gradient is the memory of what came in at the one node that reads them: `add` hands it on."""
        edges, on_path = self.graph.every_edge, np.frombuffer(self.graph.on_path, np.bool_)
        flow = edges.flow
        at = np.flatnonzero((sole_edges(self.graph) & on_path)[flow.operands] & on_path[flow.first :][flow.nodes])
        pairs, which = _kinds(edges, at)
        hands = [_hands_on(rule, position) for rule, position in pairs]
        found: list[int] = flow.operands[at[np.array(hands, np.bool_)[which]]].tolist()
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
    def _made(self) -> Numbers:
        """The bytes that are made before each node."""
        owned, stop = self.birth >= 0, len(self.graph.nodes)
        made = np.bincount(self.birth[owned], (self.sizes + self._own_gradients)[owned], stop)
        return np.concatenate([[0], np.cumsum(made)]).astype(np.int64)

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

    def crossing(self, start: int, stop: int, cuts: Numbers) -> int:
        """The bytes of values that stay at the cuts between the nodes, and at no cut around them: each one array."""
        made = self._born(start, stop)
        last = self._last[made]
        crosses = np.searchsorted(cuts, self.birth[made], "right") < np.searchsorted(cuts, last, "right")
        return int(self.sizes[made[crosses & (last < stop)]].sum())

    def partial(self, start: int, stop: int, cuts: Numbers, stays: Numbers) -> int:
        """The bytes of gradients that stay at some of the cuts, and of the rest at two, one behind the other.

        A gradient is another array after each segment that adds to it.
        """
        ends = np.concatenate([[start], cuts, [stop]])
        there = np.ones(len(ends), np.bool_)
        there[[0, -1]] = there[np.searchsorted(ends, stays)] = False
        some = slice(*np.searchsorted(self._edges[0], (start, stop)).tolist())
        nodes, sizes, earlier = (row[some] for row in self._edges)
        crosses = np.searchsorted(stays, nodes, "right") > np.searchsorted(stays, earlier, "right")
        made = np.searchsorted(ends, nodes, "right") - 1
        new = earlier < ends[made]
        behind = np.bincount(made[new], sizes[new], len(cuts) + 1) * there[:-1] + self._live[1][ends[1:]] * there[1:]
        return int(behind.max()) + int(sizes[crosses].sum())

    def inside(self, ends: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """The bytes that are made between each two cuts and stay at neither of them.

        Of values, and of those of them that the way back reads; then of gradients, and of those that are there at once
        at least, where each node is gone back through alone.
        """
        born = self._born(int(ends[0]), int(ends[-1]))
        place, stops = np.searchsorted(ends, self.birth[born], "right") - 1, ends[1:]
        goes = self._last[born] < stops[place]

        def total(which: Any, sizes: Numbers) -> Numbers:
            found = np.bincount(place[which], sizes[born[which]], len(stops))
            return found.astype(np.int64)

        gradients = total(self._lowest[born] < stops[place], self._own_gradients)
        narrow = np.minimum(gradients, self._narrow(ends))
        return total(goes, self.sizes), total(goes & self.read_back[born], self.sizes), gradients, narrow

    def _narrow(self, ends: Numbers) -> Numbers:
        inner, count = np.stack([ends[:-1] + 1, ends[1:] - 1], 1).reshape(-1), np.diff(ends)
        most = np.maximum.reduceat(self._through, inner)[::2]  # where cuts are before and behind a node
        most = np.where(count > 2, most, np.where(count == 2, self._live[1][inner[::2]], 0))
        return np.asarray(most + np.maximum.reduceat(self._unread, ends[:-1]))

    @cached_property
    def _through(self) -> Numbers:
        """The bytes of gradients at the cuts around each node: those behind it, and those that it makes new."""
        nodes, sizes, earlier = self._edges
        new = earlier < nodes
        made = np.bincount(nodes[new], sizes[new], len(self.graph.nodes) + 1)
        return self._live[1][1:] + made.astype(np.int64)

    @cached_property
    def _unread(self) -> Numbers:
        """The bytes of each node's gradient, where no node adds to it: what comes in is all of it."""
        first = self.graph.first
        return np.where(self._lowest[first:] < 0, self._own_gradients[first:], 0)

    def evenly(self, start: int, stop: int, count: int) -> Numbers:
        """Cuts into so many segments of about the same size, each where it is thinnest nearby."""
        made = self._made[start : stop + 1]
        size = (made[-1] - made[0]) / count
        middle = made[0] + size * np.arange(1, count)
        aims, low, high = (start + np.searchsorted(made, middle + by) for by in (0, -size / 4, size / 4))
        low, high, aims = (np.clip(found, start + 1, stop - 1).tolist() for found in (low, high, aims))
        spans = zip(low, high, aims, strict=True)
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


def _kinds(edges: Edges, at: Numbers) -> tuple[list[tuple[Plan, int]], Numbers]:
    """The rules and positions that edges are of, each once, and which of them each edge is of."""
    most = int(edges.positions.max(initial=0)) + 1
    codes = edges.kinds[edges.flow.nodes[at]].astype(np.int64) * most + edges.positions[at]
    found, which = np.unique(codes, return_inverse=True)
    return [(edges.rules[code // most], code % most) for code in found.tolist()], which


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
