"""The judge of the zoo: loss, leaves, and every node that is a tensor in torch, its value and its gradient.

torch's own are those of its exported program, run node by node under autograd; the model itself is run, too, and has to
have the same loss and the same gradients of its parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from msgspec import Struct

import bpdebug
from bpdebug.engine import Timeline
from bpdebug.importers.aten.double import doubled
from bpdebug.importers.aten.opening import ended, opened
from bpdebug.importers.aten.reading import Importer
from bpdebug.importers.lowering import Operand
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario
from tests.importers.zoo.small import Case

LOSS, TOLERANCE, FLOOR = 1e-12, 1e-9, 1e-6
"""Of the loss; of a tensor, relative to its largest cell, or to this share of the graph's largest gradient."""
SINGLE = 2.0**-22
"""Of the model's own gradients where it has a kernel that holds 1/6 in single precision, also in double (2.13)."""
EXACT = {
    torch.ops.aten.hardswish.default: lambda x: x * (x + 3).clamp(0, 6) / 6,
    torch.ops.aten.hardsigmoid.default: lambda x: (x + 3).clamp(0, 6) / 6,
}
"""These kernels, as they are documented: nodes are judged by this."""
SAID = {**EXACT, torch.ops.aten.copy.default: lambda into, x: x.expand(into.shape)}
"""The same, and a call that an exported program has and autograd does not know."""


class Verdict(Struct):
    """What was compared, the largest errors, and what was beyond the tolerance: name and error, the worst first."""

    nodes: int = 0
    tensors: int = 0
    leaves: int = 0
    loss: float = 0.0
    value: float = 0.0
    gradient: float = 0.0
    wrong: list[tuple[str, float]] = []

    def told(self, name: str, error: float, tolerance: float = TOLERANCE) -> float:
        if not error <= tolerance:
            self.wrong.append((name, error))
        return error


def judged(case: Case, seed: int = 0) -> Verdict:
    """A model against torch; raises BpdebugError where it cannot be opened."""
    model, args, loss = case
    torch.manual_seed(seed)
    reader = opened(model, args, loss, double=True)
    scenario = ended(reader, True, Limits({"memory": 2**35}))
    return compared(reader, scenario, case, seed)


def compared(reader: Importer, scenario: Scenario, case: Case, seed: int = 0) -> Verdict:
    """What a scenario computes against what torch does."""
    timeline = bpdebug.run(scenario)
    assert timeline.loss is not None
    torch.manual_seed(seed)
    values, out = _interpreted(reader)
    verdict = Verdict(nodes=len(scenario.graph.nodes), wrong=[])
    verdict.loss = abs(float(timeline.loss) - out.item()) / max(1.0, abs(out.item()))
    if not verdict.loss <= LOSS:
        verdict.wrong.append(("loss", verdict.loss))
    parameters = _eager(case, out, seed)
    inexact = any(node.target in EXACT for node in reader.nodes)
    tensors = dict(_named(reader, values))
    scale = max(float(v.grad.abs().max()) for v in tensors.values() if v.grad is not None and v.numel())
    for name, tensor in tensors.items():
        _of_node(verdict, timeline, name, tensor, scale)
    for name, tensor in parameters.items():
        if name in scenario.graph.index:  # others are tied to one of these, or no path leads to them
            verdict.leaves += 1
            error = _error(timeline.grad(name), tensor.grad, tensor, scale)
            verdict.told(f"∂{name} (eager)", error, SINGLE if inexact else TOLERANCE)
        else:
            assert tensor.grad is None or any(name in names for names in reader.tied), name
    verdict.wrong.sort(key=lambda w: -w[1])
    return verdict


def _of_node(verdict: Verdict, timeline: Timeline, name: str, tensor: Any, scale: float) -> None:
    verdict.tensors += 1
    value = verdict.told(name, _error(timeline.value(name), tensor, tensor, 0.0))
    verdict.value = max(verdict.value, value)
    if tensor.requires_grad:
        gradient = verdict.told(f"∂{name}", _error(timeline.grad(name), tensor.grad, tensor, scale))
        verdict.gradient = max(verdict.gradient, gradient)


def _error(mine: Any, theirs: Any, like: Any, scale: float) -> float:
    """The largest difference, relative to torch's largest cell; NaN where shapes differ. None is zeros."""
    theirs = np.zeros(like.shape) if theirs is None else theirs.detach().numpy()
    mine = np.zeros(like.shape) if mine is None else mine
    if mine.shape != theirs.shape:
        return float("nan")
    same = (mine == theirs) | (np.isnan(mine) & np.isnan(theirs))
    apart = np.abs(np.where(same, 0.0, mine) - np.where(same, 0.0, theirs))
    finite = np.abs(theirs[np.isfinite(theirs)])
    most = max(float(finite.max()) if finite.size else 0.0, FLOOR * scale)
    return float(apart.max() / most) if apart.size and apart.any() else 0.0


def _interpreted(reader: Importer) -> tuple[dict[Any, Any], Any]:
    """What torch makes of each node of the exported program, each keeping its gradient, and the loss."""
    leaves: dict[int, Any] = {}
    values: dict[Any, Any] = {}
    wanted = {id(reader.values[n]) for n in reader.passing if n.op == "placeholder"}
    for node in reader.nodes:
        if node.op == "placeholder":
            given = reader.values[node]
            if isinstance(given, torch.Tensor) and id(given) not in leaves:
                leaves[id(given)] = given.detach().clone().requires_grad_(id(given) in wanted)
            values[node] = leaves.get(id(given), given)
        elif node.op == "get_attr":
            values[node] = getattr(reader.exported.program.graph_module, str(node.target))
        elif node.op == "call_function":
            args, kwargs = torch.fx.map_arg((node.args, node.kwargs), lambda n: values[n])
            values[node] = SAID.get(node.target, node.target)(*args, **kwargs)
            if isinstance(values[node], torch.Tensor) and values[node].requires_grad:
                values[node].retain_grad()
    out = values[next(n for n in reader.nodes if n.op == "output").args[0][-1]]
    out.sum().backward()
    return values, out


def _named(reader: Importer, values: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    """The graph's tensors that torch has, too; where several calls of torch's are one tensor here, the first."""
    seen: set[str] = set()
    for node in reader.nodes:
        found, value = reader.found.get(node), values.get(node)
        if isinstance(found, Operand) and isinstance(value, torch.Tensor) and found.name not in seen:
            seen.add(found.name)
            if node in reader.passing:
                yield found.name, value


def _eager(case: Case, out: Any, seed: int) -> dict[str, Any]:
    """The model's parameters with their gradients, from the model as it is; it gives the same loss."""
    model, args, loss = case
    for tensor in model.parameters():
        tensor.grad = None
    torch.manual_seed(seed)
    with doubled():
        own = loss(model(**args) if isinstance(args, dict) else model(*args))
    assert abs(own.item() - out.item()) <= LOSS * max(1.0, abs(out.item())), (own.item(), out.item())
    if own.requires_grad:  # a model without parameters has none that it could be asked for
        own.sum().backward()
    return dict(model.named_parameters())
