"""NaN put into one cell is found again from every cell that it reaches, through every op and every rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from bpdebug.cells.follow import everything, having, traced
from bpdebug.cells.table import Value
from bpdebug.ops import OPS
from bpdebug.symbolic import Expr, Plan, evaluate
from tests.graphs import sample_call

SAMPLES = [(name, n) for name, op in OPS.items() for n in range(len(op.samples))]


def roots(plan: Plan) -> Iterator[Expr]:
    """The value, and what each operand gets."""
    yield plan.value
    for position, gradient in enumerate(plan.gradients):
        if gradient is not None:
            yield plan.summed(position)


def reader(known: dict[int, Any]) -> Value:
    return lambda e: np.asarray(known[id(e)])


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_a_nan_is_found_again(name: str, sample: int) -> None:
    call = sample_call(OPS[name], OPS[name].samples[sample])
    given = [(x.shape, x.dtype) if isinstance(x, np.ndarray) else x for x in call.operands]
    plan, rng = Plan(call.op, given, call.attrs), np.random.default_rng(0)
    g = rng.uniform(0.5, 1.5, plan.shape).astype(plan.dtype)
    leaves = plan.leaves(call.operands, call.value, g)
    for root in roots(plan):
        for leaf, array in leaves.items():
            if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or not np.isfinite(array).all():
                continue
            cells = list(np.ndindex(array.shape))
            for n in rng.permutation(len(cells))[:4]:
                tainted = array.copy()
                tainted[cells[n]] = np.nan
                with np.errstate(all="ignore"):
                    known = evaluate(root, {**leaves, leaf: tainted})
                value = reader(known)
                reached = np.isnan(value(root))
                for cell in np.argwhere(reached)[:4]:
                    mine = np.zeros_like(reached)
                    mine[tuple(cell)] = True
                    found = traced(root, mine, value, having(np.isnan))
                    assert not found.born
                    assert {id(e) for e, c in found.leaves if c.any()} == {leaf}
                    (there,) = (c for e, c in found.leaves if c.any())
                    assert np.argwhere(there).tolist() == [list(cells[n])]
                    every = traced(root, mine, value, everything)
                    assert any(id(e) == leaf and c[cells[n]] for e, c in every.leaves)
