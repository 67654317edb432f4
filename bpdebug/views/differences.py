"""What another program handed on and our rules do not give: a row an operand."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bpdebug.arrays import cell_text
from bpdebug.debugger import State
from bpdebug.engine import BACKWARD, Timeline
from bpdebug.explain.handed import sides
from bpdebug.explain.leaf_gradients import GradientRow, in_words
from bpdebug.views.blocks import Block, Matrix, Row, Table, Text
from bpdebug.views.encode import record
from bpdebug.views.numbers import number
from bpdebug.views.report import Report

HEADERS = ("node", "function", "gradient", "error", "at", "handed", "our rule", "factor", "line")

SHEDS = ("at", "factor", "our rule", "handed")


def differences(state: State, found: Sequence[GradientRow]) -> Report:
    """The report on a timeline that was seen; at an event that is one of them, both sides."""
    report, event = handed(state.timeline, found), state.event
    if event is None or event.phase != BACKWARD or event.name not in {row.node for row in found}:
        return report
    wrong = {row.name for row in found if row.node == event.name}
    rows = [
        Row((Matrix(f"handed to {name}", theirs, theirs.shape, mark="gradient"), "≠" if name in wrong else "=",
             Matrix("our rule", ours, ours.shape, mark="gradient")))
        for name, theirs, ours in sides(state.timeline, event.name)
    ]  # fmt: skip
    return replace(report, blocks=(*rows, *report.blocks))


def handed(timeline: Timeline, found: Sequence[GradientRow]) -> Report:
    """The first difference in words, then all rows in backward order."""
    applications = timeline.recording.applications if timeline.recording else ()
    edges = sum(len(told.operands) for told in applications)
    graph = timeline.graph
    unknown = sum(any(n.op.name == "opaque" for n in graph.nodes[told.first : told.stop]) for told in applications)
    blocks: list[Block] = []
    if found:
        links = tuple(f"seek {row.node}@bwd" for row in found)
        blocks.append(
            Table(HEADERS, tuple(map(_row, found)), links=links, sheds=("at", "factor", "our rule", "handed"))
        )
    if unknown:
        blocks.append(Text(f"no rule of ours for {unknown} of {len(applications)} nodes: they are not judged", "note"))
    data = {"equal": not found, "rows": [record(row) for row in found], "first": record(found[0]) if found else None}
    return Report("differences", _title(found, edges), tuple(blocks), data)


def _title(found: Sequence[GradientRow], edges: int) -> str:
    if not edges and not found:
        return "no step of another program was watched here: there is nothing to hold against our rules"
    if not found:
        return f"each of {edges} gradients that were handed on is what our rule gives"
    first = found[0]
    where = f" ({first.line})" if first.line else ""
    are = "is" if len(found) == 1 else "are"
    return f"{len(found)} of {edges} gradients {are} not what our rule gives; the first is of {first.function}{where}"


def _row(row: GradientRow) -> tuple[str, ...]:
    place = row.node or "", row.function or "", f"∂{row.name}"
    if row.error is None:
        return (*place, "no step leads there", "", "", "nothing", "", row.line or "")
    factor = "–" if row.factor is None else in_words(row.factor) or number(row.factor)
    cell = cell_text("", row.cell or ())
    return (*place, number(row.error), cell, number(row.left), number(row.right), factor, row.line or "")
