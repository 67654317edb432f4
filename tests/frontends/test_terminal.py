"""The one door to the terminal: nothing that steers it gets out, whoever prints, and closed streams are no trouble."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

import bpdebug
from bpdebug.frontends.terminal import Door, apart, doors, in_ascii, spell_in_ascii

HOSTILE = "\x1b[31m\x1b]0;owned\x07\x9b1m\u202e\u2066\r\x08\x00\ue000"
RAW = {chr(n) for n in range(32)} - {"\n"} | {chr(n) for n in range(0x7F, 0xA0)}
ROOT = Path(bpdebug.__file__).parent


def steers(text: str) -> list[str]:
    return [c for c in text if c in RAW or unicodedata.category(c) in ("Cf", "Cs", "Co")]


def test_whatever_is_printed_goes_through_the_door(capsys: pytest.CaptureFixture[str]) -> None:
    with doors():
        print("a", HOSTILE)
        print(HOSTILE, file=sys.stderr)
        sys.stdout.write(HOSTILE + "\n")
        sys.stderr.writelines([HOSTILE, "\n"])
    out, err = capsys.readouterr()
    for said in (out, err):
        assert steers(said) == []
        assert said.count("\\x1b]0;owned\\x07") == 2
        assert said.count("\n") == 2


def test_a_door_is_the_stream_in_all_else() -> None:
    stream = io.StringIO()
    door = Door(stream)
    print("∂X @ Wᵀ", file=door)
    assert stream.getvalue() == "∂X @ Wᵀ\n"
    assert not door.isatty()


def test_nothing_goes_round_the_door() -> None:
    """No stream is asked for its bytes, or taken from where Python keeps the first ones."""
    for path in ROOT.rglob("*.py"):
        words = {ast.unparse(n) for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)}
        round_it = {f"sys.{s}.buffer" for s in ("stdout", "stderr")} | {"sys.__stdout__", "sys.__stderr__"}
        assert not words & round_it, path
        if path.name != "terminal.py":
            assert not {w for w in words if w.startswith(("sys.stdout.stream", "sys.stderr.stream"))}, path


SCENARIO = r'''format = 1
title = "\u001b]0;title\u0007\u202e"
about = "\u009b31m"
[inputs]
X = [[1.0, 2.0]]
[parameters]
W = [[1.0], [2.0]]
[graph]
loss = "L"
program = """
Y = X @ W
L = sum(Y)
"""
[notes]
"Y@bwd" = "\u001b[1mnote\u202e"
[expect]
loss = 7
formulas."Y@bwd" = ["\u001b[1mbold\u001b[0m\u202e\nFAIL forged", "x"]
'''
VERBS = (("run",), ("run", "--json"), ("debug",), ("debug", "--json"), ("test",), ("replay",), ("compare",))


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_what_a_file_says_and_is_called_does_not_steer_the_terminal(
    words: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from bpdebug.cli import main

    for ending in (".toml", ".bpd"):
        (tmp_path / f"test_\x1b[1m\u202e\nFAIL{ending}").write_text(SCENARIO)
    scenario, script = sorted(tmp_path.iterdir(), reverse=True)
    monkeypatch.setattr("sys.stdin", io.StringIO("print \x1b[1m\nmark \x1b]0;x\x07\ninfo marks\nset W = \x9b\n"))
    verb, *more = words
    paths = {"test": [str(tmp_path)], "replay": [str(script)], "compare": [str(scenario), str(scenario)]}
    main([verb, *paths.get(verb, [str(scenario)]), *more])
    out, err = capfd.readouterr()
    assert out + err
    assert steers(out + err) == [], ascii(out + err)
    if verb == "test":
        assert [line[:5] for line in out.splitlines()] == ["FAIL ", "FAIL ", "FAIL ", "0 pas"]


@pytest.mark.skipif(sys.platform == "win32", reason="a shell closes the streams")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("words", "code"),
    [("debug transpose", 0), ("run missing.toml", 3)],
)
def test_a_closed_stream_changes_no_exit_code(words: str, code: int, closed: str, tmp_path: Path) -> None:
    line = f'"{sys.executable}" -m bpdebug.cli {words} {closed}'
    env = {**os.environ, "PYTHONPATH": str(ROOT.parent)}
    found = subprocess.run(
        line, shell=True, env=env, cwd=tmp_path, capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    assert found.returncode == code, found.stderr
    assert b"has a bug" not in found.stderr
    assert b"Traceback" not in found.stderr


def _full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def _reader_gone() -> int:
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("opened", [_full, _reader_gone])
@pytest.mark.parametrize(("words", "code"), [("run missing.toml", 3), ("--nope", 2), ("debug transpose", 1)])
def test_messages_that_are_not_taken_change_no_exit_code(words: str, code: int, opened: Callable[[], int]) -> None:
    stream = opened()
    try:
        found = subprocess.run(
            [sys.executable, "-m", "bpdebug.cli", *words.split()],
            input=b"nope\n" * 1000, stdout=subprocess.PIPE, stderr=stream, check=False,
        )  # fmt: skip
    finally:
        os.close(stream)
    assert found.returncode == code


def test_how_to_write_is_known_while_something_stands_before_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    with doors():
        assert apart("a", "", "b") == "a · b"
        spell_in_ascii()
        monkeypatch.setattr(sys, "stdout", io.StringIO())  # as Textual does
        assert in_ascii()
        assert apart("a", "", "b") == "a | b"
    assert not in_ascii()
