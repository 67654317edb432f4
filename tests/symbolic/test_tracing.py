"""What a rule may not do, and what it is told: a fault of a rule is a TraceError, one of shapes a ShapeError."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from bpdebug.arrays import decode_key, encode_key
from bpdebug.errors import ShapeError
from bpdebug.ops import OPS, Op
from bpdebug.symbolic import PRIMS, Trace, TraceError, trace, walk
from bpdebug.symbolic.expr import broadcast
from tests.graphs import DOUBLE, SINGLE

F = ((2, 3), DOUBLE)


def rule(forward: Callable[..., Any], vjp: Callable[..., Any] | None = None, **given: Any) -> Op:
    return Op("odd", "A rule of this test.", forward, vjp or (lambda xp, g, y, *xs: (g,) * len(xs)), **given)


FAULTS: list[tuple[str, Callable[..., Any], str]] = [
    ("if", lambda xp, x: x if x > 0 else -x, "must not branch on values: use xp.where"),
    ("and", lambda xp, x: (x > 0) and x, "must not branch on values"),
    ("max()", lambda xp, x: max(x, 0), "must not branch on values"),
    ("float()", lambda xp, x: x * float(x), "must not take a number out of an array"),
    ("int()", lambda xp, x: x * int(x), "must not take a number"),
    ("math", lambda xp, x: math.exp(x), "must not take a number"),
    ("index", lambda xp, x: [1, 2][x], "must not take a number"),
    ("for", lambda xp, x: sum(v for v in x), "must not iterate over an array"),
    ("unpacking", lambda xp, x: (lambda a, b: a)(*x), "must not iterate"),
    ("len", lambda xp, x: x * len(x), r"use x\.shape\[0\]"),
    ("unknown word", lambda xp, x: xp.convolve(x, x), r"xp\.convolve is not in the namespace"),
    ("unknown keyword", lambda xp, x: xp.sum(x, axes=0), r"xp\.sum takes \['axis', 'keepdims'\], not \['axes'\]"),
    ("too many", lambda xp, x: xp.exp(x, 1), r"xp\.exp takes"),
    ("too few", lambda xp, x: xp.maximum(x), r"xp\.maximum takes 2 arrays, not 1"),
    ("nothing", lambda xp, x: xp.exp(), r"xp\.exp takes 1 array, not 0"),
    ("keyword missing", lambda xp, x: xp.reshape(x), r"xp\.reshape needs shape"),
    ("array inside", lambda xp, x: x + np.ones((2, 3)), "xp.add: an operand is ndarray"),
    ("NumPy number", lambda xp, x: x * np.float64(2), "xp.multiply: an operand is float64"),
    ("NumPy number first", lambda xp, x: np.float64(2) * x, "xp.multiply: an operand is float64"),
    ("text", lambda xp, x: x + "1", "xp.add: an operand is str"),
    ("complex", lambda xp, x: x * 1j, "xp.multiply: an operand is complex"),
    ("list", lambda xp, x: xp.maximum(x, [0]), r"xp\.maximum: an operand is list"),
    ("an array in a word", lambda xp, x: xp.where(np.ones((2, 3)) > 0, x, x), r"xp\.where: an operand is ndarray"),
    ("a number", lambda xp, x: 1.0, "forward rule gave float, not an array"),
    ("a tuple", lambda xp, x: (x, x), "forward rule gave tuple"),
    ("nothing back", lambda xp, x: None, "forward rule gave NoneType"),
]  # fmt: skip


@pytest.mark.parametrize(("forward", "says"), [(f, s) for _, f, s in FAULTS], ids=[name for name, *_ in FAULTS])
def test_a_rule_that_cannot_be_traced_is_told_why(forward: Callable[..., Any], says: str) -> None:
    with pytest.raises(TraceError, match=says):
        trace(rule(forward), [F], {})


@pytest.mark.parametrize("function", [np.exp, np.sum, np.asarray, np.add.reduce, np.transpose, np.where])
@pytest.mark.filterwarnings("ignore:Calling nonzero")  # NumPy 2.0 asks np.where so, and goes on
def test_numpy_does_not_swallow_symbols(function: Callable[..., Any]) -> None:
    """A rule that calls NumPy instead of `xp` must fail, with whatever words, and never pass as something else."""
    with pytest.raises((TypeError, ValueError)):
        trace(rule(lambda xp, x: function(x)), [F], {})


@pytest.mark.parametrize(
    "forward", [lambda xp, x: x.sum(), lambda xp, x: x.T, lambda xp, x: x.mT, lambda xp, x: x.size]
)
def test_methods_of_arrays_are_no_words(forward: Callable[..., Any]) -> None:
    with pytest.raises((TraceError, AttributeError)):
        trace(rule(forward), [F], {})


GRADIENTS: list[tuple[str, Callable[..., Any], str, str]] = [
    ("transposed", lambda xp, g, y, x: (xp.matrix_transpose(g),), "gradient of shape (3, 2) for operand 0", "E_SHAPE"),
    ("summed", lambda xp, g, y, x: (xp.sum(g),), "gradient of shape () for operand 0", "E_SHAPE"),
    ("a row", lambda xp, g, y, x: (g[0],), "gradient of shape (3,) for operand 0", "E_SHAPE"),
    ("one axis more", lambda xp, g, y, x: (xp.expand_dims(g, 0),), "gradient of shape (1, 2, 3)", "E_SHAPE"),
    ("cast", lambda xp, g, y, x: (xp.astype(g, SINGLE),), "a float32 gradient for a float64 operand", "E_DTYPE"),
    ("a comparison", lambda xp, g, y, x: (g > 0,), "a bool gradient for a float64 operand", "E_DTYPE"),
]  # fmt: skip


@pytest.mark.parametrize(("vjp", "says", "code"), [g[1:] for g in GRADIENTS], ids=[g[0] for g in GRADIENTS])
def test_a_gradient_of_another_shape_or_dtype_is_an_error(vjp: Callable[..., Any], says: str, code: str) -> None:
    plan = trace(rule(lambda xp, x: xp.exp(x), vjp), [F], {})
    with pytest.raises(ShapeError) as caught:
        _ = plan.gradients
    assert says in caught.value.message
    assert caught.value.message.startswith("odd: the rule gives")
    assert caught.value.code == code


@pytest.mark.parametrize("gradient", [1.0, np.ones((2, 3)), "g", ()])
def test_a_gradient_that_is_no_symbol_is_a_fault(gradient: Any) -> None:
    with pytest.raises(TraceError, match="odd: the gradient of operand 0 is no array"):
        _ = trace(rule(lambda xp, x: xp.exp(x), lambda xp, g, y, x: (gradient,)), [F], {}).gradients


def test_a_gradient_of_the_broadcast_shape_needs_an_op_that_says_it_broadcasts() -> None:
    row = ((3,), DOUBLE)
    plan = trace(rule(lambda xp, a, b: a + b), [F, row], {})
    with pytest.raises(ShapeError, match=r"shape \(2, 3\) for operand 1\b.* shape \(3,\)"):
        _ = plan.gradients
    plan = trace(rule(lambda xp, a, b: a + b, broadcasts="elementwise"), [F, row], {})
    assert [p.why for p in plan.parts(1, ["A", "b"], "Y")] == ["operand", "unbroadcast"]
    assert plan.total_text(1, ["A", "b"], "Y") == "sum(∂Y, axis=0)"


def test_float64_does_not_creep_in() -> None:
    """`where` of two numbers is float64 by NumPy's rules; a rule that does it is found, not obeyed."""
    single = ((2, 3), SINGLE)
    spoilt = rule(lambda xp, x: xp.exp(x), lambda xp, g, y, x: (g * xp.where(x > 0, 1.0, 0.0),))
    with pytest.raises(ShapeError, match="float64 gradient for a float32 operand"):
        _ = trace(spoilt, [single], {}).gradients
    weak = rule(lambda xp, x: 0.1 * x + 1e300, lambda xp, g, y, x: (g * 0.1,))
    assert trace(weak, [single], {}).dtype == SINGLE
    assert trace(weak, [single], {}).gradients[0].dtype == SINGLE  # type: ignore[union-attr]


