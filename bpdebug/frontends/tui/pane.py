"""A pane of lines, however many: only those in view are drawn, and one of them can be brought into view or clicked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textual.events import Click
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from bpdebug.frontends.tui.lined import Lined
from bpdebug.frontends.tui.lines import fit


class Pane(ScrollView, Lined, inherit_bindings=False):
    """What lies in it says how many lines there are (`measure`), and draws one of them (`line`)."""

    DEFAULT_CSS = "Pane { overflow-x: hidden; }"

    def __init__(self, **options: Any) -> None:
        super().__init__(classes="panel", **options)

    def _size_updated(self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True) -> bool:
        before, changed = self.size, super()._size_updated(size, virtual_size, container_size, layout)
        if size != before:
            self.resized()
        return changed

    def line(self, at: int, width: int) -> Strip:
        """The line at a place, counted from the first; behind the last one it is blank."""
        raise NotImplementedError

    def measure(self, count: int) -> None:
        """There are so many lines now; they are still to be painted."""
        if self.virtual_size != (size := Size(1, count)):
            self.set_reactive(ScrollView.virtual_size, size)  # set otherwise, the whole screen is laid out anew
            self._scroll_update(size)

    def drawn(self) -> Iterator[Strip]:
        (width, high), top = self.scrollable_content_region.size, self.scroll_offset.y
        return (fit(self.line(top + y, width), width) for y in range(high))

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
