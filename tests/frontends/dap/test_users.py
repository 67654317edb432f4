"""The user's own source behind a recording: it is the file that has the lines that were recorded, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpdebug.frontends.dap.users import Users

TEXT = "import torch\n\ny = x @ w\nloss = y.sum()  # a comment behind\n"


def known(folder: Path, **files: dict[int, str]) -> Users:
    return Users({name.replace("__", "."): lines for name, lines in files.items()}, (folder,), {})


def test_a_file_is_found_beside_the_recording_and_below(tmp_path: Path) -> None:
    (tmp_path / "net" / "parts").mkdir(parents=True)
    (tmp_path / "node_modules").mkdir()
    for folder in ("net/parts", "node_modules"):
        (tmp_path / folder / "model.py").write_text(TEXT)
    users = known(tmp_path, model__py={3: "y = x @ w", 4: "loss = y.sum()"}, other__py={1: ""})
    path = tmp_path / "net" / "parts" / "model.py"
    assert users.path("model.py") == path
    assert users.path("other.py") is None
    assert users.name(str(path)) == "model.py"
    assert users.name(str(tmp_path / "node_modules" / "model.py")) == ""  # it is the same, and not the nearest
    assert users.name(str(tmp_path / "else.py")) == ""


def test_a_file_that_has_changed_is_another(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("# a line more\n" + TEXT)
    (tmp_path / "short.py").write_text("import torch\n")
    users = known(tmp_path, model__py={3: "y = x @ w"}, short__py={3: "y = x @ w"})
    assert users.path("model.py") is users.path("short.py") is None
    assert users.name(str(tmp_path / "model.py")) == ""


def test_the_client_knows_where_a_file_is(tmp_path: Path) -> None:
    far, near = tmp_path / "far", tmp_path / "near"
    for folder in (far, near):
        folder.mkdir()
    (far / "model.py").write_text(TEXT)
    users = known(near, model__py={3: "y = x @ w"})
    assert users.path("model.py") is None
    assert users.name(str(far / "model.py")) == "model.py"
    assert users.path("model.py") == far / "model.py"


@pytest.mark.parametrize("name", ["../model.py", "/etc/passwd", "..", "", "a/../../model.py"])
def test_a_recording_names_no_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(TEXT)
    folder = tmp_path / "here"
    folder.mkdir()
    assert Users({name: {1: ""}}, (folder,), {}).path(name) is None
