"""Plans carried out by the workers of a scheduler: their progress, how they are stopped, and what goes wrong.

Workers are sent functions of bpdebug's and of dask's by name, not their code: they have the same versions of both. What
they read lies under the same path there.
"""

from __future__ import annotations

import concurrent.futures
import gc
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import partial
from threading import Thread
from time import monotonic
from typing import Any, TypeVar

import dask
from distributed import Client, Future, futures_of, wait
from distributed.system import MEMORY_LIMIT

from bpdebug.arrays import Array
from bpdebug.errors import BpdebugError, InputError
from bpdebug.progress import interruptible, may_stop, report, waiting
from bpdebug.translation import N_, _

ANSWERS = 5.0
"""Seconds in which a scheduler answers."""
PATIENCE = 30.0
"""Seconds in which a cluster without workers gets one."""
LOOK = 0.1
"""Seconds between two looks at how far it is."""
SAME = {"python": 2, "dask": 3, "distributed": 3, "bpdebug": 3}
"""What workers have in common with this machine, and how many numbers of the version."""
AGAIN = "once a scheduler and workers run there again, ask again: what was kept is worked out anew"
START = "start one: dask scheduler, and dask worker ADDRESS; then --scheduler tcp://HOST:8786"
KNOWN: dict[str, Cluster] = {}
Made = TypeVar("Made")


def cluster(address: str) -> Cluster:
    """The cluster behind a scheduler's address, the same one each time; InputError (E_FILE) where none answers."""
    found = KNOWN.get(address) or Cluster(address)
    found.reached()
    KNOWN[address] = found
    return found


class Cluster:
    """A scheduler and its workers, once it is `reached`. `room` are the bytes that arrays may take which are kept.

    `times` says how often it was reached: what was kept the time before is gone.
    """

    client: Any = None

    def __init__(self, address: str) -> None:
        self.address, self.times = address, 0
        self._gone = True  # the client's scheduler, or what it kept
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # it speaks up later, on a screen of ours

    def reached(self) -> int:
        """How often it was reached, now at the latest.

        Raises InputError (E_FILE) where no scheduler answers, or workers have other versions.
        """
        if self._gone or self.client.status != "running":
            with interruptible(), _silent():
                if self.client is not None:
                    self.client.close()
                self._gone = True
                look = partial(waiting, _("waiting for the scheduler at {address}").format(address=self.address))
                connect = partial(_connected, self.address, AGAIN if self.times else START)
                self.client = _asked(connect, look, lambda client: client.close())
                self._check_versions()
            self._gone = False
            self.times += 1
        return self.times

    @property
    def room(self) -> int:
        """Half of the memory of the workers that there are; one without a limit, or to come, is like this machine."""
        found = [worker["memory_limit"] for worker in self.client.scheduler_info().get("workers", {}).values()]
        return sum(int(limit or MEMORY_LIMIT) for limit in found or [None]) // 2

    def _check_versions(self) -> None:
        """InputError (E_FILE) where a worker has other versions than this machine."""
        with warnings.catch_warnings(action="ignore"):
            look = partial(waiting, _("waiting for workers at {address}").format(address=self.address))
            told = _asked(partial(self.client.get_versions, packages=["bpdebug"]), look)
        own = _versions(told["client"])
        for name, there in [("the scheduler", told["scheduler"]), *told["workers"].items()]:
            for package, version in _versions(there).items():
                if version != own[package] and (name != "the scheduler" or package != "bpdebug"):
                    said = f"has {package} {version}" if version else f"has no {package}"
                    message = f"{name} {said}, and this machine {own[package]}"
                    raise InputError(message, code="E_FILE", hint=f"install {package} {own[package]} there")

    def persist(self, arrays: Sequence[Any]) -> Sequence[Any]:
        """The same arrays, whose chunks the workers have worked out and keep.

        Raises InputError (E_FILE) where what they are made of was lost, or is now.
        """
        with interruptible(), _silent(), self._said():
            if self.times > 1 and any(future.client is not self.client for future in futures_of(list(arrays))):
                raise self.lost()
            found: Sequence[Any] = self.client.persist(list(arrays))
            with _given_up(futures := futures_of(found)):
                self._wait(futures)
        return found

    def compute(self, arrays: Sequence[Any]) -> Sequence[Array]:
        """Their cells as NumPy's arrays, of the same shapes."""
        there = self.persist(arrays)  # or all chunks would be put together on one worker
        futures = {future.key: future for future in futures_of(there)}
        with interruptible(), _silent(), self._said(), _given_up(futures.values()):
            keys = [_nested(x.__dask_keys__(), futures) for x in there]
            chunks = _asked(lambda: self.client.gather(keys), _Patience(self))
        return [x.__dask_postcompute__()[0](found) for x, found in zip(there, chunks, strict=True)]

    def _wait(self, futures: Sequence[Future]) -> None:
        """Until all are done."""
        look, at_work = _Patience(self), True
        while left := [future for future in futures if future.status in ("pending", "lost")]:
            if at_work:
                report(len(futures) - len(left), len(futures), N_("tasks"))
            may_stop()
            try:
                with self.client.as_current():
                    wait(left, timeout=LOOK)
            except TimeoutError:
                at_work = look()
        for future in futures:
            if future.status != "finished":
                future.result()

    def lost(self) -> InputError:
        """What is said where the scheduler has gone: the arrays that its workers kept are in no other place."""
        message = f"the connection to {self.address} was lost, and what its workers kept"
        return InputError(message, code="E_FILE", hint=AGAIN)

    @contextmanager
    def _said(self) -> Iterator[None]:
        """What goes wrong on the way to workers and back as one message; what a rule raises there is raised here."""
        try:
            yield
        except (BpdebugError, ArithmeticError, LookupError, ValueError, TypeError):
            raise
        except Exception as error:
            if isinstance(error, CancelledError) or self.client.status != "running":
                self._gone = True  # it may be back by itself, and without what was kept
                raise self.lost() from None
            message = f"the computation on {self.address} failed: {type(error).__name__}: {error}"
            raise InputError(message, code="E_FILE", hint="see what the workers say; then ask again") from None


