"""Losses: their forms agree, they do not overflow, and wrong targets are refused in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug.errors import BpdebugError, ShapeError

RNG = np.random.default_rng(0)
LOGITS, CLASSES = RNG.normal(size=(4, 3)), np.array([2, 0, 1, 1])
REDUCTIONS = ["mean", "sum", "none"]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("batch", [(4,), (2, 2), ()])
def test_the_forms_of_cross_entropy_agree(forward: Any, vjp: Any, reduction: str, batch: tuple[int, ...]) -> None:
    rows = max(1, int(np.prod(batch)))
    logits, classes = LOGITS[:rows].reshape(*batch, 3), CLASSES[:rows].reshape(batch)
    shares = np.eye(3)[classes]
    low = forward("log_softmax", logits)
    want = forward("cross_entropy", logits, classes, reduction=reduction)
    np.testing.assert_allclose(forward("cross_entropy", logits, shares, reduction=reduction), want)
    np.testing.assert_allclose(forward("nll", low, classes, reduction=reduction), want)
    g = RNG.normal(size=np.shape(want))
    grad = vjp("cross_entropy", logits, classes, g=g, reduction=reduction)[0]
    soft = vjp("cross_entropy", logits, shares, g=g, reduction=reduction)[0]
    through = vjp("log_softmax", logits, g=vjp("nll", low, classes, g=g, reduction=reduction)[0])[0]
    np.testing.assert_allclose(soft, grad, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(through, grad, rtol=1e-12, atol=1e-15)


def test_the_gradient_is_softmax_less_one_hot_over_n(forward: Any, vjp: Any) -> None:
    want = (forward("softmax", LOGITS) - np.eye(3)[CLASSES]) / 4
    np.testing.assert_allclose(vjp("cross_entropy", LOGITS, CLASSES)[0], want)


def test_shares_need_not_add_up_to_1(forward: Any, vjp: Any) -> None:
    shares = RNG.uniform(size=(4, 3))
    h, slope = 1e-6, np.zeros_like(LOGITS)
    for at in np.ndindex(LOGITS.shape):
        step = np.zeros_like(LOGITS)
        step[at] = h
        up, down = (forward("cross_entropy", LOGITS + s, shares) for s in (step, -step))
        slope[at] = (up - down) / (2 * h)
    np.testing.assert_allclose(vjp("cross_entropy", LOGITS, shares)[0], slope, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_nothing_overflows(forward: Any, vjp: Any, dtype: Any) -> None:
    far = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]], dtype)
    ones = np.array([[0.0, 1.0, 1.0], [1.0, 1.0, 0.0]], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert forward("cross_entropy", far, np.array([1, 1])) == pytest.approx((2e4 + np.log(2)) / 2)
        assert forward("bce_with_logits", far, ones, reduction="none").tolist() == [
            [1e4, 1e4, pytest.approx(np.log(2))],
            [1e4, 0.0, 1e4],
        ]
    for name, target in (("cross_entropy", np.array([1, 1])), ("bce_with_logits", ones), ("mse", ones)):
        grad = vjp(name, far, target)[0]
        assert np.isfinite(grad).all()
        assert grad.dtype == dtype
        assert forward(name, far, target).dtype == dtype


def test_a_masked_class_costs_nothing(forward: Any, vjp: Any) -> None:
    logits = np.array([[1.0, -np.inf, 2.0]])
    assert np.isfinite(forward("cross_entropy", logits, np.array([0])))
    assert vjp("cross_entropy", logits, np.array([0]))[0][0, 1] == 0.0


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_bce_has_two_forms(forward: Any, vjp: Any, reduction: str) -> None:
    z, t = RNG.normal(size=(4, 3)), RNG.uniform(size=(4, 3))
    p = forward("sigmoid", z)
    want = forward("bce", p, t, reduction=reduction)
    np.testing.assert_allclose(forward("bce_with_logits", z, t, reduction=reduction), want)
    g = RNG.normal(size=np.shape(want))
    into_p, into_t = vjp("bce", p, t, g=g, reduction=reduction)
    direct = vjp("bce_with_logits", z, t, g=g, reduction=reduction)
    np.testing.assert_allclose(direct[0], vjp("sigmoid", z, g=into_p)[0], rtol=1e-12)
    np.testing.assert_allclose(direct[1], into_t, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@np.errstate(all="ignore")
def test_bce_of_a_certain_prediction(forward: Any, vjp: Any, dtype: Any) -> None:
    """Right costs nothing, wrong is infinite (PyTorch holds its logarithms at -100); 0 log 0 is 0, as there."""
    p, t = np.array([1, 0, 1, 0, 0.5], dtype), np.array([1, 0, 0, 1, 0.5], dtype)
    loss = forward("bce", p, t, reduction="none")
    assert loss.tolist() == [0, 0, np.inf, np.inf, pytest.approx(np.log(2))]
    assert vjp("bce", p, t, reduction="none")[0].tolist() == [0, 0, np.inf, -np.inf, 0]
    assert loss.dtype == vjp("bce", p, t)[0].dtype == dtype
    z = np.array([40.0, -800.0], dtype)
    p = forward("sigmoid", z)
    into_p = vjp("bce", p, np.array([1, 0], dtype))[0]
    assert vjp("sigmoid", z, g=into_p)[0].tolist() == [0, 0]


@pytest.mark.parametrize(("p", "t"), [(np.nan, 1.0), (np.nan, 0.0), (1.5, 1.0), (-0.5, 0.0)])
@np.errstate(all="ignore")
def test_bce_of_what_is_no_chance_is_not_a_number(forward: Any, p: float, t: float) -> None:
    assert np.isnan(forward("bce", np.array([p]), np.array([t])))


def test_mse(forward: Any, vjp: Any) -> None:
    y, t = np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.0, 0.0, 5.0, 5.0])
    assert forward("mse", y, t) == 3.5
    assert vjp("mse", y, t)[0].tolist() == [0.0, 1.0, -0.5, 1.5]
    assert vjp("mse", y, t)[1].tolist() == [0.0, -1.0, 0.5, -1.5]


@pytest.mark.parametrize("name", ["mse", "bce", "bce_with_logits"])
def test_a_column_against_a_row_is_refused(refusal: Any, name: str) -> None:
    error = refusal(name, (4, 1), (4,))
    assert error.message == "prediction of shape (4, 1) and target of shape (4,) differ"
    assert "reshape or squeeze" in error.hint


def test_classes_that_came_as_floats(forward: Any) -> None:
    with pytest.raises(ShapeError) as caught:
        forward("cross_entropy", LOGITS, CLASSES.astype(float))
    assert caught.value.code == "E_DTYPE"
    assert caught.value.message == "target of shape (4,) is float64 for logits of shape (4, 3)"
    assert 'dtype = "int64"' in caught.value.hint


def test_shares_that_came_as_integers(forward: Any) -> None:
    with pytest.raises(ShapeError, match="is int64 for logits"):
        forward("cross_entropy", LOGITS, np.eye(3, dtype=np.int64)[CLASSES])


def test_ignored_targets_are_refused_for_shares(forward: Any) -> None:
    with pytest.raises(ShapeError, match="ignore_index is for integer classes"):
        forward("cross_entropy", LOGITS, np.eye(3)[CLASSES], ignore_index=0)


def test_what_is_passed_over_may_be_anything(forward: Any, vjp: Any) -> None:
    """A row of NaN costs nothing and gets no gradient; where all rows are passed over, the mean is of none."""
    logits, classes = LOGITS.copy(), np.array([2, -1, 1, 1])
    logits[1] = np.nan
    few = np.delete(logits, 1, axis=0)
    assert forward("cross_entropy", logits, classes, ignore_index=-1) == forward(
        "cross_entropy", few, classes[[0, 2, 3]]
    )
    assert vjp("cross_entropy", logits, classes, ignore_index=-1)[0][1].tolist() == [0, 0, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        assert np.isnan(forward("cross_entropy", LOGITS, np.full(4, -1), ignore_index=-1))
        assert not vjp("cross_entropy", LOGITS, np.full(4, -1), ignore_index=-1)[0].any()


def test_a_weight_left_out_before_another_is_1() -> None:
    text = """format = 1
[inputs]
z = [0.5, -1.0]
t = [1.0, 0.0]
c = [3.0, 1.0]
[graph]
loss = "L"
program = "L = bce_with_logits(z, t, pos_weight=c)"
"""
    want = (3 * np.log1p(np.exp(-0.5)) + np.log1p(np.exp(-1.0))) / 2
    assert bpdebug.run(bpdebug.load(text)).loss == pytest.approx(want)


def test_a_class_that_is_passed_over_is_not_out_of_range_and_others_are() -> None:
    text = """format = 1
[inputs]
z = [[0.5, -1.0], [1.0, 2.0]]
t = { value = [1, -100], dtype = "int64" }
[graph]
loss = "L"
program = "L = cross_entropy(z, t, ignore_index=-100)"
"""
    assert bpdebug.run(bpdebug.load(text)).loss == pytest.approx(np.log1p(np.exp(1.5)))
    with pytest.raises(BpdebugError, match="holds -100, which is out of range"):
        bpdebug.load(text.replace("-100)", "-1)"))
