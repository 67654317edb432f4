"""An app that leads through lessons: what to press first and next, what there is to do at the end, and the menu."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec.structs import replace
from textual.events import DescendantFocus
from textual.widgets import Input

from bpdebug.debugger import State, open_session, parse
from bpdebug.debugger.practice import question
from bpdebug.errors import BpdebugError
from bpdebug.frontends.loop import replies
from bpdebug.frontends.onward import onward
from bpdebug.frontends.terminal import apart
from bpdebug.frontends.tui.copying import CopyingApp
from bpdebug.frontends.tui.keybar import AT_THE_END
from bpdebug.frontends.tui.preferences import Preferences
from bpdebug.frontends.tui.reports import Reports
from bpdebug.frontends.tui.screens import DebuggerScreen
from bpdebug.frontends.tui.walked import note, walked
from bpdebug.frontends.tui.working import Outcome, carried_out
from bpdebug.importers import open_any
from bpdebug.scenario import Shipped, find, lesson_after, lesson_of, shipped
from bpdebug.translation import _
from bpdebug.views import Report
from bpdebug.views.blocks import Text

if TYPE_CHECKING:
    from bpdebug.frontends.session.talk import Talk
    from bpdebug.frontends.tui.tour import TourBox

LESSON = "transpose"
"""The tour leads over it."""
WALKING = ("step", "next", "stepi", "finish")
"""Motions that come to the end on foot."""


def opened(name: str) -> State:
    """A lesson from its beginning."""
    return open_session(open_any(find(name)))


class TaughtApp(CopyingApp):
    """What is read of an event says what there is to do, too; the debugger's app begins what is opened."""

    talk: Talk | None = None
    main: DebuggerScreen
    after: Callable[[], None] | None = None

    def __init__(
        self, entries: Sequence[Shipped], load: Callable[[str], State] | None, preferences: Preferences
    ) -> None:
        super().__init__(preferences)
        self.entries, self.load = entries, load or opened
        self.guided: Callable[[], bool] = lambda: False
        self.tour: TourBox | None = None

    @cached_property
    def lesson(self) -> str:
        """The name of the lesson that is open; '' where what is open is none."""
        return lesson_of(self.state.scenario.file) if self.state is not None else ""

    # --- what is said on the stage --------------------------------------------------------------------------------

    def read(self, report: Report) -> None:
        super().read(report if self.state is None else self.taught(report, self.state))

    def taught(self, report: Report, state: State) -> Report:
        """The report of a stop, with what the scenario is about first, and the key that goes on below the notes."""
        if report.kind != "event":
            asks = report.kind == "practice" and question(state) is not None
            return replace(report, blocks=(*report.blocks, *self._asking())) if asks else report
        blocks = list(report.blocks)
        notes = max((n for n, b in enumerate(blocks, 1) if isinstance(b, Text) and b.folds), default=0)
        begins = state.cursor == 0 and not state.part
        about = [Text(state.scenario.about, "note", folds=True)] if begins and state.scenario.about else []
        hints = list(self._hints(state)) if begins or notes or state.event is None else []
        return replace(report, blocks=(*about, *blocks[:notes], *hints, *blocks[notes:]))

    def _asking(self) -> Iterator[Text]:
        keys = self.keys
        said = _("press {answer} to answer, {step} to go on without")
        yield Text(said.format(answer=keys["answer"].cap, step=keys["step"].cap), "dim")
        yield Text(_("press {line} for `practice off`, which ends it").format(line=keys["line"].cap), "dim")

    def _hints(self, state: State) -> Iterator[Text]:
        if state.event is not None:
            id, word = onward(state)
            yield Text(_("press {key} to {what}").format(key=self.keys[id].cap, what=_(word)), "dim")
            return
        after = lesson_after(self.lesson)
        offers = [f"{self.keys[id].cap} {_(word)}" for id, word in AT_THE_END if after or id != "lesson.next"]
        yield Text(_("The end. {offers}").format(offers=apart(*offers)), "good")

    def came(self, line: str, state: State) -> None:
        """A line was carried out: who has come to the end on foot, and in no fork, has walked the lesson."""
        if state.event is None and not state.fork and self.lesson and parse(line)[-1].name in WALKING:
            note(self.lesson)

    # --- other lessons --------------------------------------------------------------------------------------------

    def choose(self, chosen: str = "", error: BpdebugError | None = None) -> None:
        """The menu."""
        from bpdebug.frontends.tui.menu import MenuScreen  # start-up: most come with a file

        self.entries = self.entries or shipped()
        chosen = chosen or self.lesson
        menu = MenuScreen(self.entries, self.keys, walked=walked(), chosen=chosen, error=error)
        self.push_screen(menu, self.open)

    def open(self, name: str | None) -> None:
        """A scenario by its name; without one, what is open stays, and where nothing is, the program ends."""
        if name is None:
            if self.state is None:
                self.exit(0)
            return
        try:
            state = self.load(name)
        except BpdebugError as error:
            self.choose(name, error)
            return
        if self.talk is not None:
            self.talk.store.close()
        self.state, self.talk, self.repeat, self.reports = state, None, "", Reports()
        self.__dict__.pop("lesson", None)
        self.begin()

    def action_menu(self) -> None:
        """All lessons, to choose another."""
        if not self.runs(_("the menu")) and self.sure("lesson.menu"):
            self.choose()

    def action_next_lesson(self) -> None:
        """The lesson after this one."""
        name = lesson_after(self.lesson)
        if not name:
            said = _("no lesson comes after this: {key} shows all")
            self.say(said.format(key=self.keys["lesson.menu"].cap))
        elif not self.runs(_("the next lesson")) and self.sure("lesson.next"):
            self.open(name)

    # --- the tour -------------------------------------------------------------------------------------------------

    def arrive(self) -> None:
        """The first screen is there: newcomers are led over it; who came without a file, to the menu, perhaps later."""
        came, busy = self.state is None, bool(self.line) or isinstance(self.focused, Input)  # who typed ahead knows why
        fits = (came or self.lesson == LESSON) and self.has_room(self.size)
        if fits and not busy and self.tour is None and self.guided():
            self.lead(then=self.choose if came else None)
        elif came:
            self.choose()

    def lead(self, then: Callable[[], None] | None = None) -> None:
        """The tour from its first stop on; `then` comes where it is skipped, else its lesson goes on."""
        if self.lesson != LESSON:
            self.open(LESSON)
        self.after = then
        if self.tour is None:
            from bpdebug.frontends.tui.tour import TourBox  # start-up: newcomers see it

            self.tour = TourBox({id: row.cap for id, row in self.keys.items()})
            self.main.mount(self.tour)
        self.tour.go(0)
        self.tour.focus()

    def action_tour(self) -> None:
        """The tour again."""
        if not self.runs(_("the tour")) and (self.lesson == LESSON or self.sure("tour")):
            self.lead()

    def on_tour_box_moved(self, event: TourBox.Moved) -> None:
        """What a stop points at stands out, and the lesson is where it should be."""
        self.main.query(".pointed").remove_class("pointed")
        if self.tour is None or self.state is None:
            return
        if event.number is None:
            self.end_tour(skipped=event.skipped)
            return
        self.main.query(f"#{self.tour.stop.pane}").add_class("pointed")
        self._stop()

    def _stop(self) -> None:
        """The lesson is where the tour is."""
        if self.tour is not None and self.state is not None and not self.gate.shut(self.tour, self._stop):
            self.finish(carried_out(self.state, self.tour.stop.line, replies))
            self.tour.refresh(layout=True)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Who turns to something else has seen enough."""
        if event.widget is self.tour:
            self.tour.begun = True
        elif self.tour is not None and self.tour.begun:
            self.end_tour()

    def end_tour(self, *, skipped: bool = False) -> None:
        """The panes without the box; where it was skipped, what comes then."""
        box, self.tour = self.tour, None
        self.main.query(".pointed").remove_class("pointed")
        if box is not None:
            if self.main.focused is box:
                self.main.query_one("#stage").focus()
            box.remove()
            if skipped and self.after is not None:
                self.after()

    def finish(self, outcome: Outcome) -> None:
        """The panes as views of the state that a line came to."""
        raise NotImplementedError

    def begin(self) -> None:
        """The first screen of a scenario."""
        raise NotImplementedError

    def sure(self, id: str) -> bool:
        """Whether what is open may go, and the key of a row need not be pressed again."""
        raise NotImplementedError
