"""The rows of a graph as it is drawn: a leaf before what reads it first, nodes in order, blocks that may be folded."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np
from msgspec import Struct

from bpdebug.graph import DRAWN, INPUT, STATE, Graph, frames
from bpdebug.graph.edges import Arrows

Numbers = np.ndarray[Any, np.dtype[np.int64]]
OUTSIDE = -1
"""In place of a span: outside of all blocks."""


class Span(Struct, gc=False):
    """A block where it stands: the nodes from `first` to before `end`; `parent` is the span around it.

    Blocks of one name that stand apart are spans apart.
    """

    name: str
    first: int
    end: int
    parent: int
    depth: int


class Skeleton:
    """What is the same whatever is folded: the spans, where leaves stand, and the edges; made in one pass."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.spans: list[Span] = []
        self.inside = array("i")
        """The innermost span of each node."""
        self.starting: dict[int, list[int]] = defaultdict(list)
        self._find_spans()
        self.leaves: dict[int, list[int]] = defaultdict(list)
        """The leaves before each node, those of outer blocks first."""
        self.home: dict[int, int] = {}
        """The span that each leaf is in."""
        self._place_leaves()
        self.edges = self._edges()

    def innermost(self) -> set[int]:
        """The spans that have none inside: what an imported program's calls are made of is folded at first."""
        return {*range(len(self.spans))} - {span.parent for span in self.spans}

    def gradients(self) -> set[int]:
        """The spans that `grad` made, with those inside: what a step of the program stands for is folded at first."""
        found = set[int]()
        for s, span in enumerate(self.spans):
            if span.name in self.graph.gradients or span.parent in found:
                found.add(s)
        return found

    def _find_spans(self) -> None:
        spans, nodes, stack = self.spans, self.graph.nodes, list[int]()
        for block, run in groupby(nodes, attrgetter("block")):
            k, path, same = len(self.inside), frames(block)[::-1], 0
            while same < min(len(stack), len(path)) and spans[stack[same]].name == path[same]:
                same += 1
            for s in stack[same:]:
                spans[s].end = k
            del stack[same:]
            for name in path[same:]:
                self.starting[k].append(len(spans))
                spans.append(Span(name, k, len(nodes), stack[-1] if stack else OUTSIDE, len(stack) + 1))
                stack.append(len(spans) - 1)
            self.inside.extend([stack[-1] if stack else OUTSIDE] * len([*run]))

    def _place_leaves(self) -> None:
        """Before its first reader, in the innermost block in which all readers are; an input outside of all blocks."""
        for t in range(self.graph.first):
            kind, users = self.graph.kind(t), self.graph.users(t)
            if kind in (DRAWN, STATE):
                continue
            at, last = (users[0], users[-1]) if users else (0, len(self.inside))
            span = self.inside[at] if at < len(self.inside) else OUTSIDE
            while span != OUTSIDE and (self.spans[span].end <= last or kind == INPUT):
                at, span = self.spans[span].first, self.spans[span].parent
            self.home[t] = span
            self.leaves[at].append(t)
        for leaves in self.leaves.values():
            leaves.sort(key=self.depth)

    def depth(self, leaf: int) -> int:
        """In how many blocks a leaf is."""
        return 0 if self.home[leaf] == OUTSIDE else self.spans[self.home[leaf]].depth

    def _edges(self) -> Numbers:
        """Columns of (tensor, node, -1), and once more with the node again where a gradient flows."""
        read, flow = self.graph.every_edge.read, self.graph.every_edge.flow
        alive = np.frombuffer(self.graph.on_path, np.bool_)
        back = alive[flow.operands] & alive[flow.nodes + self.graph.first]
        t, k = (np.concatenate([every, some[back]]) for every, some in zip(*map(_ends, (read, flow)), strict=True))
        came = np.where(np.arange(len(k)) < len(read.nodes), -1, k)
        return np.stack([t, k, came]).astype(np.int64)

    def rows(self, folded: Collection[int]) -> tuple[list[int], Numbers]:
        """What stands in each row, a tensor or ~(a span); and the row of each tensor, of one in a folded span its own.

        -1 is the row of what is not shown: masks and an optimizer's states.
        """
        found, k, count, first = list[int](), 0, len(self.graph.nodes), self.graph.first
        stops = sorted({*self.leaves, *self.starting, count})
        row = np.full(len(self.graph.names), -1, np.int64)
        while k < count or not found:
            waiting = self.leaves.get(k, [])
            for s in self.starting.get(k, ()):
                span = self.spans[s]
                found += [t for t in waiting if self.depth(t) < span.depth]
                waiting = [t for t in waiting if self.depth(t) >= span.depth]
                found.append(~s)
                if s in folded:
                    row[first + k : first + span.end] = len(found) - 1
                    k = span.end
                    break
            else:
                end = stops[bisect_right(stops, k)] if k < count else count
                found += [*waiting, *range(first + k, first + end)]
                k = end
        what = np.array(found, np.int64)
        row[what[what >= 0]] = np.flatnonzero(what >= 0)
        for at, leaves in self.leaves.items():
            for t in leaves:
                if row[t] < 0:  # in a folded block, as the node that it stands before
                    row[t] = row[first + at]
        return found, row


def _ends(arrows: Arrows) -> tuple[Any, Any]:
    """The tensors that are taken, and the nodes that take them."""
    return arrows.operands, arrows.nodes
