"""Blocks as plain text: what a pipe, a log and a transcript show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice, product, repeat, zip_longest
from math import prod
from typing import Any

import numpy as np

from bpdebug.arrays import Array, DType, Shape
from bpdebug.errors import printable
from bpdebug.far import as_array
from bpdebug.translation import _
from bpdebug.views.blocks import Block, Formula, Listing, Matrix, Row, Table, Text
from bpdebug.views.encode import cells
from bpdebug.views.numbers import number_format, shape_text, short
from bpdebug.wrapping import display_width, pad, wrap

MOST_ROWS, MOST_COLUMNS = 12, 10
"""A larger matrix is shown by its corners."""
LONG_ROW = 1000
"""Cells that are written on one line where a tensor is written in full."""
SMALL = 1024
"""Bytes of a matrix up to which what was drawn of it is kept for a while."""
Marked = frozenset[tuple[int, int]]
Box = tuple[list[str], list[int]]
"""Lines that stand side by side with others, and how wide each is."""


def lines(title: str, blocks: Iterable[Block], width: int) -> Iterator[str]:
    """A title and blocks as text, without markup or colour, line by line, each made when it is asked for."""
    if title:
        yield from (line.rstrip() for line in _paragraph(printable(title), width, whole=True))
    for block in blocks:
        for line in _block(block, width):
            yield line.rstrip()


def _block(block: Block, width: int) -> Iterable[str]:
    if isinstance(block, Text):
        return _paragraph(printable(block.text), width, whole=block.style not in ("note", "dim"))
    if isinstance(block, Formula):
        return [f"  {printable(block.text)}" + (f"    {printable(block.note)}" if block.note else "")]
    if isinstance(block, Row):
        return row_lines(block, width)
    if isinstance(block, Table):
        return table_lines(block, width)
    return listing_lines(block) if isinstance(block, Listing) else cells_lines(block.array)


def _paragraph(text: str, width: int, *, whole: bool) -> list[str]:
    """A paragraph in lines of at most `width`; what is to stay whole is wrapped only where it has wide characters."""
    if len(text) <= width // 2 or (whole and len(text) == display_width(text)):
        return text.split("\n")
    return wrap(text, width, cut=False)


BAR = 20
"""Characters of the longest bar, where there is room."""


def bar(share: float | None, width: int) -> str:
    """A bar as long as a share of the width, to an eighth of a character; nothing where there is none."""
    whole, eighths = divmod(round(8 * width * (share or 0)), 8)
    return "█" * whole + " ▏▎▍▌▋▊▉"[eighths].strip()


MEASURED = 2000
"""Rows of a table of which the widths are worked out together: a longer one is not made to its end to be begun."""


def table_lines(table: Table, width: int) -> Iterator[str]:
    """A table with columns as wide as their longest cell so far; numbers are aligned by whoever made them.

    Sentences are wrapped, where they are too long for the width.
    """
    if not table.rows:
        yield f"  {_('(none)')}"
        return
    rows, widths = _rows(table), list[int]()
    while some := list(islice(rows, MEASURED)):
        for row in some:
            sizes = map(display_width, row)
            widths = list(map(max, zip(widths, sizes, strict=True))) if widths else list(sizes)
        yield from _in_columns(some, _narrowed(widths, width - 2 * len(widths)) if table.prose else widths)


def _in_columns(rows: Iterable[tuple[str, ...]], widths: Sequence[int]) -> Iterator[str]:
    for row in rows:
        wide = zip(row, widths, strict=True)
        cells = [wrap(cell, w, cut=False) if display_width(cell) > w else [cell] for cell, w in wide]
        for line in zip_longest(*cells, fillvalue=""):
            yield "  " + "  ".join(pad(cell, w) for cell, w in zip(line, widths, strict=True))


LEAST = 16
"""Terminal cells of a column of sentences, however little room there is."""


def _narrowed(widths: list[int], room: int) -> list[int]:
    """Widths that fit the room: the widest gives way to the next, and then with it."""
    widths = widths.copy()
    while sum(widths) > room and max(widths) > LEAST:
        widest = max(widths)
        n = widths.index(widest)
        widths[n] = max(LEAST, widest - (sum(widths) - room), max((w for w in widths if w < widest), default=0) - 1)
    return widths


def _rows(table: Table) -> Iterator[tuple[str, ...]]:
    """The rows as they are printed, the headers first where there are any, with their bars."""
    if any(table.headers):
        yield tuple(map(printable, table.headers))
    bars = ((bar(share, BAR),) for share in table.bars) if table.bars else repeat(())
    for row, drawn in zip(table.rows, bars, strict=False):
        yield (*map(printable, row), *drawn)


def listing_lines(listing: Listing) -> list[str]:
    """Program lines with numbers; `▶` the current one, `●` those with a breakpoint; or an example, set in."""
    if not listing.numbered:
        return [f"    {printable(text)}" for _, text in listing.lines]
    digits = max((len(str(n)) for n, _ in listing.lines), default=1)
    return [
        f"  {' ●'[n in listing.marked]}{' ▶'[n == listing.current]} {n:>{digits}}  {printable(text)}"
        for n, text in listing.lines
    ]


def cells_lines(array: Array) -> Iterator[str]:
    """Every cell with all its digits, nested as NumPy nests it: a line for each row, or for LONG_ROW cells of it."""
    if array.ndim == 0 or array.size == 0:
        yield from str(cells(array, full=True)).replace("], [", "],\n [").split("\n")
        return
    *lead, length = array.shape
    count = prod(lead)
    for r, row in enumerate(array.reshape(-1, length)):
        # How many axes begin with this row, and how many end with it.
        opens, closes = (1 + _zeros(n, lead) for n in (r, count - 1 - r))
        for start in range(0, length, LONG_ROW):
            text = str(cells(row[start : start + LONG_ROW], full=True))[1:-1]
            head = (" " if r or start else "") + "[" * (0 if start else opens)
            last = start + LONG_ROW >= length
            yield f"{head}{text}" + ("]" * closes + "," * (r < count - 1) if last else ",")


def _zeros(number: int, sizes: Sequence[int]) -> int:
    """How many of a number's last digits are 0, written with a digit for each of these sizes."""
    found = 0
    for size in reversed(sizes):
        number, digit = divmod(number, size)
        if digit:
            break
        found += 1
    return found


