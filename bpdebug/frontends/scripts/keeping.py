"""A recording of what a test came to, to be opened where it failed."""

from __future__ import annotations

from pathlib import Path

from bpdebug.debugger import State, open_session
from bpdebug.errors import BpdebugError, line
from bpdebug.frontends.recorder import record
from bpdebug.frontends.scripts.checks import SCRIPT
from bpdebug.frontends.scripts.replay import Run, Settings
from bpdebug.frontends.scripts.script import read_script
from bpdebug.importers import open_any


def keep(path: Path, folder: Path) -> str:
    """All events of a scenario, or of the one that a script stands in where it fails; in words, what was kept."""
    try:
        state = _state(path)
        if state is None:
            return "nothing to keep: no scenario was open"
        folder.mkdir(parents=True, exist_ok=True)
        kept = _free(folder, path.stem)
        record(kept, state.scenario, state.timeline)
    except (BpdebugError, OSError) as error:
        return f"no recording: {line(str(error))}"
    return f"kept: bpdebug {line(str(kept))}"


def _state(path: Path) -> State | None:
    if path.suffix != SCRIPT:
        return open_session(open_any(path))
    run = Run(read_script(path), Settings())
    run.failing()
    return run.state


def _free(folder: Path, stem: str) -> Path:
    """A name that no recording has yet."""
    names = (folder / f"{stem}{f'.{n}' * bool(n)}.bptrace" for n in range(10_000))
    return next(name for name in names if not name.exists())
