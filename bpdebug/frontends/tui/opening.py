"""An app whose screen is there at once: a file that is long is read, and its first event worked out, beside it."""

from __future__ import annotations

from typing import Any

from bpdebug.debugger import State
from bpdebug.errors import BpdebugError
from bpdebug.frontends.tui.finding import FindingApp
from bpdebug.frontends.tui.working import Work, begins_slowly, prepared
from bpdebug.progress import Stopped
from bpdebug.translation import N_
from bpdebug.views import Report, stop

WITHOUT_A_STATE = ("event", "interrupt", "leave", "close_or_leave", "suspend_process", "help", "maximise")
"""What keys can do before there is anything to debug."""


class OpeningApp(FindingApp):
    """Esc, while it opens something, ends the program."""

    opening: Work[Any] | None = None
    refused: BpdebugError | None = None  # what the file said that it cannot, once the screen was there

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does something now."""
        waits = self.opening is not None and action not in WITHOUT_A_STATE
        return not waits and super().check_action(action, parameters)

    def await_file(self, work: Work[State]) -> None:
        """A file is being read: the screen says so until it is."""
        self.opening = work
        self.start(work, self._was_read)

    def _was_read(self, work: Work[State]) -> None:
        try:
            self.state = work.result()
        except BpdebugError as error:
            self.refused = error
            self.exit(0)
        except Stopped:
            self.exit(0)
        else:
            self.begin()

    def begin(self) -> None:
        """The first screen of a scenario."""
        state = self.state
        assert state is not None
        if begins_slowly(state.timeline):
            self.opening = work = Work(lambda: prepared(state, stop(state)), doing=N_("computing the first event"))
            self.start(work, self._was_worked_out)
        else:
            self.opening = None
            self.first_seen(None)

    def _was_worked_out(self, work: Work[Report]) -> None:
        try:
            report = work.result()
        except BpdebugError as error:
            self.refused = error
            self.exit(0)
        except Stopped:
            self.exit(0)
        else:
            self.opening = None
            self.first_seen(report)

    def first_seen(self, report: Report | None) -> None:
        """What a scenario begins with, where it is worked out already its report."""
        raise NotImplementedError
