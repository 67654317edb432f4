"""What another program handed on and our rules do not give: a row an operand."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bpdebug.arrays import cell_text
from bpdebug.debugger import State
from bpdebug.engine import BACKWARD, Timeline
from bpdebug.explain.handed import sides
from bpdebug.explain.leaf_gradients import GradientRow, in_words
from bpdebug.translation import N_, _, ngettext
from bpdebug.views.blocks import Block, Matrix, Row, Table, Text
from bpdebug.views.encode import record
from bpdebug.views.numbers import number
from bpdebug.views.report import Report

HEADERS = (
    N_("node"), N_("function"), N_("gradient"), N_("error"), N_("at"), N_("handed"), N_("our rule"), N_("factor"),
    N_("line"),
)  # fmt: skip
SHEDS = ("at", "factor", "our rule", "handed")


def differences(state: State, found: Sequence[GradientRow]) -> Report:
    """The report on a timeline that was seen; at an event that is one of them, both sides."""
    report, event = handed(state.timeline, found), state.event
    if event is None or event.phase != BACKWARD or event.name not in {row.node for row in found}:
        return report
    wrong = {row.name for row in found if row.node == event.name}
    rows = [
        Row((
            Matrix(_("handed to {name}").format(name=name), theirs, theirs.shape, mark="gradient"),
            "≠" if name in wrong else "=", Matrix(_("our rule"), ours, ours.shape, mark="gradient"),
        ))
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
        headers, sheds = (tuple(map(_, words)) for words in (HEADERS, SHEDS))
        blocks.append(Table(headers, tuple(map(_row, found)), links=links, sheds=sheds))
    if unknown:
        words = _("no rule of ours for {unknown} of {count} nodes: they are not judged")
        blocks.append(Text(words.format(unknown=unknown, count=len(applications)), "note"))
    data = {"equal": not found, "rows": [record(row) for row in found], "first": record(found[0]) if found else None}
    return Report("differences", _title(found, edges), tuple(blocks), data)


def _title(found: Sequence[GradientRow], edges: int) -> str:
    if not edges and not found:
        return _("no step of another program was watched here: there is nothing to hold against our rules")
    if not found:
        return _("each of {edges} gradients that were handed on is what our rule gives").format(edges=edges)
    first = found[0]
    said = ngettext(
        "{count} of {edges} gradients is not what our rule gives; the first is of {function}",
        "{count} of {edges} gradients are not what our rule gives; the first is of {function}",
        len(found),
    )
    function = f"{first.function} ({first.line})" if first.line else first.function
    return said.format(count=len(found), edges=edges, function=function)


def _row(row: GradientRow) -> tuple[str, ...]:
    place = row.node or "", row.function or "", f"∂{row.name}"
    if row.error is None:
        return (*place, _("no step leads there"), "", "", _("nothing"), "", row.line or "")
    factor = "–" if row.factor is None else in_words(row.factor) or number(row.factor)
    cell = cell_text("", row.cell or ())
    return (*place, number(row.error), cell, number(row.left), number(row.right), factor, row.line or "")
