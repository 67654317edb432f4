"""Places visited, bookmarks, and the stack of blocks."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from bpdebug.debugger.commands.table import command, count
from bpdebug.debugger.running import block_at, move
from bpdebug.debugger.state import Bookmark, State
from bpdebug.errors import CommandError
from bpdebug.graph import frames
from bpdebug.translation import _


@command("back", "the place visited before", "step ;; back", key="[", family="motion")
def back(state: State) -> State:
    """The place visited before this one; E_COMMAND where none was."""
    if not state.behind:
        raise CommandError("no place was visited before this one", hint="forward goes the other way")
    *rest, (cursor, part) = state.behind
    here = (state.cursor, state.part)
    return replace(move(state, cursor, "step", part), behind=tuple(rest), ahead=(here, *state.ahead))


@command("forward", "the place that back came from", "step ;; back ;; forward", key="]", family="motion")
def forward(state: State) -> State:
    """The place that `back` came from; E_COMMAND where it came from none."""
    if not state.ahead:
        raise CommandError("this is the last place visited", hint="back goes the other way")
    (cursor, part), *rest = state.ahead
    here = (state.cursor, state.part)
    return replace(move(state, cursor, "step", part), behind=(*state.behind, here), ahead=tuple(rest))


@command("mark", "a bookmark here", "mark look at this again", key="m", args="[NOTE]", family="motion")
def mark(state: State, argument: str) -> State:
    """A bookmark here, with a note; `seek #N` goes to its event."""
    number = max((m.number for m in state.marks), default=0) + 1
    made = Bookmark(number, state.cursor, argument)
    return replace(state, marks=(*state.marks, made)).show(
        "said", _("mark {number} at event {event}").format(number=number, event=state.cursor)
    )


command("marks", "the bookmarks", "marks", family="looking")(lambda state: state.show("info", "marks", ""))


def _frame(way: int) -> Callable[[State, str], State]:
    def run(state: State, argument: str) -> State:
        most = len(frames(block_at(state.timeline, state.cursor)))
        to = state.frame + way * count(argument)
        if not 0 <= to <= most:
            where = "outermost" if way > 0 else "innermost"
            raise CommandError(f"this is the {where} block", hint="where shows them all")
        return replace(state, frame=to).show("where")

    return run


command("up", "one block outwards", "up 0", key="u", args="[N]", family="looking")(_frame(1))
command("down", "one block inwards", "down 0", key="d", args="[N]", family="looking")(_frame(-1))
