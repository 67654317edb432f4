"""The command palette: everything is in it, and what is chosen is done."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.theme import BUILTIN_THEMES
from textual.widgets import OptionList

from bpdebug.debugger import COMMANDS
from bpdebug.frontends.tui import keys
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.offers import Palette, offers
from bpdebug.frontends.tui.prompt import Prompt
from bpdebug.frontends.tui.screens import SmallScreen
from bpdebug.scenario import shipped

from .screen import app_of, state_of


@pytest.mark.parametrize("place", [keys.STAGE, keys.PROGRAM, keys.INSPECTOR, keys.LINE])
def test_every_command_every_key_and_every_theme_is_offered(place: str) -> None:
    found = list(offers(keys.TABLE, BUILTIN_THEMES, place, True))
    titles = [offer.title for offer in found]
    assert len(set(titles)) == len(titles)
    assert all(offer.says for offer in found)
    assert {title.split()[0] for title in titles} >= COMMANDS.keys()
    holding = [row for row in keys.TABLE.values() if row.place in (place, keys.DEBUGGER, keys.EVERYWHERE)]
    assert {row.action for row in holding} - {offer.action for offer in found} == {"app.command_palette"}
    assert {f"theme {name}" for name in BUILTIN_THEMES} | {"screenshot", "maximise"} <= set(titles)


async def chosen(app: BpdebugApp, pilot: object, words: str) -> None:
    """Types into the palette, and takes the first that it offers."""
    press, pause = pilot.press, pilot.pause  # type: ignore[attr-defined]
    await press("ctrl+p")
    await pause()
    await press(*words)
    for _ in range(50):
        await app.workers.wait_for_complete()
        await pause()
        if app.screen.query_one(OptionList).option_count:
            break
    await press("enter")
    await pause()
    await pause()


async def test_what_is_chosen_is_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = app_of("two_layer")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("platformdirs.user_downloads_path", lambda: tmp_path / "nowhere")
    async with app.run_test(size=(100, 30)) as pilot:
        assert app.state is not None
        await chosen(app, pilot, "step [N]")
        assert app.state.cursor == 1
        await chosen(app, pilot, "theme projector")
        assert app.theme == "projector"
        await chosen(app, pilot, "info WHAT")
        assert isinstance(app.focused, Prompt)
        assert app.focused.value == "info "
        await pilot.press("escape")
        await chosen(app, pilot, "stage: down")
        assert app.stage.chosen is not None
        await chosen(app, pilot, "screenshot")
        await pilot.pause(0.3)
        (picture,) = tmp_path.glob("bpdebug-*.svg")
        assert f"the screen is in {picture}" in app.message.left[0][0]
        assert "two_layer.toml" in picture.read_text(encoding="utf-8")
        before = picture.read_bytes()
        app.take(picture.name, str(tmp_path))
        assert "is there already" in app.message.left[0][0]
        assert picture.read_bytes() == before
        assert list(tmp_path.iterdir()) == [picture]


async def test_on_the_menu_no_command_of_the_debugger_is_offered() -> None:
    app = BpdebugApp(None, shipped(), state_of)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("ctrl+p")
        await pilot.pause()
        titles = {offer.title for offer in offers(app.keys, BUILTIN_THEMES, keys.MENU, False)}
        assert {"menu: open", "theme nord", "leave"} <= titles
        assert "flow" not in titles


async def test_a_palette_that_is_chosen_from_twice_is_closed_once() -> None:
    """Two Enters, the second before the palette is gone; and one while a screen lies over it."""
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        below = app.screen
        await pilot.press("ctrl+p")
        await pilot.pause()
        palette = app.screen
        assert isinstance(palette, Palette)
        palette.dismiss()
        palette.dismiss()
        await pilot.pause()
        assert app.screen is below
        await pilot.press("ctrl+p")
        await pilot.pause()
        palette = app.screen
        app.push_screen(SmallScreen())
        await pilot.pause()
        assert isinstance(palette, Palette)
        palette.dismiss()
        await pilot.pause()
        assert isinstance(app.screen, SmallScreen)
