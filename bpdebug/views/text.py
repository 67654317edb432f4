"""Blocks as plain text: what a pipe, a log and a transcript show."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bpdebug.errors import printable
from bpdebug.views.blocks import Block, Formula, Matrix, Row, Source, Table, Text
from bpdebug.views.numbers import number_format, shape_text, short

MOST_ROWS, MOST_COLUMNS = 12, 10
"""A larger matrix is shown by its corners."""


def to_text(title: str, blocks: Iterable[Block], width: int) -> str:
    """A title and blocks as lines of text, without markup or colour."""
    lines = [printable(title)] if title else []
    for block in blocks:
        lines.extend(_block(block, width))
    return "\n".join(line.rstrip() for line in lines)


def _block(block: Block, width: int) -> list[str]:
    if isinstance(block, Text):
        text = printable(block.text)
        return _wrapped(text, width) if block.style in ("note", "dim") else [text]
    if isinstance(block, Formula):
        return [f"  {printable(block.text)}" + (f"    {printable(block.note)}" if block.note else "")]
    if isinstance(block, Row):
        return row_lines(block, width)
    if isinstance(block, Table):
        return table_lines(block)
    return source_lines(block)


def _wrapped(text: str, width: int) -> list[str]:
    """A paragraph in lines of at most `width`; its own line feeds stay."""
    lines = (textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) for line in text.split("\n"))
    return [part for line in lines for part in line or [""]]


def display_width(text: str) -> int:
    """How many terminal cells a text takes; combining characters take none, wide ones two."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(bool(unicodedata.combining(c)) for c in text)


def pad(text: str, width: int) -> str:
    return text + " " * (width - display_width(text))


BAR = 20
"""Characters of the longest bar, where there is room."""


def bar(share: float | None, width: int) -> str:
    """A bar as long as a share of the width, to an eighth of a character; nothing where there is none."""
    whole, eighths = divmod(round(8 * width * (share or 0)), 8)
    return "█" * whole + " ▏▎▍▌▋▊▉"[eighths].strip()


def table_lines(table: Table) -> list[str]:
    """A table with columns as wide as their longest cell; numbers are aligned by whoever made them."""
    rows = [tuple(printable(cell) for cell in row) for row in table.rows]
    if not rows:
        return ["  (none)"]
    if table.bars:
        rows = [(*row, bar(share, BAR)) for row, share in zip(rows, table.bars, strict=True)]
    everything = [tuple(map(printable, table.headers)), *rows] if any(table.headers) else rows
    widths = [max(display_width(row[i]) for row in everything) for i in range(len(rows[0]))]
    return ["  " + "  ".join(pad(cell, w) for cell, w in zip(row, widths, strict=True)) for row in everything]


def source_lines(source: Source) -> list[str]:
    """Program lines with numbers; `▶` the current one, `●` those with a breakpoint."""
    digits = max((len(str(n)) for n, _ in source.lines), default=1)
    return [
        f"  {'●' if n in source.marked else ' '}{'▶' if n == source.current else ' '} {n:>{digits}}  {printable(text)}"
        for n, text in source.lines
    ]


def shown(size: int, most: int) -> list[int | None]:
    """The indices shown of an axis: all of them, or both ends with None for the gap."""
    if size <= most:
        return list(range(size))
    half = most // 2
    return [*range(half), None, *range(size - half, size)]


def matrix_lines(matrix: Matrix, room: int = 98) -> list[str]:
    """A tensor with its name and shape, row and column indices; leading axes become row labels.

    Of a matrix wider than `room` fewer columns are shown.
    """
    head = f"{printable(short(matrix.name))}  {shape_text(matrix.shape)}"
    note = [f"({printable(matrix.note)})"] if matrix.note else []
    if matrix.array is None:
        return [head, "not computed yet", *note]
    array = np.asarray(matrix.array)
    if array.size == 0:
        return [head, "no cells", *note]
    form = number_format(array)
    if array.ndim == 0:
        return [head, form.text(array[()]), *note]
    flat = array.reshape(-1, array.shape[-1])
    rows = shown(flat.shape[0], MOST_ROWS)
    labels = [row_label(r, array.shape[:-1]) if r is not None else "⋮" for r in rows]
    left, size = max(map(len, labels)), flat.shape[1]
    width = max(form.width, len(str(size - 1))) + (2 if matrix.marked else 0)
    fits = (room - left - 1) // (width + 1)
    columns = shown(size, min(MOST_COLUMNS, fits if size <= fits else max(2, (room - left - 3) // (width + 1))))
    lines = [head]
    if array.ndim > 1 or array.shape[0] > 1:
        gap = " " if matrix.marked else ""
        heads = ("⋯" if c is None else f"{c}{gap}".rjust(width) for c in columns)
        lines.append(" " * left + "  " + " ".join(heads))
    for r, label in zip(rows, labels, strict=True):
        values: Sequence[Any] = ["⋯" if c is None else "⋮".rjust(width) if r is None else "" for c in columns]
        if r is not None:
            values = ["⋯" if c is None else _cell(matrix, form.cell(flat[r, c]), r, c, width) for c in columns]
        lines.append(label.rjust(left) + "  " + " ".join(values))
    return [*lines, *note]


def _cell(matrix: Matrix, text: str, row: int, column: int, width: int) -> str:
    """A cell at its width; one that is marked stands in brackets, in the room that is left for them."""
    if not matrix.marked:
        return text.rjust(width)
    if (row, column) not in matrix.marked:
        return f"{text} ".rjust(width)
    return f"[{text.strip()}]".rjust(width)


def row_label(row: int, leading: tuple[int, ...]) -> str:
    """The index of a row of a tensor whose leading axes are laid out one below the other: '1,0'."""
    return ",".join(str(int(i)) for i in np.unravel_index(row, leading)) if leading else ""


def row_lines(row: Row, width: int) -> list[str]:
    """Matrices side by side with their signs; those that do not fit the width go below."""
    boxes = [[printable(i)] if isinstance(i, str) else matrix_lines(i, width - 2) for i in row.items]
    level = max((_first_row(i) for i in row.items if isinstance(i, Matrix)), default=0)
    lines: list[str] = []
    band: list[list[str]] = []
    used = 0
    for box in boxes:
        wide = max(map(display_width, box)) + 2
        if band and used + wide > width - 2:
            lines += [*_beside(band, level), ""]
            band, used = [], 0
        band.append(box)
        used += wide
    return [*lines, *_beside(band, level)]


def _first_row(matrix: Matrix) -> int:
    """The line of a matrix on which its first numbers stand: below its name, and below its column indices."""
    return 2 if matrix.array is not None and matrix.array.size and matrix.shape not in ((), (1,)) else 1


def _beside(boxes: list[list[str]], level: int) -> list[str]:
    """Boxes next to each other; a sign stands at the height of the first row of numbers."""
    height = max(map(len, boxes), default=0)
    level = min(level, height - 1)
    columns = []
    for box in boxes:
        if len(box) == 1 and height > 1:
            box = [""] * level + box
        wide = max(map(display_width, box))
        columns.append([pad(line, wide) for line in box + [""] * (height - len(box))])
    return ["  " + "  ".join(parts) for parts in zip(*columns, strict=True)]
