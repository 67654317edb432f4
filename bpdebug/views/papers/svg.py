"""Reports as a picture: text on a grid of cells, of which Chinese takes two a character; no address, no script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from bpdebug.symbolic.mathml import escape
from bpdebug.views.blocks import Block, Formula, Text, flat
from bpdebug.views.report import Report
from bpdebug.views.text import lines
from bpdebug.wrapping import display_width

WIDTH = 100
"""Cells of a line."""
CELL, LINE, MARGIN = 7.8, 18, 12
"""Pixels: a cell is 0.6 of the letters' height, as in most monospaced fonts."""
SHORT = 8
"""Cells of a run that may be as long as the font makes it."""
_STYLE = (
    'text{font:13px ui-monospace,"DejaVu Sans Mono","Noto Sans Mono CJK SC",monospace;fill:#1b1d22;white-space:pre}'
    ".title,.formula{font-weight:700}.dim{fill:#5d6470}.bad{fill:#a5281b;font-weight:700}.paper{fill:#fff}"
    "@media(prefers-color-scheme:dark){text{fill:#e6e8ec}.dim{fill:#9aa3b2}.bad{fill:#ff8a7a}.paper{fill:#16181d}}"
)
_PAPER = '<rect class="paper" width="100%" height="100%"/>'


def svg(report: Report) -> str:
    """A report that stands alone: its lines as they are printed, each run of characters at the cells that it has."""
    shown = [("title", line) for line in lines(report.title, (), WIDTH)]
    for block in flat(report.blocks):
        shown += [(_kind(block), line) for line in lines("", [block], WIDTH)]
    wide = max((display_width(line) for _, line in shown), default=0)
    width, height = round(2 * MARGIN + wide * CELL), 2 * MARGIN + len(shown) * LINE
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    drawn = (_line(kind, line, MARGIN + LINE * (n + 0.75)) for n, (kind, line) in enumerate(shown))
    paper = f"<title>{escape(report.title)}</title><style>{_STYLE}</style>" + _PAPER
    return "\n".join([head, paper, *filter(None, drawn), "</svg>\n"])


def _kind(block: Block) -> str:
    """A block's class, where it has one."""
    return block.style if isinstance(block, Text) else "formula" if isinstance(block, Formula) else ""


def _line(kind: str, line: str, y: float) -> str:
    named = f' class="{kind}"' if kind else ""
    runs = "".join(f"<tspan {_place(at, text)}>{escape(text)}</tspan>" for at, text in _runs(line))
    return f'<text{named} y="{_pixels(y)}">{runs}</text>' if runs else ""


def _place(at: int, text: str) -> str:
    """Where a run begins and how long it is; of Chinese where each character begins, for it fills no grid by itself."""
    wide = display_width(text)
    if wide == 2 * len(text):
        return f'x="{" ".join(_pixels(MARGIN + (at + n) * CELL) for n in range(0, wide, 2))}"'
    length = f' textLength="{_pixels(wide * CELL)}"' if wide > SHORT else ""
    return f'x="{_pixels(MARGIN + at * CELL)}"{length}'


def _pixels(length: float) -> str:
    return f"{length:.1f}".removesuffix(".0")


def _runs(line: str) -> Iterator[tuple[int, str]]:
    """What stands together of a line, and at which cell: blanks or another width begin a new run."""
    at = 0
    for piece in re.split(r"( {2,})", line):
        for _, chars in groupby(piece, lambda char: display_width(char) == 2):
            text = "".join(chars)
            if bare := text.strip(" "):
                yield at + len(text) - len(text.lstrip(" ")), bare
            at += display_width(text)
