"""Where NaN and infinity first appear: a local question, put to one event and its operands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine.events import Event, Fault
from bpdebug.graph import Graph, Lit

if TYPE_CHECKING:
    from bpdebug.engine.run import Pass
    from bpdebug.engine.timeline import Timeline


def find_fault(timeline: Timeline, event: Event) -> Fault | None:
    """The fault born at an event: NaN in what it computed and in none of its operands, else the same of infinity.

    A leaf that came with NaN or infinity is a fault of the first event that uses it. An op whose infinities are its
    meaning (causal_mask) makes none, and a -inf is none that is there for a softmax alone (see `_is_mask`).
    """
    if event.phase == "forward":
        return _forward(timeline, event)
    if event.phase == "backward":
        return _backward(timeline, event)
    if event.phase == "seed":
        return _born(f"∂{event.name}", event.value, [])
    return _updated(timeline, event)


def _updated(timeline: Timeline, event: Event) -> Fault | None:
    """In a state or in the parameter, whichever comes first."""
    gradient = timeline.iteration(event.iteration).gradient(event.tensor)
    had = [] if gradient is None else [gradient]
    kept = [a for a in event.assignments if a.before is not None]
    for a in kept:
        if not finite(a.value):
            fault = _born(a.to, a.value, had + [b.before for b in kept if b.before is not None])
            if fault is not None:
                return fault
    return None


def _forward(timeline: Timeline, event: Event) -> Fault | None:
    assert event.node is not None
    graph, run = timeline.graph, timeline.iteration(event.iteration)
    operands = [run.value(t) for t in event.node.tensors]
    for tensor, array in zip(event.node.tensors, operands, strict=True):
        came_so = tensor < graph.first and event.iteration == 0 and not finite(array)
        if came_so and graph.nodes[graph.users(tensor)[0]] is event.node:
            fault = _born(graph.names[tensor], array, [])
            if fault is not None and (fault.kind == "nan" or not _is_mask(graph, run, tensor)):
                return fault
    fault = _born(event.name, event.value, operands)
    meant = fault is not None and fault.kind == "inf" and (event.node.op.infinite or _is_mask(graph, run, event.tensor))
    return None if meant else fault


READERS = ("softmax", "log_softmax", "logsumexp", "cross_entropy")
"""Ops that give a -inf in their first operand the weight 0; without another cell in its row it makes NaN."""


def _is_mask(graph: Graph, run: Pass, tensor: int) -> bool:
    """Whether a tensor's infinities are all negative, and are carried to softmaxes alone, and in no row throughout.

    Linear ops carry them (added, selected, reshaped), and so does what only cuts gradients.
    """
    seen, stack = set(), [tensor]
    while stack:
        t = stack.pop()
        value, users = run.value(t), graph.users(t)
        if not users or np.isnan(value).any() or np.isposinf(value).any():
            return False
        if t in seen or finite(value):
            continue
        seen.add(t)
        for k in users:
            node, made = graph.nodes[k], graph.first + k
            positions = [p for p, i in enumerate(node.inputs) if i == t and not isinstance(i, Lit)]
            if node.op.name in READERS and positions == [0]:
                read = run.value(made)
                if np.isnan(read).any() or (read.shape != value.shape and not finite(read)):
                    return False
            elif all(map(node.op.is_linear_in, positions)) or node.op.infinite or node.op.name == "stop_gradient":
                stack.append(made)
            elif graph.is_float(made):  # a comparison reads it without harm
                return False
    return True


def _backward(timeline: Timeline, event: Event) -> Fault | None:
    assert event.node is not None
    run = timeline.iteration(event.iteration)
    for c in event.contributions:
        if not finite(c.total) or not finite(c.value):
            operands = [run.value(i) for i in event.node.inputs if not isinstance(i, Lit)]
            before = [event.value, event.value if event.tensor is None else run.value(event.tensor), *operands]
            fault = _born(f"∂{c.to}", c.total, [*before, *_earlier(timeline, event, c.tensor)])
            if fault is not None:
                return fault
    return None


def _earlier(timeline: Timeline, event: Event, tensor: int) -> Iterator[Array]:
    """The gradient as it stood before this event, where there was one."""
    found = timeline.grad_at(tensor, event.index - 1) if event.index else None
    if found is not None:
        yield found


def finite(array: Array) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _born(name: str, made: Array, operands: Iterable[Array]) -> Fault | None:
    if finite(made):
        return None
    had = [o for o in operands if o.dtype.kind == "f"]
    for kind, test in (("nan", np.isnan), ("inf", np.isinf)):
        cells = test(made)
        if cells.any():
            if any(bool(test(o).any()) for o in had):
                continue
            where = np.unravel_index(int(np.argmax(cells)), made.shape) if made.ndim else ()
            return Fault(kind, name, int(np.count_nonzero(cells)), tuple(int(i) for i in where))
    return None
