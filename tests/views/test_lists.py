"""Lists of the graph: a row is made when it is seen."""

from __future__ import annotations

from itertools import islice

import pytest

from bpdebug.debugger import open_session, update
from bpdebug.debugger.state import State
from bpdebug.explain.gradient_norms import FIRST, GradientNorms
from bpdebug.frontends.tui.paragraphs import MOST_LINES, block_lines
from bpdebug.views import Report, view
from bpdebug.views.blocks import Table
from bpdebug.views.text import MEASURED
from tests.counting import work
from tests.large import chain


def table_of(report: Report) -> Table:
    table = report.blocks[0]
    assert isinstance(table, Table)
    return table


@pytest.mark.parametrize("line", ["info tensors", "info gradients"])
def test_of_a_list_of_the_graph_those_rows_are_made_that_are_seen(line: str) -> None:
    """As many as the first lines need, on the screen and on paper, however many nodes there are."""
    looked_at = []
    for turns in (2000, 4000):
        state = update(open_session(chain(turns)), "seek end")

        def seen(state: State = state) -> None:
            report = view(update(state, line))
            block_lines(table_of(report), 80)
            assert len(list(islice(report.lines(), 40))) == 40

        seen()  # the graph's edges are put in order once
        looked_at.append(work(seen).lines)
    assert looked_at[1] < 1.02 * looked_at[0]


@pytest.mark.parametrize("line", ["info tensors", "info gradients", "info gradients h.1"])
def test_all_rows_are_the_same_whether_they_are_seen_or_written(line: str) -> None:
    graph = chain(1000).graph
    state = update(open_session(chain(1000)), "seek 4500")
    report = view(update(state, line))
    text = [part.split()[0] for part in report.lines()][1:]
    asked = [n for n in graph.names if "gradients" not in line or "h.1" in n or " h.1" not in line]
    sign = "∂" * ("gradients" in line)
    assert text == [f"{sign}{name}" for name in asked] == [row["name"] for row in report.to_data()["rows"]]
    assert len(text) > (100 if "h.1" in line else MEASURED)
    table = table_of(report)
    assert table.links[-1] == f"print {sign}{asked[-1]}"
    assert [*table.links][5:7] == [*table.links[5:7]]


def test_norms_that_are_seen_first_are_worked_out_at_once() -> None:
    """By the command, which may be stopped: not while a screen is painted."""
    assert FIRST >= MOST_LINES
    state = update(open_session(chain(1000)), "seek end ;; info gradients")
    norms = state.view.args[2]
    assert isinstance(norms, GradientNorms)
    assert len(norms.norms) == FIRST < norms.of
    assert norms.norm(norms.tensors[-1]) == 1
    assert len(norms.norms) == FIRST + 1
