"""What is typed, and what it made, is there at the next start, whatever ended the session."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bpdebug
from bpdebug.debugger import State, open_session, update
from bpdebug.errors import BpdebugError
from bpdebug.frontends import prompt
from bpdebug.frontends.sessions import PIPE, TERMINAL, Keeper

LINES = (
    "break Y@bwd if norm(dY) > 0", "tbreak H", 'trace #2 "a ;; b {event}"', "watch dW1", "catch nan",
    "condition 1 event > 3", "ignore 4 2",
    "disable 5", "commands 1\nprint dW1\nend", "display norm(dY)", "mark begin", "step 3", "mark",
    "set W1[0, 0] = 2", "set dY = 0", "switch 0", "set W2 = 1",
)  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BPDEBUG_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def session(*lines: str, kind: str = PIPE, fresh: bool = False, end: bool = True) -> tuple[State, Keeper]:
    """A session in which these lines were typed; `end`: left by the user."""
    state = open_session(bpdebug.load("two_layer"))
    keeper = Keeper(state, kind, fresh=fresh)
    for line in lines:
        keeper.typed(line)
        state = keeper.restore(state)[0] if line == "restore" else update(state, line)
        keeper.after(state)
    if end:
        keeper.close()
    return state, keeper


def left(state: State) -> Any:
    """Everything that is to survive."""
    stops = [
        (b.kind, b.location, b.condition_text, b.ignore, b.enabled, b.temporary, b.commands, b.says)
        for b in state.breakpoints
    ]
    forks = [(f.number, f.parent, f.line) for f in state.forks if f.number]
    return stops, [d.text for d in state.displays], [(m.cursor, m.note) for m in state.marks], forks


def test_restore_brings_back_stops_displays_marks_and_forks() -> None:
    before, _ = session(*LINES)
    after, keeper = session("restore")
    assert left(after) == left(before)
    assert after.cursor == 0
    assert after.fork == 0
    for ours, theirs in zip(after.forks, before.forks, strict=True):
        assert ours.timeline.value("Y").tobytes() == theirs.timeline.value("Y").tobytes()
    assert keeper.offer() == ""
    again, _ = session("restore")
    assert left(again) == left(before)


def test_nothing_is_restored_unasked_and_fresh_ignores_what_is_there() -> None:
    session("break Y")
    state, keeper = session(kind=TERMINAL)
    assert state.breakpoints == ()
    assert keeper.offer() == "an earlier session left 1 breakpoint: `restore` brings them back"
    _, fresh = session(fresh=True)
    assert fresh.offer() == ""
    with pytest.raises(BpdebugError):
        session("restore", fresh=True)


def test_a_session_that_leaves_nothing_hides_nothing_that_was_left_before() -> None:
    session("break Y", "mark")
    for _ in range(15):
        session("step", "print Y")
    assert len(left(session("restore")[0])[0]) == 1


def test_what_was_restored_and_deleted_stays_deleted() -> None:
    session("break Y")
    session("restore", "delete")
    with pytest.raises(BpdebugError):
        session("restore")


def test_what_a_script_left_does_not_hide_what_a_person_left() -> None:
    session("break Y@bwd", kind=TERMINAL)
    session("break #0", kind=PIPE)
    state, _ = session("restore", kind=TERMINAL)
    assert [b.location for b in state.breakpoints] == ["Y@bwd"]


def test_another_scenario_has_sessions_of_its_own() -> None:
    session("break Y")
    other = Keeper(open_session(bpdebug.load("transpose")), PIPE)
    assert other.offer() == ""


def test_a_session_that_was_cut_off_says_where_its_journal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bpdebug.frontends.sessions._alive", lambda pid: False)
    session("step", "print Y", end=False)
    _, keeper = session()
    assert "was cut off" in keeper.offer()
    (journal,) = keeper.folder.glob("*.bpd")
    assert journal.read_text().splitlines()[1:] == ["step", "print Y"]


def test_the_folder_is_for_its_user_only(folder: Path) -> None:
    _, keeper = session("break Y")
    for path in (folder, keeper.folder):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in keeper.folder.iterdir())


def test_a_folder_that_cannot_be_written_to_costs_the_keeping_and_nothing_else(folder: Path) -> None:
    folder.write_text("a file")
    state, keeper = session("break Y")
    assert len(state.breakpoints) == 1
    assert keeper.trouble.startswith("this session is not kept: ")


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", '{"bpdebug":1}', "[" * 100_000,
        '{"bpdebug":"","scenario":"","stops":[{"line":"record /tmp/owned.bptrace"}]}',
        '{"bpdebug":"","scenario":"","stops":[{"line":"break Y ;; quit"}]}',
        '{"bpdebug":"","scenario":"","forks":[{"number":1,"parent":7,"cursor":-9,"line":"set W1 = 0"}]}',
        '{"bpdebug":"","scenario":"","forks":[{"number":1,"parent":0,"cursor":999999999,"line":"source /etc/passwd"}]}',
        '{"bpdebug":"","scenario":"","displays":["Y ;; quit"],"marks":[[-5,"x"],[999999,"y"]]}',
    ],
)  # fmt: skip
def test_a_file_that_was_tampered_with_runs_nothing(text: str) -> None:
    _, keeper = session("break Y")
    (path,) = keeper.folder.glob("*.json")
    path.write_text(text)
    try:
        state, _ = session("restore")
    except BpdebugError:
        return
    assert not state.breakpoints
    assert not state.displays
    assert not state.done
    assert state.request is None
    assert all(0 <= m.cursor <= len(state.timeline) for m in state.marks)


def test_the_prompt_offers_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session("break Y", "mark")
    for asked in (True, False):
        monkeypatch.setattr("sys.stdin", Lines(["restore\n", "info breakpoints\n"], asked))
        monkeypatch.setattr("builtins.input", typing(["restore"]))
        state = open_session(bpdebug.load("two_layer"))
        prompt.debug(state, keeper=Keeper(state, PIPE))
        said = capsys.readouterr().out
        assert ("an earlier session left 1 breakpoint, 1 mark" in said) == asked
        assert "restored: 1 breakpoint, 1 mark" in said


class Lines(list[str]):
    """Standard input with these lines."""

    def __init__(self, lines: list[str], asked: bool) -> None:
        super().__init__(lines)
        self.asked = asked

    def isatty(self) -> bool:
        return self.asked


def typing(lines: list[str]) -> Callable[[str], str]:
    def typed(prompt: str) -> str:
        if not lines:
            raise EOFError
        return lines.pop(0)

    return typed


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("seed", range(int(os.environ.get("BPDEBUG_KILLS", "4"))))
def test_after_kill_9_all_that_was_answered_is_kept_and_all_that_was_typed_is_in_the_journal(
    seed: int, folder: Path
) -> None:
    chance = random.Random(seed)
    words = [sys.executable, "-m", "bpdebug.cli", "debug", "two_layer", "--json"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    assert process.stdin is not None
    assert process.stdout is not None
    typed: list[str] = []
    stops = 0
    for n in range(chance.randrange(1, 120)):
        line = chance.choice(["step", f"mark {n}", "break Y@bwd", "print Y"])
        typed.append(line)
        process.stdin.write(line + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["ok"]
        stops += line.startswith("break")
    process.stdin.write("mark not answered\n" * 20)
    process.stdin.flush()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (journal,) = next(folder.iterdir()).glob("*.bpd")
    assert journal.read_text().splitlines()[1:][: len(typed)] == typed
    marks = [line.partition(" ")[2] for line in typed if line.startswith("mark")]
    if marks or stops:
        state, _ = session("restore")
        assert [m.note for m in state.marks][: len(marks)] == marks
        assert len(state.breakpoints) == stops
