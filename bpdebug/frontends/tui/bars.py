"""One-line widgets: the header and the message line."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from bpdebug.errors import BpdebugError
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.lines import BLANK, clean, fit, strip, wrap

Pieces = tuple[tuple[str, Style], ...]


class Bar(Widget):
    """Pieces of text at the left and at the right of one line; those at the right give way first, the last one last.

    What still does not fit is cut, "…" at its end.
    """

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.left: Pieces = ()
        self.right: Pieces = ()

    def show(self, left: Pieces, right: Pieces = ()) -> None:
        """Other texts."""
        left = tuple((clean(text), style) for text, style in left)
        right = tuple((clean(text), style) for text, style in right)
        if (left, right) != (self.left, self.right):
            self.left, self.right = left, right
            self.refresh()

    def render_line(self, y: int) -> Strip:
        if y:
            return BLANK
        width = self.size.width - 2
        left, right = list(self.left), list(self.right)
        while (left or len(right) > 1) and (over := _length(left) + 2 * bool(right) + _length(right) - width) > 0:
            if len(right) > 1:
                del right[0]
            else:
                text, style = left.pop()
                if cell_len(text) > over:
                    left.append((set_cell_size(text, cell_len(text) - over - 1) + "…", style))
        gap = width - _length(left) - _length(right)
        pad = (" ", palette.PLAIN)
        return fit(strip(pad, *left, (" " * gap, palette.PLAIN), *right), width + 2)


class Message(Bar):
    """One line; what does not fit is wrapped, as far as the screen has room for it, and the first piece begins it."""

    def show(self, left: Pieces, right: Pieces = ()) -> None:
        before = len(self.lines(self.size.width))
        super().show(left, right)
        if len(self.lines(self.size.width)) != before:
            self.refresh(layout=True)

    def lines(self, width: int) -> list[Strip]:
        """The lines at a width."""
        pieces = [piece for piece in self.left if piece[0]]
        if width < 3 or _length(pieces) <= width - 2:
            return [strip((" ", palette.PLAIN), *pieces)]
        head = pieces.pop(0) if len(pieces) > 1 else ("", palette.PLAIN)
        indent = cell_len(head[0])
        texts = [(line, style) for text, style in pieces for line in wrap(text.strip(), width - 2 - indent)]
        pads = [head, *((" " * indent, palette.PLAIN) for _ in texts[1:])]
        return [strip((" ", palette.PLAIN), pad, text) for pad, text in zip(pads, texts, strict=True)]

    def render_line(self, y: int) -> Strip:
        found, (width, high) = self.lines(self.size.width), self.size
        if y >= len(found):
            return BLANK
        return found[y] if y < high - 1 or len(found) <= high else Strip.join([fit(found[y], width - 2), MORE])

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self.lines(width))


MORE = strip(("…", palette.DIM))


def refused(error: BpdebugError) -> Pieces:
    """An error as a message: its code, what was found, and what to do."""
    hint = f"  help: {error.hint}" if error.hint else ""
    return (f"{error.code} ", palette.BAD), (error.message, palette.PLAIN), (hint, palette.GOOD)


def _length(pieces: Iterable[tuple[str, Style]]) -> int:
    return sum(cell_len(text) for text, _ in pieces)
