"""Work that comes in pieces, on many cores: it begins here, and once it turns out to be long, processes take the rest.

What comes of it is the same, and in the same order, wherever the pieces are worked on.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, redirect_stderr, suppress
from functools import partial
from itertools import islice
from threading import Lock, Thread
from time import process_time
from types import ModuleType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from bpdebug.errors import InputError, UsageError
from bpdebug.progress import Stopped, listening, may_stop, part, report
from bpdebug.translation import language, speaking

if TYPE_CHECKING:
    from concurrent.futures import Future
    from multiprocessing.synchronize import Event

JOBS = "BPDEBUG_JOBS"
"""The variable that says how many processes may work."""
FIRST, LONG = 1.0, 4.0
"""Seconds of work by which the rest is judged, and how many that must be to be worth processes of its own."""
WAIT = 0.1
"""Seconds between two looks at whether somebody stopped the work."""
MOST = 61
"""Processes that Windows can wait for."""


class Spread(Struct, frozen=True):
    """How pieces are worked on: `here` makes something of one, in this process.

    `away` gives a function and its arguments that make the same of it in another one, None where it cannot leave this;
    `died` is what comes of a piece that its process died of. `unit` is what pieces are called.
    """

    here: Callable[[Any], Any]
    away: Callable[[Any], tuple[Any, ...] | None]
    died: Callable[[Any], Any]
    unit: str = ""


def processes() -> int:
    """How many processes may work: what BPDEBUG_JOBS says, else one for each processor that this one may use.

    1 in a process that is one of them. UsageError where the variable is no number.
    """
    if _stopping:
        return 1
    said = os.environ.get(JOBS, "0")
    if not (said.isascii() and said.isdigit()) or len(said) > 6:
        raise UsageError(f"{JOBS}={said}", hint="a number of processes, or 0 for one on each processor")
    affinity = getattr(os, "sched_getaffinity", None)  # not everywhere
    return int(said) or (len(affinity(0)) if affinity else os.cpu_count() or 1)


def spread(
    pieces: Sequence[Any], how: Spread, jobs: int | None = None, client: Any = None
) -> Generator[Any, None, None]:
    """What is made of each piece, in order: by so many processes, or, where none are said, here as long as that is not
    going to take more than some seconds. With a `client` of dask.distributed's its workers take what processes would.

    How far it is, is reported; it may be stopped. Raises what `how` does, when it is that piece's turn.
    """
    count, began, total = processes() if jobs is None else jobs, process_time(), len(pieces)
    for done, piece in enumerate(pieces):
        many = total - done > 1 and (count > 1 or client is not None)
        if many and (jobs is not None or _long(process_time() - began, done, total)):
            with closing(_Cluster(client) if client is not None else _Team(min(count, total - done, MOST))) as team:
                yield from _spread(pieces, done, how, team)
            return
        with part(done, total, how.unit):
            made = how.here(piece)
        yield made


def _long(spent: float, done: int, total: int) -> bool:
    """Whether the rest takes long, if it goes on as it began."""
    return spent >= FIRST and spent * (total - done) > LONG * done


def _spread(pieces: Sequence[Any], first: int, how: Spread, team: _Team) -> Iterator[Any]:
    """What is made of the pieces from one on, in order, though they end in another."""
    found: dict[int, Future[Any]] = {}
    ahead = iter(range(first, len(pieces)))
    for n in range(first, len(pieces)):
        while n not in found:
            for k in islice(ahead, team.room):
                if (task := how.away(pieces[k])) is None:
                    found[k] = _made(how.here, pieces[k])
                else:
                    team.give(k, task)
            for k, future in team.ended():
                found[k] = _made(how.died, pieces[k]) if future is None else future
            may_stop()
        report(n, len(pieces), how.unit)
        yield found.pop(n).result()


def _made(make: Callable[[Any], Any], piece: Any) -> Future[Any]:
    """What is made of a piece here, or the error that it is answered with, for when it is its turn."""
    from concurrent.futures import Future  # start-up: only long work needs it

    found: Future[Any] = Future()
    try:
        found.set_result(make(piece))
    except Exception as error:
        found.set_exception(error)
    return found


class _Team:
    """Processes that work on numbered tasks.

    Where one of them dies, which breaks the pool, what was begun is done again, one task after the other in a process
    of its own, so that it is known which of them a process dies of.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._begun: dict[Future[Any], tuple[int, tuple[Any, ...]]] = {}
        self._start(count)

    def _start(self, count: int) -> None:
        from concurrent.futures import ProcessPoolExecutor  # start-up: only long work needs it
        from multiprocessing import get_context  # as above

        context = get_context("spawn")  # a fork of a process with threads (BLAS has some) may hang
        # The standard error of a screen has the number -1, which no process can be given.
        with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
            self._stopping = context.Event()
        self._pool = ProcessPoolExecutor(count, context, _begin, (self._stopping,))

    @property
    def room(self) -> int:
        """How many tasks more it should be given: none of it waits for one, and few of them wait in memory."""
        return 2 * self.count - len(self._begun)

    def give(self, number: int, task: tuple[Any, ...]) -> Future[Any]:
        """A function and its arguments, under a number."""
        from concurrent.futures import BrokenExecutor, Future  # as above

        try:
            with _unseen():
                future = self._pool.submit(_carried_out, language(), *task)
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)
        self._begun[future] = number, task
        return future

    def ended(self) -> Iterator[tuple[int, Future[Any] | None]]:
        """Tasks that ended, at once or after a moment, with their numbers; None for one that killed its process."""
        from concurrent.futures import FIRST_COMPLETED, wait  # as above

        done = wait(self._begun, WAIT, FIRST_COMPLETED).done
        broken = any(map(_died, done))
        for future in done:
            if not _died(future):
                yield self._begun.pop(future)[0], future
        if broken:
            tasks, self._begun = sorted(self._begun.values(), key=lambda begun: begun[0]), {}
            self._restart(1)
            for number, task in tasks:
                yield number, self._alone(number, task)
            self._restart(self.count)

    def _alone(self, number: int, task: tuple[Any, ...]) -> Future[Any] | None:
        future = self.give(number, task)
        while not future.done():
            may_stop()
            with suppress(TimeoutError):
                future.exception(WAIT)
        del self._begun[future]
        if not _died(future):
            return future
        self._restart(1)
        return None

    def _restart(self, count: int) -> None:
        self.close()
        self._start(count)

    def close(self) -> None:
        """Whatever still runs ends where it may be stopped, and nothing waits for it; else the processes end first.

        The pool, and with it what says that they are to stop, is there until they have ended: a process that just
        starts would find it gone.
        """
        self._stopping.set()
        end = partial(self._pool.shutdown, cancel_futures=True)
        Thread(target=end).start() if self._begun else end()


