"""What front ends write: nothing is written over that is not theirs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bpdebug.errors import CommandError
from bpdebug.frontends.files import write


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


@pytest.mark.skipif(sys.platform == "win32", reason="the rights of files are POSIX")
def test_a_new_file_has_the_rights_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    write(tmp_path / "new", "# bpdebug 1\n")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode
