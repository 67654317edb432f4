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
from bpdebug.explain.contributions import Contributions, Given
from bpdebug.graph import Subject
from bpdebug.symbolic import PRIMS, Expr, Trace
from bpdebug.symbolic.plan import unbroadcast
from bpdebug.symbolic.text import key_text
from bpdebug.views.blocks import Block, Matrix, Row, Table, Text, between
from bpdebug.views.encode import Later, cells
from bpdebug.views.numbers import number, percent, short
from bpdebug.views.report import Report
from bpdebug.views.short import said

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
    reference, key = found.goal.reference, found.goal.key
    name = f"{reference}[{key_text(encode_key(key))}]" if key else str(reference)
    if found.status == "no-path":
        text = Text(f"no path to an output: why {found.of} says more")
        return Report("contributions", f"contributions to {found.of}", (text,), data)
    table = tuple(
        (
            r.source, f"event {r.event}", short(said(state, r.formula)), number(r.norm), percent(r.share),
            number(r.sum_norm),
            f"summed over axes {', '.join(map(str, r.axes))}" if r.axes else "",
        )
        for r in found.rows
    )  # fmt: skip
    headers = ("from", "at", "formula", "norm", "share", "norm of sum", "")
    links, sheds = tuple(f"seek #{r.event}" for r in found.rows), ("at", "norm of sum", "formula", "", "share")
    blocks: list[Block] = [Table(headers, table, links=links, sheds=sheds)] if table else []
    blocks += _matrices(found, name)
    for source, event in found.later[:MOST]:
        there = event < len(state.timeline)
        words, link = (f"at event {event}: not computed yet", f"seek #{event}") if there else (CUT, "")
        blocks.append(Text(f"from {source}, {words}", "dim", link=link))
    if len(found.later) > MOST:
        blocks.append(Text(f"and {len(found.later) - MOST:,} more", "dim"))
    together = Links(lambda: _laid(found)) if found.rows and not key else None
    return Report("contributions", f"contributions to {name}", tuple(blocks), data, together)


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
        before, note = r.before, "before the sum over the broadcast axes"
        if before is not None:
            given = Matrix(r.formula, before, before.shape, note, "operand", subject=_term(n, before=True))
            after = Matrix(f"from {r.source}", r.value, r.value.shape, "after the sum", "result", subject=_term(n))
            yield Row((given, f"sum over {', '.join(map(str, r.axes))} →", after))
    if found.sum is not None and len(found.rows) <= MOST:
        drawn = partial(Matrix, shape=found.sum.shape)
        terms = (drawn(f"from {r.source}", r.value, mark="operand", subject=_term(n)) for n, r in enumerate(found.rows))
        items = between("+", terms)
        of = Subject(reference.tensor, reference.gradient) if whole else None
        note = "so far" * bool(found.later)
        yield Row((*items, "=", drawn(name, found.sum, note=note, mark="gradient", subject=of)))


def _row(r: Given) -> dict[str, Any]:
    before = r.before
    return {
        "from": r.source, "norm": r.norm, "share": r.share, "value": cells(r.value), "event": r.event,
        "formula": r.formula, "axes": list(r.axes),
        "before": None if before is None else cells(before), "total": cells(r.total),
    }  # fmt: skip
