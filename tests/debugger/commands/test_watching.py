"""Stops that ask more than where: conditions, watches, catches, tracepoints, and what is said of them by number."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.debugger import State, open_session, update
from bpdebug.errors import BpdebugError
from bpdebug.expression import Scope, evaluate, holds, parse
from bpdebug.scenario import load
from bpdebug.views import view
from tests.debugger.commands.test_motion_laws import Blocked, blocked
from tests.graphs import examples
from tests.lessons import FAULTY, NAMES, WALK, said, scenario, session


def forth(state: State) -> list[int]:
    """Every event at which `continue` stops, from the beginning on."""
    found, at = [], update(state, "seek begin")
    while (at := update(at, "continue")).stopped != "end":
        found.append(at.cursor)
    return found


def back(state: State) -> list[int]:
    """Every event at which `reverse-continue` stops, from the end on, in the order of time."""
    found, at = [], update(state, "seek end")
    while (at := update(at, "reverse-continue")).stopped != "begin":
        found.append(at.cursor)
    return found[::-1]


def refused(*lines: str) -> BpdebugError:
    state = session(WALK, *lines[:-1])
    with pytest.raises(BpdebugError) as caught:
        update(state, lines[-1])
    return caught.value


# --- watch


def changed(state: State, text: str) -> list[int]:
    """The events after which an expression is not what it was before, found by asking at every one."""
    expression, timeline = parse(text), state.timeline
    values = [evaluate(expression, Scope(timeline, k)) for k in range(len(timeline))]
    return [k for k in range(1, len(values)) if not values[k].same(values[k - 1])]


@pytest.mark.parametrize(
    "text",
    [
        "dX", "H", "dH", "W1", "W1[0, 0]", "norm(dW1)", "norm(dW1) > 0", "H - h", "dH.T @ H", "dunused", "X", "1 + 1",
        "L", "dL", "H.shape", "h + h.1", "W1 - dW1", "max(dh.1)",
    ],
)  # fmt: skip
def test_a_watch_stops_where_the_value_changes_and_nowhere_else_in_both_directions(text: str) -> None:
    state = session(WALK, f"watch {text}")
    wanted = changed(state, text)
    assert forth(state) == wanted
    assert back(state) == wanted


@examples(25)
@given(blocked(), st.data())
def test_a_watch_on_any_tensor_of_any_graph_misses_no_change(graph: Blocked, data: st.DataObject) -> None:
    state = graph.session()
    name = data.draw(st.sampled_from(state.timeline.graph.names))
    text = data.draw(st.sampled_from([name, f"d{name}", f"norm({name})", f"sum(d{name}) + sum({name})"]))
    try:
        state = update(state, f"watch {text}")
    except BpdebugError:
        return  # integers have no norm to speak of, and names like .mask no d
    wanted = changed(state, text)
    assert forth(state) == wanted
    assert back(state) == wanted


def test_a_watch_says_what_it_was_and_what_it_is() -> None:
    state = session(WALK, "watch W1[0, 0]", "continue")
    assert state.stopped == "watch 1"
    assert state.cursor == 19
    before, after = (float(state.timeline.value("W1", k)[0, 0]) for k in (18, 19))
    assert state.detail == f"W1[0, 0]: {before:.6g} → {after:.6g}"


def test_who_last_changed_this_gradient() -> None:
    state = session(WALK, "seek 20", "watch dX", "reverse-continue")
    assert (state.cursor, state.stopped) == (18, "watch 1")


# --- conditions


@pytest.mark.parametrize(
    "condition",
    [
        "event > 10", "phase == 'backward'", "op == 'matmul' and iteration == 1", "norm(out) > 2", "norm(grad) < 1",
        "rank(out) == 0", "node == 'h'", "any(out < 0)", "not (event > 20)", "isnan(sum(out))", "dX[0, 0] > 0",
    ],
)  # fmt: skip
def test_a_condition_is_put_to_every_event_of_its_place(condition: str) -> None:
    state = session(WALK, f"break * if {condition}")
    timeline, expression = state.timeline, parse(condition)
    b = state.breakpoints[0]
    assert b.stops is not None
    wanted = [k for k in b.stops if k and holds(expression, Scope(timeline, k, timeline.event(k)))]
    assert [k for k in forth(state) if k] == wanted
    assert [k for k in back(state) if k] == wanted


def test_a_condition_that_cannot_hold_anywhere_is_refused_at_once() -> None:
    for line in (
        "break H if",
        "break H if nosuch > 1",
        "break H if dX",
        "break H if X @ X",
        "break H if (",
        "tbreak H if 1 +",
    ):
        assert refused(line).code == "E_EXPR"
        assert session(WALK).breakpoints == ()


def test_a_condition_is_changed_and_taken_away_by_number() -> None:
    state = session(WALK, "break matmul@bwd", "condition 1 iteration == 1", "continue")
    assert state.cursor == 33
    state = update(update(state, "condition 1"), "seek begin")
    assert update(state, "continue").cursor == 12
    assert "breakpoint 1 stops always" in said(WALK, "break H", "condition 1")
    assert refused("break H", "condition 1 nosuch").code == "E_EXPR"
    assert refused("condition").code == "E_COMMAND"


def test_hits_count_only_where_the_condition_holds() -> None:
    state = session(WALK, "break H if event > 10", "continue", "continue")
    assert state.breakpoints[0].hits == 2
    assert session(WALK, "break H if event > 1000", "continue").breakpoints[0].hits == 0


# --- once, ignored, disabled


def test_a_temporary_breakpoint_goes_with_its_first_hit() -> None:
    state = session(WALK, "tbreak h", "continue")
    assert (state.cursor, state.stopped, state.breakpoints) == (5, "breakpoint 1", ())
    assert "temporary" in said(WALK, "tbreak h")
    assert refused("tbreak").hint


def test_hits_are_passed_over_as_often_as_was_asked() -> None:
    state = session(WALK, "break h@fwd", "break h@bwd", "ignore 1 1", "ignore 2 1")
    assert forth(state) == [26, 34]
    state = session(WALK, "break H@fwd", "ignore 1 1", "continue")
    assert state.cursor == 25
    assert (state.breakpoints[0].hits, state.breakpoints[0].ignore) == (2, 0)
    assert refused("break H", "ignore 1").code == "E_COMMAND"
    assert refused("break H", "ignore 1 x").code == "E_COMMAND"


def test_a_disabled_stop_is_kept_and_does_not_stop() -> None:
    state = session(WALK, "break H", "break h", "disable 1", "continue")
    assert state.cursor == 5
    state = update(update(state, "enable"), "seek begin")
    assert update(state, "continue").cursor == 4
    assert "disabled" in said(WALK, "break H", "disable", "info breakpoints")


# --- tracepoints


def test_a_tracepoint_prints_and_goes_on() -> None:
    state = session(WALK, 'trace h@bwd "at {event}: {norm(dh)}, {phase}"', "continue")
    assert state.stopped == "end"
    norms = [float(np.linalg.norm(np.asarray(state.timeline.grad("h", k)))) for k in (13, 34)]
    assert list(state.printed) == [f"at {k}: {n:.6g}, backward" for k, n in zip((13, 34), norms, strict=True)]
    assert state.breakpoints[0].hits == 2


def test_what_a_tracepoint_cannot_say_is_refused_when_it_is_made() -> None:
    assert refused('trace H "{nosuch}"').code == "E_EXPR"
    assert refused("trace H").code == "E_COMMAND"
    assert refused('trace "text"').code == "E_COMMAND"
    assert session(WALK, 'trace H "plain { text"').breakpoints


# --- catch


def faults(kind: str) -> Callable[[State], list[int]]:
    return lambda s: [e.index for e in s.timeline if e.index and e.fault is not None and e.fault.kind == kind]


def phases(state: State) -> list[int]:
    places = [(e.iteration, e.phase) for e in state.timeline]
    return [k for k in range(1, len(places)) if places[k] != places[k - 1]]


def gains(below: float, above: float) -> Callable[[State], list[int]]:
    def wanted(state: State) -> list[int]:
        found = []
        for event in state.timeline:
            own = np.linalg.norm(event.value.astype(np.float64)) if event.contributions else 0.0
            norms = [float(np.linalg.norm(c.value.astype(np.float64))) for c in event.contributions if own]
            ratios = [n / float(own) for n in norms if np.isfinite(n) and np.isfinite(own)]
            if any(0 < r < below or r > above for r in ratios):
                found.append(event.index)
        return found

    return wanted


def zeros(state: State) -> list[int]:
    return [
        e.index
        for e in state.timeline
        if e.contributions and e.value.any() and not all(c.value.any() for c in e.contributions)
    ]


@pytest.mark.parametrize(
    ("what", "wanted"),
    [
        ("nan", faults("nan")), ("inf", faults("inf")), ("phase", phases), ("vanish 0.5", gains(0.5, np.inf)),
        ("explode 2.125", gains(0, 2.125)), ("vanish", gains(1e-3, np.inf)), ("explode", gains(0, 1e3)),
        ("zero-grad", zeros),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", [*NAMES, WALK, FAULTY], ids=[*NAMES, "walk", "faulty"])
def test_a_catch_stops_where_it_happens_in_both_directions(
    what: str, wanted: Callable[[State], list[int]], name: str
) -> None:
    state = update(open_session(scenario(name)), f"catch {what}")
    expected = wanted(state)
    assert forth(state) == expected
    assert [k for k in back(state) if k] == expected


def test_a_catch_says_the_threshold_and_the_value() -> None:
    state = session(WALK, "catch vanish 0.5", "continue")
    assert state.stopped == "catch vanish"
    assert "threshold 0.5" in state.detail
    state = session(FAULTY, "catch nan", "continue")
    assert state.stopped == "catch nan"
    assert "NaN in 1 cell of v, first at [1]" in state.detail


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_check_catches_the_rules_of_lessons_that_are_wrong_and_no_others(name: str) -> None:
    found = scenario(name)
    state = update(open_session(found), "catch gradcheck ;; continue")
    assert state.stopped == ("catch gradcheck" if found.rules else "end")
    assert state.event is None or state.event.name in found.rules


def test_a_rule_that_is_wrong_for_a_number_is_caught_without_a_cell() -> None:
    program = """
