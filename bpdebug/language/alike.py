"""Lines that are alike but for their names, parsed once: Python's parser would take most of the time to open them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from keyword import kwlist
from typing import Any

from msgspec import Struct

MANY = 1000
"""Programs of fewer lines are parsed as they are."""
_KINDS = 1000
"""Templates of one program: past them its lines are hardly alike."""
_WORD = rf"(?!(?:__debug__|{'|'.join(kwlist)})\b)([A-Za-z_][A-Za-z0-9_]*+)"
_LINE = rf"^{_WORD} = ([^\n\\\"'#]++)$"  # compiled, as the next, when the first long program is met
_NAME = rf"(?<![\w.]){_WORD}(?! *=[^=])"
_CUT_OFF = re.compile(r"\\|\"\"\"|'''|\bpass\b")
"""What can make a line a part of the line before it, and the word that stands for lines that are alike."""


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


class Body(Struct, frozen=True, eq=False):
    """The statements of a program; a `pass` stands for each of the lines that are alike, given as template and names.

    What is gone through stays as it is until the next is taken.
    """

    statements: list[ast.stmt]
    text: str
    lines: Sequence[tuple[LineTemplate, list[str]]] = ()

    def __iter__(self) -> Iterator[ast.stmt]:
        lines = iter(self.lines)
        for node in self.statements:
            if self.lines and type(node) is ast.Pass:
                template, names = next(lines)
                yield template.filled(names, node.lineno)
            else:
                yield node

    def whole(self) -> list[ast.stmt]:
        """All the statements, each a tree of its own."""
        return ast.parse(self.text).body if self.lines else self.statements


def read_alike(text: str) -> Body | None:
    """The statements of a long program; None where it is to be parsed as it is, and what is wrong with it said."""
    if text.count("\n") < MANY or _CUT_OFF.search(text):
        return None
    name, templates = re.compile(_NAME), dict[str, LineTemplate | None]()
    lines: list[tuple[LineTemplate, list[str]]] = []

    def shortened(line: re.Match[str]) -> str:
        parts = name.split(line[2])
        key = "\0".join(parts[::2])
        if key not in templates and len(templates) < _KINDS:
            templates[key] = _template(parts[::2])
        template = templates.get(key)
        if template is None:
            return line[0]
        lines.append((template, [line[1], *parts[1::2]]))
        return "pass"

    try:
        rest = ast.parse(re.compile(_LINE, re.MULTILINE).sub(shortened, text))
    except (SyntaxError, RecursionError, MemoryError):
        return None
    return Body(rest.body, text, lines)


def _template(between: Sequence[str]) -> LineTemplate | None:
    """The template of `name = ...`, given what stands between its other names; None where these are not names alone."""
    ids = [f"_{i}" for i in range(len(between))]
    written = "".join(part for pair in zip(between, (*ids[1:], ""), strict=True) for part in pair)
    try:
        (tree, *more) = ast.parse(f"{ids[0]} = {written}").body
    except (SyntaxError, RecursionError, MemoryError):
        return None
    placed = [part for part in ast.walk(tree) if hasattr(part, "lineno")]
    names = [part for part in placed if isinstance(part, ast.Name) and part.id in ids]
    names.sort(key=lambda part: ids.index(part.id))
    alone = not more and isinstance(tree, ast.Assign) and len(tree.targets) == 1  # `y = _1 = x` has a name of these
    return LineTemplate(tree, names, placed) if alone and [part.id for part in names] == ids else None
