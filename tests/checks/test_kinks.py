"""At kinks, ties and edges a check wants a look and says why; rules that are wrong there are found beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from bpdebug.checks.differences import Check
from bpdebug.checks.first_wrong import check
from bpdebug.checks.kinks import KINK, ROUNDING, SECOND, SMALL, TIE, find_kink, second_jumps
from bpdebug.checks.one_rule import check_rule
from bpdebug.checks.whole_graph import gradcheck
from bpdebug.engine import Timeline
from bpdebug.engine.edits import RuleOverride
from bpdebug.ops import OPS
from bpdebug.symbolic import Plan
from tests.graphs import Random, examples, graphs, make, step

Rule = Callable[[Plan], Any]


def one(op: str, *inputs: Any, **attrs: Any) -> Timeline:
    """An op's call, literals as they are, and the sum of its result."""
    arrays = {f"x{i}": np.asarray(a) for i, a in enumerate(inputs) if isinstance(a, list)}
    names = [f"x{i}" if isinstance(a, list) else a for i, a in enumerate(inputs)]
    return Timeline(make(arrays, step("y", op, *names, **attrs), step("L", "sum", "y"), loss="L"))


def rows(timeline: Timeline) -> dict[str, Check]:
    (event,) = (e for e in timeline if (e.phase, e.name) == ("backward", "y"))
    return {row.name: row for row in check_rule(event)}


# --- the differences themselves, against slopes that are known


@pytest.mark.parametrize(
    ("function", "at", "left", "right"),
    [
        (abs, 0.0, -1, 1), (lambda x: max(x, 0.0), 0.0, 0, 1), (lambda x: min(x, 3.0), 3.0, 1, 0),
        (lambda x: abs(x - 1e6) * 1e-6, 1e6, -1e-6, 1e-6), (lambda x: np.exp(abs(x)), 0.0, -1, 1),
        (lambda x: max(np.sin(x), np.cos(x)), np.pi / 4, -np.sqrt(0.5), np.sqrt(0.5)),
        (lambda x: abs(x - 1e-7) + x, 1e-7, 0, 2), (lambda x: np.where(x > 0, x, 2 * np.expm1(x)), 0.0, 2, 1),
    ],
)  # fmt: skip
def test_a_kink_has_the_slopes_to_its_left_and_right(function: Any, at: float, left: float, right: float) -> None:
    found = find_kink(lambda x: np.asarray(function(x)), at)
    assert found is not None
    assert found.finite
    assert found.here
    assert (found.low, found.high) == pytest.approx((min(left, right), max(left, right)), rel=3e-3, abs=3e-3)
    assert found.allows((left + right) / 2)
    assert not found.allows(np.nan)
    assert not found.allows(max(left, right) * 1.1 + 1)


@pytest.mark.parametrize(
    ("function", "at"),
    [
        (np.sin, 0.3), (np.exp, 20.0), (lambda x: x**3, 0.0), (lambda x: x * x, 1e8), (np.tanh, 5.0), (np.log, 0.5),
        (lambda x: np.where(x > 0, x, np.expm1(x)), 0.0), (lambda x: 1 / x, 0.1), (lambda x: 1e9 + x, 1.0), (abs, 0.01),
    ],
)  # fmt: skip
def test_what_is_smooth_has_none(function: Any, at: float) -> None:
    assert find_kink(lambda x: np.asarray(function(x)), at) is None


@pytest.mark.parametrize(
    ("function", "at"), [(np.sign, 0.0), (np.floor, 2.0), (np.round, 2.5), (lambda x: np.arctan2(x, -1.0), 0.0)]
)
def test_at_a_jump_every_answer_is_possible(function: Any, at: float) -> None:
    found = find_kink(lambda x: np.array([x, function(x)]), at)
    assert found is not None
    assert (found.finite, found.here, found.result, found.allows(0.0)) == (True, True, (1,), True)


def test_a_kink_close_by_is_not_here() -> None:
    for near in (1e-9, -1e-7, 1e-6):
        found = find_kink(lambda x: np.asarray(abs(x - 1)), 1 + near)
        assert found is not None
        assert not found.here


