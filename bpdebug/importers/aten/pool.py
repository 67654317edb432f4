"""Windows: pooling, and images made larger or smaller."""

from __future__ import annotations

from typing import Any

from bpdebug.importers.aten.table import RULES
from bpdebug.importers.lowering import Lowering, Operand, Rule, refuse
from bpdebug.importers.steps import pair
from bpdebug.ops.resize import NEAREST


def _windows(op: str, count: int, *more: str) -> Rule:
    """A pooling over the last `count` axes; a single image has no axis of a batch. `more`: what follows its padding."""

    def apply(c: Lowering, x: Operand, size: Any, stride: Any = (), padding: Any = 0, *given: Any) -> Operand:
        attrs: dict[str, Any] = {k: pair(v, count) if k == "dilation" else v for k, v in zip(more, given, strict=False)}
        attrs |= {"size": pair(size, count), "padding": pair(padding, count)}
        batch = c.emit("expand_dims", x, axis=0) if x.rank == count + 1 else x
        return c.reshape(c.emit(op, batch, **attrs, stride=pair(stride or size, count)), c.shape)

    return apply


def _parts(op: str, count: int) -> Rule:
    """A pooling of equal parts of the last `count` axes; of one part a mean, as people would write it."""

    def apply(c: Lowering, x: Operand, size: Any) -> Operand:
        parts = c.shape[-count:]
        if op.startswith("adaptive_avg") and set(parts) == {1}:
            return c.emit("mean", x, name=op, axis=tuple(range(-count, 0)), keepdims=True)
        batch = c.emit("expand_dims", x, axis=0) if x.rank == count + 1 else x
        return c.reshape(c.emit(op, batch, size=parts), c.shape)

    return apply


def _first(rule: Rule) -> Rule:
    """A rule of a call that gives places beside its result, through which no gradient passes."""
    return lambda c, *given, **more: [rule(c, *given, **more), None]


for d in (1, 2, 3):
    _max = _windows(f"max_pool{d}d", d, "dilation", "ceil_mode")
    _counts = ("ceil_mode", "count_include_pad", "divisor_override")
    _mean = _parts(f"adaptive_avg_pool{d}d", d)
    RULES |= {
        f"max_pool{d}d.default": _max,
        f"max_pool{d}d_with_indices.default": _first(_max),
        f"avg_pool{d}d.default": _windows(f"avg_pool{d}d", d, *_counts),
        f"adaptive_avg_pool{d}d.default": _mean,
        f"adaptive_max_pool{d}d.default": _first(_parts(f"adaptive_max_pool{d}d", d)),
    }
    if d > 1:
        RULES[f"_adaptive_avg_pool{d}d.default"] = _mean


def _resize(mode: str) -> Rule:
    """An image in the size of the call's output; scales that make no whole number of cells move where each is taken.

    aten gives scales as a list or one after the other, in the linear modes behind `align_corners`.
    """

    def apply(c: Lowering, x: Operand, size: Any, *given: Any) -> Operand:
        corners, *scales = (False, *given) if mode in NEAREST else given
        flat = [s for s in (scales[0] if scales and isinstance(scales[0], list | tuple) else scales) if s is not None]
        if corners or all(n * s == w for n, s, w in zip(x.shape[2:], flat, c.shape[2:], strict=False)):
            return c.emit("interpolate", x, size=c.shape[2:], mode=mode, align_corners=corners)
        refuse(len(set(flat)) == 1, "a scale for each axis")
        return c.emit("interpolate", x, scale=float(flat[0]), mode=mode)

    return apply


for d, _linear in enumerate(("linear", "bilinear", "trilinear"), 1):
    for _name, _mode in (("upsample_nearest", "nearest"), ("_upsample_nearest_exact", "nearest-exact"),
                         (f"upsample_{_linear}", _linear)):  # fmt: skip
        RULES |= dict.fromkeys((f"{_name}{d}d.vec", f"{_name}{d}d.default"), _resize(_mode))
RULES |= dict.fromkeys(("upsample_bicubic2d.vec", "upsample_bicubic2d.default"), _resize("bicubic"))
