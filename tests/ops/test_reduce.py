"""Reductions over ties, over nothing, over a number, and at the ends of the number line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

ALL = ["sum", "mean", "max", "min", "var", "logsumexp"]


@pytest.mark.parametrize(("name", "best"), [("max", 5.0), ("min", -1.0)])
def test_ties_share_equally(vjp: Any, name: str, best: float) -> None:
    x = np.array([[best, 2.0, best], [best, 0.0, 1.0]])
    assert vjp(name, x, g=np.float64(6.0))[0].tolist() == [[2.0, 0.0, 2.0], [2.0, 0.0, 0.0]]
    assert vjp(name, x, axis=1, g=np.array([6.0, 4.0]))[0].tolist() == [[3.0, 0.0, 3.0], [4.0, 0.0, 0.0]]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("axis", [None, ()])
def test_a_number_reduces_to_itself(forward: Any, vjp: Any, name: str, axis: Any) -> None:
    x = np.array(3.0)
    y, (grad,) = forward(name, x, axis=axis), vjp(name, x, axis=axis)
    assert np.shape(y) == np.shape(grad) == ()
    assert (float(y), float(grad)) == ((0.0, 0.0) if name == "var" else (3.0, 1.0))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2), (-1, 0), (2, 1), (0, 1, 2), ()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_every_way_to_name_axes(forward: Any, vjp: Any, name: str, axis: Any, keepdims: bool) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    y = forward(name, x, axis=axis, keepdims=keepdims)
    if name == "logsumexp":
        want = np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))
    else:
        want = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    assert np.shape(y) == np.shape(want)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, want, rtol=1e-5, atol=1e-7)
    (grad,) = vjp(name, x, axis=axis, keepdims=keepdims)
    assert grad.shape == x.shape
    assert grad.dtype == np.float32


def test_a_sum_over_nothing_is_0(forward: Any, vjp: Any) -> None:
    assert forward("sum", np.zeros((0, 3))) == 0.0
    assert forward("sum", np.zeros((0, 3)), axis=0).tolist() == [0.0, 0.0, 0.0]
    assert vjp("sum", np.zeros((0, 3)))[0].shape == (0, 3)


@pytest.mark.parametrize("name", ["mean", "max", "min", "var", "logsumexp", "softmax", "log_softmax"])
def test_no_value_over_nothing(refusal: Any, forward: Any, name: str) -> None:
    error = refusal(name, (0, 3), axis=0)
    assert error.message == f"{name} over axis 0 of (0, 3) is over no cells, and has no value"
    assert forward(name, np.zeros((0, 3)), axis=1).size == 0


def test_counting_is_in_integers(forward: Any) -> None:
    assert forward("sum", np.array([[True, False], [True, True]]), axis=1).tolist() == [1, 2]


def test_logsumexp_far_out(forward: Any, vjp: Any) -> None:
    inf = np.inf
    x = np.array([[1000.0, 1000.0], [-1000.0, -1000.0], [-inf, 1.0], [inf, 1.0]])
    with np.errstate(over="raise", invalid="raise"):
        y = forward("logsumexp", x, axis=1)
    np.testing.assert_allclose(y, [1000 + np.log(2), -1000 + np.log(2), 1.0, inf])
    with np.errstate(divide="ignore"):
        assert forward("logsumexp", np.array([-inf, -inf])) == -inf
    np.testing.assert_allclose(vjp("logsumexp", x[:3], axis=1)[0], [[0.5, 0.5], [0.5, 0.5], [0.0, 1.0]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_softmax_far_out(forward: Any, vjp: Any, dtype: Any) -> None:
    x = np.array([[1e30, -1e30, 0.0], [-1e4, -1e4, -np.inf]], dtype)
    with np.errstate(over="raise", invalid="raise"):
        assert forward("softmax", x).tolist() == [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]
        low = forward("log_softmax", x)
    assert low[0, 0] == 0.0
    assert low[1, 2] == -np.inf
    assert np.isfinite(vjp("softmax", x)[0]).all()
    assert np.isfinite(vjp("log_softmax", x)[0]).all()


def test_var_divides_by_n_less_ddof(forward: Any, refusal: Any) -> None:
    x = np.array([1.0, 2.0, 4.0, 9.0])
    assert forward("var", x, ddof=1) == pytest.approx(np.var(x, ddof=1))
    assert refusal("var", (4,), ddof=4).message == "ddof=4 leaves nothing to divide by: var is over 4 cells of (4,)"
