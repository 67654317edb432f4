"""Practice: what is asked, what is hidden meanwhile, which answers are right, and what is said to wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

import bpdebug
from bpdebug.debugger.practice import question
from bpdebug.engine import BACKWARD
from bpdebug.errors import BpdebugError
from bpdebug.views import ProgramRows, here, inspector
from tests.lessons import NAMES


def begun(name: str, *lines: str) -> bpdebug.Session:
    """A practice that begins with the first event of the backward pass."""
    session = bpdebug.Session(bpdebug.load(name))
    first = session.state.timeline.schedule.start(BACKWARD, 0)
    for line in (f"seek #{first}", "practice", *lines):
        session.do(line)
    return session


def said(session: bpdebug.Session, line: str) -> tuple[str, bool]:
    data: Any = session.do(line).to_data()
    assert data["kind"] == "practice"
    return data["said"], data["well"]


def test_it_begins_at_the_first_matmul_of_the_way_back() -> None:
    for name in NAMES:
        session = bpdebug.Session(bpdebug.load(name))
        backward = [e for e in session.state.timeline.events if e.phase == BACKWARD]
        wanted = next((e.index for e in backward if e.op == "matmul"), backward[0].index)
        for line in ("practice", "seek end ;; practice"):  # from an end there is a way back, too
            session.do(line)
            assert session.state.event is not None
            assert session.state.cursor == wanted, name


def test_in_the_backward_pass_it_begins_here_and_in_the_next_iteration_there() -> None:
    session = bpdebug.Session(bpdebug.load("broken_mean"))
    session.do("seek L@bwd ;; practice")
    assert session.state.event is not None
    assert session.state.event.name == "L"
    session.do("practice off ;; seek W@upd%1 ;; practice")
    assert session.state.event is not None
    assert (session.state.event.name, session.state.event.iteration) == ("Y", 2)


def test_it_hides_what_it_asks() -> None:
    session = begun("transpose")
    state = session.state
    assert state.event is not None
    assert (state.event.phase, state.event.name) == ("backward", "Y")
    asked = question(state)
    assert asked is not None
    assert (asked.contribution.to, asked.asks) == ("X", "shape")
    for text in (here(state).to_text(), inspector(state).to_text()):
        assert "@ Wᵀ" not in text
        assert "−3" not in text
    shapes = {row.text: row.shape for row in ProgramRows(state) if row.kind == "gradient"}
    assert shapes == {"∂Y": "2×4", "∂X": "?", "∂W": "?"}


def test_a_whole_event_answered() -> None:
    session = begun("transpose")
    assert said(session, "answer 2x3")[1]
    assert said(session, "answer dY @ W.T") == ("right: ∂X gets ∂Y @ Wᵀ", True)
    assert "∂X = ∂Y @ Wᵀ" in here(session.state).to_text()
    assert said(session, "answer (3, 4)")[1]
    text, well = said(session, "answer ∂W = Xᵀ @ ∂Y")
    assert well
    assert question(session.state) is None
    assert "all is answered" in here(session.state).to_text()
    practice = session.state.practice
    assert practice is not None
    assert (practice.right, practice.asked) == (4, 4)
    assert "4 of 4 right" in session.do("practice off").to_text()
    assert session.state.practice is None
    assert text


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("answer 3x2", "not the shape"), ("answer (2, 4)", "not the shape"), ("answer ()", "not the shape"),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_explained_and_told_at_the_second_time(line: str, says: str) -> None:
    session = begun("transpose")
    first, well = said(session, line)
    assert not well
    assert says in first
    assert "(2, 3)" not in first
    second, _ = said(session, line)
    assert "(2, 3)" in second


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("answer dY @ W", "forgot the transpose"),
        ("answer dY", "as it comes in"),
        ("answer -dY @ W.T", "the sign is wrong"),
        ("answer (dY @ W.T)[0:1]", "this is (1,"),
        ("answer dY @ X[0:1]", "inner sizes"),
    ],
)
def test_a_wrong_formula_is_explained(line: str, says: str) -> None:
    session = begun("square_trap", "answer")
    found, well = said(session, line)
    assert not well
    assert says in found
    assert "∂Y @ Wᵀ" not in found


def test_a_broadcast_operands_gradient_is_right_after_its_sum_only() -> None:
    for line, well in (("answer dY", False), ("answer sum(dY, axis=0)", True)):
        session = begun("bias", "answer", "answer", "answer")
        asked = question(session.state)
        assert asked is not None
        assert asked.contribution.to == "b"
        text, found = said(session, line)
        assert (found, "the sum is missing" in text) == (well, not well)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("answer dX", "by ∂X itself"), ("answer dX + 0", "by ∂X itself"), ("answer 3", "this is ()"),
        ("answer ∂X = dX", "by ∂X itself"),
    ],
)  # fmt: skip
def test_a_gradient_is_not_explained_by_itself(line: str, says: str) -> None:
    text, well = said(begun("transpose", "answer"), line)
    assert not well
    assert says in text


DEAD = """format = 1
inputs.X = [[-1, -2], [-3, -4]]
inputs.W = [[1, 2], [0, 1]]
graph.incoming.Y = [[1, 2], [3, 4]]
graph.program = "A = X * 2; R = relu(A); Y = R @ W"
"""


def test_the_right_numbers_by_chance_are_wrong() -> None:
    """Before a unit that is off every gradient is zero, and 0 has the right numbers."""
    session = bpdebug.Session(bpdebug.load(DEAD))
    for line in ("practice", "seek A@bwd", "answer"):
        session.do(line)
    text, well = said(session, "answer 0 * dA")
    assert not well
    assert "with another cotangent" in text
    assert not said(session, "answer 0 * X")[1]
    assert said(session, "answer 2 * dA")[1]


def right_answer(session: bpdebug.Session) -> str:
    """What the open question's rule comes to, as text: summed over the axes its operand was broadcast along."""
    asked = question(session.state)
    assert asked is not None
    event = asked.event
    return event.plan.own.total_text(asked.contribution.position, event.operands, event.name)


