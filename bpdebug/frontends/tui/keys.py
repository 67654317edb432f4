"""Keys, read from the table of commands: what a key types, and what stands at the foot of the screen."""

from __future__ import annotations

from textual.binding import BindingType

from bpdebug.debugger import COMMANDS
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.bars import Pieces

SCREEN_KEYS = {"home": "seek begin", "end": "seek end"}
"""Keys for a command together with its argument."""
OF_A_CELL = ("origin", "why", "contributions")
"""Lines that a key types with the cell behind them that is marked, if one is."""
OWN_KEYS = {
    ":": "the command line",
    "↑ ↓ ← →": "mark a cell, and the cells it is made of",
    ", .": "the matrix before, the next one",
    "Tab": "program or stage; in the program ↑ ↓ select, Enter goes there, b stops there",
    "Enter": "the last motion again",
    "Esc": "close what was asked for",
}


def bindings() -> list[BindingType]:
    """Every key of the debugger with the app's action; for the screen with the panes, as no other takes them.

    The key of a command that can do nothing without an argument opens the command line.
    """
    keyed = [c for c in COMMANDS.values() if c.key]
    asking = [c for c in keyed if c.args and not c.args.startswith("[")]
    actions = {c.key: f"{'ask' if c in asking else 'line'}({c.name!r})" for c in keyed}
    actions |= {key: f"line({line!r})" for key, line in SCREEN_KEYS.items()}
    actions |= {"?": "help", "f1": "help", "q": "line('quit')", "enter": "again", "escape": "event"}
    return [(key, f"app.{action}") for key, action in actions.items()]


def keycap(key: str) -> str:
    """A key as it is printed on the keyboard."""
    return {"slash": "/"}.get(key, key if len(key) == 1 or " " in key else key.capitalize())


def foot() -> Pieces:
    """The keys in one line: motions first, their reverses together, then the rest of the table."""
    keyed = [c for c in COMMANDS.values() if c.key]
    back = [c for c in keyed if c.name.startswith("reverse-")]
    forth = [(c.key, c.name) for c in keyed if c.repeats and c not in back]
    rest = [(c.key, c.name) for c in keyed if not c.repeats and c.name not in ("help", "quit", "restart")]
    pairs = (*forth, (" ".join(c.key for c in back), "the same, back"), *rest)
    return tuple(piece for key, name in pairs for piece in ((keycap(key), palette.HERE), (f" {name}  ", palette.DIM)))


ALWAYS: Pieces = (
    (":", palette.HERE), (" command  ", palette.DIM), ("?", palette.HERE), (" help  ", palette.DIM),
    ("q", palette.HERE), (" quit", palette.DIM),
)  # fmt: skip
