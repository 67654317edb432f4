"""Scripts: what a line may be, what a failure says, files inside, snapshots, files that are written."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.cli import main
from bpdebug.debugger import COMMANDS, update
from bpdebug.errors import InputError
from bpdebug.frontends.scripts.replay import Run, ScriptError, Settings
from bpdebug.frontends.scripts.script import parse_script, read_script
from bpdebug.limits import Limits
from bpdebug.views import view

SCENARIO = """-- one.toml --
format = 1
[inputs]
X = [[1, 2], [3, 4], [5, 6]]
[parameters]
W = [[1], [2]]
[graph]
loss = "L"
program = '''
Y = X @ W
L = mean(Y ** 2)
'''
"""


def ran(text: str, *, settings: Settings | None = None, path: Path | None = None) -> Run:
    """A script run to its end, with the scenario above inside it."""
    run = Run(parse_script("a.bpd", text + SCENARIO, path=path), settings)
    list(run.steps())
    return run


def failing(text: str) -> ScriptError:
    run = ran(text)
    assert len(run.errors) == 1, run.errors
    return run.errors[0]


# --- lines


def test_the_script_of_the_contract() -> None:
    """As it stands in the contract, with a scenario that has what it speaks of."""
    text = """# two_layer.bpd
require bpdebug >= 0.1
load one.toml
break Y@bwd
continue
expect where "Y@bwd"
expect formula X "∂Y @ Wᵀ"
stepi
print/s dW
reverse-continue
expect when "event 0"
! expect dW ~ 0
"""
    run = ran(text)
    assert not run.errors
    assert run.state is not None
    assert run.state.cursor == 0


def test_a_failure_says_line_event_and_numbers() -> None:
    error = failing("load one.toml\n\n# here\nbreak Y@bwd ;; continue\nexpect dW ~ [[1], [2]] rtol=1e-6\nstep\n")
    assert str(error) == (
        "error[E_SCRIPT] a.bpd:5: dW: expected 2.0 at [1, 0], found 104.0 "
        "(2 of 2 cells are off, rtol 1e-06, atol 1e-12)\n"
        "  line: expect dW ~ [[1], [2]] rtol=1e-6\n"
        "  at:   event 6/7 backward Y matmul"
    )
    assert (error.number, error.exit_code) == (5, 1)


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ("step", "E_SCRIPT", "a.bpd:1"),
        ("load", "E_SCRIPT", "a.bpd:1"),
        ("load two.toml", "E_FILE", "a.bpd:1: two.toml"),
        ("load nonsense", "E_FILE", "a.bpd:1"),
        ("load one.toml\njump", "E_COMMAND", "a.bpd:2"),
        ("load one.toml\nprint dQ", "E_EXPR", "a.bpd:2"),
        ("load one.toml\n! step", "E_SCRIPT", "a.bpd:2"),
        ("load one.toml\n!", "E_COMMAND", "a.bpd:2"),
        ("! load one.toml", "E_SCRIPT", "a.bpd:1"),
        ("expect error E_SHAPE load two.toml", "E_SCRIPT", "a.bpd:1"),
        ("load one.toml\n! print dQ\nexpect error E_NAME", "E_SCRIPT", "a.bpd:3"),
        ("load one.toml\nexpect error E_NAME", "E_SCRIPT", "a.bpd:2"),
        ("require bpdebug >= 99", "E_SCRIPT", "a.bpd:1"),
        ("require bpdebug", "E_SCRIPT", "a.bpd:1"),
        ("require numpy >= 2", "E_SCRIPT", "a.bpd:1"),
        ("load one.toml\nsource b.bpd", "E_FILE", "a.bpd:2: b.bpd"),
        ("load one.toml\nsnapshot a", "E_SCRIPT", "a.bpd:2"),
        ("load one.toml\nstep ;; jump", "E_COMMAND", "a.bpd:2"),
    ],
)
def test_what_fails(text: str, code: str, where: str) -> None:
    error = failing(text + "\n")
    assert (error.code, error.where) == (code, where)


@pytest.mark.parametrize(
    "text",
    [
        "! load two.toml",
        "expect error E_FILE load two.toml",
        "! require bpdebug >= 99",
        "load one.toml\n! print dQ\nexpect error E_EXPR",
        "load one.toml\nexpect error E_EXPR print dQ",
        'load one.toml\n!print dQ ;; step ;; expect when "event 1"',
        "require bpdebug >= 0.1, \n".replace(", ", ""),
        "require bpdebug != 99",
        "load one.toml\n! snapshot a",
        "load one.toml\n! source nowhere.bpd",
        "! load " + "a" * 5000,
        "! load a\0b",
        "load transpose",
        "load one.toml\nquit\njump",
        "",
    ],
)
def test_what_passes(text: str) -> None:
    assert not ran(text + "\n").errors


def test_a_line_is_carried_out_as_a_whole_or_not_at_all() -> None:
    run = ran('load one.toml\n! step ;; step ;; print dQ\nexpect when "event 0"\n')
    assert len(run.errors) == 1  # the first command was to fail, and did not
    run = ran("load one.toml\nstep ;; print dQ\n", settings=Settings(keep_going=True))
    assert run.state is not None
    assert run.state.cursor == 0


def test_keep_going_runs_on_and_still_fails() -> None:
    text = "load one.toml\nexpect L ~ 0\nprint dQ\nstep\nexpect L ~ 0\n"
    run = ran(text, settings=Settings(keep_going=True))
    assert [e.number for e in run.errors] == [2, 3, 5]


def test_comments_stand_on_their_own_lines() -> None:
    run = ran("  # load nothing.toml\nload one.toml\nbreak #4\ncontinue\nexpect where #4\n")
    assert not run.errors


# --- commands N ... end


def test_commands_of_a_breakpoint_run_at_the_stop() -> None:
    text = """load one.toml
