"""Numbers of a TOML text that its parser would let pass: too long, beyond 64 bits, not finite."""

from __future__ import annotations

import re
from contextlib import suppress
from math import inf

from bpdebug.errors import InputError, shown
from bpdebug.limits import Limits

NUMBER = (
    r"(?<![\w.])(?P<number>0[xob][0-9a-fA-F_]++|[0-9][0-9_]{17,}+)"
    r"|(?P<huge>[0-9][eE]\+?[0-9][0-9_]{2,}+)"
    r"|(?<![\w.])(?P<odd>(?:nan|inf)(?![\w-]))"
)
"""What is worth a look: long integers, large exponents, and the words for what is no number."""
_BEFORE = re.compile(r"[0-9_.]*\Z")
_FLOAT = re.compile(r"[0-9_]+(?:\.[0-9_]+)?(?:[eE][+-]?[0-9_]+)?")


def check_number(kind: str, token: re.Match[str], limits: Limits, where: str) -> None:
    """E_LIMIT or E_SCHEMA for a match of NUMBER; what is no number at all is left for the parser to refuse."""
    text, start, end = token.string, token.start(kind), token.end(kind)
    if text[end : end + 40].lstrip(" \t").startswith("="):
        return  # a key that looks like a number
    digits = token[kind].replace("_", "")
    limits.check("digits", len(digits), "the digits of a number", where=where)
    if kind == "odd":
        raise _not_finite(f"a number is {digits}", where)
    with suppress(ValueError):
        if kind == "huge" or text[end : end + 1] in (".", "e", "E"):
            before = _BEFORE.search(text[max(0, start - 500) : start])
            number = _FLOAT.match(text, start - len(before[0] if before else ""))
            if number and float(number[0].replace("_", "")) == inf:
                raise _not_finite(f"{shown(number[0], 40)} is too large for a double", where)
        else:
            value = int(digits, 0 if digits[1:2].isalpha() else 10)
            if not -(2**63) <= (-value if text[start - 1 : start] == "-" else value) < 2**63:
                message = f"the integer {shown(digits, 40)} needs more than 64 bits"
                raise InputError(message, code="E_SCHEMA", where=where, hint="write a smaller one, or a float: 1e30")


def _not_finite(message: str, where: str) -> InputError:
    hint = "numbers in a scenario are finite; a tensor may have such cells in an .npy file, named with file = ..."
    return InputError(message, code="E_SCHEMA", where=where, hint=hint)
