"""What the screen costs, in pseudo-terminals of 120x40: `python -m tests.benchmarks.screen [WORD]`.

A step, side by side with a bare full-screen view of a matrix: both processes take their steps in turn, from the key's
event to the last display update. Keys while something is computed. What it takes until the first full frame is there.
"""

from __future__ import annotations

import asyncio
import compileall
import fcntl
import gc
import json
import os
import pty
import statistics
import struct
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import bpdebug

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen

RUN = (sys.executable, "-m", "tests.benchmarks.screen")
MARK = b"painted-the-screen"
STEPS = 200
QUIET = 0.03
"""Seconds without a display update after which a step is over."""
LARGE = """
format = 1
dtype = "float32"
[inputs]
X = { shape = [4096, 4096], init = "normal" }
[parameters]
W = { shape = [4096, 4096], init = "normal", scale = 0.02 }
[graph]
loss = "L"
program = '''
H = tanh(X @ W)
Y = relu(H * X)
L = mean(Y ** 2)
'''
"""


def terminal(*command: str) -> tuple[int, int]:
    """A process in a terminal of its own: its number, and the terminal's file."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.execvp(command[0], list(command))
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    return pid, fd


# --- until the first full frame


def opened(command: Sequence[str]) -> tuple[float, float, float]:
    """The CPU time (user and system) and wall time, and the megabytes, of a process until its first full frame."""
    start = time.perf_counter()
    pid, fd = terminal(*command)
    seen = b""
    while MARK not in seen:
        try:
            seen = seen[-100:] + os.read(fd, 65536)
        except OSError as error:
            raise RuntimeError(f"ended before it painted: {seen!r}") from error
    wall = time.perf_counter() - start
    used = os.wait4(pid, 0)[2]
    os.close(fd)
    return used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1e3


def seconds(command: Sequence[str]) -> float:
    """The CPU time of a process that ends when it has written its first full frame."""
    return opened(command)[0]


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


def _ours(name: str) -> tuple[type[App[Any]], Any]:
    gc.disable()  # as the command does, until the first screen is painted
    from bpdebug.debugger import open_session
    from bpdebug.frontends.tui.app import BpdebugApp
    from bpdebug.scenario import find, load

    return BpdebugApp, open_session(load(find(name) if name.isidentifier() else name))


# --- steps: in the process


async def _obey(app: App[Any], busy: Callable[[], bool], orders: int, answers: int) -> None:
    """Presses the keys that it is told to, and says what each took; behind a `+`, not waiting for what it begins."""
    from textual.events import Key

    last = [0.0, 0.0]
    display = app._display

    def displayed(*args: Any) -> None:
        display(*args)
        last[:] = time.process_time(), time.perf_counter()

    app._display = displayed  # type: ignore[assignment]
    loop, running, lines = asyncio.get_running_loop(), asyncio.ensure_future(app.run_async()), os.fdopen(orders)
    await asyncio.sleep(1.5)
    while key := (await loop.run_in_executor(None, lines.readline)).strip():
        name = key.removeprefix("+")
        start = last[:] = time.process_time(), time.perf_counter()
        app.post_message(Key(name, name if len(name) == 1 else None))
        ended = start[1]
        while time.perf_counter() - max(last[1], ended) < QUIET:
            await asyncio.sleep(QUIET / 2)
            ended = time.perf_counter() if busy() and name == key else ended
        os.write(answers, json.dumps([last[0] - start[0], last[1] - start[1], busy()]).encode() + b"\n")
    app.exit(0)
    await running


def _view() -> App[Any]:
    import numpy as np
    from rich.segment import Segment
    from rich.style import Style
    from textual.app import App, ComposeResult
    from textual.binding import BindingType
    from textual.geometry import Size
    from textual.scroll_view import ScrollView
    from textual.strip import Strip

    class View(ScrollView, can_focus=True):
        """One matrix after the other, its cells in colours by their sizes."""

        BINDINGS: ClassVar[list[BindingType]] = [("s", "go(1)")]
        at = 0

        def on_mount(self) -> None:
            self.arrays = np.random.default_rng(0).normal(size=(16, 64, 64))
            self.colours = [Style(color=c, bgcolor="#14171c") for c in ("#5f7d9c", "#96795c", "#e6a050", "#74b9ff")]
            self.virtual_size = Size(64 * 8, 65)
            self.focus()

        def action_go(self, step: int) -> None:
            self.at = (self.at + step) % len(self.arrays)
            self.refresh()

        def render_line(self, y: int) -> Strip:
            if y == 0:
                return Strip([Segment(f"A{self.at} (64, 64)")])
            row = self.arrays[self.at][y - 1][: self.size.width // 8].tolist()
            return Strip([Segment(f"{v:7.3f} ", self.colours[int(abs(v) * 2) % 4]) for v in row])

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield View()

    return Bare()


def _walk(name: str, orders: int, answers: int) -> None:
    if name == "bare":
        asyncio.run(_obey(_view(), lambda: False, orders, answers))
        return
    made, state = _ours(name)
    app: Any = made(state)
    asyncio.run(_obey(app, lambda: app.work is not None or app.opening is not None, orders, answers))


# --- and from outside


class Walker:
    """A process with an app in a terminal, which presses a key when it is told to, and says what that took."""

    def __init__(self, name: str) -> None:
        (theirs, self.tell), (told, own) = os.pipe(), os.pipe()
        for fd in (theirs, own):
            os.set_inheritable(fd, True)
        self.pid, self.terminal = terminal(*RUN, "walk", name, str(theirs), str(own))
        os.close(theirs)
        os.close(own)
        threading.Thread(target=self._read, daemon=True).start()
        self.said = os.fdopen(told)

    def _read(self) -> None:
        try:
            while os.read(self.terminal, 65536):
                pass
        except OSError:
            pass  # it has ended

    def press(self, key: str) -> tuple[float, float, bool]:
        """Seconds of CPU and of wall time from a key's event to the last display update; whether something runs yet."""
        os.write(self.tell, f"{key}\n".encode())
        cpu, wall, busy = json.loads(self.said.readline())
        return cpu, wall, busy

    def type(self, line: str) -> None:
        """Carries out a line of the debugger's language."""
        names = {":": "colon", " ": "space", "#": "number_sign"}
        for key in [*(names.get(c, c) for c in f":{line}"), "enter"]:
            self.press(key)

    def end(self) -> None:
        os.close(self.tell)
        os.waitpid(self.pid, 0)


