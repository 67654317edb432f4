"""A screen as text and styles, in two themes at once: what a snapshot of it holds, and what differs is read in a diff.

Not the bytes of an SVG: those change with Textual and Rich. A file has the lines of the screen; below each line whose
styles are not those of the line before, the style of each cell, as a letter; and at the end what the letters mean in
either theme. Where the two themes draw other words, both are there.
"""

from __future__ import annotations

import os
import string
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.segment import Segment

from bpdebug.frontends.tui.app import BpdebugApp

SNAPSHOTS = Path(__file__).parent / "snapshots"
ACCEPT = "BPDEBUG_ACCEPT"
"""BPDEBUG_ACCEPT=1 stores what the screen shows now; look at the difference before you commit it."""
LETTERS = string.ascii_letters + "".join(map(chr, range(0x3B1, 0x3CA))) + "".join(map(chr, range(0x410, 0x450)))
"""Names of styles: more than a screen has."""
Cells = list[list[tuple[str, str]]]
"""Each cell of each line: its character, and how it is drawn."""
Walk = Callable[[BpdebugApp, Any], Awaitable[None]]


def cells_of(app: Any) -> Cells:
    """The screen as it stands, cell by cell."""
    return [list(_cells(strip)) for strip in app.screen._compositor.render_strips()]


def _cells(strip: Sequence[Segment]) -> Iterator[tuple[str, str]]:
    for segment in strip:
        style = "" if segment.style is None else str(segment.style.without_color.clear_meta_and_links())
        colors = (segment.style.color, segment.style.bgcolor) if segment.style else (None, None)
        names = [color.name if color is not None else "-" for color in colors]
        drawn = f"{names[0]} on {names[1]}" + (f" {style}" if style != "none" else "")
        yield from ((character, drawn) for character in segment.text)


def text(cells: Cells) -> str:
    """The lines alone."""
    return "\n".join("".join(character for character, _ in line).rstrip() for line in cells)


def painted(themes: Sequence[str], screens: Sequence[Cells]) -> str:
    """One screen, drawn in several themes, as a text."""
    legend: dict[tuple[str, ...], str] = {}
    before, lines = "", list[str]()
    for drawn in zip(*screens, strict=True):
        lines += dict.fromkeys("".join(character for character, _ in line).rstrip() for line in drawn)
        styles = zip(*([style for _, style in line] for line in drawn), strict=False)
        runs = [(legend.setdefault(key, LETTERS[len(legend)]), len(list(same))) for key, same in groupby(styles)]
        marks = "".join(letter * many for letter, many in runs)
        if marks != before:
            lines.append(f"~ {' '.join(f'{letter}{many}' for letter, many in runs)}")
        before = marks
    width = max(map(len, themes))
    for key, letter in legend.items():
        lines += [f"{letter}  {theme:{width}}  {style}" for theme, style in zip(themes, key, strict=True)]
    return "\n".join([*lines, ""])


def compare(name: str, found: str) -> None:
    """Holds a screen against the one that is stored under a name."""
    stored = SNAPSHOTS / f"{name}.txt"
    if os.environ.get(ACCEPT):
        SNAPSHOTS.mkdir(exist_ok=True)
        stored.write_text(found, encoding="utf-8")
    assert found == stored.read_text(encoding="utf-8"), f"the screen has changed; {ACCEPT}=1 accepts it"
