"""The gradient's norm at each backward event."""

from __future__ import annotations

from math import isfinite, log10

from bpdebug.debugger import State
from bpdebug.explain.flow import Flow
from bpdebug.views.blocks import Table
from bpdebug.views.numbers import number
from bpdebug.views.report import Report

WIDTH = 20


def flow(state: State, found: tuple[Flow, ...]) -> Report:
    """A row an event: norm, gain, and a bar on a logarithmic scale."""
    data = {"rows": [{"event": r.event, "node": r.node, "norm": r.norm, "gain": r.gain} for r in found]}
    logs = [log10(r.norm) for r in found if r.norm and isfinite(r.norm)]
    low, high = (min(logs), max(logs)) if logs else (0.0, 0.0)
    rows = tuple((f"{r.event}", f"∂{r.node}", r.op, number(r.norm), number(r.gain), _bar(r, low, high)) for r in found)
    headers = ("event", "gradient", "op", "norm", "gain", "")
    return Report("flow", f"gradient flow, {len(found)} events", (Table(headers, rows),), data)


def _bar(row: Flow, low: float, high: float) -> str:
    if not row.norm or not isfinite(row.norm):
        return ""
    return "█" * (1 + round((WIDTH - 1) * ((log10(row.norm) - low) / (high - low) if high > low else 1)))
