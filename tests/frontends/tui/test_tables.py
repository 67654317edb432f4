"""Tables on the screen: nothing of them is cut, whatever the width; bars are as long as what they stand for."""

from __future__ import annotations

import re
from math import log10
from typing import Any

import numpy as np
import pytest

from bpdebug.frontends.tui.lines import MOST_LINES, block_lines, table_lines
from bpdebug.views import view
from bpdebug.views.blocks import Cells, Table

from .judge import says
from .screen import app_of, lines_of

NARROW, WIDE = 60, 200
EIGHTHS = " ▏▎▍▌▋▊▉█"


async def report_on(name: str, line: str, width: int) -> tuple[dict[str, Any], list[str]]:
    """What a command says as data, and the screen."""
    app = app_of(name)
    async with app.run_test(size=(width, 60)) as pilot:
        app.run_text(f"seek end ;; {line}")
        for _ in range(250):
            if app.work is None:
                break
            await pilot.pause(0.02)
        await pilot.pause()
        assert "Esc closes" in app.stage.report.title
        assert app.state is not None
        return view(app.state).to_data(), lines_of(app)


def numbers(lines: list[str]) -> list[str]:
    return re.findall(r"(?<![^\s│])[−-]?\d[\d.]*(?:e[+−-]\d+)?(?=[\s│])", "\n".join(lines))


@pytest.mark.parametrize("width", [NARROW, 80, 100, 120, WIDE])
async def test_the_numbers_of_check_are_seen_at_every_width(width: int) -> None:
    data, lines = await report_on("broken_transpose", "check", width)
    shown = numbers(lines)
    assert len(data["rows"]) == 4
    for row in data["rows"]:
        for key in ("analytic", "numeric"):
            assert any(says(text, row[key]) for text in shown), (key, row)
    assert " ".join("".join(lines).split()).count("…") <= 3  # the header, and the titles of panes


@pytest.mark.parametrize("width", [NARROW, 80, 100, 120, WIDE])
@pytest.mark.parametrize("name", ["mlp", "vanishing_sigmoid"])
async def test_norms_gains_and_bars_of_flow_are_seen_at_every_width(name: str, width: int) -> None:
    data, lines = await report_on(name, "flow", width)
    shown = numbers(lines)
    for row in data["rows"]:
        assert any(says(text, row["norm"]) for text in shown)
        assert row["gain"] is None or any(says(text, row["gain"]) for text in shown)
    bars = re.findall(r" (█*[▏▎▍▌▋▊▉]?)(?=[ │▐])", "\n".join(line[line.find("─╮╭─") + 1 :] for line in lines))
    lengths = [sum(EIGHTHS.index(c) for c in found) for found in bars if found]
    logs = [log10(row["norm"]) for row in data["rows"]]
    assert len(lengths) == len(logs)
    assert min(lengths) > 0
    assert max(lengths) >= 8 * 4
    for length, size in zip(lengths, logs, strict=True):
        share = (size - min(logs)) / (max(logs) - min(logs))
        assert abs(length - min(lengths) - share * (max(lengths) - min(lengths))) <= 1


def test_words_are_wrapped_before_columns_go_below() -> None:
    table = Table(("a", "what it is", "n"), (("1", "some words that are long", "2.5"), ("22", "short", "−3.25")))

    def drawn(width: int) -> list[str]:
        return [line.text.rstrip() for line in table_lines(table, width)]

    assert drawn(40) == [
        "a   what it is                n",
        "1   some words that are long  2.5",
        "22  short                     −3.25",
    ]
    assert drawn(24) == [
        "a   what it is     n",
        "1   some words     2.5",
        "    that are long",
        "22  short          −3.25",
    ]
    assert drawn(16) == [
        "a   what it is",
        "  n",
        "1   some words",
        "    that are",
        "    long",
        "  2.5",
        "22  short",
        "  −3.25",
    ]
    wide = Table(("一二三", ""), (("一二三 四", "  indented words"), ("", "x")), (0.5, None))
    for width in range(-2, 8):  # of no use, and yet drawn
        assert table_lines(table, width)
        assert table_lines(wide, width)
    for width in range(8, 60):
        assert max(line.cell_length for line in table_lines(table, width)) <= width
        words = " ".join(" ".join(drawn(width)).split())
        assert "2.5" in words
        assert "−3.25" in words


async def test_a_tensor_in_full_is_on_the_screen() -> None:
    _, lines = await report_on("two_layer", "print/f W1", WIDE)
    assert any("[[" in line for line in lines)
    assert any("]]" in line for line in lines)


def test_of_what_is_long_the_screen_holds_the_beginning() -> None:
    table = Table(("n", "", ""), tuple((f"{n}", "") for n in range(100_000)), (0.5,) * 100_000)
    lines = [line.text.strip() for line in block_lines(table, 80)]
    assert len(lines) == 1 + MOST_LINES + 1
    assert lines[-1].startswith("… 98,000 rows")
    in_full = [line.text for line in block_lines(Cells(np.arange(1e6).reshape(1000, 1000)), 80)]
    assert len(in_full) == MOST_LINES + 1
    assert in_full[-1].startswith("… 1,000,000 cells in all")
    assert max(map(len, in_full)) <= 80
    assert len(block_lines(Cells(np.eye(3)), 80)) == 3
