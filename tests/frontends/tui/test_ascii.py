"""The screen in ASCII: every pane of every lesson, as wide as it is with signs, and nothing is an escape but names."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rich.cells import cell_len

from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.preferences import Preferences
from bpdebug.scenario import shipped

from .screen import lines_of, state_of

ESCAPE = re.compile(r"\\[xuU][0-9a-f]{2,8}")
PLAIN = Preferences(ascii=True)
NAMED = """
format = 1
title = "Ein Name wie λ, 中, é"
[inputs]
"λ" = [[1.0, 2.0]]
[graph]
loss = "L"
program = "L = sum(λ)"
"""


def seen(app: Any) -> str:
    """The screen, of which every line is in ASCII and of the same width."""
    lines = lines_of(app)
    assert {len(line) for line in lines} == {app.size.width}
    assert all(map(str.isascii, lines))
    return "\n".join(lines)


@pytest.mark.parametrize("name", [entry.name for entry in shipped() if entry.name != "broken_shape"])
async def test_every_lesson(name: str) -> None:
    app = BpdebugApp(state_of(name), preferences=PLAIN)
    async with app.run_test(size=(120, 40)) as pilot:
        for line in ("seek begin", "lens", "seek matmul@bwd", "lens", "seek end", "flow"):
            app.run_text(line)
            await pilot.pause()
            assert not ESCAPE.search(seen(app))


async def test_every_pane_and_page() -> None:
    app = BpdebugApp(state_of("transpose"), preferences=PLAIN)
    usual = BpdebugApp(state_of("transpose"))
    keys = ("i", "i", "down", "M", "M", "tab", "tab", "escape", "question_mark", "escape", "ctrl+p", "escape", "colon")
    screens: dict[bool, list[list[str]]] = {True: [], False: []}
    for one in (app, usual):
        async with one.run_test(size=(100, 30)) as pilot:
            one.run_text("break Y@bwd ;; display norm(dW) ;; seek Y@bwd")
            for key in keys:
                await pilot.press(key)
                await pilot.pause(0.1 if key == "ctrl+p" else 0)
                screens[one is app].append(lines_of(one))
                assert one is usual or not ESCAPE.search(seen(one))
    for plain, signs in zip(screens[True], screens[False], strict=True):
        assert [len(line) for line in plain] == [cell_len(line) for line in signs]


async def test_what_stands_apart_reads_as_no_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bpdebug.frontends.terminal.in_ascii", lambda: True)
    app = BpdebugApp(state_of("two_layer"), preferences=PLAIN)
    async with app.run_test(size=(120, 40)) as pilot:
        for line in ("seek Y@bwd", "lens", "find dW2 max", "seek end"):
            app.run_text(line)
            await pilot.pause()
            lines = seen(app).split("\n")
            apart = [text for text in lines if " | loss" in text or " closes" in text or "The end." in text]
            assert apart
            assert not any(" * " in text for text in apart)


async def test_the_menu() -> None:
    app = BpdebugApp(None, shipped(), state_of, preferences=PLAIN)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "Where W.T comes from transpose" in seen(app)
        assert not ESCAPE.search(seen(app))


async def test_a_name_is_escaped_where_there_is_room_and_never_shifts_a_column() -> None:
    app = BpdebugApp(state_of(NAMED), preferences=PLAIN)
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause()
        assert "L = sum(\\u03bb)" in seen(app)
