"""The texts that an editor shows: the program's, and the user's own source behind a program that was imported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bpdebug.errors import CommandError
from bpdebug.frontends.dap.adapter import Adapter, Body, request
from bpdebug.frontends.dap.arguments import SourceAsked, TextAsked
from bpdebug.frontends.dap.users import plain

TEXT = 1
"""The number under which the program's text is offered where no file holds it."""


def told(path: Path) -> Body:
    """A file as the protocol says it."""
    return {"name": path.name, "path": os.path.abspath(path)}


def source(adapter: Adapter) -> Body:
    """The program's text: its file, or a number to ask it by."""
    scenario = adapter.session.scenario
    if scenario.path is not None and scenario.path.suffix == ".toml":
        return told(scenario.path)
    return {"name": f"{scenario.name}.toml", "sourceReference": TEXT}


def place(adapter: Adapter, line: int) -> tuple[Body, int]:
    """The source and the line that are shown for a line of the program: the user's own, where it is known."""
    sources: Mapping[int, tuple[str, str]] = adapter.session.timeline.graph.imported.sources
    name, _, number = sources.get(line, ("", ""))[0].rpartition(":")
    path = adapter.users.path(name) if name else None
    return (source(adapter), line) if path is None else (told(path), int(number))


def file_of(adapter: Adapter, asked: SourceAsked) -> str | None:
    """What a client's source is: '' the program's text, else the name of a file of the user's; None for any other."""
    own = source(adapter)
    if asked.path is None or asked.source_reference:
        return "" if asked.source_reference == own.get("sourceReference") else None
    if "path" in own and plain(asked.path) == plain(own["path"]):
        return ""
    return adapter.users.name(asked.path) or None


@request("loadedSources")
def loaded_sources(adapter: Adapter, asked: Any) -> Body:
    """The program's text, and the user's files behind it."""
    found = [path for name in adapter.users.known if (path := adapter.users.path(name)) is not None]
    return {"sources": [source(adapter), *map(told, found)]}


@request("source", TextAsked)
def text(adapter: Adapter, asked: TextAsked) -> Body:
    """The program's text; E_COMMAND for a number under which none was offered."""
    if TEXT not in (asked.source.source_reference, asked.source_reference):
        raise CommandError("no text was offered under this number")
    return {"content": "\n".join(adapter.session.scenario.lines), "mimeType": "text/x-toml"}