def _died(future: Future[Any]) -> bool:
    from concurrent.futures import BrokenExecutor  # as above

    return isinstance(future.exception(), BrokenExecutor)


class _Cluster(_Team):
    """The workers of a dask cluster, which itself gives a task to another where one dies, some times."""

    def __init__(self, client: Any) -> None:
        self._client = client
        super().__init__(max(sum(client.ncores().values()), 1))

    def _start(self, count: int) -> None:
        self._pool = self._client.get_executor(pure=False)

    def ended(self) -> Iterator[tuple[int, Future[Any] | None]]:
        """As of processes. Raises InputError (E_FILE) where the cluster has gone."""
        from concurrent.futures import FIRST_COMPLETED, wait  # as above

        for future in wait(self._begun, WAIT, FIRST_COMPLETED).done:
            number = self._begun.pop(future)[0]
            if future.cancelled():
                hint = "see whether its scheduler runs"
                raise InputError("the cluster gave the work back", code="E_FILE", hint=hint)
            yield number, None if type(future.exception()).__name__ == "KilledWorker" else future

    def close(self) -> None:
        """What waits there is cancelled; what runs goes on to its end."""
        self._pool.shutdown(wait=False)


# --- in a process of its own

_stopping: list[Event] = []
"""What says that the work is to be stopped, in a process that works for another."""
_STARTING = Lock()


@contextmanager
def _unseen() -> Iterator[None]:
    """Processes that start meanwhile do not run the main module again, as spawned ones do otherwise: a script without
    `if __name__ == "__main__"` would train once more in each. An interrupt is for this process alone.
    """
    mask = getattr(signal, "pthread_sigmask", None)  # not everywhere
    with _STARTING:
        main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
        blocked = mask(signal.SIG_BLOCK, [signal.SIGINT]) if mask else None
        try:
            yield
        finally:
            sys.modules["__main__"] = main
            if mask:
                mask(signal.SIG_SETMASK, blocked)


def _begin(stopping: Event) -> None:
    """What a process does first: it ends with the one that it works for, and leaves interrupts to that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _stopping.append(stopping)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    from multiprocessing import parent_process  # only in a process that has one

    parent = parent_process()
    if parent is not None:
        parent.join()
        signal.raise_signal(signal.SIGTERM)


def _carried_out(lang: str, work: Callable[..., Any], *given: Any) -> Any:
    """One task, in the language of whoever gave it."""
    with speaking(lang), listening(lambda *far: None, _stop):
        return work(*given)


def _stop() -> None:
    if any(stopping.is_set() for stopping in _stopping):
        raise Stopped
