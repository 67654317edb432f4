"""Every op's value and gradients against PyTorch's autograd, in float64 on random numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest

from bpdebug.ops import OPS
from bpdebug.symbolic.prims import NUMPY

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
F = torch.nn.functional

Spec = tuple[int, ...] | Callable[[np.random.Generator], Any] | int | float


@dataclass(frozen=True)
class Case:
    """A call: shapes of normal operands (or what draws one, or a literal), attributes, PyTorch's word."""

    op: str
    inputs: tuple[Spec, ...]
    torch: Callable[..., Any]
    attrs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.op, *("x".join(map(str, i)) for i in self.inputs if isinstance(i, tuple))])


def positive(*shape: int) -> Spec:
    return lambda rng: rng.uniform(0.2, 3.0, size=shape)


def share(*shape: int) -> Spec:
    return lambda rng: rng.uniform(0.05, 0.95, size=shape)


def ids(size: int, *shape: int) -> Spec:
    return lambda rng: rng.integers(0, size, size=shape)


def mask(*shape: int) -> Spec:
    return lambda rng: rng.uniform(size=shape) < 0.5


def on(name: str, method: Callable[..., Any], *shapes: Any, **attrs: Any) -> list[Case]:
    """Cases of one op: `shapes` are operand tuples, or single shapes of a unary op."""
    return [Case(name, s if s and not isinstance(s[0], int) else (s,), method, attrs) for s in shapes]


def named(names: tuple[str, ...], *shapes: Any) -> list[Case]:
    """Cases of ops that PyTorch calls by the same name."""
    return [case for name in names for case in on(name, getattr(torch, name), *shapes)]


UNARY = ((3,), (2, 3), (4, 1, 5), ())
PAIRS = (((2, 3), (2, 3)), ((2, 3), (3,)), ((4, 1, 3), (2, 1)), ((), (2, 3)), ((2, 3), ()))
ALL = (None, None, None)
AXES: tuple[Any, ...] = (None, 0, -1, (0, 2), (1, 0))


EQUATIONS: list[Any] = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ij,kj->ki", (2, 3), (4, 3)), ("ba,b", (2, 3), (2,)),
    ("ij,j->i", (2, 3), (3,)), ("i,ij->j", (2,), (2, 3)), ("i,j->ij", (2,), (3,)), ("i,j->ji", (2,), (3,)),
    ("i,i->", (3,), (3,)), ("i,i->i", (3,), (3,)), ("ij,ij->", (2, 3), (2, 3)), ("bi,bi->b", (2, 3), (2, 3)),
    ("ij->ji", (2, 3)), ("ij->", (2, 3)), ("ij->j", (2, 3)), ("ii->i", (3, 3)), ("ii->", (3, 3)), ("iji->j", (3, 2, 3)),
    ("iii->i", (3, 3, 3)), ("iij,jk->ki", (3, 3, 2), (2, 4)), ("bij,bjk->bik", (5, 2, 3), (5, 3, 4)),
    ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)), ("bhqk,bkhd->bqhd", (2, 2, 3, 5), (2, 5, 2, 4)),
    ("...ij,...jk->...ik", (5, 2, 3), (5, 3, 4)), ("...ij,jk->...ik", (5, 6, 2, 3), (3, 4)), ("i...->...", (2, 3, 4)),
    ("...ij,...jk->...ik", (5, 1, 2, 3), (6, 3, 4)), ("ij,ij->ij", (2, 1), (2, 3)), ("ij,jk->ik", (2, 1), (3, 4)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)), ("i,ij,j->", (2,), (2, 3), (3,)), ("a,b,c->cab", (2,), (3,), (4,)),
    ("ijk,ljm,kl->im", (2, 3, 4), (5, 3, 2), (4, 5)), ("abc,cd,e->abde", (2, 3, 4), (4, 2), (3,)),
    (" i j , j k -> k i", (2, 3), (3, 4)),
    ("ijk,jil->kl", (2, 3, 4), (3, 2, 5)), ("ab,cd->abcd", (2, 3), (4, 5)), ("ab,cd->", (2, 3), (4, 5)),
    ("ab,ca->cb", (2, 0), (3, 2)),
    ("ij,jk->ik", (2, 0), (0, 3)), (",ij->ij", (), (2, 3)), ("->", ()), ("ijkl,klmn->ijmn", (2, 3, 2, 2), (2, 2, 3, 2)),
]  # fmt: skip


def reduced(losses: Any, reduction: str) -> Any:
    return {"mean": losses.mean, "sum": losses.sum, "none": lambda: losses}[reduction]()


def reductions() -> list[Case]:
    found = []
    for axis in AXES:
        for keep in (False, True):
            every = (0, 1, 2) if axis is None else axis
            for name, word in {
                "sum": lambda x, a=every, k=keep: torch.sum(x, dim=a, keepdim=k),
                "mean": lambda x, a=every, k=keep: torch.mean(x, dim=a, keepdim=k),
                "max": lambda x, a=every, k=keep: torch.amax(x, dim=a, keepdim=k),
                "min": lambda x, a=every, k=keep: torch.amin(x, dim=a, keepdim=k),
                "std": lambda x, a=every, k=keep: torch.std(x, dim=a, correction=0, keepdim=k),
                "norm": lambda x, a=every, k=keep: torch.linalg.vector_norm(x, dim=a, keepdim=k),
                "var": lambda x, a=every, k=keep: torch.var(x, dim=a, correction=0, keepdim=k),
                "logsumexp": lambda x, a=every, k=keep: torch.logsumexp(x, dim=a, keepdim=k),
            }.items():
                found.append(Case(name, ((2, 3, 4),), word, {"axis": axis, "keepdims": keep}))
    for p in (1, 3, math.inf, 2):
        for x in ((2, 3, 4), with_zeros(2, 2, 3)):
            found.append(
                Case("norm", (x,), partial(torch.linalg.vector_norm, ord=p, dim=1), {"axis": 1, "p": float(p)})
            )
    found += on("std", lambda x: torch.std(x, dim=1, correction=1), (3, 5), axis=1, ddof=1)
    found += on("std", lambda x: torch.std(x, dim=1, correction=0), (with_zeros(2, 2, 3),), axis=1)
    found += on("var", lambda x: torch.var(x, dim=1, correction=1), (3, 5), axis=1, ddof=1)
    for axis in (0, 1, -1):
        found += on("softmax", lambda x, a=axis: F.softmax(x, dim=a), (2, 3, 4), axis=axis)
        found += on("log_softmax", lambda x, a=axis: F.log_softmax(x, dim=a), (2, 3, 4), axis=axis)
    return found


