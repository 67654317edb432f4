"""Why a gradient is what it is: one graph for each answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

import bpdebug
from bpdebug.cells.trace import MOST_EXPANSIONS, CellTracer
from bpdebug.explain.why import why
from bpdebug.explain.why.tracer import Why
from bpdebug.expression import parse, target
from tests.graphs import Random, examples, graphs
from tests.large import chain

HEAD = """format = 1
[inputs]
x = [{x}]
i = {{ value = [1, 0], dtype = "int64" }}
[graph]
loss = "L"
program = '''
"""


def asked(x: str, program: str, of: str = "dx", *before: str) -> tuple[str, str | None, Why]:
    """The answer, and where it was born: 'backward y'."""
    session = bpdebug.Session(bpdebug.load(HEAD.format(x=x) + program + "\n'''\n"))
    for line in before:
        session.do(line)
    state = session.state
    found = why(state.timeline, target(parse(of), state.timeline.graph), 0)
    event = None if found.born is None else state.timeline.event(found.born)
    assert session.do(f"why {of}").to_data()["answer"] == found.answer
    assert found.evidence
    return found.answer, None if event is None else f"{event.phase} {event.name}", found


CASES = [
    ("1, 2", "y = exp(x)\nL = sum(y)", "dx", "nonzero", "backward y"),
    ("1, 2", "y = exp(x)\nu = x * 2\nL = sum(y)", "du", "no-path", None),
    ("1, 2", "y = exp(x)\nL = sum(y)", "di", "no-path", None),
    ("1, 2", "y = stop_gradient(x)\nz = y * x\nL = sum(z)", "dy", "no-path", None),
    ("1, 2", "u = x * 2\ny = stop_gradient(u)\nz = y * x\nL = sum(z)", "du", "cut", "forward y"),
    ("-1, -2", "h = x * 3\ny = relu(h)\nz = y * 2\nL = sum(z)", "dx", "masked", "backward y"),
    ("-1, 2", "h = x * 3\ny = relu(h)\nL = sum(y)", "dx[0]", "masked", "backward y"),
    ("-1, 2", "h = x * 3\ny = relu(h)\nL = sum(y)", "dx[1]", "nonzero", "backward h"),
    ("-1, 2", "h = x * 3\ny = relu(h)\nz = y * 2\nw = z + 1\nL = sum(w)", "dx[0]", "masked", "backward y"),
    ("1, 2", "y = x * 0\nL = sum(y)", "dx", "masked", "backward y"),
    ("1, 2", "a = x * 2\nb = x * 2\ny = a - b\nL = sum(y)", "dx", "cancelled", "backward a"),
    ("1, 2", "y = softmax(x, axis=0)\nL = sum(y)", "dx", "cancelled", "backward y"),
    ("0, 1", "y = sqrt(x)\nz = y * 0\nL = sum(z)", "dx", "zero-times-inf", "backward y"),
    ("0, 1", "y = sqrt(x)\nL = sum(y)", "dx", "overflow", "backward y"),
    ("800, 1", "y = exp(x)\nL = sum(y)", "dx", "overflow", "forward y"),
    ("800, 1", "y = exp(x)\nz = y * 2\nw = z * 3\nL = sum(w)", "dx", "overflow", "forward y"),
]


@pytest.mark.parametrize(
    ("x", "program", "of", "answer", "born"), CASES, ids=[c[3] + str(n) for n, c in enumerate(CASES)]
)
def test_the_answer_and_the_event_where_it_was_born(
    x: str, program: str, of: str, answer: str, born: str | None
) -> None:
    assert asked(x, program, of)[:2] == (answer, born)


REASONS = [
    ("1, 0", "y = sqrt(x)\nL = sum(y)", "dx", "it is divided by (2 * y), which is 0 there"),
    ("1, 2", "y = where(x > 5, x * 2, 3.0)\nL = sum(y)", "dmul1", "which was not taken there"),
    ("1, 0", "p = x * 1.0\nL = bce(p, stop_gradient(x))", "dx", "where p is stop_gradient1"),
    ("1, 0", "y = sqrt(x * x)\nL = sum(y)", "dx", "is infinite at sqrt 'y' (event 5): it is divided by (2 * y)"),
    ("1, 2", "y = x * 1e200\nz = exp(y)\nL = sum(z * 0)", "dx", "in the forward pass"),
]


@pytest.mark.parametrize(("x", "program", "of", "says"), REASONS)
def test_the_evidence_names_what_did_it(x: str, program: str, of: str, says: str) -> None:
    assert any(says in text for text in asked(x, program, of)[2].evidence), asked(x, program, of)[2].evidence


EMPTY = """format = 1
[inputs]
a = { shape = [0, 2], init = "zeros" }
b = [[1, 2, 3], [4, 5, 6]]
[graph]
loss = "L"
program = "n = a @ b\\nL = sum(n.T @ a) + sum(n)"
"""


@pytest.mark.parametrize(
    ("of", "born", "says"),
    [("∂b", "backward n", "matmul 'n' "), ("matmul1", "forward matmul1", "a sum of no terms is 0")],
)
def test_a_sum_of_no_terms_is_said_to_be_one(of: str, born: str, says: str) -> None:
    timeline = bpdebug.run(bpdebug.load(EMPTY))
    found = why(timeline, target(parse(of), timeline.graph), 0)
    assert found.born is not None
    event = timeline.events[found.born]
    assert f"{event.phase} {event.name}" == born
    assert any(says in text for text in found.evidence), found.evidence
    assert any("no terms" in text for text in found.evidence), found.evidence