format = 1
title = "A wrong rule of a single number"
parameters.w = 2.0
graph = { incoming = { y = 1.0 }, program = "y = w ** 2" }
rules.y.w = "dy * w"
"""
    state = update(open_session(load(program)), "catch gradcheck ;; continue")
    assert re.match(r"the rule of w: \S+, and finite differences give ", state.detail)


@pytest.mark.parametrize(
    "line", ["catch", "catch nosuch", "catch nan 1", "catch vanish x", "catch vanish -1", "catch vanish nan"]
)
def test_what_cannot_be_caught_is_refused(line: str) -> None:
    error = refused(line)
    assert error.code == "E_COMMAND"
    assert error.hint


# --- where it holds already when it is set

BORN = """
format = 1
title = "NaN born where a session opens"

[inputs]
x = [0.0, 1.0]
y = [-1.0, 1.0]

[graph]
loss = "L"
program = '''
a = x / x
b = a * y
L = sum(b)
'''
"""


@pytest.mark.parametrize(
    ("lines", "event"),
    [
        (["catch nan"], 0), (["seek 2", "catch nan"], 0), (["seek end", "catch nan"], 0), (["catch inf"], None),
        (["catch phase"], None), (["seek L@seed", "catch phase"], 3), (["seek 4", "catch phase"], 4),
        (["seek 5", "catch phase"], None), (["seek end", "catch phase"], None), (["catch zero-grad"], None),
        (["break a if any(isnan(out))"], 0), (["break a"], None), (["break b if any(isnan(out))"], None),
        (["break a if event > 0"], None), (["break * if event == 2"], None),
        (["seek 2", "tbreak L if isnan(out)"], 2), (["break a", "condition 1 event == 0"], 0),
        (["break a", "condition 1 event == 1"], None), (["break a if event == 0", "condition 1"], None),
        (["watch any(isnan(a))"], 0), (["seek end", "watch any(isnan(dx))"], 6), (["watch any(isnan(dx))"], None),
        (["watch any(a > 5)"], None), (["seek 1", "watch b"], 1), (["seek 5", "watch da"], 5), (["watch x"], None),
    ],
)  # fmt: skip
def test_what_holds_where_the_cursor_stands_is_answered_at_once(lines: list[str], event: int | None) -> None:
    """Continuing from there passes it by: the answer is the only word of it."""
    state = session(BORN, *lines)
    text = view(state).to_text()
    name = "" if event is None else state.timeline.event(event).name
    assert text.count("already so") == (event is not None)
    assert f"already so at event {event}: {name}" in text or event is None
    assert state.cursor == session(BORN, *lines[:-1]).cursor


@pytest.mark.parametrize("name", [*NAMES, FAULTY], ids=[*NAMES, "faulty"])
@pytest.mark.parametrize("what", ["nan", "inf"])
def test_a_catch_at_any_event_knows_the_first_fault_up_to_there(name: str, what: str) -> None:
    start = open_session(scenario(name))
    born = [e.index for e in start.timeline if e.fault is not None and e.fault.kind == what]
    for at in (0, len(start.timeline) // 2, len(start.timeline)):
        text = view(update(start, f"seek {at} ;; catch {what}")).to_text()
        first = next((k for k in born if k <= at), None)
        assert ("already so" in text) == (first is not None)
        assert f"already so at event {first}: " in text or first is None


# --- several at once


@examples(40)
@given(blocked(), st.data())
def test_any_stops_together_stop_at_the_same_events_in_both_directions(graph: Blocked, data: st.DataObject) -> None:
    state = graph.session()
    names = st.sampled_from(state.timeline.graph.names)
    kinds = [
        names.map(lambda n: f"break {n}"),
        names.map(lambda n: f"break {n} if event > 3"),
        names.map(lambda n: f"watch d{n}"),
        st.sampled_from(["catch phase", "catch nan", "catch zero-grad", "catch vanish 0.9", "break * if event < 5"]),
    ]
    for line in data.draw(st.lists(st.one_of(kinds), max_size=4)):
        try:
            state = update(state, line)
        except BpdebugError:
            continue  # a place that this graph has not
    found = forth(state)
    assert [k for k in back(state) if k] == [k for k in found if k]
    assert found == sorted(set(found))


def test_stops_are_listed_with_all_that_was_said_of_them() -> None:
    lines = (
        "break H if event > 3", "tbreak h", "watch dX", "catch vanish 0.1", 'trace h "x"', "disable 3", "ignore 1 2",
        "info breakpoints",
    )  # fmt: skip
    rows = view(session(WALK, *lines)).to_data()["rows"]
    assert [row["number"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert [row["what"] for row in rows] == ["breakpoint", "temporary breakpoint", "watch, disabled", "catch", "trace"]
    assert rows[0]["condition"] == "event > 3"
    assert rows[0]["hits"] == "0, 2 to pass over"
