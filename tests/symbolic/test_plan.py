"""Every op of the table, traced: what the trace says and what its compiled forms compute is what the raw rule does."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.arrays import Array, DType
from bpdebug.engine import Timeline
from bpdebug.errors import ShapeError
from bpdebug.ops import OPS, Op
from bpdebug.symbolic import NUMPY, Expr, Plan
from bpdebug.symbolic.compile import backward, forward
from bpdebug.symbolic.notation import SOURCE
from bpdebug.symbolic.on_numpy import SCOPE
from bpdebug.symbolic.text import write
from tests.graphs import (
    DOUBLE,
    FORMULA_WORDS,
    SAMPLES,
    SINGLE,
    Call,
    assert_same,
    calls,
    cast,
    examples,
    graph_of,
    sample_call,
)

every_sample = pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
every_dtype = pytest.mark.parametrize("dtype", [DOUBLE, SINGLE], ids=str)


def summed(gradient: Any, x: Array) -> Array:
    """A gradient of the broadcast shape, summed back to x's: NumPy's words for it, not the plan's."""
    gradient = np.asarray(gradient)
    lead = gradient.ndim - x.ndim
    axes = (*range(lead), *(lead + a for a, n in enumerate(x.shape) if n == 1 != gradient.shape[lead + a]))
    with np.errstate(all="ignore"):
        return np.asarray(gradient.sum(axis=axes, keepdims=True).reshape(x.shape) if axes else gradient)


def cotangent(call: Call, seed: int = 0) -> Array:
    value = call.value
    return np.asarray(np.random.default_rng(seed).normal(size=value.shape)).astype(value.dtype)


def names(call: Call) -> list[str]:
    return [f"a{i}" if isinstance(x, np.ndarray) else repr(x) for i, x in enumerate(call.operands)]


def assert_plan_is_rule(call: Call, g: Array | None = None) -> None:
    """Shapes, dtypes, and every compiled form, bit for bit against the raw rule."""
    plan, value, count = call.plan, call.value, len(call.operands)
    assert (plan.shape, plan.dtype) == (value.shape, value.dtype)
    V: list[Any] = [*call.operands, None]
    with np.errstate(all="ignore"):
        forward(plan)(V, count, *range(count))
    assert isinstance(V[count], np.ndarray)
    assert_same(V[count], value, f"{call} forward")
    if value.dtype.kind != "f":
        assert not plan.differentiable
        return
    g = cotangent(call) if g is None else g
    raw = call.raw_gradients(g)
    wanted: dict[int, Array] = {}
    for i, x in enumerate(call.operands):
        takes = isinstance(x, np.ndarray) and x.dtype.kind == "f" and raw[i] is not None
        assert (i in plan.differentiable) == takes
        if takes:
            wanted[i] = summed(raw[i], x)
            assert (wanted[i].shape, wanted[i].dtype) == (x.shape, x.dtype)
    contributions = call.contributions(g)
    assert contributions.keys() == wanted.keys()
    G: list[Any] = [None] * count + [g]
    with np.errstate(all="ignore"):
        backward(plan, tuple(wanted))(V, G, count, *range(count))
    for i, gradient in wanted.items():
        assert isinstance(G[i], np.ndarray)
        assert_same(contributions[i], gradient, f"{call} contribution to operand {i}")
        assert_same(G[i], gradient, f"{call} gradient of operand {i}")


@every_sample
@every_dtype
def test_a_plan_is_its_rule(op: Op, i: int, dtype: DType) -> None:
    assert_plan_is_rule(sample_call(op, op.samples[i], dtype))


HOSTILE = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, -1e308, 5e-324, 1.0, -2.5, 3e38, 1e-45]


@every_sample
@every_dtype
@pytest.mark.parametrize("seed", range(3))
def test_a_plan_is_its_rule_where_numbers_end(op: Op, i: int, dtype: DType, seed: int) -> None:
    call, rng = sample_call(op, op.samples[i], dtype), np.random.default_rng(seed)

    def hostile(x: Any) -> Any:
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
            return x
        with np.errstate(all="ignore"):
            return rng.choice(HOSTILE, x.shape).astype(dtype)

    call = Call(op, tuple(map(hostile, call.operands)), call.attrs)
    assert_plan_is_rule(call, hostile(call.value))


@every_sample
def test_a_plan_is_its_rule_in_any_layout(op: Op, i: int) -> None:
    """Fortran order, every other cell of something larger, and backwards: the plan must not copy to another layout."""
    call = sample_call(op, op.samples[i])

    def twice(x: Any) -> Any:
        return np.repeat(x, 2, axis=-1)[..., ::2] if isinstance(x, np.ndarray) and x.ndim else x

    def reversed_(x: Any) -> Any:
        return x[::-1] if isinstance(x, np.ndarray) and x.ndim else x

    def fortran(x: Any) -> Any:
        return np.asfortranarray(x) if isinstance(x, np.ndarray) else x

    for layout in (fortran, twice, reversed_):
        turned = Call(op, tuple(map(layout, call.operands)), call.attrs)
        assert_plan_is_rule(turned, layout(cotangent(turned)))


