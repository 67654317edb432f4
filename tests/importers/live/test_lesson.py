"""The training script of a lesson, run as it is: the Function that the lesson is about is the one that is named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bpdebug.cli import main
from bpdebug.scenario import find, load

pytest.importorskip("torch", reason="PyTorch is an optional oracle")


def test_the_script_beside_a_lesson_has_its_mistake_and_its_numbers(capfd: pytest.CaptureFixture[str]) -> None:
    lesson = load("broken_function")
    script = find("broken_function").with_name("train.py")
    main(["trace", str(script), "--json"])
    said = json.loads(capfd.readouterr().out.strip().splitlines()[-1])
    (row,) = said["rows"]
    line = next(n for n, text in enumerate(script.read_text().splitlines(), 1) if "Gate.apply" in text)
    assert (row["function"], row["line"]) == ("GateBackward", f"train.py:{line}")
    assert lesson.expect is not None
    assert np.array(lesson.expect.grads["A"])[tuple(row["cell"])] == row["left"]
