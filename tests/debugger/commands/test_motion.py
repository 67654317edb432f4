"""Every motion, forwards and backwards in time, on nested blocks, a loop, fan-out and two iterations of training."""

from __future__ import annotations

import pytest

from bpdebug.debugger import State, open_session, update
from bpdebug.errors import BpdebugError
from bpdebug.scenario import load
from bpdebug.views import view
from bpdebug.views.place import place_data
from tests.lessons import WALK, session

N = 42
"""Events of WALK (see there for their names); position 42 is the end."""
LOOP = WALK.splitlines().index("    h = h @ W2") + 1


def at(state: State) -> tuple[int, int, str]:
    """Where a session stands, and why: event, part, reason."""
    return state.cursor, state.part, state.stopped


def walk(*lines: str) -> tuple[int, int, str]:
    return at(session(WALK, *lines))


def path(line: str, *before: str, times: int = 6) -> list[int]:
    """Where a motion leads, again and again, until it leads nowhere."""
    state, found = session(WALK, *before), []
    for _ in range(times):
        state = update(state, line)
        found.append(state.cursor)
    return found


def refused(line: str, *before: str) -> BpdebugError:
    state = session(WALK, *before)
    with pytest.raises(BpdebugError) as caught:
        update(state, line)
    return caught.value


def test_a_session_begins_at_the_first_event() -> None:
    assert walk() == (0, 0, "begin")


# --- step


def test_step_is_one_event_entering_blocks() -> None:
    assert path("step") == [1, 2, 3, 4, 5, 6]
    assert walk("step") == (1, 0, "step")
    assert walk("seek 20", "step") == (21, 0, "step")


def test_step_takes_a_count() -> None:
    assert walk("step 5") == (5, 0, "step")
    assert walk("s 41") == (41, 0, "step")
    assert walk("seek 9", "reverse-step 5") == (4, 0, "step")
    assert walk("step 0") == (0, 0, "step")


def test_motions_that_can_go_no_further_stop_at_begin_or_end() -> None:
    assert walk("step 42") == (N, 0, "end")
    assert walk("step 999999999999") == (N, 0, "end")
    assert walk("seek end", "step") == (N, 0, "end")
    assert walk("seek 41", "step") == (N, 0, "end")
    assert walk("reverse-step") == (0, 0, "begin")
    assert walk("seek 3", "reverse-step 9") == (0, 0, "begin")
    for motion in ("step", "next", "stepi", "finish", "continue"):
        assert walk("seek end", motion) == (N, 0, "end")
        assert walk(f"reverse-{motion}") == (0, 0, "begin")
        assert walk(f"{motion} 1000000") == (N, 0, "end")
        assert walk("seek end", f"reverse-{motion} 1000000") == (0, 0, "begin")


def test_the_end_is_a_position_of_its_own_with_the_last_iteration() -> None:
    data = place_data(session(WALK, "seek end"))
    assert data == {
        "event": N, "of": N, "phase": "end", "node": None, "op": None, "line": None, "iteration": 1, "part": None,
    }  # fmt: skip


def test_stepping_back_from_the_end_shows_the_last_event() -> None:
    assert walk("seek end", "reverse-step") == (41, 0, "step")


# --- next


def test_next_passes_over_deeper_blocks_and_leaves_its_own() -> None:
    """In above1.inner1, then its sibling above1.inner2, then above1 itself, then the program."""
    assert path("next") == [1, 2, 3, 4, 5, 6]
    assert walk("seek 6", "next") == (12, 0, "step")  # over all of head, on its way forth and back
    assert walk("seek 13", "next") == (19, 0, "step")  # over all of above1, with both its inner blocks


def test_next_in_a_block_passes_over_the_blocks_in_it() -> None:
    """From H backwards, which is in above1, both inner blocks lie deeper; what comes after them is outside."""
    assert walk("seek 14", "next") == (19, 0, "step")


def test_next_goes_to_the_end_where_nothing_but_deeper_blocks_is_left() -> None:
    assert walk("seek 34", "next") == (40, 0, "step")
    assert path("next", "seek 40") == [41, N, N, N, N, N]


def test_reverse_next_passes_over_deeper_blocks_back_in_time() -> None:
    assert walk("seek 19", "reverse-next") == (13, 0, "step")
    assert walk("seek 12", "reverse-next") == (6, 0, "step")
    assert walk("seek 4", "reverse-next") == (0, 0, "step")  # a deeper block at the very beginning
    assert path("rn", "seek 4") == [0, 0, 0, 0, 0, 0]
    assert walk("seek end", "reverse-next") == (41, 0, "step")


def test_next_takes_a_count() -> None:
    assert walk("seek 5", "next 3") == (13, 0, "step")
    assert walk("seek 13", "reverse-next 3") == (5, 0, "step")


