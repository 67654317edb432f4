"""The mouse: the line of time, the program, and cells."""

from __future__ import annotations

from .screen import TRAINED, app_of, text_of


async def test_a_click_on_the_line_of_time_goes_there() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        assert app.state is not None
        await pilot.click("#timeline", offset=(app.timeline.size.width - len(app.timeline.tail) - 1, 0))
        await pilot.pause()
        assert app.state.cursor == len(app.state.timeline)
        await pilot.click("#timeline", offset=(0, 0))
        await pilot.pause()
        assert app.state.cursor == 0


async def test_dragging_scrubs() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        assert app.state is not None
        await pilot.mouse_down("#timeline", offset=(9, 0))
        seen = []
        for x in range(9, 90, 8):
            await pilot.hover("#timeline", offset=(x, 0))
            await pilot.pause()
            seen.append(app.state.cursor)
        await pilot.mouse_up("#timeline", offset=(89, 0))
        assert seen == sorted(seen)
        assert len(set(seen)) > 5
        last = app.state.cursor
        await pilot.hover("#timeline", offset=(20, 0))
        await pilot.pause()
        assert app.state.cursor == last


async def test_a_click_on_the_program_goes_there_and_b_stops_there() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        assert app.state is not None
        row = next(y for y, line in enumerate(text_of(app).split("\n")) if "Y = H @ W2" in line)
        await pilot.click(offset=(10, row))
        await pilot.pause()
        assert app.state.event is not None
        assert app.state.event.name == "Y"
        app.program.focus()
        await pilot.press("down", "b")
        assert len(app.state.breakpoints) == 1
        assert app.state.event.name == "Y"
        await pilot.pause()
        assert "●" in text_of(app)


async def test_breakpoints_are_ticks_on_the_line_of_time() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        app.run_text("break Y@bwd")
        await pilot.pause()
        assert "┃" in text_of(app).split("\n")[-3]


async def test_the_line_of_time_counts_iterations() -> None:
    app = app_of(TRAINED)
    async with app.run_test(size=(100, 30)) as pilot:
        assert "backward  0 of 0..2" in text_of(app)
        app.run_text("seek end")
        await pilot.pause()
        assert "backward  2 of 0..2" in text_of(app)


async def test_a_click_on_a_cell_marks_it() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        box, corner = app.stage.rows[0][0], app.stage.content_region.offset
        await pilot.click(offset=(corner.x + box.x + box.label + 2, corner.y + box.y + 2))
        await pilot.pause()
        assert app.stage.chosen == (box, 0, 0)
        assert "[" in text_of(app)
        await pilot.press("escape")
        assert app.stage.chosen is None


async def test_the_bar_of_the_stage_is_dragged() -> None:
    app = app_of("transformer_block")
    async with app.run_test(size=(80, 24)) as pilot:
        app.run_text("info tensors")
        await pilot.pause()
        stage, (left, top, width, height) = app.stage, app.stage.content_region
        assert stage.bar().start == 0
        x, seen = left + width - 1, []
        await pilot.mouse_down(offset=(x, top))
        for y in (*range(height), height + 9, 0):
            await pilot.hover(offset=(x - y % 5, min(top + y, 23)))
            seen.append((stage.top, stage.bar().start))
        await pilot.mouse_up(offset=(x, top))
        last = stage.length - height
        assert [start for _, start in seen[:height]] == [min(y, last * height // stage.length) for y in range(height)]
        assert [at for at, _ in seen[-3:]] == [last, last, 0]
        await pilot.hover(offset=(x, top + 9))
        assert stage.top == 0
        await pilot.click(offset=(x, top + height - 1))
        await pilot.pause()
        assert stage.top == last
        assert app.main.selections == {}


async def test_a_click_on_the_bar_leaves_the_mark() -> None:
    app = app_of("transformer_block")
    async with app.run_test(size=(80, 24)) as pilot:
        app.run_text("seek 60% ;; lens")
        await pilot.press("down")
        await pilot.pause()
        assert app.stage.bar()
        corner = app.stage.content_region
        await pilot.click(offset=(corner.right - 1, corner.y + 3))
        assert app.stage.chosen is not None
        await pilot.click(offset=(corner.right - 2, corner.y + 3))
        assert app.stage.chosen is None


async def test_a_click_on_a_pane_closes_the_command_line() -> None:
    """It covered the pane's keys, and what was typed then went elsewhere."""
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        for pane in ("#program", "#inspector", "#stage"):
            await pilot.press("colon", "h")
            await pilot.pause()
            assert "(bpdebug) h" in text_of(app)
            await pilot.click(pane, offset=(4, 12))
            await pilot.pause()
            assert app.prompt is not None
            assert not app.prompt.display
            assert "(bpdebug)" not in text_of(app)
            assert ": cmd" in text_of(app)
