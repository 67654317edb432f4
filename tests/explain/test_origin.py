"""Where a cell comes from and where it goes, against brute force: terms add up, and factors are the cells they name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpdebug
from bpdebug.arrays import Array, DType
from bpdebug.cells.trace import CellTracer
from bpdebug.engine import Timeline
from bpdebug.engine.edits import RuleOverride
from bpdebug.explain import paths
from bpdebug.explain.origin import Origin, origin
from bpdebug.explain.paths import heaviest
from bpdebug.expression import parse, target
from bpdebug.ops import OPS, Op
from tests.graphs import (
    DOUBLE,
    SAMPLES,
    SINGLE,
    Call,
    Random,
    calls,
    examples,
    graph_of,
    graphs,
    make,
    sample_call,
    step,
)


def asked(timeline: Timeline, text: str) -> Origin:
    return origin(timeline, target(parse(text), timeline.graph), 0)


def cell_of(name: str, cell: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, cell))}]" if cell else name


def judge(timeline: Timeline, name: str, cell: tuple[int, ...], wanted: float) -> Origin:
    """The terms add up to the cell, and each factor that names a tensor is that tensor's cell."""
    found = asked(timeline, cell_of(name, cell))
    assert found.value == wanted or (np.isnan(found.value) and np.isnan(wanted))
    size, graph = 0.0, timeline.graph
    for source in found.sources:
        products = source.products()
        assert len(products) == len(source)
        for product in products:
            assert not product.factors[0].under  # a quotient is written with what is divided
            size += abs(product.value)
            made = 1.0
            for f in product.factors:
                made = made / f.value if f.under else made * f.value
                bare = f.name.removeprefix("∂")
                if bare in graph.index and f.name:
                    array = timeline.grad(bare) if f.name != bare else timeline.value(bare)
                    assert array is not None
                    assert array[f.cell] == f.value
            assert made == pytest.approx(product.value, rel=1e-12) or not np.isfinite(made)
    single = timeline.graph.dtypes[graph.index[name.removeprefix("∂")]] == SINGLE
    slack = (1e-6 if single else 1e-14) * (len(found.sources) + 64) * max(size, abs(wanted))
    if found.sources and np.isfinite(wanted):
        assert abs(found.sum - wanted) <= slack, (name, cell, found.sum, wanted)
    return found


def judged(call: Call) -> int:
    """How many cells of a call's value and gradients were looked at."""
    if call.value.dtype.kind != "f" or not call.value.size:
        return 0
    g = np.asarray(np.random.default_rng(1).normal(size=call.value.shape)).astype(call.value.dtype)
    timeline = Timeline(graph_of(call, g))
    graph, count = timeline.graph, 0
    out = graph.names[graph.first]
    for cell in np.ndindex(call.value.shape):
        assert judge(timeline, out, cell, float(timeline.value(out)[cell])).sources
        count += 1
    for name in {graph.names[t] for _, t in graph.edges(0) if graph.has_gradient(t)}:
        gradient = timeline.grad(name)
        assert gradient is not None
        for cell in np.ndindex(gradient.shape):
            judge(timeline, f"∂{name}", cell, float(gradient[cell]))
            count += 1
    return count


@pytest.mark.parametrize("dtype", [DOUBLE, SINGLE], ids=str)
@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_the_terms_of_every_cell_add_up_to_it(op: Op, i: int, dtype: DType) -> None:
    call = sample_call(op, op.samples[i], dtype)
    assert judged(call) or call.value.dtype.kind != "f"


@examples(150)
@given(st.data())
def test_so_they_do_on_random_calls(data: st.DataObject) -> None:
    judged(data.draw(calls(OPS[data.draw(st.sampled_from(sorted(OPS)))])))


def jacobian(timeline: Timeline, k: int, position: int) -> Array:
    """Node k's derivative by an operand, (output cells, operand cells), a unit cotangent at a time."""
    graph = timeline.graph
    plan, run = graph.plans[k], timeline.iteration(0)
    inputs = [run.value(i) if isinstance(i, int) else i.value for i in graph.nodes[k].inputs]
    y = run.value(graph.first + k)
    rows = []
    for cell in np.ndindex(y.shape):
        unit = np.zeros_like(y)
        unit[cell] = 1
        with np.errstate(all="ignore"):
            rows.append(plan.evaluate(plan.summed(position), plan.leaves(inputs, y, unit)).reshape(-1))
    return np.array(rows)


