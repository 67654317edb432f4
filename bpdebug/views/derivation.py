"""The reader's own backward pass, line by line."""

from __future__ import annotations

from bpdebug.debugger import State
from bpdebug.explain.derivation import Derived, LineVerdict
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.numbers import number
from bpdebug.views.program import way_to
from bpdebug.views.report import Report

SIGNS = {"right": "right", "kink": "a kink", "shape": "wrong shape", "value": "wrong numbers"}


def derivation(state: State, found: Derived) -> Report:
    """The verdict on each line, and below it what was meant where one is wrong."""
    rows = [
        {"line": r.line, "name": r.name, "verdict": r.verdict, "error": r.error, "suggestion": r.suggestion or None}
        for r in found.rows
    ]
    right = sum(r.verdict == "right" for r in found.rows)
    kinks = sum(r.verdict == "kink" for r in found.rows)
    title = (
        f"derivation: {right} of {len(rows)} right"
        + f", {kinks} by another convention at a kink" * bool(kinks)
        + (f", first wrong {found.first_wrong}" * bool(found.first_wrong))
    )
    timeline = state.timeline
    links = tuple(way_to(timeline, r.to, timeline.schedule.iteration_at(state.cursor)) for r in found.rows)
    headers, table = ("line", "gradient", "verdict", "error"), tuple(map(_row, found.rows))
    blocks: list[Block] = [Table(headers, table, links=links, sheds=("line", "error"))]
    blocks += [
        Text(f"∂{r.to}: {r.suggestion}", "dim" if r.verdict == "kink" else "bad")
        for r in found.rows if r.suggestion
    ]  # fmt: skip
    if not rows:
        blocks = [Text(f"no line assigns a gradient of this graph; it has {_some(state)}", "dim")]
    blocks += [
        Text(f"{name}: there is no tensor {name[1:]}; taken as a name of your own", "dim") for name in found.unknown
    ]
    return Report("derivation", title, tuple(blocks), {"rows": rows, "first_wrong": found.first_wrong})


def _some(state: State) -> str:
    """The first gradients by name, as a line can be written."""
    graph = state.timeline.graph
    names = [f"d{graph.names[t]}" for t in range(len(graph.names)) if graph.has_gradient(t)]
    return ", ".join([*names[:8], *(["…"] if len(names) > 8 else [])])


def _row(r: LineVerdict) -> tuple[str, ...]:
    sign = "no derivation" if r.verdict == "value" and r.error == 0 else SIGNS[r.verdict]
    return (f"{r.line}", f"∂{r.to}", sign, "–" if r.error is None else f"{number(r.error)}")
