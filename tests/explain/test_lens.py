"""The lens against brute force (its sums, its matrices, its marks), and its words as they were before.

BPDEBUG_UPDATE_GOLDEN=1 writes tests/golden/lens anew; look at the difference before it is kept.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpdebug
from bpdebug.arrays import Array
from bpdebug.debugger import State
from bpdebug.engine import Timeline
from bpdebug.engine.edits import RuleOverride
from bpdebug.errors import BpdebugError
from bpdebug.explain.axes import Indexed, matmul_axes
from bpdebug.explain.lens import Lens, Looked, lens
from bpdebug.graph import Subject
from bpdebug.ops import OPS, Op
from bpdebug.ops.op import MIXES, ROUTES, SCALES
from bpdebug.symbolic.notation import FORMULA
from bpdebug.views.lens import lens as view
from tests.graphs import SAMPLES, Call, calls, examples, graph_of, make, sample_call, step
from tests.lessons import session

GOLDEN = Path(__file__).parents[1] / "golden" / "lens"
UPDATE = os.environ.get("BPDEBUG_UPDATE_GOLDEN") == "1"


def timeline_of(call: Call) -> Timeline:
    g = np.asarray(np.random.default_rng(1).normal(size=call.value.shape)).round(2)
    return Timeline(graph_of(call, g))


def both(timeline: Timeline) -> tuple[Lens, Lens]:
    """The lens of a graph's only node, forwards and backwards."""
    return lens(timeline[0]), lens(timeline[len(timeline) - 1])


# --- every op, against brute force


def judged(call: Call) -> int:
    """How many operands were looked at, after asserting that what is shown of each gives its gradient."""
    if call.value.dtype.kind != "f" or not call.value.size:
        return 0
    timeline = timeline_of(call)
    if timeline[len(timeline) - 1].phase != "backward":
        return 0
    forward, backward = both(timeline)
    g, graph = timeline.grad(graph_name(timeline)), timeline.graph
    assert g is not None
    assert forward.cell == backward.cell or forward.cell
    for o in backward.operands:
        x, wanted = timeline.value(o.contribution.to), o.contribution.value
        assert o.says
        if o.jacobian is not None:
            np.testing.assert_allclose((o.jacobian.T @ g.reshape(-1)).reshape(x.shape), wanted, rtol=1e-9, atol=1e-12)
            if o.linear and call.op.name not in ("causal_mask",):
                zero = without(timeline, o)
                made = (o.jacobian @ x.reshape(-1)).reshape(g.shape) + zero
                np.testing.assert_allclose(made, timeline.value(graph_name(timeline)), rtol=1e-9, atol=1e-12)
        if o.slope is not None:
            np.testing.assert_allclose(o.slope * g, wanted, rtol=1e-12, atol=1e-14)
        if o.cell:
            assert abs(wanted[o.cell]) == np.abs(wanted).max()
        assert_marks(o)
    assert len(backward.operands) == sum(graph.has_gradient(t) for _, t in graph.edges(0))
    return len(backward.operands)


def graph_name(timeline: Timeline) -> str:
    return timeline.graph.nodes[0].id


def without(timeline: Timeline, o: Looked) -> Array:
    """The node's value where this operand is zero."""
    graph = timeline.graph
    plan, run = graph.plans[0], timeline.iteration(0)
    tensor = graph.index[o.contribution.to]
    inputs = [
        i.value if not isinstance(i, int) else np.zeros_like(run.value(i)) if i == tensor else run.value(i)
        for i in graph.nodes[0].inputs
    ]
    return plan.evaluate(plan.value, plan.leaves(inputs))


def assert_marks(o: Looked) -> None:
    """Every cell that the marked cell is made of lies in what is marked of its matrix."""
    assert o.marks is not None
    if o.source is None:
        return
    for f in (f for terms in o.source.terms for f in terms.factors if f.at):
        for cell in zip(*f.at, strict=True):
            row = int(np.ravel_multi_index(cell[:-1], f.expr.shape[:-1])) if len(cell) > 1 else 0
            assert (row, cell[-1]) in o.marks[o.source.subjects[id(f.expr)]].pairs


@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_what_is_shown_of_every_op_gives_its_gradient(op: Op, i: int) -> None:
    call = sample_call(op, op.samples[i])
    looked = judged(call)
    assert looked or not call.plan.differentiable


@examples(100)
@given(st.data())
def test_so_it_does_on_random_calls(data: st.DataObject) -> None:
    op = OPS[data.draw(st.sampled_from(sorted(OPS)))]
    call = data.draw(calls(op))
    if op.name != "mul" or len({id(x) for x in call.operands}) == len(call.operands):
        judged(call)


