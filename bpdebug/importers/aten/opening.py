"""A model that is read as a scenario: where its gradients begin, and what its reader should know."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import nullcontext
from typing import Any, TypeAlias

import torch

from bpdebug.errors import InputError
from bpdebug.importers.aten.double import doubled, widened
from bpdebug.importers.aten.export import Exported, export
from bpdebug.importers.aten.reading import Importer
from bpdebug.importers.finish import ends_of, scenario_of
from bpdebug.importers.lowering import Operand
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario

Loss: TypeAlias = Callable[[Any], Any] | str | None


def read_model(model: torch.nn.Module, args: Any, loss: Loss, fold: bool, double: bool, limits: Limits) -> Scenario:
    """What `from_torch` gives, and raises, where torch is there."""
    return ended(opened(model, args, loss, fold, double), loss is not None, limits)


def opened(model: torch.nn.Module, args: Any, loss: Loss, fold: bool = True, double: bool = False) -> Importer:
    """The importer that has read a model's exported program; raises as `from_torch` does."""
    if double:
        model, args = widened(model, args)
    with doubled() if double else nullcontext():
        exported = export(model, args, loss)
    return read(exported, type(model).__name__, fold)


def read(exported: Exported, where: str, fold: bool = True) -> Importer:
    """The importer that has read an exported program; E_OP with all calls that have no rule."""
    reader = Importer(exported, where, fold)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        reader.read()
    if reader.program.half and not reader.pure:
        reader = Importer(exported, where, fold, pure=False)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            reader.read()
    return reader


def ended(reader: Importer, lost: bool, limits: Limits, wanted: Collection[str] = ()) -> Scenario:
    """The scenario of what was read, of all outputs or of those that are wanted; `lost`: the first of them is a loss.

    Raises E_LOSS where a loss is not one number, or no gradient passes to any output.
    """
    names, program = {n.name: n for n in reader.nodes}, reader.program
    given = map(str, reader.exported.program.graph_signature.user_outputs)
    outputs = [reader.found.get(names[o]) for o in given if o in names and (not wanted or o in wanted)]
    ends = ends_of(program, [o for o in outputs if isinstance(o, Operand)])
    end = ends[0] if ends and (lost or len(ends) == 1) else None
    if end is not None and end.shape != () and all(n == 1 for n in end.shape) and lost:
        end = program.step("", "loss", "reshape", [end], {"shape": ()})
    if not ends or (lost and end is not None and end.shape != ()):
        what = "no gradient passes to the output" if not ends else f"the loss has shape {ends[0].shape}"
        hint = "give a loss that is one number: loss=lambda y: y.mean()"
        raise InputError(what, code="E_LOSS", where=reader.where, hint=hint)
    last = end.name if end is not None and end.shape == () else None
    return scenario_of(
        program, last, ends, reader.where, limits, conventions="torch", remarks=_remarks(reader),
        classes=reader.blocks.classes, aliases={name: first for first, *also in reader.tied for name in also},
    )  # fmt: skip


def _remarks(reader: Importer) -> tuple[str, ...]:
    """What the reader of an imported model should know."""
    said = [f"{', '.join(also)}: the same tensor as {first}" for first, *also in reader.tied]
    if folded := reader.folded:
        said.append(
            f"tensors that torch computed beforehand, inputs here, since no gradient passes through them: {folded}"
        )
    if reader.exported.functions:
        names = ", ".join(reader.exported.functions)
        said.append(f"custom Functions were replaced by the derivative of what their forward does: {names}")
    return tuple(said)