def test_only_floats_are_differentiated() -> None:
    ids = ((4,), np.dtype(np.int64))
    plan = trace(OPS["gather"], [((3, 2), DOUBLE), ids], {"axis": 0})
    assert plan.differentiable == (0,)
    assert trace(OPS["add"], [ids, ids], {}).gradients == (None, None)
    assert trace(OPS["greater"], [F, F], {}).gradients == (None, None)
    with pytest.raises(TraceError, match="operand 1 has no gradient"):
        plan.summed(1)
    assert plan.parts(1, ["T", "i"], "Y") == []


def test_a_rule_is_traced_once_and_a_changed_rule_anew() -> None:
    calls: list[str] = []

    def forward(xp: Any, x: Any) -> Any:
        calls.append("forward")
        return xp.exp(x)

    op = rule(forward)
    for _ in range(3):
        trace(op, [F], {})
    assert calls == ["forward"]
    trace(replace(op, says="Another rule."), [F], {})
    trace(op, [((3, 3), DOUBLE)], {})
    assert calls == ["forward"] * 3


def test_the_backward_rule_waits_until_it_is_asked_for() -> None:
    def vjp(xp: Any, g: Any, y: Any, x: Any) -> Any:
        raise AssertionError("too early")

    plan = trace(rule(lambda xp, x: xp.exp(x), vjp), [F], {})
    assert plan.shape == (2, 3)
    with pytest.raises(AssertionError, match="too early"):
        _ = plan.gradients


# --- expressions


def test_equal_expressions_are_one() -> None:
    xp = Trace(PRIMS)
    x = xp.leaf("x", (2, 3), DOUBLE)
    assert xp.exp(x) is xp.exp(x)
    assert x * 2 is x * 2
    assert x[0, 1:] is x[0, 1:]
    assert xp.sum(x, axis=0) is xp.sum(x, 0)
    assert xp.sum(x) is xp.sum(x, axis=None, keepdims=False)
    other = xp.leaf("x", (2, 3), DOUBLE)
    assert xp.exp(x) is not xp.exp(other), "leaves are themselves, whatever they are called"


