#!/usr/bin/env bash
# Textual 8.2.8: a widget's default CSS comes along its first bases only, not along Python's order of bases.
#
# Guess: class Pane(Painting, ScrollView), Painting being a small Widget, scrolls as any ScrollView does: its methods are
#        found, so its DEFAULT_CSS is applied, too.
# Fact: only the first base that is a DOM node is followed (Pane, Painting, Widget): ScrollView's overflow is lost, no
#       scrollbar appears, and neither the wheel nor page-down moves anything, though everything else of it works. With the
#       bases the other way round it scrolls.
# Met by: whoever gives several scrolling widgets one way of painting by a class that is a Widget itself.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'textual==8.2.8'
"$folder/venv/bin/python" - <<'PY'
import asyncio
from importlib.metadata import version

from textual.actions import SkipAction
from textual.app import App
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.widget import Widget

assert version("textual") == "8.2.8"


class Painting(Widget):
    pass


class First(Painting, ScrollView):
    pass


class Second(ScrollView, Painting):
    pass


async def scrolled(kind):
    class Shown(App):
        def compose(self):
            yield kind()

    app = Shown()
    async with app.run_test(size=(20, 5)) as pilot:
        pane = app.query_one(kind)
        pane.virtual_size = Size(10, 100)
        await pilot.pause()
        try:
            pane.action_page_down()
        except SkipAction:
            pass
        await pilot.pause(0.5)
        return pane.styles.overflow_y, pane.show_vertical_scrollbar, pane.scroll_offset.y > 0


for kind, right in ((First, ("hidden", False, False)), (Second, ("auto", True, True))):
    found = asyncio.run(scrolled(kind))
    print(kind.__name__, "overflow, scrollbar, moved:", *found)
    assert tuple(found) == right, found
PY
