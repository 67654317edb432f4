"""Long output: a page at a time where somebody reads it, and no piece of it large."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from bpdebug.frontends import output, pages
from bpdebug.scenario import load
from bpdebug.views.encode import MANY_CELLS, Whole, json_pieces
from tests.counting import work


def answering(*answers: str) -> tuple[list[str], Any]:
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return answers[len(asked) - 1]

    return asked, ask


@pytest.fixture(autouse=True)
def _ten_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LINES", "10")


def test_what_fits_the_terminal_is_not_asked_about() -> None:
    asked, ask = answering()
    lines = [f"{n}" for n in range(9)]
    assert list(output.paged(lines, ask)) == lines
    assert asked == []


def test_enter_shows_another_page_and_q_no_more() -> None:
    asked, ask = answering("", "q")
    assert list(output.paged(map(str, range(100)), ask)) == [str(n) for n in range(18)]
    assert asked == [output.MORE] * 2


def test_a_shows_all_the_rest() -> None:
    asked, ask = answering("a")
    assert len(list(output.paged(map(str, range(100)), ask))) == 100
    assert len(asked) == 1


def test_a_line_that_the_terminal_breaks_counts_for_as_many() -> None:
    """Five lines of 40 characters fill ten rows of 20; one of 1,000 is shown alone, without being asked about twice."""
    asked, ask = answering("", "", "", "")
    assert len(list(output.paged(["∂" * 40] * 5, ask))) == 5
    assert len(asked) == 1
    list(output.paged(["x" * 1000, "y"], ask))
    assert len(asked) == 2


def test_lines_are_asked_for_when_they_are_shown() -> None:
    made: list[int] = []

    def lines() -> Iterator[str]:
        for n in range(1000):
            made.append(n)
            yield str(n)

    list(output.paged(lines(), answering("q")[1]))
    assert len(made) == 10


def test_json_of_a_large_array_comes_in_small_pieces(capsys: pytest.CaptureFixture[str]) -> None:
    array = np.linspace(-1, 1, 7 * MANY_CELLS).reshape(7, 2, -1)
    array[3, 1, 5] = np.nan
    data = {"value": Whole(array), "rows": [{"of": Whole(array[0, 0].repeat(3)), "is": "\x1b"}]}
    output.print_json(data)
    said = capsys.readouterr().out
    wanted: Any = array.tolist()
    wanted[3][1][5] = "nan"
    assert json.loads(said) == {"value": wanted, "rows": [{"of": array[0, 0].repeat(3).tolist(), "is": "\x1b"}]}
    assert said.endswith("\n")
    assert "\x1b" not in said
    assert max(map(len, json_pieces(data))) < 25 * MANY_CELLS


def lines_of_work(nodes: int, *, as_json: bool) -> float:
    """Lines of Python carried out for each event that `run` prints of a chain with one weight."""
    scenario = load(
        f"""format = 1
[inputs]
x = [[0.1, 0.2], [0.3, 0.4]]
[parameters]
W = [[0.5, 0.1], [0.2, 0.6]]
[graph]
loss = "L"
program = '''
h = x
for t in range({nodes // 2}):
    h = tanh(h @ W)
L = sum(h)
'''
"""
    )
    return work(lambda: pages.run(scenario, json=as_json, full=False, budget=2**30)).lines / (2 * nodes + 3)


@pytest.mark.parametrize(("as_json", "most"), [(False, 2700), (True, 1400)])
def test_what_an_event_takes_to_print_does_not_grow_with_the_graph(
    as_json: bool, most: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """5,800 lines it took as text, and the more the longer the chain; 1,500 as JSON."""
    lines_of_work(40, as_json=as_json)  # formulas are written and functions compiled once
    few, many = lines_of_work(100, as_json=as_json), lines_of_work(400, as_json=as_json)
    assert many < 1.05 * few
    assert many < most
