"""Reports set in type: LaTeX, Typst, MathML and Markdown, each by what it says of its own way to write a page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from bpdebug.arrays import Array
from bpdebug.far import as_array
from bpdebug.symbolic.notation import Notation
from bpdebug.symbolic.typeset import Typeset
from bpdebug.translation import _
from bpdebug.views.blocks import Block, Formula, Listing, Matrix, Row, Table, Text, flat
from bpdebug.views.numbers import number_format, shape_text
from bpdebug.views.report import Report
from bpdebug.views.text import cells_lines, corners, ends, listing_lines

MOST = 8
"""Rows and columns beyond which a matrix is written by its corners and dots."""
ROOM, LONG = 72, 32
"""Characters of a line, about, and of a name that stands below a matrix."""


class Paper(ABC):
    """A way to set a report in type, its mathematics in a dialect; `preamble` is a comment that says what it needs."""

    preamble: ClassVar[str]

    def __init__(self, dialect: Typeset) -> None:
        self.dialect = dialect

    @abstractmethod
    def heading(self, text: str) -> str: ...

    @abstractmethod
    def paragraph(self, text: str, style: str) -> str:
        """Words from anywhere; `style` as `Text` has it."""

    @abstractmethod
    def table(self, table: Table) -> str: ...

    @abstractmethod
    def verbatim(self, lines: Sequence[str]) -> str:
        """Lines as they are printed."""

    @abstractmethod
    def grid(self, rows: Sequence[Sequence[str]]) -> str:
        """Cells in brackets: mathematics."""

    @abstractmethod
    def below(self, x: str, name: str) -> str:
        """Mathematics with a name below it."""

    @abstractmethod
    def underlined(self, x: str) -> str:
        """A cell that stands out."""

    def written(self, report: Report) -> str:
        """A report that stands alone, with what it needs in a comment."""
        return "\n\n".join([self.comment(_(self.preamble)), *self.pieces(report)]) + "\n"

    @abstractmethod
    def comment(self, text: str) -> str: ...

    def pieces(self, report: Report) -> Iterator[str]:
        """The title and the blocks of a report, each a paragraph of its own."""
        if report.title:
            yield self.heading(report.title)
        yield from filter(None, map(self.block, flat(report.blocks)))

    def block(self, block: Block) -> str:
        if isinstance(block, Text):
            return self.paragraph(block.text, block.style) if block.text else ""
        if isinstance(block, Formula):
            return self.formula(block)
        if isinstance(block, Row):
            return self.displayed([self.dialect.line([*map(self.item, items)]) for items in _lines(block.items)])
        if isinstance(block, Table):
            return self.table(block)
        return self.verbatim([*(listing_lines(block) if isinstance(block, Listing) else cells_lines(block.array))])

    def formula(self, formula: Formula) -> str:
        """Mathematics on a line of its own, and what is said of it beside it, or below where that is long."""
        written = formula.text.in_dialect(self.dialect)
        if not formula.note:
            return self.displayed([written])
        note = self.dialect.words(formula.note)
        if len(formula.text) + len(formula.note) > ROOM:
            return self.displayed([written, note])
        return self.displayed([self.dialect.line([written, self.space, note])])

    space: ClassVar[str]
    """Between a formula and what is said of it."""

    def displayed(self, lines: Sequence[str]) -> str:
        """Mathematics on lines of its own."""
        return self.dialect.display(lines[0] if len(lines) == 1 else self.stacked(lines))

    @abstractmethod
    def stacked(self, lines: Sequence[str]) -> str:
        """Lines of mathematics one below the other."""

    def item(self, item: Matrix | str) -> str:
        """What stands in a row: a matrix with its name, where that is short, and its shape; a literal, a sign."""
        if isinstance(item, Matrix):
            name = self.dialect.of(item.name) if len(item.name) <= LONG else self.dialect.sign("…")
            said = self.dialect.words(f"\u00a0{shape_text(item.shape)}") if item.shape else ""
            return self.below(self.matrix(item), self.dialect.line([name, said]))
        return item.in_dialect(self.dialect) if isinstance(item, Notation) else self.dialect.sign(item)

    def matrix(self, matrix: Matrix) -> str:
        """The numbers; of a large one its corners, leading axes one below the other."""
        if matrix.array is None:
            return self.dialect.words(_("not computed yet"))
        array = as_array(matrix.array)
        if not array.size:
            return self.dialect.words(_("no cells"))
        if array.ndim == 0:
            return self.dialect.number(number_format(array).text(array[()]))
        return self.grid(list(self._cells(array, matrix.marked)))

    def _cells(self, array: Array, marked: frozenset[tuple[int, int]]) -> Iterator[list[str]]:
        form, cells = number_format(array), array.reshape(-1, array.shape[-1])
        rows, columns = (ends(size, MOST) for size in cells.shape)
        known = corners(cells, rows, columns)

        def cell(r: int | None, c: int | None) -> str:
            if r is None or c is None:
                return self.dialect.sign("⋱" if r is c else "⋯" if c is None else "⋮")
            written = self.dialect.number(form.text(known[r, c]))
            return self.underlined(written) if (r, c) in marked else written

        for r in rows:
            yield [cell(r, c) for c in columns]


def _lines(items: Sequence[Matrix | str]) -> Iterator[list[Matrix | str]]:
    """A row in as many lines as it needs: what is too wide begins the next one, with the sign before it."""
    made: list[Matrix | str] = []
    used = 0
    for n, item in enumerate(items):
        follows = items[n + 1 : n + 2] if isinstance(item, str) else []
        if made and used + sum(map(_width, [item, *follows])) > ROOM and (follows or isinstance(made[-1], Matrix)):
            yield made
            made, used = [], 0
        made.append(item)
        used += _width(item)
    yield made


def _width(item: Matrix | str) -> int:
    """Characters that an item takes, about."""
    if isinstance(item, str):
        return len(item) + 2
    shown = len(item.name) if len(item.name) <= LONG else 1
    name = 2 * (shown + len(shape_text(item.shape)) + 1) // 3  # below the line letters are smaller
    if item.array is None or not item.array.size or item.array.ndim == 0:
        return name
    return max(name, len(ends(item.array.shape[-1], MOST)) * (number_format(item.array).width + 1))
