"""Work in pieces: where each is worked on, counted; the same in the same order; processes that die, and are stopped."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bpdebug import workers
from bpdebug.errors import AtLine, CommandError, InputError, UsageError
from bpdebug.progress import Stopped, listening, may_stop
from bpdebug.translation import _, own, speaking
from bpdebug.workers import Spread, processes, spread


class Team:
    """Processes that are none: what is given to them is worked on at once, and ends the other way round."""

    started: tuple[int, ...] = ()

    def __init__(self, count: int) -> None:
        Team.started += (count,)
        self.room, self.given = 2 * count, list[tuple[int, Any]]()

    def give(self, number: int, task: tuple[Any, ...]) -> None:
        self.given.append((number, task))

    def ended(self) -> Iterator[tuple[int, Any]]:
        for number, task in reversed(self.given):
            yield number, workers._made(lambda task: task[0](*task[1:]), task)
        self.given.clear()

    def close(self) -> None: ...


@pytest.fixture
def team(monkeypatch: pytest.MonkeyPatch) -> type[Team]:
    monkeypatch.setattr(workers, "_Team", Team)
    monkeypatch.setattr(Team, "started", ())
    monkeypatch.setenv(workers.JOBS, "3")
    return Team


def clocked(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Each piece that is worked on here takes so long, the first look at the clock being free."""
    looks = iter(range(10_000))
    monkeypatch.setattr(workers, "process_time", lambda: max(next(looks) - 1, 0) * seconds)


def noted() -> tuple[Spread, list[int], list[int]]:
    """A way to work on numbers, those that were worked on here, and those that went away."""
    here: list[int] = []
    away: list[int] = []

    def worked(n: int) -> int:
        here.append(n)
        return n * n

    def sent(n: int) -> tuple[Any, ...]:
        away.append(n)
        return pow, n, 2

    return Spread(worked, sent, lambda n: -n), here, away


def test_short_work_starts_no_process(team: type[Team], monkeypatch: pytest.MonkeyPatch) -> None:
    how, here, away = noted()
    clocked(monkeypatch, 0.1)
    assert list(spread(range(40), how)) == [n * n for n in range(40)]
    assert (here, away, team.started) == (list(range(40)), [], ())


def test_long_work_goes_on_in_as_many_processes_as_there_are_processors(
    team: type[Team], monkeypatch: pytest.MonkeyPatch
) -> None:
    how, here, away = noted()
    clocked(monkeypatch, 0.5)  # after two of them the other 18 are 9 seconds of work
    heard: list[float] = []
    with listening(lambda done, total, unit: heard.append(done / total)):
        assert list(spread(range(20), how)) == [n * n for n in range(20)]
    assert (here, away, team.started) == ([0, 1], list(range(2, 20)), (3,))
    assert heard == sorted(heard)
    assert heard[-1] == 0.95


def test_on_one_processor_nothing_is_started(team: type[Team], monkeypatch: pytest.MonkeyPatch) -> None:
    how, here, _away = noted()
    clocked(monkeypatch, 60)
    monkeypatch.setenv(workers.JOBS, "1")
    assert list(spread(range(5), how)) == [0, 1, 4, 9, 16]
    monkeypatch.setenv(workers.JOBS, "3")
    assert list(spread(range(1), how)) == [0]  # nor for one piece
    assert (here, team.started) == ([0, 1, 2, 3, 4, 0], ())


def test_so_many_as_are_said_work_from_the_first_piece_on(team: type[Team]) -> None:
    how, here, _away = noted()
    assert list(spread(range(4), how, jobs=2)) == [0, 1, 4, 9]
    assert (here, team.started) == ([], (2,))


def test_what_cannot_leave_is_worked_on_here_and_errors_come_when_it_is_their_turn(team: type[Team]) -> None:
    def failing(n: int) -> int:
        if n == 2:
            raise InputError("2", code="E_SHAPE")
        return n

    how = Spread(failing, lambda n: None if n % 2 == 0 else (abs, n), lambda n: -n)
    found = spread(range(6), how, jobs=3)
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(InputError, match="2"):
        next(found)


