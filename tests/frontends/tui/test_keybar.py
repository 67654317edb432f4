"""The bar of keys: what is of use comes first, nothing is cut in the middle, and a click presses a key."""

from __future__ import annotations

import re

import pytest
from textual.geometry import Size

from bpdebug.frontends.tui import keys
from bpdebug.frontends.tui.keybar import ALWAYS, GAP, KeyBar, foot
from tests.lessons import session

from .screen import app_of, lines_of, state_of

SHOWN = {id: row.cap for id, row in keys.TABLE.items()}


def bar_of(line: str) -> list[str]:
    """The items of a bar of keys as it is drawn."""
    return [item for item in re.split(" {2,}", line.strip()) if item]


@pytest.mark.parametrize("width", range(1, 201))
def test_no_item_is_ever_cut(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(KeyBar, "size", Size(width, 1))
    monkeypatch.setattr(KeyBar, "refresh", lambda self: None)
    bar = KeyBar(SHOWN)
    state = state_of("transpose")
    whole = {f"{SHOWN[id]} {word}" for id, word in (*foot(state, keys.STAGE), *ALWAYS)}
    bar.show(foot(state, keys.STAGE))
    line = bar.render_line(0)
    assert line.cell_length <= max(width, 1)
    found = bar_of(line.text)
    assert set(found) <= whole
    assert len(found) == len(list(bar.placed()))
    ends = [at + len(f"{SHOWN[id]} {word}") for at, (id, word) in bar.placed()]
    assert all(at >= end + GAP for (at, _), end in zip(list(bar.placed())[1:], ends, strict=False))


async def test_explanations_come_first_at_a_backward_event() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(80, 24)) as pilot:
        app.run_text("seek Y@bwd")
        await pilot.pause()
        assert bar_of(lines_of(app)[-1]) == [
            "s step", "S back", "i turn it", "x lens", "y why", "k candidates", ": cmd", "? help", "q quit",
        ]  # fmt: skip
        await pilot.press("i")
        await pilot.pause()
        assert "i multiply" in lines_of(app)[-1]


@pytest.mark.parametrize(
    ("lines", "first"),
    [
        ("seek begin", ["step", "reverse-step", "next", "continue", "break", "lens"]),
        ("seek L@seed", ["step", "reverse-step", "next", "continue", "break", "stepi"]),
        ("seek end", ["step", "reverse-step", "restart", "practice", "lesson.next", "lesson.menu"]),
        ("seek Y@bwd", ["step", "reverse-step", "stepi", "lens", "why", "candidates"]),
        ("seek H@bwd", ["step", "reverse-step", "stepi", "lens", "why", "origin"]),
        ("seek Y@bwd ;; lens", ["stage.follow", "close", "step", "reverse-step", "stepi"]),
        ("seek Y@bwd ;; break", ["step", "reverse-step", "stepi"]),  # what is said covers nothing
        ("practice", ["answer", "step", "reverse-step"]),
    ],
)
async def test_what_stands_first(lines: str, first: list[str]) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 30)):
        app.run_text(lines)
        assert [id for id, _ in app.foot.left][: len(first)] == first
        assert all(id in keys.TABLE for id, _ in (*app.foot.left, *app.foot.right))


def test_a_loss_that_is_no_number_is_enough_for_that() -> None:
    """Of a model with many rows the one that made it is in no row that was seen."""
    text = 'format = 1\n[parameters]\nw = [-1.0]\n[graph]\nloss = "L"\nprogram = "L = sum(log(w))"\n'
    assert dict(foot(session(text, "seek end"), ""))["why"] == "why NaN"
    assert "why" not in dict(foot(session("two_layer", "seek end"), "")[:3])


async def test_where_a_number_is_none_why_comes_first_at_the_end() -> None:
    for name, first in (("nan_where", ("why", "why NaN")), ("two_layer", ("restart", "again"))):
        app = app_of(name)
        async with app.run_test(size=(120, 30)):
            app.run_text("seek end")
            assert app.foot.left[:3] == [("step", "step"), ("reverse-step", "back"), first]


async def test_the_pane_with_the_focus_says_its_own_keys() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 30)) as pilot:
        app.program.focus()
        await pilot.pause()
        assert app.foot.left[0] == ("program.down", "select")
        app.main.inspector.focus()
        await pilot.pause()
        assert app.foot.left[:2] == [("tab.before", "tab"), ("tab.next", "tab")]
        app.stage.focus()
        await pilot.pause()
        assert app.foot.left[0] == ("step", "step")


async def test_a_click_presses_the_key() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        assert app.state is not None
        for word, cursor in (("step", 1), ("step", 2), ("back", 1)):
            await pilot.click("#keys", offset=(lines_of(app)[-1].index(word), 0))
            await pilot.pause()
            assert app.state.cursor == cursor
        await pilot.click("#keys", offset=(lines_of(app)[-1].index("help"), 0))
        await pilot.pause()
        assert "Help" in lines_of(app)[1]
        await pilot.press("escape")
        await pilot.click("#keys", offset=(lines_of(app)[-1].index("cmd"), 0))
        await pilot.press(*"seek end", "enter")
        assert app.state.event is None
