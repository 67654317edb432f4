"""An app in which something may take long: the screen stays as it was, and awake, until it is done or stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.actions import SkipAction
from textual.message import Message
from textual.timer import Timer

from bpdebug.frontends.bar import STOPPED
from bpdebug.frontends.terminal import apart
from bpdebug.frontends.tui import bars
from bpdebug.frontends.tui.gate import Asked, Gate, at_once
from bpdebug.frontends.tui.keybar import WHILE_WORKING, KeyBar
from bpdebug.frontends.tui.keyed import KeyedApp
from bpdebug.frontends.tui.preferences import Preferences
from bpdebug.frontends.tui.working import Work
from bpdebug.progress import Stopped
from bpdebug.translation import _


class Finished(Message):
    """A piece of work is done, or was stopped."""


class RunningApp(KeyedApp):
    """One thing runs at a time; how far it is is said while it runs."""

    def __init__(self, preferences: Preferences) -> None:
        super().__init__(preferences)
        self.foot = KeyBar({id: row.cap for id, row in self.keys.items()})
        self.message = bars.Message("message")
        self.covered: bars.Pieces | None = None
        self.gate = Gate(self.ask_beside)
        self.asking = False
        self.clock: Timer | None = None
        self.then: Callable[[Work[Any]], None] = lambda _: None
        self.typed: list[str] = []
        self.passed = ""

    @property
    def work(self) -> Work[Any] | None:
        """What runs."""
        return self.gate.work

    def start(self, work: Work[Any], then: Callable[[Work[Any]], None], *, asking: bool = False) -> None:
        """Work that has begun; `then` is handed it once it is done. Panes are `asking` for what gives way to a line."""
        self.asking = asking
        self.gate.work, self.then, self.passed, self.covered = work, then, "", None
        if not work.done:
            self.clock = self.set_interval(0.1, self.look_after)
            work.then(lambda: self.post_message(Finished()))
        self.look_after()

    def run_text(self, line: str) -> None:
        """Carries out a line of the language."""
        raise NotImplementedError

    def show_keys(self) -> None:
        """What the keys do now."""
        raise NotImplementedError

    def on_finished(self) -> None:
        self.look_after()

    def look_after(self) -> None:
        """How far the work is; once it is done, what it came to."""
        work = self.work
        if work is not None and work.done:
            self.gate.work = None
            if self.clock is not None:
                self.clock.stop()
            self.then(work)
            while self.work is None and self.typed:
                self.run_text(self.typed.pop(0))
            self.gate.go_on()
        elif work is not None and (far := work.far):
            if self.covered is None:
                self.covered = self.message.left
            self.foot.show(WHILE_WORKING)
            stops = _("{far}  {key} stops").format(far=far, key=self.keys["close"].cap)
            then = [_("then {line}").format(line=line) for line in self.typed]
            self.say(far if work.ended else apart(stops, work.instead, *then, self.passed))

    def runs(self, what: str, *, later: bool = False) -> bool:
        """Whether something runs: a line may wait and come `later`, of anything else it is said that it does not.

        What panes ask gives way.
        """
        self.look_after()  # it may be done, and not be heard yet
        if self.work is None:
            return False
        if later:
            self.typed.append(what)
        else:
            self.passed = _("{what} does not wait for it").format(what=what)
        if self.asking:
            self.work.end()
        self.look_after()
        return True

    def ask_beside(self, gate: Gate) -> None:
        """What waits at the gate is asked, where that may take long in a thread of its own."""
        if not gate.heavy:
            at_once(gate)
            return
        asked = gate.taken()
        work = Work(lambda: [ask() for ask, _ in asked.values()])
        self.start(work, lambda work: self._answered(asked, work), asking=True)

    def _answered(self, asked: dict[object, Asked], work: Work[Any]) -> None:
        self.asking, covered = False, self.covered
        if covered is not None:
            self.show_keys()
            self.message.show(covered)
        try:
            answers = work.result()
        except Stopped:
            self.gate.waiting = asked | self.gate.waiting if self.typed else {}
            self.say(_(STOPPED))
            return
        for (_ask, then), answer in zip(asked.values(), answers, strict=True):
            then(answer)

    def action_interrupt(self) -> None:
        """Ends what runs, else says how to leave. Raises SkipAction where text is selected: the key copies it."""
        if self.work is not None:
            self.work.end()
            self.typed.clear()
            self.look_after()
        elif self.screen.get_selected_text() or getattr(self.focused, "selected_text", ""):
            raise SkipAction
        else:
            said = _("nothing runs that could be stopped: {keys} leaves")
            self.say(said.format(keys=self.keys["leave"].caps))
