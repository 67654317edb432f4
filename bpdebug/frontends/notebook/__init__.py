"""What a notebook shows of ours: `show`, a walk as a page in a frame; and what objects say of themselves."""

from __future__ import annotations

import os
from html import escape
from typing import Any

from bpdebug.debugger import State
from bpdebug.engine import Timeline
from bpdebug.errors import UsageError
from bpdebug.frontends.notebook.drawn import DRAWN
from bpdebug.frontends.notebook.papers import in_latex, in_markdown
from bpdebug.frontends.python import Session, load
from bpdebug.scenario import Scenario
from bpdebug.translation import _

HEIGHT = 640
"""Pixels of a frame: a step of a lesson."""
for _kind, _draw in DRAWN.items():
    _kind._repr_html_ = _draw  # type: ignore[attr-defined]  # as the table says
    _kind._repr_latex_, _kind._repr_markdown_ = in_latex, in_markdown  # type: ignore[attr-defined]  # of each the same


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


def show(
    what: Scenario | Session | Timeline | str | os.PathLike[str], *, height: int = HEIGHT, **options: Any
) -> PageFrame:
    """The walk of a scenario, of a session, of a timeline or of a file, to be stepped through in a notebook.

    `options` are those of `Session` (memory, spill, backend, device, scheduler), for what is none yet. Raises
    BpdebugError for a file that is refused, or a page that becomes too large.
    """
    from bpdebug.frontends.export.page import of_state, page  # start-up: here a page is written

    return PageFrame(page(of_state(_state(what, options))), height)


def _state(what: Any, options: dict[str, Any]) -> State:
    """A session at its beginning, of a session's own timeline or fork."""
    if options and isinstance(what, Session | Timeline):
        hint = "give them to Session or to run"
        raise UsageError(f"a session and a timeline have their own {', '.join(options)}", hint=hint)
    if isinstance(what, Session):
        own = what.state
        return State(own.scenario, own.timeline, notes=own.notes)
    if isinstance(what, Timeline):
        return State(_unnamed(what), what)
    if isinstance(what, str | os.PathLike):
        what = load(what)
    if not isinstance(what, Scenario):
        raise UsageError(f"show takes a scenario, a session, a timeline or a path, not {what!r}")
    return Session(what, **options).state


def _unnamed(timeline: Timeline) -> Scenario:
    """A scenario that says nothing but its graph."""
    graph = timeline.graph
    dtype = graph.dtypes[0]
    return Scenario("timeline", _("A timeline"), "", dtype, 0, graph, "", 1)
