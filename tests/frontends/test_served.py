"""From a browser no file is read or written, whatever asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpdebug.debugger import COMMANDS, open_session
from bpdebug.errors import BpdebugError, CommandError
from bpdebug.frontends.files import write
from bpdebug.frontends.loop import replies
from bpdebug.frontends.scripts.requests import FileRequests
from bpdebug.frontends.served import VARIABLE
from bpdebug.scenario import load
from tests.frontends.tui.screen import app_of

LINES = ("transcript a.bpd", "save breakpoints a.bpd", "save forks a.bpd", "record a.bptrace", "source a.bpd",
         "snapshot a")  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_what_touches_files_is_refused(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(CommandError, match="not possible in a browser"):
        list(replies(open_session(load("transpose")), line, FileRequests(tmp_path).handle))
    assert list(tmp_path.iterdir()) == []


def test_every_command_that_asks_for_a_file_is_among_them() -> None:
    """What the debugger leaves to a front end and is given a file: one that is new must be thought of here, too."""
    asking = set()
    state = open_session(load("transpose"))
    for name, command in COMMANDS.items():
        try:
            asked = command.run(state, {"save": "breakpoints a.bpd"}.get(name, "a.bpd")).request
        except BpdebugError:
            continue
        asking |= {asked[0]} if asked else set()
    assert asking == {line.split()[0] for line in LINES}


async def test_no_picture_and_no_copy_is_put_into_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    monkeypatch.setenv("BPDEBUG_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    app = app_of("transpose")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        app.take("a.svg", str(tmp_path))
        assert "not possible in a browser" in app.message.left[0][0]
        app.say("")
        app.action_copy("tensor", file=True)
        assert "not possible in a browser" in app.message.left[0][0]
    assert list(tmp_path.iterdir()) == []


def test_a_text_file_is_refused_at_its_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a", "")
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(CommandError, match="not possible in a browser"):
        write(tmp_path / "b", "")
