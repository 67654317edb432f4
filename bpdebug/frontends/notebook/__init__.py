"""What a notebook shows of ours: a step as it stands still, and a walk as a page in a frame."""

from __future__ import annotations

import os
from collections.abc import Callable
from html import escape
from typing import Any

from bpdebug.debugger import State, open_session
from bpdebug.engine import Timeline
from bpdebug.errors import UsageError
from bpdebug.frontends.python import Session, load
from bpdebug.graph import Graph
from bpdebug.scenario import Scenario
from bpdebug.translation import _
from bpdebug.views import Report, here
from bpdebug.views.blocks import Table
from bpdebug.views.html import report_html, safe, table_html
from bpdebug.views.numbers import shape_text

HEIGHT = 640
"""Pixels of a frame: a step of a lesson."""
STYLE = """<style>
.bpdebug .row { display: flex; flex-wrap: wrap; gap: .8rem; align-items: center; margin: .5rem 0 }
.bpdebug figure { margin: 0; overflow-x: auto }
.bpdebug p { white-space: pre-line; max-width: 46rem }
.bpdebug p.bad { font-weight: bold }
</style>"""


class PageFrame:
    """A page in a frame of its own, which reaches neither the notebook nor any address."""

    def __init__(self, page: str, height: int) -> None:
        self.page, self.height = page, height

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="bpdebug" sandbox="allow-scripts" srcdoc="{escape(self.page)}" '
            f'style="width: 100%; height: {self.height}px; border: 0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<a page of {len(self.page.encode()):,} bytes>"


def show(what: Scenario | Session | Timeline | str | os.PathLike[str], *, height: int = HEIGHT) -> PageFrame:
    """The walk of a scenario, of a session, of a timeline or of a file, to be stepped through in a notebook.

    Raises BpdebugError for a file that is refused, or a page that becomes too large.
    """
    from bpdebug.frontends.export.page import of_state, page  # start-up: here a page is written

    return PageFrame(page(of_state(_state(what))), height)


def _state(what: Any) -> State:
    """A session at its beginning, of a session's own timeline or fork."""
    if isinstance(what, Session):
        own = what.state
        return State(own.scenario, own.timeline, notes=own.notes)
    if isinstance(what, Timeline):
        return State(_unnamed(what), what)
    if isinstance(what, str | os.PathLike):
        what = load(what)
    if not isinstance(what, Scenario):
        raise UsageError(f"show takes a scenario, a session, a timeline or a path, not {what!r}")
    return open_session(what)


def _unnamed(timeline: Timeline) -> Scenario:
    """A scenario that says nothing but its graph."""
    graph = timeline.graph
    dtype = graph.dtypes[0]
    return Scenario("timeline", _("A timeline"), "", dtype, 0, graph, "", 1)


def _framed(title: str, body: str) -> str:
    head = f"<h4>{safe(title)}</h4>" if title else ""
    return f'<div class="bpdebug">{STYLE}{head}{body}</div>'


def _of_report(report: Report) -> str:
    return _framed(report.title, report_html(report))


def _of_session(session: Session) -> str:
    return _of_report(here(session.state))


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
    left = f"<p>{safe(_('… {count} more').format(count=more))}</p>" if more > 0 else ""
    return table_html(Table((_("tensor"), _("shape"), _("computed by")), tuple(order))) + left


def _made(graph: Graph, tensor: int) -> str:
    return graph.call_text(k) if (k := graph.k(tensor)) is not None else graph.kind(tensor)


DRAWN: dict[type, Callable[[Any], str]] = {
    Report: _of_report, Session: _of_session, Scenario: _of_scenario, Timeline: _of_timeline,
}  # fmt: skip
"""How a notebook shows what it is given: it asks the class, and most classes are of layers that know no HTML."""
for _kind, _draw in DRAWN.items():
    _kind._repr_html_ = _draw  # type: ignore[attr-defined]  # as the table says
