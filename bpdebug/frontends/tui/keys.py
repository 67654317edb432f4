"""Every key in one table: its id, what it does and where it holds; panes take their bindings from it, and so does help.

The debugger's rows are read from the table of commands. A user's own keys replace those of a row, by its id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace
from textual.binding import Binding, BindingType
from textual.keys import key_to_character
from textual.widget import Widget

from bpdebug.debugger import COMMANDS, Command
from bpdebug.translation import N_

EVERYWHERE, DEBUGGER, STAGE = N_("everywhere"), N_("any pane"), N_("stage")
PROGRAM, INSPECTOR, LINE = N_("program"), N_("inspector"), N_("command line")
HELP, MENU, FILTER, SMALL, TOUR = N_("help"), N_("menu"), N_("filter"), N_("small window"), N_("tour")
PURPOSES = N_("screen"), N_("lessons"), N_("cells"), N_("matrices")
"""What keys are for, beside what a place is called."""
PANES = (STAGE, PROGRAM, INSPECTOR, LINE)
"""Places in the debugger: there the debugger's keys hold, too, where the pane has no use of its own for them."""
TYPING = (EVERYWHERE, LINE, HELP, FILTER)
"""Where letters are typed, and can be no keys."""


class Key(Struct, frozen=True):
    """A row: `keys`, separated by commas, do what `says`, where the focus is in `place`; `purpose` is its heading."""

    id: str
    keys: str
    action: str
    says: str
    purpose: str
    place: str

    @property
    def names(self) -> list[str]:
        """Its keys as Textual names them."""
        return [binding.key for binding in Binding.make_bindings([(self.keys, "")])]

    @property
    def cap(self) -> str:
        """The first of its keys, as it is printed on the keyboard."""
        return keycap(self.names[0])

    @property
    def caps(self) -> str:
        """Its keys as they are printed on the keyboard."""
        return " ".join(map(keycap, self.names))


ALSO = {"help": "f1", "back": "alt+left", "forward": "alt+right"}
"""More keys for a command: a bracket alone would be none, where it is typed with AltGr."""
OF_A_CELL = ("origin", "why", "contributions")
"""Lines that a key types with the cell behind them that is marked, if one is."""
OWN_ACTIONS = {"help": "app.help", "quit": "app.close_or_leave"}


COPIES = {
    "cell": N_("the marked cell, as NumPy reads it"), "row": N_("its row, as NumPy reads it"),
    "slice": N_("the rows and columns that it is among, as NumPy reads it"),
    "tensor": N_("the whole tensor, as NumPy reads it"),
    "report": N_("what is on the stage, its words as comments, as NumPy reads it"),
}  # fmt: skip
"""What can be copied, in the order in which the key goes through it."""


def action_of(command: Command) -> str:
    """What a command's key does; where it can do nothing without an argument, it opens the command line."""
    asks = re.sub(r"\[(?:[^][]|\[[^]]*\])*\]", "", command.args).strip()
    return OWN_ACTIONS.get(command.name, f"app.{'ask' if asks else 'line'}({command.name!r})")


def _of_commands() -> Iterator[Key]:
    """A row a command that has a key."""
    for c in COMMANDS.values():
        if c.key:
            keys = ",".join(filter(None, (c.key, ALSO.get(c.name))))
            yield Key(c.name, keys, action_of(c), c.says, c.family, DEBUGGER)


def _rows(place: str, purpose: str, *rows: tuple[str, str, str, str]) -> tuple[Key, ...]:
    return tuple(Key(id, keys, action, says, purpose, place) for id, keys, action, says in rows)


