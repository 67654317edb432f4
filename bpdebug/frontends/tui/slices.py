"""A tensor of any number of axes as rows and columns: which axes are which, and at which index the others stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import prod

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bpdebug.arrays import Array, Cell, Shape
from bpdebug.translation import _, ngettext

MOST_LAID_OUT = 64
"""Rows of a tensor of three axes or more that are laid out one below the other; of a larger one a slice is shown."""
Along = tuple[int | None, ...]
"""A place along each axis; None: all of them."""


class Sheet(Struct, frozen=True):
    """The axes `down` are rows, the last one fastest, and the axis `across` is columns; the others stand at `at`.

    `at` has an index for every axis, 0 for those that are seen; `turns` is the axis along which one leafs.
    """

    shape: Shape
    down: tuple[int, ...]
    across: int | None
    at: Cell
    turns: int | None = None

    @property
    def sizes(self) -> Shape:
        """How long the axes of the rows are."""
        return tuple(self.shape[axis] for axis in self.down)

    @property
    def rows(self) -> int:
        return prod(self.sizes)

    @property
    def columns(self) -> int:
        return 1 if self.across is None else self.shape[self.across]

    @property
    def hidden(self) -> tuple[int, ...]:
        """The axes that are not seen."""
        seen = {*self.down, self.across}
        return tuple(axis for axis in range(len(self.shape)) if axis not in seen)

    @property
    def turned(self) -> bool:
        """Whether rows and columns are exchanged: the transpose is seen."""
        return bool(self.down) and self.across is not None and self.down[-1] > self.across

    @property
    def seen_shape(self) -> Shape:
        """The shape as it is seen; of a slice, that of the tensor."""
        axes = self.down if self.across is None else (*self.down, self.across)
        return self.shape if self.hidden else tuple(self.shape[axis] for axis in axes)

    @property
    def pieces(self) -> list[str]:
        """The slice as NumPy writes it: ['[', '2', ', ', ':', ', ', '1', ']']; of what is whole, nothing."""
        hidden = self.hidden
        texts = [piece for axis, i in enumerate(self.at) for piece in (", ", str(i) if axis in hidden else ":")]
        return ["[", *texts[1:], "]"] if hidden else []

    # --- cells ----------------------------------------------------------------------------------------------------

    def view(self, array: Array) -> Array:
        """What is seen of an array of this shape: the axes of the rows, then that of the columns; never a copy."""
        hidden, axes = set(self.hidden), (*self.down, *(() if self.across is None else (self.across,)))
        kept = [axis for axis in range(len(self.shape)) if axis not in hidden]
        key = tuple(i if axis in hidden else slice(None) for axis, i in enumerate(self.at))
        return array[(*key, ...)].transpose([kept.index(axis) for axis in axes])

    def index(self, row: int, column: int) -> Cell:
        """A cell's index in the tensor."""
        at = list(self.at)
        for axis, i in zip(self.down, np.unravel_index(row, self.sizes) if self.down else (), strict=True):
            at[axis] = int(i)
        if self.across is not None:
            at[self.across] = column
        return tuple(at)

    def place(self, at: Cell) -> tuple[int, int]:
        """The row and the column of a cell by its index, in this slice or in another."""
        row = int(np.ravel_multi_index([at[axis] for axis in self.down], self.sizes)) if self.down else 0
        return row, 0 if self.across is None else at[self.across]

    def has(self, at: Along) -> bool:
        """Whether a place is in the slice, or passes through it."""
        return all(at[axis] in (None, self.at[axis]) for axis in self.hidden)

    def among(self, at: Sequence[Array]) -> Array:
        """Which of many cells (bool), by their indices along each axis, are in the slice."""
        found = np.ones(len(at[0]), bool)
        for axis in self.hidden:
            found &= at[axis] == self.at[axis]
        return found

    def places(self, at: Sequence[Array]) -> tuple[Array, Array]:
        """The rows and the columns of many cells, by their indices along each axis."""
        rows = np.ravel_multi_index([at[axis] for axis in self.down], self.sizes) if self.down else at[0] * 0
        return rows, rows * 0 if self.across is None else at[self.across]

    def part(self, first: int, count: int) -> str:
        """Which rows are seen, of how many."""
        ends = dict.fromkeys(map(self.name, (first, first + count - 1)))
        between = "{}–{}" if len(self.down) == 1 else _("{} to {}")
        rows = between.format(*ends) if len(ends) > 1 else "".join(ends)
        return ngettext("row {rows} of {n:,}", "rows {rows} of {n:,}", len(ends)).format(rows=rows, n=self.rows)

    def name(self, row: int) -> str:
        """A row's indices along the axes that are rows."""
        return ",".join(str(int(i)) for i in np.unravel_index(row, self.sizes)) if self.down else ""

    # --- other sheets of the same tensor --------------------------------------------------------------------------

    def facing(self, at: Sequence[int | None]) -> Sheet:
        """The slice in which a place lies."""
        moved = [self.at[axis] if (i := at[axis]) is None else i for axis in self.hidden]
        return self._at(dict(zip(self.hidden, moved, strict=True)))

    def leaf(self, step: int) -> Sheet:
        """The slice after this one, or before: along the axis that turns, and at its end along the others, too."""
        order = sorted(self.hidden, key=lambda axis: axis == self.turns)
        sizes = [self.shape[axis] for axis in order]
        if not sizes:
            return self
        here = int(np.ravel_multi_index([self.at[axis] for axis in order], sizes))
        there = np.unravel_index((here + step) % prod(sizes), sizes)
        return self._at(dict(zip(order, map(int, there), strict=True)))

    def along(self, axis: int, step: int) -> Sheet:
        """The next slice along an axis, which turns from here on; behind the last one, the first."""
        there = (self.at[axis] + step) % self.shape[axis]
        return replace(self._at({axis: there}), turns=axis)

    def next_axis(self) -> Sheet:
        """Another axis turns."""
        hidden = self.hidden
        at = hidden.index(self.turns) if self.turns in hidden else len(hidden) - 1
        return replace(self, turns=hidden[at - 1]) if hidden else self

    def _at(self, moved: dict[int, int]) -> Sheet:
        return replace(self, at=tuple(moved.get(axis, i) for axis, i in enumerate(self.at)))

    def transposed(self) -> Sheet:
        """Rows as columns: of what is laid out, the last axis of the rows."""
        if self.across is None or not self.down:
            return self
        return replace(self, down=(*self.down[:-1], self.across), across=self.down[-1])

    def other_axes(self, at: Cell) -> Sheet:
        """Other two axes are seen, through a cell; behind the last two, all of them again, laid out."""
        sheets: list[Sheet] = [laid_out(self.shape), *_pairs(self.shape)]
        plain = self.transposed() if self.turned else self
        here = [(sheet.down, sheet.across) for sheet in sheets].index((plain.down, plain.across))
        return sheets[(here + 1) % len(sheets)].facing(at)


