"""What a name in an expression means on a graph: a tensor, a gradient, a word of conditions, a number."""

from __future__ import annotations

import math
import operator
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice, takewhile

from msgspec import Struct

from bpdebug.errors import CommandError, suggest
from bpdebug.expression.compiled import WORDS
from bpdebug.expression.functions import ATTRIBUTES, FUNCTIONS
from bpdebug.expression.parse import Expression, Name
from bpdebug.graph import DRAWN, Graph
from bpdebug.language.tokens import counted, refuse
from bpdebug.ops import OPS
from bpdebug.symbolic.notation import Notation, gradient_of, symbol

_NUMBERS = {"nan": math.nan, "inf": math.inf}
_MANY = 5_000
"""Names beyond which only a part of them is compared with a misspelt one."""


class Reference(Struct, frozen=True):
    """A tensor, or its gradient, that an expression speaks of."""

    tensor: int
    name: str
    gradient: bool

    def __str__(self) -> str:
        return str(self.written)

    @property
    def written(self) -> Notation:
        """How it is written."""
        return gradient_of(self.name) if self.gradient else symbol(self.name)


Meaning = Reference | str | float
"""A tensor or a gradient, one of WORDS, or a number."""


def look_up(graph: Graph, name: Name, condition: bool) -> tuple[Meaning, tuple[str, ...]]:
    """What a name means, and the attributes that stand behind it; the longest tensor name wins; E_EXPR for nothing.

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
        return Reference(found, graph.names[found], gradient)  # of a leaf with several names, the first
    if gradient:
        return None
    found = graph.index.get(text[1:]) if text[0] == "d" else None
    if found is not None:
        return Reference(found, graph.names[found], True)
    if condition and text in WORDS:
        return text
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
    one_off = [n for n in known if len(n) == len(word) > 1 and sum(map(operator.ne, n, word)) == 1]
    few = "tensors: " + ", ".join(names) if 0 < len(names) <= 8 else "see info tensors"
    nearby = min(one_off, key=lambda n: sum(abs(ord(a) - ord(b)) for a, b in zip(n, word, strict=True)), default="")
    return suggest(word, known, f"did you mean {nearby}?" if nearby else few)


def _candidates(word: str, graph: Graph) -> Iterator[str]:
    names: Iterable[str] = (n for i, n in enumerate(graph.names) if graph.kind(i) != DRAWN)
    if len(graph.names) > _MANY:
        names = (n for n in names if abs(len(n) - len(word)) <= 2 and (n[0] == word[0] or n[-1] == word[-1]))
    return islice(names, _MANY)


def beginning(graph: Graph, text: str) -> Iterator[int]:
    """The tensors whose names begin like this, in alphabetical order; once names are in order, no others are seen."""
    name = graph.names.__getitem__
    order: list[int] | None = graph.kept.get("names in order")
    if order is None:
        order = graph.kept["names in order"] = sorted(range(len(graph.names)), key=name)
    at = bisect_left(order, text, key=name)
    return takewhile(lambda t: name(t).startswith(text), map(order.__getitem__, range(at, len(order))))


def gradients_beginning(graph: Graph, text: str) -> Iterator[str]:
    """What the gradients are called that may begin like this, `dX`."""
    tensors = beginning(graph, text[1:]) if text[:1] in ("", "d") else iter(())
    return (f"d{graph.names[t]}" for t in tensors if graph.takes_gradient(t))


@counted
def names_in(expression: Expression, graph: Graph, *, condition: bool = False) -> frozenset[Reference]:
    """The tensors and gradients an expression speaks of; E_EXPR for a name that means nothing."""
    meanings = (look_up(graph, name, condition)[0] for name in expression.names.values())
    return frozenset(m for m in meanings if isinstance(m, Reference))
