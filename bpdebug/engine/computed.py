"""What is behind a timeline: its schedule, its store, and a pass alone, while nobody asks for more than the end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from bpdebug.engine.budget import Budget
from bpdebug.engine.edits import Edit
from bpdebug.engine.optimizers import Training
from bpdebug.engine.recorded import Recorded, Recording
from bpdebug.engine.run import Pass
from bpdebug.engine.schedule import Schedule
from bpdebug.engine.sizes import is_ample
from bpdebug.engine.starting import leaves
from bpdebug.engine.store import Store
from bpdebug.graph import Graph
from bpdebug.limits import NUMPY


class Computed:
    """The iterations of a graph, and which event of them comes when.

    `_given` are the budget, the store of the timeline that it is a fork of, and a recording.

    `_alone` is one that starts from no other and has nothing set, trained or recorded, and a budget of its own.
    """

    graph: Graph
    seed: int
    training: Training | None
    edits: Sequence[Edit]
    recording: Recording | None
    _given: tuple[int | Budget, Store | None, Recorded | None]
    _alone: bool
    _begun: Pass | None = None

    def __repr__(self) -> str:
        """How much there is of it, and whose arrays it is on; nothing is computed."""
        counts = {
            "node": len(self.graph), "event": self.schedule.events,
            "iteration": self.schedule.iterations if self.training else 0, "edit": len(self.edits),
        }  # fmt: skip
        said = ", ".join(f"{n} {what}{'s' * (n != 1)}" for what, n in counts.items() if n)
        on = f", on {self.library}" if self.library != NUMPY[0] and self.recording is None else ""
        return f"<Timeline: {said}{on}>"

    @property
    def library(self) -> str:
        """Whose arrays it is computed on, or was where it is recorded: a backend's name."""
        budget = self._given[0]
        if self.recording is not None:
            return self.recording.library
        return NUMPY[0] if isinstance(budget, int) or budget.backend is None else budget.backend.name

    @cached_property
    def schedule(self) -> Schedule:
        """Which event comes when; of no concern to whoever asks for what there is at the end."""
        trained, steps = (self.graph.trainable, self.training.steps) if self.training else ((), 1)
        return Schedule(self.graph, trained, steps, self.recording.events if self.recording else None)

    @cached_property
    def store(self) -> Store:
        """What keeps the iterations."""
        (budget, parent, recorded), begun = self._given, self._begun
        self._alone, self._begun = False, None  # or what the budget drops would stay
        return Store(
            self.graph, self.seed, self.training, Budget(budget) if isinstance(budget, int) else budget,
            edits=self.edits, parent=parent, recorded=recorded, begun=begun,
        )  # fmt: skip

    def iteration(self, t: int) -> Pass:
        return self.store.iteration(t)

    def end(self) -> Pass:
        """The first iteration, for what there is at its end; of a timeline alone it needs no store."""
        if self._begun is None and self._alone and is_ample(self.graph, self._given[0]):
            self._begun = Pass(self.graph, leaves(self.graph, self.seed))
        return self._begun or self.store.iteration(0)