def with_zeros(zeros: int, *shape: int) -> Spec:
    """Normal numbers, with so many zeros along the first axis."""

    def drawn(rng: np.random.Generator) -> Any:
        x = rng.normal(size=shape)
        x[:zeros] = 0
        return rng.permutation(x)

    return drawn


def scans(axis: int) -> list[Case]:
    at = {"axis": axis}
    found = on("cumsum", lambda x: torch.cumsum(x, axis), (2, 3, 4), **at)
    for x in ((2, 3, 4), with_zeros(1, 4, 4), with_zeros(2, 4, 4)):
        found += on("cumprod", lambda x: torch.cumprod(x, axis), (x,), **at)
    found += on("cummax", lambda x: torch.cummax(x, axis)[0], (2, 3, 4), (with_zeros(2, 4, 4),), **at)
    for down in (False, True):
        attrs = {**at, "descending": down}
        word = {"dim": axis, "descending": down, "stable": True}
        found += on("sort", lambda x, w=word: torch.sort(x, **w)[0], (2, 3, 4), **attrs)
        found += on("argsort", lambda x, w=word: torch.argsort(x, **w), (2, 3, 4), **attrs)
    return found


def losses() -> list[Case]:
    found = []
    for reduction in ("mean", "sum", "none"):
        r = {"reduction": reduction}
        found += [
            Case("cross_entropy", ((5, 3), ids(3, 5)), lambda x, t, r=r: F.cross_entropy(x, t, **r), r),
            Case("cross_entropy", ((5, 3), share(5, 3)), lambda x, t, r=r: F.cross_entropy(x, t, **r), r),
            Case(
                "cross_entropy",
                ((2, 4, 3), ids(3, 2, 4)),
                lambda x, t, r=r: reduced(F.cross_entropy(x.mT, t, reduction="none"), r["reduction"]),
                r,
            ),
            Case("cross_entropy", ((3,), ids(3)), lambda x, t, r=r: F.cross_entropy(x, t, **r), r),
            Case("nll", ((5, 3), ids(3, 5)), lambda x, t, r=r: F.nll_loss(x, t, **r), r),
            Case("nll", ((2, 4, 3), ids(3, 2, 4)), lambda x, t, r=r: F.nll_loss(x.mT, t, **r), r),
            Case("bce_with_logits", ((4, 3), share(4, 3)),
                 lambda x, t, r=r: F.binary_cross_entropy_with_logits(x, t, **r), r),
            Case("mse", ((4, 3), (4, 3)), lambda x, t, r=r: F.mse_loss(x, t, **r), r),
            # PyTorch's own has no derivative for the target
            Case("bce", (share(4, 3), share(4, 3)),
                 lambda p, t, r=r: reduced(-(t * p.log() + (1 - t) * (-p).log1p()), r["reduction"]), r),
        ]  # fmt: skip
        found += weighed(reduction) + distances(reduction)
    return found


def held(theirs: Any, spelled: Any) -> Any:
    """A loss as PyTorch has it, with its gradients; its weights, which have none there, get those of it spelled out."""

    def word(x: Any, t: Any, *weights: Any) -> Any:
        y = theirs(x, t, *(w.detach() for w in weights))
        if weights:
            with torch.no_grad():
                torch.testing.assert_close(spelled(x, t, *weights), y, equal_nan=True, rtol=1e-11, atol=1e-13)
            more = (
                spelled(x.detach(), t.detach(), *weights) if y.isfinite().all() else 0 * sum(w.sum() for w in weights)
            )
            y = y + (more - more.detach())
        return y

    return word


def weighed(reduction: str) -> list[Case]:
    """Losses with weights of cells, of classes, of what is true; with classes on any axis, passed over, smoothed."""
    r: dict[str, Any] = {"reduction": reduction}
    logits, sums = F.binary_cross_entropy_with_logits, partial(reduced, reduction=reduction)

    def bce(p: Any, t: Any, w: Any) -> Any:
        return sums(w * F.binary_cross_entropy(p, t, reduction="none"))

    def positive_bce(z: Any, t: Any, w: Any, c: Any) -> Any:
        return sums(w * (c * t * F.softplus(-z) + (1 - t) * F.softplus(z)))

    found = []
    for w in ((3,), (4, 3), (4, 1)):
        found.append(Case("bce", (share(4, 3), share(4, 3), positive(*w)),
                          held(lambda p, t, w: F.binary_cross_entropy(p, t, w, **r), bce), r))  # fmt: skip
        found.append(
            Case(
                "bce_with_logits",
                ((4, 3), share(4, 3), positive(*w)),
                held(lambda z, t, w: logits(z, t, w, **r), lambda z, t, w: positive_bce(z, t, w, 1)),
                r,
            )
        )
        found.append(Case("bce_with_logits", ((4, 3), share(4, 3), 1, positive(*w)),
                          lambda z, t, _, c: held(lambda z, t, c: logits(z, t, pos_weight=c, **r),
                                                  lambda z, t, c: positive_bce(z, t, 1, c))(z, t, c), r))  # fmt: skip
        found.append(
            Case(
                "bce_with_logits",
                ((4, 3), share(4, 3), positive(*w), positive(3)),
                held(lambda z, t, w, c: logits(z, t, w, pos_weight=c, **r), positive_bce),
                r,
            )
        )
    for (shape, axis), weight, ignored, smooth in product(
        (((5, 3), -1), ((2, 3, 4), 1), ((3, 2, 2), 0)), (False, True), (None, -100, 1), (0.0, 0.1)
    ):
        found += class_losses(shape, axis, weight, ignored, smooth, r)
    return found


