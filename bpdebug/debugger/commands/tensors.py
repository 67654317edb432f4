"""Commands about one tensor: what it is, numbers about it, its cells, its neighbours."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.debugger.commands.table import chosen, command
from bpdebug.debugger.ranges import WORDS, parse_range
from bpdebug.debugger.state import Display, State
from bpdebug.engine import FORWARD, UPDATE
from bpdebug.errors import CommandError
from bpdebug.expression import Value, check, parse
from bpdebug.translation import N_, ngettext


def value_of(state: State, text: str, name: str) -> Value:
    """An expression at the cursor; E_COMMAND without one."""
    if not text:
        raise CommandError(f"{name} takes an expression", hint=f"{name} dW")
    return state.value(text)


@command("stats", "numbers about a tensor", "stats 1 + 1", args="EXPR", family="tensors")
def stats_(state: State, argument: str) -> State:
    """Numbers about a tensor: extremes, mean, norm, zeros, NaN."""
    return state.show("print", argument, value_of(state, argument, "stats"), "s")


@command("whatis", "dtype, shape, where it came from", "whatis 1 + 1", args="EXPR", family="tensors")
def whatis(state: State, argument: str) -> State:
    """What an expression is: dtype, shape, status; of a tensor, also where it came from."""
    return state.show("whatis", argument, value_of(state, argument, "whatis"))


_RANGE = rf"(?s)^(.*?)\s*((?<=\s)\[[^\]]*\]|[<>]=?\s*[^\s<>]+|(?<=\s)(?:{WORDS})|(?<=\s)at\s+[-−+\d,\s]+)\s*$"
"""An expression and a range behind it, or a range alone behind a blank."""


@command("highlight", "cells in a range", "highlight 1 + 1 > 0", args="EXPR RANGE", family="tensors")
def highlight(state: State, argument: str) -> State:
    """`highlight dW > 0.1`, `highlight dW [-1, 1]`, `highlight dW nan`; E_COMMAND for no range."""
    match = re.match(_RANGE, argument)
    if match is None or not match[1].strip():
        raise CommandError("highlight takes an expression and a range", hint="highlight dW > 0.1, highlight dW [-1, 1]")
    text, span = match[1].strip(), parse_range(match[2])
    value = value_of(state, text, "highlight")
    return replace(state, found=(text, span.text, -1)).show("cells", text, value, span, None)


@command("find", "the next cell in a range: > 0, nan, max", "find > 0", key="/", args="[EXPR] RANGE", family="tensors")
def find_(state: State, argument: str) -> State:
    """`find > 0.1`, `find nan`, `find max`, `find dW at 2,0`; without a range, the next cell in the one before.

    In the tensor that is named, or else in the one that was highlighted or searched, or in that of the current event.
    E_COMMAND without a range.
    """
    match = re.match(_RANGE, f" {argument}")
    before = state.found
    text = match[1].strip() if match else ""
    text = text or (before[0] if before else _current(state, argument))
    if argument:
        span = parse_range(match[2] if match else argument)
    elif before:
        span = parse_range(before[1])
    else:
        raise CommandError("find takes a range", hint="find > 0.1, find [-1, 1], find nan, find max")
    value = value_of(state, text, "find")
    after = before[2] if before and before[:2] == (text, span.text) else -1
    at = None if value.array is None else _next(span.mask(value.array), after)
    found = before if span.single else (text, span.text, -1 if at is None else at)
    cell = None if at is None or value.array is None else tuple(map(int, np.unravel_index(at, value.array.shape)))
    return replace(state, found=found).show("cells", text, value, span, cell)


def _next(mask: Array, after: int) -> int | None:
    """The next cell of a mask of any shape, flat, after one of them; behind the last the first, if there is one."""
    flat = mask.reshape(-1)
    for start in (after + 1, 0):
        if start < flat.size and flat[at := start + int(flat[start:].argmax())]:
            return at
    return None


def _current(state: State, argument: str) -> str:
    event = state.event
    if event is None:
        raise CommandError("at the end stands no tensor to look in", hint=f"name one: find dW {argument or '> 0.1'}")
    return event.name if event.phase in (FORWARD, UPDATE) else f"∂{event.name}"


@command("display", "an expression shown at every stop", "display 1 + 1", key="D", args="EXPR", family="tensors")
def display(state: State, argument: str) -> State:
    """An expression shown at every stop; without one, the list of them."""
    if not argument:
        return state.show("info", "displays", "")
    expression = parse(argument)
    check(expression, state.timeline)
    number = max((d.number for d in state.displays), default=0) + 1
    made = Display(number, argument, expression)
    return replace(state, displays=(*state.displays, made)).show("displays", number)


@command("undisplay", "stop showing it", "undisplay", args="[N ...]", family="tensors")
def undisplay(state: State, argument: str) -> State:
    """Displays by number; without one, all of them."""
    gone = chosen(argument, state.displays, "display")
    kept = tuple(d for d in state.displays if d.number not in gone)
    return replace(state, displays=kept).show(
        "said", ngettext("{n} display gone", "{n} displays gone", len(gone)).format(n=len(gone))
    )


def _neighbours(way: str) -> Callable[[State, str], State]:
    def run(state: State, argument: str) -> State:
        words = argument.split()
        everything = "-r" in words
        names = [w for w in words if w != "-r"]
        if len(names) > 1:
            raise CommandError(f"{way} takes one tensor", hint=f"{way} Y, {way} -r Y")
        event = state.event
        if not names and event is None:
            raise CommandError(f"{way} takes a tensor at the end", hint=f"{way} Y")
        name = names[0] if names else event.name if event else ""
        state.timeline.number(name)
        return state.show("neighbours", way, name, everything)

    return run


for _way, _says in ("inputs", N_("what it is computed from")), ("outputs", N_("what is computed from it")):
    command(_way, _says, _way, args="[-r] [NAME]", family="tensors")(_neighbours(_way))
