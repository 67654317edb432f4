"""A conversation over other arrays than NumPy's says what it says over NumPy's: recordings, forks of forks, checks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import bpdebug
from bpdebug.frontends.recorder import record
from bpdebug.importers.trace import open_recording
from bpdebug.scenario import Scenario
from tests.backends.test_every_op import LIBRARIES
from tests.recordings import TRAINED

LINES = [
    "watch norm(dW)", "continue", "reverse-continue", "stepi", "stepi", "lens", "delete", "seek Z@bwd%1", "lens",
    "check", "set W[0,0] = 3", "compare", "set dW[0,0] = 5", "compare 0", "set rule W@upd = W - lr*dW", "compare",
    "set rule Z@bwd W = dZ * 2", "check", "forks", "switch 2", "set E[0,0] = 4", "compare 2", "contributions dW",
    "origin dW[0,0]", "why dW", "flow", "seek end", "print W", "print dE", "print W.m", "info tensors",
    "reverse-step", "lens", "print/s W",
]  # fmt: skip


def said(scenario: Scenario, lines: Sequence[str], library: str) -> list[str]:
    session = bpdebug.Session(scenario, backend=library)
    return [f"> {line}\n{session.do(line).to_text()}" for line in lines]


@pytest.mark.parametrize("library", LIBRARIES)
def test_forks_of_forks_checks_and_explanations_say_the_same(library: str) -> None:
    scenario = bpdebug.load(TRAINED)
    assert said(scenario, LINES, library) == said(scenario, LINES, "numpy")


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_recording_of_a_library_is_walked_and_forked_there(library: str, tmp_path: Path) -> None:
    """What was recorded is read; what a fork changes is computed there, of what was recorded."""
    path = tmp_path / "a.bptrace"
    scenario = bpdebug.load(TRAINED)
    record(path, scenario, bpdebug.run(scenario, backend=library))
    walked = [*["step"] * 9, "lens", *["reverse-step"] * 3, *LINES]
    assert said(open_recording(path), walked, library) == said(scenario, walked, "numpy")
