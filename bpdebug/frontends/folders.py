"""Where this user's files are kept: what sessions leave, and what was set. Two environment variables move them."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """Where sessions are kept: BPDEBUG_STATE_DIR, or where this system keeps such things."""
    moved = os.environ.get("BPDEBUG_STATE_DIR")
    if moved:
        return Path(moved)
    from platformdirs import user_state_path  # start-up: not every command needs it

    return user_state_path("bpdebug")


def config_folder() -> Path:
    """Where the user's own file of settings is: BPDEBUG_CONFIG_DIR, or where this system keeps such things."""
    moved = os.environ.get("BPDEBUG_CONFIG_DIR")
    if moved:
        return Path(moved)
    from platformdirs import user_config_path  # start-up: not every command needs it

    return user_config_path("bpdebug")


def downloads_folder() -> Path:
    """Where this system keeps what was saved; where there is no such folder, the one in which the program runs."""
    from platformdirs import user_downloads_path  # start-up: as above

    folder = user_downloads_path()
    return folder if folder.is_dir() else Path.cwd()