def steps(name: str, *, events: int, start: int = 0, before: int = 0) -> tuple[str, ...]:
    """STEPS steps over so many events from one on, and back again; which were walked `before` so many times."""
    ours, bare = Walker(name), Walker("bare")
    if start:
        ours.type(f"seek #{start}")
    keys = ["s"] * events + ["S"] * events
    for key in keys * before:
        ours.press(key)
    rows = [(*ours.press(keys[n % len(keys)])[:2], *bare.press("s")[:2]) for n in range(STEPS + 10)][10:]
    ours.end()
    bare.end()
    rows = [row for row in rows if all(row)]  # on a machine with much to do an update may come too late
    ratios = [f"{statistics.median(row[n] / row[n + 2] for row in rows):.2f}" for n in (0, 1)]
    ms = [f"{1e3 * statistics.median(row[n] for row in rows):.1f}" for n in range(4)]
    return *ratios, f"{ms[0]} / {ms[1]}", f"{ms[2]} / {ms[3]}"


def answering(name: str) -> str:
    """The slowest of the keys that are pressed while a product of 4096 x 4096 is computed for the first time."""
    ours = Walker(name)
    ours.press("+c")
    waits = []
    for key in ["down", "right", "up", "left"] * 5:
        _, wall, busy = ours.press(f"+{key}")
        waits += [wall] if busy else []
    ours.end()
    return f"{1e3 * max(waits):.0f} ms, of {len(waits)} keys" if waits else "nothing was computed so long"


def main(words: Sequence[str]) -> None:
    from tests.large import chain_text  # processes that are measured import this module

    compileall.compile_dir(Path(bpdebug.__file__).parent, quiet=1)  # an installed program has its bytecode
    with tempfile.TemporaryDirectory() as folder:
        files = {n: f"{folder}/{n}.toml" for n in ("20001", "99999", "large")}
        for name, path in files.items():
            text = LARGE if name == "large" else chain_text(int(name) // 3)
            Path(path).write_text(text, encoding="utf-8")
        rows: dict[str, Callable[[], Sequence[str]]] = {
            "two_layer": lambda: steps("two_layer", events=12),
            "transformer_block": lambda: steps("transformer_block", events=54),
            "20,000 nodes": lambda: steps(files["20001"], events=200, start=19903),
            "100,000 nodes": lambda: steps(files["99999"], events=200, start=99901),
            "4096 x 4096, computed": lambda: steps(files["large"], events=10, before=1),
            "4096 x 4096, keys while it is computed": lambda: [answering(files["large"])],
            "opening 100,000 nodes, CPU s / wall s / MB": lambda: [
                f"{n:.2f}" for n in opened([*RUN, "ours", files["99999"]])
            ],
        }
        print("| what | CPU | wall | ours, ms CPU / wall | bare |\n|---|---|---|---|---|")
        for name, row in rows.items():
            if not words or any(word in name for word in words):
                print(f"| {name} | {' | '.join(row())} |", flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["bare"]:
            _bare()
        case ["ours", name]:
            _paint(*_ours(name))
        case ["walk", name, orders, answers]:
            _walk(name, int(orders), int(answers))
        case words:
            main(words)
