"""The installed program in a real terminal: what a driver of tests cannot see of keys, sizes and the way out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

TMUX = shutil.which("tmux")
pytestmark = pytest.mark.skipif(TMUX is None, reason="tmux is not installed: a terminal to drive the program in")
PATIENCE = 400
"""Looks, 50 ms apart, until a screen that does not come is given up."""


class Terminal:
    """A terminal of 100x30 with the program in it."""

    def __init__(self, folder: Path) -> None:
        self.socket = str(folder / "tmux")
        self.env = {
            **os.environ,
            "LANG": "C.UTF-8",
            "BPDEBUG_CONFIG_DIR": str(folder),
            "BPDEBUG_STATE_DIR": str(folder),
        }

    def tmux(self, *words: str) -> str:
        """What tmux answers."""
        command = [str(TMUX), "-S", self.socket, "-f", os.devnull, *words]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, check=True).stdout

    def start(self, *words: str) -> None:
        """The program with arguments; the terminal stays when it has ended, and says its exit status."""
        line = f"{Path(sys.executable).with_name('bpdebug')} {' '.join(words)}; echo left with $?; exec cat"
        self.tmux("new-session", "-d", "-x", "100", "-y", "30", line, ";", "set", "-s", "set-clipboard", "on")

    def until(self, holds: Callable[[str], bool]) -> str:
        """The screen, as soon as something holds of it."""
        for _ in range(PATIENCE):
            if holds(found := self.tmux("capture-pane", "-p")):
                return found
            Event().wait(0.05)
        raise AssertionError(f"it never came:\n{found}")

    def says(self, *texts: str) -> str:
        """The screen, as soon as all texts are on it."""
        return self.until(lambda screen: all(text in screen for text in texts))

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    subprocess.run([str(TMUX), "-S", terminal.socket, "kill-server"], capture_output=True, check=False)


def test_both_passes_the_lens_a_breakpoint_a_copy_and_the_way_out(terminal: Terminal) -> None:
    terminal.start("transpose")
    terminal.says("the tour: 1 of 9")
    terminal.press("s")  # which ends the tour, and steps
    terminal.says("event 1/3", "loss")
    terminal.press("s")
    terminal.says("event 2/3", "1 of 2")
    terminal.press("S", "S")
    terminal.says("event 0/3")
    terminal.press(":", "seek Y@bwd", "Enter")
    terminal.says("event 2/3", "Wᵀ")
    terminal.press("x")
    terminal.says("Esc closes", "so W is turned")
    terminal.press("Escape")
    terminal.until(lambda screen: "Esc closes" not in screen)
    terminal.press(":", "break Y@fwd", "Enter")
    terminal.until(lambda screen: re.search(r"● *\d+ Y = X @ W", screen) is not None)
    terminal.press("C")
    terminal.says("event 0/3", "breakpoint 1")
    terminal.press("c")
    terminal.says("the end")
    terminal.press("Down", "Y")
    terminal.says("copied the cell")
    assert re.fullmatch(r"np\.float64\(-?\d+\.\d+\)", terminal.tmux("show-buffer").strip())
    terminal.press("q")
    terminal.says("left with 0")
