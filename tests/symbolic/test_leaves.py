"""Which leaves an expression uses and which axes are shared, against the cells that each cell is made from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpdebug.arrays import Array
from bpdebug.cells.sets import fed
from bpdebug.symbolic import PRIMS, Expr, Plan, Trace, evaluate, walk
from bpdebug.symbolic.leaves import ALONE, ALONG, Axes, shared_axes, uses
from tests.graphs import SAMPLES, sample_call

DOUBLE = np.dtype(float)


def made_from(root: Expr, cell: Any, known: dict[int, Any]) -> dict[int, Array]:
    """For every expression below the root, the cells that one of its cells is made from."""
    at = np.zeros(root.shape, bool)
    at[cell] = True
    found = {id(root): at}
    for e in reversed(walk(root)):
        if e.prim is not None and id(e) in found:
            for a, cells in fed(e, found[id(e)], lambda x: np.asarray(known[id(x)])):
                found[id(a)] = found.get(id(a), np.zeros(a.shape, bool)) | cells
    return found


def belonging(axes: Axes, shape: tuple[int, ...], places: dict[int, int]) -> Array:
    """The cells at the same places along shared axes."""
    cells = np.zeros(shape, bool)
    cells[tuple(slice(None) if places.get(a) is None else places[a] for a in axes)] = True
    return cells


@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_no_cell_is_made_from_cells_that_do_not_belong_to_it(op: Any, i: int) -> None:
    call = sample_call(op, op.samples[i])
    plan = Plan(call.op, [(x.shape, x.dtype) if isinstance(x, np.ndarray) else x for x in call.operands], call.attrs)
    g = np.random.default_rng(0).uniform(0.5, 1.5, plan.shape).astype(plan.dtype)
    for root in (plan.value, *(e for e in plan.gradients if e is not None)):
        with np.errstate(all="ignore"):
            known = evaluate(root, plan.leaves(call.operands, call.value, g))
        axes = shared_axes(root)
        for cell in list(np.ndindex(root.shape))[:6]:
            places = {a: p for a, p in zip(axes[id(root)], cell, strict=True) if a != ALONE}
            made = made_from(root, cell, known)
            for e in walk(root):
                if id(e) in axes and id(e) in made:
                    assert (made[id(e)] <= belonging(axes[id(e)], e.shape, places)).all(), e


def test_a_product_shares_its_rows_and_columns_and_a_stack_its_leading_axes() -> None:
    xp = Trace(PRIMS)
    a, b = xp.leaf("a", (5, 2, 3), DOUBLE), xp.leaf("b", (5, 3, 4), DOUBLE)
    axes = shared_axes(a @ b)
    assert axes[id(a @ b)] == (2, 1, 0)
    (stack, row, inner), right = axes[id(a)], axes[id(b)]
    assert ((stack, row), right) == ((2, 1), (2, inner, 0))
    assert inner not in (0, 1, 2, ALONE)


def test_axes_follow_transposes_casts_broadcasting_and_sums() -> None:
    xp = Trace(PRIMS)
    x, b = xp.leaf("x", (2, 3), DOUBLE), xp.leaf("b", (3,), DOUBLE)
    turned = xp.matrix_transpose(x + b)
    assert (shared_axes(turned)[id(x)], shared_axes(turned)[id(b)]) == ((0, 1), (1,))
    rows = x - xp.sum(x, axis=1, keepdims=True)
    assert shared_axes(rows)[id(x)] == (1, ALONE)  # of itself and of its row
    assert id(x) not in shared_axes(xp.reshape(x, (3, 2)))
    assert shared_axes(xp.reshape(x, (3, 2)) * 2)[id(xp.reshape(x, (3, 2)))] == (1, 0)


def test_uses_tell_what_stands_transposed() -> None:
    xp = Trace(PRIMS)
    g, w, s = (xp.leaf(name, (3, 3), DOUBLE) for name in ("g", "w", "s"))
    turned = xp.matrix_transpose(w)

    def used(e: Expr) -> set[tuple[str, bool]]:
        return {(use.of.name, use.transposed) for use in uses(e)}

    assert used(g @ turned) == {("g", False), ("w", True)}
    assert used(g @ turned + w * s) == {("g", False), ("w", True), ("w", False), ("s", False)}
    assert used(g @ xp.matrix_transpose(xp.astype(w, np.dtype(np.float32)))) == {("g", False), ("w", True)}
    assert used(xp.matrix_transpose(turned)) == {("w", False)}
    assert used(xp.matrix_transpose(g @ w)) == {("g", False), ("w", False)}
    assert used(turned) == {("w", True)}


def test_every_operation_is_followed_or_left_out_on_purpose() -> None:
    """A new word without a row here would be left out silently."""
    moved = {
        "reshape", "expand_dims", "squeeze", "concat", "stack", "index", "place", "pad0", "take", "scatter_add",
        "take_along_axis", "scatter_along_axis", "one_hot", "tri", "unfold", "fold", "between",
    }  # fmt: skip
    followed = {p.name for p in PRIMS.values() if not p.attrs} | {
        "astype", "broadcast_to", "permute_dims", *ALONG,
    }  # fmt: skip
    assert moved | followed == set(PRIMS)
    assert not moved & followed
