"""The screen of the debugger with the keys of its panes, and what is shown where there is no room for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, cast

from msgspec.structs import replace
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import MouseDown, MouseMove, MouseUp
from textual.geometry import Offset, Region, Size
from textual.screen import Screen
from textual.widget import Widget

from bpdebug.debugger import State
from bpdebug.frontends.tui import keys, palette
from bpdebug.frontends.tui.bars import Message, WatchedBar
from bpdebug.frontends.tui.inspector import InspectorPane
from bpdebug.frontends.tui.layout import SHORT, MainScreen, borders, places, stacked
from bpdebug.frontends.tui.preferences import Panes, Preferences
from bpdebug.frontends.tui.program import ProgramPane
from bpdebug.frontends.tui.stage import Stage
from bpdebug.frontends.tui.working import Inspected
from bpdebug.scenario.paths import reason
from bpdebug.translation import _
from bpdebug.views.inspector import watched

if TYPE_CHECKING:
    from bpdebug.frontends.tui.tour import TourBox

LEAST = Size(60, 15)


class DebuggerScreen(MainScreen):
    """The panes; one that is maximised has the room of all of them, between the bars; a border is dragged."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.DEBUGGER)
    ALLOW_IN_MAXIMIZED_VIEW = "Bar, KeyBar, TimelineBar, Prompt"
    ESCAPE_TO_MINIMIZE = False

    def __init__(self, preferences: Preferences, stage: Stage) -> None:
        super().__init__(preferences.panes)
        self.keep, self.stage, self.gate = preferences.keep_panes, stage, stage.gate
        self.dragged = ""
        self.inspector, self.watched = InspectorPane("inspector", self.gate), WatchedBar("watched")
        self.state: State | None = None

    def places(self, children: list[Widget], size: Size) -> Iterator[tuple[Widget, Region]]:
        """Where the panes go that have room."""
        placed = dict(super().places(children, size))
        if (alone := self.maximized) is not None:
            ends = min(region.y for child, region in placed.items() if child.id in ("timeline", "watched"))
            placed[alone] = Region(0, 1, size.width, ends - 1)
        yield from placed.items()
        by_id = {child.id: region for child, region in placed.items()}
        boxes = (cast("TourBox", child) for child in children if child.id == "tour")
        yield from ((box, box.place(by_id.get(box.stop.pane), size)) for box in boxes)

    def action_program_tab(self) -> None:
        """The program in its next tab."""
        self.query_one(ProgramPane).action_tab()

    def stand(self, state: State, *, report: bool, beside: Inspected | None = None) -> None:
        """Another state, of which an event or a report is seen: what the panes are, and the inspector in them."""
        self.state = state
        if report and self.maximized is not None and self.maximized.id != "stage":
            self.maximized = None
        self.inspector.stand(state, beside)
        self.ask(whole=report)

    def ask(self, **changes: Any) -> None:
        super().ask(**changes)
        self.look()

    def look(self) -> None:
        """Where the inspector is not seen, what is watched and displayed stands in a line of its own.

        What there is room for in it stands on the stage then.
        """
        beside = "inspector" in self.seen
        self.stage.alone = not beside
        if (state := self.state) is not None:
            silent = beside or not (state.displays or any(b.kind == "watch" for b in state.breakpoints))
            displays = self.asked.whole
            self.gate.ask(
                self.watched, lambda: [] if silent else watched(state, displays=displays), self.say_watched,
                little=silent,
            )  # fmt: skip

    def say_watched(self, words: list[str]) -> None:
        """What the line says; it takes room where it says something."""
        self.watched.show(tuple((text, palette.NOTE) for text in words))
        super().ask(watched=bool(words))

    def on_resize(self) -> None:
        self.look()

    def watch_maximized(self) -> None:
        self.look()

    def set_panes(self, panes: Panes) -> None:
        """The panes as they are wanted from here on, the next time, too."""
        if panes != self.asked.panes:
            self.ask(panes=panes)
            try:
                if self.keep is not None:
                    self.keep(panes)
            except OSError as error:
                self.query_one(Message).show(
                    ((_("the panes are not kept: {reason}").format(reason=reason(error)), palette.NOTE),)
                )

    # --- hidden, and there again

    def action_hide(self, pane: str) -> None:
        """Hides a pane that is seen, and shows one that is not: the inspector where it would fold away, too.

        The program becomes a strip above the stage before it is hidden.
        """
        panes, before, alone = self.asked.panes, self.seen, self.asked.whole or self.maximized is not None
        self.maximized = None
        self.ask(whole=False)
        if pane not in before and alone and pane in self.seen:
            return  # it only had no room
        if pane not in before:
            self.set_panes(replace(panes, hidden=panes.hidden - {pane}, above=panes.above and pane != "program"))
            self.ask(called=pane == "inspector" and pane not in self.seen)
        elif pane == "program" and not alone and not stacked(before, pane) and self.size.height >= SHORT:
            self.set_panes(replace(panes, above=True))
        elif pane == "inspector" and self.asked.called:
            self.ask(called=False)
        else:
            self.set_panes(replace(panes, hidden=panes.hidden | {pane}))

    def action_tab(self) -> None:
        """The next tab of the inspector, which is shown first where it is not."""
        if "inspector" not in self.seen:
            self.action_hide("inspector")
        else:
            self.inspector.action_turn(1)

    # --- larger and smaller

    def action_resize(self, step: int) -> None:
        """The pane with the focus becomes larger or smaller: the stage by what the panes beside it give."""
        mine = self.focused.id if self.focused is not None else None
        for pane in borders(self.seen):
            if mine in (pane, "stage"):
                self.resize(pane, step if mine == pane else -step)

    def resize(self, pane: str, more: int) -> None:
        """Gives a pane more room, as far as there is some; it has it the next time, too."""
        name, side = ("strip", "height") if stacked(self.seen, pane) else (pane, "width")
        size = max(getattr(self.seen[pane], side) + more, 1)
        panes = replace(self.asked.panes, **{name: size})
        got = getattr(places(self.size, 1, replace(self.asked, panes=panes))[pane], side)
        self.set_panes(replace(panes, **{name: got}))

    def action_as_ever(self) -> None:
        """All panes as they are by themselves."""
        self.ask(called=False)
        self.set_panes(Panes())

    # --- the mouse drags a border

    def on_mouse_down(self, event: MouseDown) -> None:
        at = Offset(event.screen_x, event.screen_y)
        self.dragged = next((pane for pane, border in borders(self.seen).items() if border.contains_point(at)), "")
        if self.dragged:
            self.clear_selection()  # Textual began one at the border
            self.capture_mouse()

    def on_mouse_move(self, event: MouseMove) -> None:
        if self.dragged in self.seen:
            left, top, width, height = self.seen[self.dragged]
            x, y = event.screen_x, event.screen_y
            across = left - x if self.dragged == "inspector" else x + 1 - left - width
            self.resize(self.dragged, y + 1 - top - height if stacked(self.seen, self.dragged) else across)

    def on_mouse_up(self, event: MouseUp) -> None:
        if self.dragged:
            self.dragged = ""
            self.release_mouse()


class SmallScreen(Screen[None]):
    """Says how much room is needed."""

    DEFAULT_CSS = "SmallScreen { align: center middle; } SmallScreen > Message { height: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.SMALL)

    def compose(self) -> ComposeResult:
        yield Message("needs")

    def on_resize(self) -> None:
        width, height = self.size
        said = _(
            "bpdebug needs {needs} characters, and has {size}: make the window larger, or the font smaller. q leaves"
        )
        self.say(said.format(needs=f"{LEAST.width} x {LEAST.height}", size=f"{width} x {height}"))

    def say(self, text: str) -> None:
        """A sentence, alone."""
        self.query_one(Message).show(((text, palette.TITLE),))
