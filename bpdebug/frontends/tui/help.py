"""The help screen: keys and commands from their table, and the signs of the screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from bpdebug.debugger import COMMANDS
from bpdebug.frontends.tui.inspector import ReportPane
from bpdebug.frontends.tui.keys import OWN_KEYS, SCREEN_KEYS, keycap
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.report import Report

SIGNS = (
    ("▶", "where the cursor stands: this has just happened"),
    ("●", "in the program: a breakpoint; on the line of time: the cursor"),
    ("┃ ┿", "on the line of time: a breakpoint; where the backward pass begins"),
    ("✓", "computed"),
    ("·", "not computed yet, which is not zero"),
    ("no path", "no path leads from here to an output: there is no gradient"),
    ("partial", "a gradient to which other consumers are still to add"),
    ("[0.31] ▸", "the marked cell, row or column; the same cells are marked in the transpose"),
    ("+ε −ε", "not zero, but too small for this matrix's format"),
    ("gain", "how much larger the gradient leaves an event than it came in"),
    ("∂W, Wᵀ", "typed as dW and W.T"),
)


def help_report() -> Report:
    """Everything the screen can do."""
    keys = [(keycap(c.key), c.name, c.says) for c in COMMANDS.values() if c.key]
    keys += [(keycap(key), line, COMMANDS[line.split()[0]].says) for key, line in SCREEN_KEYS.items()]
    keys += [(key, "", says) for key, says in OWN_KEYS.items()]
    rest = [(f"{c.name} {c.args}".strip(), ", ".join(c.aliases), c.says) for c in COMMANDS.values()]
    blocks: tuple[Block, ...] = (
        Text("Keys", "title"), Table((), tuple(keys)), Text(""),
        Text("Signs", "title"), Table((), SIGNS), Text(""),
        Text("Commands, after :", "title"), Table((), tuple(rest)),
    )  # fmt: skip
    return Report("help", "Help: Esc closes", blocks)


class HelpScreen(Screen[None]):
    """One page of text over everything else."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,question_mark,f1", "dismiss")]

    def compose(self) -> ComposeResult:
        yield ReportPane()

    def on_mount(self) -> None:
        pane = self.query_one(ReportPane)
        pane.show(help_report())
        pane.focus()
