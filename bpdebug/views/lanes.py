"""A graph in lanes, as in `git log --graph`: a tensor runs down a lane from the row that makes it to its last reader.

○  X             a leaf; ◉ is a node, ▣ a block that is folded
├─╮              ┤ ├ ┼ join; ╯ ╰ ┴ join and end; a line that meets │ goes on behind it, and does not join
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator
from heapq import heappop, heappush
from threading import Lock

import numpy as np

from bpdebug.views.skeleton import Skeleton

LEAF, NODE, FOLDED = "○", "◉", "▣"
Cell = tuple[str, bool]
"""A character, and whether a gradient has gone this way."""


class Lanes:
    """The rows of a skeleton, some spans folded, and the lanes they are in, laid from the top down to where one looks.

    `what` is as in Skeleton.rows. `lane` of a row, -1 where no node stands; `last` is the row of its last reader, or
    itself; `width` counts the lanes in use; `stood` are the rows that stand in each lane. Of row r,
    `operands[start[r] : start[r + 1]]` are the rows it reads, and `flow` is the last node there from which a gradient
    comes to them. The last row from which one comes to a row is its `lit`, and the node there its `flows`.
    """

    def __init__(self, skeleton: Skeleton, folded: Collection[int] = ()) -> None:
        self.skeleton, self.folded = skeleton, frozenset(folded)
        self.what, self.row = skeleton.rows(self.folded)
        count = len(self.what)
        t, k, flow = skeleton.edges
        made, read = self.row[t], self.row[k + skeleton.graph.first]
        shown = (made >= 0) & (made != read)
        key = read[shown] * count + made[shown]
        order = np.argsort(key, kind="stable")
        pairs, first = np.unique(key[order], return_index=True)
        readers, operands = np.divmod(pairs, count)
        flow = np.maximum.reduceat(flow[shown][order], first) if len(pairs) else pairs
        self.start = np.searchsorted(readers, np.arange(count + 1)).tolist()
        last, lit, flows, alive = np.arange(count), np.full(count, -1), np.full(count, -1), flow >= 0
        last[operands] = readers  # of several the last one stays
        lit[operands[alive]], flows[operands[alive]] = readers[alive], flow[alive]
        self.last, self.lit, self.flows = last.tolist(), lit.tolist(), flows.tolist()
        self.operands, self.flow = operands.tolist(), flow.tolist()
        self.lane, self.width = array("i"), array("i")
        self.stood: list[array[int]] = []
        self._free, self._due, self._used = list[int](), defaultdict[int, list[int]](list), bytearray()
        self._laying = Lock()

    def __len__(self) -> int:
        return len(self.what)

    def is_node(self, r: int) -> bool:
        """Whether something stands in a lane of this row: not so at the head of a block that is unfolded."""
        return self.what[r] >= 0 or ~self.what[r] in self.folded

    @property
    def laid(self) -> int:
        """How many rows are laid."""
        return len(self.width)

    @property
    def is_busy(self) -> bool:
        """Whether another thread lays rows."""
        return self._laying.locked()

    def lay(self, until: int) -> None:
        """Lays the rows before one, as far as they are not: which lane is free depends on all that lies above."""
        with self._laying:
            for r in range(self.laid, min(until, len(self))):
                self._lay(r)

    def _lay(self, r: int) -> None:
        """A row takes the first lane that ends in it, or else the first free one; a lane is free below its last reader.

        Below what nobody reads a row is left free, or what stands there would seem to read it.
        """
        used, last, lane = self._used, self.last, -1
        for ended in self._due.pop(r, ()):
            used[ended] = False
            heappush(self._free, ended)
        if self.is_node(r):
            ending = [self.lane[p] for p in self.operands[self.start[r] : self.start[r + 1]] if last[p] == r]
            lane = min(ending) if ending else heappop(self._free) if self._free else len(used)
            if lane == len(used):
                used.append(True)
                self.stood.append(array("i"))
            used[lane] = True
            self.stood[lane].append(r)
            self._due[r + 1] += [other for other in ending if other != lane]
            if last[r] == r:
                self._due[r + 2].append(lane)
        self.lane.append(lane)
        self.width.append(used.rfind(True) + 1)

    def held(self, r: int, lanes: int) -> list[int]:
        """The row that each of the first lanes comes from at row r, itself in its own; -1 where none does."""
        found = [-1] * lanes
        for lane, rows in enumerate(self.stood[:lanes]):
            at = bisect_right(rows, r) - 1
            if at >= 0 and self.last[rows[at]] >= r:
                found[lane] = rows[at]
        return found

    def is_reached(self, r: int, since: int) -> bool:
        """Whether a node of a row has handed its gradient on."""
        return any(flow >= since for flow in self.flow[self.start[r] : self.start[r + 1]])

    def sign(self, r: int) -> str:
        """What stands in a row's lane."""
        what = self.what[r]
        return FOLDED if what < 0 else LEAF if self.skeleton.graph.is_leaf(what) else NODE

    def cells(self, r: int, most: int, since: int) -> Iterator[Cell]:
        """The characters of a row's first lanes, and of what is between; lit where nodes from `since` on have been.

        `since` is 0 or more: -1 stands for what no gradient comes from.
        """
        self.lay(r + 1)
        own, count = self.lane[r], min(self.width[r], most)
        taps: dict[int, tuple[bool, bool]] = {}
        for n in range(self.start[r], self.start[r + 1]):
            p = self.operands[n]
            if self.lane[p] != own:
                taps[self.lane[p]] = self.last[p] == r, self.flow[n] >= since
        left, right = min([own, *taps]), max([own, *taps])
        lit = [lane for lane, (_, alive) in taps.items() if alive]
        far = min([own, *lit]), max([own, *lit])
        for lane, p in enumerate(self.held(r, count)):
            down = p >= 0 and self.flows[p] >= since and self.lit[p] >= r
            level = far[0] <= lane <= far[1]
            if lane == own:
                yield self.sign(r), down or self.is_reached(r, since)
            elif lane in taps:
                inner = left < lane < right
                ends = taps[lane][0]
                sign = (
                    ("┴" if ends else "┼") if inner else ("╰" if ends else "├") if lane < own else "╯" if ends else "┤"
                )
                yield sign, down or level
            elif p >= 0 and p != r:
                yield "│", down
            else:
                yield ("─", level) if left < lane < right else (" ", False)
            if lane + 1 < count:
                yield ("─", far[0] <= lane < far[1]) if left <= lane < right else (" ", False)
