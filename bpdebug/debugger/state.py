"""The debugger's one variable: replaced by every command, never changed."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from bpdebug.engine import Event, Timeline
from bpdebug.expression import Expression, Scope, Stops, Value, evaluate, parse
from bpdebug.scenario import Scenario


class Breakpoint(Struct, frozen=True, eq=False):
    """A reason to stop: a breakpoint, tracepoint, catchpoint or watchpoint.

    `line` makes it anew when typed ("break Y@bwd if norm(dY) > 1"); `location` is what it stops at, as typed.
    `stops` are the events worth testing: those of its location, or those at which what is watched can change.
    `test(timeline, index)` says in words why to stop there, or None.
    `ignore` hits are passed over, a `temporary` one goes with its first hit, `commands` run after a stop, and
    `says` is what a tracepoint prints.
    """

    number: int
    kind: str
    line: str
    location: str
    stops: Stops
    test: Callable[[Timeline, int], str | None] | None = None
    condition: Expression | None = None
    condition_text: str = ""
    hits: int = 0
    ignore: int = 0
    enabled: bool = True
    temporary: bool = False
    commands: tuple[str, ...] = ()
    says: str = ""

    @property
    def located(self) -> bool:
        """Whether it stands at a location; watches and catches may stop anywhere."""
        return self.kind in ("break", "trace")


class Note(Struct, frozen=True, eq=False):
    """What the scenario says at a stop: the location as written, its events, and the text."""

    location: str
    stops: Stops
    text: str


class Display(Struct, frozen=True, eq=False):
    """An expression shown at every stop."""

    number: int
    text: str
    expression: Expression


class Bookmark(Struct, frozen=True):
    """A place that was marked, with a note."""

    number: int
    cursor: int
    note: str = ""


class Fork(Struct, frozen=True, eq=False):
    """A timeline among others: number 0 is the scenario's own, another was made of its parent, where the cursor was."""

    number: int
    timeline: Timeline
    cursor: int = 0
    parent: int = 0

    @property
    def line(self) -> str:
        """The `set` command that made this one."""
        return self.timeline.edits[-1].line if self.number else ""

    @property
    def lines(self) -> tuple[str, ...]:
        """What makes it again; of number 0, what was set before it was recorded."""
        return (f"seek {self.cursor}", self.line) if self.number else tuple(e.line for e in self.timeline.edits)


class Practice(Struct, frozen=True):
    """The mode that asks before it shows: what was answered, and what was said to the last answer.

    `shapes` and `done` hold (event, operand) pairs whose shape, or whose formula too, was found or given up;
    `said` was said at event `at`; `tries` counts the wrong answers to the open question, `right` and `asked` all.
    """

    shapes: frozenset[tuple[int, int]] = frozenset()
    done: frozenset[tuple[int, int]] = frozenset()
    said: str = ""
    at: int = -1
    well: bool = True
    tries: int = 0
    right: int = 0
    asked: int = 0


class View(Struct, frozen=True):
    """What the last command asked to see: a row of the table of views, and its arguments."""

    name: str = "event"
    args: tuple[object, ...] = ()


class State(Struct, frozen=True, eq=False):
    """A scenario, its timeline, and a cursor over it.

    `cursor` is a position 0..N: at k < N event k has just happened, N is the end. `part` is 0 for the event as a
    whole, or counts the parts of its rule from 1. `stopped` says why the last motion ended and `detail` with which
    values; `printed` are the lines that tracepoints left on the way, `pending` the commands of the stop that was
    hit. `behind` and `ahead` are places visited. `frame` counts blocks outwards from the innermost (`up`, `down`).
    `fork` is the number of the timeline in use; `found` the cell range last looked for.
    `practice` is set while the debugger asks before it shows.
    `request` is what a command asks of the front end because it touches files: a word and its argument.
    """

    scenario: Scenario
    timeline: Timeline
    cursor: int = 0
    part: int = 0
    breakpoints: tuple[Breakpoint, ...] = ()
    next_number: int = 1
    notes: tuple[Note, ...] = ()
    displays: tuple[Display, ...] = ()
    marks: tuple[Bookmark, ...] = ()
    behind: tuple[tuple[int, int], ...] = ()
    ahead: tuple[tuple[int, int], ...] = ()
    forks: tuple[Fork, ...] = ()
    fork: int = 0
    frame: int = 0
    found: tuple[str, str, int] | None = None
    view: View = View()
    stopped: str = ""
    detail: str = ""
    printed: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    practice: Practice | None = None
    request: tuple[str, str] | None = None
    done: bool = False

    @property
    def event(self) -> Event | None:
        """The event under the cursor; None at the end."""
        return self.timeline.event(self.cursor) if self.cursor < len(self.timeline) else None

    @property
    def block(self) -> str:
        """The block in which the event under the cursor stands; of a leaf's, the one that its name says."""
        event = self.event
        if event is None:
            return ""
        return event.block if event.node is not None else event.name.rpartition(".")[0]

    def value(self, text: str) -> Value:
        """The value of an expression at the cursor; E_EXPR where it is none."""
        return evaluate(parse(text), Scope(self.timeline, self.cursor))

    def show(self, name: str, *args: object) -> State:
        """The same place, looked at in another way."""
        return replace(self, view=View(name, args))
