"""Which rule is wrong: a row for each operand of each node."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import asdict

from bpdebug.arrays import cell_text
from bpdebug.checks.first_wrong import Checked, RuleVerdict
from bpdebug.debugger import State
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.numbers import in_time, number
from bpdebug.views.report import Report

MOST = 40
"""Rows that pass, beyond which only the others are shown."""
WHERE = {"rule": "this rule is wrong", "upstream": "wrong already upstream", None: ""}


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
    title = f"check: {right} of {len(rows)} pass" + (f", first wrong at {found.first_wrong}" * bool(found.first_wrong))
    title += in_time(found.checked, found.nodes, "rules were checked", seconds)
    return Report("check", title, tuple(_blocks(found)), {**asdict(found), "rows": rows})


def _blocks(found: Checked) -> Iterator[Block]:
    if found.first_wrong is not None:
        text = f"the first wrong rule on the way back is at {found.first_wrong}"
        if found.was_set:
            text = f"no rule is wrong up to ∂{found.first_wrong}, which was set by hand"
        yield Text(text, "bad")
    shown = found.rows if len(found.rows) <= MOST else [r for r in found.rows if r.verdict != "pass"]
    if shown:
        headers = ("node", "verdict", "error", "worst cell", "analytic", "numeric", "")
        links, sheds = tuple(f"seek {r.node}@bwd" for r in shown), ("worst cell", "analytic", "numeric", "error", "")
        yield Table(headers, tuple(map(_row, shown)), links=links, sheds=sheds)
        yield Text("each rule tried at its own node, with a random cotangent against central differences", "dim")
    if len(shown) < len(found.rows):
        rest = len(found.rows) - len(shown)
        yield Text(f"and {rest} that pass" if shown else f"all {rest} pass", "dim")
    sampled = [r for r in found.rows if r.checked < r.cells and r.checked]
    if sampled:
        largest = max(sampled, key=lambda r: r.cells)
        more = f"; of {len(sampled)} operands not every cell was moved" if len(sampled) > 1 else ""
        words = f"sampled: {largest.checked} of the {largest.cells:,} cells of {largest.name}, drawn at random{more}"
        yield Text(words, "dim")


def _row(r: RuleVerdict) -> tuple[str, ...]:
    cell, said = cell_text(f"∂{r.name}", r.cell), r.says or WHERE[r.where]
    return (r.node, r.verdict, f"{r.error:.1e}", cell, number(r.analytic), number(r.numeric), said)
