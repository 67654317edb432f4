"""What holds of the motions on any graph: time runs back as it ran forth, and every way to a place shows the same."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from bpdebug.debugger import State, open_session, update
from bpdebug.errors import BpdebugError
from bpdebug.scenario import Scenario
from bpdebug.scenario.schema import Train
from bpdebug.views import view
from tests.graphs import Random, examples, graphs
from tests.lessons import NAMES, WALK, scenario


def shown(state: State) -> tuple[int, int, str, str]:
    """Everything that is seen of a place, in text and as data; not by which way one came."""
    report = view(state)
    return state.cursor, state.part, report.to_text(), report.to_json()


@dataclass(frozen=True, eq=False)
class Blocked:
    """A random graph whose nodes lie in random nested blocks."""

    random: Random
    blocks: Sequence[str]
    steps: int

    def session(self) -> State:
        steps = [structs.replace(s, block=b) for s, b in zip(self.random.steps, self.blocks, strict=True)]
        graph = replace(self.random, steps=steps).build()
        train = Train(lr=0.1, steps=self.steps) if self.steps else None
        return open_session(
            Scenario("random.toml", "", "", np.dtype(np.float64), 0, graph, "", 1, lines=("",) * 99, train=train)
        )

    def __repr__(self) -> str:
        return f"{self.random!r}\nblocks {list(self.blocks)}, {self.steps} training steps"


@st.composite
def blocked(draw: st.DrawFn) -> Blocked:
    random = draw(graphs(nodes=8))
    stack: list[str] = []
    blocks, made = [], 0
    for _ in random.steps:
        for _ in range(draw(st.integers(0, 2))):
            if draw(st.booleans()):
                made += 1
                stack.append(f"b{made}")
            elif stack:
                stack.pop()
        blocks.append(".".join(stack))
    return Blocked(random, blocks, draw(st.sampled_from([0, 0, 1, 3])))


def start(data: st.DataObject, state: State) -> State:
    """Somewhere: an event, or a part of it."""
    state = update(state, f"seek {data.draw(st.integers(0, len(state.timeline)), label='event')}")
    if state.event is not None:
        parts = data.draw(st.integers(0, len(state.event.parts)), label="part")
        state = update(state, f"stepi {parts}") if parts else state
    return state


SMALL = ("transpose", "bias", "fan_out", "residual", "mazur", WALK)


@examples(40)
@given(blocked(), st.data())
def test_stepping_forth_and_back_comes_back_to_the_same_place(graph: Blocked, data: st.DataObject) -> None:
    state = update(graph.session(), f"seek {data.draw(st.integers(0, len(graph.session().timeline)))}")
    count = data.draw(st.integers(0, len(state.timeline) - state.cursor))
    assert shown(update(update(state, f"step {count}"), f"reverse-step {count}")) == shown(state)
    one = state
    for _ in range(count):
        one = update(one, "step")
    assert shown(one) == shown(update(state, f"step {count}"))


@examples(40)
@given(blocked(), st.data())
def test_stepping_by_parts_forth_and_back_comes_back_to_the_same_part(graph: Blocked, data: st.DataObject) -> None:
    state = start(data, graph.session())
    count = data.draw(st.integers(1, 12), label="parts")
    there = update(state, f"stepi {count}")
    if there.cursor < len(there.timeline):
        assert shown(update(there, f"reverse-stepi {count}")) == shown(state)
    back = update(state, f"reverse-stepi {count}")
    if back.stopped != "begin":
        assert shown(update(back, f"stepi {count}")) == shown(state)


@examples(40)
@given(blocked(), st.data())
def test_seeking_an_event_shows_what_stepping_there_shows(graph: Blocked, data: st.DataObject) -> None:
    state = graph.session()
    to = data.draw(st.integers(0, len(state.timeline)), label="event")
    wanted = shown(update(state, f"step {to}"))
    assert shown(update(state, f"seek {to}")) == wanted
    assert shown(update(start(data, state), f"seek {to}")) == wanted


@pytest.mark.parametrize("name", SMALL, ids=["transpose", "bias", "fan_out", "residual", "mazur", "walk"])
def test_every_event_of_a_lesson_shows_the_same_on_every_way(name: str) -> None:
    fresh = open_session(scenario(name))
    forth, seen = open_session(scenario(name)), []
    for k in range(len(fresh.timeline) + 1):
        seen.append(shown(forth))
        assert seen[k] == shown(update(fresh, f"seek {k}"))
        forth = update(forth, "step")
    back = forth
    for k in reversed(range(len(fresh.timeline))):
        back = update(back, "reverse-step")
        assert shown(back) == seen[k]


@pytest.mark.parametrize("name", SMALL, ids=["transpose", "bias", "fan_out", "residual", "mazur", "walk"])
def test_the_parts_of_a_lesson_are_the_same_forth_and_back(name: str) -> None:
    state = open_session(scenario(name))
    forth = []
    while state.cursor < len(state.timeline):
        forth.append(shown(state))
        state = update(state, "stepi")
    back = []
    while (state.cursor, state.part) != (0, 0):
        state = update(state, "reverse-stepi")
        back.append(shown(state))
    assert back[::-1] == forth


def block(state: State, k: int) -> str:
    node = state.timeline.event(k).node if k < len(state.timeline) else None
    return node.block if node else ""


def deeper(inner: str, outer: str) -> bool:
    return inner != outer and (not outer or inner.startswith(f"{outer}."))


@examples(60)
@given(blocked(), st.data())
def test_next_passes_over_deeper_blocks_and_nothing_else(graph: Blocked, data: st.DataObject) -> None:
    state = start(data, graph.session())
    here = block(state, state.cursor)
    there = update(state, "next")
    passed = [block(state, k) for k in range(state.cursor + 1, there.cursor)]
    assert all(deeper(b, here) for b in passed)
    if there.cursor < len(state.timeline):
        assert not deeper(block(state, there.cursor), here)
        assert there.cursor > state.cursor
    back = update(state, "reverse-next")
    passed = [block(state, k) for k in range(back.cursor + 1, state.cursor)]
    assert all(deeper(b, here) for b in passed)
    assert back.cursor < state.cursor or state.cursor == 0
    if back.cursor:
        assert not deeper(block(state, back.cursor), here)


@examples(60)
@given(blocked(), st.data())
def test_finish_ends_with_the_last_event_of_a_block_around(graph: Blocked, data: st.DataObject) -> None:
    """All that is passed lies in the block that is finished; the next event does not, or belongs to another pass."""
    state = start(data, graph.session())
    there = update(state, "finish")
    total = len(state.timeline)
    assert there.cursor > state.cursor or state.cursor == total
    if state.cursor >= total or there.cursor == state.cursor + 1:
        return
    run = [block(state, k) for k in range(state.cursor, there.cursor + 1)]
    around = [b for b in ("", *_outwards(run[0])) if all(x == b or deeper(x, b) for x in run)]
    assert around
    if there.cursor + 1 < total:
        same_pass = _pass(state, there.cursor) == _pass(state, there.cursor + 1)
        after = block(state, there.cursor + 1)
        innermost = max(around, key=len)
        assert not same_pass or not (after == innermost or deeper(after, innermost))


def _pass(state: State, k: int) -> tuple[int, str]:
    event = state.timeline.event(k)
    return event.iteration, event.phase


def _outwards(name: str) -> list[str]:
    parts = name.split(".") if name else []
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


@examples(40)
@given(blocked(), st.data())
def test_a_count_is_the_motion_so_many_times(graph: Blocked, data: st.DataObject) -> None:
    state = start(data, graph.session())
    motion = data.draw(st.sampled_from(["step", "next", "stepi", "finish", "continue"]))
    motion = data.draw(st.sampled_from(["", "reverse-"])) + motion
    state = update(state, f"break #{data.draw(st.integers(0, len(state.timeline) - 1))}")
    state = update(state, f"break #{data.draw(st.integers(0, len(state.timeline) - 1))}")
    count = data.draw(st.integers(1, 5))
    one = state
    for _ in range(count):
        one = update(one, motion)
    several = update(state, f"{motion} {count}")
    assert shown(several) == shown(one)
    assert several.stopped == one.stopped


@examples(60)
@given(blocked(), st.data())
def test_breakpoints_stop_at_the_same_events_in_both_directions(graph: Blocked, data: st.DataObject) -> None:
    state = graph.session()
    names = state.timeline.graph.names
    places = st.sampled_from([*names, *[f"{n}@fwd" for n in names], *[f"{n}@bwd" for n in names], "matmul", "n*@bwd"])
    chosen = data.draw(st.lists(places | st.integers(0, len(state.timeline) - 1).map(lambda k: f"#{k}"), max_size=3))
    for place in chosen:
        with suppress(BpdebugError):  # a place that this graph has not
            state = update(state, f"break {place}")
    total = len(state.timeline)
    wanted = [k for k in range(total) if any(b.stops is not None and b.stops.contains(k) for b in state.breakpoints)]
    forth = [0] if 0 in wanted else []
    at = state
    while (at := update(at, "continue")).stopped != "end":
        forth.append(at.cursor)
    assert forth == wanted
    back = []
    while (at := update(at, "reverse-continue")).stopped != "begin":
        back.append(at.cursor)
    assert back[::-1] == wanted


@pytest.mark.parametrize("name", NAMES)
def test_breakpoints_of_a_lesson_stop_at_the_same_events_in_both_directions(name: str) -> None:
    at = update(open_session(scenario(name)), "break *@bwd")
    forth, back = [], []
    while (at := update(at, "continue")).stopped != "end":
        forth.append(at.cursor)
    while (at := update(at, "reverse-continue")).stopped != "begin":
        back.append(at.cursor)
    assert forth
    assert back[::-1] == forth
