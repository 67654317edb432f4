"""Where the cursor stands, as data and as a line."""

from __future__ import annotations

from typing import Any

from bpdebug.debugger import State
from bpdebug.engine import BACKWARD, END, FORWARD, SEED
from bpdebug.views.numbers import number

SHORT = {"forward": "fwd", "seed": "seed", "backward": "bwd", "update": "upd", "end": "end"}


def place_data(state: State) -> dict[str, Any]:
    """The `at` of a JSON reply."""
    event, total = state.event, len(state.timeline)
    if event is None:
        iteration = state.timeline.place(total).iteration
        return {
            "event": total, "of": total, "phase": END, "node": None, "op": None, "line": None, "iteration": iteration,
            "part": None,
        }  # fmt: skip
    part = None
    if state.part:
        contribution, view = event.parts[state.part - 1]
        part = {"index": state.part, "of": len(event.parts), "to": contribution.to, "text": view.text}
    return {
        "event": event.index, "of": total, "phase": event.phase, "node": event.name, "op": event.op, "line": event.line,
        "iteration": event.iteration, "part": part,
    }  # fmt: skip


def when_text(state: State) -> str:
    """'event 17/42 backward Y matmul'; at the end 'event 42/42 end'."""
    event, total = state.event, len(state.timeline)
    if event is None:
        return f"event {total}/{total} end"
    words = [f"event {event.index}/{total}", event.phase, event.name, event.op or ""]
    if state.part:
        words.append(f"part {state.part}/{len(event.parts)}")
    return " ".join(w for w in words if w)


def status_line(state: State) -> str:
    """'backward 5/8 · Z = X @ W · loss 0.298': which one of its phase, the call, the loss once it is known."""
    timeline, event = state.timeline, state.event
    loss = timeline.loss_at(state.cursor)
    tail = [f"loss {number(loss)}"] if loss is not None else []
    if timeline.iterations > 1:
        tail.append(f"iteration {timeline.place(state.cursor).iteration + 1} of {timeline.iterations}")
    if event is None:
        return " · ".join(["the end", *tail])
    place, graph = timeline.place(state.cursor), timeline.graph
    of = {FORWARD: len(graph.nodes), SEED: len(graph.incoming), BACKWARD: len(graph.backward_nodes)}
    total = of.get(place.phase, len(timeline.store.parameters))
    call = f" = {timeline.call_text(event.tensor - graph.first)}" if event.node else ""
    part = [f"part {state.part} of {len(event.parts)}"] if state.part else []
    return " · ".join([f"{place.phase} {place.nth + 1}/{total}", f"{event.name}{call}", *part, *tail])