def class_losses(
    shape: tuple[int, ...], axis: int, weight: bool, ignored: int | None, smooth: float, r: dict[str, Any]
) -> list[Case]:
    """Cross entropy of classes and of shares, and nll; where classes are passed over, once all of them."""
    rows = tuple(n for a, n in enumerate(shape) if a != axis % len(shape))
    weights = (positive(3),) if weight else ()
    attrs = {**r, "axis": axis, "ignore_index": ignored}
    turn: Callable[[Any], Any] = lambda x: x.movedim(axis, 1)  # noqa: E731 - a word
    options = {**r, "ignore_index": -1 if ignored is None else ignored}

    def ce(x: Any, t: Any, *w: Any) -> Any:
        return F.cross_entropy(turn(x), t, *w, label_smoothing=smooth, **options)

    def nll(x: Any, t: Any, *w: Any) -> Any:
        return F.nll_loss(turn(x), t, *w, **options)

    def spelled(low: Any, t: Any, w: Any) -> Any:
        kept = t != options["ignore_index"]
        each = F.one_hot(torch.where(kept, t, 0), 3).double()
        total = -((each * (1 - smooth) + smooth / 3) * w * low.movedim(axis, -1)).sum(-1) * kept
        return total.sum() / (each * w).sum(-1)[kept].sum() if r["reduction"] == "mean" else reduced(total, **r)

    some: list[Spec] = [lambda rng: rng.choice([0, 1, 2] if ignored is None else [0, 2, ignored], rows)]
    if ignored is not None:
        some.append(lambda rng: np.full(rows, ignored))
    made = [Case("cross_entropy", (shape, ids, *weights),
                 held(ce, lambda x, t, w: spelled(x.log_softmax(axis), t, w)), {**attrs, "label_smoothing": smooth})
            for ids in some]  # fmt: skip
    if not smooth:
        made += [Case("nll", (shape, ids, *weights), held(nll, spelled), attrs) for ids in some]
    if ignored is None:
        soft = {**attrs, "label_smoothing": smooth}
        made.append(Case("cross_entropy", (shape, share(*shape), *weights), lambda x, t, *w: ce(x, turn(t), *w), soft))
    return made


def sides(*shape: int) -> Spec:
    return lambda rng: rng.choice([-1.0, 1.0], shape)


def distances(reduction: str) -> list[Case]:
    """Losses of differences, of divergence, of margins; at their corners too."""
    r = {"reduction": reduction}
    same: Spec = lambda rng: np.array([[0.5, -1.0, 2.0], [1.0, 0.0, 0.25]])  # noqa: E731 - a spec
    found = []
    for xs in (((4, 3), (4, 3)), (same, same), ((), ())):
        found.append(Case("l1", xs, partial(F.l1_loss, **r), r))
        for beta in (1.0, 0.5, 0.0):
            found.append(Case("smooth_l1", xs, partial(F.smooth_l1_loss, beta=beta, **r), {"beta": beta, **r}))
        for delta in (1.0, 0.5):
            found.append(Case("huber", xs, partial(F.huber_loss, delta=delta, **r), {"delta": delta, **r}))
    for way in dict.fromkeys((reduction, "batchmean")):
        attrs: dict[str, Any] = {"reduction": way}
        found.append(Case("kl_div", ((4, 3), share(4, 3)), partial(F.kl_div, **attrs), attrs))
        log = {**attrs, "log_target": True}
        found.append(Case("kl_div", ((4, 3), (4, 3)), partial(F.kl_div, **log), log))
    for margin in (1.0, 0.25):
        m = {"margin": margin, **r}
        found.append(Case("hinge_embedding", ((4, 3), sides(4, 3)), partial(F.hinge_embedding_loss, **m), m))
        found.append(Case("hinge_embedding", (same, sides(2, 3)), partial(F.hinge_embedding_loss, **m), m))
        found.append(Case("cosine_embedding", ((5, 3), (5, 3), sides(5)), partial(F.cosine_embedding_loss, **m), m))
        found.append(Case("cosine_embedding", ((3,), (3,), sides()), partial(F.cosine_embedding_loss, **m), m))
        found.append(Case("cosine_embedding", (same, same, sides(2)), partial(F.cosine_embedding_loss, **m), m))
        found += margins(m)
        for p, swap in product((2.0, 1.0, 3.0), (False, True)):
            t = {**m, "p": p, "swap": swap}
            found.append(Case("triplet_margin", ((5, 3),) * 3, partial(F.triplet_margin_loss, **t), t))
            found.append(Case("triplet_margin", (same, (2, 3), same), partial(F.triplet_margin_loss, **t), t))
    return found


def margins(m: dict[str, Any]) -> list[Case]:
    found = []
    whole: Spec = lambda rng: rng.integers(0, 3, (5, 3)).astype(float)  # noqa: E731 - a spec with many a tie

    def spelled(x: Any, t: Any, w: Any, p: int = 1) -> Any:
        missing = (m["margin"] - x.gather(-1, t[..., None]) + x).clamp(min=0) ** p * (1 - F.one_hot(t, x.shape[-1]))
        return reduced(missing.sum(-1) / x.shape[-1] * w[t], m["reduction"])

    for p in (1, 2):
        attrs = {**m, "p": p}
        for x in ((5, 3), whole):
            word = held(lambda x, t, *w, a=attrs: F.multi_margin_loss(x, t, weight=w[0] if w else None, **a),
                        partial(spelled, p=p))  # fmt: skip
            found += [Case("multi_margin", (x, ids(3, 5)), word, attrs)]
            found += [Case("multi_margin", (x, ids(3, 5), positive(3)), word, attrs)]
        found += [Case("multi_margin", ((4,), ids(4)), word, attrs)]
    return found


def convolutions() -> list[Case]:
    found = []
    attrs: dict[str, Any]
    x: tuple[int, ...]
    w: tuple[int, ...]
    for x, w, attrs in (
        ((2, 3, 8), (4, 3, 3), {}),
        ((1, 4, 9), (6, 2, 3), {"stride": 2, "padding": 1, "dilation": 2, "groups": 2}),
        ((2, 3, 7), (3, 1, 2), {"groups": 3}),
    ):
        found.append(Case("conv1d", (x, w), lambda x, w, a=attrs: F.conv1d(x, w, **a), attrs))
        found.append(Case("conv1d", (x, w, w[:1]), lambda x, w, b, a=attrs: F.conv1d(x, w, b, **a), attrs))
    for x, w, attrs in (
        ((2, 3, 6, 5), (4, 3, 3, 2), {}),
        ((1, 4, 9, 8), (2, 4, 3, 3), {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}),
        ((2, 4, 5, 6), (6, 2, 2, 3), {"stride": 2, "padding": 1, "groups": 2}),
        ((1, 2, 4, 3), (3, 2, 1, 1), {"padding": 1}),
    ):
        found.append(Case("conv2d", (x, w), lambda x, w, a=attrs: F.conv2d(x, w, **a), attrs))
        found.append(Case("conv2d", (x, w, w[:1]), lambda x, w, b, a=attrs: F.conv2d(x, w, b, **a), attrs))
    for x, w, attrs in (
        ((2, 3, 4, 5, 6), (4, 3, 2, 3, 2), {}),
        (
            (1, 4, 5, 6, 4),
            (2, 2, 3, 2, 1),
            {"stride": (2, 1, 1), "padding": (1, 0, 2), "dilation": (1, 2, 1), "groups": 2},
        ),
    ):
        found.append(Case("conv3d", (x, w), lambda x, w, a=attrs: F.conv3d(x, w, **a), attrs))
        found.append(Case("conv3d", (x, w, w[:1]), lambda x, w, b, a=attrs: F.conv3d(x, w, b, **a), attrs))
    for padding, rank, size, dilation in product(("same", "valid"), (1, 2, 3), (2, 3), (1, 2)):
        attrs = {"padding": padding, "dilation": dilation}
        same = lambda x, w, r=rank, a=attrs: getattr(F, f"conv{r}d")(x, w, **a)  # noqa: E731 - one line in a table
        found.append(Case(f"conv{rank}d", ((2, 3, *(5, 6, 7)[:rank]), (4, 3, *(size,) * rank)), same, attrs))
    for widths in (((1, 0), (0, 2)), ((2, 1), (1, 1))):
        around = [n for pair in reversed(widths) for n in pair]
        wide = lambda x, w, a=around: F.conv2d(F.pad(x, a), w, stride=2)  # noqa: E731 - one line in a table
        found.append(Case("conv2d", ((2, 3, 5, 6), (4, 3, 3, 2)), wide, {"padding": widths, "stride": 2}))
    return found + transposed()


