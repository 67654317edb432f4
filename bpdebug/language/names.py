"""What a name may be, and how a name that came from a file stands in a message."""

from __future__ import annotations

import keyword
import unicodedata

from msgspec import Struct

from bpdebug.errors import AtLine, InputError, shown
from bpdebug.limits import Limits


class Place(Struct, frozen=True):
    """Where a text stands in its file: its first line's number, and the step from line to line.

    The step is 0 for a text that the file writes on one line, with escapes for its line feeds.
    """

    name: str
    first: int = 1
    step: int = 1

    def line(self, n: int) -> int:
        """The line in the file of the text's line n; both count from 1."""
        return self.first + (n - 1) * self.step

    def at(self, n: int) -> str:
        return AtLine(self.name, self.line(n)) if self.first else self.name


NUMBERS = ("inf", "nan")
"""Words that are numbers wherever an expression is typed, and no names."""


def check_name(name: str, limits: Limits, what: str = "name", *, keywords: bool = False) -> None:
    """E_NAME unless `name` is an identifier that NFKC leaves alone, and not too long.

    `keywords` lets words of Python pass, for names that stand in quotes only.
    """
    if len(name) > limits["name"]:
        hint = f"use at most {limits['name']:,} characters, or raise the limit with --limit name=N"
        raise InputError(f"the {what} '{shown(name)}' has {len(name):,} characters", code="E_NAME", hint=hint)
    plain = unicodedata.normalize("NFKC", name)
    if plain != name:
        message = f"the {what} '{shown(name)}' is written with characters that look like others"
        raise InputError(message, code="E_NAME", hint=f"write '{shown(plain)}' (its NFKC form)")
    if not name.isidentifier():
        hint = "use letters, digits and _, and begin with a letter: X, W1, hidden_2"
        raise InputError(f"'{shown(name)}' is no {what}", code="E_NAME", hint=hint)
    taken = "a number" if name in NUMBERS else "a word of Python" if keyword.iskeyword(name) and not keywords else ""
    if taken:
        raise InputError(f"'{name}' is {taken} and no {what}", code="E_NAME", hint=f"write {name}_ or another name")
