"""`bpdebug test`: what is collected, what is said of it, exit codes, JUnit's XML, processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bpdebug.cli import main
from bpdebug.frontends.scripts import checks
from bpdebug.frontends.scripts.checks import Failure, Result, check_file, expects
from bpdebug.frontends.scripts.replay import Settings
from bpdebug.frontends.scripts.testing import annotation
from bpdebug.translation import speak

ROOT = Path(__file__).parents[3]
SCENARIO = """format = 1
[inputs]
X = [[1, 2], [3, 4]]
[graph]
incoming = { Y = "ones" }
program = '''
Y = X @ X
'''
"""


def put(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        stem, _, ending = name.rpartition("_")
        (folder / f"{stem}.{ending}").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder with something of everything."""
    (tmp_path / ".hidden").mkdir()
    put(tmp_path / ".hidden", bad_bpd="jump\n")
    return put(
        tmp_path,
        good_toml=SCENARIO + "[expect]\nvalues.Y = [[7, 10], [15, 22]]\n",
        wrong_toml=SCENARIO + "[expect]\nvalues.Y = [[7, 10], [15, 23]]\ngrads.X = [[1, 2]]\n",
        refused_toml=SCENARIO.replace("X @ X", "X @ Q") + '[expect]\nerror = "E_NAME"\n',
        other_toml=SCENARIO.replace("X @ X", "X @ Q") + '[expect]\nerror = "E_SHAPE"\n',
        accepted_toml=SCENARIO + '[expect]\nerror = "E_SHAPE"\n',
        plain_toml=SCENARIO,
        settings_toml="[tool.expectations]\na = 1\n",
        walk_bpd="load good.toml\nexpect Y[0, 0] ~ 7\n",
        fails_bpd="load good.toml\nstep\nexpect Y ~ 7\n",
    )


def test_a_folder(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(mixed)]) == 1
    out = capsys.readouterr().out.replace(str(mixed), "DIR")
    assert out.splitlines() == [
        "FAIL DIR/accepted.toml:10: error: expected E_SHAPE, found none: the file is accepted",
        "FAIL DIR/fails.bpd:3: E_SCRIPT Y: expected 7.0 at [1, 1], found 22.0 "
        "(3 of 4 cells are off, rtol 1e-09, atol 1e-12) (at event 1/3 seed Y matmul)",
        "FAIL DIR/other.toml:10: error: expected E_SHAPE, found E_NAME: no tensor 'Q'",
        "FAIL DIR/wrong.toml:10: values.Y: expected 23.0 at [1, 1], found 22.0 (1 of 4 cells are off)",
        "FAIL DIR/wrong.toml:11: grads.X: expected shape (1, 2), found shape (2, 2)",
        "3 passed, 4 failed",
    ]


def test_what_passes_is_exit_0(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(mixed / "good.toml"), str(mixed / "walk.bpd"), str(mixed / "plain.toml")]) == 0
    assert capsys.readouterr().out == "2 passed, 1 skipped\n"


def test_a_word_chooses(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(mixed), "-k", "WALK"]) == 0
    assert capsys.readouterr().out == "1 passed\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nowhere/at/all"], 3),
        (["transpos"], 3),
        (["DIR", "-k", "no such word"], 2),
        (["DIR", "--jobs", "-1"], 2),
        (["DIR", "--jobs", "two"], 2),
        ([], 2),
        (["transpose"], 0),
    ],
)
def test_exit_codes(mixed: Path, words: list[str], code: int) -> None:
    assert main(["test", *(str(mixed) if word == "DIR" else word for word in words)]) == code


def test_processes_say_the_same_in_the_same_order(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(mixed)]) == 1
    alone = capsys.readouterr().out
    assert main(["test", str(mixed), "--jobs", "2"]) == 1
    assert capsys.readouterr().out == alone


