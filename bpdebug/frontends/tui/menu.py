"""The menu of the scenarios that are shipped, for those who start without a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.events import Click
from textual.screen import Screen
from textual.strip import Strip

from bpdebug.errors import BpdebugError
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.bars import Message, refused
from bpdebug.frontends.tui.keys import MENU, bindings
from bpdebug.frontends.tui.lines import BLANK, clean, strip, wrap
from bpdebug.frontends.tui.pane import Pane
from bpdebug.scenario import Shipped


class Choices(Pane):
    """Titles, with the text about the chosen one below it; its keys are its own, or they would scroll a long list."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(MENU)

    def __init__(self, entries: Sequence[Shipped], chosen: int) -> None:
        super().__init__()
        self.entries, self.chosen = entries, chosen
        self._lines: list[tuple[Strip, int]] = []
        self.border_title = Content("bpdebug: the scenarios")

    def on_resize(self) -> None:
        """The lines anew, the chosen entry in view."""
        width, lines = self.scrollable_content_region.width, []
        for i, entry in enumerate(self.entries):
            here = i == self.chosen
            style = palette.HERE if here else palette.PLAIN
            head = ("▶ " if here else "  ", palette.HERE), (clean(entry.title), style)
            lines.append((strip(*head, (f"  {clean(entry.name)}", palette.DIM)), i))
            if here:
                about = wrap(entry.about.strip(), width - 6)
                lines += [(strip((f"    {text}", palette.NOTE)), i) for text in (*about, "")]
        self._lines = lines
        self.measure(len(lines))
        self.repaint()
        if places := [at for at, (_, i) in enumerate(lines) if i == self.chosen]:
            self.reveal(places[0], places[-1])

    def line(self, at: int, width: int) -> Strip:
        return self._lines[at][0] if at < len(self._lines) else BLANK

    def choose(self, index: int) -> None:
        """Another entry."""
        self.chosen = min(max(index, 0), len(self.entries) - 1)
        self.on_resize()

    def action_move(self, step: int) -> None:
        """An entry further on or back."""
        self.choose(self.chosen + step)

    def on_click(self, event: Click) -> None:
        at = self.clicked(event)
        if at is not None and at < len(self._lines):
            index = self._lines[at][1]
            if index == self.chosen and isinstance(self.screen, MenuScreen):
                self.screen.action_open()
            else:
                self.choose(index)


class MenuScreen(Screen[str]):
    """Arrow keys choose, Enter opens; the result is the entry's name."""

    DEFAULT_CSS = "MenuScreen > Message { height: auto; dock: bottom; } MenuScreen > Choices { height: 1fr; }"

    def __init__(self, entries: Sequence[Shipped], chosen: str = "", error: BpdebugError | None = None) -> None:
        super().__init__()
        self.entries, self.error = entries, error
        self.chosen = next((i for i, entry in enumerate(entries) if entry.name == chosen), 0)

    def compose(self) -> ComposeResult:
        yield Choices(self.entries, self.chosen)
        yield Message("foot")

    def on_mount(self) -> None:
        self.query_one(Choices).focus()
        keys = (("↑ ↓", palette.HERE), (" choose  ", palette.DIM), ("Enter", palette.HERE), (" open  ", palette.DIM))
        foot = (*keys, ("q", palette.HERE), (" quit", palette.DIM))
        self.query_one(Message).show(refused(self.error) if self.error else foot)

    def action_open(self) -> None:
        """The chosen scenario."""
        if self.entries:
            self.dismiss(self.entries[self.query_one(Choices).chosen].name)
