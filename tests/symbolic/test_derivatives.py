"""Every rule of the table against finite differences; and planted faults, to prove that they would be found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.errors import ShapeError
from bpdebug.ops import OPS, Op
from tests.graphs import SAMPLES, Call, calls, differences, examples, rngs, rule_faults, sample_call


@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_the_rule_is_the_slope_at_every_sample(op: Op, i: int) -> None:
    if op.name == "stop_gradient":
        pytest.skip("its gradient is nothing, by its meaning")
    assert rule_faults(sample_call(op, op.samples[i]), np.random.default_rng(0)) == []


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.name != "stop_gradient"], ids=lambda op: op.name)
def test_the_rule_is_the_slope_in_any_shape(op: Op) -> None:
    @examples(30)
    @given(calls(op), rngs())
    def check(call: Call, rng: np.random.Generator) -> None:
        assert rule_faults(call, rng) == []

    check()


# --- the differences themselves


@pytest.mark.parametrize(
    ("function", "slope"),
    [(np.sin, np.cos), (np.exp, np.exp), (np.log, lambda x: 1 / x), (lambda x: x**3, lambda x: 3 * x**2)],
    ids=["sin", "exp", "log", "cube"],
)
def test_differences_know_calculus(function: Callable[[Array], Array], slope: Callable[[Array], Array]) -> None:
    x = np.random.default_rng(0).uniform(0.3, 5, (4, 5))
    np.testing.assert_allclose(differences(lambda y: float(function(y).sum()), x), slope(x), rtol=1e-9, atol=1e-9)


# --- planted faults: (op, the wrong rule); each must be found by the random calls that the right one passes

Rule = Callable[..., tuple[Any, ...]]


def _t(xp: Any, x: Any) -> Any:
    return xp.matrix_transpose(x)


PLANTED: dict[str, tuple[str, Rule]] = {
    "no transpose, which fits where b is square": ("matmul", lambda xp, g, y, a, b: (g @ b, _t(xp, a) @ g)),
    "factors swapped": ("matmul", lambda xp, g, y, a, b: (_t(xp, b) @ g, g @ _t(xp, a))),
    "the product transposed": ("matmul", lambda xp, g, y, a, b: (g @ _t(xp, b), _t(xp, _t(xp, a) @ g))),
    "a's gradient for b": ("matmul", lambda xp, g, y, a, b: (g @ _t(xp, b), _t(xp, g) @ a)),
    "minus forgotten": ("sub", lambda xp, g, y, a, b: (g, g)),
    "sign flipped": ("neg", lambda xp, g, y, x: (g,)),
    "one operand forgotten": ("add", lambda xp, g, y, a, b: (g, None)),
    "factor of two forgotten": ("square", lambda xp, g, y, x: (g * x,)),
    "the other factor": ("mul", lambda xp, g, y, a, b: (g * a, g * b)),
    "right for ones only": ("sin", lambda xp, g, y, x: (g * g * xp.cos(x),)),
    "the chain broken": ("exp", lambda xp, g, y, x: (y,)),
    "not transposed back": ("transpose", lambda xp, g, y, x: (xp.reshape(g, x.shape),)),
    "the same permutation again": ("permute", lambda xp, g, y, x, axes: (_permuted_again(xp, g, x, axes),)),
    "the mean's count forgotten": ("mean", lambda xp, g, y, x, **attrs: OPS["sum"].vjp(xp, g, y, x, **attrs)),
    "softmax as if cell by cell": ("softmax", lambda xp, g, y, x, axis: (g * y * (1 - y),)),
    "softmax summed over all": ("softmax", lambda xp, g, y, x, axis: (y * (g - xp.sum(g * y)),)),
    "the quotient's minus forgotten": ("div", lambda xp, g, y, a, b: (g / b, g * y / b)),
    "ties of the loser": ("maximum", lambda xp, g, y, a, b: (xp.where(a < b, g, 0), xp.where(a < b, 0, g))),
    "repeated ids overwritten": ("gather", lambda xp, g, y, x, ids, axis: (_overwritten(xp, g, x, ids, axis), None)),
    "the bias summed over one axis": ("conv2d", lambda xp, g, y, *xs, **attrs: _half_bias(xp, g, y, *xs, **attrs)),
    "reversed axis kept": ("slice", lambda xp, g, y, x, key: OPS["slice"].vjp(xp, 2 * g, y, x, key)),
    "the mean's share forgotten": ("layer_norm", lambda xp, g, y, *xs, **attrs: _no_mean(xp, g, y, *xs, **attrs)),
}  # fmt: skip


def _overwritten(xp: Any, g: Any, x: Any, ids: Any, axis: int) -> Any:
    total = OPS["gather"].vjp(xp, g, None, x, ids, axis)[0]
    return xp.minimum(total, xp.max(g)) if g.shape and 0 not in g.shape else total


def _half_bias(xp: Any, g: Any, y: Any, x: Any, w: Any, *b: Any, **attrs: Any) -> tuple[Any, ...]:
    right = OPS["conv2d"].vjp(xp, g, y, x, w, *b, **attrs)
    return (*right[:2], xp.sum(g, axis=(0, 2))[:, 0]) if b else right


def _permuted_again(xp: Any, g: Any, x: Any, axes: tuple[int, ...]) -> Any:
    return xp.reshape(xp.permute_dims(g, tuple(a % x.ndim for a in axes)), x.shape)


def _no_mean(xp: Any, g: Any, y: Any, x: Any, *scales: Any, **attrs: Any) -> tuple[Any, ...]:
    into_x, *rest = OPS["layer_norm"].vjp(xp, g, y, x, *scales, **attrs)
    return (into_x + xp.sum(g, axis=-1, keepdims=True) / x.shape[-1], *rest)


def found_out(op: Op, tries: int = 40) -> bool:
    """Whether the random calls of the table's op, made with this rule, disagree with the differences."""
    found = []

    @examples(tries)
    @given(calls(OPS[op.name]), rngs())
    def check(call: Call, rng: np.random.Generator) -> None:
        try:
            found.extend(rule_faults(Call(op, call.operands, call.attrs), rng))
        except ShapeError:
            found.append("wrong shape")

    check()
    return bool(found)


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_fault_is_found(what: str) -> None:
    name, rule = PLANTED[what]
    assert found_out(replace(OPS[name], vjp=rule)), what


