"""The tour: nine stops that point at what is on the screen, in a box that lies over it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import ClassVar

from msgspec import Struct
from rich.cells import cell_len
from textual.binding import BindingType
from textual.events import Click, Key
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from bpdebug.frontends.terminal import apart
from bpdebug.frontends.tui import keys, palette
from bpdebug.frontends.tui.lines import BLANK, strip, wrap
from bpdebug.translation import _


class Stop(Struct, frozen=True):
    """The pane it points at, by its id, and where that stands in time; `text` names keys by the ids of their rows."""

    pane: str
    line: str
    text: str


STOPS = (
    Stop("header", "seek begin",
         "▲ Welcome. This line says where you are: the file, the lesson, the pass, the event."),
    Stop("program", "seek begin",
         "The program. ▶ is at what has just happened, ✓ at what is computed. Below it are the gradients, which the "
         "way back will fill. A click on a row goes there."),
    Stop("stage", "seek begin",
         "What has just happened, on its numbers: X and W go in, Y comes out. The arrow keys mark a cell, and with it "
         "the cells that it is made of."),
    Stop("timeline", "seek begin",
         "▼ All of time: the forward pass, and from ┿ on the backward pass. A click goes anywhere."),
    Stop("keys", "seek begin",
         "▼ The keys that are of use here, explanations first. A click presses one. {step} goes on, {reverse-step} "
         "goes back: nothing is ever lost."),
    Stop("stage", "seek Y@bwd",
         "The backward pass has come to Y. ∂Y came in, ∂X and ∂W go out, and each is a product in which one matrix is "
         "turned. {stage.section} shows the next one."),
    Stop("stage", "seek Y@bwd ;; stepi",
         "{stepi} walks inside the rule, part by part. Here W is turned: a row of W is a column of Wᵀ, and the cells "
         "that are marked are the same ones. {lens} says why."),
    Stop("inspector", "seek Y@bwd",
         "Facts about what is on the stage. Where the window is too narrow for them, {pane.inspector} shows them, and "
         "hides them again."),
    Stop("message", "seek begin",
         "▼ What there is to say is said here, and {line} opens a line for commands. {help} lists all keys, {palette} "
         "finds anything, {lesson.menu} shows the lessons. Now press {step}."),
)  # fmt: skip
WIDTH, LEAST, SIDES = 46, 24, 2
"""Columns of the box, where there is room, and at least; and how many sides of panes it may lie over."""


def beside(text: str, sides: Collection[int]) -> str:
    """A text in which a wide letter that would lie across one of `sides` stands behind it: Textual blanks such ones."""
    made = ""
    for letter in text:
        across = cell_len(letter) == 2 and cell_len(made) + 1 in sides
        made += f" {letter}" if across else letter
    return made


class TourBox(Widget, can_focus=True):
    """A stop of the tour; every key that is not its own closes it, and does what it does."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.TOUR)

    class Moved(Message):
        """Another stop: its number; None where the tour is over, or `skipped`."""

        def __init__(self, number: int | None, *, skipped: bool = False) -> None:
            super().__init__()
            self.number, self.skipped = number, skipped

    def __init__(self, caps: Mapping[str, str]) -> None:
        """`caps` says how the keys of rows are printed."""
        super().__init__(id="tour")
        self.caps, self.number, self.begun = caps, 0, False

    @property
    def stop(self) -> Stop:
        """Where the tour is."""
        return STOPS[self.number]

    def place(self, target: Region | None, size: Size) -> Region:
        """Where the box stands: beside what it points at, over it where there is no room beside."""
        wide = min(WIDTH, size.width)
        high = self._high(wide)
        if target is None:
            return Region((size.width - wide) // 2, 2, wide, high)
        narrow = max(LEAST, min(wide, target.x))
        beside = (
            Region(target.x, target.bottom, wide, high), Region(target.x, target.y - high, wide, high),
            Region(target.right, target.y + 1, wide, high), Region(target.x - wide, target.y + 1, wide, high),
            Region(target.x - narrow, target.y + 1, narrow, self._high(narrow)),
        )  # fmt: skip
        over = Region(target.right - wide, target.bottom - high, wide, high).translate_inside(size.region)
        return next((at for at in beside if size.region.contains_region(at)), over)

    def _high(self, wide: int) -> int:
        return len(self.lines(wide - 4)) + 2

    def lines(self, width: int) -> list[str]:
        """What it says; wide letters leave room to step aside (`beside`)."""
        said = re.sub(r"\{(.*?)\}", lambda id: self.caps[id[1]], _(self.stop.text))
        return wrap(said, width - SIDES * (cell_len(said) > len(said)))

    def render_line(self, y: int) -> Strip:
        found = self.lines(self.size.width)
        return strip((beside(found[y], self._sides()), palette.PLAIN)) if y < len(found) else BLANK

    def _sides(self) -> frozenset[int]:
        """The columns of its lines at which a pane that it lies over begins or ends."""
        left = self.content_region.x
        panes = [w.region for w in self.screen.query(".panel") if w.region.overlaps(self.region)]
        return frozenset(x - left for region in panes for x in (region.x, region.right))

    def go(self, number: int) -> None:
        """Another stop."""
        self.number = number
        back = "" if number == 0 else f"{self.caps['tour.back']} {_('back')}"
        onward = _("next") if number + 1 < len(STOPS) else _("begin")
        self.border_title = _("the tour: {n} of {total}").format(n=number + 1, total=len(STOPS))
        self.border_subtitle = apart(f"{self.caps['tour.next']} {onward}", f"{self.caps['tour.end']} {_('end')}", back)
        self.post_message(self.Moved(number))

    def action_go(self, step: int) -> None:
        """The next stop, or the one before; behind the last one it is over."""
        if self.number + step >= len(STOPS):
            self.post_message(self.Moved(None))
        elif self.number + step >= 0:
            self.go(self.number + step)

    def action_end(self) -> None:
        """Enough of it."""
        self.post_message(self.Moved(None, skipped=True))

    def on_click(self, event: Click) -> None:
        event.stop()
        self.action_go(1)

    def on_key(self, event: Key) -> None:
        active = self.screen.active_bindings.get(event.key)
        if active is None or active.node is not self:
            self.post_message(self.Moved(None))
