"""A recording of a fork knows what was set by hand: it is marked, explained and computed again as the fork is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import bpdebug
from bpdebug.debugger import State, open_session, update
from bpdebug.errors import BpdebugError
from bpdebug.explain.difference import first_difference
from bpdebug.frontends.recorder import record
from bpdebug.importers.trace import open_recording, replayed
from bpdebug.scenario import open_timeline
from bpdebug.views import view
from tests.recordings import TRAINED, same

LINES = (
    "seek Z%1", "set X[0, 1] = 0.5", "set dH[1] = X[1] * 0.1", "set rule Z@bwd W = dZ * 2", "seek Z%2",
    "set W[1, :] = [1, nan, -2.5]", "set rule E@upd = E - lr * dE",
)  # fmt: skip


def after(state: State, *lines: str) -> State:
    for line in lines:
        state = update(state, line)
    return state


@pytest.fixture
def fork(tmp_path: Path) -> tuple[State, Path]:
    state = after(open_session(bpdebug.load(TRAINED)), *LINES)
    path = tmp_path / "fork.bptrace"
    record(path, state.scenario, state.timeline)
    return state, path


def test_it_has_the_bits_of_the_fork_and_its_edits(fork: tuple[State, Path]) -> None:
    state, path = fork
    opened = open_recording(path)
    timeline = open_timeline(opened)
    same(timeline, state.timeline, len(timeline))
    assert [e.line for e in timeline.edits] == [e.line for e in state.timeline.edits]
    for name in ("X", "W", "E"):
        for t in range(3):
            at = timeline.schedule.start("forward", t)
            assert timeline.value(name, at).tobytes() == state.timeline.value(name, at).tobytes(), (name, t)
    again = open_timeline(replayed(path))
    assert first_difference(timeline, again) is None
    assert opened.recording is not None
    assert opened.recording.notice == f"recorded after {'; '.join(e.line for e in timeline.edits)}"


@pytest.mark.parametrize(
    "line",
    [
        "seek Z%1 ;; print X", "seek Z%2 ;; print W", "seek Z@bwd%1", "seek H@bwd%1 ;; print dH", "seek E@upd%1",
        "seek end ;; why W[1, 1]", "seek H@bwd%1 ;; origin dH[1, 0]", "seek Z@bwd ;; lens",
        "seek end ;; info optimizer",
    ],
)  # fmt: skip
def test_what_is_shown_and_explained_is_what_the_fork_says(fork: tuple[State, Path], line: str) -> None:
    state, path = fork
    opened = after(open_session(open_recording(path)), line)
    theirs, ours = view(after(state, line)).to_text(), view(opened).to_text()
    assert ours.split("\n")[1:] == theirs.split("\n")[1:]


def test_the_list_of_forks_begins_with_what_was_set(fork: tuple[State, Path]) -> None:
    state, path = fork
    (row,) = view(after(open_session(open_recording(path)), "forks")).to_data()["rows"]
    assert row["made by"] == " ;; ".join(e.line for e in state.timeline.edits)


def test_a_fork_of_it_goes_on_from_what_was_set(fork: tuple[State, Path]) -> None:
    state, path = fork
    line = "set H[0, 0] = 3"
    ours, theirs = after(open_session(open_recording(path)), "seek Z%1", line), after(state, "seek Z%1", line)
    same(ours.timeline, theirs.timeline, len(theirs.timeline))


def changed(path: Path, key: str, change: Any) -> Path:
    head, rest = path.read_bytes().split(b"\n", 1)
    told = json.loads(head)
    told[key] = change(told[key])
    path.write_bytes(json.dumps(told).encode() + b"\n" + rest)
    return path


def test_an_older_recording_does_not_say_what_was_set(fork: tuple[State, Path]) -> None:
    opened = open_recording(changed(fork[1], "edits", lambda edits: []))
    assert opened.edits == ()
    assert opened.recording is not None
    assert ": rules are shown as the scenario has them" in opened.recording.notice


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("forks", lambda lines: ["set nosuch = 1", *lines[1:]]), ("forks", lambda lines: ["", *lines[1:]]),
        ("forks", lambda lines: [*lines[:2], "set rule Z@bwd W = import os", *lines[3:]]),
        ("forks", lambda lines: [*lines[:2], "set rule Z@bwd W = sum(dZ)", *lines[3:]]),
        ("edits", lambda edits: [{**edits[0], "value": {**edits[0]["value"], "shape": [2**40]}}, *edits[1:]]),
        ("edits", lambda edits: [{**edits[0], "value": {**edits[0]["value"], "hash": "0"}}, *edits[1:]]),
        ("edits", lambda edits: [{**edits[0], "value": {**edits[0]["value"], "dtype": "|O"}}, *edits[1:]]),
        ("edits", lambda edits: [{**edits[0], "value": {**edits[0]["value"], "offset": 0}}, *edits[1:]]),
        ("edits", lambda edits: [{**edits[0], "value": None}, *edits[1:]]),
    ],
)  # fmt: skip
def test_edits_that_were_tampered_with_are_refused(fork: tuple[State, Path], key: str, change: Any) -> None:
    with pytest.raises(BpdebugError) as found:
        open_recording(changed(fork[1], key, change))
    assert found.value.code in ("E_TRACE", "E_LIMIT")