@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_single_derivatives_are_those_of_unit_cotangents_in_both_directions(op: Op, i: int) -> None:
    call = sample_call(op, op.samples[i])
    if call.value.dtype.kind != "f":
        return
    g = np.asarray(np.random.default_rng(1).normal(size=call.value.shape))
    timeline = Timeline(graph_of(call, g))
    tracer, graph = CellTracer(timeline, 0), timeline.graph
    for position, tensor in graph.edges(0):
        if not graph.has_gradient(tensor):
            continue
        wanted = jacobian(timeline, 0, position)
        shape = graph.shapes[tensor]
        found = np.zeros_like(wanted)
        for n, cell in enumerate(np.ndindex(shape)):
            for there, slope in tracer.slopes(0, position, cell).items():
                found[np.ravel_multi_index(there, call.value.shape) if there else 0, n] = slope
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
        for m, cell in enumerate(np.ndindex(call.value.shape)):
            back = np.zeros(wanted.shape[1])
            ways = [w for w in tracer.from_gradient(graph.first, cell) if w.name == f"∂{graph.names[tensor]}"]
            for way in ways[:1] if len(ways) == 1 else []:
                for c, weight in zip(way.cells, way.weights, strict=True):
                    back[np.ravel_multi_index(c, shape) if c else 0] = weight
                assert way.count <= back.size
                if way.count == len(way.cells):
                    np.testing.assert_allclose(back, wanted[m], rtol=1e-12, atol=1e-13)


@examples(60)
@given(graphs(nodes=10), st.data())
def test_the_terms_of_any_cell_of_any_graph_add_up(random: Random, data: st.DataObject) -> None:
    timeline = random.timeline()
    graph = timeline.graph
    names = [n for n in graph.names if graph.is_float(graph.index[n]) and not n.endswith(".mask")]
    name = data.draw(st.sampled_from(names))
    gradient = timeline.grad(name)
    for text, array in ((name, timeline.value(name)), (f"∂{name}", gradient)):
        if array is not None and array.size:
            cell = tuple(int(i) for i in np.unravel_index(data.draw(st.integers(0, array.size - 1)), array.shape))
            judge(timeline, text, cell, float(array[cell]))


# --- what is shown


def test_a_cell_of_a_matmul_is_a_row_against_a_column() -> None:
    rng = np.random.default_rng(0)
    x, w, g = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(2, 4))
    t = Timeline(make({"X": x, "W": w}, step("Y", "matmul", "X", "W"), into={"Y": g}))
    (source,) = asked(t, "Y[1,2]").sources
    assert [[f.text for f in p.factors] for p in source.products()] == [[f"X[1,{k}]", f"W[{k},2]"] for k in range(3)]
    (source,) = asked(t, "dX[1,2]").sources
    assert [[f.text for f in p.factors] for p in source.products()] == [[f"∂Y[1,{k}]", f"W[2,{k}]"] for k in range(4)]
    (source,) = asked(t, "dW[1,2]").sources
    assert [[f.text for f in p.factors] for p in source.products()] == [[f"X[{k},1]", f"∂Y[{k},2]"] for k in range(2)]
    ways = {w.name: w for w in asked(t, "dY[1,2]").goes}
    assert ways["∂X"].cells == ((1, 0), (1, 1), (1, 2))
    assert ways["∂X"].weights == tuple(w[:, 2])
    assert ways["∂W"].cells == ((0, 2), (1, 2), (2, 2))
    (way,) = asked(t, "X[1,2]").goes
    assert (way.name, way.cells, way.weights) == ("Y", tuple((1, n) for n in range(4)), tuple(w[2]))


