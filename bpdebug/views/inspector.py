"""Numbers about the tensor at hand."""

from __future__ import annotations

from collections.abc import Iterator

from bpdebug.arrays import Array
from bpdebug.debugger import State
from bpdebug.debugger.practice import question
from bpdebug.engine import BACKWARD, FORWARD, SEED, UPDATE, Event, stats
from bpdebug.engine.stats import two_norm
from bpdebug.graph import Subject
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.matrices import result_of
from bpdebug.views.numbers import number, shape_text
from bpdebug.views.report import Report


def inspector(state: State) -> Report:
    """The tensor that the current event (or part) is about: what it is, its statistics, where it goes."""
    event = state.event
    if event is None:
        return Report("inspector", "", (Text("everything is done", "dim"),))
    if question(state) is not None:
        return Report("inspector", "practice", (Text("the numbers come when the answer is there", "dim"),))
    name, array, of = _shown(state, event)
    return Report("inspector", name, tuple(_blocks(state, event, name, array, of)))


def _shown(state: State, event: Event) -> tuple[str, Array, Subject | None]:
    """The part that is looked at; else, in the backward pass, the first operand's gradient; else what was computed."""
    if state.part:
        line, part = event.parts[state.part - 1]
        name, of = result_of(part, line)
        return name, part.value, of
    if event.contributions:
        first = event.contributions[0]
        return f"∂{first.to}", first.total, first.subject
    gradient = event.phase not in (FORWARD, UPDATE)
    return f"{'∂' * gradient}{event.name}", event.value, Subject(event.tensor, gradient)


def _blocks(state: State, event: Event, name: str, array: Array, of: Subject | None) -> Iterator[Block]:
    graph, tensor = event.timeline.graph, of.tensor if of is not None and of.gradient and not of.transposed else None
    yield Table(("", ""), ((shape_text(array.shape), str(array.dtype)),))
    if isinstance(tensor, int):
        yield Text(f"type d{graph.names[tensor]}", "dim")
    s = stats(array)
    rows = [("norm", number(two_norm(array))), ("min", number(s.min)), ("max", number(s.max)), ("mean", number(s.mean))]
    if event.phase == BACKWARD and tensor not in (None, event.tensor):  # a part, a transpose, has none
        rows.append(("gain", f"{_gain(event, s.norm)} (∂{event.name} to {name})"))
    rows += [("zeros", str(s.zeros)), ("nan, inf", f"{s.nans}, {s.infs}")]
    yield Table(("", ""), tuple(rows))
    yield from _goes_to(state, event, tensor)


def _gain(event: Event, norm: float | None) -> str:
    before = stats(event.value).norm
    return number(norm / before) if norm is not None and before else "–"


def _goes_to(state: State, event: Event, tensor: int | str | None) -> Iterator[Block]:
    """Who uses the tensor next: consumers in the forward pass, contributions still to come in the backward pass."""
    timeline, graph = state.timeline, state.timeline.graph
    if event.phase not in (SEED, BACKWARD):
        users = graph.users(event.tensor)
        shown = ", ".join(graph.nodes[k].id for k in users[:6])
        shown += f" and {len(users) - 6} more" if len(users) > 6 else ""
        yield Text(f"goes to {shown}" if users else "goes nowhere: an output, or unused")
        return
    if not isinstance(tensor, int):
        return
    edges, name = graph.edges_from(tensor), f"∂{graph.names[tensor]}"
    if len(edges) > 1:
        status = timeline.schedule.grad_status(tensor, state.cursor)
        words = "complete" if status == "value" else "so far"
        yield Text(f"{name} is a sum of {len(edges)}, {words}")
    elif edges:
        yield Text(f"{name} comes from its only consumer, {graph.nodes[edges[0][0]].id}")
