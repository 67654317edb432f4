"""What a name in an expression means on a graph: a tensor, a gradient, a word of conditions, a number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice

from msgspec import Struct

from bpdebug.errors import CommandError, did_you_mean
from bpdebug.expression.functions import ATTRIBUTES, FUNCTIONS, WORDS
from bpdebug.expression.parse import Expression, Name
from bpdebug.graph import DRAWN, Graph
from bpdebug.language.tokens import PARTIAL, counted, refuse
from bpdebug.ops import OPS

_NUMBERS = {"nan": math.nan, "inf": math.inf}
_MANY = 5_000
"""Names beyond which only a part of them is compared with a misspelt one."""


class Reference(Struct, frozen=True):
    """A tensor, or its gradient, that an expression speaks of."""

    tensor: int
    name: str
    gradient: bool

    def __str__(self) -> str:
        return PARTIAL + self.name if self.gradient else self.name


class Word(Struct, frozen=True):
    """One of WORDS: what a condition asks about its event."""

    name: str


Meaning = Reference | Word | float


def look_up(graph: Graph, name: Name, condition: bool) -> tuple[Meaning, tuple[str, ...]]:
    """What a name means, and the attributes that stand behind it; the longest tensor name wins.

    `dX` is the gradient of X unless a tensor is called dX. Words and numbers stand back behind tensors.
    """
    text = name.text
    attributes: tuple[str, ...] = ()
    while True:
        meaning = _meaning(graph, text, name.gradient, condition)
        if meaning is not None:
            return meaning, attributes
        head, _, last = text.rpartition(".")
        if not head or last not in ATTRIBUTES:
            raise _unknown(graph, name, text, condition)
        text, attributes = head, (last, *attributes)


def _meaning(graph: Graph, text: str, gradient: bool, condition: bool) -> Meaning | None:
    found = graph.index.get(text)
    if found is not None:
        return Reference(found, text, gradient)
    if gradient:
        return None
    found = graph.index.get(text[1:]) if text[0] == "d" else None
    if found is not None:
        return Reference(found, text[1:], True)
    if condition and text in WORDS:
        return Word(text)
    return _NUMBERS.get(text)


def _unknown(graph: Graph, name: Name, text: str, condition: bool) -> CommandError:
    """E_EXPR for a name that means nothing, with the nearest that does."""
    head, _, last = text.rpartition(".")
    if (last in FUNCTIONS or last in OPS) and (not head or head in graph.index):
        return refuse(f"'{last}' is a function", name.column, f"write {last}({head or '...'})")
    if text in WORDS and not name.gradient:
        return refuse(f"'{text}' means something in conditions only", name.column, "break LOC if EXPR")
    if name.gradient:
        return refuse(f"no tensor '{text}'", name.column, nearest(text, graph))
    words = WORDS if condition else ()
    return refuse(f"no tensor '{text}'", name.column, nearest(text, graph, gradients=True, more=words))


def nearest(word: str, graph: Graph, *, gradients: bool = False, more: Iterable[str] = ()) -> str:
    """'did you mean dY?' for the name nearest to `word`; the names themselves where they are few."""
    names = list(_candidates(word, graph))
    known = [*more, *names, *(f"d{n}" for n in names if gradients)]
    same = [n for n in known if n.casefold() == word.casefold()]
    if same:
        return f"did you mean {same[0]}?"
    near = did_you_mean(word, known)
    if near:
        return near
    alike = [n for n in known if _one_letter_off(n, word)]
    if alike:
        return f"did you mean {min(alike, key=lambda n: _distance(n, word))}?"
    return "tensors: " + ", ".join(names) if 0 < len(names) <= 8 else "see info tensors"


def _candidates(word: str, graph: Graph) -> Iterator[str]:
    names: Iterable[str] = (n for i, n in enumerate(graph.names) if graph.kind(i) != DRAWN)
    if len(graph.names) > _MANY:
        names = (n for n in names if abs(len(n) - len(word)) <= 2 and (n[0] == word[0] or n[-1] == word[-1]))
    return islice(names, _MANY)


def _one_letter_off(name: str, word: str) -> bool:
    same = sum(a == b for a, b in zip(name, word, strict=False))
    return len(name) == len(word) and 0 < same == len(word) - 1


def _distance(name: str, word: str) -> int:
    return sum(abs(ord(a) - ord(b)) for a, b in zip(name, word, strict=True))


@counted
def names_in(expression: Expression, graph: Graph, *, condition: bool = False) -> frozenset[Reference]:
    """The tensors and gradients an expression speaks of; E_EXPR for a name that means nothing."""
    meanings = (look_up(graph, name, condition)[0] for name in expression.names.values())
    return frozenset(m for m in meanings if isinstance(m, Reference))