def test_a_leaf_has_no_terms_and_a_wrong_rule_has_its_own() -> None:
    t = Timeline(make({"X": np.eye(2), "W": np.eye(2)}, step("Y", "matmul", "X", "W"), into={"Y": np.eye(2)}))
    assert asked(t, "X[0,1]").sources == ()
    wrong = t.fork(RuleOverride(0, 0, lambda plan: plan.g @ plan.operands[1]))
    (source,) = asked(wrong, "dX[0,1]").sources
    assert [f.text for p in source.products() for f in p.factors] == ["∂Y[0,0]", "W[0,1]", "∂Y[0,1]", "W[1,1]"]


# --- the heaviest ways


def every_way(timeline: Timeline, tensor: int, cell: tuple[int, ...]) -> list[float]:
    """The product along each way to an output, by brute force over Jacobians."""
    graph, run = timeline.graph, timeline.iteration(0)
    found = [float(run.seed(tensor)[cell])] if tensor in graph.incoming else []
    for k, position in graph.edges_from(tensor):
        out = graph.first + k
        shape = graph.shapes[tensor]
        column = jacobian(timeline, k, position)[:, np.ravel_multi_index(cell, shape) if cell else 0]
        for n, there in enumerate(np.ndindex(graph.shapes[out])):
            if column[n]:
                found += [float(column[n]) * w for w in every_way(timeline, out, there)]
    return [w for w in found if w]


def small(positive: bool) -> Timeline:
    rng = np.random.default_rng(4)
    shapes = {"X": (2, 3), "W": (3, 2), "V": (2, 2)}
    arrays = {n: rng.uniform(0.1, 1, s) if positive else rng.normal(size=s) for n, s in shapes.items()}
    steps = (
        step("H", "matmul", "X", "W"), step("A", "softplus", "H"), step("B", "matmul", "A", "V"),
        step("C", "add", "B", "A"), step("L", "sum", "C"),
    )  # fmt: skip
    return Timeline(make(arrays, *steps, loss="L"))


@pytest.mark.parametrize("name", ["X", "W", "V", "A"])
@pytest.mark.parametrize("positive", [True, False])
def test_all_ways_together_are_the_gradient_and_the_heaviest_come_first(name: str, positive: bool) -> None:
    t = small(positive)
    shape = t.graph.shapes[t.graph.index[name]]
    for cell in np.ndindex(shape):
        found = heaviest(t, target(parse(cell_of(f"∂{name}", cell)), t.graph), 0, most=10_000)
        wanted = sorted(every_way(t, t.graph.index[name], cell), key=lambda w: -abs(w))
        assert found.complete
        np.testing.assert_allclose(sorted((r.weight for r in found.rows), key=lambda w: -abs(w)), wanted, rtol=1e-12)
        assert sum(r.weight for r in found.rows) == pytest.approx(found.gradient)
        assert sum(r.share or 0 for r in found.rows) == pytest.approx(1)
        first = heaviest(t, target(parse(cell_of(f"∂{name}", cell)), t.graph), 0, most=3)
        assert first.exact
        sizes = [abs(r.weight) for r in first.rows]
        np.testing.assert_allclose(sizes, np.abs(wanted[:3]), rtol=1e-12)


def test_a_way_on_which_nan_is_born_comes_first() -> None:
    t = bpdebug.run(bpdebug.load("nan_sqrt"))
    found = heaviest(t, target(parse("dX[1,0]"), t.graph), 0)
    assert np.isnan(found.gradient)
    assert found.rows
    assert any("n[1]" in c for c in found.rows[0].cells)


def test_where_there_are_too_many_cells_the_order_is_a_guess_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "MOST_CELLS", 3)
    t = small(True)
    found = heaviest(t, target(parse("∂X[0,1]"), t.graph), 0, most=10_000)
    assert not found.exact
    assert sum(r.weight for r in found.rows) == pytest.approx(found.gradient)


def test_a_way_names_the_cells_it_passes() -> None:
    t = small(True)
    found = heaviest(t, target(parse("∂X[0,1]"), t.graph), 0)
    for row in found.rows:
        assert row.cells[0] == "X[0,1]"
        assert row.cells[-1] == "L"
    assert not found.complete
