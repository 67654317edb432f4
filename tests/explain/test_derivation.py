"""The reader's own backward pass: right lines are right, wrong ones are found, and their mistakes are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug.engine import Timeline
from bpdebug.errors import BpdebugError
from bpdebug.explain.derivation import Line, derivation
from bpdebug.scenario import load, open_timeline, read_derivation
from tests.graphs import make, step
from tests.lessons import NAMES, scenario

MLP = """format = 1
{top}
[inputs]
X = [[1, 0, 2], [0, 1, -1], [-1, 1, 0.5], [2, -1, 1], [1, 1, 3]]
T = [[1, 0], [0, 1], [0.5, 2], [0, 1], [1, -1]]
S = [[1, 2], [3, 5]]

[parameters]
W1 = [[0.5, -1, 0.25, 1], [1, 0.5, -0.5, 0.25], [0.1, 0.7, -0.2, 0.4]]
b1 = [0, 0.5, -0.5, 0.25]
W2 = [[1, -0.5], [0.5, 1], [0.3, 0.25], [-1, 0.5]]

[graph]
loss = "L"
program = '''
Z = X @ W1
A = Z + b1
H = tanh(A)
Y = H @ W2
Q = Y @ S
P = softmax(Q)
D = P - T
R = D + Y
L = mean(R ** 2)
'''
"""
RIGHT = """
dR = R * 2 / 10
dD = dR
dP = dD
dQ = P * (dP - sum(dP * P, axis=-1, keepdims=True))
dY = dQ @ S.T + dR
dW2 = H.T @ dY
dH = dY @ W2.T
dA = dH * (1 - H ** 2)
db1 = sum(dA, axis=0)
dZ = dA
dW1 = X.T @ dZ
dX = ∂Z @ W1ᵀ
"""


def judged(text: str, top: str = "") -> dict[str, Line]:
    found = load(MLP.format(top=top))
    timeline = open_timeline(found)
    made = derivation(timeline, read_derivation(text, timeline.graph, dtype=found.dtype.name).steps, 0)
    rows = {r.name: r for r in made.rows}
    assert made.first_wrong == next((r.name for r in made.rows if r.verdict != "right"), None)
    return rows


@pytest.mark.parametrize("top", ["", 'dtype = "float32"'])
def test_a_right_derivation_is_right_in_every_line(top: str) -> None:
    rows = judged(RIGHT, top)
    assert {r.verdict for r in rows.values()} == {"right"}
    assert len(rows) == RIGHT.strip().count("\n") + 1  # also lines that only name: dZ = dA
    assert [r.line for r in rows.values()] == list(range(2, 14))


@pytest.mark.parametrize("name", [n for n in NAMES if scenario(n).derivation is not None])
def test_the_derivations_of_the_lessons_come_to_what_they_expect(name: str) -> None:
    found = scenario(name)
    assert found.derivation is not None
    assert found.expect is not None
    assert found.expect.derivation
    made = derivation(open_timeline(found), found.derivation.steps, 0)
    assert (made.first_wrong or "none") == found.expect.derivation.first_wrong


MISTAKES = [
    ("dW2 = dY.T @ H", "shape", "the right numbers, transposed"),
    ("dH = dY @ W2", "shape", "∂H = ∂Y @ W2ᵀ"),
    ("dW2 = H @ dY", "shape", "inner sizes"),
    ("dY = dQ @ S + dR", "value", "∂Y = ∂R + ∂Q @ Sᵀ"),
    ("dY = dR", "value", "only what R gives"),
    ("dY = dQ @ S.T", "value", "only what Q gives"),
    ("db1 = dA", "shape", "the sum is missing: each cell of b1 was used 5 times"),
    ("db1 = mean(dA, axis=0)", "value", "1/5 times"),
    ("db1 = sum(dA, axis=1)", "shape", "b1 is (4,)"),
    ("dA = dH", "value", "as it comes in: the rule of tanh is missing"),
    ("dA = dH * (1 + H ** 2)", "value", "∂A = ∂H * (1 - H ** 2)"),
    ("dQ = P * dP", "value", "a term of softmax's rule is missing: sum(∂P * P"),
    ("dR = R * 2", "value", "10 times what it should be"),
    ("dR = -R / 5", "value", "the sign is wrong"),
    ("dT = dD", "value", "the sign is wrong"),
    ("dX = dZ @ W1.T[0:1]", "shape", ""),
    ("dH = sum(dY @ W2.T, axis=0, keepdims=True)", "shape", "broadcasting would let it pass"),
]


@pytest.mark.parametrize(("line", "verdict", "says"), MISTAKES, ids=[m[0] for m in MISTAKES])
@pytest.mark.parametrize("top", ["", 'dtype = "float32"'])
def test_a_mistake_is_found_and_named(line: str, verdict: str, says: str, top: str) -> None:
    (row,) = judged(line, top).values()
    assert (row.verdict, row.error is None) == (verdict, verdict == "shape")
    assert says in row.suggestion


@pytest.mark.parametrize("line", ["dX = dX", "dX = 2 * dX / 2", "t = dX\ndX = t", "dX = dX.T.T"])
def test_what_is_said_by_itself_is_no_derivation(line: str) -> None:
    (row,) = judged(line).values()
    assert row.verdict == "value"
    assert "by ∂X itself; ∂X = ∂Z @ W1ᵀ" in row.suggestion
    assert judged("dX = dZ @ W1.T\ndX = dX + 0")["dX"].verdict == "right"  # the reader's own


def test_a_number_is_a_line_too() -> None:
    assert judged("dL = 1")["dL"].verdict == "right"
    assert judged("dL = 2")["dL"].verdict == "value"
    assert judged("dX = 0")["dX"].verdict == "shape"
    with pytest.raises(BpdebugError, match="2 values"):
        judged("dX = (1, 2)")


def test_zeros_are_right_by_chance_where_a_gradient_is_zero() -> None:
    t = Timeline(
        make({"X": np.ones((2, 3)), "Z": -np.ones((2, 3))}, step("Y", "mul", "X", "Z"), step("R", "relu", "Y"),
             into={"R": np.ones((2, 3))})
    )  # fmt: skip

    def row(text: str) -> Line:
        return derivation(t, read_derivation(text, t.graph).steps, 0).rows[-1]

    assert row("dX = dY * Z").verdict == "right"
    assert row("dX = dY * X").verdict == "value"
    assert "with another cotangent" in row("dX = 0 * dY").suggestion
    assert row("dY = where(Y > 0, dR, 0)").verdict == "right"


def test_a_name_that_is_no_gradient_is_said() -> None:
    found = load(MLP.format(top=""))
    timeline = open_timeline(found)
    made = derivation(timeline, read_derivation("dU = dY @ W2.T\ndH = dU\ndelta = dY", timeline.graph).steps, 0)
    assert made.unknown == ("dU", "delta")
    assert [r.verdict for r in made.rows] == ["right"]


def test_one_mistake_does_not_condemn_the_lines_after_it() -> None:
    rows = judged(RIGHT.replace("dY = dQ @ S.T + dR", "dY = dQ @ S + dR"))
    assert [name for name, r in rows.items() if r.verdict != "right"] == ["dY"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("dX = dY @ W", "∂Y @ W: the transpose is missing"),
        ("dX = dY.T @ W", "this is ∂Yᵀ @ W"),
        ("dX = W @ dY", "this is W @ ∂Y"),
        ("dW = X @ dY", "X @ ∂Y: the transpose is missing"),
        ("dW = dY.T @ X", "the right numbers, transposed"),
        ("dX = dY", "as it comes in"),
    ],
)
def test_where_every_product_fits_the_numbers_tell(line: str, says: str) -> None:
    rng = np.random.default_rng(0)
    t = Timeline(
        make({"X": rng.normal(size=(3, 3)), "W": rng.normal(size=(3, 3))}, step("Y", "matmul", "X", "W"),
             into={"Y": rng.normal(size=(3, 3))})
    )  # fmt: skip
    (row,) = derivation(t, read_derivation(line, t.graph).steps, 0).rows
    assert row.verdict == "value"
    assert says in row.suggestion


def test_the_inverse_in_the_transposes_place_is_named() -> None:
    rng = np.random.default_rng(0)
    w = rng.normal(size=(2, 2))
    t = Timeline(
        make({"X": rng.normal(size=(2, 2)), "W": w, "V": np.linalg.inv(w)}, step("Y", "matmul", "X", "W"),
             step("U", "matmul", "Y", "V"), into={"Y": np.ones((2, 2)), "U": np.eye(2)})
    )  # fmt: skip
    (row,) = derivation(t, read_derivation("dX = dY @ V", t.graph).steps, 0).rows
    assert "the inverse, where the transpose belongs" in row.suggestion


def test_a_gradient_added_to_in_a_second_line_is_judged_there() -> None:
    rows = judged("dY = dQ @ S.T\ndY = dY + dR\ndW2 = H.T @ dY")
    assert {n: (r.verdict, r.line) for n, r in rows.items()} == {"dY": ("right", 2), "dW2": ("right", 3)}


def test_names_of_ones_own_and_what_has_no_gradient() -> None:
    rows = judged("delta = dH * (1 - H ** 2)\ndW1 = X.T @ delta\ndW2 = H")
    assert rows["dW1"].verdict == "right"
    graph = make({"x": np.ones(2), "u": np.ones(2)}, step("y", "exp", "x"), step("L", "sum", "y"), loss="L")
    (row,) = derivation(Timeline(graph), read_derivation("du = x * 2", graph).steps, 0).rows
    assert (row.verdict, row.error) == ("value", None)
    assert "no path" in row.suggestion


def test_a_wrong_rule_in_force_does_not_make_a_right_line_wrong() -> None:
    session = bpdebug.Session(bpdebug.load("square_trap"))
    session.do("set rule Y@bwd X = dY @ W")
    assert session.do("derivation dX = dY @ W.T").to_data()["first_wrong"] is None
    assert session.do("derivation dX = dY @ W").to_data()["first_wrong"] == "dX"


def test_at_the_prompt_and_where_it_is_refused() -> None:
    session = bpdebug.Session(bpdebug.load("transpose"))
    with pytest.raises(BpdebugError, match="no table"):
        session.do("derivation")
    data: Any = session.do("derivation dX = dY @ W.T; dW = dY").to_data()
    assert [set(r) for r in data["rows"]] == [{"line", "name", "verdict", "error", "suggestion"}] * 2
    assert data["first_wrong"] == "dW"
    assert session.do("expect derivation dX = dY @ W.T none").to_text()
    for line in ("derivation dX = nope", "derivation dX = import os", "derivation X = dY", "derivation dX ="):
        with pytest.raises(BpdebugError) as caught:
            session.do(line)
        assert (caught.value.code, caught.value.exit_code) == ("E_EXPR", 1)
        assert caught.value.hint
