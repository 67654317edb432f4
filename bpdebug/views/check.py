"""Which rule is wrong: a row for each operand of each node."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import asdict

from bpdebug.arrays import cell_text
from bpdebug.checks.first_wrong import Checked, RuleVerdict
from bpdebug.debugger import State
from bpdebug.translation import N_, _, clauses
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.numbers import in_time, number
from bpdebug.views.report import Report

MOST = 40
"""Rows that pass, beyond which only the others are shown."""
WHERE = {"rule": N_("this rule is wrong"), "upstream": N_("wrong already upstream")}
VERDICTS = {"pass": N_("pass"), "look": N_("look"), "fail": N_("fail")}


def check(state: State, found: Checked, seconds: float | None = None) -> Report:
    """The verdicts in event order, the first wrong node first of all; how many nodes were checked within a time."""
    rows = [
        {
            "node": r.node, "operand": r.name, "verdict": r.verdict, "error": r.error, "cell": list(r.cell),
            "analytic": r.analytic, "numeric": r.numeric, "where": r.where, "reason": r.reason or None,
            "says": r.says or None, "kink": r.kink, "checked": r.checked, "cells": r.cells,
        }
        for r in found.rows
    ]  # fmt: skip
    right = sum(r.verdict == "pass" for r in found.rows)
    title = _("check: {right} of {count} pass")
    if found.first_wrong:
        title = _("check: {right} of {count} pass, first wrong at {node}")
    title = clauses(
        title.format(right=right, count=len(rows), node=found.first_wrong),
        in_time(_("{looked_at:,} of {of:,} rules were checked in {seconds:g} s"), found.checked, found.nodes, seconds),
    )
    return Report("check", title, tuple(_blocks(found)), {**asdict(found), "rows": rows})


def _blocks(found: Checked) -> Iterator[Block]:
    if found.first_wrong is not None:
        text = _("the first wrong rule on the way back is at {node}")
        if found.was_set:
            text = _("no rule is wrong up to ∂{node}, which was set by hand")
        yield Text(text.format(node=found.first_wrong), "bad")
    shown = found.rows if len(found.rows) <= MOST else [r for r in found.rows if r.verdict != "pass"]
    if shown:
        cell, error, ours, theirs = _("worst cell"), _("error"), _("analytic"), _("numeric")
        headers, sheds = (_("node"), _("verdict"), error, cell, ours, theirs, ""), (cell, ours, theirs, error, "")
        links = tuple(f"seek {r.node}@bwd" for r in shown)
        yield Table(headers, tuple(map(_row, shown)), links=links, sheds=sheds)
        yield Text(_("each rule tried at its own node, with a random cotangent against central differences"), "dim")
    if len(shown) < len(found.rows):
        rest = len(found.rows) - len(shown)
        words = _("and {count} that pass") if shown else _("all {count} pass")
        yield Text(words.format(count=rest), "dim")
    sampled = [r for r in found.rows if r.checked < r.cells and r.checked]
    if sampled:
        largest = max(sampled, key=lambda r: r.cells)
        words = _("sampled: {checked} of the {cells:,} cells of {name}, drawn at random")
        words = words.format(checked=largest.checked, cells=largest.cells, name=largest.name)
        more = _("of {count} operands not every cell was moved").format(count=len(sampled))
        yield Text(clauses(words, more if len(sampled) > 1 else ""), "dim")


def _row(r: RuleVerdict) -> tuple[str, ...]:
    cell, said = cell_text(f"∂{r.name}", r.cell), r.says or (_(WHERE[r.where]) if r.where else "")
    return (r.node, _(VERDICTS[r.verdict]), f"{r.error:.1e}", cell, number(r.analytic), number(r.numeric), said)
