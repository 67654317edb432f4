"""Convolution and pooling against loops over every window."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

RNG = np.random.default_rng(0)


def loop(x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """A convolution as it is defined: one product for each output cell."""
    rank = x.ndim - 2
    stride, padding, dilation = ((v,) * rank if isinstance(v, int) else v for v in (stride, padding, dilation))
    x = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True)]
    out = [(n - r) // s + 1 for n, r, s in zip(x.shape[2:], reach, stride, strict=True)]
    y = np.zeros((x.shape[0], w.shape[0], *out))
    each, group = w.shape[1], w.shape[0] // groups
    for n, o, *at in np.ndindex(*y.shape):
        c = o // group * each
        here = [slice(i * s, i * s + r, d) for i, s, r, d in zip(at, stride, reach, dilation, strict=True)]
        y[(n, o, *at)] = np.sum(x[(n, slice(c, c + each), *here)] * w[o]) + (0 if b is None else b[o])
    return y


CONVS = [
    ("conv1d", (2, 3, 7), (4, 3, 2), {}),
    ("conv1d", (1, 4, 8), (6, 2, 3), {"groups": 2, "stride": 2, "padding": 2, "dilation": 2}),
    ("conv1d", (2, 3, 5), (3, 1, 5), {"groups": 3, "padding": (1,)}),
    ("conv2d", (2, 3, 5, 6), (4, 3, 2, 3), {}),
    ("conv2d", (1, 2, 7, 5), (3, 2, 3, 2), {"stride": (2, 1), "padding": (0, 1), "dilation": (1, 2)}),
    ("conv2d", (2, 4, 6, 5), (6, 2, 3, 3), {"groups": 2, "stride": 3, "padding": 1}),
    ("conv2d", (1, 2, 3, 3), (2, 1, 3, 3), {"groups": 2, "dilation": 1}),
    ("conv2d", (1, 2, 3, 4), (2, 2, 2, 1), {"stride": (2**60, 2**90), "dilation": (1, 2**70)}),  # a step never taken
]


@pytest.mark.parametrize(("name", "x", "w", "attrs"), CONVS)
@pytest.mark.parametrize("bias", [False, True])
def test_conv_is_the_loop(forward: Any, vjp: Any, name: str, x: Any, w: Any, attrs: dict[str, Any], bias: bool) -> None:
    x, w = RNG.normal(size=x), RNG.normal(size=w)
    b = RNG.normal(size=w.shape[0]) if bias else None
    full = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **attrs}
    want = loop(x, w, b, **full)
    operands = (x, w) if b is None else (x, w, b)
    np.testing.assert_allclose(forward(name, *operands, **attrs), want, rtol=1e-12, atol=1e-12)

    g = RNG.normal(size=want.shape)
    grads = vjp(name, *operands, g=g, **attrs)
    assert [c.shape for c in grads] == [o.shape for o in operands]
    if bias:
        np.testing.assert_allclose(grads[2], g.sum(axis=(0, *range(2, g.ndim))))
    along = RNG.normal(size=x.shape)
    assert np.sum(grads[0] * along) == pytest.approx(np.sum(g * loop(along, w, None, **full)))
    along = RNG.normal(size=w.shape)
    assert np.sum(grads[1] * along) == pytest.approx(np.sum(g * loop(x, along, None, **full)))


POOLS = [
    ((2, 3, 4, 6), {"size": 2}),
    ((1, 2, 5, 5), {"size": (3, 2), "stride": (2, 1)}),
    ((2, 1, 5, 7), {"size": 3, "stride": 2, "padding": 1}),
    ((1, 2, 4, 5), {"size": (2, 4), "padding": (1, 2), "stride": 1}),
]


@pytest.mark.parametrize(("shape", "attrs"), POOLS)
@pytest.mark.parametrize(("name", "fill", "take"), [("max_pool2d", -np.inf, np.max), ("avg_pool2d", 0.0, np.mean)])
def test_pool_is_the_loop(forward: Any, shape: Any, attrs: dict[str, Any], name: str, fill: float, take: Any) -> None:
    x = RNG.normal(size=shape)
    pairs = {
        k: (v, v) if isinstance(v, int) else v for k, v in {"padding": 0, "stride": attrs["size"], **attrs}.items()
    }
    padded = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in pairs["padding"])), constant_values=fill)
    (kh, kw), (sh, sw) = pairs["size"], pairs["stride"]
    rows = range(0, padded.shape[2] - kh + 1, sh)
    columns = range(0, padded.shape[3] - kw + 1, sw)
    want = np.array([[[[take(m[i : i + kh, j : j + kw]) for j in columns] for i in rows] for m in n] for n in padded])
    np.testing.assert_allclose(forward(name, x, **attrs), want, rtol=1e-14)


def test_tied_cells_of_a_window_share(vjp: Any) -> None:
    x = np.array([[[[5.0, 5.0, 1.0, 0.0], [2.0, 5.0, 0.0, 0.5]]]])
    assert vjp("max_pool2d", x, size=2, g=np.array([[[[6.0, 3.0]]]]))[0].tolist() == [
        [[[2.0, 2.0, 3.0, 0.0], [0.0, 2.0, 0.0, 0.0]]]
    ]


def test_padding_never_wins_and_takes_no_gradient(forward: Any, vjp: Any) -> None:
    x = np.full((1, 1, 2, 2), -7.0)
    assert forward("max_pool2d", x, size=2, padding=1).tolist() == [[[[-7.0] * 2] * 2]]
    assert vjp("max_pool2d", x, size=2, padding=1)[0].tolist() == [[[[1.0] * 2] * 2]]
    assert forward("avg_pool2d", x, size=2, padding=1).tolist() == [[[[-1.75] * 2] * 2]]


def test_im2col_has_a_window_in_each_row(forward: Any) -> None:
    x = np.arange(24.0).reshape(1, 2, 3, 4)
    rows = forward("im2col", x, size=(2, 3))
    assert rows.shape == (1, 4, 12)
    for row, (i, j) in zip(rows[0], product(range(2), range(2)), strict=True):
        assert row.tolist() == x[0, :, i : i + 2, j : j + 3].ravel().tolist()


def test_a_convolution_is_a_matmul_of_im2col(forward: Any) -> None:
    x, w = RNG.normal(size=(2, 3, 5, 4)), RNG.normal(size=(6, 3, 2, 2))
    product_of_rows = forward("im2col", x, size=2) @ w.reshape(6, -1).T
    np.testing.assert_allclose(forward("conv2d", x, w), product_of_rows.mT.reshape(2, 6, 4, 3))


@pytest.mark.parametrize("name", ["conv2d", "max_pool2d", "avg_pool2d", "im2col"])
def test_an_empty_batch_stays_empty(forward: Any, vjp: Any, name: str) -> None:
    operands = (np.zeros((0, 2, 4, 4)), np.zeros((3, 2, 2, 2)))[: 2 if name == "conv2d" else 1]
    attrs = {} if name == "conv2d" else {"size": 2}
    assert forward(name, *operands, **attrs).shape[0] == 0
    for grad, operand in zip(vjp(name, *operands, **attrs), operands, strict=True):
        assert grad.shape == operand.shape
        assert not grad.any()


@pytest.mark.parametrize(("name", "x", "w", "attrs"), CONVS)
def test_float32_stays(forward: Any, vjp: Any, name: str, x: Any, w: Any, attrs: dict[str, Any]) -> None:
    operands = np.ones(x, np.float32), np.ones(w, np.float32), np.ones(w[0], np.float32)
    assert forward(name, *operands, **attrs).dtype == np.float32
    assert {g.dtype for g in vjp(name, *operands, **attrs)} == {np.dtype(np.float32)}
