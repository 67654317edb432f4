"""From the text of a program to Python's syntax tree: normalised, measured, parsed, and never executed."""

from __future__ import annotations

import ast
import gc
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from msgspec import Struct, field

from bpdebug.errors import BpdebugError, InputError, shown
from bpdebug.language.alike import Body, read_alike
from bpdebug.language.chains import LONG, Cutter
from bpdebug.language.names import Place, check_name
from bpdebug.language.tokens import STRING, respelt
from bpdebug.language.words import LANGUAGE
from bpdebug.limits import Limits

_SIMPLE = r"[^\n\\\"'#()\[\]{}]*+"
_MARK = re.compile(
    rf"(?P<line>^{_SIMPLE}(?P<inside>[(\[]{_SIMPLE}[)\]]{_SIMPLE})*+(?<!\\)\n)"  # most lines are one mark
    rf"|(?P<string>{STRING})|(?P<comment>#[^\n]*+)|(?P<open>[(\[{{])|(?P<close>[)\]}}])|(?P<end>(?<!\\)\n)",
    re.MULTILINE,
)
_STATEMENT = re.compile(r"^[ \t]*+[^\s#]", re.MULTILINE)
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_NAME = rf"{STRING}|#[^\n]*+|(?<!\w)(?P<name>(?![0-9])[A-Za-z0-9_]*+[^\x00-\x7f\W]\w*)"
"""Names with letters beyond ASCII, and what is none of them: strings and comments."""


PARTS = "give its parts names, each on a line of its own"
NOTHING: Mapping[str, str] = MappingProxyType({})


class Parsed(Struct, frozen=True):
    """A program's statements; `chains` holds the beginnings of long chains by the names that stand for them."""

    body: Body
    chains: Mapping[str, ast.expr] = field(default_factory=dict)


def parse(text: str, limits: Limits, place: Place, words: Mapping[str, str] = NOTHING) -> Parsed:
    """The syntax tree of a program: E_SYNTAX or E_LIMIT with the line where it cannot be had.

    `words` has identifiers for the names that Python does not take: `h.1`, `∂Y`.
    """
    limits.check("nodes", len(_STATEMENT.findall(text)), "the statements of the program", where=place.at(1))
    odd = _NO_TEXT.search(text)
    if odd:
        where = place.at(_line(text, odd.start()))
        hint = "type the line again; the character may have come from elsewhere"
        raise InputError("the program holds a character that no text has", code="E_SYNTAX", where=where, hint=hint)
    plain = respelt(text, words)
    _check_names(plain, limits, place)
    cutter = Cutter(limits, _stem(plain))
    plain = _measured(plain, limits, place, cutter)
    with quiet():
        body = read_alike(plain) or Body(_tree(plain, place, limits).body, plain)
        chains: dict[str, ast.expr] = {}
        for name, piece in cutter.pieces.items():
            (statement,) = _tree("\n" * (piece.line - 1) + f"({piece.text}\n)", place, limits).body
            if isinstance(statement, ast.Expr):
                chains[name] = statement.value
    return Parsed(body, chains)


@contextmanager
def quiet() -> Iterator[None]:
    """Python's parser without its warnings, and without the garbage collector, which makes it twice as slow."""
    running = gc.isenabled()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if running:
            gc.enable()


def _check_names(text: str, limits: Limits, place: Place) -> None:
    """Refuse names that Python's parser would silently read as others; strings and comments may hold what they like."""
    for word in re.finditer(_NAME, text) if not text.isascii() else ():
        if word["name"]:
            try:
                check_name(word["name"], limits)
            except BpdebugError as error:
                raise error.at(place.at(_line(text, word.start()))) from None


def _stem(text: str) -> str:
    """The beginning of names that do not occur in a program."""
    stem = "chain_"
    while stem in text:
        stem += "_"
    return stem


def _measured(text: str, limits: Limits, place: Place, cutter: Cutter) -> str:
    """The text with its depth of brackets checked, and the chains of its long logical lines cut."""
    depth, start, last, deepest = 0, 0, 0, limits["nesting"]
    done: list[str] = []

    def end_line(end: int) -> None:
        nonlocal start, last
        if end - start > LONG:
            done.extend((text[last:start], _cut(text, start, end, cutter, place)))
            last = end
        start = end + 1

    for mark in _MARK.finditer(text):
        kind = mark.lastgroup
        inside = kind == "open" or (kind == "line" and mark["inside"] is not None)
        if inside and depth >= deepest:
            where = place.at(_line(text, mark.start()))
            limits.check("nesting", depth + 1, "the depth of the brackets", where=where)
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth -= 1
        elif (kind == "line" or kind == "end") and depth <= 0:
            depth = 0
            end_line(mark.end() - 1)
    end_line(len(text))
    return "".join((*done, text[last:]))


def _cut(text: str, start: int, end: int, cutter: Cutter, place: Place) -> str:
    line = _line(text, start)
    try:
        return cutter.cut(text[start:end], line)
    except BpdebugError as error:
        raise error.at(place.at(line)) from None


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _tree(text: str, place: Place, limits: Limits) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise _syntax(error, place, limits) from None
    except (RecursionError, MemoryError):
        message = "an expression of the program is too deep for Python's parser"
        raise InputError(message, code="E_LIMIT", where=place.name, hint=PARTS) from None


def _syntax(error: SyntaxError, place: Place, limits: Limits) -> InputError:
    message, where = error.msg, place.at(error.lineno or 1)
    if message.startswith("Exceeds the limit"):
        hint = f"a number may have {limits['digits']:,} digits; write it as a power, or as a float: 1e30"
        return InputError("a number of the program has too many digits", code="E_LIMIT", where=where, hint=hint)
    if message.startswith("too many"):
        hint = "write it with fewer levels; a def or a name for a part helps"
        return InputError(f"the program is nested too deep: {message}", code="E_LIMIT", where=where, hint=hint)
    return InputError(f"no program: {shown(message, 200)}", code="E_SYNTAX", where=where, hint=LANGUAGE)
