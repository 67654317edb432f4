"""A script played on the screen: a line at a time, until it ends; from then on the keys are the reader's."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from textual.timer import Timer

from bpdebug.errors import EXIT_BUG, EXIT_FAILED, EXIT_GOOD, UsageError
from bpdebug.frontends.scripts.replay import CarriedOut, Run, Settings
from bpdebug.frontends.scripts.script import read_script
from bpdebug.frontends.terminal import apart
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.preferences import Preferences, read_preferences
from bpdebug.frontends.tui.working import Work, seen
from bpdebug.progress import Stopped
from bpdebug.translation import _

FASTEST = 0.01
"""Seconds between two lines, at least: the screen must come to be drawn."""


class Player(BpdebugApp):
    """The screen, with a script at the keys: a line every so many seconds, or, without a delay, where it is told to."""

    def __init__(
        self, run: Run, steps: Iterator[CarriedOut], delay: float | None, preferences: Preferences | None = None
    ) -> None:
        super().__init__(run.state, preferences=preferences)
        self.script, self.steps, self.delay = run, steps, delay
        self.playing: Timer | None = None

    def on_mount(self) -> None:
        """The clock begins with the screen; Textual calls the handlers of all classes that have one."""
        if self.delay is not None:
            self.playing = self.set_interval(max(self.delay, FASTEST), self.advance)

    def advance(self) -> None:
        """The next line, once nothing runs; it goes on from where the reader has moved meanwhile."""
        if self.work is None:
            self.script.state = self.state
            self.start(Work(lambda: next(self.steps, None)), self._advanced)

    def _advanced(self, work: Work[CarriedOut | None]) -> None:
        try:
            step = work.result()
        except Stopped:
            step = None
        if self.playing is not None and (step is None or step.error is not None):
            self.playing.stop()
        if step is None:
            self.say(_("the script has ended: the keys are yours"))
        else:
            self.carried_out(step)

    def carried_out(self, step: CarriedOut) -> None:
        """What a line of the script came to is seen."""
        self.state = self.script.state
        report, said = seen(step.answers[-1]) if step.answers else (None, "")
        self.show(report)
        if step.error is not None:
            self.complain(step.error)
        else:
            self.say(apart(step.text.split("\n")[0], said))


def begun(path: str, settings: Settings) -> tuple[Run, Iterator[CarriedOut]]:
    """A script, run until it has loaded a scenario, and its other lines; ScriptError where one fails before that."""
    run = Run(read_script(path, settings.limits), settings)
    steps = run.steps()
    for step in steps:
        if step.error is not None:
            raise step.error
        if run.state is not None:
            break
    return run, steps


def play(path: str, settings: Settings, delay: float) -> int:
    """A script, whose first lines load a scenario, a line every `delay` seconds; 1 where one of its lines fails.

    Raises UsageError without a terminal, and what refuses the script.
    """
    if not 0 <= delay <= 3600:
        raise UsageError(f"--delay {delay:g}", hint="seconds between two lines: --delay 0.5")
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        raise UsageError("the screen needs a terminal", hint="bpdebug replay SCRIPT.bpd prints")
    run, steps = begun(path, settings)
    if run.state is None:
        return EXIT_GOOD  # a script of comments
    app = Player(run, steps, delay, read_preferences())
    app.run()
    return EXIT_BUG if app.return_code else EXIT_FAILED if run.errors else EXIT_GOOD
