"""Convolutions, pools, contractions over a batch and softmax, found in the words that rules are made of.

A rule is written with its windows cut out, and a product for each of a batch with their sum, because that shows what
happens. A library that has a kernel for the whole is given the whole: an expression tree of one of these forms becomes
one word. What has another form is computed as it is written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from bpdebug.ops.axes import tuple_of
from bpdebug.ops.windows import windows
from bpdebug.symbolic import Expr, walk
from bpdebug.symbolic.expr import Prim, TraceError

Call = tuple[str, tuple[Expr, ...], dict[str, Any]]
"""A word, its operands, its keywords."""


def _never(*operands: Any, **attrs: Any) -> Any:
    raise TraceError("a word of other libraries")


WORDS = {
    name: Prim(name, _never, arrays=2)
    for name in (
        "convolve",
        "convolve_x",
        "convolve_w",
        "pool",
        "pool_x",
        "contract",
        "rectified_x",
        "softmax",
        "softmax_x",
    )
}
"""What a library has to have for them; those that end in a letter are the adjoints."""


def _below(e: Any, *path: str | int) -> Any:
    """What an expression is made of, by the words that lead there, `reshape` and then operand 0; None elsewhere."""
    for at in path:
        if not isinstance(e, Expr):
            return None
        if isinstance(at, str):
            if e.applies != at:
                return None
        else:
            e = e.args[at]
    return e


def _frame(unfold: Expr, fill: float = 0.0) -> dict[str, Any] | None:
    """The windows of an `unfold`, or of its adjoint; None where a library has no such: another fill, uneven padding."""
    attrs = {name: unfold.attrs[name] for name in ("size", "stride", "padding", "dilation")}
    even = all(isinstance(p, int) for p in attrs["padding"])
    return attrs if even and unfold.attrs.get("fill", fill) == fill else None


def _kernels(rows: Any, frame: Mapping[str, Any]) -> Expr | None:
    """The kernels that are these rows: one group of (out, in, *size)."""
    w = _below(rows, "reshape", 0)
    flat = isinstance(w, Expr) and w.shape[2:] == frame["size"] and rows.shape == (w.shape[0], prod(w.shape[1:]))
    return w if flat else None


def _maps(flat: Any, frame: Mapping[str, Any], x: Sequence[int]) -> Expr | None:
    """The gradient of all maps whose positions lie in one axis here."""
    g = _below(flat, "reshape", 0)
    out = windows(tuple(x[2:]), **frame)
    fits = isinstance(g, Expr) and g.shape[2:] == out and flat.shape == (*g.shape[:2], prod(out))
    return g if fits else None


def _convolve(e: Expr) -> Call | None:
    product = _below(e, "reshape", 0, "matmul")
    unfold = _below(product, 1, "matrix_transpose", 0, "unfold")
    if unfold is None or (frame := _frame(unfold)) is None:
        return None
    w, x = _kernels(product.args[0], frame), unfold.args[0]
    whole = w is not None and e.shape == (x.shape[0], w.shape[0], *windows(x.shape[2:], **frame))
    return ("convolve", (x, w), frame) if whole and w is not None else None


def _convolve_x(e: Expr) -> Call | None:
    product = _below(e, "fold", 0, "matmul")
    if product is None or (frame := _frame(e)) is None:
        return None
    w, g = _kernels(product.args[1], frame), _maps(_below(product, 0, "matrix_transpose", 0), frame, e.shape)
    return None if w is None or g is None else ("convolve_x", (g, w), {**frame, "shape": e.shape})


def _convolve_w(e: Expr) -> Call | None:
    total = _below(e, "reshape", 0, "sum")
    product = _below(total, 0, "matmul")
    unfold = _below(product, 1, "unfold")
    if unfold is None or total.attrs["axis"] != 0 or (frame := _frame(unfold)) is None:
        return None
    x = unfold.args[0]
    g = _maps(product.args[0], frame, x.shape)
    whole = g is not None and e.shape == (g.shape[1], x.shape[1], *frame["size"])
    return ("convolve_w", (g, x), {**frame, "shape": e.shape}) if whole and g is not None else None


def _pooled(unfold: Any) -> dict[str, Any] | None:
    """The windows of one map of which the largest cell is taken; of padding no more than half a window."""
    frame = _frame(unfold, -math.inf) if _below(unfold, "unfold") is not None and unfold.args[0].shape[1] == 1 else None
    if frame is None or any(2 * p > n for p, n in zip(frame["padding"], frame["size"], strict=True)):
        return None
    return frame


def _pool(e: Expr) -> Call | None:
    unfold = _below(e, "max", 0)
    if unfold is None or e.attrs != {"axis": -1, "keepdims": False} or (frame := _pooled(unfold)) is None:
        return None
    return "pool", (unfold.args[0],), {**frame, "shape": e.shape}


def _pool_x(e: Expr) -> Call | None:
    choice = _below(e, "fold", 0, "where")
    unfold = _below(choice, 0, "first_of", 0, "same", 0, "unfold")
    if unfold is None or choice.args[0].attrs["axis"] != -1 or type(choice.args[2]) is not int:
        return None
    frame = _pooled(unfold)
    largest = _below(choice, 0, 0, 1, "reshape", 0)
    known = largest is not None and largest.applies == "" and largest.name == "y"
    if frame is None or not known or choice.args[2] != 0 or frame != _frame(e):
        return None
    return "pool_x", (choice.args[1], unfold.args[0]), frame


def _contract(e: Expr) -> Call | None:
    """The products of a batch, added up: one product of all their rows."""
    product = _below(e, "sum", 0, "matmul")
    a = _below(product, 0, "matrix_transpose", 0)
    if a is None or e.attrs["keepdims"]:
        return None
    b, batch, axes = product.args[1], a.shape[:-2], e.attrs["axis"]
    whole = isinstance(b, Expr) and b.shape[:-2] == batch and tuple_of(axes) == tuple(range(len(batch)))
    return ("contract", (a, b), {}) if whole and batch else None


def _rectified(e: Expr) -> Call | None:
    """ReLU's gradient: nothing where its operand is not above 0, NaN being neither."""
    at = _below(e, "where", 0, "less_equal")
    if at is None or any(type(n) is not int or n != 0 for n in (e.args[1], at.args[1])):
        return None
    x, g = at.args[0], e.args[2]
    whole = isinstance(x, Expr) and isinstance(g, Expr) and x.shape == g.shape and x.dtype == g.dtype
    return ("rectified_x", (g, x), {}) if whole else None


