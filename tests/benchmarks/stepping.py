"""What a step on the screen costs, beside a bare full-screen view of a matrix: `python -m tests.benchmarks.stepping`.

Both run in a pseudo-terminal of 120x40 of their own, and take their steps in turn: from the key's event to the last
display update, CPU time of the process and wall time. The table has the medians, and the median of the pairs' ratios.
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
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import bpdebug
from tests.benchmarks.bench import CHAIN

if TYPE_CHECKING:
    from textual.app import App

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


class Walker:
    """A process with an app in a terminal, which takes a step when it is told to, and says what that took."""

    def __init__(self, *command: str) -> None:
        (theirs, self.tell), (self.told, own) = os.pipe(), os.pipe()
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.set_inheritable(theirs, True)
            os.set_inheritable(own, True)
            words = [sys.executable, "-m", "tests.benchmarks.stepping", *command, str(theirs), str(own)]
            os.execv(sys.executable, words)
        os.close(theirs)
        os.close(own)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        threading.Thread(target=self._read, daemon=True).start()
        self.said = os.fdopen(self.told)

    def _read(self) -> None:
        try:
            while os.read(self.terminal, 65536):
                pass
        except OSError:
            pass  # it has ended

    def press(self, key: str) -> tuple[float, float]:
        """Seconds of CPU time, and of wall time, from a key's event to the last display update."""
        os.write(self.tell, f"{key}\n".encode())
        cpu, wall = json.loads(self.said.readline())
        return cpu, wall

    def end(self) -> None:
        os.close(self.tell)
        os.waitpid(self.pid, 0)


# --- in the process


async def _obey(app: App[Any], idle: Any) -> None:
    """Presses the keys that it is told to, and says what they took."""
    from textual.events import Key

    last = [0.0, 0.0]
    display = app._display

    def displayed(*args: Any) -> None:
        display(*args)
        last[:] = time.process_time(), time.perf_counter()

    app._display = displayed  # type: ignore[assignment]
    orders, answers = os.fdopen(int(sys.argv[-2])), int(sys.argv[-1])
    loop, running = asyncio.get_running_loop(), asyncio.ensure_future(app.run_async())
    await asyncio.sleep(1.5)
    while key := (await loop.run_in_executor(None, orders.readline)).strip():
        cpu, wall = time.process_time(), time.perf_counter()
        last[:] = cpu, wall
        app.post_message(Key(key, key if len(key) == 1 else None))
        while time.perf_counter() - last[1] < QUIET or not idle():
            await asyncio.sleep(QUIET / 2)
        os.write(answers, json.dumps((last[0] - cpu, last[1] - wall)).encode() + b"\n")
    app.exit(0)
    await running


def _bare() -> App[Any]:
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


def _walk() -> None:
    gc.disable()  # as the command does, until the first screen is painted
    if sys.argv[1] == "bare":
        asyncio.run(_obey(_bare(), lambda: True))
        return
    from bpdebug.debugger import open_session
    from bpdebug.frontends.tui.app import BpdebugApp
    from bpdebug.scenario import find, load

    app = BpdebugApp(open_session(load(find(sys.argv[1]) if sys.argv[1].isidentifier() else sys.argv[1])))
    asyncio.run(_obey(app, lambda: app.state is not None and app.work is None and app.opening is None))


# --- the table


def walked(name: str, *, events: int, start: int = 0, before: int = 0) -> list[tuple[float, float, float, float]]:
    """CPU and wall time of STEPS steps, ours and the bare view's: from an event on and back again, over so many events.

    They are walked `before` so many times.
    """
    ours, bare = Walker(name), Walker("bare")
    rows = []
    for key in [*f":seek #{start}", "enter"] if start else ():
        ours.press("colon" if key == ":" else "number_sign" if key == "#" else "space" if key == " " else key)
    keys = ["s"] * events + ["S"] * events
    for n in range(before * len(keys)):
        ours.press(keys[n % len(keys)])
    for n in range(-10, STEPS):
        (a, b), (c, d) = ours.press(keys[n % len(keys)]), bare.press("s")
        if n >= 0:
            rows.append((a, b, c, d))
    ours.end()
    bare.end()
    return rows


def main() -> None:
    compileall.compile_dir(Path(bpdebug.__file__).parent, quiet=1)  # an installed program has its bytecode
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("large", LARGE), *((str(3 * n), CHAIN.replace("3333", str(n))) for n in (6667, 33333))):
            (Path(folder) / f"{name}.toml").write_text(text, encoding="utf-8")
        kinds = {
            "two_layer": ("two_layer", {"events": 12}),
            "transformer_block": ("transformer_block", {"events": 60}),
            "20,000 nodes": (f"{folder}/20001.toml", {"events": 200, "start": 19903}),
            "100,000 nodes": (f"{folder}/99999.toml", {"events": 200, "start": 99901}),
            "4096 x 4096, computed": (f"{folder}/large.toml", {"events": 9, "before": 1}),
        }
        print("| `s` on | CPU | wall | ours, ms | bare, ms |\n|---|---|---|---|---|")
        for name, (path, options) in kinds.items():
            if len(sys.argv) > 1 and not any(word in name for word in sys.argv[1:]):
                continue
            rows = walked(path, **options)
            cpu, wall = (statistics.median(row[n] / row[n + 2] for row in rows) for n in (0, 1))
            ms = [1e3 * statistics.median(row[n] for row in rows) for n in range(4)]
            print(
                f"| {name} | {cpu:.2f} | {wall:.2f} | {ms[0]:.2f} / {ms[1]:.2f} | {ms[2]:.2f} / {ms[3]:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    _walk() if sys.argv[-1].isdigit() and len(sys.argv) > 3 else main()
