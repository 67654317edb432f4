"""What libraries answer where there is no derivative: the data against what is installed, and our rules against it."""

from __future__ import annotations

from itertools import product
from math import nan, prod
from typing import Any

import numpy as np
import pytest

from bpdebug.engine import Timeline
from bpdebug.errors import BpdebugError
from bpdebug.ops import OPS, Op
from bpdebug.ops.conventions import DEFAULT, LIBRARIES, LibraryAnswer, Point, chosen, known, rows, table
from tests.graphs import Call, make, sample_call, step
from tests.ops.libraries import COLUMNS, array, given, measured, plain

POINTS = table().points
ANSWERS = [
    pytest.param(point, answer, library, id=f"{library}: {point.op}, {point.at}")
    for point in POINTS for answer in point.answers for library in answer.of
]  # fmt: skip
CHOOSING = [op for op in OPS.values() if op.conventions]


def numbers(value: tuple[float | None, ...]) -> list[float]:
    return [nan if n is None else n for n in value]


def answered(point: Point, conventions: str = DEFAULT, /, **attrs: Any) -> Any:
    """The gradients that a graph gives at a point, cell by cell; attributes may be chosen by hand."""
    inputs = [f"x{i}" if isinstance(x, list) else x for i, x in enumerate(point.operands)]
    leaves = {f"x{i}": array(plain(x)) for i, x in enumerate(point.operands) if isinstance(x, list)}
    steps = [
        step("y", point.op, *inputs, **{**given(point), **attrs}),
        step("z", "mul", "y", point.g),
        step("L", "sum", "z"),
    ]
    timeline = Timeline(make(leaves, *steps, loss="L", conventions=conventions))
    grads = [timeline.grad(name) for name in leaves]
    return [float(n) for g in grads[: point.wrt] if g is not None for n in np.ravel(g)]


@pytest.mark.parametrize(("point", "answer", "library"), ANSWERS)
def test_the_data_is_what_a_library_answers(point: Point, answer: LibraryAnswer, library: str) -> None:
    np.testing.assert_allclose(measured(library, point), numbers(answer.value), rtol=1e-5)


@pytest.mark.parametrize(("point", "answer", "library"), ANSWERS)
def test_a_graph_with_a_librarys_conventions_answers_as_it_does(
    point: Point, answer: LibraryAnswer, library: str
) -> None:
    wanted = answer.value if point.has(answer) and not point.smooth else point.ours
    if library in LIBRARIES:
        np.testing.assert_allclose(answered(point, library), numbers(wanted), rtol=1e-5)
    if answer.chooses and not any(OPS[point.op].conventions[name].hidden for name in answer.chooses):
        np.testing.assert_allclose(answered(point, DEFAULT, **answer.chooses), numbers(wanted), rtol=1e-5)


@pytest.mark.parametrize("point", POINTS, ids=lambda p: f"{p.op}, {p.at}")
def test_without_conventions_our_answer_holds(point: Point) -> None:
    np.testing.assert_allclose(answered(point), numbers(point.ours), rtol=1e-5)


def test_the_data_has_rows_of_every_library_and_no_other() -> None:
    found = list(rows())
    assert {library for library, *_ in found} == set(COLUMNS) == set(table().versions)
    assert set(LIBRARIES) <= set(COLUMNS)
    assert {op for _, _, op, _, _ in found} <= set(OPS)
    assert {op.name for op in CHOOSING} <= {point.op for point in POINTS}
    assert len({(point.op, point.at) for point in POINTS}) == len(POINTS)


def test_who_answers_as_no_attribute_does_is_known() -> None:
    unlike = {(p.op, name) for p in POINTS for a in p.answers if not (p.smooth or p.has(a)) for name in a.of}
    taken = {("cummax", "jax"), ("cummax", "tinygrad"), ("topk", "mlx"), ("topk", "tinygrad")}
    assert unlike == {*taken, ("cross_entropy", "tinygrad")}
    assert known(OPS["cummax"], {"axis": 0}) == ["torch", "mlx", "paddle"]
    assert known(OPS["hardtanh"], {}) == ["torch", "jax", "keras", "mlx", "paddle", "tinygrad"]


# --- attributes


