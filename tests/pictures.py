"""The README's pictures, made by the program: `python -m tests.pictures` writes them anew, a test says when to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

from bpdebug.debugger import open_session
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.scenario import find, load

FOLDER = Path(__file__).parents[1] / ".github"
PICTURES: Mapping[str, tuple[str, tuple[int, int], tuple[str, ...]]] = {
    "screen": ("transpose", (120, 32), ("seek Y@bwd",)),
    "lens": ("transpose", (120, 40), ("seek Y@bwd", "lens")),
}
"""Each with its scenario, its size, and the lines that lead there."""


async def drawn(name: str) -> str:
    """A picture as SVG."""
    scenario, size, lines = PICTURES[name]
    app = BpdebugApp(open_session(load(find(scenario))))
    async with app.run_test(size=size) as pilot:
        for line in lines:
            app.run_text(line)
        await pilot.press("down")
        await pilot.pause()
        return app.export_screenshot(title="bpdebug", simplify=True)


def seen(svg: str) -> set[tuple[str, str, str, str]]:
    """What a picture shows: its words, each with its place and how it is drawn, however the SVG is written."""
    styles = dict(re.findall(r"\.terminal-\d+-(r\d+) \{([^}]*)\}", svg))
    words = re.findall(r'<text class="terminal-\d+-(r\d+)" x="([^"]+)" y="([^"]+)"[^>]*>([^<]*)</text>', svg)
    return {(styles[style], x, y, text) for style, x, y, text in words}


async def write() -> None:
    """All of them, into the folder that the README shows them from."""
    for name in PICTURES:
        (FOLDER / f"{name}.svg").write_text(await drawn(name), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(write())
