"""Which token may stand behind which: the first one that does not fit, in words and with its column.

Python's parser would refuse the same texts, in words for programmers and often without the place.
"""

from __future__ import annotations

import keyword

from bpdebug.errors import CommandError
from bpdebug.expression.functions import ATTRIBUTES, FUNCTIONS
from bpdebug.language.tokens import END, NAME, OP, TRANSPOSED, Token, refuse
from bpdebug.limits import TABLE
from bpdebug.ops import OPS

NESTING = TABLE["nesting"].default
TOO_DEEP = "write it in two expressions"
FUNCTIONS_ARE = f"functions: {', '.join(FUNCTIONS)}, and every op: bpdebug ops"

CLOSED = {"(": ")", "[": "]"}
_BEGIN = {"value", "sign", "("}
_BEHIND = {"sign", "**", "op", "and", ")", "]", ",", ":", "[", ".", TRANSPOSED, "="}
_MAY_FOLLOW = {
    **dict.fromkeys(("value", ")", "]", TRANSPOSED), _BEHIND),
    **dict.fromkeys(("sign", "**", "op"), _BEGIN),
    **dict.fromkeys(("", "not", "and", "="), _BEGIN | {"not"}),
    "(": _BEGIN | {"not", ")"},
    "[": _BEGIN | {"not", ":", "["},
    ",": _BEGIN | {"not", ")", "]", ":", "["},
    ":": _BEGIN | {"not", "]", ",", ":"},
    ".": {"value"},
}
_BINARY = {"==", "!=", "<", "<=", ">", ">=", "*", "/", "//", "%", "@"}


def _sort(token: Token) -> str:
    """What a token is to those beside it."""
    if token.kind == OP:
        return "sign" if token.text in "+-" else "op" if token.text in _BINARY else token.text.replace("...", "value")
    word = token.text if token.kind == NAME and not token.gradient else ""
    return {"or": "and", "and": "and", "not": "not"}.get(word, "value")


def check_order(tokens: list[Token]) -> None:
    """E_EXPR for the first token that cannot stand where it stands."""
    opened: list[Token] = []
    before, last, last_sort = tokens[-1], Token(OP, "", 1), ""
    colons = signs = powers = 0
    for token in tokens:
        if token.kind == END:
            return _check_end(token, last_sort, opened)
        sort = _sort(token)
        if sort == "value" and last_sort == ".":
            _check_attribute(token)
        called = sort == "(" and last_sort == "value" and last.kind == NAME and before.text != "."
        if not (called and not keyword.iskeyword(last.text)) and sort not in _MAY_FOLLOW[last_sort]:
            raise _misplaced(token, sort, last, last_sort)
        if token.kind == NAME and sort == "value" and keyword.iskeyword(token.text):
            _check_word(token)
        colons = colons + 1 if sort == ":" else 0 if sort in ",[]" else colons
        signs = signs + 1 if sort in ("sign", "not") else 0 if sort != "(" else signs
        powers = powers + 1 if sort == "**" else 0 if sort in ("op", "and", ",", "(", "[") else powers
        inside = opened[-1].text if opened else ""
        named = inside == "(" and last.kind == NAME and before.text in ("(", ",")
        listed = sort == "[" and last_sort in ("[", ",")
        if not _fits(token.text if token.kind == OP else "", inside, colons, named) or (listed and inside != "["):
            raise unexpected(token)
        if token.kind == OP and sort in CLOSED:
            opened.append(token)
        elif token.kind == OP and sort in CLOSED.values():
            opened.pop()
        if max(len(opened), signs, powers) > NESTING:
            raise refuse(f"nested more than {NESTING} levels deep", token.column, TOO_DEEP)
        before, last, last_sort = last, token, sort
    return None


def _fits(text: str, inside: str, colons: int, named: bool) -> bool:
    """Whether a sign may stand between these brackets; `named`: behind a keyword of a call."""
    if text in (":", "..."):
        return inside == "[" and colons <= 2
    if text in (")", "]"):
        return CLOSED.get(inside) == text
    return named if text == "=" else bool(inside) if text == "," else True


def _check_end(token: Token, last: str, opened: list[Token]) -> None:
    if last not in ("value", ")", "]", TRANSPOSED):
        raise refuse("the expression ends too early", token.column, "a value is missing")
    if opened:
        word = opened[-1].text
        raise refuse(f"this '{word}' is not closed", opened[-1].column, f"close it with {CLOSED[word]}")


def _check_word(token: Token) -> None:
    if token.gradient:
        raise refuse("∂ stands before the name of a tensor", token.column, "∂Y is the gradient of Y")
    if token.text not in ("True", "False", "None"):
        raise refuse(f"'{token.text}' is not part of expressions", token.column)


def _check_attribute(token: Token) -> None:
    """What stands behind a dot."""
    column = token.column
    for name in token.text.split("."):
        if name not in ATTRIBUTES:
            hint = f"write {name}(...)" if name in FUNCTIONS or name in OPS else "there are .T, .shape and .dtype"
            raise refuse(f"no attribute '{name}'", column, hint)
        column += len(name) + 1


def _misplaced(token: Token, sort: str, last: Token, last_sort: str) -> CommandError:
    if sort == "not" and last_sort in ("op", "sign", "**"):
        return refuse("'not' cannot stand behind an operator", token.column, "put brackets around it")
    if sort == "]" and last.text == "[":
        return refuse("an index is missing", token.column, "X[0, 1] or X[0:2, :]")
    return unexpected(token)


def unexpected(token: Token) -> CommandError:
    """The error for a token that cannot stand where it stands."""
    hint = {"=": "did you mean ==?", "(": FUNCTIONS_ARE}.get(token.text, "")
    if token.kind == NAME and token.text in ("in", "is"):
        hint = "compare with ==, and join comparisons with or"
    what = f'"{token.text}"' if token.kind == "text" else f"'{token.text}'"
    return refuse(f"{what} is not expected here", token.column, hint)
