"""Where the cursor stands, as data and as a line; and the JSON object that answers a command."""

from __future__ import annotations

from typing import Any

from bpdebug.debugger import Breakpoint, State
from bpdebug.debugger.running import NAMES
from bpdebug.engine import END, Event
from bpdebug.errors import BpdebugError
from bpdebug.translation import N_, _
from bpdebug.views.numbers import number
from bpdebug.views.report import Report


def place_data(state: State) -> dict[str, Any]:
    """The `at` of a JSON reply."""
    event, moment, part = state.event, state.timeline.schedule.place(state.cursor), None
    if event is not None and state.part:
        line, view = event.parts[state.part - 1]
        part = {"index": state.part, "of": len(event.parts), "to": line.to, "text": view.text}
    node, op, line_number = (event.name, event.op, event.line) if event is not None else (None, None, None)
    return {
        "event": state.cursor, "of": len(state.timeline), "phase": moment.phase, "node": node, "op": op,
        "line": line_number, "iteration": moment.iteration, "part": part,
    }  # fmt: skip


def when_text(state: State) -> str:
    """'event 17/42 backward Y matmul'; at the end 'event 42/42 end'."""
    event, where = state.event, _("event {at}/{of}").format(at=state.cursor, of=len(state.timeline))
    if event is None:
        return f"{where} {_(END)}"
    part = _("part {part}/{of}").format(part=state.part, of=len(event.parts)) if state.part else None
    return " ".join(filter(None, (where, _(event.phase), event.name, event.op, part)))


def fork_text(state: State) -> str:
    """'fork 2: set W[0,1] = 0, b = 1': the timeline in use and what was set for it, its parents' first; '' in none."""
    lines = [e.line.removeprefix("set ") for e in state.timeline.edits] if state.fork else []
    return _("fork {number}: set {edits}").format(number=state.fork, edits=", ".join(lines)) if lines else ""


def status_line(state: State) -> str:
    """'backward 5/8 · Z = X @ W · loss 0.298': which one of its phase, the call, the loss once it is known.

    A fork stands before all that.
    """
    return " · ".join(status(state).values())


def status(state: State) -> dict[str, str]:
    """The same by what each piece says; of those, what there is here: fork, place, call, part, loss, iteration."""
    timeline, schedule, event = state.timeline, state.timeline.schedule, state.event
    loss, place = timeline.loss_at(state.cursor), schedule.place(state.cursor)
    found = {"fork": fork_text(state), "place": _("the end")}
    if event is not None:
        found["place"] = f"{_(place.phase)} {place.nth + 1}/{schedule.counts[place.phase]}"
        found["call"] = event.graph.statement(event.tensor)
        found["part"] = part_text(state, event) if state.part else ""
    found["loss"] = _("loss {loss}").format(loss=number(loss)) if loss is not None else ""
    if schedule.iterations > 1:
        found["iteration"] = iteration_text(schedule.iteration_at(state.cursor), schedule.iterations)
    return {name: text for name, text in found.items() if text}


def iteration_text(at: int, count: int) -> str:
    """'iteration 0 of 0..2': which one of so many; they count from 0, as `Y@bwd%0` and `if iteration == 0` do."""
    return _("iteration {at} of 0..{last}").format(at=at, last=count - 1)


def part_text(state: State, event: Event) -> str:
    """'part 2 of 3': which part of an event is looked at."""
    return _("part {part} of {of}").format(part=state.part, of=len(event.parts))


def stop_text(b: Breakpoint) -> str:
    """'temporary breakpoint, disabled': what kind of stop it is."""
    words = _(NAMES[b.kind])
    words = _("temporary {stop}").format(stop=words) if b.temporary else words
    return words if b.enabled else _("{stop}, disabled").format(stop=words)


REASONS = N_("begin"), N_("end"), N_("difference")
"""Why a motion ends, beside the stops."""


def stopped_text(state: State) -> str:
    """Why the last motion ended, in words: `end`, `breakpoint 1`; what is caught is a word of the debugger's."""
    word, blank, rest = state.stopped.partition(" ")
    return f"{_(word)}{blank}{rest}"


def reply(state: State, report: Report, ident: Any = None) -> dict[str, Any]:
    """The answer to a command that worked."""
    return {
        "id": ident, "ok": True, "stopped": state.stopped or None, "at": place_data(state),
        "report": report.to_parts(),
    }  # fmt: skip


def refusal(state: State, error: BpdebugError, ident: Any = None) -> dict[str, Any]:
    """The answer to a command that did not: its code, in words, and where the cursor still stands."""
    said = {"code": error.code, "message": error.message, "hint": error.hint or None, "column": error.column}
    return {"id": ident, "ok": False, "error": said, "at": place_data(state)}
