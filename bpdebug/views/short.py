"""Reports with short names, where a graph's are long: at the edge, as signs are spelt in ASCII; JSON has them whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from bpdebug.debugger import State
from bpdebug.expression.short import Shorts
from bpdebug.symbolic.notation import Notation
from bpdebug.views.blocks import Block, Formula, Matrix, Row, Section, Table, Text
from bpdebug.views.report import Report

Say = Callable[[str], str]
WHOLE = ("info", "whatis", "where", "help", "apropos")
"""Reports in which names are looked up."""


def said(state: State, text: str) -> str:
    """A text with short names for whole ones, as one reads it who stands where the state does."""
    shorts = Shorts.of(state.timeline.graph)
    return text if shorts is None else shorts.said(text, state.block)


def shortened(state: State, report: Report) -> Report:
    """The report as one reads it who stands where the state does."""
    if Shorts.of(state.timeline.graph) is None or report.kind in WHOLE:
        return report
    say, spare = partial(said, state), report.spare
    more = None if spare is None else lambda: tuple(_block(b, say) for b in spare())
    blocks = tuple(
        Section(tuple(_block(b, say) for b in one.blocks)) if isinstance(one, Section) else _block(one, say)
        for one in report.blocks
    )
    return replace(report, title=say(report.title), blocks=blocks, spare=more)


def _block(block: Block, say: Say) -> Block:
    if isinstance(block, Text):
        return replace(block, text=say(block.text))
    if isinstance(block, Formula):
        return replace(block, text=block.text.saying(say), note=say(block.note))
    if isinstance(block, Row):
        return Row(tuple(replace(i, name=_name(i.name, say)) if isinstance(i, Matrix) else i for i in block.items))
    if isinstance(block, Table):
        rows = tuple(tuple(map(say, row)) for row in block.rows)
        return replace(block, headers=tuple(map(say, block.headers)), rows=rows)
    return block


def _name(name: str, say: Say) -> str:
    return name.saying(say) if isinstance(name, Notation) else say(name)