@pytest.mark.parametrize("op", OPS.values(), ids=list(OPS))
def test_every_rule_says_what_it_does_to_a_gradient(op: Op) -> None:
    call = sample_call(op, op.samples[0])
    if call.plan.differentiable:
        assert op.back
        assert not op.back.endswith(".")
    if op.linear_in and op.back:
        assert op.back not in (SCALES, ROUTES, MIXES)


# --- matmuls by their indices


def einsum(index: Indexed, text: str, arrays: dict[str, Array]) -> Array:
    """What a formula by indices says, carried out by NumPy."""
    left, _, right = text.partition(" = ")
    summed, factors = "", right
    if right.startswith("Σ"):
        signs, _, factors = right[1:].partition(" ")
        summed = "".join({FORMULA.sum_over(k)[1:]: k for k in "ijknmprstuv"}[s] for s in signs)
    parts = [re.fullmatch(r"(.+)\[(.*)\]", f) for f in factors.split("·")]
    target = re.fullmatch(r"(.+)\[(.*)\]", left)
    assert target is not None
    letters = [p[2].replace(",", "") for p in parts if p]
    kept = target[2].replace(",", "")
    assert set(summed) == set("".join(letters)) - set(kept)
    operands = [arrays[p[1]] for p in parts if p]
    squeezed = [
        a.reshape([n for n in a.shape[: a.ndim - len(c)] if n != 1] + [*a.shape[a.ndim - len(c) :]])
        for a, c in zip(operands, letters, strict=True)
    ]
    found: Array = np.einsum(
        f"{','.join(letters)}->{kept}", *[batch_free(a, c) for a, c in zip(squeezed, letters, strict=True)]
    )
    return found


def batch_free(array: Array, letters: str) -> Array:
    """The array without axes of size 1 that have no letter."""
    while array.ndim > len(letters):
        axis = next(i for i, n in enumerate(array.shape) if n == 1)
        array = array.squeeze(axis)
    return array


