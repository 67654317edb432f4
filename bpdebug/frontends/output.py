"""Long output in pieces: lines as they are made, a page at a time where somebody reads them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bpdebug.translation import N_, _, english
from bpdebug.views import json_pieces
from bpdebug.wrapping import display_width

MORE = N_("-- Enter: more, a: all, q: no more -- ")


def print_lines(lines: Iterable[str]) -> None:
    """Lines on standard output."""
    for line in lines:
        sys.stdout.write(f"{line}\n")


def print_json(data: Any) -> None:
    """One line of JSON on standard output, in English whatever is spoken."""
    write = getattr(sys.stdout, "write_json", sys.stdout.write)
    with english():
        for piece in json_pieces(data):
            write(piece)
    sys.stdout.write("\n")


def paged(lines: Iterable[str], ask: Callable[[str], str] = input) -> Iterator[str]:
    """Lines a page of the terminal at a time; `ask` is put MORE between pages, and its answer says how to go on."""
    import shutil  # here alone: it loads every compressor

    columns, rows = shutil.get_terminal_size()
    used, whole = 0, False
    for line in lines:
        size = max(1, -(-display_width(line) // columns))
        if not whole and used and used + size >= rows:
            sys.stdout.flush()
            answer = ask(_(MORE)).strip().lower()
            if answer.startswith("q"):
                return
            used, whole = 0, answer.startswith("a")
        used += size
        yield line
