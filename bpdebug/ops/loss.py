"""Losses cell by cell: how far each number of a prediction is from its target."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops import conventions
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import refuse
from bpdebug.ops.op import ROWS, SCALES, Op, Sample, register


def reduced(losses: Callable[..., Any]) -> Callable[..., Any]:
    """The forward rule of a loss, from the loss of each cell or row: `losses(xp, *operands, **attrs)`."""

    def forward(xp: Any, *operands: Any, reduction: str, **attrs: Any) -> Any:
        each = losses(xp, *operands, **attrs)
        if reduction == "none":
            return each
        total = xp.sum(each)
        return total if reduction == "sum" else total / _count(each.shape, reduction)

    return forward


def spread(gradients: Callable[..., tuple[Any, ...]], classes: int = 0) -> Callable[..., tuple[Any, ...]]:
    """The rule of a loss, from its rule cell by cell, `gradients(xp, g, *operands, **attrs)`: over the count of a mean.

    `classes` counts the last axes that one loss is of: its cotangent broadcasts along them.
    """

    def vjp(xp: Any, g: Any, y: Any, x: Any, *others: Any, reduction: str, **attrs: Any) -> tuple[Any, ...]:
        g = xp.expand_dims(g, -1) if classes and reduction == "none" else g
        found = gradients(xp, g, x, *others, **attrs)
        if reduction in ("none", "sum"):
            return found
        count = _count(x.shape[: x.ndim - classes], reduction)
        return tuple(each if each is None else each / count for each in found)

    return vjp


def _count(losses: Shape, reduction: str) -> int:
    return losses[0] if reduction == "batchmean" and losses else prod(losses)


def check_count(shape: Shape, reduction: str) -> None:
    """ShapeError for a mean over losses of this shape where there is none."""
    if reduction in ("mean", "batchmean") and prod(shape) == 0:
        raise ShapeError(f"a mean over shape {shape} is over no cells", hint='reduction="sum" gives 0')


def _check_same(x: Shape, target: Shape, *weights: Shape, reduction: str, **attrs: Any) -> None:
    if x != target:
        raise ShapeError(
            f"prediction of shape {x} and target of shape {target} differ",
            hint="they would broadcast to every pair of cells; make them one shape with reshape or squeeze",
        )
    for weight in weights:
        aligned = zip(reversed(weight), reversed(x), strict=False)
        if len(weight) > len(x) or any(n not in (1, m) for n, m in aligned):
            raise ShapeError(
                f"a weight of shape {weight} for a prediction of shape {x}",
                hint=f"weights broadcast to the cells: one for all, one a column {x[-1:]}, or one a cell",
            )
    check_count(x, reduction)


def _check_at_least(name: str, least: float, strict: bool) -> Callable[..., None]:
    """The check of a loss with an attribute that is a distance."""

    def check(x: Shape, target: Shape, *, reduction: str, **attrs: Any) -> None:
        if attrs[name] < least or (strict and attrs[name] == least):
            raise refuse(f"{name}={attrs[name]:g} is too small", hint=f"{name} is where the line begins: 1.0")
        _check_same(x, target, reduction=reduction)

    return check


def _weighed(xp: Any, each: Any, weights: tuple[Any, ...]) -> Any:
    return each * weights[0] if weights else each


CLAMP = {"clamp": Attr("str", "none", choices=("none", "torch", "keras"))}
LOWEST, LEAST, NEAREST = -100, 9.99999996004197e-13, 1e-7
"""PyTorch's least logarithm and divisor (1e-12 in single precision), and how near Keras lets a p come to 0 and 1."""


def _clamped(xp: Any, p: Any, clamp: str) -> tuple[Any, Any, Any]:
    """A p, its logarithm and that of 1 - p, as a convention has them."""
    p = xp.minimum(xp.maximum(p, NEAREST), 1 - NEAREST) if clamp == "keras" else p
    logs = xp.log(p), xp.log1p(-p)
    return p, *((xp.maximum(log, LOWEST) for log in logs) if clamp == "torch" else logs)


def _bce(xp: Any, p: Any, t: Any, *weight: Any, clamp: str = "none") -> Any:
    """0 log 0 is 0, its limit: a certain and right prediction costs nothing."""
    p, log, log_rest = _clamped(xp, p, clamp)
    right = xp.where(xp.abs(t) + xp.abs(p) == 0, 0, t * log)
    wrong = xp.where(xp.abs(1 - t) + xp.abs(1 - p) == 0, 0, (1 - t) * log_rest)
    return _weighed(xp, -(right + wrong), weight)


