"""The table of what a cell is made of: it gives every operation's numbers, and sets of cells agree with it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from bpdebug.arrays import Array
from bpdebug.cells.sets import fed
from bpdebug.cells.table import ROWS, SETTLED, Read, Value
from bpdebug.ops import OPS
from bpdebug.symbolic import PRIMS, Expr, Plan, evaluate, walk
from tests.graphs import sample_call

SAMPLES = [(name, n) for name, op in OPS.items() for n in range(len(op.samples))]


def operations(name: str, sample: int) -> Iterator[tuple[Expr, Value]]:
    """Every operation in a sample's value and gradients that has a row, with the numbers."""
    call = sample_call(OPS[name], OPS[name].samples[sample])
    given = [(x.shape, x.dtype) if isinstance(x, np.ndarray) else x for x in call.operands]
    plan = Plan(call.op, given, call.attrs)
    g = np.random.default_rng(0).uniform(0.5, 1.5, plan.shape).astype(plan.dtype)
    leaves = plan.leaves(call.operands, call.value, g)
    for root in (plan.value, *(plan.summed(p) for p, made in enumerate(plan.gradients) if made is not None)):
        with np.errstate(all="ignore"):
            known = evaluate(root, leaves)
        for e in walk(root):
            if e.prim is not None and e.prim.name in ROWS and e.attrs.get("fill", 0) == 0:
                yield e, partial(lambda known, x: np.asarray(evaluate(x, known)[id(x)]), known)


def read(r: Read, value: Value) -> Array:
    found = value(r.operand)[r.at] if isinstance(r.operand, Expr) else np.asarray(r.operand)
    return 1 / found if r.under else found


def at_all(e: Expr) -> Any:
    return np.nonzero(np.ones(e.shape, bool)) if e.ndim else ()


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_its_sums_of_products_are_the_operations(name: str, sample: int) -> None:
    for e, value in operations(name, sample):
        assert e.prim is not None
        at = at_all(e)
        summands = ROWS[e.prim.name](e, at, value)
        if summands is None:  # a power other than 2
            assert e.prim.name == "pow"
            continue
        total = np.zeros(int(np.prod(e.shape)))
        with np.errstate(all="ignore"):
            for s in summands:
                product = np.full(len(s.of), s.weight)
                for r in s.reads:
                    product = product * read(r, value)
                np.add.at(total, s.of, product)
        np.testing.assert_allclose(total, value(e)[at].reshape(-1), rtol=1e-5, atol=1e-6, err_msg=e.prim.name)


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_sets_of_cells_are_those_that_it_reads(name: str, sample: int) -> None:
    rng = np.random.default_rng(1)
    for e, value in operations(name, sample):
        assert e.prim is not None
        cells = np.asarray(rng.random(e.shape) < 0.4)
        summands = ROWS[e.prim.name](e, np.nonzero(cells) if e.ndim else (), value)
        if summands is None or not cells.any():
            continue
        wanted = {id(a): np.zeros(a.shape, bool) for a in e.operands()}
        for s in summands:
            for r in s.reads:
                if not isinstance(r.operand, Expr) or not len(s.of):
                    continue
                mine = np.zeros(r.operand.shape, bool)
                mine[r.at] = True
                made = id(r.operand) not in wanted  # a factor of its own, of the operands' cells
                for a, mask in fed(r.operand, mine, value) if made else [(r.operand, mine)]:
                    wanted[id(a)] |= mask
        got = {key: np.zeros_like(mask) for key, mask in wanted.items()}
        for a, mask in fed(e, cells, value):
            got[id(a)] |= mask
        for key, mask in wanted.items():
            assert not (mask & ~got[key]).any(), e.prim.name  # of two that are equal both are the maximum
            if e.prim.name not in ("maximum", "minimum"):
                np.testing.assert_array_equal(got[key], mask, err_msg=e.prim.name)


def test_every_row_belongs_to_an_operation_and_was_met() -> None:
    assert set(ROWS) <= set(PRIMS)
    met = {e.prim.name for name, n in SAMPLES for e, _ in operations(name, n) if e.prim is not None}
    assert set(SETTLED) - met == set()
