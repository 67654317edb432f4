"""From what was typed to tokens with columns: dotted names, gradients, numbers, quoted text, operators."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any, TypeVar

from msgspec import Struct

from bpdebug.errors import BpdebugError, CommandError
from bpdebug.limits import TABLE

LONGEST = 10_000
"""Characters of one expression."""
DIGITS = TABLE["digits"].default

NAME, NUMBER, TEXT, OP, END = "name", "number", "text", "op", "end"
TRANSPOSED, PARTIAL = "ᵀ", "∂"

_OPERATOR = rf"\.\.\.|\*\*|//|[=!<>]=|[-+*/%@<>()\[\],:.={TRANSPOSED}{PARTIAL}]"
_SAME = {"−": "-", "×": "*", "·": "*", "⋅": "*", "≤": "<=", "≥": ">=", "≠": "!="}
"""Signs that stand on the screen, and what they mean when they are copied from it."""

_HINTS = {
    "&&": "write and", "||": "write or", "&": "write and", "|": "write or", "!": "write not", "^": "write **",
    "~": "write not", "<>": "write !=", ":=": "expressions assign nothing", ";": "one expression at a time",
}  # fmt: skip
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_NUMBER = (  # compiled, like its neighbours, when first used: start-up
    r"0[xX][0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?(?:[pP][+−-]?[0-9]+)?"
    rf"|{_DIGITS}(?:\.(?:{_DIGITS})?)?(?:[eE][+−-]?[0-9]+)?|\.{_DIGITS}(?:[eE][+−-]?[0-9]+)?"
)
_ASCII_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASCII_DIGITS = re.compile(r"[0-9]+")
_LED = r"[0-9]+(?:\.[0-9]+)*\.(?![eE][+−-]?[0-9])(?=[^\W\d])"
"""A dotted name of a list's item begins with a number: 0.weight."""
_CALL = r"@[0-9]+(?=\.)"
"""A block that is the second call of its module: encoder@2.relu."""
STRING = (
    r'"""(?:[^"\\]++|\\[\s\S]|"(?!""))*+"""'
    r"|'''(?:[^'\\]++|\\[\s\S]|'(?!''))*+'''"
    r'|"(?:[^"\\\n]++|\\[\s\S])*+"'
    r"|'(?:[^'\\\n]++|\\[\s\S])*+'"
)
_QUOTED = rf"{STRING}|#[^\n]*+|[\"']"


class Token(Struct, frozen=True):
    """One word of an expression; `column` counts from 1. The name of a gradient has `gradient`, and no ∂."""

    kind: str
    text: str
    column: int
    gradient: bool = False


def refuse(message: str, column: int | None, hint: str = "") -> CommandError:
    """The one error of what is typed at a prompt: E_EXPR with the column."""
    return CommandError(message, code="E_EXPR", hint=hint, column=column)


F = TypeVar("F", bound=Callable[..., Any])