def test_every_result_has_its_own_sides() -> None:
    """The sum of two results with weights of unlike signs: at a kink of both anything between -1 and 2 is possible."""
    found = find_kink(lambda x: np.array([2 * max(x, 0.0), -max(x, 0.0), x]), 0.0)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0, 3), abs=0.02)
    assert found.result == (0,)


def test_where_there_is_no_number_every_answer_is_possible() -> None:
    with np.errstate(all="ignore"):
        found = find_kink(lambda x: np.array([x, np.sqrt(x)]), 0.0)
    assert found is not None
    assert (found.finite, found.result, found.allows(np.nan)) == (False, (1,), True)


def test_the_second_derivative_that_jumps() -> None:
    elu = lambda x: np.asarray(np.where(x > 0, x, 2 * np.expm1(x / 2)))  # noqa: E731 - a word
    assert second_jumps(elu, 0.0) == pytest.approx(0.5, rel=1e-3)
    assert second_jumps(lambda x: np.asarray(max(x, 0.0) ** 2), 0.0) == pytest.approx(2, rel=1e-3)
    for smooth in (np.sin, np.exp, np.square, lambda x: 1e6 + x**3):
        assert second_jumps(lambda x, f=smooth: np.asarray(f(x)), 0.3) == 0  # type: ignore[misc]


# --- every op at every kind of kink