break Y@bwd
commands 1
  print norm(dY) ;; when
  expect status dW value
end
continue
expect where Y@bwd
"""
    run = Run(parse_script("a.bpd", text + SCENARIO))
    steps = {step.number: step for step in run.steps()}
    assert not run.errors
    assert [(a.command, a.pending) for a in steps[7].answers] == [
        ("continue", False), ("print norm(dY)", True), ("when", True), ("expect status dW value", True),
    ]  # fmt: skip


def test_a_failing_command_of_a_stop_fails_the_line_that_ran_into_it() -> None:
    error = failing("load one.toml\nbreak Y@bwd\ncommands 1\nexpect dW ~ 0\nend\ncontinue\n")
    assert (error.number, error.event) == (6, "event 6/7 backward Y matmul")


def test_a_stop_s_commands_take_over_from_those_that_ran_into_it() -> None:
    text = """load one.toml
break #1
break #3
commands 1
continue
print 1
end
commands 2
print 2
end
continue
"""
    run = Run(parse_script("a.bpd", text + SCENARIO))
    last = list(run.steps())[-1]
    assert [a.command for a in last.answers] == ["continue", "continue", "print 2"]


def test_stops_that_send_each_other_back_and_forth_are_ended() -> None:
    text = "load one.toml\nbreak #1\nbreak #3\ncommands 1\ncontinue\nend\ncommands 2\nreverse-continue\nend\ncontinue\n"
    assert failing(text).code == "E_LIMIT"


def test_commands_that_are_not_closed() -> None:
    with pytest.raises(InputError, match="not closed") as caught:
        parse_script("a.bpd", "load one.toml\nbreak #1\ncommands 1\nprint 1\n")
    assert caught.value.where == "a.bpd:3"


def test_displays_and_tracepoints_are_printed() -> None:
    text = 'load one.toml\ndisplay norm(dY)\ntrace #2 "at {event}"\nbreak #3 ;; continue\n'
    run = Run(parse_script("a.bpd", text + SCENARIO))
    shown = list(run.steps())[-1].answers[-1].to_text()
    assert shown.startswith("at 2\nbreakpoint 2\n")
    assert "norm(dY)" in shown


# --- files inside, and beside


@pytest.mark.parametrize("name", ["../a.toml", "/a.toml", "a/b.toml", "C:\\a.toml", ".a", "", "..", "a\0b", "a" * 101])
def test_files_inside_have_plain_names(name: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_script("a.bpd", f"step\n-- {name} --\nx\n")
    assert (caught.value.code, caught.value.where) == ("E_SCRIPT", "a.bpd:2")


def test_a_file_stands_inside_once() -> None:
    with pytest.raises(InputError, match="twice"):
        parse_script("a.bpd", "-- a --\n-- a --\n")


def test_files_inside_are_gone_afterwards() -> None:
    run = Run(parse_script("a.bpd", "load one.toml\nstep\n" + SCENARIO))
    steps = run.steps()
    next(steps)
    folder = run.requests.inside
    assert folder is not None
    assert os.listdir(folder) == ["one.toml"]
    list(steps)
    assert not folder.exists()


def test_scripts_run_scripts() -> None:
    run = ran('load one.toml\nsource b.bpd\nexpect when "event 2"\n-- b.bpd --\nstep 2\n')
    assert not run.errors
    error = failing("load one.toml\nsource b.bpd\n-- b.bpd --\n\nstep 2\nprint dQ\n")
    assert (error.where, error.event) == ("b.bpd:3", "event 2/7 forward L mean")


def test_a_script_that_runs_itself(tmp_path: Path) -> None:
    (tmp_path / "a.bpd").write_text("load transpose\nsource a.bpd\nsource a.bpd\n")
    run = Run(read_script(tmp_path / "a.bpd"), Settings(keep_going=True))
    list(run.steps())
    assert [(e.code, e.where) for e in run.errors] == [("E_LIMIT", "a.bpd:2"), ("E_LIMIT", "a.bpd:3")]


def test_load_is_relative_to_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "one.toml").write_text(SCENARIO.split("\n", 1)[1])
    (tmp_path / "below" / "a.bpd").write_text("load ../one.toml\nexpect shape W (2, 1)\n")
    monkeypatch.chdir(tmp_path)
    run = Run(read_script("below/a.bpd"))
    list(run.steps())
    assert not run.errors


@pytest.mark.parametrize(
    ("raw", "code"), [(b"\xff\xfe", "E_SYNTAX"), (b"x" * 101, "E_LIMIT"), (b"commands 1\n", "E_SCRIPT")]
)
def test_what_is_no_script(tmp_path: Path, raw: bytes, code: str) -> None:
    (tmp_path / "a.bpd").write_bytes(raw)
    with pytest.raises(InputError) as caught:
        read_script(tmp_path / "a.bpd", Limits({"file": 100}))
    assert caught.value.code == code


def test_a_missing_script_is_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "nowhere.bpd"]) == 3
    assert "error[E_FILE]" in capsys.readouterr().err


def test_a_script_of_too_many_lines() -> None:
    run = ran("load one.toml\n" + "step\n" * 10, settings=Settings(Limits({"calls": 5})))
    assert [(e.code, e.number) for e in run.errors] == [("E_LIMIT", 6)]


# --- snapshots


def test_snapshots_are_stored_when_asked_for_and_compared_ever_after(tmp_path: Path) -> None:
    path = tmp_path / "a.bpd"
    text = "load one.toml\nbreak Y@bwd ;; continue\nexpect where Y@bwd\nsnapshot stop\n"
    missing = ran(text, path=path).errors
    assert len(missing) == 1
    assert "--update" in missing[0].hint
    assert not ran(text, path=path, settings=Settings(accept=True)).errors
    assert [p.name for p in tmp_path.iterdir()] == ["a.bpd.snapshots"]
    stored = (tmp_path / "a.bpd.snapshots" / "stop.txt").read_text(encoding="utf-8")
    assert stored.startswith("breakpoint 1\nevent 6/7  backward  Y = X @ W")
    assert not ran(text, path=path).errors
    other = ran(text.replace("Y@bwd", "L@bwd"), path=path).errors
    assert "-event 6/7  backward  Y = X @ W" in other[0].message
    assert "lines more)" in other[0].message
    assert not ran(text.replace("Y@bwd", "L@bwd"), path=path, settings=Settings(accept=True)).errors
    assert os.listdir(tmp_path / "a.bpd.snapshots") == ["stop.txt"]


@pytest.mark.parametrize("name", ["../a", "/tmp/a", "a b", ".hidden", "a/b"])
def test_names_of_snapshots(tmp_path: Path, name: str) -> None:
    text = f"load one.toml\nsnapshot {name}\n"
    errors = ran(text, path=tmp_path / "a.bpd", settings=Settings(accept=True)).errors
    assert [e.code for e in errors] == ["E_SCRIPT"]
    assert not list(tmp_path.iterdir())


# --- writing


@pytest.mark.parametrize("line", ["transcript ../t.bpd", "transcript /tmp/t.bpd", "save breakpoints ../b.bpd"])
def test_a_script_writes_beside_or_below_itself_only(tmp_path: Path, line: str) -> None:
    (tmp_path / "below").mkdir()
    errors = ran(f"load one.toml\nstep\n{line}\n", path=tmp_path / "below" / "a.bpd").errors
    assert [e.code for e in errors] == ["E_FILE"]
    assert os.listdir(tmp_path) == ["below"]


def test_a_link_does_not_lead_a_script_outside(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "link").symlink_to(tmp_path / "outside")
    errors = ran("load one.toml\nsave breakpoints link/b.bpd\n", path=tmp_path / "below" / "a.bpd").errors
    assert [e.code for e in errors] == ["E_FILE"]
    assert not os.listdir(tmp_path / "outside")


def test_a_transcript_is_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = [
        "break Y@bwd",
        "commands 1\nprint dY\nend",
        "continue",
        "print dQ",
        "expect L ~ 0",
        "stepi",
        "transcript t.bpd",
    ]
    text = "load transpose\n" + "\n".join(typed) + "\n"
    first = ran(text.replace("L ~ 0", "Y ~ 0"), path=tmp_path / "a.bpd", settings=Settings(keep_going=True))
    assert [e.code for e in first.errors] == ["E_EXPR", "E_SCRIPT"]
    again = Run(read_script(tmp_path / "t.bpd"))
    list(again.steps())
    assert not again.errors
    assert again.state is not None
    assert first.state is not None
    assert (again.state.cursor, again.state.part) == (first.state.cursor, first.state.part)


def test_a_transcript_holds_a_scenario_that_has_no_file(tmp_path: Path) -> None:
    assert not ran("load one.toml\nseek Y@bwd\ntranscript t.bpd\n", path=tmp_path / "a.bpd").errors
    again = Run(read_script(tmp_path / "t.bpd"))
    list(again.steps())
    assert not again.errors
    assert again.state is not None
    assert again.state.cursor == 6


@pytest.mark.parametrize("made", ['trace Y@bwd if norm(dY) > 1 "here"', "break Y@bwd if norm(dY) > 1"])
@pytest.mark.parametrize("condition", ["", " event > 1"])
def test_a_stop_is_saved_with_the_condition_that_it_has_now(tmp_path: Path, made: str, condition: str) -> None:
    lines = f"load one.toml\n{made}\ncondition 1{condition}\nsave breakpoints b.bpd\n"
    assert not ran(lines, path=tmp_path / "a.bpd").errors
    state = ran("load one.toml\nsource b.bpd\n", path=tmp_path / "a.bpd").state
    assert state is not None
    assert [b.condition_text for b in state.breakpoints] == [condition.strip()]
    assert "norm" not in (tmp_path / "b.bpd").read_text()


def test_saved_breakpoints_come_back(tmp_path: Path) -> None:
    made = """load one.toml