TABLE: dict[str, Key] = {row.id: row for row in (
    *_of_commands(),
    *_rows(DEBUGGER, "motion",
        ("begin", "home", "app.line('seek begin')", "the beginning"),
        ("end", "end", "app.line('seek end')", "the end"),
        ("again", "enter", "app.again", "the last motion again; where practice asks, the answer"),
    ),
    *_rows(DEBUGGER, "screen",
        ("line", ":", "app.ask('')", "the command line"),
        ("close", "escape", "app.event", "close what was asked for; stop what takes long"),
        ("copy", "Y", "app.copy", "copy the marked cell, as NumPy reads it; again, its row, slice, tensor, the report"),
        ("before", "backspace", "app.before", "the report from which one came"),
        ("pane.next", "tab", "app.focus_next", "the next pane"),
        ("pane.previous", "shift+tab", "app.focus_previous", "the pane before"),
        ("program.tab", "r", "screen.program_tab", "the program as a list, as its source, as a graph in lanes"),
        ("maximise", "M", "app.maximise", "this pane alone, and all of them again"),
        ("pane.program", "P", "screen.hide('program')", "the program beside the stage, above it, or hidden"),
        ("pane.inspector", "V", "screen.hide('inspector')", "hide the inspector, or show it, folded away or not"),
        ("tab", "v", "screen.tab", "the inspector's next tab: facts, map, histogram, uses, stack, stops, displays"),
        ("pane.larger", "plus", "screen.resize(2)", "this pane larger; a border can be dragged, too"),
        ("pane.smaller", "minus", "screen.resize(-2)", "this pane smaller"),
        ("pane.sizes", "0", "screen.as_ever", "all panes as large as they are by themselves"),
    ),
    *_rows(DEBUGGER, "lessons",
        ("lesson.next", "J", "app.next_lesson", "the next lesson"),
        ("lesson.menu", "O", "app.menu", "all lessons"),
        ("tour", "f2", "app.tour", "the tour of the screen, in nine stops"),
    ),
    *_rows(EVERYWHERE, "screen",
        ("palette", "ctrl+p", "app.command_palette", "all commands, keys and themes, to choose from"),
        ("interrupt", "ctrl+c", "app.interrupt", "stop what takes long; copy the text that is selected"),
        ("suspend", "ctrl+z", "app.suspend_process", "to the shell; fg comes back"),
        ("leave", "ctrl+q", "app.leave", "leave, from anywhere"),
    ),
    *_rows(STAGE, "cells",
        ("stage.up", "up", "move(-1,0)", "mark a cell, and the cells it is made of: the one above"),
        ("stage.down", "down", "move(1,0)", "the cell below"),
        ("stage.left", "left", "move(0,-1)", "the cell, or columns, at the left"),
        ("stage.right", "right", "move(0,1)", "the cell, or columns, at the right"),
        ("stage.page.up", "pageup", "page(-1)", "a page up"),
        ("stage.page.down", "pagedown", "page(1)", "a page down"),
        ("stage.page.left", "ctrl+left,left_parenthesis", "across(-1)", "a page of columns to the left"),
        ("stage.page.right", "ctrl+right,right_parenthesis", "across(1)", "a page of columns to the right"),
        ("stage.previous", "comma", "other(-1)", "the matrix before"),
        ("stage.next", "full_stop", "other(1)", "the next matrix"),
        ("stage.section", "tab", "section(1)", "the next gradient where one is seen at a time, then the next pane"),
        ("stage.section.before", "shift+tab", "section(-1)", "the gradient before, then the pane before"),
        ("stage.unfold", "z", "unfold", "the whole note, or its first sentence"),
        ("stage.follow", "enter", "app.follow", "on to what is marked in a report; elsewhere, the last motion again"),
        ("stage.unmark", "escape", "leave", "close what was asked for; else no cell is marked any more"),
    ),
    *_rows(STAGE, "matrices",
        ("slice.before", "less_than_sign", "slice(-1)", "of a tensor of three axes or more: the slice before"),
        ("slice.next", "greater_than_sign", "slice(1)", "the next slice, along the axis that is underlined"),
        ("slice.axis", "A", "axis", "leaf along another axis"),
        ("slice.axes", "X", "axes", "other two axes as rows and columns; at last all of them, laid out"),
        ("format", "E", "format", "numbers in fixed point, in powers of ten, in hexadecimal, or as they were"),
        ("digits.more", "U", "digits(1)", "a significant digit more"),
        ("digits.fewer", "Z", "digits(-1)", "a digit fewer"),
        ("scale", "B", "scale", "bright is what is large in its matrix, among all of them, or by decades"),
        ("heat", "H", "heat", "a map of max |x| beside the numbers, instead of them, or none"),
        ("stage.cell", "W", "app.ask('find at')", "go to a cell by its index"),
        ("transpose", "T", "transpose", "rows as columns: the transpose is seen, nothing is copied"),
    ),
    *_rows(PROGRAM, "program",
        ("program.up", "up", "select(-1)", "select the row above"),
        ("program.down", "down", "select(1)", "the row below; b stops there"),
        ("program.page.up", "pageup", "select(-10)", "ten rows up"),
        ("program.page.down", "pagedown", "select(10)", "ten rows down"),
        ("program.go", "enter", "go", "to the selected row; a block folds or unfolds"),
        ("program.filter", "slash", "filter", "only the rows that have what is typed; Enter goes there, Esc ends it"),
        ("program.unfilter", "escape", "leave", "all rows again; then, close what was asked for"),
        ("program.fold", "left", "fold(True)", "in the graph: fold the block around the row, then the one around it"),
        ("program.unfold", "right", "fold(False)", "in the graph: unfold the block"),
        ("program.fold.all", "z", "fold_all", "in the graph: all blocks folded, or none"),
    ),
    *_rows(INSPECTOR, "inspector",
        ("tab.before", "left", "turn(-1)", "the tab before"),
        ("tab.next", "right", "turn(1)", "the next tab"),
        ("text.up", "up", "scroll(-1)", "a line up"),
        ("text.down", "down", "scroll(1)", "a line down"),
        ("text.page.up", "pageup", "page(-1)", "a page up"),
        ("text.page.down", "pagedown", "page(1)", "a page down"),
    ),
    *_rows(LINE, "command line",
        ("line.enter", "enter", "submit", "carry the line out"),
        ("line.complete", "tab", "complete", "complete the word"),
        ("line.earlier", "up", "history(-1)", "an earlier line"),
        ("line.later", "down", "history(1)", "a later line"),
        ("line.close", "escape", "close", "close it"),
    ),
    *_rows(HELP, "help",
        ("help.up", "up", "scroll(-1)", "a line up"),
        ("help.down", "down", "scroll(1)", "a line down"),
        ("help.page.up", "pageup", "page(-1)", "a page up"),
        ("help.page.down", "pagedown", "page(1)", "a page down"),
        ("help.close", "escape,f1", "dismiss", "close it"),
    ),
    *_rows(MENU, "menu",
        ("menu.up", "up,k", "screen.move(-1)", "the lesson above"),
        ("menu.down", "down,j", "screen.move(1)", "the lesson below"),
        ("menu.page.up", "pageup", "screen.move(-10)", "ten lessons up"),
        ("menu.page.down", "pagedown", "screen.move(10)", "ten lessons down"),
        ("menu.first", "home", "screen.move(-1000)", "the first"),
        ("menu.last", "end", "screen.move(1000)", "the last"),
        ("menu.open", "enter", "screen.open", "open it"),
        ("menu.filter", "slash", "screen.filter", "only those with words that are typed"),
        ("menu.help", "question_mark,f1", "app.help", "all keys"),
        ("menu.leave", "q,escape", "screen.leave", "leave; back to where one was"),
    ),
    *_rows(FILTER, "menu",
        ("filter.up", "up", "screen.move(-1)", "the lesson above"),
        ("filter.down", "down", "screen.move(1)", "the lesson below"),
        ("filter.open", "enter", "screen.open", "open it"),
        ("filter.close", "escape", "screen.unfilter", "all lessons again"),
    ),
    *_rows(TOUR, "tour",
        ("tour.next", "enter,space,right", "go(1)", "the next stop"),
        ("tour.back", "backspace,left", "go(-1)", "the stop before"),
        ("tour.end", "escape", "end", "the end of it; so does every other key, which does what it does"),
    ),
    *_rows(SMALL, "small window", ("small.leave", "q,escape", "app.leave", "leave")),
)}  # fmt: skip
"""Every key of ours by its id; Textual's own, in a field that is typed into or a list, keep theirs."""

