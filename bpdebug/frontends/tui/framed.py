"""Widgets of lines that Textual does not go over again and again: each is put into its frame once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.segment import Segment
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region, Spacing
from textual.strip import Strip
from textual.widget import Widget

from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.gate import Gate
from bpdebug.frontends.tui.lines import Light


class Framed(Widget):
    """A widget of lines in the house's colours (`render_line`), with a border and padding, and no effects.

    What its lines say of numbers it asks through its `gate`.
    """

    def __init__(self, *, gate: Gate | None = None, **options: Any) -> None:
        self.gate = gate or Gate()
        self._rows: dict[int, Strip] = {}
        self._frame: tuple[Spacing, list[Segment], list[Segment]] | None = None
        self._through: Sequence[LineFilter] = ()
        super().__init__(**options)

    def _set_dirty(self, *regions: Region) -> None:
        super()._set_dirty(*regions)
        if not regions or self._frame is None:
            self.forget()
            return
        top = self._frame[0].top
        for region in regions:
            for y in region.line_range:
                self._rows.pop(y + top, None)

    def forget(self) -> None:
        """All lines are to be made anew."""
        self._rows.clear()
        self._frame = None

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lines of the widget: those that are not as before are made, in one go; Textual makes four strips of each."""
        through = [each for each in self.get_line_filters() if not isinstance(each, ANSIToTruecolor)]
        if through != self._through:
            self.forget()
            self._through = through
        rows, (first, last), width = self._rows, crop.column_span, self.outer_size.width
        for y in crop.line_range:
            if y not in rows:
                rows[y] = self._row(y)
        found = [rows[y] for y in crop.line_range]
        return found if (first, last) == (0, width) else [row.crop(first, last) for row in found]

    def _row(self, y: int) -> Strip:
        """A line between its sides; what is above and below the lines is Textual's."""
        width, height = self.outer_size
        gutter, left, right = self._frame = self._frame or self._framed(width)
        if not gutter.top <= y < height - gutter.bottom:
            return super().render_lines(Region(0, y, width, 1))[0]
        room, line = width - gutter.width, self.render_line(y - gutter.top)
        missing = room - line.cell_length
        segments = list(line if missing >= 0 else line.crop(0, room))
        if missing > 0:
            segments.append(Segment(" " * missing, palette.PLAIN))
        for each in self._through:
            segments = each.apply(segments, self.background_colors[1])
        return Light([*left, *segments, *right], width)

    def _framed(self, width: int) -> tuple[Spacing, list[Segment], list[Segment]]:
        gutter = self.styles.gutter
        row = super().render_lines(Region(0, gutter.top, width, 1))[0] if gutter.width else Light([])
        return gutter, list(row.crop(0, gutter.left)), list(row.crop(width - gutter.right))
