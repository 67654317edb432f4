"""The user's own keys and theme: what is read, what is refused with its place, and what is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bpdebug.cli import main
from bpdebug.errors import InputError
from bpdebug.frontends.folders import config_folder
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.keys import PRESETS
from bpdebug.frontends.tui.preferences import OWN_THEME, keep_theme, read_preferences

from .screen import state_of


@pytest.fixture(autouse=True)
def folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BPDEBUG_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("BPDEBUG_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "config").mkdir()


def written(text: str | bytes) -> Path:
    path = config_folder() / "config.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_without_a_file_all_is_as_it_is() -> None:
    found = read_preferences()
    assert (found.keys, found.theme) == ({}, OWN_THEME)


def test_own_keys_come_before_the_preset() -> None:
    written('preset = "vim"\n[keys]\n"stage.up" = "w, ctrl+up"\nwatch = "f12"\nstep = "space,s"\n')
    found = read_preferences().keys
    assert found == PRESETS["vim"] | {"stage.up": "w, ctrl+up", "watch": "f12", "step": "space,s"}


REFUSED = [
    ("preset = 'emacs'", 1, "no preset 'emacs'", "vim"),
    ("preset = 3", 1, "no preset '3'", "vim"),
    ("keys = 3", 1, "no table", "[keys]"),
    ("\ncolor = 'red'", 2, "no setting 'color'", "preset"),
    ("[keys]\nstp = 's'", 2, "nothing is called 'stp'", "step"),
    ("[keys]\n\nstep = 3", 3, "'3' is no key", "commas"),
    ("[keys]\nstep = ''", 2, "'' is no key", "commas"),
    ("[keys]\nstep = 'hyperspace'", 2, "'hyperspace' is no key", "commas"),
    ("[keys]\nstep = 'ctr+a'", 2, "'ctr+a' is no key", "commas"),
    ("[keys]\npalette = 'p'", 2, "'p' is typed there", "ctrl"),
    ("[keys]\nstep = 'i'", 2, "'i' is the key of step and of stepi", "another"),
    ("preset = 'vim'\n[keys]\nstep = 'k'", 3, "'k' is the key of step and of stage.up", "another"),
    ("[keys\nstep = 's'", 1, "not TOML", "preset"),
    ("[keys]\nstep = 's'\nstep = 't'", 3, "not TOML", "preset"),
    (b"\n\xff", 2, "not UTF-8", "preset"),
    ("[keys]\na" + ".a" * 90 + " = 's'", 2, "depth", "preset"),
]


@pytest.mark.parametrize(("text", "line", "message", "hint"), REFUSED)
def test_a_bad_file_is_refused_with_its_place(text: str | bytes, line: int, message: str, hint: str) -> None:
    path = written(text)
    with pytest.raises(InputError) as refused:
        read_preferences()
    assert refused.value.where == f"{path}:{line}"
    assert message in refused.value.message
    assert hint in refused.value.hint
    assert refused.value.code.startswith("E_")


def test_what_is_no_ordinary_file_is_refused() -> None:
    (config_folder() / "config.toml").mkdir()
    with pytest.raises(InputError) as refused:
        read_preferences()
    assert refused.value.where == str(config_folder() / "config.toml")
    assert refused.value.code == "E_FILE"


def test_the_program_says_so_and_ends_with_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written("[keys]\nstep = 'i'")
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
    assert main(["transpose"]) == 3
    said = capsys.readouterr().err
    assert said.startswith(f"error[E_CONFIG] {path}:2: 'i' is the key of step and of stepi\n  help: ")


async def test_the_theme_is_kept() -> None:
    app = BpdebugApp(state_of("two_layer"), preferences=read_preferences())
    async with app.run_test(size=(80, 24)):
        assert app.theme == OWN_THEME
        app.action_choose_theme("projector")
    assert read_preferences().theme == "projector"
    again = BpdebugApp(state_of("two_layer"), preferences=read_preferences())
    assert again.theme == "projector"


def test_a_theme_that_there_is_no_more_is_the_own_one(tmp_path: Path) -> None:
    keep_theme("gone")
    assert BpdebugApp(state_of("two_layer"), preferences=read_preferences()).theme == OWN_THEME
    (tmp_path / "state" / "theme").write_bytes(b"\xff")
    assert read_preferences().theme == OWN_THEME


async def test_where_the_theme_cannot_be_kept_the_screen_says_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, and no folder")
    app = BpdebugApp(state_of("two_layer"), preferences=read_preferences())
    async with app.run_test(size=(80, 24)):
        app.action_choose_theme("nord")
        assert app.theme == "nord"
        assert "not kept" in app.message.left[0][0]
    assert os.path.isfile(tmp_path / "state")
