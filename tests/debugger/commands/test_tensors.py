"""Commands about one tensor: numbers, cells in a range, neighbours, displays; and what-if."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bpdebug.debugger import open_session, update
from bpdebug.debugger.commands import tensors
from bpdebug.debugger.ranges import parse_range
from bpdebug.errors import BpdebugError
from bpdebug.views import view
from tests.graphs import examples
from tests.lessons import FAULTY, PLAIN, WALK, said, scenario, session


def refused(name: str, *lines: str) -> BpdebugError:
    state = session(name, *lines[:-1])
    with pytest.raises(BpdebugError) as caught:
        update(state, lines[-1])
    return caught.value


# --- stats, whatis


def test_stats_are_those_of_print() -> None:
    assert said(PLAIN, "stats X") == said(PLAIN, "print/s X")
    assert view(session(PLAIN, "stats X")).to_data()["stats"].mean == 3.5
    assert said(PLAIN, "stats dX") == "dX: not computed yet"


@pytest.mark.parametrize(
    ("text", "shape", "dtype", "status", "made"),
    [
        ("Z", [2, 2], "float64", "value", "Z = X @ W"), ("X", [2, 3], "float64", "value", "input"),
        ("W", [3, 2], "float64", "value", "parameter"), ("ids", [3], "int64", "value", "input"),
        ("Y", [2, 2], "float64", "not-computed", "Y = Z + b"), ("dX", [2, 3], "float64", "not-computed", None),
        ("dalone", [2], "float64", "no-path", None), ("X > 1", [2, 3], "bool", "value", None),
        ("X.shape", None, None, "value", None),
    ],
)  # fmt: skip
def test_whatis_tells_what_is_known_whether_it_is_computed_or_not(
    text: str, shape: list[int] | None, dtype: str | None, status: str, made: str | None
) -> None:
    data = view(session(PLAIN, f"whatis {text}")).to_data()
    assert (data["shape"], data["dtype"], data["status"], data["from"]) == (shape, dtype, status, made)


# --- cells in a range


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("> 2", [3, 4, 6]), (">2", [3, 4, 6]), (">= 2", [2, 3, 4, 6]), ("< 2", [1, 5]), ("<= 2", [1, 2, 5]),
        ("[2, 3]", [2, 3]),
        ("[-1, 1]", [1, 5]), ("nan", [0]), ("inf", [6]), ("zero", [5]), ("> 1e300", [6]), ("[−1, −0.5]", []),
        ("max", [6]), ("min", [5]), ("at 3", [3]), ("at -1", [6]), ("at −2", [5]),
    ],
)  # fmt: skip
def test_ranges(text: str, cells: list[int]) -> None:
    array = np.array([np.nan, 1.0, 2.0, 3.0, 4.0, 0.0, np.inf])
    assert np.flatnonzero(parse_range(text).mask(array)).tolist() == cells


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "> x",
        "[1]",
        "[2, 1]",
        "[1, 2, 3]",
        "=2",
        "> nan",
        "[nan, 1]",
        "> " + "9" * 100,
        "at",
        "at x",
        "maximum",
    ],
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(BpdebugError) as caught:
        parse_range(text)
    assert caught.value.code == "E_COMMAND"


def test_cells_in_a_range_are_listed_and_found_one_by_one() -> None:
    data = view(session(PLAIN, "highlight X > 4")).to_data()
    assert (data["count"], data["cells"]) == (2, [{"cell": [1, 1], "value": 5.0}, {"cell": [1, 2], "value": 6.0}])
    state = session(PLAIN, "highlight X > 4")
    found = []
    for _ in range(3):
        state = update(state, "find")
        found.append(view(state).to_data()["at"])
    assert found == [[1, 1], [1, 2], [1, 1]]  # and from the beginning again


def test_a_range_holds_for_expressions_gradients_and_numbers() -> None:
    assert view(session(PLAIN, "highlight X[0] * 2 >= 4")).to_data()["count"] == 2
    assert view(session(PLAIN, "highlight X [2, 3]")).to_data()["count"] == 2
    assert said(PLAIN, "highlight dX > 0") == "dX: not computed yet"
    assert said(PLAIN, "seek end", "highlight L > -1000").splitlines()[1].split()[0] == "L"
    assert view(session(FAULTY, "highlight u inf")).to_data()["cells"] == [{"cell": [1], "value": np.inf}]
    assert '"value":"inf"' in view(session(FAULTY, "highlight u inf")).to_json()


def test_find_alone_asks_for_a_range_and_takes_the_tensor_at_hand() -> None:
    assert refused(PLAIN, "find").hint
    assert view(session(PLAIN, "find > 0")).to_data()["expr"] == "Z"
    assert refused(PLAIN, "seek end", "find > 0").hint == "name one: find dW > 0"
    assert refused(PLAIN, "seek end", "find nan").hint == "name one: find dW nan"


@pytest.mark.parametrize("line", ["find > 1", "find nan", "find max", "find min", "find [-1, 0.2]", "find zero"])
def test_find_comes_to_every_cell_in_the_order_of_numpy(line: str) -> None:
    array = np.random.default_rng(4).normal(size=(3, 4, 5)).round(1)
    array[1, 2, 3] = array[2, 0, 0] = np.nan
    finite = array[~np.isnan(array)]
    right = {
        "find > 1": array > 1, "find nan": np.isnan(array), "find max": array == finite.max(),
        "find min": array == finite.min(), "find [-1, 0.2]": (array >= -1) & (array <= 0.2), "find zero": array == 0,
    }[line]  # fmt: skip
    state = session(PLAIN, "seek begin")
    value = replace(state.value("Z"), array=array, shape=array.shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensors, "value_of", lambda *_: value)
        cells = [tuple(map(int, c)) for c in np.argwhere(right)]
        for cell in (*cells, *cells[:1]):
            state = update(state, line if cell == cells[0] else "find")
            assert view(state).to_data()["at"] == list(cell)


def test_find_takes_a_tensor_and_an_index() -> None:
    state = session(PLAIN, "find X max")
    assert (view(state).to_data()["expr"], view(state).to_data()["at"]) == ("X", [1, 2])
    state = update(state, "find X at 0, 1")
    assert view(state).to_data()["cells"] == [{"cell": [0, 1], "value": 2.0}]
    assert "1 cell of X at 0,1, of 6" in view(state).to_text()
    assert view(update(state, "find")).to_data()["at"] == [1, 2]  # still of what was looked for
    for line in ("find X at 2, 0", "find X at 1", "find X at 0, 0, 0"):
        assert refused(PLAIN, line).hint == "an index for each axis: at 2,0"


# --- neighbours


def test_neighbours_are_those_of_the_graph() -> None:
    def names(line: str, at: str = "seek 0") -> list[str]:
        return [row["name"] for row in view(session(WALK, at, line)).to_data()["rows"]]

    assert names("inputs H") == ["above1.r", "X"]
    assert names("outputs H") == ["h", "head.mul1"]
    assert names("outputs L") == []
    assert names("inputs X") == []
    assert names("inputs") == ["X", "W1"]
    assert set(names("inputs -r h")) == {
        "H",
        "W2",
        "above1.r",
        "X",
        "above1.inner2.p",
        "above1.q",
        "W1",
        "above1.inner1.p",
    }
    assert set(names("outputs -r h")) == {"h.1", "head.mul1", "L"}
    assert refused(WALK, "inputs nosuch").hint
    assert refused(WALK, "seek end", "inputs").hint
    assert refused(WALK, "inputs H h").hint


# --- displays


def test_displays_are_shown_with_their_state_at_every_stop() -> None:
    state = session(WALK, "display norm(dH)", "display H[0]", "display dunused", "display H.shape")
    data = view(update(state, "display 1")).to_data()
    assert data["kind"] == "displays"
    assert [d.number for d in state.displays] == [1, 2, 3, 4]
    assert said(WALK, "display norm(dH)") == "1: norm(dH)  not computed yet"
    assert said(WALK, "display dunused") == "1: dunused  no path to an output"
    assert said(WALK, "seek 11", "display dH").startswith("  1: dH (so far)  3×2")


def test_displays_are_taken_away_by_number() -> None:
    state = session(WALK, "display X", "display H", "undisplay 1")
    assert [d.text for d in state.displays] == ["H"]
    assert update(state, "undisplay").displays == ()
    for word in ("9", "x", "²", "-1"):
        assert refused(WALK, "display X", f"undisplay {word}").hint == "there are: 1"
    assert refused(WALK, "display nosuch").code == "E_EXPR"


# --- what if


def test_a_fork_overrides_a_tensor_and_the_scenario_stays_as_it_was() -> None:
    state = session(WALK, "seek 13", "set H[0, 0] = 7")
    assert (state.cursor, state.fork) == (13, 1)
    assert state.timeline.value("H", 13)[0, 0] == 7
    fresh = session(WALK).timeline
    there = update(state, "switch 0")
    np.testing.assert_array_equal(there.timeline.value("H"), fresh.value("H"))
    np.testing.assert_array_equal(state.timeline.value("above1.r", 13), fresh.value("above1.r", 13))
    assert [row["number"] for row in view(update(state, "forks")).to_data()["rows"]] == ["0", "1"]


@pytest.mark.parametrize("value", ["'a'", "H.shape"])
def test_what_is_no_number_is_not_said_to_be_missing(value: str) -> None:
    error = refused(WALK, f"set H = {value}")
    assert (error.code, error.message) == ("E_EXPR", f"{value} is no number and no tensor")


def test_a_fork_overrides_a_gradient_and_a_rule() -> None:
    state = session(WALK, "set dh = 0")
    assert not state.timeline.grad("h", 13).any()  # type: ignore[union-attr]
    state = session("square_trap", "set rule Y@bwd X = dY @ W")
    plain = session("square_trap").timeline
    given, right = state.timeline.grad("X"), plain.grad("X")
    assert given is not None
    assert right is not None
    np.testing.assert_array_equal(given, np.asarray(plain.grad("Y")) @ plain.value("W"))
    assert not np.array_equal(given, right)


@pytest.mark.parametrize(
    "line",
    [
        "set", "set H", "set H =", "set = 1", "set nosuch = 1", "set H = X.T", "set H[9, 9] = 1", "set dunused = 1",
        "set H == 1", "set rule Y@bwd X", "set rule H@bwd nosuch = dH", "set rule H@bwd X = dH @ dH", "switch 1",
        "switch", "switch x", "set h = dH", "set H.T = 1", "set 1 = 2", "set H = 'a'",
    ],
)  # fmt: skip
def test_what_cannot_be_overridden_is_refused_and_makes_no_fork(line: str) -> None:
    error = refused(WALK, line)
    assert error.code in ("E_COMMAND", "E_EXPR", "E_NAME", "E_SHAPE")
    assert session(WALK).forks == ()


@examples(25)
@given(st.floats(-10, 10), st.integers(0, 42))
def test_a_fork_and_its_parent_share_everything_up_to_the_first_event_that_depends_on_it(value: float, at: int) -> None:
    state = session(WALK, f"seek {at}")
    made = update(state, f"set h[0, 0] = {value!r}")
    first = made.timeline.schedule.index_of(
        "forward", made.timeline.graph.index["h"], made.timeline.schedule.iteration_at(at)
    )
    assert first is not None
    for k in range(first):
        np.testing.assert_array_equal(made.timeline.event(k).value, state.timeline.event(k).value)
    assert made.timeline.event(first).value[0, 0] == value
    assert made.cursor == at


@pytest.mark.parametrize(
    "rule",
    [
        "1/0 * dY", "dY * (1 - 1) / (2 - 2) / 0", "2**99999999 * dY", "10**10**10 * dY", "dY * (-1)**0.5", "dY[0:1:0]",
        "dY[5]", "sum(dY, axis=9)", "3", "nope", "+".join(["dY"] * 3000), "-" * 3000 + "dY",
    ],
    ids=lambda rule: rule[:20],
)  # fmt: skip
def test_a_rule_that_cannot_be_is_refused_in_words(rule: str) -> None:
    state = open_session(scenario("two_layer"))
    with pytest.raises(BpdebugError):
        update(state, f"set rule Y@bwd H = {rule}")
