"""How long a process takes to its first painted screen, in a pseudo-terminal: ours, or a bare Textual app."""

from __future__ import annotations

import fcntl
import gc
import os
import pty
import select
import struct
import sys
import termios
import time
from collections.abc import Sequence

MARK = b"painted-the-screen"


def seconds(command: Sequence[str]) -> float:
    """From the start of the process until it says that the first screen is painted."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.execvp(command[0], list(command))
    start = time.perf_counter()
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen = b""
    while MARK not in seen:
        ready, _, _ = select.select([fd], [], [], 20)
        if not ready:
            raise TimeoutError("no painted screen in 20 s")
        try:
            seen = seen[-100:] + os.read(fd, 65536)
        except OSError as error:
            raise RuntimeError(f"ended before it painted: {seen!r}") from error
    taken = time.perf_counter() - start
    os.close(fd)
    os.waitpid(pid, 0)
    return taken


def _bare() -> None:
    import numpy  # noqa: F401
    from textual.app import App, ComposeResult
    from textual.widgets import Static

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("hello")

        def on_mount(self) -> None:
            self.call_after_refresh(_painted, self)

    Bare().run()


def _painted(app: object) -> None:
    """Leave as soon as the first refresh is done; the terminal gets the mark behind the picture."""
    sys.__stderr__.write(MARK.decode())  # type: ignore[union-attr]
    sys.__stderr__.flush()  # type: ignore[union-attr]
    os._exit(0)


def _ours() -> None:
    gc.disable()  # as the command does, until the first screen is painted
    from bpdebug.debugger import open_session
    from bpdebug.frontends.tui.app import BpdebugApp
    from bpdebug.scenario import find, load

    class Measured(BpdebugApp):
        def on_mount(self) -> None:
            self.call_after_refresh(_painted, self)

    Measured(open_session(load(find("two_layer")))).run()


if __name__ == "__main__":
    _bare() if sys.argv[1] == "bare" else _ours()
