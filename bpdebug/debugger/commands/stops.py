"""Breakpoints and tracepoints, and what can be said about any stop by its number."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec.structs import replace

from bpdebug.debugger.commands.table import chosen, command, count
from bpdebug.debugger.running import fill, reason
from bpdebug.debugger.state import Breakpoint, State
from bpdebug.errors import CommandError
from bpdebug.expression import check, parse, parse_location, resolve
from bpdebug.expression.location import SHORT
from bpdebug.translation import _, ngettext

_IF = r"(?:^|\s)if\s"


def add(state: State, made: Breakpoint, says: str, at: int | None = None) -> State:
    """The state with one stop more, and a line that says so, and the event at which it holds already."""
    said = already(says, state, at)
    state = replace(state, breakpoints=(*state.breakpoints, made), next_number=state.next_number + 1)
    return state.show("said", said)


def already(says: str, state: State, at: int | None) -> str:
    """What is said of a stop, and that it holds where the cursor stands, where it does: no motion would tell."""
    if at is None:
        return says
    said = _("{says}; already so at event {event}: {name}")
    return said.format(says=says, event=at, name=state.timeline.event(at).name)


def held(state: State, b: Breakpoint, since: int | None = None) -> int | None:
    """The event under the cursor, if a stop holds there; with `since`, the first one from there to the cursor."""
    first, end = state.cursor if since is None else since, min(state.cursor + 1, len(state.timeline))
    events = (at for at in range(first, end) if b.stops.contains(at))
    return next((at for at in events if reason(b, state.timeline, at) is not None), None)


def located(state: State, argument: str, kind: str, *, temporary: bool = False, says: str = "") -> Breakpoint:
    """A stop at `LOC [if EXPR]`; location and condition are checked now, against this graph."""
    match = None if argument.startswith("/") and argument.count("/") < 2 else re.search(_IF, argument)
    place, condition = (argument[: match.start()], argument[match.end() :]) if match else (argument, "")
    stops = resolve(parse_location(place.strip()), state.timeline)
    made = Breakpoint(
        state.next_number, kind, f"{kind} {argument}", place.strip(), stops, temporary=temporary, says=says
    )
    return conditioned(state, made, condition.strip()) if match else made


def conditioned(state: State, b: Breakpoint, text: str) -> Breakpoint:
    """A stop with another condition, or with none."""
    if not text:
        return replace(b, condition=None, condition_text="")
    condition = parse(text)
    check(condition, state.timeline, condition=True)
    return replace(b, condition=condition, condition_text=text)


@command(
    "break", "stop at a location, if a condition holds", "break #1", aliases=("b",), key="b", args="[LOC] [if EXPR]",
    family="stops",
)  # fmt: skip
def break_(state: State, argument: str) -> State:
    """At a location; else at the event under the cursor, and taken away if it is there; E_COMMAND at the end."""
    if not argument or argument.startswith("if "):
        event = state.event
        if event is None:
            raise CommandError("no event here to stop at", hint="break LOC: break Y@bwd")
        here = f"{event.name}@{SHORT[event.phase]}"
        there = [b.number for b in state.breakpoints if b.location == here and b.kind == "break"]
        if there and not argument:
            return delete(state, str(there[0]))
        argument = f"{here} {argument}".strip()
    made = located(state, argument, "break")
    return _added(state, made, _("breakpoint {number} at {where}"))


@command("tbreak", "stop there once", "tbreak #1", aliases=("tb",), args="LOC [if EXPR]", family="stops")
def tbreak(state: State, argument: str) -> State:
    """A breakpoint that goes with its first hit; E_COMMAND without a location."""
    if not argument:
        raise CommandError("tbreak takes a location", hint="tbreak Y@bwd")
    made = replace(located(state, argument, "break", temporary=True), line=f"tbreak {argument}")
    return _added(state, made, _("temporary breakpoint {number} at {where}"))


def _added(state: State, made: Breakpoint, says: str) -> State:
    """A stop at a location more; only of one with a condition it is news that it holds here already."""
    at = None if made.condition is None else held(state, made)
    return add(state, made, says.format(number=made.number, where=_told(made)), at)


def _told(b: Breakpoint) -> str:
    events = len(b.stops)
    place = f"{b.location} if {b.condition_text}" if b.condition_text else b.location
    return ngettext("{place}: {n} event", "{place}: {n} events", events).format(place=place, n=events)


@command("trace", "print there, and go on", 'trace #1 "here: {event}"', args='LOC "text {expr}"', family="stops")
def trace(state: State, argument: str) -> State:
    """A breakpoint that prints its text, with `{expr}` filled in, and goes on; E_COMMAND without a text."""
    match = re.fullmatch(r'(.*?)\s*"(.*)"', argument, re.DOTALL)
    if match is None or not match[1]:
        raise CommandError("trace takes a location and a text", hint='trace Y@bwd "norm {norm(dY)}"')
    made = replace(located(state, match[1], "trace", says=match[2]), line=f"trace {argument}")
    fill(made.says, state.timeline, made.stops.first())  # what cannot be evaluated is said now, not while running
    return add(state, made, _("tracepoint {number} at {where}").format(number=made.number, where=_told(made)))


def changed(state: State, numbers: list[int], change: Callable[[Breakpoint], Breakpoint]) -> State:
    """The state with some stops changed."""
    return replace(state, breakpoints=tuple(change(b) if b.number in numbers else b for b in state.breakpoints))


def _switch(on: bool) -> Callable[[State, str], State]:
    def run(state: State, argument: str) -> State:
        numbers = chosen(argument, state.breakpoints)
        state = changed(state, numbers, lambda b: replace(b, enabled=on))
        said = _("enabled: {stops}") if on else _("disabled: {stops}")
        return state.show("said", said.format(stops=", ".join(map(str, numbers)) or _("none")))

    return run


@command(
    "condition", "another condition for a stop", "break #1 ;; condition 1 event == 1", args="N [EXPR]", family="stops"
)
def condition(state: State, argument: str) -> State:
    """Another condition for a stop; without an expression, none; E_COMMAND without a number."""
    word, _blank, text = argument.partition(" ")
    if not word:
        raise CommandError("condition takes a number", hint="condition 1 norm(dY) > 1")
    numbers = chosen(word, state.breakpoints)
    state = changed(state, numbers, lambda b: conditioned(state, b, text.strip()))
    if not text.strip():
        return state.show("said", _("breakpoint {number} stops always").format(number=word))
    at = held(state, next(b for b in state.breakpoints if b.number == numbers[0]))
    said = _("breakpoint {number} stops if {condition}").format(number=word, condition=text.strip())
    return state.show("said", already(said, state, at))


@command("ignore", "pass over the next hits of a stop", "break #1 ;; ignore 1 2", args="N COUNT", family="stops")
def ignore(state: State, argument: str) -> State:
    """Pass over the next hits of a stop; E_COMMAND without number and count."""
    word, _blank, text = argument.partition(" ")
    if not word or not text.strip():
        raise CommandError("ignore takes a number and a count", hint="ignore 1 3")
    numbers, hits = chosen(word, state.breakpoints), count(text.strip())
    state = changed(state, numbers, lambda b: replace(b, ignore=hits))
    said = _("breakpoint {number}: the next {hits} hits are passed over")
    return state.show("said", said.format(number=word, hits=hits))


@command(
    "commands", "what to do after a stop: a command a line, then `end`", "break #1 ;; commands 1", args="N ... end",
    family="stops",
)  # fmt: skip
def commands(state: State, argument: str) -> State:
    """Commands that run after a stop, one a line, up to `end`; none takes them away; E_COMMAND without a number."""
    head, *body = argument.split("\n")
    word = head.strip()
    if not word:
        raise CommandError("commands takes a number", hint="commands 1, then a command a line, then end")
    lines = tuple(line.strip() for line in body if line.strip() and line.strip() != "end")
    numbers = chosen(word, state.breakpoints)
    state = changed(state, numbers, lambda b: replace(b, commands=lines))
    said = ngettext("breakpoint {number}: {n} command", "breakpoint {number}: {n} commands", len(lines))
    return state.show("said", said.format(number=word, n=len(lines)))


command("enable", "let stops stop again", "enable", args="[N ...]", family="stops")(_switch(True))
command("disable", "keep stops, without stopping", "disable", args="[N ...]", family="stops")(_switch(False))


@command("delete", "take stops away", "delete", args="[N ...]", family="stops")
def delete(state: State, argument: str) -> State:
    """Stops by number; without one, all of them."""
    numbers = chosen(argument, state.breakpoints)
    kept = tuple(b for b in state.breakpoints if b.number not in numbers)
    gone = len(state.breakpoints) - len(kept)
    said = ngettext("{n} breakpoint deleted", "{n} breakpoints deleted", gone).format(n=gone)
    return replace(state, breakpoints=kept).show("said", said)
