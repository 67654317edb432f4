"""The lines that the stage is made of: blocks of text, and rows of matrices that wrap where there is no room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from bpdebug.frontends.tui.lines import BLANK, report_lines
from bpdebug.frontends.tui.matrix import MatrixView
from bpdebug.views.blocks import Block, Text

GAP = 2  # columns between matrices
READABLE = 88  # no line of words is longer
SHRUNK = 36  # what a matrix too wide for the stage shrinks to, beside others
Line = list[tuple["Part", int, int]]


class TextBlock(Widget):
    """Some lines of text."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: Sequence[Block] = ()
        self._wrapped: tuple[int, list[Strip]] = (-1, [])

    def show(self, blocks: Sequence[Block]) -> None:
        """Other blocks in the same widget."""
        self.blocks, self._wrapped = blocks, (-1, [])
        self.refresh()

    def lines(self, width: int) -> list[Strip]:
        """The lines at a width; a note is set apart by blank lines."""
        if self._wrapped[0] != width:
            found: list[Strip] = []
            was_note = False
            for block in self.blocks:
                words = isinstance(block, Text)
                note = isinstance(block, Text) and block.style == "note"
                if found and (note or was_note):
                    found.append(BLANK)
                found += report_lines([block], min(width, READABLE) if words else width)
                was_note = note
            self._wrapped = (width, found)
        return self._wrapped[1]

    @property
    def natural(self) -> Size:
        lines = self.lines(10_000)
        return Size(max((line.cell_length for line in lines), default=0), len(lines))

    def render_line(self, y: int) -> Strip:
        lines = self.lines(self.size.width)
        return lines[y] if y < len(lines) else BLANK


Part = TextBlock | MatrixView


def fold(row: Sequence[Part], size: Size) -> Iterator[Line]:
    """A row as lines of (widget, width, height); only what would scroll anyway is made smaller."""
    line: Line = []
    used = 0
    for part in row:
        wide, high = part.natural
        capped = wide > size.width
        wide = min(SHRUNK, size.width) if capped else wide
        if high + capped > size.height and isinstance(part, MatrixView):
            high, wide = min(high, max(8, size.height * 3 // 5)), min(wide + 1, size.width)
        gap = GAP if line else 0
        if used + gap + wide > size.width and line:
            yield _stretch(line, size.width - used)
            line, used, gap = [], 0, 0
        line.append((part, wide, high + capped))
        used += gap + wide
    if line:
        yield _stretch(line, size.width - used)


def _stretch(line: Line, spare: int) -> Line:
    """What was shrunk takes the room that is left."""
    small = [i for i, (part, wide, _) in enumerate(line) if wide < part.natural.width]
    for n, i in enumerate(small):
        part, wide, high = line[i]
        more = min(part.natural.width - wide, spare // (len(small) - n))
        line[i], spare = (part, wide + more, high), spare - more
    return line
