"""Report blocks as lines of the screen: strips of segments, never markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, islice, zip_longest

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from bpdebug.errors import printable
from bpdebug.frontends.tui import palette
from bpdebug.views.blocks import Block, Blocks, Cells, Formula, Listing, Matrix, Row, Table, Text, flat
from bpdebug.views.text import BAR, bar, cells_lines

BLANK = Strip([], 0)
MOST_LINES = 2000
"""Rows of a table, and lines of a tensor in full, that the screen holds."""
SET_IN, LEAST_BAR, LEAST_WORDS = 2, 4, 12
"""What columns that go below others are set in by; a bar's and a text's least width."""


class Leading(Strip):
    """A line that leads on: `to` is the number that it has in its table, and the command."""

    __slots__ = ("to",)

    def __init__(self, line: Strip, to: tuple[int, str]) -> None:
        super().__init__(list(line), line.cell_length)
        self.to = to


def leading(lines: Sequence[Strip], number: int, link: str) -> list[Strip]:
    """Lines that lead on together, where there is a link."""
    return [Leading(line, (number, link)) for line in lines] if link else list(lines)


def clean(text: str) -> str:
    """One line that is safe on a terminal: control characters shown as escapes, line feeds as a sign."""
    return printable(text).replace("\n", "⏎")


def strip(*pieces: tuple[str, Style]) -> Strip:
    """A line from (text, style) pieces: the door to the screen, through which nothing goes that is not clean."""
    return Strip([Segment(clean(text), style) for text, style in pieces if text])


def reversed_(line: Strip) -> Strip:
    """A line that is marked, in reverse."""
    return Strip([Segment(text, (style or palette.PLAIN) + palette.MARKED) for text, style, _ in line])


def fit(line: Strip, width: int) -> Strip:
    """A line cut to a width, with … where something was cut off."""
    if line.cell_length <= width or width <= 0:
        return line
    return Strip.join([line.crop(0, width - 1), strip(("…", palette.DIM))])


def wrap(text: str, width: int) -> list[str]:
    """Words put on lines no wider than `width`; line feeds stay, a longer word is cut, indentation is kept."""
    width, lines = max(width, 1), []
    for paragraph in printable(text).split("\n"):
        indent = paragraph[: len(paragraph) - len(paragraph.lstrip(" "))][: width // 2]
        line, used = indent, len(indent)
        for word in paragraph.split():
            size = cell_len(word)
            gap = 1 if line.strip() else 0
            if used + gap + size > width and line.strip():
                lines.append(line)
                line, used, gap = indent, len(indent), 0
            if used + size > width:
                *full, word = chop_cells(word, width - used)
                lines.extend(line + piece for piece in full)
                size = cell_len(word)
            line, used = line + " " * gap + word, used + gap + size
        lines.append(line)
    return lines


def block_lines(block: Block, width: int) -> list[Strip]:
    """A block as lines; matrices only by name, because they have a widget of their own."""
    if isinstance(block, Text):
        style = palette.TEXT_STYLES.get(block.style, palette.PLAIN)
        return leading([strip((line, style)) for line in wrap(block.text, width)], 0, block.link)
    if isinstance(block, Formula):
        return leading(formula_lines(block, width), 0, block.link)
    if isinstance(block, Table):
        most = Table(block.headers, block.rows[:MOST_LINES], block.bars[:MOST_LINES], block.links[:MOST_LINES])
        return [*table_lines(most, width), *_more(len(block.rows) - MOST_LINES, "rows")]
    if isinstance(block, Cells):
        lines = (strip((line, palette.PLAIN)) for text in cells_lines(block.array) for line in wrap(text, width))
        return [*islice(lines, MOST_LINES), *(_more(block.array.size, "cells in all") if next(lines, None) else ())]
    if isinstance(block, Listing):
        return listing_lines(block, width)
    assert isinstance(block, Row)
    names = (clean(i.name if isinstance(i, Matrix) else i) for i in block.items)
    return [strip((" ".join(names), palette.PLAIN))]


def _more(count: int, what: str) -> list[Strip]:
    """What is said in place of what is too long for the screen."""
    text = f"… {count:,} {what}: take a slice, or ask at the prompt"
    return [strip((text, palette.DIM))] if count > 0 else []


def formula_lines(block: Formula, width: int) -> list[Strip]:
    """The formula in bold, and its note beside it, or below where there is no room."""
    text, note = clean(block.text), clean(block.note)
    if note and cell_len(text) + 3 + cell_len(note) <= width:
        return [strip((text, palette.TITLE), ("   " + note, palette.DIM))]
    lines = [strip((line, palette.TITLE)) for line in wrap(text, width)]
    return lines + ([strip((line, palette.DIM)) for line in wrap(note, width)] if note else [])


def table_lines(table: Table, width: int) -> list[Strip]:
    """Columns as wide as they need to be; where there is no room words are wrapped, then columns go below others."""
    rows = [[clean(cell) for cell in row] for row in (table.headers, *table.rows)]
    columns = [[row[i] if i < len(row) else "" for row in rows] for i in range(max(map(len, rows)))]
    lines: list[list[Strip]] = [[] for _ in rows]
    heads, first = any(rows[0]), 0
    while first < len(columns):
        indent = SET_IN * (first > 0)
        gap, widths = _beside(columns[first:], width - indent, LEAST_BAR if table.bars else 0)
        band = columns[first : first + len(widths)]
        if table.bars and first + len(widths) == len(columns):
            widths[-1] = max(min(BAR, width - indent - sum(widths[:-1]) - gap * (len(widths) - 1)), LEAST_BAR)
            band[-1] = [band[-1][0], *(bar(share, widths[-1]) for share in table.bars)]
        for n, row in enumerate(zip(*band, strict=True)):
            styles = [palette.PLAIN if n else palette.DIM] * len(row)
            if n and not first:
                styles[0] = palette.TITLE if heads else palette.LABEL
            lines[n] += _row_lines(row, widths, " " * indent, gap, styles)
        first += len(widths)
    links = ("", *table.links, *[""] * (len(rows) - 1 - len(table.links)))
    return [line for n, row in enumerate(lines) for line in leading(row, n, links[n])]


def _beside(columns: Sequence[Sequence[str]], width: int, last: int) -> tuple[int, list[int]]:
    """The gap between columns and the widths of those that stand beside each other, the `last` one's at least."""
    natural = [max(map(cell_len, column)) for column in columns]
    natural[-1] = max(natural[-1], last)
    if sum(natural) + 2 * (len(natural) - 1) <= width:
        return 2, natural
    least = [min(_least(column), max(width, 1)) for column in columns]
    least[-1] = max(least[-1], last)
    count = max(sum(total + n <= width for n, total in enumerate(accumulate(least))), 1)
    gap = 2 if sum(least[:count]) + 2 * (count - 1) <= width else 1
    found, room = natural[:count], width - gap * (count - 1)
    while (over := sum(found) - room) > 0 and (wide := [i for i in range(count) if found[i] > least[i]]):
        widest = max(wide, key=found.__getitem__)
        found[widest] -= min(over, found[widest] - least[widest])
    for i in range(count):
        if found[i] < natural[i]:  # wrapped, it may need less
            found[i] = max(cell_len(line) for text in columns[i] for line in wrap(text, found[i]))
    return gap, found


