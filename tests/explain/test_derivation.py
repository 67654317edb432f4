"""The reader's own backward pass: right lines are right, wrong ones are found, and their mistakes are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug.engine import Timeline
from bpdebug.errors import BpdebugError
from bpdebug.explain.derivation import LineVerdict, derivation
from bpdebug.ops import OPS
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


def lines(t: Timeline, text: str) -> dict[str, LineVerdict]:
    return {r.name: r for r in derivation(t, read_derivation(text, t.graph).steps, 0).rows}


def judged(text: str, top: str = "") -> dict[str, LineVerdict]:
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
    ("dQ = P * dP * (1 - P)", "value", "only the diagonal of softmax's Jacobian"),
    ("dQ = dP * P - P * P * dP", "value", "only the diagonal of softmax's Jacobian"),
    ("dH = dY @ (W2 - 0.01 * dW2).T", "value", "this reads W2 after its update (W2 - 0.01 * ∂W2)"),
    ("new = W1 - dW1 / 4\ndX = dZ @ new.T", "value", "this reads W1 after its update (W1 - 0.25 * ∂W1)"),
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


def test_a_factor_whose_inverse_is_beyond_floats_is_named_itself() -> None:
    (row,) = judged("dR = 1e-320 * R").values()
    assert "5e-320 times what it should be" in row.suggestion


def logits() -> Timeline:
    """A softmax of two consumers, inside losses."""
    rng = np.random.default_rng(2)
    arrays: dict[str, Any] = {name: rng.normal(size=(3, 4)) for name in ("Z", "T", "U")}
    arrays["t"] = np.array([0, 3, 1])
    steps = (
        step("P", "softmax", "Z"), step("C", "cross_entropy", "Z", "t"), step("D", "cross_entropy", "U", "T"),
        step("Q", "log_softmax", "U"), step("p", "mul", "P", "T"), step("q", "mul", "Q", "T"), step("a", "sum", "p"),
        step("b", "sum", "q"), step("c", "add", "a", "b"), step("d", "add", "C", "D"), step("L", "add", "c", "d"),
    )  # fmt: skip
    return Timeline(make(arrays, *steps, loss="L"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("dZ = P * dP + (P - one_hot(t, depth=4)) * dC / 3", "a term of softmax's rule is missing: sum(∂P * P"),
        ("dZ = P * (1 - P) * dP + (P - one_hot(t, depth=4)) * dC / 3", "only the diagonal of softmax's Jacobian"),
        ("dZ = P * (dP - sum(dP * P, axis=-1, keepdims=True)) + P * dC / 3", "is missing: one_hot(t"),
        ("dZ = P * (dP - sum(dP * P, axis=-1, keepdims=True)) - one_hot(t, depth=4) * dC / 3", "missing: softmax(Z)"),
        ("dU = -T * dD / 3 + dQ - exp(Q) * sum(dQ, axis=-1, keepdims=True)", "of cross_entropy's rule is missing"),
        ("dU = dQ + (softmax(U) * sum(T, axis=-1, keepdims=True) - T) * dD / 3", "rule is missing: exp(Q)"),
        ("dU = dQ * (1 - exp(Q)) + (softmax(U) * sum(T, axis=-1, keepdims=True) - T) * dD / 3",
         "only the diagonal of log_softmax's Jacobian"),
    ],
)  # fmt: skip
def test_a_term_of_softmax_that_is_missing_is_named_beside_other_consumers(line: str, says: str) -> None:
    (row,) = lines(logits(), line).values()
    assert row.verdict == "value"
    assert says in row.suggestion


@pytest.mark.parametrize("name", ["delta", "delta2", "d", "d2", "diff", "d_out", "dot", "dim1", "data"])
def test_a_name_of_ones_own_that_begins_with_d_is_no_gradient(name: str) -> None:
    found = load(MLP.format(top=""))
    timeline = open_timeline(found)
    made = derivation(timeline, read_derivation(f"{name} = dY @ W2.T\ndH = {name}", timeline.graph).steps, 0)
    assert made.unknown == ()
    assert [r.verdict for r in made.rows] == ["right"]


@pytest.mark.parametrize("name", ["dU", "dw1", "dW3", "dXX"])
def test_one_that_may_be_meant_for_a_gradient_is_said(name: str) -> None:
    found = load(MLP.format(top=""))
    timeline = open_timeline(found)
    made = derivation(timeline, read_derivation(f"{name} = dY @ W2.T", timeline.graph).steps, 0)
    assert made.unknown == (name,)


# --- kinks


def at_kink(op: str, inputs: dict[str, Any], **attrs: Any) -> Timeline:
    """An op that is at a kink in some cells, and the sum of its squares."""
    arrays = {name: np.array(a) for name, a in inputs.items()}
    steps = (step("y", op, *inputs, **attrs), step("q", "square", "y"), step("L", "sum", "q"))
    return Timeline(make(arrays, *steps, loss="L"))


PAIR = {"a": [1.0, 2.0, 3.0], "b": [1.0, 1.0, 4.0]}
CELLS = {"x": [0.0, 1.0, -2.0]}
TIED = {"x": [2.0, 2.0, 1.0]}
KINKS: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    # at the kink of relu and abs the gradient that comes in is 0 here: only other cotangents tell the lines apart
    ("relu", {"x": [0.0, 1.0, -1.0]}, {}, "dx = dy * (x >= 0)", "kink"),
    ("relu", {"x": [0.0, 1.0, -1.0]}, {}, "dx = dy * (x > 0) + dy * (x == 0) / 2", "kink"),
    ("relu", {"x": [0.0, 1.0, -1.0]}, {}, "dx = dy * (x > 0) + 5 * dy * (x == 0)", "value"),
    ("relu", {"x": [0.0, 1.0, -1.0]}, {}, "dx = dy * (x > 0)", "right"),
    ("abs", {"x": [0.0, 1.0, -1.0]}, {}, "dx = dy * x / y", "value"),
    ("maximum", PAIR, {}, "da = dy * (a >= b)", "kink"),
    ("maximum", PAIR, {}, "da = dy * (a > b)", "kink"),
    ("maximum", PAIR, {}, "db = where(b > a, dy, where(b == a, dy / 4, 0))", "kink"),
    ("maximum", PAIR, {}, "da = where(a > b, dy, where(a == b, dy / 2, 0))", "right"),
    ("maximum", PAIR, {}, "da = dy", "value"),
    ("maximum", PAIR, {}, "da = dy * (a > b) + 7 * dy * (a == b)", "value"),
    ("maximum", PAIR, {}, "da = dy * (a >= b) * (a < 1.5)", "value"),
    ("minimum", PAIR, {}, "db = dy * (b <= a)", "kink"),
    ("abs", CELLS, {}, "dx = where(x >= 0, dy, -dy)", "kink"),
    ("leaky_relu", CELLS, {"slope": 0.1}, "dx = where(x >= 0, dy, dy * 0.2)", "value"),
    ("elu", {"x": [0.0, -1.0]}, {"alpha": 2.0}, "dx = dy * 3", "value"),
    ("clip", {"x": [1.0, 0.5, 2.0]}, {"min": 0.0, "max": 1.0}, "dx = where(x < 1, dy, 0)", "kink"),
    (
        "clip",
        {"x": [1.0, 0.5, 2.0]},
        {"min": 0.0, "max": 1.0},
        "dx = where(x < 1, dy, where(x == 1, dy / 2, 0))",
        "kink",
    ),
    ("max", TIED, {}, "dx = dy * (x == y)", "kink"),
    ("max", TIED, {}, "dx = dy * (x == y) * 3", "value"),
    ("min", {"x": [1.0, 1.0, 2.0]}, {}, "dx = dy * (x == y)", "kink"),
]


@pytest.mark.parametrize(("op", "inputs", "attrs", "line", "verdict"), KINKS)
def test_another_convention_at_a_kink_is_no_wrong_line(
    op: str, inputs: dict[str, Any], attrs: dict[str, Any], line: str, verdict: str
) -> None:
    t = at_kink(op, inputs, **attrs)
    made = derivation(t, read_derivation(line, t.graph).steps, 0)
    (row,) = made.rows
    assert row.verdict == verdict, row
    assert (made.first_wrong is None) == (verdict != "value")
    if verdict == "kink":
        assert bool(row.error) == (op not in ("relu", "abs"))
        assert row.suggestion == f"right off the kink, and another convention at it; here: {op} 'y', {OPS[op].kink}"


THROUGH = '''format = 1
title = "A relu at 0 inside a network, a pool with ties, a square root of 0"
[inputs]
X = [[1, 0], [0, 1], [1, 1]]
p = [[[[1, 1, 2], [1, 0.5, 2]]]]
s = [0, 4]
[parameters]
W = [[1, 2], [-1, 0.5]]
[graph]
loss = "L"
program = """
Z = X @ W
H = relu(Z)
P = max_pool2d(p, size=2, stride=1)
r = sqrt(s)
n = abs(Z)
L = sum((H + 1) ** 2) + sum((P + 1) ** 2) + sum(r) + sum(n * (n + 1))
"""
'''


@pytest.mark.parametrize(
    ("line", "verdict", "says"),
    [
        ("dX = (dH * (Z >= 0) + where(Z >= 0, dn, -dn)) @ W.T", "kink", "'H', the derivative at 0"),
        ("dW = X.T @ (dH * (Z >= 0) + where(Z > 0, dn, -dn))", "kink", "relu 'H'"),
        ("dZ = dH * (Z >= 0) + where(Z > 0, dn, -dn)", "kink", "relu 'H'"),
        ("dW = X.T @ (dH + where(Z > 0, dn, -dn))", "value", ""),
        ("dW = X.T @ (dH * (Z >= 0) + where(Z > 0, dn, -dn)) * 2", "value", ""),
        ("ds = where(s > 0, dr / (2 * r), 0)", "kink", "at 0 the slope is infinite"),
        ("ds = where(s > 0, dr / r, 0)", "value", ""),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_line_that_goes_through_a_kink(line: str, verdict: str, says: str, dtype: str) -> None:
    t = open_timeline(load(THROUGH.replace("format = 1", f'format = 1\ndtype = "{dtype}"')))
    (row,) = lines(t, line).values()
    assert row.verdict == verdict, row
    assert says in row.suggestion


def test_a_convention_in_words_in_json_and_as_an_answer() -> None:
    session = bpdebug.Session(load(THROUGH))
    report = session.do("derivation dZ = dH * (Z >= 0) + where(Z > 0, dn, -dn)")
    assert [r["verdict"] for r in report.to_data()["rows"]] == ["kink"]
    assert report.to_data()["first_wrong"] is None
    assert "derivation: 0 of 1 right, 1 by another convention at a kink" in report.to_text()
    session.do("seek H@bwd ;; practice ;; answer 3x2")
    assert "right off the kink" in session.do("answer dH * (Z >= 0)").to_text()


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

    def row(text: str) -> LineVerdict:
        return derivation(t, read_derivation(text, t.graph).steps, 0).rows[-1]

    assert row("dX = dY * Z").verdict == "right"
    assert row("dX = dY * X").verdict == "value"
    assert "with another cotangent" in row("dX = 0 * dY").suggestion
    assert row("dY = where(Y > 0, dR, 0)").verdict == "right"


def test_a_name_that_is_no_gradient_is_said() -> None:
    found = load(MLP.format(top=""))
    timeline = open_timeline(found)
    made = derivation(timeline, read_derivation("dU = dY @ W2.T\ndH = dU\ndelta = dY", timeline.graph).steps, 0)
    assert made.unknown == ("dU",)
    assert [r.verdict for r in made.rows] == ["right"]


def test_one_mistake_does_not_condemn_the_lines_after_it() -> None:
    rows = judged(RIGHT.replace("dY = dQ @ S.T + dR", "dY = dQ @ S + dR"))
    assert [name for name, r in rows.items() if r.verdict != "right"] == ["dY"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("dX = dY @ W", "∂Y @ W: forgot the transpose"),
        ("dX = dY.T @ W", "this is ∂Yᵀ @ W"),
        ("dX = W @ dY", "this is W @ ∂Y"),
        ("dW = X @ dY", "X @ ∂Y: forgot the transpose"),
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
    assert "used the inverse" in row.suggestion


def test_a_gradient_added_to_in_a_second_line_is_judged_there() -> None:
    rows = judged("dY = dQ @ S.T\ndY = dY + dR\ndW2 = H.T @ dY")
    assert {n: (r.verdict, r.line) for n, r in rows.items()} == {"dY": ("right", 2), "dW2": ("right", 3)}


def test_a_block_that_is_called_as_a_gradient_is_none() -> None:
    """Its nodes without a name are called dW2.mul1: no line for ∂W2, and nothing that later lines read as ∂W2."""
    rows = judged('with block("dW2"):\n    dR = R * 2 / 10 + 0 * R\n    dD = dR')
    assert {name: row.verdict for name, row in rows.items()} == {"dR": "right", "dD": "right"}


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
