"""Every lesson walked by somebody who speaks Chinese: its lines fit, and machines read the same bytes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from bpdebug.cli import main
from bpdebug.debugger import open_session
from bpdebug.scenario import load
from bpdebug.translation import speaking
from bpdebug.views import here, stream, to_json
from bpdebug.wrapping import display_width
from tests.chinese import english
from tests.lessons import NAMES

WIDTH = 80
CLOSING = tuple("。，、；：？！）」》”")


@pytest.mark.parametrize("name", NAMES)
def test_every_stop_is_told_in_chinese_on_lines_that_fit(name: str) -> None:
    with speaking("zh"):
        state = open_session(load(name))
        for at in range(len(state.timeline) + 1):
            for line in here(replace(state, cursor=at)).lines(WIDTH):
                text = line.strip()
                assert not text.startswith(CLOSING), line
                assert english(re.sub("`[^`]*`", "", text)) == [], line
                # a formula is for copying, and has no place to be broken
                assert display_width(line) <= WIDTH or re.match(r"  \S+ [+]?= |  ∂", line), line


def test_machines_read_the_same_bytes_whatever_the_environment_speaks() -> None:
    """One run as a user starts it, and all lessons in this process."""
    words = [sys.executable, "-m", "bpdebug.cli", "run", "two_layer", "--json"]
    said = [
        subprocess.run(
            words, capture_output=True, check=True, timeout=60, env={"PYTHONPATH": ":".join(sys.path), **env}
        )
        for env in ({"LANG": "C.UTF-8"}, {"LANG": "zh_CN.UTF-8"}, {"BPDEBUG_LANG": "zh"}, {"LANGUAGE": "de:zh"})
    ]
    assert {(run.stdout, run.stderr) for run in said} == {(said[0].stdout, b"")}
    for name in NAMES:
        found = []
        for lang in ("en", "zh"):
            with speaking(lang):
                made = load(name)
                found.append([to_json(item) for item in stream(made, open_session(made).timeline, full=False)])
        assert found[0] == found[1], name


def test_a_snapshot_that_was_stored_in_english_holds_in_chinese(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "walk.bpd"
    script.write_text("load two_layer\nseek Y@bwd\nlens\nsnapshot lens\n")
    assert main(["test", str(script), "--update"]) == 0
    for words in (["test"], ["replay"]):
        assert main(["--lang", "zh", *words, str(script)]) == 0
    script.write_text("load two_layer\nseek Y@bwd\n")
    capsys.readouterr()
    assert main(["--lang", "zh", "replay", str(script)]) == 0
    assert "反向" in capsys.readouterr().out
    assert main(["--lang", "en", "list"]) == 0