@pytest.mark.parametrize("op", OPS.values(), ids=list(OPS))
def test_a_plan_is_its_rule_in_any_shape(op: Op) -> None:
    @examples(12)
    @given(calls(op), st.sampled_from([DOUBLE, SINGLE]))
    def check(call: Call, dtype: DType) -> None:
        assert_plan_is_rule(cast(call, dtype))

    check()


@every_sample
@pytest.mark.parametrize("kind", ["i", "b"])
def test_integers_and_booleans_where_an_op_takes_them(op: Op, i: int, kind: str) -> None:
    """What `kinds` allows must be typed as NumPy types it."""
    call = sample_call(op, op.samples[i])
    turned: list[Any] = []
    for k, x in enumerate(call.operands):
        takes = op.kinds[min(k, len(op.kinds) - 1)]
        if isinstance(x, np.ndarray) and x.dtype.kind == "f" and kind in takes:
            turned.append(x.astype(np.int64 if kind == "i" else np.bool_))
        elif isinstance(x, float) and kind in takes:
            turned.append(int(x) if kind == "i" else bool(x))
        else:
            turned.append(x)
    other = Call(op, tuple(turned), call.attrs)
    if op.name == "cross_entropy" and call.value.shape == () and kind == "i" and other.typed != call.typed:
        with pytest.raises(ShapeError, match="E_DTYPE"):  # integers are classes, of one axis less
            _ = other.plan
    else:
        assert_plan_is_rule(other)


# --- source and parts


def evaluated(source: str, call: Call, y: Any, g: Any) -> Array:
    scope = {**SCOPE, "y": y, "g": g, **{f"a{i}": x for i, x in enumerate(call.operands)}}
    with np.errstate(all="ignore"):
        return np.asarray(eval(source, scope))


@every_sample
@every_dtype
def test_printed_source_computes_the_same_bits(op: Op, i: int, dtype: DType) -> None:
    call = sample_call(op, op.samples[i], dtype)
    value, g = call.value, cotangent(call)
    lines = dict(line.split(" = ", 1) for line in call.plan.source(names(call)))
    assert_same(evaluated(lines.pop("y"), call, value, g), value)
    raw = call.raw_gradients(g)
    wanted = {f"da{k}" for k in call.plan.differentiable}
    assert lines.keys() == wanted
    for target, text in lines.items():
        assert_same(evaluated(text, call, value, g), raw[int(target[2:])], text)


@every_sample
@every_dtype
def test_every_part_is_what_its_text_says(op: Op, i: int, dtype: DType) -> None:
    call = sample_call(op, op.samples[i], dtype)
    if call.value.dtype.kind != "f":
        return
    g = cotangent(call)
    timeline = Timeline(graph_of(call, g))
    if "Y.mask" in timeline.graph.names:
        call = Call(op, (*call.operands[:-1], timeline.value("Y.mask")), call.attrs)
    contributions = [c for e in timeline for c in e.contributions]
    plan, found = call.plan, call.contributions(g)
    assert len(contributions) == len(found)
    for position, contribution in zip(found, contributions, strict=True):
        parts = plan.parts(position, timeline.graph.operand_names(0), "Y")
        assert [p.text for p in parts] == [p.text for p in contribution.parts]
        for part, shown in zip(parts, contribution.parts, strict=True):
            source = write(part.expr, plan_names(plan), SOURCE)
            assert_same(shown.value, evaluated(source, call, call.value, g), shown.text)
            assert shown.shape == shown.value.shape
            assert not shown.value.flags.writeable
        assert_same(contribution.parts[-1].value, found[position])
        assert_same(contribution.value, found[position])
        assert_same(contribution.total, found[position])
        assert contribution.shape == contribution.value.shape


def plan_names(plan: Plan) -> Any:
    table = {id(o): f"a{i}" for i, o in enumerate(plan.operands) if isinstance(o, Expr)}
    table |= {id(plan.y): "y", id(plan.g): "g"}
    return lambda e: table.get(id(e))


WHY = {"operand", "transpose", "product", "elementwise", "unbroadcast"}


@every_sample
def test_parts_say_why_in_the_words_of_the_contract(op: Op, i: int) -> None:
    call = sample_call(op, op.samples[i])
    if call.value.dtype.kind != "f":
        return
    for k in range(len(call.operands)):
        parts = call.plan.parts(k, names(call), "y")
        assert {p.why for p in parts} <= WHY
        assert len(parts) == len({id(p.expr) for p in parts}), "a part twice"
        assert all(p.why != "operand" for p in parts[1:])


