"""The language in which people are told things: English, which the code is written in, or a translation of it.

A sentence is marked where it stands: `_("{name} is zero").format(name=name)`, never an f-string inside; `N_` marks one
that a table holds, which `_` translates where it is shown. What machines read (JSON, recordings, codes, the names of
commands and ops) is never marked: it is the same bytes in every language.
"""

from __future__ import annotations

ENGLISH = "en"


def _(text: str) -> str:
    """The text in the language that is spoken; itself where there is no translation."""
    return text


def N_(text: str) -> str:
    """The text as it is: marked for the catalogues, and translated later."""
    return text


def ngettext(one: str, many: str, count: int) -> str:
    """The form of a text that goes with a number, in the language that is spoken."""
    return one if count == 1 else many


def language() -> str:
    """The language that is spoken: `en`, `zh`."""
    return ENGLISH
