"""Every rule of the table against the aten op itself: its value and the gradient of each float operand, in float64."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from bpdebug.engine import Timeline
from bpdebug.graph import PARAMETER, Incoming, build

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")

from bpdebug.importers.aten.families import FAMILIES  # noqa: E402
from bpdebug.importers.aten.table import RULES  # noqa: E402
from bpdebug.importers.lowering import Draft, Lowering, NoRule, Operand  # noqa: E402  # where torch is there
from tests.importers.aten.cases import CELLS, FIXED, OF_SINGLE, RNG, SINGLE  # noqa: E402
from tests.importers.aten.layers import LAYERS  # noqa: E402

CASES = {**CELLS, **LAYERS}
assert FAMILIES  # the files of rules, which fill the table


def _exists(name: str) -> bool:
    packet, _, overload = name.partition(".")
    return hasattr(getattr(torch.ops.aten, packet, None), overload)


def all_cases() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name in RULES:
        for case in CASES.get(name, ()):
            yield name, case


def test_every_rule_has_a_case() -> None:
    assert set(CASES) == set(RULES)


def test_every_rule_is_of_an_op_that_aten_has() -> None:
    assert [name for name in RULES if not _exists(name)] == []


def tensors(value: Any) -> list[Any]:
    """The tensors among arguments, or among what a call gives."""
    if isinstance(value, list | tuple):
        return [t for v in value for t in tensors(v)]
    return [value] if isinstance(value, torch.Tensor) else []


def ours(name: str, args: Any, more: Any, parts: list[Any]) -> tuple[Draft, dict[int, Operand], list[Any]]:
    """The steps of a call, its leaves by the identity of torch's tensors, and what it gives."""
    program = Draft()
    leaves: dict[int, Operand] = {}

    def leaf(x: Any) -> Any:
        if isinstance(x, list):
            return [leaf(v) for v in x]
        if not isinstance(x, torch.Tensor):
            return x
        return leaves.setdefault(id(x), program.leaf("", "x", x.detach().numpy(), PARAMETER, passing=x.requires_grad))

    arrays = [part.detach().numpy() for part in parts]
    call = Lowering(program, "", arrays[0].shape, arrays[0].dtype, lambda k: arrays[k])
    found = RULES[name](call, *map(leaf, args), **{k: leaf(v) for k, v in more.items()})
    return program, leaves, found if isinstance(found, list) else [found]


@pytest.mark.parametrize(("name", "case"), [pytest.param(n, c, id=f"{n}-{k}") for k, (n, c) in enumerate(all_cases())])
def test_a_rule_is_what_aten_computes(name: str, case: tuple[Any, ...]) -> None:
    args, more = (case[:-1], case[-1]) if isinstance(case[-1], dict) else (case, {})
    packet, _, overload = name.partition(".")
    floats = [t for t in tensors(args) if t.is_floating_point() and id(t) not in FIXED]
    for t in floats:
        t.requires_grad_(True)
    torch.manual_seed(0)
    parts = tensors(getattr(getattr(torch.ops.aten, packet), overload)(*args, **more))
    try:
        program, leaves, found = ours(name, args, more, parts)
    except NoRule as error:
        pytest.skip(f"{error}, which is not there yet")
    steps = {step.id for step in program.steps}
    pairs = [(f.name, part) for f, part in zip(found, parts, strict=False) if f is not None and f.name in steps]
    passing = [(n, part) for n, part in pairs if part.requires_grad]
    gradients = {n: torch.randn(part.shape, generator=RNG, dtype=part.dtype) for n, part in passing}
    if passing:
        torch.autograd.backward([part for _, part in passing], list(gradients.values()))
    incoming = {n: Incoming(None, partial(_array, g)) for n, g in gradients.items()}
    if not incoming:  # nothing to begin a backward pass from: the values alone
        end = program.step("", "end", "sum", [program.leaf("", "w", np.ones(2))], {})
        incoming = {end.name: Incoming(None, np.ones)}
    timeline = Timeline(build(program.leaves, program.steps, incoming=incoming))
    rtol = SINGLE if name in OF_SINGLE else 1e-9
    for n, part in pairs:
        close(timeline.value(n), part.detach().numpy(), 1e-9)
    for t in floats if passing else ():
        mine = timeline.grad(leaves[id(t)].name)
        theirs = np.zeros(t.shape) if t.grad is None else t.grad.numpy(force=True)
        close(np.zeros(t.shape) if mine is None else mine, theirs, rtol)


def _array(tensor: Any, shape: tuple[int, ...]) -> Any:
    return tensor.numpy()


def close(mine: Any, theirs: Any, rtol: float) -> None:
    assert mine.shape == theirs.shape
    np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=1e-11)
