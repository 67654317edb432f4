"""Where the panes go: at every size and whatever is wanted of them they are on the screen, and none hides another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path

import pytest
from textual.geometry import Region, Size

from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.layout import PANES, STAGE, Asked, borders, places
from bpdebug.frontends.tui.preferences import Panes, Preferences, keep_panes, read_preferences

from .screen import app_of, lines_of, state_of

HIDDEN = [frozenset(pair) for n in range(3) for pair in combinations(("program", "inspector"), n)]
BOTH = (False, True)
SIZES = ((0, 0, 0), (1, 1, 1), (30, 9, 40), (500, 500, 500))
ASKED = [
    Asked(Panes(*sizes, above, hidden), called, watched, whole)
    for sizes, hidden, above, called, watched, whole in product(SIZES, HIDDEN, BOTH, BOTH, BOTH, BOTH)
]


def faults(found: dict[str, Region], size: Size, asked: Asked) -> Iterator[str]:
    """What is wrong with the places of panes."""
    screen = size.region
    for name, region in found.items():
        if region.intersection(screen) != region or region.width < 1 or region.height < 1:
            yield f"{name} is not on the screen: {region}"
    if sum(region.area for region in found.values()) != screen.area:
        yield "there is a gap, or an overlap"
    if any(a.overlaps(b) for a, b in combinations(found.values(), 2)):
        yield "one lies over another"
    if found["stage"].width < STAGE.width or found["stage"].height < 5:
        yield f"the stage is too small: {found['stage']}"
    if asked.whole and {*found} & {"program", "inspector"}:
        yield "a report has not the whole room"
    if {*found} & asked.panes.hidden:
        yield "what is hidden is seen"


def test_at_every_size_whatever_is_wanted_all_panes_are_there_and_none_overlaps() -> None:
    for width, height in product(range(60, 201), range(15, 61)):
        size = Size(width, height)
        for said, asked in ((1, ASKED[0]), (1, ASKED[(width * 7 + height) % len(ASKED)]), (3, ASKED[width % 64])):
            found = places(size, said, asked)
            del found["prompt"]
            assert list(faults(found, size, asked)) == [], (size, said, asked)


@pytest.mark.parametrize("asked", ASKED)
def test_whatever_is_wanted_there_is_room_at_the_sizes_where_panes_fold(asked: Asked) -> None:
    for width, height in product((60, 69, 70, 80, 99, 100, 200), (15, 16, 24, 29, 30, 60)):
        found = places(Size(width, height), 1, asked)
        del found["prompt"]
        assert list(faults(found, Size(width, height), asked)) == [], (width, height)


def test_a_border_is_where_a_pane_and_the_stage_meet() -> None:
    for width, height, asked in product((60, 80, 120), (16, 40), ASKED[::3]):
        found = {name: at for name, at in places(Size(width, height), 1, asked).items() if name in PANES}
        for name, border in borders(found).items():
            assert border.overlaps(found[name])
            assert border.overlaps(found["stage"])
            assert border.area == sum(border.intersection(found[pane]).area for pane in found)


# --- the focus


@pytest.mark.parametrize("size", [(60, 15), (60, 24), (80, 24), (99, 40), (100, 30), (200, 60)])
async def test_the_focus_goes_to_what_is_seen_and_to_nothing_else(size: tuple[int, int]) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=size) as pilot:
        for keys in ((), ("V",), ("P",), ("P", "V"), ("question_mark", "escape"), ("x",)):
            await pilot.press(*keys)
            await pilot.pause()
            seen = [pane for pane in PANES if app.query_one(f"#{pane}").is_on_screen]
            assert seen == [pane for pane in PANES if pane in app.main.seen]
            there = app.focused
            assert there is not None
            assert there.id in seen
            walked = []
            for _ in seen:
                app.screen.focus_next()
                walked.append(app.focused.id if app.focused else None)
            assert sorted(map(str, walked)) == sorted(seen)
            assert walked[-1] == there.id


async def test_a_pane_that_folds_away_hands_the_focus_to_the_stage() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 30)) as pilot:
        for pane, act in (("inspector", "V"), ("program", "PP"), ("program", (60, 15)), ("inspector", "x")):
            await pilot.resize_terminal(120, 30)
            await pilot.press("escape", "0")
            await pilot.pause()
            app.query_one(f"#{pane}").focus()
            await pilot.pause()
            assert app.focused is app.query_one(f"#{pane}")
            await (pilot.press(*act) if isinstance(act, str) else pilot.resize_terminal(*act))
            await pilot.pause()
            assert app.focused is app.stage


# --- hidden, called, alone


async def test_the_program_is_beside_the_stage_above_it_or_hidden() -> None:
    for width in (120, 80, 66):
        app = app_of("two_layer")
        async with app.run_test(size=(width, 24)) as pilot:
            seen = [app.main.seen.get("program")]
            for _ in range(3):
                await pilot.press("P")
                seen.append(app.main.seen.get("program"))
            shapes = ["hidden" if at is None else "above" if at.height == 3 else "beside" for at in seen]
            assert shapes == (["beside", "above", "hidden", "beside"] if width > 70 else ["above", "hidden"] * 2)


async def test_v_calls_the_inspector_where_it_is_folded_away() -> None:
    for size in ((80, 24), (60, 24), (60, 15)):
        app = app_of("two_layer")
        async with app.run_test(size=size) as pilot:
            app.run_text("seek Y@bwd")
            await pilot.pause()
            before = app.main.seen
            assert "inspector" not in before
            await pilot.press("V")
            await pilot.pause()
            assert app.stage.is_on_screen
            assert any("─ ∂H ─" in line for line in lines_of(app)[1:])
            await pilot.press("V")
            await pilot.pause()
            assert app.main.seen == before
            assert not any("─ ∂H ─" in line for line in lines_of(app)[1:])


async def test_a_report_has_the_whole_width_and_shows_what_is_maximised_otherwise() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause()
        before = lines_of(app)[1:-2]
        app.program.focus()
        await pilot.press("M", "colon", *"info tensors", "enter")
        await pilot.pause()
        assert app.stage.region.width == 120
        assert "Esc closes" in lines_of(app)[1]
        await pilot.press("escape")
        await pilot.pause()
        assert lines_of(app)[1:-2] == before


# --- sizes


async def test_the_pane_with_the_focus_grows_and_all_are_as_ever() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause()
        before = [app.query_one(f"#{pane}").size.width for pane in PANES]
        wanted = {"program": (2, -2, 0), "stage": (-2, 4, -2), "inspector": (0, -2, 2)}
        for pane, (key, sign) in product(PANES, (("plus", 1), ("minus", -1))):
            app.query_one(f"#{pane}").focus()
            await pilot.press(key)
            await pilot.pause()
            now = [app.query_one(f"#{pane}").size.width for pane in PANES]
            assert now == [had + sign * more for had, more in zip(before, wanted[pane], strict=True)]
            await pilot.press("0")
            await pilot.pause()
            assert [app.query_one(f"#{pane}").size.width for pane in PANES] == before


async def test_a_pane_grows_as_far_as_there_is_room_and_comes_back_at_once() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(80, 24)) as pilot:
        app.program.focus()
        await pilot.press(*["plus"] * 40)
        assert app.main.seen["stage"].width == STAGE.width
        await pilot.press("minus")
        assert app.main.seen["stage"].width == STAGE.width + 2


@pytest.mark.parametrize(
    ("size", "pane", "start", "end", "region"),
    [
        ((120, 30), "program", (32, 9), (44, 12), (0, 1, 45, 26)),
        ((120, 30), "program", (33, 9), (10, 12), (0, 1, 20, 26)),
        ((120, 30), "inspector", (93, 5), (80, 5), (80, 1, 40, 26)),
        ((120, 30), "inspector", (92, 5), (119, 5), (100, 1, 20, 26)),
        ((66, 24), "program", (20, 3), (9, 8), (0, 1, 66, 8)),
    ],
)
async def test_a_border_is_dragged_with_the_mouse(
    size: tuple[int, int], pane: str, start: tuple[int, int], end: tuple[int, int], region: tuple[int, ...]
) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.mouse_down(offset=start)
        await pilot.hover(offset=end)
        await pilot.mouse_up(offset=end)
        await pilot.pause()
        assert app.query_one(f"#{pane}").region == region
        await pilot.hover(offset=start)
        await pilot.pause()
        assert app.query_one(f"#{pane}").region == region
        assert app.main.selections == {}


async def test_panes_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BPDEBUG_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("BPDEBUG_STATE_DIR", str(tmp_path / "state"))
    app = BpdebugApp(state_of("two_layer"), preferences=read_preferences())
    async with app.run_test(size=(120, 30)) as pilot:
        app.program.focus()
        await pilot.press("plus", "V")
    assert read_preferences().panes == Panes(program=35, hidden=frozenset({"inspector"}))
    again = BpdebugApp(state_of("two_layer"), preferences=read_preferences())
    async with again.run_test(size=(120, 30)) as pilot:
        assert {pane: at.width for pane, at in again.main.seen.items()} == {"program": 35, "stage": 85}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"{",
        b"[]",
        b'{"program": "wide"}',
        b'{"strip": 1e99}',
        b'{"hidden": 3}',
        b"{}" * 1000,
        b'{"hidden": ["\xff"]}',
    ],
)
def test_panes_that_cannot_be_read_are_as_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, raw: bytes) -> None:
    monkeypatch.setenv("BPDEBUG_STATE_DIR", str(tmp_path))
    (tmp_path / "panes").write_bytes(raw)
    assert read_preferences().panes == Panes()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_where_panes_and_theme_are_kept_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BPDEBUG_STATE_DIR", str(tmp_path))
    for name in ("panes", "theme"):
        os.mkfifo(tmp_path / name)
    assert read_preferences().panes == Panes()


async def test_where_panes_cannot_be_kept_the_screen_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, and no folder")
    monkeypatch.setenv("BPDEBUG_STATE_DIR", str(tmp_path / "state"))
    app = BpdebugApp(state_of("two_layer"), preferences=Preferences(keep_panes=keep_panes))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("P", "P")
        assert "not kept" in app.message.left[0][0]
        assert "program" not in app.main.seen
