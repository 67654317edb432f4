"""The program as it was written: the lines of the file, with marks beside them."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual.strip import Strip

from bpdebug.debugger import State
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.gate import Gate
from bpdebug.frontends.tui.lines import BLANK, clean, strip
from bpdebug.frontends.tui.tab import ODD, Changed, Tab, drawn, marks
from bpdebug.translation import N_, _
from bpdebug.views.source import SourceLine, SourceLines

READING = N_("reading its lines …")
NO_FILE = N_("no source: values come from a recording")


class SourceTab(Tab):
    """Lines of the file by their numbers, from 1; places on the screen begin at 0."""

    name = "source"

    def __init__(self, gate: Gate | None = None, changed: Changed = lambda _: None) -> None:
        super().__init__(gate, changed)
        self.lines: SourceLines | None = None
        self.state: State | None = None

    def show(self, state: State) -> None:
        self.state = state
        if self.lines is None or self.lines.graph is not state.timeline.graph:
            self.lines = self.current = None
            self.count = 1
            self.gate.ask(self, lambda: SourceLines(state), self._read, pure=True)
        else:
            self._stand(SourceLines(state, self.gate.looks))

    def _read(self, lines: SourceLines) -> None:
        """It is known which nodes each line makes."""
        self.lines = lines
        if self.state is not None:
            self.show(self.state)
            self.changed(None)

    def _stand(self, lines: SourceLines) -> None:
        self.lines, self.count = lines, len(lines)
        self.current = None if lines.current is None or not self.count else lines.current - 1

    def line(self, at: int, width: int, chosen: bool) -> Strip:
        if self.lines is None or at >= self.count:
            return strip((_(READING if self.lines is None else NO_FILE), palette.DIM)) if at == 0 else BLANK
        found = self.lines.of(at + 1)
        sign, style = _sign(found)
        number, text = f"{found.number:>{len(str(self.count))}} ", clean(found.text)
        room = max(width - 3 - len(number) - len(sign), 1)
        text = set_cell_size(text, room) if cell_len(text) <= room else set_cell_size(text, room - 1) + "…"
        here = at == self.current
        pieces = [
            *marks(here, found.stop),
            (number, palette.DIM),
            (f"{text} ", palette.HERE if here else palette.PLAIN if found.of else palette.DIM),
            (sign, style),
        ]
        return drawn(pieces, chosen)

    def event(self, at: int) -> int | None:
        return None if self.lines is None or at >= self.count else self.lines.event(at + 1)

    def stop(self, at: int) -> str:
        return "" if self.event(at) is None else f":{at + 1}"


def _sign(line: SourceLine) -> tuple[str, Style]:
    """How far a line is: ✓ computed, ∂ with its gradients, or how many times of how many."""
    if line.odd:
        return ODD[line.odd][:2]
    if not line.of:
        return " ", palette.DIM
    if line.done in (0, line.of):
        done = "∂" if line.backward else "✓"
        return (done, palette.GOOD) if line.done else ("✓", palette.GOOD) if line.backward else ("·", palette.DIM)
    return f"{'∂' * line.backward}{line.done}/{line.of}", palette.HERE
