"""What if: a fork is the timeline that would have been, and shares with its parent what the change does not reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bpdebug.arrays import Array
from bpdebug.engine import Timeline, Training
from bpdebug.engine.edits import Override, RuleOverride, UpdateOverride, overridden
from bpdebug.errors import ShapeError
from tests.engine.test_laziness import ACTIONS, act, everything
from tests.graphs import Random, assert_same, bits, examples, graphs, make, step


def two_layers(**given: Any) -> Timeline:
    graph = make(
        {"X": np.array([[1.0, -2.0], [0.5, 3.0]]), "W": np.array([[0.5, 1.0], [-1.0, 2.0]]), "b": np.array([0.1, 0.2])},
        step("Y", "matmul", "X", "W"), step("Z", "add", "Y", "b"), step("H", "tanh", "Z"), step("L", "sum", "H"),
        loss="L", parameters=["W", "b"],
    )  # fmt: skip
    return Timeline(graph, **given)


def over(
    timeline: Timeline, name: str, value: Any, *, key: tuple[Any, ...] = (), gradient: bool = False, iteration: int = 0
) -> Override:
    return Override(timeline.number(name), gradient, key, np.asarray(value), iteration)


def test_a_leaf_overridden_is_a_leaf_given() -> None:
    parent = two_layers()
    before = everything(parent)
    forked = parent.fork(over(parent, "b", [5.0, 6.0]))
    graph = make(
        {"X": parent.value("X"), "W": parent.value("W"), "b": np.array([5.0, 6.0])},
        step("Y", "matmul", "X", "W"), step("Z", "add", "Y", "b"), step("H", "tanh", "Z"), step("L", "sum", "H"),
        loss="L",
    )  # fmt: skip
    assert everything(forked) == everything(Timeline(graph))
    assert everything(parent) == before


def shared(ours: Any, theirs: Any) -> bool:
    """Whether two arrays are the same memory: nothing was computed again."""
    return np.shares_memory(ours, theirs)


def test_a_node_overridden_changes_what_follows_and_nothing_before() -> None:
    parent = two_layers()
    forked = parent.fork(over(parent, "Z", 0.25, key=(0, slice(None))))
    wanted = np.array(parent.value("Z"))
    wanted[0] = 0.25
    assert_same(forked.value("Z"), wanted)
    assert_same(forked.value("H"), np.tanh(wanted))
    assert_same(forked.grad("Z"), 1 - np.tanh(wanted) ** 2)
    assert shared(forked.value("Y"), parent.value("Y"))
    assert shared(forked.value("X"), parent.value("X"))
    assert_same(parent.value("H"), np.tanh(parent.value("Z")))


def test_a_gradient_overridden_changes_what_comes_after_it_backwards() -> None:
    parent = two_layers()
    forked = parent.fork(over(parent, "Y", [[1.0, 0.0], [0.0, 0.0]], gradient=True))
    assert_same(forked.grad("Y"), np.array([[1.0, 0.0], [0.0, 0.0]]))
    assert_same(forked.grad("W"), parent.value("X").T @ np.array([[1.0, 0.0], [0.0, 0.0]]))
    assert shared(forked.grad("Z"), parent.grad("Z"))
    assert shared(forked.value("L"), parent.value("L"))
    assert_same(forked.grad("b"), parent.grad("b"))


def test_a_rule_that_uses_the_output_sees_the_override() -> None:
    """tanh's derivative is written with its output: 1 - H ** 2."""
    parent = two_layers()
    parent.run()
    forked = parent.fork(over(parent, "H", 0.5, key=(0, 0)))
    gradient = forked.grad("Z")
    assert gradient is not None
    assert gradient[0, 0] == 0.75
    assert_same(gradient, 1 - forked.value("H") ** 2)


def test_a_fork_computes_nothing_until_it_is_asked() -> None:
    reads: list[str] = []
    graph = make({"x": np.array([1.0])}, step("y", "exp", "x"), step("L", "sum", "y"), loss="L", reads=reads)
    parent = Timeline(graph)
    forked = parent.fork(over(parent, "y", 3.0))
    assert reads == []
    assert forked.loss == 3.0


