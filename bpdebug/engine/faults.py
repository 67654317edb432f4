"""Where NaN and infinity first appear: a local question, put to one event and its operands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from bpdebug.arrays import Array, kept
from bpdebug.engine.closeness import index_of
from bpdebug.engine.parts import Assignment, Contribution, Fault
from bpdebug.engine.run import Pass
from bpdebug.far import Far
from bpdebug.graph import Graph, Lit, Node


def of_node(run: Pass, k: int, made: Callable[[], Iterable[Contribution]] | None, *, first: bool) -> Fault | None:
    """The fault of node k's event, backwards where `made` gives its contributions; arrays are looked through once."""
    event = k if made is None else ~k
    if event not in run.faults:
        run.faults[event] = in_value(run, k, first=first) if made is None else in_gradients(run, k, made())
    found: Fault | None = run.faults[event]
    return found


def in_value(run: Pass, k: int, *, first: bool) -> Fault | None:
    """The fault born in what node k computes.

    In the first iteration a leaf that came with NaN or infinity is a fault of the first node that uses it. An op whose
    infinities are its meaning (causal_mask) makes none, and a -inf is none that is there for a softmax alone (see
    `_is_mask`).
    """
    graph, tensor = run.graph, run.graph.tensor(k)
    node = graph.nodes[k]
    operands = [run.value(t) for t in node.tensors]
    for t, array in zip(node.tensors, operands, strict=True):
        if first and graph.is_leaf(t) and graph.first_user(t) == k and not finite(array):
            fault = born(graph.names[t], array, [])
            if fault is not None and (fault.kind == "nan" or not _is_mask(graph, run, t)):
                return fault
    fault = born(node.id, run.value(tensor), operands)
    meant = fault is not None and fault.kind == "inf" and (node.op.infinite or _is_mask(graph, run, tensor))
    return None if meant else fault


def in_update(run: Pass, tensor: int, assignments: Iterable[Assignment]) -> Fault | None:
    """The fault born in a parameter's states or in the parameter, whichever comes first."""
    gradient = run.gradient(tensor)
    kept = [(a, a.before) for a in assignments if a.before is not None]
    had = [*([] if gradient is None else [gradient]), *(before for _, before in kept)]
    return next(filter(None, (born(a.to, a.value, had) for a, _ in kept)), None)


READERS = {"softmax": 0, "log_softmax": 0, "logsumexp": 0, "cross_entropy": 0, "scaled_dot_product_attention": 3}
"""Ops that give a -inf in one of their operands the weight 0; in most it makes NaN without another cell in its row."""


def _carries(node: Node, positions: Sequence[int]) -> bool:
    return all(node.op.is_linear_in(p, node.attrs) for p in positions)


def _is_mask(graph: Graph, run: Pass, tensor: int) -> bool:
    """Whether a tensor's infinities are all negative, and are carried to softmaxes alone, but in no row throughout.

    Linear ops carry them (added, selected, reshaped), and so does what only cuts gradients.
    """
    seen, stack, weighed = set(), [tensor], False
    while stack:
        t = stack.pop()
        value, users = run.value(t), graph.users(t)
        if t in seen or finite(value):
            continue
        if not users or np.isnan(value).any() or np.isposinf(value).any():
            return False
        seen.add(t)
        for k in users:
            node, made = graph.nodes[k], graph.tensor(k)
            positions = [p for p, i in enumerate(node.inputs) if i == t and not isinstance(i, Lit)]
            if positions == [READERS.get(node.op.name)]:
                read, weighed = run.value(made), True
                if np.isnan(read).any() or (read.shape != value.shape and not finite(read)):
                    return False
                if node.op.name == "log_softmax":  # the logarithm of the weight 0 is -inf again
                    stack.append(made)
            elif node.op.infinite or node.op.name == "stop_gradient" or _carries(node, positions):
                stack.append(made)
            elif graph.is_float(made):  # a comparison reads it without harm
                return False
    return weighed


def in_gradients(run: Pass, k: int, contributions: Iterable[Contribution]) -> Fault | None:
    """The fault born in what node k adds to its operands' gradients, or in their sums."""
    graph, tensor = run.graph, run.graph.tensor(k)
    for c in contributions:
        if not finite(c.total) or not finite(c.value):
            operands = [run.value(i) for i in graph.nodes[k].inputs if not isinstance(i, Lit)]
            earlier = sum(user > k for user, _ in graph.edges_from(c.tensor))
            before = [run.gradient(tensor), run.partial(c.tensor, earlier), run.value(tensor), *operands]
            fault = born(f"∂{c.to}", c.total, [array for array in before if array is not None])
            if fault is not None:
                return fault
    return None


@kept
def finite(array: Array) -> bool:
    """Whether an array of any dtype has neither NaN nor infinity."""
    if isinstance(array, Far):
        return array.dtype.kind != "f" or array.finite
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def born(name: str, made: Array, operands: Iterable[Array]) -> Fault | None:
    """NaN that is in an array and in none of its operands (of any shapes), else the same of infinity."""
    if finite(made):
        return None
    had = [o for o in operands if o.dtype.kind == "f"]
    if isinstance(made, Far):
        return _born_far(name, made, had)
    for kind, test in (("nan", np.isnan), ("inf", np.isinf)):
        cells = test(made)
        if cells.any():
            if any(bool(test(o).any()) for o in had):
                continue
            return Fault(kind, name, int(np.count_nonzero(cells)), index_of(cells))
    return None


def _born_far(name: str, made: Far, had: Sequence[Any]) -> Fault | None:
    """The same of what lies elsewhere, and is not finite."""
    for kind, test, count in (("nan", np.isnan, made.summary.nans), ("inf", np.isinf, made.summary.infs)):
        if count and not any(not finite(o) and bool(test(o).any()) for o in had):
            return Fault(kind, name, count, made.first(kind))
    return None