def choices(op: Op) -> list[dict[str, Any]]:
    """Every choice of an op's conventions."""
    shares: list[Any] = [0.0, 0.5, 1.0, (0.0, 1.0), (1.0, 0.25)]
    each = {n: attr.choices or shares for n, attr in op.conventions.items()}
    return [dict(zip(each, made, strict=True)) for made in product(*each.values())]


@pytest.mark.parametrize("op", CHOOSING, ids=lambda op: op.name)
def test_values_never_change_and_away_from_kinks_gradients_do_not(op: Op) -> None:
    for sample in op.samples:
        call = sample_call(op, sample)
        g = np.asarray(np.random.default_rng(0).uniform(0.5, 1.5, call.value.shape))
        for made in choices(op):
            other = Call(op, call.operands, {**call.attrs, **made})
            assert other.plan.value.shape == call.plan.value.shape
            assert other.value.tobytes() == call.value.tobytes()
            for position, gradient in call.contributions(g).items():
                np.testing.assert_allclose(other.contributions(g)[position], gradient, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("op", CHOOSING, ids=lambda op: op.name)
def test_at_kinks_what_is_compiled_is_the_rule_as_it_stands(op: Op) -> None:
    rng = np.random.default_rng(1)
    for sample, dtype in product(op.samples, (np.float64, np.float32)):
        call = sample_call(op, sample, np.dtype(dtype))
        tied = tuple(
            rng.choice([-3.0, -1.0, 0.0, 0.0, 1.0, 3.0, 6.0], x.shape).astype(dtype)
            if isinstance(x, np.ndarray) and x.dtype.kind == "f"
            else x
            for x in call.operands
        )
        for made in choices(op):
            other = Call(op, tied, {**call.attrs, **made})
            g = np.asarray(rng.uniform(0.5, 1.5, other.value.shape)).astype(dtype)
            raw, before = other.raw_gradients(g), other.plan.before_sum
            for position, gradient in other.contributions(g).items():
                assert gradient.dtype == dtype
                if raw[position].shape == gradient.shape == before(position):
                    np.testing.assert_array_equal(gradient, raw[position])


def gradient(op: str, x: Any, conventions: str = DEFAULT, **attrs: Any) -> Any:
    graph = make({"x": np.array(x)}, step("y", op, "x", **attrs), step("L", "sum", "y"), loss="L",
                 conventions=conventions)  # fmt: skip
    return Timeline(graph).grad("x")


def test_what_a_call_chooses_holds_whatever_the_scenario_says() -> None:
    assert gradient("max", [2.0, 2.0, 1.0], "torch", axis=0).tolist() == [1, 0, 0]
    assert gradient("max", [2.0, 2.0, 1.0], "torch", axis=0, ties="share").tolist() == [0.5, 0.5, 0]
    assert gradient("max", [2.0, 2.0, 1.0], "torch", axis=(0,)).tolist() == [0.5, 0.5, 0]
    assert gradient("max", [2.0, 2.0, 1.0], ties="last").tolist() == [0, 1, 0]
    assert gradient("clip", [0.0, 1.0], "jax", min=0, max=1, at_bounds=(1, 0)).tolist() == [1, 0]
    assert gradient("abs", [0.0], "jax", at_zero="left").tolist() == [-1]
    assert gradient("relu", [0.0, nan], "jax", at_zero="mean").tolist() == [0.5, 0]
    assert gradient("relu", [0.0, nan], at_zero="mean").tolist() == [0.5, 1]


def test_the_first_and_the_last_are_in_the_order_of_the_axes() -> None:
    x = np.array([[[1.0, 3.0], [3.0, 0.0]], [[3.0, 2.0], [1.0, 3.0]]])
    for axis in (None, 0, 1, -1, (0, 2), (2, 0), (1, 2)):
        first, last = (gradient("max", x, axis=axis, ties=ties) for ties in ("first", "last"))
        axes = tuple(a % 3 for a in (range(3) if axis is None else (axis,) if isinstance(axis, int) else axis))
        rest = [a for a in range(3) if a not in axes]
        for made, order in ((first, 1), (last, -1)):
            flat, cells = (
                a.transpose(*rest, *axes).reshape(prod(x.shape[a] for a in rest), -1)[:, ::order] for a in (made, x)
            )
            assert (flat.argmax(axis=1) == cells.argmax(axis=1)).all()
            assert (flat.sum(axis=1) == 1).all()


def test_of_a_running_maximum_the_first_or_the_last() -> None:
    x = [1.0, 3.0, 3.0, 2.0, 3.0, 4.0, nan, nan]
    assert gradient("cummax", x, axis=0).tolist() == [1, 1, 2, 0, 1, 1, 1, 1]
    assert gradient("cummax", x, axis=0, ties="first").tolist() == [1, 4, 0, 0, 0, 1, 2, 0]
    both = [gradient("cummax", np.stack([x, x], axis=1), axis=0, ties="first")[:, n].tolist() for n in (0, 1)]
    assert both == [[1, 4, 0, 0, 0, 1, 2, 0]] * 2


def test_a_choice_that_is_none_is_refused_with_the_choices() -> None:
    for op, attrs, words in (
        ("max", {"ties": "none"}, 'max: ties must be one of "share", "first", "last", "all", not "none"'),
        ("cummax", {"axis": 0, "ties": "all"}, 'cummax: ties must be one of "last", "first", not "all"'),
        ("abs", {"at_zero": 0}, 'abs: at_zero must be one of "zero", "left", "right", not 0'),
        ("clip", {"min": 0, "max": 1, "at_bounds": 2}, "clip: at_bounds must be a number from 0 to 1, or a pair of"),
        ("relu6", {"at_bounds": (0, 1, 1)}, "relu6: at_bounds must be a number from 0 to 1, or a pair of them, not"),
    ):
        with pytest.raises(BpdebugError) as caught:
            OPS[op].bind(attrs)
        assert caught.value.code == "E_ATTR"
        assert caught.value.message.startswith(words)
        assert caught.value.hint
    with pytest.raises(BpdebugError, match="sum has no attribute 'ties'"):
        OPS["sum"].bind({"ties": "first"})


def test_what_has_no_choice_shares_its_attributes() -> None:
    assert chosen(OPS["sum"], OPS["sum"].defaults, "torch") is OPS["sum"].defaults
    assert chosen(OPS["relu"], OPS["relu"].defaults, "torch") is OPS["relu"].defaults
    graph = make({"x": np.ones(2)}, step("a", "relu", "x"), step("b", "relu", "a"), step("L", "sum", "b"), loss="L",
                 conventions="jax")  # fmt: skip
    assert graph.plans[0] is graph.plans[1]
    assert graph.call_text(0) == "relu(x)"


# --- whole arrays with ties, against those that are installed


def test_pytorchs_ties_on_whole_arrays() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
    rng = np.random.default_rng(2)
    f = torch.nn.functional
    x = rng.integers(-1, 2, (2, 3, 5, 6)).astype(float)
    cases: list[tuple[str, dict[str, Any], Any]] = [
        *(("max", {"axis": a}, lambda x, a=a: x.max(dim=a).values) for a in range(-4, 4)),
        *(("min", {"axis": a, "keepdims": True}, lambda x, a=a: x.min(dim=a, keepdim=True).values) for a in range(4)),
        ("max", {}, lambda x: x.max()), ("min", {}, lambda x: x.min()),
        ("max", {"axis": (1, 3)}, lambda x: x.amax((1, 3))), ("min", {"axis": (0,)}, lambda x: x.amin((0,))),
        ("max_pool2d", {"size": 2}, lambda x: f.max_pool2d(x, 2)),
        ("max_pool2d", {"size": (3, 2), "stride": 1, "padding": (1, 0)},
         lambda x: f.max_pool2d(x, (3, 2), 1, (1, 0))),
        *(("cummax", {"axis": a}, lambda x, a=a: x.cummax(a).values) for a in range(4)),
        ("clip", {"min": -1.0, "max": 1.0}, lambda x: x.clip(-1, 1)), ("hardtanh", {}, f.hardtanh),
    ]  # fmt: skip
    for op, attrs, call in cases:
        theirs = torch.tensor(x, requires_grad=True)
        y = call(theirs)
        g = rng.uniform(0.5, 1.5, tuple(y.shape))
        (wanted,) = torch.autograd.grad(y, theirs, torch.tensor(g))
        found = Timeline(make({"x": x}, step("y", op, "x", **attrs), into={"y": g}, conventions="torch")).grad("x")
        assert found is not None
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-12, err_msg=f"{op} {attrs}")
