"""Checks and tests whose pieces go to the workers of a scheduler: each is a task, and what is said is the same."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug import workers
from bpdebug.checks.first_wrong import check
from bpdebug.cli import main
from bpdebug.debugger import open_session
from bpdebug.errors import InputError
from bpdebug.frontends.options import budget_of
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.limits import Limits
from bpdebug.progress import Stopped, listening
from bpdebug.scenario import find, load
from bpdebug.workers import Spread, spread

pytest.importorskip("dask", reason="an extra")
distributed = pytest.importorskip("distributed", reason="comes with dask's extra")

from bpdebug.backends.planned.cluster import cluster  # noqa: E402 - after the extra
from tests.backends.test_planned import local  # noqa: E402 - as above
from tests.frontends.tui.screen import text_of  # noqa: E402 - as above
from tests.frontends.tui.test_opening import until  # noqa: E402 - as above


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with local(processes=False) as made:
        yield made.scheduler_address


@pytest.fixture
def sent(address: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The arguments of each task that a cluster is given; all work counts as long."""
    client, given = cluster(address).client, list[Any]()
    submit = client.submit

    def noted(work: Any, *words: Any, **how: Any) -> Any:
        given.append(words)
        return submit(work, *words, **how)

    monkeypatch.setattr(client, "submit", noted)
    monkeypatch.setattr(workers, "FIRST", 0.0)
    monkeypatch.setattr(workers, "LONG", 0.0)
    return given


