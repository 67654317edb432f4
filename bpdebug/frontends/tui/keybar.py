"""The keys that are of use where one is, each with a word; a click presses one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

from rich.cells import cell_len
from rich.style import Style
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from bpdebug.debugger import COMMANDS, State
from bpdebug.debugger.practice import question
from bpdebug.engine import BACKWARD, FORWARD, Event
from bpdebug.frontends.onward import INSIDE, Item
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.framed import Framed
from bpdebug.frontends.tui.keys import INSPECTOR, PROGRAM
from bpdebug.frontends.tui.lines import BLANK, strip
from bpdebug.frontends.tui.reports import Reports
from bpdebug.scenario import lesson_after, lesson_of
from bpdebug.translation import N_, _
from bpdebug.views.finite import faults

GAP = 2
"""Columns between keys."""
ALWAYS: tuple[Item, ...] = (("line", N_("cmd")), ("help", N_("help")), ("quit", N_("quit")))
AT_THE_END: tuple[Item, ...] = (
    ("restart", N_("again")), ("practice", N_("practise")), ("lesson.next", N_("next lesson")),
    ("lesson.menu", N_("all lessons")),
)  # fmt: skip
WHILE_WORKING: tuple[Item, ...] = (("close", N_("stop it")),)


def foot(state: State, place: str, reports: Reports = Reports()) -> list[Item]:  # noqa: B008 - it is frozen
    """What stands in the bar: what is of use here first, in the backward pass what explains, and then all the rest."""
    first = dict((*_reading(reports), *_here(state, place)))
    keyed = (c.name for c in COMMANDS.values() if c.key and not c.name.startswith("reverse-"))
    rest = ((name, name) for name in keyed if name not in dict(ALWAYS))
    return [*first.items(), *(item for item in rest if item[0] not in first)]


def _reading(reports: Reports) -> Iterator[Item]:
    if reports.open:
        yield from (("stage.follow", N_("follow")), ("close", N_("close")))
        yield from (("before", N_("go back")),) if len(reports.pages) > 1 else ()


def _here(state: State, place: str) -> Iterator[Item]:
    if place == PROGRAM:
        yield from (("program.down", N_("select")), ("program.go", N_("go there")), ("break", N_("stop there")))
        yield from (("program.filter", N_("filter")), ("program.tab", N_("source, graph")))
    elif place == INSPECTOR:
        yield from (
            ("tab.before", N_("tab")),
            ("tab.next", N_("tab")),
            ("pane.inspector", N_("hide")),
            ("maximise", N_("alone")),
        )
    asked = question(state) is not None
    yield from (("answer", N_("answer")),) if asked else ()
    yield from (("step", N_("step")), ("reverse-step", N_("back")))
    event = state.event
    if event is None:
        loss = state.timeline.loss  # the event that made it NaN may be in no row that was looked at
        yield from (("why", N_("why NaN")),) if faults(state.timeline) or not isfinite(loss or 0.0) else ()
        last = not lesson_after(lesson_of(state.scenario.file))
        yield from (item for item in AT_THE_END if not (last and item[0] == "lesson.next"))
        yield from (("flow", N_("flow")), ("check", N_("check")))
    elif event.phase != BACKWARD:
        yield from (("next", N_("next")), ("continue", N_("run")), *_inside(state, event), ("break", N_("break")))
        yield from (("lens", N_("lens")),) if event.phase == FORWARD else ()
    elif not asked:  # or what else there is would tell
        yield from (*_inside(state, event), ("lens", N_("lens")), ("why", N_("why")))
        yield from (("candidates", N_("candidates")),) if event.op == "matmul" else ()
        yield from (("origin", N_("origin")), ("adjoint", N_("adjoint")), ("next", N_("next")), ("continue", N_("run")))


def _inside(state: State, event: Event) -> Iterator[Item]:
    for _owner, part in event.parts[state.part : state.part + 1]:
        yield "stepi", INSIDE.get(part.why, N_("inside"))


class KeyBar(Framed):
    """Keys from the left, as many as have room, and others at the right, which are always there; none is ever cut."""

    ALLOW_SELECT = False

    class Pressed(Message):
        """A key was clicked: the id of its row."""

        def __init__(self, id: str) -> None:
            super().__init__()
            self.id = id

    def __init__(self, keys: dict[str, str]) -> None:
        """`keys` says how the key of a row is printed."""
        super().__init__(id="keys")
        self.keys = keys
        self.left: list[Item] = []
        self.right: list[Item] = []
        self.prompt = ""

    def show(self, left: Sequence[Item], right: Sequence[Item] = ALWAYS, prompt: str = "") -> None:
        """Other keys; in place of them, what stands before a line that is typed."""
        left, right = ([(id, _(word)) for id, word in items] for items in (left, right))
        if (left, right, prompt) != (self.left, self.right, self.prompt):
            self.left, self.right, self.prompt = left, right, prompt
            self.refresh()

    def _wide(self, item: Item) -> int:
        return cell_len(self.keys[item[0]]) + 1 + cell_len(item[1])

    def placed(self) -> Iterator[tuple[int, Item]]:
        """The keys that have room, each with its column."""
        room = self.size.width - 1
        right = list(self.right)
        while right and sum(map(self._wide, right)) + GAP * (len(right) - 1) >= room:
            right.pop(0)
        end = room - sum(map(self._wide, right)) - GAP * max(len(right) - 1, 0)
        at = 1
        for item in self.left:
            if at + self._wide(item) + (GAP if right else 0) > end:
                break
            yield at, item
            at += self._wide(item) + GAP
        for item in right:
            yield end, item
            end += self._wide(item) + GAP

    def render_line(self, y: int) -> Strip:
        if y:
            return BLANK
        pieces: list[tuple[str, Style]] = [(f" {self.prompt}", palette.HERE)]
        at = len(pieces[0][0])
        for column, (id, word) in self.placed():
            key = self.keys[id]
            pieces += (" " * (column - at), palette.PLAIN), (key, palette.HERE), (f" {word}", palette.DIM)
            at = column + self._wide((id, word))
        return strip(*pieces, (" " * (self.size.width - at), palette.PLAIN))

    def on_click(self, event: Click) -> None:
        for column, item in self.placed():
            if column <= event.x < column + self._wide(item):
                self.post_message(self.Pressed(item[0]))
