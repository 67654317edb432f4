"""Keys, read from the table of commands: what a key types, and what stands at the foot of the screen."""

from __future__ import annotations

from collections.abc import Iterator

from textual.binding import Binding

from bpdebug.debugger import COMMANDS, Command
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


def wants_argument(command: Command) -> bool:
    """Whether a command can do nothing without one: its key opens the command line."""
    return bool(command.args) and not command.args.startswith("[")


def typed() -> Iterator[tuple[str, str, bool]]:
    """Every key with the line it types, and whether the line is still to be completed."""
    for command in COMMANDS.values():
        if command.key:
            yield command.key, command.name, wants_argument(command)
    for key, line in SCREEN_KEYS.items():
        yield key, line, False


def bindings() -> list[Binding]:
    """Every key of the debugger with the app's action; for the screen with the panes, as no other takes them."""
    actions = {key: f"{'ask' if more else 'line'}({line!r})" for key, line, more in typed()}
    actions |= {"?": "help", "f1": "help", "q": "line('quit')", "enter": "again", "escape": "event"}
    return [Binding(key, f"app.{action}", show=False) for key, action in actions.items()]


def shown(key: str) -> str:
    """A key as it is printed on the keyboard."""
    return {"slash": "/"}.get(key, key if len(key) == 1 or " " in key else key.capitalize())


def foot() -> Pieces:
    """The keys in one line: motions first, their reverses together, then the rest of the table."""
    keyed = [c for c in COMMANDS.values() if c.key]
    back = [c for c in keyed if c.name.startswith("reverse-")]
    forth = [(c.key, c.name) for c in keyed if c.repeats and c not in back]
    rest = [(c.key, c.name) for c in keyed if not c.repeats and c.name not in ("help", "quit", "restart")]
    pairs = (*forth, (" ".join(c.key for c in back), "the same, back"), *rest)
    return tuple(piece for key, name in pairs for piece in ((shown(key), palette.HERE), (f" {name}  ", palette.DIM)))


ALWAYS: Pieces = (
    (":", palette.HERE), (" command  ", palette.DIM), ("?", palette.HERE), (" help  ", palette.DIM),
    ("q", palette.HERE), (" quit", palette.DIM),
)  # fmt: skip
