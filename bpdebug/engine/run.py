"""One iteration of a graph: its values and gradients, computed when asked or in the two loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from bpdebug.arrays import Array, read_only
from bpdebug.engine.edits import Override
from bpdebug.engine.source import COMPUTE, ArraySource
from bpdebug.errors import ShapeError
from bpdebug.graph import Graph, Lit, Node
from bpdebug.progress import may_stop
from bpdebug.symbolic import Plan
from bpdebug.symbolic import compile as code

Function = Callable[..., Any]


KEEP = 32
"""Every so many running sums of a gradient one is kept."""
LARGE = 2**18
"""Bytes of a node's result from which on its function is so slow that asking whether to stop costs nothing."""


def wanted(graph: Graph, k: int) -> tuple[int, ...]:
    """The positions of node k's operands whose gradient anybody wants."""
    return tuple(p for p, t in graph.edges(k) if graph.has_gradient(t))


def _stopping(plan: Plan, run: Function) -> Function:
    """A node's function; one that takes its time may be stopped before it begins."""
    if plan.nbytes < LARGE:
        return run

    def stopping(*args: Any) -> None:
        may_stop()
        run(*args)

    return stopping


class Code:
    """A graph's compiled functions, one pointer a node; equal nodes share theirs. These are the two loops."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @cached_property
    def _forward(self) -> list[Function]:
        return [_stopping(plan, code.forward(plan)) for plan in self.graph.plans]

    @cached_property
    def _backward(self) -> list[Function]:
        """In the order of the backward pass."""
        plans, graph = self.graph.plans, self.graph
        return [_stopping(plans[k], code.backward(plans[k], wanted(graph, k))) for k in graph.backward_nodes]

    def run_forward(self, V: list[Any]) -> None:
        """Every node's value, in program order; the leaves are there. E_SHAPE for an index that does not fit."""
        nodes = self.graph.nodes
        try:
            for tensor, (run, node) in enumerate(zip(self._forward, nodes, strict=True), self.graph.first):
                run(V, tensor, *node.inputs)
        except IndexError as error:
            raise out_of_range(node, error) from None

    def run_backward(self, V: list[Any], G: list[Any]) -> None:
        """Every wanted gradient, in the order of the backward pass; the seeds are there."""
        nodes, first = self.graph.nodes, self.graph.first
        for run, k in zip(self._backward, self.graph.backward_nodes, strict=True):
            run(V, G, first + k, *nodes[k].inputs)


