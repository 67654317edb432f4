"""Lines that are alike but for their names, parsed once: Python's parser would take most of the time to open them."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from keyword import kwlist
from typing import Any

from msgspec import Struct

MANY = 1000
"""Programs of fewer lines are parsed as they are."""
_KINDS = 1000
"""Templates of one program: past them its lines are hardly alike."""
_WORD = rf"(?!(?:__debug__|{'|'.join(kwlist)})\b)[A-Za-z_][A-Za-z0-9_]*+"
_NAME = rf"(?<![\w.])({_WORD})(?!=[^=]| *\()"  # compiled, as the next two, when the first long program is met
"""A name that is neither a keyword of a call nor what is called: those are the template's."""
_CUT_OFF = r"\\|\"\"\"|'''|\r"
"""What can make a line a part of the line before it, or end one otherwise."""
_NO_PART = r"[\"'#]"


class LineTemplate(Struct, frozen=True, eq=False):
    """The tree of a line, its names in order, and all of its parts that say which line they stand on."""

    tree: ast.stmt
    names: list[ast.Name]
    placed: list[Any]

    def filled(self, names: Sequence[str], line: int) -> ast.stmt:
        """The one tree, with other names and on another line: the one before is no more."""
        for part, name in zip(self.names, names, strict=True):
            part.id = name
        for part in self.placed:
            part.lineno = line
        return self.tree


class AlikeLine(Struct, frozen=True, eq=False):
    """A line that is like others: where it stands, and what its names are."""

    line: int
    template: LineTemplate
    names: Sequence[str]


class Body(Struct, frozen=True, eq=False):
    """The statements of a program; those of the lines that are alike are made when it is gone through.

    What is gone through stays as it is until the next is taken.
    """

    statements: list[ast.stmt]
    text: str
    lines: Sequence[AlikeLine] = ()

    def __iter__(self) -> Iterator[ast.stmt]:
        rest = iter(self.statements)
        other = next(rest, None)
        for alike in self.lines:
            while other is not None and other.lineno < alike.line:
                yield other
                other = next(rest, None)
            yield alike.template.filled(alike.names, alike.line)
        if other is not None:
            yield other
        yield from rest

    def whole(self) -> list[ast.stmt]:
        """All the statements, each a tree of its own."""
        return ast.parse(self.text).body if self.lines else self.statements


def read_alike(text: str) -> Body | None:
    """The statements of a long program; None where it is to be parsed as it is, and what is wrong with it said."""
    if text.count("\n") < MANY or re.search(_CUT_OFF, text):
        return None
    parts = re.compile(_NAME).split(text)
    names, at = parts[1::2], 0
    templates: dict[str, LineTemplate | None] = {}
    lines: list[AlikeLine] = []
    left = text.split("\n")
    for n, key in enumerate("\0".join(parts[::2]).split("\n")):
        template, count = templates.get(key), key.count("\0")
        if template is None and key not in templates and len(templates) < _KINDS and _may_be_alike(key):
            template = templates[key] = _template(key.split("\0"))
        if template is not None:
            lines.append(AlikeLine(n + 1, template, names[at : at + count]))
            left[n] = ""
        at += count
    try:
        rest = ast.parse("\n".join(left)).body
    except (SyntaxError, RecursionError, MemoryError):
        return None
    return None if _torn(rest, [alike.line for alike in lines]) else Body(rest, text, lines)


def _may_be_alike(key: str) -> bool:
    """Whether a line without its names may be an assignment, and nothing else."""
    return key.startswith("\0 = ") and not re.search(_NO_PART, key)


def _torn(statements: Sequence[ast.stmt], lines: Sequence[int]) -> bool:
    """Whether one of the lines, in order, stands inside of a statement, which then was no statement without it."""
    for node in statements:
        first = min((d.lineno for d in getattr(node, "decorator_list", ())), default=node.lineno)
        if bisect_left(lines, first) < bisect_right(lines, node.end_lineno or first):
            return True
    return False


def _template(between: Sequence[str]) -> LineTemplate | None:
    """The template of `name = ...`, given what stands around its names; None where these are not names alone."""
    ids = [f"_{i}" for i in range(len(between) - 1)]
    written = "".join(part for pair in zip(between, (*ids, ""), strict=True) for part in pair)
    try:
        (tree, *more) = ast.parse(written).body
    except (SyntaxError, RecursionError, MemoryError):
        return None
    placed = [part for part in ast.walk(tree) if hasattr(part, "lineno")]
    names = [part for part in placed if isinstance(part, ast.Name) and part.id in ids]
    names.sort(key=lambda part: ids.index(part.id))
    alone = not more and isinstance(tree, ast.Assign) and len(tree.targets) == 1  # and not y = h = X
    called = any(isinstance(part, ast.Call) and part.func in names for part in placed)  # (tanh)(X): not what is called
    return LineTemplate(tree, names, placed) if alone and not called and [part.id for part in names] == ids else None
