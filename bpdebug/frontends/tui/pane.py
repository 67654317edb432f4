"""A pane of lines, however many: only those in view are drawn, and one of them can be brought into view or clicked."""

from __future__ import annotations

from typing import Any

from textual.events import Click
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from bpdebug.frontends.tui.lines import fit


class Pane(ScrollView, inherit_bindings=False):
    """What lies in it says how many lines there are (`measure`), and draws one of them (`line`)."""

    DEFAULT_CSS = "Pane { overflow-x: hidden; }"

    def __init__(self, **options: Any) -> None:
        super().__init__(classes="panel", **options)

    def line(self, at: int, width: int) -> Strip:
        """The line at a place, counted from the first; behind the last one it is blank."""
        raise NotImplementedError

    def measure(self, count: int) -> None:
        """There are so many lines now, and others."""
        if self.virtual_size != (size := Size(1, count)):
            self.virtual_size = size
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        return fit(self.line(y + self.scroll_offset.y, width), width)

    def reveal(self, first: int, last: int) -> None:
        """Scrolls the least that brings lines into view; the first one, where they are too many."""
        high = self.scrollable_content_region.height
        top = min(max(self.scroll_offset.y, last + 1 - high), first)
        top = max(0, min(top, self.virtual_size.height - high))
        if high > 0 and top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False)

    def clicked(self, event: Click) -> int | None:
        """The place of the line under the mouse; None on the border."""
        offset = event.get_content_offset(self)
        return None if offset is None else offset.y + self.scroll_offset.y
