"""A report as scrolling text: the inspector at the right, and whole pages such as the help."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import BindingType
from textual.strip import Strip

from bpdebug.frontends.tui.keys import PAGE, bindings
from bpdebug.frontends.tui.lines import BLANK, report_lines
from bpdebug.frontends.tui.pane import Pane
from bpdebug.views.report import Report


class ReportPane(Pane):
    """A report's words, wrapped to the width, scrolled when they are many."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(PAGE)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.report = Report("", "")
        self._lines: list[Strip] = []

    def show(self, report: Report) -> None:
        """Another report."""
        self.report = report
        self.head(report.title)
        self.on_resize()

    def on_resize(self) -> None:
        width = self.scrollable_content_region.width
        self._lines = report_lines(self.report.blocks, width) if width > 0 else []
        self.measure(len(self._lines))
        self.repaint()

    def line(self, at: int, width: int) -> Strip:
        return self._lines[at] if at < len(self._lines) else BLANK
