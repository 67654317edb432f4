"""Themes: text and borders can be read in each, meanings stay apart, and without colours nothing is lost."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.preferences import OWN_THEME, Preferences
from bpdebug.frontends.tui.themes import COLOUR_BLIND, PROJECTOR, contrast, inks, luminance, sixteen

from .screen import app_of, state_of, text_of

THEMES = sorted(name for name, theme in BUILTIN_THEMES.items() if not theme.ansi and name != OWN_THEME)
TEXTS = [c for c in palette.COLOURS if c not in palette.BORDERS]


@pytest.mark.parametrize(
    ("color", "ratio"),
    [
        ("#000000", 21.0),
        ("#777777", 4.478),
        ("#ff0000", 3.998),
        ("#0000ff", 8.592),
        ("#ffffff", 1.0),
        ("#767676", 4.542),
    ],
)
def test_the_contrast_is_that_of_the_standard(color: str, ratio: float) -> None:
    """With white, as the checkers that WCAG names give it."""
    assert contrast(Color.parse(color), Color.parse("#ffffff")) == pytest.approx(ratio, abs=5e-4)


def test_the_luminance_of_the_primaries_is_their_weight() -> None:
    assert [luminance(Color.parse(color)) for color in ("#ff0000", "#00ff00", "#0000ff")] == [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("name", THEMES)
def test_text_and_borders_can_be_read(name: str) -> None:
    found = {house: Color.parse(color) for house, color in inks(BUILTIN_THEMES[name]).items()}
    assert found.keys() == {palette.INK, *palette.COLOURS}
    ground = found[palette.INK]
    least = 7.0 if name == PROJECTOR else 4.5
    assert {c: contrast(found[c], ground) for c in TEXTS if contrast(found[c], ground) < least} == {}
    assert all(contrast(found[c], ground) >= 3.0 for c in palette.BORDERS)


@pytest.mark.parametrize("name", THEMES)
def test_the_larger_the_more_it_stands_out(name: str) -> None:
    found = {house: Color.parse(color) for house, color in inks(BUILTIN_THEMES[name]).items()}
    for ramp in (palette.BELOW, palette.ABOVE):
        ratios = [contrast(found[c], found[palette.INK]) for c in ramp]
        assert ratios == sorted(ratios)
        assert ratios[-1] > ratios[0]


# Viénot, Brettel and Mollon 1999: what is seen without red, or without green, cones, of linear red, green and blue.
BLIND = {
    "protanope": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "deuteranope": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
}


def seen(color: str, matrix: list[list[float]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A colour in CIE L*a*b* (D65), seen through a matrix."""
    c = np.array(Color.parse(color).normalized)
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ matrix @ linear
    t = np.clip(xyz / [0.9505, 1.0, 1.089], 0, None)
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    lab: np.ndarray[tuple[int], np.dtype[np.float64]] = np.array(
        [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]
    )
    return lab


@pytest.mark.parametrize("eyes", BLIND)
def test_meanings_are_seen_apart_without_red_or_green(eyes: str) -> None:
    found = inks(BUILTIN_THEMES[COLOUR_BLIND])
    pairs = [(palette.RIGHT, palette.WRONG), *itertools.product(palette.BELOW, palette.ABOVE)]
    for one, other in pairs:
        assert np.linalg.norm(seen(found[one], BLIND[eyes]) - seen(found[other], BLIND[eyes])) > 20, (one, other)


def test_the_judge_sees_colours_that_are_taken_for_each_other() -> None:
    assert np.linalg.norm(seen("#ff0000", BLIND["deuteranope"]) - seen("#a07000", BLIND["deuteranope"])) < 20


def colors(app: BpdebugApp) -> set[str]:
    """All colours on the screen."""
    styles = [s.style for strip in app.screen._compositor.render_strips() for s in strip if s.style is not None]
    return {c.triplet.hex if c.triplet else c.name for s in styles for c in (s.color, s.bgcolor) if c is not None}


@pytest.mark.parametrize("name", ["nord", PROJECTOR, COLOUR_BLIND, "solarized-light", "ansi-dark"])
async def test_a_theme_leaves_no_colour_of_the_house_and_the_same_text(name: str) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        app.run_text("break Z@bwd ;; seek Y@bwd")
        await pilot.pause()
        text, house = text_of(app), colors(app)
        assert {palette.INK, palette.PAPER, palette.EDGE} <= house <= {palette.INK, *palette.COLOURS}
        app.action_choose_theme(name)
        await pilot.pause()
        await pilot.pause()
        assert name == PROJECTOR or text_of(app) == text  # which sets things further apart
        if name == "ansi-dark":
            assert all(not color.startswith("#") for color in colors(app))
        else:
            assert colors(app) <= set(inks(BUILTIN_THEMES[name]).values())


