"""Rules that are checked in other processes: each is there what it is here, and what is said of it is the same."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpdebug import workers
from bpdebug.checks import first_wrong, whole_graph
from bpdebug.checks.first_wrong import Checked, check
from bpdebug.checks.one_rule import check_node, judge, rule_at_node
from bpdebug.debugger import open_session, update
from bpdebug.debugger.commands import within
from bpdebug.engine import Timeline
from bpdebug.errors import CommandError
from bpdebug.frontends.scripts.checks import check_file
from bpdebug.frontends.scripts.replay import Settings
from bpdebug.ops import OPS, UNWRITTEN, Op
from bpdebug.scenario import load
from bpdebug.scenario.lessons import shipped_paths
from bpdebug.translation import speaking
from tests.graphs import graph_of, sample_call
from tests.lessons import scenario
from tests.test_workers import Team

SENT = [op for op in OPS.values() if op.name not in UNWRITTEN and sample_call(op, op.samples[0]).plan.differentiable]


@pytest.mark.parametrize("op", SENT, ids=lambda op: op.name)
def test_a_rule_that_is_sent_is_judged_as_it_is_here(op: Op) -> None:
    call = sample_call(op, op.samples[0])
    run = Timeline(graph_of(call, np.ones(call.plan.shape))).iteration(0)
    found = rule_at_node(run, 0)
    assert found is not None
    assert found[0].portable
    assert judge(*pickle.loads(pickle.dumps(found))) == check_node(run, 0)


def in_processes(monkeypatch: pytest.MonkeyPatch, timeline: Timeline) -> Checked:
    """The check with all rules given to processes."""
    with monkeypatch.context() as patched:
        patched.setattr(workers, "FIRST", 0.0)
        patched.setattr(workers, "LONG", 0.0)
        patched.setenv(workers.JOBS, "2")
        return check(timeline, 0)


def test_the_check_says_the_same_and_rules_that_were_set_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    state = update(open_session(scenario("two_layer")), "set rule Z@bwd W1 = 2 * (X.T @ dZ)")
    here: list[str] = []

    def noted(run: object, k: int, over: object = None) -> object:
        here.append(state.timeline.graph.nodes[k].id)
        return check_node(run, k, over)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(first_wrong, "check_node", noted)
    with speaking("zh"):
        alone = check(state.timeline, 0)
        here.clear()
        assert in_processes(monkeypatch, state.timeline) == alone
    assert alone.first_wrong == "Z"
    assert here == ["Z"]


def test_kinks_are_told_in_the_language_that_is_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    timeline = open_session(scenario("dead_relu")).timeline
    with speaking("zh"):
        alone = check(timeline, 0)
        assert in_processes(monkeypatch, timeline) == alone


def test_a_process_that_dies_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dying(Team):
        def ended(self):  # type: ignore[no-untyped-def]  # as in Team
            yield from ((number, None) for number, _ in self.given)
            self.given.clear()

    monkeypatch.setattr(workers, "_Team", Dying)
    timeline = open_session(scenario("two_layer")).timeline
    with pytest.raises(CommandError) as failed:
        in_processes(monkeypatch, timeline)
    assert str(failed.value).startswith("error[E_LIMIT]: the process that checked ")
    assert "BPDEBUG_JOBS=1" in failed.value.hint


def test_the_time_that_is_left_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 104.0, 700.0, 705.0, 706.5])  # the clock of another process
    monkeypatch.setattr(within, "monotonic", lambda: next(times))
    over = pickle.loads(pickle.dumps(within.Deadline(10)))
    assert [over(), over()] == [False, True]


SLOW = """format = 1
[inputs]
X = { shape = [4, 3], init = "normal" }
[parameters]
W = { shape = [3, 2], init = "normal" }
b = [0.5, -0.5]
[graph]
loss = "L"
program = "Z = X @ W\\nY = relu(Z + b)\\nL = mean(dropout(Y) ** 2)"
[expect]
gradcheck = true
"""


@pytest.mark.parametrize("rules", ["", '[rules]\nZ = { W = "2 * X.T @ dZ" }\n'], ids=["right", "wrong"])
def test_the_gradients_of_one_file_are_checked_in_processes_that_open_it_themselves(
    rules: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No graph is sent: each opens the file once, and moves the cells that it is given."""
    path, given = tmp_path / "slow.toml", list[tuple[Any, ...]]()
    path.write_text(SLOW.replace("[expect]", f"{rules}[expect]"), encoding="utf-8")
    alone = check_file(path, Settings())
    assert [f.line.partition("gradcheck")[1] for f in alone.failures] == ["gradcheck"] * bool(rules)
    send = workers._Team.give

    def noted(self: Any, number: int, task: tuple[Any, ...]) -> Any:
        given.append(task)
        return send(self, number, task)

    monkeypatch.setattr(workers._Team, "give", noted)
    monkeypatch.setattr(workers, "FIRST", 0.0)
    monkeypatch.setattr(workers, "LONG", 0.0)
    monkeypatch.setenv(workers.JOBS, "2")
    assert check_file(path, Settings()).failures == alone.failures
    assert 19 <= len(given) <= 20  # the first may be done here
    assert all(pickle.loads(pickle.dumps(task)) == task for task in given)


def test_another_process_finds_the_same_rows() -> None:
    path = shipped_paths()["two_layer"]
    timeline = open_session(scenario("two_layer")).timeline
    row = whole_graph._row_of((opened, (path,)), 0, (0, 0))
    assert row == whole_graph._row(*whole_graph._begun(timeline), 0, (0, 0))


def opened(path: Path) -> Timeline:
    return open_session(load(path)).timeline