def test_how_many_processes_may_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(workers.JOBS)
    assert 1 <= processes() <= (os.cpu_count() or 1)
    monkeypatch.setenv(workers.JOBS, "7")
    assert processes() == 7
    for word in ("-1", "many", "1.5", "9" * 9):
        monkeypatch.setenv(workers.JOBS, word)
        with pytest.raises(UsageError):
            processes()


# --- with processes

SAYS = "this rule is wrong"


def odd_numbers_kill(n: int) -> int:
    if n % 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def failing_at(n: int) -> Any:
    if n == 1:
        raise CommandError("no", code="E_EXPR", hint="mend it", where=AtLine("a.toml", 12), column=3)
    return _(SAYS)


def inner(n: int) -> tuple[int, int]:
    return processes(), os.getpid()


def apart(work: Callable[[int], Any]) -> Spread:
    return Spread(work, lambda n: (work, n), lambda n: -n)


def test_of_what_processes_die_is_known_and_the_rest_is_done() -> None:
    assert list(spread([0, 1, 2, 4], apart(odd_numbers_kill), jobs=2)) == [0, -1, 2, 4]


def test_errors_and_translated_texts_come_back_whole() -> None:
    with speaking("zh"):
        found = spread(range(2), apart(failing_at), jobs=2)
        said = next(found)
        assert (said, own(said)) == (_(SAYS), SAYS)
        assert said != SAYS
        with pytest.raises(CommandError) as failed:
            next(found)
    error = failed.value
    assert str(error) == "error[E_EXPR] a.toml:12: no\n  help: mend it"
    assert (error.at_line, error.column, error.exit_code) == (12, 3, 1)


def test_a_process_that_works_starts_none_and_is_another() -> None:
    found = list(spread(range(2), apart(inner), jobs=2))
    assert [count for count, _ in found] == [1, 1]
    assert os.getpid() not in dict(found).values()


def waiting(n: int) -> None:
    while True:
        may_stop()


def test_what_runs_ends_when_the_work_is_stopped() -> None:
    asked = iter(range(3))

    def stop() -> None:
        if next(asked, None) is None:
            raise Stopped

    with listening(lambda *far: None, stop), pytest.raises(Stopped):
        list(spread(range(2), apart(waiting), jobs=2))
    for child in multiprocessing.active_children():
        child.join()  # they end by themselves


def test_what_only_starts_when_the_work_is_stopped_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    def stop() -> None:
        raise Stopped

    with listening(lambda *far: None, stop), pytest.raises(Stopped):
        list(spread(range(2), apart(waiting), jobs=2))
    for child in multiprocessing.active_children():
        child.join()
    assert capfd.readouterr().err == ""


def telling(n: int) -> None:
    os.write(1, b"working\n")  # in one piece, however output is buffered
    waiting(n)


SCRIPT = """
import os
from bpdebug.workers import Spread, spread
from tests.test_workers import telling
os.write(1, b"main\\n")
list(spread(range(2), Spread(telling, lambda n: (telling, n), telling), jobs=2))
"""


def test_processes_end_with_the_one_they_work_for_and_do_not_run_its_script_again(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        lines = sorted(parent.stdout.readline() for _ in range(3))
        parent.kill()
        assert lines == ["main\n", "working\n", "working\n"]
        assert parent.stdout.read() == ""  # it comes to its end when all who write to it have ended


def test_processes_start_while_a_screen_stands_in_place_of_the_standard_error() -> None:
    """Textual's has the number -1, and a process cannot be given that; until one is started, none is tracked."""
    code = """
import sys
class Screen:
    def fileno(self): return -1
sys.stderr = Screen()
from bpdebug.workers import _Team
_Team(1).close()
print(type(sys.stderr).__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "Screen\n"
