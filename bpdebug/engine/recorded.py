"""What was recorded is not computed again: a recording as the source of passes and of what lies between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from bpdebug.arrays import Array
from bpdebug.engine.edits import Override
from bpdebug.engine.layout import ADDED, GRADIENT, INCOMING, KEPT, MASK, UPDATED, VALUE, Layout, Slot
from bpdebug.engine.run import Pass
from bpdebug.engine.schedule import BACKWARD, FORWARD, SEED, UPDATE, Schedule
from bpdebug.engine.source import ArraySource
from bpdebug.graph import DRAWN, STATE, Graph


class Application(Struct, frozen=True):
    """One node of another program's backward pass, and the steps `first` to before `stop` that its forward is.

    `function` is the node's class, `module` the module whose call it stands in, `line` the user's ("model.py:12").
    `outputs` are tensors, by name, and so are `operands`, those that it is asked a gradient for. `absent` are operands
    that it handed one to, though no step of its forward leads there; `precision` is the dtype that it computes in.
    """

    function: str
    module: str
    line: str
    first: int
    stop: int
    outputs: tuple[str, ...]
    operands: tuple[str, ...]
    absent: tuple[str, ...] = ()
    precision: str = "float32"


class Recording(Protocol):
    """What was recorded: the first `events` events of a timeline; `notice` says what else is to be known of it.

    `applications` are there where another program computed it, in the order of its forward pass; `library` is whose
    arrays it was computed on, by a backend's name.
    """

    library: str
    events: int
    notice: str
    apart: bool
    states: bool
    applications: tuple[Application, ...]

    def read(self, index: int, slot: Slot) -> Array:
        """A slot's array, of its tensor's shape; InputError (E_TRACE) where its bytes are not what they were."""
        ...

    def digests(self, index: int) -> tuple[str, ...]:
        """The hashes of an event's arrays, in the order of its slots."""
        ...


class Recorded:
    """A recording, asked by iteration, phase and tensor; None is what it does not reach."""

    def __init__(self, recording: Recording, schedule: Schedule) -> None:
        self.recording, self.schedule, self.graph = recording, schedule, schedule.graph
        self.layout = Layout(schedule, recording.apart, recording.states)

    def find(self, t: int, phase: str, tensor: int, slot: Slot) -> Array | None:
        """The array, of the tensor's shape, of a slot of its event in a phase."""
        index = self.schedule.index_of(phase, tensor, t)
        return None if index is None or index >= self.schedule.events else self.recording.read(index, slot)

    def leaf(self, tensor: int, t: int) -> Array | None:
        """A leaf, of its shape, at iteration t before edits: a mask, or what the update before left."""
        graph, kind = self.graph, self.graph.kind(tensor)
        if kind == DRAWN:
            k = graph.users(tensor)[0]
            return self.find(t, FORWARD, graph.tensor(k), Slot(MASK, tensor))
        if t == 0 or (kind == STATE and not self.layout.states):
            return None
        return self.find(t - 1, UPDATE, tensor, Slot(KEPT if kind == STATE else UPDATED, tensor))


class RecordedPass(Pass):
    """A pass that is read, and keeps no more than so many bytes of it: what was looked at last."""

    def __init__(
        self, graph: Graph, leaf: Callable[[int], Array], source: ArraySource, edits: Sequence[Override], nbytes: int
    ) -> None:  # fmt: skip
        super().__init__(graph, leaf, source, edits)
        self.nbytes, self._room = nbytes, nbytes
        self._looked: dict[tuple[int, bool], int] = {}

    def value(self, tensor: int) -> Array:
        """A tensor's value, of its shape."""
        found = super().value(tensor)
        self._keep((tensor, False), found.nbytes)
        return found

    def cotangent(self, tensor: int) -> Array:
        """The whole gradient, of its shape, of a tensor that has one."""
        found = super().cotangent(tensor)
        self._keep((tensor, True), found.nbytes)
        return found

    def partial(self, tensor: int, count: int) -> Array | None:
        """The gradient (the tensor's shape) after the seed and the first `count` contributions."""
        found = super().partial(tensor, count)
        for other in [t for t in self._running if t != tensor]:
            del self._running[other]
        return found

    def _keep(self, key: tuple[int, bool], nbytes: int) -> None:
        """It was looked at now; what was looked at before goes until there is room."""
        self._room += self._looked.pop(key, 0) - nbytes
        self._looked[key] = nbytes
        while self._room < 0 and len(self._looked) > 1:
            tensor, gradient = oldest = next(iter(self._looked))
            self._room += self._looked.pop(oldest)
            (self.G if gradient else self.V)[tensor] = None


class RecordedSource(ArraySource):
    """One iteration of a recording."""

    whole = True

    def __init__(self, recorded: Recorded, t: int) -> None:
        self.recorded, self.graph, self.t = recorded, recorded.graph, t

    def value(self, tensor: int) -> Array | None:
        return self.recorded.find(self.t, FORWARD, tensor, Slot(VALUE, tensor))

    def gradient(self, tensor: int) -> Array | None:
        edges, recorded = self.graph.edges_from(tensor), self.recorded
        if not edges:
            return self.seed(tensor)
        k, position = edges[-1]
        slot = Slot(GRADIENT, tensor, position if recorded.layout.sole(tensor) else -1)
        return recorded.find(self.t, BACKWARD, self.graph.tensor(k), slot)

    def seed(self, tensor: int) -> Array | None:
        return self.recorded.find(self.t, SEED, tensor, Slot(INCOMING, tensor))

    def sole(self, tensor: int) -> bool:
        return self.recorded.layout.sole(tensor)

    def contribution(self, k: int, position: int) -> Array | None:
        tensor = self.graph.operand(k, position)
        return self.recorded.find(self.t, BACKWARD, self.graph.tensor(k), Slot(ADDED, tensor, position))
