"""Which lessons were walked to their end: an empty file each, in the user's folder, that nothing else can overwrite."""

from __future__ import annotations

import contextlib
import os

from bpdebug.frontends.folders import state_folder

FOLDER = "lessons"


def walked() -> frozenset[str]:
    """The names that were noted; none where they cannot be read."""
    try:
        return frozenset(os.listdir(state_folder() / FOLDER))
    except OSError:
        return frozenset()


def note(name: str) -> None:
    """Notes a name, as far as one may write there: a walk is not disturbed by a disk."""
    with contextlib.suppress(OSError):
        (state_folder() / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
        (state_folder() / FOLDER / name).touch(mode=0o600)
