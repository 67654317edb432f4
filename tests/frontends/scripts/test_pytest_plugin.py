"""The pytest plugin, in pytest runs of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import bpdebug

ROOT = Path(__file__).parents[3]
PLUGIN = "bpdebug.frontends.scripts.pytest_plugin"
SCENARIO = """format = 1
[inputs]
X = [[1, 2], [3, 4]]
[graph]
incoming = { Y = "ones" }
program = '''
Y = X @ X
'''
"""


def run(folder: Path, *words: str) -> tuple[int, str]:
    """pytest in a folder, with no other plugins; its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", PLUGIN, "-p", "no:cacheprovider", "-q", *words],
        capture_output=True, text=True, encoding="utf-8", cwd=folder, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.toml").write_text(SCENARIO)
    (tmp_path / "good.toml").write_text(SCENARIO + "[expect]\nvalues.Y = [[7, 10], [15, 22]]\n")
    (tmp_path / "wrong.toml").write_text(SCENARIO + "[expect]\nvalues.Y = [[7, 10], [15, 23]]\n")
    (tmp_path / "test_good.bpd").write_text("load one.toml\nseek Y@bwd\nexpect dX ~ dY @ X.T + X.T @ dY\n")
    (tmp_path / "test_bad.bpd").write_text("load one.toml\nseek Y@bwd\n\nexpect dX[0] ~ [7, 12]\n")
    (tmp_path / "walk.bpd").write_text("jump\n")
    return tmp_path


def test_scripts_are_collected_by_name(folder: Path) -> None:
    code, out = run(folder)
    assert code == 1
    assert "1 failed, 1 passed" in out
    assert (
        "error[E_SCRIPT] test_bad.bpd:4: dX[0]: expected 12.0 at [1], found 11.0 "
        "(1 of 2 cells are off, rtol 1e-09, atol 1e-12)\n"
        "  line: expect dX[0] ~ [7, 12]\n"
        "  at:   event 2/3 backward Y matmul\n"
    ) in out
    assert "FAILED test_bad.bpd::script" in out
    assert "Traceback" not in out


def test_scenarios_are_collected_when_asked_for(folder: Path) -> None:
    code, out = run(folder, "--bpdebug-scenarios", "-k", "toml")
    assert code == 1
    assert "1 failed, 1 passed" in out
    assert "wrong.toml:10: values.Y: expected 23.0 at [1, 1], found 22.0 (1 of 4 cells are off)" in out


def test_names_and_texts_of_files_do_not_steer_the_terminal(tmp_path: Path) -> None:
    expect = '[expect]\nformulas."Y@bwd" = ["\\u001b[1mbold\\u202e"]\n'
    (tmp_path / "a\x1b[1m\nFAILED b.toml").write_text(SCENARIO + expect)
    (tmp_path / "test_\x1b]0;x\x07.bpd").write_text("print \x1b[1m\n")
    for words in (("-v",), ("-q", "-rA"), ("--collect-only",)):
        _, out = run(tmp_path, "--bpdebug-scenarios", *words)
        assert "\\x1b[1m" in out
        assert not {"\x1b", "\x07", "\u202e"} & set(out), ascii(out)
        assert "\nFAILED b" not in out


def test_snapshots_are_updated(folder: Path) -> None:
    (folder / "test_snap.bpd").write_text("load one.toml\nsnapshot first\n")
    assert run(folder, "test_snap.bpd")[0] == 1
    assert run(folder, "test_snap.bpd", "--bpdebug-update")[0] == 0
    assert run(folder, "test_snap.bpd")[0] == 0


def test_a_run_without_scripts_pays_nothing(tmp_path: Path) -> None:
    """Neither NumPy nor the debugger is imported by a pytest run that has no scripts."""
    (tmp_path / "test_light.py").write_text(
        "import sys\n\ndef test_light():\n    assert not {'numpy', 'textual', 'bpdebug.debugger'} & set(sys.modules)\n"
    )
    code, out = run(tmp_path)
    assert code == 0, out


def test_the_plugin_is_announced() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"bpdebug": PLUGIN}


def test_the_repository_s_own_scripts() -> None:
    code, out = run(ROOT, "-c", os.devnull, f"--rootdir={ROOT}", "tests/frontends/scripts/walks")
    assert code == 0, out


def test_they_have_a_marker(folder: Path) -> None:
    (folder / "test_other.py").write_text("def test_other(): pass\n")
    assert "1 failed, 1 passed, 1 deselected" in run(folder, "-m", "bpdebug")[1]
    assert "1 passed, 2 deselected" in run(folder, "-m", "not bpdebug")[1]


def test_scenarios_are_collected_where_the_settings_say_so(folder: Path) -> None:
    (folder / "pytest.ini").write_text("[pytest]\nbpdebug_scenarios = true\n")
    assert "2 failed, 2 passed" in run(folder)[1]


def test_what_failed_is_recorded(folder: Path) -> None:
    for n in ("", ".1"):
        out = run(folder, "--bpdebug-scenarios", "--bpdebug-recordings", "kept")[1]
        assert f"kept: bpdebug kept/test_bad{n}.bptrace" in out
    assert sorted(p.name for p in (folder / "kept").glob("*.bptrace")) == [
        "test_bad.1.bptrace", "test_bad.bptrace", "wrong.1.bptrace", "wrong.bptrace",
    ]  # fmt: skip
    assert len(bpdebug.run(bpdebug.load(folder / "kept" / "test_bad.bptrace"))) == 3
