"""Where the cursor stands, as data and as a line."""

from __future__ import annotations

from typing import Any

from bpdebug.debugger import State
from bpdebug.engine import END
from bpdebug.views.numbers import number, short


def place_data(state: State) -> dict[str, Any]:
    """The `at` of a JSON reply."""
    event, total = state.event, len(state.timeline)
    if event is None:
        iteration = state.timeline.schedule.place(total).iteration
        return {
            "event": total, "of": total, "phase": END, "node": None, "op": None, "line": None, "iteration": iteration,
            "part": None,
        }  # fmt: skip
    part = None
    if state.part:
        contribution, view = event.parts[state.part - 1]
        part = {"index": state.part, "of": len(event.parts), "to": contribution.to, "text": view.text}
    return {
        "event": event.index, "of": total, "phase": event.phase, "node": event.name, "op": event.op, "line": event.line,
        "iteration": event.iteration, "part": part,
    }  # fmt: skip


def when_text(state: State) -> str:
    """'event 17/42 backward Y matmul'; at the end 'event 42/42 end'."""
    event, total = state.event, len(state.timeline)
    if event is None:
        return f"event {total}/{total} end"
    words = [f"event {event.index}/{total}", event.phase, event.name, event.op or ""]
    if state.part:
        words.append(f"part {state.part}/{len(event.parts)}")
    return " ".join(w for w in words if w)


def fork_text(state: State) -> str:
    """'fork 2: set W[0,1] = 0, b = 1': the timeline in use and what was set for it, its parents' first; '' in none."""
    lines = [e.line.removeprefix("set ") for e in state.timeline.edits] if state.fork else []
    return short(f"fork {state.fork}: set {', '.join(lines)}") if lines else ""


def status_line(state: State) -> str:
    """'backward 5/8 · Z = X @ W · loss 0.298': which one of its phase, the call, the loss once it is known.

    A fork stands before all that.
    """
    return " · ".join(filter(None, (fork_text(state), *_status(state))))


def _status(state: State) -> list[str]:
    timeline, schedule, event = state.timeline, state.timeline.schedule, state.event
    loss = timeline.loss_at(state.cursor)
    tail = [f"loss {number(loss)}"] if loss is not None else []
    if schedule.iterations > 1:
        tail.append(f"iteration {schedule.iteration_at(state.cursor) + 1} of {schedule.iterations}")
    if event is None:
        return ["the end", *tail]
    place = schedule.place(state.cursor)
    part = [f"part {state.part} of {len(event.parts)}"] if state.part else []
    statement = event.graph.statement(event.tensor)
    return [f"{place.phase} {place.nth + 1}/{schedule.counts[place.phase]}", statement, *part, *tail]