def _softmax(e: Expr) -> Call | None:
    power, total = _below(e, "divide", 0, "exp"), _below(e, "divide", 1, "sum")
    off = _below(power, 0, "subtract")
    largest = _below(off, 1, "max")
    if total is None or largest is None or total.args[0] is not power or largest.args[0] is not off.args[0]:
        return None
    whole = _is_along_one(total) and total.attrs == largest.attrs
    return ("softmax", (off.args[0],), {"axis": total.attrs["axis"]}) if whole else None


def _softmax_x(e: Expr) -> Call | None:
    """y * (g - sum(g * y)), whatever made y."""
    total = _below(e, "multiply", 1, "subtract", 1, "sum")
    if _below(total, 0, "multiply") is None or not _is_along_one(total):
        return None
    y, g = e.args[0], e.args[1].args[0]
    whole = total.args[0].args == (g, y) and all(a.shape == e.shape and a.dtype == e.dtype for a in (g, y))
    return ("softmax_x", (g, y), {"axis": total.attrs["axis"]}) if whole else None


def _is_along_one(e: Expr) -> bool:
    return type(e.attrs["axis"]) is int and e.attrs["keepdims"] is True


FORMS: tuple[Callable[[Expr], Call | None], ...] = (
    _convolve, _convolve_x, _convolve_w, _pool, _pool_x, _contract, _rectified, _softmax, _softmax_x,
)  # fmt: skip


def whole_kernels(targets: Sequence[Expr]) -> list[Expr]:
    """The same expressions with one word in place of each of these forms."""
    made: dict[int, Expr] = {}
    for e in walk(*targets):
        found = next((call for form in FORMS if e.dtype.kind == "f" and (call := form(e)) is not None), None)
        if found is not None:
            word, operands, attrs = found
            args = tuple(made[id(a)] for a in operands)
            made[id(e)] = Expr(e.trace, WORDS[word], args, attrs, e.shape, e.dtype)
            continue
        args = tuple(made[id(a)] if isinstance(a, Expr) else a for a in e.args)
        changed = any(a is not b for a, b in zip(args, e.args, strict=True))
        made[id(e)] = Expr(e.trace, e.prim, args, e.attrs, e.shape, e.dtype) if changed else e
    return [made[id(e)] for e in targets]
