"""The one loop: prompt, JSON, Python and scripts say the same, and where a line is refused nothing has happened."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug import Session, load
from bpdebug.debugger import State, open_session, update
from bpdebug.debugger.commands import table
from bpdebug.debugger.commands.expecting import when_words
from bpdebug.debugger.commands.table import split
from bpdebug.errors import BpdebugError
from bpdebug.frontends import prompt
from bpdebug.frontends.loop import gathered, opens, replies
from bpdebug.frontends.prompt import debug, debug_json
from bpdebug.frontends.scripts.replay import Run, Settings
from bpdebug.frontends.scripts.requests import FileRequests
from bpdebug.frontends.scripts.script import parse_script
from bpdebug.frontends.tui.working import is_slow
from bpdebug.scenario import Scenario
from tests.graphs import Random, examples, graphs
from tests.sessions import fresh

MOVES = [
    "step", "step 3", "next", "stepi", "stepi 2", "finish", "continue", "reverse-step", "reverse-next", "reverse-stepi",
    "reverse-finish", "reverse-continue", "rev step 2", "seek end", "seek begin", "seek 50%", "restart", "until #2",
]  # fmt: skip
STOPS = [
    "break #1", "break #3", "tbreak #2", "watch x0", "watch dx0", "catch phase", "catch nan", 'trace #2 "at {event}"',
    "ignore 1 1", "delete 1", "disable 1", "enable", "condition 1 event > 2", "break #2 if norm(dx0) > 0",
    "commands 1\nstep\nend", "commands 1\nreverse-continue\nend", "commands 2\nprint dx0 ;; stepi\ncontinue\nend",
]  # fmt: skip
LOOKS = ["print x0", "print/s dx0", "when", "list", "info tensors", "display dx0", "undisplay", "print nothing", "jump"]
CHECKS = ['expect when "event 0"', "! step", "! print nothing", "expect dx0 ~ 0", "step ;; print nothing"]
LINES = st.lists(st.sampled_from([*MOVES, *MOVES, *STOPS, *LOOKS, *CHECKS]), max_size=12)


def opened(random: Random) -> State:
    graph = random.build()
    scenario = Scenario("random.toml", "", "", np.dtype(np.float64), 0, graph, "", 1)
    return open_session(scenario)


def of_python(state: State, lines: Sequence[str]) -> list[str]:
    session = Session.__new__(Session)
    session.state = state
    places = []
    for line in lines:
        with suppress(BpdebugError):
            session.do(line)
        places.append(when_words(session.state))
    return places


def of_script(state: State, lines: Sequence[str]) -> list[str]:
    run = Run(parse_script("a.bpd", "\n".join(lines)), Settings(keep_going=True), state)
    places = []
    for _ in run.steps():
        assert run.state is not None
        places.append(when_words(run.state))
    return places


def of_prompt(state: State, lines: Sequence[str]) -> list[str]:
    typed = "".join(f"{line}\nwhen\n" for line in lines if line != "when") + "quit\n"
    out = io.StringIO()
    with patch("sys.stdin", io.StringIO(typed)), redirect_stdout(out), redirect_stderr(io.StringIO()):
        debug(*fresh(state))
    return re.findall(r"^event \d+/\d+ \S.*", out.getvalue(), re.MULTILINE)


def of_json(state: State, lines: Sequence[str]) -> list[tuple[int, int]]:
    out = io.StringIO()
    with redirect_stdout(out):
        debug_json(*fresh(state), [json.dumps({"id": n, "command": line}) for n, line in enumerate(lines)])
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [reply["id"] for reply in found] == list(range(len(lines)))
    return [(reply["at"]["event"], (reply["at"]["part"] or {"index": 0})["index"]) for reply in found]


def numbers(place: str) -> tuple[int, int]:
    part = re.search(r"part (\d+)/", place)
    return int(place.split()[1].split("/")[0]), int(part[1]) if part else 0


@examples(60)
@given(graphs(nodes=6), LINES)
def test_every_front_end_goes_the_same_way(random: Random, lines: list[str]) -> None:
    wanted = of_python(opened(random), lines)
    assert of_script(opened(random), lines) == wanted
    assert of_json(opened(random), lines) == [numbers(place) for place in wanted]
    told = of_prompt(opened(random), lines)
    assert told == [place for place, line in zip(wanted, lines, strict=True) if line != "when"]


# --- a line, and what belongs to it


def said(line: str, state: State | None = None) -> list[str]:
    return [a.command for a in replies(state or open_session(load("transpose")), line)]


def test_every_command_of_a_line_answers() -> None:
    assert said("break Y@bwd ;; continue ;; print dX") == ["break Y@bwd", "continue", "print dX"]


def test_a_refused_line_has_done_nothing() -> None:
    session = Session(load("transpose"))
    before = session.state
    with pytest.raises(BpdebugError):
        session.do("step ;; print dQ")
    assert session.state is before
    assert session.answers == []


def test_a_stop_s_commands_run_before_what_follows_on_the_line() -> None:
    session = Session(load("transpose"))
    session.do("break Y@bwd")
    session.do("commands 1\nprint dW\nend")
    report = session.do("continue ;; when")
    assert [a.command for a in session.answers] == ["continue", "print dW", "when"]
    assert report.kind == "when"


def test_a_json_reply_has_all_that_was_said() -> None:
    out = io.StringIO()
    lines = [
        "break Y@bwd",
        "commands 1\nprint dW[0, 0]\nwhen\nend",
        'trace #1 "seed {event}"',
        "display norm(dX)",
        "continue",
    ]
    with redirect_stdout(out):
        debug_json(*fresh(open_session(load("transpose"))), [json.dumps({"command": line}) for line in lines])
    last = json.loads(out.getvalue().splitlines()[-1])
    assert (last["ok"], last["stopped"], last["at"]["event"]) == (True, "breakpoint 1", 2)
    assert last["report"]["kind"] == "event"
    assert last["printed"] == ["seed 1"]
    assert [c["report"]["kind"] for c in last["commands"]] == ["print", "when"]
    assert last["commands"][0]["report"]["value"] == 1.0
    assert [d["expr"] for d in last["displays"]] == ["norm(dX)"]


def test_a_stop_s_command_that_fails_does_not_take_the_stop_back() -> None:
    out = io.StringIO()
    lines = ["break Y@bwd", "commands 1\nprint dQ\nend", "continue", "when"]
    with redirect_stdout(out):
        debug_json(*fresh(open_session(load("transpose"))), [json.dumps({"command": line}) for line in lines])
    stop, when = [json.loads(line) for line in out.getvalue().splitlines()][-2:]
    assert (stop["ok"], stop["at"]["event"], stop["commands"][0]["error"]["code"]) == (True, 2, "E_EXPR")
    assert when["at"]["event"] == 2


@pytest.mark.parametrize("line", ["! jump", "!nosuch", "! ! print nothing", "step ;; !print nothing", "! 5"])
def test_what_must_fail_fails_in_every_front_end(line: str) -> None:
    assert said(line)[-1] == line.rpartition(";;")[2].strip()
    assert of_python(open_session(load("transpose")), [line]) == of_script(open_session(load("transpose")), [line])
    with pytest.raises(BpdebugError, match="is for a front end"):
        update(open_session(load("transpose")), line)


@pytest.mark.parametrize("line", ["! when", "step ;; ! when", "!"])
def test_what_must_fail_and_does_not_is_refused(line: str) -> None:
    session = Session(load("transpose"))
    before = session.state
    with pytest.raises(BpdebugError):
        session.do(line)
    assert session.state is before


def test_a_line_is_refused_before_a_file_is_touched(tmp_path: Path) -> None:
    state = open_session(load("transpose"))
    with pytest.raises(BpdebugError, match="no command 'nosuch'"):
        list(replies(state, f"transcript {tmp_path / 'a.bpd'} ;; nosuch", FileRequests().handle))
    assert not list(tmp_path.iterdir())


def test_a_line_that_is_asked_about_and_carried_out_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    state = open_session(load("transpose"))
    cut: list[str] = []

    def cutting(line: str) -> list[str]:
        cut.append(line)
        return split(line)

    monkeypatch.setattr(table, "split", cutting)
    line = "print X @ W * 3 ;; print W - 77"  # which no other test types
    assert not is_slow(line, state.timeline)
    assert not prompt._repeats(line)
    assert len(list(replies(state, line))) == 2
    assert cut == [line]


@pytest.mark.parametrize(("line", "slow"), [("step", False), ("check", True), ("! check", True), ("! nosuch", False)])
def test_what_takes_long_takes_long_behind_a_not(line: str, slow: bool) -> None:
    state = open_session(load("transpose"))
    assert is_slow(line, state.timeline) == slow


def test_files_are_not_for_every_front_end() -> None:
    with pytest.raises(BpdebugError, match="snapshot is not possible here"):
        Session(load("transpose")).do("snapshot a")


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["step", " step "], [(1, "step"), (2, "step")]),
        (["commands 1", " print 1", "end", "step"], [(1, "commands 1\nprint 1\nend"), (4, "step")]),
        (["break #1 ;; commands 1", "end"], [(1, "break #1 ;; commands 1\nend")]),
        (["commands 1", "print 1"], [(1, "commands 1\nprint 1")]),
        (["# commands 1", "end"], [(1, "# commands 1"), (2, "end")]),
        (["commands", "step"], [(1, "commands"), (2, "step")]),
    ],
)
def test_lines_that_belong_together(lines: list[str], wanted: list[tuple[int, str]]) -> None:
    assert list(gathered(lines)) == wanted


@given(st.text())
def test_any_line_opens_a_block_or_does_not(line: str) -> None:
    assert opens(line) in (True, False)
