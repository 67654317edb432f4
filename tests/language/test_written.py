"""Backward rules that people write: at the prompt and in a file, traced like the ops' own, refused in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug.checks.first_wrong import check
from bpdebug.checks.whole_graph import gradcheck
from bpdebug.errors import BpdebugError
from bpdebug.language import as_rule
from bpdebug.ops import OPS, Op
from bpdebug.scenario import Scenario, load, open_timeline
from tests.graphs import SAMPLES, graph_of, sample_call

TEXT = """format = 1
dtype = "{dtype}"

[inputs]
X = [[1, 2], [3, -4], [0.5, 1]]

[parameters]
W = [[1, 2], [3, 5]]

[graph]
loss = "L"
program = '''
Y = X @ W
h = tanh(Y)
h = softmax(h)
L = mean(h ** 2)
'''
"""


def scenario(rules: str, dtype: str = "float64") -> Scenario:
    return load(TEXT.format(dtype=dtype) + rules)


def test_a_rule_of_the_file_is_in_force_and_the_check_names_its_node() -> None:
    found = scenario('[rules]\nY = { X = "dY @ W" }\n')
    timeline = open_timeline(found)
    g = timeline.grad("Y")
    assert g is not None
    np.testing.assert_array_equal(timeline.grad("X"), g @ timeline.value("W"))
    assert check(timeline, 0).first_wrong == "Y"
    event = next(e for e in timeline if (e.phase, e.name) == ("backward", "Y"))
    assert [c.formula for c in event.contributions] == ["∂Y @ W", "Xᵀ @ ∂Y"]
    assert "set by hand" in bpdebug.Session(found).do("seek Y@bwd").to_text()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_gradient_check_sees_a_rule_in_either_precision(dtype: str) -> None:
    healthy, spoilt = (open_timeline(scenario(r, dtype)) for r in ("", '[rules]\nY = { X = "dY @ W" }\n'))
    assert {r.verdict for r in gradcheck(healthy)} == {"pass"}
    assert {r.name: r.verdict for r in gradcheck(spoilt)} == {"X": "fail", "W": "pass"}


def test_a_rule_may_use_every_op_the_output_and_dotted_names() -> None:
    right = '"h.1" = { h = "h.1 * (dh.1 - sum(dh.1 * h.1, axis=-1, keepdims=True))" }'
    also = 'h = { Y = "∂h * (1 - square(h))" }\nL = { pow1 = "broadcast_to(dL, (3, 2)) / 6" }'
    timeline = open_timeline(scenario(f"[rules]\n{right}\n{also}\n"))
    assert check(timeline, 0).first_wrong is None
    words = 'L = { pow1 = "where(sigmoid(pow1) > 0, broadcast_to(dL, (3, 2)), softmax(pow1)) / 6" }'
    assert check(open_timeline(scenario(f"[rules]\n{words}\n")), 0).first_wrong is None


@pytest.mark.parametrize(
    ("rules", "code", "says"),
    [
        ('Z = { X = "dZ" }', "E_NAME", "no node 'Z'"),
        ('X = { W = "dX" }', "E_NAME", "no node 'X'"),
        ('Y = { Z = "dY" }', "E_NAME", "no operand 'Z'"),
        ('Y = { X = "dY @ V" }', "E_NAME", "no tensor 'V'"),
        ('Y = { X = "dL" }', "E_NAME", "no tensor 'dL'"),
        ('Y = { X = "dY @ W @ X.T" }', "E_SHAPE", "gradient of shape (3, 3)"),
        ('Y = { X = "X.T @ W.T @ dY" }', "E_SHAPE", ""),
        ('Y = { X = "dY > 0" }', "E_DTYPE", ""),
        ('Y = { X = "3" }', "E_OP", "no array"),
        ('Y = { X = "dropout(dY @ W.T)" }', "E_OP", "draws a mask"),
        ('Y = { X = "__import__(1)" }', "E_OP", ""),
        ('Y = { X = "().__class__" }', "E_SYNTAX", ""),
        ('Y = { X = "dY; dY" }', "E_SYNTAX", "not one expression"),
        ('Y = { X = "Z = dY" }', "E_SYNTAX", "not one expression"),
        ('Y = { X = "" }', "E_SYNTAX", "not one expression"),
        ('Y = { X = "dY @" }', "E_SYNTAX", ""),
        ('Y = { X = "' + " + ".join(["dY"] * 300) + '" }', "E_LIMIT", "operations of a rule"),
        ('Y = { X = "' + "-" * 3000 + 'dY" }', "E_LIMIT", ""),
        ("Y = 3", "E_SCHEMA", ""),
        ("Y = { X = 3 }", "E_SCHEMA", ""),
    ],
)
def test_what_is_no_rule_is_refused_with_its_line(rules: str, code: str, says: str) -> None:
    with pytest.raises(BpdebugError) as caught:
        scenario(f"[rules]\n{rules}\n")
    error = caught.value
    assert (error.code, error.exit_code) == (code, 3)
    assert says in error.message
    assert error.where in {f"<text>:{line}" for line in range(19, 22)}
    assert error.hint or code == "E_LIMIT"


def test_what_a_rule_computes_on_the_way_is_bounded() -> None:
    text = TEXT.format(dtype="float64").replace(
        "X = [[1, 2], [3, -4], [0.5, 1]]", 'X = { shape = [50000, 2], init = "ones" }'
    )
    with pytest.raises(BpdebugError) as caught:
        load(text + '[rules]\nY = { X = "(dY @ dY.T) @ X" }\n')
    assert caught.value.code == "E_LIMIT"


@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_every_op_can_be_called_in_a_rule_and_means_what_it_means_in_a_program(op: Op, i: int) -> None:
    """The rule `op(...)` of a node's own operands gives the node's own value, bit for bit."""
    call = sample_call(op, op.samples[i])
    if call.value.dtype.kind != "f" or op.draws or op.parts_of or op.name in ("slice", "take_at"):
        return  # no array of floats, or nothing that is called by its name
    graph = graph_of(call, np.ones_like(call.value))
    plan, names = graph.plans[0], graph.operand_names(0)
    attrs = ", ".join(f"{k}={v!r}" for k, v in op.samples[i].attrs.items() if k in op.open_attrs)
    built = as_rule(f"{op.name}({', '.join([*names, attrs] if attrs else names)})", names, graph.nodes[0].id)(plan)
    leaves = plan.leaves(call.operands, call.value, np.ones_like(call.value))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(plan.evaluate(built, leaves), call.value)
    assert op.name in OPS


def test_an_answer_may_name_every_tensor() -> None:
    session: Any = bpdebug.Session(scenario(""))
    session.do("practice ;; seek h.1@bwd")
    session.do("answer 3x2")
    report = session.do("answer h.1 * (dh.1 - sum(dh.1 * h.1, axis=-1, keepdims=True))")
    assert report.to_data()["well"], report.to_text()


# --- tensors that are no operands

FAR = """format = 1
dtype = "{dtype}"

