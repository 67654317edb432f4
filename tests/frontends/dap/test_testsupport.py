"""The protocol's own test support as the client, over standard input and output, and over a port."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import bpdebug
from bpdebug.expression.location import SHORT
from bpdebug.scenario import find
from tests.frontends.dap.client import judge
from tests.lessons import NAMES
from tests.node import answer, needs_node

pytestmark = needs_node
BPDEBUG = Path(sys.executable).with_name("bpdebug")
ENDS = {"begin": "the beginning of the timeline", "end": "the end of the timeline"}
ON_STDIO = ("transpose", "two_layer", "nan_sqrt")
"""Lessons that a process of their own is started for; the others come one after the other, on one port."""


def expected(name: str) -> list[list[Any]]:
    """The stops of the session: why, which event, which part, which line."""
    session = bpdebug.Session(bpdebug.load(name))
    path = str(session.state.scenario.path)

    def here(reason: str) -> list[Any]:
        why = ENDS.get(session.state.stopped, "") if reason == "step" else ""
        event = session.state.event
        if event is None:
            last = session.state.timeline.graph.nodes[-1].line
            return [reason, why, "the end: everything is done", last, path]
        part = f"  part {session.state.part}/{len(event.parts)}" if session.state.part else ""
        return [reason, why, f"{event.name}@{SHORT[event.phase]}  {event.op or event.phase}{part}", event.line, path]

    found = [here("entry")]
    for line in ("step", "reverse-next", "stepi", "reverse-stepi"):
        while True:
            session.do(line)
            found.append(here("step"))
            if session.state.stopped in ("begin", "end"):
                break
    return found


def test_every_lesson_stops_where_the_session_does_to_its_end_and_back() -> None:
    """Over 6,000 stops: were small messages held back on the port, as TCP does unless told, they took minutes."""
    wanted = {"port": NAMES, "stdio": ON_STDIO}
    found = answer("dap_lessons.js", BPDEBUG, stdin=json.dumps(wanted))
    for way, names in wanted.items():
        assert set(found[way]) == set(names)
        for name in names:
            for stop, meant in zip(found[way][name], expected(name), strict=True):
                assert stop == [*meant[:3], meant[3] or stop[3], meant[4]], name


def test_every_capability_is_there_and_every_message_valid(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text(find("two_layer").read_text(encoding="utf-8").replace("X @ W1", "Q @ W1"), encoding="utf-8")
    said = answer("dap_contract.js", BPDEBUG, find("two_layer").resolve(), broken, tmp_path)
    for messages in said.values():
        for message in messages:
            judge(message)
    assert sum(map(len, said.values())) > 150
