"""What a page is told: the stops, and tables of what they show, each piece of markup in it once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine.closeness import largest_cell
from bpdebug.errors import printable
from bpdebug.far import as_array
from bpdebug.frontends.export.page import linked
from bpdebug.frontends.export.page.walk import PageEvent
from bpdebug.limits import Limits
from bpdebug.views.blocks import Block, Blocks, Matrix, Row, Section, flat
from bpdebug.views.encode import MANY_CELLS
from bpdebug.views.html import block_html, figure_html, pre_html, safe
from bpdebug.views.numbers import number
from bpdebug.views.report import Report
from bpdebug.views.text import lines

MADE = ("result", "gradient")
"""What matrices are marked as that the others of a stop are there for."""
WIDTH = 100
"""Characters of a line of what is put in as text."""


def as_json(data: Any) -> bytes:
    """Plain data for a page, which people read: texts are in the language that is spoken."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


class UniqueRows:
    """A table in which equal things have one place; `size` is what it takes, in bytes."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.size = 0
        self._known: dict[bytes, int] = {}

    def place(self, row: Any) -> int:
        """Where a piece of plain data stands; it is put there where it is new."""
        raw = as_json(row)
        if raw not in self._known:
            self._known[raw] = len(self.rows)
            self.rows.append(row)
            self.size += len(raw)
        return self._known[raw]


class PageData:
    """The tables, filled stop by stop; a page that becomes larger than its limit is refused."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.figures, self.numbers, self.blocks, self.links, self.stops = (UniqueRows() for _table in range(5))
        self.events: list[list[Any]] = []
        self._drawn: dict[tuple[Any, ...], int] = {}

    def add(self, event: PageEvent) -> None:
        """An event with its parts; E_LIMIT where the page becomes too large."""
        known: linked.Known = {}
        stops = [self._stop(len(self.events), part, report, known) for part, report in enumerate(event.reports)]
        stops[0][2] += [self.blocks.place(_said(report)) for report in event.said]
        for stop in stops:
            self.stops.place(stop)
        links = self.links.place(linked.table(known, event.links))
        head = [event.number, printable(event.title), event.phase, event.line or 0, links, event.next, event.back]
        self.events.append(head)
        size = sum(t.size for t in (self.figures, self.numbers, self.blocks, self.links, self.stops))
        self.limits.check("bytes", size, "the page")

    def tables(self) -> dict[str, Any]:
        """All of it, as it is written."""
        return {
            "events": self.events, "stops": self.stops.rows, "blocks": self.blocks.rows, "figures": self.figures.rows,
            "numbers": self.numbers.rows, "links": self.links.rows,
        }  # fmt: skip

    def _stop(self, event: int, part: int, report: Report, known: linked.Known) -> list[Any]:
        """An event's place, the part, its blocks (those of a section in a list), and the cell that is marked first."""
        blocks = [
            [self._block(b, known) for b in block.blocks] if isinstance(block, Section) else self._block(block, known)
            for block in report.blocks
        ]
        return [event, part, blocks, *_first(report)]

    def _block(self, block: Block, known: linked.Known) -> int:
        if not isinstance(block, Row):
            return self.blocks.place(block_html(block))
        items = [item if isinstance(item, str) else self._figure(item, known) for item in block.items]
        return self.blocks.place([safe(item) if isinstance(item, str) else item for item in items])

    def _figure(self, matrix: Matrix, known: linked.Known) -> list[Any]:
        """Where its markup stands; what it is among the links; and of a product what its cells are sums of."""
        found = [self._picture(matrix), *linked.numbered(matrix, known)]
        if matrix.product is None or len(found) == 1 or matrix.array is None:
            return found
        name = matrix.name if matrix.subject is not None and not isinstance(matrix.subject.tensor, str) else ""
        operands = matrix.product.left(), matrix.product.right(), matrix.array
        return [*found, printable(name), *map(self._numbers, operands)]

    def _picture(self, matrix: Matrix) -> int:
        """Where its markup stands, which is made once: a tensor is seen at many stops."""
        array = None if matrix.array is None else as_array(matrix.array)
        if array is None or array.size > MANY_CELLS:
            return self.figures.place(figure_html(matrix))
        said = matrix.name, matrix.shape, matrix.note, matrix.mark, matrix.marked
        key = (*said, array.shape, array.dtype, array.tobytes())
        if key not in self._drawn:
            self._drawn[key] = self.figures.place(figure_html(matrix))
        return self._drawn[key]

    def _numbers(self, array: Array) -> int:
        """An array's numbers one by one, as they are written in sums."""
        return self.numbers.place([list(array.shape), " ".join(number(float(x)) for x in array.reshape(-1))])


def _said(report: Report) -> str:
    """An explanation as text, to be opened."""
    return (
        f"<details><summary>{safe(report.title)}</summary>{pre_html(lines('', flat(report.blocks), WIDTH))}</details>"
    )


def _first(report: Report) -> list[int]:
    """Of what is made there first of others, or turned, the figure by its place and the largest cell; or nothing."""
    figures = [*enumerate(_figures(report.blocks))]
    section = next((of for _place, (of, _, _) in figures if of), 0)
    for marks in (MADE, ("transpose",)):
        for place, (of, matrix, alone) in reversed(figures):
            array, marked = matrix.array, of == section and matrix.mark in marks and not alone
            if marked and array is not None and 0 < array.size <= linked.MOST_LINKED:
                at = largest_cell(np.asarray(array))
                return [place, int(np.ravel_multi_index(at, array.shape)) if at else 0]
    return []


def _figures(blocks: Blocks) -> Iterator[tuple[int, Matrix, bool]]:
    """The matrices of a report in order: the number of their section from 1, 0 outside of all; are they alone."""
    for place, block in enumerate(blocks, 1):
        for b in block.blocks if isinstance(block, Section) else (block,):
            row = b.items if isinstance(b, Row) else ()
            for item in row:
                if isinstance(item, Matrix):
                    yield place * isinstance(block, Section), item, len(row) == 1