def test_a_gradient_that_was_set_to_zero() -> None:
    answer, born, found = asked("1, 2", "y = x * 2\nz = y * 2\nL = sum(z)", "dx", "set dy = 0")
    assert (answer, born) == ("masked", "backward z")
    assert "was set to zero" in found.evidence[-1]


@examples(60)
@given(graphs(nodes=12))
def test_every_gradient_has_an_answer_that_its_numbers_allow(random: Random) -> None:
    timeline = random.timeline()
    for name in timeline.graph.names:
        if name.endswith(".mask"):
            continue
        found = why(timeline, target(parse(f"∂{name}"), timeline.graph), 0)
        gradient: Any = timeline.grad(name)
        if gradient is None:
            assert found.answer in ("no-path", "cut")
        elif not np.isfinite(gradient).all():
            assert found.answer in ("zero-times-inf", "overflow", "undefined")
        elif gradient.size and not gradient.any():
            assert found.answer in ("masked", "cancelled")
            assert found.born is not None
        elif (
            found.answer == "cancelled"
        ):  # what is left is rounding: of some dozen terms, each with factors of some ten
            largest = max(
                np.abs(g).max() for n in timeline.graph.names if (g := timeline.grad(n)) is not None and g.size
            )
            assert np.abs(gradient).max() <= 1000 * np.finfo(gradient.dtype).eps * largest
        else:
            assert found.answer == "nonzero"
        assert found.evidence
        assert why(timeline, target(parse(name), timeline.graph), 0).answer != "no-path"


def test_what_an_update_made_is_followed_into_the_iteration_before() -> None:
    """exp(800) overflows in the first iteration; Adam divides the infinite gradient by itself; all is NaN after it."""
    train = "[parameters]\nw = [800.0, 1.0]\n[train]\noptimizer = 'adam'\nlr = 0.1\nsteps = 3\n"
    text = HEAD.format(x="1, 2") + "y = exp(w * x)\nL = sum(y)\n'''\n" + train
    session = bpdebug.Session(bpdebug.load(text))
    session.do("seek end")
    for of in ("w", "w.m", "L", "dw[0]"):
        found = session.do(f"why {of}").to_data()
        assert found["answer"] == "overflow", of
        assert session.state.timeline.event(found["born"]).phase == "update", of
        assert any("exp(800) overflows" in text for text in found["evidence"]), of
    assert session.do("why w[1]").to_data()["answer"] == "nonzero"


UPDATED = [
    ("adam", "lr = 0.1\neps = 0.0", "w[1]", "undefined", "(sqrt(0 / (1 - 0.999 ** 1)) + 0) is nan"),
    ("sgd", "lr = 1e308", "w[0]", "overflow", "w = 0.5 - 1e+308 * 10 is −inf"),
    ("sgd", "lr = 0.05", "w[0]", "cancelled", "w = 0.5 - 0.05 * 10 is 0"),
    ("adam", "lr = 0.1", "w.v[0]", "nonzero", "norm 0.1"),
    ("sgd", "lr = 0.1", "w[1]", "nonzero", "norm 0.25"),
]


@pytest.mark.parametrize(("optimizer", "setting", "of", "answer", "says"), UPDATED)
@pytest.mark.parametrize("at", ["w@upd", "end"])
def test_after_its_update_a_parameter_is_what_the_update_made(
    at: str, optimizer: str, setting: str, of: str, answer: str, says: str
) -> None:
    """The gradient is 10, 0: what Adam divides by is 0 there, 1e308 * 10 overflows, 0.5 - 0.05 * 10 = 0."""
    train = f"[parameters]\nw = [0.5, 0.25]\n[train]\noptimizer = '{optimizer}'\nsteps = 1\n{setting}\n"
    session = bpdebug.Session(bpdebug.load(HEAD.format(x="10, 0") + "L = sum(w * x)\n'''\n" + train))
    assert session.do(f"why {of}").to_data()["answer"] == ("masked" if "v" in of else "nonzero")
    session.do(f"seek {at}")
    found = session.do(f"why {of}").to_data()
    assert (found["answer"], session.state.timeline.event(found["born"]).phase) == (answer, "update")
    assert any(says in text for text in found["evidence"]), found


def test_a_value_is_asked_about_where_the_cursor_meets_its_fault() -> None:
    session = bpdebug.Session(bpdebug.load(HEAD.format(x="0, 2") + "y = log(x)\nL = sum(y)\n'''\n"))
    assert session.do("why").to_data()["of"] == "y"
    session.do("expect why L overflow")
    session.do("expect why y[1] nonzero")


def test_a_gradient_is_asked_about_where_the_cursor_meets_its_fault() -> None:
    """At root's rule ∂root is as it should be, and ∂s is what `catch nan` stopped for."""
    session = bpdebug.Session(bpdebug.load("nan_where"))
    session.do("catch nan ;; continue")
    assert "NaN in 1 cell of ∂s, first at [2, 1]; " in session.state.detail
    found = session.do("why").to_data()
    assert (found["of"], found["answer"]) == ("∂s", "zero-times-inf")


def test_of_a_weight_with_many_edges_only_the_terms_are_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether they cancel takes neither names nor formulas, and no edge's numbers are kept for the next."""
    kept: list[int] = []
    contribution = CellTracer.contribution

    def counted(self: CellTracer, *edge: Any) -> Any:
        found = contribution(self, *edge)
        kept.append(len(self._expansions))
        return found

    monkeypatch.setattr(CellTracer, "contribution", counted)
    monkeypatch.delattr(CellTracer, "source")
    assert bpdebug.Session(chain(2 * MOST_EXPANSIONS)).do("why dW").to_data()["answer"] == "nonzero"
    assert (len(kept), max(kept)) == (2 * MOST_EXPANSIONS, MOST_EXPANSIONS)
