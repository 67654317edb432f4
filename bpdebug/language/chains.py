"""Long logical lines made fit for Python's parser: left-deep chains of operators are cut into pieces.

Python builds `a + b + c + ...` as a tree as deep as the chain is long, and gives up at some 3,000 terms. Operators
of one rank group to the left, so that a prefix of a chain is an expression of its own: it is parsed by itself, and
a name that occurs nowhere else stands for it. What is deep to the right (`**`, signs) or in postfix position
(`x.T.T.T`, `x[0][0]`) is counted instead, and refused where it passes the limit.
"""

from __future__ import annotations

import re

from msgspec import Struct, field

from bpdebug.limits import Limits

LONG = 1000
"""Logical lines of fewer characters cannot be deep enough to matter."""
_PIECE = 400
"""Terms of a piece: Python's parser takes some 3,000, and fewer inside of brackets."""

_TOKEN = re.compile(
    r"(?P<space>\s+|\\\n|#[^\n]*+)"
    r"|(?P<operand>[^\W\d]\w*|(?:0[xXoObB]\w+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?[jJ]?)"
    r'|"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'|"(?:[^"\\\n]++|\\.)*+"|\'(?:[^\'\\\n]++|\\.)*+\')'
    r"|(?P<power>\*\*(?!=))"
    r"|(?P<times>//?(?!=)|[*@%](?!=))"
    r"|(?P<plus>[+-](?!=))"
    r"|(?P<dot>\.(?!\.))"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])"
    r"|(?P<other>[<>=!]=|<<|>>|\.\.\.|[\s\S])"
)
_WORDS = frozenset(("if", "else", "and", "or", "not", "in", "is", "for", "lambda", "return", "await", "yield", "async"))


class Piece(Struct, frozen=True):
    """The beginning of a chain: its text, and the line of the program it starts on."""

    text: str
    line: int


class _Level(Struct):
    """What stands inside one pair of brackets, while it is read.

    `sum` is what stands before the last + or -, `run` what stands after it; `done` is what a comma or another
    separator has closed.
    """

    line: int
    done: list[str] = field(default_factory=list)
    sum: list[str] = field(default_factory=list)
    run: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=lambda: [0, 0])
    pluses: int = 0
    times: int = 0
    terms: int = 0
    items: int = 0
    deep: int = 0
    trail: int = 0

    def text(self) -> str:
        return "".join((*self.done, *self.sum, *self.run))


class Cutter:
    """Cuts the chains of one logical line; `stem` begins the names that stand for the pieces."""

    def __init__(self, limits: Limits, stem: str) -> None:
        self.limits, self.stem = limits, stem
        self.pieces: dict[str, Piece] = {}

    def cut(self, text: str, line: int) -> str:
        """The line with names for the beginnings of its long chains; its line feeds stay as many as they were."""
        levels = [_Level(line, starts=[line, line])]
        operand = False
        for token in _TOKEN.finditer(text):
            kind, word = token.lastgroup or "other", token[0]
            level = levels[-1]
            if kind == "operand" and word in _WORDS:
                kind = "other"
            if kind == "open":
                level.trail += operand
                self.limits.check("nesting", level.trail, "the length of a chain of calls, indices and attributes")
                level.run.append(word)
                levels.append(_Level(line, starts=[line, line]))
                operand = False
            elif kind == "close":
                if len(levels) == 1:
                    return text  # Python's parser will say it better
                levels.pop()
                levels[-1].run.append(level.text() + word)
                operand = True
            else:
                operand = self._token(level, kind, word, operand, line)
            line += word.count("\n")
        return "".join(level.text() for level in levels)

    def _token(self, level: _Level, kind: str, word: str, operand: bool, line: int) -> bool:
        """Put a token in its place; whether an operand ends here."""
        if kind == "space":
            level.run.append(word)
            return operand
        if kind == "dot":
            level.trail += 1
            self.limits.check("nesting", level.trail, "the length of a chain of calls, indices and attributes")
            level.run.append(word)
            return False
        if kind == "operand":
            level.run.append(word)
            return True
        level.trail = 0
        if kind == "power" or (kind == "plus" and not operand):
            level.deep += 1
            self.limits.check("nesting", level.deep, "the length of a chain of powers or signs")
            level.run.append(word)
        elif kind == "other":
            self._separate(level, word, line)
        else:
            self._operator(level, kind, word, line)
        return False

    def _separate(self, level: _Level, word: str, line: int) -> None:
        level.done += [*level.sum, *level.run, word]
        level.sum, level.run, level.starts = [], [], [line, line]
        level.pluses = level.times = level.deep = 0
        level.items += word == ","
        self.limits.check("terms", level.items, "the values between two brackets")
        level.terms = 0 if word in ",=:" else level.terms + 1
        self.limits.check("terms", level.terms, "the terms of an expression")

    def _operator(self, level: _Level, kind: str, word: str, line: int) -> None:
        level.deep = 0
        level.terms += 1
        self.limits.check("terms", level.terms + 1, "the terms of an expression")
        if kind == "times":
            level.times += 1
            if level.times > _PIECE:
                level.run, level.times = [self._piece(level.run, level.starts[1], line)], 0
            level.run.append(word)
            return
        level.pluses += 1
        level.sum += level.run
        if level.pluses > _PIECE:
            level.sum, level.pluses = [self._piece(level.sum, level.starts[0], line)], 0
        level.sum.append(word)
        level.run, level.times = [], 0
        level.starts[1] = line

    def _piece(self, parts: list[str], start: int, line: int) -> str:
        name = f"{self.stem}{len(self.pieces)}"
        self.pieces[name] = Piece("".join(parts), start)
        return f" {name} " + "\\\n" * (line - start)
