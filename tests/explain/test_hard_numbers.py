"""What explanations must not get wrong on numbers that are large, tiny, saturated, cancelling, NaN or set by hand."""

from __future__ import annotations

import numpy as np
import pytest

import bpdebug
from bpdebug.checks.first_wrong import check
from bpdebug.errors import BpdebugError


def session(program: str, inputs: str, dtype: str = "float64", extra: str = "") -> bpdebug.Session:
    head = f"format = 1\ndtype = '{dtype}'\n[inputs]\n{inputs}\n"
    graph = f'[graph]\nloss = "L"\nprogram = """\n{program}\n"""\n'
    return bpdebug.Session(bpdebug.load(head + graph + extra))


HEALTHY = [
    ("L = var(X)", "X = [0.1, 0.1, 0.1]"),
    ("L = var(X)", "X = [100000.1, 100000.2, 100000.3]"),
    ("Y = layer_norm(X)\nL = sum(Y * Y * Y)", "X = [[1000001, 1000002, 1000004], [1, 2, 3]]"),
    ("Y = batch_norm(X)\nL = sum(Y * Y * Y)", "X = [[100001, 100002, 100004], [100002, 100001, 100000]]"),
    ("S = where(m, X, -1e9)\nP = softmax(S)\nL = sum(P * P * X)",
     "X = [[1, 2, 3], [4, 5, 6]]\nm = { value = [[true, false, true], [false, false, false]], dtype = 'bool' }"),
    ("L = cross_entropy(X, i)", "X = [[100001, 100002, 100003]]\ni = { value = [0], dtype = 'int64' }"),
    ("L = cross_entropy(X, i)", "X = [[40, 0], [0, 50]]\ni = { value = [0, 1], dtype = 'int64' }"),
    ("L = cross_entropy(X, i)", "X = [[25, 0], [0, 30]]\ni = { value = [0, 1], dtype = 'int64' }"),
    ("L = bce_with_logits(X, t)", "X = [40, -40]\nt = [1, 0]"),
    ("L = sum(sin(X))", "X = [30001, 100000]"),
    ("L = sum(1 / X)", "X = [1e-7, 1]"),
    ("L = sum(X ** 3)", "X = [1e-5, 0.00002]"),
    ("n = sqrt(sum(X * X))\nY = X / n\nL = sum(Y ** 3)", "X = [1e-7, 2e-7]"),
    ("Y = log(X - 2)\nL = sum(Y)", "X = [[1, 2, 3], [4, 5, 6]]"),
    ("Y = exp(X * 300)\nL = mean(Y * 2)", "X = [[1, 2, 3], [4, 5, 6]]"),
    ("L = sum(2 / X)", "X = [1e-320, 1]"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "inputs"), HEALTHY, ids=[f"{p.splitlines()[0]}, {i[:30]}" for p, i in HEALTHY])
def test_check_raises_no_alarm_on_healthy_rules(program: str, inputs: str) -> None:
    timeline = session(program, inputs).state.timeline
    assert check(timeline, 0).first_wrong is None


PLANTED = [
    ("Y = sin(X)\nL = sum(Y)", "X = [30001, 100000]", "Y", "X", "dY * cos(X) * 1.01"),
    ("Y = 1 / X\nL = sum(Y)", "X = [1e-7, 1]", "Y", "X", "dY / X ** 2"),
    ("Y = X ** 3\nL = sum(Y)", "X = [1e-5, 0.00002]", "Y", "X", "dY * X ** 2"),
    ("Y = layer_norm(X)\nL = sum(Y * Y * Y)", "X = [[1000001, 1000002, 1000004], [1, 2, 3]]", "Y", "X", "dY"),
    ("S = where(m, X, -1e9)\nP = softmax(S)\nL = sum(P * P * X)",
     "X = [[1, 2, 3], [4, 5, 6]]\nm = { value = [[true, false, true], [true, true, false]], dtype = 'bool' }",
     "P", "S", "P * dP"),
    ("Y = sigmoid(X)\nL = sum(Y)", "X = [5, -8]", "Y", "X", "dY * Y"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "inputs", "node", "operand", "rule"), PLANTED, ids=[p[4] for p in PLANTED])
def test_check_finds_a_wrong_rule_on_such_numbers(
    program: str, inputs: str, node: str, operand: str, rule: str
) -> None:
    made = session(program, inputs, extra=f'[rules]\n{node} = {{ {operand} = "{rule}" }}\n')
    assert check(made.state.timeline, 0).first_wrong == node


SOFTMAX = "P * dP - P * sum(dP * P, axis=-1, keepdims=True)"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_rule_is_right_where_the_gradient_is_rounding(dtype: str) -> None:
    made = session("P = softmax(X)\nL = sum(P)", "X = [[0.31, 1.71, -0.27], [2.11, 0.1, 0.7]]", dtype)
    for rule in (SOFTMAX, "P * (dP - sum(dP * P, axis=-1, keepdims=True))"):
        made.do(f"expect derivation dX = {rule} none")
    with pytest.raises(BpdebugError):
        made.do("expect derivation dX = P * dP none")
    made.do(f"set rule P@bwd X = {SOFTMAX}")
    assert "wrong" not in made.do("seek P@bwd ;; lens").to_text()


