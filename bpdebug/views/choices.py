"""Choices that fell otherwise on two sides: which node, which cell, what it is on either, and what jumps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bpdebug.arrays import cell_text
from bpdebug.explain.choices import Choice
from bpdebug.translation import _
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.numbers import number

SHOWN = 20
"""Choices in the table."""


def chosen_otherwise(found: Sequence[Choice], names: tuple[str, str], most: int) -> Iterator[Block]:
    """The first of them as a table, and what follows from them; no more than `most` were looked for."""
    if not found:
        return
    headers = (_("node"), _("asks"), _("at"), *names, _("what jumps"))
    rows = tuple(
        (c.node, c.asks, cell_text(c.operand, c.cell), _side(c.left), _side(c.right), _jump(c)) for c in found[:SHOWN]
    )
    yield Table(headers, rows, links=tuple(f"seek {c.node}" for c in found[:SHOWN]), sheds=(headers[1],))
    if len(found) > SHOWN:
        more = _("and {count} more") if len(found) < most else _("and more than {count} more")
        yield Text(more.format(count=len(found) - SHOWN), "dim")
    words = _(
        "what is compared there agrees but for rounding, and lies on either side of where a derivative or "
        "a value jumps: gradients that differ because of it are two right answers"
    )
    yield Text(words, "note")


def _side(value: float | None) -> str:
    return "" if value is None else number(value)


def _jump(c: Choice) -> str:
    return f"{c.node if c.gradient is None else f'∂{c.gradient}'}: {number(c.before)} → {number(c.after)}"
