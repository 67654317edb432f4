"""Activations where they are tested hardest: at 0 and far out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

CURVES = ["relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh"]
LEFT = {"elu": -1.0, "tanh": -1.0}
FAR = [-1e30, -1e4, -800.0, -100.0, -40.0, 40.0, 100.0, 800.0, 1e4, 1e30]


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_nothing_overflows_far_out(forward: Any, vjp: Any, name: str, dtype: Any) -> None:
    far = np.array(FAR, dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = forward(name, far)
        (grad,) = vjp(name, far)
    assert np.isfinite(y).all()
    assert np.isfinite(grad).all()
    assert y.dtype == grad.dtype == dtype
    np.testing.assert_allclose(y[:3], [0.01 * x if name == "leaky_relu" else LEFT.get(name, 0.0) for x in far[:3]])
    np.testing.assert_allclose(y[-3:], [1.0] * 3 if name in ("sigmoid", "tanh") else far[-3:])


@pytest.mark.parametrize(
    ("name", "attrs", "at_0", "slope"),
    [
        ("relu", {}, 0.0, 0.0),
        ("leaky_relu", {"slope": 0.2}, 0.0, 0.2),
        ("elu", {"alpha": 0.7}, 0.0, 0.7),
        ("gelu", {}, 0.0, 0.5),
        ("gelu", {"approximate": "tanh"}, 0.0, 0.5),
        ("silu", {}, 0.0, 0.5),
        ("softplus", {}, np.log(2), 0.5),
        ("sigmoid", {}, 0.5, 0.25),
        ("tanh", {}, 0.0, 1.0),
    ],
)
def test_at_0(forward: Any, vjp: Any, name: str, attrs: dict[str, Any], at_0: float, slope: float) -> None:
    zeros = np.array([0.0, -0.0])
    assert forward(name, zeros, **attrs) == pytest.approx([at_0, at_0])
    assert vjp(name, zeros, **attrs)[0] == pytest.approx([slope, slope])


def test_sigmoid_keeps_its_small_tail(forward: Any) -> None:
    assert forward("sigmoid", np.array([-700.0])) == pytest.approx(np.exp(-700.0), rel=1e-13)
    assert forward("softplus", np.array([-700.0])) == pytest.approx(np.exp(-700.0), rel=1e-13)


def test_the_tanh_gelu_is_near_the_real_one(forward: Any) -> None:
    x = np.linspace(-5, 5, 101)
    difference = np.abs(forward("gelu", x) - forward("gelu", x, approximate="tanh")).max()
    assert 1e-5 < difference < 1e-3
