"""Recordings for tests, and what two timelines have in common."""

from __future__ import annotations

from pathlib import Path

import bpdebug
from bpdebug.engine import Timeline
from bpdebug.engine.layout import Layout
from bpdebug.frontends.recorder import record
from bpdebug.scenario import Scenario, open_timeline

TRAINED = """
format = 1
[inputs]
X = [[1.0, 2.0, -1.0], [0.5, -0.25, 2.0]]
ids = { value = [1, 0], dtype = "int64" }
[parameters]
W = { shape = [3, 3], init = "normal" }
E = { shape = [2, 3], init = "normal" }
[graph]
loss = "L"
program = '''
H = dropout(tanh(X @ W) + embedding(E, ids), p=0.5)
Z = H.T @ H + W
L = sum(Z * Z)
'''
[train]
optimizer = "adam"
lr = 0.1
steps = 3
"""


def recorded(folder: Path, scenario: Scenario | str = "two_layer", name: str = "a") -> Path:
    """A recording of a scenario, whole."""
    if isinstance(scenario, str):
        scenario = bpdebug.load(scenario)
    path = folder / f"{name}.bptrace"
    record(path, scenario, open_timeline(scenario))
    return path


def same(a: Timeline, b: Timeline, events: int) -> None:
    """The first events of two timelines made the same bits."""
    layout = Layout(a.schedule, apart=True)
    for index in range(events):
        moment = a.schedule.place(index)
        for slot in layout.slots(index):
            x, y = (timeline.store.made(moment, slot) for timeline in (a, b))
            assert (x.shape, x.dtype) == (y.shape, y.dtype)
            assert x.tobytes() == y.tobytes()
