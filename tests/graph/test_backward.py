"""grad(y, x): the backward pass as steps of the program, with values and derivatives of their own."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.checks.whole_graph import gradcheck
from bpdebug.engine import Timeline
from bpdebug.engine.layout import MASK, Layout
from bpdebug.errors import BpdebugError
from bpdebug.graph import Graph, Lit, Step, build
from bpdebug.language.program import elaborate
from bpdebug.limits import Limits
from bpdebug.ops import OPS, Op
from tests.graphs import SAMPLES, Call, Random, assert_same, examples, graphs, leaf, make, sample_call, step

RNG = np.random.default_rng(0)


def derived(call: Call, cotangent: Array) -> tuple[Timeline, list[int]]:
    """A call, its gradients as steps, and as the loss their sum with random weights; the positions they are of."""
    leaves = {f"x{i}": x for i, x in enumerate(call.operands) if isinstance(x, np.ndarray)} | {"v": cotangent}
    inputs = tuple(f"x{i}" if isinstance(x, np.ndarray) else Lit(x) for i, x in enumerate(call.operands))
    wanted = list(call.plan.differentiable)
    steps = [Step("y", call.op.name, inputs, call.attrs, "", 1)]
    for i in wanted:
        leaves[f"u{i}"] = RNG.normal(size=call.operands[i].shape).astype(call.operands[i].dtype)
        steps += [step(f"g{i}", "grad", "y", f"x{i}", "v"), step(f"m{i}", "mul", f"g{i}", f"u{i}")]
        steps += [step(f"s{i}", "sum", f"m{i}")]
    for a, b in pairwise(wanted):
        steps += [step(f"t{b}", "add", f"t{a}" if a != wanted[0] else f"s{a}", f"s{b}")]
    loss = f"t{wanted[-1]}" if len(wanted) > 1 else f"s{wanted[0]}"
    return Timeline(make(leaves, *steps, loss=loss)), wanted


@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_the_gradient_is_the_rules_and_its_own_gradient_its_slope(op: Op, i: int) -> None:
    call = sample_call(op, op.samples[i])
    if not call.plan.differentiable:
        return
    cotangent = RNG.normal(size=call.plan.shape)
    timeline, _ = derived(call, cotangent)
    for position, found in call.contributions(cotangent).items():
        assert_same(timeline.value(f"g{position}"), found, f"operand {position}")
    assert {row.name: row.verdict for row in gradcheck(timeline) if row.verdict != "pass"} == {}


# --- what is written out, and what it is called


def program(text: str, leaves: dict[str, Array] | None = None, *, limits: Limits | None = None) -> Graph:
    arrays = leaves or {"X": np.ones((2, 3)), "W": np.ones((3, 2)), "b": np.ones(2)}
    return build([leaf(n, a) for n, a in arrays.items()], elaborate(text, arrays), loss="L", limits=limits, where="f")


def test_rules_are_blocks_and_cotangents_are_called_as_gradients() -> None:
    graph = program("with block('layer'):\n    H = tanh(X @ W + b)\nL = sum(H)\nG = grad(L, X)\n")
    first = graph.index["L"] - graph.first + 1
    assert [(node.id, node.block) for node in graph.nodes[first:]] == [
        ("G.dL", "G"), ("G.dH", "G.L"), ("G.H.pow1", "G.H"), ("G.H.sub1", "G.H"), ("G.layer.dadd1", "G.H"),
        ("G.layer.matmul1.transpose1", "G.layer.matmul1"), ("G", "G.layer.matmul1"),
    ]  # fmt: skip


def test_a_gradient_in_a_block_and_a_name_assigned_again() -> None:
    text = "def f(x):\n    h = sum(x ** 2)\n    h = h * h\n    return grad(h, x)\nA = f(X)\nA = f(A)\nL = sum(A)\n"
    graph = program(text)
    blocks = {node.id: node.block for node in graph.nodes}
    assert blocks["A.f1.dh_1"] == "f1.A"
    assert blocks["A.f1.dh"] == "f1.A"
    assert blocks["A_1.f2.h_1.mul1"] == "f2.A_1.f2.h_1"
    assert blocks["A.1"] == "f2.A_1.f2.pow1"


def test_the_second_gradient_of_the_same_tensor_takes_what_the_first_has_written() -> None:
    apart = program("H = tanh(X @ W)\nL = sum(H)\nA = grad(L, X)\n")
    both = program("H = tanh(X @ W)\nL = sum(H)\nA = grad(L, X)\nB = grad(L, W)\n")
    again = program("H = tanh(X @ W)\nL = sum(H)\nA, B = grad(L, (X, W))\nC = grad(L, X)\n")
    assert len(both) == len(apart) + 2, "a transpose and a product"
    assert len(again) == len(both) + 1
    assert again.statement(again.index["C"]) == "C = reshape(A, shape=(2, 3))"


def test_a_tensor_that_is_used_twice_has_its_contributions_added() -> None:
    graph = program("L = sum(b * b)\nG = grad(L, b)\nM = sum(G)\n")
    timeline = Timeline(graph)
    np.testing.assert_array_equal(timeline.value("G"), [2, 2])
    assert graph.statement(graph.index["G"]) == "G = G.mul1.mul1 + G.mul1.mul2"


def test_a_mask_that_is_drawn_is_the_same_in_a_gradient_that_is_written_out() -> None:
    timeline = Timeline(program("H = dropout(X, p=0.5)\ny = sum(H * H)\nG = grad(y, X)\nL = sum(G ** 2)\n"))
    kept = timeline.value("H.mask")
    np.testing.assert_array_equal(timeline.value("G"), np.where(kept, 8.0, 0.0))
    np.testing.assert_array_equal(timeline.grad("X"), np.where(kept, 128.0, 0.0))
    masks = [s.tensor for i in range(len(timeline)) for s in Layout(timeline.schedule).slots(i) if s.role == MASK]
    assert len(masks) == 1, "a recording has it once, where it was drawn"


def test_names_that_are_taken_are_left_alone() -> None:
    graph = program("G = sum(b)\nwith block('G'):\n    dL = G * 1\nL = G * 2\nG = grad(L, b)\n")
    assert len(set(graph.names)) == len(graph.names)


def test_of_itself_it_is_one() -> None:
    timeline = Timeline(program("L = sum(X)\nG = grad(L, L)\n"))
    assert timeline.value("G") == 1


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("L = sum(X)\nG = grad(X, W)", "E_SHAPE", "'X' has shape (2, 3), and a gradient begins at one number"),
        ("L = sum(X)\nG = grad(L, W)", "E_LOSS", "no way back leads from L to W"),
        ("L = sum(stop_gradient(X))\nG = grad(L, X)", "E_LOSS", "no way back leads from L to X"),
        ("L = sum(X)\nM = L * 2\nG = grad(L, M)", "E_LOSS", "no way back leads from L to M"),
        ("L = sum(X)\nm = X > 0\nG = grad(L, m)", "E_DTYPE", "'m' is bool"),
        ("L = sum(X)\nG = grad(X, X, W)", "E_SHAPE", "coming in at 'X' is (3, 2) float64, and X is (2, 3) float64"),
        ("L = sum(X)\nG = grad(L)", "E_ATTR", "grad needs x"),
        ("L = sum(X)\nG = grad(L, 2)", "E_ATTR", "x is a tensor, and 2 stands there"),
        ("L = sum(X)\nG = grad((L, L), X)", "E_ATTR", "y is a tensor, and a tuple stands there"),
        ("L = sum(X)\nG = grad(L, X, 1, 2)", "E_ATTR", "grad takes 2 or 3 tensors, and 4 are given"),
        ("L = sum(X)\nG = grad(L, wrt=X)", "E_ATTR", "wrt is no attribute of it"),
        ("L = sum(X)\nG = grad(L, X, y=L)", "E_ATTR", "y is given twice"),
        ("G = grad(L, X)\nL = sum(X)", "E_NAME", "L"),
    ],
)
def test_what_is_no_gradient_is_refused_in_words(text: str, code: str, words: str) -> None:
    with pytest.raises(BpdebugError) as caught:
        program(text)
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.hint


def test_a_rule_that_cannot_be_derived_again_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = replace(OPS["tanh"], name="odd", vjp=lambda xp, g, y, x: (g * xp.between(y, axis=0)[0],))
    monkeypatch.setitem(OPS, "odd", odd)
    with pytest.raises(BpdebugError) as caught:
        program("H = odd(b)\nL = sum(H)\nG = grad(L, b)\n")
    assert caught.value.code == "E_OP"
    assert "the rule of odd 'H' cannot be derived again: no derivative of between" in caught.value.message


def test_limits_hold_before_anything_is_computed() -> None:
    """Each gradient of a gradient is several times as long."""
    text = "L = sum(tanh(X @ W) ** 2)\n" + "L = sum(grad(L, X) ** 2)\n" * 30
    with pytest.raises(BpdebugError) as caught:
        program(text, limits=Limits({"nodes": 5_000}))
    assert caught.value.code == "E_LIMIT"
    chain = "y = b\n" + "y = y + 1\nG = grad(sum(y), b)\n" * 200 + "L = sum(y)\n"
    with pytest.raises(BpdebugError) as caught:
        program(chain, limits=Limits({"calls": 10_000}))
    assert "the nodes that gradients go back through" in caught.value.message


@examples(40)
@given(graphs())
def test_of_any_graph_it_is_bit_for_bit_what_the_engine_gives(random: Random) -> None:
    graph = random.build()
    out = graph.names[next(iter(graph.incoming))]
    shape, dtype = graph.shapes[graph.index[out]], graph.dtypes[graph.index[out]]
    leaves = {**random.leaves, "v": RNG.normal(size=shape).astype(dtype)}
    timeline = Timeline(make(leaves, *random.steps, into={out: leaves["v"]}))
    wanted = {leaf.name: timeline.grad(leaf.name) for leaf in graph.leaves}
    asked = [step(f"grad_{name}", "grad", out, name, "v") for name, found in wanted.items() if found is not None]
    written = Timeline(make(leaves, *random.steps, *asked, into={out: leaves["v"]}))
    for name, found in wanted.items():
        if found is not None:
            assert_same(written.value(f"grad_{name}"), found, name)
