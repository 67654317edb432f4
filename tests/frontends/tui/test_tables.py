"""Tables on the screen: nothing of them is cut, whatever the width; bars are as long as what they stand for."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import log10
from typing import Any

import numpy as np
import pytest
from textual.events import MouseScrollDown, MouseScrollLeft, MouseScrollRight, MouseScrollUp
from textual.strip import Strip

from bpdebug.debugger import update
from bpdebug.errors import BpdebugError
from bpdebug.frontends.tui.paragraphs import MOST_LINES, block_lines
from bpdebug.frontends.tui.tables import Heading, table_lines
from bpdebug.views import view
from bpdebug.views.blocks import Cells, Table, flat
from bpdebug.views.text import bar

from .judge import says
from .screen import TRAINED, app_of, lines_of, state_of, text_of
from .test_reports import LINES

NARROW, WIDE = 60, 200
LONG = 16
"""A longer name or formula may be broken where there is no room."""
EIGHTHS = " ▏▎▍▌▋▊▉█"


async def report_on(name: str, line: str, width: int) -> tuple[dict[str, Any], list[list[str]]]:
    """What a command says as data, and the screen; then the screens to which the right arrow leads."""
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
        screens = [lines_of(app)]
        while "→" in lines_of(app)[app.stage.region.bottom - 1]:
            await pilot.press("right")
            await pilot.pause()
            screens.append(lines_of(app))
        return view(app.state).to_data(), screens


async def test_a_list_of_nothing_says_so_below_its_headers() -> None:
    _data, (lines,) = await report_on("mlp", "info marks", 80)
    head = next(n for n, text in enumerate(lines) if "number" in text and "note" in text)
    assert "(none)" in lines[head + 1]
    assert [line.text for line in table_lines(Table((), ()), 20)] == ["(none)"]


def numbers(lines: list[str]) -> list[str]:
    return re.findall(r"(?<![^\s│])[−-]?\d[\d.]*(?:e[+−-]\d+)?(?=[\s│])", "\n".join(lines))


@pytest.mark.parametrize("width", [NARROW, 80, 100, 120, WIDE])
async def test_the_numbers_of_check_are_seen_at_every_width(width: int) -> None:
    data, screens = await report_on("broken_transpose", "check", width)
    assert len(screens) <= (3 if width == NARROW else 1)
    shown = [text for lines in screens for text in numbers(lines)]
    assert len(data["rows"]) == 4
    for row in data["rows"]:
        for key in ("analytic", "numeric"):
            assert any(says(text, row[key]) for text in shown), (key, row)
    assert " ".join("".join(screens[-1]).split()).count("…") <= 3  # the header, and the titles of panes


@pytest.mark.parametrize("width", [NARROW, 80, 100, 120, WIDE])
@pytest.mark.parametrize("name", ["mlp", "vanishing_sigmoid"])
async def test_norms_gains_and_bars_of_flow_are_seen_at_every_width(name: str, width: int) -> None:
    data, (lines, *more) = await report_on(name, "flow", width)
    shown = [text for screen in (lines, *more) for text in numbers(screen)]
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


def drawn(table: Table, width: int, across: int | None = None) -> list[str]:
    return [line.text.rstrip() for line in table_lines(table, width, across)]


def test_words_are_wrapped_before_columns_are_set_aside() -> None:
    rows = (("1", "some words that are long enough", "2.5"), ("22", "short", "−3.25"))
    table = Table(("a", "what it is", "n"), rows, sheds=("n", "what it is"))
    assert drawn(table, 42, 0) == [
        "a   what it is                       n",
        "1   some words that are long enough  2.5",
        "22  short                            −3.25",
    ]
    assert drawn(table, 27, 0) == [
        "a   what it is       n",
        "1   some words that  2.5",
        "    are long enough",
        "22  short            −3.25",
    ]
    assert drawn(table, 24, 0) == [
        "a   what it is      …",
        "1   some words that",
        "    are long enough",
        "22  short",
    ]
    assert drawn(table, 24, 1) == drawn(table, 24, 9) == ["a   n", "1   2.5", "22  −3.25"]


def test_where_nothing_goes_sideways_all_is_there_as_long_as_it_can_be() -> None:
    table = Table(("a", "what it is", "n"), (("1", "some words that are long", "2.5"), ("22", "short", "−3.25")))
    wide = Table(("一二三", ""), (("一二三 四", "  indented words"), ("", "x")), (0.5, None))
    for width in range(-2, 8):  # of no use, and yet drawn
        assert table_lines(table, width)
        assert table_lines(wide, width)
    for width in range(16, 60):
        for across in (None, 0, 1):
            assert max(map(len, drawn(table, width, across))) <= width
            assert sorted(" ".join(drawn(table, width, across)).split()) == sorted(words_of(table, range(3)))


def words_of(table: Table, seen: Iterable[int]) -> list[str]:
    rows = [[*row, *[""] * (len(table.headers) - len(row))] for row in (table.headers, *table.rows)]
    return [word for row in rows for n in seen for word in row[n].split()]


def tables() -> Iterator[tuple[str, Table]]:
    """Tables of commands that have one, on scenarios with long and short names, numbers and blocks."""
    asked = [
        ("broken_transpose", "seek end"), ("mlp", "seek H@bwd"), ("transformer_block", "seek end"), (TRAINED, "seek 9"),
    ]  # fmt: skip
    for name, there in asked:
        state = update(state_of(name), f"{there} ;; mark here")
        for text in ("break Y@bwd if norm(dY) > 0", "display norm(W)", "set W = 1"):
            with contextlib.suppress(BpdebugError):
                state = update(state, text)
        for line in LINES:
            with contextlib.suppress(BpdebugError):
                for block in flat(view(update(state, line)).blocks):
                    if isinstance(block, Table) and any(block.headers):
                        yield f"{line} on {name.splitlines()[0] or 'trained'}", block


def seen_in(table: Table, lines: Sequence[Strip]) -> tuple[list[int], bool]:
    """The columns that are seen, by the headers of those that are not; whether there are more at the right."""
    head = lines[0]
    assert isinstance(head, Heading)
    aside = [*head.left, *head.behind]
    return [n for n, name in enumerate(table.headers) if (name or "…") not in aside], bool(head.behind)


def test_of_every_table_at_every_width_all_is_reached_and_no_number_and_no_bar_is_cut() -> None:
    count = 0
    for title, table in {table.rows: (title, table) for title, table in tables()}.values():
        assert {*table.sheds} < {*table.headers}, title
        for width in range(40, 201, 1 if len(table.rows) < 12 else 13):
            reached, across, more = set[int](), 0, True
            while more:
                lines = table_lines(table, width, across)
                seen, more = seen_in(table, lines)
                assert max(line.cell_length for line in lines) <= width, (title, width)
                bars = re.findall("[█▏▎▍▌▋▊▉]+", " ".join(line.text for line in lines))
                words = [w for line in lines for w in line.text.split() if not re.fullmatch("[█▏▎▍▌▋▊▉]+", w)]
                wanted = [*words_of(table, seen), *(["…"] * more), *([] if table.rows else ["(none)"])]
                assert sorted("".join(words)) == sorted("".join(wanted)), (title, width)
                broken = [*(Counter(wanted) - Counter(words))]  # onto two lines
                assert all(len(word) > LONG for word in broken), (title, width, broken)
                if table.bars:
                    wide = max(map(len, bars))
                    assert 4 <= wide <= 20, (title, width)
                    assert bars == [found for share in table.bars if (found := bar(share, wide))], (title, width)
                reached |= {*seen}
                across += 1
                count += across > 1
            assert reached == {*range(len(table.headers))}, (title, width)
    assert count > 100, "nothing was set aside"


async def test_columns_that_have_no_room_are_said_and_come_by_keys_and_by_the_wheel() -> None:
    app = app_of("mlp")
    async with app.run_test(size=(60, 24)) as pilot:
        app.run_text("seek end ;; check")
        await pilot.pause()

        async def screen(*keys: str) -> str:
            await pilot.press(*keys)
            await pilot.pause()
            return text_of(app)

        first = await screen()
        assert "→ worst cell" in first
        assert "∂logits[0,0]" not in first
        await screen("down", "down")
        link = app.stage.link
        last = await screen("right", "right", "right", "right")
        assert "∂logits[0,0]" in last
        assert "← error" in last
        assert "→" not in last
        assert app.stage.link == link, "the same row is marked"
        assert "← error" in await screen("enter", "backspace"), "and one comes back to where one was"
        assert await screen("left", "left", "left", "up", "up") != last
        assert "→ worst cell" in text_of(app)
        for shift, event, wide in ((True, MouseScrollDown, True), (True, MouseScrollUp, False),
                                   (False, MouseScrollRight, True), (False, MouseScrollLeft, False)):  # fmt: skip
            await pilot._post_mouse_events([event], "#stage", offset=(5, 5), button=0, shift=shift)
            await pilot.pause()
            assert ("← error" in text_of(app)) == wide, event
        await screen("escape", "right")
        assert app.stage.chosen is not None, "elsewhere the arrows mark cells"


async def test_a_row_stays_marked_whatever_becomes_of_the_lines_above_it() -> None:
    app = app_of("mlp")
    async with app.run_test(size=(200, 40)) as pilot:
        app.run_text("seek end ;; help")
        await pilot.press(*["down"] * 5)
        link = app.stage.link
        assert link.startswith("help ")
        for size in ((60, 24), (64, 24), (61, 40), (200, 40)):
            await pilot.resize_terminal(*size)
            for key in ("right", "right", "left"):
                await pilot.press(key)
                await pilot.pause()
                assert app.stage.link == link, (size, key)


async def test_beside_matrices_the_arrows_mean_the_columns_that_the_border_names_until_a_cell_is_marked() -> None:
    app = app_of("mlp")
    async with app.run_test(size=(60, 40)) as pilot:
        app.run_text("seek end ;; contributions db1")
        await pilot.pause()
        assert app.stage.boxes()
        for key, across in (("right", 1), ("left_parenthesis", 0), ("right_parenthesis", 1), ("left", 0)):
            assert ("→ at" if across else "← formula") in lines_of(app)[app.stage.region.bottom - 1]
            await pilot.press(key)
            await pilot.pause()
            assert (app.stage.across, app.stage.chosen) == (across, None)
        await pilot.press("full_stop", "right")
        assert app.stage.across == 0
        assert app.stage.chosen is not None


async def test_the_headers_stay_while_rows_go_by_and_none_is_hidden_by_them() -> None:
    app = app_of("transformer_block")
    async with app.run_test(size=(60, 24)) as pilot:
        app.run_text("seek end ;; info tensors")
        await pilot.pause()
        assert app.state is not None
        names = [row[0] for block in flat(view(app.state).blocks) if isinstance(block, Table) for row in block.rows]
        seen = list[str]()
        while not seen or seen[-1] != names[-1]:
            head, *lines = (line.split()[1] for line in lines_of(app)[app.stage.content_region.y :] if "│" in line)
            assert head == "name"
            seen += [name for name in lines if name in names and name not in seen]
            await pilot.press("pagedown")
            await pilot.pause()
        assert seen == names, "a page does not go past a row"
        await pilot.press("up", "up", "up")
        at = 0
        for _ in range(0, len(names), 9):
            await pilot.press(*["up"] * 9)
            await pilot.pause()
            lines = [line.split()[1] for line in lines_of(app)[app.stage.content_region.y :] if "│" in line]
            lit = app.stage.led - app.stage.top if app.stage.led is not None else 0
            assert app.stage.link == f"print {lines[lit]}", "what is marked is in view"
            at += lit == 1
        assert at, "below the headers"


async def test_a_tensor_in_full_is_on_the_screen() -> None:
    _, (lines,) = await report_on("two_layer", "print/f W1", WIDE)
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
