"""The tour: nine stops at the first run, once; each points at what it speaks of; any key of the debugger ends it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.menu import MenuScreen
from bpdebug.frontends.tui.preferences import Preferences
from bpdebug.frontends.tui.tour import STOPS, TourBox
from bpdebug.frontends.tui.walked import first_time
from bpdebug.translation import speaking

from .screen import app_of, state_of, text_of

SIZES = ((60, 15), (80, 24), (120, 40), (200, 60))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody was here before."""
    monkeypatch.setenv("BPDEBUG_STATE_DIR", str(tmp_path))
    return tmp_path


def guided(app: BpdebugApp) -> BpdebugApp:
    app.guided = first_time
    return app


async def settled(pilot: Pilot[int]) -> None:
    for _ in range(3):
        await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
async def test_nine_stops_each_beside_what_it_points_at(size: tuple[int, int]) -> None:
    app = guided(app_of("transpose"))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert len(STOPS) == 9
        for number, stop in enumerate(STOPS, 1):
            await settled(pilot)
            box = app.screen.query_one(TourBox)
            words = " ".join(box.lines(box.size.width))
            assert f"the tour: {number} of 9" in text_of(app)
            assert len(box.lines(box.size.width)) <= box.size.height, (size, number)
            assert "{" not in words
            assert f"Enter {'next' if number < len(STOPS) else 'begin'} " in text_of(app), (size, number)
            assert app.screen.region.contains_region(box.region)
            target = app.screen.query_one(f"#{stop.pane}")
            if target.region and size[0] >= 80:
                assert target.has_class("pointed")
                covered = box.region.intersection(target.region)
                assert covered.area <= target.region.area / 4, (size, number)
            await pilot.press("enter")
        await settled(pilot)
        assert not app.screen.query(TourBox)
        assert not app.screen.query(".pointed")
        assert app.state is not None
        assert app.state.cursor == 0
        await pilot.press("s")
        assert app.state.cursor == 1


@pytest.mark.parametrize("size", SIZES)
async def test_no_wide_letter_is_lost_where_it_lies_over_the_side_of_a_pane(size: tuple[int, int]) -> None:
    """Textual divides a line where a widget under it ends, and makes two blanks of a letter that stands across."""
    with speaking("zh"):
        app = guided(app_of("transpose"))
        async with app.run_test(size=size) as pilot:
            for number in range(len(STOPS)):
                await settled(pilot)
                box = app.screen.query_one(TourBox)
                at, width = box.content_region, box.content_size.width
                shown = "".join("".join(s.text for s in app.screen._compositor.render_strips()[y].crop(at.x, at.right))
                                for y in at.line_range)  # fmt: skip
                said = "".join(box.lines(width))
                assert "".join(shown.split()) == "".join(said.split()), (size, number)
                await pilot.press("enter")


async def test_back_and_by_mouse() -> None:
    app = guided(app_of("transpose"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.click(TourBox)
        await settled(pilot)
        assert "the tour: 2 of 9" in text_of(app)
        await pilot.press("backspace", "backspace")
        await settled(pilot)
        assert "the tour: 1 of 9" in text_of(app)


@pytest.mark.parametrize(("key", "cursor"), [("escape", 0), ("s", 1), ("question_mark", 0)])
async def test_other_keys_end_it_and_do_what_they_do(key: str, cursor: int) -> None:
    app = guided(app_of("transpose"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press(key)
        await settled(pilot)
        assert app.tour is None
        assert app.state is not None
        assert app.state.cursor == cursor
        assert ("Here, in the" in text_of(app)) == (key == "question_mark")


async def test_a_line_that_is_typed_and_a_click_elsewhere_end_it() -> None:
    app = guided(app_of("transpose"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("colon", *"step", "enter")
        await settled(pilot)
        assert app.tour is None
        assert app.state is not None
        assert app.state.cursor == 1
        await pilot.press("f2")
        await settled(pilot)
        await pilot.click("#timeline", offset=(100, 0))
        await settled(pilot)
        await pilot.click("#stage", offset=(20, 25))
        await settled(pilot)
        assert not app.screen.query(TourBox)


async def test_it_is_shown_once_and_again_when_asked_for() -> None:
    for again in (False, True):
        app = guided(app_of("transpose"))
        async with app.run_test(size=(100, 30)) as pilot:
            await settled(pilot)
            assert ("the tour: 1 of 9" in text_of(app)) != again
            await pilot.press("escape", "f2")
            await settled(pilot)
            assert "the tour: 1 of 9" in text_of(app)


@pytest.mark.parametrize("keys", [("enter",) * 9 + ("s",), ("s",)])
async def test_who_comes_without_a_file_and_goes_on_stays_in_its_lesson(keys: tuple[str, ...]) -> None:
    app = guided(BpdebugApp(None))
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        assert not isinstance(app.screen, MenuScreen)
        assert app.state is not None
        assert app.state.cursor == 1


async def test_who_comes_without_a_file_and_skips_it_has_the_menu() -> None:
    app = guided(BpdebugApp(None))
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        assert "the tour: 1 of 9" in text_of(app)
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, MenuScreen)
    app = guided(BpdebugApp(None))
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, MenuScreen)


async def test_other_scenarios_and_small_windows_are_not_disturbed(folder: Path) -> None:
    for name, size in (("two_layer", (100, 30)), ("transpose", (40, 12))):
        app = guided(app_of(name))
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            assert "the tour" not in text_of(app)
    assert first_time()
    assert not first_time()


async def test_forks_are_asked_for_before_the_tour_and_its_keys_are_the_users() -> None:
    app = BpdebugApp(state_of("two_layer"), preferences=Preferences({"step": "f8", "tour.next": "f4"}))
    async with app.run_test(size=(100, 30)) as pilot:
        app.run_text("set W1[0,0] = 3")
        await pilot.press("f2")
        await settled(pilot)
        assert "would be lost: F2 again leaves" in text_of(app)
        await pilot.press("f2", "f4", "f4", "f4", "f4")
        await settled(pilot)
        assert "F8 goes on" in " ".join(text_of(app).split())
        assert app.state is not None
        assert app.state.scenario.name == "transpose.toml"


@pytest.mark.parametrize("keys", [("s",), ("colon",)])
async def test_who_types_ahead_is_not_led(keys: tuple[str, ...]) -> None:
    app = app_of("transpose")
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press(*keys)
        guided(app).arrive()
        await settled(pilot)
        assert not app.screen.query(TourBox)
    assert first_time(), "it comes at the next start"
