"""Commands about one tensor: what it is, numbers about it, its cells, its neighbours."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from msgspec.structs import replace

from bpdebug.debugger.commands.table import chosen, command
from bpdebug.debugger.ranges import parse_range
from bpdebug.debugger.state import Display, State
from bpdebug.engine import FORWARD, UPDATE
from bpdebug.errors import CommandError
from bpdebug.expression import Value, check, parse


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


_RANGE = re.compile(r"^(.*?)\s*((?<=\s)\[[^\]]*\]|[<>]=?\s*[^\s<>]+|(?<=\s)(?:nan|inf|zero))\s*$", re.DOTALL)


@command("highlight", "cells in a range", "highlight 1 + 1 > 0", args="EXPR RANGE", family="tensors")
def highlight(state: State, argument: str) -> State:
    """`highlight dW > 0.1`, `highlight dW [-1, 1]`, `highlight dW nan`; E_COMMAND for no range."""
    match = _RANGE.match(argument)
    if match is None or not match[1].strip():
        raise CommandError("highlight takes an expression and a range", hint="highlight dW > 0.1, highlight dW [-1, 1]")
    text, span = match[1].strip(), parse_range(match[2])
    value = value_of(state, text, "highlight")
    return replace(state, found=(text, span.text, -1)).show("cells", text, value, span, None)


@command("find", "the next cell in a range", "find > 0", key="/", args="RANGE", family="tensors")
def find_(state: State, argument: str) -> State:
    """In the tensor that was highlighted, or else in that of the current event; E_COMMAND without a range."""
    text = state.found[0] if state.found else _current(state)
    if argument:
        span = parse_range(argument)
    elif state.found:
        span = parse_range(state.found[1])
    else:
        raise CommandError("find takes a range", hint="find > 0.1, find [-1, 1], find nan")
    value = value_of(state, text, "find")
    after = int(state.found[2]) if state.found and state.found[:2] == (text, span.text) else -1
    cells = np.flatnonzero(span.mask(value.array)) if value.array is not None else np.empty(0, int)
    if value.array is None or not cells.size:
        return replace(state, found=(text, span.text, -1)).show("cells", text, value, span, None)
    cell = int(cells[np.searchsorted(cells, after, "right") % cells.size])  # after the last it begins again
    at = tuple(map(int, np.unravel_index(cell, value.array.shape)))
    return replace(state, found=(text, span.text, cell)).show("cells", text, value, span, at)


def _current(state: State) -> str:
    event = state.event
    if event is None:
        raise CommandError("no tensor here", hint="highlight dW > 0.1 first")
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
    return replace(state, displays=kept).show("said", f"{len(gone)} display{'s' * (len(gone) != 1)} gone")


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


for _way, _says in ("inputs", "what it is computed from"), ("outputs", "what is computed from it"):
    command(_way, _says, _way, args="[-r] [NAME]", family="tensors")(_neighbours(_way))
