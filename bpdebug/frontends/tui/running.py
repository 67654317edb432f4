"""An app in which something may take long: the screen stays as it was, and awake, until it is done or stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.actions import SkipAction
from textual.message import Message
from textual.timer import Timer

from bpdebug.frontends.tui.keybar import WHILE_WORKING, KeyBar
from bpdebug.frontends.tui.keyed import KeyedApp
from bpdebug.frontends.tui.preferences import Preferences
from bpdebug.frontends.tui.working import Work


class Finished(Message):
    """A piece of work is done, or was stopped."""


class RunningApp(KeyedApp):
    """One thing runs at a time; how far it is is said while it runs."""

    def __init__(self, preferences: Preferences) -> None:
        super().__init__(preferences)
        self.foot = KeyBar({id: row.cap for id, row in self.keys.items()})
        self.work: Work[Any] | None = None
        self.clock: Timer | None = None
        self.then: Callable[[Work[Any]], None] = lambda _: None

    def start(self, work: Work[Any], then: Callable[[Work[Any]], None]) -> None:
        """Work that has begun; `then` is handed it once it is done."""
        self.work, self.then = work, then
        if not work.done:
            self.clock = self.set_interval(0.1, self.look_after)
            work.then(lambda: self.post_message(Finished()))
        self.look_after()

    def on_finished(self) -> None:
        self.look_after()

    def look_after(self) -> None:
        """How far the work is; once it is done, what it came to."""
        work = self.work
        if work is not None and work.done:
            self.work = None
            if self.clock is not None:
                self.clock.stop()
            self.then(work)
        elif work is not None and (far := work.far):
            self.foot.show(WHILE_WORKING)
            self.say(far if work.ended else f"{far}  {self.keys['close'].cap} stops")

    def action_interrupt(self) -> None:
        """Ends what runs, else says how to leave. Raises SkipAction where text is selected: the key copies it."""
        if self.work is not None:
            self.work.end()
            self.look_after()
        elif self.screen.get_selected_text() or getattr(self.focused, "selected_text", ""):
            raise SkipAction
        else:
            self.say(f"nothing runs that could be stopped: {self.keys['leave'].caps} leaves")