def test_a_fork_of_a_fork() -> None:
    parent = two_layers()
    one = parent.fork(over(parent, "b", [5.0, 6.0]))
    two = one.fork(over(one, "b", 0.0, key=(1,)))
    assert_same(two.value("b"), np.array([5.0, 0.0]))
    assert_same(one.value("b"), np.array([5.0, 6.0]))
    number = parent.number("b")
    assert [float(o.value.flat[0]) for o in overridden(two.edits, number, False, 0)] == [5.0, 0.0]
    assert overridden(two.edits, number, True, 0) == []
    assert overridden(parent.edits, number, False, 0) == []


def test_a_fork_of_a_fork_keeps_what_was_set_where_it_computes_again() -> None:
    """Cells of a node and of a gradient that the second edit reaches, too."""
    parent = two_layers()
    for name, gradient, more in (("Z", False, over(parent, "W", 0.0)), ("Z", True, over(parent, "H", 0.5))):
        one = parent.fork(over(parent, name, 7.0, key=(0, 0), gradient=gradient))
        for edit in (more, over(one, name, 3.0, key=(1, 1), gradient=gradient)):
            two = one.fork(edit)
            found = two.grad(name) if gradient else two.value(name)
            assert found is not None
            assert found[0, 0] == 7.0


def test_edits_at_once_are_forks_one_after_the_other() -> None:
    training = Training("momentum", 4, {"lr": 0.1})
    parent = two_layers(training=training)
    edits = (
        over(parent, "b", 0.5, key=(1,), iteration=2), over(parent, "Z", 1.0, key=(0, 1), iteration=1),
        RuleOverride(0, 1, lambda plan: plan.own_gradients[1] * 2),  # type: ignore[operator]
        over(parent, "H", 0.25, iteration=3),
        UpdateOverride(parent.number("W"), lambda u: u.w - u.g), over(parent, "Y", 2.0, gradient=True, iteration=1),
    )  # fmt: skip
    forked = parent
    for edit in edits:
        forked = forked.fork(edit)
    whole = two_layers(training=training, edits=edits)
    assert everything(forked) == everything(whole)
    assert everything(forked) != everything(parent)


def test_in_training_what_follows_starts_from_what_the_fork_leads_to() -> None:
    training = Training("momentum", 5, {"lr": 0.1})
    parent = two_layers(training=training)
    forked = parent.fork(over(parent, "b", [5.0, 6.0], iteration=2))
    size = parent.schedule.per_iteration
    for index in range(2 * size):
        assert bits(forked[index].value) == bits(parent[index].value)
    assert_same(forked.value("b", 2 * size), np.array([5.0, 6.0]))
    assert_same(parent.value("b", 2 * size), Timeline(parent.graph, training=training).value("b", 2 * size))
    update = next(e for e in forked if e.iteration == 2 and (e.phase, e.name) == ("update", "b"))
    before = next(e for e in parent if e.iteration == 1 and (e.phase, e.name) == ("update", "b"))
    gradients = [forked.grad("b", (t + 1) * size - 1) for t in range(3)]
    velocity = np.zeros(2)
    for g in gradients:
        assert g is not None
        velocity = 0.9 * velocity + g
    assert_same(update.value, np.array([5.0, 6.0]) - 0.1 * velocity)
    assert before.value is not None
    assert forked.loss != parent.loss


def test_a_parameter_overridden_at_the_start_is_a_parameter_given() -> None:
    training = Training("adam", 4, {"lr": 0.1})
    parent = two_layers(training=training)
    parent.run()
    w = np.array([[1.0, 1.0], [2.0, 0.0]])
    forked = parent.fork(over(parent, "W", w))
    graph = make(
        {"X": parent.value("X"), "W": w, "b": np.array([0.1, 0.2])},
        step("Y", "matmul", "X", "W"), step("Z", "add", "Y", "b"), step("H", "tanh", "Z"), step("L", "sum", "H"),
        loss="L", parameters=["W", "b"],
    )  # fmt: skip
    assert everything(forked) == everything(Timeline(graph, training=training))


