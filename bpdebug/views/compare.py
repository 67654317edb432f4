"""Two timelines side by side: the first event at which they differ, and by how much."""

from __future__ import annotations

from bpdebug.arrays import at_cell
from bpdebug.debugger import State
from bpdebug.engine import Timeline
from bpdebug.explain.difference import Difference, first_difference, gradient_changes
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.encode import record
from bpdebug.views.numbers import number
from bpdebug.views.program import way_to
from bpdebug.views.report import Report


def compare(state: State, other: Timeline, name: str) -> Report:
    """The timeline in use against another one, which is called `name`."""
    return compared(state.timeline, other, ("this one", name))


def compared(left: Timeline, right: Timeline, names: tuple[str, str]) -> Report:
    """The report on two timelines."""
    found = first_difference(left, right)
    if found is None:
        text = f"{names[0]} and {names[1]} are the same in all {len(left)} events, bit for bit"
        return Report("compare", text, (), {"equal": True, "first": None})
    longer = left if len(left) >= len(right) else right
    event = longer.event(found.event)
    words = ("event", str(event.index), event.phase, event.name, event.op or "")
    title = f"the first difference is {' '.join(w for w in words if w)}"
    there = f"seek #{found.event}" if longer is left else ""
    blocks: list[Block] = [Text(_words(found, names, (len(left), len(right))), link=there)]
    if found.convention is not None:
        blocks.append(Text(_convention(found.convention, names), "note"))
    changes = [] if found.what in ("end", "event") else gradient_changes(left, right)
    if changes:
        rows = tuple((f"∂{c.name}", number(c.left), number(c.right), number(c.largest)) for c in changes)
        headers = ("gradient", f"norm, {names[0]}", f"norm, {names[1]}", "largest change")
        last = left.schedule.iterations - 1
        blocks.append(Table(headers, rows, links=tuple(way_to(left, c.name, last) for c in changes)))
    return Report("compare", title, tuple(blocks), {"equal": False, "first": record(found), "gradients": changes})


def _convention(whose: tuple[tuple[str, ...], tuple[str, ...]], names: tuple[str, str]) -> str:
    left, right = (", ".join(some) for some in whose)
    return (
        "only a convention: where they differ there is no derivative; "
        f"{names[0]} answers as {left} would, and {names[1]} as {right}"
    )


def _words(found: Difference, names: tuple[str, str], lengths: tuple[int, int]) -> str:
    if found.what == "end":
        short = names[0] if lengths[0] < lengths[1] else names[1]
        return f"{short} ends before it: {min(lengths)} events, and the other has {max(lengths)}"
    if found.what == "event":
        return f"it is another event in {names[1]}: these are two different programs"
    if found.error is None:
        return f"{found.what} differs"
    return (
        f"{found.what}: largest relative error {found.error:.3g}{at_cell(found.cell or ())}\n"
        f"{names[0]}: {found.left!r}\n{names[1]}: {found.right!r}"
    )