def test_junit_xml(mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "mismatches", lambda path, settings: 1 / 0 if "good" in path.name else None)
    put(mixed, hostile_bpd="load good.toml\nprint \x00\x1b]\n")
    report = tmp_path / "report.xml"
    for _ in range(2):  # a report is written over
        assert main(["test", str(mixed), "--junitxml", str(report)]) == 1
    suite = ElementTree.parse(report).getroot()[0]
    counts = {key: int(suite.attrib[key]) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": 8, "failures": 2, "errors": 1, "skipped": 4}
    cases = {case.attrib["name"]: case for case in suite}
    assert "  at:   event 1/3 seed Y" in (cases["fails.bpd"][0].text or "")
    assert cases["good.toml"][0].tag == "error"
    assert "ZeroDivisionError" in cases["good.toml"][0].attrib["message"]
    assert len(cases["walk.bpd"]) == 0
    assert {name: case.get("line") for name, case in cases.items() if case.get("line")} == {
        "fails.bpd": "3",
        "hostile.bpd": "2",
    }


def test_failures_stand_beside_the_code_where_github_runs(
    mixed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["test", str(mixed / "fails.bpd"), str(mixed / "wrong.toml")]
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert main(words) == 1
    plain = capsys.readouterr().out
    assert "::" not in plain
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main([*words, "--annotations", "none"]) == 1
    assert capsys.readouterr().out == plain
    assert main(words) == 1
    out = capsys.readouterr().out
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert main([*words, "--annotations", "github"]) == 1
    assert capsys.readouterr().out == out
    said = [text for text in out.splitlines() if text.startswith("::")]
    assert len(said) == 3
    assert said[0].startswith(f"::error file={mixed}/fails.bpd,line=3,title=bpdebug test::error[E_SCRIPT]")
    assert "%0A  line: expect Y ~ 7%0A" in said[0]
    refused = SCENARIO.replace("Y = X @ X", "Y = X @ Q") + "[expect]\nloss = 1\n"
    (mixed / "refused.toml").write_text(refused)
    assert main(["test", str(mixed / "refused.toml"), "--annotations", "github", "--no-run"]) == 1
    line = 1 + refused.splitlines().index("Y = X @ Q")
    assert f"refused.toml,line={line},title=bpdebug test::error[E_NAME]" in capsys.readouterr().out
    assert said[1].startswith(f"::error file={mixed}/wrong.toml,line=10,title=bpdebug test::")


def test_an_annotation_ends_with_its_line() -> None:
    result, failure = Result("a,b:c.bpd", (), 0.0), Failure("", "100%\r\n::x", 7)
    assert annotation(result, failure) == "::error file=a%2Cb%3Ac.bpd,line=7,title=bpdebug test::100%25%0D%0A::x"


def test_files_are_opened_and_not_run(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(mixed, typo_bpd="load good.toml\nstepp\n")
    assert main(["test", str(mixed), "--no-run"]) == 1
    out = capsys.readouterr().out.replace(str(mixed), "DIR").splitlines()
    assert [text.split(":")[0] for text in out[:-1]] == [
        "FAIL DIR/accepted.toml",
        "FAIL DIR/other.toml",
        "FAIL DIR/typo.bpd",
    ]
    assert out[2].startswith("FAIL DIR/typo.bpd:2: E_COMMAND no command 'stepp'")
    assert out[-1].startswith("5 passed, 3 failed")


def test_snapshots_are_updated(mixed: Path) -> None:
    put(mixed, snap_bpd="load good.toml\nsnapshot first\n")
    words = ["test", str(mixed / "snap.bpd")]
    assert [main(words), main([*words, "--update"]), main(words)] == [1, 0, 0]
    assert (mixed / "snap.bpd.snapshots" / "first.txt").exists()


def test_a_snapshot_is_the_same_in_every_language(mixed: Path) -> None:
    put(mixed, snap_bpd="load good.toml\nseek Y@bwd\nlens\nsnapshot lens\n")
    words = ["test", str(mixed / "snap.bpd")]
    try:
        assert [main([*words, "--update"]), main(["--lang", "zh", *words])] == [0, 0]
        assert main(["--lang", "zh", "replay", str(mixed / "snap.bpd")]) == 0
    finally:
        speak("en")
    assert "The sum runs over" in (mixed / "snap.bpd.snapshots" / "lens.txt").read_text(encoding="utf-8")


def test_a_table_is_seen_at_a_glance(tmp_path: Path) -> None:
    for n, (text, found) in enumerate(
        {
            "[expect]\n": True, "  [ expect ]": True, "[expect.values]": True, "expect.loss = 1": True,
            "[expected]": False, "# [expect]": False, "about = '[expect]'": False, "": False,
        }.items()
    ):  # fmt: skip
        path = tmp_path / f"{n}.toml"
        path.write_text(f"a = 1\n{text}")
        assert expects(path, 1000) == found, text
    assert not expects(tmp_path / "missing.toml", 1000)


def test_a_bug_is_a_failure_and_no_traceback(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "failures", lambda path, settings, name: 1 / 0)
    monkeypatch.delenv("BPDEBUG_TRACEBACK", raising=False)
    result = check_file(mixed / "walk.bpd", Settings())
    assert result.crashed
    assert "a bug in bpdebug: ZeroDivisionError" in result.failures[0].line


@pytest.mark.parametrize("path", sorted((ROOT / "scenarios").glob("**/*.bpd")), ids=lambda p: p.stem)
def test_the_walks_that_are_shipped(path: Path) -> None:
    assert check_file(path, Settings()).failures == ()


def test_every_shipped_scenario_has_its_walk_and_many_look_back() -> None:
    scenarios = {p.stem for p in (ROOT / "scenarios").glob("*.toml") if "." not in p.stem}
    walks = {p.stem: p.read_text(encoding="utf-8") for p in (ROOT / "scenarios").glob("*.bpd")}
    assert scenarios == set(walks)
    assert sum("watch " in text and "reverse-continue\n" in text for text in walks.values()) >= 5


def test_a_script_on_the_command_line() -> None:
    """As people call it: through the program itself, from another folder, with a pipe."""
    script = "load transpose\nseek Y@bwd\nexpect dX ~ 0\n"
    done = subprocess.run(
        [sys.executable, "-m", "bpdebug.cli", "replay", "-"],
        input=script, capture_output=True, text=True, encoding="utf-8", cwd=os.sep, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout.startswith("(bpdebug) load transpose\nevent 0/3  forward  Y = X @ W")
    assert done.stdout.endswith("(bpdebug) expect dX ~ 0\n")
    assert done.stderr == (
        "error[E_SCRIPT] <stdin>:3: dX: expected 0.0 at [0, 1], found 7.0 "
        "(6 of 6 cells are off, rtol 1e-09, atol 1e-12)\n"
        "  line: expect dX ~ 0\n  at:   event 2/3 backward Y matmul\n"
    )


def test_a_shipped_walk_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "two_layer"]) == 0
    assert "(bpdebug) reverse-continue\nwatch 2  dZ[0, 2]: not computed → 0\n" in capsys.readouterr().out
