"""What is kept and what is recomputed: iterations within a byte budget, and checkpoints between them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from functools import cached_property
from typing import Any

import numpy as np

from bpdebug.engine.chunks import ChunkedCode
from bpdebug.engine.optimizers import Training
from bpdebug.engine.run import Code, Pass
from bpdebug.engine.update import Norm, Update
from bpdebug.graph import DRAWN, STATE, Graph

Array = np.ndarray[Any, Any]
State = dict[int, Array]
"""What updates have changed, by tensor number: parameters, and the optimizer's states of them."""

RECENT = 4
"""Newest parameter states kept beside the checkpoints: those before and after an update, and a step back."""

MANY_RUNS = 25
"""Full runs after which code generated for the whole graph has paid for its generation (0.16 s per 10,000 nodes)."""


class Store:
    """The iterations of a timeline. Iteration t starts from the parameters after t updates.

    Iterations are dropped, least recently used first, when their arrays pass `budget` bytes; what is dropped is
    recomputed from the nearest checkpoint before it, with the same bits. Checkpoints hold parameters and optimizer
    states; where they would pass a quarter of the budget, every second one is dropped. The newest few are kept
    besides, so that walking on does not start from a distant checkpoint at every iteration.
    """

    def __init__(self, graph: Graph, seed: int, training: Training | None, budget: int) -> None:
        self.graph, self.seed, self.training, self.budget = graph, seed, training, budget
        many = training is not None and training.steps >= MANY_RUNS
        self.code = ChunkedCode(graph) if many else Code(graph)
        self.parameters = graph.trainable if training else ()
        self._leaves: dict[int, Array] = {}
        self._passes: OrderedDict[int, Pass] = OrderedDict()
        self._checkpoints: dict[int, State] = {0: {}}
        self._recent: dict[int, State] = {}
        self._spacing = 1
        self._updates: dict[int, Update] = {}

    def iteration(self, t: int) -> Pass:
        """Iteration t, computed from the nearest checkpoint where it is not kept."""
        found = self._passes.get(t)
        if found is None:
            found = self._passes[t] = self.make(t, self.start(t))
            while len(self._passes) > self._keep:
                self._passes.popitem(last=False)
        self._passes.move_to_end(t)
        return found

    def make(self, t: int, changed: State) -> Pass:
        """A pass of iteration t, with nothing computed; `changed` is what updates made of parameters and states."""
        return Pass(self.graph, self.code, lambda i: self._leaf(i, t, changed))

    @cached_property
    def _keep(self) -> int:
        """How many iterations fit the budget; two at least, so that a step over the border does not thrash."""
        graph = self.graph
        each = sum(graph.nbytes(t) for t in range(graph.first, len(graph.names)))
        each += sum(graph.nbytes(t) for t in range(len(graph.names)) if graph.has_gradient(t))
        return max(2, self.budget // max(each, 4096))

    def parameter(self, tensor: int, updates: int) -> Array:
        """A parameter's value, or a state's, after so many updates: the one that this iteration starts from."""
        return self._leaf(tensor, updates, self.start(updates))

    def updated(self, tensor: int, t: int) -> Array:
        """What iteration t's update makes of a parameter or of a state."""
        return self.parameter(tensor, t + 1)

    def start(self, t: int) -> State:
        """Parameters and optimizer states after t updates; those that never changed are left out."""
        known = self._recent if t in self._recent else self._checkpoints
        if t in known:
            return known[t]
        at = max(k for k in (*self._checkpoints, *self._recent) if k < t)
        state = self._recent[at] if at in self._recent else self._checkpoints[at]
        while at < t:
            state = self._step(at, state)
            at += 1
            if at % self._spacing == 0:
                self._checkpoints[at] = state
                self._thin()
            self._recent[at] = state
            while len(self._recent) > RECENT:
                del self._recent[next(iter(self._recent))]
        return state

    def _step(self, t: int, changed: State) -> State:
        run = self._passes.get(t) or self.make(t, changed)
        run.run_backward()
        norm, after = self.norm(run), dict[int, Array]()
        for tensor in self.parameters:
            update, known = self.update(tensor), self.computed(tensor, run, t, norm)
            numbers = (*self.graph.states.get(tensor, ()), tensor)
            made = [line.expr for line in update.lines[-len(numbers) :]]
            after |= {n: known[id(e)] for n, e in zip(numbers, made, strict=True)}
        return after

    def computed(self, tensor: int, run: Pass, t: int, norm: float | None) -> dict[int, Array]:
        """The values of a parameter's update in iteration t, by its expressions' identity."""
        update, gradient = self.update(tensor), run.gradient(tensor)
        assert gradient is not None
        states = [run.value(n) for n in self.graph.states.get(tensor, ())]
        return update.evaluate(update.leaves(run.value(tensor), gradient, states, t + 1, norm))

    def norm(self, run: Pass) -> float | None:
        """The norm of all gradients of a pass, where updates depend on it."""
        if not self.parameters or not self.update(self.parameters[0]).needs_norm:
            return None
        found = [run.gradient(tensor) for tensor in self.parameters]
        return self.norm_rule.run([g for g in found if g is not None])

    @cached_property
    def norm_rule(self) -> Norm:
        graph = self.graph
        return Norm([graph.shapes[t] for t in self.parameters], [graph.dtypes[t] for t in self.parameters])

    def update(self, tensor: int) -> Update:
        """The traced update rule of a parameter."""
        training, graph = self.training, self.graph
        assert training is not None
        if tensor not in self._updates:
            rule = training.rules.get(tensor)
            self._updates[tensor] = Update(training, graph.shapes[tensor], graph.dtypes[tensor], rule)
        return self._updates[tensor]

    def _thin(self) -> None:
        kept = (*self.parameters, *self.graph.owners)
        each = sum(map(self.graph.nbytes, kept)) + 512
        while len(self._checkpoints) * each > max(self.budget // 4, 4 * each):
            self._spacing *= 2
            base = min(self._checkpoints)
            self._checkpoints = {k: v for k, v in self._checkpoints.items() if k % self._spacing == 0 or k == base}

    def _leaf(self, tensor: int, t: int, changed: State) -> Array:
        """A leaf's array at iteration t: a parameter or state as updated, a mask as drawn, an input as read."""
        if tensor in changed:
            return changed[tensor]
        if self.graph.kind(tensor) == DRAWN:
            return self._draw(tensor, t)
        if tensor not in self._leaves:
            state = self.graph.kind(tensor) == STATE
            array = np.zeros(self.graph.shapes[tensor], self.graph.dtypes[tensor]) if state else (
                self.graph.leaves[tensor].read()
            )  # fmt: skip
            array.flags.writeable = False
            self._leaves[tensor] = array
        return self._leaves[tensor]

    def _draw(self, tensor: int, t: int) -> Array:
        """The mask of kept entries: its stream is (seed, node name, iteration), the same in both passes."""
        name = self.graph.names[tensor].removesuffix(".mask")
        p = self.graph.nodes[self.graph.index[name] - self.graph.first].attrs["p"]
        entropy = int.from_bytes(hashlib.sha256(f"{self.seed}\0{name}\0{t}".encode()).digest()[:16], "big")
        keep = np.random.Generator(np.random.PCG64(entropy)).random(self.graph.shapes[tensor]) >= p
        mask = np.asarray(keep)
        mask.flags.writeable = False
        return mask
