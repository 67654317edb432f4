"""PyTorch's own samples of its ops, opened by from_torch: `python -m tests.importers.zoo.opinfo [--most N] [OP...]`.

Of every op whose gradient PyTorch has in float64: value and gradients agree to 1e-9, or a rule is missing, and which.
It needs the extra opinfo.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as pytree

import bpdebug
from bpdebug import BpdebugError

RTOL, ATOL = 1e-9, 1e-11


class Call(torch.nn.Module):  # type: ignore[misc]  # torch's types are not looked at
    """One call of an op: its float tensors are parameters, all else stays as it is."""

    def __init__(self, op: Any, sample: Any) -> None:
        super().__init__()
        self.op = op
        leaves, self.spec = pytree.tree_flatten((sample.input, sample.args, sample.kwargs))
        self.rest = [x.detach() if isinstance(x, torch.Tensor) else x for x in leaves]
        self.found = torch.nn.ParameterDict()
        for i, x in enumerate(leaves):
            if isinstance(x, torch.Tensor) and x.requires_grad:
                self.found[f"p{i}"] = torch.nn.Parameter(x.detach().clone())

    def forward(self, _: Any) -> Any:
        rest = [self.found.get(f"p{i}", x) for i, x in enumerate(self.rest)]
        x, args, kwargs = pytree.tree_unflatten(rest, self.spec)
        out = self.op(x, *args, **kwargs)
        return [t for t in pytree.tree_leaves(out) if isinstance(t, torch.Tensor) and t.requires_grad]


def judged(call: Call) -> str:
    """'agrees', or what is wrong with a call."""
    torch.manual_seed(0)
    outs = call(torch.zeros(()))
    if not outs:
        return "without a gradient"
    torch.autograd.backward(outs, [torch.ones_like(o) for o in outs])
    torch.manual_seed(0)
    scenario = bpdebug.from_torch(call, torch.zeros(()))
    timeline = bpdebug.run(scenario)
    for name, parameter in call.named_parameters():
        theirs = np.zeros(parameter.shape) if parameter.grad is None else parameter.grad.numpy()
        mine = timeline.grad(name) if name in scenario.graph.index else None
        mine = np.zeros(parameter.shape) if mine is None else mine
        if mine.shape != theirs.shape or not np.allclose(mine, theirs, RTOL, ATOL, equal_nan=True):
            return f"wrong: ∂{name}"
    ends = [timeline.value(scenario.graph.names[t]) for t in scenario.graph.incoming]
    for out in outs:
        if not any(e.shape == out.shape and np.allclose(e, out.detach(), RTOL, ATOL, equal_nan=True) for e in ends):
            return "wrong: value"
    return "agrees"


def samples(op: Any, most: int) -> Iterator[Any]:
    """The first samples of an op in float64."""
    try:
        found = iter(op.sample_inputs("cpu", torch.float64, requires_grad=True))
        for _, sample in zip(range(most), found, strict=False):
            yield sample
    except (RuntimeError, ImportError, NotImplementedError, TypeError, ValueError, AssertionError):
        return  # samples that this build of PyTorch cannot make


def main(words: list[str]) -> int:
    """A line an op that does not agree throughout, and the counts; 1 where anything is wrong."""
    from torch.testing._internal.common_methods_invocations import op_db

    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=10**6, help="samples of each op")
    parser.add_argument("ops", nargs="*")
    asked = parser.parse_args(words)
    counts: Counter[str] = Counter()
    for op in op_db:
        if torch.float64 not in op.dtypes or not op.supports_autograd or (asked.ops and op.name not in asked.ops):
            continue
        found: Counter[str] = Counter()
        for sample in samples(op, asked.most):
            try:
                found[judged(Call(op, sample))] += 1
            except BpdebugError as error:
                found[f"{error.code}: {error.message[:90]}"] += 1
            except (RuntimeError, NotImplementedError, TypeError, ValueError, AttributeError, AssertionError) as error:
                found[f"no sample: {type(error).__name__}: {str(error)[:60]}"] += 1
        counts.update({said.partition(":")[0]: n for said, n in found.items()})
        for said, n in found.items():
            if said != "agrees":
                print(f"{op.name:40} {n:4} {said}".replace("\n", " "), flush=True)
    print(dict(counts))
    return int(counts["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
