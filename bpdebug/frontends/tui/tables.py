"""Tables on the screen: words are wrapped, then columns are set aside and come into view sideways; no bar is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual.strip import Strip

from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.lines import Light, clean, leading, strip, wrap
from bpdebug.translation import _
from bpdebug.views.blocks import Table
from bpdebug.views.text import BAR, bar

LEAST_BAR, LEAST_WORDS = 4, 16
"""A bar's and a text's least width."""
MORE = " …"
"""Stands behind the headers where there are more columns."""
Columns = list[list[str]]
"""Of each column its header and its cells."""


class Heading(Light):
    """A line of headers: so many lines `below` it belong to the table; the columns aside, at its left and its right."""

    __slots__ = ("behind", "below", "left")

    def __init__(self, line: Strip, below: int, left: Sequence[str], behind: Sequence[str]) -> None:
        super().__init__(list(line), line.cell_length)
        self.below, self.left, self.behind = below, left, behind


def table_lines(table: Table, width: int, across: int | None = None) -> list[Strip]:
    """A table's lines; with `across` columns gone by at the left, of those that may be set aside.

    Columns are as wide as they need to be; where there is no room words are wrapped, and then those columns are set
    aside that matter least. None are where `across` is None: for a pane that goes nowhere sideways.
    """
    rows = [[clean(cell) for cell in row] for row in (table.headers, *table.rows)]
    columns = [[row[i] if i < len(row) else "" for row in rows] for i in range(max(map(len, rows)))]
    none = [] if table.rows else [strip((_("(none)"), palette.DIM))]
    if not columns:
        return none
    bars = len(columns) - 1 if table.bars else None
    sheds = [] if across is None else [table.headers.index(name) for name in table.sheds]
    seen, left, behind = _seen(columns, bars, sheds, width, across or 0)
    shown, more = [columns[n] for n in seen], MORE if behind else ""
    at = seen.index(bars) if bars in seen else None
    gap, widths = _widths(shown, at, width - len(more))
    if at is not None:
        widths[at] = max(min(BAR, width - len(more) - sum(widths) + widths[at] - gap * (len(widths) - 1)), LEAST_BAR)
        shown[at] = [shown[at][0], *(bar(share, widths[at]) for share in table.bars)]
    styles = [palette.TITLE if any(rows[0]) else palette.LABEL, *[palette.PLAIN] * len(shown)]
    head, *body = (
        list(_row_lines(row, widths, gap, styles if n else [palette.DIM] * len(row)))
        for n, row in enumerate(zip(*shown, strict=True))
    )
    links = (*table.links, *[""] * (len(body) - len(table.links)))
    lines = none or [
        line for n, (row, link) in enumerate(zip(body, links, strict=True), 1) for line in leading(row, n, link)
    ]
    if more and head:
        wide = sum(widths) + gap * (len(widths) - 1)
        head[0] = Light.join([head[0].adjust_cell_length(wide, palette.PLAIN), strip((more, palette.DIM))])
    aside = [[columns[n][0] or "…" for n in some] for some in (left, behind)]
    return [*(Heading(line, len(head) - n + len(lines), *aside) for n, line in enumerate(head, 1)), *lines]


def _seen(
    columns: Columns, bars: int | None, sheds: Sequence[int], width: int, across: int
) -> tuple[list[int], list[int], list[int]]:
    """The columns that are seen, those gone by at the left, and those at the right.

    Those that are never set aside stay; the others pass by beside them, what was set aside last.
    """
    every = [n for n, column in enumerate(columns) if n == bars or any(column)]
    least = {n: _least(columns[n], n == bars) for n in every} if sheds else {}

    def fits(some: Sequence[int], more: int = len(MORE)) -> bool:
        return sum(map(least.__getitem__, some)) + 2 * (len(some) - 1) + more <= width

    if not sheds or fits(every, 0):
        return [*range(len(columns))], [], []
    kept, fixed = every, [n for n in every if n not in sheds]
    for shed in sheds:
        if not fits(kept):
            kept = [n for n in kept if n != shed]
    passing = [*(n for n in kept if n in sheds), *(n for n in every if n not in kept)]
    at, seen = 0, len(kept) - len(fixed)
    for _time in range(across if at + seen < len(passing) else 0):
        at, seen = at + bool(seen), 1
        while at + seen < len(passing) and fits([*fixed, *passing[at : at + seen + 1]]):
            seen += 1
        if at + seen == len(passing):
            break
    there = [*fixed, *passing[at : at + seen]]
    return there if at else sorted(there), passing[:at], passing[at + seen :]


def _widths(columns: Columns, bars: int | None, width: int) -> tuple[int, list[int]]:
    """The gap between columns and their widths: the widest give way, until all are least, and at last below that."""
    natural = [max(LEAST_BAR * (n == bars), *map(cell_len, column)) for n, column in enumerate(columns)]
    count, found = len(columns), natural.copy()
    if sum(natural) + 2 * (count - 1) <= width:
        return 2, natural
    least = [_least(column, n == bars) for n, column in enumerate(columns)]
    gap = 2 if sum(least) + 2 * (count - 1) <= width else 1
    for lowest in (least, [1] * count):
        while (over := sum(found) + gap * (count - 1) - width) > 0:
            wide = [n for n in range(count) if found[n] > lowest[n]]
            if not wide:
                break
            widest = max(wide, key=found.__getitem__)
            found[widest] -= min(over, found[widest] - lowest[widest])
    for n in range(count):
        if found[n] < natural[n]:  # wrapped, it may need less
            found[n] = max(cell_len(line) for text in columns[n] for line in wrap(text, found[n]))
    return gap, found


def _least(column: Sequence[str], bars: bool) -> int:
    """The longest word; words in cells have LEAST_WORDS, or the cells would become long and thin."""
    words = max((cell_len(word) for text in column for word in text.split()), default=0)
    return max(words, LEAST_BAR * bars, min(LEAST_WORDS, max(map(cell_len, column[1:]), default=0)))


def _row_lines(row: Sequence[str], widths: Sequence[int], gap: int, styles: Sequence[Style]) -> Iterator[Strip]:
    cells = [[text] if cell_len(text) <= size else wrap(text, size) for text, size in zip(row, widths, strict=True)]
    for texts in zip_longest(*cells, fillvalue="") if any(row) else ():
        padded = [set_cell_size(text, size + gap) for text, size in zip(texts[:-1], widths, strict=False)]
        yield strip(*zip((*padded, texts[-1]), styles, strict=False))
