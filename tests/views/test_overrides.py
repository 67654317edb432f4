"""What a fork has set is said where it is shown, and nowhere else."""

from __future__ import annotations

from bpdebug.debugger import State, open_session, update
from bpdebug.views import view
from tests.lessons import scenario


def shown(*lines: str) -> str:
    state: State = open_session(scenario("two_layer"))
    for line in lines:
        state = update(state, line)
    return view(state).to_text()


def test_cells_that_were_set_are_marked_below_their_matrix() -> None:
    assert "set here: [0, 1]" in shown("set H[0, 1] = 3", "seek H")
    assert "set here: [0, 1]" in shown("set H[0, 1] = 3", "seek H", "print H")
    assert "set here: [1, :]" in shown("seek Y@bwd", "set dH[1, :] = 0", "print dH")
    assert "set here: all" in shown("set H = 0", "seek H")


def test_what_only_depends_on_them_and_other_forks_are_not_marked() -> None:
    assert "set here" not in shown("set H[0, 1] = 3", "seek end", "print Y")
    assert "set here" not in shown("set H[0, 1] = 3", "switch 0", "seek H")
    assert "set here" not in shown("set H[0, 1] = 3", "seek end", "print dH")
