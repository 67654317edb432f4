"""PyTorch's layers, losses and attention in the language of scenarios."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.opinfo_entries import entry, op, refuse


def optional(*xs: Any) -> list[Any]:
    """The operands up to the last that is given; numbers stand for those left out before it."""
    given = list(xs)
    while given and given[-1] is None:
        given.pop()
    return given


@entry("nn.functional.layer_norm")
def layer_norm(x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    return op("layer_norm", *scaled(x, weight, bias), axis=tuple(range(-len(shape), 0)), eps=eps)


def scaled(x: Any, weight: Any, bias: Any) -> list[Any]:
    return optional(x, 1 if weight is None and bias is not None else weight, bias)


@entry("nn.functional.rms_norm")
def rms_norm(x: Any, shape: Any, weight: Any = None, eps: Any = None) -> Any:
    import torch

    eps = torch.finfo(torch.float64).eps if eps is None else eps
    return op("rms_norm", *optional(x, weight), axis=tuple(range(-len(shape), 0)), eps=eps)


@entry("nn.functional.group_norm")
def group_norm(x: Any, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    return op("group_norm", *scaled(x, weight, bias), groups=groups, eps=eps)


@entry("nn.functional.batch_norm")
def batch_norm(x: Any, mean: Any, var: Any, weight: Any = None, bias: Any = None, training: bool = False,
               momentum: float = 0.1, eps: float = 1e-5) -> Any:  # fmt: skip
    refuse(not x.t.numel(), "no cells")
    if training or mean is None:
        return op("batch_norm", *scaled(x, weight, bias), eps=eps)
    one, zero = (1, 0)
    return op("batch_norm", x, one if weight is None else weight, zero if bias is None else bias, mean, var, eps=eps)


@entry("nn.functional.instance_norm")
def instance_norm(x: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
                  use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5) -> Any:  # fmt: skip
    refuse(not use_input_stats, "given statistics")
    return op("instance_norm", *scaled(x, weight, bias), eps=eps)


@entry("nn.functional.scaled_dot_product_attention")
def attention(q: Any, k: Any, v: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
              scale: Any = None, enable_gqa: bool = False) -> Any:  # fmt: skip
    refuse(dropout_p, "a drawn dropout")
    refuse(enable_gqa and q.t.shape[-3] != k.t.shape[-3], "heads in groups: repeat(k, 2, axis=-3)")
    return op("scaled_dot_product_attention", *optional(q, k, v, attn_mask), causal=is_causal, scale=scale)


# --- losses


@entry("nn.functional.mse_loss")
def mse(x: Any, t: Any, reduction: str = "mean", weight: Any = None, **more: Any) -> Any:
    refuse(weight is not None or tuple(x.t.shape) != tuple(t.t.shape), "weights")
    return op("mse", x, t, reduction=reduction)


@entry("nn.functional.l1_loss")
def l1(x: Any, t: Any, reduction: str = "mean", weight: Any = None, **more: Any) -> Any:
    refuse(weight is not None, "weights")
    refuse(not x.t.dtype.is_floating_point, "integers")
    return op("l1", x, t, reduction=reduction)


@entry("nn.functional.smooth_l1_loss")
def smooth_l1(x: Any, t: Any, reduction: str = "mean", beta: float = 1.0, **more: Any) -> Any:
    if beta == 0:
        return op("l1", x, t, reduction=reduction)
    return op("smooth_l1", x, t, reduction=reduction, beta=float(beta))


@entry("nn.functional.huber_loss")
def huber(x: Any, t: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None, **more: Any) -> Any:
    refuse(weight is not None, "weights")
    return op("huber", x, t, reduction=reduction, delta=float(delta))


@entry("nn.functional.kl_div")
def kl_div(x: Any, t: Any, reduction: str = "mean", log_target: bool = False, **more: Any) -> Any:
    if reduction == "batchmean":
        return op("div", op("kl_div", x, t, reduction="sum", log_target=log_target), x.t.shape[0])
    return op("kl_div", x, t, reduction=reduction, log_target=log_target)


@entry("nn.functional.binary_cross_entropy")
def bce(p: Any, t: Any, weight: Any = None, reduction: str = "mean", **more: Any) -> Any:
    return op("bce", *optional(p, t, weight), reduction=reduction)


@entry("nn.functional.binary_cross_entropy_with_logits")
def bce_with_logits(z: Any, t: Any, weight: Any = None, pos_weight: Any = None, reduction: str = "mean",
                    **more: Any) -> Any:  # fmt: skip
    weight = 1 if weight is None and pos_weight is not None else weight
    return op("bce_with_logits", *optional(z, t, weight, pos_weight), reduction=reduction)


@entry("nn.functional.hinge_embedding_loss")
def hinge_embedding(x: Any, t: Any, margin: float = 1.0, reduction: str = "mean", **more: Any) -> Any:
    return op("hinge_embedding", x, t, margin=float(margin), reduction=reduction)


@entry("nn.functional.cosine_embedding_loss")
def cosine_embedding(a: Any, b: Any, t: Any, margin: float = 0.0, reduction: str = "mean", **more: Any) -> Any:
    return op("cosine_embedding", a, b, t, margin=float(margin), reduction=reduction)


@entry("nn.functional.triplet_margin_loss")
def triplet_margin(a: Any, p: Any, n: Any, margin: float = 1.0, reduction: str = "mean", eps: float = 1e-6,
                   swap: bool = False, **more: Any) -> Any:  # fmt: skip
    return op("triplet_margin", a, p, n, margin=float(margin), p=float(more.get("p", 2)), eps=eps, swap=swap,
              reduction=reduction)  # fmt: skip


@entry("nn.functional.multi_margin_loss")
def multi_margin(x: Any, t: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean",
                 **more: Any) -> Any:  # fmt: skip
    return op("multi_margin", *optional(x, t, weight), p=p, margin=float(margin), reduction=reduction)


def by_classes(x: Any) -> int:
    return 1 if x.t.ndim > 1 else 0


@entry("nn.functional.cross_entropy")
def cross_entropy(x: Any, t: Any, weight: Any = None, ignore_index: Any = None, reduction: str = "mean",
                  label_smoothing: float = 0.0, **more: Any) -> Any:  # fmt: skip
    ignore = -100 if ignore_index is None else ignore_index
    ignored = {} if t.t.dtype.is_floating_point else {"ignore_index": ignore}
    return op("cross_entropy", *optional(x, t, weight), axis=by_classes(x), label_smoothing=label_smoothing,
              reduction=reduction, **ignored)  # fmt: skip


@entry("nn.functional.nll_loss")
def nll(x: Any, t: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean", **more: Any) -> Any:
    return op("nll", *optional(x, t, weight), axis=by_classes(x), ignore_index=ignore_index, reduction=reduction)


# --- composed


@entry("nn.functional.normalize", composed=True)
def normalize(x: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    refuse(p <= 0, "an order that is not above 0")
    return op("div", x, op("clip", op("norm", x, axis=dim, keepdims=True, p=float(p)), min=eps, max=None))


@entry("nn.functional.margin_ranking_loss", composed=True)
def margin_ranking(a: Any, b: Any, t: Any, margin: float = 0.0, reduction: str = "mean", **more: Any) -> Any:
    return reduced(
        op("clip", op("add", op("mul", op("neg", t), op("sub", a, b)), margin), min=0.0, max=None), reduction
    )


@entry("nn.functional.soft_margin_loss", composed=True)
def soft_margin(x: Any, t: Any, reduction: str = "mean", **more: Any) -> Any:
    return reduced(op("softplus", op("mul", op("neg", t), x)), reduction)


@entry("nn.functional.poisson_nll_loss", composed=True)
def poisson_nll(x: Any, t: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8,
                reduction: str = "mean", **more: Any) -> Any:  # fmt: skip
    refuse(full, "Stirling's term")
    if log_input:
        return reduced(op("sub", op("exp", x), op("mul", t, x)), reduction)
    return reduced(op("sub", x, op("mul", t, op("log", op("add", x, eps)))), reduction)


def reduced(x: Any, reduction: str) -> Any:
    return x if reduction == "none" else op(reduction, x)


@entry("nn.functional.pairwise_distance", composed=True)
def pairwise_distance(a: Any, b: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    refuse(p <= 0, "an order that is not above 0")
    return op("norm", op("add", op("sub", a, b), eps), axis=-1, keepdims=keepdim, p=float(p))


@entry("nn.functional.cosine_similarity", composed=True)
def cosine_similarity(a: Any, b: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    both = np.broadcast_shapes(a.t.shape, b.t.shape)
    a, b = (x if tuple(x.t.shape) == both else op("broadcast_to", x, shape=both) for x in (a, b))
    lengths = [op("clip", op("norm", x, axis=dim, keepdims=True), min=eps, max=None) for x in (a, b)]
    return op("sum", op("mul", op("div", a, lengths[0]), op("div", b, lengths[1])), axis=dim)


@entry("nn.functional.pixel_shuffle", composed=True)
def pixel_shuffle(x: Any, upscale_factor: int) -> Any:
    r = upscale_factor
    *lead, c, h, w = x.t.shape
    k = len(lead)
    y = op("reshape", x, shape=(*lead, c // r**2, r, r, h, w))
    y = op("permute", y, axes=(*range(k), k, k + 3, k + 1, k + 4, k + 2))
    return op("reshape", y, shape=(*lead, c // r**2, h * r, w * r))


@entry("nn.functional.pixel_unshuffle", composed=True)
def pixel_unshuffle(x: Any, downscale_factor: int) -> Any:
    r = downscale_factor
    *lead, c, h, w = x.t.shape
    k = len(lead)
    y = op("reshape", x, shape=(*lead, c, h // r, r, w // r, r))
    y = op("permute", y, axes=(*range(k), k, k + 2, k + 4, k + 1, k + 3))
    return op("reshape", y, shape=(*lead, c * r**2, h // r, w // r))


@entry("nn.functional.bilinear", composed=True)
def bilinear(a: Any, b: Any, w: Any, bias: Any = None) -> Any:
    made = op("einsum", a, w, b, equation="...i,kij,...j->...k")
    return made if bias is None else op("add", made, bias)
