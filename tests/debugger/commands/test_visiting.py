"""Places visited, bookmarks, and the stack of blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.debugger import update
from bpdebug.errors import BpdebugError
from bpdebug.views import view
from tests.graphs import examples
from tests.lessons import WALK, said, session


def refused(*lines: str) -> BpdebugError:
    state = session(WALK, *lines[:-1])
    with pytest.raises(BpdebugError) as caught:
        update(state, lines[-1])
    assert caught.value.code == "E_COMMAND"
    return caught.value


def test_back_and_forward_are_a_browsers() -> None:
    state = session(WALK, "seek 13", "stepi 2", "seek end", "back")
    assert (state.cursor, state.part) == (13, 2)
    state = update(state, "back")
    assert (state.cursor, state.part) == (13, 0)
    state = update(update(state, "forward"), "forward")
    assert state.cursor == 42
    state = session(WALK, "seek 5", "seek 9", "back", "step")
    assert state.cursor == 6
    with pytest.raises(BpdebugError):
        update(state, "forward")  # a new way was taken


def test_what_does_not_move_is_no_place_visited() -> None:
    state = session(WALK, "seek 5", "print X", "info tensors", "step 0", "back")
    assert state.cursor == 0


def test_where_no_place_lies_it_is_said() -> None:
    assert refused("back").hint
    assert refused("forward").hint
    assert refused("step", "back", "back").hint


@examples(60)
@given(
    st.lists(
        st.sampled_from(["step", "seek 13", "stepi", "seek end", "reverse-step", "finish", "seek 30", "restart"]),
        max_size=8,
    )
)
def test_going_back_shows_every_place_in_reverse_and_forward_again(lines: list[str]) -> None:
    state, places = session(WALK), [(0, 0)]
    for line in lines:
        state = update(state, line)
        if (state.cursor, state.part) != places[-1]:
            places.append((state.cursor, state.part))
    seen = [(state.cursor, state.part)]
    while state.behind:
        state = update(state, "back")
        seen.append((state.cursor, state.part))
    assert seen == places[::-1]
    while state.ahead:
        state = update(state, "forward")
    assert (state.cursor, state.part) == places[-1]


def test_bookmarks_have_numbers_and_notes() -> None:
    state = session(WALK, "seek 13", "mark the fork", "seek end", "mark", "marks")
    assert [(m.number, m.cursor, m.note) for m in state.marks] == [(1, 13, "the fork"), (2, 42, "")]
    rows = view(state).to_data()["rows"]
    assert [row["note"] for row in rows] == ["the fork", ""]
    assert said(WALK, "mark") == "mark 1 at event 0"


def test_the_stack_of_blocks_is_walked_up_and_down() -> None:
    state = session(WALK, "up")
    assert view(state).to_data()["frame"] == 1
    assert view(update(state, "up")).to_data()["frame"] == 2
    assert view(update(update(state, "up"), "down 2")).to_data()["frame"] == 0
    assert refused("up 3").hint == "where shows them all"
    assert refused("down").hint
    assert session(WALK, "up", "step").frame == 0


def test_the_frame_is_marked() -> None:
    lines = said(WALK, "up").splitlines()
    assert [line.split()[-1] for line in lines if "▶" in line] == ["above1"]
