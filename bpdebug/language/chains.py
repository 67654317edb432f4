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

_LEXEME = (  # compiled when the first long line is met
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
    """What stands inside one pair of brackets, while it is read: its words, and the index and line of two chains.

    These are the last sum, and its last product. `deep` counts powers and signs, `trail` what stands behind a value.
    """

    sum: tuple[int, int]
    product: tuple[int, int]
    words: list[str] = field(default_factory=list)
    pluses: int = 0
    times: int = 0
    terms: int = 0
    commas: int = 0
    deep: int = 0
    trail: int = 0


class Cutter:
    """Cuts the chains of one logical line; `stem` begins the names that stand for the pieces."""

    def __init__(self, limits: Limits, stem: str) -> None:
        self.limits, self.stem = limits, stem
        self.pieces: dict[str, Piece] = {}

    def cut(self, text: str, line: int) -> str:
        """The line with names for the beginnings of its long chains; its line feeds stay as many as they were.

        Raises E_LIMIT where it has too many terms or values, or is too deep where it cannot be cut.
        """
        levels = [_Level((0, line), (0, line))]
        operand = False
        for token in re.finditer(_LEXEME, text):
            kind, word, level = token.lastgroup or "other", token[0], levels[-1]
            if kind == "operand" and word in _WORDS:
                kind = "other"
            elif kind == "power" or (kind == "plus" and not operand):
                kind = "sign"
            self._count(level, kind, word, operand, line)
            if kind == "close":
                if len(levels) == 1:
                    return text  # Python's parser will say it better
                word = "".join((*levels.pop().words, word))
                level = levels[-1]
            elif kind == "open":
                levels.append(_Level((0, line), (0, line)))
            level.words.append(word)
            if kind in ("other", "plus"):
                level.product = len(level.words), line
                level.sum = level.product if kind == "other" else level.sum
            operand = operand if kind == "space" else kind in ("operand", "close")
            line += token[0].count("\n")
        return "".join(word for level in levels for word in level.words)

    def _count(self, level: _Level, kind: str, word: str, operand: bool, line: int) -> None:
        """Count a token before it is put in its place, and cut the chain that has become too long for it."""
        check = self.limits.check
        if kind in ("open", "dot"):
            level.trail += operand or kind == "dot"
            check("nesting", level.trail, "the length of a chain of calls, indices and attributes")
        if kind in ("space", "operand", "open", "close", "dot"):
            return
        level.trail = 0
        if kind == "sign":
            level.deep += 1
            check("nesting", level.deep, "the length of a chain of powers or signs")
            return
        level.deep, level.terms = 0, level.terms + 1
        if kind == "other":
            level.pluses = level.times = 0
            level.commas += word == ","
            check("terms", level.commas, "the values between two brackets")
            level.terms = 0 if word in ",=:" else level.terms
        check("terms", level.terms + (kind != "other"), "the terms of an expression")
        if kind == "times":
            level.times = self._cut(level, level.product, level.times, line)
        elif kind == "plus":
            level.pluses, level.times = self._cut(level, level.sum, level.pluses, line), 0

    def _cut(self, level: _Level, chain: tuple[int, int], operators: int, line: int) -> int:
        """How many operators a chain has with one more; where these are too many, a name stands for it from now on."""
        if operators < _PIECE:
            return operators + 1
        (first, start), name = chain, f"{self.stem}{len(self.pieces)}"
        self.pieces[name] = Piece("".join(level.words[first:]), start)
        level.words[first:] = [f" {name} " + "\\\n" * (line - start)]
        return 0
