"""A node's rule in double precision, on the numbers of one pass: what every check and explanation of it starts from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bpdebug.arrays import Array, Cell, Shape
from bpdebug.engine import BACKWARD, Event, NodeEvent, Timeline
from bpdebug.engine.edits import Override
from bpdebug.engine.run import Pass
from bpdebug.errors import CommandError
from bpdebug.far import Far, as_array, is_array, near
from bpdebug.graph import Graph, Lit, Node
from bpdebug.ops import OPS
from bpdebug.progress import may_stop
from bpdebug.symbolic import Expr, Plan, evaluate, trace, walk
from bpdebug.symbolic import compile as code

DOUBLE = np.dtype(np.float64)


MOST_BROUGHT = 2**24
"""Cells of an operand that lies elsewhere, up to which it comes over to be asked for its cells one by one."""


def to_float64(array: Array) -> Array:
    """The array in float64, if it holds floats; of the same shape."""
    return array.astype(np.float64, copy=False) if array.dtype.kind == "f" else array


def float64_attrs(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a call that gives float64."""
    return {key: "float64" if key == "dtype" and "float" in value else value for key, value in attrs.items()}


class NodeRule(Struct, frozen=True, eq=False):
    """A node's operands and its plan in double precision; `plan` has the rules that were set, `own` the op's."""

    node: Node
    plan: Plan
    own: Plan
    inputs: tuple[Any, ...]

    @property
    def portable(self) -> bool:
        """Whether it can go to another process, where it is traced again: it is an op's own, on what lies here."""
        own = OPS.get(self.node.op.name) is self.node.op and not (self.plan.replaced or self.plan.outside)
        return own and not any(isinstance(i, Far) for i in self.inputs)

    def __reduce__(self) -> tuple[Any, ...]:
        node = self.node
        return _again, (node.id, node.op.name, dict(node.attrs), self.inputs)

    def value(self, inputs: tuple[Any, ...] | None = None) -> Array:
        """The forward function, on other operands where they are given; of the node's shape."""
        with np.errstate(all="ignore"):
            return self._value([*(inputs or self.inputs), None])

    def moved(self, position: int, array: Array) -> Array:
        """The forward function with one operand replaced by an array of its shape; in the caller's errstate."""
        V = [*self.inputs, None]
        V[position] = array
        return self._value(V)

    def narrowed(self, position: int, cell: Cell) -> tuple[NodeRule, tuple[slice, ...], Cell]:
        """The rule of what a cell of an operand reaches, where that is in the result, and the cell's place in it.

        Of a product that is a row or a column; of an op that works cell by cell, what the cell is broadcast to.
        """
        shape, out, product = self.inputs[position].shape, self.plan.shape, self.node.op.name == "matmul"
        axes = (position - 2,) if product else (a for a in range(-len(shape), 0) if shape[a] == out[a])
        kept = {axis: slice(cell[axis], cell[axis] + 1) for axis in axes}

        def index(shape: Shape) -> tuple[slice, ...]:
            return tuple(kept.get(a, slice(None)) if shape[a] > 1 else slice(None) for a in range(-len(shape), 0))

        inputs = tuple(
            as_array(i[index(i.shape)]) if is_array(i) and (p == position or not product) else i
            for p, i in enumerate(self.inputs[: len(self.plan.operands)])
        )
        typed = [_typed(i) for i in inputs]
        plan = trace(self.node.op, typed, self.plan.attrs)
        place = tuple(0 if a in kept else cell[a] for a in range(-len(shape), 0))
        return NodeRule(self.node, plan, plan, inputs), index(out), place

    def _value(self, V: list[Any]) -> Array:
        """The forward function on the operands that a list begins with; it is left at its end."""
        may_stop()
        if any(isinstance(x, Far) for x in V):
            return self.plan.evaluate(self.plan.value, self.plan.leaves(V[:-1]))
        code.forward(self.plan)(V, -1, *range(len(self.plan.operands)))
        found: Array = V[-1]
        return found

    def gradient(self, position: int, y: Array, g: Array, *, own: bool = False) -> Array:
        """What an operand gets from a cotangent, summed over the axes it was broadcast along."""
        may_stop()
        plan = self.own if own else self.plan
        if any(isinstance(x, Far) for x in (*self.inputs, y, g)):
            return plan.evaluate(plan.summed(position), plan.leaves(self.inputs, y, g))
        k = -1 - len(plan.operands)  # numbers of its own: the graph's, from 0, are those of what is read outside
        V = {k: y, **dict(zip((*range(k + 1, 0), *plan.outside), self.inputs, strict=False))}
        with np.errstate(all="ignore"):
            return np.asarray(code.contribution(plan, position)(V, {k: g}, k, None, *range(k + 1, 0)))


