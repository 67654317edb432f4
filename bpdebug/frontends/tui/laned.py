"""The program as a graph in lanes; blocks fold, and in the backward pass the gradient's way is drawn heavy."""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby
from operator import itemgetter

from textual.strip import Strip

from bpdebug.debugger import State
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.lines import BLANK
from bpdebug.frontends.tui.tab import Tab, row_line
from bpdebug.views.graph_rows import GraphRows
from bpdebug.views.lanes import Lanes
from bpdebug.views.skeleton import OUTSIDE, Skeleton

HEAVY = str.maketrans("│─├┤┼╯╰┴", "┃━┣┫╋┛┗┻")
LEAST_TEXT = 14
"""Columns that the lanes leave to the text."""


class GraphTab(Tab):
    """The rows of the lanes; what is folded stays so until the graph is another."""

    name = "graph"

    def __init__(self) -> None:
        self.skeleton: Skeleton | None = None
        self.lanes: Lanes | None = None
        self.rows: GraphRows | None = None

    def show(self, state: State) -> None:
        if self.skeleton is None or self.skeleton.graph is not state.timeline.graph:
            self.skeleton = Skeleton(state.timeline.graph)
            self.lanes = Lanes(self.skeleton)
        assert self.lanes is not None
        self.rows = GraphRows(state, self.lanes)
        self.count, self.current = len(self.lanes), self.rows.current

    def line(self, at: int, width: int, chosen: bool) -> Strip:
        if self.rows is None or self.lanes is None or not at < self.count:
            return BLANK
        most = max((width - LEAST_TEXT) // 2, 1)
        head = [
            ("".join(sign for sign, _ in cells).translate(HEAVY), palette.HERE)
            if lit
            else ("".join(sign for sign, _ in cells), palette.DIM)
            for lit, cells in groupby(self.lanes.cells(at, most, self.rows.since), itemgetter(1))
        ]
        cut = "…" if self.lanes.width[at] > most else ""
        hidden = self.lanes.sign(at) if self.lanes.lane[at] >= most else ""
        head.append((f"{cut}{hidden} ", palette.DIM))
        return row_line(self.rows[at], tuple(head), width, at == self.current, chosen)

    def event(self, at: int) -> int | None:
        return None if self.rows is None or at >= self.count else self.rows.event(at)

    def stop(self, at: int) -> str:
        span = None if self.rows is None or at >= self.count else self.rows.span(at)
        return super().stop(at) if span is None else f"{span.name}."

    def folds(self, at: int) -> bool:
        return self.rows is not None and at < self.count and self.rows.span(at) is not None

    def fold(self, at: int, close: bool | None) -> int:
        if self.rows is None or self.lanes is None or at >= self.count:
            return at
        folded, span = self.lanes.folded, self.rows.around(at)
        if close and span in folded:  # once more: the block around it
            span = self.lanes.skeleton.spans[span].parent
        close = span not in folded if close is None else close
        if span == OUTSIDE or close == (span in folded):
            return at
        self._lay(folded ^ {span})
        return self.lanes.what.index(~span)

    def fold_all(self) -> bool:
        if self.lanes is None or not self.lanes.skeleton.spans:
            return False
        self._lay(() if self.lanes.folded else range(len(self.lanes.skeleton.spans)))
        return True

    def _lay(self, folded: Collection[int]) -> None:
        assert self.skeleton is not None
        assert self.rows is not None
        self.lanes = Lanes(self.skeleton, folded)
        self.show(self.rows.state)
