"""Every op of single cells against 60 digits: values and slopes to 4 units in the last place, in both precisions.

What is excepted has a bound of its own, derived beside it; of six ops, no more than one is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

from bpdebug.arrays import Array
from bpdebug.ops import OPS
from bpdebug.symbolic import normal
from bpdebug.symbolic.prims import NUMPY

Exact = Callable[..., Any]
POINTS, ULPS, DIGITS = 200, 4, 60


def cells(least: float = 1e-6, most: float = 30.0) -> Callable[[np.random.Generator], Array]:
    """Numbers of either sign: half of them of every order of magnitude between the two, half spread evenly."""

    def drawn(rng: np.random.Generator) -> Array:
        sizes = np.exp(rng.uniform(np.log(least), np.log(most), POINTS // 2))
        return np.concatenate([sizes * rng.choice((-1, 1), POINTS // 2), rng.uniform(-most, most, POINTS // 2)])

    return drawn


def positive(least: float = 1e-6, most: float = 1e3) -> Callable[[np.random.Generator], Array]:
    return lambda rng: np.abs(cells(least, most)(rng))


def share(rng: np.random.Generator) -> Array:
    """From 0 to 1: near 0, near 1, and between."""
    small = np.exp(rng.uniform(np.log(1e-5), np.log(0.5), POINTS // 2))
    return np.concatenate([small[::2], 1 - small[1::2], rng.uniform(0, 1, POINTS // 2)])


@dataclass(frozen=True)
class Case:
    """An op, its value and the slope for each operand in 60 digits, and where its operands are drawn from."""

    op: str
    value: Exact
    slopes: tuple[Exact, ...]
    drawn: tuple[Callable[[np.random.Generator], Array], ...] = (cells(),)
    attrs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.op, *(str(v) for v in self.attrs.values() if v != "none")])


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def bend(x: Any) -> Any:
    return 2 * mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3)


def bent(x: Any) -> Any:
    """The slope of `bend`."""
    return 2 * mp.sqrt(2 / mp.pi) * (1 + 3 * mpf("0.044715") * x**2)


def one(*_: Any) -> Any:
    return mpf(1)


def softplus(x: Any) -> Any:
    return mp.log1p(mp.exp(x))


def mish_slope(x: Any) -> Any:
    return mp.tanh(softplus(x)) + x * mp.sech(softplus(x)) ** 2 * sigmoid(x)


SCALE, ALPHA = mpf("1.0507009873554804934193349852946"), mpf("1.6732632423543772848170429916717")
"""selu's, from Klambauer et al. 2017 (arXiv:1706.02515)."""