PLACES: list[tuple[str, tuple[Any, ...], dict[str, Any], str, str]] = [
    ("relu", ([0.0, 1.0],), {}, KINK, "a kink: the derivative at 0 is taken to be 0"),
    ("leaky_relu", ([0.0],), {"slope": 0.1}, KINK, "a kink"),
    ("elu", ([0.0, -1.0],), {"alpha": 2.0}, KINK, "a kink"),
    ("elu", ([0.0, -1.0],), {"alpha": 1.0}, SECOND, "the second derivative jumps"),
    ("abs", ([0.0, 2.0],), {}, KINK, "a kink: the derivative at 0 is taken to be 0"),
    ("clip", ([0.0, 0.5],), {"min": 0.0, "max": 1.0}, KINK, "the gradient passes at the bounds"),
    ("clip", ([1.0, 0.5],), {"min": 0.0, "max": 1.0}, KINK, "a kink"),
    ("maximum", ([1.0, 2.0], [1.0, 3.0]), {}, TIE, "a tie: the smaller operand gets 0"),
    ("maximum", ([[1.0, 2.0], [1.0, 5.0]], [1.0, 3.0]), {}, TIE, "a tie"),
    ("maximum", ([0.0, 2.0], 0), {}, TIE, "a tie"),
    ("maximum", ([1.0], [1.0 + 1e-9]), {}, TIE, "a tie close by"),
    ("minimum", ([1.0, 2.0], [1.0, 3.0]), {}, TIE, "a tie: the larger operand gets 0"),
    ("minimum", (0.5, [0.5]), {}, TIE, "a tie"),
    ("max", ([2.0, 2.0, 1.0],), {}, TIE, "a tie: tied cells share"),
    ("max", ([[1.0, 1.0], [1.0, 2.0]],), {"axis": 0}, TIE, "a tie"),
    ("max", ([[3.0, 1.0], [1.0, 3.0]],), {"axis": (0, 1), "keepdims": True}, TIE, "a tie"),
    ("min", ([2.0, 2.0, 3.0],), {}, TIE, "a tie: tied cells share"),
    ("min", ([[1.0, 1.0], [1.0, 0.0]],), {"axis": -1}, TIE, "a tie"),
    ("max_pool2d", ([[[[0.0, 0.0], [0.0, 0.0]]]],), {"size": 2}, KINK, "a kink: tied cells of a window"),
    ("max_pool2d", ([[[[0.0, 1.0, 1.0, 1.0, 0.0, 0.0]]]],), {"size": (1, 3), "stride": 1}, KINK, "a kink"),
    ("max_pool2d", ([[[[1.0, 1.0], [1.0, 0.0]]]],), {"size": 3, "stride": 1, "padding": 1}, KINK, "a kink"),
    ("max_pool1d", ([[[1.0, 1.0, 0.0]]],), {"size": 3}, KINK, "a kink: tied cells of a window"),
    ("max_pool3d", ([[[[[1.0, 1.0, 0.0]]]]],), {"size": (1, 1, 3)}, KINK, "a kink: tied cells of a window"),
    ("adaptive_max_pool1d", ([[[1.0, 1.0, 0.0]]],), {"size": 2}, KINK, "a kink: tied cells of a window"),
    ("adaptive_max_pool2d", ([[[[1.0, 1.0, 0.0]]]],), {"size": 1}, KINK, "a kink: tied cells of a window"),
    ("adaptive_max_pool3d", ([[[[[1.0, 1.0, 0.0]]]]],), {"size": 1}, KINK, "a kink: tied cells of a window"),
    ("sqrt", ([0.0, 1.0],), {}, KINK, "no slope here: at 0 the slope is infinite"),
    ("sqrt", ([-1.0, 1.0],), {}, KINK, "no slope here: the result at [0] is not finite"),
    ("log", ([0.0, 1.0],), {}, KINK, "no slope here: the result at [0] is not finite"),
    ("div", ([1.0, 2.0], [0.0, 1.0]), {}, KINK, "no slope here: the result at [0] is not finite"),
    ("pow", ([0.0, 1.0], 0.5), {}, KINK, "no slope here: x ** 0.5 begins at 0, where its slope is infinite"),
    ("pow", ([0.0, 1.0], 1.5), {}, KINK, "no differences here: x ** 1.5 begins at 0, where its slope is 0"),
    ("sqrt", ([1e-20, 1.0],), {}, KINK, "no differences here: at 0 the slope is infinite"),
    ("pow", ([0.0, 1.0], -1), {}, KINK, "no slope here: 0 ** -1 is infinite"),
    ("pow", ([0.0, 1.0], -0.5), {}, KINK, "no slope here: 0 ** -0.5 is infinite"),
    ("pow", ([-2.0, 1.0], 0.5), {}, KINK, "no slope here: a negative base has no power 0.5"),
    ("bce", ([0.0], [1.0]), {}, KINK, "no slope here: the result is not finite"),
    ("l1", ([0.0, 1.0], [0.0, 2.0]), {}, KINK, "the derivative at 0 is taken to be 0"),
    ("smooth_l1", ([0.0, 1.0], [0.0, 2.0]), {"beta": 0.0}, KINK, "with beta = 0 the derivative at 0"),
    ("smooth_l1", ([1.0, 1.0], [0.0, 1.5]), {}, SECOND, "the second derivative jumps"),
    ("huber", ([1.0, 1.0], [0.0, 1.5]), {}, SECOND, "the second derivative jumps"),
    ("hinge_embedding", ([1.0, 0.5], [-1.0, 1.0]), {}, KINK, "the derivative at the margin is taken to be -1"),
    ("multi_margin", ([[2.0, 1.0, 0.0]], [0]), {}, KINK, "the derivative at the margin is taken to be 0"),
    ("cosine_embedding", ([[1.0, 0.0]], [[0.0, 1.0]], [-1.0]), {}, KINK, "the derivative at the margin"),
    ("triplet_margin", ([[0.0, 0.0]], [[1.0, 0.0]], [[0.0, 2.0]]), {"eps": 0.0}, KINK, "at the margin"),
    ("cummax", ([1.0, 1.0, 0.0],), {"axis": 0}, TIE, "of tied cells the last one so far"),
    ("sort", ([1.0, 1.0, 0.0],), {}, TIE, "tied cells keep their order"),
    ("topk", ([1.0, 1.0, 0.0],), {"k": 1}, TIE, "of tied cells the first are taken"),
    ("std", ([1.0, 1.0],), {}, KINK, "where all cells are equal"),
    ("norm", ([0.0, 0.0],), {}, KINK, "the gradient of a norm of 0"),
    ("norm", ([0.0, 1.0],), {"p": 1.0}, KINK, "the gradient of a norm of 0"),
    ("sign", ([0.0, 1.0],), {}, KINK, "the derivative at 0 is taken to be 0"),
    ("floor", ([2.0, 0.5],), {}, KINK, "the derivative at whole numbers"),
    ("round", ([0.5, 1.0],), {}, KINK, "the derivative between two whole numbers"),
    ("mod", ([2.0, 0.5], 1), {}, KINK, "the derivative where a is a multiple of b"),
    ("atan2", ([0.0, 0.5], [0.0, 1.0]), {}, KINK, "there is no angle"),
    ("hypot", ([0.0, 0.5], [0.0, 1.0]), {}, KINK, "at a = b = 0 both gradients are 0"),
    ("xlogy", ([0.0, 0.5], [0.0, 1.0]), {}, KINK, "at a = 0 the gradient for b is 0"),
    ("rsqrt", ([0.0, 1.0],), {}, KINK, "no slope here: the result at [0] is not finite"),
    ("reciprocal", ([0.0, 1.0],), {}, KINK, "no slope here: the result at [0] is not finite"),
    ("selu", ([0.0, 1.0],), {}, KINK, "that to the left, 1.7581"),
    ("prelu", ([0.0, 1.0], [0.25]), {}, KINK, "is taken to be the slope"),
    ("celu", ([0.0, -1.0],), {"alpha": 1.0}, SECOND, "the second derivative jumps"),
    ("hardtanh", ([1.0, 0.5],), {}, KINK, "the derivative at both ends is taken to be 0"),
    ("relu6", ([6.0, 0.5],), {}, KINK, "the derivative at both ends is taken to be 0"),
    ("hardsigmoid", ([-3.0, 0.5],), {}, KINK, "the derivative at both ends is taken to be 0"),
    ("hardswish", ([3.0, 0.5],), {}, KINK, "at 3 to be 1"),
    ("hardshrink", ([0.5, 1.0],), {}, KINK, "the derivative at -lambd and lambd is taken to be 0"),
    ("softshrink", ([-0.5, 1.0],), {}, KINK, "the derivative at -lambd and lambd is taken to be 0"),
    ("threshold", ([0.5, 1.0],), {"threshold": 0.5, "value": 2.0}, KINK, "the derivative at the threshold"),
    ("rms_norm", ([[0.0, 0.0]],), {"eps": 0.0}, KINK, "no slope here: the result at [0, 0] is not finite"),
    ("softmax", ([[-np.inf, -np.inf]],), {}, KINK, "none of its cells is finite"),
]