def _least(column: Sequence[str]) -> int:
    """The longest word; words in cells have LEAST_WORDS, or the cells would become long and thin."""
    words = max((cell_len(word) for text in column for word in text.split()), default=0)
    return max(words, min(LEAST_WORDS, max(map(cell_len, column[1:]), default=0)))


def _row_lines(
    row: Sequence[str], widths: Sequence[int], indent: str, gap: int, styles: Sequence[Style]
) -> Iterator[Strip]:
    cells = [[text] if cell_len(text) <= size else wrap(text, size) for text, size in zip(row, widths, strict=True)]
    for texts in zip_longest(*cells, fillvalue="") if any(row) else ():
        padded = [set_cell_size(text, size + gap) for text, size in zip(texts[:-1], widths, strict=False)]
        yield strip((indent, palette.PLAIN), *zip((*padded, texts[-1]), styles, strict=True))


def listing_lines(listing: Listing, width: int) -> list[Strip]:
    """Numbered lines; ▶ at the current one, ● where a breakpoint is."""
    digits = len(str(listing.lines[-1][0])) if listing.lines else 1
    lines = []
    for number, text in listing.lines:
        here, stop = number == listing.current, number in listing.marked
        mark = ("▶" if here else " ", palette.HERE), ("● " if stop else "  ", palette.STOP)
        style = palette.HERE if here else palette.PLAIN
        lines.append(fit(strip(*mark, (f"{number:>{digits}}  ", palette.DIM), (clean(text), style)), width))
    return lines


def report_lines(blocks: Blocks, width: int) -> list[Strip]:
    """All blocks of a report, one under the other."""
    return [line for block in flat(blocks) for line in block_lines(block, width)]
