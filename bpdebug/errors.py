"""Every error a user can cause: one tree, one shape (code, place, what was found, what to do)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

EXIT_GOOD, EXIT_FAILED, EXIT_USAGE, EXIT_REFUSED, EXIT_BUG, EXIT_INTERRUPTED = 0, 1, 2, 3, 4, 130

MOST_WORDS = 900
"""Characters of a message, of its hint and of its place."""


class AtLine(str):
    """Where something stands as it is shown, NAME:12, which remembers the number of its line."""

    number: int

    def __new__(cls, name: str, number: int) -> AtLine:
        made = super().__new__(cls, f"{name}:{number}")
        made.number = number
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return AtLine, (self.rpartition(":")[0], self.number)


class BpdebugError(Exception):
    """Something the user can mend: `message` says what was found, `hint` what to do, `where` the place.

    `code` is one of the stable codes (E_SHAPE ...); `column` counts from 1 in what was typed, where that is known.
    `within` is the piece of it in which the column counts, until the whole line is known.
    """

    exit_code = EXIT_REFUSED

    def __init__(self, message: str, *, code: str, hint: str = "", where: str = "", column: int | None = None) -> None:
        self.message, self.hint, self.where = line(message), line(hint), _safe(where)
        self.code, self.column, self.within = code, column, ""
        super().__init__(self.message)

    @property
    def at_line(self) -> int:
        """The line of the file that it is about; 0 where it is about none."""
        return self.where.number if isinstance(self.where, AtLine) else 0

    def at(self, where: str) -> BpdebugError:
        """The same error with its place filled in, unless it already has one."""
        if not self.where:
            self.where = _safe(where)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return BaseException.__new__, (type(self), self.message), vars(self)

    def __str__(self) -> str:
        place = f" {self.where}" if self.where else ""
        text = f"error[{self.code}]{place}: {self.message}"
        return f"{text}\n  help: {self.hint}" if self.hint else text


class InputError(BpdebugError):
    """A scenario, a tensor file or a setting is refused (exit 3)."""


class ShapeError(InputError):
    """Shapes, axes or indices that do not fit; raised while the graph is built, before any value exists."""

    def __init__(self, message: str, *, hint: str = "", where: str = "", code: str = "E_SHAPE") -> None:
        super().__init__(message, code=code, hint=hint, where=where)


class CommandError(BpdebugError):
    """A command, an expression or a script line that cannot be carried out (exit 1)."""

    exit_code = EXIT_FAILED

    def __init__(
        self, message: str, *, code: str = "E_COMMAND", hint: str = "", where: str = "", column: int | None = None
    ) -> None:
        super().__init__(message, code=code, hint=hint, where=where, column=column)


class UsageError(BpdebugError):
    """The command line is not understood (exit 2)."""

    exit_code = EXIT_USAGE

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, code="E_USAGE", hint=hint)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """'did you mean relu?' for the nearest of `known`, or '' where nothing is near."""
    import difflib  # start-up: only what is misspelt needs it

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""


def shown(text: object, width: int = 60) -> str:
    """Text from a file on one short line; errors make it printable, and this keeps it from filling the screen."""
    line = str(text).replace("\n", "\\n")
    return line if len(line) <= width else f"{line[: width - 1]}…"


def suggest(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint: the nearest of `known`, or `otherwise` where nothing is near."""
    if len(word) > 200:
        return otherwise
    known = list(known)
    same = next((name for name in known if name.lower() == word.lower()), "")
    return f"did you mean {same}?" if same else did_you_mean(word, known) or otherwise


def printable(text: str) -> str:
    """Text that is safe on a terminal: control, bidirectional and surrogate characters shown as escapes.

    The one sanitiser for everything that came from a file or a prompt (CWE-150). Line feeds stay.
    """
    if text.replace("\n", "").isprintable():
        return text
    return _UNUSUAL.sub(lambda found: _escape(found[0]) if _hostile(found[0]) else found[0], text)


_UNUSUAL = re.compile(r"[^\n\x20-\x7e]")


def line(text: str) -> str:
    """Printable text on one line, and not a long one: what stands in a message cannot forge or flood another."""
    shown = printable(text).replace("\n", "\\n")
    return shown if len(shown) <= MOST_WORDS else f"{shown[:MOST_WORDS]}… ({len(shown):,} characters)"


def _safe(place: str) -> str:
    """A place on one line of printable text; itself, with the line that it remembers, where it is that."""
    shown = line(place)
    return place if shown == place else shown


def _hostile(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