def test_a_line_that_is_nearly_right_is_said_to_be_nearly_right() -> None:
    made = session("Y = X * W\nL = sum(Y * Y)", "X = [1, 2]\nW = [3, 4]")
    text = made.do("derivation dX = dY * W * 1.00001").to_text()
    assert "nearly: off by 1e-05" in text


NAMES = [
    ("Y = X @ W\nL = sum(Y * dY * 2)", "X = [[1, 2], [3, 4]]\nW = [[1, 2], [3, 5]]\ndY = [[7, 7], [7, 8]]",
     "derivation dX = ∂Y @ W.T"),
    ("h = X * 2\nh = tanh(h)\nL = sum(h * tensor_3_)", "X = [1, 2]\ntensor_3_ = [3, 4]",
     "derivation dtensor_3_ = dmul1 * h.1"),
    ("h = X * 2\nh = tanh(h)\ndh = h * 3\ndh = dh * h\nZ = dh * k\nL = sum(Z)", "X = [1, 2]\nk = [3, 4]",
     "derivation dk = dZ * dh.1"),
    ("Y = X * 2\ndX = Y * 3\nL = sum(dX * Y)", "X = [1, 2]", "derivation ∂X = ∂Y * 2"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "inputs", "line"), NAMES, ids=[n[2] for n in NAMES])
def test_a_gradient_beside_a_tensor_of_its_name_is_the_one_that_is_meant(program: str, inputs: str, line: str) -> None:
    session(program, inputs).do(f"expect {line} none")


def test_in_a_rule_too() -> None:
    made = session("Y = dY * k\nL = sum(Y * 2)", "dY = [1, 2, 3]\nk = [4, 5, 6]")
    made.do("set rule Y@bwd k = ∂Y * dY")
    made.do("expect check Y none")
    made = session("tensor_0_ = X * 3\nh = X * 2\nh = tanh(h)\nU = h * tensor_0_\nL = sum(U)", "X = [1, 2]")
    made.do("set rule U@bwd tensor_0_ = dU * h.1")
    made.do("expect check U none")


def test_why_tells_what_was_set_by_hand_from_what_was_not() -> None:
    program, inputs = "Y = relu(X)\nZ = Y * 2\nL = sum(Z)", "X = [[1, -2], [3, -4]]"
    for before, of, says in (
        ("set dX[0,0] = 5", "dX[0,1]", "where the operand is −2"),
        ("set dX[0,1] = 0", "dX[0,1]", "was set to zero"),
        ("set dY = [[nan, 1], [1, 1]]", "dY", "∂Y was set to it by hand"),
        ("set dY = [[nan, 1], [1, 1]]", "dX", "∂Y was set to it by hand"),
        ("set dX[0,0] = 1e-25", "dX[0,0]", "norm 1e-25"),
    ):
        made = session(program, inputs)
        made.do(before)
        assert says in made.do(f"why {of}").to_text(), (before, of)
    made = session("Y = X * X\nL = sum(log(Y))", inputs)
    made.do("set Y = [[nan, 1], [1, 1]]")
    assert "Y was set to it by hand" in made.do("why dY").to_text()


def test_what_once_crashed() -> None:
    made = session("Y = batch_norm(X, eps=0)\nL = sum(Y * K)",
                   "X = [[1.0, -0.15], [-0.47, -1.0]]\nK = [[0, 0], [0, 0]]")  # fmt: skip
    for of in ("dX", "dX[0,0]"):
        assert made.do(f"why {of}").to_text()
    for factor in ("1e200", "1e-200"):
        made = session(f"with block('a'):\n    Y = X * {factor}\nL = sum(Y)", "X = [1, 2]")
        (block,) = made.do("flow").to_data()["blocks"]
        np.testing.assert_allclose(block.gain, float(factor))
    made = session("Y = X * 2\nL = sum(Y)", "X = [1, 2]")
    for line in ("print 10**400", "set Y = 10**400", "why dX[5:2]", "origin dX[0, 0]"):
        with pytest.raises(BpdebugError):
            made.do(line)
    for line in ("derivation dX = pad(dY, 10**12)", "derivation dX = broadcast_to(sum(dY), (60000, 60000)) * 2"):
        assert "raise the limit" in made.do(line).to_text()
    for line in ("seek Y@bwd ;; practice ;; answer", "answer 10**399"):
        made.do(line)
    for line in ("answer (" + " " * 5000 + "q", "answer dY*(X>=0"):
        with pytest.raises(BpdebugError):
            made.do(line)
    made.do("answer dY*(X>=0)")
    made = session("Y = layer_norm(X, gamma)\nL = sum(Y * Y)", "X = [[1, 2, 4], [3, 5, 4]]\ngamma = [1, 2, 3]")
    assert "this is (2, 3), and gamma is (3,)" in made.do("derivation dgamma = dY * X").to_text()


