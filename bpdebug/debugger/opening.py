"""Opening a session."""

from __future__ import annotations

from collections.abc import Iterator

from bpdebug.debugger.state import Note, State
from bpdebug.engine import Timeline
from bpdebug.engine.budget import Budget
from bpdebug.errors import BpdebugError, InputError
from bpdebug.expression import parse_location, resolve
from bpdebug.limits import GIB
from bpdebug.scenario import Scenario, open_timeline


def open_session(scenario: Scenario, *, budget: int | Budget = 4 * GIB) -> State:
    """A session at its beginning: event 0 has just happened. Nothing is computed yet.

    Raises InputError (E_NAME) where a note's location is not in the program.
    """
    timeline = open_timeline(scenario, budget=budget)
    notes = tuple(placed(scenario, timeline))
    return State(scenario, timeline, notes=notes, stopped="begin" if len(timeline) else "end")


def placed(scenario: Scenario, timeline: Timeline) -> Iterator[Note]:
    """The scenario's notes with their places; E_NAME where one has none."""
    for key, text in scenario.notes.items():
        try:
            yield Note(key, resolve(parse_location(key), timeline), text)
        except BpdebugError as error:
            if scenario.recording is not None:
                continue  # of a place that was cut off
            raise InputError(
                f'the note "{key}" has no place: {error.message}', code="E_NAME", hint=error.hint, where=scenario.name
            ) from None
