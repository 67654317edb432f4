"""Arrays that are written into because nobody else reads them: the same bits, and what is kept stays as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from bpdebug.backends.reused import INTO, reused
from bpdebug.engine import Timeline
from bpdebug.engine.budget import Budget
from bpdebug.graph import Graph
from bpdebug.ops import OPS
from bpdebug.symbolic import compile as code
from bpdebug.symbolic import walk
from tests.backends.test_every_op import library, needs_arrays
from tests.engine.test_routes import ASKS, Asks, ways
from tests.graphs import SAMPLES, Call, Random, bits, examples, graphs, make, sample_call, step

ARITHMETIC = frozenset({"add", "subtract", "multiply", "divide", "sqrt", "square", "normal_cdf"})


def written(call: Call) -> list[tuple[str, Any]]:
    """The words that write into an operand, and into which."""
    return [(e.applies, e.attrs["into"]) for e in walk(*reused([call.plan.value], ARITHMETIC)) if "into" in e.attrs]


@needs_arrays["torch"]
def test_what_only_one_word_reads_is_written_into() -> None:
    """What two words read is not, nor an operand, nor what is smaller or of another dtype."""
    assert written(sample_call(OPS["gelu"], OPS["gelu"].samples[0])) == [("multiply_into", 1)]
    norm = [("add_into", 0), ("sqrt_into", 0), ("multiply_into", 0), ("add_into", 0)]
    assert written(sample_call(OPS["layer_norm"], OPS["layer_norm"].samples[0])) == norm
    assert written(Call(OPS["add"], (np.ones(3), np.ones(3)), {})) == []
    assert library("torch").fresh >= {word.name for word in INTO.values()}


@needs_arrays["torch"]
@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=lambda x: x.name if hasattr(x, "name") else str(x))
def test_operands_and_cotangents_stay_as_they_are(op: Any, i: int) -> None:
    call, on = sample_call(op, op.samples[i]), library("torch")
    n, plan = len(call.operands), call.plan
    with on.within(), np.errstate(all="ignore"):
        V = [*(on.into(x.copy()) if isinstance(x, np.ndarray) else x for x in call.operands), None]
        code.forward(plan, on)(V, n, *range(n))
        G = [None] * n + [on.into(np.asarray(np.random.default_rng(0).normal(size=plan.shape), plan.dtype))]
        kept = [None if x is None or isinstance(x, int | float) else bits(on.near(x).copy()) for x in (*V, G[n])]
        code.backward(plan, plan.differentiable, on)(V, G, n, *range(n))
        for position in plan.differentiable:
            code.contribution(plan, position, on)(V, G, n, None, *range(n))
        assert kept == [None if x is None or isinstance(x, int | float) else bits(on.near(x)) for x in (*V, G[n])]


@needs_arrays["torch"]
@examples(40)
@given(random=graphs(nodes=25), asks=ASKS)
def test_however_it_is_computed_there_the_bits_are_the_same(random: Random, asks: Asks) -> None:
    same_there(random.build(), asks)


@needs_arrays["torch"]
def test_a_sum_that_another_gradient_shares_is_not_written_into() -> None:
    """What `add` hands on belongs to all its operands: what comes to one of them is added beside it."""
    leaves = {name: np.random.default_rng(0).normal(size=(4, 4)) for name in ("x", "w")}
    same_there(
        make(
            leaves, step("m", "matmul", "x", "w"), step("t", "tanh", "m"), step("a", "add", "m", "t"),
            step("b", "add", "a", "x"), step("p", "mul", "b", "b"), step("L", "sum", "p"), loss="L",
        ),
        [],
    )  # fmt: skip


def same_there(graph: Graph, asks: Asks) -> None:
    with pytest.MonkeyPatch.context() as patch:
        found = ways(lambda: Timeline(graph, budget=Budget(10**9, backend=library("torch"))), asks, patch)
    assert found["alone"] == found["loops"]
    assert found["alone"] == found["chunks"]