def transposed() -> list[Case]:
    """Transposed convolutions in all their attributes."""
    found = []
    for rank, groups in product((1, 2, 3), (1, 2)):
        x, w = (2, 4, *(5, 3, 2)[:rank]), (4, 3, *(3, 2, 1)[:rank])
        some: list[dict[str, Any]] = [
            {}, {"stride": 2}, {"stride": 3, "padding": 1, "output_padding": 2},
            {"stride": (2, 3, 1)[:rank], "dilation": 2}, {"padding": (2, 1, 0)[:rank], "dilation": (2, 3, 1)[:rank]},
            {"stride": (3, 1, 2)[:rank], "output_padding": (1, 0, 1)[:rank]},
            {"stride": 2, "dilation": (4, 3, 3)[:rank], "padding": (1, 4, 0)[:rank],
             "output_padding": (3, 2, 1)[:rank]},
            {"dilation": 3, "output_padding": 2},
        ]  # fmt: skip
        for attrs in some:
            given = {**attrs, "groups": groups}
            word = lambda *xs, r=rank, a=given: getattr(F, f"conv_transpose{r}d")(*xs, **a)  # noqa: E731 - a word
            found.append(Case(f"conv_transpose{rank}d", (x, w), word, given))
            found.append(Case(f"conv_transpose{rank}d", (x, w, (3 * groups,)), word, given))
    return found


def called(name: str, *args: Any, **attrs: Any) -> Callable[[Any], Any]:
    return lambda x: getattr(F, name)(x, *args, **attrs)


def pools() -> list[Case]:
    """Pools in one, two and three dimensions: last windows that begin inside, dilated, padded; parts of odd sizes."""
    found = []
    for rank in (1, 2, 3):
        x = (2, 3, *(7, 6, 5)[:rank])
        some: list[tuple[Any, dict[str, Any]]] = [
            (2, {}), (3, {"stride": 2, "padding": 1}), ((3, 2, 1)[:rank], {"stride": (2, 1, 3)[:rank]}),
            ((2, 3, 2)[:rank], {"padding": (1, 0, 1)[:rank], "stride": 3}), (4, {"stride": 3, "padding": 2}),
        ]  # fmt: skip
        for (size, attrs), ceil in product(some, (False, True)):
            a = {**attrs, "ceil_mode": ceil}
            found.append(Case(f"max_pool{rank}d", (x,), called(f"max_pool{rank}d", size, **a), {"size": size, **a}))
            for more in ({}, {"count_include_pad": False}, {"divisor_override": 5})[: 2 + (rank > 1)]:
                b = {**a, **more}
                found.append(Case(f"avg_pool{rank}d", (x,), called(f"avg_pool{rank}d", size, **b), {"size": size, **b}))
        for dilation, ceil in product((2, (1, 2, 3)[:rank]), (False, True)):
            a = {"stride": 2, "padding": 1, "dilation": dilation, "ceil_mode": ceil}
            found.append(Case(f"max_pool{rank}d", (x,), called(f"max_pool{rank}d", 2, **a), {"size": 2, **a}))
        for size, kind in product((1, 2, 3, (7, 3, 5)[:rank], 8), ("avg", "max")):
            name = f"adaptive_{kind}_pool{rank}d"
            found.append(Case(name, (x,), called(name, size), {"size": size}))
            found.append(Case(name, ((0, *x[1:]),), called(name, size), {"size": size}))
    return found


def repeated(*times: int, **dim: int) -> Callable[[Any], Any]:
    return lambda x: x.repeat_interleave(torch.tensor(times), **dim)


def resizes() -> list[Case]:
    """Larger and smaller, by sizes and by scales, that fit and that do not, to a single cell and from one."""
    found = []
    for x, rank in (((2, 3, 5), 1), ((2, 1, 5, 4), 2), ((1, 2, 3, 4, 2), 3), ((2, 1, 1, 7), 2)):
        plain = ("nearest", "nearest-exact", "area")
        for mode in (*plain, *{1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}[rank]):
            sizes: list[dict[str, Any]] = [{"size": 6}, {"size": (7, 2, 3)[:rank]}, {"size": 1}, {"size": x[2:]}]
            sizes += [{"scale": s} for s in (2.0, 1.5, 1.0, 2.7, 1.05)]
            for attrs, corners in product(sizes, (False, True)):
                # of five cells PyTorch 2.13 makes five others by a scale of 1.05, in lines and volumes, not in images
                # and where there are as many, its bicubic has other values, and passes gradients on as if it had not
                odd = attrs.get("scale") == 1.05 and (not corners if mode == "bicubic" else rank != 2)
                if not (odd and mode in (*plain, "bicubic")) and not (corners and mode in plain):
                    words = {"size": attrs.get("size"), "scale_factor": attrs.get("scale"), "mode": mode}
                    theirs = called("interpolate", **words, align_corners=None if mode in plain else corners)
                    found.append(Case("interpolate", (x,), theirs, {**attrs, "mode": mode, "align_corners": corners}))
    for size in range(1, 60):
        for mode in ("nearest", "nearest-exact"):
            theirs = called("interpolate", size, mode=mode)
            found.append(Case("interpolate", ((1, 1, 29),), theirs, {"size": size, "mode": mode}))
    return found


def columns() -> list[Case]:
    found = []
    for attrs in ({"size": 2}, {"size": (3, 2), "stride": (1, 2), "padding": (1, 0), "dilation": (1, 2)}):
        words = {"kernel_size": attrs["size"], **{k: v for k, v in attrs.items() if k != "size"}}
        found.append(Case("im2col", ((2, 3, 5, 6),), lambda x, a=words: F.unfold(x, **a).mT, attrs))
    return found


