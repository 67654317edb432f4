"""An app in which reports are read: they lie one above the other, and lead to others."""

from __future__ import annotations

from msgspec.structs import replace

from bpdebug.debugger import State, parse
from bpdebug.debugger.commands.explaining import lens_at
from bpdebug.debugger.practice import question
from bpdebug.frontends.terminal import apart
from bpdebug.frontends.tui.preferences import Preferences
from bpdebug.frontends.tui.reports import Page, Reports
from bpdebug.frontends.tui.running import RunningApp
from bpdebug.frontends.tui.screens import DebuggerScreen
from bpdebug.frontends.tui.stage import Stage
from bpdebug.translation import _
from bpdebug.views import OF_EVENTS, Report, view


class ReadingApp(RunningApp):
    """The event is on the stage, or a report that was asked for, as wide as the screen."""

    def __init__(self, preferences: Preferences) -> None:
        super().__init__(preferences)
        self.state: State | None = None
        self.line, self.repeat, self.reports = "", "", Reports()
        self.motion = False
        self.away = "", 0  # the event that a report was opened from, by its title, and which gradient was seen
        self.stage = Stage(id="stage", classes="panel", gate=self.gate)
        self.main = DebuggerScreen(self.preferences, self.stage)

    def read(self, report: Report) -> None:
        """Brings a report onto the stage."""
        if self.main.selections:
            self.main.clear_selection()  # that was the text of another
        section = 0 if self.reports.open else self._section()
        self.reports = self.reports.left(self.stage.place)
        if report.kind in OF_EVENTS or self.state is None:
            self.stage.show(report)
            if report.title == self.away[0]:
                self.stage.turn_to(self.away[1])
            self.away = "", 0
            if self.state is not None and self.state.part:
                self.stage.to_end()  # the newest part is the last
                if self.motion and self.line and parse(self.line)[-1].name == "stepi":
                    self.stage.begin_turn()
        else:
            if not self.reports.open:
                self.away = self.stage.report.title, self.stage.section
            self.reports = self.reports.opened(Page(report, self.state.view))
            self.turn_to(self.reports.pages[-1])
            if report.kind == "lens":
                self.stage.turn_to(section)

    def _section(self) -> int:
        """Which operand's gradient is seen, of those of the event: its number."""
        state = self.state
        event = None if state is None or not state.part else state.event
        if state is None or event is None or not event.contributions:
            return self.stage.section
        owner, _ = event.parts[state.part - 1]
        return [line is owner for line in event.contributions].index(True)

    def inside(self) -> str:
        """The line that goes on inside a rule: at first into that of the gradient that is seen."""
        event = None if self.state is None or self.state.part else self.state.event
        lines = () if event is None else event.contributions
        if event is None or not 0 < (at := self.stage.section) < len(lines):
            return "stepi"
        return f"stepi {1 + [owner is lines[at] for owner, _ in event.parts].index(True)}"

    def turn_to(self, page: Page) -> None:
        """A report where one was in it."""
        back, closes = _("{key} goes back"), _("{key} closes").format(key=self.keys["close"].cap)
        more = back.format(key=self.keys["before"].cap) if len(self.reports.pages) > 1 else ""
        title = apart(page.report.title, closes, more)
        self.stage.show(replace(page.report, title=title))
        self.stage.go_to(page.place)
        self.stage.focus()

    async def action_ask(self, start: str) -> None:
        """Opens the command line."""
        raise NotImplementedError

    def show(self) -> None:
        """The state on every pane."""
        raise NotImplementedError

    # --- keys -----------------------------------------------------------------------------------------------------

    async def action_again(self) -> None:
        """The last motion again; where practice asks, the answer."""
        if self.runs(self.repeat or _("an answer")):
            return
        if self.state is not None and question(self.state) is not None:
            await self.action_ask("answer")
        elif self.repeat:
            self.run_text(self.repeat)

    async def action_follow(self) -> None:
        """On to what is marked in a report; elsewhere the last motion again."""
        if not self.reports.open:
            await self.action_again()
        elif link := self.stage.link:
            self.run_text(link)
        elif (first := self.stage.next_link(self.stage.top - 1, 1)) is not None:
            self.stage.lead(first)
            self.say(_("{key} again: {line}").format(key=self.keys["stage.follow"].cap, line=self.stage.link))
        else:
            self.say(_("the arrow keys mark a cell: Enter goes on from there"))

    def action_before(self) -> None:
        """The report from which one came, or to which one can go back from the event."""
        if self.state is None or not self.reports.pages or self.runs(_("the report before")):
            return
        self.reports = self.reports.before()
        if not self.reports.open:
            self.action_event()
            return
        page = self.reports.pages[-1]
        self.state = replace(self.state, view=page.view)
        self.turn_to(page)
        self.main.stand(self.state, report=True)
        self.show_keys()
        self.say(page.report.title)

    def action_event(self) -> None:
        """Back to the event itself; work that is going on is ended."""
        if self.work is not None:
            self.action_interrupt()
        elif self.state is not None and self.state.view.name != "event":
            self.state, self.reports = self.state.show("event"), Reports()
            self.show()

    async def on_leading_lines_followed(self) -> None:
        await self.action_follow()

    def on_stage_left(self) -> None:
        if self.work is None and not self.reports.open:
            self.stage.clear()
        self.action_event()

    def on_stage_marked(self, event: Stage.Marked) -> None:
        """The lens says what the marked cell is made of."""
        if (state := self.state) is None or state.view.name != "lens":
            return

        def ask() -> tuple[State, Report] | None:
            seen = lens_at(state, event.cells)
            return None if seen is None else (seen, view(seen))

        def then(found: tuple[State, Report] | None) -> None:
            if found is not None and self.state is state:
                self.state, report = found
                self.reports = self.reports.opened(Page(report, self.state.view))
                self.stage.show_again(report)

        self.gate.ask("lens", ask, then)