def test_the_rules_of_a_check_are_tasks(address: str, sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(workers.JOBS, "1")  # it is the cluster that works
    there = bpdebug.run(bpdebug.load("two_layer"), backend="dask", scheduler=address)
    found = check(there, 0)
    alone = check(bpdebug.run(bpdebug.load("two_layer")), 0)
    assert len(sent) == len(there.graph.backward_nodes)
    for row, own in zip(found.rows, alone.rows, strict=True):
        assert (row.node, row.name, row.verdict, row.checked) == (own.node, own.name, own.verdict, own.checked)
        np.testing.assert_allclose(row.analytic, own.analytic, rtol=1e-10)
    assert found.first_wrong is None


def test_files_are_tasks_and_are_called_as_they_were_given(
    address: str, sent: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, step in (("a", "step"), ("b", "jump"), ("c", "expect Y ~ 7")):
        Path(f"{name}.bpd").write_text(f"load two_layer\n{step}\n")
    assert main(["test", "."]) == 1
    alone = capsys.readouterr().out
    assert not sent
    assert main(["test", ".", "--scheduler", address]) == 1
    assert capsys.readouterr().out == alone
    assert alone.startswith("FAIL b.bpd:2: ")
    assert [words[2] for words in sent] == [tmp_path / f"{name}.bpd" for name in "abc"]


class KilledWorker(Exception):
    """As dask calls the end of a task of which several workers died."""


def dies(n: int) -> int:
    if n == 1:
        raise KilledWorker
    return n


def test_a_task_that_workers_die_of_is_one_message(address: str, sent: list[Any]) -> None:
    how = Spread(dies, lambda n: (dies, n), lambda n: -n)
    assert list(spread(range(3), how, client=cluster(address).client)) == [0, -1, 2]
    assert len(sent) == 3


def test_a_cluster_that_goes_is_one_message(address: str, sent: list[Any]) -> None:
    client = cluster(address).client

    def here(n: int) -> tuple[Any, ...]:
        if n == 2:  # what was given before it is taken away
            client.cancel(list(client.futures.values()) and [distributed.Future(key, client) for key in client.futures])
        return dies, 0

    with pytest.raises(InputError, match="gave the work back"):
        list(spread(range(4), Spread(dies, here, dies), client=client))


def test_a_scheduler_that_dies_in_a_session_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not Dask's class of a future that was cancelled, nor a wait without end; and the session goes on."""
    monkeypatch.setattr("bpdebug.backends.planned.cluster.ANSWERS", 1.0)
    with local(workers=1, processes=False) as made:
        session = bpdebug.Session(bpdebug.load("two_layer"), backend="dask", scheduler=made.scheduler_address)
        made.close()
        for _ in range(2):
            with pytest.raises(InputError, match=r"no scheduler of dask's answers") as told:
                session.do("seek end")
            assert "ask again" in (told.value.hint or "")
        assert "2" in session.do("print 1 + 1").to_text()


def test_workers_that_say_nothing_are_waited_for_in_words_and_no_longer_than_one_likes(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a machine that is stopped: their scheduler takes minutes to notice."""
    heard, silent = list[str](), Event()
    monkeypatch.setattr("bpdebug.backends.planned.cluster.KNOWN", {})
    monkeypatch.setattr(distributed.Client, "get_versions", lambda self, **how: silent.wait())

    def stop() -> None:
        if len(heard) > 2:
            raise Stopped

    with listening(lambda done, total, what: heard.append(f"{total} {what}"), stop), pytest.raises(Stopped):
        cluster(address)
    silent.set()
    assert heard[-1] == f"0 waiting for workers at {address}"
    assert set(heard) <= {heard[-1], f"0 waiting for the scheduler at {address}"}


async def test_without_workers_the_screen_is_there_and_says_what_it_waits_for() -> None:
    """The first event of however small a graph is worked out beside the screen, and Esc ends that."""
    with local(workers=0, processes=False) as made:
        budget = budget_of(Limits(arrays=("dask", None, made.scheduler_address)))
        app = BpdebugApp(open_session(load(find("two_layer")), budget=budget))
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: f"waiting for workers at {made.scheduler_address}" in text_of(app))
            await pilot.press("escape")
            await until(pilot, lambda: not app.is_running)
    assert app.return_code == 0


TRAINED = """
format = 1
[inputs]
X = { shape = [4, 6], init = "normal" }
[parameters]
W = { shape = [6, 5], init = "normal" }
[graph]
loss = "L"
program = "Y = tanh(X @ W)\\nL = mean(Y ** 2)"
[train]
optimizer = "adam"
lr = 0.1
steps = 3
"""


def test_a_scheduler_that_comes_back_is_reached_again_and_what_was_kept_there_is_worked_out_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a training, whose iterations start from what the one before left with the workers, and of a fork of it."""
    monkeypatch.setattr("bpdebug.far.array.SMALL", 1)  # nothing comes over whole, and is kept here
    monkeypatch.setattr("bpdebug.backends.device.SMALL", 1)
    monkeypatch.setattr("bpdebug.backends.planned.cluster.ANSWERS", 1.0)
    lines = ["seek 5", "seek end", "print dW", "print W", "set W[0, 0] = 0.5", "seek end", "print W", "info gradients"]
    scenario = load(TRAINED)
    alone = bpdebug.Session(scenario)
    with local(1, processes=False, protocol="tcp://") as made:
        address = made.scheduler_address
        session = bpdebug.Session(scenario, backend="dask", scheduler=address)
        told = [alone.do(line).to_text() for line in lines]
        assert [session.do(line).to_text() for line in lines] == told
        made.close()
        with pytest.raises(InputError, match="no scheduler of dask's answers") as gone:
            session.do("print sum(abs(dW))")
        assert "ask again" in (gone.value.hint or "")
    with local(1, processes=False, protocol="tcp://", scheduler_port=int(address.rpartition(":")[2])):
        with suppress(InputError):
            session.do("print sum(abs(dW))")  # what it was begun with is gone: that is said once
        for line in ("print sum(abs(dW))", "seek end", "print W", "switch 0", "info gradients", "print dW", "seek 5"):
            assert session.do(line).to_text() == alone.do(line).to_text()


@pytest.mark.parametrize("word", ["persist", "gather"])
def test_ctrl_c_from_python_is_one_interrupt_and_not_in_the_midst_of_dasks_code(
    word: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There it could be lost in a callback, or be followed by what the threads of Dask's say of it."""
    there = bpdebug.run(bpdebug.load("two_layer"), backend="dask", scheduler=address)
    client, done, after = cluster(address).client, list[str](), list[str]()
    real, before = getattr(client, word), set(client.futures)

    def pressed(*given: Any, **how: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        done.append("seen")
        return real(*given, **how)

    monkeypatch.setattr(client, word, pressed)
    with pytest.raises(KeyboardInterrupt):
        after.append(str(there.value("L")))
    monkeypatch.undo()
    assert done
    assert not after
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    while set(client.futures) - before - kept(there):  # they are released by the client's own thread
        Event().wait(0.02)
    assert there.value("L") == pytest.approx(float(bpdebug.run(bpdebug.load("two_layer")).value("L")))


def kept(there: Any) -> set[Any]:
    """The keys of what a timeline keeps with the workers."""
    run = there.iteration(0)
    return {key for x in (*run.V, *run.G) if x is not None for key in dict(x.__dask_graph__())}
