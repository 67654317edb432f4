"""Reports set in type: LaTeX, Typst, MathML and Markdown, each by what it says of its own way to write a page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from bpdebug.arrays import Array
from bpdebug.symbolic.notation import Notation
from bpdebug.symbolic.typeset import Typeset
from bpdebug.translation import _
from bpdebug.views.blocks import Block, Formula, Listing, Matrix, Row, Table, Text, flat
from bpdebug.views.numbers import number_format, shape_text
from bpdebug.views.report import Report
from bpdebug.views.text import cells_lines, ends, listing_lines

MOST = 8
"""Rows and columns beyond which a matrix is written by its corners and dots."""


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
            return self.displayed(block.text.in_dialect(self.dialect), block.note)
        if isinstance(block, Row):
            return self.displayed(self.dialect.line([self.item(item) for item in block.items]))
        if isinstance(block, Table):
            return self.table(block)
        return self.verbatim([*(listing_lines(block) if isinstance(block, Listing) else cells_lines(block.array))])

    def displayed(self, mathematics: str, note: str = "") -> str:
        """Mathematics on a line of its own, and what is said of it."""
        words = [self.space, self.dialect.words(note)] if note else []
        return self.dialect.display(self.dialect.line([mathematics, *words]))

    space: ClassVar[str]
    """Between a formula and what is said of it."""

    def item(self, item: Matrix | str) -> str:
        """What stands in a row: a matrix with its name, a literal, a sign."""
        if isinstance(item, Matrix):
            said = self.dialect.words(f"\u00a0{shape_text(item.shape)}") if item.shape else ""
            return self.below(self.matrix(item), self.dialect.line([self.dialect.of(item.name), said]))
        return item.in_dialect(self.dialect) if isinstance(item, Notation) else self.dialect.sign(item)

    def matrix(self, matrix: Matrix) -> str:
        """The numbers; of a large one its corners, leading axes one below the other."""
        if matrix.array is None:
            return self.dialect.words(_("not computed yet"))
        array = np.asarray(matrix.array)
        if not array.size:
            return self.dialect.words(_("no cells"))
        if array.ndim == 0:
            return self.dialect.number(number_format(array).text(array[()]))
        return self.grid(list(self._cells(array, matrix.marked)))

    def _cells(self, array: Array, marked: frozenset[tuple[int, int]]) -> Iterator[list[str]]:
        form, cells = number_format(array), array.reshape(-1, array.shape[-1])
        rows, columns = (ends(size, MOST) for size in cells.shape)

        def cell(r: int | None, c: int | None) -> str:
            if r is None or c is None:
                return self.dialect.sign("⋱" if r is c else "⋯" if c is None else "⋮")
            written = self.dialect.number(form.text(cells[r, c]))
            return self.underlined(written) if (r, c) in marked else written

        for r in rows:
            yield [cell(r, c) for c in columns]