def _bce_vjp(xp: Any, g: Any, p: Any, t: Any, *weight: Any, clamp: str = "none") -> tuple[Any, ...]:
    """With PyTorch's clamp the gradients go by what is not clamped, as there."""
    own = [_bce(xp, p, t, clamp=clamp) * g] if weight else []
    q, *_ = _clamped(xp, p, clamp)
    under = xp.maximum(q * (1 - q), LEAST) if clamp == "torch" else q * (1 - q)
    into_p, into_t = xp.where(p == t, 0, (q - t) / under), xp.log1p(-q) - xp.log(q)
    if clamp == "keras":
        into_p = xp.where(p == q, (q - t) / under, 0)
    return _weighed(xp, into_p, weight) * g, _weighed(xp, into_t, weight) * g, *own


def _softplus(xp: Any, z: Any) -> Any:
    return xp.maximum(z, 0) + xp.log1p(xp.exp(-xp.abs(z)))


def _bce_with_logits(xp: Any, z: Any, t: Any, weight: Any = 1, *positive: Any) -> Any:
    """(1 - t) softplus(z) + c t softplus(-z), c the weight of what is true; no two large terms cancel."""
    if positive:
        return ((1 - t) * _softplus(xp, z) + positive[0] * t * _softplus(xp, -z)) * weight
    return ((1 - t) * xp.maximum(z, 0) + t * xp.maximum(-z, 0) + xp.log1p(xp.exp(-xp.abs(z)))) * weight


def _bce_with_logits_vjp(xp: Any, g: Any, z: Any, t: Any, *weights: Any) -> tuple[Any, ...]:
    weight, positive = weights[0] if weights else 1, weights[1:]
    if not positive:
        own = [_bce_with_logits(xp, z, t) * g] if weights else []
        return (xp.sigmoid(z) - t) * weight * g, -z * weight * g, *own
    (true,) = positive
    into_z = (1 - t) * xp.sigmoid(z) - true * t * xp.sigmoid(-z)
    into_t = true * _softplus(xp, -z) - _softplus(xp, z)
    into_true = t * _softplus(xp, -z) * weight * g
    return into_z * weight * g, into_t * weight * g, _bce_with_logits(xp, z, t, 1, true) * g, into_true


def _smooth_l1(xp: Any, y: Any, t: Any, beta: float) -> Any:
    off = xp.abs(y - t)
    return xp.where(off < beta, xp.square(y - t) / (2 * beta), off - beta / 2) if beta else off


def _smooth_l1_vjp(xp: Any, g: Any, y: Any, t: Any, beta: float) -> tuple[Any, ...]:
    """Girshick 2015 (arXiv:1504.08083), section 2.3."""
    off, into = y - t, xp.sign(y - t)
    into = (xp.where(xp.abs(off) < beta, off / (1 if beta == 1 else beta), into) if beta else into) * g
    return into, -into


def _huber(xp: Any, y: Any, t: Any, delta: float) -> Any:
    off = xp.abs(y - t)
    return xp.where(off < delta, xp.square(y - t) / 2, delta * (off - delta / 2))


def _huber_vjp(xp: Any, g: Any, y: Any, t: Any, delta: float) -> tuple[Any, ...]:
    """Huber 1964 (Ann. Math. Statist. 35, 73-101)."""
    into = xp.minimum(xp.maximum(y - t, -delta), delta) * g
    return into, -into


def _kl_div(xp: Any, x: Any, t: Any, log_target: bool) -> Any:
    """0 log 0 is 0, its limit."""
    return xp.exp(t) * (t - x) if log_target else xp.where(t == 0, 0, t * xp.log(t)) - t * x


def _kl_div_vjp(xp: Any, g: Any, x: Any, t: Any, log_target: bool) -> tuple[Any, ...]:
    if log_target:
        return -xp.exp(t) * g, xp.exp(t) * (t - x + 1) * g
    return -t * g, (xp.log(t) + 1 - x) * g


def _hinge_vjp(xp: Any, g: Any, x: Any, t: Any, margin: float, at_margin: str = "slope") -> tuple[Any, ...]:
    return xp.where(t == 1, g, xp.where(x < margin if at_margin == "zero" else x <= margin, -g, 0)), None


_CHANCES = [[0.2, 0.5, 0.75], [0.9, 0.4, 0.05]]
_TARGETS = [[0.0, 1.0, 1.0], [0.75, 0.1, 0.3]]
_NEAR = [[0.2, 1.0, 1.0], [0.5, 0.1, 1.8]]
_LOGS = [[-0.5, -2.0, -1.25], [-3.0, -0.25, -2.5]]
_SIDES = [[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]]
_NONE, _SUM = {"reduction": "none"}, {"reduction": "sum"}
REDUCTION = {"reduction": Attr("str", "mean", choices=("mean", "sum", "none"))}
_loss = partial(Op, back=SCALES, operands=("y", "t"), attrs=REDUCTION, check=_check_same)
_AT_0 = "the derivative at 0 is taken to be 0"

