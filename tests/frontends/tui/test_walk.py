"""Random walks over the screen: nothing fails, and every number drawn is a number of the arrays.

40 walks in the suite; BPDEBUG_WALKS=1000 takes more of them, BPDEBUG_WALKS=17: (with a colon) the one of seed 17.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from bpdebug.frontends.session.store import TERMINAL, SessionStore
from bpdebug.frontends.session.talk import Talk
from bpdebug.frontends.tui import working
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.scenario import shipped
from bpdebug.views.numbers import Format, number

from .screen import TRAINED, app_of, lines_of, state_of
from .walker import SIZES, Action, Typed, Walker, action, at_rest

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


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_walk(seed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("exit", "action_screenshot", "action_suspend_process"):  # the palette offers them, too
        monkeypatch.setattr(BpdebugApp, name, lambda *_, **__: None)
    monkeypatch.setattr("bpdebug.frontends.clipboard.TOOLS", ())
    monkeypatch.setenv("BPDEBUG_STATE_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    rng = random.Random(seed)
    scenario = rng.choice(SCENARIOS)
    app = _app(rng, scenario, monkeypatch)
    names = [n for n in state_of(scenario).timeline.graph.names if "." not in n]
    done: list[Action] = []
    typed = Typed(monkeypatch.setattr)

    def told(wrong: list[str]) -> str:
        return "\n".join((f"seed {seed}, {scenario}: {done}: {wrong}", *lines_of(app)))

    async with app.run_test(size=rng.choice(SIZES[:5])) as pilot:
        walker = Walker(app, pilot)
        for _ in range(KEYS):
            done.append(action(app, rng, names))
            await walker.act(done[-1])
            assert app.is_running, f"seed {seed}, {scenario}: {done}"
            assert not (wrong := await walker.faults()), told(wrong)
        await walker.escape()
        assert not (wrong := at_rest(app, typed)), told(wrong)


def _app(rng: random.Random, scenario: str, monkeypatch: pytest.MonkeyPatch) -> BpdebugApp:
    """An app on a scenario, or on the menu; with its files, or without; everything beside it, or what takes long."""
    if rng.random() < 0.2:
        monkeypatch.setattr(working, "AT_ONCE", 0)
    talks = (lambda state: Talk(SessionStore(state, TERMINAL))) if rng.random() < 0.3 else None
    if rng.random() < 0.15:
        return BpdebugApp(None, shipped(), lambda _: state_of(scenario), talks)
    return BpdebugApp(state_of(scenario), talks=talks)


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
