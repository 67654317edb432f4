"""Two timelines side by side: the first event at which they differ, and by how much."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from bpdebug.arrays import at_cell, cell_text
from bpdebug.debugger import State
from bpdebug.engine import Timeline
from bpdebug.explain.choices import Choice, choices
from bpdebug.explain.difference import Change, Difference, first_difference, gradient_changes
from bpdebug.explain.leaf_gradients import GradientRow, Leaves, by_leaves, different_programs, in_words
from bpdebug.explain.rounded import Rounded
from bpdebug.translation import _, listed
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.choices import chosen_otherwise
from bpdebug.views.encode import record
from bpdebug.views.numbers import event_text, exact, number
from bpdebug.views.program import way_to
from bpdebug.views.report import Report

MOST = 1000
"""Choices that are looked for."""


def compare(state: State, other: Timeline, name: str) -> Report:
    """The timeline in use against another one, which is called `name`."""
    return compared(state.timeline, other, (_("this one"), name))


def compared(left: Timeline, right: Timeline, names: tuple[str, str], *, rounded: bool = False) -> Report:
    """The report on two timelines; of two different programs, by the leaves that both have.

    `rounded`: other libraries computed them, so that what differs by rounding is the same.
    """
    if different_programs(left, right):
        return _by_leaves(left, by_leaves(left, right), names)
    allowed = Rounded(left, right) if rounded else None
    found = first_difference(left, right, allowed=allowed)
    own = found is not None
    found = found or (allowed.first if allowed is not None else None)
    if found is None:
        text = _("{left} and {right} are the same in all {count} events, bit for bit")
        if rounded:
            text = _("{left} and {right} are the same in all {count} events, but for rounding")
        text = text.format(left=names[0], right=names[1], count=len(left))
        return Report("compare", text, (), {"equal": True, "first": None})
    chosen = _chosen(left, right, found.event, near=not rounded)
    longer = left if len(left) >= len(right) else right
    there = f"seek #{found.event}" if longer is left else ""
    blocks: list[Block] = [Text(_words(found, names, (len(left), len(right))), link=there)]
    if found.convention is not None:
        blocks.append(Text(_convention(found.convention, names), "note"))
    blocks += chosen_otherwise(chosen, names, MOST)
    changes = [] if found.what in ("end", "event") else gradient_changes(left, right)
    blocks += _changes(left, changes, names)
    data = {"equal": False, "first": record(found), "gradients": changes, "choices": record(tuple(chosen))}
    return Report("compare", _title(longer, found, own, rounded, len(chosen)), tuple(blocks), data)


def _title(longer: Timeline, found: Difference, own: bool, rounded: bool, chosen: int) -> str:
    """What the first difference is one of: `own`, of what an event makes of the same numbers."""
    event = longer.event(found.event)
    words = " ".join(filter(None, (event_text(event.index), _(event.phase), event.name, event.op or "")))
    if not rounded:
        return _("the first difference is {event}").format(event=words)
    if own:
        return _("the first difference beyond rounding is {event}").format(event=words)
    if chosen:
        return _("the same but for rounding, and what it decides: more than rounding from {event} on").format(
            event=words
        )
    return _("the same but for rounding, which grows: more than that from {event} on").format(event=words)


def _chosen(left: Timeline, right: Timeline, index: int, *, near: bool) -> list[Choice]:
    """What both chose differently in the iteration of an event, where they have the whole of it."""
    iteration = left.schedule.iteration_at(index)
    whole = (iteration + 1) * left.schedule.per_iteration
    if whole > min(len(left), len(right)):
        return []
    return list(islice(choices(left, right, iteration, near=near), MOST))


def _changes(left: Timeline, changes: list[Change], names: tuple[str, str]) -> Iterator[Block]:
    """How the gradients of leaves differ, at the end."""
    if changes:
        rows = tuple((f"∂{c.name}", number(c.left), number(c.right), number(c.largest)) for c in changes)
        norms = (_("norm, {side}").format(side=name) for name in names)
        headers = (_("gradient"), *norms, _("largest change"))
        last = left.schedule.iterations - 1
        links = tuple(way_to(left, c.name, last) for c in changes)
        yield Table(headers, rows, links=links, sheds=headers[1:3])


def _by_leaves(timeline: Timeline, found: Leaves, names: tuple[str, str]) -> Report:
    """The gradients of leaves that two programs share, side by side, in the order of the backward pass of the first."""
    blocks: list[Block] = []
    if found.rows:
        headers = (_("gradient"), _("factor"), _("largest error"), _("at"), *names)
        links = tuple(way_to(timeline, row.name, 0) for row in found.rows)
        blocks.append(Table(headers, tuple(_side_by_side(row) for row in found.rows), links=links))
    if found.values:
        words = _("not the same numbers in both from the start: {names}")
        blocks.append(Text(words.format(names=listed(found.values)), "note"))
    for name, alone in zip(names, (found.left, found.right), strict=True):
        if alone:
            blocks.append(Text(_("in {side} alone: {names}").format(side=name, names=listed(alone)), "dim"))
    data = {"equal": found.first is None, "rows": record(found.rows), "first": record(found.first)}
    return Report("compare", _verdict(found), tuple(blocks), data)


def _verdict(found: Leaves) -> str:
    if not found.rows:
        return _("two different programs, and no leaf of one name gets a gradient in both")
    if found.first is None:
        return _("two different programs: the gradients of all leaves of one name agree")
    shared = {row.factor for row in found.rows}
    only = in_words(shared.pop()) if len(shared) == 1 else None
    if only is not None:
        words = _("two different programs: every gradient of the first is {factor} times that of the second")
        return words.format(factor=only)
    words = _("two different programs: ∂{name} is the first that differs on the way back")
    return words.format(name=found.first.name)


def _side_by_side(row: GradientRow) -> tuple[str, ...]:
    if row.error is None:
        return f"∂{row.name}", "", _("another shape, or none"), "", "", ""
    factor = "–" if row.factor is None else in_words(row.factor) or number(row.factor)
    sides = ("", "") if row.left is None else (number(row.left), number(row.right))
    return f"∂{row.name}", factor.replace("-", "−"), number(row.error), cell_text("", row.cell or ()), *sides


def _convention(whose: tuple[tuple[str, ...], tuple[str, ...]], names: tuple[str, str]) -> str:
    left, right = map(listed, whose)
    words = _(
        "only a convention: where they differ there is no derivative; "
        "{first} answers as {left} would, and {second} as {right}"
    )
    return words.format(first=names[0], left=left, second=names[1], right=right)


def _words(found: Difference, names: tuple[str, str], lengths: tuple[int, int]) -> str:
    if found.what == "end":
        short = names[0] if lengths[0] < lengths[1] else names[1]
        words = _("{side} ends before it: {fewer} events, and the other has {more}")
        return words.format(side=short, fewer=min(lengths), more=max(lengths))
    if found.what == "event":
        return _("it is another event in {side}").format(side=names[1])
    if found.error is None:
        return _("{what} differs").format(what=found.what)
    words = _("{what}: largest relative error {error:.3g}{at}")
    words = words.format(what=found.what, error=found.error, at=at_cell(found.cell or ()))
    sides = (f"{name}: {_digits(x, found.dtype)}" for name, x in zip(names, (found.left, found.right), strict=True))
    return "\n".join((words, *sides))


def _digits(value: float | None, dtype: str | None) -> str:
    """A number with every digit that tells it from its neighbours in its own precision."""
    if value is None:
        return "–"
    kind = np.dtype(dtype)
    return exact(float(str(kind.type(value))) if kind.kind == "f" else value)
