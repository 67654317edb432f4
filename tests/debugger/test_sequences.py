"""Two hundred commands in any order over any graph: bpdebug's own errors only, and a place that seeking reaches too."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bpdebug.debugger import State, update
from bpdebug.errors import BpdebugError
from bpdebug.views import view
from tests.debugger.commands.test_motion_laws import Blocked, blocked
from tests.graphs import examples

LENGTH = 200
MOTIONS = (
    "step", "step 3", "reverse-step", "next", "reverse-next", "stepi", "stepi 2", "reverse-stepi", "finish",
    "reverse-finish", "continue", "reverse-continue", "restart", "back", "forward", "seek 50%", "seek end", "rev step",
)  # fmt: skip
STOPS = (
    "break #{k}", "tbreak #{k}", "break {t} if event > 2", "delete", "disable", "enable", "ignore 1 2", "catch nan",
    "catch phase", "catch zero-grad", "watch d{t}", "watch norm({t})", 'trace {t} "{{norm({t})}}"', "condition 1",
)  # fmt: skip
LOOKS = (
    "print {t}", "print/x d{t}", "whatis {t}", "info tensors", "info gradients", "info breakpoints", "where", "list",
    "when", "highlight {t} > 0", "find", "inputs -r {t}", "outputs {t}", "display d{t}", "undisplay", "mark here",
    "set {t} = 0", "set d{t} = 1", "switch 0", "forks", "expect event >= 0", "nonsense", "print {t} @", "seek {t}@bwd",
)  # fmt: skip


@examples(40)
@given(blocked(), st.randoms(use_true_random=False))
def test_any_two_hundred_commands(graph: Blocked, chance: Random) -> None:
    state = graph.session()
    names = [name for name in state.timeline.graph.names if name.isidentifier()]
    for _ in range(LENGTH):
        line = chance.choice(chance.choice((MOTIONS, STOPS, LOOKS)))
        typed = line.format(t=chance.choice(names), k=chance.randrange(30))
        before = state
        try:
            state = update(state, typed)
            view(state).to_text()
        except BpdebugError:
            state = before
        assert 0 <= state.cursor <= len(state.timeline), typed
    end = state.cursor == len(state.timeline)
    there = update(state, "seek end" if end else f"seek {state.cursor}")
    walked = update(update(state, "restart"), f"step {state.cursor}")
    assert picture(there) == picture(walked)
    assert state.part or picture(there) == picture(state)


def picture(state: State) -> tuple[int, str]:
    """Where a state stands, and what it shows of the event there."""
    return state.cursor, view(state.show("event")).to_text()
