"""Opening a session, and the one fold: a line of the language over the state."""

from __future__ import annotations

from dataclasses import replace

from bpdebug.debugger.commands import Call, parse
from bpdebug.debugger.state import Note, State
from bpdebug.engine.budget import Budget
from bpdebug.errors import BpdebugError, InputError
from bpdebug.expression import parse_location, resolve
from bpdebug.limits import GIB
from bpdebug.scenario import Scenario, open_timeline

MOST_PLACES = 1000
"""Places visited that are remembered."""


def open_session(scenario: Scenario, *, budget: int | Budget = 4 * GIB) -> State:
    """A session at its beginning: event 0 has just happened. Nothing is computed yet.

    Raises InputError (E_NAME) where a note's location is not in the program.
    """
    timeline = open_timeline(scenario, budget=budget)
    notes = []
    for key, text in scenario.notes.items():
        try:
            notes.append(Note(key, resolve(parse_location(key), timeline), text))
        except BpdebugError as error:
            if scenario.recording is not None:
                continue  # of a place that was cut off
            raise InputError(
                f'the note "{key}" has no place: {error.message}', code="E_NAME", hint=error.hint, where=scenario.name
            ) from None
    return State(scenario, timeline, notes=tuple(notes), stopped="begin" if len(timeline) else "end")


def update(state: State, line: str) -> State:
    """The state after a line of the language; each command works on what the one before it left."""
    for call in parse(line):
        before = state
        try:
            state = call.command.run(
                replace(state, stopped="", detail="", printed=(), pending=(), request=None), call.argument
            )
        except BpdebugError as error:
            error.column, error.within = _column(error, call, line), ""
            raise
        state = _travelled(before, state)
    return state


def _column(error: BpdebugError, call: Call, line: str) -> int | None:
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
