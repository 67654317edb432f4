"""Whole kernels in place of windows and rows: found in the rules that have them, and right where they are found."""

from __future__ import annotations

import numpy as np
import pytest

from bpdebug.backends.kernels import WORDS, whole_kernels
from bpdebug.ops import OPS
from bpdebug.symbolic import walk
from tests.backends.test_every_op import library, needs_arrays, on_library
from tests.graphs import Call, sample_call

KERNELS = {
    **{f"conv{n}d": {"convolve", "convolve_x", "convolve_w"} for n in (1, 2, 3)},
    **{f"max_pool{n}d": {"pool"} for n in (1, 2, 3)},
    "relu": {"rectified_x"},
    "softmax": {"softmax", "softmax_x"},
}


@pytest.mark.parametrize("name", KERNELS)
def test_a_rule_becomes_the_librarys_kernels(name: str) -> None:
    """A rule that is written otherwise one day would be computed word by word, and nobody would be told."""
    op = OPS[name]
    found = set()
    for sample in op.samples:
        plan = sample_call(op, sample).plan
        targets = whole_kernels([plan.value, *(plan.summed(i) for i in plan.differentiable)])
        found |= {e.applies for e in walk(*targets)} & WORDS.keys()
    assert found >= KERNELS[name]


def test_ties_that_go_to_the_first_cell_are_a_kernels_too() -> None:
    """As PyTorch has them, and an imported model: shared ones are not."""
    op = OPS["max_pool2d"]
    for ties, wanted in (("first", {"pool", "pool_x"}), ("share", {"pool"})):
        call = sample_call(op, op.samples[0])
        plan = type(call)(op, call.operands, {**call.attrs, "ties": ties}).plan
        targets = whole_kernels([plan.value, plan.summed(0)])
        assert {e.applies for e in walk(*targets)} & WORDS.keys() == wanted


def test_a_batch_of_products_that_is_added_up_is_one_product() -> None:
    """A layer's weights under a batch of sequences."""
    x, w = np.ones((2, 3, 4)), np.ones((4, 5))
    plan = Call(OPS["matmul"], (x, w), {}).plan
    assert {e.applies for e in walk(*whole_kernels([plan.summed(1)]))} & WORDS.keys() == {"contract"}
    assert {e.applies for e in walk(*whole_kernels([plan.summed(0)]))} & WORDS.keys() == set()


KNOWN = {
    "scaled_dot_product_attention": {"contract", "softmax", "softmax_x"}, "matmul": {"contract"},
    "xlogy": {"rectified_x"}, "relu6": {"rectified_x"}, "cross_entropy": {"softmax"},
}  # fmt: skip
"""Rules of which a part has such a form."""


@pytest.mark.parametrize("name", sorted(set(OPS) - set(KERNELS)))
def test_other_rules_stay_as_they_are(name: str) -> None:
    op = OPS[name]
    for sample in op.samples:
        plan = sample_call(op, sample).plan
        targets = [plan.value, *(plan.summed(i) for i in plan.differentiable)]
        kernels = {e.applies for e in walk(*whole_kernels(targets))} & WORDS.keys()
        assert not kernels or "pool" in name or "conv" in name or kernels <= KNOWN[name]


@needs_arrays["torch"]
def test_rows_keep_their_digits_in_single_precision() -> None:
    """Where the mean is large, and in GELU's tails, PyTorch's own kernels have fewer."""
    rows = {
        "layer_norm": np.full((3, 64), 1e6, np.float32),
        "gelu": np.array([[np.inf, -np.inf, np.nan, -3.0, -5.0, 3.0]], np.float32),
    }
    for name, x in rows.items():
        call = sample_call(OPS[name], OPS[name].samples[0])
        call = Call(call.op, (x,), call.attrs)
        g = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
        wide = Call(call.op, (x.astype(np.float64),), call.attrs)
        with np.errstate(all="ignore"):
            wanted = [wide.value, *wide.contributions(g.astype(np.float64)).values()]
        for found, right in zip(on_library(call, g, library("torch")).values(), wanted, strict=True):
            np.testing.assert_allclose(
                found, right, rtol=1e-5, atol=1e-7 * np.abs(right).max(initial=1, where=np.isfinite(right))
            )
