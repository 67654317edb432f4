"""The lessons, walked: each loads, keeps what it promises, and prints what it printed before.

BPDEBUG_UPDATE_GOLDEN=1 writes tests/golden anew; look at the difference before it is kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpdebug.checks.first_wrong import check as explain_check
from bpdebug.checks.whole_graph import gradcheck
from bpdebug.cli import main
from bpdebug.debugger import open_session
from bpdebug.errors import BpdebugError
from bpdebug.explain.expect import check
from bpdebug.expression import parse_location, resolve
from bpdebug.frontends.scripts.checks import mismatches
from bpdebug.frontends.scripts.replay import Settings
from bpdebug.scenario import find, load, open_timeline, shipped
from bpdebug.scenario.lessons import TOPICS
from tests.golden_files import FLOOR, RELATIVE, compare, largest
from tests.lessons import NAMES, REFUSED, scenario

GOLDEN = Path(__file__).parent / "golden"
FOLDER = Path(__file__).parents[1] / "scenarios"
UPDATE = os.environ.get("BPDEBUG_UPDATE_GOLDEN") == "1"


def printed(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What `bpdebug run NAME --json` prints."""
    capsys.readouterr()
    assert main(["run", name, "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def test_every_file_of_the_folder_is_a_lesson_of_the_list() -> None:
    files = {p.stem for p in FOLDER.glob("*.toml") if "." not in p.stem}
    folders = {p.stem for p in FOLDER.glob("*/*.toml") if p.stem == p.parent.name}
    assert {*NAMES, *REFUSED} == files | folders
    assert len(NAMES) == len(set(NAMES))
    assert [(s.topic, s.name) for s in shipped()] == [(topic, n) for topic, names in TOPICS.items() for n in names]


@pytest.mark.parametrize("name", REFUSED)
def test_a_lesson_that_must_not_open_is_refused_in_words(name: str) -> None:
    with pytest.raises(BpdebugError) as caught:
        load(name)
    assert caught.value.code == REFUSED[name]
    assert caught.value.hint
    entry = next(s for s in shipped() if s.name == name)
    assert len(entry.title) < 60
    assert len(entry.about.split()) >= 15


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_has_a_title_and_says_what_it_is_about(name: str) -> None:
    found = scenario(name)
    assert found.title
    assert len(found.title) < 60
    assert len(found.about.split()) >= 15
    assert {s.name: s.title for s in shipped()}[name] == found.title


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_keeps_what_it_expects(name: str) -> None:
    found = scenario(name)
    assert found.expect is not None
    assert [str(mismatch) for mismatch in check(found, open_timeline(found))] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_comes_to_what_it_expects_of_its_check_and_its_derivation(name: str) -> None:
    assert mismatches(find(name), Settings()) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_is_checked_by_finite_differences_whether_it_asks_or_not(name: str) -> None:
    """End to end; a wrong rule must fail, and where a gradient is not finite each rule is checked alone."""
    found = scenario(name)
    timeline = open_timeline(found)
    rows = gradcheck(timeline)
    assert rows
    failed = [row for row in rows if row.verdict == "fail"]
    if found.expect is not None and found.expect.fault:
        assert explain_check(timeline, 0).first_wrong is None
    else:
        assert bool(failed) == bool(found.rules)
    if found.rules:
        assert found.expect is not None
        assert found.expect.check
        assert found.expect.check.first_wrong in found.rules


@pytest.mark.parametrize("name", NAMES)
def test_every_note_has_a_place_and_is_said_there(name: str) -> None:
    found = scenario(name)
    timeline = open_timeline(found)
    for key, text in found.notes.items():
        assert len(resolve(parse_location(key), timeline)) >= 1
        assert text.strip()
    state = open_session(found)
    assert [note.location for note in state.notes] == list(found.notes)
    said = {note.location for k in range(len(timeline)) for note in state.notes if note.stops.contains(k)}
    assert said == set(found.notes)


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_has_no_fault_that_it_does_not_expect(name: str) -> None:
    found = scenario(name)
    faults = [event.index for event in open_timeline(found) if event.fault is not None]
    expected = found.expect is not None and bool(found.expect.fault)
    assert bool(faults) == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_prints_what_it_printed_before(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, path = printed(name, capsys), GOLDEN / f"{name}.jsonl"
    if UPDATE:
        path.write_text(text, encoding="utf-8")
    assert compare(text, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_prints_the_same_bytes_twice(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    first = printed(name, capsys)
    assert printed(name, capsys) == first
    expect = scenario(name).expect
    faulty = expect is not None and bool(expect.fault)
    assert first.endswith('"ok":false}\n' if faulty else '"ok":true}\n')


def test_two_processes_print_the_same_bytes_whatever_their_hashes() -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-m", "bpdebug.cli", "run", "mlp", "--json"],
            capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert runs[0] == runs[1]
    assert runs[0]


def test_golden_files_belong_to_lessons() -> None:
    assert {path.stem for path in GOLDEN.glob("*.jsonl")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_of_a_golden_file_is_lost_in_the_floor(name: str) -> None:
    """A cell below the floor would be compared with nothing, and be a zero elsewhere. Means may cancel, cells not."""
    lines = [json.loads(line) for line in (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    floor = FLOOR * largest(lines)
    assert [x for x in cells(lines) if 0 < abs(x) <= floor] == []


def cells(data: Any) -> list[float]:
    """Every float but the statistics that cancel."""
    if isinstance(data, dict):
        return [x for key, value in data.items() if key not in ("mean", "std") for x in cells(value)]
    if isinstance(data, list):
        return [x for value in data for x in cells(value)]
    return [data] if isinstance(data, float) else []


# --- the comparison itself


def planted(text: str, line: int, change: Any) -> str:
    """A run with one line changed."""
    lines = text.splitlines()
    data = json.loads(lines[line])
    change(data)
    lines[line] = json.dumps(data, ensure_ascii=False)
    return "\n".join(lines)


def _grad(data: dict[str, Any], by: float) -> None:
    data["grads"]["W1"][0][0] *= 1 + by


def _drop(data: dict[str, Any]) -> None:
    del data["fault"]


def _more(data: dict[str, Any]) -> None:
    data["more"] = None


@pytest.mark.parametrize(
    ("line", "change", "where"),
    [
        (-1, lambda d: _grad(d, 2e-12), "[14].grads.W1[0][0]"),
        (-1, lambda d: _grad(d, -2e-12), "[14].grads.W1[0][0]"),
        (-1, lambda d: d["grads"].update(W1=None), "[14].grads.W1"),
        (-1, lambda d: d.update(loss=4), "[14].loss"),
        (-1, lambda d: d["grads"]["W1"].pop(), "[14].grads.W1 length"),
        (-1, lambda d: d.update(grads=dict(reversed(d["grads"].items()))), "[14].grads keys"),
        (1, lambda d: d["output"]["stats"].update(zeros=99), "[1].output.stats.zeros"),
        (1, lambda d: d.update(node="z"), "[1].node"),
        (1, _drop, "[1] keys"),
        (1, _more, "[1] keys"),
        (9, lambda d: d["contributions"][0].update(formula="∂Y @ W"), "[9].contributions[0].formula"),
        (0, lambda d: d.update(events=99), "[0].events"),
    ],
)
def test_the_comparison_finds_a_planted_change(line: int, change: Any, where: str) -> None:
    wanted = (GOLDEN / "two_layer.jsonl").read_text(encoding="utf-8")
    found = [path for path, _, _ in compare(planted(wanted, line, change), wanted)]
    assert where in found


def test_the_comparison_finds_a_line_too_many_or_too_few() -> None:
    wanted = (GOLDEN / "two_layer.jsonl").read_text(encoding="utf-8")
    assert compare(wanted + '{"end": true}\n', wanted)
    assert compare("\n".join(wanted.splitlines()[:-1]), wanted)
    assert compare(wanted, wanted) == []


def test_the_comparison_lets_last_bits_pass_and_no_more() -> None:
    wanted = (GOLDEN / "two_layer.jsonl").read_text(encoding="utf-8")
    assert compare(planted(wanted, -1, lambda d: _grad(d, RELATIVE / 10)), wanted) == []


# --- what lessons say of one another


def test_the_fused_and_the_spelled_out_classifier_have_equal_gradients() -> None:
    """Both run the same sums up to the softmax; what is written differently differs by roundings."""
    fused, spelled = (open_timeline(scenario(name)) for name in ("mlp", "mlp_spelled"))
    for name in ("X", "W1", "b1", "W2", "b2"):
        one, other = fused.grad(name), spelled.grad(name)
        assert one is not None
        assert other is not None
        np.testing.assert_allclose(one, other, rtol=RELATIVE, atol=FLOOR * 10)
    assert fused.loss == pytest.approx(spelled.loss, rel=RELATIVE)


def test_the_two_convolutions_have_equal_gradients() -> None:
    timeline = open_timeline(scenario("conv_im2col"))
    for one, other in (("w", "w_fused"), ("b", "b_fused")):
        np.testing.assert_array_equal(timeline.grad(one), timeline.grad(other))


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_is_found_by_its_path_and_by_its_name(name: str) -> None:
    assert load(find(name)).digest == load(name).digest == scenario(name).digest


@pytest.mark.parametrize("name", NAMES)
def test_the_lines_of_events_are_lines_of_the_file(name: str) -> None:
    """What is written there names the node, or is the statement that makes it."""
    found = scenario(name)
    text = find(name).read_text(encoding="utf-8").splitlines()
    first, last = found.program_line, found.program_line + len(found.program.splitlines())
    for node in found.graph.nodes:
        assert first <= node.line < last
        assert text[node.line - 1].strip()
        assert text[node.line - 1] == found.lines[node.line - 1]


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_says_its_sizes_so_that_a_forgotten_transpose_cannot_fit(name: str) -> None:
    """The file itself: no tabs, no trailing blanks, not too wide to read, and format 1."""
    raw = find(name).read_bytes().decode("utf-8")
    assert tomllib.loads(raw)["format"] == 1
    assert "\t" not in raw
    assert "\r" not in raw
    assert raw.endswith("\n")
    assert not [line for line in raw.splitlines() if line != line.rstrip() or len(line) > 120]
