"""The program in a pane with tabs: a list, the source, a graph; of any length, only what is visible is drawn."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.actions import SkipAction
from textual.binding import BindingType
from textual.events import Blur, Click, Key
from textual.message import Message
from textual.strip import Strip

from bpdebug.debugger import State
from bpdebug.frontends.tui.keys import PROGRAM, bindings
from bpdebug.frontends.tui.listed import ListTab
from bpdebug.frontends.tui.pane import Pane
from bpdebug.frontends.tui.tab import Tab
from bpdebug.translation import N_, _
from bpdebug.views.finite import look, wanted
from bpdebug.wrapping import display_width

TABS = {"list": N_("list"), "source": N_("source"), "graph": N_("graph")}
TITLE = 3
"""The column in which a border's title begins."""


class Seek(Message):
    """The user wants to be at an event."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index


class MoreKnown(Message):
    """Of more numbers it is known whether they are finite."""


def made(name: str) -> type[Tab]:
    """A tab that is looked at for the first time."""
    if name == "source":
        from bpdebug.frontends.tui.sourced import SourceTab  # start-up: the list is seen first

        return SourceTab
    from bpdebug.frontends.tui.laned import GraphTab  # as above

    return GraphTab


class ProgramPane(Pane):
    """The tab that is seen, its current line in view; the arrow keys choose, Enter and a click go there."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(PROGRAM)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.list = ListTab(self.gate, self._changed)
        self.tabs: dict[str, Tab] = {"list": self.list}
        self.tab: Tab = self.list
        self.state: State | None = None
        self.selected: int | None = None
        self.typing = False

    def show(self, state: State) -> None:
        """Another state; the current line comes into view, and nothing is selected any more."""
        self.state, self.selected = state, None
        self.tab.show(state)
        self._refit()

    def _changed(self, chosen: int | None) -> None:
        """A tab has other lines."""
        self.selected = chosen
        self._refit()

    def _draw(self) -> None:
        super()._draw()
        if self.state is not None and wanted(self.state.timeline):
            self.call_next(self._look)
        if self.tab.missing:
            self.call_next(self.tab.fill, self.repaint)

    def _look(self) -> None:
        """Rows would say more if somebody looked."""
        if self.state is not None and wanted(timeline := self.state.timeline):
            self.gate.ask(self, lambda: look(timeline), self._looked)

    def _looked(self, _: None) -> None:
        self.tab.forget()
        self.repaint()
        self.post_message(MoreKnown())

    def _refit(self) -> None:
        """What there is of other length, or of other lines."""
        self.measure(self.tab.count)
        self.resized()

    def resized(self) -> None:
        words = f"/{self.list.words}{'▏' * self.typing}" if self.typing or self.list.words else ""
        self.head(self._names(), words)
        if self.selected is not None:
            self.bring(self.selected)
        elif self.tab.current is not None:
            self.bring(self.tab.current, self.size.height // 2)
        self.repaint()

    def _names(self) -> str:
        """The tabs, the one that is seen in brackets."""
        names = " ".join(f"[{_(said)}]" if name == self.tab.name else _(said) for name, said in TABS.items())
        whole = _("Program {tabs}").format(tabs=names)
        return whole if display_width(whole) + 2 * TITLE <= self.outer_size.width else names

    def bring(self, at: int, far: int = 0) -> None:
        """A place comes into view, with two rows around it where there is room; if it was not, with so many."""
        around = max(min(2, (self.size.height - 1) // 2), 0)
        if not self.top <= at - around <= at + around < self.top + self.size.height:
            around = max(around, far)
        self.reveal(at - around, at + around)

    def line(self, at: int, width: int) -> Strip:
        return self.tab.line(at, width, at == self.selected)

    # --- the mouse ------------------------------------------------------------------------------------------------

    def on_click(self, event: Click) -> None:
        at = self.clicked(event)
        if at is None:
            self._click_title(event)
        elif at < self.tab.count and not self.tab.is_blank(at):
            self.selected = at
            self.action_go()

    def _click_title(self, event: Click) -> None:
        if event.y == 0:
            for name, said in TABS.items():
                before = self._names().partition(_(said))[0]
                if -1 <= event.x - TITLE - display_width(before) <= display_width(_(said)):
                    self.look(name)

    # --- keys -----------------------------------------------------------------------------------------------------

    def look(self, name: str) -> None:
        """Another tab."""
        if name not in self.tabs:
            self.tabs[name] = made(name)(self.gate, self._changed)
        self.tab, self.selected = self.tabs[name], None
        self.typing = self.typing and name == "list"
        if self.state is not None:
            self.show(self.state)

    def action_tab(self) -> None:
        """The next tab."""
        names = [*TABS]
        self.look(names[(names.index(self.tab.name) + 1) % len(names)])

    def action_select(self, step: int) -> None:
        """Another line."""
        at, count = self.selected if self.selected is not None else self.tab.current or 0, self.tab.count
        at = min(max(at + step, 0), count - 1)
        while 0 <= at < count - 1 and self.tab.is_blank(at):
            at += 1 if step > 0 else -1
        self.selected = max(at, 0)
        self.resized()

    def action_go(self) -> None:
        """To the event of the selected line, which a filter has one of; what folds, folds or unfolds."""
        if self.typing and self.selected is None:
            self.selected = 0
        self.typing = False
        if self.selected is not None and self.tab.folds(self.selected):
            self.action_fold(None)
        elif self.event is not None:
            self.post_message(Seek(self.event))
        self.resized()

    @property
    def event(self) -> int | None:
        """The event of the selected line."""
        return None if self.selected is None else self.tab.event(self.selected)

    @property
    def stop(self) -> str:
        """Where a breakpoint would stand that is set at the selected line; '' for none."""
        return "" if self.selected is None else self.tab.stop(self.selected)

    def action_fold(self, close: bool | None) -> None:
        """The block around the selected line, or the current one, in a row; or that row as a block again; or either."""
        at = self.selected if self.selected is not None else self.tab.current
        if at is not None:
            self.selected = at
            self.tab.fold(at, close)
            self._refit()

    def action_fold_all(self) -> None:
        """All blocks in a row each, or none of them; what is selected stays so, or the block that it is folded in."""
        self.tab.fold_all(self.selected)

    # --- the filter -----------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """What is typed from now on filters the list."""
        self.look("list")
        self.typing = True
        self.resized()

    def action_leave(self) -> None:
        """The whole list again; where it is already, raises SkipAction: the key is the debugger's."""
        if self.typing or self.list.words:
            self.typing = False
            self._filter("")
        else:
            raise SkipAction

    def _filter(self, words: str) -> None:
        self.list.filter(words)
        self.selected = None
        self._refit()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether a key is typed into the filter."""
        return self.typing and (key == "backspace" or (character is not None and character.isprintable()))

    def on_key(self, event: Key) -> None:
        if self.check_consume_key(event.key, event.character):
            event.stop()
            event.prevent_default()
            self._filter(
                self.list.words[:-1] if event.key == "backspace" else self.list.words + (event.character or "")
            )

    def on_blur(self, event: Blur) -> None:
        if self.typing:
            self.typing = False
            self.resized()
