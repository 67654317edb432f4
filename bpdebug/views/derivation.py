"""The reader's own backward pass, line by line."""

from __future__ import annotations

from bpdebug.debugger import State
from bpdebug.explain.derivation import Derived, LineVerdict
from bpdebug.translation import N_, _, listed
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.numbers import number
from bpdebug.views.program import way_to
from bpdebug.views.report import Report

SIGNS = {"right": N_("right"), "kink": N_("a kink"), "shape": N_("wrong shape"), "value": N_("wrong numbers")}


def derivation(state: State, found: Derived) -> Report:
    """The verdict on each line, and below it what was meant where one is wrong."""
    rows = [
        {"line": r.line, "name": r.name, "verdict": r.verdict, "error": r.error, "suggestion": r.suggestion or None}
        for r in found.rows
    ]
    right = sum(r.verdict == "right" for r in found.rows)
    kinks = sum(r.verdict == "kink" for r in found.rows)
    title = _("derivation: {right} of {count} right").format(right=right, count=len(rows))
    if kinks:
        title = _("{title}, {kinks} by another convention at a kink").format(title=title, kinks=kinks)
    if found.first_wrong:
        title = _("{title}, first wrong {name}").format(title=title, name=found.first_wrong)
    timeline = state.timeline
    links = tuple(way_to(timeline, r.to, timeline.schedule.iteration_at(state.cursor)) for r in found.rows)
    headers, table = (_("line"), _("gradient"), _("verdict"), _("error")), tuple(map(_row, found.rows))
    blocks: list[Block] = [Table(headers, table, links=links, sheds=headers[::3])]
    blocks += [
        Text(_("{of}: {said}").format(of=f"∂{r.to}", said=r.suggestion), "dim" if r.verdict == "kink" else "bad")
        for r in found.rows if r.suggestion
    ]  # fmt: skip
    if not rows:
        words = _("no line assigns a gradient of this graph; it has {names}")
        blocks = [Text(words.format(names=_some(state)), "dim")]
    words = _("{name}: there is no tensor {tensor}; taken as a name of your own")
    blocks += [Text(words.format(name=name, tensor=name[1:]), "dim") for name in found.unknown]
    return Report("derivation", title, tuple(blocks), {"rows": rows, "first_wrong": found.first_wrong})


def _some(state: State) -> str:
    """The first gradients by name, as a line can be written."""
    graph = state.timeline.graph
    names = [f"d{graph.names[t]}" for t in range(len(graph.names)) if graph.has_gradient(t)]
    return listed([*names[:8], *(["…"] if len(names) > 8 else [])])


def _row(r: LineVerdict) -> tuple[str, ...]:
    sign = _("no derivation") if r.verdict == "value" and r.error == 0 else _(SIGNS[r.verdict])
    return (f"{r.line}", f"∂{r.to}", sign, "–" if r.error is None else f"{number(r.error)}")
