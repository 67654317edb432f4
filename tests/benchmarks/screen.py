"""What a process takes to its first painted screen, in a pseudo-terminal: ours, or a bare Textual app."""

from __future__ import annotations

import fcntl
import gc
import os
import pty
import select
import struct
import sys
import termios
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen

MARK = b"painted-the-screen"


def seconds(command: Sequence[str]) -> float:
    """The CPU time, user and system, of a process that ends when it has written its first full frame."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.execvp(command[0], list(command))
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
    used = os.wait4(pid, 0)[2]
    os.close(fd)
    return used.ru_utime + used.ru_stime


def _paint(app: type[App[Any]], *args: Any) -> None:
    """Runs an app until its first full frame is written, with the mark behind the picture."""

    class Painted(app):  # type: ignore[misc, valid-type]  # of the class that is handed over
        def _display(self, screen: Screen[Any], renderable: object) -> None:
            super()._display(screen, renderable)
            if type(renderable).__name__ == "LayoutUpdate":
                self._driver.write(MARK.decode())
                self._driver.close()  # returns when all is written
                os._exit(0)

    Painted(*args).run()


def _bare() -> None:
    import numpy  # noqa: F401
    from textual.app import App, ComposeResult
    from textual.widgets import Static

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("hello")

    _paint(Bare)


def _ours() -> None:
    gc.disable()  # as the command does, until the first screen is painted
    from bpdebug.debugger import open_session
    from bpdebug.frontends.tui.app import BpdebugApp
    from bpdebug.scenario import find, load

    _paint(BpdebugApp, open_session(load(find(sys.argv[2]) if sys.argv[2].isidentifier() else sys.argv[2])))


if __name__ == "__main__":
    _bare() if sys.argv[1] == "bare" else _ours()
