"""Random walks over the screen: nothing fails, and every number drawn is a number of the arrays.

40 walks in the suite; BPDEBUG_WALKS=1000 takes more of them, BPDEBUG_WALKS=17: (with a colon) the one of seed 17.
"""

from __future__ import annotations

import os
import random
import re
import sys
from collections.abc import Iterator

import pytest
from textual import events
from textual.geometry import Size
from textual.keys import _character_to_key
from textual.pilot import Pilot

from bpdebug.debugger import COMMANDS, State
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.keys import TABLE
from bpdebug.scenario import shipped
from bpdebug.views.numbers import Format, number

from .judge import Known, faults_of
from .screen import TRAINED, app_of, lines_of, state_of

WALKS = os.environ.get("BPDEBUG_WALKS", "40")
KEYS = 60
SEEDS = [int(WALKS[:-1])] if WALKS.endswith(":") else range(int(WALKS))
SCROLLED = """
format = 1
title = "Wider than the stage"
seed = 3
[parameters]
X = { shape = [2, 4, 6, 8], init = "normal", scale = 0.5 }
[graph]
loss = "L"
program = "L = sum(tanh(X))"
"""
SLICED = SCROLLED.replace("[2, 4, 6, 8]", "[3, 5, 9, 4]")
SCENARIOS = (
    TRAINED, SCROLLED, SLICED, "two_layer", "mlp", "bias", "fan_out", "transpose", "nan_sqrt", "nan_where",
    "vanishing_sigmoid", "layer_norm", "embedding", "dead_relu", "mazur", "conv_im2col", "broken_transpose",
    "tied_autoencoder", "rnn",
)  # fmt: skip
MOVES = ("s", "s", "n", "i", "i", "f", "S", "N", "I", "end", "home", "enter")
CELLS = (
    "right", "right", "left", "down", "up", "comma", "full_stop", "pagedown", "pageup", "tab",
    *(name for row in TABLE.values() if row.purpose == "matrices" for name in row.names), ")", "(",
)  # fmt: skip
KEYED = (c.key for c in COMMANDS.values() if c.key and c.key != "q")
REST = (
    *(*KEYED, "escape", "escape", "ctrl+p", "M", "J", "O", "Y", "enter", "backspace", "backspace", "ctrl+c"),
    *("r", "r", "z", "slash", "f2"),
    *("v", "v", "v", "V", "P", "+", "-", "0"),
)
LINES = """\
print {t} | print d{t} | print/s {t} | display norm({t}) | display d{t} | undisplay | seek {t}@bwd | seek {t}
set {t} = 0 | set d{t} = 1 | switch 0 | info gradients | info tensors | contributions d{t} | check {t}
why d{t} | origin d{t} | highlight {t} > 0.1 | stats {t} | whatis {t} | break {t}@bwd | watch norm({t})
catch nan | continue | forks | list | where | practice | answer 2x3 | print nope | print (( | seek 50%
trace {t} "norm {{norm({t})}}" | compare 0 | paths d{t} | display {t} + nope | help seek | apropos nan
find {t} max | find > 0.1 | find | find d{t} min | find {t} at 0,0 | find {t} * 2 < 0"""
SIZES = ((120, 30), (80, 24), (119, 24), (100, 24), (70, 20), (60, 24), (140, 40), (40, 12), (20, 5), (1, 1))


def actions(rng: random.Random, names: list[str]) -> Iterator[str | tuple[int, int]]:
    """60 keys and sizes; a line typed counts as one."""
    lines = [line.strip() for line in re.split(r"[|\n]", LINES) if line.strip()]
    for _ in range(KEYS):
        kind = rng.random()
        if kind < 0.4:
            yield rng.choice(MOVES)
        elif kind < 0.6:
            yield rng.choice(CELLS)
        elif kind < 0.75:
            yield rng.choice(REST)
        elif kind < 0.92:
            yield ":" + rng.choice(lines).format(t=rng.choice(names))
        elif kind < 0.95:
            yield "?"
        else:
            yield rng.choice(SIZES)


