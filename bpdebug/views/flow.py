"""The gradient's norm at each backward event."""

from __future__ import annotations

from math import isfinite, log10
from typing import Any

from bpdebug.debugger import State
from bpdebug.explain.flow import EXPLODED, VANISHED, Flow, Flowing
from bpdebug.translation import _, clauses, ngettext
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.numbers import in_time, number, span_text
from bpdebug.views.report import Report

LEAST = 0.05
"""The share of the longest bar that the smallest norm has."""


def flow(state: State, found: Flowing, seconds: float | None = None) -> Report:
    """A row an event: norm, gain, and a bar on a logarithmic scale; then the blocks, and what became of it.

    The title says how many events were looked at within a time.
    """
    logs = [log10(r.norm) for r in found.rows if r.norm and isfinite(r.norm)]
    low, high = (min(logs), max(logs)) if logs else (0.0, 0.0)
    marks = {found.vanished: f" ◀ {_('vanished')}", found.exploded: f" ◀ {_('exploded')}", found.undefined: " ◀ NaN"}
    rows = tuple(
        (f"{r.event}", f"∂{r.node}  {r.op}", number(r.norm), number(r.gain) + marks.get(r.event, ""))
        for r in found.rows
    )  # fmt: skip
    scale = span_text(f"{10**low:.1g}", f"{10**high:.1g}").replace("-", "−") if logs else ""
    headers = (_("event"), _("gradient"), _("norm"), _("gain, all operands"), scale)
    shares, links = tuple(_share(r, low, high) for r in found.rows), tuple(f"seek #{r.event}" for r in found.rows)
    blocks: list[Block] = [Table(headers, rows, shares, links, sheds=(headers[0], headers[3]))]
    if found.blocks:
        table = tuple((t.block, number(t.entering), number(t.leaving), number(t.gain)) for t in found.blocks)
        links = tuple(f"seek {t.block}." for t in found.blocks)
        norms = _("norm in"), _("norm out")
        blocks += [Text(""), Table((_("block"), *norms, _("gain")), table, links=links, sheds=norms)]
    title = ngettext("gradient flow, {count} event: {said}", "gradient flow, {count} events: {said}", len(found.rows))
    title = clauses(
        title.format(count=len(found.rows), said=_words(state, found)),
        in_time(
            _("{looked_at:,} of {of:,} events were looked at in {seconds:g} s"), found.looked_at, found.of, seconds
        ),
    )
    return Report("flow", title, tuple(blocks), lambda: _data(found))


def _data(found: Flowing) -> dict[str, Any]:
    return {
        "rows": [{"event": r.event, "node": r.node, "norm": r.norm, "gain": r.gain} for r in found.rows],
        "blocks": found.blocks, "vanished": found.vanished, "exploded": found.exploded, "undefined": found.undefined,
        "looked_at": found.looked_at, "of": found.of,
    }  # fmt: skip


def _words(state: State, found: Flowing) -> str:
    if found.turn is None:
        if found.looked_at < found.of:
            return _("neither vanished nor exploded so far")
        return _("neither vanished nor exploded")
    at, what = found.turn
    said = _("it vanishes: at ∂{node} (event {event}) less than {share:g} of what came in")
    if what == "nan":
        said = _("NaN first at ∂{node} (event {event}); `why` says where it began")
    elif not isfinite(next(r.norm for r in found.rows if r.event == at)):
        said = _("it explodes: infinite at ∂{node} (event {event}); `why` says where it began")
    elif what == "explodes":
        said = _("it explodes: at ∂{node} (event {event}) more than {times:g} times what came in")
    return said.format(node=state.timeline.event(at).name, event=at, share=VANISHED, times=EXPLODED)


def _share(row: Flow, low: float, high: float) -> float | None:
    """How long the bar of a norm is, between that of the smallest, which can still be seen, and 1 of the largest."""
    if not row.norm or not isfinite(row.norm):
        return None
    return LEAST + (1 - LEAST) * ((log10(row.norm) - low) / (high - low) if high > low else 1)
