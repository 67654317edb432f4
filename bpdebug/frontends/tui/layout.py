"""Where the panes of the main screen go, at every size of the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

from textual.binding import BindingType
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import Layout, WidgetPlacement
from textual.screen import Screen
from textual.widget import Widget

from bpdebug.frontends.loop import PROMPT
from bpdebug.frontends.tui.bars import Message
from bpdebug.frontends.tui.keys import bindings

WIDE, NARROW, SHORT, LEAST = 100, 70, 16, 8


def places(size: Size, said: int = 1) -> dict[str, Region]:
    """The region of each pane by its id; what has no room has no region.

    Below WIDE columns the inspector folds away, below NARROW the program becomes a strip above the stage. A message of
    `said` lines takes them from the stage, which keeps some.
    """
    width, height = size
    said = max(min(said, height - LEAST), 1)
    bottom = max(height - 2 - said, 2)
    found = {
        "header": Region(0, 0, width, 1),
        "timeline": Region(0, bottom, width, 1),
        "message": Region(0, bottom + 1, width, said),
        "keys": Region(0, bottom + 1 + said, width, 1),
        "prompt": Region(len(PROMPT) + 1, bottom + 1 + said, max(width - len(PROMPT) - 1, 1), 1),
    }
    middle = Region(0, 1, width, bottom - 1)
    if width >= NARROW:
        program = max(26, min(44, width * 28 // 100))
        found["program"], middle = middle.split_vertical(program)
    elif height >= SHORT:
        found["program"], middle = middle.split_horizontal(3 if height < 30 else 5)
    if width >= WIDE:
        middle, found["inspector"] = middle.split_vertical(-max(27, min(40, width * 23 // 100)))
    found["stage"] = middle
    return found


class Placed(Layout):
    """Puts children where `places` says, which is given those that are displayed, and the room there is."""

    name = "placed"

    def __init__(self, places: Callable[[list[Widget], Size], Iterable[tuple[Widget, Region]]]) -> None:
        super().__init__()
        self.places = places

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> list[WidgetPlacement]:
        parent.pre_layout(self)
        found = self.places(children, size)
        return [WidgetPlacement(region, NULL_OFFSET, NULL_SPACING, child) for child, region in found]


class MainScreen(Screen[None]):
    """The screen with the panes, and with the debugger's keys."""

    DEFAULT_CSS = "MainScreen { overflow: hidden; }"
    AUTO_FOCUS = "#stage"
    BINDINGS: ClassVar[list[BindingType]] = bindings()

    def __init__(self) -> None:
        super().__init__()
        self.styles.set_rule("layout", Placed(self.places))

    def places(self, children: list[Widget], size: Size) -> Iterator[tuple[Widget, Region]]:
        """Where the panes go that have room."""
        said = [len(child.lines(size.width)) for child in children if isinstance(child, Message)]
        found = places(size, *said)
        yield from ((child, found[child.id]) for child in children if child.id in found)