# --- stepi


def test_stepi_walks_the_parts_of_a_rule_and_then_the_next_event() -> None:
    """h's backward: Wᵀ, the product, the accumulation, and the same for W2."""
    state = session(WALK, "seek 13")
    places = []
    for _ in range(8):
        state = update(state, "stepi")
        places.append((state.cursor, state.part))
    assert places == [(13, 1), (13, 2), (13, 3), (13, 4), (13, 5), (13, 6), (14, 0), (14, 1)]


def test_a_part_is_told_with_its_number_its_operand_and_its_text() -> None:
    data = place_data(session(WALK, "seek 13", "stepi 3"))
    assert data["part"] == {"index": 3, "of": 6, "to": "H", "text": "∂H + ∂h @ W2ᵀ"}
    assert data["event"] == 13
    assert place_data(session(WALK, "seek 13"))["part"] is None


def test_events_without_parts_are_one_stop_each() -> None:
    assert walk("stepi 3") == (3, 0, "step")
    assert walk("seek 9", "stepi") == (10, 0, "step"), "the seed"


def test_an_update_has_the_parts_of_its_rule() -> None:
    assert walk("seek 19", "stepi 2") == (19, 2, "step")
    assert walk("seek 19", "stepi 3") == (20, 0, "step")
    data = place_data(session(WALK, "seek 19", "stepi 2"))
    assert data["part"] == {"index": 2, "of": 2, "to": "W1", "text": "W1 = W1 - lr * ∂W1"}


def test_reverse_stepi_goes_to_the_last_part_of_the_event_before() -> None:
    assert walk("seek 14", "reverse-stepi") == (13, 6, "step")
    assert walk("seek 13", "stepi 2", "reverse-stepi") == (13, 1, "step")
    assert walk("seek 13", "stepi", "reverse-stepi") == (13, 0, "step")
    assert walk("seek end", "reverse-stepi") == (41, 2, "step")


def test_stepi_takes_a_count_and_goes_on_through_events() -> None:
    assert walk("seek 10", "stepi 7") == (12, 1, "step")
    assert walk("seek 12", "stepi", "reverse-stepi 7") == (10, 0, "step")


def test_later_parts_are_hidden_and_earlier_ones_stay() -> None:
    rows = [view(session(WALK, "seek 12", f"stepi {k}")).to_text() for k in (1, 2)]
    assert "part 1 of 4" in rows[0]
    assert "W2ᵀ  2×2" in rows[0]
    assert "∂h  3×2" not in rows[0]
    assert "W2ᵀ  2×2" in rows[1]
    assert "∂h  3×2" in rows[1]


def test_a_whole_step_leaves_the_parts() -> None:
    assert walk("seek 12", "stepi 2", "step") == (13, 0, "step")
    assert walk("seek 12", "stepi 2", "reverse-step") == (11, 0, "step")
    assert walk("seek 12", "stepi 2", "seek 12") == (12, 0, "step")


def test_a_count_of_nothing_stays_and_shows_the_event() -> None:
    for motion in ("step", "next", "stepi", "finish", "continue"):
        state = session(WALK, "seek 5", "info tensors", f"{motion} 0")
        assert (state.cursor, state.view.name) == (5, "event")


# --- finish


def test_finish_goes_to_the_end_of_the_block_then_of_those_around_it_then_of_the_pass() -> None:
    assert path("finish", times=5) == [1, 4, 8, 9, 10]


def test_finish_stays_within_its_phase_and_iteration() -> None:
    assert path("finish", "seek 11", times=4) == [18, 19, 20, 21]


def test_reverse_finish_goes_to_the_beginning_of_the_block() -> None:
    assert path("reverse-finish", "seek 3", times=3) == [2, 0, 0]
    assert path("reverse-finish", "seek 18", times=4) == [17, 14, 10, 9]


def test_finish_takes_a_count() -> None:
    assert walk("finish 3") == (8, 0, "step")


# --- continue, until


def test_continue_without_stops_runs_to_the_end_and_back_to_the_beginning() -> None:
    assert walk("continue") == (N, 0, "end")
    assert walk("seek 9", "reverse-continue") == (0, 0, "begin")


def test_continue_stops_at_breakpoints_in_every_iteration() -> None:
    assert walk("break h@bwd", "continue") == (13, 0, "breakpoint 1")
    assert walk("break h@bwd", "continue 2") == (34, 0, "breakpoint 1")
    assert walk("break h@bwd", "continue 3") == (N, 0, "end")
    assert walk("break h@bwd", "seek end", "reverse-continue") == (34, 0, "breakpoint 1")
    assert walk("break h@bwd%1", "continue") == (34, 0, "breakpoint 1")


