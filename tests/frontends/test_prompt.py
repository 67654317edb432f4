"""The plain prompt behind a pipe and at a terminal, and its JSON twin."""

from __future__ import annotations

import io
import json
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.debugger import COMMANDS, Call, State, open_session, run
from bpdebug.errors import BpdebugError
from bpdebug.frontends import loop, prompt
from bpdebug.progress import may_stop
from bpdebug.scenario import open_timeline
from tests.graphs import examples
from tests.lessons import FAULTY, NAMES, PLAIN, WALK, scenario
from tests.sessions import fresh

AT = {"event", "of", "phase", "node", "op", "line", "iteration", "part"}


class Terminal(io.StringIO):
    """Standard input that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the prompt on lines from a pipe: exit code, output, errors."""

    def go(name: str, *lines: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        code = prompt.debug(*fresh(open_session(scenario(name))))
        said = capsys.readouterr()
        return code, said.out, said.err

    return go


Piped = Callable[..., tuple[int, str, str]]


def test_the_first_event_is_shown_and_then_every_report(piped: Piped) -> None:
    code, out, err = piped("transpose", "when", "print X[0]")
    assert (code, err) == (0, "")
    assert out.startswith("event 0/3  forward  Y = X @ W  (line ")
    assert out.endswith("event 0/3 forward Y matmul\n  X[0]  (3)\n     0  1  2\n     1  2  3\n")


def test_of_several_commands_on_a_line_every_one_is_answered(piped: Piped) -> None:
    _, out, _ = piped("transpose", "break Y@bwd ;; continue ;; print dW[0,0]")
    assert "breakpoint 1 at Y@bwd: 1 event" in out
    assert "event 2/3  backward  Y = X @ W" in out
    assert out.endswith("dW[0,0]  ()\n  1\n")


def test_a_line_of_which_a_part_is_no_command_does_nothing(piped: Piped) -> None:
    code, out, err = piped("transpose", "step ;; nosuch", "when")
    assert code == 1
    assert "no command 'nosuch'" in err
    assert out.endswith("event 0/3 forward Y matmul\n")


def test_what_fails_is_said_on_the_other_stream_and_the_rest_is_run(piped: Piped) -> None:
    code, out, err = piped("transpose", "print dZ", "step", "when")
    assert code == 1
    assert err == "error[E_EXPR]: no tensor 'dZ'\n  help: did you mean dY?\n"
    assert out.endswith("event 1/3 seed Y matmul\n")


def test_comments_and_empty_lines_do_nothing_and_enter_repeats_nothing_behind_a_pipe(piped: Piped) -> None:
    code, out, err = piped("transpose", "step", "", "   ", "# step", "  # step", "when")
    assert (code, err) == (0, "")
    assert out.endswith("event 1/3 seed Y matmul\n")


def test_quit_ends_the_session_and_what_follows_is_not_read(piped: Piped) -> None:
    code, out, err = piped("transpose", "quit", "nosuch", "when")
    assert (code, err) == (0, "")
    assert "when" not in out


def test_the_last_line_needs_no_line_feed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("step\r\nwhen"))
    assert prompt.debug(*fresh(open_session(scenario("transpose")))) == 0
    assert capsys.readouterr().out.endswith("event 1/3 seed Y matmul\n")


def test_at_a_terminal_enter_repeats_a_motion_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = iter(["step", "", "", "when", "", "reverse-step", "", "quit"])
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return next(typed)

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", answer)
    assert prompt.debug(*fresh(open_session(scenario("residual")))) == 0
    out = capsys.readouterr().out
    shown = [line.split("  ")[0] for line in out.splitlines() if line.startswith("event ")]
    assert shown == [
        "event 0/23",
        "event 1/23",
        "event 2/23",
        "event 3/23",
        "event 3/23 forward H add",
        "event 2/23",
        "event 1/23",
    ]
    assert set(asked) == {"(bpdebug) "}


