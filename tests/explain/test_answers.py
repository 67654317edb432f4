"""Who answers what where there is no derivative: at the points that were measured, and between two programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug.engine import BACKWARD, Event, NodeEvent, Timeline
from bpdebug.engine.edits import RuleOverride
from bpdebug.explain.answers import OURS, Answers, both_answer
from bpdebug.explain.difference import first_difference
from bpdebug.explain.lens import lens
from bpdebug.graph import Subject
from bpdebug.importers.trace import open_recording
from bpdebug.ops import OPS, Op
from bpdebug.ops.conventions import LIBRARIES, Point, known, table
from bpdebug.scenario import open_timeline
from bpdebug.symbolic import Plan
from bpdebug.views.answers import who_answers
from bpdebug.views.compare import compared
from tests.graphs import graph_of, make, sample_call, step
from tests.ops.libraries import array, given, plain
from tests.recordings import recorded

POINTS = [p for p in table().points if not p.smooth and OPS[p.op].conventions]


def backward(timeline: Timeline, node: str) -> NodeEvent:
    (event,) = (e for e in timeline if (e.phase, e.name) == (BACKWARD, node))
    assert isinstance(event, NodeEvent)
    return event


def at(event: Event, cell: tuple[int, ...], operand: int = 0) -> Answers | None:
    """What the lens says of a cell of an operand's gradient."""
    tensor = event.contributions[operand].tensor
    return lens(event, {Subject(tensor, True): cell}).operands[operand].answers


def graph_at(point: Point, conventions: str = "default", **attrs: Any) -> Timeline:
    leaves = {f"x{i}": array(plain(x)) for i, x in enumerate(point.operands)}
    steps = [step("y", point.op, *leaves, **{**given(point), **attrs}), step("z", "mul", "y", point.g)]
    steps.append(step("L", "sum", "z"))
    return Timeline(make(leaves, *steps, loss="L", conventions=conventions))


@pytest.mark.parametrize("point", POINTS, ids=lambda p: f"{p.op}, {p.at}")
def test_the_lens_says_of_each_measured_point_what_was_measured(point: Point) -> None:
    attrs = {**OPS[point.op].defaults, **given(point)}
    for conventions in ("default", *LIBRARIES):
        event, n = backward(graph_at(point, conventions), "y"), 0
        for operand in range(point.wrt):
            for cell in np.ndindex(event.contributions[operand].shape):
                found = at(event, tuple(cell), operand)
                if found is None or not found.asked:
                    n += 1
                    continue
                wanted = {OURS: point.ours[n]}
                for name in known(OPS[point.op], attrs):
                    answer = point.answer(name)
                    if answer is not None:
                        wanted[name] = answer.value[n]
                for name, value in wanted.items():
                    np.testing.assert_allclose(found.by[name], np.nan if value is None else value, rtol=1e-5)
                assert set(found.by) == {OURS, *known(OPS[point.op], attrs)}
                np.testing.assert_equal(found.here, float(event.contributions[operand].value[cell]))
                n += 1
        assert n == len(point.ours)
        assert at(event, (0,) * event.contributions[0].value.ndim) is not None


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.conventions], ids=lambda op: op.name)
def test_where_there_is_a_derivative_nothing_is_said(op: Op) -> None:
    for sample in op.samples:
        call = sample_call(op, sample)
        event = backward(Timeline(graph_of(call, np.ones_like(call.value))), "Y")
        for looked in lens(event).operands:
            assert looked.answers is None


def test_the_sentence() -> None:
    timeline = Timeline(make({"x": np.array([[2.0, 2.0], [5.0, 1.0], [3.0, 3.0]])}, step("y", "max", "x", axis=1),
                             step("L", "sum", "y"), loss="L", conventions="torch"))  # fmt: skip
    event = backward(timeline, "y")
    said = [who_answers(found, "∂x") for cell in ((0, 0), (1, 0)) if (found := at(event, cell)) is not None]
    assert said == [
        "At ∂x[0,0] there is no derivative, and libraries differ: 0.5 bpdebug, jax, tensorflow, keras, mlx, paddle, "
        "tinygrad; 1 (here) torch.",
        "Not here, but at ∂x[0,0] and 3 other cells there is no derivative, and libraries differ: 0.5 bpdebug, jax, "
        "tensorflow, keras, mlx, paddle, tinygrad; 1 (here) torch.",
    ]
    event = backward(Timeline(make({"x": np.zeros(1)}, step("y", "relu", "x", at_zero="mean"), step("L", "sum", "y"),
                                   loss="L")), "y")  # fmt: skip
    found = at(event, (0,))
    assert found is not None
    assert who_answers(found, "∂x") == (
        "At ∂x[0] there is no derivative, and libraries differ: 0 bpdebug, torch, jax, tensorflow, keras, mlx, paddle, "
        "tinygrad; here 0.5."
    )


# --- two programs

PROGRAM = """
format = 1
conventions = "CONVENTIONS"
[inputs]
x = [[2.0, 2.0, 1.0], [0.0, 1.0, 3.0]]
[parameters]
w = [1.0, 0.5, 2.0]
[graph]
loss = "L"
program = '''
m = max(x * w, axis=0)
c = clip(m, 0, 2)
L = sum(c * c) + max(x, axis=1, TIES)[0]
'''
"""


def text(conventions: str, ties: str = "keepdims=False") -> str:
    return PROGRAM.replace("CONVENTIONS", conventions).replace("TIES", ties)


def test_programs_that_differ_at_a_kink_differ_by_a_convention() -> None:
    left, right = (bpdebug.run(bpdebug.load(text(name))) for name in ("torch", "mlx"))
    report = compared(left, right, ("a.toml", "b.toml"))
    assert (
        "only a convention: where they differ there is no derivative; a.toml answers as torch would, and b.toml as "
        "bpdebug, jax, tensorflow, keras, mlx, paddle, tinygrad" in report.to_text(1000)
    )
    first = report.to_data()["first"]
    assert first["convention"][0] == ["torch"]
    assert OURS in first["convention"][1]


def test_what_an_attribute_chooses_is_named_by_it() -> None:
    left, right = (bpdebug.run(bpdebug.load(text("default", ties))) for ties in ("ties='last'", "ties='all'"))
    found = first_difference(left, right)
    assert found is not None
    assert found.convention == (('ties="last"',), ('ties="all"',))


def test_a_recording_is_compared_so_too(tmp_path: Path) -> None:
    left, right = (
        open_timeline(open_recording(recorded(tmp_path, bpdebug.load(text(name)), name))) for name in ("torch", "jax")
    )
    found = first_difference(left, right)
    assert found is not None
    assert found.convention is not None
    assert found.convention[0] == ("torch",)


@pytest.mark.parametrize("factor", [2.0, 1.001])
def test_a_wrong_rule_is_no_convention(factor: float) -> None:
    def wrong(plan: Plan) -> Any:
        return plan.own_gradients[0] * factor  # type: ignore[operator]  # it has a gradient

    right = bpdebug.run(bpdebug.load(text("default")))
    for name in ("c", "max1"):
        k = next(k for k, node in enumerate(right.graph.nodes) if node.id == name)
        found = first_difference(right, right.fork(RuleOverride(k, 0, wrong)))
        assert found is not None
        assert (found.node, found.convention) == (name, None)


def test_other_ops_have_no_conventions() -> None:
    timeline = bpdebug.run(bpdebug.load("transpose"))
    event = backward(timeline, "Y")
    assert both_answer(event, event) is None
    assert lens(event).operands[0].answers is None
