"""A script played on the screen: line by line, stopping where one fails."""

from __future__ import annotations

import asyncio

from bpdebug.frontends.scripts.replay import Run
from bpdebug.frontends.scripts.script import parse_script
from bpdebug.frontends.tui.playing import Player


async def done(app: Player) -> None:
    """A player whose line is carried out."""
    while app.work is not None:
        await asyncio.sleep(0.002)


async def test_a_script_moves_the_screen() -> None:
    run = Run(parse_script("a.bpd", 'load transpose\nbreak Y@bwd\ncontinue\nexpect formula X "∂Y @ Wᵀ"\nprint dX\n'))
    steps = run.steps()
    next(steps)
    app = Player(run, steps, 3600)
    async with app.run_test(size=(120, 40)):
        cursors = []
        for _ in range(5):
            app.advance()
            await done(app)
            assert app.state is not None
            cursors.append(app.state.cursor)
    assert cursors == [0, 2, 2, 2, 2]
    assert not run.errors


async def test_it_goes_on_from_where_the_reader_is() -> None:
    run = Run(parse_script("a.bpd", "load transpose\nstep\nstep\n"))
    steps = run.steps()
    next(steps)
    app = Player(run, steps, 3600)
    async with app.run_test(size=(120, 40)) as pilot:
        app.advance()
        await done(app)
        await pilot.press("R")
        app.advance()
        await done(app)
        assert app.state is not None
        assert app.state.cursor == 1


async def test_it_ends_where_a_line_fails() -> None:
    run = Run(parse_script("a.bpd", "load transpose\nexpect dX ~ 0\nstep\n"))
    steps = run.steps()
    next(steps)
    app = Player(run, steps, 0.01)
    async with app.run_test(size=(120, 40)) as pilot:
        for _ in range(100):
            await asyncio.sleep(0.02)
            if run.errors:
                break
        await pilot.pause()
        assert app.state is not None
        assert app.state.cursor == 0
    assert [e.number for e in run.errors] == [2]
