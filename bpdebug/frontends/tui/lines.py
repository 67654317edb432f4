"""Report blocks as lines of the screen: strips of segments, never markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from bpdebug.errors import printable
from bpdebug.frontends.tui import palette
from bpdebug.views.report import Block, Formula, Matrix, Row, Source, Table, Text

BLANK = Strip([], 0)
INDENTED = 12


def clean(text: str) -> str:
    """One line that is safe on a terminal: control characters shown as escapes, line feeds as a sign."""
    return printable(text).replace("\n", "⏎")


def strip(*pieces: tuple[str, Style]) -> Strip:
    """A line from (text, style) pieces: the door to the screen, through which nothing goes that is not clean."""
    return Strip([Segment(clean(text), style) for text, style in pieces if text])


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
        return [strip((line, style)) for line in wrap(block.text, width)]
    if isinstance(block, Formula):
        return formula_lines(block, width)
    if isinstance(block, Table):
        return table_lines(block, width)
    if isinstance(block, Source):
        return source_lines(block, width)
    assert isinstance(block, Row)
    names = (clean(i.name if isinstance(i, Matrix) else i) for i in block.items)
    return [strip((" ".join(names), palette.PLAIN))]


def formula_lines(block: Formula, width: int) -> list[Strip]:
    """The formula in bold, and its note beside it, or below where there is no room."""
    text, note = clean(block.text), clean(block.note)
    if note and cell_len(text) + 3 + cell_len(note) <= width:
        return [strip((text, palette.TITLE), ("   " + note, palette.DIM))]
    lines = [strip((line, palette.TITLE)) for line in wrap(text, width)]
    return lines + ([strip((line, palette.DIM)) for line in wrap(note, width)] if note else [])


def table_lines(table: Table, width: int) -> list[Strip]:
    """Columns as wide as they need to be; the last one is wrapped within what is left."""
    rows = [[clean(cell) for cell in row] for row in table.rows]
    heads = [clean(cell) for cell in table.headers]
    count = max((len(row) for row in [heads, *rows]), default=0)
    widths = [max((cell_len(row[i]) for row in [heads, *rows] if i < len(row)), default=0) for i in range(count)]
    lines = [_table_line(heads, widths, [palette.DIM] * count)] if any(heads) else []
    styles = [palette.TITLE if lines else palette.LABEL] + [palette.PLAIN] * (count - 1)
    for row in rows:
        left = width - sum(w + 2 for w in widths[:-1])
        last = wrap(row[-1], left) if len(row) == count and count > 1 and left >= INDENTED else row[-1:]
        lines.append(_table_line([*row[:-1], *last[:1]], widths, styles))
        pad = " " * (width - left)
        lines.extend(strip((pad + text, styles[-1])) for text in last[1:])
    return [fit(line, width) for line in lines]


def _table_line(cells: Sequence[str], widths: Sequence[int], styles: Sequence[Style]) -> Strip:
    pieces = []
    for i, (cell, size, style) in enumerate(zip(cells, widths, styles, strict=False)):
        pieces.append((cell if i == len(cells) - 1 else set_cell_size(cell, size + 2), style))
    return strip(*pieces)


def source_lines(source: Source, width: int) -> list[Strip]:
    """Numbered lines; ▶ at the current one, ● where a breakpoint is."""
    digits = len(str(source.lines[-1][0])) if source.lines else 1
    lines = []
    for number, text in source.lines:
        here, stop = number == source.current, number in source.marked
        mark = ("▶" if here else " ", palette.HERE), ("● " if stop else "  ", palette.STOP)
        style = palette.HERE if here else palette.PLAIN
        lines.append(fit(strip(*mark, (f"{number:>{digits}}  ", palette.DIM), (clean(text), style)), width))
    return lines


def report_lines(blocks: Iterable[Block], width: int) -> list[Strip]:
    """All blocks of a report, one under the other."""
    return [line for block in blocks for line in block_lines(block, width)]
