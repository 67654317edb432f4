"""What is typed, and what it made, is there at the next start, whatever ended the session."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

import bpdebug
from bpdebug.debugger import State, open_session, update
from bpdebug.errors import BpdebugError
from bpdebug.frontends import prompt
from bpdebug.frontends.loop import as_typed, replies
from bpdebug.frontends.scripts.script import read_script
from bpdebug.frontends.session.store import MOST_BYTES, MOST_SESSIONS, PIPE, TERMINAL, SessionStore

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


def session(*lines: str, kind: str = PIPE, fresh: bool = False, end: bool = True) -> tuple[State, SessionStore]:
    """A session in which these lines were typed; `end`: left by the user."""
    state = open_session(bpdebug.load("two_layer"))
    store = SessionStore(state, kind, fresh=fresh)
    for line in lines:
        store.typed(line)
        state = store.restore(state)[0] if line == "restore" else update(state, line)
        store.after(state)
    if end:
        store.close()
    return state, store


def die(store: SessionStore) -> None:
    """What the system does to the files of a process that is gone."""
    assert store._journal is not None
    os.close(store._journal)


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
    after, store = session("restore")
    assert left(after) == left(before)
    assert after.cursor == 0
    assert after.fork == 0
    for ours, theirs in zip(after.forks, before.forks, strict=True):
        assert ours.timeline.value("Y").tobytes() == theirs.timeline.value("Y").tobytes()
    assert store.offer() == ""
    again, _ = session("restore")
    assert left(again) == left(before)


def test_nothing_is_restored_unasked_and_fresh_ignores_what_is_there() -> None:
    session("break Y")
    state, store = session(kind=TERMINAL)
    assert state.breakpoints == ()
    assert store.offer() == "an earlier session left 1 breakpoint: `restore` brings them back"
    _, fresh = session(fresh=True)
    assert fresh.offer() == ""
    with pytest.raises(BpdebugError):
        session("restore", fresh=True)


def test_a_session_in_a_browser_leaves_nothing_and_is_offered_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is at the other end has the user's rights, and no business with the user's files."""
    die(session("break Y@bwd", end=False)[1])
    before = sorted(folder.rglob("*"))
    monkeypatch.setenv("BPDEBUG_SERVED", "1")
    _state, store = session("break Y@bwd", "mark 3", end=False)
    assert (store.offer(), store.trouble) == ("", "")
    store.close()
    assert sorted(folder.rglob("*")) == before


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
    other = SessionStore(open_session(bpdebug.load("transpose")), PIPE)
    assert other.offer() == ""


def test_a_session_that_was_cut_off_says_where_its_journal_is() -> None:
    _, dead = session("step", "print Y", end=False)
    assert "was cut off" not in session()[1].offer()  # it goes on
    die(dead)
    _, store = session()
    assert "was cut off" in store.offer()
    (journal,) = store.folder.glob("*.bpd")
    assert journal.read_text().splitlines()[1:] == ["step", "print Y"]


def test_the_folder_is_for_its_user_only(folder: Path) -> None:
    _, store = session("break Y")
    for path in (folder, store.folder):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in store.folder.iterdir())


def test_a_folder_that_cannot_be_written_to_costs_the_keeping_and_nothing_else(folder: Path) -> None:
    folder.write_text("a file")
    state, store = session("break Y")
    assert len(state.breakpoints) == 1
    assert store.trouble.startswith("this session is not kept: ")


def test_of_many_sessions_at_once_none_is_thrown_away(folder: Path) -> None:
    open_ones = [session(f"mark {n}", end=False)[1] for n in range(14)]
    for _ in range(14):
        session("mark over")
    (found,) = folder.iterdir()
    for n, store in enumerate(open_ones):
        left = json.loads((found / f"{store.stem}.json").read_bytes())
        assert left["marks"] == [[0, str(n)]]
        assert (found / f"{store.stem}.bpd").exists()
    assert len([*found.glob("*.json")]) <= 14 + MOST_SESSIONS
    state, _ = session("restore")
    assert [m.note for m in state.marks] == ["over"]  # what goes on has left nothing yet


def test_a_long_note_takes_nothing_with_it(folder: Path) -> None:
    session("break Y", f"mark {'x' * 1_100_000}")
    state, store = session("restore", end=False)
    assert (len(state.breakpoints), len(state.marks[0].note)) == (1, 1_100_000)
    too_long = update(state, f"mark {'x' * MOST_BYTES}")
    with pytest.raises(BpdebugError, match="16 MiB") as caught:
        store.after(too_long)
    assert caught.value.code == "E_LIMIT"
    die(store)
    assert left(session("restore")[0]) == left(state)


def test_what_is_kept_is_on_the_disk_before_it_has_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def noted(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*given: Any) -> Any:
            calls.append(name)
            return real(*given)

        return call

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, noted(name))
    session("break Y", "step", "step", "print Y", "ignore 1 0")
    assert calls == ["fsync", "replace", "fsync"]  # the file, its name, the folder; once for one change