def test_answers_are_judged_by_the_ops_own_rules() -> None:
    session = begun("broken_transpose")
    judged = 0
    while session.state.event is not None:
        asked = question(session.state)
        if asked is None:
            session.do("step")
            continue
        if asked.asks == "formula" and asked.contribution.formula != right_answer(session):
            text, well = said(session, f"answer {right_answer(session)}")
            assert well
            assert f"set here by hand: {asked.contribution.formula}" in text
            judged += 1
        else:
            session.do("answer")
    assert judged


def test_one_edge_of_a_sum_is_asked_for_as_such() -> None:
    session = bpdebug.Session(bpdebug.load("fan_out"))
    session.do("practice")
    while session.state.event is not None:
        asked = question(session.state)
        if asked is None:
            session.do("step")
        else:
            c = asked.contribution
            assert c.sign == ("+=" if any(p.why == "accumulate" for p in c.parts) else "=")
            session.do("answer")


@pytest.mark.parametrize("name", NAMES)
def test_every_formula_of_the_lessons_that_can_be_typed_is_a_right_answer(name: str) -> None:
    """What the screen shows, typed back; words of the namespace that the language has not are given up."""
    session = begun(name)
    while session.state.event is not None:
        asked = question(session.state)
        if asked is None:
            session.do("step")
            continue
        if asked.asks == "shape":
            assert said(session, f"answer {asked.contribution.shape}")[1]
            continue
        try:
            _, well = said(session, f"answer {right_answer(session)}")
        except BpdebugError:  # a word that formulas have and the language has not
            session.do("answer")
        else:
            assert well, asked.contribution


def test_what_is_no_answer_costs_nothing() -> None:
    session = begun("transpose")
    for line in ("answer two by three", "answer [2, 3]"):
        with pytest.raises(BpdebugError):
            session.do(line)
    session.do("answer 2x3")
    for line in ("answer nope @ W", "answer dY @", "answer import os", "answer dY, W"):
        with pytest.raises(BpdebugError) as caught:
            session.do(line)
        assert caught.value.code == "E_EXPR"
    for line in ("answer (2, 3)", "answer 2x3", "answer ∂X = (2, 3)"):
        with pytest.raises(BpdebugError, match="the formula is asked"):
            session.do(line)
    practice = session.state.practice
    assert practice is not None
    assert (practice.right, practice.asked) == (1, 1)


def test_motions_go_on_and_nothing_is_asked_in_the_forward_pass() -> None:
    session = begun("mlp", "seek begin")
    assert question(session.state) is None
    with pytest.raises(BpdebugError, match="nothing is asked"):
        session.do("answer 1")
    session.do("practice off")
    for line in ("practice off", "answer 2x3", "practice now"):
        with pytest.raises(BpdebugError):
            session.do(line)