SHADOWS = {
    "stage.unmark": "close", "stage.follow": "again", "program.go": "again",
    "program.filter": "find", "program.unfilter": "close",
    "stage.section": "pane.next", "stage.section.before": "pane.previous",
}  # fmt: skip
"""Rows of a pane that take a key from the debugger, and mean to."""
PRESETS: dict[str, dict[str, str]] = {
    "vim": {
        "candidates": "K", "back": "ctrl+o,[,alt+left",
        "stage.up": "k,up", "stage.down": "j,down", "stage.left": "h,left", "stage.right": "l,right",
        "program.up": "k,up", "program.down": "j,down", "program.fold": "h,left", "program.unfold": "l,right",
        "text.up": "k,up", "text.down": "j,down", "tab.before": "h,left", "tab.next": "l,right",
        "stage.page.up": "ctrl+b,pageup", "stage.page.down": "ctrl+f,pagedown",
    },
    "arrows": {
        "step": "right,s", "reverse-step": "left,S", "stepi": "down,i", "reverse-stepi": "up,I",
        "stage.up": "shift+up", "stage.down": "shift+down", "stage.left": "shift+left", "stage.right": "shift+right",
        "program.up": "shift+up", "program.down": "shift+down",
        "program.fold": "shift+left", "program.unfold": "shift+right",
        "text.up": "shift+up", "text.down": "shift+down", "tab.before": "shift+left", "tab.next": "shift+right",
    },
    "fkeys": {
        "continue": "f5,c", "break": "f9,b", "next": "f10,n", "step": "f11,s", "finish": "shift+f11,f",
        "restart": "ctrl+shift+f5,R",
    },
}  # fmt: skip
"""Keys to choose by a word: those of vi, the arrows for time (with Shift for cells), those of VS Code."""


