"""Lists by columns: a row is made when it is seen, and a filter looks at columns without Python for each row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import translate
from itertools import repeat
from operator import contains, methodcaller

import numpy as np
from msgspec import Struct

from bpdebug.graph.edges import Flags, listed
from bpdebug.translation import own
from bpdebug.views.blocks import OnDemand

Test = Callable[[Iterable[str]], Iterable[object]]
"""What says of texts, all at once, whether they pass."""
Linked = tuple[tuple[str, ...], str]
"""A row, and the command that leads on from it, or ''."""


class Column:
    """The cells of a list's rows: that of row n is `words[n]`, or `words[numbers[n]]`, as few words stand in many rows.

    `every` gives all words at once, where that costs less than one by one. One that is `dear` takes long to say: a word
    that may stand anywhere is looked for only in what `every` gives of it, if anything.
    """

    def __init__(
        self, words: Sequence[str], numbers: Sequence[int] | None = None, *,
        every: Callable[[], Iterable[str]] | None = None, dear: bool = False,
    ) -> None:  # fmt: skip
        self.words, self.numbers, self.dear = words, numbers, dear
        self.every = every if every or dear else lambda: words

    def __getitem__(self, row: int) -> str:
        return self.words[row if self.numbers is None else int(self.numbers[row])]

    def passing(self, test: Test) -> Flags:
        """Of each row whether its cell passes."""
        found = _passing([*(self.every or tuple)()], test)
        if self.numbers is None:
            return found
        if found.all() or not found.any():  # which row has which word does not matter
            return np.full(len(self.numbers), found.any())
        return found[np.fromiter(self.numbers, np.intp, len(self.numbers))]


class Listed(Struct, frozen=True):
    """So many rows: their cells by columns, and the command that leads on from a row, or ''.

    `prepare` works out, where it may be stopped, what takes long in the rows that are seen first of those it is given.
    """

    count: int
    columns: tuple[Column, ...]
    link: Callable[[int], str]
    prepare: Callable[[Sequence[int]], None] = lambda _rows: None

    def row(self, n: int) -> tuple[str, ...]:
        """The cells of a row."""
        return tuple(column[n] for column in self.columns)

    def kept(self, headers: Sequence[str], words: Sequence[str]) -> Sequence[int]:
        """The rows that pass all words: `matmul` stands in a cell, `op=mat*` is like one under a header.

        What is dear is asked only of rows that pass everything else.
        """
        found, last = np.ones(self.count, np.bool_), list[tuple[Column, Test]]()
        for word in words:
            key, sign, pattern = word.partition("=")
            if not sign:
                test = _having(word)
                found &= np.logical_or.reduce([column.passing(test) for column in self.columns if column.every])
            elif key not in headers:
                found[:] = False
            elif (column := self.columns[headers.index(key)]).dear:
                last.append((column, _like(pattern)))
            else:
                found &= column.passing(_like(pattern))
        rows = np.flatnonzero(found)
        self.prepare(listed(rows))
        for column, test in last:
            rows = rows[_passing([column[int(n)] for n in rows], test)]
        return listed(rows)


def _passing(words: Sequence[str], test: Test) -> Flags:
    """Which words pass, as they are said or as they are written where they were not translated."""
    found = np.fromiter(map(bool, test(words)), np.bool_, len(words))
    if {*map(type, words)} - {str}:
        found |= np.fromiter(map(bool, test(map(own, words))), np.bool_, len(words))
    return found


def _having(word: str) -> Test:
    return lambda texts: map(contains, texts, repeat(word))


def _like(pattern: str) -> Test:
    """Like a pattern with `*` and `?`; in shapes `x` is as good as `×`."""
    match = re.compile(translate(pattern.replace("×", "x"))).match
    return lambda texts: map(match, map(methodcaller("replace", "×", "x"), texts))


def of_rows(rows: Iterable[Linked], columns: int) -> Listed:
    """A list of rows that are made already."""
    made = [*rows]
    cells: Iterator[tuple[str, ...]] = zip(*(row for row, _link in made), strict=True)
    return Listed(len(made), tuple(map(Column, cells)) or (Column(()),) * columns, lambda n: made[n][1])


def on_demand(count: int, say: Callable[[int], str]) -> Column:
    """A column of which each cell is made for itself."""
    return Column(OnDemand(count, say))
