"""The debugger's one variable: replaced by every command, never changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bpdebug.engine import Event, Timeline
from bpdebug.expression import Stops
from bpdebug.scenario import Scenario


@dataclass(frozen=True, eq=False)
class Breakpoint:
    """Where to stop: the location as typed, and the events it means."""

    number: int
    location: str
    stops: Stops
    hits: int = 0


@dataclass(frozen=True, eq=False)
class Note:
    """What the scenario says at a stop: the location as written, its events, and the text."""

    location: str
    stops: Stops
    text: str


@dataclass(frozen=True)
class View:
    """What the last command asked to see: a row of the table of views, and its arguments."""

    name: str = "event"
    args: tuple[object, ...] = ()


@dataclass(frozen=True, eq=False)
class State:
    """A scenario, its timeline, and a cursor over it.

    `cursor` is a position 0..N: at k < N event k has just happened, N is the end. `part` is 0 for the event as a
    whole, or counts the parts of its rule from 1. `stopped` says why the last motion ended.
    """

    scenario: Scenario
    timeline: Timeline
    cursor: int = 0
    part: int = 0
    breakpoints: tuple[Breakpoint, ...] = ()
    next_number: int = 1
    notes: tuple[Note, ...] = ()
    view: View = field(default_factory=View)
    stopped: str = ""
    done: bool = False

    @property
    def event(self) -> Event | None:
        """The event under the cursor; None at the end."""
        return self.timeline.event(self.cursor) if self.cursor < len(self.timeline) else None

    def show(self, name: str, *args: object) -> State:
        """The same place, looked at in another way."""
        return replace(self, view=View(name, args))