class _Patience:
    """Looked at while one waits: whether there is still somebody to wait for."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._alone: float | None = None  # since when no worker is there

    def __call__(self) -> bool:
        """Whether a worker is there; raises InputError (E_FILE) where none has been for too long."""
        cluster, connected = self._cluster, self._cluster.client.status == "running"
        if connected and cluster.client.scheduler_info(n_workers=1).get("workers"):
            self._alone = None
            return True
        waiting(_("waiting for workers at {address}").format(address=cluster.address))
        self._alone = monotonic() if self._alone is None else self._alone
        if monotonic() - self._alone > (PATIENCE if connected else ANSWERS):
            if not connected:  # what is asked between its end and the client's is pending for ever
                raise cluster.lost()
            hint = f"start one: dask worker {cluster.address}"
            raise InputError(f"no worker is left at {cluster.address}", code="E_FILE", hint=hint)
        return False


def _asked(ask: Callable[[], Made], look: Callable[[], object], late: Callable[[Made], object] = id) -> Made:
    """What is answered in a thread of its own, while here one looks on, and may stop; `late` has an answer after that.

    Raises what `ask` and `look` do.
    """
    coming: concurrent.futures.Future[Made] = concurrent.futures.Future()
    Thread(target=_answered, args=(ask, coming), daemon=True).start()
    try:
        while not concurrent.futures.wait([coming], LOOK).done:
            look()
            may_stop()
    except BaseException:
        coming.add_done_callback(lambda found: found.exception() or late(found.result()))
        raise
    return coming.result()


def _answered(ask: Callable[[], Made], coming: concurrent.futures.Future[Made]) -> None:
    try:
        coming.set_result(ask())
    except BaseException as error:
        coming.set_exception(error)


def _connected(address: str, hint: str) -> Client:
    """A client of the scheduler at an address; InputError (E_FILE) where none answers.

    One that fails is closed by the garbage collector: at once and here, for wherever else it came to it, in the midst
    of a thread's start, it would wait for ever.
    """
    try:
        return Client(address, timeout=ANSWERS, set_as_default=False)
    except Exception as error:  # of an address that is none it is whatever Dask stumbles over
        message = f"no scheduler of dask's answers at {address!r}: {error or type(error).__name__}"
    gc.collect()
    raise InputError(message, code="E_FILE", hint=hint)


@contextmanager
def _given_up(futures: Iterable[Future]) -> Iterator[None]:
    """Where the work inside is stopped, by whatever, tasks that nobody wants any more are stopped, too."""
    try:
        yield
    except BaseException:
        for future in futures:  # to be cancelled is too much for 2026.8.0: it may take the client's others with it
            future.release()
        raise


def _nested(keys: Any, futures: dict[Any, Future]) -> Any:
    """The futures of nested lists of keys."""
    return [_nested(key, futures) for key in keys] if isinstance(keys, list) else futures[keys]


def _versions(told: dict[str, Any]) -> dict[str, str]:
    """The versions that must be the same, by package; '' for what is not installed."""
    said = {"python": str(told["host"].get("python", "")), **told["packages"]}
    return {name: ".".join(str(said.get(name) or "").split(".")[:count]) for name, count in SAME.items()}


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing is written to the terminal beside us, and large plans are sent without a word."""
    log = logging.getLogger("distributed")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TiB"}):
            yield
    finally:
        log.setLevel(level)
