"""The screen: one state, every key a line of the language, every pane a view of the state."""

from __future__ import annotations

import gc
from asyncio import TimerHandle, get_running_loop
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.events import DescendantFocus, Event, Key, MouseDown, Resize
from textual.screen import Screen

from bpdebug.debugger import State, find, parse
from bpdebug.debugger.commands.within import in_a_time
from bpdebug.errors import BpdebugError
from bpdebug.frontends.loop import PROMPT, replies
from bpdebug.frontends.terminal import apart
from bpdebug.frontends.tui import keys, palette
from bpdebug.frontends.tui.bars import StatusBar, refused
from bpdebug.frontends.tui.keybar import foot
from bpdebug.frontends.tui.layout import MainScreen
from bpdebug.frontends.tui.opening import OpeningApp
from bpdebug.frontends.tui.preferences import Preferences
from bpdebug.frontends.tui.program import ProgramPane, Seek
from bpdebug.frontends.tui.screens import SmallScreen
from bpdebug.frontends.tui.timeline_bar import TimelineBar
from bpdebug.frontends.tui.working import Inspected, Outcome, Work, carried_out, is_heavy, is_slow
from bpdebug.scenario import Shipped
from bpdebug.translation import N_, _
from bpdebug.views import Report, status, stop
from bpdebug.views.place import stopped_text

if TYPE_CHECKING:
    from bpdebug.frontends.session.talk import Talk
    from bpdebug.frontends.tui.prompt import Prompt

EXPLAINED = N_("∂ and ᵀ are typed d and .T: dW, W.T")


def arrived(state: State) -> str:
    """What tracepoints said on the way, and why the motion stopped where that says more than the place."""
    stopped = "" if state.stopped == "step" else f"{stopped_text(state)} {state.detail}".strip()
    return apart(*state.printed[-5:], stopped)


def settle() -> None:
    """After the first paint: what is there now stays, and need not be gone through for garbage again.

    A screen's strips are in cycles: a full collection takes tens of milliseconds, and comes when nobody waits.
    """
    gc.freeze()
    gc.set_threshold(700, 10, 50)
    gc.enable()


