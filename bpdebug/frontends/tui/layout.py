"""Where the panes of the main screen go, at every size of the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace
from textual.binding import BindingType
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size, clamp
from textual.layout import Layout, WidgetPlacement
from textual.widget import Widget

from bpdebug.frontends.loop import PROMPT
from bpdebug.frontends.tui.bars import Message
from bpdebug.frontends.tui.keys import bindings
from bpdebug.frontends.tui.lined import LinedScreen
from bpdebug.frontends.tui.preferences import Panes

WIDE, NARROW, SHORT, LEAST = 100, 70, 16, 8
PANES = ("program", "stage", "inspector")
"""What can have the focus, in this order."""
STAGE, SIDE, STRIP = Size(30, 6), 20, 3
"""The least that the stage keeps, and a pane beside it, or above it, has."""


class Asked(Struct, frozen=True):
    """What the reader wants of the panes.

    The inspector may be `called` where it would fold away; the line of what is `watched` may have something to say, and
    a report may have the `whole` room of all panes.
    """

    panes: Panes = Panes()
    called: bool = False
    watched: bool = False
    whole: bool = False


AS_EVER = Asked()


def places(size: Size, said: int = 1, asked: Asked = AS_EVER) -> dict[str, Region]:
    """The region of each pane by its id; what has no room, or is not wanted, has no region.

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
    if asked.watched and middle.height > STAGE.height:
        middle, found["watched"] = middle.split_horizontal(-1)
    return found | ({"stage": middle} if asked.whole else _beside(middle, height, asked))


def stacked(found: Mapping[str, Region], pane: str) -> bool:
    """Whether a pane stands above the stage or below it, and not beside it."""
    return found[pane].x == found["stage"].x


def borders(found: Mapping[str, Region]) -> dict[str, Region]:
    """Where each pane has a border with the stage that can be moved: two cells wide, of both panes."""
    made = {}
    for pane, (left, top, width, height) in found.items() if "stage" in found else ():
        if pane == "program" and stacked(found, pane):
            made[pane] = Region(left, top + height - 1, width, 2)
        elif pane in ("program", "inspector") and not stacked(found, pane):
            made[pane] = Region(left - 1 if pane == "inspector" else left + width - 1, top + 1, 2, height - 2)
    return made


def _beside(room: Region, height: int, asked: Asked) -> dict[str, Region]:
    """The stage, and beside, above and below it what there is room for, in a terminal of a height."""
    found, panes, width = dict[str, Region](), asked.panes, room.width
    inspected = "inspector" not in panes.hidden and (width >= WIDE or asked.called)
    shown = "program" not in panes.hidden
    aside = shown and not panes.above and (width >= WIDE or (width >= NARROW and not inspected))
    if inspected and width < NARROW:
        shown = False
        room, found["inspector"] = room.split_horizontal(-(room.height // 2))
    elif inspected:
        own = max(27, min(40, width * 23 // 100))
        cut = clamp(panes.inspector or own, SIDE, width - STAGE.width - SIDE * aside)
        room, found["inspector"] = room.split_vertical(-cut)
    if aside:
        own = max(26, min(44, width * 28 // 100))
        found["program"], room = room.split_vertical(clamp(panes.program or own, SIDE, room.width - STAGE.width))
    elif shown and height >= SHORT:
        own = 3 if height < 30 else 5
        most = max(room.height - STAGE.height, STRIP)
        found["program"], room = room.split_horizontal(clamp(panes.strip or own, STRIP, most))
    return found | {"stage": room}


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


class MainScreen(LinedScreen[None]):
    """The screen with the panes, and with the debugger's keys; the focus goes to no pane that is not seen."""

    DEFAULT_CSS = "MainScreen { overflow: hidden; }"
    AUTO_FOCUS = "#stage"
    BLANK = True
    BINDINGS: ClassVar[list[BindingType]] = bindings()

    def __init__(self, panes: Panes) -> None:
        super().__init__()
        self.asked = Asked(panes)
        self.styles.set_rule("layout", Placed(self.places))

    def places(self, children: list[Widget], size: Size) -> Iterator[tuple[Widget, Region]]:
        """Where the panes go that have room."""
        said = (len(child.lines(size.width)) for child in children if isinstance(child, Message))
        found = places(size, next(said, 1), self.asked)
        yield from ((child, found[child.id]) for child in children if child.id in found)

    def ask(self, **changes: Any) -> None:
        """Other panes are wanted, by the fields of Asked: all of them find their places anew."""
        if (asked := replace(self.asked, **changes)) != self.asked:
            self.asked = asked
            self.keep_focus()
            for child in self.children[:1]:
                child.refresh(layout=True)

    @property
    def seen(self) -> dict[str, Region]:
        """The panes that are seen now; one that is maximised, alone."""
        alone = (self.maximized.id,) if self.maximized is not None else PANES
        return {id: region for id, region in places(self.size, 1, self.asked).items() if id in alone}

    @property
    def focus_chain(self) -> list[Widget]:
        """What can have the focus, in the order of the panes: of those, what is seen."""
        unseen = {*PANES} - self.seen.keys()
        return [widget for widget in super().focus_chain if widget.id not in unseen]

    def on_resize(self) -> None:
        self.keep_focus()

    def keep_focus(self) -> None:
        """The focus does not stay in a pane that is seen no more."""
        if self.focused is not None and self.focused.id in {*PANES} - self.seen.keys():
            self.set_focus(self.query_one("#stage"))
