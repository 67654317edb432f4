"""What the manual says of a watched step is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bpdebug import manual

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")


def test_the_example_runs_and_says_what_stands_beside_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(import torch, bpdebug\n.*?)```", manual.text("watching"), re.S)
    path = tmp_path / "train.py"
    path.write_text(code, encoding="utf-8")
    exec(compile(code, str(path), "exec"), {})
    assert capsys.readouterr().out.startswith("ProductBackward tanh train.py:")