@pytest.mark.parametrize(("op", "inputs", "attrs", "reason", "says"), PLACES)
def test_where_there_is_no_derivative_it_wants_a_look_and_says_why(
    op: str, inputs: tuple[Any, ...], attrs: dict[str, Any], reason: str, says: str
) -> None:
    row = rows(one(op, *inputs, **attrs))["x0" if isinstance(inputs[0], list) else "x1"]
    assert (row.verdict, row.reason) == ("look", reason), row
    assert says in row.says


def test_every_op_with_a_convention_was_at_its_kink() -> None:
    assert {op.name for op in OPS.values() if op.kink} <= {p[0] for p in PLACES}


CHOSEN = [
    ("abs", ([0.0, 1.0],), {}), ("relu", ([0.0, 1.0],), {}), ("leaky_relu", ([0.0, 1.0],), {}),
    ("prelu", ([0.0, 1.0], [0.25]), {}), ("elu", ([0.0, 1.0],), {"alpha": 2.0}), ("selu", ([0.0, 1.0],), {}),
    ("sqrt", ([0.0, 1.0],), {}), ("norm", ([0.0, 0.0],), {}), ("std", ([1.0, 1.0],), {}),
    ("max", ([2.0, 2.0, 1.0],), {"axis": 0}), ("min", ([1.0, 1.0, 2.0],), {}), ("cummax", ([1.0, 1.0],), {"axis": 0}),
    ("maximum", ([2.0, 0.0], [2.0, 1.0]), {}), ("minimum", ([2.0, 0.0], [2.0, 1.0]), {}),
    ("max_pool1d", ([[[2.0, 2.0, 1.0]]],), {"size": 3}), ("max_pool2d", ([[[[2.0, 2.0, 1.0]]]],), {"size": (1, 3)}),
    ("max_pool3d", ([[[[[2.0, 2.0, 1.0]]]]],), {"size": (1, 1, 3)}),
    ("adaptive_max_pool1d", ([[[2.0, 2.0, 1.0]]],), {"size": 1}),
    ("adaptive_max_pool2d", ([[[[2.0, 2.0, 1.0]]]],), {"size": 1}),
    ("adaptive_max_pool3d", ([[[[[2.0, 2.0, 1.0]]]]],), {"size": 1}),
    ("clip", ([0.0, 1.0],), {"min": 0.0, "max": 1.0}),
    ("hardtanh", ([-1.0, 1.0],), {}), ("relu6", ([0.0, 6.0],), {}), ("hardsigmoid", ([-3.0, 3.0],), {}),
    ("hardswish", ([-3.0, 3.0],), {}),
    ("hinge_embedding", ([1.0, 0.5], [-1.0, 1.0]), {}), ("multi_margin", ([[2.0, 1.0, 0.0]], [0]), {}),
    ("triplet_margin", ([[0.0, 0.0]], [[1.0, 0.0]], [[0.0, 2.0]]), {"eps": 0.0}),
]  # fmt: skip
WORDS = {
    "first": "of tied cells the first", "last": "of tied cells the last", "all": "each of the tied cells",
    "share": "tied cells share", "right": "that to its right", "zero": "taken to be 0", "nan": "is NaN",
    0.5: "0.5 of the slope inside", (0.0, 1.0): "0 and 1 of the slope inside",
}  # fmt: skip


