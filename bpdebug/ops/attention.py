"""Attention: each query's mean of the values, weighed by how well their keys fit."""

from __future__ import annotations

import math
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.op import MIXES, Op, Sample, register


def _check_attention(q: Shape, k: Shape, v: Shape, *mask: Shape, causal: bool, scale: float | None) -> None:
    for name, shape in zip(("query", "key", "value", "mask"), (q, k, v, *mask), strict=False):
        if len(shape) < 2:
            raise ShapeError(
                f"the {name} of shape {shape} is no matrix",
                hint="query and key are (..., positions, features), a mask is (..., queries, keys)",
            )
    if q[-1] != k[-1]:
        raise ShapeError(
            f"query of shape {q} and key of shape {k} differ in their features", hint="their last axes must be equal"
        )
    if k[-2] != v[-2]:
        raise ShapeError(
            f"there are {k[-2]} keys and {v[-2]} values: {k} and {v}", hint="each key has its value, along axis -2"
        )
    if k[-2] == 0 or (scale is None and q[-1] == 0):
        raise ShapeError(f"a key of shape {k} has nothing to attend to", hint="keys are (..., positions, features)")
    for shape in mask:
        if shape[-2] not in (1, q[-2]) or shape[-1] not in (1, k[-2]):
            raise ShapeError(
                f"a mask of shape {shape} for {q[-2]} queries and {k[-2]} keys", hint="a mask is (..., queries, keys)"
            )


def _factor(q: Any, scale: float | None) -> float:
    return 1 / math.sqrt(q.shape[-1]) if scale is None else scale


def _weights(xp: Any, q: Any, k: Any, mask: tuple[Any, ...], causal: bool, scale: float | None) -> Any:
    """How much each query takes of each value; a query that may take none has 0 of all."""
    scores = q @ xp.matrix_transpose(k) * _factor(q, scale)
    if causal:
        scores = xp.where(xp.tri(q.shape[-2], k.shape[-2]), scores, -math.inf)
    for m in mask:
        scores = xp.where(m, scores, -math.inf) if m.dtype.kind == "b" else scores + m
    return xp.where(scores == -math.inf, 0, xp.softmax(scores)) if causal or mask else xp.softmax(scores)


def _attention(xp: Any, q: Any, k: Any, v: Any, *mask: Any, causal: bool, scale: float | None) -> Any:
    return _weights(xp, q, k, mask, causal, scale) @ v


def _attention_vjp(
    xp: Any, g: Any, y: Any, q: Any, k: Any, v: Any, *mask: Any, causal: bool, scale: float | None
) -> tuple[Any, ...]:
    """Vaswani et al. 2017 (arXiv:1706.03762), section 3.2.1; softmax's own rule between two products'."""
    weights = _weights(xp, q, k, mask, causal, scale)
    into = g @ xp.matrix_transpose(v)
    scores = weights * (into - xp.sum(into * weights, axis=-1, keepdims=True))
    scaled = scores * _factor(q, scale)
    found = [scaled @ k, xp.matrix_transpose(scaled) @ q, xp.matrix_transpose(weights) @ g]
    for m in mask:
        axes = tuple(a for a in (-2, -1) if m.shape[a] != scores.shape[a])
        found.append(None if m.dtype.kind == "b" else xp.sum(scores, axis=axes, keepdims=True) if axes else scores)
    return tuple(found)


_QUERY = [[1.0, -0.5], [0.25, 2.0], [-1.0, 0.75]]
_KEY = [[0.5, 1.5], [-1.0, 0.25], [2.0, -0.75], [0.1, 0.6]]
_VALUE = [[1.0, -2.0, 0.5], [-0.25, 3.0, 1.5], [2.0, 0.75, -1.0], [0.4, -0.5, 1.25]]
_KEPT = [[True, False, True, True], [False, True, True, False], [True, True, False, True]]
_ADDED = [[0.5, -1.0, 0.25, 0.0], [1.5, 0.75, -0.5, 1.0], [0.1, -0.25, 0.3, 2.0]]

register(
    Op(
        "scaled_dot_product_attention",
        "softmax(query keyᵀ scale) value: each query's mean of the values, weighed by how well their keys fit.",
        operands=("query", "key", "value", "mask?"),
        forward=_attention,
        vjp=_attention_vjp,
        attrs={"causal": Attr("bool", False), "scale": Attr("number", None)},
        kinds=("f", "f", "f", "fb"),
        back=MIXES,
        check=_check_attention,
        broadcasts="matmul",
        samples=(
            Sample((_QUERY, _KEY, _VALUE)),
            Sample((_QUERY, _KEY, _VALUE, _KEPT), {"scale": 0.5}),
            Sample((_QUERY, _KEY, _VALUE, _ADDED)),
            Sample(([_QUERY, _KEY[1:]], _KEY, _VALUE), {"causal": True}),
        ),
    ),
)
