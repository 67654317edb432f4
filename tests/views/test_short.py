"""Reports say long names short, their JSON has them whole, and what they say can be typed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bpdebug import Session
from bpdebug.errors import CommandError
from bpdebug.scenario import Scenario
from tests.expression.test_short import AT, layers


@pytest.fixture
def session() -> Session:
    made = Session(Scenario("model", "", "", np.dtype(np.float64), 0, layers(), "", 1))
    made.do(f"seek {AT}.linear.matmul@bwd")
    return made


def test_formulas_are_as_one_who_stands_there_writes_them(session: Session) -> None:
    text = session.do("seek linear.matmul@bwd").to_text()
    assert "linear.matmul = layers.0.feed_forward.act.tanh1 @ weight" in text
    assert "∂weight = layers.0.feed_forward.act.tanh1ᵀ @ ∂linear.matmul" in text
    assert "transformer" not in text


def test_json_has_them_whole(session: Session) -> None:
    report = session.do("seek linear.matmul@bwd")
    formulas = [c["formula"] for c in json.loads(report.to_json())["contributions"]]
    assert f"transformer.layers.0.feed_forward.act.tanh1ᵀ @ ∂{AT}.linear.matmul" in "".join(formulas)


@pytest.mark.parametrize(
    "line", ["print norm(dweight)", "print weight[0, 1]", "stats ∂weight", "print weight.T", "why dweight"]
)
def test_they_can_be_typed_where_they_are_read(session: Session, line: str) -> None:
    whole = line.replace("weight", f"{AT}.linear.weight")
    assert session.do(line).to_json() == session.do(whole).to_json()


@pytest.mark.parametrize(
    "line", ["lens", "candidates", "derivation dweight = dlinear.matmul", "contributions dweight", "adjoint"]
)
def test_explanations_follow(session: Session, line: str) -> None:
    text = session.do(line).to_text()
    assert "weight" in text
    assert "transformer" not in text


def test_where_it_might_be_several_it_is_refused(session: Session) -> None:
    session.do("seek loss@fwd")
    with pytest.raises(CommandError, match="'weight' could be 2 tensors"):
        session.do("print weight")
