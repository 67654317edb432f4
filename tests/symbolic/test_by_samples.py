"""Products with windows, some samples at a time: the bits and the layout of those of all samples, in less memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpdebug.engine import sizes
from bpdebug.symbolic import by_samples, cuts, walk
from tests.graphs import make, step


def bits(a: Any) -> tuple[Any, ...]:
    return a.shape, a.dtype, a.strides, np.ascontiguousarray(a).tobytes()


@pytest.mark.parametrize("seed", range(40))
def test_they_are_those_of_all_samples(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    rank, dtype = seed % 3 + 1, (np.float32, np.float64)[seed // 3 % 2]
    samples, channels, outs = rng.integers(1, 7), rng.integers(1, 20), rng.integers(1, 20)
    window: dict[str, Any] = {
        name: tuple(rng.integers(low, high, rank).tolist())
        for name, low, high in (("size", 1, 4), ("stride", 1, 3), ("padding", 0, 3), ("dilation", 1, 3))
    }
    x = rng.standard_normal((samples, channels, *rng.integers(6, 12, rank))).astype(dtype)
    if seed % 5 == 0:
        x = np.asfortranarray(x)
    rows: Any = cuts.unfold(x, **window)
    kernels: Any = rng.standard_normal((outs, rows.shape[2])).astype(dtype)
    maps: Any = rng.standard_normal((samples, outs, rows.shape[1])).astype(dtype)
    for block in (1, rows[0].nbytes, 2 * rows[0].nbytes + 1):
        monkeypatch.setattr(by_samples, "BLOCK", block)
        assert bits(by_samples.windowed(kernels, x, True, fill=0.0, **window)) == bits(kernels @ rows.mT)
        assert bits(by_samples.windowed(maps, x, False, fill=0.0, **window)) == bits(maps @ rows)
        folded = by_samples.folded(maps.mT, kernels, x.shape, **window)
        assert bits(folded) == bits(cuts.fold(maps.mT @ kernels, x.shape, **window))


def net() -> Any:
    leaves = {"X": np.ones((8, 16, 32, 32), np.float32), "K": np.ones((16, 16, 3, 3), np.float32)}
    return make(
        leaves, step("c", "conv2d", "X", "K", padding=1), step("d", "conv2d", "c", "K", padding=1),
        step("L", "sum", "d"), loss="L",
    )  # fmt: skip


def test_a_convolution_holds_the_windows_of_a_block_and_the_words_it_is_written_in_stay() -> None:
    graph = net()
    plan, windows = graph.plans[1], 8 * 32 * 32 * 16 * 9 * 4
    assert sizes.at_work(graph) < windows / 2
    for e, word in ((plan.value, "windowed"), (plan.summed(0), "folded"), (plan.summed(1), "windowed")):
        (made,) = by_samples.by_samples([e])
        assert word in {n.applies for n in walk(made)}
        assert word not in {n.applies for n in walk(e)}


def test_windows_that_are_read_twice_are_there_once() -> None:
    plan = net().plans[1]
    product = plan.summed(1).args[0].args[0]
    assert product.applies == "matmul"
    assert by_samples.by_samples([product, product.args[1]]) == [product, product.args[1]]