@pytest.mark.parametrize(("op", "inputs", "attrs"), CHOSEN, ids=[op for op, *_ in CHOSEN])
def test_whatever_is_chosen_there_wants_a_look_and_the_choice_is_said(
    op: str, inputs: tuple[Any, ...], attrs: dict[str, Any]
) -> None:
    for name, attr in OPS[op].conventions.items():
        for choice in () if attr.hidden else attr.choices or (0.0, 0.5, 1.0, (0.0, 1.0)):
            for row in rows(one(op, *inputs, **attrs, **{name: choice})).values():
                assert row.verdict == "look" or (op == "prelu" and row.name == "x1"), (name, choice, row)
                assert row.kink or row.name == "x1"
                assert row.name == "x1" or WORDS.get(choice, "slope") in row.says or op == "sqrt"


def test_every_op_that_can_choose_was_at_its_kink() -> None:
    assert {op.name for op in OPS.values() if op.conventions} == {op for op, *_ in CHOSEN} | {"bce"}


@pytest.mark.parametrize(("clamp", "slope"), [("none", -np.inf), ("torch", -1e12), ("keras", 0.0)])
def test_a_logarithm_of_0_wants_a_look_however_it_is_clamped(clamp: str, slope: float) -> None:
    timeline = one("bce", [0.0, 0.5], [1.0, 1.0], clamp=clamp, reduction="sum")
    row = rows(timeline)["x0"]
    assert timeline.grad("x0")[0] == pytest.approx(slope)  # type: ignore[index]  # it has a gradient
    assert row.verdict == "look"


def test_a_rule_set_by_hand_is_not_excused_by_what_was_chosen() -> None:
    def double(plan: Plan) -> Any:
        return plan.own_gradients[0] * 2  # type: ignore[operator]  # it has a gradient

    timeline = one("prelu", [0.0, 1.0], [0.25], at_zero="sum")
    assert rows(timeline)["x0"].verdict == "look"
    wrong = timeline.fork(RuleOverride(0, 0, double))
    assert rows(wrong)["x0"].verdict == "fail"


@pytest.mark.parametrize(("base", "exponent"), [(-2.0, 3.0), (-2.0, 0.5), (0.0, -1.0), (0.0, 0.0)])
def test_what_a_power_has_not_is_said_of_its_exponent_too(base: float, exponent: float) -> None:
    row = rows(one("pow", [base], [exponent]))["x1"]
    assert (row.verdict, row.reason) == ("look", KINK)
    words = {-2.0: "a negative base has", 0.0: "is infinite"}
    assert words[base] in row.says


def test_an_exponent_that_overflowed_is_no_whole_one() -> None:
    row = rows(one("pow", [-2.0], [np.inf]))["x0"]
    assert (row.verdict, row.reason) == ("look", KINK)
    assert "a negative base has no power inf" in row.says


