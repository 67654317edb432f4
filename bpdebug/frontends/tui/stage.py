"""The stage: a report's blocks, matrices side by side, with widgets that are kept from step to step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.widget import Widget

from bpdebug.arrays import cell_text
from bpdebug.frontends.tui.flow import GAP, Part, TextBlock, fold
from bpdebug.frontends.tui.layout import Placed
from bpdebug.frontends.tui.lines import clean
from bpdebug.frontends.tui.links import partners
from bpdebug.frontends.tui.matrix import Highlight, MatrixView
from bpdebug.graph import Subject
from bpdebug.views.blocks import Block, Matrix, Row, Text
from bpdebug.views.report import Report


class Stage(Widget, can_focus=True):
    """Where a report is seen; the arrow keys walk over the cells, and what belongs to a cell is marked with it."""

    DEFAULT_CSS = "Stage { overflow-y: auto; overflow-x: hidden; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("up", "move(-1,0)"), ("down", "move(1,0)"), ("left", "move(0,-1)"), ("right", "move(0,1)"),
        ("pageup", "page(-1)"), ("pagedown", "page(1)"), ("comma", "other(-1)"), ("full_stop", "other(1)"),
        ("escape", "leave"),
    ]  # fmt: skip

    class Marked(Message):
        """A cell was marked, and with it single cells of other matrices: their indices."""

        def __init__(self, cells: Mapping[Subject, tuple[int, ...]]) -> None:
            super().__init__()
            self.cells = cells

    class Left(Message):
        """Esc was pressed, and no cell was marked."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.styles.set_rule("layout", Placed(self.places))
        self.report = Report("", "")
        self.plan: list[TextBlock | list[Part]] = []
        self._texts = [TextBlock()]
        self._matrices: list[MatrixView] = []
        self._used = [0, 0]
        self.chosen: tuple[MatrixView, int, int] | None = None

    # --- the report -----------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield from self._texts
        yield from self._matrices

    def show(self, report: Report) -> None:
        """Another report: the widgets stay, their contents change."""
        if report.title != self.report.title and self.is_attached:
            self.scroll_home(animate=False)
        self.report, self.plan, self._used, self.chosen = report, [], [0, 0], None
        self.border_title = Content(clean(report.title))
        for _, group in groupby(report.blocks, lambda block: isinstance(block, Row)):
            blocks = list(group)
            self.plan += [list(self._row(row)) for row in blocks if isinstance(row, Row)] or [self._text(blocks)]
        self._texts[0].refresh(layout=True)  # a child's wish: the stage then arranges its children anew

    def _row(self, row: Row) -> Iterator[Part]:
        lead = ""
        for item in row.items:
            if isinstance(item, Matrix):
                view = self._take(1, self._matrices, MatrixView)
                view.show(item, lead, Highlight(cells=item.marked))
                yield view
                lead = ""
            else:
                lead = f"{lead} {item}".strip()
        if lead:
            yield self._text([Text(lead)])

    def _text(self, blocks: list[Block]) -> TextBlock:
        view: TextBlock = self._take(0, self._texts, TextBlock)
        view.show(blocks)
        return view

    def _take(self, kind: int, pool: list[Any], make: type[Any]) -> Any:
        if self._used[kind] == len(pool):
            pool.append(make())
            if self.is_attached:
                self.mount(pool[-1])
        self._used[kind] += 1
        return pool[self._used[kind] - 1]

    def places(self, children: list[Widget], size: Size) -> Iterator[tuple[Widget, Region]]:
        """Where every widget in use goes: blocks below each other, rows of matrices wrapped where there is no room."""
        y, width = 0, size.width
        for group in self.plan:
            if isinstance(group, TextBlock):
                high = len(group.lines(width))
                yield group, Region(0, y, width, high)
                y += high + 1
                continue
            for line in fold(group, size):
                x = 0
                for part, wide, high in line:
                    yield part, Region(x, y, wide, high)
                    x += wide + GAP
                y += max(high for _, _, high in line) + 1

    # --- cells ----------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> list[list[MatrixView]]:
        """The matrices on the stage, row by row."""
        rows = [group for group in self.plan if isinstance(group, list)]
        return [[part for part in row if isinstance(part, MatrixView)] for row in rows]

    def on_matrix_view_clicked(self, event: MatrixView.Clicked) -> None:
        if event.cell is None:
            self.clear()
        else:
            self.choose(event.view, *event.cell)

    def choose(self, view: MatrixView, row: int, column: int) -> None:
        """Marks a cell, and in the other matrices what it is made of or goes into."""
        self.chosen = view, row, column
        found = partners(self.rows, view, row, column)
        for other in self._matrices[: self._used[1]]:
            other.set_mark(found.get(other, Highlight()))
        cells = {
            v.matrix.subject: v.index(m.row, m.column)
            for v, m in found.items()
            if v.matrix.subject is not None and m.row is not None and m.column is not None
        }
        self.post_message(self.Marked(cells))

    def show_again(self, report: Report) -> None:
        """The same report about the marked cell: the mark stays, and with it the cells that the report marks."""
        chosen = self.chosen
        self.show(Report(report.kind, self.report.title, report.blocks))
        self.chosen = chosen
        if chosen is not None and not chosen[0].mark.has(*chosen[1:]):
            chosen[0].set_mark(Highlight(*chosen[1:]))

    def clear(self) -> None:
        """No cell is marked."""
        self.chosen = None
        for view in self._matrices[: self._used[1]]:
            view.set_mark(Highlight())

    def _filled(self) -> list[MatrixView]:
        every = [view for row in self.rows for view in row]
        return [view for view in every if view.matrix.array is not None and view.matrix.array.size]

    def action_move(self, down: int, right: int) -> None:
        """One cell on; the first press marks the result's first cell, or scrolls where there is no matrix."""
        if self.chosen is None:
            if views := self._filled():
                lit = [v for v in views if len(v.mark.cells) == 1]
                results = [v for v in views if v.matrix.mark] or views  # what is displayed is none
                view = next((v for v in lit if v.matrix.mark in ("result", "gradient")), [*lit, results[-1]][0])
                self.choose(view, *next(iter(view.mark.cells), (0, 0)))
                self.call_after_refresh(self._reveal)
            else:
                self.scroll_relative(y=down, animate=False)
            return
        view, row, column = self.chosen
        row, column = min(max(row + down, 0), view.rows - 1), min(max(column + right, 0), view.columns - 1)
        self.choose(view, row, column)
        self.call_after_refresh(self._reveal)

    def action_page(self, step: int) -> None:
        """A page of the marked matrix, or of the stage."""
        if self.chosen is None:
            self.scroll_relative(y=step * self.size.height, animate=False)
        else:
            self.action_move(step * max(self.chosen[0].size.height - 3, 1), 0)

    def cell_text(self) -> str:
        """The marked cell as it is typed: 'dH[1,1]'."""
        if self.chosen is None:
            return ""
        view, row, column = self.chosen
        of, cell = view.matrix.subject, view.index(row, column)
        if of is None or isinstance(of.tensor, str) or of.transposed:
            return ""
        return cell_text(view.matrix.name, cell)

    def _reveal(self) -> None:
        if self.chosen:
            view, row, _ = self.chosen
            region = view.place_in_stage(row)
            self.scroll_to_region(region.translate(view.virtual_region.offset), animate=False)

    def action_other(self, step: int) -> None:
        """The next matrix: its first cell."""
        views = self._filled()
        if views:
            at = views.index(self.chosen[0]) if self.chosen else -1 if step > 0 else 0
            self.choose(views[(at + step) % len(views)], 0, 0)
            self.call_after_refresh(self._reveal)

    def action_leave(self) -> None:
        """Esc: first the mark goes, then what was asked for."""
        if self.chosen:
            self.clear()
        else:
            self.post_message(self.Left())
