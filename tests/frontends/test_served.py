"""From a browser no file is read or written, whatever asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpdebug.debugger import open_session
from bpdebug.errors import CommandError
from bpdebug.frontends.files import write
from bpdebug.frontends.loop import replies
from bpdebug.frontends.scripts.requests import FileRequests
from bpdebug.frontends.served import VARIABLE
from bpdebug.scenario import load

LINES = ("transcript a.bpd", "save breakpoints a.bpd", "save forks a.bpd", "record a.bptrace", "source a.bpd",
         "snapshot a")  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_what_touches_files_is_refused(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(CommandError, match="not possible in a browser"):
        list(replies(open_session(load("transpose")), line, FileRequests(tmp_path).handle))
    assert list(tmp_path.iterdir()) == []


def test_a_text_file_is_refused_at_its_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a", "")
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(CommandError, match="not possible in a browser"):
        write(tmp_path / "b", "")