def counted(function: F) -> F:
    """Errors of the function say in which text their column counts: its first argument, or what that was read from."""

    @wraps(function)
    def run(source: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(source, *args, **kwargs)
        except BpdebugError as error:
            if error.column is not None and not error.within:
                error.within = source if isinstance(source, str) else source.text
            raise

    return run  # type: ignore[return-value]  # wraps: of the same type


def tokenize(text: str) -> list[Token]:
    """The tokens of an expression, with an `end` token behind them; E_EXPR for what is none."""
    if len(text) > LONGEST:
        raise refuse(f"the expression has {len(text):,} characters", LONGEST + 1, f"at most {LONGEST:,} are read")
    return [*_tokens(text), Token(END, "", len(text.rstrip()) + 1)]


def _tokens(text: str) -> Iterator[Token]:
    at, gradient = 0, 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        end, kind = _scan(text, at)
        word = text[at:end]
        if gradient and kind != NAME:
            break
        if word == PARTIAL:
            gradient = at + 1
        else:
            plain = word[1:-1] if kind == TEXT else word.replace("−", "-") if kind == NUMBER else _SAME.get(word, word)
            yield Token(kind, plain, gradient or at + 1, bool(gradient))
            gradient = 0
        at = end
    if gradient:
        raise refuse("∂ stands before the name of a tensor", gradient, "∂Y is the gradient of Y")


def _scan(text: str, at: int) -> tuple[int, str]:
    """Where the token that begins here ends, and its kind."""
    char = text[at]
    if char in "\"'":
        close = text.find(char, at + 1)
        if close < 0:
            raise refuse("the quoted text does not end", at + 1, f"close it with {char}")
        return close + 1, TEXT
    if starts_name(text, at):
        return name_end(text, at), NAME
    number = re.compile(_NUMBER).match(text, at)
    if number:
        end = number.end()
        if end < len(text) and _continues(text[end]):
            raise refuse(f"'{_excerpt(text, at, end)}' is neither a number nor a name", at + 1, "write 2 * x, not 2x")
        return end, NUMBER
    if char in _SAME:
        return at + 1, OP
    operator = re.compile(_OPERATOR).match(text, at)
    if operator:
        return operator.end(), OP
    hint = _HINTS.get(text[at : at + 2]) or _HINTS.get(char, "")
    raise refuse(f"'{char}' means nothing here", at + 1, hint)


def starts_name(text: str, at: int) -> bool:
    """Whether a name begins there; ᵀ is a letter to Python."""
    char = text[at : at + 1]
    if char.isdigit():
        return re.compile(_LED).match(text, at) is not None
    return char.isidentifier() and char != TRANSPOSED


def _continues(char: str) -> bool:
    return char != TRANSPOSED and ("_" + char).isidentifier()


def name_end(text: str, at: int) -> int:
    """Where the dotted name that begins at `at` ends; `h.1` and `layer1.h` are names, and so is `X.T` for now."""
    end = _word_end(text, at)
    while end + 1 < len(text) and text[end] in ".@":
        digits = _ASCII_DIGITS.match(text, end + 1)
        call = re.compile(_CALL).match(text, end)
        if call:
            end = call.end()
        elif text[end] == "@":
            break
        elif digits:
            end = digits.end()
        elif starts_name(text, end + 1):
            end = _word_end(text, end + 1)
        else:
            break
    return end


def _word_end(text: str, at: int) -> int:
    ascii_word = _ASCII_WORD.match(text, at)
    end = ascii_word.end() if ascii_word else at + 1
    while end < len(text) and _continues(text[end]):
        end += 1
    return end


def _excerpt(text: str, at: int, end: int) -> str:
    """A number and the letters that stick to it, cut short."""
    end = min(end, at + 20)
    while end < len(text) and end - at < 20 and _continues(text[end]):
        end += 1
    return text[at:end]


def number(token: Token) -> int | float:
    """A number token's value; floats that overflow and endless digits are refused."""
    text = token.text.replace("_", "")
    if len(text) > DIGITS:
        raise refuse(f"a number of {len(text):,} characters", token.column, f"at most {DIGITS} are read")
    hexadecimal = text[:2] in ("0x", "0X")
    try:
        if hexadecimal:
            return float.fromhex(text) if "." in text or "p" in text.lower() else int(text, 16)
        if text.isdigit():
            return int(text)
        found = float(text)
    except OverflowError:
        found = float("inf")
    if found == float("inf"):
        raise refuse(f"'{text}' is too large for a float", token.column, "the infinite number is written inf")
    return found


# --- lines of a program

_WORTH = rf"[\"'#{PARTIAL}{TRANSPOSED}{''.join(_SAME)}]|[^\W\d]|\.?[0-9]"


def respelt(text: str, words: Mapping[str, str]) -> str:
    """Lines of a program in Python's spelling, line for line.

    `words` has identifiers for dotted names and gradients (`h.1`, `∂Y`); else ∂Y is dY, Wᵀ is W.T, − is -. What is
    quoted, and comments, stay as they are.
    """
    if text.isascii() and not words:
        return text
    out, at = [], 0
    while found := re.compile(_WORTH).search(text, at):
        start, char = found.start(), found[0]
        out.append(text[at:start])
        gradient = char == PARTIAL and starts_name(text, start + 1)
        quoted = re.compile(_QUOTED).match(text, start)
        if quoted:
            at = quoted.end()
            out.append(quoted[0])
        elif gradient or starts_name(text, start):
            at = name_end(text, start + gradient)
            out.append(_identifier(text[start + gradient : at], gradient, words))
        elif number := re.compile(_NUMBER).match(text, start):
            at = number.end()
            out.append(number[0].replace("−", "-"))
        else:
            at = start + 1
            out.append(".T" if char == TRANSPOSED else _SAME.get(char, char))
    return "".join((*out, text[at:]))


def _identifier(name: str, gradient: bool, words: Mapping[str, str]) -> str:
    """A name as Python takes it; the longest one that is known wins, and `.T` may stand behind it."""
    head, sign = name, PARTIAL if gradient else ""
    while head:
        if sign + head in words:
            return words[sign + head] + name[len(head) :]
        head = head.rpartition(".")[0]
    return f"d{name}" if gradient else name
