"""What front ends write: nothing is written over that is not theirs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bpdebug.errors import CommandError
from bpdebug.frontends.files import A_DAY, write


def test_nothing_is_written_over(tmp_path: Path) -> None:
    taken, link, folder = tmp_path / "taken", tmp_path / "link", tmp_path / "folder"
    taken.write_text("precious")
    link.symlink_to(taken)
    folder.mkdir()
    for path in (taken, link, folder):
        with pytest.raises(CommandError) as caught:
            write(path, "# bpdebug x\n")
        assert caught.value.code == "E_FILE"
    assert taken.read_text() == "precious"
    write(tmp_path / "new", "# bpdebug 1\n")
    write(tmp_path / "new", "# bpdebug 2\n")
    assert (tmp_path / "new").read_text() == "# bpdebug 2\n"
    assert len(list(tmp_path.iterdir())) == 4


def test_what_a_writer_left_that_was_killed_is_taken_away_a_day_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 10**18
    monkeypatch.setattr("bpdebug.frontends.files.time.time_ns", lambda: now)
    names = {days: f".bpdebug-{now - int(days * A_DAY):020d}-99.tmp" for days in (0, 0.9, 1.1, 300)}
    others = (".bpdebug-1-99.tmp", f"x.bpdebug-{0:020d}-99.tmp", f".bpdebug-{0:020d}-99.tmp.txt")
    for name in (*names.values(), *others):
        (tmp_path / name).write_text("half")
    (tmp_path / f".bpdebug-{0:020d}-1.tmp").mkdir()  # what cannot be taken away stays
    write(tmp_path / "new", "# bpdebug 1\n")
    left = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert left - {names[1.1], names[300]} == {"new", names[0], names[0.9], *others}


@pytest.mark.skipif(sys.platform == "win32", reason="the rights of files are POSIX")
def test_a_new_file_has_the_rights_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    write(tmp_path / "new", "# bpdebug 1\n")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode
