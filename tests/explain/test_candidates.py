"""Candidates against brute force: which products fit, which are right, and what the wrong ones are known as."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import bpdebug
from bpdebug.arrays import Array, DType
from bpdebug.debugger.commands import within
from bpdebug.engine import Timeline
from bpdebug.engine.edits import RuleOverride
from bpdebug.errors import BpdebugError
from bpdebug.explain import candidates as module
from bpdebug.explain.candidates import ProductVerdicts, candidates
from tests.counting import Clock, over_after
from tests.graphs import DOUBLE, SINGLE, make, step

RNG = np.random.default_rng(3)


def timeline(x: Array, w: Array, dtype: DType = DOUBLE) -> Timeline:
    y = RNG.normal(size=(x @ w).shape)
    arrays = {"X": x.astype(dtype), "W": w.astype(dtype)}
    return Timeline(make(arrays, step("Y", "matmul", "X", "W"), into={"Y": y.astype(dtype)}))


def found(t: Timeline) -> ProductVerdicts:
    return candidates(next(e for e in t if (e.phase, e.name) == ("backward", "Y")))


def turned(a: Array) -> Array:
    return np.swapaxes(a, -1, -2)


def brute(operand: tuple[str, Array], g: Array, truth: Array) -> dict[str, tuple[bool, bool]]:
    """Each product of two of the four by hand: whether its shape fits, and whether its numbers are right."""
    name, a = operand
    ours, theirs = {name: a, f"{name}ᵀ": turned(a)}, {"∂Y": g, "∂Yᵀ": turned(g)}
    rows = {}
    for (p, left), (q, right) in [*product(ours.items(), theirs.items()), *product(theirs.items(), ours.items())]:
        fits = left.shape[-1] == right.shape[-2] and (left @ right).shape[-2:] == truth.shape[-2:]
        made = left @ right if fits else np.zeros(())
        while fits and made.ndim > truth.ndim:
            made = made.sum(axis=0)
        if fits and made.shape != truth.shape:
            made = made.sum(axis=0, keepdims=True)
        rows[f"{p} @ {q}"] = (fits, fits and np.allclose(made, truth, rtol=1e-4))
    return rows


SHAPES = [
    ((2, 3), (3, 4)), ((3, 3), (3, 3)), ((2, 2), (2, 5)), ((2, 5), (5, 2)), ((5, 2), (2, 2)), ((1, 3), (3, 1)),
    ((4, 2, 3), (4, 3, 5)), ((4, 2, 3), (3, 5)), ((2, 3), (4, 3, 5)), ((4, 3, 3), (1, 3, 3)), ((1, 1), (1, 1)),
    ((0, 2), (2, 3)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [DOUBLE, SINGLE], ids=str)
@pytest.mark.parametrize(("x", "w"), SHAPES, ids=str)
def test_the_rows_are_those_of_brute_force(x: tuple[int, ...], w: tuple[int, ...], dtype: DType) -> None:
    t = timeline(RNG.normal(size=x), RNG.normal(size=w), dtype)
    g = t.grad("Y")
    assert g is not None
    got = found(t)
    for name, other in (("X", "W"), ("W", "X")):
        truth = t.grad(name)
        assert truth is not None
        rows = [r for r in got.rows if r.target == f"∂{name}"]
        assert {r.formula: (r.fits, r.verdict == "right") for r in rows} == brute((other, t.value(other)), g, truth)
        assert all((r.verdict == "shape") == (not r.fits) for r in rows)


@pytest.mark.parametrize(("x", "w"), [s for s in SHAPES if len(s[0]) == len(s[1]) == 2 and 0 not in s[0]], ids=str)
def test_of_a_large_product_some_rows_tell_the_same(
    x: tuple[int, ...], w: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    t = timeline(RNG.normal(size=x), RNG.normal(size=w))
    whole = found(t)
    monkeypatch.setattr(module, "MOST_WORK", 0)
    monkeypatch.setattr(module, "SOME_ROWS", 2)
    some = found(t)
    assert [(r.formula, r.shape, r.fits, r.verdict) for r in some.rows] == [
        (r.formula, r.shape, r.fits, r.verdict) for r in whole.rows
    ]
    assert [r.verdict for r in some.inverses] == [r.verdict for r in whole.inverses]


@pytest.mark.parametrize(("m", "k", "n", "fit"), [(2, 3, 4, 1), (3, 3, 3, 8), (2, 2, 3, 2), (2, 3, 2, 2), (3, 2, 2, 2)])
def test_different_sizes_leave_one_and_equal_sizes_eight(m: int, k: int, n: int, fit: int) -> None:
    got = found(timeline(RNG.normal(size=(m, k)), RNG.normal(size=(k, n))))
    for target in ("∂X", "∂W"):
        rows = [r for r in got.rows if r.target == target]
        assert len(rows) == 8
        assert sum(r.fits for r in rows) == fit
        assert [r.formula for r in rows if r.verdict == "right"] == [{"∂X": "∂Y @ Wᵀ", "∂W": "Xᵀ @ ∂Y"}[target]]


def test_known_mistakes_have_their_names() -> None:
    got = found(timeline(RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3))))
    notes = {(r.target, r.formula): r.note for r in (*got.rows, *got.inverses)}
    assert notes["∂X", "∂Y @ W"] == notes["∂W", "X @ ∂Y"] == "forgot the transpose"
    assert notes["∂X", "∂Y @ W⁻¹"] == notes["∂W", "X⁻¹ @ ∂Y"] == "used the inverse"
    assert notes["∂W", "∂Yᵀ @ X"] == "the right numbers, transposed"
    assert {r.verdict for r in got.inverses} == {"wrong"}


def test_an_inverse_that_does_not_exist_and_one_that_is_the_transpose() -> None:
    singular, rotation = np.ones((2, 2)), np.array([[0.6, 0.8], [-0.8, 0.6]])
    rows = {r.target: r for r in found(timeline(rotation, singular)).inverses}
    assert (rows["∂X"].verdict, rows["∂X"].fits) == ("shape", False)
    assert "has no inverse" in rows["∂X"].note
    assert rows["∂W"].verdict == "right"
    assert "by chance" in rows["∂W"].note


def test_a_symmetric_operand_makes_two_right_and_says_that_it_is_chance() -> None:
    w = np.array([[2.0, 1.0], [1.0, 3.0]])
    right = {r.formula: r.note for r in found(timeline(RNG.normal(size=(2, 2)), w)).rows
             if (r.target, r.verdict) == ("∂X", "right")}  # fmt: skip
    assert right["∂Y @ Wᵀ"] == ""
    assert "by chance" in right["∂Y @ W"]


def test_a_rule_that_is_wrong_is_no_judge() -> None:
    t = timeline(RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3)))
    got = found(t.fork(RuleOverride(0, 0, lambda plan: plan.g @ plan.operands[1])))
    assert got.unconfirmed == ("∂X",)
    assert [r.formula for r in got.rows if r.verdict == "right"] == ["∂Y @ Wᵀ", "Xᵀ @ ∂Y"]


def test_a_matrix_times_itself() -> None:
    t = Timeline(make({"X": RNG.normal(size=(2, 2))}, step("Y", "matmul", "X", "X"), into={"Y": np.eye(2) + 1}))
    assert len(found(t).rows) == 16


def test_at_the_prompt_and_where_it_is_refused() -> None:
    session = bpdebug.Session(bpdebug.load("square_trap"))
    with pytest.raises(BpdebugError, match="backward pass"):
        session.do("candidates")
    report = session.do("seek Y@bwd ;; candidates")
    rows = report.to_data()["rows"]
    assert {"target", "formula", "shape", "fits", "error", "verdict"} <= set(rows[0])
    assert "∂W: 8 of 8 fit, 1 right" in report.to_text()
    session = bpdebug.Session(bpdebug.load("mlp"))
    with pytest.raises(BpdebugError, match="no matmul"):
        session.do("seek H@bwd ;; candidates")


def test_a_product_with_itself_keeps_its_two_gradients_apart() -> None:
    rng = np.random.default_rng(0)
    t = Timeline(
        make({"X": rng.normal(size=(3, 3))}, step("Y", "matmul", "X", "X"), into={"Y": rng.normal(size=(3, 3))})
    )
    found = candidates(t[len(t) - 1])
    right = {r.target: r.formula for r in found.rows if r.verdict == "right"}
    assert len([r for r in found.rows if r.verdict == "right"]) == 2
    assert right == {"∂X (left)": "∂Y @ Xᵀ", "∂X (right)": "Xᵀ @ ∂Y"}


def test_what_is_judged_in_time_is_the_beginning_of_the_whole() -> None:
    t, seen = timeline(RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3))), set[int]()
    event = next(e for e in t if (e.phase, e.name) == ("backward", "Y"))
    whole = candidates(event)
    assert whole.looked_at == whole.of == 18
    enough = 1
    while candidates(event, over_after(enough)) != whole:
        enough *= 2
    for count in range(enough + 1):  # the checks of two rules, then a product at a time
        found = candidates(event, over_after(count))
        assert found.looked_at == len(found.rows) + len(found.inverses)
        assert found.of == 18
        assert found.rows == whole.rows[: len(found.rows)]
        assert found.inverses == whole.inverses[: len(found.inverses)]
        seen.add(found.looked_at)
    assert seen == set(range(19))


def test_a_report_says_how_many_were_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(within, "monotonic", Clock())
    session = bpdebug.Session(bpdebug.load("square_trap"))
    report = session.do("seek Y@bwd ;; candidates for 1s")
    assert (report.to_data()["looked_at"], report.to_data()["of"]) == (0, 18)
    assert report.title == "candidates at Y; 0 of 18 products were judged in 1 s"
    session.do("expect candidates for 1s unknown")
    assert "; 18 of 18 products were judged in 3600 s" in session.do("candidates for 1h").title
    with pytest.raises(BpdebugError, match="nothing but a time"):
        session.do("candidates W for 3s")
