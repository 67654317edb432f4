"""The inspector's tabs: by key and by mouse, what they say, and that only the one that is seen is worked out."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from bpdebug.engine import distribution
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.views import inspector
from bpdebug.views.heat import LEVELS
from bpdebug.views.inspector import TABS

from .judge import Known, faults_of, reading, says
from .screen import app_of, lines_of


def beside(app: BpdebugApp) -> list[str]:
    """The lines of the inspector, without its border."""
    left, top, width, height = app.main.inspector.content_region
    return [line[left : left + width].rstrip() for line in lines_of(app)[top : top + height]]


@pytest.mark.parametrize("size", [(100, 24), (120, 40), (200, 60), (80, 24), (60, 20)])
async def test_every_tab_is_reached_by_keys_and_by_the_mouse(size: tuple[int, int]) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=size) as pilot:
        pane = app.main.inspector
        app.run_text("seek Y@bwd")
        await pilot.press(*["v"] * (size[0] < 100))
        for tab in (*TABS[1:], TABS[0]):
            await pilot.press("v")
            await pilot.pause()
            assert f"[{tab}]" in " ".join(beside(app)[:3])
            assert all(name in " ".join(beside(app)[:3]) for name in TABS)
        pane.focus()
        await pilot.press("left", "left", "right")
        assert pane.tab == TABS[-1]
        for tab in TABS:
            x, y = next((x, y) for x, y, name in pane.places(pane.content_region.width) if name == tab)
            await pilot.click("#inspector", offset=(pane.content_region.x - pane.region.x + x, y + 1))
            await pilot.pause()
            assert pane.tab == tab
            assert inspector(app.state, tab).title in lines_of(app)[pane.region.y]  # type: ignore[arg-type]


@pytest.mark.parametrize("theme", ["projector", "textual-dark"])
async def test_no_tab_is_cut_however_wide_the_pane_is(theme: str) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(140, 40)) as pilot:
        app.theme = theme
        app.main.inspector.focus()
        widths = set[int]()
        for key in ("minus",) * 6 + ("plus",) * 12:
            await pilot.press(key)
            await pilot.pause()
            widths.add(app.main.inspector.content_region.width)
            seen = " ".join(beside(app)[:5])
            assert all(name in seen for name in TABS), seen
        assert len(widths) > 6


async def test_only_the_tab_that_is_seen_is_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    module = sys.modules["bpdebug.frontends.tui.inspector"]
    worked_out = module.inspector

    def counted(state: Any, tab: str) -> Any:
        asked.append(tab)
        return worked_out(state, tab)

    monkeypatch.setattr(module, "inspector", counted)
    app = app_of("two_layer")
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause()
        assert asked == ["facts"]
        await pilot.press("s", "s")
        assert asked == ["facts"] * 3
        await pilot.press("v", "s")
        assert asked[3:] == ["map", "map"]
        await pilot.press("V", "s", "s")
        await pilot.resize_terminal(80, 24)
        await pilot.press("s", "s")
        assert len(asked) == 5
        await pilot.press("v")
        await pilot.pause()
        assert asked[5:] == ["map"]


async def test_a_report_does_without_it_and_v_brings_it_back() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 30)) as pilot:
        app.run_text("info tensors")
        await pilot.pause()
        assert not app.main.inspector.is_on_screen
        await pilot.press("v")
        await pilot.pause()
        assert app.main.inspector.tab == "facts"
        assert app.main.inspector.is_on_screen
        assert "norm" in "".join(beside(app))
        assert "Esc closes" in lines_of(app)[1]


@pytest.mark.parametrize("scenario", ["two_layer", "nan_sqrt", "embedding", "transformer_block"])
async def test_what_the_tabs_say_is_so(scenario: str) -> None:
    app = app_of(scenario)
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.state is not None
        known = Known(app.state.timeline)
        app.run_text(f"watch norm({app.state.timeline.graph.names[0]}) ;; display {app.state.timeline.graph.names[0]}")
        for place in ("begin", "40%", "70%", "90%", "end"):
            app.run_text(f"seek {place}")
            for tab in TABS:
                app.main.inspector.turn_to(tab)
                await pilot.pause()
                assert faults_of(lines_of(app), app.state, known) == [], (place, tab)


async def test_the_judge_sees_a_cell_in_the_wrong_bin(monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(array: Any) -> Any:
        found = histogram(array)
        counts = (found.counts[0] + 1, found.counts[1] - 1, *found.counts[2:])
        return type(found)(found.edges, counts, found.zeros, found.nans, found.below, found.above)

    histogram = distribution.histogram
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.state is not None
        known = Known(app.state.timeline)
        for made in (histogram, moved):
            monkeypatch.setattr(sys.modules["bpdebug.views.inspector"], "histogram", made)
            app.run_text("seek Y@bwd")
            app.main.inspector.turn_to("hist")
            await pilot.pause()
            assert bool(faults_of(lines_of(app), app.state, known)) == (made is moved)


async def test_a_map_is_as_high_as_the_cells_are_large() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.state is not None
        app.run_text("seek Y@bwd")
        app.main.inspector.turn_to("map")
        await pilot.pause()
        gradient = app.state.timeline.grad("H", app.state.cursor)
        assert gradient is not None
        wanted = np.abs(gradient)
        rows = [line.split()[1] for line in beside(app)[2 : 2 + len(wanted)]]
        for text, row in zip(rows, wanted, strict=True):
            for sign, size in zip(text[::2], row, strict=True):
                level = 0 if sign == "·" else LEVELS.index(sign) + 1
                assert level == (min(int(8 * size / wanted.max()), 7) + 1 if size else 0)


async def test_at_the_end_and_in_practice_the_session_is_still_seen() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.state is not None
        app.run_text(
            "display norm(W1) ;; display norm(dW1) ;; watch dW1[0,0] ;; break Y@bwd if norm(dY) > 9 ;; seek end"
        )
        app.main.inspector.turn_to("displays")
        await pilot.pause()
        gradient = app.state.timeline.grad("W1")
        assert gradient is not None
        for name, array in (("W1", app.state.timeline.value("W1")), ("dW1", gradient)):
            line = next(line for line in beside(app) if f"norm({name})" in line)
            assert says(line.split()[-1], float(np.sqrt((array**2).sum())))
        app.main.inspector.turn_to("stops")
        await pilot.pause()
        text = beside(app)
        assert "1 watch, 0 hits" in text
        drawn, room = reading(text[text.index("1 watch, 0 hits") + 2].split()[-1])
        assert drawn == pytest.approx(gradient[0, 0], abs=room)
        assert "2 breakpoint, 0 hits" in text
        app.run_text("seek begin ;; continue")
        await pilot.pause()
        assert "1 watch, 1 hit" in beside(app)
        app.run_text("practice ;; seek Y@bwd")
        for tab in TABS:
            app.main.inspector.turn_to(tab)
            await pilot.pause()
            assert not [line for line in beside(app)[3:] if "0." in line], tab
