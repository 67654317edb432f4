"""A script played on the screen: a line at a time, until it ends; from then on the keys are the reader's."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bpdebug.errors import EXIT_BUG, EXIT_FAILED, EXIT_GOOD, UsageError
from bpdebug.frontends.scripts.replay import CarriedOut, Run, Settings
from bpdebug.frontends.scripts.script import read_script
from bpdebug.frontends.terminal import apart
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.preferences import Preferences, read_preferences
from bpdebug.frontends.tui.working import Work, seen
from bpdebug.progress import Stopped

FASTEST = 0.01
"""Seconds between two lines, at least: the screen must come to be drawn."""


class Player(BpdebugApp):
    """The screen, with a script at the keys."""

    def __init__(
        self, run: Run, steps: Iterator[CarriedOut], delay: float, preferences: Preferences | None = None
    ) -> None:
        super().__init__(run.state, preferences=preferences)
        self.script, self.steps, self.delay = run, steps, max(delay, FASTEST)

    def on_mount(self) -> None:
        """The screen begins, and the clock with it."""
        super().on_mount()
        self.playing = self.set_interval(self.delay, self.advance)

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
        if step is None or step.error is not None:
            self.playing.stop()
        if step is None:
            self.say("the script has ended: the keys are yours")
            return
        self.state = self.script.state
        report, said = seen(step.answers[-1]) if step.answers else (None, "")
        self.show(report)
        if step.error is not None:
            self.complain(step.error)
        else:
            self.say(apart(step.text.split("\n")[0], said))


def play(path: str, settings: Settings, delay: float) -> int:
    """A script, whose first lines load a scenario, a line every `delay` seconds; 1 where one of its lines fails.

    Raises UsageError without a terminal, and ScriptError where a line fails before there is a scenario to show.
    """
    if not 0 <= delay <= 3600:
        raise UsageError(f"--delay {delay:g}", hint="seconds between two lines: --delay 0.5")
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        raise UsageError("the screen needs a terminal", hint="bpdebug replay SCRIPT.bpd prints")
    run = Run(read_script(path, settings.limits), settings)
    steps = run.steps()
    for step in steps:
        if step.error is not None:
            raise step.error
        if run.state is not None:
            break
    if run.state is None:
        return EXIT_GOOD  # a script of comments
    app = Player(run, steps, delay, read_preferences())
    app.run()
    return EXIT_BUG if app.return_code else EXIT_FAILED if run.errors else EXIT_GOOD
