"""Where text goes that is copied: to a program of this system, else to the terminal (OSC 52), else into a file."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bpdebug.frontends.files import put
from bpdebug.frontends.folders import state_folder

TOOLS = (
    ("wl-copy", (), "WAYLAND_DISPLAY"), ("xclip", ("-selection", "clipboard"), "DISPLAY"),
    ("xsel", ("--clipboard", "--input"), "DISPLAY"), ("pbcopy", (), ""), ("clip.exe", (), ""),
)  # fmt: skip
"""Programs that fill a system's clipboard, with what they are told, and what says that they can."""
PATIENCE = 2.0
"""Seconds that such a program has."""
MOST_BY_TERMINAL = 74_994
"""Bytes that terminals take by OSC 52: 100,000 characters of base64, less what goes around them."""


def tools() -> Iterator[tuple[str, list[str]]]:
    """The programs that are there, each with its command line; none where the user sits at another machine."""
    if not (os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY")):
        for name, told, needs in TOOLS:
            path = shutil.which(name) if not needs or os.environ.get(needs) else None
            if path is not None:
                yield name, [path, *told]


def by_tool(text: str) -> str:
    """The name of the program that has taken a text; '' where none did."""
    for name, command in tools():
        raw = text.encode("utf-16" if name == "clip.exe" else "utf-8", "replace")
        try:
            subprocess.run(  # noqa: S603 - a program of the table above, and nothing of the text among its arguments
                command, input=raw, timeout=PATIENCE, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        except (OSError, subprocess.SubprocessError):
            continue
        return name
    return ""


def into_file(raw: bytes, suffix: str) -> Path:
    """The file, of this user alone, that a text or an array is put into; OSError where there can be none."""
    folder = state_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"copied{suffix}"
    put(path, raw, 0o600)
    return path
