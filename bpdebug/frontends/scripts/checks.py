"""One file put to the test: a script's lines, or what a scenario expects of itself. Without NumPy until it runs."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from bpdebug.errors import BpdebugError, line
from bpdebug.frontends.options import budget_of, warned
from bpdebug.translation import ENGLISH, speaking

if TYPE_CHECKING:
    from bpdebug.debugger import State
    from bpdebug.engine import Timeline
    from bpdebug.frontends.scripts.replay import Settings
    from bpdebug.limits import Limits
    from bpdebug.scenario import Scenario
    from bpdebug.scenario.text import Outline

SCRIPT, SCENARIO = ".bpd", ".toml"
_EXPECT = re.compile(rb"^\s*(?:\[\s*expect[\s.\]]|expect\.\w)", re.MULTILINE)


class Failure(NamedTuple):
    """A failure in one line, and in full; `number` is the line of the file that failed, 0 where it is none of it."""

    line: str
    text: str
    number: int = 0


class Result(Struct, frozen=True):
    """What came of one file: `failures` is empty where it passed; `skipped` says why nothing was tested."""

    path: str
    failures: tuple[Failure, ...]
    seconds: float
    skipped: str = ""
    crashed: bool = False


def expects(path: Path, most: int) -> bool:
    """Whether a file looks like a scenario with a table [expect]; a glance, so that folders are gone through fast."""
    try:
        with path.open("rb") as file:
            return _EXPECT.search(file.read(most)) is not None
    except OSError:
        return False


def collect(path: Path, most: int) -> Iterator[Path]:
    """A file itself; of a folder its scripts and the scenarios with [expect], in order, hidden ones left out."""
    if not os.path.isdir(path):
        yield path
        return
    for folder, below, files in os.walk(path):
        below[:] = sorted(name for name in below if not name.startswith((".", "__pycache__")))
        for name in sorted(files):
            found = Path(folder) / name
            if not name.startswith(".") and (
                found.suffix == SCRIPT or (found.suffix == SCENARIO and expects(found, most))
            ):
                yield found


def check_file(path: Path, settings: Settings, name: str = "") -> Result:
    """A script run, or a scenario's expectations checked; nothing is raised but KeyboardInterrupt.

    `name` is what the file is called in what is said, by default its path.
    """
    name = name or str(path)
    began = time.perf_counter()
    found: list[Failure] | None
    crashed = False
    try:
        with speaking(ENGLISH):  # what a CI server reads
            found = failures(path, settings, name)
    except MemoryError:
        found = [_failure(name, "error[E_LIMIT]: the machine has no more memory")]
    except Exception as error:
        if os.environ.get("BPDEBUG_TRACEBACK"):
            raise
        found, crashed = [_failure(name, f"a bug in bpdebug: {type(error).__name__}: {error}")], True
    skipped = "nothing is expected" if found is None else ""
    return Result(name, tuple(found or ()), time.perf_counter() - began, skipped, crashed)


def _failure(name: str, text: str, number: int = 0) -> Failure:
    said = f"{line(name)}:{number or ''}{':' * bool(number)} {line(text)}"
    return Failure(said, said, number)


def failures(path: Path, settings: Settings, name: str = "") -> list[Failure] | None:
    """What fails in a script, or what a scenario expects and does not find; None where nothing is expected."""
    name = name or str(path)
    try:
        if path.suffix == SCRIPT:
            return _lines_that_fail(path, settings, name)
        found = mismatches(path, settings)
    except BpdebugError as error:
        text = str(error)
        return [Failure(f"{line(name)}: {text.partition(chr(10))[0]}", text, error.at_line)]
    if not found:
        return None if found is None else []
    lines = _lines(path, settings)
    return [_failure(name, text, lines.line(("expect", *key))) for key, text in found]


def _lines(path: Path, settings: Settings) -> Outline:
    """Where the keys of a scenario's file stand."""
    from bpdebug.scenario.text import Outline, outline, read_source  # start-up: only what fails is looked for

    return outline(read_source(path, settings.limits), settings.limits) if path.suffix == SCENARIO else Outline()


def _lines_that_fail(path: Path, settings: Settings, name: str) -> list[Failure]:
    """With the event and the numbers."""
    from bpdebug.frontends.scripts.replay import Run  # start-up: NumPy is for tests that run
    from bpdebug.frontends.scripts.script import read_script

    found = []
    run = Run(read_script(path, settings.limits), settings)
    for failed in run.misspelt() if settings.opens else run.failing():
        between = ":" if failed.script == path.name else f": {failed.script}:"
        event = f" (at {failed.event})" if failed.event else ""
        said = f"{line(name)}{between}{failed.number}: {failed.code} {failed.message}{event}"
        found.append(Failure(said, str(failed), failed.number if failed.script == path.name else 0))
    return found


Missed = tuple[tuple[str, ...], str]
"""Where in [expect] something stands that is not so, and what is to be said of it."""


def mismatches(path: Path, settings: Settings) -> list[Missed] | None:
    """What a scenario expects and does not find; None where it expects nothing. Raises where it is refused."""
    from bpdebug.explain.expect import check  # start-up, as above
    from bpdebug.importers import reader_of
    from bpdebug.scenario import expected_error

    wanted = None if reader_of(path) else expected_error(path, limits=settings.limits)
    try:
        state = _opened(path, settings.limits, settings.tensors)
    except BpdebugError as error:
        if wanted is None:
            raise
        said = f"error: expected {wanted}, found {error.code}: {error.message}"
        return [] if error.code == wanted else [(("error",), said)]
    if wanted is not None:
        return [(("error",), f"error: expected {wanted}, found none: the file is accepted")]
    if settings.opens:
        return []
    scenario, again = state.scenario, (_timeline, (path.absolute(), settings.limits, dict(settings.tensors)))
    if scenario.expect is None:
        return None
    return [*((m.path, str(m)) for m in check(scenario, state.timeline, again)), *_explained(scenario, state)]


def _opened(path: Path, limits: Limits, tensors: Mapping[str, str]) -> State:
    from bpdebug.debugger import open_session  # start-up, as above
    from bpdebug.importers import open_any

    scenario = open_any(path, limits=limits, replace=tensors)
    return open_session(scenario, budget=budget_of(limits, warned))


def _timeline(*given: Any) -> Timeline:
    """The timeline of a file that is put to the test, in another process."""
    return _opened(*given).timeline


def _explained(scenario: Scenario, state: State) -> Iterator[Missed]:
    """What the check and the reader's derivation must come to, where the scenario says so."""
    from bpdebug.frontends.loop import replies  # start-up, as above

    expect = scenario.expect
    wanted = {} if expect is None else {"derivation": expect.derivation, "check": expect.check}
    for command, first in wanted.items():
        if first:
            (answer,) = replies(state, command)
            found = answer.report.to_data()["first_wrong"] or "none"
            if found != first.first_wrong:
                said = f"{command}: expected {first.first_wrong} as the first that is wrong, found {found}"
                yield (command, "first_wrong"), said
