"""What a notebook shows: steps as static tables, a walk in a frame, and a live session."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import bpdebug
from bpdebug.errors import BpdebugError
from bpdebug.scenario import load
from tests.lessons import HOSTILE


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


def shown(what: Any) -> str:
    """What a notebook asks of an object's class."""
    text = type(what)._repr_html_(what)
    assert isinstance(text, str)
    assert "script" not in Tags(text).tags
    return text


def test_a_step_is_a_static_table() -> None:
    session = bpdebug.Session(bpdebug.load("transpose"))
    report = session.do("seek Y@bwd")
    assert shown(session) == shown(report)
    assert "<td>−3<td>7<td>4" in shown(report)


def test_a_scenario_and_a_timeline_name_their_tensors() -> None:
    scenario = bpdebug.load("two_layer")
    assert "<tr><td>Z<td>3×4<td>X @ W1" in shown(scenario)
    assert scenario.title in shown(scenario)
    assert "13 events" in shown(bpdebug.run(scenario))


def test_names_are_no_markup() -> None:
    cruel = load(HOSTILE.replace("[bold]", "<script>alert(1)</script>"))
    plain = load(HOSTILE)
    for say in (lambda s: s, bpdebug.run, lambda s: bpdebug.Session(s).do("seek Y@bwd")):
        assert Tags(shown(say(cruel))).tags == Tags(shown(say(plain))).tags


@pytest.mark.parametrize("kind", ["scenario", "session", "timeline", "name", "path"])
def test_a_walk_is_a_page_in_a_frame(kind: str, tmp_path: Path) -> None:
    scenario = bpdebug.load("transpose")
    what: Any = {
        "scenario": scenario, "session": bpdebug.Session(scenario), "timeline": bpdebug.run(scenario),
        "name": "transpose", "path": scenario.path,
    }[kind]  # fmt: skip
    frame = bpdebug.show(what)
    assert Tags(shown(frame)).tags == ["iframe"]
    assert 'sandbox="allow-scripts"' in shown(frame)
    assert frame.page.startswith("<!doctype html>")


def test_a_forks_numbers_are_shown() -> None:
    session = bpdebug.Session(bpdebug.load("transpose"))
    before = bpdebug.show(session).page
    session.do("set W[0,0] = 5")
    assert bpdebug.show(session).page != before


def test_what_is_no_walk_is_refused() -> None:
    with pytest.raises(BpdebugError, match="show takes a scenario"):
        bpdebug.show(3)  # type: ignore[arg-type]


def test_a_live_session_carries_out_lines() -> None:
    pytest.importorskip("anywidget", reason="the widget is an extra: bpdebug[notebook]")
    from bpdebug.widget import Walk

    walk = Walk(bpdebug.load("transpose"))
    walk.do("seek Y@bwd")
    assert walk.session.state.cursor == 2
    for line in ("", "  ", "quit"):  # nothing is said, and the step stays in sight
        walk.do(line)
        assert "<td>−3<td>7<td>4" in walk.shown
    walk._handle_custom_msg("step", [])
    assert walk.session.state.event is None
    walk.do("print <b>")
    assert "error[" in walk.shown
    assert "&lt;" in walk.shown