[inputs]
X = [[1, 2], [3, -4], [0.5, 1]]
T = [[1, 0], [0, 1], [1, 1]]

[parameters]
W = [[1, 2], [3, 5]]
V = [[0.5, 1], [-1, 2]]

[graph]
loss = "L"
program = '''
Y = X @ W
h = tanh(Y)
h = h @ V
L = mean((h - T) ** 2)
'''

[rules]
Y = {{ X = "dY @ V.T", W = "T.T @ dY" }}
h = {{ Y = "dh * (1 - square(h)) + 0 * h.1 * L" }}

[train]
optimizer = "momentum"
lr = 0.1
steps = 6
"""


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_rule_may_name_any_tensor_of_the_program(dtype: str) -> None:
    """Leaves and nodes, before and after its own; the numbers are those of NumPy, however they are asked for."""
    found = load(FAR.format(dtype=dtype))
    lazy, whole = open_timeline(found), open_timeline(found)
    whole.run()
    for t in (0, 5):
        run, done = lazy.iteration(t), whole.iteration(t)
        index = lazy.graph.index
        g = run.gradient(index["Y"])
        assert g is not None
        np.testing.assert_array_equal(run.gradient(index["X"]), g @ run.value(index["V"]).T)
        np.testing.assert_array_equal(run.gradient(index["W"]), run.value(index["T"]).T @ g)
        for name in ("X", "W", "Y", "V"):
            np.testing.assert_array_equal(run.gradient(index[name]), done.gradient(index[name]))
    event = next(e for e in lazy if (e.phase, e.name) == ("backward", "Y"))
    assert [c.formula for c in event.contributions] == ["∂Y @ Vᵀ", "Tᵀ @ ∂Y"]
    for c in event.contributions:
        np.testing.assert_array_equal(c.parts[-1].value, c.value)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_checks_and_explanations_read_them_too(dtype: str) -> None:
    found = load(FAR.format(dtype=dtype))
    timeline = open_timeline(found)
    verdicts = {(r.node, r.name): r.where for r in check(timeline, 0).rows}
    assert verdicts["Y", "X"] == verdicts["Y", "W"] == "rule"
    assert verdicts["h", "Y"] is None
    assert {r.name: r.verdict for r in gradcheck(timeline)} == {"X": "fail", "T": "pass", "W": "fail", "V": "pass"}
    session = bpdebug.Session(found)
    assert "∂Y @ Vᵀ" in session.do("seek Y@bwd").to_text()
    lines = ("stepi", "lens", "candidates", "adjoint", "contributions dX", "why dX", "why dX[0,0]", "origin -p dX[0,0]")
    for line in lines:
        assert session.do(line).to_text()
    cell = session.do("origin dX[0,1]").to_data()
    assert {f["cell"] for t in cell["terms"] for f in t["factors"]} >= {"V[1,0]", "∂Y[0,0]"}


def test_a_fork_of_a_tensor_reaches_the_rules_that_read_it() -> None:
    session = bpdebug.Session(load(FAR.format(dtype="float64")))
    before = session.state.timeline.grad("X", 14)
    session.do("set T[0,0] = 100")
    session.do("set rule Y@bwd X = dY @ W.T + 0 * T")
    session.do("set T[0,0] = 200")
    after = session.state.timeline.grad("X", 14)
    assert before is not None
    assert after is not None
    assert not np.array_equal(before, after)


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        ('Y = { X = "dh @ W.T" }', "a rule may name X, W, Y, every tensor of the program, and ∂Y"),
        ('Y = { X = "dY @ nosuch" }', "a rule may name X, W, Y, every tensor of the program, and ∂Y"),
        ('"h.1" = { h = "dL * V" }', "a rule may name h, V, h.1, every tensor of the program, and ∂h.1"),
    ],
)
def test_what_a_rule_may_name_is_said_when_it_names_something_else(rule: str, hint: str) -> None:
    text = FAR.format(dtype="float64")
    with pytest.raises(BpdebugError) as caught:
        load(text[: text.index("[rules]")] + f"[rules]\n{rule}\n")
    assert (caught.value.code, caught.value.hint) == ("E_NAME", hint)
