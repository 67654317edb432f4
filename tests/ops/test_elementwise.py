"""What the table cannot say of arithmetic: ties, bounds, literals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bpdebug.ops import OPS
from bpdebug.symbolic.prims import NUMPY


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_an_exact_tie_gives_both_half(vjp: Any, name: str) -> None:
    a, b = vjp(name, np.array([1.0, 2.0, 3.0]), np.array([1.0, 5.0, 0.0]), g=np.array([8.0, 4.0, 2.0]))
    assert a[0] == b[0] == 4.0
    winner, loser = (b, a) if name == "maximum" else (a, b)
    assert (winner[1], loser[1]) == (4.0, 0.0)
    assert (loser[2], winner[2]) == (2.0, 0.0)


def test_a_tie_with_a_literal_gives_half(vjp: Any) -> None:
    grad, literal = vjp("maximum", np.array([-1.0, 0.0, 1.0]), 0)
    assert grad.tolist() == [0.0, 0.5, 1.0]
    assert literal is None


def test_abs_has_slope_0_at_0(vjp: Any) -> None:
    assert vjp("abs", np.array([-2.0, 0.0, -0.0, 2.0]))[0].tolist() == [-1.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("low", "high", "want"),
    [
        (-1.0, 1.0, [0, 1, 1, 1, 0]),
        (None, 1.0, [1, 1, 1, 1, 0]),
        (-1.0, None, [0, 1, 1, 1, 1]),
        (-1, 1, [0, 1, 1, 1, 0]),
    ],
)
def test_clip_passes_at_its_bounds(vjp: Any, low: Any, high: Any, want: list[int]) -> None:
    assert vjp("clip", np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), min=low, max=high)[0].tolist() == want


def test_masks_let_no_nan_through(vjp: Any) -> None:
    nan = np.array([np.nan, np.inf])
    low = np.array([-1.0, -1.0])
    assert vjp("relu", low, g=nan)[0].tolist() == [0.0, 0.0]
    assert vjp("maximum", low, np.zeros(2), g=nan)[0].tolist() == [0.0, 0.0]
    assert vjp("clip", low, min=0.0, max=1.0, g=nan)[0].tolist() == [0.0, 0.0]
    assert vjp("where", np.array([False, False]), low, low, g=nan)[1].tolist() == [0.0, 0.0]


def test_a_power_with_a_literal_exponent_takes_any_base(forward: Any, vjp: Any) -> None:
    x = np.array([-2.0, 0.0, 3.0])
    assert forward("pow", x, 2).tolist() == [4.0, 0.0, 9.0]
    assert vjp("pow", x, 2) == (pytest.approx([-4.0, 0.0, 6.0]), None)
    assert vjp("pow", x, 3)[0].tolist() == [12.0, 0.0, 27.0]
    assert vjp("pow", x, 1)[0].tolist() == [1.0, 1.0, 1.0]
    assert vjp("pow", x, 0)[0].tolist() == [0.0, 0.0, 0.0]
    assert vjp("pow", x, 2.0)[0].tolist() == [-4.0, 0.0, 6.0]


def test_a_power_with_a_literal_exponent_takes_no_logarithm() -> None:
    with np.errstate(all="raise"):
        OPS["pow"].vjp(NUMPY, np.ones(2), np.array([4.0, 0.0]), np.array([-2.0, 0.0]), 2)


def test_a_power_of_a_literal_base(vjp: Any) -> None:
    x = np.array([0.5, 2.0])
    assert vjp("pow", 2, x)[1] == pytest.approx(2**x * np.log(2))
    assert vjp("pow", 1, x)[1].tolist() == [0.0, 0.0]
    assert vjp("pow", 0, x)[1].tolist() == [0.0, 0.0]
    assert np.isnan(vjp("pow", -2, np.array([2.0]))[1]).all()


@np.errstate(all="ignore")
def test_a_power_of_0_has_the_slopes_that_pytorch_has(forward: Any, vjp: Any) -> None:
    exponents = np.array([0.0, 0.5, 1.0, 2.0, -1.0, np.nan])
    base = np.zeros(6)
    assert_array_equal(forward("pow", base, exponents), [1, 0, 0, 0, np.inf, np.nan])
    into_base, into_exponent = vjp("pow", base, exponents)
    assert_array_equal(into_base, [0, np.inf, 1, 0, -np.inf, np.nan])
    assert_array_equal(into_exponent, [0, 0, 0, 0, -np.inf, np.nan])
    assert_array_equal(vjp("pow", 0, exponents)[1], into_exponent)
    negative = vjp("pow", np.array([-2.0, -2.0]), np.array([3.0, 0.0]))
    assert negative[0].tolist() == [12.0, 0.0]
    assert np.isnan(negative[1]).all()


@pytest.mark.parametrize(
    ("name", "others", "attrs"),
    [
        ("relu", (), {}),
        ("leaky_relu", (), {"slope": 1.0}),
        ("clip", (), {"min": 0.0, "max": 1.0}),
        ("clip", (), {"min": None, "max": 1.0}),
        ("maximum", (0.5,), {}),
        ("minimum", (0.5,), {}),
        ("max", (), {}),
        ("min", (), {}),
        ("max_pool2d", (), {"size": (1, 3)}),
    ],
)
def test_a_nan_that_was_taken_gets_the_gradient(vjp: Any, name: str, others: Any, attrs: dict[str, Any]) -> None:
    """Where it was lost, the gradient was 0 before a loss of NaN, and what is 0 looks like a rule that says so."""
    cells = np.array([np.nan, 0.5, 0.5 if name == "min" else 0.75])
    x = cells.reshape(1, 1, 1, 3) if name == "max_pool2d" else cells
    grad = np.ravel(vjp(name, x, *others, **attrs)[0])
    assert grad[0] == 1.0
    if name in ("max", "min", "max_pool2d"):
        assert grad.tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "maximum", "minimum", "pow"])
@pytest.mark.parametrize("literal", [2, 0.5, True])
def test_literals_leave_float32_alone(forward: Any, vjp: Any, name: str, literal: Any) -> None:
    x = np.array([1.0, 2.0, 3.0], np.float32)
    for xs, place in (((x, literal), 0), ((literal, x), 1)):
        assert forward(name, *xs).dtype == np.float32
        assert vjp(name, *xs)[place].dtype == np.float32
