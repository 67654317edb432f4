"""The one-line widgets: whatever the width they fit, and what was cut says so."""

from __future__ import annotations

import pytest
from rich.style import Style
from textual.geometry import Size

from bpdebug.errors import BpdebugError
from bpdebug.frontends.tui.bars import Bar

from .screen import app_of, text_of

PLAIN = Style()


@pytest.mark.parametrize("yields", ["left", "right"])
@pytest.mark.parametrize("width", [1, 2, 3, 5, 10, 20, 40, 80])
def test_any_pieces_fit_any_width(monkeypatch: pytest.MonkeyPatch, yields: str, width: int) -> None:
    monkeypatch.setattr(Bar, "size", Size(width, 1))
    monkeypatch.setattr(Bar, "refresh", lambda self: None)
    words = ["", "k", " step  ", "一二三 wide", "a long text that wants more than there is"]
    for left in range(len(words) + 1):
        for right in range(len(words) + 1):
            bar = Bar("bar", yields=yields)
            bar.show(tuple((w, PLAIN) for w in words[:left]), tuple((w, PLAIN) for w in words[:right]))
            assert bar.render_line(0).cell_length <= max(width, 1)


async def test_an_error_that_is_too_long_is_cut_and_not_left_out() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(60, 24)) as pilot:
        app.complain(BpdebugError("a message " * 12, code="E_EXPR", hint="what to do"))
        await pilot.pause()
        assert "E_EXPR a message a message" in text_of(app)
        assert "…" in text_of(app)
