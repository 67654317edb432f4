"""Locations: places of a timeline that people name: `Y@bwd`, `:12`, `a.py:12`, `layer1.`, `enc.*`, `/at.*q/`, `#17`."""

from __future__ import annotations

import re

from msgspec import Struct

from bpdebug.engine import BACKWARD, FORWARD, SEED, UPDATE
from bpdebug.language.tokens import counted, name_end, refuse, starts_name

NAME, LINE, BLOCK, GLOB, EVENT, SOURCE, REGEX = "name", "line", "block", "glob", "event", "source", "regex"
SHORT = {FORWARD: "fwd", SEED: "seed", BACKWARD: "bwd", UPDATE: "upd"}
"""What a phase is called behind an @."""

LONGEST = 2_000
"""Characters of a location: names in blocks within blocks are long."""

_END = r"(?:@(?P<phase>[^@%]*))?(?:%(?P<iteration>[^@%]*))?$"
_SIGN = r"%|@(?![0-9]+\.)"
"""Where the ending begins; the @ of encoder@2.relu, a module's second call, belongs to the name."""
_DIGITS = r"[0-9]{1,18}"
_KINDS = "a location is Y, Y@bwd, Y@bwd%2, :12, layer1., enc.*, #17, model.py:12 or /attn.*q/"


class Location(Struct, frozen=True):
    """A location as typed. `what`: the name, pattern, block (without its dot) or file; `number`: the line or event.

    `phase` and `iteration` are None where every one is meant.
    """

    kind: str
    what: str
    number: int = 0
    phase: str | None = None
    iteration: int | None = None
    text: str = ""
    column: int = 1

    def __str__(self) -> str:
        return self.text


@counted
def parse_location(text: str, *, regex: bool = True) -> Location:
    """A location from text; E_EXPR with the column. `regex` is False where files may not use them."""
    if len(text) > LONGEST:
        raise refuse(f"a location of {len(text):,} characters", 1, f"at most {LONGEST:,} are read")
    column = len(text) - len(text.lstrip()) + 1
    text = text.strip()
    if not text:
        raise refuse("a location is missing", column, _KINDS)
    start = text.rfind("/") + 1 if text[0] == "/" else 0
    ending = re.compile(_SIGN).search(text, start)
    start = ending.start() if ending else len(text)
    kind, what, number = _pattern(text[:start], column, regex) if text[0] == "/" else _kind(text[:start], column)
    phase, iteration = _ending(text, start, column)
    if kind == EVENT and (phase, iteration) != (None, None):
        raise refuse("an event is one place", column + start, f"write {text[:start]}")
    return Location(kind, what, number, phase, iteration, text, column)


def _pattern(text: str, column: int, allowed: bool) -> tuple[str, str, int]:
    """A regular expression between slashes."""
    what, close, rest = text[1:].rpartition("/")
    if not close:
        raise refuse("the pattern is not closed", column, "close it with /")
    if not allowed:
        raise refuse("no patterns here", column, "regular expressions are for the prompt and scripts; a glob is enc.*")
    if rest:
        at = column + len(text) - len(rest)
        raise refuse(f"'{rest}' behind a pattern", at, "only @fwd, @seed, @bwd, @upd and %N follow")
    return REGEX, what, 0


def _ending(text: str, start: int, column: int) -> tuple[str | None, int | None]:
    """`@phase` and `%iteration`, each of which may be left out."""
    found = re.compile(_END).fullmatch(text, start)
    if found is None:
        raise refuse(f"'{text[start:]}' behind a location", column + start, "first @bwd, then %2: Y@bwd%2")
    phase, iteration = found["phase"], found["iteration"]
    phases = {short: long for long, short in SHORT.items()}
    if phase is not None and phase not in phases:
        hint = f"write @{SHORT[phase]}" if phase in SHORT else f"phases: {', '.join(phases)}"
        raise refuse(f"no phase '{phase}'", column + found.start("phase"), hint)
    if iteration is not None and not re.fullmatch(_DIGITS, iteration):
        raise refuse(f"'{iteration}' is no iteration", column + found.start("iteration"), "iterations count from 0: %2")
    return None if phase is None else phases[phase], None if iteration is None else int(iteration)


def _kind(text: str, column: int) -> tuple[str, str, int]:
    """Which kind of location stands before the ending."""
    for sign, kind, what in ((":", LINE, "line"), ("#", EVENT, "event")):
        if text.startswith(sign):
            if not re.fullmatch(_DIGITS, text[1:]):
                raise refuse(f"'{text[1:]}' is no {what}", column + 1, f"write {sign}12")
            return kind, "", int(text[1:])
    if found := re.fullmatch(rf"(.+\.\w+):({_DIGITS})", text):
        return SOURCE, found[1], int(found[2])
    if any(c in text for c in "*?["):
        return GLOB, text, 0
    block = text.endswith(".")
    name = text[:-1] if block else text
    begins = starts_name(text, 0) or (block and name.isdigit())
    if not begins or name_end(text, 0) != len(name):
        hint = f"write {name[1:]}@bwd" if name.startswith("∂") else _KINDS
        raise refuse(f"'{text}' is no location", column, hint)
    return (BLOCK if block else NAME), name, 0
