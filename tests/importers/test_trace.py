"""Recordings from anywhere: cut, damaged or forged, they open as far as they can be believed, or are refused."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpdebug
from bpdebug.engine import Timeline
from bpdebug.errors import BpdebugError
from bpdebug.explain.difference import first_difference
from bpdebug.importers.trace import open_recording, replayed
from bpdebug.limits import Limits
from bpdebug.scenario import open_timeline
from tests.recordings import TRAINED, recorded, same

SMALL = "transpose"


def parts(path: Path) -> tuple[Path, Path]:
    return path, path.with_name(path.name + ".data")


def looked_through(path: Path) -> int:
    """Opens a recording and looks at everything in it; the number of its events."""
    timeline = open_timeline(open_recording(path))
    for leaf in timeline.graph.leaves:
        assert timeline.value(leaf.name).shape == leaf.shape
    for event in timeline:
        assert event.value is not None
        for c in event.contributions:
            assert c.total is not None
    return len(timeline)


def refused(path: Path, *codes: str) -> str:
    with pytest.raises(BpdebugError) as found:
        looked_through(path)
    assert found.value.code in codes
    assert "\n" not in found.value.message
    return found.value.message


@pytest.mark.parametrize("which", [0, 1])
def test_cut_anywhere_everything_before_the_cut_opens(which: int, tmp_path: Path) -> None:
    path = recorded(tmp_path, SMALL)
    whole = bpdebug.run(bpdebug.load(SMALL))
    files = parts(path)
    raw = files[which].read_bytes()
    head = json.loads(path.read_bytes().split(b"\n")[0])
    ends = [sum(leaf["nbytes"] for leaf in head["leaves"])]
    lines = [len(line) for line in path.read_bytes().split(b"\n")[:-1]]
    for line in path.read_bytes().split(b"\n")[1:-1]:
        ends.append(ends[-1] + sum(a["nbytes"] for a in json.loads(line)["arrays"]))
    if which == 0:
        ends = [sum(lines[: n + 1]) + n + 1 for n in range(len(lines))]
    for size in range(len(raw)):
        files[which].write_bytes(raw[:size])
        if size < ends[0]:
            refused(path, "E_TRACE")
            continue
        timeline = open_timeline(open_recording(path))
        assert len(timeline) == sum(size >= end for end in ends) - 1
        same(whole, timeline, len(timeline))


def test_a_line_that_is_damaged_ends_the_recording_before_it_and_is_reported(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    lines = path.read_bytes().split(b"\n")
    lines[5] = lines[5].replace(b'"event":4', b'"event":7')
    path.write_bytes(b"\n".join(lines))
    scenario = open_recording(path)
    assert len(open_timeline(scenario)) == 4
    assert scenario.recording is not None
    assert scenario.recording.notice == "line 6 of the recording is damaged; the recording ends after 4 of 13 events"


def test_bytes_that_changed_are_refused_where_they_are_looked_at(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    data = parts(path)[1]
    raw = bytearray(data.read_bytes())
    raw[-1] ^= 1
    data.write_bytes(raw)
    timeline = open_timeline(open_recording(path))
    timeline.value("Y")
    with pytest.raises(
        BpdebugError, match="event 12: the bytes of the gradient of 'W1' are not those that were recorded"
    ):
        timeline.grad("W1")


def test_a_recording_whose_data_is_missing_a_folder_or_a_link_is_refused(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    data = parts(path)[1]
    elsewhere = data.rename(tmp_path / "elsewhere")
    refused(path, "E_FILE")
    data.mkdir()
    refused(path, "E_FILE")
    data.rmdir()
    data.symlink_to(elsewhere)
    refused(path, "E_FILE")
    refused(tmp_path / "none.bptrace", "E_FILE")
    refused(tmp_path / "a\0b.bptrace", "E_FILE")
    os.mkfifo(tmp_path / "pipe.bptrace")
    refused(tmp_path / "pipe.bptrace", "E_FILE")


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"{}\n", b"[" * 100_000 + b"\n", b'{"bptrace":1}\n', b"\xff\xfe\n", b"\0" * 99]
)
def test_what_does_not_begin_as_a_recording_is_refused(text: bytes, tmp_path: Path) -> None:
    path = recorded(tmp_path)
    path.write_bytes(text)
    refused(path, "E_TRACE")


def forged(path: Path, line: int, **changes: Any) -> None:
    """Changes a line, its first array (`array`) or its first leaf (`leaf`)."""
    lines = path.read_bytes().split(b"\n")
    said = json.loads(lines[line])
    for where, inner in (("array", "arrays"), ("leaf", "leaves")):
        if where in changes:
            said[inner][0].update(changes.pop(where))
    said.update(changes)
    lines[line] = json.dumps(said).encode()
    path.write_bytes(b"\n".join(lines))


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [10**6, 10**6, 10**6]}, {"shape": [2**32, 2**32]}, {"shape": [-1, 4]}, {"shape": [3.0, 4]},
        {"shape": []}, {"dtype": "|O"}, {"dtype": "<f4"}, {"dtype": "<f8,<f8"}, {"dtype": "|S0"}, {"nbytes": 10**15},
        {"nbytes": 0}, {"offset": 0}, {"offset": -8}, {"offset": 2**53}, {"offset": 10**400}, {"strides": [0, 0]},
        {"strides": [8, 8]}, {"strides": [-32, 8]}, {"strides": [2**52, 8]}, {"strides": []}, {"strides": "C"},
        {"name": "../../x"}, {"role": "pickle"}, {"hash": 7},
    ],
)  # fmt: skip
def test_an_array_that_does_not_fit_its_event_ends_the_recording(change: dict[str, Any], tmp_path: Path) -> None:
    path = recorded(tmp_path)
    forged(path, 2, array=change)
    assert looked_through(path) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [10**6, 10**6, 10**6]}, {"shape": [2**32, 2**32]}, {"shape": [1] * 200}, {"dtype": "|O"},
        {"dtype": "<f4"}, {"dtype": "<c8"}, {"nbytes": 10**15}, {"offset": 8}, {"name": "os.system"}, {"shape": [3, 3]},
        {"strides": [8, 24]}, {"hash": "00"},
    ],
)  # fmt: skip
def test_a_leaf_that_does_not_fit_the_scenario_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    path = recorded(tmp_path)
    forged(path, 0, leaf=change)
    refused(path, "E_TRACE", "E_LIMIT", "E_SHAPE")


def test_a_scenario_text_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    text = json.loads(path.read_bytes().split(b"\n")[0])["text"]
    forged(path, 0, text=text.replace("0.5", "0.6"))
    assert "damaged" in refused(path, "E_TRACE")


def test_a_recorded_scenario_reads_no_files_and_is_held_against_the_limits(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    with pytest.raises(BpdebugError) as found:
        open_recording(path, limits=Limits({"memory": 64}))
    assert found.value.code == "E_LIMIT"
    with pytest.raises(BpdebugError) as found:
        open_recording(path, limits=Limits({"file": 16}))
    assert found.value.code in ("E_LIMIT", "E_TRACE")


def test_names_from_a_recording_reach_the_terminal_as_escapes_only(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    forged(path, 0, name="\x1b]0;owned\x07")
    assert "\x1b" not in open_recording(path).name


@given(st.data())
def test_only_errors_of_ours_come_out_of_any_damage(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    path = recorded(folder, data.draw(st.sampled_from([SMALL, TRAINED])))
    for _ in range(data.draw(st.integers(1, 4))):
        target = parts(path)[data.draw(st.sampled_from([0, 0, 0, 1]))]
        raw = bytearray(target.read_bytes())
        at = data.draw(st.integers(0, max(len(raw) - 1, 0)))
        how = data.draw(st.sampled_from(["flip", "insert", "delete", "number", "swap"]))
        if how == "flip" and raw:
            raw[at] ^= 1 << data.draw(st.integers(0, 7))
        elif how == "insert":
            raw[at:at] = data.draw(
                st.sampled_from([b"\0", b"\n", b"[", b'"', b"9" * 30, b"-1", b"1e999", b"null", b"{}"])
            )
        elif how == "delete":
            del raw[at : at + data.draw(st.integers(1, 200))]
        elif how == "number":
            digits = [i for i, c in enumerate(raw) if 48 <= c < 58] or [0]
            i = data.draw(st.sampled_from(digits))
            raw[i : i + 1] = data.draw(st.sampled_from([b"-", b"0", b"99999999999999999999", b"9"]))
        else:
            lines = bytes(raw).split(b"\n")
            i, j = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
            lines[i], lines[j] = lines[j], lines[i]
            raw = bytearray(b"\n".join(lines))
        target.write_bytes(raw)
    with contextlib.suppress(BpdebugError):
        looked_through(path)


def test_a_recording_from_before_states_were_recorded_opens() -> None:
    """Made at 13f8201: its updates hold the parameter alone, and the states are computed from what it holds."""
    path = Path(__file__).parent / "recordings" / "before_states.bptrace"
    scenario = open_recording(path)
    assert scenario.recording is not None
    assert scenario.recording.notice == ""
    timeline, again = open_timeline(scenario), open_timeline(replayed(path))
    assert len(timeline) == 16
    for at in range(17):
        for name in ("w", "w.velocity"):
            assert timeline.value(name, at).tolist() == again.value(name, at).tolist()
    assert first_difference(timeline, again) is None


def test_states_come_from_the_recording(tmp_path: Path) -> None:
    path = recorded(tmp_path, bpdebug.load(TRAINED))
    lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    stored = {a["name"] for line in lines if line["phase"] == "update" for a in line["arrays"]}
    assert stored == {"W", "W.m", "W.v", "E", "E.m", "E.v"}
    timeline = open_timeline(open_recording(path))
    wanted = bpdebug.run(bpdebug.load(TRAINED))
    timeline.store.computed = None  # type: ignore[method-assign, assignment]  # nothing is computed: it would raise
    for at in (0, len(timeline) // 3 + 1, len(timeline)):
        assert timeline.value("E.v", at).tobytes() == wanted.value("E.v", at).tobytes()


def test_a_recording_is_open_while_it_grows(tmp_path: Path) -> None:
    from bpdebug.frontends.recorder import Recorder

    scenario = bpdebug.load(SMALL)
    timeline: Timeline = open_timeline(scenario)
    with contextlib.closing(Recorder(tmp_path / "a.bptrace", scenario, timeline)) as recorder:
        for index in range(len(timeline)):
            assert looked_through(tmp_path / "a.bptrace") == index
            recorder.write(index)
