"""A pane of lines, however many: only those in view are drawn, and one of them can be brought into view or clicked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textual.events import Click
from textual.strip import Strip

from bpdebug.frontends.tui.lined import Scrolled
from bpdebug.frontends.tui.lines import fit


class Pane(Scrolled, can_focus=True):
    """What lies in it says how many lines there are (`measure`), and draws one of them (`line`)."""

    DEFAULT_CSS = "Pane { width: 1fr; height: 1fr; }"

    def __init__(self, **options: Any) -> None:
        super().__init__(classes="panel", **options)
        self.count = 0

    def line(self, at: int, width: int) -> Strip:
        """The line at a place, counted from the first; behind the last one it is blank."""
        raise NotImplementedError

    @property
    def length(self) -> int:
        return self.count

    def measure(self, count: int) -> None:
        """There are so many lines now; they are still to be painted."""
        self.count = count
        self.reveal(self.top, self.top)

    @property
    def room(self) -> int:
        """The columns that a line has, beside the bar where there is one."""
        width, height = self.size
        return width - (self.count > height)

    def drawn(self) -> Iterator[Strip]:
        width = self.room
        lines = (fit(self.line(self.top + y, width), width) for y in range(self.size.height))
        return self.beside_bar(lines, width)

    def reveal(self, first: int, last: int) -> None:
        """Brings lines into view, the first one where they are too many; that is still to be painted."""
        high = self.size.height
        self.top = max(0, min(max(self.top, last + 1 - high), first, self.count - high))

    def scroll_by(self, lines: int) -> None:
        self.reveal(self.top + lines, self.top + lines + self.size.height - 1)
        self.repaint()

    def action_scroll(self, lines: int) -> None:
        """Lines on, or back."""
        self.scroll_by(lines)

    def action_page(self, pages: int) -> None:
        """What is in view next, or before."""
        self.scroll_by(pages * self.size.height)

    def clicked(self, event: Click) -> int | None:
        """The place of the line under the mouse; None on the border, and on the bar."""
        offset = event.get_content_offset(self)
        return None if offset is None or self.on_bar(event) else offset.y + self.top
