"""Blocks of reports as HTML: the one place where what a file says becomes markup, and is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from bpdebug.arrays import Array
from bpdebug.engine import stats
from bpdebug.errors import printable
from bpdebug.far import as_array
from bpdebug.symbolic.mathml import MATHML
from bpdebug.symbolic.notation import Notation
from bpdebug.translation import _
from bpdebug.views.blocks import Block, Formula, Listing, Matrix, Row, Section, Table, Text
from bpdebug.views.encode import MANY_CELLS
from bpdebug.views.numbers import number, number_format, shape_text, short
from bpdebug.views.report import Report
from bpdebug.views.text import MOST_COLUMNS, MOST_ROWS, cells_lines, corners, ends, listing_lines, row_label

MOST_SHOWN = (MOST_ROWS, MOST_COLUMNS)
Marked = frozenset[tuple[int, int]]


def safe(text: str) -> str:
    """Text as it is printed, in markup."""
    return escape(printable(text), quote=True)


def report_html(report: Report) -> str:
    """A report's blocks as they stand still."""
    return "".join(section_html(b) if isinstance(b, Section) else block_html(b) for b in report.blocks)


def section_html(section: Section) -> str:
    """What is seen together."""
    return f"<section>{''.join(map(block_html, section.blocks))}</section>"


def block_html(block: Block) -> str:
    """One block."""
    if isinstance(block, Row):
        return row_html(item if isinstance(item, str) else figure_html(item) for item in block.items)
    if isinstance(block, Text):
        return f'<p class="{block.style}">{safe(block.text)}</p>' if block.text else ""
    if isinstance(block, Formula):
        note = f" <small>{safe(block.note)}</small>" if block.note else ""
        return f'<p class="formula">{formula_html(block.text)}{note}</p>'
    if isinstance(block, Table):
        return table_html(block)
    found = listing_lines(block) if isinstance(block, Listing) else cells_lines(block.array)
    return pre_html(found)


def formula_html(text: str) -> str:
    """Mathematics as a browser sets it; what knows no other dialect as it is."""
    if isinstance(text, Notation):
        return f'<math alttext="{safe(text)}">{text.in_dialect(MATHML)}</math>'
    return f"<code>{safe(text)}</code>"


def row_html(items: Iterable[str]) -> str:
    """Figures side by side, with the signs between them; figures are markup already."""
    return f'<div class="row">{"".join(i if i.startswith("<figure") else sign_html(i) for i in items)}</div>'


def sign_html(sign: str) -> str:
    """A sign, or a function's name, between figures."""
    return f"<code>{safe(sign)}</code>"


def pre_html(lines: Iterable[str]) -> str:
    """Lines as they are printed."""
    return f'<pre tabindex="0">{safe(chr(10).join(lines))}</pre>'


def table_html(table: Table) -> str:
    """A table of texts; a bar is as long as its share of the last column."""
    if not table.rows:
        return f'<p class="dim">{safe(_("(none)"))}</p>'
    head = f"<tr>{''.join(f'<th>{safe(h)}' if h else '<td>' for h in table.headers)}" if any(table.headers) else ""
    bars = table.bars or (None,) * len(table.rows)
    body = "".join(
        f"<tr>{''.join(f'<td>{safe(cell)}' for cell in row)}{_bar(bar)}"
        for row, bar in zip(table.rows, bars, strict=True)
    )
    return f'<div class="wide" tabindex="0" role="group"><table class="texts">{head}{body}</table></div>'


def _bar(share: float | None) -> str:
    return "" if share is None else f'<td><meter value="{share:.3f}">{share:.0%}</meter>'


def figure_html(matrix: Matrix) -> str:
    """A tensor with its name, shape and cells; leading axes count as rows, one below the other.

    One of more than MANY_CELLS cells is shown by its corners and its statistics.
    """
    note = f" <i>({safe(matrix.note)})</i>" if matrix.note else ""
    head = f"<figcaption><b>{safe(short(matrix.name))}</b> {shape_text(matrix.shape)}{note}</figcaption>"
    if matrix.array is None:
        return f"<figure>{head}<p>{safe(_('not computed yet'))}</p></figure>"
    array = as_array(matrix.array)
    if not array.size:
        return f"<figure>{head}<p>{safe(_('no cells'))}</p></figure>"
    kind = f' class="{matrix.mark}"' if matrix.mark else ""
    said = f"<small>{safe(_facts(array))}</small>" if array.size > MANY_CELLS else ""
    return f"<figure{kind}>{head}<table>{''.join(_grid(array, matrix.marked))}</table>{said}</figure>"


def _facts(array: Array) -> str:
    s = stats(array)
    numbers = {name: number(getattr(s, name)) for name in ("min", "max", "mean", "norm")}
    text = _("min {min}, max {max}, mean {mean}, norm {norm}; {zeros:,} zeros, {nans:,} nan, {infs:,} inf")
    return text.format(**numbers, zeros=s.zeros, nans=s.nans, infs=s.infs)


def _grid(array: Array, marked: Marked) -> Iterator[str]:
    """The rows of a table with the indices of rows and columns, as far as there are any; ends of rows are left out."""
    form, many = number_format(array), array.size > MANY_CELLS
    if array.ndim == 0:
        yield f"<tr><td>{form.text(array[()])}"
        return
    cells = array.reshape(-1, array.shape[-1])
    rows, columns = (ends(n, most if many else n) for n, most in zip(cells.shape, MOST_SHOWN, strict=True))
    known = corners(cells, rows, columns)
    corner = "<td>" if array.ndim > 1 else ""
    if cells.size > 1 or array.ndim > 1:
        yield f"<tr>{corner}{''.join('<th>⋯' if c is None else f'<th>{c}' for c in columns)}"
    for r in rows:
        if r is None:
            yield f"<tr><th>⋮{'<td>⋮' * len(columns)}"
            continue
        label = row_label(r, array.shape[:-1])
        begins = array.ndim > 2 and r % array.shape[-2] == 0
        yield f"<tr{' class=slice' * begins}>{f'<th>{label}' if label else ''}" + "".join(
            "<td>⋯" if c is None else f"<td{' class=marked' * ((r, c) in marked)}>{form.cell(known[r, c]).strip()}"
            for c in columns
        )
