"""The menu of the lessons, by topic: for those who start without a file, and for those who have come to an end."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.events import Click
from textual.strip import Strip
from textual.widgets import Input

from bpdebug.errors import BpdebugError
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.bars import Message, refused
from bpdebug.frontends.tui.keybar import KeyBar
from bpdebug.frontends.tui.keys import FILTER, MENU, Key, bindings
from bpdebug.frontends.tui.lined import LinedScreen
from bpdebug.frontends.tui.lines import BLANK, clean, strip, wrap
from bpdebug.frontends.tui.pane import Pane
from bpdebug.frontends.tui.prompt import TypedLine
from bpdebug.scenario import Shipped
from bpdebug.translation import N_, _

KEYS = (
    ("menu.up", N_("up")), ("menu.down", N_("down")), ("menu.open", N_("open")), ("menu.filter", N_("search")),
    ("menu.help", N_("help")), ("menu.leave", N_("leave")),
)  # fmt: skip


class Choices(Pane):
    """Titles below their topics, with the text about the chosen one; its keys are its own, or they would scroll."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(MENU)

    def __init__(self, entries: Sequence[Shipped], walked: Collection[str], chosen: str) -> None:
        super().__init__()
        self.every = self.entries = entries
        self.walked, self.chosen = walked, chosen
        self._lines: list[tuple[Strip, str]] = []
        self.border_title = Content(_("bpdebug: the lessons"))

    @property
    def place(self) -> int:
        """Where the chosen entry stands among those that are shown; the first where it is not among them."""
        return next((i for i, entry in enumerate(self.entries) if entry.name == self.chosen), 0)

    def resized(self) -> None:
        """The lines anew, the chosen entry in view."""
        self._lines = list(self._made(self.room))
        self.measure(len(self._lines))
        if places := [at for at, (_, name) in enumerate(self._lines) if name and name == self.chosen]:
            self.reveal(0 if places[0] == 1 else places[0], places[-1])
        self.repaint()

    def _made(self, width: int) -> Iterator[tuple[Strip, str]]:
        for topic, group in groupby(self.entries, attrgetter("topic")):
            done = sum(e.name in self.walked for e in self.every if e.topic == topic)
            said = _("{n} of {total}").format(n=done, total=sum(e.topic == topic for e in self.every)) if done else ""
            yield strip((clean(_(topic)), palette.LABEL), (f"  {said}" * bool(said), palette.GOOD)), ""
            for entry in group:
                here = entry.name == self.chosen
                style = palette.HERE if here else palette.PLAIN
                head = (
                    ("▶ " if here else "  ", palette.HERE),
                    ("✓ " if entry.name in self.walked else "  ", palette.GOOD),
                )
                yield strip(*head, (clean(entry.title), style), (f"  {clean(entry.name)}", palette.DIM)), entry.name
                for text in (*wrap(entry.about.strip(), width - 8), "") if here else ():
                    yield strip((f"      {text}", palette.NOTE)), entry.name
        if not self.entries:
            yield strip((_("no lesson has these words"), palette.DIM)), ""

    def line(self, at: int, width: int) -> Strip:
        return self._lines[at][0] if at < len(self._lines) else BLANK

    def choose(self, index: int) -> None:
        """Another entry."""
        if self.entries:
            self.chosen = self.entries[min(max(index, 0), len(self.entries) - 1)].name
        self.resized()

    def sift(self, words: str) -> None:
        """Only the entries with all the words in what is said of them."""
        self.entries = [
            e for e in self.every if all(w in f"{' '.join(e)} {_(e.topic)}".lower() for w in words.lower().split())
        ]
        self.choose(self.place)

    def on_click(self, event: Click) -> None:
        at = self.clicked(event)
        name = self._lines[at][1] if at is not None and at < len(self._lines) else ""
        if name and name == self.chosen and isinstance(self.screen, MenuScreen):
            self.screen.action_open()
        elif name:
            self.chosen = name
            self.resized()


class Filter(TypedLine):
    """Where the words are typed."""

    DEFAULT_CSS = "Filter, Filter:focus { border: none; height: 1; padding: 0 1; display: none; }"
    BINDINGS: ClassVar[list[BindingType]] = bindings(FILTER)


class MenuScreen(LinedScreen[str]):
    """Arrow keys choose, Enter opens; the result is the entry's name, or None."""

    DEFAULT_CSS = """
    MenuScreen > Message { height: auto; dock: bottom; } MenuScreen > KeyBar { height: 1; dock: bottom; }
    MenuScreen > Choices { height: 1fr; }
    """
    AUTO_FOCUS = "Choices"

    def __init__(
        self, entries: Sequence[Shipped], table: Mapping[str, Key], *, walked: Collection[str] = (), chosen: str = "",
        error: BpdebugError | None = None,
    ) -> None:  # fmt: skip
        """`table` says how keys are printed, `walked` what is ticked; an `error` is why the chosen one did not open."""
        super().__init__()
        known = chosen in (entry.name for entry in entries)
        self.choices = Choices(entries, walked, chosen if known or not entries else entries[0].name)
        self.words, self.error, self.keys = (
            Filter(placeholder=_("search")),
            error,
            KeyBar({i: r.cap for i, r in table.items()}),
        )
        self.words.keys = {name: row.action for row in table.values() if row.place == FILTER for name in row.names}

    def compose(self) -> ComposeResult:
        yield from (self.words, self.choices, self.keys)
        if self.error is not None:
            yield Message("foot")

    def on_mount(self) -> None:
        self.keys.show(KEYS, ())
        if self.error is not None:
            self.query_one(Message).show(refused(self.error))

    def on_input_changed(self, event: Input.Changed) -> None:
        self.choices.sift(event.value)

    def action_move(self, step: int) -> None:
        """An entry further on or back."""
        self.choices.choose(self.choices.place + step)

    def action_filter(self) -> None:
        """A line to type words into."""
        self.words.display = True
        self.set_focus(self.words)  # now, not soon: the next key may be here already

    def action_unfilter(self) -> None:
        """All entries again."""
        self.words.value, self.words.display = "", False
        self.choices.focus()

    def action_open(self) -> None:
        """The chosen scenario."""
        if self.choices.entries:
            self.dismiss(self.choices.chosen)

    def action_leave(self) -> None:
        """Back to where one was; where that was nowhere, out of the program."""
        self.dismiss(None)
