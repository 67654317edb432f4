"""Products with windows that are cut out of images, some samples at a time: those of all take many times the images.

Each sample's product is one of its own in NumPy's, so bits and layout are those of the products of all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from bpdebug.arrays import Array, Shape
from bpdebug.ops.windows import padded, windows
from bpdebug.progress import may_stop
from bpdebug.symbolic import cuts
from bpdebug.symbolic.expr import Expr, Prim, walk
from bpdebug.symbolic.prims import PRIMS

BLOCK = 2**20
"""Bytes of windows that there are at once, unless a single sample has more; so few are worked out as they are written.

A core's cache has room for them.
"""


def _each(shape: Shape, frame: Mapping[str, Any], itemsize: int) -> int:
    """The bytes of all windows of one sample of these images."""
    out = windows(shape[2:], *(frame[name] for name in cuts.FRAME))
    return prod((*out, shape[1], *frame["size"])) * itemsize


def _at_once(each: int) -> int:
    """How many samples are worked out together."""
    return max(BLOCK // max(each, 1), 1)


def _blocks(count: int, each: int) -> Iterator[slice]:
    for start in range(0, count, _at_once(each)):
        may_stop()
        yield slice(start, start + _at_once(each))


def windowed(a: Array, x: Array, turned: bool, **window: Any) -> Array:
    """`a @ unfold(x)`, or with its transpose where it is `turned`: (N, rows, columns); a is a matrix, or N of them."""
    out = prod(windows(x.shape[2:], *(window[name] for name in cuts.FRAME)))
    columns = out if turned else x.shape[1] * prod(window["size"])
    made = np.empty((x.shape[0], a.shape[-2], columns), np.result_type(a, x))
    view, rank = cuts.windows_of(x, **window), len(window["size"])
    for part in _blocks(len(x), _each(x.shape, window, x.itemsize)):
        rows = cuts.as_rows(view[part], rank)
        np.matmul(a if a.ndim == 2 else a[part], rows.mT if turned else rows, out=made[part])
    return made


def folded(a: Array, b: Array, shape: Shape, **window: Any) -> Array:
    """`fold(a @ b)`, of this shape (N, C, *space); a is N matrices, b one."""
    total = np.zeros((*shape[:2], *padded(shape[2:], window["padding"])), np.result_type(a, b))
    for part in _blocks(len(a), _each(shape, window, a.itemsize)):
        cuts.add_windows(total[part], a[part] @ b, shape, **window)
    return cuts.inner(total, shape, window["padding"])


def _of_block(shape: Shape, e: Expr) -> int:
    """Cells of windows that are there at once, and of the images with padding around them."""
    each = _each(shape, e.attrs, 1)
    at_once = min(_at_once(each * e.dtype.itemsize), shape[0])
    return at_once * each + prod((*shape[:2], *padded(shape[2:], e.attrs["padding"])))


WINDOWED = Prim(
    "windowed", windowed, arrays=2, attrs={"turned": ..., **PRIMS["unfold"].attrs},
    scratch=lambda e: _of_block(e.args[1].shape, e),
)  # fmt: skip
FOLDED = Prim("folded", folded, arrays=2, attrs=PRIMS["fold"].attrs, scratch=lambda e: _of_block(e.shape, e))


def _form(e: Expr, uses: Mapping[int, int]) -> tuple[Prim, tuple[Any, ...], Mapping[str, Any]] | None:
    """What is worked out some samples at a time, where an expression has such a form; what is used twice is kept."""
    if e.applies == "fold" and isinstance(e.args[0], Expr) and e.args[0].applies == "matmul":
        a, b = e.args[0].args
        once = uses[id(e.args[0])] == 1 and e.args[0].nbytes > BLOCK
        return (FOLDED, (a, b), e.attrs) if once and (a.ndim, b.ndim) == (3, 2) else None
    if e.applies != "matmul":
        return None
    a, b = e.args
    turned = isinstance(b, Expr) and b.applies == "matrix_transpose"
    rows = b.args[0] if turned else b
    if not isinstance(rows, Expr) or rows.applies != "unfold" or rows.nbytes <= BLOCK:
        return None
    images, once = rows.args[0], max(uses[id(b)], uses[id(rows)]) == 1
    fits = isinstance(a, Expr) and (a.ndim == 2 or (a.ndim == 3 and a.shape[0] == images.shape[0]))
    return (WINDOWED, (a, images), {**rows.attrs, "turned": turned}) if once and fits else None


def by_samples(targets: Sequence[Expr]) -> list[Expr]:
    """The same expressions, with such products in place of those of all samples."""
    order = walk(*targets)
    if not any(e.applies in ("fold", "unfold") for e in order):
        return list(targets)
    uses = Counter(id(a) for e in order for a in e.operands()) + Counter(map(id, targets))
    made: dict[int, Expr] = {}
    for e in order:
        prim, args, attrs = _form(e, uses) or (e.prim, e.args, e.attrs)
        args = tuple(made[id(a)] if isinstance(a, Expr) else a for a in args)
        changed = prim is not e.prim or any(a is not b for a, b in zip(args, e.args, strict=True))
        made[id(e)] = Expr(e.trace, prim, args, attrs, e.shape, e.dtype) if changed else e
    return [made[id(e)] for e in targets]
