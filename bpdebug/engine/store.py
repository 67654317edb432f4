"""What is kept and what is recomputed: iterations within a byte budget, and checkpoints between them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary, ref

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine import sizes
from bpdebug.engine.budget import ARRAY, SHARE, Budget, Keeps
from bpdebug.engine.edits import Edit, first_iteration, overridden, overrides
from bpdebug.engine.layout import ADDED, Slot
from bpdebug.engine.optimizers import Training
from bpdebug.engine.passes import computed, given
from bpdebug.engine.recorded import Recorded, RecordedPass, RecordedSource
from bpdebug.engine.run import Pass
from bpdebug.engine.schedule import BACKWARD, END, FORWARD, SEED, UPDATE, Moment
from bpdebug.engine.shared import Shared
from bpdebug.engine.source import COMPUTE, ArraySource
from bpdebug.engine.starting import NOTHING, State, leaves, nbytes, starting
from bpdebug.engine.updates import Updates
from bpdebug.errors import BpdebugError
from bpdebug.graph import Graph
from bpdebug.progress import may_stop, part
from bpdebug.translation import N_

if TYPE_CHECKING:
    from bpdebug.engine.room import Room


class Store:
    """The iterations of a timeline. Iteration t starts from the parameters after t updates.

    Iterations, and the states between them, are dropped as the budget says; what is dropped is recomputed from the
    nearest state or checkpoint before it, with the same bits. Checkpoints hold parameters and optimizer states; where
    they would take too much, every second one is dropped.

    A fork's has a `parent`, which its edits (the parent's, and more) leave as it is before iteration `first`. What is
    `recorded` is not computed.
    """

    def __init__(
        self, graph: Graph, seed: int, training: Training | None, budget: Budget, *, edits: Sequence[Edit] = (),
        parent: Store | None = None, recorded: Recorded | None = None, begun: Pass | None = None,
    ) -> None:  # fmt: skip
        self.graph, self.seed, self.training, self.budget = graph, seed, training, budget
        self.edits, self.parent, self.recorded = edits, parent, recorded
        self._more = edits[len(parent.edits) :] if parent else edits
        self.first = first_iteration(self._more) if self._more else 0
        self._passes: dict[int, Pass] = {}
        self._states: dict[int, State] = {}
        self._checkpoints: dict[int, State] = {}
        self._spacing, self._each = 1, 0
        self.updates: Updates = Updates(graph, training, self._more, parent.updates if parent else None)
        self._me: ref[Keeps] = ref(self)
        self._dropped: WeakValueDictionary[int, Pass] | None = None  # those that somebody still works with, perhaps
        budget.stores.append(self._me)
        if begun is not None:
            self._keep(0, begun)

    def iteration(self, t: int) -> Pass:
        """Iteration t, computed from the nearest checkpoint where it is not kept."""
        self.budget.look()
        found = self._passes.get(t)
        if found is not None:
            self.used(t)
            return found
        if self.parent is not None and t < self.first:
            return self.parent.iteration(t)
        return self._pass(t, self.start(t) if self.updates.parameters and not self.recorded else NOTHING)

    def known(self, t: int) -> Pass | None:
        """Iteration t, where it is there."""
        return self._passes.get(t)

    def used(self, t: int) -> None:
        """Iteration t was used just now."""
        self.budget.touch((self._me, t))

    def _pass(self, t: int, start: State) -> Pass:
        """A pass of iteration t, the one that somebody still holds or a new one, kept with the state it starts from."""
        if start is not NOTHING:
            self._states[t] = start
        known = None if self._dropped is None else self._dropped.get(t)
        if known is not None and known.room is not None and known.room != self.room():
            known = None
        return self._keep(t, known or self._new(t, start))

    def _keep(self, t: int, run: Pass) -> Pass:
        self._passes[t] = run
        self.budget.keep((self._me, t), whole=True)
        return run

    def _new(self, t: int, changed: State) -> Pass:
        """A pass of iteration t, with nothing computed; `changed` is what updates made of parameters and states."""
        source: ArraySource = COMPUTE
        # The pass of a computation does not hold its store, or all its arrays would wait for the garbage collector.
        leaf = leaves(self.graph, self.seed, t, changed, given(self.graph, self.budget))
        edits = overrides(self.edits, t)
        if self.recorded is not None:
            source, leaf = RecordedSource(self.recorded, t), lambda i: self.leaf(i, t)
            read = RecordedPass(self.graph, leaf, source, edits, max(self.free, 0)) if self.is_tight else None
            return read or Pass(self.graph, leaf, source, edits)
        room = self.room()
        if room is None and self.parent is not None and t == self.first:
            source = Shared(self.graph, self.parent.iteration(t), self._more)
        return computed(self.graph, leaf, source, edits, self.budget, room)

    # --- what is kept ---------------------------------------------------------------------------------------------

    def room(self) -> Room | None:
        """How its passes are cut; None where a whole one fits, or is read. Where there are forks, two are to fit."""
        if self._is_read or self.budget.elsewhere or not self.is_tight:
            return None
        most = self.free + self.apart - sizes.of_leaves(self.graph) - self._scratch(sizes.at_work(self.graph))
        from bpdebug.engine.room import cut  # start-up: few passes have to be cut

        return cut(self.graph, most - (self.budget.size // SHARE if self.updates.parameters else 0), most)

    @property
    def _is_read(self) -> bool:
        """Whether it is a recording's or a fork's of one, which has the numbers that were recorded."""
        return self.recorded is not None or (self.parent is not None and self.parent._is_read)

    @property
    def is_tight(self) -> bool:
        """Whether a whole pass does not fit."""
        return not sizes.is_ample(self.graph, self.budget) and sizes.of_arrays(self.graph) > self.free

    @property
    def free(self) -> int:
        """The bytes that a pass may take; where there are forks, two of them are to fit."""
        return (self.budget.size - sizes.of_leaves(self.graph) - sum(self.beside)) // min(2, len(self.budget.living()))

    def size(self, t: int) -> int:
        """The most bytes that what is kept of an iteration can come to: its pass, and the state that it starts from.

        A pass that shares its arrays with the parent's holds that one, too: what is different counts twice.
        """
        run = self._passes.get(t)
        total = nbytes(self.graph, self._states.get(t, NOTHING))
        if run is not None:
            total += self._pass_bytes if run.nbytes is None else run.nbytes
        while run is not None and isinstance(shared := run.source, Shared):
            both = zip(shared.touched, shared.touched_gradients, strict=True)
            total += sum((self.graph.nbytes(i) + ARRAY) * (a + b) for i, (a, b) in enumerate(both))
            run = shared.parent
        return total

    def drop(self, t: int) -> None:
        """Forgets an iteration; whoever works with it keeps it until that is done."""
        run = self._passes.pop(t, None)
        if run is not None:
            self._dropped = WeakValueDictionary() if self._dropped is None else self._dropped
            self._dropped[t] = run
        self._states.pop(t, None)

    def forget(self) -> None:
        """Nothing that was computed is there any more."""
        self._dropped, self._checkpoints = None, {}
        self._passes.clear()
        self._states.clear()

    @cached_property
    def _pass_bytes(self) -> int:
        return sizes.of_pass(self.graph)

    @cached_property
    def apart(self) -> int:
        """Bytes that are always there, or may be at any time: the leaves, and what one event computes on the way."""
        return sizes.of_leaves(self.graph) + self.beside[1]

    @property
    def beside(self) -> tuple[int, int]:
        """The bytes of what updates change, before and after one, and of what one event computes on the way."""
        return sizes.of_states(self.graph, self._updated), self._scratch(sizes.of_rules(self.graph))

    def _scratch(self, of_pass: int) -> int:
        return max((of_pass, *(self.updates.rule(tensor).scratch for tensor in self.updates.parameters)))

    @property
    def checkpoint_bytes(self) -> int:
        return len(self._checkpoints) * self._each

    def thin(self) -> bool:
        """Drops every second checkpoint; False where there is none."""
        if not self._checkpoints:
            return False
        self._spacing *= 2
        self._checkpoints = {k: v for k, v in self._checkpoints.items() if k % self._spacing == 0}
        return True

    def parameter(self, tensor: int, updates: int) -> Array:
        """A parameter's value (or a state's), of its shape, after so many updates: what that iteration starts from."""
        if overridden(self.edits, tensor, False, updates):
            return self.iteration(updates).value(tensor)
        if self.parent is not None and updates <= self.first:
            return self.parent.parameter(tensor, updates)
        return self.leaf(tensor, updates)

    def updated(self, tensor: int, t: int) -> Array:
        """What iteration t's update makes of a parameter or a state, of its shape, whatever is set for the next one."""
        return self.parent.updated(tensor, t) if self.parent and t < self.first else self.leaf(tensor, t + 1)

    def result(self, phase: str, tensor: int, t: int) -> Array:
        """What a tensor's event in a phase computes, of its shape (see Event.value)."""
        if phase == UPDATE:
            return self.updated(tensor, t)
        run = self.iteration(t)
        return run.value(tensor) if phase == FORWARD else run.seed(tensor) if phase == SEED else run.cotangent(tensor)

    def made(self, moment: Moment, slot: Slot) -> Array:
        """One of the arrays that an event makes, of its tensor's shape."""
        if slot.role == ADDED:
            k = self.graph.backward_nodes[moment.nth]
            return self.iteration(moment.iteration).contribution(k, slot.position)
        return self.result(moment.phase, slot.tensor, moment.iteration)

    def run_ahead(self, moment: Moment) -> None:
        """At the first event of a pass, or the end: computes all of it in one go, because all will be asked for."""
        if moment.nth == 0 and moment.phase in (FORWARD, BACKWARD, END):
            run = self.iteration(moment.iteration)
            if run.nbytes is not None:
                return  # what it forgets would be computed twice
            # A pass that fails half-way is computed event by event, and fails again where it must.
            with suppress(BpdebugError):
                run.run_forward() if moment.phase == FORWARD else run.run_backward()

    def start(self, t: int) -> State:
        """Parameters and optimizer states after t updates; those that never changed are left out."""
        if self.parent is not None and t < self.first:
            return self.parent.start(t)
        self.budget.look()
        self.used(t)
        at = t
        while (state := self._known(at)) is None:
            at -= 1
        first = at
        while at < t:
            may_stop()
            with part(at - first, t - first, N_("iterations")):
                state = self._step(at, state)
            at += 1
            self._states[at] = state
            self.budget.keep((self._me, at), whole=at in self._passes)
            if at % self._spacing == 0:
                self._checkpoints[at], self._each = state, nbytes(self.graph, state)
                self.budget.thin()
        return state

    def _known(self, t: int) -> State | None:
        """The state after t updates, where nothing has to be computed for it."""
        if self.parent is not None and t == self.first:
            return self.parent.start(t)
        return self._states.get(t, self._checkpoints.get(t, None if t else NOTHING))

    def _step(self, t: int, start: State) -> State:
        run = self._passes.get(t) or self._pass(t, start)
        run.run_backward()
        return self.updates.after(run, t)

    def computed(self, tensor: int, t: int, norm: float | None) -> dict[int, Array]:
        """The arrays of a parameter's update, by the identity of expressions, whose shapes they have."""
        return self.updates.computed(self.iteration(t), tensor, t, norm)

    def norm(self, t: int) -> float | None:
        """The norm of all gradients of an iteration, where updates depend on it."""
        return self.updates.norm(self.iteration(t))

    def leaf(self, tensor: int, t: int) -> Array:
        """A leaf, of its shape, at t before edits: an input as read, a parameter as updated, a mask as drawn."""
        found = self.recorded.leaf(tensor, t) if self.recorded is not None else None
        if found is not None:
            return found
        changed = self.start(t) if tensor in self._updated else NOTHING
        found = starting(self.graph, self.seed, t, changed, self.graph.arrays, tensor)
        if isinstance(found, np.ndarray) or self.budget.backend is None:
            return found
        given: Array = self.budget.backend.out(found)
        return given

    @cached_property
    def _updated(self) -> set[int]:
        """Parameters and states that updates change."""
        return {*self.updates.parameters, *self.graph.owners}
