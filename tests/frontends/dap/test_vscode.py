"""The extension of VS Code: a package that says what the adapter takes, and a script that is one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from msgspec import structs

from bpdebug import __version__
from bpdebug.cli import main
from bpdebug.frontends.dap.arguments import LaunchAsked
from bpdebug.frontends.dap.vscode import ATTRIBUTES, LANGUAGES, package
from bpdebug.importers import READERS


def test_a_launch_may_say_what_the_adapter_reads() -> None:
    fields = structs.fields(LaunchAsked)
    assert set(ATTRIBUTES) == {f.encode_name for f in fields}
    for f in fields:
        if "default" in ATTRIBUTES[f.encode_name]:
            assert ATTRIBUTES[f.encode_name]["default"] == f.default
    (debugger,) = package()["contributes"]["debuggers"]
    assert set(debugger["configurationAttributes"]) == {"launch", "attach"}


def test_every_format_that_opens_has_the_button() -> None:
    (button,) = package()["contributes"]["menus"]["editor/title/run"]
    for suffix in (".toml", ".bpd", *READERS):
        assert suffix[1:] in button["when"]
    assert {f".{name}" for name in LANGUAGES} == {suffix for _, suffix in LANGUAGES.values()}


def test_breakpoints_stand_in_every_text_that_is_shown() -> None:
    """VS Code refuses them in any other language, TOML included; a recording is shown in its script's own lines."""
    contributed = package()["contributes"]
    languages = {one["language"] for one in contributed["breakpoints"]}
    assert languages == {one["id"] for one in contributed["languages"]} | {"python"} == {*LANGUAGES, "python"}
    assert contributed["configuration"]["properties"]["bpdebug.command"]["default"] == ["bpdebug"]


def test_the_folder_is_whole_and_is_written_again_but_over_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "extension"
    for _ in range(2):
        assert main(["vscode", str(folder)]) == 0
    made = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    assert made["version"] == __version__
    assert {p.name for p in folder.iterdir()} == {*made["files"], "package.json"}
    script = (folder / "extension.js").read_text(encoding="utf-8")
    for command in made["contributes"]["commands"]:
        assert command["command"] in script
    other = tmp_path / "other"
    other.mkdir()
    (other / "package.json").write_text('{"name": "mine"}')
    assert main(["vscode", str(other)]) == 3
    assert [p.name for p in other.iterdir()] == ["package.json"]
    assert "is there already" in capsys.readouterr().err


@pytest.mark.skipif(not os.environ.get("BPDEBUG_VSCE"), reason="BPDEBUG_VSCE names vsce (npm: @vscode/vsce), by hand")
def test_vsce_packs_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vscode", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    command = [os.environ["BPDEBUG_VSCE"], "package", "--allow-missing-repository"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
    assert "WARNING" not in done.stdout + done.stderr
    made = tmp_path / f"bpdebug-{__version__}.vsix"
    assert made.name in said
    with zipfile.ZipFile(made) as packed:
        assert {"extension/extension.js", "extension/package.json", "extension/schema.json"} <= {*packed.namelist()}


def test_the_script_is_javascript(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    assert main(["vscode", str(tmp_path)]) == 0
    subprocess.run(["node", "--check", str(tmp_path / "extension.js")], check=True, timeout=60)
