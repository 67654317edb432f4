"""A report as scrolling text: the inspector at the right, and whole pages such as the help."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from bpdebug.frontends.tui.lines import BLANK, clean, fit, report_lines
from bpdebug.views.report import Report


class ReportPane(ScrollView):
    """A report's words, wrapped to the width, scrolled when they are many."""

    DEFAULT_CSS = "ReportPane { overflow-x: hidden; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", show=False),
        Binding("down", "scroll_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("home", "scroll_home", show=False),
        Binding("end", "scroll_end", show=False),
    ]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.report = Report("", "")
        self._lines: list[Strip] = []

    def show(self, report: Report) -> None:
        """Another report."""
        self.report = report
        self.border_title = Content(clean(report.title))
        self._wrap()
        self.refresh()

    def _wrap(self) -> None:
        width = self.scrollable_content_region.width
        self._lines = report_lines(self.report.blocks, width) if width > 0 else []
        size = Size(1, len(self._lines))
        if size != self.virtual_size:
            self.virtual_size = size

    def on_resize(self) -> None:
        self._wrap()

    def render_line(self, y: int) -> Strip:
        at = y + self.scroll_offset.y
        return fit(self._lines[at], self.scrollable_content_region.width) if at < len(self._lines) else BLANK
