"""Recordings are written so that nothing is lost: neither what they say nor what was there before."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import bpdebug
from bpdebug.cli import main
from bpdebug.errors import BpdebugError
from bpdebug.frontends.recorder import record
from bpdebug.importers.trace import open_recording
from bpdebug.scenario import open_timeline
from tests.recordings import recorded, same

CHAIN = """
format = 1
[inputs]
X = { shape = [8, 8], init = "normal" }
[parameters]
W = { shape = [8, 8], init = "normal" }
[graph]
loss = "L"
program = '''
h = X
for i in range(1500):
    h = tanh(h @ W)
L = sum(h)
'''
"""


def refused(path: Path, code: str = "E_FILE") -> None:
    scenario = bpdebug.load("transpose")
    before = sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else None
    with pytest.raises(BpdebugError) as found:
        record(path, scenario, open_timeline(scenario))
    assert found.value.code == code
    assert found.value.hint
    assert before == (sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else None)


def test_what_is_there_already_is_never_written_over(tmp_path: Path) -> None:
    path, data = tmp_path / "a.bptrace", tmp_path / "a.bptrace.data"
    for there in (path, data):
        there.write_text("mine")
        refused(path)
        assert there.read_text() == "mine"
        there.unlink()
        there.mkdir()
        refused(path)
        there.rmdir()
        for target in (tmp_path / "nowhere", Path("/dev/null"), tmp_path):
            there.symlink_to(target)
            refused(path)
            there.unlink()
    assert list(tmp_path.iterdir()) == []


def test_places_where_nothing_can_be_written_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "no" / "a.bptrace")
    refused(tmp_path / ("a" * 300 + ".bptrace"))
    refused(tmp_path / "a.txt")
    refused(tmp_path / "nul\0.bptrace")


def test_recordings_of_one_scenario_are_the_same_bytes(tmp_path: Path) -> None:
    a, b = recorded(tmp_path, "rnn", "a"), recorded(tmp_path, "rnn", "b")
    assert a.read_bytes() == b.read_bytes()
    assert Path(f"{a}.data").read_bytes() == Path(f"{b}.data").read_bytes()


def test_run_prints_the_same_with_and_without_a_recording_and_from_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "a.bptrace")
    said = []
    for words in (["two_layer"], ["two_layer", "--record", path], [path]):
        assert main(["run", "--json", *words]) == 0
        said.append(capsys.readouterr())
    assert said[0] == said[1] == said[2]
    assert main(["run", "two_layer", "--record", path]) == 3
    assert "is there already" in capsys.readouterr().err


def test_compare_answers_with_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(recorded(tmp_path))
    assert main(["compare", path]) == 0
    assert main(["compare", path, "two_layer"]) == 0
    assert "bit for bit" in capsys.readouterr().out
    assert main(["compare", path, "mlp", "--json"]) == 1
    assert '"equal":false' in capsys.readouterr().out
    assert main(["compare", "mlp"]) == 2
    capsys.readouterr()


FULL = """
import resource, signal, sys
from bpdebug.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
sys.exit(main(["run", "two_layer", "--json", "--record", sys.argv[1]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are POSIX")
@pytest.mark.parametrize("room", [0, 500, 4500, 6000])
def test_a_full_disk_is_said_and_what_is_recorded_so_far_opens(room: int, tmp_path: Path) -> None:
    path = tmp_path / "a.bptrace"
    found = subprocess.run(
        [sys.executable, "-c", FULL, str(path), str(room)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 3
    assert found.stderr.startswith("error[E_FILE]")
    assert "Traceback" not in found.stderr
    if room < 4500:
        assert list(tmp_path.iterdir()) == []
    else:
        timeline = open_timeline(open_recording(path))
        assert 0 < len(timeline) < 13
        assert f"it ends after {len(timeline)} events" in found.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("seed", range(int(os.environ.get("BPDEBUG_KILLS", "4"))))
def test_after_kill_9_everything_that_was_printed_is_in_the_recording(seed: int, tmp_path: Path) -> None:
    source = tmp_path / "chain.toml"
    source.write_text(CHAIN)
    path = tmp_path / "a.bptrace"
    words = [sys.executable, "-u", "-m", "bpdebug.cli", "run", str(source), "--json", "--record", str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        read = [process.stdout.readline() for _ in range(random.Random(seed).randrange(1, 400))]
        process.send_signal(signal.SIGKILL)
        printed = b"".join(read) + process.stdout.read()
    acknowledged = printed.count(b'\n{"event":')
    timeline = open_timeline(open_recording(path))
    assert len(timeline) >= acknowledged
    same(bpdebug.run(bpdebug.load(source)), timeline, len(timeline))