CASES = [
    Case("add", lambda a, b: a + b, (one, one), (cells(), cells())),
    Case("sub", lambda a, b: a - b, (one, lambda a, b: -mpf(1)), (cells(), cells())),
    Case("mul", lambda a, b: a * b, (lambda a, b: b, lambda a, b: a), (cells(), cells())),
    Case("div", lambda a, b: a / b, (lambda a, b: 1 / b, lambda a, b: -a / b**2), (cells(), cells())),
    Case("pow", lambda a, b: a**b, (lambda a, b: b * a ** (b - 1), lambda a, b: a**b * mp.log(a)),
         (positive(1e-2, 1e2), cells(1e-2, 6))),
    Case("neg", lambda x: -x, (lambda x: -mpf(1),)),
    Case("exp", mp.exp, (mp.exp,), (cells(1e-6, 80),)),
    Case("log", mp.log, (lambda x: 1 / x,), (positive(1e-30, 1e30),)),
    Case("sqrt", mp.sqrt, (lambda x: 1 / (2 * mp.sqrt(x)),), (positive(),)),
    Case("square", lambda x: x * x, (lambda x: 2 * x,)),
    Case("abs", abs, (mp.sign,)),
    Case("sin", mp.sin, (mp.cos,)),
    Case("cos", mp.cos, (lambda x: -mp.sin(x),)),
    Case("expm1", mp.expm1, (mp.exp,), (cells(1e-12, 80),)),
    Case("log1p", mp.log1p, (lambda x: 1 / (1 + x),), (positive(1e-30, 1e30),)),
    Case("log2", lambda x: mp.log(x, 2), (lambda x: 1 / (x * mp.log(2)),), (positive(1e-30, 1e30),)),
    Case("log10", mp.log10, (lambda x: 1 / (x * mp.log(10)),), (positive(1e-30, 1e30),)),
    Case("rsqrt", lambda x: 1 / mp.sqrt(x), (lambda x: -1 / (2 * x * mp.sqrt(x)),), (positive(),)),
    Case("reciprocal", lambda x: 1 / x, (lambda x: -1 / x**2,)),
    Case("tan", mp.tan, (lambda x: mp.sec(x) ** 2,)),
    Case("sinh", mp.sinh, (mp.cosh,)),
    Case("cosh", mp.cosh, (mp.sinh,)),
    Case("erf", mp.erf, (lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-(x**2)),), (cells(1e-6, 8),)),
    Case("erfc", mp.erfc, (lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-(x**2)),), (cells(1e-6, 8),)),
    Case("sign", mp.sign, (lambda x: mpf(0),)),
    Case("floor", mp.floor, (lambda x: mpf(0),)),
    Case("round", mp.nint, (lambda x: mpf(0),)),
    Case("mod", lambda a, b: a - b * mp.floor(a / b), (one, lambda a, b: -mp.floor(a / b)), (cells(), cells())),
    Case("atan2", lambda a, b: mp.atan2(a, b), (lambda a, b: b / (a**2 + b**2), lambda a, b: -a / (a**2 + b**2)),
         (cells(), cells())),
    Case("hypot", lambda a, b: mp.sqrt(a**2 + b**2),
         (lambda a, b: a / mp.sqrt(a**2 + b**2), lambda a, b: b / mp.sqrt(a**2 + b**2)), (cells(), cells())),
    Case("logaddexp", lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
         (lambda a, b: sigmoid(a - b), lambda a, b: sigmoid(b - a)), (cells(), cells())),
    Case("xlogy", lambda a, b: a * mp.log(b), (lambda a, b: mp.log(b), lambda a, b: a / b), (cells(), positive())),
    Case("maximum", max, (lambda a, b: mpf(a > b), lambda a, b: mpf(b > a)), (cells(), cells())),
    Case("minimum", min, (lambda a, b: mpf(a < b), lambda a, b: mpf(b < a)), (cells(), cells())),
    Case("clip", lambda x: min(max(x, -1), 2), (lambda x: mpf(-1 < x < 2),), attrs={"min": -1.0, "max": 2.0}),
    Case("relu", lambda x: max(x, 0), (lambda x: mpf(x > 0),)),
    Case("leaky_relu", lambda x: x if x > 0 else x / 4, (lambda x: mpf(1) if x > 0 else mpf(0.25),),
         attrs={"slope": 0.25}),
    Case("elu", lambda x: x if x > 0 else mp.expm1(x), (lambda x: mpf(1) if x > 0 else mp.exp(x),)),
    Case("gelu", lambda x: x * mp.ncdf(x), (lambda x: mp.ncdf(x) + x * mp.npdf(x),), (cells(1e-6, 12),)),
    Case("gelu", lambda x: x * sigmoid(bend(x)),
         (lambda x: sigmoid(bend(x)) * (1 + x * sigmoid(-bend(x)) * bent(x)),), (cells(1e-6, 9),),
         {"approximate": "tanh"}),
    Case("silu", lambda x: x * sigmoid(x), (lambda x: sigmoid(x) * (1 + x * sigmoid(-x)),)),
    Case("softplus", softplus, (sigmoid,)),
    Case("softplus", lambda x: softplus(4 * x) / 4, (lambda x: sigmoid(4 * x),), (cells(1e-6, 8),), {"beta": 4.0}),
    Case("mish", lambda x: x * mp.tanh(softplus(x)), (mish_slope,)),
    Case("softsign", lambda x: x / (1 + abs(x)), (lambda x: 1 / (1 + abs(x)) ** 2,)),
    Case("celu", lambda x: x if x > 0 else mp.expm1(2 * x) / 2, (lambda x: mpf(1) if x > 0 else mp.exp(2 * x),),
         attrs={"alpha": 0.5}),
    Case("selu", lambda x: SCALE * (x if x > 0 else ALPHA * mp.expm1(x)),
         (lambda x: SCALE * (1 if x > 0 else ALPHA * mp.exp(x)),)),
    Case("hardtanh", lambda x: min(max(x, -1), 1), (lambda x: mpf(-1 < x < 1),)),
    Case("relu6", lambda x: min(max(x, 0), 6), (lambda x: mpf(0 < x < 6),)),
    Case("hardsigmoid", lambda x: min(max(x + 3, 0), 6) / 6, (lambda x: mpf(-3 < x < 3) / 6,)),
    Case("hardswish", lambda x: x * min(max(x + 3, 0), 6) / 6,
         (lambda x: mpf(0) if x <= -3 else mpf(1) if x >= 3 else x / 3 + mpf(0.5),)),
    Case("hardshrink", lambda x: x if abs(x) > 0.5 else mpf(0), (lambda x: mpf(abs(x) > 0.5),)),
    Case("softshrink", lambda x: x - min(max(x, -0.5), 0.5), (lambda x: mpf(abs(x) > 0.5),)),
    Case("threshold", lambda x: x if x > 0.5 else mpf(2), (lambda x: mpf(x > 0.5),),
         attrs={"threshold": 0.5, "value": 2.0}),
    Case("sigmoid", sigmoid, (lambda x: sigmoid(x) * sigmoid(-x),)),
    Case("tanh", mp.tanh, (lambda x: mp.sech(x) ** 2,)),
    Case("mse", lambda y, t: (y - t) ** 2, (lambda y, t: 2 * (y - t), lambda y, t: -2 * (y - t)), (cells(), cells()),
         {"reduction": "none"}),
    Case("bce", lambda p, t: -t * mp.log(p) - (1 - t) * mp.log1p(-p),
         (lambda p, t: (p - t) / (p * (1 - p)), lambda p, t: mp.log1p(-p) - mp.log(p)), (share, share),
         {"reduction": "none"}),
    Case("bce_with_logits", lambda z, t: t * softplus(-z) + (1 - t) * softplus(z),
         (lambda z, t: sigmoid(z) - t, lambda z, t: -z), (cells(), share), {"reduction": "none"}),
]  # fmt: skip

