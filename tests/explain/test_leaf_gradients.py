"""Two different programs by the leaves that they share: gradients side by side, and the factor between them."""

from __future__ import annotations

import math

import numpy as np
import pytest

import bpdebug
from bpdebug.engine import Timeline
from bpdebug.engine.closeness import factor
from bpdebug.explain.leaf_gradients import by_leaves, different_programs
from bpdebug.views.compare import compared

LEAVES = """
format = 1
[inputs]
{inputs}
[parameters]
W = [[1.0], [0.5]]
b = [0.1]
[graph]
loss = "L"
program = '''
{program}
'''
"""
WHOLE = "X = [[1.0, 2.0], [3.0, 4.0], [-1.0, 0.5], [2.0, 2.0]]\nT = [[1.0], [0.0], [2.0], [1.0]]"
LOSS = "L = mean((X @ W + b - T) ** 2)"


def timeline(inputs: str, program: str) -> Timeline:
    return bpdebug.run(bpdebug.load(LEAVES.format(inputs=inputs, program=program)))


def halves(cut: int, loss: str) -> Timeline:
    """The batch in two parts, and what becomes of their two losses."""
    x, t = [[1.0, 2.0], [3.0, 4.0], [-1.0, 0.5], [2.0, 2.0]], [[1.0], [0.0], [2.0], [1.0]]
    inputs = f"X1 = {x[:cut]}\nT1 = {t[:cut]}\nX2 = {x[cut:]}\nT2 = {t[cut:]}"
    parts = "\n".join(LOSS.replace("L", f"L{i}").replace("X", f"X{i}").replace("T", f"T{i}") for i in (1, 2))
    return timeline(inputs, f"{parts}\nL = {loss}")


def test_micro_batches_that_are_added_up_have_twice_the_gradient() -> None:
    left, right = halves(2, "L1 + L2"), timeline(WHOLE, LOSS)
    found = by_leaves(left, right)
    assert [(row.name, row.factor) for row in found.rows] == [("b", 2.0), ("W", 2.0)]  # in the backward pass's order
    assert found.first == found.rows[0]
    assert (found.values, found.left, found.right) == ((), ("X1", "T1", "X2", "T2"), ("X", "T"))
    for row in found.rows:
        here, there = left.grad(row.name), right.grad(row.name)
        assert here is not None
        assert there is not None
        assert (row.left, row.right) == (float(here[row.cell]), float(there[row.cell]))
        assert row.error == pytest.approx(0.5, rel=1e-15)
    report = compared(left, right, ("a", "b"))
    assert report.to_data()["equal"] is False
    assert "every gradient of the first is 2 times that of the second" in report.to_text()
    assert "∂W        2" in report.to_text()


def test_those_that_are_averaged_agree_where_they_are_equally_large() -> None:
    found = by_leaves(halves(2, "(L1 + L2) / 2"), timeline(WHOLE, LOSS))
    assert found.first is None
    assert [row.error for row in found.rows] == pytest.approx([0.0, 0.0], abs=1e-15)
    report = compared(halves(2, "(L1 + L2) / 2"), timeline(WHOLE, LOSS), ("a", "b"))
    assert report.to_data()["equal"] is True


def test_unequal_micro_batches_agree_by_no_factor_until_each_is_weighed() -> None:
    found = by_leaves(halves(3, "(L1 + L2) / 2"), timeline(WHOLE, LOSS))
    assert found.first is not None
    assert found.rows[1].factor is None
    assert by_leaves(halves(3, "(3 * L1 + L2) / 4"), timeline(WHOLE, LOSS)).first is None


def test_a_leaf_whose_numbers_differ_is_named_and_so_is_a_gradient_of_another_shape() -> None:
    ours = timeline("X = [[1.0, 2.0]]\nT = [[1.0]]", LOSS)
    theirs = timeline(WHOLE, LOSS.replace("X @", "H @").replace("L =", "H = X * 1\nL ="))
    found = by_leaves(ours, theirs)
    assert found.values == ("X", "T")
    assert {row.name: row.error is None for row in found.rows} == {"T": True, "b": False, "W": False, "X": True}


def test_programs_differ_by_their_nodes_and_not_by_their_ops_or_leaves() -> None:
    plain = timeline(WHOLE, LOSS)
    assert not different_programs(plain, timeline(WHOLE.replace("4.0", "5.0"), LOSS))
    assert not different_programs(plain, timeline(WHOLE, LOSS.replace("mean", "sum")))
    assert different_programs(plain, timeline(WHOLE, LOSS.replace("L =", "K = T\nL =").replace("- T", "- K * 1")))


@pytest.mark.parametrize("k", [2.0, 0.5, 1 / 3, -1.0, 128.0, math.pi, 1e-3, 7 / 4096])
def test_a_factor_is_the_number_itself(k: float) -> None:
    y = np.random.default_rng(0).standard_normal((3, 4))
    assert factor(k * y, y, 1e-9) == pytest.approx(k, rel=1e-15 if k != math.pi else 1e-12)
    assert factor(k * y + np.eye(3, 4) * 1e-3 * k, y, 1e-9) is None


def test_there_is_no_factor_of_nothing() -> None:
    zero, one = np.zeros(3), np.ones(3)
    assert factor(one, zero, 1e-9) is None
    assert factor(zero, one, 1e-9) is None
    assert factor(np.array([math.nan, 1.0, 1.0]), one, 1e-9) is None
    assert factor(np.array([math.inf, 1.0, 1.0]), one, 1e-9) is None