def rows(moved: Mapping[str, str]) -> dict[str, Key]:
    """The table, with a user's own keys by the rows' ids."""
    return {id: replace(row, keys=moved[id]) if id in moved else row for id, row in TABLE.items()}


def bindings(*places: str) -> list[BindingType]:
    """The bindings of a place, for the class of what lies there."""
    return [
        Binding(row.keys, row.action, row.says, show=False, id=row.id, priority=row.place == EVERYWHERE)
        for row in TABLE.values() if row.place in places
    ]  # fmt: skip


def place_of(node: Widget | None) -> str:
    """The place that a widget is, by its bindings; of one that has none, the debugger's."""
    ids = (b.id for b in (node.BINDINGS if node else ()) if isinstance(b, Binding))
    return next((TABLE[id].place for id in ids if id in TABLE), DEBUGGER)


def clash(table: Iterable[Key]) -> tuple[str, Key, Key] | None:
    """A key that two rows have where both hold, or a pane's takes from the debugger's; None where there is none."""
    there: dict[tuple[str, str], Key] = {}
    for row in sorted(table, key=lambda row: row.place in PANES):
        over = (DEBUGGER,) if row.place in PANES and row.place != LINE else ()
        for name in row.names:
            for place in (row.place, *over, EVERYWHERE):
                other = there.get((place, name))
                if other is not None and other is not row and SHADOWS.get(row.id) != other.id:
                    return name, other, row
            there[row.place, name] = row
    return None


SIGNS = {
    "up": "↑", "down": "↓", "left": "←", "right": "→", "pageup": "PgUp", "pagedown": "PgDn", "escape": "Esc",
    "space": "Space", "tab": "Tab", "slash": "/", "plus": "+", "minus": "-", "backspace": "Backspace",
}  # fmt: skip


def keycap(name: str) -> str:
    """A key as it is printed on the keyboard."""
    *held, last = name.split("+")
    sign = SIGNS.get(last) or key_to_character(last) or last
    return "+".join((*map(str.capitalize, held), sign[0].upper() + sign[1:] if held or len(sign) > 1 else sign))