@pytest.mark.parametrize(
    ("x", "w"),
    [
        ((2, 3), (3, 4)), ((3, 3), (3, 3)), ((5, 2, 3), (5, 3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
        ((6, 5, 2, 3), (5, 3, 4)), ((5, 2, 3), (1, 3, 4)),
    ],
    ids=str,
)  # fmt: skip
def test_the_sums_over_indices_are_the_gradients(x: tuple[int, ...], w: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=x), rng.normal(size=w)
    g = rng.normal(size=(a @ b).shape)
    t = Timeline(make({"X": a, "W": b}, step("Y", "matmul", "X", "W"), into={"Y": g}))
    index = matmul_axes(t.graph, 0)
    assert index is not None
    arrays = {"X": a, "W": b, "Y": a @ b, "∂Y": g}
    np.testing.assert_allclose(einsum(index, index.forward(), arrays), a @ b, rtol=1e-12)
    for position, name in ((0, "X"), (1, "W")):
        gradient = t.grad(name)
        assert gradient is not None
        made = einsum(index, index.gradient(position, "="), arrays)
        np.testing.assert_allclose(made.reshape(gradient.shape), gradient, rtol=1e-12)
    assert [axis.contracted for axis in index.axes][-3:] == [False, True, False]


def test_a_matmul_names_its_axes_and_says_why_an_operand_is_turned() -> None:
    text = view(at("transpose", "seek Y@bwd"), lens(at("transpose", "seek Y@bwd").event)).to_text()
    for words in (
        "Y[i,j] = Σₖ X[i,k]·W[k,j]", "∂X[i,k] = Σⱼ ∂Y[i,j]·W[k,j]", "∂W[k,j] = Σᵢ X[i,k]·∂Y[i,j]",
        "axes: i batch 2, k in 3 (summed over), j out 4", "so W is turned", "so X is turned",
    ):  # fmt: skip
        assert words in text


def at(name: str, *lines: str) -> State:
    return session(name, *lines)


def test_outer_products_add_up_to_the_gradient() -> None:
    state = at("transpose", "seek Y@bwd")
    (_, w) = lens(state.event).operands
    assert w.outer_count == 2
    np.testing.assert_array_equal(sum(a for _, a in w.outer), state.timeline.grad("W"))


def test_a_transpose_of_the_forward_pass_is_undone_and_said() -> None:
    q, _ = lens(at("attention", "seek S@bwd").event).operands
    assert "Ktᵀ is K itself" in q.note


def test_a_broadcast_operand_is_said_to_add_up() -> None:
    _, b = lens(at("bias", "seek Y@bwd").event).operands
    assert "used 4 times" in b.note


def test_the_matrix_of_a_convolution_is_toeplitz() -> None:
    call = sample_call(OPS["conv1d"], OPS["conv1d"].samples[0])
    x, w = np.arange(1.0, 7.0).reshape(1, 1, 6), np.array([[[1.0, -2.0, 3.0]]])
    t = Timeline(make({"x": x, "w": w}, step("y", "conv1d", "x", "w", **call.attrs), into={"y": np.ones((1, 1, 4))}))
    (into_x, _) = lens(t[len(t) - 1]).operands
    wanted = np.zeros((4, 6))
    for row in range(4):
        wanted[row, row : row + 3] = w[0, 0]
    np.testing.assert_array_equal(into_x.jacobian, wanted)


def test_a_rule_set_by_hand_is_said_and_its_matrix_is_still_the_ops() -> None:
    rng = np.random.default_rng(0)
    t = Timeline(make({"x": rng.normal(size=(2, 3))}, step("y", "sum", "x"), into={"y": np.asarray(2.0)}))
    wrong = t.fork(RuleOverride(0, 0, lambda plan: plan.operands[0] * plan.g))
    (o,) = lens(wrong[len(wrong) - 1]).operands
    assert "set by hand, and is wrong: it should be ∂x = " in o.wrong
    np.testing.assert_array_equal(o.meant, np.full((2, 3), 2.0))
    np.testing.assert_array_equal(o.jacobian, np.ones((1, 6)))


def test_large_operands_have_no_matrix_and_no_outer_products() -> None:
    rng = np.random.default_rng(0)
    arrays = {"x": rng.normal(size=(50, 40)), "w": rng.normal(size=(40, 30))}
    t = Timeline(make(arrays, step("h", "softmax", "x"), step("y", "matmul", "h", "w"), into={"y": np.ones((50, 30))}))
    events = {e.name: e for e in t if e.phase == "backward"}
    assert lens(events["h"]).operands[0].jacobian is None
    assert lens(events["y"]).operands[1].outer == ()


def test_it_is_refused_where_there_is_nothing_to_explain() -> None:
    made = bpdebug.Session(bpdebug.load("transpose"))
    for place in ("seek end", "seek #1"):
        with pytest.raises(BpdebugError, match="lens explains"):
            made.do(f"{place} ;; lens")
    data = made.do("seek Y@bwd ;; lens").to_data()
    assert (data["kind"], data["node"], [o["to"] for o in data["operands"]]) == ("lens", "Y", ["X", "W"])


def test_marks_tell_a_row_a_column_and_a_cell() -> None:
    state = at("transpose", "seek Y@bwd")
    x, w = lens(state.event).operands
    row: list[Any] = [{(r, c) for c in range(4)} for r in range(2)]
    marks: list[Any] = [
        {of: lit.pairs for of, lit in (o.marks or {}).items() if isinstance(of.tensor, int) and not of.transposed}
        for o in (x, w)
    ]
    X, W, Y = (state.timeline.graph.index[name] for name in "XWY")
    assert marks[0] == {Subject(X, True): {(0, 1)}, Subject(Y, True): row[0], Subject(W): row[1]}
    assert marks[1] == {Subject(W, True): {(2, 1)}, Subject(X): {(0, 2), (1, 2)}, Subject(Y, True): {(0, 1), (1, 1)}}


# --- the words, as they were


@pytest.mark.parametrize("op", OPS.values(), ids=list(OPS))
def test_the_lens_of_every_op_says_what_it_said_before(op: Op) -> None:
    call = sample_call(op, op.samples[0])
    timeline = timeline_of(call) if call.value.dtype.kind == "f" else None
    if timeline is None:
        assert 0 not in call.plan.differentiable
        return
    state = State(bpdebug.load("transpose"), timeline)
    events = [timeline[0], timeline[len(timeline) - 1]]
    texts = [view(state, lens(e)).to_text(110) for e in events if e.phase in ("forward", "backward")]
    path, text = GOLDEN / f"{op.name}.txt", "\n\n".join(texts) + "\n"
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_golden_lenses_belong_to_ops() -> None:
    kinds = {name for name, op in OPS.items() if sample_call(op, op.samples[0]).value.dtype.kind == "f"}
    assert {p.stem for p in GOLDEN.glob("*")} == kinds