def test_at_a_terminal_a_failed_command_is_no_failure_of_the_session(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = iter(["nosuch"])

    def answer(_: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", answer)
    assert prompt.debug(*fresh(open_session(scenario("transpose")))) == 0
    assert "no command 'nosuch'" in capsys.readouterr().err


@pytest.mark.parametrize("plain", [False, True])
def test_at_a_terminal_ctrl_c_ends_a_command_and_pressed_again_the_session(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], plain: bool
) -> None:
    typed = iter(["step", "step", "when", "stepi"])
    presses = iter([0, 1, 0, 2])

    def carried_out(state: State, call: Call) -> State:
        state = run(state, call)
        for _ in range(next(presses)):
            signal.raise_signal(signal.SIGINT)
        may_stop()
        return state

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda _: next(typed))
    monkeypatch.setattr(loop, "run", carried_out)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        prompt.debug(*fresh(open_session(scenario("transpose"))), plain=plain)
    said = capsys.readouterr()
    assert said.out.endswith("event 1/3 seed Y matmul\n")
    assert said.err == "stopped: nothing has changed\n"
    assert signal.getsignal(signal.SIGINT) == before


# --- JSON


def ask(name: str, *lines: Any) -> list[dict[str, Any]]:
    """The replies to some requests; what is no text is sent as JSON."""
    sent = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    out, held = io.StringIO(), sys.stdout
    sys.stdout = out
    try:
        assert prompt.debug_json(*fresh(open_session(scenario(name))), sent) == 0
    finally:
        sys.stdout = held
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_text_and_objects_are_requests_and_each_gets_one_reply() -> None:
    replies = ask(
        "transpose", "step", {"id": 7, "command": "step"}, {"command": "when"}, "", "  ", {"id": "x", "command": "when"}
    )
    assert [r["id"] for r in replies] == [None, 7, None, "x"]
    assert all(r["ok"] for r in replies)
    assert [r["at"]["event"] for r in replies] == [1, 2, 2, 2]


def test_a_reply_has_the_keys_of_the_contract() -> None:
    (reply,) = ask("transpose", {"id": 7, "command": "continue"})
    assert list(reply)[:5] == ["id", "ok", "stopped", "at", "report"]
    assert set(reply["at"]) == AT
    assert reply["report"]["kind"] == "event"
    assert reply["stopped"] == "end"
    assert reply["at"] == {
        "event": 3, "of": 3, "phase": "end", "node": None, "op": None, "line": None, "iteration": 0, "part": None,
    }  # fmt: skip


def test_a_refusal_has_the_keys_of_the_contract_and_the_column_in_what_was_typed() -> None:
    (reply,) = ask("transpose", {"id": 8, "command": "print dZ"})
    assert reply == {
        "id": 8, "ok": False,
        "error": {"code": "E_EXPR", "message": "no tensor 'dZ'", "hint": "did you mean dY?", "column": 7},
        "at": {
            "event": 0, "of": 3, "phase": "forward", "node": "Y", "op": "matmul", "line": 20, "iteration": 0,
            "part": None,
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("print dZ", "dZ"), ("p X + dZ", "dZ"), ("print/x   dZ", "dZ"), ("  print dZ", "dZ"),
        ("step ;; print dZ", "dZ"), ("p 1 ;; p 2;;p dZ", "dZ"), ("break nosuch", "nosuch"),
        ("break Y@bwd if dZ > 1", "dZ"), ("seek nosuch", "nosuch"),
        ("watch norm(dZ)", "dZ"), ("until nosuch", "nosuch"), ("rev until nosuch", "nosuch"), ("print X @ Q", "Q"),
        ("display X[0, 0] + dZ", "dZ"), ("break Y@nowhere", "nowhere"), ("tbreak Y if dZ", "dZ"), ("p 'a' + dZ", "dZ"),
    ],
)  # fmt: skip
def test_the_column_of_an_error_counts_in_the_line_as_it_was_typed(line: str, word: str) -> None:
    (reply,) = ask("transpose", {"id": 1, "command": line})
    assert reply["ok"] is False
    assert reply["error"]["column"] == line.rindex(word) + 1


