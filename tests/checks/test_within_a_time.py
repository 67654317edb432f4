"""check for 30s: the nearest to the loss first, then a sample of the rest, the same in every run."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import pytest

from bpdebug.checks import first_wrong, one_rule
from bpdebug.checks.differences import Check
from bpdebug.checks.first_wrong import NEAREST, Checked, check
from bpdebug.checks.one_rule import check_node
from bpdebug.debugger import State, open_session, update
from bpdebug.debugger.commands import within
from bpdebug.engine import Timeline
from bpdebug.engine.run import Pass
from bpdebug.errors import CommandError
from bpdebug.scenario import load
from bpdebug.symbolic import Expr
from bpdebug.views import view
from tests.counting import Clock
from tests.graphs import make, step
from tests.lessons import scenario, session


def chain(nodes: int) -> Timeline:
    """x, tanh of it, tanh of that ..., and the sum: node k is nodes - k steps from the loss."""
    steps = [step(f"h{k}", "tanh", f"h{k - 1}" if k else "x") for k in range(nodes - 1)]
    return Timeline(make({"x": np.array([0.5, -0.25])}, *steps, step("L", "sum", f"h{nodes - 2}"), loss="L"))


def after(count: int) -> Callable[[], bool]:
    """A clock by which the time is over after so many rules."""
    ticks = iter(range(count - 1))
    return lambda: next(ticks, None) is None


def checked(
    timeline: Timeline, monkeypatch: pytest.MonkeyPatch, count: int, tensors: Collection[int] | None = None
) -> tuple[list[int], Checked]:
    """The nodes in the order in which they were checked, and what came of it."""
    order: list[int] = []

    def noted(run: Pass, k: int, over: Callable[[], bool] | None = None) -> dict[int, Check]:
        order.append(k)
        return check_node(run, k, over)

    with monkeypatch.context() as patched:
        patched.setattr(first_wrong, "check_node", noted)
        return order, check(timeline, 0, tensors, over=after(count))


def test_the_nearest_come_first_and_then_a_sample_that_is_the_same_in_every_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timeline = chain(NEAREST * 4)
    order, found = checked(timeline, monkeypatch, NEAREST + 30)
    backward = list(timeline.graph.backward_nodes)
    assert order[:NEAREST] == backward[:NEAREST]
    rest = order[NEAREST:]
    assert len(rest) == len(set(rest)) == 30
    assert set(rest) <= set(backward[NEAREST:])
    assert rest != sorted(rest, reverse=True)
    assert max(rest) - min(rest) > NEAREST  # all over the graph
    assert checked(chain(NEAREST * 4), monkeypatch, NEAREST + 30)[0] == order
    assert (found.checked, found.nodes) == (NEAREST + 30, NEAREST * 4)
    assert [r.node for r in found.rows] == [timeline.graph.nodes[k].id for k in backward if k in order]
    assert found.first_wrong is None


def test_one_rule_is_checked_however_short_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    order, found = checked(chain(10), monkeypatch, 1)
    assert (order, found.checked, found.nodes) == ([9], 1, 10)


@pytest.mark.parametrize("name", ["transformer_block", "broken_transpose", "broken_softmax", "residual"])
def test_with_time_enough_it_is_the_whole_check(name: str) -> None:
    plain, timed = (view(session(name, line)).to_data() for line in ("check", "check for 1h"))
    assert timed == plain
    assert timed["checked"] == timed["nodes"] > 0


def test_a_place_is_checked_before_what_lies_between_it_and_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    timeline = chain(10)
    order, _ = checked(timeline, monkeypatch, 100, {timeline.number("h3"), timeline.number("h5")})
    assert order == [5, 3, 9, 8, 7, 6, 4]


WRONG = """
format = 1
[inputs]
x = [0.5, -0.25]
[graph]
loss = "L"
program = '''
a = tanh(x)
b = a * 2
c = tanh(b)
L = sum(c)
'''
[rules]
b = { a = "db * 3" }
"""


@pytest.mark.parametrize(("line", "checked", "first"), [
    ("check for 1s", 1, None), ("check for 2.5s", 3, "b"), ("check for 1m", 4, "b"), ("check b for 1000ms", 1, "b"),
    ("check b@bwd for 9 s", 1, "b"), ("check for 2500 ms", 3, "b"),
])  # fmt: skip
def test_the_time_is_what_the_line_says(
    line: str, checked: int, first: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(within, "monotonic", Clock())
    report = view(update(open_session(load(WRONG)), line))
    data = report.to_data()
    assert (data["checked"], data["first_wrong"]) == (checked, first)
    nodes = 1 if "b" in line.split()[1] else 4
    assert data["nodes"] == nodes
    assert f"; {checked} of {nodes} rules were checked in " in report.title


def test_what_was_not_checked_is_not_expected_to_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(within, "monotonic", Clock())
    update(open_session(load(WRONG)), "expect check for 1s unknown")
    update(open_session(load(WRONG)), "expect check for 1m b")


@pytest.mark.parametrize("time", ["30", "s", "-1s", "0s", "1e9s", "soon", "1d", "99999999999s", "1s 2s", "nan s"])
def test_what_is_no_time_is_refused(time: str) -> None:
    with pytest.raises(CommandError, match="is no time"):
        update(State(scenario("transpose"), session("transpose").timeline), f"check for {time}")


def test_a_rule_is_taken_apart_once_however_many_nodes_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell of every node is moved some twenty times; walking the rule's tree each time was most of a check."""
    visits, counts, operands = list[Expr](), [], Expr.operands

    def counted(expr: Expr) -> list[Expr]:
        visits.append(expr)
        return operands(expr)

    monkeypatch.setattr(Expr, "operands", counted)
    for nodes in (20, 200):
        del visits[:]
        assert {row.verdict for row in check(chain(nodes), 0).rows} == {"pass"}
        counts.append(len(visits))
    assert counts[1] <= counts[0] < 200


def test_a_long_rule_is_left_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a rule that takes long a clock is read wherever it may be stopped; each cell that was moved counts."""
    monkeypatch.setattr(one_rule, "MOST_WORK", 1)
    one_rule.cells_to_move.cache_clear()
    timeline = chain(10)
    reads: list[int] = []

    def over(after: int) -> Callable[[], bool]:
        reads.clear()

        def ask() -> bool:
            reads.append(1)
            return len(reads) > after

        return ask

    whole = check(timeline, 0, {timeline.number("h3")}, over(10**9))
    count = len(reads)
    assert whole.rows[0].checked == 2
    for after in (0, 1, count // 20, count // 3):
        found = check(timeline, 0, {timeline.number("h3")}, over(after))
        assert len(reads) <= after + 3
        assert found.checked <= 1
        assert not found.rows or found.rows[0].checked <= whole.rows[0].checked
    assert check(timeline, 0, {timeline.number("h3")}, over(0)).checked == 0
    state = State(scenario("transpose"), timeline).show(
        "check", check(timeline, 0, {timeline.number("h3")}, over(0)), 2.0
    )
    assert "0 of 1 rules were checked in 2 s" in view(state).title
    one_rule.cells_to_move.cache_clear()


def test_a_rule_of_large_arrays_is_long_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though each of its values takes few multiplications: tanh of 4096 x 4096 took two minutes for 64 cells."""
    monkeypatch.setattr(one_rule, "LONG", 2)
    timeline, reads = chain(10), list[int]()

    def over() -> bool:
        reads.append(1)
        return len(reads) > 10

    found = check(timeline, 0, {timeline.number("h3")}, over)
    assert found.checked <= 1
    assert len(reads) <= 14
