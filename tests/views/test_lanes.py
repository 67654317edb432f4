"""The graph in lanes: who follows the characters from each reader upwards finds the graph's edges, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.graph import DRAWN, STATE, Graph, build
from bpdebug.language.program import elaborate
from bpdebug.views.lanes import FOLDED, LEAF, NODE, Lanes
from bpdebug.views.skeleton import Skeleton
from tests.counting import work
from tests.graphs import Random, examples, graphs, leaf, make, step
from tests.large import chain
from tests.lessons import FAULTY, NAMES, WALK, scenario, session

SIGNS = {LEAF, NODE, FOLDED}
MANY = 1000
Place = tuple[int, int]


@cache
def graph_of(name: str) -> Graph:
    return scenario(name).graph


def drawn(lanes: Lanes, since: int = MANY) -> list[tuple[str, list[bool]]]:
    """Every row as text, and which of its characters are lit."""
    rows = [list(lanes.cells(r, MANY, since)) for r in range(len(lanes))]
    return [("".join(c for c, _ in row), [lit for _, lit in row]) for row in rows]


def followed(rows: list[str]) -> Iterator[tuple[int, int, list[Place]]]:
    """Each edge that is seen: the row of the producer, that of the reader, and the way between them."""
    for r, text in enumerate(rows):
        found = [x for x, c in enumerate(text) if c in SIGNS]
        assert len(found) <= 1, text
        for own in found:
            taps = [(own, [(r, own)])] if r and rows[r - 1][own : own + 1] in {*SIGNS, *"│├┤┼"} else []
            for to, ends in ((-1, "├╰"), (1, "┤╯")):
                x, way = own + to, [(r, own)]
                while 0 <= x < len(text) and text[x] in "─│┼┴":
                    way += [(r, x)] if text[x] != "│" else []  # it goes on behind that
                    if text[x] in "┼┴":
                        taps.append((x, list(way)))
                    x += to
                if 0 <= x < len(text) and text[x] in ends:
                    taps.append((x, [*way, (r, x)]))
                else:
                    assert len(way) == 1, f"a line that ends nowhere: {text}"
            for x, way in taps:
                y = r - 1
                while rows[y][x] in "│├┤┼":
                    way.append((y, x))
                    y -= 1
                assert rows[y][x] in SIGNS, (rows[y], x)
                yield y, r, [*way, (y, x)]


def check(graph: Graph, folded: set[int]) -> Lanes:
    """The edges that are seen are those of the graph, where folded blocks are one node each."""
    skeleton = Skeleton(graph)
    lanes = Lanes(skeleton, folded)
    shown = {what: r for r, what in enumerate(lanes.what)}
    assert len(shown) == len(lanes.what)
    at = {t: r for t, r in shown.items() if t >= 0}
    for s, span in enumerate(skeleton.spans):
        if s in folded and ~s in shown:
            inner = [graph.tensor(k) for k in range(span.first, span.end)]
            assert not any(t in at for t in inner)
            at |= dict.fromkeys(inner, shown[~s])
    leaves = [t for t in range(graph.first) if graph.kind(t) not in (DRAWN, STATE)]
    for t in leaves:
        readers = {at[graph.tensor(k)] for k in graph.users(t)}
        if t not in at:  # it is in the folded block that has all its readers
            (at[t],) = readers
        assert all(r >= at[t] for r in readers)
    assert {*leaves, *range(graph.first, len(graph.names))} == at.keys()
    pairs = [(at[t], at[graph.tensor(k)]) for k, n in enumerate(graph.nodes) for t in n.tensors if t in at]
    seen = [(p, r) for p, r, _ in followed([text for text, _ in drawn(lanes)])]
    assert sorted(seen) == sorted({(p, r) for p, r in pairs if p != r})
    return lanes


@pytest.mark.parametrize("name", [*NAMES, WALK])
def test_every_edge_of_a_lesson_is_drawn(name: str) -> None:
    graph = graph_of(name)
    spans = range(len(Skeleton(graph).spans))
    check(graph, set())
    for s in spans:
        check(graph, {s})
    check(graph, set(spans))


@st.composite
def wired(draw: st.DrawFn) -> Graph:
    """Sums at random, in blocks at random: many readers far away, tensors nobody reads, blocks of one name apart."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    leaves = [f"x{i}" for i in range(rng.integers(1, 6))]
    names, steps, block = list(leaves), [], ""
    for i in range(rng.integers(1, 40)):
        if rng.random() < 0.3:
            block = str(rng.choice(["", "a", "a.b", "a.b.c", "b", "a.c"]))
        operands = rng.choice(names[-int(rng.integers(1, 30)) :], 2)
        steps.append(step(f"n{i}", "add", *map(str, operands), block=block))
        names.append(f"n{i}")
    return make(dict.fromkeys(leaves, 1.0), *steps, loss=names[-1], parameters=leaves[::2])


@examples(80)
@given(wired(), st.sets(st.integers(0, 12)))
def test_every_edge_of_a_random_graph_is_drawn(graph: Graph, folded: set[int]) -> None:
    check(graph, folded)


@examples(15)
@given(graphs())
def test_every_edge_of_a_graph_of_all_ops_is_drawn(random: Random) -> None:
    check(random.build(), set())


