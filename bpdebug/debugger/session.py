"""What one command makes of the state."""

from __future__ import annotations

import re

from msgspec.structs import replace

from bpdebug.debugger.commands.table import Call, parse
from bpdebug.debugger.state import State
from bpdebug.errors import BpdebugError, CommandError
from bpdebug.expression.short import Shorts, typed

MOST_PLACES = 1000
"""Places visited that are remembered."""


def update(state: State, line: str) -> State:
    """The state after a line; no stop's commands run, no file is touched. E_COMMAND for a `!` before one."""
    for call in parse(line):
        if call.must_fail:
            raise CommandError(f"'{call.text[:40]}' is for a front end", hint="Session(...).do(...)")
        state = run(state, call)
    return state


def run(state: State, call: Call) -> State:
    """The state after one command, which may ask for a file or leave a stop's commands to run."""
    try:
        after = call.command.run(quiet(state), _whole(state, call))
    except BpdebugError as error:
        error.column, error.within = _column(error, call), ""
        raise
    return _travelled(state, after)


def _whole(state: State, call: Call) -> str:
    """The argument with whole names for the short ones in it, where it may name tensors; E_EXPR for one of several."""
    command, shorts = call.command, Shorts.of(state.timeline.graph)
    names = re.search("EXPR|LOC|OPERAND|NAME", command.args) and (command.family != "scripts" or "EXPR" in command.args)
    return typed(call.argument, shorts, state.block) if shorts and names else call.argument


def quiet(state: State) -> State:
    """The state without what the last command said of how it went."""
    return replace(state, stopped="", detail="", printed=(), pending=(), request=None)


def _column(error: BpdebugError, call: Call) -> int | None:
    """Where an error stands in the line as it was typed; None where it is not about what was typed."""
    if error.column is None:
        return None
    text, argument = error.within.strip(), call.argument
    lead = len(error.within) - len(error.within.lstrip())
    at = len(argument) - len(text) if argument.endswith(text) else argument.find(text)
    return None if at < 0 else call.column + at + error.column - lead - 1


def _travelled(before: State, after: State) -> State:
    """The state with the place that was left remembered, as a browser does; `back` and `forward` see to themselves."""
    here = (before.cursor, before.part)
    if here == (after.cursor, after.part) or (before.behind, before.ahead) != (after.behind, after.ahead):
        return after
    return replace(after, behind=(*before.behind[-MOST_PLACES:], here), ahead=())