class Pass:
    """The values `V` and gradients `G` of one iteration, by tensor number; None is what is not computed yet.

    `leaf` gives the arrays of leaves and drawn masks, read when first needed. What the source has is taken from there;
    the rest is computed, and then edited. Every way of computing a thing gives the same bits: one expression, the same
    operands, the same order of sums.
    """

    def __init__(
        self, graph: Graph, compiled: Code, leaf: Callable[[int], Array], source: ArraySource = COMPUTE,
        edits: Sequence[Override] = (),
    ) -> None:  # fmt: skip
        self.graph, self.code, self._leaf, self.source = graph, compiled, leaf, source
        self._edits: dict[tuple[int, bool], list[Override]] = {}
        for edit in edits:
            self._edits.setdefault((edit.tensor, edit.gradient), []).append(edit)
        self.V: list[Any] = [None] * len(graph.names)
        self.G: list[Any] = [None] * len(graph.names)
        self._running: dict[int, dict[int, Any]] = {}
        self._newest: dict[int, tuple[int, Any]] = {}
        self._forward_done = self._backward_done = False

    # --- values ---------------------------------------------------------------------------------------------------

    def value(self, tensor: int) -> Array:
        """A tensor's value, of its shape; computes its ancestors and nothing else."""
        if self.V[tensor] is None:
            with np.errstate(all="ignore"):
                self._compute(self._missing([tensor]))
        return read_only(self.V[tensor])

    def operands(self, k: int) -> list[Any]:
        """What node k's rule reads: its operands, arrays or literals, then the tensors from outside."""
        return [i.value if isinstance(i, Lit) else self.value(i) for i in self.graph.read_by_rule(k)]

    def leaves(self, k: int, g: Array | None = None) -> dict[int, Any]:
        """The leaves of node k's plan on these numbers, with a cotangent of the node's shape."""
        return self.graph.plans[k].leaves(self.operands(k), self.value(self.graph.tensor(k)), g)

    def _missing(self, wanted: Sequence[int]) -> list[int]:
        """The tensors among `wanted` and their ancestors that have no value yet, in program order."""
        V, graph, first = self.V, self.graph, self.graph.first  # no calls in what runs once a node
        needed: set[int] = set()
        stack = [t for t in wanted if V[t] is None]
        while stack:
            tensor = stack.pop()
            if tensor in needed or (self.source is not COMPUTE and _known(V, tensor, self.source.value)):
                continue
            needed.add(tensor)
            if tensor >= first:
                inputs = graph.nodes[tensor - first].inputs
                stack.extend([i for i in inputs if isinstance(i, int) and V[i] is None])
        return sorted(needed)

    def _edited(self, tensor: int, gradient: bool, array: Any) -> Any:
        """What was computed, with the cells that were set."""
        for edit in self._edits.get((tensor, gradient), ()):
            array = edit.applied(array)
        return array

    def _compute(self, tensors: Sequence[int]) -> None:
        graph, V, first = self.graph, self.V, self.graph.first
        for tensor in tensors:
            may_stop()
            if tensor < first:
                V[tensor] = self._leaf(tensor)
            else:
                node = graph.nodes[tensor - first]
                try:
                    code.forward(graph.plans[tensor - first])(V, tensor, *node.inputs)
                except IndexError as error:
                    raise out_of_range(node, error) from None
            if self._edits:
                V[tensor] = self._edited(tensor, False, V[tensor])

    @property
    def _by_itself(self) -> bool:
        """Whether the two loops come to the same."""
        return self.source is COMPUTE and not self._edits

    def run_forward(self) -> None:
        """Every value that is not computed yet, in program order."""
        if self._forward_done or self.source.whole:
            return
        graph, V = self.graph, self.V
        with np.errstate(all="ignore"):
            if self._by_itself and all(v is None for v in V[graph.first :]):
                self._compute([t for t in range(graph.first) if V[t] is None])
                self.code.run_forward(V)
            else:
                self._compute(self._missing(range(len(V))))
        self._forward_done = True

    # --- gradients ------------------------------------------------------------------------------------------------

    def seed(self, tensor: int) -> Array:
        """The gradient that comes in at an output, of its shape: 1 for the loss."""
        read, array = self.graph.incoming[tensor], self.source.seed(tensor)
        if array is None:
            array = np.ones((), self.graph.dtypes[tensor]) if read is None else read()
        return read_only(array)

    def gradient(self, tensor: int) -> Array | None:
        """A tensor's whole gradient, of its shape; None where no path leads to an output."""
        has = self.graph.has_gradient(tensor) or tensor in self.graph.incoming
        return self.cotangent(tensor) if has else None

    def cotangent(self, tensor: int) -> Array:
        """The whole gradient, of its shape, of a tensor that has one; computes what lies between."""
        if self.G[tensor] is None:
            with np.errstate(all="ignore"):
                for t in self._downstream(tensor):
                    self.G[t] = self._edited(t, True, self._sum(t, self.graph.edges_from(t)))
        return read_only(self.G[tensor])

    def _downstream(self, tensor: int) -> list[int]:
        """Tensors whose gradient is needed for this one's and is missing, in the order of the backward pass."""
        graph, first, needed, stack = self.graph, self.graph.first, set(), [tensor]
        while stack:
            t = stack.pop()
            if t in needed or _known(self.G, t, self.source.gradient):
                continue
            needed.add(t)
            stack.extend(first + k for k, _ in graph.edges_from(t))
        return sorted(needed, reverse=True)

    def _sum(self, tensor: int, edges: Sequence[tuple[int, int]]) -> Any:
        """The seed, if the tensor is an output, and the contributions of `edges`, in this order."""
        graph = self.graph
        total: Any = self.seed(tensor) if tensor in graph.incoming else None
        for k, position in edges:
            may_stop()
            c = self._contribution(k, position)
            total = c if total is None else np.asarray(total + c)
        return total

    def _contribution(self, k: int, position: int) -> Array:
        given = None if self.source is COMPUTE else self.source.contribution(k, position)
        if given is not None:
            return given
        graph = self.graph
        node, tensor = graph.nodes[k], graph.first + k
        needed = [t for t in (tensor, *graph.read_by_rule(k)) if not isinstance(t, Lit) and self.V[t] is None]
        if needed:
            self._compute(self._missing(needed))
        return np.asarray(code.contribution(graph.plans[k], position)(self.V, self.G, tensor, *node.inputs))

    def contribution(self, k: int, position: int) -> Array:
        """What node k's operand at `position` gets from it, un-broadcast, before it is added."""
        tensor = self.graph.operand(k, position)
        found = self.gradient(tensor) if self.source.sole(tensor) else self.source.contribution(k, position)
        if found is None:
            self.cotangent(self.graph.tensor(k))
            with np.errstate(all="ignore"):
                found = self._contribution(k, position)
        return read_only(found)

    def partial(self, tensor: int, count: int) -> Array | None:
        """The gradient (the tensor's shape) after the seed and the first `count` contributions; None where nothing is.

        Running sums are kept, the newest and every 32nd, so that walking along a tensor with many consumers, in
        either direction, does not start from the beginning each time.
        """
        edges = self.graph.edges_from(tensor)
        if count == len(edges):
            return self.gradient(tensor)
        sums = self._running.setdefault(tensor, {})
        at, total = self._newest.get(tensor, (count + 1, None))
        if at > count:
            at, total = 0, self.seed(tensor) if tensor in self.graph.incoming else None
        nearer = next((n for n in range(count - count % KEEP, at, -KEEP) if n in sums), None)
        if nearer is not None:
            at, total = nearer, sums[nearer]
        for n in range(at, count):
            c = self.contribution(*edges[n])
            with np.errstate(all="ignore"):
                total = c if total is None else np.asarray(total + c)
            if (n + 1) % KEEP == 0:
                sums[n + 1] = total
        if total is None:
            return None
        self._newest[tensor] = count, total
        return read_only(np.asarray(total))

    def run_backward(self) -> None:
        """Every gradient, in one loop over the backward events."""
        if self._backward_done or self.source.whole:
            return
        self.run_forward()
        if not self._by_itself:
            for tensor in range(len(self.G) - 1, -1, -1):
                self.gradient(tensor)
            return
        G: list[Any] = [None] * len(self.graph.names)
        for tensor in self.graph.incoming:
            G[tensor] = self.seed(tensor)
        with np.errstate(all="ignore"):
            self.code.run_backward(self.V, G)
        self.G = G
        self._backward_done = True


def _known(table: list[Any], tensor: int, read: Callable[[int], Array | None]) -> bool:
    """Whether an array is there, or can be read."""
    if table[tensor] is None:
        table[tensor] = read(tensor)
    return table[tensor] is not None


def out_of_range(node: Node, error: IndexError) -> ShapeError:
    """Indices that a node computed turned out not to fit: known only now, worded like the rest."""
    message = f"{node.op.name} '{node.id}' (line {node.line}): {error}"
    return ShapeError(message, hint="the indices were computed by the program: check them")