@pytest.mark.parametrize("name", [*NAMES, WALK, FAULTY])
def test_the_way_of_the_gradient_is_lit_in_the_backward_pass(name: str) -> None:
    state = session(name)
    timeline, graph = state.timeline, state.timeline.graph
    skeleton = Skeleton(graph)
    for folded in ((), {0}) if skeleton.spans else ((),):
        lanes = Lanes(skeleton, folded)
        ways = {(p, r): way for p, r, way in followed([text for text, _ in drawn(lanes)])}
        wanted: set[Place] = set()
        assert not any(lit for _, row in drawn(lanes) for lit in row)
        for event in timeline:
            if event.phase == "backward" and event.iteration == 0:
                k = graph.k(event.tensor)
                assert k is not None
                for c in event.contributions:
                    wanted |= set(ways.get((lanes.row[c.tensor], lanes.row[event.tensor]), ()))
                rows = drawn(lanes, k)
                found = {(y, x) for y, (_, row) in enumerate(rows) for x, lit in enumerate(row) if lit}
                assert found - signs(rows) == wanted - signs(rows)
                assert wanted <= found


def signs(rows: list[tuple[str, list[bool]]]) -> set[Place]:
    """Where things stand; that they are lit is judged where an edge leads there."""
    return {(y, x) for y, (text, _) in enumerate(rows) for x, c in enumerate(text) if c in SIGNS}


def test_a_residual_connection_runs_beside_the_block_that_is_folded_or_not() -> None:
    skeleton = Skeleton(graph_of("residual"))
    assert [text for text, _ in drawn(Lanes(skeleton))][:9] == [
        "○", "│", "│ ○", "├─◉", "│ ◉", "│ │ ○", "│ ◉─╯", "◉─╯", "│",
    ]  # fmt: skip
    assert [text for text, _ in drawn(Lanes(skeleton, {0, 1}))][:3] == ["○", "▣", "▣"]


def test_of_what_is_cut_the_first_lanes_are_drawn() -> None:
    lanes = Lanes(Skeleton(graph_of("lstm")))
    for r in range(len(lanes)):
        whole = "".join(c for c, _ in lanes.cells(r, MANY, 0))
        for most in range(4):
            assert "".join(c for c, _ in lanes.cells(r, most, 0)) == whole[: max(2 * most - 1, 0)]


@examples(60)
@given(wired(), st.sets(st.integers(0, 12)), st.lists(st.integers(0, MANY), min_size=1, max_size=6))
def test_whatever_row_is_looked_at_first_it_is_as_in_the_whole(
    graph: Graph, folded: set[int], looks: list[int]
) -> None:
    skeleton = Skeleton(graph)
    whole, seen = drawn(Lanes(skeleton, folded)), Lanes(skeleton, folded)
    lowest = 0
    for look in looks:
        for r in range(look % len(whole), min(look % len(whole) + 4, len(whole))):
            row = [*seen.cells(r, MANY, MANY)]
            assert ("".join(sign for sign, _ in row), [lit for _, lit in row]) == whole[r]
            lowest = max(lowest, r + 1)
            assert seen.laid == len(seen.lane) == lowest


def test_the_first_rows_are_laid_however_many_there_are() -> None:
    looked_at = []
    for turns in (2000, 4000):
        skeleton = Skeleton(chain(turns).graph)

        def seen(skeleton: Skeleton = skeleton) -> None:
            lanes = Lanes(skeleton)
            assert "".join(sign for sign, _ in lanes.cells(40, MANY, 0)) == "◉─│─┤"

        seen()
        looked_at.append(work(seen))
    assert looked_at[0] == looked_at[1]


def test_a_row_of_a_long_graph_asks_for_nothing_of_the_others() -> None:
    count = 3000
    steps = [step(f"n{i}", "add", f"n{i - 1}" if i else "x", "w", block=f"b{i // 10}") for i in range(count)]
    skeleton = Skeleton(make({"x": 1.0, "w": 1.0}, *steps, loss=f"n{count - 1}", parameters=["w"]))
    lanes = Lanes(skeleton)
    assert len(lanes) == count + count // 10 + 2
    assert len(Lanes(skeleton, range(len(skeleton.spans)))) == count // 10 + 2
    lanes.skeleton = None  # type: ignore[assignment]  # whoever asks the graph, fails
    lanes.sign = lambda r: NODE  # type: ignore[method-assign]  # it alone looks, at its own row
    assert "".join(c for c, _ in lanes.cells(2000, 9, 0)) == "◉─┤"


def test_the_skeleton_takes_no_python_for_each_node() -> None:
    graph = chain(2000).graph
    assert graph.every_edge.users  # who reads whom, once for all that ask
    assert graph.on_path
    assert work(lambda: Skeleton(graph).rows(())).lines < 500
    assert Lanes(Skeleton(graph)).what == [0, 1, 3, 2, *range(4, len(graph.names))]


def test_the_spans_of_gradients_are_those_that_grad_made_and_not_the_block_it_stands_in() -> None:
    text = """
with block("outer"):
    H = square(x)
    G = grad(H, x, incoming=x)
    with block("own"):
        m = G * H
L = mean(m)
"""
    graph = build([leaf("x", np.ones(3))], elaborate(text, {"x": np.ones(3)}), loss="L", where="f")
    skeleton = Skeleton(graph)
    assert {skeleton.spans[s].name for s in skeleton.gradients()} == {"outer.G", "outer.G.H"}
    assert {span.name for span in skeleton.spans} - {"outer.G", "outer.G.H"} == {"outer", "outer.own"}
    assert Skeleton(graph_of("lstm")).gradients() == set()
    stated = graph_of("gradient_penalty")
    assert Skeleton(stated.with_states(["velocity"])).gradients() == Skeleton(stated).gradients() != set()
