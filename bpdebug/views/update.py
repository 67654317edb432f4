"""An update event: its lines, the parameter and its states before and after; and what training keeps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from bpdebug.debugger import State
from bpdebug.engine import Assignment, Contribution, Event
from bpdebug.symbolic.notation import Notation, line, symbol
from bpdebug.translation import _
from bpdebug.views.blocks import Block, Formula, Matrix, Row, Text
from bpdebug.views.matrices import part_items, parts_until, tensor_matrix
from bpdebug.views.numbers import exact, shape_text
from bpdebug.views.place import part_text


def update_blocks(state: State, event: Event) -> Iterator[Block]:
    """The lines of an update and what they change; at a part, its line as far as that."""
    if state.part:
        yield from _parts(state, event)
        return
    for a in event.assignments[:-1]:
        text = _("{shape}, on the way") if a.before is None else _("{shape}, what the optimizer keeps")
        yield Formula(line_text(a), text.format(shape=shape_text(a.shape)))
    yield Formula(line_text(event.assignments[-1]), _("the update of this step"))
    yield Text(settings_text(event), "dim")
    yield from changes(event)


def line_text(a: Assignment) -> Notation:
    """A line of an update as it is written."""
    return line(symbol(a.name), "=", a.formula)


def settings_text(event: Event) -> str:
    """'step 2: lr = 0.1, momentum = 0.9'."""
    numbers = event.timeline.store.updates.rule(event.tensor).numbers(event.iteration + 1)
    settings = ", ".join(f"{name} = {exact(value)}" for name, value in numbers.items())
    return _("step {step}: {settings}").format(step=event.iteration + 1, settings=settings)


def changes(event: Event) -> Iterator[Row]:
    """The gradient, and each state and the parameter before and after."""
    graph, gradient = event.timeline.graph, event.timeline.iteration(event.iteration).gradient(event.tensor)
    for a in event.assignments:
        if a.before is None:
            continue
        drawn = partial(Matrix, a.to, shape=a.shape, subject=a.subject)
        items: list[Matrix | str] = [drawn(array=a.before, note=_("before"), mark="operand")]
        if a is event.assignments[-1] and gradient is not None:
            items += [",", tensor_matrix(graph, event.tensor, gradient, "gradient", gradient=True)]
        yield Row((*items, "→", drawn(array=a.value, note=_("after"), mark="result")))


def _parts(state: State, event: Event) -> Iterator[Block]:
    line, parts = parts_until(event, state.part)
    assert isinstance(line, Assignment)
    yield Text(part_text(state, event), "dim")
    yield Formula(line_text(line), settings_text(event))
    for part in parts:
        yield Row(part_items(part, line))


def update_data(event: Event) -> dict[str, Any]:
    """The step's number, its settings, and the lines with their parts, as JSON has them."""
    numbers = event.timeline.store.updates.rule(event.tensor).numbers(event.iteration + 1)
    lines = [
        {"to": a.to, "formula": line_text(a), "shape": list(a.shape), "parts": parts_data(a)} for a in event.assignments
    ]
    return {"step": event.iteration + 1, "settings": numbers, "lines": lines}


def parts_data(line: Assignment | Contribution) -> list[dict[str, Any]]:
    """The parts of a line of an update, or of a contribution, as JSON has them."""
    return [{"text": p.text, "shape": list(p.shape), "why": p.why} for p in line.parts]