@pytest.mark.parametrize("pair", [(2, 2.0), (1.5, -1.5), (0.0, -0.0), (True, 1.0), (0, False)])
def test_literals_that_compare_equal_are_two(pair: tuple[Any, Any]) -> None:
    xp = Trace(PRIMS)
    x = xp.leaf("x", (2, 3), DOUBLE)
    assert x + pair[0] is not x + pair[1]


def test_times_one_is_left_out_only_where_it_changes_nothing() -> None:
    xp = Trace(PRIMS)
    x, n, c = xp.leaf("x", (2,), DOUBLE), xp.leaf("n", (2,), np.dtype(np.int64)), xp.leaf("c", (2,), np.dtype(bool))
    assert x * 1 is x
    assert 1 * x is x
    assert x / 1 is x
    assert x**1 is x
    for kept in (x * 1.0, x * True, x + 0, n / 1, n * 1, c * 1, 1 / x, 1**x):
        assert kept.prim is not None


def test_walk_gives_operands_first_and_each_once() -> None:
    xp = Trace(PRIMS)
    x = xp.leaf("x", (2,), DOUBLE)
    e = xp.exp(x)
    top = e * e + x
    order = walk(top)
    assert [o.prim.name if o.prim else o.name for o in order] == ["x", "exp", "multiply", "add"]
    assert walk(e, top, e)[:2] == order[:2] or len(walk(e, top, e)) == 4


def test_walk_goes_deeper_than_recursion_could() -> None:
    xp = Trace(PRIMS)
    x = deep = xp.leaf("x", (), DOUBLE)
    for _ in range(50_000):
        deep = deep + x
    assert len(walk(deep)) == 50_001


def test_keys_go_there_and_back() -> None:
    for key in [0, slice(1, None, -2), (slice(None), -1), (0, slice(2))]:
        back = decode_key(encode_key(key))
        assert back == (key if isinstance(key, tuple) else (key,))
        hash(encode_key(key))


@pytest.mark.parametrize(
    "shapes", [[()], [(2, 3), ()], [(2, 1), (3,)], [(0, 3), (1, 1)], [(1,), (0,)], [(2, 1, 4), (5, 1), (1, 5, 4)], []]
)
def test_broadcast_is_numpys(shapes: list[tuple[int, ...]]) -> None:
    assert broadcast(*shapes) == np.broadcast_shapes(*shapes)


@pytest.mark.parametrize("shapes", [[(2,), (3,)], [(2, 3), (3, 2)], [(0,), (2,)], [(4, 1, 2), (3, 3)]])
def test_broadcast_refuses_what_numpy_refuses(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="shape mismatch"):
        np.broadcast_shapes(*shapes)
    with pytest.raises(ShapeError, match="do not broadcast: sizes") as caught:
        broadcast(*shapes)
    assert all(str(s) in caught.value.message for s in shapes)


@pytest.mark.parametrize(
    ("forward", "says"),
    [
        (lambda xp, x: x @ x, r"\(2, 3\) @ \(2, 3\): inner sizes 3 and 2 differ"),
        (lambda xp, x: x[0, 0, 0], r"3 indices for shape \(2, 3\), which has 2 axes"),
        (lambda xp, x: x[5], r"index 5 is out of range for axis 0 of \(2, 3\)"),
        (lambda xp, x: x[:, -4], "index -4 is out of range for axis 1"),
        (lambda xp, x: xp.reshape(x, (4,)), r"\(2, 3\) to \(4,\): 6 cells do not make 4"),
        (lambda xp, x: xp.broadcast_to(x, (2, 4)), "size 3 in axis -1 cannot become 4"),
        (lambda xp, x: xp.broadcast_to(x, (3,)), "broadcasting takes no axes away"),
        (lambda xp, x: xp.sum(x, axis=2), r"axis 2 is out of range for shape \(2, 3\)"),
        (lambda xp, x: xp.sum(x, axis=(0, -2)), "names an axis of .* twice"),
        (lambda xp, x: x + xp.sum(x, axis=1), "do not broadcast"),
    ],
)
def test_words_check_shapes(forward: Callable[..., Any], says: str) -> None:
    with pytest.raises(ShapeError, match=says) as caught:
        trace(rule(forward), [F], {})
    assert caught.value.hint


def test_scratch_counts_what_is_allocated_and_no_views() -> None:
    views = trace(OPS["transpose"], [F], {})
    assert views.scratch == 0
    product = trace(OPS["matmul"], [((10, 20), DOUBLE), ((20, 30), DOUBLE)], {})
    assert product.scratch == 8 * (10 * 30 + 10 * 20 + 20 * 30)
    outer = trace(OPS["mul"], [((1000, 1), DOUBLE), ((1, 1000), DOUBLE)], {})
    assert outer.scratch == 8 * (3 * 10**6 + 2 * 1000)
