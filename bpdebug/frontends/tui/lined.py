"""Widgets of lines that paint those anew that are others than before: a step changes few of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self, TypeVar

from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.events import Click, MouseDown, MouseEvent, MouseMove, MouseUp
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.screen import Screen
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.framed import Framed
from bpdebug.frontends.tui.lines import BLANK, Light, clean, reversed_, strip
from bpdebug.views.as_numpy import ascii_numbers

THUMB = strip(("▐", palette.ZERO))
Result = TypeVar("Result")
WHEEL = 2
"""Lines that the mouse's wheel goes on."""


class LinedScreen(Screen[Result]):
    """A screen of lines, whose text the mouse selects."""

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """Where a selection begins or ends: lines know it, and their segments need not each say where they are."""
        widget, offset = super().get_widget_and_offset_at(x, y)
        if not isinstance(widget, Lined):
            return widget, offset
        offset = widget.place_of(Offset(x, y))
        return (None, None) if offset is None else (widget, offset)


class Lined(Framed):
    """What lies in it yields the lines that are in view (`drawn`), and asks for them anew (`repaint`)."""

    def __init__(self, **options: Any) -> None:
        self._drawn: list[Strip] = []
        self._drawn_size: Size | None = None
        self._selection: Selection | None = None
        self._heads, self._still = ["", ""], False
        super().__init__(**options)

    def drawn(self) -> Iterator[Strip]:
        """The lines in view, from the first one on."""
        raise NotImplementedError

    def resized(self) -> None:
        """Everything finds its place at another size: before it is painted, and not in a second frame behind it."""
        self.repaint()

    def _size_updated(self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True) -> bool:
        before, changed = self.size, super()._size_updated(size, virtual_size, container_size, layout)
        if size != before:
            self.resized()
        return changed

    def repaint(self) -> None:
        """Draws the lines, and paints those that changed."""
        before, size = self._drawn, self._drawn_size
        self._draw()
        if size != self._drawn_size:
            self.refresh()
            return
        lines = enumerate(zip(before, self._drawn, strict=True))
        if changed := [y for y, (old, new) in lines if old != new]:
            (left, _), width = self.content_offset, self.outer_size.width  # whole rows are written as they are
            self.refresh(*(Region(-left, y, width, 1) for y in changed))

    def _draw(self) -> None:
        self._drawn, self._drawn_size = list(self.drawn()), self.size

    def render_lines(self, crop: Region) -> list[Strip]:
        if self._drawn_size != self.size:
            self._draw()
            self.forget()
        self._selection = self.text_selection
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        return self._selected(self._drawn[y], y) if y < len(self._drawn) else BLANK

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

    # --- text that is selected with the mouse

    def place_of(self, at: Offset) -> Offset | None:
        """The line, counted from the first one, and the column at a place of the screen; None beside the lines."""
        region = self.content_region
        return at - region.offset + (0, self.first_line) if region.contains_point(at) else None

    @property
    def first_line(self) -> int:
        """The number of the first line that is in view."""
        return 0

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        """The text of the lines in view that are selected, with the minus signs of programs."""
        spans = ((line, selection.get_span(self.first_line + y)) for y, line in enumerate(self._drawn))
        found = [line.crop(at[0], None if at[1] < 0 else at[1]).text.rstrip() for line, at in spans if at is not None]
        return ascii_numbers("\n".join(found)), "\n"

    def _selected(self, line: Strip, y: int) -> Strip:
        """A line of the widget as it is drawn, what is selected of it in reverse."""
        span = None if self._selection is None else self._selection.get_span(self.first_line + y)
        if span is None:
            return line
        start, end = span[0], line.cell_length if span[1] < 0 else span[1]
        return Light.join([line.crop(0, start), reversed_(line.crop(start, end)), line.crop(end)])

    def check_message_enabled(self, message: Message) -> bool:
        """A click that ends a selection means nothing else."""
        return super().check_message_enabled(message) and not (isinstance(message, Click) and self.text_selection)


class Scrolled(Lined):
    """Lines of which those from `top` on are in view, beside a bar in the last column, which is dragged."""

    top = 0
    _held: int | None = None

    @property
    def first_line(self) -> int:
        return self.top

    @property
    def length(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def scroll_by(self, lines: int) -> None:
        """Other lines come into view, as far as there are any."""
        raise NotImplementedError

    def bar(self) -> range:
        """The lines of the widget beside which the bar stands; none where all is in view."""
        height, length = self.size.height, max(self.length, 1)
        first = self.top * height // length
        return range(first, max(first + 1, (self.top + height) * height // length)) if length > height else range(0)

    def beside_bar(self, lines: Iterable[Strip], width: int) -> Iterator[Strip]:
        """The lines in view, of a width, with the bar behind them."""
        bar = self.bar()
        for y, line in enumerate(lines):
            if y in bar:
                blank = Segment(" " * (width - line.cell_length), palette.PLAIN)
                yield Light([*line.crop(0, width), *[blank] * bool(blank.text), *THUMB], width + 1)
            else:
                yield line if line.cell_length <= width else line.crop(0, width)

    def on_bar(self, event: MouseEvent) -> bool:
        """Whether the mouse is in the bar's column, and there is a bar."""
        offset = event.get_content_offset(self)
        return offset is not None and offset.x == self.size.width - 1 and bool(self.bar())

    def on_mouse_down(self, event: MouseDown) -> None:
        if self.on_bar(event):
            y, bar = event.get_content_offset_capture(self).y, self.bar()
            self._held = y - bar.start if y in bar else len(bar) // 2
            self.screen.clear_selection()  # Textual began one there
            self.capture_mouse()
            self._drag(y)

    def on_mouse_move(self, event: MouseMove) -> None:
        if self._held is not None:
            self._drag(event.get_content_offset_capture(self).y)

    def on_mouse_up(self, event: MouseUp) -> None:
        if self._held is not None:
            self._held = None
            self.release_mouse()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.wheel(event, WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.wheel(event, -WHEEL)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        self.wheel_across(event, -1)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        self.wheel_across(event, 1)

    def wheel(self, event: MouseEvent, lines: int) -> None:
        """The mouse's wheel goes on by lines."""
        event.stop()
        self.scroll_by(lines)

    def wheel_across(self, event: MouseEvent, step: int) -> None:
        """The wheel goes sideways: nowhere, where nothing is wider than the widget."""
        event.stop()

    def _drag(self, y: int) -> None:
        """The bar begins where the mouse holds it."""
        if y - (self._held or 0) != self.bar().start:
            self.scroll_by(-(-(y - (self._held or 0)) * self.length // max(self.size.height, 1)) - self.top)
