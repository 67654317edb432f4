"""The help screen: every key from the table of keys, where it holds and what it does; signs, commands, and a search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from bpdebug.debugger import COMMANDS
from bpdebug.frontends.tui import keys
from bpdebug.frontends.tui.inspector import ReportPane
from bpdebug.frontends.tui.lined import LinedScreen
from bpdebug.translation import N_, _
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.manual import contents, page
from bpdebug.views.report import Report

SIGNS = (
    ("▶", N_("where the cursor stands: this has just happened")),
    ("●", N_("in the program: a breakpoint; on the line of time: the cursor")),
    ("┿ »", N_("on the line of time: where the backward pass begins; where another iteration does")),
    ("┃ ◆ ✗", N_("on the line of time: a breakpoint; a bookmark; NaN or infinity, of what was looked at so far")),
    ("✓", N_("computed")),
    (
        "∂ 2/5 ∂2/5",
        N_("in the source: this line's gradients are handed on; two of its five nodes are computed, or have done so"),
    ),
    ("○ ◉ ▣", N_("in the graph: a leaf, a node, a block that is folded")),
    ("├ ┤ ┼ ─│─", N_("lines that join; one that goes on behind another and does not")),
    ("┃ ━ ┛", N_("heavy: the way that the gradient has gone")),
    ("▾ ▸", N_("a block that is open, one that is folded")),
    ("·", N_("not computed yet, which is not zero")),
    (N_("no path"), N_("no path leads from here to an output: there is no gradient")),
    (N_("partial"), N_("a gradient to which other consumers are still to add")),
    ("[0.31] ▸", N_("the marked cell, row or column; the same cells are marked in the transpose")),
    ("+ε −ε", N_("not zero, but too small for this matrix's format")),
    (N_("gain"), N_("how much larger the gradient leaves an event than it came in")),
    ("∂W, Wᵀ", N_("typed as dW and W.T")),
)
Section = tuple[str, tuple[str, ...], Sequence[tuple[str, ...]]]


def _sections(table: Mapping[str, keys.Key], place: str) -> Iterator[Section]:
    """Titles, headers and rows: first the keys of the pane that one is in, then by what they are for."""
    heads = (_("key"), _("where"), _("what it does"), _("called"))
    said = {row: (row.caps, _(row.place), _(row.says), row.id) for row in table.values()}
    if own := [words for row, words in said.items() if row.place == place]:
        yield _("Here, in the {place}").format(place=_(place)), heads, own
    families = ["motion", "explain"]  # the debugger's own two before the rest of it
    rest = sorted(
        (row for row in table.values() if row.place != place),
        key=lambda row: families.index(row.purpose) if row.purpose in families else len(families),
    )
    purposes = dict.fromkeys(row.purpose for row in rest)
    for purpose in purposes:
        yield _(purpose).capitalize(), heads, [said[row] for row in rest if row.purpose == purpose]
    commands = [(f"{c.name} {c.args}".strip(), ", ".join(c.aliases), _(c.says)) for c in COMMANDS.values()]
    yield _("Commands, after :"), (), commands
    yield _("Signs"), (), [(_(sign), _(says)) for sign, says in SIGNS]


def topic_meant(words: str) -> str:
    """The page of the manual that words name, or that alone has them; '' where it is not one."""
    found = [row[0] for row in contents(words).rows]
    named = "-".join(words.lower().split())
    return named if named in found else found[0] if len(found) == 1 else ""


def help_report(table: Mapping[str, keys.Key], place: str, words: str = "") -> Report:
    """Everything the screen can do, or those lines of it that have all the words in them."""
    blocks: list[Block] = []
    for title, heads, rows in _sections(table, place):
        found = [row for row in rows if all(word in " ".join((title, *row)).lower() for word in words.lower().split())]
        if found:
            blocks += [Text(title, "title"), Table(heads, tuple(found)), Text("")]
    if (topics := contents(words)).rows:
        title = _("The manual: type one of these and Enter, or help TOPIC after :")
        blocks += [Text(title, "title"), topics]
    return Report("help", _("Help: type to search, Esc closes"), tuple(blocks or [Text(_("nothing has these words"))]))


class HelpScreen(LinedScreen[None]):
    """One page of text over everything else, and a line to search it."""

    DEFAULT_CSS = """
    HelpScreen Input, HelpScreen Input:focus { border: none; height: 1; padding: 0 1; }
    HelpScreen ReportPane { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.HELP)
    AUTO_FOCUS = "Input"

    def __init__(self, table: Mapping[str, keys.Key], place: str) -> None:
        super().__init__()
        self.table, self.place = table, place

    def compose(self) -> ComposeResult:
        yield Input(placeholder=_("search; Enter opens a page of the manual"))
        yield ReportPane()

    def on_mount(self) -> None:
        self.query_one(ReportPane).show(help_report(self.table, self.place))

    def on_input_changed(self, event: Input.Changed) -> None:
        """The lines that have what is typed."""
        pane = self.query_one(ReportPane)
        pane.top = 0
        pane.show(help_report(self.table, self.place, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The page of the manual that is meant, until something else is typed."""
        if topic := topic_meant(event.value):
            pane = self.query_one(ReportPane)
            pane.top = 0
            pane.show(page(topic))

    def action_scroll(self, lines: int) -> None:
        """The text, while the focus is in the line above it."""
        self.query_one(ReportPane).scroll_by(lines)

    def action_page(self, pages: int) -> None:
        """The same, by what is in view."""
        self.query_one(ReportPane).action_page(pages)