@pytest.mark.parametrize(
    ("op", "inputs"),
    [
        ("relu", ([1e-300],)), ("relu", ([1e-7],)), ("abs", ([1e-9, -1e-12],)), ("pow", ([0.0], 3)),
        ("pow", ([0.0, -1.0], 2)), ("pow", ([0.0], 0)), ("square", ([0.0],)), ("gelu", ([0.0],)), ("sin", ([0.0],)),
        ("softplus", ([0.0],)),
        ("sin", ([3e5],)), ("relu", ([np.inf, 1.0],)), ("layer_norm", ([[1.0, 1.0]],)),
    ],
)  # fmt: skip
def test_where_there_is_one_it_passes(op: str, inputs: tuple[Any, ...]) -> None:
    assert {row.verdict for row in rows(one(op, *inputs)).values()} == {"pass"}


def test_no_two_differences_agree_on_a_sine_of_a_huge_number() -> None:
    (row,) = rows(one("sin", [1e16])).values()
    assert (row.verdict, row.reason) == ("look", ROUNDING)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(("op", "other"), [("add", 1e20), ("sub", 1e20), ("maximum", -1.0)])
def test_what_rounding_hides_is_not_passed(op: str, other: float, times: int) -> None:
    """Beside 1e20 a 1 is lost: the differences are 0, and whether the rule is right they cannot tell."""
    timeline = one(op, [1.0], [other]).fork(RuleOverride(0, 0, lambda plan: plan.own_gradients[0] * times))  # type: ignore[operator]
    row = rows(timeline)["x0"]
    hidden = ("look", ROUNDING)
    assert (row.verdict, row.reason) == (hidden if other > 1 else ("pass", "") if times == 1 else ("fail", ""))


@pytest.mark.parametrize(("op", "inputs"), [("mul", ([1.7e308, 1.0], 0.5)), ("sum", ([[1.7e308, -1.7e308]],))])
def test_a_cell_at_the_end_of_the_range_has_no_differences(op: str, inputs: tuple[Any, ...]) -> None:
    (row,) = rows(one(op, *inputs)).values()
    assert (row.verdict, row.reason) == ("look", ROUNDING)
    assert "leaves the range" in row.says


def test_off_by_little_is_not_called_rounding() -> None:
    timeline = one("sin", [0.3, 2.0]).fork(RuleOverride(0, 0, lambda plan: plan.own_gradients[0] * (1 + 1e-6)))  # type: ignore[operator]
    (row,) = rows(timeline).values()
    assert (row.verdict, row.reason) == ("look", SMALL)
    assert "more than rounding" in row.says


@examples(150)
@given(graphs(nodes=12))
def test_no_look_is_without_its_reason(random: Random) -> None:
    for row in check(random.timeline(), 0).rows:
        assert (row.verdict == "look") == bool(row.reason) == bool(row.says), row


# --- rules of other libraries, and wrong ones

Put = tuple[str, tuple[Any, ...], dict[str, Any]]
UNIT = {"min": 0.0, "max": 1.0}


def _half_at_the_ends(p: Plan) -> Any:
    """jnp.clip."""
    x, where = p.operands[0], p.xp.where
    return where(x * (1 - x) > 0, p.g, where(x * (1 - x) == 0, p.g / 2, 0))


OTHERS: list[tuple[Put, int, Rule]] = [
    (("relu", ([0.0, 1.0, -1.0],), {}), 0, lambda p: p.xp.where(p.operands[0] >= 0, p.g, 0)),
    (("abs", ([0.0],), {}), 0, lambda p: p.xp.where(p.operands[0] >= 0, p.g, -p.g)),  # JAX
    (("leaky_relu", ([0.0],), {"slope": 0.1}), 0, lambda p: p.xp.where(p.operands[0] >= 0, p.g, p.g * 0.1)),
    (("maximum", ([1.0], [1.0]), {}), 0, lambda p: p.xp.where(p.operands[0] >= p.operands[1], p.g, 0)),  # TensorFlow
    (("maximum", ([1.0], [1.0]), {}), 1, lambda p: p.xp.where(p.operands[1] > p.operands[0], p.g, 0)),
    (("clip", ([0.0, 1.0],), UNIT), 0, _half_at_the_ends),
    (("max", ([2.0, 2.0],), {}), 0, lambda p: p.xp.where(p.operands[0] == p.y, p.g, 0)),  # PyTensor
    (("elu", ([0.0],), {"alpha": 2.0}), 0, lambda p: p.xp.where(p.operands[0] >= 0, p.g, p.g * (p.y + 2))),
]  # fmt: skip


