"""A scenario file as text: read with its limits, measured before a parser sees it, and its keys found again."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from bpdebug.errors import AtLine, InputError, shown
from bpdebug.language.names import Place
from bpdebug.limits import Limits
from bpdebug.scenario.numbers import NUMBER, check_number
from bpdebug.scenario.paths import open_ordinary

_TOML_HINT = "a scenario is a TOML file (toml.io): key = value, and tables like [inputs]"


class FileText(Struct, frozen=True):
    """A text with the name it has in messages; files that it names lie beside or below its `path` (None: nowhere)."""

    name: str
    text: str
    raw: bytes
    path: str | None = None

    @property
    def folder(self) -> str | None:
        """Where files that it names lie."""
        return self.path and (os.path.dirname(self.path) or os.curdir)


def read_source(path_or_text: str | os.PathLike[str], limits: Limits) -> FileText:
    """The source behind a path, "-" (standard input), or a text of several lines."""
    if isinstance(path_or_text, str) and "\n" in path_or_text:
        return _source("<text>", path_or_text.encode("utf-8", "surrogatepass"), limits)
    if path_or_text == "-":
        return _source("<stdin>", sys.stdin.buffer.read(limits["file"] + 1), limits)
    path = os.fspath(path_or_text) or os.curdir
    return _source(shown(_name(path), 200), read_bytes(path, limits), limits, path)


def _name(path: str) -> str:
    """What a file is called in messages: its name, or its path where that ends in none."""
    return os.path.basename(os.path.normpath(path)) or path


def _source(name: str, raw: bytes, limits: Limits, path: str | None = None) -> FileText:
    limits.check("file", len(raw), "the size of the file", where=name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message, hint = "the file is not UTF-8 text", "save it as UTF-8 in an editor"
        raise InputError(message, code="E_SYNTAX", where=AtLine(name, line), hint=hint) from None
    return FileText(name, text, raw, path)


def read_bytes(path: str, limits: Limits) -> bytes:
    """The bytes of an ordinary file; E_FILE for pipes, devices and folders, E_LIMIT for one that is too large."""
    hint = "name a scenario file, or one that is shipped: bpdebug list"
    try:
        with open_ordinary(path, hint, instead="name an ordinary file, or use - for standard input") as file:
            limits.check("file", os.fstat(file.fileno()).st_size, "the size of the file")
            return file.read(limits["file"] + 1)
    except InputError as error:
        raise error.at(shown(_name(path))) from None


# --- where the keys stand

_QUOTED = r""""(?:[^"\\\n]++|\\.)*+"|'[^'\n]*+'"""
_PART = rf"(?:[A-Za-z0-9_-]++|{_QUOTED})"
_KEY = rf"{_PART}(?:[ \t]*+\.[ \t]*+{_PART})*+"
_TOKEN = re.compile(
    r'(?P<text>"""(?:[^"\\]++|\\[\s\S]|"(?!""))*+"""+'
    r"|'''(?:[^']++|'(?!''))*+'''+)"
    rf"|^[ \t]*+(?:(?P<key>{_KEY})[ \t]*+=|\[\[?[ \t]*+(?P<head>{_KEY})[ \t]*+\]\]?[ \t]*+(?=[#\r\n]|\Z))"
    rf"|(?<![\w.-])(?P<dots>(?:{_PART}[ \t]*+\.[ \t]*+){{65,}}+)"
    rf"|(?P<string>{_QUOTED})"
    r"|(?P<comment>#[^\n]*+)"
    r"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<minus>−)"
    r"|" + NUMBER,
    re.MULTILINE,
)
_SPLIT = re.compile(_PART)


class Statement(Struct, frozen=True):
    """A key or a table header of the file: its path, its line, and where its value begins."""

    path: tuple[str, ...]
    line: int
    start: int


class Outline(Struct):
    """The keys of a file in order, for the lines of messages; as good as a glance, not as good as the parser."""

    statements: list[Statement] = field(default_factory=list)

    def line(self, path: Sequence[str]) -> int:
        """The line of a key: its own, that of the first key below it, or of the nearest above it; 0 where unknown."""
        path = tuple(path)
        below = [s.line for s in self.statements if s.path[: len(path)] == path]
        above = [(len(s.path), s.line) for s in self.statements if s.path == path[: len(s.path)]]
        exact = [line for length, line in above if length == len(path)]
        return (exact or below or [line for _, line in sorted(above)[-1:]] or [0])[0]

    def place(self, name: str, path: Sequence[str]) -> str:
        line = self.line(path)
        return AtLine(name, line) if line else name

    def last_before(self, line: int) -> int:
        """The line of the statement that a line belongs to."""
        return max((s.line for s in self.statements if s.line <= line), default=line)