def ends(size: int, most: int) -> list[int | None]:
    """The indices shown of an axis: all of them, or both ends with None for the gap."""
    if size <= most:
        return list(range(size))
    half = most // 2
    return [*range(half), None, *range(size - half, size)]


def corners(flat: Array, rows: Sequence[int | None], columns: Sequence[int | None]) -> dict[tuple[int, int], Any]:
    """The numbers of a matrix that are shown, by row and column: they come over together."""
    down, across = ([i for i in axis if i is not None] for axis in (rows, columns))
    shown = flat if len(down) * len(across) == flat.size else flat[np.ix_(down, across)]
    return dict(zip(product(down, across), shown.ravel().tolist(), strict=True))


def matrix_lines(matrix: Matrix, room: int = 98) -> list[str]:
    """A tensor with its name and shape, row and column indices; leading axes become row labels.

    Of a matrix wider than `room` fewer columns are shown.
    """
    head = f"{printable(short(matrix.name))}  {shape_text(matrix.shape)}"
    note = [f"({printable(matrix.note)})"] if matrix.note else []
    if matrix.array is None:
        return [head, _("not computed yet"), *note]
    array = as_array(matrix.array)
    if array.size == 0:
        return [head, _("no cells"), *note]
    small = array.nbytes <= SMALL
    body = _small(array.tobytes(), array.dtype, array.shape, matrix.marked, room) if small else None
    return [head, *(body or _body(array, matrix.marked, room)), *note]


