"""The debugger on the screen (Textual)."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from bpdebug.debugger import State, open_session
from bpdebug.errors import EXIT_BUG, EXIT_GOOD
from bpdebug.importers import open_any
from bpdebug.limits import GIB
from bpdebug.scenario import Scenario, find, shipped
from bpdebug.translation import _

if TYPE_CHECKING:
    from bpdebug.engine.budget import Budget
    from bpdebug.frontends.session.talk import Talk
    from bpdebug.frontends.tui.app import BpdebugApp
    from bpdebug.frontends.tui.working import Work


BEFORE_THE_SCREEN = 0.15
"""Seconds in which most files are read: what is wrong with one is said without a screen."""


def _being_read(read: Callable[[], Scenario], name: str, budget: Callable[[], int | Budget]) -> Work[State]:
    """A file on its way, while the screen's modules are imported; of standard input, all is there then."""
    from bpdebug.frontends.tui.working import Work  # start-up: other commands do without it

    work = Work(lambda: session_of(read(), budget()), doing=_("reading {name}").format(name=name))
    if not (sys.stdin.isatty() or "TEXTUAL_DRIVER" in os.environ):  # the scenario comes from there, keys from elsewhere
        work.result()
        os.dup2(os.open("/dev/tty", os.O_RDONLY), 0)
    return work


def session_of(scenario: Scenario, budget: int | Budget) -> State:
    """A session as it is opened; where another program's pass was seen, the timeline marks what differs from our rules.

    Raises BpdebugError, as `open_session` does.
    """
    state = open_session(scenario, budget=budget)
    if state.timeline.recording is not None and state.timeline.recording.applications:
        from bpdebug.explain.handed import differences  # start-up: nothing else needs it

        differences(state.timeline)
    return state


def _screen(reading: Work[State] | None, budget: Callable[[], int | Budget], fresh: bool) -> BpdebugApp:
    """The app on what is being read, without it on the menu; its modules are imported in the meantime."""
    from rich.console import Console  # start-up, as below
    from textual import constants  # start-up, as below

    from bpdebug.frontends.tui.app import BpdebugApp  # start-up: other commands do without Textual
    from bpdebug.frontends.tui.preferences import read_preferences  # start-up: the same
    from bpdebug.frontends.tui.walked import first_time  # start-up: the same

    def opened(name: str) -> State:
        return session_of(open_any(find(name)), budget())

    if reading is not None:
        reading.wait(BEFORE_THE_SCREEN)
    state = reading.result() if reading is not None and reading.done else None
    entries = () if reading is not None else shipped()
    talks = partial(_talk, fresh=fresh)
    app = BpdebugApp(state, entries, opened, talks, read_preferences(), reading if state is None else None)
    app.guided, app.motion = first_time, constants.TEXTUAL_ANIMATIONS != "none"
    app.error_console = Console(markup=False, highlight=False, stderr=True, color_system=None)  # no escapes of its own
    return app


def _talk(state: State, *, fresh: bool) -> Talk:
    # start-up: after the first screen is painted
    from bpdebug.frontends.session.store import TERMINAL, SessionStore
    from bpdebug.frontends.session.talk import Talk

    return Talk(SessionStore(state, TERMINAL, fresh=fresh))


def run_app(
    read: Callable[[], Scenario] | None, name: str = "", *, budget: Callable[[], int | Budget] = lambda: 4 * GIB,
    fresh: bool = False, motion: bool = True,
) -> int:  # fmt: skip
    """The screen until it is left, and the exit code; without a scenario to read, a menu of the shipped ones first.

    The `budget` is made once the screen is there: a cluster may let it wait.

    In `motion`, what is turned is turned before one's eyes, unless the environment has TEXTUAL_ANIMATIONS=none.

    Raises InputError where the scenario, called `name`, or the user's file of keys says what it cannot.
    """
    gc.disable()  # until the first screen is painted: nothing of all that is imported can be thrown away
    budget = cache(budget)
    reading = None if read is None else _being_read(read, name, budget)
    app = _screen(reading, budget, fresh)
    app.motion = motion and app.motion
    app.run()
    if app.talk is not None:
        app.talk.store.close()
    if app.refused is not None:
        raise app.refused
    return EXIT_BUG if app.return_code else EXIT_GOOD