class Walker:
    """Hands keys to an app without waiting for the clock, and looks at the screen after each."""

    def __init__(self, app: BpdebugApp, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot
        self.known: list[Known] = []
        self.typed = ""

    async def settle(self) -> None:
        await self.pilot._wait_for_screen()  # a key is handed to a widget,
        await self.pilot.pause(0)  # whose message is handed to the app; then all is painted
        while self.app.work is not None:
            await self.pilot.pause(0.02)

    async def press(self, key: str) -> None:
        name = _character_to_key(key) if len(key) == 1 else key
        assert self.app._driver is not None
        self.app._driver.send_message(events.Key(name, key if len(key) == 1 else None))

    async def act(self, action: str | tuple[int, int]) -> None:
        if isinstance(action, tuple):
            self.app._driver._size = Size(*action)  # type: ignore[union-attr]
            self.app.post_message(events.Resize(Size(*action), Size(*action)))
        elif action[0] == ":" and len(action) > 1:
            self.typed += f"{action} "
            await self.press(":")
            await self.settle()
            self.app.post_message(events.Paste(action[1:]))
            await self.settle()
            await self.press("enter")
        else:
            await self.press(action)
        await self.settle()

    def of(self, state: State) -> Known:
        """What there is in a state's timeline."""
        found = next((k for k in self.known if k.timeline is state.timeline), None)
        if found is None:
            found = Known(state.timeline)
            self.known.append(found)
        return found

    async def faults(self) -> list[str]:
        """What the screen says that is not so, and still says when nothing is left to be painted."""
        for _ in range(3):
            if not (wrong := self.judged()):
                break
            await self.pilot.pause()
        return wrong

    def judged(self) -> list[str]:
        """What the screen says now that is not so."""
        state, size = self.app.state, self.app.size
        if state is None or size.width < 40 or size.height < 12 or len(self.app.screen_stack) > 1:
            return []
        return faults_of(lines_of(self.app), state, self.of(state), self.typed)


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_walk(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("exit", "action_screenshot", "action_suspend_process"):  # the palette offers them, too
        monkeypatch.setattr(BpdebugApp, name, lambda *_, **__: None)
    rng = random.Random(seed)
    scenario = rng.choice(SCENARIOS)
    menu = rng.random() < 0.15
    app = BpdebugApp(None, shipped(), lambda _: state_of(scenario)) if menu else app_of(scenario)
    names = [n for n in state_of(scenario).timeline.graph.names if "." not in n]
    done: list[str | tuple[int, int]] = []
    async with app.run_test(size=rng.choice(SIZES[:5])) as pilot:
        walker = Walker(app, pilot)
        for action in (*("down", "w", ":", "enter", ":", "escape") * menu, *actions(rng, names)):
            done.append(action)
            await walker.act(action)
            assert app.is_running, f"seed {seed}, {scenario}: {done}"
            assert not (wrong := await walker.faults()), f"seed {seed}, {scenario}: {done}: {wrong}\n" + "\n".join(
                lines_of(app)
            )


def _no_minus(text: str) -> str:
    return text.replace("−", "")


async def _faults(size: tuple[int, int], *lines: str) -> list[str]:
    app = app_of(SCROLLED)
    async with app.run_test(size=size) as pilot:
        walker = Walker(app, pilot)
        for line in lines:
            app.run_text(line)
        await walker.settle()
        return await walker.faults()


@pytest.mark.parametrize("lines", [(), ("seek L",), ("print X[0]",), ("display X[0, 0, 0, 0]", "seek X@bwd")])
async def test_the_judge_sees_a_minus_that_is_dropped(monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...]) -> None:
    assert await _faults((120, 30), *lines) == []
    text = Format.text
    monkeypatch.setattr(Format, "text", lambda self, value: _no_minus(text(self, value)))
    assert await _faults((120, 30), *lines) != []


async def test_the_judge_sees_a_statistic_that_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["bpdebug.views.inspector"], "number", lambda value: _no_minus(number(value)))
    assert any("statistics" in text for text in await _faults((120, 30)))


async def test_the_judge_sees_a_digit_that_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    text = Format.text
    monkeypatch.setattr(Format, "text", lambda self, value: f"{text(self, value)[:-1]} ")
    assert await _faults((80, 24)) != []