def test_no_way_ends_nowhere() -> None:
    made = session("Y = X * 1.7e308\nZ = Y * 3\nL = sum(Z - Z)", "X = [1, 1.5]")
    for row in made.do("origin -p dX[0]").to_data()["rows"]:
        assert row["cells"][-1] == "L"


def test_what_has_no_gradient_has_no_origin() -> None:
    made = session("Y = X * 2\nQ = X * 3\nL = sum(Y)", "X = [1, 2]")
    for line in ("origin dQ[0]", "origin -p dQ[0]"):
        with pytest.raises(BpdebugError, match="no path to an output"):
            made.do(line)
    assert made.do("origin Q[0]").to_data()["value"] == 3


def test_a_fork_of_values_and_of_rules_is_judged_by_the_ops_on_the_values() -> None:
    made = session("Y = X @ W\nL = mean(Y ** 2)", "X = [[1, 2], [3, 4]]\nW = [[1, 2], [3, 5]]")
    for line in ("set W[0,0] = 2", "set rule Y@bwd X = (dY @ W.T) * 2", "set dY[0,0] = 100"):
        made.do(line)
    for line in ("derivation dX = dY @ W.T", "derivation dY = 2 * Y * dpow1", "derivation dW = X.T @ dY"):
        made.do(f"expect {line} none")
    with pytest.raises(BpdebugError):
        made.do("expect derivation dX = (dY @ W.T) * 2 none")


WARNED = [
    ("Y = X @ W\nL = sum(Y)", "X = [[0, 1], [2, 3]]\nW = [[1, 2], [3, 4]]",
     ["set dY = [[inf, 1], [1, 1]]", "seek Y@bwd", "lens", "adjoint", "candidates", "check"]),
    ("Y = X * 2\nZ = concat(Y, X)\nL = sum(Z)", "X = [[0, 1], [2, 3]]",
     ["set X = [[inf, 1], [1, 1]]", "seek Z@bwd", "lens", "adjoint"]),
    ("h = X * 2\nY = exp(-h)\nZ = Y * X\nL = sum(Z)", "X = [[0, 1], [2, 3]]",
     ["set h = -1e30", "set dY[0,0] = -1.5", "check", "flow", "why dX"]),
    ("Y = X @ W + b\nL = sum(Y * Y)", "X = [[1, 2], [3, 4]]\nW = [[1, 2], [3, 4]]\nb = [1, 2]",
     ["set Y = [[inf, 1], [-inf, 2]]", "derivation dX = W @ dmatmul1", "derivation dX = dmatmul1 @ W",
      "seek matmul1@bwd", "adjoint"]),
    ("Y = X * 1e-300\nL = sum(Y * W)", "X = [[1, 2], [3, 4]]\nW = [[1, 2], [3, 4]]", ["derivation dX = dY * 1e300"]),
]  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("program", "inputs", "lines"), WARNED, ids=[w[0].splitlines()[0] for w in WARNED])
def test_nothing_is_printed_about_numbers_that_are_not_finite(program: str, inputs: str, lines: list[str]) -> None:
    made = session(program, inputs)
    texts = {line: made.do(line).to_text() for line in lines}
    if "adjoint" in lines:
        assert "nothing can be said" in texts["adjoint"]
    if program.startswith("Y = X * 2"):  # the matrix of a concat is ones and zeros, whatever goes in
        matrices = [o["derivative"] for o in made.do("lens").to_data()["operands"]]
        assert all(np.isin(m, (0, 1)).all() for m in matrices)


def test_origin_at_an_update_asks_for_the_gradient() -> None:
    made = session("L = sum(W * W)", "x = 1", extra="[parameters]\nW = [3, 4]\n[train]\nlr = 0.1\nsteps = 1\n")
    assert made.do("seek W@upd ;; origin").to_text().startswith("∂W[1] = 8")


def test_a_name_that_ends_like_another_is_not_said_to_be_turned() -> None:
    made = session("AW = A @ W\nL = sum(AW * AW)", "A = [[1, 2], [3, 4]]\nW = [[1, 2], [3, 5]]")
    made.do("set rule AW@bwd A = (W @ dAW.T).T")
    assert [o["turned"] for o in made.do("seek AW@bwd ;; lens").to_data()["operands"]] == [None, "A"]


def test_of_many_consumers_the_largest_are_named_and_the_others_counted() -> None:
    terms = " + ".join(f"sum(h * {n % 7})" for n in range(501))
    program = f"h = X * 1\nL = {terms}"
    made = session(program, "X = [1, 2]")
    text = made.do("origin dh[0]").to_text()
    assert "and 493 contributions more, none of them larger" in text
    assert "a sum of 501 contributions" in text
    assert len(text) < 10_000
    assert len(made.do("derivation dh = X").to_text()) < 2_000
    made.do("set dL = 0")
    text = made.do("why dh").to_text()
    assert "and from 493 nodes more" in text
    assert len(text) < 10_000
