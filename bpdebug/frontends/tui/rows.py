"""Matrices side by side, with the signs between them: where each goes, and which are cut where there is no room."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.lines import BLANK, Light, clean
from bpdebug.frontends.tui.matrix import Boxes, MatrixBox
from bpdebug.views.blocks import Matrix, Row
from bpdebug.views.numbers import DIGITS, short

APART = 4
"""Columns between rows of matrices that stand beside each other."""
MADE = ("result", "gradient")
"""What all the others of a row are there for."""


class Wide(Struct, frozen=True):
    """How much of a width rows of matrices take.

    Cells are `gap` apart and have so many `digits`; a row may be `folded`, and at last matrices are
    `cut`, and then what is drawn elsewhere goes without its name, `nameless`.
    """

    gap: int = 1
    digits: int = DIGITS
    folded: bool = False
    cut: bool = False
    nameless: bool = False


class Item(Struct, eq=False):
    """A matrix, or nothing behind the last sign; the sign before it, and the columns that both have: `full`, uncut.

    The sign has the names of matrices that are drawn elsewhere; `nameless`, it has not.
    """

    name: str
    box: MatrixBox | None = None
    nameless: str = ""
    sign: str = ""
    before: int = 0
    width: int = 0
    full: int = 0
    height: int = 1
    high: int = 1
    least: tuple[int, int] = (0, 1)

    def measure(self, fits: Wide) -> None:
        """Takes as much room as it needs."""
        self.sign = self.nameless if fits.nameless else self.name
        if self.box is not None:
            (self.full, self.high), self.least = self.box.fit(fits.gap, fits.digits), self.box.least
            self.width, self.height = self.full, self.high

    @property
    def made(self) -> bool:
        return self.box is not None and self.box.matrix.mark in MADE


def items(row: Row, drawn: set[object], make: Boxes = MatrixBox) -> Iterator[Item]:
    """The matrices of a row with the signs before them; of those that were drawn before, the boxes are hidden."""
    sign = ""
    for item in row.items:
        if isinstance(item, Matrix):
            again = item.mark == "operand" and (item.subject, item.shape) in drawn
            yield Item(sign, make(item, hidden=again))
            sign = ""
        else:
            sign = f"{sign} {clean(item)}".strip()
    if sign:
        yield Item(sign)


def visible(row: Iterable[Item]) -> Iterator[Item]:
    """The items that are drawn, the names of the others among the signs."""
    sign = nameless = ""
    for item in row:
        sign, nameless = f"{sign} {item.name}".strip(), f"{nameless} {item.name}".strip()
        if item.box is not None and item.box.hidden:
            sign, nameless = f"{sign} {clean(short(item.box.matrix.name))}".strip(), f"{nameless} …".strip()
        else:
            yield Item(sign, item.box, nameless)
            sign = nameless = ""
    if sign:
        yield Item(sign, None, nameless)


class Line(Struct, eq=False):
    """What stands side by side, `gap` columns between a sign and its neighbours."""

    gap: int
    items: list[Item]

    @property
    def width(self) -> int:
        return sum(item.before + item.width for item in self.items)

    @property
    def height(self) -> int:
        return max(item.height for item in self.items)

    @property
    def least(self) -> int:
        return min(self.height, max(item.least[1] for item in self.items))

    @property
    def made(self) -> bool:
        return any(item.made for item in self.items)

    def whole(self) -> bool:
        """Whether every row and column is seen of what was made."""
        return all(i.width == i.full and i.height == i.high for i in self.items if i.made)

    def products(self) -> list[MatrixBox]:
        """Those whose cells are sums that can be said."""
        return [i.box for i in self.items if i.box is not None and i.box.matrix.product is not None]

    def shorten(self, most: int) -> int:
        """Cuts what is higher; the height that it has then."""
        for item in self.items:
            item.height = min(item.height, most)
        return self.height

    def put(self, y: int) -> None:
        """Gives every matrix its place."""
        x = 0
        for item in self.items:
            if item.box is not None:
                item.box.put(x + item.before, y, item.width, item.height)
            x += item.before + item.width

    def line(self, y: int) -> Strip:
        """Line `y` of all of them; a sign has a column of its own, at the height of the first numbers behind it."""
        pieces: list[Segment] = []
        for item in self.items:
            if item.before:
                here = item.sign and y == min(item.height - 1, item.box.first if item.box is not None else 2)
                sign = f"{item.sign}{' ' * self.gap * (item.box is not None)}" if here else ""
                pieces.append(Segment(" " * (item.before - cell_len(sign)) + sign, palette.SIGN))
            if item.box is not None:
                line = item.box.line(y) if y < item.height else BLANK
                missing = item.width - line.cell_length
                pieces += line if missing >= 0 else line.crop(0, item.width)
                pieces += [Segment(" " * missing, palette.PLAIN)] if missing > 0 else []
        return Light(pieces, self.width)


def lines_of(rows: Iterable[Sequence[Item]], width: int, wide: Wide) -> list[Line]:
    """Rows as lines: side by side where there is room, folded or cut to the width where they may be."""
    found: list[Line] = []
    for row in rows:
        for item in row:
            item.measure(wide)
        folded = list(_folded(row, width if wide.folded or wide.cut else 2**31, wide))
        last = found[-1] if found else None
        if last is not None and len(folded) == 1 and last.width + APART + folded[0].width <= width:
            folded[0].items[0].before += APART
            last.items += folded[0].items
        else:
            found += folded
    for line in found if wide.cut else ():
        _narrow(line, width)
    return found


def _folded(row: Sequence[Item], width: int, wide: Wide) -> Iterator[Line]:
    """A row as lines, broken only where it must be; what was made is not cut if it is seen whole on a line."""
    line, used = Line(wide.gap, []), 0
    for item in row:
        whole = item.width <= width and (wide.folded or item.made)
        needs = item.least[0] if wide.cut and not whole else item.width
        item.before = _before(item, not line.items, wide.gap)
        if line.items and used + item.before + needs > width:
            yield line
            line, used = Line(wide.gap, []), 0
            item.before = _before(item, True, wide.gap)
        line.items.append(item)
        used += item.before + needs
    if line.items:
        yield line


def _before(item: Item, at_start: bool, gap: int) -> int:
    """The columns of a sign with the blanks around it."""
    return gap * (not at_start) + cell_len(item.sign) + gap * bool(item.sign and item.box)


def _narrow(line: Line, width: int) -> None:
    """What is too wide is cut; what was made only where it does not do to cut the others."""
    boxes = [item for item in line.items if item.box is not None]
    room = width - line.width + sum(item.width for item in boxes)
    for item, size in zip(boxes, cut([(i.made, i.width, min(i.width, i.least[0])) for i in boxes], room), strict=True):
        item.width = size


def shorten(lines: Sequence[Line], room: int) -> None:
    """What is too high is cut; lines in which something was made only where it does not do to cut the others."""
    for line, most in zip(lines, cut([(line.made, line.height, line.least) for line in lines], room), strict=True):
        line.shorten(most)


def cut(sizes: Sequence[tuple[bool, int, int]], room: int) -> list[int]:
    """(whether it is to be whole, its size, its least) as sizes that fit into the room."""
    low = [size if keep else least for keep, size, least in sizes]
    return levelled([size for _, size, _ in sizes], low if sum(low) <= room else [least for *_, least in sizes], room)


def levelled(sizes: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Sizes that fit into the room, the largest cut to one size, none below its least."""

    def capped(most: int) -> list[int]:
        return [max(low, min(size, most)) for size, low in zip(sizes, least, strict=True)]

    most = bisect_right(range(max(sizes, default=0)), room, key=lambda most: sum(capped(most)))
    found, more = capped(most - 1), capped(most)
    for n in range(len(found)):  # what is left over goes to the first ones
        found[n] += min(more[n] - found[n], max(room - sum(found), 0))
    return found
