"""The program pane's rows: what is done and not finite says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bpdebug.debugger import open_session, update
from bpdebug.engine import Timeline
from bpdebug.graph import Graph
from bpdebug.scenario import load
from bpdebug.views import ProgramRows
from bpdebug.views.program import _order, matching
from tests.counting import work
from tests.large import chain
from tests.lessons import FAULTY, NAMES, WALK, scenario

DIVERGES = """
format = 1
title = "A parameter that training drives to infinity and NaN"
[inputs]
X = [1.0, 2.0]
[parameters]
w = [1.0, 3.0]
[graph]
loss = "L"
program = "L = sum((w * X) ** 4)"
[train]
lr = 1e100
steps = 3
"""


@pytest.mark.parametrize("name", [*NAMES, WALK, FAULTY, DIVERGES], ids=[*NAMES, "walk", "faulty", "diverges"])
def test_a_row_is_odd_exactly_where_what_is_there_is_not_finite(name: str) -> None:
    state = open_session(scenario(name))
    timeline = state.timeline
    for index in [*range(len(timeline)), "end"]:
        state = update(state, f"seek {index}")
        for row in ProgramRows(state):
            name = row.tensor.removeprefix("∂")
            there = row.status in ("done", "current")
            array = None
            if there and row.kind == "gradient":
                array = timeline.grad(name, state.cursor)
            elif there:
                array = timeline.value(name, state.cursor)
            nan, inf = (False, False) if array is None else (np.isnan(array).any(), np.isinf(array).any())
            wanted = "nan" if nan else "inf" if inf else ""
            unread = row.kind == "leaf" and row.odd == ""  # before the first event that reads it
            assert row.odd == wanted or (
                unread and state.cursor % timeline.schedule.per_iteration < len(timeline.graph.nodes)
            )


def test_rows_read_no_file_and_compute_nothing_that_is_to_come(tmp_path: Path) -> None:
    np.save(tmp_path / "late.npy", np.array([np.nan, 1.0]))
    (tmp_path / "s.toml").write_text(
        'format = 1\n[inputs]\nX = [1.0, 2.0]\nlate = { file = "late.npy" }\n[graph]\nloss = "L"\n'
        'program = """\nY = X * 2\nL = sum(Y * late)\n"""\n'
    )
    state = open_session(load(tmp_path / "s.toml"))
    timeline: Timeline = state.timeline
    rows = list(ProgramRows(state))
    run = timeline.iteration(0)
    assert [run.V[timeline.graph.index[n]] is None for n in ("late", "Y", "L")] == [True, False, True]
    assert not any(row.odd for row in rows)
    state = update(state, "step")
    assert {row.tensor: row.odd for row in ProgramRows(state) if row.odd} == {"late": "nan", "mul1": "nan"}


def test_the_order_of_many_rows_takes_no_python_for_each() -> None:
    """Of 6,000 nodes leaves, nodes and gradients are put in order in arrays, and a row is made where one looks."""
    state = open_session(chain(2000))

    def looked() -> None:
        rows = ProgramRows(state)
        assert len(rows[:30]) == 30

    assert work(looked).lines < 6000


def plainly(graph: Graph, text: str) -> list[int]:
    """The rows in which every word stands, each looked at."""
    shown = [t for t in range(len(graph.leaves)) if graph.kind(t) != "drawn"]
    said = [f"{graph.names[t]} {graph.kind(t)} {graph.kind(t)}" for t in shown]
    said += [f"{node.id} {node.op.name}" for node in graph.nodes]
    said += [f"∂{graph.names[t]} d{graph.names[t]}" for t in _order(graph)[1]]
    words = [(w, w == w.lower()) for w in text.split()]
    return [n for n, line in enumerate(said) if all(w in (line.lower() if small else line) for w, small in words)]


@pytest.mark.parametrize("text", ["h", "W", "w", "relu", "d h", "input", "∂H", "1 b", "nothing", " ", "h h", "."])
def test_the_rows_that_are_found_are_those_in_which_every_word_stands(text: str) -> None:
    for name in ("two_layer", "lstm", "transformer_block"):
        graph = scenario(name).graph
        assert matching(graph, text) == plainly(graph, text)


def test_a_second_search_takes_no_python_for_each_row() -> None:
    graph = chain(2000).graph
    assert matching(graph, "h.10")
    assert work(lambda: matching(graph, "h.100")).lines < 3000