async def test_a_session_begins_in_the_theme_that_was_chosen() -> None:
    app = BpdebugApp(state_of("two_layer"), preferences=Preferences(theme=PROJECTOR))
    async with app.run_test(size=(80, 24)):
        assert colors(app) <= set(inks(BUILTIN_THEMES[PROJECTOR]).values())
        assert app.get_css_variables()["background"].lower() == "#ffffff"


def styled(app: BpdebugApp, words: str) -> list[Style]:
    """The styles of the pieces of the screen that have these words in them."""
    pieces = (s for strip in app.screen._compositor.render_strips() for s in strip if words in s.text)
    return [s.style or Style() for s in pieces]


@pytest.mark.parametrize("theme", [OWN_THEME, PROJECTOR])
async def test_no_color_is_no_color_and_what_is_marked_is_reversed(monkeypatch: pytest.MonkeyPatch, theme: str) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = BpdebugApp(state_of("nan_sqrt"), preferences=Preferences(theme=theme))
    async with app.run_test(size=(120, 40)) as pilot:
        for line in ("seek end", "info tensors", "lens"):
            app.run_text(line)
            await pilot.press("down")
            await pilot.pause()
            assert colors(app) == set()
        await pilot.press("escape", "escape", "escape", "escape")
        await pilot.pause()
        assert not styled(app, "[list] source graph")[0].reverse
        app.run_text("print dx")
        await pilot.pause()
        assert [style for style in styled(app, "nan") if style.bold and not style.reverse] == styled(app, "nan_sqrt")
        await pilot.press("ctrl+p")
        for _ in range(20):
            await pilot.pause(0.05)
            if rows := styled(app, "the next event, entering blocks"):
                break
        assert [bool(style.reverse) for style in rows] == [True]
        assert [bool(style.reverse) for style in styled(app, "one event back")] == [False]
        assert colors(app) == set()


TERMINALS = {
    "VGA": "000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa "
    "555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff ffffff",
    "xterm": "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5 "
    "7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff",
    "Windows": "0c0c0c c50f1f 13a10e c19c00 0037da 881798 3a96dd cccccc "
    "767676 e74856 16c60c f9f1a5 3b78ff b4009e 61d6d6 f2f2f2",
}
"""The sixteen colours of the PC's text mode, of xterm (XTerm-col.ad) and of Windows' console, by their numbers."""


@pytest.mark.parametrize("terminal", TERMINALS)
@pytest.mark.parametrize("name", [OWN_THEME, *THEMES])
def test_sixteen_colours_can_be_read(name: str, terminal: str) -> None:
    known = [Color.parse(f"#{value}") for value in TERMINALS[terminal].split()]
    numbers = {house: RichColor.parse(ink).number for house, ink in sixteen(BUILTIN_THEMES[name]).items()}
    found = {house: known[number] for house, number in numbers.items() if number is not None}
    assert found.keys() == {palette.INK, *palette.COLOURS}
    least = 7.0 if name == PROJECTOR else 4.5
    assert {c: r for c in TEXTS if (r := contrast(found[c], found[palette.INK])) < least} == {}
    assert all(contrast(found[c], found[palette.INK]) >= 3.0 for c in palette.BORDERS)


@pytest.mark.parametrize("theme", [OWN_THEME, PROJECTOR, "nord"])
async def test_a_terminal_of_sixteen_colours_is_sent_no_others(monkeypatch: pytest.MonkeyPatch, theme: str) -> None:
    monkeypatch.setattr(BpdebugApp, "is_headless", False)
    monkeypatch.setenv("TERM", "linux")
    monkeypatch.delenv("COLORTERM", raising=False)
    app = BpdebugApp(state_of("two_layer"), preferences=Preferences(theme=theme))
    async with app.run_test(size=(120, 40)) as pilot:
        app.run_text("seek Y@bwd")
        await pilot.pause()
        assert colors(app) <= {*sixteen(BUILTIN_THEMES[theme]).values()}
        await pilot.press("ctrl+p")
        for _ in range(20):
            await pilot.pause(0.05)
            if rows := styled(app, "one event back"):
                break
        assert colors(app) <= {*sixteen(BUILTIN_THEMES[theme]).values()}
        assert all(row.color != row.bgcolor for row in rows)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_projector_has_more_room_between_things_and_the_result_is_in_view(size: tuple[int, int]) -> None:
    texts = []
    for theme in (OWN_THEME, PROJECTOR):
        app = BpdebugApp(state_of("transpose"), preferences=Preferences(theme=theme))
        async with app.run_test(size=size) as pilot:
            app.run_text("seek Y@bwd")
            await pilot.pause()
            texts.append(text_of(app))
            assert "∂X[0,1]" in texts[-1]
    assert "│  W 3×4" in texts[1] or "│  W  3×4" in texts[1]
    assert "│ W 3×4" in texts[0] or "│ W  3×4" in texts[0]
