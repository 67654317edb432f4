"""From tokens to Python's syntax tree: each in its place, in Python's spelling, with a map of the columns."""

from __future__ import annotations

import ast
import keyword
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from bpdebug.expression.functions import FUNCTIONS
from bpdebug.expression.order import TOO_DEEP, check_order
from bpdebug.language.elsewhere import op_hint
from bpdebug.language.primitives import VOCABULARY
from bpdebug.language.tokens import NAME, NUMBER, OP, TEXT, TRANSPOSED, Token, counted, number, refuse, tokenize

_CALLABLE = [name for name in (*FUNCTIONS, *VOCABULARY) if name != "slice"]


class Name(Struct, frozen=True):
    """A dotted name as typed; `gradient` where a ∂ stands before it. `X.T` is taken apart when it meets a graph."""

    text: str
    gradient: bool
    column: int


class Expression(Struct, frozen=True, eq=False):
    """A parsed expression: its text, Python's tree of it, and what the identifiers of the tree stand for.

    `starts` are the places of tokens in `source`, which was parsed, and `columns` those in the text. `about_event`:
    its shapes are those of an event's tensor. `programs` remembers what the expression compiles to, per graph.
    """

    text: str
    source: str
    root: ast.expr
    names: Mapping[str, Name]
    starts: list[int]
    columns: list[int]
    about_event: bool
    programs: dict[Any, Any] = field(default_factory=dict)

    def column(self, node: ast.AST) -> int:
        """Where a node stands in the text: an operator's sign, an index's bracket, an attribute's name."""
        at: int = getattr(node, "col_offset", 0)
        if isinstance(node, ast.BinOp | ast.Compare):
            at = self._behind(node.left)
        elif isinstance(node, ast.Subscript):
            at = self._behind(node.value)
        elif isinstance(node, ast.Attribute):
            at = (node.end_col_offset or 0) - len(node.attr)
        return self.columns[bisect_right(self.starts, at) - 1]

    def columns_of(self, index: ast.expr) -> list[int]:
        """Where the places of an index stand in the text."""
        return [self.column(place) for place in (index.elts if isinstance(index, ast.Tuple) else [index])]

    @property
    def compared(self) -> list[str]:
        """What its comparisons compare, as typed: everything but the constants."""
        sides = [s for n in ast.walk(self.root) if isinstance(n, ast.Compare) for s in (n.left, *n.comparators)]
        return list(dict.fromkeys(self._typed(s) for s in sides if any(isinstance(n, ast.Name) for n in ast.walk(s))))

    def _typed(self, node: ast.expr) -> str:
        first, last = (bisect_right(self.starts, at) for at in (node.col_offset, (node.end_col_offset or 1) - 1))
        return self.text[self.columns[first - 1] - 1 : self.columns[last] - 1].rstrip()

    def _behind(self, node: ast.expr) -> int:
        """The sign behind an operand and the brackets around it."""
        at = node.end_col_offset or 0
        while self.source[at] in " )":
            at += 1
        return at


@counted
def parse(text: str) -> Expression:
    """The tree of an expression; E_EXPR with the column where it is none. No tensor is looked up yet."""
    tokens = tokenize(text)
    check_order(tokens)
    words, names = _spelt(tokens)
    starts, at = [], 0
    for word in words:
        starts.append(at)
        at += len(word) + 1
    source = " ".join(words)
    try:
        root = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        at = bisect_right(starts, (error.offset or 1) - 1) - 1
        raise refuse(error.msg, tokens[max(at, 0)].column) from None
    except (RecursionError, MemoryError):
        raise refuse("nested too deeply", 1, TOO_DEEP) from None
    about_event = any(name.text.partition(".")[0] in ("grad", "out") for name in names.values())
    return Expression(text, source, root, names, starts, [t.column for t in tokens], about_event)


def _spelt(tokens: list[Token]) -> tuple[list[str], dict[str, Name]]:
    """Each token in Python's spelling: names of tensors are numbered, those of functions and keywords stay."""
    words: list[str] = []
    names: dict[str, Name] = {}
    for token, after in zip(tokens, [*tokens[1:], tokens[-1]], strict=True):
        word = token.text
        if token.kind == NUMBER:
            word = repr(number(token))
        elif token.kind == TEXT:
            word = repr(word) if word.isascii() else ascii(word)
        elif token.kind == OP:
            word = ".T" if word == TRANSPOSED else word
        elif keyword.iskeyword(word) or words[-1:] == ["."] or (after.kind == OP and after.text == "="):
            pass
        elif token.kind == NAME and after.kind == OP and after.text == "(":
            _check_callable(token)
        elif token.kind == NAME:
            word = f"n{len(names)}"
            names[word] = Name(token.text, token.gradient, token.column)
        words.append(word)
    return words, names


def _check_callable(token: Token) -> None:
    if token.text not in _CALLABLE or token.gradient:
        head, _, last = token.text.rpartition(".")
        hint = f"write {last}({head})" if head and last in _CALLABLE else op_hint(token.text, _CALLABLE)
        raise refuse(f"no function '{token.text}'", token.column, hint)
