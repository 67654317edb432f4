"""The program as a graph in lanes; blocks fold, and in the backward pass the gradient's way is drawn heavy."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import groupby
from operator import itemgetter

from textual.strip import Strip

from bpdebug.debugger import State
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.gate import Gate
from bpdebug.frontends.tui.lines import BLANK, strip
from bpdebug.frontends.tui.tab import Changed, Piece, Tab, row_line
from bpdebug.translation import N_, _
from bpdebug.views.graph_rows import GraphRows
from bpdebug.views.lanes import Lanes
from bpdebug.views.program import under
from bpdebug.views.skeleton import OUTSIDE, Skeleton

HEAVY = str.maketrans("│─├┤┼╯╰┴", "┃━┣┫╋┛┗┻")
LAYING = N_("laying out the graph …")
LEAST_TEXT = 14
"""Columns that the lanes leave to the text."""
NEAR = 4096
"""Rows that are laid while they are drawn, below those that are; of a large graph more take a while."""


class GraphTab(Tab):
    """The rows of the lanes, once they are laid; what is folded stays so until the graph is another."""

    name = "graph"

    def __init__(self, gate: Gate | None = None, changed: Changed = lambda _: None) -> None:
        super().__init__(gate, changed)
        self.state: State | None = None
        self.lanes: Lanes | None = None
        self.rows: GraphRows | None = None

    def show(self, state: State) -> None:
        self.state, graph = state, state.timeline.graph
        if self.lanes is None or self.lanes.skeleton.graph is not graph:
            self.lanes = self.rows = self.current = None
            self.count = 1
            self.gate.ask(self, lambda: _at_first(state), self._laid, pure=True)
        else:
            self.rows = GraphRows(state, self.lanes, self.gate.looks)
            self.count, self.current = len(self.lanes), self.rows.current

    def _laid(self, lanes: Lanes, what: int | None = None) -> None:
        """The lanes are there, with the place of what was selected."""
        self.lanes = lanes
        if self.state is not None:
            self.show(self.state)
            self.changed(None if what is None else _row(lanes, what))

    def line(self, at: int, width: int, chosen: bool) -> Strip:
        if self.rows is None or self.lanes is None or not at < self.count:
            return strip((_(LAYING), palette.DIM)) if self.lanes is None and at == 0 else BLANK
        head = self._head(self.lanes, at, max((width - LEAST_TEXT) // 2, 1), self.rows.since)
        return row_line(self.rows[at], head, width, at == self.current, chosen)

    def _head(self, lanes: Lanes, at: int, most: int, since: int) -> tuple[Piece, ...]:
        """A row's lanes; a sign in their place, where they are far below those that are laid."""
        if not lanes.is_busy and (at < lanes.laid + NEAR or not self.gate.heavy):
            lanes.lay(at + 1)
        if at >= lanes.laid:
            self.missing = max(self.missing, at + 1)
            return (("… ", palette.DIM),)
        head = [
            ("".join(sign for sign, _lit in cells).translate(HEAVY), palette.HERE)
            if lit
            else ("".join(sign for sign, _lit in cells), palette.DIM)
            for lit, cells in groupby(lanes.cells(at, most, since), itemgetter(1))
        ]
        cut = "…" if lanes.width[at] > most else ""
        hidden = lanes.sign(at) if lanes.lane[at] >= most else ""
        return (*head, (f"{cut}{hidden} ", palette.DIM))

    def fill(self, then: Callable[[], None]) -> None:
        lanes, until, self.missing = self.lanes, self.missing, 0
        if lanes is not None and until:
            self.gate.ask(lanes, lambda: lanes.lay(until), lambda _: then(), pure=True)

    def event(self, at: int) -> int | None:
        return None if self.rows is None or at >= self.count else self.rows.event(at)

    def stop(self, at: int) -> str:
        span = None if self.rows is None or at >= self.count else self.rows.span(at)
        return super().stop(at) if span is None else f"{span.name}."

    def folds(self, at: int) -> bool:
        return self.rows is not None and at < self.count and self.rows.span(at) is not None

    def fold(self, at: int, close: bool | None) -> None:
        if self.rows is None or self.lanes is None or at >= self.count:
            return
        folded, span = self.lanes.folded, self.rows.around(at)
        if close and span in folded:  # once more: the block around it
            span = self.lanes.skeleton.spans[span].parent
        close = span not in folded if close is None else close
        if span != OUTSIDE and close != (span in folded):
            self._lay(self.lanes.skeleton, folded ^ {span}, ~span)

    def fold_all(self, at: int | None) -> None:
        if self.lanes is not None and (spans := self.lanes.skeleton.spans):
            what = None if at is None or at >= self.count else self.lanes.what[at]
            self._lay(self.lanes.skeleton, () if self.lanes.folded else range(len(spans)), what)

    def _lay(self, skeleton: Skeleton, folded: Collection[int], what: int | None) -> None:
        self.gate.ask(self, lambda: _down_to(skeleton, folded, what), lambda lanes: self._laid(lanes, what), pure=True)


def _down_to(skeleton: Skeleton, folded: Collection[int], what: int | None) -> Lanes:
    """Lanes down to the row of a tensor, or of ~(a span)."""
    lanes = Lanes(skeleton, folded)
    lanes.lay(0 if what is None else _row(lanes, what) + 1)
    return lanes


def _row(lanes: Lanes, what: int) -> int:
    """Where a tensor, or ~(a span), stands, or the block that it is folded in."""
    skeleton = lanes.skeleton
    if what >= 0:
        return int(lanes.row[what])
    folded_in = int(lanes.row[skeleton.graph.first + skeleton.spans[~what].first])
    return lanes.what.index(what) if what in lanes.what else folded_in


def _at_first(state: State) -> Lanes:
    """A graph as it is seen first, down to the cursor.

    Gradients are folded, and of an imported one the calls of several steps.
    """
    skeleton, here = Skeleton(state.timeline.graph), under(state)
    imported = skeleton.graph.imported.classes
    lanes = Lanes(skeleton, skeleton.gradients() | (skeleton.innermost() if imported else set()))
    lanes.lay(0 if here is None else int(lanes.row[here[1]]) + 1)
    return lanes