@every_sample
def test_a_formula_reads_back(op: Op, i: int) -> None:
    """What stands on the screen, typed into NumPy, gives the rule (dtypes are not written, so not bit for bit)."""
    call = sample_call(op, op.samples[i])
    value = call.value
    if value.dtype.kind != "f":
        return
    g = cotangent(call)
    scope = {**FORMULA_WORDS, "one_hot": partial(NUMPY.one_hot, dtype=DOUBLE), "inf": np.inf, "y": value, "dy": g}
    scope |= {f"a{k}": x for k, x in enumerate(call.operands)}
    raw = call.raw_gradients(g)
    for k in range(len(call.operands)):
        if k in call.plan.differentiable:
            formula = call.plan.formula(k, names(call), "y").replace("∂", "d").replace("ᵀ", ".mT")
            np.testing.assert_allclose(eval(formula, scope), raw[k], rtol=1e-14, err_msg=formula)


@every_sample
def test_calls_are_written_as_they_are_typed(op: Op, i: int) -> None:
    text = sample_call(op, op.samples[i]).plan.call_text(
        ["X", "W", "b", "T"][: len(sample_call(op, op.samples[i]).operands)]
    )
    assert text.isprintable()


# --- what is shared and what is not


def test_equal_calls_share_a_plan_and_its_code() -> None:
    a, b = sample_call(OPS["matmul"], OPS["matmul"].samples[0]), sample_call(OPS["matmul"], OPS["matmul"].samples[0])
    assert a.plan is b.plan
    assert forward(a.plan) is forward(b.plan)
    assert backward(a.plan, (0, 1)) is backward(b.plan, (0, 1))
    assert a.plan is not cast(a, SINGLE).plan


@pytest.mark.parametrize("pair", [(0.0, -0.0), (1, 1.0), (2, 2.0), (0, -0.0)])
def test_numbers_that_compare_equal_are_different_plans(pair: tuple[Any, Any]) -> None:
    x = np.array([1.0, -2.0])
    for op in ("mul", "maximum"):
        one, other = (Call(OPS[op], (x, number), {}).plan for number in pair)
        assert one is not other
    one, other = (Call(OPS["clip"], (x,), {"min": number, "max": None}).plan for number in pair)
    assert one is not other


@pytest.mark.parametrize("slope", [0.0, -0.0])
def test_the_sign_of_a_zero_attribute_is_kept(slope: float) -> None:
    """Both in one process: an attribute must not be looked up by ==."""
    x = np.array([-1.0, 2.0])
    for number in (slope, -slope):
        assert_plan_is_rule(Call(OPS["leaky_relu"], (x,), {"slope": number}))
        assert_plan_is_rule(Call(OPS["mul"], (x, number), {}))


@pytest.mark.parametrize("number", [1, 1.0, 0, -0.0, 0.0, 2, 2.0, -3, 1e300, 1e-320, 10**25])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "maximum", "greater"])
@pytest.mark.parametrize(
    "x", [np.array([1.5, -0.0, 3.0]), np.array(2.0), np.array([0.5], np.float32)], ids=["1d", "0d", "f4"]
)
def test_literals_on_either_side(name: str, number: Any, x: Array) -> None:
    assert_plan_is_rule(Call(OPS[name], (x, number), {}))
    if not (name == "div" and not number) and not (name == "pow" and number < 0):
        assert_plan_is_rule(Call(OPS[name], (number, x), {}))


def test_zero_d_stays_an_array_and_keeps_its_bits() -> None:
    """NumPy's scalars round `** 3` differently from its arrays; a plan gives arrays, computed as the rule computes."""
    rng = np.random.default_rng(1)
    for x in rng.uniform(0.1, 9, 300):
        assert_plan_is_rule(Call(OPS["pow"], (np.array(x), 3), {}))
        assert_plan_is_rule(Call(OPS["gelu"], (np.array(x),), {"approximate": "tanh"}))


def test_formulas_are_written_once_and_only_names_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph of 100,000 nodes has some three plans: writing the formulas anew at each event was a part of a walk."""
    plan = Plan(OPS["add"], [((2, 2), DOUBLE), ((2,), DOUBLE)], {})
    parts, total = plan.parts(1, "ab", "y"), plan.sum_text("∂b", 1, "ab", "y")
    monkeypatch.setattr(Expr, "operands", None)
    monkeypatch.setattr("bpdebug.symbolic.text._write", None)
    assert [p.text for p in plan.parts(1, "ab", "y")] == [p.text for p in parts]
    assert plan.sum_text("∂d", 1, "cd", "z") == total.replace("∂b", "∂d").replace("∂y", "∂z")
