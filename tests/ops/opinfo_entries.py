"""How PyTorch's calls are written in the language of scenarios: the table that opinfo.py walks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Beyond(Exception):
    """A sample that cannot be written, with the reason."""


@dataclass(eq=False)
class Leaf:
    """A tensor of the sample."""

    name: str
    t: Any
    w: Any


@dataclass(eq=False)
class Made:
    """A tensor that was computed."""

    name: str
    w: Any


OTHERWISE: tuple[tuple[str, str, str], ...] = (
    ("", "(a number has no axes)", "an axis of a number, which has none, as in NumPy"),
    ("", "no cells, and has no value", "softmax over no cells: most likely a slice that came out empty"),
    ("", "is no norm", "an order between 0 and 1 makes no norm"),
    ("", "keeps the square root from 0", "an eps below 0"),
    ("", "0 divides by n, 1 by n - 1", "a correction below 0"),
    ("nn.functional.hardshrink", "lambd=-0.5 is negative", "a threshold below 0"),
    ("nn.functional.hardtanh", "is not below max_val", "ends that are one"),
    ("nn.functional.hardsigmoid", "gradient", "PyTorch's slope in double precision is single precision's 1/6"),
    ("nn.functional.hinge_embedding_loss", "value", "a target that is neither 1 nor -1"),
    ("tensordot", "they are summed over together", "an axis of one cell against one of several, as NumPy has it"),
    ("nn.functional.multi_margin_loss", "E_SHAPE", "scores of no rows, with a row of targets"),
)
"""What differs from PyTorch: its name (or all), what is said of the difference, and why."""

Entry = Callable[..., Any]
ENTRIES: dict[str, Entry] = {}
COMPOSED: set[str] = set()


def writer(*xs: Any) -> Any:
    for x in xs:
        if isinstance(x, Leaf | Made):
            return x.w
        if type(x) in (list, tuple) and x:
            return writer(*x)
    raise Beyond("numbers alone")


def op(name: str, *xs: Any, **attrs: Any) -> Any:
    return writer(*xs).call(name, *xs, **attrs)


def refuse(when: Any, words: str) -> None:
    if when:
        raise Beyond(words)


def entry(*names: str, composed: bool = False) -> Callable[[Entry], Entry]:
    def put(rule: Entry) -> Entry:
        for name in names:
            ENTRIES[name] = rule
            if composed:
                COMPOSED.add(name)
        return rule

    return put


def same(ours: str, *attrs: str) -> Entry:
    """A call of one op whose operands are the tensors and whose other arguments are attributes in this order."""

    def rule(*args: Any, **given: Any) -> Any:
        xs = [a for a in args if isinstance(a, Leaf | Made)]
        rest = dict(zip(attrs, args[len(xs) :], strict=False)) | given
        unknown = set(rest) - set(attrs)
        refuse(unknown, f"{', '.join(sorted(unknown))}=")
        return op(ours, *xs, **{k: v for k, v in rest.items() if v is not None or k == "axis"})

    return rule


_SAME = (
    "abs cos cosh erf exp expm1 floor log log1p log2 neg reciprocal rsqrt sigmoid sign sin sinh sqrt square tan tanh"
)
for theirs in (*_SAME.split(), "trace"):
    ENTRIES[theirs] = same(theirs)
for theirs in ["mish", "relu", "relu6", "selu", "silu", "softsign", "hardsigmoid", "hardswish"]:
    ENTRIES[f"nn.functional.{theirs}"] = same(theirs)
for theirs, attrs in {"celu": "alpha", "elu": "alpha", "gelu": "approximate", "hardtanh": "min_val max_val",
                      "softplus": "beta threshold", "threshold": "threshold value", "hardshrink": "lambd",
                      "softshrink": "lambd"}.items():  # fmt: skip
    ENTRIES[f"nn.functional.{theirs}"] = same(theirs, *attrs.split())


@entry("nn.functional.softplus")
def softplus(x: Any, beta: float = 1, threshold: float = 20) -> Any:
    return op("softplus", x, beta=float(beta), threshold=float(threshold))


@entry("nn.functional.leaky_relu")
def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    return op("leaky_relu", x, slope=negative_slope)


@entry("nn.functional.prelu")
def prelu(x: Any, weight: Any) -> Any:
    return op("prelu", x, weight)


@entry("nn.functional.glu")
def glu(x: Any, dim: int = -1) -> Any:
    return op("glu", x, axis=dim)


@entry("round")
def rounded(x: Any, decimals: int = 0) -> Any:
    if decimals:
        return op("div", op("round", op("mul", x, 10.0**decimals)), 10.0**decimals)
    return op("round", x)


# --- two operands

for theirs, ours in {"maximum": "maximum", "minimum": "minimum", "hypot": "hypot", "logaddexp": "logaddexp",
                     "atan2": "atan2", "xlogy": "xlogy", "remainder": "mod", "pow": "pow", "mul": "mul", "eq": "equal",
                     "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
                     "true_divide": "div", "__rmul__": "mul", "__radd__": "add"}.items():  # fmt: skip
    ENTRIES[theirs] = lambda a, b, _ours=ours: op(_ours, a, b)


@entry("add")
def add(a: Any, b: Any, alpha: float = 1) -> Any:
    return op("add", a, b if alpha == 1 else op("mul", b, alpha) if isinstance(b, Leaf | Made) else b * alpha)


@entry("sub")
def sub(a: Any, b: Any, alpha: float = 1) -> Any:
    return op("sub", a, b if alpha == 1 else op("mul", b, alpha) if isinstance(b, Leaf | Made) else b * alpha)


@entry("rsub", composed=True)
def rsub(a: Any, b: Any, alpha: float = 1) -> Any:
    return op("sub", b, a if alpha == 1 else op("mul", a, alpha))


for theirs, ours in {"__rsub__": "sub", "__rdiv__": "div", "__rpow__": "pow", "__rmod__": "mod"}.items():
    ENTRIES[theirs] = lambda a, b, _ours=ours: op(_ours, b, a)


@entry("div")
def div(a: Any, b: Any, rounding_mode: str | None = None) -> Any:
    quotient = op("div", a, b)
    if rounding_mode == "trunc":
        return op("mul", op("sign", quotient), op("floor", op("abs", quotient)))
    return op("floor", quotient) if rounding_mode == "floor" else quotient


for theirs in ("logical_and", "logical_or"):
    ENTRIES[theirs] = lambda a, b, _op=theirs: op(_op, op("not_equal", a, 0), op("not_equal", b, 0))
ENTRIES["logical_not"] = lambda x: op("logical_not", op("not_equal", x, 0))


@entry("where")
def where(x: Any, condition: Any, other: Any) -> Any:
    return op("where", condition, x, other)


@entry("clamp")
def clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    if isinstance(min, Leaf) or isinstance(max, Leaf):
        low = x if min is None else op("maximum", x, min)
        return low if max is None else op("minimum", low, max)
    return op("clip", x, min=min, max=max)


@entry("clamp_min", composed=True)
def clamp_min(x: Any, min: Any) -> Any:
    return op("maximum", x, min) if isinstance(min, Leaf) else op("clip", x, min=min, max=None)


@entry("clamp_max", composed=True)
def clamp_max(x: Any, max: Any) -> Any:
    return op("minimum", x, max) if isinstance(max, Leaf) else op("clip", x, min=None, max=max)


@entry("masked_fill")
def masked_fill(x: Any, mask: Any, value: Any) -> Any:
    return op("masked_fill", x, mask, value=value) if not isinstance(value, Leaf) else op("where", mask, value, x)


# --- over axes


def reduction(ours: str) -> Entry:
    def rule(x: Any, dim: Any = None, keepdim: bool = False, **more: Any) -> Any:
        refuse(set(more) - {"dtype"} or more.get("dtype") is not None, "dtype=")
        if type(dim) is list:
            dim = tuple(dim)
        return op(ours, x, axis=None if dim == () else dim, keepdims=keepdim)

    return rule


for theirs, ours in {"sum": "sum", "mean": "mean", "prod": "prod", "amax": "max", "amin": "min",
                     "logsumexp": "logsumexp", "argmax": "argmax", "argmin": "argmin"}.items():  # fmt: skip
    ENTRIES[theirs] = reduction(ours)


def extremum(ours: str) -> Entry:
    def rule(x: Any, *args: Any, **given: Any) -> Any:
        if not args and not given:
            return op(ours, x)
        if args and isinstance(args[0], Leaf):
            return op(f"{ours}imum", x, args[0])
        dim = args[0] if args else given["dim"]
        keep = args[1] if len(args) > 1 else given.get("keepdim", False)
        return op(ours, x, axis=dim, keepdims=keep), op(f"arg{ours}", x, axis=dim, keepdims=keep)

    return rule


ENTRIES["max"], ENTRIES["min"] = extremum("max"), extremum("min")


def variance(ours: str) -> Entry:
    def rule(x: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, correction: Any = None) -> Any:
        if type(dim) is bool:
            dim, unbiased = None, dim
        ddof = correction if correction is not None else 1 if unbiased in (None, True) else 0
        refuse(ddof != int(ddof), "a correction that is no integer")
        return op(
            ours,
            x,
            axis=None if dim in ((), []) else tuple(dim) if type(dim) is list else dim,
            keepdims=keepdim,
            ddof=int(ddof),
        )

    return rule


ENTRIES["std"], ENTRIES["var"] = variance("std"), variance("var")


def with_mean(ours: str) -> Entry:
    def rule(x: Any, dim: Any = None, *args: Any, **given: Any) -> Any:
        spread = variance(ours)(x, dim, *args, **given)
        axis = None if type(dim) is bool or dim in ((), []) else tuple(dim) if type(dim) is list else dim
        return spread, op("mean", x, axis=axis, keepdims=given.get("keepdim", False))

    return rule


ENTRIES["std_mean"], ENTRIES["var_mean"] = with_mean("std"), with_mean("var")


@entry("linalg.vector_norm")
def vector_norm(x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    refuse(ord <= 0, "an order that is not above 0")
    return op("norm", x, axis=tuple(dim) if type(dim) is list else dim, keepdims=keepdim, p=float(ord))


@entry("norm")
def norm(x: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    refuse(p == "nuc", "a norm of singular values")
    if p == "fro":
        p = 2
    return vector_norm(x, p, dim, keepdim)


def along(ours: str, more: str = "") -> Entry:
    def rule(x: Any, dim: int, dtype: Any = None, **rest: Any) -> Any:
        refuse(dtype is not None and str(dtype) != "torch.float64", "dtype=")
        return op(ours, x, axis=dim)

    return rule


for theirs in ("softmax", "log_softmax", "cumsum", "cumprod"):
    ENTRIES[theirs] = along(theirs)


@entry("nn.functional.softmin", composed=True)
def softmin(x: Any, dim: int, dtype: Any = None) -> Any:
    refuse(dtype is not None and str(dtype) != "torch.float64", "dtype=")
    return op("softmax", op("neg", x), axis=dim)


@entry("cummax")
def cummax(x: Any, dim: int) -> Any:
    return op("cummax", x, axis=dim)


@entry("cummin", composed=True)
def cummin(x: Any, dim: int) -> Any:
    return op("neg", op("cummax", op("neg", x), axis=dim))


@entry("sort")
def sort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    return op("sort", x, axis=dim, descending=descending), op("argsort", x, axis=dim, descending=descending)


@entry("msort", composed=True)
def msort(x: Any) -> Any:
    return op("sort", x, axis=0)


@entry("argsort")
def argsort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    return op("argsort", x, axis=dim, descending=descending)


@entry("topk")
def topk(x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    refuse(not largest, "the smallest k: topk(-x)")
    return tuple(op("topk", x, k=k, axis=dim, part=i) for i in range(2))


# --- products


def matmul(a: Any, b: Any) -> Any:
    x, y = a.t.ndim, b.t.ndim
    if x == y == 1:
        return op("dot", a, b)
    left = op("expand_dims", a, axis=0) if x == 1 else a
    right = op("expand_dims", b, axis=1) if y == 1 else b
    made = op("matmul", left, right)
    if x == 1:
        return op("squeeze", made, axis=-2)
    return op("squeeze", made, axis=-1) if y == 1 else made


for theirs in ("matmul", "mm", "bmm", "mv", "dot", "vdot"):
    ENTRIES[theirs] = matmul
ENTRIES["__rmatmul__"] = lambda a, b: matmul(b, a)
COMPOSED |= {"mv", "inner", "std_mean", "var_mean", "addmm", "addbmm", "baddbmm", "addmv", "addr"}


@entry("inner", composed=True)
def inner(a: Any, b: Any) -> Any:
    if not a.t.ndim or not b.t.ndim:
        return op("mul", a, b)
    return op("tensordot", a, op("permute", b, axes=(b.t.ndim - 1, *range(b.t.ndim - 1))), axes=1)


@entry("outer")
def outer(a: Any, b: Any) -> Any:
    return op("outer", a, b)


def affine_of(word: str) -> Entry:
    def rule(x: Any, a: Any, b: Any, beta: float = 1, alpha: float = 1) -> Any:
        made = op("outer", a, b) if word == "addr" else matmul(a, b)
        made = op("sum", made, axis=0) if word == "addbmm" else made
        made = made if alpha == 1 else op("mul", made, alpha)
        if beta == 0:
            return made
        return op("add", x if beta == 1 else op("mul", x, beta), made)

    return rule


for theirs in ("addmm", "addbmm", "baddbmm", "addmv", "addr"):
    ENTRIES[theirs] = affine_of(theirs)


@entry("nn.functional.linear", composed=True)
def linear(x: Any, w: Any, b: Any = None) -> Any:
    if w.t.ndim == 1:
        made = op("sum", op("mul", x, w), axis=-1)
    elif x.t.ndim == 1:
        made = op("squeeze", op("matmul", op("expand_dims", x, axis=0), op("transpose", w)), axis=0)
    else:
        made = op("matmul", x, op("transpose", w))
    return made if b is None else op("add", made, b)


@entry("einsum")
def einsum(xs: Any, equation: str) -> Any:
    return op("einsum", *xs, equation=equation)


@entry("tensordot")
def tensordot(a: Any, b: Any, dims: Any) -> Any:
    return op("tensordot", a, b, axes=dims if type(dims) is int else tuple(map(tuple, dims)))


@entry("addcmul", composed=True)
def addcmul(x: Any, a: Any, b: Any, value: float = 1) -> Any:
    return op("add", x, op("mul", op("mul", a, b), value))


@entry("addcdiv", composed=True)
def addcdiv(x: Any, a: Any, b: Any, value: float = 1) -> Any:
    return op("add", x, op("mul", op("div", a, b), value))


@entry("lerp", composed=True)
def lerp(x: Any, y: Any, weight: Any) -> Any:
    return op("add", x, op("mul", op("sub", y, x), weight))


@entry("linalg.vecdot", composed=True)
def vecdot(a: Any, b: Any, dim: int = -1) -> Any:
    return op("sum", op("mul", a, b), axis=dim)


for theirs, spelled in {
    "nn.functional.logsigmoid": lambda x: op("neg", op("softplus", op("neg", x))),
    "nn.functional.tanhshrink": lambda x: op("sub", x, op("tanh", x)),
    "exp2": lambda x: op("exp", op("mul", x, math.log(2))),
    "log10": lambda x: op("div", op("log", x), math.log(10)),
    "deg2rad": lambda x: op("mul", x, math.pi / 180),
    "rad2deg": lambda x: op("mul", x, 180 / math.pi),
    "sgn": lambda x: op("sign", x),
    "positive": lambda x: op("reshape", x, shape=tuple(x.t.shape)),
    "ravel": lambda x: op("reshape", x, shape=(-1,) if x.t.numel() else (0,)),
    "fliplr": lambda x: op("flip", x, axis=1),
    "flipud": lambda x: op("flip", x, axis=0),
    "t": lambda x: op("transpose", x) if x.t.ndim == 2 else x,
    "T": lambda x: op("permute", x, axes=tuple(range(x.t.ndim))[::-1]) if x.t.ndim else x,
    "mT": lambda x: op("transpose", x),
    "clone": lambda x, **how: x,
    "contiguous": lambda x, **how: x,
}.items():  # fmt: skip
    ENTRIES[theirs] = spelled
    COMPOSED.add(theirs)


@entry("diff", composed=True)
def diff(x: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    if n == 0:
        return x
    given = [p for p in (prepend, x, append) if p is not None]
    made = op("concat", *given, axis=dim) if len(given) > 1 else x
    rank, all_ = x.t.ndim, (None, None, None)
    for _ in range(n):
        before = (all_,) * (dim % rank)
        made = op(
            "sub", op("slice", made, key=(*before, (1, None, None))), op("slice", made, key=(*before, (None, -1, None)))
        )
    return made
