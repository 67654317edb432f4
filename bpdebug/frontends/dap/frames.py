"""Where the session stands, as an editor shows it: the stack of blocks, and places to go to."""

from __future__ import annotations

from typing import Any

from bpdebug.debugger import State
from bpdebug.expression import parse_location, resolve
from bpdebug.expression.location import SHORT
from bpdebug.frontends.dap.adapter import Adapter, Body, request
from bpdebug.frontends.dap.arguments import LevelsAsked, LinesAsked
from bpdebug.frontends.dap.sources import file_of, place
from bpdebug.graph import Graph, frames
from bpdebug.translation import _, phrases
from bpdebug.views.place import iteration_text

THREAD = 1
"""The one thread, whatever the forks."""
MOST_TARGETS = 1_000
"""Events of a line that are offered to go to."""
MOST_FRAMES = 1_000
"""Frames of a stop at most: an event, its blocks, and the pass."""


def line_in(adapter: Adapter, line: int) -> int:
    """A line as the client counts it, from 1."""
    return line if adapter.client.lines_start_at1 else line + 1


def line_out(adapter: Adapter, line: int) -> int:
    """A line from 1 as the client counts it."""
    return line if adapter.client.lines_start_at1 else line - 1


@request("threads")
def threads(adapter: Adapter, asked: Any) -> Body:
    return {"threads": [{"id": THREAD, "name": "graph"}]}


@request("stackTrace", LevelsAsked)
def stack_trace(adapter: Adapter, asked: LevelsAsked) -> Body:
    """The event, the blocks around it, and which pass this is."""
    found = _stack(adapter, adapter.session)
    start = max(asked.start_frame, 0)
    end = start + asked.levels if asked.levels > 0 else len(found)
    return {"stackFrames": found[start:end], "totalFrames": len(found)}


def _stack(adapter: Adapter, state: State) -> list[Body]:
    event, graph = state.event, state.timeline.graph
    if event is None:
        last = graph.nodes[-1].line if graph.nodes else 1
        return [_frame(adapter, 0, _("the end: everything is done"), last)]
    part = f"  part {state.part}/{len(event.parts)}" if state.part else ""
    line = event.line or _user_line(graph, event.tensor)
    found = [_frame(adapter, 0, f"{event.name}@{SHORT[event.phase]}  {event.op or event.phase}{part}", line)]
    for block in frames(event.block):
        found.append(_frame(adapter, len(found), block, _first_lines(graph)[block]))
    name, count = _("{phase} pass").format(phase=_(event.phase)), state.timeline.schedule.iterations
    name = phrases((name, iteration_text(event.iteration, count))) if count > 1 else name
    label = {"line": 0, "column": 0, "presentationHint": "label"}
    return [*found, {"id": _number(adapter, len(found)), "name": name, **label}]


def _frame(adapter: Adapter, above: int, name: str, line: int) -> Body:
    source, line = place(adapter, line)
    there = {"line": line_out(adapter, line), "column": int(adapter.client.columns_start_at1)}
    return {"id": _number(adapter, above), "name": name, **there, "source": source}


def _number(adapter: Adapter, above: int) -> int:
    """A frame's own number at this stop: VS Code takes frames that have kept theirs for a stack it has not read yet."""
    return adapter.told_stops * MOST_FRAMES + above + 1


def _user_line(graph: Graph, tensor: int) -> int:
    """Where a leaf is first used: it has no line of its own."""
    k = graph.first_user(tensor)
    return graph.nodes[k].line if k is not None else 1


def _first_lines(graph: Graph) -> dict[str, int]:
    """Where each block begins."""
    known: dict[str, int] | None = graph.kept.get("blocks' lines")
    if known is None:
        known = graph.kept["blocks' lines"] = {}
        for node in graph.nodes:
            for block in frames(node.block):
                known.setdefault(block, node.line)
    return known


# --- places to go to


@request("breakpointLocations", LinesAsked)
def breakpoint_locations(adapter: Adapter, asked: LinesAsked) -> Body:
    """The lines in a range that compute something."""
    first, last = asked.line, asked.end_line if asked.end_line is not None else asked.line
    file = file_of(adapter, asked.source)
    if file is None:
        return {"breakpoints": []}
    known = adapter.users.known[file] if file else {n.line for n in adapter.session.timeline.graph.nodes}
    lines = sorted({line_out(adapter, line) for line in known})
    return {"breakpoints": [{"line": line} for line in lines if first <= line <= last]}


@request("gotoTargets", LinesAsked)
def goto_targets(adapter: Adapter, asked: LinesAsked) -> Body:
    """The events of a line: going there is a seek, and nothing is skipped."""
    timeline, file = adapter.session.timeline, file_of(adapter, asked.source)
    if file is None:
        return {"targets": []}
    found = []
    for at in resolve(parse_location(f"{file}:{line_in(adapter, asked.line)}"), timeline):
        event = timeline.event(at)
        label = _("{name} (event {at})").format(name=f"{event.name}@{SHORT[event.phase]}", at=at)
        found.append({"id": at + 1, "label": label, "line": asked.line})
        if len(found) == MOST_TARGETS:
            break
    return {"targets": found}