def test_reasons_to_stop() -> None:
    replies = ask(
        WALK, "break h@bwd", "continue", "step", "stepi", "seek begin", "reverse-step", "seek end", "step",
        "info tensors",
    )  # fmt: skip
    assert [r["stopped"] for r in replies] == [
        None, "breakpoint 1", "step", "step", "begin", "begin", "end", "end", None,
    ]  # fmt: skip


def test_a_part_is_told_and_the_event_as_a_whole_has_none() -> None:
    replies = ask("transpose", "seek Y@bwd", "stepi 2", "stepi 3")
    assert replies[0]["at"]["part"] is None
    assert replies[1]["at"]["part"] == {"index": 2, "of": 4, "to": "X", "text": "∂Y @ Wᵀ"}
    assert replies[2]["at"]["phase"] == "end"


@pytest.mark.parametrize("ident", [0, -1, 7, 1.5, "seven", "", None, True, 2**80])
def test_an_id_comes_back_as_it_was(ident: Any) -> None:
    for command in ("when", "print nosuch", "nosuch"):
        (reply,) = ask("transpose", {"id": ident, "command": command})
        assert reply["id"] == ident
        assert type(reply["id"]) is type(ident)


@pytest.mark.parametrize("command", [None, 5, [], {}, ["step"], True, 1.5])
def test_a_command_that_is_no_text_is_refused_and_the_id_comes_back(command: Any) -> None:
    (reply,) = ask("transpose", {"id": 9, "command": command})
    assert (reply["id"], reply["ok"], reply["error"]["code"]) == (9, False, "E_COMMAND")
    assert reply["error"]["hint"] == '{"id": 7, "command": "continue"}'


def test_a_request_without_a_command_is_refused_and_the_id_comes_back() -> None:
    (reply,) = ask("transpose", {"id": 9})
    assert (reply["id"], reply["ok"]) == (9, False)


