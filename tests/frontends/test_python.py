"""The debugger from Python, as the README shows it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

import bpdebug
from bpdebug.engine.edits import Override
from bpdebug.engine.run import Pass
from bpdebug.scenario import load, open_timeline
from bpdebug.translation import speaking
from bpdebug.views import Report
from tests.lessons import NAMES, WALK, scenario
from tests.test_progress import TRAINED

ROOT = Path(__file__).parents[2]
face: Any = bpdebug  # where types are wrong on purpose


def test_the_contract_of_the_python_interface() -> None:
    found = bpdebug.load(ROOT / "scenarios" / "two_layer.toml")
    timeline = bpdebug.run(found)
    assert timeline.value("Y").shape == (3, 1)
    grad = timeline.grad("W1")
    assert grad is not None
    assert grad.shape == timeline.value("W1").shape
    assert timeline.loss == 4.5
    assert len(timeline.events) == len(timeline)
    session = bpdebug.Session(found)
    report = session.do("break Y@bwd")
    report = session.do("continue")
    assert report.to_text().startswith("event ")
    assert report.to_json().startswith('{"kind":"event"')
    assert session.state.stopped == "breakpoint 1"


def test_the_text_of_a_stop_begins_with_what_it_found() -> None:
    """As at the prompt: what a watched cell was and is, what was caught, what a tracepoint printed on the way."""
    session = bpdebug.Session(bpdebug.load("two_layer"))
    session.do('trace H "norm {norm(H)}" ;; watch Y[0, 0]')
    first, second, third = session.do("continue").to_text().split("\n")[:3]
    assert first.startswith("norm ")
    assert second == f"watch 2  {session.state.detail}"
    assert third.startswith("event ")
    assert session.do("step").to_text().startswith("event ")


def test_a_session_records_and_saves_and_has_no_transcript(tmp_path: Path) -> None:
    """A model that is nowhere but in this process comes to the screen so: `bpdebug run.bptrace`."""
    session, path = bpdebug.Session(bpdebug.load("two_layer")), tmp_path / "run.bptrace"
    session.do("break Y@bwd")
    assert "events recorded" in session.do(f"record {path}").to_text()
    np.testing.assert_array_equal(
        bpdebug.run(bpdebug.load(path)).value("Y"), session.state.timeline.value("Y"), strict=True
    )
    session.do(f"save breakpoints {tmp_path / 'stops.bpd'}")
    assert "break Y@bwd" in (tmp_path / "stops.bpd").read_text(encoding="utf-8")
    with pytest.raises(bpdebug.BpdebugError, match="is there already"):
        session.do(f"record {path}")
    with pytest.raises(bpdebug.BpdebugError, match="transcript is not possible here"):
        session.do("transcript walk.bpd")


def test_the_public_face_is_what_it_says_and_nothing_else() -> None:
    for name in bpdebug.__all__:
        assert getattr(bpdebug, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = bpdebug.nosuch
    assert re.fullmatch(r"\d+\.\d+\.\d+", bpdebug.__version__)


@pytest.mark.parametrize(("given", "hint"), [("my.toml", "bpdebug.load('my.toml')"), (3, "bpdebug.load('two_layer')")])
def test_what_is_no_scenario_is_to_be_loaded(given: Any, hint: str) -> None:
    for wants in (bpdebug.Session, bpdebug.run):
        with pytest.raises(bpdebug.BpdebugError) as caught:
            wants(given)
        assert caught.value.hint == hint


def test_nothing_is_computed_that_is_not_asked_for(tmp_path: Path) -> None:
    """The tensor file is gone before anybody asks for a value; shapes are known all the same."""
    np.save(tmp_path / "x.npy", np.ones((2, 2)))
    (tmp_path / "s.toml").write_text(
        'format = 1\n[inputs]\nX = { file = "x.npy" }\n[graph]\nincoming = { Y = "ones" }\nprogram = "Y = X @ X"\n'
    )
    opened = bpdebug.load(tmp_path / "s.toml")
    (tmp_path / "x.npy").rename(tmp_path / "away.npy")
    timeline = bpdebug.run(opened)
    assert len(timeline) == 3
    (tmp_path / "away.npy").rename(tmp_path / "x.npy")
    np.testing.assert_array_equal(timeline.value("Y"), np.full((2, 2), 2.0))


def test_a_refused_line_leaves_the_session_as_it_was() -> None:
    session = bpdebug.Session(scenario(WALK))
    session.do("step 3")
    for line in ("nosuch", "print nosuch", "step ;; print nosuch", "break nosuch"):
        with pytest.raises(bpdebug.BpdebugError) as caught:
            session.do(line)
        assert caught.value.code in ("E_COMMAND", "E_EXPR")
        assert (session.state.cursor, session.state.breakpoints) == (3, ())


def test_a_line_without_a_command_says_nothing() -> None:
    assert bpdebug.Session(scenario(WALK)).do("").to_text() == ""


@pytest.mark.parametrize(
    "ask",
    [
        lambda s, t: face.load(7), lambda s, t: face.load(None), lambda s, t: face.load(b"two_layer"),
        lambda s, t: face.run("two_layer"), lambda s, t: face.Session(t), lambda s, t: s.do(3),
        lambda s, t: s.do(["step"]), lambda s, t: t.value(0), lambda s, t: t.grad([]), lambda s, t: t.grad("W"),
        lambda s, t: t.value("L", -1), lambda s, t: t.value("L", "end"), lambda s, t: t.grad("W1", 10**30),
        lambda s, t: t.grad("W1", 1.5), lambda s, t: t.value("L", len(t) + 1),
    ],
)  # fmt: skip
def test_a_wrong_type_or_place_is_a_sentence(ask: Any) -> None:
    found = bpdebug.load("two_layer")
    with pytest.raises(bpdebug.BpdebugError) as caught:
        ask(bpdebug.Session(found), bpdebug.run(found))
    assert caught.value.hint


@pytest.mark.parametrize("index", [None, 1.5, float("nan"), "L", b"1", [0], np.zeros(3)])
def test_events_are_numbered_as_a_list_s_are(index: Any) -> None:
    timeline = bpdebug.run(bpdebug.load("two_layer"))
    for ask in (timeline.event, timeline.events.__getitem__):
        with pytest.raises(TypeError, match=r"integer|index"):
            ask(index)


def test_a_scenario_and_its_graph_are_a_line() -> None:
    found = bpdebug.load("two_layer")
    assert repr(found) == "<Scenario two_layer.toml 'Two layers, ReLU and a squared error': 6 nodes>"
    assert repr(found.graph) == "<Graph: 4 leaves, 6 nodes, loss L>"
    assert len(repr(bpdebug.Session(found).state)) < 5000


def test_a_timeline_and_a_session_say_what_and_where_they_are_and_compute_nothing_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("computed")

    found = bpdebug.load("two_layer")
    timeline, session = bpdebug.run(found), bpdebug.Session(found)
    fork = timeline.fork(Override(timeline.graph.index["W1"], False, (0, 0), np.array(2.0)))
    trained = open_timeline(load(TRAINED))
    for word in ("value", "gradient", "run_forward"):
        monkeypatch.setattr(Pass, word, refuse)
    assert repr(timeline) == "<Timeline: 6 nodes, 13 events>"
    assert repr(fork) == "<Timeline: 6 nodes, 13 events, 1 edit>"
    assert repr(trained).endswith(", 6 iterations>")
    title = "'Two layers, ReLU and a squared error'"
    assert repr(session) == f"<Session two_layer.toml {title}: 6 nodes, event 0/13 forward Z matmul>"
    session.state = replace(session.state, cursor=13)
    with speaking("zh"):
        assert repr(session).endswith("event 13/13 end>")


def test_no_array_can_be_made_writeable_again() -> None:
    timeline = bpdebug.run(bpdebug.load("transformer_block"))
    arrays = [timeline.value(name) for name in timeline.graph.names]
    arrays += [grad for name in timeline.graph.names if (grad := timeline.grad(name)) is not None]
    for event in timeline:
        arrays.append(event.value)
        arrays += [array for c in event.contributions for array in (c.value, c.total)]
        arrays += [part.value for _, part in event.parts]
    for array in arrays:
        with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
            array.setflags(write=True)


def test_two_sessions_share_nothing_that_changes() -> None:
    one, other = bpdebug.Session(scenario(WALK)), bpdebug.Session(scenario(WALK))
    one.do("break H ;; continue")
    assert (other.state.cursor, other.state.breakpoints) == (0, ())


def test_arrays_cannot_be_changed_behind_the_debuggers_back() -> None:
    timeline = bpdebug.run(scenario(WALK))
    for array in (
        timeline.value("H"),
        timeline.value("X"),
        timeline.value("W1"),
        timeline.grad("W1"),
        timeline.grad("H", 13),
    ):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize("name", NAMES)
def test_every_report_of_a_lesson_is_text_and_json(name: str) -> None:
    session = bpdebug.Session(scenario(name))
    for line in ("step", "stepi", "info gradients", "list", "where", "when", "help", "seek end", "info tensors"):
        report = session.do(line)
        assert isinstance(report, Report)
        assert report.to_text().strip()
        assert report.to_json().startswith(f'{{"kind":"{report.kind}"')