@lru_cache(maxsize=64)
def _small(raw: bytes, dtype: DType, shape: Shape, marked: Marked, room: int) -> tuple[str, ...]:
    """The numbers of a small matrix: the same ones are often drawn again, as a result and then as an operand."""
    return _body(np.frombuffer(raw, dtype).reshape(shape), marked, room)


def _body(array: Array, marked: Marked, room: int) -> tuple[str, ...]:
    """The lines below a matrix's name."""
    form = number_format(array)
    if array.ndim == 0:
        return (form.text(array[()]),)
    flat = array.reshape(-1, array.shape[-1])
    rows = ends(flat.shape[0], MOST_ROWS)
    labels = [row_label(r, array.shape[:-1]) if r is not None else "⋮" for r in rows]
    left, size = max(map(len, labels)), flat.shape[1]
    width = max(form.width, len(str(size - 1))) + (2 if marked else 0)
    fits = (room - left - 1) // (width + 1)
    columns = ends(size, min(MOST_COLUMNS, fits if size <= fits else max(2, (room - left - 3) // (width + 1))))
    lines, known = [], corners(flat, rows, columns)
    if array.ndim > 1 or array.shape[0] > 1:
        gap = " " if marked else ""
        heads = ("⋯" if c is None else f"{c}{gap}".rjust(width) for c in columns)
        lines.append(" " * left + "  " + " ".join(heads))
    for r, label in zip(rows, labels, strict=True):
        values = (
            "⋯" if c is None else "⋮".rjust(width) if r is None else _cell(marked, form.cell(known[r, c]), r, c, width)
            for c in columns
        )
        lines.append(label.rjust(left) + "  " + " ".join(values))
    return tuple(lines)


def _cell(marked: Marked, text: str, row: int, column: int, width: int) -> str:
    """A cell at its width; one that is marked stands in brackets, in the room that is left for them."""
    if not marked:
        return text.rjust(width)
    if (row, column) not in marked:
        return f"{text} ".rjust(width)
    return f"[{text.strip()}]".rjust(width)


def row_label(row: int, leading: tuple[int, ...]) -> str:
    """The index of a row of a tensor whose leading axes are laid out one below the other: '1,0'."""
    if len(leading) < 2:
        return str(row) if leading else ""
    return ",".join(str(int(i)) for i in np.unravel_index(row, leading))


def row_lines(row: Row, width: int) -> list[str]:
    """Matrices side by side with their signs; those that do not fit the width go below."""
    level = max((_first_row(i) for i in row.items if isinstance(i, Matrix)), default=0)
    lines: list[str] = []
    band: list[Box] = []
    used = 0
    for item in row.items:
        box = [printable(item)] if isinstance(item, str) else matrix_lines(item, width - 2)
        sizes = [display_width(line) for line in box]
        wide = max(sizes) + 2
        if band and used + wide > width - 2:
            lines += [*_beside(band, level), ""]
            band, used = [], 0
        band.append((box, sizes))
        used += wide
    return [*lines, *_beside(band, level)]


def _first_row(matrix: Matrix) -> int:
    """The line of a matrix on which its first numbers stand: below its name, and below its column indices."""
    return 2 if matrix.array is not None and matrix.array.size and matrix.shape not in ((), (1,)) else 1


def _beside(boxes: list[Box], level: int) -> list[str]:
    """Boxes next to each other; a sign stands at the height of the first row of numbers."""
    height = max((len(box) for box, _ in boxes), default=0)
    level = min(level, height - 1)
    columns = []
    for box, sizes in boxes:
        wide = max(sizes)
        above = level if len(box) == 1 and height > 1 else 0
        column = [line + " " * (wide - size) for line, size in zip(box, sizes, strict=True)]
        columns.append([" " * wide] * above + column + [" " * wide] * (height - above - len(box)))
    return ["  " + "  ".join(parts) for parts in zip(*columns, strict=True)]
