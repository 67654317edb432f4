"""The terms of a gradient before they are summed."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from functools import partial, reduce
from typing import Any

import numpy as np

from bpdebug.arrays import encode_key
from bpdebug.cells.recipes import Links, laid
from bpdebug.debugger import State
from bpdebug.engine.parts import Recipe
from bpdebug.explain.contributions import INCOMING, Contributions, Given
from bpdebug.graph import Subject
from bpdebug.symbolic import PRIMS, Expr, Trace
from bpdebug.symbolic.plan import unbroadcast
from bpdebug.symbolic.text import key_text
from bpdebug.translation import _, listed
from bpdebug.views.blocks import Block, Matrix, Row, Table, Text, between
from bpdebug.views.encode import Later, cells
from bpdebug.views.numbers import event_text, number, percent, short
from bpdebug.views.report import Report
from bpdebug.views.short import said

MOST = 6
"""Terms shown as matrices."""


def contributions(state: State, found: Contributions) -> Report:
    """Each term with its norm, its share and the running total."""
    rows = [Later(partial(_row, r)) for r in found.rows]
    later = [{"from": source, "event": event} for source, event in found.later]
    data = {
        "of": found.of, "rows": rows, "sum": None if found.sum is None else cells(found.sum), "status": found.status,
        "later": later,
    }  # fmt: skip
    reference, key = found.goal.reference, found.goal.key
    name = f"{reference}[{key_text(encode_key(key))}]" if key else str(reference)
    if found.status == "no-path":
        text = Text(_("no path to an output: why {of} says more").format(of=found.of))
        return Report("contributions", _title(found.of), (text,), data)
    table = tuple(
        (
            _source(r.source), event_text(r.event), short(said(state, r.formula)), number(r.norm), percent(r.share),
            number(r.sum_norm),
            _("summed over axes {axes}").format(axes=listed(map(str, r.axes))) if r.axes else "",
        )
        for r in found.rows
    )  # fmt: skip
    at, formula, share, total = _("at"), _("formula"), _("share"), _("norm of sum")
    headers, sheds = (_("from"), at, formula, _("norm"), share, total, ""), (at, total, formula, "", share)
    links = tuple(f"seek #{r.event}" for r in found.rows)
    blocks: list[Block] = [Table(headers, table, links=links, sheds=sheds)] if table else []
    blocks += _matrices(found, name)
    for source, event in found.later[:MOST]:
        there = event < len(state.timeline)
        words = _("from {source}, after the end of the recording")
        if there:
            words = _("from {source}, at event {event}: not computed yet")
        link = f"seek #{event}" * there
        blocks.append(Text(words.format(source=_source(source), event=event), "dim", link=link))
    if len(found.later) > MOST:
        blocks.append(Text(_("and {count:,} more").format(count=len(found.later) - MOST), "dim"))
    together = Links(lambda: _laid(found)) if found.rows and not key else None
    return Report("contributions", _title(name), tuple(blocks), data, together)


def _title(name: str) -> str:
    return _("contributions to {name}").format(name=name)


def _source(name: str) -> str:
    """The node that a term comes from; a word for what comes in from outside."""
    return _(name) if name == INCOMING else name


def _laid(found: Contributions) -> Iterator[Recipe]:
    """The terms, each summed over broadcast axes where it was, as the sum that they are."""
    xp, known, terms = Trace(PRIMS), dict[Expr, Subject](), list[Expr]()
    for n, r in enumerate(found.rows[:MOST]):
        given = xp.leaf("", (r.value if r.before is None else r.before).shape, np.dtype(float))
        terms.append(unbroadcast(xp, given, r.value.shape))
        known |= {given: _term(n, before=True), terms[-1]: _term(n)}
    reference = found.goal.reference
    yield laid(Subject(reference.tensor, reference.gradient), reduce(operator.add, terms), known)


def _term(n: int, *, before: bool = False) -> Subject:
    """What a matrix of a term is; `before` it was summed over broadcast axes."""
    return Subject(f"term {n}{' before' * before}")


def _matrices(found: Contributions, name: str) -> Iterator[Row]:
    """Terms that were summed over broadcast axes, before and after; and all terms with their sum."""
    reference, whole = found.goal.reference, not found.goal.key
    for n, r in enumerate(found.rows[:MOST]):
        before, note = r.before, _("before the sum over the broadcast axes")
        if before is not None:
            given = Matrix(r.formula, before, before.shape, note, "operand", subject=_term(n, before=True))
            after = Matrix(_from(r), r.value, r.value.shape, _("after the sum"), "result", subject=_term(n))
            yield Row((given, _("sum over {axes} →").format(axes=listed(map(str, r.axes))), after))
    if found.sum is not None and len(found.rows) <= MOST:
        drawn = partial(Matrix, shape=found.sum.shape)
        terms = (drawn(_from(r), r.value, mark="operand", subject=_term(n)) for n, r in enumerate(found.rows))
        items = between("+", terms)
        of = Subject(reference.tensor, reference.gradient) if whole else None
        note = _("so far") if found.later else ""
        yield Row((*items, "=", drawn(name, found.sum, note=note, mark="gradient", subject=of)))


def _from(r: Given) -> str:
    return _("from {source}").format(source=_source(r.source))


def _row(r: Given) -> dict[str, Any]:
    before = r.before
    return {
        "from": r.source, "norm": r.norm, "share": r.share, "value": cells(r.value), "event": r.event,
        "formula": r.formula, "axes": list(r.axes),
        "before": None if before is None else cells(before), "total": cells(r.total),
    }  # fmt: skip
