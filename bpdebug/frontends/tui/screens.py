"""The screen of the debugger with the keys of its panes, and what is shown where there is no room for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.widget import Widget

from bpdebug.frontends.tui import keys, palette
from bpdebug.frontends.tui.bars import Message
from bpdebug.frontends.tui.layout import MainScreen

LEAST = Size(60, 15)


class DebuggerScreen(MainScreen):
    """The panes; one that is maximised has the room of all of them, between the bars."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.DEBUGGER)
    ALLOW_IN_MAXIMIZED_VIEW = "Bar, KeyBar, TimelineBar, Prompt"
    ESCAPE_TO_MINIMIZE = False

    def places(self, children: list[Widget], size: Size) -> Iterator[tuple[Widget, Region]]:
        """Where the panes go that have room."""
        placed = dict(super().places(children, size))
        if (alone := self.maximized) is not None:
            ends = min(region.y for child, region in placed.items() if child.id == "timeline")
            placed[alone] = Region(0, 1, size.width, ends - 1)
        yield from placed.items()


class SmallScreen(Screen[None]):
    """Says how much room is needed."""

    DEFAULT_CSS = "SmallScreen { align: center middle; } SmallScreen > Message { height: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.SMALL)

    def compose(self) -> ComposeResult:
        yield Message("needs")

    def on_resize(self) -> None:
        width, height = self.size
        room = f"bpdebug needs {LEAST.width} x {LEAST.height} characters, and has {width} x {height}: "
        self.query_one(Message).show(((f"{room}make the window larger, or the font smaller. q leaves", palette.TITLE),))