class BpdebugApp(OpeningApp):
    """The debugger in the terminal."""

    TITLE = "bpdebug"

    def __init__(
        self,
        state: State | None,
        entries: Sequence[Shipped] = (),
        load: Callable[[str], State] | None = None,
        talks: Callable[[State], Talk] | None = None,
        preferences: Preferences | None = None,
        reading: Work[State] | None = None,
    ) -> None:
        super().__init__(entries, load, preferences or Preferences())
        self.animation_level = "none"
        self.state, self.talks, self.opening = state, talks, reading
        self.asked = ""
        self.pause: TimerHandle | None = None
        self.header = StatusBar("header")
        self.program = ProgramPane(id="program", gate=self.gate)
        self.timeline = TimelineBar("timeline")
        self.prompt: Prompt | None = None

    def get_default_screen(self) -> Screen[None]:
        return self.main

    def compose(self) -> ComposeResult:
        if self.state is not None:
            self.begin()  # before the first paint, so that there is only one
        elif self.opening is not None:
            self.await_file(self.opening)
        yield from (self.header, self.program, self.stage, self.main.inspector, self.main.watched)
        yield from (self.timeline, self.message, self.foot)

    def on_mount(self) -> None:
        if self.state is None and self.opening is None:
            self.arrive()
        self.fit(self.size)
        self.call_after_refresh(settle)

    def first_seen(self, report: Report | None) -> None:
        self.show(report)
        self.say(self.greeting())
        self.call_after_refresh(self.converse)

    def converse(self) -> None:
        """After the first paint: the files of the session, and what an earlier one left."""
        if self.talks is not None and self.state is not None:
            self.talk = self.talks(self.state)
            self.say(self.talk.store.offer() or self.greeting())
        self.arrive()

    def greeting(self) -> str:
        """What is said first: what the scenario's reader should know, else how signs are typed."""
        return next(iter(self.state.scenario.remarks if self.state else ()), _(EXPLAINED))

    # --- the one loop ---------------------------------------------------------------------------------------------

    def run_text(self, line: str, *, typed: bool = False) -> None:
        """A line of the language: the state after it, and the panes as views of that state."""
        if self.runs(line, later=typed or self.asking) or (state := self.state) is None:
            return
        self.line, talk = line, self.talk or replies
        if is_slow(line, state.timeline):
            tab = self.main.inspector.tab
            work = Work(lambda: carried_out(state, line, talk, tab), instead=in_a_time(line))
            self.start(work, lambda work: self.finish(work.result()))
        else:
            self.finish(carried_out(state, line, talk))

    def finish(self, outcome: Outcome) -> None:
        """The panes as views of the state that a line came to."""
        self.state, self.asked = outcome.state, ""
        if outcome.report is not None:
            self.came(self.line, outcome.state)
            if not self.show_found(outcome.state):
                self.show(outcome.report, outcome.said, outcome.beside)
        if outcome.error is not None:
            self.show_keys()
            self.complain(outcome.error)
        elif outcome.report is None and outcome.said:
            self.show_keys()
            self.say(outcome.said)
        elif self.talk is not None and (complaint := self.talk.store.complaint()):
            self.say(complaint)
        if self.state.done:
            self.exit(0)

    def show(self, report: Report | None = None, said: str = "", beside: Inspected | None = None) -> None:
        """Every pane anew, with a report on the stage or the event; what is folded away is not worked out."""
        state = self.state
        if state is None:
            return
        self.gate.heavy = is_heavy(state.timeline)
        self.read(report or stop(state))
        self.main.stand(state, report=self.reports.open, beside=beside)
        self.program.show(state)
        self.timeline.show(state)
        self.header.stand(state.scenario, status(state))
        self.show_keys()
        self.say(said or arrived(state))
        if self.pause is not None:
            self.pause.cancel()
        self.pause = get_running_loop().call_later(0.4, gc.collect)

    def show_keys(self, place: str = "") -> None:
        """What stands in the bar of keys: what is of use now, and in this place, or else where the focus is."""
        if self.state is not None and self.work is None:
            self.foot.show(foot(self.state, place or keys.place_of(self.focused), self.reports))

    def say(self, text: str) -> None:
        """A sentence below the timeline."""
        self.message.show(((text, palette.NOTE),))

    def complain(self, error: BpdebugError) -> None:
        """An error below the timeline."""
        self.message.show(refused(error))

    async def on_event(self, event: Event) -> None:
        """A key does what it does before the next one is handed on: however fast they come, they keep their order."""
        if isinstance(event, Key | MouseDown):
            self.stage.still()
        if not (isinstance(event, Key) and await self.pressed(event)):
            await super().on_event(event)

    # --- keys -----------------------------------------------------------------------------------------------------

    def action_line(self, line: str) -> None:
        """A key that types a whole line; in the program, `b` means the selected row."""
        if line == "break" and self.focused is self.program:
            line = f"break {self.program.stop}".strip()
        if line in keys.OF_A_CELL and (cell := self.stage.cell_text()):
            line = f"{line} {cell}"
        if self.runs(line, later=self.asking):
            return
        if find(line.split()[0]).repeats:
            self.repeat = line
        self.run_text(self.inside() if line == "stepi" else line)

    def lost(self) -> str:
        """What would be gone if one left now; '' where nothing would."""
        if self.work is not None and any(call.name == "record" for call in parse(self.line)):
            return _("the recording that is being written")
        kept = self.talk is not None and not self.talk.store.trouble
        return "" if kept or self.state is None or not self.state.forks else _("the forks, which are kept nowhere")

    def sure(self, id: str) -> bool:
        """Whether what is open may go; where something would be lost, when the key of a row is pressed again."""
        if (lost := self.lost()) == self.asked:
            return True
        while not isinstance(self.screen, MainScreen | SmallScreen):
            self.pop_screen()
        self.asked = lost
        said = _("{what} would be lost: {key} again leaves").format(what=lost, key=self.keys[id].cap)
        self.say(said)
        if isinstance(self.screen, SmallScreen):
            self.screen.say(said)
        return False

    def action_leave(self) -> None:
        """Out of the program."""
        if self.sure("quit"):
            self.exit(0)

    def action_close_or_leave(self) -> None:
        """Out of a report first, then out of the program."""
        if self.reports.open and self.work is None:
            self.action_event()
        else:
            self.action_leave()

    async def action_ask(self, start: str) -> None:
        """Opens the command line."""
        if self.prompt is None:
            from bpdebug.frontends.tui.prompt import Prompt, words  # start-up: the first screen has none

            own = {name: row.action for (place, name), row in self.rows.items() if place == keys.LINE}
            self.prompt = Prompt(lambda first, begun: words(self.state, first, begun), self.entered, own)
            await self.screen.mount(self.prompt)
        self.foot.show((), (), PROMPT)
        self.prompt.begin(self.begun(start))

    # --- what the panes say ---------------------------------------------------------------------------------------

    def entered(self, line: str) -> None:
        """The command line is closed, and what was in it carried out."""
        if self.prompt is not None:
            self.prompt.display = False
        self.main.set_focus(self.stage)
        self.show_keys()
        if line.strip():
            self.run_text(line, typed=True)

    def on_more_known(self) -> None:
        self.timeline.refresh()

    def on_prompt_offered(self, event: Prompt.Offered) -> None:
        self.say("  ".join(event.words[:40]) or _("nothing begins like that"))

    def on_seek(self, event: Seek) -> None:
        if self.state is not None:
            self.run_text(f"seek {'end' if event.index >= len(self.state.timeline) else f'#{event.index}'}")

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Another pane has other keys, and closes the command line; what is typed into covers them."""
        if (place := keys.place_of(event.widget)) in (keys.STAGE, keys.PROGRAM, keys.INSPECTOR):
            if self.prompt is not None and self.focused is not self.prompt:
                self.prompt.display = False
            self.show_keys(place)

    def on_resize(self, event: Resize) -> None:
        if self.roomy is not None:  # before that nothing is there that could be in its place
            self.fit(event.size)
