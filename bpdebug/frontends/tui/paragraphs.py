"""Report blocks as lines of the screen, but for matrices."""

from __future__ import annotations

from itertools import islice

from msgspec.structs import replace
from rich.cells import cell_len, chop_cells
from textual.strip import Strip

from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.lines import clean, fit, leading, strip, wrap
from bpdebug.frontends.tui.tables import table_lines
from bpdebug.translation import N_, _
from bpdebug.views.blocks import Block, Cells, Formula, Listing, Matrix, Row, Table, Text
from bpdebug.views.text import cells_lines

MOST_LINES = 2000
"""Rows of a table, and lines of a tensor in full, that the screen holds."""


def block_lines(block: Block, width: int, across: int | None = None) -> list[Strip]:
    """A block as lines, with so many columns of a table gone by; matrices only by name, which have their own lines."""
    if isinstance(block, Text):
        style = palette.TEXT_STYLES.get(block.style, palette.PLAIN)
        return leading([strip((line, style)) for line in wrap(block.text, width)], 0, block.link)
    if isinstance(block, Formula):
        return leading(formula_lines(block, width), 0, block.link)
    if isinstance(block, Table):
        bars, links = block.bars[:MOST_LINES], block.links[:MOST_LINES]
        most = replace(block, rows=block.rows[:MOST_LINES], bars=bars, links=links)
        return [
            *table_lines(most, width, across),
            *_more(len(block.rows) - MOST_LINES, N_("… {n:,} rows: take a slice, or ask at the prompt")),
        ]
    if isinstance(block, Cells):
        lines = (strip((line, palette.PLAIN)) for text in cells_lines(block.array) for line in wrap(text, width))
        return [*islice(lines, MOST_LINES), *(_more(block.array.size, _MANY) if next(lines, None) else ())]
    if isinstance(block, Listing):
        return listing_lines(block, width)
    assert isinstance(block, Row)
    names = (clean(i.name if isinstance(i, Matrix) else i) for i in block.items)
    return [strip((" ".join(names), palette.PLAIN))]


_MANY = N_("… {n:,} cells in all: take a slice, or ask at the prompt")


def _more(count: int, says: str) -> list[Strip]:
    """What is said in place of what is too long for the screen."""
    return [strip((_(says).format(n=count), palette.DIM))] if count > 0 else []


def formula_lines(block: Formula, width: int) -> list[Strip]:
    """The formula in bold, and its note beside it, or below where there is no room."""
    text, note = clean(block.text), clean(block.note)
    if note and cell_len(text) + 3 + cell_len(note) <= width:
        return [strip((text, palette.TITLE), ("   " + note, palette.DIM))]
    lines = [strip((line, palette.TITLE)) for line in wrap(text, width)]
    return lines + ([strip((line, palette.DIM)) for line in wrap(note, width)] if note else [])


def listing_lines(listing: Listing, width: int) -> list[Strip]:
    """Numbered lines; ▶ at the current one, ● where a breakpoint is; or an example, in pieces where it is wide."""
    if not listing.numbered:
        texts = (clean(text) for _, text in listing.lines)
        pieces = (piece for text in texts for piece in (chop_cells(text, max(width - 4, 1)) or [""]))
        return [strip((f"    {piece}", palette.PLAIN)) for piece in pieces]
    digits = len(str(listing.lines[-1][0])) if listing.lines else 1
    lines = []
    for number, text in listing.lines:
        here, stop = number == listing.current, number in listing.marked
        mark = ("▶" if here else " ", palette.HERE), ("● " if stop else "  ", palette.STOP)
        style = palette.HERE if here else palette.PLAIN
        lines.append(fit(strip(*mark, (f"{number:>{digits}}  ", palette.DIM), (clean(text), style)), width))
    return lines
