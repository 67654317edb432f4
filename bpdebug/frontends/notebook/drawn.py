"""How a notebook shows what it is given: a step as it stands still, a graph by its tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bpdebug.engine import Timeline
from bpdebug.frontends.python import Session
from bpdebug.graph import Graph
from bpdebug.scenario import Scenario
from bpdebug.translation import _
from bpdebug.views import Report, here
from bpdebug.views.blocks import Table
from bpdebug.views.html import report_html, safe, table_html
from bpdebug.views.numbers import shape_text
from bpdebug.views.sums import MORE

STYLE = """<style>
.bpdebug .row { display: flex; flex-wrap: wrap; gap: .8rem; align-items: center; margin: .5rem 0 }
.bpdebug figure, .bpdebug p { overflow-x: auto }
.bpdebug figure { margin: 0 }
.bpdebug p { white-space: pre-line; max-width: 46rem }
.bpdebug figure td, .bpdebug figure th { padding: .1rem .4rem; text-align: right }
.bpdebug .texts td, .bpdebug .texts th { padding: .1rem .4rem; text-align: left }
.bpdebug p.bad { font-weight: bold }
</style>"""


def _framed(title: str, body: str) -> str:
    head = f"<h4>{safe(title)}</h4>" if title else ""
    return f'<div class="bpdebug">{STYLE}{head}{body}</div>'


def html_of(report: Report) -> str:
    """A report as static tables, without a script."""
    return _framed(report.title, report_html(report))


def _of_session(session: Session) -> str:
    return html_of(here(session.state))


def _of_scenario(scenario: Scenario) -> str:
    about = f"<p>{safe(scenario.about.strip())}</p>" if scenario.about else ""
    return _framed(scenario.title, f"{about}{_steps(scenario.graph)}")


def _of_timeline(timeline: Timeline) -> str:
    return _framed(_("{count} events").format(count=len(timeline)), _steps(timeline.graph))


MOST = 100
"""Tensors that a graph's table names."""


def _steps(graph: Graph) -> str:
    """The tensors of a graph with their shapes and what computes them; nothing is computed."""
    order = [(graph.names[t], shape_text(graph.shapes[t]), _made(graph, t)) for t in range(len(graph.names))[:MOST]]
    more = len(graph.names) - MOST
    left = f"<p>{safe(_(MORE).format(count=more))}</p>" if more > 0 else ""
    return table_html(Table((_("tensor"), _("shape"), _("computed by")), tuple(order))) + left


def _made(graph: Graph, tensor: int) -> str:
    return graph.call_text(k) if (k := graph.k(tensor)) is not None else graph.kind(tensor)


DRAWN: dict[type, Callable[[Any], str]] = {
    Report: html_of, Session: _of_session, Scenario: _of_scenario, Timeline: _of_timeline,
}  # fmt: skip
"""How a notebook shows what it is given: it asks the class, and most classes are of layers that know no HTML."""
