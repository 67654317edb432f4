"""`run --json`: a header, an object per event, and an end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bpdebug.arrays import Array
from bpdebug.engine import BACKWARD, FORWARD, SEED, Contribution, Event, NodeEvent, Timeline, stats
from bpdebug.scenario import Scenario
from bpdebug.views.encode import cells
from bpdebug.views.update import parts_data, update_data


def stream(scenario: Scenario, timeline: Timeline, *, full: bool = False) -> Iterator[dict[str, Any]]:
    """Everything that happens, in order; `full` gives every value whatever its size."""
    yield {
        "bpdebug": 1, "title": scenario.title, "dtype": scenario.precision, "events": len(timeline),
        "inputs": _leaves(timeline, "input"), "parameters": _leaves(timeline, "parameter"),
    }  # fmt: skip
    healthy = True
    for event in timeline:
        made = event_object(event, full=full)
        healthy = healthy and made["fault"] is None
        yield made
    yield {**end_object(timeline, full=full), "ok": healthy}


def end_object(timeline: Timeline, *, full: bool = False) -> dict[str, Any]:
    """The end: the loss, and the gradient of every float leaf, of the last iteration."""
    graph = timeline.graph
    found = {leaf.name: timeline.grad(leaf.name) for i, leaf in enumerate(graph.leaves) if graph.is_float(i)}
    gradients = {name: None if array is None else cells(array, full) for name, array in found.items()}
    return {"end": True, "loss": timeline.loss, "grads": gradients}


def _leaves(timeline: Timeline, kind: str) -> dict[str, Any]:
    return {
        leaf.name: {"shape": list(leaf.shape), "dtype": timeline.graph.precision(t)}
        for t, leaf in enumerate(timeline.graph.leaves)
        if leaf.kind == kind
    }


def _tensor(array: Array, full: bool) -> dict[str, Any]:
    return {"shape": list(array.shape), "value": cells(array, full), "stats": stats(array)}


def event_object(event: Event, *, full: bool = False) -> dict[str, Any]:
    """One event as the contract has it; absent things are null."""
    head: dict[str, Any] = {
        "event": event.index, "iteration": event.iteration, "phase": event.phase, "node": event.name,
    }  # fmt: skip
    graph = event.graph
    if event.phase in (FORWARD, BACKWARD):
        head |= {"op": event.op, "line": event.line, "block": event.block}
    if event.phase == FORWARD and isinstance(event, NodeEvent):
        head["inputs"] = [
            {"name": graph.names[t], "shape": list(graph.shapes[t]), "dtype": graph.precision(t)}
            for t in event.node.tensors
        ]
        made = event.value
        head["output"] = {
            "name": event.name, "shape": list(made.shape), "dtype": graph.precision(event.tensor),
            "value": cells(made, full), "stats": stats(made),
        }  # fmt: skip
    elif event.phase in (SEED, BACKWARD):
        head["grad"] = _tensor(event.value, full)
        if event.phase == BACKWARD:
            head["contributions"] = [_contribution(c, full) for c in event.contributions]
    else:
        before = event.timeline.store.parameter(event.tensor, event.iteration)
        head |= {"rule": event.rule, "before": _tensor(before, full), "after": _tensor(event.value, full)}
        head["states"] = [
            {"name": a.to, "before": _tensor(a.before, full), "after": _tensor(a.value, full)}
            for a in event.assignments[:-1]
            if a.before is not None
        ]
        head |= update_data(event)
    head["fault"] = event.fault
    return head


def _contribution(c: Contribution, full: bool) -> dict[str, Any]:
    return {
        "to": c.to, "operand": c.operand, "formula": c.formula, "shape": list(c.value.shape),
        "value": cells(c.value, full), "total": cells(c.total, full), "stats": stats(c.value),
        "parts": parts_data(c),
    }  # fmt: skip