break Y@bwd if norm(dY) > 0
tbreak #2
trace L@fwd "loss {L}"
watch dW
catch nan
delete 2
ignore 1 2
commands 1
print dY
end
disable 3
"""
    first = ran(made + "save breakpoints b.bpd\n", path=tmp_path / "a.bpd")
    assert not first.errors
    second = ran("load one.toml\nsource b.bpd\nsave breakpoints c.bpd\n", path=tmp_path / "a.bpd")
    assert not second.errors
    assert (tmp_path / "b.bpd").read_text() == (tmp_path / "c.bpd").read_text()
    assert second.state is not None
    assert [(b.kind, b.enabled, b.ignore) for b in second.state.breakpoints] == [
        ("break", True, 2), ("trace", False, 0), ("watch", True, 0), ("catch", True, 0),
    ]  # fmt: skip


def test_saved_forks_come_back_and_are_listed_as_lines_that_make_them(tmp_path: Path) -> None:
    made = """load one.toml
seek Y@bwd
set Y[0, 0] = Y[1, 0] * 3
set dY = dY * 2
switch 1
seek L
set W = [[0.1], [nan]]
seek begin
set rule Y@bwd W = X.T @ dY * 2
switch 0
"""
    first = ran(made + "save forks f.bpd\n", path=tmp_path / "a.bpd")
    second = ran("load one.toml\nsource f.bpd\nsave forks g.bpd\n", path=tmp_path / "a.bpd")
    assert not first.errors + second.errors
    assert (tmp_path / "f.bpd").read_text() == (tmp_path / "g.bpd").read_text()
    assert first.state is not None
    assert second.state is not None
    for ours, theirs in zip(first.state.forks, second.state.forks, strict=True):
        assert (ours.number, ours.parent, ours.line) == (theirs.number, theirs.parent, theirs.line)
        for name in ("Y", "W", "L"):
            assert ours.timeline.value(name).tobytes() == theirs.timeline.value(name).tobytes()
            assert ours.timeline.grad(name).tobytes() == theirs.timeline.grad(name).tobytes()  # type: ignore[union-attr]
    rows = view(update(first.state, "forks")).to_data()["rows"]
    for row, fork in zip(rows[1:], first.state.forks[1:], strict=True):
        typed = update(first.state, f"switch {row['of']} ;; {row['made by']}")
        assert typed.timeline.value("L").tobytes() == fork.timeline.value("L").tobytes()
        assert typed.timeline.grad("W").tobytes() == fork.timeline.grad("W").tobytes()  # type: ignore[union-attr]


# --- any text at all

WORDS = [
    "load one.toml", "load", "require bpdebug >= 0.1", "commands 1", "end", "break #1", "continue", "! step", "!",
    "expect", "expect where end", "snapshot a", "source a", "-- a --", "-- one.toml --", ";;", "\n", "#", '"', "1", "~",
    *(c.example for c in COMMANDS.values() if c.name not in ("transcript", "save", "record")),
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=8)), max_size=12), st.sampled_from(["\n", " "]))
def test_any_script_runs_or_is_refused(words: list[str], between: str) -> None:
    text = between.join(words)
    try:
        script = parse_script("a.bpd", f"load transpose\n{text}")
    except InputError:
        return
    # A shortened `transcript` is drawn too, and it writes beside the script.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for step in Run(script, Settings(keep_going=True)).steps():
            assert step.error is None or step.error.where.startswith("a.bpd:")
            for answer in step.answers:
                answer.to_text()


@given(st.text())
def test_any_text_is_taken_apart_or_refused(text: str) -> None:
    try:
        script = parse_script("a.bpd", text)
    except InputError:
        return
    assert all(line.strip() == line and line for _, line in script.lines)
