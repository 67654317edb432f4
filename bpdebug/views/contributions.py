"""The terms of a gradient before they are summed."""

from __future__ import annotations

from functools import partial
from typing import Any

from bpdebug.debugger import State
from bpdebug.explain.contributions import Contributions, Given
from bpdebug.views.blocks import Block, Matrix, Row, Table, Text
from bpdebug.views.encode import Later, cells
from bpdebug.views.numbers import number, percent, short
from bpdebug.views.report import Report

MOST = 6
"""Terms shown as matrices."""
CUT = "after the end of the recording"


def contributions(state: State, found: Contributions) -> Report:
    """Each term with its norm, its share and the running total."""
    rows = [Later(partial(_row, r)) for r in found.rows]
    later = [{"from": source, "event": event} for source, event in found.later]
    data = {
        "of": found.of, "rows": rows, "sum": None if found.sum is None else cells(found.sum), "status": found.status,
        "later": later,
    }  # fmt: skip
    name = f"∂{found.of[1:]}" if found.of.startswith("d") else found.of
    if found.status == "no-path":
        text = Text(f"no path to an output: why {found.of} says more")
        return Report("contributions", f"contributions to {found.of}", (text,), data)
    table = tuple(
        (
            r.source, f"event {r.event}", short(r.formula), number(r.norm), percent(r.share),
            number(r.sum_norm),
            f"summed over axes {', '.join(map(str, r.axes))}" if r.axes else "",
        )
        for r in found.rows
    )  # fmt: skip
    blocks: list[Block] = []
    if table:
        blocks.append(Table(("from", "at", "formula", "norm", "share", "norm of sum", ""), table))
    for r in found.rows[:MOST]:
        before = r.before
        if before is not None:
            after = Matrix(f"from {r.source}", r.value, r.shape, "after the sum", "result")
            blocks.append(
                Row((Matrix(r.formula, before, before.shape, "before the sum over the broadcast axes", "operand"),
                     f"sum over {', '.join(map(str, r.axes))} →", after))
            )  # fmt: skip
    if found.sum is not None and len(found.rows) <= MOST:
        items: list[Matrix | str] = []
        for r in found.rows:
            items += [*(["+"] if items else []), Matrix(f"from {r.source}", r.value, r.shape, mark="operand")]
        items += ["=", Matrix(name, found.sum, found.sum.shape, "so far" * bool(later), "gradient")]
        blocks.append(Row(tuple(items)))
    for source, event in found.later[:MOST]:
        there = event < len(state.timeline)
        blocks.append(Text(f"from {source}, " + (f"at event {event}: not computed yet" if there else CUT), "dim"))
    if len(found.later) > MOST:
        blocks.append(Text(f"and {len(found.later) - MOST:,} more", "dim"))
    return Report("contributions", f"contributions to {name}", tuple(blocks), data)


def _row(r: Given) -> dict[str, Any]:
    before = r.before
    return {
        "from": r.source, "norm": r.norm, "share": r.share, "value": cells(r.value), "event": r.event,
        "formula": r.formula, "axes": list(r.axes),
        "before": None if before is None else cells(before), "total": cells(r.total),
    }  # fmt: skip