def outline(source: FileText, limits: Limits) -> Outline:
    """Scan a TOML text once, without recursion: depth and numbers are checked, keys are noted with their lines."""
    text, found = source.text, Outline()
    table: tuple[str, ...] = ()
    depth, line, last = 0, 1, 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "open":
            depth += 1
            if depth > limits["nesting"]:
                _too_deep(source, token.start(), limits, depth)
        elif kind == "close":
            depth -= 1
        elif (kind == "key" or kind == "head") and depth <= 0:
            depth = 0
            path = _parts(token[kind], source, token.start(), limits)
            line += text.count("\n", last, token.start(kind))
            last = token.start(kind)
            table = path if kind == "head" else table
            found.statements.append(Statement(path if kind == "head" else table + path, line, token.end()))
        elif kind == "dots":
            _too_deep(source, token.start(), limits, token[kind].count("."))
        elif kind in ("number", "huge", "odd"):
            check_number(kind, token, limits, _line_at(source, token.start(kind)))
    return found


def _parts(key: str, source: FileText, start: int, limits: Limits) -> tuple[str, ...]:
    if key.count(".") > limits["nesting"]:
        _too_deep(source, start, limits, key.count("."))
    return tuple(p if p[0] not in "\"'" else _unquote(p) for p in _SPLIT.findall(key))


def _unquote(part: str) -> str:
    try:
        return str(next(iter(tomllib.loads(f"{part} = 0"))))
    except tomllib.TOMLDecodeError:
        return part[1:-1]


def _line_at(source: FileText, offset: int) -> str:
    return f"{source.name}:{source.text.count(chr(10), 0, offset) + 1}"


def _too_deep(source: FileText, offset: int, limits: Limits, depth: int) -> None:
    limits.check("nesting", depth, "the depth of the brackets or dots", where=_line_at(source, offset))


# --- the parser


def parse_toml(source: FileText, limits: Limits) -> tuple[dict[str, Any], Outline]:
    """The tables of a file, and where its keys stand; E_SYNTAX with the line, also for a key that comes twice."""
    source = replace(source, text=_plain(source.text))
    where = outline(source, limits)
    try:
        return tomllib.loads(source.text), where
    except tomllib.TOMLDecodeError as error:
        raise _syntax(str(error), source, where) from None
    except (RecursionError, ValueError) as error:  # the nets below our own checks
        message, hint = f"not TOML: {shown(error, 200)}", "write it with less depth and digits"
        raise InputError(message, code="E_LIMIT", where=source.name, hint=hint) from None


def _plain(text: str) -> str:
    """The text with - where a number was copied from the screen with its − (U+2212); texts and comments keep theirs."""
    if "−" not in text:
        return text
    return _TOKEN.sub(lambda m: "-" if m["minus"] else m[0], text)


def _syntax(message: str, source: FileText, found: Outline) -> InputError:
    text, _, position = message.rpartition(" (at ")
    number = re.match(r"line (\d+)", position)
    line = int(number[1]) if number else source.text.count("\n") + 1
    if not number or text.startswith(("Unclosed", "Cannot", "Duplicate")):
        line = found.last_before(line)
    hint = "a key, like a table, may stand only once" if text.startswith(("Cannot", "Duplicate")) else _TOML_HINT
    said = f"not TOML: {shown(text or message, 200)}"
    return InputError(said, code="E_SYNTAX", where=AtLine(source.name, line), hint=hint)


def place_of(source: FileText, found: Outline, path: tuple[str, ...]) -> Place:
    """Where the lines of a text value stand in the file (a best effort where it is written with escapes)."""
    statement = next((s for s in found.statements if s.path == path), None)
    if statement is None:
        return Place(source.name, found.line(path), 0)
    value = source.text[statement.start : statement.start + 200].lstrip(" \t")
    if value[:3] not in ("'''", '"""'):
        return Place(source.name, statement.line, 0)
    opening = value[3:].startswith(("\n", "\r\n", "\\\n"))
    return Place(source.name, statement.line + opening)
