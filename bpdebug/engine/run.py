"""One iteration of a graph: its values and gradients, computed when asked or in the two loops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from contextvars import Context
from typing import Any

import numpy as np

from bpdebug.arrays import Array, read_only
from bpdebug.engine.edits import Override
from bpdebug.engine.needed import ALL, ancestors, backward, descendants, read
from bpdebug.engine.routes import Route
from bpdebug.engine.running_sums import RunningSums
from bpdebug.engine.source import COMPUTE, ArraySource
from bpdebug.graph import Graph, Lit
from bpdebug.graph.nodes import out_of_range
from bpdebug.progress import apart, may_stop
from bpdebug.symbolic import compile as code
from bpdebug.symbolic.library import Library
from bpdebug.symbolic.on_numpy import HERE

UNWARNED = Context()
"""NumPy's settings while a route is taken; entering `np.errstate` for each costs three times as much."""
UNWARNED.run(np.seterr, all="ignore")


class Pass:
    """The values `V` and gradients `G` of one iteration, by tensor number; None is what is not computed yet.

    `leaf` gives the arrays of leaves and drawn masks, read when first needed. What the source has is taken from there;
    the rest is computed, and then edited. Every way of computing a thing gives the same bits: one expression, the same
    operands, the same order of sums. `faults` are those of the events that were asked, as faults.py numbers them.
    """

    library: Library = HERE
    """Whose arrays V and G hold; those that are given out are always NumPy's."""
    room: Any = None  # how it is cut, where it is
    _forward_done = _backward_done = False
    nbytes: int | None = None
    """The most bytes that it may take, where not all of it fits."""

    def __init__(
        self, graph: Graph, leaf: Callable[[int], Array], source: ArraySource = COMPUTE, edits: Sequence[Override] = ()
    ) -> None:  # fmt: skip
        self.graph, self._leaf, self.source = graph, leaf, source
        self._edits: dict[tuple[int, bool], list[Override]] = {}
        for edit in edits:
            self._edits.setdefault((edit.tensor, edit.gradient), []).append(edit)
        count = graph.first + len(graph.nodes)
        self.V: list[Any] = [None] * count
        self.G: list[Any] = [None] * count
        self.faults: dict[int, Any] = {}
        self._running: dict[int, RunningSums] = {}
        self._routed = source is COMPUTE and not edits
        self._here: Route | None = Route.start(graph, self.library) if self._routed else None

    # --- the library: a subclass has another --------------------------------------------------------------------------

    def _out(self, array: Any) -> Array:
        """One of its arrays as NumPy's, of the same shape, read-only."""
        return read_only(array)

    def _in(self, array: Any, tensor: int) -> Any:
        """One of NumPy's, a tensor's value or gradient, as its own."""
        return array

    def _whole(self, array: Any) -> Any:
        """What it computed, as an array: NumPy has scalars, too."""
        return np.asarray(array)

    def _quiet(self) -> AbstractContextManager[Any]:
        """What is entered while something is computed beside the routes."""
        return np.errstate(all="ignore")

    def beside(self, graph: Graph, leaf: Callable[[int], Array], edits: Sequence[Override] = ()) -> Pass:
        """A pass over the same nodes with other leaves, of their shapes; it takes no more than this one may."""
        return Pass(graph, leaf, edits=edits)

    # --- values ---------------------------------------------------------------------------------------------------

    def value(self, tensor: int) -> Array:
        """A tensor's value, of its shape; computes its ancestors and nothing else."""
        if self.V[tensor] is None and not self._went(tensor, False):
            with self._quiet():
                self._compute(self._missing([tensor]))
        return self._out(self.V[tensor])

    def operands(self, k: int) -> list[Any]:
        """What node k's rule reads: its operands, arrays or literals, then the tensors from outside."""
        return [i.value if isinstance(i, Lit) else self.value(i) for i in self.graph.read_by_rule(k)]

    def leaves(self, k: int, g: Array | None = None) -> dict[int, Any]:
        """The leaves of node k's plan on these numbers, with a cotangent of the node's shape."""
        return self.graph.plans[k].leaves(self.operands(k), self.value(self.graph.tensor(k)), g)

    def _missing(self, wanted: Iterable[int]) -> Sequence[int]:
        """The tensors among `wanted` and their ancestors that have no value yet, in program order."""
        known = None if self.source is COMPUTE else lambda t: self._known(self.V, t, self.source.value)
        return ancestors(self.graph, wanted, self.V, known)

    def _edited(self, tensor: int, gradient: bool, array: Any) -> Any:
        """What was computed, with the cells that were set."""
        edits = self._edits.get((tensor, gradient))
        if not edits:
            return array
        array = self._out(array)
        for edit in edits:
            array = edit.applied(array)
        return self._in(array, tensor)

    def _compute(self, tensors: Sequence[int]) -> None:
        graph, V, first = self.graph, self.V, self.graph.first
        self._here = None
        for tensor in tensors:
            may_stop()
            if tensor < first:
                V[tensor] = self._leaf(tensor)
            else:
                node = graph.nodes[tensor - first]
                try:
                    code.forward(graph.plans[tensor - first], self.library)(V, tensor, *node.inputs)
                except IndexError as error:
                    raise out_of_range(node, error) from None
            if self._edits:
                V[tensor] = self._edited(tensor, False, V[tensor])

    def run_forward(self) -> None:
        """Every value that is not computed yet, in program order."""
        if self._forward_done or self.source.whole:
            return
        if not self._went(ALL, False):
            with self._quiet():
                self._compute(self._missing(range(len(self.V))))
        self._forward_done = True

    # --- routes ---------------------------------------------------------------------------------------------------

    def _went(self, tensor: int, gradient: bool) -> bool:
        """Whether a tensor's value or gradient, or all of them, could be computed along the graph's routes.

        Where something was computed beside them, or one was left half-way, no route leads on.
        """
        here, self._here = self._here, None
        if here is None:
            return False
        ask = tensor, gradient
        route = here.onward.get(ask)
        if route is None:
            if not here.may_lead(self.graph, ask):
                return False
            route = here.onward[ask] = self._route(tensor, gradient)
        V, leaf = self.V, self._leaf
        for t in route.leaves:
            V[t] = leaf(t)
        sums: dict[int, Array] = {}
        for t in route.seeds:
            sums[t] = self._in(self.graph.incoming[t](), t)
        try:
            self.G = apart(UNWARNED, route.run, self.graph, V, self.G, sums)
        except IndexError:  # of indices that a node computed: node by node the message names it
            return False
        self._here = route
        return True

    def _route(self, tensor: int, gradient: bool) -> Route:
        """The route from here; it computes what `value` and `cotangent` compute, but no output that no rule reads."""
        graph, everything = self.graph, range(len(self.V))
        if not gradient:
            return Route(graph, self._missing(everything if tensor == ALL else [tensor]), library=self.library)
        seeds, rows = backward(graph, tensor, self.G)
        values = self._missing(everything if tensor == ALL else read(graph, rows, self.library))
        return Route(graph, values, seeds, rows, self.library)

    def _read(self, k: int) -> list[int]:
        """The tensors that node k's rule reads, its output too."""
        return [t for t in (self.graph.first + k, *self.graph.read_by_rule(k)) if not isinstance(t, Lit)]

    # --- gradients ------------------------------------------------------------------------------------------------

    def seed(self, tensor: int) -> Array:
        """The gradient that comes in at an output, of its shape: 1 for the loss."""
        array = self.source.seed(tensor)
        return read_only(self.graph.incoming[tensor]() if array is None else array)

    def gradient(self, tensor: int) -> Array | None:
        """A tensor's whole gradient, of its shape; None where no path leads to an output."""
        if not self.graph.on_path[tensor] and tensor not in self.graph.incoming:
            return None
        if self.G[tensor] is None and not self._went(tensor, True):
            return self.cotangent(tensor)
        return self._out(self.G[tensor])

    def cotangent(self, tensor: int) -> Array:
        """The whole gradient, of its shape, of a tensor that has one; computes what lies between."""
        if self.G[tensor] is None and not self._went(tensor, True):
            with self._quiet():
                for t, edges in descendants(self.graph, tensor, self._has_gradient).items():
                    self.G[t] = self._edited(t, True, self._sum(t, edges))
        return self._out(self.G[tensor])

    def _sum(self, tensor: int, edges: Sequence[tuple[int, int]]) -> Any:
        """The seed, if the tensor is an output, and the contributions of `edges`, in this order."""
        graph = self.graph
        total: Any = self._in(self.seed(tensor), tensor) if tensor in graph.incoming else None
        for k, position in edges:
            may_stop()
            total = self._contribution(k, position, total)
        return total

    def _contribution(self, k: int, position: int, total: Any = None) -> Any:
        """What the edge contributes, of its tensor's shape, added to a sum so far; of the library's arrays."""
        given = None if self.source is COMPUTE else self.source.contribution(k, position)
        if given is not None:
            added = self._in(given, self.graph.operand(k, position))
            return added if total is None else self._whole(total + added)
        graph = self.graph
        needed = [t for t in self._read(k) if self.V[t] is None]
        if needed:
            self._compute(self._missing(needed))
        made = code.contribution(graph.plans[k], position, self.library)
        return self._whole(made(self.V, self.G, graph.tensor(k), total, *graph.nodes[k].inputs))

    def contribution(self, k: int, position: int) -> Array:
        """What node k's operand at `position` gets from it, un-broadcast, before it is added."""
        tensor = self.graph.operand(k, position)
        # what nothing is added to, and nobody set a cell of, is the gradient, which is known mostly
        sole = self._routed and tensor not in self.graph.incoming and self.graph.contributions[tensor] == 1
        found = self.gradient(tensor) if sole or self.source.sole(tensor) else self.source.contribution(k, position)
        if found is None:
            self.cotangent(self.graph.tensor(k))
            with self._quiet():
                found = self._out(self._contribution(k, position))
        return read_only(found)

    def partial(self, tensor: int, count: int) -> Array | None:
        """The gradient (the tensor's shape) after the seed and the first `count` contributions; None where nothing is.

        Running sums are kept, so that walking along a tensor with many consumers does not start anew each time.
        """
        edges = self.graph.edges_from(tensor)
        if count == len(edges):
            return self.gradient(tensor)
        if tensor not in self._running:
            seed = self.seed(tensor) if tensor in self.graph.incoming else None
            self._running[tensor] = RunningSums(seed)
        total = self._running[tensor].after(count, lambda n: self.contribution(*edges[n]))
        return None if total is None else read_only(total)

    def _known(self, table: list[Any], tensor: int, read: Callable[[int], Array | None]) -> bool:
        """Whether an array is there, or can be read."""
        if table[tensor] is None and (found := read(tensor)) is not None:
            table[tensor] = self._in(found, tensor)
        return table[tensor] is not None

    def _has_gradient(self, tensor: int) -> bool:
        return self._known(self.G, tensor, self.source.gradient)

    def run_backward(self) -> None:
        """Every gradient, in one go over the backward events."""
        if self._backward_done or self.source.whole:
            return
        self.run_forward()
        if self._here is None and self._routed:
            onward = Route.start(self.graph, self.library).onward
            self._here = onward.get((ALL, False)) or Route(self.graph, range(len(self.V)), library=self.library)
            onward[ALL, False] = self._here
            self.G = [None] * len(self.G)
        if not self._went(ALL, True):
            for tensor in range(len(self.G) - 1, -1, -1):
                self.gradient(tensor)
        self._backward_done = True