def batch_norm(x: Any, *scales: Any, eps: float = 1e-5) -> Any:
    return F.batch_norm(x, None, None, *scales, training=True, eps=eps)


def layer_norm(x: Any, *scales: Any) -> Any:
    return F.layer_norm(x, (4,), *scales)


def norms() -> list[Case]:
    """Over several axes; with a bias alone; groups, instances; statistics that are given, which have gradients here."""
    found = []
    for axes in ((-2, -1), (1, 2, 3), (0, 1, 2, 3), (-1,)):
        shape = (2, 3, 4, 5)[-len(axes) :]
        rows = lambda x, *s, n=shape, eps=1e-5: F.layer_norm(x, n, *s, eps=eps)  # noqa: E731 - a word
        for scales in ((), (shape,), (shape, shape)):
            found.append(Case("layer_norm", ((2, 3, 4, 5), *scales), rows, {"axis": axes}))
            if len(scales) < 2:
                word = lambda x, *s, n=shape: F.rms_norm(x, n, *s, eps=0.3)  # noqa: E731 - a word
                found.append(Case("rms_norm", ((2, 3, 4, 5), *scales), word, {"axis": axes, "eps": 0.3}))
        bias = lambda x, _, b, n=shape: F.layer_norm(x, n, None, b)  # noqa: E731 - a word
        found.append(Case("layer_norm", ((2, 3, 4, 5), 1, shape), bias, {"axis": axes}))
    some: tuple[tuple[Spec, ...], ...] = ((), ((4,),), ((4,), (4,)), (1, (4,)))
    for x, given in product(((3, 4), (2, 4, 5), (2, 4, 3, 2), (1, 4, 2, 3, 2)), some):
        for groups in (1, 2, 4):
            # a bias alone has no backward pass in PyTorch 2.13
            if len(x) > 2 or groups < 4:
                found.append(Case("group_norm", (x, *given),
                                  lambda x, g=None, b=None, n=groups: F.group_norm(x, n, ones(g), b),
                                  {"groups": groups}))  # fmt: skip
        if len(x) > 2:
            found.append(Case("instance_norm", (x, *given),
                              lambda x, g=None, b=None: F.instance_norm(x, None, None, tensor(g), b)))  # fmt: skip
        found.append(Case("batch_norm", (x, *given), lambda x, g=None, b=None: batch_norm(x, tensor(g), b)))
        for eps in (1e-5, 0.3):
            both = (*given, *(1, 0)[len(given) :])
            found.append(Case("batch_norm", (x, *both, (4,), positive(4)), partial(evaluated, eps=eps), {"eps": eps}))
    return found


def ones(scale: Any) -> Any:
    """A scale, ones of the four channels for a number."""
    return torch.ones(4).double() if isinstance(scale, int) else scale


def tensor(scale: Any) -> Any:
    """A scale, None for a number."""
    return scale if isinstance(scale, torch.Tensor) else None


def evaluated(x: Any, gamma: Any, beta: Any, mean: Any, var: Any, eps: float) -> Any:
    """Batch norm in evaluation as PyTorch has it; the statistics, which have no gradient there, get that of it spelled
    out."""
    given = tuple(map(tensor, (gamma, beta)))
    y = F.batch_norm(x, mean.detach(), var.detach(), *given, training=False, eps=eps)
    wide = [s if s is None else s.detach().reshape(-1, *(1,) * (x.ndim - 2)) for s in given]
    centre, spread = (s.reshape(-1, *(1,) * (x.ndim - 2)) for s in (mean, var))
    more = (x.detach() - centre) / (spread + eps).sqrt() * (1 if wide[0] is None else wide[0])
    return y + (more - more.detach())


def attentions() -> list[Case]:
    """Batches that broadcast, masks of both kinds with rows that may see nothing, more queries than keys."""
    shapes = (((3, 4), (5, 4), (5, 2)), ((2, 3, 4), (2, 5, 4), (2, 5, 4)), ((2, 2, 6, 4), (2, 2, 3, 4), (2, 2, 3, 1)),
              ((2, 3, 4), (5, 4), (1, 5, 2)))  # fmt: skip
    found = []
    name = "scaled_dot_product_attention"
    for (q, k, v), scale in product(shapes, (None, 0.3)):
        rows = (q[-2], k[-2])
        masks: list[tuple[Spec, ...]] = [(), (mask(*rows),), (some_rows(*rows),), (rows,), ((1, rows[1]),)]
        masks.append((some_rows(*rows, fill=True),))
        for given in masks:
            word = lambda *xs, s=scale: F.scaled_dot_product_attention(*xs, scale=s)  # noqa: E731 - a word
            found.append(Case(name, (q, k, v, *given), word, {"scale": scale}))
        causal = lambda *xs, s=scale: F.scaled_dot_product_attention(*xs, is_causal=True, scale=s)  # noqa: E731 - a word
        found.append(Case(name, (q, k, v), causal, {"scale": scale, "causal": True}))
    return found


def some_rows(*shape: int, fill: bool = False) -> Spec:
    """A mask whose first row is false throughout; with `fill` numbers, and -inf where it is false."""

    def drawn(rng: np.random.Generator) -> Any:
        kept = rng.uniform(size=shape) < 0.7
        kept[0] = False
        return np.where(kept, rng.normal(size=shape), -np.inf) if fill else kept

    return drawn


def causal_mask(x: Any) -> Any:
    return x.masked_fill(~torch.ones(x.shape[-2:]).tril().bool(), -torch.inf)


def dropout(x: Any, kept: Any, p: float) -> Any:
    return torch.where(kept, x / (1 - p), 0)


