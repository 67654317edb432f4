"""A model that is exported and one that is watched are the same ops and edges, up to names."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

import bpdebug
from bpdebug.importers.aten.table import RULES
from bpdebug.scenario import Scenario

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")

from bpdebug.importers.aten.families import FAMILIES  # noqa: E402
from tests.importers.live.nets import CLASSES, NETS, loss_of, plain  # noqa: E402  # where torch is there

assert FAMILIES  # the files of rules, which fill the table

COMPOSED = (
    "linear.default", "cross_entropy_loss.default", "layer_norm.default", "conv2d.default", "matmul.default",
    "scaled_dot_product_attention.default", "log_softmax.int", "max_pool2d.default", "flatten.using_ints",
    "unflatten.int",
)  # fmt: skip
"""Calls that an exported program keeps whole, and that a running one never makes: they are others by then."""


def signatures(scenario: Scenario) -> Counter[Any]:
    """Each node by its op, its attributes and the signatures of its operands; leaves by their numbers."""
    graph = scenario.graph
    found: dict[int, Any] = {i: (leaf.shape, leaf.array.tobytes()) for i, leaf in enumerate(graph.leaves)}
    for k, node in enumerate(graph.nodes):
        inputs = tuple(hash(found[i]) if isinstance(i, int) else i.value for i in node.inputs)
        found[graph.tensor(k)] = node.op.name, tuple(sorted(map(str, node.attrs.items()))), inputs
    return Counter(found[graph.tensor(k)] for k in range(len(graph)))


@pytest.mark.parametrize("net", NETS)
def test_the_ops_and_edges_are_the_same(net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model, x = NETS[net](plain)
    model.eval()
    with bpdebug.watch(model) as w:
        loss_of(model, x).backward()
    for name in COMPOSED:
        monkeypatch.delitem(RULES, name)
    exported = bpdebug.from_torch(model, (x,), lambda out: torch.nn.functional.cross_entropy(out, CLASSES))
    assert len(exported.graph) >= 15
    assert signatures(w.scenario) == signatures(exported)
