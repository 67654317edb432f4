"""Normalisation against the sums of the papers, spelt out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

RNG = np.random.default_rng(0)


def ioffe_szegedy(x: Any, g: Any, gamma: Any, eps: float) -> tuple[Any, Any, Any]:
    """The six equations of section 3 of arXiv:1502.03167, for a 2-D batch."""
    m = x.shape[0]
    mu, var = x.mean(axis=0), x.var(axis=0)
    unit = (x - mu) / np.sqrt(var + eps)
    d_unit = g * gamma
    d_var = np.sum(d_unit * (x - mu) * -0.5 * (var + eps) ** -1.5, axis=0)
    d_mu = np.sum(-d_unit / np.sqrt(var + eps), axis=0) + d_var * np.sum(-2 * (x - mu), axis=0) / m
    d_x = d_unit / np.sqrt(var + eps) + d_var * 2 * (x - mu) / m + d_mu / m
    return d_x, np.sum(g * unit, axis=0), np.sum(g, axis=0)


def test_batch_norm_is_the_papers(vjp: Any) -> None:
    x, g = RNG.normal(size=(7, 3)), RNG.normal(size=(7, 3))
    gamma, beta = RNG.normal(size=3), RNG.normal(size=3)
    for got, want in zip(
        vjp("batch_norm", x, gamma, beta, g=g, eps=1e-3), ioffe_szegedy(x, g, gamma, 1e-3), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 5), (2, 3, 4, 5)])
def test_a_channel_has_mean_0_and_variance_1(forward: Any, vjp: Any, shape: tuple[int, ...]) -> None:
    x, axes = RNG.normal(2.0, 3.0, size=shape), (0, *range(2, len(shape)))
    y = forward("batch_norm", x, eps=0)
    np.testing.assert_allclose(y.mean(axis=axes), 0, atol=1e-14)
    np.testing.assert_allclose(y.var(axis=axes), 1)
    grads = vjp("batch_norm", x, np.ones(3), np.zeros(3), g=RNG.normal(size=shape))
    assert [g.shape for g in grads] == [shape, (3,), (3,)]
    np.testing.assert_allclose(grads[0].sum(axis=axes), 0, atol=1e-12)


@pytest.mark.parametrize("shape", [(5,), (4, 5), (2, 3, 5)])
def test_a_row_has_mean_0_and_variance_1(forward: Any, vjp: Any, shape: tuple[int, ...]) -> None:
    x = RNG.normal(2.0, 3.0, size=shape)
    y = forward("layer_norm", x, eps=0)
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-14)
    np.testing.assert_allclose(y.var(axis=-1), 1)
    np.testing.assert_allclose(np.mean(forward("rms_norm", x, eps=0) ** 2, axis=-1), 1)
    grads = vjp("layer_norm", x, np.ones(5), np.zeros(5), g=RNG.normal(size=shape))
    assert [g.shape for g in grads] == [shape, (5,), (5,)]


@pytest.mark.parametrize("name", ["layer_norm", "rms_norm", "batch_norm"])
def test_gamma_and_beta_may_be_left_out(forward: Any, vjp: Any, name: str) -> None:
    x = RNG.normal(size=(4, 3)).astype(np.float32)
    scales = (np.ones(3, np.float32), np.zeros(3, np.float32))[: 1 if name == "rms_norm" else 2]
    for k in range(len(scales) + 1):
        assert forward(name, x, *scales[:k]).tolist() == forward(name, x).tolist()
        grads = vjp(name, x, *scales[:k], g=x)
        assert len(grads) == 1 + k
        assert all(g.dtype == np.float32 for g in grads)


def test_a_constant_row_is_no_fault(forward: Any, vjp: Any) -> None:
    x = np.full((2, 3), 7.0)
    for name in ("layer_norm", "batch_norm"):
        with np.errstate(all="raise"):
            assert forward(name, x).tolist() == [[0.0] * 3] * 2
        assert np.isfinite(vjp(name, x)[0]).all()
    with np.errstate(all="raise"):
        forward("rms_norm", np.zeros((2, 3)))
