"""--plain: the walk of the screen in lines of words; every number with its row, and nothing that steers a terminal."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import bpdebug
from bpdebug.cli import main
from bpdebug.frontends.spoken import spoken
from bpdebug.symbolic.notation import words
from bpdebug.views.blocks import Formula, Listing, Matrix, Row, Table, Text
from tests.lessons import NAMES

ROOT = Path(bpdebug.__file__).parent.parent
DRAWN = re.compile(r"[^\n\x20-\x7e]|\\[xu]| {3,}")
Plain = Callable[..., str]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Plain:
    """What is said when lines are typed."""

    def go(name: str, *lines: str) -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        assert main([name, "--plain"]) == 0
        said = capsys.readouterr()
        assert said.err == ""
        return said.out

    return go


def test_blocks_in_words() -> None:
    w = Matrix("W", np.array([[1.0, -0.5], [2.0, 3.0]]), (2, 2), marked=frozenset({(1, 0)}))
    blocks = (
        Text("One  note\nof two lines."),
        Formula(words("Y = X @ W"), "2×2"),
        Row((w, "→", Matrix("Wᵀ", None, (2, 2), "transposed"), "@", w, "=", Matrix("L", np.array(3.0), ()))),
        Table(("name", "shape"), (("X", "2×3"), ("b", "")), (0.25, None)),
        Listing(((7, "Y = X @ W"),), 7, frozenset({7})),
    )
    assert list(spoken("a title", blocks)) == [
        "a title", "One note", "of two lines.", "Y = X @ W, 2×2", "W, 2 by 2:", "row 0: 1.0, −0.5",
        "row 1: 2.0 marked, 3.0", "turned is", "Wᵀ, 2 by 2, transposed: not computed yet", "@", "W, as above", "gives",
        "L: 3", "name: X; shape: 2×3; 25%", "name: b", "line 7, here, breakpoint: Y = X @ W",
    ]  # fmt: skip


def test_of_what_is_large_the_ends_are_read_and_the_rest_is_counted() -> None:
    lines = list(spoken("", [Row((Matrix("A", np.zeros((100, 40)), (100, 40)),))]))
    assert lines[0] == "A, 100 by 40:"
    assert "88 more rows" in lines
    assert "28 more" in lines[1]
    assert list(spoken("", [Row((Matrix("b", np.arange(3.0), (3,)),))])) == ["b, 3 numbers: 0, 1, 2"]
    assert list(spoken("", [Row((Matrix("e", np.zeros((0, 3)), (0, 3)),))])) == ["e, 0 by 3: no cells"]


@pytest.mark.parametrize("name", NAMES)
def test_every_lesson_is_walked_to_its_end_in_plain_words(name: str, plain: Plain) -> None:
    out = plain(name, "x", *["s"] * 2, "i", *["n"] * 9, "where", "info gradients", "list", "G", "seek end")
    assert "the end: everything is done" in out
    assert not DRAWN.findall("\n".join(line for line in out.split("\n") if not line.startswith(("line ", " "))))


def test_every_number_is_that_of_the_array(plain: Plain) -> None:
    out = plain("transpose", "seek Y@bwd")
    said = out[out.index("dW, 3 by 4:") :].split("\n")[1:4]
    found = [[float(cell) for cell in line.split(": ")[1].split(", ")] for line in said]
    gradient = bpdebug.run(bpdebug.load("transpose")).grad("W")
    assert gradient is not None
    assert np.array_equal(found, gradient)


def test_the_keys_of_the_screen_are_typed_and_what_goes_on_is_said(plain: Plain) -> None:
    out = plain("transpose", "s", "s", "i", "S", "q", "s")
    assert out.startswith("Where W.T comes from\nOne matmul")
    assert out.index("type s to go on") < out.index("type i to turn it") < out.index("type i to multiply")
    assert out.rstrip().endswith("(bpdebug) q")
    assert out.count("From right to left") == 1  # a note is not read again at each part
    assert "at the first matmul" not in plain("transpose", "p")
    assert "practice  dY" in plain("transpose", "p", "= 2x3")


def test_without_a_file_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--plain"]) == 2
    assert "bpdebug transpose --plain" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")
def test_at_a_terminal_nothing_steers_it(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    env = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "BPDEBUG_STATE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "bpdebug.cli", "transpose", "--plain"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        os.write(ours, b"s\ns\ng\nq\n")
        seen = b""
        try:
            while piece := os.read(ours, 4096):
                seen += piece
        except OSError:
            pass  # the other end is closed
    os.close(ours)
    assert process.returncode == 0
    assert b"type i to turn it" in seen
    assert b"\x1b" not in seen
    assert max(seen) < 128
