"""Signs in ASCII: each has a spelling, columns stay where they are, and names that have none are escapes."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from unicodedata import east_asian_width

import pytest
from rich.cells import cell_len

import bpdebug
from bpdebug.cli import main
from bpdebug.frontends.ascii import in_ascii, json_in_ascii, pieces_in_ascii, spelled
from bpdebug.frontends.terminal import Door
from bpdebug.scenario import shipped
from bpdebug.translation import speaking

ESCAPE = re.compile(r"\\[xuU][0-9a-f]{2,8}")
ROOT = Path(bpdebug.__file__).parent


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("∂W = Xᵀ @ ∂Y", "dW = X.T @ dY"),
        ("−0.5 · 2", "-0.5 * 2"),
        ("W⁻¹ = Σₖ x ** 2", "W^-1 = sum_k x ** 2"),
        ("Wᵀ  3   4", "W.T 3   4"),
        ("╭─ W ─╮│╰┼├", "+- W -+|+++"),
        ("━━●┄┄┿▶ ✓", "==@..+> v"),
        ("α 中 é 🙂", "\\u03b1 \\u4e2d \\xe9 \\U0001f642"),
        ("plain", "plain"),
    ],
)
def test_a_text_in_ascii(text: str, said: str) -> None:
    assert in_ascii(text) == said


SET_IN_TYPE = {
    *ROOT.glob("views/papers/*.py"),
    *(ROOT / "symbolic" / f"{name}.py" for name in ("tex", "typst", "mathml", "typeset")),
}
"""What writes formulas for paper and pages, which have all letters and signs."""


def test_every_sign_that_the_house_writes_has_a_spelling() -> None:
    written = [*ROOT.rglob("*.py"), *ROOT.rglob("*.po"), *ROOT.parent.glob("scenarios/**/*.toml")]
    files = [path for path in written if path not in SET_IN_TYPE]
    signs = {c for path in files for c in path.read_text(encoding="utf-8") if east_asian_width(c) not in "WF"}
    assert {c for c in signs if ESCAPE.search(spelled(c))} == set()


def test_letters_of_the_language_that_is_spoken_are_no_signs() -> None:
    """They are as wide as they are counted, which ambiguous signs are not in every Chinese terminal."""
    with speaking("zh"):
        assert in_ascii("∂W 是 Wᵀ 的“梯度”。") == 'dW 是 W.T 的"梯度"。'
    assert in_ascii("梯") == "\\u68af"


@pytest.mark.parametrize("line", ["∂X @ Wᵀ   12.5│", "Wᵀ│Wᵀ│", "αβγ 1│", "中文 x  │", "e\u0301 ᵀᵀᵀ", "∞ Σₖ X≤2"])
def test_a_line_of_the_screen_is_as_wide_as_before(line: str) -> None:
    for cut in range(len(line) + 1):
        pieces = pieces_in_ascii([line[:cut], line[cut:]])
        assert "".join(pieces).isascii()
        assert len("".join(pieces)) == cell_len(line)
        assert "".join(pieces).endswith("|") or line[-1] != "│"


def test_json_reads_back_to_the_same() -> None:
    text = json.dumps({"∂W": "Wᵀ 🙂 \ud83d"}, ensure_ascii=False)
    assert json_in_ascii(text).isascii()
    assert json.loads(json_in_ascii(text)) == json.loads(text)


def test_a_terminal_without_the_signs_has_them_spelled() -> None:
    for encoding, said in (("latin-1", "dX @ W.T \\xfc\n"), ("ascii", "dX @ W.T \\xfc\n"), ("utf-8", "∂X @ Wᵀ ü\n")):
        stream = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)
        print("∂X @ Wᵀ ü", file=Door(stream))
        assert stream.buffer.getvalue().decode() == said


@pytest.mark.parametrize("name", [entry.name for entry in shipped() if entry.name != "broken_shape"])
def test_a_whole_run_in_ascii(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", name, "--ascii"]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert not ESCAPE.search(out)


@pytest.mark.parametrize("words", [["list"], ["ops"], ["ops", "matmul"], ["list", "--json"], ["run", "bias", "--json"]])
def test_pages_in_ascii(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(words)
    usual = capsys.readouterr().out
    main([*words, "--ascii"])
    out = capsys.readouterr().out
    assert out.isascii()
    if "--json" in words:
        assert list(map(json.loads, out.splitlines())) == list(map(json.loads, usual.splitlines()))
    else:
        assert not ESCAPE.search(out)


def test_a_refusal_in_ascii() -> None:
    command = [sys.executable, "-m", "bpdebug.cli", "run", "nô.toml", "--ascii"]
    done = subprocess.run(command, capture_output=True, env=os.environ | {"PYTHONPATH": str(ROOT.parent)}, check=False)
    assert done.returncode == 3
    assert b"n\\xf4.toml" in done.stderr
