"""A timeline from a recording says what the computed one says, and computes nothing."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

import bpdebug
from bpdebug.engine import Timeline
from bpdebug.engine.recorded import RecordedPass
from bpdebug.engine.sizes import of_arrays, of_leaves
from bpdebug.errors import BpdebugError
from bpdebug.importers.trace import open_recording
from bpdebug.importers.trace_file import OpenFile
from bpdebug.limits import KIB
from bpdebug.scenario import open_timeline
from bpdebug.symbolic import compile as code
from bpdebug.views import stream, to_json
from tests.lessons import NAMES
from tests.recordings import TRAINED, recorded, same

SCENARIOS = [*NAMES, TRAINED]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_recording_says_what_the_computation_says(name: str, tmp_path: Path) -> None:
    scenario = bpdebug.load(name)
    opened = open_recording(recorded(tmp_path, name))
    ours, theirs = open_timeline(opened), open_timeline(scenario)
    assert ours.recording is not None
    same(theirs, ours, len(theirs))
    said = [[to_json(item) for item in stream(s, t, full=True)] for s, t in ((opened, ours), (scenario, theirs))]
    assert said[0] == said[1]
    for at in range(len(theirs) + 1):
        for tensor in range(len(theirs.graph.names)):
            x, y = ours.value_at(tensor, at), theirs.value_at(tensor, at)
            assert (x is None) == (y is None)
            assert x is None or y is None or x.tobytes() == y.tobytes()
            assert ours.schedule.grad_status(tensor, at) == theirs.schedule.grad_status(tensor, at)


def test_values_gradients_and_sums_are_read_and_not_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = recorded(tmp_path, TRAINED)

    def refuse(*args: Any) -> NoReturn:
        raise AssertionError("computed")

    for name in ("forward", "contribution", "backward"):
        monkeypatch.setattr(code, name, refuse)
    timeline = open_timeline(open_recording(path))
    for event in timeline:
        assert np.isfinite(event.value).all()
        for c in event.contributions:
            assert np.isfinite(c.value).all()
            assert np.isfinite(c.total).all()
    assert timeline.loss is not None


def test_what_is_read_cannot_be_written_to(tmp_path: Path) -> None:
    timeline = open_timeline(open_recording(recorded(tmp_path)))
    assert not timeline.value("Y").flags.writeable
    grad = timeline.grad("W1")
    assert grad is not None
    assert not grad.flags.writeable


DEEP = """format = 1
[inputs]
X = { shape = [512, 16], init = "normal" }
[parameters]
W = { shape = [16, 16], init = "normal" }
[graph]
loss = "L"
program = '''
h = X
for t in range(40):
    h = h + tanh(h @ W)
L = mean(h ** 2)
'''
"""


def test_a_recording_of_three_times_the_memory_is_walked_within_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There and back, every value, contribution and sum: four reads an array at most, and no more kept than given."""
    path = tmp_path / "deep.toml"
    path.write_text(DEEP)
    scenario = open_recording(recorded(tmp_path, bpdebug.load(path)))
    graph, sizes, read = scenario.graph, list[int](), OpenFile.read

    def counted(self: OpenFile, offset: int, count: int) -> bytes:
        sizes.append(count)
        return read(self, offset, count)

    room = of_arrays(graph) // 3
    timeline = bpdebug.run(scenario, memory=room + of_leaves(graph))
    assert all(leaf.array is not None for leaf in graph.leaves)
    monkeypatch.setattr(OpenFile, "read", counted)
    gc.collect()
    tracemalloc.start()
    for events in (timeline, reversed(timeline)):
        for event in events:
            assert np.isfinite(event.value).all()
            assert all(c.value.shape == c.total.shape for c in event.contributions)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(timeline.iteration(0), RecordedPass)
    assert peak <= room + 400 * KIB  # lines of the index, events, formulas
    assert sum(sizes) <= 4 * of_arrays(graph)


def cut(path: Path, events: int) -> Timeline:
    """The timeline of a recording that was cut after so many events."""
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(lines[: events + 1]) + b"\n")
    return open_timeline(open_recording(path))


@pytest.mark.parametrize("events", [0, 1, 5, 6, 9, 12])
def test_the_end_of_a_cut_recording_knows_nothing_of_what_came_later(events: int, tmp_path: Path) -> None:
    timeline = cut(recorded(tmp_path), events)
    whole = bpdebug.run(bpdebug.load("two_layer"))
    assert len(timeline) == events
    before = events - 1
    for tensor in range(len(whole.graph.names)):
        assert timeline.schedule.has_value(tensor, events) == (
            whole.schedule.has_value(tensor, before) if events else tensor < 4
        )
        status = whole.schedule.grad_status(tensor, before) if events else "not-computed"
        assert timeline.schedule.grad_status(tensor, events) == (
            status if events else timeline.schedule.grad_status(tensor, 0)
        )
    assert (timeline.loss is None) == (events < 6)


def test_a_cut_within_a_training_ends_in_that_iteration(tmp_path: Path) -> None:
    path = recorded(tmp_path, TRAINED)
    whole = bpdebug.run(bpdebug.load(TRAINED))
    events = whole.schedule.per_iteration + 4
    timeline = cut(path, events)
    assert timeline.schedule.place(events).iteration == 1
    assert timeline.value("W").tobytes() == whole.value("W", whole.schedule.per_iteration).tobytes()
    same(whole, timeline, events)


@pytest.mark.parametrize("line", ["break L@bwd if norm(dL) > 0 ;; continue", "seek end", "seek 50%", "watch dW ;; c"])
def test_a_cut_recording_is_stepped_through_like_any_other(line: str, tmp_path: Path) -> None:
    path = recorded(tmp_path, TRAINED)
    cut(path, bpdebug.run(bpdebug.load(TRAINED)).schedule.per_iteration + 4)
    session = bpdebug.Session(open_recording(path))
    for _ in range(5):
        for piece in line.split(" ;; "):
            session.do(piece)
    assert session.state.cursor <= len(session.state.timeline)


@pytest.mark.parametrize("events", [0, 1, 7])
@pytest.mark.parametrize(
    "line",
    ["check", "why dW1", "flow", "origin dW1[0, 0]", "origin W1[0, 0]", "origin -p dW1[0, 0]"],
)
def test_what_needs_both_passes_is_refused_where_a_recording_ends_before(
    line: str, events: int, tmp_path: Path
) -> None:
    path = recorded(tmp_path)
    cut(path, events)
    with pytest.raises(BpdebugError, match=f"the recording ends at event {events}"):
        bpdebug.Session(open_recording(path)).do(line)


@pytest.mark.parametrize("events", [0, 1, 7])
def test_contributions_that_were_not_recorded_will_never_be_computed(events: int, tmp_path: Path) -> None:
    path = recorded(tmp_path)
    cut(path, events)
    said = bpdebug.Session(open_recording(path)).do("contributions dW1").to_text()
    assert "from Z, after the end of the recording" in said
    assert "not computed yet" not in said
