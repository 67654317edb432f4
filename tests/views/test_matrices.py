"""What is drawn does not depend on names: every lesson, and its twin whose names are pieces of each other's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from bpdebug.debugger import State, open_session, update
from bpdebug.engine import BACKWARD, FORWARD, UPDATE, Timeline
from bpdebug.explain.lens import lens
from bpdebug.graph import Graph, Subject
from bpdebug.ops import OPS
from bpdebug.views.blocks import Matrix, Row, flat
from bpdebug.views.inspector import inspector
from bpdebug.views.lens import lens as lens_view
from bpdebug.views.report import Report
from bpdebug.views.stage import stage
from tests.lessons import NAMES, WALK, scenario

PIECES = sorted({op[:n] for op in OPS for n in range(1, len(op))} - set(OPS), key=lambda name: (len(name), name))
"""s, su, so ... e, ex, exp_: the beginnings of the names of ops, which stand in most formulas."""


def renamed(graph: Graph, names: Mapping[str, str]) -> Graph:
    """The same graph under other names."""
    return replace(
        graph, names=tuple(names[n] for n in graph.names), index={names[n]: t for n, t in graph.index.items()},
        leaves=tuple(replace(leaf, name=names[leaf.name]) for leaf in graph.leaves),
        nodes=tuple(replace(node, id=names[node.id]) for node in graph.nodes),
    )  # fmt: skip


def twins(name: str) -> tuple[State, State]:
    """A session, and the same one on a graph whose names are pieces of names of ops."""
    state = open_session(scenario(name))
    graph, training = state.timeline.graph, state.timeline.training
    names = dict(zip(graph.names, [*PIECES, *(f"{p}_" for p in PIECES), *(f"{p}1" for p in PIECES)], strict=False))
    assert len(names) == len(graph.names)
    timeline = Timeline(renamed(graph, names), seed=state.timeline.seed, training=training)
    return state, replace(state, timeline=timeline)


def drawn(report: Report) -> Iterator[Any]:
    """Everything of the matrices but their names; a formula is one, whatever it says."""
    for block in flat(report.blocks):
        if isinstance(block, Row):
            yield tuple("" if isinstance(i, str) else plain(i) for i in block.items)


def plain(m: Matrix) -> Any:
    of = m.subject and (m.subject if isinstance(m.subject.tensor, int) else replaced(m.subject))
    return of, m.shape, m.note, m.mark, m.marked


def replaced(of: Subject) -> Subject:
    return Subject("", of.gradient, of.transposed)


def shown(state: State) -> list[Any]:
    event = state.event
    assert event is not None
    found = [list(drawn(stage(state))), [type(b) for b in inspector(state).blocks]]
    if not state.part and event.phase in (FORWARD, BACKWARD):
        looked = lens(event)
        found += [list(drawn(lens_view(state, looked))), [bool(o.transposed) for o in looked.operands]]
    return found


@pytest.mark.parametrize("name", [*NAMES, WALK], ids=[*NAMES, "walk"])
def test_names_that_are_pieces_of_others_change_nothing(name: str) -> None:
    state, twin = twins(name)
    most = 40  # stops: a long lesson repeats itself
    while state.cursor < len(state.timeline) and most:
        assert shown(state) == shown(twin), (state.cursor, state.part)
        state, twin, most = update(state, "stepi"), update(twin, "stepi"), most - 1


@pytest.mark.parametrize("name", [*NAMES, WALK], ids=[*NAMES, "walk"])
def test_a_matrix_is_what_it_says_it_is(name: str) -> None:
    """The numbers of a tensor, of its gradient or of their transpose; of a gradient, once all is added up."""
    state, count = open_session(scenario(name)), 0
    for event in list(state.timeline)[:60]:
        run, graph = state.timeline.iteration(event.iteration), state.timeline.graph
        for block in flat(stage(replace(state, cursor=event.index)).blocks) if event.phase != UPDATE else ():
            for m in block.items if isinstance(block, Row) else ():
                of = m.subject if isinstance(m, Matrix) else None
                if of is None or isinstance(of.tensor, str) or (of.gradient and len(graph.edges_from(of.tensor)) > 1):
                    continue
                array = run.gradient(of.tensor) if of.gradient else run.value(of.tensor)
                assert array is not None
                assert isinstance(m, Matrix)
                np.testing.assert_array_equal(array.mT if of.transposed else array, m.array)
                count += event.phase == BACKWARD
    assert count


TRICKY = """format = 1
[inputs]
s = [[1.0, 2.0], [0.5, -1.0]]
su = [[0.5, 1.5], [2.0, 1.0]]
e = [1.0, 2.0]
[graph]
loss = "exp_"
program = '''
sum1 = s @ su
ex = exp(sum1 / 8) * e
exp_ = sum(layer_norm(ex, e, e) * su)
'''
"""
PLAINLY = {"sum1": "Y", "su": "W", "s": "X", "exp_": "L", "ex": "H", "e": "b"}


def test_a_graph_of_pieces_is_drawn_as_its_twin_with_plain_names() -> None:
    text = re.sub(r"\w+", lambda word: PLAINLY.get(word[0], word[0]), TRICKY)
    state, twin = open_session(scenario(TRICKY)), open_session(scenario(text))
    while state.cursor < len(state.timeline):
        assert shown(state) == shown(twin), (state.cursor, state.part)
        state, twin = update(state, "stepi"), update(twin, "stepi")
