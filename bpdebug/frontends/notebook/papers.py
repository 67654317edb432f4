"""What a notebook writes of ours into LaTeX and Markdown: a step as it stands still, a graph by its statements."""

from __future__ import annotations

from collections.abc import Iterator

from bpdebug.engine import Timeline
from bpdebug.frontends.python import Session
from bpdebug.graph import Graph
from bpdebug.scenario import Scenario
from bpdebug.translation import _
from bpdebug.views import Report, here
from bpdebug.views.blocks import Formula
from bpdebug.views.papers import Paper
from bpdebug.views.papers.latex import markdown_paper, tex_paper

Shown = Report | Session | Scenario | Timeline
MOST = 100
"""Statements of a graph that are written."""


def in_latex(what: Shown) -> str:
    """LaTeX, as a notebook that becomes a paper takes it."""
    return "\n\n".join(_pieces(what, tex_paper()))


def in_markdown(what: Shown) -> str:
    """Markdown with LaTeX in it."""
    return "\n\n".join(_pieces(what, markdown_paper()))


def _pieces(what: Shown, paper: Paper) -> Iterator[str]:
    if isinstance(what, Report | Session):
        yield from paper.pieces(here(what.state) if isinstance(what, Session) else what)
        return
    if isinstance(what, Timeline):
        yield paper.heading(_("{count} events").format(count=len(what)))
    elif what.title:
        yield paper.heading(what.title)
    if isinstance(what, Scenario) and what.about:
        yield paper.paragraph(what.about.strip(), "note")
    yield from _statements(what.graph, paper)


def _statements(graph: Graph, paper: Paper) -> Iterator[str]:
    count = len(graph.nodes)
    for k in range(count)[:MOST]:
        yield paper.block(Formula(graph.statement(graph.tensor(k))))
    if count > MOST:
        yield paper.paragraph(_("… {count} more").format(count=count - MOST), "dim")
