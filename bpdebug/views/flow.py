"""The gradient's norm at each backward event."""

from __future__ import annotations

from math import isfinite, log10
from typing import Any

from bpdebug.debugger import State
from bpdebug.explain.flow import EXPLODED, VANISHED, Flow, Flowing
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.numbers import in_time, number
from bpdebug.views.report import Report

LEAST = 0.05
"""The share of the longest bar that the smallest norm has."""


def flow(state: State, found: Flowing, seconds: float | None = None) -> Report:
    """A row an event: norm, gain, and a bar on a logarithmic scale; then the blocks, and what became of it.

    The title says how many events were looked at within a time.
    """
    logs = [log10(r.norm) for r in found.rows if r.norm and isfinite(r.norm)]
    low, high = (min(logs), max(logs)) if logs else (0.0, 0.0)
    marks = {found.vanished: " ◀ vanished", found.exploded: " ◀ exploded", found.undefined: " ◀ NaN"}
    rows = tuple(
        (f"{r.event}", f"∂{r.node}  {r.op}", number(r.norm), number(r.gain) + marks.get(r.event, ""))
        for r in found.rows
    )  # fmt: skip
    scale = f"{10**low:.1g} to {10**high:.1g}".replace("-", "−") if logs else ""
    headers = ("event", "gradient", "norm", "gain, all operands", scale)
    shares, links = tuple(_share(r, low, high) for r in found.rows), tuple(f"seek #{r.event}" for r in found.rows)
    blocks: list[Block] = [Table(headers, rows, shares, links, sheds=("event", headers[3]))]
    if found.blocks:
        table = tuple((t.block, number(t.entering), number(t.leaving), number(t.gain)) for t in found.blocks)
        links = tuple(f"seek {t.block}." for t in found.blocks)
        norms = "norm in", "norm out"
        blocks += [Text(""), Table(("block", *norms, "gain"), table, links=links, sheds=norms)]
    events = len(found.rows)
    title = f"gradient flow, {events} event{'s' * (events != 1)}: {_words(state, found)}"
    title += in_time(found.looked_at, found.of, "events were looked at", seconds)
    return Report("flow", title, tuple(blocks), lambda: _data(found))


def _data(found: Flowing) -> dict[str, Any]:
    return {
        "rows": [{"event": r.event, "node": r.node, "norm": r.norm, "gain": r.gain} for r in found.rows],
        "blocks": found.blocks, "vanished": found.vanished, "exploded": found.exploded, "undefined": found.undefined,
        "looked_at": found.looked_at, "of": found.of,
    }  # fmt: skip


def _words(state: State, found: Flowing) -> str:
    if found.turn is None:
        return "neither vanished nor exploded" + " so far" * (found.looked_at < found.of)
    at, what = found.turn
    where = f"∂{state.timeline.event(at).name} (event {at})"
    if what == "nan":
        return f"NaN first at {where}; `why` says where it began"
    if not isfinite(next(r.norm for r in found.rows if r.event == at)):
        return f"it {what}: infinite at {where}; `why` says where it began"
    share = f"less than {VANISHED:g} of" if what == "vanishes" else f"more than {EXPLODED:g} times"
    return f"it {what}: at {where} {share} what came in"


def _share(row: Flow, low: float, high: float) -> float | None:
    """How long the bar of a norm is, between that of the smallest, which can still be seen, and 1 of the largest."""
    if not row.norm or not isfinite(row.norm):
        return None
    return LEAST + (1 - LEAST) * ((log10(row.norm) - low) / (high - low) if high > low else 1)
