"""Update events on the stage, in lists and in JSON: lines, states before and after, and what may be set there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpdebug.debugger import State, open_session, update
from bpdebug.errors import CommandError
from bpdebug.scenario import load
from bpdebug.views import ProgramRows, inspector, view
from bpdebug.views.blocks import Matrix, Row
from bpdebug.views.place import place_data
from bpdebug.views.stream import event_object
from tests.lessons import MOMENTUM
from tests.lessons import WALK as PLAIN_SGD


def session(*lines: str, text: str = MOMENTUM) -> State:
    state = open_session(load(text))
    for line in lines:
        state = update(state, line)
    return state


def shown(*lines: str, text: str = MOMENTUM) -> str:
    return view(session(*lines, text=text)).to_text()


def table(*lines: str, text: str = MOMENTUM) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = view(session(*lines, text=text)).to_data()["rows"]
    return rows


def test_the_stage_shows_every_line_and_what_it_changes() -> None:
    text = shown("seek w@upd%1")
    assert "velocity = momentum * velocity + ∂w" in text
    assert "w = w - lr * velocity" in text
    assert "step 2: lr = 0.1, momentum = 0.9" in text
    assert text.count("w.velocity") == 2, "before and after"


def test_settings_have_the_digits_that_were_written() -> None:
    """To four digits 1 - 0.99999 reads 1 - 1, by which Adam divides."""
    text = """format = 1
