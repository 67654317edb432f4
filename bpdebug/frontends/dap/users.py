"""The user's own source behind a program that was imported: which file on this machine it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

from msgspec import Struct

from bpdebug.errors import printable
from bpdebug.graph import Graph

MOST_FOLDERS, MOST_BYTES = 2_000, 4 * 2**20
"""Folders below a program's that are looked through for a file, and bytes of one that is read."""
PASSED_OVER = ("__pycache__", "node_modules", "site-packages")


class Users(Struct, eq=False):
    """Files of the user's: by name, what is known of their lines, and where they were found.

    A recording knows `train.py:14` and what stood there, not the folder: a file is the one that has those lines.
    """

    known: dict[str, dict[int, str]]
    folders: tuple[Path, ...]
    found: dict[str, Path | None]

    def path(self, name: str) -> Path | None:
        """Where a file is; None where it is not there, or is another by now."""
        if name not in self.found:
            self.found[name] = next((path for path in self._called(name) if self._is(path, name)), None)
        return self.found[name]

    def name(self, path: str) -> str:
        """The name under which the program knows a client's file; '' where it knows none, or another file."""
        name = os.path.basename(path)
        if name not in self.known:
            return ""
        if self.path(name) is None and self._is(Path(path), name):
            self.found[name] = Path(path)
        found = self.path(name)
        return name if found is not None and plain(str(found)) == plain(path) else ""

    def _called(self, name: str) -> Iterator[Path]:
        """The files of that name, the nearest first."""
        if name in ("", "..") or os.path.basename(name) != name:  # a recording may say anything
            return
        for folder in self.folders:
            for inside, below, names in islice(os.walk(folder), MOST_FOLDERS):
                below[:] = sorted(b for b in below if b not in PASSED_OVER and not b.startswith("."))
                if name in names:
                    yield Path(inside, name)

    def _is(self, path: Path, name: str) -> bool:
        """Whether a file has the lines that are known of it."""
        try:
            if not path.is_file() or path.stat().st_size > MOST_BYTES:
                return False
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            return False
        return all(
            n <= len(lines) and printable(lines[n - 1].strip()).startswith(text) for n, text in self.known[name].items()
        )


def users(graph: Graph, program: str) -> Users:
    """Those of a graph that was imported from a file: beside it, or where we were started."""
    known: dict[str, dict[int, str]] = {}
    for place, text in graph.imported.sources.values():
        name, _, line = place.rpartition(":")
        if name and int(line):
            known.setdefault(name, {})[int(line)] = text
    return Users(known, (Path(program).resolve().parent, Path.cwd()), {})


@cache
def plain(path: str) -> str:
    """A path by which files are compared."""
    return os.path.normcase(os.path.realpath(path))