LOSSES = {"mse", "bce", "bce_with_logits"}
"""Cell by cell too, where nothing is reduced; their slopes are differences by their meaning."""

EXCEPTED: dict[tuple[str, str], Exact] = {
    # 1 - y ** 2, as every book has it, is a difference of two numbers about 1: y is rounded before it is squared.
    ("tanh", "a"): one,
    # Sums of a positive and a negative term, which meet where the slope is 0 (x = -1.278, -0.752, -1.192, -1.5): each
    # is right.
    ("mish", "a"): lambda x: mp.tanh(softplus(x)) + abs(x) * mp.sech(softplus(x)) ** 2 * sigmoid(x),
    ("hardswish", "a"): lambda x: abs(x) / 3 + mpf(0.5),
    ("silu", "a"): lambda x: sigmoid(x) * (1 + abs(x) * sigmoid(-x)),
    ("gelu", "a"): lambda x: mp.ncdf(x) + abs(x) * mp.npdf(x),
    # The exponential of u = bend(x), a rounded number: what is off by a unit of u is off by u units in exp(u).
    ("gelu-tanh", "value"): lambda x: abs(x) * sigmoid(bend(x)) * (1 + abs(bend(x))),
    ("gelu-tanh", "a"): lambda x: sigmoid(bend(x)) * (1 + abs(x) * sigmoid(-bend(x)) * bent(x)) * (1 + abs(bend(x))),
    # The same of a ** (b - 1) = exp((b - 1) log a), where b - 1 is rounded.
    ("pow", "a"): lambda a, b: abs(b) * a ** (b - 1) * (1 + abs((b - 1) * mp.log(a))),
    # The square is rounded before its exponential is taken: a unit of x² is x² units of exp(-x²).
    ("erf", "a"): lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-(x**2)) * (1 + x**2),
    # x √2 is rounded before: a unit of it is 2 x² units of erfc(x) far out.
    ("erfc", "value"): lambda x: mp.erfc(x) * (1 + max(x, 0) ** 2),
    ("erfc", "a"): lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-(x**2)) * (1 + x**2),
    # A sum whose terms have other signs where the result is about 0.
    ("logaddexp", "value"): lambda a, b: abs(max(a, b)) + mp.log1p(mp.exp(-abs(a - b))),
    # The sigmoid of a rounded difference.
    ("logaddexp", "a"): lambda a, b: sigmoid(a - b) * (1 + abs(a - b)),
    ("logaddexp", "b"): lambda a, b: sigmoid(b - a) * (1 + abs(a - b)),
    ("bce", "b"): lambda p, t: abs(mp.log1p(-p)) + abs(mp.log(p)),
    ("bce_with_logits", "a"): lambda z, t: sigmoid(z) + t,
}
"""Of what size the rounding is where it is not that of the result, for the value or the slope of an operand."""


def worst(found: Array, exact: Exact, operands: tuple[Array, ...], size: Exact | None) -> tuple[float, list[float]]:
    """The largest error of any cell in units in the last place (of `size` where that is given), and where it is."""
    errors = []
    for value, *at in zip(found, *operands, strict=True):
        point = [mpf(float(a)) for a in at]
        right = exact(*point)
        unit = np.spacing(found.dtype.type(abs(size(*point) if size else right)))
        errors.append(float(abs(mpf(float(value)) - right) / mpf(float(unit))))
    return max(errors), [float(x[int(np.argmax(errors))]) for x in operands]


