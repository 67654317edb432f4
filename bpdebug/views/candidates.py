"""Every product that could stand for a gradient, with its verdict."""

from __future__ import annotations

from collections.abc import Iterator

from bpdebug.debugger import State
from bpdebug.explain.candidates import ProductVerdict, ProductVerdicts
from bpdebug.translation import N_, _, clauses, ngettext
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.encode import record
from bpdebug.views.numbers import in_time, number, shape_text
from bpdebug.views.report import Report

SIGNS = {"right": N_("right"), "wrong": N_("wrong"), "shape": N_("does not fit")}


def candidates(state: State, found: ProductVerdicts, seconds: float | None = None) -> Report:
    """For each operand the products, and what the shapes alone would have said; how many were judged within a time."""
    title = clauses(
        _("candidates at {node}").format(node=found.node),
        in_time(_("{looked_at:,} of {of:,} products were judged in {seconds:g} s"), found.looked_at, found.of, seconds),
    )
    return Report("candidates", title, tuple(_blocks(found)), record(found))


def _blocks(found: ProductVerdicts) -> Iterator[Block]:
    for target in dict.fromkeys(r.target for r in found.rows):
        rows = [r for r in found.rows if r.target == target]
        fit, right = sum(r.fits for r in rows), sum(r.verdict == "right" for r in rows)
        words = ngettext(
            "{target}: {fit} of {count} fits, {right} right", "{target}: {fit} of {count} fit, {right} right", fit
        )
        yield Text(words.format(target=target, fit=fit, count=len(rows), right=right), "title")
        shown = [*rows, *(r for r in found.inverses if r.target == target)]
        links = (f"print {target}",) * len(shown)
        shape, error = _("shape"), _("error")
        headers = (_("formula"), shape, _("verdict"), "", error)
        yield Table(headers, tuple(map(_row, shown)), links=links, sheds=(shape, error, ""))
    for target in found.unconfirmed:
        words = _("the rule in use for {target} is wrong by finite differences; judged by the op's own")
        yield Text(words.format(target=target), "bad")


def _row(row: ProductVerdict) -> tuple[str, ...]:
    shape = "–" if row.shape is None else shape_text(row.shape)
    return (row.formula, shape, _(SIGNS[row.verdict]), row.note, number(row.error))
