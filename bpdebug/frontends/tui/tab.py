"""What lies in a tab of the program's pane, and how a row is drawn in any of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual.strip import Strip

from bpdebug.debugger import State
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.gate import Gate
from bpdebug.frontends.tui.lines import clean, strip
from bpdebug.translation import N_, _, language
from bpdebug.views.program import ProgramRow

SIGNS = {"done": ("✓", palette.GOOD), "current": ("✓", palette.HERE), "": (" ", palette.DIM)}
ODD = {"nan": ("✗", palette.BAD, "NaN"), "inf": ("∞", palette.BAD, N_("infinite"))}
"""In the place of ✓ where what is done is not finite."""
WORDS = {
    "not computed yet": (N_("not computed"), N_("not yet")),
    "no path": (N_("no path"),),
    "partial": (N_("partial: more is to be added"), N_("partial")),
}
Piece = tuple[str, Style]
Changed = Callable[[int | None], None]


class Tab:
    """One way to look at the program: `count` lines, of which `current` is where the cursor stands."""

    name: ClassVar[str]
    count = 0
    current: int | None = None
    missing = 0
    """Lines before this one were drawn without all that belongs to them."""

    def __init__(self, gate: Gate | None = None, changed: Changed = lambda _: None) -> None:
        """`changed` hears that there are other lines, and which of them is chosen."""
        self.gate, self.changed = gate or Gate(), changed

    def show(self, state: State) -> None:
        """Another state."""
        raise NotImplementedError

    def line(self, at: int, width: int, chosen: bool) -> Strip:
        """The line at a place; one that is chosen stands out."""
        raise NotImplementedError

    def event(self, at: int) -> int | None:
        """The event to go to from a place; None where there is none."""
        raise NotImplementedError

    def stop(self, at: int) -> str:
        """Where a breakpoint that is set at a place stands, as it is typed; '' where none can be."""
        event = self.event(at)
        return "" if event is None else f"#{event}"

    def is_blank(self, at: int) -> bool:
        """Whether there is nothing at a place that could be chosen."""
        return False

    def folds(self, at: int) -> bool:
        """Whether a click at a place folds or unfolds, and leads nowhere."""
        return False

    def forget(self) -> None:
        """What rows say is known better than when they were drawn."""

    def fill(self, then: Callable[[], None]) -> None:
        """Asks for what is missing; once it is there, lines are drawn again `then`."""

    def fold(self, at: int, close: bool | None) -> None:
        """Folds what is around a place, or unfolds what is folded there (None: either)."""

    def fold_all(self, at: int | None) -> None:
        """Folds all there is, or unfolds it."""


def marks(here: bool, stop: bool) -> list[Piece]:
    """What stands before every line: whether the cursor is here, and a breakpoint."""
    return [("▶" if here else " ", palette.HERE), ("●" if stop else " ", palette.STOP)]


def drawn(pieces: Sequence[Piece], chosen: bool) -> Strip:
    """The pieces as a line, in reverse video where it is chosen."""
    return strip(*((words, style + palette.MARKED if chosen else style) for words, style in pieces))


def _room(row: ProgramRow, head: tuple[Piece, ...], width: int) -> int:
    """Columns for the text of a row, between what stands before it and its shape."""
    return width - 3 - sum(cell_len(piece) for piece, _ in head) - cell_len(f" {clean(row.shape)} ")


def fits(row: ProgramRow, head: tuple[Piece, ...], width: int) -> bool:
    """Whether there is room for the whole text of a row."""
    return cell_len(clean(row.text)) <= _room(row, head, width)


def row_line(row: ProgramRow, head: tuple[Piece, ...], width: int, here: bool, chosen: bool) -> Strip:
    """A row: marks, what stands before its text, the text, what there is to say, the shape, and a sign."""
    return _row_line(row, head, width, here, chosen, language())


def _shorter(row: ProgramRow, text: str, room: int) -> str:
    """The text cut to its room: of a name with dots what it begins with, `…ln.weight`; its end tells it from others."""
    name = clean(row.tensor)
    if "." not in name or text.partition("  ")[0] != name:
        return set_cell_size(text, max(room - 1, 0)) + "…"
    head, rest = ("∂…", name[1:]) if name.startswith("∂") else ("…", name)
    while rest and cell_len(head + rest) > room:
        rest = rest[1:]
    return name if cell_len(name) <= room else head + rest


@lru_cache(maxsize=1024)
def _row_line(row: ProgramRow, head: tuple[Piece, ...], width: int, here: bool, chosen: bool, spoken: str) -> Strip:
    """Most rows are the same after a step as before."""
    sign, style = SIGNS.get(row.status, ("·", palette.DIM))
    text, tail = clean(row.text), f" {clean(row.shape)} "
    room = _room(row, head, width)
    text = text if cell_len(text) <= room else _shorter(row, text, room)
    room -= cell_len(text)
    said: Sequence[str] = WORDS.get(row.status, ())
    if row.odd:
        sign, style, *said = ODD[row.odd]
    words = next((w for w in map(_, said) if cell_len(w) + 2 <= room), "")
    pieces = [
        *marks(here, row.breakpoint),
        *head,
        (text, palette.HERE if here else palette.PLAIN if row.status in SIGNS else palette.DIM),
        (" " * (room - cell_len(words)), palette.DIM),
        (words, style if row.odd else palette.DIM),
        (tail, palette.DIM),
        (sign, style),
    ]
    return drawn(pieces, chosen)
