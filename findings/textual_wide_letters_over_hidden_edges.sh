#!/usr/bin/env bash
# Textual 8.2.8: a wide letter of a widget on top is blanked where a widget that it covers has its edge.
#
# Guess: what lies under an opaque widget does not show, so a text in the upper one is drawn the same whatever is below.
# Fact: every line is divided at the edges of all widgets on it, the covered ones too, and a letter of two columns that
#       stands across such an edge becomes two blanks: one letter of a Chinese sentence is missing. Latin text is whole.
# Met by: whoever lays a box with Chinese, Japanese or Korean text over panes that stand side by side.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'textual==8.2.8'
"$folder/venv/bin/python" - <<'PY'
import asyncio
from importlib.metadata import version

from textual.app import App
from textual.containers import Horizontal
from textual.widgets import Static

assert version("textual") == "8.2.8"


class Shown(App):
    CSS = """
    Screen { layers: below above; }
    Horizontal { layer: below; }
    #left { width: 5; }
    #box { layer: above; width: 20; height: 1; }
    """

    def compose(self):
        with Horizontal():
            yield Static("", id="left")
            yield Static("", id="right")
        yield Static("梯度往回传播", id="box")


async def first_line():
    app = Shown()
    async with app.run_test(size=(20, 3)) as pilot:
        await pilot.pause()
        return "".join(segment.text for segment in app.screen._compositor.render_strips()[0]).rstrip()


found = asyncio.run(first_line())
print("said: 梯度往回传播, shown:", found)
assert found == "梯度  回传播", found
PY
