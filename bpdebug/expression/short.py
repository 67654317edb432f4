"""Long names said short: as one who stands in a block calls them, and read back from there."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterator

from bpdebug.expression.compiled import WORDS
from bpdebug.expression.functions import ATTRIBUTES, FUNCTIONS
from bpdebug.graph import Graph, frames
from bpdebug.language.tokens import counted, name_end, refuse
from bpdebug.ops import OPS

LONG = 24
"""Characters of its longest name beyond which a graph's names are said short: names of modules within modules."""
MOST = 10_000
"""Names in blocks whose short form is remembered."""
_BEGINS = re.compile(r'"[^"]*"?|(?<!\S)/(?=\S)[^/]*/|(?<![\w.@])[^\W\dᵀ]')
"""Where a name may begin, and what stands in quotes or between the slashes of a pattern."""


class Shorts:
    """The short names of a graph: the fewest last parts of a name that mean it to whoever stands in a block.

    They mean the one tensor in the innermost of the blocks around, of those that have any that ends so; outside, of the
    whole graph. None is the name of an op, a function or a word of conditions, or begins with a number.
    """

    def __init__(self, graph: Graph) -> None:
        self._index = graph.index
        self._ends: dict[str, list[str]] = {}
        self._said: dict[tuple[str, str], str] = {}
        for name in graph.names:
            self._ends.setdefault(name.rpartition(".")[2], []).append(name)

    @staticmethod
    def of(graph: Graph) -> Shorts | None:
        """Those of a graph; None where no name is long."""
        kept = graph.kept
        if "shorts" not in kept:
            kept["shorts"] = Shorts(graph) if max(map(len, graph.names), default=0) > LONG else None
        found: Shorts | None = kept["shorts"]
        return found

    def meant(self, text: str, block: str) -> list[str]:
        """The names that a short one may mean in a block."""
        last = text.rpartition(".")[2]
        found = [name for name in self._ends.get(last, ()) if name.endswith(f".{text}")]
        for frame in frames(block) if len(found) > 1 else ():
            inside = [name for name in found if name.startswith(f"{frame}.")]
            if inside:
                return inside
        return found

    def short(self, name: str, block: str) -> str:
        """What a tensor of this name is called in a block."""
        said = self._said.get((name, block))
        if said is None:
            if len(self._said) >= MOST:
                self._said.clear()
            said = self._said[name, block] = next((s for s in _ends(name) if self._says(s, name, block)), name)
        return said

    def _says(self, short: str, name: str, block: str) -> bool:
        gradient = short[0] == "d" and (short[1:] in self._index or self.meant(short[1:], block))
        return not (gradient or short in self._index or _reserved(short)) and self.meant(short, block) == [name]

    def said(self, text: str, block: str) -> str:
        """A text with short names for whole ones."""
        if "." not in text:
            return text
        return _replaced(text, lambda at, word: self._short(word, block))

    def _short(self, word: str, block: str) -> str:
        for lead in ("", "d"):
            name = word.removeprefix(lead)
            while name and name not in self._index:
                name = name.rpartition(".")[0]
            if name and word.startswith(lead):
                return lead + self.short(name, block) + word[len(lead) + len(name) :]
        return word

    def whole(self, text: str, at: int, word: str, block: str) -> str:
        """The whole name for a short one that was typed in a block, at its place in the text; E_EXPR for several."""
        behind = text[at + len(word) :].lstrip()[:1]
        head, _, last = word.rpartition(".")
        base = head if head and last in ATTRIBUTES else word
        if behind == "(" or text[at + len(word) : at + len(word) + 1] == "." or _reserved(base):
            return word
        if any(name in self._index for name in (word, base, word[1:], base[1:])):
            return word
        for lead in ("", "d"):
            if base.startswith(lead) and (found := self.meant(base.removeprefix(lead), block)):
                if len(found) > 1:
                    raise refuse(f"'{base}' could be {len(found)} tensors", at + 1, f"one of: {_listed(found)}")
                return lead + found[0] + word[len(base) :]
        return word


@counted
def typed(text: str, shorts: Shorts, block: str) -> str:
    """What was typed in a block with whole names for short ones, but in quotes; E_EXPR for one of several tensors."""
    return _replaced(text, lambda at, word: shorts.whole(text, at, word, block), quoted=False)


def _ends(name: str) -> Iterator[str]:
    """The last parts of a name, the shortest first, but not all of it, and none that begins with a number."""
    at = name.rfind(".")
    while at >= 0:
        if not name[at + 1].isdigit():
            yield name[at + 1 :]
        at = name.rfind(".", 0, at)


def _reserved(word: str) -> bool:
    return word in OPS or word in WORDS or word in FUNCTIONS or word in ("nan", "inf") or keyword.iskeyword(word)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _replaced(text: str, word: Callable[[int, str], str], *, quoted: bool = True) -> str:
    """A text with another word for each name in it, which is asked with its place; in quotes too, where they count."""
    made, end = [], 0
    while (found := _BEGINS.search(text, end)) is not None:
        at = found.start()
        made.append(text[end:at])
        if text[at] in '"/':
            end = at + 1 if quoted else found.end()
            made.append(text[at:end])
        else:
            end = name_end(text, at)
            made.append(word(at, text[at:end]))
    return "".join((*made, text[end:]))