CASES = [
    *on("matmul", torch.matmul, ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((5, 1, 2, 3), (4, 3, 2))),
    *on("transpose", lambda x: x.mT, (2, 3), (4, 2, 3)),
    *on("permute", lambda x: x.permute(2, 0, 1), (2, 3, 4), axes=(2, 0, 1)),
    *on("permute", lambda x: x.permute(1, -1, 0), (2, 3, 4), axes=(1, -1, 0)),
    *named(("add", "sub", "mul", "div"), *PAIRS, ((2, 3), 2.5)),
    *named(("maximum", "minimum"), *PAIRS),
    *on("mul", torch.mul, ((2, 3), mask(2, 3))),
    *on("pow", torch.pow, *(((2, 3), k) for k in (0, 1, 2, 3, -1, -2))),
    *on("pow", torch.pow, (positive(2, 3), 0.5), (positive(2, 3), (2, 3)), (positive(3), (2, 1))),
    Case("pow", (2, (2, 3)), torch.pow),
    *named(("neg", "exp", "square", "abs", "sin", "cos", "relu", "sigmoid", "tanh"), *UNARY),
    *named(("log", "sqrt"), (positive(2, 3),), (positive(),)),
    *named(("expm1", "tan", "sinh", "cosh", "erf", "erfc", "sign", "floor", "round", "reciprocal"), *UNARY),
    *named(("log1p", "log2", "log10", "rsqrt"), (positive(2, 3),), (positive(),)),
    *named(("atan2", "hypot", "logaddexp"), *PAIRS),
    *on("mod", torch.remainder, *PAIRS, ((2, 3), 2.5)),
    *on("xlogy", torch.xlogy, (positive(2, 3), positive(2, 3)), ((2, 3), positive(3)), ((2, 3), 2.5)),
    *on("clip", lambda x: torch.clip(x, -0.5, 0.75), *UNARY, min=-0.5, max=0.75),
    *on("clip", lambda x: torch.clip(x, max=0.25), *UNARY, min=None, max=0.25),
    *on("silu", F.silu, *UNARY),
    *on("softplus", F.softplus, *UNARY),
    *on("softplus", lambda x: F.softplus(x, 2.0, 0.5), *UNARY, beta=2.0, threshold=0.5),
    *on("softplus", lambda x: F.softplus(x, 0.5), *UNARY, beta=0.5),
    *[case for name in ("mish", "softsign", "celu", "selu", "hardtanh", "relu6", "hardswish",
                        "hardshrink", "softshrink") for case in on(name, getattr(F, name), *UNARY)],
    # PyTorch's own rules hold the sixth, and celu's alpha, in single precision
    *on("hardsigmoid", lambda x: F.relu6(x + 3) / 6, *UNARY),
    *on("celu", lambda x: torch.where(x > 0, x, 0.3 * torch.expm1(x / 0.3)), *UNARY, alpha=0.3),
    *on("hardtanh", lambda x: F.hardtanh(x, -0.5, 0.75), *UNARY, min_val=-0.5, max_val=0.75),
    *on("hardshrink", lambda x: F.hardshrink(x, 0.8), *UNARY, lambd=0.8),
    *on("softshrink", lambda x: F.softshrink(x, 0.8), *UNARY, lambd=0.8),
    *on("prelu", lambda x, a: F.prelu(x, a.reshape(-1)), ((2, 3), (1,)), ((2, 3), (3,)), ((2, 3, 4), (3,))),
    *on("prelu", lambda x, a: F.prelu(x, a.reshape(-1)), ((2, 1, 4), (1,)), ((2, 3), ()), ((2, 1), (1,)), ((5,), (1,)),
        ((), (1,))),
    *on("glu", lambda x: F.glu(x, -1), (2, 4), (6,), (3, 2, 4), axis=-1),
    *on("glu", lambda x: F.glu(x, 1), (2, 4, 3), axis=1),
    *on("threshold", lambda x: F.threshold(x, 0.25, -2.0), *UNARY, threshold=0.25, value=-2.0),
    *on("leaky_relu", lambda x: F.leaky_relu(x, 0.2), *UNARY, slope=0.2),
    *on("elu", F.elu, *UNARY),
    *on("elu", lambda x: F.elu(x, 0.3), *UNARY, alpha=0.3),
    *on("gelu", F.gelu, *UNARY),
    *on("gelu", lambda x: F.gelu(x, approximate="tanh"), *UNARY, approximate="tanh"),
    *reductions(),
    *losses(),
    *[case for axis in (0, 1, -1) for case in scans(axis)],
    *on("prod", torch.prod, (2, 3), (4,), ()),
    *on("prod", lambda x: torch.prod(x, 1, keepdim=True), (2, 3, 4), axis=1, keepdims=True),
    *on("prod", lambda x: torch.prod(torch.prod(x, 2), 0), (2, 3, 4), axis=(0, -1)),
    *on("prod", torch.prod, (with_zeros(0, 3),), (with_zeros(1, 3),), (with_zeros(2, 3),)),
    *on("prod", lambda x: torch.prod(x, 0), (with_zeros(1, 4, 3),), axis=0),
    *on("argmax", lambda x: torch.argmax(x), (2, 3), (4,)),
    *on("argmin", lambda x: torch.argmin(x, 1, keepdim=True), (2, 3, 4), axis=1, keepdims=True),
    *on("topk", lambda x: torch.topk(x, 3, 1)[0], (2, 5), (2, 4, 3), k=3, axis=1),
    *on("topk", lambda x: torch.topk(x, 2)[1], (2, 5), k=2, part=1),
    *on("reshape", lambda x: x.reshape(4, -1), (2, 3, 4), shape=(4, -1)),
    *on("flatten", lambda x: x.flatten(1), (2, 3, 4), start=1),
    *on("squeeze", lambda x: x.squeeze((0, 2)), (1, 3, 1), axis=(0, -1)),
    *on("expand_dims", lambda x: x.unsqueeze(-1), (2, 3), axis=-1),
    *on("broadcast_to", lambda x: x.broadcast_to(4, 2, 3), (2, 1), (3,), (), shape=(4, 2, 3)),
    *on("concat", lambda *xs: torch.cat(xs, dim=-1), ((2, 3), (2, 1), (2, 4)), axis=-1),
    *on("stack", lambda *xs: torch.stack(xs, dim=1), ((2, 3), (2, 3), (2, 3)), axis=1),
    *on("split", lambda x: torch.tensor_split(x, (1, 3), dim=1)[1], (2, 5), sections=(1, 3), axis=1, part=1),
    *on("split", lambda x: torch.tensor_split(x, 3, dim=0)[2], (6, 2), sections=3, axis=0, part=2),
    *on("unbind", lambda x: x.unbind(1)[2], (2, 3), (2, 3, 4), axis=1, part=2),
    Case("arange", (), lambda: torch.arange(5), {"start": 5}),
    Case("arange", (), lambda: torch.arange(2, 9, 3), {"start": 2, "stop": 9, "step": 3}),
    Case("arange", (), lambda: torch.arange(0), {"start": 0}),
    Case("full", (), lambda: torch.full((2, 3), 0.5), {"shape": (2, 3), "value": 0.5}),
    Case("full", (), lambda: torch.full((), -1.0), {"shape": (), "value": -1.0}),
    *on("logical_and", torch.logical_and, (mask(2, 3), mask(2, 3)), (mask(2, 3), mask(3)), (mask(), mask(2, 1))),
    *on("logical_or", torch.logical_or, (mask(2, 3), mask(2, 3)), (mask(2, 3), mask(3)), (mask(), mask(2, 1))),
    *on("logical_not", torch.logical_not, (mask(2, 3),), (mask(),)),
    *on("slice", lambda x: x[1, :, 0:3:2], (2, 3, 4), key=(1, (None, None, None), (0, 3, 2))),
    *on("slice", lambda x: x[..., -1], (2, 3, 4), key=("...", -1)),
    *on("pad", lambda x: F.pad(x, (0, 3, 1, 2)), (2, 3), widths=((1, 2), (0, 3))),
    *on("flip", lambda x: x.flip(0, 1), (2, 3)),
    *on("flip", lambda x: x.flip(1, -1), (2, 3, 4), axis=(1, -1)),
    *on("flip", lambda x: x.flip(0), (3,), (2, 3), (0, 2), axis=0),
    *on("roll", lambda x: x.roll(2), (2, 3), (4,), (0, 3), shift=2),
    *on("roll", lambda x: x.roll((-1, 4), (0, 2)), (2, 3, 4), shift=(-1, 4), axis=(0, 2)),
    *on("roll", lambda x: x.roll(-1, 1), (2, 3), (2, 0), shift=-1, axis=1),
    *on("tile", lambda x: x.tile(2, 3), (2, 3), (3,), (4, 2, 3), (), (0, 2), reps=(2, 3)),
    *on("tile", lambda x: x.tile(2), (2, 3), (3,), (), reps=2),
    *on("tile", lambda x: x.tile(1, 0), (2, 3), reps=(1, 0)),
    *on("tile", lambda x: x.tile(1, 1, 1), (2, 3), (), reps=(1, 1, 1)),
    *on("repeat", lambda x: x.repeat_interleave(3), (2, 3), (4,), (), repeats=3),
    *on("repeat", lambda x: x.repeat_interleave(2, 1), (2, 3), (2, 3, 4), (2, 0), repeats=2, axis=1),
    *on("repeat", lambda x: x.repeat_interleave(0, -1), (2, 3), repeats=0, axis=-1),
    *on("repeat", repeated(2, 0, 3, dim=1), (2, 3), (2, 3, 4), repeats=(2, 0, 3), axis=1),
    *on("repeat", repeated(1, 0, 2, 1), (2, 2), (4,), repeats=(1, 0, 2, 1)),
    *[case for name in ("tril", "triu") for k in (0, 1, -1, 9, -9)
      for case in on(name, lambda x, n=name, k=k: getattr(x, n)(k), (3, 4), (2, 3, 2), (0, 2), k=k)],
    *[case for offset in (0, 1, -1, 9, -9)
      for case in on("diagonal", lambda x, k=offset: x.diagonal(k), (3, 4), (2, 3, 2), (0, 2), offset=offset)],
    *on("diagonal", lambda x: x.diagonal(1, -1, 0), (3, 4, 5), offset=1, axis1=-1, axis2=0),
    *on("trace", torch.trace, (3, 4), (3, 3), (1, 4)),
    *on("trace", lambda x: x.diagonal(-1, 2, 1).sum(-1), (3, 4, 5), offset=-1, axis1=2, axis2=1),
    *on("dot", torch.dot, ((3,), (3,)), ((1,), (1,)), ((0,), (0,))),
    *on("outer", torch.outer, ((3,), (4,)), ((1,), (3,)), ((0,), (2,))),
    *on("pad", lambda x: F.pad(x, (1, 2), mode="reflect"), (0, 3, 4), widths=((0, 0), (0, 0), (1, 2)), mode="reflect"),
    *on("pad", lambda x: F.pad(x, (0, 3, 1, 2), value=-1.5), (2, 3), widths=((1, 2), (0, 3)), value=-1.5),
    *[case for mode in ("reflect", "replicate", "circular") for case in [
        *on("pad", lambda x, m=mode: F.pad(x[None], (2, 1), mode=m)[0], (2, 3), widths=((0, 0), (2, 1)), mode=mode),
        *on("pad", lambda x, m=mode: F.pad(x, (0, 3, 1, 2), mode=m), (2, 2, 4, 5),
            widths=((0, 0), (0, 0), (1, 2), (0, 3)), mode=mode),
        *on("pad", lambda x, m=mode: F.pad(x, (1, 1, 2, 0, 1, 2), mode=m), (2, 2, 3, 3, 3),
            widths=((0, 0), (0, 0), (1, 2), (2, 0), (1, 1)), mode=mode),
        *on("pad", lambda x, m=mode: F.pad(x[None, None], (2, 2), mode=m)[0, 0], (3,), widths=2, mode=mode)]],
    *on("pad", lambda x: F.pad(x[None, None], (4, 0), mode="replicate")[0, 0], (3,), widths=(4, 0), mode="replicate"),
    *on("gather", lambda x, i: x[:, i], ((3, 4), ids(4, 5)), ((3, 4), ids(4, 2, 6)), axis=1),
    *on("embedding", lambda x, i: F.embedding(i, x), ((4, 3), ids(4, 7)), ((4, 3), ids(4, 2, 5))),
    *on("take_along_axis", lambda x, i: torch.take_along_dim(x, i, dim=1), ((3, 4), ids(4, 3, 6)), axis=1),
    *on("take_along_axis", lambda x, i: torch.take_along_dim(x, i, dim=1), ((3, 4), ids(4, 1, 2)), axis=1),
    *on("take_at", lambda x, i, j: x[i, j], ((3, 4), ids(3, 6), ids(4, 6)), ((3, 4, 2), ids(3, 2, 1), ids(4, 5))),
    *on("take_at", lambda x, i: x[i], ((3, 4), ids(3, 6)), ((3,), ids(3)), ((0, 2), ids(1, 0)), ((3, 2), ids(3, 2, 4))),
    *on("take_at", lambda x, i, j: x[i, :, j], ((3, 2, 4), ids(3, 6), ids(4, 6)), key=(None, ALL, None)),
    *on("take_at", lambda x, i, j: x[:, i, j], ((3, 2, 4), ids(2, 6), ids(4, 6)), key=(ALL, None, None)),
    # an integer that is written counts as one of them in NumPy, and in PyTorch does not
    *on("take_at", lambda x, i: x[0, :, i].movedim(0, -1), ((3, 2, 4), ids(4, 2, 3)), key=(0, ALL, None)),
    *on("take_at", lambda x, i: x[..., [2, 0, 2], i], ((5, 3, 4), ids(4, 3)), key=("...", ((2, 0, 2),), None)),
    *on("take_at", lambda x: x[[0, -1, 0], 1:], (3, 4), key=(((0, -1, 0),), (1, None, None))),
    *on("take_at", lambda x: x[[[0], [2]], [1, 1]], (3, 4), key=(((((0,), (2,)),), ((1, 1),)))),
    *on("scatter_add", lambda x, i: torch.zeros(4, *x.shape[1:]).double().index_add(0, i, x),
        ((5, 3), ids(4, 5)), ((6,), ids(4, 6)), ((0, 2), ids(4, 0)), size=4),
    *on("scatter_add", lambda x, i: torch.zeros(2, 4, 3).double().index_add(1, i, x), ((2, 5, 3), ids(4, 5)),
        size=4, axis=-2),
    *on("scatter_add", lambda x, i: torch.zeros(4, 3).double().index_add(0, i.reshape(-1), x.reshape(-1, 3)),
        ((2, 5, 3), ids(4, 2, 5)), size=4),
    *on("scatter_along_axis", lambda x, i: torch.zeros(3, 4).double().scatter_add(1, i, x), ((3, 6), ids(4, 3, 6)),
        ((3, 0), ids(4, 3, 0)), size=4, axis=1),
    *on("scatter_along_axis", lambda x, i: torch.zeros(2, 4).double().scatter_add(0, i.expand_as(x), x),
        ((3, 4), ids(2, 1, 4)), size=2, axis=0),
    *on("masked_fill", lambda x, m: x.masked_fill(m, -2.0), ((2, 3), mask(2, 3)), ((2, 3), mask(3)), ((2, 3), mask()),
        ((0, 2), mask(0, 2)), value=-2.0),
    *on("masked_fill", lambda x, m: x.masked_fill(m, -torch.inf), ((2, 3), mask(2, 3)), value=-math.inf),
    *on("cast", lambda x: x.to(torch.float64), (2, 3), (), (ids(4, 3),), (mask(3),), dtype="float64"),
    *on("cast", lambda x: x.to(torch.int64), (lambda rng: 9 * rng.normal(size=6),), (mask(3),), dtype="int64"),
    *on("cast", lambda x: x.bool(), (lambda rng: np.array([0, -0.0, 1e-300, np.nan]),), (ids(2, 5),), dtype="bool"),
    *[Case("einsum", shapes, partial(torch.einsum, e), {"equation": e}) for e, *shapes in EQUATIONS],
    *[Case("tensordot", (a, b), lambda a, b, n=n: torch.tensordot(a, b, n), {"axes": n})
      for a, b, n in (((2, 3, 4), (3, 4, 5), 2), ((2, 3), (3, 4), 1), ((2, 3), (4,), 0),
                      ((2, 3), (2, 3), ((0, 1), (0, 1))),
                      ((2, 3, 4), (5, 4, 2), ((0, -1), (2, 1))), ((0, 3), (3, 0), 1))],
    *on("one_hot", lambda i: F.one_hot(i, 4).double(), (ids(4, 5),), (ids(4, 2, 3),), depth=4),
    *on("where", torch.where, (mask(2, 3), (2, 3), (3,)), (mask(3), (2, 1), ())),
    *named(("less", "less_equal", "greater", "greater_equal", "not_equal"), *PAIRS),
    *on("equal", torch.eq, *PAIRS),
    *on("layer_norm", layer_norm, (3, 4), ((2, 3, 4), (4,), (4,)), ((2, 4), (4,))),
    *on("layer_norm", lambda x: F.layer_norm(x, (4,), eps=0.3), (3, 4), eps=0.3),
    *on("rms_norm", lambda x, *s: F.rms_norm(x, (4,), *s, eps=1e-5), (3, 4), ((2, 3, 4), (4,))),
    *on("batch_norm", batch_norm, (5, 3), ((5, 3), (3,), (3,)), ((4, 3, 2), (3,), (3,))),
    *on("batch_norm", batch_norm, ((4, 3, 2, 5), (3,))),
    *on("batch_norm", lambda x: batch_norm(x, eps=0.3), (5, 3), eps=0.3),
    *norms(),
    *attentions(),
    *[case for k in (0, 3, -1) for case in on("embedding", lambda x, i, k=k: F.embedding(i, x, padding_idx=k),
                                              ((4, 3), ids(4, 2, 9)), padding_idx=k)],
    *convolutions(),
    *pools(),
    *columns(),
    *resizes(),
    *on("dropout", lambda x, kept: dropout(x, kept, 0.3), ((4, 5), mask(4, 5)), p=0.3),
    *on("stop_gradient", lambda x: x.detach(), (2, 3)),
    *on("causal_mask", causal_mask, (3, 3), (2, 3, 5)),
]  # fmt: skip


