"""Which rule is wrong: a row for each operand of each node."""

from __future__ import annotations

from collections.abc import Iterator

from bpdebug.debugger import State
from bpdebug.explain.check import Checked, Judged
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.numbers import number
from bpdebug.views.report import Report

MOST = 40
"""Rows that pass, beyond which only the others are shown."""
WHERE = {"rule": "this rule is wrong", "upstream": "wrong already upstream", None: ""}


def check(state: State, found: Checked) -> Report:
    """The verdicts in event order, the first wrong node first of all."""
    rows = [
        {
            "node": r.node, "operand": r.operand, "verdict": r.verdict, "error": r.error, "cell": list(r.cell),
            "analytic": r.analytic, "numeric": r.numeric, "where": r.where, "kink": r.kink,
        }
        for r in found.rows
    ]  # fmt: skip
    right = sum(r.verdict == "pass" for r in found.rows)
    title = f"check: {right} of {len(rows)} pass" + (f", first wrong at {found.first_wrong}" * bool(found.first_wrong))
    return Report("check", title, tuple(_blocks(found)), {"rows": rows, "first_wrong": found.first_wrong})


def _blocks(found: Checked) -> Iterator[Block]:
    if found.first_wrong is not None:
        yield Text(f"the first wrong rule on the way back is at {found.first_wrong}", "bad")
    shown = found.rows if len(found.rows) <= MOST else [r for r in found.rows if r.verdict != "pass"]
    if shown:
        headers = ("node", "operand", "verdict", "error", "worst cell", "analytic", "numeric", "")
        yield Table(headers, tuple(map(_row, shown)))
    if len(shown) < len(found.rows):
        yield Text(f"and {len(found.rows) - len(shown)} that pass", "dim")


def _row(r: Judged) -> tuple[str, ...]:
    cell = f"[{', '.join(map(str, r.cell))}]"
    said = "a kink or an edge: differences cannot tell" if r.kink else WHERE[r.where]
    return (r.node, f"∂{r.operand}", r.verdict, f"{r.error:.1e}", cell, number(r.analytic), number(r.numeric), said)
