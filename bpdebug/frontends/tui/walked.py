"""What a user has seen: lessons walked to their end, the tour; an empty file each, which nothing can overwrite."""

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


def first_time() -> bool:
    """Whether the tour was not shown before; it is noted that it is now. Where that cannot be, it is not shown."""
    try:
        state_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        (state_folder() / "tour").touch(mode=0o600, exist_ok=False)
    except OSError:
        return False
    return True
