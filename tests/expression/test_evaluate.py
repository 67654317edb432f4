"""Values at positions: what is there, what is not yet, what never will be; and conditions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpdebug.engine import Timeline
from bpdebug.errors import BpdebugError
from bpdebug.expression import Scope, check, evaluate, holds, parse, truth
from tests.counting import work
from tests.expression.common import END, LEAVES, TIMELINE, array, ask, at
from tests.graphs import assert_same, make, step


def value(name: str, position: int = END) -> Any:
    found = TIMELINE.value_at(TIMELINE.graph.index[name], position)
    assert found is not None
    return found


def grad(name: str, position: int = END) -> Any:
    return TIMELINE.grad_at(TIMELINE.graph.index[name], position)


# --- what is there at which position


def test_a_value_is_there_from_its_event_on() -> None:
    k = at("forward", "Y")
    assert ask("Y", k - 1).status == "not-computed"
    assert ask("Y", k).status == "value"
    assert ask("Y", END).status == "value"
    found = ask("Y", 0)
    assert (found.array, found.shape, found.dtype) == (None, (4, 2), "float64")


def test_every_iteration_begins_anew() -> None:
    k = at("forward", "Y", 1)
    assert ask("Y", k - 1).status == "not-computed"
    assert_same(array("Y", k), value("Y", k))
    assert not np.array_equal(array("Y", k), array("Y", at("forward", "Y")))


def test_parameters_change_at_their_update() -> None:
    k = at("update", "W1")
    before, after = array("W1", k - 1), array("W1", k)
    assert_same(before, LEAVES["W1"])
    assert not np.array_equal(before, after)
    assert_same(after, array("W1", TIMELINE.schedule.per_iteration))


def test_a_gradient_of_fan_out_is_partial_between() -> None:
    first, last = at("backward", "h.1"), at("backward", "h")
    assert first < last
    assert ask("dW2", first - 1).status == "not-computed"
    assert ask("dW2", first).status == "partial"
    assert ask("norm(dW2) + 1", first).status == "partial"
    assert ask("dW2", last).status == "value"
    partial, whole = ask("dW2", first).array, ask("dW2", last).array
    assert partial is not None
    assert whole is not None
    assert_same(partial, grad("W2", first))
    assert not np.array_equal(partial, whole)


@pytest.mark.parametrize("name", ["unused", "late", "ids", "k", "dk"])
def test_no_path(name: str) -> None:
    for position in (0, END):
        assert ask(f"∂{name}", position).status == "no-path"
        assert ask(f"norm(∂{name}) + norm(dW1)", position).status == "no-path"
        assert ask(f"norm(dW1) + norm(∂{name})", position).status == "no-path"
        assert ask(f"∂{name}.shape == (2,)", position).status == "no-path"
        assert ask(f"size(∂{name})", position).status == "no-path"
        assert ask(f"1 < size(∂{name}) < 3", position).status == "no-path"


def test_shapes_are_known_before_values() -> None:
    assert ask("dW1.shape", 0).plain == (3, 3)
    assert ask("dW1.dtype", 0).plain == "float64"
    assert array("dW1.shape == (3, 3)", 0)
    assert array("size(Y) * rank(Y)", 0) == 16
    found = ask("X @ dW1[:, 0:2] > 0", 0)
    assert (found.status, found.shape, found.dtype) == ("not-computed", (4, 2), "bool")
    found = ask("Y.T.shape == (2, 4) and norm(Y) > 0", 0)
    assert (found.status, found.shape, found.dtype) == ("not-computed", (), "bool")


def test_and_or_decide_where_one_operand_does() -> None:
    assert array("norm(dW1) > 1 or 2 > 1", 0)
    assert not array("norm(dW1) > 1 and 1 > 2", 0)
    assert ask("norm(dW1) > 1 or 1 > 2", 0).status == "not-computed"
    assert ask("norm(dW1) > 1 and 2 > 1", 0).status == "not-computed"
    assert ask("norm(dW1) > 1 and norm(∂k) > 1", 0).status == "no-path"
    assert ask("not norm(dW1) > 1", 0).status == "not-computed"
    assert not array("2 < 1 < norm(dW1)", 0)
    assert ask("1 < 2 < norm(dW1)", 0).status == "not-computed"


# --- conditions


def test_words_about_the_event() -> None:
    k = at("backward", "h.1", 2)
    assert holds(parse('node == "h.1" and op == "matmul" and phase == "backward"'), _scope(k))
    assert holds(parse(f"event == {k} and iteration == 2"), _scope(k))
    assert holds(parse("iteration % 2 == 0"), _scope(k))
    assert_same(array("grad", k, condition=True), grad("h.1", k))
    assert_same(array("out", k, condition=True), value("h.1", k))
    assert_same(array("grad.T[0]", k, condition=True), grad("h.1", k).T[0])
    u = at("update", "W1")
    assert holds(parse('op == "" and phase == "update" and node == "W1"'), _scope(u))
    assert_same(array("out", u, condition=True), value("W1", u))
    assert_same(array("grad", u, condition=True), grad("W1", u))
    f = at("forward", "Y")
    assert_same(array("out", f, condition=True), value("Y", f))
    assert ask("grad", f, condition=True).status == "not-computed"
    assert ask("grad", at("forward", "late"), condition=True).status == "no-path"
    s = at("seed", "L")
    assert_same(array("grad", s, condition=True), np.float64(1))
    assert array("1 / iteration", 0, condition=True) == np.inf


def _scope(k: int) -> Scope:
    return Scope(TIMELINE, k, TIMELINE.event(k))


def test_a_condition_sees_the_shape_of_each_event() -> None:
    condition = parse("grad.shape == (4, 2)")
    seen = [k for k in range(TIMELINE.schedule.per_iteration) if holds(condition, _scope(k))]
    assert seen == [
        k
        for k in range(TIMELINE.schedule.per_iteration)
        if TIMELINE.graph.shapes[TIMELINE.schedule.tensor_at(k)] == (4, 2)
    ]
    with pytest.raises(BpdebugError, match="1 indices for shape"):
        holds(parse("grad[0]"), _scope(at("seed", "L")))


@pytest.mark.parametrize("text", ["X", "X > 0", "X.shape", "'a'", "isnan(X)", "X == X"])
def test_a_condition_is_one_truth(text: str) -> None:
    with pytest.raises(BpdebugError, match="neither true nor false"):
        truth(ask(text))
    with pytest.raises(BpdebugError, match="neither true nor false"):
        check(parse(text), TIMELINE, condition=True)


def test_truth() -> None:
    assert truth(ask("any(X > 0)"))
    assert not truth(ask("all(X > 0)"))
    assert truth(ask("X[0:1, 0:1] == X[0:1, 0:1]"))
    assert not truth(ask("norm(dW1) >= 0", 0))
    assert not truth(ask("∂k"))
    assert truth(ask("norm(dW2) >= 0", at("backward", "h.1")))


def test_check_finds_at_once_what_would_be_wrong_later() -> None:
    check(parse("grad[9, 9] == 1 and node == 'x'"), TIMELINE, condition=True)
    check(parse("norm(dW1) > 1"), TIMELINE, condition=True)
    check(parse("X @ W1"), TIMELINE)
    for text in ["X @ X", "nope", "grad > nope", "X > 0", "node == 'x'"]:
        with pytest.raises(BpdebugError):
            check(parse(text), TIMELINE, condition=text != "node == 'x'")


def test_one_expression_on_several_graphs() -> None:
    expression = parse("norm(X) + 0")
    other = Timeline(make({"X": np.full((2, 2), 2.0)}, step("Y", "sum", "X"), loss="Y"))
    for _ in range(2):
        assert evaluate(expression, Scope(other, 0)).array == 4
        assert evaluate(expression, Scope(TIMELINE, 0)).array == array("norm(X)")


def test_same() -> None:
    assert ask("X").same(ask("X + 0"))
    assert not ask("X").same(ask("X + 1"))
    assert ask("X * nan").same(ask("X * nan"))
    assert not ask("dW1", 0).same(ask("dW1"))
    assert ask("dW1", 0).same(ask("dW1", 1))
    assert ask("X.shape").same(ask("X.shape"))
    assert not ask("X.shape").same(ask("W1.shape"))
    assert not ask("X").same(ask("X[0]"))
    assert ask("ids").same(ask("ids"))
    assert not ask("dW2", at("backward", "h.1")).same(ask("dW2"))


def test_a_condition_is_compiled_once() -> None:
    condition = parse("norm(X) > 1 and iteration == 2")
    scope = _scope(3)
    first, again = (work(lambda: holds(condition, scope)).lines for _ in range(2))
    assert again < 300
    assert again < first / 2
