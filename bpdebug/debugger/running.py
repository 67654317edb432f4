"""Running to the next stop, in either direction: the one loop behind continue."""

from __future__ import annotations

import re

from msgspec.structs import replace

from bpdebug.arrays import number_text
from bpdebug.debugger.state import Breakpoint, State, View
from bpdebug.engine import Timeline
from bpdebug.expression import Scope, evaluate, holds, parse
from bpdebug.graph import frames
from bpdebug.progress import may_stop
from bpdebug.translation import N_, _

FORTH, BACK = 1, -1


def block_at(timeline: Timeline, index: int) -> str:
    """The block of the event at an index; outside everything at the end."""
    node = timeline.graph.node(timeline.schedule.tensor_at(index)) if index < len(timeline) else None
    return node.block if node else ""


def encloses(outer: str, block: str) -> bool:
    """Whether a block lies within another, or is it; every block lies within the outermost one, ''."""
    return not outer or outer in frames(block)


def move(state: State, to: int, why: str, part: int = 0) -> State:
    """The state at another position: clamped to begin and end, which are then the reason of the stop."""
    end = len(state.timeline)
    if to < 0 or (to <= 0 and why == "begin"):
        to, part, why = 0, 0, "begin"
    elif to >= end:
        to, part, why = end, 0, "end"
    return replace(state, cursor=to, part=part, frame=0, stopped=why, detail="", view=View())


def run(state: State, way: int, limit: int | None = None) -> State:
    """To the nearest stop that holds, or to `limit` (an event), or to the end or the beginning.

    Stops are asked for their candidates, so that events between them cost nothing. A tracepoint prints and goes on.
    """
    stops = [b for b in state.breakpoints if b.enabled]
    nearest = {b.number: _candidate(b, state.cursor, way) for b in stops}
    changed: dict[int, Breakpoint] = {}
    printed: list[str] = []
    while True:
        ahead = [at for at in nearest.values() if at is not None]
        at = (min(ahead) if way == FORTH else max(ahead)) if ahead else None
        if at is None or (limit is not None and (at - limit) * way > 0):
            break
        may_stop()
        hit: tuple[Breakpoint, str] | None = None
        for b in stops:
            if nearest[b.number] != at:
                continue
            nearest[b.number] = _candidate(b, at, way)
            b = changed.get(b.number, b)
            words = reason(b, state.timeline, at)
            if words is None:
                continue
            changed[b.number] = replace(b, hits=b.hits + 1, ignore=max(b.ignore - 1, 0))
            if b.ignore:
                continue
            if b.kind == "trace":
                printed.append(fill(b.says, state.timeline, at))
            elif hit is None:
                hit = (b, words)
        if hit is not None:
            return _stopped(_with(state, changed, printed), at, *hit)
    state = _with(state, changed, printed)
    if limit is not None:
        return replace(move(state, limit, "step"), printed=state.printed)
    return move(state, len(state.timeline) if way == FORTH else 0, "end" if way == FORTH else "begin")


def _candidate(b: Breakpoint, at: int, way: int) -> int | None:
    return b.stops.next_after(at) if way == FORTH else b.stops.last_before(at)


def reason(b: Breakpoint, timeline: Timeline, at: int) -> str | None:
    """Why to stop here, in words; None where the stop does not hold."""
    words = b.test(timeline, at) if b.test is not None else ""
    if words is None or b.condition is None:
        return words
    scope = Scope(timeline, at, timeline.event(at))
    return words if holds(b.condition, scope) else None


def met(b: Breakpoint, timeline: Timeline, at: int) -> str:
    """With which values a stop's condition holds at an event, `norm(dY) = 1.25 meets norm(dY) > 1`; '' without one."""
    if b.condition is None:
        return ""
    values = [f"{text} = {in_words(text, timeline, at)}" for text in b.condition.compared]
    if not values:
        return _("{condition} is so").format(condition=b.condition_text)
    return _("{values} meets {condition}").format(values=", ".join(values), condition=b.condition_text)


def _with(state: State, changed: dict[int, Breakpoint], printed: list[str]) -> State:
    kept = tuple(changed.get(b.number, b) for b in state.breakpoints)
    return replace(state, breakpoints=kept, printed=(*state.printed, *printed))


def _stopped(state: State, at: int, b: Breakpoint, words: str) -> State:
    name = f"catch {b.location.split()[0]}" if b.kind == "catch" else f"{NAMES[b.kind]} {b.number}"
    both = words, met(b, state.timeline, at)
    detail = _("{reason}; {condition}").format(reason=both[0], condition=both[1]) if all(both) else "".join(both)
    state = replace(move(state, at, name), stopped=name, detail=detail, pending=b.commands)
    if b.temporary:
        state = replace(state, breakpoints=tuple(s for s in state.breakpoints if s.number != b.number))
    return state


NAMES = {"break": N_("breakpoint"), "watch": N_("watch"), "catch": N_("catch"), "trace": N_("trace")}


def fill(text: str, timeline: Timeline, at: int) -> str:
    """A tracepoint's text with `{expr}` replaced by values at an event; what cannot be evaluated says so."""
    return re.sub(r"\{([^}]*)\}", lambda found: in_words(found[1], timeline, at), text)


ABSENT = {"not-computed": N_("not computed"), "no-path": N_("no path")}


def in_words(text: str, timeline: Timeline, at: int) -> str:
    """One expression's value in a few words."""
    value = evaluate(parse(text), Scope(timeline, at, timeline.event(at) if at < len(timeline) else None))
    if value.plain is not None:
        return value.text
    if value.array is None:
        return ABSENT[value.status]
    if value.array.size == 1:
        return number_text(value.array.item(), 6)
    if value.array.size > 16:
        return f"{'×'.join(map(str, value.array.shape))} {value.dtype}"
    return str(value.array.tolist()).replace("-", "−")
