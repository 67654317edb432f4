"""Breakpoints: made, told, hit, taken away."""

from __future__ import annotations

import numpy as np
import pytest

from bpdebug.debugger import update
from bpdebug.errors import BpdebugError
from bpdebug.views import view
from tests.lessons import WALK, said, session


def refused(*lines: str) -> BpdebugError:
    state = session(WALK, *lines[:-1])
    with pytest.raises(BpdebugError) as caught:
        update(state, lines[-1])
    return caught.value


def test_a_breakpoint_is_told_with_its_number_its_place_and_its_events_in_all_iterations() -> None:
    assert said(WALK, "break H@bwd") == "breakpoint 1 at H@bwd: 2 events"
    assert said(WALK, "break H@bwd%1") == "breakpoint 1 at H@bwd%1: 1 event"
    assert said(WALK, "b #3", "b matmul") == "breakpoint 2 at matmul: 16 events"


def test_numbers_go_on_where_breakpoints_were_taken_away() -> None:
    state = session(WALK, "b #1", "b #2", "delete 1", "b #3")
    assert [b.number for b in state.breakpoints] == [2, 3]


def test_a_breakpoint_counts_its_hits() -> None:
    state = session(WALK, "b H", "continue", "continue", "reverse-continue")
    assert state.breakpoints[0].hits == 3


def test_of_two_breakpoints_at_one_event_the_first_is_told() -> None:
    assert session(WALK, "b H@fwd", "b #4", "continue").stopped == "breakpoint 1"


def test_break_alone_is_a_switch_at_the_event_under_the_cursor() -> None:
    state = session(WALK, "seek 13", "break")
    assert [b.location for b in state.breakpoints] == ["h@bwd"]
    assert update(state, "break").breakpoints == ()
    assert [b.location for b in session(WALK, "seek 9", "break").breakpoints] == ["L@seed"]
    assert [b.location for b in session(WALK, "seek 19", "break").breakpoints] == ["W1@upd"]
    assert "no event here" in str(refused("seek end", "break"))


def test_breakpoints_are_taken_away_by_number_or_all_at_once() -> None:
    assert said(WALK, "b #1", "b #2", "delete 2") == "1 breakpoint deleted"
    assert said(WALK, "b #1", "b #2", "delete") == "2 breakpoints deleted"
    assert said(WALK, "delete") == "0 breakpoints deleted"
    assert session(WALK, "b #1", "b #2", "delete 1 2").breakpoints == ()


@pytest.mark.parametrize("word", ["2", "0", "x", "-1", "1.0", "²", "1" * 30])
def test_a_number_that_is_no_breakpoint_is_refused(word: str) -> None:
    error = refused("b #1", f"delete {word}")
    assert error.code == "E_COMMAND"
    assert error.hint == "there are: 1"


@pytest.mark.parametrize("place", ["nosuch", "H@nowhere", "#42", ":1", "X@fwd", "unused@bwd", "/(/", "b?", "nosuch."])
def test_a_breakpoint_nowhere_is_refused(place: str) -> None:
    error = refused(f"break {place}")
    assert error.code == "E_EXPR"
    assert error.column is not None


def test_breakpoints_are_listed_and_marked_in_the_program() -> None:
    report = view(session(WALK, "b H@bwd", "continue", "info breakpoints"))
    row = report.to_data()["rows"][0]
    assert (row["number"], row["location"], row["hits"]) == ("1", "H@bwd", "1")
    listed = said(WALK, "b h.1", "list h")
    marked = [line for line in listed.splitlines() if "●" in line]
    assert len(marked) == 1
    assert "h = h @ W2" in marked[0]


def test_the_event_under_the_cursor_is_no_stop_but_the_one_before_and_after() -> None:
    state = session(WALK, "b h@fwd", "b h.1@fwd", "continue")
    assert state.cursor == 5
    state = update(state, "continue")
    assert (state.cursor, state.stopped) == (6, "breakpoint 2")
    state = update(state, "reverse-continue")
    assert (state.cursor, state.stopped) == (5, "breakpoint 1")


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ("norm( ∂H ) > 0.01", "norm( ∂H ) = {norm}"),
        ("0.01 < norm(dH) <= 1e9 and not event == 3", "norm(dH) = {norm}, event = 14"),
        ("(W1[0,0]  + 1) ** 2 > 0 or max(abs(W1)) > (3 - 1)", "(W1[0,0]  + 1) ** 2 = 2.25, max(abs(W1)) = 0.5"),
        ('phase == "backward"', "phase = backward"),
        ("H.shape == (3, 2)", "H.shape = (3, 2)"),
        ("W1.T[0:1].T[1, 0] == W1[1, 0]", "W1.T[0:1].T[1, 0] = 0.25, W1[1, 0] = 0.25"),
    ],
)  # fmt: skip
def test_a_conditional_stop_says_the_values_that_met_the_condition(condition: str, values: str) -> None:
    state = session(WALK, f"break H@bwd if {condition}", "continue")
    assert (state.cursor, state.stopped) == (14, "breakpoint 1")
    norm = np.linalg.norm(np.asarray(state.timeline.grad("H", 14)))
    assert state.detail == f"{values.format(norm=f'{norm:.6g}')} meets {condition}"


@pytest.mark.parametrize(
    ("condition", "detail"), [(" if 1 > 0", "1 > 0 is so"), (" if sum(X)", "sum(X) is so"), ("", "")]
)
def test_a_stop_says_no_values_where_nothing_was_compared(condition: str, detail: str) -> None:
    assert session(WALK, f"break H@bwd{condition}", "continue").detail == detail
