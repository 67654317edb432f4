"""A widget of lines that paints those anew that are others than before: a step changes few of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from bpdebug.frontends.tui.lines import BLANK, clean


class Lined(Widget):
    """What lies in it yields the lines that are in view (`drawn`), and asks for them anew (`repaint`)."""

    def __init__(self, **options: Any) -> None:
        self._drawn: list[Strip] = []
        self._drawn_at: object = None
        self._heads, self._still = ["", ""], False
        super().__init__(**options)

    def drawn(self) -> Iterator[Strip]:
        """The lines in view, from the first one on."""
        raise NotImplementedError

    def repaint(self) -> None:
        """Draws the lines, and paints those that changed."""
        before, at = self._drawn, self._drawn_at
        self._drawn, self._drawn_at = list(self.drawn()), (self.size, self.scroll_offset)
        if at != self._drawn_at:
            self.refresh()
            return
        width = self.size.width
        lines = enumerate(zip(before, self._drawn, strict=True))
        if changed := [Region(0, y, width, 1) for y, (old, new) in lines if old != new]:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        if self._drawn_at != (self.size, self.scroll_offset):
            self._drawn, self._drawn_at = list(self.drawn()), (self.size, self.scroll_offset)
        return self._drawn[y] if y < len(self._drawn) else BLANK

    def head(self, title: str, subtitle: str = "") -> None:
        """What stands in the border, above and below; where it is other than before, that line is painted."""
        offset, size = self.content_offset, self.outer_size
        for n, (text, y) in enumerate(((title, -offset.y), (subtitle, size.height - offset.y - 1))):
            if text == self._heads[n]:
                continue
            self._heads[n] = text
            self._still = True  # or the whole widget would be painted
            if n:
                self.border_subtitle = Content(clean(text))
            else:
                self.border_title = Content(clean(text))
            self._still = False
            self.refresh(Region(-offset.x, y, size.width, 1))

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        return self if self._still else super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
