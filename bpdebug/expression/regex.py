"""Regular expressions and globs over names that cannot run away: RE2 takes linear time where Python's do not."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate

from bpdebug.language.tokens import refuse

Match = Callable[[str], object]
"""Tells whether a name matches, by something that is true."""

LONGEST = 200
"""Characters of one pattern."""

_LETTERS = r"\p{L}\p{N}_"
_CLASSES = {"\\w": _LETTERS, "\\d": r"\p{Nd}", "\\D": r"\P{Nd}"}
"""RE2's own classes are ASCII, and names are not."""


def compile_regex(pattern: str, column: int = 1) -> Match:
    """A pattern that matches anywhere in a name; E_EXPR with the column for what RE2 does not know."""
    import re2  # start-up: 13 ms that only `/.../` needs

    if not pattern:
        raise refuse("the pattern is empty", column, "/attn.*q/")
    _check_length(pattern, column, "pattern")
    options = re2.Options()
    options.log_errors = False
    try:
        match: Match = re2.compile(_with_letters(pattern), options).search
    except re2.error as error:
        said = error.args[0].decode("utf-8", "replace") if error.args else ""
        words, _, found = said.partition(": ")
        at = max(pattern.find(found), 0) if found else len(pattern)
        raise refuse(f"the pattern is refused: {said or words}", column + at, "a sign itself is \\(, \\* ...") from None
    return match


def _with_letters(pattern: str) -> str:
    """The pattern with `\\w` and `\\d` for all of Unicode, as Python has them, in sets and outside."""
    out, in_set = [], False
    for piece in re.findall(r"\\?.|\\", pattern, re.DOTALL):
        in_set = piece == "[" or (in_set and piece != "]")
        if piece == "\\W" and not in_set:
            out.append(f"[^{_LETTERS}]")
        elif piece in _CLASSES:
            out.append(_CLASSES[piece] if in_set or piece != "\\w" else f"[{_LETTERS}]")
        else:
            out.append(piece)
    return "".join(out)


def compile_glob(glob: str, column: int = 1) -> Match:
    """A glob over whole names: `*` any characters, `?` one, `[ab]` or `[!ab]` one of a set.

    Python's translation lets no `*` take back what it took, so that its time is bounded too. E_EXPR for an open set.
    """
    _check_length(glob, column, "glob")
    rest = re.sub(r"\[!?.[^]]*\]", lambda m: " " * len(m[0]), glob)
    if "[" in rest:
        raise refuse("this '[' is not closed", column + rest.index("["), "a set is written [ab] or [!ab]")
    return re.compile(translate(glob)).match


def _check_length(text: str, column: int, what: str) -> None:
    if len(text) > LONGEST:
        raise refuse(f"a {what} of {len(text):,} characters", column, f"at most {LONGEST} are read")