def test_continue_leaves_the_breakpoint_it_stands_on() -> None:
    assert walk("break #5", "seek 5", "continue") == (N, 0, "end")
    assert walk("break #5", "seek 5", "reverse-continue") == (0, 0, "begin")


def test_until_runs_to_the_next_event_of_a_location() -> None:
    assert walk("until W2@upd") == (20, 0, "step")
    assert walk("seek 20", "until W2@upd") == (41, 0, "step")
    assert walk("seek end", "rev until h") == (34, 0, "step")


def test_until_stops_at_a_breakpoint_on_the_way_and_at_one_on_its_goal() -> None:
    assert walk("break h.1@bwd", "until h@bwd") == (12, 0, "breakpoint 1")
    assert walk("break h@bwd", "until h@bwd") == (13, 0, "breakpoint 1")
    assert walk("break H@bwd", "until h@bwd") == (13, 0, "step")


def test_until_refuses_what_does_not_lie_ahead() -> None:
    assert "does not lie ahead" in str(refused("until H%0", "seek 20"))
    assert "does not lie behind" in str(refused("rev until H", "seek 2"))


# --- seek, restart, rev


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        ("H", 4), ("H@bwd", 14), ("H@bwd%1", 35), ("L@seed", 9), ("W1", 18), ("W1@bwd", 18), ("W1@upd", 19),
        ("W1@upd%1", 40), ("matmul@bwd", 12), (f":{LOOP}", 5), ("above1.", 0), ("above1.@bwd", 14),
        ("above1.inner*@bwd", 16),
        ("head.", 7), ("/inner2/", 2), ("#17", 17), ("17", 17), ("0%", 0), ("50%", 21), ("0", 0), ("unused@bwd", None),
    ],
)  # fmt: skip
def test_seek_goes_to_the_first_event_of_a_place(place: str, wanted: int | None) -> None:
    if wanted is None:
        assert refused(f"seek {place}").code == "E_EXPR"
    else:
        assert walk("seek 30", f"seek {place}") == (wanted, 0, "step")


def test_seek_begin_and_end_say_so() -> None:
    assert walk("seek 7", "seek begin") == (0, 0, "begin")
    assert walk("seek end") == (N, 0, "end")
    assert walk("seek 42") == (N, 0, "end")
    assert walk("seek 100%") == (N, 0, "end")


@pytest.mark.parametrize(
    "place", ["43", "#42", "#43", "101%", "-1", "1.5", "nosuch", "H@nowhere", "H%2", "", "999999999999999"]
)
def test_seek_refuses_what_is_no_place(place: str) -> None:
    error = refused(f"seek {place}")
    assert error.code in ("E_COMMAND", "E_EXPR")
    assert error.hint


def test_restart_goes_to_the_beginning_and_keeps_breakpoints() -> None:
    state = session(WALK, "break h@bwd", "continue", "restart")
    assert at(state) == (0, 0, "begin")
    assert [b.number for b in state.breakpoints] == [1]


SHORT = {"step": "s", "next": "nex", "stepi": "si", "finish": "fin", "continue": "cont"}


@pytest.mark.parametrize("motion", SHORT)
def test_rev_is_the_reverse_of_a_motion_under_any_of_its_names(motion: str) -> None:
    start = ("break h@bwd", "break H", "seek 18")
    wanted = walk(*start, f"reverse-{motion}")
    assert walk(*start, f"rev {motion}") == wanted
    assert walk(*start, f"rev {motion} 1") == wanted
    assert walk(*start, f"rev {SHORT[motion]}") == wanted


def test_rev_refuses_what_is_no_motion() -> None:
    assert "no reverse" in str(refused("rev print 1"))
    assert "takes a motion" in str(refused("rev"))
    assert refused("rev nosuch").code == "E_COMMAND"


# --- the same graph without training, the smallest graphs


def test_a_graph_of_one_node_has_three_events_and_an_end() -> None:
    text = 'format = 1\n[inputs]\nX = [1.0]\n[graph]\nincoming = { Y = "ones" }\nprogram = "Y = X * 2"\n'
    places = [update_all(text, "step", k) for k in range(5)]
    assert places == [(0, "begin"), (1, "step"), (2, "step"), (3, "end"), (3, "end")]


def update_all(text: str, line: str, times: int) -> tuple[int, str]:
    state = session(text)
    for _ in range(times):
        state = update(state, line)
    return state.cursor, state.stopped


def test_a_note_without_a_place_is_refused_when_the_session_opens() -> None:
    found = load(WALK.replace("[train]", '[notes]\n"nosuch@bwd" = "hello"\n\n[train]'))
    with pytest.raises(BpdebugError, match="has no place") as caught:
        open_session(found)
    assert caught.value.code == "E_NAME"