[parameters]
w = 2.0
[graph]
loss = "L"
program = "L = w * w"
[train]
optimizer = "adam"
lr = 0.123456
beta2 = 0.99999
steps = 1
"""
    state = update(open_session(load(text)), "seek w@upd")
    assert "lr = 0.123456, beta1 = 0.9, beta2 = 0.99999, eps = 1e−08" in view(state).to_text()
    assert "w.v = 0.99999 * 0 + (1 - 0.99999) * square(4)" in view(update(state, "lens")).to_text()
    assert "0.99999" in view(update(state, "info optimizer")).to_text()


def test_stepi_walks_the_parts_and_hides_later_ones() -> None:
    texts = [shown("seek w@upd", f"stepi {n}") for n in (1, 2, 3, 4)]
    assert all(f"part {n} of 4" in t for n, t in enumerate(texts, 1))
    assert "velocity = momentum * velocity + ∂w" in texts[0]
    assert "w - lr" not in texts[1], "the next line comes with its first part"
    assert "w = w - lr * velocity" in texts[2]
    place = place_data(session("seek w@upd", "stepi 2"))["part"]
    assert place == {"index": 2, "of": 4, "to": "w.velocity", "text": "velocity = momentum * velocity + ∂w"}
    assert inspector(session("seek w@upd", "stepi 2")).title == "w.velocity"
    assert inspector(session("seek w@upd", "stepi 3")).title == "lr * velocity"
    assert session("seek w@upd", "stepi 5").cursor == 10


def test_states_can_be_printed_watched_and_expected() -> None:
    assert "−2.0" in shown("seek w@upd", "print w.velocity")
    assert "0  0" in shown("seek 8", "print w.velocity"), "before its first update"
    state = session("seek w@upd", "watch w.velocity", "continue")
    assert (state.cursor, state.stopped) == (19, "watch 1")
    session("seek end", "expect w.velocity ~ [-5.184, 3.888]", "expect w ~ [1.5464, -0.6598]")
    assert session("break w@upd if norm(w.velocity) > 5", "continue").cursor == 29
    assert "no path" in shown("seek end", "print dw.velocity")
    assert "state" in shown("whatis w.velocity")


def test_lists() -> None:
    rows = table("seek w@upd%2", "info optimizer")
    assert [(r["name"], r["what"], r["value"]) for r in rows] == [
        ("momentum", "optimizer", "step 3 of 4"), ("lr", "setting", "0.1"), ("momentum", "setting", "0.9"),
        ("w.velocity", "state", "norm 5.85"),
    ]  # fmt: skip
    assert {"w.velocity"} == {r["name"] for r in table("info tensors") if r["op"] == "state"}
    assert not any("velocity" in r["name"] for r in table("info gradients"))
    assert not any("velocity" in row.text for row in ProgramRows(session()))
    assert table("info optimizer", text=PLAIN_SGD.partition("[train]")[0]) == []


def test_json_has_states_lines_and_settings_beside_what_it_had() -> None:
    state = session("seek w@upd%1")
    assert state.event is not None
    found: dict[str, Any] = event_object(state.event)
    assert found["rule"] == "w - lr * velocity"
    assert found["before"]["value"] == pytest.approx([0.2, 0.35])
    velocity = found["states"][0]
    assert velocity["name"] == "w.velocity"
    assert velocity["before"]["value"] == [-2.0, 1.5]
    assert velocity["after"]["value"] == pytest.approx([-3.6, 2.7])
    assert (found["step"], found["settings"]) == (2, {"lr": 0.1, "momentum": 0.9})
    assert [line["formula"] for line in found["lines"]] == [
        "velocity = momentum * velocity + ∂w", "w = w - lr * velocity",
    ]  # fmt: skip


# --- what if


def test_an_update_rule_set_by_hand() -> None:
    state = session("seek w@upd", "set rule w@upd = w - lr * dw", "seek end")
    value = state.timeline.value("w")
    w, t = [0.0, 0.5], [2.0, -1.0]
    for _ in range(4):
        w = [a - 0.1 * (a - b) for a, b in zip(w, t, strict=True)]
    assert value.tolist() == pytest.approx(w, rel=1e-12)
    assert "rule set by hand" in {r["what"] for r in table("set rule w@upd = w - lr * dw", "info optimizer")}
    assert "w = w - lr * ∂w" in shown("set rule w@upd = w - lr * dw", "seek w@upd")


@pytest.mark.parametrize(
    ("rule", "formula"),
    [
        ("w - lr * velocity", "w - lr * velocity"),
        ("w - train.lr * w.velocity", "w - lr * velocity"),
        ("w - lr * ∂w / t", "w - lr * ∂w / train.t"),
        ("w - lr * dw / sqrt(sum(dw ** 2))", "w - lr * ∂w / sqrt(sum(∂w ** 2))"),
        ("w * (1 - lr * 0.5)", "w * (1 - lr * 0.5)"),
    ],
)
def test_what_a_rule_may_name(rule: str, formula: str) -> None:
    state = session(f"set rule w@upd = {rule}", "seek w@upd")
    assert state.event is not None
    assert state.event.rule == formula


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("set rule w@upd = w - foo", "E_EXPR", "no tensor 'foo'"),
        ("set rule w@upd = w - L", "E_EXPR", "no tensor 'L'"),
        ("set rule w@upd = 0", "E_EXPR", "the new parameter is no array"),
        ("set rule w@upd = sum(w)", "E_SHAPE", "the rule gives (), and the parameter is (2,)"),
        ("set rule w@upd X = w", "E_COMMAND", "an update has no operand 'X'"),
        ("set rule w@upd = dropout(w)", "E_OP", ""),
        ("set rule t@upd = t", "E_EXPR", "'t' is never updated"),
        ("set lr = 0.5", "E_EXPR", "'lr' is a setting of "),
        ("set rule L@bwd = w", "E_COMMAND", "takes a location and an operand"),
    ],
)
def test_rules_that_do_not_do_are_refused(line: str, code: str, says: str) -> None:
    with pytest.raises(CommandError) as caught:
        session(line)
    assert says in caught.value.message
    assert caught.value.hint
    assert caught.value.code in (code, "E_EXPR")


def test_a_state_set_by_hand() -> None:
    state = session("seek 15", "set w.velocity = [1, 1]", "print w.velocity")
    assert "set here: all" in view(state).to_text()
    assert session("seek 15", "set w.velocity[0] = 1", "seek w@upd%1").timeline.value("w.velocity", 15).tolist() == [
        1,
        1.5,
    ]
    assert state.timeline.value("w.velocity", 9).tolist() == [-2.0, 1.5], "its past is as it was"
    assert state.timeline.value("w.velocity", 19).tolist() == pytest.approx([0.9 - 1.8, 0.9 + 1.35])


def test_a_tensor_of_the_program_comes_before_a_state_of_its_name() -> None:
    text = """
format = 1
[inputs]
x = [1.0, 2.0]
[parameters]
layer1 = [3.0, 4.0]
[graph]
loss = "L"
program = '''
def layer(a, b):
    m = a * b
    return sum(m)

L = layer(x, layer1)
'''
[train]
optimizer = "adam"
lr = 0.1
steps = 1
"""
    timeline = session(text=text).timeline
    assert timeline.value("layer1.m").tolist() == [3.0, 8.0]
    assert timeline.value("layer1.v").tolist() == pytest.approx([0.001, 0.004])


def test_a_transpose_in_a_written_rule_is_drawn_as_in_a_backward_rule() -> None:
    state = session("set rule W1@upd = W1 - lr * dW1.T.T", "seek W1@upd", "stepi", text=PLAIN_SGD)
    rows = [block for block in view(state).blocks if isinstance(block, Row)]
    (given, arrow, turned), *rest = (row.items for row in rows)
    assert not rest
    assert arrow == "→"
    assert isinstance(given, Matrix)
    assert isinstance(turned, Matrix)
    assert (given.name, turned.name, turned.note, turned.mark) == ("∂W1", "∂W1ᵀ", "transposed", "transpose")
    assert (np.asarray(turned.array) == np.asarray(given.array).T).all()
