"""The extension of VS Code: a package that says what the adapter takes, and a script that is one."""

from __future__ import annotations

import json
import shutil
import subprocess
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


def test_the_script_is_javascript(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    assert main(["vscode", str(tmp_path)]) == 0
    subprocess.run(["node", "--check", str(tmp_path / "extension.js")], check=True, timeout=60)