def test_a_rule_replaced_for_one_operand() -> None:
    parent = two_layers()
    forked = parent.fork(RuleOverride(0, 0, lambda plan: plan.g @ plan.operands[1]))  # the transpose forgotten
    assert forked[-1].contributions[0].formula == "∂Y @ W"
    assert parent[-1].contributions[0].formula == "∂Y @ Wᵀ"
    g = forked.grad("Y")
    assert g is not None
    assert_same(forked.grad("X"), g @ parent.value("W"))
    assert_same(forked.grad("W"), parent.grad("W"))
    assert shared(forked.value("L"), parent.value("L"))
    again = forked.fork(RuleOverride(0, 1, lambda plan: plan.xp.matrix_transpose(plan.operands[0]) @ plan.g))
    assert again[-1].contributions[0].formula == "∂Y @ W"
    assert_same(again.grad("W"), parent.grad("W"))


def test_a_replaced_rule_holds_in_every_iteration() -> None:
    training = Training("sgd", 3, {"lr": 0.1})
    parent = two_layers(training=training)
    forked = parent.fork(RuleOverride(1, 1, lambda plan: plan.g * 0.0))
    assert_same(forked.value("b"), np.array([0.1, 0.2]))
    assert bits(parent.value("b")) != bits(forked.value("b"))


def test_a_replaced_rule_must_give_the_right_shape() -> None:
    with pytest.raises(ShapeError, match="gradient of shape"):
        two_layers().fork(RuleOverride(0, 0, lambda plan: plan.xp.sum(plan.g)))


def test_what_a_fork_hands_out_is_read_only() -> None:
    parent = two_layers()
    forked = parent.fork(over(parent, "Z", 0.0))
    for name in parent.graph.names:
        assert not forked.value(name).flags.writeable
        gradient = forked.grad(name)
        assert gradient is None or not gradient.flags.writeable


def test_a_float32_tensor_stays_one() -> None:
    graph = make({"x": np.array([1.0, 2.0], np.float32)}, step("y", "exp", "x"), step("L", "sum", "y"), loss="L")
    parent = Timeline(graph)
    forked = parent.fork(over(parent, "y", 0.1))
    assert forked.value("y").dtype == forked.value("L").dtype == np.float32
    assert_same(forked.value("y"), np.array([0.1, 0.1], np.float32))


@examples(60)
@given(graphs(nodes=12), st.data(), ACTIONS, st.booleans())
def test_any_leaf_overridden_is_that_leaf_given(
    random: Random, data: st.DataObject, actions: list[Any], asked: bool
) -> None:
    names = [n for n, a in random.leaves.items() if a.dtype.kind == "f" and a.size]
    assume(names)
    name = data.draw(st.sampled_from(names))
    array = random.leaves[name]
    changed: Array = array.copy()
    at = np.unravel_index(data.draw(st.integers(0, array.size - 1)), array.shape)
    changed[at] = 0.375
    # Only what an update carries on lasts beyond its iteration; an input is overridden in one.
    graph = random.build()
    trained = name in random.parameters and graph.has_gradient(graph.index[name])
    training = Training("momentum", 3, {"lr": 0.01}) if trained else None
    parent = random.timeline(seed=1, training=training)
    if asked:
        for action in actions:
            act(parent, action)
    forked = parent.fork(Override(parent.number(name), False, tuple(at), np.array(0.375)))
    for action in actions:
        act(forked, action)
    wanted = Timeline(random.build(**{name: changed}), seed=1, training=training)
    assert everything(forked) == everything(wanted)
    assert everything(parent) == everything(random.timeline(seed=1, training=training))


@examples(40)
@given(graphs(nodes=12), st.data(), ACTIONS)
def test_any_node_overridden_with_what_it_is_changes_nothing(
    random: Random, data: st.DataObject, actions: list[Any]
) -> None:
    parent = random.timeline(seed=1)
    name = data.draw(st.sampled_from([s.id for s in random.steps]))
    gradient = data.draw(st.booleans())
    value = parent.grad(name) if gradient else parent.value(name)
    assume(value is not None)
    assert value is not None
    forked = parent.fork(Override(parent.number(name), gradient, (), value))
    for action in actions:
        act(forked, action)
    assert everything(forked) == everything(parent)
