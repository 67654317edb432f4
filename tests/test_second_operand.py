"""A tensor that is both operands of a node: each of the two is named by its number."""

from __future__ import annotations

import numpy as np
import pytest

import bpdebug
from bpdebug.errors import BpdebugError
from bpdebug.scenario import load, open_timeline

TEXT = """format = 1
[inputs]
X = [[1, 2], [3, -4]]
[graph]
incoming = { Y = [[1, 0.5], [-2, 1]] }
program = "Y = X @ X"
"""


def test_adjoint_is_asked_of_either() -> None:
    session = bpdebug.Session(load(TEXT))
    first, second = (session.do(f"seek Y@bwd ;; adjoint {n}").to_data() for n in (1, 2))
    assert first == session.do("adjoint X").to_data()
    assert (first["left"], second["left"]) == (first["right"], second["right"])
    assert "∂Y @ Xᵀ" in session.do("adjoint 1").to_text()
    assert "Xᵀ @ ∂Y" in session.do("adjoint 2").to_text()
    with pytest.raises(BpdebugError, match="no operand '3'"):
        session.do("adjoint 3")


def test_a_rule_is_set_for_either() -> None:
    session = bpdebug.Session(load(TEXT))
    session.do("set rule Y@bwd 2 = 0 * dY")
    event = next(e for e in session.state.timeline if e.phase == "backward")
    assert [c.formula for c in event.contributions] == ["∂Y @ Xᵀ", "0 * ∂Y"]
    session.do("set rule Y@bwd 1 = X.T @ dY")
    event = next(e for e in session.state.timeline if e.phase == "backward")
    assert [c.formula for c in event.contributions] == ["Xᵀ @ ∂Y", "0 * ∂Y"]
    with pytest.raises(BpdebugError, match="no operand '0'"):
        session.do("set rule Y@bwd 0 = dY")


def test_a_file_names_either_too() -> None:
    timeline = open_timeline(load(TEXT + '[rules]\nY = { 2 = "0 * dY" }\n'))
    g, x = timeline.grad("Y"), timeline.value("X")
    assert g is not None
    np.testing.assert_array_equal(timeline.grad("X"), g @ x.T)
