"""Where another program's gradients are not what our rules give: of a training step that was watched."""

from __future__ import annotations

from collections.abc import Callable

from bpdebug.debugger.commands.table import command, count
from bpdebug.debugger.running import BACK, FORTH, move
from bpdebug.debugger.state import State
from bpdebug.engine import BACKWARD
from bpdebug.errors import CommandError
from bpdebug.translation import _


@command(
    "differences", "what a watched program handed on and our rules do not give", "differences", family="explain",
    slow=True,
)  # fmt: skip
def differences_(state: State) -> State:
    """Every gradient that another program handed on and our rule does not give; none of what we computed ourselves."""
    from bpdebug.explain.handed import differences  # start-up: an explanation is worked out when asked for

    return state.show("differences", differences(state.timeline))


def _toward(way: int) -> Callable[[State, str], State]:
    def run(state: State, argument: str) -> State:
        from bpdebug.explain.handed import differences  # as above

        found, timeline = differences(state.timeline), state.timeline
        events = {timeline.schedule.index_of(BACKWARD, timeline.graph.index[row.node or ""]) for row in found}
        ahead = sorted(at for at in events if at is not None and (at - state.cursor) * way > 0)[::way]
        if not found:
            return state.show("said", _("no gradient here is another than our rule gives"))
        if len(ahead) < (n := count(argument)):
            side = "ahead" if way == FORTH else "behind"
            raise CommandError(f"{len(ahead) or 'no'} differences lie {side}", hint="differences lists them all")
        return move(state, ahead[n - 1], "difference").show("differences", found)

    return run


_row = {"args": "[N]", "family": "motion", "repeats": True, "slow": True}
command(
    "next-difference", "to the next event that handed on what our rule does not give", "next-difference", **_row
)(_toward(FORTH))  # fmt: skip
command("previous-difference", "the same, back", "previous-difference", **_row)(_toward(BACK))
