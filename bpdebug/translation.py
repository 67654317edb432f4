"""The language in which people are told things: English, which the code is written in, or a translation of it.

A sentence is marked where it stands: `_("{name} is zero").format(name=name)`, never an f-string inside; `N_` marks one
that a table holds, which `_` translates where it is shown. What machines read (JSON, recordings, codes, the names of
commands and ops) is the same bytes in every language: a translated text remembers what it translates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import reduce
from typing import Any, NamedTuple

ENGLISH = "en"
_BESIDE = re.compile("(?<=[，。：；、！？）”]) (?=[一-鿿])")
"""The blank after a name in Chinese, where what is named ends with a full-width sign and needs none."""


class _Speech(NamedTuple):
    """A language, its texts, and whether it is a machine that is spoken to."""

    language: str = ENGLISH
    texts: Mapping[str, str] = {}
    machine: bool = False


class Translated(str):
    """A text in another language, and what it says in its own; formatting it fills both."""

    own: str

    def __new__(cls, text: str, own: str) -> Translated:
        made = super().__new__(cls, text)
        made.own = own
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Translated, (str(self), self.own)

    def format(self, *args: Any, **fields: Any) -> Translated:
        named = {name: own(value) for name, value in fields.items()}
        said = _BESIDE.sub("", super().format(*args, **fields))
        return Translated(said, self.own.format(*map(own, args), **named))

    def join(self, texts: Iterable[str]) -> Translated:
        found = list(texts)
        return Translated(super().join(found), self.own.join(map(own, found)))


_spoken = _Speech()
_here: ContextVar[_Speech | None] = ContextVar("what is spoken in a thread or a task of its own", default=None)


def _(text: str) -> str:
    """The text in the language that is spoken; itself where there is no translation."""
    said = (_here.get() or _spoken).texts.get(text)
    return text if said is None else Translated(said, text)


def N_(text: str) -> str:
    """The text as it is: marked for the catalogues, and translated later."""
    return text


def ngettext(one: str, many: str, count: int) -> str:
    """The form of a text that goes with a number, in the language that is spoken."""
    english = one if count == 1 else many
    said = (_here.get() or _spoken).texts.get(one)
    return english if said is None else Translated(said, english)


def language() -> str:
    """The language that is spoken: `en`, `zh`."""
    return (_here.get() or _spoken).language


def said_here(text: str) -> str:
    """A text for whoever is spoken to here: as it was translated, or for a machine in its own language."""
    if not isinstance(text, Translated):
        return text
    return text.own if (_here.get() or _spoken).machine else str(text)


def own(value: Any) -> Any:
    """A text as it is written where it was not translated; anything else as it is."""
    return value.own if isinstance(value, Translated) else value


def listed(texts: Iterable[str]) -> str:
    """Names, numbers or short texts one after the other: `a, b, c`."""
    return _(", ").join(texts)


def joined(texts: Iterable[str]) -> str:
    """Names that something is true of: `a and b`."""
    return _(" and ").join(texts)


def phrases(texts: Iterable[str]) -> str:
    """Parts of a sentence one after the other: `a is 0, b is 1`; '' where there are none."""
    return _chained(_("{first}, {second}"), texts)


def together(texts: Iterable[str]) -> str:
    """Clauses that all hold: `a is 0 and b is 0`; '' where there are none."""
    return _chained(_("{first} and {second}"), texts)


def _chained(words: str, texts: Iterable[str]) -> str:
    return reduce(lambda first, second: words.format(first=first, second=second), list(texts) or [""])


def clauses(*texts: str) -> str:
    """Parts of a sentence that could stand alone, `a; b`; those that are empty are left out."""
    return _("; ").join(filter(None, texts))


def speak(lang: str) -> None:
    """From here on people are told things in this language: `zh`, `zh_CN.UTF-8`, `en`. LookupError where none is it."""
    global _spoken
    _spoken = _speech(lang)


@contextmanager
def speaking(lang: str) -> Iterator[None]:
    """A language for what this thread, or this task, says meanwhile; LookupError as `speak` raises it."""
    with _meanwhile(_speech(lang)):
        yield


def english() -> AbstractContextManager[None]:
    """English meanwhile: for what machines read."""
    return _meanwhile(_Speech(machine=True))


@contextmanager
def _meanwhile(speech: _Speech) -> Iterator[None]:
    token = _here.set(speech)
    try:
        yield
    finally:
        _here.reset(token)


def chosen(environment: Mapping[str, str]) -> str:
    """The language that an environment asks for, as gettext reads it after our own BPDEBUG_LANG; else English."""
    names = ("BPDEBUG_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    asked = next(filter(None, map(environment.get, names)), "")
    return next(filter(None, map(known, asked.split(":"))), ENGLISH)


def known(lang: str) -> str:
    """The language that is meant by a name of one or of a locale, among those that are spoken; '' where it is none.

    Lands and scripts are no matter: who asks for zh_TW or zh-Hant is better served by simplified signs than by English.
    """
    name = re.split(r"[._@-]", lang.lower(), maxsplit=1)[0]
    return name if name == ENGLISH or (name not in ("", "c", "posix") and name in languages()) else ""


def languages() -> list[str]:
    """The languages that are spoken, English first."""
    from bpdebug import catalogue  # whoever speaks English needs none

    return [ENGLISH, *catalogue.languages()]


def _speech(lang: str) -> _Speech:
    name = known(lang)
    if not name:
        raise LookupError(f"no language {lang!r}: there are {', '.join(languages())}")
    if name == ENGLISH:
        return _Speech()
    if name not in _learnt:
        from bpdebug import catalogue  # whoever speaks English needs none

        _learnt[name] = _Speech(name, catalogue.catalogue(name))
    return _learnt[name]


_learnt: dict[str, _Speech] = {}
