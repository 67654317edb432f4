"""An update explained: what its rule does, and its lines in numbers at one cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bpdebug.debugger import State
from bpdebug.engine import Event
from bpdebug.explain.update import UpdateLens
from bpdebug.views.blocks import Block, Formula, Text
from bpdebug.views.numbers import number
from bpdebug.views.report import Report
from bpdebug.views.update import changes, settings_text, update_data


def update_lens(state: State, found: UpdateLens) -> Report:
    """What the rule does, and every line of it in numbers at the cell that moved most."""
    event, title = found.event, f"lens  update  {found.event.name} = {found.event.rule}"
    return Report("lens", title, tuple(_lens(found)), lambda: _data(found, event))


def _lens(found: UpdateLens) -> Iterator[Block]:
    event = found.event
    for says in found.says:
        yield Text(f"{says}.", "note")
    yield Text(settings_text(event), "dim")
    at = f"[{', '.join(map(str, found.cell))}]" if found.cell else ""
    for a in event.assignments:
        yield Text("")
        yield Formula(f"{a.name} = {a.formula}")
        value = number(float(a.value[found.cell] if a.shape else a.value))
        numbers = a.in_numbers(found.cell, number)
        yield Formula(f"{a.to}{at if a.shape else ''} = {f'{numbers} = ' if numbers else ''}{value}")
    yield Text("")
    yield from changes(event)
    if event.fault is not None:
        yield Text(f"there is {event.fault.kind} in {event.fault.tensor} for the first time", "bad")


def _data(found: UpdateLens, event: Event) -> dict[str, Any]:
    return {
        "node": event.name, "op": None, "phase": event.phase, "says": list(found.says), "cell": list(found.cell),
        **update_data(event),
    }  # fmt: skip
