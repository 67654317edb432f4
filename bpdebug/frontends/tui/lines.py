"""Lines of the screen: strips of segments, never markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from bpdebug import wrapping
from bpdebug.errors import printable
from bpdebug.frontends.tui import palette


class Light(Strip):
    """A strip without the memories that Textual gives each, until one is asked for: most are drawn, and that is all."""

    __slots__ = ()

    def __init__(self, segments: Iterable[Segment], cell_length: int | None = None) -> None:
        self._segments, self._cell_length = list(segments), cell_length
        self._cell_count = self._render_cache = None

    def __getattr__(self, name: str) -> Any:
        super().__init__(self._segments, self._cell_length)
        return object.__getattribute__(self, name)

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        found = [*cuts]
        return [self] if found == [self.cell_length] else super().divide(found)


BLANK = Light([], 0)


class Leading(Light):
    """A line that leads on: `to` is the number that it has in its table, and the command."""

    __slots__ = ("to",)

    def __init__(self, line: Strip, to: tuple[int, str]) -> None:
        super().__init__(list(line), line.cell_length)
        self.to = to


def leading(lines: Sequence[Strip], number: int, link: str) -> list[Strip]:
    """Lines that lead on together, where there is a link."""
    return [Leading(line, (number, link)) for line in lines] if link else list(lines)


def clean(text: str) -> str:
    """One line that is safe on a terminal: control characters shown as escapes, line feeds as a sign."""
    return printable(text).replace("\n", "⏎")


def strip(*pieces: tuple[str, Style]) -> Strip:
    """A line from (text, style) pieces: the door to the screen, through which nothing goes that is not clean."""
    return Light([Segment(clean(text), style) for text, style in pieces if text])


def reversed_(line: Strip) -> Strip:
    """A line that is marked, in reverse."""
    return Light([Segment(text, (style or palette.PLAIN) + palette.MARKED) for text, style, _ in line])


def fit(line: Strip, width: int) -> Strip:
    """A line cut to a width, with … where something was cut off."""
    if line.cell_length <= width or width <= 0:
        return line
    return Light.join([line.crop(0, width - 1), strip(("…", palette.DIM))])


def wrap(text: str, width: int) -> list[str]:
    """A text on lines no wider than `width`, as the screen counts; of blanks between words one is left."""
    return wrapping.wrap(re.sub(r"(?<=\S) +", " ", printable(text)), width, measure=cell_len)