def drawn(spec: Spec, rng: np.random.Generator) -> Any:
    if isinstance(spec, tuple):
        return np.asarray(rng.normal(size=spec))
    return np.asarray(spec(rng)) if callable(spec) else spec


def unbroadcast(grad: Any, shape: tuple[int, ...]) -> Any:
    """What the engine does: sum over the axes along which an operand was broadcast."""
    grad = np.asarray(grad)
    grad = grad.sum(axis=tuple(range(grad.ndim - len(shape))))
    return (
        grad.sum(axis=tuple(a for a, n in enumerate(shape) if n == 1), keepdims=True) if grad.shape != shape else grad
    )


def close(found: Any, wanted: Any) -> None:
    assert np.shape(found) == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_value_and_gradients_are_pytorchs(case: Case) -> None:
    rng, op = np.random.default_rng(1), OPS[case.op]
    xs = [drawn(spec, rng) for spec in case.inputs]
    attrs = {**{key: attr.default for key, attr in op.attrs.items()}, **case.attrs}
    theirs = [torch.tensor(x) if isinstance(x, np.ndarray) else x for x in xs]
    leaves = [t for t in theirs if isinstance(t, torch.Tensor) and t.is_floating_point()]
    wanted = case.torch(*[t.requires_grad_() if any(t is leaf for leaf in leaves) else t for t in theirs])

    with np.errstate(divide="ignore", invalid="ignore"):
        y = op.forward(NUMPY, *xs, **attrs)
    close(y, wanted.detach().numpy())
    if not leaves or not wanted.requires_grad:
        return
    g = np.asarray(rng.normal(size=np.shape(y)))
    with np.errstate(divide="ignore", invalid="ignore"):
        grads = op.vjp(NUMPY, g, y, *xs, **attrs)
    for x, mine, tensor in zip(xs, grads, theirs, strict=True):
        if any(tensor is leaf for leaf in leaves):
            (wants,) = torch.autograd.grad(wanted, tensor, torch.tensor(g), retain_graph=True, allow_unused=True)
            assert (mine is None) == (wants is None)
            if mine is not None:
                close(unbroadcast(mine, x.shape), wants.numpy())


def test_every_op_is_compared() -> None:
    assert {case.op for case in CASES} == set(OPS)
