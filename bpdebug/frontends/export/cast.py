"""A script on the screen as an asciicast: a terminal session that asciinema plays, with a marker per node.

https://docs.asciinema.org/manual/asciicast/v3/ and /v2/. Nothing in it is of the moment at which it is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bpdebug.errors import UsageError
from bpdebug.frontends.export import Opened
from bpdebug.frontends.options import limits_of, replaced_by
from bpdebug.frontends.scripts.replay import Settings

SECONDS = 1.5
"""For which each line of the script is seen."""
BEGIN, END = "\x1b[?25l\x1b[2J", "\x1b[0m\x1b[?25h"
"""The cursor goes and comes back: players show what a terminal would."""
SMALLEST, LARGEST = (40, 10), (400, 200)
"""Columns and rows."""

Moment = tuple[float, str, str]
"""Seconds from the beginning, what it is, and what is said: `o` is output, `m` a marker."""


def cast(args: SimpleNamespace, opened: Opened) -> str:
    """The file, JSON Lines. Raises UsageError for a size that cannot be, and what refuses the script or fails in it."""
    from bpdebug.frontends.tui.filming import filmed  # the screen: only here is it wanted

    size = _size(args.size)
    frames = filmed(args.file, Settings(limits_of(args), replaced_by(args)), size)
    lines: list[Any] = [_header(2 if args.v2 else 3, size, Path(args.file).stem)]
    before = 0.0
    for at, kind, said in _moments([(frame.rows, frame.label) for frame in frames]):
        lines.append([at - before, kind, said])
        before = 0.0 if args.v2 else at  # v3 says how long after the one before
    if not args.v2:
        lines.append([0.0, "x", "0"])
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", text, re.ASCII)
    if found is None:
        raise UsageError(f"--size {text}", hint="columns and rows: --size 120x40")
    size = int(found[1]), int(found[2])
    for number, least, most in zip(size, SMALLEST, LARGEST, strict=True):
        if not least <= number <= most:
            said = f"from {'x'.join(map(str, SMALLEST))} to {'x'.join(map(str, LARGEST))}"
            raise UsageError(f"--size {text}", hint=f"{said}: --size 120x40")
    return size


def _header(version: int, size: tuple[int, int], title: str) -> dict[str, Any]:
    columns, rows = size
    if version == 2:
        return {"version": 2, "width": columns, "height": rows, "title": title}
    return {"version": 3, "term": {"cols": columns, "rows": rows, "type": "xterm-256color"}, "title": title}


def _moments(frames: list[tuple[tuple[str, ...], str]]) -> Iterator[Moment]:
    """Of each frame the rows that are others than before, and behind them a marker where the event is another."""
    shown: tuple[str, ...] = ()
    for n, (rows, label) in enumerate(frames):
        drawn = "".join(
            f"\x1b[{y}H{row}" for y, row in enumerate(rows, 1) if y > len(shown) or shown[y - 1] != row
        )  # fmt: skip
        yield n * SECONDS, "o", drawn if shown else BEGIN + drawn
        if label:
            yield n * SECONDS, "m", label
        shown = rows
    yield len(frames) * SECONDS, "o", END
