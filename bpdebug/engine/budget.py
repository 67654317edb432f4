"""How many bytes the timelines of a session keep together: what was used least recently goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol
from weakref import ref

if TYPE_CHECKING:
    from bpdebug.backends import Backend
    from bpdebug.engine.spilled import Disk

ARRAY = 128
"""Bytes that an array takes beside its cells."""
SHARE = 4
"""Checkpoints take this part of the budget at most: a quarter."""


class Keeps(Protocol):
    """What holds iterations: a store. See there."""

    @property
    def apart(self) -> int: ...
    @property
    def checkpoint_bytes(self) -> int: ...
    def size(self, t: int) -> int: ...
    def drop(self, t: int) -> None: ...
    def forget(self) -> None: ...
    def thin(self) -> bool: ...


Key = tuple["ref[Keeps]", int]


class Budget:
    """The iterations that all stores of a session hold, by store and number.

    An iteration counts for the state it starts from, and once its pass is there (`whole`) for all values and
    gradients, whether they are computed yet or not. Leaves, checkpoints and what one event computes on the way count
    as well. The whole iteration that was used last stays, however large it is, and so does the state it leads to;
    where no more than that fits, there are no checkpoints. What a pass forgets goes to the `disk`, where there is one.
    Arrays are a `backend`'s, where there is one; those that it only plans are where it has room (`elsewhere`).
    """

    def __init__(
        self, size: int, disk: Callable[[], Disk | None] | None = None, backend: Backend | None = None
    ) -> None:  # fmt: skip
        self.size, self.disk, self.backend, self.used = size, disk, backend, 0
        self.stores: list[ref[Keeps]] = []
        self.recent: Any = None  # the one asked for last, with what was worked out of it
        self._sizes: OrderedDict[Key, int] = OrderedDict()
        self._whole: set[Key] = set()
        self._unsized: list[Key] = []
        self._times = self._reached

    @property
    def elsewhere(self) -> bool:
        """Whether its passes forget nothing, because what is kept of them is the backend's to say."""
        return self.backend is not None and self.backend.settle is not None

    @property
    def _reached(self) -> int:
        cluster = None if self.backend is None else self.backend.cluster
        return 0 if cluster is None else int(cluster.times)

    def look(self) -> None:
        """Forgets all there is where the backend's cluster has lost it: it is computed anew."""
        if self._reached != self._times:
            self._times, self.recent = self._reached, None
            for key in [*self._sizes]:
                self._drop(key)
            for store in self.living():
                store.forget()

    def keep(self, key: Key, *, whole: bool) -> None:
        """One iteration more, or more of it; others go until all fit. A first one costs no counting."""
        self.used -= self._sizes.pop(key, 0)
        self._sizes[key] = 0
        self._unsized.append(key)
        if whole:
            self._whole.add(key)
        if len(self._sizes) > 1:
            for new in dict.fromkeys(self._unsized):
                store = new[0]()
                self._sizes[new] = 0 if store is None else store.size(new[1])
                self.used += self._sizes[new]
            self._unsized.clear()
            self._evict()

    def touch(self, key: Key) -> None:
        """It was used just now."""
        if len(self._sizes) > 1 and key in self._sizes:
            self._sizes.move_to_end(key)

    def thin(self) -> None:
        """Checkpoints are thinned out until they take no more than their share."""
        while self._checkpoints > self.size // SHARE and self._thinned():
            pass

    def living(self) -> list[Keeps]:
        """The stores that somebody has."""
        return [store for at in self.stores if (store := at()) is not None]

    @property
    def _checkpoints(self) -> int:
        return sum(store.checkpoint_bytes for store in self.living())

    def _thinned(self) -> bool:
        """Every second checkpoint of the store with the most is dropped; False where there is none."""
        return max(self.living(), key=lambda store: store.checkpoint_bytes).thin()

    def _evict(self) -> None:
        last = next((key for key in reversed(self._sizes) if key in self._whole), None)
        apart = max((store.apart for store in self.living()), default=0)
        while self.used + apart + self._checkpoints > self.size:
            key = next(iter(self._sizes))
            if key != last:
                self._drop(key)
            elif not self._thinned():
                break

    def _drop(self, key: Key) -> None:
        self.used -= self._sizes.pop(key)
        self._whole.discard(key)
        store = key[0]()
        if store is not None:
            store.drop(key[1])
