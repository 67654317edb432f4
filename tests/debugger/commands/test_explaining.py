"""What scripts expect of explanations: each in a word, met and not met."""

from __future__ import annotations

import pytest

import bpdebug
from bpdebug.debugger import COMMANDS
from bpdebug.debugger.commands.expecting import KINDS
from bpdebug.debugger.commands.explaining import EXPLANATIONS
from bpdebug.debugger.comparing import ExpectationError
from bpdebug.errors import BpdebugError

HERE = "set rule Y@bwd X = dY @ W ;; seek Y@bwd"
MET = [
    ("why dW", "nonzero", "masked"),
    ("check", "Y", "none"),
    ("check Y", "Y", "Z"),
    ("derivation dX = dY @ W.T", "none", "dX"),
    ("derivation dX = dY @ W; dW = dY", "dX", "dW"),
    ("adjoint W", "holds", "fails"),
    ("adjoint", "fails", "holds"),
    ("candidates", '"∂X 8 fit 1 right"', '"∂X 1 fit 1 right"'),
    ("candidates", '"dW 8 fit 1 right"', '"dW 8 fit 2 right"'),
    ("flow", "steady", "vanishes"),
]


def test_every_verdict_is_a_command_and_something_to_expect() -> None:
    names = {row.name for row in EXPLANATIONS if row.verdicts is not None}
    assert names <= set(COMMANDS)
    assert names <= set(KINDS)
    assert {line.split()[0] for line, _, _ in MET} == names


@pytest.mark.parametrize(("line", "wanted", "other"), MET, ids=[m[0] + m[1] for m in MET])
def test_a_verdict_is_met_or_not(line: str, wanted: str, other: str) -> None:
    session = bpdebug.Session(bpdebug.load("square_trap"))
    session.do(HERE)
    assert session.do(f"expect {line} {wanted}").to_text().startswith("holds:")
    with pytest.raises(ExpectationError) as caught:
        session.do(f"expect {line} {other}")
    assert caught.value.expected == (f"∂{other[2:-1]}" if other.startswith('"d') else other.strip('"'))


@pytest.mark.parametrize(
    "line", ["expect why", "expect why dNope masked", "expect candidates", "expect adjoint Q holds"]
)
def test_what_cannot_be_asked_is_refused_as_the_command_refuses_it(line: str) -> None:
    session = bpdebug.Session(bpdebug.load("square_trap"))
    with pytest.raises(BpdebugError):
        session.do(line)


def test_why_at_the_end_is_about_what_is_not_finite_there() -> None:
    session = bpdebug.Session(bpdebug.load("nan_sqrt"))
    found = session.do("seek end ;; why").to_text()
    assert found.startswith("∂X: it is not a number")
    assert "at square 'sqE' (event 16)" in found
    session = bpdebug.Session(bpdebug.load("nan_where"))
    assert "not a number" in session.do("seek end ;; why").to_text().split("\n")[0]


DEAD = """format = 1
[inputs]
X = [[1.0, 2.0], [3.0, 4.0]]
[parameters]
W = [[1.0, -1.0], [0.5, 2.0]]
b = [-9.0, -99.0]
V = [[1.0], [2.0]]
[graph]
loss = "L"
program = '''
Z = X @ W + b
H = relu(Z)
L = mean((H @ V - 1) ** 2)
'''
"""


def test_why_alone_is_about_what_is_zero_where_nothing_is_worse() -> None:
    """At the event that hands on nothing but zeros about these; at the end about the first parameter that gets none."""
    session = bpdebug.Session(bpdebug.load(DEAD))
    assert session.do("catch zero-grad ;; continue ;; why").to_text().startswith("∂V: it is zero")
    assert session.do("continue ;; why").to_text().startswith("∂Z: it is zero")
    assert "2 of its 2 units are dead" in session.do("seek end ;; why").to_text()
    assert session.do("why").to_text().startswith("∂W: it is zero")


def test_why_at_the_end_is_else_about_the_loss() -> None:
    session = bpdebug.Session(bpdebug.load("two_layer"))
    assert session.do("seek end ;; why").to_text().startswith("L: it is finite")
    with pytest.raises(BpdebugError):
        bpdebug.Session(bpdebug.load("transpose")).do("seek end ;; why")  # it has none
