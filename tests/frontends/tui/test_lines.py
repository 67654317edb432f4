"""Light strips are Textual's, in all that can be asked of them; what they leave out is not made after all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import Monochrome
from textual.strip import Strip

from bpdebug.frontends.tui import lines
from bpdebug.frontends.tui.lines import BLANK, Light

from .screen import app_of

PIECES = [Segment("ab", Style(bold=True)), Segment("漢字", Style(color="red")), Segment(" c", Style())]
ASKED: dict[str, Callable[[Strip], Any]] = {
    "text": lambda s: s.text,
    "length": lambda s: (len(s), s.cell_length, s.cell_count, bool(s)),
    "segments": list,
    "equal": lambda s: s == Strip(PIECES),
    "divide": lambda s: [part.text for cuts in ([8], [2, 8], [3, 5, 8], [9], []) for part in s.divide(cuts)],
    "crop": lambda s: [s.crop(start, end).text for start in range(9) for end in (*range(9), None)],
    "adjust": lambda s: [s.adjust_cell_length(width).text for width in range(12)],
    "extend": lambda s: s.crop_extend(1, 12, None).text,
    "join": lambda s: type(s).join([s, None, s]).text,
    "style": lambda s: list(s.apply_style(Style(reverse=True))),
    "filter": lambda s: list(s.apply_filter(Monochrome(), Color(0, 0, 0))),
    "offsets": lambda s: list(s.apply_offsets(3, 4)),
    "links": lambda s: s.link_ids,
    "align": lambda s: s.text_align(12, "right").text,
}


@pytest.mark.parametrize("asked", ASKED)
def test_a_light_strip_answers_as_any_other(asked: str) -> None:
    for length in (8, None):
        one, other = Strip(PIECES, length), Light(PIECES, length)
        assert ASKED[asked](other) == ASKED[asked](one)
        assert ASKED[asked](other) == ASKED[asked](one), "and again"
    assert ASKED["text"](BLANK) == ""
    with pytest.raises(AttributeError):
        _ = Light([]).nothing_of_that_name


async def test_a_step_makes_no_memories_for_most_of_the_lines_that_it_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    app, made, asked = app_of("transformer_block"), [0], [0]
    init, more = Light.__init__, Light.__getattr__

    def counted(self: Light, *args: Any) -> None:
        made[0] += 1
        init(self, *args)

    def remembered(self: Light, name: str) -> Any:
        asked[0] += 1
        return more(self, name)

    async with app.run_test(size=(120, 40)) as pilot:
        monkeypatch.setattr(lines.Light, "__init__", counted)
        monkeypatch.setattr(lines.Light, "__getattr__", remembered)
        await pilot.press(*"ssssssss")
        await pilot.pause()
    assert made[0] > 400
    assert asked[0] < made[0] / 4, (asked, made)
