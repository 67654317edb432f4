"""The training script of a lesson, run as it is: the Function that the lesson is about is the one that is named."""

from __future__ import annotations

import json

import pytest

from bpdebug.cli import main
from bpdebug.scenario import find, load
from bpdebug.scenario.load import Scenario

pytest.importorskip("torch", reason="PyTorch is an optional oracle")


def test_the_script_beside_a_lesson_has_its_mistake_and_its_numbers(capfd: pytest.CaptureFixture[str]) -> None:
    lesson: Scenario = load("broken_function")
    script = find("broken_function").with_name("train.py")
    main(["trace", str(script), "--json"])
    said = json.loads(capfd.readouterr().out.strip().splitlines()[-1])
    (row,) = said["rows"]
    line = next(n for n, text in enumerate(script.read_text().splitlines(), 1) if "Gate.apply" in text)
    assert (row["function"], row["line"]) == ("GateBackward", f"train.py:{line}")
    assert lesson.expect is not None
    cell = row["cell"]
    assert lesson.expect.grads["A"][cell[0]][cell[1]] == row["left"]
