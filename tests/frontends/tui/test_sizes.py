"""Every size of the terminal."""

from __future__ import annotations

import pytest
from textual.geometry import Size

from bpdebug.frontends.tui.layout import places

from .painted import cells_of
from .screen import TRAINED, app_of, text_of


@pytest.mark.parametrize("scenario", ["two_layer", "attention", TRAINED])
async def test_resizing_never_fails(scenario: str) -> None:
    app = app_of(scenario)
    async with app.run_test(size=(120, 40)) as pilot:
        for width, height in [(40, 12), (69, 20), (200, 60), (70, 16), (99, 15), (100, 24), (20, 5), (1, 1), (80, 24)]:
            await pilot.resize_terminal(width, height)
            await pilot.press("s", "i", "down")
            await pilot.pause()
        assert "forward" in text_of(app)


async def test_a_pane_that_comes_back_shows_what_is_there_now() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.resize_terminal(80, 24)
        app.run_text("seek Y@bwd")
        await pilot.resize_terminal(120, 30)
        await pilot.pause()
        assert "─ ∂H ─" in text_of(app).split("\n")[1]


def test_panes_fold_away() -> None:
    assert {"program", "stage", "inspector"} <= set(places(Size(120, 40)))
    assert "inspector" not in places(Size(99, 40))
    strip = places(Size(69, 24))
    assert strip["program"].width == 69
    assert strip["program"].height == 3
    assert "program" not in places(Size(60, 12))


@pytest.mark.parametrize(("width", "height"), [(40, 12), (70, 16), (80, 24), (100, 24), (120, 40), (200, 60)])
def test_panes_do_not_overlap(width: int, height: int) -> None:
    found = places(Size(width, height))
    del found["prompt"]
    assert sum(region.area for region in found.values()) == width * height
    assert all(region.width > 0 and region.height > 0 for region in found.values())


async def test_the_current_row_of_a_long_program_is_in_view_beside_a_scrollbar() -> None:
    app = app_of("transformer_block")
    async with app.run_test(size=(80, 24)) as pilot:
        for place in ("#40", "#3", "#54"):
            app.run_text(f"seek {place}")
            await pilot.pause()
            assert any(line.startswith("│▶") for line in text_of(app).split("\n"))
        assert app.program.bar()
        assert app.program.can_focus


@pytest.mark.parametrize("line", ["seek Y@bwd", "info tensors", "print W1", "lens", "why dW1", "help"])
async def test_no_cell_is_left_to_the_terminals_own_background(line: str) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        app.run_text(line)
        await pilot.pause()
        assert not {c for row in cells_of(app) for c in row if " on -" in c[1]}