@pytest.mark.parametrize(
    "line",
    [
        "{", "{bad", '{"id": 1', '{"id": 1, "command": "step"} {}', '{"command": "step",}', "{'command': 'step'}",
        '{"command": "print \\ud800"}', '{"command": "step", "command": "quit"}', '{"id": NaN, "command": "step"}',
        '{"id": [1], "command": "step"}', "{" * 100_000, '{"a":' * 100_000, '{"id": ' + "[" * 100_000,
        '{"id": ' + "1" * 10_000 + ', "command": "step"}', '{"command": "\x01"}', "[1]", "null", "[", '"step"',
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_the_session_goes_on(line: str) -> None:
    replies = ask("transpose", line, {"id": 2, "command": "when"})
    assert [r["ok"] for r in replies] == [False, True]
    assert replies[0]["error"]["code"].startswith("E_")
    assert len(json.dumps(replies[0])) < 2_000
    assert replies[1]["at"]["event"] == 0


def test_a_huge_line_is_answered_shortly() -> None:
    replies = ask(
        "transpose", {"id": 1, "command": "x" * 1_000_000}, {"id": 2, "command": "print " + "(" * 100_000},
        {"id": 3, "command": "print " + "1+" * 100_000 + "1"}, {"id": 4, "command": "break " + "a" * 100_000},
        {"id": 5, "command": "print " + "a" * 100_000}, {"id": 6, "command": "print /x " + "9" * 100_000},
        "y" * 100_000, {"id": 7, "command": "when"},
    )  # fmt: skip
    assert [r["id"] for r in replies] == [1, 2, 3, 4, 5, 6, None, 7]
    assert [r["ok"] for r in replies] == [False] * 7 + [True]
    assert all(len(json.dumps(r)) < 5_000 for r in replies)


def test_comments_are_no_commands_and_get_no_reply() -> None:
    assert [r["at"]["event"] for r in ask("transpose", "# step", "step", "  # x")] == [1]


def test_quit_is_answered_and_ends_the_session() -> None:
    replies = ask("transpose", {"id": 1, "command": "quit"}, {"id": 2, "command": "when"})
    assert [r["id"] for r in replies] == [1]


def test_a_line_that_is_refused_leaves_everything_as_it_was() -> None:
    replies = ask("transpose", "step ;; break Y ;; nosuch", "step ;; print nosuch", "info breakpoints")
    assert [r["ok"] for r in replies] == [False, False, True]
    assert replies[2]["at"]["event"] == 0
    assert replies[2]["report"]["rows"] == []


@pytest.mark.parametrize("name", [*NAMES, WALK, PLAIN, FAULTY], ids=[*NAMES, "walk", "plain", "faulty"])
def test_every_event_of_a_lesson_is_replied_as_run_prints_it(name: str) -> None:
    from bpdebug.views.encode import plain
    from bpdebug.views.stream import event_object

    timeline = open_timeline(scenario(name))
    replies = ask(name, "seek 0", *["step"] * len(timeline))
    for event, reply in zip(timeline, replies, strict=False):
        assert reply["report"] == {"kind": "event", **plain(event_object(event))}
    assert replies[-1]["report"]["end"] is True
    assert replies[-1]["stopped"] == "end"


def test_print_has_the_keys_of_the_contract_in_every_state_of_a_gradient() -> None:
    replies = ask(WALK, "print dH", "seek 11", "print dH", "seek 13", "print dH", "print dunused", "print X.shape")
    found = [r["report"] for r in replies if r["report"]["kind"] == "print"]
    assert all(list(r) == ["kind", "expr", "status", "shape", "dtype", "value", "stats"] for r in found)
    assert [r["status"] for r in found] == ["not-computed", "partial", "value", "no-path", "value"]
    assert [r["value"] is None for r in found] == [True, False, False, True, False]
    assert [r["shape"] for r in found[:4]] == [[3, 2], [3, 2], [3, 2], [1]]
    assert found[1]["value"] != found[2]["value"]


def test_a_partial_gradient_is_what_has_been_added_so_far() -> None:
    replies = ask(WALK, "seek 11", "print dH", "seek 13", "print dH", "print dH - 0")
    timeline = open_timeline(scenario(WALK))
    first = timeline.grad("H", 11)
    assert first is not None
    np.testing.assert_array_equal(np.array(replies[1]["report"]["value"]), first)
    assert replies[1]["report"]["status"] == "partial"
    assert replies[3]["report"]["status"] == "value"


WORDS = st.sampled_from(
    [*COMMANDS, "X", "dX", "Y@bwd", "#1", ";;", "1", "norm(", ")", "if", "[0]", "+", '"', "~", "nan", "{", "}"]
)


@examples(60)
@given(st.lists(st.lists(WORDS, max_size=5).map(" ".join) | st.text(max_size=12), max_size=5))
def test_whatever_comes_in_every_line_gets_a_reply_of_the_same_shape(lines: list[str]) -> None:
    lines = [line.replace("\n", " ").replace("\r", " ") for line in lines if "commands" not in line]
    try:
        replies = ask("transpose", *lines)
    except BpdebugError as error:  # pragma: no cover - it would be a bug
        raise AssertionError(lines) from error
    for reply in replies:
        assert {"id", "ok", "at"} <= set(reply)
        assert set(reply["at"]) == AT
        if reply["ok"]:
            assert isinstance(reply["report"]["kind"], str)
        else:
            assert list(reply["error"]) == ["code", "message", "hint", "column"]
            assert reply["error"]["code"].startswith("E_")


@pytest.mark.parametrize(("name", "line", "wanted"), [
    ("transpose", "check", 0), ("transpose", "check for 1h", 0), ("broken_transpose", "check", 1),
    ("broken_transpose", "check for 1h", 1), ("transpose", "derivation dX = dY @ W.T", 0),
    ("transpose", "derivation dX = dY @ W", 1),
])  # fmt: skip
def test_a_mistake_that_is_found_makes_the_exit_code_1(piped: Piped, name: str, line: str, wanted: int) -> None:
    code, _, err = piped(name, line, "when")
    assert (code, err) == (wanted, "")