def run(case: Case, dtype: Any) -> tuple[tuple[Array, ...], list[tuple[str, Array, Exact]]]:
    """The points, and the value and each slope there with what they should be."""
    op, rng = OPS[case.op], np.random.default_rng(8)
    attrs = {**{key: attr.default for key, attr in op.attrs.items()}, **case.attrs}
    xs = tuple(drawn(rng).astype(dtype) for drawn in case.drawn)
    y = op.forward(NUMPY, *xs, **attrs)
    slopes = op.vjp(NUMPY, np.ones_like(y), y, *xs, **attrs)
    return xs, list(zip(("value", "a", "b"), (y, *slopes), (case.value, *case.slopes), strict=False))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_slopes_keep_their_digits(case: Case, dtype: Any) -> None:
    xs, found = run(case, dtype)
    with mpmath.workdps(DIGITS):
        for what, array, exact in found:
            assert array.dtype == dtype
            error, at = worst(array, exact, xs, EXCEPTED.get((str(case), what)))
            assert error <= ULPS, (what, at)


def test_no_exception_is_kept_that_is_not_needed() -> None:
    with mpmath.workdps(DIGITS):
        needed = {
            (str(case), what)
            for case in CASES
            for dtype in (np.float64, np.float32)
            for xs, found in [run(case, dtype)]
            for what, array, exact in found
            if (str(case), what) in EXCEPTED and worst(array, exact, xs, None)[0] > ULPS
        }
        assert needed == set(EXCEPTED)


def test_every_op_of_single_cells_is_tried_and_few_are_excepted() -> None:
    single = {
        op.name
        for op in OPS.values()
        if op.forward.__module__.endswith((".elementwise", ".functions", ".hard", ".activations"))
    }
    assert {case.op for case in CASES} == single | LOSSES
    assert len({name.split("-")[0] for name, _ in EXCEPTED} - LOSSES) <= len(single) / 6


@pytest.mark.parametrize(
    ("op", "x", "value", "slope"),
    [
        ("gelu", np.float64(-10), lambda x: x * mp.ncdf(x), lambda x: mp.ncdf(x) + x * mp.npdf(x)),
        ("gelu", np.float32(-10), lambda x: x * mp.ncdf(x), lambda x: mp.ncdf(x) + x * mp.npdf(x)),
        ("sigmoid", np.float32(17.8), sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
        ("sigmoid", np.float64(700), sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
        ("elu", np.float32(-1e-8), mp.expm1, mp.exp),
        ("elu", np.float64(-1e-300), mp.expm1, mp.exp),
    ],
)  # fmt: skip
def test_what_is_small_is_not_0(forward: Any, vjp: Any, op: str, x: Any, value: Exact, slope: Exact) -> None:
    with mpmath.workdps(DIGITS):
        for found, exact in ((forward(op, np.array(x)), value), (vjp(op, np.array(x))[0], slope)):
            assert worst(np.array([found]), exact, (np.array([x]),), None)[0] <= ULPS


def test_a_small_loss_is_not_0(forward: Any) -> None:
    """log(1 + e) and -log(1 - e) are e, to 16 digits, where e is below 1e-16."""
    assert forward("bce_with_logits", np.array(-40.0), np.array(0.0)) == pytest.approx(np.exp(-40), rel=1e-15, abs=0)
    assert forward("bce_with_logits", np.array(40.0), np.array(1.0)) == pytest.approx(np.exp(-40), rel=1e-15, abs=0)
    assert forward("bce", np.array(1e-20), np.array(0.0)) == pytest.approx(1e-20, rel=1e-15, abs=0)


@pytest.mark.parametrize("word", ["erf", "normal_cdf", "normal_pdf"])
def test_cells_that_are_worked_out_together_have_the_bits_they_have_alone(word: str) -> None:
    """As many as two pieces and some; of any layout, and at what is no number or infinite."""
    function, rng = getattr(NUMPY, word), np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=2 * normal.SOME) * 3, [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 40.0]])
    whole = function(x)
    assert all(function(x[i]).tobytes() == whole[i].tobytes() for i in (*range(0, len(x), 501), *range(-7, 0)))
    assert function(x[: 4 * 99].reshape(4, 99).T).tobytes() == whole[: 4 * 99].reshape(4, 99).T.tobytes()
    assert function(np.float32(x[:0])).dtype == np.float32
