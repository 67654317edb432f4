"""Plans carried out on this machine's cores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dask
from dask.callbacks import Callback
from distributed.system import MEMORY_LIMIT

from bpdebug.arrays import Array
from bpdebug.progress import may_stop, report
from bpdebug.translation import N_


class Here:
    """Dask's threads. `room` are the bytes that arrays may take which are kept; none of them is lost."""

    room: int = MEMORY_LIMIT // 2
    times = 1

    def reached(self) -> int:
        return self.times

    def persist(self, arrays: Sequence[Any]) -> Sequence[Any]:
        """The same arrays, worked out."""
        with _Heard():
            found: Sequence[Any] = dask.persist(*arrays, scheduler="threads")
        return found

    def compute(self, arrays: Sequence[Any]) -> Sequence[Array]:
        """Their cells as NumPy's arrays, of the same shapes."""
        with _Heard():
            found: Sequence[Array] = dask.compute(*arrays, scheduler="threads")
        return found


class _Heard(Callback):  # type: ignore[misc]  # dask has no types
    """Says after each task how many are done, and may be stopped there."""

    def _start_state(self, dsk: Any, state: Any) -> None:
        self.total = max(len(state["dependencies"]), 1)

    def _posttask(self, key: Any, result: Any, dsk: Any, state: Any, worker_id: Any) -> None:
        may_stop()
        report(len(state["finished"]), self.total, N_("tasks"))
