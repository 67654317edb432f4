"""Every lesson to its end and back, by the protocol: the stops are those of the session."""

from __future__ import annotations

import pytest

import bpdebug
from bpdebug.expression.location import SHORT
from tests.frontends.dap.client import connected
from tests.lessons import NAMES


def name_here(session: bpdebug.Session) -> str:
    event = session.state.event
    return f"{event.name}@{SHORT[event.phase]}" if event is not None else "the"


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_stops_where_the_session_does(name: str) -> None:
    session = bpdebug.Session(bpdebug.load(name))
    with connected() as client:
        client.start(name)
        for request, line in (("next", "next"), ("stepBack", "reverse-next")):
            assert client.top()["name"].split()[0] == name_here(session)
            while True:
                session.do(line)
                if session.state.stopped in ("begin", "end"):
                    break
                stop = client.go(request)
                assert (stop["reason"], stop.get("description")) == ("step", None)
                frame, event = client.top(), session.state.event
                assert frame["name"].split()[0] == name_here(session)
                assert event is not None
                assert event.line in (frame["line"], None)
                assert frame["source"]["path"] == str(session.state.scenario.path)
            assert client.go(request)["description"].startswith("the beginning" if line != "next" else "the end")


@pytest.mark.parametrize("name", ["transpose", "transformer_block"])
def test_the_parts_of_rules_are_instructions(name: str) -> None:
    session = bpdebug.Session(bpdebug.load(name))
    with connected() as client:
        client.start(name)
        for _ in range(40):
            session.do("stepi")
            client.go("stepIn", granularity="instruction")
            assert client.top()["name"].startswith(name_here(session))
            assert ("part" in client.top()["name"]) == bool(session.state.part)
        client.go("stepBack", granularity="instruction")
        session.do("reverse-stepi")
        assert client.top()["name"].startswith(name_here(session))