def _again(name: str, op: str, attrs: Mapping[str, Any], inputs: tuple[Any, ...]) -> NodeRule:
    """An op's own rule on operands in double precision, as `rule_of` gives it."""
    node = Node(name, OPS[op], (), attrs, "", 0)
    plan = trace(node.op, [_typed(i) for i in inputs], float64_attrs(attrs))
    return NodeRule(node, plan, plan, inputs)


def _typed(operand: Any) -> Any:
    """What a plan is traced with: an array's shape and dtype, or the literal."""
    return (operand.shape, operand.dtype) if is_array(operand) else operand


def rule_of(graph: Graph, k: int, inputs: Iterable[Any]) -> NodeRule:
    """Node k's rule in double precision, on arrays (or literals): its operands, then what it reads outside."""
    node, old = graph.nodes[k], graph.plans[k]
    made = tuple(to_float64(i) if is_array(i) else i for i in inputs)
    typed = [_typed(i) for i in made[: len(node.inputs)]]
    plan, own = float64_plans(node, old, typed)
    return NodeRule(node, plan, own, made)


def float64_plans(node: Node, old: Plan, typed: Sequence[Any]) -> tuple[Plan, Plan]:
    """A node's plan in double precision with the rules that `old` has in place of its op's, and the op's own.

    `typed` are its operands: shapes with dtypes, or literals.
    """
    own = trace(node.op, typed, float64_attrs(node.attrs))
    plan = own.replacing(old.replaced) if old.replaced else own
    if old.outside:
        plan.outside = {t: plan.outside[t] for t in old.outside}  # in the order of the inputs
    return plan, own


def float64_graph(graph: Graph) -> Graph:
    """The same graph in float64; itself where it is that already. Its leaves read what they did."""
    if all(d.kind != "f" or d == DOUBLE for d in graph.dtypes):
        return graph
    dtypes = tuple(DOUBLE if d.kind == "f" else d for d in graph.dtypes)
    plans = [
        float64_plans(n, old, [i.value if isinstance(i, Lit) else (graph.shapes[i], dtypes[i]) for i in n.inputs])[0]
        for n, old in zip(graph.nodes, graph.plans, strict=True)
    ]
    nodes = tuple(replace(n, attrs=float64_attrs(n.attrs)) for n in graph.nodes)
    return replace(graph, dtypes=dtypes, plans=tuple(plans), nodes=nodes)


def float64_pass(run: Pass, edits: Sequence[Override] = ()) -> Pass:
    """A pass in double precision from the leaves and the incoming gradients of another one."""
    seeds = {t: partial(_float64_seed, run, t) for t in run.graph.incoming}
    graph = replace(float64_graph(run.graph), incoming=seeds)
    return run.beside(graph, lambda t: to_float64(near(run.value(t))), edits)


def _float64_seed(run: Pass, tensor: int) -> Array:
    return to_float64(run.seed(tensor))


def brought(operands: Iterable[Any]) -> list[Any]:
    """Operands of any shape that are going to be asked for cell by cell: they come over whole, unless they are huge."""
    return [near(i) if is_array(i) and i.size <= MOST_BROUGHT else i for i in operands]


def rule_at(event: NodeEvent) -> NodeRule:
    """The rule of an event's node on the event's numbers."""
    return rule_of(event.graph, event.k, event.run.operands(event.k))


def backward_event(event: Event | None, what: str) -> NodeEvent:
    """The event, if it is a node's in the backward pass; CommandError says where to go."""
    if not isinstance(event, NodeEvent) or event.phase != BACKWARD:
        near = "" if event is None else event.name
        has = event is not None and event.timeline.schedule.index_of(BACKWARD, event.tensor) is not None
        raise CommandError(
            f"{what} is asked at an event of the backward pass", code="E_EXPR",
            hint=f"seek {near}@bwd" if has else "seek to one: seek Y@bwd",
        )  # fmt: skip
    return event


class OnPass:
    """The rules of an iteration's nodes, and what comes in at them, in double precision."""

    def __init__(self, timeline: Timeline, run: Pass) -> None:
        self.timeline, self.run = timeline, run
        self.graph: Graph = timeline.graph

    def rule(self, k: int) -> NodeRule:
        """Node k's rule on this pass's numbers."""
        return rule_of(self.graph, k, self.run.operands(k))

    def value(self, k: int) -> Array:
        """What node k gave, of its shape."""
        return to_float64(self.run.value(self.graph.tensor(k)))

    def cotangent(self, k: int) -> Array:
        """The whole gradient of what node k gave, of its shape."""
        return to_float64(self.run.cotangent(self.graph.tensor(k)))


def largest(expr: Expr, leaves: Mapping[int, Any]) -> float:
    """The largest finite number that comes up in working out an expression: its last digits are the rounding."""
    top = 0.0
    with np.errstate(all="ignore"):
        known = evaluate(expr, leaves)
        for e in walk(expr):
            cells = np.abs(as_array(known[id(e)]).astype(np.float64))
            top = max(top, float(cells.max(initial=0.0, where=np.isfinite(cells))))
    return top
