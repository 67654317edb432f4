"""The births in the table of the hundred are PyTorch's: the same operations run there node by node, both passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpdebug.expression import parse, target
from bpdebug.graph import Graph, Lit
from tests.explain.why.hundred import BACKWARD, FORWARD, Case, session

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
F = torch.nn.functional


def _index(key: Any) -> tuple[Any, ...]:
    return tuple(slice(*k) if isinstance(k, tuple) else ... if k == "..." else k for k in key)


def _bce(p: Any, t: Any) -> Any:
    return -(torch.special.xlogy(t, p) + torch.special.xlog1py(1 - t, -p)).mean()


def _cross_entropy(z: Any, t: Any) -> Any:
    """PyTorch's own words; with soft targets they multiply, as the scenario's op does."""
    return F.cross_entropy(z, t) if not t.is_floating_point() else -(t * F.log_softmax(z, -1)).sum(-1).mean()


WORDS: dict[str, Callable[..., Any]] = {
    **{name: getattr(torch, name) for name in ("add", "sub", "mul", "div", "pow", "neg", "exp", "log", "sqrt", "sin",
       "cos", "square", "sigmoid", "tanh", "relu", "abs", "matmul", "where", "greater", "maximum")},
    "silu": F.silu, "gelu": lambda x, approximate: F.gelu(x, approximate=approximate),
    "sum": lambda x, axis, keepdims: x.sum(), "mean": lambda x, axis, keepdims: x.mean(),
    "var": lambda x, axis, keepdims, ddof: x.var(correction=ddof), "max": lambda x, axis, keepdims: x.amax(),
    "logsumexp": lambda x, axis, keepdims: x.logsumexp(tuple(range(x.ndim))),
    "softmax": lambda x, axis: x.softmax(axis), "log_softmax": lambda x, axis: x.log_softmax(axis),
    "cross_entropy": lambda z, t, **_: _cross_entropy(z, t), "mse": lambda y, t, reduction: F.mse_loss(y, t),
    "bce": lambda p, t, reduction: _bce(p, t),
    "bce_with_logits": lambda z, t, reduction: F.binary_cross_entropy_with_logits(z, t),
    "layer_norm": lambda x, axis, eps: F.layer_norm(x, x.shape[-1:], eps=eps),
    "rms_norm": lambda x, axis, eps: x / (x.square().mean(-1, keepdim=True) + eps).sqrt(),
    "batch_norm": lambda x, eps: (x - x.mean(0)) / (x.var(0, correction=0) + eps).sqrt(),  # theirs refuses eps=0
    "transpose": lambda x: x.mT, "reshape": lambda x, shape: x.reshape(shape),
    "concat": lambda *xs, axis: torch.cat(xs, axis), "slice": lambda x, key: x[_index(key)],
    "gather": lambda x, ids, axis: x.index_select(axis, ids),
    "embedding": lambda x, ids, padding_idx: F.embedding(ids, x),
    "conv2d": lambda x, w, **attrs: F.conv2d(x, w), "avg_pool2d": lambda x, size, **attrs: F.avg_pool2d(x, size),
}  # fmt: skip


def stepped(graph: Graph, leaves: list[Any]) -> tuple[list[Any], dict[int, Any], Iterator[Any]]:
    """Values, gradients, and every event as (phase, node, what it made, what it was made from)."""
    values, events = [torch.tensor(x) for x in leaves], []
    vjps = []
    for node in graph.nodes:
        taken = [torch.tensor(i.value, dtype=values[0].dtype) if isinstance(i, Lit) else values[i].detach().clone()
                 for i in node.inputs]  # fmt: skip
        for x in taken:
            x.requires_grad_(x.is_floating_point())
        made = WORDS[node.op.name](*taken, **node.attrs)
        vjps.append((taken, made))
        values.append(made.detach())
        events.append(("forward", node.id, [made.detach()], [x.detach() for x in taken]))
    gradients: dict[int, Any] = {len(values) - 1: torch.ones_like(values[-1])}
    for k in reversed(range(len(graph.nodes))):
        taken, made = vjps[k]
        wanted = [x for x in taken if x.requires_grad]
        g = gradients.get(graph.first + k)
        if g is None or not made.requires_grad:
            continue
        given = iter(torch.autograd.grad(made, wanted, g, allow_unused=True))
        came = [made.detach(), g, *(x.detach() for x in taken)]
        totals = []
        for i, x in zip(graph.nodes[k].inputs, taken, strict=True):
            part = next(given) if x.requires_grad else None
            if part is not None and isinstance(i, int):
                gradients[i] = gradients[i] + part if i in gradients else part
                totals.append(part)
        events.append(("backward", graph.nodes[k].id, totals, came))
    return values, gradients, iter(events)


@pytest.mark.parametrize("case", [c for c in (*FORWARD, *BACKWARD) if c.answer not in ("nonzero", "masked")], ids=str)
def test_the_birth_is_pytorchs(case: Case, tmp_path: Path) -> None:
    """There the number appears that the cell asked about has, and it was in nothing that the event read, nor before."""
    graph = session(case, tmp_path).state.timeline.graph
    goal = target(parse(case.of), graph)
    leaves = [np.asarray(leaf.read()) for leaf in graph.leaves]
    values, gradients, events = stepped(graph, leaves)
    array = (gradients if goal.reference.gradient else values)[goal.reference.tensor].numpy()[goal.key]
    test = torch.isnan if np.isnan(array).any() else torch.isinf
    assert bool(test(torch.tensor(array)).any())
    for phase, node, made, came in events:
        has = any(bool(test(x).any()) for x in made)
        if f"{phase} {node}" == case.born:
            assert has
            assert case.elsewhere or not any(bool(test(x).any()) for x in came if x.is_floating_point())
            return
        assert case.elsewhere or not has, (phase, node)
    raise AssertionError("no such event")
