"""Why a tensor has no gradient: no path of data to an output, or one that is cut where nothing is differentiated."""

from __future__ import annotations

from collections.abc import Iterator

from bpdebug.explain.why.tracer import RuleTracer, Why
from bpdebug.graph import Graph
from bpdebug.translation import _, listed


def absent(tracer: RuleTracer, tensor: int) -> Why:
    """What keeps a tensor from having a gradient."""
    graph, name = tracer.graph, tracer.graph.names[tensor]
    if not graph.is_float(tensor):
        text = _("{name} is {dtype}: no derivative").format(name=name, dtype=graph.dtypes[tensor])
        return Why("no-path", None, (text,))
    if graph.leads_to_output(tensor):
        above = any(graph.is_float(t) for t in _above(graph, tensor) if graph.is_leaf(t))
        text = _("{name}: no float leaf lies above it, so there is nothing to learn")
        if above:
            text = _("{name}: every float leaf above it lies behind a cut, so there is nothing to learn")
        return Why("no-path", None, (text.format(name=name),))
    reaching = _above(graph, *graph.incoming)
    if tensor not in reaching:
        users = [graph.nodes[k].id for k in graph.users(tensor)]
        text = _("{name}: it goes to {nodes}, and not on to an output") if users else _("{name}: nothing uses it")
        return Why("no-path", None, (text.format(name=name, nodes=listed(users[:6])),))
    cut = next(_cuts(graph, tensor, reaching))
    node = graph.nodes[cut]
    text = _("{op} '{node}' (line {line}) lets no gradient through")
    text = text.format(op=node.op.name, node=node.id, line=node.line)
    return Why("cut", tracer.event(cut, None), (text,))


def _above(graph: Graph, *tensors: int) -> set[int]:
    """Tensors, and everything that they are computed from."""
    found, stack = set(tensors), list(tensors)
    while stack:
        node = graph.node(stack.pop())
        more = set(node.tensors) - found if node is not None else set()
        found |= more
        stack.extend(more)
    return found


def _cuts(graph: Graph, tensor: int, reaching: set[int]) -> Iterator[int]:
    """Nodes, nearest first, at which a path from the tensor to an output stops being differentiable."""
    queue, seen = [tensor], {tensor}
    for t in queue:
        for k in graph.users(t):
            out = graph.tensor(k)
            if out not in reaching or out in seen:
                continue
            if all(operand != t for _, operand in graph.edges(k)):
                yield k
            else:
                seen.add(out)
                queue.append(out)
