"""What a notebook writes into LaTeX and Markdown."""

from __future__ import annotations

from typing import Any

import pytest

import bpdebug
from bpdebug.frontends.notebook.papers import MOST


def written(what: Any) -> tuple[str, str]:
    return what._repr_latex_(), what._repr_markdown_()


def test_a_session_is_written_as_the_step_where_it_stands() -> None:
    session = bpdebug.Session(bpdebug.load("two_layer"))
    session.do("seek Y@bwd")
    tex, markdown = written(session)
    assert r"\paragraph{event 10/13  backward  Y = H @ W2  (line 24)}" in tex
    assert r"\[ \partial H = \partial Y \, W_{2}^{\top} \qquad" in tex
    assert "$$\n\\partial H = \\partial Y \\, W_{2}^{\\top} \\qquad" in markdown


def test_a_report_is_written_as_it_says() -> None:
    report = bpdebug.Session(bpdebug.load("two_layer")).do("info tensors")
    tex, markdown = written(report)
    assert r"\begin{tabular}" in tex
    assert "| --- |" in markdown


@pytest.mark.parametrize("name", ["two_layer", "transpose"])
def test_a_scenario_and_its_timeline_are_written_by_their_statements(name: str) -> None:
    scenario = bpdebug.load(name)
    graph = scenario.graph
    for what in (scenario, bpdebug.run(scenario)):
        tex, markdown = written(what)
        assert tex.count(r"\[ ") == markdown.count("$$") // 2 == len(graph.nodes)


def test_of_a_long_graph_the_first_statements_are_written() -> None:
    program = "\n".join(f"y{n} = X * 2" for n in range(MOST + 20))
    text = f"format = 1\n[inputs]\nX = [1]\n[graph]\nincoming = {{ y0 = 'ones' }}\nprogram = '''\n{program}\n'''\n"
    tex, _ = written(bpdebug.load(text))
    assert tex.count(r"\[ ") == MOST
    assert "20 more" in tex
