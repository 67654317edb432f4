"""What a session leaves as data, and a state in which it is there again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
from msgspec.structs import replace

from bpdebug.debugger import State, parse, quiet, run, update
from bpdebug.debugger.state import Bookmark, Breakpoint
from bpdebug.errors import BpdebugError, CommandError
from bpdebug.translation import listed, ngettext

STOPS = ("break", "tbreak", "trace", "watch", "catch")


class SavedStop(msgspec.Struct, frozen=True):
    """A stop: the line that makes it, and what was said about it since."""

    line: str
    condition: str = ""
    ignore: int = 0
    enabled: bool = True
    commands: tuple[str, ...] = ()


class SavedFork(msgspec.Struct, frozen=True):
    """A fork: the line that made it, where the cursor stood then, and from which fork it was made."""

    number: int
    parent: int
    cursor: int
    line: str


class Saved(msgspec.Struct, frozen=True):
    """What a session leaves."""

    bpdebug: str
    scenario: str
    stops: tuple[SavedStop, ...] = ()
    displays: tuple[str, ...] = ()
    marks: tuple[tuple[int, str], ...] = ()
    forks: tuple[SavedFork, ...] = ()

    @property
    def words(self) -> str:
        """'2 breakpoints, 1 mark'; empty where nothing is left."""
        stops, displays, marks, forks = map(len, (self.stops, self.displays, self.marks, self.forks))
        words = (
            ngettext("{n} breakpoint", "{n} breakpoints", stops).format(n=stops) if stops else "",
            ngettext("{n} display", "{n} displays", displays).format(n=displays) if displays else "",
            ngettext("{n} mark", "{n} marks", marks).format(n=marks) if marks else "",
            ngettext("{n} fork", "{n} forks", forks).format(n=forks) if forks else "",
        )
        return listed(filter(None, words))


def restored(state: State, saved: Saved) -> tuple[State, list[str]]:
    """The state with stops, displays, marks and forks added, and the lines that cannot be carried out here."""
    first = max((m.number for m in state.marks), default=0) + 1
    places = [(min(max(cursor, 0), len(state.timeline)), note) for cursor, note in saved.marks]
    state = replace(state, marks=(*state.marks, *(Bookmark(first + n, *place) for n, place in enumerate(places))))
    numbers = {0: 0}
    displays = [f"display {text}" for text in saved.displays]
    made: list[tuple[str, Callable[[State], State]]] = [
        *((stop.line, partial(_stop, saved=stop)) for stop in saved.stops),
        *((line, partial(_make, line=line, allowed=("display",))) for line in displays),
        *((fork.line, partial(_fork, saved=fork, numbers=numbers)) for fork in saved.forks),
    ]
    lost = []
    for line, make in made:
        try:
            state = make(state)
        except BpdebugError as error:
            lost.append(f"{line}: {error.message}")
    return quiet(state), lost


def _make(state: State, line: str, allowed: tuple[str, ...]) -> State:
    """One of the commands that make such a thing, carried out; a file that was tampered with runs nothing else."""
    call, *more = parse(line) or (None,)
    if call is None or more or call.must_fail or call.command.name not in allowed:
        raise CommandError("this line makes no such thing")
    return run(state, call)


def _stop(state: State, saved: SavedStop) -> State:
    number = state.next_number
    state = _make(state, saved.line, STOPS)
    made: Breakpoint = state.breakpoints[-1]
    if saved.condition != made.condition_text:
        state = update(state, f"condition {number} {saved.condition}")
    if saved.ignore > 0:
        state = update(state, f"ignore {number} {saved.ignore}")
    if saved.commands:
        made = replace(state.breakpoints[-1], commands=saved.commands)
        state = replace(state, breakpoints=(*state.breakpoints[:-1], made))
    return state if saved.enabled else update(state, f"disable {number}")


def _fork(state: State, saved: SavedFork, numbers: dict[int, int]) -> State:
    """A fork made again where it was made; the cursor and the timeline in use stay as they are."""
    before = state
    if saved.parent not in numbers:
        raise CommandError("the fork that it was made from is missing")
    if numbers[saved.parent] != state.fork:
        state = update(state, f"switch {numbers[saved.parent]}")
    state = replace(state, cursor=min(max(saved.cursor, 0), len(state.timeline)))
    state = _make(state, saved.line, ("set",))
    numbers[saved.number] = state.fork
    return replace(before, forks=state.forks)