@pytest.mark.parametrize("name", sorted({name for name, _ in PLANTED.values()}))
def test_the_unspoilt_rule_is_not_found_guilty(name: str) -> None:
    assert not found_out(replace(OPS[name]), 10)


def test_a_fault_that_fits_square_operands_only_is_found_by_square_operands() -> None:
    """`g @ b` has the right shape where b is square, so shapes alone would never tell."""
    wrong = replace(OPS["matmul"], vjp=PLANTED["no transpose, which fits where b is square"][1])
    rng = np.random.default_rng(0)
    square = Call(wrong, (rng.normal(size=(3, 2)), rng.normal(size=(2, 2))), {})
    (fault,) = rule_faults(square, rng)
    assert "operand 0" in fault
    symmetric = Call(wrong, (rng.normal(size=(3, 2)), np.array([[2.0, 1.0], [1.0, 3.0]])), {})
    assert rule_faults(symmetric, rng) == [], "on a symmetric b the fault is none: data must not be symmetric"
    with pytest.raises(ShapeError, match=r"\(3, 3\) @ \(2, 3\): inner sizes 3 and 2 differ"):
        rule_faults(Call(wrong, (rng.normal(size=(3, 2)), rng.normal(size=(2, 3))), {}), rng)


def test_a_bias_that_is_not_summed_is_refused() -> None:
    """A rule that keeps the batch axis has the wrong shape where the engine does not sum for it ..."""
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(2, 3, 4, 4)), rng.normal(size=(5, 3, 2, 2)), rng.normal(size=5)
    attrs = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}

    def unsummed(xp: Any, g: Any, y: Any, *xs: Any, **attrs: Any) -> tuple[Any, ...]:
        return (*OPS["conv2d"].vjp(xp, g, y, *xs, **attrs)[:2], g)

    with pytest.raises(ShapeError, match=r"gradient of shape \(2, 5, 3, 3\) for operand 2\b.* shape \(5,\)"):
        rule_faults(Call(replace(OPS["conv2d"], vjp=unsummed), (x, w, b), attrs), rng)
    # ... and in a sum of rows and a bias, it is the engine's sum that makes it right.
    assert rule_faults(Call(OPS["add"], (rng.normal(size=(4, 3)), rng.normal(size=3)), {}), rng) == []
    once = replace(OPS["add"], vjp=lambda xp, g, y, a, b: (g, g[0]))
    assert rule_faults(Call(once, (rng.normal(size=(4, 3)), rng.normal(size=3)), {}), rng) != []
