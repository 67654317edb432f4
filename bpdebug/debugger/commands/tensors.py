"""Commands about one tensor: what it is, numbers about it, its cells, its neighbours."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from msgspec.structs import replace

from bpdebug.debugger.commands.table import Command, register
from bpdebug.debugger.ranges import Range, parse_range
from bpdebug.debugger.state import Display, State
from bpdebug.errors import CommandError
from bpdebug.expression import Scope, Value, check, evaluate, parse


def value_of(state: State, text: str, name: str) -> Value:
    """An expression at the cursor."""
    if not text:
        raise CommandError(f"{name} takes an expression", code="E_COMMAND", hint=f"{name} dW")
    return evaluate(parse(text), Scope(state.timeline, state.cursor))


def stats_(state: State, argument: str) -> State:
    """Numbers about a tensor: extremes, mean, norm, zeros, NaN."""
    return state.show("print", argument, value_of(state, argument, "stats"), "s")


def whatis(state: State, argument: str) -> State:
    """What an expression is: dtype, shape, status; of a tensor, also where it came from."""
    return state.show("whatis", argument, value_of(state, argument, "whatis"))


def display(state: State, argument: str) -> State:
    """An expression shown at every stop; without one, the list of them."""
    if not argument:
        return state.show("info", "displays", "")
    expression = parse(argument)
    check(expression, state.timeline)
    number = max((d.number for d in state.displays), default=0) + 1
    made = Display(number, argument, expression)
    return replace(state, displays=(*state.displays, made)).show("displays", number)


def undisplay(state: State, argument: str) -> State:
    """Displays by number; without one, all of them."""
    known = [d.number for d in state.displays]
    words = argument.split()
    for word in words:
        if not (word.isascii() and word.isdigit()) or len(word) > 9 or int(word) not in known:
            hint = f"there are: {', '.join(map(str, known)) or 'none'}"
            raise CommandError(f"no display {word[:40]}", code="E_COMMAND", hint=hint)
    gone = [int(w) for w in words] or known
    kept = tuple(d for d in state.displays if d.number not in gone)
    return replace(state, displays=kept).show("said", f"{len(gone)} display{'s' * (len(gone) != 1)} gone")


_RANGE = re.compile(r"^(.*?)\s*((?<=\s)\[[^\]]*\]|[<>]=?\s*[^\s<>]+|(?<=\s)(?:nan|inf|zero))\s*$", re.DOTALL)


def highlight(state: State, argument: str) -> State:
    """Cells of a tensor in a range: `highlight dW > 0.1`, `highlight dW [-1, 1]`, `highlight dW nan`."""
    match = _RANGE.match(argument)
    if match is None or not match[1].strip():
        raise CommandError(
            "highlight takes an expression and a range",
            code="E_COMMAND",
            hint="highlight dW > 0.1, highlight dW [-1, 1]",
        )
    text, span = match[1].strip(), parse_range(match[2])
    value = value_of(state, text, "highlight")
    return replace(state, found=(text, span.text, -1)).show("cells", text, value, span, None)


def find_(state: State, argument: str) -> State:
    """The next cell in a range, of the tensor that was highlighted, or else of the current event's."""
    text = state.found[0] if state.found else _current(state)
    if argument:
        span = parse_range(argument)
    elif state.found:
        span = parse_range(state.found[1])
    else:
        raise CommandError("find takes a range", code="E_COMMAND", hint="find > 0.1, find [-1, 1], find nan")
    value = value_of(state, text, "find")
    after = int(state.found[2]) if state.found and state.found[:2] == (text, span.text) else -1
    cell = _next_cell(value, span, after)
    at = (
        None
        if cell is None or value.array is None
        else tuple(int(i) for i in np.unravel_index(cell, value.array.shape))
    )
    return replace(state, found=(text, span.text, -1 if cell is None else cell)).show("cells", text, value, span, at)


def _next_cell(value: Value, span: Range, after: int) -> int | None:
    """The flat index of the next cell in a range; it begins again after the last."""
    if value.array is None:
        return None
    cells = np.flatnonzero(span.mask(value.array))
    later = cells[cells > after]
    return int(later[0]) if later.size else int(cells[0]) if cells.size else None


def _current(state: State) -> str:
    event = state.event
    if event is None:
        raise CommandError("no tensor here", code="E_COMMAND", hint="highlight dW > 0.1 first")
    return event.name if event.phase in ("forward", "update") else f"∂{event.name}"


def _neighbours(way: str) -> Callable[[State, str], State]:
    def run(state: State, argument: str) -> State:
        words = argument.split()
        everything = "-r" in words
        names = [w for w in words if w != "-r"]
        if len(names) > 1:
            raise CommandError(f"{way} takes one tensor", code="E_COMMAND", hint=f"{way} Y, {way} -r Y")
        event = state.event
        if not names and event is None:
            raise CommandError(f"{way} takes a tensor at the end", code="E_COMMAND", hint=f"{way} Y")
        name = names[0] if names else event.name if event else ""
        state.timeline.number(name)
        return state.show("neighbours", way, name, everything)

    return run


register(
    Command("stats", stats_, "numbers about a tensor", "stats 1 + 1", args="EXPR", family="tensors"),
    Command("whatis", whatis, "dtype, shape, where it came from", "whatis 1 + 1", args="EXPR", family="tensors"),
    Command("highlight", highlight, "cells in a range", "highlight 1 + 1 > 0", args="EXPR RANGE", family="tensors"),
    Command("find", find_, "the next cell in a range", "find > 0", key="/", args="RANGE", family="tensors"),
    Command(
        "display", display, "an expression shown at every stop", "display 1 + 1", key="D", args="EXPR", family="tensors"
    ),
    Command("undisplay", undisplay, "stop showing it", "undisplay", args="[N ...]", family="tensors"),
    Command(
        "inputs", _neighbours("inputs"), "what it is computed from", "inputs", args="[-r] [NAME]", family="tensors"
    ),
    Command(
        "outputs", _neighbours("outputs"), "what is computed from it", "outputs", args="[-r] [NAME]", family="tensors"
    ),
)