@pytest.mark.parametrize(("put", "position", "rule"), OTHERS)
def test_another_convention_is_no_wrong_rule(put: Put, position: int, rule: Rule) -> None:
    op, inputs, attrs = put
    row = rows(one(op, *inputs, **attrs).fork(RuleOverride(0, position, rule)))[f"x{position}"]
    assert row.verdict == "look", row


@pytest.mark.parametrize(
    ("op", "inputs", "attrs"),
    [
        ("relu", ([0.0, 0.0],), {}), ("abs", ([0.0],), {}), ("leaky_relu", ([0.0],), {"slope": 0.1}),
        ("maximum", ([1.0, 2.0], [1.0, 2.0]), {}), ("minimum", ([1.0], 1.0), {}), ("max", ([2.0, 2.0],), {}),
        ("min", ([[1.0, 1.0]],), {"axis": 1}), ("clip", ([0.0],), UNIT), ("sqrt", ([0.0],), {}),
        ("max_pool2d", ([[[[0.0] * 4] * 4]],), {"size": 3, "stride": 1}), ("elu", ([0.0],), {"alpha": 2.0}),
        ("pow", ([0.0], 0.5), {}), ("pow", ([0.0], -1), {}), ("log", ([0.0],), {}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("factor", [0.5, 1.1])
def test_a_wrong_rule_is_found_where_every_cell_is_at_a_kink(
    op: str, inputs: tuple[Any, ...], attrs: dict[str, Any], factor: float
) -> None:
    """Between the two sides at the kink itself, and not beside it."""
    timeline = one(op, *inputs, **attrs)
    assert rows(timeline)["x0"].verdict == "look"
    assert rows(timeline.fork(RuleOverride(0, 0, lambda p: p.own_gradients[0] * factor)))["x0"].verdict == "fail"  # type: ignore[operator]


WINDOWS: list[dict[str, Any]] = [
    {"size": 2, "stride": 1}, {"size": 3, "stride": 2, "padding": 1}, {"size": (1, 3), "stride": 1}, {"size": 2},
]  # fmt: skip
FAULTS: list[Rule] = [
    lambda p: p.own_gradients[0] * 1.1,  # type: ignore[operator]
    lambda p: -p.own_gradients[0],  # type: ignore[operator]
    lambda p: p.own_gradients[0] + 0.25,  # type: ignore[operator]
    lambda p: p.own_gradients[0] * 2,  # type: ignore[operator]
]


@pytest.mark.parametrize("seed", range(40))
def test_pools_of_what_a_relu_gave_are_not_called_wrong_and_wrong_ones_are(seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(1, 1, 5, 5)) - 0.3
    pool = step("y", "max_pool2d", "r", **WINDOWS[seed % 4])
    timeline = Timeline(make({"x": x}, step("r", "relu", "x"), pool, step("L", "sum", "y"), loss="L"))
    row = rows(timeline)["r"]
    assert (row.verdict, row.reason) in (("pass", ""), ("look", KINK)), row
    assert rows(timeline.fork(RuleOverride(1, 0, FAULTS[seed // 4 % 4])))["r"].verdict == "fail"


def test_the_check_of_a_whole_graph_looks_at_kinks_too() -> None:
    """End to end a kink is no failure; what is wrong elsewhere in the leaf still is."""
    x = np.array([[[[0.0, 1.0, 1.0, 1.0, 0.0, 0.0]]]])
    steps = (
        step("p", "max_pool2d", "x", size=(1, 3), stride=1), step("q", "square", "p"), step("L", "mean", "q")
    )  # fmt: skip
    timeline = Timeline(make({"x": x}, *steps, loss="L"))
    (row,) = gradcheck(timeline)
    assert (row.verdict, row.reason) == ("look", KINK)
    wrong = make({"x": np.array([0.0, 1.0])}, step("y", "relu", "x"), step("L", "sum", "y"), loss="L")
    (row,) = gradcheck(Timeline(wrong).fork(RuleOverride(0, 0, lambda p: p.own_gradients[0] * 3)))  # type: ignore[operator]
    assert (row.verdict, row.cell) == ("fail", (1,))
