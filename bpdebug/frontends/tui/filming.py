"""A script on the screen without a terminal: how the screen looks after each of its lines, as a terminal is told it."""

from __future__ import annotations

import asyncio
import os
from io import StringIO

from msgspec import Struct
from rich.console import Console
from textual.pilot import Pilot

from bpdebug.engine import Event
from bpdebug.errors import InputError
from bpdebug.expression.location import SHORT
from bpdebug.frontends.scripts.replay import Settings
from bpdebug.frontends.tui.playing import Player, begun
from bpdebug.frontends.tui.preferences import read_preferences

PAUSE = 0.002
"""Seconds between two looks at whether something still works."""


class Still(Struct, frozen=True):
    """The screen once it has come to rest: its rows, and the event that it has come to ('': the one before)."""

    rows: tuple[str, ...]
    label: str


def filmed(path: str, settings: Settings, size: tuple[int, int]) -> list[Still]:
    """The screen after each line of a script, in columns and rows, in the user's theme.

    Raises what refuses the script, the ScriptError of its first line that fails, and InputError (E_SCRIPT) where it
    loads nothing.
    """
    return asyncio.run(_filmed(path, settings, size))


async def _filmed(path: str, settings: Settings, size: tuple[int, int]) -> list[Still]:
    run, steps = begun(path, settings)
    if run.state is None:
        hint = "begin with: load two_layer.toml"
        raise InputError("the script loads no scenario", code="E_SCRIPT", where=path, hint=hint)
    os.environ.pop("NO_COLOR", None)  # it is said of the terminal where the film is made, as TERM is
    app = Player(run, steps, None, read_preferences())
    console = Console(file=StringIO(), force_terminal=True, color_system="truecolor", _environ={})
    found: list[Still] = []
    async with app.run_test(size=size) as pilot:
        found.append(await _settled(app, pilot, console, None))
        for step in steps:
            if step.error is not None:
                raise step.error
            before = _place(app)
            app.carried_out(step)
            found.append(await _settled(app, pilot, console, before))
            if app.state is None or app.state.done:
                break
    return found


async def _settled(app: Player, pilot: Pilot[int], console: Console, before: tuple[int, int] | None) -> Still:
    """The screen, once nothing works any more and all that was said to be drawn anew is."""
    await pilot.pause()
    while app.work is not None or app.gate.waiting:
        await asyncio.sleep(PAUSE)
        await pilot.pause()
    strips = app.screen._compositor.render_strips()
    rows = tuple(strip.simplify().render(console).replace("\x1b[0m\x1b[", "\x1b[0;") for strip in strips)
    return Still(rows, "" if _place(app) == before else _label(app))


def _place(app: Player) -> tuple[int, int] | None:
    return None if app.state is None else (app.state.fork, app.state.cursor)


def _label(app: Player) -> str:
    event: Event | None = None if app.state is None else app.state.event
    return "end" if event is None else f"{event.name}@{SHORT[event.phase]}"