def laid_out(shape: Shape) -> Sheet:
    """All of a tensor: the last axis across, the others one below the other."""
    count = len(shape)
    return Sheet(shape, tuple(range(count - 1)), count - 1 if count else None, (0,) * count)


def _pairs(shape: Shape) -> Iterator[Sheet]:
    """The slices of two axes, the last two first."""
    count = len(shape)
    for down, across in sorted(combinations(range(count), 2), reverse=True) if count > 2 else ():
        hidden = [axis for axis in range(count) if axis not in (down, across)]
        yield Sheet(shape, (down,), across, (0,) * count, hidden[-1])


def sheet_of(shape: Shape) -> Sheet:
    """How a tensor is shown at first: as a whole, or a slice of the last two axes where that would be long."""
    whole = laid_out(shape)
    return whole if len(shape) < 3 or 0 in shape or whole.rows <= MOST_LAID_OUT else next(_pairs(shape))


# --- the lines of rows, a blank one between slices that are laid out


class Lines(Struct, frozen=True):
    """So many `rows` on lines, a blank one behind each `run` of them (0: none)."""

    rows: int
    run: int = 0

    def of(self, row: int) -> int:
        """The line of a row."""
        return row + (row // self.run if self.run else 0)

    @property
    def count(self) -> int:
        return self.of(self.rows - 1) + 1 if self.rows else 0

    def at(self, line: int) -> int | None:
        """The row on a line, if there is one."""
        runs, along = divmod(line, self.run + 1) if self.run else (0, line)
        row = runs * self.run + along
        return row if 0 <= row < self.rows and not (self.run and along == self.run) else None

    def seen(self, top: int, room: int) -> int:
        """How many rows are seen on so many lines, from a first row on."""
        last = self.of(top) + room - 1
        runs, along = divmod(last, self.run + 1) if self.run else (0, last)
        return max(min(runs * self.run + min(along + 1, self.run or along + 1), self.rows) - top, 0)

    def first(self, last: int, room: int) -> int:
        """The first row of the lines that end with the row `last`."""
        line = max(self.of(last) - room + 1, 0)
        found = self.at(line)
        return min(last, (self.at(line + 1) or 0) if found is None else found)