FORGED = (
    "print Y\nset W1 = 0", "mark a\nbreak Y", "step\n# end", "-- two_layer.toml --", "# end", "commands 1",
    "commands 1\nprint Y\nend\nset W1 = 0\nend", "step ;; commands 1\n# end\n\n", "! print Y\nquit",
)  # fmt: skip


@pytest.mark.parametrize("command", FORGED)
def test_a_command_is_one_line_of_the_journal(command: str, folder: Path, tmp_path: Path) -> None:
    """A line feed forges none: what the journal plays again is what was carried out."""
    transcript = tmp_path / "a.bpd"
    asked = ["break Y", command, "mark last", f"transcript {transcript}"]
    state = open_session(bpdebug.load("two_layer"))
    store = SessionStore(state, PIPE)
    said = io.StringIO()
    with redirect_stdout(said):
        prompt.debug_json(state, store, [json.dumps({"command": line}) for line in asked])
    done = [json.loads(line)["ok"] for line in said.getvalue().splitlines()]
    assert done == [True, "commands" in command or command[0] == "!", True, True]
    (journal,) = next(folder.iterdir()).glob("*.bpd")
    for path in (journal, transcript):
        script = read_script(path)
        lines = [text for _, text in script.lines if not text.startswith(("load ", "transcript "))]
        assert script.files == {}
        assert lines[0] == "break Y"
        assert lines[-1] == "mark last"
        assert len(lines) == (2 if command.startswith(("#", "--")) else 3)
        assert not any(text.startswith(("set", "quit")) for text in lines)
    assert journal.read_text().count("\n# end\n") == (1 + ("# end" in command and "commands" in command))


def test_line_feeds_around_a_command_are_no_part_of_it_in_the_journal() -> None:
    assert as_typed("\n step\n") == "step"


def test_the_json_prompt_says_that_nothing_is_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write_text("a file")
    state = open_session(bpdebug.load("two_layer"))
    prompt.debug_json(state, SessionStore(state, PIPE), ["break Y", "step"])
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["ok"]
    assert first["notice"].startswith("this session is not kept: ")
    assert "notice" not in second


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
    _, store = session("break Y")
    (path,) = store.folder.glob("*.json")
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
        prompt.debug(state, SessionStore(state, PIPE))
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


CHANGES = (
    "break Y@bwd", "break #{k} if norm(dY) > {n}", "break", "tbreak H", 'trace #{k} "a {{event}}"',
    "watch dW{w}[0, 1]", "catch {kind}", "condition {s} event > {n}", "condition {s}", "ignore {s} {n}",
    "disable {s}", "enable {s}", "delete {s}", "commands {s}\nprint dW{w}\nmark from {n}\nend", "commands {s}",
    "display norm(dW{w})", "display/x W{w}", "undisplay {s}", "mark {n} \u2202 note", "mark", "switch {f}",
    "set W{w}[0, 1] = {n}", "set dY = 0.5", "set rule Y@bwd H = dY @ W2.T * {n}", "seek {n}%", "step {s}", "continue",
    "reverse-continue", "mark a ;; display W{w} ;; break Y", "print W{w}",
)  # fmt: skip


def change(chance: random.Random) -> str:
    """A command, most of which change what is kept."""
    return chance.choice(CHANGES).format(
        k=chance.randrange(9), n=chance.randrange(100), w=chance.choice("12"), s=chance.randrange(1, 6),
        f=chance.randrange(3), kind=chance.choice(["nan", "inf", "phase", "vanish 0.01", "zero-grad"]),
    )  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("seed", range(int(os.environ.get("BPDEBUG_KILLS", "3"))))
def test_after_kill_9_all_that_was_answered_is_kept_and_all_that_was_typed_is_in_the_journal(
    seed: int, folder: Path
) -> None:
    """The same commands in this process say what must be there."""
    chance = random.Random(seed)
    words = [sys.executable, "-m", "bpdebug.cli", "debug", "two_layer", "--json"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    assert process.stdin is not None
    assert process.stdout is not None
    state = open_session(bpdebug.load("two_layer"))
    typed: list[str] = []
    for _ in range(chance.randrange(1, 80)):
        line = change(chance)
        typed.append(as_typed(line))
        process.stdin.write(json.dumps({"command": line}) + "\n")
        process.stdin.flush()
        ok = json.loads(process.stdout.readline())["ok"]
        try:
            for answer in replies(state, line):
                state = answer.state
        except BpdebugError:
            assert not ok, line
    process.stdin.write("print Y\n" * 20)
    process.stdin.flush()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (journal,) = next(folder.iterdir()).glob("*.bpd")
    text = journal.read_text(encoding="utf-8").partition("\n")[2]
    assert text.startswith("".join(f"{line}\n" for line in typed))
    if any(left(state)):
        assert left(session("restore")[0]) == left(state)
