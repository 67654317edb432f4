"""A backward pass that was recorded, opened as a scenario."""

from __future__ import annotations

import numpy as np
import torch
from msgspec import structs

from bpdebug.arrays import Array
from bpdebug.importers.finish import scenario_of
from bpdebug.importers.live.passes import BackwardPass
from bpdebug.importers.live.reading import StepReader
from bpdebug.importers.live.remarks import remarks
from bpdebug.importers.live.step import LiveStep
from bpdebug.importers.lowering import Operand
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario


def read_pass(step: LiveStep, backward: BackwardPass, where: str, limits: Limits) -> Scenario:
    """The scenario of a backward pass that was recorded, with what was seen as its recording.

    Raises what is refused: E_OP, E_DTYPE, and what a graph's building raises.
    """
    with torch.no_grad():
        opaque: dict[int, tuple[str, ...]] = {}
        while True:
            reader = StepReader(step, backward, where, opaque)
            scenario = _scenario(reader, reader.read(), where, limits)
            unled = reader.numbers.unled(scenario.graph)
            if not unled:
                return structs.replace(scenario, recording=reader.numbers.observed(scenario.graph))
            opaque |= unled


def _scenario(reader: StepReader, ends: list[Operand], where: str, limits: Limits) -> Scenario:
    given = reader.backward.gradients
    loss = ends[0].name if len(ends) == 1 and given[0] is None and ends[0].shape == () else None
    incoming: dict[str, Array | None] = {}
    for o, g in zip(ends, given, strict=True):
        found = None if g is None else reader.values.plain(g)
        if o.name in incoming:  # a root that is given twice gets both
            one, other = (np.ones(o.shape, o.dtype) if e is None else e for e in (incoming[o.name], found))
            found = one + other
        incoming[o.name] = found
    return scenario_of(
        reader.program, loss, ends, where, limits, conventions="torch", remarks=remarks(reader), given=incoming,
        classes=reader.step.modules.classes, aliases=reader.aliases,
    )  # fmt: skip
