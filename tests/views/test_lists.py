"""Lists of the graph: a row is made when it is seen."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import islice

import pytest

import bpdebug
from bpdebug.debugger import open_session, update
from bpdebug.debugger.state import State
from bpdebug.explain import norms as norms_of
from bpdebug.explain.norms import FIRST, Norms
from bpdebug.frontends.tui.paragraphs import MOST_LINES, block_lines
from bpdebug.graph import STATE
from bpdebug.scenario import Scenario
from bpdebug.translation import _, own, speaking
from bpdebug.views import Report, view
from bpdebug.views.blocks import Table
from bpdebug.views.lists import LISTS
from bpdebug.views.text import MEASURED
from tests.counting import work
from tests.large import chain
from tests.lessons import WALK, session


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


@pytest.mark.parametrize(
    "line", ["info tensors h.777", "info tensors name=h.77?", "info gradients h.777", "info gradients shape=* h.777"]
)
def test_a_filter_by_name_asks_no_row_and_works_out_the_norms_of_those_it_keeps(line: str) -> None:
    looked_at = []
    for turns in (2000, 4000):
        state = update(open_session(chain(turns)), "seek end")

        def seen(state: State = state) -> State:
            asked = update(state, line)
            assert len(table_of(view(asked)).rows) == (10 if "?" in line else 1)
            return asked

        for norms in seen().view.args[2:3]:
            assert isinstance(norms, Norms)
            assert len(norms.known) == norms.of == 1
        looked_at.append(work(seen).lines)
    assert looked_at[1] < 1.02 * looked_at[0]


HEAD = "format = 1\n[inputs]\nx = [0.5, 1.0]\n[parameters]\n"
TRAIN = "[train]\noptimizer = 'momentum'\nlr = 0.1\nmomentum = 0.9\nsteps = 2\n"


def many(parameters: int, nodes: int) -> Scenario:
    """A sum of so many parameters, and a block of so many nodes."""
    leaves = "".join(f"w{i} = [1.0, {i}.0]\n" for i in range(parameters))
    terms = "".join(f"h = h + w{i}\n" for i in range(parameters))
    block = f"with block('turns'):\n    for i in range({nodes}):\n        h = tanh(h)\n"
    return bpdebug.load(
        f"{HEAD}{leaves}[graph]\nloss = 'L'\nprogram = '''\nh = x\n{terms}{block}L = sum(h)\n'''\n{TRAIN}"
    )


@pytest.mark.parametrize("line", ["info parameters", "info optimizer", "info blocks"])
def test_of_parameters_states_and_nodes_of_blocks_those_are_asked_that_are_seen(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(norms_of, "FIRST", 20)
    looked_at = []
    for count in (300, 600):
        state = update(open_session(many(count, count)), "seek end")

        def seen(state: State = state) -> None:
            rows = table_of(view(update(state, line))).rows
            assert rows[:20][-1][0] in ("w19", "w16.velocity", "turns")

        seen()
        looked_at.append(work(seen).lines)
    assert looked_at[1] < 1.02 * looked_at[0]


def plainly(row: dict[str, str], word: str) -> bool:
    """Whether a row passes, asked of the row itself; a word is not looked for among norms."""
    key, sign, pattern = word.partition("=")
    if not sign:
        norms = {"norm", "value"} if row.get("what") in (STATE, _(STATE)) else {"norm"}
        return any(word in cell or word in own(cell) for name, cell in row.items() if name not in norms)
    cell, pattern = row.get(key, ""), pattern.replace("×", "x")
    return key in row and any(fnmatchcase(text.replace("×", "x"), pattern) for text in {cell, own(cell)})


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", ["walk", "transformer_block", "trained"])
def test_a_filter_keeps_the_rows_that_pass_it(name: str, lang: str) -> None:
    """In every list, for words of its own cells, of other languages, patterns, and two at once."""
    begun = open_session(many(3, 4)) if name == "trained" else session(WALK if name == "walk" else name)
    state = update(begun, "seek 70% ;; break L ;; mark here")
    with speaking(lang):
        for what in LISTS:
            rows = view(update(state, f"info {what}")).to_data()["rows"]
            cells = dict.fromkeys((key, own(cell)) for row in rows for key, cell in row.items() if cell)
            words = {"=", "nosuch=*", "op=mat*", "shape=*x*", "norm=[1-3]*", "value", _("value")}
            words |= {text for key, cell in cells for text in (cell, f"{key}={cell[:1]}*")}
            words = {word for word in words if len(word.split()) == 1}
            for asked in [*sorted(words)[:60], f"{min(words)} {max(words)}", "a name=*"]:
                kept = view(update(state, f"info {what} {asked}")).to_data()["rows"]
                assert kept == [row for row in rows if all(plainly(row, word) for word in asked.split())], (what, asked)


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
    """As the report is made, where it may be stopped: not while a screen is painted."""
    assert FIRST >= MOST_LINES
    state = update(open_session(chain(1000)), "seek end ;; info gradients")
    norms = state.view.args[2]
    assert isinstance(norms, Norms)
    report = view(state)
    assert len(norms.known) == FIRST < norms.of
    assert table_of(report).rows[-1][-1] == "1"
    assert len(norms.known) == FIRST + 1