register(
    _loss(
        "bce",
        "Binary cross entropy of probabilities p and targets t.",
        operands=("p", "t", "weight?"),
        forward=reduced(_bce),
        vjp=spread(_bce_vjp),
        conventions=CLAMP,
        valued=("clamp",),
        broadcasts="elementwise",
        kink="a p of 0 or 1 gives 0 where t is the same, and is infinite where not: bce_with_logits has no such cells",
        samples=(
            Sample((_CHANCES, _TARGETS)), Sample((_CHANCES, _TARGETS), _NONE),
            Sample((_CHANCES, _TARGETS, [1.0, 0.5, 2.0])),
        ),
    ),
    _loss(
        "bce_with_logits",
        "Binary cross entropy of sigmoid(z) and targets t, without the sigmoid's rounding.",
        operands=("z", "t", "weight?", "pos_weight?"),
        forward=reduced(_bce_with_logits),
        vjp=spread(_bce_with_logits_vjp),
        broadcasts="elementwise",
        instead={"weight": 1},
        samples=(
            Sample((ROWS, _TARGETS)), Sample((ROWS, _TARGETS), _SUM), Sample((ROWS, _TARGETS, [[0.5], [2.0]])),
            Sample((ROWS, _TARGETS, 1, [1.0, 0.5, 3.0])),
        ),
    ),
    _loss(
        "mse",
        "The mean squared difference of prediction y and target t.",
        forward=reduced(lambda xp, x, t: xp.square(x - t)),
        vjp=spread(lambda xp, g, x, t: (2 * (x - t) * g, -2 * (x - t) * g)),
        samples=(Sample((ROWS, _TARGETS)), Sample((ROWS, _TARGETS), _NONE)),
    ),
    _loss(
        "l1",
        "The mean absolute difference of prediction y and target t.",
        forward=reduced(lambda xp, x, t: xp.abs(x - t)),
        vjp=spread(lambda xp, g, x, t: (xp.sign(x - t) * g, -xp.sign(x - t) * g)),
        kink=_AT_0,
        samples=(Sample((ROWS, _TARGETS)), Sample((ROWS, _TARGETS), _NONE)),
    ),
    _loss(
        "smooth_l1",
        "The squared difference over 2 beta where it is less than beta, beyond it the absolute one less beta / 2.",
        forward=reduced(_smooth_l1),
        vjp=spread(_smooth_l1_vjp),
        attrs={"beta": Attr("float", 1.0), **REDUCTION},
        check=_check_at_least("beta", 0.0, strict=False),
        kink=f"with beta = 0 {_AT_0}",
        samples=(Sample((ROWS, _NEAR)), Sample((ROWS, _NEAR), {"beta": 0.6, **_NONE})),
    ),
    _loss(
        "huber",
        "Half the squared difference where it is less than delta, beyond it a straight line of slope delta.",
        forward=reduced(_huber),
        vjp=spread(_huber_vjp),
        attrs={"delta": Attr("float", 1.0), **REDUCTION},
        check=_check_at_least("delta", 0.0, strict=True),
        samples=(Sample((ROWS, _NEAR)), Sample((ROWS, _NEAR), {"delta": 0.6, **_SUM})),
    ),
    _loss(
        "kl_div",
        "The divergence of a target from log probabilities, target * (log(target) - log_probs); of a target that is "
        "logarithms itself with log_target.",
        operands=("log_probs", "target"),
        forward=reduced(_kl_div),
        vjp=spread(_kl_div_vjp),
        attrs={
            "log_target": Attr("bool", False),
            "reduction": Attr("str", "mean", choices=("mean", "batchmean", "sum", "none")),
        },
        back="minus each gradient times its target",
        linear_in=(0,),
        samples=(
            Sample((_LOGS, _CHANCES)), Sample((_LOGS, [[-1.0, -0.5, -2.0], [-0.25, -3.0, -1.5]]), {"log_target": True}),
            Sample((_LOGS, _CHANCES), {"reduction": "batchmean"}), Sample((_LOGS, _CHANCES), _NONE),
        ),
    ),
    _loss(
        "hinge_embedding",
        "The distance x itself where target is 1; where it is -1, by how much x is less than the margin.",
        operands=("x", "target"),
        forward=reduced(lambda xp, x, t, margin: xp.where(t == 1, x, xp.maximum(margin - x, 0))),
        vjp=spread(_hinge_vjp),
        attrs={"margin": Attr("float", 1.0), **REDUCTION},
        kinds=("f", "fi"),
        conventions=conventions.at_margin("slope"),
        kink="the derivative at the margin is taken to be -1",
        samples=(Sample((ROWS, _SIDES)), Sample((ROWS, [[1, -1, -1], [-1, 1, -1]]), {"margin": 2.0, **_NONE})),
    ),
)  # fmt: skip
